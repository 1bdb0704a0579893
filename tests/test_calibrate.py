"""From scores to probabilities, and from probabilities to thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from dateline.train import calibrate
from dateline.train.calibrate import f1_threshold, fit_sigmoids, precision_threshold

Scored = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]
"""Scores, truth and weights."""


def test_sigmoid_recovers_known_probabilities() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=20_000)
    truth = rng.random(20_000) < 1 / (1 + np.exp(-(2 * scores - 1)))
    (found,) = fit_sigmoids(scores[:, None], truth[:, None], np.ones((20_000, 1)))
    assert found == pytest.approx([2, -1], abs=0.1)


def platt(
    scores: NDArray[np.float64], truth: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The sigmoid of one label, by scikit-learn."""
    used = weights > 0
    scores, truth, weights = scores[used], truth[used], weights[used]
    positive, negative = truth.sum(), (~truth).sum()
    targets = np.where(truth, (positive + 1) / (positive + 2), 1 / (negative + 2))
    model = LogisticRegression(
        C=1e4, solver="newton-cholesky", tol=1e-12, max_iter=1000
    )
    # A soft target is a sample on both sides, weighed.
    model.fit(
        np.concatenate([scores, scores])[:, None],
        np.repeat([1, 0], len(scores)),
        np.concatenate([weights * targets, weights * (1 - targets)]),
    )
    return np.array([model.coef_[0, 0], model.intercept_[0]])


def made_up_scores() -> dict[str, Scored]:
    """Scores, truth and weights of labels, some of them strange, by name."""
    rng = np.random.default_rng(1)
    n = 300
    ones, base = np.ones(n), rng.normal(size=n)
    tails = rng.standard_t(0.5, n)
    truth, one = np.arange(n) < 40, np.arange(n) == 7
    usual = {
        f"usual {i}": (base * (i + 1) / 5 + truth * rng.normal(1), truth, ones)
        for i in range(20)
    }
    return usual | {
        "weights": (base + truth, truth, rng.uniform(0, 30, n) * (base < 0.7)),
        "apart": (np.where(truth, 1.0, -1.0) + rng.random(n) / 10, truth, ones),
        "far apart": (np.where(truth, 1e3, -1e3) + rng.random(n), truth, ones),
        "two values": (np.where(truth, 1.0, 0.0), truth, ones),
        "the wrong way round": (base - 2 * truth, truth, ones),
        "one positive": (base, one, ones),
        "no positive": (base, one & False, ones),
        "tiny": (base * 1e-6, truth, ones),
        "large": (base * 1e4 + 1e5 + 3e4 * truth, truth, ones),
        "one far off": (np.where(one, 1e6, base + truth), truth, ones),
        "far steps": (tails, tails > np.quantile(tails, 0.98), np.exp(4 * base)),
        "all the same": (np.full(n, -0.7), truth, ones),
    }


def test_sigmoids_are_those_of_logistic_regression(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels = made_up_scores()
    scores, truth, weights = zip(*labels.values(), strict=True)
    tables = (
        np.column_stack(scores),
        np.column_stack(truth),
        np.column_stack(weights),
    )
    together = fit_sigmoids(*tables)
    for name, found in zip(labels, together, strict=True):
        expected = platt(*labels[name])
        # A slope speaks of scores as they are spread.
        spread = max(1e-9, float(labels[name][0].std()))
        assert found * [spread, 1] == pytest.approx(
            expected * [spread, 1], rel=1e-6, abs=1e-6
        ), name
    monkeypatch.setattr(calibrate, "SCORES_AT_ONCE", 1)
    assert (fit_sigmoids(*tables) == together).all()


def test_sigmoid_of_scores_beyond_reason_keeps_its_sense() -> None:
    # scikit-learn gives up on these.
    rng = np.random.default_rng(0)
    scores, truth = rng.normal(size=(300, 1)), np.arange(300)[:, None] < 40
    scores += truth
    ones = np.ones((300, 1))
    ((slope, offset),) = fit_sigmoids(scores, truth, ones)
    ((far_slope, far_offset),) = fit_sigmoids(scores * 1e12 + 1e13, truth, ones)
    assert far_slope * 1e12 == pytest.approx(slope, rel=1e-3)
    assert far_offset == pytest.approx(offset - 10 * slope, rel=1e-3)


def test_scores_that_are_all_the_same_have_no_slope() -> None:
    truth = np.arange(300)[:, None] < 40
    ((slope, offset),) = fit_sigmoids(np.full((300, 1), -0.7), truth, np.ones((300, 1)))
    assert slope == 0.0
    # Of soft targets: 40 of 41/42 and 260 of 1/262.
    mean = (40 * 41 / 42 + 260 / 262) / 300
    assert offset == pytest.approx(np.log(mean / (1 - mean)))


def test_threshold_is_half_of_the_best_f1() -> None:
    probabilities = np.array([0.9, 0.8, 0.3, 0.2])
    # Taking the first two gives precision 1/2, recall 1, the first alone 1 and 1.
    assert f1_threshold(probabilities, np.array([True, False, False, False])) == 0.5
    assert f1_threshold(probabilities, np.array([False, True, False, False])) == (
        pytest.approx(1 / 3)
    )


def test_precision_threshold_is_the_least_that_is_right_so_often() -> None:
    probabilities = np.array([0.9, 0.8, 0.7, 0.6, 0.6, 0.1])
    truth = np.array([True, True, False, True, True, False])
    ones = np.ones(6)
    assert precision_threshold(probabilities, truth, ones, 0.8) == 0.6
    assert precision_threshold(probabilities, truth, ones, 0.9) == 0.8
    assert precision_threshold(probabilities, ~truth, ones, 0.99) == 1.0
