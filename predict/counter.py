"""Counting the terms of a vocabulary, by the compiled scan where there is one.

``_scan.pyx`` gives the counts of :class:`~dateline.predict.terms.TermScanner`, and an
answer some hundred times as fast (docs/speed.md). Where it could not be built, or an
article is not for it, the definition itself is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .article import Article
from .phrases import WORDS_WITHOUT_CAPITALS, PhraseTable
from .run_table import RunTable
from .terms import TermScanner, TermSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._scan import Scan
    from .eight_bits import EightBits

try:
    from . import _scan
except ImportError:  # no compiler when it was installed
    COMPILED = False
else:
    COMPILED = True


class TermCounter:
    """Counts the terms of a vocabulary in articles.

    Parameters
    ----------
    terms : sequence of str
        The vocabulary, block after block, words first.
    bounds : ndarray of int, shape (n_blocks + 1,)
        The first term of each block; the number of terms last.
    phrases : PhraseTable
        Whose concepts are all among the terms.
    settings : TermSettings
    idf : ndarray of float, shape (n_terms,), optional
    weights : EightBits or ndarray of float, shape (n_terms, n_labels), optional
    bias : ndarray of float, shape (n_labels,), optional
        Of a model that `scan` is to give the scores of.
    table : RunTable, optional
        That of these words and phrases, where it was made before.

    Attributes
    ----------
    table : RunTable or None
        None where there is no scan.
    scan : Scan or None
        The compiled scan, where there is one for this vocabulary.
    scanner : TermScanner
        The definition.
    """

    def __init__(
        self,
        terms: Sequence[str],
        bounds: NDArray[np.integer],
        phrases: PhraseTable,
        settings: TermSettings,
        idf: NDArray[np.floating] | None = None,
        weights: EightBits | NDArray[np.floating] | None = None,
        bias: NDArray[np.floating] | None = None,
        table: RunTable | None = None,
    ) -> None:
        self.scanner = TermScanner(phrases, settings)
        self.scan: Scan | None = None
        self.table: RunTable | None = None
        self._made_of = (terms, bounds, phrases, settings, idf, weights, bias, table)
        if COMPILED:
            with suppress(_scan.CannotHold):
                table = table or self._learnt()
                self.scan = _scan.Scan(
                    bounds.tolist(),
                    table.lookup(len(phrases.meaning_ends)),
                    phrases.meaning_ends,
                    phrases.concepts_among(terms, int(bounds[1])),
                    settings,
                    np.ones(len(terms)) if idf is None else idf,
                    np.zeros((len(terms), 0)) if weights is None else weights,
                    np.zeros(0) if bias is None else bias,
                )
                self.table = table

    def _learnt(self) -> RunTable:
        terms, bounds, phrases = self._made_of[:3]
        n_words = int(bounds[1])
        runs, spellings = _scan.learn(
            "\n".join(terms[:n_words]),
            n_words,
            "\n".join(phrases.phrases),
            phrases.meaning_of,
            WORDS_WITHOUT_CAPITALS,
        )
        return RunTable.of(runs, spellings, n_words)

    def __reduce__(self) -> tuple[type[TermCounter], tuple[Any, ...]]:
        return TermCounter, (*self._made_of[:-1], self.table)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {term: number for number, term in enumerate(self._made_of[0])}

    def count(self, article: Article) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Count the terms of an article.

        Returns
        -------
        ids : ndarray of int64
            The known terms that it has, in ascending order.
        counts : ndarray of float64
            As :meth:`TermScanner.count` gives them.
        """
        if self.scan is not None:
            found = self.scan.count(article.title, article.text)
            if found is not None:
                return found
        known = sorted(
            (number, count)
            for term, count in self.scanner.count(article).items()
            if (number := self._numbers.get(term)) is not None
        )
        ids = np.array([number for number, _ in known], dtype=np.int64)
        return ids, np.array([count for _, count in known], dtype=np.float64)
