"""Options that several commands have."""

from __future__ import annotations

import codecs
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def column_names(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[str, ...]:
    """Names of columns that are parted by commas."""
    if value is None:
        return ()
    names = tuple(dict.fromkeys(name.strip() for name in value.split(",")))
    if "" in names:
        raise click.BadParameter("a name between the commas is empty", ctx, param)
    return names


def _an_encoding(ctx: click.Context, param: click.Parameter, value: str) -> str:
    try:
        # Some of Python's codecs make bytes of bytes, and are no encodings of text.
        if value and not codecs.lookup(value)._is_text_encoding:
            raise LookupError
    except LookupError:
        raise click.BadParameter(
            f"{value!r} is no encoding; name one such as utf-8, cp1251 or shift_jis",
            ctx,
            param,
        ) from None
    return value


def field_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how articles are read."""
    for part in ("id", "title", "text"):
        command = click.option(
            f"--{part}-field",
            part,
            metavar="NAME",
            default="",
            help=f"Column or field of the {part}. Default: guessed from the usual "
            "names.",
        )(command)
    return click.option(
        "--encoding",
        metavar="NAME",
        default="",
        callback=_an_encoding,
        help="Encoding of the files. Default: UTF-8, UTF-16 or Windows-1252, as each "
        "is.",
    )(command)


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


def scheduler_option(help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option that names the scheduler of a cluster.

    Parameters
    ----------
    help : str
        What is done there.
    """
    return click.option("--scheduler", metavar="ADDRESS", help=help)
