"""The predictor that other programs embed."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from dateline import Article, Prediction, Predictor
from dateline.predict import Model

TEXT = "Shares fell in Oslo after the bank raised interest rates."


@pytest.fixture(scope="module")
def predictor(model: Model) -> Predictor:
    return Predictor(model)


def test_labels_are_given_best_first_with_plain_floats(predictor: Predictor) -> None:
    prediction = predictor.predict(TEXT)
    assert prediction["land"][0].label == "north"
    assert prediction["land"][0].name == "The North"
    assert prediction["land"][0].code == "N"
    assert type(prediction["land"][0].score) is float
    for axis, given in prediction.labels.items():
        scores = [scored.score for scored in given]
        assert scores == sorted(scores, reverse=True)
        assert all(prediction.scores[axis][s.label] == s.score for s in given)
    assert set(prediction.scores["land"]) == {"north", "south", "east"}


def test_shorthands_are_empty_on_another_taxonomy(predictor: Predictor) -> None:
    prediction = predictor.predict(TEXT)
    assert prediction.regions == prediction.topics == ()
    with pytest.raises(KeyError):
        prediction["regions"]


@pytest.mark.parametrize("text", ["", " \n", "qqq zzz", "?!", "\ud800", "\x00"])
def test_text_without_a_known_term_gets_no_label(
    predictor: Predictor, text: str
) -> None:
    prediction = predictor.predict(text)
    assert all(given == () for given in prediction.labels.values())
    assert all(p == 0.0 for s in prediction.scores.values() for p in s.values())
    assert predictor.explain(text) == ()


def test_title_counts(predictor: Predictor) -> None:
    assert predictor.predict("", title="Japan")["land"][0].label == "east"


def test_unseen_town_of_the_lexicon_is_known(predictor: Predictor) -> None:
    assert predictor.predict("A marathon through Bergen")["land"][0].label == "north"


def test_threshold_of_ones_own_replaces_those_of_the_labels(model: Model) -> None:
    assert len(Predictor(model, threshold=0).predict(TEXT)["land"]) == 3
    assert Predictor(model, threshold=1).predict(TEXT)["land"] == ()
    with pytest.raises(ValueError, match=r"threshold is 1\.5"):
        Predictor(model, threshold=1.5)


def test_many_keep_their_order_and_ids(predictor: Predictor) -> None:
    articles: list[str | Article] = [
        Article(TEXT, id="a"),
        "",
        Article("A home run in Tokyo", id="c"),
    ]
    predictions = list(predictor.predict_many(iter(articles)))
    assert [p.id for p in predictions] == ["a", "", "c"]
    assert predictions[0] == predictor.predict(Article(TEXT, id="a"))


def test_many_answers_a_stream_as_it_comes(predictor: Predictor) -> None:
    def endless() -> Iterator[str]:
        while True:
            yield TEXT

    stream = predictor.predict_many(endless())
    assert isinstance(next(stream), Prediction)


def test_wrong_types_are_refused_by_name(predictor: Predictor) -> None:
    with pytest.raises(TypeError, match="found one str"):
        predictor.predict_many(TEXT)
    with pytest.raises(TypeError, match="found bytes"):
        predictor.predict(b"text")  # type: ignore[arg-type]


def test_explanation_adds_up_to_the_score(predictor: Predictor) -> None:
    explanations = predictor.explain(TEXT, title="Norway")
    assert [(e.axis, e.label) for e in explanations] == [
        ("land", "north"),
        ("desk", "money"),
    ]
    prediction = predictor.predict(TEXT, title="Norway")
    for e in explanations:
        total = e.bias + sum(evidence.contribution for evidence in e.evidence)
        assert total == pytest.approx(e.decision)
        probability = 1 / (1 + math.exp(-(e.slope * e.decision + e.offset)))
        assert probability == pytest.approx(e.score)
        assert e.score == pytest.approx(prediction.scores[e.axis][e.label])


def test_evidence_points_at_its_words(predictor: Predictor) -> None:
    land = predictor.explain(TEXT, title="Norway")[0]
    places = next(e for e in land.evidence if e.term == "place:NO")
    assert [(s.field, s.start, s.end) for s in places.spans] == [
        ("title", 0, 6),
        ("text", 15, 19),
    ]
    assert land.evidence[0].contribution > 0


def test_axis_without_a_given_label_explains_the_likeliest(model: Model) -> None:
    explanations = Predictor(model, threshold=1).explain(TEXT)
    assert [(e.axis, e.label) for e in explanations] == [
        ("land", "north"),
        ("desk", "money"),
    ]


def test_threads_share_a_predictor(predictor: Predictor) -> None:
    expected = predictor.predict(TEXT)
    wrong: list[Prediction] = []

    def work() -> None:
        for _ in range(200):
            if (found := predictor.predict(TEXT)) != expected:
                wrong.append(found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_embedding_costs_numpy_alone() -> None:
    code = (
        "import sys; from dateline import Predictor; import dateline.predict; "
        "heavy = {'sklearn', 'scipy', 'joblib', 'click', 'tqdm', 'dateline.train'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_importing_the_package_costs_nothing() -> None:
    code = "import sys, dateline; print('numpy' in sys.modules, dateline.__version__)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.startswith("False ")


def test_repr_says_what_the_model_knows(predictor: Predictor) -> None:
    assert repr(predictor).startswith("<Predictor: 3 land, 2 desk; ")
