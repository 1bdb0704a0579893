"""Figures of parts of the samples: by source, by length, by month."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..labels.samples import Sample
from .evaluate import AxisOutcome, metrics

LENGTHS = (25, 75, 200, 500)
"""Words at which one class of length ends and the next begins."""

MAX_SOURCES = 15
"""So many sources are shown, those with most articles; the rest together."""

MAX_MONTHS = 24
"""Where samples are of more months, they are parted by year."""

MIN_ARTICLES = 5
"""Parts of fewer articles are not shown alone."""

_MONTH = re.compile(r"\d{4}-\d{2}")


@dataclass(frozen=True)
class Slice:
    """One part of the samples.

    Attributes
    ----------
    name : str
    figures : mapping
        As :func:`dateline.train.evaluate.metrics` gives them.
    """

    name: str
    figures: dict[str, Any]


def by_length(outcome: AxisOutcome, samples: Sequence[Sample]) -> list[Slice]:
    """Part by the number of words, title and text together."""
    words = [len(f"{s.title} {s.text}".split()) for s in samples]
    classes = np.searchsorted(LENGTHS, words, side="right")
    names = [f"under {LENGTHS[0]} words"]
    names += [f"{low} to {high - 1}" for low, high in pairwise(LENGTHS)]
    names.append(f"{LENGTHS[-1]} or more")
    return _slices(outcome, [names[i] for i in classes], names)


def by_source(outcome: AxisOutcome, samples: Sequence[Sample]) -> list[Slice]:
    """Part by source, the one with most articles first; empty where none has one."""
    sources = [sample.source for sample in samples]
    if not any(sources):
        return []
    counts = {name: sources.count(name) for name in dict.fromkeys(sources) if name}
    often = sorted(counts, key=lambda name: (-counts[name], name))
    shown = [name for name in often if counts[name] >= MIN_ARTICLES][:MAX_SOURCES]
    rest = f"{len(often) - len(shown)} other sources"
    kept = set(shown)
    names = [
        name if name in kept else rest if name else "without a source"
        for name in sources
    ]
    return _slices(outcome, names, [*shown, rest, "without a source"])


def by_month(outcome: AxisOutcome, samples: Sequence[Sample]) -> list[Slice]:
    """Part by month, or by year where months are many; empty where none has a date.

    Dates are read where they begin as ISO 8601's, ``2024-05``.
    """
    found = [_MONTH.match(sample.date) for sample in samples]
    months = [match[0] if match else "" for match in found]
    if not any(months):
        return []
    if len(set(months)) > MAX_MONTHS:
        months = [month[:4] for month in months]
    names = [month or "without a date" for month in months]
    order = [*sorted({month for month in months if month}), "without a date"]
    return _slices(outcome, names, order)


def _slices(
    outcome: AxisOutcome, names: Sequence[str], order: Sequence[str]
) -> list[Slice]:
    of = np.array(names)
    return [
        Slice(name, metrics(part(outcome, of == name)))
        for name in order
        if (of == name).sum() >= MIN_ARTICLES
    ]


def part(outcome: AxisOutcome, rows: NDArray[np.bool_]) -> AxisOutcome:
    """The outcome on some of its articles."""
    return replace(
        outcome,
        truth=outcome.truth[rows],
        given=outcome.given[rows],
        scores=outcome.scores[rows],
    )
