"""A protected alias goes back to a version that held it, and to no other; logs, pulls and bundles take it as a move."""

import base64
import json

import pytest
from evidence import key_id
from harness import FIXTURES, Registry, public

NAME = "digits"
DONE, REFUSED, CONFLICT, DENIED, WRONG_USE = 0, 7, 5, 4, 2
BETTER, WORSE = "digits-1.onnx", "digits-2.onnx"


class Alias:
    """Versions of a few bytes, promoted one after the other as they are asked for."""

    def __init__(self, assay):
        self.assay = assay
        self.key = assay.key()
        assay.ok("key", "trust", public(self.key))
        self.protect("version: 1\n", "--create")

    def protect(self, policy, *options):
        (self.assay.home / "policy.yaml").write_text(policy)
        return self.assay.ok("policy", "set", NAME, "production", "policy.yaml", *options)

    def push(self, number, key=None, size=10):
        file = self.assay.home / "weights.bin"
        file.write_bytes(bytes([number]) * size)
        self.assay.ok("push", NAME, file, "--key", key or self.key)

    def promote(self, *numbers):
        for number in numbers:
            self.push(number)
            self.assay.ok("promote", f"{NAME}:{number}", "production")

    def back(self, *options, reason="it fails"):
        return self.assay.run("rollback", NAME, "production", "--reason", reason, *options)

    @property
    def holder(self):
        return self.assay.ok("show", f"{NAME}:production", "--json").json["version"]["number"]

    @property
    def moves(self):
        return self.assay.ok("history", NAME, "production", "--json").json["items"]


@pytest.fixture
def alias(assay, server):
    return Alias(assay.at(server.url))


def test_each_rollback_goes_one_holder_further_back(alias):
    alias.promote(1, 2, 3)
    for holder in (2, 1):
        outcome = alias.back()
        assert outcome.code == DONE and alias.holder == holder, outcome
    outcome = alias.back()
    assert outcome.code == CONFLICT and "before the present one" in outcome.err, outcome
    # What comes after is the next to go back from.
    alias.promote(4)
    assert alias.back().code == DONE and alias.holder == 1


def test_it_is_a_move_with_its_cause_and_reason_for_everyone(alias, server):
    alias.promote(1, 2)
    answer = alias.assay.ok("rollback", NAME, "production", "--to", "1", "--reason", "wrong \x1b[31m prices", "--json")
    assert answer.json["state"] == "promoted" and answer.json["version"] == 1 and answer.json["holder"] == 2
    move = alias.moves[0]
    assert (move["cause"], move["reason"], move["from"], move["to"]) == ("rollback", "wrong \x1b[31m prices", 2, 1)
    assert all("reason" not in other for other in alias.moves[1:])
    assert "\x1b" not in alias.assay.ok("history", NAME, "production").out
    entry = next(
        item["entry"] for item in alias.assay.ok("audit", "list", "--json").json["items"]
        if item["entry"]["kind"] == "alias")
    assert entry["cause"] == "rollback" and entry["reason"] == "wrong \x1b[31m prices" and entry["to"] == 1
    assert {"reason": "wrong \x1b[31m prices", "emergency": False, "from": 2} in [
        verdict["predicate"].get("urn:assay:verdict:rollback") for verdict in verdicts(alias)]
    alias.assay.ok("audit", "verify")
    alias.assay.ok("pull", f"{NAME}:production", "out", "--require-log")
    alias.assay.ok("key", "export", "-o", "root.json")
    alias.assay.ok("bundle", "export", f"{NAME}:production", "-o", "model.tar")
    alias.assay.ok("bundle", "verify", "model.tar", "--trust", "root.json", "--promoted", "production")
    server.stop()
    server.start()
    assert alias.assay.at(server.url).run("audit", "verify").code == DONE


def verdicts(alias):
    """The statements of all verdicts about version 1."""
    registry = Registry(alias.assay.server)
    digest = alias.assay.ok("show", f"{NAME}:1", "--json").json["version"]["manifest_digest"]
    found = []
    for item in registry.get(f"/v2/{NAME}/referrers/{digest}").json()["manifests"]:
        for layer in registry.get_manifest(NAME, item["digest"]).json()["layers"]:
            document = registry.get(f"/v2/{NAME}/blobs/{layer['digest']}").content
            try:
                payload = json.loads(base64.b64decode(json.loads(document)["payload"]))
            except (ValueError, KeyError):
                continue
            if "verification_summary" in payload["predicateType"]:
                found.append(payload)
    return found


