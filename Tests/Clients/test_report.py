"""Reports as pages and tables, and measurements repeated, against a real server; metrics computed again in Python."""

import json
import re
import xml.etree.ElementTree as ElementTree

import numpy
import onnxruntime
import pytest
from harness import FIXTURES, Assay, public
from onnx import TensorProto, checker, helper, numpy_helper

USAGE, NOT_FOUND, INTEGRITY, REFUSED = 2, 3, 6, 7
POLICY = "version: 1\ndataset: digits-test:1\nmetrics:\n  accuracy: {min: 0.90}\n"
EXACT = 1e-12
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def digits(assay, server):
    """A registry with two signed models, one of which passes its policy, and one that cannot be measured."""
    assay = Assay(assay.binary, assay.home, server.url)
    key = assay.key()
    assay.ok("key", "trust", public(key))
    assay.ok("push", "digits-test", FIXTURES / "test.npz", "--kind", "dataset")
    models = ["digits-1.onnx", "digits-2.onnx", "damaged/nan-outputs.onnx"]
    for model in models:
        assay.ok("push", "digits", FIXTURES / model, "--key", key)
    (assay.home / "policy.yaml").write_text(POLICY)
    assay.ok("policy", "set", "digits", "production", "policy.yaml")
    return assay


def verify(assay, reference, *options):
    arguments = ["--dataset", "digits-test:1", "--runs", "20", "--json"]
    return assay.run("verify", reference, *arguments, *options).json


def page_of(assay, reference, *options):
    """The page as a tree: it is well-formed, and nothing in it comes from elsewhere."""
    assay.ok("report", reference, "--html", "page.html", *options)
    text = (assay.home / "page.html").read_text()
    check_page(text)
    return text


