"""The clauses of the OCI distribution specification 1.1 that hold today, in plain HTTP."""

import json

import pytest
from harness import (
    BYTES, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, descriptor, digest_of, error_codes, image_manifest, raw_request,
    with_query)

CONTENT = bytes(range(256)) * 8
ABSENT = digest_of(b"never pushed")
MANIFEST_BYTES_MAX = 4 << 20


def test_the_root_answers(registry):
    assert registry.get("/v2/").status_code == 200


# Uploads


def upload_by_post_and_put(registry, name, data):
    return registry.close_upload(registry.open_upload(name), data, digest_of(data))


def upload_by_one_post(registry, name, data):
    answer = registry.request(
        "POST", f"/v2/{name}/blobs/uploads/?digest={digest_of(data)}", data=data, headers={"Content-Type": BYTES})
    if answer.status_code == 202:
        return registry.close_upload(answer.headers["Location"], data, digest_of(data))
    return answer


def upload_in_chunks(registry, name, data):
    location = registry.open_upload(name)
    for start in range(0, len(data), 1000):
        piece = data[start:start + 1000]
        answer = registry.patch(location, piece, (start, start + len(piece) - 1))
        assert answer.status_code == 202, answer.text
        assert answer.headers["Range"] == f"0-{start + len(piece) - 1}"
        location = answer.headers["Location"]
    return registry.close_upload(location, b"", digest_of(data))


def upload_as_one_patch(registry, name, data):
    answer = registry.patch(registry.open_upload(name), data)
    assert answer.status_code == 202, answer.text
    return registry.close_upload(answer.headers["Location"], b"", digest_of(data))


def upload_as_stream(registry, name, data):
    answer = registry.patch(registry.open_upload(name), iter([data[:7], data[7:]]))
    assert answer.status_code == 202, answer.text
    return registry.close_upload(answer.headers["Location"], b"", digest_of(data))


def upload_with_last_piece_in_put(registry, name, data):
    answer = registry.patch(registry.open_upload(name), data[:1000], (0, 999))
    assert answer.status_code == 202, answer.text
    return registry.close_upload(answer.headers["Location"], data[1000:], digest_of(data))


UPLOADS = [
    upload_by_post_and_put, upload_by_one_post, upload_in_chunks, upload_as_one_patch, upload_as_stream,
    upload_with_last_piece_in_put]


@pytest.mark.parametrize("upload", UPLOADS)
def test_a_blob_comes_back_as_it_was_sent(registry, name, upload):
    answer = upload(registry, name, CONTENT)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Docker-Content-Digest"] == digest_of(CONTENT)
    read = registry.get(answer.headers["Location"])
    assert (read.status_code, read.content) == (200, CONTENT)


def test_a_blob_without_bytes_is_a_blob(registry, name):
    registry.push_blob(name, b"")
    answer = registry.get(f"/v2/{name}/blobs/{digest_of(b'')}")
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "0")


def test_a_blob_can_be_pushed_twice(registry, name):
    assert registry.push_blob(name, CONTENT) == registry.push_blob(name, CONTENT)


@pytest.mark.parametrize("span", [(0, 99), (50, 149), (101, 200), (10**6, 10**6 + 99)])
def test_a_chunk_out_of_order_is_refused_and_the_upload_goes_on(registry, name, span):
    location = registry.patch(registry.open_upload(name), CONTENT[:100], (0, 99)).headers["Location"]
    refused = registry.patch(location, bytes(100), span)
    assert refused.status_code == 416
    assert refused.headers["Range"] == "0-99"
    answer = registry.patch(refused.headers["Location"], CONTENT[100:], (100, len(CONTENT) - 1))
    assert answer.status_code == 202, answer.text
    assert registry.close_upload(answer.headers["Location"], b"", digest_of(CONTENT)).status_code == 201


def test_an_upload_tells_how_far_it_is(registry, name):
    location = registry.patch(registry.open_upload(name), CONTENT[:100], (0, 99)).headers["Location"]
    answer = registry.get(location)
    assert (answer.status_code, answer.headers["Range"]) == (204, "0-99")
    assert "Location" in answer.headers


