# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Articles as the numbers of their words, compiled: what is counted in training.

Each article is read once. Its words, lower-cased as ``TermScanner.words`` does, are
numbered in the order in which they are first met; the vocabulary, the counts and the
search for near-duplicates all work on these numbers. Words are compared character by
character and pairs of words are keys of two numbers, so no two terms are ever taken
for one another: what comes out is what the definitions in Python give, and tests hold
the two against each other.

Two characters are not lower-cased one by one, U+0130 and U+03A3: an article with one
of them is passed back, and comes again as words.
"""

from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memset

import numpy as np

cdef extern from "Python.h":
    int PyUnicode_KIND(object text)
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    object PyUnicode_FromKindAndData(int kind, const void* data, Py_ssize_t length)

cdef enum:
    BREAK = -1  # between title and text

cdef struct Articles:
    int32_t* tokens  # the numbers of all their words, BREAK between title and text
    Py_ssize_t n_tokens
    Py_ssize_t tokens_room
    int64_t* ends  # where each one's tokens end
    Py_ssize_t n
    Py_ssize_t room
    Py_ssize_t longest  # in tokens


cdef inline Py_ssize_t _start(const Articles* articles, Py_ssize_t article) noexcept nogil:
    return articles.ends[article - 1] if article else 0


include "_words.pxi"
include "_pairs.pxi"
include "_runs.pxi"
include "_counts.pxi"

ctypedef fused Char:
    uint8_t
    uint16_t
    uint32_t


cdef class Texts:
    """Articles as the numbers of their words, filled by `add` and `add_words`."""

    cdef Articles articles
    cdef Words known

    def __cinit__(self):
        self.articles.tokens = <int32_t*>_grown(NULL, &self.articles.tokens_room, 1024, sizeof(int32_t))
        self.articles.ends = <int64_t*>_grown(NULL, &self.articles.room, 1024, sizeof(int64_t))
        _words_init(&self.known)

    def __dealloc__(self):
        free(self.articles.tokens)
        free(self.articles.ends)
        _words_free(&self.known)

    def __len__(self):
        return self.articles.n

    def add(self, title, text):
        """Add an article.

        Returns
        -------
        bool
            False where it has a character that is not ours to lower-case, and was not
            added.
        """
        cdef Py_ssize_t before = self.articles.n_tokens
        for field in (title, text):
            if not PyUnicode_Check(field):
                raise TypeError(f"expected a string, found {type(field).__name__}")
        self._room_for_fields(PyUnicode_GET_LENGTH(title) + PyUnicode_GET_LENGTH(text))
        if PyUnicode_GET_LENGTH(title):
            if not self._read(title):
                self.articles.n_tokens = before
                return False
            self._add_token(BREAK)
        if not self._read(text):
            self.articles.n_tokens = before
            return False
        self._end_article(before)
        return True

    def add_words(self, title, text):
        """Add an article as lists of its words, in lower case."""
        cdef Py_ssize_t before = self.articles.n_tokens
        self._room_for_fields(2 * (len(title) + len(text)))
        for word in title:
            self._add_word(word)
        if title:
            self._add_token(BREAK)
        for word in text:
            self._add_word(word)
        self._end_article(before)

    cdef int _room_for_fields(self, Py_ssize_t length) except -1:
        """Make room for as many tokens as so many characters can have."""
        cdef Py_ssize_t needed = self.articles.n_tokens + length // 2 + 4
        self.articles.tokens = <int32_t*>_grown(self.articles.tokens, &self.articles.tokens_room, needed, sizeof(int32_t))
        return 0

    cdef inline void _add_token(self, int32_t token) noexcept:
        self.articles.tokens[self.articles.n_tokens] = token
        self.articles.n_tokens += 1

    cdef int _end_article(self, Py_ssize_t before) except -1:
        cdef Articles* articles = &self.articles
        articles.ends = <int64_t*>_grown(articles.ends, &articles.room, articles.n + 1, sizeof(int64_t))
        articles.ends[articles.n] = articles.n_tokens
        articles.n += 1
        articles.longest = max(articles.longest, articles.n_tokens - before)
        return 0

    cdef int _read(self, text) except -1:
        """Add the tokens of a field; 0 where it has a character that is not for us."""
        cdef Py_ssize_t length = PyUnicode_GET_LENGTH(text)
        if PyUnicode_KIND(text) == 1:
            return self._read_chars(<const uint8_t*>PyUnicode_DATA(text), length)
        if PyUnicode_KIND(text) == 2:
            return self._read_chars(<const uint16_t*>PyUnicode_DATA(text), length)
        return self._read_chars(<const uint32_t*>PyUnicode_DATA(text), length)

    cdef int _read_chars(self, const Char* text, Py_ssize_t length) except -1:
        cdef Py_ssize_t at = 0, written
        cdef uint32_t entry
        cdef uint64_t hash
        _room_for_chars(&self.known, length)
        while True:
            entry = 0
            while at < length:
                entry = _entry(text[at])
                if entry & (WORD | SPECIAL):
                    break
                at += 1
            if at == length:
                return 1
            hash = 0
            written = self.known.n_chars
            while entry & WORD:
                if entry & SPECIAL:
                    return 0
                self.known.chars[written] = entry & LOWER
                written += 1
                hash = _hashed_on(hash, entry & LOWER)
                at += 1
                if at == length:
                    break
                entry = _entry(text[at])
            if written == self.known.n_chars:
                return 0  # it begins with a special one
            self._add_token(_number(&self.known, hash, written))

    cdef int _add_word(self, str word) except -1:
        cdef Py_ssize_t i, end = self.known.n_chars + len(word)
        cdef uint64_t hash = 0
        cdef uint32_t char
        _room_for_chars(&self.known, len(word))
        for i in range(len(word)):
            char = <uint32_t>word[i]
            self.known.chars[self.known.n_chars + i] = char
            hash = _hashed_on(hash, char)
        self._add_token(_number(&self.known, hash, end))
        return 0

    def words(self, numbers):
        """The words of some numbers, as strings."""
        cdef const int64_t[::1] wanted = np.ascontiguousarray(numbers, dtype=np.int64)
        cdef Py_ssize_t i, start
        found = []
        for i in range(len(wanted)):
            if not 0 <= wanted[i] < self.known.n:
                raise IndexError(f"there is no word {wanted[i]}")
            start = _word_start(&self.known, wanted[i])
            found.append(
                PyUnicode_FromKindAndData(4, &self.known.chars[start], self.known.ends[wanted[i]] - start)
            )
        return found

    def numbers(self, Py_ssize_t article):
        """The numbers of an article's words, title first, of one letter too."""
        if not 0 <= article < self.articles.n:
            raise IndexError(f"there is no article {article}")
        cdef Py_ssize_t start = _start(&self.articles, article), n = self.articles.ends[article] - start, i, filled = 0
        found = np.empty(n, dtype=np.int32)
        cdef int32_t[::1] into = found
        for i in range(start, start + n):
            if self.articles.tokens[i] != BREAK:
                into[filled] = self.articles.tokens[i]
                filled += 1
        return found[:filled]

    def lengths(self):
        """How many words each article has, of one letter too, (n_articles,)."""
        found = np.zeros(self.articles.n, dtype=np.int64)
        cdef int64_t[::1] into = found
        cdef Py_ssize_t article, i
        for article in range(self.articles.n):
            for i in range(_start(&self.articles, article), self.articles.ends[article]):
                into[article] += self.articles.tokens[i] != BREAK
        return found

    def minima(self, multipliers, factors):
        """The least hash of each article's runs of words under some random orders.

        Parameters
        ----------
        multipliers : ndarray of uint64, shape (run,)
            What the numbers of the words of a run are multiplied by, counted from 1.
        factors : ndarray of uint64, shape (n_orders,)

        Returns
        -------
        ndarray of uint64, shape (n_articles, n_orders)
            Of an article without words, nothing that means anything.
        """
        cdef const uint64_t[::1] multiply = np.ascontiguousarray(multipliers, dtype=np.uint64)
        cdef const uint64_t[::1] orders = np.ascontiguousarray(factors, dtype=np.uint64)
        cdef Py_ssize_t n_orders = len(orders), run = len(multiply), article
        found = np.empty((self.articles.n, n_orders), dtype=np.uint64)
        cdef uint64_t[:, ::1] into = found
        cdef uint64_t* hashes = <uint64_t*>malloc(2 * (self.articles.longest + 1) * sizeof(uint64_t))
        if hashes == NULL:
            raise MemoryError
        cdef uint64_t* words = hashes + self.articles.longest + 1
        if self.articles.n and n_orders:
            with nogil:
                for article in range(self.articles.n):
                    _least_hashes(
                        &self.articles, article, &multiply[0], run, &orders[0], n_orders, words, hashes, &into[article, 0]
                    )
        free(hashes)
        return found

    def word_frequencies(self, Py_ssize_t articles):
        """In how many of the first articles each word is, (n_words,); 0 of one letter."""
        articles = min(articles, self.articles.n)
        found = np.zeros(self.known.n, dtype=np.int32)
        last_seen = np.full(self.known.n, -1, dtype=np.int32)
        cdef int32_t[::1] into = found, last = last_seen
        cdef Py_ssize_t article, i
        cdef int32_t word
        with nogil:
            for article in range(articles):
                for i in range(_start(&self.articles, article), self.articles.ends[article]):
                    word = self.articles.tokens[i]
                    if word != BREAK and last[word] != article and not _is_short(&self.known, word):
                        last[word] = <int32_t>article
                        into[word] += 1
        return found

    def pair_frequencies(self, Py_ssize_t articles, frequencies, int32_t least):
        """The pairs of words that are in enough of the first articles.

        Parameters
        ----------
        articles : int
        frequencies : ndarray of int32, shape (n_words,)
            From `word_frequencies`: a pair is in no more articles than its words.
        least : int
            In so many articles a pair has to be, 1 or more.

        Returns
        -------
        first, second, frequency : ndarray of int32, shape (n_pairs,)
            In an order that says nothing.
        """
        cdef const int32_t[::1] of_words = np.ascontiguousarray(frequencies, dtype=np.int32)
        if len(of_words) != self.known.n:
            raise ValueError(f"{len(of_words)} frequencies of {self.known.n} words")
        articles = min(articles, self.articles.n)
        cdef uint64_t part, parts = <uint64_t>self.articles.n_tokens // A_PART + 1
        cdef PairTable table
        cdef uint64_t* keys = <uint64_t*>malloc(max(1, self.articles.longest) * sizeof(uint64_t))
        cdef const int32_t* first = &of_words[0] if self.known.n else NULL
        cdef bint fits
        found = []
        if keys == NULL:
            raise MemoryError
        try:
            for part in range(parts):
                with nogil:
                    fits = _table_init(&table, 1 << 15) and _count_pairs(
                        &self.articles, articles, &self.known, first, least, part, parts, &table, keys
                    )
                try:
                    if not fits:
                        raise MemoryError
                    found.append(_frequent(&table, least))
                finally:
                    free(table.slots)
        finally:
            free(keys)
        return np.concatenate(found, axis=1)

    def count(self, terms, first, second, pair_terms, Py_ssize_t n_terms, more_ends, more_terms, more_counts):
        """Count words and pairs of words, and put other terms behind them.

        Parameters
        ----------
        terms : ndarray of int32, shape (n_words,)
            The term that each word is, -1 where none.
        first, second : ndarray of int32, shape (n_pairs,)
            The words of the pairs that are terms.
        pair_terms : ndarray of int32, shape (n_pairs,)
            The terms that they are.
        n_terms : int
            All those are below it.
        more_ends : ndarray of int64, shape (n_articles,)
            Where the other terms of each article end.
        more_terms, more_counts : ndarray of int32 and float32, shape (n_more,)
            In the order of the articles.

        Returns
        -------
        data, indices, indptr : ndarray of float32, int32 and int64
            Of a CSR matrix; the words and pairs of a row are sorted.
        """
        cdef const int32_t[::1] of_words = np.ascontiguousarray(terms, dtype=np.int32)
        cdef const int32_t[::1] firsts = np.ascontiguousarray(first, dtype=np.int32)
        cdef const int32_t[::1] seconds = np.ascontiguousarray(second, dtype=np.int32)
        cdef const int32_t[::1] of_pairs = np.ascontiguousarray(pair_terms, dtype=np.int32)
        cdef const int64_t[::1] ends = np.ascontiguousarray(more_ends, dtype=np.int64)
        cdef const int32_t[::1] others = np.ascontiguousarray(more_terms, dtype=np.int32)
        cdef const float[::1] amounts = np.ascontiguousarray(more_counts, dtype=np.float32)
        cdef Py_ssize_t n_pairs = len(of_pairs), i, article, n, filled = 0
        if not (len(of_words) == self.known.n and len(firsts) == len(seconds) == n_pairs):
            raise ValueError("terms are not those of the words and pairs")
        for numbers in (terms, pair_terms):
            if len(numbers) and (np.min(numbers) < -1 or np.max(numbers) >= n_terms):
                raise ValueError(f"a term is none of {n_terms}")
        if len(ends) != self.articles.n or not (
            len(others) == len(amounts) == (ends[len(ends) - 1] if len(ends) else 0)
        ) or (np.diff(more_ends, prepend=0) < 0).any():
            raise ValueError("other terms are not those of the articles")
        # Room for as many as there can be: pages that are not written to cost nothing.
        room = 2 * self.articles.n_tokens + len(others)
        data = np.empty(room, dtype=np.float32)
        indices = np.empty(room, dtype=np.int32)
        indptr = np.zeros(self.articles.n + 1, dtype=np.int64)
        counts = np.zeros(max(1, n_terms), dtype=np.int32)
        cdef float[::1] into_data = data
        cdef int32_t[::1] into_indices = indices
        cdef int64_t[::1] into_ends = indptr
        cdef int32_t[::1] counted = counts
        cdef const int32_t* of_word = &of_words[0] if self.known.n else NULL
        cdef PairTable table
        cdef uint64_t key
        cdef PairSlot* slot
        cdef uint64_t* keys = <uint64_t*>malloc((2 * self.articles.longest + 1) * sizeof(uint64_t))
        cdef int32_t* touched = <int32_t*>malloc((4 * self.articles.longest + 1) * sizeof(int32_t))
        if keys == NULL or touched == NULL or not _table_init(&table, n_pairs):
            free(keys)
            free(touched)
            raise MemoryError
        with nogil:
            for i in range(n_pairs):
                key = _key(firsts[i], seconds[i])
                slot = _slot(&table, key, _mixed(key))
                slot.key = key
                slot.value = of_pairs[i]
            for article in range(self.articles.n):
                n = _count_article(&self.articles, article, &self.known, of_word, &table, keys, touched, &counted[0])
                _sort(touched, n, touched + 2 * self.articles.longest, <uint32_t>n_terms)
                for i in range(n):
                    into_indices[filled] = touched[i]
                    into_data[filled] = <float>counted[touched[i]]
                    counted[touched[i]] = 0
                    filled += 1
                for i in range(ends[article - 1] if article else 0, ends[article]):
                    into_indices[filled] = others[i]
                    into_data[filled] = amounts[i]
                    filled += 1
                into_ends[article + 1] = filled
        free(table.slots)
        free(keys)
        free(touched)
        into_data = None  # so that they may shrink
        into_indices = None
        data.resize(filled, refcheck=False)
        indices.resize(filled, refcheck=False)
        return data, indices, indptr
