"""How a model is made: linear models over the terms, calibrated by cross-validation.

For every label of every axis: a linear support-vector classifier, one label against
the rest. Its scores on held-out folds give the sigmoid that turns scores into
probabilities, and the threshold from which the label is given. The classifier that is
kept is then fitted to all samples.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import joblib
import numpy as np
import scipy
import scipy.sparse as sp
import sklearn
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from ..labels.lexicon import Lexicon
from ..labels.samples import Sample
from ..labels.taxonomy import Taxonomy
from ..predict.articles import Article
from ..predict.model import Model
from ..predict.phrases import PhraseTable
from ..predict.terms import WORDS
from .calibrate import calibrate
from .evaluate import figures, metrics
from .features import TermVectorizer
from .settings import (
    CONCEPT_WEIGHTS,
    MIN_SAMPLES,
    TRIAL_SAMPLES,
    TrainingError,
    TrainingSettings,
)
from .tasks import AxisTask, Matrix, trainable_labels


def train(
    samples: Iterable[Sample],
    *,
    taxonomy: Taxonomy | None = None,
    lexicon: Lexicon | None = None,
    settings: TrainingSettings | None = None,
    jobs: int = 1,
    strict: bool = False,
    warn: Callable[[str], None] = lambda message: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Model:
    """Train a model on labelled samples.

    Parameters
    ----------
    samples : iterable of Sample
        Each axis is trained on the samples that carry it.
    taxonomy : Taxonomy, optional
        Default: the bundled one.
    lexicon : Lexicon, optional
        Default: the bundled one.
    settings : TrainingSettings, optional
    jobs : int, default=1
        Fits that run side by side, as joblib counts them; -1 for one a core. The
        result does not depend on it.
    strict : bool, default=False
        Refuse instead of leaving out a label or an axis.
    warn : callable, optional
        Told of each label and axis that is left out.
    progress : callable, optional
        Told how many fits of how many are done.

    Returns
    -------
    Model
        The same for the same samples, lexicon, settings and library versions.

    Raises
    ------
    TrainingError
        If there is no sample, or no axis has a label that can be trained, or a sample
        has a label that is not in the taxonomy, or `strict` and a label or axis would
        be left out.
    ValueError
        If the settings ask for fewer than 2 folds or more than :data:`MIN_SAMPLES`.
    """
    samples = list(samples)
    if settings is not None and not 2 <= settings.folds <= MIN_SAMPLES:
        raise ValueError(f"folds is {settings.folds}, expected 2 to {MIN_SAMPLES}")
    taxonomy = taxonomy or Taxonomy.bundled()
    lexicon = lexicon if lexicon is not None else Lexicon.bundled()
    lexicon = lexicon.rolled_up(taxonomy)
    settings = settings or TrainingSettings()
    if not samples:
        raise TrainingError("there are no samples; give a file that holds some")
    known = trainable_labels(samples, taxonomy, strict, warn)

    vectorizer = TermVectorizer(
        lexicon, settings.terms, settings.min_df, settings.max_words
    )
    counts = vectorizer.fit_counts(Article(s.text, s.title, s.id) for s in samples)
    matrix = Matrix(vectorizer, counts)
    tasks = [
        AxisTask.of(axis, labels, samples, taxonomy, matrix, settings)
        for axis, labels in known.items()
    ]
    steps = _Steps(sum(_count_fits(task, settings) for task in tasks), progress)
    heads = {}
    for task in tasks:
        head = _fit_head(matrix, task, settings, jobs, steps.one)
        kept = _telling(head, task, strict, warn)
        if kept.any():
            heads[task.axis] = head.only(kept)
            labels = zip(task.labels, kept, strict=True)
            known[task.axis] = tuple(label for label, keep in labels if keep)
        else:
            del known[task.axis]
    if not heads:
        raise TrainingError(
            "no label can be told from its samples; look at them with "
            "'dateline samples check'"
        )
    weights = np.hstack([head.weights for head in heads.values()])
    return Model(
        terms=vectorizer.terms_,
        blocks=vectorizer.blocks_,
        idf=vectorizer.idf_,
        weights=weights.astype(np.float16),
        bias=np.concatenate([head.bias for head in heads.values()]),
        calibration=np.vstack([head.calibration for head in heads.values()]),
        thresholds=np.concatenate([head.thresholds for head in heads.values()]),
        phrases=PhraseTable.of(lexicon),
        taxonomy=taxonomy,
        known=known,
        settings=settings.terms,
        card={
            "training": _training_card(samples, known, settings, lexicon)
            | {
                "concept_weights": {axis: h.concept_weight for axis, h in heads.items()}
            },
            "metrics": {axis: head.metrics for axis, head in heads.items()},
        },
    )


class _Steps:
    """Counts fits, for the progress that the caller shows."""

    def __init__(self, total: int, progress: Callable[[int, int], None]) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def one(self) -> None:
        self._done += 1
        self._progress(self._done, self._total)


def _count_fits(task: AxisTask, settings: TrainingSettings) -> int:
    fits = settings.folds + 1
    if settings.concept_weight is None:
        fits += len(CONCEPT_WEIGHTS) * len(_trial_folds(len(task.rows), settings.folds))
    return fits


@dataclass(frozen=True)
class _Head:
    """What is fitted for the labels of one axis."""

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    calibration: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    concept_weight: float
    metrics: dict[str, Any]

    def only(self, kept: NDArray[np.bool_]) -> _Head:
        """The head without the labels that are not kept."""
        return replace(
            self,
            weights=self.weights[:, kept],
            bias=self.bias[kept],
            calibration=self.calibration[kept],
            thresholds=self.thresholds[kept],
        )


def _telling(
    head: _Head, task: AxisTask, strict: bool, warn: Callable[[str], None]
) -> NDArray[np.bool_]:
    """Mark the labels whose samples score higher than others when held out.

    Where they score lower there is nothing to be learned; a sigmoid with a negative
    slope would turn the little that there is upside down.
    """
    kept = head.calibration[:, 0] > 0
    said = [
        f"{task.axis}: label {label!r} cannot be told from its samples: held out, they "
        "score no higher than others; it stays out of the model"
        for label, keep in zip(task.labels, kept, strict=True)
        if not keep
    ]
    if strict and said:
        raise TrainingError("; ".join(said))
    for sentence in said:
        warn(sentence)
    return kept


def _fit_head(
    matrix: Matrix,
    task: AxisTask,
    settings: TrainingSettings,
    jobs: int,
    progress: Callable[[], None],
) -> _Head:
    weight = settings.concept_weight
    if weight is None:
        weight = _choose_concept_weight(matrix, task, settings, jobs, progress)
    scale = task.scale(matrix.vectorizer.blocks_[WORDS], weight)
    scores = np.zeros(task.truth.shape)
    for fold in range(settings.folds):
        held = task.folds == fold
        scores[held] = _held_out_scores(matrix, task, held, scale, settings, jobs)
        progress()
    calibration = calibrate(task.labels, task.truth, scores)
    everything = np.ones(len(task.rows), dtype=bool)
    weights, bias = _fit_labels(
        matrix, task, everything, matrix.vectorizer.idf_, scale, settings, jobs
    )
    progress()
    return _Head(
        weights=weights * scale[:, np.newaxis],
        bias=bias,
        calibration=calibration.sigmoids,
        thresholds=calibration.thresholds,
        concept_weight=weight,
        metrics=metrics(calibration.outcome, seed=settings.seed),
    )


def _choose_concept_weight(
    matrix: Matrix,
    task: AxisTask,
    settings: TrainingSettings,
    jobs: int,
    progress: Callable[[], None],
) -> float:
    """Try the weights of concepts on held-out samples; the best macro-F1 wins."""
    trials = _trial_folds(len(task.rows), settings.folds)
    held_in_trials = np.isin(task.folds, trials)
    found = []
    for weight in CONCEPT_WEIGHTS:
        scale = task.scale(matrix.vectorizer.blocks_[WORDS], weight)
        scores = np.zeros(task.truth.shape)
        for fold in trials:
            held = task.folds == fold
            scores[held] = _held_out_scores(matrix, task, held, scale, settings, jobs)
            progress()
        calibration = calibrate(
            task.labels, task.truth[held_in_trials], scores[held_in_trials]
        )
        found.append(figures(calibration.outcome)["macro_f1"])
    return CONCEPT_WEIGHTS[int(np.nanargmax(found))]


def _trial_folds(n: int, folds: int) -> range:
    return range(min(folds, -(-TRIAL_SAMPLES * folds // n)))


def _held_out_scores(
    matrix: Matrix,
    task: AxisTask,
    held: NDArray[np.bool_],
    scale: NDArray[np.float64],
    settings: TrainingSettings,
    jobs: int,
) -> NDArray[np.float64]:
    """Fit on the samples that are not held out, score those that are."""
    idf = matrix.idf(task.rows[~held])
    weights, bias = _fit_labels(matrix, task, ~held, idf, scale, settings, jobs)
    X = matrix.weigh(matrix.counts[task.rows[held]], idf, scale)
    scores: NDArray[np.float64] = X @ weights + bias
    return scores


def _fit_labels(
    matrix: Matrix,
    task: AxisTask,
    kept: NDArray[np.bool_],
    idf: NDArray[np.float32],
    scale: NDArray[np.float64],
    settings: TrainingSettings,
    jobs: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit every label's classifier to the kept rows and the concepts' documents.

    Returns
    -------
    weights : ndarray of float64, shape (n_terms, n_labels)
    bias : ndarray of float64, shape (n_labels,)
    """
    counts = sp.vstack([matrix.counts[task.rows[kept]], task.documents], format="csr")
    X = matrix.weigh(counts, idf, scale)
    truth = np.vstack([task.truth[kept], task.meaning])
    # Processes, not threads: the solver draws from one generator for the whole
    # process, so fits that shared it would depend on each other's timing.
    fitted = joblib.Parallel(n_jobs=jobs)(
        joblib.delayed(_fit_label)(X, truth[:, i], settings.C, settings.seed)
        for i in range(truth.shape[1])
    )
    return np.array([w for w, _ in fitted]).T, np.array([b for _, b in fitted])


