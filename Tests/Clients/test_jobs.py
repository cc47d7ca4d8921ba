"""Jobs with real evaluators and workers: who runs what, where, and what becomes of it when somebody dies."""

import contextlib
import os
import re
import signal
import time
from pathlib import Path
from subprocess import PIPE

import numpy as np
import onnxruntime
import pytest
import requests
from harness import FIXTURES, REQUEST_SECONDS, Assay, check_status, finish
from onnx import numpy_helper

ATTEMPTS = 600
PAUSE_SECONDS = 0.05
WRONG_USE, NOT_FOUND, CONFLICT, REFUSED, BUSY = 2, 3, 5, 7, 8
# Some seconds of work, so that there is time to look at it; no test waits for its end.
SLOW = {"measured_runs": 100_000, "batch": 450, "warmup_runs": 0}
QUICK = {"measured_runs": 10, "warmup_runs": 0}
# Long enough to be caught while it runs, short enough to be waited for.
MIDDLE = {"measured_runs": 20_000, "batch": 200, "warmup_runs": 0}


def cores():
    """One CPU of each physical core that there is for us."""
    found = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        found.setdefault(siblings.read_text() if siblings.exists() else cpu, cpu)
    return list(found.values())


needs_two_cores = pytest.mark.skipif(len(cores()) < 2, reason="needs two cores")


def until(condition):
    """What the condition gives once it gives something."""
    for _ in range(ATTEMPTS):
        if found := condition():
            return found
        time.sleep(PAUSE_SECONDS)
    raise AssertionError("it never came to that")


def evaluators(parent):
    """The running evaluators that a process of ours started, with the CPUs that each is kept on."""
    found = {}
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            status = dict(line.split(":\t", 1) for line in (folder / "status").read_text().splitlines() if ":\t" in line)
            if status["Name"].startswith("assay-evaluator") and int(status["PPid"]) == parent:
                found[int(folder.name)] = status["Cpus_allowed_list"]
    return found


class Jobs:
    """A server with a model, in the repositories that a test names, and data."""

    def __init__(self, server, home):
        self.server = server
        self.assay = Assay(server.binary, home, server.url)
        self.assay.ok("push", "data", FIXTURES / "test.npz", "--kind", "dataset")
        self.push("a")

    def push(self, name):
        self.assay.ok("push", name, FIXTURES / "digits-1.onnx")

    def request(self, method, path, **options):
        answer = requests.request(method, f"{self.server.url}/api/v1/{path}", timeout=REQUEST_SECONDS, **options)
        check_status(answer.status_code)
        return answer

    def start(self, name="a", labels=(), **settings):
        body = {"reference": f"{name}:1", "dataset": "data:1", "labels": list(labels)} | (settings or QUICK)
        answer = self.request("POST", "verifications", json=body)
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    def job(self, id):
        return self.request("GET", f"verifications/{id}").json()

    def reach(self, id, *states):
        return until(lambda: (job := self.job(id))["state"] in states and job)

    def report(self, id):
        return self.request("GET", f"verifications/{id}/report").json()

    def cancel(self, id):
        return self.request("POST", f"verifications/{id}/cancel")

    def build(self):
        """The evaluator build that the server wants, as it tells a worker of another one."""
        answer = self.request("POST", "worker/claims", json={"worker": "stranger", "evaluator": "none"})
        assert (answer.status_code, answer.json()["code"]) == (422, "evaluator-mismatch")
        return re.search(r"assay-evaluator [0-9.]+", answer.text).group()

    def claim(self, worker="by-hand", labels=()):
        return self.request(
            "POST", "worker/claims", json={"worker": worker, "evaluator": self.build(), "labels": list(labels)})


@pytest.fixture
def jobs(serve, tmp_path):
    """Starts a server with options of the test's own."""
    return lambda *options: Jobs(serve(*options), tmp_path)


@pytest.fixture
def work(tmp_path):
    """Starts workers; each has a cache of its own."""
    workers = []

    def start(jobs, name, *options):
        environment = jobs.assay.environment() | {"ASSAY_ONNXRUNTIME": os.environ["ASSAY_ONNXRUNTIME"]}
        assay = Assay(jobs.assay.binary, tmp_path, jobs.server.url)
        assay.environment = lambda: environment
        with (tmp_path / f"{name}.log").open("ab") as log:
            workers.append(
                assay.start("worker", "--name", name, "--cache", tmp_path / f"cache-{name}", *options, stdout=log,
                            stderr=log))
        return workers[-1]

    yield start
    for worker in workers:
        if worker.poll() is None:
            worker.terminate()
            worker.wait(30)


