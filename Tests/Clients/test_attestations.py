"""Signed statements about versions, judged by securesystemslib and the in-toto library, and made by them."""

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from distribution import put_by_digest
from evidence import (
    CONFLICT, DONE, ENVELOPE, INTEGRITY, NOT_FOUND, PREDICATE_TYPE_ANNOTATION, PROVENANCE, REFUSED, REPORT, REVIEW,
    SIGNATURE, TEST_RESULT, USAGE, VERDICT, attached, attestations, digest, foreign_public, key_id, opened, payload_of,
    provenance, registry_key, sealed, statement)
from google.protobuf import json_format
from harness import FIXTURES, REPOSITORY_ROOT, Assay, Registry, Server, descriptor, image_manifest, public
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from jsonschema import Draft202012Validator
from securesystemslib.exceptions import VerificationError

BINDING = "https://assay.dev/attestation/binding/v1"
CURVES = ["P-256", "P-384", "P-521"]
SIGNATURES_TOO_MANY = 1000
TRAINED, EVALUATED, DERIVED, PRODUCED = "trained-on", "evaluated-on", "derived-from", "produced-by"
POLICY = """\
version: 1
dataset: digits-test:1
metrics:
  accuracy: {min: 0.90}
lineage: [trained-on]
"""
# A predicate that looks other than any encoder would write it.
ODD_PREDICATE = '{ "b":1.0,  "a":"\\u00e9",\n"score": 1e2, "list":[ ] }'
BINDINGS = {
    PROVENANCE: provenance_pb2.Provenance, TEST_RESULT: test_result_pb2.TestResult,
    VERDICT: vsa_pb2.VerificationSummary}


# Every statement that the program makes


@dataclass
class Story:
    """A server where every kind of statement was made, and the keys that made them."""

    assay: Assay
    registry: Registry
    release: bytes
    own: bytes

    def envelopes(self, version, predicate_type):
        name = version.partition(":")[0]
        return attached(self.registry, name, digest(self.assay, version), ENVELOPE, predicate_type)


@pytest.fixture(scope="module")
def story(binary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("story")
    server = Server(binary, folder).create_store().start()
    assay = Assay(binary, folder, server.url)
    key = assay.key()
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "review.json").write_text(ODD_PREDICATE)
    assay.ok("key", "trust", public(key))
    for part in ("train", "test"):
        assay.ok("push", f"digits-{part}", FIXTURES / f"{part}.npz", "--kind", "dataset")
    assay.ok("policy", "set", "digits", "production", "policy.yaml", "--create")
    told = ("--trained-on", "digits-train:1", "--git-commit", "0123456789abcdef0123456789abcdef01234567")
    assay.ok("push", "digits", FIXTURES / "digits-1.onnx", "--metadata", FIXTURES / "digits-1.yaml", "--key", key,
             "--builder", "https://example.org/cluster", *told)
    assay.ok("push", "digits", FIXTURES / "digits-2.onnx", "--run-id", "a run", "--trained-on", "digits-train:1")
    assay.ok("promote", "digits:1", "production")
    assert assay.run("promote", "digits:2", "production").code == REFUSED
    assay.ok("push", "digits", FIXTURES / "damaged" / "nan-outputs.onnx")
    assert assay.run("verify", "digits:3", "--dataset", "digits-test:1").code in (INTEGRITY, REFUSED)
    assay.ok("attest", "digits:1", "--type", REVIEW, "--predicate", "review.json", "--key", key)
    registry = Registry(server.url)
    yield Story(assay, registry, public(key).read_bytes(), registry_key(registry))
    server.assert_running()
    assert server.stop() == 0


# Of which version it is, its type, and whether the pusher signed it or else the registry.
MADE = [
    ("digits:1", PROVENANCE, True), ("digits:2", PROVENANCE, False), ("digits:1", REPORT, False),
    ("digits:3", REPORT, False), ("digits:1", TEST_RESULT, False), ("digits:3", TEST_RESULT, False),
    ("digits:1", VERDICT, False), ("digits:2", VERDICT, False), ("digits:1", REVIEW, True)]
made = pytest.mark.parametrize("version, kind, is_pushers", MADE)
of_bindings = pytest.mark.parametrize(
    "version, kind", [(version, kind) for version, kind, _ in MADE if kind in BINDINGS])


@made
def test_an_envelope_verifies_by_the_key_of_its_maker_alone(story, version, kind, is_pushers):
    envelope, = story.envelopes(version, kind)
    maker, other = (story.release, story.own) if is_pushers else (story.own, story.release)
    assert opened(envelope, foreign_public(maker))["predicateType"] == kind
    with pytest.raises(VerificationError):
        opened(envelope, foreign_public(other, keyid=key_id(maker)))


