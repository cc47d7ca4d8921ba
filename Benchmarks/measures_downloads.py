"""Blobs read from Assay and, as static files, from nginx: whole, in ranges, and how little each costs the server."""

import contextlib
import random
import time
from dataclasses import dataclass

import oci
from figures import (
    MIB, at_least, at_most, gigabytes_per_second, in_turns, make_new, medians, random_file, ratio, seconds)
from loads import at_once
from processes import AssayServer, BenchmarkError, Nginx
from wire import Wire

NAME = "bench/pull"
STREAM_COUNTS = (1, 8)
# A single stream takes 0.15 or 0.35 seconds, as its two processes lie on the cores, so a median needs many.
TURNS = {1: 5, 8: 1}

FIRST_BYTES = 20

SLOW_STREAMS = 8
SLOW_SECONDS = 3

RANGE_BYTES = MIB
RANGE_SEED = 1


@dataclass
class Source:
    """Where one contender has the file, and how long it is."""

    url: str
    target: str
    size: int

    def drain(self, _, wait):
        """One client of `at_once` that reads everything."""
        with Wire(self.url) as wire:
            request = wire.request("GET", self.target)
            wait()
            if wire.drain(request, 200) != self.size:
                raise BenchmarkError(f"{self.url}{self.target} is not {self.size} bytes long")


@contextlib.contextmanager
def sources(setting, **options):
    """The same file at nginx and at one Assay for each name of options, as sources by name."""
    files = setting.folder / "files"
    files.mkdir()
    file = random_file(files / "blob", setting.file_bytes)
    digest = make_new(file)
    with contextlib.ExitStack() as scope:
        found = {}
        for name, arguments in options.items():
            server = scope.enter_context(AssayServer(setting.binary, setting.folder / name, *arguments))
            oci.push_file(server.url, NAME, file, digest)
            found[name] = Source(server.url, oci.blob_path(NAME, digest), setting.file_bytes)
        nginx = scope.enter_context(Nginx(setting.folder / "nginx", files))
        yield found | {"nginx": Source(nginx.url, f"/{file.name}", setting.file_bytes)}


def compare(rounds, contenders):
    """Takes turns; a round before them fills the page cache and does not count."""
    in_turns(1, contenders)
    return in_turns(rounds, contenders)


def pull(setting):
    """1 GiB by one and by eight clients, the time to its first byte, and what open streams cost in memory."""
    rows = []
    with sources(setting, none=("--read-check", "none"), checksums=()) as found:
        for count in STREAM_COUNTS:
            times = compare(setting.rounds * TURNS[count], {
                name: lambda source=source, count=count: at_once(source.drain, range(count))
                for name, source in found.items()})
            rows += throughput_rows(count, times, setting.file_bytes)
        del found["none"]
        rows.append(first_byte_row(setting, found))
    rows.append(stream_memory_row(setting, found["checksums"].target))
    return rows


def throughput_rows(count, times, size):
    streams = "one stream" if count == 1 else f"{count} streams"
    note = gigabytes_per_second(count * size, times)
    return [
        at_least(f"pull, {streams}, no read check / nginx", ratio(times["nginx"], times["none"]), 0.95, note=note),
        at_least(f"pull, {streams}, checksums / no read check", ratio(times["none"], times["checksums"]), 0.85),
    ]


def first_byte_row(setting, found):
    # Each probe is followed by one of the other server: what a stream leaves behind when it is cut, in the caches and on
    # the processors, is the same for both.
    times = compare(setting.rounds * FIRST_BYTES, {
        name: lambda source=source: first_byte_seconds(source) for name, source in found.items()})
    note = medians({name: [time * 1e6 for time in each] for name, each in times.items()}) + " microseconds"
    return at_most("first byte / nginx", ratio(times["checksums"], times["nginx"]), 1.5, note=note)


def first_byte_seconds(source):
    """On a connection that has answered already; it is closed then, because a gigabyte still comes on it."""
    with Wire(source.url) as wire:
        wire.ask(wire.request("HEAD", source.target), 200)
        return wire.seconds_to_first_byte(wire.request("GET", source.target))


def stream_memory_row(setting, target):
    """By a new server over the store of before: what earlier streams left could serve these."""
    with AssayServer(setting.binary, setting.folder / "checksums") as server, contextlib.ExitStack() as scope:
        wires = [scope.enter_context(Wire(server.url)) for _ in range(SLOW_STREAMS)]
        # What the first answer of all costs, and each connection before it has a stream, does not count.
        for wire in wires:
            wire.ask(wire.request("HEAD", target), 200)
        base = server.reset_peak()
        for wire in wires:
            wire.read_at_least(wire.request("GET", target), MIB)
        time.sleep(SLOW_SECONDS)
        growth = (server.memory("VmHWM") - base) / SLOW_STREAMS / MIB
    return at_most("server growth for a stream", growth, 2, "MiB", f"{SLOW_STREAMS} readers that stop after 1 MiB")


def ranges(setting):
    """Every mebibyte of 1 GiB once, in an order as good as random and always the same, on one connection."""
    starts = list(range(0, setting.file_bytes, RANGE_BYTES))
    random.Random(RANGE_SEED).shuffle(starts)
    with sources(setting, assay=()) as found:
        times = compare(setting.rounds * TURNS[1], {
            name: lambda source=source: range_seconds(source, starts) for name, source in found.items()})
    note = gigabytes_per_second(setting.file_bytes, times)
    return [at_least("ranges of 1 MiB / nginx", ratio(times["nginx"], times["assay"]), 0.8, note=note)]


def range_seconds(source, starts):
    with Wire(source.url) as wire:
        requests = [
            wire.request("GET", source.target, Range=f"bytes={start}-{start + RANGE_BYTES - 1}") for start in starts]
        return seconds(read_ranges, wire, requests)


def read_ranges(wire, requests):
    for request in requests:
        if wire.drain(request, 206) != RANGE_BYTES:
            raise BenchmarkError("a range was not answered whole")
