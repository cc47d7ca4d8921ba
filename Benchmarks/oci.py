"""The few OCI requests that the benchmarks need."""

import hashlib
import json
import os
import threading

from processes import BenchmarkError
from wire import Wire

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
BYTES = "application/octet-stream"
FILL_THREADS = 8
FILL_REPOSITORIES = 100
EMPTY = b"{}"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def with_digest(location, digest):
    return location + ("&" if "?" in location else "?") + "digest=" + digest


def blob_path(name, digest):
    return f"/v2/{name}/blobs/{digest}"


def descriptor(digest, size, media_type=BYTES):
    return {"mediaType": media_type, "digest": digest, "size": size}


def manifest(layers, note):
    """A manifest with the empty config; another note makes it another manifest."""
    return json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example.benchmark",
        "config": descriptor(digest_of(EMPTY), len(EMPTY), "application/vnd.oci.empty.v1+json"),
        "layers": layers, "annotations": {"note": note}}).encode()


class Registry(Wire):
    """One kept connection to a registry."""

    def opening(self, name):
        """The request that opens an upload."""
        return self.request("POST", f"/v2/{name}/blobs/uploads/", b"")

    def open_upload(self, opening):
        """Opens an upload; the path to send it to, which servers give with or without their own address."""
        location = self.ask(opening, 202).header("Location")
        return location if location.startswith("/") else "/" + location.split("/", 3)[3]

    def push_blob(self, name, data):
        digest = digest_of(data)
        target = with_digest(self.open_upload(self.opening(name)), digest)
        self.ask(self.request("PUT", target, data, Content_Type=BYTES), 201)
        return descriptor(digest, len(data))

    def push_file(self, name, path, digest):
        """Sends a file as one blob: an upload opened, then one PUT with everything."""
        target = with_digest(self.open_upload(self.opening(name)), digest)
        self.upload("PUT", target, path, 201, Content_Type=BYTES)
        return descriptor(digest, os.path.getsize(path))

    def putting(self, name, reference, data):
        """The request that pushes a manifest."""
        return self.request("PUT", f"/v2/{name}/manifests/{reference}", data, Content_Type=MANIFEST)

    def push_manifest(self, name, reference, data):
        self.ask(self.putting(name, reference, data), 201)


def push_file(url, name, path, digest):
    with Registry(url) as registry:
        return registry.push_file(name, path, digest)


def push_small_version(url, name, tag):
    """Pushes a version of one small layer; returns the layer's digest and the manifest."""
    with Registry(url) as registry:
        registry.push_blob(name, EMPTY)
        layer = registry.push_blob(name, b"weights")
        data = manifest([layer], "the one that is asked for")
        registry.push_manifest(name, tag, data)
        return layer["digest"], data


def fill(url, count):
    """Publishes `count` versions, each of its own content, spread over a hundred repositories."""
    def work(share):
        with Registry(url) as registry:
            for repository in range(share, FILL_REPOSITORIES, FILL_THREADS):
                fill_repository(registry, f"bench/fill-{repository}", range(repository, count, FILL_REPOSITORIES))

    in_threads(work, range(FILL_THREADS))


def fill_repository(registry, name, numbers):
    registry.push_blob(name, EMPTY)
    layer = registry.push_blob(name, b"weights")
    for number in numbers:
        registry.push_manifest(name, "latest", manifest([layer], str(number)))


def fill_tags(url, name, count):
    """Gives a repository `count` tags: half are aliases, each of a version whose number is a tag as well."""
    def work(share):
        with Registry(url) as registry:
            for number in range(share, count // 2, FILL_THREADS):
                registry.push_manifest(name, f"tag-{number:06}", manifest([layer], str(number)))

    with Registry(url) as registry:
        registry.push_blob(name, EMPTY)
        layer = registry.push_blob(name, b"weights")
    in_threads(work, range(FILL_THREADS))


def in_threads(work, shares):
    """Does each share of some preparation, whose time is not taken, in a thread."""
    faults = []

    def attempt(share):
        try:
            work(share)
        except (BenchmarkError, OSError) as fault:
            faults.append(fault)

    threads = [threading.Thread(target=attempt, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise BenchmarkError(f"the index could not be filled: {faults[0]}")
