"""Labelled samples in the formats that people have: reading them."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dateline.labels import (
    FORMATS,
    Axis,
    Label,
    LabelMap,
    LossError,
    ReadOptions,
    Sample,
    SampleError,
    Taxonomy,
    detect_format,
    read_labelled,
    write_labelled,
)

BOTH: dict[str, tuple[str, ...]] = {"land": ("north",), "desk": ("sport",)}


def read(
    path: Path, content: str | bytes, taxonomy: Taxonomy, **options: Any
) -> list[Sample]:
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(data)
    return list(read_labelled(path, taxonomy, options=ReadOptions(**options)))


def labels(samples: Sequence[Sample]) -> list[Mapping[str, tuple[str, ...]]]:
    return [sample.labels for sample in samples]


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def studio(*results: Any, **more: Any) -> dict[str, Any]:
    return {
        "result": [
            {"from_name": block, "type": "choices", "value": {"choices": chosen}}
            for block, chosen in results
        ],
        **more,
    }


@pytest.fixture
def topics() -> Taxonomy:
    """One axis, with codes as IPTC writes them."""
    return Taxonomy(
        (
            Axis(
                "topics",
                "Topics",
                (
                    Label("sport", "Sport", "medtop:15000000"),
                    Label("health", "Health care", "medtop:07000000", aliases=("med",)),
                ),
            ),
        )
    )


EXAMPLES: dict[str, tuple[str, str]] = {
    "jsonl": ("s.jsonl", lines({"text": "T", "land": ["north"], "desk": ["sport"]})),
    "csv": ("s.csv", "id,body,Land,desk\n1,T,The North,sport\n"),
    "tsv": ("s.tsv", "text\tlabels\nT\tnorth|sport\n"),
    "fasttext": ("s.txt", "__label__The_North __label__sport T\n"),
    "doccano": ("s.json", json.dumps([{"text": "T", "label": ["sport", "N"]}])),
    "doccano-csv": ("d.csv", "id,data,label\n1,T,sport#north\n"),
    "label-studio": (
        "l.json",
        json.dumps(
            [
                {
                    "id": 1,
                    "data": {"article": "T"},
                    "annotations": [studio(("land", ["north"]), ("desk", ["Sport"]))],
                }
            ]
        ),
    ),
    "label-studio-min": (
        "m.json",
        json.dumps(
            [
                {
                    "text": "T",
                    "id": 1,
                    "land": "north",
                    "desk": {"choices": ["sport"]},
                    "annotation_id": 5,
                }
            ]
        ),
    ),
    "label-studio-csv": (
        "m.csv",
        'annotation_id,id,text,land,desk\n5,1,T,north,"{""choices"": [""sport""]}"\n',
    ),
    "prodigy": (
        "p.jsonl",
        lines(
            {"text": "T", "label": "sport", "answer": "accept"},
            {"text": "T", "label": "north", "answer": "accept"},
        ),
    ),
    "spacy": (
        "c.jsonl",
        lines({"text": "T", "cats": {"sport": 1.0, "money": 0, "north": 0.5}}),
    ),
    "annif-tsv": ("a.tsv", "T\t<http://x.org/d/sport> <http://x.org/l#N>\n"),
    "annif-csv": ("a.csv", "text,subject_uris\nT,<http://x.org/sport> <N>\n"),
}


class TestEveryFormat:
    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize("format", EXAMPLES)
    def test_is_found_out_and_read(
        self, tmp_path: Path, taxonomy: Taxonomy, format: str, packed: bool
    ) -> None:
        name, content = EXAMPLES[format]
        data = content.encode()
        path = tmp_path / (name + ".gz" if packed else name)
        path.write_bytes(gzip.compress(data) if packed else data)
        assert detect_format(path, taxonomy) == format
        (sample,) = read_labelled(path, taxonomy)
        assert (sample.text, sample.labels) == ("T", BOTH)
        assert sample.id

    def test_has_an_example_here_or_is_a_folder(self) -> None:
        assert {*EXAMPLES, "annif-folder"} == set(FORMATS)

    @pytest.mark.parametrize("format", EXAMPLES)
    def test_unknown_label_is_named_by_line_with_the_nearest(
        self, tmp_path: Path, taxonomy: Taxonomy, format: str
    ) -> None:
        name, content = EXAMPLES[format]
        bad = content.replace("Sport", "sport").replace("sport", "spord")
        with pytest.raises(SampleError, match=r"'spord' .*nearest: sport") as caught:
            read(tmp_path / name, bad, taxonomy)
        assert f"{tmp_path / name}:" in str(caught.value)

    @pytest.mark.parametrize("format", EXAMPLES)
    def test_bom_and_crlf_do_no_harm(
        self, tmp_path: Path, taxonomy: Taxonomy, format: str
    ) -> None:
        name, content = EXAMPLES[format]
        crlf = b"\xef\xbb\xbf" + content.replace("\n", "\r\n").encode()
        (sample,) = read(tmp_path / name, crlf, taxonomy)
        assert (sample.text, sample.labels) == ("T", BOTH)

    @pytest.mark.parametrize("format", EXAMPLES)
    def test_row_that_is_not_utf8_is_named_and_others_are_read(
        self, tmp_path: Path, taxonomy: Taxonomy, format: str
    ) -> None:
        name, content = EXAMPLES[format]
        path = tmp_path / name
        head, _, rows = content.rpartition("\n")[0].rpartition("\n")
        if content.startswith("["):
            data = f"[{content[1:-1]},\n{content[1:-1]}]".encode()
            data = data.replace(b'"T"', b'"\xff"', 1)
        else:
            row = head if format == "prodigy" else rows
            latin = row.encode().replace(b"T", b"\xff", 1)
            data = content.encode() + latin + b"\n"
        path.write_bytes(data)
        errors: list[SampleError] = []
        read = list(read_labelled(path, taxonomy, on_error=errors.append))
        assert [sample.text for sample in read] == ["T"]
        (error,) = errors
        assert "not UTF-8" in str(error)
        assert str(error).startswith(f"{path}:")

    @pytest.mark.parametrize("format", EXAMPLES)
    @given(data=st.data())
    @settings(max_examples=25, deadline=None)
    def test_damage_is_an_error_of_ours(
        self, taxonomy: Taxonomy, format: str, data: st.DataObject
    ) -> None:
        name, content = EXAMPLES[format]
        raw = content.encode()
        at = data.draw(st.integers(0, len(raw)))
        junk = data.draw(
            st.binary(max_size=4)
            | st.sampled_from(
                [b"[" * 3000, b'{"a":' * 3000, b"null", b"1e999", b'"', b"\n", b"\0"]
            )
        )
        cut = data.draw(st.integers(0, 12))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(raw[:at] + junk + raw[at + cut :])
            for chosen in ("", format):
                options = ReadOptions(format=chosen)
                try:
                    for sample in read_labelled(
                        path, taxonomy, options=options, on_error=lambda error: None
                    ):
                        assert sample.title or sample.text
                except SampleError as error:
                    assert str(path) in str(error)


class TestWhichFormat:
    def test_cannot_be_told_and_says_what_was_looked_for(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        with pytest.raises(SampleError, match=r"__label__ .*--format"):
            read(tmp_path / "s.txt", "just a text\n", taxonomy)

    def test_is_decided_by_the_first_record_with_a_sign(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        rows = lines({"text": "a"}, {"text": "b", "label": ["sport"]})
        found = read(tmp_path / "s.jsonl", rows, taxonomy)
        assert labels(found) == [{}, {"desk": ("sport",)}]

    def test_given_one_holds_whatever_the_name(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        found = read(tmp_path / "s.csv", "#sport T\n", taxonomy, format="fasttext",
                     label_prefix="#")  # fmt: skip
        assert labels(found) == [{"desk": ("sport",)}]

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"format": "xml"}, "no format 'xml'; the formats are jsonl, csv"),
            ({"axis": "place"}, "no axis 'place'; the axes are land, desk"),
            ({"format": "fasttext", "text_field": "x"}, "fasttext has no columns"),
            ({"format": "annif-folder"}, "is no folder"),
        ],
    )
    def test_options_without_sense_are_refused(
        self, tmp_path: Path, taxonomy: Taxonomy, options: dict[str, Any], said: str
    ) -> None:
        with pytest.raises(SampleError, match=said):
            read(tmp_path / "s.csv", "text,label\nT,sport\n", taxonomy, **options)

    def test_missing_file_and_folder_are_refused(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        with pytest.raises(SampleError, match="cannot be read: No such file"):
            list(read_labelled(tmp_path / "none.csv", taxonomy))
        with pytest.raises(SampleError, match="only annif-folder is one"):
            options = ReadOptions(format="csv")
            list(read_labelled(tmp_path, taxonomy, options=options))


class TestWhichAxis:
    def test_label_of_two_axes_is_refused_until_one_is_given(
        self, tmp_path: Path
    ) -> None:
        twice = Taxonomy(
            tuple(Axis(a, a, (Label("x", "X"), Label(a + "1", a))) for a in ("p", "q"))
        )
        rows = lines({"text": "a", "label": ["x"]})
        with pytest.raises(SampleError, match=r"several axes \(p, q\).*--axis"):
            read(tmp_path / "s.jsonl", rows, twice)
        found = read(tmp_path / "s.jsonl", rows, twice, axis="q")
        assert labels(found) == [{"q": ("x",)}]

    @pytest.mark.parametrize(("axis", "expected"), [("", {}), ("desk", {"desk": ()})])
    def test_empty_list_is_none_on_a_given_axis_and_else_unknown(
        self,
        tmp_path: Path,
        taxonomy: Taxonomy,
        axis: str,
        expected: dict[str, tuple[str, ...]],
    ) -> None:
        doccano = lines({"text": "a", "label": []})
        assert labels(read(tmp_path / "d.jsonl", doccano, taxonomy, axis=axis)) == [
            expected
        ]
        table = 'text,label\na,""\n'
        assert labels(read(tmp_path / "d.csv", table, taxonomy, axis=axis)) == [
            expected
        ]

    def test_empty_cell_is_none_under_the_name_of_an_axis(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        found = read(tmp_path / "s.csv", "text,Desk,land\na,,north\n", taxonomy)
        assert labels(found) == [{"desk": (), "land": ("north",)}]

    def test_only_axis_is_taken_but_an_empty_list_says_nothing(
        self, tmp_path: Path, topics: Taxonomy
    ) -> None:
        table = "text,tags\na,sport\nb,\n"
        assert labels(read(tmp_path / "s.csv", table, topics)) == [
            {"topics": ("sport",)},
            {},
        ]

    def test_single_label_axis_refuses_two(self, tmp_path: Path) -> None:
        single = Taxonomy(
            (Axis("a", "A", (Label("x", "X"), Label("y", "Y")), single_label=True),)
        )
        with pytest.raises(SampleError, match="expected one label"):
            read(tmp_path / "s.csv", "text,label\nT,x|y\n", single)


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "health",
            "Health Care",
            "health_care",
            "med",
            "medtop:07000000",
            "07000000",
            "http://cv.iptc.org/newscodes/mediatopic/07000000",
            "http://example.org/medtop/07000000",
            "https://example.org/topics#health",
        ],
    )
    def test_id_name_alias_code_and_uri_are_one(
        self, tmp_path: Path, topics: Taxonomy, name: str
    ) -> None:
        for rows in (
            lines({"text": "a", "topics": [name]}),
            lines({"text": "a", "category": name}),
        ):
            found = read(tmp_path / "s.jsonl", rows, topics)
            assert labels(found) == [{"topics": ("health",)}]

    def test_code_of_numbers_is_found(self, tmp_path: Path) -> None:
        found = read(tmp_path / "s.csv", "text,label\na,151;035\n", Taxonomy.bundled())
        assert labels(found) == [{"regions": ("eastern-europe", "south-east-asia")}]

    def test_whole_cell_comes_before_its_parts(self, tmp_path: Path) -> None:
        odd = Taxonomy((Axis("a", "A", (Label("x; y", "X;Y"), Label("z", "Z"))),))
        table = "text,label\na,x; y\nb,x; y|z\nc,z;z\n"
        assert labels(read(tmp_path / "s.csv", table, odd)) == [
            {"a": ("x; y",)},
            {"a": ("x; y", "z")},
            {"a": ("z",)},
        ]


class TestMap:
    @staticmethod
    def load(tmp_path: Path, taxonomy: Taxonomy, text: str) -> LabelMap:
        path = tmp_path / "map.toml"
        path.write_text(text)
        return LabelMap.load(path, taxonomy)

    def test_renames_splits_drops_and_keeps_to_an_axis(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        renamed = self.load(
            tmp_path,
            taxonomy,
            'Footy = "sport"\n"N. money" = ["north", "money"]\nunsure = ""\nold = "east"\n'
            '[land]\nup = "north"\n[desk]\nup = "money"\n',
        )
        table = "text,label\na,footy\nb,N. Money\nc,unsure\nd,up\n"
        found = read(tmp_path / "s.csv", table, taxonomy, map=renamed)
        assert labels(found) == [
            {"desk": ("sport",)},
            {"land": ("north",), "desk": ("money",)},
            {},
            {"land": ("north",), "desk": ("money",)},
        ]
        assert renamed.unused() == ["old"]

    def test_that_drops_all_of_a_cell_leaves_its_axis_unknown(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        renamed = self.load(tmp_path, taxonomy, 'unsure = ""\n')
        table = "text,desk\na,unsure\nb,\nc,unsure|sport\n"
        found = read(tmp_path / "s.csv", table, taxonomy, map=renamed)
        assert labels(found) == [{}, {"desk": ()}, {"desk": ("sport",)}]

    def test_holds_for_the_project_s_own_rows_too(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        renamed = self.load(tmp_path, taxonomy, '[desk]\nx = ""\ny = "sport"\n')
        rows = lines(
            {"text": "a", "desk": ["y"], "land": []},
            {"text": "b", "desk": ["x"]},
            {"text": "c", "rejected": {"desk": ["y"]}},
        )
        found = read(tmp_path / "s.jsonl", rows, taxonomy, map=renamed)
        assert labels(found) == [{"desk": ("sport",), "land": ()}, {}, {}]
        assert found[2].rejected == {"desk": ("sport",)}

    def test_names_the_axis_of_a_block(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        task = {"data": {"text": "a"}, "annotations": [studio(("where", []))]}
        renamed = self.load(tmp_path, taxonomy, 'where = "land"\n')
        found = read(tmp_path / "l.json", json.dumps([task]), taxonomy, map=renamed)
        assert labels(found) == [{"land": ()}]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('a = "sprt"', "'a' = 'sprt'.*nearest: sport"),
            ('[desk]\na = "north"', "'north' is no label of axis 'desk'"),
            ('[desks]\na = "sport"', r"\[desks\] is no axis; the axes are land, desk"),
            ("a = 3", "expected a name, a list of names"),
            ("a = ", "not valid TOML"),
            ('Ab = "sport"\n"a b" = ""\n"A  B" = ""', "the same name; keep one"),
        ],
    )
    def test_that_says_something_else_is_refused(
        self, tmp_path: Path, taxonomy: Taxonomy, text: str, said: str
    ) -> None:
        with pytest.raises(SampleError, match=said):
            self.load(tmp_path, taxonomy, text)


class TestTables:
    def test_columns_can_be_named(self, tmp_path: Path, taxonomy: Taxonomy) -> None:
        found = read(
            tmp_path / "s.csv",
            "Nr,Kopf,Inhalt,Ressort,label\n7,K,I,Sport,zzz\n",
            taxonomy,
            text_field="Inhalt",
            title_field="kopf",
            id_field="Nr",
            label_fields=(("Ressort", "desk"),),
        )
        assert found == [Sample("7", "K", "I", {"desk": ("sport",)})]

    @pytest.mark.parametrize(
        ("table", "options", "said"),
        [
            ("a,label\n", {}, "no column holds the text.*found a, label"),
            ("text,a\n", {}, "no column holds labels; expected land, desk.*found text"),
            ("text,label\n", {"text_field": "x"}, "has no column 'x'"),
            ("text,label\n", {"label_fields": (("x", ""),)}, "has no column 'x'"),
            ("text,label,Text\n", {}, "'text' comes more than once"),
        ],
    )
    def test_header_without_what_is_needed_is_refused(
        self,
        tmp_path: Path,
        taxonomy: Taxonomy,
        table: str,
        options: dict[str, Any],
        said: str,
    ) -> None:
        with pytest.raises(SampleError, match=rf"s.csv:1: .*{said}"):
            read(tmp_path / "s.csv", table, taxonomy, **options)

    def test_bad_rows_are_named_and_the_others_read(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        path = tmp_path / "s.csv"
        path.write_text(
            f'text,label\n"two\nlines",sport\na,b,c\n,sport\n"x"y,sport\n{"w" * 200_000},'
            "money\n"
        )
        errors: list[SampleError] = []
        found = list(read_labelled(path, taxonomy, on_error=errors.append))
        assert [len(sample.text) for sample in found] == [9, 200_000]
        assert [sample.id for sample in found] == ["s.csv:2", "s.csv:7"]
        assert [str(e).removeprefix(f"{path}:")[:18] for e in errors] == [
            "4: 3 cells under 2",
            "5: has neither tit",
            "6: not valid CSV (",
        ]


class TestFastText:
    def test_labels_keep_their_order(self, tmp_path: Path, taxonomy: Taxonomy) -> None:
        row = "__label__south T __label__east __label__north\n"
        found = read(tmp_path / "s.txt", row, taxonomy)
        assert labels(found) == [{"land": ("south", "east", "north")}]

    def test_labels_stand_at_either_end(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        text = "the __label__ of  a\tthing"
        found = read(
            tmp_path / "s.txt",
            f"__label__sport {text} __label__The-North\n\n{text}\n",
            taxonomy,
        )
        assert found == [
            Sample("s.txt:1", "", text, BOTH),
            Sample("s.txt:3", "", text, {}),
        ]
        with pytest.raises(SampleError, match=r"s\.txt:1: has no text"):
            read(tmp_path / "s.txt", "__label__sport __label__north\n", taxonomy)


class TestDoccano:
    @pytest.mark.parametrize(
        ("row", "said"),
        [
            ({"text": "a", "label": [[0, 1, "sport"]]}, "marks spans of the text"),
            ({"text": "a", "annotations": [{"label": 2}]}, "number the labels"),
            ({"text": "a", "label": [3]}, "'label' holds 3, expected label names"),
            ({"text": "", "label": ["sport"]}, "neither title nor text"),
            ({"text": {"a": 1}, "label": []}, "'text' is .*expected a string"),
        ],
    )
    def test_what_is_no_label_of_the_text_is_refused(
        self, tmp_path: Path, taxonomy: Taxonomy, row: Any, said: str
    ) -> None:
        with pytest.raises(SampleError, match=rf"s.jsonl:1: .*{said}"):
            read(tmp_path / "s.jsonl", lines(row), taxonomy, format="doccano")


class TestLabelStudio:
    def test_latest_annotation_that_is_not_cancelled_holds(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        def task(*annotations: Any, key: str = "annotations") -> dict[str, Any]:
            return {"id": 1, "data": {"text": "a", "title": "b"}, key: annotations}

        early, late = {"updated_at": "2024-01-01T10"}, {"updated_at": "2024-02-01T10"}
        tasks = [
            task(
                studio(("desk", ["sport"]), **late),
                studio(("desk", ["money"]), **early),
            ),
            task(studio(("desk", ["sport"]), was_cancelled=True)),
            task(
                studio(("q", ["sport"])),
                studio(("q", ["money"]), skipped=True, **late),
                key="completions",
            ),
            task(),
        ]
        found = read(tmp_path / "l.json", json.dumps(tasks), taxonomy)
        assert labels(found) == [{"desk": ("sport",)}, {"desk": ("sport",)}, {}]
        assert found[0] == Sample("1", "b", "a", {"desk": ("sport",)})

    def test_annotation_without_a_choice_is_none_on_a_given_axis(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        tasks = json.dumps(
            [
                {"data": {"text": "a"}, "annotations": [studio()]},
                {"data": {"text": "a"}, "annotations": []},
            ]
        )
        path = tmp_path / "l.json"
        assert labels(read(path, tasks, taxonomy)) == [{}, {}]
        assert labels(read(path, tasks, taxonomy, axis="desk")) == [{"desk": ()}, {}]

    def test_latest_of_several_flat_rows_holds(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        table = (
            "annotation_id,id,text,desk,updated_at\n"
            "1,7,a,sport,2024-02\n2,7,a,money,2024-01\n3,8,b,,2024-01\n"
        )
        found = read(tmp_path / "l.csv", table, taxonomy)
        assert [(s.id, s.labels) for s in found] == [
            ("7", {"desk": ("sport",)}),
            ("8", {}),
        ]

    def test_error_stands_at_the_line_of_its_task(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        path = tmp_path / "l.json"
        task = '{"data": {"text": "a"}, "annotations": []}'
        deep = "[" * 100_000 + "]" * 100_000
        path.write_text(f'[\n{task},\n{{"data": {deep}}},\n{{"data": 3}},\n{task}]')
        errors: list[SampleError] = []
        found = list(read_labelled(path, taxonomy, on_error=errors.append))
        assert len(found) == 2
        assert [str(e)[: len(f"{path}:3: ")] for e in errors] == [
            f"{path}:3: ",
            f"{path}:4: ",
        ]


class TestProdigy:
    def test_rows_of_one_text_are_joined_and_rejections_kept(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        def row(text: str, label: str, answer: str, **more: Any) -> dict[str, Any]:
            return {"text": text, "label": label, "answer": answer, **more}

        rows = lines(
            row("a", "sport", "accept"),
            row("b", "sport", "reject"),
            row("a", "money", "reject"),
            row("c", "sport", "ignore"),
            row("b", "north", "accept"),
            row("d", "sport", "accept", _input_hash=1),
            row("d", "sport", "reject", _input_hash=1),
            row("e", "sport", "reject"),
            row("e", "sport", "accept"),
        )
        found = read(tmp_path / "p.jsonl", rows, taxonomy)
        assert [(s.text, s.labels, s.rejected) for s in found] == [
            ("a", {"desk": ("sport",)}, {}),
            ("b", {"land": ("north",)}, {"desk": ("sport",)}),
            ("d", {}, {"desk": ("sport",)}),
            ("e", {"desk": ("sport",)}, {}),
        ]

    def test_choice_of_every_label_with_none_taken_is_none(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        def row(options: list[Any], accept: list[Any], **more: Any) -> dict[str, Any]:
            found = [{"id": id, "text": text} for id, text in options]
            return {"options": found, "accept": accept, "answer": "accept", **more}

        rows = lines(
            row([("sport", "S"), ("money", "M")], [], text="a"),
            row([("sport", "S")], [], text="b"),
            row(
                [(0, "Sport"), (1, "Money")],
                [1],
                text="c",
                meta={"title": "t", "id": 9},
            ),
            {**row([("sport", "S")], ["sport"], text="d"), "answer": "reject"},
        )
        found = read(tmp_path / "p.jsonl", rows, taxonomy)
        assert found == [
            Sample("p.jsonl:1", "", "a", {"desk": ()}),
            Sample("p.jsonl:2", "", "b", rejected={"desk": ("sport",)}),
            Sample("9", "t", "c", {"desk": ("money",)}),
        ]

    def test_bad_row_is_named_in_its_own_line(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        rows = lines(
            {"text": "a", "label": "sport", "answer": "accept"},
            {"text": "a", "label": "zzz", "answer": "accept"},
            {"text": "b", "label": "sport", "answer": "maybe"},
        )
        path = tmp_path / "p.jsonl"
        path.write_text(rows)
        errors: list[SampleError] = []
        found = list(read_labelled(path, taxonomy, on_error=errors.append))
        assert labels(found) == [{"desk": ("sport",)}]
        assert [str(e)[: len(f"{path}:2")] for e in errors] == [
            f"{path}:2",
            f"{path}:3",
        ]


class TestSpacy:
    def test_scores_say_what_applies_and_what_does_not(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        rows = lines(
            {"text": "a", "cats": {"sport": 0.2, "money": 0.5}},
            {"text": "b", "cats": {"sport": False, "money": 0}},
            {"text": "c", "cats": {"sport": 0}},
        )
        found = read(tmp_path / "c.jsonl", rows, taxonomy)
        assert labels(found) == [{"desk": ("money",)}, {"desk": ()}, {}]
        assert found[2].rejected == {"desk": ("sport",)}
        found = read(tmp_path / "c.jsonl", rows, taxonomy, axis="desk")
        assert labels(found) == [{"desk": ("money",)}, {"desk": ()}, {"desk": ()}]

    def test_score_that_is_no_number_is_refused(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        for score in ("NaN", '"1"', "null"):
            row = f'{{"text": "a", "cats": {{"sport": {score}}}}}\n'
            with pytest.raises(SampleError, match=r"c\.jsonl:1: 'cats' gives"):
                read(tmp_path / "c.jsonl", row, taxonomy)


class TestAnnif:
    def test_folder_is_read_with_what_stands_beside(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        subjects = [{"uri": "<http://x.org/zz>", "label": "Sport"}]
        for name, content in {
            "a.txt": "A",
            "a.key": "Sport\nThe North\n",
            "b.txt": "B",
            "b.tsv": "<http://x.org/1>\tSport\n<http://x.org/north>\tzzz\n",
            "c.txt": "C",
            "c.json": json.dumps({"subjects": subjects}),
            "d.json": json.dumps(
                {"text": "D", "document_id": "9", "metadata": {"title": "t"}}
            ),
            "e.txt": "E",
            "other.md": "no document",
        }.items():
            (tmp_path / name).write_text(content)
        found = list(read_labelled(tmp_path, taxonomy))
        assert found == [
            Sample("a", "", "A", BOTH),
            Sample("b", "", "B", BOTH),
            Sample("c", "", "C", {"desk": ("sport",)}),
            Sample("9", "t", "D"),
            Sample("e", "", "E"),
        ]

    def test_bad_document_is_named_and_the_others_read(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        (tmp_path / "a.txt").write_bytes(b"\xff")
        (tmp_path / "b.txt").write_text("B")
        (tmp_path / "b.key").write_text("zzz\n")
        (tmp_path / "c.json").write_text("{")
        (tmp_path / "d.txt").write_text("D")
        errors: list[SampleError] = []
        found = list(read_labelled(tmp_path, taxonomy, on_error=errors.append))
        assert [sample.id for sample in found] == ["d"]
        assert [str(e).partition(": ")[0] for e in errors] == [
            str(tmp_path / name) for name in ("a.txt", "b.key", "c.json")
        ]

    def test_tsv_line_without_a_tab_is_refused(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        with pytest.raises(SampleError, match=r"a\.tsv:2: has no tab"):
            read(tmp_path / "a.tsv", "a\t<sport>\nb\n", taxonomy)


ODD = Taxonomy(
    (
        Axis(
            "land",
            "Land",
            (Label("north", "The North", "N"), Label("südost; ost", "South-east")),
        ),
        Axis(
            "desk",
            "Desk",
            (
                Label("money", "Money", "medtop:04000000"),
                Label("money/stock markets", "Stocks"),
                Label("a|b #1", "Odd"),
            ),
        ),
    )
)


@st.composite
def drawn_samples(draw: st.DrawFn, *, tame: bool = False) -> list[Sample]:
    """Samples as reading makes them; tame ones are such as every format can hold."""
    word = st.text("abcdéß漢", min_size=1, max_size=6)
    text = st.text(min_size=1, max_size=20).filter(str.strip)
    if tame:
        text = st.lists(word, min_size=1, max_size=4).map(" ".join)
    rest = st.just("") if tame else st.text(max_size=8)
    found = []
    for number in range(draw(st.integers(1, 4))):
        labels, rejected = {}, {}
        for axis in ODD:
            some = st.lists(st.sampled_from(axis.ids), min_size=1, unique=True)
            kind = draw(
                st.sampled_from(["labels"] if tame else ["labels", "", "rejected"])
            )
            if kind == "labels":
                given = draw(some if tame else some | st.just([]))
                labels[axis.id] = axis.roll_up(given)
            elif kind == "rejected":
                rejected[axis.id] = tuple(draw(some))
        id = f"x.txt:{number + 1}" if tame else draw(st.text(max_size=5))
        found.append(
            Sample(id, draw(rest), draw(text), labels, draw(rest), draw(rest), rejected)
        )
    return found


class TestWriting:
    @pytest.mark.parametrize("format", FORMATS)
    @given(samples=drawn_samples(), axis=st.sampled_from([None, "desk"]))
    @settings(
        max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    def test_what_was_written_reads_back_equal_or_is_refused(
        self, format: str, samples: list[Sample], axis: str | None
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "out"
            try:
                assert write_labelled(path, samples, ODD, format, axis=axis) == ()
            except LossError as error:
                assert error.losses
                assert not list(Path(folder).iterdir())
                return
            options = ReadOptions(format=format, axis=axis or "")
            read = list(read_labelled(path, ODD, options=options))
        for one, other in zip(samples, read, strict=True):
            assert (one.title, one.text, one.labels) == (
                other.title,
                other.text,
                other.labels,
            )
            assert (one.source, one.date, one.rejected) == (
                other.source,
                other.date,
                other.rejected,
            )
            assert one.id in ("", other.id)

    @pytest.mark.parametrize("format", FORMATS)
    @given(samples=drawn_samples(tame=True))
    @settings(max_examples=20, deadline=None)
    def test_plain_samples_are_held_by_every_format(
        self, format: str, samples: list[Sample]
    ) -> None:
        if format == "doccano-csv":  # which has no way to write a '#'
            samples = [s for s in samples if "a|b #1" not in s.labels["desk"]]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.txt"
            assert write_labelled(path, samples, ODD, format) == ()

    @pytest.mark.parametrize("format", FORMATS)
    def test_project_s_samples_are_found_out_again(
        self, tmp_path: Path, taxonomy: Taxonomy, format: str
    ) -> None:
        ending = {"csv": ".csv", "tsv": ".tsv", "fasttext": ".txt"}.get(
            format.rpartition("-")[2], ".json"
        )
        name = "s" if format == "annif-folder" else "s" + ending
        one = Sample("s.txt:1", "", "Some text", BOTH)
        write_labelled(tmp_path / name, [one], taxonomy, format)
        (found,) = read_labelled(tmp_path / name, taxonomy)
        assert (found.text, found.labels) == (one.text, one.labels)

    def test_losses_are_named_with_their_number(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        samples = [
            Sample("a", "T", "x", {"desk": ("sport",)}, "Post", "2020"),
            Sample("b", "", "x\ny", {"desk": ()}, rejected={"land": ("north",)}),
        ]
        path = tmp_path / "s.txt"
        with pytest.raises(LossError, match="--allow-loss") as caught:
            write_labelled(path, samples, taxonomy, "fasttext")
        assert caught.value.losses == (
            "ids (2 of 2 samples, first 'a')",
            "titles (1 of 2 samples, first 'a')",
            "sources (1 of 2 samples, first 'a')",
            "dates (1 of 2 samples, first 'a')",
            "text (line ends, tabs, or spaces at its ends) (1 of 2 samples, first 'b')",
            "desk: that none applies (it would be unknown) (1 of 2 samples, first 'b')",
            "rejected labels (1 of 2 samples, first 'b')",
        )
        assert not path.exists()
        lost = write_labelled(path, samples, taxonomy, "fasttext", allow_loss=True)
        assert lost == caught.value.losses
        assert path.read_text() == "__label__sport T x\nx y\n"

    def test_table_cannot_say_none_of_one_and_nothing_of_another(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        samples = [Sample("a", "", "x", {"desk": ("sport",)}), Sample("b", "", "y")]
        with pytest.raises(LossError, match=r"desk: that it is unknown \(it would be"):
            write_labelled(tmp_path / "s.csv", samples, taxonomy, "csv")

    def test_order_and_number_of_labels_are_no_loss_of_json(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        samples = [Sample("a", "", "x", {"land": ("south", "north", "east")})]
        for format in ("spacy", "prodigy", "doccano", "label-studio"):
            path = tmp_path / f"{format}.json"
            write_labelled(path, samples, taxonomy, format)
            assert list(read_labelled(path, taxonomy)) == samples

    def test_folder_that_is_there_stays(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        (tmp_path / "f").mkdir()
        (tmp_path / "f" / "mine.txt").write_text("x")
        with pytest.raises(SampleError, match="is there already"):
            write_labelled(tmp_path / "f", [], taxonomy, "annif-folder")
        assert [p.name for p in (tmp_path / "f").iterdir()] == ["mine.txt"]

    def test_half_a_character_is_refused(
        self, tmp_path: Path, taxonomy: Taxonomy
    ) -> None:
        with pytest.raises(SampleError, match="half of a surrogate pair"):
            write_labelled(
                tmp_path / "s.csv", [Sample("a", "", "\ud800")], taxonomy, "csv"
            )
