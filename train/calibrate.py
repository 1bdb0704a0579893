"""From scores to probabilities and decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ..predict.decisions import DecisionRule
from .evaluate import AxisOutcome
from .tasks import AxisTask


@dataclass(frozen=True)
class Calibration:
    """What held-out scores say of the labels of an axis.

    Attributes
    ----------
    sigmoids : ndarray of float64, shape (n_labels, 2)
        Slope and offset of each label.
    thresholds : ndarray of float64, shape (n_labels,)
        The probability from which each label is given.
    outcome : AxisOutcome
        What the held-out scores come to with these.
    """

    sigmoids: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    outcome: AxisOutcome


def calibrate(
    task: AxisTask,
    scores: NDArray[np.float64],
    *,
    shares: Mapping[str, float] | None = None,
    precision: float | None = None,
    rows: NDArray[np.bool_] | None = None,
) -> Calibration:
    """Turn held-out scores into sigmoids and thresholds.

    Parameters
    ----------
    task : AxisTask
    scores : ndarray of float64, shape (n_rows, n_labels)
        Linear scores of the task's rows by classifiers that were not fitted to them.
    shares : mapping of str to float, optional
        The share of articles that carries each label where the model will be used;
        a label that is left out is as common there as among the samples. Default:
        all are.
    precision : float, optional
        What thresholds are chosen for. Default: F1.
    rows : ndarray of bool, shape (n_rows,), optional
        The rows that have scores. Default: all.
    """
    rows = np.ones(len(scores), dtype=bool) if rows is None else rows
    counted = task.calibration_weights() * rows[:, np.newaxis]
    sigmoids, thresholds = [], []
    for i, label in enumerate(task.labels):
        used = counted[:, i] > 0
        column, truth = scores[used, i], task.truth[used, i]
        weights = _weights(truth, (shares or {}).get(label))
        slope, offset = fit_sigmoid(column, truth, weights)
        found = sigmoid(column * slope + offset)
        thresholds.append(
            f1_threshold(found, truth, weights)
            if precision is None
            else precision_threshold(found, truth, weights, precision)
        )
        sigmoids.append((slope, offset))
    calibration = np.array(sigmoids)
    judged = task.judged & rows
    probabilities = sigmoid(scores[judged] * calibration[:, 0] + calibration[:, 1])
    # A slope that is not positive would turn scores upside down: it stands on chance
    # or on samples that contradict each other, and is no answer.
    probabilities[:, calibration[:, 0] <= 0] = 0.0
    rule = DecisionRule(task.axis, task.labels)
    probabilities = rule.raised(probabilities)
    given = rule.given(probabilities, np.array(thresholds))
    return Calibration(
        calibration,
        np.array(thresholds),
        AxisOutcome(task.labels, task.truth[judged], given, probabilities),
    )


def _weights(truth: NDArray[np.bool_], share: float | None) -> NDArray[np.float64]:
    """What each sample counts for, so that the label's share becomes the one given.

    What makes a label is taken to be alike here and there, only more or less common
    (Saerens, Latinne and Decaestecker, Neural Computation 14, 2002). The weights sum
    to the number of samples.
    """
    here = float(truth.mean())
    if share is None or not 0.0 < here < 1.0:
        return np.ones(len(truth))
    return np.where(truth, share / here, (1.0 - share) / (1.0 - here))


def fit_sigmoid(
    scores: NDArray[np.float64],
    truth: NDArray[np.bool_],
    weights: NDArray[np.float64] | None = None,
) -> tuple[float, float]:
    """Fit the sigmoid that turns scores into probabilities.

    Platt's method (in Advances in Large Margin Classifiers, 1999): logistic regression
    on the score, the targets moved towards each other as if each side had one sample
    more of the other.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_samples,)
    truth : ndarray of bool, shape (n_samples,)
    weights : ndarray of float64, shape (n_samples,), optional
        What each sample counts for. Default: 1.

    Returns
    -------
    slope, offset : float
        Probability is ``1 / (1 + exp(-(slope * score + offset)))``.
    """
    positive, negative = int(truth.sum()), int((~truth).sum())
    targets = np.where(truth, (positive + 1) / (positive + 2), 1 / (negative + 2))
    # A soft target is a sample on both sides, weighed.
    X = np.concatenate([scores, scores])[:, np.newaxis]
    y = np.repeat([1, 0], len(scores))
    # Two numbers are to be found: Newton's method takes a few steps.
    model = LogisticRegression(C=1e4, solver="newton-cholesky")
    weights = np.ones(len(scores)) if weights is None else weights
    sides = np.concatenate([weights * targets, weights * (1 - targets)])
    model.fit(X, y, sample_weight=sides)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def f1_threshold(
    probabilities: NDArray[np.float64],
    truth: NDArray[np.bool_],
    weights: NDArray[np.float64] | None = None,
) -> float:
    """Choose the probability from which giving a label makes the best F1.

    Half of the best F1 that any threshold reaches, which is the optimal threshold
    where probabilities are calibrated (Lipton, Elkan and Naryanaswamy, ECML PKDD
    2014); steadier on few samples than the threshold that reached it. Samples count
    for their `weights`, by default for 1.
    """
    order = np.argsort(-probabilities, kind="stable")
    weights = np.ones(len(order)) if weights is None else weights
    hits = np.cumsum((weights * truth)[order])
    f1 = 2 * hits / (np.cumsum(weights[order]) + hits[-1])
    return float(f1.max() / 2)


def precision_threshold(
    probabilities: NDArray[np.float64],
    truth: NDArray[np.bool_],
    weights: NDArray[np.float64],
    precision: float,
) -> float:
    """Choose the least probability from which a label is right that often.

    Returns
    -------
    float
        1 where no probability is: the label is then all but never given.
    """
    order = np.argsort(-probabilities, kind="stable")
    right = np.cumsum((weights * truth)[order]) / np.cumsum(weights[order])
    # Equal probabilities are given together, so only the last of them counts.
    sorted_ = probabilities[order]
    last = np.append(sorted_[1:] != sorted_[:-1], True)
    reached = np.flatnonzero(last & (right >= precision))
    return float(sorted_[reached[-1]]) if len(reached) else 1.0


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logistic function, without overflow at either end."""
    small = np.exp(-np.abs(x))
    probability: NDArray[np.float64] = np.where(x >= 0, 1.0, small) / (1.0 + small)
    return probability
