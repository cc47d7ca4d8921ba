"""A clock that is set by ten years, forward and back, while work goes on: nothing is lost, nothing is allowed by it."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from harness import BYTES, FIXTURES, REQUEST_SECONDS, Assay, Registry, Server, digest_of, public
from test_jobs import MIDDLE, SLOW, Jobs, evaluators, until, work  # noqa: F401  (`work` is a fixture)

SOURCE = Path(__file__).parent / "shifted_clock.c"
TEN_YEARS = 10 * 365 * 86_400
DAY = 86_400
REFUSED, WRONG_USE = 7, 2
UPLOADS_MAX = 4_096

both_ways = pytest.mark.parametrize("step", [TEN_YEARS, -TEN_YEARS], ids=["forward", "back"])


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("clock") / "shifted_clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", path, SOURCE], check=True, timeout=60)
    return path


class Clock:
    """The time of day of a server, as seconds beside the real one."""

    def __init__(self, library, file):
        self.file = file
        self.variables = {"LD_PRELOAD": str(library), "ASSAY_TEST_CLOCK": str(file)}
        self.set(0)

    def set(self, seconds):
        partial = self.file.with_suffix(".next")
        partial.write_text(f"{seconds}\n")
        partial.rename(self.file)


@pytest.fixture
def clock(library, tmp_path):
    return Clock(library, tmp_path / "clock")


@pytest.fixture
def serve_by(binary, tmp_path, clock):
    """Starts a server that goes by the clock of the test."""
    servers = []

    def start(*options):
        folder = tmp_path / f"server-{len(servers)}"
        folder.mkdir()
        server = Server(binary, folder, *options)
        server.variables = clock.variables
        servers.append(server.create_store())
        return server.start()

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.assert_running()
            assert server.stop() == 0


def time_told(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_the_clock_of_the_server_is_the_tests(serve_by, clock, tmp_path):
    """Without this the others would test nothing."""
    jobs = Jobs(serve_by(), tmp_path)
    clock.set(TEN_YEARS)
    assert time_told(jobs.job(jobs.start())["created_at"]) > datetime.now(UTC) + timedelta(days=3_000)


@both_ways
def test_a_running_verification_is_measured_to_its_end(serve_by, clock, tmp_path, step):
    jobs = Jobs(serve_by(), tmp_path)
    id = jobs.start(**MIDDLE, deadline_seconds=60)
    jobs.reach(id, "running")
    until(lambda: jobs.job(id).get("progress"))
    clock.set(step)
    job = jobs.reach(id, "measured", "failed")
    assert (job["state"], job["attempts"]) == ("measured", 1), jobs.report(id)
    clock.set(0)
    assert jobs.reach(jobs.start(), "measured", "failed")["state"] == "measured"


def test_a_deadline_that_passes_is_told_although_the_clock_went_back(serve_by, clock, tmp_path):
    jobs = Jobs(serve_by(), tmp_path)
    id = jobs.start(**SLOW, deadline_seconds=3)
    until(lambda: jobs.job(id).get("progress"))
    clock.set(-TEN_YEARS)
    jobs.reach(id, "measured", "failed")
    report = jobs.report(id)
    # A slow machine is stopped at the deadline, a quick one is done with what it could measure until then.
    assert report.get("failure", {"kind": "time-limit"})["kind"] == "time-limit"


@both_ways
def test_no_lease_ends_by_it_and_each_ends_in_its_time(serve_by, clock, tmp_path, step):
    jobs = Jobs(serve_by("--evaluators", "0", "--lease", "2s"), tmp_path)
    silent, alive = jobs.start(), jobs.start()
    claims = {}
    for worker in ("one", "two"):
        claim = jobs.claim(worker).json()
        claims[claim["verification"]["id"]] = claim["claim"]
    clock.set(step)

    def silent_one_is_lost():
        # The one that tells of itself must not be lost meanwhile.
        answer = jobs.request("PUT", f"worker/claims/{claims[alive]}", json={})
        assert answer.status_code == 200, answer.text
        return jobs.job(silent)["state"] == "queued"

    until(silent_one_is_lost)
    job = jobs.job(alive)
    assert (job["state"], job["attempts"]) == ("running", 1)


@both_ways
def test_a_worker_keeps_its_job_over_it_and_over_a_restart(serve_by, work, clock, tmp_path, step):  # noqa: F811
    jobs = Jobs(serve_by("--evaluators", "0", "--lease", "30s"), tmp_path)
    plain = jobs.assay.environment()
    jobs.assay.environment = lambda: plain | clock.variables
    id = jobs.start(**MIDDLE)
    worker = work(jobs, "only")
    until(lambda: evaluators(worker.pid))
    clock.set(step)
    jobs.server.kill()
    jobs.server.start()
    clock.set(-step)
    job = jobs.reach(id, "measured", "failed")
    assert (job["state"], job["attempts"]) == ("measured", 1), jobs.report(id)


def patch(registry, location, data, at):
    answer = registry.patch(location, data, (at, at + len(data) - 1))
    assert answer.status_code == 202, answer.text
    return answer.headers["Location"]


@both_ways
def test_an_upload_goes_on_over_it_and_over_a_restart(serve_by, clock, step):
    server = serve_by()
    registry = Registry(server.url)
    location = patch(registry, registry.open_upload("a"), b"one ", 0)
    clock.set(step)
    location = patch(registry, location, b"two ", 4)
    server.kill()
    server.start()
    # As many more as there may be, which has those given up that expired.
    session = requests.Session()
    opened = [
        session.post(f"{server.url}/v2/a/blobs/uploads/", timeout=REQUEST_SECONDS) for _ in range(UPLOADS_MAX)]
    assert [answer.status_code for answer in opened[-2:]] == [202, 429]
    assert "unfinished" in opened[-1].text
    clock.set(-step)
    location = patch(registry, location, b"three", 8)
    answer = registry.close_upload(location, b"", digest_of(b"one two three"))
    assert answer.status_code == 201, answer.text
    assert registry.get(f"/v2/a/blobs/{digest_of(b'one two three')}", headers={"Accept": BYTES}).content[:3] == b"one"


class Gate:
    """A registry with a release key and a policy."""

    def __init__(self, server, home):
        self.server = server
        self.assay = Assay(server.binary, home, server.url)
        self.key = self.assay.key()

    def trust(self, *options):
        self.assay.ok("key", "trust", public(self.key), *options)

    def protect(self, text):
        (self.assay.home / "policy.yaml").write_text(text)
        self.assay.ok("policy", "set", "a", "production", "policy.yaml")

    def push(self, number):
        self.assay.ok("push", "a", FIXTURES / f"digits-{number}.onnx", "--key", self.key)

    def promote(self, number):
        return self.assay.run("promote", f"a:{number}", "production")


def test_a_key_that_ended_by_it_counts_no_more_and_that_is_said(serve_by, clock, tmp_path):
    gate = Gate(serve_by(), tmp_path)
    until_tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    gate.trust("--until", until_tomorrow)
    gate.push(1)
    gate.protect("version: 1\n")
    clock.set(TEN_YEARS)
    # What was recorded in its time counts still; what comes now does not.
    gate.push(2)
    refused = gate.promote(2)
    assert refused.code == REFUSED and " counts until " in refused.out + refused.err, refused
    assert gate.promote(1).code == 0
    # The time of the log does not go back with the clock.
    clock.set(-TEN_YEARS)
    gate.push(3)
    refused = gate.promote(3)
    assert refused.code == REFUSED and " counts until " in refused.out + refused.err, refused
    gate.server.kill()
    gate.server.start()
    assert "clock is before the last entry of the audit log" in gate.server.log_tail()
    assert gate.promote(3).code == REFUSED
    gate.assay.ok("audit", "verify")


def test_a_waiver_that_ended_by_it_counts_no_more(serve_by, clock, tmp_path):
    gate = Gate(serve_by(), tmp_path)
    gate.trust()
    gate.push(1)
    gate.protect("version: 1\nsize: {max_bytes: 1}\nwaivers: {role: release}\n")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    waive = ["waive", "a:1", "production", "--requirement", "size", "--expires", tomorrow, "--key", gate.key]
    gate.assay.ok(*waive, "--reason", "smaller soon")
    clock.set(TEN_YEARS)
    assert gate.promote(1).code == REFUSED
    # Something is logged at that time.
    gate.push(2)
    clock.set(-TEN_YEARS)
    assert gate.promote(1).code == REFUSED
    late = gate.assay.run(*waive, "--reason", "again")
    assert late.code == WRONG_USE and "by the registry's log it is" in late.err, late
    clock.set(0)
    assert gate.promote(1).code == REFUSED
