"""Loads put on a server: processes released at once, and many connections with small requests."""

import contextlib
import multiprocessing
import re
import select
import signal
import threading
import time

from processes import BenchmarkError, require, run
from wire import HEAD_BYTES_MAX, HEAD_END, Wire

READY_SECONDS = 60
WORK_SECONDS = 600
CONNECTIONS = 32
POLL_SECONDS = 5

# A fork shares what was prepared, and starts sooner than a new interpreter.
FORK = multiprocessing.get_context("fork")


def at_once(work, shares):
    """The seconds that processes, one for each share, need for their work, released together when all are ready.

    Each calls `work(share, wait)`, and there `wait()` once, after what is not to be timed.
    """
    gate = FORK.Barrier(len(shares) + 1)
    receivers, workers = [], []
    try:
        for share in shares:
            receiver, sender = FORK.Pipe(duplex=False)
            receivers.append(receiver)
            workers.append(FORK.Process(target=do_share, args=(work, share, gate, sender), daemon=True))
            workers[-1].start()
            # Held by the client alone, so that its end is noticed.
            sender.close()
        with contextlib.suppress(threading.BrokenBarrierError):
            gate.wait(READY_SECONDS)
        started = time.perf_counter()
        outcomes = [outcome(receiver) for receiver in receivers]
    finally:
        for worker in workers:
            worker.kill()
            worker.join()
    faults = [fault for _, fault in outcomes if fault is not None]
    if faults:
        # Those that only waited for one that failed have nothing to say.
        raise BenchmarkError(f"a client failed: {max(faults, key=len) or 'it was not ready in time'}")
    return max(ended for ended, _ in outcomes) - started


def do_share(work, share, gate, sender):
    # What the parent does at this signal is not for its clients to do as well.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    fault = None
    try:
        work(share, lambda: gate.wait(READY_SECONDS))
    except threading.BrokenBarrierError:
        fault = ""
    except (BenchmarkError, OSError) as error:
        gate.abort()
        fault = str(error)
    sender.send((time.perf_counter(), fault))


def outcome(receiver):
    """When a client ended and what it has to complain of, None if nothing."""
    if not receiver.poll(WORK_SECONDS):
        raise BenchmarkError(f"a client did not end within {WORK_SECONDS} s")
    try:
        return receiver.recv()
    except EOFError:
        raise BenchmarkError("a client died") from None


def gets_per_second(url, for_seconds, accept="*/*"):
    """What wrk reaches with one thread and 32 connections; any answer but 2xx is an error."""
    output = run(require("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{for_seconds}s", "-H", f"Accept: {accept}", url)
    if "Non-2xx" in output or "Socket errors" in output:
        raise BenchmarkError(f"wrk saw errors:\n{output}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])


def heads_per_second(url, target, status, for_seconds):
    """The same for HEAD, which wrk cannot ask: it waits for the body that such an answer only announces."""
    with contextlib.ExitStack() as scope:
        wires = [scope.enter_context(Wire(url)) for _ in range(CONNECTIONS)]
        request = wires[0].request("HEAD", target)
        ready = scope.enter_context(contextlib.closing(select.epoll()))
        sockets = {wire.socket.fileno(): wire.socket for wire in wires}
        for descriptor, connection in sockets.items():
            ready.register(descriptor, select.EPOLLIN)
            connection.sendall(request)
        expected, count = f"HTTP/1.1 {status} ".encode(), 0
        started = time.perf_counter()
        while (elapsed := time.perf_counter() - started) < for_seconds:
            answered = ready.poll(POLL_SECONDS)
            for descriptor, _ in answered:
                answer = sockets[descriptor].recv(HEAD_BYTES_MAX)
                # An answer so short comes whole; if one ever does not, that is an error and not a wrong figure.
                if not (answer.startswith(expected) and answer.endswith(HEAD_END)):
                    raise BenchmarkError(f"HEAD {target} answered {answer[:500]}")
                sockets[descriptor].sendall(request)
            count += len(answered)
            if not answered:
                raise BenchmarkError(f"HEAD {target} was not answered within {POLL_SECONDS} s")
        return count / elapsed
