"""Commands that make and judge models: train and evaluate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..labels import Lexicon, SampleError, bundled_samples
from ..labels.files import check_writable
from ..predict.options import jobs_option, model_option, scheduler_option
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

if TYPE_CHECKING:
    from distributed import Client

    from ..labels import ReadOptions, Sample
    from ..predict.predictor import Predictor
    from .evaluate import AxisOutcome
    from .search import Trial
    from .settings import TrainingSettings

DEFAULT_OUTPUT = Path("model.safetensors")


gate_option = click.option(
    "--gate",
    metavar="RULES",
    help="Exit 1 unless all hold, such as 'regions.macro_f1>=0.8,topics.ece<=0.05'.",
)


@click.command()
@click.argument(
    "files", nargs=-1, metavar="[SAMPLES]...", type=click.Path(path_type=Path)
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help=f"Where to write the model. Default: {DEFAULT_OUTPUT}, or with --promote "
    "beside its target.",
)
@click.option(
    "--with-bundled",
    is_flag=True,
    help="Let the bundled samples help; what SAMPLES weigh against them is chosen by "
    "cross-validation.",
)
@click.option(
    "--search",
    "searching",
    is_flag=True,
    help="Search for better settings by cross-validation first. Started again after "
    "an interruption, it goes on where it was.",
)
@click.option(
    "--precision",
    type=click.FloatRange(0, 1, min_open=True),
    help="Give labels so that this share of them is right, instead of for F1.",
)
@click.option(
    "--test",
    "test_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Labelled samples that are not trained on, for --gate and --promote to judge "
    "by; may be repeated. Default: the cross-validated figures.",
)
@gate_option
@click.option(
    "--promote",
    "target",
    type=click.Path(path_type=Path),
    help="Replace this model if the gate passes and, with --test, the new one is not "
    "significantly worse; the old one is kept beside it.",
)
@jobs_option
@scheduler_option(
    "With --search: let the workers of this Dask cluster make its trials, such as "
    "tcp://head:8786."
)
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
@reading_options
def train(
    files: tuple[Path, ...],
    output: Path | None,
    with_bundled: bool,
    searching: bool,
    precision: float | None,
    test_files: tuple[Path, ...],
    gate: str | None,
    target: Path | None,
    jobs: int,
    scheduler: str | None,
    strict: bool,
    taxonomy_file: Path | None,
    lexicon_files: tuple[Path, ...],
    reading: Reading,
) -> None:
    """Make a model from labelled samples.

    SAMPLES alone are used unless --with-bundled adds those that come with the
    package. Without SAMPLES the bundled ones are used, which makes the model that is
    inside the package. A card for people is written beside the model.

    Exit code 1 where the gate does not pass; the model is written all the same.
    """
    from . import fit
    from .card import write_card
    from .evaluate import read_gate
    from .promote import Verdict, candidate_path, promote
    from .search import search
    from .settings import BUNDLED, TrainingSettings

    if target is not None and not (gate or test_files):
        raise click.UsageError("--promote needs a --gate, --test samples, or both")
    if test_files and not (gate or target):
        raise click.UsageError("--test needs a --gate or --promote to judge for")
    if scheduler is not None and not searching:
        raise click.UsageError(
            "--scheduler needs a --search; what else there is to do "
            "is done here, with -j"
        )
    if gate:
        read_gate(gate)  # before the work, not after it
    path = output or (candidate_path(target) if target else DEFAULT_OUTPUT)
    for written in filter(None, (path, target)):
        _check_writable(written)
    taxonomy = load_taxonomy(taxonomy_file)
    lexicon = Lexicon.bundled()
    for table in lexicon_files:
        lexicon |= Lexicon.load(table)
    options = reading.on(taxonomy)
    samples = read_all(files, taxonomy, options) if files else bundled_samples(taxonomy)
    helping = bundled_samples(taxonomy) if files and with_bundled else []
    tests = read_all(test_files, taxonomy, options)
    settings = TrainingSettings() if files else BUNDLED
    settings = replace(settings, precision=precision)
    if searching:
        with _cluster(scheduler) as client, progress_bar("trials") as progress:
            settings, trials = search(
                samples,
                helping=helping,
                taxonomy=taxonomy,
                lexicon=lexicon,
                settings=settings,
                jobs=jobs,
                journal=path.with_name(f"{path.name}.search.jsonl"),
                progress=progress,
                client=client,
            )
        for line in shown_search(settings, trials):
            say(line)
    with progress_bar("fits") as progress:
        model = fit.train(
            samples,
            helping=helping,
            taxonomy=taxonomy,
            lexicon=lexicon,
            settings=settings,
            jobs=jobs,
            strict=strict,
            warn=warn,
            progress=progress,
        )
    model.save(path)
    write_card(model, path)
    say(f"{path}: {len(samples)} samples, {len(model.terms)} terms")
    for axis, figures in model.card["metrics"].items():
        say(f"  {axis}: {_headline(figures)} (cross-validated)")
    if not (gate or target):
        return
    verdict = Verdict.of(model, gate=gate, tests=tests, target=target)
    for sentence in verdict.reasons:
        say(f"dateline: {sentence}", err=True)
    if verdict.reasons:
        raise click.exceptions.Exit(1)
    if target is not None:
        kept = promote(model, target)
        write_card(model, target)
        say(f"{target}: replaced" + (f"; the old one is {kept}" if kept else ""))


@contextmanager
def _cluster(address: str | None) -> Iterator[Client | None]:
    if address is None:
        yield None
        return
    from ..predict.cluster import connected

    with connected(address, "The same command goes on where it was") as client:
        yield client


def _check_writable(path: Path) -> None:
    from .settings import TrainingError

    try:
        check_writable(path)
    except OSError as error:
        raise TrainingError(
            f"{path}: cannot be written: {error.strerror}; choose another with -o"
        ) from None


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
@gate_option
@click.option("--json", "as_json", is_flag=True, help="Print every figure as JSON.")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    help="Write a page (HTML) of figures, plots and the errors with their causes.",
)
@click.option(
    "--learning-curve",
    "curve_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="With --report: train on growing parts of these samples, judge each on "
    "SAMPLES, and plot it; may be repeated.",
)
@jobs_option
@reading_options
def evaluate(
    files: tuple[Path, ...],
    model: Path | None,
    against: Path | None,
    gate: str | None,
    as_json: bool,
    report: Path | None,
    curve_files: tuple[Path, ...],
    jobs: int,
    reading: Reading,
) -> None:
    """Measure a model on labelled samples, with 95% bootstrap intervals.

    top1 is the share of articles whose likeliest label is right; micro and macro F1
    are of the labels given; ece is the calibration error of the probabilities.
    """
    from ..predict.predictor import Predictor
    from .evaluate import check_gate, compare, judge, metrics

    if curve_files and report is None:
        raise click.UsageError("--learning-curve needs a --report to stand in")
    if report is not None:
        from .report import check_report

        check_report(report)
    predictor = Predictor.load(model)
    options = reading.on(predictor.taxonomy)
    samples = read_all(files, predictor.taxonomy, options)
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
    if report is not None:
        _write_report(report, predictor, samples, outcomes, curve_files, options, jobs)
    if as_json:
        say_json(figures)
    else:
        for axis, values in figures.items():
            say(_table(axis, values))
    for sentence in failed:
        say(f"dateline: {sentence}", err=True)
    for axis in sorted(worse):
        say(f"dateline: {axis}: significantly worse than {against}", err=True)
    if failed or worse:
        raise click.exceptions.Exit(1)


def _write_report(
    path: Path,
    predictor: Predictor,
    samples: list[Sample],
    outcomes: dict[str, AxisOutcome],
    curve_files: tuple[Path, ...],
    options: ReadOptions,
    jobs: int,
) -> None:
    from .report import write_report

    curve = None
    if curve_files:
        from .curve import learning_curve

        with progress_bar("models") as progress:
            curve = learning_curve(
                read_all(curve_files, predictor.taxonomy, options),
                samples,
                taxonomy=predictor.taxonomy,
                jobs=jobs,
                progress=progress,
            )
    write_report(path, predictor, samples, learning_curve=curve, outcomes=outcomes)


def shown_search(settings: TrainingSettings, trials: Sequence[Trial]) -> list[str]:
    """What a search found, in lines for people."""
    best = {
        of: max(t.macro_f1 for t in trials if t.of == of) for of in _searched(trials)
    }
    start = {t.of: t.macro_f1 for t in trials if not t.varied}
    lines = [f"search: {len(trials)} trials"]
    lines += [
        f"  {of}: macro_f1 {start[of]:.3f} -> {best[of]:.3f} (cross-validated)"
        for of in best
    ]
    terms = settings.terms
    lines.append(
        f"  ngrams {terms.ngrams}, min_df {settings.min_df}, title weight "
        f"{terms.title_weight:g}, lead weight {terms.lead_weight:g}"
    )
    for axis, chosen in settings.by_axis.items():
        shown = ", ".join(f"{name} {value}" for name, value in chosen.items())
        lines.append(f"  {axis}: {shown}")
    return lines


def _searched(trials: Sequence[Trial]) -> list[str]:
    return list(dict.fromkeys(trial.of for trial in trials))


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
