"""Auditors' dossiers: what they hold, that they are checked offline, and that nothing can be taken out or changed.

The history has all there is to tell: promotions, refusals, a waiver with a hostile reason, a rollback,
a deletion, moves of another alias and of another repository.
"""

import datetime
import hashlib
import io
import json
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from evidence import PREDICATE_TYPE_ANNOTATION, PROVENANCE, REPORT, USAGE, VERDICT, digest, sealed, statement
from harness import FIXTURES, Assay, Registry, Server, find_binary
from jsonschema import Draft202012Validator
from lying import Liar
from test_attestations import push_envelope

DONE, NOT_FOUND, CONFLICT, INTEGRITY, REFUSED = 0, 3, 5, 6, 7
NAME, OTHER = "team/model", "team/other"
HOSTILE = "<script>alert(1)</script>\u202e"
REVIEW = "https://example.com/review/v1"
REQUIREMENT = "attestation.review"
POLICY = f"version: 1\nattestations: [{{type: '{REVIEW}', name: review, present: true}}]\nwaivers: {{role: release}}\n"
REPOSITORY_ROOT = Path(__file__).parents[2]
SCHEMA = REPOSITORY_ROOT / "schema/json/dossier-v1.json"
SHORT = {REPORT: "report", VERDICT: "verdict", PROVENANCE: "provenance",
         "https://assay.dev/attestation/binding/v1": "binding", "https://cyclonedx.org/bom": "bom"}
WAIVER = "https://assay.dev/attestation/waiver/v2"
FIXTURE = REPOSITORY_ROOT / "fixtures/dossiers"
BLOCK = 512
FLIPS = 120


def now():
    """A moment behind all that was logged so far."""
    time.sleep(1.1)
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class History:
    """A registry with its history, a dossier of it, and the moments between."""

    home: Path
    assay: Assay
    server: Server
    begin: str
    middle: str
    end: str

    @property
    def good(self):
        return (self.home / "good.tar").read_bytes()

    def export(self, begin, end, output, *options, assay=None):
        return (assay or self.assay).run(
            "audit", "export", "--alias", f"{NAME}:production", "--from", begin, "--to", end, "-o", output, *options)

    def check(self, file, *options, trust="root.json"):
        """Without any registry."""
        return Assay(self.assay.binary, self.home).run("audit", "check", file, "--trust", trust, *options)

    def checked(self, data, *options):
        (self.home / "changed.tar").write_bytes(data)
        return self.check("changed.tar", *options)

    @property
    def facts(self):
        return json.loads(members(self.good)["dossier.json"])


def push(assay, number, name=NAME):
    (assay.home / "weights.bin").write_text(f"weights {number}")
    assay.ok("push", name, "weights.bin", "--key", "release.pem")


def waive(assay, reference):
    assay.ok("waive", reference, "production", "--requirement", REQUIREMENT, "--reason", HOSTILE,
             "--expires", "2100-01-01", "--key", "release.pem")


@pytest.fixture(scope="module")
def history(binary, tmp_path_factory):
    home = tmp_path_factory.mktemp("history")
    server = Server(binary, home).create_store().start()
    assay = Assay(binary, home, server.url)
    assay.key()
    (home / "plain.yaml").write_text("version: 1\n")
    (home / "policy.yaml").write_text(POLICY)
    (home / "review.json").write_text('{"by": "alice"}')
    # Before the window: another log entry or two, the first policy, the first holder.
    push(assay, 0, OTHER)
    assay.ok("audit", "checkpoint", "-o", "early.txt")
    assay.ok("key", "trust", "release.pub.pem")
    assay.ok("policy", "set", NAME, "production", "plain.yaml", "--create")
    push(assay, 1)
    assay.ok("promote", f"{NAME}:1", "production")
    assay.ok("policy", "set", NAME, "production", "policy.yaml")
    begin = now()
    push(assay, 2)
    assert assay.run("promote", f"{NAME}:2", "production").code == REFUSED
    waive(assay, f"{NAME}:2")
    assay.ok("promote", f"{NAME}:2", "production")
    assay.ok("audit", "checkpoint", "-o", "kept.txt")
    push(assay, 3)
    assert assay.run("promote", f"{NAME}:3", "production").code == REFUSED
    assay.ok("delete", f"{NAME}:3")
    assay.ok("alias", "set", NAME, "candidate", "1")
    push(assay, 4)
    assay.ok("attest", f"{NAME}:4", "--type", REVIEW, "--predicate", "review.json", "--key", "release.pem")
    assay.ok("promote", f"{NAME}:4", "production")
    middle = now()
    assay.ok("rollback", NAME, "production", "--to", "2", "--reason", "it fails")
    end = now()
    assay.ok("alias", "set", OTHER, "production", "1")
    assay.ok("audit", "checkpoint", "-o", "late.txt")
    assay.ok("key", "export", "-o", "root.json")
    history = History(home, assay, server, begin, middle, end)
    assert history.export(begin, end, "good.tar").code == DONE
    yield history
    server.stop()


