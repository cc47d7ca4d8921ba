"""OCI distribution specification 1.1.1, push: uploads of every form, their sessions, and mounts."""

from urllib.parse import urljoin, urlsplit

import pytest
from distribution import ABSENT, CONTENT, UPLOADS, assert_error, patched, sha512_of, upload_by_one_post
from harness import BYTES, digest_of, with_query

# Uploads


@pytest.mark.clause("end-6", "Pushing blobs: 201 and the Location of a blob that can be pulled")
@pytest.mark.parametrize("upload", UPLOADS)
def test_a_blob_comes_back_as_it_was_sent(registry, name, upload):
    answer = upload(registry, name, CONTENT, digest_of(CONTENT))
    assert answer.status_code == 201, answer.text
    assert answer.headers["Docker-Content-Digest"] == digest_of(CONTENT)
    read = registry.get(answer.headers["Location"])
    assert (read.status_code, read.content) == (200, CONTENT)


@pytest.mark.clause("end-6", "Pushing blobs: the same content again is no error")
@pytest.mark.parametrize("upload", UPLOADS)
def test_a_blob_can_be_pushed_twice(registry, name, upload):
    registry.push_blob(name, CONTENT)
    assert upload(registry, name, CONTENT, digest_of(CONTENT)).status_code == 201


