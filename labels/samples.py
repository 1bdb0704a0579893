"""Labelled samples: what they are, and reading and writing the project's own files.

A file of samples is JSON lines, one object a line::

    {"id": "a1", "title": "...", "text": "...", "regions": ["caribbean"], "topics": []}

An axis that is absent is unknown for that sample: it is neither trained nor judged on.
An axis that is ``[]`` is known to have none of its labels.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from .errors import SampleError, UnknownLabelError
from .files import atomic_write
from .taxonomy import Axis, Taxonomy


@dataclass(frozen=True)
class Sample:
    """One article with what is known of it.

    Attributes
    ----------
    id : str
        Identifier; unique within a file.
    title, text : str
        One of them may be empty.
    labels : mapping of str to tuple of str
        Axis id to label ids, the primary one first. An axis that is not a key is
        unknown; an empty tuple says that none of its labels applies.
    source, date : str
        Where and when it appeared; may be empty.
    rejected : mapping of str to tuple of str
        Axis id to labels that are known not to apply, on axes of which nothing else
        is known.
    """

    id: str
    title: str
    text: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    source: str = ""
    date: str = ""
    rejected: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The sample as one object of a JSON lines file."""
        row: dict[str, Any] = {"id": self.id, "title": self.title, "text": self.text}
        row |= {axis: list(labels) for axis, labels in self.labels.items()}
        row |= {k: v for k in ("source", "date") if (v := getattr(self, k))}
        if self.rejected:
            row["rejected"] = {a: list(labels) for a, labels in self.rejected.items()}
        return row

    @classmethod
    def from_json(cls, row: Any, taxonomy: Taxonomy, *, id: str = "") -> Sample:
        """Read one object of a JSON lines file.

        Parameters
        ----------
        row : object
            What the line says.
        taxonomy : Taxonomy
            The axes to look for; labels match by id, code, name or alias. Fields
            that name neither an axis nor a part of a sample are passed over.
        id : str, optional
            The id to give a sample that has none.

        Raises
        ------
        SampleError
            If it is no sample; the message does not say where it stands.
        """
        if not isinstance(row, dict):
            raise SampleError(
                f"expected a JSON object, found {type(row).__name__}; a sample is "
                '{"id": ..., "title": ..., "text": ..., "<axis>": [labels]}'
            )
        text = {}
        for key in ("id", "title", "text", "source", "date"):
            value = row.get(key)
            if key == "id" and isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
            if value is not None and not isinstance(value, str):
                raise SampleError(f"{key!r} is {_shown(value)}, expected a string")
            text[key] = _encodable(value or "", key)
        if not (text["title"].strip() or text["text"].strip()):
            raise SampleError("has neither 'title' nor 'text'; one must say something")
        rejected = row.get("rejected", {})
        if not isinstance(rejected, dict):
            raise SampleError(
                f"'rejected' is {_shown(rejected)}, expected an object of axes and "
                "labels"
            )
        text["id"] = text["id"] or id
        return cls(
            labels={
                axis.id: axis_labels(axis, row[axis.id])
                for axis in taxonomy
                if row.get(axis.id) is not None
            },
            rejected={
                axis.id: _found(axis, rejected[axis.id])
                for axis in taxonomy
                if row.get(axis.id) is None and rejected.get(axis.id)
            },
            **text,
        )


def axis_labels(axis: Axis, given: object) -> tuple[str, ...]:
    """Look up the labels that a sample has on one axis.

    Parameters
    ----------
    axis : Axis
    given : object
        What the sample says: a list of ids, codes, names or aliases.

    Returns
    -------
    tuple of str
        Their ids in order, each followed by those above it.

    Raises
    ------
    SampleError
        If it is no list, a name is unknown, or an axis of single labels has several.
    """
    found = axis.roll_up(_found(axis, given))
    if axis.single_label and len(axis.leaves(found)) > 1:
        raise SampleError(
            f"{axis.id!r} has {', '.join(axis.leaves(found))}, expected one label: the "
            "taxonomy says single_label"
        )
    return found


