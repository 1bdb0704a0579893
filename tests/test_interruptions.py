"""Whatever ends a run, nothing is written twice, nothing is missing, no line is half.

``DATELINE_KILLS=100 pytest tests/test_interruptions.py`` kills a hundred times.
"""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dateline.predict import Model

KILLS = int(os.environ.get("DATELINE_KILLS", "6"))
ROWS = 3000

needs_signals = pytest.mark.skipif(os.name != "posix", reason="takes signals")


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Rows of which some cannot be read, with ids that are hard to write."""
    path = tmp_path / "many.jsonl"
    with path.open("w") as file:
        for number in range(ROWS):
            row = {"id": f'{number} "=ü"\n', "text": "Snow fell in Oslo", "n": number}
            if number % 50 == 7:
                row["text"] = number
            file.write(json.dumps(row) + "\n")
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "dateline", *map(str, arguments)]


def ids_in(path: Path) -> list[str]:
    data = path.read_bytes()
    assert data.endswith(b"\n")
    return [json.loads(line)["id"] for line in data.splitlines()]


@needs_signals
@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.parquet"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_and_resumed_run_gives_the_same_file(
    tmp_path: Path,
    model_file: Path,
    many: Path,
    processes_at_once: list[str],
    name: str,
    jobs: int,
) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    out = tmp_path / name
    given = command(
        *("predict", many, "-m", model_file, "-j", jobs),
        *("--keep-columns", "n", "-o", out),
    )
    if jobs > 1:
        given = [*processes_at_once, *given[3:]]
    assert subprocess.run(given, capture_output=True, check=False).returncode == 2
    whole = out.read_bytes()
    growing = out.with_name(f"{name}.partial") if "parquet" in name else out
    unfinished = out.with_name(f"{name}.unfinished")
    choose = random.Random(f"{name} {jobs}")
    out.unlink()
    lines = tmp_path / "lines"
    subprocess.run(
        [*given[:-1], lines, "-f", "csv" if name.endswith("csv") else "jsonl"],
        capture_output=True,
        check=False,
    )
    size = lines.stat().st_size
    killed = 0
    while killed < -(-KILLS // 6):
        # A moment that is told by how far it is, on a machine of whatever speed.
        start = growing.stat().st_size if growing.exists() else 0
        until = choose.randint(start, max(start, size))
        # Or while Parquet is made of the answers.
        late = "parquet" in name and choose.random() < 0.3
        with subprocess.Popen([*given, "--resume"], stderr=subprocess.PIPE) as process:
            while process.poll() is None:
                far = growing.exists() and growing.stat().st_size >= until
                if unfinished.exists() if late else far:
                    process.kill()
                    break
                time.sleep(0.001)  # or the watching takes a core of its own
            process.wait()
            assert process.stderr
            said = process.stderr.read()
        if process.returncode == -signal.SIGKILL:
            killed += 1
            continue
        assert process.returncode == 2, said
        assert b"60 rows could not be read" in said
        assert out.read_bytes() == whole
        out.unlink()
    last = subprocess.run([*given, "--resume"], capture_output=True, check=False)
    assert last.returncode == 2, last.stderr
    assert out.read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == [
        name
    ]


def heeding_signals() -> None:
    """Undo what nohup and a shell's ``&`` do to their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@needs_signals
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "told to end")],
)
def test_signal_ends_the_run_in_order(
    tmp_path: Path, model_file: Path, number: int, code: int, said: str, jobs: int
) -> None:
    out = tmp_path / "out.jsonl"
    given = command("predict", "-", "-m", model_file, "-o", out, "-j", jobs)
    with subprocess.Popen(
        given,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heeding_signals,  # noqa: PLW1509
    ) as process:
        assert process.stdin
        assert process.stderr
        for row in range(3):
            process.stdin.write(f'{{"id": "{row}", "text": "Oslo"}}\n'.encode())
        process.stdin.flush()
        while not out.exists() or out.read_bytes().count(b"\n") < 3:
            assert process.poll() is None
        # It waits for the next line, which does not come.
        process.send_signal(number)
        assert process.wait(timeout=60) == code
        (line,) = process.stderr.read().decode().splitlines()
    assert said in line
    assert ids_in(out) == ["0", "1", "2"]


