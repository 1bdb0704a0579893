import numpy as np
from numpy.typing import ArrayLike, NDArray

LANES: int

class Rows:
    def __init__(
        self, data: ArrayLike, indices: ArrayLike, indptr: ArrayLike, n_terms: int
    ) -> None: ...
    def weigh(
        self,
        rows: ArrayLike,
        idf: ArrayLike,
        scale: ArrayLike,
        bounds: ArrayLike,
        concept_power: float,
        half_density: float,
    ) -> Rows: ...
    def scores(
        self, rows: ArrayLike, weights: ArrayLike, bias: ArrayLike
    ) -> NDArray[np.float64]: ...
    def fit(
        self,
        rows: ArrayLike,
        truth: ArrayLike,
        costs: ArrayLike,
        tolerance: float,
        seed: int,
        most_passes: int = 1000,
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]: ...
