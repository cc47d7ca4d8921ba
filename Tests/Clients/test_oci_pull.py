"""OCI distribution specification 1.1.1, pull: manifests and blobs are read, asked for, ranged and kept by caches."""

import pytest
from harness import (
    BYTES, OCI_INDEX, OCI_MANIFEST, Registry, Wire, descriptor, digest_of, image_manifest, raw_request)
from distribution import (
    ABSENT, CONTENT, DOCKER_LIST, DOCKER_MANIFEST, UPLOADS, assert_error, encoded, index_of, push_empty, put, sha512_of)

SIZE = len(CONTENT)
ETAG = f'"{digest_of(CONTENT)}"'
OTHER_ETAG = f'"{ABSENT}"'


@pytest.fixture
def blob(registry, name):
    """The path of a blob of `CONTENT`."""
    registry.push_blob(name, CONTENT)
    return f"/v2/{name}/blobs/{digest_of(CONTENT)}"


# Determining support


@pytest.mark.clause("end-1", "Determining support: 200 means that the specification is implemented")
@pytest.mark.parametrize("path", ["/v2/", "/v2"])
def test_the_root_answers(registry, path):
    assert registry.get(path).status_code == 200


@pytest.mark.clause("end-1", "Determining support: 401 and how to log in, where that is needed")
@pytest.mark.parametrize("path", ["/v2/", "/v2/team/model/tags/list"])
def test_a_server_with_a_token_asks_for_it(serve, tmp_path, path):
    token = tmp_path / "token"
    token.write_text("a token of this test alone, long enough\n")
    token.chmod(0o600)
    registry = Registry(serve("--token-file", token).url)
    for headers in ({}, {"Authorization": "Basic eDp3cm9uZw=="}, {"Authorization": "Bearer wrong"}):
        answer = registry.get(path, headers=headers)
        assert_error(answer, 401, "UNAUTHORIZED")
        assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert registry.get(path, auth=("anybody", token.read_text().strip())).status_code in (200, 404)


# Error codes


@pytest.mark.clause("end-2", "Error codes: a JSON body is a list of errors with a code of the table")
@pytest.mark.parametrize("path, status, code", [
    ("{name}/blobs/" + ABSENT, 404, "BLOB_UNKNOWN"), ("{name}/blobs/sha256:abc", 400, "DIGEST_INVALID"),
    ("{name}/manifests/absent", 404, "MANIFEST_UNKNOWN"), ("{name}/manifests/" + ABSENT, 404, "MANIFEST_UNKNOWN"),
    ("{name}-other/manifests/absent", 404, "NAME_UNKNOWN"), ("{name}-other/tags/list", 404, "NAME_UNKNOWN"),
    ("{name}-other/blobs/" + ABSENT, 404, "BLOB_UNKNOWN"), ("{name}/blobs/uploads/unknown", 404, "BLOB_UPLOAD_UNKNOWN"),
    ("UPPER/tags/list", 400, "NAME_INVALID"), ("{name}/manifests/.dot", 400, "MANIFEST_INVALID")])
def test_an_error_is_a_list_of_codes(registry, name, path, status, code):
    registry.push_blob(name, CONTENT)
    assert_error(registry.get("/v2/" + path.format(name=name)), status, code)


# Blobs


@pytest.mark.clause("end-2", "Pulling blobs: 200, the blob, and its digest")
def test_a_blob_is_given_with_its_description(registry, blob):
    answer = registry.get(blob)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["Content-Type"] == BYTES
    assert answer.headers["Content-Length"] == str(SIZE)
    assert answer.headers["Docker-Content-Digest"] == digest_of(CONTENT)


@pytest.mark.clause("end-2", "Pulling blobs: a blob may have no bytes")
def test_a_blob_without_bytes_is_a_blob(registry, name):
    registry.push_blob(name, b"")
    answer = registry.get(f"/v2/{name}/blobs/{digest_of(b'')}")
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "0")


@pytest.mark.clause("end-2", "Content digests: sha512 is registered too")
@pytest.mark.parametrize("upload", UPLOADS)
def test_a_blob_is_named_by_sha512(registry, name, upload):
    answer = upload(registry, name, CONTENT, sha512_of(CONTENT))
    assert answer.status_code == 201, answer.text
    read = registry.get(f"/v2/{name}/blobs/{sha512_of(CONTENT)}")
    assert (read.status_code, read.content) == (200, CONTENT)
    assert read.headers["Docker-Content-Digest"] == sha512_of(CONTENT)


