"""Pulls are exact: what an earlier version left goes, what is the user's stays; versions side by side; bundles."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from evidence import CONFLICT, DONE, INTEGRITY, NOT_FOUND, USAGE
from harness import public

BOUNDED_SECONDS = 120


@pytest.fixture
def own(assay, server):
    return assay.at(server.url)


def make(assay, name, files):
    folder = assay.home / name
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() or path.is_symlink()}


def push(assay, name, contents, *options):
    return assay.ok("push", "m", make(assay, name, contents), *options, "--json").json["version"]


@pytest.mark.parametrize("is_signed", [True, False])
def test_what_an_earlier_version_left_goes_and_what_is_the_users_stays(own, is_signed):
    key = own.key()
    options = ("--key", key) if is_signed else ()
    push(own, "one", {"a.bin": "a", "shards/1": "1", "shards/2": "2"}, *options)
    push(own, "two", {"a.bin": "a", "b.bin": "b"}, *options)
    own.ok("pull", "m:1", "out")
    (own.home / "out" / "notes.txt").write_text("mine")
    outcome = own.ok("pull", "m:2", "out", "--force", "--json")
    assert outcome.json["removed_files"] == ["shards/1", "shards/2"]
    assert outcome.json["other_files"] == ["notes.txt"]
    assert "'shards/1'" in outcome.err and "'notes.txt'" in outcome.err and "--delete-others" in outcome.err
    assert files(own.home / "out") - {"model.sig"} == {"a.bin", "b.bin", "notes.txt"}
    assert not (own.home / "out" / "shards").exists()
    outcome = own.ok("pull", "m:2", "out", "--delete-others")
    assert "'notes.txt'" in outcome.err
    assert files(own.home / "out") - {"model.sig"} == {"a.bin", "b.bin"}
    if is_signed:
        own.ok("check", "out", "--trust", public(key))


def test_a_signature_is_record_enough_where_no_state_is_kept(own):
    """Another machine pulls into the volume: the former model.sig says what was a version's."""
    key = own.key()
    push(own, "one", {"a.bin": "a", "old.bin": "old"}, "--key", key)
    push(own, "two", {"a.bin": "a"}, "--key", key)
    own.ok("pull", "m:1", "out")
    shutil.rmtree(own.home / ".local")
    own.ok("pull", "m:2", "out", "--force", "--trust", public(key))
    own.ok("check", "out", "--trust", public(key))
    assert files(own.home / "out") == {"a.bin", "model.sig"}


def test_a_former_signature_goes_with_its_files_where_the_version_has_none(own):
    push(own, "one", {"a.bin": "a", "old.bin": "old"}, "--key", own.key())
    push(own, "two", {"a.bin": "a"})
    own.ok("pull", "m:1", "out")
    own.ok("pull", "m:2", "out")
    assert files(own.home / "out") == {"a.bin"}


def test_a_file_that_was_changed_is_the_users(own):
    push(own, "one", {"a.bin": "a", "old.bin": "old"})
    push(own, "two", {"a.bin": "a"})
    own.ok("pull", "m:1", "out")
    (own.home / "out" / "old.bin").write_text("mine")
    outcome = own.ok("pull", "m:2", "out")
    assert "'old.bin'" in outcome.err and files(own.home / "out") == {"a.bin", "old.bin"}


