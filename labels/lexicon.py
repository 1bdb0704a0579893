"""Phrases that stand for something: reading the tables of the lexicon.

The format is described in ``lexicon/README.md`` beside the tables.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from .errors import LexiconError
from .taxonomy import Taxonomy

MAX_WORDS = 5
"""The longest phrase, in words; a longer one would never be looked for."""

_WORD = re.compile(r"\w+")
_CONCEPT = re.compile(r"[a-z0-9][a-z0-9_.-]*:\S+")
_PLAINLY_SPELT = re.compile(rf"[A-Za-z0-9]+(?: [A-Za-z0-9]+){{0,{MAX_WORDS - 1}}}")


class Lexicon(Mapping[str, tuple[str, ...]]):
    """Phrases and the concepts that each stands for.

    A mapping from a phrase, its words joined by single spaces and its capitals as
    written, to its concepts, sorted. ``"U.S."`` is kept as ``"U S"``.

    Parameters
    ----------
    entries : iterable of (str, iterable of str)
        Phrases with their concepts. A phrase that comes twice stands for the
        concepts of both.

    Raises
    ------
    LexiconError
        If a phrase has no word or more than :data:`MAX_WORDS`, or a concept is not
        of the form ``kind:name``.
    """

    def __init__(self, entries: Iterable[tuple[str, Iterable[str]]] = ()) -> None:
        self._concepts = _gathered(_checked(entries))

    def __getitem__(self, phrase: str) -> tuple[str, ...]:
        return self._concepts[phrase]

    def __iter__(self) -> Iterator[str]:
        return iter(self._concepts)

    def __len__(self) -> int:
        return len(self._concepts)

    # The dict's own views: those of Mapping look every phrase up again.
    def items(self) -> ItemsView[str, tuple[str, ...]]:
        return self._concepts.items()

    def values(self) -> ValuesView[tuple[str, ...]]:
        return self._concepts.values()

    def __or__(self, other: Lexicon) -> Lexicon:
        return Lexicon._of(_gathered([*self.items(), *other.items()]))

    @classmethod
    def _of(cls, concepts: dict[str, tuple[str, ...]]) -> Lexicon:
        """Of phrases that are known to be well spelt and in order."""
        lexicon = cls()
        lexicon._concepts = concepts
        return lexicon

    def rolled_up(self, taxonomy: Taxonomy) -> Lexicon:
        """Let every phrase count for the labels, too, that its concepts stand for.

        Next to ``place:HT`` a phrase gets ``regions:caribbean``: what holds for every
        country of a region need not be learned country by country.
        """
        labels = {
            concept: [
                f"{axis.id}:{label.id.replace(' ', '_')}"
                for axis in taxonomy
                for label in axis
                if label.covers(concept)
            ]
            for concept in {c for concepts in set(self.values()) for c in concepts}
        }
        # Phrases that mean the same share the work.
        means: dict[tuple[str, ...], tuple[str, ...]] = {}
        for concepts in self._concepts.values():
            if concepts not in means:
                found = {*concepts, *(x for c in concepts for x in labels[c])}
                means[concepts] = tuple(sorted(found))
        return Lexicon._of({p: means[c] for p, c in self._concepts.items()})

    @classmethod
    def bundled(cls) -> Lexicon:
        """The lexicon that comes with the package; read once a process."""
        return _bundled()

    @classmethod
    def load(cls, path: str | Path) -> Lexicon:
        """Read one table.

        Raises
        ------
        LexiconError
            Naming the file and line that cannot be used.
        """
        return cls._of(_gathered(_read(Path(path), str(path))))


@functools.cache
def _bundled() -> Lexicon:
    root = files(__name__.rpartition(".")[0]) / "lexicon"
    tables = [
        table
        for folder in ("places", "subjects")
        for table in sorted((root / folder).iterdir(), key=lambda t: t.name)
        if table.name.endswith(".tsv")
    ]
    return Lexicon._of(
        _gathered(entry for table in tables for entry in _read(table, table.name))
    )


def _gathered(
    entries: Iterable[tuple[str, tuple[str, ...]]],
) -> dict[str, tuple[str, ...]]:
    """Phrases in order, each with all its concepts in order."""
    found: dict[str, tuple[str, ...]] = {}
    for phrase, concepts in entries:
        # Most phrases come once: only those that come again are put together.
        before = found.setdefault(phrase, concepts)
        if before is not concepts:
            found[phrase] = (*before, *concepts)
    in_order: dict[tuple[str, ...], tuple[str, ...]] = {}
    for concepts in found.values():
        if concepts not in in_order:
            in_order[concepts] = tuple(sorted(set(concepts)))
    return {phrase: in_order[found[phrase]] for phrase in sorted(found)}


def _checked(
    entries: Iterable[tuple[str, Iterable[str]]],
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for phrase, concepts in entries:
        concepts = _concepts(concepts)
        for spelling in _spellings(phrase):
            yield spelling, concepts


def _read(table: Traversable, where: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    try:
        lines = table.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise LexiconError(f"{where}: cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        first, tab, phrases = line.partition("\t")
        concepts = tuple(first.split())
        if not tab or not concepts or not phrases.strip():
            raise LexiconError(
                f"{where}:{number}: expected concepts, a tab and phrases separated "
                f"by '|', found {line[:60]!r}"
            )
        try:
            concepts = _concepts(concepts)
            for phrase in phrases.split("|"):
                for spelling in _spellings(phrase):
                    yield spelling, concepts
        except LexiconError as error:
            raise LexiconError(f"{where}:{number}: {error}") from None


def _concepts(concepts: Iterable[str]) -> tuple[str, ...]:
    concepts = tuple(concepts)
    for concept in concepts:
        if not _CONCEPT.fullmatch(concept):
            raise LexiconError(
                f"{concept!r} is no concept; write kind:name, such as place:FR"
            )
    return concepts


def _spellings(phrase: str) -> set[str]:
    """Check a phrase; give the ways to write it, words joined by single spaces."""
    if _PLAINLY_SPELT.fullmatch(phrase):
        return {phrase}
    spellings = set()
    for written in (phrase, phrase if phrase.isascii() else _unaccented(phrase)):
        words = _WORD.findall(written)
        if not 1 <= len(words) <= MAX_WORDS:
            raise LexiconError(
                f"{phrase!r} has {len(words)} words; a phrase has one to {MAX_WORDS}"
            )
        spellings.add(" ".join(words))
    return spellings


# Letters that have no decomposition, as English-language news writes them.
_PLAIN = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i"}
    | {"æ": "ae", "Æ": "Ae", "ß": "ss", "þ": "th", "Þ": "Th", "ð": "d", "ə": "e"}
)


def _unaccented(phrase: str) -> str:
    decomposed = unicodedata.normalize("NFKD", phrase.translate(_PLAIN))
    return "".join(c for c in decomposed if not unicodedata.combining(c))
