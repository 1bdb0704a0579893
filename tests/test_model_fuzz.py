"""Model files that are broken or malicious: refused in words, or answered from.

Small by default. ``DATELINE_FUZZ=20 pytest tests/test_model_fuzz.py`` tries twenty times
as much, each time of other seeds; CONTRIBUTING says how to run it under sanitizers.
"""

from __future__ import annotations

import json
import os
import random
import socket
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors import SafetensorError

import dateline.predict
from dateline.predict import Article, Model, ModelError, Prediction, Predictor, counter
from dateline.predict.counter import COMPILED
from dateline.predict.eight_bits import LEAST, MOST
from dateline.predict.model_file import (
    DEFLATED,
    INTEGERS,
    MAX_CARD_BYTES,
    NUMBERS,
    PLAIN_INFLATED_BYTES,
    TABLE,
    TEXTS,
    checksum,
)
from dateline.predict.tensors import NotTensors, Tensors, open_tensors
from dateline.train.card import training_facts

TIMES = int(os.environ.get("DATELINE_FUZZ", "1"))
SEED = 0 if TIMES == 1 else random.SystemRandom().randrange(2**32)

compiled = pytest.mark.skipif(not COMPILED, reason="no compiled scan here")
tries = hypothesis_settings(
    deadline=None,
    max_examples=40 * TIMES,
    derandomize=TIMES == 1,
    suppress_health_check=list(HealthCheck),
)

SMALL = Path(__file__).parent / "models" / "format-4.safetensors"
DEFAULT = Path(dateline.predict.__file__).parent / "default.safetensors"

ARTICLES = [
    # Longest first: what it leaves in the scan's memory is there for the next.
    Article(" ".join(["Oslo a home run", "Bank of Spain", "us Östersund"] * 1500)),
    Article("Shares fell in Oslo after a lender failed in Stockholm.", "Rome waits"),
    Article("interest rates of the bank trouble savers in spain"),
    Article("HOME RUN in TROMSØ; the Us and US teams cheered at Home."),
    Article("Лидер: МАДРИД ждёт, Мадрид ждет. ﬁ \U00010428 a b c home d run"),
    Article("İstanbul and Oslo: shares of ΣΊΣΥΦΟΣ fell."),
    Article("Oslo"),
    Article(""),
]


# ---- Making files ----


class File(bytes):
    """The bytes of a file, which nobody wants to read when a test fails."""

    def __repr__(self) -> str:
        return f"<{len(self)} bytes, {zlib.crc32(self):08x}>"


def bytes_of(header: object, data: bytes = b"") -> bytes:
    """A file of any header, right or wrong."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def parts(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """What a file of format 4 holds, inflated, and its card."""
    raw = path.read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    arrays = safetensors.numpy.load(raw)
    for name in arrays.keys() & {*TEXTS, *DEFLATED}:
        dtype, shape = INTEGERS.get(name, ("u1", (-1,)))
        data = zlib.decompress(arrays[name].tobytes())
        arrays[name] = np.frombuffer(data, dtype).reshape(shape)
    return arrays, json.loads(header["__metadata__"]["dateline"])


def signed(arrays: Mapping[str, NDArray[Any]], card: Any) -> bytes:
    """A file of format 4 whose checksum is right, whatever is in it."""
    stored = {
        name: array
        if name not in {*TEXTS, *DEFLATED}
        else np.frombuffer(zlib.compress(np.ascontiguousarray(array).tobytes()), "u1")
        for name, array in arrays.items()
    }
    if isinstance(card, dict) and type(card.get("format_version")) is int:
        card = card | checksum(stored, card)
    return File(safetensors.numpy.save(stored, metadata={"dateline": json.dumps(card)}))


def text_of(lines: list[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\n".join(lines).encode("utf-8", "surrogatepass"), "u1")


# ---- What may come out ----


def refusal(path: Path) -> str | None:
    """What is said when a file is refused; None where it is not."""
    try:
        model = Model.load(path)
        assert len(model.phrases.phrases) == len(model.phrases)
    except ModelError as error:
        said = str(error)
        assert str(path) in said
        assert any(
            word in said
            for word in (
                "get the file",
                "expected",
                "make one",
                "upgrade",
                "check",
                "give",
            )
        ), said
        assert len(said) < 1000
        return said
    return None


def answers(path: Path) -> list[Prediction]:
    return list(Predictor.load(path).predict_many(ARTICLES))


def refused_or_answered(path: Path) -> list[Prediction] | None:
    if refusal(path) is not None:
        return None
    predictor = Predictor.load(path)
    found = [predictor.predict(article) for article in ARTICLES]
    for prediction in found:
        for axis, scores in prediction.scores.items():
            assert all(0.0 <= score <= 1.0 for score in scores.values()), scores
            assert {scored.label for scored in prediction[axis]} <= scores.keys()
    for article in ARTICLES[1:]:
        predictor.explain(article)
    return found


@contextmanager
def in_python() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dateline.predict.model.COMPILED", False)
        patch.setattr(counter, "COMPILED", False)
        yield


def assert_refused_or_as_defined(path: Path, data: bytes) -> None:
    """A file's answers, if it gives any, are those of the scan written in Python."""
    path.write_bytes(data)
    found = refused_or_answered(path)
    if found is None:
        return
    with in_python():
        expected = answers(path)
    for one, other in zip(found, expected, strict=True):
        for axis, scores in other.scores.items():
            assert one.scores[axis] == pytest.approx(scores, abs=1e-6)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "model.safetensors"


