"""How well the comparison of latency tells a slower model from an equal one."""

import random
import time

from figures import at_least, at_most
from measures_program import evaluate
from models import BATCH, LARGE, SMALL, chain, dataset

BOUND = 1.05
NARROW_BOUND = 1.025
VERDICTS = ("passed", "failed", "inconclusive")


class Gate:
    """Verdicts of the evaluator on a candidate beside a baseline, asked as the server asks it."""

    def __init__(self, setting):
        self.setting = setting
        self.data = dataset(setting.folder / "chain.npz")
        self.random = random.Random(1)

    def verdict(self, candidate, baseline, bound):
        result = evaluate(
            self.setting, candidate, self.data, baseline=baseline, batch_size=BATCH, measured_runs=10,
            budget_seconds=96, max_ratios={"p50": bound}, seed=self.random.randrange(1 << 32))
        ratio = result["comparison"]["ratios"]["p50"]
        lower, upper = ratio.get("lower"), ratio.get("upper")
        if lower is None or lower <= bound < upper:
            return "inconclusive", result
        return ("passed" if upper <= bound else "failed"), result

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
