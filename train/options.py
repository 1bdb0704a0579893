"""Options and habits that the commands of training share."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from ..labels import Sample, SampleError, Taxonomy, read_samples

taxonomy_option = click.option(
    "--taxonomy",
    "taxonomy_file",
    type=click.Path(path_type=Path),
    help="TOML file of axes and labels. Default: the bundled regions and topics.",
)


def load_taxonomy(path: Path | None) -> Taxonomy:
    """The taxonomy of a file; the bundled one where none is named."""
    return Taxonomy.bundled() if path is None else Taxonomy.load(path)


def read_all(files: Sequence[Path], taxonomy: Taxonomy) -> list[Sample]:
    """Read the samples of files.

    Raises
    ------
    SampleError
        Naming the file and line that cannot be used, or the file that holds none.
    """
    found: list[Sample] = []
    for path in files:
        before = len(found)
        found += read_samples(path, taxonomy)
        if len(found) == before:
            raise SampleError(
                f"{path}: holds no samples; expected one JSON object a line"
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
