"""skopeo copies versions and images out and back in, lists and inspects them, and deletes by tag."""

import io
import json
import subprocess
import tarfile

import pytest
from distribution import assert_error, encoded, index_of, put, put_by_digest, tags_of
from harness import FIXTURES, OCI_INDEX, OCI_MANIFEST, digest_of, image_manifest

SKOPEO_SECONDS = 60
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
IMAGE_LAYER = "application/vnd.oci.image.layer.v1.tar"
PLATFORMS = ["amd64", "arm64"]
# All images of an index, and none of them packed anew.
WHOLE = ("--all", "--preserve-digests", "--dest-oci-accept-uncompressed-layers")


def skopeo(command, *arguments):
    outcome = subprocess.run(
        ["skopeo", "--insecure-policy", command, *arguments], capture_output=True, timeout=SKOPEO_SECONDS)
    assert outcome.returncode == 0, outcome.stderr.decode()
    return outcome.stdout


def pull(server_url, name, tag, folder, *options):
    skopeo("copy", *options, "--src-tls-verify=false", remote(server_url, name, tag), folder)


def push(folder, server_url, name, tag, *options):
    skopeo("copy", *options, "--dest-tls-verify=false", folder, remote(server_url, name, tag))


def remote(server_url, name, tag):
    return f"docker://{server_url.removeprefix('http://')}/{name}:{tag}"


@pytest.fixture
def pushed(assay, registry, name):
    """The manifest of a version that the command line pushed."""
    assay.ok("push", name, FIXTURES / "digits-1.onnx", FIXTURES / "digits-1.yaml", "--key", assay.key())
    return registry.get_manifest(name, "1").content