def test_only_a_version_that_held_it_by_a_promotion_is_gone_back_to(alias):
    alias.promote(1)
    alias.push(2)
    alias.assay.ok("alias", "set", NAME, "candidate", "2")
    outcome = alias.back("--to", "2")
    assert outcome.code == CONFLICT and "never held" in outcome.err and "assay promote" in outcome.err, outcome
    # Another alias's promotion, a plain move and a refusal are none either.
    (alias.assay.home / "policy.yaml").write_text("version: 1\nsize: {max_bytes: 1}\n")
    alias.assay.ok("policy", "set", NAME, "tiny", "policy.yaml")
    assert alias.assay.run("promote", f"{NAME}:2", "tiny").code == REFUSED
    alias.assay.ok("policy", "remove", NAME, "production")
    alias.assay.ok("alias", "set", NAME, "production", "2")
    alias.assay.ok("alias", "set", NAME, "production", "1")
    alias.protect("version: 1\n")
    assert alias.back("--to", "2").code == CONFLICT
    assert alias.back("--to", "9").code == 3
    assert alias.holder == 1


def test_what_holds_today_is_asked_again(alias):
    other = alias.assay.key("other")
    alias.assay.ok("key", "trust", public(other))
    alias.push(1, other)
    alias.assay.ok("promote", f"{NAME}:1", "production")
    alias.promote(2, 3)
    alias.assay.ok("key", "revoke", key_id(public(other)))
    for emergency in ((), ("--emergency",)):
        alias.protect("version: 1\nrollback: {emergency: [local]}\n")
        outcome = alias.back("--to", "1", *emergency)
        assert outcome.code == REFUSED and "signature" in outcome.err, outcome
    assert alias.back().code == DONE and alias.holder == 2


def test_the_bounds_of_today_hold_unless_who_may_says_that_it_burns(alias):
    alias.push(1, size=100)
    alias.assay.ok("promote", f"{NAME}:1", "production")
    alias.promote(2)
    alias.protect("version: 1\nsize: {max_bytes: 50}\n")
    outcome = alias.back()
    assert outcome.code == REFUSED and "size" in outcome.out + outcome.err, outcome
    denied = alias.back("--emergency")
    assert denied.code == DENIED and "rollback.emergency" in denied.err, denied
    for names in ("Local", "locaⅼ", "local2"):
        alias.protect(f"version: 1\nsize: {{max_bytes: 50}}\nrollback: {{emergency: [{names}]}}\n")
        assert alias.back("--emergency").code == DENIED
    alias.protect("version: 1\nsize: {max_bytes: 50}\nrollback: {emergency: [somebody, local]}\n")
    assert alias.back("--emergency", "--dry-run").code == DONE and alias.holder == 2
    assert alias.back("--emergency").code == DONE and alias.holder == 1


def test_it_is_not_compared_with_the_holder(alias):
    for number, model in enumerate((WORSE, BETTER), 1):
        alias.assay.ok("push", NAME, FIXTURES / model, "--key", alias.key)
    alias.assay.ok("push", "digits-test", FIXTURES / "test.npz", "--kind", "dataset")
    drop = "version: 1\ndataset: digits-test:1\nmetrics: {accuracy: {min: %s, max_drop: 0}}\n"
    alias.protect(drop % 0.1)
    for number in (1, 2):
        alias.assay.ok("promote", f"{NAME}:{number}", "production")
    assert alias.assay.run("promote", f"{NAME}:1", "production").code == REFUSED
    outcome = alias.back("--dry-run", "--json")
    assert outcome.json["state"] == "wouldPass", outcome
    assert [line["requirement"] for line in outcome.json["outcomes"]].count("accuracy.drop") == 0
    assert alias.back().code == DONE and alias.holder == 1
    # An absolute bound is none of the holder.
    alias.assay.ok("promote", f"{NAME}:2", "production")
    alias.protect(drop % 0.999999)
    assert alias.back().code == REFUSED


def test_what_cannot_be_meant_is_refused(alias):
    alias.promote(1, 2)
    registry = Registry(alias.assay.server)
    body = {"repository": NAME, "alias": "production", "reason": "x"}
    for change in ({"reason": ""}, {"reason": "x" * 1001}, {"to": 0}, {"to": -1}, {"alias": "../x"}):
        answer = registry.request("POST", "/api/v1/rollbacks", json=body | change)
        assert answer.status_code == 400, (change, answer.text)
    assert alias.assay.run("rollback", NAME, "production").code == WRONG_USE
    assert alias.assay.run("rollback", NAME, "nothing", "--reason", "x").code != DONE
    for rule in ("{}", "{emergency: []}", "{emergency: ['']}", "{emergancy: [local]}"):
        (alias.assay.home / "policy.yaml").write_text(f"version: 1\nrollback: {rule}\n")
        outcome = alias.assay.run("policy", "set", NAME, "production", "policy.yaml")
        assert outcome.code == WRONG_USE, (rule, outcome)
    assert alias.holder == 2 and len(alias.moves) == 2
