"""The programs that are measured and those that they are compared with, each in a folder of the benchmark's own."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

REPOSITORY_ROOT = Path(__file__).resolve().parents[1]

POLL_SECONDS = 0.001
SAMPLE_SECONDS = 0.01
READY_SECONDS = 30
STOP_SECONDS = 15
COMMAND_SECONDS = 600


class BenchmarkError(Exception):
    """A measurement that could not be made; the text says why."""


def find_binary():
    """The program to measure: ASSAY_BIN, else the release build."""
    path = Path(os.environ.get("ASSAY_BIN", REPOSITORY_ROOT / ".build" / "release" / "assay")).resolve()
    if not os.access(path, os.X_OK):
        raise BenchmarkError(f"no program at {path}; build it in release mode or set ASSAY_BIN")
    return path


def require(program):
    """The path of a program of the system; Debian keeps servers out of a user's PATH."""
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise BenchmarkError(f"{program} is not installed; run scripts/bootstrap.sh --bench")
    return path


def run(*command, timeout=COMMAND_SECONDS, **options):
    """Runs a command to its end and returns its output; a failure is an error with its message."""
    outcome = subprocess.run(
        list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, **options)
    if outcome.returncode != 0:
        raise BenchmarkError(f"{command[0]} ended with {outcome.returncode}: {outcome.stderr[-2000:]}")
    return outcome.stdout


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def memory_bytes(pid, field):
    """A figure of a running process, such as VmRSS or VmHWM; None when it is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return None


def peak_memory_of(*command, **options):
    """Runs a command and returns the peak of its resident memory, sampled until it ends."""
    peak = 0
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options)
        while process.poll() is None:
            peak = max(peak, memory_bytes(process.pid, "VmHWM") or 0)
            time.sleep(SAMPLE_SECONDS)
        output.seek(0)
        if process.returncode != 0:
            message = output.read()[-2000:].decode(errors="replace")
            raise BenchmarkError(f"{command[0]} ended with {process.returncode}: {message}")
    return peak


class Process:
    """A server on a free port of loopback, ended by its id when its scope ends."""

    ready_path = "/"

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process = None

    def command(self):
        raise NotImplementedError

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        started = time.perf_counter()
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                list(map(str, self.command())), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        try:
            self.wait_until_ready(started + READY_SECONDS)
        except BaseException:
            self.stop()
            raise
        self.ready_seconds = time.perf_counter() - started
        return self

    def __exit__(self, *_):
        self.stop()

    def wait_until_ready(self, deadline):
        while time.perf_counter() < deadline:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.get_status(self.ready_path) == 200:
                    return
            time.sleep(POLL_SECONDS)
        log = (self.folder / "log").read_bytes()[-2000:].decode(errors="replace")
        raise BenchmarkError(f"{type(self).__name__} was not ready within {READY_SECONDS} s: {log}")

    def get_status(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=READY_SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().status

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # The session is its own, so that this ends its workers too.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def memory(self, field):
        return memory_bytes(self.process.pid, field)

    def reset_peak(self):
        """Lets the peak, VmHWM, start again from what is resident now, and returns that."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self.memory("VmRSS")


class AssayServer(Process):
    """`assay serve` over a new store, or over the one that an earlier one left in the folder."""

    ready_path = "/readyz"

    def __init__(self, binary, folder, *options):
        super().__init__(folder)
        self.binary = binary
        self.options = options
        self.store = self.folder / "store"
        if not self.store.exists():
            run(binary, "init", self.store)

    def command(self):
        return [self.binary, "serve", "--store", self.store, "--listen", f"127.0.0.1:{self.port}", *self.options]


class DockerRegistry(Process):
    """Debian's docker-registry with its file system driver and, as Debian sets it up, its cache in memory."""

    ready_path = "/v2/"

    def command(self):
        config = self.folder / "config.json"
        config.write_text(json.dumps({
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {
                "cache": {"blobdescriptor": "inmemory"},
                "filesystem": {"rootdirectory": str(self.folder / "data")},
            },
            "http": {"addr": f"127.0.0.1:{self.port}"},
        }))
        return [require("docker-registry"), "serve", config]


class Nginx(Process):
    """nginx with one process for each core, serving one folder as static files."""

    ready_path = "/ready"
    location = ""

    def __init__(self, folder, files):
        super().__init__(folder)
        self.files = Path(files)
        self.files.mkdir(exist_ok=True)
        (self.files / "ready").write_text("ready\n")

    def command(self):
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in kinds)
        config = self.folder / "nginx.conf"
        # In the foreground: what is started here is ended here, by its id, and its workers by it. They keep the user
        # who runs this, to whom alone the folder is open. The default of 1000 requests on one connection is too few.
        config.write_text(f"""
daemon off;
{worker_user()}
worker_processes auto;
pid {self.folder}/pid;
error_log {self.folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 10000000;
    {paths}
    server {{
        listen 127.0.0.1:{self.port};
        root {self.files};
        {self.location}
    }}
}}
""")
        return [require("nginx"), "-c", config, "-e", self.folder / "error.log"]


class NginxUploads(Nginx):
    """The same nginx also taking files by WebDAV's PUT, written once: aside, then renamed into place."""

    location = """
        client_max_body_size 0;
        dav_methods PUT;
        create_full_put_path on;
    """


class NginxRefusing(Nginx):
    """The same nginx with nothing but refusals where the routes of registries are."""

    location = "location /v2/ { return 401; }"


def worker_user():
    """The directive that keeps nginx's workers at the user it was started by; only root needs and may give it."""
    if os.geteuid() != 0:
        return ""
    return "user root root;"
