"""The plots of a report, as SVG that takes its colours and its font from the page.

Drawn by matplotlib, which is asked for only when something is drawn. The same figures
give the same bytes.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .confusion import Confusion
from .evaluate import AxisOutcome
from .proportions import share_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours that stand for those of the page, which differ by day and by night.
INK, MUTED, LINE = "#010101", "#020202", "#030303"
FIRST, SECOND, THIRD, FOURTH = "#040404", "#050505", "#060606", "#070707"
HEAT, ON_HEAT, PAPER = "#080808", "#090909", "#0a0a0a"
_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    LINE: "--line",
    FIRST: "--first",
    SECOND: "--second",
    THIRD: "--third",
    FOURTH: "--fourth",
    HEAT: "--heat",
    ON_HEAT: "--on-heat",
    PAPER: "--paper",
}

WEAKEST = 3
"""So many labels of the precision-recall plot are named: those that do worst."""

WEAK_SUPPORT = 10
"""A curve of fewer articles says little and is not named."""

BINS = 10
"""Bins of the reliability diagram."""

# Points of a curve that are drawn; more cannot be told apart.
_CURVE_POINTS = 300

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text, in the page's font
    "font.family": "DejaVu Sans",  # which comes with matplotlib: to measure by
    "font.size": 11.5,
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": True,
    "legend.facecolor": PAPER,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.8,
    "legend.fontsize": 10.5,
    "lines.linewidth": 1.8,
}


def precision_recall(axis: str, outcome: AxisOutcome, names: Sequence[str]) -> str:
    """Precision against recall as the threshold moves: all labels, and each.

    Parameters
    ----------
    axis : str
        Goes into the plot's title.
    outcome : AxisOutcome
    names : sequence of str
        The labels' names for people.

    Returns
    -------
    str
        An ``<svg>`` element. The labels with the least average precision are named.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    support = outcome.truth.sum(axis=0)
    carried = np.flatnonzero(support)
    average = {
        i: float(average_precision_score(outcome.truth[:, i], outcome.scores[:, i]))
        for i in carried.tolist()
    }
    enough = [i for i in average if support[i] >= WEAK_SUPPORT]
    weakest = sorted(enough, key=lambda i: average[i])[:WEAKEST]

    def curve(
        truth: NDArray[np.bool_], scores: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        precision, recall, _ = precision_recall_curve(truth, scores)
        kept = np.unique(np.linspace(0, len(recall) - 1, _CURVE_POINTS).astype(int))
        return recall[kept], precision[kept]

    def draw(axes: Axes) -> None:
        for i, value in average.items():
            if i not in weakest:
                axes.plot(
                    *curve(outcome.truth[:, i], outcome.scores[:, i]),
                    color=MUTED,
                    linewidth=0.8,
                    alpha=0.45,
                    gid=_tip(f"{names[i]}: average precision {value:.2f}"),
                )
        for i, color in zip(weakest, (SECOND, THIRD, FOURTH), strict=False):
            axes.plot(
                *curve(outcome.truth[:, i], outcome.scores[:, i]),
                color=color,
                linewidth=1.4,
                label=f"{_shortened(names[i], 30)} {average[i]:.2f}",
            )
        truth, scores = outcome.truth[:, carried], outcome.scores[:, carried]
        whole = float(average_precision_score(truth.ravel(), scores.ravel()))
        axes.plot(
            *curve(truth.ravel(), scores.ravel()),
            color=FIRST,
            linewidth=2.6,
            label=f"all labels {whole:.2f}",
        )
        given = outcome.given[:, carried]
        if given.any():
            right = (given & truth).sum()
            axes.plot(
                right / truth.sum(),
                right / given.sum(),
                "o",
                color=FIRST,
                markersize=7,
                label="at the thresholds",
            )
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
        axes.legend(loc="lower left", title="average precision", title_fontsize=10.5)

    return _svg(draw, f"{axis}: precision against recall")


def reliability(axis: str, outcome: AxisOutcome) -> str:
    """How often labels were right, by the probability that they were given.

    Returns
    -------
    str
        An ``<svg>`` element: bins of equal width, with 95% intervals.
    """
    scores, truth = outcome.scores.ravel(), outcome.truth.ravel()
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    points = []
    for bin in range(BINS):
        inside = bins == bin
        if inside.any():
            n, right = int(inside.sum()), int(truth[inside].sum())
            low, high = share_interval(right, n)
            points.append((float(scores[inside].mean()), right / n, low, high, n))

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        x, y, low, high, counts = np.array(points).T
        axes.vlines(x, low, high, color=FIRST, linewidth=1.2, alpha=0.7)
        axes.plot(x, y, color=FIRST, linewidth=1.2, alpha=0.5)
        for at, share, n in zip(x, y, counts, strict=True):
            axes.plot(
                at,
                share,
                "o",
                color=FIRST,
                markersize=5,
                gid=_tip(f"said {at:.2f}, true {share:.2f}: {int(n)} decisions"),
            )
        axes.set(
            xlim=(0, 1.02),
            ylim=(0, 1.02),
            xlabel="probability that the model gave",
            ylabel="share that was true",
        )

    return _svg(draw, f"{axis}: reliability of the probabilities")


def score_histogram(axis: str, outcome: AxisOutcome) -> str:
    """How many decisions got which probability, true and untrue labels apart.

    Returns
    -------
    str
        An ``<svg>`` element; counts on a logarithmic scale.
    """
    edges = np.linspace(0, 1, 21)
    true, _ = np.histogram(outcome.scores[outcome.truth], edges)
    untrue, _ = np.histogram(outcome.scores[~outcome.truth], edges)

    def draw(axes: Axes) -> None:
        axes.stairs(untrue, edges, color=SECOND, fill=True, alpha=0.25, label="_untrue")
        axes.stairs(untrue, edges, color=SECOND, linewidth=1.4, label="label not true")
        axes.stairs(true, edges, color=FIRST, fill=True, alpha=0.25, label="_true")
        axes.stairs(true, edges, color=FIRST, linewidth=1.4, label="label true")
        axes.set_yscale("log")
        axes.set(
            xlim=(0, 1),
            ylim=(0.7, 2 * max(int(true.max()), int(untrue.max()), 5)),
            xlabel="probability that the model gave",
            ylabel="decisions",
        )
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.legend(loc="upper center", ncols=2)

    return _svg(draw, f"{axis}: histogram of the probabilities")


def confusion_map(axis: str, confusion: Confusion, names: Sequence[str]) -> str:
    """What was taken for what: a cell's depth is its share of the row.

    Parameters
    ----------
    axis : str
    confusion : Confusion
    names : sequence of str
        Names of its rows and columns.
    """
    from matplotlib.patches import Rectangle

    counts = confusion.counts
    sums = counts.sum(axis=1, keepdims=True)
    # Roots, so that a few in a hundred can be told from none.
    depths = np.sqrt(counts / np.maximum(sums, 1))
    rows, columns = counts.shape

    def draw(axes: Axes) -> None:
        for i, j in zip(*map(np.ndarray.tolist, counts.nonzero()), strict=True):
            depth = float(depths[i, j])
            tip = (
                f"labelled {names[i]}, likeliest {names[j]}: {counts[i, j]} of "
                f"{sums[i, 0]}"
            )
            axes.add_patch(
                Rectangle(
                    (j + 0.04, i + 0.04),
                    0.92,
                    0.92,
                    color=HEAT,
                    linewidth=0,
                    alpha=round(0.06 + 0.94 * depth, 3),
                    gid=_tip(tip),
                )
            )
            axes.text(
                j + 0.5,
                i + 0.53,
                str(counts[i, j]),
                ha="center",
                va="center",
                fontsize=10,
                color=ON_HEAT if depth > 0.65 else INK,
            )
        axes.set(xlim=(0, columns), ylim=(rows, 0))
        axes.set_xticks(
            np.arange(columns) + 0.5,
            [_shortened(name, 32) for name in names[:columns]],
            rotation=90,
        )
        axes.set_yticks(
            np.arange(rows) + 0.5, [_shortened(name, 40) for name in names[:rows]]
        )
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.grid(False)
        axes.spines[:].set_visible(False)
        for edge in range(rows + 1):
            axes.axhline(edge, color=LINE, linewidth=0.6, zorder=0)
        for edge in range(columns + 1):
            axes.axvline(edge, color=LINE, linewidth=0.6, zorder=0)

    side = 27.0
    return _svg(
        draw,
        f"{axis}: which labels were taken for which",
        width=250 + side * columns,
        height=220 + side * rows,
    )


def learning_plot(axis: str, points: Sequence[tuple[int, Mapping[str, Any]]]) -> str:
    """How good models are that were trained on more and more samples.

    Parameters
    ----------
    axis : str
    points : sequence of (int, mapping)
        Number of samples, and the figures of one axis, as
        :func:`dateline.train.evaluate.metrics` gives them.
    """

    def draw(axes: Axes) -> None:
        for figure, name, color, mark in (
            ("top1", "top1", FIRST, "o"),
            ("micro_f1", "micro-F1", THIRD, "^"),
            ("macro_f1", "macro-F1", SECOND, "s"),
        ):
            said = [(n, f) for n, f in points if f.get(figure) is not None]
            if not said:
                continue
            axes.plot(
                [n for n, _ in said],
                [f[figure] for _, f in said],
                marker=mark,
                markersize=5,
                color=color,
                label=name,
            )
            sure = [(n, f["intervals"][figure]) for n, f in said]
            sure = [(n, interval) for n, interval in sure if interval]
            axes.fill_between(
                [n for n, _ in sure],
                [low for _, (low, _) in sure],
                [high for _, (_, high) in sure],
                color=color,
                alpha=0.12,
                linewidth=0,
            )
        sizes = sorted({n for n, _ in points})
        axes.set_xscale("log")
        axes.set_xticks(sizes, [f"{n:,}" for n in sizes])
        axes.minorticks_off()
        axes.set(ylim=(0, 1.02), xlabel="samples trained on", ylabel="figure")
        axes.legend(loc="lower right")

    return _svg(draw, f"{axis}: learning curve")


def _tip(text: str) -> str:
    # A group's id becomes the title that browsers show under the pointer.
    return f"tip {text}"


def _shortened(name: str, length: int) -> str:
    return name if len(name) <= length else f"{name[: length - 1].rstrip(' ,')}…"


def _svg(
    draw: Callable[[Axes], None],
    title: str,
    *,
    width: float = 380,
    height: float = 300,
) -> str:
    """Draw on fresh axes; sizes are in pixels of the page."""
    import matplotlib
    from matplotlib.figure import Figure

    # Definitions of one page's plots must not bear the same names.
    with matplotlib.rc_context(_STYLE | {"svg.hashsalt": title}):
        figure = Figure(figsize=(width / 72, height / 72), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        file = io.StringIO()
        with warnings.catch_warnings():
            # Names in scripts that the measuring font lacks; the page's has them.
            warnings.filterwarnings("ignore", "Glyph .* missing from font")
            figure.savefig(
                file, format="svg", transparent=True, metadata={"Date": None}
            )
    return _for_page(file.getvalue(), title)


def _for_page(text: str, title: str) -> str:
    """An SVG file as an element of a page, in the page's colours."""
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<style [^>]*>.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="tip ([^"]*)">', r"<g><title>\1</title>", text)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    for color, variable in _VARIABLES.items():
        text = text.replace(color, f"var({variable})")
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    assert box is not None  # matplotlib writes one
    head = (
        f'<svg role="img" viewBox="0 0 {box[1]} {box[2]}" '
        f'style="--width: {float(box[1]):.0f}px" '
        'xmlns:xlink="http://www.w3.org/1999/xlink">'
        f"<title>{escape(title)}</title>"
    )
    return head + text[text.index(">") + 1 :]
