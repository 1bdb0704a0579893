"""The articles that are to be judged, and reading them from files and streams.

* A text file is one article; a first line that a blank line follows is its title.
* ``.jsonl``/``.ndjson``, ``.csv``, ``.tsv`` and ``.parquet`` hold one article a row.
* ``.html`` holds a page, ``.xml``, ``.rss`` and ``.atom`` a feed of articles.
* All of them may be gzip (``.gz``) or zstandard (``.zst``).
* A folder holds any of these, and more folders.
* Standard input is JSON lines where its first line is a JSON object, a table where it
  is a header that names a text, else a text.

A row that cannot be read becomes a :class:`BadRow` in its place: it comes out as an
answer that says so, and the rows after it are still read.
"""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from .article import Article
from .decoding import (
    LONGEST,
    UndecodableError,
    byte_lines,
    decode,
    encoding_of,
)
from .fields import _FIELDS, ArticleError, BadRow, Fields, columns_of
from .sources import (
    FEEDS,
    JSON_LINES,
    PAGES,
    SKIPPED,
    STDIN,
    TABLES,
    Meter,
    broken,
    files_of,
    is_stream,
    kind,
    open_file,
    open_stream,
)

__all__ = [
    "_FIELDS",
    "ArticleError",
    "BadRow",
    "Rows",
    "check_readable",
    "files",
    "is_table",
    "read_articles",
]

Rows = Iterator[Article | BadRow]

_ENDS = re.compile("(?<=\r)(?!\n)")


def is_table(name: str) -> bool:
    """Say whether a file of that name holds one article a row, or it is a folder."""
    return kind(name) in (*TABLES, *FEEDS) or Path(name).is_dir()


def read_articles(
    name: str, fields: Fields | None = None, meter: Meter | None = None
) -> Rows:
    """Read the articles of a file or folder, or of standard input.

    Parameters
    ----------
    name : str
        A path, or ``"-"``. The ending says what is in it.
    fields : Fields, optional
        What fields are called, and which columns are to come out again.
    meter : Meter, optional
        Is told how far reading is.

    Yields
    ------
    Article or BadRow
        One for each row, in order. A row without an id has its number in the file,
        from 1, in a folder behind the file's name; a text file's article has the
        file's name. In a folder a file that cannot be read is a bad row.

    Raises
    ------
    ArticleError
        If the file cannot be opened or read, or its columns hold no text.
    """
    fields = fields or Fields()
    if Path(name).is_dir() and name != STDIN:
        yield from _from_folder(name, fields, meter)
        return
    try:
        if is_stream(name):
            with open_stream(name) as stream:
                yield from _from_stream(stream, name, fields)
        elif kind(name) == ".parquet":
            from .parquet import read_parquet

            yield from read_parquet(name, fields, meter or Meter())
        else:
            with open_file(name, meter) as stream:
                yield from _from_file(stream, name, fields)
    except broken() as error:
        reason = getattr(error, "strerror", None) or error
        raise ArticleError(f"{name}: cannot be read: {reason}") from None


def check_readable(name: str) -> None:
    """Find out before the work whether a file or folder of articles is there.

    Raises
    ------
    ArticleError
        If it is not, is closed to us, or is of a form that is not read.
    """
    path = Path(name)
    if is_stream(name):  # a pipe that is closed once is lost
        return
    if kind(name) == ".json":
        raise ArticleError(
            f"{name}: JSON is read with one object a line; write it so and name it "
            ".jsonl"
        )
    if path.is_dir():
        files_of(name, lambda _: None)
        return
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise ArticleError(f"{name}: cannot be read: {error.strerror}") from None


def files(names: Iterable[str]) -> list[str]:
    """The files that the names stand for, folders opened."""
    found: list[str] = []
    for name in names:
        is_folder = name != STDIN and Path(name).is_dir()
        found += files_of(name, lambda _: None) if is_folder else [name]
    return found


def _from_folder(name: str, fields: Fields, meter: Meter | None) -> Rows:
    passed_over: list[str] = []
    for path in files_of(name, passed_over.append):
        try:
            for row in read_articles(path, fields, meter):
                # Numbers of rows begin anew in each file.
                own = kind(path) in TABLES and row.id.isdecimal()
                yield replace(row, id=f"{path}:{row.id}") if own else row
        except ArticleError as error:
            yield BadRow(path, str(error))
    for path in passed_over:
        fields.notes.add(SKIPPED, path)


def _from_file(stream: BinaryIO, name: str, fields: Fields) -> Rows:
    of = kind(name)
    if of in JSON_LINES:
        lines = byte_lines(stream, fields.encoding)
        yield from _from_json_lines(lines, name, fields)
    elif of in (".csv", ".tsv"):
        lines = byte_lines(stream, fields.encoding)
        first = next(lines, b"")
        delimiter = "\t" if of == ".tsv" else _delimiter(first or b"", fields) or ","
        lines = itertools.chain([first], lines)
        yield from _from_csv(lines, name, delimiter, fields)
    elif of in PAGES or of in FEEDS:
        from .web import read_feed, read_page

        data = stream.read()
        if of in FEEDS:
            yield from read_feed(data, name, fields)
        else:
            yield read_page(data, name, fields)
    else:
        yield _from_text(stream.read(), name, fields)


