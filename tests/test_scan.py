"""The compiled scan gives what the definition in Python gives."""

from __future__ import annotations

import pickle
import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dateline.labels import Lexicon, Sample, Taxonomy
from dateline.predict import Article, Model, Prediction, Predictor, counter
from dateline.predict.counter import COMPILED, TermCounter
from dateline.predict.eight_bits import EightBits
from dateline.predict.phrases import PhraseTable
from dateline.predict.run_table import RunTable
from dateline.predict.terms import TermSettings, weigh

compiled = pytest.mark.skipif(
    not COMPILED, reason="no compiled scan here: it was installed without a compiler"
)

# Capitals of all sorts, words in two kinds and two spellings, long and short phrases,
# runs that begin others, one letter, letters that are lower-cased in odd ways.
LEXICON = Lexicon(
    [
        ("Sudan", ["place:SD"]),
        ("South Sudan", ["place:SS"]),
        ("South", ["subject:compass"]),
        ("south", ["subject:compass"]),
        ("US", ["place:US"]),
        ("U.S.", ["place:US", "subject:abroad"]),
        ("NATO", ["place:western-europe"]),
        ("turkey", ["subject:birds"]),
        ("Turkey", ["place:TR"]),
        ("who", ["subject:asking"]),
        ("WHO", ["subject:health"]),
        ("a b c d e", ["subject:letters"]),
        ("a b", ["subject:letters", "place:AB"]),
        ("Ærø", ["place:DK"]),
        ("ΣΥΡΙΖΑ", ["place:GR"]),
        ("İzmir", ["place:TR"]),
        ("Ǆ", ["subject:titlecase"]),
        ("AǄ", ["subject:capitals"]),
        ("ΟΔΟΣ", ["subject:roads"]),  # which ends otherwise in lower case
        ("mix", ["subject:first"]),
        ("Mix", ["subject:second"]),
        ("MIX", ["subject:third"]),
        ("𐐀𐐁", ["subject:deseret"]),
    ]
)
WORDS = (
    *("south", "south sudan", "turkey", "us", "of", "of south", "who", "ærø", "ǆ"),
    *("σίγμα", "zmir", "ab", "the", "𐐨𐐩", "straße", "10", "a_b"),
)

N_LABELS = 45  # one strip of the compiled sums is 40


def counter_of(
    words: tuple[str, ...] = WORDS, eight_bits: bool = True, **settings: Any
) -> TermCounter:
    concepts = sorted({c for found in LEXICON.values() for c in found})
    kinds = [concept.partition(":")[0] for concept in concepts]
    bounds = np.cumsum(
        [0, len(words), *(kinds.count(kind) for kind in sorted(set(kinds)))]
    )
    terms = [*sorted(words), *concepts]
    rng = np.random.default_rng(0)
    weights = EightBits.nearest(rng.normal(size=(len(terms), N_LABELS)))
    return TermCounter(
        terms,
        bounds,
        PhraseTable.of(LEXICON),
        TermSettings(**settings),
        rng.uniform(1, 9, len(terms)),
        weights if eight_bits else np.asarray(weights, dtype=np.float32),
        rng.normal(size=N_LABELS),
    )


def in_python(counter: TermCounter) -> TermCounter:
    without = object.__new__(TermCounter)
    without.__dict__ |= counter.__dict__ | {"scan": None}
    return without


def assert_alike(counter: TermCounter, article: Article) -> None:
    found, expected = counter.count(article), in_python(counter).count(article)
    assert found[0].tolist() == expected[0].tolist(), article
    assert found[1].tolist() == expected[1].tolist(), article


@pytest.fixture(scope="module")
def ours() -> TermCounter:
    return counter_of()


# Any characters, and texts of what the lexicon has, so that something is found.
PIECES = [*(p for phrase in LEXICON for p in phrase.split(" ")), *WORDS, "Nato", "x"]
HOW: list[Callable[[str], str]] = [str, str.lower, str.upper, str.title]
ANY_TEXT = st.text(st.characters())
OUR_TEXT = st.lists(
    st.tuples(
        st.sampled_from(PIECES),
        st.sampled_from(HOW),
        st.sampled_from([" ", " ", "-", ". ", "’s ", "", "\n"]),
    ),
    max_size=40,
).map(lambda found: "".join(how(piece) + gap for piece, how, gap in found))
TEXT = ANY_TEXT | OUR_TEXT


