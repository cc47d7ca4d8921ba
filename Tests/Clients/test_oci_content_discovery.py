"""OCI distribution specification 1.1.1, content discovery: lists of tags and of referrers, and their pages."""

from urllib.parse import quote

import pytest
from distribution import (
    ABSENT, CONTENT, MANIFEST_BYTES_MAX, assert_error, encoded, index_of, next_link, pages, push_empty, push_referrer,
    put, put_by_digest, referrers, referring_digests, sha512_of, tags_of, without)
from harness import OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, descriptor, digest_of, image_manifest

PAGE_MAX = 1000


# Tags


@pytest.fixture
def tagged(registry, name):
    """The path of a list of six tags: 1, a, b, c, d, e."""
    for tag in ("c", "a", "e", "b", "d"):
        registry.push_artifact(name, tag, b"the same bytes")
    return f"/v2/{name}/tags/list"


@pytest.mark.clause("end-8a", "Listing tags: the name and the tags in lexical order, here that of bytes")
def test_tags_are_listed_in_byte_order(registry, name):
    for tag in ("b", "B", "a", "_", "a.1"):
        registry.push_artifact(name, tag, tag.encode())
    answer = registry.get(f"/v2/{name}/tags/list")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"name": name, "tags": ["1", "2", "3", "4", "5", "B", "_", "a", "a.1", "b"]}
    assert next_link(answer) is None


@pytest.mark.clause("end-8a", "Listing tags: 200 and an empty list where the repository has none")
def test_a_repository_without_tags_has_an_empty_list(registry, name):
    registry.push_blob(name, CONTENT)
    answer = registry.get(f"/v2/{name}/tags/list")
    assert (answer.status_code, answer.json()["tags"]) == (200, [])


@pytest.mark.clause("end-8a", "Listing tags: 404 NAME_UNKNOWN where there is no such repository")
@pytest.mark.parametrize("query", ["", "?n=1", "?n=0", "?last=a", "?n=0&last=a"])
def test_tags_of_an_unknown_repository_are_unknown(registry, name, query):
    assert_error(registry.get(f"/v2/{name}/tags/list{query}"), 404, "NAME_UNKNOWN", "repository-not-found")


@pytest.mark.clause("end-8b", "Listing tags: n tags, and a Link while there are more")
@pytest.mark.parametrize("count, sizes", [(1, [1] * 6), (2, [2, 2, 2]), (4, [4, 2]), (6, [6]), (7, [6])])
def test_tags_come_in_pages(registry, tagged, count, sizes):
    answers = [answer.json()["tags"] for answer in pages(registry, f"{tagged}?n={count}")]
    assert [len(page) for page in answers] == sizes
    assert sum(answers, []) == ["1", "a", "b", "c", "d", "e"]


@pytest.mark.clause("end-8b", "Listing tags: n = 0 is an empty list without a Link")
@pytest.mark.parametrize("query", ["n=0", "n=0&last=a"])
def test_a_page_of_no_tags_is_empty(registry, tagged, query):
    answer = registry.get(f"{tagged}?{query}")
    assert (answer.status_code, answer.json()["tags"]) == (200, [])
    assert next_link(answer) is None


@pytest.mark.clause("end-8b", "Listing tags: those after `last`, which may be no tag and may come without n")
@pytest.mark.parametrize("query, listed", [
    ("last=c", ["d", "e"]), ("last=c&n=1", ["d"]), ("n=1&last=c", ["d"]), ("last=bb", ["c", "d", "e"]), ("last=e", []),
    ("last=zzz&n=5", []), ("last=0", ["1", "a", "b", "c", "d", "e"]), ("last=", ["1", "a", "b", "c", "d", "e"])])
def test_tags_after_another_are_listed(registry, tagged, query, listed):
    assert registry.get(f"{tagged}?{query}").json()["tags"] == listed


@pytest.mark.clause("end-8b", "Listing tags: fewer than n only with a Link")
def test_a_page_has_at_most_1000_tags(registry, name):
    """O17: whoever asks for more gets the page and a Link."""
    push_empty(registry, name)
    body = encoded(image_manifest([]))
    for number in range(PAGE_MAX):
        put(registry, name, f"tag-{number:04}", body)
    for query in ("", "?n=1000000000", f"?n={PAGE_MAX + 1}"):
        answers = [answer.json()["tags"] for answer in pages(registry, f"/v2/{name}/tags/list{query}")]
        assert [len(page) for page in answers] == [PAGE_MAX, 1]
    first = registry.get(f"/v2/{name}/tags/list?n={PAGE_MAX + 1}&last=1")
    assert (len(first.json()["tags"]), next_link(first)) == (PAGE_MAX, None)


# Referrers


@pytest.fixture
def subject(registry, name):
    """The descriptor of a manifest that others are about."""
    return descriptor(registry.push_artifact(name, "subject", CONTENT), OCI_MANIFEST)


