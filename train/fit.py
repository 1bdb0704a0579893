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
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import scipy
import sklearn
from numpy.typing import NDArray

from ..labels.lexicon import Lexicon
from ..labels.samples import Sample
from ..labels.taxonomy import Taxonomy
from ..predict.article import Article
from ..predict.eight_bits import EightBits
from ..predict.model import Model
from .calibrate import calibrate
from .crossval import CrossValidation, open_weights, trial_folds
from .evaluate import metrics
from .features import TermVectorizer
from .memory import check_memory
from .settings import CHOSEN, MIN_SAMPLES, TrainingError, TrainingSettings
from .stories import story_groups
from .tasks import COMPILED, AxisTask, Matrix, concept_documents, trainable_labels
from .texts import number_words

if TYPE_CHECKING:
    from ._texts import Texts


def train(
    samples: Iterable[Sample],
    *,
    helping: Iterable[Sample] = (),
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
    helping : iterable of Sample, optional
        More samples to train on that are of another origin: what they weigh against
        the `samples` is chosen by how well it does on these, and figures, thresholds
        and probabilities are those of the `samples`, so far as there are enough.
        Default: none.
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
        be left out, or memory does not hold the fits.
    ValueError
        If the settings ask for fewer than 2 folds or more than :data:`MIN_SAMPLES`.
    """
    samples, helping = list(samples), list(helping)
    taxonomy = taxonomy or Taxonomy.bundled()
    settings = settings or TrainingSettings()
    known = check_trainable(samples, helping, taxonomy, settings, strict, warn)
    lexicon = lexicon if lexicon is not None else Lexicon.bundled()
    lexicon = lexicon.rolled_up(taxonomy)
    every = [*samples, *helping]
    texts = number_words(map(_article, every))
    stories = story_groups(every, texts)
    vectorizer = TermVectorizer(
        lexicon, settings.terms, settings.min_df, settings.max_words
    )
    matrix, tasks = prepare(
        samples, helping, stories, known, taxonomy, vectorizer, settings, texts
    )
    del texts
    check_memory(matrix, tasks, jobs)
    steps = _Steps(sum(_count_fits(task, settings) for task in tasks), progress)
    heads = {}
    for task in tasks:
        axis = task.axis.id
        head = _fit_head(matrix, task, settings.of(axis), jobs, steps.one)
        kept = _telling(head, task, strict, warn)
        if kept.any():
            heads[axis] = head.only(kept)
            labels = zip(task.labels, kept, strict=True)
            known[axis] = tuple(label for label, keep in labels if keep)
        else:
            del known[axis]
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
        weights=EightBits.nearest(weights),
        bias=np.concatenate([head.bias for head in heads.values()]),
        calibration=np.vstack([head.calibration for head in heads.values()]),
        thresholds=np.concatenate([head.thresholds for head in heads.values()]),
        phrases=vectorizer.phrases_,
        table=vectorizer.table_,
        taxonomy=taxonomy,
        known=known,
        settings=settings.terms,
        card={
            "training": _training_card(samples, helping, known, settings, lexicon)
            | {
                "chosen": {
                    axis: {name: getattr(head.settings, name) for name in CHOSEN}
                    for axis, head in heads.items()
                }
            },
            "metrics": {axis: head.metrics for axis, head in heads.items()},
        },
    )


def check_trainable(
    samples: Sequence[Sample],
    helping: Sequence[Sample],
    taxonomy: Taxonomy,
    settings: TrainingSettings,
    strict: bool = False,
    warn: Callable[[str], None] = lambda message: None,
) -> dict[str, tuple[str, ...]]:
    """Name the labels of each axis that can be trained; raise as `train` does."""
    if not 2 <= settings.folds <= MIN_SAMPLES:
        raise ValueError(f"folds is {settings.folds}, expected 2 to {MIN_SAMPLES}")
    if not samples:
        raise TrainingError("there are no samples; give a file that holds some")
    known = trainable_labels([*samples, *helping], taxonomy, strict, warn)
    carried = {axis for sample in samples for axis in sample.labels}
    return {axis: labels for axis, labels in known.items() if axis in carried}


def prepare(
    samples: Sequence[Sample],
    helping: Sequence[Sample],
    stories: NDArray[np.intp],
    known: Mapping[str, tuple[str, ...]],
    taxonomy: Taxonomy,
    vectorizer: TermVectorizer,
    settings: TrainingSettings,
    texts: Texts | None = None,
) -> tuple[Matrix, list[AxisTask]]:
    """Count the terms of samples and collect what each axis is to be trained on.

    The `texts` are those of the samples and of those that help, where they were read
    before.
    """
    every = [*samples, *helping]
    lexicon = vectorizer.lexicon or Lexicon()
    documents = {
        axis: concept_documents(
            taxonomy,
            axis,
            labels,
            lexicon if settings.concept_documents else Lexicon(),
        )
        for axis, labels in known.items()
    }
    counts = vectorizer.fit_counts(
        map(_article, every),
        also=[text for found, _ in documents.values() for text in found],
        texts=texts,
    )
    tasks = []
    end = len(every)
    for axis, labels in known.items():
        found, meaning = documents[axis]
        start, end = end, end + len(found)
        tasks.append(
            AxisTask.of(
                axis,
                labels,
                every,
                stories,
                len(helping),
                taxonomy,
                vectorizer,
                np.arange(start, end),
                meaning,
                settings,
            )
        )
    return Matrix(vectorizer, counts), tasks


def _article(sample: Sample) -> Article:
    return Article(sample.text, sample.title, sample.id)


class _Steps:
    """Counts fits, for the progress that the caller shows."""

    def __init__(self, total: int, progress: Callable[[int, int], None]) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def one(self) -> None:
        self._done += 1
        self._progress(self._done, self._total)


def _count_fits(task: AxisTask, settings: TrainingSettings) -> int:
    open_ = open_weights(task, settings.of(task.axis.id))
    trials = sum(len(values) for values in open_.values() if len(values) > 1)
    return settings.folds + 1 + trials * len(trial_folds(task, settings))


@dataclass(frozen=True)
class _Head:
    """What is fitted for the labels of one axis."""

    weights: NDArray[np.float16]
    bias: NDArray[np.float64]
    calibration: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    settings: TrainingSettings
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
        f"{task.axis.id}: label {label!r} cannot be told from its samples: held out, they "
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
    validation = CrossValidation(matrix, task, jobs, progress)
    settings = validation.choose(settings)
    scores, weights, bias = validation.fit(settings)
    # The figures are those of the samples, so on the samples' own shares.
    as_sampled = calibrate(task, scores, precision=settings.precision)
    shares = settings.shares.get(task.axis.id)
    calibration = (
        calibrate(task, scores, shares=shares, precision=settings.precision)
        if shares
        else as_sampled
    )
    return _Head(
        weights=weights.astype(np.float16),  # of which the model keeps eight
        bias=bias,
        calibration=calibration.sigmoids,
        thresholds=calibration.thresholds,
        settings=settings,
        metrics=metrics(as_sampled.outcome, seed=settings.seed),
    )


def _training_card(
    samples: Sequence[Sample],
    helping: Sequence[Sample],
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
        "helping_samples": len(helping),
        "labels": {
            axis: {label: counts[axis][label] for label in labels}
            for axis, labels in known.items()
        },
        "samples_sha256": digest(s.to_json() for s in (*samples, *helping)),
        "lexicon_phrases": len(lexicon),
        "lexicon_sha256": digest(lexicon.items()),
        "settings": asdict(settings),
        # They stop at different points within the same tolerance.
        "fits": "compiled" if COMPILED else "scikit-learn's",
        "versions": {
            "joblib": joblib.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "scikit-learn": sklearn.__version__,
            "scipy": scipy.__version__,
        },
    }


def digest(rows: Iterable[Any]) -> str:
    """SHA-256 over rows of plain JSON."""
    encode = json.JSONEncoder(ensure_ascii=False).encode
    found = hashlib.sha256()
    for row in rows:
        found.update(encode(row).encode("utf-8") + b"\n")
    return found.hexdigest()
