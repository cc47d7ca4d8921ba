"""skopeo copies a version that the command line pushed, out and back in."""

import json
import shutil
import subprocess

import pytest
from harness import FIXTURES, digest_of

SKOPEO_SECONDS = 60

pytestmark = pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")


def skopeo(command, *arguments):
    outcome = subprocess.run(
        ["skopeo", "--insecure-policy", command, *arguments], capture_output=True, timeout=SKOPEO_SECONDS)
    assert outcome.returncode == 0, outcome.stderr.decode()
    return outcome.stdout


def remote(server_url, name, tag):
    return f"docker://{server_url.removeprefix('http://')}/{name}:{tag}"


@pytest.fixture
def pushed(assay, registry, name):
    """The manifest of a version that the command line pushed."""
    assay.ok("push", name, FIXTURES / "digits-1.onnx", FIXTURES / "digits-1.yaml", "--key", assay.key())
    return registry.get_manifest(name, "1").content


@pytest.mark.parametrize("transport", ["dir", "oci"])
def test_a_version_goes_out_and_comes_back_the_same(registry, server_url, name, pushed, tmp_path, transport):
    folder = f"{transport}:{tmp_path / 'copy'}" + (":kept" if transport == "oci" else "")
    skopeo("copy", "--src-tls-verify=false", remote(server_url, name, "1"), folder)
    skopeo("copy", "--dest-tls-verify=false", folder, remote(server_url, f"{name}-back", "imported"))
    assert registry.get_manifest(f"{name}-back", "imported").content == pushed
    assert registry.get_manifest(f"{name}-back", "1").content == pushed


def test_a_version_is_copied_between_repositories(registry, server_url, name, pushed):
    skopeo(
        "copy", "--src-tls-verify=false", "--dest-tls-verify=false", remote(server_url, name, "1"),
        remote(server_url, f"{name}-copy", "copied"))
    assert registry.get_manifest(f"{name}-copy", "copied").content == pushed


def test_tags_are_listed(server_url, name, pushed):
    repository = remote(server_url, name, "").removesuffix(":")
    assert "1" in json.loads(skopeo("list-tags", "--tls-verify=false", repository))["Tags"]


def test_the_raw_manifest_is_the_stored_one(server_url, name, pushed):
    raw = skopeo("inspect", "--raw", "--tls-verify=false", remote(server_url, name, "1"))
    assert digest_of(raw) == digest_of(pushed)


def test_a_bundle_is_an_oci_archive(assay, registry, server_url, name, pushed, tmp_path):
    bundle = tmp_path / "model.tar"
    assay.ok("bundle", "export", f"{name}:1", "-o", bundle)
    target = remote(server_url, f"{name}-archive", "imported")
    skopeo("copy", "--dest-tls-verify=false", f"oci-archive:{bundle}:1", target)
    assert registry.get_manifest(f"{name}-archive", "imported").content == pushed
