"""A model beside its teacher: every figure against scipy and scikit-learn, planted pairs, data without labels."""

import os

import numpy as np
import onnxruntime
import pytest
from evidence import REFUSED, USAGE
from harness import FIXTURES, Assay, public
from onnx import TensorProto, helper, numpy_helper
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr
from scipy.stats import beta, spearmanr
from sklearn.metrics import accuracy_score

SMALLEST = 2.0 ** -52
CONFIDENCE = 0.95


@pytest.fixture
def key(assay):
    key = assay.key()
    assay.ok("key", "trust", public(key))
    return key


def push(assay, name, model, key):
    """Pushes a model's bytes, or a file of the fixtures, and gives its version."""
    folder = assay.home / f"model-{len(list(assay.home.iterdir()))}"
    folder.mkdir()
    data = model if isinstance(model, bytes) else (FIXTURES / model).read_bytes()
    (folder / "model.onnx").write_bytes(data)
    answer = assay.ok("push", name, folder / "model.onnx", "--key", key, "--json").json
    return f"{name}:{answer['version']['number']}"


def push_data(assay, name, key, **arrays):
    np.savez(assay.home / "rows.npz", **arrays)
    assay.ok("push", f"{name}-rows", "rows.npz", "--kind", "dataset", "--key", key)
    return f"{name}-rows:1"


def agreement(assay, student, teacher, data, *options):
    report = assay.ok(
        "verify", student, "--teacher", teacher, "--dataset", data, "--runs", "10", *options, "--json").json
    return report["measurements"]["agreement"]


def answers(model, rows):
    """Class scores by ONNX Runtime in Python."""
    data = model if isinstance(model, bytes) else (FIXTURES / model).read_bytes()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    feeds = {item.name: rows[item.name] for item in session.get_inputs()}
    outputs = session.run(None, feeds)
    return next(np.asarray(item, np.float64) for item in outputs if np.asarray(item).ndim == 2)


def nearest_rank(share, values):
    return np.sort(values)[int(np.ceil(share * len(values))) - 1]


def bound_of(figure, confidence=CONFIDENCE):
    return next(bound for bound in figure["bounds"] if bound["confidence"] >= confidence)


def test_figures_are_those_of_scipy_and_sklearn(assay, name, key):
    rows = dict(np.load(FIXTURES / "test.npz"))
    data = push_data(assay, name, key, **rows)
    student, teacher = push(assay, name, "digits-1.onnx", key), push(assay, name, "digits-3.onnx", key)
    found = agreement(assay, student, teacher, data)
    own, other = answers("digits-1.onnx", rows), answers("digits-3.onnx", rows)
    labels, figures, count = rows["label"].ravel(), found["figures"], len(own)
    predicted, taught = own.argmax(1), other.argmax(1)
    same, right = predicted == taught, taught == labels

    def close(name, value, tolerance=1e-9):
        assert figures[name]["value"] == pytest.approx(value, rel=tolerance, abs=tolerance), name

    close("agreement", same.mean())
    agreeing, bound = int(same.sum()), bound_of(figures["agreement"])
    assert bound["lower"] == pytest.approx(beta.ppf(1 - CONFIDENCE, agreeing, count - agreeing + 1), abs=1e-9)
    assert bound["upper"] == pytest.approx(beta.ppf(CONFIDENCE, agreeing + 1, count - agreeing), abs=1e-9)
    divergence = rel_entr(other, np.maximum(own, SMALLEST)).sum(1)
    distance = (rel_entr(other, (own + other) / 2) + rel_entr(own, (own + other) / 2)).sum(1) / 2
    assert np.allclose(distance, jensenshannon(own, other, axis=1) ** 2, atol=1e-6)
    close("kl_mean", divergence.mean())
    close("kl_p50", nearest_rank(0.5, divergence))
    close("kl_p99", nearest_rank(0.99, divergence))
    close("kl_max", divergence.max())
    close("js_mean", distance.mean())
    close("js_p99", nearest_rank(0.99, distance))
    hits = predicted == labels
    close("flips", (hits != right).mean())
    close("inherited_errors", same[~right].mean())
    close("agreement_teacher_right", same[right].mean())
    close("agreement_teacher_wrong", same[~right].mean())
    close("retained_accuracy", accuracy_score(labels, predicted) / accuracy_score(labels, taught))
    chance = hits.mean() * right.mean() + (1 - hits.mean()) * (1 - right.mean())
    kappa = ((hits == right).mean() - chance) / (1 - chance)
    close("error_consistency", kappa)
    bound = bound_of(figures["error_consistency"])
    assert bound["lower"] < kappa < bound["upper"]
    assert found["metrics"]["accuracy"] == pytest.approx(accuracy_score(labels, taught))
    assert found["counts"] == {
        "agreeing": agreeing, "ties": 0, "teacher_ties": 0, "to_worse": int((right & ~hits).sum()),
        "to_better": int((hits & ~right).sum()), "teacher_errors": int((~right).sum()),
        "same_answer": int((same & ~right).sum())}
    assert found["latency"]["ratios"]["p50"]["ratio"] > 0
    page = assay.ok("report", student)
    assert "AGREEMENT WITH THE TEACHER" in page.out and teacher in page.out


