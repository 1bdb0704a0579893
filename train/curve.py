"""How a model grows with its samples: the learning curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..labels.lexicon import Lexicon
from ..labels.samples import Sample
from ..labels.taxonomy import Taxonomy
from ..predict.predictor import Predictor
from .evaluate import evaluate
from .fit import train
from .settings import TrainingError, TrainingSettings

Point = tuple[int, dict[str, Any]]
"""A number of samples, and by axis the figures of the model that was trained on them."""

FRACTIONS = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
"""The parts of the samples that are trained on where none are given."""


def learning_curve(
    samples: Sequence[Sample],
    test: Sequence[Sample],
    *,
    taxonomy: Taxonomy | None = None,
    lexicon: Lexicon | None = None,
    settings: TrainingSettings | None = None,
    fractions: Sequence[float] = FRACTIONS,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Point]:
    """Train on growing parts of the samples and judge each model on the same test.

    Every part holds the ones before it. Which samples come first is drawn with the
    settings' seed.

    Parameters
    ----------
    samples, test : sequence of Sample
        To train and to judge on; no sample should be in both.
    taxonomy : Taxonomy, optional
        Default: the bundled one.
    lexicon : Lexicon, optional
        Default: the bundled one.
    settings : TrainingSettings, optional
    fractions : sequence of float
        Parts of the samples, above 0 and up to 1. Default: :data:`FRACTIONS`.
    jobs : int, default=1
        Fits that run side by side.
    progress : callable, optional
        Told how many models of how many are done.

    Returns
    -------
    list of (int, dict)
        For each part that a model could be made of: how many samples it has, and by
        axis the figures as :func:`dateline.train.evaluate.metrics` gives them. A
        label that has too few samples there counts as missed.

    Raises
    ------
    TrainingError
        If not even the largest part makes a model, or no test sample carries an axis
        of one.
    ValueError
        If a fraction is none.
    """
    if not fractions or not all(0.0 < fraction <= 1.0 for fraction in fractions):
        raise ValueError(f"fractions are {list(fractions)}, expected above 0 to 1")
    settings = settings or TrainingSettings()
    order = np.random.default_rng(settings.seed).permutation(len(samples))
    sizes = sorted({max(1, round(len(samples) * share)) for share in fractions})
    points: list[Point] = []
    for done, size in enumerate(sizes, 1):
        # In the order of the samples, so that all of them make the model of 'train'.
        part = [samples[i] for i in np.sort(order[:size])]
        try:
            model = train(
                part,
                taxonomy=taxonomy,
                lexicon=lexicon,
                settings=settings,
                jobs=jobs,
            )
        except TrainingError:
            if size == sizes[-1]:
                raise
        else:
            points.append((size, evaluate(Predictor(model), test)))
        progress(done, len(sizes))
    if not any(figures for _, figures in points):
        raise TrainingError(
            "no test sample carries an axis of the model; give labelled ones"
        )
    return points
