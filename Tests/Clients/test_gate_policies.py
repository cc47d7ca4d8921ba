"""The gate believes what statements say, waives what waivers name, and takes no policy that says less than it seems."""

import hashlib
import json

import pytest
from evidence import (
    DONE, INTEGRITY, NOT_FOUND, REFUSED, REPORT, REVIEW, TEST_RESULT, USAGE, VERDICT, attached, digest, sealed,
    statement)
from harness import FIXTURES, OCI_EMPTY, OCI_MANIFEST, descriptor, image_manifest, public
from proxy import Proxy

ENVELOPE = "application/vnd.dsse.envelope.v1+json"
WAIVER = "https://assay.dev/attestation/waiver/v2"
OLD_WAIVER = "https://assay.dev/attestation/waiver/v1"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def key(assay):
    key = assay.key()
    assay.ok("key", "trust", public(key))
    return key


@pytest.fixture
def data(assay, name):
    assay.ok("push", f"{name}-data", FIXTURES / "test.npz", "--kind", "dataset")
    return f"{name}-data:1"


@pytest.fixture
def version(assay, name, key):
    assay.ok("push", name, FIXTURES / "digits-1.onnx", "--key", key)
    return f"{name}:1"


def set_policy(assay, name, text, *options, alias="production"):
    (assay.home / f"{alias}.yaml").write_text(f"version: 1\n{text}\n")
    return assay.run("policy", "set", name, alias, f"{alias}.yaml", *options)


def protect(assay, name, text, alias="production"):
    outcome = set_policy(assay, name, text, alias=alias)
    assert outcome.code == DONE, outcome


def promote(assay, version, alias="production"):
    return assay.run("promote", version, alias).code


def attest(assay, version, kind, predicate, key):
    (assay.home / "predicate.json").write_text(json.dumps(predicate))
    return assay.run("attest", version, "--type", kind, "--predicate", "predicate.json", "--key", key)


def put_policy(registry, name, policy, query="", alias="production"):
    body = policy if isinstance(policy, str) else json.dumps(policy)
    return registry.request("PUT", f"/api/v1/policies/{name}:{alias}{query}", data=body.encode(), headers=JSON)


def push_referrer(registry, name, subject, envelope, **annotations):
    """An envelope as any OCI client hangs it on a manifest."""
    registry.push_blob(name, b"{}")
    layer = registry.push_blob(name, envelope) | {"mediaType": ENVELOPE}
    manifest = image_manifest(
        [layer], artifactType=ENVELOPE, config=descriptor(b"{}", OCI_EMPTY),
        subject=descriptor(registry.get_manifest(name, subject).content, OCI_MANIFEST), annotations=annotations)
    body = json.dumps(manifest).encode()
    answer = registry.put_manifest(name, "sha256:" + hashlib.sha256(body).hexdigest(), body)
    assert answer.status_code == 201, answer.text


# What statements say


@pytest.mark.parametrize("demand", [
    "attestations: [{type: report}]", "attestations: [{type: test-result}]", "attestations: [{type: verdict}]",
    "lineage: [evaluated-on]", "attestations: [{type: verdict, role: registry}, {type: report}]"])
def test_a_file_that_is_no_model_is_not_promoted_by_asking_twice(assay, name, key, data, demand):
    (assay.home / "model.onnx").write_text("not a model at all")
    assay.ok("push", name, "model.onnx", "--key", key)
    protect(assay, name, f"dataset: {data}\nmetrics: {{accuracy: {{min: 0.1}}}}\n{demand}")
    for _ in range(2):
        assert promote(assay, f"{name}:1") == REFUSED
    protect(assay, name, demand)
    for _ in range(3):
        assert promote(assay, f"{name}:1") == REFUSED
    said = {(item["predicate_type"], item.get("result"))
            for item in assay.ok("attestations", f"{name}:1", "--json").json["items"]}
    assert {(REPORT, "failed"), (TEST_RESULT, "failed"), (VERDICT, "failed")} <= said
    shown = assay.ok("attestations", f"{name}:1").out
    assert "RESULT" in shown.splitlines()[0]
    assert any(line.split()[1:3] == ["verdict", "failed"] for line in shown.splitlines())