def _found(axis: Axis, given: object) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise SampleError(
            f"{axis.id!r} is {_shown(given)}, expected a list of labels "
            "(leave it out where it is unknown)"
        )
    try:
        return tuple(
            dict.fromkeys(axis.find(_string(name, axis.id)).id for name in given)
        )
    except UnknownLabelError as error:
        raise SampleError(str(error)) from None


def read_samples(
    path: str | Path,
    taxonomy: Taxonomy,
    *,
    on_error: Callable[[SampleError], None] | None = None,
) -> Iterator[Sample]:
    """Read a JSON lines file of samples, plain or gzip.

    Parameters
    ----------
    path : str or Path
    taxonomy : Taxonomy
        The axes to look for.
    on_error : callable, optional
        Called with each row's error, after which reading goes on. Default: the
        first error is raised.

    Yields
    ------
    Sample
        In file order. A row without an id gets ``<file name>:<line>``.

    Raises
    ------
    SampleError
        Naming file and line; always where the file itself cannot be read.
    """
    path = Path(path)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    yield _from_line(line, taxonomy, f"{path.name}:{number}")
                except SampleError as error:
                    located = SampleError(f"{path}:{number}: {error}")
                    if on_error is None:
                        raise located from None
                    on_error(located)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise SampleError(f"{path}: cannot be read: {reason}") from None


def _from_line(line: bytes, taxonomy: Taxonomy, id: str) -> Sample:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SampleError(
            f"not UTF-8 ({error.reason} at byte {error.start + 1} of the line); "
            "convert the file to UTF-8"
        ) from None
    except (ValueError, RecursionError) as error:
        raise SampleError(f"not valid JSON ({error})") from None
    return Sample.from_json(row, taxonomy, id=id)


def write_samples(path: str | Path, samples: Iterable[Sample]) -> int:
    """Write samples as JSON lines, gzip where the name ends in ``.gz``.

    The file appears whole or not at all: it is written under a temporary name
    beside its own, then renamed.

    Returns
    -------
    int
        How many were written.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    written = 0
    with atomic_write(path) as raw:
        stream: Any = (
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0)
            if path.suffix == ".gz"
            else raw
        )
        for sample in samples:
            line = json.dumps(sample.to_json(), ensure_ascii=False)
            stream.write(line.encode("utf-8") + b"\n")
            written += 1
        if stream is not raw:
            stream.close()
    return written


def bundled_samples(taxonomy: Taxonomy | None = None) -> list[Sample]:
    """The samples that come with the package, in the order of their files.

    Parameters
    ----------
    taxonomy : Taxonomy, optional
        The axes to take from them; a sample that carries none of them is left out.
        Default: the bundled taxonomy.

    Raises
    ------
    SampleError
        If the taxonomy has an axis of theirs but not their labels.
    """
    taxonomy = taxonomy or Taxonomy.bundled()
    folder = files(__name__.rpartition(".")[0]) / "samples"
    found = []
    for table in sorted(folder.iterdir(), key=lambda table: table.name):
        if not table.name.endswith(".jsonl"):
            continue
        lines = table.read_bytes().rstrip(b"\n").split(b"\n")
        for number, line in enumerate(lines, 1):
            try:
                found.append(_from_line(line, taxonomy, f"{table.name}:{number}"))
            except SampleError as error:
                raise SampleError(
                    f"bundled samples, {table.name}:{number}: {error}"
                ) from None
    return [sample for sample in found if sample.labels]


def _encodable(value: str, key: str) -> str:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise SampleError(
            f"{key!r} holds half of a surrogate pair (\\ud800 to \\udfff), which is no "
            "character; mend what wrote the file"
        ) from None
    return value


def _string(value: object, axis: str) -> str:
    if not isinstance(value, str):
        raise SampleError(f"{axis!r} holds {_shown(value)}, expected label names")
    return value


def _shown(value: object) -> str:
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return shown if len(shown) <= 60 else shown[:57] + "..."
