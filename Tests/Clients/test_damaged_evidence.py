"""Damage stays where it is: evidence that cannot be read is passed over and named, and is written again."""

import json

import pytest
from evidence import INTEGRITY
from harness import OCI_MANIFEST, Registry, Server, descriptor, digest_of, image_manifest, public

SIGNATURE = "application/vnd.dev.sigstore.bundle.v0.3+json"
ENVELOPE = "application/vnd.dsse.envelope.v1+json"


def flip(path):
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)


def truncate(path):
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-10])


def empty(path):
    path.chmod(0o600)
    path.write_bytes(b"")


DAMAGES = {"changed": flip, "truncated": truncate, "empty": empty, "deleted": lambda path: path.unlink()}


@pytest.fixture(params=["a server that runs", "a store that is opened anew"])
def place(request, assay, server):
    """A registry, and how a command names it: a server that knows the blobs, or each command a new one."""
    if request.param == "a server that runs":
        assay.store = server.store
        return assay, ("--server", server.url)
    store = assay.home / "store"
    assay.ok("init", store)
    assay.store = store
    return assay, ("--store", store)


def blobs(assay, word):
    return [path for path in (assay.store / "blobs").rglob("*")
            if path.is_file() and word in path.read_bytes()]


def signed(assay, at, keys):
    (assay.home / "w.bin").write_text("weights")
    assay.ok("push", "r", "w.bin", "--key", keys[0], *at)
    first = blobs(assay, b"messageSignature") or blobs(assay, b"dsseEnvelope")
    assay.ok("sign", "r:1", "--key", keys[1], *at)
    return first


@pytest.mark.parametrize("damage", DAMAGES)
def test_one_of_two_signatures_is_lost(place, damage):
    assay, at = place
    keys = [assay.key("one"), assay.key("two")]
    lost = signed(assay, at, keys)
    assert lost
    for path in lost:
        DAMAGES[damage](path)
    told = assay.ok("pull", "r:1", "a", *at).err
    assay.ok("pull", "r:1", "b", "--trust", public(keys[1]), *at)
    outcome = assay.run("pull", "r:1", "c", "--trust", public(keys[0]), *at)
    assert outcome.code == INTEGRITY and not (assay.home / "c").exists(), outcome
    assert "next:" in outcome.err
    assay.ok("attestations", "r:1", *at)
    assay.ok("show", "r:1", *at)
    assay.ok("bundle", "export", "r:1", "-o", "r.tar", *at)
    assay.ok("bundle", "verify", "r.tar", "--trust", public(keys[1]))
    assay.ok("sign", "r:1", "--key", keys[0], *at)
    assay.ok("pull", "r:1", "d", "--trust", public(keys[0]), *at)
    assay.ok("check", "d", "--trust", public(keys[0]))
    assert (assay.home / "a" / "model.sig").exists() and "passed over" in told


@pytest.mark.parametrize("damage", DAMAGES)
def test_pushing_again_writes_what_is_lost(place, damage):
    assay, at = place
    key = assay.key()
    (assay.home / "w.bin").write_text("weights")
    assay.ok("push", "r", "w.bin", "--key", key, *at)
    for path in {*blobs(assay, b"dsseEnvelope"), *blobs(assay, b"payloadType")}:
        DAMAGES[damage](path)
    assert "can be read" in assay.run("pull", "r:1", "a", "--trust", public(key), *at).err
    assay.ok("push", "r", "w.bin", "--key", key, *at)
    assay.ok("pull", "r:1", "b", "--trust", public(key), *at)


