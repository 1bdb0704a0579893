# From linear scores to answers: probabilities, and the labels that they give. What is
# given is what ``decisions.DecisionRule`` says, which stays the definition. Part of
# _scan.pyx.

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stdlib cimport qsort

from .article import Article
from .predictions import Prediction, Scored

cdef extern from "Python.h":
    int PyObject_GenericSetAttr(object, object, object) except -1

cdef object _new = object.__new__


# The labels of an axis, by their columns.
cdef struct Head:
    int32_t start
    int32_t stop
    int32_t first_pair
    int32_t last_pair
    bint single  # only the likeliest label, and those above it, are given


cdef struct Pair:
    int32_t below
    int32_t above


cdef struct Found:
    double score
    int32_t column


cdef int _likelier(const void* one, const void* other) noexcept nogil:
    """Best first; of equals, that of the first column."""
    cdef const Found* a = <const Found*>one
    cdef const Found* b = <const Found*>other
    if a.score != b.score:
        return -1 if a.score > b.score else 1
    return -1 if a.column < b.column else 1


cdef class Judge:
    """Makes answers of linear scores.

    Parameters
    ----------
    heads : sequence of (str, sequence of Label, DecisionRule)
        Each axis by its id, its labels in the order of their columns, and how they
        are given.
    calibration : ndarray of float64, shape (n_labels, 2)
        The slope and the offset of each label's sigmoid.
    thresholds : ndarray of float64, shape (n_labels,)
        The probability from which each label is given.

    Raises
    ------
    ValueError
        If there are other numbers of labels, of sigmoids and of thresholds.
    """

    cdef Head* heads
    cdef Pair* pairs  # of all axes: the deepest labels first
    cdef uint8_t* leaves
    cdef double* slopes
    cdef double* offsets
    cdef double* least
    cdef Py_ssize_t n_labels
    cdef Py_ssize_t n_heads
    cdef tuple axes
    cdef list labels  # id, name and code of each column
    cdef dict nothing  # the labels of an article without any
    cdef dict columns  # of each axis, as `Prediction` wants them
    cdef tuple made_of

    def __cinit__(self, heads, calibration, thresholds):
        cdef Py_ssize_t n = 0, i
        heads = list(heads)
        self.made_of = (heads, calibration, thresholds)
        calibration = np.asarray(calibration, dtype=np.float64)
        thresholds = np.asarray(thresholds, dtype=np.float64)
        self.labels = [(x.id, x.name, x.code) for _, labels, _ in heads for x in labels]
        self.n_labels = len(self.labels)
        self.n_heads = len(heads)
        if calibration.shape != (self.n_labels, 2) or thresholds.shape != (self.n_labels,):
            raise ValueError("sigmoids and thresholds are not of these labels")
        self.axes = tuple([axis for axis, _, _ in heads])
        self.nothing = dict.fromkeys(self.axes, ())
        self.columns = {}
        kept = np.zeros((self.n_heads, 5), dtype=np.int32)
        pairs, leaves = [], []
        for i, (axis, labels, rule) in enumerate(heads):
            self.columns[axis] = (tuple([label.id for label in labels]), n)
            kept[i] = (
                n, n + len(labels), len(pairs), len(pairs) + len(rule.pairs), rule.single
            )
            pairs += [(n + below, n + above) for below, above in rule.pairs]
            leaves += rule.leaves.tolist()
            n += len(labels)
        self.heads = <Head*>_copied(kept)
        self.pairs = <Pair*>_copied(np.array(pairs, dtype=np.int32).reshape(-1, 2))
        self.leaves = <uint8_t*>_copied(np.array(leaves, dtype=np.uint8))
        self.slopes = <double*>_copied(calibration[:, 0])
        self.offsets = <double*>_copied(calibration[:, 1])
        # A probability of 0 is never a reason to give a label.
        self.least = <double*>_copied(np.maximum(thresholds, np.nextafter(0.0, 1.0)))

    def __reduce__(self):
        return Judge, self.made_of

    def __dealloc__(self):
        free(self.heads)
        free(self.pairs)
        free(self.leaves)
        free(self.slopes)
        free(self.offsets)
        free(self.least)

    cdef void judge(self, double* scores, uint8_t* given) noexcept nogil:
        """Make probabilities of an article's scores, and mark the labels given."""
        cdef Py_ssize_t h, i
        cdef double x, small
        for i in range(self.n_labels):
            x = scores[i] * self.slopes[i] + self.offsets[i]
            small = exp(-x if x > 0.0 else x)
            scores[i] = (1.0 if x >= 0.0 else small) / (1.0 + small)
        for h in range(self.n_heads):
            self._give(&self.heads[h], scores, given)

    cdef void _give(self, const Head* head, double* scores, uint8_t* given) noexcept nogil:
        cdef Py_ssize_t i, best
        cdef const Pair* pair
        for i in range(head.first_pair, head.last_pair):
            pair = &self.pairs[i]
            if scores[pair.above] < scores[pair.below]:
                scores[pair.above] = scores[pair.below]
        if head.single:
            best = head.start
            while not self.leaves[best]:  # what lies below all others is one
                best += 1
            for i in range(best, head.stop):
                if self.leaves[i] and scores[i] > scores[best]:
                    best = i
            memset(&given[head.start], 0, head.stop - head.start)
            given[best] = True
            # Of those above it, each by its own threshold, and then again by this one.
            self._spread(head, given)
            for i in range(head.start, head.stop):
                given[i] = given[i] and scores[i] >= self.least[i]
        else:
            for i in range(head.start, head.stop):
                given[i] = scores[i] >= self.least[i]
        self._spread(head, given)

    cdef void _spread(self, const Head* head, uint8_t* given) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(head.first_pair, head.last_pair):
            given[self.pairs[i].above] |= given[self.pairs[i].below]

    cdef object answer(self, const double* scores, const uint8_t* given, Found* found, id):
        """The answer to an article; `found` has room for its labels."""
        cdef dict labels = self.nothing.copy()
        cdef const Head* head
        cdef Py_ssize_t h, i, n
        for h in range(self.n_heads):
            head = &self.heads[h]
            n = 0
            for i in range(head.start, head.stop):
                if given[i]:
                    found[n].score = scores[i]
                    found[n].column = <int32_t>i
                    n += 1
            if n > 1:
                qsort(found, n, sizeof(Found), _likelier)
            if n:
                labels[self.axes[h]] = self._scored(found, n)
        prediction = _new(Prediction)
        # Past the class's own refusal: it is frozen, and not yet anybody's.
        PyObject_GenericSetAttr(prediction, "labels", labels)
        PyObject_GenericSetAttr(prediction, "id", id)
        PyObject_GenericSetAttr(prediction, "_columns", self.columns)
        row = PyBytes_FromStringAndSize(<const char*>scores, self.n_labels * sizeof(double))
        PyObject_GenericSetAttr(prediction, "_row", row)
        return prediction

    cdef tuple _scored(self, const Found* found, Py_ssize_t n):
        cdef tuple all = PyTuple_New(n), label
        cdef Py_ssize_t i
        for i in range(n):
            scored = _new(Scored)
            label = self.labels[found[i].column]
            PyObject_GenericSetAttr(scored, "label", label[0])
            PyObject_GenericSetAttr(scored, "name", label[1])
            PyObject_GenericSetAttr(scored, "code", label[2])
            PyObject_GenericSetAttr(scored, "score", found[i].score)
            Py_INCREF(scored)  # which the next line takes over
            PyTuple_SET_ITEM(all, i, scored)
        return all