def scorer(weights, classes=None, temperature=1.0, values=False):
    """A linear model with a softmax behind it, or none."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y" if values else "raw"])]
        + ([] if values else [helper.make_node("Softmax", ["raw"], ["y"], axis=1)]),
        "scorer", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", weights.shape[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", weights.shape[1]])],
        [numpy_helper.from_array((weights / temperature).astype(np.float32), "w")])
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


@pytest.fixture
def weights():
    return np.random.default_rng(3).normal(size=(6, 3))


@pytest.fixture
def rows():
    return np.random.default_rng(4).normal(size=(200, 6)).astype(np.float32)


def test_agreement_needs_no_labels(assay, name, key, weights, rows):
    data = push_data(assay, name, key, x=rows)
    teacher = push(assay, name, scorer(weights), key)
    copy = agreement(assay, teacher, teacher, data)
    assert copy["figures"]["agreement"]["value"] == 1 and copy["figures"]["kl_max"]["value"] == 0
    assert copy["left_out"]["flips"] == "the data has no labels"
    student = push(assay, name, scorer(weights, temperature=2), key)
    found = agreement(assay, student, teacher, data)
    own, other = answers(scorer(weights, temperature=2), {"x": rows}), answers(scorer(weights), {"x": rows})
    assert found["figures"]["agreement"]["value"] == 1
    assert found["figures"]["kl_mean"]["value"] == pytest.approx(rel_entr(other, own).sum(1).mean(), abs=1e-9)
    assert found["metrics"] == {} and found["samples"] == len(rows)
    without = assay.run("verify", student, "--dataset", data)
    assert without.code == REFUSED and "label" in without.err


def test_numbers_are_compared_as_numbers(assay, name, key, weights, rows):
    own, other = weights[:, :1] + 0.1, weights[:, :1]
    data = push_data(assay, name, key, x=rows)
    teacher = push(assay, name, scorer(other, values=True), key)
    student = push(assay, name, scorer(own, values=True), key)
    figures = agreement(assay, student, teacher, data)["figures"]
    left, right = answers(scorer(own, values=True), {"x": rows}), answers(scorer(other, values=True), {"x": rows})
    assert figures["max_absolute_error"]["value"] == pytest.approx(np.abs(left - right).max(), rel=1e-9)
    assert figures["rmse"]["value"] == pytest.approx(np.sqrt(((left - right) ** 2).mean()), rel=1e-9)
    assert figures["rank_correlation"]["value"] == pytest.approx(spearmanr(left.ravel(), right.ravel()).statistic)


def test_a_student_that_copies_every_error_is_told(assay, name, key, weights, rows):
    label = (rows @ weights + np.random.default_rng(5).normal(size=(200, 3))).argmax(1)
    data = push_data(assay, name, key, x=rows, label=label)
    teacher, copy = push(assay, name, scorer(weights), key), push(assay, name, scorer(weights, temperature=3), key)
    stranger = push(assay, name, scorer(np.random.default_rng(9).normal(size=(6, 3))), key)
    found = agreement(assay, copy, teacher, data)["figures"]
    assert found["inherited_errors"]["value"] == found["error_consistency"]["value"] == 1
    assert found["flips"]["value"] == 0
    other = agreement(assay, stranger, teacher, data)["figures"]
    assert other["error_consistency"]["value"] < 0.5 and other["agreement"]["value"] < 0.9


def test_classes_that_differ_are_never_assumed(assay, name, key, weights, rows):
    data = push_data(assay, name, key, x=rows)
    teacher = push(assay, name, scorer(weights), key)
    wider = push(assay, name, scorer(np.hstack([weights, weights[:, :1] - 1])), key)
    refused = agreement(assay, wider, teacher, data)
    assert "classes" in refused["failure"] and refused["figures"] == {}


def test_a_policy_bounds_what_was_measured(assay, name, key, weights, rows):
    label = (rows @ weights).argmax(1)
    data = push_data(assay, name, key, x=rows, label=label)
    teacher = push(assay, name, scorer(weights), key)
    good = push(assay, name, scorer(weights, temperature=1.1), key)
    bad = push(assay, name, scorer(np.random.default_rng(9).normal(size=(6, 3))), key)
    policy = f"""
