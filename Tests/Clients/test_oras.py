"""oras pushes and pulls files, and what it pushed is a version."""

import oras.client
import pytest
from harness import FIXTURES


@pytest.fixture
def client(server_url):
    return oras.client.OrasClient(hostname=server_url.removeprefix("http://"), insecure=True)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder of the test's own, entered: oras keeps the paths that it is given."""
    (tmp_path / "digits.onnx").write_bytes((FIXTURES / "digits-1.onnx").read_bytes())
    (tmp_path / "notes.txt").write_text("notes\n")
    monkeypatch.chdir(tmp_path)
    return ["digits.onnx", "notes.txt"]


def target(server_url, name, tag):
    return f"{server_url.removeprefix('http://')}/{name}:{tag}"


@pytest.mark.parametrize("do_chunked", [False, True])
def test_files_come_back_as_they_were_pushed(client, server_url, name, files, tmp_path, do_chunked):
    pushed = client.push(
        target(server_url, name, "first"), files=files, do_chunked=do_chunked, chunk_size=1000, quiet=True)
    assert pushed.status_code == 201
    client.pull(target(server_url, name, "first"), outdir=str(tmp_path / "out"))
    for file in files:
        assert (tmp_path / "out" / file).read_bytes() == (tmp_path / file).read_bytes()


def test_tags_are_listed(client, server_url, name, files):
    client.push(target(server_url, name, "first"), files=files, quiet=True)
    assert "first" in client.get_tags(target(server_url, name, "first"))


def test_what_oras_pushed_is_a_version(client, registry, server_url, name, files):
    client.push(target(server_url, name, "first"), files=files, quiet=True)
    by_number, by_alias = (registry.get(f"/api/v1/versions/{name}:{tag}") for tag in ("1", "first"))
    assert (by_number.status_code, by_alias.status_code) == (200, 200)
    assert by_number.json() == by_alias.json()
    digest = registry.get_manifest(name, "first", "HEAD").headers["Docker-Content-Digest"]
    assert digest in by_number.text
