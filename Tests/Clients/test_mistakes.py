"""Mistakes that people make at the command line, and the word that gets them on."""

import json
import subprocess

import pytest
from harness import FIXTURES, Assay, Registry, Server, public


FILES = {
    "policy.yaml": "version: 1\n", "bytes.yaml": "version: 1\nmemory: 400MiB\n",
    "metric.yaml": "version: 1\ndataset: digits-test:1\nmetrics: {acuracy: {min: 0.9}}\n",
    "key.yaml": "version: 1\nmetric: {accuracy: {min: 0.9}}\n", "unversioned.yaml": "memory: {max_bytes: 5}\n",
    "tab.yaml": "version: 1\n\tmemory: 5\n", "words.yaml": "metrics: {a: high}\n", "cut.json": '{"a":'}


@pytest.fixture(scope="module")
def store(binary, tmp_path_factory):
    """A repository with a protected alias and one that nobody protects, and files that mistakes are made with."""
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "server").mkdir()
    server = Server(binary, folder / "server").create_store().start()
    assay = Assay(binary, folder, server.url)
    key = assay.key()
    assay.ok("key", "trust", public(key))
    (assay.home / "w.bin").write_bytes(b"weights")
    assay.ok("push", "team/fraud", "w.bin", "--key", key)
    for name, text in FILES.items():
        (assay.home / name).write_text(text)
    (assay.home / "m.onnx").write_bytes((FIXTURES / "digits-1.onnx").read_bytes())
    for folder in ("folder", "empty", "plain"):
        (assay.home / folder).mkdir()
    (assay.home / "folder" / "data").symlink_to("/etc/hostname")
    (assay.home / "plain" / "notes.txt").write_text("no store")
    assay.ok("push", "digits", "m.onnx", "--key", key)
    assay.ok("push", "digits-test", FIXTURES / "test.npz", "--kind", "dataset")
    assay.ok("policy", "set", "team/fraud", "production", "policy.yaml")
    assay.ok("promote", "team/fraud:1", "production")
    assay.ok("alias", "set", "team/fraud", "candidate", "1")
    yield assay
    assert server.stop() == 0


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
    # Files.
    (["push", "team/fraud", "missing.bin"], 3, "check the path"),
    (["push", "team/fraud", "w.bin", "--key", "missing.pem"], 3, "check the path"),
    (["push", "team/fraud", "empty"], 2, "name a file, or a folder that holds one"),
    (["push", "team/fraud", "folder"], 7, "--follow-links"),
    (["push", "team/fraud"], 2, "assay push --help"),
    (["pull", "team/fraud:1", "w.bin"], 7, "name a folder"),
    (["pull", "team/fraud:candidate", "/proc/x/y"], 3, "check the path"),
    (["bundle", "verify", "nosuch.tar"], 3, "check the path"),
    (["bundle", "verify", "m.onnx"], 6, "assay bundle export"),
    (["bundle", "import", "w.bin"], 6, "assay bundle export"),
    (["bundle", "export", "team/fraud:1", "-o", "w.bin"], 5, "choose another name"),
    (["find", "nosuch.bin"], 3, "name a file, or a digest"),
    (["list", "--token-file", "nosuch"], 3, "check the path"),
    # Keys.
    (["push", "team/fraud", "m.onnx", "--key", "w.bin"], 2, "is readable by others"),
    (["push", "team/fraud", "m.onnx", "--key", "release.pub.pem"], 2, "name the private key"),
    (["sign", "team/fraud:1"], 2, "--key FILE"),
    (["key", "trust", "w.bin"], 2, "one key or certificate in PEM form"),
    (["key", "trust", "release.pem"], 2, "name its public key"),
    (["key", "trust", "release.pub.pem", "--role", "signer"], 2, "use release, training"),
    (["key", "revoke", "1234"], 3, "assay key list"),
    (["key", "limit", "release", "--until", "tomorrow"], 2, "2026-11-25"),
    (["audit", "verify", "--trust", "w.bin"], 2, "assay key export"),
    # What is said of a version.
    (["push", "team/fraud", "w.bin", "--metric", "a=high"], 2, "accuracy=0.97"),
    (["push", "team/fraud", "w.bin", "--metric", "accuracy"], 2, "write it as"),
    (["push", "team/fraud", "w.bin", "--metadata", "words.yaml"], 2, "such as 0.97"),
    (["push", "team/fraud", "w.bin", "--metadata", "cut.json"], 2, "in quotes"),
    (["push", "team/fraud", "w.bin", "--tag", "20261130"], 5, "push without a number"),
    (["push", "team/fraud", "w.bin", "--trained-on", "digits-test:9"], 3, "assay list digits-test"),
    (["push", "team/fraud", "w.bin", "--trained-on", "digits-test"], 2, "write NAME:3"),
    (["push", "digits", "m.onnx", "--kind", "dataset"], 5, "use another repository"),
    (["push", "digits", "m.onnx", "--kind", "modell"], 2, "use model or dataset"),
    (["annotate", "team/fraud:1"], 2, "KEY=VALUE"),
    (["annotate", "team/fraud:1", "owner"], 2, "owner=fraud"),
    # Measuring and policies.
    (["verify", "team/fraud:1", "--dataset", "digits-test:1"], 7, ".onnx"),
    (["verify", "digits:1", "--dataset", "digits-tset:1"], 3, "did you mean 'digits-test'?"),
    (["verify", "digits:1", "--dataset", "team/fraud:1"], 7, "--kind dataset"),
    (["verify", "digits:1"], 2, "--dataset REF"),
    (["promote", "digits:1", "production"], 3, "assay policy set digits production"),
    (["promote", "team/fraud", "production"], 2, "write NAME:3"),
    (["policy", "set", "team/fruad", "production", "policy.yaml"], 3, "check the name"),
    (["policy", "set", "team/fraud", "staging", "bytes.yaml"], 2, "memory: {max_bytes: …}"),
    (["policy", "set", "team/fraud", "staging", "metric.yaml"], 2, "did you mean 'accuracy'?"),
    (["policy", "set", "team/fraud", "staging", "key.yaml"], 2, "did you mean 'metrics'?"),
    (["policy", "set", "team/fraud", "staging", "unversioned.yaml"], 2, "docs/formats/policy.md"),
    (["policy", "set", "team/fraud", "staging", "tab.yaml"], 2, "indent with spaces"),
    (["rollback", "team/fraud", "production", "--reason", "x"], 5, "assay history team/fraud production"),
    (["report", "digits:1"], 3, "assay verify digits:1"),
    (["optimize", "digits:1", "--precision", "int4"], 2, "use fp16"),
    # Deletes, lists and servers.
    (["delete", "team/fraud:candidate"], 2, "assay alias remove team/fraud candidate"),
    (["delete", "team/fraud:1"], 5, "promote another version"),
    (["list", "--limit", "0"], 2, "give 1 or more"),
    (["audit", "list", "--since", "yesterday"], 2, "2026-11-25"),
    (["audit", "list", "--kind", "move"], 2, "use version, manifest"),
    (["init", "."], 5, "a folder that does not exist yet"),
    (["serve", "--store", "plain"], 2, "assay init"),
    (["list", "--server", "ftp://x"], 2, "http://127.0.0.1:8080"),
    (["list", "--server", "http://127.0.0.1:1"], 8, "check that the server runs"),
    (["push", "team/fraud", "w.bin", "--timeout", "soon"], 2, "90s"),
]


def test_the_table_has_sixty_mistakes():
    assert len(MISTAKES) >= 60 and len({tuple(words) for words, _, _ in MISTAKES}) == len(MISTAKES)


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
