# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""The scan of ``terms`` and ``phrases``, compiled: text to terms to scores to answers.

A text's own buffer is lower-cased and cut into tokens, each a 64-bit hash of its
lower-cased characters; words, pairs of words and phrases of the lexicon are looked up
by combined hashes in one open-addressing table. What comes out is what
``TermScanner.count`` and ``weigh`` give, which stay the definition: tests hold the two
against each other.

What decides the speed is to wait for nothing: all that may be there is collected
without branches, sent for, and only then looked at.

Two characters are not lower-cased one by one. U+0130, the dotted capital I of Turkish,
becomes two, of which the second ends a word but not a phrase's token: the words of such
an article are those of its lower-cased text. Of U+03A3, the Greek capital sigma, the
lower case depends on what stands around it: such an article is passed back, to be
scanned by the definition itself, and so is one of two billion characters.

Two strings could share a hash: of the 300,000 words and phrases of the default model
once in some 50,000 models, which then stay with Python; and a run of words is taken for
one that it is not in one of some 10^8 articles. The hash is no secret: a text can be
made whose words are taken for others.
"""

from cpython.unicode cimport PyUnicode_Check
from libc.math cimport exp, log, pow, sqrt
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memmove, memset

import math

import numpy as np

from .eight_bits import EightBits

include "_tables.pxi"
include "_tokens.pxi"
include "_building.pxi"
include "_answers.pxi"

cdef extern from "_kernels.h":
    enum: DATELINE_LANES
    int dateline_widest() nogil
    int dateline_registers
    void dateline_sums(double*, Py_ssize_t, const float*, const int32_t*, const double*, Py_ssize_t) nogil
    void dateline_sums_of_bytes(double*, Py_ssize_t, const int8_t*, Py_ssize_t, const int32_t*, const double*, Py_ssize_t) nogil


def use_registers(int most):
    """Add scores up in registers of so many bytes or, where there are none, narrower ones.

    For tests: the widest are used without being asked for.

    Returns
    -------
    int
        64, 32, or 0, which leaves it to the compiler.
    """
    global dateline_registers
    dateline_registers = min(most, dateline_widest())
    return dateline_registers


use_registers(64)


# What is counted of a field.
cdef enum:
    ITS_WORDS = 1
    ITS_PHRASES = 2

# Why an article was not scanned.
cdef enum:
    NOT_OURS = -1
    NO_MEMORY = -2
    TO_BE_LOWERED = -3  # its words are those of the lower-cased fields

cdef enum:
    MOST_BLOCKS = 64  # of terms
    MOST_MEANINGS = 0xFFFF
    LEADS = 4096  # tokens whose weight at the head of a text is kept
    LOGS = 256  # counts whose logarithm is kept


cdef struct Concept:
    int32_t number  # its term, less the number of words
    int32_t block


ctypedef const Slot* SlotAt


# What an article is scanned in, of which each thread has its own. Words are numbered
# from 1: what is no word counts as 0, which saves asking.
cdef struct Scratch:
    Field title
    Field text
    Tokens tokens
    uint32_t* words  # how often each was met; 1 + number of words
    double* concepts  # what each was counted as
    int32_t* touched  # the words of this article, in the order in which they came
    int32_t* told  # likewise the concepts
    Py_ssize_t n_touched
    Py_ssize_t n_told
    int32_t* terms  # all of them, and what they weigh
    double* weights
    uint32_t[ROOM] found  # words that were met, in their order
    SlotAt[ROOM] alone  # where a token that may be a phrase, or begins one of two, is
    SlotAt[ROOM] joined
    int32_t[ROOM] single  # tokens that may be words or phrases
    int32_t[ROOM] paired  # first tokens of pairs that may be
    int32_t[ROOM] going  # first tokens of runs that may go on
    uint64_t[ROOM] pairs  # hashes of each token with the next
    uint64_t[ROOM] runs  # hashes of the runs that may go on
    uint8_t[ROOM] lengths  # of the phrases that begin at a token, a bit each
    int32_t[ROOM] firsts  # tokens at which phrases begin
    Py_ssize_t[MOST_BLOCKS] free_from
    Py_ssize_t all_free_from
    double[MOST_BLOCKS] squares
    double[MOST_BLOCKS] totals
    Scratch* next


cdef void _scratch_free(Scratch* scratch) noexcept:
    _field_free(&scratch.title)
    _field_free(&scratch.text)
    free(scratch.words)
    free(scratch.concepts)
    free(scratch.touched)
    free(scratch.told)
    free(scratch.terms)
    free(scratch.weights)
    free(scratch)


cdef inline void _count_word(Scratch* scratch, uint32_t word) noexcept nogil:
    # Without a branch: whether a word was met before is anyone's guess.
    scratch.touched[scratch.n_touched] = <int32_t>word
    scratch.n_touched += scratch.words[word] == 0
    scratch.words[word] += 1


cdef inline void _count_concept(Scratch* scratch, int32_t concept, double amount) noexcept nogil:
    scratch.told[scratch.n_told] = concept
    scratch.n_told += scratch.concepts[concept] == 0.0
    scratch.concepts[concept] += amount


cdef class Scan:
    """Terms and scores of articles by one vocabulary, one lexicon and one model.

    Parameters
    ----------
    bounds : sequence of int
        The first term of each block, words first; the number of terms last.
    lookup : LookupTable
        Of the words and the lexicon's phrases.
    meaning_ends : ndarray of int32, shape (n_meanings,)
        Where the concepts of each meaning end in `meaning_concepts`.
    meaning_concepts : ndarray of int32
        The terms that meanings count as.
    settings : TermSettings
    idf : ndarray of float64, shape (n_terms,)
    weights : EightBits or ndarray of float, shape (n_terms, n_labels)
    bias : ndarray of float64, shape (n_labels,)

    Raises
    ------
    CannotHold
        If it cannot be scanned so: too many blocks or meanings, weights of no use.
    ValueError
        If the arrays do not fit each other.
    """

    cdef LookupTable lookup  # which holds the table
    cdef Table table
    cdef uint32_t* meaning_ends  # the first is 0, so that those of a meaning are two
    cdef Concept* concepts
    cdef uint8_t* block_of
    cdef double* idf
    cdef float* rows  # of weights
    cdef int8_t* byte_rows  # of weights, where eight bits hold them
    cdef double* bias
    cdef double[LEADS] leads
    cdef double[LOGS] logs
    cdef Py_ssize_t n_terms
    cdef Py_ssize_t n_words
    cdef Py_ssize_t n_labels
    cdef Py_ssize_t stride  # of rows of bytes
    cdef int n_blocks
    cdef bint pairs
    cdef double title_weight
    cdef double lead_weight
    cdef double lead_words
    cdef double concept_power
    cdef double half_density
    cdef Scratch* pool

    def __cinit__(
        self, bounds, LookupTable lookup not None, meaning_ends, meaning_concepts, settings, idf,
        weights, bias,
    ):
        cdef Py_ssize_t i
        bounds = np.asarray(bounds, dtype=np.int64)
        meaning_ends = np.asarray(meaning_ends)
        meaning_concepts = np.asarray(meaning_concepts)
        _check(bounds, meaning_ends, meaning_concepts)
        # A term that was met must have a count: beside 1, a tiny weight is none.
        at_first = 1.0 + (settings.lead_weight - 1.0)
        for weight in (settings.title_weight, settings.lead_weight, settings.lead_words, at_first):
            if not 0.0 < weight < math.inf:
                raise CannotHold(f"a weight of {weight}")
        self.n_terms = bounds[len(bounds) - 1]
        self.n_words = bounds[1]
        self.n_blocks = len(bounds) - 1
        self.n_labels = len(bias)
        if self.n_blocks > MOST_BLOCKS:
            raise CannotHold(f"{self.n_blocks} blocks of terms, at most {MOST_BLOCKS}")
        if len(meaning_ends) > MOST_MEANINGS:
            raise CannotHold(f"{len(meaning_ends)} meanings, at most {MOST_MEANINGS}")
        if weights.shape != (self.n_terms, self.n_labels) or len(idf) != self.n_terms:
            raise ValueError("weights and idf are not of this vocabulary")
        if lookup.n_words != self.n_words or lookup.n_meanings != len(meaning_ends):
            raise ValueError("the table is of other words or meanings")
        self.lookup, self.table = lookup, lookup.table
        self.pairs = settings.ngrams > 1
        self.title_weight = settings.title_weight
        self.lead_weight = settings.lead_weight
        self.lead_words = settings.lead_words
        self.concept_power = settings.concept_power
        self.half_density = settings.half_density
        for i in range(LEADS):
            self.leads[i] = self._lead(i)
        for i in range(1, LOGS):
            self.logs[i] = 1.0 + log(<double>i)
        self.block_of = <uint8_t*>_copied(
            np.repeat(np.arange(self.n_blocks), np.diff(bounds)).astype(np.uint8)
        )
        self.meaning_ends = <uint32_t*>_copied(
            np.concatenate([[0], meaning_ends]).astype(np.uint32)
        )
        concepts = np.empty((len(meaning_concepts), 2), dtype=np.int32)
        concepts[:, 0] = meaning_concepts - self.n_words
        concepts[:, 1] = np.searchsorted(bounds, meaning_concepts, side="right") - 1
        self.concepts = <Concept*>_copied(concepts)
        self.idf = <double*>_copied(np.asarray(idf, dtype=np.float64))
        self.bias = <double*>_copied(np.asarray(bias, dtype=np.float64))
        self._keep_rows(weights)

    cdef int _keep_rows(self, weights) except -1:
        cdef Py_ssize_t n = _padded(self.n_labels)
        if not isinstance(weights, EightBits):
            self.rows = <float*>_copied(np.asarray(weights, dtype=np.float32))
            return 0
        # A power of two as long as it is short, so that few rows lie in two lines of a cache.
        self.stride = DATELINE_LANES
        while self.stride < n + <Py_ssize_t>sizeof(float):
            self.stride += min(self.stride, 64)
        self.byte_rows = <int8_t*>dateline_zeroed(self.n_terms * self.stride)
        if self.byte_rows == NULL:
            raise MemoryError
        if self.n_terms and self.n_labels:
            self._copy_rows(
                np.ascontiguousarray(weights.levels, dtype=np.int8),
                np.ldexp(np.float32(1), weights.exponents),
            )
        return 0

    cdef void _copy_rows(self, const int8_t[:, ::1] levels, const float[::1] powers) noexcept:
        cdef Py_ssize_t i
        cdef int8_t* row = self.byte_rows
        for i in range(self.n_terms):
            memcpy(row, &levels[i, 0], self.n_labels)
            memcpy(row + self.stride - sizeof(float), &powers[i], sizeof(float))
            row += self.stride

    def __dealloc__(self):
        cdef Scratch* scratch
        while self.pool != NULL:
            scratch = self.pool
            self.pool = scratch.next
            _scratch_free(scratch)
        free(self.meaning_ends)
        free(self.concepts)
        free(self.block_of)
        free(self.idf)
        free(self.rows)
        free(self.byte_rows)
        free(self.bias)

    cdef Scratch* _borrow(self) except NULL:
        cdef Scratch* scratch = self.pool
        if scratch != NULL:
            self.pool = scratch.next
            return scratch
        scratch = <Scratch*>calloc(1, sizeof(Scratch))
        if scratch == NULL:
            raise MemoryError
        cdef Py_ssize_t n_concepts = self.n_terms - self.n_words
        scratch.words = <uint32_t*>calloc(self.n_words + 1, sizeof(uint32_t))
        scratch.concepts = <double*>calloc(n_concepts + 1, sizeof(double))
        scratch.touched = <int32_t*>malloc((self.n_words + 2) * sizeof(int32_t))
        scratch.told = <int32_t*>malloc((n_concepts + 1) * sizeof(int32_t))
        scratch.terms = <int32_t*>malloc((self.n_terms + 1) * sizeof(int32_t))
        scratch.weights = <double*>malloc((self.n_terms + 1) * sizeof(double))
        if (
            scratch.words == NULL or scratch.concepts == NULL or scratch.touched == NULL
            or scratch.told == NULL or scratch.terms == NULL or scratch.weights == NULL
        ):
            _scratch_free(scratch)
            raise MemoryError
        scratch.words[0] = 1  # what is no word was met before
        return scratch

    cdef void _return(self, Scratch* scratch) noexcept:
        if (scratch.title.room + scratch.text.room) * BLOCK > KEPT_CHARS:
            _field_free(&scratch.title)
            _field_free(&scratch.text)
        scratch.next = self.pool
        self.pool = scratch

    cdef double _lead(self, Py_ssize_t first) noexcept nogil:
        """What a concept counts for whose phrase begins at some token of the text."""
        return 1.0 + (self.lead_weight - 1.0) * exp(-<double>first / self.lead_words)

    cdef int _scan(self, const Text* fields, const Text* lowered, Scratch* scratch) noexcept nogil:
        """Count the terms of an article, of its title and its text; 0 or why not.

        `lowered`, where it is not NULL, are the same two in lower case.
        """
        cdef const Text* title = &fields[0]
        cdef const Text* text = &fields[1]
        cdef int what = ITS_WORDS | ITS_PHRASES
        cdef bint caseless
        scratch.n_touched = scratch.n_told = 0
        scratch.words[0] = 1
        if title.length > MOST_CHARS or text.length > MOST_CHARS:
            return NOT_OURS
        if not _classify(&scratch.title, title) or not _classify(&scratch.text, text):
            return NO_MEMORY
        if scratch.title.special or scratch.text.special:
            return NOT_OURS
        if scratch.title.dotted or scratch.text.dotted:
            if lowered == NULL:
                return TO_BE_LOWERED
            what = ITS_PHRASES
        # Capitals are asked for unless neither field has one.
        caseless = not (scratch.title.changes or scratch.text.changes)
        if title.length:
            self._count_field(scratch, &scratch.title, what, caseless, True)
        self._count_field(scratch, &scratch.text, what, caseless, False)
        if not what & ITS_WORDS:
            if not _classify(&scratch.title, &lowered[0]) or not _classify(&scratch.text, &lowered[1]):
                return NO_MEMORY
            self._count_field(scratch, &scratch.title, ITS_WORDS, caseless, True)
            self._count_field(scratch, &scratch.text, ITS_WORDS, caseless, False)
        return 0

    cdef int _scan_lowered(self, const Text* fields, title, text, Scratch* scratch) except? 1:
        """Scan an article whose words are those of its lower-cased fields."""
        cdef Text[2] lowered
        cdef int outcome
        _text(title, &lowered[0])
        _text(text, &lowered[1])
        with nogil:
            outcome = self._scan(fields, lowered, scratch)
        return outcome

    cdef int32_t _told(self, Scratch* scratch, int outcome, double* decisions) noexcept nogil:
        """How many terms were counted, or why none; their scores, if they are asked for."""
        cdef int32_t n = <int32_t>(scratch.n_touched + scratch.n_told)
        if outcome == 0 and decisions != NULL:
            self._decide(scratch, decisions)
        else:
            self._forget(scratch)
        return outcome if outcome else n

    cdef void _count_field(
        self, Scratch* scratch, const Field* field, int what, bint caseless, bint title
    ) noexcept nogil:
        cdef Tokens* tokens = &scratch.tokens
        cdef Py_ssize_t base = 0, n, i
        cdef uint64_t before = 0  # the last token of two characters and more
        cdef bint last
        memset(scratch.free_from, 0, self.n_blocks * sizeof(scratch.free_from[0]))
        scratch.all_free_from = 0
        _tokens_begin(tokens)
        while True:
            _tokens_read(tokens, field)
            last = tokens.block == field.blocks
            n = tokens.n if last else tokens.n - AHEAD
            self._look_up(scratch, n, what)
            if self.pairs and what & ITS_WORDS:
                self._count_across(scratch, n, before)
            if what & ITS_PHRASES:
                self._count_phrases(scratch, field, n, base, caseless, title)
            if last:
                return
            for i in range(n - 1, -1, -1):
                if not _is_letter(tokens, i):
                    before = tokens.hashes[i]
                    break
            base += n
            _tokens_drop(tokens, n)

    cdef void _look_up(self, Scratch* scratch, Py_ssize_t n, int what) noexcept nogil:
        """Count the words that begin at the first n tokens, and note the phrases."""
        cdef const Table* table = &self.table
        cdef const uint64_t* hashes = scratch.tokens.hashes
        cdef uint64_t* pairs = scratch.pairs
        cdef const Slot* slot
        cdef Py_ssize_t n_tokens = scratch.tokens.n, i, k, n_single = 0, n_paired = 0, n_going = 0, kept
        cdef Py_ssize_t n_pairs = n if n < n_tokens else n_tokens - 1
        cdef uint32_t words = NUMBER if what & ITS_WORDS else 0
        cdef uint32_t pairs_of_words = words if self.pairs else 0
        cdef uint64_t hash
        cdef int length
        cdef uint32_t* found = scratch.found
        memset(scratch.lengths, 0, n)
        for i in range(n):
            scratch.single[n_single] = <int32_t>i
            n_single += _may_have(table, hashes[i])
        for i in range(n_pairs):
            hash = _joined(hashes[i], hashes[i + 1])
            pairs[i] = hash
            scratch.paired[n_paired] = <int32_t>i
            n_paired += _may_have(table, hash)
        for k in range(n_single):
            dateline_prefetch(&table.slots[hashes[scratch.single[k]] & table.mask])
        for k in range(n_paired):
            dateline_prefetch(&table.slots[pairs[scratch.paired[k]] & table.mask])
        for k in range(n_single):
            i = scratch.single[k]
            slot = _slot(table, hashes[i])
            found[k] = slot.word & words
            scratch.lengths[i] = slot.meaning != 0
            scratch.alone[i] = slot
        for k in range(n_single):
            _count_word(scratch, found[k])
        for k in range(n_paired):
            i = scratch.paired[k]
            slot = _slot(table, pairs[i])
            found[k] = slot.word & pairs_of_words
            scratch.lengths[i] |= (slot.meaning != 0) << 1
            scratch.joined[i] = slot
            scratch.going[n_going] = <int32_t>i
            n_going += slot.word >> 31
        for k in range(n_paired):
            _count_word(scratch, found[k])
        for k in range(n_going):
            scratch.runs[k] = pairs[scratch.going[k]]
        for length in range(3, MOST_WORDS + 1):
            if not n_going:
                break
            kept = 0
            for k in range(n_going):
                i = scratch.going[k]
                if i + length > n_tokens:
                    continue
                hash = _joined(scratch.runs[k], hashes[i + length - 1])
                if _may_have(table, hash):
                    slot = _slot(table, hash)
                    scratch.lengths[i] |= (slot.meaning != 0) << (length - 1)
                    scratch.going[kept] = <int32_t>i
                    scratch.runs[kept] = hash
                    kept += slot.word >> 31
            n_going = kept

    cdef void _count_across(self, Scratch* scratch, Py_ssize_t n, uint64_t before) noexcept nogil:
        """Count the pairs of words that have tokens of one character between them."""
        cdef const Tokens* tokens = &scratch.tokens
        cdef Py_ssize_t i, k, n_letters = 0
        cdef uint64_t first, hash
        cdef int32_t* letters = scratch.firsts  # not in use yet
        for i in range(n):
            letters[n_letters] = <int32_t>i
            n_letters += _is_letter(tokens, i)
        for k in range(n_letters):
            i = letters[k]
            if i + 1 == tokens.n or _is_letter(tokens, i + 1):
                continue
            first = before
            while i >= 0:
                if not _is_letter(tokens, i):
                    first = tokens.hashes[i]
                    break
                i -= 1
            if first:
                hash = _joined(first, tokens.hashes[letters[k] + 1])
                if _may_have(&self.table, hash):
                    _count_word(scratch, _slot(&self.table, hash).word & NUMBER)

    cdef void _count_phrases(
        self, Scratch* scratch, const Field* field, Py_ssize_t n, Py_ssize_t base, bint caseless, bint title
    ) noexcept nogil:
        """Count the phrases that begin at the first n tokens, the longest first."""
        cdef const uint64_t* hashes = scratch.tokens.hashes
        cdef Py_ssize_t n_firsts = 0, i, k, at
        cdef uint32_t lengths
        cdef uint64_t run
        cdef const Slot* slot
        cdef int words, place
        cdef double amount = self.title_weight
        for i in range(n):
            scratch.firsts[n_firsts] = <int32_t>i
            n_firsts += scratch.lengths[i] != 0
        for k in range(n_firsts):
            i = scratch.firsts[k]
            if not title:
                at = base + i
                amount = self.leads[at] if at < LEADS else self._lead(at)
            lengths = scratch.lengths[i]
            words = MOST_WORDS
            while lengths:
                while not lengths >> (words - 1):
                    words -= 1
                lengths ^= <uint32_t>1 << (words - 1)
                if words == 1:
                    slot = scratch.alone[i]
                elif words == 2:
                    slot = scratch.joined[i]
                else:
                    run = scratch.pairs[i]
                    for place in range(2, words):
                        run = _joined(run, hashes[i + place])
                    slot = _slot(&self.table, run)
                self._count_phrase(scratch, field, slot, i, base, words, caseless, amount)

    cdef void _count_phrase(
        self, Scratch* scratch, const Field* field, const Slot* slot, Py_ssize_t first,
        Py_ssize_t base, int words, bint caseless, double amount,
    ) noexcept nogil:
        """Count all spellings of a phrase that fit."""
        cdef uint64_t taken = 0
        cdef int32_t next = -1
        cdef uint32_t meaning = slot.meaning, asks = slot.asks, i
        cdef Concept concept
        cdef int block
        cdef Py_ssize_t begin = base + first, end = base + first + words
        if asks & SPELT_OTHERWISE:
            next = slot.meaning
            meaning = self.table.spellings[next].meaning
            asks = self.table.spellings[next].asks
            next = self.table.spellings[next].next
        while True:
            if self._fits(scratch, field, asks, first, words, caseless):
                for i in range(self.meaning_ends[meaning - 1], self.meaning_ends[meaning]):
                    concept = self.concepts[i]
                    if scratch.all_free_from <= begin or scratch.free_from[concept.block] <= begin:
                        taken |= <uint64_t>1 << concept.block
                        _count_concept(scratch, concept.number, amount)
            if next < 0:
                break
            meaning = self.table.spellings[next].meaning
            asks = self.table.spellings[next].asks
            next = self.table.spellings[next].next
        if taken and end > scratch.all_free_from:
            scratch.all_free_from = end
        while taken:
            scratch.free_from[dateline_first_bit(taken)] = end
            taken &= taken - 1

    cdef inline bint _fits(
        self, const Scratch* scratch, const Field* field, uint32_t asks, Py_ssize_t first, int words, bint caseless
    ) noexcept nogil:
        """Whether tokens have the capitals that are asked for."""
        cdef uint32_t asked
        cdef const int32_t* edges = &scratch.tokens.edges[2 * first]
        if caseless:
            return not asks & NOT_CASELESS
        # Of its own places only: a file may ask of more, where no token need be.
        asked = asks & ((<uint32_t>1 << (2 * words)) - 1)
        while asked:
            if asked & ASKS_CAPITALS:
                if not _is_capitals(field, edges[0], edges[1]):
                    return False
            elif asked & ASKS_CAPITAL and not _has_capital(field, edges[0]):
                return False
            asked >>= 2
            edges += 2
        return True

    cdef void _decide(self, Scratch* scratch, double* decisions) noexcept nogil:
        """Weigh the counted terms as ``terms.weigh`` does, add up the scores, and
        forget the counts."""
        cdef Py_ssize_t i, n_words = scratch.n_touched, n = n_words + scratch.n_told
        cdef int32_t* terms = scratch.terms
        cdef double* weights = scratch.weights
        cdef int32_t term
        cdef uint32_t times
        cdef int block
        cdef double count, weight, squares = 0.0, words = 0.0
        cdef bint by_roots = self.concept_power == 0.75
        for i in range(n_words):
            term = scratch.touched[i]
            times = scratch.words[term]
            scratch.words[term] = 0
            term -= 1
            terms[i] = term
            weight = (self.logs[times] if times < LOGS else 1.0 + log(<double>times)) * self.idf[term]
            words += times
            weights[i] = weight
            squares += weight * weight
        weight = 1.0 / sqrt(squares) if squares > 0.0 else 1.0
        for i in range(n_words):
            weights[i] *= weight
        memset(scratch.squares, 0, self.n_blocks * sizeof(double))
        memset(scratch.totals, 0, self.n_blocks * sizeof(double))
        for i in range(n_words, n):
            term = scratch.told[i - n_words]
            count = scratch.concepts[term]
            scratch.concepts[term] = 0.0
            term += <int32_t>self.n_words
            terms[i] = term
            block = self.block_of[term]
            weight = sqrt(count * sqrt(count)) if by_roots else pow(count, self.concept_power)
            weight *= self.idf[term]
            scratch.totals[block] += count
            weights[i] = weight
            scratch.squares[block] += weight * weight
        words = max(words, 1.0)
        for block in range(1, self.n_blocks):
            weight = 1.0 / sqrt(scratch.squares[block]) if scratch.squares[block] > 0.0 else 1.0
            if self.half_density != 0.0:
                weight *= scratch.totals[block] / (scratch.totals[block] + self.half_density * words)
            scratch.squares[block] = weight
        for i in range(n_words, n):
            weights[i] *= scratch.squares[self.block_of[terms[i]]]
        memcpy(decisions, self.bias, self.n_labels * sizeof(double))
        if self.byte_rows != NULL:
            dateline_sums_of_bytes(
                decisions, self.n_labels, self.byte_rows, self.stride, terms, weights, n
            )
        else:
            dateline_sums(decisions, self.n_labels, self.rows, terms, weights, n)
        scratch.n_touched = scratch.n_told = 0

    cdef void _forget(self, Scratch* scratch) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(scratch.n_touched):
            scratch.words[scratch.touched[i]] = 0
        for i in range(scratch.n_told):
            scratch.concepts[scratch.told[i]] = 0.0
        scratch.n_touched = scratch.n_told = 0

    def count(self, title, text):
        """Count the terms of an article.

        Returns
        -------
        (ids, counts) : (ndarray of int64, ndarray of float64), or None
            In the order of the ids. None where the article has a character that is
            not ours to lower-case.
        """
        cdef Text[2] fields
        cdef Scratch* scratch
        cdef int outcome
        cdef Py_ssize_t i, n
        cdef int64_t[::1] into
        cdef double[::1] amounts
        _text(title, &fields[0])
        _text(text, &fields[1])
        scratch = self._borrow()
        try:
            with nogil:
                outcome = self._scan(fields, NULL, scratch)
            if outcome == TO_BE_LOWERED:
                outcome = self._scan_lowered(fields, title.lower(), text.lower(), scratch)
            if outcome == NO_MEMORY:
                raise MemoryError
            if outcome:
                return None
            n = scratch.n_touched
            ids = np.empty(n + scratch.n_told, dtype=np.int64)
            counts = np.empty(n + scratch.n_told, dtype=np.float64)
            into, amounts = ids, counts
            for i in range(n):
                into[i] = scratch.touched[i] - 1
                amounts[i] = scratch.words[scratch.touched[i]]
            for i in range(scratch.n_told):
                into[n + i] = self.n_words + scratch.told[i]
                amounts[n + i] = scratch.concepts[scratch.told[i]]
        finally:
            self._forget(scratch)
            self._return(scratch)
        order = np.argsort(ids)
        return ids[order], counts[order]

    cdef int _score(
        self, list strings, Text* fields, double* scores, Py_ssize_t stride, int32_t* known
    ) except -1:
        """Score articles: `strings` are their titles and texts by turns, `fields` have
        room for them, `scores` for a row of `stride` for each.
        """
        cdef Py_ssize_t n = len(strings) // 2, i
        cdef Scratch* scratch
        cdef int outcome = 0
        for i in range(2 * n):
            _text(strings[i], &fields[i])
        scratch = self._borrow()
        try:
            with nogil:
                for i in range(n):
                    outcome = self._scan(&fields[2 * i], NULL, scratch)
                    known[i] = self._told(scratch, outcome, &scores[i * stride])
                    if outcome == NO_MEMORY:
                        break
            for i in range(n):
                if known[i] == TO_BE_LOWERED and outcome != NO_MEMORY:
                    outcome = self._scan_lowered(
                        &fields[2 * i], strings[2 * i].lower(), strings[2 * i + 1].lower(), scratch
                    )
                    known[i] = self._told(scratch, outcome, &scores[i * stride])
        finally:
            self._forget(scratch)
            self._return(scratch)
        if outcome == NO_MEMORY:
            raise MemoryError
        return 0

    cdef Py_ssize_t _width(self) noexcept:
        """Of a row of scores: they are added up in groups, of which the last may be short."""
        return _padded(self.n_labels)

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
            How many different terms each has; below 0 where it is not for us, and its
            scores mean nothing.
        """
        cdef list strings = []
        for title, text in zip(titles, texts, strict=True):
            strings += (title, text)
        cdef Py_ssize_t n = len(strings) // 2
        padded = np.zeros((n, self._width()))
        known = np.zeros(n, dtype=np.int32)
        cdef double[:, ::1] scores = padded
        cdef int32_t[::1] terms = known
        cdef Text* fields = <Text*>malloc(max(1, 2 * n) * sizeof(Text))
        if fields == NULL:
            raise MemoryError
        try:
            if n:
                self._score(
                    strings, fields, &scores[0, 0] if self._width() else NULL, self._width(), &terms[0]
                )
        finally:
            free(fields)
        return padded[:, : self.n_labels], known

    def answer(self, articles, Judge judge not None):
        """Judge articles, most of it without the GIL.

        Parameters
        ----------
        articles : sequence of str or Article
        judge : Judge
            Of the labels that the weights are of.

        Returns
        -------
        answers : list of Prediction
            One for each article.
        left : list of int
            The places of those that are not for us, where None stands instead.

        Raises
        ------
        TypeError
            If an article is neither a string nor an Article of strings.
        """
        cdef list strings = [], ids = [], answers = [], left = []
        cdef Py_ssize_t i, width = self._width()
        if judge.n_labels != self.n_labels:
            raise ValueError(f"{judge.n_labels} labels to be judged, {self.n_labels} scored")
        for article in articles:
            if isinstance(article, str):
                strings += ("", article)
                ids.append("")
            else:
                strings += (article.title, article.text)
                ids.append(article.id)
        cdef Py_ssize_t n = len(ids), room = max(1, n)
        cdef Text* fields = <Text*>malloc(2 * room * sizeof(Text))
        cdef double* scores = <double*>calloc(room * width + 1, sizeof(double))
        cdef uint8_t* given = <uint8_t*>calloc(room * self.n_labels + 1, 1)
        cdef int32_t* known = <int32_t*>malloc(room * sizeof(int32_t))
        cdef Found* found = <Found*>malloc((self.n_labels + 1) * sizeof(Found))
        try:
            if fields == NULL or scores == NULL or given == NULL or known == NULL or found == NULL:
                raise MemoryError
            self._score(strings, fields, scores, width, known)
            with nogil:
                for i in range(n):
                    if known[i] > 0:
                        judge.judge(&scores[i * width], &given[i * self.n_labels])
                    else:  # no evidence, no answer
                        memset(&scores[i * width], 0, width * sizeof(double))
            for i in range(n):
                if known[i] < 0:
                    answers.append(None)
                    left.append(i)
                else:
                    answers.append(
                        judge.answer(&scores[i * width], &given[i * self.n_labels], found, ids[i])
                    )
        finally:
            free(fields)
            free(scores)
            free(given)
            free(known)
            free(found)
        return answers, left


