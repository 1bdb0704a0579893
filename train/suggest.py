"""What to label next: articles that a model is unsure of, of labels that lack samples,
unlike each other.

Articles are picked one by one. What one is worth is the sum over all labels of

    entropy of the label's probability / (samples that the label has + 2),

times one less its likeness to the nearest article that is labelled or picked already,
the cosine in the model's TF-IDF space. Each pick adds its probabilities to the samples
that labels are expected to have, so that the next one serves others.

A label that the model does not know yet has no probability. Where the lexicon has
concepts for it, an article is taken to be the likelier of it the more of them it names,
and the less likely the more labelled samples name them and do not have it: a taxonomy
may have labels that are never met. That chance itself, in place of the entropy, is what
the article is worth to the label: what is sought is a first sample.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ..labels.errors import DatelineError
from ..labels.samples import Sample
from ..predict.article import Article
from ..predict.decisions import DecisionRule
from ..predict.model import Model
from ..predict.predictor import Predictor
from ..predict.terms import WORDS, TermScanner, weigh
from .calibrate import sigmoid
from .stories import near_duplicates

POOL = 5000
"""Of a larger pool so many articles are looked at."""

ASSUMED_SAMPLES = 2.0
"""Every label is taken to have so many samples more than it has."""

UNSURE_LABELS = 3
"""At most so many labels are named as a reason for each suggestion."""


class SuggestError(DatelineError):
    """Nothing can be suggested."""


@dataclass(frozen=True)
class Unsure:
    """A label that an article would say something of.

    Attributes
    ----------
    axis, label : str
    probability : float
    """

    axis: str
    label: str
    probability: float


@dataclass(frozen=True)
class Suggestion:
    """An article to label.

    Attributes
    ----------
    position : int
        Where it stands in the pool, from 0.
    id : str
    unsure : tuple of Unsure
        The labels that it was chosen for, those it serves most first.
    """

    position: int
    id: str
    unsure: tuple[Unsure, ...]

    def to_json(self) -> dict[str, Any]:
        """The suggestion as plain JSON."""
        return {
            "id": self.id,
            "position": self.position,
            "unsure": [
                {
                    "axis": one.axis,
                    "label": one.label,
                    "probability": round(one.probability, 4),
                }
                for one in self.unsure
            ],
        }


def suggest(
    pool: Iterable[Article],
    n: int,
    *,
    predictor: Predictor,
    labelled: Iterable[Sample] = (),
    axes: Sequence[str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Suggestion]:
    """Choose articles that are worth labelling.

    Parameters
    ----------
    pool : iterable of Article
        Without labels. Of more than :data:`POOL` a random part is looked at, the same
        every time.
    n : int
        How many to choose; fewer where there are not so many that differ.
    predictor : Predictor
        The model that the labels are to make better.
    labelled : iterable of Sample, optional
        What is labelled already: neither these nor near-duplicates of them are chosen.
        Default: nothing; what labels have is read from the model's card.
    axes : sequence of str, optional
        The axes that will be labelled. Default: those that the model answers on.
    progress : callable, optional
        Told how many articles of how many were read.

    Returns
    -------
    list of Suggestion
        In the order in which they were chosen, so that the first few are the best
        few. The same for the same arguments.

    Raises
    ------
    ValueError
        If `n` is below 1.
    SuggestError
        If the pool is empty, or the taxonomy has no such axis.
    """
    if n < 1:
        raise ValueError(f"n is {n}, expected 1 or more")
    articles, labelled = list(pool), list(labelled)
    if not articles:
        raise SuggestError(
            "there are no articles to choose from; give a file that holds some"
        )
    model = predictor.model
    looked = _part(len(articles))
    known = [Article(s.text, s.title, s.id) for s in labelled]
    read = _Read(model, [*(articles[i] for i in looked), *known], progress)
    needs = _needs(model, labelled, _axes(model, axes))
    size = len(looked)
    chances, worth = _chances(model, read.weights, labelled, needs)
    free, alike = _free([articles[i] for i in looked], known)
    nearest = _nearest(read.unit[:size], read.unit[size:])
    picks = _pick(
        n,
        chances,
        worth,
        list(needs.values()),
        read.unit[:size],
        nearest,
        free,
        alike,
    )
    return [
        Suggestion(
            looked[i], articles[looked[i]].id, _reasons(chances[i], served, needs)
        )
        for i, served in picks
    ]


def shown(suggestions: Sequence[Suggestion]) -> str:
    """Suggestions as text for people, a line each."""
    return "\n".join(
        f"{one.id or one.position}  "
        + ", ".join(
            f"{reason.axis}: {reason.label} {reason.probability:.2f}?"
            for reason in one.unsure
        )
        for one in suggestions
    )


def _part(n: int) -> list[int]:
    if n <= POOL:
        return list(range(n))
    drawn = np.random.default_rng(0).choice(n, POOL, replace=False)
    return [int(i) for i in np.sort(drawn)]


def _axes(model: Model, axes: Sequence[str] | None) -> list[str]:
    if axes is None:
        return [head.axis for head in model.heads]
    there = [axis.id for axis in model.taxonomy]
    for axis in axes:
        if axis not in there:
            raise SuggestError(
                f"the model's taxonomy has no axis {axis!r}; it has {', '.join(there)}"
            )
    return list(axes)


def _needs(
    model: Model, labelled: Sequence[Sample], axes: Sequence[str]
) -> dict[tuple[str, str], float]:
    """How many samples each label has, by axis and label."""
    counts: Mapping[str, Mapping[str, int]]
    if labelled:
        counts = {
            axis: Counter(x for s in labelled for x in s.labels.get(axis, ()))
            for axis in axes
        }
    else:
        counts = model.card.get("training", {}).get("labels", {})
    return {
        (axis, label): float(counts.get(axis, {}).get(label, 0))
        for axis in axes
        for label in model.taxonomy[axis].ids
    }


class _Read:
    """Articles as weighed terms of a model.

    Attributes
    ----------
    weights : csr_matrix, shape (n_articles, n_terms)
    unit : csr_matrix
        The same, each row of length 1.
    """

    def __init__(
        self,
        model: Model,
        articles: Sequence[Article],
        progress: Callable[[int, int], None],
    ) -> None:
        scanner = TermScanner(model.phrases, model.settings)
        numbers = {term: number for number, term in enumerate(model.terms)}
        indices: list[int] = []
        amounts: list[float] = []
        ends = [0]
        for done, article in enumerate(articles, 1):
            for term, count in scanner.count(article).items():
                if (number := numbers.get(term)) is not None:
                    indices.append(number)
                    amounts.append(count)
            ends.append(len(indices))
            progress(done, len(articles))
        ids, rows = np.array(indices, dtype=np.int64), np.array(ends)
        blocks = np.cumsum([0, *model.blocks.values()])
        idf = model.idf.astype(np.float64)
        data = weigh(ids, np.array(amounts), rows, idf, blocks, model.settings)
        shape = (len(articles), len(model.terms))
        self.weights = sp.csr_matrix((data, ids, rows), shape)
        lengths = np.sqrt(np.asarray(self.weights.power(2).sum(axis=1))).ravel()
        self.unit = sp.csr_matrix(
            sp.diags(1.0 / np.maximum(lengths, 1e-12)) @ self.weights
        )


def _chances(
    model: Model,
    weights: sp.csr_matrix,
    labelled: Sequence[Sample],
    labels: Iterable[tuple[str, str]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The probability of each label and what it is worth, (n_articles, n_labels) each.

    The weights are those of the pool's articles, then those of the labelled samples.
    """
    pool = weights[: weights.shape[0] - len(labelled)]
    decisions = model.bias + pool @ np.asarray(model.weights, dtype=np.float64)
    found = sigmoid(decisions * model.calibration[:, 0] + model.calibration[:, 1])
    found[np.diff(pool.indptr) == 0] = 0.0
    known: dict[tuple[str, str], NDArray[np.float64]] = {}
    for head in model.heads:
        ids = [label.id for label in head.labels]
        rule = DecisionRule(model.taxonomy[head.axis], ids)
        raised = rule.raised(found[:, head.columns])
        known |= {(head.axis, id): raised[:, i] for i, id in enumerate(ids)}
    concepts = _Concepts(model, weights, labelled)
    chances, worth = [], []
    for axis, label in labels:
        if (axis, label) in known:
            chances.append(known[axis, label])
            worth.append(_entropy(chances[-1]))
        else:
            chances.append(concepts.chance(axis, label))
            worth.append(chances[-1])
    return np.column_stack(chances), np.column_stack(worth)