@compiled
@hypothesis_settings(deadline=None)
@given(title=TEXT, text=TEXT)
def test_counts_are_those_of_the_definition(title: str, text: str) -> None:
    assert_alike(counter_of(), Article(text, title))


@compiled
@pytest.mark.parametrize(
    "text",
    [
        *("us", "us who nato", "Us", "US", "u.s.", "who, WHO"),
        *("South Sudan", "South sudan", "south Sudan", "SOUTH sUDAN"),
        *("mix", "Mix", "MIX", "a MIX, a Mix", "οδος", "οδοσ", "Οδος"),
        *("AǄ", "Aǅ", "aǅ"),  # title case is no capital
    ],
)
def test_capitals_are_asked_for_alike(ours: TermCounter, text: str) -> None:
    # Without any capital "us" is no country, but with some the rest is taken exactly.
    assert_alike(ours, Article(text))
    assert_alike(ours, Article(text, "In Turkey"))


@compiled
@pytest.mark.parametrize(
    "settings",
    [{"ngrams": 1}, {"title_weight": 1.5}, {"lead_words": 3}, {"lead_weight": 3.7}],
)
def test_settings_are_kept(settings: dict[str, Any]) -> None:
    text = "South Sudan, turkey in the US. " * 20
    assert_alike(counter_of(**settings), Article(text, "of South Sudan"))


@compiled
def test_lead_fades_beyond_what_is_kept_of_it() -> None:
    # What the first 4,096 tokens count for is kept.
    far = counter_of(lead_words=3000)
    assert_alike(far, Article("Turkey and South Sudan. " * 1200))


@compiled
def test_every_character_there_is(ours: TermCounter) -> None:
    # Beyond the second plane there are ideographs, tags and nothing.
    planes = (*range(0x20000), *range(0x2FF00, 0x31000, 7), *range(0xE0000, 0xE0200))
    every = [chr(n) for n in (*planes, sys.maxunicode)]
    for start in range(0, len(every), 4096):
        some = every[start : start + 4096]
        # Alone, within a word, at its beginning and at its end.
        for text in (
            " ".join(some),
            "".join(f"south{c}Sudan {c}a a{c} " for c in some),
        ):
            words = text.lower().split()[:2000:7]
            counter = ours if start else counter_of(tuple({*WORDS, *words}))
            assert_alike(counter, Article(text))


@compiled
def test_every_character_is_a_word_or_none_as_in_python() -> None:
    # One vocabulary of all letters: what is a token, and what is it in lower case?
    letters = [chr(n) for n in range(sys.maxunicode + 1) if chr(n).isalnum()]
    words = {f"q{c}".lower() for c in letters if c not in "İΣ"}
    counter = counter_of(tuple(words))
    for start in range(0, len(letters), 5000):
        some = [c for c in letters[start : start + 5000] if c not in "İΣ"]
        text = " ".join(f"q{c}" for c in some)
        assert counter.scan is not None
        assert counter.scan.count("", text) is not None
        assert_alike(counter, Article(text))


@compiled
@pytest.mark.parametrize("wide", ["", "\U00010428"])
def test_character_that_is_the_only_wide_one_far_around(
    ours: TermCounter, wide: str
) -> None:
    # Where no block holds another, that it is no space is seen by itself.
    far = " of the" * 12
    for first in range(0x1F80, 0x2280, 64):
        some = [chr(n) for n in range(first, first + 64)]
        text = "".join(f"{far} south{c}sudan turkey{c} {c}us" for c in some)
        assert_alike(ours, Article(text + far + wide))


@compiled
def test_words_that_differ_in_one_character_are_different_words() -> None:
    words = {
        "x" * before + char + "x" * behind
        for before in range(42)
        for behind in range(42 - before)
        for char in "ay"
    } - {"a", "y"}
    counter = counter_of(tuple(words))
    assert counter.scan is not None  # no two share a hash
    assert_alike(counter, Article(" ".join(sorted(words)[::3])))


