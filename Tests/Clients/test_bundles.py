"""Bundles: carried between registries, judged without any, read and written by other tools, and all that is refused."""

import base64
import contextlib
import gzip
import io
import json
import os
import pty
import re
import shutil
import sqlite3
import subprocess
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy
import pytest
from distribution import CONTENT
from evidence import (
    CONFLICT, DONE, ENVELOPE, INTEGRITY, NOT_FOUND, PROVENANCE, REFUSED, REPORT, REVIEW, SIGNATURE, USAGE, VERDICT,
    attestations, digest, key_id, provenance, statement)
from evidence import sealed as seal_statement
from harness import FIXTURES, Assay, Registry, Server, digest_of, public
from test_attestations import push_envelope
from test_skopeo import image, skopeo

TRY_AGAIN, STORAGE = 8, 9
BILL = "application/vnd.cyclonedx+json"
LOG_PROOF = "application/vnd.assay.tlog-proof.v1"
BILL_STATEMENT = "https://cyclonedx.org/bom"
BLOCK = 512
END = bytes(2 * BLOCK)
POLICY = "version: 1\ndataset: digits-test:1\nmetrics:\n  accuracy: {min: 0.90}\n"
SIGNATURES_TOO_MANY = 1000
MEMBERS_TOO_MANY = 10 ** 6
MEMBERS_AT_ONCE = 20000
LARGE_BYTES = 1 << 30
GROWTH_BYTES_MAX = 64 << 20
SAMPLE_SECONDS = 0.01
TOOL_SECONDS = 60
LONG_SECONDS = 120


# A promoted version, and its bundle


@dataclass
class Shipped:
    """Bundles of a promoted version, the trust root, and a store that has nothing; the server is gone."""

    home: Path
    offline: Assay
    good: bytes
    with_aliases: Path
    told: dict
    digest: str

    @property
    def root(self):
        return self.home / "root.json"

    @property
    def bundle(self):
        return self.home / "good.tar"


@pytest.fixture(scope="module")
def shipped(binary, tmp_path_factory):
    home = tmp_path_factory.mktemp("shipped")
    server = Server(binary, home).create_store().start()
    assay = Assay(binary, home, server.url)
    (home / "policy.yaml").write_text(POLICY)
    assay.key()
    assay.ok("key", "trust", "release.pub.pem")
    for part in ("train", "test"):
        assay.ok("push", f"digits-{part}", FIXTURES / f"{part}.npz", "--kind", "dataset")
    assay.ok("policy", "set", "digits", "production", "policy.yaml", "--create")
    # Number 2, so that the number is not just the first one that is free.
    assay.ok("push", "digits", FIXTURES / "digits-2.onnx")
    assay.ok("push", "digits", FIXTURES / "digits-1.onnx", FIXTURES / "digits-1.yaml", "--metadata",
             FIXTURES / "digits-1.yaml", "--key", "release.pem", "--trained-on", "digits-train:1")
    assay.ok("promote", "digits:2", "production")
    assay.ok("alias", "set", "digits", "candidate", "2")
    (home / "review.json").write_text('{"by": "alice"}')
    assay.ok("attest", "digits:2", "--type", REVIEW, "--predicate", "review.json", "--key", "release.pem")
    assay.ok("key", "export", "-o", "root.json")
    assay.ok("bundle", "export", "digits:production", "-o", "good.tar")
    assay.ok("bundle", "export", "digits:2", "-o", "aliases.tar", "--aliases")
    told = told_of(assay, "digits:2")
    assert server.stop() == 0
    offline = Assay(binary, home)
    offline.ok("init", "empty")
    return Shipped(home, offline, (home / "good.tar").read_bytes(), home / "aliases.tar", told, told["digest"])


def told_of(assay, version):
    """What must travel: what the version is, was said to be, came from, and what speaks of it."""
    shown = assay.ok("show", version, "--json").json["version"]
    edges = assay.ok("lineage", version, "--json").json["edges"]
    return {
        "number": shown["number"], "digest": shown["manifest_digest"], "kind": shown["kind"],
        "metadata": shown["metadata"], "model": shown.get("model"),
        "lineage": {(edge["relation"], re.sub(r" \(elsewhere.*", "", edge["to"])) for edge in edges},
        "evidence": {(item["predicate_type"], item["manifest_digest"], item["envelope_digest"])
                     for item in attestations(assay, version)}}


@pytest.fixture
def other(binary, tmp_path):
    """Another registry, used without a server."""
    Assay(binary, tmp_path).ok("init", "other")

    class Local(Assay):
        def environment(self):
            return super().environment() | {"ASSAY_STORE": str(tmp_path / "other")}

    return Local(binary, tmp_path)


def test_a_bundle_is_proven_without_any_registry(shipped, tmp_path):
    """Copied to where there is no store, no server and nothing but the trust root."""
    for file in (shipped.bundle, shipped.root):
        shutil.copy(file, tmp_path)
    offline = Assay(shipped.offline.binary, tmp_path)
    outcome = offline.ok("bundle", "verify", "good.tar", "--trust", "root.json", "--promoted", "production", "--json")
    assert (outcome.json["version"], outcome.json["digest"], outcome.json["file_count"]) == (
        "digits:2", shipped.digest, 2)
    proof = outcome.json["proof"]
    assert proof["signer"] == key_id(shipped.home / "release.pub.pem")
    assert {item["predicate_type"] for item in proof["evidence"]} >= {PROVENANCE, REPORT, VERDICT, REVIEW}
    assert {item["status"] for item in proof["evidence"]} == {"valid"}
    assert [promotion["alias"] for promotion in proof["promotions"]] == ["production"]
    assert proof["has_bill"] and proof["time_source"] == "log" and proof["origin"]


@pytest.mark.parametrize("options, code", [
    (["--trust", "root.json"], DONE), ([], DONE), (["--trust", "release.pub.pem"], DONE),
    (["--promoted", "production"], USAGE), (["--trust", "root.json", "--promoted", "staging"], NOT_FOUND),
    (["--trust", "root.json", "--promoted", "candidate"], NOT_FOUND),
    (["--trust", "release.pub.pem", "--promoted", "production"], NOT_FOUND),
    (["--trust", "other.pub.pem"], INTEGRITY), (["--trust", "root.json", "--promoted", "No Alias"], USAGE)])
def test_what_a_bundle_must_prove_is_said_by_options(shipped, options, code):
    if not (shipped.home / "other.pub.pem").exists():
        shipped.offline.key("other")
    outcome = shipped.offline.run("bundle", "verify", "good.tar", *options)
    assert outcome.code == code, outcome


