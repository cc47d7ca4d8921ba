"""How well the comparison of latency tells a slower model from an equal one."""

import json
import random
import subprocess
import time

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from figures import at_least, at_most
from measures_program import RUNTIME
from processes import BenchmarkError

WIDTH = 1024
# Layers of models of about 1 ms and 5 ms here; one layer more or less is the planted difference.
SMALL, LARGE = 10, 40
BOUND = 1.05
NARROW_BOUND = 1.025
VERDICTS = ("passed", "failed", "inconclusive")


def chain(path, layers):
    """A model that multiplies its input by so many matrices, and takes a time in proportion to them."""
    random_numbers = numpy.random.default_rng(1)
    nodes, weights = [], []
    for layer in range(layers):
        matrix = (random_numbers.standard_normal((WIDTH, WIDTH)) / WIDTH**0.5).astype(numpy.float32)
        weights.append(numpy_helper.from_array(matrix, f"w{layer}"))
        nodes.append(helper.make_node("MatMul", ["x" if layer == 0 else f"h{layer}", f"w{layer}"], [f"h{layer + 1}"]))
    graph = helper.make_graph(
        nodes, "chain", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", WIDTH])],
        [helper.make_tensor_value_info(f"h{layers}", TensorProto.FLOAT, ["n", WIDTH])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    return path


def dataset(path):
    values = numpy.random.default_rng(2)
    numpy.savez(
        path, x=values.standard_normal((4, WIDTH)).astype(numpy.float32), label=numpy.zeros(4, dtype=numpy.int64))
    return path


class Gate:
    """Verdicts of the evaluator on a candidate beside a baseline, asked as the server asks it."""

    def __init__(self, setting):
        self.setting = setting
        self.data = dataset(setting.folder / "chain.npz")
        self.random = random.Random(1)

    def verdict(self, candidate, baseline, bound):
        job = {
            "protocol": 2, "runtime_path": str(RUNTIME), "model_path": str(candidate),
            "baseline_model_path": str(baseline), "dataset_path": str(self.data), "top_k": [],
            "latency": {
                "threads": 1, "measured_runs": 10, "seed": self.random.randrange(1 << 32), "budget_seconds": 96,
                "max_ratios": {"p50": bound}},
        }
        outcome = subprocess.run(
            [self.setting.binary.parent / "assay-evaluator"], input=json.dumps(job), capture_output=True, text=True,
            timeout=120)
        answer = json.loads(outcome.stdout.splitlines()[-1])
        if answer["type"] != "result":
            raise BenchmarkError(f"the evaluator answers {answer}")
        ratio = answer["result"]["comparison"]["ratios"]["p50"]
        lower, upper = ratio.get("lower"), ratio.get("upper")
        if lower is None or lower <= bound < upper:
            return "inconclusive", answer["result"]
        return ("passed" if upper <= bound else "failed"), answer["result"]

    def verdicts(self, candidate, baseline, bound):
        counts, seconds = dict.fromkeys(VERDICTS, 0), []
        for _ in range(self.setting.verdicts):
            started = time.perf_counter()
            verdict, result = self.verdict(candidate, baseline, bound)
            seconds.append(time.perf_counter() - started)
            counts[verdict] += 1
        milliseconds = result["latency"]["p50_microseconds"] / 1000
        note = (
            f"{', '.join(f'{counts[name]} {name}' for name in VERDICTS)}; bound {bound}; candidate of {milliseconds:.1f} ms; "
            f"{sum(seconds) / len(seconds):.1f} s to a verdict")
        return {name: 100 * count / self.setting.verdicts for name, count in counts.items()}, note


def gate(setting):
    """Planted slow-downs and equal models, each judged as often as `--verdicts` says."""
    gate, folder, rows = Gate(setting), setting.folder, []
    for size, layers in (("small", SMALL), ("large", LARGE)):
        base = chain(folder / f"{size}.onnx", layers)
        slower = chain(folder / f"{size}-10.onnx", layers + layers // 10)
        shares, note = gate.verdicts(slower, base, BOUND)
        rows.append(at_least(f"{size} model 10 % slower, failed", shares["failed"], 99, "%", note))
        shares, note = gate.verdicts(base, base, BOUND)
        rows.append(at_most(f"{size} model against itself, failed", shares["failed"], 1, "%", note))
    slightly = chain(folder / "large-5.onnx", LARGE + LARGE // 20)
    shares, note = gate.verdicts(slightly, folder / "large.onnx", NARROW_BOUND)
    rows.append(at_least("large model 5 % slower, failed", shares["failed"], 95, "%", note))
    shares, note = gate.verdicts(folder / "large.onnx", folder / "large.onnx", NARROW_BOUND)
    rows.append(at_most("large model against itself, failed by the narrow bound", shares["failed"], 1, "%", note))
    return rows
