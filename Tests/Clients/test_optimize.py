"""Variants: what `assay optimize` writes, judged by ONNX's own checker and by ONNX Runtime, and `assay select`."""

import json
import shutil

import numpy
import onnx
import onnxruntime
import pytest
from harness import FIXTURES, Assay, Registry
from onnx import TensorProto, helper, numpy_helper

USAGE, NOT_FOUND, REFUSED = 2, 3, 7
PRECISIONS = ["fp16", "int8-weights", "int8-dynamic"]
# The largest difference of an output, as a share of the largest output. float16 has 11 significant bits and int8
# weights 255 steps; int8-dynamic has 129 steps for weights and 256 for activations. Layers add up.
TOLERANCE = {"fp16": 0.002, "int8-weights": 0.03, "int8-dynamic": 0.06}
RANDOM = numpy.random.default_rng(20261125)


def weights(*shape):
    return (RANDOM.standard_normal(shape) / numpy.sqrt(shape[0])).astype(numpy.float32)


def model(nodes, inputs, outputs, initializers, opset=17, **options):
    """A checked model with float32 inputs and outputs."""
    def values(shapes):
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    graph = helper.make_graph(
        nodes, "graph", values(inputs), values(outputs),
        [numpy_helper.from_array(array, name) for name, array in initializers.items()])
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, **options)
    onnx.checker.check_model(result, full_check=True)
    return result


def mlp(opset=17):
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["h"], "first"), helper.make_node("Add", ["h", "b1"], ["a"]),
        helper.make_node("Relu", ["a"], ["r"]), helper.make_node("MatMul", ["r", "w2"], ["y"], "second"),
    ]
    return model(
        nodes, {"x": ["batch", 32]}, {"y": ["batch", 16]},
        {"w1": weights(32, 64), "b1": weights(64), "w2": weights(64, 16)}, opset)


def gemm(opset=17):
    """Transposed weights, a factor and a bias, and both products of one input."""
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "c"], ["a"], transB=1, alpha=0.5),
        helper.make_node("Gemm", ["x", "w2"], ["b"]), helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    return model(
        nodes, {"x": ["batch", 32]}, {"y": ["batch", 24]},
        {"w1": weights(24, 32), "c": weights(24), "w2": weights(32, 24)}, opset)


def cnn(opset=17):
    nodes = [
        helper.make_node("Conv", ["x", "k1", "b1"], ["c1"], pads=[1, 1, 1, 1]), helper.make_node("Relu", ["c1"], ["r"]),
        helper.make_node("Conv", ["r", "k2"], ["c2"], group=2), helper.make_node("GlobalAveragePool", ["c2"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]), helper.make_node("Gemm", ["f", "w"], ["y"]),
    ]
    return model(
        nodes, {"x": ["batch", 3, 8, 8]}, {"y": ["batch", 32]},
        {"k1": weights(16, 3, 3, 3), "b1": weights(16), "k2": weights(32, 8, 3, 3), "w": weights(32, 32)}, opset)


def branches(opset=17):
    """A subgraph that takes the weights of a product around it."""
    def branch(name, node):
        value = helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, ["batch", 32])
        return helper.make_graph([node], name, [], [value])
    then = branch("then", helper.make_node("MatMul", ["h", "w"], ["then_y"]))
    other = branch("else", helper.make_node("Sub", ["h", "b"], ["else_y"]))
    nodes = [
        helper.make_node("MatMul", ["x", "v"], ["g"]), helper.make_node("MatMul", ["g", "w"], ["h"]),
        helper.make_node("ReduceSum", ["x"], ["s"], keepdims=0),
        helper.make_node("Greater", ["s", "zero"], ["positive"]),
        helper.make_node("If", ["positive"], ["y"], then_branch=then, else_branch=other),
    ]
    return model(
        nodes, {"x": ["batch", 32]}, {"y": ["batch", 32]},
        {"v": weights(32, 32), "w": weights(32, 32), "b": weights(32), "zero": numpy.array(0, numpy.float32)}, opset)


