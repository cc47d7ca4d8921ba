"""The evaluator's cage: what a model file may do to whoever verifies it, which is nothing.

Group M of the list of bad inputs, canaries that must not be read, reached or leaked, and arbitrary code in the place of
ONNX Runtime, as if a model had taken it over.
"""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path

import hostile_models as hostile
import onnx
import pytest
import requests
from harness import FIXTURES, REPOSITORY_ROOT, Assay, public

DONE, INTEGRITY, REFUSED = 0, 6, 7
DEADLINE_SECONDS = 5
WAIT_ATTEMPTS = 400
WAIT_PAUSE_SECONDS = 0.05
MEASURED = "measured"
FULL_CAGE = [
    "environment", "session", "resource-limits", "no-new-privileges", "capabilities", "landlock-files",
    "landlock-links", "landlock-truncate", "landlock-tcp", "landlock-devices", "landlock-scope", "seccomp"]
RUNTIME_SOURCE = Path(__file__).parent / "hostile_runtime.c"
CANARY = "canary-4711-must-not-leak"


class Verdicts:
    """Pushes models and has them verified on the digits."""

    def __init__(self, assay, name):
        self.assay = assay
        self.name = name
        assay.ok("push", f"{name}-data", FIXTURES / "test.npz", "--kind", "dataset")

    def push(self, model, files=None):
        """Pushes a model's bytes, with files beside it; returns the version's number."""
        folder = self.assay.home / f"push-{len(list(self.assay.home.glob('push-*')))}"
        for path, data in ({"model.onnx": model} | (files or {})).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        return self.assay.ok("push", self.name, folder, "--json").json

    def report(self, model, files=None, deadline=DEADLINE_SECONDS):
        version = self.push(model, files)
        return self.verify(version["number"] if "number" in version else version["version"]["number"], deadline)

    def verify(self, number=1, deadline=DEADLINE_SECONDS):
        outcome = self.assay.run(
            "verify", f"{self.name}:{number}", "--dataset", f"{self.name}-data:1", "--deadline", deadline,
            "--runs", 10, "--json")
        assert outcome.code in (DONE, INTEGRITY, REFUSED), outcome
        return outcome.json

    def kind(self, *arguments, **options):
        """The kind of the failure, or `measured`."""
        report = self.report(*arguments, **options)
        return report["failure"]["kind"] if "failure" in report else MEASURED


@pytest.fixture
def verdicts(assay, name):
    return Verdicts(assay, name)


def fixture(name):
    return (FIXTURES / name).read_bytes()


# Group M

TRUNCATIONS = [1, 7, 20, 100, 1000, 4000]


@pytest.mark.parametrize(("model", "kinds"), [
    pytest.param(lambda: b"", {"invalid-model"}, id="M1-empty"),
    pytest.param(lambda: b"no model at all\n" * 10, {"invalid-model"}, id="M1-text"),
    *[pytest.param(lambda cut=cut: fixture("digits-1.onnx")[:cut], {"invalid-model"}, id=f"M2-cut-at-{cut}")
      for cut in TRUNCATIONS],
    pytest.param(hostile.nested_groups, {"invalid-model"}, id="M4-groups"),
    pytest.param(hostile.nested_graphs, {"invalid-model"}, id="M4-graphs"),
    pytest.param(hostile.overflowing_axes, {"invalid-model"}, id="M9-axes"),
    pytest.param(hostile.overflowing_shape, {"invalid-model", "resource-limit"}, id="M9-computed"),
    # The runtime of this version counts the depth of functions; one that overflows its stack gives worker-crashed.
    pytest.param(hostile.function_chain, {"unsupported-operator", "invalid-model", "worker-crashed"}, id="M12-chain"),
    pytest.param(
        hostile.function_recursion, {"unsupported-operator", "invalid-model", "worker-crashed"}, id="M12-recursion"),
    pytest.param(lambda: fixture("damaged/unknown-operator.onnx"), {"unsupported-operator"}, id="M14-operator"),
    pytest.param(hostile.unknown_domain, {"unsupported-operator"}, id="M14-domain"),
    pytest.param(hostile.many_nodes, {"resource-limit"}, id="M16-nodes"),
    pytest.param(hostile.many_outputs, {"resource-limit"}, id="M16-outputs"),
    pytest.param(hostile.long_names, {"resource-limit"}, id="M16-names"),
    pytest.param(hostile.string_tensor, {"unsupported-type"}, id="M17-strings"),
    pytest.param(hostile.sparse_tensor, {MEASURED}, id="M17-sparse"),
    pytest.param(hostile.sequence_output, {"unsupported-type"}, id="M17-sequence"),
    pytest.param(hostile.optional_output, {"unsupported-type"}, id="M17-optional"),
    pytest.param(hostile.cycle, {"invalid-model"}, id="M19-cycle"),
    pytest.param(hostile.duplicate_names, {"invalid-model"}, id="M19-duplicate"),
    pytest.param(hostile.missing_input, {"invalid-model"}, id="M19-missing"),
])
def test_a_hostile_model_gets_its_verdict(verdicts, model, kinds):
    assert verdicts.kind(model()) in kinds