@pytest.mark.clause("end-12a", "Listing referrers: never 404, and an empty list where there are none")
@pytest.mark.parametrize("digest", [ABSENT, sha512_of(b"never pushed")])
@pytest.mark.parametrize("query", ["", "?artifactType=application/x"])
@pytest.mark.parametrize("is_known", [True, False])
def test_a_digest_that_nobody_refers_to_has_an_empty_list(registry, name, is_known, query, digest):
    """D6: also in a repository that nobody knows."""
    if is_known:
        registry.push_artifact(name, "first", CONTENT)
    assert referrers(registry, name, digest, query).json() == index_of([])


@pytest.mark.clause("end-12a", "Listing referrers: 400 to a malformed digest")
@pytest.mark.parametrize("digest", ["sha256:abc", "sha256:" + "A" * 64, "md5:" + "0" * 32, "first", "sha256:"])
def test_a_malformed_digest_has_no_referrers(registry, name, digest):
    registry.push_artifact(name, "first", CONTENT)
    assert_error(registry.get(f"/v2/{name}/referrers/{digest}"), 400, "DIGEST_INVALID")


@pytest.mark.clause("end-12a", "Listing referrers: a descriptor with artifactType and annotations")
@pytest.mark.parametrize("subject_comes_first", [True, False])
def test_a_referrer_is_listed(registry, name, subject_comes_first):
    push_empty(registry, name)
    subject = encoded(image_manifest([registry.push_blob(name, CONTENT)]))
    if subject_comes_first:
        put(registry, name, "subject", subject)
    fields = {"artifactType": "application/vnd.example.note", "annotations": {"org.example.note": "yes", "\u00e9": ""}}
    referrer = push_referrer(registry, name, descriptor(subject, OCI_MANIFEST), **fields)
    assert referrers(registry, name, digest_of(subject)).json()["manifests"] == [referrer | fields]
    if not subject_comes_first:
        put(registry, name, "subject", subject)
        assert referring_digests(registry, name, digest_of(subject)) == [referrer["digest"]]


def referrer_forms(subject):
    """Manifests with a subject: body, type, and what their entries say beyond the descriptor."""
    image = image_manifest([], subject=subject, artifactType="application/vnd.example.note")
    index = index_of([], subject=subject)
    config = {"artifactType": OCI_EMPTY}
    return {
        "image": (image, OCI_MANIFEST, {"artifactType": "application/vnd.example.note"}),
        "image without artifactType": (without(image, "artifactType"), OCI_MANIFEST, config),
        "image with empty artifactType": (image | {"artifactType": ""}, OCI_MANIFEST, config),
        "index": (index | {"artifactType": "application/x"}, OCI_INDEX, {"artifactType": "application/x"}),
        "index without artifactType": (index, OCI_INDEX, {}),
        "index with empty artifactType": (index | {"artifactType": ""}, OCI_INDEX, {}),
        "index with annotations": (index | {"annotations": {"a": "b"}}, OCI_INDEX, {"annotations": {"a": "b"}}),
    }


@pytest.mark.clause("end-12a", "Listing referrers: artifactType, else the config's type, else for an index none")
@pytest.mark.parametrize("form", list(referrer_forms(None)))
def test_a_referrer_has_a_type(registry, name, subject, form):
    body, media_type, extra = referrer_forms(subject)[form]
    pushed = put_by_digest(registry, name, body, media_type)
    assert referrers(registry, name, subject["digest"]).json()["manifests"] == [pushed | extra]


@pytest.mark.clause("end-12a", "Listing referrers: a subject named by sha512")
def test_a_subject_may_be_named_by_sha512(registry, name):
    push_empty(registry, name)
    body = encoded(image_manifest([]))
    put(registry, name, sha512_of(body), body)
    referrer = push_referrer(registry, name, descriptor(body, OCI_MANIFEST) | {"digest": sha512_of(body)})
    assert referring_digests(registry, name, sha512_of(body)) == [referrer["digest"]]


@pytest.mark.clause("end-12a", "Listing referrers: each once, also one that has a tag or came twice")
def test_a_referrer_is_listed_once(registry, name, subject):
    push_empty(registry, name)
    body = image_manifest([], subject=subject)
    for reference in (digest_of(encoded(body)), digest_of(encoded(body)), "noted", "noted-again"):
        put(registry, name, reference, body)
    assert referring_digests(registry, name, subject["digest"]) == [digest_of(encoded(body))]


@pytest.mark.clause("end-12a", "Listing referrers: those of the same repository")
def test_referrers_of_another_repository_are_not_listed(registry, name, subject):
    push_referrer(registry, f"{name}-other", subject)
    assert referring_digests(registry, name, subject["digest"]) == []


@pytest.mark.clause("end-12b", "Listing referrers: those of a type, and OCI-Filters-Applied")
@pytest.mark.parametrize("kind", [
    "application/one", "application/vnd.example.two+json", OCI_EMPTY, "application/three"])