@pytest.mark.clause("end-4a", "POST then PUT: 202 and the Location of a session of its own")
@pytest.mark.parametrize("path", ["/v2/{}/blobs/uploads/", "/v2/{}/blobs/uploads"])
def test_an_upload_is_opened(registry, name, path):
    answers = [registry.request("POST", path.format(name)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert len({answer.headers["Location"] for answer in answers}) == 2
    assert {answer.headers["Range"] for answer in answers} == {"0-0"}
    assert {answer.content for answer in answers} == {b""}


@pytest.mark.clause("end-4a", "POST then PUT: Location is relative or absolute, RFC 9110, section 10.2.2")
def test_a_location_is_found_from_the_request(registry, server_url, name):
    address = f"{server_url}/v2/{name}/blobs/uploads/"
    for method in ("POST", "PATCH", "GET"):
        answer = registry.request(method, address)
        assert answer.status_code == (204 if method == "GET" else 202), answer.text
        address = urljoin(address, answer.headers["Location"])
        assert urlsplit(address).netloc == urlsplit(server_url).netloc
    assert registry.close_upload(address, CONTENT, digest_of(CONTENT)).status_code == 201


@pytest.mark.clause("end-4a", "POST then PUT: Location is where the client came, not where a header says")
def test_a_location_does_not_depend_on_forwarded_headers(registry, name):
    """H31: forwarded headers of just anybody are not believed."""
    headers = {"X-Forwarded-Host": "elsewhere.example", "Forwarded": "host=elsewhere.example"}
    answer = registry.request("POST", f"/v2/{name}/blobs/uploads/", headers=headers)
    assert "elsewhere.example" not in answer.headers["Location"]
    assert registry.get(with_query(answer.headers["Location"], "x=1")).status_code == 204


@pytest.mark.clause("end-4b", "Single POST: a wrong digest leaves neither blob nor session")
def test_one_post_with_a_wrong_digest_is_refused(registry, name):
    assert_error(upload_by_one_post(registry, name, CONTENT, ABSENT), 400, "DIGEST_INVALID", "digest-mismatch")
    for digest in (ABSENT, digest_of(CONTENT)):
        assert registry.get(f"/v2/{name}/blobs/{digest}").status_code == 404


@pytest.mark.clause("end-4c", "Unreleased: the hash of an upload may be told ahead")
@pytest.mark.parametrize("algorithm, digest", [("sha256", digest_of(CONTENT)), ("sha512", sha512_of(CONTENT))])
def test_the_algorithm_may_be_told_ahead(registry, name, algorithm, digest):
    answer = registry.request("POST", f"/v2/{name}/blobs/uploads/?digest-algorithm={algorithm}")
    assert answer.status_code == 202, answer.text
    location = patched(registry, answer.headers["Location"], CONTENT)
    assert registry.close_upload(location, b"", digest).status_code == 201
    assert registry.get(f"/v2/{name}/blobs/{digest}").content == CONTENT


@pytest.mark.clause("end-4c", "Unreleased: a hash that is not offered is refused at once")
@pytest.mark.parametrize("algorithm", ["md5", "sha1", "SHA256", "blake3", ""])
def test_an_algorithm_that_is_not_offered_is_refused(registry, name, algorithm):
    answer = registry.request("POST", f"/v2/{name}/blobs/uploads/?digest-algorithm={algorithm}")
    assert_error(answer, 400, "DIGEST_INVALID")


# Chunks


@pytest.mark.clause("end-5", "Pushing a blob in chunks: any size, unless OCI-Chunk-Min-Length says otherwise")
def test_a_chunk_may_be_a_byte(registry, name):
    answer = registry.request("POST", f"/v2/{name}/blobs/uploads/")
    assert "OCI-Chunk-Min-Length" not in answer.headers
    location = answer.headers["Location"]
    for index in range(3):
        location = patched(registry, location, CONTENT[index:index + 1], (index, index))
    assert registry.close_upload(location, CONTENT[3:], digest_of(CONTENT)).status_code == 201


@pytest.mark.clause("end-5", "Pushing a blob in chunks: 416 to a chunk out of order")
@pytest.mark.parametrize("span", [(0, 99), (50, 149), (101, 200), (10**6, 10**6 + 99)])
def test_a_chunk_out_of_order_is_refused_and_the_upload_goes_on(registry, name, span):
    """O1: a repeat, an overlap and gaps."""
    location = patched(registry, registry.open_upload(name), CONTENT[:100], (0, 99))
    refused = registry.patch(location, bytes(100), span)
    assert_error(refused, 416, "BLOB_UPLOAD_INVALID", "upload-out-of-order")
    assert refused.headers["Range"] == "0-99"
    location = patched(registry, refused.headers["Location"], CONTENT[100:], (100, len(CONTENT) - 1))
    assert registry.close_upload(location, b"", digest_of(CONTENT)).status_code == 201


@pytest.mark.clause("end-5", "Pushing a blob in chunks: the first begins with 0")
def test_a_first_chunk_begins_with_zero(registry, name):
    refused = registry.patch(registry.open_upload(name), CONTENT[100:], (100, len(CONTENT) - 1))
    assert_error(refused, 416, "BLOB_UPLOAD_INVALID", "upload-out-of-order")
    location = patched(registry, refused.headers["Location"], CONTENT, (0, len(CONTENT) - 1))
    assert registry.close_upload(location, b"", digest_of(CONTENT)).status_code == 201


@pytest.mark.clause("end-6", "Pushing a blob in chunks: 416 to a last chunk out of order")
@pytest.mark.parametrize("span", [(0, 99), (99, 198), (101, 200)])
def test_a_last_chunk_out_of_order_is_refused_and_the_upload_goes_on(registry, name, span):
    location = patched(registry, registry.open_upload(name), CONTENT[:100], (0, 99))
    headers = {"Content-Type": BYTES, "Content-Range": f"{span[0]}-{span[1]}"}
    closing = with_query(location, f"digest={digest_of(CONTENT)}")
    refused = registry.request("PUT", closing, data=CONTENT[100:200], headers=headers)
    assert_error(refused, 416, "BLOB_UPLOAD_INVALID", "upload-out-of-order")
    assert refused.headers["Range"] == "0-99"
    answer = registry.close_upload(refused.headers["Location"], CONTENT[100:], digest_of(CONTENT))
    assert answer.status_code == 201, answer.text


@pytest.mark.clause("end-13", "Pushing a blob in chunks: 204, Location and Range tell where to go on")
def test_an_upload_tells_how_far_it_is(registry, name):
    location = registry.open_upload(name)
    for end in (100, 1000):
        start = int(registry.get(location).headers["Range"].removeprefix("0-"))
        start = start + 1 if start else 0
        location = patched(registry, location, CONTENT[start:end], (start, end - 1))
        answer = registry.get(location)
        assert (answer.status_code, answer.content, answer.headers["Range"]) == (204, b"", f"0-{end - 1}")
        location = answer.headers["Location"]
    assert registry.close_upload(location, CONTENT[1000:], digest_of(CONTENT)).status_code == 201


@pytest.mark.clause("end-13", "Pushing a blob in chunks: an upload without bytes")
def test_an_upload_without_bytes_tells_so(registry, name):
    answer = registry.get(registry.open_upload(name))
    assert (answer.status_code, answer.headers["Range"]) == (204, "0-0")
    assert "Location" in answer.headers


@pytest.mark.clause("end-14", "Cancelling an upload: 204, and the session is unknown")
@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
def test_an_upload_can_be_cancelled(registry, name, method):
    location = patched(registry, registry.open_upload(name), CONTENT)
    answer = registry.delete(location)
    assert (answer.status_code, answer.content) == (204, b"")
    path = with_query(location, f"digest={digest_of(CONTENT)}") if method == "PUT" else location
    assert_error(registry.request(method, path), 404, "BLOB_UPLOAD_UNKNOWN", "upload-not-found")
    assert registry.get(f"/v2/{name}/blobs/{digest_of(CONTENT)}").status_code == 404


@pytest.mark.clause("end-6", "Pushing a blob in chunks: the session is closed by PUT")
@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
def test_an_upload_is_over_when_it_is_closed(registry, name, method):
    location = registry.open_upload(name)
    assert registry.close_upload(location, CONTENT, digest_of(CONTENT)).status_code == 201
    path = with_query(location, f"digest={digest_of(CONTENT)}") if method == "PUT" else location
    assert_error(registry.request(method, path), 404, "BLOB_UPLOAD_UNKNOWN", "upload-not-found")


# Mounts


@pytest.mark.clause("end-11", "Mounting a blob: 201 and the Location of the blob; `from` is optional")
@pytest.mark.parametrize("has_source", [True, False])
def test_a_mount_links_a_blob_to_another_repository(registry, name, has_source):
    data = f"mounted from {name}".encode()
    registry.push_blob(name, data)
    query = f"mount={digest_of(data)}" + (f"&from={name}" if has_source else "")
    answer = registry.request("POST", f"/v2/{name}-target/blobs/uploads/?{query}")
    assert answer.status_code == 201, answer.text
    assert answer.headers["Docker-Content-Digest"] == digest_of(data)
    assert answer.headers["Location"].startswith(f"/v2/{name}-target/blobs/")
    assert registry.get(answer.headers["Location"]).content == data


@pytest.mark.clause("end-11", "Mounting a blob: 202 and an upload session where it cannot be done")
@pytest.mark.parametrize("query", [
    f"mount={ABSENT}&from=tests/nowhere", f"mount={ABSENT}", f"mount={digest_of(CONTENT)}&from={{}}-empty",
    f"mount={digest_of(CONTENT)}&from=Not%20A%20Name"])
def test_a_mount_that_cannot_be_becomes_an_upload(registry, name, query):
    """O16: a malformed source is a source that has nothing."""
    registry.push_blob(name, CONTENT)
    registry.push_blob(f"{name}-empty", b"something else")
    answer = registry.request("POST", f"/v2/{name}-target/blobs/uploads/?{query.format(name)}")
    assert answer.status_code == 202, answer.text
    assert registry.get(f"/v2/{name}-target/blobs/{digest_of(CONTENT)}").status_code == 404
    assert registry.close_upload(answer.headers["Location"], CONTENT, digest_of(CONTENT)).status_code == 201
