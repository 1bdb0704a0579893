# Filling the table with a vocabulary and a lexicon, a line each. Part of _scan.pyx.

cdef enum:
    MOST_IN_A_CROWD = 4096  # chance makes some two hundred, of millions of runs

cdef struct Line:
    uint64_t hash
    Py_ssize_t begin
    Py_ssize_t end
    int words  # 0 if no text can have it: its words are not tokens joined by spaces
    bint letter  # one of them is but one character
    uint16_t asks


# The lines of a text, and the next token that was not read.
cdef struct Lines:
    Field field
    Line* found
    Py_ssize_t n
    uint64_t* prefixes  # runs of two words and more that lines go on from
    Py_ssize_t n_prefixes
    Py_ssize_t at  # where the next line begins
    Py_ssize_t block
    uint64_t edges
    uint64_t inside
    Py_ssize_t start
    Py_ssize_t end


cdef Py_ssize_t _next_edge(Lines* lines) noexcept nogil:
    cdef uint64_t word
    cdef Py_ssize_t at
    while not lines.edges:
        lines.block += 1
        if lines.block >= lines.field.blocks:
            return lines.field.text.length
        word = lines.field.words[lines.block]
        lines.edges = word ^ (word << 1 | lines.inside)
        lines.inside = word >> 63
    at = lines.block * BLOCK + dateline_first_bit(lines.edges)
    lines.edges &= lines.edges - 1
    return at


cdef void _next_token(Lines* lines) noexcept nogil:
    lines.start = _next_edge(lines)
    lines.end = _next_edge(lines)


cdef int _lines_read(Lines* lines, str text, Py_ssize_t n, what) except -1:
    """Read n lines; `_lines_free` is to be called, whether it succeeds or not."""
    cdef Text read
    cdef Py_ssize_t i, spaces = text.count(" ")
    if n < 0:
        raise ValueError(f"there are more {what}")
    lines.block = -1
    lines.n = n
    _text(text, &read)
    lines.found = <Line*>malloc(max(1, n) * sizeof(Line))
    lines.prefixes = <uint64_t*>malloc((spaces + 1) * sizeof(uint64_t))
    if lines.found == NULL or lines.prefixes == NULL or not _classify(&lines.field, &read):
        raise MemoryError
    _next_token(lines)
    for i in range(n):
        if lines.at > read.length:
            raise ValueError(f"there are fewer {what}")
        _read_line(lines, &lines.found[i])
    if lines.at < read.length:
        raise ValueError(f"there are more {what}")
    return 0


cdef void _lines_free(Lines* lines) noexcept:
    _field_free(&lines.field)
    free(lines.found)
    free(lines.prefixes)


cdef void _read_line(Lines* lines, Line* line) noexcept nogil:
    """Hash the words of the next line."""
    cdef const Field* field = &lines.field
    cdef Py_ssize_t length = field.text.length
    cdef uint64_t run = 0, word
    cdef uint32_t asks = 0, char = c"\n"
    cdef int place = 0
    line.begin = lines.at
    line.letter = False
    while True:
        if lines.start != lines.at or lines.start == length:
            place = 0
            break
        if place < MOST_WORDS and _has_capital(field, lines.start):
            if 2 <= lines.end - lines.start <= 3 and _is_capitals(field, lines.start, lines.end):
                asks |= <uint32_t>ASKS_CAPITALS << (2 * place)
            else:
                asks |= <uint32_t>ASKS_CAPITAL << (2 * place)
        if lines.end - lines.start == 1:
            line.letter = True
        word = _hash_of_token(field, lines.start, lines.end)
        run = _joined(run, word) if place else word
        place += 1
        lines.at = lines.end
        _next_token(lines)
        if lines.at == length:
            break
        char = _char(&field.text, lines.at)
        if char != c" ":
            break
        if place > 1:
            lines.prefixes[lines.n_prefixes] = run
            lines.n_prefixes += 1
        lines.at += 1
    if place == 0 or lines.at < length and char != c"\n":
        place = 0
        while lines.at < length and _char(&field.text, lines.at) != c"\n":
            lines.at += 1
        while lines.start < lines.at:
            _next_token(lines)
    line.hash = run
    line.words = place
    line.end = lines.at
    line.asks = <uint16_t>asks
    lines.at += 1


cdef bint _is_lowered(const Field* field, const Line* line) noexcept nogil:
    cdef Py_ssize_t at
    if field.changes:
        for at in range(line.begin, line.end):
            if _entry(&field.text, at) & <uint32_t>CHANGES << CLASS:
                return False
    return True