@made
def test_a_statement_is_one_of_in_toto_about_the_manifest(story, version, kind, is_pushers):
    envelope, = story.envelopes(version, kind)
    read = json_format.ParseDict(payload_of(envelope), statement_pb2.Statement())
    Statement.copy_from_pb(read).validate()
    subject, = read.subject
    assert dict(subject.digest) == {"sha256": digest(story.assay, version).removeprefix("sha256:")}
    assert read.predicate_type == kind


def is_own(key):
    """Whether a field is Assay's: of a verdict they are URIs, as in-toto has it for extensions."""
    return key.startswith(("assay_", "urn:assay:verdict:"))


def bound(story, version, kind):
    """A predicate as the library reads it, strictly but for what is Assay's own.

    `verifiedLevels` is a list by the text of the type, and one text by mistake in the library.
    """
    envelope, = story.envelopes(version, kind)
    predicate = payload_of(envelope)["predicate"]
    known = {
        key: value for key, value in predicate.items() if not is_own(key) and key != "verifiedLevels"}
    return json_format.ParseDict(known, BINDINGS[kind]()), predicate


@of_bindings
def test_a_predicate_has_the_fields_of_its_type_and_no_others(story, version, kind):
    read, predicate = bound(story, version, kind)
    assert read.ByteSize() > 0
    extra = {key for key in predicate if is_own(key)}
    assert extra <= {"assay_metadata", "urn:assay:verdict:alias", "urn:assay:verdict:outcomes"}


def test_provenance_tells_what_the_push_told(story):
    read, predicate = bound(story, "digits:1", PROVENANCE)
    data, code = read.build_definition.resolved_dependencies
    for dependency in (data, code):
        ResourceDescriptor.copy_from_pb(dependency).validate()
    assert (data.name, dict(data.digest)) == (
        "digits-train:1", {"sha256": digest(story.assay, "digits-train:1").removeprefix("sha256:")})
    assert data.annotations["relation"] == TRAINED
    assert dict(code.digest) == {"gitCommit": "0123456789abcdef0123456789abcdef01234567"}
    assert read.build_definition.build_type and "hyperparameters" in read.build_definition.external_parameters
    assert read.run_details.builder.id == "https://example.org/cluster"
    assert read.run_details.metadata.invocation_id == predicate["assay_metadata"]["run_id"]


def test_provenance_by_the_registry_says_so(story):
    read, predicate = bound(story, "digits:2", PROVENANCE)
    own, _ = bound(story, "digits:1", PROVENANCE)
    assert read.run_details.builder.id not in ("", own.run_details.builder.id)
    assert read.run_details.metadata.invocation_id == "a run"
    assert [data.name for data in read.build_definition.resolved_dependencies] == ["digits-train:1"]


@pytest.mark.parametrize("version, result", [("digits:1", "PASSED"), ("digits:3", "FAILED")])
def test_a_test_result_names_its_report_and_data(story, version, result):
    read, _ = bound(story, version, TEST_RESULT)
    assert read.result == result
    assert bool(read.failed_tests) == (result == "FAILED")
    assert not set(read.failed_tests) & set(read.passed_tests)
    report, = story.envelopes(version, REPORT)
    named = {dict(each.digest)["sha256"] for each in read.configuration}
    assert named == {key_id(report), digest(story.assay, "digits-test:1").removeprefix("sha256:")}
    for each in read.configuration:
        ResourceDescriptor.copy_from_pb(each).validate()


@pytest.mark.parametrize("version, result", [("digits:1", "PASSED"), ("digits:2", "FAILED")])
def test_a_verdict_names_its_policy(story, version, result):
    read, predicate = bound(story, version, VERDICT)
    policy = story.registry.get("/api/v1/policies/digits:production").json()
    assert read.verification_result == result
    assert dict(read.policy.digest) == {"sha256": policy["digest"].removeprefix("sha256:")}
    assert (read.resource_uri, predicate["urn:assay:verdict:alias"]) == (f"urn:assay:version:{version}", "production")
    assert read.time_verified.seconds > 0


@pytest.mark.parametrize("version", ["digits:1", "digits:2"])
def test_a_verdict_names_this_registry_by_its_log(story, version):
    read, _ = bound(story, version, VERDICT)
    origin = story.registry.get("/log/checkpoint").text.split("\n")[0]
    assert read.verifier.id == f"urn:assay:registry:{origin.removeprefix('assay.dev/log/')}"
    assert story.assay.ok("audit", "key").out.startswith(f"{origin}+")


