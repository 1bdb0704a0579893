"""Data stays data: no code is run from files, and nothing is written elsewhere."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dateline as package
from dateline.labels import Lexicon, Sample, TaxonomyError
from dateline.labels.formats import FORMATS, write_labelled
from dateline.labels.taxonomy import Taxonomy
from dateline.predict import Model
from dateline.train.card import write_card
from dateline.train.fit import train
from dateline.train.promote import promote

ROOT = Path(package.__path__[0])
FOLDERS = [ROOT, *(ROOT / name for name in ("labels", "predict", "train"))]
SOURCES = sorted(path for folder in FOLDERS for path in folder.glob("*.py"))

# What makes objects or code of bytes, and what speaks with other machines.
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "yaml"}
MODULES |= {"code", "codeop", "runpy", "imp", "ctypes", "cffi"}
NETWORK = {"socket", "ssl", "http", "urllib", "urllib3", "requests", "httpx", "aiohttp"}
NETWORK |= {"ftplib", "smtplib", "telnetlib", "xmlrpc", "asyncio", "webbrowser"}
CALLS = {"eval", "exec", "compile", "__import__", "execfile"}
METHODS = {
    ("joblib", "load"),
    ("numpy", "load"),
    ("np", "load"),
    ("pandas", "read_pickle"),
    ("pd", "read_pickle"),
    ("os", "system"),
    ("os", "popen"),
}


def findings(source: str) -> list[str]:
    """What of all that a source uses."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            module = node.module or ""
            names = [module, *(f"{module}.{name.name}" for name in node.names)]
            found += [n for n in names if tuple(n.rsplit(".", 1)) in METHODS]
        found += [
            name
            for name in names
            if name.split(".")[0] in MODULES | NETWORK
            and name.split(".")[:2] != ["urllib", "parse"]  # which only cuts strings up
        ]
        if isinstance(node, ast.Call):
            call = node.func
            if isinstance(call, ast.Name) and call.id in CALLS:
                found.append(call.id)
            if isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name):
                pair = (call.value.id, call.attr)
                found += [".".join(pair)] if pair in METHODS else []
            found += [
                f"{word.arg}=True"
                for word in node.keywords
                if word.arg in ("allow_pickle", "shell")
                and not (isinstance(word.value, ast.Constant) and not word.value.value)
            ]
    return found