def limited(size: int) -> Callable[[], None]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@needs_signals
@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.parquet"])
def test_full_disk_leaves_whole_lines_and_is_resumed(
    tmp_path: Path, model_file: Path, many: Path, name: str
) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    out = tmp_path / name
    given = command("predict", many, "-m", model_file, "-o", out)
    subprocess.run(given, capture_output=True, check=False)
    whole = out.read_bytes()
    out.unlink()
    run = subprocess.run(
        given, capture_output=True, check=False, preexec_fn=limited(50_001)
    )
    assert run.returncode == 2
    assert run.stderr.count(b"\n") == 1
    assert b"cannot be written: File too large" in run.stderr
    assert b"--resume" in run.stderr
    left = out if name != "out.parquet" else tmp_path / "out.parquet.partial"
    assert 0 < left.stat().st_size <= 50_001
    if name != "out.csv":
        assert len(ids_in(left)) % 64 == 0
    here = {p.name for p in tmp_path.iterdir() if "out" in p.name}
    assert here == {left.name, f"{name}.run"}
    again = subprocess.run([*given, "--resume"], capture_output=True, check=False)
    assert b"60 rows could not be read" in again.stderr
    assert out.read_bytes() == whole
    assert [p.name for p in tmp_path.iterdir() if "out" in p.name] == [name]


@needs_signals
def test_disk_that_is_full_when_parquet_is_made_leaves_the_answers(
    tmp_path: Path, model_file: Path, many: Path
) -> None:
    pytest.importorskip("pyarrow")
    out = tmp_path / "out.parquet"
    given = command("predict", many, "-m", model_file, "-o", out)
    subprocess.run(given, capture_output=True, check=False)
    whole = out.read_bytes()
    out.write_bytes(b"PAR1 what stood there before PAR1")
    # The answers are there; what is made of them is bigger than is allowed.
    (tmp_path / "out.parquet.partial").write_bytes(
        b"".join(
            json.dumps({"id": json.loads(line)["id"], "error": "x"}).encode() + b"\n"
            for line in many.read_bytes().splitlines()
        )
    )
    run = subprocess.run(
        [*given, "--resume"],
        capture_output=True,
        check=False,
        preexec_fn=limited(len(whole) // 4),
    )
    assert run.returncode == 2
    assert run.stderr.count(b"\n") == 1
    assert b"out.parquet: cannot be written" in run.stderr
    assert out.read_bytes() == b"PAR1 what stood there before PAR1"
    assert len(ids_in(tmp_path / "out.parquet.partial")) == ROWS
    left = {p.name for p in tmp_path.glob("*out.parquet*")}
    assert left == {f"out.parquet{ending}" for ending in ("", ".partial", ".run")}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="takes /dev/full")
@pytest.mark.parametrize("command_line", [["predict", "many.jsonl"], ["labels"]])
def test_standard_output_that_is_full_is_said_once(
    tmp_path: Path, model_file: Path, many: Path, command_line: list[str]
) -> None:
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            command(*command_line, "-m", model_file),
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            check=False,
        )
    assert run.returncode == 2
    (line,) = run.stderr.splitlines()
    assert b"No space left on device" in line


@needs_signals
def test_read_only_folder_is_said(
    dateline: Callable[..., Any], tmp_path: Path, model_file: Path, many: Path
) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):  # root may write there
        folder = Path("/sys")
        if not folder.is_dir():
            pytest.skip("no folder is closed to root here")
    before = sorted(folder.iterdir())
    for name in ("out.jsonl", "out.parquet"):
        run = dateline("predict", many, "-m", model_file, "-o", folder / name)
        assert run.code == 2
        assert run.err.count("\n") == 1
        assert "cannot be written: Permission denied" in run.err
    assert sorted(folder.iterdir()) == before


