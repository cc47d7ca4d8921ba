"""A verifier of transparency logs, written from the public specifications alone.

C2SP signed-note 1.0.0, tlog-checkpoint 1.0.0, tlog-tiles v0.1.0 and tlog-proof v1; RFC 6962 and RFC 9162 for the tree.
It shares no code with the log that it checks. Whatever is not exactly as specified raises `Invalid`.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import requests
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

HASH_BYTES = 32
KEY_ID_BYTES = 4
ED25519 = b"\x01"
NOTE_BYTES_MAX = 1 << 20
SIGNATURES_MAX = 64
NUMBER_MAX = (1 << 63) - 1
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
ENTRIES = "entries"
PROOF_HEADER = "c2sp.org/tlog-proof@v1"
EMPTY_ROOT = hashlib.sha256(b"").digest()
FETCH_SECONDS = 30

# The bytes behind a path such as `tile/0/000`, relative to the log's prefix; a LookupError where there are none.
Fetch = Callable[[str], bytes]


class Invalid(Exception):
    """Something is not of its form, or does not fit what was signed."""


def demand(holds: object, reason: str) -> None:
    if not holds:
        raise Invalid(reason)


def over_http(prefix: str, session: requests.Session | None = None) -> Fetch:
    """Fetches from the log at this address."""
    session = session or requests.Session()

    def fetch(path: str) -> bytes:
        answer = session.get(f"{prefix}/{path}", timeout=FETCH_SECONDS)
        if answer.status_code == 404:
            raise LookupError(path)
        answer.raise_for_status()
        return answer.content

    return fetch


# Texts


def decode_utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid("not UTF-8") from None


def decode_base64(text: str) -> bytes:
    """The bytes of standard base64 in its only canonical spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Invalid(f"not base64: {text!r}") from None
    demand(base64.b64encode(data).decode() == text, f"not canonical base64: {text!r}")
    return data


def decode_hash(text: str) -> bytes:
    data = decode_base64(text)
    demand(len(data) == HASH_BYTES, f"a hash of {len(data)} bytes")
    return data


def decode_number(text: str) -> int:
    """An ASCII decimal without leading zeros."""
    demand(re.fullmatch(r"0|[1-9][0-9]{0,18}", text) and int(text) <= NUMBER_MAX, f"not a number: {text[:40]!r}")
    return int(text)


# Signed notes


def is_key_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(character.isspace() or character < " " for character in name)