def layer_of(text):
    """The bytes of a layer with one file in it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("model/notes.txt")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return buffer.getvalue()


def image(registry, name, architecture):
    """The manifest of a container image with one layer; its blobs are pushed."""
    layer = layer_of(f"for {architecture}".encode())
    config = encoded({
        "architecture": architecture, "os": "linux", "config": {"Labels": {"made.for": architecture}},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]}})
    described = [registry.push_blob(name, data) | {"mediaType": kind} for data, kind in (
        (layer, IMAGE_LAYER), (config, IMAGE_CONFIG))]
    manifest = image_manifest(described[:1], config=described[1])
    del manifest["artifactType"]
    return manifest


@pytest.fixture
def images(registry, name):
    """The bytes of an index of one image per platform, under the tag `all`."""
    children = [
        put_by_digest(registry, name, image(registry, name, architecture))
        | {"platform": {"os": "linux", "architecture": architecture}} for architecture in PLATFORMS]
    data = encoded(index_of(children))
    put(registry, name, "all", data, OCI_INDEX)
    return data


# Copies


@pytest.mark.parametrize("transport, suffix", [("dir", ""), ("oci", ":kept"), ("oci-archive", ":kept")])
def test_a_version_goes_out_and_comes_back_the_same(registry, server_url, name, pushed, tmp_path, transport, suffix):
    folder = f"{transport}:{tmp_path / 'copy'}{suffix}"
    pull(server_url, name, "1", folder)
    push(folder, server_url, f"{name}-back", "imported")
    for reference in ("imported", "1", digest_of(pushed)):
        assert registry.get_manifest(f"{name}-back", reference).content == pushed


@pytest.mark.parametrize("transport, suffix", [("dir", ""), ("oci", ":kept"), ("oci-archive", ":kept")])
def test_an_index_goes_out_and_comes_back_the_same(registry, server_url, name, images, tmp_path, transport, suffix):
    folder = f"{transport}:{tmp_path / 'copy'}{suffix}"
    pull(server_url, name, "all", folder, *WHOLE)
    push(folder, server_url, f"{name}-back", "imported", *WHOLE)
    back = registry.get_manifest(f"{name}-back", "imported")
    assert back.content == images
    for child in back.json()["manifests"]:
        manifest = registry.get_manifest(f"{name}-back", child["digest"])
        assert manifest.status_code == 200
        for layer in manifest.json()["layers"]:
            assert registry.head(f"/v2/{name}-back/blobs/{layer['digest']}").status_code == 200


def test_one_image_of_an_index_is_chosen_by_its_platform(registry, server_url, name, images, tmp_path):
    folder = f"dir:{tmp_path / 'copy'}"
    skopeo(
        "--override-arch=arm64", "--override-os=linux", "copy", "--src-tls-verify=false",
        remote(server_url, name, "all"), folder)
    push(folder, server_url, f"{name}-back", "arm64")
    back = registry.get_manifest(f"{name}-back", "arm64", "HEAD").headers["Docker-Content-Digest"]
    assert back == json.loads(images)["manifests"][1]["digest"]


def test_a_version_is_copied_between_repositories(registry, server_url, name, pushed):
    skopeo(
        "copy", "--src-tls-verify=false", "--dest-tls-verify=false", remote(server_url, name, "1"),
        remote(server_url, f"{name}-copy", "copied"))
    assert registry.get_manifest(f"{name}-copy", "copied").content == pushed


def test_an_index_is_copied_between_repositories(registry, server_url, name, images):
    skopeo(
        "copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", remote(server_url, name, "all"),
        remote(server_url, f"{name}-copy", "copied"))
    assert registry.get_manifest(f"{name}-copy", "copied").content == images


def test_a_copy_under_a_docker_type_is_kept_as_one(registry, server_url, name, images, tmp_path):
    docker = "application/vnd.docker.distribution.manifest.v2+json"
    digest = json.loads(images)["manifests"][0]["digest"]
    source = remote(server_url, name, "").removesuffix(":") + f"@{digest}"
    skopeo("copy", "--format=v2s2", "--src-tls-verify=false", source, f"dir:{tmp_path / 'copy'}")
    push(f"dir:{tmp_path / 'copy'}", server_url, f"{name}-docker", "copied")
    assert registry.get_manifest(f"{name}-docker", "copied").headers["Content-Type"] == docker
    pull(server_url, f"{name}-docker", "copied", f"dir:{tmp_path / 'back'}")
    assert (tmp_path / "back" / "manifest.json").read_bytes() == (tmp_path / "copy" / "manifest.json").read_bytes()


def test_a_bundle_is_an_oci_archive(assay, registry, server_url, name, pushed, tmp_path):
    bundle = tmp_path / "model.tar"
    assay.ok("bundle", "export", f"{name}:1", "-o", bundle)
    push(f"oci-archive:{bundle}:1", server_url, f"{name}-archive", "imported")
    assert registry.get_manifest(f"{name}-archive", "imported").content == pushed


# Questions


def test_tags_are_listed(registry, server_url, name, pushed):
    repository = remote(server_url, name, "").removesuffix(":")
    put(registry, name, "candidate", pushed)
    assert json.loads(skopeo("list-tags", "--tls-verify=false", repository))["Tags"] == ["1", "candidate"]


def test_the_raw_manifest_is_the_stored_one(server_url, name, pushed):
    raw = skopeo("inspect", "--raw", "--tls-verify=false", remote(server_url, name, "1"))
    assert digest_of(raw) == digest_of(pushed)


def test_an_image_is_inspected(registry, server_url, name):
    put(registry, name, "amd64", image(registry, name, "amd64"), OCI_MANIFEST)
    seen = json.loads(skopeo("inspect", "--tls-verify=false", remote(server_url, name, "amd64")))
    assert seen["Digest"] == registry.get_manifest(name, "amd64", "HEAD").headers["Docker-Content-Digest"]
    assert (seen["Labels"], seen["RepoTags"]) == ({"made.for": "amd64"}, ["1", "amd64"])
    assert seen["Layers"] == [digest_of(layer_of(b"for amd64"))]


def test_the_config_of_an_image_is_inspected(registry, server_url, name):
    put(registry, name, "amd64", image(registry, name, "amd64"), OCI_MANIFEST)
    seen = json.loads(skopeo("inspect", "--config", "--tls-verify=false", remote(server_url, name, "amd64")))
    assert seen["architecture"] == "amd64"


# Login


def test_a_token_is_sent_as_a_password(serve, server_url, name, pushed, tmp_path):
    token = tmp_path / "token"
    token.write_text("a token of this test alone\n")
    token.chmod(0o600)
    closed = serve("--token-file", token)
    pull(server_url, name, "1", f"dir:{tmp_path / 'copy'}")
    with pytest.raises(AssertionError, match="unauthorized|authentication required"):
        push(f"dir:{tmp_path / 'copy'}", closed.url, "team/model", "first")
    login = "anybody:" + token.read_text().strip()
    push(f"dir:{tmp_path / 'copy'}", closed.url, "team/model", "first", f"--dest-creds={login}")
    pull(closed.url, "team/model", "first", f"dir:{tmp_path / 'back'}", f"--src-creds={login}")
    assert (tmp_path / "back" / "manifest.json").read_bytes() == pushed


# Deletes


def test_an_image_is_deleted_by_its_tag(registry, server_url, name):
    """skopeo asks for the digest of the tag and deletes that: the version is gone, and all its tags."""
    body = encoded(image(registry, name, "amd64"))
    for tag in ("amd64", "other"):
        put(registry, name, tag, body)
    skopeo("delete", "--tls-verify=false", remote(server_url, name, "amd64"))
    for reference in ("amd64", "other", "1", digest_of(body)):
        assert_error(registry.get_manifest(name, reference), 404, "MANIFEST_UNKNOWN")
    assert tags_of(registry, name) == []
