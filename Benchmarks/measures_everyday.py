"""What people wait for every day: many small files, where content is, two versions beside each other, a dossier."""

import contextlib
import json
import os
import random
import sqlite3
import statistics
import time
from pathlib import Path

import oci
from figures import at_most, random_file, seconds
from processes import AssayServer, run
from wire import Wire

SMALL_FILES = 10_000
SMALL_FILE_BYTES = 1_000
FILES = 1_000_000
FILES_A_VERSION = 100
FIND_SAMPLE = 2_000
SEED = 1
DOSSIER_VERSIONS = 100
COMMAND_ROUNDS = 5
ALIAS = "production"
DAY_SECONDS = 86_400


def everyday(setting):
    """The same commands as on any day, each over what is much of its kind."""
    return small_files(setting) + [find(setting)] + alias_of_many_versions(setting)


def small_files(setting):
    """A folder of very many files, pushed once and pulled once in each round, each time of new content."""
    pushes, pulls = [], []
    with AssayServer(setting.binary, setting.folder / "small") as server:
        environment = os.environ | {"HOME": str(setting.folder), "ASSAY_SERVER": server.url}
        for turn in range(setting.rounds):
            folder = setting.folder / f"files-{turn}"
            for number in range(SMALL_FILES):
                path = folder / f"part-{number % 100:02}" / f"{number:05}.bin"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(os.urandom(SMALL_FILE_BYTES))
            os.sync()
            pushes.append(seconds(
                lambda folder=folder: run(setting.binary, "push", "bench/files", folder, env=environment)))
            pulls.append(seconds(lambda turn=turn: run(
                setting.binary, "pull", f"bench/files:{turn + 1}", setting.folder / f"pulled-{turn}",
                env=environment)))
    return [
        at_most(f"push {SMALL_FILES} small files", statistics.median(pushes), 20, "s"),
        at_most(f"pull {SMALL_FILES} small files", statistics.median(pulls), 5, "s"),
    ]


def find(setting):
    """The request behind `assay find`, one after the other on one connection, in an index of very many files."""
    folder = setting.folder / "find"
    with AssayServer(setting.binary, folder) as server:
        oci.fill(server.url, FILES // FILES_A_VERSION)
    digests = fill_files(folder / "store" / "index.sqlite")
    with AssayServer(setting.binary, folder) as server, Wire(server.url) as wire:
        requests = [wire.request("GET", f"/api/v1/contents/{digest}") for digest in digests]
        times = []
        for request in requests:
            started = time.perf_counter()
            answer = wire.ask(request, 200)
            times.append((time.perf_counter() - started) * 1000)
            assert json.loads(answer.body)["items"]
    return at_most(f"find, p99, {FILES} files", statistics.quantiles(times, n=100)[98], 5, "ms")


def fill_files(index):
    """Gives each manifest of a store that nobody serves many more files; returns the digests of some."""
    chosen = random.Random(SEED)
    digests = []
    with contextlib.closing(sqlite3.connect(index)) as database, database:
        database.execute("PRAGMA synchronous = OFF")
        for manifest, repository in database.execute("SELECT id, repository_id FROM manifests").fetchall():
            own = [f"sha256:{chosen.getrandbits(256):064x}" for _ in range(FILES_A_VERSION)]
            digests.append(own[0])
            database.executemany(
                "INSERT INTO manifest_references (manifest_id, position, repository_id, role, digest, size, media_type)"
                " VALUES (?, ?, ?, 'layer', ?, 1000, 'application/octet-stream')",
                [(manifest, position + 10, repository, digest) for position, digest in enumerate(own)])
    return chosen.sample(digests, FIND_SAMPLE)


def alias_of_many_versions(setting):
    """An alias that many versions held: their comparison, its dossier, and what a shell completes."""
    with AssayServer(setting.binary, setting.folder / "alias") as server:
        environment = os.environ | {"HOME": str(setting.folder), "ASSAY_SERVER": server.url}

        def assay(*arguments):
            return run(setting.binary, *arguments, env=environment, cwd=setting.folder)

        begin = time.time()
        assay("key", "generate", "--out", "release")
        assay("key", "trust", "release.pub.pem")
        Path(setting.folder / "policy.yaml").write_text("version: 1\n")
        assay("policy", "set", "bench/model", ALIAS, "policy.yaml", "--create")
        for number in range(1, DOSSIER_VERSIONS + 1):
            assay("push", "bench/model", random_file(setting.folder / "weights.bin", 1_000), "--key", "release.pem")
            assay("promote", f"bench/model:{number}", ALIAS)
        assay("key", "export", "-o", "root.json")

        def median(*arguments):
            return statistics.median(seconds(lambda: assay(*arguments)) for _ in range(COMMAND_ROUNDS))

        export = ("audit", "export", "--alias", f"bench/model:{ALIAS}", "--from", moment(begin - DAY_SECONDS), "--to",
                  moment(time.time()), "-o", "dossier.tar", "--force")
        # As the script for bash asks when somebody has typed `assay show be`.
        complete = ("---completion", "show", "--", "positional@0", "2", "2", "assay", "show", "be")
        assert f"bench/model:{ALIAS}" in assay(*complete).split(), "nothing was completed"
        return [
            at_most("complete the name of a version", 1000 * median(*complete), 100, "ms"),
            at_most("compare two versions", median("compare", "bench/model:1", "bench/model:2"), 2, "s"),
            at_most(f"dossier of {DOSSIER_VERSIONS} versions, written", median(*export), 2, "s"),
            at_most(
                f"dossier of {DOSSIER_VERSIONS} versions, checked",
                median("audit", "check", "dossier.tar", "--trust", "root.json"), 2, "s"),
        ]


def moment(seconds_since_1970):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds_since_1970))
