"""Model signatures of every mode, key and signer, judged by the model_signing tool; what must stay secret does."""

import base64
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import certificates
import pytest
from certificates import DAY, issue
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from distribution import put, put_by_digest
from evidence import (
    CONFLICT, DONE, INTEGRITY, MODEL_SIGNATURE, NOT_FOUND, REFUSED, REVIEW, SIGNATURE, USAGE, attached, attestations,
    digest, key_id, verify_folder)
from harness import (
    FILE_PATH_ANNOTATION, FIXTURES, MODEL_CONFIG, MODEL_MANIFEST, MODEL_WEIGHT, REPOSITORY_ROOT, Assay, descriptor,
    finish, image_manifest, public)
from proxy import Proxy

CURVES = ["P-256", "P-384", "P-521"]
HASHES = {"P-256": "sha256", "P-384": "sha384", "P-521": "sha512"}
PASSPHRASE = "correct horse Übung 7"
SECONDS = 30
MANY_FILES = 700
INTERRUPTED_SECONDS = 5
INTERRUPTED = {signal.SIGINT: 130, signal.SIGTERM: 143}
CERTIFICATES = REPOSITORY_ROOT / "fixtures" / "signatures" / "certificate"
ADMITTING = "version: 1\n"


def environment(assay, **variables):
    return assay.environment() | variables


def run(assay, *arguments, **variables):
    """A command with variables of its own; those of Assay are not handed on otherwise."""
    process = subprocess.Popen(
        [assay.binary, *map(str, arguments)], cwd=assay.home, env=environment(assay, **variables),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return finish(process)


def secret(path, text):
    path.touch(0o600)
    path.write_text(text)
    return path


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=SECONDS)


@pytest.fixture
def client(assay, tmp_path):
    """The command line on another machine, where the files never were."""
    (tmp_path / "elsewhere").mkdir()
    return Assay(assay.binary, tmp_path / "elsewhere", assay.server)


@pytest.fixture
def version(assay, name, tmp_path):
    """A version of two files that nobody signed."""
    source = tmp_path / "source"
    (source / "a").mkdir(parents=True)
    (source / "digits.onnx").write_bytes((FIXTURES / "digits-1.onnx").read_bytes())
    (source / "a" / "größe.txt").write_text(name)
    assay.ok("push", name, source)
    return f"{name}:1"


