"""The model file: what is saved comes back, and nothing else is taken for a model."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from dateline.predict import FORMAT_VERSION, Model, ModelError, Predictor, counter
from dateline.predict.counter import COMPILED
from dateline.predict.eight_bits import EightBits
from dateline.predict.model_file import DEFLATED, INTEGERS, TABLE, checksum

compiled = pytest.mark.skipif(not COMPILED, reason="no compiled scan here")

TEXT = "Shares fell in Oslo after the bank raised interest rates."


def parts(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    arrays = load_file(path)
    for name in DEFLATED:
        dtype, shape = INTEGERS[name]
        data = zlib.decompress(arrays[name].tobytes())
        arrays[name] = np.frombuffer(data, dtype).reshape(shape)
    return arrays, json.loads(header["__metadata__"]["dateline"])


def rewrite(path: Path, arrays: dict[str, Any], card: Any) -> None:
    version = card["format_version"] if isinstance(card, dict) else FORMAT_VERSION
    deflated = DEFLATED if version > 3 else INTEGERS if version == 3 else ()
    arrays = arrays | {
        name: np.frombuffer(zlib.compress(bytes(arrays[name])), np.uint8)
        for name in deflated
        if name in arrays
    }
    if isinstance(card, dict):
        card = card | checksum(arrays, card)
    text = card if isinstance(card, str) else json.dumps(card)
    save_file(arrays, path, metadata={"dateline": text})


def with_16_bits(arrays: dict[str, Any]) -> dict[str, Any]:
    """The arrays of an older file, whose weights were all of 16 bits."""
    arrays = dict(arrays)
    weights = EightBits(arrays.pop("weight_levels"), arrays.pop("weight_exponents"))
    return arrays | {"weights": np.asarray(weights, dtype=np.float16)}


def load_all(path: Path) -> Model:
    """Load a model and what it reads only when it is asked for."""
    found = Model.load(path)
    assert len(found.phrases.phrases) == len(found.phrases)
    assert len([*found.terms]) == len(found.terms)
    return found


def test_loaded_model_answers_as_the_saved_one(model: Model, model_file: Path) -> None:
    before = Predictor(model).predict(TEXT)
    after = Predictor.load(model_file).predict(TEXT)
    assert after == before
    assert before["desk"][0].label == "money"


def test_saving_twice_gives_the_same_bytes(model: Model, model_file: Path) -> None:
    assert Model.load(model_file).to_bytes() == model.to_bytes()
    assert model_file.read_bytes() == model.to_bytes()


def test_saving_leaves_nothing_else_behind(model_file: Path) -> None:
    assert [path.name for path in model_file.parent.iterdir()] == [model_file.name]


def test_saving_where_nothing_can_be_written_is_refused(
    model: Model, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="cannot be written"):
        model.save(tmp_path / "none" / "model.safetensors")


def test_missing_file_folder_and_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        Model.load(tmp_path / "none")
    with pytest.raises(ModelError, match="is not a file"):
        Model.load(tmp_path)
    other = tmp_path / "other"
    for content in (b"", b"text", b"\x80\x04pickle", b"\xff" * 100):
        other.write_bytes(content)
        with pytest.raises(ModelError, match="is no model"):
            Model.load(other)
    save_file({"x": np.zeros(1)}, other)
    with pytest.raises(ModelError, match="no dateline model"):
        Model.load(other)


def test_file_cut_short_is_refused(model_file: Path) -> None:
    whole = model_file.read_bytes()
    for length in [0, 7, 8, 100, len(whole) // 2, len(whole) - 1]:
        model_file.write_bytes(whole[:length])
        with pytest.raises(ModelError):
            Model.load(model_file)


def test_turned_bit_is_refused(model_file: Path) -> None:
    whole = model_file.read_bytes()
    for position in range(0, len(whole), 211):
        turned = bytearray(whole)
        turned[position] ^= 1
        model_file.write_bytes(turned)
        with pytest.raises(ModelError):
            Model.load(model_file)


def test_newer_format_is_refused_with_what_to_do(model_file: Path) -> None:
    arrays, card = parts(model_file)
    card["format_version"] = FORMAT_VERSION + 1
    rewrite(model_file, arrays, card)
    with pytest.raises(ModelError, match="upgrade dateline"):
        Model.load(model_file)


@pytest.mark.parametrize(
    "card",
    ["", "null", "[]", "{}", '{"format_version": "1"}', '{"format_version": true}'],
)
def test_card_without_a_version_is_refused(model_file: Path, card: str) -> None:
    arrays, _ = parts(model_file)
    rewrite(model_file, arrays, card)
    with pytest.raises(ModelError, match="no format version"):
        Model.load(model_file)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("labels", None),
        ("labels", {}),
        ("labels", {"land": ["north", "south", "nowhere"]}),
        ("labels", {"sea": ["north"]}),
        ("labels", {"land": ["north", "north"]}),
        ("labels", {"land": "north"}),
        ("labels", {"land": ["north", "south", 3]}),
        ("blocks", {}),
        ("blocks", {"words": -1}),
        ("blocks", {"words": 3}),
        ("settings", None),
        ("settings", {"ngrams": 3}),
        ("settings", {"colour": 3}),
        ("settings", {"title_weight": -1}),
        ("settings", {"lead_weight": float("nan")}),
        ("settings", {"half_density": 2}),
        ("taxonomy", None),
        ("taxonomy", [{"id": "land"}]),
        ("taxonomy", [3]),
    ],
)
def test_card_that_does_not_fit_is_refused(
    model_file: Path, key: str, value: Any
) -> None:
    arrays, card = parts(model_file)
    if key == "settings" and isinstance(value, dict) and "colour" not in value:
        value = card[key] | value
    card[key] = value
    rewrite(model_file, arrays, card)
    with pytest.raises(ModelError, match="is damaged"):
        Model.load(model_file)


def test_kind_of_concepts_with_a_colon_is_refused(model_file: Path) -> None:
    # "a:b:c" would be of the kind "a" by its name and of "a:b" by its block.
    arrays, card = parts(model_file)
    card["blocks"] |= {"a:b": 0}
    rewrite(model_file, arrays, card)
    with pytest.raises(ModelError, match="its card says no numbers of terms"):
        Model.load(model_file)


@pytest.mark.parametrize(
    "name",
    [
        "terms",
        "idf",
        "weight_levels",
        "weight_exponents",
        "bias",
        "calibration",
        "thresholds",
        "phrases",
        "phrase_meanings",
        "meaning_ends",
        "meaning_concepts",
        *(pytest.param(name, marks=compiled) for name in TABLE),
    ],
)
def test_array_that_is_missing_or_of_another_type_or_shape_is_refused(
    model_file: Path, name: str
) -> None:
    arrays, card = parts(model_file)
    array = arrays[name]
    changes = [
        {k: v for k, v in arrays.items() if k != name},
        arrays | {name: array.astype(np.int64)},
        arrays | {name: array[: len(array) // 2]},
        arrays | {name: array[np.newaxis].copy()},
    ]
    if name in DEFLATED:  # these are bytes in the file, of one dimension
        changes[3] = arrays | {name: array.tobytes()[:-1]}
    if name in TABLE:  # which a file may lack
        del changes[0]
    for changed in changes:
        rewrite(model_file, changed, card)
        with pytest.raises(ModelError, match="is damaged"):
            load_all(model_file)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("idf", 0),
        ("idf", np.nan),
        ("weight_exponents", 10),
        ("weight_exponents", -41),
        ("bias", -np.inf),
        ("calibration", np.nan),
        ("thresholds", 1.5),
        ("thresholds", -0.5),
        ("phrase_meanings", 60_000),
        ("meaning_ends", -1),
        ("meaning_concepts", 10**6),
        ("meaning_concepts", -1),
        ("meaning_concepts", 0),
        ("terms", 0xFF),
        ("phrases", 0xFF),
        pytest.param("run_of_word", 10**6, marks=compiled),
    ],
)
def test_value_out_of_range_is_refused(
    model_file: Path, name: str, value: float
) -> None:
    arrays, card = parts(model_file)
    changed = arrays[name].copy()
    changed.flat[0] = value
    rewrite(model_file, arrays | {name: changed}, card)
    with pytest.raises(ModelError, match="is damaged"):
        load_all(model_file)


@pytest.mark.parametrize("name", ["terms", "phrases"])
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + b"\n" + text.split(b"\n")[0],  # something twice
        lambda text: b"\xff" + text,
        lambda text: b"\n" + text,
        lambda text: b"",
    ],
)
def test_text_that_does_not_fit_is_refused(
    model_file: Path, name: str, change: Callable[[bytes], bytes]
) -> None:
    arrays, card = parts(model_file)
    text = zlib.compress(change(zlib.decompress(arrays[name].tobytes())))
    rewrite(model_file, arrays | {name: np.frombuffer(text, np.uint8)}, card)
    with pytest.raises(ModelError, match="is damaged"):
        load_all(model_file)


def test_text_that_would_fill_the_memory_is_refused(
    model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays, card = parts(model_file)
    monkeypatch.setattr("dateline.predict.model_file.MAX_INFLATED_BYTES", 10_000)
    bomb = np.frombuffer(zlib.compress(b"a" * 10_001), np.uint8)
    rewrite(model_file, arrays | {"terms": bomb}, card)
    with pytest.raises(ModelError, match="not deflated, of a size like ours"):
        load_all(model_file)


def test_bytes_behind_the_text_are_refused(model_file: Path) -> None:
    arrays, card = parts(model_file)
    more = np.concatenate([arrays["terms"], np.zeros(3, np.uint8)])
    rewrite(model_file, arrays | {"terms": more}, card)
    with pytest.raises(ModelError, match="not deflated"):
        load_all(model_file)


def test_file_of_the_first_format_answers_the_same(
    model: Model, model_file: Path
) -> None:
    arrays, card = parts(model_file)
    arrays = {name: arrays[name] for name in arrays if name not in TABLE}
    for name in ("terms", "phrases"):
        text = zlib.decompress(arrays[name].tobytes())
        arrays[name] = np.frombuffer(text, np.uint8)
    rewrite(model_file, arrays, card)  # of this format, but not deflated
    with pytest.raises(ModelError, match="is damaged"):
        load_all(model_file)
    rewrite(model_file, with_16_bits(arrays), card | {"format_version": 1})
    assert Predictor.load(model_file).predict(TEXT) == Predictor(model).predict(TEXT)


@pytest.mark.parametrize("version", [2, FORMAT_VERSION])
def test_file_without_the_scans_table_answers_the_same(
    model: Model, model_file: Path, version: int
) -> None:
    arrays, card = parts(model_file)
    arrays = {name: arrays[name] for name in arrays if name not in TABLE}
    if version < 4:
        arrays = with_16_bits(arrays)
    rewrite(model_file, arrays, card | {"format_version": version})
    assert Predictor.load(model_file).predict(TEXT) == Predictor(model).predict(TEXT)


@pytest.mark.parametrize("name", ["terms", "phrases"])
def test_texts_are_checked_at_once_where_they_are_needed(
    model_file: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    arrays, card = parts(model_file)
    text = np.frombuffer(zlib.compress(b"\xff"), np.uint8)
    rewrite(model_file, arrays | {name: text}, card)
    monkeypatch.setattr("dateline.predict.model.COMPILED", False)
    monkeypatch.setattr(counter, "COMPILED", False)
    with pytest.raises(ModelError, match=f"{name!r} is not UTF-8"):
        Predictor.load(model_file)


@compiled
@pytest.mark.parametrize("name", ["terms", "phrases"])
def test_texts_that_are_damaged_are_no_traceback_when_asked_for(
    model_file: Path, name: str
) -> None:
    arrays, card = parts(model_file)
    text = np.frombuffer(zlib.compress(b"\xff"), np.uint8)
    rewrite(model_file, arrays | {name: text}, card)
    predictor = Predictor.load(model_file)
    predictor.predict(TEXT)
    with pytest.raises(ModelError, match=f"{name!r} is not UTF-8"):
        predictor.explain(TEXT)


@compiled
@pytest.mark.parametrize(
    ("name", "value"),
    [("run_of_word", 2**20), ("run_meanings", 0xFFFF), ("run_steps", 0xFF)],
)
def test_table_that_points_beyond_the_model_is_refused(
    model_file: Path, name: str, value: int
) -> None:
    arrays, card = parts(model_file)
    changed = np.full_like(arrays[name], value)
    rewrite(model_file, arrays | {name: changed}, card)
    with pytest.raises(ModelError, match="is damaged"):
        Model.load(model_file)
