"""What is judged of classifiers as people export them, against scikit-learn on what ONNX Runtime answers in Python."""

import itertools

import numpy as np
import onnx
import onnxruntime
import pytest
from harness import public
from onnx import TensorProto, helper, numpy_helper
from scipy.special import softmax
from skl2onnx import to_onnx
from sklearn import datasets, metrics
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC

TOLERANCE = 1e-9
SINGLE = 1e-6
SEED = 15
OPSET = 17
REFUSED = 7
N = 200


@pytest.fixture
def verify(assay, name):
    """Pushes a model and data, and gives what a verification measures; `outcome` gives what the command did."""

    count = itertools.count(1)

    def run(model, arrays, *options):
        part = f"{name}-{next(count)}"
        np.savez(assay.home / "data.npz", **arrays)
        (assay.home / "model.onnx").write_bytes(model.SerializeToString())
        assay.ok("push", f"{part}-data", "data.npz", "--kind", "dataset")
        assay.ok("push", part, "model.onnx")
        return assay.run("verify", f"{part}:1", "--dataset", f"{part}-data:1", "--runs", "10", *options)

    def measured(model, arrays, *options):
        outcome = run(model, arrays, *options, "--json")
        assert outcome.code == 0, outcome
        return outcome.json["measurements"]

    measured.outcome = run
    return measured


