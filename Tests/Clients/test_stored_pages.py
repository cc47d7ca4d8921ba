"""What was pushed is never a page: headers of every answer, stored manifests under strange types, and tickets."""

import hashlib
import sqlite3

import pytest
import requests
from harness import FIXTURES, OCI_MANIFEST, REQUEST_SECONDS, Assay, Registry

NAME = "team/model"
PATHS = [
    "/v2/", "/v2/team/model/tags/list", "/v2/team/model/manifests/1", "/v2/team/model/manifests/no-such",
    "/v2/team/model/referrers/{digest}", "/v2/team/model/blobs/{layer}", "/v2/nobody/blobs/{layer}",
    "/api/v1/repositories", "/api/v1/versions/team%2Fmodel:1", "/api/v1/versions/team/model:1",
    "/api/v1/versions/team/model:1/bom", "/api/v1/no-such-route", "/api/v1/openapi.yaml", "/log/checkpoint",
    "/healthz", "/<script>"]


@pytest.fixture
def pushed(server, binary):
    local = Assay(binary, server.folder, server.url)
    local.ok("push", NAME, FIXTURES / "digits-1.onnx")
    return server


def is_no_page(answer):
    return (answer.headers.get("X-Content-Type-Options") == "nosniff"
            and answer.headers.get("Content-Security-Policy") == "default-src 'none'; sandbox")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_no_answer_can_be_taken_for_a_page(pushed, method):
    manifest = Registry(pushed.url).get_manifest(NAME, "1")
    digest, layer = manifest.headers["Docker-Content-Digest"], manifest.json()["layers"][0]["digest"]
    for path in PATHS:
        answer = requests.request(
            method, pushed.url + path.format(digest=digest, layer=layer), timeout=REQUEST_SECONDS)
        assert is_no_page(answer), f"{method} {path}: {answer.status_code} {answer.headers}"


@pytest.mark.parametrize("header", [{"If-None-Match": "*"}, {"Range": "bytes=0-9"}, {"Range": "bytes=99999999-"}])
def test_no_part_of_a_blob_can_be_taken_for_a_page(pushed, header):
    layer = Registry(pushed.url).get_manifest(NAME, "1").json()["layers"][0]["digest"]
    answer = requests.get(f"{pushed.url}/v2/{NAME}/blobs/{layer}", headers=header, timeout=REQUEST_SECONDS)
    assert answer.status_code in (206, 304, 416) and is_no_page(answer)


@pytest.mark.parametrize("kept", [
    "text/html", "image/svg+xml", "application/json", OCI_MANIFEST + "; a=b", "TEXT/HTML"])
def test_a_manifest_that_was_kept_under_a_strange_type_is_served_as_bytes(pushed, kept):
    before = Registry(pushed.url).get_manifest(NAME, "1")
    assert before.headers["Content-Type"] == OCI_MANIFEST
    digest = before.headers["Docker-Content-Digest"]
    assert pushed.stop() == 0
    with sqlite3.connect(pushed.store / "index.sqlite") as index:
        assert index.execute("UPDATE manifests SET media_type = ?", (kept,)).rowcount >= 1
    index.close()
    pushed.start()
    for method in ("GET", "HEAD"):
        for reference in ("1", digest):
            answer = Registry(pushed.url).get_manifest(NAME, reference, method)
            assert answer.headers["Content-Type"] == "application/octet-stream", answer.headers
            assert answer.status_code == 200 and is_no_page(answer)
    assert Registry(pushed.url).get_manifest(NAME, digest).content == before.content


def test_a_ticket_of_an_upload_cannot_be_computed_for_another_repository(server):
    registry = Registry(server.url)
    location = registry.open_upload(NAME)
    location = registry.patch(location, b"a").headers["Location"]
    ticket = location.rsplit("/", 1)[1]
    session = ticket[:32]
    forged = [session + hashlib.sha256(f"{session} team/other".encode()).hexdigest()[:16], ticket, session]
    for text in forged:
        answer = requests.get(f"{server.url}/v2/team/other/blobs/uploads/{text}", timeout=REQUEST_SECONDS)
        assert answer.status_code == 404, f"{text}: {answer.status_code}"
    assert server.stop() == 0
    secret = server.store / "keys" / "uploads.key"
    assert secret.stat().st_mode & 0o777 == 0o600 and len(secret.read_bytes()) == 32
    server.start()
    # The secret outlives the process, so that the upload does.
    assert registry.get(location).status_code == 204


@pytest.mark.parametrize("damage", ["short", "open", "folder"])
def test_a_store_whose_secret_for_uploads_is_no_secret_is_not_served(server, binary, damage):
    assert server.stop() == 0
    secret = server.store / "keys" / "uploads.key"
    if damage == "short":
        secret.write_bytes(b"short")
    elif damage == "open":
        secret.chmod(0o644)
    else:
        secret.unlink()
        secret.mkdir()
    outcome = Assay(binary, server.folder).run("list", "--store", server.store)
    assert outcome.code == 2 and "uploads.key" in outcome.err, outcome
