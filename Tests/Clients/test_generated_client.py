"""A Python client that openapi-python-client makes of our OpenAPI document, against a real server."""

import datetime
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from harness import FIXTURES, REPOSITORY_ROOT, Registry, digest_of, public

GENERATE_SECONDS = 120
# The generator has no reader for the registered type of YAML (RFC 9512), and takes the hint that it is text.
CONFIGURATION = "content_type_overrides:\n  application/yaml: text/plain\n"
PACKAGE = "assay_native_api_client"
UTC = datetime.UTC


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """What the generator says, and a function that imports a part of the client that it made."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "configuration.yaml").write_text(CONFIGURATION)
    programs = Path(sys.executable).parent
    done = subprocess.run(
        [programs / "openapi-python-client", "generate", "--path",
         REPOSITORY_ROOT / "schema" / "openapi" / "assay-v1.yaml", "--config", folder / "configuration.yaml",
         "--output-path", folder / "client"],
        env={"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(folder)}, capture_output=True, text=True,
        timeout=GENERATE_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder / "client"))
    yield done.stdout + done.stderr, lambda name="": importlib.import_module(PACKAGE + name)
    sys.path.remove(str(folder / "client"))


class Client:
    """The client, at a server: `client.get_version("team/fraud:1")` calls the operation of that name."""

    def __init__(self, part, url):
        self.part = part
        self.client = part().Client(base_url=url)

    def __getattr__(self, operation):
        module = self.part(f".api.default.{operation}")
        return lambda *arguments, **options: module.sync_detailed(*arguments, client=self.client, **options)

    def model(self, name):
        return getattr(self.part(".models"), name)


@pytest.fixture(scope="module")
def story(generated, binary, tmp_path_factory):
    """A server with versions in a repository whose name has a slash, and the client at it."""
    from harness import Assay, Server

    folder = tmp_path_factory.mktemp("story")
    (folder / "server").mkdir()
    server = Server(binary, folder / "server").create_store().start()
    assay = Assay(binary, folder, server.url)
    key = assay.key()
    assay.ok("key", "trust", public(key), "--name", "release")
    assay.ok("push", "data/digits-test", FIXTURES / "test.npz", "--kind", "dataset", "--key", key)
    for number in (1, 2):
        assay.ok("push", "team/fraud", FIXTURES / f"digits-{number}.onnx", "--key", key,
                 "--trained-on", "data/digits-test:1")
    (folder / "policy.yaml").write_text("version: 1\nlineage: [trained-on]\n")
    assay.ok("policy", "set", "team/fraud", "production", "policy.yaml")
    for number in (1, 2):
        assay.ok("promote", f"team/fraud:{number}", "production")
    yield Client(generated[1], server.url)
    assert server.stop() == 0


def test_the_generator_leaves_out_nothing(generated):
    said, _ = generated
    assert "WARNING" not in said and "Unable" not in said and "omitted" not in said, said


def test_every_operation_has_a_function(generated):
    import yaml

    document = yaml.safe_load((REPOSITORY_ROOT / "schema" / "openapi" / "assay-v1.yaml").read_text())
    named = [
        operation["operationId"] for path in document["paths"].values() for method, operation in path.items()
        if method in ("get", "post", "put", "patch", "delete")]
    _, part = generated
    folder = Path(part().__file__).parent / "api" / "default"
    made = {path.stem.replace("_", "") for path in folder.glob("*.py")}
    assert [name for name in named if name.lower() not in made] == []


# A name with a slash


def test_a_repository_with_a_slash_is_read(story):
    assert story.get_repository("team/fraud").parsed.version_count == 2
    assert [item.name for item in story.list_repositories().parsed.items] == ["data/digits-test", "team/fraud"]
    assert [item.number for item in story.list_versions(repository="team/fraud").parsed.items] == [2, 1]
    first = story.list_versions(repository="team/fraud", limit=1).parsed
    assert [item.number for item in story.list_versions(
        repository="team/fraud", limit=1, after=first.next_).parsed.items] == [1]


def test_a_version_is_read_by_number_alias_and_digest(story):
    by_alias = story.get_version("team/fraud:production").parsed
    assert (by_alias.repository, by_alias.number, by_alias.aliases) == ("team/fraud", 2, ["production"])
    assert by_alias.created_at.tzinfo is not None and abs(
        by_alias.created_at - datetime.datetime.now(UTC)) < datetime.timedelta(days=1)
    by_digest = story.get_version(f"team/fraud@{by_alias.manifest_digest}").parsed
    assert by_digest.number == story.get_version("team/fraud:2").parsed.number == 2
    assert by_digest.model.inputs[0].element_type == "float32"


def test_what_hangs_on_a_version_is_read(story):
    assert {item.predicate_type for item in story.list_attestations(reference="team/fraud:2").parsed.items} >= {
        "https://slsa.dev/provenance/v1", "https://slsa.dev/verification_summary/v1"}
    edges = story.get_lineage("team/fraud:1").parsed.edges
    assert [(edge.from_, edge.to, edge.relation) for edge in edges] == [
        ("team/fraud:1", "data/digits-test:1", "trained-on")]
    assert story.get_bill("team/fraud:1").parsed.to_dict()["bomFormat"] == "CycloneDX"
    assert story.list_inspections("team/fraud:1").parsed.items[0].format_ == "onnx"
    assert story.search(q="fraud").parsed.items


def test_aliases_are_read_and_moved(story):
    assert [(item.name, item.standing) for item in story.list_aliases(repository="team/fraud").parsed.items] == [
        ("production", "promoted")]
    assert story.get_alias("team/fraud:production").parsed.version == 2
    moves = story.list_alias_moves(alias="team/fraud:production").parsed.items
    assert [(move.to, move.cause) for move in moves] == [(2, "promotion"), (1, "promotion")]
    request = story.model("MoveAliasRequest")
    moved = story.move_alias("team/fraud:candidate", body=request(version=1, expected=0)).parsed
    assert (moved.to, moved.cause) == (1, "set")
    assert story.move_alias("team/fraud:candidate", body=request(version=2, expected=0)).status_code == 409
    assert story.remove_alias("team/fraud:candidate").parsed.cause == "removal"
    refused = story.move_alias("team/fraud:production", body=request(version=1))
    assert (refused.status_code, refused.parsed.code) == (409, "alias-protected") and refused.parsed.remedy


def test_notes_are_written_and_taken_away(story):
    request, notes = story.model("AnnotateRequest"), story.model("AnnotateRequestAnnotations")
    for value, kept in (("fraud", {"owner": "fraud"}), (None, {})):
        body = request(annotations=notes.from_dict({"owner": value}))
        assert story.annotate("team/fraud:1", body=body).parsed.annotations.to_dict() == kept


def test_policies_are_read_checked_and_set(story):
    policy = story.get_policy("team/fraud:production").parsed
    assert (policy.alias, policy.policy.lineage) == ("production", ["trained-on"])
    assert [item.digest for item in story.list_policies(repository="team/fraud").parsed.items] == [policy.digest]
    assert story.get_policy("team/fraud:production", digest=policy.digest).parsed.digest == policy.digest
    decision = story.check_policy(
        reference="team/fraud:1", alias="production", body=story.model("Policy")(version=1)).parsed
    assert decision.state == "wouldPass" and "signature" in [line.requirement for line in decision.outcomes]
    made = story.set_policy("team/fraud:staging", body=policy.policy).parsed
    assert (made.alias, made.digest) == ("staging", policy.digest)
    assert story.remove_policy("team/fraud:staging").status_code == 204


def test_a_rollback_is_tried_and_a_promotion_repeated(story):
    request = story.model("RollbackRequest")
    tried = story.roll_back(
        body=request(repository="team/fraud", alias="production", reason="a trial", dry_run=True)).parsed
    assert (tried.state, tried.version) == ("wouldPass", 1)
    assert story.get_alias("team/fraud:production").parsed.version == 2
    again = story.promote(body=story.model("PromoteRequest")(reference="team/fraud:2", alias="production"))
    assert (again.status_code, again.parsed.state) == (200, "unchanged")


def test_keys_take_times_as_clients_write_them(story):
    key, = [item for item in story.list_keys().parsed.items if item.role == "release"]
    until = datetime.datetime(2099, 1, 2, 3, 4, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    limited = story.limit_key(key.id, body=story.model("LimitKeyRequest")(valid_until=until)).parsed
    assert limited.valid_until == until
    since = datetime.datetime.now(UTC) - datetime.timedelta(hours=1)
    promotion = story.model("ListAuditEntriesCause")("promotion")
    moves = story.list_audit_entries(repository="team/fraud", cause=promotion, since=since).parsed.items
    assert len(moves) == 2 and moves[0].entry.additional_properties["alias"] == "production"
    assert story.list_audit_entries(until=since).parsed.items == []


def test_an_error_is_read_as_one(story):
    absent = story.get_version("team/fraud:9")
    assert (absent.status_code, absent.parsed.code) == (404, "version-not-found")
    assert absent.parsed.status == 404 and "assay list" in absent.parsed.remedy


def test_bytes_and_texts_are_read(story):
    assert "openapi: 3.1.0" in story.get_open_api().parsed
    assert story.get_checkpoint().parsed.startswith("assay.dev/log/")
    assert story.get_audit_proof(0).parsed.startswith("c2sp.org/tlog-proof@v1")
    facts = story.get_audit_facts(from_=0, count=2).parsed.payload.read()
    assert len(facts) == 64
    assert story.get_tile("0/000.p/1").parsed.payload.read() == facts[:32]


def test_content_is_found_by_its_digest(story):
    digest = digest_of((FIXTURES / "digits-1.onnx").read_bytes())
    place, = story.find_content(digest).parsed.items
    assert (place.repository, place.version, place.role, place.path) == ("team/fraud", 1, "file", "digits-1.onnx")
    plain = Registry(story.client._base_url).get(f"/api/v1/contents/{digest}").json()
    assert plain["items"][0]["repository"] == place.repository
