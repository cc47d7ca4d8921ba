"""Completions of bash, as readline asks for them: names of files, words of options, and what a registry has."""

import http.server
import os
import select
import subprocess
import threading
import time

import pytest
from harness import FIXTURES, Assay, Server
from lying import Liar

NAMES = ("team/fraud", "team/fraud-eu", "team/prices")
PROMPT = b"ready> "


@pytest.fixture(scope="module")
def place(binary, tmp_path_factory):
    """A registry with three models and a dataset, served, in a folder with files to be named."""
    home = tmp_path_factory.mktemp("completions")
    server = Server(binary, home).create_store().start()
    local = Assay(binary, home, server.url)
    for name in NAMES:
        local.ok("push", name, FIXTURES / "digits-1.onnx")
    local.ok("push", "team/prices", FIXTURES / "digits-2.onnx")
    local.ok("push", "data", FIXTURES / "test.npz", "--kind", "dataset")
    local.ok("alias", "set", "team/prices", "candidate", "1")
    (home / "policy one.yaml").write_text("version: 1\n")
    (home / "models").mkdir()
    (home / "models" / "a.onnx").write_bytes(b"")
    yield local
    server.assert_running()
    assert server.stop() == 0


class Shell:
    """A bash on a terminal of its own, with the completions of a binary."""

    SETTINGS = (
        "bind 'set enable-bracketed-paste off'", "bind 'set completion-query-items -1'",
        "bind 'set page-completions off'", "bind 'set bell-style none'", "source completions.bash",
        # What is offered and the line as it stands are written down and not read off the screen.
        'offer() { __assay_complete "$@"; printf "%s\\n" "${COMPREPLY[@]}" > new && mv new offered; }',
        "complete -o filenames -F offer assay",
        """bind -x '"\\C-g": printf "%s" "$READLINE_LINE" > new && mv new line'""")

    def __init__(self, local, **variables):
        self.home = local.home
        (self.home / "completions.bash").write_text(local.ok("completions", "bash").out)
        os.makedirs(self.home / "bin", exist_ok=True)
        if not (self.home / "bin" / "assay").exists():
            (self.home / "bin" / "assay").symlink_to(local.binary)
        environment = local.environment() | {
            "PATH": f"{self.home}/bin:{os.environ['PATH']}", "TERM": "dumb", "PS1": PROMPT.decode(),
            "INPUTRC": "/dev/null", "HISTFILE": ""} | variables
        self.terminal, end = os.openpty()
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"], cwd=self.home, env=environment, stdin=end, stdout=end,
            stderr=end, start_new_session=True)
        os.close(end)
        self.screen = b""
        for setting in self.SETTINGS:
            self.send(setting + "\r")
        self.replies("assay --vers")

    def send(self, keys):
        os.write(self.terminal, keys.encode())

    def wait_for(self, name, seconds=20):
        limit = time.monotonic() + seconds
        while not (self.home / name).exists():
            assert time.monotonic() < limit, self.screen
            if select.select([self.terminal], [], [], 0.01)[0]:
                self.screen += os.read(self.terminal, 65536)
        return (self.home / name).read_text()

    def replies(self, line):
        """What is offered for a line whose end is the cursor, and the line as it stands after one tab."""
        for name in ("line", "offered"):
            (self.home / name).unlink(missing_ok=True)
        self.screen = b""
        self.send(f"\x15{line}\t\x07")
        ended = self.wait_for("line")
        offered = self.home / "offered"
        return (offered.read_text().split("\n")[:-1] if offered.exists() else []), ended

    def settled(self, line):
        """As `replies`, tried again while nothing is offered: a busy machine may take longer than a shell waits."""
        for _ in range(20):
            offered, ended = self.replies(line)
            if any(offered):
                break
        return offered, ended

    def close(self):
        self.process.kill()
        self.process.wait(10)
        os.close(self.terminal)


@pytest.fixture()
def shell(place):
    shell = Shell(place)
    yield shell
    shell.close()


@pytest.mark.parametrize("line, ended", [
    ("assay prom", "assay promote "), ("assay policy chec", "assay policy check "),
    # Options may stand before the command.
    ("assay --json prom", "assay --json promote "),
    ("assay --store ./models prom", "assay --store ./models promote "),
    ("assay show --js", "assay show --json "),
    # Files and folders.
    ("assay push team/new mod", "assay push team/new models/"),
    ("assay push team/new models/", "assay push team/new models/a.onnx "),
    ("assay list --token-f", "assay list --token-file "), ("assay --store mod", "assay --store models/"),
    ("assay policy set team/prices candidate pol", "assay policy set team/prices candidate policy\\ one.yaml "),
    # Words of options.
    ("assay push x y --kind d", "assay push x y --kind dataset "),
    ("assay list --kind=d", "assay list --kind=dataset "),
    ("assay key trust x --role tr", "assay key trust x --role training "),
    ("assay optimize x:1 --precision f", "assay optimize x:1 --precision fp16 "),
    ("assay completions f", "assay completions fish "), ("assay jobs list --state q", "assay jobs list --state queued "),
    # What the registry has.
    ("assay list team/p", "assay list team/prices "), ("assay alias list team/p", "assay alias list team/prices "),
    ("assay show team/prices:c", "assay show team/prices:candidate "),
    ("assay show team/prices:2", "assay show team/prices:2 "), ("assay show team/pr", "assay show team/prices:"),
    ("assay show team/fraud-", "assay show team/fraud-eu:1 "), ("assay show te", "assay show team/"),
    ("assay promote team/prices:1 c", "assay promote team/prices:1 candidate "),
    ("assay promote --dry-run team/prices:1 c", "assay promote --dry-run team/prices:1 candidate "),
    ("assay history --limit 3 team/prices c", "assay history --limit 3 team/prices candidate "),
    ("assay alias set team/fraud-eu best ", "assay alias set team/fraud-eu best 1 "),
    ("assay verify team/prices:1 --dataset ", "assay verify team/prices:1 --dataset data:1 "),
    ("assay verify team/prices:1 --dataset=d", "assay verify team/prices:1 --dataset=data:1 "),
    # What is not there changes nothing.
    ("assay show nothing", "assay show nothing"), ("assay show team/none:", "assay show team/none:"),
])
def test_one_tab_completes(shell, line, ended):
    offered, typed = shell.replies(line) if line == ended else shell.settled(line)
    assert typed == ended, (offered, shell.screen)