def test_what_was_measured_is_evidence(assay, name, version, data):
    demand = "lineage: [evaluated-on]\nattestations: [{type: report}, {type: test-result, role: registry}]"
    protect(assay, name, demand)
    assert promote(assay, version) == REFUSED
    assay.ok("verify", version, "--dataset", data, "--runs", "10")
    assert promote(assay, version) == DONE


@pytest.mark.parametrize("field", ["assay_alias", "'urn:assay:verdict:alias'"])
def test_a_verdict_is_evidence_for_another_alias_alone(assay, name, version, field):
    """By the name that the field had in earlier builds, too: policies with it go on."""
    protect(assay, name, f"attestations: [{{type: verdict, where: {{{field}: staging}}}}]")
    assert [promote(assay, version) for _ in range(2)] == [REFUSED, REFUSED]
    protect(assay, name, "", alias="staging")
    assert promote(assay, version, "staging") == DONE
    assert promote(assay, version) == DONE


@pytest.mark.parametrize("claims, code", [
    (["PASSED"], DONE), (["FAILED"], REFUSED), (["WARNED"], REFUSED), (["PASSED", "FAILED"], REFUSED),
    (["FAILED", "PASSED"], DONE), (["passed"], REFUSED)])
def test_of_test_results_the_newest_decides(assay, name, version, key, claims, code):
    protect(assay, name, "attestations: [{type: test-result}]")
    for claim in claims:
        assert attest(assay, version, TEST_RESULT, {"result": claim, "configuration": []}, key).code == DONE
    assert promote(assay, version) == code


def test_a_yes_before_a_no_does_not_come_back_by_any_door(assay, registry, name, version, key):
    protect(assay, name, f"attestations: [{{type: '{REVIEW}', where: {{approved: true}}}}]")
    subject = digest(assay, version)
    assert attest(assay, version, REVIEW, {"approved": True}, key).code == DONE
    yes, = attached(registry, name, subject, ENVELOPE, REVIEW)
    assert assay.run("policy", "check", version, "production").code == DONE
    assert attest(assay, version, REVIEW, {"approved": False}, key).code == DONE
    assert promote(assay, version) == REFUSED
    push_referrer(registry, name, subject, yes, note="again")
    push_referrer(registry, name, subject, yes + b"\n", note="other bytes")
    push_referrer(registry, name, subject, json.dumps(json.loads(yes), indent=1).encode(), note="indented")
    assert promote(assay, version) == REFUSED
    # New words are new evidence, whoever asks.
    assert attest(assay, version, REVIEW, {"approved": True, "round": 2}, key).code == DONE
    assert promote(assay, version) == DONE


@pytest.mark.parametrize("predicate, code", [
    ({"approved": True, "metrics": {"mmlu": 0.61}}, DONE), ({"approved": True, "metrics": {"mmlu": 0.59}}, REFUSED),
    ({"approved": False, "metrics": {"mmlu": 0.9}}, REFUSED), ({"approved": "true", "metrics": {"mmlu": 0.9}}, REFUSED),
    ({"approved": 1, "metrics": {"mmlu": 0.9}}, REFUSED), ({"Approved": True, "metrics": {"mmlu": 0.9}}, REFUSED),
    ({"approved": True, "metrics": {"mmlu": "0.9"}}, REFUSED), ({"approved": True, "metrics.mmlu": 0.9}, REFUSED),
    ({"approved": True, "metrics": [{"mmlu": 0.9}]}, REFUSED), ({"approved": True, "metrics": None}, REFUSED),
    ({}, REFUSED), ({"approved": True, "metrics": {"mmlu": True}}, REFUSED)])
def test_a_demand_bounds_the_fields_of_any_predicate(assay, name, version, key, predicate, code):
    protect(
        assay, name, f"attestations: [{{type: '{REVIEW}', where: {{approved: true, metrics.mmlu: {{min: 0.6}}}}}}]")
    assert attest(assay, version, REVIEW, predicate, key).code == DONE
    assert promote(assay, version) == code


