"""An archive that a cluster of Dask answers, part by part.

Each part is rows of one file, read, judged and written by one task as one process
would; so a task that is repeated, because its worker died, changes nothing.
"""

from __future__ import annotations

import glob
import hashlib
import json
import logging
import re
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from .. import __version__
from .articles import ArticleError
from .model import BUNDLED
from .notes import Notes
from .parquet import common_types
from .parts import (
    UNFINISHED,
    ClusterError,
    Job,
    ModelPlugin,
    Part,
    Tally,
    answer,
    count,
    is_of_files,
    is_store,
    look,
    open_url,
    put,
    why,
)
from .predictor import Predictor
from .progress import progress
from .run import Outcome
from .sources import TABLES, Meter, kind

if TYPE_CHECKING:
    from distributed import Client

PART_ROWS = 50_000
"""Row groups of a Parquet file are put together to parts of about so many rows."""

PATIENCE = 10
"""Seconds that are waited for a scheduler, and for its first worker."""

RETRIES = 2
"""How often a part that failed is tried again: a store may be out of breath."""

_PLAN = "_dateline.json"
_PIP = "pip install 'dateline[dask]'"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@contextmanager
def connected(address: str, go_on: str = "") -> Iterator[Client]:
    """A client of a scheduler that has workers which can do our work.

    Parameters
    ----------
    address : str
        Such as ``tcp://head:8786``.
    go_on : str, optional
        What to do where the work breaks off.

    Raises
    ------
    ClusterError
        If Dask is not installed, nothing answers there, there is no worker, dateline
        is missing on one or of another version, or the cluster breaks down.
    """
    try:
        from distributed import Client, KilledWorker
        from distributed.client import FutureCancelledError
        from distributed.comm.addressing import get_address_host_port
        from distributed.comm.core import CommClosedError
    except ImportError:
        raise ClusterError(f"{address}: a cluster takes Dask: {_PIP}") from None
    try:
        get_address_host_port(address)
    except (ValueError, ImportError) as error:
        raise ClusterError(
            f"{address}: is no address of a scheduler ({why(error)}); expected one "
            "such as tcp://head:8786"
        ) from None
    logger = logging.getLogger("distributed.client")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # it prints tracebacks; we say what happened
    try:
        with warnings.catch_warnings():
            # Of versions that differ; those that matter are looked at below.
            warnings.simplefilter("ignore")
            client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:
        logger.setLevel(level)
        raise ClusterError(
            f"{address}: no scheduler answers there: {why(error)}; start one with "
            "'dask scheduler' and give the address that it says"
        ) from None
    try:
        _check_workers(client, address)
        yield client
    except (CommClosedError, FutureCancelledError):
        raise ClusterError(
            f"{address}: the scheduler, or all its workers, went away; see whether they "
            f"run. {go_on}"
        ) from None
    except KilledWorker as error:
        raise ClusterError(
            f"{address}: {error.allowed_failures + 1} workers died one after the other "
            "over the same piece of work; their logs say why, which mostly is memory. "
            f"{go_on}"
        ) from None
    finally:
        client.close(timeout=PATIENCE)
        logger.setLevel(level)


def _check_workers(client: Client, address: str) -> None:
    from importlib.metadata import version

    try:
        # A task, so that a cluster which grows on demand has a reason to.
        client.submit(abs, 0, pure=False).result(timeout=PATIENCE)
    except TimeoutError:
        raise ClusterError(
            f"{address}: has no worker that takes work; start some with "
            f"'dask worker {address}'"
        ) from None
    # A function of Python's own: what a worker lacks can run no function of ours.
    for worker, found in client.run(version, "dateline", on_error="return").items():
        if isinstance(found, Exception):
            raise ClusterError(
                f"{worker}: the worker has no dateline; install dateline "
                f"{__version__} there"
            )
        if found != __version__:
            raise ClusterError(
                f"{worker}: the worker has dateline {found}, this command is of "
                f"{__version__}; install the same everywhere"
            )


@dataclass(frozen=True)
class File:
    """A file of articles that is to be read.

    Attributes
    ----------
    name : str
        As one process would be told of it.
    url : str
        Where any worker finds it.
    size : int
    """

    name: str
    url: str
    size: int


