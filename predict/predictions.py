"""What a model says of an article, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

from ..labels.record import Record
from .terms import Span


class Scored(Record):
    """A label with its probability.

    Attributes
    ----------
    label : str
        Its id (``"caribbean"``).
    name : str
        Its name for people.
    code : str
        Its code in a public scheme; may be empty.
    score : float
        Calibrated probability, 0 to 1.
    """

    __slots__ = ("code", "label", "name", "score")

    label: str
    name: str
    code: str
    score: float


class _Unread:
    """Scores that are made into mappings when they are first asked for: of an
    archive's articles hardly any are.
    """

    __slots__ = ("_columns", "_row")
    _columns: Mapping[str, tuple[Sequence[str], int]]  # labels of an axis, first column
    _row: bytes  # a double for each column


class Prediction(_Unread, Record):
    """What a model says of one article.

    ``prediction["topics"]`` gives the labels of an axis; ``regions`` and ``topics``
    are shorthands for the bundled taxonomy's axes.

    Attributes
    ----------
    labels : mapping of str to tuple of Scored
        For each axis the labels over their threshold, best first; may be empty.
    scores : mapping of str to mapping of str to float
        For each axis the probability of every label that the model knows, never
        below that of a label that lies below it. All 0 where the article has no term
        that the model knows.
    id : str
        The id of the article; may be empty.
    """

    __slots__ = ("id", "labels", "scores")

    labels: Mapping[str, tuple[Scored, ...]]
    scores: Mapping[str, Mapping[str, float]]
    id: str

    def __init__(
        self,
        labels: Mapping[str, tuple[Scored, ...]],
        scores: Mapping[str, Mapping[str, float]],
        id: str = "",
    ) -> None:
        super().__init__(labels, scores, id)

    def __repr__(self) -> str:
        return f"Prediction(labels={self.labels!r}, id={self.id!r})"

    @classmethod
    def _made(
        cls,
        labels: Mapping[str, tuple[Scored, ...]],
        columns: Mapping[str, tuple[Sequence[str], int]],
        row: bytes,
        id: str,
    ) -> Self:
        """One whose scores are made of a row of them; the compiled scan does the same."""
        made = object.__new__(cls)
        made._set(labels=labels, id=id, _columns=columns, _row=row)
        return made

    if not TYPE_CHECKING:  # no attribute but `scores` is ever made so

        def __getattr__(self, name: str) -> dict[str, dict[str, float]]:
            if name != "scores":
                raise AttributeError(
                    f"{type(self).__name__!r} object has no attribute {name!r}",
                    name=name,
                    obj=self,
                )
            row = memoryview(self._row).cast("d").tolist()
            scores = {
                axis: dict(zip(labels, row[start:], strict=False))
                for axis, (labels, start) in self._columns.items()
            }
            self._set(scores=scores)
            return scores

    def __getitem__(self, axis: str) -> tuple[Scored, ...]:
        return self.labels[axis]

    @property
    def regions(self) -> tuple[Scored, ...]:
        """The labels on the axis ``regions``; empty where the model has none."""
        return self.labels.get("regions", ())

    @property
    def topics(self) -> tuple[Scored, ...]:
        """The labels on the axis ``topics``; empty where the model has none."""
        return self.labels.get("topics", ())


class Evidence(Record):
    """What one term adds to the score of one label.

    Attributes
    ----------
    term : str
        A word, a pair of words, or a concept (``"place:HT"``).
    contribution : float
        What it adds, in units of the linear score.
    spans : tuple of Span
        Where it stands in the article.
    """

    term: str
    contribution: float
    spans: tuple[Span, ...]


class Explanation(Record):
    """Why a label has its score.

    ``bias`` plus the contributions of all `evidence` is `decision`, to rounding;
    the probability is ``1 / (1 + exp(-(slope * decision + offset)))``.

    Attributes
    ----------
    axis, label, name : str
    score : float
        Calibrated probability, before it is raised to that of labels below this one.
    threshold : float
        The probability from which the label is given.
    decision : float
        The linear score.
    bias : float
        The part of the linear score that is there without any term.
    slope, offset : float
        The label's calibration.
    evidence : tuple of Evidence
        The strongest contribution first, for or against.
    """

    axis: str
    label: str
    name: str
    score: float
    threshold: float
    decision: float
    bias: float
    slope: float
    offset: float
    evidence: tuple[Evidence, ...]
