"""Label Studio's exports: JSON, JSON_MIN and CSV.

A block of choices whose name (``from_name``) is that of an axis gives that axis. Of
several annotations of a task the latest holds; what was cancelled says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from .errors import SampleError
from .exports import as_object
from .names import Names
from .reading import (
    Answer,
    AnyRow,
    BadRow,
    ReadOptions,
    Row,
    article_parts,
    names_of,
    read_objects,
    read_table,
    shown,
)
from .samples import Sample
from .tables import check_header, part_cells, table_bytes, used_parts
from .taxonomy import Taxonomy

_MADE = ("annotation_id", "annotator", "created_at", "updated_at", "lead_time")
# What JSON_MIN and CSV put beside the fields of a task.


def read_label_studio(stream: BinaryIO, name: str, names: Names) -> Iterator[AnyRow]:
    """Read the JSON export: tasks with ``data`` and ``annotations``."""
    for item in read_objects(stream, name):
        if isinstance(item, BadRow):
            yield item
            continue
        where, task = item
        try:
            row = _from_task(where, as_object(task), names)
        except SampleError as error:
            yield BadRow(where, str(error))
            continue
        if row is not None:
            yield row


def _from_task(where: str, task: Mapping[str, Any], names: Names) -> Row | None:
    data = as_object(task.get("data"))
    found = task.get("annotations", task.get("completions")) or []
    if not isinstance(found, list):
        raise SampleError(f"'annotations' is {shown(found)}, expected a list")
    kept = [
        as_object(one)
        for one in found
        if not (isinstance(one, dict) and _cancelled(one))
    ]
    if found and not kept:
        return None
    fields = {"id": task.get("id"), **_data(data, names.options)}
    parts = article_parts(fields, names.options)
    # Of several that were made at once, the one that is listed last.
    answers = _answers(max(reversed(kept), key=_when)) if kept else ()
    return Row(where, parts, answers)


def _cancelled(annotation: Mapping[str, Any]) -> bool:
    return any(annotation.get(k) for k in ("was_cancelled", "cancelled", "skipped"))


def _when(annotation: Mapping[str, Any]) -> str:
    # Times are ISO 8601 in UTC, which sort as they are.
    return str(annotation.get("updated_at") or annotation.get("created_at") or "")


def _data(data: Mapping[str, Any], options: ReadOptions) -> dict[str, Any]:
    """The fields of a task, of which the only text is the text."""
    fields = {k: v for k, v in data.items() if isinstance(v, str | int)}
    texts = [k for k, v in fields.items() if isinstance(v, str)]
    if len(texts) == 1 and not options.text_field:
        return fields | {"text": fields[texts[0]]}
    return fields


def _answers(annotation: Mapping[str, Any]) -> tuple[Answer, ...]:
    results = annotation.get("result") or []
    if not isinstance(results, list):
        raise SampleError(f"'result' is {shown(results)}, expected a list")
    answers = []
    for result in map(as_object, results):
        if str(result.get("type")).lower() != "choices":
            continue
        value = as_object(result.get("value"))
        field = str(result.get("from_name") or "")
        answers.append(Answer(names_of(value.get("choices"), field), field=field))
    # An annotation without a choice says none where the options name the axis.
    return (*answers, Answer())


def read_label_studio_min(
    stream: BinaryIO, name: str, names: Names
) -> Iterator[AnyRow]:
    """Read the JSON_MIN export: one flat object an annotation."""
    return _joined(_min_rows(stream, name, names))


def read_label_studio_csv(
    stream: BinaryIO, name: str, names: Names
) -> Iterator[AnyRow]:
    """Read the CSV export: one row an annotation."""
    return _joined(_csv_rows(stream, name, names))


_Flat = tuple[Row, str, bool]  # a row, when it was made, and whether it has an id


def _min_rows(stream: BinaryIO, name: str, names: Names) -> Iterator[_Flat | BadRow]:
    for item in read_objects(stream, name):
        if isinstance(item, BadRow):
            yield item
            continue
        where, fields = item
        try:
            yield _from_flat(where, as_object(fields), names)
        except SampleError as error:
            yield BadRow(where, str(error))


def _csv_rows(stream: BinaryIO, name: str, names: Names) -> Iterator[_Flat | BadRow]:
    header, rows = read_table(stream, name, ",")
    if not header:
        return
    check_header(header, name, names)
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        where, cells = row
        try:
            fields = {column: _cell(cell) for column, cell in cells.items() if cell}
            # Only blocks of choices are JSON; the text stays as it stands.
            choices = {f: fields[f] for f in names.label_fields(fields)}
            yield _from_flat(where, {**cells, **choices}, names)
        except SampleError as error:
            yield BadRow(where, str(error))


def _cell(cell: str) -> Any:
    if not cell.startswith(("{", "[")):
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell


def _from_flat(where: str, fields: Mapping[str, Any], names: Names) -> _Flat:
    answers = [
        Answer(names_of(_choices(fields[field]), field), field=field)
        for field in names.label_fields(fields)
        if fields[field] is not None and fields[field] != ""
    ]
    blocks = {answer.field for answer in answers} | set(_MADE)
    rest = {key: value for key, value in fields.items() if key not in blocks}
    parts = article_parts(rest, names.options)
    row = Row(where, parts, (*answers, Answer()))
    made = str(fields.get("updated_at") or fields.get("created_at") or "")
    return row, made, bool(parts["id"])


def _choices(value: Any) -> Any:
    """What was chosen: one name, or several in an object, or a list of either."""
    if isinstance(value, dict) and "choices" in value:
        return value["choices"]
    if isinstance(value, list) and any(isinstance(v, dict) for v in value):
        return [x for v in value for x in _as_list(_choices(v))]
    return value


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _joined(rows: Iterator[_Flat | BadRow]) -> Iterator[AnyRow]:
    """The latest annotation of each task, in the order of the tasks."""
    latest: dict[object, tuple[str, Row]] = {}
    for item in rows:
        if isinstance(item, BadRow):
            yield item
            continue
        row, made, has_id = item
        key = row.parts["id"] if has_id else (row.where,)
        if key not in latest or made >= latest[key][0]:
            latest[key] = (made, row)
    for _, row in latest.values():
        yield row


def render_label_studio(
    samples: Sequence[Sample], taxonomy: Taxonomy, axis: str
) -> bytes:
    """Samples as tasks with one annotation, a block of choices an axis."""
    tasks = []
    for number, sample in enumerate(samples, 1):
        result = [
            {
                "from_name": known,
                "to_name": "text",
                "type": "choices",
                "value": {"choices": list(labels)},
            }
            for known, labels in _known(sample, taxonomy, axis).items()
        ]
        done = {"id": number, "was_cancelled": False, "result": result}
        tasks.append(
            {
                "id": number,
                "data": {k: v for k, v in part_cells(sample).items() if v},
                "annotations": [done] if result else [],
            }
        )
    return (json.dumps(tasks, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def render_label_studio_min(
    samples: Sequence[Sample], taxonomy: Taxonomy, axis: str
) -> bytes:
    """Samples as flat objects, a field an axis."""
    rows = [
        {k: v for k, v in part_cells(sample).items() if v}
        | {a: _pretty(x) for a, x in _known(sample, taxonomy, axis).items()}
        | {"annotation_id": number}
        for number, sample in enumerate(samples, 1)
    ]
    return (json.dumps(rows, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def render_label_studio_csv(
    samples: Sequence[Sample], taxonomy: Taxonomy, axis: str
) -> bytes:
    """Samples as rows, a column an axis; an empty cell is unknown."""
    known = [_known(sample, taxonomy, axis) for sample in samples]
    axes = [a.id for a in taxonomy if any(a.id in labels for labels in known)]
    rows = (
        part_cells(sample)
        | {a: _in_cell(_pretty(labels[a])) for a in axes if a in labels}
        | {"annotation_id": str(number)}
        for number, (sample, labels) in enumerate(zip(samples, known, strict=True), 1)
    )
    columns = [*(axes or ["label"]), "annotation_id"]
    return table_bytes(rows, used_parts(samples), columns, ",")


def _known(sample: Sample, taxonomy: Taxonomy, axis: str) -> dict[str, tuple[str, ...]]:
    return {
        a.id: sample.labels[a.id]
        for a in taxonomy
        if a.id in sample.labels and axis in ("", a.id)
    }


def _pretty(labels: Sequence[str]) -> Any:
    return labels[0] if len(labels) == 1 else {"choices": list(labels)}


def _in_cell(value: Any) -> str:
    plain = isinstance(value, str) and not value.startswith(("{", "["))
    return value if plain else json.dumps(value, ensure_ascii=False)
