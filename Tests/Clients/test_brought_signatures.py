"""Signatures and statements that were made elsewhere, by the reference tool and others, are brought along."""

import base64
import json
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from evidence import DONE, INTEGRITY, REVIEW, USAGE, digest, statement
from harness import public

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
IN_TOTO = "application/vnd.in-toto+json"
TOOL_SECONDS = 60


@pytest.fixture
def key(assay):
    return assay.key()


@pytest.fixture
def folder(assay):
    folder = assay.home / "model"
    (folder / "logs").mkdir(parents=True)
    (folder / "weights.bin").write_text("weights")
    (folder / "card.md").write_text("a model")
    (folder / "logs" / "run.txt").write_text("epoch 1")
    return folder


def model_signing(*arguments):
    return subprocess.run([sys.executable, "-m", "model_signing", *map(str, arguments)],
                          capture_output=True, text=True, timeout=TOOL_SECONDS)


def sign(folder, key, *options):
    done = model_signing("sign", "key", folder, "--private_key", key, "--signature", folder / "model.sig", *options)
    assert done.returncode == 0, done.stderr


def paths(assay, reference):
    return sorted(file["path"] for file in assay.ok("show", reference, "--json").json["files"])


# A signature beside the files


def test_the_signature_of_the_reference_tool_goes_along(assay, name, folder, key):
    sign(folder, key)
    assay.ok("push", name, folder)
    assay.ok("pull", f"{name}:1", "out", "--trust", public(key))
    assert (assay.home / "out" / "model.sig").read_bytes() == (folder / "model.sig").read_bytes()
    done = model_signing("verify", "key", assay.home / "out", "--signature", assay.home / "out" / "model.sig",
                         "--public_key", public(key))
    assert done.returncode == 0, done.stderr


def test_it_goes_along_beside_a_signature_of_the_pusher(assay, name, folder, key):
    sign(folder, key)
    other = assay.key("other")
    assay.ok("push", name, folder, "--key", other)
    for trusted in (key, other):
        assay.ok("pull", f"{name}:1", f"out-{trusted.stem}", "--trust", public(trusted))


def test_files_that_the_signer_passed_over_are_left_out_and_told(assay, name, folder, key):
    sign(folder, key, "--ignore-paths", folder / "logs")
    outcome = assay.ok("push", name, folder)
    assert paths(assay, f"{name}:1") == ["card.md", "weights.bin"]
    assert "logs/run.txt" in outcome.err
    assay.ok("pull", f"{name}:1", "out", "--trust", public(key))


@pytest.mark.parametrize("change", ["changed", "added", "removed", "damaged", "empty", "other signature"])
def test_a_signature_of_other_files_stays_behind_and_all_files_are_pushed(assay, name, folder, key, change):
    sign(folder, key, "--ignore-paths", folder / "logs")
    match change:
        case "changed":
            (folder / "weights.bin").write_text("other weights")
        case "added":
            (folder / "more.bin").write_text("more")
        case "removed":
            (folder / "card.md").unlink()
        case "damaged":
            (folder / "model.sig").write_text("{}")
        case "empty":
            (folder / "model.sig").write_text("")
        case "other signature":
            assay.ok("key", "trust", public(key))
            flip_signature(folder / "model.sig")
    outcome = assay.ok("push", name, folder)
    assert "stays behind" in outcome.err, outcome
    assert "logs/run.txt" in paths(assay, f"{name}:1")
    assert assay.run("pull", f"{name}:1", "out", "--trust", public(key)).code == INTEGRITY


def flip_signature(path):
    bundle = json.loads(path.read_text())
    signature = bundle["dsseEnvelope"]["signatures"][0]
    data = bytearray(base64.b64decode(signature["sig"]))
    data[-1] ^= 1
    signature["sig"] = base64.b64encode(data).decode()
    path.write_text(json.dumps(bundle))


# Brought to a version that is there


@pytest.mark.parametrize("command", [("sign", "--signature"), ("sign", "--envelope"), ("attest", "--envelope")])
def test_a_signature_made_elsewhere_is_attached(assay, name, folder, key, command):
    assay.ok("push", name, folder)
    sign(folder, key)
    verb, option = command
    assay.ok(verb, f"{name}:1", option, folder / "model.sig")
    assay.ok("pull", f"{name}:1", "out", "--trust", public(key))


def test_a_signature_of_other_files_is_refused(assay, name, folder, key):
    assay.ok("push", name, folder)
    (folder / "weights.bin").write_text("other weights")
    sign(folder, key)
    for arguments in (("sign", f"{name}:1", "--signature"), ("attest", f"{name}:1", "--envelope")):
        assert assay.run(*arguments, folder / "model.sig").code == INTEGRITY


def test_a_signature_that_passed_over_a_file_of_the_version_does_not_cover_it(assay, name, folder, key):
    assay.ok("push", name, folder)
    sign(folder, key, "--ignore-paths", folder / "logs")
    assert assay.run("sign", f"{name}:1", "--signature", folder / "model.sig").code == INTEGRITY
    assert assay.run("pull", f"{name}:1", "out", "--trust", public(key)).code == INTEGRITY


def test_a_key_beside_a_signature_is_wrong_use(assay, name, folder, key):
    assay.ok("push", name, folder)
    sign(folder, key)
    outcome = assay.run("sign", f"{name}:1", "--signature", folder / "model.sig", "--key", key)
    assert outcome.code == USAGE, outcome


# Bundles that are no signatures of models