@pytest.mark.parametrize("model", [
    pytest.param(lambda: fixture("damaged/endless-loop.onnx"), id="M11-loop"),
    pytest.param(hostile.nested_loops, id="M11-nested"),
])
def test_an_endless_model_ends_at_the_deadline(verdicts, model):
    start = time.monotonic()
    report = verdicts.report(model(), deadline=2)
    assert report["failure"]["kind"] == "time-limit"
    assert time.monotonic() - start < 30
    assert "seccomp" in report["cage"]["layers"] + report["cage"]["absent"]


def test_a_model_beyond_the_memory_is_refused_and_others_go_on(verdicts):
    """M21"""
    assert verdicts.kind(hostile.memory_hog()) == "resource-limit"
    assert verdicts.kind(fixture("digits-1.onnx")) == MEASURED


def test_a_request_for_a_library_loads_nothing(verdicts, tmp_path):
    """M14: the runtime could be told by a model which libraries to load."""
    library = build_runtime(tmp_path)
    options = json.dumps({"session_options": {"register_custom_ops_library": str(library)}})
    assert verdicts.kind(hostile.with_metadata(ort_config=options)) == MEASURED


def test_metadata_is_stored_cut_and_escaped(verdicts):
    """M22"""
    script = "<script>alert(1)</script>"
    assert verdicts.kind(hostile.with_metadata(text="x" * (10 << 20), script=script, control="\x1b[2J\x07")) == MEASURED
    shown = verdicts.assay.ok("show", f"{verdicts.name}:1")
    assert len(shown.out) < 20_000 and not set(shown.out) & set("\x1b\x07\x00")
    shown = verdicts.assay.ok("show", f"{verdicts.name}:1", "--json")
    assert len(shown.out) < 20_000 and script not in shown.out


# Processes that are killed or stopped


def evaluators(server):
    """Ids of the running evaluators of a server."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            if parent == server.process.pid and (status.parent / "comm").read_text().startswith("assay-evaluator"):
                found.append(int(status.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def wait_for_evaluator(server, other_than=()):
    """The id of an evaluator that has closed its cage."""
    for _ in range(WAIT_ATTEMPTS):
        for process in evaluators(server):
            if process not in other_than and "Seccomp:\t2" in Path(f"/proc/{process}/status").read_text():
                return process
        time.sleep(WAIT_PAUSE_SECONDS)
    raise AssertionError("no evaluator was started")


@pytest.fixture
def own(binary, server, tmp_path):
    """Verdicts of a server of the test's own, whose processes can be looked at."""
    return Verdicts(Assay(binary, tmp_path, server.url), "own")


@pytest.fixture
def running(own, server):
    """A verification of an endless model, in the background: its evaluator's id, and a way to its report."""
    own.push(fixture("damaged/endless-loop.onnx"))
    answers = []
    thread = threading.Thread(target=lambda: answers.append(own.verify(deadline=DEADLINE_SECONDS)))
    thread.start()
    try:
        yield wait_for_evaluator(server), lambda: (thread.join(60), answers[0])[1]
    finally:
        thread.join(60)


