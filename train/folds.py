"""Dealing samples into the folds of a cross-validation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def deal_folds(
    truth: NDArray[np.bool_],
    folds: int,
    seed: int,
    groups: NDArray[np.intp] | None = None,
) -> NDArray[np.intp]:
    """Deal samples into folds so that each label is spread evenly.

    Samples are dealt label by label, the rarest label first, each time to the fold
    that has the fewest of that label, then the fewest samples (iterative
    stratification, after Sechidis et al., ECML PKDD 2011, greatly simplified). A
    group is dealt as one.

    Parameters
    ----------
    truth : ndarray of bool, shape (n_samples, n_labels)
    folds : int
    seed : int
        Of the order in which the groups of a label are dealt.
    groups : ndarray of int, shape (n_samples,), optional
        Samples with the same number stay together. Default: each is by itself.

    Returns
    -------
    ndarray of int, shape (n_samples,)
        The fold of each sample.
    """
    rng = np.random.default_rng(seed)
    if groups is None:
        groups = np.arange(len(truth))
    _, group_of = np.unique(groups, return_inverse=True)
    members = np.bincount(group_of)
    carried = np.zeros((len(members), truth.shape[1]), dtype=np.intp)
    np.add.at(carried, group_of, truth)
    dealt = np.full(len(members), -1)
    sizes = np.zeros(folds, dtype=np.intp)
    counts = np.zeros((folds, truth.shape[1]), dtype=np.intp)
    rarest_first = np.argsort(truth.sum(axis=0), kind="stable")
    order = rng.permutation(len(members))
    for label in [*rarest_first, None]:
        for i in order if label is None else order[carried[order, label] > 0]:
            if dealt[i] >= 0:
                continue
            load = (
                sizes if label is None else counts[:, label] * (len(truth) + 1) + sizes
            )
            fold = int(load.argmin())
            dealt[i] = fold
            sizes[fold] += members[i]
            counts[fold] += carried[i]
    fold_of: NDArray[np.intp] = dealt[group_of]
    return fold_of
