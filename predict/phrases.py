"""The phrases of a lexicon, and finding them among the tokens of a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Acronyms that are everyday words when a text has no capitals to tell them apart.
WORDS_WITHOUT_CAPITALS = frozenset(
    {"act", "aid", "all", "am", "are", "as", "at", "bat", "can", "don", "era", "go"}
    | {"hot", "ice", "in", "is", "it", "la", "may", "me", "or", "pa", "pat", "ram"}
    | {"sat", "so", "to", "us", "who"}
)
"""Of these a text without capitals does not mean the acronym."""


class PhraseTable:
    """Phrases and what each stands for.

    A phrase is found where the text has at least its capitals; a word of four or more
    capitals also matches with the first alone (NATO, Nato). Where the whole article
    has no capital, none are asked for. Within one kind of concept, the part before
    the colon, the longest phrase wins, then the first.

    Many phrases stand for the same: a *meaning* is a set of concepts, kept once.

    Parameters
    ----------
    phrases : sequence of str
        Their words joined by single spaces, with the capitals that a text must have
        at least; no two the same.
    meaning_of : ndarray of int, shape (n_phrases,)
        The meaning of each phrase.
    meanings : sequence of sequence of str
        The concepts of each meaning, each of the form ``kind:name``.
    """

    def __init__(
        self,
        phrases: Sequence[str],
        meaning_of: NDArray[np.integer],
        meanings: Sequence[Sequence[str]],
    ) -> None:
        self.phrases = phrases
        self.meaning_of = meaning_of
        self.meanings = meanings
        # Meanings by kind of concept, sorted out when one is first met.
        self._sorted_out: dict[int, tuple[tuple[str, tuple[str, ...]], ...]] = {}

    # What `find` looks things up in is made when it is first asked: the compiled scan
    # has tables of its own. Two threads may both make it, which does no harm.
    @cached_property
    def _lowered(self) -> list[str]:
        return "\n".join(self.phrases).lower().split("\n") if self.phrases else []

    @cached_property
    def _number(self) -> dict[str, int]:
        """Lower-cased phrase -> its number, the first where it has several."""
        # There are hundreds of thousands of phrases: loops over them run in C.
        numbers = range(len(self._lowered))
        return dict(zip(reversed(self._lowered), reversed(numbers), strict=True))

    @cached_property
    def _others(self) -> dict[str, list[int]]:
        """Lower-cased phrase -> the numbers of its further spellings."""
        others: dict[str, list[int]] = {}
        first = np.fromiter(map(self._number.__getitem__, self._lowered), np.intp)
        for number in np.flatnonzero(first != np.arange(len(first))).tolist():
            others.setdefault(self._lowered[number], []).append(number)
        return others

    @cached_property
    def _longest(self) -> dict[str, int]:
        """First word -> the most words that a phrase beginning with it has."""
        # Of the entries for one word the last stays, so the longest come last.
        lowered = self._lowered
        spaces = np.fromiter(map(str.count, lowered, repeat(" ")), np.intp)
        words = list(map(itemgetter(0), map(str.partition, lowered, repeat(" "))))
        order = np.argsort(spaces, kind="stable")
        return dict(
            zip(
                map(words.__getitem__, order.tolist()),
                (spaces[order] + 1).tolist(),
                strict=True,
            )
        )

    @classmethod
    def of(cls, lexicon: Mapping[str, Sequence[str]]) -> Self:
        """Make the table of a lexicon, in the lexicon's order."""
        numbers: dict[tuple[str, ...], int] = {}
        meaning_of = np.array(
            [numbers.setdefault(tuple(c), len(numbers)) for c in lexicon.values()],
            dtype=np.intp,
        )
        return cls(list(lexicon), meaning_of, list(numbers))

    @cached_property
    def meaning_ends(self) -> NDArray[np.int32]:
        """Where the concepts of each meaning end, were all in one row."""
        return np.cumsum([len(found) for found in self.meanings], dtype=np.int32)

    def concepts_among(self, terms: Sequence[str], first: int) -> NDArray[np.int32]:
        """The concepts of all meanings in one row, by their numbers.

        Parameters
        ----------
        terms : sequence of str
            A vocabulary that has them all.
        first : int
            The number of the first that is a concept.
        """
        number = {term: n for n, term in enumerate(terms[first:], first)}
        return np.array(
            [number[concept] for found in self.meanings for concept in found],
            dtype=np.int32,
        )

    def __len__(self) -> int:
        return len(self.meaning_of)

    def find(
        self, tokens: Sequence[str], lowered: Sequence[str], *, caseless: bool
    ) -> Iterator[tuple[str, int, int]]:
        """Find the phrases in a field.

        Parameters
        ----------
        tokens : sequence of str
            Tokens as written.
        lowered : sequence of str
            The same in lower case.
        caseless : bool
            Whether the article has no capital anywhere, so that none are asked for.

        Yields
        ------
        (concept, first, last) : (str, int, int)
            The concept and the first and last token of the phrase.
        """
        free: dict[str, int] = {}  # kind -> first token that no phrase of it covers
        longest_from = self._longest
        for first, word in enumerate(lowered):
            longest = longest_from.get(word)
            if longest is None:
                continue
            for end in range(min(first + longest, len(lowered)), first, -1):
                key = " ".join(lowered[first:end]) if end > first + 1 else word
                number = self._number.get(key)
                if number is None:
                    continue
                # A phrase may be listed as a name and as a word: each kind takes
                # all spellings that fit.
                taken: list[str] = []
                for spelling in (number, *self._others.get(key, ())):
                    written = self.phrases[spelling]
                    if not _written_so(tokens[first:end], written, caseless):
                        continue
                    for kind, found in self._kinds(int(self.meaning_of[spelling])):
                        if free.get(kind, 0) <= first:
                            taken.append(kind)
                            for concept in found:
                                yield concept, first, end - 1
                for kind in taken:
                    free[kind] = end

    def _kinds(self, meaning: int) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The concepts of a meaning, kind by kind."""
        found = self._sorted_out.get(meaning)
        if found is None:
            found = self._sorted_out[meaning] = _by_kind(self.meanings[meaning])
        return found


def _by_kind(concepts: Sequence[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    kinds: dict[str, list[str]] = {}
    for concept in concepts:
        kinds.setdefault(concept.partition(":")[0], []).append(concept)
    return tuple((kind, tuple(found)) for kind, found in kinds.items())


def _written_so(tokens: Sequence[str], phrase: str, caseless: bool) -> bool:
    """Say whether tokens have the capitals that a phrase asks for."""
    if caseless:
        return not (
            phrase.isupper()
            and len(tokens) == 1
            and tokens[0] in WORDS_WITHOUT_CAPITALS
        )
    for token, asked in zip(tokens, phrase.split(" "), strict=True):
        if asked[0].isupper() and not (
            token.isupper()
            if 2 <= len(asked) <= 3 and asked.isupper()
            else token[0].isupper()
        ):
            return False
    return True
