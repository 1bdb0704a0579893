"""The part of an archive that one task of a cluster answers, from file to file.

What runs on the workers of Dask; :mod:`dateline.predict.cluster_run` drives it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from .. import __version__
from .answers import answer_chunks, as_text, chunked
from .article import Article
from .articles import read_stream
from .cluster import ClusterError, why
from .fields import ArticleError, BadRow, Fields
from .notes import Notes
from .parquet import (
    column_kinds,
    common_types,
    kinds_in,
    read_parquet,
    row_groups,
    write_parquet,
)
from .predictor import Predictor
from .sources import kind, open_zstd
from .stores import is_of_files, open_url, put
from .writers import growing_file

if TYPE_CHECKING:
    from distributed import WorkerPlugin
else:
    try:
        from distributed import WorkerPlugin
    except ImportError:  # which `cluster.connected` says better
        WorkerPlugin = object


@dataclass(frozen=True)
class Part:
    """Rows that one task answers: a file, or some row groups of one.

    Attributes
    ----------
    name : str
        What messages call the file.
    url : str
        Where any worker finds it.
    groups : (int, int), optional
        The first row group of a Parquet file, and the one behind the last.
    before : int
        Rows of the file that stand before them.
    to : str
        The name of the file of answers.
    """

    name: str
    url: str
    groups: tuple[int, int] | None = None
    before: int = 0
    to: str = ""


@dataclass(frozen=True)
class Job:
    """What is the same for all parts of a run.

    Attributes
    ----------
    format : str
        ``"parquet"`` or ``"jsonl"``.
    folder : str
        Where the answers go.
    fields : Fields
    threshold : float, optional
    """

    format: str
    folder: str
    fields: Fields
    threshold: float | None = None


@dataclass(frozen=True)
class Tally:
    """What became of a part.

    Attributes
    ----------
    rows, failed : int
    kinds : mapping of str to set of str
        The kinds of values in the columns that were kept.
    notes : Notes
    """

    rows: int
    failed: int
    kinds: Mapping[str, set[str]] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)


class ModelPlugin(WorkerPlugin):
    """Brings a model to every worker of a cluster, those that come later as well.

    It is sent once to each and read once there; all tasks share what was read.

    Parameters
    ----------
    job : Job
    model : bytes
        Of its file.
    """

    def __init__(self, job: Job, model: bytes) -> None:
        self.job = job
        self.version = __version__
        self._model = model

    def setup(self, worker: Any) -> None:
        """Read the model.

        Raises
        ------
        ClusterError
            If the worker has another version of dateline.
        """
        if self.version != __version__:
            raise ClusterError(
                f"{worker.address}: has dateline {__version__}, the command is of "
                f"{self.version}; install the same everywhere"
            )
        with TemporaryDirectory(dir=worker.local_directory) as folder:
            path = Path(folder) / "model.safetensors"
            path.write_bytes(self._model)
            self.predictor = Predictor.load(path, threshold=self.job.threshold)
        self._model = b""


def look(part: Part, fields: Fields) -> list[int]:
    """How many rows the row groups of a Parquet file have; what runs on a worker.

    Raises
    ------
    ArticleError
        If it cannot be read, or its columns hold no text.
    """
    with _opened(part) as file:
        return row_groups(part.name, file, fields)


def answer(run: str, part: Part, types: Mapping[str, str] | None = None) -> Tally:
    """Answer a part and write its file, which appears whole or not at all.

    Parameters
    ----------
    run : str
        The name of the plugin.
    part : Part
    types : mapping of str to str, optional
        What the columns that were kept are in Parquet. Default: as this part shows.

    Raises
    ------
    ArticleError
        If the part cannot be read.
    ClusterError
        If the answers cannot be written.
    """
    plugin, local = _plugin(run)
    job = plugin.job
    fields = replace(job.fields, notes=Notes())
    axes = tuple(head.axis for head in plugin.predictor.model.heads)
    rows = failed = 0
    with TemporaryDirectory(dir=local) as folder:
        lines = Path(folder) / "answers.jsonl"
        with growing_file(lines, append=False) as writer:
            found = _rows(part, fields)
            for chunk in answer_chunks(plugin.predictor, chunked(found)):
                writer.write("".join(as_text(one, "jsonl", axes) for one in chunk))
                rows += len(chunk)
                failed += sum(isinstance(answer, BadRow) for _, answer in chunk)
        kinds: Mapping[str, set[str]] = {}
        if job.format == "parquet":
            kinds = column_kinds(lines, axes)
            output = Path(folder) / "answers.parquet"
            write_parquet(lines, output, axes, types or common_types(kinds))
        else:
            output = lines
        put(output, job.folder, part.to)
    return Tally(rows, failed, kinds, fields.notes)


def count(run: str, part: Part) -> Tally:
    """Count the answers of a part that is there already.

    Raises
    ------
    ClusterError
        If it holds something else.
    """
    plugin, _ = _plugin(run)
    job = plugin.job
    try:
        with open_url(f"{job.folder}/{part.to}") as file:
            if job.format == "parquet":
                axes = tuple(head.axis for head in plugin.predictor.model.heads)
                return Tally(*kinds_in(file, axes))
            found = [json.loads(line) for line in file]
            return Tally(len(found), sum("error" in answer for answer in found))
    except Exception as error:  # noqa: BLE001 - of stores, of pyarrow, of json
        raise ClusterError(
            f"{job.folder}/{part.to}: cannot be read: {why(error)}; remove it, and "
            "--resume makes it again"
        ) from None


def _plugin(run: str) -> tuple[ModelPlugin, str]:
    from distributed import get_worker

    worker = get_worker()
    plugin = worker.plugins.get(run)
    if not isinstance(plugin, ModelPlugin):
        raise ClusterError(f"{worker.address}: was not given the model; try again")
    return plugin, worker.local_directory


def _rows(part: Part, fields: Fields) -> Iterator[Article | BadRow]:
    with _opened(part) as file:
        if kind(part.name) == ".parquet":
            groups = range(*part.groups) if part.groups is not None else None
            yield from read_parquet(
                part.name, fields, file=file, groups=groups, before=part.before
            )
            return
        suffix = Path(part.name).suffix.lower()
        if suffix == ".gz":
            file = cast(BinaryIO, gzip.GzipFile(fileobj=file))
        elif suffix == ".zst":
            file = open_zstd(file, part.name)
        yield from read_stream(file, part.name, fields)


@contextmanager
def _opened(part: Part) -> Iterator[BinaryIO]:
    """A part's file; what goes wrong with it says which worker met it."""
    from distributed import get_worker

    try:
        with open_url(part.url) as file:
            yield file
    except Exception as error:
        if not is_of_files(error):
            raise
        raise ArticleError(
            f"{part.name}: cannot be read by the worker {get_worker().address}: "
            f"{why(error)}; workers must reach the same files as the command"
        ) from None
