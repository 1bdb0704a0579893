"""Options and habits that the commands of training share."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ..labels import (
    FORMATS,
    LabelMap,
    ReadOptions,
    Sample,
    SampleError,
    Taxonomy,
    read_labelled,
)
from ..labels.reading import LABEL_PREFIX
from ..labels.terminal import printable, printable_json


def say(text: str, *, err: bool = False) -> None:
    """Print text for people; ids and texts in it may be anybody's."""
    click.echo(printable(text), err=err)


def warn(message: str) -> None:
    """Say on standard error what should be looked at."""
    say(f"dateline: warning: {message}", err=True)


def say_json(value: object) -> None:
    """Print a value as one line of JSON."""
    click.echo(printable_json(json.dumps(value, ensure_ascii=False)))


taxonomy_option = click.option(
    "--taxonomy",
    "taxonomy_file",
    type=click.Path(path_type=Path),
    help="TOML file of axes and labels. Default: the bundled regions and topics.",
)


def load_taxonomy(path: Path | None) -> Taxonomy:
    """The taxonomy of a file; the bundled one where none is named."""
    return Taxonomy.bundled() if path is None else Taxonomy.load(path)


@dataclass(frozen=True)
class Reading:
    """How the command line says that files of samples are to be read.

    Attributes
    ----------
    options : ReadOptions
        All but the label map, whose names are checked against a taxonomy.
    map_file : Path, optional
    """

    options: ReadOptions
    map_file: Path | None

    def on(self, taxonomy: Taxonomy) -> ReadOptions:
        """The options with the label map.

        Raises
        ------
        SampleError
            If the map cannot be read or names no label of the taxonomy.
        """
        if self.map_file is None:
            return self.options
        return dataclasses.replace(
            self.options, map=LabelMap.load(self.map_file, taxonomy)
        )


def _label_field(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    fields = []
    for value in values:
        axis, mark, column = value.partition("=")
        fields.append((column, axis) if mark else (value, ""))
        if not fields[-1][0]:
            raise click.BadParameter(f"{value!r} names no column", ctx, param)
    return tuple(fields)


_READING = (
    click.option(
        "--format",
        "read_format",
        type=click.Choice(FORMATS),
        help="Format of the samples. Default: found out from name and content.",
    ),
    click.option(
        "--axis",
        default="",
        metavar="AXIS",
        help="Axis of labels that stand under no axis's name. Default: found out.",
    ),
    click.option(
        "--text-field", default="", metavar="NAME", help="Column of the text."
    ),
    click.option(
        "--title-field", default="", metavar="NAME", help="Column of the title."
    ),
    click.option("--id-field", default="", metavar="NAME", help="Column of the id."),
    click.option(
        "--label-field",
        "label_fields",
        multiple=True,
        callback=_label_field,
        metavar="[AXIS=]COLUMN",
        help="Column of labels, and their axis; may be repeated. Default: columns "
        "that are called as an axis, else label, category, topic ...",
    ),
    click.option(
        "--label-prefix",
        default=LABEL_PREFIX,
        show_default=True,
        metavar="PREFIX",
        help="What marks a label in fastText files.",
    ),
    click.option(
        "--map",
        "map_file",
        type=click.Path(path_type=Path),
        help="TOML file that renames labels: old = 'new', or '' to drop it.",
    ),
)


def reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of reading samples, as one argument ``reading``."""

    @functools.wraps(command)
    def with_reading(
        *args: Any,
        read_format: str | None,
        axis: str,
        text_field: str,
        title_field: str,
        id_field: str,
        label_fields: tuple[tuple[str, str], ...],
        label_prefix: str,
        map_file: Path | None,
        **kwargs: Any,
    ) -> None:
        options = ReadOptions(
            format=read_format or "",
            axis=axis,
            text_field=text_field,
            title_field=title_field,
            id_field=id_field,
            label_fields=label_fields,
            label_prefix=label_prefix,
        )
        command(*args, reading=Reading(options, map_file), **kwargs)

    wrapped: Callable[..., None] = with_reading
    for option in reversed(_READING):
        wrapped = option(wrapped)
    return wrapped


def read_all(
    files: Sequence[Path],
    taxonomy: Taxonomy,
    options: ReadOptions | None = None,
    *,
    on_error: Callable[[SampleError], None] | None = None,
) -> list[Sample]:
    """Read the samples of files.

    Parameters
    ----------
    files : sequence of Path
    taxonomy : Taxonomy
    options : ReadOptions, optional
        Default: all is found out from the files.
    on_error : callable, optional
        Called with the error of each row that cannot be used. Default: the first is
        raised.

    Raises
    ------
    SampleError
        Naming the file and line that cannot be used, or the file that holds none.
    """
    found: list[Sample] = []
    bad = 0

    def count(error: SampleError) -> None:
        nonlocal bad
        bad += 1
        if on_error is not None:
            on_error(error)

    for path in files:
        before = len(found) + bad
        found += read_labelled(
            path, taxonomy, options=options, on_error=count if on_error else None
        )
        if len(found) + bad == before:
            raise SampleError(
                f"{path}: holds no samples; expected one JSON object a line, or "
                f"another of the formats {', '.join(FORMATS[1:])}"
            )
    return found


@contextlib.contextmanager
def progress_bar(unit: str) -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how many of how many are done, and the time that remains."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from tqdm import tqdm

    with tqdm(unit=f" {unit}") as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
