"""OCI distribution specification 1.1.1, push: manifests of every kind and the versions that they make."""

import json

import pytest
from distribution import (
    ABSENT, CONTENT, DOCKER_CONFIG, DOCKER_LIST, DOCKER_MANIFEST, FOREIGN_LAYER, MANIFEST_BYTES_MAX,
    NONDISTRIBUTABLE_LAYER, assert_error, encoded, index_of, push_empty, put, put_by_digest, sha512_of, tags_of,
    without)
from harness import OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, descriptor, digest_of, image_manifest, raw_request


# Requests


@pytest.mark.clause("end-7", "Pushing manifests: 201 and a Location that can be pulled")
def test_a_pushed_manifest_has_a_location(registry, name):
    push_empty(registry, name)
    body = encoded(image_manifest([]))
    for reference in ("first", digest_of(body), sha512_of(body)):
        answer = put(registry, name, reference, body)
        assert registry.get(answer.headers["Location"]).content == body
        assert answer.headers["Docker-Content-Digest"] in (digest_of(body), sha512_of(body))


@pytest.mark.clause("end-7", "Pushing manifests: 413 above the limit, which is 4 megabytes at least")
@pytest.mark.parametrize("size", [MANIFEST_BYTES_MAX, MANIFEST_BYTES_MAX + 1])
def test_a_manifest_has_at_most_4_mib(registry, name, size):
    """O9: and not a byte more."""
    push_empty(registry, name)
    bare = encoded(image_manifest([]))
    answer = registry.put_manifest(name, "large", bare + b" " * (size - len(bare)))
    if size > MANIFEST_BYTES_MAX:
        assert_error(answer, 413, "SIZE_INVALID", "body-too-large")
    else:
        assert answer.status_code == 201, answer.text


@pytest.mark.clause("end-7", "Pushing manifests: parameters of Content-Type are ignored")
@pytest.mark.parametrize("parameters", ["; charset=utf-8", ";charset=utf-8", " ; a=b; c=d"])
def test_parameters_of_a_content_type_are_ignored(registry, name, parameters):
    push_empty(registry, name)
    put(registry, name, "first", image_manifest([]), OCI_MANIFEST + parameters)
    assert registry.get_manifest(name, "first").headers["Content-Type"] == OCI_MANIFEST


@pytest.mark.clause("end-7", "Pushing manifests: without Content-Type the manifest says what it is")
def test_a_manifest_may_come_without_a_content_type(registry, server_url, name):
    push_empty(registry, name)
    body = encoded(image_manifest([]))
    assert raw_request("PUT", server_url, f"/v2/{name}/manifests/first", body=body).status == 201
    assert registry.get_manifest(name, "first").headers["Content-Type"] == OCI_MANIFEST


@pytest.mark.clause("end-7", "Pushing manifests: Content-Type is the manifest's mediaType")
def test_a_manifest_under_another_type_is_refused(registry, name):
    push_empty(registry, name)
    assert_error(registry.put_manifest(name, "first", image_manifest([]), OCI_INDEX), 400, "MANIFEST_INVALID")


@pytest.mark.clause("end-7", "Pushing manifests: the digest in the path is that of the bytes")
@pytest.mark.parametrize("digest", [ABSENT, sha512_of(b"never pushed")])
def test_a_manifest_under_another_digest_is_refused(registry, name, digest):
    """O12: and nothing is there afterwards, under neither digest."""
    push_empty(registry, name)
    body = encoded(image_manifest([]))
    assert_error(registry.put_manifest(name, digest, body), 400, "DIGEST_INVALID", "digest-mismatch")
    for reference in (digest, digest_of(body)):
        assert registry.get_manifest(name, reference).status_code == 404


@pytest.mark.clause("end-7", "Pushing manifests: MANIFEST_BLOB_UNKNOWN where content is missing")
@pytest.mark.parametrize("missing", ["config", "layer", "both"])
def test_a_manifest_of_absent_blobs_is_refused(registry, name, missing):
    """O7: also of a blob that only another repository has."""
    registry.push_blob(f"{name}-other", CONTENT)
    if missing == "layer":
        push_empty(registry, name)
    if missing == "config":
        registry.push_blob(name, CONTENT)
    answer = registry.put_manifest(name, "first", image_manifest([descriptor(CONTENT)]))
    assert_error(answer, 400, "MANIFEST_BLOB_UNKNOWN", "blob-unknown")
    assert registry.get_manifest(name, "first").status_code == 404


@pytest.mark.clause("end-7", "Pushing manifests: a repository comes to be by what is pushed")
def test_a_refused_manifest_makes_no_repository(registry, name):
    assert registry.put_manifest(name, "first", b"not json").status_code == 400
    assert_error(registry.get(f"/v2/{name}/tags/list"), 404, "NAME_UNKNOWN")


