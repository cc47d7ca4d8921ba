"""Bundles that are not as they were exported.

`Bundles` has a good one; a mutation, by its name and a seed, makes a bad one of it, and the program says what it thinks
of that. Used by the benchmark's part `mutations`.
"""

import base64
import hashlib
import json
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness import Assay, Outcome, Server, digest_of
from mutations import (
    INTEGRITY, REFUSED, canonical, change_bytes, copy_store, cut, database, drop_bytes, extend, flip, push_digits,
    running)

TAR_BLOCK = 512
INDEX = "index.json"
REPOSITORY_LABEL, NUMBER_LABEL = "dev.assay.repository", "org.opencontainers.image.ref.name"
SIGNATURE = "application/vnd.dev.sigstore.bundle.v0.3+json"
STATEMENT = "application/vnd.dsse.envelope.v1+json"
LOG_PROOF = "application/vnd.assay.tlog-proof.v1"
BILL = "application/vnd.cyclonedx+json"


@dataclass(frozen=True)
class Bundles:
    """A good bundle of a promoted version, whom to trust, and an empty store that may import."""

    binary: Path
    good: bytes
    trust: Path
    empty: Path


def make_bundle(binary: Path, folder: Path) -> Bundles:
    server = Server(binary, folder).create_store()
    local = Assay(binary, folder, server.url)
    with running(server):
        push_digits(local)
        local.ok("bundle", "export", "digits:production", "-o", "good.tar")
        local.ok("key", "export", "-o", "root.json")
    Assay(binary, folder).ok("init", "empty")
    return Bundles(binary, (folder / "good.tar").read_bytes(), folder / "root.json", folder / "empty")


@dataclass(frozen=True)
class BundleTrial:
    """One bad bundle, and what the program says when it is to check and to import it."""

    name: str
    seed: int
    check: Outcome
    load: Outcome
    versions: int

    @property
    def is_refused(self) -> bool:
        return self.check.code in (INTEGRITY, REFUSED) and self.load.code in (INTEGRITY, REFUSED) and not self.versions

    def __str__(self) -> str:
        return (f"{self.name} (seed {self.seed})\nverify: {self.check}\nimport: {self.load}\n"
                f"{self.versions} versions after it")


def try_bundle(bundles: Bundles, data: bytes, folder: Path) -> tuple[Outcome, Outcome, int]:
    """What verify and import say of a bundle, and how many versions the store has that was to import it."""
    folder.mkdir()
    try:
        path, other = folder / "x.tar", copy_store(bundles.empty, folder / "other")
        path.write_bytes(data)
        assay = Assay(bundles.binary, folder)
        check = assay.run("bundle", "verify", path, "--trust", bundles.trust)
        load = assay.run("--store", other, "bundle", "import", path, "--trust", bundles.trust)
        with database(other) as connection:
            versions = connection.execute("SELECT count(*) FROM versions").fetchone()[0]
        return check, load, versions
    finally:
        shutil.rmtree(folder)


def attempt_bundle(bundles: Bundles, name: str, seed: int, folder: Path) -> BundleTrial:
    data = BUNDLE_MUTATIONS[name](bundles.good, random.Random(f"{name} {seed}"))
    assert data != bundles.good, f"{name} (seed {seed}) changes nothing"
    return BundleTrial(name, seed, *try_bundle(bundles, data, folder))


def bundle_name_of(seed: int) -> str:
    """The mutation of bundles that a seed stands for."""
    return random.Random(seed).choice(list(BUNDLE_MUTATIONS))


# The members of a tar


@dataclass(frozen=True)
class Member:
    header: bytes
    content: bytes

    @property
    def name(self) -> str:
        return self.header[:100].rstrip(b"\0").decode()

    @property
    def padding(self) -> bytes:
        return bytes(-len(self.content) % TAR_BLOCK)

    def but(self, name: str | None = None, content: bytes | None = None) -> "Member":
        """The same with another name or content; size and checksum of the header fit."""
        content = self.content if content is None else content
        head = (name or self.name).encode().ljust(100, b"\0") + self.header[100:124]
        head += b"%011o " % len(content) + self.header[136:148] + b" " * 8 + self.header[156:]
        return Member(head[:148] + b"%06o\0 " % sum(head) + head[156:], content)


