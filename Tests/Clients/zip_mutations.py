"""Archives of arrays that were changed in their structure, so that readers of zip files may see different things.

Every change starts from an archive that a real writer made. `mutations` yields names and bytes; what numpy makes of
each is for the test to ask.
"""

import io
import random
import struct
import subprocess
import zipfile

import numpy as np

LOCAL, CENTRAL, DESCRIPTOR, END, WIDE_END, LOCATOR = (
    b"PK\3\4", b"PK\1\2", b"PK\7\x08", b"PK\5\6", b"PK\6\6", b"PK\6\7")
END_BYTES = 22
BYTE_CHANGES = 50


def npy(array, version=None):
    data = io.BytesIO()
    np.lib.format.write_array(data, array, version=version, allow_pickle=False)
    return data.getvalue()


class NoSeek(io.RawIOBase):
    """An output that cannot go back, as a pipe: writers then put sizes behind the data."""

    def __init__(self):
        self.data = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.data += data
        return len(data)


def written(arrays, folder):
    """The arrays as real writers write them, by the writer."""
    archives = {}
    for name, save in (("savez", np.savez), ("savez_compressed", np.savez_compressed)):
        data = io.BytesIO()
        save(data, **arrays)
        archives[name] = data.getvalue()
        stream = NoSeek()
        save(io.BufferedWriter(stream), **arrays)
        archives[f"{name} into a pipe"] = bytes(stream.data)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        for wide in (False, True):
            archives[f"zipfile {method} {wide}"] = by_zipfile(arrays, method, wide)
    for name, array in arrays.items():
        (folder / f"{name}.npy").write_bytes(npy(array))
    files = [f"{name}.npy" for name in arrays]
    for options in (["-0"], ["-9"], ["-0", "-X"], ["-fz-"], ["-fz"]):
        path = folder / f"zip{''.join(options)}.npz"
        subprocess.run(["zip", "-q", *options, path, *files], cwd=folder, check=True)
        archives[f"zip {' '.join(options)}"] = path.read_bytes()
    return archives


def by_zipfile(arrays, method, wide):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=wide) as entry:
                entry.write(npy(array))
    return data.getvalue()


def end_of(archive):
    """Count of entries, size and offset of the directory, by a narrow end record without comment."""
    return struct.unpack("<HLL", archive[-END_BYTES:][10:20])


def with_end(archive, count=None, size=None, offset=None, comment=b"", body=None):
    """The archive with another end record, behind another body if one is given."""
    old = end_of(archive)
    count, size, offset = (new if new is not None else value for new, value in zip((count, size, offset), old))
    body = archive[:-END_BYTES] if body is None else body
    return body + END + struct.pack("<HHHHLLH", 0, 0, count, count, size, offset, len(comment)) + comment


def wide_end(count, size, offset):
    return WIDE_END + struct.pack("<QHHLLQQQQ", 44, 45, 45, 0, 0, count, count, size, offset)


def locator(offset):
    return LOCATOR + struct.pack("<LQL", 0, offset, 1)


def joined(first, second):
    """Two archives one after another: the second's offsets are those of its own start."""
    return first + second


def two_directories(first, second):
    """The entries of two archives, then both directories: which end record counts?"""
    count, size, offset = end_of(second)
    shift = len(first) - END_BYTES - end_of(first)[1]
    entries = first[:end_of(first)[2]] + second[:offset]
    directory = bytearray(second[offset:offset + size])
    place = 0
    while place < len(directory):
        name, extra, comment = struct.unpack("<HHH", directory[place + 28:place + 34])
        at = struct.unpack("<L", directory[place + 42:place + 46])[0]
        directory[place + 42:place + 46] = struct.pack("<L", at + shift)
        place += 46 + name + extra + comment
    old = first[end_of(first)[2]:-END_BYTES]
    return entries, old, bytes(directory), count


