"""The audit log and signatures: how fast facts are logged, how fast a large log is verified, and what is found."""

import contextlib
import datetime
import importlib
import itertools
import json
import os
import select
import signal
import sqlite3
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import oci
from figures import MIB, at_least, at_most, in_turns, medians, random_file, ratio, seconds
from loads import FORK
from processes import REPOSITORY_ROOT, AssayServer, BenchmarkError, peak_memory_of, run
from wire import HEAD_BYTES_MAX, HEAD_END, Wire

WRITERS = (8, 16, 32)
DEMANDED_WRITERS = 16
MOVE_SECONDS = 5
MOVED = "bench/moved"
POLL_SECONDS = 5

LARGE_REPOSITORIES = 1000
# Four versions, then a move of an alias to the last of them.
LARGE_VERSIONS_A_MOVE = 4
LARGE_BATCH = 20_000
LARGE_START = 1_780_000_000_000
LARGE_ROUNDS_MAX = 3
ALIAS = "candidate"
ARTIFACT_TYPE = "application/vnd.example.benchmark"
EMPTY_DIGEST, EMPTY_TYPE = oci.digest_of(oci.EMPTY), "application/vnd.oci.empty.v1+json"
LAYER = oci.descriptor(oci.digest_of(b"weights"), len(b"weights"))
METADATA = "{}"
METADATA_DIGEST = oci.digest_of(METADATA.encode())
LARGE_COLUMNS = {
    "manifests": (
        "id", "repository_id", "digest", "media_type", "artifact_type", "size", "created_at", "annotations", "content",
        "actor", "log_index"),
    "manifest_references": ("manifest_id", "position", "repository_id", "role", "digest", "size", "media_type"),
    "versions": (
        "id", "repository_id", "number", "manifest_id", "created_at", "content_bytes", "metadata", "actor",
        "log_index"),
    "tags": ("repository_id", "name", "version_id", "is_alias", "moved_at"),
    "alias_moves": (
        "repository_id", "alias", "from_number", "to_number", "to_digest", "cause", "at", "actor", "log_index"),
}

MUTATION_PROCESSES = 2
BUNDLE_SHARE_OF_MUTATIONS = 2 / 5
MISSED_SHOWN = 5

SIGNED_FILES = {"ten": 10, "thousand": 1000, "large": 10}
SIGNED_BYTES = 1000
# 64 MiB by default.
SIGNED_SHARE_OF_FILE = 16
SIGNINGS_A_TURN = 3
SIGNERS = itertools.count()


# Facts, as fast as they come


@dataclass
class Moves:
    """What some connections reached together; times are in milliseconds."""

    rate: float
    p50: float
    p99: float


def log(setting):
    """Aliases that move over kept connections: each move is an entry of the log before it is answered."""
    kind = run("stat", "--file-system", "--format", "%T", setting.folder).strip()
    if kind == "tmpfs":
        raise BenchmarkError(f"{setting.folder} is in memory, where a flush costs nothing; name a disk with --folder")
    with AssayServer(setting.binary, setting.folder / "assay") as server:
        with oci.Registry(server.url) as registry:
            registry.push_blob(MOVED, oci.EMPTY)
            layer = registry.push_blob(MOVED, b"weights")
            for number in ("1", "2"):
                registry.push_manifest(MOVED, number, oci.manifest([layer], number))
        figures = in_turns(setting.rounds, {
            count: lambda count=count: moves(server.url, count, MOVE_SECONDS) for count in WRITERS})
    typical = {count: Moves(*(statistics.median(getattr(each, name) for each in found)
                              for name in ("rate", "p50", "p99"))) for count, found in figures.items()}
    mine = typical[DEMANDED_WRITERS]
    others = {count: each for count, each in typical.items() if count != DEMANDED_WRITERS}
    return [
        at_least(
            f"entries logged by {DEMANDED_WRITERS} writers", mine.rate, 1000, "entries/s",
            ", ".join(f"{count} writers {each.rate:.0f}" for count, each in others.items())),
        at_most(
            f"p99 until an entry of {DEMANDED_WRITERS} writers is logged", mine.p99, 50, "ms",
            f"p50 {mine.p50:.1f}; " + ", ".join(
                f"{count} writers {each.p50:.1f} and {each.p99:.1f}" for count, each in others.items())),
    ]


