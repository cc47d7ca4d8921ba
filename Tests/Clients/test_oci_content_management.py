"""OCI distribution specification 1.1.1, content management: what may be deleted, and what is kept, with its reason."""

import pytest
from distribution import (
    ABSENT, CONTENT, assert_error, encoded, index_of, push_empty, push_referrer, put, put_by_digest, referring_digests,
    sha512_of, tags_of)
from harness import FIXTURES, OCI_INDEX, OCI_MANIFEST, Registry, descriptor, digest_of, image_manifest, public

POLICY = "version: 1\nsize:\n  max_bytes: 1000000\n"
MEASURED_POLICY = "version: 1\ndataset: {}\nmetrics:\n  accuracy:\n    min: 0.5\n"


def manifest_path(name, reference):
    return f"/v2/{name}/manifests/{reference}"


def blob_path(name, data):
    return f"/v2/{name}/blobs/{digest_of(data)}"


def delete(registry, path):
    """Deletes what may be deleted."""
    answer = registry.delete(path)
    assert (answer.status_code, answer.content) == (202, b""), answer.text


def assert_in_use(answer):
    """The refusal says what the content is needed for."""
    detail = assert_error(answer, 409, "DENIED", "in-use")
    assert detail["reason"]


def digest_at(registry, name, reference):
    return registry.get_manifest(name, reference, "HEAD").headers["Docker-Content-Digest"]


def protect(assay, name, alias="production", policy=POLICY):
    (assay.home / "policy.yaml").write_text(policy)
    assay.ok("policy", "set", name, alias, "policy.yaml", "--create")


# Tags


@pytest.mark.clause("end-9", "Deleting tags: 202, the tag is 404, and the manifest stays")
def test_a_tag_is_deleted_and_its_manifest_stays(registry, name):
    body = registry.push_artifact(name, "one", CONTENT)
    put(registry, name, "two", body)
    delete(registry, manifest_path(name, "one"))
    assert_error(registry.get_manifest(name, "one"), 404, "MANIFEST_UNKNOWN")
    for reference in ("two", "1", digest_of(body)):
        assert registry.get_manifest(name, reference).content == body
    assert tags_of(registry, name) == ["1", "two"]


@pytest.mark.clause("end-9", "Deleting tags: what was deleted can be pushed again")
def test_a_deleted_tag_can_come_back(assay, registry, name):
    body = registry.push_artifact(name, "one", CONTENT)
    delete(registry, manifest_path(name, "one"))
    assert put(registry, name, "one", body).headers["Assay-Version"] == "1"
    causes = assay.ok("history", name, "one", "--json").out
    assert '"removal"' in causes, causes


@pytest.mark.clause("end-9", "Deleting tags: a version's number is no tag that can be taken off")
def test_a_number_is_not_deleted(registry, name):
    body = registry.push_artifact(name, "one", CONTENT)
    detail = assert_error(registry.delete(manifest_path(name, "1")), 409, "DENIED", "tag-immutable")
    assert "digest" in detail["remedy"]
    assert registry.get_manifest(name, "1").content == body


@pytest.mark.clause("end-9", "Deleting tags: a protected one is refused, with the reason")
def test_a_protected_tag_is_not_deleted(assay, registry, name):
    body = registry.push_artifact(name, "production", CONTENT)
    protect(assay, name)
    detail = assert_error(registry.delete(manifest_path(name, "production")), 409, "DENIED", "alias-protected")
    assert detail["reason"]
    assert registry.get_manifest(name, "production").content == body


# Manifests


@pytest.mark.clause("end-9", "Deleting manifests: 202, and 404 by digest and by any tag")
def test_a_manifest_is_deleted_with_its_tags(assay, registry, name):
    body = registry.push_artifact(name, "one", CONTENT)
    put(registry, name, "two", body)
    kept = registry.push_artifact(name, "kept", b"other content")
    delete(registry, manifest_path(name, digest_of(body)))
    for reference in ("one", "two", "1", digest_of(body)):
        for method in ("GET", "HEAD"):
            assert registry.get_manifest(name, reference, method).status_code == 404
    assert tags_of(registry, name) == ["2", "kept"]
    assert registry.get_manifest(name, "kept").content == kept
    assert '"removal"' in assay.ok("history", name, "one", "--json").out


