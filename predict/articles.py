"""The articles that are to be judged, and reading them from files and streams.

* A text file is one article; a first line that a blank line follows is its title.
* ``.jsonl``/``.ndjson``, ``.csv``, ``.tsv`` and ``.parquet`` hold one article a row.
* All but Parquet may be gzip (``.gz``).
* Standard input is JSON lines where its first line is a JSON object, else a text.

A row that cannot be read becomes a :class:`BadRow` in its place: it comes out as an
answer that says so, and the rows after it are still read.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from ..labels.errors import DatelineError
from .article import Article


class ArticleError(DatelineError):
    """A file of articles cannot be read."""


@dataclass(frozen=True)
class BadRow:
    """A row that is no article.

    Attributes
    ----------
    id : str
        Its id where it has one, else its number in the file.
    error : str
        Where it stands, what was found and what was expected.
    """

    id: str
    error: str


STDIN = "-"
"""The name that means standard input."""

# What feeds and archives call the parts of an article, the likeliest name first.
_FIELDS = {
    "id": ("id", "guid", "uid", "url", "link"),
    "title": ("title", "headline", "head"),
    "text": ("text", "body", "content", "article", "maintext", "description"),
}
_ESCAPED = re.compile("[\udc80-\udcff]")
_TABLES = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")


def is_table(name: str) -> bool:
    """Say whether a file of that name holds one article a row."""
    return _kind(name) in _TABLES


def read_articles(name: str) -> Iterator[Article | BadRow]:
    """Read the articles of a file, or of standard input.

    Parameters
    ----------
    name : str
        A path, or ``"-"``. The ending says what is in it.

    Yields
    ------
    Article or BadRow
        One for each row, in order. A row without an id has its number in the file,
        from 1; a text file's article has the file's name.

    Raises
    ------
    ArticleError
        If the file cannot be opened or read, or its columns hold no text.
    """
    try:
        if name == STDIN:
            yield from _from_stdin()
        elif _kind(name) == ".parquet":
            yield from _from_parquet(name)
        else:
            with _open(name) as stream:
                yield from _from_stream(stream, name)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ArticleError(f"{name}: cannot be read: {reason}") from None


def check_readable(name: str) -> None:
    """Find out before the work whether a file of articles is there.

    Raises
    ------
    ArticleError
        If it is not, is a folder, is closed to us, or is of a form that is not read.
    """
    path = Path(name)
    if name == STDIN:
        return
    if _kind(name) == ".json":
        raise ArticleError(
            f"{name}: JSON is read with one object a line; write it so and name it "
            ".jsonl"
        )
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise ArticleError(f"{name}: cannot be read: {error.strerror}") from None


def _kind(name: str) -> str:
    path = Path(name)
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix == ".gz" else suffix


def _open(name: str) -> BinaryIO:
    if name.lower().endswith(".gz"):
        return cast(BinaryIO, gzip.open(name))
    return Path(name).open("rb")


def _from_stream(stream: BinaryIO, name: str) -> Iterator[Article | BadRow]:
    kind = _kind(name)
    if kind in (".jsonl", ".ndjson"):
        yield from _from_json_lines(stream, name)
    elif kind in (".csv", ".tsv"):
        yield from _from_csv(stream, name, "\t" if kind == ".tsv" else ",")
    else:
        yield _from_text(stream.read(), name)


def _from_stdin() -> Iterator[Article | BadRow]:
    if sys.stdin is None:
        raise ArticleError("standard input is closed; name a file")
    stream = sys.stdin.buffer
    before = []
    for line in stream:
        before.append(line)
        if line.strip():
            break
    if before and before[-1].lstrip(b"\xef\xbb\xbf \t").startswith(b"{"):
        lines = itertools.chain(before, stream)
        yield from _from_json_lines(lines, "standard input")
    else:
        yield _from_text(b"".join(before) + stream.read(), STDIN)


def _from_text(data: bytes, name: str) -> Article:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ArticleError(
            f"{name}: not UTF-8 ({error.reason} at byte {error.start + 1}); convert it "
            "to UTF-8"
        ) from None
    lines = text.replace("\r\n", "\n").strip("\n").split("\n", 2)
    if len(lines) == 3 and lines[0].strip() and not lines[1].strip():
        return Article(lines[2].strip(), lines[0].strip(), name)
    return Article("\n".join(lines).strip(), "", name)


def _from_json_lines(lines: Iterable[bytes], name: str) -> Iterator[Article | BadRow]:
    row = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        row += 1
        try:
            fields = json.loads(line.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            yield BadRow(
                str(row),
                f"{name}:{number}: not UTF-8 ({error.reason} at byte "
                f"{error.start + 1} of the line)",
            )
            continue
        except (ValueError, RecursionError) as error:
            yield BadRow(str(row), f"{name}:{number}: not valid JSON ({error})")
            continue
        if isinstance(fields, dict):
            yield _from_fields(fields, row, f"{name}:{number}")
        else:
            yield BadRow(
                str(row),
                f"{name}:{number}: expected a JSON object, found "
                f"{type(fields).__name__}",
            )


def _from_csv(
    stream: BinaryIO, name: str, delimiter: str
) -> Iterator[Article | BadRow]:
    # A cell may be as long as an article is; the limit is the process's, not ours.
    csv.field_size_limit(max(csv.field_size_limit(), 2**31 - 1))
    # Bytes that are not UTF-8 become lone surrogates, which name their row below.
    with io.TextIOWrapper(
        stream, encoding="utf-8-sig", errors="surrogateescape", newline=""
    ) as lines:
        yield from _from_csv_rows(
            csv.reader(lines, delimiter=delimiter, strict=True), name
        )


def _from_csv_rows(rows: Any, name: str) -> Iterator[Article | BadRow]:
    try:
        header = next(rows, None)
    except csv.Error as error:
        raise ArticleError(f"{name}: its header is not valid CSV ({error})") from None
    if header is None:
        return
    _check_columns(header, name)
    row = 0
    while True:
        where = f"{name}:{rows.line_num + 1}"
        try:
            cells = next(rows, None)
        except csv.Error as error:
            row += 1
            yield BadRow(str(row), f"{where}: not valid CSV ({error})")
            continue
        if cells is None:
            return
        if not cells:
            continue
        row += 1
        fields = dict(zip(header, cells, strict=False))
        if len(cells) != len(header):
            id = _first(_named(fields), "id") or str(row)
            found = f"{len(cells)} cells under {len(header)} columns"
            yield BadRow(str(id), f"{where}: {found}")
        elif any(_ESCAPED.search(cell) for cell in cells):
            yield BadRow(str(row), f"{where}: not UTF-8; convert the file to UTF-8")
        else:
            yield _from_fields(fields, row, where)


def _from_parquet(name: str) -> Iterator[Article | BadRow]:
    try:
        from pyarrow import ArrowInvalid
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise ArticleError(
            f"{name}: reading Parquet takes pyarrow: pip install 'dateline[parquet]'"
        ) from None
    try:
        with ParquetFile(name) as file:
            columns = file.schema_arrow.names
            _check_columns(columns, name)
            wanted = [c for c in columns if c.lower() in sum(_FIELDS.values(), ())]
            row = 0
            for batch in file.iter_batches(batch_size=1000, columns=wanted):
                for fields in batch.to_pylist():
                    row += 1
                    yield _from_fields(fields, row, f"{name}: row {row}")
    except ArrowInvalid as error:
        raise ArticleError(f"{name}: is no Parquet file: {error}") from None


def _check_columns(columns: Iterable[str], name: str) -> None:
    present = {column.strip().lower() for column in columns}
    if not present & {*_FIELDS["text"], *_FIELDS["title"]}:
        raise ArticleError(
            f"{name}: no column holds the text; expected one named "
            f"{', '.join(_FIELDS['text'])} or {', '.join(_FIELDS['title'])}, found "
            f"{', '.join(sorted(present)) or 'none'}"
        )


def _named(fields: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key).strip().lower(): value for key, value in fields.items()}


def _first(by_name: Mapping[str, Any], part: str) -> Any:
    """The first field of that part that says something."""
    values = [by_name[name] for name in _FIELDS[part] if name in by_name]
    return next((v for v in values if v is not None and v != ""), "")


def _from_fields(fields: Mapping[Any, Any], row: int, where: str) -> Article | BadRow:
    by_name = _named(fields)
    found: dict[str, str] = {}
    for part in _FIELDS:
        value = _first(by_name, part)
        if part == "id" and type(value) in (int, float):
            value = str(value)
        if not isinstance(value, str):
            return BadRow(
                found.get("id") or str(row),
                f"{where}: {part!r} is {type(value).__name__}, expected a string",
            )
        found[part] = value
    id = found["id"] or str(row)
    if not by_name.keys() & {*_FIELDS["text"], *_FIELDS["title"]}:
        return BadRow(
            id, f"{where}: no text; expected a field 'text' or 'title' in the row"
        )
    return Article(found["text"], found["title"], id)
