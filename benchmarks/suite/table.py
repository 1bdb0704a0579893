"""Results as Markdown: a table a case, and the one table of README."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from .results import (
    DATELINE,
    FASTTEXT,
    FASTTEXT_100,
    FLOOR,
    IN_PYTHON,
    SKLEARN,
    TWO,
    Case,
    Quartiles,
    Row,
    ratio,
)

COLUMNS = (DATELINE, SKLEARN, FASTTEXT, FASTTEXT_100, FLOOR)
"""The contestants that README names."""


def of_case(case: Case) -> str:
    """A case as a heading, a table and its notes."""
    lines = _curve(case) if case.axis else _rows(case)
    notes = [f"* {note}" for note in case.notes]
    return "\n".join([f"### {case.title}", "", *lines, "", *notes, ""])


def _rows(case: Case) -> list[str]:
    """A line a contestant."""
    ours = case.row(DATELINE) or Row(DATELINE, [])
    columns: list[tuple[str, Callable[[Row], str]]] = []
    if case.name != "memory":
        columns += [
            ("time", lambda row: spread(row.wall, seconds)),
            ("× dateline", lambda row: _by(row.wall, ours.wall)),
        ]
    if any(row.cpu for row in case.rows) and case.name != "memory":
        columns += [
            ("CPU", lambda row: spread(row.cpu, seconds)),
            ("× dateline", lambda row: _by(row.cpu, ours.cpu)),
        ]
    if case.name in ("memory", "train"):
        columns += [
            ("peak memory", lambda row: spread(row.peak, megabytes)),
            ("× dateline", lambda row: _by(row.peak, ours.peak)),
        ]
    return markdown(
        ["", *(title for title, _ in columns)],
        ([row.name, *(show(row) for _, show in columns)] for row in case.rows),
    )


def _curve(case: Case) -> list[str]:
    """A line a point."""
    names = case.contestants()
    points = list(dict.fromkeys(row.x for row in case.rows))
    lines = []
    for x in points:
        found = {row.name: row for row in case.rows if row.x == x}
        ours = found[DATELINE].wall
        cells = [f"{x:,.0f}"]
        for name in names:
            row = found.get(name)
            if row is None:
                cells.append("")
            elif name == DATELINE:
                cells.append(seconds(Quartiles.of(ours).median))
            else:
                median = seconds(Quartiles.of(row.wall).median)
                cells.append(f"{median}: × {number(ratio(row.wall, ours).median)}")
        if any(row.peak for row in found.values()):
            cells += [
                megabytes(Quartiles.of(found[name].peak).median)
                if name in found and found[name].peak
                else ""
                for name in names
            ]
        lines.append(cells)
    titles = [case.axis, *names]
    if any(row.peak for row in case.rows):
        titles += [f"{name}, memory" for name in names]
    return markdown(titles, lines)


def readme(cases: Mapping[str, Case]) -> str:
    """The table of README."""
    lines = [
        _line("an article of 400 words in a batch, one thread", cases["predict"]),
        _line("an article alone", cases["one"]),
        _line("load of the model", cases["load"]),
        _line("first answer of a fresh process", cases["start"]),
        _line(_training(cases["train"]), cases["train"]),
        _line("peak memory of that", cases["train"], memory=True),
        _line("peak memory of a process that predicts", cases["memory"], memory=True),
    ]
    used = [
        n for n, name in enumerate(COLUMNS, 1) if any(cells[n] != "" for cells in lines)
    ]
    titles = ["", *(COLUMNS[n - 1] for n in used)]
    table = markdown(titles, ([cells[0], *(cells[n] for n in used)] for cells in lines))
    said = [
        "Medians; behind the × the ratio to dateline with its quartiles, above 1 where "
        "dateline is faster or smaller. The floor, which nobody can do without, is to "
        "split the text into tokens and hash them, or `import numpy`.",
        *_multiples(cases),
        f"On {machines(cases.values())}.",
    ]
    return "\n".join([*table, "", *said])


def _multiples(cases: Mapping[str, Case]) -> Iterator[str]:
    """What README says of dateline beside itself and the floor."""
    for case, names, sentence in (
        ("predict", (DATELINE, TWO), "Two threads do {} times what one does."),
        ("predict", (DATELINE, FLOOR), "An article takes {} times its floor."),
        ("start", (DATELINE, FLOOR), "A first answer takes {} times `import numpy`."),
        (
            "predict",
            (IN_PYTHON, DATELINE),
            "Without the compiled scan an article takes {} times as long.",
        ),
    ):
        above, below = (cases[case].row(name) for name in names)
        if above and below:
            yield sentence.format(_between(ratio(above.wall, below.wall)))


def _training(case: Case) -> str:
    return f"training, {case.notes[0].partition(' ')[0]} articles, 20 labels"


def _line(title: str, case: Case, *, memory: bool = False) -> list[str]:
    """A line of README's table."""
    ours = case.row(DATELINE)
    cells = [title]
    for name in COLUMNS:
        row = case.row(name)
        if row is None or ours is None:
            cells.append("")
            continue
        values, base = (row.peak, ours.peak) if memory else (row.wall, ours.wall)
        if not values:
            cells.append("")
            continue
        shown = (megabytes if memory else seconds)(Quartiles.of(values).median)
        if name != DATELINE:
            shown += f", × {_between(ratio(values, base))}"
        cells.append(shown)
    return cells


def machines(cases: Iterable[Case]) -> str:
    """Where and with what cases were measured; all that differ."""
    found: dict[str, None] = {}
    for case in cases:
        about = case.machine
        versions = ", ".join(f"{k} {v}" for k, v in about["versions"].items())
        found[
            f"{about['cpu']} with {about['cores']} cores, {about['system']}, Python "
            f"{about['python']}, {versions}, scan {about['scan']}"
        ] = None
    return "; ".join(found)


def markdown(titles: list[str], rows: Iterable[list[str]]) -> list[str]:
    """The lines of a table."""
    return [
        f"| {' | '.join(cells)} |" for cells in [titles, ["---"] * len(titles), *rows]
    ]


def spread(values: list[float], show: Callable[[float], str]) -> str:
    """The median and, of several values, the quartiles in brackets."""
    if not values:
        return ""
    found = Quartiles.of(values)
    return _shown(found, show)


def _by(values: list[float], ours: list[float] | None) -> str:
    if not values or not ours:
        return ""
    return _between(ratio(values, ours))


def _between(found: Quartiles) -> str:
    return _shown(found, number)


def _shown(found: Quartiles, show: Callable[[float], str]) -> str:
    """The median, and the quartiles where they can be told from it."""
    low, median, high = show(found.low), show(found.median), show(found.high)
    return median if low == high else f"{median} ({low}–{high})"


def seconds(value: float) -> str:
    """A time with a unit that suits it."""
    for factor, unit in ((1e6, "µs"), (1e3, "ms")):
        if value * factor < 1000:
            return f"{number(value * factor)} {unit}"
    return f"{number(value)} s"


def megabytes(value: float) -> str:
    """Bytes in MB."""
    return f"{value / 1e6:,.0f} MB"


def number(value: float) -> str:
    """Two or three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.{1 if value >= 10 else 2}f}"
