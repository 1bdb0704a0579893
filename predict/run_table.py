"""The compiled scan's table of words and phrases, as it is kept in a model file.

Making it of a lexicon of 225,000 phrases takes a hundred milliseconds; unpacking it,
five. Most of it is what cannot be made smaller: 32 bits of each run's hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_WORD = np.uint64(0x7FFFFFFF)
_GOES_ON = np.uint64(1 << 31)
_32, _48 = np.uint64(32), np.uint64(48)
_LOW = np.uint64(0xFFFFFFFF)


class RunTable(NamedTuple):
    """The words of a vocabulary and the phrases of a lexicon, ready for the scan.

    Attributes
    ----------
    runs : ndarray of uint64, shape (n_runs, 2)
    spellings : ndarray of int32, shape (n_spellings, 3)
        As ``_scan.learn`` makes them.
    """

    runs: NDArray[np.uint64]
    spellings: NDArray[np.int32]

    def packed(self, n_words: int) -> dict[str, NDArray[Any]]:
        """The table as the arrays of a model file.

        Parameters
        ----------
        n_words : int
            Size of the vocabulary's first block.

        Returns
        -------
        dict of str to ndarray
            ``run_tags`` (uint32): the upper half of each run's hash. ``run_forms``
            (uint16, three rows): how far its place is from that of the run before, its
            meaning, the capitals that it asks for. ``run_goes_on`` (uint8): a bit for
            each. ``run_of_word`` (int32): the run of each word, -1 for none.
            ``spellings``.
        """
        hashes, what = self.runs[:, 0], self.runs[:, 1]
        places = (hashes & _LOW).astype(np.int64)
        number = (what & _WORD).astype(np.int64)
        words = np.flatnonzero(number)
        run_of_word = np.full(n_words, -1, dtype=np.int32)
        run_of_word[number[words] - 1] = words
        return {
            "run_tags": (hashes >> _32).astype(np.uint32),
            "run_forms": np.stack(
                [
                    np.diff(places, prepend=0),
                    what >> _32 & np.uint64(0xFFFF),
                    what >> _48,
                ]
            ).astype(np.uint16),
            "run_goes_on": np.packbits((what & _GOES_ON) > 0),
            "run_of_word": run_of_word,
            "spellings": self.spellings,
        }

    @classmethod
    def unpacked(cls, arrays: Mapping[str, NDArray[Any]]) -> RunTable:
        """The table that :meth:`packed` gave the arrays of.

        Raises
        ------
        ValueError
            If they do not fit each other.
        """
        tags, forms = arrays["run_tags"], arrays["run_forms"]
        goes_on, run_of_word = arrays["run_goes_on"], arrays["run_of_word"]
        n = len(tags)
        if tags.ndim != 1 or forms.shape != (3, n) or len(goes_on) != -(-n // 8):
            raise ValueError("the arrays of runs of words are not of one length")
        known = np.flatnonzero(run_of_word >= 0)
        if run_of_word.max(initial=-1) >= n:
            raise ValueError("a word has a run that is out of range")
        runs = np.empty((n, 2), dtype="<u8")
        halves, quarters = runs.view("<u4"), runs.view("<u2")
        halves[:, 0] = np.cumsum(forms[0], dtype=np.uint32)
        halves[:, 1] = tags
        halves[:, 2] = np.unpackbits(goes_on, count=n)
        halves[:, 2] <<= np.uint32(31)
        halves[run_of_word[known], 2] |= (known + 1).astype(np.uint32)
        quarters[:, 6] = forms[1]
        quarters[:, 7] = forms[2]
        runs = runs.astype(np.uint64, copy=False)  # in this machine's order of bytes
        return cls(runs, arrays["spellings"])
