"""Bad input to HTTP itself gets the answer it must get, and never a 5xx; ids as in the list of bad inputs."""

import json
import os
import time

import pytest
from distribution import assert_error
from harness import BYTES, OCI_MANIFEST, Registry, Wire, digest_of, raw_request

CONTENT = b"a small blob"


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
    pytest.param(b"+5\r\nhello\r\n0\r\n\r\n", id="H4-sign"), pytest.param(b" 5\r\nhello\r\n0\r\n\r\n", id="H4-space"),
    pytest.param(b"5\nhello\n0\n\n", id="H4-bare-line-feed"),
    pytest.param(b"5" * 20 + b"\r\nhello\r\n0\r\n\r\n", id="H4-20-digits"),
    pytest.param(b"5;" + b"x" * (1 << 20) + b"\r\nhello\r\n0\r\n\r\n", id="H4-extension-of-1-MiB")])
def test_a_malformed_chunk_closes_the_connection(registry, server_url, body):
    path = registry.open_upload("tests/wire").removeprefix(server_url)
    with Wire(server_url) as wire:
        wire.send(message("PATCH", path, "Transfer-Encoding: chunked", body=body))
        assert wire.reply().status == 400
        assert wire.is_closed()


@pytest.mark.parametrize("lines", [
    pytest.param([], id="H6-missing"), pytest.param(["Host: a", "Host: b"], id="H6-twice"),
    pytest.param(["Host: user@localhost"], id="H6-user")])
def test_a_host_that_is_not_one_host_is_refused(server_url, lines):
    with Wire(server_url) as wire:
        wire.send("\r\n".join(["GET /healthz HTTP/1.1", *lines, "", ""]).encode())
        assert wire.reply().status == 400


def test_an_absolute_target_is_never_fetched(server_url):
    """H7: it is served as if it were our own."""
    with Wire(server_url) as wire:
        reply = wire.send(message("GET", "http://elsewhere.example/v2/")).reply()
        assert (reply.status, reply.body) == (200, b"{}")


@pytest.mark.parametrize("path", ["/", "/v2/", "/v2/tests/wire/tags/list?last="])
def test_a_request_line_of_64_kib_is_too_long(server_url, path):
    """H9"""
    with Wire(server_url) as wire:
        assert wire.send(message("GET", path + "a" * (64 << 10))).reply().status == 414
        assert wire.is_closed()


def test_headers_of_1_mib_are_too_large(server_url):
    with Wire(server_url) as wire:
        assert wire.send(message("GET", "/healthz", "X-Large: " + "a" * (1 << 20))).reply().status == 400
        assert wire.is_closed()


def test_bytes_beyond_the_body_are_not_a_request(server_url):
    """H14: the answer to the request itself stands; what follows is refused."""
    with Wire(server_url) as wire:
        wire.send(message("POST", UPLOADS, "Content-Length: 0", body=b"\x00surplus bytes\r\n\r\n"))
        assert wire.reply().status == 202
        second = wire.reply()
        assert second is None or second.status == 400
        assert wire.is_closed()


def test_an_unknown_expectation_fails(server_url):
    """H16"""
    with Wire(server_url) as wire:
        wire.send(message("POST", UPLOADS, "Content-Length: 0", "Expect: a miracle"))
        assert wire.reply().status == 417


@pytest.mark.parametrize("unit, asked", [
    ("bytes", "0-," * 999 + "0-"), ("bytes", "0-5,3-8"), ("bytes", "0-1,4-5"), ("bytes", "x"), ("bytes", ""),
    ("bytes", "5"), ("bytes", "0-1,"), ("bytes", "0--1"), ("bytes", "-"), ("lines", "0-1")])
def test_odd_ranges_give_the_whole(registry, name, unit, asked):
    """H17: several ranges are not offered, and what is no range is as if it were not there."""
    registry.push_blob(name, CONTENT)
    answer = registry.get(f"/v2/{name}/blobs/{digest_of(CONTENT)}", headers={"Range": f"{unit}={asked}"})
    assert (answer.status_code, answer.content) == (200, CONTENT)


