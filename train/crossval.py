"""Cross-validation: fitting all labels of an axis, scoring what is held out, choosing
settings by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from ..predict.terms import WORDS
from .calibrate import calibrate
from .evaluate import figures
from .settings import (
    CONCEPT_WEIGHTS,
    OWN_WEIGHTS,
    TRIAL_LABELS,
    TRIAL_SAMPLES,
    TrainingSettings,
)
from .tasks import COMPILED, AxisTask, Matrix

if COMPILED:
    from . import _svm

if TYPE_CHECKING:
    from ._svm import Rows

MIDDLING = 0.5
"""The weight of concepts while that of samples is chosen."""

TOLERANCE = 0.01
"""Of the fits: how far apart the projected gradients of the dual problem may be."""

HELD_OUT_TOLERANCE = 0.1
"""Of fits that only score what is held out: scores are off by some .003, and most of
that is an offset, which calibration takes up.
"""


def fit_labels(
    matrix: Matrix,
    task: AxisTask,
    kept: NDArray[np.bool_],
    idf: NDArray[np.float32],
    settings: TrainingSettings,
    jobs: int,
) -> tuple[NDArray[np.floating], NDArray[np.float64]]:
    """Fit every label's classifier to rows of a task and the concepts' documents.

    Parameters
    ----------
    matrix : Matrix
    task : AxisTask
    kept : ndarray of bool, shape (n_rows,)
        The rows that are fitted to.
    idf : ndarray of float32, shape (n_terms,)
    settings : TrainingSettings
        With a concept weight and an own weight.
    jobs : int

    Returns
    -------
    weights : ndarray of float, shape (n_terms, n_labels)
        What the TF-IDF weights of terms are multiplied by.
    bias : ndarray of float64, shape (n_labels,)
    """
    scale = _scale(matrix, task, settings)
    rows = np.concatenate([task.rows[kept], task.documents])
    fit = _fit_compiled if COMPILED else _fit_by_sklearn
    X = matrix.weighed(rows, idf, scale)
    truth, costs = _targets(task, kept, settings)
    weights, bias = fit(X, rows, truth, costs, TOLERANCE, settings.seed, jobs)
    weights *= scale[:, np.newaxis].astype(weights.dtype)
    return weights, bias


def _targets(
    task: AxisTask, kept: NDArray[np.bool_], settings: TrainingSettings
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """What each label's classifier is to say, and what it costs if it does not.

    Returns
    -------
    truth : ndarray of bool, shape (n_kept + n_documents, n_labels)
    costs : ndarray of float64, shape (n_kept + n_documents, n_labels)
        0 where nothing is known.
    """
    truth = np.vstack([task.truth[kept], task.meaning])
    known = np.vstack([task.known[kept], np.ones_like(task.meaning)])
    rows = task.fit_weights(settings.own_weight or 1.0, settings.secondary_weight)
    weights = np.vstack([rows[kept], np.ones(task.meaning.shape)]) * known
    with_label = (weights * truth).sum(axis=0)
    without = (weights * ~truth).sum(axis=0)
    # Where all samples of a label are of one story, held out, there is nothing to fit.
    both = (with_label > 0) & (without > 0)
    if settings.balanced:  # as scikit-learn's class_weight="balanced"
        half = (with_label + without) / 2
        sides = np.where(
            truth,
            half / np.where(both, with_label, 1),
            half / np.where(both, without, 1),
        )
        weights = weights * sides
    return truth, settings.C * weights * both


def _fit_compiled(
    X: Rows,
    rows: NDArray[np.intp],
    truth: NDArray[np.bool_],
    costs: NDArray[np.float64],
    tolerance: float,
    seed: int,
    jobs: int,
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    blocks = _blocks(truth.shape[1])
    fitted = joblib.Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(
        joblib.delayed(X.fit)(rows, truth[:, block], costs[:, block], tolerance, seed)
        for block in blocks
    )
    if len(blocks) == 1:
        return next(fitted)  # type: ignore[no-any-return]
    bias = np.empty(truth.shape[1])
    for block in blocks:  # each is let go when it is copied
        found, bias[block] = next(fitted)
        if not block.start:
            weights = np.empty((len(found), len(bias)), dtype=np.float32)
        weights[:, block] = found
        del found
    return weights, bias


def _blocks(n_labels: int) -> list[slice]:
    """Labels that are fitted side by side, in blocks of about one size."""
    n_blocks = -(-n_labels // _svm.LANES)
    ends = [n_labels * n // n_blocks for n in range(n_blocks + 1)]
    return [slice(start, end) for start, end in pairwise(ends)]


def _fit_by_sklearn(
    X: sp.csr_matrix,
    rows: NDArray[np.intp],
    truth: NDArray[np.bool_],
    costs: NDArray[np.float64],
    tolerance: float,
    seed: int,
    jobs: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    X = X[rows]
    # Processes, not threads: the solver draws from one generator for the whole
    # process, so fits that shared it would depend on each other's timing.
    fitted = joblib.Parallel(n_jobs=jobs)(
        joblib.delayed(_fit_label)(X, truth[:, i], costs[:, i], tolerance, seed)
        for i in range(truth.shape[1])
    )
    return np.array([w for w, _ in fitted]).T, np.array([b for _, b in fitted])


def _fit_label(
    X: sp.csr_matrix,
    y: NDArray[np.bool_],
    costs: NDArray[np.float64],
    tolerance: float,
    seed: int,
) -> tuple[NDArray[np.float64], float]:
    counted = costs > 0
    if not counted.any():
        return np.zeros(X.shape[1]), 0.0
    if not counted.all():
        X, y, costs = X[counted], y[counted], costs[counted]
    model = LinearSVC(C=1.0, dual=True, tol=tolerance, random_state=seed)
    model.fit(X, y, sample_weight=costs)
    return model.coef_[0], float(model.intercept_[0])


def _scale(
    matrix: Matrix, task: AxisTask, settings: TrainingSettings
) -> NDArray[np.float64]:
    if settings.concept_weight is None:
        raise ValueError("settings must say a concept weight; see choose_weights")
    return task.scale(matrix.vectorizer.blocks_[WORDS], settings.concept_weight)


def held_out_scores(
    matrix: Matrix,
    task: AxisTask,
    settings: TrainingSettings,
    fold: int,
    jobs: int = 1,
) -> NDArray[np.float64]:
    """Score the rows of a fold by classifiers that were fitted to the other folds.

    Parameters
    ----------
    matrix : Matrix
    task : AxisTask
    settings : TrainingSettings
        With a concept weight and an own weight.
    fold : int
    jobs : int, default=1

    Returns
    -------
    ndarray of float64, shape (n_held, n_labels)
    """
    held = task.folds == fold
    if not held.any():
        return np.zeros((0, len(task.labels)))
    idf = matrix.idf(task.rows[~held])
    truth, costs = _targets(task, ~held, settings)
    kept = np.concatenate([task.rows[~held], task.documents])
    X = matrix.weighed(
        np.append(task.rows, task.documents), idf, _scale(matrix, task, settings)
    )
    how = (HELD_OUT_TOLERANCE, settings.seed)
    if not COMPILED:
        weights, bias = _fit_by_sklearn(X, kept, truth, costs, *how, jobs)
        found: NDArray[np.float64] = X[task.rows[held]] @ weights + bias
        return found
    scores = np.empty((int(held.sum()), len(task.labels)))
    for block in _blocks(len(task.labels)):  # all weights at once take memory
        weights, bias = X.fit(kept, truth[:, block], costs[:, block], *how)
        scores[:, block] = X.scores(task.rows[held], weights, bias)
    return scores


class CrossValidation:
    """Held-out scores of an axis; none is made twice for the same settings.

    Parameters
    ----------
    matrix : Matrix
    task : AxisTask
    jobs : int, default=1
        Fits that run side by side.
    progress : callable, optional
        Told after each fold.
    """

    def __init__(
        self,
        matrix: Matrix,
        task: AxisTask,
        jobs: int = 1,
        progress: Callable[[], None] = lambda: None,
    ) -> None:
        self._matrix, self._task = matrix, task
        self._jobs, self._progress = jobs, progress
        self._known: list[tuple[TrainingSettings, int, NDArray[np.float64]]] = []

    def scores(self, settings: TrainingSettings) -> NDArray[np.float64]:
        """The held-out scores of all rows, shape (n_rows, n_labels)."""
        self._make([settings], range(settings.folds))
        return self._scores(settings, range(settings.folds))

    def fit(
        self, settings: TrainingSettings
    ) -> tuple[NDArray[np.float64], NDArray[np.floating], NDArray[np.float64]]:
        """The held-out scores, and the weights and bias of what is fitted to all rows.

        Side by side, since the last fit would else have one core to itself.
        """
        task = self._task
        fitted = self._make(
            [settings],
            range(settings.folds),
            partial(
                fit_labels,
                self._matrix,
                task,
                np.ones(len(task.rows), dtype=bool),
                self._matrix.vectorizer.idf_,
                settings,
            ),
        )
        weights, bias = fitted
        return self._scores(settings, range(settings.folds)), weights, bias

    def macro_f1(self, *tried: TrainingSettings) -> list[float]:
        """The macro-F1 of settings on the trial folds and labels."""
        task = trial_task(self._task)
        if task is not self._task:
            trials = CrossValidation(self._matrix, task, self._jobs, self._progress)
            return trials.macro_f1(*tried)
        folds = trial_folds(self._task, tried[0])
        self._make(tried, folds)
        rows = np.isin(self._task.folds, folds)
        found = []
        for settings in tried:
            scores = self._scores(settings, folds)
            outcome = calibrate(self._task, scores, rows=rows).outcome
            value = figures(outcome)["macro_f1"]
            found.append(value if np.isfinite(value) else 0.0)
        return found

    def choose(self, settings: TrainingSettings) -> TrainingSettings:
        """Choose the weights that settings leave open, by macro-F1.

        First that of the samples against those that help, then that of concepts.
        """
        for name, values in open_weights(self._task, settings).items():
            tried = [_with(settings, name, value) for value in values]
            best = 0
            if len(tried) > 1:
                best = int(np.argmax(self.macro_f1(*map(_filled, tried))))
            settings = tried[best]
        return settings

    def _scores(
        self, settings: TrainingSettings, folds: Sequence[int]
    ) -> NDArray[np.float64]:
        """Scores that were made, 0 for rows of other folds."""
        scores = np.zeros(self._task.truth.shape)
        for known, fold, found in self._known:
            if known == settings and fold in folds:
                scores[self._task.folds == fold] = found
        return scores

    def _make(
        self,
        tried: Sequence[TrainingSettings],
        folds: Sequence[int],
        first: Callable[..., Any] | None = None,
    ) -> Any:
        """Make the scores that are not known yet; give what `first` gives."""
        known = [(settings, fold) for settings, fold, _ in self._known]
        wanted = [(settings, fold) for settings in tried for fold in folds]
        new = [one for one in wanted if one not in known]
        for _ in range(len(wanted) - len(new)):
            self._progress()
        calls: list[Callable[..., Any]] = [first] if first else []
        calls += [
            partial(held_out_scores, self._matrix, self._task, settings, fold)
            for settings, fold in new
        ]
        results = []
        for result in _side_by_side(calls, self._jobs):
            self._progress()
            results.append(result)
        given = results.pop(0) if first else None
        self._known += [
            (settings, fold, found)
            for (settings, fold), found in zip(new, results, strict=True)
        ]
        return given


def _side_by_side(calls: Sequence[Callable[..., Any]], jobs: int) -> Iterator[Any]:
    """Make calls that take `jobs`; give what comes of them, in order."""
    if not COMPILED:  # each call has processes of its own
        for call in calls:
            yield call(jobs=jobs)
        return
    yield from joblib.Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(
        joblib.delayed(call)(jobs=1) for call in calls
    )


def trial_folds(task: AxisTask, settings: TrainingSettings) -> range:
    """The folds on which settings are compared: as many as make enough samples."""
    n = max(1, int(trial_task(task).judged.sum()))
    return range(min(settings.folds, -(-TRIAL_SAMPLES * settings.folds // n)))


def trial_task(task: AxisTask) -> AxisTask:
    """What of a task settings are compared on: not more than :data:`TRIAL_LABELS`,
    from end to end of the taxonomy.
    """
    n = len(task.labels)
    if n <= TRIAL_LABELS:
        return task
    return task.only(np.linspace(0, n - 1, TRIAL_LABELS).round().astype(np.intp))


def macro_f1(
    matrix: Matrix, task: AxisTask, settings: TrainingSettings, jobs: int = 1
) -> float:
    """The macro-F1 of settings on the trial folds and labels."""
    return CrossValidation(matrix, task, jobs).macro_f1(settings)[0]


def choose_weights(
    matrix: Matrix,
    task: AxisTask,
    settings: TrainingSettings,
    jobs: int,
    progress: Callable[[], None] = lambda: None,
) -> TrainingSettings:
    """Choose the weights that settings leave open, by macro-F1."""
    return CrossValidation(matrix, task, jobs, progress).choose(settings)


def open_weights(
    task: AxisTask, settings: TrainingSettings
) -> dict[str, tuple[float, ...]]:
    """The weights that settings leave open and what is tried for each."""
    values: dict[str, tuple[float, ...]] = {}
    if settings.own_weight is None:
        values["own_weight"] = OWN_WEIGHTS if task.helps.any() else (1.0,)
    if settings.concept_weight is None:
        values["concept_weight"] = CONCEPT_WEIGHTS if task.own.any() else (1.0,)
    return values


def _with(settings: TrainingSettings, name: str, value: float) -> TrainingSettings:
    if name == "own_weight":
        return replace(settings, own_weight=value)
    return replace(settings, concept_weight=value)


def _filled(settings: TrainingSettings) -> TrainingSettings:
    """The settings with some weight of concepts, while another is chosen."""
    if settings.concept_weight is None:
        return replace(settings, concept_weight=MIDDLING)
    return settings