def test_a_killed_evaluator_is_tried_once_more(server, running):
    """M24: as the kernel does when memory runs out."""
    first, report = running
    os.kill(first, signal.SIGKILL)
    os.kill(wait_for_evaluator(server, [first]), signal.SIGKILL)
    assert report()["failure"]["kind"] == "worker-crashed"
    assert requests.get(server.url + "/readyz", timeout=5).status_code == 200


@pytest.mark.parametrize("script", ["#!/bin/sh\nkill -9 $$\n", "#!/bin/sh\nexit 0\n", "#!/bin/sh\nexec sleep 1\n"])
def test_an_evaluator_that_reads_nothing_leaves_the_server_alone(binary, serve, tmp_path, script):
    program = tmp_path / "evaluator"
    program.write_text(script)
    program.chmod(0o755)
    server = serve("--evaluator", program)
    verdicts = Verdicts(Assay(binary, tmp_path, server.url), "own")
    for model in ("digits-1.onnx", "digits-2.onnx", "digits-3.onnx"):
        assert verdicts.report(fixture(model))["failure"]["kind"] == "worker-crashed"
    assert requests.get(server.url + "/readyz", timeout=5).status_code == 200


def test_a_stopped_evaluator_is_tried_once_more(server, running):
    """M24: the second try is left alone, and runs into its deadline."""
    first, report = running
    os.kill(first, signal.SIGSTOP)
    second = wait_for_evaluator(server, [first])
    assert not Path(f"/proc/{first}").exists()
    assert report()["failure"]["kind"] == "time-limit"
    assert not Path(f"/proc/{second}").exists()


# What the process is given


