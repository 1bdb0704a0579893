"""Where articles come from: files, folders, what is packed, and how far reading is."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from .fields import ArticleError

STDIN = "-"
"""The name that means standard input."""

JSON_LINES = (".jsonl", ".ndjson")
TABLES = (*JSON_LINES, ".csv", ".tsv", ".parquet")
TEXTS = (".txt", ".text", ".md")
PAGES = (".html", ".htm", ".xhtml")
FEEDS = (".xml", ".rss", ".atom", ".rdf")
PACKED = (".gz", ".zst")

GZIP_MARK, ZSTD_MARK = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"

SKIPPED = "files of a folder were passed over, for their names end as none that is read"


def kind(name: str) -> str:
    """What is in a file by its name: the ending without ``.gz`` or ``.zst``."""
    path = Path(name)
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix in PACKED else suffix


def is_stream(name: str) -> bool:
    """Whether a name is that of standard input or of a pipe, which are read once."""
    return name == STDIN or Path(name).is_fifo()


class Meter:
    """How far reading is, in bytes of the files as they lie on the disk.

    Parameters
    ----------
    total : int
        Bytes of all files; 0 where that is not known.
    """

    def __init__(self, total: int = 0) -> None:
        self.total = total
        self._before = 0
        self._tell: Callable[[], float] | None = None

    @classmethod
    def of(cls, names: Sequence[str]) -> Meter:
        """A meter for files."""
        if any(map(is_stream, names)):
            return cls()
        sizes = (Path(name).stat().st_size for name in names if Path(name).exists())
        return cls(sum(sizes))

    @contextmanager
    def file(self, size: int, tell: Callable[[], float]) -> Iterator[None]:
        """Read a file of a size; `tell` says how much of it was read."""
        self._tell = tell
        try:
            yield
        finally:
            self._tell = None
            self._before += size

    @property
    def share(self) -> float:
        """How much was read of all, 0 to 1; 0 where that is not known."""
        if not self.total:
            return 0.0
        here = self._tell() if self._tell else 0
        return min((self._before + here) / self.total, 1.0)


@contextmanager
def open_file(name: str, meter: Meter | None = None) -> Iterator[BinaryIO]:
    """Open a file for reading, unpacked where its name says that it is packed."""
    with Path(name).open("rb") as raw:
        size = os.fstat(raw.fileno()).st_size
        with (meter or Meter()).file(size, raw.tell):
            suffix = Path(name).suffix.lower()
            if suffix == ".gz":
                yield cast(BinaryIO, gzip.GzipFile(fileobj=raw))
            elif suffix == ".zst":
                yield open_zstd(raw, name)
            else:
                yield raw


def open_stream(name: str) -> BinaryIO:
    """Open standard input or a pipe, unpacked where its first bytes are a packer's."""
    if name != STDIN:
        raw: BinaryIO = Path(name).open("rb")  # noqa: SIM115 - the caller closes it
    elif sys.stdin is None:
        raise ArticleError("standard input is closed; name a file")
    else:
        # Not sys.stdin itself: a thread that reads it when Python ends makes Python
        # crash, which closes it.
        raw = open(sys.stdin.fileno(), "rb", closefd=False)  # noqa: SIM115
    head: bytes = raw.peek(4)[:4]  # type: ignore[attr-defined]
    if head.startswith(GZIP_MARK):
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    return open_zstd(raw, name) if head == ZSTD_MARK else raw


def open_zstd(raw: BinaryIO, name: str) -> BinaryIO:
    """What a file packed with zstandard holds.

    Raises
    ------
    ArticleError
        If nothing is installed that unpacks it.
    """
    return cast(BinaryIO, zstd_module(name).ZstdFile(raw))


def zstd_module(name: str) -> Any:
    """Python's own module from 3.14 on, before that the same from an extra."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        raise ArticleError(
            f"{name}: reading zstandard takes Python 3.14 or backports.zstd: "
            "pip install 'dateline[zstd]'"
        ) from None
    return zstd


def broken() -> tuple[type[Exception], ...]:
    """What unpacking raises on what is broken."""
    import zlib

    zstd = sys.modules.get("compression.zstd") or sys.modules.get("backports.zstd")
    # A file that ends too early, and what is no gzip at all, are EOFError and OSError.
    return (OSError, EOFError, zlib.error, *([zstd.ZstdError] if zstd else []))


def files_of(folder: str, passed_over: Callable[[str], None]) -> list[str]:
    """The files of a folder and its folders that hold articles, in order of names.

    Parameters
    ----------
    folder : str
    passed_over : callable
        Is told each file of another kind. What begins with a dot is not looked at.

    Raises
    ------
    ArticleError
        If there is none, or the folder cannot be read.
    """
    found = []

    def refuse(error: OSError) -> None:
        raise ArticleError(f"{error.filename}: cannot be read: {error.strerror}")

    for root, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = str(Path(root) / name)
            if kind(name) in (*TABLES, *TEXTS, *PAGES, *FEEDS):
                found.append(path)
            else:
                passed_over(path)
    if not found:
        raise ArticleError(
            f"{folder}: holds no file of articles; expected names that end in "
            f"{', '.join((*TEXTS[:1], *TABLES, *PAGES[:1], *FEEDS[:1]))}"
        )
    return found
