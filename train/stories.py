"""Samples that tell the same story, which must stay on one side of every split.

Two copies of an agency report, one in training and one held out, would let a model
be judged on what it was shown. The texts of samples are compared by MinHash (Broder,
"On the resemblance and containment of documents", 1997): near-duplicates share most
of their runs of words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ..labels.samples import Sample

RUN = 3
"""Words in a row that are compared."""

ALIKE = 0.5
"""Two texts are near-duplicates from this Jaccard similarity of their runs on."""

# 12 bands of 3 minima: of pairs that are just alike 4 in 5 meet in some band, of those
# with a similarity of .7 99 in 100; unlike pairs seldom do, and are compared in full.
_BANDS, _ROWS = 12, 3

_CROWD = 200
"""So many texts in one band's bucket are boilerplate: each is compared to the first."""

_WORD = re.compile(r"\w+")


def near_duplicates(texts: Sequence[str]) -> list[tuple[int, int, float]]:
    """Find the pairs of texts that are nearly the same.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    list of (int, int, float)
        Positions of the two, the lower first, and the Jaccard similarity of their
        runs of :data:`RUN` words, at least :data:`ALIKE`. Texts of fewer words are
        compared as a whole; those without a word are like nothing.
    """
    runs = _runs(texts)
    filled = [i for i, found in enumerate(runs) if len(found)]
    if len(filled) < 2:
        return []
    minima = _minima([runs[i] for i in filled])
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
    for i, j in sorted(pairs):
        shared = len(np.intersect1d(runs[i], runs[j], assume_unique=True))
        similarity = shared / (len(runs[i]) + len(runs[j]) - shared)
        if similarity >= ALIKE:
            alike.append((i, j, similarity))
    return alike


def story_groups(samples: Sequence[Sample]) -> NDArray[np.intp]:
    """Number the stories that samples tell.

    Near-duplicates tell the same story, and so may what one source published on one
    day, where samples say both.

    Parameters
    ----------
    samples : sequence of Sample

    Returns
    -------
    ndarray of int, shape (n_samples,)
        The story of each sample, numbered from 0 in the order of first appearance.
    """
    texts = [f"{sample.title}\n{sample.text}" for sample in samples]
    links = [(i, j) for i, j, _ in near_duplicates(texts)]
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


def _runs(texts: Sequence[str]) -> list[NDArray[np.uint64]]:
    """The distinct runs of words of each text, as sorted hashes."""
    numbers: dict[str, int] = {}
    found = []
    multipliers = np.random.default_rng(0).integers(1, 2**63, RUN, dtype=np.uint64) | 1
    for text in texts:
        words = [
            numbers.setdefault(word, len(numbers) + 1)
            for word in _WORD.findall(text.lower())
        ]
        padded = np.array(words, dtype=np.uint64)
        size = max(len(words) - RUN + 1, min(len(words), 1))
        hashed = np.zeros(size, dtype=np.uint64)
        for offset, multiplier in enumerate(multipliers[: len(words)]):
            hashed += padded[offset : offset + size] * multiplier
        found.append(np.unique(hashed))
    return found


def _minima(runs: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """The least of each text's runs under a number of random orders."""
    rng = np.random.default_rng(1)
    starts = np.cumsum([0, *map(len, runs[:-1])])
    every = np.concatenate(runs)
    columns = []
    for factor in rng.integers(1, 2**63, _BANDS * _ROWS, dtype=np.uint64):
        mixed = every * (factor | np.uint64(1))
        mixed ^= mixed >> np.uint64(32)
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        columns.append(np.minimum.reduceat(mixed, starts))
    return np.column_stack(columns)
