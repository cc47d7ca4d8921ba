"""Whose signatures count, for what, where and when: each change of the trust root, and what it changes elsewhere."""

import copy
import datetime
import json
import shutil
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from evidence import CONFLICT, DONE, INTEGRITY, NOT_FOUND, REFUSED, USAGE, attestations, key_id, registry_key
from harness import Assay, Registry, Server, public

COUNTS, DOES_NOT_COUNT = (DONE, DONE, DONE), (REFUSED, INTEGRITY, INTEGRITY)
ROTATION_SECONDS = 3
LONG_AGO, PAST, FUTURE, FAR_FUTURE = "2020-01-01", "2021-01-01", "2100-01-01", "2101-01-01T12:00:00Z"


@pytest.fixture(scope="module")
def trusting(binary, tmp_path_factory):
    """A server whose trust root these tests change."""
    server = Server(binary, tmp_path_factory.mktemp("trusting")).create_store().start()
    yield server
    server.assert_running()
    assert server.stop() == 0


@pytest.fixture
def local(binary, trusting, tmp_path):
    return Assay(binary, tmp_path, trusting.url)


@pytest.fixture
def version(local, name):
    """A version that release.pem signed, below an alias that demands nothing but a signature."""
    return signed(local, name, local.key())


def signed(local, name, key, number=1):
    """A new version with a signature by one key."""
    (local.home / f"{number}.bin").write_text(f"{name} {number}")
    local.ok("push", name, f"{number}.bin", "--key", key)
    (local.home / "policy.yaml").write_text("version: 1\n")
    local.ok("policy", "set", name, "production", "policy.yaml")
    return f"{name}:{number}"


def exported(local, file="root.json"):
    """The trust root as a new file."""
    (local.home / file).unlink(missing_ok=True)
    local.ok("key", "export", "-o", file)
    return local.home / file


def what_counts(local, version):
    """What promote, attestations --verify and pull --trust say of a version, with the trust root as it is now."""
    return (
        local.run("promote", version, "production").code, local.run("attestations", version, "--verify").code,
        local.run("pull", version, "pulled", "--force", "--trust", exported(local)).code)


def trust(local, *options, key="release"):
    return local.run("key", "trust", f"{key}.pub.pem", *options)


def key_of(local, key="release"):
    return key_id(local.home / f"{key}.pub.pem")


def entries(local):
    """The entries of the audit log about keys, oldest first."""
    return [item["entry"] for item in local.ok("audit", "list", "--kind", "key", "--json").json["items"]][::-1]


# Who, where, when


def test_a_key_that_nobody_named_counts_for_nothing(local, version):
    assert what_counts(local, version) == DOES_NOT_COUNT
    trust(local)
    assert what_counts(local, version) == COUNTS


@pytest.mark.parametrize("role, expected", [
    ("release", COUNTS), ("training", DOES_NOT_COUNT), ("registry", DOES_NOT_COUNT)])
def test_files_are_signed_by_release_keys_alone(local, version, role, expected):
    assert trust(local, "--role", role).code == DONE
    assert what_counts(local, version) == expected


# Patterns; NAME is the repository of the version, of the form tests/….
@pytest.mark.parametrize("patterns, expected", [
    (["NAME"], COUNTS), (["tests/*"], COUNTS), (["*"], COUNTS), (["other/*", "NAME"], COUNTS),
    (["NAME-2"], DOES_NOT_COUNT), (["NAME/*"], DOES_NOT_COUNT), (["test/*"], DOES_NOT_COUNT),
    (["tests"], DOES_NOT_COUNT), (["other/*", "another"], DOES_NOT_COUNT)])
def test_a_key_speaks_for_its_repositories_alone(local, name, version, patterns, expected):
    options = [part for pattern in patterns for part in ("--repository", pattern.replace("NAME", name))]
    assert trust(local, *options).code == DONE
    assert what_counts(local, version) == expected


@pytest.mark.parametrize("options, expected", [
    (["--from", LONG_AGO], COUNTS), (["--until", FUTURE], COUNTS), (["--from", LONG_AGO, "--until", FUTURE], COUNTS),
    (["--until", PAST], DOES_NOT_COUNT), (["--from", FUTURE], DOES_NOT_COUNT),
    (["--from", LONG_AGO, "--until", PAST], DOES_NOT_COUNT),
    (["--from", FUTURE, "--until", FAR_FUTURE], DOES_NOT_COUNT)])
def test_a_key_counts_in_its_time_alone(local, version, options, expected):
    assert trust(local, *options).code == DONE
    assert what_counts(local, version) == expected


