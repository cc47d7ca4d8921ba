"""What a failure is called, and what a repository is: both stay what they are."""

import numpy as np
import pytest
from harness import FIXTURES
from hostile_models import IR_VERSION, OPSET, WEIGHTS, Node, constant, model
from onnx import helper
from test_figures import evaluate  # noqa: F401  (a fixture)

CONFLICT = 5
DATASET = FIXTURES / "test.npz"
BASE = Node("MatMul", ["input", "weights"], ["product"])
ADDED = Node("Add", ["product", "sum"], ["scores"])


def fails(*nodes, **constants):
    """A model whose last steps add a number to the scores, by way of these nodes."""
    return model([BASE, *nodes], [WEIGHTS, *(constant(name, array) for name, array in constants.items())])


def grows(operator, amount, name="amount"):
    return fails(
        Node(operator, ["product", name], ["huge"]), Node("ReduceMax", ["huge"], ["sum"], keepdims=0), ADDED,
        **{name: np.array(amount, np.int64)})


def picks(operator, *more, offset=100_000, **fields):
    """The index comes of the answers, so that only a run finds it out of range."""
    return fails(
        Node("ArgMax", ["product"], ["best"], axis=1), Node("Add", ["best", "offset"], ["index"]),
        Node(operator, ["product", "index", *more], ["part"], **fields),
        Node("ReduceSum", ["part"], ["sum"], keepdims=0), ADDED, offset=np.int64(offset))


def of_version(ir_version=IR_VERSION, opsets=(("", OPSET),)):
    made = model([BASE, Node("Identity", ["product"], ["scores"])])
    made.ir_version = ir_version
    del made.opset_import[:]
    made.opset_import.extend(helper.make_opsetid(*opset) for opset in opsets)
    return made


def kind_of(evaluate, made):  # noqa: F811
    told = evaluate(made.SerializeToString(), DATASET.read_bytes())
    assert told["type"] == "failure", told
    return told["kind"]


@pytest.mark.parametrize("made", [
    pytest.param(grows("Tile", [1 << 20, 1 << 18]), id="tile"),
    pytest.param(grows("Tile", [1 << 40, 1 << 40]), id="tile-beyond-64-bits"),
    pytest.param(grows("Expand", [1 << 34, 1, 1]), id="expand"),
    pytest.param(grows("Expand", [1 << 62, 1, 1]), id="expand-beyond-64-bits"),
    pytest.param(grows("Pad", [0, 0, 1 << 40, 0]), id="pad"),
])
def test_a_model_that_needs_a_terabyte_meets_the_limit_of_resources(evaluate, made):  # noqa: F811
    assert kind_of(evaluate, made) == "resource-limit"


@pytest.mark.parametrize("made", [
    pytest.param(picks("Gather"), id="gather"),
    pytest.param(picks("GatherElements", axis=1), id="gather-elements"),
    pytest.param(picks("GatherND"), id="gather-nd"),
    pytest.param(fails(
        Node("Gather", ["product", "far"], ["part"], axis=1), Node("Add", ["product", "part"], ["scores"]),
        far=np.array([99], np.int64)), id="constant"),
    pytest.param(fails(
        Node("Cast", ["product"], ["whole"], to=7), Node("Sub", ["whole", "whole"], ["zero"]),
        Node("Div", ["whole", "zero"], ["quotient"]), Node("Cast", ["quotient"], ["scores"], to=1)), id="zero"),
])
def test_an_index_out_of_range_is_the_fault_of_the_model(evaluate, made):  # noqa: F811
    assert kind_of(evaluate, made) == "invalid-model"


@pytest.mark.parametrize("made", [
    pytest.param(of_version(99), id="format-of-the-future"),
    pytest.param(of_version(2**40), id="format-of-a-far-future"),
    pytest.param(of_version(opsets=[]), id="no-operator-set"),
    pytest.param(of_version(opsets=[("", 999)]), id="operator-set-of-the-future"),
    pytest.param(of_version(opsets=[("", 0)]), id="operator-set-zero"),
])
def test_a_version_that_the_runtime_does_not_have_is_unsupported(evaluate, made):  # noqa: F811
    assert kind_of(evaluate, made) == "unsupported-operator"


@pytest.mark.parametrize(("kind", "other"), [("model", "dataset"), ("dataset", "model")])
def test_an_emptied_repository_keeps_its_kind(assay, name, kind, other):
    files = {"model": FIXTURES / "digits-1.onnx", "dataset": DATASET}
    assay.ok("push", name, files[kind], "--kind", kind)
    if kind == "model":
        (assay.home / "policy.yaml").write_text("version: 1\n")
        assay.ok("policy", "set", name, "production", "policy.yaml")
    assay.ok("delete", f"{name}:1")
    refused = assay.run("push", name, files[other], "--kind", other, "--json")
    assert refused.code == CONFLICT and refused.json["code"] == "kind-conflict", refused
    assay.ok("push", name, files[kind], "--kind", kind)
