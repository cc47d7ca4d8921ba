"""Strangers who send without end, slow bodies, dear JSON and connections without number cost the server next to nothing."""

import contextlib
import json
import os
import resource
import select
import socket
import subprocess
import threading
import time
from pathlib import Path

import oras.client
import pytest
import requests
from harness import BYTES, OCI_MANIFEST, REQUEST_SECONDS, Assay, Registry, Wire, digest_of, free_port

JSON = "application/json"
KIB = 1 << 10
MIB = 1 << 20
TOKEN = "a token of this test alone"
WRONG_USE = 2
# Every limit in memory is compared with what a server takes at all, so a debug build passes too.
SLACK = 96 * MIB


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def guarded(serve, token):
    """A server that asks for a token."""
    return serve("--token-file", token)


class Watch:
    """What the process of a server takes, as the kernel counts it."""

    def __init__(self, server):
        self.folder = Path("/proc") / str(server.process.pid)

    def bytes_read(self):
        fields = dict(line.split(": ") for line in (self.folder / "io").read_text().splitlines())
        return int(fields["rchar"])

    def status(self, field):
        line = next(line for line in (self.folder / "status").read_text().splitlines() if line.startswith(field))
        return int(line.split()[1]) * KIB

    def forget_peak(self):
        """From now on the peak is counted anew."""
        (self.folder / "clear_refs").write_text("5")
        return self.status("VmRSS")

    def peak(self):
        return self.status("VmHWM")

    def cpu_seconds(self):
        fields = (self.folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def head(method, path, *headers):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def pour(wire, piece=b"x" * (64 * KIB), seconds=10):
    """Sends without end, as fast as it is taken, until the server ends the connection."""
    wire.socket.settimeout(0.5)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            wire.socket.send(piece)
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


# After a refusal


REFUSED = [
    pytest.param("PUT", "/v2/a/blobs/uploads/x?digest=y", f"Content-Length: {1 << 40}", 401, id="length"),
    pytest.param("PATCH", "/v2/a/blobs/uploads/x", "Transfer-Encoding: chunked", 401, id="chunks"),
    pytest.param("POST", "/api/v1/versions", f"Content-Length: {1 << 40}", 401, id="native"),
    pytest.param("PUT", "/nowhere", f"Content-Length: {1 << 40}", 404, id="no-route"),
    pytest.param("DELETE", "/v2/", "Transfer-Encoding: chunked", 405, id="no-method"),
    pytest.param("GET", "/healthz", f"Content-Length: {1 << 40}", 200, id="body-of-a-get"),
    pytest.param("GET", "/healthz", "Transfer-Encoding: chunked", 200, id="chunks-of-a-get"),
    pytest.param("GET", "/healthz", "Connection: close", 200, id="after-the-last-request"),
    pytest.param("PUT", "/v2/a/manifests/b", f"Content-Length: {1 << 40}\r\nConnection: close", 401, id="refused-and-last"),
]


@pytest.mark.parametrize("method, path, length, status", REFUSED)
def test_who_sends_without_end_after_an_answer_is_not_read(guarded, method, path, length, status):
    watch = Watch(guarded)
    chunk = b"10000\r\n" + b"x" * (64 * KIB) + b"\r\n" if "chunked" in length else b"x" * (64 * KIB)
    before = watch.bytes_read()
    with Wire(guarded.url) as first, Wire(guarded.url) as second:
        for wire in (first, second):
            wire.send(head(method, path, length))
            assert wire.reply().status == status
        ends = []
        threads = [threading.Thread(target=lambda w=wire: ends.append(pour(w, chunk))) for wire in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ends == [True, True], "the server ends the connection"
    assert watch.bytes_read() - before < 2 * MIB
    guarded.assert_running()


def test_what_comes_behind_bytes_that_are_no_http_is_not_read(guarded):
    watch = Watch(guarded)
    before = watch.bytes_read()
    with Wire(guarded.url) as wire:
        wire.send(b"PUT /v2/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n")
        assert wire.reply().status in (400, 405)
        assert pour(wire)
    assert watch.bytes_read() - before < MIB


def test_who_sends_before_it_reads_finds_the_answer(guarded):
    """A client that writes all it has and only then reads: the body is more than the buffers between the two hold."""
    with Wire(guarded.url) as wire:
        wire.send(head("PUT", "/v2/a/blobs/uploads/x?digest=y", f"Content-Length: {64 * MIB}"))
        with contextlib.suppress(BrokenPipeError):  # Our side is in CLOSE_WAIT, so the end is no reset.
            wire.socket.sendall(bytes(64 * MIB))
        reply = wire.reply()
        assert (reply.status, reply.headers["connection"]) == (401, "close")
        assert json.loads(reply.body)["errors"][0]["code"] == "UNAUTHORIZED"


@pytest.mark.parametrize("bytes_left", [1, 64 * KIB])
def test_a_small_body_keeps_its_connection(guarded, bytes_left):
    with Wire(guarded.url) as wire:
        for _ in range(3):
            wire.send(head("PUT", "/v2/a/blobs/uploads/x?digest=y", f"Content-Length: {bytes_left}") + bytes(bytes_left))
            reply = wire.reply()
            assert (reply.status, "connection" in reply.headers) == (401, False)


def test_refused_bodies_one_after_the_other_end_their_connection(guarded):
    """Each is small enough to be read on; together they are not."""
    watch = Watch(guarded)
    request = head("PUT", "/v2/a/blobs/uploads/x?digest=y", f"Content-Length: {60 * KIB}") + bytes(60 * KIB)
    before = watch.bytes_read()
    with Wire(guarded.url) as wire:
        assert pour(wire, request)
    assert watch.bytes_read() - before < 3 * MIB


def test_a_refused_body_in_two_halves_keeps_its_connection(guarded):
    with Wire(guarded.url) as wire:
        wire.send(head("POST", "/api/v1/versions", "Content-Length: 1000") + bytes(10))
        assert wire.reply().status == 401
        wire.send(bytes(990) + head("GET", "/healthz"))
        assert wire.reply().status == 200


@pytest.fixture
def sparse(tmp_path, monkeypatch):
    """Makes a sparse file in a folder that is entered: oras keeps the paths that it is given."""
    monkeypatch.chdir(tmp_path)

    def make(size):
        with open("large.bin", "wb") as file:
            file.truncate(size)
        return ["large.bin:application/octet-stream"]

    return make


def oras_client(server, token):
    if token is None:
        return oras.client.OrasClient(hostname=server.address, insecure=True)
    client = oras.client.OrasClient(hostname=server.address, insecure=True, auth_backend="basic")
    client.auth.set_basic_auth("anybody", token)
    return client


def test_oras_pushes_1_gib_while_the_challenge_is_basic(guarded, sparse):
    client = oras_client(guarded, TOKEN)
    answer = client.push(f"{guarded.address}/team/model:first", files=sparse(1024 * MIB), quiet=True)
    assert answer.status_code == 201


@pytest.mark.parametrize("given", [None, "another token, not that one"])
def test_oras_is_told_that_its_token_is_wrong_or_missing(guarded, sparse, given):
    watch = Watch(guarded)
    before = watch.bytes_read()
    # Without a token it takes the realm of the challenge, which it read, for a place to get one.
    with pytest.raises(Exception, match="401|Unauthorized|unauthorized|token|'assay'"):
        oras_client(guarded, given).push(
            f"{guarded.address}/team/model:first", files=sparse(128 * MIB), quiet=True)
    assert watch.bytes_read() - before < 4 * MIB


def test_a_client_reads_its_401_while_it_sends_1_gib(guarded, sparse):
    """Python's requests sends all of a file before it looks at the answer."""
    sparse(1024 * MIB)
    with open("large.bin", "rb") as file:
        answer = requests.put(
            guarded.url + "/v2/team/model/blobs/uploads/x?digest=y", data=file, headers={"Content-Type": BYTES},
            timeout=REQUEST_SECONDS)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="assay"')


# Before the body


@pytest.mark.parametrize("request_head, status", [
    pytest.param(head("PUT", "/v2/a/manifests/1", "Content-Length: 9"), 401, id="token"),
    pytest.param(head("PUT", "/nowhere", "Content-Length: 9"), 404, id="route"),
    pytest.param(head("PUT", "/v2/", "Content-Length: 9"), 405, id="method"),
    pytest.param(head("POST", "/v2/a/blobs/uploads/?digest=sha256:" + "0" * 64, "Transfer-Encoding: chunked"), 401,
                 id="chunks")])
def test_who_waits_and_is_refused_is_not_told_to_go_on(guarded, request_head, status):
    with Wire(guarded.url) as wire:
        wire.send(request_head[:-2] + b"Expect: 100-continue\r\n\r\n")
        reply = wire.reply()
        assert (reply.status, reply.headers["connection"]) == (status, "close")
        assert wire.is_closed()


@pytest.mark.parametrize("method, path, headers, status", [
    ("PUT", "/v2/tests/wait/manifests/first", [f"Content-Type: {OCI_MANIFEST}", f"Content-Length: {100 * MIB}"], 413),
    ("POST", "/api/v1/versions", [f"Content-Type: {JSON}", f"Content-Length: {100 * MIB}"], 413),
    ("POST", "/api/v1/versions", ["Content-Type: text/plain", "Content-Length: 10"], 415),
    ("PUT", "/v2/Tests/manifests/first", [f"Content-Type: {OCI_MANIFEST}", "Content-Length: 10"], 400),
    ("PATCH", "/v2/tests/wait/blobs/uploads/" + "0" * 48, ["Content-Length: 10"], 404)])
def test_what_cannot_be_taken_is_refused_before_it_is_sent(server_url, method, path, headers, status):
    with Wire(server_url) as wire:
        wire.send(head(method, path, *headers, "Expect: 100-continue"))
        assert wire.reply().status == status
        assert wire.is_closed()


def test_who_waits_and_is_let_in_is_told_to_go_on(registry, server_url, name):
    path = registry.open_upload(name).removeprefix(server_url)
    with Wire(server_url) as wire:
        wire.send(head("PATCH", path, "Content-Length: 5", "Expect: 100-continue"))
        assert wire.reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert wire.reader.readline() == b"\r\n"
        assert wire.send(b"hello").reply().status == 202
        assert wire.send(head("GET", "/healthz")).reply().status == 200


# Bodies in memory


@contextlib.contextmanager
def slow_bodies(server, count, size):
    """Lends connections that send, all at once, requests whose bodies come all but for their end."""
    request = head("POST", "/api/v1/versions", f"Content-Type: {JSON}", f"Content-Length: {size}")
    request += b'{"manifest":"' + b"x" * (size - 100)
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(server.url)) for _ in range(count)]
        threads = [threading.Thread(target=wire.send, args=[request]) for wire in wires]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield wires


