"""What may be shown on a terminal."""

from __future__ import annotations

import re

# Escapes and bells are obeyed, and the marks of direction show a line in another
# order than it is written in; tabs and line breaks do no harm.
_BEYOND_ASCII = "\x7f-\x9f\u202a-\u202e\u2066-\u2069"
_OBEYED = re.compile(f"[\x00-\x08\x0b-\x1f{_BEYOND_ASCII}]")
_UNESCAPED = re.compile(f"[{_BEYOND_ASCII}]")


def printable(text: str) -> str:
    """Text without the control characters that a terminal would obey."""
    return _OBEYED.sub("\N{REPLACEMENT CHARACTER}", text)


def printable_json(json: str) -> str:
    """JSON with those characters escaped that JSON itself leaves; it says the same."""
    return _UNESCAPED.sub(_escaped, json)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
