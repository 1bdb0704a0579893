"""What was measured: rows of rounds, kept as JSON; ratios and quartiles made from them."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

DATELINE = "dateline"
TWO = "dateline, two threads"
TWO_JOBS = "dateline -j 2"
IN_PYTHON = "dateline, scan in Python"
SKLEARN = "scikit-learn"
FASTTEXT = "fastText, dim 10"
FASTTEXT_PAIRS = "fastText, dim 10, word pairs"
FASTTEXT_100 = "fastText, dim 100"
FLOOR = "floor"


@dataclass(frozen=True)
class Row:
    """One contestant, or one point of its curve.

    Attributes
    ----------
    name : str
    wall, cpu : list of float
        Seconds for one unit of work, a value a round. CPU time is that of all threads
        and processes of the contestant.
    peak : list of float
        The most bytes that were resident at a time, all processes together; likewise.
    x : float, optional
        Where the point stands on its curve.
    """

    name: str
    wall: list[float]
    cpu: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)
    x: float | None = None


@dataclass(frozen=True)
class Case:
    """What was measured in the same run.

    Attributes
    ----------
    name, title : str
    rows : list of Row
        The rounds of all of them in turn: the n-th values belong together.
    notes : list of str
        What there is to know, such as who was left out and why.
    axis : str
        What `x` counts, where the case is a curve.
    machine : dict
        Where and with what: :func:`machine`.
    """

    name: str
    title: str
    rows: list[Row]
    notes: list[str]
    axis: str = ""
    machine: dict[str, Any] = field(default_factory=dict)

    def row(self, name: str, x: float | None = None) -> Row | None:
        """The row of a contestant, at a point of the curve."""
        for row in self.rows:
            if row.name == name and row.x == x:
                return row
        return None

    def contestants(self) -> list[str]:
        """Their names, in order."""
        return list(dict.fromkeys(row.name for row in self.rows))


@dataclass(frozen=True)
class Quartiles:
    """The median of some values and the quartiles beside it."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Quartiles:
        """Those of one value or more; of one value, it three times."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))


def ratio(values: Sequence[float], by: Sequence[float]) -> Quartiles:
    """One by the other round by round, then the quartiles of that."""
    return Quartiles.of([a / b for a, b in zip(values, by, strict=True)])


def load(path: Path) -> dict[str, Case]:
    """The cases of a file by name; none where there is no file."""
    if not path.exists():
        return {}
    return {
        found["name"]: Case(**found | {"rows": [Row(**row) for row in found["rows"]]})
        for found in json.loads(path.read_text("utf-8"))
    }


def store(path: Path, cases: Iterable[Case]) -> None:
    """Write cases to a file, in the place of those of the same names."""
    found = load(path) | {case.name: case for case in cases}
    rows = [_rounded(asdict(case)) for case in found.values()]
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _rounded(value: Any) -> Any:
    """Five digits of every float, which is more than is known."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else value


def machine() -> dict[str, Any]:
    """The processor and the versions; no name of a host, no path."""
    from dateline.predict.counter import COMPILED

    found = {}
    for name in (
        *("dateline", "numpy", "scipy", "scikit-learn", "joblib"),
        *("fasttext-wheel", "fasttext-community", "fasttext"),
    ):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": found,
        "scan": "compiled" if COMPILED else "in Python",
    }


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
