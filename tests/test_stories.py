"""Which samples tell the same story."""

from __future__ import annotations

import random

import pytest

from dateline.labels import Sample
from dateline.train.folds import deal_folds
from dateline.train.stories import ALIKE, near_duplicates, story_groups

REPORT = (
    "The harbour master closed the port of Tarnsund at noon after the ferry lost "
    "power off the breakwater, and two tugs brought its forty passengers ashore "
    "before the wind rose in the evening."
)


def made_up(seed: int, words: int = 60) -> str:
    rng = random.Random(seed)
    return " ".join(f"w{rng.randrange(500)}" for _ in range(words))


def test_text_with_a_few_words_changed_is_a_near_duplicate() -> None:
    changed = REPORT.replace("forty passengers", "41 travellers")
    ((one, other, similarity),) = near_duplicates([REPORT, made_up(0), changed])
    assert (one, other) == (0, 2)
    assert ALIKE <= similarity < 1


def test_case_and_punctuation_make_no_difference() -> None:
    assert near_duplicates([REPORT, REPORT.upper().replace(",", " -")]) == [(0, 1, 1.0)]


def test_unlike_texts_are_no_near_duplicates() -> None:
    assert near_duplicates([made_up(seed) for seed in range(300)]) == []


@pytest.mark.parametrize("texts", [[], ["one"], ["", ""], ["!", "?"]])
def test_nothing_to_compare_is_nothing_alike(texts: list[str]) -> None:
    assert near_duplicates(texts) == []


def test_short_texts_are_compared_as_a_whole() -> None:
    assert near_duplicates(["Sold out", "sold out", "sold"]) == [(0, 1, 1.0)]


def test_nearly_all_pairs_that_are_alike_are_found() -> None:
    texts = [made_up(seed) for seed in range(200)]
    copies = [" ".join(text.split()[:55]) for text in texts]  # similarity .91
    found = {(i, j) for i, j, _ in near_duplicates(texts + copies)}
    assert len(found & {(i, i + 200) for i in range(200)}) == 200


def test_similarity_is_that_of_jaccard() -> None:
    # 3 runs of three words each, 2 of them shared: 2 of 4.
    assert near_duplicates(["a b c d e", "b c d e f"]) == [(0, 1, 0.5)]


def test_copies_in_crowds_are_compared_to_the_first_only() -> None:
    # All pairs of n copies would be n squared: hours, for a feed's boilerplate.
    copies = ["The page that you asked for is for subscribers only"] * 300
    assert [pair[:2] for pair in near_duplicates(copies)] == [
        (0, n) for n in range(1, 300)
    ]


def test_samples_of_one_source_and_day_tell_one_story() -> None:
    samples = [
        Sample("a", "", made_up(1), source="Post", date="2020-01-01"),
        Sample("b", "", made_up(2), source="Post", date="2020-01-02"),
        Sample("c", "", made_up(3), source="Post", date="2020-01-01"),
        Sample("d", "", made_up(4), source="", date="2020-01-01"),
        Sample("e", "", made_up(5), source="", date="2020-01-01"),
    ]
    assert story_groups(samples).tolist() == [0, 1, 0, 2, 3]


def test_stories_join_through_a_third_sample() -> None:
    samples = [
        Sample("a", "", REPORT, source="Post", date="2020-01-01"),
        Sample("b", "", made_up(1), source="Post", date="2020-01-01"),
        Sample("c", "", REPORT),
    ]
    assert story_groups(samples).tolist() == [0, 0, 0]


def test_a_story_is_dealt_into_one_fold() -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    groups = rng.integers(0, 60, 300)
    truth = rng.random((300, 3)) < 0.3
    folds = deal_folds(truth, 5, seed=0, groups=groups)
    assert all(len(set(folds[groups == g])) == 1 for g in set(groups.tolist()))
    sizes = np.bincount(folds, minlength=5)
    assert sizes.max() - sizes.min() <= 15
