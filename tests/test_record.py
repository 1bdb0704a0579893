"""Records are what frozen dataclasses are, but for the time that they take to make."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import (
    FrozenInstanceError,
    asdict,
    dataclass,
    fields,
    is_dataclass,
    replace,
)
from functools import cached_property
from typing import Any

import pytest

from dateline.labels.record import Record


class Point(Record):
    """Some record."""

    x: int
    y: int = 2
    name: str = ""

    @cached_property
    def sum(self) -> int:
        return self.x + self.y


class Slotted(Record):
    """One without room for more."""

    __slots__ = ("x", "y")

    x: int
    y: int


class Positive(Point):
    """One that refuses values and has a field more."""

    z: int = 3

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("negative")


@dataclass(frozen=True)
class Model:
    """What `Point` is held against."""

    x: int
    y: int = 2
    name: str = ""


@pytest.mark.parametrize(
    ("values", "named"),
    [((1,), {}), ((1, 5), {}), ((1,), {"name": "a"}), ((), {"x": 0, "y": 1})],
)
def test_record_is_made_shown_and_hashed_as_a_dataclass(
    values: tuple[Any, ...], named: dict[str, Any]
) -> None:
    ours, theirs = Point(*values, **named), Model(*values, **named)
    assert repr(ours) == repr(theirs).replace("Model", "Point")
    assert asdict(ours) == asdict(theirs)
    assert hash(ours) == hash(theirs)
    assert ours == Point(*values, **named)
    assert ours != theirs
    assert ours != Point(9)


@pytest.mark.parametrize(
    ("values", "named", "said"),
    [
        ((), {}, "no x"),
        ((1, 2, "", 4), {}, "3 values, 4 given"),
        ((1,), {"x": 1}, "x twice"),
        ((1,), {"q": 1}, "unknown q"),
    ],
)
def test_record_without_its_fields_is_refused(
    values: tuple[Any, ...], named: dict[str, Any], said: str
) -> None:
    with pytest.raises(TypeError, match=said):
        Point(*values, **named)
    with pytest.raises(TypeError):
        Model(*values, **named)


@pytest.mark.parametrize("record", [Point(1), Slotted(1, 2), Positive(1, z=9)])
def test_record_never_changes(record: Any) -> None:
    before = repr(record)
    for name in ("x", "other"):
        with pytest.raises(FrozenInstanceError):
            setattr(record, name, 7)
    with pytest.raises(FrozenInstanceError):
        del record.x
    assert repr(record) == before


@pytest.mark.parametrize("record", [Point(1), Slotted(1, 2), Positive(1, z=9)])
def test_dataclasses_take_a_record_for_one_of_theirs(record: Any) -> None:
    assert is_dataclass(type(record))
    assert [field.name for field in fields(record)] == list(asdict(record))
    changed = replace(record, y=8)
    assert type(changed) is type(record)
    assert asdict(changed) == asdict(record) | {"y": 8}
    again = pickle.loads(pickle.dumps(record))
    assert again == record
    assert type(again) is type(record)


def test_fields_of_a_class_follow_those_of_its_base() -> None:
    assert asdict(Positive(1)) == {"x": 1, "y": 2, "name": "", "z": 3}
    with pytest.raises(ValueError, match="negative"):
        Positive(-1)
    with pytest.raises(ValueError, match="negative"):
        replace(Positive(1), x=-1)


def test_dataclass_can_be_made_of_a_record() -> None:
    @dataclass(frozen=True)
    class Further(Point):
        z: int = 4

    further = Further(1, z=5)
    assert repr(further).endswith("Further(x=1, y=2, name='', z=5)")
    assert asdict(replace(further, y=3)) == {"x": 1, "y": 3, "name": "", "z": 5}
    assert further != Point(1)
    assert further == Further(1, z=5)
    with pytest.raises(TypeError):  # as of a dataclass that is frozen
        dataclass(type("Loose", (Point,), {}))


def test_record_keeps_what_was_computed_and_matches_by_position() -> None:
    point = Point(1)
    assert point.sum == 3
    assert point.__dict__["sum"] == 3
    match point:
        case Point(x, y):
            assert (x, y) == (1, 2)
        case _:
            raise AssertionError
    with pytest.raises(AttributeError):
        _ = Slotted(1, 2).__dict__


def test_an_answer_needs_no_dataclass() -> None:
    # Nor OpenSSL, which takes some 5 ms to load: a fresh process would answer later.
    code = (
        "import sys, numpy; before = set(sys.modules)\n"
        "from dateline import Predictor\n"
        "assert Predictor.load().predict('Rain in Haiti').regions\n"
        "print(sorted({'dataclasses', 'hashlib', 'inspect'} & set(sys.modules) - before))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, encoding="utf-8"
    )
    assert run.stdout.strip() == "[]"
