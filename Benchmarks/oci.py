"""The few OCI requests that the benchmarks need."""

import contextlib
import hashlib
import http.client
import json
import threading
from urllib.parse import urljoin, urlsplit

from processes import BenchmarkError, require, run

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
REQUEST_SECONDS = 60
FILL_THREADS = 8
FILL_REPOSITORIES = 100


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Connection:
    """One kept connection to a registry."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.url = url
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=REQUEST_SECONDS)

    def close(self):
        self.connection.close()

    def ask(self, method, path, body=b"", media_type="application/octet-stream", expected=201):
        self.connection.request(method, path, body=body, headers={"Content-Type": media_type})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != expected:
            raise BenchmarkError(f"{method} {path} answered {answer.status}: {text[:500]}")
        return answer

    def open_upload(self, name):
        """The address to send an upload to, whole."""
        location = self.ask("POST", f"/v2/{name}/blobs/uploads/", expected=202).headers["Location"]
        return urljoin(self.url, location)

    def push_blob(self, name, data):
        parts = urlsplit(with_digest(self.open_upload(name), digest_of(data)))
        self.ask("PUT", f"{parts.path}?{parts.query}", data)
        return {"mediaType": "application/octet-stream", "digest": digest_of(data), "size": len(data)}

    def push_version(self, name, tag, layers, note):
        empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2}
        manifest = {
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example.benchmark",
            "config": empty, "layers": layers, "annotations": {"note": note}}
        self.ask("PUT", f"/v2/{name}/manifests/{tag}", json.dumps(manifest).encode(), MANIFEST)


def with_digest(location, digest):
    return location + ("&" if "?" in location else "?") + "digest=" + digest


def upload_file(url, name, path, digest):
    """Sends a file as one blob with curl: an upload opened, then one PUT with everything."""
    with contextlib.closing(Connection(url)) as connection:
        location = with_digest(connection.open_upload(name), digest)
    run(
        require("curl"), "--silent", "--show-error", "--fail", "--noproxy", "*", "--header", "Expect:",
        "--header", "Content-Type: application/octet-stream", "--upload-file", path, location)


def download(url):
    """Reads an address with curl and drops the bytes."""
    run(require("curl"), "--silent", "--show-error", "--fail", "--noproxy", "*", "--output", "/dev/null", url)


def push_small_version(url, name, tag):
    with contextlib.closing(Connection(url)) as connection:
        connection.push_blob(name, b"{}")
        connection.push_version(name, tag, [connection.push_blob(name, b"weights")], "the one that is resolved")


def fill(url, count):
    """Publishes `count` versions, each of its own content, spread over a hundred repositories."""
    faults = []

    def work(share):
        try:
            with contextlib.closing(Connection(url)) as connection:
                for repository in range(share, FILL_REPOSITORIES, FILL_THREADS):
                    fill_repository(connection, f"bench/fill-{repository}", range(repository, count, FILL_REPOSITORIES))
        except (BenchmarkError, OSError, http.client.HTTPException) as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(share,)) for share in range(FILL_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise BenchmarkError(f"the index could not be filled: {faults[0]}")


def fill_repository(connection, name, numbers):
    connection.push_blob(name, b"{}")
    layer = connection.push_blob(name, b"weights")
    for number in numbers:
        connection.push_version(name, "latest", [layer], str(number))
