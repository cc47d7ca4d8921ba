"""A version that must not be used any more: who is told, who is stopped, and what a server that hides it comes to."""

import json
import sqlite3

import pytest
from harness import Registry
from test_hidden_moves import Client, Liar, promoted

NAME = "team/model"
DONE, WRONG_USE, NOT_FOUND, CONFLICT, INTEGRITY, REFUSED = 0, 2, 3, 5, 6, 7
WHY = "trained on the wrong labels"


@pytest.fixture
def local(server, binary, tmp_path):
    return promoted(Client(binary, tmp_path, server.url), "version: 1\nrollback: {emergency: [local]}\n")


def withdraw(local, number, *options, reason=WHY):
    return local.run("withdraw", f"{NAME}:{number}", "--reason", reason, *options)


def shown(local, number):
    return local.ok("show", f"{NAME}:{number}", "--json").json["version"]


def test_it_is_shown_everywhere_and_taken_back(local):
    outcome = withdraw(local, 2)
    assert outcome.code == DONE and WHY in outcome.out and "production" in outcome.err, outcome
    assert shown(local, 2)["withdrawn"]["reason"] == WHY and "withdrawn" not in shown(local, 1)
    for command in (("list", NAME), ("search", "team"), ("list", NAME, "--at", "2100-01-01")):
        out = local.ok(*command).out
        assert f"{NAME}:2 (withdrawn)" in out and f"{NAME}:1 (withdrawn)" not in out, out
    assert "withdrawn" in local.ok("aliases").out
    assert WHY in local.ok("show", f"{NAME}:production").out
    page = local.ok("report", f"{NAME}:production", "--html", "-").out
    assert "Withdrawn" in page and WHY in page and WHY in local.ok("report", f"{NAME}:production").out
    alias = Registry(local.server).get(f"/api/v1/aliases/{NAME}:production").json()
    assert alias["version"] == 2 and alias["is_withdrawn"] is True
    entry = local.ok("audit", "list", "--kind", "withdrawal", "--json").json["items"][0]["entry"]
    assert (entry["action"], entry["reason"], entry["digest"]) == (
        "withdraw", WHY, shown(local, 2)["manifest_digest"])
    assert withdraw(local, 2, "--undo").code == DONE
    assert "withdrawn" not in shown(local, 2) and "withdrawn" not in local.ok("aliases").out
    local.ok("audit", "verify")


def test_neither_promotion_nor_rollback_leads_to_it(local):
    withdraw(local, 1)
    for command in (
            ("promote", f"{NAME}:1", "production"), ("rollback", NAME, "production", "--to", "1", "--reason", "x"),
            ("rollback", NAME, "production", "--reason", "x", "--emergency")):
        outcome = local.run(*command)
        assert outcome.code == REFUSED and "withdrawal" in outcome.out + outcome.err, outcome
    assert shown(local, 2)["aliases"] == ["production"]
    # The holder is no exception: what was promoted before is not promoted now.
    withdraw(local, 2)
    assert local.run("promote", f"{NAME}:2", "production").code == REFUSED
    outcome = local.run("policy", "check", f"{NAME}:2", "production")
    assert outcome.code == REFUSED and "withdrawal" in outcome.out, outcome
    withdraw(local, 1, "--undo")
    assert local.run("rollback", NAME, "production", "--reason", "x").code == DONE
    assert shown(local, 1)["aliases"] == ["production"]


def test_nobody_waives_it(local):
    withdraw(local, 1)
    outcome = local.run(
        "waive", f"{NAME}:1", "production", "--requirement", "withdrawal", "--reason", "x", "--expires", "2099-01-01", "--key",
        "release.pem")
    assert outcome.code in (WRONG_USE, REFUSED) and "cannot be waived" in outcome.err, outcome


def test_a_pull_warns_and_with_trust_refuses(local):
    withdraw(local, 2)
    outcome = local.run("pull", f"{NAME}:production", "plain")
    assert outcome.code == DONE and "warning" in outcome.err and WHY in outcome.err, outcome
    for reference in (f"{NAME}:production", f"{NAME}:2", f"{NAME}@{shown(local, 2)['manifest_digest']}"):
        outcome = local.run("pull", reference, "trusted", "--trust", "root.json")
        assert outcome.code == REFUSED and "--allow-withdrawn" in outcome.err, outcome
        assert not (local.home / "trusted").exists()
    outcome = local.run("pull", f"{NAME}:2", "trusted", "--trust", "root.json", "--allow-withdrawn")
    assert outcome.code == DONE and WHY in outcome.err, outcome
    assert (local.home / "trusted" / "2.bin").read_text() == "weights 2"


def test_a_server_that_hides_it_is_found_out_by_the_log_each_time(local):
    local.pull(local.server)
    withdraw(local, 2)

    def answer(path, body):
        if not path.startswith("/api/v1/versions/"):
            return body
        said = json.loads(body)
        said.pop("withdrawn", None)
        return json.dumps(said).encode()

    with Liar(local.server, answer=answer) as liar:
        for _ in range(2):
            outcome = local.pull(liar.url)
            assert outcome.code == INTEGRITY and "withdrawn" in outcome.err, outcome
        # Without the log it is the server's word.
        assert local.run("pull", f"{NAME}:2", "out2", "--trust", "root.json").code == REFUSED
        withdraw(local, 2, "--undo")
        assert local.pull(liar.url).code == DONE


