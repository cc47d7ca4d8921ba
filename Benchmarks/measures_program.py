"""What the programs need by themselves: to start, to evaluate a model, and of memory."""

import contextlib
import json
import os
import re
import statistics
import subprocess
from pathlib import Path

from figures import MIB, at_most, random_file
from processes import REPOSITORY_ROOT, AssayServer, BenchmarkError, peak_memory_of, run

# Large, so that the cost of a call from Python, some microseconds, does not count.
EVALUATOR_BATCH = 1280
EVALUATOR_THREADS = 1
EVALUATOR_WARM_UP = 200
EVALUATOR_RUNS = 2000

FIXTURES = REPOSITORY_ROOT / "fixtures" / "digits"
PYTHON = REPOSITORY_ROOT / ".cache" / "venv" / "bin" / "python"
RUNTIME = REPOSITORY_ROOT / ".cache" / "onnxruntime" / "libonnxruntime.so"


def evaluator_p50(setting, model):
    """The median that the evaluator reports for one job, asked as the server asks it."""
    job = {
        "protocol": 2, "runtime_path": str(RUNTIME), "model_path": str(model),
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
            base_server = server.reset_peak()
            client = peak_memory_of(*on_large, **here) - base_client
            rows.append(at_most(f"client growth in a {verb}", client / MIB, 64, "MiB"))
            rows.append(at_most(f"server growth in a {verb}", (server.memory("VmHWM") - base_server) / MIB, 64, "MiB"))
    for file in (small, large, *out["large"].rglob("*")):
        with contextlib.suppress(OSError):
            file.unlink()
    return rows
