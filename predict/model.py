"""The artefact: a trained model, saved and loaded.

:meth:`Model.load` checks every array's presence, type, shape and range, a checksum of
their bytes, and the format version, before anything is used; the lines of texts when
they are first asked for. What the file holds is said in :mod:`dateline.predict.model_file`.
"""

from __future__ import annotations

import os.path  # pathlib takes long to import, and predicting needs no more
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..labels.files import atomic_write
from ..labels.record import Record
from ..labels.taxonomy import Label, Taxonomy
from .counter import COMPILED
from .eight_bits import LEAST, MOST, EightBits
from .model_file import (
    FORMAT_VERSION,
    Damaged,
    ModelError,
    ModelFile,
    naming,
    to_bytes,
)
from .phrases import PhraseTable
from .run_table import RunTable
from .terms import WORDS, TermSettings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# As a file: an extension module cannot be imported from an archive either.
BUNDLED = f"{os.path.dirname(__file__)}/default.safetensors"  # noqa: PTH120
"""The path of the model that comes with the package."""

MOST_BIAS = 1e100
"""Biases, slopes and offsets are no larger, so that their products are numbers."""


class Head(Record):
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


class Model(Record):
    """A trained model: what the file holds, unpacked.

    Attributes
    ----------
    terms : sequence of str
        The vocabulary, block after block, sorted within each.
    blocks : mapping of str to int
        Names of the blocks, in order, and their numbers of terms.
    idf : ndarray of float32, shape (n_terms,)
    weights : EightBits or ndarray of float16, shape (n_terms, n_labels)
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
    table : RunTable, optional
        The compiled scan's table of the words and phrases. Default: it is made when
        the model is first used, which takes some time.
    """

    terms: Sequence[str]
    blocks: Mapping[str, int]
    idf: NDArray[np.float32]
    weights: EightBits | NDArray[np.floating]
    bias: NDArray[np.float64]
    calibration: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    phrases: PhraseTable
    taxonomy: Taxonomy
    known: Mapping[str, tuple[str, ...]]
    settings: TermSettings
    card: Mapping[str, Any]
    table: RunTable | None = None

    # Arrays are neither one thing nor another when they are compared.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @cached_property
    def heads(self) -> tuple[Head, ...]:
        """The axes that the model answers on, in order."""
        return tuple(self._heads())

    def _heads(self) -> Iterator[Head]:
        start = 0
        for axis, ids in self.known.items():
            by_id = {label.id: label for label in self.taxonomy[axis].labels}
            labels = tuple(by_id[id] for id in ids)
            yield Head(axis, labels, slice(start, start + len(ids)))
            start += len(ids)

    def to_bytes(self) -> bytes:
        """The model as the bytes of its file; the same model gives the same bytes."""
        from dataclasses import asdict

        if len(self.phrases.meanings) > 2**16:
            raise ModelError(
                f"the lexicon's phrases stand for {len(self.phrases.meanings)} different "
                "sets of concepts, more than a model file holds; give phrases that mean "
                "the same the same concepts"
            )
        card = {
            "format_version": FORMAT_VERSION,
            "blocks": dict(self.blocks),
            "labels": {axis: list(ids) for axis, ids in self.known.items()},
            "settings": asdict(self.settings),
            "taxonomy": self.taxonomy.to_json(),
            **self.card,
        }
        n_words = self.blocks[WORDS]
        arrays: dict[str, NDArray[Any]] = {
            "idf": self.idf,
            **_filed_weights(self.weights),
            "bias": self.bias,
            "calibration": self.calibration,
            "thresholds": self.thresholds,
            "phrase_meanings": self.phrases.meaning_of,
            "meaning_ends": self.phrases.meaning_ends,
            "meaning_concepts": self.phrases.concepts_among(self.terms, n_words),
            **({} if self.table is None else self.table.arrays),
        }
        texts = {"terms": self.terms, "phrases": self.phrases.phrases}
        return to_bytes(texts, arrays, card)

    def save(self, path: str | Path) -> None:
        """Write the model to a file, which appears whole or not at all.

        Raises
        ------
        ModelError
            If the file cannot be written.
        """
        from pathlib import Path

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
        file = ModelFile(path)
        with naming(file.path):
            file.check()
            return _checked(file)

    @classmethod
    def bundled(cls) -> Model:
        """The model that comes with the package.

        Raises
        ------
        ModelError
            If it is missing or damaged.
        """
        return cls.load(BUNDLED)