def test_a_bundle_that_carries_it_is_refused_and_its_importer_does_not_promote(local, serve, tmp_path):
    withdraw(local, 1)
    local.ok("bundle", "export", f"{NAME}:1", "-o", "model.tar")
    for command in (("verify", "model.tar"), ("extract", "model.tar", "extracted")):
        outcome = local.run("bundle", *command, "--trust", "root.json")
        assert outcome.code == REFUSED and WHY in outcome.err, outcome
        outcome = local.run("bundle", *command, "--trust", "root.json", "--allow-withdrawn")
        assert outcome.code == DONE, outcome
    other = local.at(serve().url)
    other.ok("key", "trust", "release.pub.pem")
    for key in json.loads((local.home / "root.json").read_text())["keys"]:
        if key["role"] == "registry":
            (local.home / "registry.pem").write_text(key["pem"])
            other.ok("key", "trust", "registry.pem", "--role", "registry")
    outcome = other.ok("bundle", "import", "model.tar", "--trust", "root.json")
    assert WHY in outcome.err
    other.ok("policy", "set", NAME, "production", "policy.yaml")
    outcome = other.run("promote", f"{NAME}:1", "production")
    assert outcome.code == REFUSED and WHY in outcome.out + outcome.err, outcome
    # The registry that has it now may say otherwise.
    assert other.run("withdraw", f"{NAME}:1", "--undo", "--reason", "looked at here").code == DONE
    other.ok("promote", f"{NAME}:1", "production")


def test_nobody_else_says_it_and_nobody_takes_it_away(local):
    digest = shown(local, 1)["manifest_digest"]
    predicate = {"repository": NAME, "version": digest, "action": "withdraw", "reason": "x",
                 "at": "2030-01-01T00:00:00.000Z"}
    (local.home / "predicate.json").write_text(json.dumps(predicate))
    local.ok("attest", f"{NAME}:1", "--type", "withdrawal", "--predicate", "predicate.json", "--key", "release.pem")
    assert "withdrawn" not in shown(local, 1)
    local.ok("promote", f"{NAME}:1", "production")
    withdraw(local, 2)
    predicate |= {"version": shown(local, 2)["manifest_digest"], "action": "reinstate"}
    (local.home / "predicate.json").write_text(json.dumps(predicate))
    local.ok("attest", f"{NAME}:2", "--type", "withdrawal", "--predicate", "predicate.json", "--key", "release.pem")
    assert local.run("promote", f"{NAME}:2", "production").code == REFUSED
    # Neither by deleting what says it, nor by deleting the version and pushing it again.
    registry = Registry(local.server)
    subject = shown(local, 2)["manifest_digest"]
    said = [item["manifest_digest"] for item in registry.get(
        f"/api/v1/attestations?reference={NAME}:2").json()["items"]
        if item.get("predicate_type", "").endswith("/withdrawal/v1")]
    answers = [registry.delete(f"/v2/{NAME}/manifests/{one}").status_code for one in said]
    assert sorted(answers) == [202, 409], answers
    local.ok("delete", f"{NAME}:2")
    local.ok("push", NAME, "2.bin", "--key", "release.pem")
    again = shown(local, 3)
    assert again["manifest_digest"] == subject and again["withdrawn"]["reason"] == WHY
    assert local.run("promote", f"{NAME}:3", "production").code == REFUSED


def test_it_outlives_the_key_that_signed_it(local):
    withdraw(local, 1)
    local.ok("key", "rotate", "registry")
    assert shown(local, 1)["withdrawn"]["reason"] == WHY
    assert local.run("promote", f"{NAME}:1", "production").code == REFUSED


def test_what_is_wrong_is_said_and_changes_nothing(local):
    before = local.ok("audit", "list", "--json").json
    for number, reason, code, word in (
            (9, WHY, NOT_FOUND, "version"), (1, "", WRONG_USE, "reason"), (1, "x" * 1001, WRONG_USE, "1000 bytes")):
        outcome = withdraw(local, number, reason=reason)
        assert outcome.code == code and word in outcome.err, outcome
    outcome = withdraw(local, 1, "--undo")
    assert outcome.code == WRONG_USE and "not withdrawn" in outcome.err, outcome
    assert local.ok("audit", "list", "--json").json == before
    withdraw(local, 1)
    withdraw(local, 1, reason="another")
    assert shown(local, 1)["withdrawn"]["reason"] == WHY
    assert len(local.ok("audit", "list", "--kind", "withdrawal", "--json").json["items"]) == 1


@pytest.mark.parametrize("change", [
    "UPDATE withdrawals SET action = 'reinstate'", "UPDATE withdrawals SET reason = 'none'",
    "DELETE FROM withdrawals", "UPDATE withdrawals SET statement_digest = 'sha256:' || hex(zeroblob(32))",
    "UPDATE withdrawals SET subject_digest = 'sha256:' || hex(zeroblob(32))"])
def test_the_audit_finds_what_was_changed_behind_it(local, server, change):
    withdraw(local, 1)
    server.stop()
    with sqlite3.connect(server.store / "index.sqlite") as database:
        database.execute(change)
    server.start()
    outcome = local.at(server.url).run("audit", "verify")
    assert outcome.code == INTEGRITY, outcome
