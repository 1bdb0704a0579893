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

cdef extern from "_kernels.h":
    Py_ssize_t dateline_classify_1(const uint8_t*, Py_ssize_t, uint8_t*, uint64_t*, int32_t*, uint8_t*) nogil
    Py_ssize_t dateline_classify_2(const uint16_t*, Py_ssize_t, uint8_t*, uint64_t*, int32_t*, uint8_t*) nogil
    Py_ssize_t dateline_classify_4(const uint32_t*, Py_ssize_t, uint8_t*, uint64_t*, int32_t*, uint8_t*) nogil

# What a character is.
cdef enum:
    WORD = 1  # part of a token
    UPPER = 2
    NOT_UPPER = 4  # lower or title case: str.isupper() is False of a token with it
    CHANGES = 8  # its lower case is another character
    SPECIAL = 16  # its lower case depends on others: U+03A3
    DOTTED = 32  # its lower case is two characters, the second not of words: U+0130

cdef enum:
    BASIC = 0x10000
    LOWER = 0x1FFFFF  # the bits of an entry that are its lower-cased character
    CLASS = 24  # what it is stands above them
    BLOCK = 64  # characters

# Tokens are looked at some thousand at a time, so that a text of any length takes no
# more memory than its characters.
cdef enum:
    WINDOW = 2048
    AHEAD = 6  # tokens of the next window that a phrase may reach into
    ROOM = WINDOW + AHEAD + BLOCK
    MOST_CHARS = 0x7FFFFF00
    KEPT_CHARS = 1 << 18  # the memory of longer fields is given back to the system

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
    if char == 0x3A3:
        found |= SPECIAL | CHANGES
    if char == 0x130:
        found |= DOTTED | CHANGES
    return found << CLASS | Py_UNICODE_TOLOWER(char)


cdef void _fill_table() noexcept nogil:
    cdef uint32_t char
    for char in range(<uint32_t>BASIC):
        _known[char] = _classified(char)


_fill_table()


cdef struct Text:
    const void* data
    Py_ssize_t length
    int kind


# The characters of a title or a text.
cdef struct Field:
    Text text
    uint8_t* lowered  # characters of Latin-1
    uint64_t* words  # a bit for each character: part of a token
    uint64_t* wides  # likewise: its lower case is beyond Latin-1
    int32_t* odd
    Py_ssize_t blocks
    Py_ssize_t room  # blocks
    bint wide
    bint changes
    bint special
    bint dotted


cdef inline uint32_t _char(const Text* text, Py_ssize_t at) noexcept nogil:
    if text.kind == 1:
        return (<const uint8_t*>text.data)[at]
    if text.kind == 2:
        return (<const uint16_t*>text.data)[at]
    return (<const uint32_t*>text.data)[at]


cdef inline uint32_t _entry(const Text* text, Py_ssize_t at) noexcept nogil:
    cdef uint32_t char = _char(text, at)
    return _known[char] if char < BASIC else _classified(char)


cdef void _field_free(Field* field) noexcept nogil:
    free(field.lowered)
    free(field.words)
    free(field.wides)
    free(field.odd)
    memset(field, 0, sizeof(Field))


cdef bint _field_init(Field* field, Py_ssize_t blocks) noexcept nogil:
    """Make room; False where memory is short."""
    if field.room >= blocks:
        return True
    _field_free(field)
    field.lowered = <uint8_t*>malloc(blocks * BLOCK + 16)  # hashing reads beyond
    field.words = <uint64_t*>malloc(blocks * sizeof(uint64_t))
    field.wides = <uint64_t*>malloc(blocks * sizeof(uint64_t))
    field.odd = <int32_t*>malloc(blocks * sizeof(int32_t))
    if field.lowered == NULL or field.words == NULL or field.wides == NULL or field.odd == NULL:
        _field_free(field)
        return False
    field.room = blocks
    return True


cdef bint _classify(Field* field, const Text* text) noexcept nogil:
    """Lower-case a text and mark its tokens; False where memory is short."""
    cdef Py_ssize_t blocks = (text.length + BLOCK - 1) // BLOCK, n_odd, i
    cdef uint8_t changed = 0
    if text.length > MOST_CHARS or not _field_init(field, blocks if blocks > 64 else 64):
        return False
    field.text = text[0]
    field.blocks = blocks
    field.wide = field.special = field.dotted = False
    if text.kind == 1:
        n_odd = dateline_classify_1(<const uint8_t*>text.data, text.length, field.lowered, field.words, field.odd, &changed)
    elif text.kind == 2:
        n_odd = dateline_classify_2(<const uint16_t*>text.data, text.length, field.lowered, field.words, field.odd, &changed)
    else:
        n_odd = dateline_classify_4(<const uint32_t*>text.data, text.length, field.lowered, field.words, field.odd, &changed)
    field.changes = changed != 0
    if n_odd:
        memset(field.wides, 0, blocks * sizeof(uint64_t))
        for i in range(n_odd):
            _look_closely(field, field.odd[i])
    return True


