"""The articles that are to be judged, and reading them from files and streams.

* A text file is one article; a first line that a blank line follows is its title.
* ``.jsonl``/``.ndjson``, ``.csv``, ``.tsv`` and ``.parquet`` hold one article a row.
* ``.html`` holds a page, ``.xml``, ``.rss`` and ``.atom`` a feed of articles.
* All of them may be gzip (``.gz``) or zstandard (``.zst``).
* A folder holds any of these, and more folders.
* Standard input is JSON lines where its first line is a JSON object, a table where it
  is a header that names a text, a page or a feed where its first tag is that of one,
  else a text.

A row that cannot be read becomes a :class:`BadRow` in its place: it comes out as an
answer that says so, and the rows after it are still read.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from .article import Article
from .decoding import (
    UndecodableError,
    byte_lines,
    decode,
    encoding_of,
    is_wide,
    peek,
)
from .fields import _FIELDS, ArticleError, BadRow, Fields
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
from .tables import TOO_LONG, Rows, find_delimiter, read_csv, read_json_lines

# The first tag behind declarations and comments, and what the document says it is.
_ROOT = re.compile(
    rb"(?:\s|<\?.*?\?>|<!--.*?-->"
    rb"|<!doctype\s+(?P<type>[\w:.-]+)[^>\[]*(?:\[.*?\]\s*)?>)*"
    rb"(?:<(?P<tag>[\w:.-]+))?",
    re.IGNORECASE | re.DOTALL,
)

_HEAD = 1 << 16

__all__ = [
    "_FIELDS",
    "ArticleError",
    "BadRow",
    "Rows",
    "check_readable",
    "files",
    "is_table",
    "read_articles",
    "read_stream",
]


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
                yield from read_stream(stream, name, fields)
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


def read_stream(stream: BinaryIO, name: str, fields: Fields) -> Rows:
    """Read the articles of an open file, unpacked, in the form that its name says.

    Parameters
    ----------
    stream : binary file
        Buffered, of any kind but Parquet.
    name : str
    fields : Fields
    """
    of = kind(name)
    if of in JSON_LINES:
        lines = byte_lines(stream, fields.encoding)
        yield from read_json_lines(lines, name, fields)
    elif of in (".csv", ".tsv"):
        lines = byte_lines(stream, fields.encoding)
        first = next(lines, b"")
        delimiter = (
            "\t" if of == ".tsv" else find_delimiter(first or b"", fields) or ","
        )
        lines = itertools.chain([first], lines)
        yield from read_csv(lines, name, delimiter, fields)
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
    start = peek(stream)
    if is_wide(fields.encoding or encoding_of(start)):
        whole = replace(fields, encoding="utf-8")  # what byte_lines makes of it
    else:
        whole = fields
    lines = byte_lines(stream, fields.encoding)
    before: list[bytes | None] = []
    for line in lines:
        before.append(line)
        if line is None or line.strip():
            break
    first = before[-1] if before else b""
    if first is None:  # too long to be held; what it is shows at its head
        first = start
    lines = itertools.chain(before, lines)
    if first.lstrip(b" \t").startswith(b"{"):
        yield from read_json_lines(lines, shown, fields)
        return
    if delimiter := find_delimiter(first, fields):
        yield from read_csv(lines, shown, delimiter, fields)
        return
    found = list(lines)
    data = b"".join(line for line in found if line is not None)
    if None in found:
        yield BadRow(name, f"{shown}: {TOO_LONG}")
    elif is_feed(data):
        from .web import read_feed

        yield from read_feed(data, shown, whole)
    elif is_page(data):
        from .web import read_page

        yield replace(read_page(data, shown, whole), id=name)
    else:
        yield _from_text(data, name, whole)


def is_page(data: bytes) -> bool:
    """Whether bytes begin as an HTML page."""
    found = _ROOT.match(data[:_HEAD])
    return found is not None and (
        (found["type"] or b"").lower() == b"html"
        or (found["tag"] or b"").lower() in (b"html", b"head", b"body")
    )


def is_feed(data: bytes) -> bool:
    """Whether bytes begin as an RSS or Atom feed."""
    found = _ROOT.match(data[:_HEAD])
    return found is not None and (
        (found["tag"] or b"").lower() in (b"rss", b"feed", b"rdf:rdf")
    )


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
