"""What people do with stores and folders every day: several at a time, on volumes, below long paths, through links."""

import json
import os
import shutil
import subprocess

import pytest
import requests
from evidence import CONFLICT, DONE, NOT_FOUND, REFUSED, USAGE
from harness import FIXTURES, Server, public

BOUNDED_SECONDS = 120


@pytest.fixture
def local(assay, tmp_path):
    """The command line over a store folder, without a server."""
    assay.ok("init", tmp_path / "store")
    return assay


def store(assay):
    return ("--store", assay.home / "store")


# Several commands at a time


def together(assay, commands):
    """Runs commands at the same time; gives how each ended."""
    processes = [assay.start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for command in commands]
    ended = [(process.communicate(timeout=BOUNDED_SECONDS), process.returncode) for process in processes]
    return [(code, out, err) for (out, err), code in ended]


def test_many_commands_over_one_store_all_succeed(local):
    """Twelve at a time, reads among them; the one whose server the others use ends after them."""
    for name in range(12):
        (local.home / f"w{name}.bin").write_text(f"weights {name}")
    for turn in range(4):
        pushes = [(*store(local), "push", f"p{name}-{turn}", f"w{name}.bin") for name in range(9)]
        reads = [(*store(local), "list"), (*store(local), "audit", "verify"), (*store(local), "key", "list")]
        for code, out, err in together(local, pushes + reads):
            assert code == DONE, (out, err)
    assert len(local.ok(*store(local), "list", "--json").json["items"]) == 36


def test_a_long_push_outlives_the_short_command_whose_server_it_uses(local):
    with open(local.home / "large.bin", "wb") as file:
        for _ in range(64):
            file.write(os.urandom(1 << 20))
    short = [(*store(local), "list") for _ in range(4)]
    for code, out, err in together(local, [*short, (*store(local), "push", "large", "large.bin"), *short]):
        assert code == DONE, (out, err)


def test_a_command_that_is_killed_leaves_no_lock(local):
    process = local.start(*store(local), "push", "a", FIXTURES / "digits-1.onnx", stdout=subprocess.DEVNULL)
    process.kill()
    process.wait()
    local.ok(*store(local), "list")


@pytest.mark.parametrize("is_signed", [True, False])
def test_many_pulls_into_one_folder_all_succeed_with_one_download(assay, server, is_signed):
    folder = assay.home / "model"
    folder.mkdir()
    for name in range(3):
        (folder / f"{name}.bin").write_bytes(os.urandom(8 << 20))
    key = assay.key()
    remote = assay.at(server.url)
    remote.ok("push", "m", folder, *(("--key", key) if is_signed else ()))
    ended = together(remote, [("pull", "m:1", "out", "--json")] * 5)
    assert [code for code, _, _ in ended] == [DONE] * 5, ended
    received = sorted(json.loads(out)["received_bytes"] for _, out, _ in ended)
    assert received == [0, 0, 0, 0, 24 << 20]
    if is_signed:
        assay.ok("check", "out", "--trust", public(key))
    assert not [path for path in (assay.home / "out").iterdir() if path.name.startswith(".assay")]


# Where stores and files lie


def test_a_store_below_a_long_path_is_used_and_served(assay, binary, tmp_path):
    deep = tmp_path / "/".join(["workspace"] * 14)
    deep.mkdir(parents=True)
    (assay.home / "w.bin").write_text("weights")
    assay.ok("init", deep / "store")
    assay.ok("--store", deep / "store", "push", "r", "w.bin")
    server = Server(binary, deep).start()
    try:
        assay.ok("--store", deep / "store", "pull", "r:1", "out")
    finally:
        server.stop()


def test_a_store_is_made_in_an_empty_folder_that_is_there(assay, tmp_path):
    volume = tmp_path / "volume"
    volume.mkdir(mode=0o755)
    (volume / "lost+found").mkdir()
    assay.ok("init", volume)
    assay.ok("--store", volume, "list")
    assert not [path for path in volume.iterdir() if path.name.startswith(".init")]
    assert volume.stat().st_mode & 0o077 == 0


def test_a_folder_with_other_files_becomes_no_store(assay, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / ".gitkeep").write_text("")
    outcome = assay.run("init", folder)
    assert outcome.code != DONE and f"{folder}/store" in outcome.err
    assert [path.name for path in folder.iterdir()] == [".gitkeep"]


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="needs the right to mount")
def test_a_store_is_made_where_a_volume_is_mounted(assay, tmp_path):
    volume = tmp_path / "volume"
    volume.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", volume], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        assay.ok("init", volume)
        assay.ok("--store", volume, "list")
    finally:
        subprocess.run(["umount", volume], check=True)


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("number", ["EPERM", "EOPNOTSUPP"])
def test_a_file_system_without_second_names_takes_pulls_and_bundles(local, number):
    (local.home / "w.bin").write_text("weights")
    local.ok(*store(local), "push", "r", "w.bin", "--key", local.key())
    inject = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=link,linkat",
              "-e", f"inject=link,linkat:error={number}", local.binary]

    def run(*arguments):
        return subprocess.run(
            [*inject, *map(str, arguments)], cwd=local.home, env=local.environment(), capture_output=True, text=True,
            timeout=BOUNDED_SECONDS)

    for arguments in (("pull", "r:1", "out"), ("bundle", "export", "r:1", "-o", "r.tar")):
        ended = run(*store(local), *arguments)
        assert ended.returncode == DONE, ended.stderr
    assert (local.home / "out" / "w.bin").read_text() == "weights"
    assert run(*store(local), "bundle", "export", "r:1", "-o", "r.tar").returncode == CONFLICT, "what is there stays"


