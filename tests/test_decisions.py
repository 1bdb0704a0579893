"""Which labels are given: thresholds, single labels, labels above others."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given as given_by
from hypothesis import strategies as st

from dateline.labels import Axis, Label, Sample, SampleError, Taxonomy
from dateline.labels.samples import axis_labels
from dateline.predict import Article, Predictor
from dateline.predict.decisions import DecisionRule
from dateline.predict.model import Model
from dateline.predict.phrases import PhraseTable
from dateline.predict.terms import TermSettings
from dateline.train.fit import train

IDS = ("money", "money/markets", "money/markets/bonds", "sport")


def rule(*, single_label: bool = False, ids: tuple[str, ...] = IDS) -> DecisionRule:
    axis = Axis("desk", "Desk", tuple(Label(id, id) for id in IDS), single_label)
    return DecisionRule(axis, ids)


def given(rule: DecisionRule, scores: list[float]) -> list[bool]:
    raised = rule.raised(np.array([scores]))
    found: list[bool] = rule.given(raised, np.full(len(scores), 0.5))[0].tolist()
    return found


def test_labels_are_given_from_their_threshold_on() -> None:
    assert given(rule(), [0.5, 0.4, 0.0, 0.9]) == [True, False, False, True]


def test_probability_of_nothing_gives_nothing_whatever_the_threshold() -> None:
    zeros = np.zeros((1, 4))
    assert not rule().given(zeros, np.zeros(4)).any()


def test_probabilities_climb_to_the_labels_above() -> None:
    raised = rule().raised(np.array([[0.1, 0.2, 0.8, 0.3]]))
    assert raised.tolist() == [[0.8, 0.8, 0.8, 0.3]]


def test_labels_above_a_given_one_are_given_with_it() -> None:
    found = rule().given(
        rule().raised(np.array([[0.1, 0.1, 0.6, 0.1]])), np.array([0.9, 0.9, 0.5, 0.5])
    )
    assert found.tolist() == [[True, True, True, False]]


def test_single_label_axis_gives_the_likeliest_leaf_and_what_is_above() -> None:
    both = [0.6, 0.6, 0.6, 0.9]
    assert given(rule(), both) == [True, True, True, True]
    assert given(rule(single_label=True), both) == [False, False, False, True]
    assert given(rule(single_label=True), [0.2, 0.3, 0.8, 0.7]) == [
        True,
        True,
        True,
        False,
    ]
    assert not any(given(rule(single_label=True), [0.1, 0.1, 0.1, 0.4]))


def test_rule_for_some_labels_only_knows_their_order() -> None:
    some = rule(ids=("sport", "money/markets/bonds", "money"))
    raised = some.raised(np.array([[0.1, 0.7, 0.2]]))
    assert raised.tolist() == [[0.1, 0.7, 0.7]]


def test_sample_carries_the_labels_above_its_own() -> None:
    axis = Axis("desk", "Desk", tuple(Label(id, id) for id in IDS))
    assert axis_labels(axis, ["money/markets/bonds", "sport"]) == (
        "money/markets/bonds",
        "money/markets",
        "money",
        "sport",
    )


def test_two_labels_on_a_single_label_axis_are_refused() -> None:
    axis = Axis("desk", "Desk", tuple(Label(id, id) for id in IDS), single_label=True)
    assert axis_labels(axis, ["money/markets"]) == ("money/markets", "money")
    with pytest.raises(SampleError, match="expected one label"):
        axis_labels(axis, ["money", "sport"])


def test_axis_says_single_label_in_its_file_and_in_a_model_card() -> None:
    axis = Axis("desk", "Desk", (Label("a", "a"),), single_label=True)
    again = Taxonomy.from_json(Taxonomy((axis,)).to_json())
    assert again["desk"].single_label


def test_hierarchy_is_trained_and_predicted() -> None:
    axis = Axis("desk", "Desk", tuple(Label(id, id) for id in IDS))
    words = {
        "money/markets/bonds": "gilts coupon yield auction",
        "money": "budget tax levy rebate",
        "sport": "goal penalty striker keeper",
    }
    samples = [
        Sample(
            f"{label}{n}",
            "",
            f"{' '.join(text.split()[n % 2 : n % 2 + 3])} number{n} day{n * 7}",
            {"desk": axis_labels(axis, [label])},
        )
        for label, text in words.items()
        for n in range(12)
    ]
    predictor = Predictor(train(samples, taxonomy=Taxonomy((axis,))))
    found = predictor.predict("The auction of gilts and their yield")
    labels = [scored.label for scored in found["desk"]]
    assert set(labels) == {"money", "money/markets", "money/markets/bonds"}
    scores = found.scores["desk"]
    assert scores["money"] >= scores["money/markets"] >= scores["money/markets/bonds"]
    for why in predictor.explain("The auction of gilts and their yield"):
        # An explanation gives the label's own probability, not a raised one.
        own = 1 / (1 + math.exp(-(why.slope * why.decision + why.offset)))
        assert why.score == pytest.approx(own)
        assert why.score <= scores[why.label] + 1e-9


SHARE = st.sampled_from([0.0, 0.1, 0.5, 1.0]) | st.floats(0, 1)
SCORE = st.sampled_from([-6e4, -2.0, 0.0, 0.5, 6e4]) | st.floats(-60, 60, width=16)


@st.composite
def models(draw: st.DrawFn) -> Model:
    """Two axes, and words whose rows of weights are an article's scores."""
    known, axes = {}, []
    for name in ("desk", "mood"):
        labels = tuple(Label(id, id.title(), f"{n}") for n, id in enumerate(IDS))
        axes.append(Axis(name, name, labels, draw(st.booleans())))
        known[name] = tuple(
            draw(st.lists(st.sampled_from(IDS), min_size=1, unique=True))
        )
    n = sum(map(len, known.values()))
    rows = draw(st.lists(st.lists(SCORE, min_size=n, max_size=n), max_size=4))
    calibration = st.lists(st.tuples(st.floats(-3, 3), SCORE), min_size=n, max_size=n)
    return Model(
        terms=tuple(f"w{number}" for number in range(len(rows))),
        blocks={"words": len(rows)},
        idf=np.ones(len(rows), dtype=np.float32),
        weights=np.array(rows, dtype=np.float32).reshape(-1, n),
        bias=np.zeros(n),
        calibration=np.array(draw(calibration)),
        thresholds=np.array(draw(st.lists(SHARE, min_size=n, max_size=n))),
        phrases=PhraseTable.of({}),
        taxonomy=Taxonomy(tuple(axes)),
        known=known,
        settings=TermSettings(),
        card={},
    )


@given_by(model=models(), threshold=st.none() | SHARE)
def test_compiled_answers_are_the_definitions_to_the_last_bit(
    model: Model, threshold: float | None
) -> None:
    predictor = Predictor(model, threshold=threshold)
    if predictor._counter.scan is None:
        pytest.skip("no compiled scan here: it was installed without a compiler")
    # Of one term each: the definition adds several up in another order.
    articles: list[str | Article] = [
        "",
        "zz",
        *model.terms,
        *(Article("", t, "7") for t in model.terms),
    ]
    for article, found in zip(articles, predictor.predict_many(articles), strict=True):
        expected = predictor._by_definition(article)
        assert found == expected
        assert [*found.labels] == [*found.scores] == [*model.known]