cdef void _look_closely(Field* field, Py_ssize_t block) noexcept nogil:
    """Classify the characters of a block that are beyond Latin-1."""
    cdef Py_ssize_t at, end = min((block + 1) * BLOCK, field.text.length)
    cdef uint32_t entry, lower
    cdef uint64_t bit = 1
    for at in range(block * BLOCK, end):
        if _char(&field.text, at) > 0xFF:
            entry = _entry(&field.text, at)
            if entry & <uint32_t>CHANGES << CLASS:
                field.changes = True
            if entry & <uint32_t>SPECIAL << CLASS:
                field.special = True
            if entry & <uint32_t>DOTTED << CLASS:
                field.dotted = True
            if entry & <uint32_t>WORD << CLASS:
                field.words[block] |= bit
                lower = entry & LOWER
                if lower > 0xFF or entry & <uint32_t>DOTTED << CLASS:
                    field.wides[block] |= bit
                    field.wide = True
                else:  # the Kelvin sign is a k
                    field.lowered[at] = <uint8_t>lower
        bit <<= 1


# The tokens of a field that are at hand.
cdef struct Tokens:
    int32_t[2 * ROOM + 2] edges  # where each begins and ends, by turns
    Py_ssize_t n_edges
    uint64_t[ROOM + 1] hashes
    Py_ssize_t n
    Py_ssize_t block  # the next to read
    uint64_t inside  # whether a token reaches into it


cdef void _tokens_begin(Tokens* tokens) noexcept nogil:
    tokens.n_edges = tokens.n = tokens.block = 0
    tokens.inside = 0


cdef void _tokens_read(Tokens* tokens, const Field* field) noexcept nogil:
    """Fill up with the field's next tokens."""
    cdef uint64_t word, edges
    cdef int32_t* into = tokens.edges
    cdef Py_ssize_t n = tokens.n_edges, block = tokens.block, first
    while block < field.blocks and n < 2 * (WINDOW + AHEAD):
        word = field.words[block]
        edges = word ^ (word << 1 | tokens.inside)
        tokens.inside = word >> 63
        first = block * BLOCK
        block += 1
        while edges:
            into[n] = <int32_t>(first + dateline_first_bit(edges))
            n += 1
            edges &= edges - 1
    if block == field.blocks and n & 1:  # the text ends with a token and a block
        into[n] = <int32_t>field.text.length
        n += 1
    tokens.block = block
    tokens.n_edges = n
    for first in range(tokens.n, n // 2):
        tokens.hashes[first] = _hash_of_token(field, into[2 * first], into[2 * first + 1])
    tokens.n = n // 2


cdef void _tokens_drop(Tokens* tokens, Py_ssize_t n) noexcept nogil:
    """Forget the first n."""
    tokens.n -= n
    tokens.n_edges -= 2 * n
    memmove(tokens.edges, &tokens.edges[2 * n], tokens.n_edges * sizeof(int32_t))
    memmove(tokens.hashes, &tokens.hashes[n], tokens.n * sizeof(uint64_t))


cdef inline bint _is_letter(const Tokens* tokens, Py_ssize_t i) noexcept nogil:
    """Whether a token is but one character."""
    return tokens.edges[2 * i + 1] - tokens.edges[2 * i] == 1


cdef inline uint64_t _hash_of_token(const Field* field, Py_ssize_t start, Py_ssize_t end) noexcept nogil:
    if field.wide and _any_bit(field.wides, start, end):
        return _hash_of_wide(field, start, end)
    return _of_bytes(&field.lowered[start], end - start)


cdef bint _any_bit(const uint64_t* bits, Py_ssize_t start, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t at = start >> 6, last = (end - 1) >> 6
    cdef uint64_t ones = ~<uint64_t>0
    cdef uint64_t head = ones << (start & 63), tail = ones >> (63 - ((end - 1) & 63))
    if at == last:
        return bits[at] & head & tail != 0
    if bits[at] & head or bits[last] & tail:
        return True
    for at in range(at + 1, last):
        if bits[at]:
            return True
    return False


cdef uint64_t _hash_of_wide(const Field* field, Py_ssize_t start, Py_ssize_t end) noexcept nogil:
    cdef uint64_t hash = _begun()
    cdef Py_ssize_t at
    for at in range(start, end):
        hash = _fed(hash, _entry(&field.text, at) & LOWER)
        if field.dotted and _char(&field.text, at) == 0x130:
            hash = _fed(hash, 0x307)
    return _ended(hash)


cdef bint _has_capital(const Field* field, Py_ssize_t start) noexcept nogil:
    return _entry(&field.text, start) & <uint32_t>UPPER << CLASS != 0


cdef bint _is_capitals(const Field* field, Py_ssize_t start, Py_ssize_t end) noexcept nogil:
    """``str.isupper()``."""
    cdef uint32_t every = 0
    cdef Py_ssize_t at
    for at in range(start, end):
        every |= _entry(&field.text, at)
    return every & <uint32_t>UPPER << CLASS != 0 and every & <uint32_t>NOT_UPPER << CLASS == 0


cdef int _text(object field, Text* text) except -1:
    if not PyUnicode_Check(field):
        raise TypeError(f"expected a string, found {type(field).__name__}")
    text.data = PyUnicode_DATA(field)
    text.length = PyUnicode_GET_LENGTH(field)
    text.kind = PyUnicode_KIND(field)
    return 0


cdef uint64_t _hash_of(str word) except? 0:
    """The hash of a token that is in lower case already."""
    cdef Py_ssize_t i
    cdef uint64_t hash = _begun()
    cdef Text text
    cdef bytes padded
    _text(word, &text)
    if text.kind == 1:
        padded = word.encode("latin-1") + bytes(16)
        return _of_bytes(<const uint8_t*>padded, text.length)
    for i in range(text.length):
        hash = _fed(hash, _char(&text, i))
    return _ended(hash)
