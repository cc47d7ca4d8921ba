"""Figures come from the model and the data alone: what is fed, what is judged, one behaviour, one reading of data."""

import io
import json
import os
import subprocess

import numpy as np
import pytest
import zip_mutations
from harness import FIXTURES, public
from hostile_models import CLASSES, PIXELS, Node, constant, model, value
from onnx import TensorProto, helper

REFUSED = 7
ROWS = 500
SEED = 20
FIGURES = ("mae", "mse", "rmse", "max_error", "r2")


# The evaluator alone


@pytest.fixture
def evaluate(binary, tmp_path):
    """Runs the evaluator by itself; gives its last message."""

    def run(model_bytes, dataset, **job):
        path = tmp_path / "model" / "model.onnx"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(model_bytes)
        data = tmp_path / "data.npz"
        data.write_bytes(dataset)
        return answer(binary, path, data, **job)

    return run


def answer(binary, path, data, threads=1, **job):

    document = {
        "protocol": 5, "runtime_path": os.environ["ASSAY_ONNXRUNTIME"], "model_path": str(path),
        "dataset_path": str(data), "latency": {"threads": threads, "measured_runs": 10, "warm_up_runs": 0}, **job}
    lines = subprocess.run(
        [binary.with_name("assay-evaluator")], input=json.dumps(document).encode(), capture_output=True, timeout=60,
        check=True, env={}).stdout.splitlines()
    return json.loads(lines[-1])


def passed_on():
    """Answers what it is given."""
    return model(
        [Node("Identity", ["x"], ["y"])], (), [value("x", ["n", 2])], [value("y", ["n", 2])]).SerializeToString()


def arrays_of(seed, rows=7):
    draws = np.random.default_rng(seed)
    return {
        "x": draws.normal(size=(rows, 2)).astype(np.float32), "label": draws.normal(size=(rows, 2)),
        "other": draws.normal(size=(rows, 2))}


def expected_of(archive):
    """What numpy reads, as figures; None where it reads no such arrays."""
    with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
        x, label = arrays["x"].astype(np.float64), arrays["label"].astype(np.float64)
    errors = np.abs(x - label.reshape(len(label), -1))
    return {"mae": errors.mean(), "mse": (errors ** 2).mean(), "max_error": errors.max()}


def assert_one_reading(evaluate, name, archive):
    """Refused, or what numpy reads. Says whether it was read."""
    told = evaluate(passed_on(), archive)
    if told["type"] == "failure":
        assert told["kind"] != "internal", (name, told)
        return False
    measured = told["result"]["metrics"]["values"]
    try:
        expected = expected_of(archive)
    except Exception as error:  # Whatever numpy says, it does not read what we measured.
        raise AssertionError(f"{name}: numpy says {error!r}, we measured {measured}") from error
    for figure, number in expected.items():
        assert measured[figure] == pytest.approx(number, rel=1e-12, abs=1e-12), name
    return True


def test_archives_of_every_writer_are_read(evaluate, tmp_path):
    arrays = arrays_of(SEED)
    for name, archive in zip_mutations.written(arrays, tmp_path).items():
        assert assert_one_reading(evaluate, name, archive), f"{name}: {evaluate(passed_on(), archive)}"


@pytest.mark.parametrize("writer", ["savez", "zipfile 0 False", "zip -9"])
def test_a_changed_archive_is_refused_or_read_as_numpy_reads_it(evaluate, tmp_path, writer):
    good, other = (
        zip_mutations.written(arrays_of(seed), tmp_path)[writer] for seed in (SEED, SEED + 1))
    cases = list(zip_mutations.mutations(good, other, SEED))
    read = sum(assert_one_reading(evaluate, name, archive) for name, archive in cases)
    assert len(cases) > 180 and read < len(cases) / 4, f"{read} of {len(cases)} were read"


def test_names_extra_fields_and_headers_have_one_reading(evaluate):
    arrays, other = arrays_of(SEED), arrays_of(SEED + 1)
    cases = list(zip_mutations.extra_mutations(arrays, other))
    read = [name for name, archive in cases if assert_one_reading(evaluate, name, archive)]
    assert len(read) > 5, "headers that numpy writes are among them"


