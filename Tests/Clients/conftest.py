"""Fixtures: a built program, servers and stores of a test's own."""

import hashlib
import os

import pytest
from harness import Assay, Registry, Server, find_binary


@pytest.fixture(scope="session")
def binary():
    return find_binary()


@pytest.fixture(scope="session")
def server_url(tmp_path_factory):
    """A server for tests that use names of their own: ASSAY_URL, else one started here."""
    if url := os.environ.get("ASSAY_URL"):
        yield url.rstrip("/")
        return
    server = Server(find_binary(), tmp_path_factory.mktemp("shared")).create_store().start()
    yield server.url
    server.assert_running()
    assert server.stop() == 0


@pytest.fixture
def registry(server_url):
    return Registry(server_url)


@pytest.fixture
def name(request):
    """A repository name that no other test uses."""
    function = request.node.originalname.removeprefix("test_").replace("_", "-")
    return f"tests/{function[:60]}-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]}"


@pytest.fixture
def server(binary, tmp_path):
    """A server and store of the test's own."""
    folder = tmp_path / "server"
    folder.mkdir()
    server = Server(binary, folder).create_store().start()
    yield server
    if server.process.poll() is None:
        server.stop()


@pytest.fixture
def serve(binary, tmp_path):
    """Starts servers with options of the test's own, each over a store of its own."""
    servers = []

    def start(*options):
        folder = tmp_path / f"server-{len(servers)}"
        folder.mkdir()
        servers.append(Server(binary, folder, *options).create_store())
        return servers[-1].start()

    yield start
    for server in servers:
        if server.process is not None and server.process.poll() is None:
            server.stop()


@pytest.fixture
def assay(binary, server_url, tmp_path):
    """The command line against the shared server."""
    return Assay(binary, tmp_path, server_url)
