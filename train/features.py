"""Articles to a matrix of weighed terms, by the definition in ``predict.terms``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

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
from .texts import number_words

if TYPE_CHECKING:
    from ._texts import Texts


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

    def fit_counts(
        self,
        X: Iterable[str | Article],
        *,
        also: Iterable[str | Article] = (),
        texts: Texts | None = None,
    ) -> sp.csr_matrix:
        """As `fit` and `count`, of articles that may come only once.

        Parameters
        ----------
        X : iterable of str or Article
        also : iterable of str or Article, optional
            More articles, in the last rows of the matrix: nothing is learned from
            them. Default: none.
        texts : Texts, optional
            The articles of `X`, read by :func:`.texts.number_words`; those of `also`
            are added. Default: they are read here.
        """
        articles = list(_articles(X))
        n = len(articles)
        articles += _articles(also)
        self.phrases_ = PhraseTable.of(self.lexicon or {})
        texts = number_words(articles[len(texts or ()) :], texts)
        if texts is None:
            self._know(self._learn(articles[:n]))
            counts = self._counts(articles)
        else:
            words = _Words.learn(
                texts, n, self.min_df, self.max_words, self._settings.ngrams
            )
            self._know(words.terms)
            counts = self._joined_counts(articles, texts, words)
        df = np.bincount(counts.indices[: counts.indptr[n]], minlength=len(self.terms_))
        self.idf_ = inverse_document_frequency(df.astype(np.float64), n)
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
        csr_matrix of float32, shape (n_articles, n_terms)
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
            counts.data.astype(np.float64),
            counts.indptr,
            self.idf_ if idf is None else idf,
            self.bounds_,
            self._settings,
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
        return self._known().table

    @property
    def _settings(self) -> TermSettings:
        return self.settings or TermSettings()

    def _learn(self, articles: Sequence[Article]) -> list[str]:
        """Learn the words and pairs of words that are met, by the definition."""
        scanner = TermScanner(self.phrases_, self.settings)
        frequency: Counter[str] = Counter()
        for article in articles:
            frequency.update(set(scanner.words(article)))
        words = [term for term, n in frequency.items() if n >= self.min_df]
        if self.max_words is not None and len(words) > self.max_words:
            words = sorted(words, key=lambda term: (-frequency[term], term))
            words = words[: self.max_words]
        return sorted(words)

    def _know(self, words: Sequence[str]) -> None:
        """Make the vocabulary of words and of the lexicon's concepts."""
        by_kind: dict[str, set[str]] = {}
        for concepts in set((self.lexicon or {}).values()):
            for concept in concepts:
                by_kind.setdefault(concept.partition(":")[0], set()).add(concept)
        blocks = {WORDS: words} | {k: sorted(by_kind[k]) for k in sorted(by_kind)}
        self.terms_ = tuple(term for terms in blocks.values() for term in terms)
        if not self.terms_:
            raise ValueError(
                f"no term is in {self.min_df} articles or more; give more articles or "
                "a lower min_df"
            )
        self.blocks_ = {name: len(terms) for name, terms in blocks.items()}
        self._counter: TermCounter | None = None

    def _known(self) -> TermCounter:
        """The counter of the vocabulary, made when it is first needed."""
        if self._counter is None:
            self._counter = TermCounter(
                self.terms_, self.bounds_, self.phrases_, self._settings
            )
        return self._counter

    def _counts(self, articles: Iterable[Article]) -> sp.csr_matrix:
        data, ids, ends = _rows_of(self._known(), articles)
        return sp.csr_matrix(
            (data, ids, np.append(0, ends)), shape=(len(ends), len(self.terms_))
        )

    def _joined_counts(
        self, articles: Sequence[Article], texts: Texts, words: _Words
    ) -> sp.csr_matrix:
        """As `_counts`, words by their numbers; only concepts are looked for."""
        n_words = self.blocks_[WORDS]
        bounds = np.append(0, self.bounds_[1:] - n_words)
        concepts = TermCounter(
            self.terms_[n_words:], bounds, self.phrases_, self._settings
        )
        data, ids, ends = _rows_of(concepts, articles)
        counts = texts.count(
            words.numbers,
            words.first,
            words.second,
            words.pair_numbers,
            n_words,
            ends,
            ids + np.int32(n_words),
            data,
        )
        return sp.csr_matrix(counts, shape=(len(articles), len(self.terms_)))


def _rows_of(
    counter: TermCounter, articles: Iterable[Article]
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]:
    """Count articles: the counts, the terms, and where each article's end."""
    data: list[NDArray[np.float32]] = [np.zeros(0, dtype=np.float32)]
    ids: list[NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
    for article in articles:
        found, counts = counter.count(article)
        data.append(counts.astype(np.float32))
        ids.append(found.astype(np.int32))
    ends = np.cumsum([len(found) for found in ids[1:]], dtype=np.int64)
    return np.concatenate(data), np.concatenate(ids), ends


@dataclass(frozen=True)
class _Words:
    """The words and pairs of words of a vocabulary, learned from numbered words.

    Attributes
    ----------
    terms : list of str
        Sorted.
    numbers : ndarray of int32, shape (n_words,)
        Which of the terms each word is, -1 where none.
    first, second : ndarray of int32, shape (n_pairs,)
        The words of each pair that is a term.
    pair_numbers : ndarray of int32, shape (n_pairs,)
        Which of the terms it is.
    """

    terms: list[str]
    numbers: NDArray[np.int32]
    first: NDArray[np.int32]
    second: NDArray[np.int32]
    pair_numbers: NDArray[np.int32]

    @classmethod
    def learn(
        cls, texts: Texts, n: int, min_df: int, max_words: int | None, ngrams: int
    ) -> _Words:
        """Learn what :meth:`TermVectorizer._learn` does, from the first `n` texts."""
        least = max(1, min_df)
        df = texts.word_frequencies(n)
        words = np.flatnonzero(df >= least)
        first, second, pair_df = (
            texts.pair_frequencies(n, df, least)
            if ngrams > 1
            else np.zeros((3, 0), int)
        )
        # A space comes before every character of a word, so "a b" stands where the
        # places of "a" and "b" among the words put it, and right behind "a".
        strings = texts.words(words)
        order = np.array(sorted(range(len(words)), key=strings.__getitem__), dtype=int)
        strings = [strings[i] for i in order]
        place = np.zeros(len(df), dtype=np.int64)
        place[words[order]] = np.arange(len(words))
        before = place[first] * (len(words) + 1) + place[second] + 1
        rank = np.append(place[words] * (len(words) + 1), before)
        kept = np.argsort(rank)
        if max_words is not None and len(kept) > max_words:
            frequency = np.append(df[words], pair_df)
            kept = np.lexsort((rank, -frequency))[:max_words]
            kept = kept[np.argsort(rank[kept])]
        terms = [
            f"{strings[one]} {strings[other - 1]}" if other else strings[one]
            for one, other in zip(
                *(part.tolist() for part in np.divmod(rank[kept], len(words) + 1)),
                strict=True,
            )
        ]
        number = np.full(len(rank), -1, dtype=np.int32)
        number[kept] = np.arange(len(kept))
        numbers = np.full(len(df), -1, dtype=np.int32)
        numbers[words] = number[: len(words)]
        pairs = number[len(words) :] >= 0
        return cls(
            terms, numbers, first[pairs], second[pairs], number[len(words) :][pairs]
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