@dataclass(frozen=True)
class VerifierKey:
    """A name and the 32 bytes of its Ed25519 public key."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        demand(is_key_name(self.name), f"not a key name: {self.name!r}")
        demand(len(self.public) == HASH_BYTES, "not an Ed25519 public key")

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:KEY_ID_BYTES]

    @classmethod
    def from_text(cls, text: str) -> "VerifierKey":
        """Reads `name+id+key`: the id in hex, the key with its type byte in base64, which may have a plus itself."""
        parts = text.split("+", 2)
        demand(len(parts) == 3, "not a verifier key")
        data = decode_base64(parts[2])
        demand(data[:1] == ED25519, "not an Ed25519 verifier key")
        key = cls(parts[0], data[1:])
        demand(parts[1] == key.id.hex(), "the id of a verifier key is not its own")
        return key

    @classmethod
    def from_pem(cls, name: str, pem: str | bytes) -> "VerifierKey":
        """Reads a SubjectPublicKeyInfo in PEM."""
        try:
            key = load_pem_public_key(pem.encode() if isinstance(pem, str) else pem)
        except (ValueError, UnsupportedAlgorithm):
            raise Invalid("not a public key in PEM") from None
        demand(isinstance(key, Ed25519PublicKey), "not an Ed25519 key in PEM")
        return cls(name, key.public_bytes(Encoding.Raw, PublicFormat.Raw))

    def check(self, text: str, signature: bytes) -> None:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            raise Invalid(f"the signature of {self.name} does not verify") from None


def verify_note(note: bytes, keys: Iterable[VerifierKey]) -> str:
    """The text of a signed note, its last newline included.

    Signatures by other keys are passed over. One by a known key that fails refuses the note, and so does it if no known
    key signed.
    """
    demand(len(note) <= NOTE_BYTES_MAX, "a note that is too long")
    whole = decode_utf8(note)
    demand(not any(character < " " and character != "\n" for character in whole), "a control character in a note")
    body, blank, signatures = whole.rpartition("\n\n")
    demand(blank and signatures.endswith("\n"), "a note without a blank line, or without a newline at its end")
    text = body + "\n"
    lines = signatures[:-1].split("\n")
    demand(len(lines) <= SIGNATURES_MAX, "too many signatures")
    known = {(key.name, key.id): key for key in keys}
    verified = 0
    for name, key_id, signature in map(parse_signature, lines):
        if key := known.get((name, key_id)):
            key.check(text, signature)
            verified += 1
    demand(verified, "no known key signed the note")
    return text


def parse_signature(line: str) -> tuple[str, bytes, bytes]:
    """Key name, key id and signature of a line `— name base64`."""
    parts = line.split(" ")
    demand(len(parts) == 3 and parts[0] == "\u2014" and is_key_name(parts[1]), f"not a signature line: {line!r}")
    data = decode_base64(parts[2])
    demand(len(data) > KEY_ID_BYTES, "an empty signature")
    return parts[1], data[:KEY_ID_BYTES], data[KEY_ID_BYTES:]


# Checkpoints


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of itself: the root of its tree of this size."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


def parse_checkpoint(text: str) -> Checkpoint:
    """Reads the text of a checkpoint, without signatures."""
    demand(text.endswith("\n"), "a checkpoint without a newline at its end")
    lines = text[:-1].split("\n")
    demand(len(lines) >= 3 and all(lines), "a checkpoint has at least three lines, none of them empty")
    return Checkpoint(lines[0], decode_number(lines[1]), decode_hash(lines[2]), tuple(lines[3:]))


def verify_checkpoint(note: bytes, keys: Iterable[VerifierKey], origin: str) -> Checkpoint:
    """The checkpoint of the log of this origin, signed by one of its keys."""
    checkpoint = parse_checkpoint(verify_note(note, keys))
    demand(checkpoint.origin == origin, f"a checkpoint of another log: {checkpoint.origin!r}")
    return checkpoint


# The tree


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: list[bytes]) -> bytes:
    """The root over these hashes, level by level: whoever has no sibling goes up as it is."""
    if not hashes:
        return EMPTY_ROOT
    while len(hashes) > 1:
        lone = hashes[-1:] if len(hashes) % 2 else []
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2])] + lone
    return hashes[0]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> None:
    """RFC 9162, 2.1.3.2."""
    demand(0 <= index < size, "an index beyond the tree")
    position, last, result = index, size - 1, leaf
    for sibling in proof:
        demand(last, "an inclusion proof that is too long")
        if position % 2 or position == last:
            result = node_hash(sibling, result)
            while position and not position % 2:
                position, last = position >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        position, last = position >> 1, last >> 1
    demand(last == 0, "an inclusion proof that is too short")
    demand(result == root, "an inclusion proof that leads to another root")


def verify_consistency(old_size: int, old_root: bytes, size: int, root: bytes, proof: list[bytes]) -> None:
    """RFC 9162, 2.1.4.2; an empty tree and an equal one are consistent by an empty proof."""
    demand(0 <= old_size <= size, "a tree that has shrunk")
    if old_size in (0, size):
        demand(old_root == (root if old_size else EMPTY_ROOT), "another root of the same size")
        demand(not proof, "a consistency proof that is too long")
        return
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else proof
    demand(proof, "an empty consistency proof")
    position, last = old_size - 1, size - 1
    while position % 2:
        position, last = position >> 1, last >> 1
    old_result = result = path[0]
    for sibling in path[1:]:
        demand(last, "a consistency proof that is too long")
        if position % 2 or position == last:
            old_result, result = node_hash(sibling, old_result), node_hash(sibling, result)
            while position and not position % 2:
                position, last = position >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        position, last = position >> 1, last >> 1
    demand(last == 0, "a consistency proof that is too short")
    demand(old_result == old_root, "a consistency proof from another root")
    demand(result == root, "a consistency proof that leads to another root")


# Tiles


def tile_path(level: int | str, index: int, width: int = TILE_WIDTH) -> str:
    """The path of a tile, or of a bundle with the level `ENTRIES`; one that is not full has its width in it."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    return f"tile/{level}/{'/'.join(groups)}" + ("" if width == TILE_WIDTH else f".p/{width}")


def split_hashes(data: bytes) -> list[bytes]:
    """The hashes of a tile."""
    demand(len(data) % HASH_BYTES == 0, "a tile with a part of a hash")
    return [data[start:start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES)]


def split_entries(data: bytes) -> list[bytes]:
    """The entries of a bundle; two bytes before each say its length, the high one first."""
    entries, start = [], 0
    while start < len(data):
        end = start + 2 + int.from_bytes(data[start:start + 2], "big")
        demand(end <= len(data), "a bundle that ends within an entry")
        entries.append(data[start + 2:end])
        start = end
    return entries


