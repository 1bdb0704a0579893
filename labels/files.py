"""Writing files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path


def check_writable(path: Path) -> None:
    """Find out before the work whether a file could be written after it.

    Raises
    ------
    OSError
        If `path` is there and no regular file, or its folder is missing or closed.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise OSError(0, "is there and is no regular file", str(path))
    if not path.parent.is_dir():
        raise OSError(0, "its folder does not exist", str(path))
    if not os.access(path.parent, os.W_OK):
        raise OSError(0, "its folder cannot be written to", str(path))


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its name only when all of it is written.

    It is written under a temporary name in the same folder, then renamed. A link is
    followed; what stood there before stays if anything goes wrong.

    Raises
    ------
    OSError
        As `check_writable`, or if writing fails.
    """
    import tempfile  # which takes long to import, and to predict it is not needed

    check_writable(path)
    path = path.resolve()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    # There is no way to read the mask but to set it; it is put back at once.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