def _fit_label(
    X: sp.csr_matrix, y: NDArray[np.bool_], C: float, seed: int
) -> tuple[NDArray[np.float64], float]:
    model = LinearSVC(
        C=C, class_weight="balanced", dual=True, tol=0.01, random_state=seed
    )
    model.fit(X, y)
    return model.coef_[0], float(model.intercept_[0])


def _training_card(
    samples: Sequence[Sample],
    known: Mapping[str, Sequence[str]],
    settings: TrainingSettings,
    lexicon: Lexicon,
) -> dict[str, Any]:
    counts = {axis: Counter[str]() for axis in known}
    for sample in samples:
        for axis in known.keys() & sample.labels.keys():
            counts[axis].update(sample.labels[axis])
    return {
        "samples": len(samples),
        "labels": {
            axis: {label: counts[axis][label] for label in labels}
            for axis, labels in known.items()
        },
        "samples_sha256": _digest(sample.to_json() for sample in samples),
        "lexicon_phrases": len(lexicon),
        "lexicon_sha256": _digest(lexicon.items()),
        "settings": asdict(settings),
        "versions": {
            "joblib": joblib.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "scikit-learn": sklearn.__version__,
            "scipy": scipy.__version__,
        },
    }


def _digest(rows: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row, ensure_ascii=False).encode("utf-8") + b"\n")
    return digest.hexdigest()
