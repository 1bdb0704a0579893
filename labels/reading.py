"""What the readers of labelled files share: options, rows, lines, tables, objects."""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from .errors import SampleError
from .mapping import LabelMap

LABEL_PREFIX = "__label__"
"""What marks a label in a fastText file unless another prefix is given."""

FIELDS = {
    "id": ("id", "document_id", "guid", "uid", "url", "link"),
    "title": ("title", "headline", "head"),
    "text": ("text", "body", "content", "article", "maintext", "description"),
    "source": ("source", "publisher", "outlet"),
    "date": ("date", "published"),
}
"""What files call the parts of an article, the likeliest name first."""

LABEL_FIELDS = (
    *("label", "labels", "category", "categories", "topic", "topics"),
    *("tag", "tags", "class", "classes", "subject", "subjects"),
    *("section", "desk", "choice", "choices", "target"),
)
"""What files call a column of labels that no axis is named after."""

_ESCAPED = re.compile("[\udc80-\udcff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BRACKET = re.compile(r"[\[\]{}]")
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*("|\\?\Z)|[\[\]{}]', re.DOTALL)


@dataclass(frozen=True)
class ReadOptions:
    """How a file of labelled samples is to be read.

    Attributes
    ----------
    format : str
        One of the names in `FORMATS`. Default: found out from the file.
    axis : str
        The axis of labels that stand in no column, block or field of its name.
        Default: the taxonomy's only axis, else each label is looked up on all.
    text_field, title_field, id_field : str
        Columns or fields. Default: guessed from what they are called.
    label_fields : tuple of (str, str)
        Columns or fields that hold labels, each with its axis, or ``""`` where that
        is to be found out. Default: those that are called as an axis, else the first
        of `LABEL_FIELDS`.
    label_prefix : str
        What marks a label in a fastText file.
    map : LabelMap, optional
        Renames labels.
    """

    format: str = ""
    axis: str = ""
    text_field: str = ""
    title_field: str = ""
    id_field: str = ""
    label_fields: tuple[tuple[str, str], ...] = ()
    label_prefix: str = LABEL_PREFIX
    map: LabelMap | None = None

    def named(self, part: str) -> str:
        """The field that was given for a part of an article; empty where none was."""
        name: str = getattr(self, f"{part}_field", "")
        return name

    @property
    def names_fields(self) -> bool:
        """Whether any column or field was given."""
        return any(map(self.named, FIELDS)) or bool(self.label_fields)


@dataclass(frozen=True)
class Answer:
    """What somebody said of an article: names of labels, not yet looked up.

    Attributes
    ----------
    chosen : tuple of str
        Labels that apply.
    against : tuple of str
        Labels that do not.
    field : str
        The column, block or field in which it stands; empty where there is none.
    separators : str
        Characters that may part several names in one.
    settled : bool
        Whether nothing else applies: with nothing chosen, none of the labels does.
    """

    chosen: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    field: str = ""
    separators: str = ""
    settled: bool = True


@dataclass(frozen=True)
class Row:
    """One article of a file, and where it stands.

    Attributes
    ----------
    where : str
        File and line.
    parts : mapping of str to str
        As :func:`article_parts` gives them.
    answers : tuple of Answer
    """

    where: str
    parts: Mapping[str, str]
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True)
class ProjectRow:
    """One object of the project's own JSON lines, and where it stands."""

    where: str
    object: Any


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be read: where it stands, and why."""

    where: str
    reason: str


AnyRow = Row | ProjectRow | BadRow
Knows = Callable[[str], bool]
"""Says whether a name is that of a label."""


def ending(name: str) -> str:
    """The ending of a file name without ``.gz``, in lower case."""
    path = Path(name)
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix == ".gz" else suffix


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading, unpacking it where its name ends in ``.gz``."""
    if path.suffix.lower() == ".gz":
        return cast(BinaryIO, gzip.open(path))
    return path.open("rb")


def article_parts(
    fields: Mapping[Any, Any], options: ReadOptions, *, text: tuple[str, ...] = ()
) -> dict[str, str]:
    """Find id, title, text, source and date among the fields of a row.

    Parameters
    ----------
    fields : mapping
        Names and values.
    options : ReadOptions
        Which fields were named.
    text : tuple of str, optional
        More names for the text.

    Raises
    ------
    SampleError
        If a field that was named is missing, a value is of another type, or neither
        a title nor a text says something.
    """
    by_name = {str(key).strip().lower(): value for key, value in fields.items()}
    parts: dict[str, str] = {}
    for part, guesses in FIELDS.items():
        named = options.named(part).strip().lower()
        if named and named not in by_name:
            raise SampleError(
                f"has no field {options.named(part)!r}; it has "
                f"{', '.join(by_name) or 'none'}"
            )
        names = (named,) if named else guesses + (text if part == "text" else ())
        value = _first(by_name, names)
        if part == "id" and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            if part in ("source", "date"):
                value = ""  # what others put there is none of ours
            else:
                raise SampleError(f"{part!r} is {shown(value)}, expected a string")
        parts[part] = value
    check_parts(parts, by_name)
    return parts


def check_parts(parts: Mapping[str, str], fields: Iterable[str] = ()) -> None:
    """Refuse an article without words, or with what is no character.

    Raises
    ------
    SampleError
        Saying which.
    """
    if not (parts.get("title", "").strip() or parts.get("text", "").strip()):
        found = f" (it has {', '.join(fields)})" if fields else ""
        raise SampleError(
            f"has neither title nor text{found}; name the field with --text-field"
        )
    for part, value in parts.items():
        if _SURROGATE.search(value):
            raise SampleError(
                f"{part!r} holds half of a surrogate pair (\\ud800 to \\udfff), which "
                "is no character; mend what wrote the file"
            )


def _first(by_name: Mapping[str, Any], names: Iterable[str]) -> Any:
    values = [by_name[name] for name in names if name in by_name]
    return next((v for v in values if v is not None and v != ""), "")


def names_of(value: object, field: str) -> tuple[str, ...]:
    """The names of labels in a field: a string, a list of them, or null for none.

    Raises
    ------
    SampleError
        If it is something else, such as marked spans of text.
    """
    values = value if isinstance(value, list) else [value]
    if value is None:
        return ()
    if any(isinstance(v, list | dict) for v in values):
        raise SampleError(
            f"{field!r} holds {shown(value)}, which marks spans of the text; expected "
            "labels of the whole text (export a text classification project)"
        )
    names = []
    for one in values:
        if not isinstance(one, str):
            raise SampleError(f"{field!r} holds {shown(one)}, expected label names")
        if one.strip():
            names.append(one.strip())
    return tuple(names)


def read_lines(stream: Iterable[bytes], name: str) -> Iterator[tuple[str, str | None]]:
    """Yield where each line stands and its text, None where it is not UTF-8.

    Empty lines are passed over, a mark at the head of the file and the ends of lines
    are taken away.
    """
    for number, line in enumerate(stream, 1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        line = line.removesuffix(b"\n").removesuffix(b"\r")
        if not line.strip():
            continue
        try:
            yield f"{name}:{number}", line.decode("utf-8")
        except UnicodeDecodeError:
            yield f"{name}:{number}", None


NOT_UTF8 = "not UTF-8; convert the file to UTF-8"


def read_objects(stream: BinaryIO, name: str) -> Iterator[tuple[str, Any] | BadRow]:
    """Yield where each object of a JSON file stands, and the object.

    A list of objects is read from a file that begins with ``[``, unless its name says
    that it has one object a line.
    """
    before: list[bytes] = []
    for line in stream:
        before.append(line)
        if line.strip():
            break
    start = before[-1].removeprefix(b"\xef\xbb\xbf").lstrip() if before else b""
    if start.startswith(b"[") and ending(name) not in (".jsonl", ".ndjson"):
        yield from _from_list(b"".join(before) + stream.read(), name)
        return
    for where, text in read_lines(itertools.chain(before, stream), name):
        if text is None:
            yield BadRow(where, NOT_UTF8)
            continue
        try:
            yield where, json.loads(text)
        except (ValueError, RecursionError) as error:
            yield BadRow(where, f"not valid JSON ({error})")


def _from_list(data: bytes, name: str) -> Iterator[tuple[str, Any] | BadRow]:
    # Bytes that are not UTF-8 become lone surrogates, which name their object below.
    text = data.decode("utf-8-sig", errors="surrogateescape")
    decoder = json.JSONDecoder()
    at, line, counted = text.index("[") + 1, 1, 0
    while True:
        at = _skip(text, at)
        line, counted = line + text.count("\n", counted, at), at
        where = f"{name}:{line}"
        if text.startswith("]", at):
            if text[at + 1 :].strip():
                yield BadRow(where, "more stands behind the end of the list")
            return
        if at >= len(text):
            yield BadRow(where, "not valid JSON (the list has no end)")
            return
        try:
            found, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            yield BadRow(where, f"not valid JSON ({error})")
            end = _end_of(text, at)
        else:
            if _ESCAPED.search(text, at, end):
                yield BadRow(where, NOT_UTF8)
            else:
                yield where, found
        at = _skip(text, end)
        if text.startswith(",", at):
            at += 1
        elif not text.startswith("]", at):
            yield BadRow(
                where, "not valid JSON (no comma behind it); the rest is not read"
            )
            return


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _end_of(text: str, at: int) -> int:
    """Where what begins there ends by its brackets, though it is no valid JSON."""
    depth = 0
    for match in _brackets(text, at):
        if match[0] in "[{":
            depth += 1
        elif match[0] in "]}":
            depth -= 1
            if depth <= 0:
                return match.end() if depth == 0 else match.start()
    return len(text)


def _brackets(text: str, at: int) -> Iterator[re.Match[str]]:
    """Brackets outside strings; behind a quote that nothing closes, all of them."""
    for match in _STRING_OR_BRACKET.finditer(text, at):
        if not match[0].startswith('"'):
            yield match
        elif not match[1].startswith('"'):
            yield from _BRACKET.finditer(text, match.start() + 1)


def read_table(
    stream: BinaryIO, name: str, delimiter: str
) -> tuple[list[str], Iterator[tuple[str, dict[str, str]] | BadRow]]:
    """Read the header of a table; then its rows, each as columns and cells.

    Raises
    ------
    SampleError
        If the header cannot be read.
    """
    # A cell may be as long as an article is; the limit is the process's, not ours.
    csv.field_size_limit(max(csv.field_size_limit(), 2**31 - 1))
    rows = csv.reader(_decoded(stream), delimiter=delimiter, strict=True)
    try:
        header = next(rows, [])
    except csv.Error as error:
        raise SampleError(f"{name}:1: its header is not valid CSV ({error})") from None
    return header, _cells(rows, header, name)


def _decoded(stream: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(stream):
        line = line if number else line.removeprefix(b"\xef\xbb\xbf")
        # Bytes that are not UTF-8 become lone surrogates, which name their row below.
        # A lone carriage return ends a line, too.
        yield from re.split("(?<=\r)(?!\n)", line.decode("utf-8", "surrogateescape"))


def _cells(
    rows: Any, header: list[str], name: str
) -> Iterator[tuple[str, dict[str, str]] | BadRow]:
    while True:
        where = f"{name}:{rows.line_num + 1}"
        try:
            cells = next(rows, None)
        except csv.Error as error:
            yield BadRow(where, f"not valid CSV ({error}); look for a stray quote")
            continue
        if cells is None:
            return
        if not cells:
            continue
        if len(cells) != len(header):
            found = f"{len(cells)} cells under {len(header)} columns"
            yield BadRow(where, f"{found}; quote cells that hold the separator")
        elif any(_ESCAPED.search(cell) for cell in cells):
            yield BadRow(where, NOT_UTF8)
        else:
            yield where, dict(zip(header, cells, strict=True))


def shown(value: object) -> str:
    """A value as a message shows it."""
    try:
        text = json.dumps(value, ensure_ascii=True, default=str)
    except (ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."
