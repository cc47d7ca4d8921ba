"""What others notice of a hostile model that is being verified."""

import http.client
import os
import statistics
import subprocess
import time
from urllib.parse import urlsplit

from figures import at_most
from measures_program import FIXTURES
from processes import AssayServer, BenchmarkError, run

REQUESTS = 2000
HOSTILE_SECONDS = 20


def cage(setting):
    with AssayServer(setting.binary, setting.folder / "server") as server:
        environment = os.environ | {"ASSAY_SERVER": server.url, "HOME": str(setting.folder)}
        for arguments in (
                ("push", "data", FIXTURES / "test.npz", "--kind", "dataset"),
                ("push", "endless", FIXTURES / "damaged" / "endless-loop.onnx")):
            run(setting.binary, *arguments, env=environment)
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
    return [at_most("p99 of requests beside an endless model", beside / quiet, 1.5, "times", note)]


def p99_milliseconds(url):
    """Of one client that asks for a manifest again and again."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    times = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        connection.request("GET", "/v2/endless/manifests/1")
        answer = connection.getresponse()
        answer.read()
        times.append((time.perf_counter() - started) * 1000)
        if answer.status != 200:
            raise BenchmarkError(f"a request got {answer.status}")
    connection.close()
    return statistics.quantiles(times, n=100)[98]