# ---- Bytes that are not those that were written ----


def test_flipped_byte_is_refused_or_changes_no_answer(path: Path) -> None:
    whole = SMALL.read_bytes()
    expected = answers(SMALL)
    for turn in range(TIMES):
        choose = random.Random(f"{SEED} {turn}")
        for position in range(len(whole)):
            changed = bytearray(whole)
            changed[position] ^= choose.randrange(1, 256)
            path.write_bytes(changed)
            if refusal(path) is None:  # another space between two names of the card
                assert answers(path) == expected, position


def test_flipped_byte_of_the_default_model_is_refused(path: Path) -> None:
    whole = bytearray(DEFAULT.read_bytes())
    choose = random.Random(SEED)
    header = 8 + int.from_bytes(whole[:8], "little")
    for at in range(20 * TIMES):
        position = choose.randrange(header if at % 4 == 0 else len(whole))
        before = whole[position]
        whole[position] ^= choose.randrange(1, 256)
        path.write_bytes(whole)
        if refusal(path) is None:
            assert answers(path) == answers(DEFAULT), position
        whole[position] = before


def test_file_cut_short_at_any_length_is_refused(path: Path) -> None:
    whole = SMALL.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert refusal(path), length
    path.write_bytes(whole + b"\0")
    assert refusal(path)


def test_some_bytes_changed_moved_or_repeated_are_refused_or_change_nothing(
    path: Path,
) -> None:
    whole = SMALL.read_bytes()
    expected = answers(SMALL)
    choose = random.Random(SEED)
    for _ in range(500 * TIMES):
        a, b = sorted(choose.sample(range(len(whole)), 2))
        b = min(b, a + 64)
        part = whole[a:b]
        path.write_bytes(
            choose.choice(
                [
                    whole[:a] + bytes(len(part)) + whole[b:],
                    whole[:a] + part[::-1] + whole[b:],
                    whole[:b] + part + whole[b:],
                    whole[:a] + whole[b:],
                    whole[:a] + choose.randbytes(b - a) + whole[b:],
                ]
            )
        )
        if refusal(path) is None:
            assert answers(path) == expected


def test_file_that_becomes_shorter_while_it_is_read_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Tensors.read

    def cut(self: Tensors, name: str) -> NDArray[Any]:
        os.truncate(path, 5000)
        return read(self, name)

    path.write_bytes(SMALL.read_bytes())
    monkeypatch.setattr(Tensors, "read", cut)
    said = refusal(path)
    assert said is not None
    assert "became shorter while it was read" in said


# ---- Headers ----