def test_60_slow_bodies_share_what_there_is(server):
    watch = Watch(server)
    before = watch.forget_peak()
    with slow_bodies(server, 60, 16 * MIB) as wires:
        answered, _, _ = select.select([wire.socket for wire in wires], [], [], 0)
        replies = [wire.reply() for wire in wires if wire.socket in answered]
        assert len(replies) >= 60 - 16, "256 MiB are all there is"
        assert {reply.status for reply in replies} == {429}
        assert {reply.headers["retry-after"] for reply in replies} == {"1"}
        assert json.loads(replies[0].body)["code"] == "too-many-bodies"
        # On a loaded machine bodies that came and went leave more behind in the allocator.
        assert watch.peak() - before < 256 * MIB + 2 * SLACK
    # What they had is there again as soon as they are gone.
    for _ in range(100):
        answer = requests.post(
            server.url + "/api/v1/repositories", json={"name": "tests/after", "kind": "model"}, timeout=REQUEST_SECONDS)
        if answer.status_code == 200:
            break
        time.sleep(0.05)
    assert answer.status_code == 200


def test_a_small_piece_holds_no_large_buffer(server):
    """Bytes that come one by one take what they are, not what each was read into."""
    watch = Watch(server)
    before = watch.forget_peak()
    with Wire(server.url) as wire:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.send(head("POST", "/api/v1/versions", f"Content-Type: {JSON}", "Content-Length: 20000"))
        for _ in range(20_000):
            wire.socket.send(b" ")
        assert wire.reply().status == 400
    assert watch.peak() - before < 32 * MIB


