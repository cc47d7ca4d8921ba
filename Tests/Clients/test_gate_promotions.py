"""Promotions as clients see them: what is decided again, holders that no policy put there, tries, the registry's key."""

import hashlib
import json
import threading
import time
from pathlib import Path

import pytest
from evidence import registry_key
from harness import FIXTURES, Assay, Registry, public

CONFLICT, INTEGRITY, REFUSED = 5, 6, 7
CYCLONE_DX = "application/vnd.cyclonedx+json"
LOG_PROOF = "application/vnd.assay.tlog-proof.v1"
PREDICATE_OF_BILL = "https://cyclonedx.org/bom"
SEALED_WITHIN_SECONDS = 5
NOT_PROMOTED = "not promoted"


@pytest.fixture
def gate(binary, server, tmp_path):
    """A command line at a server of its own that trusts a key; `digits` has two versions."""
    assay = Assay(binary, tmp_path, server.url)
    key = assay.key()
    assay.ok("key", "trust", public(key))
    assay.ok("push", "digits-data", FIXTURES / "test.npz", "--kind", "dataset", "--key", key)
    for model in ("digits-1", "digits-3"):  # accuracy 0.958 and 0.978
        assay.ok("push", "digits", FIXTURES / f"{model}.onnx", "--key", key)
    assay.server_process, assay.release = server, key
    return assay


def policy(assay, **demands):
    path = assay.home / "policy.json"
    path.write_text(json.dumps({"version": 1} | demands))
    return path


def measured(minimum=0.9, **bounds):
    return {"dataset": "digits-data:1", "metrics": {"accuracy": {"min": minimum} | bounds}}


def referrers(assay, version, artifact_type):
    digest = assay.ok("show", version, "--json").json["version"]["manifest_digest"]
    answer = Registry(assay.server).get(f"/v2/digits/referrers/{digest}?artifactType={artifact_type}").json()
    return answer["manifests"]


# Behind the answer


def test_proofs_and_bill_appear_behind_the_answer_and_the_log_proves_at_once(gate):
    gate.ok("policy", "set", "digits", "production", policy(gate))
    gate.ok("promote", "digits:1", "production")
    answered = time.monotonic()
    pulled = gate.ok("pull", "digits:production", "model", "--trust", public(gate.release), "--require-log")
    assert "promotion: production" in pulled.out
    # The version, and its promotion.
    while len(referrers(gate, "digits:1", LOG_PROOF)) < 2 or not referrers(gate, "digits:1", CYCLONE_DX):
        assert time.monotonic() - answered < SEALED_WITHIN_SECONDS, "nothing completed the evidence"
    assert gate.ok("bundle", "export", "digits:1", "-o", "one.tar")


def test_what_a_killed_server_left_is_made_by_the_next_one(gate):
    gate.ok("policy", "set", "digits", "production", policy(gate))
    gate.ok("promote", "digits:1", "production")
    gate.server_process.kill()
    gate.server_process.start()
    started = time.monotonic()
    while len(referrers(gate, "digits:1", LOG_PROOF)) < 2 or not referrers(gate, "digits:1", CYCLONE_DX):
        assert time.monotonic() - started < SEALED_WITHIN_SECONDS, "nothing completed the evidence"


def test_a_command_without_a_server_leaves_nothing_undone(binary, tmp_path):
    assay = Assay(binary, tmp_path)
    assay.ok("init", "store")
    store = ("--store", "store")
    key = assay.key()
    assay.ok("key", "trust", public(key), *store)
    assay.ok("push", "digits", FIXTURES / "digits-1.onnx", "--key", key, *store)
    assay.ok("policy", "set", "digits", "production", policy(assay), *store)
    assay.ok("promote", "digits:1", "production", *store)
    assert PREDICATE_OF_BILL in assay.ok("attestations", "digits:1", "--json", *store).out


# Decided by what holds at the move


