"""buildah and podman build, push, pull and list images, with all their storage in the test's own folder."""

import json
import os
import subprocess

import pytest
from distribution import index_of, put, put_by_digest, tags_of
from harness import OCI_INDEX, OCI_MANIFEST

TOOL_SECONDS = 120
NOTE = "a model of nothing\n"
POLICY = {"default": [{"type": "insecureAcceptAnything"}]}
STORAGE = """\
[storage]
driver = "vfs"
graphroot = "{0}/graph"
runroot = "{0}/run-root"
"""
ENGINE = """\
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
tmp_dir = "{0}/engine"
static_dir = "{0}/static"
volume_path = "{0}/volumes"
[network]
network_config_dir = "{0}/networks"
"""


class Tools:
    """buildah and podman over a storage of their own; neither starts a container."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "storage.conf").write_text(STORAGE.format(folder))
        (folder / "containers.conf").write_text(ENGINE.format(folder))
        (folder / "registries.conf").write_text("")
        (folder / "policy.json").write_text(json.dumps(POLICY))
        for name in ("home", "run", "tmp"):
            (folder / name).mkdir(mode=0o700)

    def environment(self):
        return os.environ | {
            "HOME": str(self.folder / "home"), "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "TMPDIR": str(self.folder / "tmp"), "BUILDAH_ISOLATION": "chroot",
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(self.folder / "registries.conf")}

    def run(self, *arguments):
        outcome = subprocess.run(
            list(map(str, arguments)), env=self.environment(), cwd=self.folder, capture_output=True, text=True,
            timeout=TOOL_SECONDS)
        assert outcome.returncode == 0, outcome.stderr
        return outcome.stdout.strip()

    def move(self, tool, command, *arguments):
        """`push` or `pull`: the commands that speak to the server."""
        return self.run(
            tool, command, "--signature-policy", self.folder / "policy.json", "--tls-verify=false", *arguments)

    def build(self, name):
        """An image with one file in it, under a name of this storage."""
        (self.folder / "notes.txt").write_text(NOTE)
        container = self.run("buildah", "from", "scratch")
        self.run("buildah", "copy", container, "notes.txt", "/models/")
        self.run("buildah", "config", "--label", "made.by=buildah", container)
        self.run("buildah", "commit", "--signature-policy", self.folder / "policy.json", container, name)
        self.run("buildah", "rm", container)

    def images(self, tool):
        """The names with tags that the storage holds."""
        name = {"buildah": "{{.Name}}", "podman": "{{.Repository}}"}[tool]
        return set(self.run(tool, "images", "--format", name + ":{{.Tag}}").split())

    def note_in(self, image):
        """The file in an image, read without running anything."""
        container = self.run("podman", "create", image, "/none")
        self.run("podman", "cp", f"{container}:/models/notes.txt", "out.txt")
        self.run("podman", "rm", container)
        return (self.folder / "out.txt").read_text()


@pytest.fixture
def tools(tmp_path):
    return Tools(tmp_path)


@pytest.fixture
def target(server_url, name):
    """What the tools call the repository."""
    return f"{server_url.removeprefix('http://')}/{name}"


@pytest.fixture
def pushed(tools, target):
    """An image that buildah built and pushed as `first`, and that no storage here holds any more."""
    tools.build("localhost/made:1")
    tools.move("buildah", "push", "localhost/made:1", f"docker://{target}:first")
    tools.run("buildah", "rmi", "--all", "--force")
    return f"{target}:first"


def test_an_image_is_pushed_and_is_a_version(registry, name, pushed):
    assert tags_of(registry, name) == ["1", "first"]
    manifest = registry.get_manifest(name, "first")
    assert manifest.headers["Content-Type"] == OCI_MANIFEST
    config = registry.get(f"/v2/{name}/blobs/{manifest.json()['config']['digest']}").json()
    assert config["config"]["Labels"]["made.by"] == "buildah"


@pytest.mark.parametrize("tool", ["buildah", "podman"])
def test_an_image_is_pulled(tools, pushed, tool):
    assert tools.images(tool) == set()
    tools.move(tool, "pull", pushed)
    assert tools.images(tool) == {pushed}
    assert tools.note_in(pushed) == NOTE


def test_an_image_is_pulled_by_its_digest(tools, registry, name, target, pushed):
    digest = registry.get_manifest(name, "first", "HEAD").headers["Docker-Content-Digest"]
    tools.move("podman", "pull", f"{target}@{digest}")
    assert tools.note_in(f"{target}@{digest}") == NOTE


def test_podman_pushes_what_it_pulled(tools, registry, name, target, pushed):
    tools.move("podman", "pull", pushed)
    tools.run("podman", "tag", pushed, f"{target}-copy:second")
    tools.move("podman", "push", f"{target}-copy:second")
    assert tags_of(registry, f"{name}-copy") == ["1", "second"]
    tools.run("podman", "rmi", "--all", "--force")
    tools.move("buildah", "pull", f"{target}-copy:second")
    assert tools.note_in(f"{target}-copy:second") == NOTE


def test_an_image_is_pushed_as_a_docker_one(tools, registry, name, target, pushed):
    tools.move("podman", "pull", pushed)
    tools.move("podman", "push", "--format=v2s2", pushed, f"docker://{target}:docker")
    kind = registry.get_manifest(name, "docker").headers["Content-Type"]
    assert kind == "application/vnd.docker.distribution.manifest.v2+json"
    tools.run("podman", "rmi", "--all", "--force")
    tools.move("podman", "pull", f"{target}:docker")
    assert tools.note_in(f"{target}:docker") == NOTE


def test_the_same_image_again_is_the_same_version(tools, registry, name, target, pushed):
    tools.move("podman", "pull", pushed)
    for tag in ("second", "third"):
        tools.move("podman", "push", pushed, f"docker://{target}:{tag}")
    references = ("second", "third")
    digests = {registry.get_manifest(name, tag, "HEAD").headers["Docker-Content-Digest"] for tag in references}
    assert len(digests) == 1


def test_an_index_is_pushed(tools, registry, name, target, pushed):
    tools.run("podman", "manifest", "create", "both")
    tools.run("podman", "manifest", "add", "--tls-verify=false", "both", f"docker://{pushed}")
    tools.run("podman", "manifest", "push", "--tls-verify=false", "both", f"docker://{target}-index:both")
    index = registry.get_manifest(f"{name}-index", "both")
    assert index.headers["Content-Type"] == OCI_INDEX
    child, = index.json()["manifests"]
    assert registry.get_manifest(f"{name}-index", child["digest"]).status_code == 200


def test_an_image_of_an_index_is_pulled(tools, registry, name, target, pushed):
    child = put_by_digest(registry, name, registry.get_manifest(name, "first").json())
    here = tools.run("podman", "info", "--format", "{{.Host.Arch}}")
    others = [child | {"platform": {"os": "linux", "architecture": kind}} for kind in (here, "sparc")]
    put(registry, name, "index", index_of(others), OCI_INDEX)
    tools.move("podman", "pull", f"{target}:index")
    assert tools.note_in(f"{target}:index") == NOTE


def test_tags_are_listed(tools, target, pushed):
    listed = tools.run("podman", "search", "--list-tags", "--tls-verify=false", target)
    assert [line.split()[1] for line in listed.splitlines()[1:]] == ["1", "first"]
