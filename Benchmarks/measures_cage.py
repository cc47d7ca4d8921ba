"""What the evaluator's cage costs, and what others notice of a hostile model."""

import http.client
import json
import os
import statistics
import subprocess
import time
from datetime import datetime
from urllib.parse import urlsplit

from figures import at_most
from measures_program import FIXTURES, RUNTIME
from processes import AssayServer, BenchmarkError, run

REQUESTS = 2000
HOSTILE_SECONDS = 20
PROTOCOL = 2


def cage(setting):
    return [start_to_cage(setting), *with_server(setting)]


def start_to_cage(setting):
    """From starting the evaluator's process to its word that the cage is closed, nothing being loaded yet."""
    job = json.dumps({
        "protocol": PROTOCOL, "runtime_path": str(RUNTIME), "model_path": str(FIXTURES / "digits-1.onnx"),
        "dataset_path": str(FIXTURES / "test.npz")}).encode()
    times = []
    for _ in range(max(20, setting.rounds)):
        started = time.perf_counter()
        with subprocess.Popen(
                [setting.binary.parent / "assay-evaluator"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={},
                start_new_session=True) as process:
            process.stdin.write(job)
            process.stdin.close()
            line = process.stdout.readline()
            times.append((time.perf_counter() - started) * 1000)
            process.kill()
        told = json.loads(line or b"{}").get("cage")
        if told is None:
            raise BenchmarkError(f"the evaluator told of no cage: {line[:500]}")
    note = f"{len(told['layers'])} layers, {len(told['absent'])} absent"
    return at_most("evaluator, start to closed cage", statistics.median(times), 50, "ms", note)


def with_server(setting):
    here = setting.folder / "server"
    with AssayServer(setting.binary, here) as server:
        environment = os.environ | {"ASSAY_SERVER": server.url, "HOME": str(setting.folder)}

        def assay(*arguments):
            return run(setting.binary, *arguments, env=environment)

        assay("push", "data", FIXTURES / "test.npz", "--kind", "dataset")
        assay("push", "good", FIXTURES / "digits-1.onnx")
        assay("push", "endless", FIXTURES / "damaged" / "endless-loop.onnx")
        own = own_cost(assay, setting.rounds)
        quiet = p99_milliseconds(server.url)
        with subprocess.Popen(
                [setting.binary, "verify", "endless:1", "--dataset", "data:1", "--deadline", str(HOSTILE_SECONDS)],
                env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL) as hostile:
            time.sleep(1)
            beside = p99_milliseconds(server.url)
            if hostile.poll() is not None:
                raise BenchmarkError("the hostile model ended before the requests did")
            hostile.kill()
    note = f"{beside:.2f} against {quiet:.2f} ms, {REQUESTS} manifests one after the other"
    return [own, at_most("p99 of requests beside an endless model", beside / quiet, 1.5, "times", note)]


def own_cost(assay, rounds):
    """What a report says that the verification of a tiny model took, less loading the model and its timed runs."""
    costs = []
    for _ in range(max(5, rounds)):
        report = json.loads(assay("verify", "good:1", "--dataset", "data:1", "--runs", "10", "--json"))
        started, finished = (datetime.fromisoformat(report[name]) for name in ("started_at", "finished_at"))
        measured = report["measurements"]
        latency = measured["latency"]
        model = measured["load_microseconds"] + latency["mean_microseconds"] * latency["runs"]
        costs.append((finished - started).total_seconds() * 1000 - model / 1000)
    note = "digits-1; loading the library and all 500 samples included"
    return at_most("verification, cost of its own", statistics.median(costs), 150, "ms", note)


def p99_milliseconds(url):
    """Of one client that asks for a manifest again and again."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    times = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        connection.request("GET", "/v2/good/manifests/1")
        answer = connection.getresponse()
        answer.read()
        times.append((time.perf_counter() - started) * 1000)
        if answer.status != 200:
            raise BenchmarkError(f"a request got {answer.status}")
    connection.close()
    return statistics.quantiles(times, n=100)[98]
