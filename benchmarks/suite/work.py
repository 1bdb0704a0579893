"""What the cases share: sizes, a folder for files, the default model and its peers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from dateline.labels import bundled_samples
from dateline.predict import Model, Predictor

from . import peers, texts
from .results import FASTTEXT, FASTTEXT_100, FASTTEXT_PAIRS


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes
    ----------
    articles, one : int
        In a batch; one by one.
    rounds, starts, trainings : int
        Rounds of what is measured in this process, in fresh processes, and by training.
    memory : int
        Articles that a fresh process judges for its peak.
    train : int
        Articles to train on.
    two_jobs : bool
        Whether dateline is trained with two jobs, too.
    curve_articles, curve_labels, curve_terms : tuple of int
        The points of the curves.
    curve_train : int
        Articles to train on for the curves over labels and terms.
    """

    articles: int = 1024
    one: int = 256
    rounds: int = 15
    starts: int = 15
    trainings: int = 3
    memory: int = 2000
    train: int = 5000
    two_jobs: bool = True
    curve_articles: tuple[int, ...] = (1_000, 3_000, 10_000, 30_000, 100_000)
    curve_labels: tuple[int, ...] = (5, 50, 500)
    curve_terms: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    curve_train: int = 10_000

    def up_to(self, articles: int) -> Sizes:
        """The same without points of more articles than that."""
        return replace(
            self,
            curve_articles=tuple(n for n in self.curve_articles if n <= articles),
            curve_train=min(self.curve_train, articles),
        )


SMALL = Sizes(
    articles=64,
    one=16,
    rounds=2,
    starts=1,
    trainings=1,
    memory=50,
    train=100,
    two_jobs=False,
    curve_articles=(100, 150),
    curve_labels=(5, 10),
    curve_terms=(1_000, 5_000),
    curve_train=100,
)
"""Enough to see that it works; the figures say nothing."""


class Work:
    """What is made once and used by several cases.

    Parameters
    ----------
    sizes : Sizes
    folder : Path
        For the files of this run.
    path : Path, optional
        The model to measure. Default: the one inside the package.
    """

    def __init__(self, sizes: Sizes, folder: Path, path: Path | None = None) -> None:
        self.sizes, self.folder, self.path = sizes, folder, path

    @cached_property
    def model(self) -> Model:
        """The model that is measured."""
        return Model.bundled() if self.path is None else Model.load(self.path)

    @cached_property
    def predictor(self) -> Predictor:
        """The model, ready to answer."""
        return Predictor(self.model)

    @cached_property
    def texts(self) -> list[str]:
        """The articles of a batch."""
        return texts.articles(self.sizes.articles)

    @cached_property
    def sklearn_file(self) -> Path:
        """scikit-learn's pipeline of the model."""
        return peers.save_sklearn(self.model, self.folder / "sklearn.joblib")

    @cached_property
    def fasttext_files(self) -> dict[str, Path]:
        """FastText's models, trained on the bundled samples; none without fastText."""
        if not peers.HAS_FASTTEXT:
            return {}
        lines = list(peers.fasttext_lines(bundled_samples()))
        return {
            name: peers.save_fasttext(
                lines, self.folder / f"{dim}-{pairs}.bin", dim=dim, pairs=pairs
            )
            for name, dim, pairs in (
                (FASTTEXT, 10, False),
                (FASTTEXT_PAIRS, 10, True),
                (FASTTEXT_100, 100, False),
            )
        }

    @property
    def without(self) -> list[str]:
        """What to say of peers that are not there."""
        return [peers.WITHOUT_FASTTEXT] if not peers.HAS_FASTTEXT else []

    def training_files(
        self, name: str, axis: str, rows: Iterable[tuple[str, str]]
    ) -> tuple[Path, Path]:
        """Write labelled articles as dateline and as fastText read them."""
        ours, theirs = self.folder / f"{name}.jsonl", self.folder / f"{name}.txt"
        with (
            ours.open("w", encoding="utf-8") as a,
            theirs.open("w", encoding="utf-8") as b,
        ):
            for n, (text, label) in enumerate(rows):
                row = {"id": str(n), "title": "", "text": text, axis: [label]}
                a.write(json.dumps(row) + "\n")
                b.write(f"__label__{label} {text}\n")
        return ours, theirs