@pytest.mark.clause("end-2", "Pulling blobs: 404 if the repository has no such blob")
def test_a_blob_is_not_readable_through_a_repository_that_never_got_it(registry, name):
    secret = f"only in {name}".encode()
    registry.push_blob(name, secret)
    registry.push_blob(f"{name}-other", CONTENT)
    assert_error(registry.get(f"/v2/{name}-other/blobs/{digest_of(secret)}"), 404, "BLOB_UNKNOWN")


# HEAD


def described(url, path):
    """The headers of GET and of HEAD, less those that every answer has for itself."""
    replies = [raw_request(method, url, path) for method in ("GET", "HEAD")]
    assert [reply.status for reply in replies] == [200, 200]
    own = ("date", "x-request-id")
    return [{key: value for key, value in reply.headers.items() if key not in own} for reply in replies]


@pytest.mark.clause("end-2", "Checking if content exists: HEAD describes a blob as GET does")
def test_head_describes_a_blob_as_get_does(server_url, blob):
    got, headed = described(server_url, blob)
    assert got == headed
    assert headed["content-length"] == str(SIZE)


@pytest.mark.clause("end-3", "Checking if content exists: HEAD describes a manifest as GET does")
def test_head_describes_a_manifest_as_get_does(registry, server_url, name):
    body = registry.push_artifact(name, "first", CONTENT)
    for reference in ("first", "1", digest_of(body)):
        got, headed = described(server_url, f"/v2/{name}/manifests/{reference}")
        assert got == headed
        assert headed["docker-content-digest"] == digest_of(body)
        assert headed["content-length"] == str(len(body))


@pytest.mark.clause("end-2", "Checking if content exists: 200 or 404, and never a body")
@pytest.mark.parametrize("kind, status", [
    ("blobs/" + digest_of(CONTENT), 200), ("blobs/" + ABSENT, 404), ("manifests/first", 200),
    ("manifests/" + ABSENT, 404), ("manifests/absent", 404)])
def test_the_answer_to_head_has_no_body(registry, server_url, name, kind, status):
    registry.push_artifact(name, "first", CONTENT)
    heads = [f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n" for method, path in (
        ("HEAD", f"/v2/{name}/{kind}"), ("GET", "/healthz"))]
    with Wire(server_url) as wire:
        wire.send("".join(heads).encode())
        assert wire.reply(has_body=False).status == status
        assert wire.reply().status == 200, "something stands between the answers"


@pytest.mark.clause("end-2", "RFC 9110, section 14.2: Range is of no meaning to HEAD")
def test_head_knows_no_ranges(registry, blob):
    answer = registry.head(blob, headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(SIZE))


# Ranges


@pytest.mark.clause("end-2", "Pulling blobs: Range, RFC 9110, section 14")
@pytest.mark.parametrize("asked, first, last", [
    ("0-0", 0, 0), ("0-9", 0, 9), ("100-199", 100, 199), ("2000-", 2000, SIZE - 1), ("-7", SIZE - 7, SIZE - 1),
    (f"0-{SIZE - 1}", 0, SIZE - 1), (f"2040-{SIZE + 100}", 2040, SIZE - 1), (f"-{SIZE + 1}", 0, SIZE - 1),
    (f"{SIZE - 1}-", SIZE - 1, SIZE - 1), ("0-", 0, SIZE - 1)])
