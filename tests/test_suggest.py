"""What to label next."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from dateline.labels import Label, Lexicon, Sample, Taxonomy
from dateline.predict import Article, Model, Predictor
from dateline.train import suggest as module
from dateline.train.fit import train
from dateline.train.settings import TrainingSettings
from dateline.train.suggest import SuggestError, shown, suggest

SURE = "The striker scored twice and the keeper saved a penalty in Oslo."


@pytest.fixture(scope="module")
def predictor(model: Model) -> Predictor:
    return Predictor(model)


def articles(*texts: str) -> list[Article]:
    return [Article(text, id=f"a{n}") for n, text in enumerate(texts)]


POOL = articles(
    "A striker in Oslo bought shares of the bank before the match in Rome.",
    "The choir of the harbour sang of herring and rain until it was dark.",
    "Interest rates and a penalty were the talk of Tokyo and of Madrid.",
    "Supporters cheered a home run in Osaka while prices rose in Seville.",
    "Mushrooms were picked by two brothers behind the old mill at dawn.",
    "A lender of Stockholm paid for the marathon that Italy never won.",
)


def test_unsure_article_comes_before_a_sure_one(predictor: Predictor) -> None:
    pool = articles(SURE, POOL[2].text)
    scores = [predictor.predict(article).scores["desk"]["sport"] for article in pool]
    assert abs(scores[0] - 0.5) > abs(scores[1] - 0.5)
    (first,) = suggest(pool, 1, predictor=predictor, axes=["desk"])
    assert (first.position, first.id) == (1, "a1")
    assert {reason.axis for reason in first.unsure} == {"desk"}


def test_near_duplicate_of_a_suggestion_is_not_suggested(predictor: Predictor) -> None:
    text = POOL[0].text
    pool = articles(text, text.replace("before", "after"), text.upper(), POOL[1].text)
    found = {one.id for one in suggest(pool, 4, predictor=predictor)}
    assert len(found & {"a0", "a1", "a2"}) == 1
    assert "a3" in found


def test_what_is_labelled_is_not_suggested(predictor: Predictor) -> None:
    labelled = [
        Sample("other", "", POOL[0].text.replace("before", "after"), {"desk": ()}),
        Sample("a2", "", "The text of this one was changed since.", {"desk": ()}),
    ]
    found = suggest(POOL, 99, predictor=predictor, labelled=labelled)
    assert {one.id for one in found} == {"a1", "a3", "a4", "a5"}


def picked(
    chances: list[list[float]], alike: list[list[float]], has: list[float]
) -> list[int]:
    """Positions in the order in which articles are picked."""
    array = np.array(chances)
    found = module._pick(
        n=len(chances),
        chances=array,
        worth=array,
        has=has,
        unit=csr_matrix(np.array(alike)),
        nearest=np.zeros(len(chances)),
        free=np.ones(len(chances), dtype=bool),
        alike={},
    )
    return [position for position, _ in found]


def test_unlike_articles_come_first() -> None:
    unit = [[1.0, 0.0], [0.9, 0.435], [0.0, 1.0]]
    assert picked([[0.5], [0.45], [0.2]], unit, [100.0]) == [0, 2, 1]
    unit = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    assert picked([[0.5], [0.45], [0.2]], unit, [100.0]) == [0, 1, 2]


def test_label_that_was_served_waits_for_the_others() -> None:
    unit = np.eye(3).tolist()
    chances = [[0.5, 0.0], [0.5, 0.0], [0.0, 0.45]]
    assert picked(chances, unit, [0.0, 0.0]) == [0, 2, 1]
    assert picked(chances, unit, [100.0, 100.0]) == [0, 1, 2]


def test_label_that_lacks_samples_is_served_first(predictor: Predictor) -> None:
    pool = articles(
        "A teacher of Norway met a teacher of Spain.",
        "A teacher of Norway met a teacher of Japan.",
    )

    def first(common: str) -> str:
        plenty = [
            Sample(f"l{n}", "", f"w{n} x{n} y{n} z{n}", {"land": (common, "north")})
            for n in range(400)
        ]
        (one,) = suggest(pool, 1, predictor=predictor, labelled=plenty, axes=["land"])
        return one.id

    assert (first("east"), first("south")) == ("a0", "a1")


@pytest.fixture(scope="module")
def westless(samples: list[Sample], taxonomy: Taxonomy, lexicon: Lexicon) -> Predictor:
    """A model that has seen no sample of one of its labels."""
    land = replace(
        taxonomy["land"],
        labels=(*taxonomy["land"], Label("west", "The West", countries=("PT",))),
    )
    model = train(
        samples,
        taxonomy=Taxonomy((land,)),
        lexicon=lexicon | Lexicon([("Lisbon", ["place:PT"])]),
        settings=TrainingSettings(folds=2),
    )
    assert "west" not in model.known["land"]
    return Predictor(model)


def test_lexicon_finds_articles_of_labels_that_the_model_does_not_know(
    westless: Predictor,
) -> None:
    pool = articles(SURE, "Nobody won a prize in Lisbon.", POOL[4].text)
    (first,) = suggest(pool, 1, predictor=westless)
    assert first.id == "a1"
    assert first.unsure[0].label == "west"


def test_label_is_sought_less_where_its_concepts_did_not_make_it(
    westless: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "UNSURE_LABELS", 4)  # all of them are told

    def chance(labels: tuple[str, ...]) -> float:
        labelled = [
            Sample(f"l{n}", "", f"Lisbon w{n} x{n} y{n} z{n}", {"land": labels})
            for n in range(8)
        ]
        pool = articles("Nobody won a prize in Lisbon.")
        (one,) = suggest(pool, 1, predictor=westless, labelled=labelled)
        return {x.label: x.probability for x in one.unsure}["west"]

    assert chance(()) < 0.2
    assert chance(("west",)) > 0.5


def test_first_few_are_the_few_that_would_be_chosen(predictor: Predictor) -> None:
    many = suggest(POOL, 5, predictor=predictor)
    assert suggest(POOL, 2, predictor=predictor) == many[:2]
    assert len({one.position for one in many}) == 5


def test_part_of_a_large_pool_is_looked_at(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POOL", 4)
    read: list[tuple[int, int]] = []
    found = suggest(
        POOL, 9, predictor=predictor, progress=lambda *done: read.append(done)
    )
    assert read == [(n, 4) for n in range(1, 5)]
    assert len(found) == 4
    assert all(POOL[one.position].id == one.id for one in found)
    assert suggest(POOL, 9, predictor=predictor) == found


def test_article_without_a_known_term_can_be_in_the_pool(predictor: Predictor) -> None:
    found = suggest([Article(""), Article("qqq"), *POOL[:1]], 3, predictor=predictor)
    assert [one.position for one in found] == [2, 0, 1]
    assert found[1].unsure == ()


def test_probabilities_are_those_of_the_predictor(predictor: Predictor) -> None:
    for one in suggest(POOL, 6, predictor=predictor):
        scores = predictor.predict(POOL[one.position]).scores
        for reason in one.unsure:
            assert np.isclose(reason.probability, scores[reason.axis][reason.label])


def test_nothing_to_choose_is_refused(predictor: Predictor) -> None:
    with pytest.raises(SuggestError, match="no articles to choose from"):
        suggest([], 3, predictor=predictor)
    with pytest.raises(SuggestError, match="no axis 'colour'; it has land, desk"):
        suggest(POOL, 3, predictor=predictor, axes=["colour"])
    with pytest.raises(ValueError, match="n is 0"):
        suggest(POOL, 0, predictor=predictor)


def test_suggestions_are_shown_and_are_plain_json(predictor: Predictor) -> None:
    (one,) = suggest(POOL, 1, predictor=predictor)
    row = json.loads(json.dumps(one.to_json()))
    assert row.keys() == {"id", "position", "unsure"}
    assert row["unsure"][0].keys() == {"axis", "label", "probability"}
    assert shown([one]).startswith(f"{one.id}  {one.unsure[0].axis}: ")
