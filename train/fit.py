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
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import joblib
import numpy as np
import scipy
import scipy.sparse as sp
import sklearn
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from ..labels.errors import DatelineError
from ..labels.lexicon import Lexicon
from ..labels.samples import Sample
from ..labels.taxonomy import Taxonomy
from ..predict.articles import Article
from ..predict.model import Model
from ..predict.phrases import PhraseTable
from ..predict.terms import WORDS, TermSettings
from .calibrate import calibrate
from .evaluate import figures, metrics
from .features import TermVectorizer, inverse_document_frequency
from .folds import deal_folds

MIN_SAMPLES = 5
"""A label needs so many samples that carry it, one for each fold."""


CONCEPT_WEIGHTS = (0.125, 0.25, 0.5, 1.0)
"""The weights of concepts that are tried where none is given."""

TRIAL_SAMPLES = 2000
"""Held-out samples on which those weights are compared, so far as there are so many."""


class TrainingError(DatelineError):
    """Nothing can be trained on these samples."""


@dataclass(frozen=True)
class TrainingSettings:
    """How a model is made.

    Attributes
    ----------
    terms : TermSettings
        How terms are counted.
    min_df : int
        Words in fewer samples are left out. Default 2.
    max_words : int, optional
        At most so many words and word pairs are kept. Default: all.
    C : float
        Inverse strength of regularisation of the classifiers. Default 1.
    concept_weight : float, optional
        Weight of the blocks of concepts, that of words being 1. Default: for each
        axis the one of :data:`CONCEPT_WEIGHTS` with the best macro-F1 in
        cross-validation.
    concept_documents : bool
        Whether every concept that the taxonomy gives to a label is a training
        document of its own, made of its phrases. Default True.
    folds : int
        Of the cross-validation. Default 5.
    seed : int
        Of everything that is drawn. Default 0.
    """

    terms: TermSettings = field(default_factory=TermSettings)
    min_df: int = 2
    max_words: int | None = None
    C: float = 1.0
    concept_weight: float | None = None
    concept_documents: bool = True
    folds: int = 5
    seed: int = 0