def learn(str words, Py_ssize_t n_words, str phrases, meaning_of, uncapitalised):
    """Make the table of a vocabulary and a lexicon.

    Parameters
    ----------
    words : str
        The words and pairs of words, a line each.
    n_words : int
    phrases : str
        The phrases, a line each.
    meaning_of : ndarray of int, shape (n_phrases,)
        The meaning of each.
    uncapitalised : iterable of str
        Words that phrases of capitals do not stand for in a text without capitals.

    Returns
    -------
    runs : ndarray of uint64, shape (n_runs, 2)
        Of each run of words that is a word, a pair of words, a phrase or how longer
        phrases begin: the bits of its hash that a table keeps; and, from the lowest,
        1 + its number as a word (31 bits), whether longer phrases begin with it (1),
        1 + its meaning as a phrase (16) and the capitals that it asks for (16). In the
        order of the slots. The hash is not that of another version of this module.
    spellings : ndarray of int32, shape (n_spellings, 3)
        Meaning, capitals and next of phrases that differ by their capitals alone.

    Raises
    ------
    CannotHold
        If two runs share a hash, a phrase is too long, or there are too many meanings.
    ValueError
        If there are not as many lines as the other arguments say.
    """
    cdef Lines vocabulary, lexicon
    cdef Table table
    cdef Py_ssize_t n, i
    meaning_of = np.asarray(meaning_of)
    n = len(meaning_of)
    if n and not (0 <= meaning_of.min() and meaning_of.max() < MOST_MEANINGS):
        raise CannotHold(f"a meaning that is not of the first {MOST_MEANINGS}")
    cdef const uint16_t[::1] meanings = np.ascontiguousarray(meaning_of, dtype=np.uint16)
    memset(&vocabulary, 0, sizeof(Lines))
    memset(&lexicon, 0, sizeof(Lines))
    memset(&table, 0, sizeof(Table))
    try:
        _lines_read(&vocabulary, words, n_words, "lines than words")
        _lines_read(&lexicon, phrases, n, "phrases than meanings")
        _table_init(&table, n_words + n + lexicon.n_prefixes, False)
        _learn_words(&table, &vocabulary, words)
        _learn_phrases(
            &table, &lexicon, phrases, meanings, words, {_hash_of(word) for word in uncapitalised}
        )
        for i in range(lexicon.n_prefixes):
            _added(&table, lexicon.prefixes[i]).word |= GOES_ON
        return _exported(&table)
    finally:
        _lines_free(&vocabulary)
        _lines_free(&lexicon)
        _table_free(&table)


cdef _exported(const Table* table):
    cdef Py_ssize_t n = 0, at = 0
    cdef uint64_t i
    cdef const Slot* slot
    for i in range(table.mask + 1):
        n += table.slots[i].hash != 0
    runs = np.empty((n, 2), dtype=np.uint64)
    spellings = np.empty((table.n_spellings, 3), dtype=np.int32)
    cdef uint64_t[:, ::1] into = runs
    cdef int32_t[:, ::1] spelt = spellings
    for i in range(table.mask + 1):
        slot = &table.slots[i]
        if slot.hash:
            into[at, 0] = slot.hash
            into[at, 1] = (
                <uint64_t>slot.asks << 48 | <uint64_t>slot.meaning << 32 | slot.word
            )
            at += 1
    for at in range(table.n_spellings):
        spelt[at, 0] = table.spellings[at].meaning
        spelt[at, 1] = table.spellings[at].asks
        spelt[at, 2] = table.spellings[at].next
    cdef uint64_t size = _slots_for(n)
    runs[:, 0] &= np.uint64(_kept(size))
    places = runs[:, 0] & np.uint64(size - 1)
    runs = runs[np.lexsort((runs[:, 0], places))]
    hashes = runs[:, 0]
    if n and (hashes.min() == 0 or (hashes[1:] == hashes[: n - 1]).any()):
        raise CannotHold("two runs of words share a hash")
    return runs, spellings


