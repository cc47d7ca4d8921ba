"""Links in folders that are pushed: followed when that is asked, and never out of what was given."""

import os

import pytest
from evidence import DONE, REFUSED, USAGE


@pytest.fixture
def cache(assay):
    """A cache as huggingface_hub lays it out: the snapshot's files are links into the blobs."""
    place = assay.home / "hub" / "models--org--name"
    snapshot = place / "snapshots" / "abc123"
    (snapshot / "onnx").mkdir(parents=True)
    (place / "blobs").mkdir()
    (place / "blobs" / "1111").write_text("{}")
    (place / "blobs" / "2222").write_text("weights")
    (snapshot / "config.json").symlink_to("../../blobs/1111")
    (snapshot / "onnx" / "model.bin").symlink_to("../../../blobs/2222")
    return place


def pulled(assay, name):
    assay.ok("pull", f"{name}:1", "out")
    return {path.relative_to(assay.home / "out").as_posix(): path.read_text()
            for path in (assay.home / "out").rglob("*") if path.is_file() and path.name != "model.sig"}


def test_a_snapshot_of_a_cache_is_pushed_when_its_cache_is_named(assay, cache, name):
    snapshot = cache / "snapshots" / "abc123"
    outcome = assay.run("push", name, snapshot)
    assert outcome.code == REFUSED and "is a link" in outcome.err and "--follow-links" in outcome.err
    outcome = assay.run("push", name, snapshot, "--follow-links")
    assert outcome.code == REFUSED and f"--links-within {cache}/blobs" in outcome.err, outcome
    assay.ok("push", name, snapshot, "--links-within", cache)
    assert pulled(assay, name) == {"config.json": "{}", "onnx/model.bin": "weights"}


@pytest.fixture
def folder(assay):
    folder = assay.home / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "w.bin").write_text("weights")
    return folder


def test_links_within_the_folder_are_followed(assay, folder, name):
    (folder / "latest.bin").symlink_to("inner/w.bin")
    (folder / "again.bin").symlink_to("latest.bin")
    (folder / "absolute.bin").symlink_to(folder / "inner" / "w.bin")
    assay.ok("push", name, folder, "--follow-links")
    assert set(pulled(assay, name)) == {"inner/w.bin", "latest.bin", "again.bin", "absolute.bin"}


def outside(assay, folder):
    (assay.home / "secret.txt").write_text("secret")
    (folder / "link").symlink_to("../secret.txt")


def around(assay, folder):
    """Within by its text, and out by a folder that is a link."""
    (assay.home / "elsewhere").mkdir()
    (assay.home / "elsewhere" / "file").write_text("secret")
    (folder / "way").symlink_to(assay.home / "elsewhere")
    (folder / "link").symlink_to("way/file")


def beside(assay, folder):
    """A folder whose name begins with that of the pushed one."""
    (assay.home / "folder-2").mkdir()
    (assay.home / "folder-2" / "file").write_text("secret")
    (folder / "link").symlink_to("../folder-2/file")


def nowhere(assay, folder):
    (folder / "link").symlink_to("missing")


def round_and_round(assay, folder):
    (folder / "link").symlink_to("link")


def to_a_folder(assay, folder):
    (folder / "link").symlink_to("inner")


def to_itself(assay, folder):
    (folder / "link").symlink_to(".")


def to_a_device(assay, folder):
    (folder / "link").symlink_to("/dev/zero")


def into_git(assay, folder):
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("token")
    (folder / "link").symlink_to(".git/config")


@pytest.mark.parametrize("make", [outside, around, beside, nowhere, round_and_round, to_a_folder, to_itself,
                                  to_a_device, into_git])
def test_other_links_are_refused_and_named(assay, folder, name, make):
    make(assay, folder)
    outcome = assay.run("push", name, folder, "--follow-links")
    assert outcome.code == REFUSED and "/link'" in outcome.err or "/way'" in outcome.err, outcome
    assert "next:" in outcome.err and "secret\n" not in outcome.out
    assert assay.run("show", f"{name}:1").code != DONE


def test_a_key_behind_a_link_stays_behind(assay, folder, name):
    key = assay.key()
    (folder / "sub").mkdir()
    os.rename(key, folder / "sub" / "data.txt")
    (folder / "link.txt").symlink_to("sub/data.txt")
    outcome = assay.ok("push", name, folder, "--follow-links")
    assert "left out: link.txt, it holds a private key" in outcome.err, outcome
    assert set(pulled(assay, name)) == {"inner/w.bin"}


def test_a_link_that_is_named_is_followed(assay, folder, name):
    (assay.home / "latest").symlink_to("folder")
    (folder / "link.bin").symlink_to("inner/w.bin")
    assay.ok("push", name, assay.home / "latest", "--follow-links", "--exclude", "link.bin")
    assert set(pulled(assay, name)) == {"inner/w.bin"}
    assay.ok("push", f"{name}-file", folder / "link.bin", "--follow-links")
    assert assay.run("push", f"{name}-file", folder / "link.bin").code == REFUSED


@pytest.mark.parametrize("place", ["missing", "folder/inner/w.bin"])
def test_what_is_no_folder_is_not_taken_for_one(assay, folder, name, place):
    assert assay.run("push", name, folder, "--links-within", place).code not in (DONE, USAGE, 70)