def members_of(data: bytes) -> list[Member]:
    members, start = [], 0
    while data[start:start + TAR_BLOCK].strip(b"\0"):
        size = int(data[start + 124:start + 135], 8)
        begin = start + TAR_BLOCK
        members.append(Member(data[start:begin], data[begin:begin + size]))
        start = begin + size + -size % TAR_BLOCK
    assert tar_of(members) == data, "the bundle is no plain tar"
    return members


def tar_of(members: list[Member]) -> bytes:
    return b"".join(each.header + each.content + each.padding for each in members) + bytes(2 * TAR_BLOCK)


def parts_of(data: bytes) -> dict[str, list[tuple[int, int]]]:
    """Where the bytes of each kind lie."""
    parts: dict[str, list[tuple[int, int]]] = {"header": [], "content": [], "padding": []}
    start = 0
    for member in members_of(data):
        for kind, size in (("header", TAR_BLOCK), ("content", len(member.content)), ("padding", len(member.padding))):
            if size:
                parts[kind].append((start, start + size))
            start += size
    return parts | {"end": [(start, len(data))], "index": [parts["content"][1]]}


BundleMutation = Callable[[bytes, random.Random], bytes]
BUNDLE_MUTATIONS: dict[str, BundleMutation] = {
    "flip a bit": flip,
    "change bytes": change_bytes,
    "cut": cut,
    "drop a byte": drop_bytes,
    "append bytes": extend,
    "append it once more": lambda data, moment: data + data,
    "cut its end": lambda data, moment: data[:-moment.randint(1, 2 * TAR_BLOCK)],
}


def bundle_mutation(name: str) -> Callable[[BundleMutation], BundleMutation]:
    def register(function: BundleMutation) -> BundleMutation:
        assert name not in BUNDLE_MUTATIONS, name
        BUNDLE_MUTATIONS[name] = function
        return function

    return register


def flip_part(kind: str) -> BundleMutation:
    return lambda data, moment: flip(data, moment, *moment.choice(parts_of(data)[kind]))


for kind in ("header", "content", "padding", "end", "index"):
    BUNDLE_MUTATIONS[f"flip a bit of a part: {kind}"] = flip_part(kind)


@bundle_mutation("insert a byte")
def insert_byte(data: bytes, moment: random.Random) -> bytes:
    place = moment.randrange(len(data))
    return data[:place] + moment.randbytes(1) + data[place:]


@bundle_mutation("cut at a member")
def cut_at_member(data: bytes, moment: random.Random) -> bytes:
    """With and without an end marker behind what is left."""
    members = members_of(data)
    rest = tar_of(members[:moment.randrange(len(members))])
    return rest if moment.random() < 0.5 else rest[:-2 * TAR_BLOCK]


def member_mutation(name: str) -> Callable[[Callable[[list[Member], random.Random], None]], object]:
    """A mutation that changes the list of members in place."""
    def register(work: Callable[[list[Member], random.Random], None]) -> object:
        def mutate(data: bytes, moment: random.Random) -> bytes:
            members = members_of(data)
            work(members, moment)
            return tar_of(members)

        BUNDLE_MUTATIONS[name] = mutate
        return work

    return register


def blob_member(members: list[Member], content: bytes) -> Member:
    return members[-1].but("blobs/sha256/" + hashlib.sha256(content).hexdigest(), content)


@member_mutation("swap two members")
def swap_members(members: list[Member], moment: random.Random) -> None:
    one, other = moment.sample(range(len(members)), 2)
    members[one], members[other] = members[other], members[one]


@member_mutation("move a member")
def move_member(members: list[Member], moment: random.Random) -> None:
    one, other = moment.sample(range(len(members)), 2)
    members.insert(other, members.pop(one))


@member_mutation("remove a member")
def remove_member(members: list[Member], moment: random.Random) -> None:
    del members[moment.randrange(len(members))]


@member_mutation("double a member")
def double_member(members: list[Member], moment: random.Random) -> None:
    one = moment.randrange(len(members))
    members.insert(moment.randint(0, len(members)), members[one])


@member_mutation("add a blob")
def add_blob(members: list[Member], moment: random.Random) -> None:
    """Nothing calls for it; it stands where its name belongs, or anywhere."""
    blob = blob_member(members, moment.randbytes(100))
    place = next((place for place, each in enumerate(members) if place > 6 and each.name > blob.name), len(members))
    members.insert(place if moment.random() < 0.5 else moment.randint(0, len(members)), blob)


@member_mutation("add a file")
def add_file(members: list[Member], moment: random.Random) -> None:
    name = moment.choice(["a", "manifest.json", "blobs/note", "zzz", "../note"])
    members.insert(moment.randint(0, len(members)), members[0].but(name, b"note"))


