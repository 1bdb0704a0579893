"""Files of labelled samples in the formats that people have: reading and writing.

``docs/formats.md`` shows each.
"""

from __future__ import annotations

import gzip
import io
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from . import annif, exports, label_studio, lines, tables
from .errors import SampleError
from .files import atomic_write
from .losses import LossError, find_losses
from .names import Names
from .reading import (
    LABEL_FIELDS,
    LABEL_PREFIX,
    AnyRow,
    BadRow,
    ReadOptions,
    ending,
    open_file,
    read_objects,
    read_table,
)
from .samples import Sample
from .taxonomy import Taxonomy

_Read = Callable[[BinaryIO, str, Names], Iterator[AnyRow]]
_Render = Callable[[Sequence[Sample], Taxonomy, str], bytes]


@dataclass(frozen=True)
class _Format:
    read: _Read
    render: _Render
    names_axes: bool = False  # says to which axis a label belongs
    names_fields: bool = True  # has columns or fields that options may name


def _folder(*_: object) -> Any:
    raise SampleError("a folder is neither read nor written as one file")


_FORMATS: dict[str, _Format] = {
    "jsonl": _Format(exports.read_project, exports.render_project, True),
    "csv": _Format(tables.read_csv, tables.render_csv, True),
    "tsv": _Format(tables.read_tsv, tables.render_tsv, True),
    "fasttext": _Format(lines.read_fasttext, lines.render_fasttext, names_fields=False),
    "doccano": _Format(exports.read_doccano, exports.render_doccano),
    "doccano-csv": _Format(tables.read_doccano_csv, tables.render_doccano_csv),
    "label-studio": _Format(
        label_studio.read_label_studio, label_studio.render_label_studio, True
    ),
    "label-studio-min": _Format(
        label_studio.read_label_studio_min, label_studio.render_label_studio_min, True
    ),
    "label-studio-csv": _Format(
        label_studio.read_label_studio_csv, label_studio.render_label_studio_csv, True
    ),
    "prodigy": _Format(exports.read_prodigy, exports.render_prodigy),
    "spacy": _Format(exports.read_spacy, exports.render_spacy),
    "annif-tsv": _Format(
        lines.read_annif_tsv, lines.render_annif_tsv, names_fields=False
    ),
    "annif-csv": _Format(annif.read_annif_csv, annif.render_annif_csv),
    "annif-folder": _Format(_folder, _folder, names_fields=False),
}

FORMATS = tuple(_FORMATS)
"""The names of the formats."""

_TAB_AND_URI = re.compile(r"\t[^\S\t]*(?:<\S+>|https?://\S+)")
_SNIFFED = 50  # how many records are looked at for a sign of their format


def names_axes(format: str) -> bool:
    """Whether a format says to which axis a label belongs."""
    return _FORMATS[format].names_axes


def read_labelled(
    path: str | Path,
    taxonomy: Taxonomy,
    *,
    options: ReadOptions | None = None,
    on_error: Callable[[SampleError], None] | None = None,
) -> Iterator[Sample]:
    """Read labelled samples of any of `FORMATS`, plain or gzip.

    Parameters
    ----------
    path : str or Path
        A file; for ``annif-folder`` a folder.
    taxonomy : Taxonomy
        The axes to look for; labels match by id, code, URI, name or alias.
    options : ReadOptions, optional
        Which format, axis, fields and label map. Default: what is found out.
    on_error : callable, optional
        Called with each row's error, after which reading goes on. Default: the
        first error is raised.

    Yields
    ------
    Sample
        In file order. A row without an id gets ``<file name>:<line>``.

    Raises
    ------
    SampleError
        Naming file and line; always where the file itself cannot be read.
    """
    path, options = Path(path), options or ReadOptions()
    names = Names(taxonomy, options)
    try:
        format = options.format or detect_format(path, taxonomy, options=options)
        _check(format, path, options)
        if format == "annif-folder":
            yield from _samples(annif.read_annif_folder(path, names), names, on_error)
            return
        with open_file(path) as stream:
            rows = _FORMATS[format].read(stream, str(path), names)
            yield from _samples(rows, names, on_error)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise SampleError(f"{path}: cannot be read: {reason}") from None