def members(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive.getmembers()}


def packed(parts):
    """An archive as dossiers are written."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    data = output.getvalue()
    # tarfile fills the last record with zeros.
    end = data.rstrip(b"\0")
    return data[:(len(end) + BLOCK - 1) // BLOCK * BLOCK] + bytes(2 * BLOCK)


def encoded(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def changed(history, change):
    """The dossier with its facts changed and its page left alone."""
    parts = members(history.good)
    facts = json.loads(parts["dossier.json"])
    change(facts)
    return packed(parts | {"dossier.json": encoded(facts)})


# What it holds


def test_it_tells_holders_refusals_waivers_and_policies_with_their_times(history):
    facts = history.facts
    assert [(holder.get("version"), holder["cause"]) for holder in facts["holders"]] == [
        (1, "promotion"), (2, "promotion"), (4, "promotion"), (2, "rollback")]
    assert [holder.get("until") for holder in facts["holders"]] == [
        holder["since"] for holder in facts["holders"][1:]] + [None]
    assert facts["holders"][-1]["reason"] == "it fails"
    in_window = [item for item in facts["decisions"] if item["entry"] >= facts["log"]["window_start"]]
    assert [(decision["version"], decision["result"], decision["counts"]) for decision in in_window] == [
        (2, "failed", True), (2, "passed", True), (3, "failed", True), (4, "passed", True), (2, "passed", True)]
    assert [line["requirement"] for line in in_window[0]["missed"]] == [REQUIREMENT]
    assert "<script>alert(1)</script>" in in_window[1]["waived"][0]["waiver"]
    waiver, = next(version for version in facts["versions"] if version["number"] == 2)["waivers"]
    assert (waiver["reason"], waiver["requirement"], waiver["counts"]) == (HOSTILE, REQUIREMENT, True)
    assert len(facts["policies"]) == 1 and facts["policies"][0]["since"] < history.begin
    assert {version["number"]: version["held"] for version in facts["versions"]} == {
        1: True, 2: True, 3: False, 4: True}
    assert [version["number"] for version in facts["versions"] if "deleted" in version] == [3]


def test_it_lists_what_is_missing_and_who_signed_what_is_there(history):
    rows = {row["id"]: row for row in history.facts["record_keeping"]}
    assert rows["decision"]["status"] == "signed-by" and rows["decision"]["by"] == ["registry"]
    assert rows["files-signed"]["by"] == ["release"]
    assert rows["validation"]["status"] == "missing" and rows["validation"]["missing_in"] == [1, 2, 4]
    assert rows["changes"]["status"] == "present" and rows["provider"]["status"] == "missing"


def test_its_facts_fit_their_schema(history):
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(history.facts)


def test_no_file_of_a_model_is_in_it(history):
    assert b"weights 2" not in history.good


def test_the_page_shows_hostile_text_and_runs_nothing(history):
    page = members(history.good)["index.html"].decode()
    assert "<script" not in page and "\u202e" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_same_log_gives_the_same_bytes(history):
    for name in ("once.tar", "again.tar"):
        assert history.export(history.begin, history.end, name).code == DONE
    assert (history.home / "again.tar").read_bytes() == (history.home / "once.tar").read_bytes()


# Checked offline


def test_it_is_proven_without_any_registry(history):
    outcome = history.check("good.tar", "--json")
    assert outcome.code == DONE, outcome
    result = outcome.json
    assert (result["move_count"], result["refusal_count"], result["is_closed"], result["unproven"]) == (3, 2, True, [])
    assert [holder["version"] for holder in result["holders"]] == [1, 2, 4, 2]
    assert "continues_kept" not in result
    shown = history.check("good.tar")
    assert shown.code == DONE and "rollback" in shown.out and "predetermined-changes" in shown.out


def test_a_window_without_entries_has_its_holder_all_the_same(history):
    assert history.export(history.middle, history.middle, "empty.tar").code == DONE
    result = history.check("empty.tar", "--json").json
    assert (result["move_count"], result["refusal_count"], result["is_closed"]) == (0, 0, True)
    assert [holder["version"] for holder in result["holders"]] == [4]


def test_a_window_of_before_the_alias_has_no_holder(history):
    assert history.export("2020-01-01", "2020-02-01", "before.tar").code == DONE
    result = history.check("before.tar", "--json").json
    assert result["holders"] == [] and all(row["status"] == "missing" for row in result["record_keeping"])


def test_what_was_deleted_after_the_window_is_told_by_the_log(binary, tmp_path):
    server = Server(binary, tmp_path).create_store().start()
    assay = Assay(binary, tmp_path, server.url)
    assay.key()
    assay.ok("key", "trust", "release.pub.pem")
    (tmp_path / "plain.yaml").write_text("version: 1\n")
    begin = now()
    assay.ok("policy", "set", NAME, "production", "plain.yaml", "--create")
    for number in (1, 2):
        push(assay, number)
        assay.ok("promote", f"{NAME}:{number}", "production")
    end = now()
    assay.ok("alias", "set", NAME, "staging", "2")
    assay.ok("delete", f"{NAME}:1")
    assay.ok("key", "export", "-o", "root.json")
    history = History(tmp_path, assay, server, begin, end, end)
    assert history.export(begin, end, "good.tar").code == DONE
    outcome = history.check("good.tar", "--json")
    assert outcome.code == DONE, outcome
    assert history.facts["versions"][0]["deleted"] > history.facts["log"]["window_end"]
    server.stop()


@pytest.fixture
def own(binary, server, tmp_path):
    """A registry of the test's own, with data to measure on and a policy that is met."""
    assay = Assay(binary, tmp_path, server.url)
    assay.key()
    assay.ok("key", "trust", "release.pub.pem")
    for part in ("train", "test"):
        assay.ok("push", f"digits-{part}", FIXTURES / f"{part}.npz", "--kind", "dataset")
    (tmp_path / "policy.yaml").write_text(
        "version: 1\ndataset: digits-test:1\nmetrics:\n  accuracy: {min: 0.90}\nwaivers: {role: release}\n")
    begin = now()
    assay.ok("policy", "set", NAME, "production", "policy.yaml", "--create")
    assay.ok("push", NAME, FIXTURES / "digits-1.onnx", "--metadata", FIXTURES / "digits-1.yaml", "--key", "release.pem",
             "--trained-on", "digits-train:1")
    assay.ok("promote", f"{NAME}:1", "production")
    assay.ok("bundle", "export", f"{NAME}:1", "-o", "sealed.tar")
    assay.ok("key", "export", "-o", "root.json")
    return History(tmp_path, assay, server, begin, begin, "")


