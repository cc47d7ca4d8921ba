"""One manifest, one reading: whatever client materialises a version gets the files that Assay names, signs and measures."""

import oras.client
import pytest
from harness import FILE_PATH_ANNOTATION, OCI_MANIFEST, digest_of
from manifest_corpus import BLOBS, contents, corpus, first_wins, go_manifest, last_wins
from test_skopeo import skopeo

MANIFESTS_MIN = 300


@pytest.fixture
def stocked(server, registry, name):
    """A repository of a server of its own that has every blob of the corpus."""
    registry = type(registry)(server.url)
    for blob in BLOBS:
        registry.push_blob(name, blob)
    return registry


def test_what_every_reader_takes_is_what_assay_names(assay, server, stocked, name, tmp_path):
    assay, key = assay.at(server.url), assay.key()
    manifests = list(corpus())
    assert len(manifests) >= MANIFESTS_MIN
    accepted, signed, refused = 0, 0, []
    for label, body in manifests:
        answer = stocked.put_manifest(name, digest_of(body), body, OCI_MANIFEST)
        if answer.status_code != 201:
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "MANIFEST_INVALID"), label
            refused.append(label)
            continue
        accepted += 1
        assert contents(go_manifest(body)) == contents(last_wins(body)) == contents(first_wins(body)), label
        assert stocked.put_manifest(name, "latest", body, OCI_MANIFEST).status_code in (201, 400, 422), label
        reference = f"{name}@{digest_of(body)}"
        shown = assay.run("show", reference, "--json")
        if shown.code != 0:
            continue
        layers, config = contents(go_manifest(body))
        files = {file["path"]: file["digest"] for file in shown.json["files"]}
        assert set(files.values()) == {digest for digest, *_ in layers}, label
        outcome = assay.run("sign", reference, "--key", key)
        if outcome.code != 0:
            assert outcome.code in (2, 6, 7) and ("manifest" in outcome.err or "path" in outcome.err), (label, outcome)
            continue
        signed += 1
        check_materialised(server, name, reference, layers, config, files, label, tmp_path / str(signed))
    assert accepted > 80 and signed > 50 and len(refused) > 150, (accepted, signed, len(refused))


def check_materialised(server, name, reference, layers, config, files, label, folder):
    """What oras and skopeo write of a version that was signed."""
    titled = {title: digest for digest, _, title, _ in layers if title is not None}
    assert titled.items() <= files.items(), label
    assert {path for *_, path in layers if path} <= set(files), label
    if len(titled) == len({digest for digest, *_ in layers}):
        client = oras.client.OrasClient(hostname=server.address, insecure=True)
        client.pull(f"{server.address}/{reference}", outdir=str(folder / "oras"))
        written = {
            str(path.relative_to(folder / "oras")): digest_of(path.read_bytes())
            for path in (folder / "oras").rglob("*") if path.is_file()}
        assert written == files, label
    (folder / "skopeo").mkdir(parents=True)
    skopeo(
        "copy", "--src-tls-verify=false", "--preserve-digests", f"docker://{server.address}/{reference}",
        f"dir:{folder / 'skopeo'}")
    blobs = {
        digest_of(path.read_bytes()) for path in (folder / "skopeo").iterdir()
        if path.name not in ("manifest.json", "version")}
    assert blobs == set(files.values()) | {config}, label


def test_the_model_of_go_takes_the_last_key_of_any_case():
    body = b'{"layers":[{"digest":"a","size":1}],"LAYERS":[{"digest":"b"}],"config":{"digest":"c"},"Config":{"size":2}}'
    assert contents(go_manifest(body)) == ([("b", 1, None, None)], "c")
    assert contents(last_wins(body))[0][0][0] == "a"
    assert FILE_PATH_ANNOTATION == "org.cncf.model.filepath"


@pytest.mark.parametrize("content_type", ["text/html", "application/json", "text/html; charset=utf-8", "*/*"])
def test_a_manifest_is_never_stored_as_a_page(stocked, name, content_type):
    _, body = next(corpus())
    answer = stocked.put_manifest(name, "x", body, content_type)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "MANIFEST_INVALID")