def signature_over(assay, folder, signature):
    done = subprocess.run(
        [sys.executable, "-m", "model_signing", "sign", "key", folder, "--private_key", assay.home / "release.pem",
         "--signature", signature], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_names_of_a_planted_signature_lead_nowhere(own):
    """Whoever writes a model.sig into the folder names no file outside of it, and none whose bytes it does not know."""
    own.key()
    outside = own.home / "victim.txt"
    outside.write_text("victim")
    push(own, "one", {"a.bin": "a"})
    make(own, "out", {"a.bin": "a", "mine.txt": "mine"})
    payload = make(own, "payload", {"victim.txt": "victim", "mine.txt": "other bytes"})
    signature_over(own, payload, own.home / "out" / "model.sig")
    text = (own.home / "out" / "model.sig").read_text()
    (own.home / "out" / "model.sig").write_text(text.replace("victim.txt", "../victim.txt"))
    own.ok("pull", "m:1", "out")
    assert outside.read_text() == "victim" and (own.home / "out" / "mine.txt").read_text() == "mine"


def test_no_record_is_kept_in_the_folder_and_a_missing_home_is_told(own, binary):
    push(own, "one", {"a.bin": "a"})
    environment = {name: value for name, value in own.environment().items() if name not in ("HOME", "XDG_STATE_HOME")}
    done = subprocess.run(
        [binary, "pull", "m:1", "out"], cwd=own.home, env=environment, capture_output=True, text=True)
    assert done.returncode == DONE and "XDG_STATE_HOME" in done.stderr
    assert files(own.home / "out") == {"a.bin"}


def test_what_a_cut_pull_left_is_in_nobodys_way(own):
    key = own.key()
    push(own, "one", {"a.bin": "a", "deep/b.bin": "b"}, "--key", key)
    make(own, "out", {f".assay-{'0' * 32}-01234567.part": "half", f"deep/.assay-{'f' * 32}-89abcdef.part": "half"})
    own.ok("pull", "m:1", "out", "--trust", public(key))
    assert files(own.home / "out") == {"a.bin", "deep/b.bin", "model.sig"}
    make(own, "out", {f"deep/.assay-{'f' * 32}-89abcdef.part": "half"})
    own.ok("check", "out", "--trust", public(key))
    assert "left out" in own.ok("push", "again", own.home / "out").err
    make(own, "out", {"deep/.assay-mine.part": "loaded"})
    assert own.run("check", "out", "--trust", public(key)).code == INTEGRITY


def test_a_refused_pull_makes_no_folder_in_the_folder(own):
    push(own, "one", {"a.bin": "a", "deep/er/b.bin": "b"})
    make(own, "out", {"a.bin": "mine"})
    assert own.run("pull", "m:1", "out").code == CONFLICT
    assert [path.name for path in (own.home / "out").iterdir()] == ["a.bin"]


def test_some_files_of_a_version_are_pulled_by_pattern(own):
    key = own.key()
    push(own, "one", {"config.json": "{}", "onnx/model.onnx": "m", "onnx/other.txt": "t"}, "--key", key)
    outcome = own.ok("pull", "m:1", "out", "--file", "*.onnx", "--trust", public(key))
    assert files(own.home / "out") == {"onnx/model.onnx"} and "not all files" in outcome.err
    own.ok("pull", "m:1", "out", "--file", "config.json")
    assert files(own.home / "out") == {"onnx/model.onnx", "config.json"}
    own.ok("pull", "m:1", "some", "--file", "onnx/")
    assert files(own.home / "some") == {"onnx/model.onnx", "onnx/other.txt"}
    own.ok("pull", "m:1", "out")
    own.ok("check", "out", "--trust", public(key))
    outcome = own.run("pull", "m:1", "none", "--file", "*.safetensors")
    assert outcome.code == NOT_FOUND and "config.json" in outcome.err and not (own.home / "none").exists()


# Versions side by side


def test_versions_lie_side_by_side_and_current_leads_to_one(own):
    key = own.key()
    digests = [push(own, f"v{turn}", {"w.bin": f"{turn}"}, "--key", key)["manifest_digest"] for turn in range(5)]
    root = own.home / "models"
    for turn in range(5):
        outcome = own.ok("pull", f"m:{turn + 1}", "--into", root, "--trust", public(key), "--json").json
        assert os.readlink(root / "current") == digests[turn] and outcome["versions"]["is_current"]
        assert (root / "current" / "w.bin").read_text() == f"{turn}"
        own.ok("check", root / "current", "--trust", public(key))
        own.ok("check", f"{root}/current/", "--trust", public(key))
    assert {path.name for path in root.iterdir() if path.name.startswith("sha256:")} == set(digests[2:])
    own.ok("pull", "m:3", "--into", root, "--keep", 1)
    assert os.readlink(root / "current") == digests[2]
    assert {path.name for path in root.iterdir() if path.name.startswith("sha256:")} == {digests[2], digests[4]}
    own.ok("pull", "m:5", "--into", root, "--keep", 0)
    assert {path.name for path in root.iterdir() if path.name.startswith("sha256:")} == {digests[4]}


@pytest.mark.parametrize("arguments", [
    ("m:1",), ("m:1", "out", "--into", "models"), ("m:1", "out", "--keep", "1"), ("m:1", "--into", "models", "--keep=-1"),
    ("m:1", "--into", ""), ("m:1", "--into", "models", "--file", "*")])
def test_places_that_make_no_sense_are_refused(own, arguments):
    push(own, "one", {"a.bin": "a"})
    outcome = own.run("pull", *arguments)
    assert outcome.code == USAGE and not (own.home / "models").exists(), outcome


def test_what_is_no_link_keeps_its_name(own):
    push(own, "one", {"a.bin": "a"})
    make(own, "models/current", {"mine.txt": "mine"})
    outcome = own.run("pull", "m:1", "--into", "models")
    assert outcome.code == CONFLICT and "current" in outcome.err
    assert files(own.home / "models") == {"current/mine.txt"}


def test_what_is_called_otherwise_is_never_pruned(own):
    for turn in range(3):
        push(own, f"v{turn}", {"w.bin": f"{turn}"})
    make(own, "models", {"notes/mine.txt": "mine", "sha256:abc/mine.txt": "mine"})
    (own.home / "elsewhere").mkdir()
    make(own, "elsewhere", {"mine.txt": "mine"})
    (own.home / "models" / ("sha256:" + "0" * 64)).symlink_to(own.home / "elsewhere")
    for turn in range(3):
        own.ok("pull", f"m:{turn + 1}", "--into", "models", "--keep", 0)
    assert {"notes/mine.txt", "sha256:abc/mine.txt"} <= files(own.home / "models")
    assert (own.home / "elsewhere" / "mine.txt").read_text() == "mine"


def test_many_pulls_at_once_and_some_that_are_killed_leave_current_whole(own):
    contents = {turn: {"w.bin": bytes([turn]) * (1 << 20), "x.bin": f"{turn}"} for turn in range(3)}
    for turn in range(3):
        push(own, f"v{turn}", contents[turn])
    commands = [("pull", f"m:{turn % 3 + 1}", "--into", "models", "--keep", "0") for turn in range(9)]
    started = [own.start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for command in commands]
    for turn, process in enumerate(started):
        if turn % 4 == 1:
            time.sleep(0.02 * turn)
            process.send_signal(signal.SIGKILL)
    ended = [(process.communicate(timeout=BOUNDED_SECONDS), process.returncode) for process in started]
    for turn, ((_, err), code) in enumerate(ended):
        assert turn % 4 == 1 or code == DONE, err
    current = own.home / "models" / "current"
    turn = int((current / "x.bin").read_text())
    assert (current / "w.bin").read_bytes() == contents[turn]["w.bin"]
    own.ok("pull", "m:1", "--into", "models", "--keep", "0")
    assert (current / "x.bin").read_text() == "0"
    assert sorted(path.name for path in (own.home / "models").iterdir()) == [
        ".assay-versions", "current", os.readlink(current)]


# Bundles


def test_a_bundle_is_extracted_as_a_pull_writes_it(own):
    key = own.key()
    push(own, "one", {"a.bin": "a", "deep/b.bin": "b", "empty": ""}, "--key", key)
    push(own, "two", {"a.bin": "a"})
    own.ok("bundle", "export", "m:1", "-o", "one.tar")
    own.ok("pull", "m:1", "pulled")
    offline = own.at(None)
    outcome = offline.ok("bundle", "extract", "one.tar", "out", "--trust", public(key), "--json").json
    assert outcome["version"] == "m:1" and outcome["signer"]
    assert {path: (own.home / "out" / path).read_bytes() for path in files(own.home / "out")} == {
        path: (own.home / "pulled" / path).read_bytes() for path in files(own.home / "pulled")}
    offline.ok("check", "out", "--trust", public(key))
    own.ok("bundle", "export", "m:2", "-o", "two.tar")
    other = own.key("other")
    outcome = offline.run("bundle", "extract", "one.tar", "no", "--trust", public(other))
    assert outcome.code == INTEGRITY and not (own.home / "no").exists(), outcome
    offline.ok("bundle", "extract", "two.tar", "out")
    assert files(own.home / "out") == {"a.bin"}, "what the former bundle brought went"
    offline.ok("bundle", "extract", "one.tar", "some", "--file", "deep/*")
    assert files(own.home / "some") == {"deep/b.bin"}


def test_a_damaged_bundle_writes_nothing(own):
    push(own, "one", {"a.bin": b"a" * 4096})
    own.ok("bundle", "export", "m:1", "-o", "one.tar")
    data = (own.home / "one.tar").read_bytes()
    (own.home / "one.tar").write_bytes(data.replace(b"a" * 4096, b"a" * 4095 + b"b"))
    outcome = own.run("bundle", "extract", "one.tar", "out", "--json")
    assert outcome.code == INTEGRITY and json.loads(outcome.out)["code"] and not (own.home / "out").exists()
