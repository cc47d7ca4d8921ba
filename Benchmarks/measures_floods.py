"""What a client with a token notices of strangers without one."""

import contextlib
import multiprocessing
import select
import signal
import socket
import statistics
import time
from urllib.parse import urlsplit

import oci
from figures import at_least, at_most, in_turns, medians, ratio
from processes import AssayServer, BenchmarkError, NginxRefusing
from wire import HEAD_BYTES_MAX, Wire

REPOSITORY, TAG = "bench/model", "production"
TOKEN = "the token of this benchmark alone"

REFUSED_PER_SECOND = 1000
# Twice what a server reads on for nothing, so that each connection is one that it has to end.
REFUSED_BODY = bytes(128 << 10)
REFUSED_OPEN_MAX = 256

RESOLVE_SECONDS = 4
WARM_UP_SECONDS = 0.5
FORK = multiprocessing.get_context("fork")


def floods(setting):
    """The 99th percentile of resolving an alias, alone and beside 1,000 refused connections a second with bodies.

    The flood, who refuses it and the good client share the cores. What that alone costs is told by the same flood
    against an nginx beside an Assay that knows nothing of it.
    """
    folder = setting.folder / "server"
    with AssayServer(setting.binary, folder) as server:
        oci.push_small_version(server.url, REPOSITORY, TAG)
    token = setting.folder / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    rates, rates_elsewhere = [], []

    def beside(flooded, rates):
        with flood(flooded.url, rates):
            return resolve_p99_milliseconds(server.url)

    with AssayServer(setting.binary, folder, "--token-file", token) as server, \
            NginxRefusing(setting.folder / "nginx", setting.folder / "files") as nginx:
        times = in_turns(setting.rounds, {
            "alone": lambda: resolve_p99_milliseconds(server.url),
            "beside": lambda: beside(server, rates),
            "flood of nginx": lambda: beside(nginx, rates_elsewhere),
        })
    note = f"{medians(times)} ms; the flood of nginx costs {ratio(times['flood of nginx'], times['alone']):.2f} times"
    return [
        at_most("p99 of resolving beside a flood / alone", ratio(times["beside"], times["alone"]), 1.5, "times", note),
        at_least("refused connections of the flood", statistics.median(rates), 0.95 * REFUSED_PER_SECOND, "a second"),
    ]


def resolve_p99_milliseconds(url):
    """Of one client on one connection, one request after the other."""
    times = []
    with Wire(url) as wire:
        request = wire.request(
            "GET", f"/api/v1/versions/{REPOSITORY}:{TAG}", Authorization=f"Bearer {TOKEN}")
        started = time.perf_counter()
        while (before := time.perf_counter()) < started + RESOLVE_SECONDS:
            wire.ask(request, 200)
            times.append((time.perf_counter() - before) * 1000)
    return statistics.quantiles(times, n=100)[98]


@contextlib.contextmanager
def flood(url, rates):
    """Refused connections from a process of its own, for as long as the block runs; their rate is noted."""
    receiver, sender = FORK.Pipe(duplex=False)
    process = FORK.Process(target=refuse, args=(url, sender), daemon=True)
    process.start()
    try:
        time.sleep(WARM_UP_SECONDS)
        yield
    finally:
        process.terminate()
        if not receiver.poll(10):
            raise BenchmarkError("the flood told nothing")
        rates.append(receiver.recv())
        process.join()


def refuse(url, sender):
    """Opens connections at an even pace until it is told to end; each sends what it can and closes at the answer."""
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    parts = urlsplit(url)
    head = (
        f"PUT /v2/{REPOSITORY}/blobs/uploads/none?digest=none HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Length: {len(REFUSED_BODY)}\r\n\r\n").encode()
    ready, open_sockets, refused, opened = select.epoll(), {}, 0, 0
    started = time.perf_counter()
    while not ended:
        due = int((time.perf_counter() - started) * REFUSED_PER_SECOND)
        while opened < due and len(open_sockets) < REFUSED_OPEN_MAX:
            client = socket.create_connection((parts.hostname, parts.port))
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.send(head + REFUSED_BODY)
            open_sockets[client.fileno()] = client
            ready.register(client.fileno(), select.EPOLLIN)
            opened += 1
        for descriptor, _ in ready.poll(0.001):
            client = open_sockets.pop(descriptor)
            if not client.recv(HEAD_BYTES_MAX).startswith(b"HTTP/1.1 401 "):
                raise BenchmarkError("a stranger was not refused")
            ready.unregister(descriptor)
            client.close()
            refused += 1
    sender.send(refused / (time.perf_counter() - started))
