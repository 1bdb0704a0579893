"""The compiled scan's table of words and phrases, as it is kept in a model file.

Making it of a lexicon of 225,000 phrases takes a hundred milliseconds; making the
scan's lookup table of it, five. Most of it is what cannot be made smaller: 32 bits of
each run's hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._scan import LookupTable

_WORD = np.uint64(0x7FFFFFFF)
_GOES_ON = np.uint64(1 << 31)
_8, _32, _48 = np.uint64(8), np.uint64(32), np.uint64(48)
_LOW = np.uint64(0xFFFFFFFF)


class RunTable:
    """The words of a vocabulary and the phrases of a lexicon, ready for the scan.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Those of a model file. Of each run: ``run_tags`` (uint32), the upper half of its
        hash; ``run_steps`` (uint8), how far its place is from that of the run before;
        ``run_meanings`` (uint16), 1 + its meaning, 0 for none; ``run_asks`` and
        ``run_asks_more`` (uint8), the lower and the upper half of what it asks of
        capitals; ``run_goes_on`` (uint8), a bit, whether longer phrases begin with it.
        ``run_of_word`` (int32), the run of each word, -1 for none; ``spellings`` (int32,
        three columns).
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.arrays = arrays
        self._lookup: LookupTable | None = None

    def __reduce__(self) -> tuple[type[RunTable], tuple[Any, ...]]:
        return type(self), (self.arrays,)

    @classmethod
    def of(
        cls, runs: NDArray[np.uint64], spellings: NDArray[np.int32], n_words: int
    ) -> Self:
        """The table of what ``_scan.learn`` gave.

        Parameters
        ----------
        runs : ndarray of uint64, shape (n_runs, 2)
        spellings : ndarray of int32, shape (n_spellings, 3)
        n_words : int
            Size of the vocabulary's first block.

        Raises
        ------
        CannotHold
            If places stand too far apart, which chance does not make.
        """
        from ._scan import CannotHold  # it gave the runs

        hashes, what = runs[:, 0], runs[:, 1]
        places = (hashes & _LOW).astype(np.int64)
        number = (what & _WORD).astype(np.int64)
        steps = np.diff(places, prepend=0)
        if steps.max(initial=0) > 0xFF:
            raise CannotHold("a gap between the places of runs")
        asks = what >> _48
        words = np.flatnonzero(number)
        run_of_word = np.full(n_words, -1, dtype=np.int32)
        run_of_word[number[words] - 1] = words
        return cls(
            {
                "run_tags": (hashes >> _32).astype(np.uint32),
                "run_steps": steps.astype(np.uint8),
                "run_meanings": (what >> _32).astype(np.uint16),
                "run_asks": asks.astype(np.uint8),
                "run_asks_more": (asks >> _8).astype(np.uint8),
                "run_goes_on": np.packbits((what & _GOES_ON) > 0),
                "run_of_word": run_of_word,
                "spellings": spellings,
            }
        )

    def lookup(self, n_meanings: int) -> LookupTable:
        """What the scan looks words and phrases up in, made once.

        Parameters
        ----------
        n_meanings : int
            How many the lexicon has.

        Raises
        ------
        ValueError
            If the arrays are not such as :meth:`of` makes, saying what does not fit.
        """
        if self._lookup is None:
            from ._scan import LookupTable  # there is none without a compiler

            self._lookup = LookupTable(**self.arrays, n_meanings=n_meanings)
        return self._lookup
