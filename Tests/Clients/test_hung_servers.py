"""Servers that hang: nothing waits for them longer than it was told to, and what is waited for is told."""

import os
import socket
import subprocess
import threading
import time
from contextlib import suppress

import pytest
from evidence import DONE, USAGE
from harness import FIXTURES, finish
from lying import Listener

BUSY = 8
TIMEOUT = "2s"
# Twice the time that was asked for, and what a loaded machine takes to start a program.
SECONDS_MAX = 20


class Hung(Listener):
    """A server that takes requests and answers in its own way; nothing of it ends by itself."""

    def __init__(self, way):
        super().__init__()
        self.way = way
        self.requests = 0
        self.is_over = threading.Event()

    def __exit__(self, *rest):
        self.is_over.set()
        super().__exit__(*rest)

    def serve(self, client):
        with suppress(OSError), client:
            if self.way == "never reads":
                self.is_over.wait()
                return
            client.recv(1 << 16)
            self.requests += 1
            getattr(self, self.way.replace(" ", "_"))(client)

    def says_nothing(self, client):
        self.is_over.wait()

    def trickles_its_head(self, client):
        client.sendall(b"HTTP/1.1 200 OK\r\n")
        self.trickle(client, b"X-Header: x\r\n")

    def trickles_its_body(self, client):
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{")
        self.trickle(client, b" ")

    def stops_in_its_body(self, client):
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{" + b" " * 9000)
        self.is_over.wait()

    def trickle(self, client, data):
        while not self.is_over.wait(0.2):
            client.sendall(data)


WAYS = ["never reads", "says nothing", "trickles its head", "trickles its body", "stops in its body"]
COMMANDS = {
    "push": ("push", "digits", FIXTURES / "digits-1.onnx"), "pull": ("pull", "digits:1", "out"),
    "promote": ("promote", "digits:1", "production"), "export": ("bundle", "export", "digits:1", "-o", "out.tar"),
}


def timed(assay, *arguments):
    start = time.monotonic()
    outcome = finish(assay.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE), 4 * SECONDS_MAX)
    assert time.monotonic() - start < SECONDS_MAX, outcome
    return outcome


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_hang_ends_in_time_and_the_second_try_is_told(assay, way):
    with Hung(way) as server:
        outcome = timed(assay.at(server.url), "list", "--timeout", TIMEOUT)
    assert outcome.code == BUSY and "trying again" in outcome.err and "--timeout" in outcome.err, outcome
    assert way == "never reads" or server.requests > 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_ends_in_time(assay, command):
    with Hung("says nothing") as server:
        outcome = timed(assay.at(server.url), *COMMANDS[command], "--timeout", TIMEOUT)
    assert outcome.code == BUSY and "next:" in outcome.err, outcome
    assert not (assay.home / "out.tar").exists()


class Slow(Listener):
    """A relay of bytes that hangs once so many of them have passed in one direction."""

    def __init__(self, port, after, way, from_client=False):
        super().__init__()
        self.port, self.after, self.way, self.from_client = port, after, way, from_client
        # By all connections: each new one hangs at once.
        self.passed = 0
        self.sockets = []
        self.is_over = threading.Event()

    def __exit__(self, *rest):
        self.is_over.set()
        for end in self.sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        super().__exit__(*rest)

    def serve(self, client):
        with suppress(OSError), client, socket.create_connection(("127.0.0.1", self.port)) as server:
            self.sockets += [client, server]
            threading.Thread(
                target=self.pass_on, args=(client, server, self.from_client), daemon=True).start()
            self.pass_on(server, client, not self.from_client)

    def pass_on(self, source, target, hangs):
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self.passed += len(data) if hangs else 0
                if hangs and self.passed > self.after:
                    for byte in data[:1000]:
                        if self.is_over.wait(0.2):
                            return
                        if self.way == "trickles":
                            target.sendall(bytes([byte]))
                    return
                target.sendall(data)


@pytest.mark.parametrize("way", ["trickles", "stops"])
@pytest.mark.parametrize("verb", ["pull", "push", "export"])
def test_a_file_that_stops_in_the_middle_ends_in_time(assay, server, name, verb, way):
    (assay.home / "large.bin").write_bytes(os.urandom(24 << 20))
    if verb != "push":
        assay.at(server.url).ok("push", name, "large.bin")
    commands = {"push": ("push", name, "large.bin"), "pull": ("pull", f"{name}:1", "out"),
                "export": ("bundle", "export", f"{name}:1", "-o", "out.tar")}
    with Slow(server.port, 2 << 20, way, from_client=verb == "push") as slow:
        outcome = finish(
            assay.at(slow.url).start(
                *commands[verb], "--timeout", TIMEOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE), 100)
    assert outcome.code == BUSY and "trying again" in outcome.err, outcome
    assert not (assay.home / "out.tar").exists() and not (assay.home / "out" / "large.bin").exists()
    assay.at(server.url).ok(*commands[verb])


@pytest.mark.parametrize("text", ["0s", "-1s", "1", "soon", "1.5s", "2d", ""])
def test_a_time_that_is_none_is_refused(assay, text):
    outcome = assay.at("http://127.0.0.1:1").run("list", f"--timeout={text}")
    assert outcome.code == USAGE and "--timeout" in outcome.err, outcome


def test_a_server_that_is_only_slow_is_waited_for(assay, server):
    """Longer in all than the time given, and never without progress for as long."""
    assay.at(server.url).ok("push", "slow", FIXTURES / "digits-1.onnx")
    assert assay.at(server.url).ok("list", "--timeout", "30s").code == DONE
