"""The model inside the package is what training on the bundled samples makes."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

import dateline.predict
from dateline import Prediction, Predictor
from dateline.labels import Taxonomy, bundled_samples
from dateline.train.evaluate import evaluate
from dateline.train.fit import train
from dateline.train.settings import BUNDLED

# A page of text: one line an article, none of them among the samples.
PAGE = """\
A bus carrying wedding guests overturned near Multan on Friday, killing eleven people.
The central bank in Lima left its reference rate at 6.25 percent for a third month.
Knead the dough for ten minutes, let it rise under a cloth, and bake until golden.
Fighters seized two villages in the north of Burkina Faso after an ambush on a convoy.
Astronomers have weighed a galaxy so faint that its stars could be counted by hand.
Auckland's mayor said the ferry fares would not rise before the council election.
The union of Danish dockers called off its strike after employers raised the night rate.
A cyclone warning is in force for Vanuatu, with gusts of 140 km/h expected by dawn.
The striker's late penalty took the Algerian side into the semi-finals.
Prosecutors in Ghent asked for twelve years in the trial of a man who sold fake art.
"""


@pytest.fixture(scope="module")
def shipped() -> Predictor:
    return Predictor.load()


def test_file_is_small() -> None:
    path = Path(str(files(dateline.predict) / "default.safetensors"))
    assert path.stat().st_size <= 5_000_000


def test_retraining_gives_the_same_model(shipped: Predictor) -> None:
    again = Predictor(train(bundled_samples(), settings=BUNDLED, jobs=-1))
    for key in ("samples_sha256", "lexicon_sha256", "settings", "labels"):
        assert again.model.card["training"][key] == shipped.model.card["training"][key]
    assert [*again.model.terms] == [*shipped.model.terms]
    for line in PAGE.splitlines():
        expected = shipped.predict(line).scores
        found = again.predict(line).scores
        for axis, scores in expected.items():
            # Other versions of the libraries may round otherwise.
            assert found[axis] == pytest.approx(scores, abs=0.02), line


def test_every_label_of_the_taxonomy_is_known(shipped: Predictor) -> None:
    taxonomy = Taxonomy.bundled()
    assert shipped.model.known == {axis.id: axis.ids for axis in taxonomy}


@pytest.mark.parametrize(
    ("text", "regions", "topics"),
    [
        (
            "Kenyan police officers were killed in Port-au-Prince by gang members.",
            {"caribbean", "eastern-africa"},
            {"crime-law-justice", "conflict-war-peace"},
        ),
        (
            "Roast the turkey slowly and baste it with butter.",
            set(),
            {"lifestyle-leisure"},
        ),
        (
            "U.S. Senate votes to confirm the new Treasury secretary.",
            {"northern-america"},
            {"politics-government"},
        ),
        (
            "Magnitude 6.1 quake shakes Honshu, no tsunami warning",
            {"east-asia"},
            {"disaster-accident-emergency"},
        ),
    ],
)
def test_plain_cases_are_right(
    shipped: Predictor, text: str, regions: set[str], topics: set[str]
) -> None:
    prediction = shipped.predict(text)
    assert {r.label for r in prediction.regions[:2]} <= regions
    assert bool(prediction.regions) == bool(regions)
    assert prediction.topics
    assert prediction.topics[0].label in topics


# What a page dump brings along: other stories' headlines, credits, prompts.
AROUND = """
Photo: Staff / Getty Images
Read more
Six killed in Manila tower fire
Ruling party loses Karnataka by-election
Ten ways to use up stale bread
Springboks name an unchanged side for Cardiff
Stocks slide as the Fed hints at another rise
Nurses in Lagos vote to strike over unpaid allowances
Sign up to our daily newsletter and get the best stories in your inbox.
We use cookies to improve your experience. Accept all cookies
"""


def test_page_dump_is_labelled_by_its_main_story(shipped: Predictor) -> None:
    stories = [s for s in bundled_samples() if s.title and len(s.text.split()) > 60]
    stories = stories[::25]
    assert len(stories) > 50
    kept = {"regions": 0, "topics": 0}
    for story in stories:
        clean = shipped.predict(story.text, title=story.title)
        dump = shipped.predict(story.text + AROUND, title=story.title)
        for axis in kept:
            kept[axis] += likeliest(clean, axis) == likeliest(dump, axis)
    # The tail is as long as many of the stories; without weights for title and lead
    # a good third of them was lost.
    assert kept["regions"] / len(stories) > 0.8
    assert kept["topics"] / len(stories) > 0.8


def likeliest(prediction: Prediction, axis: str) -> str:
    return max(prediction.scores[axis].items(), key=lambda item: item[1])[0]


GOLD = Path(__file__).parent.parent.parent / "shared" / "data" / "dev" / "gold.jsonl"


@pytest.mark.skipif(not GOLD.exists(), reason="needs the real text beside the checkout")
def test_real_news_is_mostly_right(shipped: Predictor) -> None:
    from dateline.labels import read_samples

    figures = evaluate(shipped, read_samples(GOLD, shipped.taxonomy))
    assert figures["regions"]["top1"] >= 0.88, json.dumps(figures["regions"])
    assert figures["topics"]["top1"] >= 0.75, json.dumps(figures["topics"])
