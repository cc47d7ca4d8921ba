"""The audit log: all that was answered is in it, a stranger recomputes it, and nothing of it ever changes.

What the server and the command line say is held against `tlog.py`, which knows the public specifications alone.
"""

import contextlib
import functools
import json
import random
import re
import shutil
import sqlite3
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
import requests
import tlog
from distribution import CONTENT
from harness import BYTES, Assay, Registry, Server, digest_of, image_manifest, public, raw_request
from mutations import Copy
from tlog import TILE_WIDTH, VerifierKey

USAGE, NOT_FOUND, INTEGRITY = 2, 3, 6
KINDS = {"version", "manifest", "attestation", "alias", "policy", "key", "delete", "withdrawal"}
REPOSITORY = "tests/audit"
POLICY = {"version": 1, "size": {"max_bytes": 1000000}}
LARGE_ENTRIES = 620
KEPT_EVERY = 40
MOVERS = 4
MOVES = 25
UNTIL_THE_END = 1 << 30
ROUNDS = 3
MOVE_SECONDS = 30
KILL_AFTER_SECONDS = (0.05, 1.0)
HOUR_MILLISECONDS = 3_600_000


# The log of a server


@dataclass
class AuditLog:
    """The log of a server as a stranger sees it. The key is the first one seen, whatever the server says later."""

    url: str
    key: VerifierKey = None
    fetch: tlog.Fetch = field(init=False)

    def __post_init__(self):
        registry = Registry(self.url)
        self.fetch = tlog.over_http(f"{self.url}/log", registry.session)
        if self.key is None:
            pem, = (key["pem"] for key in registry.get("/api/v1/keys").json()["items"] if key["role"] == "log")
            self.key = VerifierKey.from_pem(self.note().decode().split("\n")[0], pem)

    def note(self):
        return self.fetch("checkpoint")

    def opened(self, note):
        """The checkpoint of a signed note, which names the log as its key does."""
        return tlog.verify_checkpoint(note, [self.key], self.key.name)

    def checkpoint(self):
        return self.opened(self.note())

    def entries(self, checkpoint=None):
        """The entries as they were logged; all of the log is computed anew."""
        return tlog.audit(self.fetch, checkpoint or self.checkpoint())

    def records(self, checkpoint=None):
        return [parse_entry(entry) for entry in self.entries(checkpoint)]


def parse_entry(data):
    """An entry, which must be one flat JSON object that says what happened, when, and by whom."""
    record = json.loads(data, object_pairs_hook=without_doubles)
    assert isinstance(record, dict), data
    assert not any(isinstance(value, (dict, list)) for value in record.values()), data
    assert record["kind"] in KINDS, data
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", record["at"]), data
    assert isinstance(record["actor"], str) and record["actor"], data
    return record


def without_doubles(pairs):
    assert len(dict(pairs)) == len(pairs), f"a key stands twice: {pairs}"
    return dict(pairs)


@pytest.fixture
def log(server):
    return AuditLog(server.url)


@pytest.fixture
def writer(server):
    return Registry(server.url)


@pytest.fixture
def local(assay, server):
    """The command line against the server of the test's own."""
    return assay.at(server.url)


@pytest.fixture
def digests(writer):
    return push_versions(writer)


def push_versions(registry):
    """The manifests' digests of versions 1 and 2 of the repository."""
    return [digest_of(registry.push_artifact(REPOSITORY, number, number.encode())) for number in ("1", "2")]


def move(registry, alias, number):
    """Points an alias to a version; gives the answer."""
    answer = registry.request("PUT", f"/api/v1/aliases/{REPOSITORY}:{alias}", json={"version": number})
    assert answer.status_code == 200, answer.text
    return answer.json()


def move_to_and_fro(registry, count):
    for turn in range(count):
        move(registry, "candidate", 1 + turn % 2)


def logged_by(log, act):
    """What a request had added to the log when it was answered."""
    before = log.checkpoint()
    act()
    after = log.checkpoint()
    tlog.check_consistency(log.fetch, before, after)
    return log.records(after)[before.size:]


def of_kind(records, kind):
    return [record for record in records if record["kind"] == kind]


def only(records, kind):
    """The one record of a kind."""
    found = of_kind(records, kind)
    assert len(found) == 1, records
    return found[0]


# What is logged


def test_the_log_of_a_new_store_verifies(log):
    checkpoint = log.checkpoint()
    assert len(log.records(checkpoint)) == checkpoint.size


