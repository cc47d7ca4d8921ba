"""ONNX models that are built to hurt whoever loads or runs them, and a few that only look so."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
PIXELS = 64
CLASSES = 10

Node = helper.make_node


def value(name, shape, element_type=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, element_type, shape)


INPUT = value("input", ["batch", PIXELS])
OUTPUT = value("scores", ["batch", CLASSES])


def constant(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


WEIGHTS = constant("weights", np.ones((PIXELS, CLASSES), np.float32))


def model(nodes, initializers=(WEIGHTS,), inputs=(INPUT,), outputs=(OUTPUT,), opsets=(), **fields):
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), list(initializers))
    imports = [helper.make_opsetid("", OPSET), *(helper.make_opsetid(domain, 1) for domain in opsets)]
    return helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION, **fields)


def linear(*more, **fields):
    """A small model that works, with more nodes than it needs."""
    return model([Node("MatMul", ["input", "weights"], ["scores"]), *more], **fields)


def with_external_data(location, offset="0", length=str(4 * PIXELS * CLASSES)):
    """A small model whose weights lie in another file."""
    weights = TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[PIXELS, CLASSES])
    weights.data_location = TensorProto.EXTERNAL
    for key, text in (("location", location), ("offset", offset), ("length", length)):
        if text is not None:
            weights.external_data.add(key=key, value=text)
    return linear(initializers=[weights]).SerializeToString()


# Protobuf by hand, for what the library would not write


def varint(number):
    data = bytearray()
    while number > 0x7f:
        data.append(number & 0x7f | 0x80)
        number >>= 7
    return bytes([*data, number])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def nested_groups(depth=10_000):
    return bytes([0x0b]) * depth


def nested_graphs(depth=10_000):
    """A graph in an attribute of a node in a graph, and so on. Built inside out, as lengths stand in front."""
    parts = [b""]
    length = 0
    for _ in range(depth):
        for number in (6, 5, 1):
            head = varint(number << 3 | 2) + varint(length)
            parts.append(head)
            length += len(head)
    return b"\x08\x08" + field(8, b"\x10\x11") + varint(7 << 3 | 2) + varint(length) + b"".join(reversed(parts))


def of_many(number, part, count=1_000_000):
    """A graph with one message a million times."""
    return b"\x08\x08" + field(8, b"\x10\x11") + field(7, field(number, part) * count)


def many_nodes():
    return of_many(1, field(1, b"input") + field(2, b"y") + field(4, b"Relu"))


def many_outputs():
    return of_many(12, field(1, b"scores"))


def long_names(length=10 << 20):
    return linear(Node("Relu", ["scores"], ["x" * length])).SerializeToString()


# Graphs


def overflowing_axes():
    weights = TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[2**40, 2**40])
    return linear(initializers=[weights]).SerializeToString()


def overflowing_shape():
    """The shape is computed, so that only running finds it."""
    return model(
        [Node("ConstantOfShape", ["shape"], ["huge"]), Node("ReduceSum", ["huge"], ["sum"]),
         Node("MatMul", ["input", "weights"], ["product"]), Node("Add", ["product", "sum"], ["scores"])],
        [WEIGHTS, constant("shape", np.array([2**40, 2**40], np.int64))]).SerializeToString()


def memory_hog():
    """Asks for 16 TiB while it runs."""
    return model(
        [Node("ConstantOfShape", ["shape"], ["huge"]), Node("ReduceSum", ["huge"], ["sum"]),
         Node("MatMul", ["input", "weights"], ["product"]), Node("Add", ["product", "sum"], ["scores"])],
        [WEIGHTS, constant("shape", np.array([2**42], np.int64))]).SerializeToString()


def loop(body_nodes, rounds=2**62):
    """A node that runs nodes over `state` again and again."""
    body = helper.make_graph(
        body_nodes, "body", [value("round", [], TensorProto.INT64), value("going", [], TensorProto.BOOL),
                             value("state", ["batch", CLASSES])],
        [value("goes_on", [], TensorProto.BOOL), value("next", ["batch", CLASSES])],
        [constant("rounds_within", np.int64(rounds)), constant("yes_within", True)])
    return Node("Loop", ["rounds", "yes", "product"], ["scores"], body=body)


def nested_loops():
    inner = helper.make_graph(
        [Node("Identity", ["inner_going"], ["inner_goes_on"]), Node("Relu", ["inner_state"], ["inner_next"])], "inner",
        [value("inner_round", [], TensorProto.INT64), value("inner_going", [], TensorProto.BOOL),
         value("inner_state", ["batch", CLASSES])],
        [value("inner_goes_on", [], TensorProto.BOOL), value("inner_next", ["batch", CLASSES])])
    outer = loop([Node("Loop", ["rounds_within", "yes_within", "state"], ["next"], body=inner),
                  Node("Identity", ["going"], ["goes_on"])])
    return model(
        [Node("MatMul", ["input", "weights"], ["product"]), outer],
        [WEIGHTS, constant("rounds", np.int64(2**62)), constant("yes", True)]).SerializeToString()


def calls(function_of, count):
    """A model whose functions call each other as `function_of` says."""
    functions = [
        helper.make_function(
            "local", f"F{number}", ["x"], ["y"], [Node(f"F{function_of(number)}", ["x"], ["y"], domain="local")],
            [helper.make_opsetid("", OPSET), helper.make_opsetid("local", 1)])
        for number in range(count)]
    functions.append(
        helper.make_function("local", f"F{count}", ["x"], ["y"], [Node("Relu", ["x"], ["y"])],
                             [helper.make_opsetid("", OPSET)]))
    return model(
        [Node("MatMul", ["input", "weights"], ["product"]), Node("F0", ["product"], ["scores"], domain="local")],
        opsets=["local"], functions=functions).SerializeToString()


def function_chain():
    return calls(lambda number: number + 1, 3_000)


def function_recursion():
    return calls(lambda number: 0, 1)


def unknown_domain():
    return model(
        [Node("Read", ["input"], ["scores"], domain="com.example.files")], opsets=["com.example.files"]
    ).SerializeToString()


def cycle():
    return model([
        Node("Add", ["input", "b"], ["a"]), Node("Relu", ["a"], ["b"]), Node("MatMul", ["b", "weights"], ["scores"])
    ]).SerializeToString()


def duplicate_names():
    return linear(Node("Relu", ["input"], ["scores"])).SerializeToString()


def missing_input():
    return model([Node("MatMul", ["absent", "weights"], ["scores"])]).SerializeToString()


def string_tensor():
    return model(
        [Node("Identity", ["text"], ["scores"])], [constant("text", np.array(["a"], object))],
        outputs=[value("scores", [1], TensorProto.STRING)]).SerializeToString()


def sparse_tensor():
    sparse = helper.make_sparse_tensor(
        helper.make_tensor("weights", TensorProto.FLOAT, [1], [1.0]),
        helper.make_tensor("places", TensorProto.INT64, [1], [3]), [PIXELS, CLASSES])
    built = linear(initializers=[])
    built.graph.sparse_initializer.append(sparse)
    return built.SerializeToString()


def sequence_output():
    return model(
        [Node("SequenceConstruct", ["input"], ["scores"])],
        outputs=[helper.make_tensor_sequence_value_info("scores", TensorProto.FLOAT, None)]).SerializeToString()


def optional_output():
    kind = helper.make_optional_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, ["batch", PIXELS]))
    return model(
        [Node("Optional", ["input"], ["scores"])], outputs=[helper.make_value_info("scores", kind)]
    ).SerializeToString()


def with_metadata(**entries):
    built = linear(producer_name="a\x1b[31mb\x00c", producer_version="v" * (10 << 20))
    helper.set_model_props(built, entries)
    return built.SerializeToString()
