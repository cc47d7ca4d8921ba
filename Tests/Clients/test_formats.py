"""What files are by their content: `assay show`, the bill of materials, and policies that deny pickles.

Pickles are written by Python itself, joblib and scikit-learn; nothing here loads one.
"""

import bz2
import collections
import gzip
import io
import json
import lzma
import os
import pickle
import shutil
import struct
import tarfile
import zipfile

import joblib
import numpy as np
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from evidence import REFUSED, USAGE
from harness import FIXTURES, Assay
from sklearn.linear_model import LogisticRegression


class Harmful:
    """What a pickle of it does when it is loaded is what the tests are about; it is never loaded."""

    def __reduce__(self):
        return os.system, ("true",)


def safetensors(tensors, metadata=None):
    header, data = {"__metadata__": metadata} if metadata else {}, b""
    for name, array in tensors.items():
        raw = array.tobytes()
        kind = {"float32": "F32", "float16": "F16"}[str(array.dtype)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def checkpoint(inner, name="archive/data.pkl", method=zipfile.ZIP_STORED):
    """An archive as PyTorch writes it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr(name, inner)
        archive.writestr("archive/data/0", np.zeros(100, np.float32).tobytes())
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue()


def tarred(inner):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in (("readme.txt", b"words"), ("weights.ckpt", inner)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def objects(compressed):
    buffer = io.BytesIO()
    save = np.savez_compressed if compressed else np.savez
    save(buffer, a=np.zeros(3), b=np.array([Harmful(), None], dtype=object))
    return buffer.getvalue()


def joblibbed(value, **options):
    buffer = io.BytesIO()
    joblib.dump(value, buffer, **options)
    return buffer.getvalue()


def pickled(protocol, value=None):
    return pickle.dumps(Harmful() if value is None else value, protocol=protocol)


def legacy():
    """Several pickles and data behind them, as PyTorch wrote checkpoints before 1.6."""
    parts = [pickle.dumps(value, protocol=2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    state = pickle.dumps(collections.OrderedDict(a=Harmful()), protocol=2)
    return b"".join(parts) + state + pickle.dumps(["0"], protocol=2) + os.urandom(64)


HARMFUL = {f"protocol {protocol}": pickled(protocol) for protocol in range(6)} | {
    "checkpoint": checkpoint(pickled(2)),
    "checkpoint under another name": checkpoint(pickled(2), "x/words.txt"),
    "deflated checkpoint": checkpoint(pickled(2), method=zipfile.ZIP_DEFLATED),
    "archive behind other bytes": b"#!/bin/sh\nexit\n" + checkpoint(pickled(4)),
    "legacy checkpoint": legacy(),
    "array of objects": (lambda b: (np.save(b, np.array([Harmful()], dtype=object)), b.getvalue())[1])(io.BytesIO()),
    "archive of arrays": objects(False), "compressed archive of arrays": objects(True),
    "gzip": gzip.compress(pickled(4)), "tar": tarred(pickled(4)), "tar.gz": gzip.compress(tarred(pickled(2))),
    "zip within tar": tarred(checkpoint(pickled(2))),
    "joblib": joblibbed([Harmful()]), "joblib, compressed": joblibbed([Harmful()], compress=3),
    "garbage behind": pickled(0)[:-1] + b"\xff\xff garbage",
}


@pytest.fixture
def local(binary, tmp_path):
    """The command line over a store of its own, with the key of a release."""
    Assay(binary, tmp_path).ok("init", "store")

    class Local(Assay):
        def environment(self):
            return super().environment() | {
                "ASSAY_STORE": str(tmp_path / "store"), "ASSAY_ONNXRUNTIME": os.environ["ASSAY_ONNXRUNTIME"]}

    return Local(binary, tmp_path)


def inspections(assay, reference):
    return {item["path"]: item for item in assay.ok("show", reference, "--json").json["inspections"]}


def test_every_form_of_a_pickle_is_named_with_what_it_imports(local, tmp_path):
    folder = tmp_path / "m"
    folder.mkdir()
    for number, data in enumerate(HARMFUL.values()):
        (folder / f"model-{number}.bin").write_bytes(data)
    local.ok("push", "m", "m")
    found = inspections(local, "m:1")
    for number, kind in enumerate(HARMFUL):
        item = found[f"model-{number}.bin"]
        assert item["format"] == "pickle", (kind, item)
        assert {"posix.system", "os.system"} & set(item["imports"]), (kind, item)
    shown = local.ok("show", "m:1").out
    assert "model-0.bin: pickle" in shown and "posix.system" in shown


@pytest.mark.parametrize("kind", ["protocol 0", "tar.gz"])
def test_a_policy_that_denies_pickles_refuses_them_whatever_they_are_called(local, tmp_path, kind):
    folder = tmp_path / "m"
    folder.mkdir()
    shutil.copy(FIXTURES / "digits-1.onnx", folder / "model.onnx")
    key = local.key()
    local.ok("key", "trust", f"{key.with_suffix('.pub.pem')}")
    (tmp_path / "policy.yaml").write_text("version: 1\nformats: {deny: [pickle]}\n")
    local.ok("push", "m", "m", "--key", key)
    local.ok("policy", "set", "m", "production", "policy.yaml")
    promoted = local.ok("promote", "m:1", "production")
    assert "no pickle" in promoted.out
    (folder / "notes.txt").write_bytes(HARMFUL[kind])
    local.ok("push", "m", "m", "--key", key)
    refused = local.run("promote", "m:2", "production")
    assert refused.code == REFUSED and "'notes.txt' is pickle of " in refused.out, refused
    assert local.ok("show", "m:production", "--json").json["version"]["number"] == 1


OPAQUE = {
    "xz": lzma.compress(pickled(4)), "bz2": bz2.compress(pickled(4)),
    "two streams": gzip.compress(b"") + gzip.compress(pickled(4)),
    "zip by bzip2": checkpoint(pickled(2), method=zipfile.ZIP_BZIP2),
    "deep": tarred(gzip.compress(tarred(gzip.compress(tarred(b"x")))))}


def test_what_could_be_anything_counts_as_denied(local, tmp_path):
    key = local.key()
    local.ok("key", "trust", f"{key.with_suffix('.pub.pem')}")
    (tmp_path / "policy.yaml").write_text("version: 1\nformats: {deny: [pickle]}\n")
    for kind, data in OPAQUE.items():
        (tmp_path / "notes.txt").write_bytes(data)
        version = local.ok("push", "m", "notes.txt", "--key", key, "--json").json["version"]["number"]
        assert inspections(local, f"m:{version}")["notes.txt"]["is_opaque"] is True, kind
    local.ok("policy", "set", "m", "production", "policy.yaml")
    outcome = local.run("promote", "m:1", "production")
    assert outcome.code == REFUSED and "'notes.txt' could be: compressed by xz" in outcome.out, outcome


@pytest.mark.parametrize("policy", ["formats: {deny: [pickel]}", "formats: {dney: [pickle]}"])
def test_a_misspelt_demand_is_refused(local, tmp_path, policy):
    (tmp_path / "model.bin").write_bytes(b"x")
    local.ok("push", "m", "model.bin")
    (tmp_path / "policy.yaml").write_text(f"version: 1\n{policy}\n")
    refused = local.run("policy", "set", "m", "production", "policy.yaml")
    assert refused.code == REFUSED or refused.code == USAGE, refused
    assert "formats" in refused.err


def test_models_that_are_no_pickles_are_not_called_so(local, tmp_path):
    folder = tmp_path / "m"
    folder.mkdir()
    generator = np.random.default_rng(15)
    (folder / "model.safetensors").write_bytes(safetensors({"w": generator.normal(size=(8, 9)).astype(np.float32)}))
    (folder / "weights.bin").write_bytes(generator.normal(size=100_000).astype(np.float32).tobytes())
    np.savez_compressed(folder / "data.npz", a=generator.normal(size=10_000), b=np.array(["x", "y"]))
    (folder / "labels.txt").write_text("cat\ndog\nbird\n")
    (folder / "words.csv").write_text("col1\ncol2\nR.\n")
    with zipfile.ZipFile(folder / "words.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "a word\n" * 100_000)
    (folder / "vocab.txt.gz").write_bytes(gzip.compress(b"word\n" * 1000))
    shutil.copy(FIXTURES / "digits-2.onnx", folder / "model.onnx")
    local.ok("push", "m", "m")
    found = inspections(local, "m:1")
    assert {path: item["format"] for path, item in found.items()} == {
        "model.safetensors": "safetensors", "model.onnx": "onnx"}
    assert not any(item.get("is_opaque") for item in found.values())


def test_an_estimator_of_scikit_learn_is_read_to_its_end_or_says_where_not(local, tmp_path):
    model = LogisticRegression().fit(np.eye(3), [0, 1, 2])
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(model))
    joblib.dump(model, tmp_path / "b.joblib")
    local.ok("push", "m", "a.pkl", "b.joblib")
    found = inspections(local, "m:1")
    assert "sklearn.linear_model._logistic.LogisticRegression" in found["a.pkl"]["imports"]
    assert "not_inspected" not in found["a.pkl"]
    assert found["b.joblib"]["format"] == "pickle" and found["b.joblib"]["not_inspected"]


CARD = """---
license: llama3
license_name: our licence
datasets:
- org/words
base_model: org/base
base_model_relation: finetune
pipeline_tag: text-classification
tags: [a, b]
---
# A model
"""


def test_what_files_say_is_shown_and_in_the_bill(local, tmp_path):
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "README.md").write_text(CARD)
    (folder / "config.json").write_text(json.dumps({"architectures": ["BertModel"], "model_type": "bert"}))
    (folder / "model.safetensors").write_bytes(
        safetensors({"w": np.ones((2, 3), np.float32), "v": np.ones(4, np.float16)}, {"format": "pt"}))
    (folder / "old.bin").write_bytes(pickled(4))
    local.ok("push", "m", "m")
    shown = local.ok("show", "m:1").out
    for part in ("model.safetensors: safetensors", "10 of F32, F16", "org/base", "finetune", "org/words", "BertModel"):
        assert part in shown, part
    text = local.ok("bom", "m:1").out
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    subject = bill["metadata"]["component"]
    limitations = subject["modelCard"]["considerations"]["technicalLimitations"]
    assert limitations == ["loading the pickle 'old.bin' can run any code"]
    assert subject["licenses"] == [{"license": {"name": "our licence"}}]
    parameters = subject["modelCard"]["modelParameters"]
    assert parameters["task"] == "text-classification" and parameters["modelArchitecture"] == "BertModel"
    files = {item["name"]: {(p["name"], p["value"]) for p in item["properties"]} for item in bill["components"]}
    assert {("assay:format", "pickle"), ("assay:pickle_import", "posix.system")} <= files["old.bin"]
    assert ("assay:says:base_model", "org/base") in files["README.md"]
    assert ("assay:parameter_count", "10") in files["model.safetensors"]


def test_show_says_why_a_model_was_not_read(local, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no model at all")
    local.ok("push", "m", "model.onnx")
    assert "model.onnx: not read: not an ONNX model" in local.ok("show", "m:1").out
    assert "not an ONNX model" in inspections(local, "m:1")["model.onnx"]["not_inspected"]


def test_hostile_headers_end_in_a_reason(local, tmp_path):
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "long.safetensors").write_bytes(struct.pack("<Q", 1 << 63) + b"{}")
    (folder / "a.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1 << 63, 1 << 63))
    (folder / "README.md").write_text("---\n" + "".join(f"k{number}: v\n" for number in range(1_000_000)) + "---\n")
    overlapping = {"a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]},
                   "b": {"dtype": "U8", "shape": [2], "data_offsets": [1, 3]}}
    text = json.dumps(overlapping).encode()
    (folder / "over.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"abc")
    local.ok("push", "m", "m")
    found = inspections(local, "m:1")
    assert len(found) == 4 and all(item["not_inspected"] for item in found.values()), found
    assert "overlap" in found["over.safetensors"]["not_inspected"]
