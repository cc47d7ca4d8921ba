"""Promotions with the evidence at hand: how long the answer takes, and what is done behind it."""

import json
import os
import statistics
import time

import requests
from figures import MIB, at_most, random_file, seconds
from processes import AssayServer, BenchmarkError, run

ALIAS = "production"
SMALL_BYTES = 16 * MIB
ANSWER_MILLISECONDS = 50
# Of one pass of checksums over bytes in memory: far below what XXH3 reaches, above what a hash does.
CHECKSUMS_MILLISECONDS_PER_MEBIBYTE = 1
BEHIND_SECONDS = 5
PAUSE_SECONDS = 0.02
LOG_PROOF = "application/vnd.assay.tlog-proof.v1"
REQUEST_SECONDS = 60


def promotions(setting):
    """Signed versions of 16 MiB, and of the large file, each promoted in turn over the other."""
    rows = []
    with AssayServer(setting.binary, setting.folder / "server") as server:
        environment = os.environ | {"HOME": str(setting.folder), "ASSAY_SERVER": server.url}
        key = setting.folder / "key"
        run(setting.binary, "key", "generate", "--out", key)
        run(setting.binary, "key", "trust", key.with_suffix(".pub.pem"), env=environment)
        for name, size in (("small", SMALL_BYTES), ("large", setting.file_bytes)):
            repository = f"bench/{name}"
            for part in ("one", "two"):
                file = random_file(setting.folder / f"{name}-{part}.bin", size)
                run(setting.binary, "push", repository, file, "--key", key.with_suffix(".pem"), env=environment)
                file.unlink()
            policy = setting.folder / "policy.json"
            policy.write_text(json.dumps({"version": 1}))
            run(setting.binary, "policy", "set", repository, ALIAS, policy, env=environment)
            rows += promoted_in_turn(setting, server.url, repository, size)
    return rows


def promoted_in_turn(setting, url, repository, size):
    times, behind = [], []
    for turn in range(2 * setting.rounds):
        version = f"{repository}:{1 + turn % 2}"
        known = proofs(url, repository, version)
        times.append(seconds(promote, url, version) * 1000)
        answered = time.perf_counter()
        while proofs(url, repository, version) <= known:
            if time.perf_counter() - answered > 4 * BEHIND_SECONDS:
                raise BenchmarkError(f"nothing proves the promotion of {version}")
            time.sleep(PAUSE_SECONDS)
        behind.append(time.perf_counter() - answered)
    demanded = ANSWER_MILLISECONDS
    if size > SMALL_BYTES:
        demanded += CHECKSUMS_MILLISECONDS_PER_MEBIBYTE * size / MIB
    note = f"slowest {max(times):.1f} ms"
    return [
        at_most(f"promote a version of {size // MIB} MiB", statistics.median(times), demanded, "ms", note),
        at_most(f"until the proof is attached, {size // MIB} MiB", max(behind), BEHIND_SECONDS, "s"),
    ]


def promote(url, version):
    answer = requests.post(
        f"{url}/api/v1/promotions", json={"reference": version, "alias": ALIAS}, timeout=REQUEST_SECONDS)
    if answer.status_code != 200 or answer.json()["state"] != "promoted":
        raise BenchmarkError(f"{version} was not promoted: {answer.text}")


def proofs(url, repository, version):
    digest = requests.get(f"{url}/api/v1/versions/{version}", timeout=REQUEST_SECONDS).json()["manifest_digest"]
    answer = requests.get(
        f"{url}/v2/{repository}/referrers/{digest}?artifactType={LOG_PROOF}", timeout=REQUEST_SECONDS)
    return len(answer.json()["manifests"])