version: 1
dataset: {data}
teacher: {teacher}
agreement: {{min: 0.9, confidence: 0.95}}
divergence: {{js_mean: {{max: 0.02}}, kl_p99: {{max: 1}}}}
flips: {{max: 0.1}}
retained: {{accuracy: {{min: 0.9}}}}
cost: {{latency_p50: {{max_ratio: 1000}}, bytes: {{max_ratio: 2}}}}
latency: {{runs: 10}}
"""
    (assay.home / "policy.yaml").write_text(policy)
    assay.ok("policy", "set", name, "production", "policy.yaml")
    promoted = assay.ok("promote", good, "production", "--json").json
    lines = {line["requirement"]: line for line in promoted["outcomes"]}
    for requirement in (
            "agreement", "divergence.js_mean", "divergence.kl_p99", "flips", "retained.accuracy", "cost.latency_p50",
            "cost.bytes"):
        assert lines[requirement]["status"] == "passed", lines[requirement]
    refused = assay.run("promote", bad, "production")
    assert refused.code == REFUSED and "divergence.js_mean" in refused.out
    assert assay.run("delete", teacher).code != 0, "a policy needs it"
    for wrong in (
            policy.replace("js_mean", "js_meen"), policy.replace(f"teacher: {teacher}", "teacher: no/such:1"),
            policy.replace(f"teacher: {teacher}", f"teacher: {data}"), policy.replace(f"teacher: {teacher}\n", "")):
        (assay.home / "wrong.yaml").write_text(wrong)
        answer = assay.run("policy", "set", name, "canary", "wrong.yaml")
        assert answer.code not in (0, 70) and "next:" in answer.err, answer


def test_a_teacher_that_cannot_be_compared_leaves_the_models_own_figures(assay, name, key, weights, rows):
    label = (rows @ weights).argmax(1)
    data = push_data(assay, name, key, x=rows, label=label)
    student = push(assay, name, scorer(weights), key)
    narrow = push(assay, name, scorer(weights[:5]), key)
    report = assay.ok("verify", student, "--teacher", narrow, "--dataset", data, "--runs", "10", "--json").json
    assert report["measurements"]["metrics"]["accuracy"] == 1
    assert "teacher" in report["measurements"]["agreement"]["failure"]
    assert assay.run("verify", student, "--teacher-max-ratio", "p50=1", "--dataset", data).code == USAGE
    assert assay.run("verify", student, "--teacher", f"{name}:99", "--dataset", data).code == 3


def test_a_worker_elsewhere_compares_with_the_teacher(binary, serve, tmp_path, weights, rows):
    server = serve("--evaluators", "0")
    (tmp_path / "home").mkdir()
    assay = Assay(binary, tmp_path / "home", server.url)
    key = assay.key()
    data = push_data(assay, "taught", key, x=rows)
    teacher = push(assay, "big", scorer(weights), key)
    student = push(assay, "small", scorer(weights, temperature=2), key)
    working = Assay(binary, tmp_path, server.url)
    environment = assay.environment() | {"ASSAY_ONNXRUNTIME": os.environ["ASSAY_ONNXRUNTIME"]}
    working.environment = lambda: environment
    with (tmp_path / "worker.log").open("wb") as log:
        worker = working.start("worker", "--name", "w", "--cache", tmp_path / "cache", stdout=log, stderr=log)
        try:
            report = assay.ok("verify", student, "--teacher", teacher, "--dataset", data, "--runs", "10", "--json").json
        finally:
            worker.terminate()
            worker.wait(timeout=30)
    assert report["worker"]["name"] == "w" and report["settings"]["teacher"]["repository"] == "big"
    found = report["measurements"]["agreement"]
    assert found["teacher"] == report["settings"]["teacher"] and found["figures"]["agreement"]["value"] == 1


def test_optimize_measures_the_variant_as_a_student_of_its_parent(assay, name, key):
    rows = dict(np.load(FIXTURES / "test.npz"))
    data = push_data(assay, name, key, **rows)
    parent = push(assay, name, "digits-3.onnx", key)
    answer = assay.ok("optimize", parent, "--precision", "fp16", "--dataset", data, "--key", key, "--json").json
    found = answer["report"]["measurements"]["agreement"]
    assert f"{found['teacher']['repository']}:{found['teacher']['number']}" == parent
    assert found["figures"]["agreement"]["value"] > 0.99
    line = assay.ok("lineage", f"{name}:{answer['push']['version']['number']}")
    assert "quantized-from" in line.out and "agrees " in line.out and "latency" in line.out
    replayed = assay.ok("verify", "--replay", answer["report"]["verification"], "--json").json
    assert replayed["repeated"]["measurements"]["agreement"]["figures"] == found["figures"]
