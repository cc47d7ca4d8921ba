"""What the tests share: the program under test as a process, and plain requests to it."""

import contextlib
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

REPOSITORY_ROOT = Path(__file__).resolve().parents[2]
FIXTURES = REPOSITORY_ROOT / "fixtures" / "digits"
os.environ.setdefault("ASSAY_ONNXRUNTIME", str(REPOSITORY_ROOT / ".cache" / "onnxruntime" / "libonnxruntime.so"))

READY_ATTEMPTS = 200
READY_PAUSE_SECONDS = 0.05
STOP_SECONDS = 15
COMMAND_SECONDS = 120
REQUEST_SECONDS = 30
OUTPUT_BYTES_SHOWN = 4000

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
BYTES = "application/octet-stream"
FILE_PATH_ANNOTATION = "org.cncf.model.filepath"
MODEL_MANIFEST = "application/vnd.cncf.model.manifest.v1+json"
MODEL_CONFIG = "application/vnd.cncf.model.config.v1+json"
MODEL_WEIGHT = "application/vnd.cncf.model.weight.v1.raw"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def check_status(status):
    """No caller's mistake gives a 5xx; 501 and 505 are a caller's mistake too."""
    assert status < 500 or status in (501, 505), f"the server answered {status}"


# The program


def find_binary():
    """The program under test: ASSAY_BIN, else the debug build, else the release build."""
    named = os.environ.get("ASSAY_BIN")
    builds = [REPOSITORY_ROOT / ".build" / kind / "assay" for kind in ("debug", "release")]
    candidates = [Path(named)] if named else builds
    for candidate in candidates:
        if os.access(candidate, os.X_OK):
            return candidate.resolve()
    raise FileNotFoundError(f"no program under test at {', '.join(map(str, candidates))}; build it or set ASSAY_BIN")


@dataclass
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return f"exit {self.code}\n{self.out[-OUTPUT_BYTES_SHOWN:]}\n{self.err[-OUTPUT_BYTES_SHOWN:]}"


class Assay:
    """The command line, run in a folder and home of its own."""

    def __init__(self, binary, home, server=None):
        self.binary = binary
        self.home = Path(home)
        self.server = server

    def at(self, server):
        """The same command line, speaking to another server."""
        return Assay(self.binary, self.home, server)

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
        return kept | {"HOME": str(self.home)} | ({"ASSAY_SERVER": self.server} if self.server else {})

    def start(self, *arguments, **options):
        return subprocess.Popen(
            [self.binary, *map(str, arguments)], cwd=self.home, env=self.environment(), stdin=subprocess.DEVNULL,
            text=True, **options)

    def run(self, *arguments, timeout=COMMAND_SECONDS):
        process = self.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return finish(process, timeout)

    def ok(self, *arguments, **options):
        outcome = self.run(*arguments, **options)
        assert outcome.code == 0, f"assay {' '.join(map(str, arguments))}: {outcome}"
        return outcome

    def key(self, name="release"):
        """The path of a new private key; its public half is beside it."""
        self.ok("key", "generate", "--out", name)
        return self.home / f"{name}.pem"


def finish(process, timeout=COMMAND_SECONDS):
    """Waits for a process that we started; one that hangs is killed and fails the test."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"no end after {timeout} s: {Outcome(-1, out or '', err or '')}") from None
    return Outcome(process.returncode, out or "", err or "")


def public(key):
    """The path of the public half of a private key's file."""
    return key.with_suffix(".pub.pem")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """`assay serve` over a store, on a free port of loopback."""

    def __init__(self, binary, folder, *options):
        self.binary = binary
        self.folder = Path(folder)
        self.options = options
        self.store = self.folder / "store"
        self.log = self.folder / "server.log"
        self.port = free_port()
        self.process = None
        # What is added to the environment of the process.
        self.variables = {}

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"http://{self.address}"

    def create_store(self):
        outcome = Assay(self.binary, self.folder).run("init", self.store)
        assert outcome.code == 0, f"init failed: {outcome}"
        return self

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--store", self.store, "--listen", self.address, *self.options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | self.variables)
        for _ in range(READY_ATTEMPTS):
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}: {self.log_tail()}"
            with contextlib.suppress(requests.ConnectionError):
                if requests.get(self.url + "/readyz", timeout=REQUEST_SECONDS).status_code == 200:
                    return self
            time.sleep(READY_PAUSE_SECONDS)
        raise AssertionError(f"the server was never ready: {self.log_tail()}")

    def log_tail(self):
        return self.log.read_bytes()[-OUTPUT_BYTES_SHOWN:].decode(errors="replace")

    def assert_running(self):
        assert self.process.poll() is None, f"the server ended with {self.process.returncode}: {self.log_tail()}"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """Ends the server the way a service manager does; returns its exit code."""
        if self.process is None:
            return None
        self.process.terminate()
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not stop within {STOP_SECONDS} s: {self.log_tail()}") from None


