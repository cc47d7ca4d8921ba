"""The command line: exit codes, JSON, odd files, interruptions; ids as in the list of bad inputs."""

import json
import os
import signal
import stat
import subprocess
import time

import pytest
from harness import (
    FILE_PATH_ANNOTATION, FIXTURES, MODEL_CONFIG, MODEL_MANIFEST, MODEL_WEIGHT, Assay, Registry, finish, free_port,
    image_manifest, public)
from proxy import Proxy

DONE, USAGE, NOT_FOUND, CONFLICT, INTEGRITY, REFUSED, TRY_AGAIN, STORAGE = 0, 2, 3, 5, 6, 7, 8, 9
BOUNDED_SECONDS = 60
LARGE_BYTES = 48 << 20
STALL_AFTER_BYTES = 16 << 20
SETTLED_SECONDS = 3.1


@pytest.fixture
def folder(tmp_path):
    """A folder with a small model of two files."""
    path = tmp_path / "model"
    path.mkdir()
    (path / "weights.bin").write_bytes(b"weights " * 1000)
    (path / "notes.md").write_text("# Notes\n")
    return path


@pytest.fixture
def large_file(tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(LARGE_BYTES))
    return path


def contents(path):
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}


# The common path


def test_a_pulled_folder_is_the_pushed_one(assay, name, folder, tmp_path):
    assay.ok("push", name, folder)
    assay.ok("pull", f"{name}:1", tmp_path / "out")
    assert contents(tmp_path / "out") == contents(folder)


def test_equal_content_is_the_same_version(assay, registry, name, folder):
    for _ in range(2):
        assay.ok("push", name, folder)
    (folder / "notes.md").write_text("# Other notes\n")
    assay.ok("push", name, folder)
    tags = registry.get(f"/v2/{name}/tags/list").json()["tags"]
    assert [tag for tag in tags if tag.isdigit()] == ["1", "2"]


def test_the_server_option_may_stand_before_or_after(assay, server_url, name, folder):
    alone = Assay(assay.binary, assay.home)
    alone.ok("--server", server_url, "push", name, folder)
    alone.ok("show", f"{name}:1", "--server", server_url)


def test_files_of_equal_content_are_pulled_side_by_side(assay, name, tmp_path):
    folder = tmp_path / "equal"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}.bin").write_bytes(b"the same bytes" * 100_000)
    assay.ok("push", name, folder)
    assay.ok("pull", f"{name}:1", "out")
    assert contents(assay.home / "out") == contents(folder)


def test_a_store_needs_no_server(binary, tmp_path, folder):
    assay = Assay(binary, tmp_path)
    assay.ok("init", "store")
    assay.ok("--store", "store", "push", "team/model", folder)
    assay.ok("pull", "team/model:1", "out", "--store", "store")
    assert contents(tmp_path / "out") == contents(folder)


def test_a_store_that_a_server_owns_is_reached_through_it(assay, server, folder):
    outside = Assay(assay.binary, assay.home)
    outside.ok("--store", server.store, "push", "team/model", folder)
    assert Registry(server.url).get("/v2/team/model/tags/list").json()["tags"] == ["1"]


def test_a_private_key_is_readable_by_its_owner_only(assay):
    key = assay.key()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "PUBLIC KEY" in public(key).read_text()


def test_a_signed_version_is_pulled_with_trust_in_its_key_only(assay, name, folder):
    mine, other = assay.key("mine"), assay.key("other")
    assay.ok("push", name, folder, "--key", mine)
    assay.ok("pull", f"{name}:1", "out", "--trust", public(mine))
    assert assay.run("pull", f"{name}:1", "refused", "--trust", public(other)).code == INTEGRITY
    assert not list(assay.home.glob("refused/*"))


def test_an_unsigned_version_is_not_trusted(assay, name, folder):
    assay.ok("push", name, folder)
    assert assay.run("pull", f"{name}:1", "out", "--trust", public(assay.key())).code == INTEGRITY


def test_a_policy_closes_every_way_around_promotion(assay, registry, name, folder):
    (assay.home / "policy.yaml").write_text("version: 1\nsize:\n  max_bytes: 1000000\n")
    assay.ok("push", name, folder)
    assay.ok("policy", "set", name, "production", "policy.yaml")
    assert assay.run("alias", "set", name, "production", "1").code == CONFLICT
    manifest = registry.get_manifest(name, "1").content
    assert 400 <= registry.put_manifest(name, "production", manifest).status_code < 500
    assert assay.run("promote", f"{name}:1", "production").code == REFUSED
    assert registry.get_manifest(name, "production").status_code == 404


