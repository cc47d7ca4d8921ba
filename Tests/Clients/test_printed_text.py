"""Whatever a server, a publisher or a client says: no terminal sees a character that commands it or that hides."""

import json
import os
import socket
import subprocess
import unicodedata
from dataclasses import dataclass

import pytest
from harness import COMMAND_SECONDS, FIXTURES, Assay, Outcome, Server, digest_of
from lying import Liar
from test_hostile_server import Stub, constant

NAME = "team/model"
# C0, DEL, C1 (also as raw bytes of an 8-bit terminal's commands), direction, joining, separators, tags, private use.
HOSTILE = "\x1b]0;x\x07\x1b[2J\x00\r\n\t\x7f\x9b31m\x85\u200b\u200e\u202e\u2066\u2028\u2029\ufeff\U000e0041\ue000"
# What may stand in a header.
HEADER = "\x1b[31m\x9b2J\x7f"
HIDDEN = ("Cc", "Cf", "Zl", "Zp", "Co", "Cn", "Cs")
VISIBLE = "spoken"
TRUST = ("--trust", "root.json")

COMMANDS = {
    "list": ("list",), "versions": ("list", NAME), "show": ("show", f"{NAME}:2"), "search": ("search", "digits"),
    "report": ("report", f"{NAME}:2"), "page": ("report", f"{NAME}:2", "--html", "-"),
    "compare": ("compare", f"{NAME}:1", f"{NAME}:2"),
    "page of two": ("compare", f"{NAME}:1", f"{NAME}:2", "--html", "-"),
    "verify": ("verify", f"{NAME}:2", "--dataset", "data:1", "--runs", "10"), "jobs": ("jobs", "list"),
    "lineage": ("lineage", f"{NAME}:2"), "descendants": ("lineage", "data:1", "--descendants"),
    "dot": ("lineage", f"{NAME}:2", "--dot"), "history": ("history", NAME, "production"),
    "aliases": ("alias", "list", NAME), "alias": ("alias", "set", NAME, "candidate", "2"),
    "policies": ("policy", "show", NAME), "policy": ("policy", "show", NAME, "production"),
    "policy set": ("policy", "set", NAME, "production", "policy.yaml"), "init": ("policy", "init", f"{NAME}:2"),
    "check": ("policy", "check", f"{NAME}:2", "production"), "promote": ("promote", f"{NAME}:2", "production"),
    "select": ("select", NAME, "--by", "accuracy"), "annotate": ("annotate", f"{NAME}:2", "a=b"),
    "waive": ("waive", f"{NAME}:2", "production", "--requirement", "size", "--reason", "r", "--expires", "2099-01-01",
              "--key", "release.pem"),
    "sign": ("sign", f"{NAME}:2", "--key", "release.pem"),
    "attest": ("attest", f"{NAME}:2", "--type", "https://example.org/x/v1", "--predicate", "review.json", "--key",
               "release.pem"),
    "attestations": ("attestations", f"{NAME}:2"),
    "statement": ("attestations", f"{NAME}:2", "--show", "https://example.org/review/v1"),
    "bom": ("bom", f"{NAME}:2"), "keys": ("key", "list"), "root": ("key", "export"),
    "audit list": ("audit", "list"),
    "audit show": ("audit", "show", "3"), "audit verify": ("audit", "verify", *TRUST),
    "checkpoint": ("audit", "checkpoint"), "pull": ("pull", f"{NAME}:production", "out", *TRUST, "--require-log"),
    "push": ("push", NAME, "again.onnx", "--key", "release.pem"),
    "export": ("bundle", "export", f"{NAME}:2", "-o", "o.tar"),
    "delete": ("delete", "other:1"), "garbage": ("gc", "--dry-run"), "cancel": ("jobs", "cancel", "0" * 16),
}
# Which show most of what they are told: each of its fields is tried with them, and with the others those that hold
# sentences.
TALKATIVE = ("list", "versions", "show", "lineage", "policies", "attestations", "keys")
SENTENCES = (
    "actor", "annotations{}", "cause", "cpu", "demanded", "description", "detail", "fault", "framework", "kind",
    "label",
    "labels", "measured", "message", "metrics{}", "name", "note", "origin", "parameters{}", "reason", "remedy",
    "requirement", "role", "runtime", "stage", "state", "status", "waiver", "worker")