def sigstore_bundle(key, body, **members):
    """A sigstore bundle of key mode with a statement."""
    payload = json.dumps(body).encode()
    private = load_pem_private_key(key.read_bytes(), None)
    encoded = b"DSSEv1 %d %s %d %s" % (len(IN_TOTO), IN_TOTO.encode(), len(payload), payload)
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    signature = private.sign(encoded, ec.ECDSA(hashes.SHA256()))
    return {"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": "x"}, "tlogEntries": []},
            "dsseEnvelope": {"payload": base64.b64encode(payload).decode(), "payloadType": IN_TOTO,
                             "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}]}} | members


def push_referrer(registry, name, subject, data):
    """Pushes a bundle as cosign does: a referrer of the version."""
    manifest = registry.get_manifest(name, subject)
    registry.push_blob(name, b"{}")
    blob = registry.push_blob(name, data)
    body = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": BUNDLE,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2,
                       "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
            "layers": [blob | {"mediaType": BUNDLE}],
            "subject": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": subject,
                        "size": len(manifest.content)}}
    answer = registry.put_manifest(name, "sha256:" + __import__("hashlib").sha256(
        json.dumps(body).encode()).hexdigest(), json.dumps(body).encode())
    assert answer.status_code == 201, answer.text


def test_a_statement_in_a_bundle_is_attached_as_a_statement(assay, name, folder, key):
    assay.ok("key", "trust", public(key))
    assay.ok("push", name, folder)
    body = statement(digest(assay, f"{name}:1"), REVIEW, {"approved": True})
    (assay.home / "review.sigstore.json").write_text(json.dumps(sigstore_bundle(key, body)))
    assay.ok("attest", f"{name}:1", "--envelope", "review.sigstore.json")
    listed = assay.ok("attestations", f"{name}:1", "--verify", "--json").json["items"]
    assert [(item["predicate_type"], item["status"]) for item in listed] == [(REVIEW, "valid")]


def test_a_bundle_of_another_kind_is_listed_by_its_predicate_and_checked(assay, registry, name, folder, key):
    assay.ok("key", "trust", public(key))
    assay.ok("push", name, folder, "--key", key)
    version = digest(assay, f"{name}:1")
    body = statement(version, REVIEW, {"approved": True})
    push_referrer(registry, name, version, json.dumps(sigstore_bundle(key, body)).encode())
    listed = assay.ok("attestations", f"{name}:1", "--verify", "--json").json["items"]
    assert (REVIEW, "valid") in [(item["predicate_type"], item["status"]) for item in listed]
    shown = assay.ok("attestations", f"{name}:1", "--show", REVIEW)
    assert json.loads(shown.out)["predicate"] == {"approved": True}
    assay.ok("pull", f"{name}:1", "out", "--trust", public(key))
    assay.ok("bundle", "export", f"{name}:1", "-o", "one.tar")
    assay.ok("bundle", "verify", "one.tar", "--trust", public(key))


@pytest.mark.parametrize("kind", ["unknown key", "keyless", "message signature", "of something else"])
def test_a_bundle_that_nobody_here_can_check_is_shown_and_fails_nothing(assay, registry, name, folder, key, kind):
    assay.ok("key", "trust", public(key))
    assay.ok("push", name, folder, "--key", key)
    version = digest(assay, f"{name}:1")
    other = assay.key("other")
    about = "sha256:" + "0" * 64 if kind == "of something else" else version
    bundle = sigstore_bundle(key if kind == "of something else" else other, statement(about, REVIEW, {}))
    if kind == "keyless":
        bundle["verificationMaterial"] = {"certificate": {"rawBytes": "AAAA"}, "tlogEntries": [{"logIndex": "1"}]}
    if kind == "message signature":
        del bundle["dsseEnvelope"]
        bundle["messageSignature"] = {"messageDigest": {"algorithm": "SHA2_256", "digest": "AAAA"}, "signature": "AA=="}
    push_referrer(registry, name, version, json.dumps(bundle).encode())
    outcome = assay.ok("attestations", f"{name}:1", "--verify", "--json")
    statuses = {item["predicate_type"]: item["status"] for item in outcome.json["items"]}
    assert statuses["" if kind == "message signature" else REVIEW] == "untrusted"
    assay.ok("pull", f"{name}:1", "out", "--trust", public(key))
    assert assay.run("attestations", f"{name}:1", "--verify", "--trust", public(other)).code == INTEGRITY


def test_a_damaged_signature_of_a_model_still_fails(assay, registry, name, folder, key):
    assay.ok("key", "trust", public(key))
    assay.ok("push", name, folder, "--key", key)
    sign(folder, key)
    flip_signature(folder / "model.sig")
    push_referrer(registry, name, digest(assay, f"{name}:1"), (folder / "model.sig").read_bytes())
    assert assay.run("attestations", f"{name}:1", "--verify").code == INTEGRITY


# Keys with text around them


def test_a_key_with_text_around_it_is_read(assay, name, folder, key):
    done = subprocess.run(["openssl", "pkey", "-pubin", "-in", public(key), "-text"], capture_output=True,
                          timeout=TOOL_SECONDS)
    assert done.returncode == 0 and done.stdout.count(b"-----BEGIN") == 1
    (assay.home / "text.pem").write_bytes(b"the key of the release team\n" + done.stdout)
    assay.ok("push", name, folder, "--key", key)
    assay.ok("pull", f"{name}:1", "out", "--trust", "text.pem")
    assay.ok("key", "trust", "text.pem", "--name", "text")
    (assay.home / "two.pem").write_bytes(done.stdout + public(assay.key("second")).read_bytes())
    assert assay.run("pull", f"{name}:1", "again", "--trust", "two.pem").code == USAGE
