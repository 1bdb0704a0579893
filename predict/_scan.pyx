# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""The scan of ``terms`` and ``phrases``, compiled: text to terms to linear scores.

One pass over the text's own buffer makes tokens, each a 64-bit hash of its lower-cased
characters; words, pairs of words and phrases of the lexicon are looked up by combined
hashes in open-addressing tables. What comes out is what ``TermScanner.count`` and
``weigh`` give, which stay the definition: tests hold the two against each other.

Two characters are not lower-cased one by one, U+0130 and U+03A3: an article with one
of them is passed back, to be scanned by the definition itself. Two strings could share
a hash: of a million terms once in some 10^7 models, which then stay with Python; and a
token is taken for a term that it is not in one of some 10^10 articles. The hash is no
secret: a text can be made whose words are taken for others.
"""

from cpython.unicode cimport PyUnicode_Check
from libc.math cimport exp, log, pow, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

import math

import numpy as np

include "_tables.pxi"
include "_tokens.pxi"

cdef extern from *:
    """
    #if defined(_MSC_VER)
    #define restrict __restrict
    #endif

    #if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
    __attribute__((target_clones("avx2", "default")))
    #endif
    static void dateline_add(
        double *restrict sums, const float *restrict row, double weight, Py_ssize_t n)
    {
        for (Py_ssize_t i = 0; i < n; i++) sums[i] += weight * (double)row[i];
    }
    """
    void dateline_add(double* sums, const float* row, double weight, Py_ssize_t n) nogil

# What a phrase asks of the token in each place, two bits a place, and more.
cdef enum:
    ASKS_CAPITAL = 1
    ASKS_CAPITALS = 2
    NOT_CASELESS = 1 << 15
    MOST_WORDS = 7

cdef enum:
    MOST_MEANINGS = 1 << 16
    FLOATS_A_LINE = 16  # of the cache

cdef struct Line:
    uint64_t hash
    Py_ssize_t begin
    Py_ssize_t end
    uint16_t asks


cdef struct Spelling:
    int32_t next  # another spelling of the same words, or END
    uint16_t meaning
    uint16_t asks


cdef class Scan:
    """Terms and scores of articles by one vocabulary, one lexicon and one model.

    Parameters
    ----------
    terms : sequence of str
        The vocabulary, block after block, words first.
    bounds : sequence of int
        The first term of each block; the number of terms last.
    phrases : str
        The lexicon's phrases, a line each.
    meaning_of : ndarray of int32, shape (n_phrases,)
        The meaning of each phrase.
    meaning_ends : ndarray of int32, shape (n_meanings,)
        Where the concepts of each meaning end in `meaning_concepts`.
    meaning_concepts : ndarray of int32
        The terms that meanings count as.
    uncapitalised : iterable of str
        Words that phrases of capitals do not stand for in a text without capitals.
    settings : TermSettings
    idf : ndarray of float64, shape (n_terms,)
    weights : ndarray of float32, shape (n_terms, n_labels)
    bias : ndarray of float64, shape (n_labels,)

    Raises
    ------
    CannotHold
        If the vocabulary cannot be scanned so: too many blocks, too long phrases, or
        words that share a hash.
    ValueError
        If the arrays do not fit each other.
    """

    cdef Table words
    cdef Table runs
    cdef Spelling* spellings  # all but the first of each run of words
    cdef object _keep
    cdef const int32_t* meaning_ends
    cdef const int32_t* meaning_concepts
    cdef uint8_t* block_of
    cdef const double* idf
    cdef float* weights
    cdef const double* bias
    cdef Py_ssize_t n_terms
    cdef Py_ssize_t n_words
    cdef Py_ssize_t n_labels
    cdef int n_blocks
    cdef bint pairs
    cdef double title_weight
    cdef double lead_weight
    cdef double lead_words
    cdef double concept_power
    cdef double half_density
    cdef Scratch* pool

    def __cinit__(
        self, terms, bounds, str phrases, meaning_of, meaning_ends, meaning_concepts,
        uncapitalised, settings, idf, weights, bias,
    ):
        cdef Py_ssize_t i
        bounds = np.asarray(bounds, dtype=np.int64)
        meaning_of = np.asarray(meaning_of)
        meaning_ends = np.asarray(meaning_ends)
        meaning_concepts = np.asarray(meaning_concepts)
        _check(len(terms), bounds, meaning_of, meaning_ends, meaning_concepts)
        for weight in (settings.title_weight, settings.lead_weight, settings.lead_words):
            if not 0.0 < weight < math.inf:  # a term that was met must have a count
                raise CannotHold(f"a weight of {weight}")
        self.n_terms = len(terms)
        self.n_words = bounds[1]
        self.n_blocks = len(bounds) - 1
        if self.n_blocks > MOST_BLOCKS:
            raise CannotHold(f"{self.n_blocks} blocks of terms, at most {MOST_BLOCKS}")
        self.pairs = settings.ngrams > 1
        self.title_weight = settings.title_weight
        self.lead_weight = settings.lead_weight
        self.lead_words = settings.lead_words
        self.concept_power = settings.concept_power
        self.half_density = settings.half_density
        self.block_of = <uint8_t*>malloc(max(1, self.n_terms))
        if self.block_of == NULL:
            raise MemoryError
        for block in range(self.n_blocks):
            for i in range(bounds[block], bounds[block + 1]):
                self.block_of[i] = block
        self._learn_words(terms)
        if len(meaning_ends) > MOST_MEANINGS:
            raise CannotHold(f"{len(meaning_ends)} meanings, at most {MOST_MEANINGS}")
        cdef const uint16_t[::1] means = np.ascontiguousarray(meaning_of, dtype=np.uint16)
        self._learn_phrases(phrases, means, {_hash_of(word) for word in uncapitalised})
        arrays = (
            np.ascontiguousarray(meaning_ends, dtype=np.int32),
            np.ascontiguousarray(meaning_concepts, dtype=np.int32),
            np.ascontiguousarray(idf, dtype=np.float64),
            np.ascontiguousarray(weights, dtype=np.float32),
            np.ascontiguousarray(bias, dtype=np.float64),
        )
        self._keep = arrays[:3] + arrays[4:]
        self.n_labels = len(bias)
        if arrays[3].shape != (self.n_terms, self.n_labels) or len(idf) != self.n_terms:
            raise ValueError("weights and idf are not of this vocabulary")
        self.meaning_ends = <const int32_t*><size_t>arrays[0].ctypes.data
        self.meaning_concepts = <const int32_t*><size_t>arrays[1].ctypes.data
        self.idf = <const double*><size_t>arrays[2].ctypes.data
        self.weights = <float*>dateline_zeroed(arrays[3].nbytes)
        if self.weights == NULL:
            raise MemoryError
        memcpy(self.weights, <const void*><size_t>arrays[3].ctypes.data, arrays[3].nbytes)
        self.bias = <const double*><size_t>arrays[4].ctypes.data

    def __dealloc__(self):
        cdef Scratch* scratch
        while self.pool != NULL:
            scratch = self.pool
            self.pool = scratch.next
            _give_back(scratch)
        free(self.words.slots)
        free(self.words.marks)
        free(self.runs.slots)
        free(self.runs.marks)
        free(self.spellings)
        free(self.weights)
        free(self.block_of)

    cdef int _learn_words(self, terms) except -1:
        cdef Py_ssize_t i
        cdef Slot* slot
        _table_init(&self.words, self.n_words)
        for i in range(self.n_words):
            first, space, second = terms[i].partition(" ")
            hash = _hash_of(first)
            if space:
                hash = _joined(hash, _hash_of(second))
            slot = _added(&self.words, hash)
            if slot.value != NO_PHRASE:
                raise CannotHold(f"{terms[i]!r} and another term share a hash")
            slot.value = <int32_t>i
            _mark(&self.words, hash, THERE)
        return 0

    cdef int _learn_phrases(self, str phrases, const uint16_t[::1] meaning_of, set uncapitalised) except -1:
        """Read the lines of the table: a slot for each phrase, and marks for each run
        of words that begins one."""
        cdef Py_ssize_t n = len(meaning_of), phrase, ahead
        cdef Slot* slot
        cdef Spelling* more
        cdef int32_t n_more = 0
        cdef int32_t* first_of  # of each slot, the phrase that took it
        cdef Line* lines
        cdef Line* line
        cdef Line* other
        _table_init(&self.runs, n)
        lines = <Line*>malloc(max(1, n) * sizeof(Line))
        first_of = <int32_t*>malloc((self.runs.mask + 1) * sizeof(int32_t))
        self.spellings = <Spelling*>dateline_zeroed(n * sizeof(Spelling))
        try:
            if lines == NULL or first_of == NULL or self.spellings == NULL:
                raise MemoryError
            self._read_lines(phrases, n, lines, uncapitalised)
            for phrase in range(n):
                ahead = phrase + 16  # the table is larger than the caches
                if ahead < n:
                    dateline_prefetch(&self.runs.slots[lines[ahead].hash & self.runs.mask])
                line = &lines[phrase]
                slot = _added(&self.runs, line.hash)
                if slot.value == NO_PHRASE:
                    first_of[slot - self.runs.slots] = <int32_t>phrase
                    slot.value = END
                    slot.meaning = meaning_of[phrase]
                    slot.asks = line.asks
                    continue
                other = &lines[first_of[slot - self.runs.slots]]
                written = phrases[line.begin : line.end]
                if written.lower() != phrases[other.begin : other.end].lower():
                    raise CannotHold(f"{written!r} and another phrase share a hash")
                more = &self.spellings[n_more]
                more.next = slot.value
                more.meaning = meaning_of[phrase]
                more.asks = line.asks
                slot.value = n_more
                n_more += 1
        finally:
            free(lines)
            free(first_of)
        return 0

    cdef int _read_lines(self, str phrases, Py_ssize_t n, Line* lines, set uncapitalised) except -1:
        """Hash each phrase, and see which capitals it asks for."""
        cdef const void* written = PyUnicode_DATA(phrases)
        cdef int kind = PyUnicode_KIND(phrases)
        cdef Py_ssize_t length = PyUnicode_GET_LENGTH(phrases), at = 0, phrase, begin, start
        cdef int place
        cdef uint32_t char, entry, first, every, inside, asks
        cdef uint64_t run, word
        for phrase in range(n):
            begin = at
            place = 0
            asks = 0
            run = 0
            every = 0
            while True:
                start = at
                first = inside = 0
                word = _begun()
                while at < length:
                    char = _char(written, kind, at)
                    if char == c" " or char == c"\n":
                        break
                    entry = _known[char] if char < BASIC else _classified(char)
                    if at == start:
                        first = entry
                    inside |= entry
                    word = _fed(word, entry & LOWER)
                    at += 1
                every |= inside
                if place < MOST_WORDS and first & <uint32_t>UPPER << CLASS:
                    if 2 <= at - start <= 3 and not inside & <uint32_t>NOT_UPPER << CLASS:
                        asks |= <uint32_t>ASKS_CAPITALS << (2 * place)
                    else:
                        asks |= <uint32_t>ASKS_CAPITAL << (2 * place)
                word = _ended(word)
                run = word if place == 0 else _joined(run, word)
                place += 1
                if at >= length or _char(written, kind, at) == c"\n":
                    break
                _mark(&self.runs, run, GOES_ON)
                at += 1
            if place > MOST_WORDS:
                raise CannotHold(f"a phrase of {place} words, at most {MOST_WORDS}")
            if every & <uint32_t>SPECIAL << CLASS:
                run = self._run_of(phrases[begin:at].lower())
            if (
                place == 1
                and every & <uint32_t>UPPER << CLASS
                and not every & <uint32_t>NOT_UPPER << CLASS
                and run in uncapitalised
            ):
                asks |= NOT_CASELESS
            _mark(&self.runs, run, THERE)
            lines[phrase].hash = run
            lines[phrase].begin = begin
            lines[phrase].end = at
            lines[phrase].asks = <uint16_t>asks
            at += 1
        if at < length:
            raise ValueError("there are more phrases than meanings")
        return 0

    cdef uint64_t _run_of(self, str lowered) except? 0:
        """Hash a phrase that is not lower-cased character by character."""
        cdef uint64_t run = 0
        for word in lowered.split(" "):
            if run:
                _mark(&self.runs, run, GOES_ON)
            run = _joined(run, _hash_of(word)) if run else _hash_of(word)
        return run

    cdef Scratch* _borrow(self) except NULL:
        cdef Scratch* scratch = self.pool
        if scratch != NULL:
            self.pool = scratch.next
            return scratch
        scratch = <Scratch*>calloc(1, sizeof(Scratch))
        if scratch == NULL:
            raise MemoryError
        scratch.room = 1024
        scratch.tokens = <Token*>malloc(scratch.room * sizeof(Token))
        scratch.looked_up = <uint64_t*>malloc(2 * scratch.room * sizeof(uint64_t))
        scratch.runs_room = 1024
        scratch.runs = <Run*>malloc(scratch.runs_room * sizeof(Run))
        scratch.counts = <double*>calloc(max(1, self.n_terms), sizeof(double))
        scratch.touched = <int32_t*>malloc((self.n_terms + 1) * sizeof(int32_t))
        if scratch.tokens == NULL or scratch.looked_up == NULL or scratch.runs == NULL or scratch.counts == NULL or scratch.touched == NULL:
            _give_back(scratch)
            raise MemoryError
        return scratch

    cdef void _return(self, Scratch* scratch) noexcept:
        if scratch.room > KEPT_TOKENS or scratch.runs_room > KEPT_TOKENS:
            _give_back(scratch)
            return
        scratch.next = self.pool
        self.pool = scratch

    cdef int _scan(self, const Text* title, const Text* text, Scratch* scratch) noexcept nogil:
        """Count the terms of an article; -1 where it is not for us, -2 where memory is
        short."""
        cdef Py_ssize_t n_title, n_text
        cdef bint caseless
        scratch.n_touched = 0
        scratch.changes = scratch.special = False
        # Capitals are asked for unless neither field has one: look at both first.
        n_text = _split(text, scratch)
        if n_text < 0:
            return -2
        if title.length:
            n_title = _split(title, scratch)
            if n_title < 0:
                return -2
            caseless = not scratch.changes
            if scratch.special:
                return -1
            self._count_words(scratch, n_title)
            if not self._count_phrases(scratch, n_title, caseless, True):
                return -2
            n_text = _split(text, scratch)
        else:
            caseless = not scratch.changes
            if scratch.special:
                return -1
        self._count_words(scratch, n_text)
        if not self._count_phrases(scratch, n_text, caseless, False):
            return -2
        return 0

    cdef void _count_words(self, Scratch* scratch, Py_ssize_t n) noexcept nogil:
        # First all that may be there is collected and sent for, then it is looked at:
        # the tables are larger than the caches, and waiting for them is most of the
        # work.
        cdef Py_ssize_t i, found = 0
        cdef uint64_t before = 0, hash
        cdef const Table* table = &self.words
        cdef const Slot* slot
        cdef const Token* token
        cdef uint64_t* looked_up = scratch.looked_up
        for i in range(n):
            token = &scratch.tokens[i]
            if token.flags & ONE_LETTER:
                continue
            hash = token.hash
            dateline_prefetch(&table.slots[hash & table.mask])
            looked_up[found] = hash
            found += _marks(table, hash) != 0
            if before and self.pairs:
                hash = _joined(before, hash)
                looked_up[found] = hash
                if _marks(table, hash):
                    dateline_prefetch(&table.slots[hash & table.mask])
                    found += 1
            before = token.hash
        for i in range(found):
            slot = _slot(table, looked_up[i])
            if slot.hash:
                _count(scratch, slot.value, 1.0)

    cdef bint _count_phrases(self, Scratch* scratch, Py_ssize_t n, bint caseless, bint title) noexcept nogil:
        cdef Py_ssize_t i, first, n_firsts = 0
        cdef int depth, k
        cdef uint64_t run, marks
        cdef uint64_t[MOST_WORDS] found
        cdef const Table* table = &self.runs
        cdef const Slot* slot
        cdef double amount
        cdef uint64_t* firsts = scratch.looked_up
        scratch.n_runs = 0
        memset(scratch.free_from, 0, self.n_blocks * sizeof(scratch.free_from[0]))
        # As with words, all is sent for before it is looked at.
        for i in range(n):
            firsts[n_firsts] = i
            run = scratch.tokens[i].hash
            marks = _marks(table, run)
            n_firsts += marks != 0
            if marks & GOES_ON and i + 1 < n:
                dateline_prefetch(_cell(table, _joined(run, scratch.tokens[i + 1].hash)))
        for i in range(n_firsts):
            first = <Py_ssize_t>firsts[i]
            run = scratch.tokens[first].hash
            depth = 0
            while True:
                marks = _marks(table, run)
                found[depth] = run if marks & THERE else 0
                depth += 1
                if not marks & GOES_ON or depth == MOST_WORDS or first + depth == n:
                    break
                run = _joined(run, scratch.tokens[first + depth].hash)
            for k in range(depth - 1, -1, -1):  # the longest first
                if found[k]:
                    dateline_prefetch(&table.slots[found[k] & table.mask])
                    if not _noted(scratch, found[k], first, k + 1):
                        return False
        for i in range(scratch.n_runs):
            slot = _slot(table, scratch.runs[i].hash)
            if slot.hash == 0:
                continue
            first = scratch.runs[i].first
            if title:
                amount = self.title_weight
            else:
                amount = 1.0 + (self.lead_weight - 1.0) * exp(-<double>first / self.lead_words)
            self._count_phrase(scratch, slot, first, scratch.runs[i].words, caseless, amount)
        return True

    cdef void _count_phrase(
        self, Scratch* scratch, const Slot* slot, Py_ssize_t first, int words, bint caseless, double amount
    ) noexcept nogil:
        """Count all spellings of a phrase that fit."""
        cdef uint64_t taken = 0
        cdef int32_t next = slot.value, start, end, i, concept
        cdef uint32_t meaning = slot.meaning, asks = slot.asks, asked
        cdef int place, block
        cdef bint fits
        while True:
            if caseless:
                fits = not asks & NOT_CASELESS
            else:
                fits = True
                for place in range(words):
                    asked = (asks >> (2 * place)) & 3
                    if asked & ASKS_CAPITALS:
                        fits = fits and scratch.tokens[first + place].flags & CAPITALS != 0
                    elif asked:
                        fits = fits and scratch.tokens[first + place].flags & CAPITAL != 0
            if fits:
                start = self.meaning_ends[meaning - 1] if meaning else 0
                end = self.meaning_ends[meaning]
                for i in range(start, end):
                    concept = self.meaning_concepts[i]
                    block = self.block_of[concept]
                    if scratch.free_from[block] <= first:
                        taken |= <uint64_t>1 << block
                        _count(scratch, concept, amount)
            if next == END:
                break
            meaning = self.spellings[next].meaning
            asks = self.spellings[next].asks
            next = self.spellings[next].next
        block = 0
        while taken:
            if taken & 1:
                scratch.free_from[block] = first + words
            taken >>= 1
            block += 1

    cdef void _decide(self, Scratch* scratch, double* decisions) noexcept nogil:
        """Weigh the counted terms as ``terms.weigh`` does and add up the scores."""
        cdef Py_ssize_t i, label
        cdef int32_t term
        cdef int block
        cdef double count, weight, words
        cdef const float* ahead
        memset(scratch.squares, 0, sizeof(scratch.squares))
        memset(scratch.totals, 0, sizeof(scratch.totals))
        for i in range(scratch.n_touched):
            term = scratch.touched[i]
            block = self.block_of[term]
            count = scratch.counts[term]
            scratch.totals[block] += count
            if block == 0:
                weight = (1.0 if count == 1.0 else 1.0 + log(count)) * self.idf[term]
            else:
                weight = pow(count, self.concept_power) * self.idf[term]
            scratch.counts[term] = weight
            scratch.squares[block] += weight * weight
        words = scratch.totals[0] if scratch.totals[0] > 1.0 else 1.0
        for block in range(self.n_blocks):
            weight = 1.0 / sqrt(scratch.squares[block]) if scratch.squares[block] > 0.0 else 1.0
            if block and self.half_density != 0.0:
                weight *= scratch.totals[block] / (scratch.totals[block] + self.half_density * words)
            scratch.squares[block] = weight
        for label in range(self.n_labels):
            decisions[label] = self.bias[label]
        for i in range(scratch.n_touched):
            term = scratch.touched[i]
            if i + 8 < scratch.n_touched:
                ahead = &self.weights[scratch.touched[i + 8] * self.n_labels]
                label = 0
                while label < self.n_labels:
                    dateline_prefetch(&ahead[label])
                    label += FLOATS_A_LINE
            weight = scratch.counts[term] * scratch.squares[self.block_of[term]]
            dateline_add(decisions, &self.weights[term * self.n_labels], weight, self.n_labels)

    cdef void _forget(self, Scratch* scratch) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(scratch.n_touched):
            scratch.counts[scratch.touched[i]] = 0.0
        scratch.n_touched = 0

    def count(self, title, text):
        """Count the terms of an article.

        Returns
        -------
        (ids, counts) : (ndarray of int64, ndarray of float64), or None
            In the order of the ids. None where the article has a character that is
            not ours to lower-case.
        """
        cdef Text a, b
        cdef Scratch* scratch
        cdef int outcome
        cdef Py_ssize_t i
        cdef int64_t[::1] into
        cdef double[::1] amounts
        _text(title, &a)
        _text(text, &b)
        scratch = self._borrow()
        try:
            with nogil:
                outcome = self._scan(&a, &b, scratch)
            if outcome == -2:
                raise MemoryError
            if outcome:
                return None
            ids = np.empty(scratch.n_touched, dtype=np.int64)
            counts = np.empty(scratch.n_touched, dtype=np.float64)
            into, amounts = ids, counts
            for i in range(scratch.n_touched):
                into[i] = scratch.touched[i]
                amounts[i] = scratch.counts[scratch.touched[i]]
        finally:
            self._forget(scratch)
            self._return(scratch)
        order = np.argsort(ids)
        return ids[order], counts[order]

    def decide(self, titles, texts):
        """Score articles, without the GIL.

        Parameters
        ----------
        titles, texts : sequence of str
            As many of the one as of the other.

        Returns
        -------
        decisions : ndarray of float64, shape (n_articles, n_labels)
            Linear scores.
        known : ndarray of int32, shape (n_articles,)
            How many different terms each has; -1 where it is not for us, and its
            scores mean nothing.
        """
        titles, texts = tuple(titles), tuple(texts)  # nobody else's to change meanwhile
        cdef Py_ssize_t n = len(texts), i
        if len(titles) != n:
            raise ValueError(f"{len(titles)} titles, {n} texts")
        decisions = np.zeros((n, self.n_labels))
        known = np.zeros(n, dtype=np.int32)
        cdef double[:, ::1] scores = decisions
        cdef int32_t[::1] terms = known
        cdef Text* fields = <Text*>malloc(max(1, 2 * n) * sizeof(Text))
        if fields == NULL:
            raise MemoryError
        cdef Scratch* scratch
        cdef int outcome = 0
        try:
            for i in range(n):
                _text(titles[i], &fields[2 * i])
                _text(texts[i], &fields[2 * i + 1])
            scratch = self._borrow()
            with nogil:
                for i in range(n):
                    outcome = self._scan(&fields[2 * i], &fields[2 * i + 1], scratch)
                    if outcome == 0:
                        terms[i] = <int32_t>scratch.n_touched
                        if self.n_labels:
                            self._decide(scratch, &scores[i, 0])
                    else:
                        terms[i] = -1
                    self._forget(scratch)
                    if outcome == -2:
                        break
            self._return(scratch)
        finally:
            free(fields)
        if outcome == -2:
            raise MemoryError
        return decisions, known


def _check(n_terms, bounds, meaning_of, meaning_ends, meaning_concepts):
    """Refuse arrays that do not fit each other: nothing below looks again."""
    if len(bounds) < 2 or bounds[0] or bounds.max() != n_terms or (np.diff(bounds) < 0).any():
        raise ValueError(f"bounds are not those of blocks of {n_terms} terms")
    n = len(meaning_ends)
    if len(meaning_of) and not (0 <= meaning_of.min() and meaning_of.max() < n):
        raise ValueError(f"a phrase has none of the {n} meanings")
    if n and (meaning_ends[0] < 0 or (np.diff(meaning_ends) < 0).any()):
        raise ValueError("the ends of meanings are not in order")
    if (meaning_ends[n - 1] if n else 0) != len(meaning_concepts):
        raise ValueError("the concepts of meanings do not add up")
    if len(meaning_concepts) and not (
        bounds[1] <= meaning_concepts.min() and meaning_concepts.max() < n_terms
    ):
        raise ValueError("a meaning has a concept that is none of the terms")
