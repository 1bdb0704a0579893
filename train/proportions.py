"""Intervals of shares that were counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Interval = tuple[float, float]


def share_interval(part: int, whole: int) -> Interval:
    """Give the 95% interval of a share.

    Wilson's (Journal of the American Statistical Association 22, 1927), which holds
    for few articles and for shares near 0 and 1, too.

    Parameters
    ----------
    part, whole : int
        The share is ``part / whole``; `whole` is 1 or more.
    """
    from scipy.stats import binomtest

    found = binomtest(part, whole).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


def label_intervals(row: Mapping[str, Any]) -> dict[str, Interval | None]:
    """Give the 95% intervals of a label's precision and recall.

    Parameters
    ----------
    row : mapping
        What :func:`dateline.train.evaluate.metrics` says of a label.

    Returns
    -------
    dict
        ``precision`` and ``recall``; None where the figures do not tell how many
        articles they stand on.
    """
    support, precision, recall = row["support"], row["precision"], row["recall"]
    right = round(recall * support) if recall is not None else 0
    return {
        # The number that was given is not written down, but follows from these.
        "precision": share_interval(right, round(right / precision))
        if precision and right
        else None,
        "recall": share_interval(right, support) if support else None,
    }
