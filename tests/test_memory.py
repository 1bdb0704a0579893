"""Trainings that memory does not hold are refused before they begin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dateline.labels import Lexicon, Sample, Taxonomy
from dateline.train import fit, memory
from dateline.train.settings import TrainingError


def test_fits_that_memory_does_not_hold_are_refused(
    taxonomy: Taxonomy,
    lexicon: Lexicon,
    samples: list[Sample],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 1000)
    with pytest.raises(TrainingError, match=r"need about 0\.0 GB .* 2 side by side"):
        fit.train(samples, taxonomy=taxonomy, lexicon=lexicon, jobs=2)


def test_more_side_by_side_needs_more(
    taxonomy: Taxonomy,
    lexicon: Lexicon,
    samples: list[Sample],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    needed = []

    def noted(*arguments: Any) -> int:
        needed.append(memory_needed(*arguments))
        return needed[-1]

    memory_needed = memory.needed_memory
    monkeypatch.setattr(memory, "needed_memory", noted)
    for jobs in (1, 3):
        fit.train(samples, taxonomy=taxonomy, lexicon=lexicon, jobs=jobs)
    assert 2 * needed[0] < needed[1] <= 3 * needed[0]


def test_free_memory_is_the_least_that_the_system_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_GROUP", tmp_path)
    assert memory.free_memory() is None
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:   7 kB\n")
    assert memory.free_memory() == 7 * 1024
    (tmp_path / "memory.current").write_text("3000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free_memory() == 7 * 1024
    (tmp_path / "memory.max").write_text("5000\n")
    assert memory.free_memory() == 2000


def test_command_says_in_one_line_that_memory_is_short(
    dateline: Callable[..., Any],
    samples: list[Sample],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def short(*arguments: Any, **more: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(fit, "train", short)
    run = dateline("train", "-o", str(tmp_path / "m.safetensors"))
    assert run.code == 2
    assert run.err.startswith("dateline: memory is short; give fewer articles")
    assert run.err.count("\n") == 1