def files_at(paths: Iterable[str]) -> list[File]:
    """The files at paths, in order.

    Parameters
    ----------
    paths : iterable of str
        Paths or URLs that fsspec knows, with ``*``, ``?``, ``[...]`` or ``**``.

    Raises
    ------
    ArticleError
        If nothing is there, or something that is no table.
    """
    from fsspec.core import url_to_fs

    found: list[File] = []
    for path in paths:
        try:
            system, root = url_to_fs(path)
            if _URL.match(path):
                names = sorted(system.glob(root)) if glob.has_magic(root) else [root]
                named = [(str(system.unstrip_protocol(name)), name) for name in names]
            else:  # by the names that a shell would give
                shown = sorted(glob.glob(path, recursive=True))  # noqa: PTH207
                names = shown if glob.has_magic(path) else [path]
                named = [(name, str(Path(name).absolute())) for name in names]
            of_path = [
                File(name, str(system.unstrip_protocol(where)), _size(system, where))
                for name, where in named
            ]
        except Exception as error:
            if not (is_of_files(error) or isinstance(error, ValueError)):
                raise
            raise ArticleError(f"{path}: cannot be read: {why(error)}") from None
        if not of_path:
            raise ArticleError(f"{path}: matches no file")
        found += of_path
    for file in found:
        if kind(file.name) not in TABLES:
            raise ArticleError(
                f"{file.name}: on a cluster tables are read: {', '.join(TABLES)}; "
                "name others without --scheduler"
            )
    return found


def _size(system: Any, path: str) -> int:
    about = system.info(path)
    if about["type"] == "directory":
        raise IsADirectoryError(
            0, "is a folder; name the files in it, such as 'folder/*.parquet'"
        )
    return int(about["size"] or 0)


def model_bytes(path: Path | None, threshold: float | None) -> bytes:
    """The bytes of a model file that loads.

    Raises
    ------
    ModelError
        If it does not.
    """
    path = path or Path(BUNDLED)
    Predictor.load(path, threshold=threshold)
    return path.read_bytes()


def predict_on_cluster(
    client: Client, model: bytes, files: Sequence[File], job: Job, resume: bool
) -> tuple[Outcome, Notes]:
    """Answer files on a cluster, each part of them in a file of its own.

    Parameters
    ----------
    client : distributed.Client
    model : bytes
        Of its file; they are sent to the workers.
    files : sequence of File
    job : Job
    resume : bool
        Keep the parts that an earlier run with the same files, model and options
        made.

    Returns
    -------
    outcome : Outcome
    notes : Notes

    Raises
    ------
    ArticleError
        If a file cannot be read.
    ClusterError
        If the folder is not to be written to, or the cluster breaks down.
    """
    job = replace(job, folder=_folder(job.folder))
    there = _listing(job.folder)
    if there and not resume:
        raise ClusterError(
            f"{job.folder}: is not empty ({there[0]}); name another folder, or go on "
            "with --resume"
        )
    run = f"dateline-{uuid.uuid4().hex}"
    tasks = _Tasks(client, run)
    parts = _parts(tasks, files, job)
    plan = _plan(parts, files, job, model)
    if there and plan != _old_plan(job.folder, there):
        raise ClusterError(
            f"{job.folder}: holds something else than answers of these files by this "
            "model with these options; name another folder or leave --resume out"
        )
    if not there:
        _put_text(plan, job.folder, _PLAN)
    client.register_plugin(ModelPlugin(job, model), name=run)
    try:
        done = {part.to for part in parts} & {*there}
        tallies = _answered(tasks, run, parts, done)
        if job.format == "parquet" and job.fields.keep:
            _make_alike(tasks, run, parts, tallies)
    finally:
        with suppress(OSError, ValueError):  # where the scheduler is gone as well
            tasks.cancel()
            client.unregister_worker_plugin(run)
    _tidy(job.folder)
    notes = Notes()
    for tally in tallies:
        notes.add_all(tally.notes)
    rows = sum(tally.rows for tally in tallies)
    return Outcome(rows, sum(tally.failed for tally in tallies)), notes


def _answered(
    tasks: _Tasks, run: str, parts: Sequence[Part], done: set[str]
) -> list[Tally]:
    tallies: dict[int, Tally] = {}
    meter = Meter(len(parts))
    calls = [(count if part.to in done else answer, run, part) for part in parts]
    with progress(meter, 0, to_terminal=False) as bar:
        for number, tally in tasks.results(calls):
            tallies[number] = tally
            with meter.file(1, lambda: 0):
                pass
            bar.add(tally.rows)
    return [tallies[number] for number in range(len(parts))]


def _make_alike(
    tasks: _Tasks, run: str, parts: Sequence[Part], tallies: Sequence[Tally]
) -> None:
    """Write those parts anew where a column is of another type than in all together.

    A column that is empty in one part, say, and holds numbers in the next.
    """
    kinds: dict[str, set[str]] = {}
    for tally in tallies:
        for column, met in tally.kinds.items():
            kinds[column] = kinds.get(column, set()) | met
    types = common_types(kinds)
    calls = [
        (answer, run, part, types)
        for part, tally in zip(parts, tallies, strict=True)
        if [*common_types(tally.kinds).items()] != [*types.items()]
    ]
    for _ in tasks.results(calls):
        pass


