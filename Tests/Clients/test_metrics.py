"""Every metric of a verification against scikit-learn, on the answers that ONNX Runtime gives in Python."""

import numpy as np
import onnx
import onnxruntime
import pytest
from harness import public
from onnx import TensorProto, helper, numpy_helper
from scipy import optimize, stats
from skl2onnx import to_onnx
from sklearn import datasets, metrics
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier

TOLERANCE = 1e-9
SEED = 7
OPSET = 17
REFUSED = 7
RESAMPLES = 2000


@pytest.fixture
def verify(assay, name):
    """Pushes a model and data, and gives what a verification measures."""

    def push(repository, content, *options, file):
        path = assay.home / repository.replace("/", "-") / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        assay.ok("push", repository, path, *options)

    def run(model, arrays, baseline=None):
        np.savez(assay.home / "data.npz", **arrays)
        assay.ok("push", f"{name}-data", assay.home / "data.npz", "--kind", "dataset")
        options = []
        if baseline is not None:
            push(f"{name}-old", baseline.SerializeToString(), file="model.onnx")
            options = ["--baseline", f"{name}-old:1"]
        push(name, model.SerializeToString(), file="model.onnx")
        outcome = assay.ok("verify", f"{name}:1", "--dataset", f"{name}-data:1", "--runs", "10", "--json", *options)
        return outcome.json["measurements"]

    return run


def answers(model, arrays):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {value.name: arrays[value.name] for value in session.get_inputs()})


def one_by_one(model, arrays):
    """Each sample alone, as the default settings measure: sums of larger batches are added in another order."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    rows = range(len(arrays[names[0]]))
    runs = [session.run(None, {name: arrays[name][row:row + 1] for name in names}) for row in rows]
    return [sum(parts, []) if isinstance(parts[0], list) else np.concatenate(parts)
            for parts in zip(*runs, strict=True)]


def assert_near(measured, expected):
    assert set(expected) <= set(measured), set(expected) - set(measured)
    for name, value in expected.items():
        assert measured[name] == pytest.approx(value, rel=TOLERANCE, abs=TOLERANCE), name


def expected_of_classes(labels, predicted):
    mean = {"average": "macro", "zero_division": 0}
    return {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, predicted),
        "macro_precision": metrics.precision_score(labels, predicted, **mean),
        "macro_recall": metrics.recall_score(labels, predicted, **mean),
        "macro_f1": metrics.f1_score(labels, predicted, **mean),
        "weighted_precision": metrics.precision_score(labels, predicted, average="weighted", zero_division=0),
        "weighted_recall": metrics.recall_score(labels, predicted, average="weighted", zero_division=0),
        "weighted_f1": metrics.f1_score(labels, predicted, average="weighted", zero_division=0),
    }


def calibration_error(labels, probabilities, classes):
    """By the histogram of scikit-learn's calibration curve: bins that are closed above."""
    confidence = probabilities.max(axis=1)
    right = classes[probabilities.argmax(axis=1)] == labels
    bins = np.searchsorted(np.linspace(0, 1, 16)[1:-1], confidence)
    return sum(abs(right[bins == b].sum() - confidence[bins == b].sum()) for b in range(15)) / len(labels)


def expected_of_scores(labels, probabilities, classes):
    """The area of several classes is the mean of one against the rest: scikit-learn's "ovr" wants sums of exactly 1."""
    epsilon = np.finfo(probabilities.dtype).eps
    probabilities = probabilities.astype(float)
    columns = range(len(classes)) if len(classes) > 2 else [1]
    area = np.mean([metrics.roc_auc_score(labels == classes[c], probabilities[:, c]) for c in columns])
    return {
        "log_loss": -np.log(
            np.clip(probabilities, epsilon, 1 - epsilon)[
                np.arange(len(labels)), np.searchsorted(classes, labels)]).mean(),
        "roc_auc": area,
        "calibration_error": calibration_error(labels, probabilities, classes),
    }


def assert_tables(measured, labels, predicted, classes):
    """The matrix and the table of the classes."""
    names = [str(label) for label in classes]
    assert measured["classes"] == names
    assert measured["confusion_matrix"] == metrics.confusion_matrix(labels, predicted, labels=classes).tolist()
    rows = metrics.precision_recall_fscore_support(labels, predicted, labels=classes, zero_division=0)
    assert [row["class"] for row in measured["per_class"]] == names
    for row, precision, recall, f1, samples in zip(measured["per_class"], *rows, strict=True):
        assert_near(row, {"precision": precision, "recall": recall, "f1": f1, "samples": samples})


