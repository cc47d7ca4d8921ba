"""Folders, sockets and files that other users of the machine can reach. `nobody` plays the other user."""

import contextlib
import fcntl
import multiprocessing
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
from harness import Assay, Server, digest_of, finish, free_port

NOBODY = 65534
FORK = multiprocessing.get_context("fork")
WRONG_USE = 2

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed, so this runs as root")


@contextlib.contextmanager
def as_nobody(work, *arguments):
    """Runs a function in a process of the other user, which ends with the block; lends its answer's reader."""
    reader, writer = FORK.Pipe(duplex=False)

    def run():
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        writer.send(work(*arguments))

    process = FORK.Process(target=run, daemon=True)
    process.start()
    try:
        yield reader
    finally:
        process.join(60)
        process.kill()


def connects(path):
    """What comes of a connection to a socket."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError as error:
            return type(error).__name__
    return "connected"


@pytest.fixture
def shared():
    """A folder that every user of the machine may write to."""
    folder = Path(tempfile.mkdtemp(prefix="assay-shared-", dir="/tmp"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def local(binary, tmp_path):
    """The command line with a store of its own."""
    local = Assay(binary, tmp_path)
    local.ok("init", "store")
    return local


def give_away(*paths):
    for path in paths:
        os.chown(path, NOBODY, NOBODY)


def refused(outcome, *words):
    assert outcome.code == WRONG_USE, outcome
    for word in words:
        assert word in outcome.err, outcome
    return outcome


def serve(local, *options):
    """Runs a server that is expected to refuse."""
    return local.run("serve", "--store", "store", "--listen", f"127.0.0.1:{free_port()}", *options, timeout=30)


# What a process makes


def test_commands_over_a_store_make_nothing_that_others_may_open(binary, tmp_path):
    umask = os.umask(0)
    try:
        local = Assay(binary, tmp_path)
        local.ok("init", "store")
        (tmp_path / "weights.bin").write_bytes(b"weights")
        local.ok("push", "--store", "store", "m", "weights.bin")
    finally:
        os.umask(umask)
    loose = [path for path in (tmp_path / "store").rglob("*") if path.stat().st_mode & 0o022]
    assert loose == []
    assert (tmp_path / "store").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "store").glob("index.sqlite*"))


def test_the_lent_socket_is_its_owners_alone(local):
    # The store may be looked into, so that only the socket's own mode keeps others out.
    store = local.home / "store"
    store.chmod(0o755)
    for folder in store.parents:
        with contextlib.suppress(PermissionError):
            folder.chmod(folder.stat().st_mode | 0o011)
    (local.home / "big.bin").write_bytes(os.urandom(1 << 20) * 64)
    modes, answers = set(), set()
    umask = os.umask(0)
    try:
        process = local.start("push", "--store", "store", "m", "big.bin", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        os.umask(umask)
    while process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            modes.add(stat.S_IMODE((store / "assay.sock").stat().st_mode))
            with as_nobody(connects, store / "assay.sock") as answer:
                answers.add(answer.recv())
    outcome = finish(process)
    assert outcome.code == 0, outcome
    assert modes and all(mode & 0o077 == 0 for mode in modes), [oct(mode) for mode in modes]
    assert "connected" not in answers and "PermissionError" in answers, answers


def test_the_socket_of_a_server_is_its_owners_alone(binary, tmp_path, shared):
    path = shared / "assay.sock"
    umask = os.umask(0)
    try:
        server = Server(binary, tmp_path, "--unix-socket", path).create_store().start()
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert server.stop() == 0


# What is refused


@pytest.mark.parametrize("name", ["", "keys", "log", "blobs", "uploads", "staging", "index.sqlite", "store.json"])
def test_a_store_of_somebody_else_is_refused(local, name):
    give_away(local.home / "store" / name)
    refused(local.run("list", "--store", "store"), "belongs to somebody else")
    refused(serve(local), "belongs to somebody else")


@pytest.mark.parametrize("name", ["", "keys", "log", "blobs", "staging", "index.sqlite"])
@pytest.mark.parametrize("right", [0o020, 0o002])
def test_a_store_that_others_may_write_to_is_refused(local, name, right):
    place = local.home / "store" / name
    place.chmod(place.stat().st_mode | right)
    refused(local.run("list", "--store", "store"), "others may write to")


@pytest.mark.parametrize("key", ["registry.pem", "log.pem"])
@pytest.mark.parametrize("fault", ["owner", "mode"])
def test_a_key_of_a_store_must_be_its_owners(local, key, fault):
    path = local.home / "store" / "keys" / key
    give_away(path) if fault == "owner" else path.chmod(0o640)
    refused(local.run("list", "--store", "store"), "belongs to somebody else" if fault == "owner" else "readable by others")


@pytest.mark.parametrize("fault", ["owner", "mode"])
def test_token_files_of_somebody_else_are_refused(local, server, fault):
    token = local.home / "token"
    token.write_text("0123456789abcdef0123456789abcdef")
    token.chmod(0o600)
    give_away(token) if fault == "owner" else token.chmod(0o620)
    words = "belongs to somebody else" if fault == "owner" else "others may write to"
    refused(serve(local, "--token-file", "token"), words)
    refused(local.at(server.url).run("list", "--token-file", "token"), words)


def test_a_key_of_somebody_else_signs_nothing(local, server):
    key = local.key()
    give_away(key)
    (local.home / "weights.bin").write_bytes(b"weights")
    refused(local.at(server.url).run("push", "m", "weights.bin", "--key", key), "belongs to somebody else")


@pytest.mark.parametrize("fault", ["owner", "mode", "parent"])
@pytest.mark.parametrize("name", ["digests", "uploads"])
def test_a_cache_of_somebody_else_is_refused(local, server, name, fault):
    cache = local.home / ".cache" / "assay" / name
    cache.mkdir(parents=True)
    if fault == "mode":
        cache.chmod(0o777)
    else:
        give_away(cache if fault == "owner" else cache.parent)
    (local.home / "weights.bin").write_bytes(b"weights")
    outcome = local.at(server.url).run("push", "m", "weights.bin")
    refused(outcome, "others may write to" if fault == "mode" else "belongs to somebody else")


@pytest.mark.parametrize("fault", ["owner", "mode"])
def test_the_memory_of_a_log_must_be_its_owners(local, server, fault):
    remote = local.at(server.url)
    (local.home / "weights.bin").write_bytes(b"weights")
    remote.ok("push", "m", "weights.bin")
    remote.ok("key", "export", "-o", "root.json")
    memory = local.home / ".local" / "state" / "assay" / "checkpoints"
    memory.mkdir(parents=True)
    give_away(memory) if fault == "owner" else memory.chmod(0o777)
    refused(
        remote.run("pull", "m:1", "out", "--trust", "root.json", "--require-log"),
        "belongs to somebody else" if fault == "owner" else "others may write to")
    assert not (local.home / "out").exists()


@pytest.mark.parametrize("fault", ["owner", "mode", "staging"])
def test_a_workers_cache_must_be_its_owners(local, server, shared, fault):
    cache = shared / "cache"
    (cache / "staging").mkdir(parents=True)
    cache.chmod(0o777 if fault == "mode" else 0o755)
    if fault != "mode":
        give_away(cache if fault == "owner" else cache / "staging")
    outcome = local.at(server.url).run("worker", "--once", "--cache", cache, timeout=60)
    refused(outcome, "others may write to" if fault == "mode" else "belongs to somebody else")


# Sockets


def listening(path, kind=socket.SOCK_STREAM):
    listener = socket.socket(socket.AF_UNIX, kind)
    listener.bind(str(path))
    if kind == socket.SOCK_STREAM:
        listener.listen()
    return listener


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_live_socket_is_never_taken_away(local, shared, kind):
    path = shared / "other.sock"
    with listening(path, kind) as listener:
        before = path.stat().st_ino
        refused(serve(local, "--unix-socket", path), "another process listens there")
        assert path.stat().st_ino == before
        with socket.socket(socket.AF_UNIX, kind) as client:
            client.connect(str(path))
        assert listener.fileno() >= 0


def test_a_live_socket_in_the_store_is_not_taken_away_by_a_command(local):
    path = local.home / "store" / "assay.sock"
    with listening(path):
        before = path.stat().st_ino
        refused(local.run("list", "--store", "store"), "another process listens there")
        assert path.stat().st_ino == before


@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling", "pipe"])
def test_what_is_no_socket_is_never_taken_away(local, shared, kind):
    path = shared / "thing"
    target = shared / "target"
    if kind == "file":
        path.write_text("precious")
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        if kind == "link":
            listening(target).close()
        path.symlink_to(target)
    refused(serve(local, "--unix-socket", path), "no socket")
    assert os.path.lexists(path)
    assert kind != "file" or path.read_text() == "precious"
    assert kind != "link" or target.exists()


def test_a_socket_has_a_name(local):
    refused(serve(local, "--unix-socket", ""), "no name")


def test_a_socket_of_somebody_else_is_left_alone(local, shared):
    path = shared / "other.sock"
    listening(path).close()
    give_away(path)
    refused(serve(local, "--unix-socket", path), f"user {NOBODY}'s")
    assert path.exists()


def test_a_socket_that_nobody_listens_on_is_replaced(binary, tmp_path, shared):
    path = shared / "assay.sock"
    listening(path).close()
    server = Server(binary, tmp_path, "--unix-socket", path).create_store().start()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    assert server.stop() == 0


def holds_its_lock(folder):
    """Whether somebody has the lock of a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@pytest.mark.parametrize("turn", range(4))