def moves(url, connections, for_seconds):
    """Each connection moves an alias of its own to and fro, by one thread for all of them."""
    times, before = [], log_size(url)
    with contextlib.ExitStack() as scope:
        ready = scope.enter_context(contextlib.closing(select.epoll()))
        movers = {}
        for number in range(connections):
            mover = Mover(scope.enter_context(Wire(url)), f"alias-{connections}-{number}")
            movers[mover.wire.socket.fileno()] = mover
            ready.register(mover.wire.socket, select.EPOLLIN)
        started = time.perf_counter()
        for mover in movers.values():
            mover.ask()
        waiting = len(movers)
        while waiting:
            answered = ready.poll(POLL_SECONDS)
            if not answered:
                raise BenchmarkError(f"no move was answered within {POLL_SECONDS} s")
            for descriptor, _ in answered:
                if (answer_time := movers[descriptor].answer()) is None:
                    continue
                times.append(answer_time)
                if time.perf_counter() - started < for_seconds:
                    movers[descriptor].ask()
                else:
                    waiting -= 1
        elapsed = time.perf_counter() - started
    # An alias that is where it was asked to go makes no entry, as may be with the first move of each.
    logged = log_size(url) - before
    if not len(times) - connections <= logged <= len(times):
        raise BenchmarkError(f"{len(times)} moves were answered, and {logged} are in the log")
    cuts = statistics.quantiles(times, n=100)
    return Moves(logged / elapsed, cuts[49] * 1000, cuts[98] * 1000)


class Mover:
    """One connection and its alias."""

    def __init__(self, wire, alias):
        self.wire = wire
        self.requests = itertools.cycle([
            wire.request(
                "PUT", f"/api/v1/aliases/{MOVED}:{alias}", json.dumps({"version": number}).encode(),
                Content_Type="application/json") for number in (1, 2)])
        self.received = b""
        self.asked = 0.0

    def ask(self):
        self.received = b""
        self.asked = time.perf_counter()
        self.wire.send(next(self.requests))

    def answer(self):
        """How long the answer took; None while it is not whole."""
        self.received += self.wire.receive()
        head, end, body = self.received.partition(HEAD_END)
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(head) > HEAD_BYTES_MAX or end and not (head.startswith(b"HTTP/1.1 200 ") and length):
            raise BenchmarkError(f"a move was answered by {self.received[:500]}")
        return time.perf_counter() - self.asked if end and len(body) >= int(length) else None


def log_size(url):
    """How many entries the last checkpoint has."""
    with Wire(url) as wire:
        return int(wire.ask(wire.request("GET", "/log/checkpoint"), 200).body.split(b"\n")[1])


# A large log, verified


def audit(setting):
    """`assay audit verify` over a log of a million entries, with the rows of the index that they are of."""
    store = setting.folder / "store"
    run(setting.binary, "init", store)
    filling = seconds(fill_log, store, setting.entries)
    command = [
        setting.binary, "--store", store, "audit", "verify", "--trust", store / "keys" / "log.pub.pem", "--json"]
    found = json.loads(run(*command))
    if found["entry_count"] != setting.entries or found["faults"]:
        raise BenchmarkError(f"the large log does not verify: {found['faults'][:3]}")
    times, peaks = [], []
    for _ in range(min(setting.rounds, LARGE_ROUNDS_MAX)):
        started = time.perf_counter()
        peaks.append(peak_memory_of(*command) / MIB)
        times.append(time.perf_counter() - started)
    note = f"peak of memory {statistics.median(peaks):.0f} MiB; made in {filling:.0f} s"
    return [at_most(f"audit verify, {setting.entries} entries", statistics.median(times), 10, "s", note)]


