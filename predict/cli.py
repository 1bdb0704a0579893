"""Commands that use a model: predict, explain, labels."""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import click

from .answers import (
    AnswerError,
    Format,
    answer_rows,
    as_text,
    csv_line,
    header,
    printable,
)
from .article import Article
from .articles import (
    STDIN,
    ArticleError,
    BadRow,
    check_readable,
    is_table,
    read_articles,
)
from .options import jobs_option, model_option, threshold_option
from .predictions import Explanation
from .predictor import Predictor
from .resume import Done, mend


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@model_option
@click.option(
    "-f",
    "--format",
    type=click.Choice(["text", "jsonl", "csv"]),
    help="Form of the answers. Default: text for text files, jsonl for tables.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write the answers there."
)
@click.option(
    "--resume", is_flag=True, help="Go on where an interrupted run with -o stopped."
)
@jobs_option
@threshold_option
def predict(
    files: tuple[str, ...],
    model: Path | None,
    format: Format | None,
    output: Path | None,
    resume: bool,
    jobs: int,
    threshold: float | None,
) -> None:
    """Say which regions and topics articles are about.

    A FILE is a text (one article; a first line that a blank line follows is its
    title) or a table with one article a row: .jsonl, .csv, .tsv, .parquet, and .gz of
    them. '-' or nothing reads standard input.
    """
    names = files or (STDIN,)
    if resume and output is None:
        raise click.UsageError(_RESUME)
    if names.count(STDIN) > 1:
        raise click.UsageError("standard input can be read only once")
    for name in names:
        check_readable(name)
    if output is not None:
        _check_output(output, names)
    predictor = Predictor.load(model, threshold=threshold)
    rows, format = _with_format(_rows(names), names, format)
    if resume and format == "text":
        raise click.UsageError(_RESUME)
    failed = run(predictor, rows, format, output, resume=resume, jobs=jobs)
    if failed:
        click.echo(
            f"dateline: {failed} rows could not be read; their answers say why",
            err=True,
        )
        raise click.exceptions.Exit(2)


_RESUME = "--resume goes with -o and -f jsonl or csv"


def _check_output(output: Path, names: Sequence[str]) -> None:
    inputs = [Path(name) for name in names if name != STDIN]
    if output.exists() and any(output.samefile(path) for path in inputs):
        raise AnswerError(
            f"{output}: is read from and cannot be written to as well; name another "
            "file with -o"
        )


def _rows(names: Sequence[str]) -> Iterator[Article | BadRow]:
    for name in names:
        yield from read_articles(name)


def _with_format(
    rows: Iterator[Article | BadRow], names: Sequence[str], format: Format | None
) -> tuple[Iterator[Article | BadRow], Format]:
    """Choose the form of the answers; standard input shows only when read."""
    if format is not None:
        return rows, format
    if any(is_table(name) for name in names):
        return rows, "jsonl"
    if STDIN not in names:
        return rows, "text"
    first = list(itertools.islice(rows, 1))
    is_text = bool(first) and isinstance(first[0], Article) and first[0].id == STDIN
    return itertools.chain(first, rows), "text" if is_text else "jsonl"


def run(
    predictor: Predictor,
    rows: Iterator[Article | BadRow],
    format: Format,
    output: Path | None,
    *,
    resume: bool = False,
    jobs: int = 1,
) -> int:
    """Answer rows and write the answers as they come.

    Returns
    -------
    int
        How many rows could not be read.

    Raises
    ------
    AnswerError
        If the output cannot be written.
    """
    axes = [head.axis for head in predictor.model.heads]
    # The first row is read before the output is touched: if that fails, so it stays.
    first = list(itertools.islice(rows, 1))
    rows = itertools.chain(first, rows)
    done = Done()
    if resume and output is not None:
        done = mend(output, format, axes)
        _skip(rows, done, output)
    failed = done.failed
    with _sink(output, append=resume) as sink:
        if format == "csv" and (output is None or sink.tell() == 0):
            sink.write(csv_line(header(axes)).encode("utf-8"))
        answers = answer_rows(predictor, rows, jobs=jobs)
        hidden = not sys.stderr.isatty() or (output is None and sys.stdout.isatty())
        for answer in answers if hidden else _with_progress(answers, done.answers):
            failed += isinstance(answer, BadRow)
            # A lone surrogate, which JSON can bring in, has no UTF-8.
            sink.write(as_text(answer, format, axes).encode("utf-8", errors="replace"))
            if output is None:
                sink.flush()
    return failed