def count_tokens(texts):
    """Count the tokens of texts, each hashed: what no scan can do without.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    int
    """
    texts = tuple(texts)
    cdef Py_ssize_t n = len(texts), i, found = 0
    cdef Text* fields = <Text*>malloc(max(1, n) * sizeof(Text))
    cdef Tokens* tokens = <Tokens*>malloc(sizeof(Tokens))
    cdef Field field
    memset(&field, 0, sizeof(Field))
    try:
        if fields == NULL or tokens == NULL:
            raise MemoryError
        for i in range(n):
            _text(texts[i], &fields[i])
        with nogil:
            for i in range(n):
                if not _classify(&field, &fields[i]):
                    with gil:
                        raise MemoryError
                _tokens_begin(tokens)
                while True:
                    _tokens_read(tokens, &field)
                    found += tokens.n
                    if tokens.block == field.blocks:
                        break
                    _tokens_drop(tokens, tokens.n)
    finally:
        free(fields)
        free(tokens)
        _field_free(&field)
    return found


cdef inline Py_ssize_t _padded(Py_ssize_t n_labels) noexcept nogil:
    return (n_labels + DATELINE_LANES - 1) // DATELINE_LANES * DATELINE_LANES


cdef void* _copied(array) except NULL:
    """The bytes of an array, for us alone and in large pages."""
    array = np.ascontiguousarray(array)
    cdef size_t size = array.nbytes
    cdef void* copy = dateline_zeroed(size)
    if copy == NULL:
        raise MemoryError
    memcpy(copy, <const void*><size_t>array.ctypes.data, size)
    return copy


def _check(bounds, meaning_ends, meaning_concepts):
    """Refuse arrays that do not fit each other: nothing below looks again."""
    if len(bounds) < 2 or bounds[0] or (np.diff(bounds) < 0).any() or bounds.max() > 2**30:
        raise ValueError("bounds are not those of blocks of terms")
    n = len(meaning_ends)
    if n and (meaning_ends[0] < 0 or (np.diff(meaning_ends) < 0).any()):
        raise ValueError("the ends of meanings are not in order")
    if (meaning_ends[n - 1] if n else 0) != len(meaning_concepts):
        raise ValueError("the concepts of meanings do not add up")
    if len(meaning_concepts) and not (
        bounds[1] <= meaning_concepts.min() and meaning_concepts.max() < bounds.max()
    ):
        raise ValueError("a meaning has a concept that is none of the terms")
