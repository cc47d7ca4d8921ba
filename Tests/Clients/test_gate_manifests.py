"""The gate between a manifest and its files: nobody without a release key gets anything else promoted or pulled."""

import contextlib
import hashlib
import json
import sqlite3

import pytest
from distribution import encoded
from evidence import key_id
from harness import (
    FILE_PATH_ANNOTATION, FIXTURES, MODEL_CONFIG, MODEL_MANIFEST, MODEL_WEIGHT, OCI_EMPTY, OCI_MANIFEST, Registry,
    descriptor, digest_of, public)
from manifest_corpus import TITLE

INTEGRITY, REFUSED = 6, 7
SIGSTORE = "application/vnd.dev.sigstore.bundle.v0.3+json"
ENTRYPOINT = b'{"architecture":"amd64","os":"linux","config":{"Entrypoint":["/evil"]}}'
WEIGHTS = (FIXTURES / "digits-1.onnx").read_bytes()


class Gate:
    """A repository whose alias production demands a signature, with one signed version in it."""

    def __init__(self, assay, server):
        self.assay, self.server, self.registry = assay.at(server.url), server, Registry(server.url)
        self.key = assay.key()
        self.assay.ok("key", "trust", public(self.key), "--role", "release")
        (self.assay.home / "policy.yaml").write_text("version: 1\n")
        self.assay.ok("push", "digits", FIXTURES / "digits-1.onnx", "--key", self.key)
        self.assay.ok("policy", "set", "digits", "production", "policy.yaml")
        self.assay.ok("promote", "digits:1", "production")
        self.manifest = self.registry.get_manifest("digits", "1").json()

    def signature(self):
        """The bundle over the files of the signed version, which anybody can read."""
        listed = self.registry.get(f"/v2/digits/referrers/{digest_of(self.bytes_of(1))}").json()["manifests"]
        referrer = next(item for item in listed if item["artifactType"] == SIGSTORE)
        layer = self.registry.get_manifest("digits", referrer["digest"]).json()["layers"][0]
        return self.registry.get(f"/v2/digits/blobs/{layer['digest']}").content

    def bytes_of(self, number):
        return self.registry.get_manifest("digits", str(number)).content

    def push(self, body):
        """Pushes a manifest as an attacker does: with the signature of the files hung on it. Gives its number."""
        body = body if isinstance(body, bytes) else encoded(body)
        answer = self.registry.put_manifest("digits", "evil", body)
        assert answer.status_code == 201, answer.text
        bundle = self.signature()
        self.registry.push_blob("digits", bundle)
        self.registry.push_blob("digits", b"{}")
        referrer = {
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": SIGSTORE,
            "config": descriptor(b"{}", OCI_EMPTY), "layers": [descriptor(bundle, SIGSTORE)],
            "subject": descriptor(body, OCI_MANIFEST)}
        pushed = encoded(referrer)
        assert self.registry.put_manifest("digits", digest_of(pushed), pushed).status_code == 201
        return int(answer.headers["Assay-Version"])

    def check_refused(self, number, code):
        """Neither promoted nor pulled with a trust root."""
        promoted = self.assay.run("promote", f"digits:{number}", "production", "--json")
        assert promoted.code in (INTEGRITY, REFUSED), promoted
        assert self.assay.ok("show", "digits:production", "--json").json["version"]["number"] == 1
        pulled = self.assay.run(
            "pull", f"digits:{number}", f"out-{number}", "--trust", public(self.key), "--json")
        assert pulled.code == INTEGRITY and pulled.json["code"] == code, pulled
        assert not (self.assay.home / f"out-{number}").exists()
        return promoted


@pytest.fixture
def gate(assay, server):
    return Gate(assay, server)


def test_a_version_of_this_program_is_bound_by_its_form(gate):
    pulled = gate.assay.ok("pull", "digits:production", "out", "--trust", public(gate.key), "--json").json
    assert pulled["binding"] == {"state": "plain", "form": 2}
    assert (gate.assay.home / "out" / "digits-1.onnx").read_bytes() == WEIGHTS


def test_a_config_of_somebody_else_is_not_promoted(gate):
    gate.registry.push_blob("digits", ENTRYPOINT)
    config = descriptor(ENTRYPOINT, "application/vnd.oci.image.config.v1+json")
    number = gate.push(gate.manifest | {"config": config})
    refusal = gate.check_refused(number, "manifest-unbound")
    assert "assay sign" in refusal.out + refusal.err
    gate.assay.ok("sign", f"digits:{number}", "--key", gate.key)
    gate.assay.ok("promote", f"digits:{number}", "production")
    pulled = gate.assay.ok("pull", f"digits:{number}", "later", "--trust", public(gate.key), "--json").json
    assert pulled["binding"]["state"] == "signed"


