"""Articles to a matrix of weighed terms, by the definition in ``predict.terms``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..labels.lexicon import Lexicon
from ..predict.articles import Article
from ..predict.phrases import PhraseTable
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
        """As `fit` and `count`, scanning each article once."""
        self.phrases_ = PhraseTable.of(self.lexicon or {})
        counted = self._count(X)
        self._learn(counted)
        return self._matrix(counted)

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
        return self._matrix(self._count(X))

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

    def _count(self, X: Iterable[str | Article]) -> list[dict[str, float]]:
        if isinstance(X, str):
            raise TypeError("expected an iterable of articles, found one string")
        scanner = TermScanner(self.phrases_, self.settings)
        return [scanner.count(x if isinstance(x, Article) else Article(x)) for x in X]

    def _learn(self, counted: Sequence[Mapping[str, float]]) -> None:
        frequency = Counter(term for counts in counted for term in counts)
        words = [
            term
            for term, n in frequency.items()
            if ":" not in term and n >= self.min_df
        ]
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
        self._numbers = {term: number for number, term in enumerate(self.terms_)}
        df = np.array([frequency[term] for term in self.terms_], dtype=np.float64)
        self.idf_ = inverse_document_frequency(df, len(counted))

    def _matrix(self, counted: Sequence[Mapping[str, float]]) -> sp.csr_matrix:
        indices: list[int] = []
        data: list[float] = []
        ends = [0]
        for counts in counted:
            known = sorted(
                (number, count)
                for term, count in counts.items()
                if (number := self._numbers.get(term)) is not None
            )
            indices += [number for number, _ in known]
            data += [count for _, count in known]
            ends.append(len(indices))
        return sp.csr_matrix(
            (np.array(data), np.array(indices, dtype=np.int32), np.array(ends)),
            shape=(len(counted), len(self.terms_)),
        )


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
