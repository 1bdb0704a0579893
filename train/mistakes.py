"""Articles that a model is most surely wrong about, with the words that caused it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..labels.samples import Sample
from ..labels.taxonomy import Taxonomy
from ..predict.article import Article
from ..predict.predictions import Explanation
from ..predict.predictor import Predictor
from .evaluate import AxisOutcome

SNIPPET_WORDS = 70
"""So many words of a text are shown: those that hold most of what decided."""

TITLE_LENGTH = 200
"""Characters of a title that are shown."""

_TOKEN = re.compile(r"\w+")

# A word is marked from this part of the strongest word's contribution on.
_FAINT, _MIDDLING, _STRONG = 0.12, 0.3, 0.6


@dataclass(frozen=True)
class Part:
    """A piece of an article's text.

    Attributes
    ----------
    text : str
    mark : str
        ``"for"`` or ``"against"`` the label; empty where it says little.
    strength : int
        1 to 3; 0 where it says little.
    """

    text: str
    mark: str = ""
    strength: int = 0


@dataclass(frozen=True)
class Answer:
    """A label that an article was given.

    Attributes
    ----------
    label : str
    score : float
    right : bool
    """

    label: str
    score: float
    right: bool


@dataclass(frozen=True)
class Mistake:
    """An article and one label that it was given wrongly or not given.

    Attributes
    ----------
    id, source, date : str
    title, snippet : tuple of Part
        The text with the words that spoke for and against the label.
    label : str
        The label in question.
    score : float
        Its probability.
    gold : tuple of str
        The labels of the sample.
    given : tuple of Answer
        Those that the model gave, best first.
    terms : tuple of (str, float)
        The strongest terms and what they add to the linear score.
    """

    id: str
    source: str
    date: str
    title: tuple[Part, ...]
    snippet: tuple[Part, ...]
    label: str
    score: float
    gold: tuple[str, ...]
    given: tuple[Answer, ...]
    terms: tuple[tuple[str, float], ...]


class Witness:
    """Explains any label of an article, given or not.

    Parameters
    ----------
    predictor : Predictor
    """

    def __init__(self, predictor: Predictor) -> None:
        model = predictor.model
        axes = tuple(replace(axis, single_label=False) for axis in model.taxonomy)
        # Where every label is given, every label is explained.
        self._predictor = Predictor(
            replace(model, taxonomy=Taxonomy(axes)), threshold=0.0
        )

    def explain(self, article: Article, axis: str, label: str) -> Explanation | None:
        """Say why a label has its score; None where no term of the article is known."""
        for explanation in self._predictor.explain(article):
            if (explanation.axis, explanation.label) == (axis, label):
                return explanation
        return None


def wrongly_given(outcome: AxisOutcome) -> list[tuple[int, int]]:
    """List the articles and labels that were given wrongly, the surest first.

    Returns
    -------
    list of (int, int)
        Rows and columns of the outcome; an article comes once, with its surest.
    """
    return _surest(outcome.given & ~outcome.truth, -outcome.scores)


def missed(outcome: AxisOutcome, first: Sequence[int | None]) -> list[tuple[int, int]]:
    """List the articles and labels that were missed, the surest first.

    Parameters
    ----------
    outcome : AxisOutcome
    first : sequence of int or None
        The column of each article's primary label. To miss it comes before missing
        another.

    Returns
    -------
    list of (int, int)
    """
    order = outcome.scores + 1.0
    for row, column in enumerate(first):
        if column is not None:
            order[row, column] -= 1.0
    return _surest(outcome.truth & ~outcome.given, order)


def _surest(
    wrong: NDArray[np.bool_], order: NDArray[np.float64]
) -> list[tuple[int, int]]:
    cells = np.argwhere(wrong)
    ranked = cells[np.argsort(order[wrong], kind="stable")].tolist()
    best: dict[int, int] = {}
    for row, column in ranked:
        best.setdefault(row, column)
    return list(best.items())


def describe(
    cells: Iterable[tuple[int, int]],
    outcome: AxisOutcome,
    samples: Sequence[Sample],
    axis: str,
    witness: Witness,
) -> Iterator[Mistake]:
    """Describe mistakes for people.

    Parameters
    ----------
    cells : iterable of (int, int)
        Rows and columns of the outcome.
    outcome : AxisOutcome
    samples : sequence of Sample
        Those that the outcome is of, in its order.
    axis : str
    witness : Witness

    Yields
    ------
    Mistake
    """
    for row, column in cells:
        sample = samples[row]
        label = outcome.labels[column]
        scores = outcome.scores[row]
        explanation = witness.explain(
            Article(sample.text, sample.title, sample.id), axis, label
        )
        given = np.flatnonzero(outcome.given[row]).tolist()
        yield Mistake(
            id=sample.id,
            source=sample.source,
            date=sample.date,
            title=marked(sample.title, "title", explanation, limit=TITLE_LENGTH),
            snippet=marked(sample.text, "text", explanation),
            label=label,
            score=float(scores[column]),
            gold=sample.labels[axis],
            given=tuple(
                Answer(outcome.labels[i], float(scores[i]), bool(outcome.truth[row, i]))
                for i in sorted(given, key=lambda i: -scores[i])
            ),
            terms=_strongest(explanation),
        )


def _strongest(explanation: Explanation | None) -> tuple[tuple[str, float], ...]:
    if explanation is None:
        return ()
    return tuple((e.term, e.contribution) for e in explanation.evidence[:6])


def marked(
    text: str, field: str, explanation: Explanation | None, *, limit: int = 0
) -> tuple[Part, ...]:
    """Cut a text into parts by what they say of a label.

    What a term adds is shared among the words that it stands on, wherever it stands.

    Parameters
    ----------
    text : str
    field : str
        ``"title"`` or ``"text"``: which part of the article it is.
    explanation : Explanation, optional
        Without one nothing is marked.
    limit : int, default=0
        Show so many characters from the beginning; 0: the :data:`SNIPPET_WORDS` words
        that hold most of what decided.
    """
    words = [match.span() for match in _TOKEN.finditer(text)]
    weights = _word_weights(words, field, explanation)
    strongest = _strongest_word(explanation)
    start, end = (0, min(limit, len(text))) if limit else _window(text, words, weights)
    parts: list[Part] = [Part("… ")] if start else []
    at = start
    for (first, last), weight in zip(words, weights.tolist(), strict=True):
        if first < start or last > end:
            continue
        _append(parts, Part(text[at:first]))
        _append(parts, _part(text[first:last], weight, strongest))
        at = last
    _append(parts, Part(text[at:end] + (" …" if end < len(text) else "")))
    return tuple(part for part in parts if part.text)


def _append(parts: list[Part], part: Part) -> None:
    """Add a part; words of one mark grow together with the space between them."""
    if part.mark and len(parts) > 1 and parts[-1].text.isspace():
        before = parts[-2]
        if (before.mark, before.strength) == (part.mark, part.strength):
            text = before.text + parts[-1].text + part.text
            parts[-2:] = [replace(part, text=text)]
            return
    parts.append(part)


def _part(word: str, weight: float, strongest: float) -> Part:
    share = abs(weight) / strongest if strongest else 0.0
    if share < _FAINT:
        return Part(word)
    strength = 1 + (share >= _MIDDLING) + (share >= _STRONG)
    return Part(word, "for" if weight > 0 else "against", strength)


def _word_weights(
    words: Sequence[tuple[int, int]], field: str, explanation: Explanation | None
) -> NDArray[np.float64]:
    """What the words of a field add to the linear score, shape (n_words,)."""
    weights = np.zeros(len(words))
    if explanation is None:
        return weights
    starts = np.array([start for start, _ in words], dtype=np.int64)
    for evidence in explanation.evidence:
        for span in evidence.spans:
            if span.field == field:
                first, last = np.searchsorted(starts, (span.start, span.end)).tolist()
                on = max(last - first, 1)
                weights[first:last] += evidence.contribution / len(evidence.spans) / on
    return weights


def _strongest_word(explanation: Explanation | None) -> float:
    """What a word that is marked strongly adds."""
    if explanation is None:
        return 0.0
    single: Mapping[str, float] = {
        e.term: abs(e.contribution) / max(len(e.spans), 1) for e in explanation.evidence
    }
    return max(single.values(), default=0.0)


def _window(
    text: str, words: Sequence[tuple[int, int]], weights: NDArray[np.float64]
) -> tuple[int, int]:
    """Where the words stand that hold most of what decided."""
    if len(words) <= SNIPPET_WORDS:
        return 0, len(text)
    sums = np.concatenate([[0.0], np.abs(weights).cumsum()])
    first = int((sums[SNIPPET_WORDS:] - sums[:-SNIPPET_WORDS]).round(9).argmax())
    # A window that begins in a sentence's first words may as well hold all of it.
    first = 0 if first < 8 else first
    last = first + SNIPPET_WORDS - 1
    start = words[first][0] if first else 0
    return start, words[last][1] if last < len(words) - 1 else len(text)