# Their document is not of the form that --json has, or there is none.
WITHOUT_JSON = {"page", "page of two", "dot", "checkpoint", "garbage"}


@dataclass
class Place:
    server: Server
    local: Assay


@pytest.fixture(scope="module")
def place(binary, tmp_path_factory):
    """A registry in which a publisher has put hostile text wherever it takes text."""
    home = tmp_path_factory.mktemp("text")
    server = Server(binary, home).create_store().start()
    local = Assay(binary, home, server.url)
    local.key()
    local.ok("key", "trust", "release.pub.pem", "--name", VISIBLE)
    (home / "policy.yaml").write_text("version: 1\nsize: {max_bytes: 100000000}\nwaivers: {role: release}\n")
    (home / "review.json").write_text(json.dumps({VISIBLE + HOSTILE: [HOSTILE, {"a": HOSTILE}]}, ensure_ascii=False))
    (home / "again.onnx").write_bytes((FIXTURES / "digits-2.onnx").read_bytes())
    local.ok("push", "data", FIXTURES / "test.npz", "--kind", "dataset", "--key", "release.pem")
    local.ok("push", "other", FIXTURES / "digits-3.onnx")
    for model in ("digits-1", "digits-2"):
        local.ok("push", NAME, FIXTURES / f"{model}.onnx", "--key", "release.pem", "--trained-on", "data:1",
                 "--description", f"{VISIBLE}\u202e\u200b\u2066\ufeff", "--param", f"p=\u202e\u200b{VISIBLE}")
    local.ok("policy", "set", NAME, "production", "policy.yaml")
    local.ok("attest", f"{NAME}:2", "--type", "https://example.org/review/v1", "--predicate", "review.json", "--key",
             "release.pem")
    local.ok("annotate", f"{NAME}:2", f"note=\u202e{VISIBLE}")
    for number in (1, 2):
        local.ok("promote", f"{NAME}:{number}", "production")
    local.ok("verify", f"{NAME}:2", "--dataset", "data:1", "--runs", "10")
    local.ok("key", "export", "-o", "root.json")
    yield Place(server, local)
    server.assert_running()
    assert server.stop() == 0


def raw(text):
    return sorted({f"U+{ord(character):04X}" for character in text if character != "\n" and
                   unicodedata.category(character) in HIDDEN})


def assert_plain(outcome):
    assert 0 <= outcome.code < 70, outcome
    assert raw(outcome.out) == [] and raw(outcome.err) == [], f"{raw(outcome.out + outcome.err)}: {outcome}"


def perform(place, url, *arguments):
    """What a command prints, byte for byte: a carriage return is no line feed."""
    local = place.local.at(url)
    done = subprocess.run(
        [local.binary, *map(str, arguments)], cwd=local.home, env=local.environment(), stdin=subprocess.DEVNULL,
        capture_output=True, timeout=COMMAND_SECONDS)
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


def run(place, url, command, *more):
    for name in ("out", "o.tar"):
        subprocess.run(["rm", "-rf", place.local.home / name], check=True)
    return perform(place, url, *COMMANDS[command], *more)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_text_of_a_publisher_is_printed_as_it_is(place, command):
    outcome = run(place, place.server.url, command)
    assert_plain(outcome)
    if command in ("show", "bom", "statement"):
        assert VISIBLE in outcome.out, outcome
    if command in ("bom", "statement", "root"):
        json.loads(outcome.out)
    if command not in WITHOUT_JSON:
        outcome = run(place, place.server.url, command, "--json")
        assert_plain(outcome)
        json.loads(outcome.out)


