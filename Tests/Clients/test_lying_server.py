"""Every command against a server that answers with something else than was asked for: exit status 6, and no file."""

import json
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

import pytest
from evidence import DONE, INTEGRITY, digest
from harness import FIXTURES, Assay, Registry, Server
from lying import Liar

NAME, OTHER = "team/model", "team/other"
TRUST = ("--trust", "root.json")


@dataclass
class Place:
    """A server with two repositories, in each of which something was promoted, and a client that trusts its keys."""

    server: Server
    local: Assay
    good: str

    def files(self):
        return sorted(str(path.relative_to(self.local.home)) for path in self.local.home.rglob("*")
                      if path.is_file() and not path.is_relative_to(self.server.store)
                      and ".cache" not in path.parts and ".local" not in path.parts and path != self.server.log)


@pytest.fixture(scope="module")
def place(binary, tmp_path_factory):
    home = tmp_path_factory.mktemp("lies")
    server = Server(binary, home).create_store().start()
    local = Assay(binary, home, server.url)
    local.key()
    local.key("other")
    local.ok("key", "trust", "release.pub.pem")
    (home / "policy.yaml").write_text("version: 1\n")
    (home / "review.json").write_text("{}")
    local.ok("push", f"{NAME}-data", FIXTURES / "test.npz", "--kind", "dataset", "--key", "release.pem")
    for name, models in ((NAME, ("digits-1", "digits-2")), (OTHER, ("digits-3",))):
        for model in models:
            local.ok("push", name, FIXTURES / f"{model}.onnx", "--key", "release.pem")
        local.ok("policy", "set", name, "production", "policy.yaml")
        local.ok("promote", f"{name}:1", "production")
    local.ok("promote", f"{NAME}:2", "production")
    local.ok("verify", f"{NAME}:2", "--dataset", f"{NAME}-data:1", "--runs", "10")
    local.ok("key", "export", "-o", "root.json")
    yield Place(server, local, digest(local, f"{NAME}:2"))
    server.assert_running()
    assert server.stop() == 0


def told_of(path):
    """A path with its references as people write them."""
    return unquote(path)


def instead(asked, given):
    """Asks the server for another version wherever one is asked for."""
    def ask(path):
        changed = told_of(path).replace(f"/versions/{asked}", f"/versions/{given}")
        return quote(changed, safe="/?=&:@%+,") if changed != told_of(path) else path

    return {"ask": ask}


def changed(pattern, change):
    """Changes the JSON that is answered at paths that match."""
    def answer(method, path, data):
        if not re.search(pattern, told_of(path)):
            return data
        body = json.loads(data)
        change(body)
        return json.dumps(body).encode()

    return {"answer": answer}


def put(*path_and_value):
    """Sets a value by its path; a star stands for every item of a list."""
    *path, last, value = path_and_value

    def change(body):
        nodes = [body]
        for step in path:
            nodes = [item for node in nodes for item in (node if step == "*" else [node[step]])]
        assert nodes, "there is nothing to change"
        for node in nodes:
            node[last] = value

    return change


# What a reference names


BY_REFERENCE = {
    "pull": ("pull", "REF", "out"), "pull with trust": ("pull", "REF", "out", *TRUST),
    "pull with the log": ("pull", "REF", "out", *TRUST, "--require-log"),
    "sign": ("sign", "REF", "--key", "release.pem"),
    "attest": ("attest", "REF", "--type", "https://example.org/review/v1", "--predicate", "review.json", "--key",
               "release.pem"),
    "waive": ("waive", "REF", "staging", "--requirement", "size", "--reason", "r", "--expires", "2099-01-01", "--key",
              "release.pem"),
    "bundle": ("bundle", "export", "REF", "-o", "out.tar"), "report": ("report", "REF", "--html", "out.html"),
    "compare": ("compare", "REF", f"{OTHER}:1"),
    "attestations": ("attestations", "REF"), "show": ("show", "REF"), "bom": ("bom", "REF"),
    "lineage": ("lineage", "REF"), "dot": ("lineage", "REF", "--dot"), "promote": ("promote", "REF", "production"),
    "policy check": ("policy", "check", "REF", "production"),
    "optimize": ("optimize", "REF", "--precision", "fp16", "--to", f"{NAME}-small")}


