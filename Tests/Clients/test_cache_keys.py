"""Whether answers may be kept, and under what: `assay cache-key`, and `cacheable` in reports and policies."""

import hashlib
import json

import numpy as np
import onnx
import pytest
from evidence import REFUSED, USAGE, digest
from harness import FIXTURES, public
from onnx import TensorProto, helper


@pytest.fixture
def key(assay):
    key = assay.key()
    assay.ok("key", "trust", public(key))
    return key


@pytest.fixture
def data(assay, name, key):
    assay.ok("push", f"{name}-data", FIXTURES / "test.npz", "--kind", "dataset", "--key", key)
    return f"{name}-data:1"


def expected_prefix(assay, reference, file, outputs, runtime, provider="cpu"):
    """The prefix as docs/formats/caching.md defines it, made of nothing but the standard library."""
    document = {"file": file, "manifest": digest(assay, reference), "outputs": sorted(outputs, key=str.encode),
                "provider": provider, "runtime": runtime}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "pred:v1:" + hashlib.sha256(text.encode()).hexdigest()


def test_a_key_is_of_digest_runtime_and_outputs(assay, name, key, data):
    assay.ok("push", name, FIXTURES / "digits-1.onnx", "--key", key)
    assay.ok("push", name, FIXTURES / "digits-3.onnx", "--key", key)
    unmeasured = assay.run("cache-key", f"{name}:1")
    assert unmeasured.code != 0 and "--runtime" in unmeasured.err and "next:" in unmeasured.err
    report = assay.ok("verify", f"{name}:1", "--dataset", data, "--json").json
    runtime = report["environment"]["runtime"]
    outputs = [output["name"] for output in assay.ok("show", f"{name}:1", "--json").json["version"]["model"]["outputs"]]
    answer = assay.ok("cache-key", f"{name}:1")
    assert answer.out.strip() == expected_prefix(assay, f"{name}:1", "digits-1.onnx", outputs, runtime)
    document = assay.ok("cache-key", f"{name}:1", "--json").json
    assert document["prefix"] == answer.out.strip()
    assert document["cacheable"] == report["measurements"]["cacheable"]
    assert document["verification"] == report["verification"]
    others = [
        assay.ok("cache-key", f"{name}:1", "--runtime", "onnxruntime 0.0.1"),
        assay.ok("cache-key", f"{name}:1", "--provider", "cuda"),
        assay.ok("cache-key", f"{name}:2", "--runtime", runtime)]
    assert len({answer.out, *(other.out for other in others)}) == 4
    for other in others:
        assert "nobody measured" in other.err
    assert assay.run("cache-key", f"{name}:2", "--runtime", runtime, "--require").code == REFUSED
    for wrong in (["--output", "no-such"], ["--file", "no-such.onnx"], ["--runtime", ""]):
        refused = assay.run("cache-key", f"{name}:1", *wrong)
        assert refused.code == USAGE and "next:" in refused.err, refused


def test_an_alias_gives_the_key_of_the_version_it_points_to(assay, name, key, data):
    assay.ok("push", name, FIXTURES / "digits-1.onnx", "--key", key, "--tag", "candidate")
    options = ["--runtime", "onnxruntime 1"]
    first = assay.ok("cache-key", f"{name}:candidate", *options).out
    assert first == assay.ok("cache-key", f"{name}:1", *options).out
    assay.ok("push", name, FIXTURES / "digits-3.onnx", "--key", key, "--tag", "candidate")
    assert assay.ok("cache-key", f"{name}:candidate", *options).out != first


def test_the_report_says_what_was_measured_and_a_policy_demands_it(assay, name, key, data):
    (assay.home / "exact").mkdir()
    (assay.home / "batch").mkdir()
    (assay.home / "exact/model.onnx").write_bytes(scorer(depends_on_batch=False))
    (assay.home / "batch/model.onnx").write_bytes(scorer(depends_on_batch=True))
    rows = np.random.default_rng(7).normal(size=(100, 4)).astype(np.float32)
    np.savez(assay.home / "rows.npz", x=rows, label=rows.argmax(1))
    assay.ok("push", f"{name}-rows", "rows.npz", "--kind", "dataset", "--key", key)
    (assay.home / "policy.yaml").write_text(f"version: 1\ndataset: {name}-rows:1\ncacheable: true\n")
    for folder, number in (("exact", 1), ("batch", 2)):
        assay.ok("push", name, f"{folder}/model.onnx", "--key", key)
        report = assay.ok("verify", f"{name}:{number}", "--dataset", f"{name}-rows:1", "--json").json
        cacheable, invariant = report["measurements"]["cacheable"], report["measurements"]["batch_invariant"]
        assert cacheable["exact"] == invariant["exact"] == (folder == "exact"), cacheable
        assert cacheable["reason"]
    assay.ok("policy", "set", name, "production", "policy.yaml")
    assay.ok("promote", f"{name}:1", "production")
    refused = assay.run("promote", f"{name}:2", "production")
    assert refused.code == REFUSED and "depend on the batch" in refused.out
    assay.ok("cache-key", f"{name}:1", "--require")
    refused = assay.run("cache-key", f"{name}:2", "--require")
    assert refused.code == REFUSED and "may not be kept" in refused.err and "next:" in refused.err
    stranger = assay.key("nobody")
    assert assay.run("cache-key", f"{name}:1", "--require", "--trust", public(stranger)).code != 0


def scorer(depends_on_batch):
    """Scores are the four numbers themselves, divided by how many there are in the batch if it is to matter."""
    nodes = [helper.make_node("Softmax", ["x"], ["scores"], axis=1)]
    if depends_on_batch:
        nodes = [
            helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0], keepdims=1),
            helper.make_node("Sub", ["x", "mean"], ["centred"]),
            helper.make_node("Add", ["x", "centred"], ["moved"]),
            helper.make_node("Softmax", ["moved"], ["scores"], axis=1)]
    graph = helper.make_graph(
        nodes, "scorer", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 4])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()