def test_times_of_earlier_releases_that_go_back_are_told_and_are_no_fault(server, writer, digests, local, tmp_path):
    """A store whose last entry an earlier release wrote after its clock was set back by an hour."""
    move(writer, "candidate", 1)
    server.stop()
    copy = Copy(None, server.store, random.Random(0))
    at = copy.one("SELECT max(at) AS at FROM alias_moves")["at"]
    copy.run(
        ("UPDATE alias_moves SET at = ? WHERE at = ?", (at - HOUR_MILLISECONDS, at)),
        ("UPDATE tags SET moved_at = ? WHERE moved_at = ? AND is_alias = 1", (at - HOUR_MILLISECONDS, at)))
    entries = copy.entries()
    last = json.loads(entries[-1])
    told = datetime.fromisoformat(last["at"]) - timedelta(milliseconds=HOUR_MILLISECONDS)
    last["at"] = told.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    entries[-1] = json.dumps(last, separators=(",", ":"), ensure_ascii=False).encode()
    copy.write_entries(entries)
    copy.sign(entries)
    server.start()
    answer = local.ok("audit", "verify", "--json").json
    assert [fault["index"] for fault in answer["time_faults"]] == [len(entries) - 1] and answer["faults"] == [], answer
    assert f"entry {len(entries) - 1}" in local.ok("audit", "verify").out
    # What comes now is not before what came before that.
    move(writer, "candidate", 2)
    assert len(local.ok("audit", "verify", "--json").json["time_faults"]) == 1


def test_a_push_is_logged_before_it_is_answered(log, writer, local, tmp_path):
    (tmp_path / "weights.bin").write_bytes(CONTENT)
    entry = only(logged_by(log, lambda: local.ok("push", REPOSITORY, tmp_path / "weights.bin")), "version")
    digest = writer.get_manifest(REPOSITORY, "1", "HEAD").headers["Docker-Content-Digest"]
    assert (entry["repository"], entry["number"], entry["digest"]) == (REPOSITORY, 1, digest)


def test_a_push_by_oci_is_logged_before_it_is_answered(log, writer):
    """The tag is an alias, and its move is logged too."""
    records = logged_by(log, lambda: writer.push_artifact(REPOSITORY, "candidate", CONTENT))
    digest = writer.get_manifest(REPOSITORY, "candidate", "HEAD").headers["Docker-Content-Digest"]
    version, alias = only(records, "version"), only(records, "alias")
    assert (version["repository"], version["number"], version["digest"]) == (REPOSITORY, 1, digest)
    assert (alias["repository"], alias["alias"], alias["to"], alias["digest"]) == (REPOSITORY, "candidate", 1, digest)


def test_a_manifest_without_a_tag_is_logged_before_it_is_answered(log, writer):
    writer.push_blob(REPOSITORY, b"{}")
    body = json.dumps(image_manifest([writer.push_blob(REPOSITORY, CONTENT)])).encode()
    records = logged_by(log, lambda: writer.put_manifest(REPOSITORY, digest_of(body), body))
    assert digest_of(body) in only(records, "manifest").values()


def test_a_signature_is_logged_before_it_is_answered(log, local, tmp_path):
    (tmp_path / "weights.bin").write_bytes(CONTENT)
    key = local.key()
    records = logged_by(log, lambda: local.ok("push", REPOSITORY, tmp_path / "weights.bin", "--key", key))
    assert only(records, "version") and of_kind(records, "attestation")


def test_a_move_of_an_alias_is_logged_before_it_is_answered(log, writer, digests):
    for number, digest in zip((1, 2), digests):
        answers = []
        record, = logged_by(log, lambda: answers.append(move(writer, "candidate", number)))
        assert {name: record[name] for name in ("kind", "repository", "alias", "to", "digest", "cause")} == {
            "kind": "alias", "repository": REPOSITORY, "alias": "candidate", "to": number, "digest": digest,
            "cause": answers[0]["cause"]}


@pytest.mark.parametrize("path", ["/api/v1/aliases/{}:candidate", "/v2/{}/manifests/candidate"])
def test_a_removal_of_an_alias_is_logged_before_it_is_answered(log, writer, digests, path):
    move(writer, "candidate", 1)
    record, = logged_by(log, lambda: writer.delete(path.format(REPOSITORY)))
    assert (record["kind"], record["repository"], record["alias"]) == ("alias", REPOSITORY, "candidate")
    assert not record.get("to") and record["cause"] == "removal"


