from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .terms import TermSettings

class CannotHold(Exception): ...

def count_tokens(texts: Sequence[str]) -> int: ...

class Scan:
    def __init__(
        self,
        terms: Sequence[str],
        bounds: Sequence[int],
        phrases: str,
        meaning_of: ArrayLike,
        meaning_ends: ArrayLike,
        meaning_concepts: ArrayLike,
        uncapitalised: Iterable[str],
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
