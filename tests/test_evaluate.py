"""Metrics, comparison, gates: against figures worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dateline.labels import Sample
from dateline.predict import Model, Predictor
from dateline.train.evaluate import (
    AxisOutcome,
    GateError,
    check_gate,
    compare,
    judge,
    metrics,
)


def outcome(truth: list[list[int]], scores: list[list[float]]) -> AxisOutcome:
    values = np.array(scores)
    labels = tuple("abcdef"[: values.shape[1]])
    return AxisOutcome(labels, np.array(truth, bool), values >= 0.5, values)


def test_figures_are_those_of_the_definitions() -> None:
    found = metrics(
        outcome(
            [[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]],
            [[0.9, 0.2, 0.1], [0.8, 0.1, 0.3], [0.7, 0.6, 0.1], [0.4, 0.1, 0.2]],
        )
    )
    assert found["n"] == 4
    assert found["top1"] == pytest.approx(2 / 3, abs=1e-4)
    # a: 2 right, 1 wrong; b: 1 right, 1 missed; c: never true, never given.
    assert found["micro_f1"] == pytest.approx(6 / 8)
    assert found["macro_f1"] == pytest.approx((4 / 5 + 2 / 3) / 2, abs=1e-4)
    assert found["no_label"] == {"n": 1, "given_none": 1.0}
    assert found["per_label"]["b"] == {
        "precision": 1.0,
        "recall": 0.5,
        "f1": 0.6667,
        "support": 2,
    }
    assert "c" not in found["per_label"]
    low, high = found["intervals"]["micro_f1"]
    assert low < found["micro_f1"] < high


def test_calibration_error_is_the_gap_in_equal_mass_bins() -> None:
    # 30 decisions in 15 bins of two: each bin's mean score is 0.7, its share 0.5.
    perfect = outcome([[1], [0]] * 15, [[0.5], [0.5]] * 15)
    assert metrics(perfect)["ece"] == 0.0
    off = outcome([[1], [0]] * 15, [[0.7], [0.7]] * 15)
    assert metrics(off)["ece"] == pytest.approx(0.2)


def test_article_without_any_score_is_missed_by_top1() -> None:
    assert metrics(outcome([[1, 0], [1, 0]], [[0, 0], [0.2, 0.1]]))["top1"] == 0.5


def test_figure_with_nothing_to_stand_on_is_none() -> None:
    found = metrics(outcome([[0], [0]], [[0.1], [0.2]]))
    assert found["top1"] is found["micro_f1"] is found["macro_f1"] is None
    assert found["no_label"] == {"n": 2, "given_none": 1.0}


def test_judge_skips_samples_without_the_axis_and_keeps_unknown_labels(
    model: Model,
) -> None:
    samples = [
        Sample("a", "", "Shares fell in Oslo", {"land": ("north",)}),
        Sample("b", "", "Shares fell", {"desk": ("money",)}),
        Sample("c", "", "Rain", {"land": ("west",)}),
    ]
    found = judge(Predictor(model), samples)
    assert found["land"].labels == ("north", "south", "east", "west")
    assert found["land"].truth.tolist() == [
        [True, False, False, False],
        [False, False, False, True],
    ]
    assert found["desk"].truth.shape == (1, 2)
    assert metrics(found["land"])["per_label"]["west"]["recall"] == 0.0


def random_outcome(flips: float, seed: int = 1) -> AxisOutcome:
    """Three labels on 300 articles, a share of the scores turned round."""
    rng = np.random.default_rng(seed)
    truth = np.eye(3, dtype=bool)[np.random.default_rng(0).integers(0, 3, 300)]
    scores = np.where(truth, 0.8, 0.1)
    turned = rng.random(300) < flips
    scores[turned] = np.roll(scores[turned], 1, axis=1)
    return AxisOutcome(("a", "b", "c"), truth, scores >= 0.5, scores)


def test_worse_model_is_found_worse_and_a_like_one_is_not() -> None:
    good, alike, bad = random_outcome(0.2), random_outcome(0.2, 2), random_outcome(0.5)
    assert compare(bad, good)["worse"]
    assert not compare(good, bad)["worse"]
    assert not compare(alike, good)["worse"]
    assert not compare(good, good)["worse"]
    assert compare(good, good)["top1"]["interval"] == [0.0, 0.0]


FIGURES: dict[str, Any] = {
    "regions": {"macro_f1": 0.8, "per_label": {"south-asia": {"recall": 0.9}}}
}


@pytest.mark.parametrize(
    ("rules", "failures"),
    [
        ("regions.macro_f1>=0.8", 0),
        ("regions.macro_f1>0.8", 1),
        (" regions.macro_f1 <= .8 , regions.per_label.south-asia.recall>=0.95", 1),
        ("regions.macro_f1<0.5,regions.macro_f1>0.9", 2),
    ],
)
def test_gate_says_which_rules_fail(rules: str, failures: int) -> None:
    assert len(check_gate(rules, FIGURES)) == failures


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("", "cannot be read"),
        ("regions.macro_f1=0.8", "cannot be read"),
        ("regions.macro_f1>=high", "cannot be read"),
        ("topics.macro_f1>=0.8", "no 'topics' here; there is regions"),
        ("regions.f1>=0.8", "no 'f1' here"),
        ("regions.per_label>=0.8", "is no figure"),
    ],
)
def test_gate_that_speaks_of_no_figure_is_refused(rule: str, said: str) -> None:
    with pytest.raises(GateError, match=said):
        check_gate(rule, FIGURES)
