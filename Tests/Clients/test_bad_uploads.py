"""Malformed and forged requests about uploads, mounts and pages; ids as in the list of bad inputs."""

import http.client
import json
import time

import pytest
from distribution import assert_error, patched
from harness import BYTES, REQUEST_SECONDS, Registry, digest_of, image_manifest, raw_request

CONTENT = b"a small blob"
SESSIONS_MAX = 10_000
SESSIONS_ACCEPTED = 4096
SESSIONS_SECONDS = 90


# O: uploads


@pytest.mark.parametrize("session", [
    pytest.param("00000000-0000-4000-8000-000000000000", id="O6-unknown"), pytest.param("x", id="O6-malformed"),
    pytest.param("..%2f..%2fblobs", id="O6-traversal"), pytest.param("a" * 5000, id="O6-long"),
    pytest.param("%00", id="O6-nul")])
@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
def test_an_unknown_session_is_unknown(server_url, name, method, session):
    path = f"/v2/{name}/blobs/uploads/{session}" + (f"?digest={digest_of(CONTENT)}" if method == "PUT" else "")
    answer = raw_request(method, server_url, path, body=CONTENT if method in ("PATCH", "PUT") else None)
    assert answer.status == 404
    assert json.loads(answer.body)["errors"][0]["code"] == "BLOB_UPLOAD_UNKNOWN"


def test_a_session_of_another_repository_is_unknown(registry, name):
    """O6: and it is none the worse for it."""
    location = registry.open_upload(name)
    foreign = location.replace(f"/v2/{name}/", f"/v2/{name}-other/")
    for answer in (registry.patch(foreign, CONTENT), registry.get(foreign), registry.delete(foreign)):
        assert_error(answer, 404, "BLOB_UPLOAD_UNKNOWN", "upload-not-found")
    assert registry.close_upload(location, CONTENT, digest_of(CONTENT)).status_code == 201


def test_a_chunk_without_length_and_range_is_a_stream(registry, name):
    """O2"""
    location = patched(registry, registry.open_upload(name), iter([CONTENT[:5], CONTENT[5:]]))
    assert registry.close_upload(location, b"", digest_of(CONTENT)).status_code == 201


def test_a_wrong_digest_at_the_end_leaves_the_session(registry, name):
    """O4: the bytes are there, and may be given their right name."""
    location = patched(registry, registry.open_upload(name), CONTENT)
    refused = registry.close_upload(location, b"", digest_of(b"something else"))
    assert_error(refused, 400, "DIGEST_INVALID", "digest-mismatch")
    assert registry.get(location).status_code == 204
    assert registry.close_upload(location, b"", digest_of(CONTENT)).status_code == 201


@pytest.mark.parametrize("digest", ["", "sha256:abc", "md5:" + "0" * 32, digest_of(CONTENT).upper()])
def test_a_malformed_digest_at_the_end_leaves_the_session(registry, name, digest):
    """O4: malformed is refused like wrong, and so is none at all."""
    location = patched(registry, registry.open_upload(name), CONTENT)
    assert_error(registry.close_upload(location, b"", digest), 400, "DIGEST_INVALID")
    assert_error(registry.request("PUT", location), 400, "DIGEST_INVALID")
    assert registry.close_upload(location, b"", digest_of(CONTENT)).status_code == 201


@pytest.mark.parametrize("span", [
    "", "x", "5", "0-", "-5", "5-1", "0-1-2", "0-99999999999999999999", "0-9223372036854775807", "+0-11", "0-+11",
    "bytes 0-11", "0-5"])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_malformed_content_range_is_refused(registry, name, span, method):
    """O1: nothing of the chunk is taken."""
    location = registry.open_upload(name)
    headers = {"Content-Range": span, "Content-Type": BYTES}
    query = f"?digest={digest_of(CONTENT)}" if method == "PUT" else ""
    answer = registry.request(method, location + query, data=CONTENT, headers=headers)
    assert_error(answer, 400, "SIZE_INVALID", "size-invalid")
    assert registry.close_upload(location, CONTENT, digest_of(CONTENT)).status_code == 201


