"""From scores to probabilities and decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..predict.decisions import DecisionRule
from .evaluate import AxisOutcome
from .tasks import AxisTask

SIGMOID_C = 1e4
"""Inverse strength of the regularisation of a sigmoid's slope."""

SCORES_AT_ONCE = 1 << 18
"""As many scores are calibrated at a time: more do not stay near the processor."""

MOST_STEPS = 100
"""Of Newton's method, and of halving a step; some ten are usual."""

SAME = 1e-12
"""Scores of a label that are no further apart, in parts of their mean, are the same."""


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
    weights = task.calibration_weights() * rows[:, np.newaxis]
    for i, label in enumerate(task.labels):
        used = weights[:, i] > 0
        share = (shares or {}).get(label)
        weights[used, i] = _weights(task.truth[used, i], share)
    calibration = fit_sigmoids(scores, task.truth, weights)
    thresholds = np.empty(len(calibration))
    for i, (slope, offset) in enumerate(calibration):
        used = weights[:, i] > 0
        found = sigmoid(scores[used, i] * slope + offset)
        truth, counted = task.truth[used, i], weights[used, i]
        thresholds[i] = (
            f1_threshold(found, truth, counted)
            if precision is None
            else precision_threshold(found, truth, counted, precision)
        )
    judged = task.judged & rows
    probabilities = sigmoid(scores[judged] * calibration[:, 0] + calibration[:, 1])
    # A slope that is not positive would turn scores upside down: it stands on chance
    # or on samples that contradict each other, and is no answer.
    probabilities[:, calibration[:, 0] <= 0] = 0.0
    rule = DecisionRule(task.axis, task.labels)
    probabilities = rule.raised(probabilities)
    given = rule.given(probabilities, thresholds)
    return Calibration(
        calibration,
        thresholds,
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


def fit_sigmoids(
    scores: NDArray[np.float64],
    truth: NDArray[np.bool_],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Fit the sigmoids that turn the scores of labels into probabilities.

    Platt's method (in Advances in Large Margin Classifiers, 1999): logistic regression
    on the score, the targets moved towards each other as if each side had one sample
    more of the other. By Newton's method, so written that nothing overflows or cancels
    (Lin, Lin and Weng, Machine Learning 68, 2007).

    Parameters
    ----------
    scores : ndarray of float64, shape (n_samples, n_labels)
    truth : ndarray of bool, shape (n_samples, n_labels)
    weights : ndarray of float64, shape (n_samples, n_labels)
        What each sample counts for; those of 0 are left out.

    Returns
    -------
    ndarray of float64, shape (n_labels, 2)
        Slope and offset of each label: the probability is
        ``1 / (1 + exp(-(slope * score + offset)))``.
    """
    n, n_labels = scores.shape
    found = np.empty((n_labels, 2))
    at_once = max(1, SCORES_AT_ONCE // max(1, n))
    for start in range(0, n_labels, at_once):
        some = slice(start, start + at_once)
        found[some] = _sigmoids(
            np.ascontiguousarray(scores[:, some].T),
            np.ascontiguousarray(truth[:, some].T),
            np.ascontiguousarray(weights[:, some].T),
        )
    return found


def _sigmoids(
    scores: NDArray[np.float64],
    truth: NDArray[np.bool_],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Fit sigmoids to tables that have a row for each label."""
    used = weights > 0
    positive, negative = (truth & used).sum(axis=1), (~truth & used).sum(axis=1)
    targets = np.where(
        truth,
        ((positive + 1) / (positive + 2))[:, np.newaxis],
        (1 / (negative + 2))[:, np.newaxis],
    )
    total = weights.sum(axis=1)
    mean = (weights * targets).sum(axis=1) / total
    # However large scores are and wherever they lie, steps are of one size.
    middle = (weights * scores).sum(axis=1) / total
    scores = scores - middle[:, np.newaxis]
    spread = np.sqrt((weights * scores**2).sum(axis=1) / total)
    same = spread <= SAME * np.abs(middle)  # or there is only rounding to fit to
    scores[same], spread[same] = 0.0, 1.0
    scores /= spread[:, np.newaxis]
    problem = (scores, targets, weights, 1 / (SIGMOID_C * spread**2))
    found = np.column_stack([np.zeros(len(mean)), np.log(mean / (1 - mean))])
    loss, probability = _loss(found, *problem)
    left = np.arange(len(found))  # the labels whose optimum is not reached
    for _ in range(MOST_STEPS):
        if not len(left):
            break
        at = found[left]
        gradient, step = _newton_step(at, probability, *problem)
        # Halved until it leads downwards, as far as rounding lets that be seen.
        falls = 1e-4 * (gradient * step).sum(axis=1)
        slack = 1e-12 * np.abs(loss)
        for _ in range(MOST_STEPS):
            new, probability = _loss(at + step, *problem)
            short = new > loss + falls + slack
            if not short.any():
                break
            step[short] /= 2
            falls[short] /= 2
        found[left] = at + step
        # Steps get squared: the next one would be too small to matter.
        more = np.abs(step).max(axis=1) > 1e-6 * (1 + np.abs(at).max(axis=1))
        left, loss, probability = left[more], new[more], probability[more]
        problem = tuple(x[more] for x in problem)
    slope = found[:, 0] / spread
    return np.column_stack([slope, found[:, 1] - slope * middle])


def _loss(
    at: NDArray[np.float64],
    scores: NDArray[np.float64],
    targets: NDArray[np.float64],
    weights: NDArray[np.float64],
    penalty: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What sigmoids cost, and the probabilities that they give."""
    x = scores * at[:, :1] + at[:, 1:]
    small = np.exp(-np.abs(x))
    costs = np.maximum(x, 0) - targets * x + np.log1p(small)
    loss = (weights * costs).sum(axis=1) + penalty * at[:, 0] ** 2 / 2
    return loss, np.where(x >= 0, 1.0, small) / (1.0 + small)


def _newton_step(
    at: NDArray[np.float64],
    probability: NDArray[np.float64],
    scores: NDArray[np.float64],
    targets: NDArray[np.float64],
    weights: NDArray[np.float64],
    penalty: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The gradient of what sigmoids cost, and Newton's step from there."""
    pull = weights * (probability - targets)
    g = (pull * scores).sum(axis=1) + penalty * at[:, 0]
    h = pull.sum(axis=1)
    curve = weights * probability * (1 - probability)
    # A little more than there is keeps it from being none where all is decided.
    bb = curve.sum(axis=1) + 1e-12
    curve *= scores
    ab = curve.sum(axis=1)
    curve *= scores
    aa = curve.sum(axis=1) + penalty + 1e-12
    determinant = aa * bb - ab**2
    step = np.column_stack([ab * h - bb * g, ab * g - aa * h])
    return np.column_stack([g, h]), step / determinant[:, np.newaxis]


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
