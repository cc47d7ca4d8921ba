"""Bad input over HTTP gets the answer it must get, and never a 5xx; ids as in the list of bad inputs."""

import http.client
import json
import os
import time

import pytest
from harness import (
    BYTES, OCI_MANIFEST, REQUEST_SECONDS, Registry, Wire, check_status, digest_of, error_codes,
    image_manifest, raw_request)

CONTENT = b"a small blob"
HEX = "0123456789abcdef" * 4
SESSIONS_MAX = 10_000
SESSIONS_SECONDS = 90


# D: digests, names, tags, versions


@pytest.mark.parametrize("digest", [
    pytest.param("sha256:" + HEX.upper(), id="D1-upper-case"),
    pytest.param("sha256:" + HEX[1:], id="D2-63-digits"),
    pytest.param("sha256:" + HEX + "0", id="D2-65-digits"),
    pytest.param("md5:" + HEX[:32], id="D4-md5"),
    pytest.param("sha3:" + HEX, id="D4-unknown"),
    pytest.param("sha256:", id="no-digits"),
    pytest.param("sha256:" + "g" * 64, id="not-hex"),
    pytest.param("sha256:" + "%00" * 64, id="nul")])
def test_a_malformed_digest_is_refused(registry, server_url, name, digest):
    registry.push_blob(name, CONTENT)
    answers = [
        raw_request("GET", server_url, f"/v2/{name}/blobs/{digest}"),
        raw_request("POST", server_url, f"/v2/{name}/blobs/uploads/?digest={digest}", body=CONTENT)]
    for answer in answers:
        assert answer.status == 400
        assert json.loads(answer.body)["errors"][0]["code"] in ("DIGEST_INVALID", "UNSUPPORTED")


def test_the_zero_digest_is_only_absent(registry, name):
    registry.push_blob(name, CONTENT)
    assert registry.get(f"/v2/{name}/blobs/sha256:{'0' * 64}").status_code == 404


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
    assert raw_request("PUT", server_url, path, [("Content-Type", OCI_MANIFEST)], body).status == 400


@pytest.mark.parametrize("tag", ["0", "007", "9" * 40])
def test_a_number_that_is_no_version_number_is_refused(registry, name, tag):
    registry.push_blob(name, b"{}")
    assert registry.put_manifest(name, tag, image_manifest([])).status_code == 400


def test_a_version_number_never_moves(registry, name):
    first = registry.push_artifact(name, "some", b"first")
    second = image_manifest([registry.push_blob(name, b"second")])
    assert registry.put_manifest(name, "1", second).status_code == 409
    assert registry.get_manifest(name, "1").content == first


@pytest.mark.parametrize("annotations", [
    pytest.param({"org.opencontainers.image.description": "x" * (1 << 20)}, id="D19-1-MiB"),
    pytest.param({f"label-{index}": "x" for index in range(10_000)}, id="D19-10000-labels"),
    pytest.param({"label": "a\x00\x1b[31mb"}, id="D19-control-characters")])
def test_unreasonable_annotations_are_kept_as_bytes_or_refused(registry, name, annotations):
    registry.push_blob(name, b"{}")
    answer = registry.put_manifest(name, "first", image_manifest([], annotations=annotations))
    assert answer.status_code in (201, 400, 413)


# O: uploads


@pytest.mark.parametrize("session", [
    pytest.param("00000000-0000-4000-8000-000000000000", id="unknown"), pytest.param("x", id="malformed"),
    pytest.param("..%2f..%2fblobs", id="traversal"), pytest.param("a" * 5000, id="long"),
    pytest.param("%00", id="nul")])
@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
def test_an_unknown_session_is_unknown(server_url, name, method, session):
    path = f"/v2/{name}/blobs/uploads/{session}" + (f"?digest={digest_of(CONTENT)}" if method == "PUT" else "")
    answer = raw_request(method, server_url, path, body=CONTENT if method in ("PATCH", "PUT") else None)
    assert answer.status == 404
    assert json.loads(answer.body)["errors"][0]["code"] == "BLOB_UPLOAD_UNKNOWN"


