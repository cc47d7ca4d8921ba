"""Models that keep weights in files beside themselves: what push says of them, and which spellings are one file."""

import json
import os

import onnx
import pytest
from harness import FIXTURES, Assay

LOCATION = "weights/w.bin"


@pytest.fixture
def local(binary, tmp_path):
    """The command line over a store of its own."""
    Assay(binary, tmp_path).ok("init", "store")

    class Local(Assay):
        def environment(self):
            return super().environment() | {
                "ASSAY_STORE": str(tmp_path / "store"), "ASSAY_ONNXRUNTIME": os.environ["ASSAY_ONNXRUNTIME"]}

    return Local(binary, tmp_path)


def write(folder, location, *, place=onnx.TensorProto.EXTERNAL, keeps_data=False):
    """A model whose weights lie in one file, as its entries say; gives the bytes of that file."""
    model = onnx.load(FIXTURES / "digits-1.onnx")
    data = b""
    for tensor in model.graph.initializer:
        raw = tensor.raw_data
        for key, text in (("location", location), ("offset", str(len(data))), ("length", str(len(raw)))):
            tensor.external_data.add(key=key, value=text)
        tensor.data_location = place
        if not keeps_data:
            tensor.ClearField("raw_data")
        data += raw
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return data


def test_a_push_that_forgets_external_data_says_so_and_names_the_file(local, tmp_path):
    write(tmp_path, "model.onnx.data")
    done = local.ok("push", "m", "model.onnx")
    assert "warning: 'model.onnx'" in done.err and "'model.onnx.data' is no file of the version" in done.err, done
    assert "next:" in done.err
    answer = local.ok("push", "n", "model.onnx", "--json")
    assert answer.json["is_new"] is True and "warning:" in answer.err


def test_a_data_file_that_is_pushed_without_its_folder_is_seen(local, tmp_path):
    data = write(tmp_path, LOCATION)
    (tmp_path / "weights").mkdir()
    (tmp_path / LOCATION).write_bytes(data)
    done = local.ok("push", "m", "model.onnx", LOCATION)
    assert f"'{LOCATION}' is no file of the version; there is 'w.bin'" in done.err, done


def test_a_data_file_that_is_cut_is_seen(local, tmp_path):
    data = write(tmp_path / "m", "w.bin")
    (tmp_path / "m" / "w.bin").write_bytes(data[:-1])
    assert f"is read up to byte {len(data)} and has {len(data) - 1}" in local.ok("push", "m", "m").err


@pytest.mark.parametrize("location", ["w.bin", "./w.bin", "./weights/./w.bin", "größe.bin"])
def test_a_whole_model_is_pushed_without_a_word_and_measured(local, tmp_path, location):
    data = write(tmp_path / "m", location)
    file = tmp_path / "m" / location
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    assert "warning" not in local.ok("push", "m", "m").err
    local.ok("push", "d", FIXTURES / "test.npz", "--kind", "dataset")
    report = local.ok("verify", "m:1", "--dataset", "d:1", "--runs", "10", "--json").json
    expected = json.loads((FIXTURES / "expected.json").read_text())["digits-1"]["accuracy"]
    assert report["measurements"]["metrics"]["accuracy"] == pytest.approx(expected, abs=1e-9)


def test_entries_that_data_location_makes_void_need_no_file(local, tmp_path):
    """onnx/onnx#3157: entries are left behind when the data is taken back into the model."""
    write(tmp_path / "m", "gone.bin", place=onnx.TensorProto.DEFAULT, keeps_data=True)
    assert "warning" not in local.ok("push", "m", "m").err
    local.ok("push", "d", FIXTURES / "test.npz", "--kind", "dataset")
    local.ok("verify", "m:1", "--dataset", "d:1", "--runs", "10")
