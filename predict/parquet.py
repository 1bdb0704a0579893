"""Parquet in, by row groups, and Parquet out, made of JSON lines."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ..labels.errors import DatelineError
from .article import Article
from .fields import ArticleError, BadRow, Fields
from .sources import Meter

GROUP = 10_000
"""Answers in a row group."""

_BATCH = 1000
_PIP = "pip install 'dateline[parquet]'"


class ParquetError(DatelineError):
    """Answers cannot be written as Parquet."""


def read_parquet(
    name: str,
    fields: Fields,
    meter: Meter | None = None,
    *,
    file: BinaryIO | None = None,
    groups: range | None = None,
    before: int = 0,
) -> Iterator[Article | BadRow]:
    """Read the articles of a Parquet file; one batch of rows is held at a time.

    Parameters
    ----------
    name : str
    fields : Fields
    meter : Meter, optional
    file : binary file, optional
        Where it stands open. Default: the one at `name`.
    groups : range, optional
        The row groups that are read. Default: all.
    before : int, default=0
        How many rows of the file stand before them.

    Raises
    ------
    ArticleError
        If pyarrow is not installed, or the file is none of that kind.
    """
    size = Path(name).stat().st_size if file is None else 0
    row = before
    with _parquet_file(name, file, lambda: row) as opened:
        columns = opened.schema_arrow.names
        fields.check(columns, name)
        wanted = [column for column in columns if fields.needs(column)]
        count = max(opened.metadata.num_rows, 1)
        batches = opened.iter_batches(
            batch_size=_BATCH,
            columns=wanted,
            row_groups=None if groups is None else list(groups),
            # Beside others on a cluster, whose threads are counted.
            use_threads=file is None,
        )
        with (meter or Meter()).file(size, lambda: size * row / count):
            for batch in batches:
                for found in batch.to_pylist():
                    row += 1
                    yield fields.row(found, row, f"{name}: row {row}")


def row_groups(name: str, file: BinaryIO, fields: Fields) -> list[int]:
    """How many rows each row group of a Parquet file has.

    Raises
    ------
    ArticleError
        If it is no Parquet file, or its columns hold no text.
    """
    with _parquet_file(name, file, lambda: 0) as opened:
        fields.check(opened.schema_arrow.names, name)
        about = opened.metadata
        return [about.row_group(i).num_rows for i in range(about.num_row_groups)]


@contextmanager
def _parquet_file(
    name: str, file: BinaryIO | None, row: Callable[[], int]
) -> Iterator[Any]:
    """An open Parquet file; errors say behind which row they were met."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise ArticleError(f"{name}: reading Parquet takes pyarrow: {_PIP}") from None
    try:
        # Without buffering ahead, which holds whole row groups: 230 MB for one of 60 MB
        # instead of 170.
        with ParquetFile(file or name, pre_buffer=False, buffer_size=1 << 20) as opened:
            yield opened
    except (ArrowException, UnicodeDecodeError) as error:
        where = f"{name}: behind row {row()}" if row() else name
        raise ArticleError(f"{where}: is no Parquet file: {error}") from None


