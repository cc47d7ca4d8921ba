"""Every command against a server that answers with nonsense: a status of docs/cli.md, never 70 and never a signal."""

import copy
import json
import os
import re
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import PIPE

import pytest
from harness import FIXTURES, Assay, Server, finish
from lying import Liar

DONE, WRONG_USE, DENIED, REFUSED, BUSY = 0, 2, 4, 7, 8
TOLD = {0, 2, 3, 4, 5, 6, 7, 8, 9}
ATTEMPTS, PAUSE_SECONDS = 600, 0.05
NAME, DIGEST = "team/model", "sha256:" + "1" * 64
TOKEN = "a-token-that-belongs-to-one-server"
LOWEST, HUGE = -2**63, 2**62


class Stub:
    """A server on loopback; `answer` gets method, path and body and gives status, headers and body."""

    def __init__(self, answer):
        self.asked, self.tokens = [], []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self):
                with suppress(OSError, ValueError):
                    super().handle_one_request()

            def reply(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                stub.asked.append(f"{self.command} {self.path}")
                stub.tokens.append(self.headers.get("Authorization"))
                status, headers, data = answer(self.command, self.path, body)
                lines = [f"HTTP/1.1 {status} Told", *(f"{name}: {value}" for name, value in headers.items())]
                lines += [] if status == 204 else [f"Content-Length: {len(data)}"]
                self.wfile.write("\r\n".join([*lines, "Connection: close", "", ""]).encode())
                self.wfile.write(b"" if self.command == "HEAD" else data)
                self.close_connection = True

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = reply

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def until_asked(self, what, count):
        for _ in range(ATTEMPTS):
            if sum(what in line for line in self.asked) >= count:
                return
            time.sleep(PAUSE_SECONDS)
        raise AssertionError(f"never asked {count} times for {what}: {self.asked}")


def constant(status, data=b"", **headers):
    return lambda method, path, body: (status, headers, data)


@pytest.fixture
def local(binary, tmp_path):
    (tmp_path / "model.onnx").write_bytes((FIXTURES / "digits-1.onnx").read_bytes())
    (tmp_path / "large.bin").write_bytes(bytes(range(256)) * (5 << 12))
    local = Assay(binary, tmp_path)
    local.key()
    return local


COMMANDS = {
    "push": ("push", NAME, "model.onnx", "--key", "release.pem"), "push of a large file": ("push", NAME, "large.bin"),
    "pull": ("pull", f"{NAME}:1", "out"), "pull by digest": ("pull", f"{NAME}@{DIGEST}", "out"), "list": ("list",),
    "list of one": ("list", NAME), "show": ("show", f"{NAME}:1"),
    "verify": ("verify", f"{NAME}:1", "--dataset", "data:1"), "promote": ("promote", f"{NAME}:1", "production"),
    "lineage": ("lineage", f"{NAME}:1"), "report": ("report", f"{NAME}:1"), "audit verify": ("audit", "verify"),
    "audit list": ("audit", "list"), "jobs": ("jobs",), "history": ("history", NAME, "production")}
PROBLEM = json.dumps({
    "type": "urn:assay:error:internal-error", "title": "internal-error", "status": 500, "detail": "it fell over",
    "code": "internal-error", "request_id": "r"}).encode()
OCI_LIST = json.dumps({"errors": [{"code": "UNKNOWN", "detail": {"code": "internal-error"}}]}).encode()
NONSENSE = [203, 206, 226, 299, 300, 304, 399, 418, 450, 500, 501, 505, 511, 599, 600, 799, 999]
BODIES = {"nothing": b"", "a page": b"<html>", "an object": b"{}", "a fault of ours": PROBLEM, "a list": OCI_LIST,
          "no text": b"\xff\xfe\x00" * 9, "deep": b"[" * 100_000}


def command_line(local, stub):
    return local.at(stub.url)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_status_of_a_server_is_a_fault_of_ours(local, command):
    for status in NONSENSE:
        for data in (BODIES["a page"], BODIES["a fault of ours"]):
            with Stub(constant(status, data)) as stub:
                outcome = command_line(local, stub).run(*COMMANDS[command])
                assert stub.asked
            assert outcome.code in TOLD - {DONE}, f"{status}: {outcome}"
            assert "error: " in outcome.err
            if status >= 500:
                assert outcome.code == BUSY, f"{status}: {outcome}"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("body", BODIES)
def test_no_body_of_a_server_is_a_fault_of_ours(local, command, body):
    for status in (200, 201, 202, 204, 500):
        with Stub(constant(status, b"" if status == 204 else BODIES[body])) as stub:
            outcome = command_line(local, stub).run(*COMMANDS[command])
        assert outcome.code in TOLD, f"{status}: {outcome}"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_redirect_is_not_followed_and_takes_no_token_along(local, command):
    with Stub(constant(200, b"{}")) as elsewhere:
        for status in (301, 302, 303, 307, 308):
            with Stub(constant(status, b"", Location=elsewhere.url + "/api/v1/repositories")) as stub:
                token = local.home / "token"
                token.write_text(TOKEN)
                token.chmod(0o600)
                outcome = command_line(local, stub).run(*COMMANDS[command], "--token-file", token)
                assert stub.tokens and set(stub.tokens) == {f"Bearer {TOKEN}"}
            assert outcome.code in TOLD - {DONE}, f"{status}: {outcome}"
        assert not elsewhere.asked


def test_a_place_for_an_upload_on_another_server_is_never_spoken_to(local):
    with Stub(constant(200, b"{}")) as elsewhere:
        for place in (f"{elsewhere.url}/v2/x", elsewhere.url.removeprefix("http:") + "/v2/x", "x" * 9_000, "/" * 3_000,
                      "http:///x", "/v2/../../x", elsewhere.url, f"@{elsewhere.url[7:]}/x"):
            def answer(method, path, body, place=place):
                return (404, {}, b"") if method != "POST" else (202, {"Location": place}, b"")

            with Stub(answer) as stub:
                outcome = command_line(local, stub).run(*COMMANDS["push"])
            assert outcome.code in TOLD - {DONE}, f"{place}: {outcome}"
        assert not elsewhere.asked


# Numbers of a true server, changed


@pytest.fixture(scope="module")
def place(binary, tmp_path_factory):
    home = tmp_path_factory.mktemp("numbers")
    server = Server(binary, home).create_store().start()
    local = Assay(binary, home, server.url)
    local.key()
    local.ok("key", "trust", "release.pub.pem")
    local.ok("push", "data", FIXTURES / "test.npz", "--kind", "dataset")
    local.ok("push", NAME, FIXTURES / "digits-1.onnx", "--key", "release.pem")
    (home / "policy.yaml").write_text("version: 1\n")
    local.ok("policy", "set", NAME, "production", "policy.yaml")
    local.ok("promote", f"{NAME}:1", "production")
    local.ok("verify", f"{NAME}:1", "--dataset", "data:1", "--runs", "10")
    yield local
    server.assert_running()
    assert server.stop() == 0


def with_numbers(value, pattern, found):
    """Sets every whole number under names that match; notes the names of all. What its digest names is left alone."""
    def change(node):
        if isinstance(node, dict):
            for name, child in node.items():
                if type(child) is int:
                    found.add(name)
                node[name] = value if type(child) is int and re.fullmatch(pattern, name) else change(child)
        elif isinstance(node, list):
            return [change(child) for child in node]
        return node

    def answer(method, path, data):
        if path.startswith("/v2/") and "/referrers/" not in path:
            return data
        try:
            return json.dumps(change(json.loads(data))).encode()
        except ValueError:
            return data

    return answer


READING = {
    "pull": ("pull", f"{NAME}:production", "out", "--force"), "list": ("list",), "list of one": ("list", NAME),
    "show": ("show", f"{NAME}:1"), "report": ("report", f"{NAME}:1"), "lineage": ("lineage", f"{NAME}:1"),
    "promote": ("promote", f"{NAME}:1", "production", "--dry-run"), "audit verify": ("audit", "verify"),
    "audit list": ("audit", "list"), "jobs": ("jobs",), "history": ("history", NAME, "production"),
    "gc": ("gc", "--dry-run"), "verify": ("verify", f"{NAME}:1", "--dataset", "data:1", "--runs", "10"),
    "attestations": ("attestations", f"{NAME}:1")}


@pytest.mark.parametrize("command", READING)
def test_no_number_of_a_server_ends_a_command_by_a_trap(place, command):
    names = set()
    with Liar(place.server, with_numbers(0, "(?!)", names)) as liar:
        assert place.at(liar.url).run(*READING[command]).code == DONE
    for name in sorted(names):
        for value in (LOWEST, HUGE, 2**63 - 1):
            with Liar(place.server, with_numbers(value, re.escape(name), set())) as liar:
                outcome = place.at(liar.url).run(*READING[command])
            assert outcome.code in TOLD, f"{name} = {value}: {outcome}"


# Tokens


@pytest.mark.parametrize("named, is_sent", [
    ("itself", True), ("itself in capitals", True), ("nothing", True), ("another one", False), ("no address", False),
    ("itself over TLS", False), ("another port", False)])
def test_a_token_of_the_environment_goes_to_its_own_server_alone(local, named, is_sent):
    problem = json.dumps({"type": "t", "title": "t", "status": 401, "detail": "no token", "code": "unauthenticated",
                          "request_id": "r"}).encode()
    with Stub(constant(401, problem)) as stub:
        owner = {
            "itself": stub.url + "/", "itself in capitals": stub.url.upper().replace("HTTP", "http"), "nothing": "",
            "another one": "http://registry.example", "no address": "registry", "another port": stub.url + "1",
            "itself over TLS": stub.url.replace("http:", "https:")}[named]
        local.environment = lambda: {
            **os.environ, "HOME": str(local.home), "ASSAY_TOKEN": TOKEN, "ASSAY_SERVER": owner}
        outcome = local.run("list", "--server", stub.url)
        assert stub.tokens == [f"Bearer {TOKEN}" if is_sent else None]
        assert outcome.code == DENIED and ("was not sent" in outcome.err) == (not is_sent), outcome
        assert TOKEN not in outcome.err
        (local.home / "token").write_text("another-token-for-this")
        (local.home / "token").chmod(0o600)
        local.run("list", "--server", stub.url, "--token-file", "token")
        assert stub.tokens[1:] == ["Bearer another-token-for-this"]


# Workers


GOOD = {
    "claim": "00000000000000aa", "lease_milliseconds": 60_000,
    "verification": {
        "id": "00000000000000bb", "state": "running", "attempts": 1, "created_at": "2026-01-01T00:00:00.000Z",
        "subject": {"repository": NAME, "number": 1, "digest": DIGEST},
        "dataset": {"repository": "data", "number": 1, "digest": DIGEST},
        "settings": {
            "threads": 1, "batch": 1, "warmup_runs": 0, "measured_runs": 10, "deadline_seconds": 60}},
    "files": [
        {"role": "model", "repository": NAME, "path": "model.onnx", "digest": DIGEST, "size": 100},
        {"role": "dataset", "repository": "data", "path": "test.npz", "digest": DIGEST, "size": 100}]}


def setting(name, value):
    return lambda claim: claim["verification"]["settings"].__setitem__(name, value)


def lease(value):
    return lambda claim: claim.__setitem__("lease_milliseconds", value)


def file(index, **fields):
    return lambda claim: claim["files"][index].update(fields)


def data(location, path=None, **fields):
    return lambda claim: claim["files"].append(
        {"role": "model-data", "repository": NAME, "path": path or location, "digest": DIGEST, "size": 1,
         "location": location} | fields)


DEEP = "/".join(["a"] * 3_000)
BAD_CLAIMS = {
    **{f"{name} of {value}": setting(name, value)
       for name in ("threads", "batch", "warmup_runs", "measured_runs", "deadline_seconds")
       for value in (HUGE, LOWEST, -1)},
    **{f"a lease of {value}": lease(value) for value in (0, -1, LOWEST, HUGE, 2**63 - 1)},
    **{f"a file of {size}": file(0, size=size) for size in (-1, LOWEST)},
    "data of -2^63": file(1, size=LOWEST), "sizes that add up to too much": lambda claim: [
        item.update(size=2**63 - 1) for item in claim["files"]],
    "many threads": setting("sweep_threads", [HUGE]), "many batches": setting("sweep_batches", [1] * 1_000),
    "a sure bet": setting("confidence", 2), "a label of others": setting("labels", [{"key": "site", "value": "moon"}]),
    "no such bound": setting("max_ratios", {"p98": 1.0}), "a bound of 0": setting("max_ratios", {"p99": 0.0}),
    "a location 3,000 deep": data(DEEP), "a location above": data("../x"), "an absolute location": data("/etc/passwd"),
    "a location elsewhere": data("a", "b"), "data as the model": data("model.onnx"), "no location": data(None, "b"),
    "a model 3,000 deep": file(0, path=DEEP + "/model.onnx"), "a model above": file(0, path="../model.onnx"),
    "a model of another kind": file(0, path="model.bin"), "a model elsewhere": file(0, repository="other"),
    "data elsewhere": file(1, repository="other"), "no model": lambda claim: claim["files"].pop(0),
    "no data": lambda claim: claim["files"].pop(1), "no files": lambda claim: claim["files"].clear(),
    "two models": lambda claim: claim["files"].append(claim["files"][0]),
    "two data sets": lambda claim: claim["files"].append(claim["files"][1]),
    "a baseline of none": file(0, role="baseline"),
    "no baseline": lambda claim: claim["verification"].__setitem__("baseline", claim["verification"]["subject"]),
    "an end": lambda claim: claim["verification"].__setitem__("state", "measured"),
    "a million files": lambda claim: claim.__setitem__("files", claim["files"] * 50_000),
    "nothing to read": lambda claim: claim.pop("files"), "a text as size": file(0, size="1")}


class Claims:
    """A server that gives one claim so many times, and has no blobs."""

    def __init__(self, claim, times):
        self.claim, self.left, self.given_back = claim, times, 0

    def __call__(self, method, path, body):
        if method == "DELETE":
            self.given_back += 1
            return 204, {}, b""
        if method == "POST" and path.endswith("/claims"):
            self.left -= 1
            return (200, {}, json.dumps(self.claim).encode()) if self.left >= 0 else (204, {}, b"")
        if method == "POST":
            return 200, {}, json.dumps({**self.claim["verification"], "state": "failed"}).encode()
        return 404, {}, b""


def worker(local, stub, *options):
    assay = local.at(stub.url)
    environment = assay.environment() | {"ASSAY_ONNXRUNTIME": os.environ["ASSAY_ONNXRUNTIME"]}
    assay.environment = lambda: environment
    return assay.start("worker", "--name", "w", "--cache", local.home / "cache", *options, stdout=PIPE, stderr=PIPE)


def changed(form):
    claim = copy.deepcopy(GOOD)
    BAD_CLAIMS[form](claim)
    return claim


def test_a_claim_as_servers_make_it_is_run(local):
    with Stub(Claims(GOOD, 1)) as stub:
        assert finish(worker(local, stub, "--once")).code == DONE
    assert any("/result" in line for line in stub.asked) and not any("DELETE" in line for line in stub.asked)


@pytest.mark.parametrize("form", BAD_CLAIMS)
def test_a_worker_gives_back_what_cannot_be_run_before_it_fetches_anything(local, form):
    claims = Claims(changed(form), 1)
    with Stub(claims) as stub:
        outcome = finish(worker(local, stub, "--once"))
    assert outcome.code == REFUSED, outcome
    assert claims.given_back == 1
    assert not any("/blobs/" in line or "/result" in line for line in stub.asked), stub.asked


def test_a_worker_gives_a_claim_back_once_and_goes_on(local):
    claims = Claims(changed("threads of -1"), 3)
    with Stub(claims) as stub:
        process = worker(local, stub)
        stub.until_asked("/claims", 5)
        process.terminate()
        outcome = finish(process)
    assert outcome.code == DONE and claims.given_back == 1, outcome


@pytest.mark.parametrize("status", [206, 302, 500, 503, 599, 999])
def test_no_status_of_a_server_ends_a_worker(local, status):
    with Stub(constant(status, PROBLEM, Location="/elsewhere")) as stub:
        process = worker(local, stub)
        stub.until_asked("/claims", 2)
        process.terminate()
        assert finish(process).code == DONE
