# Pairs of neighbouring words: in how many articles each is. Part of _texts.pyx.

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define dateline_prefetch(address) __builtin_prefetch(address)
    #else
    #define dateline_prefetch(address) ((void)(address))
    #endif
    """
    void dateline_prefetch(const void* address) nogil

cdef enum:
    A_PART = 1 << 21  # pairs that are counted at a time, so that a table stays small

cdef struct PairSlot:
    uint64_t key  # 0: none; no pair has it, since words are counted from 1
    int32_t value  # how many articles have it; or the number of its term
    int32_t last  # the article that had it last


cdef struct PairTable:
    PairSlot* slots
    uint64_t mask
    uint64_t filled


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


cdef bint _count_pairs(
    const Articles* articles, Py_ssize_t n_articles, const Words* words, const int32_t* of_words,
    int32_t least, uint64_t part, uint64_t parts, PairTable* table, uint64_t* keys,
) noexcept nogil:
    """Count the pairs of a part in the first articles; False where memory is short."""
    cdef Py_ssize_t article, i, n
    cdef int32_t word, before
    cdef uint64_t key, hash
    cdef PairSlot* slot
    for article in range(n_articles):
        n = 0
        before = -1
        for i in range(_start(articles, article), articles.ends[article]):
            word = articles.tokens[i]
            if word == BREAK:
                before = -1
            elif not _is_short(words, word):
                if before >= 0 and of_words[before] >= least and of_words[word] >= least:
                    key = _key(before, word)
                    hash = _mixed(key)
                    # The hash's low bits choose the slot, its high ones the part.
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


cdef object _frequent(const PairTable* table, int32_t least):
    """The pairs that are in enough articles, (3, n): both words, and in how many."""
    cdef Py_ssize_t at, n = 0
    for at in range(<Py_ssize_t>table.mask + 1):
        n += table.slots[at].value >= least
    kept = np.empty((3, n), dtype=np.int32)
    cdef int32_t[::1] first = kept[0], second = kept[1], frequency = kept[2]
    n = 0
    for at in range(<Py_ssize_t>table.mask + 1):
        if table.slots[at].value >= least:
            first[n] = <int32_t>(table.slots[at].key >> 32) - 1
            second[n] = <int32_t>(table.slots[at].key & 0xFFFFFFFF) - 1
            frequency[n] = table.slots[at].value
            n += 1
    return kept
