"""Manifests, good and hostile, and how different readers take files out of them.

`go_manifest` is a small model of how Go's encoding/json fills the structs of the OCI image-spec: keys match without
regard to case, the last one wins, and what a later key fills keeps what an earlier one put there.
"""

import base64
import itertools
import json

from harness import BYTES, FILE_PATH_ANNOTATION, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, descriptor, digest_of

TITLE = "org.opencontainers.image.title"
UNPACK = "io.deis.oras.content.unpack"
METADATA = "org.cncf.model.file.metadata+json"
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
RAW = "application/vnd.cncf.model.weight.v1.raw"

GOOD = b"good weights"
EVIL = b"evil weights"
NOTES = b"notes\n"
CONFIGS = {OCI_EMPTY: b"{}", IMAGE_CONFIG: b'{"config":{"Entrypoint":["/bin/sh"]}}', "application/x.config": b"[1]"}
BLOBS = [GOOD, EVIL, NOTES, *CONFIGS.values()]

PACKED_TYPES = [
    f"application/vnd.cncf.model.{kind}.v1.{form}"
    for kind in ("weight", "weight.config", "doc", "code", "dataset") for form in ("tar", "tar+gzip", "tar+zstd")
] + [
    "application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "application/vnd.kitops.modelkit.model.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
]
OTHER_TYPES = [
    BYTES, RAW, "application/vnd.acme.nondistributable.weights", "application/vnd.acme.foreign.weights", "text/plain",
    "application/x-tar", "x/y",
]


def layer(data, media_type=BYTES, title=None, path=None):
    annotations = {}
    if title is not None:
        annotations = annotations | {TITLE: title}
    if path is not None:
        annotations = annotations | {FILE_PATH_ANNOTATION: path}
    return descriptor(data, media_type, **({"annotations": annotations} if annotations else {}))


def image(layers, config_type=OCI_EMPTY, **fields):
    return {
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/vnd.example.test",
        "config": descriptor(CONFIGS[config_type], config_type), "layers": layers,
    } | fields


def both(data=GOOD, name="model.onnx", media_type=RAW):
    return layer(data, media_type, title=name, path=name)


def with_fields(item, fields):
    """A layer with more members; annotations come beside those that it has."""
    labels = item["annotations"] | fields.get("annotations", {})
    return item | fields | {"annotations": labels}


def text(body):
    return json.dumps(body).encode()


def with_member(body, member, at_end, inside=None):
    """The document with one more member, as text, at the start or the end of an object in it."""
    document = json.dumps(body)
    target = json.dumps(inside) if inside is not None else document
    changed = target[:-1] + "," + member + "}" if at_end else "{" + member + "," + target[1:]
    assert target in document
    return document.replace(target, changed, 1).encode()


def spellings(key):
    """Other spellings of a key that fold to it."""
    found = {key.upper(), key.capitalize(), key[0] + key[1:].upper(), key.lower(), key.swapcase()}
    if "s" in key:
        found |= {key.replace("s", "\u017f", 1), key.replace("s", "\\u017f", 1)}
    if "k" in key:
        found |= {key.replace("k", "\u212a", 1)}
    return sorted(found - {key})