@pytest.mark.parametrize("change", [
    {"artifactType": "application/vnd.oci.image.manifest.v1+json"}, {"artifactType": "application/vnd.acme"},
    {"annotations": {"org.opencontainers.image.title": "x"}}, {"unknown": 1}, {"extra": {"Layers": []}},
])
def test_a_member_more_or_another_type_is_not_promoted(gate, change):
    gate.check_refused(gate.push(gate.manifest | change), "manifest-unbound")


@pytest.mark.parametrize("fields", [
    {"mediaType": "application/vnd.cncf.model.weight.v1.tar"}, {"urls": ["http://127.0.0.1:1/x"]},
    {"annotations": {FILE_PATH_ANNOTATION: "digits-1.onnx", TITLE: "other.onnx"}},
    {"annotations": {TITLE: "digits-1.onnx", "io.deis.oras.content.unpack": "true"}},
])
def test_a_layer_that_clients_take_in_another_way_is_not_promoted(gate, fields):
    layers = [gate.manifest["layers"][0] | fields]
    refusal = gate.check_refused(gate.push(gate.manifest | {"layers": layers}), "manifest-ambiguous")
    assert refusal.json["code"] == "manifest-ambiguous"
    signed = gate.assay.run("sign", "digits:evil", "--key", gate.key, "--json")
    assert (signed.code, signed.json["code"]) == (INTEGRITY, "manifest-ambiguous")


@pytest.mark.parametrize("media_type", [
    "application/vnd.oci.image.layer.nondistributable.v1.tar", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.acme.nondistributable.weights", "application/vnd.acme.foreign.weights",
])
def test_a_layer_of_any_type_is_a_file(gate, media_type):
    evil = b"evil weights"
    gate.registry.push_blob("digits", evil)
    extra = descriptor(evil, media_type, annotations={TITLE: "model.onnx"})
    number = gate.push(gate.manifest | {"layers": [*gate.manifest["layers"], extra]})
    files = gate.assay.ok("show", f"digits:{number}", "--json").json["files"]
    assert "model.onnx" in [file["path"] for file in files]
    refusal = gate.assay.run("promote", f"digits:{number}", "production", "--json")
    assert refusal.code in (INTEGRITY, REFUSED)
    assert gate.assay.run("pull", f"digits:{number}", "out", "--trust", public(gate.key)).code == INTEGRITY


def test_bytes_that_are_not_here_are_not_signed(gate):
    absent = descriptor(b"never pushed", "application/vnd.acme.foreign.weights", annotations={TITLE: "w.bin"})
    gate.push(gate.manifest | {"layers": [*gate.manifest["layers"], absent]})
    signed = gate.assay.run("sign", "digits:evil", "--key", gate.key, "--json")
    assert (signed.code, signed.json["code"]) == (INTEGRITY, "manifest-ambiguous")


@pytest.mark.parametrize("media_type", [
    f"application/vnd.cncf.model.weight.v1.tar{suffix}" for suffix in ("", "+gzip", "+zstd")])
def test_an_archive_is_never_written_as_the_file_that_it_holds(gate, media_type):
    layer = gate.manifest["layers"][0] | {"mediaType": media_type}
    number = gate.push(gate.manifest | {"layers": [layer]})
    pulled = gate.assay.run("pull", f"digits:{number}", "out")
    assert pulled.code == INTEGRITY and "digits-1.onnx" in pulled.err and "packed" in pulled.err
    assert not (gate.assay.home / "out").exists()


def test_claims_in_the_config_decide_nothing(gate):
    config = json.loads(gate.registry.get(f"/v2/digits/blobs/{gate.manifest['config']['digest']}").content)
    config["config"]["precision"] = "int8"
    data = json.dumps(config, sort_keys=True, separators=(",", ":")).encode()
    gate.registry.push_blob("digits", data)
    manifest = gate.manifest | {"config": descriptor(data, MODEL_CONFIG)}
    body = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    number = gate.push(body)
    gate.assay.ok("promote", f"digits:{number}", "production")