def fill_log(store, count):
    """Gives a new store versions and moves until its log has so many entries, as if they had been pushed."""
    with contextlib.closing(sqlite3.connect(store / "index.sqlite", isolation_level=None)) as database:
        database.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; PRAGMA foreign_keys = ON; BEGIN")
        tree = Tree(store / "log")
        for entry, in database.execute("SELECT entry FROM log_tail ORDER BY id"):
            tree.add(entry)
        facts = Facts(tree.size)
        database.executemany(
            "INSERT INTO repositories (id, name, kind, created_at) VALUES (?, ?, 'model', ?)",
            [(number + 1, name_of(number), LARGE_START) for number in range(LARGE_REPOSITORIES)])
        while tree.size < count:
            for _ in range(min(LARGE_BATCH, count - tree.size)):
                tree.add(facts.next())
            facts.flush(database)
        facts.flush_aliases(database)
        database.execute(
            "UPDATE repositories SET version_count = ("
            "SELECT count(*) FROM versions WHERE repository_id = repositories.id)")
        database.execute("DELETE FROM log_tail")
        database.executemany("INSERT INTO log_tail (id, entry) VALUES (?, ?)", tree.tail())
        database.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'log_tail'", (tree.size,))
        note = tests().signed_checkpoint(store, tree.size, tree.finish())
        database.execute("UPDATE log_head SET size = ?, checkpoint = ?", (tree.size, note))
        database.execute("COMMIT")
    os.sync()


def tests(module="mutations"):
    """What the tests know of stores, bundles and logs; it needs more Python packages than all else here does."""
    folder = str(REPOSITORY_ROOT / "Tests" / "Clients")
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        return importlib.import_module(module)
    except ImportError as fault:
        raise BenchmarkError(f"{fault}; run scripts/bootstrap.sh --tests") from fault


class Facts:
    """Rows of the index and the entries that they give, in turn over all repositories."""

    def __init__(self, first):
        self.index = first
        self.version_id = 0
        # Of each repository its newest version (row id, number, digest), and where its alias points.
        self.newest = [(0, 0, "")] * LARGE_REPOSITORIES
        self.aliases = {}
        self.rows = {table: [] for table in LARGE_COLUMNS}
        self.second = (0, "")

    def next(self):
        """The entry of the next fact, whose rows are written by the next flush."""
        turn, place = divmod(self.index, LARGE_REPOSITORIES)
        is_move = turn % (LARGE_VERSIONS_A_MOVE + 1) == LARGE_VERSIONS_A_MOVE and self.newest[place][1]
        entry = (self.move if is_move else self.version)(place, LARGE_START + self.index)
        self.index += 1
        return entry

    def version(self, place, at):
        self.version_id += 1
        version, repository, number = self.version_id, place + 1, self.newest[place][1] + 1
        content = oci.manifest([LAYER], f"{place}-{number}")
        digest = oci.digest_of(content)
        self.newest[place] = (version, number, digest)
        self.rows["manifests"].append((
            version, repository, digest, oci.MANIFEST, ARTIFACT_TYPE, len(content), at,
            f'{{"note":"{place}-{number}"}}', content, "local", self.index))
        self.rows["manifest_references"] += [
            (version, 0, repository, "config", EMPTY_DIGEST, len(oci.EMPTY), EMPTY_TYPE),
            (version, 1, repository, "layer", LAYER["digest"], LAYER["size"], oci.BYTES)]
        self.rows["versions"].append(
            (version, repository, number, version, at, LAYER["size"], METADATA, "local", self.index))
        self.rows["tags"].append((repository, str(number), version, 0, at))
        return (f'{{"actor":"local","at":"{self.text(at)}","digest":"{digest}","kind":"version",'
                f'"media_type":"{oci.MANIFEST}","metadata":"{METADATA_DIGEST}","number":{number},'
                f'"repository":"{name_of(place)}","repository_kind":"model"}}').encode()

    def move(self, place, at):
        """Points the repository's alias to its newest version."""
        version, number, digest = self.newest[place]
        before = self.aliases[place][0] if place in self.aliases else None
        self.aliases[place] = (number, (place + 1, ALIAS, version, 1, at))
        self.rows["alias_moves"].append((place + 1, ALIAS, before, number, digest, "set", at, "local", self.index))
        origin = f'"from":{before},' if before else ""
        return (f'{{"actor":"local","alias":"{ALIAS}","at":"{self.text(at)}","cause":"set","digest":"{digest}",'
                f'{origin}"kind":"alias","repository":"{name_of(place)}","to":{number}}}').encode()

    def text(self, milliseconds):
        """A time as the log writes it."""
        second, rest = divmod(milliseconds, 1000)
        if self.second[0] != second:
            moment = datetime.datetime.fromtimestamp(second, datetime.UTC)
            self.second = (second, moment.strftime("%Y-%m-%dT%H:%M:%S"))
        return f"{self.second[1]}.{rest:03d}Z"

    def flush(self, database):
        for table, rows in self.rows.items():
            insert(database, table, rows)
            rows.clear()

    def flush_aliases(self, database):
        """Aliases are where they point in the end."""
        insert(database, "tags", [row for _, row in self.aliases.values()])