cdef class LookupTable:
    """What words and phrases are looked up in, of the arrays that `RunTable` holds.

    Parameters
    ----------
    run_tags : ndarray of uint32, shape (n_runs,)
    run_steps : ndarray of uint8, shape (n_runs,)
    run_meanings : ndarray of uint16, shape (n_runs,)
    run_asks : ndarray of uint8, shape (n_runs,)
    run_asks_more : ndarray of uint8, shape (n_runs,)
    run_goes_on : ndarray of uint8, shape (ceil(n_runs / 8),)
    run_of_word : ndarray of int32, shape (n_words,)
    spellings : ndarray of int32, shape (n_spellings, 3)
    n_meanings : int

    Raises
    ------
    ValueError
        If they are not such as `learn` makes for so many meanings, saying what does
        not fit: nothing looks at them again.
    """

    cdef Table table
    cdef Py_ssize_t n_words
    cdef Py_ssize_t n_meanings

    def __cinit__(
        self, run_tags, run_steps, run_meanings, run_asks, run_asks_more, run_goes_on,
        run_of_word, spellings, Py_ssize_t n_meanings,
    ):
        cdef Py_ssize_t n = len(run_tags)
        each = (run_tags, run_steps, run_meanings, run_asks, run_asks_more)
        if any([array.shape != (n,) for array in each]) or run_goes_on.shape != ((n + 7) // 8,):
            raise ValueError("the arrays of runs of words are not of one length")
        if run_of_word.ndim != 1 or run_of_word.max(initial=-1) >= n:
            raise ValueError("a word has a run that is out of range")
        if spellings.ndim != 2 or spellings.shape[1] != 3 or not len(spellings):
            raise ValueError("the spellings of phrases are not three numbers each")
        self.n_words = len(run_of_word)
        self.n_meanings = n_meanings
        self._take_spellings(np.ascontiguousarray(spellings, dtype=np.int32))
        words = np.zeros(n, dtype=np.uint32)  # of each run, 1 + its number
        known = np.flatnonzero(run_of_word >= 0)
        words[run_of_word[known]] = known + 1
        self._take_runs(
            np.ascontiguousarray(run_tags, dtype=np.uint32),
            np.ascontiguousarray(run_steps, dtype=np.uint8),
            np.ascontiguousarray(run_meanings, dtype=np.uint16),
            np.ascontiguousarray(run_asks, dtype=np.uint8),
            np.ascontiguousarray(run_asks_more, dtype=np.uint8),
            np.ascontiguousarray(run_goes_on, dtype=np.uint8),
            words,
        )

    cdef int _take_spellings(self, const int32_t[:, ::1] given) except -1:
        cdef Py_ssize_t n = len(given), i
        # The first is none; others come in order, so that they come to an end.
        for i in range(1, n):
            if not 0 < given[i, 0] <= self.n_meanings or given[i, 2] >= n or -1 < given[i, 2] <= i:
                raise ValueError("a spelling of a phrase is out of range")
        self.table.n_spellings = <int32_t>n
        self.table.spellings = <Spelling*>malloc(n * sizeof(Spelling))
        if self.table.spellings == NULL:
            raise MemoryError
        for i in range(n):
            self.table.spellings[i].meaning = <uint16_t>given[i, 0]
            self.table.spellings[i].asks = <uint16_t>given[i, 1]
            self.table.spellings[i].next = given[i, 2]
        return 0

    cdef int _take_runs(
        self, const uint32_t[::1] tags, const uint8_t[::1] steps, const uint16_t[::1] meanings,
        const uint8_t[::1] asks, const uint8_t[::1] asks_more, const uint8_t[::1] goes_on,
        const uint32_t[::1] words,
    ) except -1:
        cdef Py_ssize_t n = len(tags), i
        cdef Table* table = &self.table
        cdef uint64_t size = _slots_for(n), place = 0, hash, at = 0, crowd = 0
        cdef int32_t most
        cdef uint32_t word
        cdef uint16_t asked
        cdef Slot* slot
        _table_init(table, n, True)
        for i in range(n):
            place += steps[i]
            if place >= size:
                raise ValueError("the runs of words are not in the order of their places")
            # In that order, each goes to its place or, where that is taken, behind the last.
            crowd = place if place > at else crowd
            at = place if place > at else at
            # Looking a run up walks over a whole crowd: a text could be made to take hours.
            if at - crowd >= MOST_IN_A_CROWD:
                raise ValueError("the runs of words crowd in one place")
            hash = <uint64_t>tags[i] << 32 | place
            most = <int32_t>self.n_meanings
            asked = <uint16_t>(asks[i] | asks_more[i] << 8)
            if asked & SPELT_OTHERWISE:
                most = table.n_spellings - 1 if meanings[i] else 0
            if meanings[i] > most or not hash:
                raise ValueError("what a run of words stands for is out of range")
            if at < size:
                slot = &table.slots[at]
                slot.hash = hash
                table.filter[hash >> 32 & table.filter_mask] |= _bits(hash)
            else:  # on at the front, with what begins there
                slot = _added(table, hash, 2 * MOST_IN_A_CROWD)
            at += 1
            word = goes_on[i >> 3] >> (7 - (i & 7)) & 1
            slot.word = words[i] | word << 31
            slot.meaning = meanings[i]
            slot.asks = asked
        return 0

    def __dealloc__(self):
        _table_free(&self.table)


cdef int _learn_words(Table* table, Lines* lines, str words) except -1:
    cdef Line* line
    cdef Slot* slot
    cdef Py_ssize_t i
    for i in range(lines.n):
        line = &lines.found[i]
        if not 0 < line.words <= 2 or line.letter or not _is_lowered(&lines.field, line):
            continue  # the definition finds no such word either
        slot = _added(table, line.hash)
        if slot.word:
            raise CannotHold(f"{words[line.begin : line.end]!r} and another word share a hash")
        slot.word = <uint32_t>(i + 1)
    return 0


cdef int _learn_phrases(
    Table* table, Lines* lines, str phrases, const uint16_t[::1] meaning_of, str words, set uncapitalised
) except -1:
    cdef Py_ssize_t n = lines.n, phrase
    cdef Line* line
    cdef Slot* slot
    cdef list split_words = None
    cdef int32_t* first_of = <int32_t*>malloc((table.mask + 1) * sizeof(int32_t))
    table.spellings = <Spelling*>malloc((2 * n + 1) * sizeof(Spelling))
    try:
        if first_of == NULL or table.spellings == NULL:
            raise MemoryError
        _spelling(table, 0, 0)  # the number of a slot without a meaning
        for phrase in range(n):
            line = &lines.found[phrase]
            if line.words > MOST_WORDS:
                raise CannotHold(f"a phrase of {line.words} words, at most {MOST_WORDS}")
            if line.words and lines.field.special and _is_special(&lines.field, line):
                line.hash = _run_of(table, phrases[line.begin : line.end].lower())
            if (
                line.words == 1
                and line.asks
                and _is_capitals(&lines.field, line.begin, line.end)
                and line.hash in uncapitalised
            ):
                line.asks |= NOT_CASELESS
        for phrase in range(n):
            if phrase + 16 < n:  # the table is larger than the caches
                dateline_prefetch(&table.slots[lines.found[phrase + 16].hash & table.mask])
            line = &lines.found[phrase]
            if not line.words:
                continue
            slot = _added(table, line.hash)
            if slot.meaning:
                written = phrases[line.begin : line.end].lower()
                line = &lines.found[first_of[slot - table.slots]]
                if phrases[line.begin : line.end].lower() != written:
                    raise CannotHold(f"{written!r} and another phrase share a hash")
                _spell_otherwise(table, slot, meaning_of[phrase], lines.found[phrase].asks)
                continue
            if slot.word & NUMBER:
                if split_words is None:
                    split_words = words.split("\n")
                word = split_words[(slot.word & NUMBER) - 1]
                if (
                    not _reads(&lines.field, line, word)
                    and phrases[line.begin : line.end].lower() != word
                ):
                    raise CannotHold(f"{word!r} and a phrase share a hash")
            first_of[slot - table.slots] = <int32_t>phrase
            slot.meaning = <uint16_t>(meaning_of[phrase] + 1)
            slot.asks = line.asks
    finally:
        free(first_of)
    return 0


cdef bint _is_special(const Field* field, const Line* line) noexcept nogil:
    cdef Py_ssize_t at
    for at in range(line.begin, line.end):
        if _entry(&field.text, at) & <uint32_t>SPECIAL << CLASS:
            return True
    return False


cdef bint _reads(const Field* field, const Line* line, str word) except -1:
    """Whether a line is, in lower case, some word."""
    cdef Text text
    cdef Py_ssize_t i
    _text(word, &text)
    if text.length != line.end - line.begin:
        return False
    for i in range(text.length):
        if _entry(&field.text, line.begin + i) & LOWER != _char(&text, i):
            return False
    return True


cdef int _spell_otherwise(Table* table, Slot* slot, uint16_t meaning, uint16_t asks) except -1:
    """Add another spelling to those of a slot, behind them."""
    cdef int32_t at
    if not slot.asks & SPELT_OTHERWISE:
        at = _spelling(table, slot.meaning, slot.asks)
        if at > 0xFFFF:
            raise CannotHold("too many phrases that differ by their capitals alone")
        slot.meaning = <uint16_t>at
        slot.asks |= SPELT_OTHERWISE
    at = slot.meaning
    while table.spellings[at].next >= 0:
        at = table.spellings[at].next
    table.spellings[at].next = _spelling(table, meaning + 1, asks)
    return 0


cdef int32_t _spelling(Table* table, uint16_t meaning, uint16_t asks) noexcept:
    cdef int32_t at = table.n_spellings
    table.spellings[at].meaning = meaning
    table.spellings[at].asks = asks
    table.spellings[at].next = -1
    table.n_spellings += 1
    return at


cdef uint64_t _run_of(Table* table, str lowered) except? 0:
    """Hash a phrase that is not lower-cased character by character."""
    cdef uint64_t run = 0
    cdef int place = 0
    for word in lowered.split(" "):
        if place > 1:
            _added(table, run).word |= GOES_ON
        run = _joined(run, _hash_of(word)) if place else _hash_of(word)
        place += 1
    return run
