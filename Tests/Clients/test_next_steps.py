"""What commands tell people: which key, which file, what it says, and a next step that helps."""

import json

import pytest
from evidence import CONFLICT, DONE, INTEGRITY, NOT_FOUND, REVIEW, USAGE, attestations, digest, key_id
from harness import FIXTURES, Assay, Server, public

UNAUTHENTICATED = 4
PAST = "2021-01-01"


@pytest.fixture
def own(binary, tmp_path):
    """The command line of a store of its own, whose trust root the test changes."""
    Assay(binary, tmp_path).ok("init", "store")

    class Local(Assay):
        def environment(self):
            return super().environment() | {"ASSAY_STORE": str(tmp_path / "store")}

    return Local(binary, tmp_path)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a.bin").write_text("a")
    return folder


# Keys


def test_a_key_that_is_trusted_by_another_name_is_told_by_both(own):
    own.key()
    own.ok("key", "trust", "release.pub.pem", "--name", "release-2026")
    again = own.run("key", "trust", "release.pub.pem")
    assert again.code == CONFLICT and "'release-2026'" in again.err and "'release'" in again.err, again
    own.ok("key", "trust", "release.pub.pem", "--name", "release-2026")


def test_a_name_that_cannot_be_printed_is_no_false_answer(own):
    own.key()
    for _ in range(2):
        own.ok("key", "trust", "release.pub.pem", "--name", "re\tlease")


def test_signing_again_adds_nothing(own, folder):
    key = own.key()
    own.ok("key", "trust", public(key))
    own.ok("push", "digits", folder)
    first = own.ok("sign", "digits:1", "--key", key, "--json").json
    again = own.ok("sign", "digits:1", "--key", key, "--json")
    assert again.json["attestation"] == first["attestation"] and "before" in again.err
    assert len(attestations(own, "digits:1")) == 2
    own.ok("sign", "digits:1", "--key", own.key("other"))
    assert len(attestations(own, "digits:1")) == 4


def test_a_signature_of_before_its_key_counted_does_not_stand_in_the_way(own, folder):
    key = own.key()
    own.ok("push", "digits", folder, "--key", key)
    own.ok("key", "trust", public(key), "--from", "2100-01-01")
    assert "counts from 2100" in own.ok("sign", "digits:1", "--key", key).err
    assert sum("model_signing" in item["predicate_type"] for item in attestations(own, "digits:1")) == 2


@pytest.mark.parametrize("trusted, told", [
    (None, "does not trust key"), (["--role", "training"], "trusted as a training key"),
    (["--repository", "other/*"], "does not speak for digits"), ([], None)])
@pytest.mark.parametrize("command", ["sign", "push"])
def test_a_signature_that_does_not_count_for_the_registry_is_told(own, folder, trusted, told, command):
    key = own.key()
    if trusted is not None:
        own.ok("key", "trust", public(key), *trusted)
    if command == "sign":
        own.ok("push", "digits", folder)
        outcome = own.ok("sign", "digits:1", "--key", key)
    else:
        outcome = own.ok("push", "digits", folder, "--key", key)
    assert told in outcome.err if told else "does not" not in outcome.err, outcome


@pytest.mark.parametrize("change, told", [
    (["revoke"], "by a key that was revoked"), (["limit", "--until", PAST], "did not count at the time")])
def test_a_key_that_counts_no_more_is_told_as_that(own, folder, change, told):
    key = own.key()
    own.ok("key", "trust", public(key))
    own.ok("push", "digits", folder, "--key", key)
    own.ok("pull", "digits:1", "out", "--trust", public(key))
    own.ok("bundle", "export", "digits:1", "-o", "digits.tar")
    own.ok("key", change[0], key_id(public(key)), *change[1:])
    own.ok("key", "export", "-o", "root.json")
    # Without the log's key, so that the time is now.
    root = json.loads((own.home / "root.json").read_text())
    root["keys"] = [item for item in root["keys"] if item["role"] != "log"]
    (own.home / "now.json").write_text(json.dumps(root))
    for command in (
            ["check", "out"], ["pull", "digits:1", "other"], ["bundle", "verify", "digits.tar"],
            ["attestations", "digits:1", "--verify"]):
        outcome = own.run(*command, "--trust", "now.json")
        assert outcome.code == INTEGRITY and told in outcome.err, outcome
        assert "as one that you trust" not in outcome.err, outcome
    outcome = own.run("check", "out", "--trust", "now.json", "--json")
    assert outcome.json["code"] == ("untrusted-key" if change[0] == "revoke" else "expired")