def check_page(text):
    assert text.startswith("<!DOCTYPE html>\n")
    tree = ElementTree.fromstring(text.split("\n", 1)[1])
    for element in tree.iter():
        assert element.tag.removeprefix(SVG) not in ("script", "link", "img", "iframe", "object", "base"), element.tag
        for name, value in element.attrib.items():
            assert not name.startswith("on") and name != "src", name
            assert name != "href" or value.startswith("#"), value
    assert "url(" not in text and "@import" not in text and "http://" not in text.replace(SVG[1:-1], "")
    ids = [element.attrib["id"] for element in tree.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    for svg in tree.iter(SVG + "svg"):
        assert svg.find(SVG + "title").text and svg.find(SVG + "desc").text
    for table in tree.iter("table"):
        assert table.find("caption").text and table.find("thead").iter("th")
    return tree


# Pages


def test_a_passed_version_has_a_page(digits):
    verify(digits, "digits:1", "--sweep-batches", "1,8", "--baseline", "digits:2", "--deadline", "60")
    digits.ok("promote", "digits:1", "production")
    text = page_of(digits, "digits:1")
    assert "Passed" in text and "Confusion matrix" in text and "0.9580" in text and "production" in text


def test_the_page_shows_a_whole_measurement_before_one_with_the_fewest_runs(digits):
    """A policy's further datasets are measured with the fewest, after its own."""
    few = ("verify", "digits:1", "--dataset", "digits-test:1", "--runs", "10", "--json")
    assert digits.ok(*few).json["verification"] in page_of(digits, "digits:1")
    whole = verify(digits, "digits:1")["verification"]
    digits.ok(*few)
    assert whole in page_of(digits, "digits:1")


def test_the_page_shows_the_verification_that_is_named(digits):
    swept = verify(digits, "digits:1", "--sweep-batches", "1,8", "--baseline", "digits:2")
    verify(digits, "digits:1")
    assert "throughput-chart" not in page_of(digits, "digits:1")
    text = page_of(digits, "digits:1", "--verification", swept["verification"])
    assert "throughput-chart" in text and "comparison-chart" in text and swept["verification"] in text
    assert digits.run("report", "digits:1", "--verification", "0" * 16).code == NOT_FOUND


def test_a_refused_version_has_a_page(digits):
    assert digits.run("promote", "digits:2", "production").code == REFUSED
    text = page_of(digits, "digits:2")
    assert "Refused" in text and "at least 0.9000" in text and "0.8540" in text


def test_the_head_tells_keys_moves_and_waivers(digits):
    (digits.home / "policy.yaml").write_text(POLICY.replace("0.90", "0.99") + "waivers: {role: release}\n")
    digits.ok("policy", "set", "digits", "production", "policy.yaml")
    digits.ok("waive", "digits:1", "production", "--requirement", "accuracy", "--reason", "until <monday>", "--expires",
              "2099-01-01", "--key", "release.pem")
    digits.ok("promote", "digits:1", "production")
    text = page_of(digits, "digits:1")
    assert "Passed with 1 waiver" in text and "until &lt;monday&gt;" in text and "promotion by" in text
    document = digits.ok("report", "digits:1", "--json").json["background"]
    move, = document["moves"]
    entry = digits.ok("audit", "show", str(move["log_entry"]), "--json").json
    assert "promotion" in json.dumps(entry) and move["alias"] == "production"
    lines = digits.ok("report", "digits:1").out
    assert f"log entry {move['log_entry']}" in lines and "signed by: release (" in lines


def test_a_version_that_could_not_be_measured_has_a_page(digits):
    assert verify(digits, "digits:3")["failure"]["kind"] == "non-finite-output"
    text = page_of(digits, "digits:3")
    assert "Could not be measured" in text and "non-finite-output" in text and "<svg" not in text


def test_what_does_not_count_is_told(digits):
    verify(digits, "digits:1")
    other = digits.key("other")
    digits.ok("attest", "digits:1", "--predicate", predicate(digits), "--type", "https://example.com/<script>x",
              "--key", other)
    text = page_of(digits, "digits:1")
    assert "untrusted" in text and "&lt;script&gt;x" in text
    # Seen with the other key alone, the report does not count either.
    outcome = digits.run("report", "digits:1", "--trust", public(other))
    assert outcome.code == NOT_FOUND and "name the trust root" in outcome.err


def predicate(assay):
    path = assay.home / "predicate.json"
    path.write_text('{"note": "<script>alert(1)</script>"}')
    return path


def test_names_of_a_model_are_escaped(digits):
    """The name of an operator's domain ends up in the failure's message."""
    hostile = "</style><script>alert(1)</script>\u202e\x07"
    graph = helper.make_graph(
        [helper.make_node("Odd", ["input"], ["output"], domain=hostile, name=hostile)], "odd",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 64])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 64])])
    model = helper.make_model(
        graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(hostile, 1)])
    (digits.home / "odd.onnx").write_bytes(model.SerializeToString())
    digits.ok("push", "odd", "odd.onnx")
    assert verify(digits, "odd:1")["failure"]
    text = page_of(digits, "odd:1")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)


def test_the_page_goes_to_the_output_or_replaces_a_file_whole(digits):
    verify(digits, "digits:1")
    check_page(digits.ok("report", "digits:1", "--html", "-").out)
    (digits.home / "page.html").write_text("old")
    page_of(digits, "digits:1")
    assert not list(digits.home.glob(".page.html*"))
    assert digits.run("report", "digits:1", "--html", "absent/page.html").code == NOT_FOUND
    assert digits.run("report", "digits:1", "--html", ".").code == USAGE


def test_tables_and_json_say_the_same(digits):
    report = verify(digits, "digits:1")
    text = digits.ok("report", "digits:1").out
    assert "LATENCY" in text and "0.9580" in text and report["verification"] in text
    document = digits.ok("report", "digits:1", "--json").json
    assert document["report"]["content"] == report
    assert document["report"]["evidence"]["status"] == "valid" and "verdict" not in document
    assert digits.run("report", "digits:1", "--json", "--html", "x.html").code == USAGE


def test_without_evidence_the_next_step_is_told(digits):
    outcome = digits.run("report", "digits:1", "--html", "page.html")
    assert outcome.code == NOT_FOUND and "assay verify digits:1 --dataset" in outcome.err
    assert not (digits.home / "page.html").exists()


# Replay