class TestFinishedParquet:
    @pytest.fixture
    def finished(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> tuple[list[object], Path, Path]:
        pytest.importorskip("pyarrow")
        path, out = tmp_path / "a.jsonl", tmp_path / "a.parquet"
        path.write_text('{"id": "a", "text": "Oslo"}\n{"id": "b"}\n')
        given = ["predict", path, "-m", model_file, "-o", out]
        assert dateline(*given).code == 2
        return given, path, out

    def test_is_left_as_it_is(
        self, dateline: Callable[..., Any], finished: tuple[list[object], Path, Path]
    ) -> None:
        given, _, out = finished
        before = out.stat().st_mtime_ns
        run = dateline(*given, "--resume")
        assert run.code == 2
        assert "2 rows; 1 rows could not be read" in run.err
        assert out.stat().st_mtime_ns == before

    def test_does_not_grow_and_is_not_mistaken(
        self, dateline: Callable[..., Any], finished: tuple[list[object], Path, Path]
    ) -> None:
        given, path, out = finished
        before = out.read_bytes()
        rows = path.read_text()
        for content, said in [
            (rows + '{"id": "c", "text": "x"}\n', "there are more rows"),
            (rows.replace('"b"', '"z"'), "answers are of other rows"),
        ]:
            path.write_text(content)
            run = dateline(*given, "--resume")
            assert run.code == 2
            assert said in run.err
            assert out.read_bytes() == before
        out.write_bytes(b"my notes")
        assert "is no Parquet file" in dateline(*given, "--resume").err
        assert out.read_bytes() == b"my notes"


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_other_kept_columns_are_not_resumed(
    dateline: Callable[..., Any], model_file: Path, tmp_path: Path, form: str
) -> None:
    path, out = tmp_path / "a.jsonl", tmp_path / "out"
    path.write_text('{"id": "a", "text": "Oslo", "x": 1, "y": 2}\n' * 2)
    given = ["predict", path, "-m", model_file, "-f", form, "-o", out]
    choices: list[list[str]] = [[], ["x"], ["y"], ["x,y"]]
    for chosen in choices:
        options = ["--keep-columns", *chosen] if chosen else []
        assert dateline(*given, *options).code == 0
        before = out.read_bytes()
        for other in choices:
            options = ["--keep-columns", *other] if other else []
            run = dateline(*given, *options, "--resume")
            assert run.code == (0 if other == chosen else 2), (chosen, other)
            assert out.read_bytes() == before


def test_id_that_has_no_encoding_is_resumed(
    dateline: Callable[..., Any], model_file: Path, tmp_path: Path
) -> None:
    path, out = tmp_path / "a.jsonl", tmp_path / "out.jsonl"
    path.write_text('{"id": "\\ud800", "text": "Oslo"}\n')
    given = ["predict", path, "-m", model_file, "-o", out]
    assert dateline(*given).code == 0
    assert dateline(*given, "--resume").code == 0
    assert out.read_bytes().count(b"\n") == 1


class TestNote:
    """What a run leaves beside an output that it did not finish."""

    @pytest.fixture(params=["out.jsonl", "out.csv", "out.parquet"])
    def out(self, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
        if request.param.endswith("parquet"):
            pytest.importorskip("pyarrow")
        return tmp_path / str(request.param)

    @pytest.fixture
    def stopped(
        self, dateline: Callable[..., Any], tmp_path: Path, model_file: Path, out: Path
    ) -> list[object]:
        """A command that stopped behind two of its three rows."""
        path = tmp_path / "rows.jsonl"
        rows = '{"id": "a", "text": "Oslo"}\n{"id": "b", "text": "Rome"}\n{"id": 7}\n'
        path.write_text(rows)
        given = ["predict", path, "-o", out, "-m", model_file, "-t", "0.4"]
        assert "--strict" in dateline(*given, "--strict").err
        path.write_text(rows.replace("7", '"c", "text": "Madrid"'))
        return given

    @pytest.fixture
    def other_model(self, model: Model, tmp_path: Path) -> Path:
        """A model that differs so little that it answers alike."""
        path = tmp_path / "other.safetensors"
        replace(model, bias=model.bias + 1e-9).save(path)
        return path

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["-t", "0.5"], "begun with -t 0.4, and this run has -t 0.5;"),
            (["--keep-columns", "id"], "no --keep-columns, and this run has"),
            (["--text-field", "text"], "no --text-field, and this run has"),
            (["--encoding", "utf-8"], "no --encoding, and this run has"),
            (["-m", "OTHER"], "begun with -m with the SHA-256 "),
        ],
    )
    def test_other_options_are_not_resumed(
        self,
        dateline: Callable[..., Any],
        stopped: list[object],
        other_model: Path,
        options: list[str],
        said: str,
    ) -> None:
        folder = other_model.parent
        before = {p: p.read_bytes() for p in folder.iterdir()}
        options = [o.replace("OTHER", str(other_model)) for o in options]
        run = dateline(*stopped, *options, "--resume")
        assert run.code == 2
        assert run.err.count("\n") == 1
        assert said in run.err
        assert "leave --resume out" in run.err
        assert {p: p.read_bytes() for p in folder.iterdir()} == before

    def test_form_is_an_option_too(
        self, dateline: Callable[..., Any], stopped: list[object], out: Path
    ) -> None:
        form = "csv" if out.suffix == ".jsonl" else "jsonl"
        if out.suffix == ".parquet":
            out.with_name("out.parquet.partial").rename(out)
        run = dateline(*stopped, "-f", form, "--resume")
        assert run.code == 2
        assert f"this run has -f {form}" in run.err

    def test_the_same_options_are_resumed_and_the_note_goes(
        self, dateline: Callable[..., Any], stopped: list[object], out: Path
    ) -> None:
        # What does not change the answers may change.
        assert dateline(*stopped, "--resume", "-j", "2").code == 0
        assert [p.name for p in out.parent.glob("out*")] == [out.name]
        whole = out.read_bytes()
        out.unlink()
        assert dateline(*stopped).code == 0
        assert out.read_bytes() == whole

    def test_without_resume_begins_anew_with_other_options(
        self, dateline: Callable[..., Any], stopped: list[object], out: Path
    ) -> None:
        assert dateline(*stopped, "-t", "0.5").code == 0
        assert [p.name for p in out.parent.glob("out*")] == [out.name]

    def test_answers_without_a_note_are_compared_with_what_would_be_given(
        self, dateline: Callable[..., Any], stopped: list[object], out: Path
    ) -> None:
        out.with_name(f"{out.name}.run").unlink()
        run = dateline(*stopped, "-t", "1", "--resume")
        assert run.code == 2
        assert "the answer to 'a' in it is not what this model" in run.err
        assert dateline(*stopped, "--resume").code == 0

    @pytest.mark.parametrize("note", [b"", b'{"dateline_run": 1, "made', b"my notes"])
    def test_note_that_is_cut_short_is_none_and_what_is_not_ours_stays(
        self,
        dateline: Callable[..., Any],
        stopped: list[object],
        out: Path,
        note: bytes,
    ) -> None:
        path = out.with_name(f"{out.name}.run")
        path.write_bytes(note)
        run = dateline(*stopped, "--resume")
        if note == b"my notes":
            assert run.code == 2
            assert f"{path}: is where a run notes what it does" in run.err
            assert path.read_bytes() == note
        else:
            assert run.code == 0
            assert not path.exists()

    def test_note_is_not_read_as_an_input(
        self, dateline: Callable[..., Any], stopped: list[object], out: Path
    ) -> None:
        note = out.with_name(f"{out.name}.run")
        before = note.read_bytes()
        run = dateline("predict", note, *stopped[2:])
        assert run.code == 2
        assert "is read from and cannot be written to" in run.err
        assert note.read_bytes() == before


