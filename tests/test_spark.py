"""The recipe for Spark, run where Spark is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dateline.labels import Sample

SCRIPT = Path(__file__).parent.parent / "scripts" / "predict_on_spark.py"

pytestmark = [
    pytest.mark.skipif(not SCRIPT.exists(), reason="runs away from the checkout"),
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark takes Java"),
]


def test_spark_answers_as_one_process(
    tmp_path: Path,
    model_file: Path,
    samples: list[Sample],
    dateline: Callable[..., Any],
) -> None:
    pytest.importorskip("pyspark", reason="takes pip install pyspark pandas")
    pytest.importorskip("pandas")
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    (tmp_path / "articles").mkdir()
    for part in range(3):
        table = {
            "id": [None if n == 5 else part * 1000 + 100 + n for n in range(72)],
            "text": [
                None if n == 9 else sample.text for n, sample in enumerate(samples)
            ],
        }
        pq.write_table(pa.table(table), tmp_path / "articles" / f"{part}.parquet")
    ran = subprocess.run(
        [
            *(sys.executable, SCRIPT, tmp_path / "articles", tmp_path / "answers"),
            *("-m", model_file),
        ],
        env=os.environ
        | {
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_SUBMIT_ARGS": "--master local[2] --conf spark.ui.enabled=false "
            "--conf spark.driver.bindAddress=127.0.0.1 pyspark-shell",
        },
        capture_output=True,
        check=False,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    found = pq.read_table(tmp_path / "answers").to_pylist()
    one = tmp_path / "one.jsonl"
    articles = sorted((tmp_path / "articles").iterdir())
    dateline("predict", *articles, "-m", model_file, "-o", one)
    expected = [json.loads(line) for line in one.read_text("utf-8").splitlines()]
    # One process gives a row without an id its number; Spark has no number to give.
    for answer in expected:
        answer["id"] = "" if answer["id"] == "6" else answer["id"]
    assert len(found) == len(expected) == 216

    def in_order(answers: list[dict[str, Any]]) -> list[str]:
        return sorted(json.dumps(answer) for answer in answers)

    assert in_order(found) == in_order(expected)
