"""Files that every worker of a cluster reaches, by fsspec: on a shared disk, in a store."""

from __future__ import annotations

import glob
import io
import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from ..labels.errors import DatelineError
from .cluster import ClusterError, why
from .fields import ArticleError
from .sources import TABLES, kind

UNFINISHED = ".partial"
"""What a part's name ends in while it is written; it begins with a dot, too."""

OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss", "oci"}
"""Protocols of stores where a file appears when all of it is there, and where another
name is another copy."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True)
class File:
    """A file of articles that is to be read.

    Attributes
    ----------
    name : str
        As one process would be told of it.
    url : str
        Where any worker finds it.
    size : int
    """

    name: str
    url: str
    size: int


def files_at(paths: Iterable[str]) -> list[File]:
    """The files at paths, in order.

    Parameters
    ----------
    paths : iterable of str
        Paths or URLs that fsspec knows, with ``*``, ``?``, ``[...]`` or ``**``.

    Raises
    ------
    ArticleError
        If nothing is there, or something that is no table.
    """
    from fsspec.core import url_to_fs

    found: list[File] = []
    for path in paths:
        try:
            system, root = url_to_fs(path)
            if _URL.match(path):
                names = sorted(system.glob(root)) if glob.has_magic(root) else [root]
                named = [(str(system.unstrip_protocol(name)), name) for name in names]
            else:  # by the names that a shell would give
                shown = sorted(glob.glob(path, recursive=True))  # noqa: PTH207
                names = shown if glob.has_magic(path) else [path]
                named = [(name, str(Path(name).absolute())) for name in names]
            of_path = [
                File(name, str(system.unstrip_protocol(where)), _size(system, where))
                for name, where in named
            ]
        except Exception as error:
            if not (is_of_files(error) or isinstance(error, ValueError)):
                raise
            raise ArticleError(f"{path}: cannot be read: {why(error)}") from None
        if not of_path:
            raise ArticleError(f"{path}: matches no file")
        found += of_path
    for file in found:
        if kind(file.name) not in TABLES:
            raise ArticleError(
                f"{file.name}: on a cluster tables are read: {', '.join(TABLES)}; "
                "name others without --scheduler"
            )
    return found


def put(path: Path, folder: str, name: str) -> None:
    """Put a file into a folder, where it appears whole or not at all.

    Raises
    ------
    ClusterError
        If it cannot be written.
    """
    from fsspec.core import url_to_fs

    with _writing(folder, name):
        system, root = url_to_fs(folder)
        if _is_store(system):
            system.put_file(str(path), f"{root}/{name}")
            return
        # A task may run twice at once, where a worker was given up and is not dead.
        growing = f"{root}/.{name}.{uuid.uuid4().hex}{UNFINISHED}"
        try:
            system.put_file(str(path), growing)
            system.mv(growing, f"{root}/{name}")
        except BaseException:
            if system.exists(growing):
                system.rm_file(growing)
            raise


@contextmanager
def open_url(url: str) -> Iterator[BinaryIO]:
    """Open a file that fsspec finds, buffered."""
    from fsspec.core import url_to_fs

    system, path = url_to_fs(url)
    with system.open(path, "rb") as file:
        raw = cast(io.RawIOBase, file)
        yield io.BufferedReader(raw, 1 << 20)


def absolute(name: str) -> str:
    """A folder as any worker finds it."""
    return name.rstrip("/") if _URL.match(name) else str(Path(name).absolute())


def listing(folder: str) -> list[str]:
    """The names in a folder, which is made if it is missing; half files left out.

    Raises
    ------
    ClusterError
        If there can be no such folder.
    """
    from fsspec.core import url_to_fs

    try:
        system, root = url_to_fs(folder)
        system.invalidate_cache()
        if system.isfile(root):
            raise NotADirectoryError(0, "is a file, not a folder")
        if not _is_store(system):  # which has no folders, and a bucket is not made so
            system.makedirs(root, exist_ok=True)
        names = (path.rstrip("/").rpartition("/")[2] for path in _paths(system, root))
        return sorted(name for name in names if not name.endswith(UNFINISHED))
    except Exception as error:
        if not (is_of_files(error) or isinstance(error, ValueError)):
            raise
        raise ClusterError(f"{folder}: cannot be written to: {why(error)}") from None


def tidy(folder: str) -> None:
    """Remove what workers that died left half written."""
    from fsspec.core import url_to_fs

    system, root = url_to_fs(folder)
    system.invalidate_cache()
    for path in _paths(system, root):
        name = path.rpartition("/")[2]
        if name.startswith(".part-") and name.endswith(UNFINISHED):
            with suppress(OSError):
                system.rm_file(path)


def is_of_files(error: Exception) -> bool:
    """Whether an error says that files cannot be reached.

    Stores raise classes of their own libraries, and there are many of these.
    """
    if isinstance(error, DatelineError):
        return False
    return isinstance(error, (OSError, EOFError, ImportError)) or (
        type(error).__module__.partition(".")[0] not in ("builtins", "dateline")
    )


def _size(system: Any, path: str) -> int:
    about = system.info(path)
    if about["type"] == "directory":
        raise IsADirectoryError(
            0, "is a folder; name the files in it, such as 'folder/*.parquet'"
        )
    return int(about["size"] or 0)


def _paths(system: Any, root: str) -> list[str]:
    try:
        return [path for path in system.ls(root, detail=False) if path != root]
    except FileNotFoundError:  # a store has no empty folders
        return []


@contextmanager
def _writing(folder: str, name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not is_of_files(error):
            raise
        raise ClusterError(
            f"{folder}/{name}: cannot be written: {why(error)}; what is in the folder "
            "stays, and --resume goes on from there"
        ) from None


def _is_store(system: Any) -> bool:
    """Whether a file system of fsspec is an object store."""
    protocol = system.protocol
    return bool(
        OBJECT_STORES & ({protocol} if isinstance(protocol, str) else {*protocol})
    )
