"""Searching for settings, and a search that was interrupted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dateline.labels import Lexicon, Sample, Taxonomy
from dateline.train import search as module
from dateline.train.crossval import macro_f1
from dateline.train.fit import train
from dateline.train.search import search
from dateline.train.settings import CHOSEN, TrainingError, TrainingSettings


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TERMS", {"ngrams": (2, 1)})
    monkeypatch.setattr(module, "_CLASSIFIERS", {"C": (1.0, 0.1)})


def test_search_gives_settings_that_training_takes(
    taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    seen: list[tuple[int, int]] = []
    settings, trials = search(
        samples,
        taxonomy=taxonomy,
        lexicon=lexicon,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert set(settings.by_axis) == {"land", "desk"}
    assert all(set(chosen) == set(CHOSEN) for chosen in settings.by_axis.values())
    assert [(t.of, t.varied) for t in trials] == [
        ("terms", ""),
        ("terms", "ngrams"),
        ("land", ""),
        ("land", "C"),
        ("desk", ""),
        ("desk", "C"),
    ]
    assert seen[-1] == (6, 6)
    model = train(samples, taxonomy=taxonomy, lexicon=lexicon, settings=settings)
    assert model.card["training"]["chosen"]["land"] == settings.by_axis["land"]


def test_the_best_of_what_was_tried_is_taken(
    monkeypatch: pytest.MonkeyPatch,
    taxonomy: Taxonomy,
    lexicon: Lexicon,
    samples: list[Sample],
) -> None:
    monkeypatch.setattr(
        module, "macro_f1", lambda matrix, task, settings: 1.0 - settings.C
    )
    settings, _ = search(samples, taxonomy=taxonomy, lexicon=lexicon)
    assert {chosen["C"] for chosen in settings.by_axis.values()} == {0.1}
    assert settings.terms.ngrams == 2  # no better, so the default stays


def test_interrupted_search_goes_on_where_it_was(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    taxonomy: Taxonomy,
    lexicon: Lexicon,
    samples: list[Sample],
) -> None:
    journal = tmp_path / "search.jsonl"
    whole = search(samples, taxonomy=taxonomy, lexicon=lexicon, journal=journal)
    lines = journal.read_text().splitlines()
    assert len(lines) == len(whole[1])
    # Killed in the middle of a line, then started again.
    journal.write_text("\n".join(lines[:3]) + "\n" + lines[3][:20])
    made: list[float] = []
    real = macro_f1

    def counting(matrix: object, task: object, settings: object) -> float:
        made.append(real(matrix, task, settings))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(module, "macro_f1", counting)
    again = search(samples, taxonomy=taxonomy, lexicon=lexicon, journal=journal)
    assert again == whole
    assert len(made) == 3
    rows = [json.loads(line) for line in journal.read_text().splitlines()[4:]]
    assert len(rows) == 3


def test_journal_of_other_samples_is_not_believed(
    tmp_path: Path, taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    journal = tmp_path / "search.jsonl"
    search(samples, taxonomy=taxonomy, lexicon=lexicon, journal=journal)
    before = len(journal.read_text().splitlines())
    search(samples[1:], taxonomy=taxonomy, lexicon=lexicon, journal=journal)
    assert len(journal.read_text().splitlines()) == 2 * before


def test_journal_that_is_none_is_refused(
    tmp_path: Path, taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    journal = tmp_path / "search.jsonl"
    journal.write_text("dear diary\nnothing happened\n")
    with pytest.raises(TrainingError, match=r"search\.jsonl:1: is no trial"):
        search(samples, taxonomy=taxonomy, lexicon=lexicon, journal=journal)


def test_search_begins_with_the_settings_given(
    taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    start = TrainingSettings(concept_weight=0.25, precision=0.9)
    settings, _ = search(samples, taxonomy=taxonomy, lexicon=lexicon, settings=start)
    assert settings.precision == 0.9
    assert settings.by_axis["land"]["concept_weight"] == 0.25


def test_what_an_axis_was_given_besides_stays(
    taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    start = TrainingSettings(by_axis={"land": {"secondary_weight": 0.5}})
    settings, _ = search(samples, taxonomy=taxonomy, lexicon=lexicon, settings=start)
    assert settings.of("land").secondary_weight == 0.5
    assert settings.of("desk").secondary_weight == 1.0
