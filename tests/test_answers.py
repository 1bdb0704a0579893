"""Answers out: forms, kept columns, bad rows, what a terminal and a spreadsheet get."""

from __future__ import annotations

import csv
import datetime
import fcntl
import io
import itertools
import json
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dateline.predict import Article, Model, Predictor
from dateline.predict.answers import (
    CHUNK,
    answer_chunks,
    as_text,
    chunked,
    csv_line,
    defused,
    json_line,
    to_json,
)
from dateline.predict.articles import BadRow

ROWS: list[dict[str, Any]] = [
    {"id": "a", "text": "Snow in Oslo", "url": "http://a", "n": 1},
    {"id": 2, "text": 7, "n": 2.5, "land": "ours"},
    {"id": "c", "text": "Rome", "n": None, "tags": ["x", {"y": "ü"}]},
]


@pytest.fixture
def rows_file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def read_parquet(path: Path) -> list[dict[str, Any]]:
    pytest.importorskip("pyarrow")
    from pyarrow.parquet import read_table

    rows: list[dict[str, Any]] = read_table(path).to_pylist()
    return rows


class TestForms:
    def test_name_of_the_output_chooses_the_form(
        self, dateline: Callable[..., Any], model_file: Path, rows_file: Path
    ) -> None:
        given = ["predict", rows_file, "-m", model_file, "-o"]
        for name in ("a.jsonl", "a.csv", "a.parquet"):
            run = dateline(*given, rows_file.with_name(name))
            assert run.code == 2  # one row cannot be read
            assert "3 rows; 1 rows could not be read" in run.err
        answers = [
            json.loads(line)
            for line in rows_file.with_name("a.jsonl").read_text().splitlines()
        ]
        cells = list(
            csv.DictReader(io.StringIO(rows_file.with_name("a.csv").read_text()))
        )
        table = read_parquet(rows_file.with_name("a.parquet"))
        assert [a["id"] for a in answers] == ["a", "2", "c"]
        assert [a["id"] for a in cells] == ["a", "2", "c"]
        assert [a["id"] for a in table] == ["a", "2", "c"]
        for answer, row in zip(answers, table, strict=True):
            assert answer.get("land") == row["land"]
            assert answer.get("error") == row["error"]
        assert not rows_file.with_name("a.parquet.partial").exists()

    def test_lines_of_json_are_those_of_the_objects(
        self, model: Model, rows_file: Path
    ) -> None:
        predictor = Predictor(model, threshold=0)
        for id in ('q"\\\n', "ü\x9b", ""):
            answer = predictor.predict(Article("Snow in Oslo", id=id))
            line = as_text((answer, answer), "jsonl", ())  # type: ignore[arg-type]
            assert line == json_line(to_json(answer))
            assert json.loads(line)["id"] == id

    @pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.zst"])
    def test_packed_output_is_refused(
        self,
        dateline: Callable[..., Any],
        model_file: Path,
        rows_file: Path,
        name: str,
    ) -> None:
        out = rows_file.with_name(name)
        run = dateline("predict", rows_file, "-m", model_file, "-o", out)
        assert run.code == 2
        assert "answers are not packed" in run.err
        assert not out.exists()

    def test_parquet_goes_to_a_file_and_takes_its_extra(
        self,
        dateline: Callable[..., Any],
        model_file: Path,
        rows_file: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        given = ["predict", rows_file, "-m", model_file, "-f", "parquet"]
        assert "-f parquet goes with -o" in dateline(*given).err
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        out = rows_file.with_name("out")
        run = dateline(*given, "-o", out)
        assert run.code == 2
        assert "pip install 'dateline[parquet]'" in run.err
        assert not out.exists()


class TestKeptColumns:
    def test_all_come_out_as_json(
        self, dateline: Callable[..., Any], model_file: Path, rows_file: Path
    ) -> None:
        run = dateline("predict", rows_file, "-m", model_file, "--keep-columns", "all")
        answers = list(map(json.loads, run.out.splitlines()))
        assert [list(a) for a in answers] == [
            ["id", "land", "desk", "text", "url", "n"],
            ["id", "error", "text", "n", "input_land"],
            ["id", "land", "desk", "text", "n", "tags"],
        ]
        for answer, row in zip(answers, ROWS, strict=True):
            assert all(answer[key] == row[key] for key in ("text", "n"))
        assert answers[1]["input_land"] == "ours"
        assert answers[2]["tags"] == ROWS[2]["tags"]

    def test_named_ones_come_out_as_csv(
        self, dateline: Callable[..., Any], model_file: Path, rows_file: Path
    ) -> None:
        given = ["predict", rows_file, "-m", model_file, "-f", "csv"]
        run = dateline(*given, "--keep-columns", "n, tags")
        rows = list(csv.DictReader(io.StringIO(run.out)))
        assert [row["n"] for row in rows] == ["1", "2.5", ""]
        assert [row["tags"] for row in rows] == ["", "", '["x", {"y": "ü"}]']

    def test_columns_that_csv_leaves_out_are_told(
        self, dateline: Callable[..., Any], model_file: Path, rows_file: Path
    ) -> None:
        with rows_file.open("a") as file:
            file.write('{"text": "Oslo"}\n' * 100 + '{"text": "Oslo", "late": 1}\n')
        given = ["predict", rows_file, "-m", model_file, "-f", "csv"]
        run = dateline(*given, "--keep-columns", "all")
        (first, *_) = run.out.splitlines()
        assert first.endswith("error,text,url,n,input_land,tags")
        assert "1 rows have columns that the first ones have not" in run.err

    def test_parquet_keeps_kinds_of_values(
        self, dateline: Callable[..., Any], model_file: Path, rows_file: Path
    ) -> None:
        out = rows_file.with_name("a.parquet")
        dateline(
            *("predict", rows_file, "-m", model_file, "-o", out),
            *("--keep-columns", "n,url,tags"),
        )
        rows = read_parquet(out)
        assert [row["n"] for row in rows] == [1.0, 2.5, None]
        assert [row["url"] for row in rows] == ["http://a", None, None]
        assert rows[2]["tags"] == '["x", {"y": "ü"}]'

    def test_what_json_has_not_becomes_a_string(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        pa = pytest.importorskip("pyarrow")
        import pyarrow.parquet

        day = datetime.datetime(2024, 5, 1, 10, 30)
        columns = {"text": ["Oslo"], "day": [day], "x": [float("nan")], "b": [b"\xff"]}
        pyarrow.parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
        run = dateline(
            *("predict", tmp_path / "a.parquet", "-m", model_file),
            *("--keep-columns", "all"),
        )
        answer = json.loads(run.out, parse_constant=lambda name: pytest.fail(name))
        assert answer["day"] == "2024-05-01T10:30:00"
        assert (answer["x"], answer["b"]) == (None, "/w==")

    def test_names_of_columns_never_meet(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        row = {"id": "i", "nr": "n", "text": "Oslo", "error": 1, "input_error": 2}
        path = tmp_path / "a.jsonl"
        path.write_text(json.dumps(row) + "\n")
        given = ["predict", path, "-m", model_file, "--keep-columns", "all"]
        answer = json.loads(dateline(*given, "--id-field", "nr").out)
        assert (answer["id"], answer["input_id"]) == ("n", "i")
        assert (answer["input_error"], answer["input_input_error"]) == (2, 1)
        assert "error" not in answer

    def test_missing_one_is_refused(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "a.csv").write_text("text\nOslo\n")
        given = ["predict", tmp_path / "a.csv", "-m", model_file, "--keep-columns"]
        assert "no column is called 'url'" in dateline(*given, "url").err
        assert "is empty" in dateline(*given, "url,").err


class TestBadRows:
    def test_strict_stops_at_the_first(
        self, dateline: Callable[..., Any], model_file: Path, rows_file: Path
    ) -> None:
        out = rows_file.with_name("a.jsonl")
        given = ["predict", rows_file, "-m", model_file, "-o", out]
        run = dateline(*given, "--strict")
        assert run.code == 2
        assert f"{rows_file}:2: 'text' is int" in run.err
        assert run.err.count("\n") == 1
        assert [json.loads(a)["id"] for a in out.read_text().splitlines()] == ["a"]
        assert dateline(*given, "--resume").code == 2
        ids = [json.loads(answer)["id"] for answer in out.read_text().splitlines()]
        assert ids == ["a", "2", "c"]


class TestSafety:
    @pytest.mark.parametrize(
        ("cell", "written"),
        [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            ("-2+3", "'-2+3"),
            (" =1", "' =1"),
            ("\t=1", "'\t=1"),
            ("＝1", "'＝1"),
            ("-12", "-12"),
            ("+3.5e4", "+3.5e4"),
            ("-1,234.5%", "-1,234.5%"),
            ("-", "-"),
            ("a=1", "a=1"),
            ("", ""),
        ],
    )
    def test_no_cell_is_a_formula(self, cell: str, written: str) -> None:
        assert defused(cell) == written

    def test_formula_is_defused_in_every_column_and_resumed(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        row = {"id": "=ID()", "text": "Oslo", "=name": "=HYPERLINK()"}
        bad = {"id": "=BAD()", "text": 1, "=name": 2}
        path, out = tmp_path / "a.jsonl", tmp_path / "a.csv"
        path.write_text("".join(json.dumps(r) + "\n" for r in (bad, row)))
        given = ["predict", path, "-m", model_file, "--keep-columns", "all", "-o", out]
        dateline(*given)
        whole = out.read_bytes()
        for cells in csv.reader(io.StringIO(whole.decode())):
            assert not [cell for cell in cells if cell.startswith("=")]
        assert dateline(*given, "--resume").code == 2
        assert out.read_bytes() == whole

    @pytest.mark.parametrize("form", ["text", "jsonl", "csv"])
    def test_nothing_that_a_terminal_obeys_is_printed(
        self, model_file: Path, tmp_path: Path, form: str
    ) -> None:
        evil = "\x1b]0;x\x07\x9b31m\x7f\u202e"
        rows = [
            {"id": f"i{evil}", "text": "Oslo", "title": evil, f"c{evil}": evil},
            {"id": f"b{evil}", "text": 1},
        ]
        # Names of files are strangers' words, too.
        path = tmp_path / f"a{evil.replace('/', '')}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        shown = on_terminal(
            *("predict", path, "-m", model_file, "-f", form, "--keep-columns", "all")
        )
        shown += on_terminal("predict", tmp_path / f"none{evil}", "-m", model_file)
        shown += on_terminal("predict", path, "-m", model_file, "--text-field", evil)
        assert "i" in shown
        controls = {c for c in shown if c < " " or "\x7f" <= c <= "\x9f"}
        assert controls <= {"\r", "\n"}
        assert "\u202e" not in shown

    def test_explanations_are_printed_so_as_well(
        self, model_file: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "a.txt").write_text("Oslo\n\nSnow \x1b[2J\x9b in Oslo")
        for options in ([], ["--json"]):
            shown = on_terminal(
                "explain", tmp_path / "a.txt", "-m", model_file, *options
            )
            assert "The North" in shown
            assert not {"\x1b", "\x9b"} & set(shown)


class TestProgress:
    def test_rate_and_remaining_time_are_shown_on_a_terminal(
        self, model_file: Path, tmp_path: Path
    ) -> None:
        path, out = tmp_path / "a.jsonl", tmp_path / "o.jsonl"
        path.write_text('{"text": "Snow in Oslo"}\n' * 5000)
        shown = on_terminal("predict", path, "-m", model_file, "-o", out)
        # As many as there are is guessed from how far reading is.
        assert re.search(r"100%.* 5000/5000 \[\S+<00:00, .*articles/s\]", shown)

    def test_nothing_is_shown_elsewhere(
        self, dateline: Callable[..., Any], model_file: Path, rows_file: Path
    ) -> None:
        out = rows_file.with_name("o.jsonl")
        run = dateline("predict", rows_file, "-m", model_file, "-o", out)
        assert run.err.count("\n") == 1
        assert "articles" not in run.err
        # Nor among answers that are read on the terminal.
        assert "articles" not in on_terminal("predict", rows_file, "-m", model_file)


def on_terminal(*arguments: object) -> str:
    """What the command prints on a terminal, errors included."""
    pid, terminal = pty.fork()
    if pid == 0:  # the child
        size = struct.pack("HHHH", 24, 120, 0, 0)
        fcntl.ioctl(0, termios.TIOCSWINSZ, size)
        words = [sys.executable, "-m", "dateline", *map(str, arguments)]
        os.execv(sys.executable, words)
    shown = b""
    try:
        while piece := os.read(terminal, 1 << 16):
            shown += piece
    except OSError:  # Linux says so that the other end is closed
        pass
    os.waitpid(pid, 0)
    os.close(terminal)
    return shown.decode("utf-8")


class TestSideBySide:
    def test_same_answers_in_the_same_order(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.jsonl"
        texts = itertools.cycle(["Snow in Oslo", "Rome", "A home run in Tokyo", None])
        rows = [{"id": str(n), "text": next(texts)} for n in range(1000)]
        rows[500] = {"id": "bad", "text": 5}  # type: ignore[dict-item]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        alone = dateline("predict", path, "-m", model_file)
        together = dateline("predict", path, "-m", model_file, "-j", 2)
        assert alone.out == together.out
        ids = [json.loads(line)["id"] for line in alone.out.splitlines()]
        assert ids == [row["id"] for row in rows]

    @pytest.mark.parametrize("jobs", [1, 2])
    def test_few_rows_are_held(
        self, model: Model, jobs: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "cpu_count", lambda: 2)
        read = 0

        def rows() -> Iterator[Article | BadRow]:
            nonlocal read
            for read in range(1, 50 * CHUNK + 1):
                yield Article("Snow in Oslo", id=str(read))

        answered = 0
        for chunk in answer_chunks(Predictor(model), chunked(rows()), jobs=jobs):
            answered += len(chunk)
            assert read - answered <= (2 * jobs + 1) * CHUNK
        assert answered == 50 * CHUNK


def test_a_lone_carriage_return_is_quoted() -> None:
    assert csv_line(["a\rb", "c"]) == '"a\rb","c"\n'