def test_two_demands_of_one_type_are_two_requirements(assay, name, version, key):
    protect(assay, name, f"""attestations:
  - {{type: '{REVIEW}', where: {{stage: one}}}}
  - {{type: '{REVIEW}', where: {{stage: two}}}}
waivers: {{role: release}}""")
    outcome = assay.run("promote", version, "production", "--json")
    names = [line["requirement"] for line in outcome.json["outcomes"] if line["status"] != "passed"]
    assert len(set(names)) == 2, names
    assay.ok("waive", version, "production", "--requirement", names[0], "--reason", "x", "--expires", "2100-01-01",
             "--key", key)
    outcome = assay.run("promote", version, "production", "--json")
    assert outcome.code == REFUSED
    status = {line["requirement"]: line["status"] for line in outcome.json["outcomes"]}
    assert (status[names[0]], status[names[1]]) == ("waived", "missing")


# Waivers


WAIVABLE = "dataset: {}\nmetrics: {{accuracy: {{min: 0.97}}}}\nwaivers: {{role: release}}"


def waive(assay, version, key, requirement="accuracy", alias="production"):
    return assay.run("waive", version, alias, "--requirement", requirement, "--reason", "x", "--expires", "2100-01-01",
                     "--key", key)


def test_a_waiver_names_all_that_it_is_for_and_waives_nothing_else(assay, registry, name, version, key, data):
    protect(assay, name, WAIVABLE.format(data))
    assert promote(assay, version) == REFUSED
    assert waive(assay, version, key).code == DONE
    said = assay.ok("attestations", version, "--show", WAIVER).json["predicate"]
    policy = assay.ok("policy", "show", name, "production", "--json").json["digest"]
    assert (said["repository"], said["version"], said["alias"], said["policy"]) == (
        name, digest(assay, version), "production", policy)
    # The same policy for another alias, and another policy for the same one.
    protect(assay, name, WAIVABLE.format(data), alias="second")
    assert promote(assay, version, "second") == REFUSED
    protect(assay, name, WAIVABLE.format(data).replace("0.97", "0.971"))
    assert promote(assay, version) == REFUSED
    # The very bytes under the old policy count as before.
    protect(assay, name, WAIVABLE.format(data))
    assert promote(assay, version) == DONE


def forged(key, subject, **fields):
    predicate = {
        "version": subject, "alias": "production", "requirement": "accuracy", "reason": "x",
        "expires_at": "2100-01-01T00:00:00.000Z"} | fields
    return json.dumps(sealed(key, statement(
        subject, WAIVER, {name: value for name, value in predicate.items() if value is not None})))


@pytest.mark.parametrize("change", [
    {"repository": "tests/elsewhere"}, {"version": "sha256:" + "1" * 64}, {"policy": "sha256:" + "2" * 64},
    {"alias": "staging"}, {"requirement": "acuracy"}, {"requirement": "signature"}, {"requirement": "*"},
    {"policy": None}, {"repository": None}, {"version": None}, {"extra": 1}, {"expiresAt": "2100-01-01T00:00:00.000Z"}],
    ids=str)
def test_a_waiver_that_could_never_count_is_refused_when_it_is_made(
        assay, registry, name, version, key, data, change):
    protect(assay, name, WAIVABLE.format(data))
    assert promote(assay, version) == REFUSED
    policy = assay.ok("policy", "show", name, "production", "--json").json["digest"]
    facts = {"repository": name, "policy": policy, "subject": digest(assay, version)}
    envelope = forged(key, **(facts | change))
    answer = registry.request("POST", "/api/v1/attestations", json={"reference": version, "envelope": envelope})
    assert answer.status_code in (400, 404), answer.text
    # By another door it is kept, and counts for nothing.
    push_referrer(registry, name, facts["subject"], envelope.encode())
    assert promote(assay, version) == REFUSED
    good = forged(key, **facts)
    answer = registry.request("POST", "/api/v1/attestations", json={"reference": version, "envelope": good})
    assert answer.status_code == 201, answer.text
    assert promote(assay, version) == DONE


def test_a_waiver_of_the_old_form_counts_no_longer(assay, registry, name, version, key, data):
    protect(assay, name, WAIVABLE.format(data))
    assert promote(assay, version) == REFUSED
    old = {"alias": "production", "requirement": "accuracy", "reason": "x", "expires_at": "2100-01-01T00:00:00.000Z"}
    envelope = json.dumps(sealed(key, statement(digest(assay, version), OLD_WAIVER, old)))
    answer = registry.request("POST", "/api/v1/attestations", json={"reference": version, "envelope": envelope})
    assert (answer.status_code, answer.json()["code"]) == (400, "request-invalid")
    push_referrer(registry, name, digest(assay, version), envelope.encode())
    assert promote(assay, version) == REFUSED