def _skip(rows: Iterator[Article | BadRow], done: Done, output: Path) -> None:
    """Pass over the rows that are answered; they must be those that were asked."""
    skipped = list(deque(itertools.islice(rows, done.answers), maxlen=1))
    if done.answers and (not skipped or skipped[0].id != done.last_id):
        raise AnswerError(
            f"{output}: its {done.answers} answers are of other rows (the last is of "
            f"{done.last_id!r}); name another file or leave --resume out"
        )


@contextlib.contextmanager
def _sink(output: Path | None, *, append: bool) -> Iterator[BinaryIO]:
    if output is None:
        yield sys.stdout.buffer
        return
    try:
        with output.open("ab" if append else "wb") as file:
            yield cast(BinaryIO, file)
    except OSError as error:
        raise AnswerError(
            f"{output}: cannot be written: {error.strerror}; what is in it stays, and "
            "--resume goes on from there"
        ) from None


def _with_progress(answers: Iterator[Any], done: int) -> Iterable[Any]:
    from tqdm import tqdm

    return cast(Iterable[Any], tqdm(answers, unit=" articles", initial=done))


@click.command()
@click.argument("file", default=STDIN)
@model_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, spans included.")
@click.option(
    "-n",
    "--terms",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Terms to show for a label.",
)
def explain(file: str, model: Path | None, as_json: bool, terms: int) -> None:
    """Show the words that decided, marked in the text.

    For each label that is given (or, where none is, the likeliest): its score, what
    each term added to it or took from it, and the text with the ten strongest terms
    for it in [brackets]. Of a table, the first article is explained.
    """
    check_readable(file)
    row = next(iter(read_articles(file)), None)
    if row is None:
        raise ArticleError(f"{file}: holds no article")
    if isinstance(row, BadRow):
        raise ArticleError(row.error)
    explanations = Predictor.load(model).explain(row)
    if as_json:
        click.echo(json.dumps([_to_json(e) for e in explanations], ensure_ascii=False))
        return
    if not explanations:
        click.echo("No term of the article is known to the model: no label.")
    for explanation in explanations:
        click.echo(_shown(explanation, row, terms))


def _to_json(explanation: Explanation) -> dict[str, Any]:
    return vars(explanation) | {
        "evidence": [
            vars(evidence) | {"spans": [vars(span) for span in evidence.spans]}
            for evidence in explanation.evidence
        ]
    }


def _shown(explanation: Explanation, article: Article, terms: int) -> str:
    verdict = "given" if explanation.score >= explanation.threshold else "not given"
    lines = [
        f"{explanation.axis}: {explanation.name} {explanation.score:.2f}"
        f" ({verdict}; threshold {explanation.threshold:.2f},"
        f" linear score {explanation.decision:+.2f} of which"
        f" {explanation.bias:+.2f} without any term)",
    ]
    for evidence in explanation.evidence[:terms]:
        times = f" x{len(evidence.spans)}" if len(evidence.spans) > 1 else ""
        lines.append(f"  {evidence.contribution:+.3f}  {evidence.term}{times}")
    rest = explanation.evidence[terms:]
    if rest:
        total = sum(evidence.contribution for evidence in rest)
        lines.append(f"  {total:+.3f}  ({len(rest)} more terms)")
    lines.append("")
    lines += [
        _marked(explanation, "title", article.title),
        _marked(explanation, "text", article.text),
    ]
    return printable("\n".join(lines)) + "\n"


def _marked(explanation: Explanation, field: str, text: str) -> str:
    """The field with the strongest terms for the label in brackets."""
    for_it = [e for e in explanation.evidence if e.contribution > 0][:10]
    inside = bytearray(len(text) + 1)
    for evidence in for_it:
        for span in evidence.spans:
            if span.field == field:
                inside[span.start : span.end] = b"\x01" * (span.end - span.start)
    parts = []
    for position, char in enumerate(text):
        before = position and inside[position - 1]
        if inside[position] and not before:
            parts.append("[")
        if before and not inside[position]:
            parts.append("]")
        parts.append(char)
    if text and inside[len(text) - 1]:
        parts.append("]")
    return "".join(parts)


@click.command()
@model_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def labels(model: Path | None, as_json: bool) -> None:
    """List the labels of a model with their codes, names and countries.

    A label that the model's taxonomy has but that it was not trained on is marked.
    """
    predictor = Predictor.load(model)
    if as_json:
        click.echo(json.dumps(predictor.taxonomy.to_json(), ensure_ascii=False))
        return
    for axis in predictor.taxonomy:
        known = predictor.model.known.get(axis.id, ())
        click.echo(f"{axis.id} ({axis.name})")
        for label in axis:
            note = "" if label.id in known else "  (not in this model)"
            countries = f"  {' '.join(label.countries)}" if label.countries else ""
            click.echo(
                f"  {label.id:<34} {label.code:<16} {label.name}{countries}{note}"
            )
