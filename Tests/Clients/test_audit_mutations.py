"""Whatever somebody changes in a store behind the program's back, the audit finds it."""

import os
import random
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness import Assay, find_binary
from mutations import (
    COLUMNS, DONE, MUTATIONS, Copy, attempt, copy_store, database, empty, find, flip, make_store, name_of,
    quick_folder, size_of, verify)
from tlog import ENTRIES, TILE_WIDTH

SEEDS = range(1, 21)
CASES = [(name, 0) for name in MUTATIONS] + [(name_of(seed), seed) for seed in SEEDS]
# Stores that are sound in themselves: what they were is known from a kept checkpoint alone.
SOUND = [
    "store: roll all of it back", "store: let it have another history", "checkpoint: cut log and rows to an older one",
    "entries: change one and its row, tiles fit, signed anew",
    "entries: swap two and their rows, tiles fit, signed anew"]


@pytest.fixture(scope="module")
def folder():
    with quick_folder() as path:
        yield path


@pytest.fixture(scope="module")
def store(folder):
    return make_store(find_binary(), folder)


@pytest.fixture(scope="module")
def trials(request, store, folder):
    """Each case that was asked for, tried on all cores at once; a test waits for its own."""
    cases = [item.callspec.params["case"] for item in request.session.items
             if item.module is request.module and "case" in getattr(getattr(item, "callspec", None), "params", ())]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {case: pool.submit(attempt, store, *case, folder / f"trial-{number}")
               for number, case in enumerate(cases)}
        pool.shutdown(cancel_futures=True)


@pytest.fixture
def copy(store, folder):
    return Copy(store, copy_store(store.folder, Path(tempfile.mkdtemp(dir=folder)) / "store"), random.Random(1))


def test_the_store_has_facts_of_every_kind(store, copy):
    """Or else some mutations would say nothing: rows of all tables, full tiles, one of the next level, and a tail."""
    with database(copy.folder) as connection:
        for table in COLUMNS:
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 1, table
    assert copy.size > 2 * TILE_WIDTH and copy.size % TILE_WIDTH > 3
    assert all(copy.tile(level, 0).exists() for level in (0, 1, ENTRIES))
    assert size_of(store.earlier) < copy.size < size_of(store.forked)


def test_an_untouched_store_verifies(store, copy):
    outcome = verify(copy.folder, store.kept, store.trust)
    assert outcome.code == DONE and not outcome.json["faults"], outcome


@pytest.mark.parametrize("case", CASES, ids=[f"{seed}-{name}" for name, seed in CASES])
def test_a_change_is_found(trials, case):
    trial = trials[case].result()
    assert trial.is_found, f"not found: {trial}"


@pytest.mark.parametrize("name", SOUND)
def test_only_a_kept_checkpoint_tells_of_another_past(store, copy, binary, tmp_path, name):
    MUTATIONS[name](copy)
    Assay(binary, tmp_path).ok("--store", copy.folder, "audit", "verify", "--trust", store.trust)
    assert find(copy.folder, store.kept, store.trust)


@pytest.mark.parametrize("level", [ENTRIES, 0])
@pytest.mark.parametrize("damage", [flip, empty, None])
def test_a_last_tile_is_written_anew(store, copy, level, damage):
    """Until it is full, the index has its entries."""
    path = copy.tile(level, copy.full_tiles)
    data = path.read_bytes()
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage(data, copy.moment))
    assert not find(copy.folder, store.kept, store.trust)
    assert path.read_bytes() == data
