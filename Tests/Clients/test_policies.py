"""Policies as people use them: profiles, the check, latency against a baseline, waivers."""

import pytest
from harness import FIXTURES, public

USAGE, NOT_FOUND, REFUSED = 2, 3, 7

PROFILES = """
version: 1
dataset: {dataset}
metrics: {{accuracy: {{min: 0.85}}}}
latency: {{p50: {{max_ratio: 100}}, tail: {{max_ratio: 1000}}, sweep: {{batches: [1, 8]}}}}
profiles:
  staging: {{}}
  production:
    metrics: {{accuracy: {{min: 0.97}}}}
    waivers: {{role: release}}
"""


@pytest.fixture
def key(assay):
    key = assay.key()
    assay.ok("key", "trust", public(key))
    return key


@pytest.fixture
def dataset(assay, name, key):
    assay.ok("push", f"{name}-data", FIXTURES / "test.npz", "--kind", "dataset", "--key", key)
    (assay.home / "policy.yaml").write_text(PROFILES.format(dataset=f"{name}-data:1"))
    for model in ("digits-1", "digits-3"):  # accuracy 0.958 and 0.978
        assay.ok("push", name, FIXTURES / f"{model}.onnx", "--key", key)
    for alias in ("staging", "production"):
        assay.ok("policy", "set", name, alias, "policy.yaml")
    return f"{name}-data:1"


def outcomes(answer):
    return {line["requirement"]: line for line in answer["outcomes"]}


def test_each_alias_has_the_profile_of_its_name(assay, name, dataset):
    for alias, minimum in (("staging", 0.85), ("production", 0.97)):
        policy = assay.ok("policy", "show", name, alias, "--json").json["policy"]
        assert (policy["profile"], policy["metrics"]["accuracy"]["min"]) == (alias, minimum)
    assert assay.run("policy", "set", name, "canary", "policy.yaml").code == USAGE
    assert assay.ok("policy", "set", name, "canary", "policy.yaml", "--profile", "staging")


def test_a_check_explains_and_changes_nothing(assay, name, dataset):
    before = assay.run("policy", "check", f"{name}:1", "staging", "--json")
    assert before.code == REFUSED
    assert outcomes(before.json)["accuracy"]["status"] == "missing"
    assay.ok("promote", f"{name}:1", "staging")
    history = assay.ok("history", name, "staging", "--json").json
    after = assay.ok("policy", "check", f"{name}:1", "staging", "--json").json
    assert after["state"] == "wouldPass" and outcomes(after)["accuracy"]["status"] == "passed"
    (assay.home / "strict.yaml").write_text(
        f"version: 1\ndataset: {dataset}\nmetrics: {{accuracy: {{min: 0.99}}}}\n"
        "latency: {p50: {max_ratio: 100}, tail: {max_ratio: 1000}, sweep: {batches: [1, 8]}}\n")
    strict = assay.run("policy", "check", f"{name}:1", "staging", "--policy", "strict.yaml")
    assert strict.code == REFUSED and "at least 0.9900" in strict.out
    assert assay.ok("history", name, "staging", "--json").json == history


def test_a_ratio_is_shown_with_its_confidence(assay, name, dataset):
    assay.ok("promote", f"{name}:1", "staging")
    answer = assay.ok("promote", f"{name}:2", "staging", "--json").json
    line = outcomes(answer)["latency.p50.ratio"]
    assert line["status"] == "passed" and line["confidence"].endswith("at 95 %")
    identifier = assay.ok("attestations", f"{name}:2", "--show", "report").json
    comparison = identifier["predicate"]["measurements"]["comparison"]
    ratio = comparison["ratios"]["p50"]
    assert len(ratio["sessions"]) >= 8 and ratio["lower"] <= ratio["ratio"] <= ratio["upper"]
    middle = sorted(ratio["sessions"])
    assert min(middle) <= ratio["lower"] and ratio["upper"] <= max(middle)
    assert [point["batch"] for point in identifier["predicate"]["measurements"]["sweep"]] == [1, 8]


def test_an_equal_model_is_never_passed_by_a_bound_that_cannot_be_decided(assay, name, dataset):
    """A model beside itself, bounded by exactly the ratio it has: whatever is measured, it is no clear yes."""
    outcome = assay.ok(
        "verify", f"{name}:1", "--dataset", dataset, "--baseline", f"{name}:1", "--max-ratio", "p50=1.0", "--json",
        timeout=120).json
    ratio = outcome["measurements"]["comparison"]["ratios"]["p50"]
    assert len(ratio["sessions"]) in (8, 12, 18, 26)
    if ratio["lower"] <= 1 < ratio["upper"]:
        assert len(ratio["sessions"]) == 26, "it was undecided and yet came to an end"


