"""Looking up the names that other people's files give to axes and labels."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

from .errors import SampleError
from .mapping import not_found
from .reading import LABEL_FIELDS, Answer, ProjectRow, ReadOptions, Row, names_of
from .samples import Sample, axis_labels
from .taxonomy import Axis, Taxonomy, _folded

_Found = tuple[tuple[str, str], ...]  # pairs of an axis id and a label id


@dataclass(frozen=True)
class _Missing:
    """A name that is no label, or one of several axes."""

    axes: tuple[Axis, ...]
    name: str
    hits: tuple[str, ...]

    @cached_property
    def message(self) -> str:
        if self.hits:
            return (
                f"{self.name!r} is a label of several axes ({', '.join(self.hits)}); "
                "say which with --axis"
            )
        tail = _forms(self.name)[-1]
        if "://" in self.name:
            return f"{self.name!r}: {not_found(self.axes, tail)}"
        return not_found(self.axes, self.name)


class Names:
    """Finds axes and labels by what a file calls them.

    Parameters
    ----------
    taxonomy : Taxonomy
    options : ReadOptions
        The axis, label fields and map to go by.

    Raises
    ------
    SampleError
        If the options name an axis that the taxonomy lacks.
    """

    def __init__(self, taxonomy: Taxonomy, options: ReadOptions) -> None:
        self.taxonomy = taxonomy
        self.options = options
        for axis in (options.axis, *(axis for _, axis in options.label_fields)):
            if axis and axis not in taxonomy:
                axes = ", ".join(axis.id for axis in taxonomy)
                raise SampleError(f"there is no axis {axis!r}; the axes are {axes}")
        self._given = {_key(c): axis for c, axis in options.label_fields}
        self._axes = {
            _key(name): axis for axis in taxonomy for name in (axis.name, axis.id)
        }
        self._labels = {axis.id: _index(axis) for axis in taxonomy}
        self._found: dict[tuple[str, str], _Found | _Missing] = {}

    def axis_of(self, field: str) -> Axis | None:
        """The axis after which a column, block or field is called, if any."""
        key = _key(field)
        if not key:
            return None
        if axis := self._given.get(key):
            return self.taxonomy[axis]
        for name in (key, key + "s", key.removesuffix("s")):
            if found := self._axes.get(name):
                return found
        if self.options.map is not None:
            for name in self.options.map.get(field) or ():
                if name in self.taxonomy:
                    return self.taxonomy[name]
        return None

    def label_fields(self, fields: Iterable[str]) -> list[str]:
        """Which columns or fields of a row hold labels.

        Those that were given; those that are called as an axis; where there are
        neither, the first of `LABEL_FIELDS`.
        """
        fields = list(fields)
        given = [f for f in fields if _key(f) in self._given]
        taken = {self._given[_key(f)] for f in given}
        called = [
            f
            for f in fields
            if f not in given and (a := self.axis_of(f)) and a.id not in taken
        ]
        if given or called:
            return given + called
        by_name = {_key(f): f for f in fields}
        return [by_name[name] for name in LABEL_FIELDS if name in by_name][:1]

    def knows(self, name: str, axis: Axis | None = None) -> bool:
        """Whether a name, or what the map makes of it, is that of a label."""
        found = self._cached(name, axis or self._default_axis)
        return not isinstance(found, _Missing)

    @property
    def _default_axis(self) -> Axis | None:
        if self.options.axis:
            return self.taxonomy[self.options.axis]
        return self.taxonomy.axes[0] if len(self.taxonomy.axes) == 1 else None

    def find(self, name: str, axis: Axis | None) -> _Found:
        """Look a name up, as the map renames it.

        Parameters
        ----------
        name : str
            Id, code, name or alias of a label, or a URI that ends in one.
        axis : Axis, optional
            Where to look. None: on all, of which exactly one must have it.

        Returns
        -------
        tuple of (str, str)
            Axis ids and label ids; empty where the map drops the name.

        Raises
        ------
        SampleError
            If there is no such label, or several axes have it.
        """
        found = self._cached(name, axis)
        if isinstance(found, _Missing):
            raise SampleError(found.message)
        return found

    def _cached(self, name: str, axis: Axis | None) -> _Found | _Missing:
        key = (axis.id if axis else "", name)
        if key not in self._found:
            self._found[key] = self._look_up(name, axis)
        return self._found[key]

    def _look_up(self, name: str, axis: Axis | None) -> _Found | _Missing:
        mapped = self.options.map
        axes = [axis] if axis else list(self.taxonomy)
        wanted = [(axes, name)]
        if mapped is not None:
            limited = [(a, mapped.get(name, a.id)) for a in axes]
            news = mapped.get(name)
            if any(found is not None for _, found in limited):
                wanted = [([a], new) for a, found in limited for new in found or ()]
            elif news is not None:
                wanted = [(axes, new) for new in news]
        found: list[tuple[str, str]] = []
        for on, new in wanted:
            hits = [(a.id, x) for a in on if (x := self._label(a, new)) is not None]
            if len(hits) != 1:
                return _Missing(tuple(on), new, tuple(axis for axis, _ in hits))
            found += hits
        return tuple(found)

    def _label(self, axis: Axis, name: str) -> str | None:
        """The id of the label that a name or a URI means."""
        labels = self._labels[axis.id]
        found = (labels.get(_folded(form)) for form in _forms(name))
        return next(filter(None, found), None)

    def settle(
        self, answers: Iterable[Answer]
    ) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
        """Make of answers the labels, and the rejected labels, of a sample.

        An axis that an answer names (or the options give) and of which nothing is
        chosen has none of its labels; where each label is looked up, an axis without
        one stays unknown, unless all of its labels are known not to apply. An answer
        of which the map drops everything says nothing.

        Raises
        ------
        SampleError
            If a name is unknown, or an axis of single labels has several.
        """
        chosen: dict[str, list[str]] = {}
        against: dict[str, list[str]] = {}
        asked: dict[str, set[str]] = {}
        for answer in answers:
            named = self.axis_of(answer.field)
            axis = named or self._default_axis
            given = named is not None or bool(self.options.axis)
            names = [n for cell in answer.chosen for n in self._split(cell, answer)]
            found = [pair for name in names for pair in self.find(name, axis)]
            for at, label in found:
                chosen.setdefault(at, []).append(label)
            for name in answer.against:
                for at, label in self.find(name, axis):
                    against.setdefault(at, []).append(label)
                    if answer.settled:
                        asked.setdefault(at, set()).add(label)
            if given and axis and answer.settled and not (names and not found):
                chosen.setdefault(axis.id, [])
        for axis in self.taxonomy:
            if asked.get(axis.id, set()) >= set(axis.ids):
                chosen.setdefault(axis.id, [])
        return (
            {
                a.id: axis_labels(a, chosen[a.id])
                for a in self.taxonomy
                if a.id in chosen
            },
            {
                a.id: tuple(dict.fromkeys(against[a.id]))
                for a in self.taxonomy
                if a.id in against and a.id not in chosen
            },
        )

    def _split(self, cell: str, answer: Answer) -> list[str]:
        # A name may hold what parts names elsewhere: the whole comes first, then the
        # separator by which every part is known.
        axis = self.axis_of(answer.field)
        marks = [mark for mark in answer.separators if mark in cell]
        if not marks or self.knows(cell, axis):
            return [cell.strip()] if cell.strip() else []
        splits = [
            [name for part in cell.split(mark) for name in self._split(part, answer)]
            for mark in marks
        ]
        known = (x for x in splits if all(self.knows(name, axis) for name in x))
        return next(known, splits[0])

    def sample(self, row: Row | ProjectRow, id: str) -> Sample:
        """Make a sample of a row.

        Parameters
        ----------
        row : Row or ProjectRow
        id : str
            The id to give it if it has none.

        Raises
        ------
        SampleError
            If it is none; the message does not say where it stands.
        """
        if isinstance(row, ProjectRow):
            return Sample.from_json(self._renamed(row.object), self.taxonomy, id=id)
        labels, rejected = self.settle(row.answers)
        parts = {**row.parts, "id": row.parts.get("id") or id}
        parts.setdefault("title", "")
        return Sample(labels=labels, rejected=rejected, **parts)

    def _renamed(self, object: object) -> object:
        """An object of the project's own with its fields and labels by our names."""
        if not isinstance(object, dict):
            return object
        row = dict(object)
        for part in ("id", "title", "text"):
            if name := self.options.named(part):
                if name not in row:
                    raise SampleError(
                        f"has no field {name!r}; it has {', '.join(row) or 'none'}"
                    )
                row[part] = row[name]
        for field, _ in self.options.label_fields:
            if object.get(field) is not None:
                answer = Answer(names_of(object[field], field), field=field)
                row |= {a: list(ids) for a, ids in self.settle([answer])[0].items()}
        rejected = row.get("rejected")
        for axis in self.taxonomy:
            _rename(row, axis, self)
            if isinstance(rejected, dict):
                row["rejected"] = rejected = dict(rejected)
                _rename(rejected, axis, self)
        return row