@member_mutation("rename a member")
def rename_member(members: list[Member], moment: random.Random) -> None:
    one = moment.randrange(len(members))
    name = members[one].name
    members[one] = members[one].but(name[:-1] + moment.choice("0123456789abcdef".replace(name[-1], "")))


@member_mutation("put other content into a member")
def replace_content(members: list[Member], moment: random.Random) -> None:
    one = moment.randrange(len(members))
    members[one] = members[one].but(content=moment.choice([b"", b"{}\n", members[one].content[:-1] + b"\0"]))


@member_mutation("exchange the contents of two members")
def exchange_contents(members: list[Member], moment: random.Random) -> None:
    one, other = moment.sample(range(len(members)), 2)
    mine, theirs = members[one].content, members[other].content
    members[one], members[other] = members[one].but(content=theirs), members[other].but(content=mine)


# The index and what it names


def index_mutation(name: str) -> Callable[[Callable[[list[dict], random.Random], None]], object]:
    """A mutation that changes the entries of the index in place; the members stay."""
    def register(work: Callable[[list[dict], random.Random], None]) -> object:
        def change(members: list[Member], moment: random.Random) -> None:
            index = json.loads(members[1].content)
            work(index["manifests"], moment)
            members[1] = members[1].but(content=canonical(index))

        member_mutation(name)(change)
        return work

    return register


@index_mutation("double an entry of the index")
def double_index_entry(entries: list[dict], moment: random.Random) -> None:
    entries.insert(moment.randint(0, len(entries)), moment.choice(entries))


@index_mutation("remove an entry of the index")
def remove_index_entry(entries: list[dict], moment: random.Random) -> None:
    del entries[moment.randrange(len(entries))]


@index_mutation("swap two entries of the index")
def swap_index_entries(entries: list[dict], moment: random.Random) -> None:
    one, other = moment.sample(range(len(entries)), 2)
    entries[one], entries[other] = entries[other], entries[one]


@index_mutation("change a type in the index")
def change_index_type(entries: list[dict], moment: random.Random) -> None:
    entry = moment.choice(entries)
    entry[moment.choice(["mediaType", "artifactType"])] = "application/vnd.example.forged"


@index_mutation("change a size in the index")
def change_index_size(entries: list[dict], moment: random.Random) -> None:
    moment.choice(entries)["size"] += moment.choice((-1, 1))


@index_mutation("change the repository in the index")
def change_index_repository(entries: list[dict], moment: random.Random) -> None:
    entries[0]["annotations"][REPOSITORY_LABEL] = moment.choice(["digit", "digits-train", "team/fraud"])


@index_mutation("change the number in the index")
def change_index_number(entries: list[dict], moment: random.Random) -> None:
    entries[0]["annotations"][NUMBER_LABEL] = str(moment.randint(3, 99))