def answers(model, arrays, batch=1):
    """What the model answers to so many samples at a time."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    count = len(arrays[names[0]])
    runs = [session.run(None, {name: arrays[name][start:start + batch] for name in names})
            for start in range(0, count, batch)]
    outputs = []
    for parts, value in zip(zip(*runs, strict=True), session.get_outputs(), strict=True):
        whole = sum(parts, []) if isinstance(parts[0], list) else np.concatenate(parts)
        outputs.append(parts[0] if value.name == "class_labels" else whole)
    return outputs


def assert_near(measured, expected, tolerance=TOLERANCE):
    for name, value in expected.items():
        assert measured.get(name) == pytest.approx(value, rel=tolerance, abs=tolerance), name


def made(nodes, outputs, width=3, initializers=()):
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", width])],
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in outputs], list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def scores_model(*operators, width=3, name="scores"):
    """The input itself, or what an operator makes of it."""
    nodes, last = [], "x"
    for index, operator in enumerate(operators):
        nodes.append(helper.make_node(operator, [last], [f"t{index}"]))
        last = f"t{index}"
    nodes.append(helper.make_node("Identity", [last], [name]))
    return made(nodes, [(name, TensorProto.FLOAT, ["n", width])], width)


def drawn(width, classes=None, count=N):
    generator = np.random.default_rng(SEED)
    x = generator.normal(size=(count, width)).astype(np.float32)
    labels = (x + generator.normal(scale=0.8, size=x.shape)).argmax(axis=1)
    return x, labels if classes is None else np.asarray(classes)[labels]


# The model's own class


def test_a_tuned_threshold_is_measured_as_it_is_deployed(verify):
    x, labels = drawn(2)
    model = made(
        [helper.make_node("Softmax", ["x"], ["probabilities"]),
         helper.make_node("Slice", ["probabilities", "one", "two", "one"], ["p1"]),
         helper.make_node("Reshape", ["p1", "flat"], ["p"]),
         helper.make_node("Greater", ["p", "threshold"], ["above"]),
         helper.make_node("Cast", ["above"], ["label"], to=TensorProto.INT64)],
        [("label", TensorProto.INT64, ["n"]), ("probabilities", TensorProto.FLOAT, ["n", 2])], 2,
        [numpy_helper.from_array(np.array([1]), "one"), numpy_helper.from_array(np.array([2]), "two"),
         numpy_helper.from_array(np.array([-1]), "flat"),
         numpy_helper.from_array(np.array(0.9, np.float32), "threshold")])
    arrays = {"x": x, "label": labels}
    own, probabilities = answers(model, arrays)
    measured = verify(model, arrays)
    assert_near(measured["metrics"], {
        "accuracy": metrics.accuracy_score(labels, own), "macro_f1": metrics.f1_score(labels, own, average="macro"),
        "roc_auc": metrics.roc_auc_score(labels, probabilities[:, 1]),
        "log_loss": metrics.log_loss(labels, probabilities.astype(float))})
    assert measured["judged"] == {
        "labels": "label", "predictions": ["label"], "scores": "probabilities", "classes_from": "numbers",
        "score_kind": "probabilities", "argmax_differs": int((own != probabilities.argmax(axis=1)).sum())}
    chosen = verify(model, arrays, "--output", "probabilities")
    assert_near(chosen["metrics"], {"accuracy": metrics.accuracy_score(labels, probabilities.argmax(axis=1))})
    text = verify.outcome(model, arrays).out
    assert f"in {measured['judged']['argmax_differs']} samples" in text


@pytest.mark.filterwarnings("ignore:.*lbfgs")
@pytest.mark.parametrize("fitted, options, classes", [
    (LogisticRegression(max_iter=50), {"zipmap": False}, [1, 2, 3]),
    (LogisticRegression(max_iter=50), {"zipmap": False, "output_class_labels": True}, ["rot", "grün", "blau"]),
    (GaussianNB(), {"zipmap": False}, [-1, 5, 40]), (GaussianNB(), {"zipmap": False}, ["rot", "grün", "blau"]),
    (GaussianNB(), {"zipmap": False, "output_class_labels": True}, [1, 2, 3]),
    (RandomForestClassifier(10, random_state=1), {}, [-1, 5, 40]),
    (RandomForestClassifier(10, random_state=1), {"zipmap": False}, [0, 1, 2])])
def test_classes_of_any_name_are_found(verify, fitted, options, classes):
    """All and then two of three classes in the data; nobody names them beside the model."""
    data = datasets.load_wine()
    inputs = data.data.astype(np.float32)
    named = np.array(sorted(classes))[data.target]
    fitted.fit(inputs, named)
    model = to_onnx(fitted, inputs[:1], target_opset=OPSET, options={id(fitted): options})
    for part in (slice(None), data.target < 2):
        arrays = {model.graph.input[0].name: inputs[part], "label": named[part]}
        answered = answers(model, arrays)
        measured = verify(model, arrays)
        assert_near(measured["metrics"], {"accuracy": metrics.accuracy_score(named[part], answered[0])})
        assert measured["judged"]["argmax_differs"] == 0
        rows = answered[1]
        if isinstance(rows, list):
            rows = np.array([[row[label] for label in fitted.classes_] for row in rows])
        rows = np.clip(rows, 0, 1)
        loss = metrics.log_loss(named[part], rows, labels=fitted.classes_)
        assert_near(measured["metrics"], {"log_loss": loss}, SINGLE)
        if isinstance(part, slice):
            area = np.mean([metrics.roc_auc_score(named == label, rows[:, column])
                            for column, label in enumerate(fitted.classes_)])
            assert_near(measured["metrics"], {"roc_auc": area})
        else:
            assert "roc_auc" not in measured["metrics"]
            assert str(sorted(classes)[2]) in measured["left_out"]["roc_auc"]


def test_an_outlier_detector(verify):
    data = datasets.load_breast_cancer()
    inputs, labels = data.data.astype(np.float32), np.where(data.target == 1, 1, -1)
    fitted = IsolationForest(n_estimators=10, random_state=SEED).fit(inputs[labels == 1])
    model = to_onnx(fitted, inputs[:1], target_opset={"": OPSET, "ai.onnx.ml": 3})
    arrays = {model.graph.input[0].name: inputs, "label": labels}
    own, scores = answers(model, arrays)
    measured = verify(model, arrays)
    assert_near(measured["metrics"], {
        "accuracy": metrics.accuracy_score(labels, own.ravel()),
        "roc_auc": metrics.roc_auc_score(labels, scores.ravel())})


def test_columns_in_another_order_than_the_classifier_says(verify):
    """ONNX Runtime does so with a support vector machine of two classes."""
    data = datasets.load_breast_cancer()
    inputs, labels = ((data.data - data.data.mean(0)) / data.data.std(0)).astype(np.float32), data.target * 2 - 1
    fitted = SVC().fit(inputs, labels)
    model = to_onnx(fitted, inputs[:1], target_opset=OPSET, options={"zipmap": False})
    arrays = {model.graph.input[0].name: inputs, "label": labels}
    measured = verify(model, arrays)
    assert measured["metrics"]["roc_auc"] == pytest.approx(
        metrics.roc_auc_score(labels, fitted.decision_function(inputs)), abs=1e-4)
    assert_near(measured["metrics"], {"accuracy": metrics.accuracy_score(labels, answers(model, arrays)[0])})


def test_positions_beside_other_classes_are_refused_or_named(verify):
    x, labels = drawn(3, [1, 2, 3])
    model = made([helper.make_node("ArgMax", ["x"], ["c"], axis=1)], [("c", TensorProto.INT64, ["n", 1])])
    refused = verify.outcome(model, {"x": x, "label": labels})
    assert refused.code == REFUSED and "shape-mismatch" in refused.err
    assert "next:" in refused.err and "'classes'" in refused.err
    measured = verify(model, {"x": x, "label": labels, "classes": np.array([1, 2, 3])})
    assert_near(measured["metrics"], {"accuracy": metrics.accuracy_score(labels, x.argmax(axis=1) + 1)})


@pytest.mark.parametrize("classes", [[1, 2, 3], [-1, 0, 1], ["a", "b", "c"], [0, 2, 4]])
def test_columns_that_nobody_names_are_refused(verify, classes):
    x, labels = drawn(3, classes)
    refused = verify.outcome(scores_model(), {"x": x, "label": labels})
    assert refused.code == REFUSED and "next:" in refused.err and "'classes'" in refused.err
    measured = verify(scores_model(), {"x": x, "label": labels, "classes": np.array(classes)})
    assert_near(measured["metrics"], {"accuracy": (np.array(classes)[x.argmax(axis=1)] == labels).mean()})


# Scores


def test_two_logits(verify):
    x, labels = drawn(2)
    shares = softmax(x.astype(float), axis=1)
    open_, declared = (verify(scores_model(width=2), {"x": x, "label": labels}, *options)
                       for options in ([], ["--scores", "logits"]))
    area = metrics.roc_auc_score(labels, x[:, 1].astype(float) - x[:, 0])
    assert_near(open_["metrics"], {"roc_auc": area, "accuracy": (x.argmax(axis=1) == labels).mean()})
    assert "log_loss" not in open_["metrics"] and "--scores logits" in open_["left_out"]["log_loss"]
    assert_near(declared["metrics"], {"roc_auc": area, "log_loss": metrics.log_loss(labels, shares)})
    assert (open_["judged"]["score_kind"], declared["judged"]["score_kind"]) == ("logits", "logits")


def test_three_logits(verify):
    x, labels = drawn(3)
    shares = softmax(x.astype(float), axis=1)
    open_, declared = (verify(scores_model(), {"x": x, "label": labels}, *options)
                       for options in ([], ["--scores", "logits"]))
    assert "roc_auc" not in open_["metrics"] and "--scores logits" in open_["left_out"]["roc_auc"]
    assert_near(declared["metrics"], {
        "roc_auc": metrics.roc_auc_score(labels, shares, multi_class="ovr"),
        "log_loss": metrics.log_loss(labels, shares)})
    refused = verify.outcome(scores_model(), {"x": x, "label": labels}, "--scores", "probabilities")
    assert refused.code == REFUSED and "next:" in refused.err


@pytest.mark.parametrize("operator", ["Sigmoid", "Identity"])
def test_one_score(verify, operator):
    """A probability or a logit of the second class, [n, 1]."""
    generator = np.random.default_rng(SEED)
    x = generator.normal(size=(N, 1)).astype(np.float32)
    labels = (x.ravel() + generator.normal(size=N) > 0).astype(np.int64)
    measured = verify(scores_model(operator, width=1), {"x": x, "label": labels})
    assert_near(measured["metrics"], {
        "accuracy": metrics.accuracy_score(labels, x.ravel() > 0), "roc_auc": metrics.roc_auc_score(labels, x.ravel())})
    assert ("log_loss" in measured["metrics"]) == (operator == "Sigmoid")
    declared = verify(scores_model(width=1), {"x": x, "label": labels}, "--scores", "logits")
    assert_near(declared["metrics"], {"log_loss": metrics.log_loss(labels, 1 / (1 + np.exp(-x.ravel().astype(float))))})


def test_hard_probabilities_are_kept_away_from_0_as_in_scikit_learn(verify):
    labels = np.arange(N) % 2
    x = np.eye(2, dtype=np.float32)[np.where(np.arange(N) % 16 == 0, 1 - labels, labels)]
    measured = verify(scores_model(width=2), {"x": x, "label": labels})
    assert_near(measured["metrics"], {"log_loss": metrics.log_loss(labels, x)}, SINGLE)


def test_a_sum_that_rounding_makes_larger_than_1(verify):
    x = np.array([[1.0000001, 0, 0], [0.2, 0.8, 0], [0.1, 0.2, 0.7], [0, 1.0000002, 0]] * 5, np.float32)
    labels = np.array([0, 1, 2, 0] * 5)
    measured = verify(scores_model(), {"x": x, "label": labels})
    assert measured["judged"]["score_kind"] == "probabilities"
    assert_near(measured["metrics"], {"log_loss": metrics.log_loss(labels, np.clip(x, 0, 1), labels=[0, 1, 2])}, SINGLE)


def test_ties_of_top_k_are_those_of_scikit_learn(verify):
    x, labels = drawn(6)
    x = x.round()
    measured = verify(scores_model(width=6), {"x": x, "label": labels})
    assert_near(measured["metrics"], {
        f"top_{k}": metrics.top_k_accuracy_score(labels, x, k=k, labels=range(6)) for k in (3, 5)})


# Outputs


def test_an_embedding_is_never_taken_for_scores(verify):
    x, labels = drawn(3)
    model = made(
        [helper.make_node("Concat", ["x", "x"], ["emb"], axis=1), helper.make_node("Softmax", ["x"], ["p"])],
        [("emb", TensorProto.FLOAT, ["n", 6]), ("p", TensorProto.FLOAT, ["n", 3])])
    arrays = {"x": x, "label": labels}
    refused = verify.outcome(model, arrays)
    assert refused.code == REFUSED and "'emb', 'p'" in refused.err
    assert "next:" in refused.err and "--output" in refused.err
    measured = verify(model, arrays, "--output", "p")
    assert_near(measured["metrics"], {"accuracy": metrics.accuracy_score(labels, x.argmax(axis=1))})
    assert measured["judged"]["predictions"] == ["p"]
    absent = verify.outcome(model, arrays, "--output", "logits")
    assert absent.code == REFUSED and "'logits'" in absent.err and "'emb', 'p'" in absent.err


def test_dimensions_of_one_behind_the_classes(verify):
    x, labels = drawn(3)
    model = made(
        [helper.make_node("Unsqueeze", ["x", "axes"], ["p4"])], [("p4", TensorProto.FLOAT, ["n", 3, 1, 1])], 3,
        [numpy_helper.from_array(np.array([2, 3]), "axes")])
    measured = verify(model, {"x": x, "label": labels})
    assert_near(measured["metrics"], {"accuracy": metrics.accuracy_score(labels, x.argmax(axis=1))})


@pytest.mark.parametrize("labels, words", [
    (np.eye(3, dtype=np.int64), "argmax"), (np.arange(3.0), "int64"), (np.array([[0, 1], [1, 0], [1, 1]]), "argmax")])
def test_labels_that_do_not_fit_say_what_to_save(verify, labels, words):
    refused = verify.outcome(scores_model("Softmax"), {"x": np.eye(3, dtype=np.float32), "label": labels})
    assert refused.code == REFUSED
    assert words in refused.err.split("next:")[1]


# Batches


def normalising():
    """Batch normalisation as it was exported in training mode."""
    return made(
        [helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0], keepdims=1),
         helper.make_node("Sub", ["x", "mean"], ["y"])], [("y", TensorProto.FLOAT, ["n", 3])])


@pytest.mark.parametrize("batch", [1, 16])
def test_accuracy_is_that_of_the_batch(verify, batch):
    x, labels = drawn(3)
    arrays = {"x": x, "label": labels}
    predicted = answers(normalising(), {"x": x}, batch)[0].argmax(axis=1)
    measured = verify(normalising(), arrays, "--batch", batch)
    assert_near(measured["metrics"], {"accuracy": metrics.accuracy_score(labels, predicted)})
    found = measured["batch_invariant"]
    assert (found["batch"], found["exact"]) == (batch, False) and found["max_difference"] > 0.1
    assert found["other_batches"] == ([16] if batch == 1 else [1, 16])
    assert measured["deterministic"]["max_difference"] == 0 and measured["deterministic"]["runs"] > 0
    repeated = verify(normalising(), arrays, "--batch", batch)
    assert repeated["batch_invariant"] == found and repeated["metrics"] == measured["metrics"]


def test_a_model_that_runs_with_one_sample_alone_is_measured(verify):
    """It declares a batch of any size and reshapes to one."""
    x, labels = drawn(3)
    model = made(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])], [("y", TensorProto.FLOAT, ["n", 3])], 3,
        [numpy_helper.from_array(np.array([1, 3]), "shape")])
    measured = verify(model, {"x": x, "label": labels})
    assert_near(measured["metrics"], {"accuracy": metrics.accuracy_score(labels, x.argmax(axis=1))})
    assert "in a batch of 16" in measured["batch_invariant"]["fault"]
    refused = verify.outcome(model, {"x": x, "label": labels}, "--batch", "16")
    assert refused.code == REFUSED and "--batch 1" in refused.err.split("next:")[1]


# Policies


def test_a_policy_fixes_what_is_judged(assay, name):
    x, labels = drawn(3)
    model = made(
        [helper.make_node("Identity", ["x"], ["a"]), helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0]),
         helper.make_node("Sub", ["x", "mean"], ["b"])],
        [("a", TensorProto.FLOAT, ["n", 3]), ("b", TensorProto.FLOAT, ["n", 3])])
    np.savez(assay.home / "data.npz", x=x, label=labels)
    onnx.save(model, assay.home / "model.onnx")
    key = assay.key()
    assay.ok("key", "trust", public(key))
    assay.ok("push", f"{name}-data", "data.npz", "--kind", "dataset")
    assay.ok("push", name, "model.onnx", "--key", key)

    def promote(keys):
        (assay.home / "policy.yaml").write_text(
            f"version: 1\ndataset: {name}-data:1\nlatency: {{runs: 10}}\nmetrics: {{log_loss: {{max: 100}}}}\n{keys}\n")
        assay.ok("policy", "set", name, "production", "policy.yaml")
        return assay.run("promote", f"{name}:1", "production", "--dry-run")

    ambiguous = promote("")
    assert ambiguous.code == REFUSED and "'a', 'b'" in ambiguous.out
    left_out = promote("output: a")
    assert left_out.code == REFUSED and "--scores logits" in left_out.out
    assert promote("output: a\nscores: logits").code == 0
    demanded = promote("output: a\nscores: logits\nbatch_invariant: {max_difference: 0}")
    assert demanded.code == REFUSED and "batch_invariant" in demanded.out
    bounds = "batch_invariant: {max_difference: 1000}\ndeterministic: {max_difference: 0}"
    assert promote(f"output: a\nscores: logits\n{bounds}").code == 0
    (assay.home / "policy.yaml").write_text("version: 1\noutput: a\n")
    assert assay.run("policy", "set", name, "production", "policy.yaml").code != 0


# Names, inputs and files


def test_names_that_are_not_ascii_and_arrays_that_are_no_inputs(verify):
    x, labels = drawn(3)
    model = made([helper.make_node("Identity", ["x"], ["y"])], [("y", TensorProto.FLOAT, ["n", 3])])
    model.graph.node[0].input[0] = model.graph.input[0].name = "größe"
    arrays = {
        "größe": x, "label": labels, "Messgröße": x, "group_région": np.array(["", "a\u200cb"])[np.arange(N) % 2],
        "time": np.zeros(N, "datetime64[s]"), "phase": np.zeros(N, complex), "row": np.zeros(N, "i4,f8")}
    measured = verify(model, arrays)
    assert_near(measured["metrics"], {"accuracy": metrics.accuracy_score(labels, x.argmax(axis=1))})
    assert set(measured["slices"]["région"]) == {"''", "a\\u{200c}b"}
    named = np.array(["", "می\u200cخواهم", "c"])
    measured = verify(scores_model(), {"x": x, "label": named[labels], "classes": named})
    assert_near(measured["metrics"], {"accuracy": metrics.accuracy_score(labels, x.argmax(axis=1))})


@pytest.mark.parametrize("shape", [None, []])
def test_an_input_of_any_shape_and_a_single_number(verify, shape):
    x, labels = drawn(3)
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "k"], ["y"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3] if shape == [] else None),
         helper.make_tensor_value_info("k", TensorProto.FLOAT, [])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    measured = verify(model, {"x": x, "label": labels, "k": np.array(-1, np.float32)})
    assert_near(measured["metrics"], {"accuracy": metrics.accuracy_score(labels, x.argmin(axis=1))})


def test_one_of_several_files_is_named(assay, name):
    x, labels = drawn(3)
    np.savez(assay.home / "data.npz", x=x, label=labels)
    folder = assay.home / "model"
    (folder / "onnx").mkdir(parents=True)
    onnx.save(scores_model(), folder / "onnx" / "model.onnx")
    onnx.save(scores_model("Neg"), folder / "onnx" / "model_quantized.ONNX")
    key = assay.key()
    assay.ok("key", "trust", public(key))
    assay.ok("push", f"{name}-data", "data.npz", "--kind", "dataset")
    assay.ok("push", name, folder, "--key", key)

    def verify(*options):
        return assay.run("verify", f"{name}:1", "--dataset", f"{name}-data:1", "--runs", "10", *options)

    refused = verify()
    assert refused.code == REFUSED and "model_quantized.ONNX" in refused.err
    assert "--file" in refused.err.split("next:")[1]
    for file, columns in (("onnx/model.onnx", x), ("onnx/model_quantized.ONNX", -x)):
        report = verify("--file", file, "--json").json
        assert report["settings"]["file"] == file
        assert_near(report["measurements"]["metrics"], {"accuracy": (columns.argmax(axis=1) == labels).mean()})
    assert "model_quantized.ONNX" in assay.ok("show", f"{name}:1").out
    (assay.home / "policy.yaml").write_text(
        f"version: 1\ndataset: {name}-data:1\nfile: onnx/model.onnx\nlatency: {{runs: 10}}\n"
        "metrics: {accuracy: {min: 0.5}}\n")
    assay.ok("policy", "set", name, "production", "policy.yaml")
    assert assay.run("promote", f"{name}:1", "production").code == 0
    assert verify("--file", "onnx/other.onnx").code == REFUSED
