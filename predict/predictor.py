"""What another program embeds: a model that answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..labels.taxonomy import Taxonomy
from .articles import Article
from .decisions import DecisionRule
from .model import Head, Model
from .terms import Span, TermScanner, weigh


@dataclass(frozen=True)
class Scored:
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

    label: str
    name: str
    code: str
    score: float


@dataclass(frozen=True)
class Prediction:
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

    labels: Mapping[str, tuple[Scored, ...]]
    scores: Mapping[str, Mapping[str, float]] = field(repr=False)
    id: str = ""

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


@dataclass(frozen=True)
class Evidence:
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


@dataclass(frozen=True)
class Explanation:
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


class Predictor:
    """A model, ready to answer. Safe to share between threads.

    Parameters
    ----------
    model : Model
    threshold : float, optional
        One probability from which any label is given, instead of each label's own.

    Raises
    ------
    ValueError
        If `threshold` is no probability.
    """

    def __init__(self, model: Model, *, threshold: float | None = None) -> None:
        if threshold is not None and not 0.0 <= threshold <= 1.0:
            raise ValueError(f"threshold is {threshold}, expected 0 to 1")
        self.model = model
        self.threshold = threshold
        self._scanner = TermScanner(model.phrases, model.settings)
        self._numbers = {term: number for number, term in enumerate(model.terms)}
        self._blocks = np.cumsum([0, *model.blocks.values()])
        self._idf = model.idf.astype(np.float64)
        self._rules = [
            (head, DecisionRule(model.taxonomy[head.axis], [x.id for x in head.labels]))
            for head in model.heads
        ]
        self._thresholds = (
            model.thresholds
            if threshold is None
            else np.full_like(model.thresholds, threshold)
        )

    @classmethod
    def load(
        cls, path: str | Path | None = None, *, threshold: float | None = None
    ) -> Predictor:
        """Load a model.

        Parameters
        ----------
        path : str or Path, optional
            A file that ``dateline train`` wrote. Default: the model inside the
            package.
        threshold : float, optional
            One probability from which any label is given.

        Raises
        ------
        ModelError
            If the file cannot be used; the message says why and what to do.
        """
        model = Model.bundled() if path is None else Model.load(path)
        return cls(model, threshold=threshold)

    def __repr__(self) -> str:
        axes = ", ".join(f"{len(h.labels)} {h.axis}" for h in self.model.heads)
        return f"<Predictor: {axes}; {len(self.model.terms)} terms>"

    @property
    def taxonomy(self) -> Taxonomy:
        """What the model's labels mean."""
        return self.model.taxonomy

    def predict(self, text: str | Article, title: str = "") -> Prediction:
        """Judge one article.

        Parameters
        ----------
        text : str or Article
        title : str, optional
            The headline, where `text` is a string.

        Raises
        ------
        TypeError
            If `text` is neither a string nor an Article.
        """
        article = _article(text, title)
        ids, weights = self._weighed(self._scanner.count(article))
        return self._prediction(self._probabilities(ids, weights), article.id)

    def predict_many(self, articles: Iterable[str | Article]) -> Iterator[Prediction]:
        """Judge articles as they come.

        Parameters
        ----------
        articles : iterable of str or Article
            May be a stream without end; one article is held at a time.

        Returns
        -------
        iterator of Prediction
            One for each article, in order.

        Raises
        ------
        TypeError
            At once if `articles` is a single string; while iterating, if one of
            them is neither a string nor an Article.
        """
        if isinstance(articles, str | Article):
            raise TypeError(
                f"expected an iterable of articles, found one {type(articles).__name__}"
                "; use predict"
            )
        return map(self.predict, articles)

    def explain(self, text: str | Article, title: str = "") -> tuple[Explanation, ...]:
        """Say which terms decided.

        Parameters
        ----------
        text, title
            As for :meth:`predict`.

        Returns
        -------
        tuple of Explanation
            Axis by axis the labels that :meth:`predict` gives, best first; on an
            axis without any, its likeliest label. Empty for an article that has no
            term that the model knows.
        """
        article = _article(text, title)
        ids, weights = self._weighed(self._scanner.count(article))
        if not len(ids):
            return ()
        probabilities = self._probabilities(ids, weights)
        prediction = self._prediction(probabilities, article.id)
        places = self._scanner.locate(article)
        found = []
        for head in self.model.heads:
            scores = prediction.scores[head.axis]
            given = [scored.label for scored in prediction[head.axis]]
            for label in given or [max(scores, key=lambda label: scores[label])]:
                column = head.columns.start + [x.id for x in head.labels].index(label)
                found.append(
                    self._explanation(
                        head, column, float(probabilities[column]), ids, weights, places
                    )
                )
        return tuple(found)

    def _weighed(
        self, counts: Mapping[str, float]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        known = [
            (number, count)
            for term, count in counts.items()
            if (number := self._numbers.get(term)) is not None
        ]
        ids = np.array([number for number, _ in known], dtype=np.int64)
        amounts = np.array([count for _, count in known], dtype=np.float64)
        rows = np.array([0, len(ids)])
        return ids, weigh(
            ids,
            amounts,
            rows,
            self._idf,
            self._blocks,
            self.model.settings,
        )

    def _probabilities(
        self, ids: NDArray[np.int64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        model = self.model
        if not len(ids):  # no evidence, no answer
            return np.zeros(len(model.bias))
        decisions = model.bias + weights @ model.weights[ids].astype(np.float64)
        return sigmoid(decisions * model.calibration[:, 0] + model.calibration[:, 1])

    def _prediction(self, probabilities: NDArray[np.float64], id: str) -> Prediction:
        labels, scores = {}, {}
        for head, rule in self._rules:
            raised = rule.raised(probabilities[np.newaxis, head.columns])
            over = rule.given(raised, self._thresholds[head.columns])[0].tolist()
            values = raised[0].tolist()
            given = [
                Scored(label.id, label.name, label.code, value)
                for label, value, passes in zip(head.labels, values, over, strict=True)
                if passes
            ]
            given.sort(key=lambda scored: -scored.score)
            labels[head.axis] = tuple(given)
            scores[head.axis] = {
                label.id: value
                for label, value in zip(head.labels, values, strict=True)
            }
        return Prediction(labels, scores, id)

    def _explanation(
        self,
        head: Head,
        column: int,
        score: float,
        ids: NDArray[np.int64],
        weights: NDArray[np.float64],
        places: Mapping[str, list[Span]],
    ) -> Explanation:
        model = self.model
        parts = weights * model.weights[ids, column].astype(np.float64)
        label = head.labels[column - head.columns.start]
        slope, offset = model.calibration[column].tolist()
        bias = float(model.bias[column])
        return Explanation(
            axis=head.axis,
            label=label.id,
            name=label.name,
            score=score,
            threshold=float(self._thresholds[column]),
            decision=bias + float(parts.sum()),
            bias=bias,
            slope=slope,
            offset=offset,
            evidence=tuple(
                Evidence(
                    term := model.terms[ids[i]], float(parts[i]), tuple(places[term])
                )
                for i in np.argsort(-np.abs(parts), kind="stable")
            ),
        )


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logistic function, without overflow at either end."""
    small = np.exp(-np.abs(x))
    probability: NDArray[np.float64] = np.where(x >= 0, 1.0, small) / (1.0 + small)
    return probability


def _article(text: str | Article, title: str) -> Article:
    article = text if isinstance(text, Article) else Article(text, title)
    if isinstance(text, Article) and title:
        raise TypeError("an Article brings its own title; give one or the other")
    for part in (article.text, article.title):
        if not isinstance(part, str):
            raise TypeError(
                f"expected a string or an Article of strings, found {type(part).__name__}"
            )
    return article
