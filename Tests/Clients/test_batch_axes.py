"""Inputs whose samples lie along another axis than the first, as the dataset says it; ONNX Runtime in Python judges."""

import json

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper
from sklearn.metrics import accuracy_score

REFUSED = 7
SAMPLES, LAYERS, WIDTH = 90, 2, 3


def recurrent(batch="n"):
    """Scores are a sample's features and the sum of its state over the layers; the state goes on, doubled."""
    nodes = [
        helper.make_node("ReduceSum", ["state", "axes"], ["sum"], keepdims=0),
        helper.make_node("Add", ["x", "sum"], ["scores"]), helper.make_node("Add", ["state", "state"], ["state_out"])]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, WIDTH]),
         helper.make_tensor_value_info("state", TensorProto.FLOAT, [LAYERS, batch, WIDTH])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, WIDTH]),
         helper.make_tensor_value_info("state_out", TensorProto.FLOAT, [LAYERS, batch, WIDTH])],
        [helper.make_tensor("axes", TensorProto.INT64, [1], [0])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def data():
    generator = np.random.default_rng(15)
    arrays = {
        "x": generator.normal(size=(SAMPLES, WIDTH)).astype(np.float32),
        "state": generator.normal(size=(LAYERS, SAMPLES, WIDTH)).astype(np.float32)}
    noisy = arrays["x"] + arrays["state"].sum(axis=0) + generator.normal(scale=0.7, size=(SAMPLES, WIDTH))
    return arrays | {"label": noisy.argmax(axis=1)}


@pytest.fixture
def measure(assay, name, tmp_path):
    def run(model, arrays, axes, *options, inputs=("x", "state")):
        folder = tmp_path / "data"
        folder.mkdir()
        np.savez(folder / "data.npz", **arrays)
        (folder / "dataset.json").write_text(
            json.dumps({"version": 1, "inputs": list(inputs)} | ({"batch_axes": axes} if axes is not None else {})))
        (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
        assay.ok("push", f"{name}-data", "data", "--kind", "dataset")
        assay.ok("push", name, "model.onnx")
        return assay.run("verify", f"{name}:1", "--dataset", f"{name}-data:1", "--runs", "10", "--json", *options)
    return run


@pytest.mark.parametrize(("batch", "options"), [("n", ()), ("n", ("--batch", "16")), (7, ())])
def test_a_state_with_its_samples_along_the_second_axis_is_fed(measure, batch, options):
    arrays = data()
    if batch == 7:
        arrays = {name: array[:, :84] if name == "state" else array[:84] for name, array in arrays.items()}
    outcome = measure(recurrent(batch), arrays, {"state": 1, "state_out": 1}, *options)
    assert outcome.code == 0, outcome
    measured = outcome.json["measurements"]
    session = onnxruntime.InferenceSession(recurrent().SerializeToString())
    scores, _ = session.run(None, {"x": arrays["x"], "state": arrays["state"]})
    assert measured["metrics"]["accuracy"] == pytest.approx(accuracy_score(arrays["label"], scores.argmax(axis=1)))
    assert measured["batch_invariant"]["exact"] is True, measured["batch_invariant"]


def test_without_the_mapping_the_state_does_not_fit(measure):
    outcome = measure(recurrent(), data(), None)
    assert outcome.code == REFUSED
    assert outcome.json["failure"]["kind"] == "invalid-dataset" and "batch_axes" in outcome.json["failure"]["remedy"]


@pytest.mark.parametrize(("axes", "word"), [
    ({"state": 2}, "has 3 rows"), ({"state": 3}, "dimension 3"), ({"stat": 1}, "'stat'"),
    ({"state": 1, "x": 1}, "has 3 rows"), ({"state": -1}, "-1"), ({"label": 1}, "'label'")])
def test_a_mapping_that_does_not_fit_is_refused(measure, axes, word):
    outcome = measure(recurrent(), data(), axes)
    assert outcome.code == REFUSED, outcome
    assert word in outcome.json["failure"]["message"], outcome
