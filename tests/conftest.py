"""A small world that the tests share: two axes, a lexicon, some articles, a model."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dateline.cli import main
from dateline.labels import Axis, Label, Lexicon, Sample, Taxonomy
from dateline.predict import Model
from dateline.train.fit import train


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    """Two axes that are not the bundled ones."""
    return Taxonomy(
        (
            Axis(
                "land",
                "Land",
                (
                    Label("north", "The North", "N", countries=("NO", "SE")),
                    Label("south", "The South", "S", countries=("ES", "IT")),
                    Label("east", "The East", "E", countries=("JP",)),
                ),
            ),
            Axis(
                "desk",
                "Desk",
                (
                    Label("sport", "Sport", concepts=("subject:sport/*",)),
                    Label("money", "Money", concepts=("subject:money/*",)),
                ),
            ),
        )
    )


@pytest.fixture(scope="session")
def lexicon() -> Lexicon:
    return Lexicon(
        [
            ("Norway", ["place:NO"]),
            ("Oslo", ["place:NO"]),
            ("Bergen", ["place:NO"]),
            ("Sweden", ["place:SE"]),
            ("Spain", ["place:ES"]),
            ("Madrid", ["place:ES"]),
            ("Italy", ["place:IT"]),
            ("Rome", ["place:IT"]),
            ("Japan", ["place:JP"]),
            ("Tokyo", ["place:JP"]),
            ("striker", ["subject:sport/football"]),
            ("penalty", ["subject:sport/football"]),
            ("home run", ["subject:sport/baseball"]),
            ("shares", ["subject:money/markets"]),
            ("interest rates", ["subject:money/banks"]),
        ]
    )


@pytest.fixture(scope="session")
def samples() -> list[Sample]:
    """Made-up articles: every town with every happening, 72 in all."""
    towns = {
        "north": ["Oslo", "Norway", "Sweden", "Stockholm"],
        "south": ["Madrid", "Rome", "Italy", "Seville"],
        "east": ["Tokyo", "Japan", "Osaka"],
        "": ["the village"],
    }
    happenings = {
        "sport": [
            "The striker scored twice and the keeper saved a penalty in {}",
            "Supporters in {} cheered a home run in the last inning",
            "A marathon through {} was won by a teacher in old shoes",
        ],
        "money": [
            "Shares fell in {} after the bank raised interest rates",
            "A lender in {} lost half of its deposits within a week",
            "Retail prices rose faster in {} than the ministry had hoped",
        ],
    }
    places = [(land, town) for land, names in towns.items() for town in names]
    texts = [(desk, text) for desk, lines in happenings.items() for text in lines]
    return [
        Sample(
            id=f"s{number}",
            title="",
            text=text.format(town) + ".",
            labels={"land": (land,) if land else (), "desk": (desk,)},
        )
        for number, ((land, town), (desk, text)) in enumerate(
            itertools.product(places, texts)
        )
    ]


@pytest.fixture(scope="session")
def model(taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]) -> Model:
    return train(samples, taxonomy=taxonomy, lexicon=lexicon)


@pytest.fixture
def model_file(model: Model, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    model.save(path)
    return path


@pytest.fixture
def small_lexicon(lexicon: Lexicon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that train take the small lexicon for the bundled one, which costs
    seconds each time.
    """
    monkeypatch.setattr(Lexicon, "bundled", lambda: lexicon)


@dataclass(frozen=True)
class Run:
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def dateline(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Run]:
    """Run the command line in this process."""

    def run(*arguments: object) -> Run:
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as exit:
            main([str(argument) for argument in arguments])
        out, err = capfdbinary.readouterr()
        code = exit.value.code
        assert isinstance(code, int)
        return Run(code, out.decode("utf-8"), err.decode("utf-8"))

    return run


@pytest.fixture
def processes_at_once() -> list[str]:
    """The command, whose processes (``-j``) judge all but the first rows, however few
    there are.
    """
    code = """
from dateline.cli import main
from dateline.predict import processes, run

def wait(worker):
    return worker._ready or (worker._here.poll(None) and is_ready(worker))

is_ready = processes._Worker.is_ready.fget
processes._Worker.is_ready = property(wait)
run.FEW = processes.ROWS = 64
main()
"""
    return [sys.executable, "-c", code]