class _Concepts:
    """How likely articles are of labels that a model does not know, by the lexicon."""

    def __init__(
        self, model: Model, weights: sp.csr_matrix, labelled: Sequence[Sample]
    ) -> None:
        self._weights, self._labelled = weights.tocsc(), labelled
        first = model.blocks[WORDS]
        terms = enumerate(model.terms[first:], first)
        self._columns = {term: number for number, term in terms}

    def chance(self, axis: str, label: str) -> NDArray[np.float64]:
        pool = self._weights.shape[0] - len(self._labelled)
        # Lexicon.rolled_up made a concept of each label that has some.
        column = self._columns.get(f"{axis}:{label}")
        if column is None:
            return np.zeros(pool)
        found = self._weights[:, [column]].toarray()[:, 0]
        found /= found.max() or 1.0
        named = has = 0.0
        for amount, sample in zip(found[pool:].tolist(), self._labelled, strict=True):
            if axis in sample.labels:
                named += amount
                has += amount * (label in sample.labels[axis])
        # The rule of succession, samples counting by how much of the label they name.
        chance: NDArray[np.float64] = found[:pool] * (has + 1.0) / (named + 2.0)
        return chance


def _free(
    pool: Sequence[Article], labelled: Sequence[Article]
) -> tuple[NDArray[np.bool_], dict[int, list[int]]]:
    """Which articles are not labelled, and which are near-duplicates of each other."""
    free = np.ones(len(pool), dtype=bool)
    texts = [f"{article.title}\n{article.text}" for article in (*pool, *labelled)]
    alike: dict[int, list[int]] = {}
    for i, j, _ in near_duplicates(texts):
        if j < len(pool):
            alike.setdefault(i, []).append(j)
            alike.setdefault(j, []).append(i)
        elif i < len(pool):
            free[i] = False
    ids = {article.id for article in labelled if article.id}
    free[[i for i, article in enumerate(pool) if article.id in ids]] = False
    return free, alike


