"""Text to terms: words as scikit-learn has them, concepts by the rules of the lexicon."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from dateline.labels import Lexicon, Sample, bundled_samples
from dateline.predict import Article, PhraseTable, TermScanner, TermSettings
from dateline.predict.terms import weigh
from dateline.train.features import TermVectorizer


def assert_equal_to_scikit_learn(texts: list[str]) -> None:
    peer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    expected = peer.fit_transform(texts)
    ours = TermVectorizer()
    found = ours.fit_transform(texts)
    assert list(ours.terms_) == list(peer.get_feature_names_out())
    difference = abs(found - expected)
    assert difference.max() < 1e-6


def test_words_equal_scikit_learn_on_news() -> None:
    assert_equal_to_scikit_learn(
        [f"{s.title}\n{s.text}" for s in bundled_samples()[:400]]
    )


# All of Unicode, with more of what has odd rules: case that changes length or
# depends on the neighbours, combining marks, joiners, apostrophes, surrogates.
_ODD = "aA1 _-'’.İıßẞΣσςſﬁŉǅÅ\u0301\u0345\u00ad\u200d٣५߀𝔸𐐀\ud800\U000e0041京é\n"
_TEXT = st.text(
    st.one_of(st.sampled_from(_ODD), st.characters(exclude_categories=())), max_size=60
)


@settings(max_examples=400, deadline=None)
@given(_TEXT, _TEXT)
def test_words_equal_scikit_learn_on_any_text(one: str, other: str) -> None:
    assert_equal_to_scikit_learn([one, other, "some known words"])


@settings(max_examples=400, deadline=None)
@given(_TEXT, _TEXT)
def test_spans_of_words_hold_the_words(title: str, text: str) -> None:
    scanner = TermScanner(PhraseTable.of({}), TermSettings(ngrams=1))
    article = Article(text, title)
    places = scanner.locate(article)
    assert places.keys() == scanner.count(article).keys()
    for word, spans in places.items():
        for span in spans:
            field = title if span.field == "title" else text
            # Lower-casing may look at the neighbours (final sigma) or cut a
            # character in two (U+0130), so the span's text holds the word only
            # up to its case.
            held = field[span.start : span.end].lower().replace("ς", "σ")
            assert word.replace("ς", "σ") in held


def concepts(lexicon: dict[str, list[str]], text: str, title: str = "") -> set[str]:
    phrases = Lexicon(lexicon.items())
    counts = TermScanner(PhraseTable.of(phrases)).count(Article(text, title))
    return {term for term in counts if ":" in term}


PLACES = {
    "Sudan": ["place:SD"],
    "South Sudan": ["place:SS"],
    "Wales": ["place:GB"],
    "New South Wales": ["place:AU"],
    "Turkey": ["place:TR"],
    "Reading": ["place:GB"],
    "US": ["place:US"],
    "U.S.": ["place:US"],
    "UK": ["place:GB"],
    "NATO": ["place:BE"],
    "al-Shabaab": ["place:SO"],
    "Côte d'Ivoire": ["place:CI"],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fighting in South Sudan", {"place:SS"}),
        ("Fighting in Sudan", {"place:SD"}),
        ("South Sudan and Sudan", {"place:SS", "place:SD"}),
        ("Fires in New South Wales", {"place:AU"}),
        ("Fires in south Wales", {"place:GB"}),
        ("A roast turkey", set()),
        ("Turkey votes", {"place:TR"}),
        ("They like reading", set()),
        ("He told us", set()),
        ("Give Us a break", set()),
        ("the US said", {"place:US"}),
        ("the U.S. said", {"place:US"}),
        ("a Nato summit", {"place:BE"}),
        ("a NATO summit", {"place:BE"}),
        ("an Al-Shabaab raid", {"place:SO"}),
        ("un raid d'Al-shabaab", set()),
        ("in Côte d’Ivoire today", {"place:CI"}),
        ("in Cote d'Ivoire today", {"place:CI"}),
        ("TURKEY VOTES", {"place:TR"}),
        ("sudan and turkey in talks with uk", {"place:SD", "place:TR", "place:GB"}),
        ("they told us to wait", set()),
        ("they told us, u.s. officials said", {"place:US"}),
    ],
)
def test_place_counts_where_the_text_writes_it_as_a_name(
    text: str, expected: set[str]
) -> None:
    assert concepts(PLACES, text) == expected


def test_capitals_of_the_title_say_that_the_text_has_case() -> None:
    assert concepts(PLACES, "roast turkey", title="Dinner") == set()


def test_subject_written_in_lower_case_matches_any_case() -> None:
    lexicon = {"penalty": ["subject:x/y"], "Apple": ["subject:x/z"]}
    assert concepts(lexicon, "Penalty! PENALTY! penalty") == {"subject:x/y"}
    assert concepts(lexicon, "An apple") == set()
    assert concepts(lexicon, "an Apple") == {"subject:x/z"}


def test_longest_phrase_wins_within_a_kind_only() -> None:
    lexicon = {
        "Gaza war": ["subject:war/x"],
        "war": ["subject:war/y"],
        "Gaza": ["place:PS"],
    }
    assert concepts(lexicon, "the Gaza war") == {"subject:war/x", "place:PS"}


def test_phrase_may_be_a_name_and_a_word() -> None:
    lexicon = {"Visa": ["subject:x/bank"], "visa": ["subject:x/travel"]}
    assert concepts(lexicon, "A visa") == {"subject:x/travel"}
    assert concepts(lexicon, "by Visa") == {"subject:x/travel", "subject:x/bank"}


def test_concepts_count_by_their_place_and_words_do_not() -> None:
    settings = TermSettings(title_weight=3, lead_weight=2, lead_words=4)
    scanner = TermScanner(PhraseTable.of({"Oslo": ["place:NO"]}), settings)
    counts = scanner.count(Article("rain in Oslo and Oslo", "Oslo"))
    in_text = (1 + math.exp(-2 / 4)) + (1 + math.exp(-4 / 4))
    assert counts["place:NO"] == pytest.approx(3 + in_text)
    assert counts["oslo"] == 3
    assert counts["rain in"] == 1


def test_title_and_text_are_not_run_together() -> None:
    counts = TermScanner(PhraseTable.of({})).count(Article("two", "one"))
    assert set(counts) == {"one", "two"}


def test_spans_of_concepts_point_at_the_phrases() -> None:
    scanner = TermScanner(PhraseTable.of({"New York": ["place:US"]}))
    article = Article("İn New  York, New\nYork.", "New York")
    spans = scanner.locate(article)["place:US"]
    assert [(s.field, s.start, s.end) for s in spans] == [
        ("title", 0, 8),
        ("text", 3, 12),
        ("text", 14, 22),
    ]


def test_block_of_concepts_is_the_longer_the_denser_they_stand() -> None:
    settings = TermSettings(half_density=0.01)
    ids, rows = np.array([0, 1, 0, 1]), np.array([0, 2, 4])
    counts = np.array([99.0, 1.0, 1.0, 1.0])
    weights = weigh(ids, counts, rows, np.ones(2), np.array([0, 1, 2]), settings)
    assert weights[[0, 2]] == pytest.approx(1)
    assert weights[[1, 3]] == pytest.approx([1 / 1.99, 1 / 1.01])


def test_each_block_has_length_one_without_regard_to_density() -> None:
    ids = np.array([0, 1, 3, 2, 3])
    rows = np.array([0, 3, 5])
    idf = np.array([1.0, 2.0, 1.5, 1.0])
    blocks = np.array([0, 2, 4])
    counts = np.array([1.0, 1.0, 2.0, 1.0, 1.0])
    weights = weigh(ids, counts, rows, idf, blocks, TermSettings(half_density=0))
    assert weights[:2] == pytest.approx([1 / 5**0.5, 2 / 5**0.5])
    assert weights[2] == pytest.approx(1)
    assert np.linalg.norm(weights[3:]) == pytest.approx(1)


def test_concept_counted_more_often_weighs_by_its_power() -> None:
    settings = TermSettings(half_density=0, concept_power=0.5)
    ids, rows, idf = np.array([0, 1]), np.array([0, 2]), np.ones(2)
    counts, blocks = np.array([9.0, 1.0]), np.array([0, 0, 2])
    weights = weigh(ids, counts, rows, idf, blocks, settings)
    assert weights[0] / weights[1] == pytest.approx(3)


class TestTermVectorizer:
    """The scikit-learn transformer."""

    def test_keeps_every_concept_and_the_words_of_enough_articles(self) -> None:
        lexicon = Lexicon([("Oslo", ["place:NO"]), ("Rome", ["place:IT"])])
        vectorizer = TermVectorizer(lexicon, min_df=2).fit(["in Oslo", "in bed"])
        assert vectorizer.terms_ == ("in", "place:IT", "place:NO")
        assert vectorizer.blocks_ == {"words": 1, "place": 2}

    def test_keeps_the_most_frequent_words(self) -> None:
        vectorizer = TermVectorizer(max_words=1).fit(["aa bb", "cc bb"])
        assert vectorizer.terms_ == ("bb",)

    def test_refuses_a_single_string(self) -> None:
        with pytest.raises(TypeError, match="one string"):
            TermVectorizer().fit("text")

    def test_refuses_articles_without_a_term(self) -> None:
        with pytest.raises(ValueError, match="lower min_df"):
            TermVectorizer(min_df=2).fit(["one", "two"])

    def test_article_without_a_known_term_is_an_empty_row(
        self, samples: list[Sample]
    ) -> None:
        vectorizer = TermVectorizer().fit([s.text for s in samples])
        assert vectorizer.transform(["", "qqq"]).nnz == 0


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("New York and new york, then York again.", "In New York"),
        ("İstanbul and İstanbul; Oslo.", "İİ Oslo"),
        ("oslo new york", ""),
        ("", ""),
    ],
)
def test_located_terms_are_those_that_are_asked_for(text: str, title: str) -> None:
    scanner = TermScanner(
        PhraseTable.of({"New York": ["place:US"], "Oslo": ["place:NO"]})
    )
    article = Article(text, title)
    every = scanner.locate(article)
    assert scanner.locate(article, set(every)) == every
    assert scanner.locate(article, set()) == {}
    for term in (*every, "absent", "place:absent"):
        expected = {term: every[term]} if term in every else {}
        assert scanner.locate(article, {term}) == expected


def test_locating_one_of_many_terms_takes_the_memory_of_the_tokens_alone() -> None:
    scanner = TermScanner(PhraseTable.of({"Oslo": ["place:NO"]}))
    article = Article(" ".join(f"w{n}" for n in range(10_000)) + " Oslo")
    peaks = []
    for terms in (None, {"place:NO", "oslo"}):
        tracemalloc.start()
        assert scanner.locate(article, terms)["place:NO"]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] / 3