def _rename(row: dict[str, object], axis: Axis, names: Names) -> None:
    given = row.get(axis.id)
    # What is no list of strings is left for Sample.from_json to refuse.
    if not isinstance(given, list) or not all(isinstance(n, str) for n in given):
        return
    found = [label for name in given for _, label in names.find(name, axis)]
    if given and not found:
        del row[axis.id]
    else:
        row[axis.id] = found


def _forms(name: str) -> list[str]:
    """A name as it is, without its underscores, and the ends of a URI."""
    plain = unquote(name)
    forms = [name, name.replace("_", " "), plain]
    if "://" in name:
        parts = [part for part in re.split(r"[/#]", plain) if part]
        forms += [":".join(parts[-2:]), parts[-1]]
    return list(dict.fromkeys(forms))


def _index(axis: Axis) -> dict[str, str]:
    """Names, aliases, codes and ids of labels, folded as Axis.find does, to the ids.

    What follows the colon of a code counts, too, where only one label has it.
    """
    tails: dict[str, list[str]] = {}
    for label in axis:
        if ":" in label.code:
            tail = _folded(label.code.rpartition(":")[2])
            tails.setdefault(tail, []).append(label.id)
    found = {tail: ids[0] for tail, ids in tails.items() if len(ids) == 1}
    for label in axis:
        for name in (label.name, label.code, *label.aliases, label.id):
            if name:
                found[_folded(name)] = label.id
    return found


def _key(field: str) -> str:
    return " ".join(field.casefold().replace("_", " ").replace("-", " ").split())