# Classification


@pytest.mark.filterwarnings("ignore:.*lbfgs")
@pytest.mark.parametrize("is_named", [True, False])
def test_a_classifier_that_answers_maps(verify, is_named):
    """The keys of its maps are strings or whole numbers, as its classes are."""
    data = datasets.load_iris()
    inputs = data.data.astype(np.float32)
    labels = np.array([str(data.target_names[label]) for label in data.target]) if is_named else data.target * 10
    noise = np.random.default_rng(SEED).permutation(len(labels))[:30]
    trained = labels.copy()
    trained[noise] = labels[noise[::-1]]
    model = to_onnx(LogisticRegression(max_iter=30).fit(inputs, trained), inputs[:1], target_opset=OPSET)
    groups = np.array(["north_east", "süd"])[np.arange(len(labels)) % 2]
    arrays = {model.graph.input[0].name: inputs, "label": labels, "group_region": groups}
    maps = one_by_one(model, arrays)[1]
    classes = np.array(sorted(maps[0]))
    probabilities = np.array([[row[label] for label in classes] for row in maps], dtype=float)
    predicted = classes[probabilities.argmax(axis=1)]

    measured = verify(model, arrays)
    assert_near(measured["metrics"], expected_of_classes(labels, predicted))
    assert_near(measured["metrics"], expected_of_scores(labels, probabilities, classes))
    assert_near(measured["metrics"], {"top_3": 1.0})
    assert "top_5" not in measured["metrics"]
    assert_tables(measured, labels, predicted, classes)
    for value in ("north_east", "süd"):
        part = groups == value
        figures = measured["slices"]["region"][value]
        assert figures["samples"] == part.sum()
        assert_near(figures["metrics"], expected_of_classes(labels[part], predicted[part]))
        assert_near(figures["metrics"], expected_of_scores(labels[part], probabilities[part], classes))


def test_two_classes_with_tied_scores(verify):
    data = datasets.load_breast_cancer()
    inputs, labels = data.data.astype(np.float32), data.target.astype(np.int32)
    tree = DecisionTreeClassifier(max_depth=3, random_state=SEED).fit(inputs[::3], labels[::3])
    model = to_onnx(tree, inputs[:1], target_opset=OPSET, options={"zipmap": False})
    arrays = {model.graph.input[0].name: inputs, "label": labels}
    probabilities = one_by_one(model, arrays)[1]
    predicted = probabilities.argmax(axis=1)
    measured = verify(model, arrays)
    assert_near(measured["metrics"], expected_of_classes(labels, predicted))
    assert_near(measured["metrics"], expected_of_scores(labels, probabilities, np.array([0, 1])))
    # scikit-learn adds up in float32.
    assert measured["metrics"]["log_loss"] == pytest.approx(metrics.log_loss(labels, probabilities), rel=1e-6)
    assert_tables(measured, labels, predicted, [0, 1])


@pytest.mark.filterwarnings("ignore:.*lbfgs")
def test_ten_classes_of_named_columns(verify):
    data = datasets.load_digits()
    inputs = data.data.astype(np.float32)
    labels = data.target + 100
    fitted = LogisticRegression(max_iter=5).fit(inputs[:200], labels[:200])
    model = to_onnx(fitted, inputs[:1], target_opset=OPSET, options={"zipmap": False})
    arrays = {model.graph.input[0].name: inputs, "label": labels, "classes": np.arange(100, 110)}
    probabilities = one_by_one(model, arrays)[1].astype(float)
    measured = verify(model, arrays)
    assert_near(measured["metrics"], expected_of_classes(labels, probabilities.argmax(axis=1) + 100))
    for k in (3, 5):
        value = metrics.top_k_accuracy_score(labels, probabilities, k=k, labels=np.arange(100, 110))
        assert_near(measured["metrics"], {f"top_{k}": value})


# Regression