def test_what_was_pushed_in_the_older_form_is_that_version_and_stays_valid(gate, tmp_path):
    weights = b"older weights"
    (gate.assay.home / "older.bin").write_bytes(weights)
    gate.registry.push_blob("old", weights)
    digest = digest_of(weights)
    config = (
        '{"config":{},"descriptor":{"name":"old"},"modelfs":{"diffIds":["' + digest + '"],"type":"layers"}}').encode()
    gate.registry.push_blob("old", config)
    layer = descriptor(weights, MODEL_WEIGHT, annotations={FILE_PATH_ANNOTATION: "older.bin", TITLE: "older.bin"})
    body = json.dumps(
        {"artifactType": MODEL_MANIFEST, "config": descriptor(config, MODEL_CONFIG), "layers": [layer],
         "mediaType": OCI_MANIFEST, "schemaVersion": 2}, sort_keys=True, separators=(",", ":")).encode()
    assert gate.registry.put_manifest("old", "1", body).status_code == 201
    pushed = gate.assay.ok("push", "old", "older.bin", "--key", gate.key, "--json").json
    assert (pushed["version"]["number"], pushed["version"]["manifest_digest"]) == (1, digest_of(body))
    gate.assay.ok("policy", "set", "old", "production", "policy.yaml")
    gate.assay.ok("promote", "old:1", "production")
    pulled = gate.assay.ok("pull", "old:production", "older", "--trust", public(gate.key), "--json").json
    assert pulled["binding"] == {"state": "plain", "form": 1}


def test_the_same_files_are_one_content_in_every_repository(gate):
    one = gate.assay.ok("push", "here", FIXTURES / "digits-1.onnx", "--json").json["version"]["manifest_digest"]
    assert gate.assay.ok("push", "there", FIXTURES / "digits-1.onnx", "--json").json["version"]["manifest_digest"] == one


def test_a_bundle_holds_the_same_rule(gate):
    gate.assay.ok("bundle", "export", "digits:1", "-o", "good.tar")
    verified = gate.assay.ok("bundle", "verify", "good.tar", "--trust", public(gate.key), "--json").json
    assert verified["proof"]["binding"] == {"state": "plain", "form": 2}
    number = gate.push(gate.manifest | {"artifactType": "application/vnd.acme"})
    gate.assay.ok("bundle", "export", f"digits:{number}", "-o", "evil.tar")
    for command in (("verify", "evil.tar"), ("import", "evil.tar", "--as", "elsewhere")):
        refused = gate.assay.run("bundle", *command, "--trust", public(gate.key), "--json")
        assert (refused.code, refused.json["code"]) == (INTEGRITY, "manifest-unbound")
    gate.assay.ok("sign", f"digits:{number}", "--key", gate.key)
    gate.assay.ok("bundle", "export", f"digits:{number}", "-o", "signed.tar")
    gate.assay.ok("bundle", "import", "signed.tar", "--as", "elsewhere", "--trust", public(gate.key))


def test_a_push_and_a_signature_come_with_both_statements(gate):
    def types(reference):
        return [item["predicate_type"] for item in gate.assay.ok("attestations", reference, "--json").json["items"]]

    binding = "https://assay.dev/attestation/binding/v1"
    assert types("digits:1").count(binding) == 1
    gate.assay.ok("push", "digits", FIXTURES / "digits-1.onnx", "--key", gate.key)
    gate.assay.ok("sign", "digits:1", "--key", gate.key)
    assert types("digits:1").count(binding) == 1
    assert hashlib.sha256(WEIGHTS).hexdigest()


def test_a_holder_of_before_that_nothing_binds_is_told_and_stands_as_not_promoted(gate):
    """It got there when nobody asked: its row says so, and its signer has been revoked since."""
    number = gate.push(gate.manifest | {"artifactType": "application/vnd.acme"})
    gate.assay.ok("sign", f"digits:{number}", "--key", gate.key)
    gate.assay.ok("promote", f"digits:{number}", "production")
    assert gate.assay.ok("audit", "verify", "--json").json["unbound"] == []
    gate.assay.ok("key", "revoke", key_id(public(gate.key)))
    restart_with(gate, "INSERT INTO unbound_promotions SELECT max(sequence), NULL FROM alias_moves")
    audited = gate.assay.ok("audit", "verify", "--json").json
    assert [(item["alias"], item["version"]) for item in audited["unbound"]] == [("digits:production", number)]
    assert "digits:production" in gate.assay.ok("audit", "verify").err
    assert "not promoted" in gate.assay.ok("alias", "list", "digits").out
    assert gate.assay.run("promote", f"digits:{number}", "production").code == REFUSED


def test_a_holder_of_before_that_its_form_binds_stays_promoted(gate):
    restart_with(gate, "INSERT INTO unbound_promotions SELECT max(sequence), NULL FROM alias_moves")
    assert "not promoted" not in gate.assay.ok("alias", "list", "digits").out
    assert gate.assay.ok("audit", "verify", "--json").json["unbound"] == []


def restart_with(gate, statement):
    """Changes the index while the server is down."""
    assert gate.server.stop() == 0
    with contextlib.closing(sqlite3.connect(gate.server.store / "index.sqlite")) as index:
        index.execute(statement)
        index.commit()
    gate.server.start()