# Requests


class Registry:
    """OCI requests to one server; every answer is held against `check_status`."""

    def __init__(self, url):
        self.url = url
        self.session = requests.Session()
        self.session.hooks["response"] = [lambda answer, **_: check_status(answer.status_code)]

    def request(self, method, path, **options):
        """Asks for a path or, as a Location may be, for a whole address."""
        address = path if path.startswith("http") else self.url + path
        return self.session.request(method, address, timeout=REQUEST_SECONDS, **options)

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def head(self, path, **options):
        return self.request("HEAD", path, **options)

    def delete(self, path):
        return self.request("DELETE", path)

    def patch(self, path, data, span=None):
        headers = {"Content-Type": BYTES}
        if span is not None:
            headers["Content-Range"] = f"{span[0]}-{span[1]}"
        return self.request("PATCH", path, data=data, headers=headers)

    def open_upload(self, name):
        answer = self.request("POST", f"/v2/{name}/blobs/uploads/")
        assert answer.status_code == 202, answer.text
        return answer.headers["Location"]

    def close_upload(self, location, data, digest):
        return self.request(
            "PUT", with_query(location, f"digest={digest}"), data=data, headers={"Content-Type": BYTES})

    def push_blob(self, name, data):
        """Uploads a blob in one piece and returns its descriptor."""
        answer = self.close_upload(self.open_upload(name), data, digest_of(data))
        assert answer.status_code == 201, answer.text
        return descriptor(data)

    def put_manifest(self, name, reference, body, media_type=OCI_MANIFEST):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request(
            "PUT", f"/v2/{name}/manifests/{reference}", data=data, headers={"Content-Type": media_type})

    def get_manifest(self, name, reference, method="GET"):
        return self.request(
            method, f"/v2/{name}/manifests/{reference}", headers={"Accept": f"{OCI_MANIFEST}, {OCI_INDEX}"})

    def push_artifact(self, name, tag, data, **fields):
        """Pushes an image manifest with one layer of these bytes; returns the manifest's bytes."""
        self.push_blob(name, b"{}")
        body = json.dumps(image_manifest([self.push_blob(name, data)], **fields)).encode()
        answer = self.put_manifest(name, tag, body)
        assert answer.status_code == 201, answer.text
        return body


def descriptor(data, media_type=BYTES, **fields):
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)} | fields


def image_manifest(layers, **fields):
    """An artifact manifest with the empty config."""
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.example.test",
        "config": descriptor(b"{}", OCI_EMPTY),
        "layers": layers,
    } | fields


def with_query(location, query):
    return location + ("&" if "?" in location else "?") + query


@dataclass
class Reply:
    """One answer read from a socket."""

    status: int
    headers: dict
    body: bytes


def raw_request(method, url, path, headers=(), body=None):
    """Sends a path exactly as it is written; `headers` are pairs and may repeat."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=REQUEST_SECONDS)
    with contextlib.closing(connection):
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        check_status(answer.status)
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


class Wire:
    """A bare connection, for what no client library would send."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=REQUEST_SECONDS)
        self.reader = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reader.close()
        self.socket.close()

    def send(self, data):
        """Sends as much as the server wants to have: it may have answered and closed already."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)
        return self

    def reply(self, has_body=True):
        """The next answer, or None where the server closed without one."""
        try:
            line = self.reader.readline(65536)
            if not line:
                return None
            headers = dict(self.header_lines())
            length = int(headers.get("content-length", 0)) if has_body else 0
            body = self.reader.read(length)
        except ConnectionResetError:
            return None
        status = int(line.split()[1])
        check_status(status)
        return Reply(status, headers, body)

    def header_lines(self):
        while (line := self.reader.readline(65536)) not in (b"\r\n", b"\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            yield name.strip().lower(), value.strip()

    def is_closed(self):
        """Whether the server ends the connection without sending anything more."""
        try:
            return self.reader.read(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
