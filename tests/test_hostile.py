"""Articles that nobody would write: answered, in time, as any other.

They are small here; ``DATELINE_HOSTILE`` says how many characters they have::

    DATELINE_HOSTILE=100000000 pytest -n 1 tests/test_hostile.py -k letter

No test speaks of seconds: what is waited for is an end, and not to come to one means to
hang.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import re
import runpy
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dateline.labels import Sample, formats, lines, reading
from dateline.predict import Article, Explanation, Model, Prediction, Predictor
from dateline.predict.counter import COMPILED, TermCounter
from dateline.train import blemishes

SIZE = int(os.environ.get("DATELINE_HOSTILE", "60000"))
HANGS = 600.0  # seconds; what is asked here takes a fraction of one

ARTICLES: dict[str, Callable[[int], str]] = {
    "one letter": lambda n: "a" * n,
    "distinct tokens": lambda n: " ".join(f"w{i}" for i in range(n // 7)),
    "distinct letters": lambda n: " ".join(map(chr, range(0x4E00, 0x4E00 + n // 9))),
    "combining marks": lambda n: "\u0301\u20dd" * (n // 2),
    "control characters": lambda n: "\x01\x02\x1b\x7f\x85" * (n // 5),
    "right to left": lambda n: "\u05d0\u05d1\u202e \u0627\u0644\u200f " * (n // 8),
    "emoji": lambda n: "\U0001f469\u200d\U0001f680 \U0001f600" * (n // 5),
    "NULs": lambda n: "\0" * n,
    "lone surrogates": lambda n: "\ud800a\udfff " * (n // 4),
    "dotted capital I": lambda n: "\u0130" * n,
    "capital sigma": lambda n: "\u03a3" * n,
    "sigmas that look far": lambda n: ("a\u03a3" + "'" * 98) * (n // 100),
    "sigma in a real text": lambda n: "Oslo \u03a3. " * (n // 8),
    "without spaces": lambda n: "Osloshares" * (n // 10),
    "spaces": lambda n: " " * n,
    "letters": lambda n: "U.S. a b c " * (n // 11),
    "one place": lambda n: "Oslo " * (n // 5),
    "shouted": lambda n: "INTEREST RATES IN OSLO " * (n // 23),
    "phrases that go on": lambda n: "interest home interest " * (n // 23),
}


def within_time(work: Callable[[], Any]) -> Any:
    """What some work gives, in a thread that is not waited for for ever."""
    given: list[Any] = []
    thread = threading.Thread(target=lambda: given.append(work()), daemon=True)
    thread.start()
    thread.join(HANGS)
    assert not thread.is_alive(), "it hangs"
    assert given, "it failed: what it raised is said above"
    return given[0]


def assert_sound(prediction: Prediction) -> None:
    for scores in prediction.scores.values():
        assert all(math.isfinite(x) and 0.0 <= x <= 1.0 for x in scores.values())


def in_python(counter: TermCounter) -> TermCounter:
    plain = object.__new__(TermCounter)
    plain.__dict__ |= counter.__dict__ | {"scan": None}
    return plain


@pytest.mark.parametrize("kind", ARTICLES)
def test_hostile_article_is_answered_alike_at_every_door(
    kind: str, model: Model
) -> None:
    predictor = Predictor(model)
    text = ARTICLES[kind](SIZE)
    short = Article(text[:1000], text[:100], "short")

    def work() -> list[Prediction]:
        both: list[str | Article] = [text, short]
        found = [predictor.predict(text)]
        for jobs in (1, 2):
            found += predictor.predict_many(both, jobs=jobs)
            found += predictor.predict_many(iter(both), jobs=jobs)
        return found

    first, *rest = within_time(work)
    assert_sound(first)
    assert [found.scores for found in rest[::2]] == [first.scores] * 4
    assert [found.id for found in rest[1::2]] == ["short"] * 4


@pytest.mark.parametrize("kind", ARTICLES)
def test_hostile_article_is_explained(kind: str, model: Model) -> None:
    predictor = Predictor(model)
    text = ARTICLES[kind](SIZE // 2) + " in Oslo"

    def work() -> tuple[Explanation, ...]:
        return predictor.explain(text, "Oslo")

    explained = within_time(work)
    scores = predictor.predict(text, "Oslo").scores
    assert {one.axis for one in explained} == set(scores)
    for one in explained:
        assert one.score == pytest.approx(scores[one.axis][one.label], abs=1e-9)
        for evidence in one.evidence:
            for span in evidence.spans:
                field = {"title": "Oslo", "text": text}[span.field]
                assert 0 <= span.start < span.end <= len(field)


@pytest.mark.skipif(not COMPILED, reason="no compiled scan here")
@pytest.mark.parametrize("kind", ARTICLES)
def test_hostile_article_is_counted_as_by_the_definition(
    kind: str, model: Model
) -> None:
    counter = Predictor(model)._counter
    for field in (ARTICLES[kind](SIZE // 4), ARTICLES[kind](5000)):
        article = Article(field, f"{field[:300]} Oslo")
        found, expected = counter.count(article), in_python(counter).count(article)
        assert found[0].tolist() == expected[0].tolist()
        assert found[1].tolist() == expected[1].tolist()


# All regular expressions that read what others wrote, and why each takes time by the
# length of the text.
#
# One character, or one class repeated with nothing behind it, so that no start is looked
# at twice: \w+ (predict/terms, train/mistakes, check, blemishes, labels/taxonomy), \S+
# and \s+ (labels/lines), surrogates (predict/articles, labels/reading), controls
# (predict/answers, train/blemishes), U+FFFD, marks of Markdown (train/card), brackets
# (labels/reading), carriage returns (labels/reading: lookarounds of one character).
#
# Of bounded length: entities, misread pairs (train/blemishes), months (train/slices).
#
# What repeats ends where the next start is: tags, which stop at the next "<"; wordings of
# pages, whose spaces follow a word of their own, or the start of a line
# (train/blemishes); URIs behind a tab, which stop at the next tab (labels/formats);
# strings of JSON, of which the one that nothing closes is the last (labels/reading).
#
# Asked of an id, a rule or a name, whole, with one repeat that something else follows:
# ids of labels (labels/taxonomy), made ids (labels/losses), stems (labels/annif), rules
# of the command line (train/evaluate). Of our own plots: train/plots.
#
# Spaces before a line end, labels at a line's end, tabs before a URI and quotes that
# nothing closes took the square of it until these tests were written.
SLOW: dict[str, Callable[[int], Any]] = {
    "terms": lambda n: re.findall(r"\w+", "a" * n + " " * n),
    "spaces in a line": lambda n: lines.one_line(
        Sample(id="1", title="", text="a" + " " * n + "b", labels={})
    ),
    "labels behind": lambda n: lines.parse_fasttext("x " + "__label__a " * n, "__label__"),
    "labels before": lambda n: lines.parse_fasttext("__label__a " * n + "x", "__label__"),
    "quotes that are escaped": lambda n: reading._end_of('{"a": "' + '\\"' * n, 0),
    "quotes": lambda n: reading._end_of('{"' * n, 0),
    "tabs": lambda n: formats._TAB_AND_URI.search("\t" * n),
    "tabs and brackets": lambda n: formats._TAB_AND_URI.search("\t<<" * n),
    "tags": lambda n: list(blemishes.damage("<a " * n)),
    "tags without an end": lambda n: list(blemishes.damage("<a" + " " * n)),
    "entities": lambda n: list(blemishes.damage("&a" * n)),
    "misread": lambda n: list(blemishes.damage("\xd0\x90" * n)),
    "wordings": lambda n: list(blemishes._PAGE.finditer("sign up " * n)),
    "wordings of spaces": lambda n: list(blemishes._PAGE.finditer(" " * n + "accept" + " " * n)),
    "wordings broken": lambda n: list(blemishes._PAGE.finditer("\n" * n + "read\n" * n)),
}  # fmt: skip


@pytest.mark.parametrize("kind", SLOW)
def test_regular_expressions_take_time_by_the_length(kind: str) -> None:
    # A million characters: by the square of that, the test would hang for an hour.
    within_time(lambda: [SLOW[kind](400_000)])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a  b", "a  b"),
        ("a \n b\tc", "a b c"),
        ("a\u2028\u2029b \xa0c", "a b \xa0c"),
        ("\na", " a"),
    ],
)
def test_line_ends_and_spaces_beside_them_become_one_space(
    text: str, expected: str
) -> None:
    assert lines.one_line(Sample(id="1", title="", text=text, labels={})) == expected


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ('{"a": "}"} x', 10),
        ('{"a": "\\"}"} x', 12),
        ('{"a": "b} x', 9),  # nothing closes the quote: its brackets count
        ('{"a": "\\"} x', 10),
        ('{"a": "\\', 8),
        ("{[]", 3),
        ("] x", 0),
    ],
)
def test_end_of_what_is_no_json_is_found_by_its_brackets(text: str, end: int) -> None:
    assert reading._end_of(text, 0) == end


def run_script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).parent.parent / "scripts" / name
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=HANGS,
    )


def test_careless_edits_are_those_of_the_scan_as_it_is() -> None:
    # A change of the scan would leave some behind unnoticed: they are tried by hand.
    root = Path(__file__).parent.parent
    script = runpy.run_path(str(root / "scripts" / "mutate_scan.py"))
    for edit in script["MUTATIONS"]:
        text = (root / "predict" / edit.file).read_text("utf-8")
        assert text.count(edit.old) == 1, edit.name


@pytest.mark.parametrize("target", ["scan", "articles"])
def test_fuzzing_driver_finds_nothing_in_some_hundred_inputs(target: str) -> None:
    if target == "scan" and not COMPILED:
        pytest.skip("no compiled scan here")
    run = run_script("fuzz.py", target, "--unguided", "700")
    assert run.returncode == 0, run.stderr
    assert "700 inputs: nothing found" in run.stdout


def test_driver_of_fuzzing_says_which_targets_there_are() -> None:
    run = run_script("fuzz.py", "none")
    assert run.returncode == 1 and "scan, articles" in run.stderr


def test_soak_finds_nothing_in_some_hundred_articles(model_file: Path) -> None:
    pytest.importorskip("resource")  # where memory is asked for
    options = ("--articles", "400", "--minutes", "0.01", "--threads", "3")
    run = run_script("soak.py", *options, "--model", str(model_file))
    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 threads:" in run.stdout and "all as it should be" in run.stdout
    for method in multiprocessing.get_all_start_methods():
        assert f"{method}: 400 answers, 0 of them others" in run.stdout
