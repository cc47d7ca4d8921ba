"""What others attach to a version keeps nobody from exporting, verifying and importing it, or reading its evidence."""

import json
import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from distribution import encoded
from evidence import ENVELOPE, IN_TOTO, INTEGRITY, REVIEW, SIGNATURE, digest, key_id, sealed, statement
from harness import FIXTURES, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, descriptor, digest_of, public
from mutations import signed_note
from test_gate_manifests import Gate

LOG_PROOF = "application/vnd.assay.tlog-proof.v1"
BILL = "application/vnd.cyclonedx+json"
FOREIGN = "application/vnd.acme.foreign.x"
UNKNOWN = "application/vnd.acme"
CROWD = 1_005


class Target(Gate):
    """A promoted version that others attach things to."""

    def __init__(self, assay, server):
        super().__init__(assay, server)
        self.assay.ok("key", "export", "-o", "root.json")
        self.registry.push_blob("digits", b"{}")
        self.subject = descriptor(self.bytes_of(1), OCI_MANIFEST)

    def attach(self, layers, artifact_type, **members):
        """Attaches what holds these layers: their bytes, or descriptors of what was never pushed."""
        described = [layer if isinstance(layer, dict) else descriptor(layer, artifact_type) for layer in layers]
        for layer in layers:
            if not isinstance(layer, dict):
                self.registry.push_blob("digits", layer)
        return self.put({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": artifact_type,
            "config": descriptor(b"{}", OCI_EMPTY), "layers": described, "subject": self.subject} | members)

    def put(self, manifest):
        body = encoded(manifest)
        answer = self.registry.put_manifest("digits", digest_of(body), body, manifest["mediaType"])
        assert answer.status_code == 201, answer.text
        return digest_of(body)

    def documents(self, artifact_type, reference="1", repository="digits"):
        """The documents of one type that are attached to a version."""
        subject = digest_of(self.registry.get_manifest(repository, reference).content)
        listed = self.registry.get(f"/v2/{repository}/referrers/{subject}").json()["manifests"]
        found = [self.registry.get_manifest(repository, item["digest"]).json()["layers"][0]["digest"]
                 for item in listed if item["artifactType"] == artifact_type]
        return [self.registry.get(f"/v2/{repository}/blobs/{layer}").content for layer in found]

    def check_travels(self, tmp_path):
        """Exported, verified with its promotion, and taken in by an empty store. Gives what the export told."""
        told = self.assay.ok("bundle", "export", "digits:production", "-o", "model.tar", "--force").err
        proof = self.assay.ok(
            "bundle", "verify", "model.tar", "--trust", "root.json", "--promoted", "production", "--json").json
        assert proof["proof"]["has_bill"] and proof["proof"]["promotions"]
        self.assay.ok("init", tmp_path / "empty")
        self.assay.ok("--store", tmp_path / "empty", "bundle", "import", "model.tar", "--trust", "root.json")
        shutil.rmtree(tmp_path / "empty")
        return told


@pytest.fixture
def target(assay, server):
    return Target(assay, server)


def absent():
    return descriptor(b"never pushed", FOREIGN)


def envelope(**members):
    return json.dumps({"payload": "e30=", "payloadType": IN_TOTO, "signatures": [{"keyid": "", "sig": "AAAA"}]}
                      | members).encode()


def proof_of_another_version(target):
    target.assay.ok("push", "others", FIXTURES / "digits-2.onnx", "--key", target.key)
    target.assay.ok("bundle", "export", "others:1", "-o", "others.tar")
    return target.attach([target.documents(LOG_PROOF, repository="others")[0]], LOG_PROOF)


def changed_proof(old, new):
    def attach(target):
        document = target.documents(LOG_PROOF)[0]
        assert old in document
        return target.attach([document.replace(old, new)], LOG_PROOF)
    return attach


def proof_by_a_log_of_ones_own(target):
    """All of it true, but that the registry's log says it."""
    head, _, note = target.documents(LOG_PROOF)[0].partition(b"\n\n")
    _, size, root = note.decode().split("\n")[:3]
    log = Ed25519PrivateKey.generate()
    return target.attach([head + b"\n\n" + signed_note(log, int(size), root)], LOG_PROOF)


def index_of(children, artifact_type=UNKNOWN):
    return lambda target: target.put({
        "schemaVersion": 2, "mediaType": OCI_INDEX, "artifactType": artifact_type,
        "manifests": [target.subject] if children else [], "subject": target.subject})


def other_sizes(target):
    weights = target.manifest["layers"][0]
    return target.attach([{"mediaType": FOREIGN, "digest": weights["digest"], "size": 7}], ENVELOPE)


