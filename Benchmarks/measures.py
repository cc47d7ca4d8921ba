"""What is measured, each as a function from a `Setting` to rows of the table."""

import contextlib
import hashlib
import json
import os
import re
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import oci
from processes import (
    REPOSITORY_ROOT, AssayServer, BenchmarkError, DockerRegistry, Nginx, memory_bytes, peak_memory_of, require, run)

MIB = 1 << 20
PIECE_BYTES = 8 * MIB
WRK_SECONDS = 5

# Large, so that the cost of a call from Python, some microseconds, does not count.
EVALUATOR_BATCH = 1280
EVALUATOR_THREADS = 1
EVALUATOR_WARM_UP = 200
EVALUATOR_RUNS = 2000

FIXTURES = REPOSITORY_ROOT / "fixtures" / "digits"
PYTHON = REPOSITORY_ROOT / ".cache" / "venv" / "bin" / "python"
RUNTIME = REPOSITORY_ROOT / ".cache" / "onnxruntime" / "libonnxruntime.so"


@dataclass
class Setting:
    """What every measurement is given."""

    binary: Path
    folder: Path
    file_bytes: int
    rounds: int
    filled_versions: int


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


def ratio(times, others):
    return statistics.median(times) / statistics.median(others)


def rate(setting, times):
    """Bytes per second, by the median."""
    return f"{setting.file_bytes / statistics.median(times) / 1e9:.2f} GB/s"


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


# Measurements


def in_turns(rounds, prepare, contenders):
    """The times of each contender by name; every round starts with another one, so that none is always first."""
    times = {name: [] for name in contenders}
    for turn in range(rounds):
        prepare()
        names = list(contenders)
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            # What earlier ones left to be written must not be paid for by the next.
            os.sync()
            times[name].append(seconds(contenders[name]))
    return times


def push(setting):
    """1 GiB to Assay, to docker-registry and through sha256sum, cp and sync."""
    file = random_file(setting.folder / "push.bin", setting.file_bytes)
    copy = setting.folder / "copy.bin"
    digest = None

    def prepare():
        nonlocal digest
        copy.unlink(missing_ok=True)
        digest = make_new(file)

    def hash_copy_sync():
        run("sha256sum", file)
        run("cp", file, copy)
        run("sync", copy)

    with AssayServer(setting.binary, setting.folder / "push-assay") as ours, \
            DockerRegistry(setting.folder / "push-docker") as theirs:
        times = in_turns(setting.rounds, prepare, {
            "assay": lambda: oci.upload_file(ours.url, "bench/push", file, digest),
            "docker": lambda: oci.upload_file(theirs.url, "bench/push", file, digest),
            "tools": hash_copy_sync,
        })
    file.unlink()
    copy.unlink()
    assay = rate(setting, times["assay"])
    return [
        at_least(
            "push / docker-registry", ratio(times["docker"], times["assay"]), 2,
            note=f"{assay} against {rate(setting, times['docker'])}"),
        at_least(
            "push / sha256sum, cp, sync", ratio(times["tools"], times["assay"]), 0.7,
            note=f"{assay} against {rate(setting, times['tools'])}"),
    ]


def pull(setting):
    """1 GiB from Assay and from nginx, in turn, by curl to nowhere."""
    files = setting.folder / "pull-files"
    files.mkdir()
    file = random_file(files / "pull.bin", setting.file_bytes)
    digest = make_new(file)
    with AssayServer(setting.binary, setting.folder / "pull-assay") as ours, \
            Nginx(setting.folder / "pull-nginx", files) as theirs:
        oci.upload_file(ours.url, "bench/pull", file, digest)
        contenders = {
            "assay": lambda: oci.download(f"{ours.url}/v2/bench/pull/blobs/{digest}"),
            "nginx": lambda: oci.download(f"{theirs.url}/{file.name}"),
        }
        # The first round fills the page cache and does not count.
        in_turns(1, lambda: None, contenders)
        times = in_turns(setting.rounds, lambda: None, contenders)
    file.unlink()
    return [at_least(
        "pull / nginx", ratio(times["nginx"], times["assay"]), 0.7,
        note=f"{rate(setting, times['assay'])} against {rate(setting, times['nginx'])}")]