def test_several_columns_of_values(verify):
    data = datasets.load_linnerud()
    inputs, labels = data.data.astype(np.float32), data.target
    model = to_onnx(LinearRegression().fit(inputs, labels), inputs[:1], target_opset=OPSET)
    arrays = {model.graph.input[0].name: inputs, "label": labels}
    predicted = one_by_one(model, arrays)[0].astype(float)
    measured = verify(model, arrays)
    assert_near(measured["metrics"], {
        "mae": metrics.mean_absolute_error(labels, predicted),
        "mse": metrics.mean_squared_error(labels, predicted),
        "rmse": metrics.root_mean_squared_error(labels, predicted),
        "r2": metrics.r2_score(labels, predicted),
        "max_error": max(metrics.max_error(labels[:, c], predicted[:, c]) for c in range(labels.shape[1])),
    })


def test_arrays_in_fortran_order_are_the_same_data(verify):
    """As the columns of a table, or whatever was transposed, are saved."""
    data = datasets.load_linnerud()
    inputs, labels = np.asfortranarray(data.data, np.float32), np.asfortranarray(data.target)
    model = to_onnx(LinearRegression().fit(inputs, labels), inputs[:1], target_opset=OPSET)
    assert not inputs.flags.c_contiguous
    arrays = {model.graph.input[0].name: inputs, "label": labels}
    predicted = one_by_one(model, arrays)[0].astype(float)
    assert_near(verify(model, arrays)["metrics"], {"mse": metrics.mean_squared_error(labels, predicted)})


NUMBERS = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
           "bool"]