@pytest.mark.parametrize("given", [f"{NAME}:1", f"{OTHER}:production"])
@pytest.mark.parametrize("reference", ["number", "digest", "alias"])
@pytest.mark.parametrize("command", BY_REFERENCE)
def test_another_version_than_was_asked_for_is_refused(place, command, reference, given):
    asked = {"number": f"{NAME}:2", "digest": f"{NAME}@{place.good}", "alias": f"{NAME}:production"}[reference]
    numbered = {"lineage", "dot", "promote", "policy check"}
    if reference == "number" and command in numbered:
        pytest.skip("nothing is looked up by a number that the answer names itself")
    before = (place.files(), versions(place))
    with Liar(place.server.url, **instead(asked, given)) as liar:
        arguments = [asked if word == "REF" else word for word in BY_REFERENCE[command]]
        outcome = place.local.at(liar.url).run(*arguments)
        assert any("/versions/" in told_of(path) for path in liar.asked), "the version was not asked for"
    assert outcome.code == INTEGRITY, outcome
    assert "answer" in outcome.err and (place.files(), versions(place)) == before


def versions(place):
    """What the server has of versions and evidence."""
    found = {}
    registry = Registry(place.server.url)
    for name in (NAME, OTHER):
        for item in registry.get(f"/api/v1/versions?repository={name}").json()["items"]:
            reference = f"{name}:{item['number']}"
            listed = registry.get(f"/api/v1/attestations?reference={reference}").json()["items"]
            found[reference] = (item["manifest_digest"], item["aliases"], len(listed))
    return found


@pytest.mark.parametrize("field,value", [
    ("number", 1), ("repository", OTHER), ("manifest_digest", "sha256:" + "0" * 64)])
@pytest.mark.parametrize("reference", ["number", "digest"])
def test_one_false_field_is_enough(place, reference, field, value):
    asked = {"number": f"{NAME}:2", "digest": f"{NAME}@{place.good}"}[reference]
    before = place.files()
    with Liar(place.server.url, **changed("^/api/v1/versions/", put(field, value))) as liar:
        outcome = place.local.at(liar.url).run("pull", asked, "out", *TRUST, "--require-log")
    # A number says nothing of a digest, nor the other way round; then there is no such manifest, or no such promotion.
    assert outcome.code in (INTEGRITY, 3), outcome
    assert outcome.code == INTEGRITY or (reference, field) in {("number", "manifest_digest"), ("digest", "number")}
    assert place.files() == before


def test_an_honest_relay_changes_nothing(place):
    with Liar(place.server.url) as liar:
        local = place.local.at(liar.url)
        outcome = local.run("pull", f"{NAME}:production", "honest", *TRUST, "--require-log")
        assert outcome.code == DONE, outcome
        for arguments in (("report", f"{NAME}:2"), ("bom", f"{NAME}:2"), ("lineage", f"{NAME}@{place.good}", "--dot"),
                          ("verify", f"{NAME}:2", "--dataset", f"{NAME}-data:1", "--runs", "10"),
                          ("attestations", f"{NAME}:production"), ("history", NAME, "production"),
                          ("select", NAME, "--by", "accuracy"), ("alias", "list", NAME), ("policy", "show", NAME, "production"),
                          ("policy", "check", f"{NAME}:2", "production"), ("promote", f"{NAME}:2", "production"),
                          ("bundle", "export", f"{NAME}:2", "-o", "honest.tar"), ("list",), ("audit", "verify", *TRUST),
                          ("audit", "list", "--repository", NAME, "--limit", "2000"), ("jobs", "list")):
            outcome = local.run(*arguments)
            assert outcome.code == DONE, f"{arguments}: {outcome}"


# What else an answer says of itself


