"""Counting the terms of a vocabulary, by the compiled scan where there is one.

``_scan.pyx`` gives the counts of :class:`~dateline.predict.terms.TermScanner` some
fifty times as fast. Where it could not be built, or an article is not for it, the
definition itself is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .articles import Article
from .phrases import WORDS_WITHOUT_CAPITALS, PhraseTable
from .terms import TermScanner, TermSettings

if TYPE_CHECKING:
    from ._scan import Scan

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
    weights : ndarray of float, shape (n_terms, n_labels), optional
    bias : ndarray of float, shape (n_labels,), optional
        Of a model that `scan` is to give the scores of.

    Attributes
    ----------
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
        weights: NDArray[np.floating] | None = None,
        bias: NDArray[np.floating] | None = None,
    ) -> None:
        self.scanner = TermScanner(phrases, settings)
        self.scan: Scan | None = None
        self._made_of = (terms, bounds, phrases, settings, idf, weights, bias)
        if not COMPILED:
            return
        first = int(bounds[1])
        number = {term: n for n, term in enumerate(terms[first:], first)}
        with suppress(_scan.CannotHold):
            self.scan = _scan.Scan(
                terms,
                bounds.tolist(),
                "\n".join(phrases.phrases),
                phrases.meaning_of,
                np.cumsum([len(concepts) for concepts in phrases.meanings]),
                [number[concept] for found in phrases.meanings for concept in found],
                WORDS_WITHOUT_CAPITALS,
                settings,
                np.ones(len(terms)) if idf is None else idf,
                np.zeros((len(terms), 0)) if weights is None else weights,
                np.zeros(0) if bias is None else bias,
            )

    def __reduce__(self) -> tuple[type[TermCounter], tuple[Any, ...]]:
        """The compiled tables are made anew in another process."""
        return TermCounter, self._made_of

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
