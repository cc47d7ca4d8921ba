"""What somebody who can write to a store could change.

A mutation changes one thing in a fresh copy of a store, by its name and a seed; whether the audit finds it is asked of
the program alone. Used by the benchmark's part `mutations`; `bundle_mutations.py` has the same for bundles.
"""

import base64
import contextlib
import hashlib
import json
import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key)
from harness import FIXTURES, OCI_MANIFEST, Assay, Outcome, Registry, Server, digest_of, find_binary, image_manifest
from tlog import (
    ENTRIES, TILE_WIDTH, VerifierKey, leaf_hash, root_of, split_entries, split_hashes, tile_path)

DONE, INTEGRITY, REFUSED, STORAGE = 0, 6, 7, 9
DAY = 24 * 60 * 60 * 1000
NOTES, GONE = "team/notes", "team/gone"
MOVERS = 8
EARLY_ENTRIES = 300
ENTRIES_MADE = 2 * TILE_WIDTH + 40
FORKED_ENTRIES = 30
POLICY = """
version: 1
dataset: digits-test:1
metrics:
  accuracy: {min: 0.90}
"""

Value = str | bytes | int | float | None
Row = dict[str, Value]


class NothingToChange(AssertionError):
    """The store has nothing that this mutation could change: a fault of this file."""


# The store


@dataclass(frozen=True)
class AuditedStore:
    """A store with every kind of fact, other states of it, and what is kept where the registry cannot reach it."""

    binary: Path
    folder: Path
    # The same store some time ago.
    earlier: Path
    # What became of it instead, with more entries.
    forked: Path
    kept: Path
    trust: Path


def make_store(binary: Path, folder: Path) -> AuditedStore:
    """Makes a store by the program itself; its tail is part of a tile, and so is the tile of the next level."""
    server = Server(binary, folder).create_store()
    local = Assay(binary, folder, server.url)
    with running(server) as registry:
        push_digits(local)
        trust_keys(local, registry)
        push_notes(registry)
        move_aliases(server.url, EARLY_ENTRIES - size_of(server.store))
    earlier = copy_store(server.store, folder / "earlier")
    with running(server) as registry:
        change_trust(local, registry)
        delete_notes(registry)
        move_aliases(server.url, ENTRIES_MADE - size_of(server.store))
        # The last entries are of several kinds.
        local.ok("push", NOTES, FIXTURES / "README.md", "--key", "release.pem")
        registry.request("PUT", f"/api/v1/aliases/{NOTES}:candidate", json={"version": 2})
    kept, trust = folder / "kept.txt", folder / "log.pub.pem"
    with database(server.store) as connection:
        kept.write_bytes(connection.execute("SELECT checkpoint FROM log_head").fetchone()[0])
    shutil.copy(server.store / "keys" / "log.pub.pem", trust)
    return AuditedStore(binary, server.store, earlier, fork(binary, folder, earlier), kept, trust)


def fork(binary: Path, folder: Path, earlier: Path) -> Path:
    """The earlier store with a future of its own that has more entries."""
    server = Server(binary, folder)
    server.store = copy_store(earlier, folder / "forked")
    with running(server):
        move_aliases(server.url, ENTRIES_MADE - EARLY_ENTRIES + FORKED_ENTRIES)
    return server.store


@contextlib.contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder for stores that live shortly: in memory if there is such a place, where a flush costs nothing."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="assay-", dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


@contextlib.contextmanager
def running(server: Server) -> Iterator[Registry]:
    """A server that has ended when the scope ends, and left nothing beside its index."""
    server.start()
    try:
        yield Registry(server.url)
    finally:
        assert server.stop() == 0
        with database(server.store) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def push_digits(local: Assay) -> None:
    """Models and data, signed twice, a policy that was changed, and promotions with their verdicts."""
    for name in ("release", "second", "limited", "revoked"):
        local.key(name)
    (local.home / "policy.yaml").write_text(POLICY)
    (local.home / "first.yaml").write_text("version: 1\nsize: {max_bytes: 1000000}\n")
    local.ok("key", "trust", "release.pub.pem")
    for name in ("train", "test"):
        local.ok("push", f"digits-{name}", FIXTURES / f"{name}.npz", "--kind", "dataset")
    for policy in ("first.yaml", "policy.yaml"):
        local.ok("policy", "set", "digits", "production", policy, "--create")
    local.ok("policy", "set", "digits", "staging", "first.yaml")
    local.ok("policy", "set", "digits", "shadow", "first.yaml")
    for number in (1, 3):
        local.ok(
            "push", "digits", FIXTURES / f"digits-{number}.onnx", "--key", "release.pem",
            "--metadata", FIXTURES / f"digits-{number}.yaml", "--trained-on", "digits-train:1")
    local.ok("push", "digits", FIXTURES / "digits-1.onnx", "--key", "second.pem")
    for number in (1, 2):
        local.ok("promote", f"digits:{number}", "production")
    local.ok("policy", "remove", "digits", "staging")


def trust_keys(local: Assay, registry: Registry) -> None:
    local.ok("key", "trust", "second.pub.pem", "--name", "second key")
    for name, limits in (("limited", {"repositories": ["team/*"], "valid_from": "2026-01-01T00:00:00.000Z"}),
                         ("revoked", {"valid_until": "2036-01-01T00:00:00.000Z"})):
        pem = (local.home / f"{name}.pub.pem").read_text()
        answer = registry.request(
            "POST", "/api/v1/keys", json={"pem": pem, "name": name, "role": "release"} | limits)
        assert answer.status_code < 300, answer.text


def change_trust(local: Assay, registry: Registry) -> None:
    """Limits one key and revokes another."""
    ids = {key["name"]: key["id"] for key in registry.get("/api/v1/keys").json()["items"]}
    answer = registry.request(
        "PATCH", f"/api/v1/keys/{ids['limited']}", json={"valid_until": "2030-01-01T00:00:00.000Z"})
    assert answer.status_code < 300, answer.text
    answer = registry.delete(f"/api/v1/keys/{ids['revoked']}?since=2026-02-01T00:00:00.000Z")
    assert answer.status_code < 300, answer.text
    local.ok("policy", "remove", "digits", "shadow")


def push_notes(registry: Registry) -> None:
    """Versions by OCI, a manifest that became a version later, others without a version, and blobs."""
    for alias in ("production", "shadow"):
        path = f"/api/v1/policies/{NOTES}:{alias}?create=true"
        answer = registry.request("PUT", path, json={"version": 1, "lineage": []})
        assert answer.status_code < 300, answer.text
    for number in ("1", "2", "3", "draft"):
        body = registry.push_artifact(NOTES, number, f"notes {number}".encode())
    registry.push_artifact(GONE, "1", b"gone")
    for text in ("later", "later for good"):
        later = manifest_of(registry, text)
        for reference in (digest_of(later), text.replace(" ", "-")):
            assert registry.put_manifest(NOTES, reference, later).status_code == 201
    subject = {"mediaType": OCI_MANIFEST, "digest": digest_of(body), "size": len(body)}
    for text, fields in (("lone", {}), ("lone, to be deleted", {}), ("remark", {"subject": subject})):
        lone = manifest_of(registry, text, **fields)
        assert registry.put_manifest(NOTES, digest_of(lone), lone).status_code == 201
    registry.push_blob(NOTES, b"a blob, to be deleted")


def manifest_of(registry: Registry, text: str, **fields: object) -> bytes:
    return json.dumps(image_manifest([registry.push_blob(NOTES, text.encode())], **fields)).encode()


def delete_notes(registry: Registry) -> None:
    """Deletes versions with and without aliases, a manifest and a blob, and removes an alias."""
    blob = digest_of(b"a blob, to be deleted")
    lone = manifest_of(registry, "lone, to be deleted")
    for path in (f"/api/v1/versions/{NOTES}:1", f"/api/v1/versions/{GONE}:1", f"/v2/{NOTES}/blobs/{blob}",
                 f"/v2/{NOTES}/manifests/{digest_of(manifest_of(registry, 'later'))}",
                 f"/v2/{NOTES}/manifests/{digest_of(lone)}", f"/api/v1/aliases/{NOTES}:alias-0"):
        answer = registry.delete(path)
        assert answer.status_code in (200, 202, 204), f"{path}: {answer.status_code} {answer.text}"


