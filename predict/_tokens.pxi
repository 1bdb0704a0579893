# Texts to tokens, and the memory that an article is scanned in. Part of _scan.pyx.

cdef extern from "Python.h":
    int PyUnicode_KIND(object text)
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    uint32_t Py_UNICODE_TOLOWER(uint32_t char) nogil
    int Py_UNICODE_ISALNUM(uint32_t char) nogil
    int Py_UNICODE_ISUPPER(uint32_t char) nogil
    int Py_UNICODE_ISLOWER(uint32_t char) nogil
    int Py_UNICODE_ISTITLE(uint32_t char) nogil

# What a character is.
cdef enum:
    WORD = 1  # part of a token
    UPPER = 2
    NOT_UPPER = 4  # lower or title case: str.isupper() is False of a token with it
    CHANGES = 8  # its lower case is another character
    SPECIAL = 16  # its lower case is not one character, or depends on others

# What a token is.
cdef enum:
    ONE_LETTER = 1
    CAPITAL = 2  # its first character is upper case
    CAPITALS = 4  # str.isupper()

cdef enum:
    MOST_BLOCKS = 64  # of terms
    MOST_TOKENS = 0x7FFFFFFF
    KEPT_TOKENS = 1 << 16  # a scratch for longer articles is given back to the system

cdef enum:
    BASIC = 0x10000
    LOWER = 0x1FFFFF  # the bits of an entry that are its lower-cased character
    CLASS = 24  # what it is stands above them

cdef uint32_t[BASIC] _known


cdef uint32_t _classified(uint32_t char) noexcept nogil:
    """What a character is, above what it is in lower case."""
    cdef uint32_t found = 0
    if Py_UNICODE_ISALNUM(char) or char == c"_":
        found |= WORD
    if Py_UNICODE_ISUPPER(char):
        found |= UPPER
    if Py_UNICODE_ISLOWER(char) or Py_UNICODE_ISTITLE(char):
        found |= NOT_UPPER
    if Py_UNICODE_TOLOWER(char) != char:
        found |= CHANGES
    if char == 0x130 or char == 0x3A3:
        found |= SPECIAL | CHANGES
    return found << CLASS | Py_UNICODE_TOLOWER(char)


cdef void _fill_table() noexcept nogil:
    cdef uint32_t char
    for char in range(<uint32_t>BASIC):
        _known[char] = _classified(char)


_fill_table()


cdef struct Token:
    uint64_t hash
    uint32_t flags


cdef struct Text:
    const void* data
    Py_ssize_t length
    int kind


cdef struct Run:
    uint64_t hash
    int32_t first  # token
    int32_t words


cdef struct Scratch:
    double* counts
    int32_t* touched
    Py_ssize_t n_touched
    Token* tokens
    uint64_t* looked_up  # two for each token
    Py_ssize_t room
    Run* runs
    Py_ssize_t n_runs
    Py_ssize_t runs_room
    bint changes
    bint special
    Py_ssize_t[MOST_BLOCKS] free_from
    double[MOST_BLOCKS] squares
    double[MOST_BLOCKS] totals
    Scratch* next


cdef inline uint32_t _char(const void* data, int kind, Py_ssize_t at) noexcept nogil:
    if kind == 1:
        return (<const uint8_t*>data)[at]
    if kind == 2:
        return (<const uint16_t*>data)[at]
    return (<const uint32_t*>data)[at]


ctypedef fused Char:
    uint8_t
    uint16_t
    uint32_t


cdef bint _grow(Scratch* scratch) noexcept nogil:
    cdef Py_ssize_t room = 2 * scratch.room
    cdef Token* tokens = <Token*>realloc(scratch.tokens, room * sizeof(Token))
    if tokens == NULL:
        return False
    scratch.tokens = tokens
    cdef uint64_t* looked_up = <uint64_t*>realloc(scratch.looked_up, 2 * room * sizeof(uint64_t))
    if looked_up == NULL:
        return False
    scratch.looked_up = looked_up
    scratch.room = room
    return True