OTHER_ANSWERS = {
    "a promotion's alias": (("promote", f"{NAME}:2", "production"), "^/api/v1/promotions", put("alias", "staging")),
    "a promotion's version": (("promote", f"{NAME}:2", "production"), "^/api/v1/promotions", put("version", 1)),
    "a check's version": (("policy", "check", f"{NAME}:2", "production"), "^/api/v1/policy-checks", put("version", 1)),
    "a policy's alias": (("policy", "show", NAME, "production"), "^/api/v1/policies/", put("alias", "staging")),
    "a policy's repository": (
        ("policy", "show", NAME, "production"), "^/api/v1/policies/", put("repository", OTHER)),
    "the policy that was set": (
        ("policy", "set", NAME, "strict", "policy.yaml"), "^/api/v1/policies/",
        put("policy", {"version": 1, "size": {"max_bytes": 1}})),
    "policies of another repository": (
        ("policy", "show", NAME), "^/api/v1/policies", put("items", "*", "repository", OTHER)),
    "aliases of another repository": (
        ("alias", "list", NAME), "^/api/v1/aliases", put("items", "*", "repository", OTHER)),
    "moves of another alias": (
        ("history", NAME, "production"), "^/api/v1/alias-moves", put("items", "*", "name", "staging")),
    "a move to elsewhere": (("alias", "set", NAME, "candidate", "2"), "^/api/v1/aliases/", put("to", 1)),
    "a move of another alias": (
        ("alias", "set", NAME, "candidate", "2"), "^/api/v1/aliases/", put("name", "production")),
    "versions of another repository": (
        ("list", NAME), "^/api/v1/versions[?]", put("items", "*", "repository", OTHER)),
    "another root of a lineage": (("lineage", f"{NAME}:2"), "^/api/v1/lineage/", put("root", f"{NAME}:1")),
    "descendants for ancestors": (("lineage", f"{NAME}:2"), "^/api/v1/lineage/", put("direction", "descendants")),
    "another best version": (
        ("select", NAME, "--by", "accuracy"), "^/api/v1/selections/", put("selected", "repository", OTHER)),
    "a verification of another version": (
        ("verify", f"{NAME}:2", "--dataset", f"{NAME}-data:1", "--runs", "10"), "^/api/v1/verifications",
        put("subject", "number", 1)),
    "a verification on other data": (
        ("verify", f"{NAME}:2", "--dataset", f"{NAME}-data:1", "--runs", "10"), "^/api/v1/verifications",
        put("dataset", "repository", OTHER)),
    "a report of another version": (
        ("verify", f"{NAME}:2", "--dataset", f"{NAME}-data:1", "--runs", "10"), "/report$",
        put("subject", "number", 1)),
    "entries of another repository": (
        ("audit", "list", "--repository", NAME), "^/api/v1/audit/entries",
        put("items", "*", "entry", "repository", OTHER)),
    "another publish": (
        ("push", NAME, FIXTURES / "digits-1.onnx", "--key", "release.pem"), "^/api/v1/versions$",
        put("version", "repository", OTHER)),
    "a signature that was not sent": (
        ("sign", f"{NAME}:2", "--key", "other.pem"), "^/api/v1/attestations$",
        put("envelope_digest", "sha256:" + "0" * 64)),
    "another key": (
        ("key", "limit", "KEY", "--until", "2099-01-01"), "^/api/v1/keys/", put("id", "0" * 64))}


@pytest.mark.parametrize("lie", OTHER_ANSWERS)
def test_an_answer_that_names_something_else_is_refused(place, lie):
    arguments, pattern, change = OTHER_ANSWERS[lie]
    keys = place.local.ok("key", "list", "--json").json["items"]
    key = next(key["id"] for key in keys if key["role"] == "release")
    with Liar(place.server.url, **changed(pattern, change)) as liar:
        outcome = place.local.at(liar.url).run(*[key if word == "KEY" else word for word in arguments])
        assert any(re.search(pattern, told_of(path.split(" ", 1)[1])) for path in liar.asked), liar.asked
    assert outcome.code == INTEGRITY, outcome


def test_a_graph_of_another_version_is_refused(place):
    def answer(method, path, data):
        return data.replace(f"{NAME}:2".encode(), f"{NAME}:1".encode()) if "format=dot" in path else data

    with Liar(place.server.url, answer) as liar:
        outcome = place.local.at(liar.url).run("lineage", f"{NAME}:2", "--dot")
    assert outcome.code == INTEGRITY, outcome


def test_a_bill_of_another_version_is_refused(place):
    def ask(path):
        return path.replace(f"/bills/{NAME}:2", f"/bills/{NAME}:1")

    with Liar(place.server.url, ask=ask) as liar:
        outcome = place.local.at(liar.url).run("bom", f"{NAME}:2")
    assert outcome.code == INTEGRITY, outcome


def test_a_proof_of_another_entry_is_not_printed(place):
    with Liar(place.server.url, ask=lambda path: path.replace("/audit/proofs/3", "/audit/proofs/2")) as liar:
        for arguments in (("audit", "proof", "3", "-o", "out.proof"), ("audit", "show", "3")):
            outcome = place.local.at(liar.url).run(*arguments)
            assert outcome.code == INTEGRITY, outcome
    assert not (place.local.home / "out.proof").exists()


