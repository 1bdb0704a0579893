"""Plots of contestants: panels side by side in an SVG file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def panels(
    target: Path,
    count: int,
    *,
    size: tuple[float, float],
    salt: str,
    sharey: bool = False,
) -> Iterator[list[Any]]:
    """Panels to draw labelled lines in; the same results give the same bytes.

    Parameters
    ----------
    target : Path
        Written behind the block.
    count : int
    size : (float, float)
        Of a panel, in inches.
    salt : str
        What the names of things in the file are made of.
    sharey : bool
        Whether all have one scale upwards.
    """
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams |= {
        "svg.hashsalt": salt,
        "svg.fonttype": "none",  # text stays text
        "font.size": 9,
    }
    width, height = size
    figure, rows = pyplot.subplots(
        1, count, figsize=(width * count, height), sharey=sharey, squeeze=False
    )
    drawn = list(rows[0])
    yield drawn
    for panel in drawn:
        panel.set_xscale("log")
        panel.grid(alpha=0.3)
    handles, names = drawn[0].get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside lower center", ncols=len(names), frameon=False
    )
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    figure.savefig(target, metadata={"Date": None})
    pyplot.close(figure)
