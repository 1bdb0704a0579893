"""What another program embeds: a model that answers."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..labels.taxonomy import Taxonomy
from .articles import Article
from .counter import TermCounter
from .decisions import DecisionRule
from .model import Head, Model
from .terms import Span, weigh

CHUNK = 64
"""Articles that are judged together where several are at hand."""


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
        self._blocks = np.cumsum([0, *model.blocks.values()])
        self._idf = model.idf.astype(np.float64)
        self._counter = TermCounter(
            model.terms,
            self._blocks,
            model.phrases,
            model.settings,
            self._idf,
            model.weights,
            model.bias,
        )
        self._rules = [
            (head, DecisionRule(model.taxonomy[head.axis], [x.id for x in head.labels]))
            for head in model.heads
        ]
        self._labels = [label for head in model.heads for label in head.labels]
        self._axes = [
            (h.axis, [x.id for x in h.labels], h.columns.start, h.columns.stop)
            for h in model.heads
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
        how = "compiled" if self._counter.scan is not None else "in Python"
        return f"<Predictor: {axes}; {len(self.model.terms)} terms; scan {how}>"

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
        (prediction,) = self._predictions([article])
        return prediction

    def predict_many(
        self, articles: Iterable[str | Article], *, jobs: int = 1
    ) -> Iterator[Prediction]:
        """Judge articles as they come.

        Parameters
        ----------
        articles : iterable of str or Article
            May be a stream without end. One article is held at a time; of a sequence,
            or with `jobs`, some chunks of :data:`CHUNK`.
        jobs : int, default=1
            Threads that work side by side, -1 for one a core. They help where the
            scan is compiled, which leaves Python's lock to the others.

        Returns
        -------
        iterator of Prediction
            One for each article, in order.

        Raises
        ------
        TypeError
            At once if `articles` is a single string; while iterating, if one of
            them is neither a string nor an Article.
        ValueError
            If `jobs` is 0 or below -1.
        """
        if isinstance(articles, str | Article):
            raise TypeError(
                f"expected an iterable of articles, found one {type(articles).__name__}"
                "; use predict"
            )
        if jobs == 0 or jobs < -1:
            raise ValueError(f"jobs is {jobs}, expected 1 or more, or -1")
        jobs = (os.cpu_count() or 1) if jobs < 0 else jobs
        if jobs == 1 and not isinstance(articles, Sequence):
            return map(self.predict, articles)
        return self._predict_chunks(articles, jobs)

    def _predict_chunks(
        self, articles: Iterable[str | Article], jobs: int
    ) -> Iterator[Prediction]:
        chunks = _chunks(articles)
        if jobs == 1:
            for chunk in chunks:
                yield from self._predictions(chunk)
            return
        waiting: deque[Future[list[Prediction]]] = deque()
        with ThreadPoolExecutor(jobs) as pool:
            try:
                while True:
                    try:
                        chunk = next(chunks, [])
                    except Exception:
                        # What the source gave before is answered all the same.
                        while waiting:
                            yield from waiting.popleft().result()
                        raise
                    if not chunk:
                        break
                    waiting.append(pool.submit(self._predictions, chunk))
                    while waiting and (len(waiting) > 2 * jobs or waiting[0].done()):
                        yield from waiting.popleft().result()
                while waiting:
                    yield from waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

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
        ids, weights = self._weighed(article)
        if not len(ids):
            return ()
        decisions = self._decisions(ids, weights)
        probabilities = self._probabilities(decisions)
        (prediction,) = self._given(probabilities[np.newaxis], [article.id])
        places = self._counter.scanner.locate(article)
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
        self, article: Article
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        ids, counts = self._counter.count(article)
        rows = np.array([0, len(ids)])
        return ids, weigh(
            ids, counts, rows, self._idf, self._blocks, self.model.settings
        )

    def _decisions(
        self, ids: NDArray[np.int64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        model = self.model
        found: NDArray[np.float64]
        found = model.bias + weights @ model.weights[ids].astype(np.float64)
        return found

    def _probabilities(self, decisions: NDArray[np.float64]) -> NDArray[np.float64]:
        slopes, offsets = self.model.calibration.T
        return sigmoid(decisions * slopes + offsets)

    def _predictions(self, articles: Sequence[Article]) -> list[Prediction]:
        """Judge articles that are held together."""
        decisions = np.zeros((len(articles), len(self.model.bias)))
        known = np.full(len(articles), -1)
        if self._counter.scan is not None:
            decisions, known = self._counter.scan.decide(
                [article.title for article in articles],
                [article.text for article in articles],
            )
        for row in np.flatnonzero(known < 0).tolist():  # not for the compiled scan
            ids, weights = self._weighed(articles[row])
            decisions[row], known[row] = self._decisions(ids, weights), len(ids)
        probabilities = self._probabilities(decisions)
        probabilities[known == 0] = 0.0  # no evidence, no answer
        return self._given(probabilities, [article.id for article in articles])

    def _given(
        self, probabilities: NDArray[np.float64], ids: Sequence[str]
    ) -> list[Prediction]:
        """Say which labels rows of probabilities give."""
        raised = probabilities.copy()
        over = (probabilities >= self._thresholds) & (probabilities > 0.0)
        for head, rule in self._rules:
            if not rule.plain:
                part = rule.raised(probabilities[:, head.columns])
                raised[:, head.columns] = part
                over[:, head.columns] = rule.given(part, self._thresholds[head.columns])
        given: list[list[tuple[int, Scored]]] = [[] for _ in ids]
        for row, column in np.argwhere(over).tolist():
            label = self._labels[column]
            score = float(raised[row, column])
            given[row].append((column, Scored(label.id, label.name, label.code, score)))
        return [
            self._answer(*answer)
            for answer in zip(given, raised.tolist(), ids, strict=True)
        ]

    def _answer(
        self, given: list[tuple[int, Scored]], scores: list[float], id: str
    ) -> Prediction:
        given.sort(key=lambda found: -found[1].score)
        return Prediction(
            {
                axis: tuple(
                    scored for column, scored in given if start <= column < stop
                )
                for axis, _, start, stop in self._axes
            },
            {
                axis: dict(zip(names, scores[start:stop], strict=True))
                for axis, names, start, stop in self._axes
            },
            id,
        )

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


def _chunks(articles: Iterable[str | Article]) -> Iterator[list[Article]]:
    """Chunks of articles; what is none, or what the source raises, comes after the
    articles before it.
    """
    source = iter(articles)
    while True:
        chunk: list[Article] = []
        try:
            for article in islice(source, CHUNK):
                chunk.append(_article(article, ""))
        except BaseException:
            if chunk:
                yield chunk
            raise
        if not chunk:
            return
        yield chunk


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