def attention(opset=17):
    """Products over more than two axes, and weights that another operator uses as well."""
    nodes = [
        helper.make_node("MatMul", ["x", "q"], ["a"]), helper.make_node("MatMul", ["x", "k"], ["b"]),
        helper.make_node("Mul", ["a", "b"], ["m"]), helper.make_node("Transpose", ["k"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["m", "t"], ["y"]),
    ]
    return model(
        nodes, {"x": ["batch", 5, 32]}, {"y": ["batch", 5, 32]}, {"q": weights(32, 32), "k": weights(32, 32)}, opset)


MODELS = {"mlp": mlp, "gemm": gemm, "cnn": cnn, "branches": branches, "attention": attention}


def run(path, inputs):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def check(original, rewritten, precision, shape):
    """The checker accepts what was written, and it answers as the original does; returns the rewritten model."""
    onnx.checker.check_model(str(rewritten), full_check=True)
    for sign in (1, -1):
        inputs = {"x": sign * numpy.abs(RANDOM.standard_normal(shape)).astype(numpy.float32)}
        for expected, given in zip(run(original, inputs), run(rewritten, inputs), strict=True):
            assert expected.dtype == given.dtype and expected.shape == given.shape
            difference = numpy.abs(expected - given).max() / numpy.abs(expected).max()
            assert 0 < difference <= TOLERANCE[precision], difference
    return onnx.load(rewritten)


def optimize(assay, name, proto, precision, *options):
    """Pushes a model, optimizes it and pulls the result; returns the paths of both and what the command said."""
    original = assay.home / "model.onnx"
    onnx.save(proto, original)
    assay.ok("push", name, original, "--license", "MIT")
    outcome = assay.ok("optimize", f"{name}:1", "--precision", precision, "--json", *options)
    assay.ok("pull", f"{name}:2", "out")
    return original, assay.home / "out" / "model.onnx", outcome.json


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("kind", MODELS)
def test_a_rewritten_model_passes_the_checker_and_answers_as_its_parent(assay, name, kind, precision):
    proto = MODELS[kind]()
    shape = [4] + [axis.dim_value for axis in proto.graph.input[0].type.tensor_type.shape.dim[1:]]
    original, rewritten, said = optimize(assay, name, proto, precision)
    result = check(original, rewritten, precision, shape)
    stored = {initializer.data_type for initializer in result.graph.initializer}
    assert (TensorProto.FLOAT16 if precision == "fp16" else TensorProto.INT8) in stored
    assert said["rewrite"]["tensor_count"] >= 1
    assert said["rewrite"]["model_bytes_after"] == rewritten.stat().st_size
    assert said["rewrite"]["tensor_bytes_after"] < said["rewrite"]["tensor_bytes_before"] * 0.51


@pytest.mark.parametrize("precision, opset", [
    ("fp16", 7), ("fp16", 21), ("int8-weights", 13), ("int8-weights", 21), ("int8-dynamic", 11), ("int8-dynamic", 21)])
def test_every_operator_set_from_the_first_one_on_is_taken(assay, name, precision, opset):
    original, rewritten, _ = optimize(assay, name, mlp(opset), precision)
    check(original, rewritten, precision, [4, 32])


@pytest.mark.parametrize("precision, opset", [("int8-weights", 12), ("int8-dynamic", 10)])
def test_an_older_operator_set_is_refused_with_a_next_step(assay, name, precision, opset):
    onnx.save(mlp(opset), assay.home / "model.onnx")
    assay.ok("push", name, "model.onnx")
    outcome = assay.run("optimize", f"{name}:1", "--precision", precision)
    assert outcome.code == REFUSED and "operator set" in outcome.err and "export" in outcome.err
    assert assay.run("show", f"{name}:2").code == NOT_FOUND


@pytest.mark.parametrize("precision", PRECISIONS)
def test_weights_of_other_files_are_taken_in(assay, name, precision):
    folder = assay.home / "model"
    (folder / "sub").mkdir(parents=True)
    proto = mlp()
    onnx.save(proto, assay.home / "whole.onnx")
    onnx.save(
        proto, folder / "sub" / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    (folder / "README.md").write_text("stays\n")
    assay.ok("push", name, folder)
    said = assay.ok("optimize", f"{name}:1", "--precision", precision, "--json").json
    assert said["rewrite"]["inlined_files"] == ["sub/weights.bin"]
    assay.ok("pull", f"{name}:2", "out")
    assert not (assay.home / "out" / "sub" / "weights.bin").exists()
    assert (assay.home / "out" / "README.md").read_text() == "stays\n"
    check(assay.home / "whole.onnx", assay.home / "out" / "sub" / "model.onnx", precision, [4, 32])


@pytest.mark.parametrize("location", ["../other.bin", "sub/../../other.bin", "/etc/hostname", "absent.bin", ""])
def test_weights_are_taken_from_the_versions_own_files_alone(assay, name, location):
    proto = mlp()
    for tensor in proto.graph.initializer:
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
    folder = assay.home / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "other.bin").write_bytes(bytes(1 << 16))
    (folder / "sub" / "model.onnx").write_bytes(proto.SerializeToString())
    assay.ok("push", name, folder)
    outcome = assay.run("optimize", f"{name}:1", "--precision", "fp16", "--json")
    assert outcome.code == REFUSED and outcome.json["code"] == "model-invalid", outcome


def test_weights_that_another_model_needs_stay(assay, name):
    folder = assay.home / "model"
    folder.mkdir()
    whole = mlp().SerializeToString()
    for file in ("a.onnx", "b.onnx"):
        (folder / "weights.bin").unlink(missing_ok=True)
        onnx.save(
            onnx.ModelProto.FromString(whole), folder / file, save_as_external_data=True, location="weights.bin",
            size_threshold=0)
    assay.ok("push", name, folder)
    assay.ok("optimize", f"{name}:1", "--precision", "fp16", "--file", "a.onnx")
    assay.ok("pull", f"{name}:2", "out")
    assert (assay.home / "out" / "weights.bin").read_bytes() == (folder / "weights.bin").read_bytes()


def test_the_same_rewrite_is_the_same_version(assay, name):
    optimize(assay, name, mlp(), "int8-weights")
    again = assay.ok("optimize", f"{name}:1", "--precision", "int8-weights", "--json").json
    assert again["push"]["is_new"] is False and again["push"]["version"]["number"] == 2


def test_a_variant_says_what_it_came_from_and_how(assay, name):
    key = assay.key()
    _, _, said = optimize(assay, name, mlp(), "fp16", "--key", key)
    metadata = said["push"]["version"]["metadata"]
    assert metadata["license"] == "MIT"
    assert metadata["hyperparameters"]["assay.precision"] == "fp16"
    assert metadata["hyperparameters"]["assay.rewritten_tensors"] == "2"
    edges = assay.ok("lineage", f"{name}:2", "--json").json["edges"]
    assert [(edge["from"], edge["to"], edge["relation"]) for edge in edges] == [
        (f"{name}:2", f"{name}:1", "quantized-from")]
    assay.ok("pull", f"{name}:2", "trusted", "--trust", key.with_suffix(".pub.pem"))


def test_a_variant_can_go_to_another_repository(assay, name):
    onnx.save(mlp(), assay.home / "model.onnx")
    assay.ok("push", name, "model.onnx")
    assay.ok("optimize", f"{name}:1", "--precision", "fp16", "--to", f"{name}/half")
    edges = assay.ok("lineage", f"{name}/half:1", "--json").json["edges"]
    assert [(edge["to"], edge["relation"]) for edge in edges] == [(f"{name}:1", "quantized-from")]


def test_a_dry_run_pushes_nothing(assay, name):
    onnx.save(mlp(), assay.home / "model.onnx")
    assay.ok("push", name, "model.onnx")
    outcome = assay.ok("optimize", f"{name}:1", "--precision", "int8-dynamic", "--dry-run")
    assert "2 tensors" in outcome.out and "nothing was pushed" in outcome.out
    assert assay.run("show", f"{name}:2").code == NOT_FOUND
    assert assay.run(
        "optimize", f"{name}:1", "--precision", "fp16", "--dry-run", "--dataset", f"{name}:1").code == USAGE


def test_one_of_several_models_is_named(assay, name):
    folder = assay.home / "models"
    folder.mkdir()
    onnx.save(mlp(), folder / "a.onnx")
    onnx.save(gemm(), folder / "b.onnx")
    assay.ok("push", name, folder)
    assert assay.run("optimize", f"{name}:1", "--precision", "fp16").code == USAGE
    assert assay.run("optimize", f"{name}:1", "--precision", "fp16", "--file", "c.onnx").code == NOT_FOUND
    assay.ok("optimize", f"{name}:1", "--precision", "fp16", "--file", "b.onnx")
    assay.ok("pull", f"{name}:2", "out")
    assert (assay.home / "out" / "a.onnx").read_bytes() == (folder / "a.onnx").read_bytes()
    check(folder / "b.onnx", assay.home / "out" / "b.onnx", "fp16", [4, 32])


@pytest.mark.parametrize("file", ["empty.onnx", "text.onnx", "truncated.onnx", "unknown-operator.onnx"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_what_cannot_be_rewritten_is_refused(assay, name, file, precision):
    assay.ok("push", name, FIXTURES / "damaged" / file)
    outcome = assay.run("optimize", f"{name}:1", "--precision", precision, "--json")
    assert outcome.code == REFUSED
    assert outcome.json["code"] in ("model-invalid", "model-unsupported") and outcome.json["remedy"]


def test_no_version_is_made_for_data_that_is_not_there(assay, name):
    assay.ok("push", name, FIXTURES / "digits-3.onnx")
    outcome = assay.run("optimize", f"{name}:1", "--precision", "fp16", "--dataset", "tests/absent:1")
    assert outcome.code == NOT_FOUND
    assert assay.run("show", f"{name}:2").code == NOT_FOUND


def test_bad_arguments_are_told(assay, name):
    assay.ok("push", name, FIXTURES / "test.npz")
    assert assay.run("optimize", f"{name}:1", "--precision", "int4").code == USAGE
    assert assay.run("optimize", f"{name}:1", "--precision", "fp16").code == REFUSED
    assert assay.run("optimize", f"{name}:7", "--precision", "fp16").code == NOT_FOUND
    assert assay.run("select", name, "--min", "accuracy=high").code == USAGE
    assert assay.run("select", name, "--max-p99-ms", "-1").code == USAGE
    assert assay.run("select", "tests/absent").code == NOT_FOUND


def test_scratch_files_are_removed(assay, name, monkeypatch):
    scratch = assay.home / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    optimize(assay, name, mlp(), "fp16")
    shutil.copy(FIXTURES / "damaged" / "truncated.onnx", assay.home / "bad.onnx")
    assay.ok("push", f"{name}/bad", "bad.onnx")
    assert assay.run("optimize", f"{name}/bad:1", "--precision", "fp16").code == REFUSED
    assert list(scratch.iterdir()) == []


# Measured variants, and the choice among them


@pytest.fixture
def variants(binary, tmp_path, server):
    """digits-3 and its three variants, each measured on the held-out data."""
    assay = Assay(binary, tmp_path, server.url)
    assay.ok("push", "digits-test", FIXTURES / "test.npz", "--kind", "dataset")
    assay.ok("push", "digits", FIXTURES / "digits-3.onnx")
    assay.ok("verify", "digits:1", "--dataset", "digits-test:1")
    reports = [
        assay.ok("optimize", "digits:1", "--precision", precision, "--dataset", "digits-test:1", "--json").json
        for precision in PRECISIONS]
    return assay, reports


def test_variants_are_measured_beside_their_parent_and_selected(variants):
    assay, made = variants
    for document in made:
        measured = document["report"]["measurements"]
        assert measured["comparison"]["baseline"]["number"] == 1
        assert measured["metrics"]["accuracy"] >= 0.97
    sizes = {number: assay.ok("show", f"digits:{number}", "--json").json["version"] for number in range(1, 5)}
    # The smallest is one of the two in int8; what select says is what the versions themselves say.
    smallest = min(sizes.values(), key=lambda version: version["content_bytes"])
    chosen = assay.ok("select", "digits", "--min", "accuracy=0.97", "--by", "size", "--json").json
    assert chosen["selected"]["manifest_digest"] == smallest["manifest_digest"]
    assert chosen["selected"]["number"] in (3, 4) and len(chosen["candidates"]) == 4
    p99 = {candidate["number"]: candidate["p99_microseconds"] for candidate in chosen["candidates"]}
    fastest = min(p99, key=p99.get)
    line = assay.ok("select", "digits", "--max-p99-ms", "1000", "--min", "accuracy=0.97").out
    assert line.startswith(f"digits:{fastest}  {sizes[fastest]['manifest_digest']}  p99 ")
    accurate = assay.ok("select", "digits", "--by", "accuracy", "--on", "digits-test:1", "--json").json
    best = max(candidate["metrics"]["accuracy"] for candidate in accurate["candidates"])
    number = accurate["selected"]["number"]
    assert next(c for c in accurate["candidates"] if c["number"] == number)["metrics"]["accuracy"] == best


def test_when_none_fits_the_reasons_are_told(variants):
    assay, _ = variants
    outcome = assay.run("select", "digits", "--min", "accuracy=0.999", "--max-bytes", "1KiB")
    assert outcome.code == REFUSED and "no version of digits" in outcome.err
    rows = [line.split() for line in outcome.out.splitlines()[1:]]
    assert {(row[0], row[1]) for row in rows} == {
        (str(number), requirement) for number in range(1, 5) for requirement in ("size", "accuracy")}
    document = assay.run("select", "digits", "--min", "accuracy=0.999", "--json")
    assert document.code == REFUSED and "selected" not in json.loads(document.out)
    batch = assay.run("select", "digits", "--batch", "8")
    assert batch.code == REFUSED and "report" in batch.out
    # So few runs give no p99.
    assay.ok("verify", "digits:1", "--dataset", "digits-test:1", "--runs", "100")
    assert next(
        candidate["is_fitting"] for candidate in assay.ok("select", "digits", "--json").json["candidates"]
        if candidate["number"] == 1) is False
    # The route itself answers what was asked, and refuses what is no question.
    api = Registry(assay.server)
    assert api.get("/api/v1/selections/digits?min=accuracy=0.9").json()["selected"]["repository"] == "digits"
    queries = ["min=accuracy", "min=a=1,a=2", "max_p99_milliseconds=nan", "max_bytes=-1", "batch=0", "by=", "labels=site"]
    for query in queries:
        assert api.get(f"/api/v1/selections/digits?{query}").status_code == 400, query


def test_revoked_trust_takes_the_evidence_away(variants):
    assay, _ = variants
    key = next(item for item in assay.ok("key", "list", "--json").json["items"] if item["role"] == "registry")
    assay.ok("key", "rotate", "registry")
    assay.ok("key", "revoke", key["id"])
    outcome = assay.run("select", "digits")
    assert outcome.code == REFUSED and "untrusted-key" in outcome.out
