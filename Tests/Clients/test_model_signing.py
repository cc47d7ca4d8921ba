"""The model_signing tool judges a pulled folder by itself."""

import subprocess
import sys

import pytest
from harness import FIXTURES, public

TOOL_SECONDS = 60


def verify(folder, key):
    return subprocess.run(
        [sys.executable, "-m", "model_signing", "verify", "key", folder, "--signature", folder / "model.sig",
         "--public_key", key],
        capture_output=True, text=True, timeout=TOOL_SECONDS)


@pytest.fixture
def key(assay):
    return assay.key()


@pytest.fixture
def pulled(assay, name, key, tmp_path):
    """A signed model with a folder in it, pushed and pulled."""
    source = tmp_path / "source"
    (source / "a").mkdir(parents=True)
    (source / "digits.onnx").write_bytes((FIXTURES / "digits-1.onnx").read_bytes())
    # Two paths that sort in one way as text and in another by their parts.
    (source / "a" / "b.txt").write_text("nested\n")
    (source / "a-b.txt").write_text("beside\n")
    assay.ok("push", name, source, "--key", key)
    assay.ok("pull", f"{name}:1", tmp_path / "out", "--trust", public(key))
    return tmp_path / "out"


def test_a_pulled_folder_is_accepted(pulled, key):
    outcome = verify(pulled, public(key))
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def flip_one_bit(folder):
    data = bytearray((folder / "digits.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "digits.onnx").write_bytes(data)


def remove_a_file(folder):
    (folder / "a-b.txt").unlink()


def add_a_file(folder):
    (folder / "extra.txt").write_text("extra\n")


@pytest.mark.parametrize("change", [flip_one_bit, remove_a_file, add_a_file])
def test_a_changed_folder_is_refused(pulled, key, change):
    change(pulled)
    assert verify(pulled, public(key)).returncode != 0


def test_another_key_is_refused(assay, pulled):
    assert verify(pulled, public(assay.key("other"))).returncode != 0
