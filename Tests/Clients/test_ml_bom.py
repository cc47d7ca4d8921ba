"""The bill of materials of a version, judged by CycloneDX's own library and schema."""

import hashlib
import json
import uuid

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from harness import FIXTURES

NOT_FOUND = 3
MODEL = "digits-1"
METADATA = yaml.safe_load((FIXTURES / f"{MODEL}.yaml").read_text())
CLAIMED = "claimed by training"


def bill(assay, reference):
    """The bill that the command prints, which the schema of CycloneDX 1.6 accepts."""
    text = assay.ok("bom", reference).out
    errors = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text, all_errors=True)
    assert errors is None, "\n".join(str(error)[:1000] for error in errors)
    return json.loads(text)


def subject(document):
    return document["metadata"]["component"]


def component(document, name, version):
    found, = (part for part in document["components"] if (part["name"], part.get("version")) == (name, version))
    return found


def metrics(document, of):
    """The metrics of one slice, by name."""
    analysis = subject(document)["modelCard"].get("quantitativeAnalysis", {})
    return {metric["type"]: float(metric["value"]) for metric in analysis.get("performanceMetrics", [])
            if metric["slice"] == of}


def properties(part):
    return {entry["name"].removeprefix("assay:"): entry["value"] for entry in part.get("properties", [])}


def sha256(digest):
    """A digest of ours as CycloneDX writes it."""
    return [{"alg": "SHA-256", "content": digest.removeprefix("sha256:")}]


def digest(assay, reference):
    return assay.ok("show", reference, "--json").json["version"]["manifest_digest"]


@pytest.fixture
def model(assay, name):
    """A model in two files with everything told of it."""
    assay.ok("push", f"{name}-train", FIXTURES / "train.npz", "--kind", "dataset")
    (assay.home / "model").mkdir()
    for file, source in (("model.onnx", f"{MODEL}.onnx"), ("größe.yaml", f"{MODEL}.yaml")):
        (assay.home / "model" / file).write_bytes((FIXTURES / source).read_bytes())
    assay.ok("push", name, assay.home / "model", "--metadata", FIXTURES / f"{MODEL}.yaml",
             "--trained-on", f"{name}-train:1")
    return f"{name}:1"


def test_a_model_is_told_with_what_was_pushed_with_it(assay, name, model):
    part = subject(bill(assay, model))
    assert (part["type"], part["name"], part["version"]) == ("machine-learning-model", name, "1")
    assert part["hashes"] == sha256(digest(assay, model))
    assert part["description"] == METADATA["description"]
    assert part["licenses"] == [{"expression": METADATA["license"]}]
    told = properties(part)
    assert told["framework"] == METADATA["framework"]
    assert told["run_id"] == METADATA["run_id"]
    for key, value in METADATA["hyperparameters"].items():
        assert told[f"hyperparameter:{key}"] == str(value)


def test_what_the_model_says_of_itself_is_told(assay, model):
    part = subject(bill(assay, model))
    assert part["modelCard"]["modelParameters"]["inputs"] == [{"format": "float32[batch,64]"}]
    assert part["modelCard"]["modelParameters"]["outputs"] == [{"format": "float32[batch,10]"}]
    told = properties(part)
    assert told["model_path"] == "model.onnx"
    assert told["opset:ai.onnx"] == "17"
    assert int(told["parameter_count"]) > 0


def test_two_bills_of_the_same_facts_have_the_same_bytes(assay, model):
    first, second = (assay.ok("bom", model).out for _ in range(2))
    assert first == second
    document = json.loads(first)
    assert "timestamp" not in document["metadata"]
    assert uuid.UUID(document["serialNumber"]).version == 8


