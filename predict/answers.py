"""Answers to rows: judging them side by side, and writing them as JSON, as CSV or as
lines for people.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, Literal

from ..labels.errors import DatelineError
from .article import Article
from .articles import BadRow
from .model import Model
from .predictions import Prediction
from .predictor import Predictor

Format = Literal["text", "jsonl", "csv"]

CHUNK = 64
"""Rows that one process is handed at a time."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class AnswerError(DatelineError):
    """Answers cannot be written where they were to go."""


def answer_rows(
    predictor: Predictor, rows: Iterable[Article | BadRow], *, jobs: int = 1
) -> Iterator[Prediction | BadRow]:
    """Judge rows, in order; a bad row is its own answer.

    Parameters
    ----------
    predictor : Predictor
    rows : iterable of Article or BadRow
        May be a stream; no more than a few chunks for each process are held.
    jobs : int, default=1
        Processes that work side by side; -1 for one a core.
    """
    jobs = (os.cpu_count() or 1) if jobs < 0 else min(jobs, os.cpu_count() or 1)
    if jobs <= 1:
        yield from (_answer(predictor, row) for row in rows)
        return
    waiting: deque[Future[list[Prediction | BadRow]]] = deque()
    # Started afresh: a fork would copy threads' locks in whatever state they are.
    with ProcessPoolExecutor(
        jobs,
        mp_context=get_context("spawn"),
        initializer=_start,
        initargs=(predictor.model, predictor.threshold),
    ) as pool:
        try:
            try:
                for chunk in _chunks(rows):
                    waiting.append(pool.submit(_answer_chunk, chunk))
                    while len(waiting) > 2 * jobs or (waiting and waiting[0].done()):
                        yield from waiting.popleft().result()
            except DatelineError:
                # The source broke off; what it gave before is answered all the same.
                while waiting:
                    yield from waiting.popleft().result()
                raise
            while waiting:
                yield from waiting.popleft().result()
        except BrokenProcessPool:
            raise AnswerError(
                "a process was ended by the system, perhaps for want of memory; go on "
                "with --resume and fewer --jobs"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _chunks(rows: Iterable[Article | BadRow]) -> Iterator[list[Article | BadRow]]:
    chunk: list[Article | BadRow] = []
    try:
        for row in rows:
            chunk.append(row)
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
    except DatelineError:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


_of_this_process: list[Predictor] = []


def _start(model: Model, threshold: float | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says that it stops
    _of_this_process[:] = [Predictor(model, threshold=threshold)]


def _answer_chunk(rows: Sequence[Article | BadRow]) -> list[Prediction | BadRow]:
    return [_answer(_of_this_process[0], row) for row in rows]


def _answer(predictor: Predictor, row: Article | BadRow) -> Prediction | BadRow:
    return row if isinstance(row, BadRow) else predictor.predict(row)


def to_json(answer: Prediction | BadRow) -> dict[str, Any]:
    """An answer as one object of a JSON lines file."""
    if isinstance(answer, BadRow):
        return {"id": answer.id, "error": answer.error}
    return {"id": answer.id} | {
        axis: [vars(scored) | {"score": round(scored.score, 4)} for scored in given]
        for axis, given in answer.labels.items()
    }


def header(axes: Sequence[str]) -> list[str]:
    """The columns of answers as CSV."""
    return ["id", *(c for axis in axes for c in (axis, f"{axis}_scores")), "error"]


def to_cells(answer: Prediction | BadRow, axes: Sequence[str]) -> list[str]:
    """An answer as one row of CSV: on each axis labels and scores, joined by ``|``."""
    if isinstance(answer, BadRow):
        return [answer.id, *[""] * 2 * len(axes), answer.error]
    cells = [answer.id]
    for axis in axes:
        given = answer[axis]
        cells.append("|".join(scored.label for scored in given))
        cells.append("|".join(f"{scored.score:.4f}" for scored in given))
    return [*cells, ""]


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


def printable(text: str) -> str:
    """Text without the control characters that a terminal would obey."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def as_text(answer: Prediction | BadRow, format: Format, axes: Sequence[str]) -> str:
    """An answer in one of the formats, ending in a line break."""
    if format == "text":
        return to_lines(answer)
    if format == "jsonl":
        return json.dumps(to_json(answer), ensure_ascii=False) + "\n"
    return csv_line(to_cells(answer, axes))


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
