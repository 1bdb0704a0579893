"""How good is a model? Metrics on labelled samples, comparison of two models, rules.

All figures of an axis come from three tables over its articles and labels: what is
true, what was given, and the probabilities. Intervals are 95% percentile bootstrap
intervals over articles.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..labels.errors import DatelineError
from ..labels.samples import Sample
from ..predict.article import Article
from ..predict.predictor import Predictor

RESAMPLES = 1000
"""Bootstrap resamples behind every interval."""

RESAMPLES_AT_ONCE = 100
"""As many are held in memory at a time."""

ECE_BINS = 15
"""Equal-mass bins of the expected calibration error."""

HEADLINE = ("top1", "micro_f1", "macro_f1", "ece")
"""The figures of an axis, in the order in which they are shown."""


class GateError(DatelineError):
    """A rule of a gate cannot be understood or speaks of no figure."""


@dataclass(frozen=True)
class AxisOutcome:
    """What is true and what a model said on one axis.

    Attributes
    ----------
    labels : tuple of str
        Label ids: those that the model knows, then those that only the samples carry.
    truth : ndarray of bool, shape (n_articles, n_labels)
    given : ndarray of bool, shape (n_articles, n_labels)
        The labels over their thresholds.
    scores : ndarray of float64, shape (n_articles, n_labels)
        Probabilities; 0 for labels that the model does not know.
    """

    labels: tuple[str, ...]
    truth: NDArray[np.bool_]
    given: NDArray[np.bool_]
    scores: NDArray[np.float64]


def judge(predictor: Predictor, samples: Sequence[Sample]) -> dict[str, AxisOutcome]:
    """Let a model judge samples, on the axes that both have.

    Parameters
    ----------
    predictor : Predictor
    samples : sequence of Sample

    Returns
    -------
    dict of str to AxisOutcome
        For each axis of the model, in order, that some sample carries: the outcome on
        those samples, in their order.
    """
    predictions = list(
        predictor.predict_many(Article(s.text, s.title, s.id) for s in samples)
    )
    outcomes = {}
    for head in predictor.model.heads:
        axis = head.axis
        rows = [i for i, sample in enumerate(samples) if axis in sample.labels]
        if not rows:
            continue
        ids = [label.id for label in head.labels]
        carried = {label for i in rows for label in samples[i].labels[axis]}
        ids += sorted(carried - set(ids))
        column = {label: number for number, label in enumerate(ids)}
        truth = np.zeros((len(rows), len(ids)), dtype=bool)
        given = np.zeros_like(truth)
        scores = np.zeros(truth.shape)
        for row, i in enumerate(rows):
            truth[row, [column[label] for label in samples[i].labels[axis]]] = True
            given[row, [column[s.label] for s in predictions[i][axis]]] = True
            known = predictions[i].scores[axis]
            scores[row, : len(known)] = list(known.values())
        outcomes[axis] = AxisOutcome(tuple(ids), truth, given, scores)
    return outcomes


def metrics(outcome: AxisOutcome, *, seed: int = 0) -> dict[str, Any]:
    """The figures of one axis, as ``dateline evaluate --json`` prints them.

    Parameters
    ----------
    outcome : AxisOutcome
    seed : int, default=0
        Of the bootstrap.

    Returns
    -------
    dict
        ``n`` articles; ``top1``, the share of the articles with a label whose
        likeliest label is one of them (an article without any score counts as
        missed); ``micro_f1`` and ``macro_f1`` at the thresholds, the latter over
        the labels that the samples carry; ``ece``, the expected calibration error
        over all decisions, in 15 bins of equal mass; ``intervals`` of these four
        (that of ece lies high: resampling adds noise to every bin);
        ``no_label``, the number of articles known to have none and the share of
        them given none; ``per_label`` precision, recall, f1 and support. A figure
        that has nothing to stand on is None.
    """
    sums = _ArticleSums(outcome)
    now = figures(outcome)
    resampled = _resampled([sums], seed)[0]
    none = ~outcome.truth.any(axis=1)
    tp, fp, fn = (part.sum(axis=0) for part in sums.confusion)
    per_label = {}
    for number, label in enumerate(outcome.labels):
        if tp[number] + fn[number] or fp[number]:
            per_label[label] = {
                "precision": _ratio(tp[number], tp[number] + fp[number]),
                "recall": _ratio(tp[number], tp[number] + fn[number]),
                "f1": _ratio(2 * tp[number], 2 * tp[number] + fp[number] + fn[number]),
                "support": int(tp[number] + fn[number]),
            }
    return {
        "n": len(outcome.truth),
        **{name: _finite(now[name]) for name in HEADLINE},
        "intervals": {name: _interval(resampled[name]) for name in HEADLINE},
        "no_label": {
            "n": int(none.sum()),
            "given_none": _ratio((none & ~outcome.given.any(axis=1)).sum(), none.sum()),
        },
        "per_label": per_label,
    }


def figures(outcome: AxisOutcome) -> dict[str, float]:
    """The headline figures of one axis alone; NaN where there is nothing to judge."""
    whole = np.ones((1, len(outcome.truth)))
    return {
        name: float(values[0])
        for name, values in _ArticleSums(outcome).figures(whole).items()
    }


def compare(new: AxisOutcome, old: AxisOutcome, *, seed: int = 0) -> dict[str, Any]:
    """Compare two models on the same articles by paired bootstrap.

    Parameters
    ----------
    new, old : AxisOutcome
        Of the same samples.
    seed : int, default=0

    Returns
    -------
    dict
        For each headline figure ``new``, ``old``, ``difference`` (new less old) and
        its ``interval``; and ``worse``: whether the interval of the difference in
        top1, micro_f1 or macro_f1 lies wholly below 0.
    """
    new_now, old_now = figures(new), figures(old)
    new_drawn, old_drawn = _resampled([_ArticleSums(new), _ArticleSums(old)], seed)
    result: dict[str, Any] = {}
    for name in HEADLINE:
        result[name] = {
            "new": _finite(new_now[name]),
            "old": _finite(old_now[name]),
            "difference": _finite(new_now[name] - old_now[name]),
            "interval": _interval(new_drawn[name] - old_drawn[name]),
        }
    result["worse"] = any(
        (interval := result[name]["interval"]) is not None and interval[1] < 0
        for name in ("top1", "micro_f1", "macro_f1")
    )
    return result


_RULE = re.compile(r"\s*([\w.:-]+?)\s*(>=|<=|>|<)\s*([0-9.eE+-]+)\s*")


def check_gate(rules: str, figures: Mapping[str, Any]) -> list[str]:
    """Hold figures against rules.

    Parameters
    ----------
    rules : str
        Comma-separated, such as
        ``"regions.macro_f1>=0.8,topics.per_label.sport.recall>=0.9"``.
    figures : mapping
        Axis id to the result of :func:`metrics`.

    Returns
    -------
    list of str
        A sentence for each rule that fails; empty where all hold.

    Raises
    ------
    GateError
        If a rule cannot be read or names no figure.
    """
    failed = []
    for path, sign, bound in read_gate(rules):
        value = _figure(path, figures)
        holds = {
            ">=": value >= bound,
            "<=": value <= bound,
            ">": value > bound,
            "<": value < bound,
        }[sign]
        if not holds:
            failed.append(f"{path} is {value:.4f}, the rule asks for {sign}{bound:g}")
    return failed


def read_gate(rules: str) -> list[tuple[str, str, float]]:
    """Read rules: the figure, the sign and the bound of each.

    Raises
    ------
    GateError
        If one cannot be read.
    """
    found = []
    for rule in rules.split(","):
        match = _RULE.fullmatch(rule)
        try:
            if match is None:
                raise ValueError
            found.append((match[1], match[2], float(match[3])))
        except ValueError:
            raise GateError(
                f"rule {rule.strip()!r} cannot be read; write for example "
                "regions.macro_f1>=0.8"
            ) from None
    return found


def _figure(path: str, figures: Mapping[str, Any]) -> float:
    value: Any = figures
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            known = ", ".join(value) if isinstance(value, Mapping) else "nothing"
            raise GateError(f"rule on {path!r}: no {part!r} here; there is {known}")
        value = value[part]
    if value is None or isinstance(value, Mapping | Sequence):
        raise GateError(f"rule on {path!r}: that is no figure")
    return float(value)


class _ArticleSums:
    """What each article adds to the figures, so that a resample is a weighted sum."""

    def __init__(self, outcome: AxisOutcome) -> None:
        truth, given, scores = outcome.truth, outcome.given, outcome.scores
        self.confusion = tuple(
            part.astype(np.float64)
            for part in (truth & given, ~truth & given, truth & ~given)
        )
        self._carried = truth.any(axis=0)
        self._labelled = truth.any(axis=1).astype(np.float64)
        best = truth[np.arange(len(truth)), scores.argmax(axis=1)] & scores.any(axis=1)
        self._hits = best.astype(np.float64)
        # The bins are those of the whole set; a resample moves what is in them.
        order = scores.ravel().argsort(kind="stable")
        bins = np.empty(scores.size, dtype=np.int64)
        bins[order] = np.arange(scores.size) * ECE_BINS // scores.size
        article = np.repeat(np.arange(len(scores)), scores.shape[1])
        gap = scores.ravel() - truth.ravel()
        self._gaps = np.zeros((len(scores), ECE_BINS))
        np.add.at(self._gaps, (article, bins), gap)
        self._decisions = scores.shape[1]

    def figures(self, weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """The headline figures, one for each row of weights over the articles."""
        tp, fp, fn = (weights @ part for part in self.confusion)
        with np.errstate(invalid="ignore", divide="ignore"):
            f1 = 2 * tp / (2 * tp + fp + fn)
            total = 2 * tp.sum(axis=1)
            micro = total / (total + fp.sum(axis=1) + fn.sum(axis=1))
            top1 = weights @ self._hits / (weights @ self._labelled)
            if self._carried.any():
                macro = np.nan_to_num(f1[:, self._carried]).mean(axis=1)
            else:
                macro = np.full(len(weights), np.nan)
            decisions = weights.sum(axis=1) * self._decisions
            ece = np.abs(weights @ self._gaps).sum(axis=1) / decisions
        return {"top1": top1, "micro_f1": micro, "macro_f1": macro, "ece": ece}


def _resampled(
    models: Sequence[_ArticleSums], seed: int
) -> list[dict[str, NDArray[np.float64]]]:
    """The figures of models on the same :data:`RESAMPLES` draws of articles."""
    n = len(models[0].confusion[0])
    rng = np.random.default_rng(seed)
    parts: list[list[dict[str, NDArray[np.float64]]]] = [[] for _ in models]
    for _ in range(RESAMPLES // RESAMPLES_AT_ONCE):
        draws = rng.multinomial(n, np.full(n, 1.0 / n), size=RESAMPLES_AT_ONCE)
        for part, model in zip(parts, models, strict=True):
            part.append(model.figures(draws.astype(np.float64)))
    return [
        {name: np.concatenate([p[name] for p in part]) for name in HEADLINE}
        for part in parts
    ]


def _interval(values: NDArray[np.float64]) -> list[float] | None:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    low, high = np.quantile(finite, [0.025, 0.975])
    return [round(float(low), 4), round(float(high), 4)]


def _ratio(part: Any, whole: Any) -> float | None:
    return round(float(part) / float(whole), 4) if whole else None


def _finite(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def evaluate(predictor: Predictor, samples: Iterable[Sample]) -> dict[str, Any]:
    """Judge samples and give the figures of every axis, as :func:`metrics` does."""
    return {
        axis: metrics(outcome)
        for axis, outcome in judge(predictor, list(samples)).items()
    }
