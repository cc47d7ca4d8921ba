"""What anybody may push keeps no bill, no proof, no number and no type from those who come later."""

import base64
import json

import pytest
from distribution import DOCKER_LIST, DOCKER_MANIFEST, assert_error, encoded
from evidence import ENVELOPE, IN_TOTO, PREDICATE_TYPE_ANNOTATION, attached, digest, sealed, statement
from harness import FIXTURES, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, Assay, Registry, descriptor, digest_of, public

CYCLONE_DX = "application/vnd.cyclonedx+json"
LOG_PROOF = "application/vnd.assay.tlog-proof.v1"
BILL = "https://cyclonedx.org/bom"


@pytest.fixture
def gate(binary, server, tmp_path):
    """A signed version `digits:1` at a server of its own that trusts the key."""
    assay = Assay(binary, tmp_path, server.url)
    key = assay.key()
    assay.ok("key", "trust", public(key))
    assay.ok("push", "digits", FIXTURES / "digits-1.onnx", "--key", key)
    assay.ok("key", "export", "-o", "root.json")
    assay.registry = Registry(server.url)
    return assay


def attach(gate, document, artifact_type, annotations=None):
    """Hangs a document on the version in the form in which the registry does."""
    subject = descriptor(gate.registry.get_manifest("digits", "1").content, OCI_MANIFEST)
    for blob in (b"{}", document):
        gate.registry.push_blob("digits", blob)
    manifest = {
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": artifact_type,
        "config": descriptor(b"{}", OCI_EMPTY), "layers": [descriptor(document, artifact_type)], "subject": subject}
    if annotations:
        manifest["annotations"] = annotations
    body = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    answer = gate.registry.put_manifest("digits", digest_of(body), body)
    assert answer.status_code == 201, answer.text


def seal(gate):
    answer = gate.registry.request("POST", "/api/v1/seals", json={"reference": "digits:1"})
    assert answer.status_code == 200, answer.text
    return answer.json()["made"]


@pytest.mark.parametrize("is_signed", [False, True])
def test_a_false_bill_keeps_no_policy_from_passing(gate, is_signed):
    bill = {"bomFormat": "CycloneDX", "fake": True}
    said = statement(digest(gate, "digits:1"), BILL, bill)
    envelope = {
        "payload": base64.b64encode(encoded(said)).decode(), "payloadType": IN_TOTO,
        "signatures": [{"keyid": "", "sig": "AAAA"}]}
    if is_signed:
        envelope = sealed(gate.key("stranger"), said)
    attach(gate, encoded(bill), CYCLONE_DX)
    attach(gate, encoded(envelope), ENVELOPE, {PREDICATE_TYPE_ANNOTATION: BILL})
    (gate.home / "policy.json").write_text('{"version": 1, "attestations": [{"type": "bom"}]}')
    gate.ok("policy", "set", "digits", "production", "policy.json")
    assert seal(gate) == 3
    assert seal(gate) == 0
    gate.ok("promote", "digits:1", "production")


def test_annotations_keep_no_proof_from_being_made(gate):
    origin, size = gate.registry.get("/log/checkpoint").text.split("\n")[:2]
    for index in range(int(size) + 20):
        attach(gate, b"x", LOG_PROOF, {
            "dev.assay.log.origin": origin, "dev.assay.log.index": str(index), "dev.assay.log.kind": "version",
            "dev.assay.log.subject": "digits:1"})
    assert seal(gate) == 3
    assert seal(gate) == 0
    true = [proof for proof in attached(gate.registry, "digits", digest(gate, "digits:1"), LOG_PROOF) if proof != b"x"]
    assert len(true) == 1


@pytest.mark.parametrize("number", ["999999999999999", "999999999999998", "100000000000000"])
def test_no_push_uses_up_the_numbers(gate, number):
    body = gate.registry.get_manifest("digits", "1").json() | {"annotations": {"x": number}}
    assert_error(gate.registry.put_manifest("digits", number, body), 400, "MANIFEST_INVALID", "tag-invalid")
    gate.ok("push", "digits", FIXTURES / "digits-3.onnx")
    assert gate.ok("show", "digits:2", "--json").json["version"]["number"] == 2


@pytest.mark.parametrize("content, true, other", [
    ({"layers": []}, OCI_MANIFEST, DOCKER_MANIFEST), ({"manifests": []}, OCI_INDEX, DOCKER_LIST),
    ({}, OCI_MANIFEST, OCI_INDEX)])
def test_the_first_push_does_not_decide_the_type(gate, content, true, other):
    body = {"schemaVersion": 2, "annotations": {"x": "y"}} | content
    assert_error(gate.registry.put_manifest("typed", "1", body, other), 400, "MANIFEST_INVALID", "manifest-invalid")
    assert gate.registry.put_manifest("typed", "1", body, true).status_code == 201
    assert gate.registry.get_manifest("typed", "1").headers["Content-Type"] == true
    assert_error(gate.registry.put_manifest("typed", "1", body, other), 400, "MANIFEST_INVALID", "manifest-invalid")