def test_no_source_makes_code_or_objects_of_data_or_opens_a_connection() -> None:
    assert len(SOURCES) > 50
    found = {
        str(path.relative_to(ROOT)): names
        for path in SOURCES
        if (names := findings(path.read_text("utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import pickle as p",
        "from pickle import loads",
        "import yaml.nodes",
        "def f():\n    import marshal",
        "import joblib\njoblib.load('x')",
        "from joblib import load",
        "import numpy as np\nnp.load('x')",
        "from numpy import load",
        "x(allow_pickle=True)",
        "x(allow_pickle=y)",
        "eval('1')",
        "exec(text)",
        "__import__('x')",
        "import urllib.request",
        "from http import client",
        "run('ls', shell=True)",
    ],
)
def test_such_a_source_would_be_found(source: str) -> None:
    assert findings(source)


@pytest.mark.parametrize(
    "source",
    ["import re\nre.compile('x')", "x(allow_pickle=False)", "from .load import load"],
)
def test_other_sources_are_not(source: str) -> None:
    assert findings(source) == []


def test_compiled_scan_imports_no_more() -> None:
    path = Path(__file__).parent.parent / "predict" / "_scan.pyx"
    if not path.exists():
        pytest.skip("runs away from the checkout")
    lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    assert [line for line in lines if line.startswith("import ")] == [
        "import math",
        "import numpy as np",
    ]


WATCHED = """
import os, sys
from dateline import Predictor
from dateline.predict import Article
def use(path):
    predictor = Predictor.load(path)
    predictor.explain(Article("Shares fell in Oslo and İstanbul.", "Rome"))
    for answer in predictor.predict_many(["Shares fell in Oslo."] * 3):
        assert answer.scores
use(None)  # what is imported late is imported now
seen = []
sys.addaudithook(lambda event, arguments: seen.append((event, arguments)))
use(sys.argv[1])
harmless = {"object.__getattr__", "object.__setattr__", "sys._getframe", "builtins.id"}
for event, arguments in list(seen):
    if event == "open" and (isinstance(arguments[0], int) or str(arguments[0]) == sys.argv[1]):
        # By its name, then by the number that it was given.
        if not arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            continue
    if event not in harmless:
        print(event, arguments)
print("safetensors" in sys.modules, any(event == "open" for event, _ in seen))
"""


def test_loading_and_answering_open_the_model_and_do_nothing_else() -> None:
    model = Path(__file__).parent / "models" / "format-4.safetensors"
    run = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", WATCHED, str(model)],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert run.stdout.split("\n") == ["False True", ""]


# ---- Paths ----

HOSTILE = [
    "../../out",
    "/out",
    "a/../../out",
    "..",
    ".",
    "C:\\out",
    "~/out",
    "a\0b",
    "",
]


def everything_under(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): b"" if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder deep enough that ``../..`` is still under test."""
    place = tmp_path / "one" / "two" / "three"
    place.mkdir(parents=True)
    before = everything_under(tmp_path)
    yield place
    inside = str(place.relative_to(tmp_path))
    outside = {
        name: data
        for name, data in everything_under(tmp_path).items()
        if not name.startswith(inside)
    }
    assert outside == {k: v for k, v in before.items() if not k.startswith(inside)}


@pytest.mark.parametrize("format", sorted({*FORMATS}))
def test_ids_of_samples_name_no_files_elsewhere(
    place: Path, taxonomy: Taxonomy, format: str
) -> None:
    # One by one: a folder of texts is written only where every id can be a name.
    for number, id in enumerate(HOSTILE):
        sample = Sample(id, "", "Snow fell on Oslo.", {"land": ("north",)})
        target = place / f"{format}-{number}"
        write_labelled(target, [sample], taxonomy, format, axis="land", allow_loss=True)
        assert [path.name for path in place.iterdir()] == [target.name]
        if target.is_dir():
            assert all(path.is_file() for path in target.iterdir())
            assert len(list(target.iterdir())) <= 2
            for path in target.iterdir():
                path.unlink()
            target.rmdir()
        else:
            target.unlink()


def test_samples_convert_writes_where_it_is_told(
    place: Path, dateline: Callable[..., Any]
) -> None:
    rows = [
        {"id": id, "title": id, "text": "Snow fell.", "source": id, "regions": []}
        for id in HOSTILE
        if id
    ]
    samples = place / "in.jsonl"
    samples.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    out = place / "out"
    run = dateline(
        "samples", "convert", samples, "--to", "annif-folder", "-o", out, "--allow-loss"
    )
    assert run.code == 0, run.err
    assert sorted(path.name for path in place.iterdir()) == ["in.jsonl", "out"]
    assert len(list(out.iterdir())) == len(rows)


def test_model_is_saved_through_a_link_and_under_no_other_name(
    place: Path, model: Model
) -> None:
    real, link = place / "real", place / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    model.save(link)
    assert link.is_symlink()
    assert real.read_bytes() == model.to_bytes()
    assert sorted(path.name for path in place.iterdir()) == ["link", "real"]


def test_temporary_name_is_nobody_elses_to_guess_or_to_take(
    place: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, int]] = []
    rename = os.replace

    def spy(source: str, target: Path) -> None:
        made.append((source, Path(source).stat().st_mode & 0o777))
        rename(source, target)

    monkeypatch.setattr("os.replace", spy)
    model.save(place / "model")
    model.save(place / "model")
    (first, mode), (second, _) = made
    assert first != second
    assert Path(first).parent == place.resolve()
    assert mode & 0o022 == 0


def test_what_training_and_judging_write_is_named_by_no_label_nor_sample(
    place: Path,
    taxonomy: Taxonomy,
    lexicon: Lexicon,
    samples: list[Sample],
    dateline: Callable[..., Any],
) -> None:
    pytest.importorskip("matplotlib")
    names = ["../../out", "/out1", "C:\\out2", "../..", "~/out3"]
    axes = tuple(
        replace(
            axis,
            id="a" + "." * (number + 2),
            name="../../out",
            labels=tuple(
                replace(label, id=names.pop(), name=f"../../{label.name}")
                for label in axis.labels
            ),
        )
        for number, axis in enumerate(taxonomy)
    )
    new = {
        (old.id, a.id): (axis.id, b.id)
        for old, axis in zip(taxonomy, axes, strict=True)
        for a, b in zip(old.labels, axis.labels, strict=True)
    }
    hostile = [
        Sample(
            id=f"{HOSTILE[number % len(HOSTILE)]}{number}",
            title="../../out" if number % 2 else "a\0b/../../out",
            text=sample.text,
            labels={
                axis.id: tuple(new[old.id, x][1] for x in sample.labels[old.id])
                for old, axis in zip(taxonomy, axes, strict=True)
            },
        )
        for number, sample in enumerate(samples)
    ]
    model = train(hostile, taxonomy=Taxonomy(axes), lexicon=lexicon)
    live, report, rows = (place / name for name in ("live", "report.html", "in.jsonl"))
    for _ in range(2):
        promote(model, live)
        write_card(model, live)
    with rows.open("w", encoding="utf-8") as file:
        for sample in hostile:
            file.write(json.dumps(sample.to_json()) + "\n")
    run = dateline("evaluate", rows, "-m", live, "--report", report)
    assert run.code == 0, run.err
    outputs = [place / name for name in ("out.jsonl", "out.csv")]
    for out in outputs:
        run = dateline("predict", rows, "-m", live, "--keep-columns", "all", "-o", out)
        assert run.code == 0, run.err
        assert b"../../out" in out.read_bytes()
    assert sorted(path.name for path in place.iterdir()) == sorted(
        [*("in.jsonl", "live", "live.md", "live.previous", "report.html")]
        + [out.name for out in outputs]
    )


def test_names_that_are_worse_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"

    def load(axis: str, label: str) -> Taxonomy:
        given = f"[[axis]]\nid = {axis}\n[[axis.label]]\nid = {label}\n"
        path.write_text(given, encoding="utf-8")
        return Taxonomy.load(path)

    assert [axis.id for axis in load('"land"', '"../../out"')] == ["land"]
    for axis in (*HOSTILE, "a/b"):
        with pytest.raises(TaxonomyError):
            load(json.dumps(axis), '"north"')
    for label in ("", "a\0b", "a\x1b]0;b", "a\nb"):
        with pytest.raises(TaxonomyError):
            load('"land"', json.dumps(label))


# ---- Terminals ----

OBEYED = "\x1b]0;mine\x07\x9b2J\u202e"


def test_nothing_of_samples_is_obeyed_by_a_terminal(
    dateline: Callable[..., Any], tmp_path: Path, model_file: Path
) -> None:
    path = tmp_path / "in.jsonl"
    rows = [
        {"id": OBEYED, "title": OBEYED, "text": OBEYED, "regions": []},
        {"id": OBEYED, "title": OBEYED, "text": OBEYED, "regions": ["caribbean"]},
        {"id": OBEYED, "text": "x", "regions": [OBEYED]},
        {"id": "a", "text": 7, OBEYED: 1},
        {"id": OBEYED, "text": f"Snow fell {OBEYED} on Oslo."},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + OBEYED)
    table = tmp_path / "in.csv"
    table.write_text(f"id,text,{OBEYED}\n{OBEYED},Snow,{OBEYED}\n{OBEYED}")
    names = tmp_path / "map.toml"
    names.write_text('"\\u001b]0;mine\\u0007" = "caribbean"\n')
    out = tmp_path / "out.csv"
    shown = []
    for arguments in (
        ["samples", "check", path],
        ["samples", "check", path, "--json"],
        ["samples", "check", path, "--map", names],
        ["samples", "check", table],
        ["samples", "convert", path, "-o", out],
        ["samples", "convert", table, "-o", out],
        ["samples", "suggest", path, "-m", model_file, "-n", "5"],
        ["samples", "audit", path],
        ["evaluate", path, "-m", model_file],
        ["evaluate", path],
        ["train", path, "-o", tmp_path / "model"],
    ):
        run = dateline(*arguments)
        said = run.out + run.err
        assert said
        assert not {*said} & {*OBEYED} - {*"]0;mine2J"}, arguments
        shown.append(said)
    # What is JSON says what it was, the rest what was there.
    found = [json.loads(line) for line in shown[6].splitlines() if line[:1] == "{"]
    assert any(OBEYED in row["text"] for row in found)
    assert "\N{REPLACEMENT CHARACTER}]0;mine" in shown[0]


def test_commands_of_training_print_by_what_frees_of_control_characters() -> None:
    prints = ("click.echo", "click.secho", "print", "warnings.warn")
    found = [
        ast.unparse(node)
        for folder in ("labels", "train")
        for path in sorted((ROOT / folder).glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in prints
    ]
    assert found == [
        "click.echo(printable(text), err=err)",
        "click.echo(printable_json(json.dumps(value, ensure_ascii=False)))",
    ]


def test_model_names_nothing_that_is_written(
    place: Path, model: Model, dateline: Callable[..., Any]
) -> None:
    model.save(place / "model")
    article = place / "article.txt"
    article.write_text("Snow fell on Oslo.", encoding="utf-8")
    out = place / "out.jsonl"
    run = dateline("predict", article, "-m", place / "model", "-f", "jsonl", "-o", out)
    assert run.code == 0, run.err
    assert sorted(path.name for path in place.iterdir()) == [
        "article.txt",
        "model",
        "out.jsonl",
    ]
