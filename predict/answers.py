"""Answers to rows: as JSON, as CSV, as lines for people; written so that a run that
was interrupted can go on where it was.
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
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, BinaryIO, Literal

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


@dataclass(frozen=True)
class Done:
    """What an interrupted run left behind.

    Attributes
    ----------
    answers : int
        Whole answers in the file.
    failed : int
        How many of them say that their row could not be read.
    last_id : str
        The id of the last of them.
    """

    answers: int = 0
    failed: int = 0
    last_id: str = ""


def mend(path: Path, format: Format, axes: Sequence[str]) -> Done:
    """Cut the half-written end off a file of answers and tell what is whole.

    Parameters
    ----------
    path : Path
        What an interrupted run left; may be missing.
    format : str
        ``"jsonl"`` or ``"csv"``; answers for people cannot be counted.
    axes : sequence of str
        The axes that the answers must have.

    Raises
    ------
    AnswerError
        If the file is there and holds something else than such answers; it is left
        as it is.
    """
    if not path.exists():
        return Done()
    try:
        with path.open("r+b") as file:
            read = _read_csv if format == "csv" else _read_jsonl
            done, end = read(file, axes)
            file.truncate(end)
    except OSError as error:
        raise AnswerError(f"{path}: cannot be resumed: {error.strerror}") from None
    except _NotOurs:
        raise AnswerError(
            f"{path}: holds something else than {format} answers on "
            f"{', '.join(axes)}; name another file or leave --resume out"
        ) from None
    return done


class _NotOurs(Exception):
    """A file to resume holds something that we did not write."""


def _read_jsonl(file: BinaryIO, axes: Sequence[str]) -> tuple[Done, int]:
    done, end = Done(), 0
    for line in file:
        if not line.endswith(b"\n"):
            # Cut short: ours if it begins as our answers do.
            start = b'{"id": '
            if not (line.startswith(start) or start.startswith(line)):
                raise _NotOurs
            break
        try:
            answer = json.loads(line)
        except ValueError:
            raise _NotOurs from None
        if not isinstance(answer, dict) or (
            answer.keys() != {"id", *axes} and answer.keys() != {"id", "error"}
        ):
            raise _NotOurs
        end += len(line)
        failed = done.failed + ("error" in answer)
        done = Done(done.answers + 1, failed, answer["id"])
    return done, end


def _read_csv(file: BinaryIO, axes: Sequence[str]) -> tuple[Done, int]:
    first = csv_line(header(axes)).encode("utf-8")
    line = file.readline()
    if line != first:
        if not first.startswith(line):
            raise _NotOurs
        return Done(), 0
    done, end, record = Done(), len(first), b""
    for line in file:
        record += line
        if not line.endswith(b"\n") or record.count(b'"') % 2:
            continue  # cut short, or a line break inside a quoted cell
        cells = next(csv.reader([record.decode("utf-8", errors="replace")]))
        if len(cells) != len(header(axes)):
            raise _NotOurs
        end += len(record)
        done = Done(done.answers + 1, done.failed + bool(cells[-1]), cells[0])
        record = b""
    return done, end
