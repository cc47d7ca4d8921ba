"""Two versions held against each other, and one alias at two dates."""

import time

import pytest
from evidence import DONE, NOT_FOUND, USAGE
from harness import FIXTURES, public
from test_finding import now, push
from test_report import check_page

# Three times what it is to be, as the machine does other things too.
SECONDS_MAX = 6


@pytest.fixture
def own(assay, server):
    return assay.at(server.url)


@pytest.fixture
def digits(own):
    """Two signed models that came from other data, and one dataset to measure them on."""
    key = own.key()
    own.ok("key", "trust", public(key))
    for name in ("digits-test", "train", "other"):
        own.ok("push", name, FIXTURES / "test.npz", "--kind", "dataset")
    for number, data in ((1, "train:1"), (2, "other:1")):
        own.ok("push", "digits", FIXTURES / f"digits-{number}.onnx", "--key", key, "--param", f"depth={number}",
               "--trained-on", data)
    return own


def compare(own, *arguments):
    return own.ok("compare", *arguments, "--json").json


def measure(own, reference, *options):
    arguments = ["--dataset", "digits-test:1", "--runs", "20", "--json"]
    return own.ok("verify", reference, *arguments, *options).json


def test_files_and_metadata_that_differ_are_told(own):
    push(own, "a", {"same": "1", "changed": "2", "gone": "3", "old/name": "4"}, "--framework", "pytorch")
    push(own, "a", {"same": "1", "changed": "20", "new": "5", "new name": "4"}, "--license", "MIT", "--param", "p=1")
    document = compare(own, "a:1", "a:2")
    assert {file["path"]: ("from" in file, "to" in file) for file in document["files"]} == {
        "changed": (True, True), "gone": (True, False), "old/name": (True, False), "new": (False, True),
        "new name": (False, True)}
    moved = next(file for file in document["files"] if file["path"] == "new name")
    assert moved["moved_from"] == "old/name" and document["same_files"] == 1 and not document["is_same"]
    assert document["metadata"] == [
        {"name": "framework", "from": "pytorch"}, {"name": "license", "to": "MIT"},
        {"name": "parameter p", "to": "1"}]
    # The other way round everything is turned.
    turned = compare(own, "a:2", "a:1")
    assert {"name": "framework", "to": "pytorch"} in turned["metadata"] and turned["from"] == document["to"]
    text = own.ok("compare", "a:1", "a:2").out
    assert "1 the same" in text and "added, was old/name" in text


def test_a_version_is_equal_to_itself_under_every_name(own):
    version = push(own, "a", {"x": "1"})
    own.ok("alias", "set", "a", "production", "1")
    for other in ("a:1", "a:production", f"a@{version['manifest_digest']}"):
        outcome = own.ok("compare", "a:1", other)
        assert "they are equal" in outcome.out and "FILES" not in outcome.out
        assert compare(own, "a:1", other)["is_same"]
    push(own, "b", {"x": "1"})
    document = compare(own, "a:1", "b:1")
    assert document["has_same_content"] and not document["is_same"] and document["files"] == []


def test_models_and_what_they_came_from_are_compared(digits):
    text = digits.ok("compare", "digits:1", "digits:2").out
    assert ["trained-on", "train:1", "other:1"] in [line.split() for line in text.splitlines()]
    document = compare(digits, "digits:1", "digits:2")
    assert [item["name"] for item in document["metadata"]] == ["parameter depth"]
    assert {item["type"]: item["from"]["valid"] for item in document["evidence"]}["signature"] == 1
    assert document["measured"]["apart"] == [] and "Nothing was measured" in text


def test_figures_stand_side_by_side_only_where_both_were_measured_alike(digits):
    measure(digits, "digits:1")
    reasons = [item["reason"] for item in compare(digits, "digits:1", "digits:2")["measured"]["not_compared"]]
    assert reasons == ["only digits:1 has any"]
    measure(digits, "digits:2", "--threads", "2")
    measured = compare(digits, "digits:1", "digits:2")["measured"]
    figures = {figure["name"]: figure for figure in measured["apart"][0]["figures"]}
    assert figures["accuracy"]["from"] == pytest.approx(0.958) and figures["accuracy"]["to"] == pytest.approx(0.854)
    assert not any(figure["is_time"] for figure in figures.values())
    assert [item["reason"] for item in measured["not_compared"]] == ["threads: 1 and 2"]
    measure(digits, "digits:2")
    measured = compare(digits, "digits:1", "digits:2")["measured"]
    assert any(figure["is_time"] for figure in measured["apart"][0]["figures"]) and measured["not_compared"] == []
    assert measured["together"] == []
    text = digits.ok("compare", "digits:1", "digits:2").out
    assert "-0.1040" in text and "--baseline digits:1" in text