@dataclass
class Tree:
    """The tree of one size behind a fetcher. Nothing of it is trusted until it leads to a signed root."""

    fetch: Fetch
    size: int
    tiles: dict[tuple[int, int], list[bytes]] = field(default_factory=dict)

    def items(self, level: int | str, index: int) -> list[bytes]:
        """The hashes of a tile, or the entries of a bundle, as many as this tree has.

        A log may drop a partial tile as soon as there is the full one, which then begins with the same.
        """
        count = (self.size if level == ENTRIES else self.size >> TILE_HEIGHT * level) - index * TILE_WIDTH
        demand(count > 0, "a tile beyond the tree")
        needed = min(count, TILE_WIDTH)
        for width in sorted({needed, TILE_WIDTH}):
            try:
                data = self.fetch(tile_path(level, index, width))
            except LookupError:
                continue
            found = split_entries(data) if level == ENTRIES else split_hashes(data)
            demand(len(found) == width, f"{tile_path(level, index, width)} has {len(found)} instead of {width}")
            return found[:needed]
        raise Invalid(f"{tile_path(level, index, needed)} is missing")

    def entries(self) -> list[bytes]:
        """All entries, from all bundles."""
        bundles = range(-(-self.size // TILE_WIDTH))
        return [entry for index in bundles for entry in self.items(ENTRIES, index)]

    def tile(self, level: int, index: int) -> list[bytes]:
        """The hashes of a tile, fetched once."""
        if (level, index) not in self.tiles:
            self.tiles[level, index] = self.items(level, index)
        return self.tiles[level, index]

    def subtree(self, start: int, end: int) -> bytes:
        """The root over the leaves from `start` to `end`, one of the parts that RFC 6962 cuts a tree into."""
        count = end - start
        if count & (count - 1):
            middle = split_point(start, end)
            return node_hash(self.subtree(start, middle), self.subtree(middle, end))
        level, rise = divmod(count.bit_length() - 1, TILE_HEIGHT)
        index, first = divmod(start >> TILE_HEIGHT * level, TILE_WIDTH)
        return root_of(self.tile(level, index)[first:first + (1 << rise)])

    def inclusion_proof(self, index: int) -> list[bytes]:
        """PATH of RFC 6962, 2.1.1, for the entry of this index."""
        demand(0 <= index < self.size, "an index beyond the tree")
        proof, start, end = [], 0, self.size
        while end - start > 1:
            middle = split_point(start, end)
            if index < middle:
                proof, end = [self.subtree(middle, end), *proof], middle
            else:
                proof, start = [self.subtree(start, middle), *proof], middle
        return proof

    def consistency_proof(self, old_size: int) -> list[bytes]:
        """PROOF of RFC 6962, 2.1.2, from the tree of this size."""
        demand(0 <= old_size <= self.size, "a tree that has shrunk")
        proof, start, end = [], 0, self.size
        while old_size and old_size < end:
            middle = split_point(start, end)
            if old_size <= middle:
                proof, end = [self.subtree(middle, end), *proof], middle
            else:
                proof, start = [self.subtree(start, middle), *proof], middle
        return [self.subtree(start, end), *proof] if start else proof


def split_point(start: int, end: int) -> int:
    """Where RFC 6962 cuts: behind the largest power of two that is smaller than the whole."""
    return start + (1 << (end - start - 1).bit_length() - 1)


def audit(fetch: Fetch, checkpoint: Checkpoint) -> list[bytes]:
    """Computes everything anew from the entries: the root, and each hash of each tile. Gives the entries."""
    tree = Tree(fetch, checkpoint.size)
    entries = tree.entries()
    hashes, level = [leaf_hash(entry) for entry in entries], 0
    demand(root_of(hashes) == checkpoint.root, "the entries lead to another root")
    while hashes:
        tiles = [hashes[start:start + TILE_WIDTH] for start in range(0, len(hashes), TILE_WIDTH)]
        for index, expected in enumerate(tiles):
            demand(tree.tile(level, index) == expected, f"{tile_path(level, index, len(expected))} has wrong hashes")
        hashes, level = [root_of(tile) for tile in tiles if len(tile) == TILE_WIDTH], level + 1
    return entries


def check_inclusion(fetch: Fetch, checkpoint: Checkpoint, index: int, entry: bytes) -> None:
    """Proves from the tiles that the entry stands at this index."""
    proof = Tree(fetch, checkpoint.size).inclusion_proof(index)
    verify_inclusion(leaf_hash(entry), index, checkpoint.size, proof, checkpoint.root)


def check_consistency(fetch: Fetch, old: Checkpoint, new: Checkpoint) -> None:
    """Proves from the tiles that the newer tree begins with the older one."""
    demand(old.origin == new.origin, "checkpoints of two logs")
    proof = Tree(fetch, new.size).consistency_proof(old.size)
    verify_consistency(old.size, old.root, new.size, new.root, proof)


# Proof files


@dataclass(frozen=True)
class Proof:
    """A proof file: the index of an entry, hashes from its sibling up, and a checkpoint as it was signed.

    Nobody vouches for the extra data.
    """

    index: int
    hashes: list[bytes]
    note: bytes
    extra: bytes | None = None


def parse_proof(data: bytes) -> Proof:
    head, blank, note = data.partition(b"\n\n")
    demand(blank, "a proof without a checkpoint")
    lines = decode_utf8(head).split("\n")
    demand(lines.pop(0) == PROOF_HEADER, "not a proof of this format")
    extra = decode_base64(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else None
    demand(lines and lines[0].startswith("index "), "a proof without an index")
    index = decode_number(lines.pop(0).removeprefix("index "))
    return Proof(index, [decode_hash(line) for line in lines], note, extra)


def verify_proof(data: bytes, entry: bytes, keys: Iterable[VerifierKey], origin: str) -> tuple[int, Checkpoint]:
    """Proves from the file alone that the log has the entry; gives its index and the checkpoint that has it."""
    proof = parse_proof(data)
    checkpoint = verify_checkpoint(proof.note, keys, origin)
    verify_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return proof.index, checkpoint
