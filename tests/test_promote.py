"""No model replaces a better one by accident."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dateline.labels import Lexicon, Sample, Taxonomy
from dateline.predict import Model, ModelError, Predictor
from dateline.train.card import card_path
from dateline.train.fit import train
from dateline.train.promote import Verdict, candidate_path, previous_path, promote


def test_promoted_model_takes_the_place_and_the_old_one_is_kept(
    model: Model, tmp_path: Path
) -> None:
    target = tmp_path / "live.safetensors"
    assert promote(model, target) is None
    old = target.read_bytes()
    target.write_bytes(b"what was there before")
    kept = promote(model, target)
    assert kept == previous_path(target) == tmp_path / "live.previous.safetensors"
    assert kept.read_bytes() == b"what was there before"
    assert target.read_bytes() == old
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "live.previous.safetensors",
        "live.safetensors",
    ]


def test_model_that_cannot_be_written_leaves_the_old_one(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "live.safetensors"
    target.write_bytes(b"old")

    def full(self: Model) -> bytes:
        raise ModelError("no space left")

    monkeypatch.setattr(Model, "to_bytes", full)
    with pytest.raises(ModelError):
        promote(model, target)
    assert target.read_bytes() == b"old"


def test_gate_speaks_of_cross_validated_figures_without_test_samples(
    model: Model,
) -> None:
    n = model.card["metrics"]["desk"]["n"]
    assert Verdict.of(model, gate=f"desk.n>={n}").reasons == ()
    (reason,) = Verdict.of(model, gate=f"desk.n>{n}").reasons
    assert reason.startswith(f"desk.n is {n}")


def test_worse_model_is_not_promoted(
    model: Model, samples: list[Sample], taxonomy: Taxonomy, tmp_path: Path
) -> None:
    target = tmp_path / "live.safetensors"
    model.save(target)
    assert Verdict.of(model, tests=samples, target=target).reasons == ()
    turned = replace(model, weights=-np.asarray(model.weights), bias=-model.bias)
    reasons = Verdict.of(turned, tests=samples, target=target).reasons
    assert [reason.partition(":")[0] for reason in reasons] == ["land", "desk"]
    assert "significantly worse" in reasons[0]


def test_model_that_no_longer_answers_an_axis_is_not_promoted(
    model: Model,
    samples: list[Sample],
    taxonomy: Taxonomy,
    lexicon: Lexicon,
    tmp_path: Path,
) -> None:
    target = tmp_path / "live.safetensors"
    model.save(target)
    fewer = train(samples, taxonomy=Taxonomy((taxonomy["desk"],)), lexicon=lexicon)
    (reason,) = Verdict.of(fewer, tests=samples, target=target).reasons
    assert reason.startswith("land: significantly worse")


@pytest.mark.usefixtures("small_lexicon")
class TestCommand:
    @pytest.fixture
    def folder(self, tmp_path: Path, samples: list[Sample]) -> Path:
        bundled = {"sport": "sport", "money": "economy-business-finance"}
        rows = [
            {
                "id": s.id,
                "text": s.text,
                "topics": [bundled[x] for x in s.labels["desk"]],
            }
            for s in samples
        ]
        path = tmp_path / "mine.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)) + "\n")
        return tmp_path

    def test_model_behind_a_gate_is_promoted(
        self, folder: Path, dateline: Callable[..., Any]
    ) -> None:
        target = folder / "live.safetensors"
        run = dateline(
            *("train", folder / "mine.jsonl", "--promote", target),
            *("--gate", "topics.n>=10", "--test", folder / "mine.jsonl"),
        )
        assert run.code == 0, run.err
        assert f"{target}: replaced" in run.out
        assert card_path(target).exists()
        assert Predictor.load(target).predict("A striker").topics[0].label == "sport"

    def test_model_that_fails_the_gate_stays_a_candidate(
        self, folder: Path, dateline: Callable[..., Any]
    ) -> None:
        target = folder / "live.safetensors"
        target.write_bytes(b"old")
        run = dateline(
            *("train", folder / "mine.jsonl", "--promote", target),
            *("--gate", "topics.macro_f1>=1.01"),
        )
        assert run.code == 1
        assert "topics.macro_f1 is" in run.err
        assert target.read_bytes() == b"old"
        assert candidate_path(target).exists()

    def test_promotion_without_a_gate_is_refused(
        self, folder: Path, dateline: Callable[..., Any]
    ) -> None:
        run = dateline("train", folder / "mine.jsonl", "--promote", folder / "live")
        assert run.code == 2
        assert "--promote needs a --gate" in run.err

    def test_test_samples_that_nothing_is_judged_by_are_refused(
        self, folder: Path, dateline: Callable[..., Any]
    ) -> None:
        mine = folder / "mine.jsonl"
        run = dateline("train", mine, "--test", mine)
        assert run.code == 2
        assert "--test needs a --gate or --promote" in run.err
