"""Labelled samples: reading, writing, checking."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from dateline.labels import (
    Sample,
    SampleError,
    Taxonomy,
    read_samples,
    write_samples,
)


def test_row_becomes_a_sample(tmp_path: Path, taxonomy: Taxonomy) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(
        '{"id": 7, "title": "T", "text": "x", "land": ["The North", "S"], "desk": []}\n'
        '\n{"text": "y", "source": "Post", "date": "2020-01-02", "other": 1}\n'
    )
    assert list(read_samples(path, taxonomy)) == [
        Sample("7", "T", "x", {"land": ("north", "south"), "desk": ()}),
        Sample("s.jsonl:3", "", "y", {}, "Post", "2020-01-02"),
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "not valid JSON"),
        ("[]", "expected a JSON object, found list"),
        ('{"id": "a"}', "neither 'title' nor 'text'"),
        ('{"text": 3}', "'text' is 3, expected a string"),
        ('{"text": "x", "land": "north"}', "expected a list of labels"),
        ('{"text": "x", "land": [1]}', "expected label names"),
        ('{"text": "\\ud800"}', "half of a surrogate pair"),
        ('{"text": "x", "land": ["nort"]}', "'nort' is no label .* nearest: north"),
    ],
)
def test_bad_row_is_refused_by_file_and_line(
    tmp_path: Path, taxonomy: Taxonomy, row: str, said: str
) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text('{"text": "fine"}\n' + row + "\n")
    with pytest.raises(SampleError, match=said) as caught:
        list(read_samples(path, taxonomy))
    assert f"{path}:2" in str(caught.value)


def test_rows_after_a_bad_one_are_read_when_errors_are_collected(
    tmp_path: Path, taxonomy: Taxonomy
) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text('{"text": "a"}\n{\n{"text": "b"}\n')
    errors: list[SampleError] = []
    read = list(read_samples(path, taxonomy, on_error=errors.append))
    assert [sample.text for sample in read] == ["a", "b"]
    assert len(errors) == 1


def test_missing_file_and_wrong_encoding_are_refused(
    tmp_path: Path, taxonomy: Taxonomy
) -> None:
    with pytest.raises(SampleError, match="cannot be read: No such file"):
        list(read_samples(tmp_path / "none.jsonl", taxonomy))
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes('{"text": "Málaga"}\n'.encode("latin-1"))
    with pytest.raises(SampleError, match="not UTF-8"):
        list(read_samples(latin, taxonomy))
    broken = tmp_path / "broken.jsonl.gz"
    broken.write_bytes(gzip.compress(b'{"text": "x"}\n' * 100)[:-12])
    with pytest.raises(SampleError, match="cannot be read"):
        list(read_samples(broken, taxonomy))


@pytest.mark.parametrize("name", ["s.jsonl", "s.jsonl.gz"])
def test_written_samples_are_read_back(
    tmp_path: Path, taxonomy: Taxonomy, samples: list[Sample], name: str
) -> None:
    path = tmp_path / name
    odd = Sample("é", "“T”", "line\nline\u2028", {"desk": ()}, "src", "2001")
    assert write_samples(path, [*samples, odd]) == len(samples) + 1
    assert list(read_samples(path, taxonomy)) == [*samples, odd]


def test_failed_writing_leaves_the_old_file(
    tmp_path: Path, samples: list[Sample]
) -> None:
    path = tmp_path / "s.jsonl"
    write_samples(path, samples[:1])
    before = path.read_bytes()

    def interrupted() -> object:
        yield samples[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_samples(path, interrupted())  # type: ignore[arg-type]
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