@needs_signals
def test_pipe_has_no_note(
    dateline: Callable[..., Any], model_file: Path, tmp_path: Path
) -> None:
    pipe, rows = tmp_path / "pipe", tmp_path / "rows.jsonl"
    rows.write_text('{"id": "a", "text": "Oslo"}\n')
    os.mkfifo(pipe)
    (tmp_path / "pipe.run").write_text("mine")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        given = ["predict", rows, "-m", model_file, "-f", "jsonl", "-o", pipe]
        assert dateline(*given).code == 0
        assert os.read(reader, 1000).startswith(b'{"id": "a"')
    finally:
        os.close(reader)
    assert (tmp_path / "pipe.run").read_text() == "mine"


@needs_signals
@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_two_runs_do_not_write_one_file_and_a_killed_one_keeps_none_out(
    dateline: Callable[..., Any], tmp_path: Path, model_file: Path, name: str
) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    out, rows = tmp_path / name, tmp_path / "rows.jsonl"
    link = tmp_path / f"link-{name}"
    link.symlink_to(out)
    rows.write_text('{"id": "a", "text": "Oslo"}\n')
    growing = out.with_name(f"{name}.partial") if "parquet" in name else out
    first = command("predict", "-", "-m", model_file, "-o", out)
    with subprocess.Popen(first, stdin=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.write(rows.read_bytes())
        process.stdin.flush()
        while not growing.exists() or not growing.read_bytes().endswith(b"\n"):
            assert process.poll() is None
        before = growing.read_bytes()
        for options in (["-o", out], ["-o", out, "--resume"], ["-o", link]):
            run = dateline("predict", rows, "-m", model_file, *options)
            assert run.code == 2
            assert run.err.count("\n") == 1
            assert f"another run is writing it (process {process.pid} on " in run.err
            assert growing.read_bytes() == before
        process.kill()
    assert out.with_name(f"{name}.run").exists()
    for options in (["-o", out, "--resume"], ["-o", out]):
        assert dateline("predict", rows, "-m", model_file, *options).code == 0
    assert sorted(p.name for p in tmp_path.glob("out*")) == [name]


def test_file_system_without_locks_is_written_to(
    dateline: Callable[..., Any],
    model_file: Path,
    many: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(number: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    out = many.with_name("out.jsonl")
    assert dateline("predict", many, "-m", model_file, "-o", out).code == 2
    assert len(ids_in(out)) == ROWS
