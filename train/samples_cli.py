"""Commands that look after labelled samples."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ..labels import FORMATS, Lexicon, bundled_samples, write_labelled
from ..labels.formats import names_axes
from ..labels.reading import ending
from ..predict.article import Article
from ..predict.articles import BadRow, read_articles
from ..predict.options import jobs_option, model_option
from .options import (
    Reading,
    load_taxonomy,
    progress_bar,
    read_all,
    reading_options,
    say,
    say_json,
    taxonomy_option,
    warn,
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
    from .check import check as find_faults
    from .check import shown as shown_faults

    options = reading.on(taxonomy)
    errors: list[str] = []
    found = read_all(
        files, taxonomy, options, on_error=lambda error: errors.append(str(error))
    )
    report = find_faults(found, errors, taxonomy)
    if as_json:
        say_json(asdict(report))
    else:
        say(shown_faults(report))
    for name in options.map.unused() if options.map is not None else ():
        warn(f"{reading.map_file}: {name!r} was met in no sample")
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
    say(f"{output}: {len(found)} samples as {format}")
    for what in lost:
        warn(f"lost: {what}")


@samples.command()
@files_argument
@click.option(
    "--with-bundled", is_flag=True, help="Learn from the bundled samples as well."
)
@jobs_option
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@taxonomy_option
@reading_options
def audit(
    files: tuple[Path, ...],
    with_bundled: bool,
    jobs: int,
    as_json: bool,
    taxonomy_file: Path | None,
    reading: Reading,
) -> None:
    """List the labels that are probably wrong, the likeliest first.

    Each sample is judged by a model that was trained on the others.
    """
    from .audit import audit as find_doubts
    from .audit import shown as shown_doubts

    taxonomy = load_taxonomy(taxonomy_file)
    found = read_all(files, taxonomy, reading.on(taxonomy))
    with progress_bar("fits") as progress:
        doubts = find_doubts(
            found,
            helping=bundled_samples(taxonomy) if with_bundled else [],
            taxonomy=taxonomy,
            lexicon=Lexicon.bundled(),
            jobs=jobs,
            warn=warn,
            progress=progress,
        )
    if as_json:
        rows = [doubt.to_json() for doubt in doubts]
        say_json(rows)
    else:
        say(shown_doubts(doubts))


@samples.command()
@click.argument("pool", nargs=-1, required=True, metavar="POOL...")
@click.option(
    "-n",
    "--number",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="How many articles to choose.",
)
@model_option
@click.option(
    "--labelled",
    "labelled_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Samples that are labelled already: none of them, and nothing like them, is "
    "chosen; may be repeated.",
)
@click.option(
    "--axis",
    "axes",
    multiple=True,
    help="An axis that will be labelled; may be repeated. Default: all.",
)
def suggest(
    pool: tuple[str, ...],
    number: int,
    model: Path | None,
    labelled_files: tuple[Path, ...],
    axes: tuple[str, ...],
) -> None:
    """Choose what to label next from unlabelled articles.

    POOL are files of articles, as for 'dateline predict'. The chosen ones are printed
    as JSON lines, the best first, with the labels that each is to help.
    """
    from ..predict.predictor import Predictor
    from .suggest import suggest as choose

    predictor = Predictor.load(model)
    articles: list[Article] = []
    for name in pool:
        for article in read_articles(name):
            if isinstance(article, BadRow):
                warn(article.error)
            else:
                articles.append(article)
    with progress_bar("articles") as progress:
        chosen = choose(
            articles,
            number,
            predictor=predictor,
            labelled=read_all(labelled_files, predictor.taxonomy),
            axes=axes or None,
            progress=progress,
        )
    for suggestion in chosen:
        article = articles[suggestion.position]
        row = {"id": article.id, "title": article.title, "text": article.text}
        row |= {"unsure": suggestion.to_json()["unsure"]}
        say_json(row)