@pytest.mark.clause("end-9", "Deleting manifests: sha512 is registered too")
def test_a_manifest_is_deleted_by_sha512(registry, name):
    push_empty(registry, name)
    body = encoded(image_manifest([]))
    put(registry, name, sha512_of(body), body)
    delete(registry, manifest_path(name, sha512_of(body)))
    assert_error(registry.get_manifest(name, sha512_of(body)), 404, "MANIFEST_UNKNOWN")


@pytest.mark.clause("end-9", "Deleting manifests: a deleted version's number is never given again")
@pytest.mark.parametrize("is_last", [True, False])
def test_content_that_comes_back_is_a_new_version(registry, name, is_last):
    body = registry.push_artifact(name, "one", CONTENT)
    if not is_last:
        registry.push_artifact(name, "two", b"other content")
    delete(registry, manifest_path(name, digest_of(body)))
    number = "2" if is_last else "3"
    assert put(registry, name, "one", body).headers["Assay-Version"] == number
    assert registry.get_manifest(name, number).content == body
    assert_error(registry.get_manifest(name, "1"), 404, "MANIFEST_UNKNOWN")


@pytest.mark.clause("end-9", "Deleting manifests: 404 for what is not there, or not any more")
@pytest.mark.parametrize("reference", ["absent", ABSENT])
def test_an_absent_manifest_is_not_deleted(registry, name, reference):
    registry.push_artifact(name, "one", CONTENT)
    assert_error(registry.delete(manifest_path(name, reference)), 404, "MANIFEST_UNKNOWN")
    assert_error(registry.delete(manifest_path(f"{name}-other", reference)), 404, "NAME_UNKNOWN")


@pytest.mark.clause("end-9", "Deleting manifests: 404 the second time")
def test_nothing_is_deleted_twice(registry, name):
    digest = digest_of(registry.push_artifact(name, "one", CONTENT))
    for reference in ("one", digest):
        delete(registry, manifest_path(name, reference))
        assert_error(registry.delete(manifest_path(name, reference)), 404, "MANIFEST_UNKNOWN")


@pytest.mark.clause("end-9", "Deleting manifests: 400 to what names nothing")
@pytest.mark.parametrize("reference, code", [
    ("sha256:abc", "DIGEST_INVALID"), ("md5:" + "0" * 32, "DIGEST_INVALID"), (".a", "MANIFEST_INVALID")])
def test_a_malformed_reference_is_not_deleted(registry, name, reference, code):
    registry.push_artifact(name, "one", CONTENT)
    assert_error(registry.delete(manifest_path(name, reference)), 400, code)


@pytest.mark.clause("end-9", "Deleting manifests: in the named repository only")
def test_another_repository_keeps_its_manifest(registry, name):
    body = registry.push_artifact(name, "one", CONTENT)
    registry.push_artifact(f"{name}-other", "one", CONTENT)
    delete(registry, manifest_path(name, digest_of(body)))
    assert registry.get_manifest(f"{name}-other", digest_of(body)).content == body
    assert registry.get(blob_path(f"{name}-other", CONTENT)).content == CONTENT


@pytest.mark.clause("end-9", "Deleting manifests: a child of an index may go, indexes may be sparse")
def test_a_child_of_an_index_is_deleted(registry, name):
    child = registry.push_artifact(name, "child", CONTENT)
    index = index_of([descriptor(child, OCI_MANIFEST)])
    put(registry, name, "index", index, OCI_INDEX)
    delete(registry, manifest_path(name, digest_of(child)))
    assert registry.get_manifest(name, "index").json() == index


@pytest.mark.clause("end-9", "Deleting manifests: a subject may go, its referrers stay")
def test_a_subject_is_deleted(registry, name):
    subject = descriptor(registry.push_artifact(name, "subject", CONTENT), OCI_MANIFEST)
    referrer = push_referrer(registry, name, subject)
    delete(registry, manifest_path(name, subject["digest"]))
    assert referring_digests(registry, name, subject["digest"]) == [referrer["digest"]]


@pytest.mark.clause("end-12a", "Listing referrers: a deleted referrer leaves the list")
def test_a_deleted_referrer_leaves_the_list(registry, name):
    subject = descriptor(registry.push_artifact(name, "subject", CONTENT), OCI_MANIFEST)
    gone, kept = (push_referrer(registry, name, subject, annotations={"which": which}) for which in ("gone", "kept"))
    delete(registry, manifest_path(name, gone["digest"]))
    assert referring_digests(registry, name, subject["digest"]) == [kept["digest"]]
    put_by_digest(registry, name, image_manifest([], subject=subject, annotations={"which": "gone"}))
    assert sorted(referring_digests(registry, name, subject["digest"])) == sorted([gone["digest"], kept["digest"]])