def test_an_upload_can_be_cancelled(registry, name):
    location = registry.open_upload(name)
    assert registry.request("DELETE", location).status_code == 204
    answer = registry.get(location)
    assert (answer.status_code, error_codes(answer)) == (404, ["BLOB_UPLOAD_UNKNOWN"])


def test_an_upload_is_over_when_it_is_closed(registry, name):
    location = registry.open_upload(name)
    registry.close_upload(location, CONTENT, digest_of(CONTENT))
    assert registry.get(location).status_code == 404


def test_a_mount_links_a_blob_to_another_repository(registry, name):
    registry.push_blob(name, CONTENT)
    answer = registry.request(
        "POST", f"/v2/{name}-target/blobs/uploads/?mount={digest_of(CONTENT)}&from={name}")
    assert answer.status_code in (201, 202)
    if answer.status_code == 201:
        assert registry.get(f"/v2/{name}-target/blobs/{digest_of(CONTENT)}").content == CONTENT


@pytest.mark.parametrize("query", [f"mount={ABSENT}&from=tests/nowhere", f"mount={ABSENT}"])
def test_a_mount_that_cannot_be_becomes_an_upload(registry, name, query):
    answer = registry.request("POST", f"/v2/{name}/blobs/uploads/?{query}")
    assert answer.status_code == 202
    assert "Location" in answer.headers


# Blobs


def test_a_blob_is_described_by_head(registry, name):
    registry.push_blob(name, CONTENT)
    answer = registry.head(f"/v2/{name}/blobs/{digest_of(CONTENT)}")
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["Docker-Content-Digest"] == digest_of(CONTENT)


def test_an_absent_blob_is_unknown(registry, name):
    registry.push_blob(name, CONTENT)
    answer = registry.get(f"/v2/{name}/blobs/{ABSENT}")
    assert (answer.status_code, error_codes(answer)) == (404, ["BLOB_UNKNOWN"])


def test_a_blob_is_not_readable_through_a_repository_that_never_got_it(registry, name):
    secret = f"only in {name}".encode()
    registry.push_blob(name, secret)
    registry.push_blob(f"{name}-other", CONTENT)
    assert registry.get(f"/v2/{name}-other/blobs/{digest_of(secret)}").status_code == 404


SIZE = len(CONTENT)


@pytest.mark.parametrize("asked, first, last", [
    ("0-0", 0, 0), ("0-9", 0, 9), ("100-199", 100, 199), ("2000-", 2000, SIZE - 1), ("-7", SIZE - 7, SIZE - 1),
    (f"0-{SIZE - 1}", 0, SIZE - 1), (f"2040-{SIZE + 100}", 2040, SIZE - 1), (f"-{SIZE + 1}", 0, SIZE - 1)])