@pytest.mark.parametrize("damage", DAMAGES)
def test_deleting_and_pushing_again_writes_what_is_lost(place, damage):
    assay, at = place
    key = assay.key()
    (assay.home / "w.bin").write_text("weights")
    assay.ok("push", "r", "w.bin", "--key", key, *at)
    for path in {*blobs(assay, b"dsseEnvelope"), *blobs(assay, b"payloadType")}:
        DAMAGES[damage](path)
    assay.ok("delete", "r:1", *at)
    number = assay.ok("push", "r", "w.bin", "--key", key, "--json", *at).json["version"]["number"]
    assay.ok("pull", f"r:{number}", "b", "--trust", public(key), *at)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_lost_config_is_stood_for_by_what_is_signed(place, damage):
    assay, at = place
    key = assay.key()
    (assay.home / "w.bin").write_text("weights")
    assay.ok("push", "r", "w.bin", "--key", key, *at)
    config, = blobs(assay, b"modelfs")
    DAMAGES[damage](config)
    assay.ok("pull", "r:1", "a", *at)
    assay.ok("pull", "r:1", "b", "--trust", public(key), *at)
    assay.ok("push", "r", "w.bin", "--key", key, *at)
    assay.ok("bundle", "export", "r:1", "-o", "r.tar", *at)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_lost_signature_does_not_keep_a_version_from_being_promoted(place, damage):
    assay, at = place
    keys = [assay.key("one"), assay.key("two")]
    lost = signed(assay, at, keys)
    assay.ok("key", "trust", public(keys[1]), *at)
    (assay.home / "policy.yaml").write_text("version: 1\n")
    assay.ok("policy", "set", "r", "production", "policy.yaml", *at)
    for path in lost:
        DAMAGES[damage](path)
    assay.ok("promote", "r:1", "production", *at)
    assay.ok("pull", "r:production", "out", "--trust", public(keys[1]), *at)


# What anybody who may push can attach


JUNK = {
    "nothing": lambda registry, name: [],
    "text": lambda registry, name: [registry.push_blob(name, b"no signature at all")],
    "a bundle of nothing": lambda registry, name: [registry.push_blob(name, b"{}")],
    "deep JSON": lambda registry, name: [registry.push_blob(name, b"[" * 5000 + b"]" * 5000)],
    "many layers": lambda registry, name: [registry.push_blob(name, b"%d" % number) for number in range(50)],
    "a false size": lambda registry, name: [descriptor(b"x") | registry.push_blob(name, b"x")],
    "bytes that are no text": lambda registry, name: [registry.push_blob(name, bytes(range(256)))],
    "a document that is too large": lambda registry, name: [registry.push_blob(name, b" " * (17 << 20))],
}


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("artifact", [SIGNATURE, ENVELOPE])
def test_nothing_that_is_attached_stops_a_pull(assay, server, junk, artifact):
    key = assay.key()
    own = assay.at(server.url)
    registry = Registry(server.url)
    (assay.home / "w.bin").write_text("weights")
    version = own.ok("push", "r", "w.bin", "--key", key, "--json").json["version"]
    digest = version["manifest_digest"]
    subject = {"mediaType": OCI_MANIFEST, "digest": digest, "size": len(registry.get_manifest("r", digest).content)}
    registry.push_blob("r", b"{}")
    layers = JUNK[junk](registry, "r")
    for number in range(3):
        body = json.dumps(image_manifest(
            layers, artifactType=artifact, subject=subject, annotations={"n": str(number)})).encode()
        registry.put_manifest("r", digest_of(body), body)
    own.ok("pull", "r:1", "a")
    own.ok("pull", "r:1", "b", "--trust", public(key))
    own.ok("check", "b", "--trust", public(key))
    own.ok("bundle", "export", "r:1", "-o", "r.tar")
    own.ok("attestations", "r:1")


def test_a_server_reads_stores_that_lost_evidence_after_a_restart(assay, binary, tmp_path):
    folder = tmp_path / "place"
    folder.mkdir()
    server = Server(binary, folder).create_store().start()
    keys = [assay.key("one"), assay.key("two")]
    assay.store = server.store
    lost = signed(assay, ("--server", server.url), keys)
    server.stop()
    for path in lost:
        path.unlink()
    server.start()
    try:
        assay.at(server.url).ok("pull", "r:1", "a", "--trust", public(keys[1]))
        assay.at(server.url).ok("sign", "r:1", "--key", keys[0])
        assay.at(server.url).ok("pull", "r:1", "b", "--trust", public(keys[0]))
    finally:
        server.stop()