def test_the_command_refuses_what_the_policy_does_not_have(assay, name, version, key, data):
    protect(assay, name, WAIVABLE.format(data))
    outcome = waive(assay, version, key, "acuracy")
    assert outcome.code == USAGE and "did you mean 'accuracy'" in outcome.err
    assert waive(assay, version, key, "accuracy.drop").code == USAGE
    assert waive(assay, version, key, alias="staging").code == NOT_FOUND
    assert len(assay.ok("attestations", version, "--json").json["items"]) == 2, "only the signature and the binding"


@pytest.mark.parametrize("said, told", [
    (b'"min":0.97', b'"min":0.10'), (b'"digest":"sha256:', b'"digest":"sha256:0000'),
    (b'"alias":"production"', b'"alias":"productive"')], ids=["policy", "digest", "alias"])
def test_what_the_server_tells_of_a_policy_is_compared_with_what_was_asked(
        assay, name, version, key, data, said, told):
    """Replacements are of one length, so that the message stays whole."""
    protect(assay, name, WAIVABLE.format(data))

    def change(piece):
        start = piece.find(said)
        if start < 0 or b'"waivers"' not in piece:
            return piece
        return piece[:start] + told + piece[start + len(told):]

    with Proxy(int(assay.server.rpartition(":")[2]), change) as proxy:
        outcome = assay.at(proxy.url).run(
            "waive", version, "production", "--requirement", "accuracy", "--reason", "x", "--expires", "2100-01-01",
            "--key", key)
        assert outcome.code == INTEGRITY, outcome
        outcome = assay.at(proxy.url).run("policy", "set", name, "production", "production.yaml")
        assert outcome.code == INTEGRITY, outcome
    assert len(assay.ok("attestations", version, "--json").json["items"]) == 2, "nothing more was signed"


# Policies that say less than they seem


MISSPELT = [
    "metrics: {accuracy: {min: 0,9}}", "metrics:\n  accuracy:\n    min: 0,9", "metrics.accuracy.min: 0.9",
    "metrics: {accuracy: {min: 0.1}}\nmetrics.accuracy.min: 0.9", "metrics: {accuracy: {min: 0.1}, accuracy.min: 0.9}",
    "metrics: {accuracy: {min: 0.1, max_drop: }}", "size: ", "size: ~", "size: null", "size: {max_bytes: 100:00}",
    "size: {max_bytes: 020000}", "size: {max_bytes: 0x1F}", "size: {max_bytes: 1_000}", "size: {max_bytes: 0o17}",
    "size: {max_bytes: +1}", "metrics: {accuracy: {min: .5}}", "metrics: {accuracy: {min: yes}}",
    "metrics: {accuracy: {Min: 0.5}}", "metrics: {accuracy: {min: 0.5, maxDrop: 0}}",
    "metrics: {accuracy: {min: 0.5, max__drop: 0}}", "metrics: {acuracy: {min: 0.5}}",
    "metrics: {accuracy: {min: 0.9, max: 0.1}}", "metrics: {accuracy: {min: 1e400}}", "size: {max_bytes: 12:30:45}",
    "profiles: {production: {}, staging: {size.max_bytes: 1}}", "profiles: {production: {}, staging: {size: null}}",
    "profiles: {production: {}, staging: {size: {max_bytes: 0x1F}}}", "profiles: {production: {}, staging: }",
    "profiles: {production: {metrics: {acuracy: {min: 0.9}}}}",
    "size: {max_bytes: 5}\nprofiles: {production: {}, staging: {sise: {max_bytes: 1}}}",
    "metrics: {accuracy: {per_slice: {\"\\u00e9\": {min: 0.9}, \"e\\u0301\": {min: 0.1}}}}",
    f"attestations: [{{type: '{REVIEW}'}}]", f"attestations: [{{type: '{REVIEW}', role: release}}]",
    f"attestations: [{{type: '{REVIEW}', where: {{approved: yes}}}}]",
    f"attestations: [{{type: '{REVIEW}', where: {{metrics: {{mmlu: {{min: 1}}}}}}}}]",
    "metrics: {size: {min: 1}}\nsize: {max_bytes: 1}"]


