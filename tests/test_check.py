"""What a check of samples finds."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from dateline.labels import Axis, Label, Sample, Taxonomy
from dateline.train.blemishes import BOILERPLATE_SAMPLES
from dateline.train.check import SHOWN, SampleReport, check, shown

REPORT = (
    "The harbour master closed the port of Tarnsund at noon after the ferry lost "
    "power off the breakwater, and two tugs brought its forty passengers ashore "
    "before the wind rose in the evening."
)
NUMBERED = "Story {0} tells of town{0} where fish{0} met bird{0} under tree{0}"


def of(*texts: str, **labels: tuple[str, ...]) -> list[Sample]:
    return [Sample(f"s{n}", "", text, labels) for n, text in enumerate(texts)]


def test_rows_are_counted_and_errors_kept(taxonomy: Taxonomy) -> None:
    samples = [
        Sample("a", "", "the first of some words", {"land": ("north",), "desk": ()}),
        Sample("b", "", "another row of more words", {"land": ("north", "south")}),
        Sample("b", "", "too short"),
    ]
    report = check(samples, ["f:3: no row"], taxonomy)
    assert report.samples == 3
    assert report.errors == ("f:3: no row",)
    assert report.counts == {
        "land": {"north": 2, "south": 1, "east": 0},
        "desk": {"sport": 0, "money": 0},
    }
    assert report.unlabelled == {"land": 0, "desk": 1}
    assert report.repeated_ids == ("b",)
    assert report.short == ("b",)


def test_nothing_at_all_can_be_checked(taxonomy: Taxonomy) -> None:
    report = check([], [], taxonomy)
    assert report == SampleReport(0, (), {}, {}, (), (), (), (), few={})
    assert not report.failed
    assert shown(report) == "0 samples"


def test_duplicates_with_different_labels_contradict(taxonomy: Taxonomy) -> None:
    samples = [
        Sample("a", "", "The same five words here", {"land": ("north",)}),
        Sample("b", "", "the SAME five words, here!", {"land": ("south",)}),
        Sample("c", "", "all of these are twins", {"land": ("south",)}),
        Sample("d", "", "All of these are twins.", {"land": ("south",)}),
    ]
    report = check(samples, [], taxonomy)
    assert report.duplicates == (("a", "b"), ("c", "d"))
    assert report.contradictions == (("a", "b"),)
    assert report.near_duplicates == ()
    assert report.failed


def test_an_axis_that_one_does_not_carry_is_no_contradiction(
    taxonomy: Taxonomy,
) -> None:
    samples = [
        Sample("a", "", REPORT, {"land": ("north",)}),
        Sample("b", "", REPORT, {"desk": ("money",)}),
    ]
    report = check(samples, [], taxonomy)
    assert report.duplicates == (("a", "b"),)
    assert not report.failed


def test_near_duplicates_with_different_labels_are_named_but_no_failure(
    taxonomy: Taxonomy,
) -> None:
    changed = REPORT.replace("forty passengers", "41 travellers")
    samples = [
        Sample("a", "", REPORT, {"land": ("north",)}),
        Sample("b", "", changed, {"land": ("south",)}),
        Sample("c", "", REPORT.replace("noon", "one"), {"land": ("north",)}),
    ]
    report = check(samples, [], taxonomy)
    assert {pair.ids for pair in report.near_duplicates} == {
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    }
    assert {pair.ids for pair in report.near_contradictions} == {
        ("a", "b"),
        ("b", "c"),
    }
    likeness = [pair.similarity for pair in report.near_duplicates]
    assert likeness == sorted(likeness, reverse=True)
    assert 0.5 <= likeness[-1] < 1
    assert not report.failed


FOOTER = "Got a tip for the desk then write to the night editor of this paper"


def test_words_that_recur_in_many_samples_are_boilerplate(taxonomy: Taxonomy) -> None:
    # The story itself is long enough that the footer makes no near-duplicates.
    stories = [". ".join([NUMBERED.format(n)] * 3) for n in range(BOILERPLATE_SAMPLES)]
    report = check(of(*(f"{one}. {FOOTER}!" for one in stories)), [], taxonomy)
    (found,) = report.boilerplate
    assert found.text == FOOTER
    assert found.samples == BOILERPLATE_SAMPLES
    assert found.ids == tuple(f"s{n}" for n in range(BOILERPLATE_SAMPLES))
    fewer = check(of(*(f"{one}. {FOOTER}!" for one in stories[1:])), [], taxonomy)
    assert fewer.boilerplate == ()


def test_copies_of_one_story_are_no_boilerplate(taxonomy: Taxonomy) -> None:
    report = check(of(*[REPORT] * 2 * BOILERPLATE_SAMPLES), [], taxonomy)
    assert report.boilerplate == ()


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        ("It rained. We use cookies to make this better.", "We use cookies"),
        ("Sign up for our daily newsletter today.", "Sign up for our daily newsletter"),
        ("Snow fell.\nADVERTISEMENT\nIt melted.", "ADVERTISEMENT"),
        ("© 2020. All rights  reserved.", "All rights reserved"),
    ],
)
def test_wording_of_web_pages_is_found(
    taxonomy: Taxonomy, text: str, wording: str
) -> None:
    (found,) = check(of(text), [], taxonomy).page_wording
    assert (found.text, found.samples, found.ids) == (wording, 1, ("s0",))


@pytest.mark.parametrize(
    "text",
    [
        "The court fined the firm for the cookies that it kept.",
        "She bakes cookies; her advertisement drew a crowd to the shop.",
        "The newsletter of the union said that dues would rise.",
    ],
)
def test_news_of_cookies_and_newsletters_is_news(taxonomy: Taxonomy, text: str) -> None:
    assert check(of(text), [], taxonomy).page_wording == ()


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("The cafÃ© was shut for good", "misread", "Ã©"),
        ("It isnâ€™t over until it is", "misread", "â€™"),
        ("It isnâ\x80\x99t over until it is", "misread", "â\x80\x99"),
        ("Ð\x9dÐ¾Ð²Ð¾Ñ\x81Ñ‚Ð¸ from the town", "misread", "Ð\x9dÐ¾"),
        ("The caf\ufffd was shut", "lost", "The caf\ufffd was shut"),
        ("One\x00two three four", "control", "One\x00two three "),
        ("Johnson &amp; Sons of the town", "entity", "&amp;"),
        ("Johnson &#39;and&#39; Sons here", "entity", "&#39;"),
        ("One line<br/>and another one", "tag", "<br/>"),
        ('See <a href="x">this one</a> here', "tag", '<a href="x">'),
    ],
)
def test_damage_is_found_by_kind(
    taxonomy: Taxonomy, text: str, kind: str, found: str
) -> None:
    damage = check(of(text), [], taxonomy).damage
    assert [(one.id, one.kind, one.found) for one in damage if one.kind == kind] == [
        ("s0", kind, found)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "São Paulo, Málaga, Århus, Köln, Łódź and Việt Nam",
        "ÂGE, MÂCON, SÃO TOMÉ, “Ñandú” – ‘Øst’, «Ø» … 5 €",
        "AT&T; P&Others; Marks & Spencer; R&D; a < b and c > d; x <y@example.org>",
        "Line one\n\nLine two\tand a tab\r\nand more",
        "Новости Κόσμος 日本 العربية",
    ],
)
def test_sound_text_has_no_damage(taxonomy: Taxonomy, text: str) -> None:
    assert check(of(text), [], taxonomy).damage == ()


def test_labels_with_too_few_samples_are_named(taxonomy: Taxonomy) -> None:
    texts = [NUMBERED.format(n) for n in range(9)]
    samples = of(*texts[:4], land=("north",)) + of(*texts[4:], land=("south",))
    report = check(samples, [], taxonomy)
    assert report.few == {"land": {"north": 4}}
    assert "too few" in shown(report)


def test_labels_that_always_come_together_are_named(taxonomy: Taxonomy) -> None:
    texts = [NUMBERED.format(n) for n in range(6)]
    samples = of(*texts, land=("north", "east"))
    (pair,) = check(samples, [], taxonomy).together
    assert (pair.axis, pair.labels, pair.samples) == ("land", ("north", "east"), 6)
    parted = [*samples, *of("one of the north alone", land=("north",))]
    assert check(parted, [], taxonomy).together == ()
    assert check(samples[:4], [], taxonomy).together == ()


def test_a_label_and_the_one_above_it_may_come_together() -> None:
    tree = Taxonomy((Axis("land", "Land", (Label("n", "N"), Label("n/o", "NO"))),))
    texts = [NUMBERED.format(n) for n in range(6)]
    assert check(of(*texts, land=("n", "n/o")), [], tree).together == ()


def test_report_is_plain_json(taxonomy: Taxonomy, samples: list[Sample]) -> None:
    doubled = [*samples, *samples[:3], *of("Johnson &amp; Sons of the town")]
    found = json.loads(json.dumps(asdict(check(doubled, ["x"], taxonomy))))
    assert found["duplicates"][0] == ["s0", "s0"]
    assert found["damage"] == [{"id": "s0", "kind": "entity", "found": "&amp;"}]
    assert {"samples", "errors", "counts", "unlabelled", "contradictions"} < set(found)


def test_long_lists_are_cut_in_text(taxonomy: Taxonomy) -> None:
    report = check([], [f"row {n} is bad" for n in range(SHOWN + 7)], taxonomy)
    lines = shown(report).splitlines()
    assert lines[1] == f"rows that cannot be used: {SHOWN + 7}"
    assert lines[-1] == "  ... and 7 more; --json has all"
    assert len(lines) == SHOWN + 3
