"""Answers to rows: judging them side by side, and writing them as JSON, as CSV or as
lines for people.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from ..labels.errors import DatelineError
from ..labels.terminal import printable, printable_json
from .article import Article
from .fields import BadRow, columns_of
from .predictions import Prediction, Scored
from .predictor import Predictor

Format = Literal["text", "jsonl", "csv", "parquet"]
Answered = tuple[Article | BadRow, Prediction | BadRow]
"""A row and its answer."""

CHUNK = 64
"""Rows that are judged together where so many are at hand."""

_FORMULA = re.compile(r"[\s\x00]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)*|\.\d+)(e[+-]?\d+)?%?|-", re.IGNORECASE)


class AnswerError(DatelineError):
    """Answers cannot be written where they were to go."""


@dataclass(frozen=True)
class Piece:
    """The answers to some rows, as they are written.

    Attributes
    ----------
    text : str
        Whole lines.
    rows, failed : int
        How many rows there were, and how many of them could not be read.
    before : str
        The lines before the first row that could not be read; empty if all could.
    error : str
        What was wrong with that row.
    left_out : tuple of str
        Ids of rows with columns that CSV has no column for.
    """

    text: str
    rows: int
    failed: int = 0
    before: str = ""
    error: str = ""
    left_out: tuple[str, ...] = ()


def answer_chunks(
    predictor: Predictor,
    chunks: Iterable[Sequence[Article | BadRow] | None],
    *,
    jobs: int = 1,
) -> Generator[list[Answered], None, None]:
    """Judge rows, in order; a bad row is its own answer.

    Parameters
    ----------
    predictor : Predictor
    chunks : iterable of sequence of Article or BadRow, or None
        May be a stream; no more than a few for each thread are held. None says that
        nothing is at hand: what is being judged comes out before more is asked for.
    jobs : int, default=1
        Threads that work side by side, as many as there are cores at the most. They
        suit a stream, which waits for nobody; an archive is answered sooner by
        :mod:`dateline.predict.processes`.

    Yields
    ------
    list of (row, answer)
        One list for each chunk.
    """
    jobs = workers_of(jobs)
    if jobs == 1:
        yield from (answered(predictor, c) for c in chunks if c is not None)
        return
    from concurrent.futures import ThreadPoolExecutor  # slow to import

    waiting: deque[Future[list[Answered]]] = deque()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            try:
                for chunk in chunks:
                    if chunk is not None:
                        waiting.append(pool.submit(answered, predictor, chunk))
                    while waiting and (
                        chunk is None or len(waiting) > 2 * jobs or waiting[0].done()
                    ):
                        yield waiting.popleft().result()
            except DatelineError:
                # The source broke off; what it gave before is answered all the same.
                while waiting:
                    yield waiting.popleft().result()
                raise
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def workers_of(jobs: int) -> int:
    """How many work side by side where so many were asked for; -1 is one a core."""
    cores = os.cpu_count() or 1
    return cores if jobs < 0 else min(jobs, cores)


def answered(predictor: Predictor, rows: Sequence[Article | BadRow]) -> list[Answered]:
    """Judge rows that are held together."""
    articles = [row for row in rows if isinstance(row, Article)]
    predictions = iter(predictor.predict_many(articles))
    return [
        (row, row if isinstance(row, BadRow) else next(predictions)) for row in rows
    ]


def chunked(
    rows: Iterable[Article | BadRow], most: int = CHUNK, characters: int | None = None
) -> Iterator[list[Article | BadRow]]:
    """Rows by the chunk; what was read before an error comes before it is raised.

    Parameters
    ----------
    rows : iterable of Article or BadRow
    most : int
        Rows of a chunk.
    characters : int, optional
        A chunk ends with the row whose text brings it to so many.
    """
    chunk: list[Article | BadRow] = []
    held = 0
    try:
        for row in rows:
            chunk.append(row)
            if characters is not None and isinstance(row, Article):
                held += len(row.text)
            if len(chunk) == most or (characters is not None and held >= characters):
                yield chunk
                chunk, held = [], 0
    except DatelineError:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


def named_apart(name: str, axes: Sequence[str], others: Iterable[str] = ()) -> str:
    """What a column is called in an answer, which has names of its own.

    Parameters
    ----------
    name : str
    axes : sequence of str
    others : iterable of str
        All columns of the row.
    """
    taken = {"id", "error", *axes, *(f"{axis}_scores" for axis in axes)}
    if name not in taken:
        return name
    taken |= {*others}
    while name in taken:
        name = f"input_{name}"
    return name


def to_json(
    answer: Prediction | BadRow, columns: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """An answer as one object of a JSON lines file."""
    if isinstance(answer, BadRow):
        return {"id": answer.id, "error": answer.error} | dict(columns or {})
    return (
        {"id": answer.id}
        | {
            axis: [
                {
                    "label": s.label,
                    "name": s.name,
                    "code": s.code,
                    "score": round(s.score, 4),
                }
                for s in given
            ]
            for axis, given in answer.labels.items()
        }
        | dict(columns or {})
    )


def json_line(value: object) -> str:
    """A value as a line of JSON that no terminal obeys, ending in a line break."""
    return printable_json(json.dumps(value, ensure_ascii=False)) + "\n"


@lru_cache(maxsize=4096)
def _label_json(label: str, name: str, code: str) -> str:
    """What is the same in every answer that gives a label."""
    fixed = json_line({"label": label, "name": name, "code": code, "score": 0})
    return fixed.removesuffix("0}\n")


def _scored_json(scored: Scored) -> str:
    fixed = _label_json(scored.label, scored.name, scored.code)
    return f"{fixed}{round(scored.score, 4)!r}}}"


def header(axes: Sequence[str], columns: Sequence[str] = ()) -> list[str]:
    """The columns of answers as CSV."""
    ours = ["id", *(c for axis in axes for c in (axis, f"{axis}_scores")), "error"]
    return [*ours, *(defused(named_apart(c, axes, columns)) for c in columns)]


def to_cells(answer: Prediction | BadRow, axes: Sequence[str]) -> list[str]:
    """An answer as one row of CSV: on each axis labels and scores, joined by ``|``."""
    if isinstance(answer, BadRow):
        return [defused(answer.id), *[""] * 2 * len(axes), defused(answer.error)]
    cells = [defused(answer.id)]
    for axis in axes:
        given = answer[axis]
        cells.append("|".join(scored.label for scored in given))
        cells.append("|".join(f"{scored.score:.4f}" for scored in given))
    return [*cells, ""]


def defused(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    What begins as one gets an apostrophe before it, numbers excepted: ids and titles
    are strangers' words, and CSV is what is opened with a click. JSON lines and
    Parquet hold everything as it was.
    """
    if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def to_lines(answer: Prediction | BadRow) -> str:
    """An answer for people, ending in a line break."""
    if isinstance(answer, BadRow):
        return f"{printable(answer.id)}\n  error: {printable(answer.error)}\n"
    width = max(map(len, answer.labels), default=0)
    lines = [printable(answer.id)] if answer.id else []
    for axis, given in answer.labels.items():
        shown = ", ".join(f"{s.name} {s.score:.2f}" for s in given) or "none"
        lines.append(f"  {axis:<{width}}  {printable(shown)}")
    return "\n".join(lines) + "\n"