def test_who_comes_before_a_server_and_asks_for_no_lock_keeps_the_name(local, shared, turn):
    """It comes at some point between the look at the name and the socket's having it, by one turn or another."""
    path = shared / "assay.sock"
    process = local.start(
        "serve", "--store", "store", "--listen", f"127.0.0.1:{free_port()}", "--unix-socket", path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        while not holds_its_lock(shared):
            assert process.poll() is None
        while turn % 2 and not list(shared.glob(".assay-*")) and not path.exists():
            pass
        with contextlib.suppress(OSError):
            with listening(path) as listener:
                before = path.stat().st_ino
                outcome = finish(process)
                assert (outcome.code, path.stat().st_ino) == (WRONG_USE, before), outcome
                assert "cannot listen on the socket" in outcome.err
                assert listener.fileno() >= 0
                assert not list(shared.glob(".assay-*")), "nothing is left"
                return
        assert connects(path) == "connected", "the server was there first"
    finally:
        process.kill()
        process.wait()


def test_nothing_is_left_beside_the_socket(binary, tmp_path, shared):
    path = shared / "assay.sock"
    server = Server(binary, tmp_path, "--unix-socket", path).create_store().start()
    assert connects(path) == "connected"
    assert [entry.name for entry in shared.iterdir()] == ["assay.sock"]
    assert server.stop() == 0


def test_of_two_servers_that_want_one_socket_at_once_one_gets_it(binary, tmp_path, shared):
    path = shared / "assay.sock"
    servers = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        servers.append(Server(binary, tmp_path / name, "--unix-socket", path).create_store())
    local = Assay(binary, tmp_path)
    processes = [
        local.start("serve", "--store", server.store, "--listen", server.address, "--unix-socket", path,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE) for server in servers]
    ended = next(filter(lambda process: process.poll() is not None, iter_forever(processes)))
    refused(finish(ended), "another process listens there")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    other = next(process for process in processes if process is not ended)
    assert other.poll() is None
    other.terminate()
    assert finish(other).code == 0


def iter_forever(items):
    while True:
        yield from items


# New files


def swap(folder, names):
    """Puts a file of this user's in the place of each of somebody else's, as soon as it appears."""
    while not (folder / "stop").exists():
        for name in names:
            with contextlib.suppress(OSError):
                if (folder / name).stat().st_uid != NOBODY:
                    (folder / name).rename(folder / f"{name}.away")
                    os.close(os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o666))
    return True