def test_a_waiver_is_visible_wherever_the_promotion_is(assay, name, dataset, key):
    assert assay.run("promote", f"{name}:1", "production").code == REFUSED
    waive = ("waive", f"{name}:1", "production", "--requirement", "accuracy", "--reason", "agreed\x1b[31m in review")
    assert assay.run(*waive, "--expires", "2020-01-01", "--key", key).code == USAGE
    assay.ok(*waive, "--expires", "2100-01-01", "--key", key)
    answer = assay.ok("promote", f"{name}:1", "production", "--json").json
    line = outcomes(answer)["accuracy"]
    assert line["status"] == "waived" and "2100-01-01" in line["waiver"] and "\x1b" not in line["waiver"]
    move = assay.ok("history", name, "production", "--json").json["items"][0]
    assert move["waived"] == ["accuracy"]
    verdict = assay.ok("attestations", f"{name}:1", "--show", "verdict").json["predicate"]
    assert verdict["verificationResult"] == "PASSED"
    lines = verdict["urn:assay:verdict:outcomes"]
    assert {line["requirement"]: line["status"] for line in lines}["accuracy"] == "waived"


def test_a_waiver_counts_for_its_alias_and_by_a_trusted_key_alone(assay, name, dataset, key):
    stranger = assay.key("stranger")
    (assay.home / "waivable.yaml").write_text(
        f"version: 1\ndataset: {dataset}\nmetrics: {{accuracy: {{min: 0.97}}}}\nwaivers: {{role: release}}\n")
    assay.ok("policy", "set", name, "staging", "waivable.yaml")
    waive = ("waive", f"{name}:1", "--requirement", "accuracy", "--reason", "no", "--expires", "2100-01-01", "--key")
    told = assay.ok(*waive[:2], "production", *waive[2:], stranger).err
    assert "does not count" in told and "does not let this key waive" in told
    assay.ok(*waive[:2], "staging", *waive[2:], key)
    assert assay.run("promote", f"{name}:1", "production").code == REFUSED


def test_a_waiver_that_could_never_count_is_refused_and_one_that_does_not_count_now_says_so(assay, name, dataset, key):
    def waive(alias, requirement, number=1):
        return assay.run("waive", f"{name}:{number}", alias, "--requirement", requirement, "--reason", "no", "--expires",
                         "2100-01-01", "--key", key)

    assay.run("promote", f"{name}:1", "production")
    assay.ok("promote", f"{name}:1", "staging")
    unknown = waive("production", "acuracy")
    assert unknown.code == USAGE and "did you mean 'accuracy'" in unknown.err
    assert waive("canary", "accuracy").code == NOT_FOUND
    assert "lets nobody waive" in waive("staging", "accuracy").err
    assay.ok("promote", f"{name}:2", "production")
    assert "is not needed now" in waive("production", "accuracy", 2).err
    assert not waive("production", "accuracy").err.strip()


@pytest.mark.parametrize("rule", ["signature", "waivers", "attestations"])
def test_keys_of_a_policy_are_named_by_their_whole_ids(assay, name, dataset, rule):
    key = next(item["id"] for item in assay.ok("key", "list", "--json").json["items"] if item["role"] == "release")
    for id, code in ((key, 0), (key[:12], USAGE), (key.upper(), USAGE)):
        keys = f"{{keys: ['{id}']}}" if rule != "attestations" else f"[{{type: provenance, keys: ['{id}']}}]"
        (assay.home / "keys.yaml").write_text(f"version: 1\n{rule}: {keys}\n")
        assert assay.run("policy", "set", name, "canary", "keys.yaml").code == code, id


@pytest.mark.parametrize("requirement", ["signature", "content", ""])
def test_what_cannot_be_waived_is_refused_at_once(assay, name, dataset, key, requirement):
    outcome = assay.run(
        "waive", f"{name}:1", "production", "--requirement", requirement, "--reason", "x", "--expires", "2100-01-01",
        "--key", key)
    assert outcome.code == USAGE


@pytest.mark.parametrize("bound, word", [("1000", "within"), ("0.0001", "ABOVE")])
def test_a_verification_tells_whether_its_bound_is_met(assay, name, dataset, bound, word):
    outcome = assay.ok(
        "verify", f"{name}:1", "--dataset", dataset, "--baseline", f"{name}:2", "--max-ratio", f"p50={bound}")
    line = next(line for line in outcome.out.splitlines() if line.startswith("p50 / "))
    assert f", {word} " in line


@pytest.mark.parametrize("options", [
    ["--max-ratio", "p50"], ["--max-ratio", "p50=-1"], ["--max-ratio", "p75=1.1"], ["--max-ratio", "p50=x"],
    ["--confidence", "1"], ["--sweep-batches", "1,,2"], ["--sweep-batches", "0"], ["--sweep-threads", "1000"],
    ["--sweep-batches", ",".join(["1"] * 17)]])
def test_a_setting_out_of_range_is_refused_before_anything_runs(assay, name, options):
    outcome = assay.run("verify", f"{name}:1", "--dataset", f"{name}-data:1", "--baseline", f"{name}:1", *options)
    assert outcome.code == USAGE, outcome
