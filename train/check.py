"""Checking samples: what is in them, and what is wrong with them.

Rows that cannot be used, and duplicates whose labels differ, are errors; all else is
worth a look.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ..labels.samples import Sample
from ..labels.taxonomy import Taxonomy
from .blemishes import Boilerplate, Damage, boilerplate, damage, page_wording
from .settings import MIN_SAMPLES
from .stories import near_duplicates

SHORT_WORDS = 4
"""Samples of fewer words are very short."""

SHOWN = 20
"""At most so many findings of a kind are shown as text."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class NearPair:
    """Two samples with nearly the same text.

    Attributes
    ----------
    ids : tuple of str
    similarity : float
        Jaccard similarity of their runs of words, as :mod:`.stories` measures it.
    """

    ids: tuple[str, str]
    similarity: float


@dataclass(frozen=True)
class Together:
    """Two labels of which no sample has one without the other.

    Attributes
    ----------
    axis : str
    labels : tuple of str
    samples : int
        How many have them.
    """

    axis: str
    labels: tuple[str, str]
    samples: int


@dataclass(frozen=True)
class SampleReport:
    """What :func:`check` found.

    Attributes
    ----------
    samples : int
        Rows that can be used.
    errors : tuple of str
        Rows that cannot, each with file, line and reason.
    counts : mapping
        Axis id to label id to the number of samples that carry it.
    unlabelled : mapping
        Axis id to the number of samples on which the axis is known to be none.
    duplicates : tuple of tuple of str
        Ids of samples with the same words, in groups.
    contradictions : tuple of tuple of str
        Those groups among the duplicates whose labels differ.
    repeated_ids : tuple of str
        Ids that more than one sample bears.
    short : tuple of str
        Ids of samples of fewer than :data:`SHORT_WORDS` words.
    near_duplicates : tuple of NearPair
        Pairs that are no duplicates, the most alike first.
    near_contradictions : tuple of NearPair
        Those of them whose labels differ.
    boilerplate : tuple of Boilerplate
        Runs of words that recur, the commonest first.
    page_wording : tuple of Boilerplate
        Wording of web pages rather than of news: cookies, newsletters, logins.
    damage : tuple of Damage
        The first of each kind in each sample.
    few : mapping
        Axis id to label id to its number of samples, for the labels that have some
        but fewer than training takes (:data:`.settings.MIN_SAMPLES`).
    together : tuple of Together
        Labels that cannot be told apart by these samples.
    """

    samples: int
    errors: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]
    unlabelled: Mapping[str, int]
    duplicates: tuple[tuple[str, ...], ...]
    contradictions: tuple[tuple[str, ...], ...]
    repeated_ids: tuple[str, ...]
    short: tuple[str, ...]
    near_duplicates: tuple[NearPair, ...] = ()
    near_contradictions: tuple[NearPair, ...] = ()
    boilerplate: tuple[Boilerplate, ...] = ()
    page_wording: tuple[Boilerplate, ...] = ()
    damage: tuple[Damage, ...] = ()
    few: Mapping[str, Mapping[str, int]] | None = None
    together: tuple[Together, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether a row cannot be used or duplicates contradict each other."""
        return bool(self.errors or self.contradictions)


def check(
    samples: Sequence[Sample], errors: Sequence[str], taxonomy: Taxonomy
) -> SampleReport:
    """Report what is in samples and what is wrong with them.

    Parameters
    ----------
    samples : sequence of Sample
    errors : sequence of str
        What was said of the rows that could not be read.
    taxonomy : Taxonomy

    Returns
    -------
    SampleReport
    """
    texts = [f"{sample.title}\n{sample.text}".strip() for sample in samples]
    words = [tuple(_WORD.findall(text.casefold())) for text in texts]
    by_words: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, found in enumerate(words):
        by_words[found].append(i)
    same = [group for group in by_words.values() if len(group) > 1]
    alike = near_duplicates(texts)
    near = sorted(
        ((i, j, s) for i, j, s in alike if words[i] != words[j]), key=lambda x: -x[2]
    )
    stories = _linked(len(samples), [(i, j) for i, j, _ in alike])
    counts, unlabelled = _counts(samples, taxonomy)
    ids = Counter(sample.id for sample in samples)
    return SampleReport(
        samples=len(samples),
        errors=tuple(errors),
        counts=counts,
        unlabelled=unlabelled,
        duplicates=tuple(tuple(samples[i].id for i in group) for group in same),
        contradictions=tuple(
            tuple(samples[i].id for i in group)
            for group in same
            if any(_disagree(samples[i], samples[j]) for i, j in combinations(group, 2))
        ),
        repeated_ids=tuple(sorted(id for id, n in ids.items() if n > 1)),
        short=tuple(
            sample.id
            for sample, found in zip(samples, words, strict=True)
            if len(found) < SHORT_WORDS
        ),
        near_duplicates=tuple(_pair(samples, *pair) for pair in near),
        near_contradictions=tuple(
            _pair(samples, i, j, s)
            for i, j, s in near
            if _disagree(samples[i], samples[j])
        ),
        boilerplate=tuple(boilerplate([s.id for s in samples], texts, stories)),
        page_wording=tuple(page_wording([s.id for s in samples], texts, stories)),
        damage=tuple(
            Damage(sample.id, kind, found)
            for sample, text in zip(samples, texts, strict=True)
            for kind, found in damage(text)
        ),
        few={
            axis: few
            for axis, found in counts.items()
            if (few := {x: n for x, n in found.items() if 0 < n < MIN_SAMPLES})
        },
        together=tuple(_together(samples, taxonomy)),
    )


def shown(report: SampleReport) -> str:
    """A report as text for people."""
    lines = [f"{report.samples} samples"]
    for axis, counts in report.counts.items():
        lines.append(f"{axis}: {report.unlabelled.get(axis, 0)} with no label")
        few = (report.few or {}).get(axis, {})
        lines += [
            f"  {label:<34} {n:>7}"
            + (f"  too few: training takes {MIN_SAMPLES}" if label in few else "")
            for label, n in counts.items()
        ]
    for name, found in _findings(report):
        if found:
            lines.append(f"{name}: {len(found)}")
            lines += [f"  {item}" for item in found[:SHOWN]]
            if len(found) > SHOWN:
                lines.append(f"  ... and {len(found) - SHOWN} more; --json has all")
    return "\n".join(lines)


def _findings(report: SampleReport) -> Iterator[tuple[str, Sequence[str]]]:
    yield "rows that cannot be used", report.errors
    yield "duplicates with different labels", _joined(report.contradictions)
    yield "ids borne by more than one sample", report.repeated_ids
    yield "very short", report.short
    yield "groups of duplicates", _joined(report.duplicates)
    yield "near-duplicates with different labels", _pairs(report.near_contradictions)
    yield "near-duplicates", _pairs(report.near_duplicates)
    yield "the same words in many samples", _recurring(report.boilerplate)
    yield "wording of web pages", _recurring(report.page_wording)
    yield (
        "damaged text",
        [f"{one.id}: {one.kind}: {one.found!r}" for one in report.damage],
    )
    yield (
        "labels that no sample has without each other",
        [
            f"{one.axis}: {' and '.join(one.labels)} ({one.samples} samples)"
            for one in report.together
        ],
    )


def _joined(groups: Iterable[Sequence[str]]) -> list[str]:
    return [", ".join(group) for group in groups]


def _pairs(pairs: Iterable[NearPair]) -> list[str]:
    return [f"{', '.join(pair.ids)} ({pair.similarity:.2f} alike)" for pair in pairs]


def _recurring(found: Iterable[Boilerplate]) -> list[str]:
    return [
        f"{_cut(one.text, 100)!r} in {one.samples}, such as {', '.join(one.ids[:3])}"
        for one in found
    ]


def _cut(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 3] + "..."


def _counts(
    samples: Sequence[Sample], taxonomy: Taxonomy
) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    counts: dict[str, Counter[str]] = {axis.id: Counter() for axis in taxonomy}
    unlabelled: Counter[str] = Counter()
    for sample in samples:
        for axis, labels in sample.labels.items():
            counts[axis].update(labels)
            unlabelled[axis] += not labels
    return {
        axis.id: {label: counts[axis.id][label] for label in axis.ids}
        for axis in taxonomy
        if counts[axis.id] or unlabelled[axis.id]
    }, dict(unlabelled)


def _disagree(one: Sample, other: Sample) -> bool:
    return any(
        set(one.labels[axis]) != set(other.labels[axis])
        for axis in one.labels.keys() & other.labels.keys()
    )


def _pair(samples: Sequence[Sample], i: int, j: int, similarity: float) -> NearPair:
    return NearPair((samples[i].id, samples[j].id), round(similarity, 4))


def _linked(n: int, links: Sequence[tuple[int, int]]) -> NDArray[np.intp]:
    """Number the groups that links make of samples, shape (n,)."""
    rows, columns = np.array(links, dtype=np.intp).reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(links)), (rows, columns)), shape=(n, n))
    groups: NDArray[np.intp] = connected_components(graph, directed=False)[1]
    return groups


def _together(samples: Sequence[Sample], taxonomy: Taxonomy) -> Iterator[Together]:
    """Find pairs of labels, neither above the other, that always come together."""
    for axis in taxonomy:
        carried: dict[str, set[int]] = defaultdict(set)
        for i, sample in enumerate(samples):
            for label in sample.labels.get(axis.id, ()):
                carried[label].add(i)
        met = [label for label in axis.ids if len(carried[label]) >= MIN_SAMPLES]
        for one, other in combinations(met, 2):
            related = one in axis.above(other) or other in axis.above(one)
            if not related and carried[one] == carried[other]:
                yield Together(axis.id, (one, other), len(carried[one]))
