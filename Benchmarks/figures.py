"""What all measurements share: their setting, rows of the table, turns, and files to send."""

import hashlib
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
PIECE_BYTES = 8 * MIB


@dataclass
class Setting:
    """What every measurement is given; the folder is its own."""

    binary: Path
    folder: Path
    file_bytes: int
    rounds: int
    filled_versions: int
    blobs: int
    tags: int
    entries: int
    mutations: int
    verdicts: int


@dataclass
class Row:
    """One figure beside what is demanded of it."""

    name: str
    measured: float
    demanded: float
    unit: str
    at_least: bool
    note: str = ""

    @property
    def is_met(self):
        return self.measured >= self.demanded if self.at_least else self.measured <= self.demanded


def at_least(name, measured, demanded, unit="", note=""):
    return Row(name, measured, demanded, unit, True, note)


def at_most(name, measured, demanded, unit="", note=""):
    return Row(name, measured, demanded, unit, False, note)


def seconds(work, *arguments):
    started = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - started


def ratio(figures, others):
    return statistics.median(figures) / statistics.median(others)


def in_turns(rounds, contenders, prepare=lambda: None):
    """The figures of each contender by name; every round starts with another one, so that none is always first."""
    figures = {name: [] for name in contenders}
    for turn in range(rounds):
        prepare()
        names = list(contenders)
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            # What earlier ones left to be written must not be paid for by the next.
            os.sync()
            figures[name].append(contenders[name]())
    return figures


def medians(figures):
    """`assay 1200, nginx 3400`, for a note."""
    return ", ".join(f"{name} {statistics.median(each):.4g}" for name, each in figures.items())


def gigabytes_per_second(size, times):
    """The same as rates of so many bytes in each of the times."""
    return medians({name: [size / time / 1e9 for time in each] for name, each in times.items()}) + " GB/s"


# Files


def random_file(path, size):
    with path.open("wb") as file:
        for start in range(0, size, PIECE_BYTES):
            file.write(os.urandom(min(PIECE_BYTES, size - start)))
    return path


def make_new(path):
    """Gives the file other content of the same size; returns its new digest."""
    with path.open("r+b") as file:
        file.write(os.urandom(64))
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
