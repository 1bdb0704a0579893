"""Articles in: every form, packing and encoding, folders, pages, feeds, named fields."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from dateline.predict.articles import BadRow, read_articles
from dateline.predict.decoding import LONGEST
from dateline.predict.fields import ArticleError, Fields, columns_of
from dateline.predict.sources import Meter

TEXT = "Shares fell in Málaga, Spain – again."
ROWS = [{"id": "a", "title": "Málaga", "text": TEXT}, {"id": "b", "text": "Oslo"}]
JSONL = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
CSV = f'id,title,text\na,Málaga,"{TEXT}"\nb,,Oslo\n'

PAGE = """<!DOCTYPE html><html><head><title>Snow in Oslo</title>
<meta charset="{charset}"></head><body>
<nav><a href="/">Home</a> <a href="/sport">Sport</a></nav>
<article><h1>Snow in Oslo</h1><p>{first}</p><p>{second}</p></article>
<footer>Terms and conditions</footer></body></html>"""
FIRST = (
    "Snow fell on Oslo for the third day in a row, and the trams to Grünerløkka stood "
    "still while the ploughs were out. The town asked people to stay at home."
)
SECOND = (
    "The airport was closed for two hours in the morning, a spokesman said, and forty "
    "flights were put off. More snow is on its way for the weekend."
)
FEED = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel><title>News</title>
<item><guid>x1</guid><title>Snow &amp; ice</title><link>http://example.org/1</link>
<description>&lt;p&gt;Snow fell on &lt;b&gt;Oslo&lt;/b&gt;.&lt;/p&gt;</description></item>
<item><link>http://example.org/2</link><title>Rome</title></item>
</channel></rss>"""
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">
<title>News</title><entry><id>urn:1</id><title>Oslo</title>
<summary>short</summary><content type="html">&lt;p&gt;Snow fell on Oslo.&lt;/p&gt;
</content></entry></feed>"""


def rows_of(path: Path, **fields: Any) -> list[Any]:
    return list(read_articles(str(path), Fields(**fields)))


def without_module(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)


class TestEncodings:
    @pytest.mark.parametrize(
        "encoding",
        ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"],
    )
    @pytest.mark.parametrize(("name", "text"), [("a.jsonl", JSONL), ("a.csv", CSV)])
    def test_table_is_read_as_what_it_is(
        self, tmp_path: Path, encoding: str, name: str, text: str
    ) -> None:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        fields = Fields()
        found: list[Any] = list(read_articles(str(path), fields))
        assert [(row.id, row.text) for row in found] == [("a", TEXT), ("b", "Oslo")]
        assert found[0].title == "Málaga"
        assert fields.notes.lines() == []

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
    def test_text_is_read_as_what_it_is(self, tmp_path: Path, encoding: str) -> None:
        path = tmp_path / "a.txt"
        path.write_bytes(f"Málaga\r\n\r\n{TEXT}".encode(encoding))
        (row,) = rows_of(path)
        assert (row.title, row.text) == ("Málaga", TEXT)

    def test_lines_of_two_encodings_are_each_read(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        lines = JSONL.splitlines(keepends=True)
        path.write_bytes(lines[0].encode("utf-8") + lines[0].encode("cp1252"))
        assert [row.text for row in rows_of(path)] == [TEXT, TEXT]

    def test_marks_of_the_encoding_are_no_text(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        path.write_bytes(JSONL.encode("utf-8-sig") * 2)
        assert [row.id for row in rows_of(path)] == ["a", "b"] * 2
        path.write_bytes(b"\xef\xbb\xbf")
        assert rows_of(path) == []

    def test_named_encoding_is_used(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_bytes("text\nСнег в Осло\n".encode("cp1251"))
        assert rows_of(path, encoding="cp1251")[0].text == "Снег в Осло"

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            ("text\nMÃ¡laga\n".encode(), "decoded wrongly before"),
            ("text\nIt â€œsnowedâ€\x9d\n".encode(), "decoded wrongly before"),
            ("text\nsnow \ufffd\n".encode(), "decoded wrongly before"),
            ("text\nMálaga, Córdoba ".encode() + b"\xe1\n", "no UTF-8"),
            ("text\nСнег выпал в Осло\n".encode("cp1251"), "Windows-1252 but hardly"),
        ],
        ids=["accent", "quote", "replaced", "damaged", "foreign"],
    )
    def test_mojibake_is_reported(self, tmp_path: Path, data: bytes, said: str) -> None:
        path = tmp_path / "a.csv"
        path.write_bytes(data)
        fields = Fields()
        assert len(list(read_articles(str(path), fields))) == 1
        (line,) = fields.notes.lines()
        assert line.startswith("1 articles")
        assert said in line
        assert f"{path}:2" in line

    def test_line_without_end_is_a_bad_row(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from dateline.predict import decoding

        assert LONGEST >= 1 << 20
        monkeypatch.setattr(decoding, "LONGEST", 1000)
        long = json.dumps({"text": "x" * 5000}) + "\n"
        for encoding in ("utf-8", "utf-16"):
            path = tmp_path / "a.jsonl"
            path.write_bytes((JSONL + long + JSONL).encode(encoding))
            found = rows_of(path)
            assert [row.id for row in found if isinstance(row, BadRow)] == ["3"]
            assert len(found) == 5
            assert "no article is that long" in found[2].error


class TestPacked:
    def test_gzip_and_zstandard_are_unpacked(self, tmp_path: Path) -> None:
        zstd = pytest.importorskip(
            "backports.zstd" if sys.version_info < (3, 14) else "compression.zstd"
        )
        data = JSONL.encode()
        packed = {
            "a.jsonl.gz": gzip.compress(data),
            "a.jsonl.zst": zstd.compress(data),
            # Several in one, as tools that work side by side write them.
            "b.jsonl.zst": b"".join(map(zstd.compress, data.splitlines(True))),
        }
        for name, content in packed.items():
            (tmp_path / name).write_bytes(content)
            assert [row.id for row in rows_of(tmp_path / name)] == ["a", "b"]
        path = tmp_path / "cut.jsonl.zst"
        path.write_bytes(zstd.compress(os.urandom(5000).hex().encode())[:-9])
        with pytest.raises(ArticleError, match=r"cut.jsonl.zst: cannot be read"):
            rows_of(path)

    def test_missing_zstandard_is_named_with_its_command(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if sys.version_info >= (3, 14):
            pytest.skip("Python has it")
        without_module(monkeypatch, "backports.zstd", "backports")
        (tmp_path / "a.jsonl.zst").write_bytes(b"\x28\xb5\x2f\xfd")
        with pytest.raises(ArticleError, match=r"pip install 'dateline\[zstd\]'"):
            rows_of(tmp_path / "a.jsonl.zst")


class TestFolders:
    def test_folder_is_read_in_order_of_names(self, tmp_path: Path) -> None:
        folder = tmp_path / "in"
        (folder / "sub").mkdir(parents=True)
        (folder / "b.txt").write_text("Oslo")
        (folder / "a.jsonl").write_text('{"text": "Rome"}\n{"id": "x", "text": "Oslo"}')
        (folder / "sub" / "c.txt").write_bytes(b"M\x81laga")
        (folder / ".hidden.txt").write_text("no")
        (folder / "photo.png").write_bytes(b"\x89PNG")
        fields = Fields()
        found: list[Any] = list(read_articles(str(folder), fields))
        assert [row.id for row in found] == [
            f"{folder}/a.jsonl:1",
            "x",
            f"{folder}/b.txt",
            f"{folder}/sub/c.txt",
        ]
        assert "not UTF-8" in found[3].error
        (line,) = fields.notes.lines()
        assert "photo.png" in line

    def test_answers_may_not_lie_in_the_folder(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        folder = tmp_path / "in"
        folder.mkdir()
        (folder / "a.txt").write_text("Oslo")
        run = dateline("predict", folder, "-m", model_file, "-o", folder / "o.jsonl")
        assert run.code == 2
        assert "lies in a folder that is read" in run.err
        assert [path.name for path in folder.iterdir()] == ["a.txt"]
        run = dateline("predict", folder, "-m", model_file)
        assert json.loads(run.out)["land"][0]["label"] == "north"


class TestWeb:
    @pytest.fixture(autouse=True)
    def no_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> NoReturn:
            raise AssertionError("something was fetched")

        monkeypatch.setattr(socket.socket, "connect", refuse)

    @pytest.mark.parametrize(
        ("charset", "encoding"),
        [
            ("utf-8", "utf-8"),
            ("iso-8859-1", "cp1252"),
            ("gb18030", "gb18030"),
            ("nonsense", "utf-8"),
        ],
    )
    def test_page_is_read_without_its_menus(
        self, tmp_path: Path, charset: str, encoding: str
    ) -> None:
        pytest.importorskip("trafilatura")
        path = tmp_path / "a.html"
        page = PAGE.format(charset=charset, first=FIRST, second=SECOND)
        path.write_bytes(page.encode(encoding))
        (row,) = rows_of(path)
        assert row.title == "Snow in Oslo"
        assert FIRST in row.text
        assert "Terms" not in row.text
        assert row.id == str(path)

    def test_page_without_an_article_is_a_bad_row(self, tmp_path: Path) -> None:
        pytest.importorskip("trafilatura")
        for content in (b"", b"<html></html>", b"\x89PNG\x81\x00"):
            (tmp_path / "a.html").write_bytes(content)
            (row,) = rows_of(tmp_path / "a.html")
            assert isinstance(row, BadRow)
            assert row.error.startswith(f"{tmp_path}/a.html: ")

    def test_feed_is_read_entry_by_entry(self, tmp_path: Path) -> None:
        pytest.importorskip("feedparser")
        path = tmp_path / "a.xml"
        path.write_text(FEED)
        first, second = rows_of(path)
        assert (first.id, first.title) == ("x1", "Snow & ice")
        assert first.text == "Snow fell on Oslo."
        assert (second.id, second.title) == ("http://example.org/2", "Rome")
        path = tmp_path / "a.atom"
        path.write_text(ATOM)
        (row,) = rows_of(path, keep=("all",))
        assert (row.id, row.text) == ("urn:1", "Snow fell on Oslo.")
        assert columns_of(row)["title"] == "Oslo"

    def test_what_is_no_feed_is_refused(self, tmp_path: Path) -> None:
        pytest.importorskip("feedparser")
        (tmp_path / "a.xml").write_text("<x>1</x>")
        with pytest.raises(ArticleError, match="no RSS or Atom feed"):
            rows_of(tmp_path / "a.xml")

    def test_feed_that_swells_is_not_unfolded(self, tmp_path: Path) -> None:
        pytest.importorskip("feedparser")
        entities = '<!ENTITY a0 "lol">' + "".join(
            f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)
        )
        bomb = FEED.replace("<rss", f"<!DOCTYPE rss [{entities}]><rss")
        (tmp_path / "a.xml").write_text(bomb.replace(">Rome<", ">&a9;<"))
        for row in rows_of(tmp_path / "a.xml"):
            assert len(getattr(row, "title", "")) < 10_000

    @pytest.mark.parametrize(
        ("name", "module"), [("a.html", "trafilatura"), ("a.rss", "feedparser")]
    )
    def test_missing_extra_is_named_with_its_command(
        self,
        dateline: Callable[..., Any],
        model_file: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        module: str,
    ) -> None:
        without_module(monkeypatch, module)
        (tmp_path / name).write_text("<p>x</p>")
        run = dateline("predict", tmp_path / name, "-m", model_file)
        assert run.code == 2
        assert run.err.count("\n") == 1
        assert "pip install 'dateline[web]'" in run.err


class TestFields:
    def test_named_fields_are_read(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        rows = [{"nr": 7, "text": "Tokyo", "kop": "Nieuws", "Bericht": "Snow in Oslo"}]
        path = tmp_path / "a.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"nr": 8}]))
        options = [
            "--text-field",
            "bericht",
            "--title-field",
            "kop",
            "--id-field",
            "nr",
        ]
        run = dateline("predict", path, "-m", model_file, *options)
        good, bad = map(json.loads, run.out.splitlines())
        assert (good["id"], good["land"][0]["label"]) == ("7", "north")
        assert (bad["id"], "no field" in bad["error"]) == ("8", True)
        table = tmp_path / "a.csv"
        table.write_text("nr,bericht\n1,Oslo\n")
        run = dateline("predict", table, "-m", model_file, "--text-field", "body")
        assert run.code == 2
        assert "no column is called 'body' (--text-field); found bericht, nr" in run.err
        run = dateline("explain", table, "-m", model_file, "--text-field", "bericht")
        assert "[Oslo]" in run.out

    def test_separator_is_found_out(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        for mark in (",", ";", "\t", "|"):
            path.write_text(f"id{mark}Text\nx{mark}Oslo\n")
            (row,) = rows_of(path)
            assert (row.id, row.text) == ("x", "Oslo")

    def test_what_is_no_encoding_is_refused(
        self, dateline: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        for name in ("klingon", "base64"):
            run = dateline("predict", tmp_path, "-m", model_file, "--encoding", name)
            assert run.code == 2
            assert "is no encoding" in run.err


class TestStreams:
    @pytest.fixture
    def piped(self, tmp_path: Path) -> Callable[..., list[Any]]:
        """Reads bytes that come through a pipe."""
        if not hasattr(os, "mkfifo"):
            pytest.skip("takes named pipes")
        pipe = tmp_path / "pipe"

        def read(data: bytes, **fields: Any) -> list[Any]:
            os.mkfifo(pipe)
            writer = threading.Thread(target=pipe.write_bytes, args=(data,))
            writer.start()
            try:
                return rows_of(pipe, **fields)
            finally:
                writer.join()
                pipe.unlink()

        return read

    @pytest.mark.parametrize(
        "data",
        [
            JSONL.encode(),
            JSONL.encode("utf-16"),
            gzip.compress(JSONL.encode()),
            CSV.encode(),
            CSV.replace(",", "\t").encode(),
        ],
        ids=["jsonl", "utf-16", "gzip", "csv", "tsv"],
    )
    def test_standard_input_is_read_as_what_it_is(
        self, model_file: Path, data: bytes
    ) -> None:
        run = subprocess.run(
            [sys.executable, "-m", "dateline", "predict", "-m", str(model_file)],
            input=data,
            capture_output=True,
            check=True,
        )
        answers = [json.loads(line) for line in run.stdout.splitlines()]
        assert [answer["id"] for answer in answers] == ["a", "b"]
        assert answers[1]["land"][0]["label"] == "north"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
    @pytest.mark.parametrize("named", [True, False])
    @pytest.mark.parametrize(
        ("head", "charset"), [("", "utf-8"), ("<?xml version='1.0'?>\n<!-- x -->", "")]
    )
    def test_page_is_read_from_a_stream_in_any_encoding(
        self,
        piped: Callable[..., list[Any]],
        encoding: str,
        named: bool,
        head: str,
        charset: str,
    ) -> None:
        pytest.importorskip("trafilatura")
        page = PAGE.format(charset=charset or encoding, first=FIRST, second=SECOND)
        data = (f"\n{head}" + page).encode(encoding)
        (row,) = piped(data, encoding=encoding if named else "")
        assert row.title == "Snow in Oslo"
        assert "Grünerløkka" in row.text
        assert "Terms" not in row.text
        assert Path(row.id).name == "pipe"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    def test_feed_is_read_from_a_stream(
        self, piped: Callable[..., list[Any]], encoding: str
    ) -> None:
        pytest.importorskip("feedparser")
        feed = FEED.replace("utf-8", encoding).replace("Rome", "Málaga")
        assert [row.title for row in piped(feed.encode(encoding))] == [
            "Snow & ice",
            "Málaga",
        ]
        (row,) = piped(ATOM.encode(encoding))
        assert (row.id, row.text) == ("urn:1", "Snow fell on Oslo.")

    @pytest.mark.parametrize(
        "text",
        [
            "Snow <html> in Oslo",
            "<?xml version='1.0'?><nitf>Snow in Oslo</nitf>",
            "<b>Snow</b> in Oslo",
            "<!-- " * 20_000 + "Oslo",
            "<!---->" * 30 + "Snow in Oslo",
        ],
        ids=["late", "other", "bold", "open", "many"],
    )
    def test_text_with_tags_is_a_text(
        self, piped: Callable[..., list[Any]], text: str
    ) -> None:
        (row,) = piped(text.encode())
        assert row.text == text

    def test_named_wide_encoding_of_a_text_is_used(
        self, piped: Callable[..., list[Any]]
    ) -> None:
        (row,) = piped(TEXT.encode("utf-16-be"), encoding="utf-16-be")
        assert row.text == TEXT

    @pytest.mark.parametrize(
        ("data", "ids"),
        [
            (b'{"text": "%s"}\n{"id": "b", "text": "Oslo"}\n', ["1", "b"]),
            (b"%s\nOslo\n", ["pipe"]),
            (b"Oslo\n%s\n", ["pipe"]),
            (b"<html>\n%s\n</html>", ["pipe"]),
        ],
        ids=["json", "first", "second", "page"],
    )
    def test_line_that_is_too_long_is_told_whatever_the_stream_is(
        self,
        piped: Callable[..., list[Any]],
        monkeypatch: pytest.MonkeyPatch,
        data: bytes,
        ids: list[str],
    ) -> None:
        monkeypatch.setattr("dateline.predict.decoding.LONGEST", 1000)
        rows = piped(data % (b"x" * 3000))
        assert [Path(row.id).name for row in rows] == ids
        assert isinstance(rows[0], BadRow)
        assert "a line of more than" in rows[0].error

    def test_page_on_standard_input_is_answered(self, model_file: Path) -> None:
        pytest.importorskip("trafilatura")
        page = PAGE.format(charset="utf-8", first=FIRST, second=SECOND)
        run = subprocess.run(
            [sys.executable, "-m", "dateline", "predict", "-", "-m", str(model_file)],
            input=page.encode(),
            capture_output=True,
            check=True,
        )
        assert run.stdout.startswith(b"-\n  land  The North")

    def test_sentence_with_commas_is_no_table(self, model_file: Path) -> None:
        run = subprocess.run(
            [sys.executable, "-m", "dateline", "predict", "-m", str(model_file)],
            input=b"Snow in Oslo, text, and ice\nMore.\n",
            capture_output=True,
            check=True,
        )
        assert run.stdout.startswith(b"-\n  land")

    @pytest.mark.parametrize("jobs", ["1", "2"])
    @pytest.mark.parametrize("form", ["jsonl", "csv"])
    def test_each_answer_comes_before_the_next_line(
        self, model_file: Path, jobs: str, form: str
    ) -> None:
        command = [sys.executable, "-m", "dateline", "predict", "-m", str(model_file)]
        with subprocess.Popen(
            [*command, "-f", form, "-j", jobs, "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdin
            assert process.stdout
            # An answer that waits for more lines would never come.
            watch = threading.Timer(60, process.kill)
            watch.start()
            for number in range(5):
                row = json.dumps({"id": f"r{number}", "text": "Oslo"})
                # Half a line first: it is waited for, and nothing is lost.
                for part in (row[:9], row[9:] + "\n"):
                    process.stdin.write(part.encode())
                    process.stdin.flush()
                if form == "csv" and number == 0:
                    assert process.stdout.readline().startswith(b"id,")
                assert f"r{number}".encode() in process.stdout.readline()
            process.stdin.close()
            assert process.stdout.read() == b""
            assert process.wait() == 0
            watch.cancel()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="takes Linux")
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.jsonl.gz", "a.parquet"])
def test_memory_does_not_grow_with_the_input(
    model_file: Path, tmp_path: Path, name: str
) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    peaks = []
    for count in (1_000, 20_000):  # the longer one is of 22 MB
        path = tmp_path / f"{count}{name}"
        write_rows(path, count)
        run = subprocess.run(
            [sys.executable, "-c", PEAK, "predict", path, "-m", model_file],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=True,
        )
        peaks.append(int(run.stderr) / 1024)
    assert peaks[1] - peaks[0] < 12, peaks


# Runs the command, then says how many kilobytes it held at most. (What getrusage
# says counts the process that it was forked from.)
PEAK = """
import pathlib, sys
from dateline.cli import main
try:
    main()
