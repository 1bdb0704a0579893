"""What would be lost if samples were written as another format keeps them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .errors import SampleError
from .samples import Sample
from .taxonomy import Taxonomy

# An id that was made of a file's name and a line, which says nothing.
_MADE_ID = re.compile(r"|[^/]+\.(jsonl?|ndjson|[ct]sv|txt|train|test|ft)(\.gz)?:\d+")


class LossError(SampleError):
    """A format cannot hold all that samples say.

    Attributes
    ----------
    losses : tuple of str
        What would be lost, each with how many samples and the first of them.
    """

    def __init__(self, message: str, losses: Sequence[str]) -> None:
        super().__init__(message)
        self.losses = tuple(losses)


def find_losses(
    samples: Sequence[Sample],
    read: Sequence[Sample],
    errors: Sequence[str],
    taxonomy: Taxonomy,
) -> list[str]:
    """Compare samples with what was read of the file that they were written to.

    Parameters
    ----------
    samples : sequence of Sample
        Those that were written.
    read : sequence of Sample
        Those that were read.
    errors : sequence of str
        What was said of rows that could not be read.
    taxonomy : Taxonomy
        The axes; labels on others are lost.

    Returns
    -------
    list of str
        Empty where they are equal, whatever the ids that were made of line numbers.
    """
    lost: dict[str, list[str]] = {}
    for sample, other in _pairs(samples, read):
        for what in _differences(sample, other, taxonomy):
            lost.setdefault(what, []).append(sample.id)
    found = [
        f"{what} ({len(ids)} of {len(samples)} samples"
        + (f", first {ids[0]!r})" if ids[0] else ")")
        for what, ids in lost.items()
    ]
    if errors:
        found.append(f"{len(errors)} rows could not be read again: {errors[0]}")
    if len(read) > len(samples):
        found.append(f"{len(read)} samples would be read of {len(samples)}")
    return found


def _pairs(
    samples: Sequence[Sample], read: Sequence[Sample]
) -> list[tuple[Sample, Sample | None]]:
    """Each sample with what was read of it: by place, or by id where some lack."""
    if len(samples) == len(read):
        return list(zip(samples, read, strict=True))
    by_id: dict[str, list[Sample]] = {}
    for other in reversed(read):
        by_id.setdefault(other.id, []).append(other)
    return [
        (sample, found.pop() if (found := by_id.get(sample.id)) else None)
        for sample in samples
    ]


def _differences(sample: Sample, other: Sample | None, taxonomy: Taxonomy) -> list[str]:
    if other is None:
        return ["whole samples"]
    found = []
    if other.id != sample.id and not _MADE_ID.fullmatch(sample.id):
        found.append("ids")
    if other.title != sample.title:
        found.append("titles")
    merged = f"{sample.title} {sample.text}" if not other.title else sample.text
    if other.text not in (sample.text, merged):
        found.append("text (line ends, tabs, or spaces at its ends)")
    found += [
        what
        for part, what in (("source", "sources"), ("date", "dates"))
        if getattr(sample, part) != getattr(other, part)
    ]
    for axis in dict.fromkeys([*(a.id for a in taxonomy), *sample.labels]):
        found += _difference(axis, sample.labels.get(axis), other.labels.get(axis))
    if dict(sample.rejected) != dict(other.rejected):
        found.append("rejected labels")
    return found


def _difference(
    axis: str, labels: tuple[str, ...] | None, other: tuple[str, ...] | None
) -> list[str]:
    if labels == other:
        return []
    if labels is None:
        none = other == ()
        return [f"{axis}: that it is unknown" + (" (it would be none)" if none else "")]
    if other is None:
        what = "labels" if labels else "that none applies"
        return [f"{axis}: {what} (it would be unknown)"]
    same = sorted(labels) == sorted(other)
    return [f"{axis}: the order of labels" if same else f"{axis}: labels"]
