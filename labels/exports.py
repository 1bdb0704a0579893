"""JSON files of labelling tools: doccano, Prodigy and spaCy."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from .errors import SampleError
from .names import Names
from .reading import (
    Answer,
    AnyRow,
    BadRow,
    Knows,
    ProjectRow,
    Row,
    article_parts,
    names_of,
    read_objects,
    shown,
)
from .samples import Sample
from .tables import all_labels
from .taxonomy import Taxonomy

LIKELY = 0.5
"""From which score on a category of spaCy's is a label."""

_Fields = Mapping[str, Any]


def read_project(stream: BinaryIO, name: str, names: Names) -> Iterator[AnyRow]:
    """Read the project's own objects, one a line or in a list."""
    for item in read_objects(stream, name):
        yield item if isinstance(item, BadRow) else ProjectRow(*item)


def read_doccano(stream: BinaryIO, name: str, names: Names) -> Iterator[AnyRow]:
    """Read doccano's JSON: ``text`` and ``label``, a list of names."""
    return _rows(stream, name, lambda fields: _doccano(fields, names))


def read_spacy(stream: BinaryIO, name: str, names: Names) -> Iterator[AnyRow]:
    """Read texts with spaCy's ``cats``: names of labels and scores."""
    return _rows(stream, name, lambda fields: _spacy(fields, names))


def _rows(
    stream: BinaryIO,
    name: str,
    parse: Callable[[_Fields], tuple[Mapping[str, str], tuple[Answer, ...]]],
) -> Iterator[AnyRow]:
    for item in read_objects(stream, name):
        if isinstance(item, BadRow):
            yield item
            continue
        where, fields = item
        try:
            yield Row(where, *parse(as_object(fields)))
        except SampleError as error:
            yield BadRow(where, str(error))


def as_object(value: object) -> dict[str, Any]:
    """Refuse what is no JSON object.

    Raises
    ------
    SampleError
        Saying what it is.
    """
    if not isinstance(value, dict):
        raise SampleError(f"expected a JSON object, found {type(value).__name__}")
    return value


def _doccano(
    fields: _Fields, names: Names
) -> tuple[Mapping[str, str], tuple[Answer, ...]]:
    if "annotations" in fields:
        raise SampleError(
            "holds 'annotations', in which old versions of doccano number the labels; "
            "export it with the labels' names ('JSONL (text label)')"
        )
    answers = tuple(
        Answer(names_of(fields[field], field), field=field)
        for field in names.label_fields(fields)
        if fields[field] is not None
    )
    return article_parts(fields, names.options, text=("data",)), answers


def _spacy(
    fields: _Fields, names: Names
) -> tuple[Mapping[str, str], tuple[Answer, ...]]:
    parts = _parts_with_meta(fields, names)
    cats = fields.get("cats")
    if cats is None:
        return parts, ()
    if not isinstance(cats, dict):
        raise SampleError(
            f"'cats' is {shown(cats)}, expected an object of labels and scores"
        )
    chosen: list[str] = []
    against: list[str] = []
    for label, score in cats.items():
        if not isinstance(score, int | float) or not -1e9 < score < 1e9:
            raise SampleError(
                f"'cats' gives {label!r} {shown(score)}, expected a score"
            )
        (chosen if score >= LIKELY else against).append(label)
    return parts, (Answer(tuple(chosen), tuple(against)),)


def _parts_with_meta(fields: _Fields, names: Names) -> dict[str, str]:
    """The parts of an article, some of which may stand in ``meta``."""
    meta = fields.get("meta")
    return article_parts(
        {**(meta if isinstance(meta, dict) else {}), **fields}, names.options
    )


def read_prodigy(stream: BinaryIO, name: str, names: Names) -> Iterator[AnyRow]:
    """Read Prodigy's JSON lines: choices, and single labels accepted or rejected.

    Rows of one text are joined, as their ``_input_hash`` or else the text says; of
    two answers about the same label the later holds. Rows that were ignored, and
    choices that were rejected, say nothing.
    """
    joined: dict[object, tuple[str, dict[str, str], list[Answer]]] = {}
    for item in read_objects(stream, name):
        if isinstance(item, BadRow):
            yield item
            continue
        where, fields = item
        try:
            fields = as_object(fields)
            answers = _prodigy(fields, names.knows)
            if answers is None:
                continue
            parts = _parts_with_meta(fields, names)
            key = fields.get("_input_hash")
            key = key if isinstance(key, int) else (parts["title"], parts["text"])
            names.settle(answers)  # so that what is wrong is found in its own row
        except SampleError as error:
            yield BadRow(where, str(error))
            continue
        joined.setdefault(key, (where, parts, []))[2].extend(answers)
    for where, parts, answers in joined.values():
        yield Row(where, parts, tuple(_latest(answers)))


def _prodigy(fields: _Fields, knows: Knows) -> list[Answer] | None:
    """What a row says; None where it was passed over."""
    answer = fields.get("answer")
    if answer not in ("accept", "reject", "ignore"):
        raise SampleError(
            f"'answer' is {shown(answer)}, expected accept, reject or ignore"
        )
    if answer == "ignore":
        return None
    if "accept" in fields or "options" in fields:
        return [_choice(fields, knows)] if answer == "accept" else None
    label = fields.get("label")
    if label is None and answer == "accept":
        return []
    if not isinstance(label, str):
        raise SampleError(
            f"'label' is {shown(label)}, expected the name of a label (or 'options' and "
            "'accept')"
        )
    if answer == "accept":
        return [Answer((label,), settled=False)]
    return [Answer(against=(label,), settled=False)]


