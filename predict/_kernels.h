/* The parts of the scan that are C rather than Cython: what a compiler makes vector
   instructions of, and what asks for memory in a way of its own. Part of _scan.pyx. */

#ifndef DATELINE_KERNELS_H
#define DATELINE_KERNELS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#if defined(_MSC_VER)
#define restrict __restrict
#endif

#if defined(__GNUC__)
#define dateline_prefetch(address) __builtin_prefetch(address)
#define dateline_first_bit(bits) __builtin_ctzll(bits)
#else
#define dateline_prefetch(address) ((void)(address))
static int dateline_first_bit(uint64_t bits)
{
    int n = 0;
    while (!(bits & 1)) { bits >>= 1; n++; }
    return n;
}
#endif

/* Compiled once for any processor and once for those with AVX2. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define DATELINE_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define DATELINE_CLONES
#endif

/* Zeroed memory; a large piece in large pages, where the system has them: looking
   something up at random in small ones costs a page walk besides. */
static void *dateline_zeroed(size_t bytes)
{
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const size_t page = (size_t)1 << 21;
    if (bytes >= page / 2) {
        void *found = NULL;
        bytes = (bytes + page - 1) & ~(page - 1);
        if (posix_memalign(&found, page, bytes)) return NULL;
        madvise(found, bytes, MADV_HUGEPAGE);
        return memset(found, 0, bytes);
    }
#endif
    return calloc(1, bytes ? bytes : 1);
}

/* ---- Characters: a block of 64 at a time ---- */

#define DATELINE_BLOCK 64

/* Eight bytes as a number, the first lowest. */
static inline uint64_t dateline_word(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The first n of eight bytes as a number; the rest count as 0. */
static inline uint64_t dateline_eight(const uint8_t *at, int n)
{
    const uint64_t word = dateline_word(at);
    return n >= 8 ? word : word & ((UINT64_C(1) << (8 * n)) - 1);
}

/* One bit for each of 64 bytes that are 0 or 1, the first lowest. */
static inline uint64_t dateline_bits(const uint8_t *flags)
{
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++)
        bits |= ((dateline_word(flags + 8 * i) * UINT64_C(0x0102040810204080)) >> 56) << (8 * i);
    return bits;
}

/* Several bytes at once, in the notation of GCC and Clang; one, elsewhere. A condition
   is all ones or all zeros. */
#if defined(__GNUC__)
typedef uint8_t dateline_bytes __attribute__((vector_size(16)));
#define DATELINE_IF(condition) ((dateline_bytes)(condition))
#else
typedef uint8_t dateline_bytes;
#define DATELINE_IF(condition) ((dateline_bytes) - (condition))
#endif
#define DATELINE_AMONG(c, first, n) DATELINE_IF((dateline_bytes)((c) - (first)) < (n))

/* Latin-1: lower-case a block, say which are characters of words (str.isalnum() or an
   underscore), and whether any was changed. */
static inline uint64_t dateline_latin(const uint8_t *text, uint8_t *lowered, uint8_t *changed)
{
    uint8_t word[DATELINE_BLOCK];
    dateline_bytes any = {0};
    for (size_t i = 0; i < DATELINE_BLOCK; i += sizeof(dateline_bytes)) {
        dateline_bytes c;
        memcpy(&c, text + i, sizeof(c));
        const dateline_bytes sign = DATELINE_IF((c | 0x20) == 0xF7); /* times, divided by */
        const dateline_bytes upper
            = DATELINE_AMONG(c, 'A', 26) | (DATELINE_AMONG(c, 0xC0, 31) & ~sign);
        const dateline_bytes is_word
            = DATELINE_AMONG(c | 0x20, 'a', 26) | DATELINE_AMONG(c, '0', 10)
            | (DATELINE_IF(c >= 0xC0) & ~sign) | DATELINE_IF(c == '_')
            | DATELINE_IF(c == 0xAA) | DATELINE_AMONG(c, 0xB2, 2) | DATELINE_IF(c == 0xB5)
            | DATELINE_AMONG(c, 0xB9, 2) | DATELINE_AMONG(c, 0xBC, 3);
        const dateline_bytes small = c + (upper & 0x20), flags = is_word & 1;
        memcpy(lowered + i, &small, sizeof(c));
        memcpy(word + i, &flags, sizeof(c));
        any |= upper;
    }
    uint8_t each[sizeof(any)];
    memcpy(each, &any, sizeof(any));
    for (size_t i = 0; i < sizeof(any); i++) *changed |= each[i];
    return dateline_bits(word);
}

/* Wider characters are narrowed first. Dashes, quotes and the like, from U+2010 on, are
   no characters of words: a space does for them. A block with any other is odd. */