@pytest.mark.parametrize("version", ["digits:1", "digits:2"])
def test_a_verdict_names_all_that_it_was_decided_by(story, version):
    """The signature over the files, its binding, the provenance that the policy asks for, and the report."""
    read, _ = bound(story, version, VERDICT)
    named = [(each.uri, dict(each.digest)["sha256"]) for each in read.input_attestations]
    assert named == sorted(named) and all(uri == f"urn:assay:attestation:sha256:{hex}" for uri, hex in named)
    name = version.partition(":")[0]
    content = {
        hashlib.sha256(envelope).hexdigest(): envelope for kind in (PROVENANCE, REPORT, BINDING)
        for envelope in story.envelopes(version, kind)}
    signatures = attached(story.registry, name, digest(story.assay, version), SIGNATURE, None)
    content |= {hashlib.sha256(bundle).hexdigest(): bundle for bundle in signatures}
    assert set(content) >= {hex for _, hex in named} and len(named) >= (4 if version == "digits:1" else 1)
    assert {key_id(envelope) for envelope in story.envelopes(version, VERDICT)}.isdisjoint({hex for _, hex in named})


@pytest.mark.parametrize("version, levels", [("digits:1", []), ("digits:2", ["FAILED"])])
def test_a_verdict_claims_no_level_and_says_if_it_failed(story, version, levels):
    """SLSA 1.0: the levels that were verified, or "FAILED" if policy verification failed."""
    envelope, = story.envelopes(version, VERDICT)
    assert payload_of(envelope)["predicate"]["verifiedLevels"] == levels


@pytest.mark.parametrize("version, outcome", [("digits:1", "measurements"), ("digits:3", "failure")])
def test_a_report_is_of_its_schema(story, version, outcome):
    schema = json.loads((REPOSITORY_ROOT / "schema" / "json" / "verification-report-v1.json").read_text())
    Draft202012Validator.check_schema(schema)
    envelope, = story.envelopes(version, REPORT)
    predicate = payload_of(envelope)["predicate"]
    Draft202012Validator(schema).validate(predicate)
    assert outcome in predicate
    assert predicate["subject"]["digest"] == digest(story.assay, version)


def test_the_bytes_of_a_predicate_are_kept(story):
    envelope, = story.envelopes("digits:1", REVIEW)
    assert ODD_PREDICATE.encode() in base64.b64decode(json.loads(envelope)["payload"])
    assert ODD_PREDICATE in story.assay.ok("attestations", "digits:1", "--show", REVIEW).out
    assert story.assay.ok("attestations", "digits:1", "--show", REVIEW, "--json").json == json.loads(envelope)


@pytest.mark.parametrize("word, kind", [
    ("provenance", PROVENANCE), ("report", REPORT), ("test-result", TEST_RESULT), ("verdict", VERDICT)])
def test_show_knows_short_names_and_digests(story, word, kind):
    shown = story.assay.ok("attestations", "digits:1", "--show", word).out
    assert json.loads(shown)["predicateType"] == kind
    item, = (item for item in attestations(story.assay, "digits:1") if item["predicate_type"] == kind)
    for name in (item["manifest_digest"], item["envelope_digest"][7:19]):
        assert story.assay.ok("attestations", "digits:1", "--show", name).out == shown


def test_all_of_a_version_is_valid_by_the_roles_of_its_keys(story):
    story.assay.ok("attestations", "digits:1", "--verify")
    assert {item["status"] for item in attestations(story.assay, "digits:1")} == {"valid"}
    roles = {item["predicate_type"]: item["role"] for item in attestations(story.assay, "digits:1")}
    assert roles[PROVENANCE] == roles[REVIEW] == "release"
    assert roles[REPORT] == roles[TEST_RESULT] == roles[VERDICT] == "registry"


# Statements that others bring


@pytest.fixture
def key(assay):
    return assay.key()


@pytest.fixture
def version(assay, name, tmp_path):
    """A version that says nothing of itself."""
    (tmp_path / "weights.bin").write_bytes(name.encode())
    assay.ok("push", name, tmp_path / "weights.bin")
    return f"{name}:1"


def attach(assay, version, envelope, file="statement.json"):
    """What `assay attest --envelope` says of an envelope, a dictionary or its bytes."""
    (assay.home / file).write_bytes(envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode())
    return assay.run("attest", version, "--envelope", file)


def review(assay, version, key, **verdict):
    return sealed(key, statement(digest(assay, version), REVIEW, {"result": "good"} | verdict))


@pytest.mark.parametrize("curve", CURVES)
def test_an_envelope_of_securesystemslib_is_attached_as_it_is(assay, registry, name, version, curve):
    assay.ok("key", "generate", "--out", "their", "--curve", curve)
    envelope = json.dumps(review(assay, version, assay.home / "their.pem")).encode()
    assert attach(assay, version, envelope).code == DONE
    kept, = attached(registry, name, digest(assay, version), ENVELOPE, REVIEW)
    assert json.loads(kept) == json.loads(envelope)
    item, = attestations(assay, version, "--trust", "their.pub.pem")
    assert (item["status"], item["predicate_type"], item["signer"]) == ("valid", REVIEW, key_id(
        (assay.home / "their.pub.pem")))


