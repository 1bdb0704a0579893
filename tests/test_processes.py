"""Processes side by side (``predict -j``): the same bytes, and an end in order."""

from __future__ import annotations

import gzip
import itertools
import json
import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dateline.predict import Article, Model, ModelError, Predictor, processes, run
from dateline.predict.answers import AnswerError, Piece
from dateline.predict.fields import ArticleError, BadRow
from dateline.predict.processes import pieces_by_processes
from dateline.predict.resume import Shape

SHAPE = Shape("jsonl", ("land", "desk"))
TEXTS = ("Snow fell in Oslo", "Rome cheered a home run", "Shares fell in Tokyo", "")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let processes judge all but the first rows; numbers of rows that they are given."""
    given: list[int] = []
    worker: Any = processes._Worker
    is_ready, give = worker.is_ready.fget, worker.give

    def wait(self: Any) -> bool:
        return bool(self._ready or (self._here.poll(60) and is_ready(self)))

    def counted(self: Any, rows: Any) -> None:
        given.append(len(rows))
        give(self, rows)

    monkeypatch.setattr(worker, "is_ready", property(wait))
    monkeypatch.setattr(worker, "give", counted)
    monkeypatch.setattr(run, "FEW", 64)
    monkeypatch.setattr(processes, "ROWS", 64)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    return given


def long_run(
    command: list[str], many: Path, model_file: Path, out: Path
) -> subprocess.Popen[bytes]:
    """Begin a run of some time in a session of its own, that heeds Ctrl-C."""
    many.write_bytes(many.read_bytes() * 500)
    given = ["predict", many, "-m", model_file, "-o", out, "-j", "2"]
    return subprocess.Popen(
        [*command, *map(str, given)],
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def rows(count: int) -> Iterator[dict[str, Any]]:
    texts = itertools.cycle(TEXTS)
    for number in range(count):
        row = {"id": f'{number} "=ü', "text": next(texts), "n": number, "land": "x"}
        if number % 50 == 7:
            row["text"] = number
        yield row


@pytest.fixture
def many(tmp_path: Path) -> Path:
    path = tmp_path / "many.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows(700)))
    return path


def pieces(model: Model, path: Path, chunks: Any, jobs: int = 2) -> Iterator[Piece]:
    return pieces_by_processes(Predictor(model), path, chunks, SHAPE, jobs)


class TestSameBytes:
    @pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet", "a.txt"])
    @pytest.mark.parametrize("options", [[], ["--keep-columns", "all"], ["--strict"]])
    def test_as_from_one(
        self,
        dateline: Callable[..., Any],
        model_file: Path,
        many: Path,
        at_once: list[int],
        name: str,
        options: list[str],
    ) -> None:
        if name.endswith("parquet"):
            pytest.importorskip("pyarrow")
        if "--strict" in options:  # the bad row stands far behind
            lines = many.read_text().splitlines(keepends=True)
            many.write_text("".join(x for x in lines[:500] if '"text": "' in x))
            with many.open("a") as file:
                file.writelines(lines[500:])
        form = ["-f", "text"] if name == "a.txt" else []
        given = ["predict", many, "-m", model_file, *options, *form]
        out = many.with_name(name)
        found = []
        for jobs in (1, 3):
            ended = dateline(*given, "-o", out, "-j", jobs)
            grown = out if out.exists() else out.with_name(f"{name}.partial")
            found.append((ended.code, ended.err, grown.read_bytes()))
            assert bool(sum(at_once)) == (jobs == 3)
            for path in many.parent.glob("a.*"):
                path.unlink()
        assert found[0] == found[1]
        assert found[0][0] == 2
        assert len(found[0][2]) > 1000

    def test_of_several_files_one_of_which_breaks_off(
        self,
        dateline: Callable[..., Any],
        model_file: Path,
        many: Path,
        at_once: list[int],
    ) -> None:
        table = many.with_name("b.csv")
        table.write_bytes(b"id,text,n\n" + b"x,Caf\xe9 in Oslo,1\ny,Rome,2\n" * 200)
        packed = many.with_name("c.jsonl.gz")
        whole = gzip.compress(many.read_bytes())
        packed.write_bytes(whole[: len(whole) - 500])
        given = ["predict", many, table, packed, many, "-m", model_file]
        alone = dateline(*given)
        together = dateline(*given, "-j", 3)
        assert alone == together
        assert "c.jsonl.gz: cannot be read" in alone.err
        assert sum(at_once) > 1000
        assert alone.out.count("\n") > 1200

    def test_notes_of_columns_that_csv_leaves_out(
        self,
        dateline: Callable[..., Any],
        model_file: Path,
        many: Path,
        at_once: list[int],
    ) -> None:
        with many.open("a") as file:
            file.write('{"id": "last", "text": "Oslo", "late": 1}\n' * 3)
        given = ["predict", many, "-m", model_file, "-f", "csv"]
        given += ["--keep-columns", "all"]
        together = dateline(*given, "-j", 2)
        assert dateline(*given) == together
        assert "3 rows have columns that the first ones have not" in together.err

    def test_few_rows_start_no_process(
        self,
        dateline: Callable[..., Any],
        model_file: Path,
        many: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def refuse(*arguments: object) -> None:
            raise AssertionError("started")

        monkeypatch.setattr(processes._Worker, "__init__", refuse)
        monkeypatch.setattr(os, "cpu_count", lambda: 2)
        monkeypatch.setattr(run, "FEW", 700)
        given = ["predict", many, "-m", model_file, "-j", 2]
        assert dateline(*given).out.count("\n") == 700
        monkeypatch.setattr(run, "FEW", 699)
        assert "started" in dateline(*given).err


class TestSource:
    @pytest.mark.usefixtures("at_once")
    def test_few_rows_are_held(self, model: Model, model_file: Path) -> None:
        read = 0

        def chunks() -> Iterator[list[Article | BadRow]]:
            nonlocal read
            for read in range(1, 101):
                yield [Article("Snow in Oslo", id=str(read))] * 10

        answered = 0
        for piece in pieces(model, model_file, chunks()):
            answered += piece.rows // 10
            assert read - answered <= 2 * processes.AHEAD + 1
        assert answered == 100

    @pytest.mark.usefixtures("at_once")
    def test_rows_before_an_error_come_out_before_it(
        self, model: Model, model_file: Path
    ) -> None:
        def chunks() -> Iterator[list[Article | BadRow]]:
            for number in range(4):
                yield [Article("Snow in Oslo", id=str(number))]
            raise ArticleError("broken")

        found = []
        with pytest.raises(ArticleError, match="broken"):
            for piece in pieces(model, model_file, chunks()):
                found.append(json.loads(piece.text)["id"])
        assert found == ["0", "1", "2", "3"]
        assert multiprocessing.active_children() == []

    @pytest.mark.usefixtures("at_once")
    def test_model_that_was_replaced_is_not_used(
        self, model: Model, model_file: Path
    ) -> None:
        replace(model, bias=model.bias + 1e-9).save(model_file)
        chunks = [[Article("Snow in Oslo")]]
        with pytest.raises(ModelError, match="was replaced by another model"):
            list(pieces(model, model_file, chunks))


@pytest.mark.skipif(os.name != "posix", reason="takes signals")
class TestEnds:
    def test_killed_process_ends_the_run_and_resume_goes_on(
        self,
        dateline: Callable[..., Any],
        model_file: Path,
        many: Path,
        at_once: list[int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        out = many.with_name("out.jsonl")
        given = ["predict", many, "-m", model_file, "-o", out]
        whole = dateline(*given[:-2]).out.encode()
        give = processes._Worker.give

        def killing(worker: Any, rows: Any) -> None:
            if len(at_once) == 7:
                worker._process.kill()
            give(worker, rows)

        monkeypatch.setattr(processes._Worker, "give", killing)
        ended = dateline(*given, "-j", 2)
        assert ended.code == 2
        (line,) = ended.err.splitlines()
        assert "a process that judged articles was ended (SIGKILL" in line
        assert "--resume goes on from there" in line
        left = out.read_bytes()
        assert 64 <= left.count(b"\n") < 700
        assert whole.startswith(left)
        assert multiprocessing.active_children() == []
        monkeypatch.setattr(processes._Worker, "give", give)
        dateline(*given, "-j", 2, "--resume")
        assert out.read_bytes() == whole

    def test_killed_process_is_told_while_its_answers_are_waited_for(
        self, model: Model, model_file: Path, at_once: list[int]
    ) -> None:
        def chunks() -> Iterator[list[Article | BadRow]]:
            yield [Article("Snow in Oslo", id="a")]
            for child in multiprocessing.active_children():
                os.kill(child.pid or 0, signal.SIGSTOP)
            yield [Article("Rome", id="b")]
            for child in multiprocessing.active_children():
                child.kill()

        with pytest.raises(AnswerError, match="was ended"):
            list(pieces(model, model_file, chunks()))
        assert len(at_once) == 2

    @pytest.mark.parametrize(
        ("number", "to_all", "code", "said"),
        [
            (signal.SIGINT, True, 130, b"interrupted"),
            (signal.SIGTERM, False, 143, b"told to end"),
            (signal.SIGKILL, False, -9, b""),
        ],
    )
    def test_signal_leaves_no_process_and_no_traceback(
        self,
        model_file: Path,
        many: Path,
        processes_at_once: list[str],
        number: int,
        to_all: bool,
        code: int,
        said: bytes,
    ) -> None:
        out = many.with_name("out.jsonl")
        with long_run(processes_at_once, many, model_file, out) as process:
            while not out.exists() or out.stat().st_size < 100_000:
                assert process.poll() is None
            (os.killpg if to_all else os.kill)(process.pid, number)
            try:
                # Whoever is left holds the other end of its standard error.
                _, err = process.communicate(timeout=60)
            finally:
                if process.returncode is None:
                    os.killpg(process.pid, signal.SIGKILL)
            assert process.returncode == code
        assert said in err
        assert err.count(b"\n") == (1 if said else 0)
        if said:
            assert out.read_bytes().endswith(b"\n")
        for _ in range(600):  # they may be dead and not yet buried
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.1)
        pytest.fail("processes are left")

    def test_interrupt_while_processes_start_is_the_main_process_s_alone(
        self, model_file: Path, many: Path, processes_at_once: list[str]
    ) -> None:
        out = many.with_name("out.jsonl")
        with long_run(processes_at_once, many, model_file, out) as process:
            # The first rows are written, and workers begin to import.
            while not out.exists() or not out.stat().st_size:
                assert process.poll() is None
            time.sleep(0.1)
            os.killpg(process.pid, signal.SIGINT)
            _, err = process.communicate(timeout=60)
            assert process.returncode == 130
        assert err.splitlines() == [b"dateline: interrupted; what was written stays"]

    def test_closed_pipe_ends_it_quietly(
        self, model_file: Path, many: Path, processes_at_once: list[str]
    ) -> None:
        many.write_bytes(many.read_bytes() * 100)
        given = ["predict", many, "-m", model_file, "-j", "2"]
        with subprocess.Popen(
            [*processes_at_once, *map(str, given)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout
            assert process.stderr
            process.stdout.read(100_000)
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait(timeout=60) == 141