# Exit codes


@pytest.mark.parametrize("arguments, code", [
    (["no-such-command"], USAGE), (["push", "--no-such-option"], USAGE), (["push"], USAGE), (["pull"], USAGE),
    (["push", "Bad_Name:", "."], USAGE), (["show", "tests/absent:1"], NOT_FOUND),
    (["show", "tests/absent:production"], NOT_FOUND), (["pull", "tests/absent:1", "out"], NOT_FOUND),
    (["lineage", "tests/absent:1"], NOT_FOUND), (["promote", "tests/absent:1", "production"], NOT_FOUND),
    (["verify", "tests/absent:1", "--dataset", "tests/absent:2"], NOT_FOUND),
    (["bundle", "verify", "absent.tar"], NOT_FOUND), (["key", "trust", "absent.pem"], NOT_FOUND),
    (["policy", "set", "tests/absent", "production", "absent.yaml"], NOT_FOUND)])
def test_a_failure_has_its_exit_code(assay, arguments, code):
    outcome = assay.run(*arguments, timeout=BOUNDED_SECONDS)
    assert outcome.code == code, outcome
    assert outcome.err.strip() and not outcome.out.strip()


def test_a_mistyped_command_gets_a_suggestion(assay):
    assert "push" in assay.run("psuh").err


def test_init_never_overwrites_a_store(assay):
    assay.ok("init", "store")
    before = contents(assay.home / "store")
    assert assay.run("init", "store").code == CONFLICT
    assert contents(assay.home / "store") == before


@pytest.mark.parametrize("arguments", [["list"], ["show", "a/b:1"], ["pull", "a/b:1", "out"], ["push", "a/b", "model"]])
def test_a_server_that_is_down_is_told_in_bounded_time(assay, folder, arguments):
    outcome = assay.at(f"http://127.0.0.1:{free_port()}").run(*arguments, timeout=BOUNDED_SECONDS)
    assert outcome.code == TRY_AGAIN, outcome


@pytest.mark.parametrize("store, listen", [
    ("absent", "127.0.0.1:0"), ("a-file", "127.0.0.1:0"), ("store", "0.0.0.0:0"), ("store", "nonsense"),
    ("store", "127.0.0.1:99999"), ("store", "192.0.2.1:8080")])
def test_serve_refuses_what_it_cannot_serve(assay, store, listen):
    assay.ok("init", "store")
    (assay.home / "a-file").write_text("")
    outcome = assay.run("serve", "--store", store, "--listen", listen, timeout=BOUNDED_SECONDS)
    assert outcome.code in (USAGE, TRY_AGAIN, STORAGE), outcome


def test_a_port_in_use_is_told(assay, server):
    assay.ok("init", "second")
    outcome = assay.run("serve", "--store", "second", "--listen", server.address, timeout=BOUNDED_SECONDS)
    assert outcome.code in (USAGE, TRY_AGAIN), outcome


# JSON


@pytest.mark.parametrize("arguments", [
    ["list"], ["list", "{name}"], ["show", "{name}:1"], ["history", "{name}", "production"], ["lineage", "{name}:1"],
    ["search", "model"], ["gc", "--dry-run"]])
def test_a_read_command_gives_one_json_document(assay, name, folder, arguments):
    assay.ok("push", name, folder)
    assay.ok("alias", "set", name, "production", "1")
    outcome = assay.ok(*(argument.format(name=name) for argument in arguments), "--json")
    assert isinstance(outcome.json, (dict, list))


def test_an_error_is_one_json_document_too(assay):
    outcome = assay.run("show", "tests/absent:1", "--json")
    assert outcome.code == NOT_FOUND
    assert outcome.json["code"].endswith("-not-found")


def test_show_tells_the_digest_that_oci_tells(assay, registry, name, folder):
    assay.ok("push", name, folder)
    digest = registry.get_manifest(name, "1", "HEAD").headers["Docker-Content-Digest"]
    assert digest in json.dumps(assay.ok("show", f"{name}:1", "--json").json)


# Odd files (X2, X19)


def make_missing(path):
    pass