@pytest.mark.clause("end-7", "Pushing manifests: without a tag a manifest is content, not a version")
def test_a_manifest_by_digest_has_no_tag(registry, name):
    push_empty(registry, name)
    body = encoded(image_manifest([]))
    assert "Assay-Version" not in put(registry, name, digest_of(body), body).headers
    assert tags_of(registry, name) == []
    assert put(registry, name, "named", body).headers["Assay-Version"] == "1"
    assert tags_of(registry, name) == ["1", "named"]


# Kinds of manifests


def other_manifests(blob):
    """Manifests of other producers, each with its type."""
    empty = descriptor(b"{}", OCI_EMPTY)
    docker_config = descriptor(b"{}", DOCKER_CONFIG)
    child = descriptor(b"a child that nobody pushed", OCI_MANIFEST)
    docker = {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": docker_config, "layers": [blob]}
    platform = {"os": "linux", "architecture": "amd64"}
    docker_list = {
        "schemaVersion": 2, "mediaType": DOCKER_LIST,
        "manifests": [descriptor(b"another child", DOCKER_MANIFEST, platform=platform)]}
    return {
        "no layers": (image_manifest([]), OCI_MANIFEST),
        "unknown fields": (image_manifest([blob], extra={"deep": [1, 2.5, None, "\u00e9"]}), OCI_MANIFEST),
        "data in descriptor": (image_manifest([blob], config=empty | {"data": "e30="}), OCI_MANIFEST),
        "the same layer twice": (image_manifest([blob, blob]), OCI_MANIFEST),
        "foreign layer": (image_manifest([blob, foreign(FOREIGN_LAYER)]), OCI_MANIFEST),
        "non-distributable layer": (image_manifest([foreign(NONDISTRIBUTABLE_LAYER)]), OCI_MANIFEST),
        "unknown type of a layer": (image_manifest([blob | {"mediaType": "application/x-unknown"}]), OCI_MANIFEST),
        "unknown type of the config": (
            image_manifest([blob], config=descriptor(b"{}", "application/vnd.example.config")), OCI_MANIFEST),
        "no mediaType": (without(image_manifest([blob]), "mediaType"), OCI_MANIFEST),
        "no artifactType": (without(image_manifest([blob]), "artifactType"), OCI_MANIFEST),
        "annotation that looks like a path": (
            image_manifest([blob], annotations={"title": "../../etc/passwd"}), OCI_MANIFEST),
        "Docker manifest": (docker, DOCKER_MANIFEST),
        "Docker list": (docker_list, DOCKER_LIST),
        "empty index": (index_of([]), OCI_INDEX),
        "sparse index": (index_of([child]), OCI_INDEX),
        "index with artifactType": (index_of([], artifactType="application/vnd.example.set"), OCI_INDEX),
        "index with unknown children": (index_of([child | {"mediaType": "application/x-unknown"}]), OCI_INDEX),
    }


def foreign(media_type):
    """A layer that is never pushed with its manifest."""
    return {"mediaType": media_type, "digest": ABSENT, "size": 9, "urls": ["https://elsewhere.example/layer"]}


@pytest.mark.clause("end-7", "Pushing manifests: kept in the exact bytes and under the type of the client")
@pytest.mark.parametrize("case", list(other_manifests(descriptor(b""))))
def test_a_manifest_of_another_producer_is_accepted(registry, name, case):
    """O19: a text that looks like a path is a text."""
    push_empty(registry, name)
    body, media_type = other_manifests(registry.push_blob(name, CONTENT))[case]
    data = b" " + json.dumps(body, indent=3).encode() + b"\n"
    put(registry, name, "first", data, media_type)
    for reference in ("first", "1", digest_of(data)):
        answer = registry.get_manifest(name, reference)
        assert (answer.status_code, answer.content) == (200, data)
        assert answer.headers["Content-Type"] == media_type


@pytest.mark.clause("end-7", "Pushing manifests: an index of indexes")
def test_indexes_are_nested(registry, name):
    push_empty(registry, name)
    described = put_by_digest(registry, name, image_manifest([]))
    for level in range(3):
        described = put_by_digest(registry, name, index_of([described], annotations={"level": str(level)}), OCI_INDEX)
    while described["mediaType"] == OCI_INDEX:
        answer = registry.get_manifest(name, described["digest"])
        assert answer.headers["Content-Type"] == OCI_INDEX
        described, = answer.json()["manifests"]
    assert registry.get_manifest(name, described["digest"]).json() == image_manifest([])


@pytest.mark.clause("end-7", "Pushing manifests with subject: OCI-Subject, whether the subject is here or not")
@pytest.mark.parametrize("is_index", [False, True])
@pytest.mark.parametrize("by_tag", [False, True])
@pytest.mark.parametrize("subject_digest", [ABSENT, sha512_of(b"never pushed"), None])
def test_a_subject_is_told_back(registry, name, is_index, by_tag, subject_digest):
    subject = descriptor(registry.push_artifact(name, "subject", CONTENT), OCI_MANIFEST)
    if subject_digest is not None:
        subject = subject | {"digest": subject_digest}
    body = index_of([], subject=subject) if is_index else image_manifest([], subject=subject)
    reference = "referrer" if by_tag else digest_of(encoded(body))
    answer = put(registry, name, reference, body, OCI_INDEX if is_index else OCI_MANIFEST)
    assert answer.headers["OCI-Subject"] == subject["digest"]


@pytest.mark.clause("end-7", "Pushing manifests with subject: no OCI-Subject without one")
def test_without_a_subject_none_is_told(registry, name):
    push_empty(registry, name)
    assert "OCI-Subject" not in put(registry, name, "first", image_manifest([])).headers


@pytest.mark.clause("end-7", "Pushing manifests: MANIFEST_INVALID to what is none")
@pytest.mark.parametrize("body", [
    b"", b"not json", b"[]", b"null", b"1", encoded({}), encoded(image_manifest([], schemaVersion=1)),
    encoded(image_manifest([], schemaVersion="2")), encoded(image_manifest([{}])),
    encoded(image_manifest({})), encoded(image_manifest([], annotations={"a": 1})),
    encoded(image_manifest([], subject="x"))])
def test_what_is_no_manifest_is_refused(registry, name, body):
    push_empty(registry, name)
    assert_error(registry.put_manifest(name, "first", body), 400, "MANIFEST_INVALID")
    assert_error(registry.get_manifest(name, "first"), 404, "MANIFEST_UNKNOWN")


@pytest.mark.clause("end-7", "Pushing manifests: a descriptor has a digest")
@pytest.mark.parametrize("digest", ["sha256:abc", "md5:" + "0" * 32, "", "sha256:" + "A" * 64])
def test_a_malformed_digest_in_a_manifest_is_refused(registry, name, digest):
    push_empty(registry, name)
    answer = registry.put_manifest(name, "first", image_manifest([descriptor(b"") | {"digest": digest}]))
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] in ("DIGEST_INVALID", "MANIFEST_INVALID")