@compiled
@pytest.mark.parametrize("odd", ["Σ", "ΟΔΟΣ, ΣΥΡΙΖΑ", "x İ Σ"])
def test_characters_that_are_not_for_it_are_passed_back(
    ours: TermCounter, odd: str
) -> None:
    assert ours.scan is not None
    for article in (Article(odd), Article("Turkey", odd), Article(odd, "Sudan")):
        assert ours.scan.count(article.title, article.text) is None
        assert ours.scan.decide([article.title], [article.text])[1].tolist() == [-1]
        assert_alike(ours, article)


@compiled
@pytest.mark.parametrize(
    "text",
    [
        "İzmir",
        "in İzmir, Turkey",
        "aİb İ İİ aİ İb",
        "x İ",
        "İstanbul’s South İzmir",
        "İa",
        "South Sudan " * 40 + "İzmir " * 3000,
        "łİzmir Sudan",
        "i̇zmir",
        "İ" * 200 + " us",
    ],
)
def test_dotted_capital_ends_a_word_and_no_token(text: str) -> None:
    # Of "İa" the words are "i" and "a", for there is a combining dot between them.
    words = (
        "stanbul",
        "zmir",
        "in zmir",
        "zmir turkey",
        "ab",
        "ai",
        "sudan zmir",
        "us",
    )
    counter = counter_of((*words, "south zmir", "zmir zmir"))
    assert counter.scan is not None
    for article in (Article(text), Article("Turkey", text), Article(text, "İzmir us")):
        assert counter.scan.count(article.title, article.text) is not None
        assert_alike(counter, article)
        assert_alike(counter, Article(article.text.lower(), article.title))
    known = counter.scan.decide(["", text, ""], ["us", text, "Σ"])[1].tolist()
    assert known[0] == 1 and known[1] >= 0 and known[2] < 0


@compiled
def test_dotted_capital_is_not_taken_for_an_i() -> None:
    phrases = PhraseTable(["łix", "İx"], np.arange(2), [["k:a"], ["k:b"]])
    counter = TermCounter(
        ["word", "k:a", "k:b"], np.array([0, 1, 3]), phrases, TermSettings()
    )
    assert counter.scan is not None
    for text in ("łİx", "łix", "İx", "ix", "ŁİX Łix"):
        assert_alike(counter, Article(text))


@compiled
@hypothesis_settings(deadline=None)
@given(
    texts=st.lists(st.tuples(TEXT, TEXT), max_size=5),
    eight_bits=st.booleans(),
    power=st.sampled_from([0.75, 0.5]),
)
def test_scores_are_those_of_weigh(
    texts: list[tuple[str, str]], eight_bits: bool, power: float
) -> None:
    counter = counter_of(eight_bits=eight_bits, concept_power=power)
    assert counter.scan is not None
    decisions, known = counter.scan.decide(
        [title for title, _ in texts], [text for _, text in texts]
    )
    _, bounds, _, settings, idf, weights, bias, _ = counter._made_of
    assert idf is not None and weights is not None and bias is not None
    for (title, text), found, n in zip(texts, decisions, known, strict=True):
        if n < 0:
            continue
        ids, counts = counter.count(Article(text, title))
        rows = np.array([0, len(ids)])
        weighed = weigh(ids, counts, rows, idf, bounds, settings)
        expected = bias + weighed @ weights[ids].astype(np.float64)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
        assert n == len(ids)


