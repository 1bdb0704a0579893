"""Which labels look wrong."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from dateline.labels import Label, Lexicon, Sample, Taxonomy
from dateline.train.audit import Doubt, audit, shown, wrong_probability
from dateline.train.settings import TrainingError, TrainingSettings

SETTINGS = TrainingSettings(concept_weight=1.0)


@pytest.fixture(scope="module")
def spoilt(samples: list[Sample]) -> list[Sample]:
    """The samples with a wrong land on two of them."""
    assert samples[0].labels["land"] == ("north",)
    assert samples[40].labels["land"] == ("south",)
    found = list(samples)
    for i, wrong in ((0, "south"), (40, "east")):
        found[i] = replace(found[i], labels={**found[i].labels, "land": (wrong,)})
    return found


@pytest.fixture(scope="module")
def doubts(spoilt: list[Sample], taxonomy: Taxonomy, lexicon: Lexicon) -> list[Doubt]:
    return audit(spoilt, taxonomy=taxonomy, lexicon=lexicon, settings=SETTINGS)


def test_wrong_labels_are_the_first_doubts_of_their_axis(doubts: list[Doubt]) -> None:
    one, other = [doubt for doubt in doubts if doubt.axis == "land"][:2]
    assert {(d.id, d.given, d.predicted) for d in (one, other)} == {
        ("s0", ("south",), ("north",)),
        ("s40", ("east",), ("south",)),
    }


def test_likeliest_wrong_comes_first(doubts: list[Doubt]) -> None:
    scores = [doubt.score for doubt in doubts]
    assert scores == sorted(scores, reverse=True)
    assert 0.5 < scores[0] <= 1.0


def test_evidence_speaks_for_both_sides(doubts: list[Doubt]) -> None:
    doubt = next(doubt for doubt in doubts if doubt.id == "s0" and doubt.axis == "land")
    assert doubt.for_given is not None
    assert doubt.for_predicted is not None
    assert doubt.for_given.label == "south"
    assert doubt.for_predicted.label == "north"
    assert doubt.for_given.probability < doubt.for_predicted.probability
    # Sample s0 is of Oslo, which the lexicon knows to be of the north.
    assert "place:NO" in dict(doubt.for_predicted.terms)
    values = [value for _, value in doubt.for_predicted.terms]
    assert values == sorted(values, reverse=True)
    assert values[-1] > 0


def test_only_disagreement_is_a_doubt(doubts: list[Doubt]) -> None:
    assert all(set(doubt.given) != set(doubt.predicted) for doubt in doubts)


def test_number_of_jobs_makes_no_difference(
    spoilt: list[Sample], taxonomy: Taxonomy, lexicon: Lexicon
) -> None:
    land = Taxonomy((taxonomy["land"],))
    settings = replace(SETTINGS, folds=2)
    one, two = (
        audit(spoilt, taxonomy=land, lexicon=lexicon, settings=settings, jobs=jobs)
        for jobs in (1, 2)
    )
    assert one
    assert one == two


def test_copy_in_another_fold_does_not_hide_a_wrong_label(
    spoilt: list[Sample], taxonomy: Taxonomy, lexicon: Lexicon
) -> None:
    copy = replace(spoilt[0], id="copy")
    found = audit(
        [*spoilt, copy], taxonomy=taxonomy, lexicon=lexicon, settings=SETTINGS
    )
    land = [doubt.id for doubt in found if doubt.axis == "land"]
    assert set(land[:3]) == {"s0", "copy", "s40"}


def test_label_with_too_few_samples_is_not_judged(
    samples: list[Sample], taxonomy: Taxonomy, lexicon: Lexicon
) -> None:
    land = replace(taxonomy["land"], labels=(*taxonomy["land"], Label("west", "West")))
    more = Taxonomy((land,))
    rare = Sample("rare", "", "Shares fell in Oslo.", {"land": ("west",)})
    warnings: list[str] = []
    found = audit(
        [*samples, rare],
        taxonomy=more,
        lexicon=lexicon,
        settings=SETTINGS,
        warn=warnings.append,
    )
    assert "rare" not in {doubt.id for doubt in found}
    assert any("'west' has 1 samples" in warning for warning in warnings)


def test_helping_samples_are_learned_from_but_not_judged(
    spoilt: list[Sample], taxonomy: Taxonomy, lexicon: Lexicon
) -> None:
    helping = [replace(sample, id=f"h{sample.id}") for sample in spoilt[36:]]
    found = audit(
        spoilt[:36],
        helping=helping,
        taxonomy=taxonomy,
        lexicon=lexicon,
        settings=replace(SETTINGS, own_weight=1.0),
    )
    assert found[0].id == "s0"
    assert not any(doubt.id.startswith("h") for doubt in found)


def test_progress_counts_every_fit(
    samples: list[Sample], taxonomy: Taxonomy, lexicon: Lexicon
) -> None:
    seen: list[tuple[int, int]] = []
    audit(
        samples,
        taxonomy=Taxonomy((taxonomy["land"],)),
        lexicon=lexicon,
        settings=TrainingSettings(folds=2),
        progress=lambda done, total: seen.append((done, total)),
    )
    # Four weights of concepts on two folds each; then two.
    assert seen == [(n, 10) for n in range(1, 11)]


def test_no_samples_are_refused(taxonomy: Taxonomy, lexicon: Lexicon) -> None:
    with pytest.raises(TrainingError, match="no samples"):
        audit([], taxonomy=taxonomy, lexicon=lexicon)


def test_score_is_the_chance_that_a_given_or_a_missing_label_is_wrong() -> None:
    probabilities = np.array([[0.9, 0.2, 0.1], [0.3, 0.6, 0.1], [0.2, 0.4, 0.1]])
    given = np.array([[1, 0, 0], [1, 1, 1], [0, 0, 0]], dtype=bool)
    score, least, likeliest = wrong_probability(probabilities, given)
    # 1 - .9 * (1 - .2); all given, so 1 - .1; none given, so the chance of .4.
    assert score == pytest.approx([0.28, 0.9, 0.4])
    assert least.tolist() == [0, 2, -1]
    assert likeliest.tolist() == [1, -1, 1]


def test_doubts_are_shown_and_are_plain_json(doubts: list[Doubt]) -> None:
    row = json.loads(json.dumps(doubts[0].to_json()))
    assert row.keys() == {"id", "axis", "given", "predicted", "score", "evidence"}
    assert row["evidence"]["given"].keys() == {"label", "probability", "terms"}
    lines = shown(doubts[:1]).splitlines()
    assert len(lines) == 3
    assert doubts[0].id in lines[0]
    assert f"given {doubts[0].given[0]}; predicted" in lines[0]
    none = replace(doubts[0], given=(), for_given=None, predicted=())
    assert "given none; predicted none" in shown([none])