def mutations(good, other, seed):
    """Changed forms of one archive; `other` has the same names and other arrays."""
    count, size, offset = end_of(good)
    body = good[:-END_BYTES]
    entries, old, new, _ = two_directories(good, other)
    at = len(entries)
    directories = entries + old + new
    yield "prefix", b"#!/bin/sh\n" + good
    yield "suffix", good + b"\0"
    yield "comment", with_end(good, comment=b"hello")
    yield "archive in comment", with_end(good, comment=other)
    yield "archive before", joined(other, good)
    yield "archive behind", joined(good, other)
    yield "end record twice", good + good[-END_BYTES:]
    yield "two directories, the first", with_end(good, size=len(old), offset=at, body=directories)
    yield "two directories, the second", with_end(good, size=len(new), offset=at + len(old), body=directories)
    for name, wides in (("new first", (new, old)), ("old first", (old, new))):
        places = [at + (len(old) if directory is new else 0) for directory in wides]
        records = [wide_end(count, len(directory), place) for directory, place in zip(wides, places)]
        start = len(directories)
        for pointed in (0, 1):
            for narrow in (0xFFFFFFFF, places[0], places[1]):
                yield f"two wide ends, {name}, {pointed}, {narrow:x}", with_end(
                    good, size=len(old) if narrow != 0xFFFFFFFF else narrow, offset=narrow,
                    body=directories + records[0] + records[1] + locator(start + 56 * pointed))
    wide = wide_end(count, size, offset)
    yield "wide end", with_end(good, body=body + wide + locator(len(body)))
    yield "wide end, saturated", with_end(
        good, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, body=body + wide + locator(len(body)))
    yield "wide end, moved", with_end(good, body=body + wide + b"\0" * 8 + locator(len(body)))
    yield "wide end, elsewhere", with_end(good, body=body + wide + locator(0))
    for less in (0, count - 1, count + 1):
        yield f"count {less}", with_end(good, count=less)
        yield f"wide count {less}", with_end(good, body=body + wide_end(less, size, offset) + locator(len(body)))
    for name, (add_size, add_offset) in {"bigger": (1, 0), "smaller": (-1, 0), "moved": (0, 1), "before": (0, -1),
                                         "shifted": (-46, 46)}.items():
        yield f"directory {name}", with_end(good, size=size + add_size, offset=offset + add_offset)
    yield from header_mutations(good)
    yield from name_mutations(good)
    yield "no directory", with_end(good, count=0, size=0, offset=len(body))
    draws = random.Random(seed)
    structure = [place for mark in (LOCAL, CENTRAL, END) for place in places_of(good, mark)]
    for number in range(BYTE_CHANGES):
        changed = bytearray(good)
        place = draws.choice(structure) + draws.randrange(64)
        if place < len(changed):
            changed[place] = draws.choice([0, 1, 0xFF, changed[place] ^ 1, changed[place] ^ 0x80])
            yield f"byte {number} at {place}", bytes(changed)
        cut = draws.randrange(len(good))
        yield f"cut {number} at {cut}", good[:cut]


def places_of(archive, mark):
    place = archive.find(mark)
    while place >= 0:
        yield place
        place = archive.find(mark, place + 1)


def header_mutations(good):
    fields = {"flags": (6, 8), "method": (8, 10), "crc": (14, 16), "compressed": (18, 20), "size": (22, 24)}
    for name, (local, central) in fields.items():
        for where in ("local", "central", "both"):
            for change in (1, 8, 0x20, 0x40):
                changed = bytearray(good)
                if where != "central":
                    changed[next(places_of(good, LOCAL)) + local] ^= change
                if where != "local":
                    changed[next(places_of(good, CENTRAL)) + central] ^= change
                yield f"{name} {change:#x} {where}", bytes(changed)
    first = list(places_of(good, CENTRAL))
    offsets = [struct.unpack("<L", good[place + 42:place + 46])[0] for place in first]
    changed = bytearray(good)
    for place, swapped in zip(first, reversed(offsets)):
        changed[place + 42:place + 46] = struct.pack("<L", swapped)
    yield "offsets swapped", bytes(changed)


def name_mutations(good):
    """Names that end early, fold, or stand in an extra field."""
    for old, new in ((b"label.npy", b"label.np\0"), (b"label.npy", b"LABEL.npy"), (b"label.npy", b"labe\0.npy"),
                     (b"other.npy", b"label.npy"), (b"other.npy", b"label\0npy"), (b"other.npy", b"labe\x81.npy")):
        yield f"{old} to {new}", good.replace(old, new)
        place = good.rfind(old)
        yield f"{old} to {new}, directory", good[:place] + new + good[place + len(old):]
        place = good.find(old)
        yield f"{old} to {new}, local", good[:place] + new + good[place + len(old):]


