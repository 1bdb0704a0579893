"""Axes and labels: looking up, reading, refusing."""

from __future__ import annotations

from pathlib import Path

import pytest

from dateline.labels import Axis, Label, Taxonomy, TaxonomyError, UnknownLabelError

BUNDLED = Taxonomy.bundled()


@pytest.mark.parametrize(
    ("axis", "name", "expected"),
    [
        ("regions", "caribbean", "caribbean"),
        ("regions", "029", "caribbean"),
        ("regions", "Middle East", "western-asia"),
        ("regions", "Southeast Asia", "south-east-asia"),
        ("regions", "South-eastern Asia", "south-east-asia"),
        ("regions", "eastern asia", "east-asia"),
        ("regions", "Australia & New Zealand", "australia-new-zealand"),
        ("topics", "medtop:16000000", "conflict-war-peace"),
        ("topics", "Sport", "sport"),
        ("topics", "politics", "politics-government"),
    ],
)
def test_label_is_found_by_id_code_name_or_alias(
    axis: str, name: str, expected: str
) -> None:
    assert BUNDLED[axis].find(name).id == expected


def test_unknown_label_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(UnknownLabelError, match="nearest: caribbean"):
        BUNDLED["regions"].find("carribean")


def test_bundled_axes_are_those_of_the_design() -> None:
    assert BUNDLED["regions"].ids == (
        "northern-africa",
        "eastern-africa",
        "middle-africa",
        "southern-africa",
        "western-africa",
        "caribbean",
        "central-america",
        "south-america",
        "northern-america",
        "central-asia",
        "east-asia",
        "south-east-asia",
        "south-asia",
        "western-asia",
        "eastern-europe",
        "northern-europe",
        "southern-europe",
        "western-europe",
        "australia-new-zealand",
        "pacific-islands",
    )
    assert len(BUNDLED["topics"]) == 17


@pytest.mark.parametrize(
    ("country", "region"),
    [
        ("TW", "east-asia"),
        ("XK", "southern-europe"),
        ("MX", "central-america"),
        ("IR", "south-asia"),
        ("TR", "western-asia"),
        ("CY", "western-asia"),
        ("SD", "northern-africa"),
        ("SS", "eastern-africa"),
        ("ZW", "eastern-africa"),
        ("AO", "middle-africa"),
        ("GB", "northern-europe"),
        ("EE", "northern-europe"),
        ("PG", "pacific-islands"),
        ("GL", "northern-america"),
    ],
)
def test_country_belongs_to_its_m49_region(country: str, region: str) -> None:
    holding = [label.id for label in BUNDLED["regions"] if country in label.countries]
    assert holding == [region]


def test_codes_of_regions_are_three_character_strings() -> None:
    for label in BUNDLED["regions"]:
        assert all(len(part) == 3 and part.isdigit() for part in label.code.split("+"))


def test_no_country_is_in_two_regions() -> None:
    countries = [c for label in BUNDLED["regions"] for c in label.countries]
    assert len(countries) == len(set(countries))
    assert len(countries) > 240


def test_label_covers_its_countries_and_patterns() -> None:
    label = Label("x", "X", countries=("FR",), concepts=("subject:sport/*", "place:x"))
    assert label.covers("place:FR")
    assert label.covers("place:x")
    assert label.covers("subject:sport/judo")
    assert not label.covers("place:DE")
    assert not label.covers("subject:sports")


def test_axis_refuses_a_name_that_two_labels_share() -> None:
    with pytest.raises(TaxonomyError, match="names both 'a' and 'b'"):
        Axis("x", "X", (Label("a", "A", aliases=("Same",)), Label("b", "B", "same")))


def test_file_with_one_axis_or_several_is_read(tmp_path: Path) -> None:
    one = tmp_path / "one.toml"
    one.write_text('axis = "desk"\n[[label]]\nid = "home"\n[[label]]\nid = "away"\n')
    several = tmp_path / "several.toml"
    several.write_text(
        '[[axis]]\nid = "desk"\n[[axis.label]]\nid = "home"\nname = "Home news"\n'
        '[[axis]]\nid = "tone"\n[[axis.label]]\nid = "glad"\n'
    )
    assert Taxonomy.load(one)["desk"].ids == ("home", "away")
    assert [axis.id for axis in Taxonomy.load(several)] == ["desk", "tone"]
    assert Taxonomy.load(several)["desk"].find("home news").id == "home"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("axis = ", "not valid TOML"),
        ("x = 1", "names no axis"),
        ('axis = "a"', "has no labels"),
        ('axis = "text"\n[[label]]\nid = "x"', "cannot name an axis"),
        ('axis = "a"\n[[label]]\nname = "x"', "has no id"),
        ('axis = "a"\n[[label]]\nid = "x"\ncode = 29', "not a string"),
        ('axis = "a"\n[[label]]\nid = "x"\ncolour = "red"', "unknown field 'colour'"),
        ('axis = "a"\n[[label]]\nid = "x"\naliases = "y"', "not a list of strings"),
        ('axis = "a"\n[[label]]\nid = "x"\n[[label]]\nid = "x"', "same id"),
    ],
)
def test_file_that_is_no_taxonomy_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "t.toml"
    path.write_text(text)
    with pytest.raises(TaxonomyError, match=said) as caught:
        Taxonomy.load(path)
    assert str(path) in str(caught.value)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match="cannot be read"):
        Taxonomy.load(tmp_path / "none.toml")


def test_json_form_gives_the_same_taxonomy_back() -> None:
    assert Taxonomy.from_json(BUNDLED.to_json()) == BUNDLED