def test_the_same_envelope_is_attached_once(assay, name, version, key):
    envelope = review(assay, version, key)
    for _ in range(2):
        assert attach(assay, version, envelope).code == DONE
    assert len(attestations(assay, version)) == 1


def test_what_was_attached_before_is_named_by_its_own_digest(assay, version, key):
    """Also where another statement of the same type came after it."""
    made = []
    for number in (1, 2, 1):
        (assay.home / "review.json").write_text(f'{{"round": {number}}}')
        made.append(assay.ok("attest", version, "--type", REVIEW, "--predicate", "review.json", "--key", key, "--json"))
    first, second, again = (outcome.json["manifest_digest"] for outcome in made)
    assert first != second
    assert again == first


@pytest.mark.parametrize("annotations", [
    {}, {PREDICATE_TYPE_ANNOTATION: REVIEW}, {PREDICATE_TYPE_ANNOTATION: "https://example.org/another"}],
    ids=["bare", "annotated", "annotated falsely"])
def test_what_an_oci_client_attached_may_be_attached_again(assay, registry, name, version, key, annotations):
    """Its annotations are what the pusher says; its type is what the statement says."""
    envelope = review(assay, version, key)
    push_envelope(registry, name, registry.get_manifest(name, "1"), envelope, annotations)
    outcome = attach(assay, version, envelope)
    assert outcome.code == DONE, outcome
    assert {(item["predicate_type"], item["status"]) for item in attestations(
        assay, version, "--trust", public(key))} == {(REVIEW, "valid")}


def test_a_key_that_somebody_names_is_not_told_as_a_registry(assay, version, key):
    """Its file does not say what it is."""
    assert attach(assay, version, review(assay, version, key)).code == DONE
    item, = attestations(assay, version, "--trust", public(key))
    assert item["status"] == "valid" and item["role"] != "registry"


def test_two_signers_may_say_the_same(assay, version, key):
    for signer in (key, assay.key("other")):
        assert attach(assay, version, review(assay, version, signer)).code == DONE
    assert len(attestations(assay, version)) == 2


def test_one_envelope_may_have_two_signers(assay, version, key):
    """Either of them is enough for whoever trusts that one."""
    body = statement(digest(assay, version), REVIEW, {})
    envelope = sealed(key, body)
    envelope["signatures"] += sealed(assay.key("other"), body)["signatures"]
    assert attach(assay, version, envelope).code == DONE
    for file in ("release.pub.pem", "other.pub.pem"):
        assay.ok("attestations", version, "--verify", "--trust", file)


def url_safe(envelope):
    swap = str.maketrans("+/", "-_")
    return envelope | {
        "payload": envelope["payload"].translate(swap),
        "signatures": [each | {"sig": each["sig"].translate(swap)} for each in envelope["signatures"]]}


def without_key_ids(envelope):
    return envelope | {"signatures": [{"sig": each["sig"]} for each in envelope["signatures"]]}


@pytest.mark.parametrize("spell", [url_safe, without_key_ids])
def test_the_spellings_of_dsse_are_read(assay, version, key, spell):
    """B36: the URL-safe alphabet is one of the two that DSSE demands of a reader."""
    body = statement(digest(assay, version), REVIEW, {"text": "???>>>~~~ÿÿÿ"})
    assert attach(assay, version, spell(sealed(key, body))).code == DONE
    assay.ok("attestations", version, "--verify", "--trust", public(key))


def with_signatures(envelope, signatures):
    return envelope | {"signatures": signatures}


def with_payload(envelope, text):
    return envelope | {"payload": text}


def two_payloads(envelope):
    return json.dumps(envelope).replace('"payloadType"', '"payload": "e30=", "payloadType"', 1).encode()


def insert_blanks(text):
    return text[:8] + "\n" + text[8:]


