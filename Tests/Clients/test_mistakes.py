"""Mistakes that people make at the command line, and the word that gets them on."""

import json
import subprocess

import pytest
from harness import Registry, public


@pytest.fixture
def store(assay, server):
    """A repository with a protected alias and one that nobody protects."""
    assay = assay.at(server.url)
    key = assay.key()
    assay.ok("key", "trust", public(key))
    (assay.home / "w.bin").write_bytes(b"weights")
    assay.ok("push", "team/fraud", "w.bin", "--key", key)
    (assay.home / "policy.yaml").write_text("version: 1\n")
    assay.ok("policy", "set", "team/fraud", "production", "policy.yaml")
    assay.ok("promote", "team/fraud:1", "production")
    assay.ok("alias", "set", "team/fraud", "candidate", "1")
    return assay


# What is typed, the exit status, and what the answer has to say.
MISTAKES = [
    (["show", "team/frad:1"], 3, "did you mean 'team/fraud'?"),
    (["list", "team/froud"], 3, "did you mean 'team/fraud'?"),
    (["show", "team/fraud:prodcution"], 3, "did you mean 'production'?"),
    (["pull", "team/fraud:candidat", "out"], 3, "did you mean 'candidate'?"),
    (["history", "team/fraud", "producton"], 3, "did you mean 'production'?"),
    (["show", "something/else:1"], 3, "assay list"),
    (["push", "My Model", "w.bin"], 2, "my-model"),
    (["push", "Team/Fraud_Model v2", "w.bin"], 2, "team/fraud-model-v2"),
    (["push", "größe", "w.bin"], 2, "team/fraud"),
    (["push", "-x", "w.bin"], 2, "--"),
    (["help", "nosuch"], 2, "assay --help"),
    (["help", "pussh"], 2, "did you mean 'push'?"),
    (["help", "policy", "sett"], 2, "did you mean 'set'?"),
    (["policy", "sett"], 2, "did you mean 'set'?"),
    (["alias", "set", "team/fraud", "Production", "1"], 5, "too like production"),
    (["alias", "set", "team/fraud", "PRODUCTION", "1"], 5, "too like production"),
    (["policy", "set", "team/fraud", "pRoduction", "policy.yaml"], 5, "too like production"),
    (["alias", "set", "team/fraud", "production", "1"], 5, "assay promote"),
]


@pytest.mark.parametrize(("words", "code", "said"), MISTAKES, ids=lambda value: " ".join(value) if isinstance(
    value, list) else None)
def test_a_mistake_gets_the_word_that_helps(store, words, code, said):
    outcome = store.run(*words)
    assert outcome.code == code and said in outcome.err and "error: " in outcome.err, outcome
    assert not (store.home / "out").exists()


def test_help_that_there_is_is_shown(store):
    for words in (["help"], ["help", "push"], ["help", "policy", "set"], ["--help"], ["policy", "--help"]):
        assert "USAGE: assay" in store.ok(*words).out


def test_other_clients_make_no_twin_of_a_protected_alias_either(store):
    registry = Registry(store.server)
    body = registry.get_manifest("team/fraud", "1").content
    media_type = json.loads(body)["mediaType"]
    assert registry.put_manifest("team/fraud", "Production", body, media_type).status_code in (400, 403, 409)
    assert "Production" not in registry.get("/v2/team/fraud/tags/list").json()["tags"]
    assert registry.put_manifest("team/fraud", "Staging", body, media_type).status_code == 201


def test_a_log_level_that_is_none_is_refused(store):
    for level, code in (("nonsense", 2), ("WARN", 2), ("debug", 0), ("", 0)):
        done = subprocess.run(
            [store.binary, "list"], env=store.environment() | {"ASSAY_LOG": level}, capture_output=True, text=True,
            cwd=store.home, timeout=60)
        assert done.returncode == code, (level, done)
        assert code == 0 or "warning" in done.stderr


def test_a_slash_may_be_encoded_once_in_the_api_and_nowhere_else(store):
    registry = Registry(store.server)
    plain = registry.get("/api/v1/versions/team/fraud:1")
    for path in ("team%2Ffraud:1", "team%2ffraud%3A1", "team%2Ffraud%3aproduction"):
        assert registry.get(f"/api/v1/versions/{path}").json() == plain.json()
    assert registry.get("/api/v1/repositories/team%2Ffraud").status_code == 200
    assert registry.get("/api/v1/aliases/team%2Ffraud%3Aproduction").json()["version"] == 1
    for path in ("team%252Ffraud:1", "team%2F%2Ffraud:1", "team%2F..%2Ffraud:1", "%2Fteam%2Ffraud:1"):
        assert registry.get(f"/api/v1/versions/{path}").status_code == 400, path
    for path in ("team%2Ffraud/manifests/1", "team%2Ffraud/tags/list"):
        assert registry.get(f"/v2/{path}").status_code == 400, path
    protected = registry.request("PUT", "/api/v1/aliases/team%2Ffraud%3Aproduction", json={"version": 1})
    assert protected.status_code == 409 and protected.json()["code"] == "alias-protected"