def test_a_session_of_another_repository_is_unknown(registry, name):
    foreign = registry.open_upload(name).replace(f"/v2/{name}/", f"/v2/{name}-other/")
    assert registry.patch(foreign, CONTENT).status_code == 404


def test_a_wrong_digest_at_the_end_leaves_the_session(registry, name):
    location = registry.patch(registry.open_upload(name), CONTENT).headers["Location"]
    refused = registry.close_upload(location, b"", digest_of(b"something else"))
    assert (refused.status_code, error_codes(refused)) == (400, ["DIGEST_INVALID"])
    assert registry.get(location).status_code == 204
    assert registry.close_upload(location, b"", digest_of(CONTENT)).status_code == 201


def test_a_closing_request_without_digest_is_refused(registry, name):
    location = registry.patch(registry.open_upload(name), CONTENT).headers["Location"]
    assert registry.request("PUT", location).status_code == 400


@pytest.mark.parametrize("span", ["", "x", "5", "0-", "-5", "5-1", "0-1-2", "0-99999999999999999999", "bytes 0-11"])
def test_a_malformed_content_range_is_refused(registry, name, span):
    headers = {"Content-Range": span, "Content-Type": BYTES}
    answer = registry.request("PATCH", registry.open_upload(name), data=CONTENT, headers=headers)
    assert answer.status_code in (400, 416)


@pytest.mark.parametrize("size", [-1, 0, len(CONTENT) + 1, 2**63 - 1, 2**63, 1.5, "12", None])
def test_a_descriptor_of_another_size_is_refused(registry, name, size):
    registry.push_blob(name, b"{}")
    layer = registry.push_blob(name, CONTENT) | {"size": size}
    assert registry.put_manifest(name, "first", image_manifest([layer])).status_code == 400


def test_a_blob_in_use_is_not_deleted(registry, name):
    registry.push_artifact(name, "first", CONTENT)
    path = f"/v2/{name}/blobs/{digest_of(CONTENT)}"
    assert registry.request("DELETE", path).status_code in (405, 409)
    assert registry.get(path).content == CONTENT


@pytest.mark.parametrize("source", ["Bad Name", "..", "a%2f..%2fb", "%00", ""])
def test_a_mount_from_a_malformed_name_is_no_error_of_ours(registry, name, source):
    path = f"/v2/{name}/blobs/uploads/?mount={digest_of(CONTENT)}&from={source}"
    assert registry.request("POST", path).status_code in (202, 400)


@pytest.mark.parametrize("query", [
    "n=1000000000", "n=-1", "n=x", "n=99999999999999999999", "last=%00", "last=zzz", "n="])
def test_an_odd_page_is_capped_or_refused(registry, name, query):
    registry.push_artifact(name, "first", CONTENT)
    assert registry.get(f"/v2/{name}/tags/list?{query}").status_code in (200, 400)


def test_sessions_left_open_are_limited(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=REQUEST_SECONDS)
    deadline = time.monotonic() + SESSIONS_SECONDS
    statuses = set()
    for _ in range(SESSIONS_MAX):
        connection.request("POST", "/v2/tests/sessions/blobs/uploads/", headers={"Content-Length": "0"})
        answer = connection.getresponse()
        answer.read()
        statuses.add(answer.status)
        if answer.status == 429 or time.monotonic() > deadline:
            break
    connection.close()
    assert statuses == {202, 429}
    assert Registry(server.url).get("/v2/").status_code == 200


# H: HTTP itself


def message(method, path, *headers, body=b""):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


UPLOADS = "/v2/tests/wire/blobs/uploads/"


