"""Weights that stand in other places than most: tables, Constant nodes, subgraphs, values one by one. What `assay
optimize` makes of them is judged by ONNX's checker, by ONNX Runtime, and by the size of what its own tool makes."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

PRECISIONS = ["fp16", "int8-weights", "int8-dynamic"]
# Shares of the largest output; see test_optimize.py.
TOLERANCE = {"fp16": 0.002, "int8-weights": 0.03, "int8-dynamic": 0.06}
TOKENS, WIDTH, INNER, LAYERS = 4_000, 96, 192, 2


def drawn(*shape, seed=15):
    generator = np.random.default_rng([seed, *shape])
    return (generator.standard_normal(shape) / np.sqrt(shape[-2] if len(shape) > 1 else 1)).astype(np.float32)


def proto(nodes, outputs, initializers, inputs=None):
    inputs = inputs or [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "length"])]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
    tensors = [
        value if isinstance(value, TensorProto) else numpy_helper.from_array(value, name)
        for name, value in initializers.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs, tensors), ir_version=8,
        opset_imports=[helper.make_opsetid("", 17)])
    onnx.checker.check_model(model, full_check=True)
    return model


def sentence_encoder():
    """An encoder as small text models are: most of it is the table of words."""
    nodes = [helper.make_node("Gather", ["words", "ids"], ["h0"])]
    weights = {"words": drawn(TOKENS, WIDTH) * 8, "one": np.array([1], np.int64)}
    for layer in range(LAYERS):
        for name, (rows, columns) in {"up": (WIDTH, INNER), "down": (INNER, WIDTH)}.items():
            weights[f"{name}{layer}"] = drawn(rows, columns, seed=layer)
        nodes += [
            helper.make_node("MatMul", [f"h{layer}", f"up{layer}"], [f"u{layer}"]),
            helper.make_node("Tanh", [f"u{layer}"], [f"t{layer}"]),
            helper.make_node("MatMul", [f"t{layer}", f"down{layer}"], [f"d{layer}"]),
            helper.make_node("Add", [f"h{layer}", f"d{layer}"], [f"h{layer + 1}"])]
    nodes.append(helper.make_node("ReduceMean", [f"h{LAYERS}"], ["y"], axes=[1], keepdims=0))
    del weights["one"]
    return proto(nodes, {"y": ["batch", WIDTH]}, weights)


def with_constants():
    """The same weights as `Constant` nodes, as some exporters write them."""
    model = sentence_encoder()
    constants = [
        helper.make_node("Constant", [], [tensor.name], value=numpy_helper.from_array(numpy_helper.to_array(tensor)))
        for tensor in model.graph.initializer]
    return proto(constants + list(model.graph.node), {"y": ["batch", WIDTH]}, {})


def with_branches():
    """A condition whose branches have weights and a table of their own."""
    def branch(name, parts, initializers):
        value = helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, ["batch", "length", WIDTH])
        tensors = [numpy_helper.from_array(array, key) for key, array in initializers.items()]
        return helper.make_graph(parts, name, [], [value], tensors)
    then = branch(
        "then", [helper.make_node("Gather", ["small", "ids"], ["then_g"]),
                 helper.make_node("MatMul", ["then_g", "then_w"], ["then_y"])],
        {"small": drawn(TOKENS, WIDTH, seed=1), "then_w": drawn(WIDTH, WIDTH, seed=2)})
    other = branch(
        "else", [helper.make_node("Constant", [], ["else_w"], value=numpy_helper.from_array(drawn(WIDTH, WIDTH))),
                 helper.make_node("Gather", ["words", "ids"], ["else_g"]),
                 helper.make_node("MatMul", ["else_g", "else_w"], ["else_y"])], {"words": drawn(TOKENS, WIDTH)})
    nodes = [
        helper.make_node("ReduceMax", ["ids"], ["top"], keepdims=0),
        helper.make_node("Less", ["top", "bound"], ["low"]),
        helper.make_node("If", ["low"], ["y"], then_branch=then, else_branch=other)]
    return proto(
        nodes, {"y": ["batch", "length", WIDTH]},
        {"bound": np.array(TOKENS // 2, np.int64)})


def with_single_values():
    """Values as `float_data`, in fields of their own."""
    model = sentence_encoder()
    data = model.SerializeToString()
    for tensor in list(model.graph.initializer)[1:]:
        values = numpy_helper.to_array(tensor)
        head = TensorProto(name=tensor.name, data_type=TensorProto.FLOAT, dims=values.shape).SerializeToString()
        # Field 4 of the wire type of four bytes, as writers before proto3 had it.
        single = head + b"".join(b"\x25" + value.tobytes() for value in values.flatten())
        old = tensor.SerializeToString()
        field = b"\x2a" + varint(len(old)) + old
        assert data.count(field) == 1
        data = data.replace(field, b"\x2a" + varint(len(single)) + single)
    # The length of the graph, which is the only field of its number.
    inner = onnx.ModelProto.FromString(model.SerializeToString())
    graph = inner.graph.SerializeToString()
    grown = len(graph) + len(data) - len(model.SerializeToString())
    old = b"\x3a" + varint(len(graph))
    assert data.count(old) == 1
    return data.replace(old, b"\x3a" + varint(grown))


def varint(number):
    data = bytearray()
    while number > 0x7f:
        data.append(number & 0x7f | 0x80)
        number >>= 7
    return bytes([*data, number])


MODELS = {
    "encoder": sentence_encoder, "constants": with_constants, "branches": with_branches,
    "single-values": with_single_values}


def answers(path, ids):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"ids": ids})[0]


def optimized(assay, name, model, precision):
    original = assay.home / "model.onnx"
    original.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    assay.ok("push", name, original)
    assay.ok("optimize", f"{name}:1", "--precision", precision)
    assay.ok("pull", f"{name}:2", "out")
    return original, assay.home / "out" / "model.onnx"


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("kind", MODELS)
def test_weights_in_every_place_are_rewritten(assay, name, kind, precision):
    original, rewritten = optimized(assay, name, MODELS[kind](), precision)
    onnx.checker.check_model(str(rewritten), full_check=True)
    for top in (TOKENS // 2 - 1, TOKENS - 1):
        ids = np.random.default_rng(top).integers(0, top, size=(3, 7))
        ids[0, 0] = top
        expected, given = answers(original, ids), answers(rewritten, ids)
        difference = np.abs(expected - given).max() / np.abs(expected).max()
        assert 0 < difference <= TOLERANCE[precision], difference
    share = 0.52 if precision == "fp16" else 0.28
    assert rewritten.stat().st_size <= share * original.stat().st_size


def test_a_text_model_shrinks_as_by_the_runtimes_own_tool(assay, name):
    original, rewritten = optimized(assay, name, sentence_encoder(), "int8-dynamic")
    other = assay.home / "other.onnx"
    quantize_dynamic(original, other, weight_type=QuantType.QInt8)
    # A scale for each word, where the other tool has one for all of them, is four bytes for 96.
    assert rewritten.stat().st_size <= 1.06 * other.stat().st_size
    ids = np.random.default_rng(15).integers(0, TOKENS, size=(8, 12))
    expected = answers(original, ids)
    errors = [np.abs(expected - answers(path, ids)).max() for path in (rewritten, other)]
    assert errors[0] <= errors[1], errors


@pytest.mark.parametrize("kind", MODELS)
def test_show_counts_weights_in_every_place(assay, name, kind):
    model = MODELS[kind]()
    (assay.home / "model.onnx").write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    assay.ok("push", name, "model.onnx")
    expected = TOKENS * WIDTH + LAYERS * 2 * WIDTH * INNER
    if kind == "branches":
        expected = 2 * (TOKENS * WIDTH + WIDTH * WIDTH) + 1
    assert assay.ok("show", f"{name}:1", "--json").json["version"]["model"]["parameter_count"] == expected