class _Tasks:
    """Calls that the workers make, whatever becomes of some of the workers."""

    def __init__(self, client: Client, run: str) -> None:
        self._client, self._run = client, run
        self._futures: list[Any] = []
        self._calls = 0

    def results(
        self, calls: Sequence[tuple[Callable[..., Any], *tuple[Any, ...]]]
    ) -> Iterator[tuple[int, Any]]:
        """What comes of calls, as they are ready, each with its number."""
        from distributed import as_completed

        numbers = {}
        for number, (function, *arguments) in enumerate(calls):
            self._calls += 1
            future = self._client.submit(
                function,
                *arguments,
                key=f"{self._run}-{function.__name__}-{self._calls}",
                pure=False,
                retries=RETRIES,
            )
            numbers[future.key] = number
            self._futures.append(future)
        for future in as_completed(self._futures, loop=self._client.loop):
            found = future.result()
            yield numbers[future.key], found
        self._futures = []

    def cancel(self) -> None:
        """Take back what is not done."""
        self._client.cancel(self._futures)


def _parts(tasks: _Tasks, files: Sequence[File], job: Job) -> list[Part]:
    """The parts of files, numbered in order."""
    whole = [Part(file.name, file.url) for file in files]
    parquet = [part for part in whole if kind(part.name) == ".parquet"]
    looks = [(look, part, job.fields) for part in parquet]
    found = {parquet[number].url: rows for number, rows in tasks.results(looks)}
    parts: list[Part] = []
    for part in whole:
        parts += _split(part, found[part.url]) if part.url in found else [part]
    width = max(5, len(str(len(parts) - 1)))
    return [
        replace(part, to=f"part-{number:0{width}}.{job.format}")
        for number, part in enumerate(parts)
    ]


def _split(part: Part, groups: Sequence[int]) -> list[Part]:
    found, first, before, rows = [], 0, 0, 0
    for number, size in enumerate(groups):
        if rows and rows + size > PART_ROWS:
            found.append(replace(part, groups=(first, number), before=before))
            first, before, rows = number, before + rows, 0
        rows += size
    return [*found, replace(part, groups=(first, len(groups)), before=before)]


def _plan(
    parts: Sequence[Part], files: Sequence[File], job: Job, model: bytes
) -> dict[str, Any]:
    """What a folder of answers is of."""
    fields = {name: v for name, v in vars(job.fields).items() if name != "notes"}
    plan = {
        "dateline": __version__,
        "model": hashlib.sha256(model).hexdigest(),
        "format": job.format,
        "threshold": job.threshold,
        "fields": {**fields, "keep": [*job.fields.keep]},
        "files": [[file.url, file.size] for file in files],
        "parts": [[part.to, part.url, part.groups, part.before] for part in parts],
    }
    as_read: dict[str, Any] = json.loads(json.dumps(plan))
    return as_read


def _folder(name: str) -> str:
    """A folder as any worker finds it."""
    return name.rstrip("/") if _URL.match(name) else str(Path(name).absolute())


def _listing(folder: str) -> list[str]:
    """The names in a folder, which is made if it is missing; half files left out."""
    from fsspec.core import url_to_fs

    try:
        system, root = url_to_fs(folder)
        system.invalidate_cache()
        if system.isfile(root):
            raise NotADirectoryError(0, "is a file, not a folder")
        if not is_store(system):  # which has no folders, and a bucket is not made so
            system.makedirs(root, exist_ok=True)
        names = (path.rstrip("/").rpartition("/")[2] for path in _paths(system, root))
        return sorted(name for name in names if not name.endswith(UNFINISHED))
    except Exception as error:
        if not (is_of_files(error) or isinstance(error, ValueError)):
            raise
        raise ClusterError(f"{folder}: cannot be written to: {why(error)}") from None


def _paths(system: Any, root: str) -> list[str]:
    try:
        return [path for path in system.ls(root, detail=False) if path != root]
    except FileNotFoundError:  # a store has no empty folders
        return []


def _tidy(folder: str) -> None:
    """Remove what workers that died left half written."""
    from fsspec.core import url_to_fs

    system, root = url_to_fs(folder)
    system.invalidate_cache()
    for path in _paths(system, root):
        name = path.rpartition("/")[2]
        if name.startswith(".part-") and name.endswith(UNFINISHED):
            with suppress(OSError):
                system.rm_file(path)


def _put_text(plan: Mapping[str, Any], folder: str, name: str) -> None:
    with TemporaryDirectory() as here:
        path = Path(here) / name
        path.write_text(json.dumps(plan, ensure_ascii=True) + "\n", "ascii")
        put(path, folder, name)


def _old_plan(folder: str, there: Sequence[str]) -> Any:
    if _PLAN not in there:
        return None
    try:
        with open_url(f"{folder}/{_PLAN}") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None