def test_a_log_of_somebody_else_proves_nothing(shipped):
    root = json.loads(shipped.root.read_text())
    (shipped.home / "log.json").write_text(json.dumps(root | {"keys": [
        key | ({"pem": OTHER_LOG, "id": key_id(OTHER_LOG.encode())} if key["role"] == "log" else {})
        for key in root["keys"]]}))
    for options in ([], ["--promoted", "production"]):
        outcome = shipped.offline.run("bundle", "verify", "good.tar", "--trust", "log.json", *options)
        assert outcome.code in (NOT_FOUND, INTEGRITY), outcome


OTHER_LOG = """\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
"""


def test_a_version_travels_whole(shipped, other):
    """Number, metadata, lineage and evidence are those that it had; what it came from is told as elsewhere."""
    outcome = other.ok("bundle", "import", shipped.bundle, "--trust", shipped.root, "--json")
    assert outcome.json["is_new"] and outcome.json["aliases"] == []
    assert told_of(other, "digits:2") == shipped.told
    other.ok("attestations", "digits:2", "--verify", "--trust", shipped.root)
    other.ok("pull", "digits:2", "pulled", "--trust", shipped.root)
    assert (other.home / "pulled" / "digits-1.onnx").read_bytes() == (FIXTURES / "digits-1.onnx").read_bytes()
    assert other.run("show", "digits:production").code == NOT_FOUND
    other.ok("audit", "verify")


def test_importing_twice_changes_nothing(shipped, other):
    other.ok("bundle", "import", shipped.bundle, "--trust", shipped.root)
    before = other.ok("audit", "list", "--json").json
    outcome = other.ok("bundle", "import", shipped.bundle, "--trust", shipped.root, "--json")
    assert not outcome.json["is_new"]
    assert told_of(other, "digits:2") == shipped.told
    assert other.ok("audit", "list", "--json").json == before


@pytest.mark.parametrize("times", [1, 2])
def test_a_bundle_comes_out_of_another_store_as_it_went_in(shipped, other, times):
    for _ in range(times):
        other.ok("bundle", "import", shipped.bundle, "--trust", shipped.root)
    for name in ("first.tar", "second.tar"):
        other.ok("bundle", "export", "digits:2", "-o", name)
        assert (other.home / name).read_bytes() == shipped.good
    other.ok("bundle", "verify", "second.tar", "--trust", shipped.root, "--promoted", "production")


def test_a_bundle_with_aliases_comes_out_the_same_too(shipped, other):
    outcome = other.ok("bundle", "import", shipped.with_aliases, "--trust", shipped.root, "--aliases", "--json")
    assert set(outcome.json["aliases"]) == {"candidate", "production"}
    for alias in outcome.json["aliases"]:
        assert other.ok("show", f"digits:{alias}", "--json").json["version"]["number"] == 2
    other.ok("bundle", "export", "digits:2", "-o", "again.tar", "--aliases")
    assert (other.home / "again.tar").read_bytes() == shipped.with_aliases.read_bytes()
    other.ok("bundle", "export", "digits:2", "-o", "plain.tar")
    assert (other.home / "plain.tar").read_bytes() == shipped.good


def test_aliases_move_only_if_asked_to(shipped, other):
    other.ok("bundle", "import", shipped.with_aliases, "--trust", shipped.root)
    for alias in ("candidate", "production"):
        assert other.run("show", f"digits:{alias}").code == NOT_FOUND


def test_an_alias_that_a_policy_protects_is_not_moved_by_a_bundle(shipped, other):
    (other.home / "policy.yaml").write_text("version: 1\n")
    other.ok("policy", "set", "digits", "production", "policy.yaml", "--create")
    outcome = other.ok("bundle", "import", shipped.with_aliases, "--trust", shipped.root, "--aliases", "--json")
    assert outcome.json["aliases"] == ["candidate"]
    assert other.run("show", "digits:production").code == NOT_FOUND
    assert other.run("promote", "digits:2", "production").code == REFUSED


def test_a_number_that_is_taken_is_not_taken_again(shipped, other):
    for number in (1, 2):
        (other.home / "weights.bin").write_text(str(number))
        other.ok("push", "digits", "weights.bin")
    outcome = other.ok("bundle", "import", shipped.bundle, "--trust", shipped.root, "--json")
    assert outcome.json["version"]["number"] == 3
    assert told_of(other, "digits:3") == shipped.told | {"number": 3}


def test_a_bundle_goes_where_somebody_says(shipped, other):
    other.ok("bundle", "import", shipped.bundle, "--trust", shipped.root, "--as", "team/imported")
    assert digest(other, "team/imported:2") == shipped.digest
    assert other.run("show", "digits:2").code == NOT_FOUND


def test_a_source_that_comes_along_turns_into_an_edge(shipped, other):
    other.ok("push", "digits-train", FIXTURES / "train.npz", "--kind", "dataset")
    other.ok("bundle", "import", shipped.bundle, "--trust", shipped.root)
    edges = {(edge["relation"], edge["to"]) for edge in other.ok("lineage", "digits:2", "--json").json["edges"]}
    assert ("trained-on", "digits-train:1") in edges


@pytest.mark.parametrize("trust, code", [(None, INTEGRITY), ("other", INTEGRITY), ("release", DONE)])
def test_who_may_have_signed_is_said_by_the_registry_or_a_file(shipped, other, trust, code):
    """B26: the signature of an unknown key brings nothing in."""
    if trust:
        key = public(other.key("other")) if trust == "other" else shipped.home / "release.pub.pem"
        other.ok("key", "trust", key)
    outcome = other.run("bundle", "import", shipped.bundle)
    assert outcome.code == code, outcome
    assert other.run("show", "digits:2").code == (DONE if code == DONE else NOT_FOUND)


@pytest.mark.parametrize("options, code", [
    (["absent.tar"], NOT_FOUND), ([], USAGE), (["."], (USAGE, INTEGRITY, REFUSED)),
    (["BUNDLE", "--as", "Bad Name"], USAGE), (["BUNDLE", "--trust", "absent.json"], NOT_FOUND)])
def test_import_says_what_is_wrong_with_its_use(shipped, other, options, code):
    outcome = other.run("bundle", "import", *(shipped.bundle if part == "BUNDLE" else part for part in options))
    assert outcome.code in (code if isinstance(code, tuple) else (code,)), outcome
    assert other.ok("list", "--json").json["items"] == []


def test_an_export_never_replaces_a_file_by_itself(shipped, other):
    other.ok("bundle", "import", shipped.bundle, "--trust", shipped.root)
    (other.home / "there.tar").write_text("mine")
    assert other.run("bundle", "export", "digits:2", "-o", "there.tar").code == CONFLICT
    assert (other.home / "there.tar").read_text() == "mine"
    other.ok("bundle", "export", "digits:2", "-o", "there.tar", "--force")
    assert (other.home / "there.tar").read_bytes() == shipped.good
    assert not list(other.home.glob(".*.part"))