# Manifests that are in use


@pytest.mark.clause("end-9", "Deleting manifests: refused while a protected tag points to it")
def test_a_version_under_a_protected_tag_is_kept(assay, registry, name):
    body = registry.push_artifact(name, "production", CONTENT)
    protect(assay, name)
    assert_in_use(registry.delete(manifest_path(name, digest_of(body))))
    assert registry.get_manifest(name, "production").content == body
    assay.ok("policy", "remove", name, "production")
    delete(registry, manifest_path(name, digest_of(body)))


@pytest.mark.clause("end-9", "Deleting manifests: refused while another version comes from it")
@pytest.mark.parametrize("option", ["--derived-from", "--trained-on"])
def test_a_version_that_others_come_from_is_kept(assay, registry, name, option):
    source, kind = (f"{name}-data", "dataset") if option == "--trained-on" else (name, "model")
    assay.ok("push", source, FIXTURES / ("test.npz" if kind == "dataset" else "digits-1.onnx"), "--kind", kind)
    assay.ok("push", name, FIXTURES / "digits-2.onnx", option, f"{source}:1")
    path = manifest_path(source, digest_at(registry, source, "1"))
    assert_in_use(registry.delete(path))
    delete(registry, manifest_path(name, digest_at(registry, name, "1" if source != name else "2")))
    delete(registry, path)


@pytest.mark.clause("end-9", "Deleting manifests: refused while a policy measures on it")
def test_the_dataset_of_a_policy_is_kept(assay, registry, name):
    assay.ok("push", f"{name}-data", FIXTURES / "test.npz", "--kind", "dataset")
    assay.ok("push", name, FIXTURES / "digits-1.onnx")
    protect(assay, name, policy=MEASURED_POLICY.format(f"{name}-data:1"))
    path = manifest_path(f"{name}-data", digest_at(registry, f"{name}-data", "1"))
    assert_in_use(registry.delete(path))
    assay.ok("policy", "remove", name, "production")
    delete(registry, path)


@pytest.mark.clause("end-9", "Deleting manifests: refused while a measurement was made with it")
def test_the_dataset_and_baseline_of_a_verification_are_kept(assay, registry, name):
    assay.ok("push", f"{name}-data", FIXTURES / "test.npz", "--kind", "dataset")
    for model in ("digits-1", "digits-3"):
        assay.ok("push", name, FIXTURES / f"{model}.onnx")
    assay.ok("verify", f"{name}:2", "--dataset", f"{name}-data:1", "--baseline", f"{name}:1")
    for repository in (name, f"{name}-data"):
        assert_in_use(registry.delete(manifest_path(repository, digest_at(registry, repository, "1"))))


@pytest.mark.clause("end-9", "Deleting manifests: evidence is kept for the version that it speaks for")
def test_evidence_about_a_protected_version_is_kept(assay, registry, name):
    assay.ok("push", name, FIXTURES / "digits-1.onnx", "--key", assay.key())
    digest = digest_at(registry, name, "1")
    signatures = referring_digests(registry, name, digest)
    assert signatures
    assay.ok("alias", "set", name, "production", "1")
    protect(assay, name)
    for signature in signatures:
        assert_in_use(registry.delete(manifest_path(name, signature)))
    assay.ok("policy", "remove", name, "production")
    for signature in signatures:
        delete(registry, manifest_path(name, signature))
    # What is left is the verdict on the holder, which came with the policy.
    assert not set(signatures) & set(referring_digests(registry, name, digest))


@pytest.mark.clause("end-9", "Deleting manifests: what an alias once moved for is kept with its history")
def test_the_verdict_of_a_promotion_is_kept(assay, registry, name):
    key = assay.key()
    assay.ok("key", "trust", public(key))
    protect(assay, name)
    for number, model in ((1, "digits-1"), (2, "digits-3")):
        assay.ok("push", name, FIXTURES / f"{model}.onnx", "--key", key)
        before = referring_digests(registry, name, digest_at(registry, name, str(number)))
        assay.ok("promote", f"{name}:{number}", "production")
        if number == 1:
            after = referring_digests(registry, name, digest_at(registry, name, "1"))
            verdicts = [digest for digest in after if digest not in before]
    assert verdicts
    refused = [registry.delete(manifest_path(name, digest)) for digest in verdicts]
    assert 409 in [answer.status_code for answer in refused]
    for answer in refused:
        if answer.status_code == 409:
            assert_in_use(answer)