@pytest.mark.parametrize("line, offered", [
    ("assay show team/", {"team/fraud", "team/fraud-eu", "team/prices"}),
    ("assay show team/fraud", {"team/fraud:1", "team/fraud-eu"}),
    ("assay show team/prices:", {"1", "2", "candidate"}),
    ("assay push x y --kind ", {"model", "dataset"}),
    ("assay alias set team/prices candidate ", {"1", "2"}), ("assay rollback team/prices candidate --to ", {"1", "2"}),
    ("assay aliases --name ", {"candidate"}), ("assay promote team/fraud:1 ", set()),
    ("assay show no/such", set()), ("assay show $(touch", set()), ("assay verify x:1 --dataset t", set()),
])
def test_what_is_offered(shell, line, offered):
    assert set(filter(None, (shell.settled if offered else shell.replies)(line)[0])) == offered, shell.screen


def test_the_line_says_which_registry_is_asked(binary, place, tmp_path):
    """Options beat the environment; a store without a server is read, and stays as it is."""
    store = tmp_path / "a store"
    other = Assay(binary, place.home, None)
    other.ok("init", store)
    other.ok("push", "lone", FIXTURES / "digits-3.onnx", "--store", store)
    before = sorted((path, path.stat().st_mtime_ns) for path in store.rglob("*") if path.is_file())
    shell = Shell(place)
    for line in (f"assay show --store '{store}' l", f"assay --store '{store}' show l",
                 f"assay show --store={str(store).replace(' ', chr(92) + ' ')} l"):
        assert shell.settled(line) == (["lone:1"], line[:-1] + "lone:1 "), shell.screen
    shell.close()
    assert sorted((path, path.stat().st_mtime_ns) for path in store.rglob("*") if path.is_file()) == before
    shell = Shell(place, ASSAY_SERVER="", ASSAY_STORE=str(store))
    assert shell.settled("assay show l")[0] == ["lone:1"]
    server = place.environment()["ASSAY_SERVER"]
    line = f"assay show --server {server} team/fraud-"
    assert shell.settled(line)[1] == f"assay show --server {server} team/fraud-eu:1 "
    shell.close()


class Silent(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(5)

    def log_message(self, *_):
        pass


def request(local, *words, **variables):
    """What the script of a shell asks the program, and how long the answer takes."""
    begin = time.monotonic()
    done = subprocess.run(
        [local.binary, "---completion", "show", "--", "positional@0", "2", "0", "assay", "show", *words],
        cwd=local.home, env=local.environment() | variables, capture_output=True, timeout=30)
    return done, time.monotonic() - begin


def test_no_failure_is_told(binary, place, tmp_path):
    """A line that is being typed stays as it is, whatever is wrong, and is not held up."""
    silent = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    threading.Thread(target=silent.serve_forever, daemon=True).start()
    hung = f"http://127.0.0.1:{silent.server_port}"
    for variables in ({"ASSAY_SERVER": hung}, {"ASSAY_SERVER": "http://127.0.0.1:1"}, {"ASSAY_SERVER": "nonsense"},
                      {"ASSAY_SERVER": ""}, {"ASSAY_SERVER": "", "ASSAY_STORE": str(tmp_path / "none")},
                      {"ASSAY_STORE": "both"}, {"ASSAY_LOG": "nonsense"}, {"ASSAY_TOKEN": "\n"}):
        done, seconds = request(place, "team/", **variables)
        assert done.stderr == b"" and done.stdout.strip() == b"", (variables, done)
        assert seconds < 2, (variables, seconds)
    silent.shutdown()


def test_a_server_is_asked_quickly(place):
    seconds = []
    for _ in range(10):
        done, taken = request(place, "team/")
        if done.stdout.split() == [name.encode() for name in NAMES]:
            seconds.append(taken)
    # The figure for users is 100 ms; a busy machine and a debug build get more.
    assert min(seconds) < 1, seconds


def test_a_shell_expands_nothing_that_a_server_says(place, tmp_path):
    marker = tmp_path / "marker"

    def answer(method, path, data):
        return data.replace(b"team/prices", f"team/$(touch {marker})".encode())

    with Liar(place.environment()["ASSAY_SERVER"], answer) as liar:
        shell = Shell(place.at(liar.url))
        for line in ("assay show team/", "assay list team/", "assay show team/prices:"):
            offered, _ = shell.replies(line)
            assert not any("touch" in word for word in offered)
        shell.close()
    assert not marker.exists()