@pytest.mark.parametrize("span", ["12-5000", "12-15"])
def test_a_streamed_chunk_of_another_length_is_refused(registry, name, span):
    """O1: what came of it stays, and the upload goes on there."""
    location = patched(registry, registry.open_upload(name), CONTENT[:12])
    answer = registry.request(
        "PATCH", location, data=iter([CONTENT[12:]]), headers={"Content-Range": span, "Content-Type": BYTES})
    assert_error(answer, 400, "SIZE_INVALID", "size-invalid")
    assert registry.close_upload(location, b"", digest_of(CONTENT)).status_code == 201


@pytest.mark.parametrize("size, code", [
    (0, "SIZE_INVALID"), (len(CONTENT) + 1, "SIZE_INVALID"), (2**63 - 1, "SIZE_INVALID"), (-1, "MANIFEST_INVALID"),
    (2**63, "MANIFEST_INVALID"), (1.5, "MANIFEST_INVALID"), ("12", "MANIFEST_INVALID"), (None, "MANIFEST_INVALID")])
def test_a_descriptor_of_another_size_is_refused(registry, name, size, code):
    """O11"""
    registry.push_blob(name, b"{}")
    layer = registry.push_blob(name, CONTENT) | {"size": size}
    assert_error(registry.put_manifest(name, "first", image_manifest([layer])), 400, code)


@pytest.mark.parametrize("source", ["Bad Name", "..", "a%2f..%2fb", "%00", ""])
def test_a_mount_from_a_malformed_name_is_an_upload(registry, name, source):
    """O16: it cannot be mounted, and a mount that cannot be is no error."""
    registry.push_blob(f"{name}-other", CONTENT)
    path = f"/v2/{name}/blobs/uploads/?mount={digest_of(CONTENT)}&from={source}"
    answer = registry.request("POST", path)
    assert answer.status_code == 202
    assert registry.close_upload(answer.headers["Location"], CONTENT, digest_of(CONTENT)).status_code == 201


@pytest.mark.parametrize("query", ["n=-1", "n=x", "n=99999999999999999999", "n=", "n=+1", "n=1.5", "n=0x1", "n=1&n=2"])
def test_an_odd_page_is_refused(registry, name, query):
    """O17"""
    registry.push_artifact(name, "first", CONTENT)
    assert_error(registry.get(f"/v2/{name}/tags/list?{query}"), 400, "UNSUPPORTED", "request-invalid")


@pytest.mark.parametrize("query, tags", [
    ("n=1000000000", ["1", "first"]), ("last=%00", ["1", "first"]), ("last=zzz", []), ("last=../../x", ["1", "first"]),
    ("last=" + "z" * 5000, []), ("last='%20or%201=1--", ["1", "first"])])
def test_a_forged_page_is_a_page(registry, name, query, tags):
    """O17: `last` is only a text to compare with."""
    registry.push_artifact(name, "first", CONTENT)
    answer = registry.get(f"/v2/{name}/tags/list?{query}")
    assert (answer.status_code, answer.json()["tags"]) == (200, tags)


def test_sessions_left_open_are_limited(server):
    """O21: until they are given up; test_oci_uploads.py has the expiry."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=REQUEST_SECONDS)
    deadline = time.monotonic() + SESSIONS_SECONDS
    accepted = 0
    for _ in range(SESSIONS_MAX):
        connection.request("POST", "/v2/tests/sessions/blobs/uploads/", headers={"Content-Length": "0"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 202 or time.monotonic() > deadline:
            break
        accepted += 1
    connection.close()
    assert (accepted, answer.status) == (SESSIONS_ACCEPTED, 429)
    assert json.loads(text)["errors"][0]["code"] == "TOOMANYREQUESTS"
    assert Registry(server.url).get("/v2/").status_code == 200
