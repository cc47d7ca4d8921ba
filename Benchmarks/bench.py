#!/usr/bin/env python3
"""Measures Assay beside the tools that it is compared with, all in one run, and says whether the demands are met.

Everything runs in a temporary folder, which is removed; every process that was started is ended. Run it on a machine
that does nothing else. Programs to compare with: scripts/bootstrap.sh --bench.
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from figures import Setting
from measures import MEASURES
from processes import BenchmarkError, find_binary

HEADINGS = ("figure", "measured", "demanded", "met", "note")


def main():
    options = parse_options()
    # A request to end is no reason to leave servers and files behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: ended by a signal"))
    try:
        with tempfile.TemporaryDirectory(prefix="assay-bench-", dir=options.folder) as folder:
            rows, faults = measure(options, Path(folder))
    except BenchmarkError as fault:
        sys.exit(f"bench: {fault}")
    print_table(rows)
    for name, fault in faults.items():
        print(f"{name}: not measured: {fault}", file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps(document(options, rows, faults), indent=2) + "\n")
    return 0 if rows and not faults and all(row.is_met for row in rows) else 1


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=MEASURES, help="one part only; may be given several times")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to a file")
    parser.add_argument("--folder", type=Path, help="where to make the temporary folder; it needs 20 times --mebibytes")
    parser.add_argument("--mebibytes", type=int, default=1024, help="size of the large file (default: 1024)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that a median is taken of (default: 5)")
    parser.add_argument("--versions", type=int, default=100_000, help="versions in the filled index (default: 100000)")
    parser.add_argument("--blobs", type=int, default=10_000, help="small blobs in a round (default: 10000)")
    parser.add_argument("--tags", type=int, default=10_000, help="tags in the filled repository (default: 10000)")
    parser.add_argument("--entries", type=int, default=1_000_000, help="entries of the large log (default: 1000000)")
    parser.add_argument(
        "--mutations", type=int, default=5000, help="changes that the audit must find (default: 5000)")
    parser.add_argument(
        "--verdicts", type=int, default=100, help="verdicts on each pair of models (default: 100)")
    return parser.parse_args()


def measure(options, folder):
    """The rows of every part that was asked for, and by name why a part has none."""
    binary, rows, faults = find_binary(), [], {}
    for name in options.only or MEASURES:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        # One at a time, so that the files of one part do not add to those of the next.
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=folder) as own:
            setting = Setting(
                binary, Path(own), options.mebibytes << 20, options.rounds, options.versions, options.blobs,
                options.tags, options.entries, options.mutations, options.verdicts)
            try:
                rows += MEASURES[name](setting)
            except (BenchmarkError, OSError) as fault:
                faults[name] = str(fault)
    return rows, faults


def print_table(rows):
    lines = [HEADINGS] + [
        (row.name, f"{row.measured:.2f} {row.unit}".strip(), demand(row), "yes" if row.is_met else "NO", row.note)
        for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


def demand(row):
    return f"{'≥' if row.at_least else '≤'} {row.demanded:g} {row.unit}".strip()


def document(options, rows, faults):
    return {
        "machine": {"cpu": cpu_model(), "cores": os.cpu_count(), "system": platform.platform()},
        "input": {"file_mebibytes": options.mebibytes, "rounds": options.rounds, "versions": options.versions,
                  "blobs": options.blobs, "tags": options.tags, "entries": options.entries,
                  "mutations": options.mutations, "verdicts": options.verdicts},
        "figures": [asdict(row) | {"is_met": row.is_met} for row in rows],
        "not_measured": faults,
    }


def cpu_model():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    sys.exit(main())
