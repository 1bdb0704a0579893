"""Many labels: fitted in blocks, and settings compared on some of them."""

from __future__ import annotations

import numpy as np
import pytest

from dateline.labels import Lexicon, Sample, Taxonomy
from dateline.train import crossval
from dateline.train.crossval import fit_labels, held_out_scores, macro_f1, trial_task
from dateline.train.features import TermVectorizer
from dateline.train.fit import check_trainable, prepare, train
from dateline.train.settings import TrainingSettings
from dateline.train.tasks import COMPILED, AxisTask, Matrix

SETTINGS = TrainingSettings(concept_weight=0.5, own_weight=1.0)


@pytest.fixture
def prepared(
    taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> tuple[Matrix, AxisTask]:
    """The axis of three labels."""
    known = check_trainable(samples, [], taxonomy, SETTINGS)
    stories = np.arange(len(samples))
    vectorizer = TermVectorizer(lexicon)
    matrix, (task, _) = prepare(
        samples, [], stories, known, taxonomy, vectorizer, SETTINGS
    )
    return matrix, task


@pytest.mark.skipif(not COMPILED, reason="installed without a compiler")
@pytest.mark.parametrize("lanes", [1, 2])
def test_fits_do_not_depend_on_which_labels_are_beside_each_other(
    prepared: tuple[Matrix, AxisTask], lanes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix, task = prepared
    monkeypatch.setattr(crossval, "TOLERANCE", 1e-5)
    monkeypatch.setattr(crossval, "HELD_OUT_TOLERANCE", 1e-5)
    every, idf = np.ones(len(task.rows), dtype=bool), matrix.vectorizer.idf_
    weights, bias = fit_labels(matrix, task, every, idf, SETTINGS, 1)
    scores = held_out_scores(matrix, task, SETTINGS, 0)
    monkeypatch.setattr("dateline.train._svm.LANES", lanes)
    in_blocks, bias_in_blocks = fit_labels(matrix, task, every, idf, SETTINGS, 2)
    assert in_blocks == pytest.approx(weights, abs=1e-3)
    assert bias_in_blocks == pytest.approx(bias, abs=1e-3)
    assert held_out_scores(matrix, task, SETTINGS, 0) == pytest.approx(scores, abs=1e-3)


def test_settings_are_compared_on_labels_from_end_to_end(
    prepared: tuple[Matrix, AxisTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix, task = prepared
    assert trial_task(task) is task
    whole = macro_f1(matrix, task, SETTINGS)
    ends = task.only(np.array([0, 2]))
    expected = macro_f1(matrix, ends, SETTINGS)
    monkeypatch.setattr(crossval, "TRIAL_LABELS", 2)
    assert trial_task(task).labels == ends.labels == ("north", "east")
    assert macro_f1(matrix, task, SETTINGS) == expected != whole


def test_model_of_many_labels_knows_all_of_them_whatever_the_jobs(
    taxonomy: Taxonomy,
    lexicon: Lexicon,
    samples: list[Sample],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crossval, "TRIAL_LABELS", 1)
    if COMPILED:
        monkeypatch.setattr("dateline.train._svm.LANES", 2)
    seen: list[tuple[int, int]] = []
    one, two = (
        train(
            samples,
            taxonomy=taxonomy,
            lexicon=lexicon,
            jobs=jobs,
            progress=lambda done, total: seen.append((done, total)),
        )
        for jobs in (1, 2)
    )
    assert one.to_bytes() == two.to_bytes()
    assert one.known["land"] == ("north", "south", "east")
    steps = list(range(1, seen[0][1] + 1))
    assert [done for done, _ in seen] == steps + steps
