"""The model's file: arrays and a card as bytes, and read again.

The file is ``.safetensors``: arrays, and a JSON card under the metadata key
``dateline``. Nothing in it is ever executed. What is read is what was written, by a
checksum, or refused; whether it is a model is for :mod:`dateline.predict.model` to say.

Arrays
------
=================== ======== ============================== ===========================
name                type     shape                          holds
=================== ======== ============================== ===========================
terms               text                                    a term a line, block after
                                                            block
idf                 float32  (n_terms,)                     inverse document frequency
weight_levels       int8     (n_terms, n_labels)            of each label's linear model,
                                                            see ``EightBits``
weight_exponents    int8     (n_terms,)                     likewise
weights             float16  (n_terms, n_labels)            instead of these two, where
                                                            a model was made with them
bias                float64  (n_labels,)                    of each label's linear model
calibration         float64  (n_labels, 2)                  slope and offset of the
                                                            sigmoid over scores
thresholds          float64  (n_labels,)                    probability from which the
                                                            label is given
phrases             text                                    a phrase a line
phrase_meanings     deflated (n_phrases,)                   what each phrase stands for
                    uint16
meaning_ends        deflated (n_meanings,)                  where the concepts of each
                    int32                                   meaning end in
                                                            meaning_concepts
meaning_concepts    deflated (n_entries,)                   terms that meanings count as
                    int32
run_tags            uint32   (n_runs,)                      the compiled scan's table of
                                                            words and phrases, see
                                                            ``RunTable``
run_steps           uint8    (n_runs,)                      likewise
run_meanings        uint16   (n_runs,)                      likewise
run_asks            uint8    (n_runs,)                      likewise
run_asks_more       deflated (n_runs,)                      likewise
                    uint8
run_goes_on         uint8    (n_runs / 8,)                  likewise
run_of_word         int32    (n_words,)                     likewise
spellings           deflated (n_spellings, 3)               likewise
                    int32
=================== ======== ============================== ===========================

Texts are UTF-8. They are deflated (zlib), as uint8 of one dimension, and so are the
integers of which it is said: of the others it would save little, and inflating them took
a quarter of the time of loading. Labels are those that the card names, axis after axis.
The scan's table is left out where the model was trained without the compiled scan, which
makes it of the other arrays then. It holds hashes: if the scan's change, so must the
version of the format.

To change the format: raise :data:`FORMAT_VERSION`, teach :class:`ModelFile` to read the
versions before it, and keep a model of the new one among the tests:
``docs/model-format.md`` says how, and what a version promises.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from operator import lt
from typing import TYPE_CHECKING, Any

import numpy as np

from ..labels.errors import DatelineError, TaxonomyError
from .tensors import NoRegularFile, NotTensors, open_tensors, read_json

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT_VERSION = 4
"""The version that is written. Files of a higher one are refused. In version 3 weights
were of 16 bits, all integers were deflated, four of the table's arrays were one and the
checksum was SHA-256; in version 2 no integers were deflated and there was no table; in
version 1 texts were not deflated either.
"""

MAX_FILE_BYTES = 4_000_000_000
"""A larger file is refused unread; ours has 5 MB. What is not read is not written, here
and below.
"""

MAX_CARD_BYTES = 4_000_000
"""A larger card is refused unread; ours have some 30 kB."""

MOST_NESTED = 100
"""Lists and objects of a card that lie within each other; in ours there are 6."""

MAX_INFLATED_BYTES = 256_000_000
"""Texts and integers that are longer are refused, so that a small file cannot fill the
memory; ours have some 4 MB.
"""

PLAIN_INFLATED_BYTES = 4_000_000
MOST_INFLATED = 20
"""A text or an integer array that is longer than both is refused: so many bytes, and so
many times the whole file. Ours is shorter than the file.
"""

TEXTS = ("terms", "phrases")
NUMBERS: dict[str, type[np.generic]] = {
    "idf": np.float32,
    "weights": np.float16,
    "weight_levels": np.int8,
    "weight_exponents": np.int8,
    "bias": np.float64,
    "calibration": np.float64,
    "thresholds": np.float64,
}
"""What the models of labels consist of."""

INTEGERS: dict[str, tuple[str, tuple[int, ...]]] = {
    "phrase_meanings": ("<u2", (-1,)),
    "meaning_ends": ("<i4", (-1,)),
    "meaning_concepts": ("<i4", (-1,)),
    "run_tags": ("<u4", (-1,)),
    "run_steps": ("<u1", (-1,)),
    "run_meanings": ("<u2", (-1,)),
    "run_asks": ("<u1", (-1,)),
    "run_asks_more": ("<u1", (-1,)),
    "run_goes_on": ("<u1", (-1,)),
    "run_of_word": ("<i4", (-1,)),
    "spellings": ("<i4", (-1, 3)),
}
DEFLATED = frozenset(
    [
        "phrase_meanings",
        "meaning_ends",
        "meaning_concepts",
        "run_asks_more",
        "spellings",
    ]
)
"""The integers that are."""

TABLE = (
    "run_tags",
    "run_steps",
    "run_meanings",
    "run_asks",
    "run_asks_more",
    "run_goes_on",
    "run_of_word",
    "spellings",
)
"""The integers that a file may lack."""

_FORMS = "run_forms"
"""Steps, meanings and what is asked for, in version 3."""

_TABLE_ONCE = ("run_tags", _FORMS, "run_goes_on", "run_of_word", "spellings")
_INTEGERS_ONCE = INTEGERS | {_FORMS: ("<u2", (3, -1))}

_REQUIRED = (
    *TEXTS,
    *("idf", "bias", "calibration", "thresholds"),
    *("phrase_meanings", "meaning_ends", "meaning_concepts"),
)

_CARD_KEY = "dateline"


class ModelError(DatelineError):
    """A model file cannot be used. Everything that loading refuses is one."""


class Damaged(Exception):
    """What is wrong inside a file that claims to be a model."""


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Say of which file it is that something in it is wrong.

    Raises
    ------
    ModelError
        For `Damaged`, `TaxonomyError` and `MemoryError`.
    """
    try:
        yield
    except (Damaged, TaxonomyError) as error:
        why = str(error)
        if len(why) > 500:  # it may name what the file holds, of any length
            why = why[:500] + "..."
        raise ModelError(
            f"{path}: is damaged ({why}); get the file again or retrain with "
            "'dateline train'"
        ) from None
    except MemoryError:
        raise ModelError(
            f"{path}: needs more memory than there is; give more, or use a smaller model"
        ) from None


