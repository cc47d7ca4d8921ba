"""One registry, many doors: what comes in by one tool is verified, promoted, pulled and deleted by the others."""

import subprocess
import sys

import oras.client
import pytest
from distribution import assert_error, push_empty, put, put_by_digest, referring_digests, tags_of
from harness import FIXTURES, OCI_MANIFEST, descriptor, digest_of, image_manifest, public

TOOL_SECONDS = 60
MODEL = "digits-1.onnx"
SIGNATURE = "application/vnd.dev.sigstore.bundle.v0.3+json"
POLICY = """\
version: 1
dataset: {}
metrics:
  accuracy:
    min: 0.9
"""


def contents(path):
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}


@pytest.fixture
def client(server_url):
    return oras.client.OrasClient(hostname=server_url.removeprefix("http://"), insecure=True)


@pytest.fixture
def target(server_url, name):
    return f"{server_url.removeprefix('http://')}/{name}"


@pytest.fixture
def dataset(assay, name):
    """A data set to measure on."""
    assay.ok("push", f"{name}-data", FIXTURES / "test.npz", "--kind", "dataset")
    return f"{name}-data:1"


@pytest.fixture
def pushed_by_oras(client, target, tmp_path, monkeypatch):
    """The bytes of a model that oras pushed under the tag `candidate`, with a note beside it."""
    source = tmp_path / "source"
    source.mkdir()
    (source / MODEL).write_bytes((FIXTURES / MODEL).read_bytes())
    (source / "README.md").write_text("# A model\n")
    monkeypatch.chdir(source)
    client.push(f"{target}:candidate", files=[MODEL, "README.md"], quiet=True)
    return contents(source)


# From oras


def test_what_oras_pushed_is_pulled(assay, name, pushed_by_oras, tmp_path):
    for reference in ("1", "candidate"):
        assay.ok("pull", f"{name}:{reference}", tmp_path / reference)
        assert contents(tmp_path / reference) == pushed_by_oras


def test_what_oras_pushed_is_measured(assay, registry, name, dataset, pushed_by_oras):
    report = assay.ok("verify", f"{name}:candidate", "--dataset", dataset, "--json")
    assert '"accuracy"' in report.out
    digest = registry.get_manifest(name, "1", "HEAD").headers["Docker-Content-Digest"]
    assert referring_digests(registry, name, digest), "the report is no referrer of the version"


def sign_and_attach(assay, registry, name, folder):
    """The signature of the model_signing tool, put beside a version as a referrer; its key is trusted."""
    key = assay.key()
    subprocess.run(
        [sys.executable, "-m", "model_signing", "sign", "key", folder, "--signature", assay.home / "model.sig",
         "--private_key", key],
        check=True, capture_output=True, timeout=TOOL_SECONDS)
    assay.ok("key", "trust", public(key))
    layer = registry.push_blob(name, (assay.home / "model.sig").read_bytes()) | {"mediaType": SIGNATURE}
    subject = descriptor(registry.get_manifest(name, "1").content, OCI_MANIFEST)
    push_empty(registry, name)
    put_by_digest(registry, name, image_manifest([layer], subject=subject, artifactType=SIGNATURE))


def test_what_oras_pushed_is_promoted(assay, registry, client, target, name, dataset, pushed_by_oras, tmp_path):
    """Signed by another tool again, which signs files alone; and oras then pulls it under the protected alias."""
    sign_and_attach(assay, registry, name, tmp_path / "source")
    (assay.home / "policy.yaml").write_text(POLICY.format(dataset))
    assay.ok("policy", "set", name, "production", "policy.yaml")
    refused = assay.run("promote", f"{name}:candidate", "production")
    assert refused.code == 7 and "assay sign" in refused.err, refused
    assay.ok("sign", f"{name}:candidate", "--key", assay.home / "release.pem")
    assay.ok("promote", f"{name}:candidate", "production")
    digests = {
        registry.get_manifest(name, tag, "HEAD").headers["Docker-Content-Digest"] for tag in ("1", "production")}
    assert len(digests) == 1
    client.pull(f"{target}:production", outdir=str(tmp_path / "out"))
    assert contents(tmp_path / "out") == pushed_by_oras


def test_oras_cannot_push_past_a_policy(assay, client, registry, target, name, dataset, pushed_by_oras):
    (assay.home / "policy.yaml").write_text(POLICY.format(dataset))
    assay.ok("policy", "set", name, "production", "policy.yaml")
    with pytest.raises(ValueError, match="Conflict"):
        client.push(f"{target}:production", files=["README.md"], quiet=True)
    assert registry.get_manifest(name, "production").status_code == 404
    assert tags_of(registry, name) == ["1", "candidate"]


def test_a_bundle_of_what_oras_pushed_is_whole(assay, name, pushed_by_oras):
    assay.ok("bundle", "export", f"{name}:candidate", "-o", "model.tar")
    assay.ok("bundle", "verify", "model.tar")


# From the command line


