# Words and their numbers, in the order in which they are first met. Part of _texts.pyx.

cdef extern from "Python.h":
    uint32_t Py_UNICODE_TOLOWER(uint32_t char) nogil
    int Py_UNICODE_ISALNUM(uint32_t char) nogil

cdef enum:
    BASIC = 0x10000
    WORD = 1 << 24  # of a character: part of a token
    SPECIAL = 1 << 25  # its lower case is not one character, or depends on others
    LOWER = 0x1FFFFF

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


cdef inline uint32_t _entry(uint32_t char) noexcept nogil:
    return _known[char] if char < BASIC else _classified(char)


cdef struct WordSlot:
    uint32_t tag
    int32_t word  # 0: none; else its number and one


cdef struct Words:
    uint32_t* chars  # of all of them
    Py_ssize_t n_chars
    Py_ssize_t chars_room
    int64_t* ends  # where each one's characters end
    Py_ssize_t n
    Py_ssize_t room
    WordSlot* slots
    uint64_t mask


cdef void* _grown(void* memory, Py_ssize_t* room, Py_ssize_t needed, size_t size) except NULL:
    """Memory with room for as many things of a size, and mostly for half as many more."""
    if needed <= room[0]:
        return memory
    needed = max(needed, room[0] + room[0] // 2)
    memory = realloc(memory, needed * size)
    if memory == NULL:
        raise MemoryError
    room[0] = needed
    return memory


cdef int _words_init(Words* words) except -1:
    words.chars = <uint32_t*>_grown(NULL, &words.chars_room, 1024, sizeof(uint32_t))
    words.ends = <int64_t*>_grown(NULL, &words.room, 1024, sizeof(int64_t))
    words.mask = 4095
    words.slots = <WordSlot*>calloc(words.mask + 1, sizeof(WordSlot))
    if words.slots == NULL:
        raise MemoryError
    return 0


cdef void _words_free(Words* words) noexcept:
    free(words.chars)
    free(words.ends)
    free(words.slots)


cdef int _room_for_chars(Words* words, Py_ssize_t length) except -1:
    words.chars = <uint32_t*>_grown(words.chars, &words.chars_room, words.n_chars + length, sizeof(uint32_t))
    return 0


cdef inline Py_ssize_t _word_start(const Words* words, Py_ssize_t word) noexcept nogil:
    return words.ends[word - 1] if word else 0


cdef inline bint _is_short(const Words* words, int32_t word) noexcept nogil:
    return words.ends[word] - _word_start(words, word) < 2


cdef inline uint64_t _mixed(uint64_t x) noexcept nogil:
    x ^= x >> 32
    x *= <uint64_t>0xD6E8FEB86659FD93
    x ^= x >> 32
    x *= <uint64_t>0xD6E8FEB86659FD93
    x ^= x >> 32
    return x


cdef inline uint64_t _hashed_on(uint64_t hash, uint32_t char) noexcept nogil:
    """The hash of a word, from 0, with one more character; `_number` mixes it."""
    return (hash ^ char) * <uint64_t>0x9FB21C651E98DF25


cdef int32_t _number(Words* words, uint64_t hash, Py_ssize_t end) except -1:
    """The number of the word whose characters were written behind the others, to
    `end`; a new one where it is new."""
    hash = _mixed(hash)
    cdef uint64_t at = hash & words.mask
    cdef uint32_t tag = <uint32_t>(hash >> 32)
    cdef Py_ssize_t length = end - words.n_chars, start
    cdef int32_t word
    while words.slots[at].word:
        if words.slots[at].tag == tag:
            word = words.slots[at].word - 1
            start = _word_start(words, word)
            if words.ends[word] - start == length and not memcmp(
                &words.chars[start], &words.chars[words.n_chars], length * sizeof(uint32_t)
            ):
                return word
        at = (at + 1) & words.mask
    if words.n == 0x7FFFFFF0:
        raise OverflowError("there are too many different words")
    words.ends = <int64_t*>_grown(words.ends, &words.room, words.n + 1, sizeof(int64_t))
    word = <int32_t>words.n
    words.n_chars = end
    words.ends[word] = end
    words.slots[at].tag = tag
    words.slots[at].word = word + 1
    words.n += 1
    if <uint64_t>words.n * 2 > words.mask:
        _grow_slots(words)
    return word


cdef int _grow_slots(Words* words) except -1:
    cdef uint64_t mask = 4 * (words.mask + 1) - 1, at, hash
    cdef WordSlot* slots = <WordSlot*>calloc(mask + 1, sizeof(WordSlot))
    cdef Py_ssize_t word, i
    if slots == NULL:
        raise MemoryError
    for word in range(words.n):
        hash = 0
        for i in range(_word_start(words, word), words.ends[word]):
            hash = _hashed_on(hash, words.chars[i])
        hash = _mixed(hash)
        at = hash & mask
        while slots[at].word:
            at = (at + 1) & mask
        slots[at].tag = <uint32_t>(hash >> 32)
        slots[at].word = <int32_t>(word + 1)
    free(words.slots)
    words.slots, words.mask = slots, mask
    return 0
