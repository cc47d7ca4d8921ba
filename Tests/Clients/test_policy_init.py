"""Policies that begin with what was measured, and what setting one tells of the version that holds the alias."""

import json
import re

import pytest
import yaml
from harness import FIXTURES, Assay, Server
from lying import Liar

NAME = "team/model"


@pytest.fixture(scope="module")
def place(binary, tmp_path_factory):
    home = tmp_path_factory.mktemp("init")
    server = Server(binary, home).create_store().start()
    local = Assay(binary, home, server.url)
    local.key()
    local.ok("key", "trust", "release.pub.pem")
    local.ok("push", "data", FIXTURES / "test.npz", "--kind", "dataset")
    for model in ("digits-3", "digits-2", "digits-1"):
        local.ok("push", NAME, FIXTURES / f"{model}.onnx", "--key", "release.pem", "--trained-on", "data:1")
    for number in (1, 2):
        local.ok("verify", f"{NAME}:{number}", "--dataset", "data:1", "--runs", "600")
    yield local
    server.assert_running()
    assert server.stop() == 0


def test_a_policy_begins_with_what_was_measured(place):
    text = place.ok("policy", "init", f"{NAME}:1").out
    policy = yaml.safe_load(text)
    report = json.loads(place.ok("report", f"{NAME}:1", "--json").out)["report"]["content"]
    measured = report["measurements"]["metrics"]["accuracy"]
    samples = report["measurements"]["sample_count"]
    assert policy["version"] == 1 and policy["dataset"] == "data:1" and policy["lineage"] == ["trained-on"]
    # Wilson's interval at 95 %, by the formula as textbooks have it.
    z = 1.959964
    lower = (measured + z * z / (2 * samples) - z * ((measured * (1 - measured) + z * z / (4 * samples)) / samples)
             ** 0.5) / (1 + z * z / samples)
    assert lower - 0.0001 <= policy["metrics"]["accuracy"]["min"] <= lower
    assert policy["memory"]["max_bytes"] == 2 * report["measurements"]["peak_memory_bytes"]
    # Each line that demands something has a comment above it, or above the block that it is in.
    for block in text.strip().split("\n\n"):
        assert block.startswith("#") or block.split("\n")[1].lstrip().startswith("#"), block
    assert f"{measured:.4f}" in text and str(samples) in text


def start(place, name):
    """The start of a policy as a file, with a bound of latency that a busy machine keeps too."""
    text = place.ok("policy", "init", f"{NAME}:1").out
    slow = re.sub(r"max_milliseconds: [0-9.]+, max_ratio: [0-9.]+", "max_milliseconds: 1000", text)
    (place.home / name).write_text(slow)


def test_a_version_passes_what_it_began_and_a_worse_one_does_not(place):
    start(place, "policy.yaml")
    place.ok("policy", "set", NAME, "production", "policy.yaml")
    assert "now points to" in place.ok("promote", f"{NAME}:1", "production").out
    outcome = place.run("promote", f"{NAME}:2", "production")
    assert outcome.code == 7 and re.search(r"^accuracy .*failed$", outcome.out, re.M), outcome


def test_setting_a_policy_tells_what_the_holder_gets(place):
    start(place, "set.yaml")
    place.ok("alias", "set", NAME, "staging", "2")
    told = place.ok("policy", "set", NAME, "staging", "set.yaml").out
    table = place.run("policy", "check", f"{NAME}:2", "staging").out
    rows = [row for row in told.split("\n") if re.match(r"(REQUIREMENT|signature|accuracy|latency|memory)", row)]
    assert len(rows) >= 5 and all(row in table for row in rows), (told, table)
    assert "REQUIREMENT" not in place.ok("policy", "set", NAME, "unheld", "set.yaml").out


def test_a_start_is_a_new_file(place):
    assert place.ok("policy", "init", f"{NAME}:1", "-o", "new.yaml").out.startswith("written to new.yaml")
    assert (place.home / "new.yaml").read_text() == place.ok("policy", "init", f"{NAME}:1").out
    assert "new.yaml" in place.run("policy", "init", f"{NAME}:1", "-o", "new.yaml").err


def test_what_was_not_measured_is_told(place):
    outcome = place.run("policy", "init", f"{NAME}:3")
    assert outcome.code == 3 and "assay verify" in outcome.err, outcome
    for wrong in (("nothing",), (f"{NAME}:1", "--verification", "x"), ("none:1",)):
        outcome = place.run("policy", "init", *wrong)
        assert outcome.code in (2, 3) and outcome.err.startswith("error: ") and outcome.out == "", outcome


def test_no_line_of_a_policy_comes_from_a_server(place):
    """What a server puts into names stays in comments or quotes, or is not there."""
    def answer(method, path, data):
        return data.replace(b'"macro_f1"', b'"x: 1\\nwaivers: {role: release}\\n#"')

    with Liar(place.environment()["ASSAY_SERVER"], answer) as liar:
        outcome = place.at(liar.url).run("policy", "init", f"{NAME}:1")
    assert outcome.code != 0 or "waivers" not in yaml.safe_load(outcome.out)
