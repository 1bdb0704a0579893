"""A run: rows are read, judged and written, from the first or from where one stopped."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .answers import (
    CHUNK,
    Answered,
    AnswerError,
    Format,
    answer_chunks,
    as_text,
    chunked,
    csv_line,
    header,
)
from .article import Article
from .claim import Claim, claimed
from .fields import ALL, ArticleError, BadRow, Fields, columns_of
from .parquet import check_parquet, count_answers, write_parquet
from .predictor import Predictor
from .progress import progress
from .resume import LAST, Done, Shape, id_as_written, mend
from .sources import Meter
from .stream import chunks_as_they_come
from .writers import PrintedLines, Writer, encoded, growing_file, partial

LEFT_OUT = (
    "rows have columns that the first ones have not and that CSV therefore leaves out; "
    "name them with --keep-columns, or write .jsonl or .parquet"
)


@dataclass(frozen=True)
class Plan:
    """How a run is to be done.

    Attributes
    ----------
    format : str
    output : Path, optional
        Default: standard output.
    resume : bool
        Go on where an earlier run with the same rows and options stopped.
    strict : bool
        Stop at the first row that cannot be read.
    jobs : int
        Threads that judge side by side.
    live : bool
        Rows come from a stream: answer what has arrived.
    fields : Fields
        How the rows were read.
    meter : Meter
        How far reading is.
    made_with : mapping of str to str
        Options on which the answers depend, as they are noted while the output is
        unfinished.
    """

    format: Format
    output: Path | None = None
    resume: bool = False
    strict: bool = False
    jobs: int = 1
    live: bool = False
    fields: Fields = field(default_factory=Fields)
    meter: Meter = field(default_factory=Meter)
    made_with: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What became of the rows: how many there were, and how many of them failed."""

    rows: int
    failed: int


def run(predictor: Predictor, rows: Iterator[Article | BadRow], plan: Plan) -> Outcome:
    """Answer rows and write the answers as they come.

    Raises
    ------
    AnswerError
        If the output cannot be written.
    ArticleError
        If rows cannot be read; what came before is written.
    """
    # The first rows are read before the output is touched: if that fails, so it stays.
    first, error = _first(rows, 1 if plan.live or plan.format != "csv" else CHUNK)
    rows = _and_then(first, error, rows)
    shape = Shape(
        plan.format,
        tuple(head.axis for head in predictor.model.heads),
        plan.fields.keep,
        _columns(first, plan),
    )
    output = plan.output
    if output is None:
        return _answer(predictor, rows, plan, shape, PrintedLines(plan.format), Done())
    parquet = plan.format == "parquet"
    if parquet:
        check_parquet(output)
    growing = partial(output) if parquet else output
    with claimed(output, growing) as claim:
        if parquet and plan.resume and output.exists() and not growing.exists():
            return _finished(output, rows)
        outcome = _into(growing, predictor, rows, plan, shape, claim)
        if parquet:
            _make_parquet(growing, output, shape)
        claim.finished = True
    return outcome


def _make_parquet(growing: Path, output: Path, shape: Shape) -> None:
    try:
        write_parquet(growing, output, shape.axes)
    except OSError as error:
        raise AnswerError(
            f"{output}: cannot be written: {error.strerror}; the answers stand in "
            f"{growing}, and --resume goes on from there"
        ) from None
    growing.unlink()


def _first(
    rows: Iterator[Article | BadRow], count: int
) -> tuple[list[Article | BadRow], ArticleError | None]:
    """The first rows, and what broke reading off behind them."""
    found: list[Article | BadRow] = []
    try:
        # As they come: what was read before an error stays.
        found.extend(itertools.islice(rows, count))
    except ArticleError as error:
        if not found:
            raise
        return found, error
    return found, None


def _and_then(
    first: list[Article | BadRow],
    error: ArticleError | None,
    rows: Iterator[Article | BadRow],
) -> Iterator[Article | BadRow]:
    yield from first
    if error is not None:
        raise error
    yield from rows


def _columns(first: list[Article | BadRow], plan: Plan) -> tuple[str, ...]:
    """The columns of the rows that CSV has, which cannot grow any later."""
    if plan.fields.keep != (ALL,):
        return plan.fields.keep
    return tuple(dict.fromkeys(c for row in first for c in columns_of(row)))


