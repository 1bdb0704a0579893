"""A file that renames the labels of other people's files.

TOML: a key is an old name, its value the new one, a list of new ones, or ``""`` to
drop it. A table named as an axis holds for that axis alone::

    Sports = "sport"
    "Business & Tech" = ["economy-business-finance", "science-technology"]
    unsure = ""

    [regions]
    Georgia = "western-asia"

Names match whatever their case and spaces. A key may also be the name of a block or
column, and its value the axis whose labels stand there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import SampleError, UnknownLabelError
from .taxonomy import Axis, Taxonomy


@dataclass(frozen=True)
class LabelMap:
    """Old names of labels and what they are called now.

    Attributes
    ----------
    names : mapping of str to tuple of str
        Old name to new ones, on every axis; an empty tuple drops the label.
    by_axis : mapping of str to mapping
        Axis id to names that hold there alone; they come before the others.
    where : str
        The file, for messages.
    """

    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_axis: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    where: str = "label map"
    _used: set[tuple[str, str]] = field(
        default_factory=set, init=False, repr=False, compare=False
    )
    _keys: dict[str, dict[str, str]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        for table, names in self._tables():
            keys = self._keys.setdefault(table, {})
            for name in names:
                other = keys.setdefault(_key(name), name)
                if other != name:
                    raise SampleError(
                        f"{self.where}: {other!r} and {name!r} are the same name; "
                        "keep one"
                    )

    @classmethod
    def load(cls, path: str | Path, taxonomy: Taxonomy) -> LabelMap:
        """Read a map file and check that the names it gives are labels.

        Parameters
        ----------
        path : str or Path
        taxonomy : Taxonomy
            Whose labels and axes the map speaks of.

        Raises
        ------
        SampleError
            If it cannot be read, says something else, or names no label.
        """
        try:
            document = tomllib.loads(Path(path).read_text("utf-8-sig"))
        except OSError as error:
            raise SampleError(f"{path}: cannot be read: {error.strerror}") from None
        except (ValueError, RecursionError) as error:
            raise SampleError(f"{path}: not valid TOML: {error}") from None
        names: dict[str, tuple[str, ...]] = {}
        by_axis: dict[str, dict[str, tuple[str, ...]]] = {}
        for key, value in document.items():
            if not isinstance(value, dict):
                names[key] = _new_names(key, value, path)
            elif key in taxonomy:
                by_axis[key] = {k: _new_names(k, v, path) for k, v in value.items()}
            else:
                axes = ", ".join(axis.id for axis in taxonomy)
                raise SampleError(
                    f"{path}: table [{key}] is no axis; the axes are {axes}"
                )
        found = cls(names, by_axis, str(path))
        found.check(taxonomy)
        return found

    def check(self, taxonomy: Taxonomy) -> None:
        """Find out whether every new name is a label (or an axis).

        Raises
        ------
        SampleError
            Naming the entry that is not.
        """
        for table, names in self._tables():
            axes = [taxonomy[table]] if table else list(taxonomy)
            for old, news in names.items():
                for new in news:
                    if not (_on_any(axes, new) or (not table and new in taxonomy)):
                        raise SampleError(
                            f"{self.where}: {old!r} = {new!r}: {not_found(axes, new)}"
                        )

    def get(self, name: str, axis: str = "") -> tuple[str, ...] | None:
        """What a name is called now; None where the map does not speak of it.

        Parameters
        ----------
        name : str
        axis : str, optional
            Look in that axis's table alone. Default: in the names for every axis.
        """
        old = self._keys.get(axis, {}).get(_key(name))
        if old is None:
            return None
        self._used.add((axis, old))
        return (self.by_axis[axis] if axis else self.names)[old]

    def unused(self) -> list[str]:
        """The old names that were never met, those of an axis as ``axis.name``."""
        return [
            f"{table}.{name}" if table else name
            for table, names in self._tables()
            for name in names
            if (table, name) not in self._used
        ]

    def _tables(self) -> list[tuple[str, Mapping[str, tuple[str, ...]]]]:
        return [("", self.names), *self.by_axis.items()]


def not_found(axes: Iterable[Axis], name: str) -> str:
    """Say that none of the axes has a label of that name, and which come near."""
    hints = []
    for axis in axes:
        try:
            axis.find(name)
        except UnknownLabelError as error:
            hints.append((axis.id, str(error)))
    if len(hints) == 1:
        return hints[0][1]
    near = [
        f"{hint.partition('; nearest: ')[2]} ({axis})"
        for axis, hint in hints
        if "; nearest: " in hint
    ]
    axes_shown = ", ".join(axis for axis, _ in hints)
    nearest = f"nearest: {', '.join(near)}" if near else "'dateline labels' lists them"
    return f"{name!r} is a label of none of the axes {axes_shown}; {nearest}"


def _on_any(axes: Iterable[Axis], name: str) -> bool:
    for axis in axes:
        try:
            axis.find(name)
        except UnknownLabelError:
            continue
        return True
    return False


def _key(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").split())


def _new_names(old: str, value: Any, path: str | Path) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(new, str) for new in values):
        raise SampleError(
            f"{path}: {old!r} = {value!r}; expected a name, a list of names, or "
            '"" to drop it'
        )
    return tuple(new for new in values if new)
