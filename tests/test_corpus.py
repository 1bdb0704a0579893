"""The bundled samples: enough of each kind, correctly labelled, none like another."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict

import pytest

from dateline.labels import Lexicon, Sample, Taxonomy, bundled_samples
from dateline.predict import PhraseTable

SAMPLES = bundled_samples()
TAXONOMY = Taxonomy.bundled()

SHINGLE = 4
"""Words in a row that are looked for in other samples."""

ALIKE = 0.25
"""Share of a sample's shingles that no other sample may have as well."""


def words(sample: Sample) -> list[str]:
    return re.findall(r"\w+", f"{sample.title} {sample.text}".casefold())


def test_every_sample_carries_both_axes() -> None:
    assert all(set(s.labels) == {"regions", "topics"} for s in SAMPLES)
    assert all(s.labels["topics"] for s in SAMPLES)


def test_ids_are_unique() -> None:
    repeated = [id for id, n in Counter(s.id for s in SAMPLES).items() if n > 1]
    assert repeated == []


@pytest.mark.parametrize(("axis", "least"), [("regions", 150), ("topics", 200)])
def test_every_label_is_primary_often_enough(axis: str, least: int) -> None:
    primary = Counter(s.labels[axis][0] for s in SAMPLES if s.labels[axis])
    few = {x: primary[x] for x in TAXONOMY[axis].ids if primary[x] < least}
    assert few == {}


def test_many_samples_have_two_regions_and_many_have_none() -> None:
    assert len(SAMPLES) >= 4000
    assert sum(len(s.labels["regions"]) > 1 for s in SAMPLES) >= 400
    assert sum(len(s.labels["topics"]) > 1 for s in SAMPLES) >= 400
    assert sum(not s.labels["regions"] for s in SAMPLES) >= 250


def test_every_country_and_territory_appears() -> None:
    phrases = PhraseTable.of(Lexicon.bundled())
    found = set()
    for s in SAMPLES:
        for field in (s.title, s.text):
            tokens = re.findall(r"\w+", field)
            lowered = [token.lower() for token in tokens]
            for concept, _, _ in phrases.find(tokens, lowered, caseless=False):
                found.add(concept.removeprefix("place:"))
    countries = {c for label in TAXONOMY["regions"] for c in label.countries}
    assert countries - found == set()


def test_primary_region_is_that_of_the_file() -> None:
    for s in SAMPLES:
        region = s.id.rpartition("-")[0]
        expected = None if region == "no-place" else region
        assert next(iter(s.labels["regions"]), None) == expected, s.id


def test_no_two_samples_are_alike() -> None:
    shingles = {
        s.id: {tuple(w[i : i + SHINGLE]) for i in range(max(1, len(w) - SHINGLE + 1))}
        for s in SAMPLES
        if (w := words(s))
    }
    holders: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for id, found in shingles.items():
        for shingle in found:
            holders[shingle].append(id)
    shared: Counter[tuple[str, str]] = Counter()
    for ids in holders.values():
        shared.update(itertools.combinations(ids, 2))
    alike = [
        (one, other, n)
        for (one, other), n in shared.items()
        if n > 1 and n / min(len(shingles[one]), len(shingles[other])) > ALIKE
    ]
    assert alike == []
