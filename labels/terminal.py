"""What may be shown on a terminal."""

from __future__ import annotations

import re

# Escapes and bells are obeyed, and the marks of direction show a line in another
# order than it is written in; tabs and line breaks do no harm.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\N{LEFT-TO-RIGHT EMBEDDING}-"
    "\N{RIGHT-TO-LEFT OVERRIDE}\N{LEFT-TO-RIGHT ISOLATE}-"
    "\N{POP DIRECTIONAL ISOLATE}]"
)


def printable(text: str) -> str:
    """Text without the control characters that a terminal would obey."""
    return _OBEYED.sub("\N{REPLACEMENT CHARACTER}", text)
