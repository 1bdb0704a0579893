"""What another program embeds: a model that answers."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from ..labels.taxonomy import Taxonomy
from .article import Article
from .counter import TermCounter
from .decisions import DecisionRule
from .model import Head, Model
from .predictions import Evidence, Explanation, Prediction, Scored
from .terms import Span, weigh

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from numpy.typing import NDArray

    from ._scan import Judge

CHUNK = 64
"""Articles that are judged together where several are at hand."""


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
            model.table,
        )
        self._rules = [
            (head, DecisionRule(model.taxonomy[head.axis], [x.id for x in head.labels]))
            for head in model.heads
        ]
        self._columns = {
            head.axis: (tuple(label.id for label in head.labels), head.columns.start)
            for head in model.heads
        }
        self._thresholds = (
            model.thresholds
            if threshold is None
            else np.full_like(model.thresholds, threshold)
        )
        self._judge: Judge | None = None
        if self._counter.scan is not None:
            from ._scan import Judge  # there is none without a compiler

            heads = [(head.axis, head.labels, rule) for head, rule in self._rules]
            self._judge = Judge(heads, model.calibration, self._thresholds)

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
        if title or not isinstance(text, str):
            text = _article(text, title)
        return self._predictions([text])[0]

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
        from concurrent.futures import ThreadPoolExecutor  # slow to import

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
        probabilities = self._probabilities(ids, weights)
        prediction = self._given(probabilities, article.id)
        places = self._counter.scanner.locate(
            article, {self.model.terms[i] for i in ids}
        )
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

    def _probabilities(
        self, ids: NDArray[np.int64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The probability of each label, before it is raised to that of others."""
        model = self.model
        if not len(ids):
            return np.zeros(len(model.bias))  # no evidence, no answer
        decisions = model.bias + weights @ model.weights[ids].astype(np.float64)
        slopes, offsets = model.calibration.T
        # One at a time: numpy's own exp() differs from C's in the last bit.
        found = (decisions * slopes + offsets).tolist()
        return np.array([_logistic(x) for x in found])

    def _predictions(self, articles: Sequence[str | Article]) -> list[Prediction]:
        """Judge articles that are held together."""
        scan, judge = self._counter.scan, self._judge
        if scan is None or judge is None:
            return [self._by_definition(article) for article in articles]
        answers, left = scan.answer(articles, judge)
        for row in left:
            answers[row] = self._by_definition(articles[row])
        return answers

    def _by_definition(self, article: str | Article) -> Prediction:
        """Judge an article in Python, which says what the compiled scan is to answer."""
        article = _article(article, "")
        return self._given(self._probabilities(*self._weighed(article)), article.id)

    def _given(self, probabilities: NDArray[np.float64], id: str) -> Prediction:
        """Say which labels an article's probabilities give."""
        labels: dict[str, tuple[Scored, ...]] = {}
        parts = []
        for head, rule in self._rules:
            raised = rule.raised(probabilities[np.newaxis, head.columns])
            (given,) = rule.given(raised, self._thresholds[head.columns])
            scores = raised[0].tolist()
            columns = given.nonzero()[0].tolist()
            labels[head.axis] = tuple(
                Scored(label.id, label.name, label.code, scores[column])
                for column in sorted(columns, key=scores.__getitem__, reverse=True)
                for label in (head.labels[column],)
            )
            parts.append(raised[0])
        row = np.concatenate(parts).tobytes()
        return Prediction._made(labels, self._columns, row, id)

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
                    term := model.terms[ids[i]],
                    float(parts[i]),
                    # A text, or a model, can be made whose words are taken for others.
                    tuple(places.get(term, ())),
                )
                for i in np.argsort(-np.abs(parts), kind="stable")
            ),
        )


def _logistic(x: float) -> float:
    small = math.exp(-abs(x))
    return (1.0 if x >= 0.0 else small) / (1.0 + small)


def _chunks(articles: Iterable[str | Article]) -> Iterator[list[str | Article]]:
    """Chunks of articles; what is none, or what the source raises, comes after the
    articles before it.
    """
    source = iter(articles)
    while True:
        chunk: list[str | Article] = []
        try:
            for article in islice(source, CHUNK):
                chunk.append(
                    article if isinstance(article, str) else _article(article, "")
                )
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
