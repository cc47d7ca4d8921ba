"""One name in two forms of Unicode is two files: pushed, signed, pulled, bundled, measured and rewritten."""

import json
import shutil

import onnx
import pytest
from evidence import DONE, INTEGRITY, REFUSED
from harness import FIXTURES, public

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


@pytest.fixture
def key(assay):
    key = assay.key()
    assay.ok("key", "trust", public(key))
    return key


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def contents(folder):
    return {name: (folder / name).read_text() for name in names(folder) if name != "model.sig"}


@pytest.mark.parametrize("same", [False, True], ids=["other bytes", "the same bytes"])
@pytest.mark.parametrize("suffix", [".txt", "/in.txt"], ids=["files", "folders"])
def test_both_forms_are_pushed_signed_pulled_and_bundled(assay, name, key, suffix, same):
    model = assay.home / "model"
    for form, text in ((COMPOSED, "one"), (DECOMPOSED, "one" if same else "two")):
        (model / (form + suffix)).parent.mkdir(parents=True, exist_ok=True)
        (model / (form + suffix)).write_text(text)
    assay.ok("push", name, "model", "--key", key)
    listed = assay.ok("show", f"{name}:1", "--json").json["files"]
    assert sorted(file["path"] for file in listed) == sorted(contents(model))
    assay.ok("pull", f"{name}:1", "out", "--trust", public(key))
    assert contents(assay.home / "out") == contents(model)
    assert assay.ok("check", "out", "--trust", public(key), "--json").json["file_count"] == 2
    assay.ok("bundle", "export", f"{name}:1", "-o", "one.tar")
    assert assay.ok("bundle", "verify", "one.tar", "--trust", public(key), "--json").json["file_count"] == 2
    assay.ok("bundle", "import", "one.tar", "--as", f"{name}-again", "--trust", public(key))
    assay.ok("pull", f"{name}-again:1", "again", "--trust", public(key))
    assert contents(assay.home / "again") == contents(model)


@pytest.mark.parametrize("change", ["renamed", "swapped", "both"])
def test_a_file_of_the_other_form_is_not_the_signed_one(assay, name, key, change):
    (assay.home / "model").mkdir()
    (assay.home / "model" / f"{COMPOSED}.txt").write_text("one")
    if change == "swapped":
        (assay.home / "model" / f"{DECOMPOSED}.txt").write_text("two")
    assay.ok("push", name, "model", "--key", key)
    assay.ok("pull", f"{name}:1", "out", "--trust", public(key))
    out = assay.home / "out"
    match change:
        case "renamed":
            (out / f"{COMPOSED}.txt").rename(out / f"{DECOMPOSED}.txt")
        case "swapped":
            (out / f"{COMPOSED}.txt").write_text("two")
            (out / f"{DECOMPOSED}.txt").write_text("one")
        case "both":
            shutil.copy(out / f"{COMPOSED}.txt", out / f"{DECOMPOSED}.txt")
    outcome = assay.run("check", "out", "--trust", public(key))
    assert outcome.code == INTEGRITY, outcome


def with_external_files(*locations):
    """The model with its weights in files, one after the other, and the bytes of each file."""
    built = onnx.load(FIXTURES / "digits-1.onnx")
    files = dict.fromkeys(locations, b"")
    for number, tensor in enumerate(built.graph.initializer):
        location = locations[number % len(locations)]
        place, size = len(files[location]), len(tensor.raw_data)
        files[location] += tensor.raw_data
        for field, text in (("location", location), ("offset", str(place)), ("length", str(size))):
            tensor.external_data.add(key=field, value=text)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.ClearField("raw_data")
    return built.SerializeToString(), files


@pytest.fixture
def external(assay):
    """A folder with a model that keeps its weights in two files of one name in two forms."""
    model, files = with_external_files(f"{COMPOSED}.bin", f"{DECOMPOSED}.bin")
    folder = assay.home / "external"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(model)
    for location, data in files.items():
        (folder / location).write_bytes(data)
    return folder


def test_external_data_is_found_by_the_bytes_of_its_name(assay, name, key, external):
    assay.ok("push", f"{name}-data", FIXTURES / "test.npz", "--kind", "dataset")
    assay.ok("push", name, external, "--key", key)
    report = assay.ok("verify", f"{name}:1", "--dataset", f"{name}-data:1", "--runs", "10", "--json").json
    assert report["measurements"]["metrics"]["accuracy"] == pytest.approx(
        json.loads((FIXTURES / "expected.json").read_text())["digits-1"]["accuracy"], abs=1e-9)


def test_external_data_of_the_other_form_is_none(assay, name, key, external):
    assay.ok("push", f"{name}-data", FIXTURES / "test.npz", "--kind", "dataset")
    (external / f"{DECOMPOSED}.bin").unlink()
    assay.ok("push", name, external, "--key", key)
    outcome = assay.run("verify", f"{name}:1", "--dataset", f"{name}-data:1", "--runs", "10")
    assert outcome.code == REFUSED and "no file of the version" in outcome.err, outcome


def test_a_rewritten_model_has_the_weights_of_both_files(assay, name, key, external):
    assay.ok("push", f"{name}-data", FIXTURES / "test.npz", "--kind", "dataset")
    assay.ok("push", name, external, "--key", key)
    assay.ok("optimize", f"{name}:1", "--precision", "fp16")
    report = assay.ok("verify", f"{name}:2", "--dataset", f"{name}-data:1", "--runs", "10", "--json").json
    assert report["measurements"]["metrics"]["accuracy"] == pytest.approx(0.958, abs=0.01)
    assert names_of(assay, f"{name}:2") == ["model.onnx"]


def names_of(assay, reference):
    return sorted(file["path"] for file in assay.ok("show", reference, "--json").json["files"])


def test_a_mark_behind_a_slash_leads_through_no_link(assay, name, key):
    """A component that begins with a combining mark is a component, and its folder is not followed as a link."""
    folder = assay.home / "marks"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "\u0301b").write_text("one")
    assay.ok("push", name, "marks", "--key", key)
    (assay.home / "out").mkdir()
    (assay.home / "elsewhere").mkdir()
    (assay.home / "out" / "a").symlink_to(assay.home / "elsewhere")
    outcome = assay.run("pull", f"{name}:1", "out", "--trust", public(key))
    assert outcome.code != DONE, outcome
    assert not list((assay.home / "elsewhere").iterdir())