@pytest.mark.parametrize("output", ["float16", "float32", "float64"])
def test_every_type_of_number_goes_in(verify, output):
    """A model of twelve inputs with one open dimension each, which adds them up."""
    generator = np.random.default_rng(SEED)
    arrays = {kind: generator.integers(0, 2 if kind == "bool" else 9, (20, 3)).astype(kind) for kind in NUMBERS}
    types = {kind: helper.np_dtype_to_tensor_dtype(np.dtype(kind)) for kind in NUMBERS}
    nodes = [helper.make_node("Cast", [kind], [f"{kind}_cast"], to=TensorProto.FLOAT) for kind in NUMBERS]
    nodes += [
        helper.make_node("Sum", [f"{kind}_cast" for kind in NUMBERS], ["sum"]),
        helper.make_node("Cast", ["sum"], ["y"], to=types[output])]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info(kind, types[kind], ["n", "width"]) for kind in NUMBERS],
        [helper.make_tensor_value_info("y", types[output], ["n", "width"])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    predicted = one_by_one(model, arrays)[0].astype(float)
    labels = predicted + generator.normal(size=predicted.shape)
    measured = verify(model, {kind: big_endian(array) for kind, array in arrays.items()} | {"label": labels})
    assert_near(measured["metrics"], {"mae": metrics.mean_absolute_error(labels, predicted)})


def big_endian(array):
    return array.astype(array.dtype.newbyteorder(">"))


# Recorded outputs


@pytest.mark.parametrize("asked, told", [(8, None), (4, 8)])
def test_a_batch_that_the_model_fixes_is_told(assay, name, verify, asked, told):
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [8, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [8, 2])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    verify(model, {"x": np.eye(2, dtype=np.float32)[[0, 1] * 6], "label": np.array([0, 1] * 6)})
    outcome = assay.ok("verify", f"{name}:1", "--dataset", f"{name}-data:1", "--runs", "10", "--batch", asked, "--json")
    assert outcome.json["measurements"].get("fixed_batch") == told
    assert outcome.json["settings"]["batch"] == asked


def sequence_of_maps(rows):
    sequence = onnx.SequenceProto(elem_type=onnx.SequenceProto.MAP)
    for row in rows:
        part = sequence.map_values.add(key_type=TensorProto.INT64)
        for key, value in row.items():
            if isinstance(key, str):
                part.key_type = TensorProto.STRING
                part.string_keys.append(key.encode())
            else:
                part.keys.append(key)
            part.values.tensor_values.append(numpy_helper.from_array(np.asarray(value)))
        part.values.elem_type = onnx.SequenceProto.TENSOR
    return sequence


@pytest.mark.parametrize("is_named", [True, False])
def test_recorded_outputs_that_are_maps(assay, name, is_named):
    """A classifier of scikit-learn answers a list of classes and a sequence of maps."""
    data = datasets.load_iris()
    inputs = data.data.astype(np.float32)
    labels = np.array([str(data.target_names[label]) for label in data.target]) if is_named else data.target * 10
    model = to_onnx(LogisticRegression(max_iter=200).fit(inputs, labels), inputs[:1], target_opset=OPSET)
    generator = np.random.default_rng(SEED)
    pairs = []
    for position, rows in enumerate([inputs[:1], inputs[40:110]]):
        part = assay.home / "data" / f"test_data_set_{position}"
        part.mkdir(parents=True)
        predicted, scores = answers(model, {model.graph.input[0].name: rows})
        kept = [{key: np.float32(value + generator.normal(scale=0.3)) for key, value in reversed(row.items())}
                for row in scores]
        (part / "input_0.pb").write_bytes(numpy_helper.from_array(rows).SerializeToString())
        (part / "output_0.pb").write_bytes(numpy_helper.from_array(predicted).SerializeToString())
        (part / "output_1.pb").write_bytes(sequence_of_maps(kept).SerializeToString())
        pairs.append([np.array([[row[key] for key in kept[0]] for row in side], float) for side in (scores, kept)])
    (assay.home / "model.onnx").write_bytes(model.SerializeToString())
    assay.ok("push", name, "model.onnx")
    assay.ok("push", f"{name}-data", assay.home / "data", "--kind", "dataset")
    report = assay.ok("verify", f"{name}:1", "--dataset", f"{name}-data:1", "--runs", "10", "--json").json
    assert_near(report["measurements"]["metrics"], {
        "max_absolute_error": max(metrics.max_error(e.ravel(), a.ravel()) for a, e in pairs),
        "cosine": min(metrics.pairwise.cosine_similarity([a.ravel()], [e.ravel()])[0, 0] for a, e in pairs),
        "argmax_agreement": np.mean([p == q for a, e in pairs
                                     for p, q in zip(a.argmax(axis=1), e.argmax(axis=1), strict=True)]),
    })
    # The same classes in fewer maps, and others in as many, are no answer to compare with.
    changes = lambda rows: rows[:-1], lambda rows: [{"other": value for value in row.values()} for row in rows]
    for number, change in enumerate(changes, start=2):
        (part / "output_1.pb").write_bytes(sequence_of_maps(change(kept)).SerializeToString())
        assay.ok("push", f"{name}-data", assay.home / "data", "--kind", "dataset")
        failed = assay.run("verify", f"{name}:1", "--dataset", f"{name}-data:{number}", "--runs", "10", "--json")
        assert failed.code == REFUSED and "shape-mismatch" in failed.out


def test_recorded_outputs_of_every_kind(assay, name):
    kinds = {"f": np.float32, "h": np.float16, "d": np.float64, "i": np.int64, "b": np.bool_, "s": np.str_}
    types = {kind: TensorProto.STRING if kind == "s" else helper.np_dtype_to_tensor_dtype(np.dtype(kinds[kind]))
             for kind in kinds}
    graph = helper.make_graph(
        [helper.make_node("Identity", [kind], [f"{kind}_out"]) for kind in kinds], "g",
        [helper.make_tensor_value_info(kind, types[kind], ["n", "m"]) for kind in kinds],
        [helper.make_tensor_value_info(f"{kind}_out", types[kind], ["n", "m"]) for kind in kinds])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    generator = np.random.default_rng(SEED)
    folder = assay.home / "data"
    answered, recorded = [], []
    for position in range(3):
        part = folder / f"test_data_set_{position}"
        part.mkdir(parents=True)
        for index, (kind, dtype) in enumerate(kinds.items()):
            shape = (position + 1, 4)
            values = (
                generator.normal(size=shape).astype(dtype) if kind in "fhd"
                else np.array([["a", "ä", "b", ""]] * shape[0], dtype=object) if kind == "s"
                else generator.integers(0, 2, shape).astype(dtype))
            kept = values + generator.normal(scale=0.3, size=shape).astype(dtype) if kind in "fhd" else values
            (part / f"input_{index}.pb").write_bytes(numpy_helper.from_array(values, kind).SerializeToString())
            (part / f"output_{index}.pb").write_bytes(numpy_helper.from_array(kept).SerializeToString())
            if kind in "fhd":
                answered.append((index, position, values.astype(float)))
                recorded.append((index, position, kept.astype(float)))
    (assay.home / "model.onnx").write_bytes(model.SerializeToString())
    assay.ok("push", name, "model.onnx")
    assay.ok("push", f"{name}-data", folder, "--kind", "dataset")
    report = assay.ok("verify", f"{name}:1", "--dataset", f"{name}-data:1", "--runs", "10", "--json").json
    pairs = [(a, e) for (_, _, a), (_, _, e) in zip(answered, recorded, strict=True)]
    assert report["measurements"]["sample_count"] == 3
    rows = [(a[r].argmax(), e[r].argmax()) for a, e in pairs for r in range(len(a))]
    assert_near(report["measurements"]["metrics"], {
        "max_absolute_error": max(metrics.max_error(e.ravel(), a.ravel()) for a, e in pairs),
        "max_relative_error": max(
            metrics.mean_absolute_percentage_error([y], [p])
            for a, e in pairs for p, y in zip(a.ravel(), e.ravel(), strict=True)),
        "cosine": min(metrics.pairwise.cosine_similarity([a.ravel()], [e.ravel()])[0, 0] for a, e in pairs),
        "argmax_agreement": np.mean([a == e for a, e in rows]),
    })


# Against a baseline


class SplitMix64:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        mask = (1 << 64) - 1
        self.state = self.state + 0x9E3779B97F4A7C15 & mask
        value = self.state
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & mask
        value = (value ^ value >> 27) * 0x94D049BB133111EB & mask
        return value ^ value >> 31


def tango(n01, n10, count, z):
    """The supposed difference whose score is z, with the likeliest nuisance found by search."""

    def score(difference):
        low, high = max(0.0, -difference) + 1e-13, (1 - difference) / 2 - 1e-13

        def unlikely(share):
            return -(
                n01 * np.log(share + difference) + n10 * np.log(share)
                + (count - n01 - n10) * np.log(1 - 2 * share - difference))

        share = optimize.minimize_scalar(unlikely, bounds=(low, high), options={"xatol": 1e-13}).x
        variance = count * (2 * share + difference * (1 - difference))
        return (n01 - n10 - count * difference) / np.sqrt(variance) - z

    return optimize.brentq(score, -0.5, 0.5, xtol=1e-12)


def test_two_classifiers_on_the_same_samples(assay, name, verify):
    data = datasets.load_breast_cancer()
    inputs, labels = data.data.astype(np.float32), data.target

    def tree(depth):
        fitted = DecisionTreeClassifier(max_depth=depth, random_state=SEED).fit(inputs[::4], labels[::4])
        return to_onnx(fitted, inputs[:1], target_opset=OPSET, options={"zipmap": False})

    old, new = tree(1), tree(4)
    arrays = {new.graph.input[0].name: inputs, "label": labels, "group_half": labels}
    right_old, right_new = (one_by_one(model, arrays)[0] == labels for model in (old, new))
    measured = verify(new, arrays, baseline=old)
    n01, n10 = int((right_new & ~right_old).sum()), int((right_old & ~right_new).sum())
    test = measured["paired"]["mcnemar"]
    assert (test["n01"], test["n10"]) == (n01, n10)
    assert_near(test, {
        "p_worse": stats.binomtest(n10, n01 + n10, 0.5, alternative="greater").pvalue,
        "p_better": stats.binomtest(n01, n01 + n10, 0.5, alternative="greater").pvalue})
    accuracy = measured["paired"]["metrics"]["accuracy"]
    assert_near(accuracy, {
        "baseline": right_old.mean(), "difference": right_new.mean() - right_old.mean()})
    bound = next(bound for bound in accuracy["bounds"] if bound["confidence"] == 0.95)
    z = stats.norm.ppf(0.95)
    assert bound["lower"] == pytest.approx(tango(n01, n10, len(labels), z), abs=1e-5)
    assert bound["upper"] == pytest.approx(tango(n01, n10, len(labels), -z), abs=1e-5)
    assert set(measured["paired"]["metrics"]) == set(measured["metrics"])
    table = assay.ok("verify", f"{name}:1", "--dataset", f"{name}-data:1", "--runs", "10").out
    assert "CLASS" in table and "half=1" in table


def test_the_bootstrap_can_be_repeated_elsewhere(verify):
    data = datasets.load_diabetes()
    inputs, labels = data.data[:120].astype(np.float32), data.target[:120]

    def line(width):
        kept = inputs * (np.arange(inputs.shape[1]) < width)
        return to_onnx(LinearRegression().fit(kept, labels), inputs[:1], target_opset=OPSET)

    old, new = line(3), line(9)
    arrays = {new.graph.input[0].name: inputs, "label": labels}
    errors = [np.abs(one_by_one(model, arrays)[0].ravel().astype(float) - labels) for model in (new, old)]
    measured = verify(new, arrays, baseline=old)["paired"]
    assert measured["resamples"] == RESAMPLES
    generator, count = SplitMix64(1), len(labels)
    draws = np.array([[generator.next() * count >> 64 for _ in range(count)] for _ in range(RESAMPLES)])
    differences = np.sort(errors[0][draws].mean(axis=1) - errors[1][draws].mean(axis=1))
    for bound in measured["metrics"]["mae"]["bounds"]:
        outside = min(round((1 - bound["confidence"]) * RESAMPLES), (RESAMPLES - 1) // 2)
        assert_near(bound, {"lower": differences[outside], "upper": differences[-1 - outside]})


# Policies


def identity(name="g"):
    """A model that answers its two scores."""
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def test_policies_judge_drops_by_their_bounds_and_slices_by_the_worst(assay, name):
    """Sixty samples of two equal models, three of the first forty wrong: the drop is 0 and may be up to 0.043."""
    labels = np.arange(60) % 2
    inputs = np.eye(2, dtype=np.float32)[labels]
    inputs[:3] = inputs[:3, ::-1]
    regions = np.array(["north", "south"])[np.arange(60) // 40]
    np.savez(assay.home / "data.npz", x=inputs, label=labels, group_region=regions)
    key = assay.key()
    assay.ok("key", "trust", public(key))
    assay.ok("push", f"{name}-data", "data.npz", "--kind", "dataset")
    for graph in ("old", "new"):
        onnx.save(identity(graph), assay.home / "model.onnx")
        assay.ok("push", name, "model.onnx", "--key", key)

    def promote(version, bound, *options):
        policy = f"version: 1\ndataset: {name}-data:1\nlatency: {{runs: 10}}\nmetrics: {{accuracy: {bound}}}\n"
        (assay.home / "policy.yaml").write_text(policy)
        assay.ok("policy", "set", name, "production", "policy.yaml")
        outcome = assay.run("promote", f"{name}:{version}", "production", *options)
        assert outcome.code in (0, REFUSED), outcome
        return outcome.code == 0, outcome.out

    for bound, is_passed, words in (
            ("{min: 0.94}", True, "passed"),
            ("{per_slice: {region: {min: 0.93}}}", False, "north: 0.9250 of 40"),
            ("{per_slice: {region: {min: 0.92}}}", True, "north: 0.9250 of 40"),
            ("{per_slice: {region: {min: 0.92, min_samples: 30}}}", False, "inconclusive"),
            ("{per_slice: {country: {min: 0}}}", False, "missing")):
        passed, out = promote(1, bound, "--dry-run")
        assert (passed, words in out) == (is_passed, True), (bound, out)
    assert promote(1, "{min: 0.94}")[0]
    for bound, is_passed, word in (
            ("{max_drop: 0}", True, "passed"), ("{max_drop: 0.01, confidence: 0.95}", False, "inconclusive"),
            ("{max_drop: 0, confidence: 0.95}", False, "inconclusive"),
            ("{max_drop: 0.05, confidence: 0.95}", True, "passed")):
        passed, out = promote(2, bound, "--dry-run")
        assert (passed, word in out) == (is_passed, True), (bound, out)
    assert not promote(2, "{max_drop: 0.01, confidence: 0.95}")[0]
    assert promote(2, "{max_drop: 0.05, confidence: 0.95}")[0]


# Bad data


def test_a_table_of_text_is_refused_when_it_is_asked_for(assay, name):
    (assay.home / "data.csv").write_text('x,label\n"1,2\n')
    onnx.save(identity(), assay.home / "model.onnx")
    assay.ok("push", name, "model.onnx")
    assay.ok("push", f"{name}-data", "data.csv", "--kind", "dataset")
    outcome = assay.run("verify", f"{name}:1", "--dataset", f"{name}-data:1")
    assert outcome.code == REFUSED, outcome
    assert "data.csv" in outcome.err and ".npz" in outcome.err