finally:
    status = pathlib.Path("/proc/self/status").read_text()
    print(status.partition("VmHWM:")[2].split()[0], file=sys.stderr)
"""


def write_rows(path: Path, count: int) -> None:
    text = "Snow fell in Oslo on Monday. " * 38
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet

        # No two alike, or they would be held once.
        table = pa.table({"text": [f"{n} {text}" for n in range(count)]})
        pyarrow.parquet.write_table(table, path, row_group_size=1000)
        return
    line = f"{text}\n" if path.suffix == ".csv" else json.dumps({"text": text}) + "\n"
    data = ("text\n" * (path.suffix == ".csv") + line * count).encode()
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)


class TestParquet:
    def test_row_groups_are_read_in_batches(self, tmp_path: Path) -> None:
        pa = pytest.importorskip("pyarrow")
        import pyarrow.parquet

        path = tmp_path / "a.parquet"
        table = pa.table({" ID": list(range(2500)), "Body": ["Oslo"] * 2500})
        pyarrow.parquet.write_table(table, path, row_group_size=700)
        meter = Meter.of([str(path)])
        ids = []
        shares = []
        for row in read_articles(str(path), Fields(), meter):
            ids.append(row.id)
            shares.append(meter.share)
        assert ids == [str(n) for n in range(2500)]
        assert shares == sorted(shares)
        assert 0.4 < shares[1250] < 0.6
        assert meter.share == 1.0
