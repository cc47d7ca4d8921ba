"""`assay pull --require-log`: nothing is written unless a log that is still the one it was proves the promotion."""

import base64
import itertools
import json
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import tlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from evidence import DONE, INTEGRITY, NOT_FOUND, USAGE, digest, registry_key
from harness import REQUEST_SECONDS, Assay, Registry, Server, free_port, public
from lying import Liar

NAME = "team/model"
VISITS = itertools.count()


@dataclass
class Place:
    """A server with promoted versions, and a client of it with a memory of its own."""

    server: Server
    local: Assay

    @property
    def memory(self):
        return self.local.home / self.local.state / "assay" / "checkpoints"

    def push(self, number, is_promoted=True):
        (self.local.home / f"{number}.bin").write_text(f"weights {number}")
        self.local.ok("push", NAME, f"{number}.bin", "--key", "release.pem")
        if is_promoted:
            self.local.ok("promote", f"{NAME}:{number}", "production")

    def pull(self, reference, *options, url=None, folder="out"):
        """The outcome of a pull into a new folder, which must have all of the version or nothing."""
        shutil.rmtree(self.local.home / folder, ignore_errors=True)
        outcome = self.local.at(url or self.server.url).run("pull", reference, folder, "--require-log", *options)
        written = sorted(file.name for file in (self.local.home / folder).glob("*"))
        assert bool(written) == (outcome.code == DONE), f"{written} after {outcome}"
        return outcome


class Client(Assay):
    """The command line with a state folder below its home, or wherever it is told."""

    state = "state"

    def at(self, server):
        other = Client(self.binary, self.home, server)
        other.state = self.state
        return other

    def environment(self):
        kept = {name: value for name, value in super().environment().items() if name != "XDG_STATE_HOME"}
        return kept | ({"XDG_STATE_HOME": str(self.home / self.state)} if self.state else {})


def settle(server, local):
    """Version 1 was promoted, 2 is promoted, 3 never was; a candidate that nobody protects points to 3."""
    place = Place(server, local)
    local.key()
    local.ok("key", "trust", "release.pub.pem")
    (local.home / "policy.yaml").write_text("version: 1\n")
    local.ok("policy", "set", NAME, "production", "policy.yaml", "--create")
    for number in (1, 2):
        place.push(number)
    place.push(3, is_promoted=False)
    local.ok("alias", "set", NAME, "candidate", "3")
    local.ok("key", "export", "-o", "root.json")
    (local.home / "log.pub.pem").write_bytes(registry_key(Registry(server.url), "log"))
    return place


@pytest.fixture
def place(server, binary, tmp_path):
    """A place of the test's own, whose log may be changed."""
    return settle(server, Client(binary, tmp_path, server.url))


@pytest.fixture(scope="module")
def settled(binary, tmp_path_factory):
    home = tmp_path_factory.mktemp("settled")
    server = Server(binary, home).create_store().start()
    yield settle(server, Client(binary, home, server.url))
    server.assert_running()
    assert server.stop() == 0


@pytest.fixture
def steady(settled):
    """A place where nothing is changed, and a client that was never there before."""
    local = Client(settled.local.binary, settled.local.home, settled.server.url)
    local.state = f"state-{next(VISITS)}"
    return Place(settled.server, local)


@pytest.fixture(scope="module")
def true_proof(settled):
    """Where a client gets the proof of the promotion from, as it is seen on the wire."""
    with Liar(settled.server.url) as relay:
        outcome = settled.pull(f"{NAME}:production", *TRUST, url=relay.url)
        assert outcome.code == DONE, outcome
    path, = paths_of_proofs(settled.server, relay)
    return path


def paths_of_proofs(server, relay):
    return {path for path in paths(relay) if b"c2sp.org/tlog-proof" in requests.get(
        server.url + path, timeout=REQUEST_SECONDS).content}


TRUST = ["--trust", "root.json"]


# Who was promoted