def test_no_promotion_follows_the_revocation_of_its_key(gate):
    gate.ok("policy", "set", "digits", "production", policy(gate))
    api = Registry(gate.server)
    for round_number in range(3):
        name = f"release-{round_number}"
        key = gate.key(name)
        trusted = gate.ok("key", "trust", public(key), "--json").json
        gate.ok("push", f"raced-{round_number}", FIXTURES / "digits-1.onnx", "--key", key)
        gate.ok("policy", "set", f"raced-{round_number}", "production", policy(gate))
        answers = []

        def promote():
            for _ in range(4):
                answers.append(api.request(
                    "POST", "/api/v1/promotions",
                    json={"reference": f"raced-{round_number}:1", "alias": "production"}).status_code)

        racer = threading.Thread(target=promote)
        racer.start()
        assert api.delete(f"/api/v1/keys/{trusted['id']}").status_code == 204
        racer.join()
        entries = api.get("/api/v1/audit/entries?limit=1000").json()["items"]
        revoked = next(item["index"] for item in entries if item["entry"].get("key") == trusted["id"]
                       and item["entry"].get("action") == "revoke")
        moves = [item["index"] for item in entries if item["entry"].get("repository") == f"raced-{round_number}"
                 and item["entry"]["kind"] == "alias"]
        assert all(index < revoked for index in moves), "it was promoted by a key that was revoked before"
        assert set(answers) <= {200, 409, 422}


@pytest.mark.parametrize("read_check", ["checksums", "none"])
def test_bytes_that_were_changed_on_disk_are_not_promoted_by_an_older_report(gate, read_check):
    """Also by a server that does not look at the chunks that it sends."""
    gate.server_process.stop()
    gate.server_process.options = ("--read-check", read_check)
    gate.server_process.start()
    gate.ok("policy", "set", "digits", "production", policy(gate, **measured()))
    gate.ok("promote", "digits:1", "production", "--dry-run")
    digest = hashlib.sha256((FIXTURES / "digits-1.onnx").read_bytes()).hexdigest()
    blob = Path(gate.server_process.store) / "blobs" / "sha256" / digest[:2] / digest
    blob.chmod(0o600)
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.write_bytes(data)
    outcome = gate.run("promote", "digits:1", "production")
    assert outcome.code == REFUSED and "content" in outcome.out
    # A push of the same file heals it.
    gate.ok("push", "digits", FIXTURES / "digits-1.onnx", "--key", gate.release)
    gate.ok("promote", "digits:1", "production")


# Holders that no policy put there


def test_a_policy_over_an_alias_that_points_somewhere_says_that_it_did_not_pass(gate):
    gate.ok("alias", "set", "digits", "production", "1")
    told = gate.ok("policy", "set", "digits", "production", policy(gate, size={"max_bytes": 1}))
    assert NOT_PROMOTED in told.out and "size" in told.out
    for arguments in (("alias", "list", "digits"), ("show", "digits:1"), ("list", "digits")):
        assert NOT_PROMOTED in gate.ok(*arguments).out, arguments
    api = Registry(gate.server)
    assert api.get("/api/v1/aliases/digits:production").json()["standing"] == "undecided"
    assert api.get("/api/v1/versions/digits:1").json()["not_promoted"] == ["production"]
    pulled = gate.ok("pull", "digits:production", "model")
    assert NOT_PROMOTED in pulled.err
    assert NOT_PROMOTED not in gate.ok("pull", "digits:1", "by-number").err
    assert gate.run("pull", "digits:production", "logged", "--require-log").code != 0
    # A policy that it passes promotes it at once.
    told = gate.ok("policy", "set", "digits", "production", policy(gate))
    assert NOT_PROMOTED not in told.out
    assert NOT_PROMOTED not in gate.ok("alias", "list", "digits").out
    assert "not_promoted" not in api.get("/api/v1/versions/digits:1").json()
    assert gate.ok("pull", "digits:production", "logged", "--require-log")


def test_an_undecided_holder_is_no_baseline(gate):
    gate.ok("alias", "set", "digits", "production", "2")
    told = gate.ok("policy", "set", "digits", "production", policy(gate, **measured(0.9, max_drop=0.001)), "--json").json
    assert told["holder"]["state"] in ("measuring", "promoted")
    gate.ok("promote", "digits:2", "production")
    # Promoted, it is one.
    assert gate.run("promote", "digits:1", "production").code == REFUSED


# Tries