@compiled
@pytest.mark.parametrize("n_labels", [*range(1, 18), 31, 32, 33, 39, 40, 41, 80, 88])
def test_scores_of_any_number_of_labels(n_labels: int) -> None:
    # Labels are added up in groups of eight, at most five of which at a time.
    from dateline.predict._scan import use_registers

    terms, bounds, phrases, settings, idf, _, _, table = counter_of()._made_of
    rng = np.random.default_rng(n_labels)
    weights = EightBits.nearest(rng.normal(size=(len(terms), n_labels)))
    bias = rng.normal(size=n_labels)
    counter = TermCounter(terms, bounds, phrases, settings, idf, weights, bias, table)
    text = "South Sudan, turkey in the US. " + "of the south " * 300
    assert counter.scan is not None and idf is not None
    decisions, _ = counter.scan.decide(["Turkey", ""], [text, "turkey"])
    assert decisions.shape == (2, n_labels)
    for found, article in zip(
        decisions, (Article(text, "Turkey"), Article("turkey")), strict=True
    ):
        ids, counts = counter.count(article)
        rows = np.array([0, len(ids)])
        weighed = weigh(ids, counts, rows, idf, bounds, settings)
        expected = bias + weighed @ weights[ids].astype(np.float64)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    # In other registers, and of other weights that are the same, to the last bit.
    floats = np.asarray(weights, dtype=np.float32)
    other = TermCounter(terms, bounds, phrases, settings, idf, floats, bias, table)
    assert other.scan is not None
    again, _ = other.scan.decide(["Turkey", ""], [text, "turkey"])
    assert again.tolist() == decisions.tolist()
    for most in (32, 0):
        use_registers(most)
        try:
            again, _ = counter.scan.decide(["Turkey", ""], [text, "turkey"])
        finally:
            use_registers(64)
        assert again.tolist() == decisions.tolist(), most


@compiled
def test_long_texts_and_short_ones_take_turns(ours: TermCounter) -> None:
    # What one article leaves behind would show in the next.
    for text in ("South Sudan " * 200_000, "US", "", "turkey " * 3000, "of South"):
        assert_alike(ours, Article(text, text[:50]))


@compiled
@pytest.mark.parametrize("seed", range(12))
def test_texts_longer_than_a_window_of_tokens(ours: TermCounter, seed: int) -> None:
    # Phrases, pairs and tokens of one letter stand across the ends of windows.
    rng = random.Random(seed)
    text = " ".join(rng.choices([*PIECES, "a", "b", "c", "d", "e"], k=9000))
    assert_alike(ours, Article(text, text[: 20_000 * (seed % 2)]))
    letters = " ".join(["south", *"ab" * 3000, "Sudan", *"x" * 5000, "of", "South"])
    assert_alike(ours, Article(letters))
    assert_alike(counter_of(("south sudan", "sudan of")), Article(letters))


@compiled
@pytest.mark.parametrize(
    "text",
    ["South x Sudan", "x South a b Sudan", "South a", "x Sudan", "a b", "x South"],
)
def test_pairs_of_words_go_across_letters(ours: TermCounter, text: str) -> None:
    assert_alike(ours, Article(text))
    assert_alike(ours, Article(text, text))
    assert_alike(ours, Article(f"Sudan {text} Sudan"))


@compiled
def test_longest_phrases_stand_anywhere_about_the_end_of_a_window() -> None:
    # Two thousand tokens are looked at together, with six that phrases reach into.
    words = ["ab", "cd", "ef", "gh", "ij", "kl", "mn"]
    # Of seven words, where a lexicon has five.
    phrases = {" ".join(words[:n]): [f"k:{n}", f"l{n}:x"] for n in range(2, 8)}
    terms = ["mn ab", *sorted({c for found in phrases.values() for c in found})]
    bounds = np.array([0, 1, 7, 8, 9, 10, 11, 12, 13])
    counter = TermCounter(terms, bounds, PhraseTable.of(phrases), TermSettings())
    assert counter.scan is not None
    for before in range(2036, 2064):
        text = "x " * before + " ".join(words * 2)
        assert_alike(counter, Article(text))
        assert_alike(counter, Article("", text))


@compiled
@pytest.mark.parametrize("char", "xé\u212a\u0142\U00010428")
def test_tokens_of_any_length_at_any_place(char: str) -> None:
    # Characters are looked at 64 at a time, hashed eight at a time.
    lengths = [*range(1, 20), 63, 64, 65, 127, 128, 129, 200]
    words = {char * n for n in lengths} | {f"ab{char * n}yz" for n in lengths}
    counter = counter_of(tuple(word.lower() for word in words))
    for n in lengths:
        for offset in range(0, 130, 7):
            text = " " * offset + f"{char * n} ab{char * n}yz South SUDAN’s {char * n}"
            assert_alike(counter, Article(text))