def test_what_was_promoted_is_pulled_by_each_of_its_names(steady):
    names = {f"{NAME}:production": 2, f"{NAME}:2": 2, f"{NAME}:1": 1,
             f"{NAME}@{digest(steady.local, f'{NAME}:1')}": 1}
    for name, number in names.items():
        for options in (TRUST, [], ["--trust", "log.pub.pem", "--trust", "release.pub.pem"]):
            outcome = steady.pull(name, *options)
            assert outcome.code == DONE, outcome
            assert (steady.local.home / "out" / f"{number}.bin").read_text() == f"weights {number}"
    told = json.loads(steady.pull(f"{NAME}:production", *TRUST, "--json").out)
    assert told["promotion"]["alias"] == "production" and not told["promotion"]["is_key_of_registry"]
    assert told["promotion"]["entry_count"] > told["promotion"]["index"]


def test_the_entry_that_it_tells_is_the_promotion(steady):
    told = json.loads(steady.pull(f"{NAME}:production", *TRUST, "--json").out)["promotion"]
    entry = steady.local.ok("audit", "show", told["index"], "--json", *TRUST).json["entry"]
    assert (entry["kind"], entry["cause"], entry["alias"]) == ("alias", "promotion", "production")
    assert entry["digest"] == digest(steady.local, f"{NAME}:2")


@pytest.mark.parametrize("options", [TRUST, []])
@pytest.mark.parametrize("reference", ["3", "candidate", "DIGEST"])
def test_what_was_never_promoted_is_not_pulled(steady, reference, options):
    name = f"{NAME}@{digest(steady.local, f'{NAME}:3')}" if reference == "DIGEST" else f"{NAME}:{reference}"
    outcome = steady.pull(name, *options)
    assert outcome.code == NOT_FOUND, outcome


def test_a_promotion_in_another_repository_is_none_in_this_one(place):
    """The same files, promoted somewhere else."""
    place.local.ok("push", f"{NAME}-copy", "2.bin", "--key", "release.pem")
    assert place.pull(f"{NAME}-copy:1", *TRUST).code == NOT_FOUND


def test_an_alias_that_was_moved_by_hand_is_not_promoted(place):
    place.local.ok("policy", "remove", NAME, "production")
    place.local.ok("alias", "set", NAME, "production", "3")
    assert place.pull(f"{NAME}:production", *TRUST).code == NOT_FOUND
    place.local.ok("alias", "set", NAME, "production", "1")
    assert place.pull(f"{NAME}:production", *TRUST).code == NOT_FOUND
    assert place.pull(f"{NAME}:1", *TRUST).code == DONE


def test_a_refused_promotion_is_none(place):
    (place.local.home / "policy.yaml").write_text("version: 1\nsize: {max_bytes: 1}\n")
    place.local.ok("policy", "set", NAME, "production", "policy.yaml")
    assert place.local.run("promote", f"{NAME}:3", "production").code == 7
    assert place.pull(f"{NAME}:3", *TRUST).code == NOT_FOUND


def test_a_promotion_does_not_stand_in_for_a_signature(steady):
    outcome = steady.pull(f"{NAME}:production", "--trust", "log.pub.pem", "--trust", public(steady.local.key("other")))
    assert outcome.code == INTEGRITY, outcome


def test_a_log_key_alone_signs_no_files(steady):
    outcome = steady.pull(f"{NAME}:production", "--trust", "log.pub.pem")
    assert outcome.code in (INTEGRITY, USAGE), outcome


# Which log


def other_log():
    """The public key of a log that is not this one."""
    return Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_another_log_key_is_not_believed(steady):
    (steady.local.home / "other.pem").write_bytes(other_log())
    outcome = steady.pull(f"{NAME}:production", "--trust", "other.pem", "--trust", "release.pub.pem")
    assert outcome.code == INTEGRITY, outcome
    assert not steady.memory.exists() or not list(steady.memory.iterdir())


def test_without_a_key_it_is_said_that_the_registry_named_its_own(steady):
    for options, is_said in (([], True), (["--trust", "release.pub.pem"], True), (TRUST, False)):
        outcome = steady.pull(f"{NAME}:production", *options)
        assert outcome.code == DONE, outcome
        assert ("--trust" in outcome.err) == is_said, outcome


# Rolled back since