def move_aliases(url: str, count: int) -> None:
    """Makes so many entries: several aliases move to and fro at the same time."""
    shares = [count // MOVERS + (mover < count % MOVERS) for mover in range(MOVERS)]

    def move(mover: int) -> None:
        registry = Registry(url)
        for turn in range(shares[mover]):
            path = f"/api/v1/aliases/{NOTES}:alias-{mover}"
            now = registry.get(path)
            number = 2 if now.status_code != 200 or now.json()["version"] == 3 else 3
            answer = registry.request("PUT", path, json={"version": number})
            assert answer.status_code == 200, answer.text

    with ThreadPoolExecutor(MOVERS) as pool:
        list(pool.map(move, range(MOVERS)))


def size_of(store: Path) -> int:
    """How many entries the log of a store has, also of one that is served."""
    with contextlib.closing(sqlite3.connect(f"file:{store / 'index.sqlite'}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT size FROM log_head").fetchone()[0]


def copy_store(store: Path, to: Path) -> Path:
    """A copy whose blobs are the same files: nothing writes to them."""
    for folder in ("blobs", "uploads", "staging"):
        shutil.copytree(store / folder, to / folder, copy_function=link)
    for folder in ("keys", "log"):
        shutil.copytree(store / folder, to / folder)
    for name in ("store.json", "index.sqlite"):
        shutil.copy2(store / name, to / name)
    return to


def link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


@contextlib.contextmanager
def database(store: Path) -> Iterator[sqlite3.Connection]:
    """The index of a store that nobody serves, in whose way no constraint stands that can be turned off."""
    with contextlib.closing(sqlite3.connect(store / "index.sqlite", isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.executescript(
            "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")
        yield connection


# What the program says


@dataclass(frozen=True)
class Trial:
    """One mutation, and whether the program found it."""

    name: str
    seed: int
    what: str
    is_found: bool
    outcome: Outcome

    def __str__(self) -> str:
        return f"{self.name} (seed {self.seed}): {self.what}\n{self.outcome}"


def verify(store: Path, kept: Path, trust: Path, binary: Path | None = None) -> Outcome:
    assay = Assay(binary or find_binary(), store.parent)
    return assay.run("--store", store, "audit", "verify", "--checkpoint", kept, "--trust", trust, "--json")


def find(store: Path, kept: Path, trust: Path, binary: Path | None = None) -> bool:
    """Whether the audit finds something wrong; any other end than that or none is a fault of the program."""
    return is_found(verify(store, kept, trust, binary))


def is_found(outcome: Outcome) -> bool:
    if outcome.code == STORAGE and "damage" in outcome.out + outcome.err:
        return True
    assert outcome.code in (DONE, INTEGRITY), f"neither found nor missed: {outcome}"
    return outcome.code == INTEGRITY


def attempt(store: AuditedStore, name: str, seed: int, folder: Path) -> Trial:
    """Applies one mutation to a copy in the folder, which must not exist, and asks the program about it."""
    folder.mkdir()
    try:
        copy = Copy(store, copy_store(store.folder, folder / "store"), random.Random(f"{name} {seed}"))
        what = MUTATIONS[name](copy)
        outcome = verify(copy.folder, store.kept, store.trust, store.binary)
        return Trial(name, seed, what, is_found(outcome), outcome)
    except AssertionError as fault:
        raise AssertionError(f"{name} (seed {seed}): {fault}") from None
    finally:
        shutil.rmtree(folder)


def name_of(seed: int) -> str:
    """The mutation that a seed stands for."""
    return random.Random(seed).choice(list(MUTATIONS))


# A copy that is changed


@dataclass
class Copy:
    """A copy of a store and the random choices of one mutation."""

    store: AuditedStore
    folder: Path
    moment: random.Random

    # The log's files

    @property
    def size(self) -> int:
        return size_of(self.folder)

    @property
    def full_tiles(self) -> int:
        return self.size // TILE_WIDTH

    def tile(self, level: int | str, index: int) -> Path:
        """A tile's file, which has the same name whatever its width."""
        return self.folder / "log" / tile_path(level, index)

    def some_tile(self, level: int | str) -> Path:
        """A tile that is read as it is: a last one of entries or their hashes is written anew from the index."""
        return self.tile(level, 0 if level == 1 else self.moment.randrange(self.full_tiles))

    def entries(self) -> list[bytes]:
        """All entries, those that the index still keeps as it keeps them."""
        with database(self.folder) as connection:
            tail = {row["id"] - 1: row["entry"] for row in connection.execute("SELECT * FROM log_tail")}
        bundles = [split_entries(self.tile(ENTRIES, index).read_bytes()) for index in range(self.full_tiles)]
        entries = [entry for bundle in bundles for entry in bundle]
        return entries + [tail[index] for index in range(len(entries), self.size)]

    def write_entries(self, entries: list[bytes]) -> None:
        """Makes these the log: entries, all tiles and the index's tail; the checkpoint stays."""
        write_tiles(self.folder / "log", entries)
        first = len(entries) - len(entries) % TILE_WIDTH
        with database(self.folder) as connection:
            connection.execute("DELETE FROM log_tail")
            rows = [(index + 1, entries[index]) for index in range(first, len(entries))]
            connection.executemany("INSERT INTO log_tail (id, entry) VALUES (?, ?)", rows)

    def root(self, size: int | None = None) -> bytes:
        """The root over the first entries, or over all."""
        return root_of([leaf_hash(entry) for entry in self.entries()[:size]])

    def sign(self, entries: list[bytes]) -> None:
        """Makes a checkpoint of these entries by the log's own key the last one."""
        note = signed_checkpoint(self.folder, len(entries), root_of([leaf_hash(entry) for entry in entries]))
        self.set_head(len(entries), note)

    def set_head(self, size: int, note: bytes) -> None:
        """Makes this the last checkpoint; the copy of the one that was published, which would contradict it, goes."""
        (self.folder / "log" / "checkpoint").unlink(missing_ok=True)
        with database(self.folder) as connection:
            connection.execute("UPDATE log_head SET size = ?, checkpoint = ?", (size, note))

    def checkpoint(self) -> bytes:
        with database(self.folder) as connection:
            return connection.execute("SELECT checkpoint FROM log_head").fetchone()[0]

    # The index's rows

    def rows(self, sql: str) -> list[Row]:
        """The rows of a query in random order."""
        with database(self.folder) as connection:
            found = [dict(row) for row in connection.execute(sql)]
        self.moment.shuffle(found)
        return found

    def one(self, sql: str) -> Row:
        found = self.rows(sql)
        if not found:
            raise NothingToChange(sql)
        return found[0]

    def run(self, *statements: tuple[str, tuple[Value, ...]]) -> str:
        """Runs statements as one transaction; each of them must change something. Gives them in words."""
        with database(self.folder) as connection:
            connection.execute("BEGIN")
            for sql, values in statements:
                if connection.execute(sql, values).rowcount < 1:
                    raise NothingToChange(f"{sql} {values}")
            connection.execute("COMMIT")
        return "; ".join(f"{sql} {tuple(map(shown, values))}" for sql, values in statements)

    def letters(self, alphabet: str = "0123456789abcdef", count: int = 64) -> str:
        return "".join(self.moment.choices(alphabet, k=count))


def shown(value: Value) -> Value:
    return value[:60] if isinstance(value, (str, bytes)) else value


def bundle_of(entries: list[bytes]) -> bytes:
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def write_tiles(log: Path, entries: list[bytes]) -> bytes:
    """Writes all tiles of a log with these entries, each under its name as a full one; gives the root."""
    def write(level: int | str, index: int, data: bytes) -> None:
        path = log / tile_path(level, index)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    for start in range(0, len(entries), TILE_WIDTH):
        write(ENTRIES, start // TILE_WIDTH, bundle_of(entries[start:start + TILE_WIDTH]))
    hashes, level = [leaf_hash(entry) for entry in entries], 0
    root = root_of(hashes)
    while hashes:
        tiles = [hashes[start:start + TILE_WIDTH] for start in range(0, len(hashes), TILE_WIDTH)]
        for index, tile in enumerate(tiles):
            write(level, index, b"".join(tile))
        hashes, level = [root_of(tile) for tile in tiles if len(tile) == TILE_WIDTH], level + 1
    return root


def signed_checkpoint(store: Path, size: int, root: bytes, key: Ed25519PrivateKey | None = None) -> bytes:
    """A checkpoint by the store's own key, or by another one in its name."""
    own = load_pem_private_key((store / "keys" / "log.pem").read_bytes(), None)
    return signed_note(key or own, size, base64.b64encode(root).decode(), origin_of(own))


def origin_of(key: Ed25519PrivateKey) -> str:
    """The name of the log whose checkpoints a key signs."""
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return f"assay.dev/log/{hashlib.sha256(pem).hexdigest()[:16]}"


def signed_note(key: Ed25519PrivateKey, size: int, root: str, origin: str | None = None) -> bytes:
    """A checkpoint with a root in base64 by a key, of the key's own log or of the one that is named."""
    origin = origin or origin_of(key)
    text = f"{origin}\n{size}\n{root}\n"
    name = VerifierKey(origin, key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    signature = base64.b64encode(name.id + key.sign(text.encode())).decode()
    return f"{text}\n\u2014 {origin} {signature}\n".encode()


# Mutations: the name of each says what it does.

Mutation = Callable[[Copy], str]
MUTATIONS: dict[str, Mutation] = {}


def mutation(name: str) -> Callable[[Mutation], Mutation]:
    def register(function: Mutation) -> Mutation:
        assert name not in MUTATIONS, name
        MUTATIONS[name] = function
        return function

    return register


# Files of the log

LEVELS = {"entries": ENTRIES, "hashes": 0, "upper hashes": 1}


def flip(data: bytes, moment: random.Random, first: int = 0, last: int | None = None) -> bytes:
    """The same with one bit another one."""
    place = moment.randrange(first, len(data) if last is None else last)
    return data[:place] + bytes([data[place] ^ 1 << moment.randrange(8)]) + data[place + 1:]


def change_bytes(data: bytes, moment: random.Random) -> bytes:
    """The same with a few bytes in a row others."""
    place = moment.randrange(len(data))
    count = moment.randint(1, min(40, len(data) - place))
    changed = bytes(byte ^ moment.randint(1, 255) for byte in data[place:place + count])
    return data[:place] + changed + data[place + count:]


def cut(data: bytes, moment: random.Random) -> bytes:
    return data[:moment.randrange(len(data))]


def extend(data: bytes, moment: random.Random) -> bytes:
    return data + moment.randbytes(moment.randint(1, 100))


def empty(data: bytes, moment: random.Random) -> bytes:
    return b""


def drop_bytes(data: bytes, moment: random.Random) -> bytes:
    """The same without a byte in the middle."""
    place = moment.randrange(len(data))
    return data[:place] + data[place + 1:]


def file_mutation(level: int | str, work: Callable[[bytes, random.Random], bytes]) -> Mutation:
    def mutate(copy: Copy) -> str:
        path = copy.some_tile(level)
        data = path.read_bytes()
        changed = work(data, copy.moment)
        assert changed != data
        path.write_bytes(changed)
        return f"{path.relative_to(copy.folder)}: {len(data)} bytes, {len(changed)} after it"

    return mutate


def replaced_mutation(level: int | str, other: int | str) -> Mutation:
    """Puts another tile in the place of one."""
    def mutate(copy: Copy) -> str:
        paths = {copy.tile(level, index) for index in range(1 if level == 1 else copy.full_tiles)}
        path = copy.moment.choice(sorted(paths))
        source = copy.moment.choice([
            each for index in range(1 if other == 1 else copy.full_tiles)
            if (each := copy.tile(other, index)).read_bytes() != path.read_bytes()])
        shutil.copy(source, path)
        return f"{path.relative_to(copy.folder)} is {source.relative_to(copy.folder)}"

    return mutate


def removed_mutation(level: int | str) -> Mutation:
    def mutate(copy: Copy) -> str:
        path = copy.some_tile(level)
        path.unlink()
        return f"{path.relative_to(copy.folder)} is gone"

    return mutate


for kind, level in LEVELS.items():
    for verb, work in (("flip a bit of", flip), ("change bytes of", change_bytes), ("cut", cut), ("empty", empty),
                       ("drop a byte of", drop_bytes)):
        MUTATIONS[f"log: {verb} a file of {kind}"] = file_mutation(level, work)
    MUTATIONS[f"log: remove a file of {kind}"] = removed_mutation(level)
    for other, source in LEVELS.items():
        if level != 1 or source != 1:
            MUTATIONS[f"log: put a file of {other} in the place of one of {kind}"] = replaced_mutation(level, source)
# A tile of a higher level may have more behind what is published, after a crash.
for kind in ("entries", "hashes"):
    MUTATIONS[f"log: extend a file of {kind}"] = file_mutation(LEVELS[kind], extend)


def swap_files(*levels: int | str) -> Mutation:
    """Exchanges two full tiles, at each of the levels."""
    def mutate(copy: Copy) -> str:
        one, other = copy.moment.sample(range(copy.full_tiles), 2)
        for level in levels:
            paths = copy.tile(level, one), copy.tile(level, other)
            contents = [path.read_bytes() for path in paths]
            for path, content in zip(paths, reversed(contents)):
                path.write_bytes(content)
        return f"{one} and {other}"

    return mutate


MUTATIONS["log: swap two files of entries"] = swap_files(ENTRIES)
MUTATIONS["log: swap two files of hashes"] = swap_files(0)
MUTATIONS["log: swap two files of entries and their hashes"] = swap_files(ENTRIES, 0)


@mutation("log: remove the folder of tiles")
def remove_tiles(copy: Copy) -> str:
    shutil.rmtree(copy.folder / "log" / "tile")
    return "log/tile is gone"


# Entries: one tile alone, or all tiles computed again, or also a checkpoint of them signed by the log's own key


def two_places(copy: Copy, entries: list[bytes]) -> tuple[int, int]:
    """Two entries of one full tile."""
    first = copy.moment.randrange(copy.full_tiles) * TILE_WIDTH
    one, other = copy.moment.sample(range(first, first + TILE_WIDTH), 2)
    assert entries[one] != entries[other]
    return one, other


def swap(items: list[bytes], one: int, other: int) -> None:
    items[one], items[other] = items[other], items[one]


@mutation("entries: swap two in their file")
def swap_in_file(copy: Copy) -> str:
    entries = copy.entries()
    one, other = two_places(copy, entries)
    swap(entries, one, other)
    index = one // TILE_WIDTH
    copy.tile(ENTRIES, index).write_bytes(bundle_of(entries[index * TILE_WIDTH:(index + 1) * TILE_WIDTH]))
    return f"{one} and {other}"


@mutation("entries: swap two hashes")
def swap_hashes(copy: Copy) -> str:
    one, other = two_places(copy, copy.entries())
    path = copy.tile(0, one // TILE_WIDTH)
    hashes = split_hashes(path.read_bytes())
    swap(hashes, one % TILE_WIDTH, other % TILE_WIDTH)
    path.write_bytes(b"".join(hashes))
    return f"{one} and {other}"


def swap_two(copy: Copy, entries: list[bytes]) -> str:
    one, other = two_places(copy, entries)
    swap(entries, one, other)
    return f"{one} and {other}"


def swap_two_moves(copy: Copy, entries: list[bytes]) -> str:
    """Swaps two moves in the index as well, where the order of all moves follows."""
    one, other = (row["log_index"] for row in copy.rows("SELECT log_index FROM alias_moves")[:2])
    swap(entries, one, other)
    moves = copy.rows("SELECT * FROM alias_moves")
    for move in moves:
        move["log_index"] = {one: other, other: one}.get(move["log_index"], move["log_index"])
    sequences = sorted(move["sequence"] for move in moves)
    moves.sort(key=lambda move: move["log_index"])
    with database(copy.folder) as connection:
        connection.execute("BEGIN")
        connection.execute("DELETE FROM alias_moves")
        for sequence, move in zip(sequences, moves):
            insert_row(connection, "alias_moves", move | {"sequence": sequence})
        connection.execute("COMMIT")
    for alias in {(move["repository_id"], move["alias"]) for move in moves if move["log_index"] in (one, other)}:
        point_as_last_moved(copy, *alias)
    return f"{one} and {other}"


def change_author(copy: Copy, entries: list[bytes]) -> str:
    """Gives a move another author, in the index as well."""
    index = copy.one("SELECT log_index FROM alias_moves")["log_index"]
    copy.run(("UPDATE alias_moves SET actor = 'mallory' WHERE log_index = ?", (index,)))
    entries[index] = canonical(json.loads(entries[index]) | {"actor": "mallory"})
    return f"entry {index}"


def rewrite(copy: Copy, entries: list[bytes]) -> str:
    """Says the same with spaces in it."""
    index = copy.moment.randrange(len(entries))
    entries[index] = json.dumps(json.loads(entries[index]), sort_keys=True).encode()
    return f"entry {index}"


def double(copy: Copy, entries: list[bytes]) -> str:
    index = copy.moment.randrange(len(entries))
    entries.insert(index, entries[index])
    return f"entry {index}"


def add(copy: Copy, entries: list[bytes]) -> str:
    """A fact that the index does not have."""
    entries.append(canonical(json.loads(entries[-1]) | {"actor": "mallory"}))
    return f"entry {len(entries) - 1}"


def remove(copy: Copy, entries: list[bytes]) -> str:
    index = copy.moment.randrange(len(entries))
    del entries[index]
    return f"entry {index}"


def with_tiles(work: Callable[[Copy, list[bytes]], str], is_signed: bool) -> Mutation:
    def mutate(copy: Copy) -> str:
        entries = copy.entries()
        what = work(copy, entries)
        copy.write_entries(entries)
        if is_signed:
            copy.sign(entries)
        return what

    return mutate


for verb, work in (("swap two", swap_two), ("swap two and their rows", swap_two_moves),
                   ("change one and its row", change_author), ("write one in another way", rewrite),
                   ("double one", double), ("add one", add), ("remove one", remove)):
    MUTATIONS[f"entries: {verb}, tiles fit"] = with_tiles(work, False)
    MUTATIONS[f"entries: {verb}, tiles fit, signed anew"] = with_tiles(work, True)


def canonical(record: dict) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


# Checkpoints and older states

Head = tuple[int, bytes]


def flip_text(copy: Copy, note: bytes) -> Head:
    return copy.size, flip(note, copy.moment, last=note.index(b"\n\n"))


def flip_signature(copy: Copy, note: bytes) -> Head:
    return copy.size, flip(note, copy.moment, first=note.rindex(b" ") + 1)


def state_other_size(copy: Copy, note: bytes) -> Head:
    return copy.size + copy.moment.choice((-TILE_WIDTH, -7, -1, 1, 7, TILE_WIDTH)), note


def sign_other_root(copy: Copy, note: bytes) -> Head:
    return copy.size, signed_checkpoint(copy.folder, copy.size, copy.moment.randbytes(32))


def sign_other_size(copy: Copy, note: bytes) -> Head:
    size = copy.size + copy.moment.choice((-1, 1))
    return size, signed_checkpoint(copy.folder, size, copy.root())


def sign_by_other_key(copy: Copy, note: bytes) -> Head:
    return copy.size, signed_checkpoint(copy.folder, copy.size, copy.root(), other_key(copy))


def sign_older(copy: Copy, note: bytes) -> Head:
    """Entries, tiles and rows stay."""
    size = copy.moment.randint(1, copy.size - 1)
    return size, signed_checkpoint(copy.folder, size, copy.root(size))


def other_key(copy: Copy) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(copy.moment.randbytes(32))


def other_head(work: Callable[[Copy, bytes], Head]) -> Mutation:
    def mutate(copy: Copy) -> str:
        size, note = work(copy, copy.checkpoint())
        copy.set_head(size, note)
        return f"log_head is {size} {note[:80]}"

    return mutate


for verb, work in (("flip a bit of its text", flip_text), ("flip a bit of its signature", flip_signature),
                   ("cut it", lambda copy, note: (copy.size, cut(note, copy.moment))),
                   ("state another size beside it", state_other_size), ("sign another root", sign_other_root),
                   ("sign another size", sign_other_size), ("sign it by another key", sign_by_other_key),
                   ("put an older one there", sign_older)):
    MUTATIONS[f"checkpoint: {verb}"] = other_head(work)


@mutation("checkpoint: remove it")
def remove_checkpoint(copy: Copy) -> str:
    return copy.run(("DELETE FROM log_head", ()))


def cut_log(copy: Copy, size: int) -> None:
    """Cuts the log and the index's tail to an older checkpoint, validly signed."""
    entries = copy.entries()[:size]
    shutil.rmtree(copy.folder / "log" / "tile")
    copy.write_entries(entries)
    copy.sign(entries)


@mutation("checkpoint: cut the log to an older one, rows stay")
def cut_to_older(copy: Copy) -> str:
    size = copy.moment.randint(1, copy.size - 1)
    cut_log(copy, size)
    return f"to {size} entries"


@mutation("checkpoint: cut log and rows to an older one")
def cut_all(copy: Copy) -> str:
    """The moves that the log has no more are gone as well, and aliases point where they pointed."""
    moves = copy.rows("SELECT * FROM alias_moves")
    places, last = {move["log_index"] for move in moves}, copy.size - 1
    run = next(length for length in range(copy.size) if last - length not in places)
    size = copy.size - copy.moment.randint(1, run)
    cut_log(copy, size)
    copy.run(("DELETE FROM alias_moves WHERE log_index >= ?", (size,)),
             ("UPDATE sqlite_sequence SET seq = ? WHERE name = 'log_tail'", (size,)))
    for alias in {(move["repository_id"], move["alias"]) for move in moves if move["log_index"] >= size}:
        point_as_last_moved(copy, *alias)
    return f"to {size} entries"


def point_as_last_moved(copy: Copy, repository: int, alias: str) -> None:
    """Makes an alias point where its last move of the index says, or nowhere."""
    with database(copy.folder) as connection:
        connection.execute("DELETE FROM tags WHERE repository_id = ? AND name = ?", (repository, alias))
        connection.execute(
            """
            INSERT INTO tags (repository_id, name, version_id, is_alias, moved_at)
            SELECT h.repository_id, h.alias, v.id, 1, h.at
            FROM (SELECT *, max(log_index) FROM alias_moves WHERE repository_id = ? AND alias = ?) AS h
            JOIN versions AS v ON v.repository_id = h.repository_id AND v.number = h.to_number
            """, (repository, alias))


def replaced_by(other: str) -> Mutation:
    """Puts another state of the store in its place."""
    def mutate(copy: Copy) -> str:
        shutil.rmtree(copy.folder)
        copy_store(getattr(copy.store, other), copy.folder)
        return f"a store of {copy.size} entries"

    return mutate


MUTATIONS["store: roll all of it back"] = replaced_by("earlier")
MUTATIONS["store: let it have another history"] = replaced_by("forked")


@mutation("store: roll the index back")
def roll_index_back(copy: Copy) -> str:
    shutil.copy(copy.store.earlier / "index.sqlite", copy.folder / "index.sqlite")
    return "index.sqlite is an earlier one"


@mutation("store: roll the log's files back")
def roll_files_back(copy: Copy) -> str:
    shutil.rmtree(copy.folder / "log")
    shutil.copytree(copy.store.earlier / "log", copy.folder / "log")
    return "log is an earlier one"


@mutation("store: begin the log anew")
def begin_anew(copy: Copy) -> str:
    """As if the store were older than the log: it is made of what the index has now."""
    shutil.rmtree(copy.folder / "log" / "tile")
    forget = [(f"UPDATE {table} SET log_index = NULL", ()) for table in LOGGED]
    return copy.run(
        ("DELETE FROM log_head", ()), ("DELETE FROM log_tail", ()), ("DELETE FROM ended_entries", ()),
        ("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'log_tail'", ()), *forget)


@mutation("store: give the log another key")
def give_other_key(copy: Copy) -> str:
    """Its last checkpoint is signed by a key of somebody else, which the index trusts instead."""
    key = other_key(copy)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    keys = copy.folder / "keys"
    (keys / "log.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (keys / "log.pub.pem").write_bytes(pem)
    copy.sign(copy.entries())
    return copy.run(("UPDATE trusted_keys SET pem = ?, id = ? WHERE role = 'log'",
                     (pem.decode(), hashlib.sha256(pem).hexdigest())))


# Columns of the index that carry meaning, and what else could stand there

Other = Callable[[Copy, Value], Value]


def other_time(copy: Copy, value: Value) -> Value:
    return (value or 1_790_000_000_000) + copy.moment.choice((-1, 1)) * copy.moment.choice((1, 1000, DAY))


def other_number(copy: Copy, value: Value) -> Value:
    return (value or 0) + copy.moment.randint(1, 3)


def other_digest(copy: Copy, value: Value) -> Value:
    """One hex digit is another one."""
    if value is None:
        return "sha256:" + copy.letters()
    place = copy.moment.randrange(value.index(":") + 1, len(value))
    return value[:place] + copy.moment.choice("0123456789abcdef".replace(value[place], "")) + value[place + 1:]


def other_id(copy: Copy, value: Value) -> Value:
    return other_digest(copy, f"sha256:{value}").removeprefix("sha256:")


def other_name(copy: Copy, value: Value) -> Value:
    """One letter or digit is another one."""
    text = value or "x"
    place = copy.moment.choice([place for place, letter in enumerate(text) if letter.isalnum()])
    letters = "123456789" if text[place].isdigit() else "abcdefghijklmnopqrstuvwxyz"
    return text[:place] + copy.moment.choice(letters.replace(text[place], "")) + text[place + 1:]


def other_bytes(copy: Copy, value: Value) -> Value:
    return flip(value, copy.moment)


def other_metadata(copy: Copy, value: Value) -> Value:
    """Says something else of the version, as text that the index would have written too."""
    said = json.loads(value)
    key = copy.moment.choice([key for key in said if isinstance(said[key], str)] or ["description"])
    return canonical(said | {key: other_name(copy, said.get(key, ""))}).decode()


def other_policy(copy: Copy, value: Value) -> Value:
    """Demands less."""
    policy = json.loads(value)
    return canonical(policy | {"size": {"max_bytes": copy.moment.randint(2_000_000, 9_000_000)}})


def other_ends(copy: Copy, value: Value) -> Value:
    return copy.moment.choice([None, str(copy.moment.randrange(copy.size)), f"{value or 1},{copy.size - 1}"])


def one_of(*choices: Value) -> Other:
    return lambda copy, value: copy.moment.choice([choice for choice in choices if choice != value])


def value_of(query: str) -> Other:
    """Another one of the values that a query gives."""
    def other(copy: Copy, value: Value) -> Value:
        values = [each for row in copy.rows(query) for each in row.values() if each != value]
        if not values:
            raise NothingToChange(query)
        return values[0]

    return other


def other_labels(copy: Copy, value: Value) -> Value:
    return canonical(json.loads(value or "{}") | {"org.example.note": copy.letters()}).decode()


def or_none(other: Other) -> Other:
    """Likewise, or nothing at all."""
    return lambda copy, value: None if value is not None and copy.moment.random() < 0.3 else other(copy, value)


def far_place(copy: Copy, value: Value) -> Value:
    """A log index behind the end of the log."""
    return copy.size + copy.moment.randint(0, 1000)


def taken_place(copy: Copy, value: Value) -> Value:
    """The log index of another fact."""
    return copy.moment.choice([index for index in range(copy.size) if index != value])


def place_of_other_kind(table: str) -> Other:
    """The log index of a fact of another table: in one table the same is never there twice."""
    other = "manifests" if table == "alias_moves" else "alias_moves"
    return value_of(f"SELECT log_index FROM {other}")


ACTOR = one_of("mallory", "registry", "local")
REPOSITORY = value_of("SELECT id FROM repositories")
POLICY_DIGEST = value_of("SELECT digest FROM policies")
KEY_ROLE = one_of("release", "training", "registry", "log")
KEY_PATTERNS = one_of('["*"]', '["team/notes"]', '["digits"]', None)

COLUMNS: dict[str, dict[str, Other]] = {
    "repositories": {"name": other_name, "kind": one_of("model", "dataset"), "version_count": other_number},
    "manifests": {
        "repository_id": REPOSITORY, "digest": other_digest, "media_type": other_name,
        "artifact_type": or_none(other_name), "subject_digest": or_none(other_digest), "content": other_bytes,
        "size": other_number, "annotations": or_none(other_labels), "created_at": other_time, "actor": ACTOR},
    "manifest_references": {
        "manifest_id": lambda copy, value: value + 10_000, "position": lambda copy, value: value + 10,
        "repository_id": REPOSITORY, "role": one_of("config", "layer", "child"), "digest": other_digest,
        "size": other_number, "media_type": other_name},
    "versions": {
        "repository_id": REPOSITORY, "number": other_number, "manifest_id": value_of(
            "SELECT id FROM manifests WHERE id NOT IN (SELECT manifest_id FROM versions)"),
        "content_bytes": other_number, "metadata": other_metadata, "created_at": other_time, "actor": ACTOR},
    "tags": {
        "repository_id": REPOSITORY, "name": other_name, "version_id": value_of("SELECT id FROM versions"),
        "is_alias": one_of(0, 1), "moved_at": other_time},
    "alias_moves": {
        "sequence": lambda copy, value: value + 10_000, "repository_id": REPOSITORY, "alias": other_name,
        "from_number": or_none(other_number), "to_number": or_none(other_number),
        "to_digest": or_none(other_digest), "cause": one_of("set", "promotion", "removal"), "at": other_time,
        "actor": ACTOR, "policy_digest": or_none(POLICY_DIGEST), "verdict_digest": or_none(other_digest)},
    "policies": {"digest": other_digest, "json": other_policy, "created_at": other_time},
    "alias_policies": {
        "repository_id": REPOSITORY, "alias": other_name, "policy_digest": POLICY_DIGEST, "set_at": other_time,
        "actor": ACTOR},
    "policy_changes": {
        "repository_id": REPOSITORY, "alias": other_name, "policy_digest": or_none(POLICY_DIGEST), "at": other_time,
        "actor": ACTOR},
    "attestations": {
        "manifest_id": value_of("SELECT id FROM manifests WHERE id NOT IN (SELECT manifest_id FROM attestations)"),
        "repository_id": REPOSITORY, "subject_digest": other_digest, "artifact_type": other_name,
        "predicate_type": or_none(other_name), "envelope_digest": other_digest, "envelope_size": other_number},
    "trusted_keys": {
        "id": other_id, "name": other_name, "pem": value_of("SELECT pem FROM trusted_keys"), "role": KEY_ROLE,
        "repositories": KEY_PATTERNS, "valid_from": or_none(other_time), "valid_until": or_none(other_time),
        "added_at": other_time, "revoked_at": or_none(other_time)},
    "key_changes": {
        "action": one_of("trust", "limit", "revoke"), "key_id": other_id, "name": other_name, "role": KEY_ROLE,
        "repositories": KEY_PATTERNS, "valid_from": or_none(other_time), "valid_until": or_none(other_time),
        "revoked_at": or_none(other_time), "at": other_time, "actor": ACTOR},
    "deletions": {
        "repository_id": REPOSITORY, "target": one_of("manifest", "blob"), "digest": other_digest,
        "number": or_none(other_number), "ends": other_ends, "at": other_time, "actor": ACTOR},
    "verifications": {"envelope_digest": other_digest},
    "ended_entries": {"log_index": taken_place, "entry": other_bytes},
    "log_tail": {"id": other_number, "entry": other_bytes},
}
# Tables whose rows are facts of the log.
LOGGED = ("manifests", "versions", "alias_moves", "policy_changes", "key_changes", "deletions")
PLACES: dict[str, Callable[[str], Other]] = {
    "nowhere": lambda table: lambda copy, value: None, "behind the end": lambda table: far_place,
    "at another's": place_of_other_kind}
# Rows that carry meaning, where not all do: a repository without versions is of no kind yet, and a verification without
# a report names none.
MEANINGFUL = {
    ("repositories", "name"): "id IN (SELECT repository_id FROM manifests UNION SELECT repository_id FROM alias_moves)",
    ("repositories", "kind"): "id IN (SELECT repository_id FROM versions)",
    ("verifications", "envelope_digest"): "envelope_digest IS NOT NULL"}
# Tables whose rows, when one is deleted, leave nothing behind that an entry of the log speaks of.
NOT_MISSED = {"verifications"}


def change_column(table: str, column: str, other: Other) -> Mutation:
    """Puts something else into one column of a random row, where no other row stands in the way."""
    def mutate(copy: Copy) -> str:
        rows = copy.rows(f"SELECT {key_of(table)} AS row_key, {column} FROM {table} "
                         f"WHERE {MEANINGFUL.get((table, column), '1')}")
        for row in rows:
            value = other(copy, row[column])
            if value == row[column]:
                continue
            with contextlib.suppress(sqlite3.IntegrityError):
                sql = f"UPDATE {table} SET {column} = ? WHERE {key_of(table)} = ?"
                return copy.run((sql, (value, row["row_key"]))) + f", was {shown(row[column])!r}"
        raise NothingToChange(f"{table}.{column}")

    return mutate


def key_of(table: str) -> str:
    """What tells the rows of a table apart, as one value."""
    keys = {"tags": "repository_id || ' ' || name", "alias_policies": "repository_id || ' ' || alias",
            "manifest_references": "manifest_id || ' ' || position", "policies": "digest", "trusted_keys": "id"}
    return keys.get(table, "rowid")


def delete_row(table: str) -> Mutation:
    def mutate(copy: Copy) -> str:
        key = copy.one(f"SELECT {key_of(table)} AS row_key FROM {table}")["row_key"]
        return copy.run((f"DELETE FROM {table} WHERE {key_of(table)} = ?", (key,)))

    return mutate


for table, columns in COLUMNS.items():
    for column, other in columns.items():
        MUTATIONS[f"{table}: change {column}"] = change_column(table, column, other)
    if table not in NOT_MISSED:
        MUTATIONS[f"{table}: delete a row"] = delete_row(table)
for table in LOGGED:
    for place, other in PLACES.items():
        MUTATIONS[f"{table}: change log_index, {place}"] = change_column(table, "log_index", other(table))

# What rows are swapped in; without the log index they change their places in the log as well.
SWAPS: dict[str, list[tuple[str, ...]]] = {
    "repositories": [("name",)],
    "manifests": [("log_index",), ("digest", "media_type", "artifact_type", "subject_digest", "size", "content")],
    "manifest_references": [("digest", "size", "media_type"), ("role",)],
    "versions": [("log_index",), ("manifest_id",), ("number",), ("metadata",)],
    "tags": [("version_id",), ("version_id", "moved_at")],
    "alias_moves": [("log_index",), ("alias", "from_number", "to_number", "to_digest", "at"), ("at",)],
    "policies": [("json",)],
    "alias_policies": [("policy_digest", "set_at", "actor")],
    "policy_changes": [("log_index",), ("alias", "policy_digest", "at")],
    "attestations": [("subject_digest", "artifact_type", "predicate_type", "envelope_digest", "envelope_size")],
    "trusted_keys": [("name", "role"), ("pem",), ("valid_from", "valid_until", "revoked_at")],
    "key_changes": [("log_index",), ("name", "role", "action", "at")],
    "deletions": [("log_index",), ("digest", "number", "target")],
    "ended_entries": [("entry",)],
    "log_tail": [("entry",)],
}


def swap_rows(table: str, columns: tuple[str, ...]) -> Mutation:
    """Exchanges what two rows say in some columns."""
    def mutate(copy: Copy) -> str:
        key, names = key_of(table), ", ".join(columns)
        rows = copy.rows(f"SELECT {key} AS row_key, {names} FROM {table}")
        for one, other in zip(rows, rows[1:]):
            mine, theirs = ([row[column] for column in columns] for row in (one, other))
            if mine == theirs:
                continue
            with contextlib.suppress(sqlite3.IntegrityError), database(copy.folder) as connection:
                exchange(connection, table, columns, (one["row_key"], theirs), (other["row_key"], mine))
                return f"{table}, rows {one['row_key']!r} and {other['row_key']!r}: {names}"
        raise NothingToChange(f"{table}: {names}")

    return mutate


def exchange(
    connection: sqlite3.Connection, table: str, columns: tuple[str, ...], *changes: tuple[Value, list[Value]]
) -> None:
    """Gives rows other values at once, so that what must be unique is never there twice."""
    connection.execute("BEGIN")
    rows = [dict(connection.execute(f"SELECT * FROM {table} WHERE {key_of(table)} = ?", (key,)).fetchone())
            for key, _ in changes]
    for key, _ in changes:
        connection.execute(f"DELETE FROM {table} WHERE {key_of(table)} = ?", (key,))
    for row, (_, values) in zip(rows, changes):
        insert_row(connection, table, row | dict(zip(columns, values)))
    connection.execute("COMMIT")


def insert_row(connection: sqlite3.Connection, table: str, row: Row) -> None:
    """Inserts a row, without the columns that the database computes."""
    stored = [each["name"] for each in connection.execute(f"PRAGMA table_info({table})")]
    names = [name for name in stored if name in row]
    connection.execute(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
        [row[name] for name in names])


for table, variants in SWAPS.items():
    for columns in variants:
        MUTATIONS[f"{table}: swap {', '.join(columns)}"] = swap_rows(table, columns)


# Forged rows: facts that nobody logged, with all that belongs to them


def insert(copy: Copy, table: str, row: Row) -> int:
    with database(copy.folder) as connection:
        insert_row(connection, table, row)
        return connection.execute("SELECT last_insert_rowid()").fetchone()[0]


def forge_manifest(copy: Copy, index: Value, template: Row, subject: Row | None = None) -> Row:
    """A manifest like another one, or one like it of another subject: sound in itself, with its references."""
    content = json.loads(template["content"])
    content["annotations"] = content.get("annotations", {}) | {"forged": copy.letters()}
    place = {}
    if subject is not None:
        content["subject"] |= {"digest": subject["digest"], "size": subject["size"]}
        place = {"subject_digest": subject["digest"], "repository_id": subject["repository_id"]}
    data = canonical(content)
    row = template | place | {
        "id": None, "content": data, "size": len(data), "digest": digest_of(data), "log_index": index,
        "annotations": canonical(content["annotations"]).decode()}
    row["id"] = insert(copy, "manifests", row)
    for reference in copy.rows(f"SELECT * FROM manifest_references WHERE manifest_id = {template['id']}"):
        insert(copy, "manifest_references", reference | {
            "manifest_id": row["id"], "repository_id": row["repository_id"]})
    return row


def forge_version(copy: Copy, index: Value) -> str:
    template = copy.one("SELECT m.* FROM manifests AS m JOIN versions AS v ON v.manifest_id = m.id")
    manifest = forge_manifest(copy, index, template)
    number = copy.one(f"SELECT coalesce(max(number), 0) + 1 AS number FROM versions "
                      f"WHERE repository_id = {manifest['repository_id']}")["number"] + 1000
    row = copy.one("SELECT * FROM versions") | {
        "id": None, "repository_id": manifest["repository_id"], "number": number, "manifest_id": manifest["id"],
        "log_index": index, "created_at": manifest["created_at"], "actor": manifest["actor"]}
    version = insert(copy, "versions", row)
    insert(copy, "tags", {"repository_id": row["repository_id"], "name": str(number), "version_id": version,
                          "is_alias": 0, "moved_at": row["created_at"]})
    return f"a version with the number {number}"


def forge_lone_manifest(copy: Copy, index: Value) -> str:
    template = copy.one("SELECT * FROM manifests WHERE id NOT IN (SELECT manifest_id FROM versions) "
                        "AND id NOT IN (SELECT manifest_id FROM attestations)")
    return f"a manifest {forge_manifest(copy, index, template)['digest']}"


def forge_attestation(copy: Copy, index: Value) -> str:
    """What is said of one version is said to be of another one."""
    template = copy.one("SELECT m.* FROM manifests AS m JOIN attestations AS a ON a.manifest_id = m.id")
    said = copy.one(f"SELECT * FROM attestations WHERE manifest_id = {template['id']}")
    subject = copy.one("SELECT m.* FROM versions AS v JOIN manifests AS m ON m.id = v.manifest_id")
    manifest = forge_manifest(copy, index, template, subject)
    insert(copy, "attestations", said | {
        "manifest_id": manifest["id"], "repository_id": manifest["repository_id"],
        "subject_digest": subject["digest"]})
    return f"an attestation of {subject['digest']}"


def forge_move(copy: Copy, index: Value) -> str:
    """An alias points to another version, and a move says so."""
    alias = copy.one("SELECT * FROM tags WHERE is_alias = 1")
    version = copy.one(
        f"SELECT v.id, v.number, m.digest FROM versions AS v JOIN manifests AS m ON m.id = v.manifest_id "
        f"WHERE v.repository_id = {alias['repository_id']} AND v.id <> {alias['version_id']}")
    last = copy.one("SELECT max(at) AS at FROM alias_moves")
    insert(copy, "alias_moves", {
        "repository_id": alias["repository_id"], "alias": alias["name"], "from_number": None,
        "to_number": version["number"], "to_digest": version["digest"], "cause": "set", "at": last["at"],
        "actor": "local", "log_index": index})
    copy.run(("UPDATE tags SET version_id = ?, moved_at = ? WHERE repository_id = ? AND name = ?",
              (version["id"], last["at"], alias["repository_id"], alias["name"])))
    return f"a move of {alias['name']} to {version['number']}"


def forge_policy(copy: Copy, index: Value) -> str:
    """A protection was taken away, and a change says so."""
    policy = copy.one("SELECT * FROM alias_policies")
    insert(copy, "policy_changes", {
        "repository_id": policy["repository_id"], "alias": policy["alias"], "at": policy["set_at"] + DAY,
        "actor": "local", "log_index": index})
    copy.run(("DELETE FROM alias_policies WHERE repository_id = ? AND alias = ?",
              (policy["repository_id"], policy["alias"])))
    return f"no policy of {policy['alias']}"


def forge_key(copy: Copy, index: Value) -> str:
    """A key of somebody else is trusted, and a change says so."""
    pem = other_key(copy).public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    key, at = hashlib.sha256(pem.encode()).hexdigest(), copy.one("SELECT max(at) AS at FROM key_changes")["at"]
    insert(copy, "trusted_keys", {"id": key, "name": "mallory", "pem": pem, "role": "log", "added_at": at})
    insert(copy, "key_changes", {
        "action": "trust", "key_id": key, "name": "mallory", "role": "log", "at": at, "actor": "local",
        "log_index": index})
    return f"a key {key}"


def forge_deletion(copy: Copy, index: Value) -> str:
    row = copy.one("SELECT * FROM deletions") | {
        "id": None, "digest": "sha256:" + copy.letters(), "number": 1000 + copy.moment.randrange(1000), "ends": None,
        "log_index": index}
    insert(copy, "deletions", row)
    return f"a deletion of number {row['number']}"


FORGERIES: dict[str, Callable[[Copy, Value], str]] = {
    "manifests": forge_lone_manifest, "versions": forge_version, "attestations": forge_attestation,
    "alias_moves": forge_move, "policy_changes": forge_policy, "key_changes": forge_key, "deletions": forge_deletion}


def forged(work: Callable[[Copy, Value], str], place: Other) -> Mutation:
    return lambda copy: work(copy, place(copy, None))


for table, forge in FORGERIES.items():
    for place, other in PLACES.items():
        MUTATIONS[f"{table}: forge a fact, {place}"] = forged(forge, other(table))


@mutation("tags: insert an alias")
def insert_alias(copy: Copy) -> str:
    row = copy.one("SELECT * FROM tags") | {"name": "forged", "is_alias": 1}
    insert(copy, "tags", row)
    return f"an alias of version row {row['version_id']}"


@mutation("tags: insert a number")
def insert_number(copy: Copy) -> str:
    row = copy.one("SELECT * FROM tags WHERE is_alias = 0") | {"name": str(900 + copy.moment.randrange(99))}
    insert(copy, "tags", row)
    return f"{row['name']} of version row {row['version_id']}"


@mutation("policies: insert a row")
def insert_policy(copy: Copy) -> str:
    data = other_policy(copy, copy.one("SELECT json FROM policies")["json"])
    insert(copy, "policies", {"digest": digest_of(data), "json": data, "created_at": 1_790_000_000_000})
    return f"a policy {digest_of(data)}"


@mutation("policy_datasets: insert a row")
def insert_policy_dataset(copy: Copy) -> str:
    policy = copy.one("SELECT digest FROM policies")["digest"]
    insert(copy, "policy_datasets", {"dataset": "forged:1", "policy_digest": policy})
    return f"a dataset of the policy {policy}"


@mutation("policy_datasets: delete a row")
def delete_policy_dataset(copy: Copy) -> str:
    row = copy.one("SELECT * FROM policy_datasets")
    copy.run(("DELETE FROM policy_datasets WHERE dataset = ? AND policy_digest = ?", tuple(row.values())))
    return f"{row['dataset']} of the policy {row['policy_digest']}"


@mutation("alias_policies: insert a row")
def insert_protection(copy: Copy) -> str:
    insert(copy, "alias_policies", copy.one("SELECT * FROM alias_policies") | {"alias": "forged"})
    return "a policy of alias forged"


@mutation("attestations: insert a row")
def insert_attestation(copy: Copy) -> str:
    manifest = copy.one("SELECT * FROM manifests WHERE subject_digest IS NULL")
    insert(copy, "attestations", copy.one("SELECT * FROM attestations") | {"manifest_id": manifest["id"]})
    return f"manifest {manifest['digest']} attests"


@mutation("trusted_keys: insert a row")
def insert_key(copy: Copy) -> str:
    key = copy.one("SELECT * FROM trusted_keys") | {"id": copy.letters()}
    insert(copy, "trusted_keys", key)
    return f"a key {key['id']}"


@mutation("ended_entries: insert a row")
def insert_ended(copy: Copy) -> str:
    row = copy.one("SELECT * FROM ended_entries") | {"log_index": far_place(copy, None)}
    insert(copy, "ended_entries", row)
    return f"an entry at {row['log_index']}"


@mutation("ended_entries: insert a row for a fact that is there")
def insert_ended_again(copy: Copy) -> str:
    index, entries = copy.one("SELECT log_index FROM alias_moves")["log_index"], copy.entries()
    insert(copy, "ended_entries", {"log_index": index, "entry": entries[index]})
    return f"entry {index}"


@mutation("sqlite_sequence: let the next entry be another one")
def change_next_entry(copy: Copy) -> str:
    step = copy.moment.choice((-1, 1)) * copy.moment.randint(1, 300)
    return copy.run(("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'log_tail'", (step,)))


@mutation("manifest_references: insert a row")
def insert_reference(copy: Copy) -> str:
    row = copy.one("SELECT * FROM manifest_references") | {"position": 90, "digest": "sha256:" + copy.letters()}
    insert(copy, "manifest_references", row)
    return f"manifest row {row['manifest_id']} refers to {row['digest']}"


# The schema: what makes good rows read badly


@mutation("schema: add a trigger")
def add_trigger(copy: Copy) -> str:
    table = copy.moment.choice(sorted(COLUMNS))
    return with_schema(copy, f"CREATE TRIGGER forged AFTER INSERT ON {table} BEGIN DELETE FROM {table}; END")


@mutation("schema: change a view")
def change_view(copy: Copy) -> str:
    old = copy.one("SELECT sql FROM sqlite_schema WHERE name = 'version_details'")["sql"]
    new = old.replace("m.digest, ", "(SELECT min(digest) FROM manifests) AS digest, ", 1)
    assert new != old
    return with_schema(copy, f"DROP VIEW version_details; {new}")


@mutation("schema: drop an index")
def drop_index(copy: Copy) -> str:
    name = copy.one("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")["name"]
    return with_schema(copy, f"DROP INDEX {name}")


def with_schema(copy: Copy, sql: str) -> str:
    with database(copy.folder) as connection:
        connection.executescript(sql)
    return sql


@mutation("log_tail: insert a row")
def insert_tail(copy: Copy) -> str:
    insert(copy, "log_tail", {"id": copy.size + 1, "entry": copy.entries()[-1]})
    return f"an entry {copy.size}"


# Facts that are made unseen: their entries are said to be of what was deleted


def end_entry(copy: Copy, index: int) -> None:
    insert(copy, "ended_entries", {"log_index": index, "entry": copy.entries()[index]})


@mutation("alias_moves: undo the last move of an alias")
def undo_move(copy: Copy) -> str:
    """As if it had never moved: the move is among what was deleted, and the alias points where it pointed."""
    last = copy.one(
        "SELECT repository_id, alias, max(log_index) AS log_index FROM alias_moves GROUP BY repository_id, alias "
        "HAVING count(*) > 1")
    end_entry(copy, last["log_index"])
    what = copy.run(("DELETE FROM alias_moves WHERE log_index = ?", (last["log_index"],)))
    point_as_last_moved(copy, last["repository_id"], last["alias"])
    return what


@mutation("alias_moves: hide a move")
def hide_move(copy: Copy) -> str:
    """One that another one followed."""
    move = copy.one("SELECT log_index FROM alias_moves AS h WHERE log_index < (SELECT max(log_index) FROM alias_moves "
                    "WHERE repository_id = h.repository_id AND alias = h.alias)")
    end_entry(copy, move["log_index"])
    return copy.run(("DELETE FROM alias_moves WHERE log_index = ?", (move["log_index"],)))


@mutation("policy_changes: undo the last change of a policy")
def undo_policy(copy: Copy) -> str:
    last = copy.one("SELECT repository_id, alias, max(log_index) AS log_index FROM policy_changes "
                    "GROUP BY repository_id, alias")
    alias = (last["repository_id"], last["alias"])
    end_entry(copy, last["log_index"])
    what = copy.run(("DELETE FROM policy_changes WHERE log_index = ?", (last["log_index"],)))
    with database(copy.folder) as connection:
        connection.execute("DELETE FROM alias_policies WHERE repository_id = ? AND alias = ?", alias)
        connection.execute(
            """
            INSERT INTO alias_policies (repository_id, alias, policy_digest, set_at, actor)
            SELECT repository_id, alias, policy_digest, at, actor
            FROM (SELECT *, max(log_index) FROM policy_changes WHERE repository_id = ? AND alias = ?)
            WHERE policy_digest IS NOT NULL
            """, alias)
    return what


@mutation("key_changes: undo the last change of a key")
def undo_key(copy: Copy) -> str:
    """A revoked key counts again, or a limited one without its limit."""
    last = copy.one("SELECT key_id, max(log_index) AS log_index FROM key_changes GROUP BY key_id HAVING count(*) > 1")
    end_entry(copy, last["log_index"])
    what = copy.run(("DELETE FROM key_changes WHERE log_index = ?", (last["log_index"],)))
    copy.run((
        """
        UPDATE trusted_keys SET (valid_from, valid_until, revoked_at) = (
            SELECT valid_from, valid_until, revoked_at FROM key_changes WHERE key_id = trusted_keys.id
            ORDER BY log_index DESC LIMIT 1)
        WHERE id = ?
        """, (last["key_id"],)))
    return what


@mutation("versions: delete one unseen")
def hide_version(copy: Copy) -> str:
    """With all that belongs to it; no deletion is in the log."""
    version = copy.one("SELECT * FROM versions WHERE id NOT IN (SELECT version_id FROM tags WHERE is_alias = 1)")
    manifest = copy.one(f"SELECT * FROM manifests WHERE id = {version['manifest_id']}")
    for index in {version["log_index"], manifest["log_index"]}:
        end_entry(copy, index)
    return copy.run(
        ("DELETE FROM tags WHERE version_id = ?", (version["id"],)),
        ("DELETE FROM versions WHERE id = ?", (version["id"],)),
        ("DELETE FROM manifest_references WHERE manifest_id = ?", (manifest["id"],)),
        ("DELETE FROM manifests WHERE id = ?", (manifest["id"],)))


@mutation("attestations: delete one unseen")
def hide_attestation(copy: Copy) -> str:
    manifest = copy.one("SELECT m.* FROM manifests AS m JOIN attestations AS a ON a.manifest_id = m.id")
    end_entry(copy, manifest["log_index"])
    return copy.run(
        ("DELETE FROM attestations WHERE manifest_id = ?", (manifest["id"],)),
        ("DELETE FROM manifest_references WHERE manifest_id = ?", (manifest["id"],)),
        ("DELETE FROM manifests WHERE id = ?", (manifest["id"],)))


@mutation("deletions: hide one")
def hide_deletion(copy: Copy) -> str:
    """Its number could be given again."""
    index = copy.one("SELECT log_index FROM deletions")["log_index"]
    end_entry(copy, index)
    return copy.run(("DELETE FROM deletions WHERE log_index = ?", (index,)))


def revive(copy: Copy, of: str) -> str:
    """Brings back rows of an earlier store in the place of the entries that were kept of them."""
    with database(copy.folder) as connection:
        connection.execute("ATTACH ? AS earlier", (str(copy.store.earlier / "index.sqlite"),))
        found = connection.execute(
            f"SELECT * FROM earlier.manifests AS m WHERE id NOT IN (SELECT id FROM main.manifests) AND {of}").fetchall()
        manifest = dict(copy.moment.choice(found))
        insert_row(connection, "manifests", manifest)
        indexes = [manifest["log_index"]]
        for row in connection.execute("SELECT * FROM earlier.manifest_references WHERE manifest_id = ?",
                                      (manifest["id"],)).fetchall():
            insert_row(connection, "manifest_references", dict(row))
        for row in connection.execute("SELECT * FROM earlier.versions WHERE manifest_id = ?",
                                      (manifest["id"],)).fetchall():
            insert_row(connection, "versions", dict(row))
            indexes.append(row["log_index"])
            connection.execute("INSERT INTO main.tags SELECT * FROM earlier.tags WHERE version_id = ? AND is_alias = 0",
                               (row["id"],))
        connection.executemany("DELETE FROM main.ended_entries WHERE log_index = ?", [(index,) for index in indexes])
    return f"manifest {manifest['digest']}"


@mutation("deletions: revive a deleted version")
def revive_version(copy: Copy) -> str:
    return revive(copy, "id IN (SELECT manifest_id FROM earlier.versions)")


@mutation("deletions: revive a deleted manifest")
def revive_manifest(copy: Copy) -> str:
    return revive(copy, "id NOT IN (SELECT manifest_id FROM earlier.versions)")