# Versions: what a tag makes of a manifest


@pytest.mark.clause("end-7", "Pushing manifests: a tag makes a version, equal content makes no second one")
def test_equal_content_is_one_version(registry, name):
    push_empty(registry, name)
    numbers = [
        put(registry, name, tag, image_manifest([], annotations={"of": content})).headers["Assay-Version"]
        for tag, content in [("a", "one"), ("b", "one"), ("a", "two"), ("c", "one"), ("2", "two"), ("a", "one")]]
    assert numbers == ["1", "1", "2", "1", "2", "1"]
    assert tags_of(registry, name) == ["1", "2", "a", "b", "c"]
    assert registry.get_manifest(name, "a").content == registry.get_manifest(name, "1").content


@pytest.mark.clause("end-7", "Pushing manifests: a tag moves to what is pushed under it last")
def test_a_tag_moves(registry, name):
    for content in (b"first", b"second"):
        body = registry.push_artifact(name, "moving", content)
        assert registry.get_manifest(name, "moving").content == body
    assert tags_of(registry, name) == ["1", "2", "moving"]


@pytest.mark.clause("end-7", "Pushing manifests: a version's number never moves")
def test_a_number_never_moves(registry, name):
    """D16: the same content may come again under its number."""
    first = registry.push_artifact(name, "some", b"first")
    second = image_manifest([registry.push_blob(name, b"second")])
    assert_error(registry.put_manifest(name, "1", second), 409, "DENIED", "tag-immutable")
    assert registry.get_manifest(name, "1").content == first
    assert put(registry, name, "1", first).headers["Assay-Version"] == "1"
    assert_error(registry.get_manifest(name, digest_of(encoded(second))), 404, "MANIFEST_UNKNOWN")


@pytest.mark.clause("end-7", "Pushing manifests: a free number is given as it is asked for")
def test_a_free_number_is_given(registry, name):
    push_empty(registry, name)
    assert put(registry, name, "7", image_manifest([], annotations={"of": "seven"})).headers["Assay-Version"] == "7"
    assert put(registry, name, "next", image_manifest([])).headers["Assay-Version"] == "8"
    assert tags_of(registry, name) == ["7", "8", "next"]


POLICY = "version: 1\nsize:\n  max_bytes: 1000000\n"


@pytest.mark.clause("end-7", "Pushing manifests: a protected tag is moved by a promotion alone, and the error says so")
@pytest.mark.parametrize("exists", [False, True])
def test_a_protected_tag_is_refused(assay, registry, name, exists):
    first = registry.push_artifact(name, "production" if exists else "candidate", b"first")
    (assay.home / "policy.yaml").write_text(POLICY)
    assay.ok("policy", "set", name, "production", "policy.yaml")
    second = image_manifest([registry.push_blob(name, b"second")])
    detail = assert_error(registry.put_manifest(name, "production", second), 409, "DENIED", "alias-protected")
    assert detail["reason"] and "assay promote" in detail["remedy"]
    assert_error(registry.get_manifest(name, digest_of(encoded(second))), 404, "MANIFEST_UNKNOWN")
    if exists:
        assert put(registry, name, "production", first).headers["Assay-Version"] == "1"
