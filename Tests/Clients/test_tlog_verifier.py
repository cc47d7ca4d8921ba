"""The verifier of audit logs, against logs that are built here by the definitions of RFC 9162, and damaged ones."""

import base64
import hashlib
import itertools

import pytest
import tlog
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tlog import Checkpoint, Invalid, Tree, VerifierKey

ORIGIN = "log.example/assay"
SIZES = [0, 1, 2, 3, 7, 255, 256, 257, 511, 512, 513, 65536 + 3]
SMALL_SIZES = SIZES[:-1]
SPI = PublicFormat.SubjectPublicKeyInfo

# The tree of the tests of certificate-transparency, the first implementation of RFC 6962.
KNOWN_ENTRIES = [bytes.fromhex(entry) for entry in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]
KNOWN_ROOTS = [bytes.fromhex(root) for root in (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")]
KNOWN_NODES = {name: bytes.fromhex(node) for name, node in {
    "1": "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "2-3": "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "4": "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "4-5": "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "4-7": "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    "6-7": "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "0-3": "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}.items()}

# The example of golang.org/x/mod/sumdb/note, the first implementation of signed notes.
KNOWN_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
KNOWN_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
KNOWN_SIGNATURE = (
    "\u2014 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n")


# A log by definition


class NaiveLog:
    """A log in memory. Its hashes follow the recursive definitions of RFC 9162, 2.1, and nothing of the verifier."""

    def __init__(self, entries):
        self.entries = entries
        self.known = {}

    def root(self, start, end):
        """MTH(D[start:end])."""
        if (start, end) not in self.known:
            if end == start:
                data = b""
            elif end == start + 1:
                data = b"\x00" + self.entries[start]
            else:
                middle = cut(start, end)
                data = b"\x01" + self.root(start, middle) + self.root(middle, end)
            self.known[start, end] = hashlib.sha256(data).digest()
        return self.known[start, end]

    def path(self, index, start, end):
        """PATH(index, D[start:end]), the index counted from the beginning of the log."""
        if end == start + 1:
            return []
        middle = cut(start, end)
        if index < middle:
            return self.path(index, start, middle) + [self.root(middle, end)]
        return self.path(index, middle, end) + [self.root(start, middle)]

    def subproof(self, old, start, end, is_whole):
        """SUBPROOF(old, D[start:end], is_whole), the old size counted from the beginning of the log."""
        if old == end:
            return [] if is_whole else [self.root(start, end)]
        middle = cut(start, end)
        if old <= middle:
            return self.subproof(old, start, middle, is_whole) + [self.root(middle, end)]
        return self.subproof(old, middle, end, False) + [self.root(start, middle)]

    def checkpoint(self, size):
        return Checkpoint(ORIGIN, size, self.root(0, size))

    def files(self, size):
        """What a log of this size serves, by path: only the partial tiles of this size."""
        files = {}
        for level in range(3):
            span = 256**level
            for index, first in enumerate(range(0, size // span, 256)):
                nodes = range(first, min(first + 256, size // span))
                files[f"tile/{level}/{digits(index)}{suffix(nodes)}"] = b"".join(
                    self.root(node * span, (node + 1) * span) for node in nodes)
        for index, first in enumerate(range(0, size, 256)):
            part = self.entries[first:min(first + 256, size)]
            files[f"tile/entries/{digits(index)}{suffix(part)}"] = b"".join(
                len(entry).to_bytes(2, "big") + entry for entry in part)
        return files


def cut(start, end):
    """The largest power of two smaller than the length, from the start on."""
    power = 1
    while power * 2 < end - start:
        power *= 2
    return start + power


def digits(index):
    return f"{index:03d}" if index < 1000 else f"x{index // 1000:03d}/{index % 1000:03d}"


def suffix(part):
    return "" if len(part) == 256 else f".p/{len(part)}"


@pytest.fixture(scope="module")
def log():
    """A log that has every size of these tests; its first entries are of odd lengths."""
    odd = [b"", b"\x00" * 65535, "ünïcode".encode()]
    return NaiveLog(odd + [b'{"kind":"alias","to":%d}' % number for number in range(SIZES[-1] - len(odd))])


@pytest.fixture(scope="module")
def known_log():
    return NaiveLog(KNOWN_ENTRIES)


# Signing


class Signer:
    def __init__(self, name=ORIGIN, seed=b"\x01" * 32):
        self.private = Ed25519PrivateKey.from_private_bytes(seed)
        self.name = name
        self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = hashlib.sha256(name.encode() + b"\n\x01" + self.public).digest()[:4]

    @property
    def key(self):
        return VerifierKey(self.name, self.public)

    def line(self, text, key_id=None):
        data = (self.id if key_id is None else key_id) + self.private.sign(text.encode())
        return f"\u2014 {self.name} {base64.b64encode(data).decode()}\n"


SIGNER = Signer()
OTHER = Signer("witness.example", b"\x02" * 32)


def signed(text, *lines):
    return (text + "\n" + "".join(lines or [SIGNER.line(text)])).encode()


def checkpoint_text(checkpoint):
    return f"{checkpoint.origin}\n{checkpoint.size}\n{base64.b64encode(checkpoint.root).decode()}\n"


def proof_file(log, index, size, extra=None):
    lines = ["c2sp.org/tlog-proof@v1"] + ([] if extra is None else [f"extra {base64.b64encode(extra).decode()}"])
    lines += [f"index {index}"] + [base64.b64encode(node).decode() for node in log.path(index, 0, size)]
    return "\n".join(lines).encode() + b"\n\n" + signed(checkpoint_text(log.checkpoint(size)))


def flips(data):
    """The data with one bit flipped, for each byte another one and for each of the first bytes all of them."""
    for place in range(len(data)):
        for bit in range(8) if place < 8 else [place % 8]:
            yield data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1:]


def damaged(files, path, place):
    """The files with one byte of one of them changed."""
    data = bytearray(files[path])
    data[place] ^= 0x20
    return files | {path: bytes(data)}


# Notes


def test_a_known_note_verifies():
    note = (KNOWN_TEXT + "\n" + KNOWN_SIGNATURE).encode()
    assert tlog.verify_note(note, [VerifierKey.from_text(KNOWN_KEY)]) == KNOWN_TEXT


def test_a_key_is_read_in_both_forms():
    pem = SIGNER.private.public_key().public_bytes(Encoding.PEM, SPI)
    text = f"{ORIGIN}+{SIGNER.id.hex()}+{key_base64(SIGNER).decode()}"
    assert VerifierKey.from_pem(ORIGIN, pem) == VerifierKey.from_pem(ORIGIN, pem.decode()) == SIGNER.key
    assert VerifierKey.from_text(text) == SIGNER.key
    assert SIGNER.key.id == SIGNER.id


def test_a_verifier_key_may_have_a_plus_in_its_base64():
    seeds = (bytes([number]) * 32 for number in range(256))
    signer = next(signer for signer in (Signer(seed=seed) for seed in seeds) if b"+" in key_base64(signer))
    text = f"{ORIGIN}+{signer.id.hex()}+{key_base64(signer).decode()}"
    assert VerifierKey.from_text(text) == signer.key


def key_base64(signer):
    return base64.b64encode(b"\x01" + signer.public)


@pytest.mark.parametrize("name, public", [
    ("", SIGNER.public), ("a b", SIGNER.public), ("a+b", SIGNER.public), ("a\u2003b", SIGNER.public),
    ("a\x00b", SIGNER.public), (ORIGIN, SIGNER.public[:-1]), (ORIGIN, SIGNER.public + b"\x00"), (ORIGIN, b"")])
def test_a_key_has_a_proper_name_and_length(name, public):
    with pytest.raises(Invalid):
        VerifierKey(name, public)


@pytest.mark.parametrize("text", [
    "", "PeterNeumann", KNOWN_KEY[:-4], KNOWN_KEY + "\n", KNOWN_KEY.replace("c74f20a3", "c74f20a4"),
    KNOWN_KEY.replace("c74f20a3", "C74F20A3"), KNOWN_KEY.replace("PeterNeumann", "Peter"),
    KNOWN_KEY.replace("PeterNeumann", "Peter Neumann"), KNOWN_KEY.replace("PeterNeumann", ""),
    KNOWN_KEY.replace("+ARpc", "+BBpc"), KNOWN_KEY.replace("/", "_")])
def test_a_bad_verifier_key_is_refused(text):
    with pytest.raises(Invalid):
        VerifierKey.from_text(text)


def test_a_pem_of_another_algorithm_is_refused():
    pem = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, SPI)
    for bad in (pem, b"", b"nonsense", pem[:-40]):
        with pytest.raises(Invalid):
            VerifierKey.from_pem(ORIGIN, bad)


def test_a_text_may_have_blank_lines_and_other_letters():
    text = "one\n\n\ned è subito sera\n\n"
    assert tlog.verify_note(signed(text), [SIGNER.key]) == text


def test_signatures_of_unknown_keys_are_passed_over():
    """An unknown key may have the name of a known one or its id, but not both."""
    text = "some text\n"
    strangers = [
        OTHER.line(text), SIGNER.line("other text\n", key_id=b"\x00\x01\x02\x03"),
        OTHER.line("other text\n", key_id=SIGNER.id), "\u2014 witness.example AAAAAAA=\n"]
    for lines in itertools.permutations([*strangers, SIGNER.line(text)]):
        assert tlog.verify_note(signed(text, *lines), [SIGNER.key]) == text
    with pytest.raises(Invalid, match="no known key"):
        tlog.verify_note(signed(text, *strangers), [SIGNER.key])


def test_a_known_signature_that_fails_refuses_the_note():
    """Also beside a good one, be it of another key or of the same."""
    text = "some text\n"
    for lines in itertools.permutations([SIGNER.line(text), OTHER.line(text), OTHER.line("other text\n")]):
        with pytest.raises(Invalid, match="does not verify"):
            tlog.verify_note(signed(text, *lines), [SIGNER.key, OTHER.key])


def test_sixteen_signatures_are_accepted():
    text = "some text\n"
    lines = [Signer(f"witness-{number}.example").line(text) for number in range(15)]
    assert tlog.verify_note(signed(text, *lines, SIGNER.line(text)), [SIGNER.key]) == text


NOTE = signed("some text\n").decode()


@pytest.mark.parametrize("note", [
    "", "\n", "\n\n", "some text\n", "some text\n\n", NOTE[:-1], NOTE + "\n", NOTE + "more\n", "\n" + NOTE,
    NOTE.replace("\n\n", "\n"), NOTE.replace("\n", "\r\n"), NOTE.replace("text", "te\txt"),
    NOTE.replace("text", "te\x00xt"), NOTE.replace("\u2014", "-"), NOTE.replace("\u2014", "\u2013"),
    NOTE.replace("\u2014 ", "\u2014"), NOTE.replace("\u2014 ", "\u2014  "), NOTE.replace("\u2014 ", "\u2014\u00a0"),
    NOTE.replace("\u2014", " \u2014"), NOTE.replace(ORIGIN, ""), NOTE.replace(ORIGIN, ORIGIN + "+"),
    NOTE.replace(ORIGIN, ORIGIN + "\u2003"), NOTE[:-1] + " \n", NOTE[:-2] + "\n", NOTE[:-3] + "\n",
    NOTE[:-1] + "=\n", NOTE.replace("\u2014", "\u2014 x AAAA\n\u2014"), NOTE.replace("\u2014", "\u2014 x A\n\u2014"),
    NOTE.replace("\u2014", "\u2014 x AAAAAA==\n\u2014")])
def test_a_malformed_note_is_refused(note):
    with pytest.raises(Invalid):
        tlog.verify_note(note.encode(), [SIGNER.key])


@pytest.mark.parametrize("text, lines", [
    ("one\ttwo\n", []), ("one\r\n", []), ("one\x00two\n", []), ("one\x1b[0m\n", []),
    ("one\n", ["\u2014 a+b AAAAAAA=\n"]),
    ("one\n", ["\u2014  AAAAAAA=\n"]), ("one\n", ["\u2014 a\u00a0b AAAAAAA=\n"]), ("one\n", ["\u2014 a AAAAAA==\n"])])
def test_a_good_signature_makes_no_malformed_note_good(text, lines):
    with pytest.raises(Invalid):
        tlog.verify_note(signed(text, *lines, SIGNER.line(text)), [SIGNER.key])


def test_a_note_that_is_too_long_is_refused():
    text = "some text\n"
    lines = [OTHER.line(text)] * tlog.SIGNATURES_MAX + [SIGNER.line(text)]
    for note in (signed(text * (tlog.NOTE_BYTES_MAX // len(text))), signed(text, *lines)):
        with pytest.raises(Invalid, match="too"):
            tlog.verify_note(note, [SIGNER.key])


def test_a_note_needs_a_blank_line():
    """The empty line alone was signed, and is not there."""
    assert tlog.verify_note(signed("\n"), [SIGNER.key]) == "\n"
    with pytest.raises(Invalid):
        tlog.verify_note(SIGNER.line("\n").encode(), [SIGNER.key])


@pytest.mark.parametrize("junk", [b"\xff", b"\xc0\xae", b"\xed\xa0\x80"])
def test_a_note_is_utf8(junk):
    """Also where the key signed those very bytes."""
    text = b"some " + junk + b"\n"
    line = base64.b64encode(SIGNER.id + SIGNER.private.sign(text)).decode()
    with pytest.raises(Invalid, match="UTF-8"):
        tlog.verify_note(text + f"\n\u2014 {ORIGIN} {line}\n".encode(), [SIGNER.key])


# Checkpoints


def test_a_checkpoint_is_read(log):
    checkpoint = log.checkpoint(257)
    text = checkpoint_text(checkpoint)
    assert tlog.verify_checkpoint(signed(text), [SIGNER.key], ORIGIN) == checkpoint
    extended = tlog.verify_checkpoint(signed(text + "more\nand more\n"), [SIGNER.key], ORIGIN)
    assert extended == Checkpoint(ORIGIN, 257, checkpoint.root, ("more", "and more"))


def test_a_checkpoint_with_a_flipped_bit_is_refused(log):
    """Text and signature, each byte of them."""
    for note in flips(signed(checkpoint_text(log.checkpoint(257)))):
        with pytest.raises(Invalid):
            tlog.verify_checkpoint(note, [SIGNER.key], ORIGIN)


def test_a_checkpoint_of_another_log_is_refused(log):
    note = signed(checkpoint_text(log.checkpoint(257)))
    with pytest.raises(Invalid, match="another log"):
        tlog.verify_checkpoint(note, [SIGNER.key], "log.example/other")
    with pytest.raises(Invalid, match="no known key"):
        tlog.verify_checkpoint(note, [OTHER.key], ORIGIN)


ROOT = base64.b64encode(b"\x07" * 32).decode()


@pytest.mark.parametrize("text", [
    "", "\n", f"{ORIGIN}\n1\n", f"{ORIGIN}\n1\n{ROOT}", f"\n1\n{ROOT}\n", f"{ORIGIN}\n\n{ROOT}\n",
    f"{ORIGIN}\n1\n{ROOT}\n\n", f"{ORIGIN}\n1\n{ROOT}\nmore\n\n", f"{ORIGIN}\n1\n{ROOT}\nmore",
    f"{ORIGIN}\n1\n{ROOT[:-1]}\n",
    f"{ORIGIN}\n1\n{ROOT} \n", f"{ORIGIN}\n1\n{ROOT[4:]}\n", f"{ORIGIN}\n1\nAAAA{ROOT}\n",
    f"{ORIGIN}\n1\n{ROOT.replace('c=', 'd=')}\n",
    *(f"{ORIGIN}\n{size}\n{ROOT}\n" for size in (
        "01", "00", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "1_0", "\u0661", str(1 << 63), "9" * 5000))])
def test_a_malformed_checkpoint_is_refused(text):
    with pytest.raises(Invalid):
        tlog.parse_checkpoint(text)


# The tree


def test_known_roots(known_log):
    for size, root in enumerate(KNOWN_ROOTS):
        assert tlog.root_of([tlog.leaf_hash(entry) for entry in KNOWN_ENTRIES[:size]]) == root
        assert known_log.root(0, size) == root


@pytest.mark.parametrize("index, size, names", [
    (0, 1, []), (0, 8, ["1", "2-3", "4-7"]), (5, 8, ["4", "6-7", "0-3"]), (4, 5, ["0-3"])])
def test_known_inclusion_proofs(known_log, index, size, names):
    proof = [KNOWN_NODES[name] for name in names]
    assert Tree(known_log.files(size).__getitem__, size).inclusion_proof(index) == proof
    tlog.verify_inclusion(tlog.leaf_hash(KNOWN_ENTRIES[index]), index, size, proof, KNOWN_ROOTS[size])


@pytest.mark.parametrize("old, size, names", [
    (1, 1, []), (1, 8, ["1", "2-3", "4-7"]), (6, 8, ["4-5", "6-7", "0-3"]), (2, 5, ["2-3", "4"])])
def test_known_consistency_proofs(known_log, old, size, names):
    proof = [KNOWN_NODES[name] for name in names]
    assert Tree(known_log.files(size).__getitem__, size).consistency_proof(old) == proof
    tlog.verify_consistency(old, KNOWN_ROOTS[old], size, KNOWN_ROOTS[size], proof)


def test_every_small_proof_verifies_and_no_other():
    """All indices and sizes up to 33. A proof of one index, size or older size is none of another."""
    log = NaiveLog([b"%d" % number for number in range(33)])
    for size in range(1, 34):
        tree, root = Tree(log.files(size).__getitem__, size), log.root(0, size)
        for index in range(size):
            proof = tree.inclusion_proof(index)
            assert proof == log.path(index, 0, size)
            leaf = tlog.leaf_hash(log.entries[index])
            assert [other for other in range(34) if is_included(leaf, other, size, proof, root)] == [index]
            assert not any(is_included(leaf, index, size, bad, root) for bad in altered(proof))
        for old in range(1, size + 1):
            proof = tree.consistency_proof(old)
            assert proof == log.subproof(old, 0, size, True)
            assert [other for other in range(34)
                    if is_consistent(other, log.root(0, old), size, root, proof)] == [old]
            assert not any(is_consistent(old, log.root(0, old), size, root, bad) for bad in altered(proof))
            assert not is_consistent(old, tlog.EMPTY_ROOT, size, root, proof)


def altered(proof):
    """The proof with a hash more, a hash less, a wrong one and two in the wrong order."""
    yield proof + [b"\x00" * 32]
    yield [b"\x00" * 32] + proof
    for place, node in enumerate(proof):
        yield proof[:place] + proof[place + 1:]
        yield proof[:place] + [node[:-1] + bytes([node[-1] ^ 1])] + proof[place + 1:]
    if len(proof) > 1:
        yield [proof[1], proof[0], *proof[2:]]


def is_included(*arguments):
    return not refuses(tlog.verify_inclusion, *arguments)


def is_consistent(*arguments):
    return not refuses(tlog.verify_consistency, *arguments)


def refuses(check, *arguments):
    try:
        check(*arguments)
    except Invalid:
        return True
    return False


def test_a_tree_is_consistent_with_the_empty_one(log):
    new = log.checkpoint(5)
    tlog.check_consistency(log.files(5).__getitem__, log.checkpoint(0), new)
    with pytest.raises(Invalid):
        tlog.check_consistency(log.files(5).__getitem__, Checkpoint(ORIGIN, 0, new.root), new)


def test_a_proof_never_leads_out_of_the_tree():
    """The roots are chosen so that nothing but the lengths of the proofs is wrong."""
    leaf, other = tlog.leaf_hash(b"one"), tlog.leaf_hash(b"other")
    with pytest.raises(Invalid, match="too long"):
        tlog.verify_inclusion(leaf, 0, 1, [other], tlog.node_hash(other, leaf))
    with pytest.raises(Invalid, match="too short"):
        tlog.verify_inclusion(leaf, 0, 2, [], leaf)
    with pytest.raises(Invalid, match="too long"):
        tlog.verify_consistency(1, leaf, 1, leaf, [other])
    with pytest.raises(Invalid, match="empty"):
        tlog.verify_consistency(1, leaf, 2, leaf, [])


def test_a_tree_has_nothing_beyond_its_end(log):
    tree = Tree(log.files(513).__getitem__, 7)
    for ask in (lambda: tree.tile(0, 1), lambda: tree.tile(1, 0), lambda: tree.items(tlog.ENTRIES, 1),
                lambda: tree.inclusion_proof(7), lambda: tree.inclusion_proof(-1), lambda: tree.consistency_proof(8)):
        with pytest.raises(Invalid):
            ask()


# Tiles


@pytest.mark.parametrize("level, index, width, path", [
    (0, 0, 256, "tile/0/000"), (0, 999, 256, "tile/0/999"), (1, 1000, 1, "tile/1/x001/000.p/1"),
    (0, 1234067, 256, "tile/0/x001/x234/067"), (63, 1000000, 255, "tile/63/x001/x000/000.p/255"),
    (tlog.ENTRIES, 67, 112, "tile/entries/067.p/112"), (tlog.ENTRIES, 1067, 256, "tile/entries/x001/067")])
def test_a_tile_has_its_path(level, index, width, path):
    assert tlog.tile_path(level, index, width) == path


def test_a_bundle_is_cut_into_entries():
    assert tlog.split_entries(b"") == []
    assert tlog.split_entries(b"\x00\x01a\x00\x00\x01\x00" + b"b" * 256) == [b"a", b"", b"b" * 256]


@pytest.mark.parametrize("bundle", [b"\x00", b"\x00\x01", b"\x00\x01a\x00", b"\x01\x00abc"])
def test_a_cut_bundle_is_refused(bundle):
    with pytest.raises(Invalid):
        tlog.split_entries(bundle)


def test_a_tile_with_a_part_of_a_hash_is_refused():
    with pytest.raises(Invalid):
        tlog.split_hashes(b"\x00" * 33)


# Whole logs


@pytest.mark.parametrize("size", SIZES)
def test_a_log_is_audited(log, size):
    """Only what a log of this size has to serve is asked for, and all of it."""
    files, asked = log.files(size), set()

    def fetch(path):
        asked.add(path)
        return files[path]

    assert tlog.audit(fetch, log.checkpoint(size)) == log.entries[:size]
    assert asked == set(files)


@pytest.mark.parametrize("size", SIZES)
def test_proofs_are_built_from_tiles(log, size):
    files, new = log.files(size), log.checkpoint(size)
    for index in {0, 1, 2, 254, 255, 256, size // 2, 65535, 65536, size - 1} & set(range(size)):
        assert Tree(files.__getitem__, size).inclusion_proof(index) == log.path(index, 0, size)
        tlog.check_inclusion(files.__getitem__, new, index, log.entries[index])
        with pytest.raises(Invalid):
            tlog.check_inclusion(files.__getitem__, new, index, b"never logged")
    for old in sorted({*SIZES, size // 2, size - 1} & set(range(1, size + 1))):
        assert Tree(files.__getitem__, size).consistency_proof(old) == log.subproof(old, 0, size, True)
        tlog.check_consistency(files.__getitem__, log.checkpoint(old), new)
        with pytest.raises(Invalid):
            tlog.check_consistency(files.__getitem__, Checkpoint(ORIGIN, old, b"\x00" * 32), new)


@pytest.mark.parametrize("size", [size for size in SMALL_SIZES if size])
def test_a_log_that_grew_still_proves_its_past(log, size):
    """Its older partial tiles are gone; the full ones begin with the same hashes."""
    grown = log.files(SIZES[-1])
    assert tlog.audit(grown.__getitem__, log.checkpoint(size)) == log.entries[:size]
    tlog.check_inclusion(grown.__getitem__, log.checkpoint(size), size - 1, log.entries[size - 1])


@pytest.mark.parametrize("old, new", [(257, 256), (513, 511)])
def test_a_log_that_shrank_is_refused(log, old, new):
    with pytest.raises(Invalid, match="shrunk"):
        tlog.check_consistency(log.files(new).__getitem__, log.checkpoint(old), log.checkpoint(new))


def test_a_log_of_another_origin_is_refused(log):
    other = Checkpoint("log.example/other", 5, log.root(0, 5))
    with pytest.raises(Invalid, match="two logs"):
        tlog.check_consistency(log.files(7).__getitem__, other, log.checkpoint(7))


@pytest.mark.parametrize("changed", [0, 255, 256, 299])
def test_a_rewritten_past_is_refused(log, changed):
    """The new log is sound in itself: only a kept checkpoint, or its size, tells."""
    entries = log.entries[:513]
    entries[changed] = b"something else"
    other = NaiveLog(entries)
    files, new = other.files(513), other.checkpoint(513)
    tlog.audit(files.__getitem__, new)
    with pytest.raises(Invalid):
        tlog.check_consistency(files.__getitem__, log.checkpoint(300), new)
    with pytest.raises(Invalid):
        tlog.check_inclusion(files.__getitem__, new, changed, log.entries[changed])


@pytest.mark.parametrize("size", [size for size in SMALL_SIZES if size])
def test_a_log_with_a_changed_byte_is_refused(log, size):
    """In each of its tiles and bundles, at the beginning, in the middle and at the end."""
    files, checkpoint = log.files(size), log.checkpoint(size)
    for path, data in files.items():
        for place in {0, 1, len(data) // 2, len(data) - 1}:
            with pytest.raises(Invalid):
                tlog.audit(damaged(files, path, place).__getitem__, checkpoint)


def test_every_byte_of_a_small_log_counts(log):
    """The entries from 3 on are short; the first ones are not."""
    small = NaiveLog(log.entries[3:6])
    files, checkpoint = small.files(3), small.checkpoint(3)
    for path, data in files.items():
        for place in range(len(data)):
            with pytest.raises(Invalid):
                tlog.audit(damaged(files, path, place).__getitem__, checkpoint)


@pytest.mark.parametrize("change", [
    lambda data: data[:-1], lambda data: data + b"\x00", lambda data: data[:-32], lambda data: data + data[-32:],
    lambda data: b""])
def test_a_tile_or_bundle_of_another_length_is_refused(log, change):
    files, checkpoint = log.files(513), log.checkpoint(513)
    for path, data in files.items():
        with pytest.raises(Invalid):
            tlog.audit((files | {path: change(data)}).__getitem__, checkpoint)


def test_a_log_that_lacks_a_file_is_refused(log):
    files, checkpoint = log.files(513), log.checkpoint(513)
    for path in files:
        with pytest.raises(Invalid, match="missing"):
            tlog.audit({name: data for name, data in files.items() if name != path}.__getitem__, checkpoint)


def test_a_log_with_another_root_or_size_is_refused(log):
    files = log.files(513)
    for checkpoint in (Checkpoint(ORIGIN, 513, log.root(0, 512)), Checkpoint(ORIGIN, 512, log.root(0, 513)),
                       Checkpoint(ORIGIN, 514, log.root(0, 513)), Checkpoint(ORIGIN, 0, log.root(0, 513))):
        with pytest.raises(Invalid):
            tlog.audit(files.__getitem__, checkpoint)


def test_no_proof_is_built_from_a_damaged_tile(log):
    """Entry 300 of 513 needs tiles of both levels."""
    files, checkpoint = log.files(513), log.checkpoint(513)
    for path, place in (("tile/0/001", 45 * 32), ("tile/1/000.p/2", 0), ("tile/0/002.p/1", 31)):
        with pytest.raises(Invalid):
            tlog.check_inclusion(damaged(files, path, place).__getitem__, checkpoint, 300, log.entries[300])
        with pytest.raises(Invalid):
            tlog.check_consistency(damaged(files, path, place).__getitem__, log.checkpoint(301), checkpoint)


# Proof files


@pytest.mark.parametrize("index, size", [
    (0, 1), (0, 2), (1, 2), (2, 3), (255, 256), (256, 257), (300, 513), (512, 513)])
def test_a_proof_file_verifies(log, index, size):
    data = proof_file(log, index, size)
    assert tlog.verify_proof(data, log.entries[index], [SIGNER.key], ORIGIN) == (index, log.checkpoint(size))
    for bad in (b"", log.entries[index] + b" ", tlog.leaf_hash(log.entries[index])):
        if bad != log.entries[index]:
            with pytest.raises(Invalid):
                tlog.verify_proof(data, bad, [SIGNER.key], ORIGIN)


def test_a_proof_file_may_have_extra_data(log):
    for extra in (b"", b"anything"):
        data = proof_file(log, 5, 7, extra)
        assert tlog.parse_proof(data).extra == extra
        assert tlog.verify_proof(data, log.entries[5], [SIGNER.key], ORIGIN)[0] == 5


def test_a_proof_file_with_a_flipped_bit_is_refused(log):
    """Each byte, from the first line to the signature."""
    for data in flips(proof_file(log, 5, 7)):
        with pytest.raises(Invalid):
            tlog.verify_proof(data, log.entries[5], [SIGNER.key], ORIGIN)


@pytest.mark.parametrize("old, new", [
    ("index 5", "index 05"), ("index 5", "index  5"), ("index 5", "index -5"), ("index 5", "index 7"),
    ("index 5\n", ""),
    ("index 5", "Index 5"), ("index 5", "index 5\nindex 5"), ("index 5", "extra AAAA\nextra AAAA\nindex 5"),
    ("index 5", "index 5\nextra AAAA"), ("index 5", "extra !\nindex 5"), ("index 5", "extra AA\nindex 5"),
    ("index 5\n", "index 5\n\n"), ("index 5\n", "index 5\nAAAA\n"), ("index 5\n", f"index 5\n{ROOT}\n"),
    ("@v1", "@v2"), ("@v1\n", "@v1\r\n"), ("@v1\n", "@v1\n\n"), ("\n\n", "\n"), ("\n\nlog", f"\n{ROOT}\n\nlog")])
def test_a_malformed_proof_file_is_refused(log, old, new):
    data = proof_file(log, 5, 7).decode()
    assert old in data
    with pytest.raises(Invalid):
        tlog.verify_proof(data.replace(old, new, 1).encode(), log.entries[5], [SIGNER.key], ORIGIN)


@pytest.mark.parametrize("data", [
    b"", b"\n\n", b"c2sp.org/tlog-proof@v1", b"c2sp.org/tlog-proof@v1\n\n", b"c2sp.org/tlog-proof@v1\nindex 0",
    b"c2sp.org/tlog-proof@v1\nindex 0\n", b"\xff\n\n"])
def test_a_proof_file_without_content_is_refused(data):
    with pytest.raises(Invalid):
        tlog.parse_proof(data)


def test_a_proof_file_of_another_tree_is_refused(log):
    """The proof of one checkpoint under the signature of another."""
    head, _, _ = proof_file(log, 5, 7).partition(b"\n\n")
    _, _, note = proof_file(log, 5, 255).partition(b"\n\n")
    with pytest.raises(Invalid):
        tlog.verify_proof(head + b"\n\n" + note, log.entries[5], [SIGNER.key], ORIGIN)