def make_folder_with_pipe(path):
    path.mkdir()
    os.mkfifo(path / "pipe")


def make_link_to_device(path):
    path.symlink_to("/dev/zero")


def make_link_loop(path):
    path.symlink_to(path)


@pytest.mark.parametrize("make, codes", [
    (make_missing, {NOT_FOUND}), (os.mkdir, {USAGE, REFUSED}), (make_folder_with_pipe, {USAGE, REFUSED}),
    (os.mkfifo, {USAGE, REFUSED}), (make_link_to_device, {USAGE, REFUSED}),
    (make_link_loop, {USAGE, NOT_FOUND, REFUSED})])
def test_a_path_that_holds_no_model_is_refused(assay, registry, name, tmp_path, make, codes):
    make(tmp_path / "odd")
    outcome = assay.run("push", name, "odd", timeout=BOUNDED_SECONDS)
    assert outcome.code in codes, outcome
    assert registry.get(f"/v2/{name}/tags/list").status_code == 404


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(assay, name, folder):
    (folder / "weights.bin").chmod(0)
    assert assay.run("push", name, folder).code in (USAGE, NOT_FOUND, REFUSED)


def test_a_name_that_starts_with_a_dash_stands_after_two(assay, name, tmp_path):
    (tmp_path / "-weights.bin").write_bytes(b"weights")
    assay.ok("push", "--", name, "-weights.bin")
    assay.ok("pull", f"{name}:1", "out")
    assert contents(tmp_path / "out") == {"-weights.bin": b"weights"}


# Servers that lie (X6, X9)


def test_wrong_bytes_from_the_server_never_get_a_name(assay, server, folder):
    assay = assay.at(server.url)
    assay.ok("push", "team/model", folder)
    with Proxy(server.port, change=lambda data: data.replace(b"weights weights", b"weights-weights")) as proxy:
        outcome = assay.at(proxy.url).run("pull", "team/model:1", "out", timeout=BOUNDED_SECONDS)
    assert outcome.code == INTEGRITY, outcome
    assert not (assay.home / "out" / "weights.bin").exists()


def test_a_damaged_blob_is_not_served_to_its_end(assay, server, folder):
    assay = assay.at(server.url)
    assay.ok("push", "team/model", folder)
    blobs = [file for file in (server.store / "blobs").rglob("*") if file.is_file()]
    blob, = (file for file in blobs if file.read_bytes() == (folder / "weights.bin").read_bytes())
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:-1] + b"X")
    assert assay.run("pull", "team/model:1", "out", timeout=BOUNDED_SECONDS).code in (INTEGRITY, TRY_AGAIN, STORAGE)
    assert not (assay.home / "out" / "weights.bin").exists()
    assay.ok("push", "team/model", folder)
    assay.ok("pull", "team/model:1", "healed")
    assert contents(assay.home / "healed") == contents(folder)


@pytest.mark.parametrize("path", [
    "../outside", "/tmp/outside", "a/../../outside", "..", "", "a\x1b[31mb", "a\nb", "a\\b", "a\x00b", "./a", "a//b"])
def test_a_path_out_of_the_folder_is_refused(assay, registry, name, tmp_path, path):
    weights = registry.push_blob(name, b"weights")
    config = registry.push_blob(name, b"{}") | {"mediaType": MODEL_CONFIG}
    layer = weights | {"mediaType": MODEL_WEIGHT, "annotations": {FILE_PATH_ANNOTATION: path}}
    manifest = image_manifest([layer], artifactType=MODEL_MANIFEST, config=config)
    pushed = registry.put_manifest(name, "first", manifest)
    assert pushed.status_code in (201, 400)
    if pushed.status_code == 201:
        outcome = assay.run("pull", f"{name}:first", tmp_path / "deep" / "out", timeout=BOUNDED_SECONDS)
        assert outcome.code == REFUSED, outcome
        assert "\x1b" not in outcome.err
    assert not list(tmp_path.rglob("*outside*"))


# Interruptions (X4, X7, X12)


def is_absent(url, name):
    """No version is there; a blob that arrived may be, and waits for the push to be repeated."""
    answer = Registry(url).get(f"/v2/{name}/tags/list")
    return answer.status_code == 404 or answer.json()["tags"] == []


