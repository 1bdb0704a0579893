"""Commands that make and judge models: train and evaluate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ..labels import Lexicon, SampleError, bundled_samples
from ..labels.files import check_writable
from ..predict.options import jobs_option, model_option
from .options import load_taxonomy, progress_bar, read_all, taxonomy_option

DEFAULT_OUTPUT = Path("model.safetensors")


@click.command()
@click.argument(
    "files", nargs=-1, metavar="[SAMPLES]...", type=click.Path(path_type=Path)
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=DEFAULT_OUTPUT,
    show_default=True,
    help="Where to write the model.",
)
@click.option(
    "--with-bundled", is_flag=True, help="Train on the bundled samples as well."
)
@jobs_option
@click.option(
    "--strict", is_flag=True, help="Refuse when a label has too few samples to learn."
)
@taxonomy_option
@click.option(
    "--lexicon",
    "lexicon_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Table of phrases to add to the bundled lexicon; may be repeated.",
)
def train(
    files: tuple[Path, ...],
    output: Path,
    with_bundled: bool,
    jobs: int,
    strict: bool,
    taxonomy_file: Path | None,
    lexicon_files: tuple[Path, ...],
) -> None:
    """Make a model from labelled samples.

    SAMPLES are JSON lines, plain or gzip; they alone are used unless --with-bundled
    adds those that come with the package. Without SAMPLES the bundled ones are used,
    which makes the model that is inside the package.
    """
    from . import fit
    from .settings import BUNDLED, TrainingError, TrainingSettings

    try:
        check_writable(output)
    except OSError as error:
        raise TrainingError(
            f"{output}: cannot be written: {error.strerror}; choose another with -o"
        ) from None
    taxonomy = load_taxonomy(taxonomy_file)
    lexicon = Lexicon.bundled()
    for path in lexicon_files:
        lexicon |= Lexicon.load(path)
    samples = read_all(files, taxonomy)
    if with_bundled or not files:
        samples += bundled_samples(taxonomy)
    with progress_bar("fits") as progress:
        model = fit.train(
            samples,
            taxonomy=taxonomy,
            lexicon=lexicon,
            settings=TrainingSettings() if files else BUNDLED,
            jobs=jobs,
            strict=strict,
            warn=lambda message: click.echo(f"dateline: warning: {message}", err=True),
            progress=progress,
        )
    model.save(output)
    click.echo(f"{output}: {len(samples)} samples, {len(model.terms)} terms")
    for axis, figures in model.card["metrics"].items():
        click.echo(f"  {axis}: {_headline(figures)} (cross-validated)")


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="SAMPLES...",
    type=click.Path(path_type=Path),
)
@model_option
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    help="Compare with this model; exit 1 where the model is significantly worse.",
)
@click.option(
    "--gate",
    metavar="RULES",
    help="Exit 1 unless all hold, such as 'regions.macro_f1>=0.8,topics.ece<=0.05'.",
)
@click.option("--json", "as_json", is_flag=True, help="Print every figure as JSON.")
def evaluate(
    files: tuple[Path, ...],
    model: Path | None,
    against: Path | None,
    gate: str | None,
    as_json: bool,
) -> None:
    """Measure a model on labelled samples, with 95% bootstrap intervals.

    top1 is the share of articles whose likeliest label is right; micro and macro F1
    are of the labels given; ece is the calibration error of the probabilities.
    """
    from ..predict.predictor import Predictor
    from .evaluate import check_gate, compare, judge, metrics

    predictor = Predictor.load(model)
    samples = read_all(files, predictor.taxonomy)
    outcomes = judge(predictor, samples)
    if not outcomes:
        axes = ", ".join(head.axis for head in predictor.model.heads)
        raise SampleError(
            f"{', '.join(map(str, files))}: no sample carries an axis of the model "
            f"({axes})"
        )
    figures: dict[str, Any] = {
        axis: metrics(outcome) for axis, outcome in outcomes.items()
    }
    failed = check_gate(gate, figures) if gate else []
    worse = []
    if against is not None:
        old = judge(Predictor.load(against), samples)
        if not outcomes.keys() & old.keys():
            raise SampleError(
                f"{against}: answers on {', '.join(old) or 'no axis of the samples'}, "
                f"the model on {', '.join(outcomes)}; there is nothing to compare"
            )
        for axis in old:
            if axis not in outcomes:
                worse.append(axis)  # what is not answered any more is worse
                continue
            figures[axis]["against"] = compare(outcomes[axis], old[axis])
            if figures[axis]["against"]["worse"]:
                worse.append(axis)
    if as_json:
        click.echo(json.dumps(figures, ensure_ascii=False))
    else:
        for axis, values in figures.items():
            click.echo(_table(axis, values))
    for sentence in failed:
        click.echo(f"dateline: {sentence}", err=True)
    for axis in sorted(worse):
        click.echo(f"dateline: {axis}: significantly worse than {against}", err=True)
    if failed or worse:
        raise click.exceptions.Exit(1)


def _headline(figures: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {_number(figures[name])}"
        for name in ("top1", "micro_f1", "macro_f1", "ece")
    )


def _number(value: float | None) -> str:
    return "  -  " if value is None else f"{value:.3f}"


def _table(axis: str, figures: dict[str, Any]) -> str:
    lines = [f"{axis}: {figures['n']} articles"]
    for name in ("top1", "micro_f1", "macro_f1", "ece"):
        interval = figures["intervals"][name]
        shown = f"  [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""
        lines.append(f"  {name:<9} {_number(figures[name])}{shown}")
        if "against" in figures:
            other = figures["against"][name]
            if other["interval"]:
                lines[-1] += (
                    f"  was {_number(other['old'])}, difference "
                    f"{other['difference']:+.3f} [{other['interval'][0]:+.3f}, "
                    f"{other['interval'][1]:+.3f}]"
                )
    none = figures["no_label"]
    if none["n"]:
        lines.append(
            f"  of {none['n']} articles without a label, "
            f"{none['given_none']:.3f} were given none"
        )
    lines.append(
        f"  {'label':<34} {'precision':>9} {'recall':>7} {'f1':>7} {'support':>8}"
    )
    for label, row in figures["per_label"].items():
        lines.append(
            f"  {label:<34} {_number(row['precision']):>9} {_number(row['recall']):>7} "
            f"{_number(row['f1']):>7} {row['support']:>8}"
        )
    return "\n".join(lines)
