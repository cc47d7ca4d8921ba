"""oras pushes, pulls, attaches and deletes, and what it pushed is a version."""

import json

import oras.client
import oras.oci
import pytest
from distribution import assert_error, referrers, referring_digests, tags_of
from harness import FIXTURES, OCI_MANIFEST, descriptor, digest_of


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


@pytest.fixture
def target(server_url, name):
    """What oras calls the tag `first` of the repository."""
    return f"{server_url.removeprefix('http://')}/{name}:first"


@pytest.mark.parametrize("do_chunked", [False, True])
def test_files_come_back_as_they_were_pushed(client, target, files, tmp_path, do_chunked):
    pushed = client.push(target, files=files, do_chunked=do_chunked, chunk_size=1000, quiet=True)
    assert pushed.status_code == 201
    client.pull(target, outdir=str(tmp_path / "out"))
    for file in files:
        assert (tmp_path / "out" / file).read_bytes() == (tmp_path / file).read_bytes()


def test_a_folder_comes_back_as_it_was_pushed(client, target, files, tmp_path):
    """oras makes one layer of it, a packed archive."""
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "notes.txt").write_text("deep notes\n")
    client.push(target, files=["folder"], quiet=True)
    client.pull(target, outdir=str(tmp_path / "out"))
    assert (tmp_path / "out" / "folder" / "deep" / "notes.txt").read_text() == "deep notes\n"


def test_annotations_and_a_config_are_kept(client, registry, target, name, files, tmp_path):
    (tmp_path / "config.json").write_text('{"made": "by hand"}')
    client.push(
        target, files=files, manifest_config="config.json:application/vnd.example.config+json",
        manifest_annotations={"org.example.note": "yes"}, quiet=True)
    manifest = registry.get_manifest(name, "first").json()
    assert manifest["annotations"] == {"org.example.note": "yes"}
    assert manifest["config"]["mediaType"] == "application/vnd.example.config+json"
    assert registry.get(f"/v2/{name}/blobs/{manifest['config']['digest']}").json() == {"made": "by hand"}


def test_the_manifest_is_read_by_tag_and_by_digest(client, target, files):
    client.push(target, files=files, quiet=True)
    by_tag = client.get_manifest(target)
    digest = client.push(target, files=files, quiet=True).headers["Docker-Content-Digest"]
    assert client.get_manifest(target.removesuffix(":first") + f"@{digest}") == by_tag


def test_tags_are_listed(client, target, files):
    client.push(target, files=files, quiet=True)
    assert client.get_tags(target) == ["1", "first"]


def test_tags_are_listed_over_pages(client, target, files, name, registry):
    body = client.push(target, files=files, quiet=True) and registry.get_manifest(name, "first").content
    for number in range(5):
        registry.put_manifest(name, f"tag-{number}", body)
    assert client.get_tags(target, N=2) == ["1", "first"]
    assert client.get_tags(target, N=7) == tags_of(registry, name)


def test_what_oras_pushed_is_a_version(client, registry, target, name, files):
    client.push(target, files=files, quiet=True)
    by_number, by_alias = (registry.get(f"/api/v1/versions/{name}:{tag}") for tag in ("1", "first"))
    assert (by_number.status_code, by_alias.status_code) == (200, 200)
    assert by_number.json() == by_alias.json()
    digest = registry.get_manifest(name, "first", "HEAD").headers["Docker-Content-Digest"]
    assert digest in by_number.text


def test_an_attached_file_is_a_referrer(client, registry, target, name, files):
    """oras for Python lists no referrers itself, so they are asked for in plain HTTP."""
    client.push(target, files=files, quiet=True)
    body = registry.get_manifest(name, "first").content
    subject = oras.oci.Subject(**descriptor(body, OCI_MANIFEST))
    pushed = client.push(
        target.replace(":first", ":note"), files=["notes.txt"], subject=subject,
        manifest_annotations={"org.example.note": "yes"}, quiet=True)
    assert pushed.headers["OCI-Subject"] == digest_of(body)
    entry, = referrers(registry, name, digest_of(body)).json()["manifests"]
    assert entry["digest"] == registry.get_manifest(name, "note", "HEAD").headers["Docker-Content-Digest"]
    assert entry["annotations"] == {"org.example.note": "yes"}
    assert entry["artifactType"] == json.loads(registry.get_manifest(name, "note").content)["config"]["mediaType"]


def test_a_token_is_sent_as_a_password(serve, files, tmp_path):
    """oras for Python must be told to log in by Basic."""
    token = tmp_path / "token"
    token.write_text("a token of this test alone\n")
    token.chmod(0o600)
    host = serve("--token-file", token).address
    client = oras.client.OrasClient(hostname=host, insecure=True, auth_backend="basic")
    client.auth.set_basic_auth("anybody", token.read_text().strip())
    client.push(f"{host}/team/model:first", files=files, quiet=True)
    client.pull(f"{host}/team/model:first", outdir=str(tmp_path / "out"))
    assert (tmp_path / "out" / "notes.txt").read_text() == "notes\n"


def test_a_tag_is_deleted_with_its_version(client, registry, target, name, files):
    """oras deletes the digest that it finds under the tag."""
    client.push(target, files=files, quiet=True)
    digest = digest_of(registry.get_manifest(name, "first").content)
    assert client.delete_tags(target, ["first", "absent"]) == ["first"]
    for reference in ("first", "1", digest):
        assert_error(registry.get_manifest(name, reference), 404, "MANIFEST_UNKNOWN")
    assert client.get_tags(target) == []


def test_an_attached_file_is_deleted(client, registry, target, name, files):
    client.push(target, files=files, quiet=True)
    body = registry.get_manifest(name, "first").content
    subject = oras.oci.Subject(**descriptor(body, OCI_MANIFEST))
    note = target.replace(":first", ":note")
    client.push(note, files=["notes.txt"], subject=subject, quiet=True)
    assert len(referring_digests(registry, name, digest_of(body))) == 1
    assert client.delete_tags(note, "note") == ["note"]
    assert referring_digests(registry, name, digest_of(body)) == []
    assert registry.get_manifest(name, "first").content == body