def test_a_measured_version_has_its_lineage_reports_and_bill(own):
    assert own.export(own.begin, now(), "good.tar").code == DONE
    assert own.check("good.tar").code == DONE
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(own.facts)
    rows = {row["id"]: (row["status"], row["by"]) for row in own.facts["record_keeping"]}
    for name, signer in (("purpose", "release"), ("development", "release"), ("origin", "release"),
                         ("training-data", "release"), ("files-signed", "release"), ("software", "registry"),
                         ("validation", "registry"), ("decision", "registry"), ("components", "registry"),
                         ("separation", "registry")):
        assert rows[name] == ("signed-by", [signer]), name
    version, = own.facts["versions"]
    source, = version["lineage"]
    assert (source["relation"], source["name"]) == ("trained-on", "digits-train:1")
    assert version["description"] and [file["path"] for file in version["files"]] == ["digits-1.onnx"]
    assert {"report", "verdict", "bom", "provenance", "binding"} <= {
        SHORT.get(item["type"]) for item in version["evidence"] if item["status"] == "valid"}
    # The model itself stays where it is.
    assert (FIXTURES / "digits-1.onnx").read_bytes()[:400] not in own.good


def test_what_strangers_attach_counts_for_nothing_and_stops_nobody(own):
    """A verdict on a version that is not there, a waiver by nobody who may, and bytes that are no statement."""
    subject = digest(own.assay, f"{NAME}:1")
    stranger = own.assay.key("stranger")
    policy = own.assay.ok("policy", "show", NAME, "production", "--json").json["digest"]
    verdict = {
        "verifier": {"id": "urn:assay:registry"}, "timeVerified": "2026-01-01T00:00:00.000Z",
        "policy": {"uri": "x", "digest": {"sha256": policy.removeprefix("sha256:")}}, "verificationResult": "FAILED",
        "verifiedLevels": [], "assay_alias": "production", "assay_outcomes": []}
    waiver = {
        "repository": NAME, "version": subject, "alias": "production", "policy": policy, "requirement": "accuracy",
        "reason": HOSTILE, "expires_at": "2100-01-01T00:00:00.000Z"}
    registry = Registry(own.server.url)
    manifest = registry.get_manifest(NAME, subject)
    statements = [
        statement(subject, VERDICT, verdict | {"resourceUri": f"{NAME}:{number}"}) for number in (1, 99)]
    # Behind the promotion: the part of the log need not go back to its begin for a version that never was.
    begin = now()
    for body in [*statements, statement(subject, WAIVER, waiver)]:
        push_envelope(
            registry, NAME, manifest, sealed(stranger, body), {PREDICATE_TYPE_ANNOTATION: body["predicateType"]})
    assert own.export(begin, now(), "good.tar").code == DONE
    assert own.facts["log"]["start"] > 0
    outcome = own.check("good.tar", "--json")
    assert outcome.code == DONE and outcome.json["refusal_count"] == 0, outcome
    counted = [decision["version"] for decision in own.facts["decisions"] if decision["counts"]]
    assert counted == [1] and len(own.facts["decisions"]) > 1
    waivers = [waiver for version in own.facts["versions"] for waiver in version["waivers"]]
    assert [waiver["counts"] for waiver in waivers] == [False]


