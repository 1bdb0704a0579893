"""Articles read as numbers give what the definitions in Python give."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dateline.labels import Lexicon, bundled_samples
from dateline.predict import Article
from dateline.predict.terms import TermSettings
from dateline.train import features, stories, texts
from dateline.train.features import TermVectorizer
from dateline.train.texts import COMPILED, number_words

compiled = pytest.mark.skipif(
    not COMPILED, reason="nothing is compiled here: it was installed without a compiler"
)

LEXICON = Lexicon([("Oslo", ["place:NO"]), ("new york", ["place:US", "subject:x"])])

# Few words, so that they come again, and letters that are lower-cased in odd ways.
word = st.sampled_from(
    (
        *("a", "Oslo", "oslo", "new", "New", "york", "rain", "ab", "ab_c", "7", "77"),
        *("İzmir", "ΟΔΟΣ", "οδός", "Straße", "Ærø", "𐐀𐐁", "ǅ", "e\u0301t", "中文"),
    )
)
field = st.lists(word, max_size=12).map(" ".join) | st.text(max_size=12)
articles = st.lists(st.builds(Article, field, field), min_size=1, max_size=8)


def without_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "COMPILED", False)


def assert_same_counts(found: TermVectorizer, expected: TermVectorizer) -> None:
    assert found.terms_ == expected.terms_
    assert found.blocks_ == expected.blocks_
    assert (found.idf_ == expected.idf_).all()


@compiled
@hypothesis_settings(deadline=None)
@given(
    articles,
    st.lists(st.builds(Article, field, field), max_size=3),
    st.integers(0, 3),
    st.none() | st.integers(0, 9),
    st.sampled_from([1, 2]),
)
def test_vocabulary_and_counts_are_those_of_the_definition(
    learned: list[Article],
    also: list[Article],
    min_df: int,
    max_words: int | None,
    ngrams: int,
) -> None:
    def fitted() -> tuple[TermVectorizer, object]:
        vectorizer = TermVectorizer(
            LEXICON, TermSettings(ngrams=ngrams), min_df, max_words
        )
        return vectorizer, vectorizer.fit_counts(learned, also=also)

    found, counts = fitted()
    with pytest.MonkeyPatch.context() as patch:
        without_compiled(patch)
        expected, expected_counts = fitted()
    assert_same_counts(found, expected)
    assert (counts != expected_counts).nnz == 0  # type: ignore[attr-defined]
    assert counts.shape[0] == len(learned) + len(also)  # type: ignore[attr-defined]


@compiled
def test_vocabulary_of_real_text_is_that_of_the_definition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    samples = bundled_samples()[:1500]
    learned = [Article(s.text, s.title) for s in samples]

    def fitted() -> tuple[TermVectorizer, object]:
        vectorizer = TermVectorizer(LEXICON, min_df=2, max_words=70_000)
        return vectorizer, vectorizer.fit_counts(learned)

    found, counts = fitted()
    without_compiled(monkeypatch)
    expected, expected_counts = fitted()
    assert_same_counts(found, expected)
    assert counts.has_sorted_indices  # type: ignore[attr-defined]
    assert (counts != expected_counts).nnz == 0  # type: ignore[attr-defined]


@compiled
@hypothesis_settings(deadline=None)
@given(st.lists(field, max_size=12))
def test_near_duplicates_are_those_of_the_definition(fields: list[str]) -> None:
    found = stories.near_duplicates(fields)
    with pytest.MonkeyPatch.context() as patch:
        without_compiled(patch)
        assert stories.near_duplicates(fields) == found


@compiled
def test_words_are_numbered_in_the_order_in_which_they_are_met() -> None:
    found = number_words([Article("b a c", "d b"), Article("İ c"), Article("e")])
    assert found is not None
    assert [found.numbers(i).tolist() for i in range(3)] == [
        [0, 1, 1, 2, 3],
        [4, 3],
        [5],
    ]
    assert found.words(range(6)) == ["d", "b", "a", "c", "i", "e"]
    assert found.lengths().tolist() == [5, 2, 1]


@compiled
def test_pairs_that_are_counted_in_parts_are_all_counted() -> None:
    # More tokens than are counted at a time.
    rng = np.random.default_rng(0)
    words = [f"w{n}" for n in range(3000)]
    fields = [" ".join(rng.choice(words, 1500)) for _ in range(1500)]
    numbered = number_words(Article(text) for text in fields)
    assert numbered is not None
    df = numbered.word_frequencies(len(fields))
    first, second, frequency = numbered.pair_frequencies(len(fields), df, 1)
    key = first.astype(np.int64) * len(df) + second
    assert len(np.unique(key)) == len(key)
    expected = np.concatenate(
        [
            np.unique(ids[:-1].astype(np.int64) * len(df) + ids[1:])
            for ids in map(numbered.numbers, range(len(fields)))
        ]
    )
    assert frequency.sum() == len(expected)
    assert set(key.tolist()) == set(expected.tolist())


@compiled
@pytest.mark.parametrize(
    "call",
    [
        lambda texts: texts.add("", 3),
        lambda texts: texts.add(None, "text"),
    ],
)
def test_what_is_no_text_is_refused(call: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="expected a string"):
        call(number_words([]))


@compiled
def test_terms_of_another_vocabulary_are_refused() -> None:
    numbered = number_words([Article("one two")])
    assert numbered is not None
    with pytest.raises(ValueError, match="not those of the words"):
        numbered.count([0], [], [], [], 1, [0], [], [])
    with pytest.raises(ValueError, match="none of 1"):
        numbered.count([0, 1], [], [], [], 1, [0], [], [])
    with pytest.raises(ValueError, match="other terms"):
        numbered.count([0, 0], [], [], [], 1, [1], [], [])
    with pytest.raises(IndexError, match="no article 1"):
        numbered.numbers(1)
    with pytest.raises(IndexError, match="no word 2"):
        numbered.words([2])


def test_articles_that_were_read_before_are_not_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learned = [Article("one two"), Article("two three")]
    numbered = number_words(learned)
    read: list[Article] = []

    def reading(articles, texts):  # type: ignore[no-untyped-def]
        articles = list(articles)
        read.extend(articles)
        return number_words(articles, texts)

    monkeypatch.setattr(features, "number_words", reading)
    also = [Article("four")]
    vectorizer = TermVectorizer()
    counts = vectorizer.fit_counts(learned, also=also, texts=numbered)
    assert read == (also if COMPILED else [*learned, *also])
    assert vectorizer.terms_ == ("one", "one two", "three", "two", "two three")
    assert np.diff(counts.indptr).tolist() == [3, 3, 0]
