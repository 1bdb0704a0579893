"""Models that were ever written are read, and answer as they did, for ever."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dateline.predict import FORMAT_VERSION, Article, Model, Predictor, counter

MODELS = Path(__file__).parent / "models"
# As `scripts/make_format_model.py` kept them; none of these files ever changes.
VERSIONS = range(1, FORMAT_VERSION + 1)


def kept(version: int) -> tuple[Path, list[dict[str, Any]]]:
    path = MODELS / f"format-{version}.safetensors"
    answers = json.loads(path.with_suffix(".json").read_text("utf-8"))["answers"]
    assert len(answers) == 10
    return path, answers


def card_of(path: Path) -> dict[str, Any]:
    raw = path.read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    card: dict[str, Any] = json.loads(header["__metadata__"]["dateline"])
    return card


@pytest.fixture(params=["as it is installed", "in Python"])
def any_scan(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    if request.param == "in Python":
        monkeypatch.setattr("dateline.predict.model.COMPILED", False)
        monkeypatch.setattr(counter, "COMPILED", False)
    yield


@pytest.mark.parametrize("version", VERSIONS)
def test_there_is_a_model_of_every_format(version: int) -> None:
    path, _ = kept(version)
    assert card_of(path)["format_version"] == version


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.usefixtures("any_scan")
def test_model_of_any_format_answers_as_it_did(version: int) -> None:
    path, answers = kept(version)
    predictor = Predictor.load(path)
    for answer in answers:
        article = Article(answer["text"], answer["title"])
        found = predictor.predict(article)
        given = {axis: [x.label for x in found[axis]] for axis in found.labels}
        assert given == answer["given"]
        assert found.scores.keys() == answer["scores"].keys()
        for axis, scores in answer["scores"].items():
            # The last digits of exp() and of a sum are the processor's.
            assert found.scores[axis] == pytest.approx(scores, abs=1e-12, rel=0)


@pytest.mark.parametrize("version", VERSIONS)
def test_model_of_any_format_is_saved_in_ours_and_answers_the_same(
    version: int, tmp_path: Path
) -> None:
    path, answers = kept(version)
    model = Model.load(path)
    saved = tmp_path / "saved.safetensors"
    model.save(saved)
    assert card_of(saved)["format_version"] == FORMAT_VERSION
    texts = [Article(answer["text"], answer["title"]) for answer in answers]
    before = list(Predictor(model).predict_many(texts))
    assert list(Predictor.load(saved).predict_many(texts)) == before


def test_model_of_this_format_is_written_as_it_was() -> None:
    path, _ = kept(FORMAT_VERSION)
    # Bytes of deflate and of the header are the libraries', what they hold is ours.
    saved, old = card_of(path), json.loads(json.dumps(card_of(path)))
    model = Model.load(path)
    data = model.to_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    again = json.loads(header["__metadata__"]["dateline"])
    for card in (again, old):
        del card["crc32"]
    assert again == old
    assert saved["crc32"]
