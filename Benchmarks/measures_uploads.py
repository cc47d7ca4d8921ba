"""Blobs sent to Assay: beside other servers and tools, in memory, and again when they are there already."""

import os
import statistics
import time

import oci
from figures import (
    MIB, at_least, at_most, gigabytes_per_second, in_turns, make_new, random_file, ratio, seconds)
from loads import at_once
from processes import AssayServer, DockerRegistry, NginxUploads, run
from relay import CountingRelay
from wire import Wire

NAME = "bench/push"
PUSHES_AT_ONCE = 4
REPUSHES = 20
REPUSH_KILOBYTES = 50
REPUSH_MILLISECONDS = 50
SETTLED_SECONDS = 3.1


def push(setting):
    """1 GiB to Assay, to docker-registry, to nginx and through sha256sum, cp and sync; and Assay's memory for it."""
    file = random_file(setting.folder / "file", setting.file_bytes)
    copy = setting.folder / "copy"
    nginx_files = setting.folder / "nginx-files"
    digest = None

    def prepare():
        nonlocal digest
        for old in (copy, nginx_files / file.name):
            old.unlink(missing_ok=True)
        digest = make_new(file)

    def put():
        with Wire(nginx.url) as wire:
            wire.upload("PUT", f"/{file.name}", file, 201)

    def hash_copy_sync():
        run("sha256sum", file)
        run("cp", file, copy)
        run("sync", copy)

    with AssayServer(setting.binary, setting.folder / "assay") as assay, \
            DockerRegistry(setting.folder / "docker") as docker, \
            NginxUploads(setting.folder / "nginx", nginx_files) as nginx:
        times = in_turns(setting.rounds, {
            "assay": lambda: seconds(oci.push_file, assay.url, NAME, file, digest),
            "docker": lambda: seconds(oci.push_file, docker.url, NAME, file, digest),
            "nginx": lambda: seconds(put),
            "tools": lambda: seconds(hash_copy_sync),
        }, prepare)
    note = gigabytes_per_second(setting.file_bytes, times)
    return [
        at_least("push / docker-registry", ratio(times["docker"], times["assay"]), 3.5, note=note),
        at_least("push / nginx's PUT", ratio(times["nginx"], times["assay"]), 1.2),
        at_least("push / sha256sum, cp, sync", ratio(times["tools"], times["assay"]), 0.7),
        memory_row(setting, 1, setting.file_bytes),
        memory_row(setting, PUSHES_AT_ONCE, setting.file_bytes // PUSHES_AT_ONCE),
    ]


def memory_row(setting, count, size):
    """What each of some pushes at once adds to a new server, to which nobody has sent anything."""
    files = [random_file(setting.folder / f"part-{number}", size) for number in range(count)]
    digests = [make_new(file) for file in files]
    with AssayServer(setting.binary, setting.folder / f"assay-{count}") as server:
        def work(share, wait):
            wait()
            oci.push_file(server.url, NAME, files[share], digests[share])

        base = server.reset_peak()
        at_once(work, range(count))
        growth = (server.memory("VmHWM") - base) / count / MIB
    kind = "a push" if count == 1 else f"each of {count} pushes"
    return at_most(f"server growth in {kind}", growth, 16, "MiB", f"{size // MIB} MiB each")


def repush(setting):
    """256 MiB that are there already: as OCI clients push them, and by `assay push`."""
    file = random_file(setting.folder / "weights", setting.file_bytes // 4)
    digest = make_new(file)
    with AssayServer(setting.binary, setting.folder / "assay") as server:
        return protocol_rows(setting, server, file, digest) + command_rows(setting, server, file)


def protocol_rows(setting, server, file, digest):
    name = "bench/repush"
    with oci.Registry(server.url) as registry:
        registry.push_blob(name, oci.EMPTY)
        manifest = oci.manifest([registry.push_file(name, file, digest)], "pushed again")
        registry.push_manifest(name, "latest", manifest)
    times, counts = [], []
    for _ in range(setting.rounds * REPUSHES):
        with oci.Registry(server.url) as registry:
            times.append(seconds(push_again, registry, name, digest, manifest))
            counts.append(registry.sent_bytes + registry.received_bytes)
    return repush_rows("repush", counts, times)


def push_again(registry, name, digest, manifest):
    for blob in (digest, oci.digest_of(oci.EMPTY)):
        registry.ask(registry.request("HEAD", oci.blob_path(name, blob)), 200)
    registry.push_manifest(name, "latest", manifest)


def command_rows(setting, server, file):
    """The bytes are counted by a relay, the time is taken without it."""
    def push_by(url):
        run(setting.binary, "push", "bench/again", file, env=os.environ | {"ASSAY_SERVER": url, **home})

    home = {"HOME": str(setting.folder)}
    # A file that changed a moment ago is hashed again, for it could change within the same tick of the clock.
    time.sleep(SETTLED_SECONDS)
    push_by(server.url)
    with CountingRelay(server.port) as relay:
        push_by(relay.url)
        counts = [relay.byte_count]
    times = [seconds(push_by, server.url) for _ in range(setting.rounds)]
    return repush_rows("assay push again", counts, times)


def repush_rows(name, counts, times):
    return [
        at_most(f"{name}, on the wire", max(counts) / 1000, REPUSH_KILOBYTES, "KB"),
        at_most(f"{name}, time", statistics.median(times) * 1000, REPUSH_MILLISECONDS, "ms"),
    ]