@pytest.mark.parametrize("text", MISSPELT)
def test_a_misspelt_policy_is_refused_and_changes_nothing(assay, name, version, data, text):
    protect(assay, name, "size: {max_bytes: 7}")
    before = assay.ok("policy", "show", name, "production", "--json").json
    outcome = set_policy(assay, name, f"dataset: {data}\n{text}", *(
        ["--allow-unknown"] if text.startswith("metrics: {size") else []))
    assert outcome.code == USAGE, outcome
    assert assay.ok("policy", "show", name, "production", "--json").json == before


BODIES = [
    '{"version":1,"size":null}', '{"version":1,"size":{"max_bytes":5},"size.max_bytes":3}',
    '{"version":1,"size":{"maxBytes":5}}', '{"version":1,"size":{"max_bytes":5,"maxBytes":3}}',
    '{"version":1,"size":{"max__bytes":5}}', '{"version":1,"deadlineSeconds":3}', '{"version":1,"profiles":{}}',
    '{"version":1,"dataset":"DATA","metrics":{"accuracy":{"min":0,"9":null}}}',
    '{"version":1,"dataset":"DATA","metrics":{"accuracy":{"min":0.5,"maxDrop":0}}}',
    '{"version":1,"dataset":"DATA","metrics":{"accuracy":{"min":1e400}}}',
    '{"version":1,"dataset":"DATA","metrics":{"acuracy":{"min":0.5}}}',
    '{"version":1,"size":{"max_bytes":5},"size":{"max_bytes":5}}',
    '{"version":1,"dataset":"DATA","metrics":{"accuracy":{"per_slice":{"\\u00e9":{"min":1},"e\\u0301":{"min":0}}}}}',
    '{"version":1,"attestations":[{"type":"https://example.org/x"}]}',
    '{"version":1,"attestations":[{"type":"https://example.org/x","where":null}]}']


@pytest.mark.parametrize("body", BODIES)
def test_the_server_refuses_what_the_command_refuses(assay, registry, name, version, data, body):
    body = body.replace("DATA", data)
    answer = put_policy(registry, name, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "policy-invalid"), answer.text
    check = registry.request(
        "POST", f"/api/v1/policy-checks?reference={version}&alias=production", data=body.encode(), headers=JSON)
    assert check.status_code == 400 or check.json()["state"] == "refused", check.text
    assert registry.get(f"/api/v1/policies/{name}:production").status_code == 404


def test_the_nearest_key_is_named(assay, registry, name, version, data):
    outcome = set_policy(assay, name, f"dataset: {data}\nmetrics: {{accuracy: {{min: 0.5, max_dorp: 0}}}}")
    assert outcome.code == USAGE and "did you mean 'max_drop'" in outcome.err
    answer = put_policy(registry, name, {"version": 1, "sizes": {"max_bytes": 1}})
    assert "did you mean 'size'" in answer.json()["remedy"]
    answer = put_policy(registry, name, {"version": 1, "dataset": data, "metrics": {"acuracy": {"min": 1}}})
    assert "did you mean 'accuracy'" in answer.text


def test_a_metric_that_nothing_measures_needs_a_word(assay, registry, name, version, data):
    text = f"dataset: {data}\nmetrics: {{bleu: {{min: 0.5}}}}"
    assert set_policy(assay, name, text).code == USAGE
    assert set_policy(assay, name, text, "--allow-unknown").code == DONE
    assert promote(assay, version) == REFUSED
    policy = {"version": 1, "dataset": data, "metrics": {"bleu": {"min": 1}}}
    assert put_policy(registry, name, policy).status_code == 400
    assert put_policy(registry, name, policy, "?allow_unknown=true").status_code == 200


def test_a_policy_of_a_repository_that_is_not_there_needs_a_word(assay, registry, name):
    outcome = set_policy(assay, name, "size: {max_bytes: 5}")
    assert outcome.code == NOT_FOUND and "--create" in outcome.err
    answer = put_policy(registry, name, {"version": 1})
    assert (answer.status_code, answer.json()["code"]) == (404, "repository-not-found")
    assert registry.get(f"/api/v1/repositories/{name}").status_code == 404
    assert set_policy(assay, name, "size: {max_bytes: 5}", "--create").code == DONE
    assert put_policy(registry, f"{name}-other", {"version": 1}, "?create=true").status_code == 200
