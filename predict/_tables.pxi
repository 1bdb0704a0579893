# Hashes of words, and the table that they are looked up in. Part of _scan.pyx.

cdef extern from "_kernels.h":
    void dateline_prefetch(const void* address) nogil
    int dateline_first_bit(uint64_t bits) nogil
    void* dateline_zeroed(size_t bytes) nogil
    uint64_t dateline_eight(const uint8_t* at, int n) nogil

cdef enum:
    MOST_PROBES = 256
    MOST_WORDS = 7  # of a phrase


class CannotHold(Exception):
    """The vocabulary is for the definition in Python."""


# What a phrase asks of the token in each place, two bits a place, and more.
cdef enum:
    ASKS_CAPITAL = 1
    ASKS_CAPITALS = 2
    SPELT_OTHERWISE = 1 << 14  # `meaning` is the number of a list of spellings
    NOT_CASELESS = 1 << 15


# A run of words that is a word, a pair of words, a phrase, or how longer phrases begin.
cdef struct Slot:
    uint64_t hash  # 0: empty
    uint32_t word  # 1 + its number as a word, 0 if it is none; above that, GOES_ON
    uint16_t meaning  # 1 + its meaning as a phrase; 0 if it is none
    uint16_t asks


cdef enum:
    GOES_ON = 0x80000000  # phrases of three words and more begin with it
    NUMBER = 0x7FFFFFFF


cdef struct Spelling:
    uint16_t meaning
    uint16_t asks
    int32_t next  # of the same words; -1 after the last


cdef struct Table:
    Slot* slots
    uint64_t mask
    uint64_t kept  # the bits of a hash that a slot has
    uint64_t* filter  # Bloom's, two bits of one word a run: most lookups end here
    uint64_t filter_mask
    Spelling* spellings
    int32_t n_spellings


cdef inline uint64_t _mixed(uint64_t x) noexcept nogil:
    x ^= x >> 32
    x *= <uint64_t>0xD6E8FEB86659FD93
    x ^= x >> 32
    return x


cdef inline uint64_t _ended(uint64_t hash) noexcept nogil:
    hash = _mixed(hash)
    return hash if hash else 1


# Two ways to a token's hash, by its lower-cased characters: in Latin-1 by eight bytes
# at a time, of which two suffice for nearly all; any other by characters.

cdef inline uint64_t _of_bytes(const uint8_t* at, Py_ssize_t n) noexcept nogil:
    """Hash n bytes, behind which sixteen more can be read."""
    cdef uint64_t hash = (dateline_eight(at, <int>n if n < 8 else 8) ^ <uint64_t>0x9E3779B97F4A7C15) * <uint64_t>0x9FB21C651E98DF25
    cdef Py_ssize_t more = n - 8
    hash ^= hash >> 32
    hash = (hash ^ dateline_eight(at + 8, 0 if more < 0 else <int>more if more < 8 else 8)) * <uint64_t>0xA0761D6478BD642F
    while more > 8:
        at += 8
        more -= 8
        hash ^= hash >> 32
        hash = (hash ^ dateline_eight(at + 8, <int>more if more < 8 else 8)) * <uint64_t>0x9FB21C651E98DF25
    return _ended(hash)


cdef inline uint64_t _begun() noexcept nogil:
    return <uint64_t>0xC2B2AE3D27D4EB4F


cdef inline uint64_t _fed(uint64_t hash, uint32_t char) noexcept nogil:
    hash = (hash ^ char) * <uint64_t>0x9FB21C651E98DF25
    return hash ^ (hash >> 29)


cdef inline uint64_t _joined(uint64_t first, uint64_t then) noexcept nogil:
    """The hash of a run of words and one more."""
    cdef uint64_t hash = _mixed((first ^ (first >> 29)) * <uint64_t>0xBF58476D1CE4E5B9 + then)
    return hash if hash else 1


cdef uint64_t _slots_for(Py_ssize_t n) noexcept nogil:
    """As many slots as hold n runs of words, with a third or more to spare."""
    cdef uint64_t size = 16
    while size * 2 < <uint64_t>n * 3:
        size *= 2
    return size


cdef uint64_t _kept(uint64_t size) noexcept nogil:
    """The bits of a hash by which a table of some size knows a run: where it belongs,
    and 32 more, to keep the model file small."""
    return <uint64_t>0xFFFFFFFF << 32 | (size - 1)


cdef int _table_init(Table* table, Py_ssize_t n, bint reduced) except -1:
    """Make room for n runs, known by `_kept` bits of their hashes or by all."""
    cdef uint64_t size = _slots_for(n)
    table.slots = <Slot*>dateline_zeroed(size * sizeof(Slot))
    table.mask = size - 1
    table.kept = _kept(size) if reduced else ~<uint64_t>0
    table.filter = <uint64_t*>dateline_zeroed(size // 2)  # bytes: four bits a slot
    table.filter_mask = size // 16 - 1
    if table.slots == NULL or table.filter == NULL:
        raise MemoryError
    return 0


cdef void _table_free(Table* table) noexcept:
    free(table.slots)
    free(table.filter)
    free(table.spellings)


cdef inline uint64_t _bits(uint64_t hash) noexcept nogil:
    return <uint64_t>1 << (hash >> 58) | <uint64_t>1 << (hash >> 52 & 63)


cdef inline bint _may_have(const Table* table, uint64_t hash) noexcept nogil:
    """Whether a run may have a slot; wrong of some in a hundred that have none."""
    cdef uint64_t bits = _bits(hash)
    return table.filter[hash >> 32 & table.filter_mask] & bits == bits


cdef inline const Slot* _slot(const Table* table, uint64_t hash) noexcept nogil:
    """The slot of a run, or an empty one."""
    cdef uint64_t at = hash & table.mask
    hash &= table.kept
    # Most are in one of two places, and in which is anyone's guess: no branch.
    at = (at + _is_other(&table.slots[at], hash)) & table.mask
    while _is_other(&table.slots[at], hash):
        at = (at + 1) & table.mask
    return &table.slots[at]


cdef inline int _is_other(const Slot* slot, uint64_t hash) noexcept nogil:
    return (slot.hash != hash) & (slot.hash != 0)


cdef Slot* _added(Table* table, uint64_t hash, int most_probes=MOST_PROBES) except NULL:
    """The slot of a run; an empty one is made its own."""
    cdef uint64_t at = hash & table.mask
    cdef int probes = 0
    while table.slots[at].hash != 0 and table.slots[at].hash != hash:
        at = (at + 1) & table.mask
        probes += 1
        if probes > most_probes:  # chance makes no such crowd
            raise CannotHold("a crowd of terms in one place")
    table.slots[at].hash = hash
    table.filter[hash >> 32 & table.filter_mask] |= _bits(hash)
    return &table.slots[at]