def test_a_range_gives_just_that_part(registry, name, asked, first, last):
    registry.push_blob(name, CONTENT)
    answer = registry.get(f"/v2/{name}/blobs/{digest_of(CONTENT)}", headers={"Range": f"bytes={asked}"})
    assert answer.status_code == 206
    assert answer.content == CONTENT[first:last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"


@pytest.mark.parametrize("asked", [f"{SIZE}-", f"{SIZE}-{SIZE + 1}", "10-5", "-0", "99999999999999999999-"])
def test_a_range_outside_is_not_satisfiable(registry, name, asked):
    registry.push_blob(name, CONTENT)
    answer = registry.get(f"/v2/{name}/blobs/{digest_of(CONTENT)}", headers={"Range": f"bytes={asked}"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


# Manifests


def test_a_manifest_is_kept_byte_for_byte(registry, name):
    layer = registry.push_blob(name, CONTENT)
    registry.push_blob(name, b"{}")
    body = b" " + json.dumps(image_manifest([layer]), indent=5).encode() + b"\n"
    pushed = registry.put_manifest(name, "first", body)
    assert pushed.status_code == 201, pushed.text
    assert pushed.headers["Docker-Content-Digest"] == digest_of(body)
    for reference in ("first", digest_of(body)):
        read = registry.get_manifest(name, reference)
        assert (read.status_code, read.content) == (200, body)
        assert read.headers["Content-Type"] == OCI_MANIFEST
        head = registry.get_manifest(name, reference, "HEAD")
        assert head.headers["Content-Length"] == str(len(body))
        assert head.headers["Docker-Content-Digest"] == digest_of(body)


def test_several_accept_lines_are_one_list(registry, server_url, name):
    registry.push_artifact(name, "first", CONTENT)
    lines = [("Accept", kind) for kind in (OCI_MANIFEST, "application/vnd.docker.distribution.manifest.v2+json")]
    assert raw_request("GET", server_url, f"/v2/{name}/manifests/first", lines).status == 200


def accepted_manifests(blob):
    empty = descriptor(b"{}", OCI_EMPTY)
    foreign = {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "digest": ABSENT, "size": 9}
    return {
        "no layers": image_manifest([]),
        "unknown fields": image_manifest([blob], extra={"deep": [1, 2]}),
        "data in descriptor": image_manifest([blob], config=empty | {"data": "e30="}),
        "foreign layer never pushed": image_manifest([blob, foreign]),
        "unknown media type": image_manifest([blob | {"mediaType": "application/x-unknown"}]),
        "annotation that looks like a path": image_manifest([blob], annotations={"title": "../../etc/passwd"}),
    }


@pytest.mark.parametrize("case", list(accepted_manifests(descriptor(b""))))
def test_a_manifest_of_another_producer_is_accepted(registry, name, case):
    registry.push_blob(name, b"{}")
    body = json.dumps(accepted_manifests(registry.push_blob(name, CONTENT))[case]).encode()
    answer = registry.put_manifest(name, "first", body)
    assert answer.status_code == 201, answer.text
    assert registry.get_manifest(name, "first").content == body


@pytest.mark.parametrize("count", [0, 1])
def test_an_index_is_accepted(registry, name, count):
    child = registry.push_artifact(name, "child", CONTENT)
    children = [descriptor(child, OCI_MANIFEST)] * count
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}
    assert registry.put_manifest(name, "index", index, OCI_INDEX).status_code == 201
    assert registry.get_manifest(name, "index").headers["Content-Type"] == OCI_INDEX


@pytest.mark.parametrize("body, codes", [
    (b"", ["MANIFEST_INVALID"]), (b"not json", ["MANIFEST_INVALID"]), (b"[]", ["MANIFEST_INVALID"]),
    (json.dumps(image_manifest([descriptor(b"absent")])).encode(), ["MANIFEST_BLOB_UNKNOWN"])])
def test_a_bad_manifest_is_refused(registry, name, body, codes):
    registry.push_blob(name, b"{}")
    answer = registry.put_manifest(name, "first", body)
    assert answer.status_code in (400, 404)
    assert error_codes(answer)[:1] == codes
    assert registry.get_manifest(name, "first").status_code == 404


def test_a_manifest_under_another_digest_is_refused(registry, name):
    registry.push_blob(name, b"{}")
    answer = registry.put_manifest(name, ABSENT, image_manifest([]))
    assert (answer.status_code, error_codes(answer)) == (400, ["DIGEST_INVALID"])


@pytest.mark.parametrize("size, status", [(MANIFEST_BYTES_MAX, 201), (MANIFEST_BYTES_MAX + 1, 413)])
def test_a_manifest_has_at_most_4_mib(registry, name, size, status):
    registry.push_blob(name, b"{}")
    bare = json.dumps(image_manifest([])).encode()
    assert registry.put_manifest(name, "large", bare + b" " * (size - len(bare))).status_code == status


def test_an_absent_manifest_is_unknown(registry, name):
    registry.push_artifact(name, "first", CONTENT)
    answer = registry.get_manifest(name, "second")
    assert (answer.status_code, error_codes(answer)) == (404, ["MANIFEST_UNKNOWN"])


# Tags


def test_tags_are_listed_in_byte_order(registry, name):
    for tag in ("b", "B", "a", "_", "a.1"):
        registry.push_artifact(name, tag, tag.encode())
    answer = registry.get(f"/v2/{name}/tags/list").json()
    assert answer["name"] == name
    assert [tag for tag in answer["tags"] if not tag.isdigit()] == ["B", "_", "a", "a.1", "b"]
    assert answer["tags"] == sorted(answer["tags"])


def test_tags_come_in_pages(registry, name):
    for tag in ("a", "b", "c", "d", "e"):
        registry.push_artifact(name, tag, b"the same bytes")
    everything = registry.get(f"/v2/{name}/tags/list").json()["tags"]
    pages, path = [], f"/v2/{name}/tags/list?n=2"
    while path and len(pages) <= len(everything):
        answer = registry.get(path)
        pages.append(answer.json()["tags"])
        link = answer.headers.get("Link", "")
        assert not link or link.endswith('rel="next"')
        path = link[link.find("<") + 1:link.find(">")] if link else None
    assert sum(pages, []) == everything
    assert all(len(page) <= 2 for page in pages)


def test_a_page_of_no_tags_is_empty(registry, name):
    registry.push_artifact(name, "a", CONTENT)
    assert registry.get(f"/v2/{name}/tags/list?n=0").json()["tags"] == []


def test_tags_of_an_unknown_repository_are_unknown(registry, name):
    answer = registry.get(f"/v2/{name}/tags/list")
    assert (answer.status_code, error_codes(answer)) == (404, ["NAME_UNKNOWN"])


# Referrers


def referrers(registry, name, digest, query=""):
    answer = registry.get(f"/v2/{name}/referrers/{digest}{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == OCI_INDEX
    return answer


def test_a_digest_that_nobody_refers_to_has_an_empty_list(registry, name):
    registry.push_artifact(name, "first", CONTENT)
    assert referrers(registry, name, ABSENT).json()["manifests"] == []


def test_a_malformed_digest_has_no_referrers(registry, name):
    registry.push_artifact(name, "first", CONTENT)
    assert registry.get(f"/v2/{name}/referrers/sha256:abc").status_code == 400


@pytest.mark.parametrize("subject_comes_first", [True, False])
def test_a_referrer_is_listed(registry, name, subject_comes_first):
    registry.push_blob(name, b"{}")
    layer = registry.push_blob(name, CONTENT)
    subject = json.dumps(image_manifest([layer])).encode()
    referrer = json.dumps(image_manifest(
        [], subject=descriptor(subject, OCI_MANIFEST), artifactType="application/vnd.example.note",
        annotations={"org.example.note": "yes"})).encode()
    if subject_comes_first:
        assert registry.put_manifest(name, "subject", subject).status_code == 201
    pushed = registry.put_manifest(name, digest_of(referrer), referrer)
    assert pushed.status_code == 201, pushed.text
    assert pushed.headers["OCI-Subject"] == digest_of(subject)
    entry = descriptor(referrer, OCI_MANIFEST) | {
        "artifactType": "application/vnd.example.note", "annotations": {"org.example.note": "yes"}}
    assert referrers(registry, name, digest_of(subject)).json()["manifests"] == [entry]


def test_referrers_can_be_filtered(registry, name):
    subject = descriptor(registry.push_artifact(name, "subject", CONTENT), OCI_MANIFEST)
    for kind in ("one", "two"):
        manifest = json.dumps(image_manifest([], subject=subject, artifactType=f"application/{kind}")).encode()
        assert registry.put_manifest(name, digest_of(manifest), manifest).status_code == 201
    answer = referrers(registry, name, subject["digest"], "?artifactType=application/two")
    assert [entry["artifactType"] for entry in answer.json()["manifests"]] == ["application/two"]
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"


# Names


@pytest.mark.parametrize("path", ["one", "a/b/c/d/e", "a.b/c_d/e__f/g-h/0", "a--b", "blobs", "tags/list/x"])
def test_a_name_may_have_several_parts(registry, path):
    registry.push_blob(path, CONTENT)
    assert registry.get(f"/v2/{path}/blobs/{digest_of(CONTENT)}").content == CONTENT


def test_a_location_does_not_depend_on_forwarded_headers(registry, name):
    answer = registry.request(
        "POST", f"/v2/{name}/blobs/uploads/", headers={"X-Forwarded-Host": "elsewhere.example"})
    assert "elsewhere.example" not in answer.headers["Location"]
    assert registry.get(with_query(answer.headers["Location"], "x=1")).status_code == 204
