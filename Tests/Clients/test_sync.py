"""`skopeo sync` brings whole repositories to another registry, and unknown parameters are passed over everywhere."""

import subprocess

import pytest
from harness import FIXTURES, Registry, digest_of, public

SYNC_SECONDS = 120


def sync(source, target, *options):
    return subprocess.run(
        ["skopeo", "--insecure-policy", "sync", "--all", "--preserve-digests", "--src", "docker", "--dest", "docker",
         "--src-tls-verify=false", "--dest-tls-verify=false", *options, source, target],
        capture_output=True, text=True, timeout=SYNC_SECONDS)


@pytest.fixture
def story(assay, server):
    """Twelve versions, so that numbers are not in the order of their texts, two of them with aliases."""
    assay = assay.at(server.url)
    key = assay.key()
    for number in range(1, 13):
        (assay.home / "weights.bin").write_bytes(b"weights %d" % number)
        assay.ok("push", "team/fraud", "weights.bin", "--key", key)
    assay.ok("alias", "set", "team/fraud", "candidate", "3")
    assay.ok("alias", "set", "team/fraud", "latest", "12")
    return assay


def versions(url):
    items = Registry(url).get("/api/v1/versions?repository=team/fraud&limit=100").json()["items"]
    return {item["number"]: (item["manifest_digest"], item["aliases"]) for item in items}


def test_a_mirror_has_every_version_once_under_its_number(story, server, serve):
    mirror = serve()
    done = sync(f"{server.address}/team/fraud", f"{mirror.address}/team")
    assert done.returncode == 0, done.stderr
    assert versions(mirror.url) == versions(server.url) and len(versions(mirror.url)) == 12
    tags = Registry(mirror.url).get("/v2/team/fraud/tags/list").json()["tags"]
    assert tags == sorted([*map(str, range(1, 13)), "candidate", "latest"])
    again = sync(f"{server.address}/team/fraud", f"{mirror.address}/team")
    assert again.returncode == 0 and versions(mirror.url) == versions(server.url), again.stderr


def test_a_mirror_keeps_its_own_protected_alias(story, server, serve):
    mirror = serve()
    there = story.at(mirror.url)
    (story.home / "policy.yaml").write_text("version: 1\n")
    there.ok("key", "trust", public(story.home / "release.pem"))
    there.ok("policy", "set", "team/fraud", "latest", "policy.yaml", "--create")
    done = sync(f"{server.address}/team/fraud", f"{mirror.address}/team", "--keep-going")
    assert done.returncode != 0 and "protected by a policy" in done.stderr, done.stderr
    assert sorted(versions(mirror.url)) == list(range(1, 13))
    assert versions(mirror.url)[12][1] == [] and versions(mirror.url)[3][1] == ["candidate"]


# Parameters that nobody reads


def test_tags_beside_a_digest_are_passed_over_however_often_they_come(registry, name):
    """End-7b of the specification after 1.1.1: who sends it looks for OCI-Tag in the answer."""
    registry.push_artifact(name, "first", FIXTURES.joinpath("digits-1.yaml").read_bytes())
    manifest = registry.get_manifest(name, "first")
    for query in ("tag=second", "tag=second&tag=third", "tag=", "tag=a%2Fb&tag=latest", "x=1&x=2"):
        answer = registry.request(
            "PUT", f"/v2/{name}/manifests/{digest_of(manifest.content)}?{query}", data=manifest.content,
            headers={"Content-Type": manifest.headers["Content-Type"]})
        assert answer.status_code == 201 and "OCI-Tag" not in answer.headers, (query, answer.text)
    assert registry.get(f"/v2/{name}/tags/list").json()["tags"] == ["1", "first"]


@pytest.mark.parametrize("path", [
    "/v2/", "/v2/NAME/tags/list", "/v2/NAME/manifests/first", "/api/v1/versions/NAME:first",
    "/api/v1/versions?repository=NAME", "/api/v1/aliases?repository=NAME", "/api/v1/repositories", "/log/checkpoint"])
def test_parameters_that_nobody_reads_change_nothing(registry, name, path):
    registry.push_artifact(name, "first", b"some content")
    path = path.replace("NAME", name)
    first = registry.get(path)
    for query in ("unknown=1", "unknown=1&unknown=2", "tag=1&tag=2"):
        answer = registry.get(f"{path}{'&' if '?' in path else '?'}{query}")
        assert answer.status_code == first.status_code == 200, (path, query)
    for key in ("repository", "limit"):
        if f"{key}=" in path:
            assert registry.get(f"{path}&{key}=x").status_code == 400
