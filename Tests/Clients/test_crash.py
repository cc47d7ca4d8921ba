"""Killing the server with SIGKILL loses nothing that it acknowledged and leaves a store that opens."""

import os
import random
import subprocess
import threading
import time

import pytest
import requests
from harness import Registry, digest_of, finish, image_manifest

ROUNDS = 4
BLOB_BYTES = 1 << 20
BLOBS_PER_VERSION = 2
PUSH_SECONDS = 30
KILL_AFTER_SECONDS = (0.05, 1.5)
LARGE_BYTES = 64 << 20


class Pusher(threading.Thread):
    """Publishes versions until the server is gone, and keeps what was acknowledged."""

    def __init__(self, url, repository):
        super().__init__(daemon=True)
        self.registry = Registry(url)
        self.repository = repository
        self.first = threading.Event()
        self.blobs = []
        self.manifests = []

    def run(self):
        try:
            while True:
                self.publish()
                self.first.set()
        except requests.RequestException:
            pass  # The server was killed: what counts is what it said before.

    def publish(self):
        layers = [self.push(os.urandom(BLOB_BYTES)) for _ in range(BLOBS_PER_VERSION)]
        self.push(b"{}")
        manifest = image_manifest(layers)
        answer = self.registry.put_manifest(self.repository, f"tag-{len(self.manifests)}", manifest)
        assert answer.status_code == 201, answer.text
        self.manifests.append((f"tag-{len(self.manifests)}", answer.headers["Docker-Content-Digest"]))

    def push(self, data):
        described = self.registry.push_blob(self.repository, data)
        self.blobs.append(described["digest"])
        return described


def assert_whole(registry, repository, digest):
    """A blob is there, and its bytes are the ones of its name."""
    answer = registry.get(f"/v2/{repository}/blobs/{digest}")
    assert answer.status_code == 200, f"{digest} was acknowledged and is lost"
    assert digest_of(answer.content) == digest


def test_no_acknowledged_write_is_lost(server):
    moment = random.Random(1)
    pushers = []
    for index in range(ROUNDS):
        pusher = Pusher(server.url, f"tests/crash-{index}")
        pusher.start()
        assert pusher.first.wait(PUSH_SECONDS)
        time.sleep(moment.uniform(*KILL_AFTER_SECONDS))
        server.kill()
        pusher.join(PUSH_SECONDS)
        pushers.append(pusher)
        server.start()
    registry = Registry(server.url)
    for pusher in pushers:
        for digest in pusher.blobs:
            assert_whole(registry, pusher.repository, digest)
        for tag, digest in pusher.manifests:
            head = registry.get_manifest(pusher.repository, tag, "HEAD")
            assert head.headers.get("Docker-Content-Digest") == digest, f"{tag} was acknowledged and is lost"
        assert_every_version_is_whole(registry, pusher.repository)


def assert_every_version_is_whole(registry, repository):
    """Also a version that was never acknowledged is fully there or not there."""
    for tag in registry.get(f"/v2/{repository}/tags/list").json()["tags"]:
        for layer in registry.get_manifest(repository, tag).json()["layers"]:
            assert_whole(registry, repository, layer["digest"])


@pytest.mark.parametrize("seconds", [0.1, 0.4, 0.8])
def test_a_push_survives_a_crash_of_the_server(assay, server, tmp_path, seconds):
    file = tmp_path / "large.bin"
    file.write_bytes(os.urandom(LARGE_BYTES))
    assay = assay.at(server.url)
    process = assay.start("push", "team/large", file, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(seconds)
    server.kill()
    server.start()
    assert finish(process).code in (0, 8)
    assay.ok("push", "team/large", file)
    assay.ok("pull", "team/large:1", "out")
    assert (tmp_path / "out" / file.name).read_bytes() == file.read_bytes()
    assert Registry(server.url).get("/v2/team/large/tags/list").json()["tags"] == ["1"]