def test_every_file_has_its_true_hash_and_size(assay, model):
    files = {part["name"]: part for part in bill(assay, model)["components"] if part["type"] == "file"}
    contents = {path.name: path.read_bytes() for path in (assay.home / "model").iterdir()}
    assert files.keys() == contents.keys()
    for path, data in contents.items():
        assert files[path]["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(data).hexdigest()}]
        assert properties(files[path])["size_bytes"] == str(len(data))


def test_the_dataset_of_the_training_is_named_by_its_digest(assay, name, model):
    document = bill(assay, model)
    data = component(document, f"{name}-train", "1")
    assert data["type"] == "data"
    assert data["data"] == [{"type": "dataset", "name": f"{name}-train"}]
    assert data["hashes"] == sha256(digest(assay, f"{name}-train:1"))
    assert properties(data)["relation"] == "trained-on"
    assert subject(document)["modelCard"]["modelParameters"]["datasets"] == [{"ref": data["bom-ref"]}]
    assert document["dependencies"] == [{"ref": subject(document)["bom-ref"], "dependsOn": [data["bom-ref"]]}]


def test_claims_are_told_as_claims_and_measurements_by_their_dataset(assay, name, model):
    dataset = f"{name}-test:1"
    assay.ok("push", f"{name}-test", FIXTURES / "test.npz", "--kind", "dataset")
    before = bill(assay, model)
    assert metrics(before, CLAIMED) == METADATA["metrics"]
    assert metrics(before, dataset) == {}
    assay.ok("verify", model, "--dataset", dataset)
    after = bill(assay, model)
    expected = json.loads((FIXTURES / "expected.json").read_text())[MODEL]
    measured = metrics(after, dataset)
    assert metrics(after, CLAIMED) == METADATA["metrics"]
    assert measured["accuracy"] == pytest.approx(expected["accuracy"], abs=1e-9)
    assert measured["macro_f1"] == pytest.approx(expected["macro_f1"], abs=1e-9)
    told = properties(subject(after))
    assert told[f"measured:{dataset}:sample_count"] == str(expected["samples"])
    assert float(told[f"measured:{dataset}:latency_p50_microseconds"]) > 0
    data = component(after, f"{name}-test", "1")
    assert data["hashes"] == sha256(digest(assay, dataset))
    assert {"ref": data["bom-ref"]} in subject(after)["modelCard"]["modelParameters"]["datasets"]
    assert after["dependencies"] == before["dependencies"]
    assert after["serialNumber"] != before["serialNumber"]


def test_a_parent_is_a_model_and_an_ancestor(assay, name, model):
    assay.ok("push", name, FIXTURES / "digits-2.onnx", "--derived-from", model, "--as", "quantized")
    document = bill(assay, f"{name}:2")
    parent = component(document, name, "1")
    assert parent["type"] == "machine-learning-model"
    assert parent["hashes"] == sha256(digest(assay, model))
    assert properties(parent)["relation"] == "quantized-from"
    ancestor, = subject(document)["pedigree"]["ancestors"]
    assert ancestor == {key: value for key, value in parent.items() if key != "bom-ref"}
    assert document["dependencies"][0]["dependsOn"] == [parent["bom-ref"]]


def test_a_dataset_has_a_bill_without_a_model_card(assay, name):
    assay.ok("push", name, FIXTURES / "test.npz", "--kind", "dataset")
    part = subject(bill(assay, f"{name}:1"))
    assert part["type"] == "data"
    assert part["data"] == [{"type": "dataset", "name": name}]
    assert part["hashes"] == sha256(digest(assay, f"{name}:1"))
    assert "modelCard" not in part


@pytest.mark.parametrize("text, told", [
    ("MIT OR Apache-2.0", {"expression": "MIT OR Apache-2.0"}),
    ("ours, ask us", {"license": {"name": "ours, ask us"}})])
def test_a_licence_is_an_expression_or_a_name(assay, name, text, told):
    assay.ok("push", name, FIXTURES / "digits-1.onnx", "--license", text)
    assert subject(bill(assay, f"{name}:1"))["licenses"] == [told]


def test_an_alias_gives_the_bill_of_its_version(assay, name, model):
    assay.ok("alias", "set", name, "candidate", "1")
    assert assay.ok("bom", f"{name}:candidate").out == assay.ok("bom", model).out


def test_a_version_that_is_not_there_has_no_bill(assay, name):
    outcome = assay.run("bom", f"{name}:1")
    assert outcome.code == NOT_FOUND, outcome
    assert not outcome.out.strip()
