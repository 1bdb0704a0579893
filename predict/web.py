"""Pages and feeds as they lie on a disk. Nothing is ever fetched."""

from __future__ import annotations

import codecs
import io
import logging
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from .article import Article
from .decoding import UndecodableError, decode, encoding_of
from .fields import ArticleError, BadRow, Fields

_DECLARED = re.compile(
    rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE
)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_UNWRITTEN = ("script", "style")
_BREAKS = ("p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "blockquote")


def read_page(data: bytes, name: str, fields: Fields) -> Article | BadRow:
    """The article of an HTML page, without menus and the like.

    Raises
    ------
    ArticleError
        If trafilatura is not installed.
    """
    try:
        from trafilatura import bare_extraction
    except ImportError:
        raise ArticleError(
            f"{name}: reading HTML takes trafilatura: pip install 'dateline[web]'"
        ) from None
    # What it says of odd pages is not for whoever reads the answers.
    logging.getLogger("trafilatura").addHandler(logging.NullHandler())
    try:
        text = _page_text(data, name, fields)
    except UndecodableError as error:
        return BadRow(name, f"{name}: {error}")
    found: Any = None
    if text.strip():
        found = bare_extraction(text, with_metadata=True, include_comments=False)
    if found is None or not ((found.text or "").strip() or found.title):
        return BadRow(
            name, f"{name}: no article was found in the page; expected HTML with text"
        )
    values = {"title": found.title or "", "text": found.text or "", "id": name}
    kept = {"url": found.url, "date": found.date, "source": found.sitename}
    return _row(fields, values, kept, 1, name)


def _page_text(data: bytes, name: str, fields: Fields) -> str:
    # What the page says of itself comes before what its bytes look like.
    declared = _DECLARED.search(data[:2048])
    encoding = fields.encoding or encoding_of(data)
    if not encoding and declared:
        encoding = _known(declared[1].decode("ascii"))
    if encoding:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            text, oddity = decode(data)
        else:
            oddity = ""
    else:
        text, oddity = decode(data)
    if oddity:
        fields.notes.add(oddity, name)
    # Text that says in which encoding its bytes are is refused by the parser.
    return _DECLARATION.sub("", text.removeprefix("\ufeff"))


def _known(encoding: str) -> str:
    try:
        found = codecs.lookup(encoding).name
    except LookupError:
        return ""
    # As browsers have it: who says Latin-1 means Windows-1252.
    return "cp1252" if found in ("iso8859-1", "ascii") else found


def read_feed(data: bytes, name: str, fields: Fields) -> Iterator[Article | BadRow]:
    """The entries of an RSS or Atom file.

    Raises
    ------
    ArticleError
        If feedparser is not installed, or the file is no feed.
    """
    try:
        import feedparser
    except ImportError:
        raise ArticleError(
            f"{name}: reading RSS and Atom takes feedparser: pip install "
            "'dateline[web]'"
        ) from None
    headers = {}
    if fields.encoding:
        headers["content-type"] = f"application/xml; charset={fields.encoding}"
    # A file, not bytes: those it would take for the name of one.
    feed = feedparser.parse(io.BytesIO(data), response_headers=headers)
    if not feed.version and not feed.entries:
        raise ArticleError(f"{name}: is no RSS or Atom feed")
    if feed.bozo and isinstance(feed.bozo_exception, Exception):
        reason = " ".join(str(feed.bozo_exception).split())
        if not isinstance(feed.bozo_exception, feedparser.CharacterEncodingOverride):
            fields.notes.add(f"feeds are not well-formed ({reason})", name)
    for number, entry in enumerate(feed.entries, 1):
        where = f"{name}: entry {number}"
        parts = [part.get("value", "") for part in entry.get("content", ())]
        text = max([*parts, entry.get("summary", "")], key=len)
        values = {
            "id": entry.get("id") or entry.get("link") or "",
            "title": _words(entry.get("title", "")),
            "text": _words(text),
        }
        names = ("link", "author", "published", "updated")
        kept: dict[str, Any] = {key: entry.get(key) for key in names}
        kept["tags"] = [tag.get("term") for tag in entry.get("tags", ())]
        yield _row(fields, values, kept, number, where)


def _row(
    fields: Fields, values: dict[str, str], kept: dict[str, Any], number: int, at: str
) -> Article | BadRow:
    # Names of fields that the user gave are those of tables.
    return Fields(keep=fields.keep, notes=fields.notes).row(values | kept, number, at)


class _Words(HTMLParser):
    """Collects what a browser would show."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.unwritten = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.unwritten += tag in _UNWRITTEN
        if tag in _BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self.unwritten = max(self.unwritten - (tag in _UNWRITTEN), 0)
        if tag in _BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.unwritten:
            self.parts.append(data)


def _words(markup: str) -> str:
    """Text without tags."""
    if "<" not in markup and "&" not in markup:
        return markup.strip()
    words = _Words()
    words.feed(markup)
    words.close()
    lines = (" ".join(line.split()) for line in "".join(words.parts).splitlines())
    return "\n".join(line for line in lines if line)