def test_a_replay_on_the_same_machine_is_equal(digits):
    report = verify(digits, "digits:1", "--baseline", "digits:2", "--sweep-batches", "2", "--deadline", "60")
    outcome = digits.ok("verify", "--replay", report["verification"])
    assert "bit for bit" in outcome.out and "\nequal: " in outcome.out
    (digits.home / "report.json").write_text(json.dumps(report))
    document = digits.ok("verify", "--replay", "report.json", "--json").json
    assert document["repeated"]["settings"] == report["settings"]
    assert document["repeated"]["baseline"] == report["baseline"] == document["report"]["baseline"]
    statuses = {figure["name"]: figure["status"] for figure in document["comparison"]["figures"]}
    assert statuses["metrics.accuracy"] == statuses["metrics.macro_f1"] == "equal"
    assert statuses["latency.p50"] == "not compared"


def test_a_replay_of_a_tampered_report_differs(digits):
    report = verify(digits, "digits:1")
    report["measurements"]["metrics"]["accuracy"] = 0.99
    (digits.home / "report.json").write_text(json.dumps(report))
    outcome = digits.run("verify", "--replay", "report.json")
    assert outcome.code == INTEGRITY and "metrics.accuracy" in outcome.err and "0.99" in outcome.out
    refused = digits.run("verify", "--replay", "report.json", "--json")
    assert refused.code == INTEGRITY
    assert [f["name"] for f in refused.json["comparison"]["figures"] if f["status"] == "differs"] == [
        "metrics.accuracy"]


def test_another_runtime_gets_a_tolerance(digits):
    report = verify(digits, "digits:1")
    report["environment"]["runtime"] = "ONNX Runtime 1.0.0"
    report["measurements"]["metrics"]["accuracy"] *= 1 + 1e-6
    (digits.home / "report.json").write_text(json.dumps(report))
    outcome = digits.ok("verify", "--replay", "report.json")
    assert "within tolerance" in outcome.out and "ONNX Runtime 1.0.0" in outcome.out
    assert digits.run("verify", "--replay", "report.json", "--tolerance", "1e-9").code == INTEGRITY


def test_a_failure_is_repeated_too(digits):
    report = verify(digits, "digits:3")
    digits.ok("verify", "--replay", report["verification"])


def test_a_signed_report_is_checked_before_it_is_repeated(digits):
    verify(digits, "digits:1")
    evidence = digits.ok("report", "digits:1", "--json").json["report"]["evidence"]
    envelope = requests_get(digits, f"/v2/digits/blobs/{evidence['envelope_digest']}")
    (digits.home / "report.dsse").write_bytes(envelope)
    digits.ok("verify", "--replay", "report.dsse")
    document = json.loads(envelope)
    document["signatures"][0]["sig"] = "AAAA" + document["signatures"][0]["sig"][4:]
    (digits.home / "report.dsse").write_text(json.dumps(document))
    assert digits.run("verify", "--replay", "report.dsse").code == INTEGRITY


def requests_get(assay, path):
    import requests
    answer = requests.get(assay.server + path, timeout=30)
    assert answer.status_code == 200
    return answer.content


def test_a_replay_needs_what_the_report_names(digits):
    report = verify(digits, "digits:1")
    for part, name in (("dataset", "dataset"), ("subject", "version")):
        changed = report | {part: report[part] | {"digest": "sha256:" + "0" * 64}}
        (digits.home / "report.json").write_text(json.dumps(changed))
        outcome = digits.run("verify", "--replay", "report.json")
        assert outcome.code == NOT_FOUND and f"the {name} of the report" in outcome.err, outcome


@pytest.mark.parametrize("arguments, code", [
    (["--replay", "absent.json"], NOT_FOUND), (["--replay", "0" * 16], NOT_FOUND), ([], USAGE),
    (["digits:1"], USAGE), (["digits:1", "--replay", "0" * 16], USAGE),
    (["--replay", "0" * 16, "--threads", "2"], USAGE), (["--replay", "0" * 16, "--tolerance", "nan"], USAGE),
    (["--replay", "0" * 16, "--tolerance=-1"], USAGE), (["--replay", "text.json"], USAGE),
    (["--replay", "other.json"], USAGE), (["digits:1", "--dataset", "digits-test:1", "--tolerance", "0.1"], USAGE)])