def corpus():
    """Pairs of a label and (bytes, content type)."""
    evil = json.dumps([layer(EVIL, RAW, title="model.onnx", path="model.onnx")])
    plain = image([both(), both(NOTES, "notes.txt")])
    for count, config_type, media_type in itertools.product((1, 2), CONFIGS, OTHER_TYPES):
        layers = [both(GOOD, "model.onnx", media_type), both(NOTES, "a/notes.txt")][:count]
        yield f"good {count} {config_type} {media_type}", text(image(layers, config_type))
    for media_type in PACKED_TYPES:
        yield f"packed {media_type}", text(image([both(GOOD, "model.onnx", media_type)]))
    for kind in ("title", "path", "neither"):
        names = {"title": {"title": "m.onnx"}, "path": {"path": "m.onnx"}, "neither": {}}[kind]
        yield f"named by {kind}", text(image([layer(GOOD, RAW, **names)]))
    for title in (
        "other.onnx", "../model.onnx", "./model.onnx", "/model.onnx", "a//b", "a/../b", "model.onnx/", "", " ", ".", "..",
        "MODEL.onnx", "mod\u0065\u0301l.onnx", "m\\odel", "C:model", "model.onnx\u0000", "model.onnx\n", "\u202emodel",
    ):
        yield f"title {title!r}", text(image([layer(GOOD, RAW, title=title, path="model.onnx")]))
        yield f"title alone {title!r}", text(image([layer(GOOD, RAW, title=title)]))
    yield "swapped titles", text(image([
        layer(GOOD, RAW, title="b.onnx", path="a.onnx"), layer(EVIL, RAW, title="a.onnx", path="b.onnx")]))
    yield "one title twice", text(image([layer(GOOD, title="m"), layer(EVIL, title="m")]))
    yield "a title and a path of one name", text(image([layer(GOOD, title="m"), layer(EVIL, path="m")]))
    yield "the same layer twice", text(image([both(), both()]))
    for key, values in {
        "layers": [evil, "[]", "null"], "config": [json.dumps(descriptor(b"[1]", "application/x.config")), "null"],
        "mediaType": [f'"{OCI_INDEX}"'], "artifactType": ['"x/y"'], "manifests": ["[]"], "subject": ["null"],
        "annotations": ["{}"], "schemaVersion": ["1"],
    }.items():
        for spelling, value, at_end in itertools.product(spellings(key), values, (False, True)):
            yield f"{spelling} = {value[:20]} at {at_end}", with_member(plain, f'"{spelling}":{value}', at_end)
    first = plain["layers"][0]
    for key, value in {
        "digest": f'"{digest_of(EVIL)}"', "size": "1", "mediaType": '"x/y"', "annotations": f'{{"{TITLE}":"evil"}}',
        "urls": '["http://127.0.0.1/x"]', "data": f'"{base64.b64encode(EVIL).decode()}"',
    }.items():
        for spelling, at_end in itertools.product(spellings(key), (False, True)):
            member = f'"{spelling}":{value}'
            yield f"layer {spelling} at {at_end}", with_member(plain, member, at_end, first)
            yield f"config {spelling} at {at_end}", with_member(plain, member, at_end, plain["config"])
    for member in (
        '"layers":[]', '"manifests":[]', '"manifests":null', '"fsLayers":[]', '"history":[{}]', '"signatures":[]',
        '"fsLayers":null', '"unknown":{"Layers":[],"LAYERS":[]}', '"x":[[[]]]', '"annotations":{"Layers":"a","layers":"b"}',
        '"annotations":{"a":1}', '"annotations":{"a":"1","a":"2"}', '"\\u006cayers":[]', '"\\u004cayers":[]',
        '"subject":' + json.dumps(descriptor(GOOD, OCI_MANIFEST)),
    ):
        yield f"with {member[:40]}", with_member(plain, member, True)
    for fields in (
        {"urls": ["http://127.0.0.1/x"]}, {"urls": []}, {"data": base64.b64encode(GOOD).decode()},
        {"data": base64.b64encode(EVIL).decode()}, {"data": ""}, {"data": base64.b64encode(GOOD).decode().rstrip("=") + " "},
        {"annotations": {UNPACK: "true"}}, {"annotations": {UNPACK: "false"}}, {"platform": {"os": "linux"}},
        {"annotations": {METADATA: json.dumps({"name": "model.onnx", "mode": 420, "typeflag": 48})}},
        {"annotations": {METADATA: json.dumps({"name": "evil.onnx", "typeflag": 0})}},
        {"annotations": {METADATA: json.dumps({"name": "model.onnx", "typeflag": 50})}},
        {"annotations": {METADATA: "{"}}, {"annotations": {"org.cnai.model.filepath": "evil.onnx"}},
    ):
        yield f"layer with {json.dumps(fields)[:60]}", text(image([with_fields(both(), fields)]))
    for missing in ("config", "layers", "mediaType", "artifactType", "schemaVersion"):
        body = image([both()])
        del body[missing]
        yield f"without {missing}", text(body)
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    yield "an empty index", text(index)
    for member in ('"layers":[]', '"config":' + json.dumps(descriptor(b"{}", OCI_EMPTY)), f'"Manifests":{evil}'):
        yield f"an index with {member[:20]}", with_member(index, member, True)
    for media_type in ("text/html", "application/json", "application/vnd.oci.image.manifest.v1+JSON", OCI_INDEX):
        yield f"an image that says {media_type}", text(image([both()], mediaType=media_type))
    for spaced in (json.dumps(plain, indent=3), json.dumps(plain, ensure_ascii=True).replace("/", "\\/")):
        yield f"spelt in another way {spaced[:12]!r}", spaced.encode()


# Readers


def fold(key):
    return "".join({"\u017f": "s", "\u212a": "k"}.get(letter, letter).lower() for letter in key)


FIELDS = {
    "manifest": {
        "schemaVersion": None, "mediaType": None, "artifactType": None, "config": "descriptor", "layers": ["descriptor"],
        "subject": "descriptor", "annotations": {},
    },
    "descriptor": {
        "mediaType": None, "digest": None, "size": None, "urls": None, "annotations": {}, "data": None,
        "artifactType": None,
    },
}


class Pairs(list):
    """The members of an object in their order, each as it stands."""


def go_fill(struct, pairs, before=None):
    filled = dict(before or {})
    for key, value in pairs:
        names = FIELDS[struct]
        name = key if key in names else next((name for name in names if fold(name) == fold(key)), None)
        if name is None or value is None:
            if name is not None and isinstance(names[name], list):
                filled[name] = []
            continue
        kind = names[name]
        if isinstance(kind, str):
            filled[name] = go_fill(kind, value, filled.get(name))
        elif isinstance(kind, list):
            known = filled.get(name) or []
            filled[name] = [
                go_fill(kind[0], item or (), known[place] if place < len(known) else None)
                for place, item in enumerate(value)]
        elif isinstance(kind, dict):
            filled[name] = (filled.get(name) or {}) | dict(value)
        else:
            filled[name] = value
    return filled


def go_manifest(body):
    return go_fill("manifest", json.loads(body, object_pairs_hook=Pairs))


def last_wins(body):
    return json.loads(body)


def first_wins(body):
    return json.loads(body, object_pairs_hook=lambda pairs: dict(reversed(pairs)))


def contents(manifest):
    """What a client materialises: the digests of layers with their titles and paths, and the config."""
    layers = []
    for item in manifest.get("layers") or []:
        labels = item.get("annotations") or {}
        layers.append((item["digest"], item["size"], labels.get(TITLE), labels.get(FILE_PATH_ANNOTATION)))
    return layers, (manifest.get("config") or {}).get("digest")