def _check(format: str, path: Path, options: ReadOptions) -> None:
    if format not in _FORMATS:
        raise SampleError(
            f"there is no format {format!r}; the formats are {', '.join(FORMATS)}"
        )
    if options.names_fields and not _FORMATS[format].names_fields:
        raise SampleError(
            f"{path}: {format} has no columns or fields that could be named; leave the "
            "field options out"
        )
    if path.is_dir() and format != "annif-folder":
        raise SampleError(f"{path}: is a folder; only annif-folder is one")
    if format == "annif-folder" and path.exists() and not path.is_dir():
        raise SampleError(f"{path}: is no folder; annif-folder is one of *.txt files")


def _samples(
    rows: Iterable[AnyRow],
    names: Names,
    on_error: Callable[[SampleError], None] | None,
) -> Iterator[Sample]:
    for row in rows:
        try:
            if isinstance(row, BadRow):
                raise SampleError(row.reason)
            yield names.sample(row, re.split(r"[/\\]", row.where)[-1])
        except SampleError as error:
            located = SampleError(f"{row.where}: {error}")
            if on_error is None:
                raise located from None
            on_error(located)


def detect_format(
    path: str | Path,
    taxonomy: Taxonomy | None = None,
    *,
    options: ReadOptions | None = None,
) -> str:
    """Find out from its name and first records in which format a file is.

    Parameters
    ----------
    path : str or Path
    taxonomy : Taxonomy, optional
        Fields called as its axes are a sign of the project's own format.
    options : ReadOptions, optional
        The prefix of labels to look for.

    Returns
    -------
    str
        One of `FORMATS`.

    Raises
    ------
    SampleError
        If nothing tells; the message says what was looked for.
    OSError
        If the file cannot be opened.
    """
    path, options = Path(path), options or ReadOptions()
    if path.is_dir():
        return "annif-folder"
    kind = ending(path.name)
    with open_file(path) as stream:
        head = _head(stream)
    first = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if kind in (".jsonl", ".ndjson", ".json") or first == b"{":
        with open_file(path) as stream:
            return _of_objects(stream, path.name, taxonomy)
    text = head.decode("utf-8-sig", errors="replace")
    rows = [line for line in text.splitlines() if line.strip()][:_SNIFFED]
    if kind == ".csv":
        header, _ = read_table(io.BytesIO(head), str(path), ",")
        return _of_header(header)
    if any(lines.parse_fasttext(row, options.label_prefix)[0] for row in rows):
        return "fasttext"
    if any(_TAB_AND_URI.search(row) for row in rows):
        return "annif-tsv"
    if kind == ".tsv" or not rows:
        return "tsv" if rows else "jsonl"  # of nothing, there are no samples
    raise SampleError(
        f"{path}: cannot tell its format: its name ends in none of .jsonl, .json, .csv "
        f"and .tsv, no line holds a word with {options.label_prefix} (fastText) or a "
        "tab and <uri> (Annif); name it with --format"
    )


def _head(stream: BinaryIO) -> bytes:
    """The first lines of a file."""
    return b"".join(stream.readline(1 << 20) for _ in range(_SNIFFED))


def _of_objects(stream: BinaryIO, name: str, taxonomy: Taxonomy | None) -> str:
    for number, item in enumerate(read_objects(stream, name)):
        if number == _SNIFFED:
            break
        if not isinstance(item, BadRow) and isinstance(item[1], dict):
            sign = _sign(item[1], taxonomy)
            if sign:
                return sign
    return "jsonl"


def _sign(row: dict[str, Any], taxonomy: Taxonomy | None) -> str:
    """The format of which an object bears a sign; empty where it bears none."""
    if any(isinstance(row.get(axis.id), list) for axis in taxonomy or ()):
        return "" if "annotation_id" in row else "jsonl"
    if isinstance(row.get("cats"), dict):
        return "spacy"
    if isinstance(row.get("data"), dict):
        return "label-studio"
    if "annotation_id" in row:
        return "label-studio-min"
    if "answer" in row and row.keys() & {"label", "accept", "options", "_input_hash"}:
        return "prodigy"
    if row.keys() & {*LABEL_FIELDS, "annotations"}:
        return "doccano"
    return ""