# The id of each line in the list of bad inputs, and what it makes of a good envelope.
BAD_ENVELOPES = {
    "B32 payload type": lambda it: it | {"payloadType": "application/json"},
    "B32 two payloads": two_payloads,
    "B32 no payload": lambda it: {key: value for key, value in it.items() if key != "payload"},
    "B32 empty payload": lambda it: with_payload(it, ""),
    "B34 1,000 signatures": lambda it: with_signatures(it, it["signatures"] * SIGNATURES_TOO_MANY),
    "B34 1,000 signers": lambda it: with_signatures(
        it, [it["signatures"][0] | {"keyid": str(number)} for number in range(SIGNATURES_TOO_MANY)]),
    "B36 blank in the payload": lambda it: with_payload(it, insert_blanks(it["payload"])),
    "B36 blank behind the payload": lambda it: with_payload(it, it["payload"] + "\n"),
    "B36 too much padding": lambda it: with_payload(it, it["payload"] + "=="),
    "B36 padding cut": lambda it: with_payload(it, cut_padding(it["payload"])),
    "B36 blank in a signature": lambda it: with_signatures(
        it, [each | {"sig": insert_blanks(each["sig"])} for each in it["signatures"]]),
    "B36 both alphabets": lambda it: with_payload(it, "-+" + it["payload"][2:]),
    "no signature": lambda it: with_signatures(it, []),
    "signatures missing": lambda it: {key: value for key, value in it.items() if key != "signatures"},
    "no object": lambda it: b"[]",
    "no JSON": lambda it: b"\x00\xff",
    "empty file": lambda it: b"",
    "data behind it": lambda it: json.dumps(it).encode() + b"{}",
}
# The same for the statement within an envelope that is signed well.
BAD_STATEMENTS = {
    "B32 predicate type missing": lambda it: {key: value for key, value in it.items() if key != "predicateType"},
    "B32 predicate type empty": lambda it: it | {"predicateType": ""},
    "B32 predicate type a number": lambda it: it | {"predicateType": 1},
    "B32 predicate missing": lambda it: {key: value for key, value in it.items() if key != "predicate"},
    "statement type": lambda it: it | {"_type": "https://in-toto.io/Statement/v0.1"},
    "no subject": lambda it: it | {"subject": []},
    "subject without a digest": lambda it: it | {"subject": [{"name": "a version"}]},
    "another subject": lambda it: it | {"subject": [{"digest": {"sha256": "0" * 64}}]},
    "malformed subject": lambda it: it | {"subject": [{"digest": {"sha256": "ABC"}}]},
    "a model signature": lambda it: it | {"predicateType": "https://model_signing/signature/v1.0"},
    "provenance of no form": lambda it: it | {"predicateType": PROVENANCE, "predicate": {"builder": {}}},
    "key twice": lambda it: json.dumps(it).replace('"_type"', f'"_type": {json.dumps(it["_type"])}, "_type"').encode(),
    "no JSON": lambda it: b"statement",
}


def cut_padding(text):
    """The text without its padding; one that has none gets a bit too many instead."""
    return text.rstrip("=") if text.endswith("=") else text[:-1]


@dataclass
class Untouched:
    """A version to which nothing bad can be attached, and a good statement about it."""

    assay: Assay
    version: str
    key: Path
    digest: str
    envelope: dict


@pytest.fixture(scope="module")
def untouched(binary, server_url, tmp_path_factory):
    assay = Assay(binary, tmp_path_factory.mktemp("untouched"), server_url)
    (assay.home / "weights.bin").write_bytes(b"untouched")
    assay.ok("push", "tests/untouched", "weights.bin")
    version, key = "tests/untouched:1", assay.key()
    return Untouched(assay, version, key, digest(assay, version), padded(assay, version, key))


def padded(assay, version, key):
    """An envelope whose payload ends in padding, so that there is some to be cut."""
    for note in ("", ".", ".."):
        envelope = review(assay, version, key, note=note)
        if envelope["payload"].endswith("="):
            return envelope
    raise AssertionError("three lengths in a row, and none of them needs padding")


def assert_refused(untouched, outcome, code):
    assert outcome.code == code, outcome
    assert outcome.err.strip() and not outcome.out.strip(), outcome
    listed = Registry(untouched.assay.server).get(f"/api/v1/attestations?reference={untouched.version}")
    assert listed.json()["items"] == []


@pytest.mark.parametrize("bad", BAD_ENVELOPES)
def test_a_malformed_envelope_is_not_attached(untouched, bad):
    outcome = attach(untouched.assay, untouched.version, BAD_ENVELOPES[bad](untouched.envelope))
    assert_refused(untouched, outcome, REFUSED if bad.startswith("B34") else INTEGRITY)


@pytest.mark.parametrize("bad", BAD_STATEMENTS)
def test_a_malformed_statement_is_not_attached(untouched, bad):
    body = BAD_STATEMENTS[bad](statement(untouched.digest, REVIEW, {}))
    outcome = attach(untouched.assay, untouched.version, sealed(untouched.key, body))
    assert_refused(untouched, outcome, INTEGRITY)


@pytest.mark.parametrize("arguments, code", [
    ([], USAGE), (["--type", REVIEW], USAGE), (["--predicate", "good.json"], USAGE),
    (["--type", REVIEW, "--predicate", "good.json"], USAGE),
    (["--type", REVIEW, "--predicate", "good.json", "--key", "absent.pem"], NOT_FOUND),
    (["--type", REVIEW, "--predicate", "absent.json", "--key", "release.pem"], NOT_FOUND),
    (["--type", REVIEW, "--predicate", "bad.json", "--key", "release.pem"], USAGE),
    (["--type", REVIEW, "--predicate", "double.json", "--key", "release.pem"], USAGE),
    (["--envelope", "envelope.json", "--key", "release.pem"], USAGE),
    (["--envelope", "envelope.json", "--predicate", "good.json"], USAGE),
    (["--envelope", "absent.json"], NOT_FOUND)])