def test_a_policy_is_logged_before_it_is_answered(log, writer, digests):
    path = f"/api/v1/policies/{REPOSITORY}:production"
    assert only(logged_by(log, lambda: writer.request("PUT", path, json=POLICY)), "policy")["repository"] == REPOSITORY
    assert only(logged_by(log, lambda: writer.delete(path)), "policy")["repository"] == REPOSITORY


def test_a_key_is_logged_before_it_is_answered(log, local):
    pem = public(local.key())
    only(logged_by(log, lambda: local.ok("key", "trust", pem)), "key")
    key, = (key for key in local.ok("key", "list", "--json").json["items"] if key["role"] == "release")
    only(logged_by(log, lambda: local.ok("key", "revoke", key["id"])), "key")


@pytest.mark.parametrize("path", ["/api/v1/versions/{}:2", "/v2/{}/manifests/{}"])
def test_a_delete_is_logged_before_it_is_answered(log, writer, digests, path):
    record = only(logged_by(log, lambda: writer.delete(path.format(REPOSITORY, digests[1]))), "delete")
    assert (record["repository"], record["digest"]) == (REPOSITORY, digests[1])
    assert writer.get_manifest(REPOSITORY, "2").status_code == 404


def test_what_is_refused_or_only_read_is_not_logged(log, writer, local, digests):
    writer.request("PUT", f"/api/v1/policies/{REPOSITORY}:production", json=POLICY)
    before = log.note()
    answer = writer.request("PUT", f"/api/v1/aliases/{REPOSITORY}:production", json={"version": 1})
    assert answer.status_code == 409
    answer = writer.request("PUT", f"/api/v1/aliases/{REPOSITORY}:candidate", json={"version": 7})
    assert answer.status_code == 404
    assert writer.put_manifest(REPOSITORY, "candidate", b"{").status_code == 400
    local.ok("list")
    assert log.opened(log.note()) == log.opened(before)


def test_many_writers_find_their_entries_in_the_next_checkpoint(server, log, digests):
    movers = [Mover(server.url, f"alias-{number}", MOVES) for number in range(MOVERS)]
    for mover in movers:
        mover.start()
    for mover in movers:
        mover.join(MOVE_SECONDS)
        assert len(mover.answered) == MOVES, "the server gave no answer"
    assert_all_is_logged(log, movers)


# Checkpoints and tiles


@dataclass
class LargeLog:
    """A log of over 600 entries, with notes that were kept as it grew."""

    server: Server
    log: AuditLog
    notes: list[bytes]

    @functools.cached_property
    def checkpoint(self):
        return self.log.checkpoint()

    @functools.cached_property
    def entries(self):
        return self.log.entries(self.checkpoint)

    def get(self, path):
        return raw_request("GET", self.server.url, f"/log/{path}")


@pytest.fixture(scope="module")
def large(binary, tmp_path_factory):
    """Its last tile and bundle are partial, and so is the tile of the next level."""
    server = Server(binary, tmp_path_factory.mktemp("audit")).create_store().start()
    registry, log = Registry(server.url), AuditLog(server.url)
    push_versions(registry)
    notes = []
    while not (len(notes) * KEPT_EVERY >= LARGE_ENTRIES and 3 <= log.checkpoint().size % TILE_WIDTH <= 250):
        notes.append(log.note())
        move_to_and_fro(registry, KEPT_EVERY)
    yield LargeLog(server, log, notes)
    server.assert_running()
    assert server.stop() == 0


def test_a_checkpoint_is_not_cached(large):
    reply = large.get("checkpoint")
    assert reply.status == 200
    assert reply.headers["content-type"].lower() == "text/plain; charset=utf-8"
    assert re.search(r"\bno-(cache|store)\b", reply.headers["cache-control"])
    assert large.log.opened(reply.body).origin == large.log.key.name


def test_the_whole_log_is_recomputed(large):
    assert large.checkpoint.size >= LARGE_ENTRIES
    records = [parse_entry(entry) for entry in large.entries]
    assert len(of_kind(records, "version")) == 2
    moves = of_kind(records, "alias")
    assert [record["to"] for record in moves] == [1 + turn % 2 for turn in range(len(moves))]


