"""Signed evidence as others make and judge it: keys, DSSE envelopes and in-toto statements, by their own libraries."""

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from harness import OCI_MANIFEST
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey

DONE, USAGE, NOT_FOUND, CONFLICT, INTEGRITY, REFUSED = 0, 2, 3, 5, 6, 7
IN_TOTO = "application/vnd.in-toto+json"
ENVELOPE = "application/vnd.dsse.envelope.v1+json"
SIGNATURE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PREDICATE_TYPE_ANNOTATION = "in-toto.io/predicate-type"
STATEMENT = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
REPORT = "https://assay.dev/attestation/verification-report/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
VERDICT = "https://slsa.dev/verification_summary/v1"
MODEL_SIGNATURE = "https://model_signing/signature/v1.0"
REVIEW = "https://example.org/review/v1"
TOOL_SECONDS = 60


# Keys


def key_id(pem):
    """The id of a public key: of its PEM text, as OpenSSF Model Signing names keys."""
    return hashlib.sha256(pem if isinstance(pem, bytes) else Path(pem).read_bytes()).hexdigest()


def foreign_public(pem, keyid=None):
    """A public key of securesystemslib."""
    data = pem if isinstance(pem, bytes) else Path(pem).read_bytes()
    return SSlibKey.from_crypto(load_pem_public_key(data), keyid=keyid or key_id(data))


def foreign_signer(pem):
    """A signer of securesystemslib, with the id that it gives to keys by itself."""
    key = load_pem_private_key(Path(pem).read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return CryptoSigner(key, SSlibKey.from_crypto(key.public_key()))


def registry_key(registry, role="registry"):
    """The PEM of the one key that a registry names in a role."""
    pem, = (key["pem"] for key in registry.get("/api/v1/keys").json()["items"] if key["role"] == role)
    return pem.encode()


# Statements


def statement(digest, predicate_type, predicate, name="a version"):
    algorithm, _, value = digest.partition(":")
    return {
        "_type": STATEMENT, "subject": [{"name": name, "digest": {algorithm: value}}], "predicateType": predicate_type,
        "predicate": predicate}


def provenance(*sources, run="run-1"):
    """SLSA provenance of a training elsewhere; each source is a pair of a relation and a digest."""
    return {
        "buildDefinition": {
            "buildType": "https://example.org/training/v1", "externalParameters": {"epochs": 3},
            "resolvedDependencies": [
                {"name": f"source-{number}", "digest": {"sha256": digest.removeprefix("sha256:")}}
                | ({"annotations": {"relation": relation}} if relation else {})
                for number, (relation, digest) in enumerate(sources)]},
        "runDetails": {"builder": {"id": "https://example.org/cluster"}, "metadata": {"invocationId": run}}}


def sealed(key, body, payload_type=IN_TOTO):
    """The envelope of a statement as a dictionary, made and signed by securesystemslib."""
    envelope = Envelope(body if isinstance(body, bytes) else json.dumps(body).encode(), payload_type, {})
    envelope.sign(foreign_signer(key))
    return envelope.to_dict()


def opened(envelope, *keys):
    """The statement in an envelope, once securesystemslib has verified it with one of the keys."""
    envelope = Envelope.from_dict(json.loads(envelope))
    assert envelope.verify(list(keys), 1)
    assert envelope.payload_type == IN_TOTO
    return json.loads(envelope.payload)


def payload_of(envelope):
    """What an envelope says; nothing is verified."""
    return json.loads(base64.b64decode(json.loads(envelope)["payload"]))


# What hangs on a version


def digest(assay, reference):
    return assay.ok("show", reference, "--json").json["version"]["manifest_digest"]


def attached(registry, name, subject, artifact_type, predicate_type=None):
    """The documents that hang on a manifest, fetched as any OCI client would, each with the annotations of its own."""
    found = []
    for entry in registry.get(f"/v2/{name}/referrers/{subject}").json()["manifests"]:
        assert entry["mediaType"] == OCI_MANIFEST
        if entry["artifactType"] != artifact_type:
            continue
        if predicate_type is not None and entry["annotations"].get(PREDICATE_TYPE_ANNOTATION) != predicate_type:
            continue
        manifest = registry.get_manifest(name, entry["digest"]).json()
        layer, = manifest["layers"]
        assert layer["mediaType"] == artifact_type and manifest["subject"]["digest"] == subject
        found.append(registry.get(f"/v2/{name}/blobs/{layer['digest']}").content)
    return found


def attestations(assay, reference, *options):
    """What the command line says of the evidence about a version."""
    return assay.run("attestations", reference, "--json", *options).json["items"]


def verify_folder(folder, *arguments, signature=None):
    """What the model_signing tool says of a pulled folder."""
    return subprocess.run(
        [sys.executable, "-m", "model_signing", "verify", *arguments[:1], folder, "--signature",
         signature or folder / "model.sig", *arguments[1:]],
        capture_output=True, text=True, timeout=TOOL_SECONDS)