def insert(database, table, rows):
    columns = LARGE_COLUMNS[table]
    places = ", ".join("?" * len(columns))
    database.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)


def name_of(place):
    return f"bench/large-{place:03d}"


class Tree:
    """The tiles of a log (C2SP tlog-tiles), written as its entries come."""

    def __init__(self, folder):
        self.folder = folder
        self.size = 0
        self.entries = []
        # Of each level the hashes of the tile that is not full yet, and how many tiles are.
        self.levels = []
        self.tlog = tests("tlog")

    def add(self, entry):
        self.entries.append(entry)
        self.size += 1
        self.add_hash(0, self.tlog.leaf_hash(entry))
        if len(self.entries) == self.tlog.TILE_WIDTH:
            self.write_entries()
            self.entries = []

    def add_hash(self, level, value):
        if level == len(self.levels):
            self.levels.append(([], 0))
        hashes, number = self.levels[level]
        hashes.append(value)
        if len(hashes) == self.tlog.TILE_WIDTH:
            self.write(level, number, b"".join(hashes))
            self.levels[level] = ([], number + 1)
            self.add_hash(level + 1, self.tlog.root_of(hashes))

    def finish(self):
        """Writes the tiles that are not full; gives the root."""
        if self.entries:
            self.write_entries()
        lone = None
        for level, (hashes, number) in enumerate(self.levels):
            if hashes:
                self.write(level, number, b"".join(hashes))
            # What is left of the level below is the right edge here.
            edge = hashes + ([lone] if lone else [])
            lone = self.tlog.root_of(edge) if edge else None
        return lone or self.tlog.EMPTY_ROOT

    def tail(self):
        """The entries behind the last full tile, each with its place counted from 1."""
        first = self.size - len(self.entries) + 1
        return list(enumerate(self.entries, first))

    def write_entries(self):
        data = b"".join(len(entry).to_bytes(2, "big") + entry for entry in self.entries)
        self.write(self.tlog.ENTRIES, (self.size - 1) // self.tlog.TILE_WIDTH, data)

    def write(self, level, number, data):
        path = self.folder / self.tlog.tile_path(level, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


# Changes that the audit must find


def mutations(setting):
    """Random changes of a store, each of which `assay audit verify` must find, and bundles that must not pass."""
    bundle_count = int(setting.mutations * BUNDLE_SHARE_OF_MUTATIONS)
    with tests().quick_folder() as folder:
        try:
            store = tests().make_store(setting.binary, new_folder(folder, "store"))
            bundles = tests("bundle_mutations").make_bundle(setting.binary, new_folder(folder, "bundle"))
            started = time.perf_counter()
            missed = in_processes(missed_changes, store, folder, setting.mutations)
            between = time.perf_counter()
            passed = in_processes(passed_bundles, bundles, folder, bundle_count)
            ended = time.perf_counter()
        except AssertionError as fault:
            raise BenchmarkError(str(fault)) from fault
    return [
        at_least(
            f"changes found, of {setting.mutations}", setting.mutations - len(missed), setting.mutations,
            note=f"{setting.mutations / (between - started):.0f} a second" + some_of("not found", missed)),
        at_least(
            f"bad bundles refused, of {bundle_count}", bundle_count - len(passed), bundle_count,
            note=f"{bundle_count / (ended - between):.0f} a second" + some_of("not refused", passed)),
    ]


def new_folder(parent, name):
    folder = parent / name
    folder.mkdir()
    return folder


def some_of(words, names):
    """The names of some, each once."""
    return "".join([f"; {words}: ", " | ".join(sorted(set(names))[:MISSED_SHOWN])]) if names else ""


def in_processes(work, subject, folder, count):
    """What processes found together, each of which takes its share of the seeds."""
    with ProcessPoolExecutor(MUTATION_PROCESSES, FORK, do_as_told) as pool:
        shares = [range(first, count, MUTATION_PROCESSES) for first in range(MUTATION_PROCESSES)]
        futures = [pool.submit(work, subject, folder, seeds) for seeds in shares]
        return [name for future in futures for name in future.result()]


def do_as_told():
    # What the parent does at this signal is not for these processes to do as well.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def missed_changes(store, folder, seeds):
    trials = (tests().attempt(store, tests().name_of(seed), seed, folder / f"copy-{seed}") for seed in seeds)
    return [trial.name for trial in trials if not trial.is_found]


def passed_bundles(bundles, folder, seeds):
    changed = tests("bundle_mutations")
    trials = (
        changed.attempt_bundle(bundles, changed.bundle_name_of(seed), seed, folder / f"copy-{seed}") for seed in seeds)
    return [trial.name for trial in trials if not trial.is_refused]


# Signing


def signing(setting):
    """From the stored digests of a version to its signature, in the process of `assay sign`."""
    binary, store, key = setting.binary, setting.folder / "store", setting.folder / "key.pem"
    run(binary, "init", store)
    run(binary, "key", "generate", "--out", key.with_suffix(""))
    for name, count in SIGNED_FILES.items():
        size = setting.file_bytes // SIGNED_SHARE_OF_FILE if name == "large" else SIGNED_BYTES
        folder = new_folder(setting.folder, name)
        for number in range(count):
            random_file(folder / f"file-{number}", size)
        run(binary, "--store", store, "push", f"bench/{name}", folder, env=os.environ | {"HOME": str(setting.folder)})
    times = in_turns(setting.rounds, {name: lambda name=name: signing_time(binary, store, name, key)
                                      for name in SIGNED_FILES})
    large = setting.file_bytes // SIGNED_SHARE_OF_FILE // MIB
    return [
        at_most("signing 10 files", statistics.median(times["ten"]), 5, "ms"),
        at_most("signing 1000 files", statistics.median(times["thousand"]), 50, "ms"),
        at_most(
            f"signing 10 files, of {large} MiB / of {SIGNED_BYTES} bytes", ratio(times["large"], times["ten"]), 1.5,
            note=f"{medians(times)} ms"),
    ]


def signing_time(binary, store, name, key):
    """The median of a few signings in milliseconds, each by a key of its own: one that signed already adds nothing."""
    keys = [key.with_name(f"{name}-{next(SIGNERS)}.pem") for _ in range(SIGNINGS_A_TURN)]
    for each in keys:
        run(binary, "key", "generate", "--out", each.with_suffix(""))
    return statistics.median(
        json.loads(run(binary, "--store", store, "sign", f"bench/{name}:1", "--key", each, "--json"))[
            "signing_milliseconds"] for each in keys)
