"""Samples in other people's formats on the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dateline.labels import (
    FORMATS,
    Sample,
    Taxonomy,
    detect_format,
    read_labelled,
    write_labelled,
    write_samples,
)

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs" / "formats.md"


@pytest.fixture
def taxonomy_file(tmp_path: Path) -> Path:
    path = tmp_path / "taxonomy.toml"
    path.write_text(
        '[[axis]]\nid = "land"\n[[axis.label]]\nid = "north"\n'
        '[[axis.label]]\nid = "south"\n[[axis.label]]\nid = "east"\n'
        '[[axis]]\nid = "desk"\n[[axis.label]]\nid = "sport"\n[[axis.label]]\nid = "money"\n'
    )
    return path


def assert_refused(run: Any, said: str) -> None:
    assert run.code == 2
    assert said in run.err
    assert run.err.count("\n") == 1
    assert "Traceback" not in run.err


class TestConvert:
    def test_writes_what_the_ending_says_and_back(
        self,
        dateline: Callable[..., Any],
        tmp_path: Path,
        taxonomy_file: Path,
        samples: list[Sample],
    ) -> None:
        first, table, last = (tmp_path / n for n in ("a.jsonl", "b.csv.gz", "c.jsonl"))
        write_samples(first, samples)
        for source, target in ((first, table), (table, last)):
            run = dateline(
                "samples", "convert", source, "-o", target, "--taxonomy", taxonomy_file
            )
            assert (run.code, run.err) == (0, "")
        assert run.out == f"{last}: 72 samples as jsonl\n"
        assert last.read_bytes() == first.read_bytes()

    def test_refuses_loss_with_a_list_unless_it_is_allowed(
        self,
        dateline: Callable[..., Any],
        tmp_path: Path,
        taxonomy_file: Path,
        samples: list[Sample],
    ) -> None:
        source, target = tmp_path / "a.jsonl", tmp_path / "b.txt"
        write_samples(source, samples)
        command = ("samples", "convert", source, "-o", target, "--to", "fasttext",
                   "--taxonomy", taxonomy_file)  # fmt: skip
        run = dateline(*command)
        assert_refused(run, "as fasttext this would lose ids (72 of 72 samples")
        assert "land: that none applies (it would be unknown) (6 of 72" in run.err
        assert not target.exists()
        run = dateline(*command, "--allow-loss")
        assert run.code == 0
        assert "dateline: warning: lost: ids (72 of 72 samples" in run.err
        assert target.read_text().startswith(
            "__label__north __label__sport The striker"
        )

    def test_axis_chooses_what_a_format_without_axes_gets(
        self, dateline: Callable[..., Any], tmp_path: Path, taxonomy_file: Path
    ) -> None:
        source, target = tmp_path / "a.csv", tmp_path / "b.txt"
        source.write_text("text,desk,land\nA text,sport,north\n")
        command = ("samples", "convert", source, "-o", target, "--to", "fasttext",
                   "--taxonomy", taxonomy_file, "--axis", "desk")  # fmt: skip
        assert_refused(dateline(*command), "lose land: labels (it would be unknown)")
        assert dateline(*command, "--allow-loss").code == 0
        assert target.read_text() == "__label__sport A text\n"

    def test_output_without_a_format_is_refused(
        self, dateline: Callable[..., Any], tmp_path: Path, taxonomy_file: Path
    ) -> None:
        source = tmp_path / "a.csv"
        source.write_text("text,desk\nA text,sport\n")
        run = dateline("samples", "convert", source, "-o", tmp_path / "b.txt")
        assert_refused(run, "its ending says no format; name one with --to")


class TestReadingOptions:
    COMMANDS = ("samples check", "samples convert", "train", "evaluate")

    @pytest.mark.parametrize("command", COMMANDS)
    def test_stand_on_every_command_that_reads_samples(
        self, dateline: Callable[..., Any], command: str
    ) -> None:
        shown = dateline(*command.split(), "--help").out
        for option in ("--format", "--axis", "--text-field", "--title-field",
                       "--id-field", "--label-field", "--label-prefix", "--map"):  # fmt: skip
            assert f"{option} " in shown

    def test_name_fields_prefix_and_map(
        self, dateline: Callable[..., Any], tmp_path: Path, taxonomy_file: Path
    ) -> None:
        source, target = tmp_path / "a.data", tmp_path / "b.jsonl"
        renamed = tmp_path / "map.toml"
        renamed.write_text('Footy = "sport"\n')
        source.write_text("Nr,Kopf,Inhalt,Ressort,wo\n7,K,I,Footy,north\n")
        run = dateline(
            *("samples", "convert", source, "-o", target, "--taxonomy", taxonomy_file),
            *("--format", "csv", "--text-field", "Inhalt", "--title-field", "Kopf"),
            *("--id-field", "Nr", "--label-field", "desk=Ressort"),
            *("--label-field", "wo", "--map", renamed),
        )
        assert (run.code, run.err) == (0, "")
        assert json.loads(target.read_text()) == {
            "id": "7",
            "title": "K",
            "text": "I",
            "land": ["north"],
            "desk": ["sport"],
        }

    def test_evaluate_reads_a_table_by_them(
        self,
        dateline: Callable[..., Any],
        tmp_path: Path,
        taxonomy: Taxonomy,
        samples: list[Sample],
        model_file: Path,
    ) -> None:
        source, renamed = tmp_path / "a.csv", tmp_path / "map.toml"
        write_labelled(source, samples, taxonomy, "csv")
        text = source.read_text().replace("desk", "x", 1).replace("sport", "Footy")
        source.write_text(text)
        renamed.write_text('Footy = "sport"\n')
        options = ("--label-field", "desk=x", "--map", renamed)
        run = dateline("evaluate", source, "-m", model_file, "--json", *options)
        assert run.code == 0
        assert json.loads(run.out)["desk"]["n"] == 72

    def test_train_reads_samples_and_tests_by_them(
        self, dateline: Callable[..., Any], tmp_path: Path, taxonomy_file: Path
    ) -> None:
        good, bad = tmp_path / "a.csv", tmp_path / "b.csv"
        good.write_text("text,x\nA text,sport\n")
        bad.write_text("text,x\nA text,spord\n")
        judged = ("--test", bad, "--gate", "desk.macro_f1>=0")
        for files in ((bad,), (good, *judged)):
            run = dateline(
                *("train", *files, "-o", tmp_path / "m", "--taxonomy", taxonomy_file),
                *("--label-field", "desk=x"),
            )
            assert_refused(run, f"{bad}:2: 'spord' is no label of axis 'desk'")


class TestCheck:
    def test_counts_rows_of_any_format_and_names_bad_ones(
        self, dateline: Callable[..., Any], tmp_path: Path, taxonomy_file: Path
    ) -> None:
        source = tmp_path / "a.txt"
        source.write_text(
            "__label__sport Four words of text\n__label__spord More text\n"
        )
        run = dateline(
            "samples", "check", source, "--taxonomy", taxonomy_file, "--json"
        )
        assert run.code == 1
        report = json.loads(run.out)
        assert report["samples"] == 1
        assert report["counts"]["desk"]["sport"] == 1
        (error,) = report["errors"]
        assert f"{source}:2: 'spord' is" in error
        assert "nearest: sport (desk)" in error

    def test_warns_of_map_entries_that_are_never_met(
        self, dateline: Callable[..., Any], tmp_path: Path, taxonomy_file: Path
    ) -> None:
        source, renamed = tmp_path / "a.csv", tmp_path / "map.toml"
        source.write_text("text,desk\nFour words of text,Footy\n")
        renamed.write_text('Footy = "sport"\n[desk]\nOld = "money"\n')
        run = dateline("samples", "check", source, "--taxonomy", taxonomy_file,
                       "--map", renamed)  # fmt: skip
        assert run.code == 0
        assert "warning" in run.err
        assert "'desk.Old' was met in no sample" in run.err
        assert "Footy" not in run.err

    def test_map_that_cannot_be_read_is_refused(
        self, dateline: Callable[..., Any], tmp_path: Path, taxonomy_file: Path
    ) -> None:
        source = tmp_path / "a.csv"
        source.write_text("text,desk\nText,sport\n")
        run = dateline("samples", "check", source, "--map", tmp_path / "none.toml")
        assert_refused(run, "none.toml: cannot be read: No such file")


@pytest.mark.skipif(not DOCS.exists(), reason="runs away from the checkout")
class TestDocs:
    def test_example_of_every_format_is_read_as_it(self, tmp_path: Path) -> None:
        examples = re.findall(
            r"\n## ([a-z-]+)\n.*?\n```\w*\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL
        )
        assert {name for name, _ in examples} == set(FORMATS) - {"annif-folder"}
        taxonomy = Taxonomy.bundled()
        endings = {
            "fasttext": ".txt",
            "label-studio": ".json",
            "label-studio-min": ".json",
        }
        for name, content in examples:
            ending = next((e for e in ("csv", "tsv") if name.endswith(e)), "jsonl")
            path = tmp_path / (name + endings.get(name, f".{ending}"))
            path.write_text(content, encoding="utf-8")
            assert detect_format(path, taxonomy) == name
            found = list(read_labelled(path, taxonomy))
            assert [s.labels.get("topics") for s in found] == [("sport",), ("health",)]
