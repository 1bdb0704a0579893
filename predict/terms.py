r"""Text to counted and weighed terms: the one definition that training and prediction
share.

An article becomes terms of two sorts:

* **words**: lower-cased 1- and 2-grams of the tokens that scikit-learn's
  ``(?u)\b\w\w+\b`` finds, so that the words of a text without a title are those
  of ``TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)``;
* **concepts**: phrases of the lexicon, each counted as what it stands for
  (``place:HT``, ``subject:health/vaccines``). Within one kind of concept, the part
  before the colon, the longest phrase wins.

The terms of one kind are a *block*. Each block is weighed by TF-IDF and scaled to a
Euclidean length, then the blocks are joined. The block of words has length 1; a block
of concepts the closer to 1 the denser they stand among the words, so that one town
named in passing in a long article says less than one in a headline. For the same
reason concepts count for more in the title and at the head of the text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..labels.record import Record
from .article import Article
from .phrases import PhraseTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS = "words"
"""The name of the block of words; the other blocks are named by kinds of concepts."""

_TOKEN = re.compile(r"\w+")


class TermSettings(Record):
    """How terms are counted.

    Attributes
    ----------
    ngrams : int
        Longest run of words that is a term, 1 or 2. Default 2.
    title_weight : float
        What a concept in the title counts for. Default 6.
    lead_weight : float
        What a concept at the very beginning of the text counts for. Default 5.
    lead_words : int
        How fast that fades: at token `p` of the text a concept counts for
        ``1 + (lead_weight - 1) * exp(-p / lead_words)``. Every word counts for 1.
        Default 30.
    concept_power : float
        A concept counted `c` times weighs ``c ** concept_power``. Long articles name
        all sorts of things; a logarithm, good for words, would make the many as weak
        as the few. Default 0.75.
    half_density : float
        Concepts per word at which a block of concepts has half its full length; 0
        gives every block its full length. Default 0.04.
    """

    ngrams: int = 2
    title_weight: float = 6.0
    lead_weight: float = 5.0
    lead_words: int = 30
    concept_power: float = 0.75
    half_density: float = 0.04


class Span(Record):
    """Where a term stands: characters `start` to `end` of a field of the article.

    Attributes
    ----------
    field : str
        ``"title"`` or ``"text"``.
    start, end : int
        Offsets in characters, the end excluded.
    """

    field: str
    start: int
    end: int


class TermScanner:
    """Finds the terms of articles.

    Parameters
    ----------
    phrases : PhraseTable
        The lexicon.
    settings : TermSettings, optional
    """

    def __init__(
        self, phrases: PhraseTable, settings: TermSettings | None = None
    ) -> None:
        self.settings = settings or TermSettings()
        self._phrases = phrases

    def count(self, article: Article) -> dict[str, float]:
        """Count the terms of an article, concepts by the weight of their place.

        Returns
        -------
        dict of str to float
            Terms in the order of their first occurrence within each sort.
        """
        counts: dict[str, float] = {}
        settings = self.settings
        caseless = _is_caseless(article)
        for word in self.words(article):
            counts[word] = counts.get(word, 0.0) + 1.0
        for concept, _, _ in self._concepts(article.title, caseless):
            counts[concept] = counts.get(concept, 0.0) + settings.title_weight
        for concept, first, _ in self._concepts(article.text, caseless):
            lead = math.exp(-first / settings.lead_words)
            weight = 1.0 + (settings.lead_weight - 1.0) * lead
            counts[concept] = counts.get(concept, 0.0) + weight
        return counts

    def words(self, article: Article) -> Iterator[str]:
        """Yield the words and pairs of words of an article, as often as they come."""
        for field in (article.title, article.text):
            for word, _, _ in self._words(lowered_tokens(field)):
                yield word

    def locate(
        self, article: Article, terms: Collection[str] | None = None
    ) -> dict[str, list[Span]]:
        """Say where terms of an article stand, in the order of the text.

        Parameters
        ----------
        article : Article
        terms : collection of str, optional
            Those that are asked for, best as a set. Default: all that it has, which
            for a long text of ever new words takes some hundred times its length.
        """
        places: dict[str, list[Span]] = {}
        caseless = _is_caseless(article)
        for name, field in (("title", article.title), ("text", article.text)):
            for words in (True, False):
                found: Iterable[tuple[str, int, int]]
                if words:
                    found = self._words(lowered_tokens(field))
                else:
                    found = self._concepts(field, caseless)
                wanted = [
                    (term, first, last)
                    for term, first, last in found
                    if terms is None or term in terms
                ]
                spans = _spans(field, wanted, lowered=words)
                for term, first, last in wanted:
                    places.setdefault(term, []).append(
                        Span(name, spans[first][0], spans[last][1])
                    )
        return places

    def _words(self, lowered: list[str]) -> Iterator[tuple[str, int, int]]:
        """Yield words and pairs of words, with their first and last token."""
        pairs = self.settings.ngrams > 1
        previous, before = "", 0
        for position, word in enumerate(lowered):
            if len(word) < 2:
                continue
            yield word, position, position
            if previous and pairs:
                yield f"{previous} {word}", before, position
            previous, before = word, position

    def _concepts(self, field: str, caseless: bool) -> Iterator[tuple[str, int, int]]:
        """Yield concepts, with the first and last token of their phrases."""
        tokens = _TOKEN.findall(field)
        lowered = [token.lower() for token in tokens]
        return self._phrases.find(tokens, lowered, caseless=caseless)


def lowered_tokens(field: str) -> list[str]:
    """Split a field into its tokens in lower case, those of one letter too."""
    return _TOKEN.findall(field.lower())


def _is_caseless(article: Article) -> bool:
    return article.title.lower() == article.title and (
        article.text.lower() == article.text
    )


def _spans(
    field: str, found: Iterable[tuple[str, int, int]], *, lowered: bool
) -> dict[int, tuple[int, int]]:
    """Where the first and last tokens of terms stand in a field."""
    ends = {token for _, first, last in found for token in (first, last)}
    if not ends:
        return {}
    text = field.lower() if lowered else field
    matches = enumerate(_TOKEN.finditer(text))
    if len(text) == len(field):
        return {token: match.span() for token, match in matches if token in ends}
    # Where the characters of the lowered field come from: of some it has two.
    places = (i for i, char in enumerate(field) for _ in char.lower())
    origin = np.fromiter(places, dtype=np.int64)
    return {
        token: (int(origin[match.start()]), int(origin[match.end() - 1]) + 1)
        for token, match in matches
        if token in ends
    }


def weigh(
    ids: NDArray[np.integer],
    counts: NDArray[np.float64],
    rows: NDArray[np.integer],
    idf: NDArray[np.floating],
    blocks: NDArray[np.integer],
    settings: TermSettings,
) -> NDArray[np.float64]:
    """Weigh counted terms: TF-IDF, each block of each row scaled.

    A word counted `c` times weighs ``(1 + ln c) * idf``, as in scikit-learn's
    ``TfidfTransformer(sublinear_tf=True)``, a concept ``c ** concept_power * idf``;
    then the weights of a row's terms in one block are divided by their Euclidean
    length. Those of a block of concepts are multiplied by
    ``m / (m + half_density * n)``, `m` being the counts of the block and `n` those of
    the words, of the row.

    Parameters
    ----------
    ids : ndarray of int, shape (n_entries,)
        Term of each entry.
    counts : ndarray of float64, shape (n_entries,)
        Its count, that of a word at least 1.
    rows : ndarray of int, shape (n_rows + 1,)
        Where each row's entries begin; the end last (a CSR matrix's ``indptr``).
    idf : ndarray of float, shape (n_terms,)
        Inverse document frequencies.
    blocks : ndarray of int, shape (n_blocks + 1,)
        The first term of each block, words first; the number of terms last.
    settings : TermSettings

    Returns
    -------
    ndarray of float64, shape (n_entries,)
    """
    words = ids < blocks[1]
    power = counts**settings.concept_power
    weights = np.where(words, 1.0 + np.log(counts), power) * idf[ids]
    n_blocks, n_rows = len(blocks) - 1, len(rows) - 1
    group = np.searchsorted(blocks, ids, side="right") - 1
    if n_rows > 1:
        group = group + np.repeat(np.arange(n_rows) * n_blocks, np.diff(rows))
    squares = np.bincount(group, weights=weights**2, minlength=n_rows * n_blocks)
    lengths = np.sqrt(squares)
    lengths[lengths == 0.0] = 1.0
    scale = 1.0 / lengths
    if settings.half_density and n_blocks > 1:
        totals = np.bincount(group, weights=counts, minlength=n_rows * n_blocks)
        totals = totals.reshape(n_rows, n_blocks)
        expected = settings.half_density * np.maximum(totals[:, :1], 1.0)
        density = totals / (totals + expected)
        density[:, 0] = 1.0
        scale *= density.ravel()
    scaled: NDArray[np.float64] = weights * scale[group]
    return scaled
