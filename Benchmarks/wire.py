"""An HTTP client by hand: it costs so little that the server is what is measured, and it counts its bytes."""

import contextlib
import os
import socket
import struct
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from processes import BenchmarkError

BUFFER_BYTES = 1 << 20
HEAD_BYTES_MAX = 1 << 16
SILENCE_SECONDS = 60
HEAD_END = b"\r\n\r\n"


@dataclass
class Answer:
    """A status, the header lines and, where it was asked for, the body."""

    status: int
    head: bytes
    body: bytes = b""

    def header(self, name):
        """The value of a header, "" without one."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name.encode().lower():
                return value.strip().decode()
        return ""


class Wire:
    """One kept connection. Requests are bytes, so that they can be made before the time is taken."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.host = parts.netloc
        self.socket = socket.create_connection((parts.hostname, parts.port), SILENCE_SECONDS)
        # The kernel keeps the time: Python's own timeouts cost another system call for each that waits.
        self.socket.settimeout(None)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self.socket.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", SILENCE_SECONDS, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
        self.sent_bytes = self.received_bytes = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def head(self, method, target, **headers):
        """The head of a request; underscores in a header's name stand for hyphens."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "\r\n".join(lines).encode() + HEAD_END

    def request(self, method, target, body=None, **headers):
        if body is None:
            return self.head(method, target, **headers)
        return self.head(method, target, Content_Length=len(body), **headers) + body

    # Whole exchanges

    def ask(self, request, expected):
        """Sends a request and returns its answer with the whole body; any other status than expected is an error."""
        self.send(request)
        return self.answer(request, expected)

    def answer(self, request, expected):
        answer, rest = self.receive_head()
        pieces = [rest]
        missing = body_bytes(request, answer) - len(rest)
        while missing > 0:
            pieces.append(self.receive())
            missing -= len(pieces[-1])
        answer.body = b"".join(pieces)
        check_status(request, answer, expected)
        return answer

    def drain(self, request, expected):
        """Sends a request, drops the body of the answer and returns its length."""
        self.send(request)
        answer, rest = self.receive_head()
        check_status(request, answer, expected)
        size = body_bytes(request, answer)
        missing = size - len(rest)
        while missing > 0:
            count = self.socket.recv_into(self.buffer)
            if count == 0:
                raise closed_early()
            missing -= count
        self.received_bytes += size - len(rest)
        return size

    def upload(self, method, target, path, expected, **headers):
        """Sends a file as the body, by the kernel alone."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            request = self.head(method, target, Content_Length=size, **headers)
            self.send(request)
            sent = 0
            while sent < size:
                sent += os.sendfile(self.socket.fileno(), file.fileno(), sent, size - sent)
        self.sent_bytes += size
        return self.answer(request, expected)

    def seconds_to_first_byte(self, request):
        """From sending a request to the first byte of the body; the rest is not read, so the connection is done."""
        started = time.perf_counter()
        self.read_at_least(request, 1)
        return time.perf_counter() - started

    def read_at_least(self, request, size):
        """Sends a request and reads the beginning of its answer's body only."""
        self.send(request)
        answer, rest = self.receive_head()
        count = len(rest)
        while count < size:
            count += len(self.receive())
        check_status(request, answer, 200)

    # Pieces of an exchange

    def send(self, data):
        self.socket.sendall(data)
        self.sent_bytes += len(data)

    def receive(self):
        data = self.socket.recv(HEAD_BYTES_MAX)
        if not data:
            raise closed_early()
        self.received_bytes += len(data)
        return data

    def receive_head(self):
        """The status and headers of an answer, and what came of its body with them."""
        data = self.receive()
        while (end := data.find(HEAD_END)) < 0:
            if len(data) > HEAD_BYTES_MAX:
                raise BenchmarkError("an answer's headers do not end")
            data += self.receive()
        return Answer(int(data[9:12]), data[:end]), data[end + len(HEAD_END):]


def body_bytes(request, answer):
    """How long the body of an answer is; every server here states it."""
    if request.startswith(b"HEAD ") or answer.status in (204, 304):
        return 0
    with contextlib.suppress(ValueError):
        return int(answer.header("Content-Length"))
    raise BenchmarkError(f"an answer states no length: {answer.head[:500]}")


def check_status(request, answer, expected):
    if answer.status != expected:
        line = request.partition(b"\r\n")[0].decode()
        raise BenchmarkError(f"{line} answered {answer.status}: {answer.head[:500]} {answer.body[:500]}")


def closed_early():
    return BenchmarkError("the server closed the connection before its answer was whole")
