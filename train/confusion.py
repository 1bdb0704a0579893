"""Which labels were taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..labels.samples import Sample
from ..labels.taxonomy import Axis
from .evaluate import AxisOutcome

MAX_LABELS = 40
"""So many labels are shown at the most, those that are commonest."""


@dataclass(frozen=True)
class Confusion:
    """How often articles of one label had which likeliest label.

    Attributes
    ----------
    labels : tuple of str
        Of rows and columns.
    counts : ndarray of int, shape (n_labels, n_labels)
        Articles by their label, then by their likeliest. Of an article of several
        labels the primary one counts, unless the likeliest is another of them; so
        the diagonal holds what top1 counts as right.
    unanswered : int
        Articles with a label but without a word that the model knows.
    hidden : int
        Labels that are left out because there are so many.
    """

    labels: tuple[str, ...]
    counts: NDArray[np.int64]
    unanswered: int = 0
    hidden: int = 0

    @classmethod
    def of(
        cls, outcome: AxisOutcome, samples: Sequence[Sample], axis: Axis
    ) -> Confusion:
        """Count it.

        Parameters
        ----------
        outcome : AxisOutcome
        samples : sequence of Sample
            Those that the outcome is of, in its order.
        axis : Axis
            Where labels lie below others only the highest are counted.
        """
        known = set(axis.ids)
        top = [
            i
            for i, label in enumerate(outcome.labels)
            if label not in known or not axis.above(label)
        ]
        column = {outcome.labels[i]: number for number, i in enumerate(top)}
        scores = outcome.scores[:, top]
        counts = np.zeros((len(top), len(top)), dtype=np.int64)
        unanswered = 0
        for sample, row in zip(samples, scores, strict=True):
            gold = [column[x] for x in sample.labels[axis.id] if x in column]
            if not gold:
                continue
            if not row.any():
                unanswered += 1
                continue
            likeliest = int(row.argmax())
            counts[likeliest if likeliest in gold else gold[0], likeliest] += 1
        seen = counts.sum(axis=0) + counts.sum(axis=1)
        common = np.argsort(-seen, kind="stable")[:MAX_LABELS]
        shown = np.sort(common[seen[common] > 0])
        return cls(
            tuple(outcome.labels[top[i]] for i in shown),
            counts[np.ix_(shown, shown)],
            unanswered,
            int((seen > 0).sum()) - len(shown),
        )

    def commonest(self, number: int) -> list[tuple[str, str, int]]:
        """List the confusions that are commonest: label, likeliest label, articles.

        What happened once is left out.
        """
        wrong = self.counts * (1 - np.eye(len(self.counts), dtype=np.int64))
        order = np.argsort(-wrong, axis=None, kind="stable")[:number].tolist()
        cells = [divmod(cell, len(self.labels)) for cell in order]
        return [
            (self.labels[i], self.labels[j], int(wrong[i, j]))
            for i, j in cells
            if wrong[i, j] > 1
        ]
