"""Whose log is believed, for which repositories, and what a client remembers of it."""

import base64
import json
import os
import subprocess
from dataclasses import dataclass

import pytest
import tlog
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from evidence import DONE, INTEGRITY, USAGE
from harness import Assay, Server, finish
from lying import Liar

NAME = "team/model"


@dataclass
class Place:
    server: Server
    local: Assay

    def push(self, number):
        (self.local.home / f"{number}.bin").write_text(f"weights {number}")
        self.local.ok("push", NAME, f"{number}.bin", "--key", "release.pem")
        self.local.ok("promote", f"{NAME}:{number}", "production")

    @property
    def log_key(self):
        return load_pem_private_key((self.server.store / "keys" / "log.pem").read_bytes(), None)

    def resigned(self, note, origin=None, size=None):
        """A checkpoint with other words, signed by the log's own key."""
        text = note.decode().rpartition("\n\n")[0].split("\n")
        text[0], text[1] = origin or text[0], str(size if size is not None else text[1])
        body = "\n".join(text) + "\n"
        key = tlog.VerifierKey(text[0], self.log_key.public_key().public_bytes_raw())
        signature = base64.b64encode(key.id + self.log_key.sign(body.encode())).decode()
        return f"{body}\n— {text[0]} {signature}\n".encode()


def settle(binary, home):
    server = Server(binary, home).create_store().start()
    place = Place(server, Assay(binary, home, server.url))
    place.local.key()
    place.local.ok("key", "trust", "release.pub.pem")
    (home / "policy.yaml").write_text("version: 1\n")
    place.local.ok("policy", "set", NAME, "production", "policy.yaml", "--create")
    place.push(1)
    place.local.ok("key", "export", "-o", "root.json")
    place.local.ok("bundle", "export", f"{NAME}:1", "-o", "one.tar")
    return place


@pytest.fixture(scope="module")
def settled(binary, tmp_path_factory):
    place = settle(binary, tmp_path_factory.mktemp("settled"))
    yield place
    place.server.assert_running()
    assert place.server.stop() == 0


@pytest.fixture
def place(binary, tmp_path):
    place = settle(binary, tmp_path)
    yield place
    if place.server.process.poll() is None:
        place.server.stop()


# A log's key in a trust root


def limited(place, **fields):
    """The trust root with other words about the log's key."""
    root = json.loads((place.local.home / "root.json").read_text())
    for key in root["keys"]:
        if key["role"] == "log":
            key.update(fields)
    (place.local.home / "limited.json").write_text(json.dumps(root))
    return "limited.json"


QUESTIONS = {
    "pull": ("pull", f"{NAME}:production", "out", "--require-log"),
    "pull by number": ("pull", f"{NAME}:1", "out", "--require-log"),
    "bundle verify": ("bundle", "verify", "one.tar"),
    "promoted": ("bundle", "verify", "one.tar", "--promoted", "production"),
    "import": ("bundle", "import", "one.tar", "--as", "team/again"),
    "audit verify": ("audit", "verify"), "audit show": ("audit", "show", "3")}

NO = {
    "revoked": {"revoked_at": "2020-01-01T00:00:00.000Z"}, "ended": {"valid_until": "2020-01-01T00:00:00.000Z"},
    "to come": {"valid_from": "2099-01-01T00:00:00.000Z"}, "of others": {"repositories": ["other/*"]}}


@pytest.mark.parametrize("limit", NO)
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_log_key_that_does_not_count_is_a_no_and_not_nothing(settled, question, limit):
    outcome = settled.local.run(*QUESTIONS[question], "--trust", limited(settled, **NO[limit]))
    assert outcome.code == INTEGRITY, outcome
    assert not (settled.local.home / "out").exists()
    assert settled.local.run("list", "team/again").code != DONE


@pytest.mark.parametrize("fields", [{}, {"repositories": ["team/*"]}, {"repositories": ["*"]}])
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_log_key_that_speaks_for_the_repository_proves_it(settled, question, fields):
    outcome = settled.local.run(*QUESTIONS[question], "--force" if "pull" in QUESTIONS[question] else "--json",
                                "--trust", limited(settled, **fields))
    if question == "import":
        settled.local.run("delete", "team/again:1")
    assert outcome.code == DONE, outcome
    subprocess.run(["rm", "-rf", settled.local.home / "out"], check=True)


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_root_says_for_which_repositories_a_key_speaks(settled, question):
    others = settled.local.home / "others.json"
    others.write_text((settled.local.home / limited(settled, repositories=["other/*"])).read_text())
    if question == "import":
        pytest.skip("asked of a registry that has it")
    outcome = settled.local.run(*QUESTIONS[question], "--trust", "others.json", "--trust",
                                limited(settled, repositories=["team/*"]))
    assert outcome.code == DONE, outcome
    subprocess.run(["rm", "-rf", settled.local.home / "out"], check=True)


def test_one_root_that_revokes_the_key_is_enough(settled):
    revoking = limited(settled, **NO["revoked"])
    outcome = settled.local.run(*QUESTIONS["pull"], "--trust", "root.json", "--trust", revoking)
    assert outcome.code == INTEGRITY, outcome


# The log of a key