BUNDLED = TrainingSettings(max_words=20_000, concept_weight=0.5)
"""The settings of the model inside the package.

The bundled samples are by few hands, whose habits make words look more telling in
cross-validation than they are in real news; so the weight of concepts is set, by what
real news showed. More words made the file larger and the model no better.
"""


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
    known = _trainable(samples, taxonomy, strict, warn)

    vectorizer = TermVectorizer(
        lexicon, settings.terms, settings.min_df, settings.max_words
    )
    counts = vectorizer.fit_counts(Article(s.text, s.title, s.id) for s in samples)
    matrix = _Matrix(vectorizer, counts)
    tasks = [
        _AxisTask.of(axis, labels, samples, taxonomy, matrix, settings)
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


def _trainable(
    samples: Sequence[Sample],
    taxonomy: Taxonomy,
    strict: bool,
    warn: Callable[[str], None],
) -> dict[str, tuple[str, ...]]:
    """Name the labels of each axis that have enough samples for and against them."""
    known: dict[str, tuple[str, ...]] = {}
    said: list[str] = []
    for axis in taxonomy:
        carrying = [s.labels[axis.id] for s in samples if axis.id in s.labels]
        if not carrying:
            said.append(f"{axis.id}: no sample carries it; the model will not answer")
            continue
        counts = Counter(label for labels in carrying for label in labels)
        stray = sorted(counts.keys() - set(axis.ids))
        if stray:
            raise TrainingError(
                f"{axis.id}: {stray[0]!r} is no label of the taxonomy; look samples' "
                "labels up with Axis.find"
            )
        missing = [label for label in axis.ids if not counts[label]]
        if missing:
            said.append(
                f"{axis.id}: no sample has {', '.join(map(repr, missing))}; "
                f"{'they stay' if len(missing) > 1 else 'it stays'} out of the model"
            )
        few = [x for x in axis.ids if 0 < counts[x] < MIN_SAMPLES]
        everywhere = [x for x in counts if len(carrying) - counts[x] < MIN_SAMPLES]
        for label in few:
            said.append(
                f"{axis.id}: label {label!r} has {counts[label]} samples, it takes "
                f"{MIN_SAMPLES}; add some, or it stays out of the model"
            )
        for label in everywhere:
            said.append(
                f"{axis.id}: label {label!r} is on {counts[label]} of {len(carrying)} "
                f"samples; it takes {MIN_SAMPLES} without it to learn what it is not"
            )
        able = tuple(
            label
            for label in axis.ids
            if counts[label] >= MIN_SAMPLES and label not in everywhere
        )
        if able:
            known[axis.id] = able
    if strict and said:
        raise TrainingError("; ".join(said))
    if not known:
        raise TrainingError(
            "no label can be trained: "
            + "; ".join(said)
            + "; give samples of two labels or more"
        )
    for sentence in said:
        warn(sentence)
    return known


class _Matrix:
    """The counted terms of the samples and of the lexicon's concepts, weighed anew
    for the articles of each fold.
    """

    def __init__(self, vectorizer: TermVectorizer, counts: sp.csr_matrix) -> None:
        self.vectorizer = vectorizer
        self.counts = counts
        self.present = counts.astype(bool).astype(np.float64)

    def idf(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        df = np.asarray(self.present[rows].sum(axis=0)).ravel()
        return inverse_document_frequency(df, len(rows))

    def weigh(
        self,
        counts: sp.csr_matrix,
        idf: NDArray[np.float32],
        scale: NDArray[np.float64],
    ) -> sp.csr_matrix:
        weighed = self.vectorizer.weigh(counts, idf)
        weighed.data *= scale[weighed.indices]
        return weighed


class _Steps:
    """Counts fits, for the progress that the caller shows."""

    def __init__(self, total: int, progress: Callable[[int, int], None]) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def one(self) -> None:
        self._done += 1
        self._progress(self._done, self._total)


def _count_fits(task: _AxisTask, settings: TrainingSettings) -> int:
    fits = settings.folds + 1
    if settings.concept_weight is None:
        fits += len(CONCEPT_WEIGHTS) * len(_trial_folds(len(task.rows), settings.folds))
    return fits


@dataclass(frozen=True)
class _AxisTask:
    """What one axis is to be trained on.

    `rows` of the samples carry the axis and `truth` says which labels each has;
    `documents` are the counted terms of the lexicon's concepts, with their `meaning`;
    `own` marks the concepts that the axis is to be told by.
    """

    axis: str
    labels: tuple[str, ...]
    rows: NDArray[np.intp]
    truth: NDArray[np.bool_]
    folds: NDArray[np.intp]
    documents: sp.csr_matrix
    meaning: NDArray[np.bool_]
    own: NDArray[np.bool_]

    def scale(self, n_words: int, concept_weight: float) -> NDArray[np.float64]:
        """What the weight of each term is multiplied by, shape (n_terms,)."""
        scale = np.where(self.own, concept_weight, 0.0)
        scale[:n_words] = 1.0
        return scale

    @classmethod
    def of(
        cls,
        axis: str,
        labels: tuple[str, ...],
        samples: Sequence[Sample],
        taxonomy: Taxonomy,
        matrix: _Matrix,
        settings: TrainingSettings,
    ) -> _AxisTask:
        rows = np.array([i for i, s in enumerate(samples) if axis in s.labels])
        truth = np.array(
            [[label in samples[i].labels[axis] for label in labels] for i in rows]
        )
        documents, meaning = _concept_documents(
            taxonomy, axis, labels, matrix.vectorizer, settings.concept_documents
        )
        return cls(
            axis,
            labels,
            rows,
            truth,
            deal_folds(truth, settings.folds, settings.seed),
            documents,
            meaning,
            _own_concepts(taxonomy, axis, matrix.vectorizer),
        )


def _own_concepts(
    taxonomy: Taxonomy, axis: str, vectorizer: TermVectorizer
) -> NDArray[np.bool_]:
    """Mark the concepts that an axis is to be told by.

    Those are of the kinds of which some concept stands for a label of the axis, and
    the labels themselves; all concepts where no kind does. Places say little of
    topics and would only be learned by heart.

    Returns
    -------
    ndarray of bool, shape (n_terms,)
    """
    own = np.zeros(len(vectorizer.terms_), dtype=bool)
    start = vectorizer.blocks_[WORDS]
    for kind, size in vectorizer.blocks_.items():
        if kind == WORDS:
            continue
        concepts = vectorizer.terms_[start : start + size]
        own[start : start + size] = kind == axis or any(
            label.covers(concept) for label in taxonomy[axis] for concept in concepts
        )
        start += size
    if not own.any():
        own[vectorizer.blocks_[WORDS] :] = True
    return own


def _concept_documents(
    taxonomy: Taxonomy,
    axis: str,
    labels: Sequence[str],
    vectorizer: TermVectorizer,
    wanted: bool,
) -> tuple[sp.csr_matrix, NDArray[np.bool_]]:
    """Make a document of the phrases of each concept that stands for a label."""
    phrases: dict[str, list[str]] = {}
    if wanted and vectorizer.lexicon is not None:
        for phrase, concepts in vectorizer.lexicon.items():
            for concept in concepts:
                phrases.setdefault(concept, []).append(phrase)
    covered = {
        concept: row
        for concept in sorted(phrases)
        if any(row := [taxonomy[axis].find(x).covers(concept) for x in labels])
    }
    documents = vectorizer.count(". ".join(phrases[concept]) for concept in covered)
    return documents, np.array(list(covered.values()), dtype=bool).reshape(
        len(covered), len(labels)
    )


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
    head: _Head, task: _AxisTask, strict: bool, warn: Callable[[str], None]
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
    matrix: _Matrix,
    task: _AxisTask,
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
    matrix: _Matrix,
    task: _AxisTask,
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
    matrix: _Matrix,
    task: _AxisTask,
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
    matrix: _Matrix,
    task: _AxisTask,
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