def _filed_weights(
    weights: EightBits | NDArray[np.floating],
) -> dict[str, NDArray[Any]]:
    if not isinstance(weights, EightBits):
        return {"weights": weights}
    return {"weight_levels": weights.levels, "weight_exponents": weights.exponents}


class _FiledTerms(Sequence[str]):
    """The terms of a model file, read when they are first asked for, as in explanations.

    Parameters
    ----------
    file : ModelFile
    blocks : mapping of str to int
        Of the model.
    """

    def __init__(self, file: ModelFile, blocks: Mapping[str, int]) -> None:
        self._file, self._blocks = file, blocks

    @cached_property
    def _terms(self) -> tuple[str, ...]:
        with naming(self._file.path):
            terms = self._file.lines("terms")
            if len(terms) != len(self):
                raise Damaged(f"it has {len(terms)} terms, its card says {len(self)}")
            start = 0
            for kind, size in self._blocks.items():
                ours = terms[start : start + size]
                if kind != WORDS and not all(t.startswith(f"{kind}:") for t in ours):
                    raise Damaged(f"a term in the block {kind!r} is of another kind")
                start += size
        return terms

    def __len__(self) -> int:
        return sum(self._blocks.values())

    @overload
    def __getitem__(self, where: int) -> str: ...
    @overload
    def __getitem__(self, where: slice) -> tuple[str, ...]: ...
    def __getitem__(self, where: int | slice) -> str | tuple[str, ...]:
        return self._terms[where]

    def __iter__(self) -> Iterator[str]:
        return iter(self._terms)

    def __reduce__(self) -> tuple[type[tuple[str, ...]], tuple[Any, ...]]:
        return tuple, (self._terms,)


