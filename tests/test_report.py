"""The page on how good a model is, and what stands behind it."""

from __future__ import annotations

import builtins
import importlib.util
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dateline.labels import Axis, Label, Lexicon, Sample, SampleError, Taxonomy
from dateline.predict import Article, Model, Predictor
from dateline.train import report as report_module
from dateline.train.confusion import Confusion
from dateline.train.curve import learning_curve
from dateline.train.evaluate import AxisOutcome, judge, metrics
from dateline.train.fit import train
from dateline.train.mistakes import (
    SNIPPET_WORDS,
    Witness,
    describe,
    marked,
    missed,
    wrongly_given,
)
from dateline.train.report import ReportError, check_report, write_report
from dateline.train.settings import TrainingError
from dateline.train.slices import by_length, by_month, by_source

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

EVIL = "<script>alert('x')</script>"


class Page(HTMLParser):
    """What a page holds: its elements, and the text outside style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("style", "script"):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            self._inside.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.text += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


@pytest.fixture(scope="module")
def judged() -> list[Sample]:
    """Articles on which the model is right and wrong, dated, from two sources."""
    rows = [
        ("Shares fell in Oslo", ("north",), ("money",)),
        ("The striker scored twice in Madrid", ("south",), ("sport",)),
        ("A home run in Tokyo", ("east",), ("sport",)),
        ("Interest rates rose in Rome", ("south",), ("money",)),
        ("The keeper of Oslo saved a penalty", ("south",), ("sport",)),
        ("Rain fell on the village", (), ("money",)),
        ("A penalty in Sweden", (), ("sport",)),
    ]
    return [
        Sample(
            f"a{round}-{number}",
            "",
            text,
            {"land": land, "desk": desk},
            source=("Wire", "Post")[round % 2],
            date=f"2024-0{1 + round % 3}-11",
        )
        for round in range(6)
        for number, (text, land, desk) in enumerate(rows)
    ]


@pytest.fixture(scope="module")
def page(
    model: Model, judged: list[Sample], tmp_path_factory: pytest.TempPathFactory
) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    samples = [
        *judged,
        Sample("evil", EVIL, f"A penalty in Oslo {EVIL}", {"land": ("south",)}),
    ]
    curve = [
        (n, {"land": {"top1": 0.5, "macro_f1": None, "intervals": {"top1": [0.4, 1]}}})
        for n in (10, 20)
    ]
    write_report(
        path, Predictor(model), samples, title=f"On {EVIL}", learning_curve=curve
    )
    return path.read_text("utf-8")


def test_page_shows_every_part(page: str) -> None:
    text = " ".join(Page(page).text.split())
    for part in (
        "43 labelled articles",
        "Land 43 articles",
        "Look here first",
        "Label by label",
        "What was taken for what",
        "Precision against recall",
        "Are probabilities what they say?",
        "How sure is the model?",
        "What more samples bring",
        "by source",
        "by length",
        "by month",
        "2024-02",
        "Articles without a label",
        "Given, but not among the sample's labels",
        "Among the sample's labels, but not given",
        "Samples' SHA-256",
    ):
        assert part in text


def test_text_of_articles_is_shown_and_never_run(page: str) -> None:
    found = Page(page)
    assert found.count("script") == 1  # that which sorts tables
    assert EVIL in found.text
    assert f"On {EVIL}" in found.text


def test_page_fetches_nothing(page: str) -> None:
    for tag, attributes in Page(page).elements:
        assert tag not in ("link", "img", "iframe", "object", "base")
        assert "src" not in attributes
        for name in ("href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")
    assert "url(" not in re.sub(r"url\(#\w+\)", "", page)
    assert "@import" not in page


def test_policy_lets_only_the_pages_own_script_run(page: str) -> None:
    script = re.search("<script>(.*)</script>", page, re.DOTALL)
    assert script is not None
    policy = next(
        attributes["content"]
        for tag, attributes in Page(page).elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy == (
        "default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src '{report_module._hash(script[1])}'"
    )


def test_plots_take_their_colours_from_the_page_and_share_no_ids(page: str) -> None:
    drawn = "".join(re.findall("<svg.*?</svg>", page, re.DOTALL))
    assert "var(--ink)" in drawn
    assert not re.findall("#[0-9a-f]{6}", drawn)
    assert "DejaVu" not in drawn
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert drawn.count('role="img"') == drawn.count("<svg")


def test_same_samples_give_the_same_page(
    model: Model, judged: list[Sample], tmp_path: Path
) -> None:
    pages = []
    for name in ("one.html", "two.html"):
        write_report(tmp_path / name, Predictor(model), judged)
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]


def test_outcomes_that_are_known_are_not_judged_again(
    model: Model,
    judged: list[Sample],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    predictor = Predictor(model)
    outcomes = {"desk": judge(predictor, judged)["desk"]}
    monkeypatch.delattr(report_module, "judge")
    write_report(tmp_path / "r.html", predictor, judged, outcomes=outcomes)
    assert 'id="axis-land"' not in (tmp_path / "r.html").read_text("utf-8")


def test_axis_without_any_label_and_unknown_words_make_a_page(
    model: Model, tmp_path: Path
) -> None:
    samples = [
        Sample(f"n{i}", "", "Zyx", {"land": (), "desk": ("west",)}) for i in "ab"
    ]
    write_report(tmp_path / "r.html", Predictor(model, threshold=0.4), samples)
    text = Page((tmp_path / "r.html").read_text("utf-8")).text
    assert "No article has a label." in text
    assert "from a probability of 0.4 on" in text
    assert "not in the model" in text


def test_missing_library_names_the_pip_command_before_any_work(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_module, "find_spec", lambda name: None)
    monkeypatch.delattr(report_module, "judge")
    with pytest.raises(ReportError, match=r"pip install 'dateline\[report\]'"):
        write_report(tmp_path / "r.html", Predictor(model), [])


def test_modules_of_the_report_load_without_its_libraries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.partition(".")[0] in ("matplotlib", "jinja2"):
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    for name in ("plots", "report"):
        spec = importlib.util.find_spec(f"dateline.train.{name}")
        assert spec is not None and spec.loader is not None
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def test_report_that_cannot_be_written_leaves_nothing(
    model: Model, judged: list[Sample], tmp_path: Path
) -> None:
    with pytest.raises(ReportError, match="its folder does not exist; choose another"):
        check_report(tmp_path / "no" / "r.html")
    (tmp_path / "r.html").write_text("old")
    with pytest.raises(SampleError, match=r"no sample carries an axis of the model"):
        write_report(tmp_path / "r.html", Predictor(model), [Sample("x", "", "y")])
    assert (tmp_path / "r.html").read_text() == "old"


def test_dates_of_many_months_stand_by_year(
    model: Model, judged: list[Sample], tmp_path: Path
) -> None:
    dated = [
        replace(sample, date=f"{2020 + i % 3}-{1 + i % 12:02d}")
        for i, sample in enumerate(judged * 3)
    ]
    dated += [replace(judged[0], date=f"2019-{month:02d}") for month in range(1, 13)]
    dated += [replace(judged[0], date=f"2018-{month:02d}") for month in range(1, 13)]
    write_report(tmp_path / "r.html", Predictor(model), dated)
    text = Page((tmp_path / "r.html").read_text("utf-8")).text
    assert "by year" in text and "by month" not in text


# --- confusion


def outcome_of(
    labels: Sequence[str], truth: list[list[int]], scores: list[list[float]]
) -> AxisOutcome:
    values = np.array(scores)
    return AxisOutcome(tuple(labels), np.array(truth, bool), values >= 0.5, values)


def test_confusion_counts_the_likeliest_of_several_labels_as_right() -> None:
    axis = Axis("desk", "Desk", (Label("a", "A"), Label("b", "B"), Label("c", "C")))
    samples = [
        Sample("1", "", "x", {"desk": ("a", "b")}),  # b is likeliest: right
        Sample("2", "", "x", {"desk": ("a", "b")}),  # c is likeliest: a taken for c
        Sample("3", "", "x", {"desk": ("a",)}),
        Sample("4", "", "x", {"desk": ("b",)}),  # no word known
        Sample("5", "", "x", {"desk": ()}),
    ]
    found = Confusion.of(
        outcome_of(
            "abc",
            [[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]],
            [[0.1, 0.9, 0], [0, 0.1, 0.2], [0, 0, 1], [0, 0, 0], [1, 0, 0]],
        ),
        samples,
        axis,
    )
    assert found.labels == ("a", "b", "c")
    assert found.counts.tolist() == [[0, 0, 2], [0, 1, 0], [0, 0, 0]]
    assert found.unanswered == 1
    assert found.commonest(3) == [("a", "c", 2)]


def test_confusion_of_a_hierarchy_is_of_its_highest_labels() -> None:
    axis = Axis("desk", "Desk", (Label("a", "A"), Label("a/x", "X"), Label("b", "B")))
    found = Confusion.of(
        outcome_of(("a", "a/x", "b"), [[1, 1, 0]], [[0.2, 0.2, 0.7]]),
        [Sample("1", "", "x", {"desk": ("a/x", "a")})],
        axis,
    )
    assert found.labels == ("a", "b")
    assert found.counts.tolist() == [[0, 1], [0, 0]]


def test_confusion_shows_the_commonest_of_very_many_labels() -> None:
    labels = [f"l{i}" for i in range(50)]
    axis = Axis("desk", "Desk", tuple(Label(x, x) for x in labels))
    samples = [Sample(x, "", "x", {"desk": (x,)}) for x in labels] * 2
    samples += [Sample("more", "", "x", {"desk": ("l49",)})]
    truth = np.array([[x in s.labels["desk"] for x in labels] for s in samples])
    found = Confusion.of(
        AxisOutcome(tuple(labels), truth, truth, truth.astype(float)), samples, axis
    )
    assert len(found.labels) == 40 and found.hidden == 10
    assert "l49" in found.labels


# --- mistakes


def test_mistakes_come_surest_first_and_an_article_once() -> None:
    found = outcome_of(
        "abc",
        [[1, 0, 0], [0, 0, 1], [0, 1, 1]],
        [[0.1, 0.6, 0.9], [0.95, 0.1, 0.6], [0.1, 0.3, 0.2]],
    )
    assert wrongly_given(found) == [(1, 0), (0, 2)]
    # The last article's primary label is b: to miss it is worse than to miss c.
    assert missed(found, [0, 2, 1]) == [(0, 0), (2, 1)]


def test_any_label_is_explained_on_an_axis_of_single_labels(
    samples: list[Sample], taxonomy: Taxonomy, lexicon: Lexicon
) -> None:
    single = Taxonomy(
        tuple(Axis(a.id, a.name, a.labels, single_label=True) for a in taxonomy)
    )
    predictor = Predictor(train(samples, taxonomy=single, lexicon=lexicon))
    article = Article("Shares fell in Oslo")
    assert [s.label for s in predictor.predict(article)["land"]] == ["north"]
    found = Witness(predictor).explain(article, "land", "east")
    assert found is not None and found.label == "east"
    assert Witness(predictor).explain(Article("Zyx"), "land", "east") is None


def test_words_for_and_against_the_label_are_marked(model: Model) -> None:
    witness = Witness(Predictor(model))
    explanation = witness.explain(
        Article("Oslo beat Madrid on Friday", "In Norway"), "land", "north"
    )
    parts = marked("Oslo beat Madrid on Friday", "text", explanation)
    assert "".join(part.text for part in parts) == "Oslo beat Madrid on Friday"
    marks = {part.text: part.mark for part in parts}
    assert marks["Oslo"] == "for"
    assert marks["Madrid"] == "against"
    assert marks["Friday"] == ""
    title = marked("In Norway", "title", explanation)
    assert title[-1].text == "Norway" and title[-1].mark == "for"


def test_snippet_is_the_part_of_a_long_text_that_decided(model: Model) -> None:
    text = "and so on " * 100 + "until Oslo woke " + "and so on " * 100
    explanation = Witness(Predictor(model)).explain(Article(text), "land", "north")
    shown = "".join(part.text for part in marked(text, "text", explanation))
    assert "Oslo" in shown
    assert shown.startswith("… ") and shown.endswith(" …")
    assert len(shown.split()) <= SNIPPET_WORDS + 2


def test_mistake_says_what_was_labelled_and_what_was_given(
    model: Model, judged: list[Sample]
) -> None:
    predictor = Predictor(model)
    outcome = judge(predictor, judged)["land"]
    cells = [cell for cell in wrongly_given(outcome) if cell[0] == 4]
    mistake = next(describe(cells, outcome, judged, "land", Witness(predictor)))
    assert mistake.gold == ("south",) and mistake.label == "north"
    assert [(a.label, a.right) for a in mistake.given] == [("north", False)]
    assert ("land:north" in dict(mistake.terms)) and mistake.score > 0.5


# --- slices


def right(n: int) -> AxisOutcome:
    return outcome_of("ab", [[1, 0]] * n, [[0.9, 0.1]] * n)


def rows(
    n: int,
    source: Callable[[int], str] = lambda i: "",
    date: Callable[[int], str] = lambda i: "",
) -> list[Sample]:
    return [
        Sample(f"s{i}", "", "word " * (i + 1), source=source(i), date=date(i))
        for i in range(n)
    ]


def shown(slices: list[Any]) -> list[tuple[str, int]]:
    return [(part.name, part.figures["n"]) for part in slices]


def test_slices_by_source_put_rare_sources_together() -> None:
    samples = rows(
        20, source=lambda i: "Wire" if i < 8 else f"Paper {i}" if i < 14 else ""
    )
    assert shown(by_source(right(20), samples)) == [
        ("Wire", 8),
        ("6 other sources", 6),
        ("without a source", 6),
    ]
    assert by_source(right(3), rows(3)) == []


def test_slices_by_length_count_words() -> None:
    assert shown(by_length(right(80), rows(80))) == [
        ("under 25 words", 24),
        ("25 to 74", 50),
        ("75 to 199", 6),
    ]


def test_slices_by_month_become_years_where_there_are_many() -> None:
    few = rows(12, date=lambda i: f"2024-{1 + i % 2:02d}-09T10:00")
    assert shown(by_month(right(12), few)) == [("2024-01", 6), ("2024-02", 6)]
    many = rows(36, date=lambda i: f"{2000 + i // 12}-{1 + i % 12:02d}")
    assert shown(by_month(right(36), many)) == [
        ("2000", 12),
        ("2001", 12),
        ("2002", 12),
    ]
    assert by_month(right(9), rows(9, date=lambda i: "yesterday")) == []


# --- learning curve


def test_learning_curve_grows_to_the_model_of_all_samples(
    samples: list[Sample], taxonomy: Taxonomy, lexicon: Lexicon, model: Model
) -> None:
    test = samples[::7]
    told: list[tuple[int, int]] = []
    points = learning_curve(
        samples,
        test,
        taxonomy=taxonomy,
        lexicon=lexicon,
        fractions=(1.0, 0.05, 0.6),
        progress=lambda *step: told.append(step),
    )
    # Of 4 samples no model can be made.
    assert [n for n, _ in points] == [43, 72]
    assert told == [(1, 3), (2, 3), (3, 3)]
    whole = judge(Predictor(model), test)
    assert points[-1][1] == {axis: metrics(found) for axis, found in whole.items()}


def test_learning_curve_refuses_what_cannot_be_judged(
    samples: list[Sample], taxonomy: Taxonomy, lexicon: Lexicon
) -> None:
    common = {"taxonomy": taxonomy, "lexicon": lexicon}
    with pytest.raises(TrainingError, match="no test sample carries an axis"):
        learning_curve(samples, [], fractions=[1.0], **common)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="above 0 to 1"):
        learning_curve(samples, samples, fractions=[0.0], **common)  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match="no label can be trained"):
        learning_curve(samples[:4], samples, **common)  # type: ignore[arg-type]