ODD_METADATA = """
description: "Größe — \\"quoted\\", tab-free, 日本 \U0001F600"
framework: a/b + c
license: MIT OR Apache-2.0
run_id: "run ünï 1"
git_commit: 0123456789abcdef0123456789abcdef01234567
metrics: {third: 0.1, sum: 0.30000000000000004, tiny: 5.0e-324, huge: 1.0e+300, negative: -1.5, whole: 3,
          large: 12345678901}
hyperparameters: {"name with blank": "", empty-list: "[]", number: "1.0", path: "a\\\\b"}
"""


def test_odd_metadata_travels_as_it_is(assay, other, name):
    """Signed by the registry, where the pusher had no key."""
    (assay.home / "odd.yaml").write_text(ODD_METADATA)
    assay.ok("push", name, FIXTURES / "digits-3.onnx", "--metadata", "odd.yaml")
    assay.ok("sign", f"{name}:1", "--key", assay.key())
    assay.ok("bundle", "export", f"{name}:1", "-o", "odd.tar")
    assay.ok("key", "export", "-o", "root.json")
    other.ok("bundle", "import", "odd.tar", "--trust", "root.json", "--trust", "release.pub.pem")
    here, there = (told_of(registry, f"{name}:1") for registry in (assay, other))
    assert here["metadata"]["metrics"]["sum"] == 0.1 + 0.2 and here["metadata"]["metrics"]["tiny"] == 5e-324
    assert there == here
    other.ok("bundle", "export", f"{name}:1", "-o", "again.tar")
    assert (other.home / "again.tar").read_bytes() == (other.home / "odd.tar").read_bytes()


@pytest.mark.parametrize("pusher", ["with a key", "without a key"])
def test_provenance_of_others_does_not_change_what_the_push_said(assay, other, name, pusher):
    """Anybody may attach provenance; whoever imports the version must not take a stranger's word for the pusher's."""
    key, stranger = assay.key(), assay.key("stranger")
    signing = ("--key", key) if pusher == "with a key" else ()
    assay.ok("push", name, FIXTURES / "digits-3.onnx", "--metadata", FIXTURES / "digits-3.yaml", *signing)
    assay.ok("sign", f"{name}:1", "--key", key)
    for number in range(6):
        told = provenance(run=f"run of a stranger {number}") | {
            "assay_metadata": {"description": f"of a stranger {number}", "license": "none"}}
        envelope = seal_statement(stranger, statement(digest(assay, f"{name}:1"), PROVENANCE, told))
        (assay.home / "strange.json").write_text(json.dumps(envelope))
        assay.ok("attest", f"{name}:1", "--envelope", "strange.json")
    assay.ok("bundle", "export", f"{name}:1", "-o", "strange.tar")
    assay.ok("key", "export", "-o", "root.json")
    other.ok("bundle", "import", "strange.tar", "--trust", "root.json", "--trust", "release.pub.pem")
    assert told_of(other, f"{name}:1")["metadata"] == told_of(assay, f"{name}:1")["metadata"]


def test_a_dataset_travels_as_a_dataset(assay, other, name):
    assay.ok("push", name, FIXTURES / "test.npz", "--kind", "dataset", "--key", assay.key(), "--license", "CC0-1.0")
    assay.ok("bundle", "export", f"{name}:1", "-o", "data.tar")
    other.ok("bundle", "import", "data.tar", "--trust", "release.pub.pem")
    assert told_of(other, f"{name}:1") == told_of(assay, f"{name}:1")
    assert told_of(other, f"{name}:1")["kind"] == "dataset"


# Other tools


@pytest.fixture
def layout(shipped, tmp_path):
    """The unpacked bundle: an OCI image layout."""
    folder = tmp_path / "layout"
    with tarfile.open(shipped.bundle) as archive:
        archive.extractall(folder, filter="data")
    return folder


def tool(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=TOOL_SECONDS)


def test_skopeo_reads_a_bundle(shipped, tmp_path):
    source = f"oci-archive:{shipped.bundle}:2"
    raw = skopeo("inspect", "--raw", source)
    assert digest_of(raw) == shipped.digest
    skopeo("copy", source, f"oci:{tmp_path / 'copy'}:kept")
    skopeo("copy", source, f"dir:{tmp_path / 'files'}")
    assert digest_of((tmp_path / "files" / "manifest.json").read_bytes()) == shipped.digest
    for layer in json.loads(raw)["layers"]:
        assert digest_of((tmp_path / "files" / layer["digest"].removeprefix("sha256:")).read_bytes()) == layer["digest"]


def test_skopeo_inspects_the_config_of_a_bundle(shipped):
    config = json.loads(skopeo("inspect", "--config", "--raw", f"oci-archive:{shipped.bundle}:2"))
    assert config["modelfs"]["type"] == "layers" and len(config["modelfs"]["diffIds"]) == 2


def test_umoci_reads_an_unpacked_bundle(layout):
    """It lists the tags; what it makes of the config it says itself, because that is none of a container image."""
    listed = tool("umoci", "list", "--layout", layout)
    assert (listed.returncode, listed.stdout.split()) == (0, ["2"]), listed.stderr
    stat = tool("umoci", "stat", "--image", f"{layout}:2")
    assert stat.returncode == 0 or "unknown config blob type: application/vnd.cncf.model.config" in stat.stderr


def test_the_bundle_of_a_container_image_is_inspected_by_both(assay, registry, name, tmp_path):
    """The full way of the tools, which ask for a config of an image."""
    manifest = image(registry, name, "amd64")
    assert registry.put_manifest(name, "1", manifest).status_code == 201
    assay.ok("bundle", "export", f"{name}:1", "-o", tmp_path / "image.tar")
    seen = json.loads(skopeo("inspect", f"oci-archive:{tmp_path / 'image.tar'}:1"))
    assert (seen["Architecture"], seen["Labels"]) == ("amd64", {"made.for": "amd64"})
    with tarfile.open(tmp_path / "image.tar") as archive:
        archive.extractall(tmp_path / "layout", filter="data")
    stat = tool("umoci", "stat", "--image", f"{tmp_path / 'layout'}:1", "--json")
    assert stat.returncode == 0, stat.stderr
    assert len(json.loads(stat.stdout)["history"] or []) >= 0


def test_an_archive_of_skopeo_has_no_signature(assay, serve, server_url, name, tmp_path):
    """It does not copy referrers, so nothing says who signed."""
    key = assay.key()
    assay.ok("push", name, FIXTURES / "digits-1.onnx", "--key", key)
    skopeo("copy", "--src-tls-verify=false", f"docker://{server_url.removeprefix('http://')}/{name}:1",
           f"oci-archive:{tmp_path / 'theirs.tar'}:1")
    there = assay.at(serve().url)
    assay.ok("bundle", "verify", "theirs.tar")
    for command in (("verify",), ("import", "--as", name)):
        arguments = ("bundle", command[0], "theirs.tar", *command[1:], "--trust", public(key), "--json")
        outcome = (there if command[0] == "import" else Assay(assay.binary, assay.home)).run(*arguments)
        assert (outcome.code, outcome.json["code"]) == (INTEGRITY, "unsigned"), outcome
    assert there.run("show", f"{name}:1").code == NOT_FOUND


