# Counts of the terms that an article has. Part of _texts.pyx.

cdef Py_ssize_t _count_article(
    const Articles* articles, Py_ssize_t article, const Words* words, const int32_t* of_words,
    const PairTable* table, uint64_t* keys, int32_t* touched, int32_t* counts,
) noexcept nogil:
    """Count the terms of an article; give how many different ones it has."""
    cdef Py_ssize_t i, n = 0, n_keys = 0
    cdef int32_t word, before = -1, term
    cdef const PairSlot* slot
    for i in range(_start(articles, article), articles.ends[article]):
        word = articles.tokens[i]
        if word == BREAK:
            before = -1
        elif not _is_short(words, word):
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