@pytest.fixture(scope="module")
def large(binary, server_url, tmp_path_factory):
    """The command line, keys of every kind, and tests/large-message:1, whose signed message is larger than a pipe."""
    client = Assay(binary, tmp_path_factory.mktemp("large"), server_url)
    (client.home / "model").mkdir()
    for number in range(MANY_FILES):
        (client.home / "model" / f"some-file-of-the-model-{number}.txt").write_text(str(number % 7))
    client.ok("push", "tests/large-message", "model")
    client.key()
    client.key("other")
    secret(client.home / "text.pem", "no key\n")
    for file, *options in (("ed25519", "ED25519"), ("secp256k1", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"),
                           ("rsa", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")):
        openssl("genpkey", "-algorithm", *options, "-out", client.home / f"{file}.pem")
        (client.home / f"{file}.pem").chmod(0o600)
    return client


@pytest.fixture
def pulled(assay, version, tmp_path):
    assay.ok("pull", version, tmp_path / "out")
    return tmp_path / "out"


def signatures(registry, assay, version):
    return attached(registry, version.partition(":")[0], digest(assay, version), SIGNATURE)


def protect(assay, name):
    (assay.home / "policy.yaml").write_text(ADMITTING)
    assay.ok("policy", "set", name, "production", "policy.yaml")


# Keys


def test_a_version_is_signed_by_a_client_that_never_had_its_files(client, registry, version, pulled):
    key = client.key()
    with Proxy(int(client.server.rpartition(":")[2])) as proxy:
        client.at(proxy.url).ok("sign", version, "--key", key)
        assert proxy.sent_bytes < 20000
    signature, = signatures(registry, client, version)
    (client.home / "model.sig").write_bytes(signature)
    good, bad = public(key), public(client.key("other"))
    for trusted, code in ((good, 0), (bad, 1)):
        outcome = verify_folder(pulled, "key", "--public_key", trusted, signature=client.home / "model.sig")
        assert (outcome.returncode != 0) == code, outcome.stdout + outcome.stderr


def test_several_keys_of_all_curves_sign_one_version(client, registry, version, pulled):
    for curve in CURVES:
        client.ok("key", "generate", "--out", curve, "--curve", curve)
        told = client.ok("sign", version, "--key", f"{curve}.pem", "--json").json
        assert told["signer"] == key_id(client.home / f"{curve}.pub.pem")
        assert (told["digest"], told["file_count"]) == (digest(client, version), 2)
    found = signatures(registry, client, version)
    assert len(found) == len(CURVES)
    for curve, signature in zip(CURVES, found):
        (client.home / f"{curve}.sig").write_bytes(signature)
        outcome = verify_folder(
            pulled, "key", "--public_key", client.home / f"{curve}.pub.pem", signature=client.home / f"{curve}.sig")
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
        client.ok("pull", version, curve, "--trust", f"{curve}.pub.pem")
        client.ok("check", curve, "--trust", f"{curve}.pub.pem")
        assert (client.home / curve / "model.sig").read_bytes() == signature, f"the signature of {curve}"


def test_a_signature_of_the_tool_is_attached_and_counts(client, registry, name, version, pulled):
    """It signs what it finds in the folder; our list is in another order."""
    key = client.key()
    outcome = subprocess.run(
        [sys.executable, "-m", "model_signing", "sign", "key", pulled, "--signature", client.home / "model.sig",
         "--private_key", key], capture_output=True, text=True, timeout=SECONDS)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    answer = post_signature(registry, version, (client.home / "model.sig").read_text())
    assert answer.status_code == 201, answer.text
    client.ok("attestations", version, "--verify", "--trust", public(key))
    client.ok("pull", version, "out", "--trust", public(key))
    client.ok("key", "trust", public(key), "--repository", name)
    protect(client, name)
    client.ok("promote", version, "production")


def test_signing_twice_by_one_key_is_no_fault(client, registry, version):
    key = client.key()
    for _ in range(2):
        client.ok("sign", version, "--key", key)
    assert signatures(registry, client, version)
    client.ok("attestations", version, "--verify", "--trust", public(key))


def test_a_version_that_no_signature_can_cover_is_not_signed(client, registry, name):
    """Verifiers pass over such a file, so it would pass as signed."""
    layers = [
        registry.push_blob(name, data) | {"mediaType": MODEL_WEIGHT, "annotations": {FILE_PATH_ANNOTATION: path}}
        for path, data in ((".gitignore", b"x"), ("weights.bin", b"y"))]
    config = registry.push_blob(name, b"{}") | {"mediaType": MODEL_CONFIG}
    put(registry, name, "first", image_manifest(layers, artifactType=MODEL_MANIFEST, config=config))
    assert client.run("sign", f"{name}:first", "--key", client.key()).code == REFUSED
    assert attestations(client, f"{name}:first") == []


@pytest.mark.parametrize("arguments, code", [
    (["absent/model:1", "--key", "release.pem"], NOT_FOUND), (["VERSION", "--key", "absent.pem"], NOT_FOUND),
    (["VERSION"], USAGE), (["VERSION", "--signer", "cat"], USAGE), (["VERSION", "--key", "release.pub.pem"], USAGE),
    (["VERSION", "--key", "text.pem"], USAGE), (["VERSION", "--key", "ed25519.pem"], USAGE),
    (["VERSION", "--key", "secp256k1.pem"], USAGE), (["VERSION", "--key", "rsa.pem"], USAGE),
    (["VERSION", "--passphrase-file", "text.pem"], USAGE),
    (["VERSION", "--signer", "cat", "--key", "release.pem"], USAGE)])
def test_a_key_that_cannot_sign_is_told(large, arguments, code):
    outcome = large.run("sign", *("tests/large-message:1" if part == "VERSION" else part for part in arguments))
    assert outcome.code == code, outcome
    assert "error:" in outcome.err and attestations(large, "tests/large-message:1") == []


# Secrets (X11, C7)


@pytest.mark.parametrize("file, mode", [
    ("release.pem", 0o644), ("release.pem", 0o640), ("release.pem", 0o604), ("passphrase", 0o640)])
def test_a_secret_that_others_may_read_is_refused(client, version, file, mode):
    """X11: also where the file is only a passphrase."""
    secret(client.home / "passphrase", PASSPHRASE)
    client.ok("key", "generate", "--out", "release", "--passphrase-file", "passphrase")
    (client.home / file).chmod(mode)
    arguments = ("sign", version, "--key", "release.pem", "--passphrase-file", "passphrase")
    outcome = client.run(*arguments)
    assert outcome.code == USAGE, outcome
    assert f"'{file}'" in outcome.err
    assert attestations(client, version) == []
    (client.home / file).chmod(0o600)
    client.ok(*arguments)


def make_key_by_assay(client):
    client.ok("key", "generate", "--out", "release", "--passphrase-file", "passphrase")


def make_key_by_openssl(client, *options):
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", client.home / "plain.pem")
    openssl("pkcs8", "-topk8", *options, "-in", client.home / "plain.pem", "-out", client.home / "release.pem",
            "-passout", f"pass:{PASSPHRASE}")
    openssl("pkey", "-in", client.home / "plain.pem", "-pubout", "-out", client.home / "release.pub.pem")
    (client.home / "release.pem").chmod(0o600)


# Who made the key, and by what.
ENCRYPTED = {
    "assay": make_key_by_assay,
    "openssl, its default": make_key_by_openssl,
    "openssl, scrypt": lambda client: make_key_by_openssl(client, "-scrypt"),
    "openssl, AES-128 and SHA-512": lambda client: make_key_by_openssl(
        client, "-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512", "-iter", "5000"),
}


@pytest.mark.parametrize("maker", ENCRYPTED)
def test_an_encrypted_key_signs_by_its_passphrase_alone(client, registry, version, pulled, maker):
    secret(client.home / "passphrase", PASSPHRASE + "\n")
    secret(client.home / "wrong", PASSPHRASE + ".\n")
    ENCRYPTED[maker](client)
    assert "ENCRYPTED PRIVATE KEY" in (client.home / "release.pem").read_text()
    key = ("--key", "release.pem")
    for arguments, variables, code in (
            ((), {}, USAGE), (("--passphrase-file", "wrong"), {}, USAGE),
            (("--passphrase-file", "absent"), {}, NOT_FOUND), ((), {"ASSAY_PASSPHRASE": "wrong"}, USAGE)):
        outcome = run(client, "sign", version, *key, *arguments, **variables)
        assert outcome.code == code, outcome
        assert PASSPHRASE not in outcome.out + outcome.err
    assert attestations(client, version) == []
    client.ok("sign", version, *key, "--passphrase-file", "passphrase")
    assert run(client, "sign", version, *key, ASSAY_PASSPHRASE=PASSPHRASE).code == DONE
    (client.home / "model.sig").write_bytes(signatures(registry, client, version)[-1])
    outcome = verify_folder(
        pulled, "key", "--public_key", client.home / "release.pub.pem", signature=client.home / "model.sig")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize("curve", CURVES)
def test_openssl_reads_an_encrypted_key(client, curve):
    secret(client.home / "passphrase", PASSPHRASE)
    client.ok("key", "generate", "--out", "release", "--curve", curve, "--passphrase-file", "passphrase")
    key = load_pem_private_key((client.home / "release.pem").read_bytes(), PASSPHRASE.encode())
    assert key.curve.key_size == int(curve.removeprefix("P-"))
    openssl("pkey", "-in", client.home / "release.pem", "-passin", f"pass:{PASSPHRASE}", "-noout")
    text = subprocess.run(
        ["openssl", "pkey", "-in", client.home / "release.pem", "-passin", f"pass:{PASSPHRASE}", "-pubout"],
        capture_output=True, check=True, timeout=SECONDS).stdout
    assert text == (client.home / "release.pub.pem").read_bytes()


def test_a_passphrase_that_is_empty_protects_nothing_and_is_refused(client):
    secret(client.home / "passphrase", "\n")
    outcome = client.run("key", "generate", "--out", "release", "--passphrase-file", "passphrase")
    assert outcome.code == USAGE, outcome
    assert not (client.home / "release.pem").exists() and not (client.home / "release.pub.pem").exists()


def test_a_key_that_is_there_is_never_overwritten(client):
    before = client.key().read_bytes()
    outcome = client.run("key", "generate", "--out", "release")
    assert outcome.code == CONFLICT, outcome
    (client.home / "release.pem").rename(client.home / "kept.pem")
    outcome = client.run("key", "generate", "--out", "release")
    assert outcome.code == CONFLICT, outcome
    assert not (client.home / "release.pem").exists()
    assert (client.home / "kept.pem").read_bytes() == before


def forms_of(key, pem):
    """How the secret number of a key could stand in a message, a log or a request."""
    number = load_pem_private_key(pem, None).private_numbers().private_value
    raw = number.to_bytes(32, "big")
    body = b"".join(pem.splitlines()[1:-1])
    hexes = [raw.hex().encode(), raw.hex().upper().encode(), str(number).encode(), base64.b64encode(raw)]
    return [raw, body, body[:64], body[-40:], base64.b64decode(body), *hexes]


def test_a_private_key_and_its_passphrase_never_leave_the_machine(assay, server, tmp_path):
    """Neither in any request nor in the log of the server, also where something fails."""
    seen = []
    key = assay.key()
    secret(assay.home / "passphrase", PASSPHRASE)
    pem = key.read_bytes()
    openssl("pkcs8", "-topk8", "-in", key, "-out", assay.home / "locked.pem", "-passout", f"pass:{PASSPHRASE}")
    (assay.home / "locked.pem").chmod(0o600)
    (assay.home / "weights.bin").write_bytes(b"weights")
    (assay.home / "review.json").write_text("{}")
    with Proxy(server.port) as proxy:
        forward = proxy.from_client
        proxy.from_client = lambda data: seen.append(data) or forward(data)
        local = assay.at(proxy.url)
        locked = ("--key", "locked.pem", "--passphrase-file", "passphrase")
        outcomes = [
            local.run("push", "team/model", "weights.bin", "--key", key, "--run-id", "1"),
            local.run("sign", "team/model:1", *locked), local.run("sign", "team/model:2", *locked),
            local.run("attest", "team/model:1", "--type", REVIEW, "--predicate", "review.json", *locked),
            local.run("key", "trust", "release.pub.pem"),
            local.run("attestations", "team/model:1", "--trust", "release.pem"),
            local.run("sign", "team/model:1", "--signer", f"openssl dgst -sha256 -sign {key}", "--key", public(key))]
    assert [outcome.code for outcome in outcomes[:4]] == [DONE, DONE, NOT_FOUND, DONE], outcomes
    sent = b"".join(seen)
    assert b"team/model" in sent, "the relay saw nothing"
    told = "".join(outcome.out + outcome.err for outcome in outcomes).encode()
    for form in [*forms_of(key, pem), PASSPHRASE.encode()]:
        for where, data in (("a request", sent), ("the log", server.log.read_bytes()), ("a message", told)):
            assert form not in data, f"{where} holds it"
    store = b"".join(file.read_bytes() for file in server.store.rglob("*") if file.is_file())
    assert all(form not in store for form in forms_of(key, pem)), "the store holds it"


def test_a_private_key_is_not_taken_as_one_to_trust(assay, server):
    """Whoever takes the wrong one of two files has not given it away."""
    key, seen = assay.key(), []
    with Proxy(server.port) as proxy:
        forward = proxy.from_client
        proxy.from_client = lambda data: seen.append(data) or forward(data)
        outcome = assay.at(proxy.url).run("key", "trust", key)
    assert outcome.code == USAGE, outcome
    assert key_id(public(key)) not in assay.at(server.url).ok("key", "list").out
    assert all(form not in b"".join(seen) for form in forms_of(key, key.read_bytes())), "the key was sent"


# Signers outside


def sign_by(client, version, command, key="release.pub.pem", **options):
    return client.run("sign", version, "--signer", command, "--key", key, **options)


@pytest.mark.parametrize("curve", CURVES)
def test_a_command_signs_in_place_of_a_key(client, registry, version, pulled, curve):
    client.ok("key", "generate", "--out", "release", "--curve", curve)
    outcome = sign_by(client, version, f"openssl dgst -{HASHES[curve]} -sign release.pem")
    assert outcome.code == DONE, outcome
    signature, = signatures(registry, client, version)
    (client.home / "model.sig").write_bytes(signature)
    outcome = verify_folder(
        pulled, "key", "--public_key", client.home / "release.pub.pem", signature=client.home / "model.sig")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_a_command_signs_pushes_and_statements_too(client, name):
    client.key()
    command = ("--signer", "openssl dgst -sha256 -sign release.pem", "--key", "release.pub.pem")
    (client.home / "weights.bin").write_text(name)
    (client.home / "review.json").write_text("{}")
    client.ok("push", name, "weights.bin", "--run-id", "1", *command)
    client.ok("attest", f"{name}:1", "--type", REVIEW, "--predicate", "review.json", *command)
    items = attestations(client, f"{name}:1", "--trust", "release.pub.pem")
    assert {item["status"] for item in items} == {"valid"}
    assert len(items) == 4 and {item["signer"] for item in items} == {key_id(client.home / "release.pub.pem")}


# What a command does instead of signing; large messages do not fit into a pipe at once.
BAD_SIGNERS = {
    "ends with an error": "false", "says nothing": "true", "is not there": "no-such-command",
    "is killed": "kill -9 $$", "gives its input back": "cat", "gives text": "echo signature",
    "signs by another key": "openssl dgst -sha256 -sign other.pem", "signs something else":
    "echo something else | openssl dgst -sha256 -sign release.pem",
    "signs another hash": "openssl dgst -sha512 -sign release.pem",
    "signs and fails": "openssl dgst -sha256 -sign release.pem; exit 3",
    "signs and says more": "openssl dgst -sha256 -sign release.pem; echo more",
    "gives very much": "cat >/dev/null; head -c 10000000 /dev/zero", "stops reading": "head -c 10 >/dev/null; echo 1",
    "has bad quotes": "'",
}


@pytest.mark.parametrize("fault", BAD_SIGNERS)
def test_a_command_that_gives_no_signature_is_told(large, fault):
    outcome = sign_by(large, "tests/large-message:1", BAD_SIGNERS[fault], timeout=SECONDS)
    assert outcome.code == USAGE, outcome
    assert "--signer" in outcome.err
    assert attestations(large, "tests/large-message:1") == []


def test_a_large_message_reaches_the_command(large):
    """It comes last, after those that must attach nothing."""
    copy = large.home / "model" / "one-more.txt"
    copy.write_text("more")
    large.ok("push", "tests/large-message-2", "model")
    outcome = sign_by(large, "tests/large-message-2:1", "openssl dgst -sha256 -sign release.pem")
    assert outcome.code == DONE, outcome
    large.ok("attestations", "tests/large-message-2:1", "--verify", "--trust", "release.pub.pem")


@pytest.mark.parametrize("number", INTERRUPTED)
@pytest.mark.parametrize("command", ["sleep 15", "cat >/dev/null; sleep 15; true"])
def test_a_command_that_hangs_can_be_interrupted(client, version, number, command):
    """X12: by whoever waits for it, and the command does not go on without anybody."""
    client.key()
    with (client.home / "output").open("wb") as output:
        process = client.start(
            "sign", version, "--signer", f"echo $$ >started; {command}", "--key", "release.pub.pem",
            stdout=output, stderr=output, start_new_session=True)
    try:
        started = first_number(client.home / "started")
        process.send_signal(number)
        code = process.wait(INTERRUPTED_SECONDS)
        assert code in (INTERRUPTED[number], -number), (client.home / "output").read_text()
        assert not is_alive(started), "the command goes on without anybody who waits for it"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert attestations(client, version) == []


def first_number(file):
    """The number that a command writes into a file once it runs."""
    for _ in range(200):
        with contextlib.suppress(FileNotFoundError):
            if (text := file.read_text()).endswith("\n"):
                return int(text)
        time.sleep(0.05)
    raise AssertionError("the command was never started")


def is_alive(pid):
    """Whether a process still does something; one that only waits to be collected does not."""
    for _ in range(20):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        time.sleep(0.05)
    return True


# Certificates


def post_signature(registry, version, text):
    return registry.request("POST", "/api/v1/attestations", json={"reference": version, "signature": text})


def push_signature(registry, name, version_digest, text):
    """A signature as any OCI client attaches it: a referrer with the sigstore bundle as its layer."""
    data = text.encode()
    subject = registry.get_manifest(name, version_digest)
    registry.push_blob(name, b"{}")
    layer = registry.push_blob(name, data) | {"mediaType": SIGNATURE}
    put_by_digest(registry, name, image_manifest(
        [layer], artifactType=SIGNATURE,
        annotations={"dev.sigstore.bundle.content": "dsse-envelope",
                     "dev.sigstore.bundle.predicateType": MODEL_SIGNATURE},
        subject=descriptor(subject.content, subject.headers["Content-Type"])))


@pytest.fixture
def root(tmp_path):
    entity = issue("Root", is_authority=True)
    (tmp_path / "root.pem").write_bytes(entity.pem)
    return entity


@pytest.fixture
def model(assay, name, tmp_path):
    """A pushed folder that the tool signs where it lies."""
    source = tmp_path / "signed-model"
    source.mkdir()
    (source / "weights.bin").write_text(name)
    (source / "notes.md").write_text("# Notes\n")
    assay.ok("push", name, source)
    protect(assay, name)
    return source


def counts(assay, name, *files):
    """Whether the evidence of version 1 is valid for whoever trusts these files, by exit codes."""
    trust = [part for file in files for part in ("--trust", file)]
    return (assay.run("attestations", f"{name}:1", "--verify", *trust).code,
            assay.run("pull", f"{name}:1", "pulled", "--force", *trust).code)


@pytest.mark.parametrize("is_referrer", [True, False], ids=["pushed as a referrer", "posted"])
def test_a_certificate_counts_below_its_root_alone(assay, registry, name, model, root, tmp_path, is_referrer):
    signer = issue("Signer", root)
    text = certificates.sign(model, signer, [root], tmp_path / "signing")
    if is_referrer:
        push_signature(registry, name, digest(assay, f"{name}:1"), text)
    else:
        assert post_signature(registry, f"{name}:1", text).status_code == 201
    (tmp_path / "other.pem").write_bytes(issue("Root", is_authority=True).pem)
    (tmp_path / "leaf.pem").write_bytes(signer.pem)
    assert counts(assay, name, "other.pem") == (INTEGRITY, INTEGRITY)
    assert counts(assay, name, CERTIFICATES / "root.pem") == (INTEGRITY, INTEGRITY)
    assert counts(assay, name, "root.pem") == (DONE, DONE)
    outcome = verify_folder(tmp_path / "pulled", "certificate", "--certificate_chain", tmp_path / "root.pem")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assay.ok("key", "trust", "other.pem", "--repository", name)
    assert assay.run("promote", f"{name}:1", "production").code == REFUSED
    assert assay.run("attestations", f"{name}:1", "--verify").code == INTEGRITY
    assay.ok("key", "trust", "root.pem", "--repository", name)
    assay.ok("attestations", f"{name}:1", "--verify")
    assay.ok("promote", f"{name}:1", "production")


def test_the_chain_of_the_fixture_counts(assay, registry, name):
    """A signer below an intermediate, signed by the tool in 2026."""
    assay.ok("push", name, CERTIFICATES / "model")
    push_signature(registry, name, digest(assay, f"{name}:1"), (CERTIFICATES / "model.sig").read_text())
    assert counts(assay, name, CERTIFICATES / "root.pem") == (DONE, DONE)
    for other in ("other", "twin", "past"):
        assert counts(assay, name, CERTIFICATES / "roots" / f"{other}.pem") == (INTEGRITY, INTEGRITY)


# Where each certificate counts as seen from now, root and signer; none of them is right.
BAD_TIMES = {
    "signer expired": ((-DAY, DAY), (-2 * DAY, -DAY / 24)),
    "signer of the future": ((-DAY, 9 * DAY), (DAY, 2 * DAY)),
    "root expired": ((-3 * DAY, -DAY), (-DAY, DAY)),
    "root of the future": ((DAY, 2 * DAY), (-DAY, DAY)),
}


@pytest.mark.parametrize("times", BAD_TIMES)
def test_a_certificate_out_of_its_time_does_not_count(assay, registry, name, model, tmp_path, times):
    """B37."""
    (start, end), (signer_start, signer_end) = BAD_TIMES[times]
    root = issue("Root", is_authority=True, start=start, end=end)
    signer = issue("Signer", root, start=signer_start, end=signer_end)
    (tmp_path / "root.pem").write_bytes(root.pem)
    push_signature(registry, name, digest(assay, f"{name}:1"),
                   certificates.sign(model, signer, [root], tmp_path / "signing"))
    assert counts(assay, name, "root.pem") == (INTEGRITY, INTEGRITY)
    assay.run("key", "trust", "root.pem", "--repository", name)
    outcome = assay.run("promote", f"{name}:1", "production")
    assert outcome.code == REFUSED, outcome
    assert assay.run("attestations", f"{name}:1", "--verify").code == INTEGRITY


def test_a_certificate_that_expired_since_counts_for_what_came_before(assay, registry, name, model, root, tmp_path):
    """B37: the registry knows when the signature came; whoever pulls now has this clock alone."""
    signer = issue("Signer", root, end=DAY / 86400 * 3)
    text = certificates.sign(model, signer, [root], tmp_path / "signing")
    push_signature(registry, name, digest(assay, f"{name}:1"), text)
    assay.ok("key", "trust", "root.pem", "--repository", name)
    assert attestations(assay, f"{name}:1")[0]["status"] == "valid"
    while certificates.now() <= signer.certificate.not_valid_after_utc:
        time.sleep(0.1)
    assert counts(assay, name, "root.pem") == (INTEGRITY, INTEGRITY)
    assay.ok("attestations", f"{name}:1", "--verify")
    assay.ok("promote", f"{name}:1", "production")


def test_a_leaf_or_a_bundle_of_certificates_is_no_root(assay, registry, name, model, root, tmp_path):
    signer = issue("Signer", root)
    text = certificates.sign(model, signer, [root], tmp_path / "signing")
    push_signature(registry, name, digest(assay, f"{name}:1"), text)
    (tmp_path / "leaf.pem").write_bytes(signer.pem)
    outcome = assay.run("key", "trust", "leaf.pem", "--repository", name)
    if outcome.code == DONE:
        assert assay.run("promote", f"{name}:1", "production").code == REFUSED
    else:
        assert outcome.code == USAGE, outcome
    (tmp_path / "two.pem").write_bytes(root.pem + signer.pem)
    outcome = assay.run("key", "trust", "two.pem", "--repository", name)
    assert outcome.code == USAGE, outcome


def flip_signature(text):
    return re.sub(r'("sig":\s*")(.)(.)', lambda found: found[1] + found[2] + ("A" if found[3] != "A" else "B"), text)


def without_chain(text):
    return re.sub(r'"rawBytes":\s*"[^"]*"', '"rawBytes": ""', text)


def of_other_mode(text):
    return text.replace('"x509CertificateChain"', '"publicKey": {"hint": "0"}, "x509CertificateChain"')


@pytest.mark.parametrize("change", [flip_signature, without_chain, of_other_mode, lambda text: text + "{}"])
def test_a_damaged_certificate_signature_does_not_count(assay, registry, name, model, root, tmp_path, change):
    text = change(certificates.sign(model, issue("Signer", root), [root], tmp_path / "signing"))
    answer = post_signature(registry, f"{name}:1", text)
    assert answer.status_code in (201, 422), answer.text
    if answer.status_code == 422:
        assert attestations(assay, f"{name}:1") == []
        push_signature(registry, name, digest(assay, f"{name}:1"), text)
    assert counts(assay, name, "root.pem") == (INTEGRITY, INTEGRITY)
    assay.ok("key", "trust", "root.pem", "--repository", name)
    assert assay.run("promote", f"{name}:1", "production").code == REFUSED


def test_a_signature_of_other_files_is_not_attached(assay, registry, name, model, root, tmp_path):
    (model / "notes.md").write_text("# Other notes\n")
    text = certificates.sign(model, issue("Signer", root), [root], tmp_path / "signing")
    answer = post_signature(registry, f"{name}:1", text)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] in ("digest-mismatch", "signature-invalid")
    push_signature(registry, name, digest(assay, f"{name}:1"), text)
    assert counts(assay, name, "root.pem") == (INTEGRITY, INTEGRITY)


def test_one_bad_signature_does_not_take_a_good_one_away(assay, registry, name, model, root, tmp_path):
    """Whoever may push could otherwise keep any version out of production."""
    key = assay.key()
    assay.ok("sign", f"{name}:1", "--key", key)
    push_signature(registry, name, digest(assay, f"{name}:1"), "no signature")
    assay.ok("key", "trust", public(key), "--repository", name)
    assay.ok("promote", f"{name}:1", "production")
    assay.ok("pull", f"{name}:production", "pulled", "--trust", public(key))
    assert assay.run("attestations", f"{name}:1", "--verify").code == INTEGRITY
