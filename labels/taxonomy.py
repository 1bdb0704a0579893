"""What can be said of an article: axes of labels, read from TOML.

The bundled taxonomy has two axes, ``regions`` (UN M49 sub-regions) and ``topics``
(IPTC Media Topics, top level). A user's own file may hold one axis or several; no
other module knows which axes there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .errors import TaxonomyError, UnknownLabelError
from .record import Record

if TYPE_CHECKING:
    from pathlib import Path

_ID = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_MOST_CHARACTERS = 1000  # of an id: what lies above it grows with their square
# What a terminal would obey, or a line would end with.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_IN_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# Fields of samples and answers, and the kinds of terms that no axis may be.
_TAKEN = {"id", "title", "text", "source", "date", "error", "rejected"}
_TAKEN |= {"words", "place", "subject"}
_LABEL_FIELDS = {
    "id",
    "name",
    "code",
    "definition",
    "aliases",
    "countries",
    "concepts",
}


class Label(Record):
    """One label of an axis.

    Attributes
    ----------
    id : str
        Stable identifier, as samples and answers write it (``"caribbean"``).
    name : str
        Name for people (``"Caribbean"``). Default: the id.
    code : str
        Code in a public scheme (UN M49 ``"029"``, IPTC ``"medtop:15000000"``);
        empty where there is none.
    definition : str
        What the label covers, in a sentence; may be empty.
    aliases : tuple of str
        Other names under which label files may call it.
    countries : tuple of str
        ISO 3166-1 alpha-2 codes of the countries that belong to it. Each is also
        the lexicon concept ``place:<code>``.
    concepts : tuple of str
        Lexicon concepts that stand for the label; a trailing ``*`` matches any
        ending.
    """

    id: str
    name: str
    code: str = ""
    definition: str = ""
    aliases: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ()

    def covers(self, concept: str) -> bool:
        """Say whether a lexicon concept stands for this label."""
        kind, _, name = concept.partition(":")
        if kind == "place" and name in self.countries:
            return True
        return any(
            concept.startswith(pattern[:-1])
            if pattern.endswith("*")
            else concept == pattern
            for pattern in self.concepts
        )


class Axis(Record):
    """One question with its possible answers: a named, ordered set of labels.

    Attributes
    ----------
    id : str
        The name of the axis in samples and answers (``"regions"``).
    name : str
        Name for people.
    labels : tuple of Label
        In the order in which models and reports keep them. A label whose id is that
        of another with ``/`` and more behind it lies below that one: what is
        ``"economy/markets"`` is ``"economy"``, too.
    single_label : bool
        Whether an article has one label at the most (and those above it). Default
        False: any number.
    """

    id: str
    name: str
    labels: tuple[Label, ...]
    single_label: bool = False

    def __post_init__(self) -> None:
        seen: dict[str, str] = {}
        for label in self.labels:
            for name in {
                _folded(name) for name in (label.id, label.code, *label.aliases) if name
            } | {_folded(label.name)}:
                if name in seen and seen[name] != label.id:
                    raise TaxonomyError(
                        f"axis {self.id!r}: {name!r} names both {seen[name]!r} and "
                        f"{label.id!r}; give every label names of its own"
                    )
                seen[name] = label.id

    def __iter__(self) -> Iterator[Label]:
        return iter(self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The ids of the labels, in order."""
        return tuple(label.id for label in self.labels)

    @cached_property
    def _above(self) -> dict[str, tuple[str, ...]]:
        ids = set(self.ids)
        above = {}
        for id in self.ids:
            parts = id.split("/")
            prefixes = ("/".join(parts[:n]) for n in range(len(parts) - 1, 0, -1))
            above[id] = tuple(prefix for prefix in prefixes if prefix in ids)
        return above

    def above(self, id: str) -> tuple[str, ...]:
        """The ids of the labels above one, the nearest first."""
        return self._above[id]

    def roll_up(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Add to labels those above them.

        The order stays, each followed by what lies above it; none comes twice.
        """
        return tuple(dict.fromkeys(x for id in ids for x in (id, *self._above[id])))

    def leaves(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Of labels, those that no other of them lies below, in their order."""
        ids = list(ids)
        covered = {above for id in ids for above in self._above[id]}
        return tuple(id for id in ids if id not in covered)

    @cached_property
    def _by_name(self) -> dict[str, Label]:
        return {
            _folded(name): label
            for label in self.labels
            for name in (label.name, label.code, *label.aliases, label.id)
            if name
        }

    def find(self, name: str) -> Label:
        """Look a label up by its id, code, name or alias.

        Case, accents' absence, spaces, hyphens and "and"/"&" do not matter.

        Raises
        ------
        UnknownLabelError
            If nothing has that name; the message gives the nearest ids.
        """
        label = self._by_name.get(_folded(name))
        if label is None:
            raise UnknownLabelError(
                f"{name!r} is no label of axis {self.id!r}; {self._nearest(name)}"
            )
        return label

    def _nearest(self, name: str) -> str:
        import difflib  # as with others below: to predict it is not needed

        close = difflib.get_close_matches(_folded(name), self._by_name, n=3, cutoff=0.6)
        ids = list(dict.fromkeys(self._by_name[key].id for key in close))
        if ids:
            return f"nearest: {', '.join(ids)}"
        shown = ", ".join(self.ids[:6]) + (", ..." if len(self) > 6 else "")
        return f"its labels are {shown} ('dateline labels' lists them)"


class Taxonomy(Record):
    """The axes on which articles are judged, in order.

    Attributes
    ----------
    axes : tuple of Axis
    """

    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        if len(self._by_id) != len(self.axes):
            raise TaxonomyError("two axes bear the same id; give each its own")

    @cached_property
    def _by_id(self) -> dict[str, Axis]:
        return {axis.id: axis for axis in self.axes}

    def __getitem__(self, axis: str) -> Axis:
        """The axis with that id; ``KeyError`` where there is none."""
        return self._by_id[axis]

    def __contains__(self, axis: object) -> bool:
        return axis in self._by_id

    def __iter__(self) -> Iterator[Axis]:
        return iter(self.axes)

    @classmethod
    def bundled(cls) -> Taxonomy:
        """The taxonomy that comes with the package: ``regions`` and ``topics``."""
        from importlib.resources import files

        axes: list[Axis] = []
        for name in ("regions.toml", "topics.toml"):
            text = files(__name__.rpartition(".")[0]).joinpath(name).read_text("utf-8")
            axes += _parse(text, name)
        return cls(tuple(axes))

    @classmethod
    def load(cls, path: str | Path) -> Taxonomy:
        """Read a taxonomy file.

        Parameters
        ----------
        path : str or Path
            TOML: either one axis (``axis = "desk"`` and ``[[label]]`` tables) or
            several (``[[axis]]`` tables with an ``id`` and ``[[axis.label]]``).
            An axis may say ``name`` and ``single_label = true``. A label needs an
            ``id``; ``name``, ``code``, ``definition``, ``aliases``, ``countries``
            and ``concepts`` are optional.

        Raises
        ------
        TaxonomyError
            If the file cannot be read or says something else.
        """
        from pathlib import Path

        try:
            text = Path(path).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TaxonomyError(f"{path}: cannot be read: {error}") from error
        return cls(_parse(text, str(path)))

    def to_json(self) -> list[dict[str, Any]]:
        """The taxonomy as plain lists and dictionaries, for a model's card."""
        return [
            {
                "id": axis.id,
                "name": axis.name,
                "single_label": axis.single_label,
                "labels": [
                    {
                        key: list(value) if isinstance(value, tuple) else value
                        for key, value in vars(label).items()
                        if value
                    }
                    for label in axis
                ],
            }
            for axis in self.axes
        ]

    @classmethod
    def from_json(cls, axes: Any) -> Taxonomy:
        """Rebuild a taxonomy from :meth:`to_json`.

        Raises
        ------
        TaxonomyError
            If the structure is another one.
        """
        if not isinstance(axes, list):
            raise TaxonomyError("a taxonomy is a list of axes")
        return cls(tuple(_axis(axis, "labels", "card") for axis in axes))


def _parse(text: str, where: str) -> tuple[Axis, ...]:
    import tomllib

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TaxonomyError(f"{where}: not valid TOML: {error}") from error
    axes = document.get("axis")
    if isinstance(axes, str):
        document["id"] = axes
        return (_axis(document, "label", where),)
    if isinstance(axes, list) and axes:
        return tuple(_axis(axis, "label", where) for axis in axes)
    raise TaxonomyError(
        f'{where}: names no axis; write axis = "topics" and [[label]] tables, or '
        "[[axis]] tables with an id and [[axis.label]]"
    )


def _axis(table: Any, key: str, where: str) -> Axis:
    if not isinstance(table, Mapping) or not isinstance(table.get("id"), str):
        raise TaxonomyError(f"{where}: an axis needs an id, a string")
    axis = table["id"]
    if not _ID.fullmatch(axis) or axis in _TAKEN:
        raise TaxonomyError(
            f"{where}: {axis!r} cannot name an axis; use lower-case letters, digits, "
            f"'-', '_' or '.', and none of {', '.join(sorted(_TAKEN))}"
        )
    labels = table.get(key)
    if not isinstance(labels, list) or not labels:
        raise TaxonomyError(f"{where}: axis {axis!r} has no labels; add [[label]]")
    name = table.get("name", axis)
    if not isinstance(name, str) or _CONTROL.search(name):
        raise TaxonomyError(
            f"{where}: the name of axis {axis!r} is not a string of one line, without "
            "control characters"
        )
    single = table.get("single_label", False)
    if not isinstance(single, bool):
        raise TaxonomyError(
            f"{where}: single_label of axis {axis!r} is {single!r}, expected true or "
            "false"
        )
    parsed = tuple(_label(label, axis, where) for label in labels)
    if len({label.id for label in parsed}) != len(parsed):
        raise TaxonomyError(f"{where}: axis {axis!r} has two labels of the same id")
    return Axis(axis, name, parsed, single)


def _label(table: Any, axis: str, where: str) -> Label:
    if not isinstance(table, Mapping) or not isinstance(table.get("id"), str):
        raise TaxonomyError(f"{where}: a label of axis {axis!r} has no id, a string")
    given = table["id"]
    if not given.strip() or _CONTROL.search(given) or len(given) > _MOST_CHARACTERS:
        shown = repr(given if len(given) < 100 else given[:100] + "...")
        raise TaxonomyError(
            f"{where}: {shown} cannot be the id of a label; write one line of "
            f"{_MOST_CHARACTERS} characters at the most, without control characters"
        )
    unknown = set(table) - _LABEL_FIELDS
    if unknown:
        raise TaxonomyError(
            f"{where}: label {given!r} has an unknown field {min(unknown)!r}; "
            f"known are {', '.join(sorted(_LABEL_FIELDS))}"
        )
    values: dict[str, Any] = {"id": given, "name": table.get("name", given)}
    for key in ("name", "code", "definition"):
        value = table.get(key, values.get(key, ""))
        if not isinstance(value, str):
            raise TaxonomyError(
                f"{where}: {key} of label {given!r} is {value!r}, not a string "
                "(write codes in quotes)"
            )
        control = _CONTROL_IN_LINES if key == "definition" else _CONTROL
        if control.search(value):
            raise TaxonomyError(
                f"{where}: {key} of label {given!r} has control characters; leave "
                "them out"
            )
        values[key] = value
    for key in ("aliases", "countries", "concepts"):
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise TaxonomyError(
                f"{where}: {key} of label {given!r} is not a list of strings"
            )
        values[key] = tuple(value)
    return Label(**values)


def _folded(name: str) -> str:
    return " ".join(
        word for word in re.findall(r"\w+", name.casefold()) if word != "and"
    )
