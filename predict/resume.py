"""Going on where an interrupted run stopped: what is whole in a file of answers."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .answers import AnswerError, Format, csv_line, header


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