NAMES = st.sampled_from(["a", "b", "weights", "__metadata__", "", "\ud800"])
SIZES = st.one_of(
    st.integers(0, 4),
    st.sampled_from(
        [-1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64, 10**30, True, 1.0, None]
    ),
)
ENTRIES: st.SearchStrategy[Any] = st.one_of(
    st.fixed_dictionaries(
        {
            "dtype": st.sampled_from(
                ["U8", "F16", "F32", "I64", "BOOL", "BF16", "u8", "", 3]
            ),
            "shape": st.lists(SIZES, max_size=3),
            "data_offsets": st.lists(SIZES, min_size=1, max_size=3),
        }
    ),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
    st.none(),
    st.lists(SIZES, max_size=2),
)
WIDTHS = {"U8": 1, "F16": 2, "F32": 4, "I64": 8, "BOOL": 1}


@st.composite
def plausible_headers(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Arrays one behind the other, and perhaps something wrong with one."""
    pairs: list[tuple[str, Any]] = []
    end = 0
    for number in range(draw(st.integers(0, 4))):
        dtype = draw(st.sampled_from(sorted(WIDTHS)))
        shape = draw(st.lists(st.integers(0, 3), max_size=3))
        start, end = end, end + int(np.prod(shape, dtype=int)) * WIDTHS[dtype]
        name = draw(st.sampled_from([f"t{number}", "t0", "\ud800"]))
        pairs.append(
            (name, {"dtype": dtype, "shape": shape, "data_offsets": [start, end]})
        )
    if draw(st.booleans()) and pairs:
        at = draw(st.integers(0, len(pairs) - 1))
        key = draw(st.sampled_from(["dtype", "shape", "data_offsets"]))
        changed = dict(pairs[at][1])
        wrong: st.SearchStrategy[Any] = st.sampled_from(["U8", "F32", 0])
        changed[key] = draw(st.one_of(st.lists(SIZES, max_size=3), wrong))
        pairs[at] = (pairs[at][0], changed)
    if draw(st.booleans()):
        pairs = list(draw(st.permutations(pairs)))
    if draw(st.booleans()):
        metadata: list[dict[str, Any]] = [{}, {"a": "b"}, {"a": 1}]
        pairs.append(("__metadata__", draw(st.sampled_from(metadata))))
    # By hand, so that a name may come twice.
    text = ", ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in pairs)
    spaces = draw(st.sampled_from(["", " ", "\n", "  x"]))
    more = draw(st.sampled_from([0, 0, 0, 1, -1]))
    return f"{{{text}}}{spaces}".encode(), bytes(range(256))[: max(0, end + more)]


@tries
@given(
    header=st.one_of(
        plausible_headers(),
        st.tuples(
            st.dictionaries(NAMES, ENTRIES, max_size=3).map(
                lambda header: json.dumps(header).encode()
            ),
            st.binary(max_size=8),
        ),
        st.tuples(st.binary(max_size=30), st.binary(max_size=8)),
    )
)
def test_header_is_refused_or_read_as_the_library_reads_it(
    path: Path, header: tuple[bytes, bytes]
) -> None:
    data = bytes_of(*header)
    path.write_bytes(data)
    try:
        with open_tensors(path, most=10**6, most_header=10**6) as file:
            found = {name: file.read(name) for name in file.entries}
    except NotTensors:
        found = None
    try:
        expected = safetensors.numpy.load(data)
    except (SafetensorError, KeyError):  # KeyError: a type that numpy has not
        expected = None
    if found is None:
        assert refusal(path)
        return
    assert expected is not None
    assert found.keys() == expected.keys()
    for name, array in found.items():
        assert array.dtype == expected[name].dtype
        assert array.shape == expected[name].shape
        assert array.tobytes() == expected[name].tobytes()


def test_header_that_lies_is_refused(path: Path) -> None:
    one = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}
    card = {"dateline": '{"format_version": 3}'}
    twice = b'{"a": %s, "a": %s}' % ((json.dumps(one).encode(),) * 2)
    for header, why in [
        ({"a": one | {"shape": [5]}}, "do not fit"),
        ({"a": one | {"shape": [2**40, 2**40]}}, "do not fit"),
        ({"a": one | {"shape": [-4], "data_offsets": [4, 0]}}, "do not fit"),
        ({"a": one | {"data_offsets": [-4, 0]}}, "do not fit"),
        ({"a": one | {"dtype": "F128"}}, "do not fit"),
        ({"a": one, "b": one}, "one behind the other"),
        ({"a": one, "b": one | {"data_offsets": [2, 6]}}, "one behind the other"),
        ({"a": one | {"data_offsets": [1, 5]}}, "one behind the other"),
        ({"a": one | {"shape": [2**40], "data_offsets": [0, 2**40]}}, "speaks of"),
        ({"a": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}}, "speaks of"),
        ({"a": [1]}, "no type, shape"),
        ({"__metadata__": {"dateline": 3}}, "metadata"),
        (twice, "names everything once"),
        (b"[]", "no JSON object"),
        (b"{" * 100_000, "no JSON object"),
        (b'{"a":' * 100_000, "no JSON object"),
        (b"\xff{}", "no JSON object"),
    ]:
        path.write_bytes(bytes_of(header, bytes(4)))
        said = refusal(path)
        assert said is not None
        assert "is no model" in said
        assert why in said, header
    for length in (2**63, 2**64 - 1, 10**9, len(json.dumps(card)) + 1):
        path.write_bytes(struct.pack("<Q", length) + json.dumps(card).encode())
        said = refusal(path)
        assert said is not None
        assert "its header would have" in said


# ---- Cards ----


@pytest.mark.parametrize(
    ("card", "why"),
    [
        (
            '{"format_version": 3, "x": ' + "[" * 150 + "]" * 150 + "}",
            "nested too deep",
        ),
        ("[" * 100_000, "nested too deep"),
        ('{"format_version": 3, "format_version": 2}', "a name twice"),
        ('{"format_version": 3, "x": {"y": 1, "y": 1}}', "a name twice"),
        ('{"format_version": 3, "x": "\\ud800"}', "surrogates not allowed"),
        ('{"format_version": ' + "9" * 5000 + "}", "no format version"),
        ('{"format_version": 1e400}', "no format version"),
        (
            '{"format_version": 3' + " " * MAX_CARD_BYTES + "}",
            "larger than any of ours",
        ),
    ],
)
def test_card_that_is_none_of_ours_is_refused(path: Path, card: str, why: str) -> None:
    one = {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}
    path.write_bytes(bytes_of({"__metadata__": {"dateline": card}, "x": one}, b"x"))
    said = refusal(path)
    assert said is not None
    assert why in said


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-1, 10),
        st.sampled_from(
            [2**31, 2**64, 10**400, 1e308, float("nan"), float("inf"), -0.0]
        ),
        st.floats(0, 2),
        st.text(max_size=4),
        st.sampled_from(
            ["north", "land", "words", "a/b", "/" * 2000, "\x1b[31m", "\ud800"]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=4), inner, max_size=3),
    ),
    max_leaves=6,
)


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """Every list or object within a value, with each of its keys."""
    if isinstance(value, dict):
        keys: list[Any] = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    else:
        return []
    return [(value, key) for key in keys] + [
        place for key in keys for place in places_in(value[key])
    ]


@tries
@given(data=st.data())
def test_card_with_anything_in_it_is_refused_or_answered_from(
    path: Path, data: st.DataObject
) -> None:
    arrays, card = parts(SMALL)
    for _ in range(data.draw(st.integers(1, 2))):
        places = places_in(card)
        holder, key = places[data.draw(st.integers(0, len(places) - 1))]
        if data.draw(st.booleans()):
            holder[key] = data.draw(ANYTHING)
        else:
            del holder[key]
    path.write_bytes(signed(arrays, card))
    if refused_or_answered(path):
        model = Model.load(path)
        training_facts(model)  # what a report says of it
        model.to_bytes()
        json.dumps(model.taxonomy.to_json(), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("training", []),
        ("training", {"samples": "many"}),
        ("training", {"helping_samples": None}),
        ("training", {"lexicon_phrases": 3}),
        ("training", {"samples_sha256": 3}),
        ("training", {"settings": []}),
        ("training", {"settings": {"shares": {"land": 1}}}),
        ("training", {"versions": "all"}),
        ("training", {"chosen": {"land": 1}}),
        ("training", {"labels": {"land": {"north": "many"}}}),
        ("metrics", []),
        ("metrics", {"land": 0.9}),
    ],
)
def test_card_that_tells_in_another_way_is_refused(
    path: Path, key: str, value: Any
) -> None:
    # Reports and suggestions count with it.
    arrays, card = parts(SMALL)
    path.write_bytes(signed(arrays, card | {key: value}))
    said = refusal(path)
    assert said is not None
    assert "in another way" in said
    del card[key]
    path.write_bytes(signed(arrays, card))
    assert refused_or_answered(path)
    assert training_facts(Model.load(path))


# ---- Arrays, with a checksum that is right ----

ODD_FLOATS = st.sampled_from(
    [0.0, -0.0, np.nan, np.inf, -np.inf, 1e99, 1e101, 1e308, -1.0]
)


def filled(
    draw: st.DrawFn, array: NDArray[Any], values: st.SearchStrategy[Any]
) -> None:
    """Put drawn values into some places of an array."""
    if array.size:
        for place in draw(st.lists(st.integers(0, array.size - 1), max_size=8)):
            array.flat[place] = draw(values)


@st.composite
def numbers_changed(draw: st.DrawFn) -> bytes:
    """A file with other numbers in the model, that are those of some model or not."""
    arrays, card = parts(SMALL)
    arrays = {name: array.copy() for name, array in arrays.items()}
    filled(draw, arrays["weight_levels"], st.integers(-128, 127))
    filled(draw, arrays["weight_exponents"], st.integers(LEAST, MOST))
    filled(draw, arrays["idf"], st.floats(2**-20, 2.0**20, width=32))
    for name in ("bias", "calibration"):
        filled(draw, arrays[name], st.floats(-100, 100))
    filled(draw, arrays["thresholds"], st.floats(0, 1))
    first, n_terms = card["blocks"]["words"], len(arrays["idf"])
    filled(draw, arrays["meaning_concepts"], st.integers(first, n_terms - 1))
    if draw(st.booleans()):
        ends = st.integers(1, len(arrays["meaning_concepts"]))
        filled(draw, arrays["meaning_ends"], ends)
        arrays["meaning_ends"].sort()
    for name, values in {
        "ngrams": st.sampled_from([1, 2]),
        "title_weight": st.floats(0.01, 1000),
        "lead_weight": st.floats(0.01, 1000),
        "lead_words": st.floats(1, 1e9),
        "concept_power": st.floats(0, 2),
        "half_density": st.floats(0, 1),
    }.items():
        if draw(st.booleans()):
            card["settings"][name] = draw(values)
    return signed(arrays, card)


@compiled
@tries
@given(data=numbers_changed())
def test_any_numbers_of_a_model_give_the_answers_of_the_definition(
    path: Path, data: bytes
) -> None:
    assert_refused_or_as_defined(path, data)


@st.composite
def arrays_changed(draw: st.DrawFn) -> bytes:
    """A file with anything in one or two arrays, of any length."""
    arrays, card = parts(SMALL)
    for name in draw(st.lists(st.sampled_from(sorted(arrays)), min_size=1, max_size=2)):
        array = arrays[name].copy()
        if array.dtype.kind == "f":
            with np.errstate(over="ignore"):  # an infinity will do, too
                filled(draw, array, ODD_FLOATS)
            if draw(st.integers(0, 4)) == 0:
                array = array.reshape(-1)[: draw(st.integers(0, array.size))].copy()
        else:
            numbers = np.iinfo(array.dtype)
            ends = st.sampled_from([numbers.min, numbers.max, numbers.max // 2 + 1])
            filled(draw, array, st.one_of(st.integers(0, 40), ends))
            if draw(st.integers(0, 4)) == 0:
                data = array.tobytes()
                cut = draw(st.integers(0, len(data)))
                data = data[:cut] + draw(st.binary(max_size=9))
                data = data[: len(data) // array.itemsize * array.itemsize]
                array = np.frombuffer(data, "u1" if name in DEFLATED else array.dtype)
        arrays[name] = array
    if draw(st.integers(0, 4)) == 0:
        for name in TABLE:
            arrays.pop(name)
    return signed(arrays, card)


@tries
@given(data=arrays_changed())
def test_any_arrays_are_refused_or_answered_from(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    refused_or_answered(path)


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """A file whose table for the scan fits in every way that is checked, and lies."""
    arrays, card = parts(SMALL)
    arrays = {name: array.copy() for name, array in arrays.items()}
    n_meanings, n_runs = len(arrays["meaning_ends"]), len(arrays["run_tags"])
    n_spellings = draw(st.integers(1, 12))
    asks = st.integers(0, 0xFFFF)  # of more words than it has, too
    arrays["spellings"] = np.array(
        [
            (
                draw(st.integers(1, n_meanings)),
                draw(asks),
                draw(st.integers(number + 1, n_spellings)),
            )
            for number in range(n_spellings)
        ],
        dtype=np.int32,
    )
    # After the last there is none.
    next_of = arrays["spellings"][:, 2]
    next_of[next_of >= n_spellings] = draw(st.sampled_from([-1, -5, -(2**31)]))
    meanings = arrays["run_meanings"]
    asked = arrays["run_asks"] | arrays["run_asks_more"].astype(np.uint16) << 8
    for run in range(n_runs):  # the small model has some hundred
        if draw(st.integers(0, 3)) or asked[run] >> 14 & 1:
            asked[run] = draw(asks)
            spelt = asked[run] >> 14 & 1
            most = n_spellings - 1 if spelt else n_meanings
            meanings[run] = draw(st.integers(0, most))
    arrays["run_asks"][:], arrays["run_asks_more"][:] = asked & 0xFF, asked >> 8
    arrays["run_goes_on"][:] = draw(st.sampled_from([0, 0x55, 0xFF]))
    # Two words of one run would be a third.
    word_of = draw(st.randoms(use_true_random=False)).sample(range(n_runs), n_runs)
    arrays["run_of_word"][:] = word_of[: len(arrays["run_of_word"])]
    return signed(arrays, card)


@compiled
@tries
@given(data=tables())
def test_table_that_lies_gives_answers_and_no_crash(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert refusal(path) is None  # nothing in it is out of range
    refused_or_answered(path)


def runs_of_nothing(n: int) -> dict[str, NDArray[Any]]:
    """So many runs in the first place, that stand for nothing."""
    return {
        "run_tags": np.arange(1, n + 1, dtype=np.uint32),
        "run_meanings": np.zeros(n, dtype=np.uint16),
        "run_goes_on": np.zeros(-(-n // 8), dtype=np.uint8),
        **{
            name: np.zeros(n, dtype=np.uint8)
            for name in ("run_steps", "run_asks", "run_asks_more")
        },
    }


@compiled
def test_table_whose_runs_crowd_or_stand_out_of_order_is_refused(path: Path) -> None:
    arrays, card = parts(SMALL)
    arrays = {name: array.copy() for name, array in arrays.items()}
    for gaps in ([255] * 4, [0, 255]):
        changed = arrays["run_steps"].copy()
        changed[: len(gaps)] = gaps
        path.write_bytes(signed(arrays | {"run_steps": changed}, card))
        said = refusal(path)
        assert said is not None
        assert "not in the order of their places" in said
    n = 6000  # one place each, all together: a run that is not there is sought for long
    arrays |= runs_of_nothing(n)
    arrays["run_steps"][1:] = 1
    arrays["run_of_word"][:] = -1
    path.write_bytes(signed(arrays, card))
    said = refusal(path)
    assert said is not None
    assert "crowd" in said


WORDS = st.lists(
    st.sampled_from(["oslo", "Oslo", "home", "Home", "run", "us", "US", "a", "ß", "ﬁ"])
    | st.sampled_from(["мадрид", "МАДРИД", "tromsø", "İx", "Σ", "\U00010428", "x" * 99])
    | st.text(max_size=3),
    min_size=1,
    max_size=5,
).map(" ".join)


@st.composite
def lexicons(draw: st.DrawFn) -> bytes:
    """A file of any words and phrases, without a table."""
    arrays, card = parts(SMALL)
    words = draw(st.lists(WORDS | WORDS.map(str.lower), max_size=20, unique=True))
    concepts = [f"a:{number}" for number in range(draw(st.integers(0, 3)))]
    terms = words + concepts
    phrases = draw(st.lists(WORDS, max_size=20, unique=True))
    ends = np.arange(1, len(concepts) + 1, dtype=np.int32)
    numbers = np.random.default_rng(draw(st.integers(0, 99)))
    n_labels = len(arrays["bias"])
    card["blocks"] = {"words": len(words), "a": len(concepts)}
    for name in TABLE:
        del arrays[name]
    arrays |= {
        "terms": text_of(terms),
        "idf": numbers.uniform(1, 5, len(terms)).astype(np.float32),
        "weight_levels": numbers.integers(-127, 128, (len(terms), n_labels), np.int8),
        "weight_exponents": numbers.integers(-9, -5, len(terms), np.int8),
        "phrases": text_of(phrases),
        "phrase_meanings": np.array(
            [draw(st.integers(0, max(len(concepts) - 1, 0))) for _ in phrases],
            np.uint16,
        ),
        "meaning_ends": ends,
        "meaning_concepts": np.arange(len(words), len(terms), dtype=np.int32),
    }
    return signed(arrays, card)


@tries
@given(data=lexicons())
def test_any_words_and_phrases_give_the_answers_of_the_definition(
    path: Path, data: bytes
) -> None:
    assert_refused_or_as_defined(path, data)


def test_phrases_without_a_meaning_are_refused(path: Path) -> None:
    arrays, card = parts(SMALL)
    for name in TABLE:
        del arrays[name]
    none = np.zeros(0, dtype=np.int32)
    arrays |= {"meaning_ends": none, "meaning_concepts": none}
    arrays["phrase_meanings"] = np.zeros_like(arrays["phrase_meanings"])
    path.write_bytes(signed(arrays, card))
    said = refusal(path)
    assert said is not None
    assert "stands for nothing" in said


@pytest.mark.parametrize("name", ["bias", "calibration"])
def test_number_that_no_training_gives_is_refused(path: Path, name: str) -> None:
    # The product of two such is an infinity, of which numpy warns.
    arrays, card = parts(SMALL)
    changed = arrays[name].copy()
    changed.flat[0] = -1e300
    path.write_bytes(signed(arrays | {name: changed}, card))
    said = refusal(path)
    assert said is not None
    assert "beyond 1e+100" in said


# ---- What would fill the memory, and what is no file ----

CHILD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
from dateline import ModelError, Predictor
def memory(what):  # of this program alone; that of getrusage() is inherited
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(what))
before = memory("VmRSS")
try:
    found = Predictor.load(sys.argv[1])
    for text in ("Oslo and Rome", "ΟΔΟΣ"):  # the other is for the definition
        found.predict(text)
    print("answered")
except ModelError as error:
    print(str(error)[:1500])
print(memory("VmHWM") - before)
"""


def in_a_child(path: Path, memory: int) -> tuple[str, int]:
    """What loading a file says and how many kB it takes, in a process of little memory.

    A process that takes a minute hangs.
    """
    if not Path("/proc/self/status").exists():
        pytest.skip("nothing here says how much memory is used")
    run = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", CHILD, str(path), str(memory)],
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        # Each thread of theirs has a stack.
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr
    said, _, used = run.stdout.rstrip().rpartition("\n")
    return said, int(used)


def bombs() -> dict[str, bytes]:
    """Small files that would be large."""
    arrays, card = parts(SMALL)
    without_table = {k: v for k, v in arrays.items() if k not in TABLE}
    many = 40_000_000
    lines = np.full(many, ord("\n"), dtype=np.uint8)
    # As much as is read: what is said then is that the one does not fit the other.
    lowest = [f"{number:x}" for number in range(PLAIN_INFLATED_BYTES // 7)]
    runs = runs_of_nothing(PLAIN_INFLATED_BYTES // 6)
    path = "/".join("a" * 200_000)
    long_id = json.loads(json.dumps(card))
    long_id["taxonomy"][0]["labels"][0]["id"] = path
    long_id["labels"]["land"][0] = path
    one = {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}
    lists = "[" + "[]," * (MAX_CARD_BYTES // 3 - 20) + "3]"
    named = '{"format_version": 4, "x": "%s"}' % ("x" * 10**8)
    return {
        "terms": signed(arrays | {"terms": lines}, card),
        "phrases": signed(without_table | {"phrases": lines}, card),
        **{
            name: signed(arrays | {name: np.zeros(many // 4, "i4")}, card)
            for name in DEFLATED
        },
        "short terms": signed(arrays | {"terms": text_of(lowest)}, card),
        "short phrases": signed(without_table | {"phrases": text_of(lowest)}, card),
        "runs": signed(arrays | runs, card),
        "chain of labels": signed(arrays, long_id),
        "card of lists": bytes_of(
            {"__metadata__": {"dateline": lists}, "x": one}, b"x"
        ),
        "card of 100 MB": bytes_of(
            {"__metadata__": {"dateline": named}, "x": one}, b"x"
        ),
    }


def test_bomb_is_refused_in_little_memory_and_time(path: Path) -> None:
    for name, data in bombs().items():
        path.write_bytes(data)
        said, used = in_a_child(path, 1_500_000_000)
        assert said.startswith(str(path)), name
        assert "more memory than there is" not in said, name
        assert used < 300_000, name
        if name == "card of 100 MB":  # not even read
            assert "its header would have" in said
            assert used < 10_000


def test_file_of_holes_is_refused(path: Path) -> None:
    # As long as it says, and nearly all of it nowhere on the disk.
    for size, why in ((2**42, "bytes, at most"), (2**31, "more memory than there is")):
        entry = {"dtype": "F16", "shape": [size // 2], "data_offsets": [0, size]}
        card = json.dumps({"format_version": 3})
        header = {"__metadata__": {"dateline": card}, "weights": entry}
        with path.open("wb") as file:
            file.write(bytes_of(header))
            file.truncate(file.tell() + size)
        said, _ = in_a_child(path, 1_500_000_000)
        path.unlink()
        assert why in said


pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")


@pipes
def test_what_is_no_file_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for name, why in [
            ("pipe", "is not a file"),
            ("link", "is not a file"),
            ("socket", "is not a file"),
            (".", "is not a file"),
            ("/dev/zero", "is not a file"),
            ("loop", "cannot be read"),
            ("dangling", "does not exist"),
            ("file/model", "cannot be read"),
            ("x" * 5000, "cannot be read"),
            ("a\0b", "cannot be read"),
        ]:
            said = refusal_of_name(tmp_path / name)
            assert why in said, name


def refusal_of_name(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        Model.load(path)
    return str(caught.value)


@pipes
def test_pipe_that_takes_the_place_of_a_file_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe, file = tmp_path / "pipe", tmp_path / "file"
    os.mkfifo(pipe)
    file.write_bytes(b"")
    stat = file.stat()
    monkeypatch.setattr("dateline.predict.tensors.os.stat", lambda path: stat)
    assert "is not a file" in refusal_of_name(pipe)


def test_file_that_may_not_be_read_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    path.write_bytes(SMALL.read_bytes())
    monkeypatch.setattr("dateline.predict.tensors.os.open", refuse)
    assert "cannot be read: Permission denied" in refusal_of_name(path)


# ---- What is written is read ----


@pytest.mark.parametrize(
    ("name", "most", "what"),
    [
        ("MAX_FILE_BYTES", 1000, "file"),
        ("MAX_CARD_BYTES", 1000, "card"),
        ("MAX_INFLATED_BYTES", 300, "terms"),
    ],
)
def test_model_that_would_not_be_read_is_not_written(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: int, what: str
) -> None:
    model = Model.load(SMALL)
    path.write_bytes(b"old")
    monkeypatch.setattr(f"dateline.predict.model_file.{name}", most)
    with pytest.raises(ModelError, match=f"the model's {what} would have"):
        model.save(path)
    assert path.read_bytes() == b"old"


def test_kept_model_has_every_array() -> None:
    # Which `parts` and what is made of it take for granted.
    arrays, _ = parts(SMALL)
    assert arrays.keys() == {*TEXTS, *NUMBERS, *INTEGERS} - {"weights"}