@compiled
def test_one_wide_character_anywhere_in_a_long_token() -> None:
    tokens = ["x" * n + "\u0142" + "x" * (200 - n) for n in range(0, 201, 8)]
    counter = counter_of((*tokens[::2], "x" * 201))
    for offset in range(0, 64, 21):
        assert_alike(counter, Article(" " * offset + " ".join(tokens)))


@compiled
def test_as_many_kinds_of_concepts_as_are_held() -> None:
    # Each kind has a bit, and is covered by its own phrases alone.
    phrases = Lexicon(
        [
            *((f"p{n}", [f"k{n:02}:x"]) for n in range(63)),
            *((f"p{n} q", [f"k{n:02}:x", f"k{62 - n:02}:x"]) for n in range(0, 63, 3)),
            *((f"p{n} q r", [f"k{(n + 5) % 63:02}:x"]) for n in range(0, 63, 2)),
        ]
    )
    terms = ["word", *sorted({c for found in phrases.values() for c in found})]
    bounds = np.arange(len(terms) + 1)
    counter = TermCounter(terms, bounds, PhraseTable.of(phrases), TermSettings())
    assert counter.scan is not None
    rng = random.Random(0)
    pieces = [*(f"p{n}" for n in range(63)), *"qr" * 40]
    assert_alike(counter, Article(" ".join(rng.choices(pieces, k=3000)), "p40 q r p3"))


@compiled
def test_tokens_are_counted_as_python_finds_them() -> None:
    from dateline.predict._scan import count_tokens

    texts = ["", "South Sudan’s 2nd", "a-b " * 5000, "łódź 𐐀 " * 700, "x" * 10_000]
    expected = sum(len(re.findall(r"\w+", text)) for text in texts)
    assert count_tokens(texts) == expected


@compiled
def test_vocabulary_of_what_no_text_has_is_held() -> None:
    # A word with a capital, of one letter, of three words, with other characters.
    words = ("Ab", "b", "b ab", "ab cd ef", "ab-cd", "ab  cd", " ab", "ab", "ab cd")
    phrases = Lexicon([("A", ["k:a"]), ("b", ["k:b"]), ("ab cd", ["k:c"])])
    terms = [*words, "k:a", "k:b", "k:c"]
    bounds = np.array([0, len(words), len(terms)])
    counter = TermCounter(terms, bounds, PhraseTable.of(phrases), TermSettings())
    assert counter.scan is not None
    for text in ("Ab cd ef", "ab-cd b ab", "b A ab  cd", " ab cd ab cd ef"):
        assert_alike(counter, Article(text))
    odd = PhraseTable(
        ["ab-cd", " ab", "ab ", "", "ab cd"],
        np.arange(5),
        [[f"k:{c}"] for c in "abcde"],
    )
    terms = ["ab", *(f"k:{c}" for c in "abcde")]
    counter = TermCounter(terms, np.array([0, 1, 6]), odd, TermSettings())
    assert counter.scan is not None
    assert_alike(counter, Article("ab-cd ab cd"))


@compiled
def test_vocabulary_that_cannot_be_held_is_left_to_python() -> None:
    phrases = Lexicon([(f"p{n}", [f"k{n}:x"]) for n in range(70)])
    terms = ["word", *sorted(c for found in phrases.values() for c in found)]
    bounds = np.arange(len(terms) + 1)
    counter = TermCounter(terms, bounds, PhraseTable.of(phrases), TermSettings())
    assert counter.scan is None
    assert counter.count(Article("p3 word"))[0].tolist() == [0, terms.index("k3:x")]


@compiled
@pytest.mark.parametrize(
    "settings",
    [
        {"title_weight": 0},
        {"lead_weight": 0},
        {"title_weight": -1},
        {"lead_weight": 1e-20},  # 1 + (1e-20 - 1) is nothing at all
    ],
)
def test_weights_that_make_a_count_vanish_are_left_to_python(
    settings: dict[str, Any],
) -> None:
    counter = counter_of(**settings)
    assert counter.scan is None
    assert_alike(counter, Article("South Sudan", "turkey " * 1000))