@pytest.mark.parametrize("headers", [
    pytest.param(["Content-Length: 5", "Transfer-Encoding: chunked"], id="H1-both"),
    pytest.param(["Content-Length: 5", "Content-Length: 6"], id="H2-two"),
    pytest.param(["Content-Length: 5, 6"], id="H2-list"),
    pytest.param(["Content-Length: +5"], id="H2-plus"),
    pytest.param(["Content-Length: 0x5"], id="H2-hex"),
    pytest.param(["Content-Length: -1"], id="H2-negative"),
    pytest.param(["Content-Length: 9223372036854775808"], id="H2-above-2^63"),
    pytest.param(["Content-Length: 99999999999999999999999"], id="H2-above-2^64")])
def test_an_ambiguous_length_closes_the_connection(server_url, headers):
    with Wire(server_url) as wire:
        wire.send(message("POST", UPLOADS, *headers, body=b"5\r\nhello\r\n0\r\n\r\n"))
        assert wire.reply().status == 400
        assert wire.is_closed()


@pytest.mark.parametrize("body", [
    pytest.param(b"+5\r\nhello\r\n0\r\n\r\n", id="sign"), pytest.param(b" 5\r\nhello\r\n0\r\n\r\n", id="space"),
    pytest.param(b"5\nhello\n0\n\n", id="bare-line-feed"),
    pytest.param(b"5" * 20 + b"\r\nhello\r\n0\r\n\r\n", id="20-digits"),
    pytest.param(b"5;" + b"x" * (1 << 20) + b"\r\nhello\r\n0\r\n\r\n", id="extension-of-1-MiB")])
def test_a_malformed_chunk_closes_the_connection(registry, server_url, body):
    path = registry.open_upload("tests/wire").removeprefix(server_url)
    with Wire(server_url) as wire:
        wire.send(message("PATCH", path, "Transfer-Encoding: chunked", body=body))
        assert wire.reply().status == 400
        assert wire.is_closed()


@pytest.mark.parametrize("lines", [
    pytest.param([], id="missing"), pytest.param(["Host: a", "Host: b"], id="twice"),
    pytest.param(["Host: user@localhost"], id="user")])
def test_a_host_that_is_not_one_host_is_refused(server_url, lines):
    with Wire(server_url) as wire:
        wire.send("\r\n".join(["GET /healthz HTTP/1.1", *lines, "", ""]).encode())
        assert wire.reply().status == 400


def test_an_absolute_target_is_never_fetched(server_url):
    with Wire(server_url) as wire:
        assert wire.send(message("GET", "http://elsewhere.example/healthz")).reply().status in (200, 400)


def test_a_request_line_of_64_kib_is_too_long(server_url):
    with Wire(server_url) as wire:
        assert wire.send(message("GET", "/" + "a" * (64 << 10))).reply().status == 414
        assert wire.is_closed()


def test_headers_of_1_mib_are_too_large(server_url):
    with Wire(server_url) as wire:
        assert wire.send(message("GET", "/healthz", "X-Large: " + "a" * (1 << 20))).reply().status in (400, 413, 431)
        assert wire.is_closed()


def test_bytes_beyond_the_body_are_not_a_request(server_url):
    with Wire(server_url) as wire:
        wire.send(message("POST", UPLOADS, "Content-Length: 0", body=b"\x00surplus bytes\r\n\r\n"))
        assert wire.reply().status in (202, 400)
        second = wire.reply()
        assert second is None or second.status == 400
        assert wire.is_closed()


def test_an_unknown_expectation_fails(server_url):
    with Wire(server_url) as wire:
        wire.send(message("POST", UPLOADS, "Content-Length: 0", "Expect: a miracle"))
        assert wire.reply().status == 417