def test_a_range_that_starts_at_the_size_is_outside(registry, name):
    """H19"""
    registry.push_blob(name, CONTENT)
    answer = registry.get(f"/v2/{name}/blobs/{digest_of(CONTENT)}", headers={"Range": f"bytes={len(CONTENT)}-"})
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "OPTIONS"])
@pytest.mark.parametrize("path", ["/v2/", "/v2/tests/wire/tags/list", "/healthz", "/api/v1/versions/tests/wire:1"])
def test_another_method_is_not_allowed(server_url, method, path):
    """H21: and the answer says which are."""
    with Wire(server_url) as wire:
        reply = wire.send(message(method, path)).reply()
        assert (reply.status, "GET" in reply.headers["allow"]) == (405, True)


@pytest.mark.parametrize("method", ["INVENTED", "get"])
def test_a_word_that_is_no_method_is_no_http(server_url, method):
    """H21: the parser beneath the server knows the registered methods only, and takes anything else for no HTTP."""
    with Wire(server_url) as wire:
        assert wire.send(message(method, "/healthz")).reply().status == 400
        assert wire.is_closed()


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_method_override_is_ignored(registry, name, header):
    """H22"""
    registry.push_blob(name, CONTENT)
    path = f"/v2/{name}/blobs/{digest_of(CONTENT)}"
    assert registry.get(path, headers={header: "DELETE"}).content == CONTENT


@pytest.mark.parametrize("query, status", [
    pytest.param("&".join(f"k{index}=1" for index in range(10_000)), 414, id="H24-10000-parameters"),
    pytest.param("&".join(f"k{index}=1" for index in range(100)), 400, id="H24-100-parameters"),
    pytest.param("n=1&n=2", 400, id="H24-same-key-twice"), pytest.param("last=a&last=b", 400, id="H24-last-twice"),
    pytest.param("n=%", 400, id="percent")])
def test_an_odd_query_is_refused(registry, server_url, name, query, status):
    registry.push_artifact(name, "first", CONTENT)
    answer = raw_request("GET", server_url, f"/v2/{name}/tags/list?{query}")
    assert (answer.status, json.loads(answer.body)["errors"][0]["code"]) == (status, "UNSUPPORTED")


@pytest.mark.parametrize("body", [
    pytest.param(b"[" * 10_000 + b"]" * 10_000, id="H26-deep"),
    pytest.param(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, id="H26-deep-objects"),
    pytest.param(b'{"schemaVersion":2,"schemaVersion":3}', id="H26-duplicate-keys"),
    pytest.param(b'{"schemaVersion":2,"x":"\xff\xfe"}', id="H26-not-utf8"),
    pytest.param(b'{"schemaVersion":2} {}', id="H26-trailing-data"),
    pytest.param(b'{"schemaVersion":1e999}', id="huge-number"),
    pytest.param(b'{"schemaVersion":2,"config":[],"layers":{}}', id="wrong-types")])
def test_bad_json_is_refused(registry, name, body):
    assert_error(registry.put_manifest(name, "first", body), 400, "MANIFEST_INVALID")


def test_a_json_body_of_100_mib_is_too_large(server_url, name):
    """H26: the answer comes before the body is through."""
    with Wire(server_url) as wire:
        head = message(
            "PUT", f"/v2/{name}/manifests/first", f"Content-Type: {OCI_MANIFEST}", f"Content-Length: {100 << 20}")
        wire.send(head)
        wire.send(b" " * (8 << 20))
        assert wire.reply().status == 413


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip"])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_an_encoded_body_is_unsupported(registry, name, coding, method):
    """H27: nothing is unpacked, so there is no bomb to guard against."""
    path = registry.open_upload(name) if method == "PATCH" else f"/v2/{name}/manifests/first"
    headers = {"Content-Encoding": coding, "Content-Type": OCI_MANIFEST if method == "PUT" else BYTES}
    assert_error(registry.request(method, path, data=b"\x1f\x8b", headers=headers), 415, "UNSUPPORTED")


def test_many_pipelined_requests_do_not_starve_others(server_url):
    """H29"""
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
