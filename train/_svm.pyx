# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Linear support-vector classifiers of several labels at once, compiled.

Dual coordinate descent with shrinking (Hsieh et al., "A dual coordinate descent method
for large-scale linear SVM", ICML 2008) for the L2-regularised squared hinge loss: the
problem that scikit-learn's ``LinearSVC(dual=True)`` solves, the intercept a feature of
1 as there, with the same condition for when to stop. What is other than in liblinear:

* Up to :data:`LANES` labels are fitted side by side. Their weights for one term stand
  together, so that a row of the matrix and the memory of its terms are gone through
  once for all of them; each label shrinks and stops by itself.
* The matrix is shared, in 32-bit floats, and nothing of it is copied.
* Rows are drawn by a generator of the fit's own, so fits may run in threads and give
  the same whatever runs beside them. Sums are made in one order on every machine.

Weights are 32-bit floats too: a tolerance below some 1e-5 asks for more than they hold.
"""

from libc.math cimport INFINITY, log, pow, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc

import numpy as np

cdef extern from *:
    """
    #include <math.h>
    #include <stdint.h>
    #include <string.h>

    #define DATELINE_LANES 32

    /* Four floats at a time are what every machine has. */
    #if defined(__GNUC__)
    #define dateline_prefetch(address) __builtin_prefetch(address)
    #define DATELINE_INLINE static inline __attribute__((always_inline))
    typedef float dateline_four __attribute__((vector_size(16), may_alias));
    #else
    #define dateline_prefetch(address) ((void)(address))
    #define DATELINE_INLINE static inline
    typedef struct { float lane[4]; } dateline_four;
    #endif

    /* sums += x * line */
    DATELINE_INLINE void dateline_add(
        dateline_four *sums, float x, const dateline_four *line, const int fours)
    {
    #if defined(__GNUC__)
        for (int f = 0; f < fours; f++) sums[f] += x * line[f];
    #else
        for (int f = 0; f < fours; f++)
            for (int l = 0; l < 4; l++) sums[f].lane[l] += x * line[f].lane[l];
    #endif
    }

    /* What is known of a row for each label. */
    typedef struct {
        float alpha[DATELINE_LANES];
        float sign[DATELINE_LANES]; /* 1 or -1: has the label or not */
        float diagonal[DATELINE_LANES]; /* 1 / 2C */
        float inverse[DATELINE_LANES]; /* 1 / (|x|^2 + 1 + diagonal) */
    } dateline_duals;

    /* The greatest and least projected gradients of each label in one pass, and the
       gradient from which on a row is left out. */
    typedef struct {
        float upper[DATELINE_LANES];
        float top[DATELINE_LANES];
        float bottom[DATELINE_LANES];
    } dateline_pass;

    /* A row of the matrix. */
    typedef struct {
        const float *x;
        const int32_t *terms;
        Py_ssize_t n;
    } dateline_row;

    /* Improve the duals of one row; give the labels for which it stays. The memory of
       the next row's terms is sent for meanwhile: waiting for it is most of the work. */
    DATELINE_INLINE uint32_t dateline_visit_fours(
        const dateline_row *row, const dateline_row *next, dateline_four *weights,
        double *bias, dateline_duals *duals, dateline_pass *pass, uint32_t labels,
        const int fours)
    {
        /* Copies, which what is written to the weights cannot change. */
        const float *const x = row->x;
        const int32_t *const terms = row->terms, *const coming = next->terms;
        const Py_ssize_t n = row->n, n_coming = next->n;
        float dots[DATELINE_LANES], change[DATELINE_LANES];
        dateline_four sums[DATELINE_LANES / 4], more[DATELINE_LANES / 4];
        int changed = 0;
        memset(sums, 0, sizeof sums);
        for (Py_ssize_t j = 0; j < n; j++)
            dateline_add(sums, x[j], weights + (Py_ssize_t)terms[j] * fours, fours);
        memcpy(dots, sums, sizeof dots);
        for (int l = 0; l < 4 * fours; l++) {
            const float alpha = duals->alpha[l];
            const float gradient = duals->sign[l] * (dots[l] + (float)bias[l]) - 1.0f
                + duals->diagonal[l] * alpha;
            float projected = gradient;
            change[l] = 0.0f;
            if (!(labels >> l & 1)) continue;
            if (alpha == 0.0f) {
                if (gradient > pass->upper[l]) {
                    labels &= ~(UINT32_C(1) << l);
                    continue;
                }
                if (gradient > 0.0f) projected = 0.0f;
            }
            if (projected > pass->top[l]) pass->top[l] = projected;
            if (projected < pass->bottom[l]) pass->bottom[l] = projected;
            if (projected != 0.0f) {
                float better = alpha - gradient * duals->inverse[l];
                if (better < 0.0f) better = 0.0f;
                duals->alpha[l] = better;
                change[l] = (better - alpha) * duals->sign[l];
                bias[l] += change[l];
                changed |= change[l] != 0.0f;
            }
        }
        memcpy(more, change, 4 * fours * sizeof(float));
        for (Py_ssize_t j = 0; j < n_coming; j++) {
            const dateline_four *line = weights + (Py_ssize_t)coming[j] * fours;
            dateline_prefetch(line);
            if (fours > 1) dateline_prefetch((const char *)(line + fours) - 1);
            if (changed && j < n)
                dateline_add(weights + (Py_ssize_t)terms[j] * fours, x[j], more, fours);
        }
        if (changed)
            for (Py_ssize_t j = n_coming; j < n; j++)
                dateline_add(weights + (Py_ssize_t)terms[j] * fours, x[j], more, fours);
        return labels;
    }

    /* The same, made anew for each number of labels. */
    static uint32_t dateline_visit(
        const dateline_row *row, const dateline_row *next, dateline_four *weights,
        double *bias, dateline_duals *duals, dateline_pass *pass, uint32_t labels, int fours)
    {
        switch (fours) {
    #define DATELINE_CASE(n) \\
        case n: return dateline_visit_fours(row, next, weights, bias, duals, pass, labels, n);
        DATELINE_CASE(1) DATELINE_CASE(2) DATELINE_CASE(3) DATELINE_CASE(4)
        DATELINE_CASE(5) DATELINE_CASE(6) DATELINE_CASE(7)
        default: return dateline_visit_fours(row, next, weights, bias, duals, pass, labels, 8);
        }
    }
    """
    ctypedef struct dateline_four:
        pass
    ctypedef struct dateline_duals:
        float[32] alpha
        float[32] sign
        float[32] diagonal
        float[32] inverse
    ctypedef struct dateline_pass:
        float[32] upper
        float[32] top
        float[32] bottom
    ctypedef struct dateline_row:
        const float* x
        const int32_t* terms
        Py_ssize_t n
    uint32_t dateline_visit(
        const dateline_row* row, const dateline_row* next, dateline_four* weights, double* bias,
        dateline_duals* duals, dateline_pass* passed, uint32_t labels, int fours) nogil

LANES = 32
cdef enum:
    N_LANES = 32


cdef inline uint64_t _drawn(uint64_t* state) noexcept nogil:
    """The next number of a generator (Steele, Lea and Flood's splitmix)."""
    state[0] += <uint64_t>0x9E3779B97F4A7C15
    cdef uint64_t x = state[0]
    x = (x ^ (x >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <uint64_t>0x94D049BB133111EB
    return x ^ (x >> 31)


cdef class Rows:
    """A CSR matrix, checked.

    Parameters
    ----------
    data : ndarray of float32, shape (n_entries,)
    indices : ndarray of int32, shape (n_entries,)
    indptr : ndarray of int, shape (n_rows + 1,)
    n_terms : int
    """

    cdef const float[::1] data
    cdef const int32_t[::1] indices
    cdef const int64_t[::1] ends
    cdef Py_ssize_t n_rows
    cdef Py_ssize_t n_terms

    def __cinit__(self, data, indices, indptr, Py_ssize_t n_terms):
        self.data = np.asarray(data, dtype=np.float32)
        self.indices = np.asarray(indices, dtype=np.int32)
        self.ends = np.ascontiguousarray(indptr, dtype=np.int64)
        self.n_rows = len(indptr) - 1
        self.n_terms = n_terms
        if self.n_rows < 0 or indptr[0] != 0 or (np.diff(indptr) < 0).any():
            raise ValueError("the rows are not in order")
        if not (len(self.data) == len(self.indices) == self.ends[self.n_rows]):
            raise ValueError("the rows' entries do not add up")
        if len(self.indices) and not (0 <= np.min(indices) and np.max(indices) < n_terms):
            raise ValueError(f"an entry is of none of {n_terms} terms")

    def with_data(self, data):
        """The same matrix with other values."""
        cdef Rows other = Rows.__new__(Rows, np.zeros(0, np.float32), np.zeros(0, np.int32), [0], self.n_terms)
        if len(data) != len(self.data):
            raise ValueError(f"{len(data)} values of {len(self.data)} entries")
        other.data = data
        other.indices, other.ends, other.n_rows = self.indices, self.ends, self.n_rows
        return other

    cdef const int64_t[::1] _checked(self, rows):
        if len(rows) and not (0 <= np.min(rows) and np.max(rows) < self.n_rows):
            raise IndexError(f"a row is none of {self.n_rows}")
        return np.ascontiguousarray(rows, dtype=np.int64)

    def weigh(self, rows, idf, scale, bounds, double concept_power, double half_density):
        """Weigh counted terms, as ``predict.terms.weigh`` does, and scale each term.

        Parameters
        ----------
        rows : ndarray of int
            Those that are weighed; the values of others mean nothing.
        idf, scale : ndarray of float, shape (n_terms,)
        bounds : ndarray of int, shape (n_blocks + 1,)
        concept_power, half_density : float
            As :class:`TermSettings` has them.

        Returns
        -------
        Rows
            The weights in the place of the counts.
        """
        cdef const int64_t[::1] wanted = self._checked(rows)
        cdef const double[::1] rarity = np.ascontiguousarray(idf, dtype=np.float64)
        cdef const double[::1] factor = np.ascontiguousarray(scale, dtype=np.float64)
        cdef const int64_t[::1] first = np.ascontiguousarray(bounds, dtype=np.int64)
        cdef Py_ssize_t n_blocks = len(first) - 1, i, at, start, end, block
        if len(rarity) != self.n_terms or len(factor) != self.n_terms:
            raise ValueError(f"idf and scale are not of {self.n_terms} terms")
        if not 1 <= n_blocks or bounds[0] != 0 or bounds[n_blocks] != self.n_terms:
            raise ValueError(f"bounds are not those of blocks of {self.n_terms} terms")
        weighed = np.empty(len(self.data), dtype=np.float32)
        cdef float[::1] into = weighed
        cdef int32_t term
        cdef double count, weight, squares, total, words
        with nogil:
            for i in range(len(wanted)):
                start = self.ends[wanted[i]]
                end = self.ends[wanted[i] + 1]
                words = 0.0
                block = 0
                while start < end:  # a block of the row at a time
                    while self.indices[start] >= first[block + 1]:
                        block += 1
                    squares = total = 0.0
                    at = start
                    while at < end and self.indices[at] < first[block + 1]:
                        term = self.indices[at]
                        count = self.data[at]
                        total += count
                        if block == 0:
                            weight = rarity[term] if count == 1.0 else (1.0 + log(count)) * rarity[term]
                        else:
                            weight = pow(count, concept_power) * rarity[term]
                        into[at] = <float>weight
                        squares += weight * weight
                        at += 1
                    weight = 1.0 / sqrt(squares) if squares > 0.0 else 1.0
                    if block == 0:
                        words = total
                    elif half_density != 0.0:
                        weight *= total / (total + half_density * (words if words > 1.0 else 1.0))
                    while start < at:
                        into[start] = <float>(into[start] * weight * factor[self.indices[start]])
                        start += 1
        return self.with_data(weighed)

    def scores(self, rows, weights, bias):
        """Linear scores of some rows.

        Parameters
        ----------
        rows : ndarray of int, shape (n_wanted,)
        weights : ndarray of float32, shape (n_terms, n_labels)
        bias : ndarray of float64, shape (n_labels,)

        Returns
        -------
        ndarray of float64, shape (n_wanted, n_labels)
        """
        cdef const int64_t[::1] wanted = self._checked(rows)
        cdef const float[:, :] of_terms = weights
        cdef const double[::1] begin = np.ascontiguousarray(bias, dtype=np.float64)
        cdef Py_ssize_t n = len(begin), i, at, label
        if weights.shape[0] != self.n_terms or weights.shape[1] != n:
            raise ValueError("the weights are not of these terms and labels")
        found = np.zeros((len(wanted), n))
        cdef double[:, ::1] into = found
        cdef double value
        with nogil:
            for i in range(len(wanted)):
                for label in range(n):
                    into[i, label] = begin[label]
                for at in range(self.ends[wanted[i]], self.ends[wanted[i] + 1]):
                    value = self.data[at]
                    for label in range(n):
                        into[i, label] += value * of_terms[self.indices[at], label]
        return found

    def fit(self, rows, truth, costs, double tolerance, seed, Py_ssize_t most_passes=1000):
        """Fit the classifiers of some labels.

        Parameters
        ----------
        rows : ndarray of int, shape (n_wanted,)
            Those that are fitted to.
        truth : ndarray of bool, shape (n_wanted, n_labels)
            Which labels each has; at most :data:`LANES` labels.
        costs : ndarray of float, shape (n_wanted, n_labels)
            What each costs where it is on the wrong side: C, times its weight. Those of
            0 are left out.
        tolerance : float
            A label is done when its projected gradients are no further apart.
        seed : int
        most_passes : int, default=1000
            All labels are done after so many passes over the rows.

        Returns
        -------
        weights : ndarray of float32, shape (n_terms, n_labels)
        bias : ndarray of float64, shape (n_labels,)
        """
        cdef const int64_t[::1] wanted = self._checked(rows)
        cdef const uint8_t[:, ::1] has = np.ascontiguousarray(truth, dtype=np.uint8)
        cdef const double[:, ::1] cost = np.ascontiguousarray(costs, dtype=np.float64)
        cdef Py_ssize_t n = len(wanted), n_labels = has.shape[1], i, k, at, passes = 0
        if np.shape(truth) != (n, n_labels) or np.shape(costs) != (n, n_labels) or n_labels > N_LANES:
            raise ValueError(f"truth and costs are not of {n} rows and up to {LANES} labels")
        cdef int fours = <int>((n_labels + 3) // 4)
        # A term begins where a line of the cache does, so far as it can.
        memory = np.zeros(self.n_terms * 4 * fours + 16, dtype=np.float32)
        offset = -(memory.ctypes.data // 4) % 16
        memory = memory[offset : offset + self.n_terms * 4 * fours]
        cdef float[::1] floats = memory
        cdef dateline_four* weights = <dateline_four*>&floats[0] if len(memory) else NULL
        bias = np.zeros(N_LANES)
        cdef double[::1] biases = bias
        cdef dateline_duals* duals = <dateline_duals*>calloc(max(1, n), sizeof(dateline_duals))
        cdef uint32_t* stays = <uint32_t*>calloc(max(1, n), sizeof(uint32_t))
        cdef int32_t* order = <int32_t*>malloc(max(1, n) * sizeof(int32_t))
        cdef uint32_t alive = 0, left, bit
        cdef uint64_t state = seed
        cdef Py_ssize_t n_active, other
        cdef int32_t row
        cdef double squares
        cdef bint shrunk
        cdef dateline_pass now
        cdef dateline_row this, next
        if duals == NULL or stays == NULL or order == NULL:
            free(duals)
            free(stays)
            free(order)
            raise MemoryError
        with nogil:
            for i in range(n):
                squares = 1.0
                for at in range(self.ends[wanted[i]], self.ends[wanted[i] + 1]):
                    squares += <double>self.data[at] * self.data[at]
                for k in range(n_labels):
                    if cost[i, k] > 0.0:
                        duals[i].sign[k] = 1.0 if has[i, k] else -1.0
                        duals[i].diagonal[k] = <float>(0.5 / cost[i, k])
                        duals[i].inverse[k] = <float>(1.0 / (squares + 0.5 / cost[i, k]))
                        stays[i] |= <uint32_t>1 << k
                alive |= stays[i]
                order[i] = <int32_t>i
            n_active = n
            for k in range(n_labels):
                now.upper[k] = INFINITY
            while alive and passes < most_passes:
                passes += 1
                for k in range(n_labels):
                    now.top[k] = -INFINITY
                    now.bottom[k] = INFINITY
                for i in range(n_active - 1, 0, -1):
                    other = <Py_ssize_t>(_drawn(&state) % <uint64_t>(i + 1))
                    row = order[i]
                    order[i] = order[other]
                    order[other] = row
                i = 0
                while i < n_active:
                    row = order[i]
                    left = stays[row] & alive
                    if left:
                        self._point_at(wanted[row], &this)
                        self._point_at(wanted[order[i + 1]] if i + 1 < n_active else wanted[row], &next)
                        left = dateline_visit(&this, &next, weights, &biases[0], &duals[row], &now, left, fours)
                        stays[row] = left
                    if left:
                        i += 1
                    else:  # out of the way, until the last look at all
                        n_active -= 1
                        order[i] = order[n_active]
                        order[n_active] = row
                bit = 1
                for k in range(n_labels):
                    if alive & bit:
                        if now.top[k] - now.bottom[k] <= tolerance or now.top[k] == -INFINITY:
                            # Done, if it is with the rows that were left out, too.
                            shrunk = False
                            for i in range(n):
                                if cost[i, k] > 0.0 and not stays[i] & bit:
                                    stays[i] |= bit
                                    shrunk = True
                            if shrunk:
                                n_active = n
                                now.upper[k] = INFINITY
                            else:
                                alive &= ~bit
                        else:
                            now.upper[k] = now.top[k] if now.top[k] > 0.0 else INFINITY
                    bit <<= 1
        free(duals)
        free(stays)
        free(order)
        return memory.reshape(self.n_terms, 4 * fours)[:, :n_labels], bias[:n_labels].copy()

    cdef inline void _point_at(self, int64_t row, dateline_row* into) noexcept nogil:
        cdef int64_t start = self.ends[row]
        into.x = &self.data[0] + start
        into.terms = &self.indices[0] + start
        into.n = self.ends[row + 1] - start
