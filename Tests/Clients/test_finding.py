"""Content, aliases and policies found again: by digest, over all repositories, and as they were at a time."""

import hashlib
import time
from datetime import datetime, timezone

import pytest
from evidence import DONE, INTEGRITY, NOT_FOUND, USAGE
from harness import public
from lying import Liar


@pytest.fixture
def own(assay, server):
    return assay.at(server.url)


def push(own, name, files, *options):
    folder = own.home / f"{name.replace('/', '-')}-{len(list(own.home.iterdir()))}"
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return own.ok("push", name, folder, *options, "--json").json["version"]


def now():
    # Of two moments around an entry of the log neither is of its millisecond.
    time.sleep(0.005)
    moment = datetime.now(timezone.utc)
    time.sleep(0.005)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_running_file_leads_to_its_versions_in_one_command(own):
    push(own, "team/a", {"model.bin": "weights", "deep/copy.bin": "weights", "x": "x"})
    push(own, "team/a", {"model.bin": "weights", "x": "other"})
    push(own, "b", {"renamed é.bin": "weights"})
    own.ok("alias", "set", "team/a", "production", "1")
    own.ok("alias", "set", "team/a", "production", "2")
    (own.home / "running.bin").write_text("weights")
    for named in ("running.bin", sha256("weights"), f"sha256:{sha256('weights')}"):
        lines = own.ok("find", named).out.splitlines()
        assert lines == ["team/a:1  deep/copy.bin  [earlier: production]", "team/a:1  model.bin  [earlier: production]",
                         "team/a:2  model.bin  [production]", "b:1  renamed é.bin"]
    found = own.ok("find", "running.bin", "--json").json
    assert [item["path"] for item in found["items"]] == ["deep/copy.bin", "model.bin", "model.bin", "renamed é.bin"]
    assert found["items"][0]["earlier_aliases"] == ["production"] and found["items"][2]["aliases"] == ["production"]


def test_manifests_and_evidence_are_found_too(own):
    version = push(own, "a", {"model.bin": "weights"}, "--key", own.key())
    assert own.ok("find", version["manifest_digest"]).out.splitlines()[0] == "a:1  (manifest)"
    attached = own.ok("attestations", "a:1", "--json").json["items"]
    for item in attached:
        assert own.ok("find", item["envelope_digest"]).out.splitlines() == ["a:1  (evidence)"]


def test_what_is_nowhere_is_told(own):
    push(own, "a", {"model.bin": "weights"})
    outcome = own.run("find", sha256("something else"))
    assert outcome.code == NOT_FOUND and "next:" in outcome.err, outcome
    assert own.run("find", "missing.bin").code == NOT_FOUND
    assert own.run("find", "sha256:abc").code == NOT_FOUND
    assert own.run("find", sha256("weights"), "--limit", "0").code == USAGE


def test_a_digest_is_shown(own):
    version = push(own, "a", {"model.bin": "weights", "x": "x"})
    for digest in (version["manifest_digest"], sha256("weights"), f"sha256:{sha256('weights')}"):
        assert own.ok("show", digest).out.splitlines()[0].split() == ["version", "a:1"]
        assert own.ok("show", digest, "--json").json["version"]["number"] == 1
    push(own, "b", {"model.bin": "weights"})
    outcome = own.ok("show", sha256("weights"))
    assert outcome.out.splitlines() == ["a:1  model.bin", "b:1  model.bin"] and "assay show a:1" in outcome.err
    assert own.run("show", sha256("nothing")).code == NOT_FOUND


def test_a_server_that_names_another_version_is_not_believed(own, server):
    push(own, "a", {"model.bin": "weights"})
    push(own, "b", {"other.bin": "other"})
    digest = own.ok("show", "b:1", "--json").json["version"]["manifest_digest"]
    true = own.ok("show", "a:1", "--json").json["version"]["manifest_digest"]

    def answer(method, path, data):
        return data.replace(true.encode(), digest.encode()).replace(b'"a"', b'"b"') if "/contents/" in path else data

    with Liar(server.url, answer) as liar:
        outcome = own.at(liar.url).run("find", sha256("weights"))
    assert outcome.code == INTEGRITY and "team" not in outcome.out, outcome


