from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..labels.taxonomy import Label
from .article import Article
from .decisions import DecisionRule
from .eight_bits import EightBits
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
def use_registers(most: int) -> int: ...
def count_tokens(texts: Sequence[str]) -> int: ...

class LookupTable:
    def __init__(
        self,
        run_tags: NDArray[np.uint32],
        run_steps: NDArray[np.uint8],
        run_meanings: NDArray[np.uint16],
        run_asks: NDArray[np.uint8],
        run_asks_more: NDArray[np.uint8],
        run_goes_on: NDArray[np.uint8],
        run_of_word: NDArray[np.int32],
        spellings: NDArray[np.int32],
        n_meanings: int,
    ) -> None: ...

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
        lookup: LookupTable,
        meaning_ends: ArrayLike,
        meaning_concepts: ArrayLike,
        settings: TermSettings,
        idf: ArrayLike,
        weights: EightBits | ArrayLike,
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
