"""Models made for the purpose: chains of matrices, whose time is in proportion to their length."""

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

# Narrow and in batches, so that arithmetic is timed and not memory.
WIDTH, BATCH = 256, 64
# Layers of models of about 1 ms and 5 ms here; layers more are the planted difference.
SMALL, LARGE = 10, 60


def chain(path, layers):
    """A model that multiplies its input by so many matrices, and takes a time in proportion to them."""
    random_numbers = numpy.random.default_rng(1)
    nodes, weights = [], []
    for layer in range(layers):
        matrix = (random_numbers.standard_normal((WIDTH, WIDTH)) / WIDTH**0.5).astype(numpy.float32)
        weights.append(numpy_helper.from_array(matrix, f"w{layer}"))
        nodes.append(helper.make_node("MatMul", ["x" if layer == 0 else f"h{layer}", f"w{layer}"], [f"h{layer + 1}"]))
    graph = helper.make_graph(
        nodes, "chain", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", WIDTH])],
        [helper.make_tensor_value_info(f"h{layers}", TensorProto.FLOAT, ["n", WIDTH])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    return path


def dataset(path, batches=1):
    values = numpy.random.default_rng(2)
    rows = BATCH * batches
    numpy.savez(
        path, x=values.standard_normal((rows, WIDTH)).astype(numpy.float32), label=numpy.zeros(rows, dtype=numpy.int64))
    return path