def test_no_private_key_lies_in_a_file_of_somebody_else(binary, tmp_path, shared):
    assay = Assay(binary, tmp_path)
    names = [f"key{number}" for number in range(30)]
    with as_nobody(swap, shared, [f"{name}.pem" for name in names]):
        try:
            for name in names:
                outcome = assay.run("key", "generate", "--out", shared / name)
                assert outcome.code in (0, 6), outcome
        finally:
            (shared / "stop").touch()
    stolen = [path for path in shared.iterdir() if path.stat().st_uid == NOBODY and path.stat().st_size > 0]
    assert stolen == []
    for path in shared.glob("*.pem*"):
        assert path.stat().st_uid == NOBODY or b"PRIVATE" not in path.read_bytes() or path.stat().st_mode & 0o077 == 0


# Drafts


def planted(shared, name, content, how):
    path = shared / name
    path.write_bytes(content)
    if how == "owner":
        path.chmod(0o666)
        give_away(path)
    elif how == "mode":
        path.chmod(0o666)
    elif how == "links":
        os.link(path, shared / "second")
    elif how == "link":
        path.unlink()
        (shared / "target").write_bytes(content)
        path.symlink_to(shared / "target")
    elif how == "pipe":
        path.unlink()
        os.mkfifo(path)
    return path


