"""Which field of a row is what: id, title, text, and columns that come out again."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..labels.errors import DatelineError
from ..labels.reading import FIELDS
from .article import Article
from .decoding import GARBLED, garbled
from .notes import Notes

# What feeds and archives call the parts of an article, the likeliest name first.
_FIELDS = {part: FIELDS[part] for part in ("id", "title", "text")}

ALL = "all"
"""Stands for every column in :attr:`Fields.keep`."""


class ArticleError(DatelineError):
    """A file of articles cannot be read."""


@dataclass(frozen=True)
class BadRow:
    """A row that is no article.

    Attributes
    ----------
    id : str
        Its id where it has one, else its number in the file.
    error : str
        Where it stands, what was found and what was expected.
    columns : mapping of str to object
        Columns that come out again, as far as they could be read.
    """

    id: str
    error: str
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class KeptArticle(Article):
    """An article with columns of its row that come out again.

    Attributes
    ----------
    columns : mapping of str to object
        Values as JSON holds them.
    """

    columns: Mapping[str, Any] = field(default_factory=dict)


def columns_of(row: Article | BadRow) -> Mapping[str, Any]:
    """The columns of a row that come out again."""
    return row.columns if isinstance(row, BadRow | KeptArticle) else {}


@dataclass(frozen=True)
class Fields:
    """How the rows of tables become articles.

    Attributes
    ----------
    text, title, id : str
        What these fields are called. Default: guessed from the usual names.
    keep : tuple of str
        Columns that come out again; ``("all",)`` for all of them.
    encoding : str
        That of the files. Default: found out.
    notes : Notes
        Takes what is odd.
    """

    text: str = ""
    title: str = ""
    id: str = ""
    keep: tuple[str, ...] = ()
    encoding: str = ""
    notes: Notes = field(default_factory=Notes)

    def names(self, part: str) -> tuple[str, ...]:
        """What a part of an article may be called, in lower case."""
        named: str = getattr(self, part)
        return (_plain_name(named),) if named else _FIELDS[part]

    def check(self, columns: Iterable[str], name: str) -> None:
        """Refuse a table whose columns hold no text, or not those that were named.

        Raises
        ------
        ArticleError
            Naming what was expected and what was found.
        """
        columns = list(columns)
        present = {_plain_name(column) for column in columns}
        found = f"found {', '.join(sorted(present)) or 'none'}"
        for part in _FIELDS:
            if getattr(self, part) and not present & {*self.names(part)}:
                raise ArticleError(
                    f"{name}: no column is called {getattr(self, part)!r} "
                    f"(--{part}-field); {found}"
                )
        missing = [c for c in self.keep if c != ALL and c not in columns]
        if missing:
            raise ArticleError(
                f"{name}: no column is called {missing[0]!r} (--keep-columns); {found}"
            )
        if not present & {*self.names("text"), *self.names("title")}:
            raise ArticleError(
                f"{name}: no column holds the text; expected one named "
                f"{', '.join(_FIELDS['text'])} or {', '.join(_FIELDS['title'])}, "
                f"{found}; name it with --text-field"
            )

    def needs(self, column: str) -> bool:
        """Whether anything of a column is wanted."""
        return (
            self.keep == (ALL,)
            or column in self.keep
            or any(_plain_name(column) in self.names(part) for part in _FIELDS)
        )

    def row(
        self, fields: Mapping[Any, Any], number: int, where: str
    ) -> Article | BadRow:
        """The article that the fields of a row make.

        Parameters
        ----------
        fields : mapping
            Names and values.
        number : int
            The row's, which is its id if it has no other.
        where : str
            Where it stands, for messages.
        """
        by_name = {_plain_name(str(key)): value for key, value in fields.items()}
        found: dict[str, str] = {}
        try:
            columns = self._kept(fields)
        except ValueError as error:
            return BadRow(str(number), f"{where}: {error}")
        for part in _FIELDS:
            value = _first(by_name, self.names(part))
            if part == "id" and type(value) in (int, float):
                value = str(value)
            if not isinstance(value, str):
                return BadRow(
                    found.get("id") or str(number),
                    f"{where}: {part!r} is {type(value).__name__}, expected a string",
                    columns,
                )
            found[part] = value
        id = found["id"] or str(number)
        named = [part for part in _FIELDS if getattr(self, part)]
        missing = [p for p in named if not by_name.keys() & {*self.names(p)}]
        if missing:
            said = f"no field {getattr(self, missing[0])!r} in the row"
            return BadRow(id, f"{where}: {said}", columns)
        if not by_name.keys() & {*self.names("text"), *self.names("title")}:
            expected = "expected a field 'text' or 'title' in the row"
            return BadRow(id, f"{where}: no text; {expected}", columns)
        self.look_at(found["title"], where)
        self.look_at(found["text"], where)
        if not self.keep:
            return Article(found["text"], found["title"], id)
        return KeptArticle(found["text"], found["title"], id, columns)

    def article(self, text: str, title: str, id: str) -> Article:
        """The article of a file that has no columns; those that are named are empty."""
        if self.keep in ((), (ALL,)):
            return Article(text, title, id)
        return KeptArticle(text, title, id, dict.fromkeys(self.keep))

    def look_at(self, text: str, where: str) -> None:
        """Note what shows that a text was decoded wrongly before it came to us."""
        sign = garbled(text)
        if sign:
            self.notes.add(GARBLED, f"{sign!r} in {where}")

    def _kept(self, fields: Mapping[Any, Any]) -> dict[str, Any]:
        if not self.keep:
            return {}
        if self.keep != (ALL,):
            return {name: _plain(name, fields.get(name)) for name in self.keep}
        # The id stands at the head of every answer.
        id_is_id = "id" in self.names("id")
        return {
            str(key): _plain(str(key), value)
            for key, value in fields.items()
            if key != "id" or not id_is_id
        }


def _plain_name(name: str) -> str:
    return name.strip().lower()


def _first(by_name: Mapping[str, Any], names: Iterable[str]) -> Any:
    """The first field of those that says something."""
    values = [by_name[name] for name in names if name in by_name]
    return next((v for v in values if v is not None and v != ""), "")


def _plain(name: str, value: Any) -> Any:
    """A value as JSON holds it; what Parquet has beyond that becomes a string."""
    if value is None or type(value) in (str, int, bool):
        return value
    try:
        return json.loads(json.dumps(value, allow_nan=False, default=_as_string))
    except RecursionError:
        raise ValueError(f"column {name!r} is nested too deeply to be kept") from None
    except ValueError:  # NaN and infinity, which JSON has not
        return None if isinstance(value, float) else str(value)
    except TypeError:
        return str(value)


def _as_string(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
