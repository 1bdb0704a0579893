"""Which labels look wrong: samples that classifiers fitted to the others disagree with.

Confident learning (Northcutt, Jiang and Chuang, JAIR 70, 2021) with held-out
probabilities, for samples with several labels or none. A sample is right where all
that it was given applies and nothing else does; the score of a doubt is

    1 - p(its least likely label) * (1 - p(the likeliest label that it lacks)),

the probability that one of these two does not hold. The probabilities are calibrated
label by label. To divide them by each label's mean self-confidence on top, as confident
learning does with raw ones, found fewer of the wrong labels that were planted at random
in Reuters-21578, .82 instead of .95, and two in a hundred more of those that were
planted as labels are common (``benchmarks/audit.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..labels.lexicon import Lexicon
from ..labels.samples import Sample
from ..labels.taxonomy import Taxonomy
from .calibrate import calibrate
from .crossval import choose_weights, fit_labels, open_weights, trial_folds
from .features import TermVectorizer
from .fit import check_trainable, prepare
from .settings import TrainingSettings
from .stories import story_groups
from .tasks import AxisTask, Matrix

EVIDENCE_TERMS = 5
"""At most so many terms speak for a label."""


@dataclass(frozen=True)
class Side:
    """What speaks for a label.

    Attributes
    ----------
    label : str
    probability : float
        By classifiers that were not fitted to the sample.
    terms : tuple of (str, float)
        The terms that add most to the label's linear score, and what they add.
    """

    label: str
    probability: float
    terms: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Doubt:
    """A sample whose labels on an axis look wrong.

    Attributes
    ----------
    id, axis : str
    given : tuple of str
        The labels that the sample has.
    predicted : tuple of str
        Those that it would be given, likeliest first.
    score : float
        How likely the given labels are wrong, 0 to 1.
    for_given : Side, optional
        The given label that is least likely; None where none is given.
    for_predicted : Side, optional
        The likeliest label that is not given; None where all are.
    """

    id: str
    axis: str
    given: tuple[str, ...]
    predicted: tuple[str, ...]
    score: float
    for_given: Side | None
    for_predicted: Side | None

    def to_json(self) -> dict[str, Any]:
        """The doubt as plain JSON."""
        return {
            "id": self.id,
            "axis": self.axis,
            "given": list(self.given),
            "predicted": list(self.predicted),
            "score": round(self.score, 4),
            "evidence": {
                "given": _side_json(self.for_given),
                "predicted": _side_json(self.for_predicted),
            },
        }


def _side_json(side: Side | None) -> dict[str, Any] | None:
    if side is None:
        return None
    return {
        "label": side.label,
        "probability": round(side.probability, 4),
        "terms": [
            {"term": term, "contribution": round(value, 4)}
            for term, value in side.terms
        ],
    }


def audit(
    samples: Iterable[Sample],
    *,
    helping: Iterable[Sample] = (),
    taxonomy: Taxonomy | None = None,
    lexicon: Lexicon | None = None,
    settings: TrainingSettings | None = None,
    jobs: int = 1,
    warn: Callable[[str], None] = lambda message: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Doubt]:
    """List the samples whose labels look wrong, the likeliest wrong first.

    Each axis is judged on the samples of which all is known there and whose labels
    have enough samples to be learned. Near-duplicates, and what one source published
    on one day, are held out together.

    Parameters
    ----------
    samples : iterable of Sample
    helping : iterable of Sample, optional
        More samples to learn from that are not judged, such as the bundled ones.
        Default: none.
    taxonomy : Taxonomy, optional
        Default: the bundled one.
    lexicon : Lexicon, optional
        Default: the bundled one.
    settings : TrainingSettings, optional
        Weights that they leave open are chosen as in training.
    jobs : int, default=1
        Fits that run side by side; the result does not depend on it.
    warn : callable, optional
        Told of each label and axis that cannot be judged.
    progress : callable, optional
        Told how many fits of how many are done.

    Returns
    -------
    list of Doubt
        One for each sample and axis where other labels are predicted than were
        given. Equal scores keep the order of the samples.

    Raises
    ------
    TrainingError
        As :func:`.fit.train` does.
    """
    samples, helping = list(samples), list(helping)
    taxonomy = taxonomy or Taxonomy.bundled()
    lexicon = lexicon if lexicon is not None else Lexicon.bundled()
    settings = settings or TrainingSettings()
    known = check_trainable(samples, helping, taxonomy, settings, False, warn)
    vectorizer = TermVectorizer(
        lexicon.rolled_up(taxonomy), settings.terms, settings.min_df, settings.max_words
    )
    stories = story_groups([*samples, *helping])
    matrix, tasks = prepare(
        samples, helping, stories, known, taxonomy, vectorizer, settings
    )
    total = sum(_count_fits(task, settings) for task in tasks)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    doubts: list[Doubt] = []
    for task in tasks:
        chosen = choose_weights(matrix, task, settings.of(task.axis.id), jobs, step)
        held_out = _HeldOut(matrix, task, chosen, jobs, step)
        doubts += _doubts(held_out, samples, chosen)
    return sorted(doubts, key=lambda doubt: -doubt.score)


def wrong_probability(
    probabilities: NDArray[np.float64], given: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]:
    """How likely the labels that articles were given are wrong.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n_articles, n_labels)
        Calibrated, of classifiers that were not fitted to the articles.
    given : ndarray of bool, shape (n_articles, n_labels)

    Returns
    -------
    score : ndarray of float64, shape (n_articles,)
        0 to 1.
    least, likeliest : ndarray of int, shape (n_articles,)
        The given label with the lowest probability, and the one not given with the
        highest; -1 where there is none.
    """
    rows = np.arange(len(given))
    inside = np.where(given, probabilities, np.inf)
    outside = np.where(given, -np.inf, probabilities)
    least = np.where(given.any(axis=1), inside.argmin(axis=1), -1)
    likeliest = np.where(given.all(axis=1), -1, outside.argmax(axis=1))
    holds = np.where(least < 0, 1.0, probabilities[rows, least])
    lacks = np.where(likeliest < 0, 0.0, probabilities[rows, likeliest])
    return 1.0 - holds * (1.0 - lacks), least, likeliest


def shown(doubts: Sequence[Doubt]) -> str:
    """Doubts as text for people, three lines each."""
    lines = []
    for doubt in doubts:
        lines.append(
            f"{doubt.score:.2f}  {doubt.id}  {doubt.axis}: "
            f"given {', '.join(doubt.given) or 'none'}; "
            f"predicted {', '.join(doubt.predicted) or 'none'}"
        )
        for name, side in (
            ("given", doubt.for_given),
            ("not given", doubt.for_predicted),
        ):
            if side is not None:
                terms = ", ".join(term for term, _ in side.terms) or "nothing"
                lines.append(
                    f"      {name}: {side.label} {side.probability:.2f}, for it: {terms}"
                )
    return "\n".join(lines)


def _count_fits(task: AxisTask, settings: TrainingSettings) -> int:
    open_ = open_weights(task, settings.of(task.axis.id))
    trials = sum(len(values) for values in open_.values() if len(values) > 1)
    return settings.folds + trials * len(trial_folds(task, settings))


class _HeldOut:
    """The scores of samples by classifiers that were not fitted to them, and why.

    As :func:`.crossval.held_out_scores`, but what was fitted is kept.
    """

    def __init__(
        self,
        matrix: Matrix,
        task: AxisTask,
        settings: TrainingSettings,
        jobs: int,
        progress: Callable[[], None],
    ) -> None:
        self.matrix, self.task = matrix, task
        self.scores = np.zeros(task.truth.shape)
        self._idf: dict[int, NDArray[np.float32]] = {}
        self._weights: dict[int, NDArray[np.float32]] = {}
        self._ones = np.ones(matrix.counts.shape[1])
        for fold in range(settings.folds):
            held = task.folds == fold
            if held.any():
                idf = matrix.idf(task.rows[~held])
                weights, bias = fit_labels(matrix, task, ~held, idf, settings, jobs)
                X = matrix.weigh(matrix.counts[task.rows[held]], idf, self._ones)
                self.scores[held] = X @ weights + bias
                self._idf[fold] = idf
                self._weights[fold] = weights.astype(np.float32, copy=False)
            progress()

    def side(self, row: int, column: int, probability: float) -> Side:
        """What spoke for a label of a row."""
        fold = int(self.task.folds[row])
        counts = self.matrix.counts[self.task.rows[[row]]]
        weighed = self.matrix.weigh(counts, self._idf[fold], self._ones)
        parts = weighed.data * self._weights[fold][weighed.indices, column]
        best = np.argsort(-parts, kind="stable")[:EVIDENCE_TERMS]
        terms = self.matrix.vectorizer.terms_
        return Side(
            self.task.labels[column],
            probability,
            tuple(
                (terms[weighed.indices[i]], float(parts[i]))
                for i in best
                if parts[i] > 0
            ),
        )


def _doubts(
    held_out: _HeldOut, samples: Sequence[Sample], settings: TrainingSettings
) -> list[Doubt]:
    task = held_out.task
    calibration = calibrate(task, held_out.scores, precision=settings.precision)
    outcome = calibration.outcome
    axis, rows = task.axis.id, np.flatnonzero(task.judged)
    score, least, likeliest = wrong_probability(outcome.scores, outcome.truth)
    readable = np.diff(held_out.matrix.counts.indptr)[task.rows[rows]] > 0
    # Others have too few samples, or none that tell: no probability to judge them by.
    tell = calibration.sigmoids[:, 0] > 0
    learned = {label for label, one in zip(task.labels, tell, strict=True) if one}
    doubts = []
    for at in np.flatnonzero(readable & (outcome.given != outcome.truth).any(axis=1)):
        sample = samples[task.rows[rows[at]]]
        if not learned.issuperset(sample.labels[axis]):
            continue
        probabilities = outcome.scores[at]
        given = np.flatnonzero(outcome.given[at]).tolist()
        given.sort(key=lambda i: -probabilities[i])
        sides = [
            None if i < 0 else held_out.side(int(rows[at]), i, float(probabilities[i]))
            for i in (int(least[at]), int(likeliest[at]))
        ]
        doubts.append(
            Doubt(
                id=sample.id,
                axis=axis,
                given=sample.labels[axis],
                predicted=tuple(task.labels[i] for i in given),
                score=float(score[at]),
                for_given=sides[0],
                for_predicted=sides[1],
            )
        )
    return doubts