def test_a_run_of_both_gives_intervals(digits):
    report = measure(digits, "digits:2", "--baseline", "digits:1", "--deadline", "60")
    for pair in (("digits:1", "digits:2"), ("digits:2", "digits:1")):
        together, = compare(digits, *pair)["measured"]["together"]
        assert together["verification"] == report["verification"] and together["subject"]["number"] == 2
        accuracy = next(metric for metric in together["metrics"] if metric["name"] == "accuracy")
        assert accuracy["bound"]["lower"] <= accuracy["difference"] <= accuracy["bound"]["upper"] < 0
        assert accuracy["difference"] == pytest.approx(0.854 - 0.958)
        assert {item["name"] for item in together["latency"]} >= {"p50", "mean"}


def test_the_page_of_a_comparison_is_whole(digits):
    measure(digits, "digits:2", "--baseline", "digits:1", "--deadline", "60")
    measure(digits, "digits:1")
    digits.ok("compare", "digits:1", "digits:2", "--html", "page.html")
    text = (digits.home / "page.html").read_text()
    check_page(text)
    assert "difference-chart" in text and "comparison-chart" in text and "digits:1 and digits:2" in text
    check_page(digits.ok("compare", "digits:1", "digits:1", "--html", "-").out)


def test_verdicts_of_both_are_told(digits):
    (digits.home / "policy.yaml").write_text("version: 1\nsize: {max_bytes: 100000000}\n")
    digits.ok("policy", "set", "digits", "production", "policy.yaml")
    digits.ok("promote", "digits:1", "production")
    document = compare(digits, "digits:1", "digits:2")
    assert document["from"]["verdicts"][0]["verification_result"] == "PASSED" and document["to"]["verdicts"] == []
    # The key that signed it is not among those that are named here.
    own = digits.ok("compare", "digits:1", "digits:2", "--trust", "release.pub.pem", "--json").json
    assert own["from"]["verdicts"] == []
    assert {"type": "verdict", "from": {"others": 1, "valid": 0}, "to": {"others": 0, "valid": 0}} in own["evidence"]


def test_an_alias_is_compared_with_itself_at_another_time(own):
    for text in ("1", "2", "3"):
        push(own, "a", {"x": text})
    times = [now()]
    for number in ("1", "2", "3"):
        own.ok("alias", "set", "a", "production", number)
        times.append(now())
    document = compare(own, "a:production", "--at", times[1], "--at", times[2])
    assert [document[side]["version"] for side in ("from", "to")] == ["a:1", "a:2"]
    assert document["from"]["asked"] == f"a:production at {times[1]}"
    assert document["from"]["earlier_aliases"] == ["production"] == document["to"]["earlier_aliases"]
    since = compare(own, "a:production", "--at", times[1])
    assert [since[side]["version"] for side in ("from", "to")] == ["a:1", "a:3"]
    assert since["to"]["aliases"] == ["production"]
    assert compare(own, "a:production", "--at", times[2], "--at", times[2])["is_same"]
    outcome = own.run("compare", "a:production", "--at", times[0])
    assert outcome.code == NOT_FOUND and "pointed nowhere" in outcome.err
    assert "assay history a production" in outcome.err
    own.ok("delete", "a:1")
    outcome = own.run("compare", "a:production", "--at", times[1])
    assert outcome.code == NOT_FOUND and "is gone" in outcome.err and "assay audit list" in outcome.err


@pytest.mark.parametrize("arguments, code", [
    ([], USAGE), (["a:1"], USAGE), (["a:1", "a:1", "a:1"], USAGE), (["a:1", "--at", "2026-11-25"], USAGE),
    (["a:x", "a:1", "--at", "2026-11-25"], USAGE), (["a:x", "--at", "yesterday"], USAGE),
    (["a:x", "--at", "2026-11-25", "--at", "2026-11-26", "--at", "2026-11-27"], USAGE),
    (["a:1", "a:1", "--html", "x", "--json"], USAGE), (["a:1", "a:1", "--html", "absent/x"], NOT_FOUND),
    (["a:1", "a:9"], NOT_FOUND), (["a:1", "b:1"], NOT_FOUND), (["a:nobody", "--at", "2026-11-25"], NOT_FOUND),
    (["a", "b"], USAGE), (["a:1", "a:1", "--trust", "absent.pem"], NOT_FOUND)])
def test_wrong_use_is_told(own, arguments, code):
    push(own, "a", {"x": "1"})
    outcome = own.run("compare", *arguments)
    assert outcome.code == code and (outcome.out + outcome.err).strip(), outcome
    assert not (own.home / "x").exists()


def test_a_comparison_is_fast(own):
    files = {f"part-{index}": str(index) for index in range(2000)}
    push(own, "a", files)
    push(own, "a", files | {f"part-{index}": f"{index} changed" for index in range(0, 2000, 2)})
    begin = time.monotonic()
    outcome = own.run("compare", "a:1", "a:2", "--json")
    took = time.monotonic() - begin
    assert outcome.code == DONE and len(outcome.json["files"]) == 1000
    assert took < SECONDS_MAX, took
