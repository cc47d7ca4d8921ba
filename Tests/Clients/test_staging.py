"""How a version's files are called is its own matter: what an evaluator is given are these bytes by these names."""

import json
import os

import pytest
from harness import FIXTURES, Assay
from test_cage import with_external_file

EXPECTED = json.loads((FIXTURES / "expected.json").read_text())["digits-1"]["accuracy"]
# The names that an evaluation's own folder has used, or might, for something else.
LOCATIONS = ["model.onnx/weights.bin", "model.onnx/model-1.onnx/w", "model-1.onnx/weights.bin", "model/weights.bin",
             "baseline/weights.bin", "dataset.npz/weights.bin", "dataset/test_data_set_0/input_0.pb",
             "work/weights.bin",
             "evaluation-AAAAAA/weights.bin", "model.onnx.data", " ", "-rf", "a" * 255, "/".join(["d"] * 20 + ["w"])]


def push(assay, folder, location, model_name="net.onnx"):
    model, data = with_external_file(location)
    for path, content in ((model_name, model), (location, data)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    assay.ok("push", "own", folder)


@pytest.fixture(scope="module")
def place(binary, server_url, tmp_path_factory):
    assay = Assay(binary, tmp_path_factory.mktemp("staging"), server_url)
    assay.ok("push", "staging-data", FIXTURES / "test.npz", "--kind", "dataset")
    return assay


@pytest.mark.parametrize("location", LOCATIONS)
def test_no_location_of_a_models_data_meets_a_name_of_the_evaluators(place, name, tmp_path, location):
    model, data = with_external_file(location)
    for path, content in (("net.onnx", model), (location, data)):
        (tmp_path / "v" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "v" / path).write_bytes(content)
    place.ok("push", name, tmp_path / "v")
    # The model is the baseline too, in a folder of its own beside it.
    report = place.ok("verify", f"{name}:1", "--dataset", "staging-data:1", "--baseline", f"{name}:1", "--runs", "10",
                      "--json").json
    assert report["measurements"]["metrics"]["accuracy"] == pytest.approx(EXPECTED)


def test_a_model_in_a_folder_keeps_its_data_there(place, name, tmp_path):
    model, data = with_external_file("model.onnx/w")
    for path, content in (("a/b/model.onnx.d/net.onnx", model), ("a/b/model.onnx.d/model.onnx/w", data), ("w", b"no")):
        (tmp_path / "v" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "v" / path).write_bytes(content)
    place.ok("push", name, tmp_path / "v")
    report = place.ok("verify", f"{name}:1", "--dataset", "staging-data:1", "--runs", "10", "--json").json
    assert report["measurements"]["metrics"]["accuracy"] == pytest.approx(EXPECTED)


def test_nor_on_a_worker(binary, serve, tmp_path):
    server = serve("--evaluators", "0")
    assay = Assay(binary, tmp_path, server.url)
    assay.ok("push", "data", FIXTURES / "test.npz", "--kind", "dataset")
    push(assay, tmp_path / "v", LOCATIONS[0])
    worker = assay.start("worker", "--cache", tmp_path / "cache", "--once", "--onnx-runtime",
                         os.environ["ASSAY_ONNXRUNTIME"])
    try:
        report = assay.ok("verify", "own:1", "--dataset", "data:1", "--runs", "10", "--json").json
        assert report["measurements"]["metrics"]["accuracy"] == pytest.approx(EXPECTED)
        assert worker.wait(30) == 0
    finally:
        if worker.poll() is None:
            worker.kill()