@pytest.fixture
def pushed_by_assay(assay, name, tmp_path):
    """The files of a version that the command line pushed, one of them in a folder."""
    source = tmp_path / "source"
    (source / "notes").mkdir(parents=True)
    (source / MODEL).write_bytes((FIXTURES / MODEL).read_bytes())
    (source / "notes" / "README.md").write_text("# A model\n")
    assay.ok("push", name, source, "--key", assay.key())
    return contents(source)


def test_what_assay_pushed_is_pulled_by_oras(client, target, pushed_by_assay, tmp_path):
    client.pull(f"{target}:1", outdir=str(tmp_path / "out"))
    assert contents(tmp_path / "out") == pushed_by_assay


def test_what_assay_pushed_is_pulled_by_skopeo(registry, target, name, pushed_by_assay, tmp_path):
    folder = tmp_path / "out"
    subprocess.run(
        ["skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", f"docker://{target}:1", f"dir:{folder}"],
        check=True, capture_output=True, timeout=TOOL_SECONDS)
    assert (folder / "manifest.json").read_bytes() == registry.get_manifest(name, "1").content
    for data in pushed_by_assay.values():
        assert (folder / digest_of(data).removeprefix("sha256:")).read_bytes() == data


def test_a_copy_by_a_foreign_tool_keeps_its_signature(assay, registry, name, pushed_by_assay, tmp_path):
    """The manifest and its referrers put into another repository are a version that a key is trusted for."""
    manifest = registry.get_manifest(name, "1").json()
    other = f"{name}-copy"
    digest = registry.get_manifest(name, "1", "HEAD").headers["Docker-Content-Digest"]
    for reference in [*referring_digests(registry, name, digest), "1"]:
        body = registry.get_manifest(name, reference)
        for described in [body.json()["config"], *body.json()["layers"]]:
            mount = f"mount={described['digest']}&from={name}"
            assert registry.request("POST", f"/v2/{other}/blobs/uploads/?{mount}").status_code == 201
        put(registry, other, reference, body.content, body.headers["Content-Type"])
    assert registry.get_manifest(other, "1").json() == manifest
    assay.ok("pull", f"{other}:1", tmp_path / "out", "--trust", public(assay.home / "release.pem"))
    pulled = contents(tmp_path / "out")
    assert {path: pulled.get(path) for path in pushed_by_assay} == pushed_by_assay


# Deletes


def test_what_the_command_line_deletes_is_gone_for_all(assay, registry, client, target, name, pushed_by_oras):
    digest = registry.get_manifest(name, "1", "HEAD").headers["Docker-Content-Digest"]
    refused = assay.run("delete", f"{name}:candidate")
    assert refused.code != 0 and "assay alias remove" in refused.err, "an alias is not what to delete"
    assay.ok("delete", f"{name}:1")
    for reference in ("1", "candidate", digest):
        assert_error(registry.get_manifest(name, reference), 404, "MANIFEST_UNKNOWN")
    assert client.get_tags(f"{target}:1") == []
    assert assay.run("show", f"{name}:1").code == 3


@pytest.mark.parametrize("by_digest", [False, True])
def test_what_the_native_api_deletes_is_gone_for_all(registry, name, pushed_by_oras, by_digest):
    digest = registry.get_manifest(name, "1", "HEAD").headers["Docker-Content-Digest"]
    path = f"/api/v1/versions/{name}" + (f"@{digest}" if by_digest else ":1")
    assert registry.delete(path).status_code == 204
    assert registry.get(path).status_code == 404
    assert_error(registry.get_manifest(name, digest), 404, "MANIFEST_UNKNOWN")


def test_what_oci_deletes_is_gone_for_all(assay, registry, name, pushed_by_oras):
    digest = registry.get_manifest(name, "1", "HEAD").headers["Docker-Content-Digest"]
    assert registry.delete(f"/v2/{name}/manifests/{digest}").status_code == 202
    assert assay.run("show", f"{name}:1").code == 3
    assert assay.run("pull", f"{name}:candidate", "out").code == 3
    assert registry.get(f"/api/v1/versions/{name}:1").status_code == 404


def test_what_is_in_use_is_kept_by_every_door(assay, registry, name, dataset, pushed_by_oras):
    """The refusal has the same code everywhere; exit status 5 is a conflict."""
    assay.ok("alias", "set", name, "production", "1")
    (assay.home / "policy.yaml").write_text(POLICY.format(dataset))
    assay.ok("policy", "set", name, "production", "policy.yaml")
    outcome = assay.run("delete", f"{name}:1", "--json")
    assert (outcome.code, outcome.json["code"]) == (5, "in-use"), outcome
    native = registry.delete(f"/api/v1/versions/{name}:1")
    assert (native.status_code, native.json()["code"]) == (409, "in-use")
    digest = registry.get_manifest(name, "1", "HEAD").headers["Docker-Content-Digest"]
    assert_error(registry.delete(f"/v2/{name}/manifests/{digest}"), 409, "DENIED", "in-use")
    assert registry.get_manifest(name, "production").status_code == 200
