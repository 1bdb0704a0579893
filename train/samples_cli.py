"""Commands that look after labelled samples."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import click

from ..labels import (
    FORMATS,
    Sample,
    SampleReport,
    Taxonomy,
    check_samples,
    write_labelled,
    write_samples,
)
from ..labels.formats import names_axes
from ..labels.reading import ending
from .options import (
    Reading,
    load_taxonomy,
    read_all,
    reading_options,
    taxonomy_option,
)

_BY_ENDING = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv"}

files_argument = click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)


@click.group()
def samples() -> None:
    """Look after labelled samples."""


@samples.command()
@files_argument
@taxonomy_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@reading_options
def check(
    files: tuple[Path, ...],
    taxonomy_file: Path | None,
    as_json: bool,
    reading: Reading,
) -> None:
    """Count the labels of samples and find what is wrong with them.

    Exit code 1 where a row cannot be used or duplicates have different labels.
    """
    taxonomy = load_taxonomy(taxonomy_file)
    options = reading.on(taxonomy)
    errors: list[str] = []
    found = read_all(
        files, taxonomy, options, on_error=lambda error: errors.append(str(error))
    )
    report = _report(found, errors, taxonomy)
    if as_json:
        click.echo(json.dumps(asdict(report), ensure_ascii=False))
    else:
        click.echo(_shown(report))
    for name in options.map.unused() if options.map is not None else ():
        _warn(f"{reading.map_file}: {name!r} was met in no sample")
    if report.errors or report.contradictions:
        raise click.exceptions.Exit(1)


@samples.command()
@files_argument
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Where to write; gzip where it ends in .gz.",
)
@click.option(
    "--to",
    "to_format",
    type=click.Choice(FORMATS),
    help="Format to write. Default: as the ending of OUTPUT says (.jsonl, .csv, .tsv).",
)
@click.option(
    "--allow-loss",
    is_flag=True,
    help="Write even where the format cannot hold all; what is lost is said.",
)
@taxonomy_option
@reading_options
def convert(
    files: tuple[Path, ...],
    output: Path,
    to_format: str | None,
    allow_loss: bool,
    taxonomy_file: Path | None,
    reading: Reading,
) -> None:
    """Write samples in another format.

    Refused where something would be lost. With --axis, a format that does not say to
    which axis a label belongs gets the labels of that axis alone.
    """
    format = to_format or _BY_ENDING.get(ending(output.name))
    if format is None:
        raise click.UsageError(
            f"{output}: its ending says no format; name one with --to"
        )
    taxonomy = load_taxonomy(taxonomy_file)
    found = read_all(files, taxonomy, reading.on(taxonomy))
    axis = None if names_axes(format) else reading.options.axis or None
    lost = write_labelled(
        output, found, taxonomy, format, axis=axis, allow_loss=allow_loss
    )
    click.echo(f"{output}: {len(found)} samples as {format}")
    for what in lost:
        _warn(f"lost: {what}")


def _warn(message: str) -> None:
    click.echo(f"dateline: warning: {message}", err=True)


def _report(
    samples: Sequence[Sample], errors: Sequence[str], taxonomy: Taxonomy
) -> SampleReport:
    # check_samples takes files of the project's own; let it have one.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "samples.jsonl"
        write_samples(path, samples)
        return replace(check_samples([path], taxonomy), errors=tuple(errors))


def _shown(report: SampleReport) -> str:
    lines = [f"{report.samples} samples"]
    for axis, counts in report.counts.items():
        lines.append(f"{axis}: {report.unlabelled.get(axis, 0)} with no label")
        lines += [f"  {label:<34} {n:>7}" for label, n in counts.items()]
    for name, found in (
        ("rows that cannot be used", report.errors),
        ("ids borne by more than one sample", report.repeated_ids),
        ("very short", report.short),
        ("groups of duplicates", [", ".join(g) for g in report.duplicates]),
        (
            "duplicates with different labels",
            [", ".join(g) for g in report.contradictions],
        ),
    ):
        if found:
            lines.append(f"{name}: {len(found)}")
            lines += [f"  {item}" for item in found]
    return "\n".join(lines)
