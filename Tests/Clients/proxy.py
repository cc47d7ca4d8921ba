"""A relay between a client and a server that counts, changes, stalls or cuts what passes."""

import contextlib
import selectors
import socket
import threading

PIECE_BYTES = 1 << 16
STALL_SECONDS = 120


class Proxy:
    """A relay on a free port of loopback; a context manager.

    `change` is applied to every piece on its way from the server. After `limit` bytes from the client all together, the
    relay sets `reached` and waits for `release`; what happens then is `cut` (close everything) or go on.
    """

    def __init__(self, server_port, change=None, limit=None, cut=False):
        self.server_port = server_port
        self.change = change or (lambda data: data)
        self.limit = limit
        self.cut = cut
        self.reached = threading.Event()
        self.release = threading.Event()
        self.sent_bytes = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.release.set()
        # Closing alone would leave the thread in accept.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.relay, args=(client,), daemon=True).start()

    def relay(self, client):
        with contextlib.suppress(OSError), client, self.connect() as server, selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, (server, self.from_client))
            ready.register(server, selectors.EVENT_READ, (client, self.change))
            while True:
                for key, _ in ready.select():
                    target, transform = key.data
                    data = key.fileobj.recv(PIECE_BYTES)
                    if not data:
                        return
                    target.sendall(transform(data))

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.server_port))

    def from_client(self, data):
        self.sent_bytes += len(data)
        if self.limit is not None and self.sent_bytes >= self.limit:
            self.reached.set()
            self.release.wait(STALL_SECONDS)
            if self.cut:
                raise ConnectionAbortedError
        return data
