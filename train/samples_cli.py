"""Commands that look after labelled samples."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from ..labels import SampleError, SampleReport, check_samples
from .options import load_taxonomy, taxonomy_option


@click.group()
def samples() -> None:
    """Look after labelled samples."""


@samples.command()
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@taxonomy_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def check(files: tuple[Path, ...], taxonomy_file: Path | None, as_json: bool) -> None:
    """Count the labels of samples and find what is wrong with them.

    Exit code 1 where a row cannot be used or duplicates have different labels.
    """
    report = check_samples(files, load_taxonomy(taxonomy_file))
    if not report.samples and not report.errors:
        names = ", ".join(map(str, files))
        raise SampleError(f"{names}: holds no samples; expected one JSON object a line")
    if as_json:
        click.echo(json.dumps(asdict(report), ensure_ascii=False))
    else:
        click.echo(_shown(report))
    if report.errors or report.contradictions:
        raise click.exceptions.Exit(1)


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