# What options name


@pytest.fixture
def mounted(local):
    """Files as a platform mounts secrets: links into a folder that is a link."""
    local.key("plain")
    (local.home / "pass.txt").write_text("correct horse\n")
    (local.home / "pass.txt").chmod(0o600)
    folder = local.home / "mounted"
    (folder / "..1").mkdir(parents=True)
    (folder / "..data").symlink_to("..1")
    for path in (local.home / "plain.pem", local.home / "plain.pub.pem", local.home / "pass.txt"):
        shutil.copy2(path, folder / "..1" / path.name)
        (folder / path.name).symlink_to(f"..data/{path.name}")
    (local.home / "w.bin").write_text("weights")
    (folder / "..1" / "m.yaml").write_text("license: MIT\n")
    (folder / "m.yaml").symlink_to("..data/m.yaml")
    return folder


def test_files_that_options_name_may_be_links(local, mounted):
    local.ok(*store(local), "push", "r", "w.bin", "--key", mounted / "plain.pem", "--metadata", mounted / "m.yaml")
    local.ok(*store(local), "pull", "r:1", "out", "--trust", mounted / "plain.pub.pem")
    local.ok(*store(local), "key", "trust", mounted / "plain.pub.pem")
    local.ok("check", "out", "--trust", mounted / "plain.pub.pem")
    local.ok("key", "generate", "--out", "second", "--passphrase-file", mounted / "pass.txt")
    (local.home / "policy.yaml").write_text("version: 1\nsize: {max_bytes: 1000}\n")
    (local.home / "link.yaml").symlink_to("policy.yaml")
    local.ok(*store(local), "policy", "set", "r", "production", "link.yaml")


def test_a_key_that_its_group_may_read_is_taken_on_request(local, mounted):
    (mounted / "..1" / "plain.pem").chmod(0o440)
    push = [*store(local), "push", "r", "w.bin", "--key", mounted / "plain.pem"]
    outcome = local.run(*push)
    assert outcome.code == USAGE and "ASSAY_ALLOW_GROUP_READABLE_KEYS=1" in outcome.err, outcome
    environment = local.environment() | {"ASSAY_ALLOW_GROUP_READABLE_KEYS": "1"}

    def run():
        return subprocess.run(
            [local.binary, *map(str, push)], cwd=local.home, env=environment, capture_output=True, text=True,
            timeout=BOUNDED_SECONDS)

    assert run().returncode == DONE
    for mode in (0o444, 0o460, 0o446):
        (mounted / "..1" / "plain.pem").chmod(mode)
        assert run().returncode == USAGE, oct(mode)


@pytest.mark.parametrize("how", ["-", "/dev/stdin", "/proc/self/fd/0"])
def test_a_document_may_come_on_the_standard_input(local, how):
    (local.home / "w.bin").write_text("weights")
    ended = subprocess.run(
        [local.binary, *map(str, store(local)), "push", "r", "w.bin", "--metadata", how], cwd=local.home,
        env=local.environment(), input="license: MIT\n", capture_output=True, text=True, timeout=BOUNDED_SECONDS)
    assert ended.returncode == DONE, ended.stderr
    assert local.ok(*store(local), "show", "r:1", "--json").json["version"]["metadata"]["license"] == "MIT"


def test_a_key_may_come_from_a_command(local):
    local.key()
    (local.home / "w.bin").write_text("weights")
    script = f"{local.binary} --store {local.home}/store push r w.bin --key <(cat release.pem)"
    subprocess.run(["bash", "-c", script], cwd=local.home, env=local.environment(), check=True, timeout=BOUNDED_SECONDS)


@pytest.mark.parametrize("make, codes", [
    (os.mkfifo, {REFUSED}), (lambda path: path.symlink_to("/dev/zero"), {REFUSED}), (os.mkdir, {REFUSED}),
    (lambda path: path.symlink_to(path), {REFUSED}), (lambda path: path.symlink_to("absent"), {NOT_FOUND}),
    (lambda path: path.write_bytes(b"x" * (1 << 20)), {REFUSED, USAGE})])
