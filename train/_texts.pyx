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
    uint32_t Py_UNICODE_TOLOWER(uint32_t char) nogil
    int Py_UNICODE_ISALNUM(uint32_t char) nogil

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define dateline_prefetch(address) __builtin_prefetch(address)
    #else
    #define dateline_prefetch(address) ((void)(address))
    #endif

    #if defined(_MSC_VER)
    #define restrict __restrict
    #endif

    /* The least of some hashes under each of n random orders. */
    #if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
    __attribute__((target_clones("arch=skylake-avx512", "default")))
    #endif
    static void dateline_minima(
        const uint64_t *restrict hashes, Py_ssize_t n_hashes,
        const uint64_t *restrict factors, uint64_t *restrict minima, Py_ssize_t n)
    {
        for (Py_ssize_t k = 0; k < n; k++) minima[k] = UINT64_MAX;
        for (Py_ssize_t i = 0; i < n_hashes; i++) {
            const uint64_t hash = hashes[i];
            for (Py_ssize_t k = 0; k < n; k++) {
                uint64_t mixed = hash * factors[k];
                mixed ^= mixed >> 32;
                mixed *= UINT64_C(0x9E3779B97F4A7C15);
                minima[k] = mixed < minima[k] ? mixed : minima[k];
            }
        }
    }
    """
    void dateline_prefetch(const void* address) nogil
    void dateline_minima(const uint64_t* hashes, Py_ssize_t n_hashes, const uint64_t* factors, uint64_t* minima, Py_ssize_t n) nogil

cdef enum:
    BREAK = -1  # between title and text
    BASIC = 0x10000
    WORD = 1 << 24  # of a character: part of a token
    SPECIAL = 1 << 25  # its lower case is not one character, or depends on others
    LOWER = 0x1FFFFF

cdef enum:
    A_PART = 1 << 21  # pairs that are counted at a time, so that a table stays small

cdef uint32_t[BASIC] _known


cdef uint32_t _classified(uint32_t char) noexcept nogil:
    cdef uint32_t found = Py_UNICODE_TOLOWER(char)
    if Py_UNICODE_ISALNUM(char) or char == c"_":
        found |= WORD
    if char == 0x130 or char == 0x3A3:
        found |= SPECIAL
    return found


cdef void _fill_table() noexcept nogil:
    cdef uint32_t char
    for char in range(<uint32_t>BASIC):
        _known[char] = _classified(char)


_fill_table()

ctypedef fused Char:
    uint8_t
    uint16_t
    uint32_t

cdef struct WordSlot:
    uint32_t tag
    int32_t word  # 0: none; else its number and one


cdef struct PairSlot:
    uint64_t key  # 0: none; no pair has it, since words are counted from 1
    int32_t value  # how many articles have it; or the number of its term
    int32_t last  # the article that had it last


cdef struct PairTable:
    PairSlot* slots
    uint64_t mask
    uint64_t filled


cdef inline uint64_t _mixed(uint64_t x) noexcept nogil:
    x ^= x >> 32
    x *= <uint64_t>0xD6E8FEB86659FD93
    x ^= x >> 32
    x *= <uint64_t>0xD6E8FEB86659FD93
    x ^= x >> 32
    return x


cdef inline uint64_t _key(int32_t first, int32_t second) noexcept nogil:
    return <uint64_t>(first + 1) << 32 | <uint64_t>(second + 1)


cdef inline PairSlot* _slot(const PairTable* table, uint64_t key, uint64_t hash) noexcept nogil:
    """The slot that holds a key, or the empty one where it would be."""
    cdef uint64_t at = hash & table.mask
    while table.slots[at].key != 0 and table.slots[at].key != key:
        at = (at + 1) & table.mask
    return &table.slots[at]


cdef bint _table_init(PairTable* table, uint64_t n) noexcept nogil:
    cdef uint64_t size = 1 << 10
    while size < 2 * n:
        size *= 2
    table.slots = <PairSlot*>calloc(size, sizeof(PairSlot))
    table.mask = size - 1
    table.filled = 0
    return table.slots != NULL


cdef bint _table_grow(PairTable* table) noexcept nogil:
    cdef PairTable larger
    cdef uint64_t at
    cdef PairSlot* slot
    if not _table_init(&larger, table.mask + 1):
        return False
    for at in range(table.mask + 1):
        slot = &table.slots[at]
        if slot.key:
            _slot(&larger, slot.key, _mixed(slot.key))[0] = slot[0]
    larger.filled = table.filled
    free(table.slots)
    table[0] = larger
    return True


cdef class Texts:
    """Articles as the numbers of their words, filled by `add` and `add_words`."""

    cdef int32_t* tokens  # of all articles, BREAK between title and text
    cdef Py_ssize_t n_tokens
    cdef Py_ssize_t tokens_room
    cdef int64_t* ends  # where each article's tokens end
    cdef Py_ssize_t n_articles
    cdef Py_ssize_t articles_room
    cdef uint32_t* chars  # of all words
    cdef Py_ssize_t n_chars
    cdef Py_ssize_t chars_room
    cdef int64_t* word_ends  # where each word's characters end
    cdef Py_ssize_t n_words
    cdef Py_ssize_t words_room
    cdef WordSlot* slots
    cdef uint64_t mask
    cdef Py_ssize_t longest  # article, in tokens

    def __cinit__(self):
        self.tokens_room = self.articles_room = self.chars_room = self.words_room = 1024
        self.tokens = <int32_t*>malloc(self.tokens_room * sizeof(int32_t))
        self.ends = <int64_t*>malloc(self.articles_room * sizeof(int64_t))
        self.chars = <uint32_t*>malloc(self.chars_room * sizeof(uint32_t))
        self.word_ends = <int64_t*>malloc(self.words_room * sizeof(int64_t))
        self.mask = 4095
        self.slots = <WordSlot*>calloc(self.mask + 1, sizeof(WordSlot))
        if self.tokens == NULL or self.ends == NULL or self.chars == NULL or self.word_ends == NULL or self.slots == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.tokens)
        free(self.ends)
        free(self.chars)
        free(self.word_ends)
        free(self.slots)

    def __len__(self):
        return self.n_articles

    def add(self, title, text):
        """Add an article.

        Returns
        -------
        bool
            False where it has a character that is not ours to lower-case, and was not
            added.
        """
        cdef Py_ssize_t before = self.n_tokens
        for field in (title, text):
            if not PyUnicode_Check(field):
                raise TypeError(f"expected a string, found {type(field).__name__}")
        self._room_for_fields(PyUnicode_GET_LENGTH(title) + PyUnicode_GET_LENGTH(text))
        if PyUnicode_GET_LENGTH(title):
            if not self._read(title):
                self.n_tokens = before
                return False
            self._add_token(BREAK)
        if not self._read(text):
            self.n_tokens = before
            return False
        self._end_article(before)
        return True

    def add_words(self, title, text):
        """Add an article as lists of its words, in lower case."""
        cdef Py_ssize_t before = self.n_tokens
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
        cdef Py_ssize_t needed = self.n_tokens + length // 2 + 4, room = self.tokens_room
        if needed <= room:
            return 0
        room = max(needed, room + room // 2)
        cdef int32_t* tokens = <int32_t*>realloc(self.tokens, room * sizeof(int32_t))
        if tokens == NULL:
            raise MemoryError
        self.tokens, self.tokens_room = tokens, room
        return 0

    cdef inline void _add_token(self, int32_t token) noexcept:
        self.tokens[self.n_tokens] = token
        self.n_tokens += 1

    cdef int _end_article(self, Py_ssize_t before) except -1:
        cdef int64_t* ends
        if self.n_articles == self.articles_room:
            ends = <int64_t*>realloc(self.ends, 2 * self.articles_room * sizeof(int64_t))
            if ends == NULL:
                raise MemoryError
            self.ends = ends
            self.articles_room *= 2
        self.ends[self.n_articles] = self.n_tokens
        self.n_articles += 1
        self.longest = max(self.longest, self.n_tokens - before)
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
        self._room_for_chars(length)
        while True:
            entry = 0
            while at < length:
                entry = _known[text[at]] if Char is not uint32_t or text[at] < BASIC else _classified(text[at])
                if entry & (WORD | SPECIAL):
                    break
                at += 1
            if at == length:
                return 1
            hash = 0
            written = self.n_chars
            while entry & WORD:
                if entry & SPECIAL:
                    return 0
                self.chars[written] = entry & LOWER
                written += 1
                hash = (hash ^ (entry & LOWER)) * <uint64_t>0x9FB21C651E98DF25
                at += 1
                if at == length:
                    break
                entry = _known[text[at]] if Char is not uint32_t or text[at] < BASIC else _classified(text[at])
            if written == self.n_chars:
                return 0  # it begins with a special one
            self._add_token(self._number(hash, written))

    cdef int _add_word(self, str word) except -1:
        cdef Py_ssize_t i
        cdef uint64_t hash = 0
        cdef uint32_t char
        self._room_for_chars(len(word))
        for i in range(len(word)):
            char = <uint32_t>word[i]
            self.chars[self.n_chars + i] = char
            hash = (hash ^ char) * <uint64_t>0x9FB21C651E98DF25
        self._add_token(self._number(hash, self.n_chars + len(word)))
        return 0

    cdef int _room_for_chars(self, Py_ssize_t length) except -1:
        cdef Py_ssize_t needed = self.n_chars + length, room = self.chars_room
        if needed <= room:
            return 0
        room = max(needed, room + room // 2)
        cdef uint32_t* chars = <uint32_t*>realloc(self.chars, room * sizeof(uint32_t))
        if chars == NULL:
            raise MemoryError
        self.chars, self.chars_room = chars, room
        return 0

    cdef int32_t _number(self, uint64_t hash, Py_ssize_t end) except -1:
        """The number of the word whose characters were written behind the others, to
        `end`; a new one where it is new."""
        hash = _mixed(hash)
        cdef uint64_t at = hash & self.mask
        cdef uint32_t tag = <uint32_t>(hash >> 32)
        cdef Py_ssize_t length = end - self.n_chars, start
        cdef int32_t word
        while self.slots[at].word:
            if self.slots[at].tag == tag:
                word = self.slots[at].word - 1
                start = self.word_ends[word - 1] if word else 0
                if self.word_ends[word] - start == length and not memcmp(
                    &self.chars[start], &self.chars[self.n_chars], length * sizeof(uint32_t)
                ):
                    return word
            at = (at + 1) & self.mask
        if self.n_words == self.words_room:
            self._grow_words()
        if self.n_words == 0x7FFFFFF0:
            raise OverflowError("there are too many different words")
        word = <int32_t>self.n_words
        self.n_chars = end
        self.word_ends[word] = end
        self.slots[at].tag = tag
        self.slots[at].word = word + 1
        self.n_words += 1
        if <uint64_t>self.n_words * 2 > self.mask:
            self._grow_slots()
        return word

    cdef int _grow_words(self) except -1:
        cdef int64_t* ends = <int64_t*>realloc(self.word_ends, 2 * self.words_room * sizeof(int64_t))
        if ends == NULL:
            raise MemoryError
        self.word_ends = ends
        self.words_room *= 2
        return 0

    cdef int _grow_slots(self) except -1:
        cdef uint64_t mask = 4 * (self.mask + 1) - 1, at, hash
        cdef WordSlot* slots = <WordSlot*>calloc(mask + 1, sizeof(WordSlot))
        cdef Py_ssize_t word, i, start = 0
        if slots == NULL:
            raise MemoryError
        for word in range(self.n_words):
            hash = 0
            for i in range(start, self.word_ends[word]):
                hash = (hash ^ self.chars[i]) * <uint64_t>0x9FB21C651E98DF25
            start = self.word_ends[word]
            hash = _mixed(hash)
            at = hash & mask
            while slots[at].word:
                at = (at + 1) & mask
            slots[at].tag = <uint32_t>(hash >> 32)
            slots[at].word = <int32_t>(word + 1)
        free(self.slots)
        self.slots, self.mask = slots, mask
        return 0

    cdef inline Py_ssize_t _start(self, Py_ssize_t article) noexcept nogil:
        return self.ends[article - 1] if article else 0

    cdef inline bint _is_short(self, int32_t word) noexcept nogil:
        return self.word_ends[word] - (self.word_ends[word - 1] if word else 0) < 2

    def words(self, numbers):
        """The words of some numbers, as strings."""
        cdef const int64_t[::1] wanted = np.ascontiguousarray(numbers, dtype=np.int64)
        cdef Py_ssize_t i, start
        found = []
        for i in range(len(wanted)):
            if not 0 <= wanted[i] < self.n_words:
                raise IndexError(f"there is no word {wanted[i]}")
            start = self.word_ends[wanted[i] - 1] if wanted[i] else 0
            found.append(
                PyUnicode_FromKindAndData(4, &self.chars[start], self.word_ends[wanted[i]] - start)
            )
        return found

    def numbers(self, Py_ssize_t article):
        """The numbers of an article's words, title first, of one letter too."""
        if not 0 <= article < self.n_articles:
            raise IndexError(f"there is no article {article}")
        cdef Py_ssize_t start = self._start(article), n = self.ends[article] - start, i, filled = 0
        found = np.empty(n, dtype=np.int32)
        cdef int32_t[::1] into = found
        for i in range(start, start + n):
            if self.tokens[i] != BREAK:
                into[filled] = self.tokens[i]
                filled += 1
        return found[:filled]

    def lengths(self):
        """How many words each article has, of one letter too, (n_articles,)."""
        found = np.zeros(self.n_articles, dtype=np.int64)
        cdef int64_t[::1] into = found
        cdef Py_ssize_t article, i
        for article in range(self.n_articles):
            for i in range(self._start(article), self.ends[article]):
                into[article] += self.tokens[i] != BREAK
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
        cdef Py_ssize_t n_orders = len(orders), run = len(multiply), article, i, k, n, size
        found = np.empty((self.n_articles, n_orders), dtype=np.uint64)
        cdef uint64_t[:, ::1] into = found
        cdef uint64_t* hashes = <uint64_t*>malloc(2 * (self.longest + 1) * sizeof(uint64_t))
        if hashes == NULL:
            raise MemoryError
        cdef uint64_t* words = hashes + self.longest + 1
        cdef uint64_t hash
        if self.n_articles and n_orders:
            with nogil:
                for article in range(self.n_articles):
                    n = 0
                    for i in range(self._start(article), self.ends[article]):
                        if self.tokens[i] != BREAK:
                            words[n] = <uint64_t>self.tokens[i] + 1
                            n += 1
                    size = n - run + 1 if n >= run else (1 if n else 0)
                    for i in range(size):
                        hash = 0
                        for k in range(run if run < n else n):
                            hash += words[i + k] * multiply[k]
                        hashes[i] = hash
                    dateline_minima(hashes, size, &orders[0], &into[article, 0], n_orders)
        free(hashes)
        return found

    def word_frequencies(self, Py_ssize_t articles):
        """In how many of the first articles each word is, (n_words,); 0 of one letter."""
        articles = min(articles, self.n_articles)
        found = np.zeros(self.n_words, dtype=np.int32)
        last_seen = np.full(self.n_words, -1, dtype=np.int32)
        cdef int32_t[::1] into = found, last = last_seen
        cdef Py_ssize_t article, i
        cdef int32_t word
        with nogil:
            for article in range(articles):
                for i in range(self._start(article), self.ends[article]):
                    word = self.tokens[i]
                    if word != BREAK and last[word] != article and not self._is_short(word):
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
        if len(of_words) != self.n_words:
            raise ValueError(f"{len(of_words)} frequencies of {self.n_words} words")
        articles = min(articles, self.n_articles)
        cdef uint64_t part, parts = <uint64_t>self.n_tokens // A_PART + 1
        cdef PairTable table
        cdef uint64_t* keys = <uint64_t*>malloc(max(1, self.longest) * sizeof(uint64_t))
        cdef bint fits
        cdef Py_ssize_t at, n
        cdef int32_t[::1] into_first, into_second, into_frequency
        found = []
        if keys == NULL:
            raise MemoryError
        try:
            for part in range(parts):
                # The hash's low bits choose the slot, its high ones the part.
                with nogil:
                    fits = _table_init(&table, 1 << 15)
                    if fits:
                        fits = self._count_pairs(articles, &of_words[0] if self.n_words else NULL, least, part, parts, &table, keys)
                if not fits:
                    free(table.slots)
                    raise MemoryError
                n = 0
                for at in range(<Py_ssize_t>table.mask + 1):
                    n += table.slots[at].value >= least
                kept = np.empty((3, n), dtype=np.int32)
                into_first, into_second, into_frequency = kept
                n = 0
                for at in range(<Py_ssize_t>table.mask + 1):
                    if table.slots[at].value >= least:
                        into_first[n] = <int32_t>(table.slots[at].key >> 32) - 1
                        into_second[n] = <int32_t>(table.slots[at].key & 0xFFFFFFFF) - 1
                        into_frequency[n] = table.slots[at].value
                        n += 1
                free(table.slots)
                found.append(kept)
        finally:
            free(keys)
        return np.concatenate(found, axis=1)

    cdef bint _count_pairs(
        self, Py_ssize_t articles, const int32_t* of_words, int32_t least,
        uint64_t part, uint64_t parts, PairTable* table, uint64_t* keys,
    ) noexcept nogil:
        cdef Py_ssize_t article, i, n
        cdef int32_t word, before
        cdef uint64_t key, hash
        cdef PairSlot* slot
        for article in range(articles):
            n = 0
            before = -1
            for i in range(self._start(article), self.ends[article]):
                word = self.tokens[i]
                if word == BREAK:
                    before = -1
                elif not self._is_short(word):
                    if before >= 0 and of_words[before] >= least and of_words[word] >= least:
                        key = _key(before, word)
                        hash = _mixed(key)
                        if ((hash >> 40) * parts) >> 24 == part:
                            keys[n] = key
                            n += 1
                            dateline_prefetch(&table.slots[hash & table.mask])
                    before = word
            for i in range(n):
                slot = _slot(table, keys[i], _mixed(keys[i]))
                if slot.key == 0:
                    if table.filled * 5 > table.mask * 3:
                        if not _table_grow(table):
                            return False
                        slot = _slot(table, keys[i], _mixed(keys[i]))
                    slot.key = keys[i]
                    slot.last = -1
                    table.filled += 1
                if slot.last != article:
                    slot.last = <int32_t>article
                    slot.value += 1
        return True

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
        if not (len(of_words) == self.n_words and len(firsts) == len(seconds) == n_pairs):
            raise ValueError("terms are not those of the words and pairs")
        for numbers in (terms, pair_terms):
            if len(numbers) and (np.min(numbers) < -1 or np.max(numbers) >= n_terms):
                raise ValueError(f"a term is none of {n_terms}")
        if len(ends) != self.n_articles or not (
            len(others) == len(amounts) == (ends[len(ends) - 1] if len(ends) else 0)
        ) or (np.diff(more_ends, prepend=0) < 0).any():
            raise ValueError("other terms are not those of the articles")
        # Room for as many as there can be: pages that are not written to cost nothing.
        room = 2 * self.n_tokens + len(others)
        data = np.empty(room, dtype=np.float32)
        indices = np.empty(room, dtype=np.int32)
        indptr = np.zeros(self.n_articles + 1, dtype=np.int64)
        counts = np.zeros(max(1, n_terms), dtype=np.int32)
        cdef float[::1] into_data = data
        cdef int32_t[::1] into_indices = indices
        cdef int64_t[::1] into_ends = indptr
        cdef int32_t[::1] counted = counts
        cdef PairTable table
        cdef uint64_t key
        cdef PairSlot* slot
        cdef uint64_t* keys = <uint64_t*>malloc((2 * self.longest + 1) * sizeof(uint64_t))
        cdef int32_t* touched = <int32_t*>malloc((4 * self.longest + 1) * sizeof(int32_t))
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
            for article in range(self.n_articles):
                n = self._count_article(article, &of_words[0] if self.n_words else NULL, &table, keys, touched, &counted[0])
                _sort(touched, n, touched + 2 * self.longest, <uint32_t>n_terms)
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

    cdef Py_ssize_t _count_article(
        self, Py_ssize_t article, const int32_t* of_words, const PairTable* table,
        uint64_t* keys, int32_t* touched, int32_t* counts,
    ) noexcept nogil:
        """Count the terms of an article; give how many different ones it has."""
        cdef Py_ssize_t i, n = 0, n_keys = 0
        cdef int32_t word, before = -1, term
        cdef const PairSlot* slot
        for i in range(self._start(article), self.ends[article]):
            word = self.tokens[i]
            if word == BREAK:
                before = -1
            elif not self._is_short(word):
                if before >= 0:
                    keys[n_keys] = _key(before, word)
                    dateline_prefetch(&table.slots[_mixed(keys[n_keys]) & table.mask])
                    n_keys += 1
                before = word
                term = of_words[word]
                if term >= 0:
                    touched[n] = term
                    n += counts[term] == 0
                    counts[term] += 1
        for i in range(n_keys):
            slot = _slot(table, keys[i], _mixed(keys[i]))
            if slot.key and slot.value >= 0:
                touched[n] = slot.value
                n += counts[slot.value] == 0
                counts[slot.value] += 1
        return n


cdef void _sort(int32_t* values, Py_ssize_t n, int32_t* spare, uint32_t below) noexcept nogil:
    """Sort numbers that are below a bound, by their bytes from the lowest on."""
    cdef Py_ssize_t[256] starts
    cdef Py_ssize_t i, total, count
    cdef int shift = 0
    cdef int32_t* source = values
    cdef int32_t* into = spare
    cdef int32_t* other
    while shift == 0 or (shift < 32 and below >> shift):
        memset(starts, 0, sizeof(starts))
        for i in range(n):
            starts[(source[i] >> shift) & 0xFF] += 1
        total = 0
        for i in range(256):
            count = starts[i]
            starts[i] = total
            total += count
        for i in range(n):
            into[starts[(source[i] >> shift) & 0xFF]] = source[i]
            starts[(source[i] >> shift) & 0xFF] += 1
        other = source
        source = into
        into = other
        shift += 8
    if source != values:
        for i in range(n):
            values[i] = source[i]
