"""Whether a new model may replace another, and replacing it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..labels.errors import SampleError
from ..labels.files import atomic_write
from ..labels.samples import Sample
from ..predict.model import Model
from ..predict.predictor import Predictor
from .evaluate import check_gate, compare, judge, metrics


@dataclass(frozen=True)
class Verdict:
    """What speaks against a new model.

    Attributes
    ----------
    reasons : tuple of str
        A sentence for each; empty where it passes.
    """

    reasons: tuple[str, ...]

    @classmethod
    def of(
        cls,
        model: Model,
        *,
        gate: str | None = None,
        tests: Sequence[Sample] = (),
        target: Path | None = None,
    ) -> Verdict:
        """Judge a new model.

        Parameters
        ----------
        model : Model
        gate : str, optional
            Rules that its figures must keep, as in
            :func:`dateline.train.evaluate.check_gate`.
        tests : sequence of Sample, optional
            Samples that it was not trained on. Default: the gate speaks of the
            cross-validated figures.
        target : Path, optional
            The model that it is to replace, where there is one: with `tests`, it must
            not be significantly worse on any axis.

        Raises
        ------
        GateError
            If a rule cannot be read or speaks of no figure.
        SampleError
            If no sample carries an axis of the model.
        ModelError
            If the target is there and no model.
        """
        figures: dict[str, Any] = dict(model.card["metrics"])
        worse: list[str] = []
        if tests:
            outcomes = judge(Predictor(model), tests)
            if not outcomes:
                raise SampleError("the test samples carry no axis of the model")
            figures = {axis: metrics(outcome) for axis, outcome in outcomes.items()}
            if target is not None and target.exists():
                old = judge(Predictor.load(target), tests)
                worse = [
                    f"{axis}: significantly worse than {target}"
                    for axis in old
                    if axis not in outcomes
                    or compare(outcomes[axis], old[axis])["worse"]
                ]
        return cls((*(check_gate(gate, figures) if gate else ()), *worse))


def candidate_path(target: Path) -> Path:
    """Where a model is written that is to replace another."""
    return target.with_name(f"{target.stem}.candidate{target.suffix}")


def previous_path(target: Path) -> Path:
    """Where the model is kept that another replaced."""
    return target.with_name(f"{target.stem}.previous{target.suffix}")


def promote(model: Model, target: Path) -> Path | None:
    """Put a model in the place of another, which is kept beside it.

    At every moment the target is the old model or the new one, whole.

    Returns
    -------
    Path or None
        The old model's new place; None where there was none.

    Raises
    ------
    ModelError
        If the new model cannot be written.
    OSError
        If the old one cannot be kept; it is then left in its place.
    """
    kept = None
    if target.exists():
        kept = previous_path(target)
        with target.open("rb") as old, atomic_write(kept) as copy:
            shutil.copyfileobj(old, copy)
    model.save(target)
    return kept
