"""Samples that tell the same story, which must stay on one side of every split.

Two copies of an agency report, one in training and one held out, would let a model
be judged on what it was shown. The texts of samples are compared by MinHash (Broder,
"On the resemblance and containment of documents", 1997): near-duplicates share most
of their runs of words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ..labels.samples import Sample
from ..predict.article import Article
from ..predict.terms import lowered_tokens
from .texts import number_words

if TYPE_CHECKING:
    from ._texts import Texts

RUN = 3
"""Words in a row that are compared."""

ALIKE = 0.5
"""Two texts are near-duplicates from this Jaccard similarity of their runs on."""

# 12 bands of 3 minima: of pairs that are just alike 4 in 5 meet in some band, of those
# with a similarity of .7 99 in 100; unlike pairs seldom do, and are compared in full.
_BANDS, _ROWS = 12, 3

_CROWD = 200
"""So many texts in one band's bucket are boilerplate: each is compared to the first."""


def near_duplicates(
    texts: Sequence[str], numbered: Texts | None = None
) -> list[tuple[int, int, float]]:
    """Find the pairs of texts that are nearly the same.

    Parameters
    ----------
    texts : sequence of str
    numbered : Texts, optional
        The same, where they were read before. Default: they are read here.

    Returns
    -------
    list of (int, int, float)
        Positions of the two, the lower first, and the Jaccard similarity of their
        runs of :data:`RUN` words, at least :data:`ALIKE`. Texts of fewer words are
        compared as a whole; those without a word are like nothing.
    """
    if numbered is None:
        numbered = number_words(map(Article, texts))
    if numbered is None:
        runs = _runs(texts)
        filled = [i for i, found in enumerate(runs) if len(found)]
        minima = _minima([runs[i] for i in filled])
        return _alike(filled, minima, runs.__getitem__)
    # Only of the few that look alike the runs are needed in full.
    filled = np.flatnonzero(numbered.lengths()).tolist()
    minima = numbered.minima(_multipliers(), _factors())[filled]
    return _alike(filled, minima, lambda i: _hashed(numbered.numbers(i) + 1))


def _alike(
    filled: Sequence[int],
    minima: NDArray[np.uint64],
    runs_of: Callable[[int], NDArray[np.uint64]],
) -> list[tuple[int, int, float]]:
    """Find the texts with some minima in common, and compare their runs."""
    pairs: set[tuple[int, int]] = set()
    for band in range(_BANDS):
        buckets: dict[bytes, list[int]] = defaultdict(list)
        columns = np.ascontiguousarray(minima[:, band * _ROWS : (band + 1) * _ROWS])
        for i, key in zip(filled, map(bytes, columns), strict=True):
            buckets[key].append(i)
        for found in buckets.values():
            firsts = found if len(found) <= _CROWD else found[:1]
            pairs.update((i, j) for i in firsts for j in found if i < j)
    alike = []
    runs = {i: runs_of(i) for i in {i for pair in pairs for i in pair}}
    for i, j in sorted(pairs):
        shared = len(np.intersect1d(runs[i], runs[j], assume_unique=True))
        similarity = shared / (len(runs[i]) + len(runs[j]) - shared)
        if similarity >= ALIKE:
            alike.append((i, j, similarity))
    return alike


def story_groups(
    samples: Sequence[Sample], numbered: Texts | None = None
) -> NDArray[np.intp]:
    """Number the stories that samples tell.

    Near-duplicates tell the same story, and so may what one source published on one
    day, where samples say both.

    Parameters
    ----------
    samples : sequence of Sample
    numbered : Texts, optional
        Their titles and texts, where they were read before.

    Returns
    -------
    ndarray of int, shape (n_samples,)
        The story of each sample, numbered from 0 in the order of first appearance.
    """
    # Where they were read before, the texts themselves are not looked at again.
    texts = [] if numbered else [f"{sample.title}\n{sample.text}" for sample in samples]
    links = [(i, j) for i, j, _ in near_duplicates(texts, numbered)]
    first: dict[tuple[str, str], int] = {}
    for i, sample in enumerate(samples):
        if sample.source and sample.date:
            links.append((first.setdefault((sample.source, sample.date), i), i))
    if not links:
        return np.arange(len(samples))
    rows, columns = np.array(links).T
    graph = coo_matrix(
        (np.ones(len(links)), (rows, columns)), shape=(len(samples), len(samples))
    )
    found = connected_components(graph, directed=False)[1]
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(g, len(numbers)) for g in found.tolist()])


@cache
def _multipliers() -> NDArray[np.uint64]:
    drawn = np.random.default_rng(0).integers(1, 2**63, RUN, dtype=np.uint64)
    return drawn | np.uint64(1)


@cache
def _factors() -> NDArray[np.uint64]:
    drawn = np.random.default_rng(1).integers(1, 2**63, _BANDS * _ROWS, dtype=np.uint64)
    return drawn | np.uint64(1)


def _runs(texts: Sequence[str]) -> list[NDArray[np.uint64]]:
    """The distinct runs of words of each text, as sorted hashes."""
    numbers: dict[str, int] = {}
    return [
        _hashed(
            [
                numbers.setdefault(word, len(numbers) + 1)
                for word in lowered_tokens(text)
            ]
        )
        for text in texts
    ]


def _hashed(words: ArrayLike) -> NDArray[np.uint64]:
    """The distinct runs of numbered words, as sorted hashes."""
    padded = np.asarray(words, dtype=np.uint64)
    size = max(len(padded) - RUN + 1, min(len(padded), 1))
    hashed = np.zeros(size, dtype=np.uint64)
    for offset, multiplier in enumerate(_multipliers()[: len(padded)]):
        hashed += padded[offset : offset + size] * multiplier
    return np.unique(hashed)


def _minima(runs: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """The least of each text's runs under a number of random orders."""
    if not runs:
        return np.zeros((0, _BANDS * _ROWS), dtype=np.uint64)
    starts = np.cumsum([0, *map(len, runs[:-1])])
    every = np.concatenate(runs)
    columns = []
    for factor in _factors():
        mixed = every * factor
        mixed ^= mixed >> np.uint64(32)
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        columns.append(np.minimum.reduceat(mixed, starts))
    return np.column_stack(columns)