def _nearest(unit: sp.csr_matrix, others: sp.csr_matrix) -> NDArray[np.float64]:
    """The likeness of each article to the nearest of others, shape (n_articles,)."""
    nearest = np.zeros(unit.shape[0])
    for start in range(0, others.shape[0], 200):
        found = unit @ others[start : start + 200].T
        nearest = np.maximum(nearest, found.max(axis=1).toarray()[:, 0])
    return nearest


def _pick(
    n: int,
    chances: NDArray[np.float64],
    worth: NDArray[np.float64],
    has: Sequence[float],
    unit: sp.csr_matrix,
    nearest: NDArray[np.float64],
    free: NDArray[np.bool_],
    alike: Mapping[int, Sequence[int]],
) -> list[tuple[int, NDArray[np.float64]]]:
    """Pick articles one by one; each with what it was worth to every label."""
    samples = np.array(has) + ASSUMED_SAMPLES
    picked: list[tuple[int, NDArray[np.float64]]] = []
    while len(picked) < n and free.any():
        total = (worth / samples).sum(axis=1) * (1.0 - nearest)
        best = int(np.where(free, total, -np.inf).argmax())
        picked.append((best, worth[best] / samples))
        free[[best, *alike.get(best, ())]] = False
        samples = samples + chances[best]
        nearest = np.maximum(nearest, (unit @ unit[[best]].T).toarray()[:, 0])
    return picked


def _entropy(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The entropy of yes and no in bits."""
    p = np.clip(probabilities, 1e-12, 1.0 - 1e-12)
    bits: NDArray[np.float64] = -(p * np.log2(p) + (1.0 - p) * np.log2(1.0 - p))
    return bits


def _reasons(
    chances: NDArray[np.float64],
    served: NDArray[np.float64],
    labels: Iterable[tuple[str, str]],
) -> tuple[Unsure, ...]:
    names = list(labels)
    best = np.argsort(-served, kind="stable")[:UNSURE_LABELS]
    return tuple(
        Unsure(axis=names[i][0], label=names[i][1], probability=float(chances[i]))
        for i in best.tolist()
        if chances[i] > 0
    )
