"""How a model is made: the settings of training, and what can go wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..labels.errors import DatelineError
from ..predict.terms import TermSettings

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
