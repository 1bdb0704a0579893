"""Weights that are kept in eight bits: what is lost, and what is not."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from dateline.predict.eight_bits import EightBits

MATRIX = hnp.arrays(
    st.sampled_from([np.float16, np.float32, np.float64]),
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=6),
    elements=st.floats(-60_000, 60_000, width=16),
)


@given(weights=MATRIX)
def test_weight_is_off_by_half_a_step_of_its_row_at_the_most(
    weights: NDArray[np.floating],
) -> None:
    found = EightBits.nearest(weights)
    assert found.levels.dtype == found.exponents.dtype == np.int8
    assert found.shape == weights.shape
    largest = np.abs(weights).max(axis=1, initial=0.0)
    # A row reaches to more than 63 steps, of 127, unless all of it is next to nothing.
    steps = np.maximum(largest / 63, 2.0**-40)
    off = np.abs(np.asarray(found) - weights)
    assert (off <= steps[:, np.newaxis] / 2).all()


@given(weights=MATRIX)
def test_what_is_rounded_stays_as_it_is_in_16_bits_and_rounded_again(
    weights: NDArray[np.floating],
) -> None:
    found = EightBits.nearest(weights)
    again = EightBits.nearest(np.asarray(found))
    assert np.asarray(again).tolist() == np.asarray(found).tolist()
    # Subnormal numbers of 16 bits end at 2 ** -24.
    if found.exponents.min(initial=0) >= -24:
        halves = np.asarray(found, dtype=np.float16)
        assert halves.astype(np.float64).tolist() == np.asarray(found).tolist()


@pytest.mark.parametrize(
    ("weight", "level", "exponent"),
    [(127, 127, 0), (127.5, 64, 1), (-128, -64, 1), (1, 64, -6), (1e9, 127, 9)],
)
def test_largest_of_a_row_decides_its_power_of_two(
    weight: float, level: int, exponent: int
) -> None:
    found = EightBits.nearest(np.array([[weight, 0.0]]))
    assert found.levels.tolist() == [[level, 0]]
    assert found.exponents.tolist() == [exponent]


def test_weights_of_terms_and_of_a_label_are_those_of_the_matrix() -> None:
    weights = EightBits.nearest(np.random.default_rng(0).normal(size=(5, 3)))
    whole = np.asarray(weights)
    terms = np.array([4, 0, 4])
    assert whole.shape == (5, 3)
    assert weights[terms].tolist() == whole[terms].tolist()
    assert weights[2:].tolist() == whole[2:].tolist()
    assert weights[terms, 1].tolist() == whole[terms, 1].tolist()
    assert weights[3, 2] == whole[3, 2]
    again = pickle.loads(pickle.dumps(weights))
    assert np.asarray(again).tolist() == whole.tolist()
