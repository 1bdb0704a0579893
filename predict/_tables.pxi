# Hashes of words, and the tables that they are looked up in. Part of _scan.pyx.

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define dateline_prefetch(address) __builtin_prefetch(address)
    #else
    #define dateline_prefetch(address) ((void)(address))
    #endif

    #include <stdlib.h>
    #include <string.h>
    #if defined(__linux__)
    #include <sys/mman.h>
    #endif

    /* Zeroed memory; a large piece in large pages, where the system has them: looking
       something up at random in small ones costs a page walk besides. */
    static void *dateline_zeroed(size_t bytes)
    {
    #if defined(__linux__) && defined(MADV_HUGEPAGE)
        const size_t page = (size_t)1 << 21;
        if (bytes >= page) {
            void *found = NULL;
            bytes = (bytes + page - 1) & ~(page - 1);
            if (posix_memalign(&found, page, bytes)) return NULL;
            madvise(found, bytes, MADV_HUGEPAGE);
            return memset(found, 0, bytes);
        }
    #endif
        return calloc(1, bytes ? bytes : 1);
    }
    """
    void dateline_prefetch(const void* address) nogil
    void* dateline_zeroed(size_t bytes) nogil

cdef enum:
    END = -1
    NO_PHRASE = -2  # of a slot that was only just taken

cdef enum:
    MOST_PROBES = 256


class CannotHold(Exception):
    """The vocabulary is for the definition in Python."""


cdef struct Slot:
    uint64_t hash  # 0: empty
    int32_t value  # a word's number; a phrase's next spelling, END or NO_PHRASE
    uint16_t meaning  # of a phrase, so that most need no second look
    uint16_t asks


cdef struct Table:
    Slot* slots
    uint64_t mask
    uint64_t* marks  # a Bloom filter of two bits a cell: most lookups end here
    uint64_t cells_mask


# What the marks say of a run of words.
cdef enum:
    THERE = 1  # it has a slot that is worth looking at
    GOES_ON = 2  # longer phrases begin with it


cdef inline uint64_t _mixed(uint64_t x) noexcept nogil:
    x ^= x >> 32
    x *= <uint64_t>0xD6E8FEB86659FD93
    x ^= x >> 32
    return x


cdef inline uint64_t _begun() noexcept nogil:
    return <uint64_t>0x9E3779B97F4A7C15


cdef inline uint64_t _fed(uint64_t hash, uint32_t char) noexcept nogil:
    return (hash ^ char) * <uint64_t>0x9FB21C651E98DF25


cdef inline uint64_t _ended(uint64_t hash) noexcept nogil:
    hash = _mixed(hash)
    return hash if hash else 1


cdef inline uint64_t _joined(uint64_t first, uint64_t then) noexcept nogil:
    """The hash of a run of words and one more."""
    cdef uint64_t hash = _mixed((first ^ (first >> 29)) * <uint64_t>0xBF58476D1CE4E5B9 + then)
    return hash if hash else 1


cdef int _table_init(Table* table, Py_ssize_t n) except -1:
    cdef uint64_t size = 16
    while size < <uint64_t>n * 2:
        size *= 2
    table.slots = <Slot*>dateline_zeroed(size * sizeof(Slot))
    table.mask = size - 1
    table.cells_mask = size * 2 - 1
    table.marks = <uint64_t*>dateline_zeroed(size // 2)
    if table.slots == NULL or table.marks == NULL:
        raise MemoryError
    return 0


cdef inline const uint64_t* _cell(const Table* table, uint64_t hash) noexcept nogil:
    return &table.marks[((hash >> 20) & table.cells_mask) >> 5]


cdef inline uint64_t _marks(const Table* table, uint64_t hash) noexcept nogil:
    return (_cell(table, hash)[0] >> (((hash >> 20) & 31) * 2)) & 3


cdef inline void _mark(Table* table, uint64_t hash, uint64_t marks) noexcept nogil:
    table.marks[((hash >> 20) & table.cells_mask) >> 5] |= marks << (((hash >> 20) & 31) * 2)


cdef inline Slot* _slot(const Table* table, uint64_t hash) noexcept nogil:
    """The slot that holds a hash, or the empty one where it would be."""
    cdef uint64_t at = hash & table.mask
    while table.slots[at].hash != 0 and table.slots[at].hash != hash:
        at = (at + 1) & table.mask
    return &table.slots[at]


cdef Slot* _added(Table* table, uint64_t hash) except NULL:
    cdef uint64_t at = hash & table.mask
    cdef int probes = 0
    while table.slots[at].hash != 0 and table.slots[at].hash != hash:
        at = (at + 1) & table.mask
        probes += 1
        if probes == MOST_PROBES:  # chance makes no such crowd
            raise CannotHold("a crowd of terms in one place")
    cdef Slot* slot = &table.slots[at]
    if slot.hash == 0:
        slot.hash = hash
        slot.value = NO_PHRASE
    return slot
