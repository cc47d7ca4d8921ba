"""Uploads and stored blobs under stress: restarts, crashes, many writers, expiry, limits, and damage on the disk."""

import contextlib
import select
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from distribution import CONTENT, assert_error, encoded, patched, push_empty, put
from harness import BYTES, REQUEST_SECONDS, Assay, Registry, Wire, digest_of, image_manifest, with_query

REPOSITORY = "team/model"
LARGE_BYTES = 3 << 20
# No two of its blocks are alike, so bytes from a wrong place are wrong bytes.
LARGE = b"".join(number.to_bytes(8, "big") for number in range(LARGE_BYTES // 8))
HALF = LARGE_BYTES // 2
POLLS_SECONDS = 20
POLL_SECONDS = 0.1
WRITERS = 24
EXPIRY_SECONDS = 2
ABANDONED = 120


def eventually(what, check):
    """Asks again and again, for a bounded time, until the check gives something."""
    deadline = time.monotonic() + POLLS_SECONDS
    while time.monotonic() < deadline:
        if found := check():
            return found
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"never within {POLLS_SECONDS} s: {what}")


def uploaded_bytes(answer):
    """What the state of a session says is there. `0-0` is one byte or none, and none is sent here as one."""
    assert answer.status_code == 204, answer.text
    first, last = answer.headers["Range"].split("-")
    assert first == "0"
    return int(last) + 1 if last != "0" else 0


def start_patch(url, location, length, sent):
    """A request that announces a body of this length and has sent only the first of it."""
    wire = Wire(url)
    head = f"PATCH {location} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {BYTES}\r\nContent-Length: {length}\r\n\r\n"
    wire.send(head.encode() + sent)
    return wire


@contextlib.contextmanager
def patch_under_way(registry, location, length, sent):
    """As `start_patch`, once the server writes. Asking for that takes the session for a moment, and a PATCH that comes
    just then is refused: it is sent again, as a client would."""
    with contextlib.ExitStack() as wires:
        wire = None

        def is_writing():
            nonlocal wire
            if wire is None or select.select([wire.socket], [], [], 0)[0]:
                if wire is not None:
                    assert wire.reply().status == 409
                wire = wires.enter_context(start_patch(registry.url, location, length, sent))
            return is_busy(registry, location)

        eventually("the chunk is being written", is_writing)
        yield wire


def finish_upload(registry, location, data):
    """Goes on where the server says that it stands, as a client does after a cut."""
    state = eventually("the session is free", lambda: registry.get(location) or None)
    offset = uploaded_bytes(state)
    assert offset <= len(data)
    if offset < len(data):
        location = patched(registry, location, data[offset:], (offset, len(data) - 1))
    answer = registry.close_upload(location, b"", digest_of(data))
    assert answer.status_code == 201, answer.text
    assert registry.get(answer.headers["Location"]).content == data
    return offset


# Restarts


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_an_upload_goes_on_after_a_restart(server, end):
    registry = Registry(server.url)
    location = patched(registry, registry.open_upload(REPOSITORY), LARGE[:HALF], (0, HALF - 1))
    getattr(server, end)()
    server.start()
    assert finish_upload(registry, location, LARGE) == HALF


def test_an_upload_goes_on_after_a_crash_in_the_middle_of_a_chunk(server):
    registry = Registry(server.url)
    location = patched(registry, registry.open_upload(REPOSITORY), LARGE[:1000], (0, 999))
    with patch_under_way(registry, location, LARGE_BYTES - 1000, LARGE[1000:HALF]):
        server.kill()
    server.start()
    assert 1000 <= finish_upload(registry, location, LARGE) <= HALF


def test_a_chunk_that_is_cut_off_leaves_what_came(server):
    """The upload stays resumable, and what was never sent is not made up."""
    registry = Registry(server.url)
    location = registry.open_upload(REPOSITORY)
    with patch_under_way(registry, location, LARGE_BYTES, LARGE[:HALF]):
        pass
    assert finish_upload(registry, location, LARGE) <= HALF


def is_busy(registry, location):
    """Whether a chunk is on its way: the state is refused then, or tells how far the chunk is."""
    answer = registry.get(location)
    return answer.status_code == 409 or uploaded_bytes(answer) > 1000


# Writers at the same time


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_two_writers_on_one_session_are_kept_apart(registry, name, method):
    location = registry.open_upload(name)
    with patch_under_way(registry, location, HALF, LARGE[:1 << 20]) as first:
        path = with_query(location, f"digest={digest_of(CONTENT)}") if method == "PUT" else location
        second = registry.request(method, path, data=CONTENT, headers={"Content-Type": BYTES})
        assert_error(second, 409, "BLOB_UPLOAD_INVALID", "upload-busy")
        reply = first.send(LARGE[1 << 20:HALF]).reply()
    assert (reply.status, reply.headers["range"]) == (202, f"0-{HALF - 1}")
    assert finish_upload(registry, reply.headers["location"], LARGE) == HALF


def test_many_writers_of_one_blob_store_it_once(server):
    ready = threading.Barrier(WRITERS)

    def push(number):
        registry = Registry(server.url)
        location = registry.open_upload(f"team/writer-{number % 3}")
        ready.wait(REQUEST_SECONDS)
        return registry.close_upload(location, LARGE, digest_of(LARGE)).status_code

    with ThreadPoolExecutor(WRITERS) as pool:
        assert list(pool.map(push, range(WRITERS))) == [201] * WRITERS
    for number in range(3):
        assert_right(server, digest_of(LARGE), f"team/writer-{number}")
    large = [file for file in server.store.rglob("*") if file.is_file() and file.stat().st_size == LARGE_BYTES]
    assert large == [blob_file(server, digest_of(LARGE))]


# Expiry


def test_abandoned_uploads_are_reaped_and_others_are_not(serve):
    """O6, O21: a session that expired is unknown. Each is asked once, for a question may count as a sign of life."""
    server = serve("--upload-expiry", f"{EXPIRY_SECONDS}s")
    registry = Registry(server.url)
    abandoned = iter([patched(registry, registry.open_upload(REPOSITORY), CONTENT) for _ in range(ABANDONED)])
    kept, slow = registry.open_upload(REPOSITORY), registry.open_upload(REPOSITORY)
    started, sent = time.monotonic(), 0
    with start_patch(server.url, slow, LARGE_BYTES, b"") as wire:

        def is_over():
            nonlocal kept, sent
            kept = patched(registry, kept, LARGE[sent:sent + 1000], (sent, sent + 999))
            wire.send(LARGE[sent:sent + 1000])
            sent += 1000
            is_late = time.monotonic() - started > 2 * EXPIRY_SECONDS
            return registry.get(next(abandoned)).status_code == 404 and is_late

        eventually("an abandoned upload is gone", is_over)
        reply = wire.send(LARGE[sent:]).reply()
    assert reply.status == 202
    for location in (kept, reply.headers["location"]):
        finish_upload(registry, location, LARGE)


def test_an_upload_that_expired_while_the_server_was_down_is_reaped(serve):
    """By its age, and not because the server was started anew."""
    server = serve()
    registry = Registry(server.url)
    locations = [patched(registry, registry.open_upload(REPOSITORY), CONTENT) for _ in range(ABANDONED + 1)]
    server.stop()
    server.start()
    assert registry.get(locations[0]).status_code == 204
    server.stop()
    server.options = ("--upload-expiry", "1s")
    server.start()
    abandoned = iter(locations[1:])
    refused, = eventually("an abandoned upload is gone", lambda: refusals(registry.get(next(abandoned))))
    assert_error(refused, 404, "BLOB_UPLOAD_UNKNOWN", "upload-not-found")


def refusals(answer):
    """The answer in a list if it is an error: such an answer is false by itself."""
    return [] if answer else [answer]


# Limits and settings


@pytest.mark.parametrize("limit", ["8MiB", str(8 << 20)])
def test_the_limit_of_manifests_can_be_raised(serve, limit):
    """O9: above it is 413, also for one that does not tell its length."""
    registry = Registry(serve("--manifest-limit", limit).url)
    push_empty(registry, REPOSITORY)
    bare = encoded(image_manifest([]))
    put(registry, REPOSITORY, "large", bare + b" " * ((6 << 20) - len(bare)))
    put(registry, REPOSITORY, "full", bare + b" " * ((8 << 20) - len(bare)))
    assert_error(registry.put_manifest(REPOSITORY, "over", bare + b" " * (9 << 20)), 413, "SIZE_INVALID")
    assert_error(registry.get_manifest(REPOSITORY, "over"), 404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize("option", [
    "--manifest-limit=4194303", "--manifest-limit=65MiB", "--manifest-limit=large", "--manifest-limit=-8MiB",
    "--upload-expiry=0s", "--upload-expiry=-1h", "--upload-expiry=24", "--upload-expiry=soon",
    "--read-check=sometimes"])
def test_a_setting_out_of_its_range_is_refused(binary, tmp_path, option):
    assay = Assay(binary, tmp_path)
    assay.ok("init", "store")
    outcome = assay.run("serve", "--store", "store", "--listen", "127.0.0.1:0", option)
    assert outcome.code == 2, outcome
    assert "Unknown option" not in outcome.err
    assert option.split("=")[0].removeprefix("--") in outcome.err, outcome


@pytest.mark.parametrize("options", [
    ("--manifest-limit", "64MiB", "--upload-expiry", "90s"), ("--manifest-limit", "4MiB", "--upload-expiry", "7d"),
    ("--upload-expiry", "15m", "--read-check", "none")])
def test_a_setting_in_its_range_is_taken(serve, options):
    server = serve(*options)
    Registry(server.url).push_blob(REPOSITORY, LARGE)
    assert_right(server, digest_of(LARGE))


# Damage


def blob_file(server, digest):
    algorithm, _, text = digest.partition(":")
    return server.store / "blobs" / algorithm / text[:2] / text


def flip_a_byte(file):
    """In the middle, where neither end of the file tells."""
    damaged = bytearray(file.read_bytes())
    damaged[HALF] ^= 1
    replace(file, damaged)


def cut_off(file):
    replace(file, file.read_bytes()[:HALF])


def overwrite_with_zeros(file):
    replace(file, file.read_bytes()[:HALF] + bytes(LARGE_BYTES - HALF))


def replace(file, data):
    """Writes in place, as bad memory and bad disks do: the file stays the one that the server may have open."""
    file.chmod(0o644)
    with file.open("r+b") as handle:
        handle.write(data)
        handle.truncate()
    file.chmod(0o444)


DAMAGES = [flip_a_byte, cut_off, overwrite_with_zeros]


def read(server, digest, first=None, last=None, repository=REPOSITORY):
    """The bytes of an answer that came to its end, or None where the blob is missing or the answer was cut."""
    headers = {} if first is None else {"Range": f"bytes={first}-{last}"}
    try:
        answer = requests.get(
            f"{server.url}/v2/{repository}/blobs/{digest}", headers=headers, timeout=REQUEST_SECONDS)
    except (requests.exceptions.ChunkedEncodingError, requests.ConnectionError):
        return None
    assert answer.status_code in (200, 206, 404), answer.text
    return None if answer.status_code == 404 else answer.content


def assert_right(server, digest, repository=REPOSITORY):
    assert read(server, digest, repository=repository) == LARGE


def assert_never_wrong(server, digest):
    """Whatever is asked, no answer comes to its end with other bytes than those of the digest."""
    assert read(server, digest) is None
    assert read(server, digest, HALF - 1000, HALF + 1000) is None
    assert read(server, digest, HALF, HALF) is None
    assert read(server, digest, 0, 999) in (None, LARGE[:1000])
    assert read(server, digest) is None


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("is_proven", [False, True])
def test_a_damaged_blob_is_never_sent_as_if_it_were_right(serve, damage, is_proven):
    """Also when this process read it before, and found it right."""
    server = serve()
    digest = Registry(server.url).push_blob(REPOSITORY, LARGE)["digest"]
    if is_proven:
        assert_right(server, digest)
        assert read(server, digest, HALF - 10, HALF + 9) == LARGE[HALF - 10:HALF + 10]
    damage(blob_file(server, digest))
    assert_never_wrong(server, digest)
    server.assert_running()


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("options", [(), ("--read-check", "checksums")])
def test_damage_while_the_server_was_down_is_found(serve, damage, options):
    """The checksums that were taken when a blob was written outlive the process."""
    server = serve(*options)
    digest = Registry(server.url).push_blob(REPOSITORY, LARGE)["digest"]
    server.stop()
    damage(blob_file(server, digest))
    server.start()
    assert read(server, digest, HALF - 1000, HALF + 1000) is None
    assert_never_wrong(server, digest)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_push_of_the_right_bytes_heals(serve, damage):
    server = serve()
    registry = Registry(server.url)
    digest = registry.push_blob(REPOSITORY, LARGE)["digest"]
    damage(blob_file(server, digest))
    assert read(server, digest) is None
    registry.push_blob(REPOSITORY, LARGE)
    assert_right(server, digest)
    assert read(server, digest, HALF - 10, HALF + 9) == LARGE[HALF - 10:HALF + 10]
    server.stop()
    server.start()
    assert_right(server, digest)


def test_a_lost_blob_is_missing_and_a_push_heals(serve):
    server = serve()
    registry = Registry(server.url)
    digest = registry.push_blob(REPOSITORY, LARGE)["digest"]
    blob_file(server, digest).unlink()
    assert read(server, digest) is None
    registry.push_blob(REPOSITORY, LARGE)
    assert_right(server, digest)


def test_a_damaged_blob_counts_for_nothing(serve):
    """No manifest can name it, and it cannot be mounted, until its bytes are there again."""
    server = serve()
    registry = Registry(server.url)
    layer = registry.push_blob(REPOSITORY, LARGE)
    registry.push_blob(REPOSITORY, b"{}")
    flip_a_byte(blob_file(server, layer["digest"]))
    assert read(server, layer["digest"]) is None
    mounted = registry.request(
        "POST", f"/v2/{REPOSITORY}-other/blobs/uploads/?mount={layer['digest']}&from={REPOSITORY}")
    assert mounted.status_code == 202
    for name in (REPOSITORY, f"{REPOSITORY}-other"):
        registry.push_blob(name, b"{}")
        refused = registry.put_manifest(name, "first", image_manifest([layer]))
        assert_error(refused, 400, "MANIFEST_BLOB_UNKNOWN", "blob-unknown")
    registry.push_blob(REPOSITORY, LARGE)
    assert registry.put_manifest(REPOSITORY, "first", image_manifest([layer])).status_code == 201


def test_damage_is_no_harm_to_other_blobs(serve):
    server = serve()
    registry = Registry(server.url)
    digest = registry.push_blob(REPOSITORY, LARGE)["digest"]
    other = registry.push_blob(REPOSITORY, CONTENT)["digest"]
    flip_a_byte(blob_file(server, digest))
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: read(server, digest), range(16))) == {None}
        assert set(pool.map(lambda _: read(server, other), range(16))) == {CONTENT}
