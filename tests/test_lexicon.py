"""Reading tables of phrases, and the bundled ones."""

from __future__ import annotations

from collections import Counter
from importlib.resources import files
from itertools import chain
from pathlib import Path

import pytest

from dateline.labels import Lexicon, LexiconError, Taxonomy


def test_phrase_listed_twice_stands_for_both_concepts() -> None:
    lexicon = Lexicon([("Georgia", ["place:GE"]), ("Georgia", ["place:US"])])
    assert lexicon["Georgia"] == ("place:GE", "place:US")


def test_words_of_a_phrase_are_joined_by_single_spaces() -> None:
    assert "Port au Prince" in Lexicon([("Port-au-Prince", ["place:HT"])])


def test_variant_without_diacritics_is_added() -> None:
    lexicon = Lexicon([("Łódź", ["place:PL"]), ("Côte d'Ivoire", ["place:CI"])])
    assert {"Łódź", "Lodz", "Côte d Ivoire", "Cote d Ivoire"} == set(lexicon)


def test_union_keeps_both_sides() -> None:
    union = Lexicon([("a b", ["x:1"])]) | Lexicon([("a b", ["x:2"]), ("c", ["x:3"])])
    assert dict(union) == {"a b": ("x:1", "x:2"), "c": ("x:3",)}


def test_table_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("# note\n\nplace:FR place:BE\tArdennes|Semois\n", encoding="utf-8")
    assert dict(Lexicon.load(path)) == {
        "Ardennes": ("place:BE", "place:FR"),
        "Semois": ("place:BE", "place:FR"),
    }


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("place:FR", "expected concepts, a tab"),
        ("place:FR\t", "expected concepts, a tab"),
        ("France\tParis", "is no concept"),
        ("place:FR\tone two three four five six", "has 6 words"),
        ("place:FR\tParis||Lyon", "has 0 words"),
    ],
)
def test_bad_line_is_refused_by_file_and_line(
    tmp_path: Path, line: str, said: str
) -> None:
    path = tmp_path / "t.tsv"
    path.write_text(f"# note\n{line}\n")
    with pytest.raises(LexiconError, match=said) as caught:
        Lexicon.load(path)
    assert f"{path}:2" in str(caught.value)


class TestBundled:
    """The tables that come with the package."""

    lexicon = Lexicon.bundled()

    @pytest.mark.parametrize(
        ("phrase", "concept"),
        [
            ("Burma", "place:MM"),
            ("Swaziland", "place:SZ"),
            ("Kiev", "place:UA"),
            ("Zelenskiy", "place:UA"),
            ("Zelensky", "place:UA"),
            ("U S", "place:US"),
            ("UK", "place:GB"),
            ("U A E", "place:AE"),
            ("Cote d Ivoire", "place:CI"),
            ("New South Wales", "place:AU"),
            ("South Sudan", "place:SS"),
            ("Bundestag", "place:DE"),
            ("Lok Sabha", "place:IN"),
        ],
    )
    def test_phrase_names_its_country(self, phrase: str, concept: str) -> None:
        assert concept in self.lexicon[phrase]

    @pytest.mark.parametrize("word", ["turkey", "china", "polish", "march", "reading"])
    def test_everyday_word_is_no_place(self, word: str) -> None:
        assert not any(c.startswith("place:") for c in self.lexicon.get(word, ()))

    def test_every_country_of_the_taxonomy_has_phrases(self) -> None:
        named = {c for concepts in self.lexicon.values() for c in concepts}
        regions = Taxonomy.bundled()["regions"]
        missing = [
            c for label in regions for c in label.countries if f"place:{c}" not in named
        ]
        assert missing == []

    def test_every_concept_stands_for_a_label(self) -> None:
        labels = [label for axis in Taxonomy.bundled() for label in axis]
        concepts = {c for found in self.lexicon.values() for c in found}
        stray = sorted(c for c in concepts if not any(x.covers(c) for x in labels))
        assert stray == []

    def test_every_subject_has_a_name(self) -> None:
        table = files("dateline.labels") / "lexicon" / "concepts.tsv"
        rows = [
            line.split("\t")
            for line in table.read_text("utf-8").splitlines()
            if not line.startswith("#")
        ]
        named = {row[0] for row in rows if len(row) > 1 and row[1]}
        subjects = {c for found in self.lexicon.values() for c in found}
        assert {c for c in subjects if c.startswith("subject:")} == named

    def test_every_topic_has_some_hundreds_of_phrases(self) -> None:
        taxonomy = Taxonomy.bundled()
        found = Counter(chain(*self.lexicon.rolled_up(taxonomy).values()))
        for label in taxonomy["topics"]:
            assert found[f"topics:{label.id}"] >= 300, label.id
