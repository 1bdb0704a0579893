"""A run: rows are read, judged and written, from the first or from where one stopped."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .answers import (
    CHUNK,
    AnswerError,
    Format,
    Piece,
    answer_chunks,
    as_piece,
    as_text,
    chunked,
    csv_line,
    header,
    workers_of,
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

FEW = 4096
"""Rows that are answered before any process is started. One takes .4 s until it is ready
(.24 to .45), in which 3,000 articles of 400 words are answered here: so few would win
nothing.
"""

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
        Processes that judge side by side, -1 for one a core; of a stream, threads.
    model : Path, optional
        Where processes find the model. Default: the one inside the package.
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
    model: Path | None = None
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
    to_terminal = plan.output is None and sys.stdout.isatty()
    with (
        progress(plan.meter, done.answers, to_terminal=to_terminal) as bar,
        contextlib.closing(_pieces(predictor, rows, plan, shape)) as pieces,
    ):
        for piece in pieces:
            text = piece.before if plan.strict and piece.failed else piece.text
            if text:
                writer.write(text)
            if plan.strict and piece.failed:
                raise ArticleError(f"{piece.error}; stopped there (--strict)")
            for id in piece.left_out:
                plan.fields.notes.add(LEFT_OUT, id)
            count += piece.rows
            failed += piece.failed
            bar.add(piece.rows)
    return Outcome(count, failed)


def _pieces(
    predictor: Predictor, rows: Iterator[Article | BadRow], plan: Plan, shape: Shape
) -> Generator[Piece, None, None]:
    """Answers, in order, by whoever is to give them."""
    jobs = workers_of(plan.jobs)
    alone = jobs == 1 or plan.live
    chunks = (
        chunks_as_they_come(rows)
        if plan.live
        else chunked(rows if alone else itertools.islice(rows, FEW))
    )
    with contextlib.closing(
        answer_chunks(predictor, chunks, jobs=jobs if plan.live else 1)
    ) as answers:
        for chunk in answers:
            yield as_piece(chunk, shape.format, shape.axes, shape.columns)
    more = [] if alone else list(itertools.islice(rows, 1))
    if not more:
        return
    from .processes import CHARACTERS, ROWS, pieces_by_processes

    yield from pieces_by_processes(
        predictor,
        plan.model,
        chunked(itertools.chain(more, rows), ROWS, CHARACTERS),
        shape,
        jobs,
    )


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