def test_attest_says_what_is_wrong_with_its_use(untouched, arguments, code):
    home = untouched.assay.home
    (home / "good.json").write_text("{}")
    (home / "bad.json").write_text("{} {")
    (home / "double.json").write_text('{"a": 1, "a": 2}')
    (home / "envelope.json").write_text(json.dumps(untouched.envelope))
    assert_refused(untouched, untouched.assay.run("attest", untouched.version, *arguments), code)


def test_nothing_is_attested_to_a_version_that_is_not_there(assay, name, key):
    (assay.home / "good.json").write_text("{}")
    outcome = assay.run("attest", f"{name}:1", "--type", REVIEW, "--predicate", "good.json", "--key", key)
    assert outcome.code == NOT_FOUND, outcome


# What counts


def test_a_version_without_evidence_does_not_verify(assay, version):
    assert assay.ok("attestations", version).out
    assert assay.run("attestations", version, "--verify").code == INTEGRITY
    assert assay.run("attestations", version, "--show", "verdict").code == NOT_FOUND
    assert assay.run("attestations", version.replace(":1", ":2")).code == NOT_FOUND


def test_a_statement_counts_by_a_key_that_is_named(assay, version, key):
    assert attach(assay, version, review(assay, version, key)).code == DONE
    for trust, code in (((), INTEGRITY), ((public(assay.key("other")),), INTEGRITY), ((public(key),), DONE)):
        options = [part for file in trust for part in ("--trust", file)]
        outcome = assay.run("attestations", version, "--verify", *options)
        assert outcome.code == code, outcome
        item, = attestations(assay, version, *options)
        assert item["status"] == ("valid" if code == DONE else "untrusted")
    assert "untrusted" in assay.ok("attestations", version).out


def test_one_bad_statement_among_good_ones_is_told(assay, version, key):
    other = assay.key("other")
    for signer in (key, other):
        assert attach(assay, version, review(assay, version, signer)).code == DONE
    outcome = assay.run("attestations", version, "--verify", "--trust", public(key))
    assert outcome.code == INTEGRITY, outcome
    assay.ok("attestations", version, "--verify", "--trust", public(key), "--trust", public(other))


def forged(assay, version, key, **verdict):
    """What a trusted key never said, under its id."""
    envelope = review(assay, version, assay.key("forger"), **verdict)
    envelope["signatures"][0]["keyid"] = key_id(public(key))
    return envelope


def test_a_forged_statement_is_not_valid(assay, version, key):
    """B26, where the key's id is that of a trusted one."""
    attach(assay, version, forged(assay, version, key))
    assert assay.run("attestations", version, "--verify", "--trust", public(key)).code == INTEGRITY
    assert [item["status"] for item in attestations(assay, version, "--trust", public(key))] in ([], ["invalid"])


def test_a_forged_statement_does_not_keep_the_true_one_out(assay, version, key):
    """The same words under the same id: only the signature tells them apart."""
    (assay.home / "review.json").write_text('{"result": "good"}')
    arguments = ("--type", REVIEW, "--predicate", "review.json", "--key", key)
    assay.ok("attest", version, *arguments)
    item, = attestations(assay, version)
    true = json.loads(Registry(assay.server).get(
        f"/v2/{version.removesuffix(':1')}/blobs/{item['envelope_digest']}").content)
    copy = version.replace(":1", "-copy:1")
    assay.ok("push", copy.removesuffix(":1"), assay.home / "weights.bin")
    body = base64.b64decode(true["payload"]).replace(
        digest(assay, version)[7:].encode(), digest(assay, copy)[7:].encode())
    lie = sealed(assay.key("forger"), body)
    lie["signatures"][0]["keyid"] = true["signatures"][0]["keyid"]
    attach(assay, copy, lie)
    assay.ok("attest", copy, *arguments)
    assert "valid" in [item["status"] for item in attestations(assay, copy, "--trust", public(key))]


@pytest.mark.parametrize("kind", [VERDICT, REPORT])
def test_what_a_registry_says_counts_by_a_registry_alone(assay, version, key, kind):
    """A release key that says a verdict is not believed, whoever names the key."""
    assay.ok("key", "trust", public(key), "--repository", version.removesuffix(":1"))
    body = statement(digest(assay, version), kind, {"verificationResult": "PASSED"} if kind == VERDICT else {
        "format": 1, "dataset": {"repository": "a", "number": 1, "digest": digest(assay, version)}})
    if attach(assay, version, sealed(key, body)).code == DONE:
        item, = attestations(assay, version)
        assert item["status"] == "untrusted"
        assert assay.run("attestations", version, "--verify").code == INTEGRITY


# What a policy demands


