"""Tables of samples with a header: CSV, TSV, and doccano's CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from .errors import SampleError
from .names import Names
from .reading import (
    FIELDS,
    LABEL_FIELDS,
    Answer,
    AnyRow,
    BadRow,
    Row,
    article_parts,
    read_table,
)
from .samples import Sample
from .taxonomy import Taxonomy

SEPARATORS = "|;#"
"""What may part several labels in one cell."""

_PARTS = ("id", "title", "text", "source", "date")


def read_csv(stream: BinaryIO, name: str, names: Names) -> Iterator[AnyRow]:
    """Read a table whose cells are parted by commas."""
    return read_labelled_table(stream, name, names, ",", SEPARATORS)


def read_tsv(stream: BinaryIO, name: str, names: Names) -> Iterator[AnyRow]:
    """Read a table whose cells are parted by tabs."""
    return read_labelled_table(stream, name, names, "\t", SEPARATORS)


def read_doccano_csv(stream: BinaryIO, name: str, names: Names) -> Iterator[AnyRow]:
    """Read doccano's CSV: ``id``, ``text`` or ``data``, and ``label`` with ``#``."""
    return read_labelled_table(stream, name, names, ",", "#", text=("data",))


def read_labelled_table(
    stream: BinaryIO,
    name: str,
    names: Names,
    delimiter: str,
    separators: str,
    *,
    text: tuple[str, ...] = (),
) -> Iterator[AnyRow]:
    """Read a table with a header.

    Raises
    ------
    SampleError
        If its header is no CSV or lacks a column for text or labels.
    """
    header, rows = read_table(stream, name, delimiter)
    if not header:
        return
    check_header(header, name, names, text=text)
    fields = names.label_fields(header)
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        where, cells = row
        try:
            parts = article_parts(cells, names.options, text=text)
        except SampleError as error:
            yield BadRow(where, str(error))
            continue
        answers = (
            Answer((cells[field],), field=field, separators=separators)
            for field in fields
        )
        yield Row(where, parts, tuple(answers))


def check_header(
    header: Sequence[str],
    name: str,
    names: Names,
    *,
    text: tuple[str, ...] = (),
    labels: bool = True,
) -> None:
    """Refuse a table without a column that is needed, or with two of one name.

    Raises
    ------
    SampleError
        Saying which columns were found and which expected.
    """
    options = names.options
    folded = [column.strip().lower() for column in header]
    found = f"found {', '.join(header)}"
    twice = {column for column in folded if folded.count(column) > 1}
    if twice:
        raise SampleError(
            f"{name}:1: column {min(twice)!r} comes more than once; rename one"
        )
    wanted = [options.named(p) for p in FIELDS] + [c for c, _ in options.label_fields]
    for column in filter(None, wanted):
        if column.strip().lower() not in folded:
            raise SampleError(f"{name}:1: has no column {column!r}; {found}")
    words = {*FIELDS["text"], *FIELDS["title"], *text}
    if not (set(folded) & words or options.text_field or options.title_field):
        raise SampleError(
            f"{name}:1: no column holds the text; expected {', '.join(FIELDS['text'])}; "
            f"{found}; name it with --text-field"
        )
    if labels and not names.label_fields(header):
        axes = ", ".join(axis.id for axis in names.taxonomy)
        raise SampleError(
            f"{name}:1: no column holds labels; expected {axes}, or one of "
            f"{', '.join(LABEL_FIELDS[:4])} ...; {found}; name it with --label-field"
        )


def render_csv(samples: Sequence[Sample], taxonomy: Taxonomy, axis: str) -> bytes:
    """Samples as CSV with a column for each axis that they carry."""
    return _render(samples, taxonomy, axis, ",")


def render_tsv(samples: Sequence[Sample], taxonomy: Taxonomy, axis: str) -> bytes:
    """Samples as tab-separated values, otherwise as :func:`render_csv`."""
    return _render(samples, taxonomy, axis, "\t")


def _render(
    samples: Sequence[Sample], taxonomy: Taxonomy, axis: str, delimiter: str
) -> bytes:
    axes = [a.id for a in taxonomy if any(a.id in s.labels for s in samples)]
    axes = [a for a in axes if axis in ("", a)]
    rows = (
        part_cells(sample)
        | {a: _mark(taxonomy[a].ids).join(sample.labels.get(a, ())) for a in axes}
        for sample in samples
    )
    # A column that is called as no axis says nothing where it is empty.
    return table_bytes(rows, used_parts(samples), axes or ["label"], delimiter)


def _mark(labels: Iterable[str]) -> str:
    """The first separator that no label holds."""
    held = set("".join(labels))
    return next((mark for mark in SEPARATORS if mark not in held), SEPARATORS[0])


def render_doccano_csv(
    samples: Sequence[Sample], taxonomy: Taxonomy, axis: str
) -> bytes:
    """Samples as doccano's CSV: the labels of all axes in one cell, with ``#``."""
    rows = (
        part_cells(sample) | {"label": "#".join(all_labels(sample, taxonomy, axis))}
        for sample in samples
    )
    return table_bytes(rows, used_parts(samples), ["label"], ",")


def all_labels(sample: Sample, taxonomy: Taxonomy, axis: str) -> list[str]:
    """The labels of a sample on one axis, or on all of them one after the other."""
    axes = [a.id for a in taxonomy if axis in ("", a.id)]
    return [label for a in axes for label in sample.labels.get(a, ())]


def part_cells(sample: Sample) -> dict[str, str]:
    """Id, title, text, source and date of a sample."""
    return {part: getattr(sample, part) for part in _PARTS}


def used_parts(samples: Sequence[Sample]) -> list[str]:
    """Which parts of samples need a column: id and text, and what is anywhere."""
    return [
        part
        for part in _PARTS
        if part in ("id", "text") or any(getattr(s, part) for s in samples)
    ]


def table_bytes(
    rows: Iterable[dict[str, str]],
    parts: Sequence[str],
    others: Sequence[str],
    delimiter: str,
) -> bytes:
    """A header and rows as a file."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(
        text,
        [*parts, *others],
        delimiter=delimiter,
        lineterminator="\n",
        extrasaction="ignore",
    )
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().encode("utf-8")
