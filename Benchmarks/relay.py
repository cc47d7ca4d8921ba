"""A relay that counts what a client and a server say to each other."""

import contextlib
import socket
import threading

PIECE_BYTES = 1 << 18
CONNECT_SECONDS = 30


class CountingRelay:
    """Passes connections on to a server and counts the bytes that go through, both ways together."""

    def __init__(self, port):
        self.server_port = port
        self.byte_count = 0
        self.lock = threading.Lock()

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        # Closing alone would leave the thread in accept().
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.server_port), CONNECT_SECONDS)
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self.pass_on, args=(source, target), daemon=True).start()

    def pass_on(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(PIECE_BYTES):
                with self.lock:
                    self.byte_count += len(data)
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
