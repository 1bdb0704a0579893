"""A page that shows how good a model is on labelled samples, and where it is not.

One HTML file that needs nothing else: styles, plots and the few lines of script that
sort tables stand in it, and its own policy forbids it to fetch anything.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..labels.errors import DatelineError, SampleError
from ..labels.files import atomic_write, check_writable
from ..labels.samples import Sample
from ..predict.model import Head
from ..predict.predictor import Predictor
from . import plots
from .card import training_facts
from .confusion import Confusion
from .evaluate import HEADLINE, AxisOutcome, judge, metrics
from .mistakes import Mistake, Witness, describe, missed, wrongly_given
from .proportions import Interval, label_intervals, share_interval
from .slices import Slice, by_length, by_month, by_source

MISTAKES = 12
"""So many mistakes of each kind are shown on each axis."""

ENOUGH = 5
"""A label of fewer articles is not called weak."""


class ReportError(DatelineError):
    """A report cannot be made or written."""


@dataclass(frozen=True)
class LabelRow:
    """A row of the table of labels.

    Attributes
    ----------
    id, name : str
    support, given : int
        Articles that have the label, and that were given it.
    precision, recall, f1 : float, optional
        None where nothing stands behind it.
    intervals : mapping of str to (float, float), optional
        Of precision and recall.
    threshold : float, optional
        None where the model does not know the label.
    """

    id: str
    name: str
    support: int
    given: int
    precision: float | None
    recall: float | None
    f1: float | None
    intervals: Mapping[str, Interval | None]
    threshold: float | None


@dataclass(frozen=True)
class AxisReport:
    """What the page says of one axis; the plots are SVG elements.

    Attributes
    ----------
    id, name : str
    names : mapping of str to str
        Label ids to names.
    single : bool
        Whether an article has one label at the most.
    figures : mapping
        As :func:`dateline.train.evaluate.metrics` gives them.
    rows : tuple of LabelRow
    weakest : tuple of LabelRow
        The labels with the lowest F1.
    confusion : Confusion
    plots : mapping of str to str
    slices : mapping of str to list of Slice
        By what the samples are parted.
    none_interval : (float, float), optional
        Of the share of articles without a label that were given none.
    mistakes : mapping of str to list of Mistake
        ``given``, ``missed``, and ``none``: those of articles without a label.
    totals : mapping of str to int
        How many mistakes of each kind there are.
    """

    id: str
    name: str
    names: Mapping[str, str]
    single: bool
    figures: Mapping[str, Any]
    rows: tuple[LabelRow, ...]
    weakest: tuple[LabelRow, ...]
    confusion: Confusion
    plots: Mapping[str, str]
    slices: Mapping[str, list[Slice]]
    none_interval: Interval | None
    mistakes: Mapping[str, list[Mistake]]
    totals: Mapping[str, int]


def check_report(path: str | Path) -> None:
    """Find out before the work whether a report could be written after it.

    Raises
    ------
    ReportError
        If the libraries that it takes are missing, or `path` cannot be written.
    """
    missing = [name for name in ("jinja2", "matplotlib") if find_spec(name) is None]
    if missing:
        raise ReportError(
            f"a report takes {' and '.join(missing)}: pip install 'dateline[report]'"
        )
    try:
        check_writable(Path(path))
    except OSError as error:
        raise _unwritable(path, error) from None


def write_report(
    path: str | Path,
    predictor: Predictor,
    samples: Sequence[Sample],
    *,
    title: str = "",
    learning_curve: Sequence[tuple[int, Mapping[str, Any]]] | None = None,
    outcomes: Mapping[str, AxisOutcome] | None = None,
) -> None:
    """Write a page on how good a model is on samples.

    The same model and samples give the same page.

    Parameters
    ----------
    path : str or Path
        Where to; the page appears whole or not at all.
    predictor : Predictor
    samples : sequence of Sample
        Labelled, on at least one axis of the model.
    title : str, optional
        Heading of the page.
    learning_curve : sequence of (int, mapping), optional
        What :func:`dateline.train.curve.learning_curve` gives.
    outcomes : mapping of str to AxisOutcome, optional
        What :func:`dateline.train.evaluate.judge` says of these samples, where that
        is known. Default: they are judged.

    Raises
    ------
    ReportError
        If a library is missing or the page cannot be written.
    SampleError
        If no sample carries an axis of the model.
    """
    check_report(path)
    if outcomes is None:
        outcomes = judge(predictor, samples)
    if not outcomes:
        axes = ", ".join(head.axis for head in predictor.model.heads)
        raise SampleError(f"no sample carries an axis of the model ({axes})")
    page = _page(predictor, samples, outcomes, title, learning_curve or ())
    try:
        with atomic_write(Path(path)) as file:
            file.write(page.encode("utf-8"))
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: str | Path, error: OSError) -> ReportError:
    return ReportError(
        f"{path}: cannot be written: {error.strerror}; choose another file for the "
        "report"
    )


def _page(
    predictor: Predictor,
    samples: Sequence[Sample],
    outcomes: Mapping[str, AxisOutcome],
    title: str,
    curve: Sequence[tuple[int, Mapping[str, Any]]],
) -> str:
    from jinja2 import Environment, StrictUndefined

    witness = Witness(predictor)
    axes = [
        _axis_report(predictor, head, samples, outcomes[head.axis], witness, curve)
        for head in predictor.model.heads
        if head.axis in outcomes
    ]
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": _figure, "hash": _hash}
    folder = files(__name__.rpartition(".")[0])
    template = folder.joinpath("report.html.j2").read_text("utf-8")
    page = environment.from_string(template).render(
        title=title or "How good is this model?",
        samples=len(samples),
        axes=axes,
        headline=HEADLINE,
        facts=training_facts(predictor.model),
        threshold=predictor.threshold,
        version=__version__,
    )
    return page.lstrip()


def _axis_report(
    predictor: Predictor,
    head: Head,
    samples: Sequence[Sample],
    outcome: AxisOutcome,
    witness: Witness,
    curve: Sequence[tuple[int, Mapping[str, Any]]],
) -> AxisReport:
    axis = predictor.taxonomy[head.axis]
    carrying = [sample for sample in samples if axis.id in sample.labels]
    figures = metrics(outcome)
    names = {label: label for label in outcome.labels}
    names |= {label.id: label.name for label in axis}
    rows = _label_rows(predictor, head, outcome, figures, names)
    confusion = Confusion.of(outcome, carrying, axis)
    none = figures["no_label"]
    cells = _mistaken(outcome, carrying, axis.id)
    return AxisReport(
        id=axis.id,
        name=axis.name,
        names=names,
        single=axis.single_label,
        figures=figures,
        rows=rows,
        weakest=_weakest(rows),
        confusion=confusion,
        plots=_plots(axis.id, outcome, confusion, names, curve),
        slices={
            "source": by_source(outcome, carrying),
            "length": by_length(outcome, carrying),
            **_by_date(outcome, carrying),
        },
        none_interval=share_interval(round(none["given_none"] * none["n"]), none["n"])
        if none["n"]
        else None,
        mistakes={
            kind: list(describe(found[:MISTAKES], outcome, carrying, axis.id, witness))
            for kind, found in cells.items()
        },
        totals={kind: len(found) for kind, found in cells.items()},
    )


def _by_date(outcome: AxisOutcome, samples: Sequence[Sample]) -> dict[str, list[Slice]]:
    slices = by_month(outcome, samples)
    months = any("-" in part.name for part in slices)
    return {"month" if months else "year": slices}


def _label_rows(
    predictor: Predictor,
    head: Head,
    outcome: AxisOutcome,
    figures: Mapping[str, Any],
    names: Mapping[str, str],
) -> tuple[LabelRow, ...]:
    thresholds = {
        label.id: float(threshold)
        if predictor.threshold is None
        else predictor.threshold
        for label, threshold in zip(
            head.labels, predictor.model.thresholds[head.columns], strict=True
        )
    }
    given = dict(zip(outcome.labels, outcome.given.sum(axis=0).tolist(), strict=True))
    return tuple(
        LabelRow(
            id=label,
            name=names[label],
            given=given[label],
            intervals=label_intervals(row),
            threshold=thresholds.get(label),
            **row,
        )
        for label, row in figures["per_label"].items()
    )


def _weakest(rows: Sequence[LabelRow]) -> tuple[LabelRow, ...]:
    judged = [row for row in rows if row.support >= ENOUGH]
    if len(judged) < 2:
        return ()
    return tuple(sorted(judged, key=lambda row: row.f1 or 0.0)[:3])


def _plots(
    axis: str,
    outcome: AxisOutcome,
    confusion: Confusion,
    names: Mapping[str, str],
    curve: Sequence[tuple[int, Mapping[str, Any]]],
) -> dict[str, str]:
    drawn = {}
    if confusion.labels:
        drawn["confusion"] = plots.confusion_map(
            axis, confusion, [names[label] for label in confusion.labels]
        )
        drawn["precision_recall"] = plots.precision_recall(
            axis, outcome, [names[label] for label in outcome.labels]
        )
    drawn["reliability"] = plots.reliability(axis, outcome)
    drawn["histogram"] = plots.score_histogram(axis, outcome)
    points = [(n, figures[axis]) for n, figures in curve if axis in figures]
    if points:
        drawn["learning"] = plots.learning_plot(axis, points)
    return drawn


def _mistaken(
    outcome: AxisOutcome, samples: Sequence[Sample], axis: str
) -> dict[str, list[tuple[int, int]]]:
    """The mistakes of each kind, as rows and columns of the outcome."""
    column = {label: i for i, label in enumerate(outcome.labels)}
    primary = [sample.labels[axis][:1] for sample in samples]
    given = wrongly_given(outcome)
    labelled = set(np.flatnonzero(outcome.truth.any(axis=1)).tolist())
    return {
        "given": [cell for cell in given if cell[0] in labelled],
        "missed": missed(outcome, [column[x[0]] if x else None for x in primary]),
        "none": [cell for cell in given if cell[0] not in labelled],
    }


def _figure(value: float | None) -> str:
    """A figure of 0 to 1 in three digits; a dash where there is none."""
    return "–" if value is None or not np.isfinite(value) else f"{value:.3f}"


def _hash(script: str) -> str:
    """What a content security policy knows an inline script by."""
    found = hashlib.sha256(script.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(found).decode('ascii')}"
