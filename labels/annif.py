"""Annif's corpora of documents: CSV, and folders of files.

https://github.com/NatLibFi/Annif/wiki/Document-corpus-formats
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from .errors import SampleError
from .exports import as_object
from .lines import bare, uri_of, uris_of
from .names import Names
from .reading import (
    NOT_UTF8,
    Answer,
    AnyRow,
    BadRow,
    Knows,
    Row,
    article_parts,
    read_table,
    shown,
)
from .samples import Sample
from .tables import check_header, part_cells, table_bytes, used_parts
from .taxonomy import Taxonomy

SUBJECTS = "subject_uris"
"""The column of Annif's CSV that holds the labels."""

_SAFE_STEM = re.compile(r"\w[\w-]{0,100}", re.ASCII)


def read_annif_csv(stream: BinaryIO, name: str, names: Names) -> Iterator[AnyRow]:
    """Read Annif's CSV: ``text``, ``subject_uris``, and what else there is."""
    header, rows = read_table(stream, name, ",")
    if not header:
        return
    check_header(header, name, names, labels=False)
    columns = [column for column in header if column.strip().lower() == SUBJECTS]
    if not columns:
        raise SampleError(
            f"{name}:1: no column {SUBJECTS!r}; found {', '.join(header)}"
        )
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        where, cells = row
        try:
            parts = article_parts(cells, names.options)
        except SampleError as error:
            yield BadRow(where, str(error))
            continue
        answer = Answer(tuple(map(bare, cells[columns[0]].split())))
        yield Row(where, parts, (answer,))


def read_annif_folder(folder: Path, names: Names) -> Iterator[AnyRow]:
    """Read a folder of documents, in the order of their names.

    ``x.txt`` is a text; its subjects stand in ``x.tsv`` (a URI, a tab, a name a
    line), ``x.key`` (a name a line) or ``x.json``. ``x.json`` alone holds both. The
    id is the file's name without its ending unless the JSON has another.
    """
    found = {path for path in folder.iterdir() if path.suffix in (".txt", ".json")}
    for path in sorted(found):
        text = path.with_suffix(".txt")
        if path != text and text in found:
            continue  # read with its text
        try:
            yield _document(path, names)
        except _Located as error:
            yield BadRow(*error.args)
        except SampleError as error:
            yield BadRow(str(path), str(error))


class _Located(SampleError):
    """An error in the file beside a text: where, and what."""


def _document(path: Path, names: Names) -> Row:
    fields: dict[str, Any] = {"id": path.stem}
    answers: tuple[Answer, ...] = ()
    if path.suffix == ".txt":
        fields["text"] = _text_of(path)
    for ending, parse in _BESIDE.items():
        beside = path.with_suffix(ending)
        if beside.exists():
            more, names_found = parse(beside, _text_of(beside), names.knows)
            fields |= more
            answers = () if names_found is None else (Answer(names_found),)
            break
    row = Row(str(path), article_parts(fields, names.options), answers)
    if answers:
        try:
            names.settle(answers)
        except SampleError as error:
            raise _Located(str(beside), str(error)) from None
    return row


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _Located(str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _Located(str(path), NOT_UTF8) from None


_Beside = tuple[Mapping[str, Any], tuple[str, ...] | None]


def _tsv(path: Path, text: str, knows: Knows) -> _Beside:
    found = []
    for line in filter(str.strip, text.splitlines()):
        uri, _, label = line.partition("\t")
        uri, label = bare(uri.strip()), label.strip()
        found.append(label if label and not knows(uri) and knows(label) else uri)
    return {}, tuple(found)


def _key(path: Path, text: str, knows: Knows) -> _Beside:
    return {}, tuple(line.strip() for line in text.splitlines() if line.strip())


def _json(path: Path, text: str, knows: Knows) -> _Beside:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _Located(str(path), f"not valid JSON ({error})") from None
    document = as_object(document)
    meta = document.get("metadata")
    fields = dict(meta) if isinstance(meta, dict) else {}
    for name in ("text", "document_id"):
        if document.get(name) is not None:
            fields["id" if name == "document_id" else name] = document[name]
    subjects = document.get("subjects")
    if subjects is None:
        return fields, None
    if not isinstance(subjects, list):
        raise SampleError(f"'subjects' is {shown(subjects)}, expected a list")
    found = []
    for subject in map(as_object, subjects):
        ways = [w for w in (subject.get("uri"), subject.get("label")) if w]
        if not ways or not all(isinstance(way, str) for way in ways):
            raise SampleError(
                f"a subject is {shown(subject)}, expected 'uri' or 'label'"
            )
        forms = [bare(way) for way in ways]
        found.append(next((form for form in forms if knows(form)), forms[0]))
    return fields, tuple(found)


_BESIDE: dict[str, Callable[[Path, str, Knows], _Beside]] = {
    ".tsv": _tsv,
    ".key": _key,
    ".json": _json,
}


def render_annif_csv(samples: Sequence[Sample], taxonomy: Taxonomy, axis: str) -> bytes:
    """Samples as Annif's CSV, with columns for what else they hold."""
    rows = (
        part_cells(sample)
        | {
            "document_id": sample.id,
            SUBJECTS: " ".join(uris_of(sample, taxonomy, axis)),
        }
        for sample in samples
    )
    parts = [part for part in used_parts(samples) if part != "id"]
    return table_bytes(rows, ["document_id", *parts], [SUBJECTS], ",")


def render_annif_folder(
    samples: Sequence[Sample], taxonomy: Taxonomy, axis: str
) -> dict[str, bytes]:
    """Samples as the files of a folder, by name.

    Texts with subjects beside them where nothing else is to be kept; one JSON file a
    document otherwise.
    """
    ids = [sample.id for sample in samples]
    plain = (
        all(map(_SAFE_STEM.fullmatch, ids))
        and [Path(f"{id}.txt") for id in ids]
        == sorted({Path(f"{id}.txt") for id in ids})
        and len({id.casefold() for id in ids}) == len(ids)
        and not any(s.title or s.source or s.date for s in samples)
    )
    files: dict[str, bytes] = {}
    for number, sample in enumerate(samples, 1):
        known = [a for a in taxonomy if a.id in sample.labels and axis in ("", a.id)]
        subjects = [
            (uri_of(a.id, label, taxonomy), label)
            for a in known
            for label in sample.labels[a.id]
        ]
        if plain:
            files[f"{sample.id}.txt"] = sample.text.encode("utf-8")
            table = "".join(f"<{uri}>\t{label}\n" for uri, label in subjects)
            if known:
                files[f"{sample.id}.tsv"] = table.encode("utf-8")
            continue
        meta = {k: v for k in ("title", "source", "date") if (v := getattr(sample, k))}
        document: dict[str, Any] = {"document_id": sample.id, "text": sample.text}
        document |= {"metadata": meta} if meta else {}
        if known:
            document["subjects"] = [{"uri": u, "label": label} for u, label in subjects]
        name = f"{number:0{max(5, len(str(len(samples))))}}.json"
        files[name] = (json.dumps(document, ensure_ascii=False) + "\n").encode("utf-8")
    return files
