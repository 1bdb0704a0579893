"""Labels of one's own, from a TOML file to answers, by the command line."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dateline import Predictor
from dateline.labels import Taxonomy, read_samples
from dateline.train.evaluate import evaluate
from dateline.train.fit import train

TAXONOMY = """
[[axis]]
id = "desk"
name = "Desk"
single_label = true
[[axis.label]]
id = "markets"
[[axis.label]]
id = "city"
name = "City hall"

[[axis]]
id = "tone"
[[axis.label]]
id = "glad"
[[axis.label]]
id = "grave"
[[axis.label]]
id = "wry"

[[axis]]
id = "beat"
[[axis.label]]
id = "transport"
[[axis.label]]
id = "transport/rail"
[[axis.label]]
id = "transport/roads"
[[axis.label]]
id = "housing"
"""

SAID = {
    "markets": ["shares of the {} firm rose", "traders sold bonds of the {} firm"],
    "city": ["councillors debated the {} plan", "the mayor put off the {} vote"],
    "glad": ["to cheers and applause", "and everyone was delighted"],
    "grave": ["after a painful inquiry", "amid mourning and regret"],
    "transport/rail": ["tram", "railway"],
    "transport/roads": ["motorway", "bypass"],
    "housing": ["rental flats", "tenancy"],
}


def rows() -> list[dict[str, Any]]:
    """Every desk, tone and beat in every wording, told apart by numbers."""
    found: list[dict[str, Any]] = []
    for desk, tones, beat in itertools.product(
        ("markets", "city"),
        ((), ("glad",), ("grave",), ("glad", "grave")),
        ("transport/rail", "transport/roads", "housing"),
    ):
        for n, word in itertools.product(range(2), SAID[beat]):
            lines = [SAID[desk][n].format(word), *(SAID[tone][n] for tone in tones)]
            number = len(found)
            day = f"item{number} page{number + 700} no{number * 3}"
            found.append(
                {
                    "id": str(number),
                    "text": f"{day}: {', '.join(lines)}.",
                    "desk": [desk],
                    "tone": [*tones],
                    "beat": [beat],
                }
            )
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.toml").write_text(TAXONOMY)
    lines = [json.dumps(row) for row in rows()]
    (tmp_path / "train.jsonl").write_text("\n".join(lines[::2] + lines[1::4]) + "\n")
    (tmp_path / "test.jsonl").write_text("\n".join(lines[3::4]) + "\n")
    return tmp_path


def test_three_axes_from_samples_to_answers(
    folder: Path, dateline: Callable[..., Any]
) -> None:
    model = folder / "mine.safetensors"
    check = dateline(
        "samples", "check", folder / "train.jsonl", "--taxonomy", folder / "mine.toml"
    )
    assert check.code == 0, check.err
    run = dateline(
        *("train", folder / "train.jsonl", "--taxonomy", folder / "mine.toml"),
        *("-o", model),
    )
    assert run.code == 0, run.err
    # No sample is wry; the rest is learned.
    assert "tone: no sample has 'wry'" in run.err

    run = dateline("evaluate", folder / "test.jsonl", "-m", model, "--json")
    figures = json.loads(run.out)
    assert list(figures) == ["desk", "tone", "beat"]
    assert all(axis["top1"] > 0.8 for axis in figures.values())

    page = folder / "page.jsonl"
    page.write_text('{"id": "a", "text": "The mayor cheered the railway plan"}\n')
    (answer,) = map(json.loads, dateline("predict", page, "-m", model).out.splitlines())
    assert [label["label"] for label in answer["desk"]] == ["city"]
    assert {label["label"] for label in answer["beat"]} == {
        "transport",
        "transport/rail",
    }

    run = dateline("labels", "-m", model)
    assert "City hall" in run.out
    run = dateline("explain", page, "-m", model)
    assert run.code == 0, run.err


def test_two_labels_on_a_single_label_axis_are_reported_by_line(
    folder: Path, dateline: Callable[..., Any]
) -> None:
    samples = folder / "two.jsonl"
    samples.write_text('{"text": "x y z u", "desk": ["markets", "city"]}\n')
    run = dateline("samples", "check", samples, "--taxonomy", folder / "mine.toml")
    assert run.code == 1
    assert "two.jsonl:1: 'desk' has markets, city, expected one label" in run.out


BBC = Path(__file__).parents[2] / "shared" / "data" / "benchmark"


@pytest.mark.skipif(not BBC.exists(), reason="needs the real text beside the checkout")
def test_five_classes_of_real_news_are_learned() -> None:
    taxonomy = Taxonomy.bundled()
    training, test = (
        list(read_samples(BBC / f"bbc_topics_{part}.jsonl.gz", taxonomy))
        for part in ("train", "test")
    )
    model = train(training, taxonomy=taxonomy)
    assert len(model.known["topics"]) == 5
    assert evaluate(Predictor(model), test)["topics"]["macro_f1"] > 0.95
