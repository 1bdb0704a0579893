"""The commands that look after labels: what they print, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dateline.labels import Sample, Taxonomy

TAXONOMY = """
axis = "desk"
[[label]]
id = "sport"
[[label]]
id = "money"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.toml").write_text(TAXONOMY)
    words = {
        "sport": "goal cup match referee league",
        "money": "loan bond bank tax fee",
    }
    rows = []
    for number in range(60):
        desk = ("sport", "money")[number % 2]
        text = words[desk].split()
        text = [*text[number % 4 :], *text[: number % 3], f"day{number}x{number * 7}"]
        given = "money" if number == 20 else desk
        rows.append({"id": str(number), "text": " ".join(text), "desk": [given]})
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    return tmp_path


def test_audit_names_the_wrong_label_first(
    folder: Path, dateline: Callable[..., Any]
) -> None:
    given = (folder / "mine.jsonl", "--taxonomy", folder / "mine.toml")
    run = dateline("samples", "audit", *given, "--json")
    assert run.code == 0, run.err
    first = json.loads(run.out)[0]
    assert (first["id"], first["axis"]) == ("20", "desk")
    assert (first["given"], first["predicted"]) == (["money"], ["sport"])
    assert 0 < first["score"] <= 1
    assert "20" in dateline("samples", "audit", *given).out


def test_check_counts_labels_and_refuses_what_cannot_be_used(
    folder: Path, dateline: Callable[..., Any]
) -> None:
    mine = folder / "mine.jsonl"
    run = dateline(
        "samples", "check", mine, "--taxonomy", folder / "mine.toml", "--json"
    )
    assert run.code == 0, run.out
    assert json.loads(run.out)["counts"] == {"desk": {"sport": 29, "money": 31}}
    with mine.open("a") as file:
        file.write('{"text": "goal", "desk": ["sprot"]}\n')
    run = dateline("samples", "check", mine, "--taxonomy", folder / "mine.toml")
    assert run.code == 1
    assert "mine.jsonl:61: 'sprot' is no label" in run.out
    assert "nearest: sport" in run.out


def test_suggested_articles_come_with_their_text_and_reasons(
    tmp_path: Path,
    model_file: Path,
    samples: list[Sample],
    taxonomy: Taxonomy,
    dateline: Callable[..., Any],
) -> None:
    pool = tmp_path / "feed.jsonl"
    rows = [{"id": s.id, "text": s.text} for s in samples]
    pool.write_text("\n".join(map(json.dumps, [*rows, {"id": "bad"}])) + "\n")
    run = dateline("samples", "suggest", pool, "-n", "3", "-m", model_file)
    assert run.code == 0, run.err
    chosen = [json.loads(line) for line in run.out.splitlines()]
    assert len({row["id"] for row in chosen}) == 3
    texts = {s.id: s.text for s in samples}
    assert all(row["text"] == texts[row["id"]] for row in chosen)
    assert all(row["unsure"] for row in chosen)
    assert "feed.jsonl:73: no text" in run.err


def test_nothing_to_choose_from_is_refused(
    tmp_path: Path, model_file: Path, dateline: Callable[..., Any]
) -> None:
    pool = tmp_path / "feed.jsonl"
    pool.write_text("")
    run = dateline("samples", "suggest", pool, "-m", model_file)
    assert run.code == 2
    assert "no articles to choose from" in run.err