def dear(kind, size):
    """JSON of this size that costs a parser the most."""
    if kind == "lists":
        return b"[" + b"[]," * (size // 3 - 2) + b"[]]"
    if kind == "numbers":
        return b"[" + b"0," * (size // 2 - 2) + b"0]"
    if kind == "keys":
        members = b",".join(b'"%x":{}' % index for index in range(size // 11))
        return b"{" + members[:size - 20].rpartition(b",")[0] + b"}"
    if kind == "nested":
        return b"[" + (b"[" * 60 + b"]" * 60 + b",") * (size // 121 - 1) + b"0]"
    if kind == "text":
        return b'{"repository":"a","manifest":"' + b"x" * (size - 60) + b'","media_type":"a"}'
    if kind == "escapes":
        return b'{"repository":"a","manifest":"' + rb"\u00e9" * ((size - 60) // 6) + b'","media_type":"a"}'
    # As many values as are let in, and texts for the rest.
    members = b",".join(b'"%x":{}' % index for index in range(size // 24 // 2 - 100))
    return b'{"repository":"a","media_type":"a",' + members + b',"manifest":"' + b"x" * (
        size - len(members) - 80) + b'"}'


KINDS = ["lists", "numbers", "keys", "nested", "text", "escapes", "both"]


@pytest.mark.parametrize("kind", KINDS)
def test_json_costs_at_most_four_times_its_limit(server, kind):
    limit = 16 * MIB
    body = dear(kind, limit)
    assert limit * 0.9 < len(body) <= limit
    watch = Watch(server)
    before = watch.forget_peak()
    answer = requests.post(server.url + "/api/v1/versions", data=body, headers={"Content-Type": JSON}, timeout=120)
    assert answer.status_code in (400, 413)
    assert watch.peak() - before < 4 * limit, f"{(watch.peak() - before) / MIB:.0f} MiB"


@pytest.mark.parametrize("kind", KINDS)
def test_a_manifest_costs_at_most_four_times_its_limit(server, kind):
    limit = 4 * MIB
    body = dear(kind, limit)
    Registry(server.url).push_blob("tests/dear", b"{}")
    watch = Watch(server)
    before = watch.forget_peak()
    answer = Registry(server.url).put_manifest("tests/dear", "first", body)
    assert answer.status_code in (400, 413)
    assert watch.peak() - before < 4 * limit + 8 * MIB, f"{(watch.peak() - before) / MIB:.0f} MiB"


def test_39_mib_of_json_are_read_by_no_route(server):
    watch = Watch(server)
    before = watch.forget_peak()
    for kind in ("lists", "keys"):
        body = dear(kind, 39 * MIB)
        for path in ("attestations", "versions", "worker/claims", "repositories"):
            with contextlib.suppress(requests.ConnectionError):
                answer = requests.post(
                    f"{server.url}/api/v1/{path}", data=body, headers={"Content-Type": JSON}, timeout=120)
                assert answer.status_code == 413
    assert watch.peak() - before < SLACK


@pytest.mark.parametrize("path, limit", [
    ("repositories", 64 * KIB), ("promotions", 64 * KIB), ("verifications", 64 * KIB), ("keys", 64 * KIB),
    ("key-rotations", 64 * KIB), ("seals", 64 * KIB), ("worker/claims", 64 * KIB), ("versions", 16 * MIB),
    ("attestations", 24 * MIB)])
def test_each_route_has_a_limit_of_its_own(server_url, path, limit):
    """A stated length is enough to be refused, and one at the limit is not refused for it."""
    for size, expected in ((limit + 1, True), (limit, False)):
        with Wire(server_url) as wire:
            wire.send(head("POST", f"/api/v1/{path}", f"Content-Type: {JSON}", f"Content-Length: {size}",
                           "Expect: 100-continue"))
            assert (wire.reader.readline().split()[1] == b"413") == expected


def test_a_body_that_drips_into_memory_is_cut_off(server_url):
    """At least 1 KiB/s over any 30 seconds."""
    with Wire(server_url) as wire:
        wire.send(head("POST", "/api/v1/versions", f"Content-Type: {JSON}", "Content-Length: 1000000"))
        started = time.monotonic()
        wire.socket.settimeout(1)
        while time.monotonic() - started < 45:
            with contextlib.suppress(OSError):
                wire.socket.send(b" " * 100)
            with contextlib.suppress(TimeoutError):
                if wire.socket.recv(1) == b"":
                    break
        assert 25 < time.monotonic() - started < 40


# Handles


def limited(files):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


@pytest.fixture
def low(binary, tmp_path):
    """Starts a server that may have few files open."""
    started = []

    def start(files):
        home = Assay(binary, tmp_path)
        home.ok("init", "store")
        port = free_port()
        process = subprocess.Popen(
            [binary, "serve", "--store", "store", "--listen", f"127.0.0.1:{port}"], cwd=tmp_path,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=limited(files),
            text=True)
        started.append(process)
        return process, port

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ready(process, port):
    for line in process.stdout:
        if line.startswith("listening"):
            break
    server = type("Server", (), {"process": process, "url": f"http://127.0.0.1:{port}"})
    assert requests.get(server.url + "/healthz", timeout=REQUEST_SECONDS).status_code == 200
    return server


def crowd(server, count):
    """Connections that are held open and ask nothing; those that wait to be accepted count too."""
    held = []
    for _ in range(count):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", int(server.url.rpartition(":")[2])))
        held.append(client)
    return held


def busy_share(server, seconds=3):
    """The part of one core that the server takes for some time."""
    watch = Watch(server)
    started, before = time.monotonic(), watch.cpu_seconds()
    time.sleep(seconds)
    return (watch.cpu_seconds() - before) / (time.monotonic() - started)


@pytest.mark.parametrize("files", [100, 256])
def test_a_server_without_handles_rests_and_recovers(low, files):
    server = ready(*low(files))
    held = crowd(server, 2 * files)
    assert busy_share(server) < 0.2
    for client in held:
        client.close()
    assert requests.get(server.url + "/healthz", timeout=REQUEST_SECONDS).status_code == 200


def test_a_server_whose_limit_is_lowered_rests_and_recovers(low):
    """Nothing that was reckoned at the start holds any more: accepting itself fails."""
    server = ready(*low(256))
    used = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (used + 1, 256))
    held = crowd(server, 100)
    assert busy_share(server) < 0.2
    for client in held:
        client.close()
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (256, 256))
    assert requests.get(server.url + "/healthz", timeout=REQUEST_SECONDS).status_code == 200
    server.process.poll()


def test_uploads_find_a_handle_beside_a_crowd(low):
    """Connections take so many handles that each can open a file, and the index and the log have theirs."""
    server = ready(*low(100))
    with requests.Session() as session:
        assert session.get(server.url + "/healthz", timeout=REQUEST_SECONDS).status_code == 200
        held = crowd(server, 200)
        answer = session.post(
            f"{server.url}/v2/tests/crowd/blobs/uploads/?digest={digest_of(b'content')}", data=b"content",
            headers={"Content-Type": BYTES}, timeout=REQUEST_SECONDS)
        assert answer.status_code == 201, answer.text
        for client in held:
            client.close()


def run_limited(server, files):
    return subprocess.run(
        [server.binary, "list", "--store", server.store], cwd=server.folder, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, preexec_fn=limited(files), timeout=REQUEST_SECONDS)


def test_a_command_over_a_store_needs_handles_for_it_and_none_beside_a_server(server):
    assert run_limited(server, 32).returncode == 0
    assert server.stop() == 0
    outcome = run_limited(server, 32)
    assert (outcome.returncode, "may have 32 files open" in outcome.stderr) == (WRONG_USE, True)


@pytest.mark.parametrize("files", [16, 24, 32])
def test_too_few_handles_are_told_at_the_start(low, files):
    process, _ = low(files)
    output, _ = process.communicate(timeout=REQUEST_SECONDS)
    assert process.returncode == WRONG_USE, output
    assert str(files) in output and "files open" in output
