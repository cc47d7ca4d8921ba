"""The OpenAPI document against the server, by schemathesis: no request gets a 5xx, and no answer that is not described.

What the document says is good must be taken, and what it says is bad refused.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from harness import FIXTURES, REPOSITORY_ROOT, digest_of, public

DOCUMENT = REPOSITORY_ROOT / "schema" / "openapi" / "assay-v1.yaml"
CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
# The bound for the run; it takes under a minute where nothing else runs.
SECONDS = 600
CASES_MIN = 3_000
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def document():
    return yaml.safe_load(DOCUMENT.read_text())


def operations(document):
    return [
        (path, method, operation) for path, item in document["paths"].items() for method, operation in item.items()
        if method in METHODS]


@pytest.fixture
def store(assay, server):
    """Something of each kind, under the names that the document has as examples."""
    assay = assay.at(server.url)
    key = assay.key()
    assay.ok("key", "trust", public(key))
    assay.ok("push", "digits-test", FIXTURES / "test.npz", "--kind", "dataset", "--key", key)
    assay.ok("push", "digits", FIXTURES / "digits-1.onnx", FIXTURES / "digits-1.yaml", "--key", key,
             "--trained-on", "digits-test:1")
    (assay.home / "policy.yaml").write_text("version: 1\nlineage: [trained-on]\n")
    assay.ok("policy", "set", "digits", "production", "policy.yaml")
    assay.ok("promote", "digits:1", "production")
    assay.ok("verify", "digits:1", "--dataset", "digits-test:1")
    return assay


def test_every_answer_is_described_and_none_is_a_fault(store, server):
    outcome = subprocess.run(
        [Path(sys.executable).parent / "schemathesis", "--config-file", CONFIGURATION, "run", DOCUMENT, "--url",
         server.url], cwd=store.home, capture_output=True, text=True, timeout=SECONDS)
    assert outcome.returncode == 0, outcome.stdout[-20_000:] + outcome.stderr
    cases = re.search(r"(\d+) generated", outcome.stdout)
    assert cases and int(cases[1]) > CASES_MIN, outcome.stdout[-2_000:]
    server.assert_running()


def test_every_operation_names_the_errors_that_it_answers(document):
    responses = document["components"]["responses"]
    for path, method, operation in operations(document):
        statuses = set(operation["responses"])
        assert "default" not in statuses and {"400", "401", "414", "415", "417", "500"} <= statuses, (path, method)
        assert ("413" in statuses) >= ("requestBody" in operation), (path, method)
        for status, answer in operation["responses"].items():
            if status.startswith(("4", "5")) and "$ref" in answer:
                answer = responses[answer["$ref"].rsplit("/", 1)[1]]
            if status.startswith("4"):
                assert list(answer["content"]) == ["application/problem+json"], (path, method, status)


def test_every_text_that_a_request_has_to_match_is_bounded_or_free(document):
    """References, names and times have a pattern, and numbers a range."""
    schemas = document["components"]["schemas"]
    for name in ("RepositoryName", "AliasName", "Reference", "AliasReference", "Timestamp", "GivenTime", "Digest"):
        assert schemas[name]["pattern"].startswith("^") and schemas[name]["pattern"].endswith("$"), name
    for path, method, operation in operations(document):
        for parameter in operation.get("parameters", []):
            if "$ref" in parameter:
                parameter = document["components"]["parameters"][parameter["$ref"].rsplit("/", 1)[1]]
            if parameter["schema"].get("type") == "integer":
                assert {"minimum", "maximum"} <= set(parameter["schema"]), (path, method, parameter["name"])


def test_requests_have_no_other_keys(document):
    for path, method, operation in operations(document):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body:
            schema = document["components"]["schemas"][body["schema"]["$ref"].rsplit("/", 1)[1]]
            assert schema["additionalProperties"] is False, (path, method)


@pytest.mark.parametrize("time, code", [
    ("2026-11-25T08:00:00Z", 200), ("2026-11-25T08:00:00.000Z", 200), ("2026-11-25T10:00:00%2B02:00", 200),
    ("2026-11-25T10:00:00+02:00", 200), ("2026-11-25", 400), ("2026-11-25T08:00:00", 400), ("now", 400)])
def test_times_are_taken_as_rfc_3339_has_them(registry, time, code):
    assert registry.get(f"/api/v1/audit/entries?since={time}").status_code == code


@pytest.mark.parametrize("query", [
    "audit/entries?cause=moved", "audit/entries?kind=none", "selections/digits?min=a", "selections/digits?min=a=nan",
    "selections/digits?max=a=1,", "selections/digits?max_p99_milliseconds=0",
    "selections/digits?max_p99_milliseconds=inf",
    "repositories?limit=1001", "lineage/digits:1?depth=1001", "versions?repository=digits&after=x",
    "versions?repository=a&repository=b"])
def test_what_is_out_of_range_is_refused(registry, query):
    answer = registry.get(f"/api/v1/{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "request-invalid") and answer.json()["remedy"]


def test_the_examples_are_those_of_the_fixtures(document):
    digest = document["components"]["parameters"]["content"]["example"]
    assert digest == digest_of((FIXTURES / "digits-1.onnx").read_bytes())


def test_a_policy_is_what_its_own_schema_says(document):
    """The document has it whole, for generators that follow no references out of a file."""
    def plain(part):
        if isinstance(part, list):
            return [plain(item) for item in part]
        if not isinstance(part, dict):
            return part
        # The type beside an enumeration is for generators; a reference is told by what it leads to.
        name = part.get("$ref", "").rsplit("/", 1)[-1].removeprefix("Policy").lower()
        return {
            key: name if key == "$ref" else plain(value) for key, value in part.items()
            if not (key == "type" and ("enum" in part or "const" in part))}

    own = json.loads((REPOSITORY_ROOT / "schema" / "json" / "policy-v1.json").read_text())
    schemas = document["components"]["schemas"]
    assert plain(schemas["Policy"]) == {
        key: value for key, value in plain(own).items() if key not in ("$schema", "$id", "title", "$defs")}
    for name, definition in own["$defs"].items():
        if name != "reference":
            assert plain(schemas[f"Policy{name[0].upper()}{name[1:]}"]) == plain(definition), name
