"""Articles to a matrix of weighed terms, by the definition in ``predict.terms``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..labels.lexicon import Lexicon
from ..predict.article import Article
from ..predict.counter import TermCounter
from ..predict.phrases import PhraseTable
from ..predict.run_table import RunTable
from ..predict.terms import WORDS, TermScanner, TermSettings, weigh


class TermVectorizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn articles into rows of weighed terms.

    Parameters
    ----------
    lexicon : Lexicon, optional
        Phrases and concepts. Every concept is part of the vocabulary, met or not.
        Default: none, words alone.
    settings : TermSettings, optional
        How terms are counted.
    min_df : int, default=1
        Words in fewer articles are left out.
    max_words : int, optional
        At most so many words are kept, those in the most articles.

    Attributes
    ----------
    terms_ : tuple of str
        The vocabulary: words, then concepts kind by kind; sorted within each.
    blocks_ : dict of str to int
        The blocks in order and their sizes.
    phrases_ : PhraseTable
        The lexicon's phrases.
    idf_ : ndarray of float32, shape (n_terms,)
        ``ln((1 + n) / (1 + df)) + 1``, as scikit-learn's smooth idf.
    """

    def __init__(
        self,
        lexicon: Lexicon | None = None,
        settings: TermSettings | None = None,
        min_df: int = 1,
        max_words: int | None = None,
    ) -> None:
        self.lexicon = lexicon
        self.settings = settings
        self.min_df = min_df
        self.max_words = max_words

    def fit(self, X: Iterable[str | Article], y: object = None) -> Self:
        """Learn the vocabulary and the document frequencies.

        Parameters
        ----------
        X : iterable of str or Article
        y : ignored

        Raises
        ------
        TypeError
            If `X` is a single string.
        ValueError
            If no term remains.
        """
        self.fit_counts(X)
        return self

    def fit_transform(
        self, X: Iterable[str | Article], y: object = None
    ) -> sp.csr_matrix:
        """As `fit` and `transform`, scanning each article once."""
        return self.weigh(self.fit_counts(X))

    def fit_counts(self, X: Iterable[str | Article]) -> sp.csr_matrix:
        """As `fit` and `count`, of articles that may come only once."""
        articles = list(_articles(X))
        self.phrases_ = PhraseTable.of(self.lexicon or {})
        self._learn(articles)
        counts = self._counts(articles)
        df = np.bincount(counts.indices, minlength=len(self.terms_))
        self.idf_ = inverse_document_frequency(df.astype(np.float64), len(articles))
        return counts

    def transform(self, X: Iterable[str | Article]) -> sp.csr_matrix:
        """Weigh the terms of articles.

        Returns
        -------
        csr_matrix of float64, shape (n_articles, n_terms)
        """
        return self.weigh(self.count(X))

    def count(self, X: Iterable[str | Article]) -> sp.csr_matrix:
        """Count the known terms of articles, unweighed.

        Returns
        -------
        csr_matrix of float64, shape (n_articles, n_terms)
            Indices sorted within each row.
        """
        check_is_fitted(self)
        return self._counts(_articles(X))

    def weigh(
        self, counts: sp.csr_matrix, idf: NDArray[np.floating] | None = None
    ) -> sp.csr_matrix:
        """Weigh a matrix from `count`.

        Parameters
        ----------
        counts : csr_matrix, shape (n_articles, n_terms)
        idf : ndarray of float, shape (n_terms,), optional
            Other document frequencies than the fitted ones, such as a fold's own.
        """
        data = weigh(
            counts.indices,
            counts.data,
            counts.indptr,
            self.idf_ if idf is None else idf,
            self.bounds_,
            self.settings or TermSettings(),
        )
        return sp.csr_matrix((data, counts.indices, counts.indptr), counts.shape)

    def get_feature_names_out(
        self, input_features: object = None
    ) -> NDArray[np.object_]:
        """The vocabulary as an array, shape (n_terms,)."""
        check_is_fitted(self)
        return np.array(self.terms_, dtype=object)

    @property
    def bounds_(self) -> NDArray[np.int64]:
        """The first term of each block and the number of terms, (n_blocks + 1,)."""
        return np.cumsum([0, *self.blocks_.values()])

    @property
    def table_(self) -> RunTable | None:
        """The compiled scan's table of the vocabulary and phrases, if there is one."""
        check_is_fitted(self)
        return self._counter.table

    def _learn(self, articles: Sequence[Article]) -> None:
        """Learn the vocabulary: the words that are met, and the lexicon's concepts."""
        scanner = TermScanner(self.phrases_, self.settings)
        frequency: Counter[str] = Counter()
        for article in articles:
            frequency.update(set(scanner.words(article)))
        words = [term for term, n in frequency.items() if n >= self.min_df]
        if self.max_words is not None and len(words) > self.max_words:
            words = sorted(words, key=lambda term: (-frequency[term], term))
            words = words[: self.max_words]
        by_kind: dict[str, set[str]] = {}
        for concepts in set((self.lexicon or {}).values()):
            for concept in concepts:
                by_kind.setdefault(concept.partition(":")[0], set()).add(concept)
        blocks = {WORDS: sorted(words)} | {
            k: sorted(by_kind[k]) for k in sorted(by_kind)
        }
        self.terms_ = tuple(term for terms in blocks.values() for term in terms)
        if not self.terms_:
            raise ValueError(
                f"no term is in {self.min_df} articles or more; give more articles or "
                "a lower min_df"
            )
        self.blocks_ = {name: len(terms) for name, terms in blocks.items()}
        self._counter = TermCounter(
            self.terms_, self.bounds_, self.phrases_, self.settings or TermSettings()
        )

    def _counts(self, articles: Iterable[Article]) -> sp.csr_matrix:
        rows = [self._counter.count(article) for article in articles]
        ends = np.cumsum([0, *(len(ids) for ids, _ in rows)])
        ids = [ids for ids, _ in rows]
        counts = [counts for _, counts in rows]
        return sp.csr_matrix(
            (
                np.concatenate([np.zeros(0), *counts]),
                np.concatenate([np.zeros(0, dtype=np.int32), *ids]).astype(np.int32),
                ends,
            ),
            shape=(len(rows), len(self.terms_)),
        )


def _articles(X: Iterable[str | Article]) -> Iterator[Article]:
    if isinstance(X, str):
        raise TypeError("expected an iterable of articles, found one string")
    return (x if isinstance(x, Article) else Article(x) for x in X)


def inverse_document_frequency(df: NDArray[np.floating], n: int) -> NDArray[np.float32]:
    """``ln((1 + n) / (1 + df)) + 1``, the smooth idf of scikit-learn.

    Parameters
    ----------
    df : ndarray, shape (n_terms,)
        Numbers of articles that hold each term.
    n : int
        Number of articles.

    Returns
    -------
    ndarray of float32, shape (n_terms,)
    """
    idf: NDArray[np.float32] = (np.log((1.0 + n) / (1.0 + df)) + 1.0).astype(np.float32)
    return idf
