"""Commands that use a model: predict, explain, labels."""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
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
    mend,
    printable,
)
from .articles import STDIN, Article, ArticleError, BadRow, is_table, read_articles
from .predictor import Explanation, Predictor

model_option = click.option(
    "-m",
    "--model",
    type=click.Path(path_type=Path),
    help="Model file. Default: the model inside the package.",
)


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
@click.option(
    "-j", "--jobs", default=1, show_default=True, help="Processes; -1: one a core."
)
@click.option(
    "-t",
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Give labels from this probability on, instead of each label's own.",
)
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
    if resume and (output is None or format == "text"):
        raise click.UsageError("--resume goes with -o and -f jsonl or csv")
    predictor = Predictor.load(model, threshold=threshold)
    rows, format = _with_format(_rows(names), names, format)
    failed = run(predictor, rows, format, output, resume=resume, jobs=jobs)
    if failed:
        click.echo(
            f"dateline: {failed} rows could not be read; their answers say why",
            err=True,
        )
        raise click.exceptions.Exit(2)


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
    rows: Iterable[Article | BadRow],
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
    done = mend(output, format) if resume and output is not None else 0
    rows = itertools.islice(rows, done, None)
    failed = 0
    with _sink(output, append=resume) as sink:
        if format == "csv" and (output is None or sink.tell() == 0):
            sink.write(csv_line(header(axes)).encode("utf-8"))
        for answer in _with_progress(answer_rows(predictor, rows, jobs=jobs), done):
            failed += isinstance(answer, BadRow)
            # A lone surrogate, which JSON can bring in, has no UTF-8.
            sink.write(as_text(answer, format, axes).encode("utf-8", errors="replace"))
            if output is None:
                sink.flush()
    return failed


@contextlib.contextmanager
def _sink(output: Path | None, *, append: bool) -> Iterator[BinaryIO]:
    if output is None:
        yield sys.stdout.buffer
        return
    try:
        file = output.open("ab" if append else "wb")
    except OSError as error:
        raise AnswerError(f"{output}: cannot be written: {error.strerror}") from None
    with file:
        yield cast(BinaryIO, file)


def _with_progress(answers: Iterator[Any], done: int) -> Iterable[Any]:
    if not sys.stderr.isatty() or sys.stdout.isatty():
        return answers
    from tqdm import tqdm

    return cast(Iterable[Any], tqdm(answers, unit=" articles", initial=done))


@click.command()
@click.argument("file", default=STDIN)
@model_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, spans included.")
@click.option(
    "-n", "--terms", default=10, show_default=True, help="Terms to show for a label."
)
def explain(file: str, model: Path | None, as_json: bool, terms: int) -> None:
    """Show the words that decided, marked in the text.

    For each label that is given (or, where none is, the likeliest): its score, what
    each term added to it or took from it, and the text with the ten strongest terms
    for it in [brackets]. Of a table, the first article is explained.
    """
    row = next(iter(read_articles(file)), None)
    if row is None:
        raise ArticleError(f"{file}: holds no article")
    if isinstance(row, BadRow):
        raise ArticleError(row.error)
    explanations = Predictor.load(model).explain(row)
    if as_json:
        found = json.dumps([_to_json(e) for e in explanations], ensure_ascii=False)
        click.echo(found.encode("utf-8", errors="replace"))
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
    lines += [_marked(explanation, name, getattr(article, name)) for name in _FIELDS]
    return printable("\n".join(line for line in lines if line is not None)) + "\n"


_FIELDS = ("title", "text")


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
