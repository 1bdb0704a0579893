"""From probabilities to the labels that are given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..labels.taxonomy import Axis


class DecisionRule:
    """How the labels of one axis are given.

    A label is given from its threshold on. What is true of a label is true of those
    above it: their probabilities are at least its own, and they are given with it.
    On an axis of single labels only the likeliest, with those above it, is given.

    Parameters
    ----------
    axis : Axis
    ids : sequence of str
        The labels that are known, in the order of the columns.
    """

    def __init__(self, axis: Axis, ids: Sequence[str]) -> None:
        column = {id: i for i, id in enumerate(ids)}
        # The deepest first, so that a probability climbs all the way.
        self._pairs = [
            (column[id], above)
            for id in sorted(ids, key=lambda id: -id.count("/"))
            if (above := [column[x] for x in axis.above(id) if x in column])
        ]
        higher = {x for id in ids for x in axis.above(id)}
        self._leaves = np.array([id not in higher for id in ids])
        self._single = axis.single_label

    @property
    def plain(self) -> bool:
        """Whether labels are given by their thresholds and nothing else."""
        return not self._single and bool(self._leaves.all())

    def raised(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Raise the probabilities of labels to those below them.

        Parameters
        ----------
        probabilities : ndarray of float64, shape (n_articles, n_labels)

        Returns
        -------
        ndarray of float64, shape (n_articles, n_labels)
        """
        if self._leaves.all():
            return probabilities
        raised = probabilities.copy()
        for below, above in self._pairs:
            for column in above:
                np.maximum(raised[:, column], raised[:, below], out=raised[:, column])
        return raised

    def given(
        self, probabilities: NDArray[np.float64], thresholds: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Say which labels are given.

        Parameters
        ----------
        probabilities : ndarray of float64, shape (n_articles, n_labels)
            Raised.
        thresholds : ndarray of float64, shape (n_labels,)

        Returns
        -------
        ndarray of bool, shape (n_articles, n_labels)
            A probability of 0 is never a reason to give a label.
        """
        given: NDArray[np.bool_] = (probabilities >= thresholds) & (probabilities > 0)
        if self._single:
            among_leaves = np.where(self._leaves, probabilities, -1.0)
            best = among_leaves.argmax(axis=1)
            kept = np.zeros_like(given)
            kept[np.arange(len(best)), best] = True
            self._spread(kept)
            given &= kept
        self._spread(given)
        return given

    def _spread(self, given: NDArray[np.bool_]) -> None:
        for below, above in self._pairs:
            for column in above:
                given[:, column] |= given[:, below]
