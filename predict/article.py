"""One article, as it is judged."""

from __future__ import annotations

from ..labels.record import Record


class Article(Record):
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

    def __init__(self, text: str, title: str = "", id: str = "") -> None:
        # There are as many as an archive has, and Record's own way is slow.
        set_field = object.__setattr__
        set_field(self, "text", text)
        set_field(self, "title", title)
        set_field(self, "id", id)
