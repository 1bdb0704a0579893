"""A run on a cluster: an archive is parted, and the workers answer its parts.

Each part is rows of one file, read, judged and written by one task as one process
would; so a task that is repeated, because its worker died, changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from .. import __version__
from .cluster import ClusterError, Tasks
from .model import BUNDLED
from .notes import Notes
from .parquet import common_types
from .parts import Job, ModelPlugin, Part, Tally, answer, count, look
from .predictor import Predictor
from .progress import progress
from .run import Outcome
from .sources import Meter, kind
from .stores import File, absolute, listing, open_url, put, tidy

if TYPE_CHECKING:
    from distributed import Client

PART_ROWS = 50_000
"""Row groups of a Parquet file are put together to parts of about so many rows."""

_PLAN = "_dateline.json"


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
    job = replace(job, folder=absolute(job.folder))
    there = listing(job.folder)
    if there and not resume:
        raise ClusterError(
            f"{job.folder}: is not empty ({there[0]}); name another folder, or go on "
            "with --resume"
        )
    run = f"dateline-{uuid.uuid4().hex}"
    tasks = Tasks(client, run)
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
    tidy(job.folder)
    notes = Notes()
    for tally in tallies:
        notes.add_all(tally.notes)
    rows = sum(tally.rows for tally in tallies)
    return Outcome(rows, sum(tally.failed for tally in tallies)), notes


def _answered(
    tasks: Tasks, run: str, parts: Sequence[Part], done: set[str]
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
    tasks: Tasks, run: str, parts: Sequence[Part], tallies: Sequence[Tally]
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


def _parts(tasks: Tasks, files: Sequence[File], job: Job) -> list[Part]:
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
