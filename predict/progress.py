"""A bar that says how many articles are done, how fast, and how long it takes yet."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .sources import Meter


class Progress:
    """What the bar is told; without one, nothing happens.

    Parameters
    ----------
    meter : Meter
        How many articles there are is guessed from how far reading is.
    done : int
        Answers of an earlier run.
    bar : tqdm, optional
    """

    def __init__(self, meter: Meter, done: int = 0, bar: Any = None) -> None:
        self._meter, self._bar, self._count = meter, bar, done

    def add(self, count: int) -> None:
        """Say that so many more are done."""
        self._count += count
        if self._bar is None:
            return
        share = self._meter.share
        if share:
            self._bar.total = max(round(self._count / share), self._count)
        self._bar.update(count)


@contextmanager
def progress(meter: Meter, done: int, *, to_terminal: bool) -> Iterator[Progress]:
    """A bar on standard error, where that is a terminal.

    Parameters
    ----------
    meter : Meter
    done : int
        Answers of an earlier run.
    to_terminal : bool
        Answers go to a terminal as well, among which a bar would stand.
    """
    if to_terminal or sys.stderr is None or not sys.stderr.isatty():
        yield Progress(meter, done)
        return
    from tqdm import tqdm

    with tqdm(unit=" articles", initial=done) as bar:
        yield Progress(meter, done, bar)
