"""Reading articles once for all that training counts in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..predict.article import Article
from ..predict.terms import lowered_tokens

if TYPE_CHECKING:
    from ._texts import Texts

try:
    from . import _texts
except ImportError:  # no compiler when it was installed
    COMPILED = False
else:
    COMPILED = True


def number_words(
    articles: Iterable[Article], texts: Texts | None = None
) -> Texts | None:
    """Read articles as the numbers of their words.

    Parameters
    ----------
    articles : iterable of Article
    texts : Texts, optional
        What they are added to. Default: none were read yet.

    Returns
    -------
    Texts or None
        None where nothing is compiled: the definitions read the articles themselves.
    """
    if not COMPILED:
        return None
    texts = texts or _texts.Texts()
    for article in articles:
        if not texts.add(article.title, article.text):
            texts.add_words(lowered_tokens(article.title), lowered_tokens(article.text))
    return texts
