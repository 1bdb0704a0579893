"""The artefact: a trained model as one file of arrays and a card.

The file is ``.safetensors``: arrays, and a JSON card under the metadata key
``dateline``. Nothing in it is ever executed. :meth:`Model.load` checks every array's
presence, type, shape and range, a digest of their bytes, and the format version,
before anything is used.

Arrays
------
=================== ======== ============================== ===========================
name                type     shape                          holds
=================== ======== ============================== ===========================
terms               uint8    (bytes,)                       UTF-8, a term a line, block
                                                            after block; deflated
idf                 float32  (n_terms,)                     inverse document frequency
weights             float16  (n_terms, n_labels)            of each label's linear model
bias                float64  (n_labels,)                    likewise
calibration         float64  (n_labels, 2)                  slope and offset of the
                                                            sigmoid over scores
thresholds          float64  (n_labels,)                    probability from which the
                                                            label is given
phrases             uint8    (bytes,)                       UTF-8, a phrase a line;
                                                            deflated
phrase_meanings     uint16   (n_phrases,)                   what each phrase stands for
meaning_ends        int32    (n_meanings,)                  where the concepts of each
                                                            meaning end in
                                                            meaning_concepts
meaning_concepts    int32    (n_entries,)                   terms that meanings count as
=================== ======== ============================== ===========================

Labels are those that the card names, axis after axis. To change the format: raise
:data:`FORMAT_VERSION`, teach :meth:`Model.load` to read the versions before it, and
keep a model of each of them among the tests.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.resources import as_file, files
from itertools import islice
from operator import lt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ..labels.errors import DatelineError, TaxonomyError
from ..labels.files import atomic_write
from ..labels.taxonomy import Label, Taxonomy
from .phrases import PhraseTable
from .terms import WORDS, TermSettings

FORMAT_VERSION = 2
"""The version that is written. Files of a higher one are refused. In version 1 terms and
phrases were not deflated.
"""

MAX_CARD_BYTES = 4_000_000
"""A larger card is refused unread; ours have some 30 kB."""

MAX_TEXT_BYTES = 256_000_000
"""Terms or phrases that are longer are refused, so that a small file cannot fill the
memory; ours have some 4 MB.
"""

_CARD_KEY = "dateline"
_TYPES = {
    "terms": np.uint8,
    "idf": np.float32,
    "weights": np.float16,
    "bias": np.float64,
    "calibration": np.float64,
    "thresholds": np.float64,
    "phrases": np.uint8,
    "phrase_meanings": np.uint16,
    "meaning_ends": np.int32,
    "meaning_concepts": np.int32,
}


class ModelError(DatelineError):
    """A model file cannot be used. Everything that loading refuses is one."""


@dataclass(frozen=True)
class Head:
    """The labels that a model knows on one axis.

    Attributes
    ----------
    axis : str
        Id of the axis.
    labels : tuple of Label
    columns : slice
        Where their columns stand in the arrays.
    """

    axis: str
    labels: tuple[Label, ...]
    columns: slice


@dataclass(frozen=True, eq=False)
class Model:
    """A trained model: what the file holds, unpacked.

    Attributes
    ----------
    terms : tuple of str
        The vocabulary, block after block, sorted within each.
    blocks : mapping of str to int
        Names of the blocks, in order, and their numbers of terms.
    idf : ndarray of float32, shape (n_terms,)
    weights : ndarray of float16, shape (n_terms, n_labels)
    bias, thresholds : ndarray of float64, shape (n_labels,)
    calibration : ndarray of float64, shape (n_labels, 2)
    phrases : PhraseTable
        The lexicon, whose concepts are all among the terms.
    taxonomy : Taxonomy
    known : mapping of str to tuple of str
        Axis id to the ids of the labels that the model was trained on, in the
        order of the columns.
    settings : TermSettings
    card : mapping
        What else is worth knowing, as plain JSON: ``training`` and ``metrics``.
    """

    terms: tuple[str, ...]
    blocks: Mapping[str, int]
    idf: NDArray[np.float32]
    weights: NDArray[np.float16]
    bias: NDArray[np.float64]
    calibration: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    phrases: PhraseTable
    taxonomy: Taxonomy
    known: Mapping[str, tuple[str, ...]]
    settings: TermSettings
    card: Mapping[str, Any]

    @cached_property
    def heads(self) -> tuple[Head, ...]:
        """The axes that the model answers on, in order."""
        return tuple(self._heads())

    def _heads(self) -> Iterator[Head]:
        start = 0
        for axis, ids in self.known.items():
            labels = tuple(self.taxonomy[axis].find(id) for id in ids)
            yield Head(axis, labels, slice(start, start + len(ids)))
            start += len(ids)

    def to_bytes(self) -> bytes:
        """The model as the bytes of its file; the same model gives the same bytes."""
        if len(self.phrases.meanings) > 2**16:
            raise ModelError(
                f"the lexicon's phrases stand for {len(self.phrases.meanings)} different "
                "sets of concepts, more than a model file holds; give phrases that mean "
                "the same the same concepts"
            )
        numbers = {term: i for i, term in enumerate(self.terms)}
        concepts = [[numbers[c] for c in found] for found in self.phrases.meanings]
        card = {
            "format_version": FORMAT_VERSION,
            "blocks": dict(self.blocks),
            "labels": {axis: list(ids) for axis, ids in self.known.items()},
            "settings": asdict(self.settings),
            "taxonomy": self.taxonomy.to_json(),
            **self.card,
        }
        arrays: dict[str, NDArray[Any]] = {
            "terms": _to_lines(self.terms),
            "idf": self.idf,
            "weights": self.weights,
            "bias": self.bias,
            "calibration": self.calibration,
            "thresholds": self.thresholds,
            "phrases": _to_lines(self.phrases.phrases),
            "phrase_meanings": self.phrases.meaning_of,
            "meaning_ends": np.cumsum([len(c) for c in concepts], dtype=np.int32),
            "meaning_concepts": np.array(
                [c for found in concepts for c in found], dtype=np.int32
            ),
        }
        arrays = {
            name: np.ascontiguousarray(array, dtype=_TYPES[name])
            for name, array in arrays.items()
        }
        card["sha256"] = content_digest(arrays, card)
        # One metadata entry: the library keeps several in no stable order.
        text = json.dumps(card, ensure_ascii=False, sort_keys=True)
        return save(arrays, metadata={_CARD_KEY: text})

    def save(self, path: str | Path) -> None:
        """Write the model to a file, which appears whole or not at all.

        Raises
        ------
        ModelError
            If the file cannot be written.
        """
        path = Path(path)
        data = self.to_bytes()
        try:
            with atomic_write(path) as file:
                file.write(data)
        except OSError as error:
            raise ModelError(
                f"{path}: cannot be written: {error.strerror}; choose another path"
            ) from None

    @classmethod
    def load(cls, path: str | Path) -> Model:
        """Read a model file and check all of it.

        Raises
        ------
        ModelError
            If the file cannot be read, is no model, is damaged, or is of a newer
            format. The message says which and what to do.
        """
        arrays, card = _read(Path(path))
        try:
            return _checked(arrays, card)
        except (_Damaged, TaxonomyError) as error:
            raise ModelError(
                f"{path}: is damaged ({error}); get the file again or retrain with "
                "'dateline train'"
            ) from None

    @classmethod
    def bundled(cls) -> Model:
        """The model that comes with the package.

        Raises
        ------
        ModelError
            If it is missing or damaged.
        """
        name = files(__name__.rpartition(".")[0]) / "default.safetensors"
        with as_file(name) as path:
            return cls.load(path)


class _Damaged(Exception):
    """What is wrong inside a file that claims to be a model."""


def content_digest(arrays: Mapping[str, NDArray[Any]], card: Mapping[str, Any]) -> str:
    """SHA-256 over the card, its own digest left out, and the arrays by name."""
    rest = {key: value for key, value in card.items() if key != "sha256"}
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode("ascii"))
    for name in sorted(arrays):
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def _read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    if not path.is_file():
        found = "is not a file" if path.exists() else "does not exist"
        raise ModelError(f"{path}: {found}; expected a model that dateline wrote")
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(_CARD_KEY)
            if text is None:
                raise ModelError(
                    f"{path}: is a safetensors file but no dateline model; make one "
                    "with 'dateline train'"
                )
            if len(text) > MAX_CARD_BYTES:
                raise ModelError(f"{path}: its card is larger than any of ours")
            names = set(file.keys())
            card = _read_card(text, path)
            arrays = {name: file.get_tensor(name) for name in _TYPES if name in names}
    except SafetensorError as error:
        raise ModelError(
            f"{path}: is no model ({error}); expected a .safetensors file that "
            "dateline wrote"
        ) from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None
    return arrays, card


def _read_card(text: str, path: Path) -> dict[str, Any]:
    try:
        card = json.loads(text)
    except (ValueError, RecursionError):
        card = None
    version = card.get("format_version") if isinstance(card, dict) else None
    if not isinstance(card, dict) or type(version) is not int or version < 1:
        raise ModelError(
            f"{path}: its card says no format version; get the file again or retrain "
            "with 'dateline train'"
        )
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{path}: is of format {version}, this dateline reads up to "
            f"{FORMAT_VERSION}; upgrade dateline or retrain with 'dateline train'"
        )
    return card


def _checked(arrays: dict[str, NDArray[Any]], card: dict[str, Any]) -> Model:
    for name, dtype in _TYPES.items():
        if name not in arrays:
            raise _Damaged(f"array {name!r} is missing")
        if arrays[name].dtype != dtype:
            raise _Damaged(
                f"array {name!r} is {arrays[name].dtype}, expected {np.dtype(dtype)}"
            )
    if card.get("sha256") != content_digest(arrays, card):
        raise _Damaged("its content is not what was written")
    unpack = _inflated if card["format_version"] > 1 else _as_it_is
    terms = _from_lines(unpack(arrays["terms"], "terms"), "terms")
    phrases = _from_lines(unpack(arrays["phrases"], "phrases"), "phrases")
    taxonomy = Taxonomy.from_json(card.get("taxonomy"))
    known = _checked_labels(card.get("labels"), taxonomy)
    n_terms, n_labels = len(terms), sum(map(len, known.values()))
    n_meanings = arrays["meaning_ends"].size
    n_entries = arrays["meaning_concepts"].size
    for name, shape in {
        "idf": (n_terms,),
        "weights": (n_terms, n_labels),
        "bias": (n_labels,),
        "calibration": (n_labels, 2),
        "thresholds": (n_labels,),
        "phrase_meanings": (len(phrases),),
        "meaning_ends": (n_meanings,),
        "meaning_concepts": (n_entries,),
    }.items():
        if arrays[name].shape != shape:
            raise _Damaged(
                f"array {name!r} has shape {arrays[name].shape}, expected {shape}"
            )
    for array in arrays.values():
        array.flags.writeable = False  # threads share them
    for name in ("idf", "weights", "bias", "calibration", "thresholds"):
        if not np.isfinite(arrays[name]).all():
            raise _Damaged(f"array {name!r} holds values that are not finite")
    if (arrays["idf"] <= 0).any():
        raise _Damaged("an inverse document frequency is not positive")
    if ((arrays["thresholds"] < 0) | (arrays["thresholds"] > 1)).any():
        raise _Damaged("a threshold is no probability")
    ends, concepts = arrays["meaning_ends"], arrays["meaning_concepts"]
    starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)[:n_meanings]
    if (ends <= starts).any() or int(ends[-1] if n_meanings else 0) != n_entries:
        raise _Damaged("the concepts of phrases do not add up")
    if phrases and arrays["phrase_meanings"].max() >= n_meanings:
        raise _Damaged("a phrase stands for nothing")
    blocks = _checked_blocks(card.get("blocks"), terms)
    first = blocks[WORDS]
    if n_entries and not (first <= concepts.min() and concepts.max() < n_terms):
        raise _Damaged("a phrase counts as a term that is not a concept")
    names = [terms[number] for number in concepts.tolist()]
    return Model(
        terms=terms,
        blocks=blocks,
        idf=arrays["idf"],
        weights=arrays["weights"],
        bias=arrays["bias"],
        calibration=arrays["calibration"],
        thresholds=arrays["thresholds"],
        phrases=PhraseTable(
            phrases,
            arrays["phrase_meanings"],
            [
                names[start:end]
                for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
            ],
        ),
        taxonomy=taxonomy,
        known=known,
        settings=_checked_settings(card.get("settings")),
        card={key: card[key] for key in ("training", "metrics") if key in card},
    )


def _checked_labels(value: Any, taxonomy: Taxonomy) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict) or not value:
        raise _Damaged("the card names no labels")
    for axis, ids in value.items():
        if axis not in taxonomy:
            raise _Damaged(f"axis {axis!r} is not in its taxonomy")
        if (
            not isinstance(ids, list)
            or not ids
            or not all(isinstance(id, str) for id in ids)
            or len(set(ids)) != len(ids)
        ):
            raise _Damaged(f"axis {axis!r} has no list of labels")
        if not set(ids) <= set(taxonomy[axis].ids):
            raise _Damaged(f"axis {axis!r} has a label that is not in its taxonomy")
    return {axis.id: tuple(value[axis.id]) for axis in taxonomy if axis.id in value}


def _checked_blocks(value: Any, terms: Sequence[str]) -> dict[str, int]:
    if (
        not isinstance(value, dict)
        or WORDS not in value
        or not all(type(size) is int and size >= 0 for size in value.values())
        or any(":" in name for name in value)
        or sum(value.values()) != len(terms)
    ):
        raise _Damaged("its blocks of terms do not add up")
    # JSON objects are written sorted; words come first, then the kinds by name.
    blocks = {n: value[n] for n in sorted(value, key=lambda n: (n != WORDS, n))}
    start = blocks[WORDS]
    for kind, size in list(blocks.items())[1:]:
        if not all(t.startswith(f"{kind}:") for t in terms[start : start + size]):
            raise _Damaged(f"a term in the block {kind!r} is of another kind")
        start += size
    return blocks


def _checked_settings(value: Any) -> TermSettings:
    if not isinstance(value, dict) or value.keys() != asdict(TermSettings()).keys():
        raise _Damaged("its settings of terms are not ours")
    settings = TermSettings(**value)
    if settings.ngrams not in (1, 2):
        raise _Damaged("its setting ngrams is neither 1 nor 2")
    for name, low, high in (
        ("lead_words", 1.0, 1e9),
        ("title_weight", 0.01, 1000.0),
        ("lead_weight", 0.01, 1000.0),
        ("concept_power", 0.0, 2.0),
        ("half_density", 0.0, 1.0),
    ):
        number = getattr(settings, name)
        if not isinstance(number, int | float) or not low <= number <= high:
            raise _Damaged(f"its setting {name} is not between {low:g} and {high:g}")
    return settings


def _to_lines(strings: Any) -> NDArray[np.uint8]:
    text = "\n".join(strings).encode("utf-8")
    return np.frombuffer(zlib.compress(text, 9), dtype=np.uint8)


def _as_it_is(array: NDArray[np.uint8], name: str) -> bytes:
    if array.ndim != 1:
        raise _Damaged(f"array {name!r} has {array.ndim} dimensions, expected one")
    return array.tobytes()


def _inflated(array: NDArray[np.uint8], name: str) -> bytes:
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(_as_it_is(array, name), MAX_TEXT_BYTES)
    except zlib.error:
        text = b""
    if not inflater.eof or inflater.unused_data:
        raise _Damaged(f"array {name!r} is not deflated text of a size like ours")
    return text


def _from_lines(text: bytes, name: str) -> tuple[str, ...]:
    if not text:
        return ()
    try:
        strings = tuple(text.decode("utf-8").split("\n"))
    except UnicodeDecodeError:
        raise _Damaged(f"array {name!r} is not UTF-8") from None
    # Those that dateline writes are in order, which is the quicker thing to see.
    in_order = all(map(lt, strings, islice(strings, 1, None)))
    if not in_order and len(set(strings)) != len(strings):
        raise _Damaged(f"array {name!r} names something twice")
    return strings