def test_the_running_process_holds_nothing_but_its_job(server, running):
    process, report = running
    folder = Path(f"/proc/{process}")
    assert folder.joinpath("environ").read_bytes() == b""
    handles = {handle.name: os.readlink(handle) for handle in folder.joinpath("fd").iterdir()}
    assert handles.pop("2") == "/dev/null"
    assert {name for name, target in handles.items() if target.startswith("pipe:")} == {"0", "1"}
    rest = {target for target in handles.values() if not target.startswith("pipe:")}
    assert all(target == f"/proc/{process}/status" or "/model/" in target for target in rest), rest
    status = dict(line.split(":\t", 1) for line in folder.joinpath("status").read_text().splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
    assert os.getsid(process) == process and os.getpgid(process) == process
    assert folder.joinpath("oom_score_adj").read_text() == "1000\n"
    limits = folder.joinpath("limits").read_text()
    assert "Max file size             0" in limits and "Max core file size        0" in limits
    staged = [path for path in server.store.joinpath("staging").rglob("*") if not path.is_dir()]
    assert sorted(path.name for path in staged) == ["dataset.npz", "model.onnx"]
    for path in staged:
        found = path.lstat()
        assert stat.S_ISREG(found.st_mode) and found.st_nlink == 2 and not found.st_mode & 0o222, "linked, not copied"
    report()
    assert not list(server.store.joinpath("staging").iterdir())


def test_other_requests_are_answered_meanwhile(server, running):
    """The benchmark has the figure; here nobody may wait for the evaluator."""
    _, report = running
    slowest = 0
    for _ in range(200):
        start = time.monotonic()
        answer = requests.get(server.url + "/v2/own/manifests/1", timeout=5)
        slowest = max(slowest, time.monotonic() - start)
        assert answer.status_code == 200
    assert slowest < 2
    report()


# External data


def with_external_file(location):
    built = onnx.load(FIXTURES / "digits-1.onnx")
    for tensor in built.graph.initializer:
        assert tensor.raw_data
    data = b"".join(tensor.raw_data for tensor in built.graph.initializer)
    position = 0
    for tensor in built.graph.initializer:
        size = len(tensor.raw_data)
        for key, text in (("location", location), ("offset", str(position)), ("length", str(size))):
            tensor.external_data.add(key=key, value=text)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.ClearField("raw_data")
        position += size
    return built.SerializeToString(), data


@pytest.mark.parametrize("location", ["weights.bin", "parts/weights.onnx.data", "./weights.bin", "./parts/./w.bin"])
def test_external_data_of_the_version_is_used(verdicts, location):
    model, data = with_external_file(location)
    expected = json.loads(fixture("expected.json"))["digits-1"]["accuracy"]
    report = verdicts.report(model, {location.replace("./", ""): data})
    assert report["measurements"]["metrics"]["accuracy"] == pytest.approx(expected, abs=1e-9)


def test_external_data_reaches_a_worker(binary, serve, tmp_path):
    """A worker elsewhere fetches what the model names, and tells of its own cage."""
    server = serve("--evaluators", "0")
    assay = Assay(binary, tmp_path, server.url)
    runtime = ["--onnx-runtime", os.environ["ASSAY_ONNXRUNTIME"]]
    worker = assay.start("worker", "--name", "elsewhere", "--cache", tmp_path / "cache", "--once", *runtime)
    try:
        model, data = with_external_file("parts/weights.bin")
        report = Verdicts(assay, "own").report(model, {"parts/weights.bin": data})
        assert report["measurements"]["metrics"]["accuracy"] == pytest.approx(0.958)
        assert report["worker"]["name"] == "elsewhere"
        assert sorted(report["cage"]["layers"] + report["cage"]["absent"]) == sorted(FULL_CAGE)
        assert worker.wait(30) == 0
    finally:
        if worker.poll() is None:
            worker.kill()


BAD_LOCATIONS = ["{canary}", "../{canary}", "../../index.sqlite", "a/../weights.bin", "./../weights.bin", "/dev/zero",
                 "/proc/self/mem", "absent.bin", "model.onnx", "", "weights.bin/", "/dev/stdin"]


@pytest.mark.parametrize("location", BAD_LOCATIONS)
def test_external_data_from_elsewhere_is_refused(verdicts, tmp_path, location):
    """M6: links, pipes and devices cannot be files of a version, so that a path to one is all that is left."""
    canary = tmp_path / "canary"
    canary.write_bytes(b"\0" * 10_000)
    location = location.format(canary=canary)
    report = verdicts.report(hostile.with_external_data(location), {"weights.bin": b"\0" * 2560})
    assert report["failure"]["kind"] == "invalid-model"
    assert f"'{location}'" in report["failure"]["message"]


@pytest.mark.parametrize(("offset", "length"), [
    ("-1", "2560"), ("0", "-2560"), ("9223372036854775807", "2560"), ("18446744073709551615", "1"), ("1", "2560"),
    ("0", "2561"), ("0x0", "2560"), ("", "2560"), ("4096", None)])
def test_external_data_at_a_bad_place_is_refused(verdicts, offset, length):
    """M7"""
    report = verdicts.report(hostile.with_external_data("weights.bin", offset, length), {"weights.bin": b"\0" * 2560})
    assert report["failure"]["kind"] == "invalid-model"
    assert "'weights.bin'" in report["failure"]["message"]


# Code in the place of the runtime


def build_runtime(folder):
    library = folder / "libhostile.so"
    versions = [re.search(r"\d+", path.name) for path in (REPOSITORY_ROOT / "schema/json").glob("evaluation-result-v*")]
    protocol = max(int(version[0]) for version in versions)
    subprocess.run(
        ["cc", "-shared", "-fPIC", f"-DPROTOCOL={protocol}", "-o", library, RUNTIME_SOURCE], check=True, timeout=60)
    return library


@pytest.fixture(scope="module")
def hostile_runtime(tmp_path_factory):
    return build_runtime(tmp_path_factory.mktemp("runtime"))


@pytest.fixture
def taken_over(binary, serve, tmp_path, hostile_runtime, monkeypatch):
    """A server whose evaluators run code of ours; gives a way to have orders carried out, and the server."""
    monkeypatch.setenv("ASSAY_ONNXRUNTIME", str(hostile_runtime))
    monkeypatch.setenv("CANARY", CANARY)
    server = serve()
    verdicts = Verdicts(Assay(binary, tmp_path, server.url), "taken")

    def carry_out(*orders):
        failure = verdicts.report("\n".join(orders).encode())["failure"]
        if failure["kind"] != "internal":
            return failure["kind"]
        return dict(pair.split("=", 1) for pair in failure["message"].strip(";").split(";"))

    return carry_out, server


def test_no_canary_is_read_or_changed(taken_over, tmp_path):
    carry_out, server = taken_over
    canary = tmp_path / "canary"
    canary.write_text(CANARY)
    canary.chmod(0o666)
    files = [canary, server.store / "keys" / "registry.pem", server.store / "index.sqlite", Path("/etc/passwd")]
    for path in files:
        before = path.read_bytes()
        outcomes = carry_out(
            f"read {path}", f"read {'../' * 40}{path}", f"write {path}", f"cut {path}",
            f"remove {path}", f"rename {path}", f"link {path}", f"chmod {path}", f"list {path.parent}")
        assert outcomes.pop("read") == "EACCES" and outcomes.pop("list") == "EACCES"
        assert set(outcomes.values()) <= {"EACCES", "ENOSYS"}, outcomes
        assert path.read_bytes() == before
    assert list(tmp_path.glob("x")) == []


def test_no_secret_of_the_server_leaks(taken_over):
    carry_out, server = taken_over
    assert CANARY.encode() in Path(f"/proc/{server.process.pid}/environ").read_bytes(), "the canary is not there"
    outcomes = carry_out("variable CANARY", "read /proc/self/environ", "read-parent environ", "list /proc")
    assert outcomes["variable"] == "unset"
    assert outcomes["read"] == outcomes["read-parent"] == outcomes["list"] == "EACCES"
    outcomes = carry_out("read-parent cmdline")
    assert outcomes["read-parent"] == "EACCES"


def test_nothing_is_made_in_its_own_folders(taken_over):
    carry_out, server = taken_over
    outcomes = carry_out(
        "create x", "folder y", "write ../model/model.onnx", "remove ../model/model.onnx", "chmod ../model/model.onnx",
        "create /tmp/x", "limits", "session", "clone3", "signal-parent")
    assert set(outcomes.values()) == {"ENOSYS"}, outcomes
    server.assert_running()


@pytest.mark.parametrize("order", [
    "socket", "socketpair", "exec", "fork", "trace", "memory", "kill", "mount", "unshare", "ring", "bpf", "key",
    "faults", "handle", "anonymous"])
def test_a_forbidden_call_ends_the_process(taken_over, order):
    carry_out, server = taken_over
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert carry_out(order) == "forbidden-call"
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    server.assert_running()
    assert evaluators(server) == []


def test_an_evaluator_that_floods_is_ended(taken_over):
    carry_out, server = taken_over
    assert carry_out("flood") == "worker-crashed"
    assert requests.get(server.url + "/readyz", timeout=5).status_code == 200


# Reports and policies


def test_a_report_names_the_layers_and_a_policy_demands_them(verdicts):
    assay, name = verdicts.assay, verdicts.name
    key = assay.key()
    assay.ok("key", "trust", public(key))
    assay.ok("push", name, FIXTURES / "digits-1.onnx", "--key", key)
    cage = verdicts.verify()["cage"]
    assert sorted(cage["layers"] + cage["absent"]) == sorted(FULL_CAGE)
    (assay.home / "policy.yaml").write_text(f"version: 1\ndataset: {name}-data:1\ncage: full\n")
    assay.ok("policy", "set", name, "production", "policy.yaml")
    outcome = assay.run("promote", f"{name}:1", "production")
    assert outcome.code == (REFUSED if cage["absent"] else DONE), outcome
    assert "cage" in outcome.out