def check_parquet(output: Path) -> None:
    """Find out before the work whether Parquet can be written.

    Raises
    ------
    ParquetError
        If pyarrow is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise ParquetError(
            f"{output}: writing Parquet takes pyarrow: {_PIP}; or write .jsonl or .csv"
        ) from None


def count_answers(output: Path) -> tuple[int, int, str]:
    """How many answers a finished file holds, how many failed, the id of the last.

    Raises
    ------
    ParquetError
        If it is no file of answers.
    """
    from pyarrow import ArrowException, compute
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(output) as file:
            names = file.schema_arrow.names
            if names[:1] != ["id"] or "error" not in names:
                raise ParquetError(f"{output}: holds something else than answers")
            failed, last = 0, ""
            for batch in file.iter_batches(columns=["id", "error"]):
                failed += compute.count(batch["error"]).as_py()
                last = batch["id"][-1].as_py() if len(batch) else last
            return file.metadata.num_rows, failed, last
    except ArrowException as error:
        raise ParquetError(f"{output}: is no Parquet file: {error}") from None


def write_parquet(
    answers: Path,
    output: Path,
    axes: Sequence[str],
    types: Mapping[str, str] | None = None,
) -> None:
    """Write answers that stand in a file of JSON lines as Parquet, whole or not at all.

    Parameters
    ----------
    answers : Path
        JSON lines, as `dateline predict` writes them.
    output : Path
    axes : sequence of str
        Those of the model, of which each becomes a list of label, name, code, score.
    types : mapping of str to str, optional
        What the columns that were kept are; as :func:`common_types` gives them.
        Default: as the answers show.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    if types is None:
        types = common_types(column_kinds(answers, axes))
    text = pa.string()
    scored = pa.struct(
        {"label": text, "name": text, "code": text, "score": pa.float64()}
    )
    named = {"text": text, "bool": pa.bool_(), "int": pa.int64(), "float": pa.float64()}
    schema = pa.schema(
        [("id", text), *((axis, pa.list_(scored)) for axis in axes), ("error", text)]
        + [(column, named[of]) for column, of in types.items()]
    )
    # A name that is always the same: what a killed run leaves is written over.
    unfinished = output.with_name(f"{output.name}.unfinished")
    try:
        with unfinished.open("wb") as file, ParquetWriter(file, schema) as writer:
            rows = _objects(answers)
            while group := list(itertools.islice(rows, GROUP)):
                for found in group:
                    _put_as_text(found, types)
                writer.write_table(pa.Table.from_pylist(group, schema))
        unfinished.replace(output.resolve())
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _put_as_text(row: dict[str, Any], types: Mapping[str, str]) -> None:
    for column, of in types.items():
        if of == "text" and not isinstance(row.get(column), str | None):
            row[column] = json.dumps(row[column], ensure_ascii=False)


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as lines:
        for line in lines:
            yield json.loads(line)


def column_kinds(answers: Path, axes: Sequence[str]) -> dict[str, set[str]]:
    """The kinds of values in the columns that were kept, in order of appearance.

    Parameters
    ----------
    answers : Path
        JSON lines.
    axes : sequence of str
    """
    ours = {"id", "error", *axes}
    met: dict[str, set[str]] = {}
    for row in _objects(answers):
        for column, value in row.items():
            if column in ours:
                continue
            kinds = met.setdefault(column, set())
            if value is not None:
                kinds.add(_type(value))
    return met


def common_types(met: Mapping[str, set[str]]) -> dict[str, str]:
    """What type the columns that were kept are.

    A column of several types, or of lists and objects, becomes text.
    """
    return {column: _common(kinds) for column, kinds in met.items()}


def kinds_in(
    file: BinaryIO, axes: Sequence[str]
) -> tuple[int, int, dict[str, set[str]]]:
    """How many answers a Parquet file of answers has, how many failed, and the kinds
    of values in the columns that were kept, as far as their types tell.
    """
    from pyarrow import types
    from pyarrow.parquet import ParquetFile

    with ParquetFile(file) as opened:
        ours = {"id", *axes}
        others = [name for name in opened.schema_arrow.names if name not in ours]
        table = opened.read(columns=others)
    kinds: dict[str, set[str]] = {}
    for name in others:
        of = table.schema.field(name).type
        kind = next(
            (
                said
                for said, holds in (
                    ("bool", types.is_boolean),
                    ("int", types.is_integer),
                    ("float", types.is_floating),
                )
                if holds(of)
            ),
            "text",
        )
        kinds[name] = {kind} if table[name].null_count < len(table) else set()
    kinds.pop("error", None)
    return len(table), len(table) - table["error"].null_count, kinds


def _type(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -(2**63) <= value < 2**63 else "text"
    return "float" if isinstance(value, float) else "text"


def _common(kinds: set[str]) -> str:
    if kinds == {"int", "float"}:
        return "float"
    return next(iter(kinds)) if len(kinds) == 1 else "text"
