"""Cross-validation: fitting all labels of an axis, scoring what is held out, choosing
settings by it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

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
    TRIAL_SAMPLES,
    TrainingSettings,
)
from .tasks import AxisTask, Matrix

MIDDLING = 0.5
"""The weight of concepts while that of samples is chosen."""


def fit_labels(
    matrix: Matrix,
    task: AxisTask,
    kept: NDArray[np.bool_],
    idf: NDArray[np.float32],
    settings: TrainingSettings,
    jobs: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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
    weights : ndarray of float64, shape (n_terms, n_labels)
        What the TF-IDF weights of terms are multiplied by.
    bias : ndarray of float64, shape (n_labels,)
    """
    scale = _scale(matrix, task, settings)
    counts = sp.vstack([matrix.counts[task.rows[kept]], task.documents], format="csr")
    X = matrix.weigh(counts, idf, scale)
    truth = np.vstack([task.truth[kept], task.meaning])
    known = np.vstack([task.known[kept], np.ones_like(task.meaning)])
    rows = task.fit_weights(settings.own_weight or 1.0, settings.secondary_weight)
    weights = np.vstack([rows[kept], np.ones(task.meaning.shape)])
    # Processes, not threads: the solver draws from one generator for the whole
    # process, so fits that shared it would depend on each other's timing.
    fitted = joblib.Parallel(n_jobs=jobs)(
        joblib.delayed(_fit_label)(X, truth[:, i], known[:, i], weights[:, i], settings)
        for i in range(truth.shape[1])
    )
    coefficients = np.array([w for w, _ in fitted]).T * scale[:, np.newaxis]
    return coefficients, np.array([b for _, b in fitted])


def _scale(
    matrix: Matrix, task: AxisTask, settings: TrainingSettings
) -> NDArray[np.float64]:
    if settings.concept_weight is None:
        raise ValueError("settings must say a concept weight; see choose_weights")
    return task.scale(matrix.vectorizer.blocks_[WORDS], settings.concept_weight)


def _fit_label(
    X: sp.csr_matrix,
    y: NDArray[np.bool_],
    known: NDArray[np.bool_],
    weights: NDArray[np.float64],
    settings: TrainingSettings,
) -> tuple[NDArray[np.float64], float]:
    if not known.all():
        X, y, weights = X[known], y[known], weights[known]
    if y.all() or not y.any():  # its samples are all of one story, held out
        return np.zeros(X.shape[1]), 0.0
    model = LinearSVC(
        C=settings.C,
        class_weight="balanced" if settings.balanced else None,
        dual=True,
        tol=0.01,
        random_state=settings.seed,
    )
    model.fit(X, y, sample_weight=weights)
    return model.coef_[0], float(model.intercept_[0])


def held_out_scores(
    matrix: Matrix,
    task: AxisTask,
    settings: TrainingSettings,
    jobs: int,
    *,
    folds: Sequence[int] | None = None,
    progress: Callable[[], None] = lambda: None,
) -> NDArray[np.float64]:
    """Score each row by classifiers that were fitted to the other folds.

    Parameters
    ----------
    matrix : Matrix
    task : AxisTask
    settings : TrainingSettings
        With a concept weight and an own weight.
    jobs : int
    folds : sequence of int, optional
        Score the rows of these folds only. Default: all.
    progress : callable, optional
        Called after each fold.

    Returns
    -------
    ndarray of float64, shape (n_rows, n_labels)
        0 for rows of other folds.
    """
    scores = np.zeros(task.truth.shape)
    ones = np.ones(matrix.counts.shape[1])
    for fold in range(settings.folds) if folds is None else folds:
        held = task.folds == fold
        if held.any():
            idf = matrix.idf(task.rows[~held])
            weights, bias = fit_labels(matrix, task, ~held, idf, settings, jobs)
            X = matrix.weigh(matrix.counts[task.rows[held]], idf, ones)
            scores[held] = X @ weights + bias
        progress()
    return scores


def trial_folds(task: AxisTask, settings: TrainingSettings) -> range:
    """The folds on which settings are compared: as many as make enough samples."""
    n = max(1, int(task.judged.sum()))
    return range(min(settings.folds, -(-TRIAL_SAMPLES * settings.folds // n)))


def macro_f1(
    matrix: Matrix,
    task: AxisTask,
    settings: TrainingSettings,
    jobs: int = 1,
    progress: Callable[[], None] = lambda: None,
) -> float:
    """The macro-F1 of settings on the trial folds."""
    folds = trial_folds(task, settings)
    scores = held_out_scores(
        matrix, task, settings, jobs, folds=folds, progress=progress
    )
    rows = np.isin(task.folds, folds)
    value = figures(calibrate(task, scores, rows=rows).outcome)["macro_f1"]
    return value if np.isfinite(value) else 0.0


def choose_weights(
    matrix: Matrix,
    task: AxisTask,
    settings: TrainingSettings,
    jobs: int,
    progress: Callable[[], None] = lambda: None,
) -> TrainingSettings:
    """Choose the weights that settings leave open, by macro-F1.

    First that of the samples against those that help, then that of concepts.
    """
    for name, values in open_weights(task, settings).items():
        tried = [_with(settings, name, value) for value in values]
        found = [
            macro_f1(matrix, task, _filled(one), jobs, progress)
            for one in tried
            if len(tried) > 1
        ]
        settings = tried[int(np.argmax(found))] if found else tried[0]
    return settings


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