@pytest.mark.parametrize("asked", ["0-," * 999 + "0-", "0-5,3-8", "0-1,4-5", "x", "", "5", "0-1,"])
def test_odd_ranges_give_the_whole_or_nothing(registry, name, asked):
    registry.push_blob(name, CONTENT)
    answer = registry.get(f"/v2/{name}/blobs/{digest_of(CONTENT)}", headers={"Range": f"bytes={asked}"})
    assert answer.status_code in (200, 416)
    assert answer.status_code == 416 or answer.content == CONTENT


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND"])
@pytest.mark.parametrize("path", ["/v2/", "/healthz", "/api/v1/versions/tests/wire:1"])
def test_another_method_is_not_allowed(server_url, method, path):
    with Wire(server_url) as wire:
        assert wire.send(message(method, path)).reply().status in (405, 501)


@pytest.mark.parametrize("method", ["INVENTED", "get"])
def test_a_word_that_is_no_method_is_no_http(server_url, method):
    """The parser beneath the server knows the registered methods only, and takes anything else for no HTTP."""
    with Wire(server_url) as wire:
        assert wire.send(message(method, "/healthz")).reply().status == 400
        assert wire.is_closed()


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_method_override_is_ignored(registry, name, header):
    registry.push_blob(name, CONTENT)
    path = f"/v2/{name}/blobs/{digest_of(CONTENT)}"
    assert registry.get(path, headers={header: "DELETE"}).content == CONTENT


@pytest.mark.parametrize("query", [
    pytest.param("&".join(f"k{index}=1" for index in range(10_000)), id="10000-parameters"),
    pytest.param("n=1&n=2", id="same-key-twice")])
def test_an_odd_query_is_refused(registry, server_url, name, query):
    registry.push_artifact(name, "first", CONTENT)
    assert raw_request("GET", server_url, f"/v2/{name}/tags/list?{query}").status in (400, 414)


@pytest.mark.parametrize("body", [
    pytest.param(b"[" * 10_000 + b"]" * 10_000, id="deep"),
    pytest.param(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, id="deep-objects"),
    pytest.param(b'{"schemaVersion":2,"schemaVersion":3}', id="duplicate-keys"),
    pytest.param(b'{"schemaVersion":2,"x":"\xff\xfe"}', id="not-utf8"),
    pytest.param(b'{"schemaVersion":2} {}', id="trailing-data"),
    pytest.param(b'{"schemaVersion":1e999}', id="huge-number"),
    pytest.param(b'{"schemaVersion":2,"config":[],"layers":{}}', id="wrong-types")])
def test_bad_json_is_refused(registry, name, body):
    assert registry.put_manifest(name, "first", body).status_code in (400, 413)


def test_a_json_body_of_100_mib_is_too_large(server_url, name):
    with Wire(server_url) as wire:
        head = message(
            "PUT", f"/v2/{name}/manifests/first", f"Content-Type: {OCI_MANIFEST}", f"Content-Length: {100 << 20}")
        wire.send(head)
        wire.send(b" " * (8 << 20))
        assert wire.reply().status == 413


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip"])
def test_an_encoded_body_is_unsupported(registry, name, coding):
    headers = {"Content-Encoding": coding, "Content-Type": OCI_MANIFEST}
    answer = registry.request("PUT", f"/v2/{name}/manifests/first", data=b"\x1f\x8b", headers=headers)
    assert answer.status_code == 415


def test_many_pipelined_requests_do_not_starve_others(server_url):
    with Wire(server_url) as wire:
        wire.socket.settimeout(1)
        try:
            wire.socket.sendall(message("GET", "/healthz") * 10_000)
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            pass  # A bounded queue may well stop reading.
        started = time.monotonic()
        assert Registry(server_url).get("/healthz").status_code == 200
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_no_request(server_url, seed):
    noise = (f"noise {seed} ".encode() + os.urandom(2000)).replace(b"GET", b"")
    with Wire(server_url) as wire:
        reply = wire.send(noise + b"\r\n\r\n").reply()
        assert reply is None or reply.status == 400
    assert Registry(server_url).get("/healthz").status_code == 200


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
