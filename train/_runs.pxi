# The least hashes of an article's runs of words, by which near-duplicates are found.
# Part of _texts.pyx.

cdef extern from *:
    """
    #if defined(_MSC_VER)
    #define restrict __restrict
    #endif

    /* The least of some hashes under each of n random orders. */
    #if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
    __attribute__((target_clones("arch=skylake-avx512", "default")))
    #endif
    static void dateline_minima(
        const uint64_t *restrict hashes, Py_ssize_t n_hashes,
        const uint64_t *restrict factors, uint64_t *restrict minima, Py_ssize_t n)
    {
        for (Py_ssize_t k = 0; k < n; k++) minima[k] = UINT64_MAX;
        for (Py_ssize_t i = 0; i < n_hashes; i++) {
            const uint64_t hash = hashes[i];
            for (Py_ssize_t k = 0; k < n; k++) {
                uint64_t mixed = hash * factors[k];
                mixed ^= mixed >> 32;
                mixed *= UINT64_C(0x9E3779B97F4A7C15);
                minima[k] = mixed < minima[k] ? mixed : minima[k];
            }
        }
    }
    """
    void dateline_minima(const uint64_t* hashes, Py_ssize_t n_hashes, const uint64_t* factors, uint64_t* minima, Py_ssize_t n) nogil


cdef void _least_hashes(
    const Articles* articles, Py_ssize_t article, const uint64_t* multiply, Py_ssize_t run,
    const uint64_t* orders, Py_ssize_t n_orders, uint64_t* words, uint64_t* hashes, uint64_t* into,
) noexcept nogil:
    """The least hash of an article's runs of words under each of some orders."""
    cdef Py_ssize_t i, k, n = 0, size
    cdef uint64_t hash
    for i in range(_start(articles, article), articles.ends[article]):
        if articles.tokens[i] != BREAK:
            words[n] = <uint64_t>articles.tokens[i] + 1
            n += 1
    size = n - run + 1 if n >= run else (1 if n else 0)
    for i in range(size):
        hash = 0
        for k in range(run if run < n else n):
            hash += words[i + k] * multiply[k]
        hashes[i] = hash
    dateline_minima(hashes, size, orders, into, n_orders)
