"""Going on where an interrupted run stopped: what is whole in a file of answers."""

from __future__ import annotations

import csv
import json
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from .answers import AnswerError, Format, csv_line, defused, header, named_apart
from .fields import ALL
from .writers import encoded

LAST = 64
"""Answers at the end of a file that may be compared with what would be given now."""


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
        The id of the last of them, as it stands in the file.
    last : tuple of bytes
        The last ones as they stand there, empty where they are errors.
    """

    answers: int = 0
    failed: int = 0
    last_id: str = ""
    last: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Shape:
    """What the answers of a run look like.

    Attributes
    ----------
    format : str
        ``"jsonl"`` or ``"csv"``; answers for people cannot be counted.
    axes : tuple of str
        The axes that the answers have.
    keep : tuple of str
        Columns of the rows that come out again, ``("all",)`` for all of them.
    columns : tuple of str
        Those that become columns of CSV.
    """

    format: Format
    axes: tuple[str, ...]
    keep: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


def id_as_written(id: str, format: Format) -> str:
    """How an id stands in a file of answers."""
    return encoded(defused(id) if format == "csv" else id).decode("utf-8")


def mend(path: Path, shape: Shape) -> Done:
    """Cut the half-written end off a file of answers and tell what is whole.

    Parameters
    ----------
    path : Path
        What an interrupted run left; may be missing.
    shape : Shape
        What the answers must look like.

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
            read = _read_csv if shape.format == "csv" else _read_jsonl
            done, end = read(file, shape)
            file.truncate(end)
    except OSError as error:
        raise AnswerError(f"{path}: cannot be resumed: {error.strerror}") from None
    except _NotOurs:
        form = "csv" if shape.format == "csv" else "jsonl"
        kept = f" with {', '.join(shape.keep)} kept" if shape.keep else ""
        raise AnswerError(
            f"{path}: holds something else than {form} answers on "
            f"{', '.join(shape.axes)}{kept}; name another file or leave --resume out"
        ) from None
    return done


class _NotOurs(Exception):
    """A file to resume holds something that we did not write."""


def _read_jsonl(file: BinaryIO, shape: Shape) -> tuple[Done, int]:
    done, end, last = Done(), 0, deque[bytes](maxlen=LAST)
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
        if not isinstance(answer, dict) or not _has_shape(answer, shape):
            raise _NotOurs
        end += len(line)
        failed = "error" in answer
        done = Done(done.answers + 1, done.failed + failed, answer["id"])
        last.append(b"" if failed else line)
    return replace(done, last=tuple(last)), end


def _has_shape(answer: dict[str, object], shape: Shape) -> bool:
    if not isinstance(answer.get("id"), str):
        return False
    failed = "error" in answer
    ours = {"id", "error"} if failed else {"id", *shape.axes}
    others = answer.keys() - ours
    if not ours <= answer.keys() or (others and not shape.keep):
        return False
    # A row that could not be read may have no columns at all.
    if shape.keep in ((), (ALL,)) or (failed and not others):
        return True
    return others == {named_apart(c, shape.axes, shape.keep) for c in shape.keep}


def _read_csv(file: BinaryIO, shape: Shape) -> tuple[Done, int]:
    columns = header(shape.axes, shape.columns)
    first = encoded(csv_line(columns))
    line = file.read(len(first))
    if line != first:
        if not first.startswith(line):
            raise _NotOurs
        return Done(), 0
    done, end, record, quotes = Done(), len(first), b"", 0
    error, last = len(header(shape.axes)) - 1, deque[bytes](maxlen=LAST)
    for line in file:
        record += line
        quotes += line.count(b'"')
        if not line.endswith(b"\n") or quotes % 2:
            continue  # cut short, or a line break inside a quoted cell
        cells = next(csv.reader([record.decode("utf-8", errors="replace")]))
        if len(cells) != len(columns):
            raise _NotOurs
        end += len(record)
        failed = bool(cells[error])
        done = Done(done.answers + 1, done.failed + failed, cells[0])
        last.append(b"" if failed else record)
        record, quotes = b"", 0
    return replace(done, last=tuple(last)), end