def test_wrong_use_of_replay_is_told(assay, arguments, code):
    (assay.home / "text.json").write_text("no report")
    (assay.home / "other.json").write_text('{"format": 1}')
    outcome = assay.run("verify", *arguments)
    assert outcome.code == code and outcome.err.strip(), outcome


# The same figures by another hand


def classification(scores, labels):
    """Every metric as docs/formats/evaluation.md defines it, written anew in numpy."""
    predicted = scores.argmax(axis=1)
    present = sorted(set(labels) | set(predicted))
    own = scores[numpy.arange(len(labels)), labels]
    before = numpy.arange(scores.shape[1])[None, :] < labels[:, None]
    rank = ((scores > own[:, None]) | ((scores == own[:, None]) & before)).sum(axis=1)
    matrix = [[int(((labels == i) & (predicted == j)).sum()) for j in present] for i in present]
    f1 = []
    for c in present:
        hit = ((labels == c) & (predicted == c)).sum()
        f1.append(2 * hit / ((labels == c).sum() + (predicted == c).sum()))
    metrics = {"accuracy": (predicted == labels).mean(), "macro_f1": numpy.mean(f1)}
    metrics |= {f"top_{k}": (rank < k).mean() for k in (3, 5)}
    return metrics, matrix, [str(c) for c in present]


@pytest.mark.parametrize("model", ["digits-1", "digits-2", "digits-3"])
def test_python_computes_the_same_metrics(assay, name, model):
    assay.ok("push", name, FIXTURES / f"{model}.onnx")
    assay.ok("push", f"{name}-data", FIXTURES / "test.npz", "--kind", "dataset")
    measured = assay.ok(
        "verify", f"{name}:1", "--dataset", f"{name}-data:1", "--runs", "10", "--json").json["measurements"]
    data = numpy.load(FIXTURES / "test.npz")
    session = onnxruntime.InferenceSession(FIXTURES / f"{model}.onnx", providers=["CPUExecutionProvider"])
    (scores,) = session.run(["probabilities"], {"input": data["input"]})
    metrics, matrix, classes = classification(scores, data["label"])
    for metric, value in metrics.items():
        assert measured["metrics"][metric] == pytest.approx(value, rel=EXACT, abs=0), metric
    assert measured["confusion_matrix"] == matrix and measured["classes"] == classes
    assert measured["sample_count"] == len(scores)


def test_python_computes_the_same_errors_of_regression(assay, name):
    generator = numpy.random.default_rng(7)
    weights = generator.normal(size=(64, 1)).astype(numpy.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["input", "weights"], ["output"])], "line",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 64])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 1])],
        [numpy_helper.from_array(weights, "weights")])
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    checker.check_model(model)
    (assay.home / "line.onnx").write_bytes(model.SerializeToString())
    inputs = generator.normal(size=(333, 64)).astype(numpy.float32)
    labels = (inputs @ weights + generator.normal(size=(333, 1))).astype(numpy.float32)
    numpy.savez(assay.home / "line.npz", input=inputs, label=labels)
    assay.ok("push", name, "line.onnx")
    assay.ok("push", f"{name}-data", "line.npz", "--kind", "dataset")
    measured = assay.ok(
        "verify", f"{name}:1", "--dataset", f"{name}-data:1", "--runs", "10", "--json").json["measurements"]["metrics"]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (predicted,) = session.run(["output"], {"input": inputs})
    error = predicted.astype(numpy.float64) - labels
    spread = labels.astype(numpy.float64) - labels.astype(numpy.float64).mean()
    expected = {
        "mse": (error ** 2).mean(), "mae": abs(error).mean(), "r2": 1 - (error ** 2).sum() / (spread ** 2).sum()}
    # A sum over other batches rounds float32 in another order.
    for metric, value in expected.items():
        assert measured[metric] == pytest.approx(value, rel=1e-5), metric