# Blobs


@pytest.mark.clause("end-10", "Deleting blobs: 202, and 404 in this repository alone")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_blob_is_deleted_and_another_repository_keeps_its_own(registry, name, method):
    for repository in (name, f"{name}-other"):
        registry.push_blob(repository, CONTENT)
    delete(registry, blob_path(name, CONTENT))
    assert registry.request(method, blob_path(name, CONTENT)).status_code == 404
    assert registry.get(blob_path(f"{name}-other", CONTENT)).content == CONTENT


@pytest.mark.clause("end-10", "Deleting blobs: what was deleted can be pushed or mounted again")
@pytest.mark.parametrize("is_mounted", [False, True])
def test_a_deleted_blob_can_come_back(registry, name, is_mounted):
    registry.push_blob(f"{name}-other", CONTENT)
    registry.push_blob(name, CONTENT)
    delete(registry, blob_path(name, CONTENT))
    if is_mounted:
        query = f"mount={digest_of(CONTENT)}&from={name}-other"
        assert registry.request("POST", f"/v2/{name}/blobs/uploads/?{query}").status_code == 201
    else:
        registry.push_blob(name, CONTENT)
    assert registry.get(blob_path(name, CONTENT)).content == CONTENT


@pytest.mark.clause("end-10", "Deleting blobs: 404 for what is not there, or not any more")
def test_an_absent_blob_is_not_deleted(registry, name):
    registry.push_blob(name, CONTENT)
    secret = f"only in {name}-other".encode()
    registry.push_blob(f"{name}-other", secret)
    for path in (f"/v2/{name}/blobs/{ABSENT}", blob_path(name, secret), f"/v2/{name}-unknown/blobs/{ABSENT}"):
        assert_error(registry.delete(path), 404, "BLOB_UNKNOWN")
    delete(registry, blob_path(name, CONTENT))
    assert_error(registry.delete(blob_path(name, CONTENT)), 404, "BLOB_UNKNOWN")
    assert registry.get(blob_path(f"{name}-other", secret)).content == secret


@pytest.mark.clause("end-10", "Deleting blobs: 400 to a malformed digest")
@pytest.mark.parametrize("digest", ["sha256:abc", "md5:" + "0" * 32, "first"])
def test_a_malformed_digest_is_not_deleted(registry, name, digest):
    registry.push_blob(name, CONTENT)
    assert_error(registry.delete(f"/v2/{name}/blobs/{digest}"), 400, "DIGEST_INVALID")


@pytest.mark.clause("end-10", "Deleting blobs: refused while a manifest of the repository names it")
@pytest.mark.parametrize("data", [CONTENT, b"{}"])
def test_a_blob_in_use_is_kept(registry, name, data):
    """O14: a layer and a config; once no manifest names them they may go."""
    bodies = [registry.push_artifact(name, tag, CONTENT, annotations={"tag": tag}) for tag in ("one", "two")]
    for body in bodies:
        assert_in_use(registry.delete(blob_path(name, data)))
        assert registry.get(blob_path(name, data)).content == data
        delete(registry, manifest_path(name, digest_of(body)))
    delete(registry, blob_path(name, data))
    assert registry.put_manifest(name, "one", bodies[0]).status_code == 400


# A server that deletes nothing


@pytest.mark.clause("end-9", "Deleting: 405 where it is disabled")
def test_a_server_may_delete_nothing(serve):
    registry = Registry(serve("--no-delete").url)
    body = registry.push_artifact("team/model", "one", CONTENT)
    paths = [
        manifest_path("team/model", "one"), manifest_path("team/model", digest_of(body)),
        manifest_path("team/model", "absent"), blob_path("team/model", CONTENT), f"/v2/team/model/blobs/{ABSENT}"]
    for path in paths:
        answer = registry.delete(path)
        assert_error(answer, 405, "UNSUPPORTED", "method-not-allowed")
        assert "DELETE" not in answer.headers["Allow"]
    assert registry.get_manifest("team/model", "one").content == body
    assert registry.delete(registry.open_upload("team/model")).status_code == 204
