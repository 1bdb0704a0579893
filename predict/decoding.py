"""Bytes as text: UTF-8, UTF-16, UTF-32 and Windows-1252, told apart by what they are.

A file is decoded line by line, so that one that was put together from others is read
as each of its lines is. UTF-16 and UTF-32 show at the head of a file.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

LONGEST = 1 << 26
"""Bytes of the longest line, and characters of the longest cell, that are read: no
article is that long, and a file without any line break is not to fill the memory."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as the next one does
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# What the bytes 80 to BF, the later ones of a character in UTF-8, are in
# Windows-1252; those that are nothing there are mostly kept as they are.
_LATER = "\x80-\xbf" + bytes(range(0x80, 0xC0)).decode("cp1252", "ignore")
_MOJIBAKE = re.compile(
    rf"[\xc3-\xc5\xd0\xd1][{_LATER}]|\xc2[\x80-\xbf]|\xe2[\x80\u20ac\x82\u201a][{_LATER}]"
)
# Looked for first: to look for one character is hundreds of times faster.
_LEADS = ("\xc3", "\xe2\u20ac", "\xc2", "\xc4", "\xc5", "\xd0", "\xd1", "\ufffd")

DAMAGED = "articles hold bytes that are no UTF-8, which were replaced by \ufffd"
GARBLED = (
    "articles look as if they had been decoded wrongly before, and are judged as they "
    "stand"
)
FOREIGN = (
    "articles were read as Windows-1252 but hardly are; name their encoding with "
    "--encoding"
)


class UndecodableError(ValueError):
    """Bytes are text in none of the encodings that are tried."""


def encoding_of(head: bytes) -> str:
    """The encoding that the first bytes of a file show; ``""`` where they show none."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    # Latin letters in UTF-16 have a zero for every second byte; text has no zeros.
    for encoding, high, low in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        highs, lows = head[high:64:2], head[low:64:2]
        if len(highs) > 1 and highs.count(0) > len(highs) // 2 and 0 not in lows:
            return encoding
    return ""


def byte_lines(stream: BinaryIO, encoding: str = "") -> Iterator[bytes | None]:
    """Lines of a stream as they come, without a mark of the encoding at its head.

    Parameters
    ----------
    stream : binary file
        Buffered.
    encoding : str, optional
        That of the file. Default: found out.

    Yields
    ------
    bytes or None
        A line with its end; None for one that is longer than `LONGEST`. Lines of
        UTF-16 and UTF-32 come as UTF-8, others as they are.
    """
    found = encoding or encoding_of(peek(stream))
    if is_wide(found):
        yield from _recoded(stream, found)
        return
    first = True
    while line := stream.readline(LONGEST):
        if len(line) == LONGEST and not line.endswith(b"\n"):
            while len(line) == LONGEST and not line.endswith(b"\n"):
                line = stream.readline(LONGEST)
            yield None
        else:
            yield line.removeprefix(codecs.BOM_UTF8) if first else line
        first = False


def peek(stream: BinaryIO) -> bytes:
    """The first bytes of a buffered stream, which stay in it."""
    head: bytes = stream.peek(64)[:64]  # type: ignore[attr-defined]
    return head


def is_wide(encoding: str) -> bool:
    """Whether a line break is more than one byte, so that lines show only decoded."""
    try:
        return bool(encoding) and len("\n".encode(encoding)) > 1
    except LookupError:
        return False


def _recoded(stream: BinaryIO, encoding: str) -> Iterator[bytes | None]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    rest, first, skipping = "", True, False
    while data := stream.read1(1 << 16):  # type: ignore[attr-defined]
        text = decoder.decode(data)
        if first and text:
            text, first = text.removeprefix("\ufeff"), False
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            yield None if skipping else f"{line}\n".encode("utf-8", "replace")
            skipping = False
        if len(rest) > LONGEST:
            rest, skipping = "", True
    rest += decoder.decode(b"", True)
    if rest or skipping:
        yield None if skipping else rest.encode("utf-8", "replace")


def decode(data: bytes, encoding: str = "") -> tuple[str, str]:
    """Text of bytes, and what is odd about it.

    Parameters
    ----------
    data : bytes
        Of one line, or of a text without a mark of its encoding.
    encoding : str, optional
        Default: UTF-8 if it is that, Windows-1252 if it could be.

    Returns
    -------
    text : str
    oddity : str
        `DAMAGED`, `FOREIGN`, or empty.

    Raises
    ------
    UndecodableError
        If it is no text in these encodings.
    """
    if encoding and not is_wide(encoding):
        try:
            return data.decode(encoding), ""
        except UnicodeDecodeError as error:
            raise UndecodableError(
                f"not {encoding} ({error.reason} at byte {error.start + 1})"
            ) from None
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        reason = f"{error.reason} at byte {error.start + 1}"
    whole = sum(char > "\x7f" for char in data.decode("utf-8", "ignore"))
    repaired = data.decode("utf-8", "replace")
    if whole > repaired.count("\ufffd"):
        return repaired, DAMAGED
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        raise UndecodableError(
            f"not UTF-8 ({reason}), nor Windows-1252; name its encoding with --encoding"
        ) from None
    letters = sum(map(str.isalpha, text))
    foreign = sum(char >= "\xc0" for char in text)
    return text, FOREIGN if foreign > 9 and foreign > letters // 2 else ""


def garbled(text: str) -> str:
    """What shows that a text was decoded wrongly before, such as ``Ã¡``; or empty."""
    if text.isascii() or not any(lead in text for lead in _LEADS):
        return ""
    found = _MOJIBAKE.search(text)
    if found:
        return found[0]
    return "\ufffd" if "\ufffd" in text else ""
