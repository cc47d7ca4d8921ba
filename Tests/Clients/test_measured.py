"""Figures that were measured elsewhere: signed by `assay attest --metrics`, bounded by `measured`, and shown."""

import json

import pytest
from evidence import ENVELOPE, REFUSED, USAGE, attached, digest, foreign_public, key_id, opened, sealed, statement
from harness import FIXTURES, REPOSITORY_ROOT, public
from jsonschema import Draft202012Validator

FIGURES = "https://assay.dev/attestation/metrics/v1"


@pytest.fixture
def keys(assay):
    release, evaluation = assay.key(), assay.key("evaluation")
    assay.ok("key", "trust", public(release))
    assay.ok("key", "trust", public(evaluation), "--role", "evaluation")
    return release, evaluation


@pytest.fixture
def model(assay, name, keys):
    """A version of a model, and of the data that its figures are of."""
    assay.ok("push", f"{name}-data", FIXTURES / "test.npz", "--kind", "dataset", "--key", keys[0])
    assay.ok("push", name, FIXTURES / "digits-1.onnx", "--key", keys[0])
    return f"{name}:1"


def write(assay, text, name="figures.yaml"):
    (assay.home / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def attest(assay, model, text, key, data=None):
    return assay.run(
        "attest", model, "--metrics", write(assay, text), "--dataset", data or model.replace(":1", "-data:1"), "--key",
        key, "--json")


def protect(assay, model, demand):
    policy = f"version: 1\nmeasured: {{mmlu: {{{demand}}}}}\n"
    return assay.ok("policy", "set", model.partition(":")[0], "production", write(assay, policy, "policy.yaml"))


def line(assay, model):
    answer = assay.run("policy", "check", model, "production", "--json").json
    return next(item for item in answer["outcomes"] if item["requirement"] == "measured.mmlu")


def test_signed_figures_promote_and_are_shown_everywhere(assay, name, keys, model):
    protect(assay, model, f"min: 0.6, role: evaluation, dataset: {name}-data:1, max_age: 30d")
    assert assay.run("promote", model, "production").code == REFUSED
    assert attest(
        assay, model, "mmlu: {value: 0.71, n: 14042, low: 0.70, high: 0.72}\nspeed: {value: 41.5, unit: tokens/s}\n",
        keys[1]).code == 0
    assert "0.71 (0.7 to 0.72, n 14042)" in assay.ok("promote", model, "production").out
    shown = assay.ok("show", model)
    assert "MEASURED ELSEWHERE" in shown.out and "41.5 tokens/s" in shown.out
    measured = assay.ok("show", model, "--json").json["measured"]
    assert measured[0]["content"]["metrics"]["mmlu"] == {"value": 0.71, "n": 14042, "low": 0.7, "high": 0.72}
    assert (measured[0]["evidence"]["status"], measured[0]["evidence"]["role"]) == ("valid", "evaluation")
    assert "MEASURED ELSEWHERE" in assay.ok("report", model).out
    rows = assay.ok("attestations", model, "--json").json["items"]
    assert [row["result"] for row in rows if row["predicate_type"] == FIGURES] == ["measured"]
    assay.ok("bundle", "export", model, "--output", "model.tar")
    assert FIGURES.encode() in (assay.home / "model.tar").read_bytes()
    assay.ok("bundle", "verify", "model.tar", "--trust", export(assay))


def export(assay):
    (assay.home / "root.json").write_text(assay.ok("key", "export").out)
    return "root.json"


def test_the_statement_is_one_of_in_toto_and_fits_its_schema(assay, name, keys, model, registry):
    attest(assay, model, '{"mmlu": 0.71}', keys[1])
    envelope, = attached(registry, name, digest(assay, model), ENVELOPE, FIGURES)
    payload = opened(envelope, foreign_public(public(keys[1])))
    assert [item["digest"]["sha256"] for item in payload["subject"]] == [digest(assay, model).removeprefix("sha256:")]
    schema = json.loads((REPOSITORY_ROOT / "schema/json/measured-figures-v1.json").read_text())
    Draft202012Validator(schema).validate(payload["predicate"])
    assert payload["predicate"]["dataset"]["digest"] == digest(assay, f"{name}-data:1")
    assert payload["predicate"]["metrics"] == {"mmlu": {"value": 0.71}}


def test_the_newest_statement_counts_and_strangers_change_nothing(assay, keys, model):
    protect(assay, model, "min: 0.6")
    stranger = assay.key("stranger")
    assert attest(assay, model, "mmlu: 0.9", stranger).code == 0
    assert line(assay, model)["status"] == "missing"
    attest(assay, model, "mmlu: 0.7", keys[1])
    attest(assay, model, "mmlu: 0.1", stranger)
    assert line(assay, model)["status"] == "passed"
    attest(assay, model, "mmlu: 0.5", keys[1])
    assert line(assay, model)["status"] == "failed"
    attest(assay, model, "gsm8k: 0.9", keys[1])
    assert line(assay, model)["status"] == "failed"
    attest(assay, model, "mmlu: 0.7", keys[1])
    assert line(assay, model)["status"] == "passed"
    protect(assay, model, "min: 0.6, role: training")
    assert "none of the demanded" in line(assay, model)["measured"]


def test_wrong_data_ended_and_revoked_keys_are_told(assay, name, keys, model):
    assay.ok("push", f"{name}-other", FIXTURES / "test.npz", "--kind", "dataset", "--description", "other data")
    protect(assay, model, f"min: 0.6, dataset: {name}-data:1")
    attest(assay, model, "mmlu: 0.7", keys[1], data=f"{name}-other:1")
    same = digest(assay, f"{name}-other:1") == digest(assay, f"{name}-data:1")
    assert same or "not on the demanded data" in line(assay, model)["measured"]
    attest(assay, model, "mmlu: 0.7", keys[1])
    assay.ok("key", "revoke", key_id(public(keys[1])))
    assert "revoked" in line(assay, model)["measured"]
    assert assay.run("promote", model, "production").code == REFUSED


def test_the_registrys_own_figures_stay_its_own(assay, name, keys, model):
    attest(assay, model, "accuracy: 0.999", keys[1])
    policy = f"version: 1\ndataset: {name}-data:1\nmetrics: {{accuracy: {{min: 0.99}}}}\n"
    assay.ok("policy", "set", name, "production", write(assay, policy, "policy.yaml"))
    refused = assay.run("promote", model, "production")
    assert refused.code == REFUSED and "0.9580" in refused.out
    assay.ok("policy", "set", name, "production", write(
        assay, "version: 1\nmeasured: {top_3: {min: 0.1}}\n", "policy.yaml"))
    assert assay.run("promote", model, "production").code == REFUSED


BAD_FILES = [
    "mmlu: .nan", "mmlu: NaN", '{"mmlu": NaN}', '{"mmlu": Infinity}', "mmlu: .inf", "mmlu: 1e400", "mmlu: 1e-400",
    "mmlu: 0,7", "mmlu: '0.7'", "mmlu: 0x1F", "mmlu: 1_000", "mmlu: yes", "mmlu:", "mmlu: [0.7]", "mmlu: 2026-01-02",
    "mmlu: 0.1\nmmlu: 0.9", '{"mmlu": 0.1, "mmlu": 0.9}', '{"mmlu": 0.1, "\\u006dmlu": 0.9}', "mmlu: 0.1\nMMLU: 0.9",
    "mmlu: 0.1\n'mmlu': 0.9", "mmlu: 0.1\n? mmlu\n: 0.9", "é: 0.1", "mmlu: {value: 0.1, value: 0.9}",
    "mmlu: {value: 0.1, Value: 0.9}", "mmlu: {value: 0.1, stderr: 0.01}", "mmlu: {n: 3}", "results: {mmlu: {acc: 0.7}}",
    "base: &a {value: 0.1}\nmmlu: {<<: *a}", "mmlu: !!float '0.7'", "mmlu: 0.1\n---\nmmlu: 0.9", "- mmlu", "0.7", "",
    "mmlu: {value: 0.7, n: 0}", "mmlu: {value: 0.7, n: 1.5}", "mmlu: {value: 0.7, low: 0.8}", "'a b': 0.7",
    "mmlu: 9007199254740993", "mmlu: {value: 0.7, unit: 3}", b"\xff\xfem\x00m\x00", b"mmlu: 0.7\x00",
    "x: 1 # " + "a" * 300_000,
    "\n".join(f"m{number}: 1" for number in range(1_001)),
]


def test_a_file_that_two_readers_understand_in_two_ways_is_refused(assay, name, keys, model):
    for text in BAD_FILES:
        answer = assay.run(
            "attest", model, "--metrics", write(assay, text), "--dataset", f"{name}-data:1", "--key", keys[1])
        assert answer.code not in (0, 70) and "internal" not in answer.err, (text[:80], answer)
        assert "next:" in answer.err, (text[:80], answer)
    assert not [row for row in assay.ok("attestations", model, "--json").json["items"]
                if row["predicate_type"] == FIGURES]


def test_options_that_do_not_fit_are_told(assay, name, keys, model):
    write(assay, "mmlu: 0.7")
    for options in (
            ["--metrics", "figures.yaml"], ["--dataset", f"{name}-data:1"],
            ["--metrics", "figures.yaml", "--dataset", f"{name}-data:1", "--type", "metrics"]):
        answer = assay.run("attest", model, *options, "--key", keys[1])
        assert answer.code == USAGE and "next:" in answer.err, answer
    answer = assay.run("attest", model, "--metrics", "figures.yaml", "--dataset", model, "--key", keys[1])
    assert answer.code != 0 and "not a dataset" in answer.err and "next:" in answer.err
    assert assay.run("attest", model, "--metrics", "figures.yaml", "--dataset", f"{name}-data:1").code == USAGE
    noted = assay.run(
        "attest", model, "--metrics", "figures.yaml", "--dataset", f"{name}-data:1", "--key", assay.key("nobody"))
    assert noted.code == 0 and "does not trust" in noted.err


def test_a_statement_pushed_by_an_oci_client_counts_as_any_other(assay, name, keys, model, registry):
    """By whoever may push: it counts by its signature and its words alone."""
    protect(assay, model, "min: 0.6")
    subject, data = digest(assay, model), digest(assay, f"{name}-data:1")
    predicate = {"dataset": {"digest": data, "name": "d"}, "metrics": {"mmlu": {"value": 0.7}},
                 "stated_at": "2026-01-01T00:00:00.000Z"}
    body = statement(subject, FIGURES, predicate)
    (assay.home / "good.json").write_text(json.dumps(sealed(keys[1], body)))
    assay.ok("attest", model, "--envelope", "good.json")
    assert line(assay, model)["status"] == "passed"
    predicate["metrics"]["mmlu"]["value"] = "0.9"
    (assay.home / "bad.json").write_text(json.dumps(sealed(keys[1], statement(subject, FIGURES, predicate))))
    refused = assay.run("attest", model, "--envelope", "bad.json")
    assert refused.code == USAGE and "next:" in refused.err
