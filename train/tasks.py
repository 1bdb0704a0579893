"""What is to be trained on: for each axis its samples, labels and terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ..labels.lexicon import Lexicon
from ..labels.samples import Sample
from ..labels.taxonomy import Axis, Taxonomy
from ..predict.terms import WORDS, TermSettings
from .features import TermVectorizer, inverse_document_frequency
from .folds import deal_folds
from .settings import MIN_SAMPLES, TrainingError, TrainingSettings

if TYPE_CHECKING:
    from ._svm import Rows

try:
    from . import _svm
except ImportError:  # no compiler when it was installed
    COMPILED = False
else:
    COMPILED = True

ROWS_AT_ONCE = 4096
"""So many rows are copied at a time, where some of the matrix are looked at."""


def trainable_labels(
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


class Matrix:
    """The counted terms of the samples and, in the last rows, of the lexicon's
    concepts, weighed anew for the articles of each fold.
    """

    def __init__(self, vectorizer: TermVectorizer, counts: sp.csr_matrix) -> None:
        self.vectorizer = vectorizer
        self.counts = counts

    def __reduce__(self) -> tuple[type[Matrix], tuple[TermVectorizer, sp.csr_matrix]]:
        return Matrix, (self.vectorizer, self.counts)

    @cached_property
    def _rows(self) -> Rows:
        counts = self.counts
        return _svm.Rows(counts.data, counts.indices, counts.indptr, counts.shape[1])

    def idf(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """The inverse document frequencies of the terms in some rows."""
        df = np.zeros(self.counts.shape[1])
        for start in range(0, len(rows), ROWS_AT_ONCE):
            indices = self.counts[rows[start : start + ROWS_AT_ONCE]].indices
            df += np.bincount(indices, minlength=len(df))
        return inverse_document_frequency(df, len(rows))

    def weigh(
        self,
        counts: sp.csr_matrix,
        idf: NDArray[np.float32],
        scale: NDArray[np.float64],
    ) -> sp.csr_matrix:
        """Weigh counts, by the definition."""
        weighed = self.vectorizer.weigh(counts, idf)
        weighed.data *= scale[weighed.indices]
        return weighed

    def weighed(
        self,
        rows: NDArray[np.intp],
        idf: NDArray[np.float32],
        scale: NDArray[np.float64],
    ) -> Any:
        """Weigh some rows.

        Returns
        -------
        Rows or csr_matrix
            Of all rows, those that were not asked for without meaning; Rows where it
            is compiled.
        """
        if not COMPILED:
            return self.weigh(self.counts, idf, scale)
        settings = self.vectorizer.settings or TermSettings()
        return self._rows.weigh(
            rows,
            idf,
            scale,
            self.vectorizer.bounds_,
            settings.concept_power,
            settings.half_density,
        )


@dataclass(frozen=True)
class AxisTask:
    """What one axis is to be trained on.

    Attributes
    ----------
    axis : Axis
    labels : tuple of str
        Those to be trained.
    rows : ndarray of int, shape (n_rows,)
        The samples that say something of the axis.
    truth, known : ndarray of bool, shape (n_rows, n_labels)
        Which labels each has, and of which that is known.
    secondary : ndarray of bool, shape (n_rows, n_labels)
        The labels that come after each row's first and those above it.
    helps : ndarray of bool, shape (n_rows,)
        The rows that only help.
    folds : ndarray of int, shape (n_rows,)
    documents : ndarray of int, shape (n_documents,)
        The rows of the matrix that are the lexicon's concepts.
    meaning : ndarray of bool, shape (n_documents, n_labels)
        Their labels.
    own : ndarray of bool, shape (n_terms,)
        The concepts that the axis is to be told by.
    """

    axis: Axis
    labels: tuple[str, ...]
    rows: NDArray[np.intp]
    truth: NDArray[np.bool_]
    known: NDArray[np.bool_]
    secondary: NDArray[np.bool_]
    helps: NDArray[np.bool_]
    folds: NDArray[np.intp]
    documents: NDArray[np.intp]
    meaning: NDArray[np.bool_]
    own: NDArray[np.bool_]

    @cached_property
    def complete(self) -> NDArray[np.bool_]:
        """The rows of which all is known, shape (n_rows,)."""
        return np.asarray(self.known.all(axis=1))

    @cached_property
    def judged(self) -> NDArray[np.bool_]:
        """The rows that figures and choices stand on, shape (n_rows,)."""
        return self.complete & ~self.helps

    def only(self, columns: NDArray[np.intp]) -> AxisTask:
        """The task for some of its labels."""
        return replace(
            self,
            labels=tuple(self.labels[i] for i in columns),
            truth=self.truth[:, columns],
            known=self.known[:, columns],
            secondary=self.secondary[:, columns],
            meaning=self.meaning[:, columns],
        )

    def fit_weights(
        self, own_weight: float, secondary_weight: float
    ) -> NDArray[np.float64]:
        """What each row counts for in the fit of each label, (n_rows, n_labels)."""
        rows = np.where(self.helps, 1.0, own_weight)
        return rows[:, np.newaxis] * np.where(self.secondary, secondary_weight, 1.0)

    def calibration_weights(self) -> NDArray[np.float64]:
        """What each row says of the probabilities of a label, (n_rows, n_labels).

        The rows that are judged where enough of them have the label; else all of
        which all is known.
        """
        enough = self.truth[self.judged].sum(axis=0) >= MIN_SAMPLES
        used = np.where(enough, self.judged[:, None], self.complete[:, None])
        return used.astype(np.float64)

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
        stories: NDArray[np.intp],
        helping: int,
        taxonomy: Taxonomy,
        vectorizer: TermVectorizer,
        documents: NDArray[np.intp],
        meaning: NDArray[np.bool_],
        settings: TrainingSettings,
    ) -> AxisTask:
        """Collect it.

        Parameters
        ----------
        axis : str
        labels : tuple of str
        samples : sequence of Sample
            Those that only help come last.
        stories : ndarray of int, shape (n_samples,)
            Samples of one story stay in one fold.
        helping : int
            How many of the samples only help.
        taxonomy : Taxonomy
        vectorizer : TermVectorizer
            That counted the terms.
        documents, meaning : ndarray
            As above.
        settings : TrainingSettings
        """
        rows = np.array(
            [i for i, s in enumerate(samples) if axis in s.labels or axis in s.rejected]
        )
        said = [samples[i] for i in rows]
        truth = np.array([[x in s.labels.get(axis, ()) for x in labels] for s in said])
        known = np.array(
            [
                [axis in s.labels or x in s.rejected.get(axis, ()) for x in labels]
                for s in said
            ]
        )
        first = [taxonomy[axis].roll_up(s.labels.get(axis, ())[:1]) for s in said]
        primary = np.array([[x in found for x in labels] for found in first])
        return cls(
            taxonomy[axis],
            labels,
            rows,
            truth,
            known,
            truth & ~primary,
            rows >= len(samples) - helping,
            deal_folds(truth, settings.folds, settings.seed, stories[rows]),
            documents,
            meaning,
            _own_concepts(taxonomy, axis, vectorizer),
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


def concept_documents(
    taxonomy: Taxonomy, axis: str, labels: Sequence[str], lexicon: Lexicon
) -> tuple[list[str], NDArray[np.bool_]]:
    """Make a document of the phrases of each concept that stands for a label.

    Returns
    -------
    documents : list of str
    meaning : ndarray of bool, shape (n_documents, n_labels)
        The labels that they stand for.
    """
    phrases: dict[str, list[str]] = {}
    for phrase, concepts in lexicon.items():
        for concept in concepts:
            phrases.setdefault(concept, []).append(phrase)
    found = [taxonomy[axis].find(label) for label in labels]
    covered = {
        concept: row
        for concept in sorted(phrases)
        if any(row := [label.covers(concept) for label in found])
    }
    documents = [". ".join(phrases[concept]) for concept in covered]
    return documents, np.array(list(covered.values()), dtype=bool).reshape(
        len(covered), len(labels)
    )