def test_a_log_of_another_name_than_its_keys_is_refused(settled):
    """An old store behind another name, signed by the same key, is no other log that was never seen."""
    def answer(method, path, data):
        head, gap, note = data.partition(b"\n\n") if b"c2sp.org/tlog-proof" in data else (b"", b"", data)
        return head + gap + settled.resigned(note, "assay.dev/log/other") if b"\xe2\x80\x94 assay" in note else data

    with Liar(settled.server.url, answer) as liar:
        local = settled.local.at(liar.url)
        for question in ("pull", "audit verify", "audit show"):
            outcome = local.run(*QUESTIONS[question], "--trust", "root.json")
            assert outcome.code == INTEGRITY, outcome
            assert "another log" in outcome.err
    assert not (settled.local.home / "out").exists()


@pytest.mark.parametrize("size", [1 << 32, 1 << 40, (1 << 40) + 1, 1 << 62, (1 << 63) - 1])
def test_a_log_that_states_more_entries_than_any_has_is_told(settled, size):
    """Signed by the log's own key: every tile is there whose path is asked for, or none is."""
    def answer(method, path, data):
        return settled.resigned(data, size=size) if path == "/log/checkpoint" else data

    with Liar(settled.server.url, answer) as liar:
        outcome = settled.local.at(liar.url).run("audit", "verify", "--trust", "root.json", timeout=60)
        assert len(liar.asked) < 1_000
    assert outcome.code == INTEGRITY, outcome
    assert outcome.err


# What is remembered


def pull(place, folder, environment, *options, url=None):
    return subprocess.Popen(
        [place.local.binary, "pull", f"{NAME}:production", folder, "--require-log", "--trust", "root.json", "--json",
         *options],
        cwd=place.local.home, env=environment | {"ASSAY_SERVER": url or place.server.url}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def environment(**variables):
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("ASSAY_") and name not in ("HOME", "XDG_STATE_HOME")}
    return kept | variables


@pytest.mark.parametrize("variables", [
    {}, {"HOME": ""}, {"HOME": "relative/home"}, {"XDG_STATE_HOME": "relative"}, {"HOME": "", "XDG_STATE_HOME": ""},
    {"HOME": "rel", "XDG_STATE_HOME": "./rel"}])
def test_where_nothing_can_be_remembered_nothing_is_pulled(settled, variables):
    outcome = finish(pull(settled, "nowhere", environment(**variables)))
    assert outcome.code == USAGE, outcome
    assert "XDG_STATE_HOME" in outcome.out + outcome.err
    assert not (settled.local.home / "nowhere").exists()


@pytest.mark.parametrize("blocked", [".local", ".local/state", ".local/state/assay/checkpoints",
                                     ".local/state/assay/moves"])
def test_a_memory_that_cannot_be_made_is_told(settled, tmp_path, blocked):
    place = tmp_path / blocked
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("a file\n")
    outcome = finish(pull(settled, "nowhere", environment(HOME=str(tmp_path))))
    assert outcome.code == USAGE, outcome
    assert not (settled.local.home / "nowhere").exists()


def test_a_state_folder_of_its_own_is_enough(settled, tmp_path):
    outcome = finish(pull(settled, "somewhere", environment(XDG_STATE_HOME=str(tmp_path))))
    assert outcome.code == DONE, outcome
    assert list((tmp_path / "assay" / "checkpoints").iterdir())


def remembered(state, place):
    """The size of the one checkpoint that is remembered, whose signature is checked."""
    file, = (file for file in (state / "assay" / "checkpoints").iterdir() if not file.name.startswith("."))
    note = file.read_bytes()
    key = tlog.VerifierKey(note.split(b"\n")[0].decode(), place.log_key.public_key().public_bytes_raw())
    return tlog.verify_checkpoint(note, [key], key.name).size


def test_six_pulls_at_a_time_share_one_memory_that_never_becomes_older(place, tmp_path):
    state = tmp_path / "state"
    sizes = []
    for turn in range(4):
        running = [pull(place, f"out-{turn}-{number}", environment(XDG_STATE_HOME=str(state))) for number in range(6)]
        # The log grows while they run.
        for number in range(1 + turn, 4 + turn):
            place.local.ok("alias", "set", NAME, f"candidate-{number}", "1")
        for process in running:
            outcome = finish(process)
            assert outcome.code == DONE, outcome
            sizes.append(outcome.json["promotion"]["entry_count"])
        now = remembered(state, place)
        assert now >= max(sizes)
        sizes.append(now)


def test_a_memory_by_the_name_of_the_log_is_taken_over(place, tmp_path):
    """What an earlier release kept still tells a log that was rolled back."""
    state = tmp_path / "state"
    assert finish(pull(place, "first", environment(XDG_STATE_HOME=str(state)))).code == DONE
    folder = state / "assay" / "checkpoints"
    file, = (file for file in folder.iterdir() if not file.name.startswith("."))
    note = file.read_bytes()
    size = int(note.split(b"\n")[1])
    earlier = tlog.hashlib.sha256(note.split(b"\n")[0]).hexdigest()[:32]
    file.unlink()
    (folder / earlier).write_bytes(place.resigned(note, size=size + 100))
    outcome = finish(pull(place, "second", environment(XDG_STATE_HOME=str(state))))
    assert outcome.code == INTEGRITY and "rolled back" in outcome.out + outcome.err, outcome