@pytest.mark.parametrize("options, code", [
    (["--role", "owner"], USAGE), (["--role", "log"], USAGE), (["--repository", ""], USAGE),
    (["--repository", "Tests/*"], USAGE), (["--repository", "**"], USAGE), (["--repository", "tests/"], USAGE),
    (["--repository", "*/a"], USAGE), (["--repository", "tests/*/a"], USAGE), (["--repository", "../*"], USAGE),
    (["--from", FUTURE, "--until", PAST], USAGE), (["--until", "tomorrow"], USAGE), (["--until", "2026-02-30"], USAGE),
    (["--until", ""], USAGE), (["--name", ""], USAGE), (["--name", "x" * 300], USAGE)])
def test_a_key_that_would_be_trusted_for_nothing_clear_is_refused(local, options, code):
    local.key()
    before = entries(local)
    outcome = trust(local, *options)
    assert outcome.code == code, outcome
    assert entries(local) == before
    assert key_of(local) not in {key["id"] for key in local.ok("key", "list", "--json").json["items"]}


@pytest.mark.parametrize("text", ["", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_key_is_not_trusted(local, text):
    (local.home / "release.pub.pem").write_text(text)
    assert trust(local).code == USAGE


def test_a_key_of_an_unknown_curve_is_not_trusted(local):
    weak = ec.generate_private_key(ec.SECP256K1()).public_key()
    (local.home / "release.pub.pem").write_bytes(weak.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert trust(local).code == USAGE


@pytest.mark.parametrize("other", [
    ["--role", "training"], ["--repository", "other/*"], ["--until", FUTURE], ["--from", PAST]])
def test_trusting_a_key_once_more_widens_nothing_in_silence(local, version, name, other):
    assert trust(local, "--repository", name).code == DONE
    before = entries(local)
    assert trust(local, *other).code == CONFLICT
    assert trust(local, "--repository", name).code == DONE
    assert entries(local) == before
    assert what_counts(local, version) == COUNTS


# Changes


def test_a_limit_takes_a_key_away_and_gives_it_back(local, version):
    trust(local)
    for limit, expected in (
            (["--until", PAST], DOES_NOT_COUNT), (["--from", FUTURE], DOES_NOT_COUNT), ([], COUNTS)):
        local.ok("key", "limit", key_of(local)[:12], *limit)
        assert what_counts(local, version) == expected


@pytest.mark.parametrize("since", [[], ["--since", LONG_AGO], ["--since", "2026-01-01T08:00:00Z"]])
def test_a_revoked_key_counts_no_more_whenever_it_signed(local, version, since):
    trust(local)
    local.ok("attestations", version, "--verify")
    local.ok("key", "revoke", key_of(local)[:12], *since)
    assert what_counts(local, version) == DOES_NOT_COUNT
    told, = (key for key in local.ok("key", "list", "--json").json["items"] if key["id"] == key_of(local))
    assert told["revoked_at"].startswith(since[1][:10] if since else datetime.datetime.now(datetime.UTC).strftime("%Y"))


def test_nothing_brings_a_revoked_key_back(local, version):
    trust(local)
    local.ok("key", "revoke", key_of(local))
    assert trust(local).code == CONFLICT
    outcome = local.run("key", "limit", key_of(local))
    assert "counts always" not in outcome.out, "it says that a revoked key counts"
    assert local.run("key", "revoke", key_of(local), "--since", FUTURE).code in (DONE, CONFLICT, USAGE)
    assert what_counts(local, version) == DOES_NOT_COUNT


def test_a_second_signature_counts_where_the_first_is_revoked(local, version):
    other = local.key("other")
    for key in ("release", "other"):
        trust(local, key=key)
    local.ok("sign", version, "--key", other)
    local.ok("key", "revoke", key_of(local))
    assert local.run("promote", version, "production").code == DONE
    assert local.run("pull", version, "pulled", "--trust", exported(local)).code == DONE
    assert local.run("attestations", version, "--verify").code == INTEGRITY


def test_a_promotion_outlives_its_key_but_no_pull_that_trusts_does(local, name, version):
    trust(local)
    local.ok("promote", version, "production")
    before = exported(local, "before.json")
    local.ok("key", "revoke", key_of(local))
    assert local.run("pull", f"{name}:production", "a", "--trust", exported(local)).code == INTEGRITY
    assert local.run("pull", f"{name}:production", "b", "--trust", before).code == DONE
    again = signed(local, name, local.home / "release.pem", 2)
    assert local.run("promote", again, "production").code == REFUSED


@pytest.mark.parametrize("command", [["limit"], ["revoke"]])
@pytest.mark.parametrize("name_of_key, code", [("0" * 64, NOT_FOUND), ("0" * 8, NOT_FOUND), ("", NOT_FOUND)])
def test_a_key_that_is_not_there_is_told(local, command, name_of_key, code):
    before = entries(local)
    assert local.run("key", *command, name_of_key).code == code
    assert entries(local) == before


def test_too_little_of_an_id_names_no_key(local):
    local.key()
    trust(local)
    assert local.run("key", "revoke", key_of(local)[:7]).code == NOT_FOUND
    local.ok("key", "revoke", key_of(local)[:8])


# The registry's own keys


@pytest.fixture
def own(server, assay):
    """The command line against a server of the test's own, whose own keys may go."""
    return assay.at(server.url)


def test_without_the_registrys_key_its_statements_do_not_count(own, name):
    version = signed(own, name, own.key())
    trust(own)
    own.ok("promote", version, "production")
    own.ok("bundle", "export", version, "-o", "model.tar")
    own.ok("bundle", "verify", "model.tar", "--trust", exported(own), "--promoted", "production")
    old = key_id(registry_key(Registry(own.server)))
    own.ok("key", "rotate", "registry")
    own.ok("key", "revoke", old)
    assert {item["status"] for item in attestations(own, version) if item["predicate_type"].endswith(
        "verification_summary/v1")} == {"untrusted"}
    assert own.run("attestations", version, "--verify").code == INTEGRITY
    outcome = own.run("bundle", "verify", "model.tar", "--trust", exported(own), "--promoted", "production")
    assert outcome.code == NOT_FOUND and "promote the version again" in outcome.err, outcome


def test_without_the_logs_key_nothing_is_proven(own, name):
    version = signed(own, name, own.key())
    trust(own)
    own.ok("promote", version, "production")
    own.ok("pull", version, "a", "--require-log", "--trust", exported(own))
    log = key_id(registry_key(Registry(own.server), "log"))
    refused = own.run("key", "revoke", log)
    assert refused.code == CONFLICT and "audit log" in refused.err, refused
    root = json.loads((own.home / exported(own)).read_text())
    for key in root["keys"]:
        if key["id"] == log:
            key["revoked_at"] = "2026-01-01T00:00:00.000Z"
    (own.home / "revoked.json").write_text(json.dumps(root))
    outcome = own.run("pull", version, "b", "--require-log", "--trust", "revoked.json")
    assert outcome.code == INTEGRITY, outcome
    assert not list(own.home.glob("b/*"))


# The log


def test_each_change_is_an_entry_of_the_log(local):
    local.key()
    before = len(entries(local))
    trust(local, "--repository", "a/*", "--until", FUTURE, "--name", "of 2026")
    local.ok("key", "limit", key_of(local), "--from", PAST)
    local.ok("key", "revoke", key_of(local), "--since", "2026-01-01")
    made = entries(local)[before:]
    assert [entry["action"] for entry in made] == ["trust", "limit", "revoke"]
    assert {(entry["key"], entry["role"], entry["name"], entry["kind"]) for entry in made} == {
        (key_of(local), "release", "of 2026", "key")}
    trusted, limited, revoked = made
    assert trusted["valid_until"].startswith(FUTURE) and "valid_from" not in trusted
    assert limited["valid_from"].startswith(PAST) and "valid_until" not in limited
    assert revoked["revoked_at"].startswith("2026-01-01")
    assert all("a/*" in entry["repositories"] for entry in made)
    local.ok("audit", "verify", "--trust", exported(local))


def test_what_changes_nothing_is_no_entry(local):
    local.key()
    trust(local)
    local.ok("key", "limit", key_of(local), "--until", FUTURE)
    before = entries(local)
    assert trust(local, "--role", "training").code == CONFLICT
    local.ok("key", "limit", key_of(local), "--until", FUTURE)
    local.ok("key", "export")
    assert local.run("key", "limit", key_of(local), "--from", FUTURE, "--until", PAST).code == USAGE
    assert entries(local) == before


# Rotation


def soon(seconds=ROTATION_SECONDS):
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_what_a_key_signed_in_its_time_counts_for_the_registry_later(local, name):
    """One key follows another: the registry knows when each signature came, whoever pulls does not."""
    local.key()
    until = soon()
    trust(local, "--until", until)
    early = signed(local, name, local.home / "release.pem")
    assert attestations(local, early)[0]["status"] == "valid"
    while datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") <= until:
        time.sleep(0.1)
    late = signed(local, name, local.home / "release.pem", 2)
    # The registry says when the signature came; with a file that somebody named it counts now.
    assert what_counts(local, early) == (DONE, DONE, INTEGRITY)
    assert what_counts(local, late) == DOES_NOT_COUNT
    new = local.key("new")
    trust(local, key="new")
    for version in (early, late):
        local.ok("sign", version, "--key", new)
    assert local.run("promote", late, "production").code == DONE
    assert local.run("pull", late, "pulled", "--force", "--trust", exported(local)).code == DONE


def test_a_bundle_tells_when_its_signature_came(local, name):
    """The log proves a time at which an expired key still counted."""
    local.key()
    until = soon()
    trust(local, "--until", until)
    version = signed(local, name, local.home / "release.pem")
    local.ok("promote", version, "production")
    local.ok("bundle", "export", version, "-o", "model.tar")
    while datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") <= until:
        time.sleep(0.1)
    root = exported(local)
    told = local.ok("bundle", "verify", "model.tar", "--trust", root, "--promoted", "production", "--json").json
    assert told["proof"]["time_source"] == "log"
    known = json.loads(root.read_text())
    known["keys"] = [key for key in known["keys"] if key["role"] != "log"]
    (local.home / "no-log.json").write_text(json.dumps(known))
    outcome = local.run("bundle", "verify", "model.tar", "--trust", "no-log.json")
    assert outcome.code == INTEGRITY, "without the log there is only this clock"
    local.ok("key", "revoke", key_of(local))
    outcome = local.run("bundle", "verify", "model.tar", "--trust", exported(local), "--promoted", "production")
    assert outcome.code == INTEGRITY, "a revoked key counts at no time"


# Files


def test_an_exported_root_is_what_the_registry_trusts(local, name, version):
    trust(local, "--repository", f"{name}", "--until", FUTURE)
    root = json.loads(exported(local).read_text())
    assert root["format"] == 1
    assert root["keys"] == local.ok("key", "list", "--json").json["items"]
    assert {"registry", "log", "release"} <= {key["role"] for key in root["keys"]}
    assert local.run("key", "export", "-o", "root.json").code == CONFLICT
    assert json.loads(local.ok("key", "export").out) == root
    for options in (["--trust", "root.json"], ["--trust", "root.json", "--trust", "release.pub.pem"]):
        local.ok("pull", version, "pulled", "--force", *options)
        local.ok("check", "pulled", *options)
        local.ok("attestations", version, "--verify", *options)
    text = json.dumps(root, separators=(",", ":"))
    (local.home / "compact.json").write_text("\n " + text)
    local.ok("pull", version, "pulled", "--force", "--trust", "compact.json")


def release_of(root):
    return next(key for key in root["keys"] if key["role"] == "release")


def with_release(**fields):
    return lambda root: release_of(root).update(fields)


def without_release(*fields):
    return lambda root: [release_of(root).pop(field) for field in fields]


def with_root(**fields):
    return lambda root: root.update(fields)


def pem_of_another(root):
    """The id of the trusted key, and the public key of somebody else."""
    release_of(root)["pem"] = next(key["pem"] for key in root["keys"] if key["role"] == "registry")


# What is wrong with a root that would be right otherwise.
BAD_ROOTS = {
    "another format": with_root(format=2), "no format": lambda root: root.pop("format"),
    "format as text": with_root(format="1"), "no keys": lambda root: root.pop("keys"), "empty keys": with_root(keys=[]),
    "keys of another form": with_root(keys={}), "a key of another form": with_root(keys=["release"]),
    "unknown role": with_release(role="owner"), "no role": without_release("role"), "no pem": without_release("pem"),
    "no id": without_release("id"), "pem of another key": pem_of_another, "pem that is none": with_release(pem="none"),
    "empty pem": with_release(pem=""), "id that is none": with_release(id="0" * 64),
    "id in capitals": lambda root: release_of(root).update(id=release_of(root)["id"].upper()),
    "repositories as text": with_release(repositories="*"), "bad repository": with_release(repositories=["**"]),
    "no repository": with_release(repositories=[]), "time that is none": with_release(valid_until="soon"),
    "time as a number": with_release(valid_until=1), "revoked at no time": with_release(revoked_at="yes"),
    "revoked as a truth": with_release(revoked_at=True), "misspelt limit": with_release(valid_untill=PAST),
    "limit in another style": with_release(validUntil=PAST),
    "unknown member": with_root(revoked=["everything"]),
}
# What is no root at all.
BAD_TEXTS = {
    "empty": "", "blank": " \n", "a list": "[]", "no JSON": "{", "null": "null",
    "not UTF-8": b'{"format": 1, "k\xff": 1}',
    "data behind it": '{"format": 1, "keys": []} {}', "deep": "{\"format\": 1, \"keys\": " + "[" * 5000,
    "very large": '{"format": 1, "keys": [' + " " * (5 << 20) + "]}", "a private key": None}


@pytest.fixture(scope="module")
def good_root(binary, trusting, tmp_path_factory):
    """A version, a bundle and a folder of it, and the good root for all of them."""
    local = Assay(binary, tmp_path_factory.mktemp("roots"), trusting.url)
    version = signed(local, "tests/good-root", local.key())
    trust(local, "--repository", "tests/good-root")
    exported(local)
    local.ok("pull", version, "folder", "--trust", "root.json")
    local.ok("bundle", "export", version, "-o", "model.tar")
    root = json.loads((local.home / "root.json").read_text())
    # Keys of other tests would only be in the way.
    root["keys"] = [key for key in root["keys"] if key["role"] != "release" or key["id"] == key_of(local)]
    return local, root


def refusals(local):
    """The exit codes of everything that takes a trust root."""
    shutil.rmtree(local.home / "pulled", ignore_errors=True)
    commands = [
        ("pull", "tests/good-root:1", "pulled"), ("attestations", "tests/good-root:1", "--verify"), ("check", "folder"),
        ("bundle", "verify", "model.tar")]
    outcomes = [local.run(*command, "--trust", "bad.json") for command in commands]
    assert all(outcome.err.strip() for outcome in outcomes if outcome.code), outcomes
    return [outcome.code for outcome in outcomes]


def test_the_good_root_is_good(good_root):
    local, root = good_root
    (local.home / "bad.json").write_text(json.dumps(root))
    assert refusals(local) == [DONE] * 4


@pytest.mark.parametrize("bad", BAD_ROOTS)
def test_a_bad_root_is_refused_by_all_that_takes_one(good_root, bad):
    local, root = good_root
    root = copy.deepcopy(root)
    BAD_ROOTS[bad](root)
    (local.home / "bad.json").write_text(json.dumps(root))
    codes = refusals(local)
    assert set(codes) <= {USAGE, INTEGRITY, REFUSED}, codes
    assert not (local.home / "pulled" / "1.bin").exists()


@pytest.mark.parametrize("bad", BAD_TEXTS)
def test_what_is_no_root_is_refused(good_root, bad):
    local, _ = good_root
    text = BAD_TEXTS[bad]
    if text is None:
        text = (local.home / "release.pem").read_text()
    (local.home / "bad.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    codes = refusals(local)
    assert set(codes) <= {USAGE, INTEGRITY, REFUSED}, codes


def test_a_key_that_stands_twice_is_not_trusted_by_the_weaker_word(good_root):
    """Once revoked, once not: whoever merges files must not bring it back."""
    local, root = good_root
    root = copy.deepcopy(root)
    revoked = release_of(root) | {"revoked_at": "2026-01-01T00:00:00.000Z"}
    for keys in ([revoked, *root["keys"]], [*root["keys"], revoked]):
        (local.home / "bad.json").write_text(json.dumps(root | {"keys": keys}))
        codes = refusals(local)
        assert set(codes) <= {USAGE, INTEGRITY, REFUSED}, codes


def test_an_older_root_does_not_know_of_a_revocation(good_root, binary, trusting, tmp_path):
    """Two files given at once are one root: what one of them revokes, the other does not bring back."""
    local = Assay(binary, tmp_path, trusting.url)
    version = signed(local, "tests/older-root", local.key())
    trust(local, "--repository", "tests/older-root")
    old = exported(local, "old.json")
    local.ok("key", "revoke", key_of(local))
    new = exported(local, "new.json")
    assert local.run("pull", version, "a", "--trust", old).code == DONE
    for files in ((old, new), (new, old)):
        outcome = local.run("pull", version, "b", *(part for file in files for part in ("--trust", file)))
        assert outcome.code != DONE, outcome


@pytest.mark.parametrize("options, code", [
    (["--trust", "absent.json"], NOT_FOUND), (["--trust"], USAGE), (["--trust", "."], (USAGE, NOT_FOUND, REFUSED))])
def test_a_root_that_is_not_there_is_told(good_root, options, code):
    local, _ = good_root
    outcome = local.run("pull", "tests/good-root:1", "pulled", *options)
    assert outcome.code in (code if isinstance(code, tuple) else (code,)), outcome
    assert public(local.home / "release.pem").exists()
