"""Commands that use a model: predict, explain, labels."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ..labels.terminal import printable
from .answers import AnswerError, Format, json_line
from .article import Article
from .articles import check_readable, is_table, read_articles
from .articles import files as files_in
from .claim import note_of
from .fields import ArticleError, BadRow, Fields
from .model import BUNDLED
from .notes import Notes
from .options import (
    column_names,
    field_options,
    jobs_option,
    model_option,
    scheduler_option,
    threshold_option,
)
from .predictions import Explanation
from .predictor import Predictor
from .run import Outcome, Plan, run
from .sources import JSON_LINES, PACKED, STDIN, Meter, is_stream
from .writers import partial

if TYPE_CHECKING:
    from .parts import Job


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@model_option
@click.option(
    "-f",
    "--format",
    type=click.Choice(["text", "jsonl", "csv", "parquet"]),
    help="Form of the answers. Default: what the name behind -o ends in, else text for "
    "text files, jsonl for tables.",
)
@click.option(
    "-o",
    "--output",
    "written",
    type=click.Path(),
    help="Write the answers there; with --scheduler, into that folder.",
)
@click.option(
    "--resume", is_flag=True, help="Go on where an interrupted run with -o stopped."
)
@click.option(
    "--strict", is_flag=True, help="Stop at the first row that cannot be read."
)
@click.option(
    "--keep-columns",
    "keep",
    metavar="COLUMNS",
    callback=column_names,
    help="Give these columns of the rows out again, parted by commas; 'all' of them.",
)
@field_options
@jobs_option
@threshold_option
@scheduler_option(
    "Let the workers of this Dask cluster answer, such as tcp://head:8786. FILEs and "
    "-o may then be paths with wildcards and URLs that fsspec knows."
)
@click.pass_context
def predict(
    ctx: click.Context,
    files: tuple[str, ...],
    model: Path | None,
    format: Format | None,
    written: str | None,
    resume: bool,
    strict: bool,
    keep: tuple[str, ...],
    text: str,
    title: str,
    id: str,
    encoding: str,
    jobs: int,
    threshold: float | None,
    scheduler: str | None,
) -> None:
    """Say which regions and topics articles are about.

    A FILE is a text (one article; a first line that a blank line follows is its
    title), a table with one article a row (.jsonl, .csv, .tsv, .parquet), a page
    (.html), a feed (.xml, .rss, .atom), .gz or .zst of them, or a folder. '-' or
    nothing reads standard input, and answers as lines arrive.
    """
    names = files or (STDIN,)
    reading = Fields(text, title, id, keep, encoding)
    if scheduler is not None:
        _check_for_cluster(ctx, names, format, written, strict)
        assert written is not None
        from .parts import Job  # takes Dask, where that is installed, and long

        job = Job(format or "parquet", written, reading, threshold)
        _finish(reading.notes, _on_cluster(scheduler, names, model, job, resume))
        return
    output = Path(written) if written is not None else None
    if resume and output is None:
        raise click.UsageError(_RESUME)
    if names.count(STDIN) > 1:
        raise click.UsageError("standard input can be read only once")
    for name in names:
        check_readable(name)
    format = format or _format_of(output)
    if format == "parquet" and output is None:
        raise click.UsageError("-f parquet goes with -o")
    if output is not None:
        _check_output(output, names)
    predictor = Predictor.load(model, threshold=threshold)
    meter = Meter.of(files_in(names))
    rows, format = _with_format(_rows(names, reading, meter), names, format)
    if resume and format == "text":
        raise click.UsageError(_RESUME)
    live = any(map(is_stream, names))
    made_with = _made_with(model, format, threshold, reading) if output else {}
    plan = Plan(
        format=format,
        output=output,
        resume=resume,
        strict=strict,
        jobs=jobs,
        model=model,
        live=live,
        fields=reading,
        meter=meter,
        made_with=made_with,
    )
    _finish(reading.notes, run(predictor, rows, plan))


def _finish(notes: Notes, outcome: Outcome) -> None:
    for line in notes.lines():
        click.echo(printable(f"dateline: note: {line}"), err=True)
    if outcome.failed:
        click.echo(
            f"dateline: {outcome.rows} rows; {outcome.failed} rows could not be read; "
            "their answers say why",
            err=True,
        )
        raise click.exceptions.Exit(2)


def _check_for_cluster(
    ctx: click.Context,
    names: Sequence[str],
    format: Format | None,
    output: str | None,
    strict: bool,
) -> None:
    """Refuse what makes no sense on a cluster."""
    if STDIN in names:
        raise click.UsageError(
            "--scheduler reads files, not standard input; name paths that every worker "
            "reaches"
        )
    if output is None:
        raise click.UsageError("--scheduler goes with -o FOLDER")
    if format not in (None, "parquet", "jsonl"):
        raise click.UsageError(f"--scheduler writes parquet or jsonl, not {format}")
    if strict:
        raise click.UsageError(
            "--strict stops at the first bad row, and on a cluster none is the first; "
            "leave it out, and look at the column 'error'"
        )
    if ctx.get_parameter_source("jobs") is not ParameterSource.DEFAULT:
        raise click.UsageError(
            "-j is for one machine; on a cluster its workers are what works side by "
            "side (dask worker --nworkers)"
        )


def _on_cluster(
    address: str, names: Sequence[str], model: Path | None, job: Job, resume: bool
) -> Outcome:
    from .cluster import connected
    from .cluster_run import model_bytes, predict_on_cluster
    from .stores import files_at

    data = model_bytes(model, job.threshold)
    go_on = "What was written stays, and the same command with --resume goes on"
    with connected(address, go_on) as client:
        files = files_at(names)
        outcome, notes = predict_on_cluster(client, data, files, job, resume)
    job.fields.notes.add_all(notes)
    return outcome


_RESUME = "--resume goes with -o and -f jsonl, csv or parquet"


def _format_of(output: Path | None) -> Format | None:
    """The form that the name of an output says."""
    ending = output.suffix.lower() if output is not None else ""
    if ending in PACKED:
        raise click.UsageError(
            f"{output}: answers are not packed; leave {ending} out of the name and "
            "pack the file afterwards"
        )
    forms: dict[str, Format] = {".csv": "csv", ".parquet": "parquet"}
    return "jsonl" if ending in JSON_LINES else forms.get(ending)


def _check_output(output: Path, names: Sequence[str]) -> None:
    # Parquet grows under another name first, and the note lies beside the file itself.
    ours = (output, partial(output), note_of(Path(os.path.realpath(output))))
    paths = [path for path in ours if path.exists()]
    for name in files_in(name for name in names if name != STDIN):
        if any(path.samefile(name) for path in paths):
            raise AnswerError(
                f"{output}: is read from and cannot be written to as well; name "
                "another file with -o"
            )
    for name in names:
        if name != STDIN and Path(name).resolve() in output.resolve().parents:
            raise AnswerError(
                f"{output}: lies in a folder that is read; name a file elsewhere with "
                "-o"
            )


def _made_with(
    model: Path | None, format: Format, threshold: float | None, fields: Fields
) -> dict[str, str]:
    """The options on which answers depend; what is empty is the default."""
    with (model or Path(BUNDLED)).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "-m with the SHA-256": digest,
        "-f": format,
        "-t": "" if threshold is None else repr(threshold),
        "--keep-columns": ",".join(fields.keep),
        **{
            f"--{part}-field": getattr(fields, part) for part in ("id", "title", "text")
        },
        "--encoding": fields.encoding,
    }


def _rows(
    names: Sequence[str], fields: Fields, meter: Meter
) -> Iterator[Article | BadRow]:
    for name in names:
        yield from read_articles(name, fields, meter)


def _with_format(
    rows: Iterator[Article | BadRow], names: Sequence[str], format: Format | None
) -> tuple[Iterator[Article | BadRow], Format]:
    """Choose the form of the answers; a stream shows what it is only when read."""
    if format is not None:
        return rows, format
    if any(is_table(name) for name in names):
        return rows, "jsonl"
    if not any(map(is_stream, names)):
        return rows, "text"
    first = list(itertools.islice(rows, 1))
    is_text = bool(first) and isinstance(first[0], Article) and first[0].id in names
    return itertools.chain(first, rows), "text" if is_text else "jsonl"


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
@field_options
def explain(
    file: str,
    model: Path | None,
    as_json: bool,
    terms: int,
    text: str,
    title: str,
    id: str,
    encoding: str,
) -> None:
    """Show the words that decided, marked in the text.

    For each label that is given (or, where none is, the likeliest): its score, what
    each term added to it or took from it, and the text with the ten strongest terms
    for it in [brackets]. Of a table, the first article is explained.
    """
    check_readable(file)
    fields = Fields(text, title, id, encoding=encoding)
    row = next(iter(read_articles(file, fields)), None)
    if row is None:
        raise ArticleError(f"{file}: holds no article")
    if isinstance(row, BadRow):
        raise ArticleError(row.error)
    explanations = Predictor.load(model).explain(row)
    if as_json:
        click.echo(json_line([_to_json(e) for e in explanations]), nl=False)
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
        click.echo(json_line(predictor.taxonomy.to_json()), nl=False)
        return
    for axis in predictor.taxonomy:
        known = predictor.model.known.get(axis.id, ())
        click.echo(printable(f"{axis.id} ({axis.name})"))
        for label in axis:
            note = "" if label.id in known else "  (not in this model)"
            countries = f"  {' '.join(label.countries)}" if label.countries else ""
            shown = f"  {label.id:<34} {label.code:<16} {label.name}{countries}{note}"
            click.echo(printable(shown))