def strings(node, name=""):
    """The names of all members that hold text, and of all objects that map texts to something."""
    if isinstance(node, dict):
        for key, child in node.items():
            yield from strings(child, key)
        if node:
            yield f"{name}{{}}"
    elif isinstance(node, list):
        for child in node:
            yield from strings(child, name)
    elif isinstance(node, str):
        yield name


def spoiled(node, wanted, name=""):
    """The same with hostile text in every member of one name, or as a name of its own in every such object."""
    if isinstance(node, dict):
        changed = {key: spoiled(child, wanted, key) for key, child in node.items()}
        if changed and wanted == f"{name}{{}}":
            changed[HOSTILE] = next(iter(changed.values()))
        return changed
    if isinstance(node, list):
        return [spoiled(child, wanted, name) for child in node]
    return node + HOSTILE if isinstance(node, str) and name == wanted else node


def spoiling(wanted):
    def answer(method, path, data):
        if path.startswith("/v2/") and "/referrers/" not in path:
            return data
        try:
            return json.dumps(spoiled(json.loads(data), wanted)).encode()
        except ValueError:
            return data

    return answer


@pytest.mark.parametrize("command", COMMANDS)
def test_no_field_of_an_answer_is_printed_as_it_is(place, command):
    found = set()

    def listening(method, path, data):
        try:
            found.update(strings(json.loads(data)))
        except ValueError:
            pass
        return data

    with Liar(place.server.url, listening) as liar:
        run(place, liar.url, command)
    # Some are told no document, or nothing but that there is no such thing.
    if command not in ("dot", "checkpoint", "export", "delete", "cancel"):
        assert found, "no answer was a document"
    for name in sorted(found if command in TALKATIVE else found.intersection(SENTENCES)):
        with Liar(place.server.url, spoiling(name)) as liar:
            outcome = run(place, liar.url, command)
        assert_plain(outcome)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_text_that_is_no_document_is_printed_as_it_is(place, command):
    """Graphs, checkpoints, and what should have been a document."""
    def answer(method, path, data):
        is_kept = path.startswith(("/api/v1/", "/v2/")) and "format=dot" not in path
        return data if is_kept else data + HOSTILE.encode() + b"\nlast\n"

    for change in (answer, lambda *_: HOSTILE.encode()):
        with Liar(place.server.url, change) as liar:
            assert_plain(run(place, liar.url, command))


PROBLEM = {
    "type": "urn:assay:error:" + HOSTILE, "title": HOSTILE, "status": 409, "detail": VISIBLE + HOSTILE,
    "remedy": VISIBLE + HOSTILE, "code": "alias-conflict", "request_id": HOSTILE}
OCI_ERROR = {"errors": [{"code": HOSTILE, "message": VISIBLE + HOSTILE, "detail": {
    "code": HOSTILE, "remedy": VISIBLE + HOSTILE}}]}


@pytest.mark.parametrize("command", [*COMMANDS, "worker"])
def test_no_text_of_an_error_is_printed_as_it_is(place, command):
    arguments = ("worker", "--once", "--cache", "cache") if command == "worker" else COMMANDS[command]
    for document in (PROBLEM, PROBLEM | {"code": HOSTILE}, PROBLEM | {"code": "usage"}, OCI_ERROR):
        body = json.dumps(document, ensure_ascii=False).encode()
        with Stub(constant(409, body)) as stub:
            for more in ((), ("--json",)):
                if more and (document is not PROBLEM or command in (*WITHOUT_JSON, "worker")):
                    continue
                outcome = perform(place, stub.url, *arguments, *more)
                assert outcome.code != 0
                assert_plain(outcome)
                # What is told is the sentence of the server, unless the command is told otherwise by the status alone.
                if not more and document is PROBLEM and command in ("show", "list", "promote", "keys"):
                    assert VISIBLE in outcome.err