def test_two_end_records_do_not_hide_other_labels(evaluate, tmp_path):
    """The reported way: numpy finds one directory and the measurement another."""
    honest, forged = (zip_mutations.written(arrays_of(seed), tmp_path)["savez"] for seed in (SEED, SEED + 1))
    for name, archive in zip_mutations.mutations(honest, forged, SEED):
        if name.startswith("two"):
            assert evaluate(passed_on(), archive)["type"] == "failure", name


# What goes in


def answers_labels(name, element_type=TensorProto.INT64):
    """A model that answers what it is told: one-hot scores of an input."""
    nodes = [
        Node("Cast", [name], ["number"], to=TensorProto.INT64),
        Node("OneHot", ["number", "depth", "values"], ["scores"])]
    constants = [constant("depth", np.array(CLASSES, np.int64)), constant("values", np.array([0, 1], np.float32))]
    return model(nodes, constants, [value(name, ["n"], element_type)], [value("scores", ["n", CLASSES])])


def digits(**more):
    with np.load(FIXTURES / "test.npz") as arrays:
        return dict(arrays) | more


def saved(arrays):
    data = io.BytesIO()
    np.savez(data, **arrays)
    return data.getvalue()


RESERVED = ["label", "labels", "classes", "group_answer", "weight", "weights", "sample_weight", "sample_weights"]


@pytest.mark.parametrize("name", RESERVED)
def test_what_should_come_out_never_goes_in(evaluate, name):
    arrays = digits()
    arrays |= {name: arrays["label"]}
    if name == "classes":
        arrays["classes"] = np.arange(CLASSES)
    told = evaluate(answers_labels(name).SerializeToString(), saved(arrays))
    assert (told["type"], told.get("kind")) == ("failure", "shape-mismatch") and name in told["message"]


def test_only_named_arrays_go_in(evaluate):
    arrays = digits()
    cheat = answers_labels("answer").SerializeToString()
    archive = saved(arrays | {"answer": arrays["label"]})
    open_ended = evaluate(cheat, archive)["result"]
    assert open_ended["inputs_named_by"] == [] and open_ended["fed"] == [{"input": "answer", "array": "answer"}]
    for named in ({"dataset": ["input"]}, {"policy": ["input"]}, {"dataset": ["input"], "policy": ["answer"]}):
        told = evaluate(cheat, archive, inputs=named)
        assert told.get("kind") == "shape-mismatch" and "'answer'" in told["message"], told
    honest = evaluate((FIXTURES / "digits-1.onnx").read_bytes(), archive, inputs={"dataset": ["input"]})["result"]
    assert honest["inputs_named_by"] == ["dataset"]
    assert honest["judged"]["labels"] == "label" and honest["judged"]["scores"] in honest["judged"]["predictions"]
    for wrong in (["label"], ["nothing"], ["group_x"]):
        assert evaluate(cheat, archive, inputs={"dataset": wrong}).get("kind") == "invalid-dataset"


def test_letters_that_look_alike_are_other_names(evaluate):
    composed, decomposed = "\u00e9", "e\u0301"
    draws = arrays_of(SEED)
    archive = saved({composed: draws["x"], "label": draws["label"]})
    for name, kind in ((composed, "result"), (decomposed, "failure")):
        graph = model([Node("Identity", [name], ["y"])], (), [value(name, ["n", 2])], [value("y", ["n", 2])])
        assert evaluate(graph.SerializeToString(), archive)["type"] == kind


# One behaviour


def scores(*more, outputs=("scores",)):
    return [Node("MatMul", ["input", "weights"], list(outputs)), *more]


