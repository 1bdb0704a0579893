"""Whether there is memory enough for a training, asked before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import joblib

from .settings import TrainingError
from .tasks import COMPILED, AxisTask, Matrix

if COMPILED:
    from . import _svm

WAYS = (
    "fit fewer side by side (-j), or train on a part of the samples; README says how "
    "under 'More samples than memory holds'"
)
"""What to do where memory is short."""

_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def free_memory() -> int | None:
    """The bytes of memory that are free; None where the system does not say."""
    found = []
    try:
        for line in _MEMINFO.read_text("ascii").splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                found.append(int(value.split()[0]) * 1024)
    except (OSError, ValueError, IndexError):
        pass
    try:  # of a container
        most = (_GROUP / "memory.max").read_text("ascii").strip()
        used = int((_GROUP / "memory.current").read_text("ascii"))
        if most != "max":
            found.append(max(0, int(most) - used))
    except (OSError, ValueError):
        pass
    return min(found, default=None)


def needed_memory(matrix: Matrix, tasks: Sequence[AxisTask], jobs: int) -> int:
    """About how many bytes the fits take, besides what is there already."""
    entries, n_terms = matrix.counts.nnz, matrix.counts.shape[1]
    side_by_side = joblib.effective_n_jobs(jobs)
    kept, largest = 0, 0
    for task in tasks:
        n_labels = len(task.labels)
        if COMPILED:
            # The weighed entries, the weights of terms, and what is known of rows.
            block = min(n_labels, _svm.LANES)
            one = 4 * entries + 4 * n_terms * block + 700 * len(task.rows)
        else:
            # liblinear has a copy of the matrix for each fit, in nodes of 16 bytes.
            one = 28 * entries + 8 * n_terms
        largest = max(largest, side_by_side * one + 6 * n_terms * n_labels)
        kept += 4 * n_terms * n_labels
    return largest + kept


def check_memory(matrix: Matrix, tasks: Sequence[AxisTask], jobs: int) -> None:
    """Refuse fits that memory does not hold.

    Raises
    ------
    TrainingError
        With what is needed, what is there, and what to do.
    """
    free, needed = free_memory(), needed_memory(matrix, tasks, jobs)
    if free is None or needed <= free:
        return
    raise TrainingError(
        f"the fits need about {_shown(needed)} of memory ({len(tasks[0].rows):,} "
        f"samples, {matrix.counts.shape[1]:,} terms, "
        f"{joblib.effective_n_jobs(jobs)} side by side), {_shown(free)} are free; "
        f"{WAYS}"
    )


def _shown(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB"