def test_a_range_gives_just_that_part(registry, blob, asked, first, last):
    answer = registry.get(blob, headers={"Range": f"bytes={asked}"})
    assert answer.status_code == 206
    assert answer.content == CONTENT[first:last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["Content-Length"] == str(last - first + 1)
    assert answer.headers["Docker-Content-Digest"] == digest_of(CONTENT)


@pytest.mark.clause("end-2", "Pulling blobs: 416 and the size, RFC 9110, section 15.5.17")
@pytest.mark.parametrize("asked", [f"{SIZE}-", f"{SIZE}-{SIZE + 1}", "10-5", "-0", "99999999999999999999-"])
def test_a_range_outside_is_not_satisfiable(registry, blob, asked):
    answer = registry.get(blob, headers={"Range": f"bytes={asked}"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.clause("end-2", "RFC 9110, section 13.1.5: a part only of the content that the client has")
@pytest.mark.parametrize("condition, status", [
    (ETAG, 206), (OTHER_ETAG, 200), ("W/" + ETAG, 200), (digest_of(CONTENT), 200),
    ("Sat, 29 Oct 1994 19:43:31 GMT", 200)])
def test_a_condition_on_a_range(registry, blob, condition, status):
    answer = registry.get(blob, headers={"Range": "bytes=100-199", "If-Range": condition})
    assert answer.status_code == status
    assert answer.content == (CONTENT[100:200] if status == 206 else CONTENT)


# Caches


@pytest.mark.clause("end-2", "Caching: what a digest names never changes")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_blob_may_be_kept_for_ever(registry, blob, method):
    answer = registry.request(method, blob)
    assert answer.headers["ETag"] == ETAG
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert answer.headers["Accept-Ranges"] == "bytes"


@pytest.mark.clause("end-2", "RFC 9110, section 13.1.2: 304 to a client that has the content")
@pytest.mark.parametrize("condition", [
    ETAG, "W/" + ETAG, f"{OTHER_ETAG}, {ETAG}", f"{OTHER_ETAG},{ETAG}", f'"a, b", {ETAG}', "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_blob_that_the_client_has_is_not_sent(registry, blob, condition, method):
    answer = registry.request(method, blob, headers={"If-None-Match": condition})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["ETag"] == ETAG
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"


@pytest.mark.clause("end-2", "RFC 9110, section 13.1.2: the content to a client that has other content")
@pytest.mark.parametrize("condition", [OTHER_ETAG, digest_of(CONTENT), "", '"', f"x{ETAG}", ETAG.upper()])
def test_a_blob_that_the_client_has_not_is_sent(registry, blob, condition):
    answer = registry.get(blob, headers={"If-None-Match": condition})
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.clause("end-2", "RFC 9110, section 13.2.2: If-None-Match comes before Range")
def test_a_condition_comes_before_a_range(registry, blob):
    headers = {"If-None-Match": ETAG, "Range": "bytes=0-9"}
    assert registry.get(blob, headers=headers).status_code == 304
    other = registry.get(blob, headers=headers | {"If-None-Match": OTHER_ETAG})
    assert (other.status_code, other.content) == (206, CONTENT[:10])


@pytest.mark.clause("end-2", "RFC 9110, section 13.1.2: a condition makes nothing out of nothing")
def test_an_absent_blob_is_never_unmodified(registry, name, blob):
    answer = registry.get(f"/v2/{name}/blobs/{ABSENT}", headers={"If-None-Match": "*"})
    assert_error(answer, 404, "BLOB_UNKNOWN")


# Manifests


@pytest.mark.clause("end-3", "Pulling manifests: by tag or digest, with the type that was pushed")
def test_a_manifest_is_read_by_every_name(registry, name):
    body = registry.push_artifact(name, "first", CONTENT)
    for reference in ("first", "1", digest_of(body)):
        answer = registry.get_manifest(name, reference)
        assert (answer.status_code, answer.content) == (200, body)
        assert answer.headers["Content-Type"] == OCI_MANIFEST
        assert answer.headers["Docker-Content-Digest"] == digest_of(body)


@pytest.mark.clause("end-3", "Pulling manifests: sha512 is registered too")
def test_a_manifest_is_named_by_sha512(registry, name):
    push_empty(registry, name)
    body = encoded(image_manifest([]))
    pushed = put(registry, name, sha512_of(body), body)
    for answer in (pushed, registry.get_manifest(name, sha512_of(body), "HEAD")):
        assert answer.headers["Docker-Content-Digest"] == sha512_of(body)
    assert registry.get_manifest(name, sha512_of(body)).content == body


@pytest.mark.clause("end-3", "Content negotiation: Accept may come in several lines")
def test_several_accept_lines_are_one_list(registry, server_url, name):
    registry.push_artifact(name, "first", CONTENT)
    lines = [("Accept", kind) for kind in (OCI_MANIFEST, DOCKER_MANIFEST)]
    for headers in (lines, lines[::-1]):
        assert raw_request("GET", server_url, f"/v2/{name}/manifests/first", headers).status == 200


@pytest.mark.clause("end-3", "Content negotiation: a manifest is what it is, whatever is asked for")
@pytest.mark.parametrize("accept", [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST, "text/html", "*/*", ""])
def test_a_manifest_is_never_converted(registry, name, accept):
    push_empty(registry, name)
    body = encoded(index_of([descriptor(encoded(image_manifest([])), OCI_MANIFEST)]))
    put(registry, name, "index", body, OCI_INDEX)
    answer = registry.get(f"/v2/{name}/manifests/index", headers={"Accept": accept})
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, body, OCI_INDEX)


@pytest.mark.clause("end-3", "Pulling manifests: 404 if the repository has none of that name")
@pytest.mark.parametrize("reference", ["second", "2", ABSENT])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_absent_manifest_is_unknown(registry, name, reference, method):
    registry.push_artifact(name, "first", CONTENT)
    answer = registry.get_manifest(name, reference, method)
    assert answer.status_code == 404
    if method == "GET":
        assert_error(answer, 404, "MANIFEST_UNKNOWN")


@pytest.mark.clause("end-3", "Pulling manifests: not through a repository that never got it")
def test_a_manifest_of_another_repository_is_unknown(registry, name):
    body = registry.push_artifact(name, "first", f"only in {name}".encode())
    registry.push_artifact(f"{name}-other", "first", CONTENT)
    assert_error(registry.get_manifest(f"{name}-other", digest_of(body)), 404, "MANIFEST_UNKNOWN")


@pytest.mark.clause("end-3", "Pushing manifests: pulling from a nonexistent repository is 404")
@pytest.mark.parametrize("reference", ["first", "1", ABSENT])
def test_an_unknown_repository_has_no_manifests(registry, name, reference):
    assert_error(registry.get_manifest(name, reference), 404, "NAME_UNKNOWN")


@pytest.mark.clause("end-3", "Caching: what a digest names never changes, what a tag names does")
@pytest.mark.parametrize("by_tag, kept", [(True, "no-cache"), (False, "immutable")])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_manifest_that_the_client_has_is_not_sent(registry, name, by_tag, kept, method):
    digest = digest_of(registry.push_artifact(name, "first", CONTENT))
    path = f"/v2/{name}/manifests/" + ("first" if by_tag else digest)
    sent = registry.request(method, path)
    answer = registry.request(method, path, headers={"If-None-Match": f'{OTHER_ETAG}, "{digest}"'})
    assert (sent.status_code, answer.status_code, answer.content) == (200, 304, b"")
    assert kept in answer.headers["Cache-Control"].split(", ")
    for field in ("ETag", "Cache-Control"):
        assert answer.headers[field] == sent.headers[field]
    assert answer.headers["ETag"] == f'"{digest}"'


@pytest.mark.clause("end-3", "RFC 9110, section 13.1.2: a tag that moved has other content")
def test_a_moved_tag_is_sent_again(registry, name):
    old = digest_of(registry.push_artifact(name, "moving", b"old"))
    new = registry.push_artifact(name, "moving", b"new")
    answer = registry.get(f"/v2/{name}/manifests/moving", headers={"If-None-Match": f'"{old}"'})
    assert (answer.status_code, answer.content) == (200, new)


# Names


@pytest.mark.clause("end-2", "Pulling manifests: the grammar of names")
@pytest.mark.parametrize("path", [
    "one", "a/b/c/d/e", "a.b/c_d/e__f/g-h/0", "a--b", "blobs", "tags/list/x", "blobs/uploads", "manifests/x/blobs",
    "referrers", "a" * 200])
def test_a_name_may_have_several_parts(registry, path):
    registry.push_blob(path, CONTENT)
    assert registry.get(f"/v2/{path}/blobs/{digest_of(CONTENT)}").content == CONTENT


@pytest.mark.clause("end-3", "Pulling manifests: the grammar of tags")
@pytest.mark.parametrize("tag", ["_", "A", "a.b-c_d", "v1.0.0-rc.1", "-".join(["x"] * 64) + "y", "latest", "list"])
def test_a_tag_may_have_these_forms(registry, name, tag):
    body = registry.push_artifact(name, tag, CONTENT)
    assert registry.get_manifest(name, tag).content == body