def with_noise(kind):
    """Digits scored by a matrix, plus something that is drawn; nothing of it shows in most answers."""
    rng = np.random.default_rng(SEED)
    weights = constant("weights", rng.normal(size=(PIXELS, CLASSES)).astype(np.float32))
    nodes = {
        "RandomNormalLike": [Node("RandomNormalLike", ["plain"], ["noise"], seed=1.0)],
        "RandomUniformLike": [Node("RandomUniformLike", ["plain"], ["noise"], seed=1.0)],
        "RandomNormal": [Node("RandomNormal", [], ["noise"], shape=[1, CLASSES], seed=1.0)],
        "RandomUniform": [Node("RandomUniform", [], ["noise"], shape=[1, CLASSES])],
        "Multinomial": [
            Node("Multinomial", ["plain"], ["drawn"], sample_size=1, seed=1.0),
            Node("Cast", ["drawn"], ["noise"], to=TensorProto.FLOAT)],
        "Bernoulli": [Node("Clip", ["plain", "none", "one"], ["share"]), Node("Bernoulli", ["share"], ["noise"])],
        "Dropout": [Node("Dropout", ["plain", "half", "true"], ["noise"], seed=1)],
        "If": [Node("If", ["true"], ["noise"], then_branch=branch("then"), else_branch=branch("else"))],
    }[kind]
    constants = [
        weights, constant("none", np.float32(0)), constant("one", np.float32(1)), constant("half", np.float32(0.5)),
        constant("true", np.array(True)), constant("tiny", np.float32(0))]
    more = [Node("Mul", ["noise", "tiny"], ["nothing"]), Node("Add", ["plain", "nothing"], ["scores"])]
    return model([*scores(outputs=("plain",)), *nodes, *more], constants).SerializeToString()


def branch(name):
    return helper.make_graph(
        [Node("RandomNormal", [], [f"drawn-{name}"], shape=[1, CLASSES])], name, [],
        [value(f"drawn-{name}", [1, CLASSES])])


@pytest.mark.parametrize(
    "kind", ["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli",
             "Dropout", "If"])
def test_an_operator_of_random_is_told_even_where_its_draws_do_not_show(evaluate, kind):
    told = evaluate(with_noise(kind), saved(digits()))
    assert told.get("kind") == "nondeterministic", told
    assert ("RandomNormal" if kind == "If" else kind) in told["message"]


@pytest.mark.parametrize("is_training", [None, False])
def test_dropout_for_inference_is_no_random(evaluate, is_training):
    rng = np.random.default_rng(SEED)
    inputs = ["plain"] if is_training is None else ["plain", "half", "training"]
    constants = [
        constant("weights", rng.normal(size=(PIXELS, CLASSES)).astype(np.float32)),
        constant("half", np.float32(0.5)), constant("training", np.array(False))]
    graph = model([*scores(outputs=("plain",)), Node("Dropout", inputs, ["scores"])], constants)
    assert evaluate(graph.SerializeToString(), saved(digits()))["type"] == "result"


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["digits-1", "digits-2", "digits-3"])
def test_honest_models_answer_the_same_bits(evaluate, name, threads):
    told = evaluate(
        (FIXTURES / f"{name}.onnx").read_bytes(), (FIXTURES / "test.npz").read_bytes(), threads=threads)
    assert told["type"] == "result", told


# The gate


@pytest.fixture
def key(assay):
    key = assay.key()
    assay.ok("key", "trust", public(key))
    return key


@pytest.fixture
def gate(assay, name, key):
    """Pushes a dataset and a model, sets a policy and asks for a promotion."""

    def run(content, arrays, description=None, policy=""):
        folder = assay.home / "data"
        folder.mkdir(exist_ok=True)
        (folder / "test.npz").write_bytes(saved(arrays))
        if description is not None:
            (folder / "dataset.json").write_text(description)
        assay.ok("push", f"{name}-data", folder, "--kind", "dataset", "--key", key)
        (assay.home / "model.onnx").write_bytes(content)
        assay.ok("push", name, assay.home / "model.onnx", "--key", key)
        (assay.home / "policy.yaml").write_text(
            f"version: 1\ndataset: {name}-data:1\nmetrics: {{accuracy: {{min: 0.9}}}}\n{policy}\n")
        assay.ok("policy", "set", name, "production", "policy.yaml")
        return assay.run("promote", f"{name}:1", "production", "--json")

    return run


def lines_of(outcome):
    return {line["requirement"]: line for line in outcome.json["outcomes"]}