def test_full_tiles_never_change(large):
    for level in (0, tlog.ENTRIES):
        for index in range(large.checkpoint.size // TILE_WIDTH):
            reply = large.get(tlog.tile_path(level, index))
            assert (reply.status, reply.headers["content-type"]) == (200, BYTES)
            assert "immutable" in reply.headers["cache-control"]
            assert level == tlog.ENTRIES or len(reply.body) == TILE_WIDTH * tlog.HASH_BYTES


@pytest.mark.parametrize("level", [0, 1, tlog.ENTRIES])
def test_every_narrower_partial_tile_is_served(large, level):
    """Whoever holds an older checkpoint asks for the width of that time."""
    index, width = last_tile(large.checkpoint.size, level)
    split = tlog.split_entries if level == tlog.ENTRIES else tlog.split_hashes
    present = split(large.log.fetch(tlog.tile_path(level, index, width)))
    for narrow in range(1, width + 1):
        reply = large.get(tlog.tile_path(level, index, narrow))
        assert (reply.status, reply.headers["content-type"]) == (200, BYTES)
        assert split(reply.body) == present[:narrow]


def last_tile(size, level):
    """Index and width of the partial tile at the right edge."""
    return divmod(size >> (tlog.TILE_HEIGHT * level if level != tlog.ENTRIES else 0), TILE_WIDTH)


@pytest.mark.parametrize("level", [0, tlog.ENTRIES])
def test_a_partial_tile_may_give_way_to_the_full_one(large, level):
    for width in (1, 2, 128, 255):
        reply = large.get(tlog.tile_path(level, 0, width))
        assert reply.status in (200, 404)
        assert reply.status == 404 or large.log.fetch(tlog.tile_path(level, 0)).startswith(reply.body)


def test_there_is_no_tile_beyond_the_tree(large):
    absent = [tlog.tile_path(2, 0, 1), tlog.tile_path(2, 0), tlog.tile_path(63, 0), tlog.tile_path(63, 0, 1)]
    for level in (0, 1, tlog.ENTRIES):
        index, width = last_tile(large.checkpoint.size, level)
        absent += [tlog.tile_path(level, index, width + 1), tlog.tile_path(level, index, 255),
                   tlog.tile_path(level, index), tlog.tile_path(level, index + 1),
                   tlog.tile_path(level, index + 1, 1), tlog.tile_path(level, 1234067),
                   tlog.tile_path(level, 10**15, 7)]
    assert {path: large.get(path).status for path in absent} == dict.fromkeys(absent, 404)


@pytest.mark.parametrize("path", [
    "", "checkpoint/", "checkpoints", "tile", "tile/", "tile/0", "tile/0/", "tile/000", "tile/0/0", "tile/0/00",
    "tile/0/0000", "tile/0/abc", "tile/0/x000", "tile/0/000/000", "tile/0/x000/000", "tile/0/x000/x000",
    "tile/0/X001/000", "tile/0/-01", "tile/0/+01", "tile/0/1e0", "tile/0/%30%30%30%30", "tile/0/000/", "tile/0//000",
    "tile/00/000", "tile/01/000", "tile/64/000", "tile/-1/000", "tile/a/000", "tile/0x0/000", "tile/256/000",
    "tile/0/002.p/0", "tile/0/002.p/256", "tile/0/002.p/01", "tile/0/002.p/-1", "tile/0/002.p/1a", "tile/0/002.p/",
    "tile/0/002.p", "tile/0/002.p/1/1", "tile/0/002.P/1", "tile/0/002.p1", "tile/entries", "tile/entries/",
    "tile/entries/0", "tile/entries/0000", "tile/entries/x000/000", "tile/entries/002.p/0", "tile/entries/002.p/256",
    "tile/Entries/000", "tile/entries/../0/000", "tile/0/..%2f0%2f000", "tile/0/" + "x999/" * 40 + "999",
    "tile/0/000.p/" + "9" * 40, "tile/" + "9" * 40 + "/000"])
def test_a_malformed_path_is_refused(large, path):
    assert large.get(path).status in (400, 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["checkpoint", "tile/0/000", "tile/entries/000"])
def test_nobody_writes_to_the_log(large, method, path):
    before = large.get(path).body
    assert 400 <= raw_request(method, large.server.url, f"/log/{path}", body=b"x").status < 500
    assert large.get(path).body == before


# Proofs


def test_every_kept_checkpoint_is_a_beginning_of_the_log(large):
    kept = [large.log.opened(note) for note in large.notes]
    assert kept[0].size < TILE_WIDTH < kept[-1].size
    for old, new in zip(kept, [*kept[1:], large.checkpoint]):
        assert old.size < new.size
        tlog.check_consistency(large.log.fetch, old, new)
        tlog.check_consistency(large.log.fetch, old, large.checkpoint)
        assert large.log.entries(old) == large.entries[:old.size]


def test_every_entry_is_proven_from_the_tiles(large):
    fetch = functools.cache(large.log.fetch)
    for index, entry in enumerate(large.entries):
        tlog.check_inclusion(fetch, large.checkpoint, index, entry)


def test_the_command_line_proves_every_entry(local, log, writer, digests):
    move_to_and_fro(writer, 5)
    entries = log.entries()
    assert len(entries) >= 7
    for index, entry in enumerate(entries):
        assert_proven(local, log, index, entry)


@pytest.mark.parametrize("index", [0, 1, 254, 255, 256, 257, 511, 512, -2, -1])
def test_the_command_line_proves_entries_of_every_tile(large, assay, index):
    index %= large.checkpoint.size
    assert_proven(assay.at(large.server.url), large.log, index, large.entries[index])


def assert_proven(assay, log, index, entry):
    """The file that the command line prints proves this entry at this index, and nothing else."""
    data = assay.ok("audit", "proof", index).out.encode()
    found, checkpoint = tlog.verify_proof(data, entry, [log.key], log.key.name)
    assert found == index
    assert tlog.parse_proof(data).extra in (None, entry)
    tlog.check_consistency(log.fetch, checkpoint, log.checkpoint())
    with pytest.raises(tlog.Invalid):
        tlog.verify_proof(data, entry + b" ", [log.key], log.key.name)


def test_there_is_no_proof_of_what_is_not_there(local, log):
    for index in (log.checkpoint().size, 1 << 40):
        outcome = local.run("audit", "proof", index)
        assert outcome.code in (USAGE, NOT_FOUND) and not outcome.out, outcome


def test_the_command_line_shows_the_checkpoint(local, log, digests):
    note = local.ok("audit", "checkpoint").out.encode()
    assert log.opened(note) == log.checkpoint()


def test_the_command_line_lists_every_entry(local, log, writer, digests):
    move_to_and_fro(writer, 5)
    listed = local.ok("audit", "list", "--json").json["items"]
    assert sorted((item["index"] for item in listed), reverse=True) == [item["index"] for item in listed]
    assert [item["entry"] for item in reversed(listed)] == log.records()


# What verifies, and what does not


def test_an_untouched_log_verifies(local, log, writer, digests):
    kept = local.home / "kept.txt"
    kept.write_bytes(log.note())
    move_to_and_fro(writer, 5)
    for options in ([], ["--json"], ["--checkpoint", kept], ["--checkpoint", kept, "--json"]):
        outcome = local.ok("audit", "verify", *options)
        assert "--json" not in options or isinstance(outcome.json, dict)


def test_the_checkpoint_of_another_log_does_not_verify(local, serve, log, digests):
    kept = local.home / "kept.txt"
    kept.write_bytes(AuditLog(serve().url).note())
    assert local.run("audit", "verify", "--checkpoint", kept).code == INTEGRITY


def test_a_changed_checkpoint_does_not_verify(local, log, digests):
    """Its size is one less than was signed."""
    kept, size = local.home / "kept.txt", log.checkpoint().size
    kept.write_bytes(log.note().replace(b"\n%d\n" % size, b"\n%d\n" % (size - 1), 1))
    assert local.run("audit", "verify", "--checkpoint", kept).code == INTEGRITY


def test_a_tampered_entry_is_found(binary, server, log, writer, tmp_path):
    """Somebody with access to the store changes a name in an entry, wherever the store has it."""
    writer.push_artifact("tests/tampered", "1", CONTENT)
    (index, entry), = ((index, entry) for index, entry in enumerate(log.entries()) if b"tests/tampered" in entry)
    assert server.stop() == 0
    outside = Assay(binary, tmp_path)
    outside.ok("--store", server.store, "audit", "verify")
    assert change_files(server.store, entry, entry.replace(b"tampered", b"tempered")), "the store keeps it otherwise"
    outcome = outside.run("--store", server.store, "audit", "verify", "--json")
    assert outcome.code == INTEGRITY, outcome
    assert index in {fault.get("index") for fault in outcome.json["faults"]}


def change_files(folder, old, new):
    """Puts some bytes in the place of others in every file that has them; gives how many had.

    What SQLite still has beside a database goes into it before: it takes changes there for a broken write.
    """
    files = [path for path in folder.rglob("*") if path.is_file()]
    for database in [path for path in files if path.read_bytes()[:16] == b"SQLite format 3\x00"]:
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    changed = [path for path in files if path.exists() and old in path.read_bytes()]
    for path in changed:
        path.chmod(0o600)
        path.write_bytes(path.read_bytes().replace(old, new))
    return len(changed)


@pytest.mark.parametrize("later_moves", [0, 10, 20])
def test_a_log_that_was_set_back_is_found(local, server, log, writer, digests, tmp_path, later_moves):
    """An older copy of the store is sound in itself, and goes on otherwise: a kept checkpoint tells."""
    assert server.stop() == 0
    shutil.copytree(server.store, tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock"))
    server.start()
    move_to_and_fro(Registry(server.url), 10)
    kept = local.home / "kept.txt"
    kept.write_bytes(log.note())
    assert server.stop() == 0
    shutil.rmtree(server.store)
    (tmp_path / "copy").rename(server.store)
    server.start()
    for turn in range(later_moves):
        move(Registry(server.url), "production", 1 + turn % 2)
    local.ok("audit", "verify")
    assert local.run("audit", "verify", "--checkpoint", kept).code == INTEGRITY
    later = AuditLog(server.url, log.key)
    later.entries()
    with pytest.raises(tlog.Invalid):
        tlog.check_consistency(later.fetch, log.opened(kept.read_bytes()), later.checkpoint())


# Restarts and crashes


class Mover(threading.Thread):
    """Moves an alias of its own to and fro, and keeps what was answered and the checkpoint right after each answer."""

    def __init__(self, url, alias, moves):
        super().__init__(daemon=True)
        self.registry = Registry(url)
        self.alias = alias
        self.moves = moves
        self.first = threading.Event()
        self.answered = []
        self.notes = []

    def run(self):
        try:
            for turn in range(self.moves):
                self.answered.append(move(self.registry, self.alias, 1 + turn % 2)["to"])
                answer = self.registry.get("/log/checkpoint")
                assert answer.status_code == 200, answer.text
                self.notes.append(answer.content)
                self.first.set()
        except requests.RequestException:
            pass  # The server was killed: what counts is what it said before.


def assert_all_is_logged(log, movers):
    """Each answered move is in the log, once and in its order, from the checkpoint on that followed its answer."""
    now = log.checkpoint()
    records, fetch = log.records(now), functools.cache(log.fetch)
    for mover in movers:
        moves = [(index, record["to"]) for index, record in enumerate(records)
                 if record["kind"] == "alias" and record["alias"] == mover.alias]
        assert [to for _, to in moves][:len(mover.answered)] == mover.answered, f"a move of {mover.alias} is lost"
        assert len(moves) <= len(mover.answered) + 1
        points_to = Registry(log.url).get(f"/api/v1/aliases/{REPOSITORY}:{mover.alias}").json()["version"]
        assert points_to == moves[-1][1], "the log tells of another move than the registry"
        for (index, _), kept in zip(moves, map(log.opened, mover.notes)):
            assert index < kept.size, "a move was answered before it was logged"
            tlog.check_consistency(fetch, kept, now)


def test_a_restart_keeps_the_log(server, log, writer, digests):
    """Key, origin, entries and tiles stay; what comes later stands behind them."""
    move_to_and_fro(writer, TILE_WIDTH + 10)
    before, entries = log.checkpoint(), log.entries()
    assert server.stop() == 0
    server.start()
    after = AuditLog(server.url)
    assert after.key == log.key
    tlog.check_consistency(after.fetch, before, after.checkpoint())
    move_to_and_fro(Registry(server.url), 3)
    now = after.checkpoint()
    assert now.size >= before.size + 3
    tlog.check_consistency(after.fetch, before, now)
    assert after.entries(now)[:before.size] == entries


def test_a_crash_loses_no_logged_write(server, log, digests, local):
    moment = random.Random(1)
    movers = []
    for turn in range(ROUNDS):
        crashing = [Mover(server.url, f"alias-{turn}-{number}", UNTIL_THE_END) for number in range(MOVERS)]
        for mover in crashing:
            mover.start()
        assert all(mover.first.wait(MOVE_SECONDS) for mover in crashing)
        time.sleep(moment.uniform(*KILL_AFTER_SECONDS))
        server.kill()
        for mover in crashing:
            mover.join(MOVE_SECONDS)
        movers += crashing
        server.start()
        assert_all_is_logged(AuditLog(server.url, log.key), movers)
    local.ok("audit", "verify")