def extra_mutations(arrays, other):
    """Archives with extra fields that some readers obey."""
    def build(change):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            for name, array in arrays.items():
                info = zipfile.ZipInfo(f"{name}.npy")
                info.external_attr = 0o600 << 16
                change(info)
                archive.writestr(info, npy(array))
            change_end(archive)
        return data.getvalue()

    def change_end(archive):
        """Nothing, unless a case says otherwise."""

    def unicode_path(info):
        if info.filename == "other.npy":
            info.extra = struct.pack("<HHBL", 0x7075, 14, 1, zipfile.crc32(b"other.npy")) + b"label.npy"

    yield "unicode path", build(unicode_path)
    for number in (0x0001, 0x000D, 0x6375, 0x9901, 0x1234):
        yield f"extra {number:#x}", build(
            lambda info, number=number: setattr(info, "extra", struct.pack("<HHQQ", number, 16, 5, 5)))
    yield "a folder by attribute", build(lambda info: setattr(info, "external_attr", 0x10))
    yield "a link", build(lambda info: setattr(info, "external_attr", 0o120777 << 16))

    def archive_of(pairs):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            for name, content in pairs:
                archive.writestr(name, content)
        return data.getvalue()

    plain = [(f"{name}.npy", npy(array)) for name, array in arrays.items()]
    yield "an array without suffix", archive_of([*plain, ("label", npy(other["label"]))])
    yield "the only labels without suffix", archive_of(
        [(name.removesuffix(".npy") if name == "label.npy" else name, content) for name, content in plain])
    yield "suffix twice", archive_of([*plain, ("label.npy.npy", npy(other["label"]))])
    yield "groups without suffix", archive_of([*plain, ("group_a", npy(other["label"]))])
    yield "label twice", archive_of([*plain, ("label.npy", npy(other["label"]))])
    yield "in a folder", archive_of([*plain, ("sub/label.npy", npy(other["label"]))])
    for header in headers(arrays["label"]):
        rest = [(name, content) for name, content in plain if name != "label.npy"]
        data = arrays["label"].tobytes()
        for version in (1, 2, 3):
            length = struct.pack("<H" if version == 1 else "<L", len(header))
            yield f"header {version} {header[:60]}", archive_of(
                [*rest, ("label.npy", b"\x93NUMPY" + bytes([version, 0]) + length + header + data)])
    yield "data behind", archive_of([*plain[:-1], (plain[-1][0], plain[-1][1] + b"more")])
    yield "data missing", archive_of([*plain[:-1], (plain[-1][0], plain[-1][1][:-1])])


def headers(array):
    """Headers of `array`, and such as a reader of Python's grammar and one of its own could see differently."""
    rows, columns = array.shape
    shape = f"({rows}, {columns})"
    turned = f"({columns}, {rows})"
    good = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
    for text in (
            good, good + "\n", " " + good, "\n" + good, "\n " + good, "\t" + good, good + "  \n  ", good + "#",
            good.replace("'", '"'), good.replace("False", "True"), good.replace("False", "0"),
            good.replace("False", "None"), good.replace("<f8", ">f8"), good.replace("<f8", "=f8"),
            good.replace("<f8", "|f8"), good.replace("<f8", "f8"), good.replace("<f8", "d"),
            good.replace("<f8", "<i8"), good.replace(shape, turned), good.replace(shape, f"({rows}, {columns},)"),
            good.replace(shape, f"({rows}, 0{columns})"), good.replace(shape, f"({rows}L, {columns}L)"),
            good.replace(shape, f"({rows}, +{columns})"), good.replace(shape, f"[{rows}, {columns}]"),
            good.replace(shape, f"({rows * columns})"), good.replace(shape, f"({rows}, {columns}, 1)"),
            good.replace(shape, f"(0x{rows:x}, {columns})"), good.replace(shape, f"({rows}_0, {columns})"),
            good.replace("}", "'shape': (1,), }"), good.replace("}", f"'shape': {turned}, }}"),
            good.replace("}", "'more': 1, }"), good.replace("'descr'", "'descr' 'x'"),
            good.replace("'descr'", "b'descr'"), good.replace("'descr'", "u'descr'"),
            good.replace("'descr'", "'\\x64escr'"), good.replace("{", "{{"), good.replace(",", ";"),
            good + " " * 9_000, good + " " * 12_000, good.replace("False", "Falsey"), good.replace("<f8", "<f08")):
        yield text.encode()
