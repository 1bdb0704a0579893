"""From probabilities to the labels that are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..labels.taxonomy import Axis

if TYPE_CHECKING:
    from numpy.typing import NDArray


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

    Attributes
    ----------
    pairs : list of (int, int)
        Columns of labels, each with that of one above it; the deepest label first, so
        that a probability climbs all the way.
    leaves : ndarray of bool, shape (n_labels,)
        Which labels have none below them.
    single : bool
        Whether no more than one label, with those above it, is given.
    """

    def __init__(self, axis: Axis, ids: Sequence[str]) -> None:
        column = {id: i for i, id in enumerate(ids)}
        self.pairs = [
            (column[id], column[x])
            for id in sorted(ids, key=lambda id: -id.count("/"))
            for x in axis.above(id)
            if x in column
        ]
        higher = {x for id in ids for x in axis.above(id)}
        self.leaves = np.array([id not in higher for id in ids])
        self.single = axis.single_label

    def raised(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Raise the probabilities of labels to those below them.

        Parameters
        ----------
        probabilities : ndarray of float64, shape (n_articles, n_labels)

        Returns
        -------
        ndarray of float64, shape (n_articles, n_labels)
        """
        raised = probabilities.copy()
        for below, above in self.pairs:
            np.maximum(raised[:, above], raised[:, below], out=raised[:, above])
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
        if self.single:
            among_leaves = np.where(self.leaves, probabilities, -1.0)
            best = among_leaves.argmax(axis=1)
            kept = np.zeros_like(given)
            kept[np.arange(len(best)), best] = True
            self._spread(kept)
            given &= kept
        self._spread(given)
        return given

    def _spread(self, given: NDArray[np.bool_]) -> None:
        for below, above in self.pairs:
            given[:, above] |= given[:, below]