def _of_header(header: Sequence[str]) -> str:
    columns = {column.strip().lower() for column in header}
    if annif.SUBJECTS in columns:
        return "annif-csv"
    if "annotation_id" in columns:
        return "label-studio-csv"
    if {"data", "label"} <= columns and "text" not in columns:
        return "doccano-csv"
    return "csv"


def write_labelled(
    path: str | Path,
    samples: Iterable[Sample],
    taxonomy: Taxonomy,
    format: str,
    *,
    axis: str | None = None,
    allow_loss: bool = False,
) -> tuple[str, ...]:
    """Write samples in one of `FORMATS`, gzip where the name ends in ``.gz``.

    What is to be written is read again first and compared; the file appears whole or
    not at all.

    Parameters
    ----------
    path : str or Path
        For ``annif-folder`` a folder that does not exist yet.
    samples : iterable of Sample
    taxonomy : Taxonomy
    format : str
    axis : str, optional
        Write the labels of this axis alone, for a reader who names it. Default: those
        of all axes, for a reader who looks each label up.
    allow_loss : bool, optional
        Write what the format can hold even where that is not all.

    Returns
    -------
    tuple of str
        What is lost; empty unless `allow_loss`.

    Raises
    ------
    LossError
        If something would be lost; its ``losses`` say what.
    SampleError
        If there is no such format or axis.
    OSError
        If it cannot be written.
    """
    path, samples = Path(path), list(samples)
    options = ReadOptions(format=format, axis=axis or "", label_prefix=LABEL_PREFIX)
    names = Names(taxonomy, options)
    if format not in _FORMATS:
        _check(format, path, options)
    for sample in samples:
        _check_encodable(sample)
    if format == "annif-folder":
        return _write_folder(path, samples, taxonomy, options, allow_loss)
    data = _FORMATS[format].render(samples, taxonomy, axis or "")
    # The name decides how JSON is read, and stands in the ids that are made.
    rows = _FORMATS[format].read(io.BytesIO(data), path.name, names)
    losses = _losses(rows, samples, names, path, format, allow_loss)
    with atomic_write(path) as file:
        if path.suffix.lower() == ".gz":
            data = gzip.compress(data, mtime=0)
        file.write(data)
    return losses


def _write_folder(
    path: Path,
    samples: Sequence[Sample],
    taxonomy: Taxonomy,
    options: ReadOptions,
    allow_loss: bool,
) -> tuple[str, ...]:
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise SampleError(f"{path}: is there already; name a folder that is not")
    files = annif.render_annif_folder(samples, taxonomy, options.axis)
    path = path.resolve()
    folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        for name, data in files.items():
            (folder / name).write_bytes(data)
        names = Names(taxonomy, replace(options, format="annif-folder"))
        rows = annif.read_annif_folder(folder, names)
        losses = _losses(rows, samples, names, path, "annif-folder", allow_loss)
        folder.chmod(0o755)
        folder.replace(path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return losses


def _losses(
    rows: Iterable[AnyRow],
    samples: Sequence[Sample],
    names: Names,
    path: Path,
    format: str,
    allow_loss: bool,
) -> tuple[str, ...]:
    """What the rows that were read again lack; refused unless it is allowed."""
    errors: list[str] = []
    try:
        read = list(_samples(rows, names, lambda error: errors.append(str(error))))
    except SampleError as error:
        read, errors = [], [str(error)]
    losses = tuple(find_losses(samples, read, errors, names.taxonomy))
    if losses and not allow_loss:
        raise LossError(
            f"{path}: as {format} this would lose {'; '.join(losses)}; choose another "
            "format, or allow it with --allow-loss",
            losses,
        )
    return losses


def _check_encodable(sample: Sample) -> None:
    try:
        parts = (sample.id, sample.title, sample.text, sample.source, sample.date)
        "".join(parts).encode("utf-8")
    except UnicodeEncodeError:
        raise SampleError(
            f"sample {sample.id!r} holds half of a surrogate pair, which is no "
            "character; mend its text"
        ) from None