@dataclass
class Layout:
    """A bundle taken apart, so that what names something can follow when it changes."""

    members: list[Member]
    index: dict = field(init=False)
    blobs: dict[str, bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.index = json.loads(self.members[1].content)
        self.blobs = {digest_of(each.content): each.content for each in self.members[2:]}

    @property
    def entries(self) -> list[dict]:
        return self.index["manifests"]

    def manifest(self, entry: dict) -> dict:
        return json.loads(self.blobs[entry["digest"]])

    def put(self, old: str, content: bytes, is_evidence_bound: bool) -> None:
        """Puts other content in the place of a blob; the manifests that name it follow, and what names those.

        What evidence speaks of follows too, if it is to be bound to what it becomes.
        """
        new = digest_of(content)
        self.blobs[new] = content
        for entry in self.entries:
            if entry["digest"] == old:
                entry.update(digest=new, size=len(content))
        for entry in list(self.entries):
            manifest = self.manifest(entry)
            names = [manifest["config"], *manifest["layers"]]
            if is_evidence_bound and "subject" in manifest:
                names.append(manifest["subject"])
            stale = [each for each in names if each["digest"] == old]
            for each in stale:
                each.update(digest=new, size=len(content))
            if stale:
                self.put(entry["digest"], canonical(manifest), is_evidence_bound)

    def tar(self) -> bytes:
        """The bundle with exactly what the index calls for, in the order of the format."""
        self.entries[1:] = sorted(self.entries[1:], key=lambda entry: entry["digest"])
        manifests = [entry["digest"] for entry in self.entries]
        named = {each["digest"] for entry in self.entries for manifest in [self.manifest(entry)]
                 for each in [manifest["config"], *manifest["layers"]]}
        blobs = [blob_member(self.members, self.blobs[digest]) for digest in manifests + sorted(named)]
        return tar_of([self.members[0], self.members[1].but(content=canonical(self.index)), *blobs])


def layout_mutation(name: str, is_evidence_bound: bool, choose: Callable[[Layout, random.Random], str],
                    work: BundleMutation) -> None:
    """Changes a blob and all that names it."""
    def mutate(data: bytes, moment: random.Random) -> bytes:
        layout = Layout(members_of(data))
        assert layout.tar() == data, "the bundle is not in its own form"
        digest = choose(layout, moment)
        layout.put(digest, work(layout.blobs[digest], moment), is_evidence_bound)
        return layout.tar()

    BUNDLE_MUTATIONS[name] = mutate


def some_file(layout: Layout, moment: random.Random) -> str:
    return moment.choice(layout.manifest(layout.entries[0])["layers"])["digest"]


def the_config(layout: Layout, moment: random.Random) -> str:
    return layout.manifest(layout.entries[0])["config"]["digest"]


def the_manifest(layout: Layout, moment: random.Random) -> str:
    return layout.entries[0]["digest"]


def evidence(kind: str) -> Callable[[Layout, random.Random], str]:
    """Some evidence of one type."""
    def choose(layout: Layout, moment: random.Random) -> str:
        found = [entry for entry in layout.entries[1:] if entry["artifactType"] == kind]
        return layout.manifest(moment.choice(found))["layers"][0]["digest"]

    return choose


def change_config(data: bytes, moment: random.Random) -> bytes:
    config = json.loads(data)
    return canonical(config | {"descriptor": config.get("descriptor", {}) | {"name": "forged"}})


def annotate(data: bytes, moment: random.Random) -> bytes:
    manifest = json.loads(data)
    return canonical(manifest | {"annotations": manifest.get("annotations", {}) | {"note": "forged"}})


def lie(data: bytes, moment: random.Random) -> bytes:
    """Changes a bit of what an envelope says, also of one within a signature's own bundle."""
    document = json.loads(data)
    envelope = document.get("dsseEnvelope", document)
    envelope["payload"] = base64.b64encode(flip(base64.b64decode(envelope["payload"]), moment)).decode()
    return canonical(document)


ORIGIN = re.compile(rb"assay\.dev/log/[0-9a-f]{16}")


def flip_proof(data: bytes, moment: random.Random) -> bytes:
    """Changes a bit of anything but the name of the log."""
    names = [place for found in ORIGIN.finditer(data) for place in range(*found.span())]
    place = moment.choice(sorted(set(range(len(data))).difference(names)))
    return flip(data, moment, place, place + 1)


def rename_log(data: bytes, moment: random.Random) -> bytes:
    return ORIGIN.sub(b"assay.dev/log/" + moment.randbytes(8).hex().encode(), data)


def change_bill(data: bytes, moment: random.Random) -> bytes:
    document = json.loads(data)
    moment.choice(document["components"])["name"] = "forged"
    return canonical(document)


for is_bound, words in ((False, "up to the manifest"), (True, "everywhere")):
    layout_mutation(f"replace a file, {words}", is_bound, some_file, change_bytes)
    layout_mutation(f"replace the config, {words}", is_bound, the_config, change_config)
    layout_mutation(f"annotate the manifest, {words}", is_bound, the_manifest, annotate)
layout_mutation("change a statement and all that names it", True, evidence(STATEMENT), lie)
layout_mutation("change a signature and all that names it", True, evidence(SIGNATURE), lie)
layout_mutation("change a proof of the log and all that names it", True, evidence(LOG_PROOF), flip_proof)
layout_mutation("let a proof be of another log", True, evidence(LOG_PROOF), rename_log)
layout_mutation("change the bill of materials and all that names it", True, evidence(BILL), change_bill)


@bundle_mutation("take the signature away")
def take_signature(data: bytes, moment: random.Random) -> bytes:
    layout = Layout(members_of(data))
    layout.entries[:] = [entry for entry in layout.entries if entry["artifactType"] != SIGNATURE]
    return layout.tar()


@bundle_mutation("take all evidence away")
def take_evidence(data: bytes, moment: random.Random) -> bytes:
    layout = Layout(members_of(data))
    del layout.entries[1:]
    return layout.tar()