def test_aliases_of_all_repositories(own):
    key = own.key()
    own.ok("key", "trust", public(key))
    push(own, "a/x", {"w": "1"}, "--key", key)
    push(own, "b", {"w": "2"})
    own.ok("alias", "set", "b", "production", "1")
    (own.home / "policy.yaml").write_text("version: 1\n")
    own.ok("policy", "set", "a/x", "production", "policy.yaml")
    own.ok("policy", "set", "b", "production", "policy.yaml")
    own.ok("promote", "a/x:1", "production")
    own.ok("alias", "set", "a/x", "candidate", "1")
    rows = [line.split() for line in own.ok("aliases").out.splitlines()[1:]]
    assert [row[0] for row in rows] == ["a/x:candidate", "a/x:production", "b:production"]
    items = own.ok("aliases", "--json").json["items"]
    assert [item.get("standing") for item in items] == [None, "promoted", "undecided"]
    assert all(item["manifest_digest"].startswith("sha256:") and item["moved_at"] for item in items)
    assert len(own.ok("aliases", "--protected", "--json").json["items"]) == 2
    assert len(own.ok("aliases", "--name", "candidate", "--json").json["items"]) == 1
    assert "not promoted" in own.ok("aliases", "--name", "production").out


def test_what_was_at_a_date(own):
    push(own, "a", {"w": "1"})
    own.ok("alias", "set", "a", "production", "1")
    first = now()
    push(own, "a", {"w": "2"})
    own.ok("alias", "set", "a", "production", "2")
    second = now()
    own.ok("alias", "remove", "a", "production")
    third = now()
    own.ok("delete", "a:1")
    push(own, "b", {"w": "3"})

    def holder(moment):
        return own.ok("history", "a", "production", "--at", moment, "--json").json["items"][0]["to"]

    assert (holder(first), holder(second)) == (1, 2)
    for moment in (third, "2000-01-01"):
        outcome = own.run("history", "a", "production", "--at", moment)
        assert outcome.code == NOT_FOUND and "nowhere" in outcome.err

    def listed(moment):
        items = own.ok("list", "a", "--at", moment, "--json").json["items"]
        return {item["version"]: item["aliases"] for item in items}

    assert listed(first) == {"a:1": ["production"]}
    assert listed(second) == {"a:2": ["production"], "a:1": []}
    assert listed(third) == {"a:2": [], "a:1": []}
    assert listed(now()) == {"a:2": []}
    repositories = own.ok("list", "--at", first, "--json").json["items"]
    assert repositories == [{"name": "a", "version_count": 1}]
    assert own.run("list", "a", "--at", "soon").code == USAGE
    assert own.run("list", "a", "--at", first, "--framework", "x").code == USAGE


def test_the_log_is_listed_by_time_cause_and_actor(own):
    push(own, "a", {"w": "1"})
    before = now()
    own.ok("alias", "set", "a", "x", "1")
    after = now()
    own.ok("alias", "remove", "a", "x")

    def kinds(*options):
        return [item["entry"]["cause"] if "cause" in item["entry"] else item["entry"]["kind"]
                for item in own.ok("audit", "list", *options, "--json").json["items"]]

    assert kinds("--since", before, "--until", after) == ["set"]
    assert kinds("--since", after) == ["removal"]
    assert kinds("--cause", "set") == ["set"] and kinds("--cause", "removal") == ["removal"]
    assert "version" in kinds("--until", before) and "set" not in kinds("--until", before)
    assert kinds("--actor", "nobody") == [] and "set" in kinds("--actor", "local")
    for options in (("--cause", "magic"), ("--since", "soon"), ("--since", after, "--until", before)):
        assert own.run("audit", "list", *options).code == USAGE


def test_policies_of_before_are_shown_by_their_digests(own):
    push(own, "a", {"w": "1"})
    for size in (100, 200):
        (own.home / "policy.yaml").write_text(f"version: 1\nsize: {{max_bytes: {size}}}\n")
        own.ok("policy", "set", "a", "production", "policy.yaml")
    own.ok("policy", "remove", "a", "production")
    changes = own.ok("policy", "history", "a", "production", "--json").json["items"]
    assert len(changes) == 3 and "policy_digest" not in changes[0]
    for change, size in zip(changes[1:], (200, 100)):
        shown = own.ok("policy", "show", "a", "production", "--digest", change["policy_digest"], "--json").json
        assert shown["policy"]["size"]["max_bytes"] == size and shown["digest"] == change["policy_digest"]
        assert own.run("policy", "show", "a", "other", "--digest", change["policy_digest"]).code == NOT_FOUND
    assert "removed" in own.ok("policy", "history", "a", "production").out
    assert own.run("policy", "show", "a", "production", "--digest", "sha256:" + "0" * 64).code == NOT_FOUND
    assert own.run("policy", "history", "nosuch", "production").code == NOT_FOUND
    assert own.ok("policy", "history", "a", "other", "--json").code == DONE