def as_text(
    answered: Answered, format: Format, axes: Sequence[str], columns: Sequence[str] = ()
) -> str:
    """An answer in one of the formats, ending in a line break.

    Parameters
    ----------
    answered : (row, answer)
    format : str
        As ``"parquet"`` it is a line of JSON, of which Parquet is made in the end.
    axes : sequence of str
    columns : sequence of str
        Those of the rows that become columns of CSV.
    """
    row, answer = answered
    if format == "text":
        return to_lines(answer)
    kept = columns_of(row)
    if format == "csv":
        cells = (defused(_cell(kept.get(column))) for column in columns)
        return csv_line([*to_cells(answer, axes), *cells])
    named = {named_apart(key, axes, kept): value for key, value in kept.items()}
    if isinstance(answer, BadRow) or named:
        return json_line(to_json(answer, named))
    parts = [f'"id": {json.dumps(answer.id, ensure_ascii=False)}']
    for axis, given in answer.labels.items():
        labels = ", ".join(map(_scored_json, given))
        parts.append(f"{json.dumps(axis, ensure_ascii=False)}: [{labels}]")
    return "{" + printable_json(", ".join(parts)) + "}\n"


def as_piece(
    answers: Sequence[Answered],
    format: Format,
    axes: Sequence[str],
    columns: Sequence[str] = (),
) -> Piece:
    """Answers as they are written; of the options :func:`as_text` tells."""
    lines = [as_text(one, format, axes, columns) for one in answers]
    bad = [(n, a) for n, (_, a) in enumerate(answers) if isinstance(a, BadRow)]
    first, error = (bad[0][0], bad[0][1].error) if bad else (0, "")
    left_out: list[str] = []
    if format == "csv":
        kept = {*columns}
        left_out = [row.id for row, _ in answers if columns_of(row).keys() - kept]
    return Piece(
        text="".join(lines),
        rows=len(lines),
        failed=len(bad),
        before="".join(lines[:first]),
        error=error,
        left_out=tuple(left_out),
    )


def _cell(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def csv_line(cells: Sequence[str]) -> str:
    """One row of CSV, ending in a line break."""
    line = io.StringIO()
    # A lone carriage return splits rows for some readers unless it is quoted.
    if any("\r" in cell for cell in cells):
        writer = csv.writer(line, lineterminator="\n", quoting=csv.QUOTE_ALL)
    else:
        writer = csv.writer(line, lineterminator="\n")
    writer.writerow(cells)
    return line.getvalue()
