"""README's table and the page and plot of docs, written from results."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from .panels import panels
from .results import DATELINE, FASTTEXT, SKLEARN, Case
from .table import machines, of_case, readme

BEGIN, END = "<!-- speed-table -->", "<!-- /speed-table -->"

_HEAD = """# Speed

Written by `python benchmarks/run.py --table benchmarks/results.json --write` from what
`python benchmarks/run.py -o benchmarks/results.json`, and again with `--growth`, measured.

Contestants work in turn, every second round backwards; the value of a row is the median of its
rounds, in brackets the quartiles. Ratios (×) are taken within a round, then their median and
quartiles; above 1 dateline is faster, or smaller. CPU is the time of all threads and processes.
Python's garbage collection is on, as in a program, and runs before each measurement, outside of the
clock. Where one thread is said, the libraries are told so (`OMP_NUM_THREADS=1`), but not for the
start of a process.
"""


def text(cases: Mapping[str, Case]) -> str:
    """The page of docs: every case, then the curves."""
    parts = [_HEAD, f"Measured on {machines(cases.values())}.\n"]
    parts += [of_case(case) for case in cases.values() if not case.axis]
    curves = [case for case in cases.values() if case.axis]
    if curves:
        parts.append("![Time against articles, labels and terms](speed.svg)\n")
        parts += [of_case(case) for case in curves]
    return "\n".join(parts).replace("\n### ", "\n## ")


def with_table(document: str, cases: Mapping[str, Case]) -> str:
    """A document with the table between the marks made anew."""
    marked = re.compile(f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", re.DOTALL)
    found, n = marked.subn(lambda _: f"{readme(cases)}\n", document)
    if n != 1:
        raise ValueError(f"expected {BEGIN} and {END} once, found them {n} times")
    return found


def write(cases: Mapping[str, Case], root: Path) -> None:
    """Renew README's table, docs/speed.md and, of curves, docs/speed.svg."""
    path = root / "README.md"
    path.write_text(with_table(path.read_text("utf-8"), cases), "utf-8")
    (root / "docs" / "speed.md").write_text(text(cases), "utf-8")
    curves = [case for case in cases.values() if case.axis]
    if curves:
        plot(curves, root / "docs" / "speed.svg")


def plot(curves: list[Case], target: Path) -> None:
    """Draw the curves, a panel each."""
    with panels(target, len(curves), size=(3, 3), salt="speed") as drawn:
        for panel, case in zip(drawn, curves, strict=True):
            for name in (DATELINE, SKLEARN, FASTTEXT):
                points = [(row.x, row.wall) for row in case.rows if row.name == name]
                panel.plot(
                    [x for x, _ in points],
                    [sorted(wall)[len(wall) // 2] for _, wall in points],
                    marker="o",
                    markersize=3,
                    label=name,
                )
            panel.set_yscale("log")
            panel.set_title(case.title)
            panel.set_xlabel(case.axis)
        drawn[0].set_ylabel("seconds; of an article, where predicting")
