"""What the tests of the OCI specification share: uploads of every form, manifests of every kind, answers."""

import hashlib
import json

from harness import BYTES, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, descriptor, digest_of, image_manifest, with_query

CONTENT = bytes(range(256)) * 8
ABSENT = digest_of(b"never pushed")
MANIFEST_BYTES_MAX = 4 << 20
CHUNK_BYTES = 1000
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
NONDISTRIBUTABLE_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"


def sha512_of(data):
    return "sha512:" + hashlib.sha512(data).hexdigest()


def encoded(body):
    """The bytes of a manifest, as `put_manifest` sends them."""
    return json.dumps(body).encode()


# Answers


def assert_error(answer, status, code, assay_code=None):
    """Demands one error of this code, and of this one of Assay in its detail; gives the detail."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    error, = answer.json()["errors"]
    assert error["code"] == code
    assert error["message"]
    if assay_code is not None:
        assert error["detail"]["code"] == assay_code, error
    return error["detail"]


def next_link(answer):
    """The address of the next page, or None; RFC 8288."""
    link = answer.headers.get("Link")
    if link is None:
        return None
    assert link.startswith("<") and link.endswith('>; rel="next"'), link
    return link[1:link.index(">")]


def pages(registry, path, pages_max=100):
    """The answers from this path on, by the Link of each."""
    answers = []
    while path:
        assert len(answers) < pages_max, "the pages have no end"
        answers.append(registry.get(path))
        assert answers[-1].status_code == 200, answers[-1].text
        path = next_link(answers[-1])
    return answers


def tags_of(registry, name):
    return registry.get(f"/v2/{name}/tags/list").json()["tags"]


def referrers(registry, name, digest, query=""):
    answer = registry.get(f"/v2/{name}/referrers/{digest}{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == OCI_INDEX
    assert answer.json()["mediaType"] == OCI_INDEX
    return answer


def referring_digests(registry, name, digest, query=""):
    return [entry["digest"] for entry in referrers(registry, name, digest, query).json()["manifests"]]


# Manifests


def push_empty(registry, name):
    """The empty config, which almost every manifest here names."""
    return registry.push_blob(name, b"{}") | {"mediaType": OCI_EMPTY}


def put(registry, name, reference, body, media_type=OCI_MANIFEST):
    """Puts a manifest that must be accepted; gives the answer."""
    answer = registry.put_manifest(name, reference, body, media_type)
    assert answer.status_code == 201, answer.text
    return answer


def put_by_digest(registry, name, body, media_type=OCI_MANIFEST):
    """Puts a manifest without a tag; gives its descriptor."""
    data = encoded(body)
    put(registry, name, digest_of(data), data, media_type)
    return descriptor(data, media_type)


def index_of(children, **fields):
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children} | fields


def without(body, *members):
    return {key: value for key, value in body.items() if key not in members}


def push_referrer(registry, name, subject, **fields):
    """Puts a manifest about a subject; gives its descriptor."""
    push_empty(registry, name)
    return put_by_digest(registry, name, image_manifest([], subject=subject, **fields))


# Uploads: each gives the last answer


def upload_by_post_and_put(registry, name, data, digest):
    return registry.close_upload(registry.open_upload(name), data, digest)


def upload_by_one_post(registry, name, data, digest):
    return registry.request(
        "POST", f"/v2/{name}/blobs/uploads/?digest={digest}", data=data, headers={"Content-Type": BYTES})


def upload_in_chunks(registry, name, data, digest):
    location = registry.open_upload(name)
    for start in range(0, len(data), CHUNK_BYTES):
        piece = data[start:start + CHUNK_BYTES]
        answer = registry.patch(location, piece, (start, start + len(piece) - 1))
        assert answer.status_code == 202, answer.text
        assert answer.headers["Range"] == f"0-{start + len(piece) - 1}"
        location = answer.headers["Location"]
    return registry.close_upload(location, b"", digest)


def upload_as_one_patch(registry, name, data, digest):
    return registry.close_upload(patched(registry, registry.open_upload(name), data), b"", digest)


def upload_as_stream(registry, name, data, digest):
    """Without Content-Length, as a client sends what it compresses on the way."""
    location = patched(registry, registry.open_upload(name), iter([data[:7], data[7:]]))
    return registry.close_upload(location, b"", digest)


def upload_with_last_piece_in_put(registry, name, data, digest):
    location = patched(registry, registry.open_upload(name), data[:CHUNK_BYTES], (0, CHUNK_BYTES - 1))
    span = f"{CHUNK_BYTES}-{len(data) - 1}"
    return registry.request(
        "PUT", with_query(location, f"digest={digest}"), data=data[CHUNK_BYTES:],
        headers={"Content-Type": BYTES, "Content-Range": span})


UPLOADS = [
    upload_by_post_and_put, upload_by_one_post, upload_in_chunks, upload_as_one_patch, upload_as_stream,
    upload_with_last_piece_in_put]


def patched(registry, location, data, span=None):
    """Sends a chunk that must be accepted; gives the Location to go on at."""
    answer = registry.patch(location, data, span)
    assert answer.status_code == 202, answer.text
    return answer.headers["Location"]