def requests_per_second(url):
    """What wrk reaches with one thread and 32 connections; any answer but 2xx is an error."""
    output = run(require("wrk"), "-t1", "-c32", f"-d{WRK_SECONDS}s", url)
    if "Non-2xx" in output or "Socket errors" in output:
        raise BenchmarkError(f"wrk saw errors:\n{output}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])


def resolve(setting):
    """A version by its alias, from an index of one version and from one of very many, in turn."""
    path = "/api/v1/versions/bench/model:production"
    with AssayServer(setting.binary, setting.folder / "resolve-one") as one, \
            AssayServer(setting.binary, setting.folder / "resolve-many") as many:
        for server in (one, many):
            oci.push_small_version(server.url, "bench/model", "production")
        filling = seconds(oci.fill, many.url, setting.filled_versions)
        os.sync()
        figures = {one: [], many: []}
        for turn in range(setting.rounds):
            for server in (one, many) if turn % 2 else (many, one):
                figures[server].append(requests_per_second(server.url + path))
    small, filled = statistics.median(figures[one]), statistics.median(figures[many])
    note = f"{filled:.0f} against {small:.0f} requests/s; filled in {filling:.0f} s"
    return [
        at_least("resolve an alias", small, 15_000, "requests/s"),
        at_least(f"resolve, {setting.filled_versions} versions / one", filled / small, 0.8, note=note),
    ]


def evaluator_p50(setting, model):
    """The median that the evaluator reports for one job, asked as the server asks it."""
    job = {
        "protocol": 1, "runtime_path": str(RUNTIME), "model_path": str(model),
        "dataset_path": str(FIXTURES / "train.npz"), "label_name": "label", "task": "auto", "top_k": [5],
        "latency": {
            "threads": EVALUATOR_THREADS, "batch_size": EVALUATOR_BATCH, "warm_up_runs": EVALUATOR_WARM_UP,
            "measured_runs": EVALUATOR_RUNS, "seed": 1},
    }
    request = setting.folder / "job.json"
    request.write_text(json.dumps(job))
    with request.open() as standard_input:
        output = run_with_input(setting.binary.parent / "assay-evaluator", standard_input)
    figure = re.findall(r'"p50_microseconds"\s*:\s*([\d.eE+-]+)', output)
    if not figure:
        raise BenchmarkError(f"the evaluator reported no latency: {output[-1000:]}")
    return float(figure[-1])


def run_with_input(program, standard_input):
    outcome = subprocess.run([program], stdin=standard_input, capture_output=True, text=True, timeout=300)
    if outcome.returncode != 0:
        raise BenchmarkError(f"{program.name} ended with {outcome.returncode}: {outcome.stderr or outcome.stdout}")
    return outcome.stdout


def evaluator(setting):
    """The evaluator's p50 beside that of ONNX Runtime's Python interface, in turn."""
    model = FIXTURES / "digits-3.onnx"
    if not PYTHON.exists() or not RUNTIME.exists():
        raise BenchmarkError("ONNX Runtime is not there; run scripts/bootstrap.sh --bench")
    ours, theirs = [], []
    for _ in range(setting.rounds):
        ours.append(evaluator_p50(setting, model))
        output = run(
            PYTHON, Path(__file__).with_name("onnxruntime_latency.py"), model, FIXTURES / "train.npz",
            EVALUATOR_THREADS, EVALUATOR_BATCH, EVALUATOR_WARM_UP, EVALUATOR_RUNS)
        theirs.append(json.loads(output)["p50_microseconds"])
    mine, other = statistics.median(ours), statistics.median(theirs)
    note = f"{mine:.1f} against {other:.1f} microseconds, batch {EVALUATOR_BATCH}"
    return [at_most("evaluator p50, off from Python's", abs(mine / other - 1) * 100, 5, "%", note)]


def start(setting):
    """From exec to ready over an empty store, and what is resident then."""
    times, resident = [], []
    folder = setting.folder / "start"
    for _ in range(setting.rounds):
        with AssayServer(setting.binary, folder) as server:
            times.append(server.ready_seconds * 1000)
            resident.append(server.memory("VmRSS") / MIB)
    return [
        at_most("ready after start", statistics.median(times), 200, "ms"),
        at_most("resident when ready", statistics.median(resident), 60, "MiB"),
    ]


def memory(setting):
    """How much 1 GiB adds to the resident memory of server and client, over the same commands on 1 KiB."""
    small = random_file(setting.folder / "small.bin", 1024)
    large = random_file(setting.folder / "large.bin", setting.file_bytes)
    assay = str(setting.binary)
    rows = []
    with AssayServer(setting.binary, setting.folder / "memory") as server:
        here = {"env": os.environ | {"ASSAY_SERVER": server.url, "HOME": str(setting.folder)}}
        out = {name: setting.folder / f"memory-{name}" for name in ("small", "large")}
        commands = {
            "push": [[assay, "push", f"bench/{file.stem}", str(file)] for file in (small, large)],
            "pull": [[assay, "pull", f"bench/{name}:1", str(out[name])] for name in ("small", "large")],
        }
        for verb, (on_small, on_large) in commands.items():
            base_client = peak_memory_of(*on_small, **here)
            base_server = reset_peak(server)
            client = peak_memory_of(*on_large, **here) - base_client
            rows.append(at_most(f"client growth in a {verb}", client / MIB, 64, "MiB"))
            rows.append(at_most(f"server growth in a {verb}", (server.memory("VmHWM") - base_server) / MIB, 64, "MiB"))
    for file in (small, large, *out["large"].rglob("*")):
        with contextlib.suppress(OSError):
            file.unlink()
    return rows


def reset_peak(server):
    """Lets the peak start again from what is resident now, and returns that."""
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
    return memory_bytes(server.process.pid, "VmRSS")


MEASURES = {
    "push": push,
    "pull": pull,
    "resolve": resolve,
    "evaluator": evaluator,
    "start": start,
    "memory": memory,
}