def unlabelled(layout):
    """The layout as another tool would have written it: nothing in it says that it is a bundle of ours."""
    index = json.loads((layout / "index.json").read_text())
    index["manifests"] = index["manifests"][::-1]
    for entry in index["manifests"]:
        entry.get("annotations", {}).pop("dev.assay.repository", None)
    (layout / "index.json").write_text(json.dumps(index, indent=1))


def pack(layout, path, form, order=sorted, with_folders=True):
    """A tar by Python's tarfile, in an order of its own."""
    with tarfile.open(path, "w", format=form) as archive:
        for file in order([file for file in layout.rglob("*") if with_folders or file.is_file()]):
            member = archive.gettarinfo(file, file.relative_to(layout).as_posix())
            member.mtime += 0.5 if form == tarfile.PAX_FORMAT else 0
            with file.open("rb") if file.is_file() else contextlib.nullcontext() as data:
                archive.addfile(member, data)
    return path


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT], ids=["ustar", "pax"])
@pytest.mark.parametrize("with_folders", [True, False], ids=["with folders", "files alone"])
def test_an_archive_in_another_order_with_its_referrers_is_taken(shipped, other, layout, form, with_folders):
    unlabelled(layout)
    archive = pack(layout, other.home / "theirs.tar", form, lambda files: sorted(files)[::-1], with_folders)
    if with_folders:
        archive = pack(layout, other.home / "theirs.tar", form)
    other.ok("bundle", "verify", archive, "--trust", shipped.home / "release.pub.pem")
    assert other.run("bundle", "import", archive, "--trust", shipped.home / "release.pub.pem").code == USAGE
    other.ok("bundle", "import", archive, "--as", "team/taken", "--trust", shipped.home / "release.pub.pem")
    number = other.ok("list", "team/taken", "--json").json["items"][0]["number"]
    assert told_of(other, f"team/taken:{number}") == shipped.told | {"number": number}


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT], ids=["ustar", "pax"])
def test_a_bundle_of_ours_in_another_order_is_none(shipped, layout, tmp_path, form):
    """What says that it is ours has one form alone, so that the same version has the same bytes."""
    archive = pack(layout, tmp_path / "theirs.tar", form)
    assert shipped.offline.run("bundle", "verify", archive, "--trust", shipped.root).code == INTEGRITY


def test_the_packed_layout_of_gnu_tar_is_judged_by_its_headers(shipped, other, layout):
    """GNU's own headers are of another format; in POSIX's it writes what we read."""
    unlabelled(layout)
    for form, codes in (("gnu", (INTEGRITY, REFUSED)), ("ustar", (DONE,)), ("posix", (DONE,))):
        archive = other.home / f"{form}.tar"
        packed = tool("tar", "-C", layout, f"--format={form}", "-cf", archive, "oci-layout", "index.json", "blobs")
        assert packed.returncode == 0, packed.stderr
        outcome = other.run("bundle", "verify", archive, "--trust", shipped.home / "release.pub.pem")
        assert outcome.code in codes, outcome


# Bad bundles (group B)


def header(name, size=0, kind=b"0", mode=b"000644 ", mtime=b"00000000000 ", link=b"", prefix=b"", size_field=None,
           ids=b"000000 ", checksum=None):
    """A POSIX header, with whatever fields somebody wants in it."""
    block = bytearray(BLOCK)
    fields = (
        (0, name.ljust(100, b"\0")), (100, mode + b"\0"), (108, ids + b"\0"), (116, ids + b"\0"),
        (124, size_field or b"%011o " % size), (136, mtime.ljust(12, b"\0")), (148, b" " * 8), (156, kind),
        (157, link.ljust(100, b"\0")), (257, b"ustar\x0000"),
        (329, b"000000 \0" * 2), (345, prefix.ljust(155, b"\0")))
    for start, data in fields:
        block[start:start + len(data)] = data
    block[148:156] = checksum or b"%06o\0 " % sum(block)
    return bytes(block)


def member(name, content=b"", **fields):
    return header(name, len(content), **fields) + content + bytes(-len(content) % BLOCK)


def pax(records, kind=b"x"):
    """A pax header with these records, given as pairs of texts."""
    body = b""
    for key, value in records:
        text = f" {key}={value}\n".encode()
        length = len(text) + 1
        while len(str(length)) + len(text) != length:
            length += 1
        body += str(length).encode() + text
    return member(b"PaxHeaders/x", body, kind=kind)


def first_member(data):
    """The length of the first member, which is the layout."""
    return 2 * BLOCK


def before(addition):
    return lambda data: addition + data


def behind_first(addition):
    return lambda data: data[:first_member(data)] + addition + data[first_member(data):]


def behind_last(addition):
    return lambda data: data[:-len(END)] + addition + END


def with_first(**fields):
    """The first member with other fields in its header; its bytes stay."""
    return lambda data: header(b"oci-layout", len(LAYOUT), **fields) + data[BLOCK:]


LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
CHARACTERS = {"character": b"3", "block": b"4", "FIFO": b"6", "socket": b"s", "contiguous": b"7", "sparse": b"S",
              "dump": b"D", "volume": b"V", "multi-volume": b"M", "unknown": b"Z"}

