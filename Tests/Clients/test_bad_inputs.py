"""Malformed digests, names and tags get the answer they must get, and never a 5xx; ids as in the list of bad inputs."""

import json

import pytest
from distribution import assert_error, upload_by_one_post
from harness import OCI_MANIFEST, check_status, digest_of, image_manifest, raw_request

CONTENT = b"a small blob"
HEX = "0123456789abcdef" * 4


# D: digests, names, tags, versions


@pytest.mark.parametrize("digest", [
    pytest.param("sha256:" + HEX.upper(), id="D1-upper-case"),
    pytest.param("sha256:" + HEX[1:], id="D2-63-digits"),
    pytest.param("sha256:" + HEX + "0", id="D2-65-digits"),
    pytest.param("md5:" + HEX[:32], id="D4-md5"),
    pytest.param("sha3:" + HEX, id="D4-unknown"),
    pytest.param("sha256:", id="no-digits"),
    pytest.param("sha256:" + "g" * 64, id="not-hex"),
    pytest.param("sha512:" + HEX, id="D2-sha512-64-digits"),
    pytest.param("sha256:" + "%00" * 64, id="nul")])
def test_a_malformed_digest_is_refused(registry, server_url, name, digest):
    registry.push_blob(name, CONTENT)
    for method, path in (
            ("GET", f"/v2/{name}/blobs/{digest}"), ("HEAD", f"/v2/{name}/blobs/{digest}"),
            ("POST", f"/v2/{name}/blobs/uploads/?digest={digest}"), ("GET", f"/v2/{name}/manifests/{digest}"),
            ("PUT", f"/v2/{name}/manifests/{digest}"), ("GET", f"/v2/{name}/referrers/{digest}")):
        answer = raw_request(method, server_url, path, body=CONTENT if method in ("POST", "PUT") else None)
        assert answer.status == 400, path
        if method != "HEAD":
            assert json.loads(answer.body)["errors"][0]["code"] == "DIGEST_INVALID", path


def test_the_zero_digest_is_only_absent(registry, name):
    """D6: its form is right."""
    registry.push_blob(name, CONTENT)
    for kind, code in (("blobs", "BLOB_UNKNOWN"), ("manifests", "MANIFEST_UNKNOWN")):
        assert_error(registry.get(f"/v2/{name}/{kind}/sha256:{'0' * 64}"), 404, code)


def test_the_digest_of_nothing_is_a_digest(registry, name):
    """D7"""
    answer = upload_by_one_post(registry, name, b"", digest_of(b""))
    assert answer.status_code == 201, answer.text
    assert registry.get(answer.headers["Location"]).content == b""


BAD_NAMES = [
    pytest.param("a%5Cb", id="D9-backslash"), pytest.param("a:b", id="D9-colon"),
    pytest.param("a%2fb", id="D9-slash"), pytest.param("a%252fb", id="D9-slash-twice"),
    pytest.param("Team/model", id="D11-case"), pytest.param("caf%C3%A9", id="D11-composed"),
    pytest.param("cafe%CC%81", id="D11-decomposed"), pytest.param("a%E2%80%8Fb", id="D12-right-to-left"),
    pytest.param("a%E2%80%8Bb", id="D12-zero-width"), pytest.param("%D0%B0b", id="D12-homoglyph"),
    pytest.param("a/../b", id="dots"), pytest.param("a//b", id="empty-part"), pytest.param("a%00b", id="nul"),
    pytest.param("-a", id="dash"), pytest.param("a" * 300, id="long"), pytest.param("%FF%FE", id="not-utf8")]


@pytest.mark.parametrize("bad", BAD_NAMES)
def test_a_bad_name_is_refused_by_oci(server_url, bad):
    for method, path in (("GET", f"/v2/{bad}/tags/list"), ("POST", f"/v2/{bad}/blobs/uploads/")):
        answer = raw_request(method, server_url, path, body=b"" if method == "POST" else None)
        assert answer.status == 400, path
        assert json.loads(answer.body)["errors"][0]["code"] == "NAME_INVALID"


@pytest.mark.parametrize("bad", [name for name in BAD_NAMES if name.id not in ("D9-colon", "D9-slash")])
def test_a_bad_name_is_refused_by_the_native_api(server_url, bad):
    answer = raw_request("GET", server_url, f"/api/v1/versions/{bad}:1")
    problem = json.loads(answer.body)
    assert (answer.status, problem["code"]) == (400, "name-invalid")
    assert answer.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize("tag", [
    pytest.param("a" * 129, id="D14-long"), pytest.param(".a", id="D14-dot"), pytest.param("-a", id="D14-dash"),
    pytest.param("a%20b", id="blank"), pytest.param("a%00b", id="nul")])
def test_a_bad_tag_is_refused(registry, server_url, name, tag):
    registry.push_blob(name, b"{}")
    body = json.dumps(image_manifest([])).encode()
    path = f"/v2/{name}/manifests/{tag}"
    answers = [raw_request("PUT", server_url, path, [("Content-Type", OCI_MANIFEST)], body)]
    answers.append(raw_request("GET", server_url, path))
    for answer in answers:
        assert (answer.status, json.loads(answer.body)["errors"][0]["detail"]["code"]) == (400, "tag-invalid")


@pytest.mark.parametrize("tag", ["0", "007", "9" * 40])
def test_a_number_that_is_no_version_number_is_refused(registry, name, tag):
    registry.push_blob(name, b"{}")
    assert_error(registry.put_manifest(name, tag, image_manifest([])), 400, "MANIFEST_INVALID", "tag-invalid")


@pytest.mark.parametrize("annotations", [
    pytest.param({"org.opencontainers.image.description": "x" * (1 << 20)}, id="D19-1-MiB"),
    pytest.param({f"label-{index}": "x" for index in range(10_000)}, id="D19-10000-labels"),
    pytest.param({"label": "a\x00\x1b[31mb"}, id="D19-control-characters")])
def test_unreasonable_annotations_are_kept_as_bytes(registry, name, annotations):
    """A manifest within its limit is kept as it is; what shows it to people cuts and escapes."""
    registry.push_blob(name, b"{}")
    body = image_manifest([], annotations=annotations)
    assert registry.put_manifest(name, "first", body).status_code == 201
    assert registry.get_manifest(name, "first").json() == body


# Every error, in each protocol's own form


def test_an_unknown_native_route_is_a_problem_document(registry):
    answer = registry.get("/api/v1/nothing-here")
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (404, 404, "route-not-found")
    assert answer.headers["Content-Type"].startswith("application/problem+json")


@pytest.mark.parametrize("reference, code", [
    ("tests/never-pushed:1", "repository-not-found"), ("tests/never-pushed:production", "repository-not-found")])
def test_an_absent_version_is_a_problem_document(registry, reference, code):
    answer = registry.get(f"/api/v1/versions/{reference}")
    assert answer.status_code == 404
    assert answer.json()["code"] in (code, "version-not-found", "alias-not-found")
    assert answer.json()["title"]


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [
    "/v2", "/v2//", "/v2/x", "/v2/_catalog", "/v2/x/manifests/", "/v2/x/blobs/", "/v2/manifests/x",
    "/v2/../../etc/passwd",
    "/api/v1", "/api/v1/versions/", "/api/v1/versions/x", "/api/v1/versions/x:", "/api/v1/versions/x@sha256:1",
    "/%", "/%zz", "//"])
def test_no_odd_path_is_an_error_of_ours(server_url, method, path):
    body = None if method == "GET" else b"{"
    check_status(raw_request(method, server_url, path, body=body).status)