def to_bytes(
    texts: Mapping[str, Sequence[str]],
    arrays: Mapping[str, NDArray[Any]],
    card: Mapping[str, Any],
) -> bytes:
    """Make the bytes of a file; the same of the same.

    Parameters
    ----------
    texts : mapping of str to sequence of str
        The lines of each text.
    arrays : mapping of str to ndarray
        All others.
    card : mapping
        Plain JSON, without the checksum.

    Raises
    ------
    ModelError
        If it would be larger than what is read.
    """
    from safetensors.numpy import save  # not needed to predict

    plain = {name: "\n".join(texts[name]).encode() for name in TEXTS}
    stored: dict[str, NDArray[Any]] = {}
    for name, array in arrays.items():
        dtype: Any = NUMBERS.get(name) or INTEGERS[name][0]
        if name in DEFLATED:
            plain[name] = np.ascontiguousarray(array, dtype=dtype).tobytes()
        else:
            stored[name] = np.ascontiguousarray(array, dtype=dtype)
    stored |= {name: _deflated(data) for name, data in plain.items()}
    signed = {**card, **checksum(stored, card)}
    # One metadata entry: the library keeps several in no stable order.
    text = json.dumps(signed, ensure_ascii=False, sort_keys=True)
    whole = save(stored, metadata={_CARD_KEY: text})
    for what, size, most in (
        ("file", len(whole), MAX_FILE_BYTES),
        ("card", len(text.encode()), MAX_CARD_BYTES),
        *(
            (name, len(data), _most_inflated(len(whole)))
            for name, data in plain.items()
        ),
    ):
        if size > most:
            raise ModelError(
                f"the model's {what} would have {size} bytes, at most {most} are read; "
                "train with fewer words, phrases or labels"
            )
    return whole