BAD_BUNDLES = {
    "B1 parent": behind_last(member(b"../x")), "B1 parent inside": behind_last(member(b"a/../../x")),
    "B1 absolute": behind_last(member(b"/tmp/x")), "B1 parent in a prefix": behind_last(member(b"x", prefix=b"..")),
    "B1 parent by pax": behind_last(pax([("path", "../x")]) + member(b"x")),
    "B1 a blob's path outside": behind_last(member(b"blobs/sha256/../../../x")),
    "B2 backslash": behind_last(member(b"a\\b")), "B2 drive": behind_last(member(b"C:/x")),
    "B2 not UTF-8": behind_last(member(b"\xff\xfe")), "B2 control character": behind_last(member(b"a\x1b[31mb")),
    "B2 empty name": behind_last(member(b"")), "B2 dot": behind_last(member(b"./index.json")),
    "B2 double slash": behind_last(member(b"a//b")),
    "B4 hard link inside": behind_last(header(b"copy", kind=b"1", link=b"index.json")),
    "B4 hard link outside": behind_last(header(b"copy", kind=b"1", link=b"/etc/passwd")),
    "B4 hard link in place of a member": with_first(kind=b"1", link=b"index.json"),
    "B4 symbolic link": behind_last(header(b"copy", kind=b"2", link=b"../../etc/passwd")),
    **{f"B6 {name}": behind_last(header(b"node", kind=kind)) for name, kind in CHARACTERS.items()},
    "B7 twice the same": behind_first(member(b"oci-layout", LAYOUT)),
    "B7 twice with other content": behind_last(member(b"index.json", b"{}")),
    "B7 twice in another spelling": behind_last(pax([("path", "oci-layout")]) + member(b"other", LAYOUT)),
    "B9 below a file": behind_last(member(b"oci-layout/x")),
    "B9 a file over a folder": behind_last(member(b"blobs")),
    "B11 pax before a long name": before(pax([("path", "a")]) + member(b"././@LongLink", b"b\0", kind=b"L")),
    "B11 pax before a long link": before(pax([("path", "a")]) + member(b"././@LongLink", b"b\0", kind=b"K")),
    "B11 long name": behind_last(member(b"././@LongLink", b"name\0", kind=b"L") + member(b"x")),
    "B11 two pax headers": behind_last(pax([("path", "a")]) + pax([("path", "b")]) + member(b"x")),
    "B11 pax with a key twice": behind_last(pax([("path", "a"), ("path", "b")]) + member(b"x")),
    "B11 pax at the end": behind_last(pax([("path", "a")])),
    "B12 global path": before(pax([("path", "oci-layout")], kind=b"g")),
    "B12 global size": before(pax([("size", "1")], kind=b"g")),
    "B12 global path, late": behind_first(pax([("path", "index.json")], kind=b"g")),
    "B14 negative size": behind_last(header(b"x", size_field=b"\xff" * 12)),
    "B14 overflowing size": behind_last(header(b"x", size_field=b"\x80" + b"\xff" * 11)),
    "B14 size over 63 bits": behind_last(header(b"x", size_field=b"\x80\0\0\0\x80" + bytes(7))),
    "B14 size over the end": behind_last(header(b"x", size_field=b"77777777777\0")),
    "B14 negative size by pax": behind_last(pax([("size", "-1")]) + member(b"x")),
    "B14 huge size by pax": behind_last(pax([("size", "99999999999999999999")]) + member(b"x")),
    "B14 size that is no number": behind_last(header(b"x", size_field=b"0000000000x\0")),
    "B16 checksum wrong": with_first(checksum=b"000000\0 "),
    "B16 checksum of signed bytes": behind_last(header(b"x\xc3\xbc", checksum=b"%06o\0 " % (
        sum(header(b"x\xc3\xbc")) - sum(header(b"x\xc3\xbc")[148:156]) + 8 * 32 - 2 * 256))),
    "B16 no POSIX magic": lambda data: data[:257] + b"ustar  \0" + data[265:],
    "B17 one zero block": lambda data: data[:-BLOCK], "B17 no zero block": lambda data: data[:-len(END)],
    "B17 data after the end": lambda data: data + b"x",
    "B17 a member after the end": lambda data: data + member(b"x") + END,
    "B17 a block between the zero blocks": lambda data: data[:-BLOCK] + member(b"x") + END,
    "B17 the bundle twice": lambda data: data + data, "B17 many zeros": lambda data: data + bytes(4 << 20),
    "B17 padding that is not zero": lambda data: data[:2 * BLOCK - 1] + b"x" + data[2 * BLOCK:],
    "B21 gzip": lambda data: gzip.compress(data), "B21 gzip bomb": lambda data: gzip.compress(bytes(64 << 20)),
    "B22 gzip with several members": lambda data: gzip.compress(data[:1000]) + gzip.compress(data[1000:]),
    "B22 gzip with junk behind": lambda data: gzip.compress(data) + b"junk",
    "B29 cut in a member": lambda data: data[:len(data) // 2],
    "B29 a member is missing": lambda data: data[first_member(data):],
    "B31 empty file": lambda data: b"", "B31 end marker alone": lambda data: END,
    "B31 one zero block alone": lambda data: bytes(BLOCK),
    "B31 layout alone": lambda data: data[:first_member(data)] + END, "text": lambda data: b"no bundle\n" * 100,
    "a zip": lambda data: b"PK\x03\x04" + data[4:], "a member more": behind_last(member(b"blobs/sha256/" + b"0" * 64)),
    "a file more": behind_last(member(b"README", b"read me")),
}


@pytest.fixture(scope="module")
def refuse(shipped):
    """Demands that a bundle is refused by verify and by import, and that the empty store stays as it is."""
    store = shipped.home / "empty"
    before = contents(store)

    def check(data, codes=(INTEGRITY, REFUSED)):
        path = shipped.home / "bad.tar"
        if data is not None:
            path.write_bytes(data)
        for command in (["bundle", "verify"], ["--store", store, "bundle", "import"]):
            outcome = shipped.offline.run(*command, path, "--trust", shipped.root)
            assert outcome.code in codes, outcome
            assert outcome.err.startswith("error:") and not outcome.out.strip(), outcome
            assert "\x1b" not in outcome.err
        assert contents(store) == before, "something was imported"

    return check


def contents(store):
    """What a store holds: its blobs, uploads and the rows that an import would make."""
    files = {str(file.relative_to(store)) for folder in ("blobs", "uploads", "staging")
             for file in (store / folder).rglob("*") if file.is_file()}
    with contextlib.closing(sqlite3.connect(store / "index.sqlite")) as database:
        rows = [database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("repositories", "versions", "manifests", "blobs")]
    return files, rows


def test_the_store_is_empty_and_the_bundle_is_good(shipped):
    files, rows = contents(shipped.home / "empty")
    assert not files and set(rows) == {0}
    shipped.offline.ok("bundle", "verify", "good.tar", "--trust", shipped.root)


@pytest.mark.parametrize("bad", BAD_BUNDLES)
def test_a_bad_archive_brings_nothing_in(shipped, refuse, bad):
    data = BAD_BUNDLES[bad](shipped.good)
    assert data != shipped.good
    refuse(data)


def members_of(data):
    """Names and contents of a tar's members, in order."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive}


def tar_of(members):
    return b"".join(member(name.encode(), content) for name, content in members.items()) + END


@pytest.mark.parametrize("number", range(12))
def test_a_bit_that_flipped_in_any_file_is_found(shipped, refuse, number):
    """B27: it is told in which file."""
    members = members_of(shipped.good)
    assert tar_of(members) == shipped.good, "the bundle is no plain tar"
    name = sorted(members)[number * len(members) // 12]
    data = bytearray(members[name])
    data[len(data) // 2] ^= 1
    refuse(tar_of(members | {name: bytes(data)}), (INTEGRITY,))


def test_the_damaged_file_is_named(shipped):
    """X16: the first bad file, by its path."""
    members = members_of(shipped.good)
    name = "blobs/sha256/" + digest_of((FIXTURES / "digits-1.onnx").read_bytes())[7:]
    data = members[name][:-1] + bytes([members[name][-1] ^ 1])
    (shipped.home / "damaged.tar").write_bytes(tar_of(members | {name: data}))
    outcome = shipped.offline.run("bundle", "verify", "damaged.tar")
    assert outcome.code == INTEGRITY and "digits-1.onnx" in outcome.err, outcome


@pytest.mark.parametrize("fields", [
    {"mode": b"0006755"}, {"mode": b"0007777", "ids": b"0001750"}, {"mtime": b"\x80\0\0\0\0\0\0\x3b\x00\x0c\x6f\x80"},
    {"mtime": b"\xff" * 12}, {"mtime": b"77777777777\0"}], ids=["setuid", "owner", "year 9999", "negative", "far"])
def test_modes_owners_and_times_are_never_applied(shipped, other, fields):
    """B24: refused, or taken without them."""
    path = other.home / "odd.tar"
    path.write_bytes(with_first(**fields)(shipped.good))
    outcome = other.run("bundle", "import", path, "--trust", shipped.root)
    assert outcome.code in (DONE, INTEGRITY, REFUSED), outcome
    if outcome.code == DONE:
        other.ok("bundle", "export", "digits:2", "-o", "out.tar")
        assert (other.home / "out.tar").read_bytes() == shipped.good
        blobs = [file for file in (other.home / "other" / "blobs").rglob("*") if file.is_file()]
        assert all(file.stat().st_mode & 0o7111 == 0 and file.stat().st_uid == os.geteuid() for file in blobs)


def empty_members(path, count=MEMBERS_TOO_MANY):
    """A tar of very many empty members, written in pieces; the checksums are computed for many headers at once."""
    template = numpy.frombuffer(header(b"member-0000000"), numpy.uint8)
    base = int(template.sum()) - int(template[148:156].sum()) + 8 * 32 - 7 * ord("0")
    with path.open("wb") as file:
        for start in range(0, count, MEMBERS_AT_ONCE):
            numbers = numpy.arange(start, start + MEMBERS_AT_ONCE)
            digits = (numbers[:, None] // 10 ** numpy.arange(6, -1, -1) % 10 + ord("0")).astype(numpy.uint8)
            blocks = numpy.tile(template, (MEMBERS_AT_ONCE, 1))
            blocks[:, 7:14] = digits
            sums = base + digits.sum(1, dtype=numpy.int64)
            blocks[:, 148:154] = sums[:, None] // 8 ** numpy.arange(5, -1, -1) % 8 + ord("0")
            file.write(blocks.tobytes())
        file.write(END)


def test_a_million_empty_members_are_refused_with_flat_memory(shipped, refuse):
    """B19."""
    path = shipped.home / "bad.tar"
    empty_members(path, MEMBERS_AT_ONCE)
    with tarfile.open(path) as archive:
        assert [archive.next().name for _ in range(3)] == [f"member-{number:07}" for number in range(3)]
    few = peak_of(shipped.offline, INTEGRITY, "bundle", "verify", path)
    empty_members(path)
    assert path.stat().st_size > MEMBERS_TOO_MANY * BLOCK
    many = peak_of(shipped.offline, REFUSED, "bundle", "verify", path)
    assert many - few < GROWTH_BYTES_MAX
    refuse(None, (REFUSED,))
    path.unlink()


def peak_of(assay, code, *arguments):
    """The most resident memory of a command that must end with this code."""
    process = assay.start(*arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, memory_of(process.pid, "VmHWM"))
        time.sleep(SAMPLE_SECONDS)
    assert process.returncode == code
    assert peak > 0, "it ended before it could be looked at"
    return peak


def memory_of(pid, field):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) << 10
    return 0


# Bad evidence in a bundle whose bytes are right


class Layout:
    """A bundle taken apart, in which all that names a changed document follows it."""

    def __init__(self, data):
        members = members_of(data)
        self.index = json.loads(members.pop("index.json"))
        self.layout = members.pop("oci-layout")
        self.blobs = {"sha256:" + name.rpartition("/")[2]: content for name, content in members.items()}

    @property
    def entries(self):
        return self.index["manifests"]

    def manifest(self, entry):
        return json.loads(self.blobs[entry["digest"]])

    def find(self, artifact_type, predicate_type=None):
        """The first entry of a kind of evidence, and the document that it carries."""
        for entry in self.entries[1:]:
            manifest = self.manifest(entry)
            document = self.blobs[manifest["layers"][0]["digest"]]
            if entry.get("artifactType") == artifact_type and (predicate_type is None or predicate_type == json.loads(
                    base64.b64decode(json.loads(document)["payload"]))["predicateType"]):
                return entry, document
        raise AssertionError(f"the bundle holds no {predicate_type or artifact_type}")

    def replace(self, entry, document):
        """Puts another document into a referrer."""
        manifest = self.manifest(entry)
        manifest["layers"][0] |= {"digest": digest_of(document), "size": len(document)}
        self.blobs[digest_of(document)] = document
        self.put(entry, manifest)

    def put(self, entry, manifest):
        data = manifest if isinstance(manifest, bytes) else canonical(manifest)
        self.blobs[digest_of(data)] = data
        entry |= {"digest": digest_of(data), "size": len(data)}

    def tar(self):
        """The bundle in its own form again, with exactly what is called for."""
        self.entries[1:] = sorted(self.entries[1:], key=lambda entry: entry["digest"])
        manifests = [entry["digest"] for entry in self.entries]
        named = sorted({each["digest"] for entry in self.entries for manifest in [self.manifest(entry)]
                        for each in [manifest["config"], *manifest["layers"]]})
        return tar_of({"oci-layout": self.layout, "index.json": canonical(self.index)} | {
            "blobs/sha256/" + digest.removeprefix("sha256:"): self.blobs[digest] for digest in manifests + named})


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def insert_blank(text):
    return text[:8] + "\n" + text[8:]


def cut_padding(text):
    return text.rstrip("=") if text.endswith("=") else text + "="


def with_payload(change):
    return lambda envelope: envelope | {"payload": change(envelope["payload"])}


def with_signatures(change):
    return lambda envelope: envelope | {"signatures": change(envelope["signatures"])}


def in_payload(old, new):
    return with_payload(lambda text: base64.b64encode(base64.b64decode(text).replace(old, new)).decode())


def twice(name):
    """The JSON text with one member twice."""
    return lambda envelope: json.dumps(envelope).replace(f'"{name}"', f'"{name}": "e30=", "{name}"', 1).encode()


# What is wrong with the envelope of a signature and of a statement.
BAD_EVIDENCE = {
    "B32 payload type": lambda it: it | {"payloadType": "application/vnd.in-toto"},
    "B32 predicate type": in_payload(b'"predicateType":"https://', b'"predicateType":"http://'),
    "B32 statement type": in_payload(b"Statement/v1", b"Statement/v0"), "B32 two payloads": twice("payload"),
    "B32 two payload types": twice("payloadType"), "B32 no payload": with_payload(lambda text: ""),
    "B34 1,000 signatures": with_signatures(lambda all: all * SIGNATURES_TOO_MANY),
    "B36 blank in the payload": with_payload(insert_blank), "B36 line end": with_payload(lambda text: text + "\n"),
    "B36 wrong padding": with_payload(cut_padding), "B36 both alphabets": with_payload(lambda text: "-+" + text[2:]),
    "B36 blank in a signature": with_signatures(lambda all: [all[0] | {"sig": insert_blank(all[0]["sig"])}]),
    "B36 wrong padding of a signature": with_signatures(lambda all: [all[0] | {"sig": cut_padding(all[0]["sig"])}]),
    "B26 no signature": with_signatures(lambda all: []),
    "B26 false signature": with_signatures(lambda all: [all[0] | {"sig": base64.b64encode(b"none" * 18).decode()}]),
    "another subject": in_payload(b'"sha256":"', b'"sha256":"0'),
}


@pytest.mark.parametrize("bad", BAD_EVIDENCE)
@pytest.mark.parametrize("kind", [SIGNATURE, PROVENANCE, VERDICT], ids=["signature", "provenance", "verdict"])
def test_bad_evidence_brings_nothing_in(shipped, refuse, kind, bad):
    layout = Layout(shipped.good)
    entry, document = layout.find(SIGNATURE) if kind == SIGNATURE else layout.find(ENVELOPE, kind)
    document = json.loads(document)
    changed = BAD_EVIDENCE[bad](document.get("dsseEnvelope", document))
    if kind == SIGNATURE:
        text = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
        outer = json.dumps(document | {"dsseEnvelope": "HERE"}).encode()
        changed = outer.replace(b'"HERE"', text)
    layout.replace(entry, changed if isinstance(changed, bytes) else canonical(changed))
    refuse(layout.tar())


def test_a_bundle_taken_apart_and_put_together_is_the_same(shipped):
    """Or else the changed ones could be refused for their form alone."""
    layout = Layout(shipped.good)
    entry, document = layout.find(SIGNATURE)
    layout.replace(entry, document)
    assert layout.tar() == shipped.good


def test_a_bundle_with_another_statement_is_still_good(shipped, other):
    """A statement of a stranger is shown as untrusted, and refutes nothing."""
    layout = Layout(shipped.good)
    entry, _ = layout.find(ENVELOPE, REVIEW)
    stranger = other.key("stranger")
    layout.replace(entry, json.dumps(seal_statement(stranger, statement(shipped.digest, REVIEW, {}))).encode())
    (other.home / "changed.tar").write_bytes(layout.tar())
    told = other.ok("bundle", "verify", "changed.tar", "--trust", shipped.root, "--promoted", "production", "--json")
    assert sorted(item["status"] for item in told.json["proof"]["evidence"])[:1] == ["untrusted"]


@pytest.mark.parametrize("kind", [VERDICT, REPORT])
def test_a_verdict_by_a_release_key_does_not_replace_the_registrys(shipped, other, kind):
    """B26: signed well, by a key that may not say this."""
    layout = Layout(shipped.good)
    entry, document = layout.find(ENVELOPE, kind)
    body = base64.b64decode(json.loads(document)["payload"])
    layout.replace(entry, json.dumps(seal_statement(shipped.home / "release.pem", body)).encode())
    (other.home / "changed.tar").write_bytes(layout.tar())
    demand = ("--trust", shipped.root, "--promoted", "production")
    outcome = other.run("bundle", "verify", "changed.tar", *demand, "--json")
    if kind == VERDICT:
        assert outcome.code in (INTEGRITY, NOT_FOUND), outcome
    else:
        assert "untrusted" in {item["status"] for item in outcome.json["proof"]["evidence"]}, outcome


def drop(artifact_type, predicate_type=None):
    def change(layout):
        entry, _ = layout.find(artifact_type, predicate_type)
        layout.entries.remove(entry)

    return change


def of_version(**fields):
    """The manifest of the version with other members; the evidence still speaks of the true one."""
    return lambda layout: layout.put(layout.entries[0], layout.manifest(layout.entries[0]) | fields)


def index_entry(**fields):
    return lambda layout: layout.entries[0].update(fields)


def label(**annotations):
    return lambda layout: layout.entries[0]["annotations"].update({
        {"repository": "dev.assay.repository", "number": "org.opencontainers.image.ref.name",
         "aliases": "dev.assay.aliases"}[name]: value for name, value in annotations.items()})


def two_versions(layout):
    """A second manifest that speaks of nothing."""
    manifest = layout.manifest(layout.entries[0]) | {"annotations": {"second": "yes"}}
    layout.entries.append({"mediaType": layout.entries[0]["mediaType"]})
    layout.put(layout.entries[-1], manifest)


BAD_LAYOUTS = {
    "B26 signature taken out": drop(SIGNATURE), "verdict taken out": drop(ENVELOPE, VERDICT),
    "B29 a file is not there": lambda layout: layout.put(layout.entries[0], layout.manifest(layout.entries[0]) | {
        "layers": layout.manifest(layout.entries[0])["layers"][:1]}),
    "B31 empty manifest": lambda layout: layout.put(layout.entries[0], b"{}"),
    "B31 no layers": of_version(layers=[]), "B31 empty index": lambda layout: layout.index.update(manifests=[]),
    "B31 evidence alone": lambda layout: layout.entries.pop(0), "two versions": two_versions,
    "no media type": of_version(mediaType=None), "schema version": of_version(schemaVersion=1),
    "index of another version": lambda layout: layout.index.update(schemaVersion=3),
    "size in the index": index_entry(size=1), "another type in the index": index_entry(mediaType="text/plain"),
    "another repository": label(repository="digits-train"), "another number": label(number="3"),
    "no number": label(number="latest"), "bad repository": label(repository="Bad Name"),
    "bad alias": label(aliases="../x"), "layout version": lambda layout: setattr(
        layout, "layout", b'{"imageLayoutVersion":"1.0.1"}'),
    "layout that is none": lambda layout: setattr(layout, "layout", b"[]"),
}


@pytest.mark.parametrize("bad", BAD_LAYOUTS)
def test_a_bad_layout_brings_nothing_in(shipped, refuse, bad):
    layout = Layout(shipped.good)
    BAD_LAYOUTS[bad](layout)
    try:
        data = layout.tar()
    except (KeyError, IndexError):
        # What it names is not of the form from which a tar is made; the rest is as it was.
        data = tar_of(members_of(shipped.good) | {
            "oci-layout": layout.layout, "index.json": canonical(layout.index)} | {
            "blobs/sha256/" + key[7:]: value for key, value in layout.blobs.items()})
    refuse(data)


def test_a_bill_in_the_place_of_the_true_one_brings_nothing_in(shipped, refuse):
    """All that names it follows; only the registry's statement tells."""
    layout = Layout(shipped.good)
    entry, document = layout.find(BILL)
    bill = json.loads(document)
    bill["components"][0]["name"] = "forged"
    layout.replace(entry, canonical(bill))
    refuse(layout.tar(), (INTEGRITY,))


def test_a_bill_that_nobody_vouches_for_does_not_count(shipped, other):
    layout = Layout(shipped.good)
    drop(ENVELOPE, BILL_STATEMENT)(layout)
    (other.home / "unsigned.tar").write_bytes(layout.tar())
    told = other.ok("bundle", "verify", "unsigned.tar", "--trust", shipped.root, "--json").json
    assert told["proof"]["has_bill"] is False
    other.ok("bundle", "import", "unsigned.tar", "--trust", shipped.root)
    there, _ = layout.find(BILL)
    manifests = other.ok("bundle", "export", "digits:2", "-o", "again.tar") and Layout(
        (other.home / "again.tar").read_bytes()).entries
    assert there["digest"] not in {entry["digest"] for entry in manifests}


def test_a_proof_by_a_log_that_nobody_named_brings_nothing_in(shipped, refuse):
    layout = Layout(shipped.good)
    entry, document = layout.find(LOG_PROOF)
    layout.replace(entry, re.sub(rb"assay\.dev/log/[0-9a-f]{16}", b"assay.dev/log/" + b"0" * 16, document))
    refuse(layout.tar(), (INTEGRITY,))


def test_a_version_without_its_evidence_brings_nothing_in(shipped, refuse):
    layout = Layout(shipped.good)
    del layout.entries[1:]
    refuse(layout.tar(), (INTEGRITY,))


def test_a_forged_statement_on_a_version_does_not_spoil_its_bundle(assay, registry, other, name):
    """Whoever may push can attach one; the export leaves it behind and says so."""
    key = assay.key()
    assay.ok("key", "trust", public(key), "--repository", name)
    (assay.home / "weights.bin").write_text(name)
    assay.ok("push", name, "weights.bin", "--key", key)
    lie = seal_statement(assay.key("forger"), statement(digest(assay, f"{name}:1"), REVIEW, {}))
    lie["signatures"][0]["keyid"] = key_id(public(key))
    push_envelope(registry, name, registry.get_manifest(name, "1"), lie, {})
    outcome = assay.ok("bundle", "export", f"{name}:1", "-o", "model.tar")
    assert "stays behind" in outcome.err
    other.ok("bundle", "verify", assay.home / "model.tar", "--trust", public(key))


# Large files


@dataclass
class Meter:
    """Samples a command on a terminal of its own, and a server."""

    server: Server
    text: str = ""
    peak: int = 0

    def run(self, assay, *arguments):
        """Runs a command that must succeed; gives its peak and the growth of the server in bytes."""
        Path(f"/proc/{self.server.process.pid}/clear_refs").write_text("5")
        start = memory_of(self.server.process.pid, "VmRSS")
        terminal, far_end = pty.openpty()
        os.set_blocking(terminal, False)
        process = assay.start(*arguments, stdout=subprocess.DEVNULL, stderr=far_end)
        os.close(far_end)
        self.text, self.peak = "", 0
        deadline = time.monotonic() + LONG_SECONDS
        while process.poll() is None:
            assert time.monotonic() < deadline, "no end"
            self.peak = max(self.peak, memory_of(process.pid, "VmHWM"))
            self.read(terminal)
            time.sleep(SAMPLE_SECONDS)
        self.read(terminal)
        os.close(terminal)
        assert process.returncode == 0, self.text[-2000:]
        return self.peak, memory_of(self.server.process.pid, "VmHWM") - start

    def read(self, terminal):
        with contextlib.suppress(BlockingIOError, OSError):
            while data := os.read(terminal, 1 << 16):
                self.text += data.decode(errors="replace")


@pytest.mark.skipif(shutil.disk_usage("/tmp").free < 8 * LARGE_BYTES, reason="it needs 4 GiB of disk for a while")
def test_a_large_file_travels_in_flat_memory_with_progress(assay, server, serve, tmp_path):
    here = assay.at(server.url)
    key = here.key()
    (tmp_path / "small.bin").write_bytes(CONTENT)
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate(LARGE_BYTES - 1)
        file.seek(LARGE_BYTES - 1)
        file.write(b"\1")
    for name in ("small", "large"):
        here.ok("push", f"team/{name}", tmp_path / f"{name}.bin", "--key", key)
    (tmp_path / "large.bin").unlink()
    target = Server(assay.binary, tmp_path / "target")
    target.folder.mkdir()
    target.create_store().start()
    try:
        there = assay.at(target.url)
        there.ok("key", "trust", public(key))
        exporting, importing = Meter(server), Meter(target)
        peaks = {}
        for name in ("small", "large"):
            bundle = tmp_path / f"{name}.tar"
            exported = exporting.run(here, "bundle", "export", f"team/{name}:1", "-o", bundle)
            imported = importing.run(there, "bundle", "import", bundle)
            peaks[name] = (exported[0], imported[0], exported[1], imported[1])
        assert re.search(r"receiving .*\d+%.* GiB", exporting.text), exporting.text[-500:]
        assert re.search(r"sending .*\d+%.* GiB", importing.text), importing.text[-500:]
        growth = [large - small for small, large in zip(peaks["small"][:2], peaks["large"][:2])] + [*peaks["large"][2:]]
        assert max(growth) < GROWTH_BYTES_MAX, growth
        assert digest(there, "team/large:1") == digest(here, "team/large:1")
    finally:
        assert target.stop() == 0
        for file in [*tmp_path.rglob("*.tar"), *target.store.joinpath("blobs").rglob("*"),
                     *server.store.joinpath("blobs").rglob("*")]:
            if file.is_file():
                file.unlink()


def test_an_export_that_is_cut_leaves_no_file(assay, server, tmp_path):
    """X7, X12."""
    here = assay.at(server.url)
    (tmp_path / "weights.bin").write_bytes(os.urandom(8 << 20))
    here.ok("push", "team/model", tmp_path / "weights.bin", "--key", here.key())
    digest_there = digest(here, "team/model:1")
    blob = max((file for file in (server.store / "blobs").rglob("*") if file.is_file()),
               key=lambda file: file.stat().st_size)
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:-1] + b"X")
    outcome = here.run("bundle", "export", "team/model:1", "-o", tmp_path / "model.tar")
    assert outcome.code in (NOT_FOUND, INTEGRITY, TRY_AGAIN, STORAGE), outcome
    assert not (tmp_path / "model.tar").exists() and not list(tmp_path.glob(".*part*"))
    assert Registry(server.url).get_manifest("team/model", digest_there).status_code == 200