def test_the_table_of_a_promotion_says_that_a_key_was_revoked(own, folder):
    key = own.key()
    own.ok("key", "trust", public(key))
    own.ok("push", "digits", folder, "--key", key)
    own.ok("key", "revoke", key_id(public(key)))
    (own.home / "policy.yaml").write_text("version: 1\n")
    own.ok("policy", "set", "digits", "live", "policy.yaml")
    assert "by a key that was revoked" in own.run("policy", "check", "digits:1", "live").out


@pytest.mark.parametrize("text", ["version: 1\n", "{}", "-----BEGIN PUBLIC KEY-----\n"])
def test_a_file_that_is_no_trust_root_is_named(own, text):
    (own.home / "prod.yaml").write_text(text)
    outcome = own.run("pull", "digits:1", "out", "--trust", "prod.yaml")
    assert outcome.code == USAGE and "prod.yaml" in outcome.err and "root.json" in outcome.err, outcome


def test_the_next_step_after_a_rotation_is_a_file_that_is_not_there(own):
    own.ok("key", "export", "-o", "root.json")
    step = own.ok("key", "rotate", "registry").out.rpartition("assay ")[2].split()
    own.ok(*step)
    again = own.run(*step)
    assert again.code == CONFLICT and "keys are never" not in again.err


# Folders and pushes


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_files_that_are_no_part_of_the_version_are_named(own, folder, options):
    key = own.key()
    own.ok("push", "digits", folder, "--key", key)
    (folder / "a.bin").rename(folder / "b.bin")
    own.ok("push", "digits", folder, "--key", key)
    assert "no part" not in own.ok("pull", "digits:1", "out", "--trust", public(key), *options).err
    (own.home / "out" / "notes.txt").write_text("mine")
    outcome = own.ok("pull", "digits:2", "out", "--force", "--trust", public(key), *options)
    assert "'notes.txt'" in outcome.err and "assay check" in outcome.err and "'b.bin'" not in outcome.err, outcome
    assert "removed" in outcome.err and "'a.bin'" in outcome.err
    assert own.run("check", "out", "--trust", public(key)).code == INTEGRITY
    (own.home / "out" / "notes.txt").unlink()
    again = own.ok("pull", "digits:2", "out", "--force", "--trust", public(key), *options)
    assert "no part" not in again.err
    own.ok("check", "out", "--trust", public(key))


def test_a_link_in_the_folder_is_told_and_ends_no_pull(own, folder):
    own.ok("push", "digits", folder)
    (own.home / "out").mkdir()
    (own.home / "out" / "link").symlink_to("/etc/hostname")
    outcome = own.ok("pull", "digits:1", "out")
    assert "link" in outcome.err and (own.home / "out" / "a.bin").read_text() == "a"


def test_a_signature_that_goes_along_is_told_with_its_key(own, folder):
    key = own.key()
    own.ok("push", "digits", folder, "--key", key)
    own.ok("pull", "digits:1", "out", "--trust", public(key))
    unknown = own.ok("push", "other", own.home / "out").err
    assert "goes along" in unknown and key_id(public(key))[:12] in unknown and "does not know" in unknown
    own.ok("key", "trust", public(key), "--name", "release-2026")
    assert "'release-2026'" in own.ok("push", "third", own.home / "out").err


def test_how_a_model_was_derived_needs_from_what(own, folder):
    (own.home / "meta.yaml").write_text("as: quantized\n")
    outcome = own.run("push", "digits", folder, "--metadata", "meta.yaml")
    assert outcome.code == USAGE and "derived_from" in outcome.err, outcome
    assert own.run("show", "digits:1").code == NOT_FOUND


# Statements


@pytest.mark.parametrize("word, told", [("provenence", "'provenance'"), ("nonsense", "URI"), ("", "URI")])
def test_a_type_that_is_no_word_and_no_uri_is_not_signed(own, folder, word, told):
    key = own.key()
    own.ok("push", "digits", folder)
    (own.home / "a.json").write_text("{}")
    outcome = own.run("attest", "digits:1", "--type", word, "--predicate", "a.json", "--key", key)
    assert outcome.code == USAGE and told in outcome.err, outcome
    assert attestations(own, "digits:1") == []
    own.ok("attest", "digits:1", "--type", REVIEW, "--predicate", "a.json", "--key", key)