cdef inline bint _noted(Scratch* scratch, uint64_t hash, Py_ssize_t first, int words) noexcept nogil:
    """Note a run that may be a phrase; False where memory is short."""
    cdef Run* runs
    if scratch.n_runs == scratch.runs_room:
        runs = <Run*>realloc(scratch.runs, 2 * scratch.runs_room * sizeof(Run))
        if runs == NULL:
            return False
        scratch.runs = runs
        scratch.runs_room *= 2
    scratch.runs[scratch.n_runs].hash = hash
    scratch.runs[scratch.n_runs].first = <int32_t>first
    scratch.runs[scratch.n_runs].words = words
    scratch.n_runs += 1
    return True


cdef inline uint32_t _entry(Char char) noexcept nogil:
    if Char is uint32_t:
        return _known[char] if char < BASIC else _classified(char)
    else:
        return _known[char]


cdef Py_ssize_t _tokens_of(const Char* text, Py_ssize_t length, Scratch* scratch) noexcept nogil:
    """Split a text; give the number of tokens, or -1 where memory is short."""
    cdef const Char* at = text
    cdef const Char* end = text + length
    cdef const Char* start
    cdef Py_ssize_t n = 0
    cdef uint32_t entry = 0, first, inside, outside = 0, every = 0, flags
    cdef uint64_t hash
    while True:
        while at < end:
            entry = _entry(at[0])
            if entry & <uint32_t>WORD << CLASS:
                break
            outside |= entry
            at += 1
        if at == end:
            break
        if n == scratch.room:
            if n > MOST_TOKENS // 2 or not _grow(scratch):
                return -1
        start = at
        first = entry
        inside = 0
        hash = _begun()
        while True:
            inside |= entry
            hash = _fed(hash, entry & LOWER)
            at += 1
            if at == end:
                break
            entry = _entry(at[0])
            if not entry & <uint32_t>WORD << CLASS:
                break
        every |= inside
        flags = CAPITAL if first & <uint32_t>UPPER << CLASS else 0
        if at == start + 1:
            flags |= ONE_LETTER
            if flags & CAPITAL:
                flags |= CAPITALS
        elif inside & <uint32_t>UPPER << CLASS and not inside & <uint32_t>NOT_UPPER << CLASS:
            flags |= CAPITALS
        scratch.tokens[n].hash = _ended(hash)
        scratch.tokens[n].flags = flags
        n += 1
    every |= outside
    if every & <uint32_t>CHANGES << CLASS:
        scratch.changes = True
    if every & <uint32_t>SPECIAL << CLASS:
        scratch.special = True
    return n


cdef Py_ssize_t _split(const Text* text, Scratch* scratch) noexcept nogil:
    if text.kind == 1:
        return _tokens_of(<const uint8_t*>text.data, text.length, scratch)
    if text.kind == 2:
        return _tokens_of(<const uint16_t*>text.data, text.length, scratch)
    return _tokens_of(<const uint32_t*>text.data, text.length, scratch)


cdef inline void _count(Scratch* scratch, int32_t term, double amount) noexcept nogil:
    # Without a branch: whether a term was met before is anyone's guess.
    scratch.touched[scratch.n_touched] = term
    scratch.n_touched += scratch.counts[term] == 0.0
    scratch.counts[term] += amount


cdef void _give_back(Scratch* scratch) noexcept:
    free(scratch.tokens)
    free(scratch.looked_up)
    free(scratch.runs)
    free(scratch.counts)
    free(scratch.touched)
    free(scratch)


cdef int _text(object field, Text* text) except -1:
    if not PyUnicode_Check(field):
        raise TypeError(f"expected a string, found {type(field).__name__}")
    text.data = PyUnicode_DATA(field)
    text.length = PyUnicode_GET_LENGTH(field)
    text.kind = PyUnicode_KIND(field)
    return 0


cdef uint64_t _hash_of(str word) except? 0:
    """The hash of a token that is in lower case already."""
    cdef uint64_t hash = _begun()
    cdef Py_ssize_t i
    cdef const void* data = PyUnicode_DATA(word)
    cdef int kind = PyUnicode_KIND(word)
    for i in range(PyUnicode_GET_LENGTH(word)):
        hash = _fed(hash, _char(data, kind, i))
    return _ended(hash)