@pytest.mark.parametrize("command", ["show", "push"])
def test_no_header_is_printed_as_it_is(place, command):
    headers = {"X-Request-Id": HEADER, "Www-Authenticate": HEADER, "Location": HEADER, "Link": HEADER}
    for status in (200, 202, 307, 401):
        with Stub(constant(status, json.dumps(PROBLEM).encode(), **headers)) as stub:
            assert_plain(perform(place, stub.url, *COMMANDS[command]))


def test_arguments_are_not_echoed_as_they_are(place):
    said = HOSTILE.replace("\x00", "")
    for arguments in ((said,), ("pull", said, "out"), ("list", said), (f"--{said}",), ("show", f"{NAME}:{said}"),
                      ("push", NAME, said), ("policy", "set", NAME, "production", said),
                      ("verify", f"{NAME}:2", f"--{said}"),
                      ("completions", said), ("help", said), ("--server", said, "list"), ("list", "--store", said)):
        outcome = perform(place, place.server.url, *arguments)
        assert outcome.code != 0 or arguments[0] == "help"
        assert_plain(outcome)


def test_a_progress_line_on_a_terminal_holds_nothing_of_a_server(place):
    """The bar is drawn with commands of its own, and with no others."""
    own, end = os.openpty()

    def answer(method, path, data):
        if "/verifications/" not in path or path.endswith("/report"):
            return data
        document = json.loads(data)
        if document.get("state") in ("queued", "running"):
            document["progress"] = {"stage": HOSTILE + VISIBLE, "done": 1, "total": 2}
        return json.dumps(document).encode()

    with Liar(place.server.url, answer) as liar:
        process = place.local.at(liar.url).start(
            *COMMANDS["verify"], "--runs", "20000", stdout=subprocess.DEVNULL, stderr=end)
        os.close(end)
        text = b""
        while True:
            try:
                piece = os.read(own, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece
        process.wait(60)
    os.close(own)
    shown = text.decode().replace("\r\n", "\n").replace("\r\x1b[K", "")
    assert raw(shown) == [], shown


def test_the_log_of_a_server_holds_no_request_as_it_came(binary, tmp_path):
    server = Server(binary, tmp_path).create_store()
    server.variables = {"ASSAY_LOG": "trace"}
    server.start()
    text = HOSTILE.replace("\r", "").replace("\n", "").replace("\x00", "")
    for line in (f"GET /{text} HTTP/1.1", f"GET /v2/{text}/blobs/{digest_of(b'')} HTTP/1.1", f"{text} / HTTP/1.1",
                 f"GET /api/v1/repositories?after={text} HTTP/1.1"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as wire:
            wire.sendall(f"{line}\r\nHost: {server.address}\r\nUser-Agent: {text}\r\nX-Y: {text}\r\n"
                         "Connection: close\r\n\r\n".encode())
            while wire.recv(65536):
                pass
    assert server.stop() == 0
    assert raw(server.log.read_bytes().decode()) == [], server.log_tail()


def test_a_document_says_the_same_after_it_was_printed(place):
    """What a server put into a name of a key, in a trust root that is printed and in one that is written."""
    def answer(method, path, data):
        return json.dumps(spoiled(json.loads(data), "name")).encode() if path.startswith("/api/v1/keys") else data

    with Liar(place.server.url, answer) as liar:
        printed = perform(place, liar.url, "key", "export")
        written = perform(place, liar.url, "key", "export", "-o", "spoiled.json")
    assert_plain(printed)
    assert printed.code == written.code == 0, (printed, written)
    document = json.loads(printed.out)
    assert document == json.loads((place.local.home / "spoiled.json").read_text())
    assert any(key["name"].endswith(HOSTILE) for key in document["keys"])


def test_help_and_scripts_are_printed_as_they_are(place):
    for arguments in (("--help",), ("push", "--help"), ("completions", "bash"), ("completions", "zsh"),
                      ("completions", "fish"), ("--version",)):
        outcome = place.local.ok(*arguments)
        assert "\\u{" not in outcome.out and outcome.out.endswith("\n")
    script = place.local.ok("completions", "bash").out
    subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=30)
