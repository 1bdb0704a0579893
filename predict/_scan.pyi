from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..labels.taxonomy import Label
from .article import Article
from .decisions import DecisionRule
from .predictions import Prediction
from .terms import TermSettings

class CannotHold(Exception): ...

def learn(
    words: str,
    n_words: int,
    phrases: str,
    meaning_of: ArrayLike,
    uncapitalised: Iterable[str],
) -> tuple[NDArray[np.uint64], NDArray[np.int32]]: ...
def check_table(
    runs: NDArray[np.uint64],
    spellings: NDArray[np.int32],
    n_words: int,
    n_meanings: int,
) -> None: ...
def use_wide_registers(use: bool) -> bool: ...
def count_tokens(texts: Sequence[str]) -> int: ...

class Judge:
    def __init__(
        self,
        heads: Iterable[tuple[str, Sequence[Label], DecisionRule]],
        calibration: ArrayLike,
        thresholds: ArrayLike,
    ) -> None: ...

class Scan:
    def __init__(
        self,
        bounds: Sequence[int],
        runs: NDArray[np.uint64],
        spellings: NDArray[np.int32],
        meaning_ends: ArrayLike,
        meaning_concepts: ArrayLike,
        settings: TermSettings,
        idf: ArrayLike,
        weights: ArrayLike,
        bias: ArrayLike,
    ) -> None: ...
    def count(
        self, title: str, text: str
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None: ...
    def decide(
        self, titles: Sequence[str], texts: Sequence[str]
    ) -> tuple[NDArray[np.float64], NDArray[np.int32]]: ...
    def answer(
        self, articles: Sequence[str | Article], judge: Judge
    ) -> tuple[list[Prediction], list[int]]: ...
