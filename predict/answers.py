"""Answers to rows: as JSON, as CSV, as lines for people; written so that a run that
was interrupted can go on where it was.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any, Literal

from ..labels.errors import DatelineError
from .articles import Article, BadRow
from .model import Model
from .predictor import Prediction, Predictor

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
    if jobs < 0:
        jobs = os.cpu_count() or 1
    if jobs <= 1:
        yield from (_answer(predictor, row) for row in rows)
        return
    source = iter(rows)
    chunks = iter(lambda: list(itertools.islice(source, CHUNK)), [])
    waiting: deque[Future[list[Prediction | BadRow]]] = deque()
    with ProcessPoolExecutor(
        jobs, initializer=_start, initargs=(predictor.model, predictor.threshold)
    ) as pool:
        try:
            for chunk in chunks:
                waiting.append(pool.submit(_answer_chunk, chunk))
                if len(waiting) > 2 * jobs:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_of_this_process: list[Predictor] = []


def _start(model: Model, threshold: float | None) -> None:
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
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def mend(path: Path, format: Format) -> int:
    """Cut the half-written end off a file of answers and count what is whole.

    Parameters
    ----------
    path : Path
        What an interrupted run left; may be missing.
    format : str
        ``"jsonl"`` or ``"csv"``; answers for people cannot be counted.

    Returns
    -------
    int
        Answers in the file, its header not counted.

    Raises
    ------
    AnswerError
        If the file is there and holds something else than such answers.
    """
    if not path.exists():
        return 0
    try:
        with path.open("r+b") as file:
            whole, end = _count_whole(file, path, format)
            file.truncate(end)
    except OSError as error:
        raise AnswerError(f"{path}: cannot be resumed: {error.strerror}") from None
    return max(whole - (format == "csv"), 0)


def _count_whole(file: Any, path: Path, format: Format) -> tuple[int, int]:
    whole = end = position = 0
    quotes = 0
    for line in file:
        position += len(line)
        quotes += line.count(b'"')
        if not line.endswith(b"\n") or (format == "csv" and quotes % 2):
            continue  # cut short, or a line break inside a quoted cell
        if (whole == 0 or format == "jsonl") and not _is_answer(line, format):
            raise AnswerError(
                f"{path}: holds something else than {format} answers; name another "
                "file or leave --resume out"
            )
        whole, end = whole + 1, position
    return whole, end


def _is_answer(line: bytes, format: Format) -> bool:
    if format == "csv":
        return line.startswith(b"id,")
    try:
        return "id" in json.loads(line)
    except (ValueError, TypeError):
        return False