def start_push(assay, file):
    return assay.start("push", "team/large", file, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_push_leaves_nothing_and_resumes(assay, server, large_file, number, code):
    with Proxy(server.port, limit=STALL_AFTER_BYTES, cut=True) as proxy:
        process = start_push(assay.at(proxy.url), large_file)
        assert proxy.reached.wait(BOUNDED_SECONDS)
        process.send_signal(number)
        outcome = finish(process, BOUNDED_SECONDS)
        assert outcome.code in (code, -number), outcome
    assert is_absent(server.url, "team/large")
    with Proxy(server.port) as proxy:
        assay.at(proxy.url).ok("push", "team/large", large_file)
        assert proxy.sent_bytes < LARGE_BYTES, "nothing of the first push was used"
    assay.at(server.url).ok("pull", "team/large:1", "out")
    assert (assay.home / "out" / large_file.name).read_bytes() == large_file.read_bytes()


def test_a_cut_connection_ends_in_try_again(assay, server, large_file):
    with Proxy(server.port, limit=STALL_AFTER_BYTES, cut=True) as proxy:
        proxy.release.set()
        outcome = assay.at(proxy.url).run("push", "team/large", large_file)
    assert outcome.code == TRY_AGAIN, outcome
    assert is_absent(server.url, "team/large")
    assay.at(server.url).ok("push", "team/large", large_file)


def test_a_file_that_changed_since_its_last_push_is_read_again(assay, name, large_file):
    """Also one of the same size whose time was set back: digests of files are remembered by more than that."""
    time.sleep(SETTLED_SECONDS)
    for _ in range(2):
        assay.ok("push", name, large_file)
    assert list((assay.home / ".cache" / "assay" / "digests").iterdir()), "no digest was remembered"
    before = large_file.stat()
    with large_file.open("r+b") as file:
        file.write(b"other bytes")
    os.utime(large_file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert assay.ok("push", name, large_file, "--json").json["version"]["number"] == 2


def test_a_file_that_changes_while_it_is_pushed_is_no_version(assay, server, large_file):
    with Proxy(server.port, limit=STALL_AFTER_BYTES) as proxy:
        process = start_push(assay.at(proxy.url), large_file)
        assert proxy.reached.wait(BOUNDED_SECONDS)
        with large_file.open("r+b") as file:
            file.seek(-1000, os.SEEK_END)
            file.write(b"changed" * 100)
        proxy.release.set()
        outcome = finish(process)
    assert outcome.code == INTEGRITY, outcome
    assert is_absent(server.url, "team/large")


def test_a_closed_pipe_is_no_crash(assay, name, folder):
    assay.ok("push", name, folder)
    reader, writer = os.pipe()
    os.close(reader)
    process = assay.start("list", "--json", stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    outcome = finish(process, BOUNDED_SECONDS)
    assert outcome.code in (DONE, 141, -signal.SIGPIPE), outcome
    assert "Fatal" not in outcome.err


# Bundles (X16)


@pytest.fixture
def bundle(assay, name, folder):
    """A signed version as a bundle file."""
    assay.ok("push", name, folder, "--key", assay.key())
    assay.ok("bundle", "export", f"{name}:1", "-o", "model.tar")
    return assay.home / "model.tar"


def test_a_bundle_has_the_same_bytes_each_time(assay, name, bundle):
    assay.ok("bundle", "export", f"{name}:1", "-o", "again.tar")
    assert (assay.home / "again.tar").read_bytes() == bundle.read_bytes()


def test_a_bundle_is_verified_offline_and_imported(assay, server, name, bundle):
    Assay(assay.binary, assay.home).ok("bundle", "verify", bundle)
    other = assay.at(server.url)
    other.ok("key", "trust", public(assay.home / "release.pem"))
    other.ok("bundle", "import", bundle)
    here, there = (Registry(url).get_manifest(name, "1").content for url in (assay.server, server.url))
    assert here == there


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_tampered_bundle_is_refused_and_leaves_nothing(assay, server, name, bundle, share):
    data = bytearray(bundle.read_bytes())
    target = first_content_byte(data, int(len(data) * share))
    data[target] ^= 1
    bundle.write_bytes(data)
    outcome = assay.run("bundle", "verify", bundle)
    assert outcome.code == INTEGRITY, outcome
    assert assay.at(server.url).run("bundle", "import", bundle).code == INTEGRITY
    assert is_absent(server.url, name)


def first_content_byte(data, start):
    """A byte that is not padding: flipping padding is another kind of damage."""
    return next(index for index in range(start, len(data)) if data[index])


# Verification against the figures of scikit-learn


@pytest.mark.parametrize("model", ["digits-1", "digits-2", "digits-3"])
def test_measured_accuracy_is_the_true_one(assay, name, model):
    expected = json.loads((FIXTURES / "expected.json").read_text())[model]
    assay.ok("push", f"{name}-data", FIXTURES / "test.npz", "--kind", "dataset")
    assay.ok("push", name, FIXTURES / f"{model}.onnx", "--metadata", FIXTURES / f"{model}.yaml")
    text = json.dumps(assay.ok("verify", f"{name}:1", "--dataset", f"{name}-data:1", "--json").json)
    assert find(json.loads(text), "accuracy") == pytest.approx(expected["accuracy"], abs=1e-9)
    assert find(json.loads(text), "macro_f1") == pytest.approx(expected["macro_f1"], abs=1e-9)


def find(value, key):
    """The first value of this key, at any depth; claims of training are not looked at."""
    if isinstance(value, dict):
        if key in value:
            return value[key]
        value = [child for label, child in value.items() if label != "metadata"]
    children = value if isinstance(value, list) else []
    return next((found for child in children if (found := find(child, key)) is not None), None)


@pytest.mark.parametrize("model", [
    "empty", "text", "truncated", "wrong-input-name", "nan-outputs", "unknown-operator"])
def test_a_damaged_model_gets_a_verdict(assay, registry, name, model):
    assay.ok("push", f"{name}-data", FIXTURES / "test.npz", "--kind", "dataset")
    assay.ok("push", name, FIXTURES / "damaged" / f"{model}.onnx")
    outcome = assay.run("verify", f"{name}:1", "--dataset", f"{name}-data:1")
    assert outcome.code in (INTEGRITY, REFUSED), outcome
    assert registry.get("/readyz").status_code == 200


POLICY = """\
version: 1
dataset: {dataset}
deadline_seconds: 5
metrics:
  accuracy:
    min: 0.9
"""


def test_an_endless_model_is_refused_at_the_deadline(assay, registry, name):
    key = assay.key()
    (assay.home / "policy.yaml").write_text(POLICY.format(dataset=f"{name}-data:1"))
    assay.ok("key", "trust", public(key))
    assay.ok("push", f"{name}-data", FIXTURES / "test.npz", "--kind", "dataset", "--key", key)
    assay.ok("push", name, FIXTURES / "damaged" / "endless-loop.onnx", "--key", key)
    assay.ok("policy", "set", name, "production", "policy.yaml")
    outcome = assay.run("promote", f"{name}:1", "production", timeout=BOUNDED_SECONDS)
    assert outcome.code == REFUSED, outcome
    assert "time-limit" in outcome.out + outcome.err
    assert registry.get("/readyz").status_code == 200


def test_the_better_model_is_promoted_and_the_worse_refused(assay, registry, name):
    key = assay.key()
    (assay.home / "policy.yaml").write_text(POLICY.format(dataset=f"{name}-data:1"))
    assay.ok("key", "trust", public(key))
    assay.ok("push", f"{name}-data", FIXTURES / "test.npz", "--kind", "dataset", "--key", key)
    assay.ok("policy", "set", name, "production", "policy.yaml", "--create")
    for number, (model, code) in enumerate([("digits-1", DONE), ("digits-2", REFUSED), ("digits-3", DONE)], start=1):
        assay.ok("push", name, FIXTURES / f"{model}.onnx", "--key", key)
        outcome = assay.run("promote", f"{name}:{number}", "production")
        assert outcome.code == code, outcome
    held = registry.get_manifest(name, "production").content
    assert held == registry.get_manifest(name, "3").content


@pytest.mark.parametrize("dataset", ["labels-missing", "objects", "wrong-shape", "zero-rows"])
def test_a_damaged_dataset_gets_a_verdict(assay, registry, name, dataset):
    assay.ok("push", f"{name}-data", FIXTURES / "damaged" / f"{dataset}.npz", "--kind", "dataset")
    assay.ok("push", name, FIXTURES / "digits-1.onnx")
    outcome = assay.run("verify", f"{name}:1", "--dataset", f"{name}-data:1")
    assert outcome.code in (INTEGRITY, REFUSED), outcome
    assert registry.get("/readyz").status_code == 200