def _into(
    path: Path,
    predictor: Predictor,
    rows: Iterator[Article | BadRow],
    plan: Plan,
    shape: Shape,
    claim: Claim,
) -> Outcome:
    done = Done()
    if plan.resume:
        claim.check(plan.made_with)
        done = mend(path, shape)
        last = _skip(rows, done, plan.format, path)
        if not claim.noted:
            _check_answers(predictor, last, done, shape, path)
    claim.begin(plan.made_with)
    with growing_file(path, append=plan.resume) as writer:
        if not writer.empty:
            return _answer(predictor, rows, plan, shape, writer, done, began=True)
        return _answer(predictor, rows, plan, shape, writer, done)


def _answer(
    predictor: Predictor,
    rows: Iterator[Article | BadRow],
    plan: Plan,
    shape: Shape,
    writer: Writer,
    done: Done,
    *,
    began: bool = False,
) -> Outcome:
    if plan.format == "csv" and not began:
        writer.write(csv_line(header(shape.axes, shape.columns)))
    count, failed = done.answers, done.failed
    chunks = chunks_as_they_come(rows) if plan.live else chunked(rows)
    to_terminal = plan.output is None and sys.stdout.isatty()
    with (
        progress(plan.meter, done.answers, to_terminal=to_terminal) as bar,
        contextlib.closing(
            answer_chunks(predictor, chunks, jobs=plan.jobs)
        ) as answered,
    ):
        for chunk in answered:
            bad = [row for row, answer in chunk if isinstance(answer, BadRow)]
            if bad and plan.strict:
                chunk = chunk[: [row for row, _ in chunk].index(bad[0])]
            text = [as_text(p, plan.format, shape.axes, shape.columns) for p in chunk]
            if text:
                writer.write("".join(text))
            if bad and plan.strict:
                assert isinstance(bad[0], BadRow)
                raise ArticleError(f"{bad[0].error}; stopped there (--strict)")
            if plan.format == "csv":
                _note_left_out(chunk, plan.fields, shape)
            count += len(chunk)
            failed += len(bad)
            bar.add(len(chunk))
    return Outcome(count, failed)


def _note_left_out(chunk: list[Answered], fields: Fields, shape: Shape) -> None:
    for row, _ in chunk:
        if columns_of(row).keys() - {*shape.columns}:
            fields.notes.add(LEFT_OUT, row.id)


def _skip(
    rows: Iterator[Article | BadRow], done: Done, format: Format, output: Path
) -> list[Article | BadRow]:
    """Pass over the rows that are answered; they must be those that were asked.

    Returns
    -------
    list of Article or BadRow
        The last of them.
    """
    last = list(deque(itertools.islice(rows, done.answers), maxlen=LAST))
    if done.answers and (
        not last or id_as_written(last[-1].id, format) != done.last_id
    ):
        raise AnswerError(
            f"{output}: its {done.answers} answers are of other rows (the last is of "
            f"{done.last_id!r}); name another file or leave --resume out"
        )
    return last


def _check_answers(
    predictor: Predictor,
    rows: Sequence[Article | BadRow],
    done: Done,
    shape: Shape,
    output: Path,
) -> None:
    """See that the last answers of a file without a note are as we would give them."""
    answered = itertools.chain.from_iterable(answer_chunks(predictor, chunked(rows)))
    for (row, answer), before in zip(answered, done.last, strict=True):
        text = as_text((row, answer), shape.format, shape.axes, shape.columns)
        # Answers that say what was wrong with a row say where it lay, too.
        if before and not isinstance(answer, BadRow) and encoded(text) != before:
            raise AnswerError(
                f"{output}: the answer to {row.id!r} in it is not what this model and "
                "these options give; use those that it was made with, name another "
                "file, or leave --resume out to begin anew"
            )


def _finished(output: Path, rows: Iterator[Article | BadRow]) -> Outcome:
    """See that a finished file holds the answers to all rows."""
    done = Done(*count_answers(output))
    _skip(rows, done, "parquet", output)
    if next(rows, None) is not None:
        raise AnswerError(
            f"{output}: is finished with {done.answers} answers, and there are more "
            "rows; Parquet does not grow: name another file or leave --resume out"
        )
    return Outcome(done.answers, done.failed)
