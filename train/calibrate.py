"""From scores to probabilities and decisions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ..predict.predictor import sigmoid
from .evaluate import AxisOutcome


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
    labels: tuple[str, ...], truth: NDArray[np.bool_], scores: NDArray[np.float64]
) -> Calibration:
    """Turn held-out scores into sigmoids and thresholds.

    Parameters
    ----------
    labels : tuple of str
    truth : ndarray of bool, shape (n_samples, n_labels)
    scores : ndarray of float64, shape (n_samples, n_labels)
        Linear scores of samples that the classifiers were not fitted to.
    """
    columns = range(len(labels))
    sigmoids = np.array([fit_sigmoid(scores[:, i], truth[:, i]) for i in columns])
    probabilities = sigmoid(scores * sigmoids[:, 0] + sigmoids[:, 1])
    thresholds = np.array(
        [f1_threshold(probabilities[:, i], truth[:, i]) for i in columns]
    )
    given = probabilities >= thresholds
    return Calibration(
        sigmoids, thresholds, AxisOutcome(labels, truth, given, probabilities)
    )


def fit_sigmoid(
    scores: NDArray[np.float64], truth: NDArray[np.bool_]
) -> tuple[float, float]:
    """Fit the sigmoid that turns scores into probabilities.

    Platt's method (in Advances in Large Margin Classifiers, 1999): logistic regression
    on the score, the targets moved towards each other as if each side had one sample
    more of the other.

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
    model = LogisticRegression(C=1e4, max_iter=1000)
    model.fit(X, y, sample_weight=np.concatenate([targets, 1 - targets]))
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def f1_threshold(probabilities: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Choose the probability from which giving a label makes the best F1.

    Half of the best F1 that any threshold reaches, which is the optimal threshold
    where probabilities are calibrated (Lipton, Elkan and Naryanaswamy, ECML PKDD
    2014); steadier on few samples than the threshold that reached it.
    """
    order = np.argsort(-probabilities, kind="stable")
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + truth.sum())
    return float(f1.max() / 2)