#define DATELINE_NARROWED(name, type)                                                    \
    static inline uint8_t name(const type *restrict text, uint8_t *restrict narrowed)    \
    {                                                                                    \
        type odd = 0;                                                                    \
        for (int i = 0; i < DATELINE_BLOCK; i++) {                                       \
            const type c = text[i];                                                      \
            const type wide = c > 0xFF;                                                  \
            odd |= (type)(wide & ((type)(c - 0x2010) > 0x4E));                           \
            narrowed[i] = (uint8_t)(wide ? ' ' : c);                                     \
        }                                                                                \
        return odd != 0;                                                                 \
    }

DATELINE_NARROWED(dateline_narrowed_2, uint16_t)
DATELINE_NARROWED(dateline_narrowed_4, uint32_t)

/* Classify a text. `lowered` has room for whole blocks, `words` for a word a block.
   Odd blocks are noted in `odd`, to be looked at by themselves; how many is returned. */
#define DATELINE_CLASSIFY(name, type, narrow)                                            \
    DATELINE_CLONES                                                                      \
    static ptrdiff_t name(const type *text, ptrdiff_t length, uint8_t *lowered,          \
                          uint64_t *words, int32_t *odd, uint8_t *changed)               \
    {                                                                                    \
        type last[DATELINE_BLOCK];                                                       \
        uint8_t narrowed[DATELINE_BLOCK];                                                \
        ptrdiff_t n_odd = 0;                                                             \
        for (ptrdiff_t begin = 0; begin < length; begin += DATELINE_BLOCK) {             \
            const type *block = text + begin;                                            \
            if (length - begin < DATELINE_BLOCK) {                                       \
                memset(last, 0, sizeof(last));                                           \
                memcpy(last, block, (size_t)(length - begin) * sizeof(type));            \
                block = last;                                                            \
            }                                                                            \
            if (narrow(block, narrowed)) odd[n_odd++] = (int32_t)(begin / DATELINE_BLOCK); \
            words[begin / DATELINE_BLOCK]                                                \
                = dateline_latin(narrowed, lowered + begin, changed);                    \
        }                                                                                \
        return n_odd;                                                                    \
    }

static inline uint8_t dateline_as_it_is(const uint8_t *restrict text, uint8_t *restrict narrowed)
{
    memcpy(narrowed, text, DATELINE_BLOCK);
    return 0;
}

DATELINE_CLASSIFY(dateline_classify_1, uint8_t, dateline_as_it_is)
DATELINE_CLASSIFY(dateline_classify_2, uint16_t, dateline_narrowed_2)
DATELINE_CLASSIFY(dateline_classify_4, uint32_t, dateline_narrowed_4)

/* ---- Scores: rows of weights times weights of terms ---- */

/* Whatever the way, each label's sum is made in the order of the terms and in double
   precision, a product and a sum at a time: the results are the same to the last bit. */
DATELINE_CLONES
static void dateline_sums(double *restrict sums, ptrdiff_t n_labels, const float *rows,
                          const int32_t *terms, const double *weights, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const float *restrict row = rows + (ptrdiff_t)terms[i] * n_labels;
        if (i + 8 < n) {
            const float *ahead = rows + (ptrdiff_t)terms[i + 8] * n_labels;
            for (ptrdiff_t k = 0; k < n_labels; k += 16) dateline_prefetch(ahead + k);
        }
        for (ptrdiff_t k = 0; k < n_labels; k++) sums[k] += weights[i] * (double)row[k];
    }
}

/* Rows of eight bits: `lanes` groups of labels, and at the end of a row the power of two
   that all of them are multiplied by, as a float. To multiply the term's weight by it
   instead is the same: no bit is lost. */
#define DATELINE_LANES 8
#define DATELINE_AHEAD 12 /* rows are sent for so many terms before they are added */

typedef void (*dateline_strip)(double *, ptrdiff_t, const int8_t *, ptrdiff_t, const int32_t *,
                               const double *, ptrdiff_t);

#define DATELINE_ROW(i)                                                                  \
    const int8_t *row = rows + (ptrdiff_t)terms[i] * stride;                             \
    float power;                                                                         \
    memcpy(&power, row + stride - sizeof(power), sizeof(power));                         \
    const double weight = weights[i] * (double)power;                                    \
    row += first;                                                                        \
    if ((i) + DATELINE_AHEAD < n)                                                        \
        dateline_prefetch(rows + (ptrdiff_t)terms[(i) + DATELINE_AHEAD] * stride + first);

static void dateline_strip_any(double *restrict sums, ptrdiff_t first, const int8_t *rows,
    ptrdiff_t stride, const int32_t *terms, const double *weights, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        DATELINE_ROW(i)
        for (int k = 0; k < DATELINE_LANES; k++) sums[k] += weight * (double)row[k];
    }
}

static const dateline_strip dateline_plain_strips[] = {dateline_strip_any};

#if defined(__x86_64__) && defined(__GNUC__)
#define DATELINE_VECTORS 1
#include <immintrin.h>

