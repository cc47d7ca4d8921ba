"""Plain curl: uploads from a file and from a pipe, downloads that go on, ranges and conditions."""

import os
import re
import subprocess

import pytest
from distribution import CONTENT
from harness import BYTES, OCI_MANIFEST, digest_of, with_query

CURL_SECONDS = 60
LARGE_BYTES = 5 << 20


def curl(*arguments, stdin=None, code=0):
    """Runs curl; gives its standard output."""
    outcome = subprocess.run(
        ["curl", "--silent", "--show-error", *map(str, arguments)], input=stdin, capture_output=True,
        timeout=CURL_SECONDS)
    assert outcome.returncode == code, outcome.stderr.decode()
    return outcome.stdout


def status(*arguments, **options):
    """Runs curl; gives the status of the answer alone."""
    return int(curl("--output", os.devnull, "--write-out", "%{http_code}", *arguments, **options))


def header(head, name):
    return re.search(rf"(?im)^{name}: (.*?)\r?$", head.decode()).group(1)


def open_upload(server_url, name):
    head = curl("--request", "POST", "--dump-header", "-", f"{server_url}/v2/{name}/blobs/uploads/")
    return server_url + header(head, "location")


@pytest.fixture
def large_file(tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(LARGE_BYTES))
    return path


@pytest.fixture
def large(registry, server_url, name, large_file):
    """The address of a large blob."""
    digest = registry.push_blob(name, large_file.read_bytes())["digest"]
    return f"{server_url}/v2/{name}/blobs/{digest}"


# Uploads


def test_a_file_is_uploaded(server_url, name, large_file):
    """A file of this size makes curl ask for `100 Continue` first."""
    digest = digest_of(large_file.read_bytes())
    address = with_query(open_upload(server_url, name), f"digest={digest}")
    assert status("--upload-file", large_file, "--header", f"Content-Type: {BYTES}", address) == 201
    assert digest_of(curl(f"{server_url}/v2/{name}/blobs/{digest}")) == digest


def test_a_pipe_is_uploaded(server_url, name, large_file):
    """From a pipe curl sends no Content-Length."""
    data = large_file.read_bytes()
    location = open_upload(server_url, name)
    assert status("--request", "PATCH", "--upload-file", "-", location, stdin=data) == 202
    assert status("--request", "PUT", with_query(location, f"digest={digest_of(data)}")) == 201
    assert curl(f"{server_url}/v2/{name}/blobs/{digest_of(data)}") == data


def test_one_post_uploads_a_file(server_url, name, large_file):
    address = f"{server_url}/v2/{name}/blobs/uploads/?digest={digest_of(large_file.read_bytes())}"
    assert status("--data-binary", f"@{large_file}", "--header", f"Content-Type: {BYTES}", address) == 201


def test_a_cut_upload_goes_on(server_url, name, large_file):
    """Range of the session tells how much to leave out, and Content-Range says so."""
    location = open_upload(server_url, name)
    data = large_file.read_bytes()
    assert status("--request", "PATCH", "--upload-file", "-", location, stdin=data[:1 << 20]) == 202
    offset = int(header(curl("--dump-header", "-", location), "range").removeprefix("0-")) + 1
    assert offset == 1 << 20
    span = f"Content-Range: {offset}-{len(data) - 1}"
    address = with_query(location, f"digest={digest_of(data)}")
    assert status("--upload-file", "-", "--header", span, address, stdin=data[offset:]) == 201


@pytest.mark.parametrize("is_wanted", [True, False])
def test_a_body_is_sent_when_it_is_wanted(server_url, name, is_wanted):
    """`100 Continue` comes before the body, and no body is sent to an address that takes none."""
    path = f"/v2/{name}/blobs/uploads/" if is_wanted else f"/v2/{name}/blobs/uploads/unknown"
    trace = subprocess.run(
        ["curl", "--silent", "--verbose", "--expect100-timeout", "30", "--header", "Expect: 100-continue",
         "--request", "POST" if is_wanted else "PATCH", "--data-binary", "@-",
         f"{server_url}{path}" + (f"?digest={digest_of(CONTENT)}" if is_wanted else "")],
        input=CONTENT, capture_output=True, timeout=CURL_SECONDS).stderr.decode(errors="replace")
    statuses = re.findall(r"^< HTTP/1.1 (\d+)", trace, re.MULTILINE)
    assert statuses[-1] == ("201" if is_wanted else "404"), trace
    assert not is_wanted or statuses == ["100", "201"]


def test_a_manifest_is_put(registry, server_url, name, tmp_path):
    body = registry.push_artifact(f"{name}-source", "first", CONTENT)
    registry.push_artifact(name, "other", CONTENT, annotations={"other": "yes"})
    (tmp_path / "manifest.json").write_bytes(body)
    address = f"{server_url}/v2/{name}/manifests/first"
    sent = ("--upload-file", tmp_path / "manifest.json", "--header", f"Content-Type: {OCI_MANIFEST}")
    assert status(*sent, address) == 201
    assert curl(address) == body


# Downloads


@pytest.mark.parametrize("there", [0, 1, LARGE_BYTES // 2, LARGE_BYTES - 1])
def test_a_cut_download_goes_on(large, large_file, tmp_path, there):
    data = large_file.read_bytes()
    (tmp_path / "out").write_bytes(data[:there])
    assert status_of_download("--continue-at", "-", large, tmp_path) == (206 if there else 200)
    assert (tmp_path / "out").read_bytes() == data


def status_of_download(*arguments):
    *options, address, folder = arguments
    return int(curl(*options, "--output", folder / "out", "--write-out", "%{http_code}", address))


def test_a_part_is_downloaded(large, large_file):
    data = large_file.read_bytes()
    for span, part in (("100-199", data[100:200]), ("-7", data[-7:]), (f"{LARGE_BYTES - 3}-", data[-3:])):
        assert curl("--range", span, large) == part
    assert status("--range", f"{LARGE_BYTES}-", large) == 416


def test_a_blob_is_described(large):
    head = curl("--head", large)
    assert header(head, "content-length") == str(LARGE_BYTES)
    assert header(head, "accept-ranges") == "bytes"


@pytest.mark.parametrize("kind", ["blobs", "manifests"])
def test_what_is_there_already_is_not_downloaded_again(registry, server_url, name, tmp_path, kind):
    """curl keeps the ETag in a file and sends it back."""
    body = registry.push_artifact(name, "first", CONTENT)
    address = f"{server_url}/v2/{name}/" + (f"blobs/{digest_of(CONTENT)}" if kind == "blobs" else "manifests/first")
    tags = tmp_path / "etag"
    assert curl("--etag-save", tags, address) == (CONTENT if kind == "blobs" else body)
    assert status("--etag-compare", tags, address) == 304
