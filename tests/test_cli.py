"""The command line: its forms, its exit codes, and that bad input is one line."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dateline import __version__
from dateline.cli import _COMMANDS, group
from dateline.labels import Sample, write_samples
from dateline.predict import Model, Predictor
from dateline.predict import articles as articles_module
from dateline.predict.counter import COMPILED

TEXT = "Shares fell in Oslo after the bank raised interest rates."


@pytest.fixture
def taxonomy_file(tmp_path: Path) -> Path:
    path = tmp_path / "taxonomy.toml"
    path.write_text(
        '[[axis]]\nid = "land"\n'
        '[[axis.label]]\nid = "north"\ncountries = ["NO", "SE"]\n'
        '[[axis.label]]\nid = "south"\ncountries = ["ES", "IT"]\n'
        '[[axis.label]]\nid = "east"\n'
        '[[axis]]\nid = "desk"\n[[axis.label]]\nid = "sport"\n[[axis.label]]\nid = "money"\n'
    )
    return path


@pytest.fixture
def samples_file(tmp_path: Path, samples: list[Sample]) -> Path:
    path = tmp_path / "samples.jsonl"
    write_samples(path, samples)
    return path


@pytest.fixture
def rows_file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        '{"id": "a", "text": "Shares fell in Oslo"}\n'
        "{\n"
        '{"headline": "A home run in Tokyo", "body": "Supporters cheered"}\n'
        "[1]\n"
        '{"id": 5, "text": 7}\n'
        '{"id": "f", "kind": "video"}\n'
        '{"id": "g", "text": ""}\n'
    )
    return path


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def assert_refused(run: Any, said: str) -> None:
    assert run.code == 2
    assert said in run.err
    assert run.err.count("\n") == 1
    assert "Traceback" not in run.err


class TestPredict:
    def test_text_file_is_answered_for_people(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "article.txt"
        path.write_text(f"A headline\n\n{TEXT}\nMore.\n")
        run = dateline("predict", path, "-m", model_file)
        assert run.code == 0
        assert run.out.splitlines()[0] == str(path)
        assert re.search(r"land  The North [01]\.\d\d$", run.out, re.MULTILINE)

    def test_table_is_answered_row_by_row_in_order(
        self, dateline: Callable[..., Any], model_file: Path, rows_file: Path
    ) -> None:
        run = dateline("predict", rows_file, "-m", model_file)
        assert run.code == 2
        answers = lines(run.out)
        assert [a["id"] for a in answers] == ["a", "2", "3", "4", "5", "f", "g"]
        assert ["error" in a for a in answers] == [
            False,
            True,
            False,
            True,
            True,
            True,
            False,
        ]
        assert answers[0]["land"][0].keys() == {"label", "name", "code", "score"}
        assert answers[0]["land"][0]["label"] == "north"
        assert answers[2]["land"][0]["label"] == "east"
        assert answers[6] == {"id": "g", "land": [], "desk": []}
        assert f"{rows_file}:2: not valid JSON" in answers[1]["error"]
        assert "4 rows could not be read" in run.err

    @pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz"])
    def test_csv_is_read_by_its_header(
        self,
        dateline: Callable[..., Any],
        model_file: Path,
        tmp_path: Path,
        name: str,
    ) -> None:
        mark = "\t" if name.endswith(".tsv") else ","
        rows = [
            ["ID", "Title", "Text"],
            ["x", "", 'Shares "fell"\nin Oslo'],
            ["y", "too", "many", "cells"],
            ["z", "Tokyo", ""],
        ]
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=mark).writerows(rows)
        data = ("\ufeff" + buffer.getvalue()).encode()
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
        run = dateline("predict", path, "-m", model_file)
        answers = lines(run.out)
        assert [a["id"] for a in answers] == ["x", "y", "z"]
        assert answers[0]["land"][0]["label"] == "north"
        assert "4 cells under 3 columns" in answers[1]["error"]
        assert answers[2]["land"][0]["label"] == "east"

    def test_parquet_is_read(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        pa = pytest.importorskip("pyarrow")
        import pyarrow.parquet

        path = tmp_path / "a.parquet"
        table = pa.table({"id": ["x", "y"], "body": [TEXT, None], "n": [1, 2]})
        pyarrow.parquet.write_table(table, path)
        run = dateline("predict", path, "-m", model_file)
        assert [a["id"] for a in lines(run.out)] == ["x", "y"]
        assert lines(run.out)[0]["land"][0]["label"] == "north"

    def test_csv_answers_hold_labels_and_scores(
        self, dateline: Callable[..., Any], model_file: Path, rows_file: Path
    ) -> None:
        run = dateline("predict", rows_file, "-m", model_file, "-f", "csv")
        rows = list(csv.DictReader(io.StringIO(run.out)))
        assert list(rows[0]) == [
            "id",
            "land",
            "land_scores",
            "desk",
            "desk_scores",
            "error",
        ]
        assert rows[0]["land"] == "north"
        assert 0 < float(rows[0]["land_scores"]) <= 1
        assert rows[1]["error"]

    @pytest.mark.parametrize("jobs", [1, 2])
    def test_threshold_and_jobs(
        self,
        dateline: Callable[..., Any],
        model_file: Path,
        tmp_path: Path,
        jobs: int,
    ) -> None:
        path = tmp_path / "many.jsonl"
        path.write_text(
            "".join(json.dumps({"id": str(i), "text": TEXT}) + "\n" for i in range(300))
        )
        run = dateline("predict", path, "-m", model_file, "-t", 0, "-j", jobs)
        answers = lines(run.out)
        assert [a["id"] for a in answers] == [str(i) for i in range(300)]
        assert all(len(a["land"]) == 3 for a in answers)

    @pytest.mark.parametrize("form", ["jsonl", "csv"])
    def test_resume_goes_on_where_a_run_was_cut(
        self,
        dateline: Callable[..., Any],
        model_file: Path,
        tmp_path: Path,
        form: str,
    ) -> None:
        path = tmp_path / "many.jsonl"
        rows = [{"id": f'{i} "q"\nx', "text": TEXT} for i in range(9)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        out = tmp_path / "out"
        arguments = ["predict", path, "-m", model_file, "-f", form, "-o", out]
        assert dateline(*arguments).code == 0
        whole = out.read_bytes()
        for length in range(0, len(whole), 7):
            out.write_bytes(whole[:length])
            assert dateline(*arguments, "--resume").code == 0
            assert out.read_bytes() == whole, length

    def test_resume_on_another_file_is_refused(
        self,
        dateline: Callable[..., Any],
        model_file: Path,
        rows_file: Path,
        tmp_path: Path,
    ) -> None:
        out = tmp_path / "out"
        out.write_text("my notes\n")
        run = dateline("predict", rows_file, "-m", model_file, "-o", out, "--resume")
        assert_refused(run, "holds something else than jsonl answers")
        assert out.read_text() == "my notes\n"

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (TEXT, "-\n  land  The North"),
            ('{"id": "j", "text": "' + TEXT + '"}\n', '{"id": "j", "land": [{"label"'),
            ("\n", "-\n  land  none"),
        ],
    )
    def test_standard_input_is_a_text_or_json_lines(
        self, model_file: Path, given: str, expected: str
    ) -> None:
        run = subprocess.run(
            [sys.executable, "-m", "dateline", "predict", "-m", str(model_file)],
            input=given.encode(),
            capture_output=True,
            check=True,
        )
        assert run.stdout.decode().startswith(expected)

    def test_answers_appear_as_lines_arrive(self, model_file: Path) -> None:
        with subprocess.Popen(
            [sys.executable, "-m", "dateline", "predict", "-m", str(model_file), "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdin and process.stdout
            for id in ("first", "second"):
                process.stdin.write(json.dumps({"id": id, "text": TEXT}).encode())
                process.stdin.write(b"\n")
                process.stdin.flush()
                assert json.loads(process.stdout.readline())["id"] == id
            process.stdin.close()
            assert process.wait() == 0

    def test_reader_that_goes_away_ends_the_run_quietly(
        self, model_file: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "many.jsonl"
        path.write_text((json.dumps({"text": TEXT}) + "\n") * 3000)
        command = f"{sys.executable} -m dateline predict -m {model_file} {path}"
        run = subprocess.run(
            ["bash", "-c", f"{command} | head -n 1; exit ${{PIPESTATUS[0]}}"],
            capture_output=True,
            check=False,
        )
        assert run.returncode == 141
        assert run.stderr == b""
        assert run.stdout.count(b"\n") == 1

    def test_output_stays_as_it_is_when_the_input_cannot_be_used(
        self, dateline: Callable[..., Any], model_file: Path, rows_file: Path
    ) -> None:
        before = rows_file.read_bytes()
        run = dateline("predict", rows_file, "-m", model_file, "-o", rows_file)
        assert_refused(run, "is read from and cannot be written to")
        rows_file.with_name("bytes.txt").write_bytes(b"M\x81laga")
        for name in ("none.jsonl", "bytes.txt"):
            other = rows_file.with_name(name)
            run = dateline("predict", other, "-m", model_file, "-o", rows_file)
            assert run.code == 2
        assert rows_file.read_bytes() == before

    @pytest.mark.parametrize(
        ("form", "content"),
        [
            ("jsonl", "my notes"),
            ("jsonl", '"my id string"\n'),
            ("jsonl", '{"id": "s", "text": "mine"}\n'),
            ("jsonl", '{"id": "zz", "land": [], "desk": []}\n'),
            ("csv", "id,title,text\n"),
            ("csv", 'id,"oops\n1,2\n'),
        ],
    )
    def test_file_that_is_not_ours_is_not_resumed(
        self,
        dateline: Callable[..., Any],
        model_file: Path,
        rows_file: Path,
        form: str,
        content: str,
    ) -> None:
        out = rows_file.with_name("out")
        out.write_text(content)
        run = dateline(
            "predict", rows_file, "-m", model_file, "-f", form, "-o", out, "--resume"
        )
        assert run.code == 2
        assert "name another file" in run.err
        assert out.read_text() == content

    def test_resumed_run_still_says_that_rows_failed(
        self, dateline: Callable[..., Any], model_file: Path, rows_file: Path
    ) -> None:
        arguments = ["predict", rows_file, "-m", model_file, "-o"]
        out = rows_file.with_name("out")
        assert dateline(*arguments, out).code == 2
        again = dateline(*arguments, out, "--resume")
        assert again.code == 2
        assert "4 rows could not be read" in again.err

    @pytest.mark.parametrize("jobs", [1, 2])
    def test_what_came_before_a_broken_file_is_answered(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path, jobs: int
    ) -> None:
        good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl.gz"
        good.write_text((json.dumps({"text": TEXT}) + "\n") * 70)
        bad.write_bytes(gzip.compress(b'{"text": "x"}\n' * 9)[:-12])
        run = dateline("predict", good, bad, "-m", model_file, "-j", jobs)
        assert_refused(run, f"{bad}: cannot be read")
        assert run.out.count("\n") >= 70

    def test_row_that_is_not_utf8_is_one_bad_row(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        for name, rows in (
            ("a.jsonl", [b'{"text": "a"}', b'{"text": "M\x81laga"}', b'{"text": "b"}']),
            ("a.csv", [b"text", b"a", b"M\x81laga", b"b"]),
        ):
            path = tmp_path / name
            path.write_bytes(b"\n".join(rows) + b"\n")
            answers = lines(dateline("predict", path, "-m", model_file).out)
            assert ["error" in a for a in answers] == [False, True, False]
            assert "not UTF-8" in answers[1]["error"]

    def test_unclosed_quote_swallows_no_rows_in_silence(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.csv"
        path.write_text('id,text\na,"Snow in Oslo\nb,Snow in Rome\n')
        run = dateline("predict", path, "-m", model_file)
        assert run.code == 2
        assert "not valid CSV" in lines(run.out)[0]["error"]

    def test_first_row_may_be_bad_on_standard_input(self, model_file: Path) -> None:
        run = subprocess.run(
            [sys.executable, "-m", "dateline", "predict", "-m", str(model_file)],
            input=b'{"id": \n{"id": "b", "text": "Oslo"}\n',
            capture_output=True,
            check=False,
        )
        assert run.returncode == 2
        assert [a["id"] for a in lines(run.stdout.decode())] == ["1", "b"]

    def test_control_characters_do_not_reach_the_terminal(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "rows.jsonl"
        path.write_text(json.dumps({"id": "\x1b[31mred", "text": TEXT}) + "\n")
        run = dateline("predict", path, "-m", model_file, "-f", "text")
        assert "\x1b" not in run.out

    def test_what_is_not_there_or_cannot_be_used_is_refused(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        here = tmp_path / "a.txt"
        here.write_text(TEXT)
        neither = tmp_path / "neither.txt"
        neither.write_bytes(b"M\x81laga")
        empty = tmp_path / "empty"
        empty.mkdir()
        columns = tmp_path / "columns.csv"
        columns.write_text("a,b\n1,2\n")
        for arguments, said in [
            (["predict", tmp_path / "none.txt", "-m", model_file], "No such file"),
            (["predict", empty, "-m", model_file], "holds no file of articles"),
            (["predict", neither, "-m", model_file], "not UTF-8"),
            (["predict", columns, "-m", model_file], "no column holds the text"),
            (["predict", here, "-m", tmp_path / "none"], "does not exist"),
            (["predict", here, "-m", here], "is no model"),
            (["predict", here, "-m", model_file, "-t", "2"], "0<=x<=1"),
            (["predict", here, "-m", model_file, "-t", "nan"], "no probability"),
            (["predict", here, "-m", model_file, "-j", "0"], "neither -1 nor"),
            (["predict", "-", "-", "-m", model_file], "only once"),
            (["predict", "arr.json", "-m", model_file], "one object a line"),
            (["explain", here, "-m", model_file, "-n", "-3"], "x>=0"),
            (["predict", here, "-m", model_file, "-f", "xml"], "'xml'"),
            (["predict", here, "--colour"], "--colour"),
            (["predict", here, "--resume"], "--resume goes with -o"),
            (
                ["predict", here, "-m", model_file, "-o", tmp_path / "x" / "y"],
                "cannot be written",
            ),
        ]:
            assert_refused(dateline(*arguments), said)

    def test_missing_parquet_reader_is_named_with_its_command(
        self,
        dateline: Callable[..., Any],
        model_file: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        (tmp_path / "a.parquet").touch()
        run = dateline("predict", tmp_path / "a.parquet", "-m", model_file)
        assert_refused(run, "pip install 'dateline[parquet]'")


@pytest.mark.usefixtures("small_lexicon")
class TestTrainAndEvaluate:
    def test_trained_model_is_evaluated_and_used(
        self,
        dateline: Callable[..., Any],
        taxonomy_file: Path,
        samples_file: Path,
        tmp_path: Path,
    ) -> None:
        out = tmp_path / "mine"
        run = dateline(
            "train", samples_file, "-o", out, "--taxonomy", taxonomy_file, "-j", 2
        )
        assert run.code == 0
        assert "72 samples" in run.out
        again = tmp_path / "again"
        dateline("train", samples_file, "-o", again, "--taxonomy", taxonomy_file)
        assert again.read_bytes() == out.read_bytes()

        run = dateline("evaluate", samples_file, "-m", out, "--json")
        assert run.code == 0
        figures = json.loads(run.out)
        assert list(figures) == ["land", "desk"]
        assert figures["land"]["n"] == 72
        assert figures["land"]["top1"] > 0.9
        assert {"micro_f1", "macro_f1", "ece", "per_label", "intervals"} <= set(
            figures["land"]
        )
        assert "top1" in dateline("evaluate", samples_file, "-m", out).out

        gate = ["evaluate", samples_file, "-m", out, "--gate"]
        assert dateline(*gate, "land.top1>=0.5").code == 0
        run = dateline(*gate, "land.top1>=0.5,desk.ece>1")
        assert run.code == 1
        assert "desk.ece is" in run.err
        assert_refused(dateline(*gate, "sea.top1>1"), "no 'sea' here")

    def test_significantly_worse_model_exits_with_1(
        self,
        dateline: Callable[..., Any],
        model: Model,
        model_file: Path,
        samples_file: Path,
        tmp_path: Path,
    ) -> None:
        from dataclasses import replace

        worse = tmp_path / "worse"
        replace(model, weights=-np.asarray(model.weights)).save(worse)
        arguments = ["evaluate", samples_file, "--json", "-m"]
        run = dateline(*arguments, worse, "--against", model_file)
        assert run.code == 1
        assert "significantly worse" in run.err
        assert json.loads(run.out)["land"]["against"]["top1"]["difference"] < 0
        assert dateline(*arguments, model_file, "--against", worse).code == 0

    def test_model_that_answers_less_is_worse(
        self,
        dateline: Callable[..., Any],
        model_file: Path,
        taxonomy_file: Path,
        samples: list[Sample],
        tmp_path: Path,
    ) -> None:
        path, less = tmp_path / "s.jsonl", tmp_path / "less"
        write_samples(
            path,
            [Sample(s.id, "", s.text, {"desk": s.labels["desk"]}) for s in samples],
        )
        run = dateline("train", path, "-o", less, "--taxonomy", taxonomy_file)
        assert "land: no sample carries it" in run.err
        write_samples(path, samples)
        run = dateline("evaluate", path, "-m", less, "--against", model_file)
        assert run.code == 1
        assert "land: significantly worse" in run.err

    def test_own_phrases_are_added_to_the_lexicon(
        self,
        dateline: Callable[..., Any],
        taxonomy_file: Path,
        samples_file: Path,
        tmp_path: Path,
    ) -> None:
        table, out = tmp_path / "mine.tsv", tmp_path / "mine"
        table.write_text("place:NO\tQwertyville\n")
        arguments = ["train", samples_file, "-o", out, "--taxonomy", taxonomy_file]
        assert dateline(*arguments, "--lexicon", table).code == 0
        found = Predictor.load(out).predict("A marathon through Qwertyville")
        assert found["land"][0].label == "north"
        table.write_text("Qwertyville\n")
        assert_refused(dateline(*arguments, "--lexicon", table), f"{table}:1")

    def test_what_cannot_be_trained_is_refused(
        self,
        dateline: Callable[..., Any],
        taxonomy_file: Path,
        samples: list[Sample],
        tmp_path: Path,
    ) -> None:
        out = tmp_path / "mine"
        path = tmp_path / "s.jsonl"
        for text, said in [
            ("", "holds no samples"),
            ('{"text": "x", "land": ["nort"]}\n', f"{path}:1: 'nort' is no label"),
            ('{"text": "x"}\n', "no sample carries it"),
            ('{"text": "x", "desk": ["sport"]}\n' * 20, "on 20 of 20 samples"),
        ]:
            path.write_text(text)
            run = dateline("train", path, "-o", out, "--taxonomy", taxonomy_file)
            assert_refused(run, said)
        run = dateline("train", tmp_path / "none.jsonl", "-o", out)
        assert_refused(run, "No such file")
        few = [s for s in samples if s.labels["land"] != ("east",)]
        few += [s for s in samples if s.labels["land"] == ("east",)][:3]
        write_samples(path, few)
        arguments = ["train", path, "-o", out, "--taxonomy", taxonomy_file]
        assert_refused(dateline(*arguments, "--strict"), "'east' has 3 samples")
        assert not out.exists()
        run = dateline(*arguments)
        assert run.code == 0
        assert "warning: land: label 'east' has 3 samples" in run.err

    def test_samples_without_an_axis_of_the_model_are_refused(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "s.jsonl"
        path.write_text('{"text": "x", "mood": ["glad"]}\n')
        run = dateline("evaluate", path, "-m", model_file)
        assert_refused(run, "no sample carries an axis of the model (land, desk)")


class TestSamplesCheck:
    def test_report_and_exit_code(
        self, dateline: Callable[..., Any], tmp_path: Path
    ) -> None:
        path = tmp_path / "s.jsonl"
        path.write_text('{"id": "a", "text": "one two three four", "topics": []}\n')
        run = dateline("samples", "check", path)
        assert run.code == 0
        assert "1 samples" in run.out
        path.write_text('{"id": "a", "text": "x", "topics": ["sprot"]}\n')
        assert_refused(dateline("samples", "check", tmp_path / "none"), "No such file")
        (tmp_path / "empty").touch()
        run = dateline("samples", "check", tmp_path / "empty")
        assert_refused(run, "holds no samples")
        run = dateline("samples", "check", path, "--json")
        assert run.code == 1
        assert "nearest: sport" in json.loads(run.out)["errors"][0]


class TestExplainAndLabels:
    def test_words_that_decided_are_marked(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.txt"
        path.write_text(TEXT)
        run = dateline("explain", path, "-m", model_file)
        assert run.code == 0
        assert "land: The North" in run.out
        assert "place:NO" in run.out
        assert re.search(r"\[[^\]]*Oslo[^\]]*\]", run.out)
        found = json.loads(dateline("explain", path, "-m", model_file, "--json").out)
        assert found[0]["axis"] == "land"
        assert found[0]["evidence"][0]["spans"][0].keys() == {"field", "start", "end"}

    def test_article_without_a_known_term_is_said_so(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.txt"
        path.write_text("qqq")
        assert "no label" in dateline("explain", path, "-m", model_file).out
        path = tmp_path / "a.jsonl"
        path.write_text("")
        run = dateline("explain", path, "-m", model_file)
        assert_refused(run, "holds no article")

    def test_labels_are_listed_with_their_codes(
        self, dateline: Callable[..., Any], model_file: Path
    ) -> None:
        run = dateline("labels", "-m", model_file)
        assert "north" in run.out
        assert "The North" in run.out
        axes = json.loads(dateline("labels", "-m", model_file, "--json").out)
        assert [axis["id"] for axis in axes] == ["land", "desk"]


class TestHelp:
    def test_help_lists_the_commands_without_importing_them(self) -> None:
        code = (
            "import sys\nfrom dateline.cli import main\n"
            "try: main(['--help'])\nexcept SystemExit: pass\n"
            "print({'numpy', 'sklearn', 'tqdm'} & set(sys.modules))"
        )
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert run.stdout.endswith("set()\n")
        for name in _COMMANDS:
            assert f"  {name}" in run.stdout

    @pytest.mark.parametrize("name", list(_COMMANDS))
    def test_line_of_help_is_that_of_the_command(self, name: str) -> None:
        import click

        command = group.get_command(click.Context(group), name)
        assert command is not None
        assert command.get_short_help_str(200).rstrip(".") == _COMMANDS[name][1].rstrip(
            "."
        )

    def test_version(self, dateline: Callable[..., Any]) -> None:
        how = "compiled" if COMPILED else "in Python"
        expected = f"dateline {__version__} (scan {how})\n"
        assert dateline("--version").out == expected

    def test_unknown_command_is_refused(self, dateline: Callable[..., Any]) -> None:
        assert_refused(dateline("predcit"), "predcit")


def test_what_nobody_foresaw_is_one_line(
    dateline: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("surprise")

    monkeypatch.setattr(Predictor, "load", broken)
    assert_refused(dateline("labels"), "internal error: ZeroDivisionError: surprise")


def test_every_field_name_belongs_to_one_part() -> None:
    names = [name for part in articles_module._FIELDS.values() for name in part]
    assert len(names) == len(set(names))
