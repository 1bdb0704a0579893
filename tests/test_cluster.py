"""On a real cluster of several processes, one of them killed: the answers of one."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed")
pa = pytest.importorskip("pyarrow")
import cloudpickle  # type: ignore[import-untyped]
import pyarrow.parquet as pq
from distributed import Client, LocalCluster

from dateline.labels import Lexicon, Sample, Taxonomy
from dateline.predict import cluster as cluster_module
from dateline.predict import cluster_run, stores
from dateline.predict.cluster import ClusterError, connected
from dateline.predict.fields import ArticleError, Fields
from dateline.predict.parts import Job, ModelPlugin
from dateline.train import search as search_module
from dateline.train.search import search

# Workers cannot import it.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

FILES, ROWS, GROUP = 6, 400, 100


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",
    ) as started:
        yield started


@pytest.fixture
def address(cluster: LocalCluster) -> str:
    cluster.wait_for_workers(1, timeout=60)
    return str(cluster.scheduler_address)


@pytest.fixture(scope="module")
def articles(
    tmp_path_factory: pytest.TempPathFactory, samples: list[Sample]
) -> list[str]:
    """Files of thousands of rows: each kind, each with its troubles."""
    folder = tmp_path_factory.mktemp("articles")
    for number in range(FILES):
        texts = [
            f"{samples[(row * 7 + number) % len(samples)].text} {row} " * 10
            for row in range(ROWS)
        ]
        # A column that is empty in one file, whole numbers in others, not whole ones
        # in the last; and one that only some files have.
        maybe: list[object] = [None if number % 3 == 0 else row for row in range(ROWS)]
        if number == FILES - 1:
            maybe[7] = 0.5
        columns: dict[str, Any] = {"text": texts, "maybe": maybe}
        if number % 2:
            columns = {"id": [f"{number}/{row}" for row in range(ROWS)]} | columns
        if number == 5:
            columns["more"] = [True] * ROWS
        pq.write_table(
            pa.table(columns), folder / f"a{number:02}.parquet", row_group_size=GROUP
        )
    with (folder / "b.jsonl").open("w") as lines:
        for row in range(ROWS):
            text = row if row % 50 == 7 else samples[row % len(samples)].text
            lines.write(json.dumps({"text": text, "maybe": row}) + "\n")
            if row % 100 == 0:
                lines.write('{"text": "cut sho\n')
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["guid", "body"])
    writer.writerows([f"c{row}", samples[row % 72].text] for row in range(ROWS))
    (folder / "c.csv.gz").write_bytes(gzip.compress(table.getvalue().encode()))
    return sorted(str(path) for path in folder.iterdir())


@pytest.fixture
def predict(dateline: Callable[..., Any], model_file: Path) -> Callable[..., Any]:
    """Answer by the small model, in this process."""
    return partial(dateline, "predict", "-m", model_file)


@pytest.fixture
def on_cluster(predict: Callable[..., Any], address: str) -> Callable[..., Any]:
    """Answer by the small model, on the cluster."""
    return partial(predict, "--scheduler", address)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_run, "PART_ROWS", 2 * GROUP)


PARTS = FILES * ROWS // (2 * GROUP) + 2


def parts_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*"))


def kill_in_the_middle(
    cluster: LocalCluster, folder: Path, seen: dict[str, Any]
) -> None:
    """Kill a worker that has work when some parts are done and others are not."""
    with Client(cluster, set_as_default=False) as client:
        pids = client.run(os.getpid)
        while len(parts_in(folder)) < 4:
            time.sleep(0.001)
        while not (busy := [w for w, tasks in client.processing().items() if tasks]):
            time.sleep(0.001)
        os.kill(pids[busy[0]], signal.SIGKILL)
        seen |= {"killed": pids[busy[0]], "before": len(parts_in(folder))}


@pytest.mark.skipif(os.name != "posix", reason="takes signals")
def test_killed_worker_changes_no_answer(
    tmp_path: Path,
    cluster: LocalCluster,
    articles: list[str],
    predict: Callable[..., Any],
    on_cluster: Callable[..., Any],
) -> None:
    options = ["-t", "0.4", "--keep-columns", "all"]
    one = predict(*articles, *options, "-o", tmp_path / "one.parquet")
    out = tmp_path / "out"
    seen: dict[str, Any] = {}
    killing = threading.Thread(target=kill_in_the_middle, args=(cluster, out, seen))
    killing.start()
    folder = Path(articles[0]).parent
    patterns = [folder / "*.parquet", folder / "b.jsonl", f"file://{folder}/c.*"]
    many = on_cluster(*patterns, *options, "-o", out)
    killing.join()
    assert 4 <= seen["before"] < PARTS
    with pytest.raises(ProcessLookupError):
        os.kill(seen["killed"], 0)
    assert [path.name for path in parts_in(out)] == [
        f"part-{number:05}.parquet" for number in range(PARTS)
    ]
    assert one.code == many.code == 2
    assert one.err == many.err
    assert f"{FILES * ROWS + 2 * ROWS + 4} rows; 12 rows could not be read" in many.err
    expected = pq.read_table(tmp_path / "one.parquet")
    assert {"maybe", "more", "error"} < {*expected.column_names}
    assert pq.read_table(out) == expected
    # A reader that takes the first part's types for all sees no others.
    assert {str(pq.read_schema(path)) for path in parts_in(out)} == {
        str(expected.schema)
    }
    assert not [*out.glob(".part*")]


def test_resumed_run_answers_what_is_missing(
    tmp_path: Path,
    articles: list[str],
    predict: Callable[..., Any],
    on_cluster: Callable[..., Any],
) -> None:
    given = [*articles[:2], articles[-2], "-f", "jsonl", "-o"]
    one = predict(*given, tmp_path / "one.jsonl")
    whole = (tmp_path / "one.jsonl").read_bytes()
    out = tmp_path / "out"
    again = partial(on_cluster, *given, out)
    assert again("--resume") == one
    assert b"".join(path.read_bytes() for path in parts_in(out)) == whole
    assert again().err.startswith(f"dateline: {out}: is not empty")
    removed, *kept = parts_in(out)
    removed.unlink()
    (out / ".part-00000.jsonl.123.partial").touch()
    before = [path.stat().st_ino for path in kept]
    assert again("--resume") == one
    assert [path.stat().st_ino for path in kept] == before
    assert b"".join(path.read_bytes() for path in parts_in(out)) == whole
    assert not [*out.glob(".part*")]
    other = again("--resume", "-t", "0.9")
    assert (other.code, "by this model with these options" in other.err) == (2, True)


def test_resumed_run_knows_the_types_of_columns(
    tmp_path: Path,
    articles: list[str],
    predict: Callable[..., Any],
    on_cluster: Callable[..., Any],
) -> None:
    given = [*articles[:2], articles[FILES], "--keep-columns", "all", "-o"]
    out = tmp_path / "out"
    one = predict(*given, tmp_path / "one.parquet")
    assert on_cluster(*given, out) == one
    for path in parts_in(out)[::2]:
        path.unlink()
    assert on_cluster(*given, out, "--resume") == one
    assert pq.read_table(out) == pq.read_table(tmp_path / "one.parquet")


def test_model_is_read_once_by_each_worker(
    tmp_path: Path,
    cluster: LocalCluster,
    articles: list[str],
    on_cluster: Callable[..., Any],
) -> None:
    def watch() -> None:
        from dateline.predict import parts

        predictor: Any = parts.Predictor  # type: ignore[attr-defined]
        real = predictor.load

        def load(*arguments: Any, **options: Any) -> Any:
            parts.loads += 1  # type: ignore[attr-defined]
            return real(*arguments, **options)

        parts.loads = 0  # type: ignore[attr-defined]
        predictor.load = load

    def read() -> int:
        from dateline.predict import parts

        return int(parts.loads)  # type: ignore[attr-defined]

    cluster.wait_for_workers(2, timeout=60)
    with Client(cluster, set_as_default=False) as client:
        client.run(watch)
        out = tmp_path / "out"
        assert on_cluster(*articles[:3], "-o", out).code == 0
        assert len(parts_in(out)) == 6
        assert [*client.run(read).values()] == [1, 1]


def test_interrupted_run_leaves_nothing_on_the_cluster(
    tmp_path: Path,
    cluster: LocalCluster,
    articles: list[str],
    on_cluster: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(self: object, count: int) -> None:
        raise KeyboardInterrupt

    def left(dask_scheduler: Any) -> list[str]:
        names = [*dask_scheduler.tasks, *dask_scheduler.worker_plugins]
        return [name for name in names if "dateline" in str(name)]

    out = tmp_path / "out"
    monkeypatch.setattr("dateline.predict.progress.Progress.add", interrupt)
    run = on_cluster(*articles, "-o", out)
    assert run.code == 130
    assert "what was written stays" in run.err
    assert 1 <= len(parts_in(out)) <= PARTS
    with Client(cluster, set_as_default=False) as client:
        assert client.run_on_scheduler(left) == []


def test_broken_file_is_named(
    tmp_path: Path, articles: list[str], on_cluster: Callable[..., Any]
) -> None:
    (tmp_path / "b.parquet").write_bytes(b"PAR1 but no more")
    (tmp_path / "c.jsonl.gz").write_bytes(b"no gzip")
    for name, said in (("b.parquet", "is no Parquet"), ("c.jsonl.gz", "Not a gzip")):
        run = on_cluster(tmp_path / name, articles[0], "-o", tmp_path / f"{name} out")
        assert run.code == 2
        assert run.err.startswith(f"dateline: {tmp_path / name}: ")
        assert said in run.err
        assert run.err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["a.parquet", "-o", "out", "-j", "1"], "-j is for one machine"),
        (["a.parquet", "-o", "out", "--strict"], "--strict stops at the first"),
        (["a.parquet", "-o", "out", "-f", "csv"], "writes parquet or jsonl, not csv"),
        (["a.parquet"], "--scheduler goes with -o FOLDER"),
        (["-", "-o", "out"], "not standard input"),
        ([], "not standard input"),
    ],
)
def test_option_without_a_meaning_on_a_cluster_is_refused(
    options: list[str], said: str, dateline: Callable[..., Any]
) -> None:
    run = dateline("predict", "--scheduler", "tcp://127.0.0.1:1", *options)
    assert run.code == 2
    assert said in run.err


def test_files_are_named_as_a_shell_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.csv", "a.jsonl", "x.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    found = stores.files_at(["b.*", "a.jsonl", f"file://{tmp_path}/*.csv"])
    assert [file.name for file in found] == [
        "b.csv",
        "a.jsonl",
        f"file://{tmp_path}/b.csv",
    ]
    assert {file.url for file in found} == {
        f"file://{tmp_path}/a.jsonl",
        f"file://{tmp_path}/b.csv",
    }
    for path, said in (
        ("*.parquet", "matches no file"),
        ("no.csv", r"no\.csv: cannot be read"),
        ("folder", r"is a folder; name the files in it"),
        ("x.txt", "tables are read"),
        ("nothing://x/*.csv", "Protocol not known"),
    ):
        with pytest.raises(ArticleError, match=said):
            stores.files_at([path])


@pytest.mark.parametrize("protocols", [set(), {"memory"}])
def test_file_is_put_whole(
    tmp_path: Path, protocols: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec

    monkeypatch.setattr(stores, "OBJECT_STORES", protocols)
    memory = fsspec.filesystem("memory")
    path = tmp_path / "answers"
    path.write_bytes(b"all")
    stores.put(path, "memory://put", "part")
    assert memory.cat("/put/part") == b"all"
    real = memory.put_file

    def full(here: str, there: str, **options: Any) -> None:
        real(here, there, **options)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(memory), "put_file", staticmethod(full))
    with pytest.raises(ClusterError, match="No space left on device; what is in"):
        stores.put(path, "memory://put", "other")
    if not protocols:
        assert memory.ls("/put", detail=False) == ["/put/part"]
    memory.rm("/put", recursive=True)


def test_cluster_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "PATIENCE", 0.5)
    for given, said in (
        ("nowhere", "is no address of a scheduler"),
        ("tcp://127.0.0.1:1", "no scheduler answers there"),
    ):
        with pytest.raises(ClusterError, match=said), connected(given):
            pass
    with (
        LocalCluster(n_workers=0, dashboard_address=":0") as empty,
        pytest.raises(ClusterError, match="has no worker that takes work"),
        connected(str(empty.scheduler_address)),
    ):
        pass


def test_worker_of_another_version_is_told(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "__version__", "9.9")
    with (
        pytest.raises(
            ClusterError, match=r"has dateline 0\..*, this command is of 9\.9"
        ),
        connected(address),
    ):
        pass

    class Lacking:
        def submit(self, *arguments: object, **options: object) -> Any:
            return self

        def result(self, timeout: float) -> None: ...

        def run(self, *arguments: object, **options: object) -> dict[str, Exception]:
            return {"tcp://w:1": ImportError("dateline")}

    with pytest.raises(ClusterError, match="tcp://w:1: the worker has no dateline"):
        cluster_module._check_workers(Lacking(), address)  # type: ignore[arg-type]
    late = ModelPlugin(Job("parquet", "", Fields()), b"")
    late.version = "9.9"
    with pytest.raises(ClusterError, match="install the same everywhere"):
        late.setup(type("Worker", (), {"address": "tcp://w:1"}))


def test_missing_dask_is_told(
    monkeypatch: pytest.MonkeyPatch, predict: Callable[..., Any]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    run = predict("--scheduler", "tcp://head:8786", "a.parquet", "-o", "out")
    assert run.code == 2
    assert "a cluster takes Dask: pip install 'dateline[dask]'" in run.err


def test_search_on_a_cluster_finds_what_one_process_finds(
    address: str,
    taxonomy: Taxonomy,
    lexicon: Lexicon,
    samples: list[Sample],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ran(dask_scheduler: Any) -> list[str]:
        return [*dask_scheduler.task_prefixes]

    monkeypatch.setattr(search_module, "_TERMS", {"ngrams": (2, 1)})
    monkeypatch.setattr(search_module, "_CLASSIFIERS", {"C": (1.0, 0.1)})
    here = search(samples, taxonomy=taxonomy, lexicon=lexicon)
    with connected(address) as client:
        there = search(
            samples, taxonomy=taxonomy, lexicon=lexicon, client=client, jobs=2
        )
        kinds = client.run_on_scheduler(ran)
    assert there == here
    # Trials are all that ran: no task for each of their fits.
    assert {kind for kind in kinds if "batch" in kind} == {"batch_of__alone_1_calls"}


def test_training_takes_a_scheduler_for_its_search(
    dateline: Callable[..., Any],
) -> None:
    run = dateline("train", "--scheduler", "tcp://127.0.0.1:1")
    assert run.code == 2
    assert "--scheduler needs a --search" in run.err