def _from_stream(stream: BinaryIO, name: str, fields: Fields) -> Rows:
    shown = "standard input" if name == STDIN else name
    lines = byte_lines(stream, fields.encoding)
    before: list[bytes | None] = []
    for line in lines:
        before.append(line)
        if line is None or line.strip():
            break
    first = (before[-1] if before else b"") or b""
    lines = itertools.chain(before, lines)
    if first.lstrip(b" \t").startswith(b"{"):
        yield from _from_json_lines(lines, shown, fields)
    elif delimiter := _delimiter(first, fields):
        yield from _from_csv(lines, shown, delimiter, fields)
    else:
        yield _from_text(b"".join(line or b"" for line in lines), name, fields)


def _delimiter(line: bytes, fields: Fields) -> str:
    """What parts a line's cells, if it is the header of a table; else empty."""
    text = line.decode("utf-8", "replace").rstrip("\r\n")
    parts = {*fields.names("text"), *fields.names("title")}
    for delimiter in ("\t", ",", ";", "|"):
        cells = [cell.strip(' "').lower() for cell in text.split(delimiter)]
        # A sentence has commas, too, but hardly between single words.
        if len(cells) > 1 and parts & {*cells} and not any(" " in c for c in cells):
            return delimiter
    return ""


def _from_text(data: bytes, name: str, fields: Fields) -> Article:
    try:
        encoding = fields.encoding or encoding_of(data)
        if encoding:
            text, oddity = data.decode(encoding, "replace"), ""
        else:
            text, oddity = decode(data)
        if "\0" in text:
            raise UndecodableError("not UTF-8 nor other text, for it holds zero bytes")
    except UndecodableError as error:
        raise ArticleError(f"{name}: {error}") from None
    text = text.removeprefix("\ufeff")
    if oddity:
        fields.notes.add(oddity, name)
    fields.look_at(text, name)
    lines = text.replace("\r\n", "\n").strip("\n").split("\n", 2)
    if len(lines) == 3 and lines[0].strip() and not lines[1].strip():
        return fields.article(lines[2].strip(), lines[0].strip(), name)
    return fields.article("\n".join(lines).strip(), "", name)


def _from_json_lines(lines: Iterable[bytes | None], name: str, fields: Fields) -> Rows:
    row = 0
    for number, line in enumerate(lines, 1):
        if line is not None and not line.strip():
            continue
        row += 1
        where = f"{name}:{number}"
        if line is None:
            yield BadRow(str(row), f"{where}: {_TOO_LONG}")
            continue
        try:
            text, oddity = decode(line, fields.encoding)
            # Files that were put together have marks within.
            found = json.loads(text.removeprefix("\ufeff"))
        except UndecodableError as error:
            yield BadRow(str(row), f"{where}: {error}")
            continue
        except (ValueError, RecursionError) as error:
            yield BadRow(str(row), f"{where}: not valid JSON ({error})")
            continue
        if oddity:
            fields.notes.add(oddity, where)
        if isinstance(found, dict):
            yield fields.row(found, row, where)
        else:
            yield BadRow(
                str(row),
                f"{where}: expected a JSON object, found {type(found).__name__}",
            )


_TOO_LONG = f"a line of more than {LONGEST >> 20} MB; no article is that long"


class _Lines:
    """Lines as the reader of tables takes them; it is told later which were odd."""

    def __init__(self, lines: Iterable[bytes | None], encoding: str) -> None:
        self.error, self.oddity = "", ""
        self._lines, self._encoding = lines, encoding

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            text = ""
            if line is None:
                self.error = _TOO_LONG
            else:
                try:
                    text, oddity = decode(line, self._encoding)
                    self.oddity = self.oddity or oddity
                except UndecodableError as error:
                    self.error = str(error)
                    # Its cells are to be counted all the same.
                    text = line.decode("utf-8", "replace")
            # A lone carriage return ends a line, too.
            yield from _ENDS.split(text) if "\r" in text else (text,)

    def met(self) -> tuple[str, str]:
        """What was wrong and what was odd since this was last asked."""
        found = self.error, self.oddity
        self.error = self.oddity = ""
        return found


def _from_csv(
    lines: Iterable[bytes | None], name: str, delimiter: str, fields: Fields
) -> Rows:
    # A cell may be as long as an article is; the limit is the process's, not ours.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST))
    decoded = _Lines(lines, fields.encoding)
    rows = csv.reader(decoded, delimiter=delimiter, strict=True)
    try:
        header = next(rows, None)
    except csv.Error as error:
        raise ArticleError(f"{name}: its header is not valid CSV ({error})") from None
    if header is None:
        return
    wrong, _ = decoded.met()
    if wrong:
        raise ArticleError(f"{name}: its header cannot be read: {wrong}")
    fields.check(header, name)
    row = 0
    while True:
        where = f"{name}:{rows.line_num + 1}"
        try:
            cells = next(rows, None)
        except csv.Error as error:
            row += 1
            decoded.met()
            yield BadRow(str(row), f"{where}: not valid CSV ({error})")
            continue
        wrong, oddity = decoded.met()
        if cells is None:
            return
        if not cells and not wrong:
            continue
        row += 1
        if oddity:
            fields.notes.add(oddity, where)
        yield _from_cells(header, cells, row, where, fields, wrong)


def _from_cells(
    header: list[str],
    cells: list[str],
    row: int,
    where: str,
    fields: Fields,
    wrong: str,
) -> Article | BadRow:
    if wrong:
        return BadRow(str(row), f"{where}: {wrong}")
    found: dict[str, Any] = dict(zip(header, cells, strict=False))
    read = fields.row(found, row, where)
    if len(cells) == len(header):
        return read
    said = f"{len(cells)} cells under {len(header)} columns"
    return BadRow(read.id, f"{where}: {said}", columns_of(read))