def _choice(fields: _Fields, knows: Knows) -> Answer:
    options = fields.get("options") or []
    accepted = fields.get("accept") or []
    if not isinstance(accepted, list) or not isinstance(options, list):
        raise SampleError("'options' and 'accept' of a choice are lists")
    called: dict[object, str] = {}
    for option in options:
        option = option if isinstance(option, dict) else {"id": option}
        id, text = option.get("id"), option.get("text")
        if not isinstance(id, str | int):
            raise SampleError(f"an option is {shown(option)}, expected an 'id'")
        # The id is the label, unless only the text is one.
        wanted = text if isinstance(text, str) and not knows(str(id)) else str(id)
        called[id] = wanted if knows(wanted) else str(id)
    for one in accepted:
        if not isinstance(one, str | int):
            raise SampleError(f"'accept' holds {shown(one)}, expected ids of options")
    chosen = [called.get(one, str(one)) for one in accepted]
    return Answer(
        tuple(chosen), tuple(name for name in called.values() if name not in chosen)
    )


def _latest(answers: Iterable[Answer]) -> list[Answer]:
    """Take from earlier answers what later ones contradict."""
    kept: list[Answer] = []
    seen: set[str] = set()
    for answer in reversed(list(answers)):
        chosen = tuple(name for name in answer.chosen if name not in seen)
        against = tuple(name for name in answer.against if name not in seen)
        seen |= {*answer.chosen, *answer.against}
        if chosen or against or answer.settled:
            kept.append(Answer(chosen, against, settled=answer.settled))
    return kept[::-1]


def render_project(samples: Sequence[Sample], taxonomy: Taxonomy, axis: str) -> bytes:
    """Samples as the project's own JSON lines."""
    rows = []
    for sample in samples:
        row = sample.to_json()
        dropped = [a for a in sample.labels if axis not in ("", a)]
        rows.append({key: v for key, v in row.items() if key not in dropped})
    return lines_of_json(rows)


def render_doccano(samples: Sequence[Sample], taxonomy: Taxonomy, axis: str) -> bytes:
    """Samples as doccano's JSON lines; one without a known axis has no ``label``."""
    return lines_of_json(
        _filled_parts(sample)
        | (
            {"label": all_labels(sample, taxonomy, axis)}
            if _axes(sample, taxonomy, axis)
            else {}
        )
        for sample in samples
    )


def render_spacy(samples: Sequence[Sample], taxonomy: Taxonomy, axis: str) -> bytes:
    """Samples with ``cats``: on each known axis 1 for its labels, 0 for the others."""
    rows = []
    for sample in samples:
        cats: dict[str, float] = {}
        for known in _axes(sample, taxonomy, axis):
            cats |= dict.fromkeys(sample.labels[known], 1.0)
            cats |= {x: 0.0 for x in taxonomy[known].ids if x not in cats}
        for asked in sample.rejected if not axis else ():
            cats |= dict.fromkeys(sample.rejected[asked], 0.0)
        rows.append(_with_meta(sample) | ({"cats": cats} if cats else {}))
    return lines_of_json(rows)


def render_prodigy(samples: Sequence[Sample], taxonomy: Taxonomy, axis: str) -> bytes:
    """Samples as Prodigy's JSON lines: a choice an axis, a binary row a rejection."""
    rows: list[dict[str, Any]] = []
    taken: set[int] = set()
    for sample in samples:
        # Samples with the same text stay apart, as long as no hash is made anew.
        key = zlib.crc32(json.dumps(sample.to_json()).encode())
        while key in taken:
            key += 1
        taken.add(key)
        task = _with_meta(sample) | {"_input_hash": key}
        asked = [
            {
                "options": [{"id": x, "text": x} for x in taxonomy[known].ids],
                "accept": list(sample.labels[known]),
                "answer": "accept",
            }
            for known in _axes(sample, taxonomy, axis)
        ]
        asked += [
            {"label": label, "answer": "reject"}
            for on, labels in sample.rejected.items()
            for label in labels
            if axis in ("", on)
        ]
        rows += [task | one for one in asked or [{"answer": "accept"}]]
    return lines_of_json(rows)


def lines_of_json(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Objects as a file, one a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode(
        "utf-8"
    )


def _axes(sample: Sample, taxonomy: Taxonomy, axis: str) -> list[str]:
    return [a.id for a in taxonomy if a.id in sample.labels and axis in ("", a.id)]


def _filled_parts(sample: Sample) -> dict[str, Any]:
    parts = ("id", "title", "text", "source", "date")
    return {p: v for p in parts if (v := getattr(sample, p)) or p == "text"}


def _with_meta(sample: Sample) -> dict[str, Any]:
    parts = _filled_parts(sample)
    return {"text": parts.pop("text")} | ({"meta": parts} if parts else {})
