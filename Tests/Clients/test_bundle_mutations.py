"""A bundle that is not as it was exported passes no check and brings nothing into a store."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import find_binary
from bundle_mutations import BUNDLE_MUTATIONS, attempt_bundle, bundle_name_of, make_bundle, try_bundle
from mutations import DONE, quick_folder

SEEDS = range(1, 81)
CASES = [(name, 0) for name in BUNDLE_MUTATIONS] + [(bundle_name_of(seed), seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def folder():
    with quick_folder() as path:
        yield path


@pytest.fixture(scope="module")
def bundles(folder):
    return make_bundle(find_binary(), folder)


@pytest.fixture(scope="module")
def trials(request, bundles, folder):
    """Each case that was asked for, tried on all cores at once; a test waits for its own."""
    cases = [item.callspec.params["case"] for item in request.session.items
             if item.module is request.module and "case" in getattr(getattr(item, "callspec", None), "params", ())]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {case: pool.submit(attempt_bundle, bundles, *case, folder / f"trial-{number}")
               for number, case in enumerate(cases)}
        pool.shutdown(cancel_futures=True)


def test_the_bundle_itself_is_good(bundles, folder):
    check, load, versions = try_bundle(bundles, bundles.good, folder / "good")
    assert (check.code, load.code, versions) == (DONE, DONE, 1), f"{check}\n{load}"


@pytest.mark.parametrize("case", CASES, ids=[f"{seed}-{name}" for name, seed in CASES])
def test_a_bad_bundle_is_refused(trials, case):
    trial = trials[case].result()
    assert trial.is_refused, f"not refused: {trial}"
