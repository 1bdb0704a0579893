"""One article, as it is judged."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Article:
    """One article.

    Attributes
    ----------
    text : str
        The body.
    title : str
        The headline; may be empty.
    id : str
        The caller's own identifier; may be empty.
    """

    text: str
    title: str = ""
    id: str = ""
