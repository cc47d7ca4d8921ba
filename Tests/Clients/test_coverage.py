"""The tests themselves: every endpoint of the specification and every line of the list of bad inputs has one."""

import ast
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
WORKFLOWS = [
    "test_oci_pull.py", "test_oci_push.py", "test_oci_push_manifests.py", "test_oci_content_discovery.py",
    "test_oci_content_management.py"]

# OCI distribution specification 1.1.1, "Endpoints", and end-14 of the text on cancelling an upload.
ENDPOINTS = {
    "end-1", "end-2", "end-3", "end-4a", "end-4b", "end-5", "end-6", "end-7", "end-8a", "end-8b", "end-9", "end-10",
    "end-11", "end-12a", "end-12b", "end-13", "end-14"}
# Of the unreleased specification, and offered.
UNRELEASED_ENDPOINTS = {"end-4c"}

BAD_INPUTS = {
    "D": [1, 2, 4, 6, 7, 9, 11, 12, 14, 16, 17, 19],
    "H": [1, 2, 4, 6, 7, 9, 11, 12, 14, 16, 17, 19, 21, 22, 24, 26, 27, 29, 31, 32],
    "M": [1, 2, 4, 6, 7, 9, 11, 12, 14, 16, 17, 19, 21, 22, 24],
    "O": [1, 2, 4, 6, 7, 9, 11, 12, 14, 16, 17, 19, 21]}
# What no test holds, and why.
UNTESTED_BAD_INPUTS = {
    "D17": "there are no rights of single users yet",
    "H11": "the limit of silence is two minutes, and no setting makes it shorter",
    "H12": "likewise, for a reader that does not read",
    "H32": "there is no web interface"}


def clauses(source):
    """The tests of a file, each with the endpoints that its marks name."""
    tests = {}
    for function in ast.parse(source).body:
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
            tests[function.name] = [clause for mark in function.decorator_list if (clause := clause_of(mark))]
    return tests


def clause_of(mark):
    """The endpoint that `@pytest.mark.clause(id, text)` names; None for another mark."""
    if not (isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.clause"):
        return None
    identifier, text = (ast.literal_eval(argument) for argument in mark.args)
    assert text.strip(), "a clause without words"
    return identifier


def unmarked(source):
    return [name for name, named in clauses(source).items() if not named]


@pytest.mark.parametrize("file", WORKFLOWS)
def test_every_test_of_a_workflow_names_its_clause(file):
    source = (FOLDER / file).read_text()
    assert clauses(source), "no tests found"
    assert unmarked(source) == []


def test_every_endpoint_has_a_test():
    named = [clause for file in WORKFLOWS for test in clauses((FOLDER / file).read_text()).values() for clause in test]
    assert set(named) == ENDPOINTS | UNRELEASED_ENDPOINTS


def test_a_test_without_a_clause_is_found():
    marked = '@pytest.mark.clause("end-1", "some words")\ndef test_a():\n    pass\n'
    assert clauses(marked) == {"test_a": ["end-1"]}
    assert unmarked(marked + "@pytest.mark.parametrize('x', [1])\ndef test_b(x):\n    pass\n") == ["test_b"]


def bad_inputs_named_in(files):
    """The ids of lines that stand in test ids or doc comments."""
    return {name for file in files for name in re.findall(r"(?<![%\w])[DHMO]\d{1,2}\b", file.read_text())}


def test_every_bad_input_has_a_test():
    listed = {f"{group}{number}" for group, numbers in BAD_INPUTS.items() for number in numbers}
    named = bad_inputs_named_in(path for path in FOLDER.glob("test_*.py") if path.name != Path(__file__).name)
    assert named == listed - set(UNTESTED_BAD_INPUTS)


def test_every_file_of_tests_stands_in_the_table_that_says_what_it_is_for():
    told = (FOLDER / "README.md").read_text()
    assert [path.name for path in sorted(FOLDER.glob("test_*.py")) if f"`{path.name}`" not in told] == []
