"""The card of a model, in Markdown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dateline.labels import Axis, Label, Taxonomy
from dateline.predict import Model, ModelError
from dateline.train.card import card_path, model_card, training_facts, write_card
from dateline.train.proportions import label_intervals, share_interval


def test_card_says_what_the_model_is(model: Model) -> None:
    card = model_card(model, name="mine.safetensors")
    figures = model.card["metrics"]["land"]
    low, high = figures["intervals"]["macro_f1"]
    for line in (
        "# mine.safetensors",
        "- **Land** (`land`): any number of labels of 3",
        "| Samples | 72 |",
        f"| Samples' SHA-256 | {model.card['training']['samples_sha256']} |",
        f"| macro_f1 | {figures['macro_f1']:.3f} | [{low:.3f}, {high:.3f}] |",
        'predictor = Predictor.load("mine.safetensors")',
        "dateline predict FILE -m mine.safetensors",
    ):
        assert line in card.splitlines()
    assert "| `north` | The North | N | 24 | " in card
    assert "fewer than 30 samples, so uncertain: `east`, `north`, `south`." in card


def test_every_row_of_a_table_has_the_cells_of_its_head(model: Model) -> None:
    table: list[int] = []
    for line in model_card(model).splitlines():
        if not line.startswith("| "):
            table = []
            continue
        table.append(line.replace(r"\|", "").count("|"))
        assert table[-1] == table[0]


def test_names_cannot_break_the_markup(model: Model) -> None:
    axes = tuple(
        Axis(a.id, "*A* | <b>", tuple(Label(x.id, f"{x.id} | <i>`") for x in a))
        for a in model.taxonomy
    )
    card = model_card(replace(model, taxonomy=Taxonomy(axes)), name="a'b \".st")
    assert r"**\*A\* \| \<b\>**" in card
    assert r"| `north` | north \| \<i\>\` |" in card
    assert (
        f"Predictor.load({json.dumps(chr(97) + chr(39) + 'b ' + chr(34) + '.st')})"
        in (card)
    )
    assert "-m 'a'\"'\"'b \".st'" in card


def test_label_that_was_not_trained_is_among_the_limits(model: Model) -> None:
    axes = [*model.taxonomy]
    axes[0] = replace(axes[0], labels=(*axes[0].labels, Label("west", "West")))
    card = model_card(replace(model, taxonomy=Taxonomy(tuple(axes))))
    assert "- land: not trained, never given: `west`." in card


def test_model_without_a_card_has_one_all_the_same(model: Model) -> None:
    bare = replace(model, card={})
    assert [name for name, _ in training_facts(bare)] == ["Terms", "Counting of terms"]
    assert "| `north` | The North | N |  |  |  |  | " in model_card(bare)


def test_card_is_written_beside_the_model(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m.safetensors")
    written = write_card(model, str(tmp_path / "m.safetensors"))
    assert written == card_path(tmp_path / "m.safetensors")
    assert written.name == "m.safetensors.md"
    loaded = Model.load(tmp_path / "m.safetensors")
    assert written.read_text("utf-8") == model_card(loaded, name="m.safetensors")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "m.safetensors",
        "m.safetensors.md",
    ]


def test_card_that_cannot_be_written_says_what_to_do(
    model: Model, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"x\.md: cannot be written.*choose another"):
        write_card(model, tmp_path / "no" / "x")


def test_interval_of_a_share_is_wilsons() -> None:
    # Worked out by hand: centre (p + z²/2n) / (1 + z²/n), z = 1.96, n = 10, p = .8.
    low, high = share_interval(8, 10)
    assert low == pytest.approx(0.4902, abs=1e-4)
    assert high == pytest.approx(0.9433, abs=1e-4)


def test_intervals_of_a_label_follow_from_its_figures() -> None:
    # 8 of 10 found, 8 of 12 given are right; figures are rounded as metrics rounds.
    row = {"precision": 0.6667, "recall": 0.8, "f1": 0.7273, "support": 10}
    assert label_intervals(row) == {
        "precision": share_interval(8, 12),
        "recall": share_interval(8, 10),
    }
    nothing = {"precision": None, "recall": 0.0, "f1": 0.0, "support": 4}
    assert label_intervals(nothing) == {
        "precision": None,
        "recall": share_interval(0, 4),
    }
    never = {"precision": 0.0, "recall": None, "f1": 0.0, "support": 0}
    assert label_intervals(never) == {"precision": None, "recall": None}
