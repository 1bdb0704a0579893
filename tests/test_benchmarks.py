"""The suite of benchmarks: how it measures, and that what it wrote is what it measured.

Nothing here speaks of seconds.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from dateline.predict import Model, Predictor

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"

if not BENCHMARKS.exists():
    pytest.skip("runs away from the checkout", allow_module_level=True)
sys.path.append(str(BENCHMARKS))

import run
from suite import cases, clock, growth, page, peers, results, table, texts
from suite.results import DATELINE, SKLEARN, Case, Row
from suite.work import SMALL, Work


@pytest.fixture
def measured() -> Iterator[dict[str, Case]]:
    yield results.load(BENCHMARKS / "results.json")


def test_readme_shows_the_committed_results(measured: dict[str, Case]) -> None:
    document = (ROOT / "README.md").read_text("utf-8")
    assert page.with_table(document, measured) == document


def test_page_shows_the_committed_results(measured: dict[str, Case]) -> None:
    assert (ROOT / "docs" / "speed.md").read_text("utf-8") == page.text(measured)


def test_readme_without_the_marks_is_refused(measured: dict[str, Case]) -> None:
    with pytest.raises(ValueError, match="found them 0 times"):
        page.with_table("# dateline\n", measured)


def test_ratio_is_taken_within_a_round() -> None:
    # The medians are 5 and 10; round by round it is 5, 0.5, and 2.
    found = results.ratio([5.0, 5.0, 20.0], [1.0, 10.0, 10.0])
    assert (found.low, found.median, found.high) == (1.25, 2.0, 3.5)


def test_every_second_round_goes_backwards() -> None:
    order = []

    def contestant(name: str) -> clock.Measure:
        def measure() -> clock.Taken:
            order.append(name)
            return clock.Taken(float(len(order)), cpu=1.0)

        return measure

    rows = clock.interleaved({"a": contestant("a"), "b": contestant("b")}, rounds=2)
    assert order == ["a", "b", "a", "b", "b", "a"]  # the first two are not counted
    assert rows == [Row("a", [3.0, 6.0], [1.0, 1.0]), Row("b", [4.0, 5.0], [1.0, 1.0])]


def test_a_call_is_timed_by_its_units_without_the_loss_of_its_answer() -> None:
    calls = []
    one = clock.call(lambda: calls.append("called"), 4)()
    assert calls == ["called"]
    assert one.wall > 0.0
    assert one.cpu is not None
    assert one.peak is None


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_memory_of_a_process_below_counts() -> None:
    below = "import time; kept = bytes(b'x') * 300_000_000; time.sleep(0.5)"
    taken = clock.python(
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {below!r}])"
    )()
    assert taken.peak is not None
    assert taken.peak > 300e6


def test_process_that_fails_is_no_figure() -> None:
    with pytest.raises(RuntimeError, match="no such thing"):
        clock.python("raise SystemExit('no such thing')")()


def test_labelled_articles_are_the_same_however_many_are_asked_for() -> None:
    by_label = texts.regions()
    few = list(texts.labelled(30, by_label))
    assert few == list(islice(texts.labelled(1000, by_label), 30))
    assert [label for _, label in few[:20]] == list(by_label)
    assert {len(text.split()) for text, _ in few} == {texts.WORDS}


def test_labelled_articles_go_on_having_new_words() -> None:
    by_label = texts.regions()
    written = {
        word
        for samples in by_label.values()
        for sample in samples
        for word in f"{sample.title}. {sample.text}".split()
    }
    words = [set(text.split()) for text, _ in texts.labelled(1000, by_label, words=100)]
    new = set[str]().union(*words[900:]) - set[str]().union(*words[:900]) - written
    assert len(new) > 100


def test_articles_come_from_all_of_the_samples() -> None:
    found = texts.articles(20)
    assert len(set(found)) == 20
    assert {len(text.split()) for text in found} == {texts.WORDS}


def test_results_of_a_name_take_the_place_of_the_old_ones(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    old = Case("one", "One", [Row(DATELINE, [1.0])], ["old"])
    other = Case("two", "Two", [Row(DATELINE, [1.0], x=5)], [], "labels")
    new = Case("one", "One", [Row(DATELINE, [2.123456789])], ["new"])
    results.store(path, [old, other])
    results.store(path, [new])
    found = results.load(path)
    assert found["one"].notes == ["new"]
    assert found["one"].rows[0].wall == [2.1235]
    assert found["two"] == other


def test_table_shows_median_quartiles_and_ratio() -> None:
    case = Case(
        "predict",
        "An article",
        [Row(DATELINE, [1e-4, 2e-4, 3e-4]), Row(SKLEARN, [1e-3, 2e-3, 3e-3])],
        ["a note"],
    )
    assert table.of_case(case).splitlines() == [
        "### An article",
        "",
        "|  | time | × dateline |",
        "| --- | --- | --- |",
        "| dateline | 200 µs (150 µs–250 µs) | 1.00 |",
        "| scikit-learn | 2.00 ms (1.50 ms–2.50 ms) | 10.0 |",
        "",
        "* a note",
    ]


def test_curve_is_a_line_a_point_and_a_panel(tmp_path: Path) -> None:
    rows = [
        Row(name, [factor * x], [], [x * 1e6], x)
        for x in (5, 50)
        for name, factor in ((DATELINE, 1e-5), (SKLEARN, 2e-5))
    ]
    case = Case("train-labels", "Training", rows, [], "labels")
    assert table.of_case(case).splitlines()[2:6] == [
        "| labels | dateline | scikit-learn | dateline, memory | scikit-learn, memory |",
        "| --- | --- | --- | --- | --- |",
        "| 5 | 50.0 µs | 100 µs: × 2.00 | 5 MB | 5 MB |",
        "| 50 | 500 µs | 1.00 ms: × 2.00 | 50 MB | 50 MB |",
    ]
    target = tmp_path / "curves.svg"
    page.plot([case], target)
    first = target.read_text("utf-8")
    assert "scikit-learn" in first
    page.plot([case], target)
    assert target.read_text("utf-8") == first


def test_command_knows_the_cases_of_the_suite() -> None:
    assert tuple(cases.CASES) == run.CASES
    assert tuple(growth.CURVES) == run.CURVES


def test_unknown_case_is_named() -> None:
    found = subprocess.run(
        [sys.executable, str(BENCHMARKS / "run.py"), "prediction"],
        capture_output=True,
        check=False,
        text=True,
    )
    assert found.returncode == 2
    assert "there is no case 'prediction'; there are predict, one," in found.stderr


@pytest.mark.parametrize("name", ["one", "memory", "predict-labels", "predict-terms"])
def test_case_measures_dateline_and_scikit_learn(
    name: str, model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "HAS_FASTTEXT", False)
    work = Work(replace(SMALL, curve_terms=(1000,)), tmp_path, model_file)
    case = {**cases.CASES, **growth.CURVES}[name](work)
    assert {DATELINE, SKLEARN} <= set(case.contestants())
    assert peers.WITHOUT_FASTTEXT in case.notes
    assert all(value > 0 for row in case.rows for value in row.wall)
    assert all(bool(row.peak) == (name == "memory") for row in case.rows)


def test_scikit_learn_is_asked_for_the_same_words_and_labels(model: Model) -> None:
    text = "A marathon through Stockholm was won by a keeper in old shoes"
    words = model.blocks["words"]
    found = peers.sklearn_of(model).decision_function([text])
    # Without the weights of concepts, dateline's scores are those of the words.
    weights = np.array(model.weights)
    weights[words:] = 0
    (prediction,) = Predictor(replace(model, weights=weights)).predict_many([text])
    assert found.shape == (1, len(model.bias))
    slopes, offsets = model.calibration.T
    probabilities = 1 / (1 + np.exp(-(slopes * found[0] + offsets)))
    given = [p for scores in prediction.scores.values() for p in scores.values()]
    assert given == pytest.approx(probabilities.tolist(), abs=1e-6)