def is_running(id):
    """Whether a process does anything; one that has ended may stay in the list of processes for a while."""
    try:
        return Path(f"/proc/{id}/stat").read_text().rpartition(")")[2].split()[0] not in "XZ"
    except OSError:
        return False


def kill(process):
    """SIGKILL of a server or worker; the evaluators that it had end by themselves."""
    children = until(lambda: evaluators(process.pid))
    process.kill()
    process.wait()
    until(lambda: not any(is_running(child) for child in children))


# Evaluators of the server


@needs_two_cores
def test_two_evaluators_run_side_by_side_each_on_its_cpu(jobs):
    first, second = cores()[:2]
    jobs = jobs("--evaluators", "2", "--cpus", str(first), "--cpus", str(second))
    slow = [jobs.start(**SLOW), jobs.start(**SLOW)]
    pinned = until(lambda: len(found := set(evaluators(jobs.server.process.pid).values())) == 2 and found)
    assert pinned == {str(first), str(second)}
    for id in slow:
        assert jobs.cancel(id).json()["state"] == "cancelled"
    until(lambda: not evaluators(jobs.server.process.pid))
    done = jobs.start()
    assert jobs.reach(done, "measured")["worker"]["name"] == "local"
    assert jobs.report(done)["environment"]["cpu_set"] in pinned
    # Two threads would share one CPU, so the job waits for an evaluator that has two.
    wide = jobs.start(threads=2, **QUICK)
    assert jobs.job(wide)["waits_for"] == ["2 CPUs"]


def test_repositories_take_turns(jobs):
    jobs = jobs()
    jobs.push("b")
    first = jobs.start("a", **MIDDLE)
    jobs.reach(first, "running")
    mine = [jobs.start("a") for _ in range(3)]
    theirs = jobs.start("b")
    started = {id: jobs.reach(id, "measured")["started_at"] for id in [first, *mine, theirs]}
    assert sorted(started, key=started.get) == [first, theirs, *mine]


def test_a_cancelled_job_ends_at_once_and_is_told_to_who_waits_for_it(jobs):
    jobs = jobs()
    waiting = jobs.assay.start(
        "verify", "a:1", "--dataset", "data:1", "--runs", SLOW["measured_runs"], "--batch", SLOW["batch"], "--json",
        stdout=PIPE, stderr=PIPE)
    running = until(lambda: jobs.request("GET", "verifications?state=running").json()["items"])[0]["id"]
    until(lambda: evaluators(jobs.server.process.pid))
    listed = jobs.assay.ok("jobs", "--repository", "a", "--json").json["items"]
    assert [(job["id"], job["state"]) for job in listed] == [(running, "running")]
    assert running in jobs.assay.ok("jobs", "--state", "running").out
    assert "cancelled" in jobs.assay.ok("jobs", "cancel", running).out
    until(lambda: not evaluators(jobs.server.process.pid))
    outcome = finish(waiting)
    assert (outcome.code, outcome.json["code"]) == (REFUSED, "verification-cancelled")
    done = jobs.start()
    jobs.reach(done, "measured")
    assert jobs.assay.run("jobs", "cancel", done).code == CONFLICT
    assert jobs.assay.run("jobs", "cancel", "0" * 16).code == NOT_FOUND
    assert jobs.assay.run("jobs", "--state", "done").code == WRONG_USE


def test_no_job_is_lost_when_the_server_is_killed(jobs):
    jobs = jobs()
    running, waiting = jobs.start(**MIDDLE), jobs.start()
    jobs.reach(running, "running")
    kill(jobs.server.process)
    jobs.server.start()
    for id in (running, waiting):
        assert jobs.reach(id, "measured")["attempts"] == 1


@pytest.mark.parametrize("option", ["--evaluator", "--onnx-runtime"])
def test_without_an_evaluator_jobs_wait_for_one(jobs, tmp_path, option):
    jobs = jobs("--evaluators", "0")
    id = jobs.start()
    jobs.server.stop()
    jobs.server.options = [option, tmp_path / "absent"]
    jobs.server.start()
    # New ones are refused, and what waits is left alone.
    refused = jobs.assay.run("verify", "a:1", "--dataset", "data:1")
    assert refused.code == BUSY and "not installed" in refused.err
    assert jobs.job(id)["state"] == "queued"
    jobs.server.stop()
    jobs.server.options = []
    jobs.server.start()
    assert jobs.reach(id, "measured")["attempts"] == 1


@pytest.mark.parametrize("options", [
    ["--evaluators", "2"], ["--cpus", "0", "--cpus", "0"], ["--evaluators", "1", "--cpus", "0", "--cpus", "1"],
    ["--cpus", "1023"], ["--cpus", "x"], ["--cpus", "0-"], ["--evaluators", "-1"], ["--label", "site"],
    ["--label", "site=a b"], ["--label", "site=\x07"], ["--lease", "0s"], ["--lease", "2h"]])
