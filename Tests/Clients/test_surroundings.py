"""What lies above a store or a cache: who may rename there can put another in its place."""

import os
import stat

import pytest
from harness import Assay, Server
from test_shared_machines import NOBODY, local, refused, serve, shared  # noqa: F401  (fixtures)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed, so this runs as root")


def spoil(folder, fault):
    if fault == "owner":
        folder.chmod(0o755)
        os.chown(folder, NOBODY, NOBODY)
    else:
        folder.chmod(0o775 if fault == "group" else 0o777)
        os.chown(folder, 0, NOBODY)


FAULTS = {"mode": "others may write", "group": "others may write", "owner": "a folder of somebody else's"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_store_that_others_may_swap_is_refused(local, shared, fault):  # noqa: F811
    home = shared / "deep" / "er"
    home.mkdir(parents=True)
    shared.chmod(0o755)
    local.ok("init", home / "store")
    spoil(shared / "deep", fault)
    for arguments in (("list", "--store", home / "store"), ("init", home / "another")):
        refused(local.run(*arguments), FAULTS[fault], "put another in its place")
    assert not (home / "another").exists()
    (local.home / "link").symlink_to(home)
    refused(local.run("list", "--store", "link/store"), FAULTS[fault])
    shared.joinpath("deep").chmod(0o1777)
    os.chown(shared / "deep", 0, 0)
    local.ok("list", "--store", home / "store")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_cache_and_a_memory_that_others_may_swap_are_refused(local, binary, tmp_path, shared, fault):  # noqa: F811
    (tmp_path / "server").mkdir()
    server = Server(binary, tmp_path / "server").create_store().start()
    try:
        cache = shared / "cache"
        spoil(shared, fault)
        remote = local.at(server.url)
        refused(remote.run("worker", "--once", "--cache", cache, timeout=60), FAULTS[fault])
        home = Assay(binary, shared / "home", server.url)
        home.home.mkdir()
        (home.home / "weights.bin").write_bytes(b"weights")
        refused(home.run("push", "m", "weights.bin"), FAULTS[fault])
    finally:
        assert server.stop() == 0


def test_the_folders_of_this_machine_pass(local):  # noqa: F811
    assert stat.S_IMODE(os.stat("/tmp").st_mode) & stat.S_ISVTX
    local.ok("list", "--store", "store")
