"""Answers, lists and pages without end: each command ends by itself, soon, and says why."""

import json
import resource
import subprocess
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import pytest
from harness import FIXTURES, OCI_INDEX, OCI_MANIFEST, Assay, Server
from lying import Liar, Listener
from test_hostile_server import COMMANDS, TOLD, local  # noqa: F401  (a fixture)

NAME = "team/model"
INTEGRITY, REFUSED = 6, 7
MEMORY_BYTES = 3 << 30
SECONDS = 60


class Fountain(Listener):
    """Answers every request with a body that has no end."""

    def __init__(self, status=200, kind="application/json", piece=b"[" + b"0," * 40_000):
        super().__init__()
        self.head = (f"HTTP/1.1 {status} Told\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n").encode()
        self.piece = b"%x\r\n%b\r\n" % (len(piece), piece)
        self.sent = 0

    def serve(self, client):
        with suppress(OSError), client:
            client.recv(65536)
            client.sendall(self.head)
            while True:
                client.sendall(self.piece)
                self.sent += len(self.piece)


def limited(assay, url, *arguments):
    """A command with so much memory and time."""
    done = subprocess.run(
        [assay.binary, *map(str, arguments)], cwd=assay.home, env=assay.at(url).environment(),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES)))
    assert done.returncode in TOLD - {0}, done
    assert "error: " in done.stderr, done
    return done


@pytest.mark.parametrize("status", [200, 201, 202, 404, 500])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_body_without_end_ends_the_command(local, command, status):  # noqa: F811
    with Fountain(status) as fountain:
        limited(local, fountain.url, *COMMANDS[command])
        # A few tries at most of the largest answer that is kept.
        assert fountain.sent < 512 << 20


@pytest.fixture(scope="module")
def place(binary, tmp_path_factory):
    home = tmp_path_factory.mktemp("endless")
    server = Server(binary, home).create_store().start()
    assay = Assay(binary, home, server.url)
    assay.key()
    assay.ok("key", "trust", "release.pub.pem")
    assay.ok("push", NAME, FIXTURES / "digits-1.onnx", "--key", "release.pem")
    assay.ok("key", "export", "-o", "root.json")
    yield server, assay
    server.assert_running()
    assert server.stop() == 0


def referrer(number):
    return {"mediaType": OCI_MANIFEST, "digest": f"sha256:{number:064x}", "size": 1000,
            "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json"}


class Referrers(Liar):
    """Lists referrers, so many a page, for as long as somebody asks for the next page."""

    def __init__(self, url, per_page):
        super().__init__(url)
        self.per_page = per_page

    def reply(self, method, path, headers, body):
        if "/referrers/" not in path:
            return super().reply(method, path, headers, body)
        self.asked.append(path)
        last = int(parse_qs(urlsplit(path).query).get("last", ["0"])[0])
        numbers = range(last, last + self.per_page)
        data = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*map(referrer, numbers)]}).encode()
        link = f"<{path.split('?')[0]}?last={last + self.per_page}>; rel=\"next\""
        lines = ["HTTP/1.1 200 OK", f"Content-Type: {OCI_INDEX}", f"Content-Length: {len(data)}", f"Link: {link}"]
        return "\r\n".join([*lines, "", ""]).encode() + data


READERS = {
    "pull": ("pull", f"{NAME}:1", "out", "--trust", "root.json"),
    "export": ("bundle", "export", f"{NAME}:1", "-o", "o.tar")}


@pytest.mark.parametrize("command", READERS)
def test_a_million_referrers_are_told_and_not_read(place, command):
    server, assay = place
    with Referrers(server.url, 10_000) as liar:
        done = limited(assay, liar.url, *READERS[command])
        pages = [path for path in liar.asked if "/referrers/" in path]
    assert done.returncode == REFUSED and "referrers" in done.stderr, done
    assert len(pages) <= 12


def test_more_attestations_than_are_decided_on_are_told(place):
    server, assay = place

    def answer(method, path, data):
        if not path.startswith("/api/v1/attestations"):
            return data
        body = json.loads(data)
        return json.dumps(body | {"items": body["items"][:1] * 20_000}).encode()

    for arguments in (("report", f"{NAME}:1"), ("attestations", f"{NAME}:1")):
        with Liar(server.url, answer) as liar:
            done = limited(assay, liar.url, *arguments)
            assert len(liar.asked) < 20
        assert done.returncode == REFUSED and "attestations" in done.stderr, done


def test_a_list_that_grows_with_every_page_is_cut_where_that_was_asked(place):
    """Each page has a new cursor and one item that was never there."""
    server, assay = place
    count = [0]

    def answer(method, path, data):
        if not path.startswith("/api/v1/repositories"):
            return data
        count[0] += 1
        item = {"name": f"r{count[0]:06d}", "kind": "model", "version_count": 0,
                "created_at": "2026-01-01T00:00:00.000Z"}
        return json.dumps({"items": [item], "next": f"r{count[0]:06d}"}).encode()

    with Liar(server.url, answer) as liar:
        done = subprocess.run(
            [assay.binary, "list", "--limit", "300"], cwd=assay.home, env=assay.at(liar.url).environment(),
            capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 301 and "there are more" in done.stderr, done
