"""What the programs need by themselves: to start, to evaluate a model, and of memory."""

import contextlib
import json
import os
import statistics
import subprocess
import time
from datetime import datetime
from pathlib import Path

from figures import MIB, at_most, random_file
from models import BATCH, LARGE, chain, dataset
from processes import REPOSITORY_ROOT, AssayServer, BenchmarkError, peak_memory_of, run

EVALUATOR_RUNS = 600
# Sessions of one file differ for as long as they live, so it takes many to see two percent.
EVALUATOR_PAIRS = 15
# Enough that going through the data takes longer than comparing latency, as it does where a teacher is worth asking.
TAUGHT_BATCHES = 1000

FIXTURES = REPOSITORY_ROOT / "fixtures" / "digits"
PYTHON = REPOSITORY_ROOT / ".cache" / "venv" / "bin" / "python"
# On one core, so that both meet the same.
PINNED = ("taskset", "--cpu-list", str(max(os.sched_getaffinity(0))))
RUNTIME = REPOSITORY_ROOT / ".cache" / "onnxruntime" / "libonnxruntime.so"


def evaluation_protocol():
    """The number of the evaluator's protocol, as its schema has it."""
    schema = next((REPOSITORY_ROOT / "schema" / "json").glob("evaluation-job-v*.json"))
    return json.loads(schema.read_text())["properties"]["protocol"]["const"]


def evaluate(setting, model, data, baseline=None, teacher=None, **latency):
    """The evaluator's answer to one job, asked as the server asks it."""
    job = {
        "protocol": evaluation_protocol(), "runtime_path": str(RUNTIME), "model_path": str(model),
        "dataset_path": str(data),
        "latency": {"threads": 1, "seed": 1} | latency,
    } | ({"baseline_model_path": str(baseline)} if baseline else {}) | (
        {"teacher_model_path": str(teacher)} if teacher else {})
    outcome = subprocess.run(
        [*PINNED, setting.binary.parent / "assay-evaluator"], input=json.dumps(job), capture_output=True, text=True,
        timeout=300)
    answer = json.loads(outcome.stdout.splitlines()[-1]) if outcome.stdout else {}
    if answer.get("type") != "result":
        raise BenchmarkError(f"the evaluator ended with {outcome.returncode}: {outcome.stderr or outcome.stdout[-1000:]}")
    return answer["result"]


def evaluator(setting):
    """The evaluator's p50 beside that of a bare loop around ONNX Runtime, in turn on one core."""
    if not PYTHON.exists() or not RUNTIME.exists():
        raise BenchmarkError("ONNX Runtime is not there; run scripts/bootstrap.sh --bench")
    model, data = chain(setting.folder / "bare.onnx", LARGE), dataset(setting.folder / "bare.npz")
    ratios, last = [], None
    for _ in range(EVALUATOR_PAIRS):
        ours = evaluate(setting, model, data, batch_size=BATCH, measured_runs=EVALUATOR_RUNS)
        theirs = json.loads(run(
            *PINNED, PYTHON, Path(__file__).with_name("onnxruntime_latency.py"), model, data, 1, BATCH, 50,
            EVALUATOR_RUNS))
        last = ours["latency"]["p50_microseconds"], theirs["p50_microseconds"]
        ratios.append(last[0] / last[1])
    note = f"median of {len(ratios)} pairs; the last {last[0]:.0f} and {last[1]:.0f} microseconds"
    return [at_most("evaluator p50, off from a bare loop", abs(statistics.median(ratios) - 1) * 100, 2, "%", note)]


def teachers(setting):
    """A model beside a baseline and a teacher in one run, and each of the three in a run of its own."""
    models = [chain(setting.folder / f"taught-{name}.onnx", LARGE) for name in ("model", "baseline", "teacher")]
    data = dataset(setting.folder / "taught.npz", batches=TAUGHT_BATCHES)
    ratios = []
    for _ in range(setting.rounds):
        together, *alone = [
            seconds_of(evaluate, setting, models[0], data, *others, batch_size=BATCH, budget_seconds=600)
            for others in (models[1:], [])] + [
            seconds_of(evaluate, setting, model, data, batch_size=BATCH, budget_seconds=600) for model in models[1:]]
        ratios.append(together / sum(alone))
    note = f"median of {len(ratios)} rounds; the last {together:.1f} and {sum(alone):.1f} s"
    return [at_most("teacher and baseline in one run", statistics.median(ratios), 1.1, "times", note)]


def seconds_of(function, *arguments, **options):
    started = time.perf_counter()
    function(*arguments, **options)
    return time.perf_counter() - started


def verification(setting):
    """What a verification costs beside running the model: one of a model that takes no time."""
    assay, folder = str(setting.binary), setting.folder / "verification"
    with AssayServer(setting.binary, folder) as server:
        here = {"env": os.environ | {"ASSAY_SERVER": server.url, "HOME": str(folder)}}
        run(assay, "push", "bench/digits", FIXTURES / "digits-3.onnx", **here)
        run(assay, "push", "bench/data", FIXTURES / "test.npz", "--kind", "dataset", **here)
        costs = []
        for _ in range(setting.rounds * 3):
            report = json.loads(run(assay, "verify", "bench/digits:1", "--dataset", "bench/data:1", "--json", **here))
            measured = report["measurements"]
            latency = measured["latency"]
            running = (
                latency["mean_microseconds"] * latency["runs"] + measured["first_run_microseconds"]
                + latency["mean_microseconds"] * measured["sample_count"]) / 1000
            span = [datetime.fromisoformat(report[name]) for name in ("started_at", "finished_at")]
            costs.append((span[1] - span[0]).total_seconds() * 1000 - running)
    starts = [seconds_to_first_line(setting) * 1000 for _ in range(setting.rounds * 3)]
    return [
        at_most("verification beside running the model", statistics.median(costs), 150, "ms"),
        at_most("evaluator, from start to loading the library", statistics.median(starts), 50, "ms"),
    ]


def seconds_to_first_line(setting):
    """From starting the evaluator until it says that it begins to load; its cage is closed by then."""
    job = {
        "protocol": evaluation_protocol(), "runtime_path": str(RUNTIME), "model_path": str(FIXTURES / "digits-3.onnx"),
        "dataset_path": str(FIXTURES / "test.npz")}
    started = time.perf_counter()
    process = subprocess.Popen(
        [setting.binary.parent / "assay-evaluator"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write(json.dumps(job))
    process.stdin.close()
    next(line for line in process.stdout if json.loads(line).get("stage") == "loading")
    taken = time.perf_counter() - started
    process.stdout.read()
    process.wait(timeout=60)
    return taken


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
            base_server = server.reset_peak()
            client = peak_memory_of(*on_large, **here) - base_client
            rows.append(at_most(f"client growth in a {verb}", client / MIB, 64, "MiB"))
            rows.append(at_most(f"server growth in a {verb}", (server.memory("VmHWM") - base_server) / MIB, 64, "MiB"))
    for file in (small, large, *out["large"].rglob("*")):
        with contextlib.suppress(OSError):
            file.unlink()
    return rows
