"""Servers that do not tell the truth: the listener that they share, and a relay that answers what it is told to."""

import socket
import threading
from contextlib import suppress

import requests

FORWARDED = ("Content-Type", "Docker-Content-Digest", "Link", "Location", "Range", "OCI-Subject")
ANSWER_SECONDS = 20
TAKEN = ("accept", "authorization", "content-type", "content-range", "range")


class Listener:
    """Takes connections on a free port of loopback and gives each to `serve`; a context manager."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        # Closing alone would leave the thread in accept.
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()


class Liar(Listener):
    """A relay on a free port of loopback; a context manager.

    `answer` gets the method, the path and the true body, and gives the body that is sent. `ask` gets the path and gives
    the one that the server is asked.
    """

    def __init__(self, url, answer=lambda method, path, data: data, ask=lambda path: path):
        super().__init__()
        self.upstream = url
        self.answer = answer
        self.ask = ask
        self.asked = []

    def serve(self, client):
        with suppress(OSError, ValueError, requests.RequestException), client, client.makefile("rb") as reader:
            while line := reader.readline():
                method, path, _ = line.decode().split(" ", 2)
                headers = dict(self.header_lines(reader))
                client.sendall(self.reply(method, path, headers, self.body(reader, headers)))

    def header_lines(self, reader):
        while (line := reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            yield name.strip().lower(), value.strip()

    def body(self, reader, headers):
        if "chunked" not in headers.get("transfer-encoding", ""):
            return reader.read(int(headers.get("content-length", 0)))
        data = b""
        while size := int(reader.readline().split(b";")[0], 16):
            data += reader.read(size)
            reader.readline()
        reader.readline()
        return data

    def reply(self, method, path, headers, body):
        self.asked.append(f"{method} {path}")
        sent = {name: headers[name] for name in TAKEN if name in headers}
        true = requests.request(
            method, self.upstream + self.ask(path), headers=sent, data=body, timeout=ANSWER_SECONDS)
        is_true = method == "HEAD" or true.status_code >= 300
        data = true.content if is_true else self.answer(method, path, true.content)
        length = true.headers.get("Content-Length", "0") if method == "HEAD" else str(len(data))
        lines = [f"HTTP/1.1 {true.status_code} {true.reason}"]
        lines += [] if true.status_code == 204 else [f"Content-Length: {length}"]
        lines += [f"{name}: {true.headers[name]}" for name in FORWARDED if name in true.headers]
        return "\r\n".join([*lines, "", ""]).encode() + (b"" if method == "HEAD" else data)