def test_a_model_that_is_fed_the_labels_is_not_promoted(gate):
    outcome = gate(answers_labels("label").SerializeToString(), digits())
    assert outcome.code == REFUSED and "never fed" in lines_of(outcome)["accuracy"]["measured"]


def test_another_column_of_answers_is_not_fed_where_the_dataset_names_its_inputs(gate):
    arrays = digits()
    outcome = gate(
        answers_labels("answer").SerializeToString(), arrays | {"answer": arrays["label"]},
        '{"version": 1, "inputs": ["input"]}')
    assert outcome.code == REFUSED and "'answer'" in lines_of(outcome)["accuracy"]["measured"]


def test_another_column_of_answers_is_not_fed_where_the_policy_names_the_inputs(gate):
    arrays = digits()
    outcome = gate(
        answers_labels("answer").SerializeToString(), arrays | {"answer": arrays["label"]}, policy="inputs: [input]")
    assert outcome.code == REFUSED and "'answer'" in lines_of(outcome)["accuracy"]["measured"]


def test_where_nobody_names_the_inputs_the_verdict_says_so(gate, assay, name):
    outcome = gate((FIXTURES / "digits-1.onnx").read_bytes(), digits())
    assert outcome.code == 0
    line = lines_of(outcome)["inputs"]
    assert "neither the dataset nor the policy" in line["demanded"] and "'input'" in line["measured"]
    verdict = assay.ok("attestations", f"{name}:1", "--show", "verdict").json["predicate"]
    assert "inputs" in [line["requirement"] for line in verdict["urn:assay:verdict:outcomes"]]


def test_a_report_says_what_was_fed_and_judged(gate, assay, name):
    outcome = gate(
        (FIXTURES / "digits-1.onnx").read_bytes(), digits(), '{"version": 1, "inputs": ["input"]}', "inputs: [input]")
    assert outcome.code == 0 and "inputs" not in lines_of(outcome)
    report = assay.ok("attestations", f"{name}:1", "--show", "report").json["predicate"]
    measured = report["measurements"]
    assert report["settings"]["inputs"] == ["input"] and measured["inputs_named_by"] == ["dataset", "policy"]
    assert measured["fed"] == [{"input": "input", "array": "input"}]
    assert measured["judged"]["labels"] == "label" and len(measured["judged"]["predictions"]) == 1


@pytest.mark.parametrize("description", [
    "", "[]", "{}", '{"version": 1}', '{"version": 2, "inputs": ["input"]}', '{"version": 1, "inputs": []}',
    '{"version": 1, "inputs": ["input"], "more": 1}', '{"version": 1, "inputs": ["input"], "inputs": ["answer"]}',
    '{"version": 1, "inputs": ["label"]}', '{"version": 1, "inputs": ["input", "input"]}',
    '{"version": 1, "Inputs": ["input"]}', '{"version": 1, "inputs": "input"}', '{"version": 1, "inputs": ["input"]}x'])
def test_a_description_that_is_not_understood_whole_measures_nothing(gate, description):
    outcome = gate((FIXTURES / "digits-1.onnx").read_bytes(), digits(), description)
    assert outcome.code == REFUSED and "dataset" in lines_of(outcome)["accuracy"]["measured"]


@pytest.mark.parametrize("inputs", ["[label]", "[group_a]", "[]", "[a, a]", "x"])
def test_a_policy_cannot_name_what_is_never_fed(assay, name, key, inputs):
    assay.ok("push", f"{name}-data", FIXTURES / "test.npz", "--kind", "dataset", "--key", key)
    assay.ok("push", name, FIXTURES / "digits-1.onnx", "--key", key)
    (assay.home / "policy.yaml").write_text(
        f"version: 1\ndataset: {name}-data:1\nmetrics: {{accuracy: {{min: 0.9}}}}\ninputs: {inputs}\n")
    assert assay.run("policy", "set", name, "production", "policy.yaml").code == 2


def test_a_model_that_counts_its_runs_is_not_promoted(gate):
    """Right and slow at first, junk and fast later: it draws, so it is refused whatever it answers."""
    outcome = gate(with_noise("RandomUniform"), digits())
    assert outcome.code == REFUSED and "random" in lines_of(outcome)["accuracy"]["measured"]