@pytest.mark.parametrize("how", ["owner", "mode", "links", "link", "pipe"])
def test_the_draft_of_a_download_is_taken_up_only_if_it_is_ours(local, server, shared, how):
    remote = local.at(server.url)
    content = os.urandom(1 << 20)
    (local.home / "weights.bin").write_bytes(content)
    remote.ok("push", "m", "weights.bin")
    blob, name = digest_of(content).removeprefix("sha256:"), digest_of(b"weights.bin").removeprefix("sha256:")
    draft = planted(shared, f".assay-{blob[:32]}-{name[:8]}.part", content[:1000], how)
    remote.ok("pull", "m:1", shared)
    pulled = shared / "weights.bin"
    assert pulled.read_bytes() == content
    assert pulled.stat().st_uid == 0 and pulled.stat().st_nlink == 1 and pulled.stat().st_mode & 0o022 == 0
    assert not pulled.is_symlink()
    assert how == "pipe" or draft.read_bytes() == content[:1000], "what is not ours is left as it was"
    assert [path.name for path in shared.glob(".assay-*.part")] == [draft.name]


def test_the_draft_of_an_earlier_run_of_ours_is_taken_up(local, server, tmp_path):
    remote = local.at(server.url)
    content = os.urandom(1 << 20)
    (local.home / "weights.bin").write_bytes(content)
    remote.ok("push", "m", "weights.bin")
    blob, name = digest_of(content).removeprefix("sha256:"), digest_of(b"weights.bin").removeprefix("sha256:")
    (tmp_path / "out").mkdir()
    draft = tmp_path / "out" / f".assay-{blob[:32]}-{name[:8]}.part"
    draft.write_bytes(content[:1000])
    node = draft.stat().st_ino
    remote.ok("pull", "m:1", "out")
    assert (tmp_path / "out" / "weights.bin").stat().st_ino == node
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["weights.bin"]


def test_a_draft_that_another_process_writes_is_left_to_it(local, server, shared):
    remote = local.at(server.url)
    content = os.urandom(1 << 20)
    (local.home / "weights.bin").write_bytes(content)
    remote.ok("push", "m", "weights.bin")
    blob, name = digest_of(content).removeprefix("sha256:"), digest_of(b"weights.bin").removeprefix("sha256:")
    draft = shared / f".assay-{blob[:32]}-{name[:8]}.part"
    with draft.open("wb") as held:
        held.write(b"theirs")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        remote.ok("pull", "m:1", shared)
        assert draft.read_bytes() == b"theirs"
    assert (shared / "weights.bin").read_bytes() == content


def test_pulls_of_one_version_into_one_folder_at_once_leave_whole_files(local, server, tmp_path):
    remote = local.at(server.url)
    content = os.urandom(8 << 20)
    (local.home / "weights.bin").write_bytes(content)
    remote.ok("push", "m", "weights.bin")
    outcomes = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(remote.run("pull", "m:1", "out", "--force")))
        for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome.code for outcome in outcomes] == [0] * 4, list(map(str, outcomes))
    assert (tmp_path / "out" / "weights.bin").read_bytes() == content
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["weights.bin"]


@pytest.mark.parametrize("how", ["owner", "link", "links"])
def test_the_draft_of_a_signature_is_never_somebody_elses(local, server, shared, how):
    remote = local.at(server.url)
    key = remote.key()
    (local.home / "weights.bin").write_bytes(b"weights")
    remote.ok("key", "trust", "release.pub.pem")
    remote.ok("push", "m", "weights.bin", "--key", key)
    remote.ok("key", "export", "-o", "root.json")
    draft = planted(shared, ".model.sig.assay.part", b"theirs", how)
    remote.ok("pull", "m:1", shared, "--trust", "root.json")
    signature = shared / "model.sig"
    assert signature.stat().st_uid == 0 and signature.stat().st_nlink == 1 and not signature.is_symlink()
    assert draft.read_bytes() == b"theirs"