def test_referrers_can_be_filtered(registry, name, subject, kind):
    push_empty(registry, name)
    listed = {"application/three": []}
    for artifact_type in ("application/one", "application/vnd.example.two+json"):
        listed[artifact_type] = [push_referrer(registry, name, subject, artifactType=artifact_type)["digest"]]
    listed[OCI_EMPTY] = [put_by_digest(
        registry, name, without(image_manifest([], subject=subject), "artifactType"))["digest"]]
    for text in (quote(kind, safe=""), kind):
        query = f"?artifactType={text}"
        assert referring_digests(registry, name, subject["digest"], query) == listed[kind]
        assert referrers(registry, name, subject["digest"], query).headers["OCI-Filters-Applied"] == "artifactType"


@pytest.mark.clause("end-12b", "Listing referrers: no OCI-Filters-Applied where nothing was filtered")
def test_without_a_filter_none_is_told(registry, name, subject):
    assert "OCI-Filters-Applied" not in referrers(registry, name, subject["digest"]).headers


@pytest.mark.clause("end-12a", "Listing referrers: no list is larger than a manifest may be")
def test_a_page_of_referrers_is_no_larger_than_a_manifest(registry, name, subject):
    pushed = [
        push_referrer(registry, name, subject, annotations={"number": str(number), "note": "x" * 60_000})["digest"]
        for number in range(80)]
    answers = pages(registry, f"/v2/{name}/referrers/{subject['digest']}")
    assert all(len(answer.content) <= MANIFEST_BYTES_MAX for answer in answers)
    assert [entry["digest"] for answer in answers for entry in answer.json()["manifests"]] == pushed


@pytest.mark.clause("end-8a", "A list is asked for by HEAD too")
def test_lists_are_described_by_head(registry, name, subject):
    registry.push_artifact(name, "first", b"content")
    for path in ("/v2/", f"/v2/{name}/tags/list", f"/v2/{name}/referrers/{subject['digest']}"):
        head, whole = registry.head(path), registry.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == str(len(whole.content))
        assert head.headers["Content-Type"] == whole.headers["Content-Type"]


@pytest.mark.clause("end-12a", "Listing referrers: a Link where the list does not fit")
@pytest.mark.parametrize("kind, sizes", [(None, [3, 3, 1]), ("application/one", [3, 1])])
def test_referrers_come_in_pages(registry, name, subject, kind, sizes):
    for number in range(7):
        artifact_type = "application/two" if number % 2 else "application/one"
        push_referrer(registry, name, subject, artifactType=artifact_type, annotations={"number": str(number)})
    path = f"/v2/{name}/referrers/{subject['digest']}" + (f"?artifactType={kind}&" if kind else "?")
    answers = pages(registry, f"{path}n=3")
    assert [len(answer.json()["manifests"]) for answer in answers] == sizes
    for answer in answers:
        assert answer.headers["Content-Type"] == OCI_INDEX
        assert answer.headers.get("OCI-Filters-Applied") == ("artifactType" if kind else None)
    listed = [entry for answer in answers for entry in answer.json()["manifests"]]
    assert listed == registry.get(path.rstrip("?&")).json()["manifests"]


@pytest.mark.clause("end-12a", "Listing referrers: a page that was asked for wrongly")
@pytest.mark.parametrize("query", ["n=-1", "n=x", "n=", "n=99999999999999999999", "n=1&n=2"])
def test_an_odd_page_of_referrers_is_refused(registry, name, subject, query):
    assert_error(registry.get(f"/v2/{name}/referrers/{subject['digest']}?{query}"), 400, "UNSUPPORTED")


@pytest.mark.clause("end-12a", "Listing referrers: a page has at most a thousand, whatever is asked for")
def test_a_thousand_referrers_and_one_more(registry, name, subject):
    push_empty(registry, name)
    for number in range(PAGE_MAX + 1):
        put_by_digest(registry, name, image_manifest([], subject=subject, annotations={"number": str(number)}))
    for query in ("", "?n=1000000000"):
        answers = pages(registry, f"/v2/{name}/referrers/{subject['digest']}{query}")
        assert [len(answer.json()["manifests"]) for answer in answers] == [PAGE_MAX, 1]


@pytest.mark.clause("end-12a", "Backwards compatibility: the tag that old clients keep is a tag as any other")
def test_the_referrers_tag_is_only_a_tag(registry, name, subject):
    referrer = push_referrer(registry, name, subject)
    tag = subject["digest"].replace(":", "-")
    put(registry, name, tag, index_of([referrer]), OCI_INDEX)
    assert registry.get_manifest(name, tag).json()["manifests"] == [referrer]
    assert referring_digests(registry, name, subject["digest"]) == [referrer["digest"]]
    assert tag in tags_of(registry, name)