def set_policy(assay, name, text):
    (assay.home / "policy.yaml").write_text(f"version: 1\n{text}\n")
    assay.ok("policy", "set", name, "production", "policy.yaml")


def unmet(outcome):
    """The requirements that a refused promotion names as not met."""
    return {row["requirement"] for row in outcome.json["outcomes"] if row["status"] != "passed"}


@pytest.fixture
def signed(assay, name, version, key):
    """The version with a signature by a trusted release key of its own, and a second key, trusted for training."""
    assay.ok("key", "trust", public(key), "--repository", name)
    assay.ok("key", "trust", public(assay.key("training")), "--role", "training", "--repository", name)
    assay.ok("sign", version, "--key", key)
    return version


@pytest.mark.parametrize("demand", [
    "{type: '%s', role: training, present: true}" % REVIEW,
    "{type: '%s', role: training, keys: [KEY], present: true}" % REVIEW,
    "{type: '%s', keys: [KEY], present: true}" % REVIEW])
def test_a_policy_demands_a_statement_by_type_and_role(assay, name, signed, key, demand):
    training = assay.home / "training.pem"
    set_policy(assay, name, f"attestations: [{demand.replace('KEY', key_id(public(training)))}]")
    (assay.home / "review.json").write_text("{}")

    def promote():
        return assay.run("promote", signed, "production", "--json")

    assert promote().code == REFUSED
    for signer, kind in ((assay.key("stranger"), REVIEW), (key, REVIEW), (training, REVIEW + "/other")):
        assay.ok("attest", signed, "--type", kind, "--predicate", "review.json", "--key", signer)
        outcome = promote()
        assert outcome.code == REFUSED, outcome
        assert len(unmet(outcome)) == 1, outcome
    assay.ok("attest", signed, "--type", REVIEW, "--predicate", "review.json", "--key", training)
    assert promote().code == DONE
    assert assay.ok("show", f"{name}:production", "--json").json["version"]["number"] == 1


@pytest.mark.parametrize("word, kind", [("verdict", VERDICT), ("report", REPORT)])
def test_a_policy_takes_no_verdict_of_a_release_key(assay, name, signed, key, word, kind):
    set_policy(assay, name, f"attestations: [{{type: {word}}}]")
    body = statement(digest(assay, signed), kind, {"verificationResult": "PASSED"})
    attach(assay, signed, sealed(key, body))
    assert assay.run("promote", signed, "production").code == REFUSED


@pytest.mark.parametrize("demand", [
    "{}", "{role: training}", "{type: ''}", "{type: provenance, role: log}", "{type: provenance, role: nobody}",
    "{type: provenance, keys: []}", "{type: provenance, key: abc}", "{type: '%s'}" % REVIEW,
    "{type: '%s', present: false}" % REVIEW, "{type: '%s', where: {}}" % REVIEW, "{type: provenence}",
    "{type: verdict, present: true}", "{type: waiver}", "{type: signature}"])
def test_a_demand_that_demands_nothing_is_refused(assay, name, version, demand):
    (assay.home / "policy.yaml").write_text(f"version: 1\nattestations: [{demand}]\n")
    outcome = assay.run("policy", "set", name, "production", "policy.yaml")
    assert outcome.code == USAGE, outcome


@pytest.mark.parametrize("signer, code", [("stranger", REFUSED), ("training", DONE)])
def test_lineage_counts_if_a_trusted_key_tells_it(assay, name, signed, signer, code):
    set_policy(assay, name, "lineage: [trained-on]")
    assert assay.run("promote", signed, "production").code == REFUSED
    if signer == "stranger":
        assay.key("stranger")
    told = provenance((TRAINED, "sha256:" + "1" * 64))
    assert attach(assay, signed, sealed(assay.home / f"{signer}.pem", statement(
        digest(assay, signed), PROVENANCE, told))).code == DONE
    assert assay.run("promote", signed, "production").code == code


# Lineage


def edges(assay, version):
    """What a version came from: pairs of a relation and a source."""
    return {(edge["relation"], edge["to"]) for edge in assay.ok("lineage", version, "--json").json["edges"]}


def push_dataset(assay, name, number=1):
    (assay.home / f"data-{number}.csv").write_text(f"a,b\n{name},{number}\n")
    assay.ok("push", f"{name}-data", assay.home / f"data-{number}.csv", "--kind", "dataset")
    return f"{name}-data:{number}"


def test_provenance_that_came_later_adds_its_edges(assay, name, version, key):
    first, second = (push_dataset(assay, name, number) for number in (1, 2))
    (assay.home / "parent.bin").write_bytes(b"parent" + name.encode())
    assay.ok("push", f"{name}-parent", assay.home / "parent.bin")
    assert edges(assay, version) == set()
    told = provenance(
        (TRAINED, digest(assay, first)), (EVALUATED, digest(assay, second)),
        ("fine-tuned-from", digest(assay, f"{name}-parent:1")), run="run of the cluster")
    assert attach(assay, version, sealed(key, statement(digest(assay, version), PROVENANCE, told))).code == DONE
    assert edges(assay, version) == {
        (TRAINED, first), (EVALUATED, second), ("fine-tuned-from", f"{name}-parent:1"),
        (PRODUCED, "run run of the cluster")}