def remembered(place):
    """The one checkpoint that the client keeps, and its size."""
    file, = (file for file in place.memory.iterdir() if not file.name.startswith("."))
    key = tlog.VerifierKey.from_pem(file.read_text().split("\n")[0], (place.local.home / "log.pub.pem").read_text())
    return file, tlog.verify_checkpoint(file.read_bytes(), [key], key.name).size


def restart(place, change):
    """Stops the server, changes its store, and starts it on the same port again."""
    assert place.server.stop() == 0
    change(place.server.store)
    place.server.start()


def kept(place):
    """A copy of the store as it is now."""
    copy = place.local.home / "kept"
    assert place.server.stop() == 0
    with closing(sqlite3.connect(place.server.store / "index.sqlite")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(place.server.store, copy, ignore=shutil.ignore_patterns("*.sock*"))
    place.server.start()
    return copy


def put_back(copy):
    def change(store):
        shutil.rmtree(store)
        shutil.copytree(copy, store)

    return change


def test_a_checkpoint_is_remembered_below_the_state_folder(place):
    assert place.pull(f"{NAME}:production", *TRUST).code == DONE
    _, first = remembered(place)
    place.push(4)
    assert place.pull(f"{NAME}:production", *TRUST).code == DONE
    _, second = remembered(place)
    assert second > first


def test_without_a_state_folder_of_its_own_it_is_below_the_home(steady):
    steady.local.state = None
    assert steady.pull(f"{NAME}:production", *TRUST).code == DONE
    assert list((steady.local.home / ".local" / "state" / "assay" / "checkpoints").iterdir())


@pytest.mark.parametrize("options", [TRUST, []], ids=["trust", "the registry's word"])
def test_a_log_that_was_rolled_back_is_refused(place, options):
    copy = kept(place)
    place.push(4)
    assert place.pull(f"{NAME}:4", *options).code == DONE
    before = remembered(place)
    restart(place, put_back(copy))
    for reference in ("production", "1"):
        outcome = place.pull(f"{NAME}:{reference}", *options)
        assert outcome.code == INTEGRITY, outcome
        assert "rolled back" in outcome.err
    assert remembered(place) == before
    # Whoever was never here before cannot know.
    place.local.state = "another"
    assert place.pull(f"{NAME}:production", *options).code == DONE


def test_a_log_with_another_past_is_refused(place):
    """Rolled back, and then grown to more entries than it had."""
    copy = kept(place)
    place.push(4)
    assert place.pull(f"{NAME}:production", *TRUST).code == DONE
    before = remembered(place)
    restart(place, put_back(copy))
    for turn in range(8):
        place.local.ok("alias", "set", NAME, "candidate", str(1 + turn % 2))
    assert place.server.process.poll() is None
    outcome = place.pull(f"{NAME}:production", *TRUST)
    assert outcome.code == INTEGRITY, outcome
    assert remembered(place) == before


def test_a_log_of_the_same_size_with_another_past_is_refused(place):
    copy = kept(place)
    place.local.ok("alias", "set", NAME, "candidate", "1")
    assert place.pull(f"{NAME}:production", *TRUST).code == DONE
    restart(place, put_back(copy))
    place.local.ok("alias", "set", NAME, "candidate", "2")
    outcome = place.pull(f"{NAME}:production", *TRUST)
    assert outcome.code == INTEGRITY, outcome


@pytest.mark.parametrize("damage", [
    lambda file: file.write_bytes(b""), lambda file: file.write_bytes(b"no checkpoint\n"),
    lambda file: file.write_bytes(file.read_bytes()[:40]), lambda file: file.write_bytes(bytes(1 << 20)),
    lambda file: (file.unlink(), file.mkdir()), lambda file: (file.unlink(), file.symlink_to("/dev/zero"))],
    ids=["empty", "text", "cut", "zeros", "folder", "link"])
def test_a_damaged_memory_is_told_and_not_passed_over(steady, damage):
    assert steady.pull(f"{NAME}:production", *TRUST).code == DONE
    file, _ = remembered(steady)
    damage(file)
    outcome = steady.pull(f"{NAME}:production", *TRUST)
    assert outcome.code in (USAGE, INTEGRITY, 7), outcome


def test_a_state_folder_that_cannot_be_written_is_told(steady):
    (steady.local.home / steady.local.state).write_text("a file\n")
    outcome = steady.pull(f"{NAME}:production", *TRUST)
    assert outcome.code in (USAGE, 7, 9), outcome


# A registry, or somebody on the way, that lies


def paths(relay):
    """What a relay was asked for."""
    return [line.split(" ", 1)[1] for line in relay.asked]


def answer_at(pattern, change):
    """Changes the answers to paths that match; the others pass."""
    return lambda _, path, data: change(data) if re.search(pattern, urlsplit(path).path) else data


def proof_of(place, index):
    path = place.local.home / f"{index}.proof"
    path.unlink(missing_ok=True)
    place.local.ok("audit", "proof", index, "-o", path)
    return path.read_bytes()


def promotion_index(place, number):
    items = place.local.ok("audit", "list", "--kind", "alias", "--json").json["items"]
    return next(item["index"] for item in items
                if item["entry"]["cause"] == "promotion" and item["entry"]["to"] == number)


def lie_about(place, path, change):
    """The outcome of a pull by whoever gets another proof than the true one."""
    with Liar(place.server.url, lambda _, asked, data: change(data) if asked == path else data) as liar:
        outcome = place.pull(f"{NAME}:production", *TRUST, url=liar.url)
        assert path in paths(liar), "the proof was not asked for"
    return outcome


def test_an_honest_relay_changes_nothing(steady, true_proof):
    outcome = lie_about(steady, true_proof, lambda data: data)
    assert outcome.code == DONE, outcome


def test_the_proof_of_another_promotion_is_refused(steady, true_proof):
    other = proof_of(steady, promotion_index(steady, 1))
    outcome = lie_about(steady, true_proof, lambda data: other)
    assert outcome.code == INTEGRITY, outcome


def test_the_proof_of_an_entry_that_is_no_promotion_is_refused(steady, true_proof):
    other = proof_of(steady, 0)
    outcome = lie_about(steady, true_proof, lambda data: other)
    assert outcome.code == INTEGRITY, outcome


def forge_entry(data):
    """Says version 3 in the entry, and leaves the hashes."""
    lines = data.decode().split("\n")
    extra = base64.b64decode(lines[1].removeprefix("extra "))
    lines[1] = "extra " + base64.b64encode(extra.replace(b'"to":2', b'"to":3')).decode()
    return "\n".join(lines).encode()


def flip_hash(data):
    lines = data.decode().split("\n")
    place = next(number for number, line in enumerate(lines) if re.fullmatch(r"[A-Za-z0-9+/]{43}=", line))
    raw = bytearray(base64.b64decode(lines[place]))
    raw[0] ^= 1
    lines[place] = base64.b64encode(raw).decode()
    return "\n".join(lines).encode()


def drop_hash(data):
    lines = data.decode().split("\n")
    del lines[next(number for number, line in enumerate(lines) if re.fullmatch(r"[A-Za-z0-9+/]{43}=", line))]
    return "\n".join(lines).encode()


def other_index(data):
    return re.sub(rb"\nindex (\d+)\n", lambda found: b"\nindex %d\n" % (int(found[1]) - 1), data)


def unsigned(data):
    return re.sub("\n— .*\n".encode(), b"\n", data)


def flip_signature(data):
    """Another letter within the signature's base64."""
    return re.sub("(\n— \\S+ \\S{20})(.)".encode(),
                  lambda found: found[1] + (b"A" if found[2] != b"A" else b"B"), data, count=1)


PROOF_LIES = {
    "forged entry": forge_entry, "flipped hash": flip_hash, "missing hash": drop_hash, "another index": other_index,
    "no signature": unsigned, "flipped signature": flip_signature, "cut": lambda data: data[:len(data) // 2],
    "empty": lambda data: b"", "text": lambda data: b"no proof\n", "header twice": lambda data: data[:23] + data,
    "data behind it": lambda data: data + b"more\n", "another format": lambda data: data.replace(b"@v1", b"@v2"),
    "larger size": lambda data: re.sub(rb"(\nassay\.dev/log/\S+\n)(\d+)", lambda found: found[1] + b"9" + found[2],
                                  data),
    "very large": lambda data: data + b"x" * (8 << 20)}


@pytest.mark.parametrize("lie", PROOF_LIES)
def test_a_proof_that_is_not_true_is_refused(steady, true_proof, lie):
    changed = []

    def change(data):
        changed.append(PROOF_LIES[lie](data) != data)
        return PROOF_LIES[lie](data)

    outcome = lie_about(steady, true_proof, change)
    assert changed == [True], "nothing was changed"
    assert outcome.code in (INTEGRITY, 7), outcome


def test_an_older_checkpoint_is_refused_once_a_newer_one_was_seen(place):
    """The very proof that was right before."""
    with Liar(place.server.url) as relay:
        assert place.pull(f"{NAME}:production", *TRUST, url=relay.url).code == DONE
    path, = paths_of_proofs(place.server, relay)
    older = requests.get(place.server.url + path, timeout=REQUEST_SECONDS).content
    place.push(4, is_promoted=False)
    assert place.pull(f"{NAME}:production", *TRUST).code == DONE
    before = remembered(place)
    with Liar(place.server.url, lambda _, asked, data: older if asked == path else data) as liar:
        outcome = place.pull(f"{NAME}:production", *TRUST, url=liar.url)
    assert outcome.code == INTEGRITY, outcome
    assert "rolled back" in outcome.err and remembered(place) == before
    # It proves the promotion to somebody who has seen no newer one.
    place.local.state = "another"
    with Liar(place.server.url, lambda _, asked, data: older if asked == path else data) as liar:
        assert place.pull(f"{NAME}:production", *TRUST, url=liar.url).code == DONE


def test_tiles_that_do_not_continue_the_memory_are_refused(place):
    assert place.pull(f"{NAME}:production", *TRUST).code == DONE
    before = remembered(place)
    place.push(4)
    zeros = answer_at(r"^/log/tile/", lambda data: bytes(len(data)))
    with Liar(place.server.url, zeros) as liar:
        outcome = place.pull(f"{NAME}:production", *TRUST, url=liar.url)
        assert any("/log/tile/" in path for path in paths(liar)), "no tile was asked for"
    assert outcome.code == INTEGRITY, outcome
    assert remembered(place) == before


def test_a_list_that_hides_the_last_move_is_no_way_around(steady):
    """The list is the registry's word; but an alias must point to what its last listed promotion says."""
    digest_of_1 = digest(steady.local, f"{NAME}:1")

    def first_only(data):
        body = json.loads(data)
        if "items" in body and body["items"] and "entry" in body["items"][0]:
            body["items"] = [item for item in body["items"] if item["entry"].get("digest") == digest_of_1]
        return json.dumps(body).encode()

    with Liar(steady.server.url, answer_at(r"^/api/v1/(audit|log)", lambda data: first_only(data))) as liar:
        outcome = steady.pull(f"{NAME}:production", *TRUST, url=liar.url)
    assert outcome.code in (NOT_FOUND, INTEGRITY), outcome


def test_the_registry_that_names_another_key_is_found_by_who_knows_it(steady):
    """What the registry says of its key changes; whoever knows the key sees no difference."""
    forged = json.dumps(other_log().decode()).encode()
    true = json.dumps((steady.local.home / "log.pub.pem").read_text()).encode()
    with Liar(steady.server.url, answer_at(r"^/api/v1/keys", lambda data: data.replace(true, forged))) as liar:
        assert steady.pull(f"{NAME}:production", *TRUST, url=liar.url).code == DONE
        outcome = steady.pull(f"{NAME}:production", url=liar.url)
    assert outcome.code == INTEGRITY, outcome


# Use


def test_a_server_that_is_down_is_told(steady):
    outcome = steady.pull(f"{NAME}:production", *TRUST, url=f"http://127.0.0.1:{free_port()}")
    assert outcome.code == 8, outcome


def test_a_store_without_a_server_is_asked_too(place):
    assert place.server.stop() == 0
    local = Client(place.local.binary, place.local.home)
    for reference, code in (("production", DONE), ("3", NOT_FOUND)):
        outcome = local.run(
            "--store", place.server.store, "pull", f"{NAME}:{reference}", "there", "--require-log", *TRUST)
        assert outcome.code == code, outcome
    assert Path(place.memory).is_dir()
    place.server.start()