class _FiledPhrases(PhraseTable):
    """The phrases of a model file, read when they are first asked for.

    The compiled scan has no use for them, and making so many strings takes longer than
    the rest of loading.

    Parameters
    ----------
    file : ModelFile
    terms : sequence of str
        Of the model.
    ends, concepts : ndarray of int32
        The meanings, as the file has them.
    """

    def __init__(
        self,
        file: ModelFile,
        terms: Sequence[str],
        ends: NDArray[np.int32],
        concepts: NDArray[np.int32],
    ) -> None:
        self._file, self._terms, self._concepts = file, terms, concepts
        self.meaning_ends = ends
        self._sorted_out = {}

    @cached_property
    def phrases(self) -> Sequence[str]:  # type: ignore[override]
        with naming(self._file.path):
            phrases = self._file.lines("phrases")
            if len(phrases) != len(self.meaning_of):
                raise Damaged(
                    f"it has {len(phrases)} phrases and {len(self.meaning_of)} meanings "
                    "of phrases"
                )
        return phrases

    @cached_property
    def meaning_of(self) -> NDArray[np.integer]:  # type: ignore[override]
        with naming(self._file.path):
            found = self._file.integers("phrase_meanings")
            # No number is less than 0: they are unsigned.
            if len(found) and int(found.max()) >= len(self.meaning_ends):
                raise Damaged("a phrase stands for nothing")
        return found

    @cached_property
    def meanings(self) -> Sequence[Sequence[str]]:  # type: ignore[override]
        names = [self._terms[number] for number in self._concepts.tolist()]
        ends = self.meaning_ends.tolist()
        return [names[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def concepts_among(self, terms: Sequence[str], first: int) -> NDArray[np.int32]:
        if terms is self._terms:
            return self._concepts
        return super().concepts_among(terms, first)

    def __reduce__(self) -> tuple[type[PhraseTable], tuple[Any, ...]]:
        return PhraseTable, (self.phrases, self.meaning_of, self.meanings)


def _checked(file: ModelFile) -> Model:
    card = file.card
    taxonomy = Taxonomy.from_json(card.get("taxonomy"))
    known = _checked_labels(card.get("labels"), taxonomy)
    blocks = _checked_blocks(card.get("blocks"))
    terms = _FiledTerms(file, blocks)
    n_terms, n_labels = len(terms), sum(map(len, known.values()))
    weights = _checked_weights(file, n_terms, n_labels)
    shapes: dict[str, tuple[int, ...]] = {
        "idf": (n_terms,),
        "bias": (n_labels,),
        "calibration": (n_labels, 2),
        "thresholds": (n_labels,),
    }
    arrays = {name: _checked_floats(file, name, shapes[name]) for name in shapes}
    for name in ("bias", "calibration"):
        # What is added to a bias is small: weights are of 65,504 at the most.
        if (np.abs(arrays[name]) > MOST_BIAS).any():
            raise Damaged(f"array {name!r} holds values beyond {MOST_BIAS:g}")
    if (arrays["idf"] <= 0).any():
        raise Damaged("an inverse document frequency is not positive")
    if ((arrays["thresholds"] < 0) | (arrays["thresholds"] > 1)).any():
        raise Damaged("a threshold is no probability")
    ends, concepts = _checked_meanings(file, blocks[WORDS], n_terms)
    phrases = _FiledPhrases(file, terms, ends, concepts)
    table = _checked_table(file, blocks[WORDS], len(ends))
    if table is None:
        _ = terms[:0], phrases.phrases  # which will be needed, and may be damaged
    return Model(
        terms=terms,
        blocks=blocks,
        idf=arrays["idf"],
        weights=weights,
        bias=arrays["bias"],
        calibration=arrays["calibration"],
        thresholds=arrays["thresholds"],
        phrases=phrases,
        table=table,
        taxonomy=taxonomy,
        known=known,
        settings=_checked_settings(card.get("settings")),
        card=_checked_facts(card),
    )


def _checked_floats(file: ModelFile, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    array = file.numbers(name)
    if array.shape != shape:
        raise Damaged(f"array {name!r} has shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        raise Damaged(f"array {name!r} holds values that are not finite")
    return array


def _checked_weights(
    file: ModelFile, n_terms: int, n_labels: int
) -> EightBits | NDArray[np.floating]:
    if "weights" in file:
        return _checked_floats(file, "weights", (n_terms, n_labels))
    levels, exponents = file.numbers("weight_levels"), file.numbers("weight_exponents")
    for name, array, shape in (
        ("weight_levels", levels, (n_terms, n_labels)),
        ("weight_exponents", exponents, (n_terms,)),
    ):
        if array.shape != shape:
            raise Damaged(f"array {name!r} has shape {array.shape}, expected {shape}")
    if exponents.min(initial=0) < LEAST or exponents.max(initial=0) > MOST:
        raise Damaged(f"an exponent of weights is not of {LEAST} to {MOST}")
    return EightBits(levels, exponents)


def _checked_meanings(
    file: ModelFile, first: int, n_terms: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Where the concepts of each meaning end, and all concepts in one row."""
    ends, concepts = file.integers("meaning_ends"), file.integers("meaning_concepts")
    starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)[: len(ends)]
    if (ends <= starts).any() or int(ends[-1] if len(ends) else 0) != len(concepts):
        raise Damaged("the concepts of phrases do not add up")
    if len(concepts) and not (first <= concepts.min() and concepts.max() < n_terms):
        raise Damaged("a phrase counts as a term that is not a concept")
    return ends, concepts


def _checked_table(file: ModelFile, n_words: int, n_meanings: int) -> RunTable | None:
    """The table for the compiled scan, where there are both."""
    arrays = file.table() if COMPILED else None
    if arrays is None:
        return None
    try:
        table = RunTable(arrays)
        if len(table.arrays["run_of_word"]) != n_words:
            raise Damaged("its table is not of as many words as it has")
        table.lookup(n_meanings)
    except ValueError as error:
        raise Damaged(str(error)) from None
    return table


def _checked_labels(value: Any, taxonomy: Taxonomy) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict) or not value:
        raise Damaged("the card names no labels")
    for axis, ids in value.items():
        if axis not in taxonomy:
            raise Damaged(f"axis {axis!r} is not in its taxonomy")
        if (
            not isinstance(ids, list)
            or not ids
            or not all(isinstance(id, str) for id in ids)
            or len(set(ids)) != len(ids)
        ):
            raise Damaged(f"axis {axis!r} has no list of labels")
        if not set(ids) <= set(taxonomy[axis].ids):
            raise Damaged(f"axis {axis!r} has a label that is not in its taxonomy")
    return {axis.id: tuple(value[axis.id]) for axis in taxonomy if axis.id in value}


def _checked_blocks(value: Any) -> dict[str, int]:
    if (
        not isinstance(value, dict)
        or WORDS not in value
        or not all(type(size) is int and size >= 0 for size in value.values())
        or any(":" in name for name in value)
        or sum(value.values()) >= 2**31
    ):
        raise Damaged("its card says no numbers of terms")
    # JSON objects are written sorted; words come first, then the kinds by name.
    return {n: value[n] for n in sorted(value, key=lambda n: (n != WORDS, n))}


def _checked_settings(value: Any) -> TermSettings:
    if not isinstance(value, dict) or value.keys() != {*TermSettings._fields}:
        raise Damaged("its settings of terms are not ours")
    settings = TermSettings(**value)
    if settings.ngrams not in (1, 2):
        raise Damaged("its setting ngrams is neither 1 nor 2")
    for name, low, high in (
        ("lead_words", 1.0, 1e9),
        ("title_weight", 0.01, 1000.0),
        ("lead_weight", 0.01, 1000.0),
        ("concept_power", 0.0, 2.0),
        ("half_density", 0.0, 1.0),
    ):
        number = getattr(settings, name)
        if not isinstance(number, int | float) or not low <= number <= high:
            raise Damaged(f"its setting {name} is not between {low:g} and {high:g}")
    return settings


def _checked_facts(card: Mapping[str, Any]) -> dict[str, Any]:
    """What the card says of how the model was made and how good it is: for people, but
    commands count with it.
    """
    facts = {key: card[key] for key in ("training", "metrics") if key in card}
    if not all(isinstance(value, dict) for value in facts.values()):
        raise Damaged("its card tells of training or metrics in another way")
    training = facts.get("training", {})
    kinds: dict[str, type] = {
        **dict.fromkeys(("samples", "helping_samples", "lexicon_phrases"), int),
        **dict.fromkeys(("samples_sha256", "lexicon_sha256"), str),
        **dict.fromkeys(("settings", "versions", "chosen", "labels"), dict),
    }
    for name, kind in kinds.items():
        if name in training and type(training[name]) is not kind:
            raise Damaged(f"its card says {name} in another way")
    if "lexicon_phrases" in training and "lexicon_sha256" not in training:
        raise Damaged("its card says lexicon_sha256 in another way")
    counts = training.get("labels", {})
    shares = training.get("settings", {}).get("shares", {})
    for name, by_axis in (
        ("chosen", training.get("chosen", {})),
        ("labels", counts),
        ("shares", shares),
        ("metrics", facts.get("metrics", {})),
    ):
        if not isinstance(by_axis, dict) or not all(
            isinstance(value, dict) for value in by_axis.values()
        ):
            raise Damaged(f"its card says {name} in another way")
    if not all(type(n) is int for axis in counts.values() for n in axis.values()):
        raise Damaged("its card says labels in another way")
    return facts