def checksum(
    arrays: Mapping[str, NDArray[Any]], card: Mapping[str, Any]
) -> dict[str, int | str]:
    """What a card says of itself and of the stored arrays, by name.

    Returns
    -------
    dict of str to int or str
        ``crc32``; up to version 3 ``sha256``, which takes twice as long, and hashlib as
        long again to import. Both are against accidents: anyone can make a right one.
    """
    by_sha256 = card["format_version"] < 4
    own = "sha256" if by_sha256 else "crc32"
    rest = {key: value for key, value in card.items() if key != own}
    parts: list[Any] = [json.dumps(rest, sort_keys=True).encode("ascii")]
    parts += [np.ascontiguousarray(arrays[name]).data for name in sorted(arrays)]
    if by_sha256:
        import hashlib

        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        return {own: digest.hexdigest()}
    found = 0
    for part in parts:
        found = zlib.crc32(part, found)
    return {own: found}


class ModelFile:
    """What a file holds.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    ModelError
        If it cannot be read, is no model, or is of a newer format.

    Attributes
    ----------
    card : dict
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self._stored, self.card, size = _read(path)
        self._most_inflated = _most_inflated(size)
        self._version: int = self.card["format_version"]

    def check(self) -> None:
        """Refuse a file whose arrays are not those that were written.

        Raises
        ------
        Damaged
            Saying which array is missing or of another type, or that the checksum is
            another.
        """
        weights: tuple[str, ...] = ("weights",)
        if self._version > 3 and "weights" not in self._stored:
            weights = ("weight_levels", "weight_exponents")
        for name in (*_REQUIRED, *weights):
            if name not in self._stored:
                raise Damaged(f"array {name!r} is missing")
        for name, array in self._stored.items():
            dtype = np.dtype(self._dtype(name))
            if array.dtype != dtype:
                raise Damaged(f"array {name!r} is {array.dtype}, expected {dtype}")
        for name, value in checksum(self._stored, self.card).items():
            if self.card.get(name) != value:
                raise Damaged("its content is not what was written")

    def _is_deflated(self, name: str) -> bool:
        if name in TEXTS:
            return self._version > 1
        if self._version == 3:
            return name in _INTEGERS_ONCE
        return self._version > 3 and name in DEFLATED

    def _dtype(self, name: str) -> Any:
        """The type of an array as it is in the file."""
        if name in TEXTS or self._is_deflated(name):
            return np.uint8
        return NUMBERS.get(name) or _INTEGERS_ONCE[name][0]

    def table(self) -> dict[str, NDArray[Any]] | None:
        """The arrays of the compiled scan's table, as today's; None where there is none.

        Raises
        ------
        Damaged
            As of :meth:`integers`.
        """
        names = TABLE if self._version > 3 else _TABLE_ONCE
        if not all(name in self for name in names):
            return None
        found = {name: self.integers(name) for name in names}
        if self._version > 3:
            return found
        steps, meanings, asks = found.pop(_FORMS)
        if steps.max(initial=0) > 0xFF:  # chance makes none such
            return None
        return found | {
            "run_steps": steps.astype(np.uint8),
            "run_meanings": meanings,
            "run_asks": (asks & 0xFF).astype(np.uint8),
            "run_asks_more": (asks >> 8).astype(np.uint8),
        }

    def __contains__(self, name: str) -> bool:
        """Whether there is an array of that name."""
        return name in self._stored

    def numbers(self, name: str) -> NDArray[Any]:
        """An array of floats or weights, as it was saved; not to be written to."""
        array = self._stored[name]
        array.flags.writeable = False  # threads share it
        return array

    def integers(self, name: str) -> NDArray[Any]:
        """An array of integers, not to be written to.

        Raises
        ------
        Damaged
            If it cannot be inflated, or has another shape than any such.
        """
        dtype, shape = _INTEGERS_ONCE[name]
        if not self._is_deflated(name):
            array = self.numbers(name)
            if array.ndim != len(shape):
                raise Damaged(f"array {name!r} has shape {array.shape}")
            return array
        data = _inflated(self._stored[name], name, self._most_inflated)
        try:
            return np.frombuffer(data, dtype=dtype).reshape(shape)
        except ValueError:
            raise Damaged(f"array {name!r} has {len(data)} bytes") from None

    def lines(self, name: str) -> tuple[str, ...]:
        """The lines of a text, no two the same.

        Raises
        ------
        Damaged
            If it cannot be inflated, is not UTF-8 or has a line twice.
        """
        return _from_lines(self._text(name), name)

    def _text(self, name: str) -> bytes:
        array = self._stored[name]
        if self._is_deflated(name):
            return _inflated(array, name, self._most_inflated)
        return _as_it_is(array, name)


def _read(path: str | Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any], int]:
    """The arrays that are known, the card and the size of a file."""
    try:
        with open_tensors(
            path,
            most=MAX_FILE_BYTES,
            # A card is a string in the header: each of its quotes has a stroke before it.
            most_header=2 * MAX_CARD_BYTES + 100_000,
        ) as file:
            text = file.metadata.get(_CARD_KEY)
            if text is None:
                raise ModelError(
                    f"{path}: is a safetensors file but no dateline model; make one "
                    "with 'dateline train'"
                )
            if len(text) > MAX_CARD_BYTES:
                raise ModelError(
                    f"{path}: its card is larger than any of ours; get the file again "
                    "or retrain with 'dateline train'"
                )
            card = _read_card(text, path)
            known = _names(card["format_version"])
            arrays = {name: file.read(name) for name in known if name in file.entries}
            return arrays, card, file.size
    except FileNotFoundError:
        found = "does not exist; expected a model that dateline wrote"
    except NoRegularFile:
        found = "is not a file; expected a model that dateline wrote"
    except NotTensors as error:
        found = (
            f"is no model ({error}); expected a .safetensors file that dateline wrote"
        )
    except OSError as error:
        found = f"cannot be read: {error.strerror or error}; check path and permissions"
    except ValueError as error:  # a name with a NUL
        found = f"cannot be read: {error}; check the path"
    except MemoryError:
        found = "needs more memory than there is; give more, or use a smaller model"
    raise ModelError(f"{path}: {found}")


def _names(version: int) -> list[str]:
    """The names of all arrays that a file of some version may have."""
    names = [*_REQUIRED, "weights"]
    if version == 3:
        names += _TABLE_ONCE
    elif version > 3:
        names += ["weight_levels", "weight_exponents", *TABLE]
    return names


def _read_card(text: str, path: str | Path) -> dict[str, Any]:
    why = ""
    try:
        card = read_json(text)
        _check_plain(card)
    except ValueError as error:
        card, why = None, f" ({error})"
    version = card.get("format_version") if isinstance(card, dict) else None
    if not isinstance(card, dict) or type(version) is not int or version < 1:
        raise ModelError(
            f"{path}: its card says no format version{why}; get the file again or "
            "retrain with 'dateline train'"
        )
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{path}: is of format {version}, this dateline reads up to "
            f"{FORMAT_VERSION}; upgrade dateline or retrain with 'dateline train'"
        )
    return card


def _check_plain(card: Any) -> None:
    """Refuse a card that is nested deep, which others would recurse over, and one with
    half a character (a lone surrogate), which nobody could print.
    """
    level = [card]
    for _ in range(MOST_NESTED):
        if not level:
            return
        within: list[Any] = []
        for value in level:
            if isinstance(value, str):
                value.encode()
            elif isinstance(value, list):
                within += value
            elif isinstance(value, dict):
                within += [*value, *value.values()]
        level = within
    raise ValueError("nested too deep")


def _most_inflated(size: int) -> int:
    """How long a text or an integer array may be in a file of some size."""
    return min(MAX_INFLATED_BYTES, max(PLAIN_INFLATED_BYTES, MOST_INFLATED * size))


def _deflated(data: bytes) -> NDArray[np.uint8]:
    # Level 9 takes four times as long, seconds of a training, to save a third of a percent.
    return np.frombuffer(zlib.compress(data, 7), dtype=np.uint8)


def _as_it_is(array: NDArray[np.uint8], name: str) -> bytes:
    if array.ndim != 1:
        raise Damaged(f"array {name!r} has {array.ndim} dimensions, expected one")
    return array.tobytes()


def _inflated(array: NDArray[np.uint8], name: str, most: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(_as_it_is(array, name), most)
    except zlib.error:
        text = b""
    if not inflater.eof or inflater.unused_data:
        raise Damaged(f"array {name!r} is not deflated, of a size like ours")
    return text


def _from_lines(text: bytes, name: str) -> tuple[str, ...]:
    if not text:
        return ()
    try:
        strings = tuple(text.decode("utf-8").split("\n"))
    except UnicodeDecodeError:
        raise Damaged(f"array {name!r} is not UTF-8") from None
    # Those that dateline writes are in order, which is the quicker thing to see.
    in_order = all(map(lt, strings, islice(strings, 1, None)))
    if not in_order and len(set(strings)) != len(strings):
        raise Damaged(f"array {name!r} names something twice")
    return strings