@pytest.mark.parametrize("kept", ["kept.txt", "late.txt"])
def test_a_checkpoint_that_was_kept_is_continued(history, kept):
    assert history.export(history.begin, history.end, f"{kept}.tar", "--checkpoint", kept).code == DONE
    outcome = history.check(f"{kept}.tar", "--checkpoint", kept, "--json")
    assert outcome.code == DONE and outcome.json["continues_kept"] is True, outcome


def test_one_of_before_its_part_of_the_log_needs_a_proof_in_it(history):
    outcome = history.check("good.tar", "--checkpoint", "early.txt")
    assert outcome.code == INTEGRITY and "--checkpoint" in outcome.err, outcome
    assert history.export(history.begin, history.end, "early.tar", "--checkpoint", "early.txt").code == DONE
    assert history.check("early.tar", "--checkpoint", "early.txt").code == DONE


def test_a_dossier_that_is_older_than_the_kept_checkpoint_is_refused(history):
    history.assay.ok("alias", "set", OTHER, "staging", "1")
    history.assay.ok("audit", "checkpoint", "-o", "newer.txt")
    outcome = history.check("good.tar", "--checkpoint", "newer.txt")
    assert outcome.code == INTEGRITY and "does not reach" in outcome.err, outcome


def test_keys_of_another_registry_prove_nothing(history, binary, tmp_path):
    other = Assay(binary, tmp_path)
    other.ok("init", "store")
    other.ok("key", "export", "-o", "root.json", "--store", "store")
    outcome = history.check("good.tar", trust=tmp_path / "root.json")
    assert outcome.code == INTEGRITY and "log key" in outcome.err, outcome
    # The log's key alone proves moves and no verdict; without a log nothing is proven.
    root = json.loads((history.home / "root.json").read_text())
    for role, message in (("log", "verdict"), ("registry", "names no log")):
        keys = [key for key in root["keys"] if key["role"] == role]
        (history.home / "part.json").write_text(json.dumps(root | {"keys": keys}))
        outcome = history.check("good.tar", trust="part.json")
        assert outcome.code == INTEGRITY and message in outcome.err, outcome


def test_a_key_that_was_revoked_since_counts_for_nothing(history):
    root = json.loads((history.home / "root.json").read_text())
    for key in root["keys"]:
        if key["role"] == "registry":
            key["revoked_at"] = "2026-01-01T00:00:00.000Z"
    (history.home / "revoked.json").write_text(json.dumps(root))
    outcome = history.check("good.tar", trust="revoked.json")
    assert outcome.code == INTEGRITY and "revoked" in outcome.err, outcome
    # Of the signer of a waiver that a promotion rests on as well.
    root = json.loads((history.home / "root.json").read_text())
    (history.home / "part.json").write_text(
        json.dumps(root | {"keys": [key for key in root["keys"] if key["role"] != "release"]}))
    outcome = history.check("good.tar", trust="part.json")
    assert outcome.code == INTEGRITY and f"waives '{REQUIREMENT}'" in outcome.err, outcome


