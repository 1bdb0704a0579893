"""Files with one article a line: fastText's and Annif's TSV."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO
from urllib.parse import quote

from .names import Names
from .reading import (
    LABEL_PREFIX,
    NOT_UTF8,
    Answer,
    AnyRow,
    BadRow,
    Row,
    read_lines,
)
from .samples import Sample
from .tables import all_labels
from .taxonomy import Taxonomy

_LINE_END = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")


def read_fasttext(stream: BinaryIO, name: str, names: Names) -> Iterator[AnyRow]:
    """Read fastText's format: words with a prefix before or behind the text."""
    prefix = names.options.label_prefix
    for where, line in read_lines(stream, name):
        if line is None:
            yield BadRow(where, NOT_UTF8)
            continue
        labels, text = parse_fasttext(line, prefix)
        if text:
            yield Row(where, {"title": "", "text": text}, (Answer(labels),))
        else:
            yield BadRow(where, f"has no text beside its labels ({prefix}...)")


def parse_fasttext(line: str, prefix: str) -> tuple[tuple[str, ...], str]:
    """Part a line into the labels at its head and end, and the text between."""
    # Word by word: a line may be an archive of them.
    words = [found.span() for found in re.finditer(r"\S+", line)]

    def is_label(span: tuple[int, int]) -> bool:
        return line.startswith(prefix, span[0]) and span[1] - span[0] > len(prefix)

    first, last = 0, len(words)
    while first < last and is_label(words[first]):
        first += 1
    while first < last and is_label(words[last - 1]):
        last -= 1
    labels = (
        line[start + len(prefix) : end] for start, end in words[:first] + words[last:]
    )
    text = line[words[first][0] : words[last - 1][1]] if first < last else ""
    return tuple(labels), text


def read_annif_tsv(stream: BinaryIO, name: str, names: Names) -> Iterator[AnyRow]:
    """Read Annif's TSV: a text, a tab, and the URIs of its subjects."""
    for where, line in read_lines(stream, name):
        if line is None:
            yield BadRow(where, NOT_UTF8)
            continue
        text, tab, uris = line.partition("\t")
        if not tab:
            yield BadRow(
                where, "has no tab; expected a text, a tab and <uri> <uri> ..."
            )
        elif not text.strip():
            yield BadRow(where, "has no text before the tab")
        else:
            answer = Answer(tuple(map(bare, uris.split())))
            yield Row(where, {"title": "", "text": text}, (answer,))


def bare(uri: str) -> str:
    """A URI without its angle brackets."""
    return uri[1:-1] if uri.startswith("<") and uri.endswith(">") else uri


def render_fasttext(samples: Sequence[Sample], taxonomy: Taxonomy, axis: str) -> bytes:
    """Samples as fastText reads them: labels, then title and text on one line."""
    lines = []
    for sample in samples:
        labels = all_labels(sample, taxonomy, axis)
        words = [LABEL_PREFIX + re.sub(r"\s+", "_", label) for label in labels]
        lines.append(" ".join([*words, one_line(sample)]) + "\n")
    return "".join(lines).encode("utf-8")


def render_annif_tsv(samples: Sequence[Sample], taxonomy: Taxonomy, axis: str) -> bytes:
    """Samples as Annif's TSV, title and text on one line."""
    return "".join(
        f"{one_line(sample)}\t{' '.join(uris_of(sample, taxonomy, axis))}\n"
        for sample in samples
    ).encode("utf-8")


def one_line(sample: Sample) -> str:
    """The title and text of a sample without line ends and tabs."""
    both = f"{sample.title}\n{sample.text}" if sample.title else sample.text
    return re.sub(r"\s+", _without_line_ends, both)


def _without_line_ends(space: re.Match[str]) -> str:
    return " " if _LINE_END.search(space[0]) else space[0]


def uris_of(sample: Sample, taxonomy: Taxonomy, axis: str) -> list[str]:
    """The labels of a sample in angle brackets, by their codes where they have any."""
    return [
        f"<{uri_of(a.id, label, taxonomy)}>"
        for a in taxonomy
        if axis in ("", a.id)
        for label in sample.labels.get(a.id, ())
    ]


# Where the schemes of codes that news uses are published.
_SCHEMES = {"medtop": "http://cv.iptc.org/newscodes/mediatopic/"}


def uri_of(axis: str, label: str, taxonomy: Taxonomy) -> str:
    """A label as a URI: its code, else its id."""
    code = next((x.code for x in taxonomy[axis] if x.id == label), "") or label
    scheme, colon, tail = code.partition(":")
    if colon and scheme in _SCHEMES:
        return _SCHEMES[scheme] + quote(tail)
    return quote(code, safe=":/+")