# Each may be attached by whoever may push; True where the export has to tell that it stays behind.
DENIALS = {
    "garbage for a proof": (lambda it: it.attach([b"garbage"], LOG_PROOF), True),
    "a true proof of another version": (proof_of_another_version, True),
    "a proof with another index": (changed_proof(b"\nindex ", b"\nindex 1"), True),
    "a proof by a log of one's own": (proof_by_a_log_of_ones_own, True),
    "a proof that carries nothing": (lambda it: it.attach([], LOG_PROOF), True),
    "an envelope that carries nothing": (lambda it: it.attach([], ENVELOPE), True),
    "a signature that carries nothing": (lambda it: it.attach([], SIGNATURE), True),
    "an empty index as an envelope": (index_of(False, ENVELOPE), True),
    "an empty index": (index_of(False), False),
    "an index with a child": (index_of(True), True),
    "an absent envelope": (lambda it: it.attach([absent()], ENVELOPE), True),
    "an absent signature": (lambda it: it.attach([absent()], SIGNATURE), True),
    "an absent proof": (lambda it: it.attach([absent()], LOG_PROOF), True),
    "something absent": (lambda it: it.attach([absent()], UNKNOWN), False),
    "an envelope that is there and does not travel": (
        lambda it: (it.registry.push_blob("digits", envelope()),
                    it.attach([descriptor(envelope(), FOREIGN)], ENVELOPE)), True),
    "an envelope of another size": (other_sizes, True),
    "a garbage envelope": (lambda it: it.attach([b"\xff\xfe"], ENVELOPE), True),
    "a garbage signature": (lambda it: it.attach([b"garbage"], SIGNATURE), True),
    "an envelope that claims a known key": (
        lambda it: it.attach([envelope(signatures=[{"keyid": key_id(public(it.key)), "sig": "AAAA"}])], ENVELOPE), True),
    "an envelope of two layers": (lambda it: it.attach([envelope(), absent()], ENVELOPE), False),
    "a bill of nobody": (lambda it: it.attach([b"fake"], BILL), False),
    "a bill that carries nothing": (lambda it: it.attach([], BILL), False),
    "a type that fills the index": (lambda it: it.attach([b"x"], "application/vnd." + "a" * 1_500_000), True),
}


@pytest.mark.parametrize("denial", DENIALS)
def test_what_others_attach_keeps_no_bundle_from_travelling(target, tmp_path, denial):
    attach, is_told = DENIALS[denial]
    attach(target)
    told = target.check_travels(tmp_path)
    assert ("stays behind" in told) == is_told, told


def test_more_than_a_bundle_holds_leaves_what_proves_something_in_it(target, tmp_path):
    """Copies of the true evidence in larger wrappings come after it too."""
    for number in range(9):
        target.attach([b"x"], UNKNOWN, pad=f"{number}" + "a" * 3_900_000)
    for number, document in enumerate(target.documents(ENVELOPE) + target.documents(SIGNATURE)):
        kind = SIGNATURE if b"verificationMaterial" in document else ENVELOPE
        target.attach([document], kind, pad=f"{number}" + "a" * 3_900_000)
    assert "the bundle is full" in target.check_travels(tmp_path)


@pytest.mark.parametrize("artifact_type", [UNKNOWN, LOG_PROOF, ENVELOPE])
def test_a_crowd_of_referrers_leaves_what_proves_something_in_the_bundle(target, tmp_path, artifact_type):
    signed = json.dumps(sealed(target.assay.key("nobody"), statement(digest(target.assay, "digits:1"), REVIEW, {})))
    target.registry.push_blob("digits", signed.encode())
    for number in range(CROWD):
        target.attach([descriptor(signed.encode(), artifact_type)], artifact_type, annotations={"n": str(number)})
    assert "more stay behind" in target.check_travels(tmp_path) or artifact_type != LOG_PROOF


# Reading what is attached


def test_an_envelope_over_the_limit_is_named_and_stops_nothing(target):
    large = target.attach([b"{" + b" " * (17 << 20) + b"}"], ENVELOPE)
    items = target.assay.ok("attestations", "digits:1", "--json").json["items"]
    assert "invalid" in [item["status"] for item in items if item["manifest_digest"] == large]
    assert target.assay.run("attestations", "digits:1", "--verify", "--trust", "root.json").code == INTEGRITY
    target.assay.ok("report", "digits:1")
    target.assay.ok("sign", "digits:1", "--key", target.key)
    target.assay.ok("pull", "digits:1", "out", "--trust", "root.json")