# Changed


def test_an_archive_that_is_packed_anew_unchanged_is_as_good(history):
    """Else the tests below would show nothing."""
    outcome = history.checked(packed(members(history.good)))
    assert outcome.code == DONE, outcome


def test_no_byte_of_it_can_be_another_one(history):
    good = history.good
    step = max(1, len(good) // FLIPS)
    for place in range(0, len(good), step):
        data = bytearray(good)
        data[place] ^= 0x01
        outcome = history.checked(bytes(data))
        assert outcome.code == INTEGRITY, (place, outcome)


@pytest.mark.parametrize("length", [0, 1, BLOCK, 5 * BLOCK, -1, -BLOCK])
def test_a_file_that_was_cut_is_refused(history, length):
    assert history.checked(history.good[:length]).code == INTEGRITY


def without(place):
    def change(facts):
        section, match = place
        facts[section] = [item for item in facts[section] if not match(item)]
    return change


@pytest.mark.parametrize("change", [
    without(("holders", lambda item: item.get("version") == 4)),
    without(("decisions", lambda item: item["result"] == "failed")),
    without(("policies", lambda item: True)),
    without(("versions", lambda item: item["number"] == 3)),
    without(("record_keeping", lambda item: item["status"] == "missing")),
    lambda facts: next(item for item in facts["versions"] if item["waivers"])["waivers"].clear(),
    lambda facts: facts["holders"][1].update(since=facts["holders"][0]["since"]),
    lambda facts: facts["scope"].update(alias="candidate"),
    lambda facts: facts["scope"].update(repository=OTHER),
    lambda facts: facts["scope"].update(to=facts["scope"]["from"]),
    lambda facts: facts["log"].update(is_closed=False),
    lambda facts: facts.update(extra=1)])
def test_facts_that_the_log_does_not_come_to_are_refused(history, change):
    outcome = history.checked(changed(history, change))
    assert outcome.code == INTEGRITY, outcome


def test_every_member_is_called_for_and_in_its_place(history):
    parts = members(history.good)
    for name in parts:
        outcome = history.checked(packed({key: value for key, value in parts.items() if key != name}))
        assert outcome.code == INTEGRITY, (name, outcome)
    extra = hashlib.sha256(b"more").hexdigest()
    for more in ({f"blobs/sha256/{extra}": b"more"}, {"note.txt": b"more"}, {"log/proofs/1": parts["log/proofs/0"]}):
        assert history.checked(packed(parts | more)).code == INTEGRITY
    assert history.checked(packed(dict(reversed(parts.items())))).code == INTEGRITY


def test_a_page_that_says_something_else_is_refused(history):
    parts = members(history.good)
    page = parts["index.html"].replace(b"it fails", b"it works")
    outcome = history.checked(packed(parts | {"index.html": page}))
    assert outcome.code == INTEGRITY and "index.html" in outcome.err, outcome


def entries(parts):
    data, found = parts["log/entries"], []
    while data:
        size = int.from_bytes(data[:2], "big")
        found.append(data[2:2 + size])
        data = data[2 + size:]
    return found


def with_entries(parts, items, **fields):
    segment = json.loads(parts["log/segment.json"]) | fields
    data = b"".join(len(item).to_bytes(2, "big") + item for item in items)
    return packed(parts | {"log/entries": data, "log/segment.json": encoded(segment)})


def test_an_entry_that_was_taken_out_or_put_in_breaks_the_proof(history):
    parts = members(history.good)
    items, segment = entries(parts), json.loads(parts["log/segment.json"])
    assert history.checked(with_entries(parts, items)).code == DONE
    for place, entry in enumerate(items):
        kind = json.loads(entry)["kind"]
        rest = items[:place] + items[place + 1:]
        outcome = history.checked(with_entries(parts, rest, end=segment["end"] - 1))
        assert outcome.code == INTEGRITY, (kind, outcome)
    forged = json.loads(items[-2]) | {"kind": "alias", "alias": "production", "repository": NAME, "to": 1}
    assert history.checked(with_entries(parts, items + [encoded(forged)], end=segment["end"] + 1)).code == INTEGRITY
    assert history.checked(with_entries(parts, items[::-1])).code == INTEGRITY


def test_a_checkpoint_of_another_log_or_moment_is_refused(history, binary, tmp_path):
    parts = members(history.good)
    other = Assay(binary, tmp_path)
    other.ok("init", "store")
    for name in ("kept.txt", "early.txt"):
        outcome = history.checked(packed(parts | {"log/checkpoint": (history.home / name).read_bytes()}))
        assert outcome.code == INTEGRITY, outcome
    foreign = other.ok("audit", "checkpoint", "--store", "store").out.encode()
    assert history.checked(packed(parts | {"log/checkpoint": foreign})).code == INTEGRITY


def taken(history, kind):
    """The digest of a document of the dossier."""
    facts = history.facts
    if kind == "refusal":
        return next(item["verdict"] for item in facts["decisions"] if item["result"] == "failed")
    if kind in ("waiver", "signature"):
        return next(item["digest"] for version in facts["versions"] for item in version["evidence"]
                    if kind in item["type"] and item["status"] == "valid")
    if kind == "key":
        return "sha256:" + next(key["id"] for key in facts["keys"] if key["role"] == "release")
    return facts["versions"][0]["digest"] if kind == "manifest" else facts["policies"][0]["digest"]


@pytest.mark.parametrize("kind", ["refusal", "waiver", "signature", "manifest", "policy", "key"])
def test_a_document_that_was_taken_out_is_missed(history, kind):
    """Also where the facts are made to say that it is gone: only a deletion that the log has takes a document."""
    parts = members(history.good)
    digest = taken(history, kind)
    del parts[f"blobs/sha256/{digest.removeprefix('sha256:')}"]
    facts = json.loads(parts["dossier.json"])
    facts["decisions"] = [item for item in facts["decisions"] if item["verdict"] != digest]
    for version in facts["versions"]:
        for item in version["evidence"]:
            if item["digest"] == digest:
                item["status"] = "missing"
    outcome = history.checked(packed(parts | {"dossier.json": encoded(facts)}))
    assert outcome.code == INTEGRITY and digest in outcome.err, outcome


def test_a_proof_of_an_entry_that_nothing_calls_for_is_refused(history):
    """A deletion behind the window that took nothing of the dossier, well proven."""
    history.assay.ok("alias", "set", NAME, "staging", "1")
    push(history.assay, 5)
    history.assay.ok("delete", f"{NAME}:5")
    assert history.export(history.begin, history.end, "idle.tar").code == DONE
    assert history.check("idle.tar").code == DONE
    last = history.assay.ok("audit", "list", "--kind", "delete", "--json").json["items"][0]["index"]
    proof = history.assay.ok("audit", "proof", str(last)).out.encode()
    parts = members((history.home / "idle.tar").read_bytes())
    assert proof.endswith(parts["log/checkpoint"])
    before = {name: parts[name] for name in parts if not name.startswith("blobs/")}
    after = {name: parts[name] for name in parts if name.startswith("blobs/")}
    outcome = history.checked(packed(before | {f"log/proofs/{last}": proof} | after))
    assert outcome.code == INTEGRITY and f"entry {last}" in outcome.err, outcome


def test_a_dossier_of_before_is_proven_by_every_release():
    """Facts and page are computed anew: what changes them is another format, and this one is computed all the same."""
    assay = Assay(find_binary(), FIXTURE)
    outcome = assay.run("audit", "check", "v1.tar", "--trust", "root.json", "--checkpoint", "kept.txt", "--json")
    assert outcome.code == DONE, outcome
    assert [holder["version"] for holder in outcome.json["holders"]] == [1, 2, 4, 2]
    assert outcome.json["refusal_count"] == 2


# A registry that does not tell the truth


def test_a_registry_that_hides_entries_from_its_lists_hides_nothing(history):
    """The part of the log comes from the tiles; what the registry lists only says where to begin."""
    def answer(method, path, data):
        if not path.startswith("/api/v1/audit/entries"):
            return data
        said = json.loads(data)
        said["items"] = [item for item in said["items"] if item["entry"].get("to") != 4]
        return json.dumps(said).encode()

    with Liar(history.server.url, answer) as liar:
        assay = Assay(history.assay.binary, history.home, liar.url)
        assert history.export(history.begin, history.end, "lied.tar", assay=assay).code == DONE
    result = history.check("lied.tar", "--json").json
    assert [holder["version"] for holder in result["holders"]] == [1, 2, 4, 2]


def test_a_registry_that_hides_the_first_holder_is_caught(history):
    def answer(method, path, data):
        if not path.startswith("/api/v1/audit/entries"):
            return data
        said = json.loads(data)
        said["items"] = [item for item in said["items"] if item["entry"].get("to") != 1]
        return json.dumps(said).encode()

    with Liar(history.server.url, answer) as liar:
        assay = Assay(history.assay.binary, history.home, liar.url)
        outcome = history.export(history.begin, history.end, "hidden.tar", assay=assay)
    # Without it the part begins with the log; with it, where the first holder came. Either way it is told.
    if outcome.code == DONE:
        result = history.check("hidden.tar", "--json").json
        assert [holder["version"] for holder in result["holders"]] == [1, 2, 4, 2]
    else:
        assert outcome.code == INTEGRITY and not (history.home / "hidden.tar").exists()


def test_a_registry_that_changes_an_entry_is_caught(history):
    def answer(method, path, data):
        return data.replace(b'"to":4', b'"to":1') if path.startswith("/log/tile/entries") else data

    with Liar(history.server.url, answer) as liar:
        assay = Assay(history.assay.binary, history.home, liar.url)
        outcome = history.export(history.begin, history.end, "forged.tar", assay=assay)
    if outcome.code == DONE:
        assert history.check("forged.tar").code == INTEGRITY
    else:
        assert outcome.code == INTEGRITY


def test_a_document_that_a_registry_keeps_back_is_told(history):
    refusal = next(item for item in history.facts["decisions"] if item["result"] == "failed")

    def ask(path):
        return path.replace(refusal["verdict"], "sha256:" + "0" * 64)

    with Liar(history.server.url, ask=ask) as liar:
        assay = Assay(history.assay.binary, history.home, liar.url)
        outcome = history.export(history.begin, history.end, "kept-back.tar", assay=assay)
    assert outcome.code == DONE and f"entry {refusal['entry']}" in outcome.err, outcome
    outcome = history.check("kept-back.tar")
    assert outcome.code == INTEGRITY and f"entry {refusal['entry']}" in outcome.err, outcome


# Mistakes


@pytest.mark.parametrize("alias, begin, end, code, message", [
    (f"{NAME}:never", "2026-01-01", "2026-01-02", NOT_FOUND, "never had the alias"),
    ("team/nothing:production", "2026-01-01", "2026-01-02", NOT_FOUND, "team/nothing"),
    (f"{NAME}:production", "2026-01-02", "2026-01-01", USAGE, "--to is before --from"),
    (f"{NAME}:production", "2026-01-02", "2100-01-01", USAGE, "lies ahead"),
    (f"{NAME}:production", "yesterday", "2026-01-02", USAGE, "--from"),
    (f"{NAME}:3", "2026-01-01", "2026-01-02", USAGE, "names a version"),
    (NAME, "2026-01-01", "2026-01-02", USAGE, "names no version")])
def test_a_window_or_an_alias_that_is_none_is_told(history, alias, begin, end, code, message):
    outcome = history.assay.run("audit", "export", "--alias", alias, "--from", begin, "--to", end, "-o", "none.tar")
    assert outcome.code == code and message in outcome.err, outcome
    assert not (history.home / "none.tar").exists()


def test_what_is_there_is_replaced_only_when_asked(history):
    (history.home / "there.tar").write_text("mine")
    assert history.export(history.begin, history.end, "there.tar").code == CONFLICT
    assert (history.home / "there.tar").read_text() == "mine"
    assert history.export(history.begin, history.end, "there.tar", "--force").code == DONE
    assert history.check("there.tar").code == DONE


def test_check_says_what_it_needs(history):
    offline = Assay(history.assay.binary, history.home)
    assert offline.run("audit", "check", "good.tar").code == USAGE
    assert history.check("nothing.tar").code == NOT_FOUND
    (history.home / "note.txt").write_text("no archive")
    outcome = history.check("note.txt", "--json")
    assert outcome.code == INTEGRITY and outcome.json["code"] == "bundle-invalid", outcome
    later = json.loads(members(history.good)["dossier.json"]) | {"format": 2}
    parts = members(history.good) | {"dossier.json": encoded(later)}
    outcome = history.checked(packed(parts))
    assert outcome.code == REFUSED and "format 2" in outcome.err, outcome
