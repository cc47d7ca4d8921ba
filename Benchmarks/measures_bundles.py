"""Bundles: how fast and in how much memory a version leaves a store and comes into another."""

import os
import shutil

from figures import MIB, at_least, at_most, gigabytes_per_second, in_turns, random_file, ratio, seconds
from processes import peak_memory_of, run

VERSION = "bench/model:1"
MEMORY_MEBIBYTES = 64


def bundles(setting):
    """1 GiB from a store to a bundle, and from the bundle into a new store; `cp` and `sha256sum` of the same bytes."""
    store, bundle, copy = new_store(setting, "store"), setting.folder / "bundle.tar", setting.folder / "copy"
    file = random_file(setting.folder / "weights.bin", setting.file_bytes)
    key, trust = setting.folder / "key", ["--trust", setting.folder / "key.pub.pem"]
    run(setting.binary, "key", "generate", "--out", key)
    run(setting.binary, "--store", store, "push", "bench/model", file, "--key", key.with_suffix(".pem"),
        env=os.environ | {"HOME": str(setting.folder)})
    export = [setting.binary, "--store", store, "bundle", "export", VERSION, "-o", bundle]

    def export_again():
        bundle.unlink(missing_ok=True)
        return seconds(flushed, bundle, *export)

    def copy_and_hash():
        copy.unlink(missing_ok=True)
        return seconds(lambda: (flushed(copy, "cp", file, copy), run("sha256sum", copy)))

    def import_anew():
        other = new_store(setting, "other")
        taken = seconds(run, setting.binary, "--store", other, "bundle", "import", bundle, *trust)
        shutil.rmtree(other)
        return taken

    run(*export)
    times = in_turns(setting.rounds, {"export": export_again, "tools": copy_and_hash, "import": import_anew})
    note = gigabytes_per_second(setting.file_bytes, times)
    return [
        at_least("bundle export / cp and sha256sum", ratio(times["tools"], times["export"]), 0.8, note=note),
        at_least("bundle import / cp and sha256sum", ratio(times["tools"], times["import"]), 0.8),
        *memory_rows(setting, bundle, export, trust),
    ]


def flushed(path, *command):
    """What a command writes counts when it is on the disk, as it is for whoever imports."""
    run(*command)
    run("sync", path)


def memory_rows(setting, bundle, export, trust):
    """All that is resident at a command's peak: what it adds and what every command needs."""
    other = new_store(setting, "other")
    bundle.unlink()
    commands = {
        "export": export,
        "import": [setting.binary, "--store", other, "bundle", "import", bundle, *trust],
        "verify": [setting.binary, "bundle", "verify", bundle, *trust],
    }
    return [
        at_most(f"peak of memory in a bundle {name}", peak_memory_of(*command) / MIB, MEMORY_MEBIBYTES, "MiB")
        for name, command in commands.items()]


def new_store(setting, name):
    store = setting.folder / name
    run(setting.binary, "init", store)
    return store