/* The sums of some labels stay in registers while all terms pass by. */
#define DATELINE_STRIP(lanes)                                                            \
    __attribute__((target("avx2")))                                                      \
    static void dateline_strip_##lanes(double *sums, ptrdiff_t first, const int8_t *rows, \
        ptrdiff_t stride, const int32_t *terms, const double *weights, ptrdiff_t n)      \
    {                                                                                    \
        __m256d low[lanes], high[lanes];                                                 \
        for (int k = 0; k < lanes; k++) {                                                \
            low[k] = _mm256_loadu_pd(sums + 8 * k);                                      \
            high[k] = _mm256_loadu_pd(sums + 8 * k + 4);                                 \
        }                                                                                \
        for (ptrdiff_t i = 0; i < n; i++) {                                              \
            DATELINE_ROW(i)                                                              \
            const __m256d by = _mm256_set1_pd(weight);                                   \
            for (int k = 0; k < lanes; k++) {                                            \
                const __m256i eight = _mm256_cvtepi8_epi32(                              \
                    _mm_loadl_epi64((const __m128i *)(row + 8 * k)));                    \
                low[k] = _mm256_add_pd(low[k], _mm256_mul_pd(by,                         \
                    _mm256_cvtepi32_pd(_mm256_castsi256_si128(eight))));                 \
                high[k] = _mm256_add_pd(high[k], _mm256_mul_pd(by,                       \
                    _mm256_cvtepi32_pd(_mm256_extracti128_si256(eight, 1))));            \
            }                                                                            \
        }                                                                                \
        for (int k = 0; k < lanes; k++) {                                                \
            _mm256_storeu_pd(sums + 8 * k, low[k]);                                      \
            _mm256_storeu_pd(sums + 8 * k + 4, high[k]);                                 \
        }                                                                                \
    }                                                                                    \
    __attribute__((target("avx512f,avx512vl")))                                          \
    static void dateline_wide_strip_##lanes(double *sums, ptrdiff_t first,               \
        const int8_t *rows, ptrdiff_t stride, const int32_t *terms,                      \
        const double *weights, ptrdiff_t n)                                              \
    {                                                                                    \
        __m512d sum[lanes];                                                              \
        for (int k = 0; k < lanes; k++) sum[k] = _mm512_loadu_pd(sums + 8 * k);          \
        for (ptrdiff_t i = 0; i < n; i++) {                                              \
            DATELINE_ROW(i)                                                              \
            const __m512d by = _mm512_set1_pd(weight);                                   \
            for (int k = 0; k < lanes; k++)                                              \
                sum[k] = _mm512_add_pd(sum[k], _mm512_mul_pd(by,                         \
                    _mm512_cvtepi32_pd(_mm256_cvtepi8_epi32(                             \
                        _mm_loadl_epi64((const __m128i *)(row + 8 * k))))));             \
        }                                                                                \
        for (int k = 0; k < lanes; k++) _mm512_storeu_pd(sums + 8 * k, sum[k]);          \
    }

DATELINE_STRIP(1)
DATELINE_STRIP(2)
DATELINE_STRIP(3)
DATELINE_STRIP(4)
DATELINE_STRIP(5)

static const dateline_strip dateline_strips[] = {
    dateline_strip_1, dateline_strip_2, dateline_strip_3, dateline_strip_4, dateline_strip_5};
static const dateline_strip dateline_wide_strips[] = {
    dateline_wide_strip_1, dateline_wide_strip_2, dateline_wide_strip_3, dateline_wide_strip_4,
    dateline_wide_strip_5};
#endif

/* Bytes of the registers that rows are added up in: 64, 32, or 0 for none of our choosing. */
static int dateline_widest(void)
{
#ifdef DATELINE_VECTORS
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) return 64;
    if (__builtin_cpu_supports("avx2")) return 32;
#endif
    return 0;
}

static int dateline_registers = 0;

static void dateline_sums_of_bytes(double *sums, ptrdiff_t n_labels, const int8_t *rows,
                                   ptrdiff_t stride, const int32_t *terms,
                                   const double *weights, ptrdiff_t n)
{
    const dateline_strip *strips = dateline_plain_strips;
    ptrdiff_t most = 1;
#ifdef DATELINE_VECTORS
    if (dateline_registers) {
        strips = dateline_registers == 64 ? dateline_wide_strips : dateline_strips;
        most = 5;
    }
#endif
    const ptrdiff_t groups = (n_labels + DATELINE_LANES - 1) / DATELINE_LANES;
    for (ptrdiff_t done = 0; done < groups; done += most) {
        const ptrdiff_t lanes = groups - done < most ? groups - done : most;
        const ptrdiff_t first = DATELINE_LANES * done;
        strips[lanes - 1](sums + first, first, rows, stride, terms, weights, n);
    }
}

#endif /* DATELINE_KERNELS_H */
