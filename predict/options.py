"""Options that several commands have."""

from __future__ import annotations

import math
from pathlib import Path

import click


def _some(ctx: click.Context, param: click.Parameter, value: int) -> int:
    if value == 0:
        raise click.BadParameter("0 is neither -1 nor 1 or more", ctx, param)
    return value


def _a_number(
    ctx: click.Context, param: click.Parameter, value: float | None
) -> float | None:
    # Every comparison lets "nan" pass.
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is no probability", ctx, param)
    return value


model_option = click.option(
    "-m",
    "--model",
    type=click.Path(path_type=Path),
    help="Model file. Default: the model inside the package.",
)

jobs_option = click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=-1),
    callback=_some,
    default=1,
    show_default=True,
    help="How many work side by side; -1: one a core.",
)

threshold_option = click.option(
    "-t",
    "--threshold",
    type=click.FloatRange(0, 1),
    callback=_a_number,
    help="Give labels from this probability on, instead of each label's own.",
)
