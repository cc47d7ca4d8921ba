"""What a terminal gets that pipes do not: rows that fit, short times, names of keys, colours."""

import fcntl
import os
import re
import struct
import subprocess
import termios

import pytest
from harness import FIXTURES, Assay, Server
from lying import Liar
from test_printed_text import HOSTILE, raw, spoiled

NAME = "team/model-with-a-long-name"
GREEN, YELLOW, RED, RESET = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
COMMANDS = (
    ("list",), ("list", NAME), ("show", f"{NAME}:1"), ("search", "model"), ("history", NAME, "production"),
    ("aliases",),
    ("alias", "list", NAME), ("audit", "list"), ("attestations", f"{NAME}:1"), ("key", "list"),
    ("policy", "check", f"{NAME}:1", "production"), ("policy", "history", NAME, "production"),
    ("lineage", f"{NAME}:1"), ("policy", "check", f"{NAME}:2", "production"))


@pytest.fixture(scope="module")
def place(binary, tmp_path_factory):
    home = tmp_path_factory.mktemp("terminal")
    server = Server(binary, home).create_store().start()
    local = Assay(binary, home, server.url)
    local.key()
    local.ok("key", "trust", "release.pub.pem", "--name", "release-2026")
    local.ok("push", "data", FIXTURES / "test.npz", "--kind", "dataset")
    local.ok("push", NAME, FIXTURES / "digits-1.onnx", "--key", "release.pem", "--trained-on", "data:1",
             "--description", "what it is, in more words than a row of eighty columns can hold beside all the others")
    local.ok("push", NAME, FIXTURES / "digits-2.onnx")
    (home / "policy.yaml").write_text("version: 1\nsize: {max_bytes: 100000000}\n")
    local.ok("policy", "set", NAME, "production", "policy.yaml")
    local.ok("promote", f"{NAME}:1", "production")
    yield local
    server.assert_running()
    assert server.stop() == 0


def on_terminal(local, *arguments, columns=80, **variables):
    """The standard output of a command as a terminal of so many columns gets it."""
    own, end = os.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = local.environment() | {"TERM": "xterm-256color"} | variables
    if "NO_COLOR" not in variables:
        environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [local.binary, *map(str, arguments)], cwd=local.home, env=environment, stdin=subprocess.DEVNULL, stdout=end,
        stderr=subprocess.DEVNULL)
    os.close(end)
    text = b""
    try:
        while piece := os.read(own, 65536):
            text += piece
    except OSError:
        pass
    process.wait(60)
    os.close(own)
    return text.decode().replace("\r\n", "\n")


def plain(text):
    return re.sub(r"\x1b\[(3[123]|0)m", "", text)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_tables_fit_a_terminal_and_say_all_elsewhere(place, command):
    shown, piped = on_terminal(place, *command), place.run(*command).out
    assert shown and raw(plain(shown)) == []
    if command[0] != "show":
        assert max(map(len, plain(shown).split("\n"))) <= 80, shown
    assert not TIME.search(shown), shown
    assert "\x1b" not in piped and "…" not in piped
    wide = plain(on_terminal(place, *command, columns=1000))
    assert "…" not in wide
    # The same but for times and names of keys: each word that a pipe gets is there.
    missing = [word for word in piped.split() if not TIME.match(word) and word not in wide.split()]
    assert missing == [], (wide, piped)


def test_a_terminal_gets_names_of_keys(place):
    key = next(line.split()[0] for line in place.ok("key", "list").out.split("\n") if "release-2026" in line)
    assert f"{key[:12]} release-2026" in on_terminal(place, "attestations", f"{NAME}:1", columns=200)
    assert "release-2026" not in place.ok("attestations", f"{NAME}:1").out


def test_colours_tell_how_something_stands(place):
    check = ("policy", "check", f"{NAME}:2", "production")
    shown = on_terminal(place, *check)
    assert f"{GREEN}passed{RESET}" in shown and f"{RED}missing{RESET}" in shown, shown
    assert on_terminal(place, *check, NO_COLOR="") == shown
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}):
        assert on_terminal(place, *check, **variables) == plain(shown)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_colour_comes_from_a_server(place, command):
    for name in ("status", "state", "name", "description", "requirement", "reason", "actor", "kind"):
        def answer(method, path, data, name=name):
            import json
            try:
                return json.dumps(spoiled(json.loads(data), name)).encode()
            except ValueError:
                return data

        with Liar(place.environment()["ASSAY_SERVER"], answer) as liar:
            shown = on_terminal(place.at(liar.url), *command)
        assert raw(plain(shown)) == [], (name, shown)
        assert HOSTILE not in shown


def test_json_is_indented_and_whole_on_a_terminal(place):
    shown = on_terminal(place, "show", f"{NAME}:1", "--json", columns=40)
    assert shown == place.ok("show", f"{NAME}:1", "--json").out
    assert '\n  "' in shown


def test_help_is_whole_on_narrow_terminals(place):
    shown = on_terminal(place, "attest", "--help", columns=40)
    assert "  assay attest team/fraud:3 --envelope provenance.intoto.json\n" in shown
