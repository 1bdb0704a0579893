"""Where answers go: standard output, a file that grows by whole lines, Parquet."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from ..labels.terminal import printable
from .answers import AnswerError, Format


class Writer(Protocol):
    """Takes answers as text that ends in a line break."""

    def write(self, lines: str) -> None:
        """Write whole lines, all of them or, as far as can be, none.

        Raises
        ------
        AnswerError
            If they cannot be written.
        """


class PrintedLines:
    """Standard output; each piece appears at once.

    Parameters
    ----------
    format : str
        What is not JSON is freed of what a terminal would obey, if it is one.
    """

    def __init__(self, format: Format) -> None:
        try:
            # Not sys.stdout's own buffer, which would fail once more as Python ends.
            number = sys.stdout.fileno()
            self._stream = cast(BinaryIO, open(number, "wb", 0, closefd=False))  # noqa: SIM115
        except (OSError, ValueError, AttributeError):
            if sys.stdout is None:
                raise AnswerError("standard output is closed; name a file") from None
            self._stream = sys.stdout.buffer
        self._bare = format != "jsonl" and self._stream.isatty()

    def write(self, lines: str) -> None:
        """Write whole lines."""
        if self._bare:
            lines = printable(lines)
        try:
            _write_all(self._stream, encoded(lines))
        except BrokenPipeError:
            raise
        except OSError as error:
            raise AnswerError(
                f"standard output: cannot be written: {error.strerror}"
            ) from None


class GrowingFile:
    """A file to which whole lines are added.

    Whatever ends the work, a full disk or a signal, it ends in a whole line. (A
    process that is killed may leave half of one, which ``--resume`` cuts off.)

    Parameters
    ----------
    path : Path
    stream : binary file
        Unbuffered, at its end.
    """

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self._path, self._stream = path, stream
        self._regular = path.is_file()
        self._end = stream.tell() if self._regular else 0

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        return self._end == 0

    def write(self, lines: str) -> None:
        """Write whole lines, or none of them."""
        data = encoded(lines)
        try:
            _write_all(self._stream, data)
        except BaseException:
            if self._regular:
                os.ftruncate(self._stream.fileno(), self._end)
            raise
        self._end += len(data)


@contextmanager
def growing_file(path: Path, *, append: bool) -> Iterator[GrowingFile]:
    """Open a file of answers to add to it, or to begin anew.

    Raises
    ------
    AnswerError
        If it cannot be opened or, meanwhile, written.
    """
    try:
        with path.open("ab" if append else "wb", 0) as stream:
            yield GrowingFile(path, cast(BinaryIO, stream))
    except OSError as error:
        raise AnswerError(
            f"{path}: cannot be written: {error.strerror}; what is in it stays, and "
            "--resume goes on from there"
        ) from None


def _write_all(stream: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        # A full disk takes a part before it refuses the rest.
        view = view[stream.write(view) or 0 :]


def encoded(lines: str) -> bytes:
    """UTF-8; a lone surrogate, which JSON can bring in, has none and becomes ``?``."""
    return lines.encode("utf-8", "replace")


def partial(output: Path) -> Path:
    """Where the answers stand that become a Parquet file when all are there."""
    return output.with_name(f"{output.name}.partial")