def test_evaluators_that_would_disturb_each_other_are_a_configuration_error(binary, tmp_path, options):
    assay = Assay(binary, tmp_path)
    assay.ok("init", "store")
    outcome = assay.run("serve", "--store", "store", "--listen", "127.0.0.1:0", *options)
    assert outcome.code == WRONG_USE, outcome


# Workers elsewhere


def test_a_worker_measures_what_asks_for_its_labels(jobs, work, tmp_path):
    jobs = jobs("--evaluators", "0")
    waiting = jobs.assay.start(
        "verify", "a:1", "--dataset", "data:1", "--runs", "10", "--require-label", "site=edge", stdout=PIPE, stderr=PIPE)
    edge = until(lambda: jobs.request("GET", "verifications").json()["items"])[0]["id"]
    assert jobs.job(edge)["waits_for"] == ["site=edge"]
    anywhere = jobs.start()
    work(jobs, "core-1")
    assert jobs.reach(anywhere, "measured")["worker"]["name"] == "core-1"
    assert jobs.job(edge)["state"] == "queued"
    cpu = str(min(os.sched_getaffinity(0)))
    work(jobs, "edge-1", "--label", "site=edge", "--cpus", cpu)
    outcome = finish(waiting)
    assert outcome.code == 0, outcome
    assert "no worker with site=edge has asked for work yet" in outcome.err
    assert "measured by the worker edge-1" in outcome.out
    report = jobs.report(edge)
    assert report["worker"]["name"] == "edge-1"
    assert {"site=edge", f"arch={os.uname().machine}"} <= set(report["worker"]["labels"])
    assert report["environment"]["cpu_set"] == cpu
    assert report["measurements"]["metrics"] == jobs.report(anywhere)["measurements"]["metrics"]
    assert report["settings"]["labels"] == ["site=edge"]
    kept = [path.name for path in (tmp_path / "cache-edge-1").glob("sha256-*")]
    assert len(kept) == 2

    def selected(*options):
        candidate = jobs.assay.ok("select", "a", "--by", "p50", "--json", *options).json["candidates"][0]
        assert candidate["cpu"] == report["environment"]["cpu"]
        return candidate["verification"]

    assert selected() == anywhere
    assert selected("--require-label", "site=edge", "--require-label", f"arch={os.uname().machine}") == edge
    nowhere = jobs.assay.run("select", "a", "--by", "p50", "--require-label", "site=moon")
    assert nowhere.code == REFUSED and "batch 1, site=moon" in nowhere.out


