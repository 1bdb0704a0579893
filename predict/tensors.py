"""Reading ``.safetensors`` files: named arrays and metadata.

Written again instead of taken from the library, which maps a file: one that becomes
shorter meanwhile ends the process with a signal that nothing can catch. It also takes
the last of two arrays of one name, and headers of up to a hundred megabytes. All that
is accepted here the library accepts, too, and reads the same.

The file is eight bytes that say how long the header is, lowest first; the header, a JSON
object of ``{"dtype", "shape", "data_offsets"}`` by name, with strings by name under
``__metadata__``; and the bytes of the arrays, one behind the other without a gap.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "<u1",
    "BOOL": "?",
}
"""The types that are read, by their names in the header."""

_METADATA = "__metadata__"
_CHUNK = 1 << 24
# A device is not opened at all and a pipe is not waited for. Windows has neither flag.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_FLAGS |= getattr(os, "O_BINARY", 0)


class NotTensors(Exception):
    """What is wrong with a file that is no such file, or no longer."""


class NoRegularFile(Exception):
    """A folder, a device, a pipe or the like."""


class Entry(NamedTuple):
    """What the header says of an array.

    Attributes
    ----------
    dtype : numpy dtype
    shape : tuple of int
    start, end : int
        Where its bytes stand, counted from the end of the header.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int
    end: int


class Tensors:
    """An open file, whose header was read and checked.

    Attributes
    ----------
    size : int
        Of the file, in bytes.
    metadata : dict of str to str
    entries : dict of str to Entry
    """

    def __init__(self, file: FileIO, most: int, most_header: int) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size
        if self.size > most:
            raise NotTensors(f"it has {self.size} bytes, at most {most} are read")
        if self.size < 8:
            raise NotTensors(f"it has {self.size} bytes")
        length = int.from_bytes(self._bytes(8), "little")
        if length > min(most_header, self.size - 8):
            raise NotTensors(f"its header would have {length} bytes")
        self._begin = 8 + length
        self.metadata, self.entries = _header(bytes(self._bytes(length)))
        ends = max((entry.end for entry in self.entries.values()), default=0)
        if self._begin + ends != self.size:
            raise NotTensors(
                f"it has {self.size} bytes, its header speaks of {self._begin + ends}"
            )

    def read(self, name: str) -> NDArray[Any]:
        """Read an array, into memory of its own.

        Raises
        ------
        NotTensors
            If the file became shorter meanwhile.
        """
        entry = self.entries[name]
        self._file.seek(self._begin + entry.start)
        array = np.empty(entry.end - entry.start, dtype=np.uint8)
        self._fill(array.data)
        return array.view(entry.dtype).reshape(entry.shape)

    def _bytes(self, n: int) -> bytearray:
        found = bytearray(n)
        self._fill(memoryview(found))
        return found

    def _fill(self, into: memoryview) -> None:
        done = 0
        while done < len(into):
            n = self._file.readinto(into[done : done + _CHUNK])
            if not n:
                raise NotTensors("it became shorter while it was read")
            done += n


@contextmanager
def open_tensors(path: str | Path, *, most: int, most_header: int) -> Iterator[Tensors]:
    """Open a file and read its header.

    Parameters
    ----------
    path : str or Path
    most, most_header : int
        Bytes that the file and its header may have.

    Raises
    ------
    NotTensors
        If it is no such file, or larger.
    NoRegularFile
        If it is no regular file.
    OSError, ValueError
        If it cannot be opened or read, or no file can have such a name.
    """
    # pathlib takes long to import, and predicting needs no more.
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116
        raise NoRegularFile
    with os.fdopen(os.open(path, _FLAGS), "rb", buffering=0) as file:
        # Another may have taken its place since.
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise NoRegularFile
        yield Tensors(file, most, most_header)


def read_json(text: str) -> Any:
    """Read JSON in which no object has a name twice.

    Raises
    ------
    ValueError
        If it is no such JSON, or nested too deep.
    """
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _header(data: bytes) -> tuple[dict[str, str], dict[str, Entry]]:
    try:
        header = read_json(data.decode("utf-8")) if data[:1] == b"{" else None
        "".join(header or ()).encode()  # half a character is no part of a name
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise NotTensors("its header is no JSON object that names everything once")
    metadata = header.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(
        isinstance(value, str) for value in metadata.values()
    ):
        raise NotTensors("its metadata are not strings by name")
    entries = {name: _entry(value) for name, value in header.items()}
    end = 0
    for entry in sorted(entries.values(), key=lambda entry: (entry.start, entry.end)):
        if entry.start != end:
            raise NotTensors("its arrays do not stand one behind the other")
        end = entry.end
    return metadata, entries


def _entry(value: Any) -> Entry:
    if not isinstance(value, dict) or value.keys() != {
        "dtype",
        "shape",
        "data_offsets",
    }:
        raise NotTensors("its header says no type, shape and place of an array")
    name, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    dtype = np.dtype(DTYPES[name]) if isinstance(name, str) and name in DTYPES else None
    if (
        dtype is None
        or not _are_sizes(shape)
        or not _are_sizes(offsets)
        or len(offsets) != 2
        or len(shape) > 32  # numpy has as many dimensions, at least
        or offsets[1] - offsets[0] != math.prod(shape) * dtype.itemsize
    ):
        raise NotTensors("the type, shape and place of an array do not fit each other")
    return Entry(dtype, tuple(shape), offsets[0], offsets[1])


def _are_sizes(value: Any) -> bool:
    # Numbers of a file; the product of any shape of them is quickly made.
    return isinstance(value, list) and all(
        type(size) is int and 0 <= size < 2**63 for size in value
    )