@compiled
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("bounds", [0, 2, 1], "bounds are not"),
        ("bounds", [0, 1, 2**31], "bounds are not"),
        ("meaning_ends", [7], "do not add up"),
        ("meaning_ends", [-1], "not in order"),
        ("meaning_concepts", [50_000_000], "none of the terms"),
        ("meaning_concepts", [0], "none of the terms"),  # a word
        ("idf", np.ones(1), "not of this vocabulary"),
        ("weights", np.ones((3, 2)), "not of this vocabulary"),
        ("lookup", {"n_meanings": 2}, "of other words or meanings"),
        ("lookup", {"run_of_word": [0, -1]}, "of other words or meanings"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name: str, value: Any, said: str) -> None:
    from dateline.predict._scan import Scan

    arguments: dict[str, Any] = {
        "bounds": [0, 1, 2],
        "lookup": lookup_of(),
        "meaning_ends": [1],
        "meaning_concepts": [1],
        "settings": TermSettings(),
        "idf": np.ones(2),
        "weights": np.ones((2, 3)),
        "bias": np.ones(3),
    }
    found = Scan(**arguments).count("", "word foo")
    assert found is not None and found[0].tolist() == [0, 1]
    if name == "lookup":
        value = lookup_of(**value)
    with pytest.raises(ValueError, match=said):
        Scan(**arguments | {name: value})


def lookup_of(phrase: str = "foo", **changed: Any) -> Any:
    """A table of one word and one phrase, some of its arrays exchanged."""
    from dateline.predict._scan import LookupTable, learn

    table = RunTable.of(*learn("word", 1, phrase, [0], ()), 1)
    arrays = dict(table.arrays)
    for name in arrays.keys() & changed.keys():
        arrays[name] = np.array(changed[name], arrays[name].dtype)
    return LookupTable(**arrays, n_meanings=changed.get("n_meanings", 1))


@compiled
@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"run_tags": [[1, 2]]}, "not of one length"),
        ({"run_tags": [1]}, "not of one length"),
        ({"run_steps": [0]}, "not of one length"),
        ({"run_meanings": [0, 1, 0]}, "not of one length"),
        ({"run_asks": [[0, 0]]}, "not of one length"),
        ({"run_asks_more": []}, "not of one length"),
        ({"run_goes_on": []}, "not of one length"),
        ({"run_goes_on": [0, 0]}, "not of one length"),
        ({"run_of_word": [2]}, "a word has a run"),
        ({"run_of_word": [[0]]}, "a word has a run"),
        (
            {"run_tags": [0, 1], "run_steps": [0, 0], "run_meanings": [0, 0]},
            "stands for is out of range",
        ),
        ({"run_meanings": [0, 2]}, "stands for is out of range"),
        (
            {"run_meanings": [0, 2], "run_asks_more": [0, 0x40]},
            "stands for is out of range",
        ),
        (
            {"run_meanings": [1, 0], "run_asks_more": [0x40, 0]},
            "stands for is out of range",
        ),
        ({"run_steps": [0, 16]}, "order of their places"),
        ({"spellings": [[0, 0]]}, "not three numbers"),
        ({"spellings": np.zeros((0, 3))}, "not three numbers"),
        ({"spellings": [[0, 0, -1], [2, 0, -1]]}, "a spelling"),
        ({"spellings": [[0, 0, -1], [1, 0, 2]]}, "a spelling"),
        ({"spellings": [[0, 0, -1], [1, 0, 1]]}, "a spelling"),
    ],
)
def test_tables_that_learn_would_not_make_are_refused(
    arrays: dict[str, Any], said: str
) -> None:
    lookup_of()
    with pytest.raises(ValueError, match=said):
        lookup_of(**arrays)


