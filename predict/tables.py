"""Tables with one article a row: JSON lines, and CSV with whatever separator."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from .article import Article
from .decoding import LONGEST, UndecodableError, decode
from .fields import ArticleError, BadRow, Fields, columns_of

Rows = Iterator[Article | BadRow]
"""What reading gives: one for each row, in order."""

_ENDS = re.compile("(?<=\r)(?!\n)")
TOO_LONG = f"a line of more than {LONGEST >> 20} MB; no article is that long"
"""What is said of what :func:`~dateline.predict.decoding.byte_lines` leaves out."""


def find_delimiter(line: bytes, fields: Fields) -> str:
    """What parts a line's cells, if it is the header of a table; else empty.

    Parameters
    ----------
    line : bytes
    fields : Fields
        A header names the text or the title as they say.
    """
    text = line.decode("utf-8", "replace").rstrip("\r\n")
    parts = {*fields.names("text"), *fields.names("title")}
    for delimiter in ("\t", ",", ";", "|"):
        cells = [cell.strip(' "').lower() for cell in text.split(delimiter)]
        # A sentence has commas, too, but hardly between single words.
        if len(cells) > 1 and parts & {*cells} and not any(" " in c for c in cells):
            return delimiter
    return ""


def read_json_lines(lines: Iterable[bytes | None], name: str, fields: Fields) -> Rows:
    """Read the articles of JSON lines.

    Parameters
    ----------
    lines : iterable of bytes or None
        As :func:`~dateline.predict.decoding.byte_lines` gives them.
    name : str
        Of the file, for messages.
    fields : Fields
    """
    row = 0
    for number, line in enumerate(lines, 1):
        if line is not None and not line.strip():
            continue
        row += 1
        where = f"{name}:{number}"
        if line is None:
            yield BadRow(str(row), f"{where}: {TOO_LONG}")
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


class _Lines:
    """Lines as the reader of tables takes them; it is told later which were odd."""

    def __init__(self, lines: Iterable[bytes | None], encoding: str) -> None:
        self.error, self.oddity = "", ""
        self._lines, self._encoding = lines, encoding

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            text = ""
            if line is None:
                self.error = TOO_LONG
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


def read_csv(
    lines: Iterable[bytes | None], name: str, delimiter: str, fields: Fields
) -> Rows:
    """Read the articles of a table with a header; see :func:`read_json_lines`.

    Raises
    ------
    ArticleError
        If the header cannot be read or names no text.
    """
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