@pytest.mark.parametrize("command", [("report", f"{NAME}:2"), ("attestations", f"{NAME}:2"), ("show", f"{NAME}:2")])
def test_evidence_of_another_version_is_refused(place, command):
    def ask(path):
        changed = told_of(path).replace(f"/attestations?reference={NAME}:2", f"/attestations?reference={NAME}:1")
        return quote(changed, safe="/?=&:@%+,") if changed != told_of(path) else path

    with Liar(place.server.url, ask=ask) as liar:
        outcome = place.local.at(liar.url).run(*command)
    assert outcome.code == INTEGRITY, outcome


def test_referrers_of_another_version_are_refused(place):
    other = digest(place.local, f"{NAME}:1")

    def ask(path):
        return path.replace(f"/referrers/{place.good}", f"/referrers/{other}")

    before = place.files()
    with Liar(place.server.url, ask=ask) as liar:
        for arguments in (("pull", f"{NAME}:2", "out", *TRUST), ("bundle", "export", f"{NAME}:2", "-o", "out.tar")):
            outcome = place.local.at(liar.url).run(*arguments)
            assert outcome.code == INTEGRITY, outcome
    assert place.files() == before


# A promotion's proof


@pytest.mark.parametrize("field,value", [
    ("repository", OTHER), ("alias", "staging"), ("digest", "sha256:" + "0" * 64), ("policy", "sha256:" + "0" * 64),
    ("verdict", "sha256:" + "0" * 64), ("to", 1), ("actor", "mallory"), ("cause", "set")])
def test_a_listed_promotion_is_the_proven_one_in_every_field(place, field, value):
    def change(body):
        for item in body["items"]:
            if item["entry"].get("to") == 2:
                item["entry"][field] = value

    before = place.files()
    with Liar(place.server.url, **changed("^/api/v1/audit/entries", change)) as liar:
        outcome = place.local.at(liar.url).run("pull", f"{NAME}:production", "out", *TRUST, "--require-log")
    assert outcome.code in (INTEGRITY, 3), outcome
    assert place.files() == before


def test_a_promotion_elsewhere_under_a_policy_of_its_own_is_none(place):
    """The server answers all that is asked of one repository with what it has of another."""
    def ask(path):
        return path.replace(NAME, OTHER).replace(quote(NAME, safe=""), quote(OTHER, safe=""))

    before = place.files()
    with Liar(place.server.url, ask=ask) as liar:
        outcome = place.local.at(liar.url).run("pull", f"{NAME}:production", "out", *TRUST, "--require-log")
    assert outcome.code == INTEGRITY, outcome
    assert place.files() == before


# Lists without end


@pytest.mark.parametrize("arguments,pattern", [
    (("list", NAME, "--limit", "100000"), "^/api/v1/versions[?]"), (("list", "--limit", "100000"), "^/api/v1/repos"),
    (("history", NAME, "production", "--limit", "100000"), "^/api/v1/alias-moves"),
    (("audit", "list", "--limit", "100000"), "^/api/v1/audit/entries"),
    (("jobs", "list", "--limit", "100000"), "^/api/v1/verifications[?]"),
    (("pull", f"{NAME}:2", "out", "--require-log", *TRUST), "^/api/v1/audit/entries")])
def test_a_list_without_end_is_told_and_ends(place, arguments, pattern):
    """The same page again and again, each with a cursor to the next one."""
    def ask(path):
        return re.sub(r"&?after=[^&]*", "", path)

    def answer(method, path, data):
        if not re.search(pattern, told_of(path)):
            return data
        body = json.loads(data)
        # A promotion is looked for until it is found.
        body["items"] = [item for item in body["items"] if item.get("entry", {}).get("cause") != "promotion"]
        return json.dumps(body | {"next": "7"}).encode()

    with Liar(place.server.url, answer, ask) as liar:
        outcome = place.local.at(liar.url).run(*arguments)
        asked = [path for path in liar.asked if re.search(pattern, told_of(path.split(" ", 1)[1]))]
    assert outcome.code in (INTEGRITY, 7), outcome
    assert 1 < len(asked) < 20 and outcome.err
