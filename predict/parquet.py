"""Parquet in, by row groups, and Parquet out, made of JSON lines."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

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


def read_parquet(name: str, fields: Fields, meter: Meter) -> Iterator[Article | BadRow]:
    """Read the articles of a Parquet file; one batch of rows is held at a time.

    Raises
    ------
    ArticleError
        If pyarrow is not installed, or the file is none of that kind.
    """
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise ArticleError(f"{name}: reading Parquet takes pyarrow: {_PIP}") from None
    size = Path(name).stat().st_size
    row = 0
    try:
        # Without buffering ahead, which holds whole row groups: 230 MB for one of 60 MB
        # instead of 170.
        with ParquetFile(name, pre_buffer=False, buffer_size=1 << 20) as file:
            columns = file.schema_arrow.names
            fields.check(columns, name)
            wanted = [column for column in columns if fields.needs(column)]
            count = max(file.metadata.num_rows, 1)
            batches = file.iter_batches(batch_size=_BATCH, columns=wanted)
            with meter.file(size, lambda: size * row / count):
                for batch in batches:
                    for found in batch.to_pylist():
                        row += 1
                        yield fields.row(found, row, f"{name}: row {row}")
    except (ArrowException, UnicodeDecodeError) as error:
        where = f"{name}: behind row {row}" if row else name
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


def write_parquet(answers: Path, output: Path, axes: Sequence[str]) -> None:
    """Write answers that stand in a file of JSON lines as Parquet, whole or not at all.

    Parameters
    ----------
    answers : Path
        JSON lines, as `dateline predict` writes them.
    output : Path
    axes : sequence of str
        Those of the model, of which each becomes a list of label, name, code, score.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    types = _types(_objects(answers), axes)
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


def _put_as_text(row: dict[str, Any], types: dict[str, str]) -> None:
    for column, of in types.items():
        if of == "text" and not isinstance(row.get(column), str | None):
            row[column] = json.dumps(row[column], ensure_ascii=False)


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as lines:
        for line in lines:
            yield json.loads(line)


def _types(rows: Iterable[dict[str, Any]], axes: Sequence[str]) -> dict[str, str]:
    """What type the columns that were kept are, in the order in which they appear.

    A column of several types, or of lists and objects, becomes text.
    """
    ours = {"id", "error", *axes}
    met: dict[str, set[str]] = {}
    for row in rows:
        for column, value in row.items():
            if column in ours:
                continue
            kinds = met.setdefault(column, set())
            if value is not None:
                kinds.add(_type(value))
    return {column: _common(kinds) for column, kinds in met.items()}


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