def test_tries_are_told_and_can_be_bounded(gate):
    arguments = ("verify", "digits:1", "--on", "digits-data:1", "--json")
    help_text = gate.ok("verify", "--help").out
    arguments = arguments if "--on" in help_text else ("verify", "digits:1", "--dataset", "digits-data:1", "--json")
    for _ in range(2):
        gate.ok(*arguments)
    gate.ok("policy", "set", "digits", "production", policy(gate, **measured(), tries={"max": 1}))
    outcome = gate.run("promote", "digits:1", "production", "--json")
    assert outcome.code == REFUSED
    lines = {line["requirement"]: line for line in outcome.json.get("outcomes", [])}
    assert lines["tries"]["status"] == "failed" and lines["tries"]["measured"] == "2", outcome
    # Who may waive lifts it, for this version alone.
    bounded = policy(gate, **measured(), tries={"max": 1}, waivers={"role": "release"})
    gate.ok("policy", "set", "digits", "production", bounded)
    gate.ok(
        "waive", "digits:1", "production", "--requirement", "tries", "--reason", "the first was a trial", "--expires",
        "2100-01-01", "--key", gate.release)
    answer = gate.ok("promote", "digits:1", "production", "--json").json
    assert {line["requirement"]: line["status"] for line in answer["outcomes"]}["tries"] == "waived", answer
    gate.ok("policy", "set", "digits", "production", policy(gate, **measured(), tries={"max": 2}))
    answer = gate.ok("promote", "digits:1", "production", "--json").json
    assert answer["state"] in ("promoted", "unchanged")


# The registry's own key


def test_the_key_in_use_is_not_revoked_and_the_next_step_is_named(gate):
    before = registry_key(Registry(gate.server))
    key = next(item for item in gate.ok("key", "list", "--json").json["items"] if item["role"] == "registry")
    refused = gate.run("key", "revoke", key["id"])
    assert refused.code == CONFLICT and "assay key rotate registry" in refused.err
    assert registry_key(Registry(gate.server)) == before


def test_a_rotated_key_signs_at_once_and_after_a_restart(gate):
    gate.ok("policy", "set", "digits", "production", policy(gate, **measured()))
    gate.ok("promote", "digits:1", "production")
    pem = Path(gate.server_process.store) / "keys" / "registry.pem"
    old_text = pem.read_text()
    rotated = gate.ok("key", "rotate", "registry", "--json").json
    assert pem.read_text() != old_text and pem.stat().st_mode & 0o077 == 0
    assert rotated["old"]["valid_until"] and not rotated["new"].get("valid_until")
    assert "already" in gate.ok("promote", "digits:1", "production").out
    gate.ok("key", "revoke", rotated["old"]["id"])
    # Reports and verdicts of the old key count no more: it is measured and promoted again.
    assert "now points" in gate.ok("promote", "digits:1", "production").out
    gate.server_process.stop()
    gate.server_process.start()
    assert "already" in gate.ok("promote", "digits:1", "production").out
    gate.ok("promote", "digits:2", "production")
    gate.ok("audit", "verify")


def test_a_key_is_rotated_without_a_server_too(binary, tmp_path):
    assay = Assay(binary, tmp_path)
    assay.ok("init", "store")
    old = (tmp_path / "store/keys/registry.pem").read_text()
    assert "assay key export" in assay.ok("key", "rotate", "registry", "--store", "store").out
    assert (tmp_path / "store/keys/registry.pem").read_text() != old
    assert not list((tmp_path / "store/keys").glob("*next*"))


@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_crash_between_the_trust_root_and_the_key_leaves_a_key_that_counts(binary, tmp_path, is_trusted):
    assay = Assay(binary, tmp_path)
    assay.ok("init", "store")
    key = assay.key("next")
    if is_trusted:
        assay.ok("key", "trust", public(key), "--role", "registry", "--store", "store")
    keys = tmp_path / "store" / "keys"
    (keys / "registry.next.pem").write_text(key.read_text())
    (keys / "registry.next.pem").chmod(0o600)
    assay.ok("key", "list", "--store", "store")
    assert not (keys / "registry.next.pem").exists()
    assert ((keys / "registry.pem").read_text() == key.read_text()) == is_trusted
