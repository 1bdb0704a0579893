"""Records: classes of named fields that never change.

What ``@dataclass(frozen=True)`` makes, for the classes that an answer needs. That
decorator writes and compiles six functions for each class, 1.3 ms of them, and there are
twelve such classes: with them importing the predictor took 38 ms beside numpy, with these
19. Others are dataclasses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

if TYPE_CHECKING:
    from dataclasses import Field


class _OfDataclass:
    """An attribute by which ``dataclasses`` knows its own, made when it asks."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, record: object, cls: type[Record]) -> Any:
        if "_dataclass" not in cls.__dict__:
            from dataclasses import field, make_dataclass

            fields = [
                (name, Any, field(default=cls._defaults[name]))
                if name in cls._defaults
                else (name, Any)
                for name in cls._fields
            ]
            cls._dataclass = make_dataclass(cls.__name__, fields, frozen=True)
        return getattr(cls._dataclass, self._name)


@dataclass_transform(frozen_default=True)
class Record:
    """A base of classes whose annotated attributes are their fields.

    They are compared, hashed, shown, pickled and matched by these, and cannot be assigned
    to. ``dataclasses.replace``, ``asdict``, ``fields`` and ``is_dataclass`` take a record
    for a dataclass, and a frozen dataclass can be made of one. A value in the class's
    body is a default; one that can change, such as a list, is everybody's.

    A class whose instances are made by the thousand writes its own ``__init__``, as
    ``Article`` does: this one looks at every argument.

    Raises
    ------
    TypeError
        On making one: if a field is missing, unknown or given twice.
    """

    __slots__ = ()
    _fields: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, Any]] = {}
    _dataclass: ClassVar[type]
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]] = _OfDataclass(  # type: ignore[assignment]
        "__dataclass_fields__"
    )
    __dataclass_params__: ClassVar[Any] = _OfDataclass("__dataclass_params__")

    def __init_subclass__(cls) -> None:
        own = [name for name in cls.__annotations__ if name not in cls._fields]
        cls._fields = (*cls._fields, *own)
        type.__setattr__(cls, "__match_args__", cls._fields)
        slots = cls.__dict__.get("__slots__", ())
        # Where a slot is, the class has its descriptor under the field's name.
        given = [name for name in own if name in cls.__dict__ and name not in slots]
        cls._defaults = cls._defaults | {name: cls.__dict__[name] for name in given}

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = self._fields
        if len(values) > len(fields):
            raise TypeError(
                f"{type(self).__name__} takes {len(fields)} values, {len(values)} given"
            )
        found = dict(zip(fields, values, strict=False))
        twice = found.keys() & named.keys()
        found = {**self._defaults, **found, **named}
        wrong = (
            [f"{name} twice" for name in sorted(twice)]
            + [f"unknown {name}" for name in found if name not in fields]
            + [f"no {name}" for name in fields if name not in found]
        )
        if wrong:
            raise TypeError(f"{type(self).__name__} was given {', '.join(wrong)}")
        for name, value in found.items():
            object.__setattr__(self, name, value)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Refuse values that do not fit each other; for classes to say."""

    def _set(self, **values: Any) -> None:
        """Set fields, for those who make a record otherwise."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in self._fields])

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"{type(self).__qualname__}({shown})"

    def __reduce__(self) -> tuple[type[Record], tuple[Any, ...]]:
        return type(self), self._values()

    if not TYPE_CHECKING:  # where frozen fields are known to be

        def __setattr__(self, name: str, value: object) -> None:
            raise _frozen(f"cannot assign to field {name!r}")

        def __delattr__(self, name: str) -> None:
            raise _frozen(f"cannot delete field {name!r}")


def _frozen(said: str) -> AttributeError:
    from dataclasses import FrozenInstanceError

    return FrozenInstanceError(said)