def test_a_dependency_without_a_relation_is_one_too(assay, name, version, key):
    """Provenance of other builders knows none of our relations."""
    data = push_dataset(assay, name)
    told = provenance((None, digest(assay, data)))
    assert attach(assay, version, sealed(key, statement(digest(assay, version), PROVENANCE, told))).code == DONE
    assert data in {source for _, source in edges(assay, version)}


def test_a_dataset_that_comes_later_turns_into_a_source(assay, serve, name, version, key):
    """Provenance names a digest that the registry does not have; the push of that content makes it a real edge."""
    elsewhere = Assay(assay.binary, assay.home, serve().url)
    coming = digest(elsewhere, push_dataset(elsewhere, name))
    told = provenance((TRAINED, coming))
    assert attach(assay, version, sealed(key, statement(digest(assay, version), PROVENANCE, told))).code == DONE
    before, = (source for relation, source in edges(assay, version) if relation == TRAINED)
    assert before != f"{name}-data:1" and coming.removeprefix("sha256:")[:8] in before
    assert push_dataset(assay, name) == f"{name}-data:1"
    assert digest(assay, f"{name}-data:1") == coming
    assert {source for relation, source in edges(assay, version) if relation == TRAINED} == {f"{name}-data:1"}
    results = assay.ok("lineage", f"{name}-data:1", "--json", "--descendants").json["edges"]
    assert {edge["from"] for edge in results} == {version}


@pytest.mark.parametrize("annotations", [{PREDICATE_TYPE_ANNOTATION: PROVENANCE}, {}], ids=["annotated", "bare"])
def test_provenance_before_its_version_counts_too(assay, serve, registry, name, key, tmp_path, annotations):
    """It came as an OCI referrer of a subject that was not there yet."""
    data = push_dataset(assay, name)
    (tmp_path / "model.bin").write_bytes(b"model" + name.encode())
    elsewhere = Assay(assay.binary, assay.home, serve().url)
    elsewhere.ok("push", name, tmp_path / "model.bin")
    manifest = Registry(elsewhere.server).get_manifest(name, "1")
    subject = digest(elsewhere, f"{name}:1")
    told = provenance((TRAINED, digest(assay, data)))
    push_envelope(registry, name, manifest, sealed(key, statement(subject, PROVENANCE, told)), annotations)
    assay.ok("push", name, tmp_path / "model.bin")
    assert digest(assay, f"{name}:1") == subject
    assert (TRAINED, data) in edges(assay, f"{name}:1")


def push_envelope(registry, name, manifest, envelope, annotations):
    """An envelope as any OCI client attaches it to the manifest in an answer."""
    layer = registry.push_blob(name, json.dumps(envelope).encode()) | {"mediaType": ENVELOPE}
    registry.push_blob(name, b"{}")
    put_by_digest(registry, name, image_manifest(
        [layer], artifactType=ENVELOPE, annotations=annotations,
        subject=descriptor(manifest.content, manifest.headers["Content-Type"])))


def test_provenance_cannot_make_a_circle(assay, name, version, key):
    """A version that came from itself is said by nobody who is right; lineage stays a graph without circles."""
    told = provenance((DERIVED, digest(assay, version)))
    outcome = attach(assay, version, sealed(key, statement(digest(assay, version), PROVENANCE, told)))
    assert outcome.code in (DONE, CONFLICT, INTEGRITY, REFUSED), outcome
    assert version not in {source for _, source in edges(assay, version)}


def test_a_key_of_another_kind_is_told_apart(assay, version, key):
    """B26: an Ed25519 key signs no statement, and a curve that model signing lacks neither."""
    weak = ec.generate_private_key(ec.SECP256K1()).public_key()
    (assay.home / "weak.pem").write_bytes(weak.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert attach(assay, version, review(assay, version, key)).code == DONE
    assert assay.run("attestations", version, "--verify", "--trust", "weak.pem").code in (USAGE, INTEGRITY)


def test_a_statement_is_shown_with_nothing_that_moves_the_cursor(assay, version, key):
    """X9: its type and fault are told escaped."""
    body = statement(digest(assay, version), "https://example.org/\x1b[31mred", {})
    if attach(assay, version, sealed(key, body)).code == DONE:
        for outcome in (assay.run("attestations", version), assay.run("attestations", version, "--verify")):
            assert "\x1b" not in outcome.out + outcome.err
    else:
        assert attestations(assay, version) == []