@compiled
def test_table_whose_runs_crowd_in_one_place_is_refused() -> None:
    from dateline.predict._scan import LookupTable

    def crowd(n: int) -> LookupTable:
        return LookupTable(
            run_tags=np.arange(1, n + 1, dtype=np.uint32),
            run_steps=np.zeros(n, dtype=np.uint8),
            run_meanings=np.zeros(n, dtype=np.uint16),
            run_asks=np.zeros(n, dtype=np.uint8),
            run_asks_more=np.zeros(n, dtype=np.uint8),
            run_goes_on=np.zeros((n + 7) // 8, dtype=np.uint8),
            run_of_word=np.array([n - 1], dtype=np.int32),
            spellings=np.array([[0, 0, -1]], dtype=np.int32),
            n_meanings=0,
        )

    crowd(4096)
    with pytest.raises(ValueError, match="crowd in one place"):
        crowd(4097)


@compiled
def test_capitals_asked_beyond_the_end_of_a_phrase_are_not_looked_for() -> None:
    # A file could ask for them; what stands there may be of another text.
    from dateline.predict._scan import LookupTable, Scan, learn

    arrays = dict(RunTable.of(*learn("word", 1, "Foo", [0], ()), 1).arrays)
    arrays["run_asks"] = arrays["run_asks"] | 0x55
    arrays["run_asks_more"] = np.full_like(arrays["run_asks_more"], 0x15)
    scan = Scan(
        [0, 1, 2], LookupTable(**arrays, n_meanings=1),
        [1], [1], TermSettings(), np.ones(2), np.ones((2, 3)), np.ones(3),
    )  # fmt: skip
    scan.count("", "Long before. " * 5000)
    for text in ("Foo", "Foo bar", "word, Foo"):
        found = scan.count("", text)
        assert found is not None and 1 in found[0].tolist(), text


@compiled
def test_lines_that_are_not_as_many_as_meanings_are_refused() -> None:
    from dateline.predict._scan import CannotHold, learn

    with pytest.raises(ValueError, match="more phrases than meanings"):
        learn("word", 1, "foo\nbar", [0], ())
    with pytest.raises(ValueError, match="more lines than words"):
        learn("word\nfoo", 1, "bar", [0], ())
    with pytest.raises(ValueError, match="fewer phrases than meanings"):
        learn("word", 1, "foo", [0, 0], ())
    with pytest.raises(ValueError, match="fewer lines than words"):
        learn("word\nfoo\n", 4, "bar", [0], ())
    with pytest.raises(ValueError, match="more lines than words"):
        learn("word", -1, "foo", [0], ())
    for meaning in (-1, 0xFFFF):
        with pytest.raises(CannotHold, match="a meaning"):
            learn("word", 1, "foo", [meaning], ())


@compiled
def test_hashes_are_those_of_the_model_files_there_are() -> None:
    # They are in model files: if these change, so must the version of the format.
    from dateline.predict._scan import learn

    runs, spellings = learn(
        "word\nłódź", 2, "a b c\nUS\nus\nlonger than eight\nÉlysée", range(5), ["us"]
    )
    assert [f"{a:016x} {b:016x}" for a, b in runs.tolist()] == [
        "0cd0bc9400000000 0001000500000000",
        "63506d5700000002 0000000100000000",
        "6329e04a00000008 c002000100000000",
        "90c9900200000008 0000000080000000",
        "f76d524f0000000b 0000000000000001",
        "ce0beed10000000d 0000000400000000",
        "9cdd3ce10000000e 0000000000000002",
        "ea039e0f0000000e 0000000080000000",
    ]
    assert spellings.tolist() == [[0, 0, -1], [2, 32770, 2], [3, 0, -1]]


@compiled
def test_strings_of_other_classes_are_strings(ours: TermCounter) -> None:
    assert_alike(ours, Article(np.str_("South Sudan"), np.str_("turkey")))
    assert_alike(ours, Article(np.str_("İzmir"), np.str_("turkey")))


@compiled
def test_the_default_model_can_be_held() -> None:
    assert "scan compiled" in repr(Predictor.load())


@compiled
def test_counter_is_made_anew_in_another_process(ours: TermCounter) -> None:
    again = pickle.loads(pickle.dumps(ours))
    assert again.scan is not None
    assert_alike(again, Article("South Sudan and turkey"))


@compiled
def test_what_is_no_string_is_refused(ours: TermCounter) -> None:
    assert ours.scan is not None
    with pytest.raises(TypeError, match="found bytes"):
        ours.scan.decide([""], [b"x"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="than argument 1"):
        ours.scan.decide([""], ["x", "y"])


ARTICLES = [
    Article(f"Shares fell in {town} as the striker scored {n} times", f"On {town}")
    for n in range(60)
    for town in ("Oslo", "Madrid", "İstanbul", "ΑΘΗΝΑΣ", "nowhere")
]


@compiled
def test_predictions_are_the_same_without_it(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Predictor(model)
    assert "scan compiled" in repr(ours)
    monkeypatch.setattr(counter, "COMPILED", False)
    plain = Predictor(model)
    assert "scan in Python" in repr(plain)
    for article in ARTICLES[:20]:
        a, b = ours.predict(article), plain.predict(article)
        for axis in b.scores:
            assert a.scores[axis] == pytest.approx(b.scores[axis], abs=1e-9)
            assert [x.label for x in a[axis]] == [x.label for x in b[axis]]


def test_training_is_the_same_without_it(
    taxonomy: Taxonomy,
    lexicon: Lexicon,
    samples: list[Sample],
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dateline.train.fit import train

    monkeypatch.setattr(counter, "COMPILED", False)
    again = train(samples, taxonomy=taxonomy, lexicon=lexicon)
    assert again.table is None
    assert again.to_bytes() == replace(model, table=None).to_bytes()


@pytest.mark.parametrize("jobs", [1, 2, 5, -1])
@pytest.mark.parametrize("wrap", [list, iter])
def test_many_are_answered_in_order_whatever_the_jobs(
    model: Model, jobs: int, wrap: Callable[[Any], Any]
) -> None:
    predictor = Predictor(model)
    expected = [predictor.predict(article).scores for article in ARTICLES]
    found = [p.scores for p in predictor.predict_many(wrap(ARTICLES), jobs=jobs)]
    assert found == expected


@pytest.mark.parametrize("jobs", [1, 3])
def test_what_came_before_a_broken_source_is_answered(model: Model, jobs: int) -> None:
    def broken() -> Iterator[Article]:
        yield from ARTICLES[:70]
        raise OSError("the line went dead")

    answers: list[Prediction] = []
    stream = Predictor(model).predict_many(broken(), jobs=jobs)
    with pytest.raises(OSError, match="went dead"):
        while True:
            answers.append(next(stream))
    assert len(answers) == 70


def test_after_what_fails_nothing_is_answered(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = Predictor(model)
    real = predictor._predictions

    def failing(articles: Sequence[Article]) -> list[Prediction]:
        if any(article.id == "70" for article in articles):
            raise MemoryError
        return real(articles)

    monkeypatch.setattr(predictor, "_predictions", failing)
    answers: list[Prediction] = []
    articles = [Article("Oslo", id=str(n)) for n in range(300)]
    stream = predictor.predict_many(articles, jobs=2)
    with pytest.raises(MemoryError):
        while True:
            answers.append(next(stream))
    assert [a.id for a in answers] == [str(n) for n in range(64)]


def test_stream_without_end_is_answered_as_it_comes(model: Model) -> None:
    asked = []

    def endless() -> Iterator[str]:
        while True:
            asked.append(1)
            yield "Shares fell in Oslo"

    stream = Predictor(model).predict_many(endless())
    next(stream)
    assert len(asked) == 1
    many = Predictor(model).predict_many(endless(), jobs=2)
    next(many)
    assert len(asked) < 1000  # some chunks ahead, no more
    many.close()  # type: ignore[attr-defined]


def test_number_of_jobs_that_is_none_is_refused(model: Model) -> None:
    with pytest.raises(ValueError, match="jobs is 0"):
        Predictor(model).predict_many([], jobs=0)


@compiled
def test_real_text_is_counted_alike() -> None:
    data = Path(__file__).parent.parent.parent / "shared" / "data" / "dev"
    if not data.exists():
        pytest.skip("the shared data is not beside the checkout")
    from dateline.labels import read_samples

    shipped = Predictor.load()._counter
    plain = in_python(shipped)
    rng = random.Random(0)
    for name in ("gold", "topics_broadsheet", "regions_web", "regions_wikinews"):
        for sample in read_samples(data / f"{name}.jsonl", Taxonomy.bundled()):
            if rng.random() < 0.25:
                for how in (str, str.lower, str.upper):
                    article = Article(how(sample.text), how(sample.title))
                    found, expected = shipped.count(article), plain.count(article)
                    assert found[0].tolist() == expected[0].tolist()
                    assert found[1].tolist() == expected[1].tolist()