def test_what_cannot_be_a_document_is_refused_at_once(local, make, codes):
    (local.home / "w.bin").write_text("weights")
    make(local.home / "odd")
    for option in ("--metadata", "--key"):
        outcome = local.run(*store(local), "push", "r", "w.bin", option, "odd", timeout=20)
        assert outcome.code in codes, (option, outcome)


def test_a_token_with_a_line_end_is_a_token(assay, server):
    environment = assay.environment() | {"ASSAY_SERVER": server.url, "ASSAY_TOKEN": "a-token-that-nobody-checks\n"}
    ended = subprocess.run(
        [assay.binary, "list"], env=environment, cwd=assay.home, capture_output=True, text=True,
        timeout=BOUNDED_SECONDS)
    assert ended.returncode == DONE, ended.stderr


# Text of metadata


@pytest.mark.parametrize("commit", ["1234e56", "0012345", "0x1234a", "12e4567", "4b825dc"])
def test_a_commit_is_signed_as_it_is_written(local, commit):
    (local.home / "w.bin").write_text("weights")
    (local.home / "m.yaml").write_text(f"git_commit: {commit}\n")
    local.ok(*store(local), "push", "r", "w.bin", "--metadata", "m.yaml", "--key", local.key())
    said = local.ok(*store(local), "attestations", "r:1", "--show", "provenance").out
    assert f'"gitCommit":"{commit}"' in said.replace(" ", "")


# What never goes along


def test_a_push_of_a_folder_takes_no_secrets_along(local):
    folder = local.home / "model"
    (folder / "sub" / ".git").mkdir(parents=True)
    (folder / "sub" / ".git" / "config").write_text("token = secret")
    local.ok("key", "generate", "--out", folder / "release")
    local.ok("init", folder / "st")
    (folder / "w.bin").write_text("weights")
    (folder / "run.log").write_text("log")
    (folder / "sub" / "x.tmp").write_text("tmp")
    (folder / ".assayignore").write_text("*.log\n")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").write_text("x")
    outcome = local.ok(
        *store(local), "push", "r", folder, "--key", folder / "release.pem", "--exclude", "*.tmp", "--json")
    for name in ("release.pem", "st", "sub/.git", "run.log", "sub/x.tmp"):
        assert f"left out: {name}," in outcome.err, (name, outcome.err)
    assert "__pycache__/a.pyc" in outcome.err
    files = local.ok(*store(local), "show", "r:1", "--json").json["files"]
    assert [file["path"] for file in files] == ["__pycache__/a.pyc", "release.pub.pem", "w.bin"]


def test_a_key_or_a_store_that_is_named_itself_is_not_pushed(local):
    local.key()
    for path in ("release.pem", "store"):
        outcome = local.run(*store(local), "push", "r", path)
        assert outcome.code == USAGE and "is not pushed" in outcome.err, outcome


# Space


def test_unfinished_uploads_are_told_and_dropped(assay, server):
    remote = assay.at(server.url)
    begun = requests.post(f"{server.url}/v2/r/blobs/uploads/", timeout=BOUNDED_SECONDS)
    place = server.url + begun.headers["Location"]
    assert requests.patch(place, data=b"x" * (1 << 20), timeout=BOUNDED_SECONDS).status_code == 202
    assert "1 unfinished upload, 1.0 MiB: assay gc --drop-uploads frees them" in remote.ok("gc").out
    assert remote.ok("gc", "--json").json["uploads"] == {"count": 1, "bytes": 1 << 20}
    assert remote.run("gc", "--dry-run", "--drop-uploads").code == USAGE
    assert remote.ok("gc", "--drop-uploads").out == "dropped 1 unfinished upload, 1.0 MiB\n"
    assert requests.get(place, timeout=BOUNDED_SECONDS).status_code == 404
    assert "unfinished" not in remote.ok("gc").out
    (assay.home / "w.bin").write_text("weights")
    remote.ok("push", "r", "w.bin")


# Many files


def test_the_limit_of_the_server_is_the_one_that_counts(binary, assay, tmp_path):
    folder = assay.home / "many"
    folder.mkdir()
    for number in range(9_000):
        (folder / f"{number:05}-{'x' * 190}").write_text(str(number % 3))
    server = Server(binary, tmp_path / "served", "--manifest-limit", "64MiB")
    server.folder.mkdir()
    server.create_store().start()
    try:
        assay.at(server.url).ok("push", "r", folder, timeout=600)
    finally:
        server.stop()


def test_a_manifest_that_the_server_refuses_is_refused_before_anything_is_sent(assay, server):
    folder = assay.home / "many"
    folder.mkdir()
    for number in range(9_000):
        (folder / f"{number:05}-{'x' * 190}").write_text("x")
    outcome = assay.at(server.url).run("push", "r", folder, timeout=600)
    assert outcome.code == REFUSED and "--manifest-limit" in outcome.err, outcome
    assert requests.get(f"{server.url}/v2/r/tags/list", timeout=BOUNDED_SECONDS).status_code == 404
