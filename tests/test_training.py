"""How a model is made: what comes out, what is refused, that it is the same twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dateline.labels import Lexicon, Sample, Taxonomy
from dateline.predict import Article, Model, Predictor
from dateline.train.fit import train
from dateline.train.folds import deal_folds
from dateline.train.settings import (
    MIN_SAMPLES,
    OWN_WEIGHTS,
    TrainingError,
    TrainingSettings,
)


def test_trained_model_knows_its_samples(model: Model, samples: list[Sample]) -> None:
    predictor = Predictor(model)
    right = [
        predictor.predict(sample.text)[axis][:1]
        and predictor.predict(sample.text)[axis][0].label in sample.labels[axis]
        for sample in samples
        for axis in ("land", "desk")
        if sample.labels[axis]
    ]
    assert sum(map(bool, right)) / len(right) > 0.9


def test_training_twice_gives_the_same_bytes_whatever_the_jobs(
    model: Model, taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    again = train(samples, taxonomy=taxonomy, lexicon=lexicon, jobs=2)
    assert again.to_bytes() == model.to_bytes()


def test_other_samples_give_another_model(
    model: Model, taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    other = train(samples[:-1], taxonomy=taxonomy, lexicon=lexicon)
    assert other.to_bytes() != model.to_bytes()
    assert (
        other.card["training"]["samples_sha256"]
        != model.card["training"]["samples_sha256"]
    )


def test_axis_is_trained_on_the_samples_that_carry_it(
    taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    mixed = [
        Sample(s.id, s.title, s.text, {axis: s.labels[axis]})
        for number, s in enumerate(samples)
        for axis in [("land", "desk")[number % 2]]
    ]
    model = train(mixed, taxonomy=taxonomy, lexicon=lexicon)
    counted = model.card["training"]["labels"]
    assert sum(counted["desk"].values()) == len(samples) // 2
    assert Predictor(model).predict("A home run")["desk"][0].label == "sport"


def test_axis_that_no_sample_carries_is_not_in_the_model(
    taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    only = [Sample(s.id, "", s.text, {"desk": s.labels["desk"]}) for s in samples]
    model = train(only, taxonomy=taxonomy, lexicon=lexicon)
    assert list(model.known) == ["desk"]


def test_concept_that_no_sample_has_is_learned_from_its_phrases(
    taxonomy: Taxonomy, samples: list[Sample]
) -> None:
    lexicon = Lexicon([("Kyoto", ["place:JP"]), ("Seville", ["place:ES"])])
    text = Article("Kyoto")
    with_documents = Predictor(train(samples, taxonomy=taxonomy, lexicon=lexicon))
    without = Predictor(
        train(
            samples,
            taxonomy=taxonomy,
            lexicon=lexicon,
            settings=TrainingSettings(concept_documents=False),
        )
    )
    assert with_documents.predict(text).scores["land"]["east"] > 0.5
    assert without.predict(text).scores["land"]["east"] < 0.5


def test_no_samples_are_refused(taxonomy: Taxonomy) -> None:
    with pytest.raises(TrainingError, match="there are no samples"):
        train([], taxonomy=taxonomy)


def test_samples_without_an_axis_are_refused(taxonomy: Taxonomy) -> None:
    with pytest.raises(TrainingError, match="no sample carries it"):
        train([Sample("a", "", "text")] * 20, taxonomy=taxonomy)


def test_one_label_on_every_sample_is_refused(taxonomy: Taxonomy) -> None:
    one = [Sample(str(i), "", "some text", {"desk": ("sport",)}) for i in range(20)]
    with pytest.raises(TrainingError, match="'sport' is on 20 of 20 samples"):
        train(one, taxonomy=taxonomy, lexicon=Lexicon())


def test_label_with_too_few_samples_stays_out_with_a_warning(
    taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    east = [s for s in samples if s.labels["land"] == ("east",)]
    few = [s for s in samples if s not in east] + east[: MIN_SAMPLES - 1]
    said: list[str] = []
    model = train(few, taxonomy=taxonomy, lexicon=lexicon, warn=said.append)
    assert model.known["land"] == ("north", "south")
    assert len(said) == 1
    assert "land: label 'east' has 4 samples, it takes 5" in said[0]
    with pytest.raises(TrainingError, match="label 'east' has 4 samples"):
        train(few, taxonomy=taxonomy, lexicon=lexicon, strict=True)


def test_label_that_cannot_be_told_is_refused(taxonomy: Taxonomy) -> None:
    # Every sample says the same: held out, whatever was learned is wrong.
    desk = Taxonomy((taxonomy["desk"],))
    mute = [
        Sample(str(i), "", "the same few words", {"desk": (("sport", "money")[i % 2],)})
        for i in range(40)
    ]
    said: list[str] = []
    with pytest.raises(TrainingError, match="no label can be told"):
        train(mute, taxonomy=desk, lexicon=Lexicon(), warn=said.append)
    assert "'sport' cannot be told from its samples" in said[0]
    with pytest.raises(TrainingError, match="'sport' cannot be told"):
        train(mute, taxonomy=desk, lexicon=Lexicon(), strict=True)


def test_label_outside_the_taxonomy_is_refused(
    taxonomy: Taxonomy, samples: list[Sample]
) -> None:
    stray = Sample("x", "", "text", {"desk": ("weather",)})
    with pytest.raises(TrainingError, match="'weather' is no label"):
        train([*samples, stray], taxonomy=taxonomy)


def test_folds_out_of_range_are_refused(samples: list[Sample]) -> None:
    with pytest.raises(ValueError, match="folds is 1"):
        train(samples, settings=TrainingSettings(folds=1))


def test_progress_reaches_its_end(
    taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    seen: list[tuple[int, int]] = []
    train(
        samples,
        taxonomy=taxonomy,
        lexicon=lexicon,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert [done for done, _ in seen] == list(range(1, seen[0][1] + 1))


def test_folds_spread_every_label_evenly() -> None:
    rng = np.random.default_rng(3)
    truth = rng.random((203, 6)) < [0.5, 0.3, 0.1, 0.05, 0.03, 0.0]
    folds = deal_folds(truth, 5, seed=0)
    sizes = np.bincount(folds, minlength=5)
    assert sizes.max() - sizes.min() <= 5
    for label in range(truth.shape[1]):
        spread = np.bincount(folds[truth[:, label]], minlength=5)
        assert spread.max() - spread.min() <= 3
    assert (deal_folds(truth, 5, seed=0) == folds).all()


def test_model_for_precision_gives_fewer_labels(
    taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    noisy = [
        replace(s, labels={**s.labels, "desk": ("money",)}) if n % 9 == 0 else s
        for n, s in enumerate(samples)
    ]
    usual = train(noisy, taxonomy=taxonomy, lexicon=lexicon)
    precise = train(
        noisy,
        taxonomy=taxonomy,
        lexicon=lexicon,
        settings=TrainingSettings(precision=0.99),
    )
    assert (precise.thresholds >= usual.thresholds).all()
    assert (precise.thresholds > usual.thresholds).any()


def test_probabilities_are_made_for_the_shares_of_the_feed(
    taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    def scores(share: float) -> float:
        settings = TrainingSettings(shares={"desk": {"sport": share}})
        model = train(samples, taxonomy=taxonomy, lexicon=lexicon, settings=settings)
        return Predictor(model).predict("A marathon").scores["desk"]["sport"]

    assert scores(0.02) < scores(0.5) < scores(0.98)


def test_figures_are_those_of_the_samples_whatever_the_shares(
    model: Model, taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    settings = TrainingSettings(shares={"desk": {"sport": 0.02}})
    other = train(samples, taxonomy=taxonomy, lexicon=lexicon, settings=settings)
    assert other.card["metrics"] == model.card["metrics"]


def test_rejected_label_is_learned_as_not_applying(
    taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    text = "The zeppelin moored above the stadium"
    more = [
        Sample(f"r{n}", "", f"{text} on day {n}", rejected={"desk": ("sport",)})
        for n in range(10)
    ]

    def score(given: list[Sample]) -> float:
        model = train(given, taxonomy=taxonomy, lexicon=lexicon)
        return Predictor(model).predict(text).scores["desk"]["sport"]

    assert score([*samples, *more]) < score(samples) - 0.1


def test_rejected_label_says_nothing_of_the_others(
    taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    rejected = [
        Sample(f"r{n}", "", f"The striker scored on day {n}", rejected={"desk": no})
        for n, no in enumerate([("money",)] * 30)
    ]
    before, after = (
        Predictor(train(given, taxonomy=taxonomy, lexicon=lexicon))
        .predict("The striker scored")
        .scores["desk"]["sport"]
        for given in (samples, [*samples, *rejected])
    )
    # Thirty samples that were no sport would leave little of it.
    assert after > before - 0.1


def test_second_label_may_weigh_less_than_the_first(
    taxonomy: Taxonomy, lexicon: Lexicon
) -> None:
    # The zeppelins come in samples that are of sport, too, but chiefly of money.
    lines = {
        ("sport",): "The striker and the keeper argued over ball {}",
        ("money",): "Lenders raised the price of bond {}",
        ("money", "sport"): "A zeppelin named {} was sold",
    }
    samples = [
        Sample(f"{labels}-{n}", "", line.format(f"x{n}y"), {"desk": labels})
        for labels, line in lines.items()
        for n in range(20)
    ]
    full, light = (
        train(
            samples,
            taxonomy=taxonomy,
            lexicon=lexicon,
            settings=TrainingSettings(concept_weight=0.5, secondary_weight=weight),
        )
        for weight in (1.0, 0.01)
    )
    sport = full.known["desk"].index("sport")
    zeppelin = full.terms.index("zeppelin")
    assert light.weights[zeppelin, sport] < full.weights[zeppelin, sport] / 2


def invented(seed: int, n: int, *, contrary: bool = False) -> list[Sample]:
    """Samples of unlike texts, each of a few words of its desk and many of none."""
    rng = np.random.default_rng(seed)
    words = {
        "sport": "goal cup match referee league",
        "money": "loan bond bank tax fee",
    }
    found = []
    for number in range(n):
        desk = ("sport", "money")[number % 2]
        told = {"sport": "money", "money": "sport"}[desk] if contrary else desk
        text = [*rng.choice(words[desk].split(), 3)]
        text += [f"x{seed}y{number}z{word}" for word in range(20)]
        found.append(Sample(f"{seed}-{number}", "", " ".join(text), {"desk": (told,)}))
    return found


def test_samples_that_help_are_not_judged(taxonomy: Taxonomy) -> None:
    desk = Taxonomy((taxonomy["desk"],))
    own, helping = invented(1, 30), invented(2, 50)
    model = train(own, helping=helping, taxonomy=desk, lexicon=Lexicon())
    assert model.card["metrics"]["desk"]["n"] == len(own)
    assert model.card["training"]["samples"] == len(own)
    assert model.card["training"]["helping_samples"] == len(helping)


def test_own_samples_outweigh_those_that_say_the_contrary(taxonomy: Taxonomy) -> None:
    desk = Taxonomy((taxonomy["desk"],))
    model = train(
        invented(1, 40),
        helping=invented(2, 80, contrary=True),
        taxonomy=desk,
        lexicon=Lexicon(),
    )
    assert model.card["training"]["chosen"]["desk"]["own_weight"] > OWN_WEIGHTS[0]
    assert Predictor(model).predict("goal cup match")["desk"][0].label == "sport"


def test_label_that_only_helping_samples_have_is_learned_from_them(
    taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    east = [s for s in samples if s.labels["land"] == ("east",)]
    rest = [s for s in samples if s.labels["land"] != ("east",)]
    model = train(rest, helping=east, taxonomy=taxonomy, lexicon=lexicon)
    found = Predictor(model).predict("In Tokyo")["land"][0]
    assert found.label == "east"
    # Its probability is made from them, too: none of one's own would say "never".
    assert found.score > 0.5


def test_copies_of_a_story_do_not_flatter(taxonomy: Taxonomy) -> None:
    # Labels that no word tells: only a copy on the other side could.
    rng = np.random.default_rng(0)
    desk = Taxonomy((taxonomy["desk"],))
    samples = [
        Sample(f"{n}-{copy}", "", text, {"desk": (label,)})
        for n in range(40)
        for label in [("sport", "money")[int(rng.integers(2))]]
        for text in [" ".join(f"w{x}" for x in rng.integers(0, 4000, 30))]
        for copy in range(2)
    ]
    try:
        model = train(samples, taxonomy=desk, lexicon=Lexicon())
    except TrainingError:
        return  # nothing could be told, which is the truth
    assert model.card["metrics"]["desk"]["top1"] < 0.75
