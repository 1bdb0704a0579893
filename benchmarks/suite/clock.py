"""Time and memory, contestant after contestant, round after round."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .results import Row

try:
    import resource
except ImportError:  # Windows: the CPU time of other processes stays unknown
    resource = None  # type: ignore[assignment]

CHILD = Path(__file__).with_name("child.py")

LIBRARY_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What would let a library take the second core unasked; 1 wherever one thread is said."""

EVERY = 0.02
"""Seconds between two looks at the memory of a tree of processes."""


@dataclass(frozen=True)
class Taken:
    """What one unit of work took: seconds, CPU seconds, bytes at the peak."""

    wall: float
    cpu: float | None = None
    peak: float | None = None


Measure = Callable[[], Taken]


def interleaved(
    contestants: Mapping[str, Measure],
    rounds: int,
    *,
    warm: bool = True,
    x: float | None = None,
) -> list[Row]:
    """Measure contestants in turn, so that a slow minute of the machine hits them all.

    Every second round goes backwards, so that none always comes after the same other.

    Parameters
    ----------
    contestants : mapping of str to callable
    rounds : int
    warm : bool, default=True
        Whether each runs once before, uncounted: tables are in the caches, files too.
    x : float, optional
        Of the rows.

    Returns
    -------
    list of Row
        In the order of the contestants.
    """
    if warm:
        for measure in contestants.values():
            measure()
    taken: dict[str, list[Taken]] = {name: [] for name in contestants}
    names = list(contestants)
    for n in range(rounds):
        for name in names if n % 2 == 0 else reversed(names):
            taken[name].append(contestants[name]())
    return [
        Row(
            name,
            [one.wall for one in values],
            [one.cpu for one in values if one.cpu is not None],
            [one.peak for one in values if one.peak is not None],
            x,
        )
        for name, values in taken.items()
    ]


def call(work: Callable[[], object], units: int = 1) -> Measure:
    """Time a call in this process, by the units of work that it does.

    Garbage collection stays on, as in a program; what lay about before is collected
    outside of the clock.
    """

    def measure() -> Taken:
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        kept = work()
        taken = time.perf_counter() - wall, time.process_time() - cpu
        del kept  # letting go of the answers is no part of giving them
        return Taken(taken[0] / units, taken[1] / units)

    return measure


def each(work: Callable[[str], object], texts: Sequence[str]) -> Measure:
    """Time a call for each text; the median of them is the value of the round."""

    def measure() -> Taken:
        gc.collect()
        times = []
        for text in texts:
            start = time.perf_counter()
            work(text)
            times.append(time.perf_counter() - start)
        return Taken(sorted(times)[len(times) // 2])

    return measure


def python(code: str) -> Measure:
    """Time a fresh interpreter, its libraries' threads as a user has them."""
    return lambda: _process([sys.executable, "-P", "-c", code], one_thread=False)


def child(*arguments: object) -> Measure:
    """Time and watch a function of ``child.py`` in a fresh interpreter."""
    command = [sys.executable, "-P", str(CHILD), *map(str, arguments)]
    return lambda: _process(command, one_thread=True)


def _process(command: Sequence[str], *, one_thread: bool) -> Taken:
    environment = {k: v for k, v in os.environ.items() if k not in LIBRARY_THREADS}
    if one_thread:
        environment |= dict.fromkeys(LIBRARY_THREADS, "1")
    cpu = _cpu_of_children()
    start = time.perf_counter()
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        watcher = _Watcher(process.pid)
        out, err = process.communicate()
        wall = time.perf_counter() - start
        peak = watcher.stop()
    if process.returncode != 0:
        raise RuntimeError(f"{command} failed:\n{err}")
    for line in out.splitlines():
        if line.startswith("peak "):
            # A process knows its own peak better than one who looks now and then.
            peak = max(peak, int(line.removeprefix("peak ")))
    return Taken(
        wall,
        None if cpu is None else (_cpu_of_children() or 0.0) - cpu,
        float(peak) if peak else None,
    )


def _cpu_of_children() -> float | None:
    if resource is None:
        return None
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Watcher:
    """Looks at the memory of a process and all below it, on Linux."""

    def __init__(self, pid: int) -> None:
        self._pid, self._peak = pid, 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        if sys.platform == "linux":
            self._thread.start()

    def stop(self) -> int:
        """The most that was resident, in bytes; 0 where it cannot be seen."""
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()
        return self._peak

    def _watch(self) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        while not self._done.wait(EVERY):
            # What ends while we look is gone; the rest counts.
            pages = [_resident_pages(pid) for pid in _tree(self._pid)]
            if len(pages) > 1:  # alone, it says so itself
                self._peak = max(self._peak, sum(pages) * page)


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        with suppress(OSError):
            for children in Path(f"/proc/{one}/task").glob("*/children"):
                found += map(int, children.read_text("ascii").split())
    return found


def _resident_pages(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return 0