def test_a_worker_measures_on_recorded_outputs(jobs, work, tmp_path):
    """The folders of the sets reach it whole, with files of one content at several places."""
    session = onnxruntime.InferenceSession(FIXTURES / "digits-1.onnx", providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    with np.load(FIXTURES / "test.npz") as arrays:
        samples = arrays[name]
    for number, rows in enumerate([samples[:1], samples[1:8], samples[:1]]):
        part = tmp_path / "recorded" / f"test_data_set_{number}"
        part.mkdir(parents=True)
        (part / "input_0.pb").write_bytes(numpy_helper.from_array(rows, name).SerializeToString())
        for index, output in enumerate(session.run(None, {name: rows})):
            (part / f"output_{index}.pb").write_bytes(numpy_helper.from_array(output).SerializeToString())
    jobs = jobs("--evaluators", "0")
    jobs.assay.ok("push", "recorded", tmp_path / "recorded", "--kind", "dataset")
    work(jobs, "far")
    report = jobs.assay.ok("verify", "a:1", "--dataset", "recorded:1", "--runs", "10", "--json").json
    assert report["worker"]["name"] == "far"
    assert report["measurements"]["sample_count"] == 3
    assert report["measurements"]["metrics"]["max_absolute_error"] < 1e-5
    assert report["measurements"]["metrics"]["argmax_agreement"] == 1


def test_a_killed_workers_job_is_done_by_another(jobs, work):
    jobs = jobs("--evaluators", "0", "--lease", "1s")
    id = jobs.start(**SLOW)
    first = work(jobs, "first")
    jobs.reach(id, "running")
    until(lambda: jobs.job(id).get("progress"))
    kill(first)
    until(lambda: jobs.job(id)["state"] == "queued")
    second = work(jobs, "second")
    job = until(lambda: (job := jobs.job(id))["state"] == "running" and job)
    assert (job["attempts"], job["worker"]["name"]) == (2, "second")
    kill(second)
    assert jobs.reach(id, "failed")["attempts"] == 2
    report = jobs.report(id)
    assert report["failure"] == {"kind": "worker-crashed", "message": "the worker second fell silent"}


def test_a_killed_evaluator_is_tried_once_more(jobs, work):
    jobs = jobs("--evaluators", "0")
    id = jobs.start(**MIDDLE)
    worker = work(jobs, "only")
    [child] = until(lambda: evaluators(worker.pid))
    os.kill(child, signal.SIGKILL)
    assert jobs.reach(id, "measured")["attempts"] == 2


def test_a_worker_that_is_asked_to_end_gives_its_job_back(jobs, work):
    jobs = jobs("--evaluators", "0")
    id = jobs.start(**MIDDLE)
    first = work(jobs, "first")
    until(lambda: evaluators(first.pid))
    first.terminate()
    assert first.wait(30) == 0
    assert jobs.job(id)["state"] == "queued"
    second = work(jobs, "second", "--once")
    job = jobs.reach(id, "measured")
    assert (job["attempts"], job["worker"]["name"]) == (1, "second")
    assert second.wait(30) == 0


def test_a_worker_drops_a_job_that_was_cancelled(jobs, work):
    jobs = jobs("--evaluators", "0", "--lease", "1s")
    id = jobs.start(**SLOW)
    worker = work(jobs, "only")
    until(lambda: evaluators(worker.pid))
    jobs.cancel(id)
    until(lambda: not evaluators(worker.pid))
    assert jobs.reach(jobs.start(), "measured")["worker"]["name"] == "only"
    assert jobs.job(id)["state"] == "cancelled"


def test_a_restart_of_the_server_leaves_a_worker_its_job(jobs, work):
    jobs = jobs("--evaluators", "0", "--lease", "30s")
    id = jobs.start(**MIDDLE)
    worker = work(jobs, "only")
    until(lambda: evaluators(worker.pid))
    jobs.server.kill()
    jobs.server.start()
    assert jobs.reach(id, "measured")["attempts"] == 1


def test_what_a_worker_says_too_late_is_refused(jobs):
    jobs = jobs("--evaluators", "0", "--lease", "1s")
    failure = {"failure": {"kind": "time-limit", "message": "too slow"}}
    id = jobs.start()
    claim = jobs.claim().json()["claim"]
    jobs.cancel(id)
    for method, path, body in [("POST", "/result", failure), ("PUT", "", {}), ("DELETE", "", None)]:
        answer = jobs.request(method, f"worker/claims/{claim}{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "claim-lost")
    id = jobs.start()
    claim = jobs.claim("slow").json()["claim"]
    until(lambda: jobs.job(id)["state"] == "queued")
    other = jobs.claim("quick").json()["claim"]
    answer = jobs.request("POST", f"worker/claims/{claim}/result", json=failure)
    assert (answer.status_code, answer.json()["code"]) == (404, "claim-not-found")
    assert jobs.request("POST", f"worker/claims/{other}/result", json=failure).json()["state"] == "failed"
    assert jobs.report(id)["worker"]["name"] == "quick"


def test_a_policy_has_measurements_taken_where_its_labels_are(jobs, work, tmp_path):
    jobs = jobs()
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\ndataset: data:1\nmetrics: {accuracy: {min: 0.9}}\nlabels: [site=edge]\n")
    key = jobs.assay.key()
    jobs.assay.ok("key", "trust", key.with_suffix(".pub.pem"))
    jobs.assay.ok("sign", "a:1", "--key", key)
    jobs.assay.ok("policy", "set", "a", "production", policy)
    # Measured without the label, which does not count.
    jobs.assay.ok("verify", "a:1", "--dataset", "data:1")
    promotion = jobs.assay.start("promote", "a:1", "production", stdout=PIPE, stderr=PIPE)
    until(lambda: jobs.request("GET", "verifications?state=queued").json()["items"])
    work(jobs, "edge-1", "--label", "site=edge")
    outcome = finish(promotion)
    assert outcome.code == 0, outcome
    newest = jobs.request("GET", "verifications?limit=1").json()["items"][0]
    assert newest["worker"]["name"] == "edge-1"


def test_a_worker_needs_a_server_and_what_it_can_use(binary, jobs, tmp_path):
    jobs = jobs()
    assay = jobs.assay
    for options in (["--evaluators", "0"], ["--cpus", "1023"], ["--name", "a b"], ["--cache-size", "1"],
                    ["--label", "x"], ["--store", "store"]):
        assert assay.run("worker", "--cache", "cache", *options).code == WRONG_USE, options
    outcome = assay.run("worker", "--cache", "cache", "--evaluator", "absent")
    assert outcome.code == 8 and "evaluator" in outcome.err
