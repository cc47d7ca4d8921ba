"""Stores that can be read and not written: snapshots, full disks, evidence copies. Reading works, the rest is refused."""

import os
import shutil
import subprocess

import pytest
from evidence import DONE
from harness import Assay, Server, public
from test_shared_machines import NOBODY

DENIED = 4
CAN_MOUNT = os.geteuid() == 0 and shutil.which("mount") and subprocess.run(
    ["unshare", "-m", "true"], capture_output=True).returncode == 0


def filled(assay, store):
    key = assay.key()
    (assay.home / "w.bin").write_text("weights")
    assay.ok("init", store)
    assay.ok("--store", store, "push", "r", "w.bin", "--key", key)
    assay.ok("--store", store, "alias", "set", "r", "candidate", "1")
    return key


def reads(assay, store, key):
    at = ("--store", store)
    assert "r" in assay.ok(*at, "list").out
    assay.ok(*at, "list", "r")
    assay.ok(*at, "show", "r:candidate")
    assay.ok(*at, "attestations", "r:1")
    shutil.rmtree(assay.home / "out", ignore_errors=True)
    assay.ok(*at, "pull", "r:1", "out", "--trust", public(key))
    assay.ok(*at, "audit", "verify")
    assay.ok(*at, "history", "r", "candidate")
    assay.ok(*at, "bundle", "export", "r:1", "-o", "r.tar", "--force")
    assay.ok(*at, "policy", "show", "r")


def refusals(assay, store):
    at = ("--store", store)
    (assay.home / "x.bin").write_text("other weights")
    for command in (("push", "r", "x.bin"), ("alias", "set", "r", "other", "1"), ("delete", "r:1"),
                    ("annotate", "r:1", "a=b"), ("alias", "remove", "r", "candidate")):
        outcome = assay.run(*at, *command)
        assert outcome.code == DENIED and "read" in outcome.err and "next:" in outcome.err, outcome


@pytest.fixture
def mounted(tmp_path):
    if not CAN_MOUNT:
        pytest.skip("needs the right to mount")
    places = []

    def mount(*arguments):
        place = tmp_path / f"mount-{len(places)}"
        place.mkdir()
        if subprocess.run(["mount", *arguments, place], capture_output=True).returncode:
            pytest.skip("nothing can be mounted here")
        places.append(place)
        return place

    yield mount
    for place in reversed(places):
        subprocess.run(["umount", "-l", place], check=True)


def test_a_read_only_snapshot_is_read_and_served(assay, binary, tmp_path, mounted):
    key = filled(assay, tmp_path / "store")
    place = mounted("--bind", tmp_path / "store")
    subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*")}
    reads(assay, place, key)
    refusals(assay, place)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*")}
    server = Server(binary, tmp_path)
    server.store = place
    server.start()
    try:
        assert "r" in assay.at(server.url).ok("list").out
        assert assay.at(server.url).run("push", "q", "w.bin").code == DENIED
    finally:
        assert server.stop() == 0


def test_a_store_that_somebody_writes_to_is_read_through_that_one(assay, binary, tmp_path, mounted):
    folder = tmp_path / "place"
    folder.mkdir()
    server = Server(binary, folder)
    key = filled(assay, server.store)
    place = mounted("--bind", server.store)
    subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)
    server.start()
    try:
        assay.ok("--store", place, "pull", "r:1", "out", "--trust", public(key))
    finally:
        server.stop()


def test_what_an_index_holds_beside_its_file_is_read(assay, binary, tmp_path, mounted):
    """A snapshot that was taken while somebody wrote."""
    folder = tmp_path / "place"
    folder.mkdir()
    server = Server(binary, folder)
    key = filled(assay, server.store)
    server.start()
    assay.at(server.url).ok("alias", "set", "r", "late", "1")
    server.kill()
    place = mounted("--bind", server.store)
    subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)
    assert "late" in assay.ok("--store", place, "list", "r").out
    reads(assay, place, key)


def test_a_full_store_is_read(assay, tmp_path, mounted):
    place = mounted("-t", "tmpfs", "-o", "size=48m", "tmpfs")
    key = filled(assay, place / "store")
    descriptor = os.open(place / "filler", os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(descriptor, b"x" * 4096)
    except OSError:
        os.close(descriptor)
    reads(assay, place / "store", key)
    (place / "filler").unlink()
    assay.ok("--store", place / "store", "alias", "set", "r", "other", "1")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_a_store_whose_rights_to_write_were_taken_away_is_read(assay, binary, tmp_path):
    home = tmp_path / "nobody"
    home.mkdir()
    for path in [home, *home.parents]:
        if path.stat().st_uid == os.geteuid() and path != path.parent and path.is_relative_to("/tmp"):
            path.chmod(path.stat().st_mode | 0o011)
    os.chown(home, NOBODY, NOBODY)

    class Other(Assay):
        def environment(self):
            return super().environment() | {"TMPDIR": str(self.home)}

        def start(self, *arguments, **options):
            return super().start(*arguments, user=NOBODY, group=NOBODY, **options)

    other = Other(binary, home)
    key = filled(other, home / "store")
    subprocess.run(["chmod", "-R", "a-w", home / "store"], check=True)
    reads(other, home / "store", key)
    refusals(other, home / "store")
    assert other.run("--store", home / "store", "list").code == DONE