def test_a_file_that_is_no_provenance_is_the_users_own_mistake(own, folder):
    key = own.key()
    own.ok("push", "digits", folder)
    (own.home / "a.json").write_text('{"builder": "x"}')
    outcome = own.run("attest", "digits:1", "--type", "provenance", "--predicate", "a.json", "--key", key)
    assert outcome.code == USAGE and "'a.json'" in outcome.err, outcome


def test_a_bundle_tells_what_its_verdicts_say(own, folder):
    key = own.key()
    own.ok("key", "trust", public(key))
    own.ok("push", "digits", folder, "--key", key)
    (own.home / "policy.yaml").write_text("version: 1\nsize: {max_bytes: 0}\n")
    own.ok("policy", "set", "digits", "live", "policy.yaml")
    own.run("promote", "digits:1", "live")
    own.ok("bundle", "export", "digits:1", "-o", "digits.tar")
    own.ok("key", "export", "-o", "root.json")
    out = own.ok("bundle", "verify", "digits.tar", "--trust", "root.json").out
    assert "verdict on live: failed; valid, key " in out, out


# Next steps


def test_the_next_step_for_a_protected_alias_is_one_for_what_was_asked(own, folder):
    own.ok("push", "digits", folder, "--tag", "live")
    (own.home / "policy.yaml").write_text("version: 1\n")
    own.ok("policy", "set", "digits", "live", "policy.yaml")
    assert "assay promote digits:NUMBER live" in own.run("alias", "set", "digits", "live", "1").err
    removal = own.run("alias", "remove", "digits", "live")
    assert removal.code == CONFLICT and "assay policy remove digits live" in removal.err
    own.ok("policy", "remove", "digits", "live")
    own.ok("alias", "remove", "digits", "live")


def test_a_waiver_of_nothing_names_the_version_that_was_asked_for(own, folder):
    key = own.key()
    own.ok("push", "digits", folder)
    (own.home / "policy.yaml").write_text("version: 1\nwaivers: {role: release}\n")
    own.ok("policy", "set", "digits", "live", "policy.yaml")
    outcome = own.run(
        "waive", "digits:1", "live", "--requirement", "no-such-thing", "--reason", "x", "--expires", "2100-01-01",
        "--key", key)
    assert f"assay policy check digits@{digest(own, 'digits:1')} live" in outcome.err, outcome


def test_the_help_of_waive_has_an_example_that_can_be_pasted(own):
    text = own.ok("waive", "--help").out
    assert "\\ " not in text and "manifest" in text


def test_a_client_without_a_token_is_told_how_to_give_one(binary, tmp_path):
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text("0123456789abcdef0123456789abcdef")
    server = Server(binary, tmp_path, "--token-file", token).create_store().start()
    outcome = Assay(binary, tmp_path, server.url).run("list")
    assert outcome.code == UNAUTHENTICATED and "--token-file" in outcome.err and "ASSAY_TOKEN" in outcome.err, outcome
    assert server.stop() == 0


def test_a_report_that_is_not_there_has_a_next_step_of_its_own(own):
    own.ok("push", "data", FIXTURES / "test.npz", "--kind", "dataset")
    outcome = own.run("report", "data:1")
    assert outcome.code == NOT_FOUND and "--descendants" in outcome.err and "assay verify" not in outcome.err, outcome


def test_an_argument_is_not_told_as_an_option(own, folder):
    own.ok("push", "digits", folder)
    outcome = own.run("annotate", "digits:1", "bad")
    assert outcome.code == USAGE and "--note" not in outcome.err and "'bad'" in outcome.err, outcome


@pytest.mark.parametrize("command", [["list"], ["alias", "list"], ["policy", "show"]])
def test_a_list_of_a_repository_that_is_not_there_is_not_empty(own, command):
    assert own.run(*command, "nosuch").code == NOT_FOUND
    assert own.run(*command, "nosuch", "--json").code == NOT_FOUND
    assert own.run("key", "list").code == DONE
