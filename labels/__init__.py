"""What can be said of an article, and examples of it: taxonomy, lexicon, samples."""

from .errors import (
    DatelineError,
    LexiconError,
    SampleError,
    TaxonomyError,
    UnknownLabelError,
)
from .lexicon import Lexicon
from .samples import (
    Sample,
    SampleReport,
    bundled_samples,
    check_samples,
    read_samples,
    write_samples,
)
from .taxonomy import Axis, Label, Taxonomy

__all__ = [
    "Axis",
    "DatelineError",
    "Label",
    "Lexicon",
    "LexiconError",
    "Sample",
    "SampleError",
    "SampleReport",
    "Taxonomy",
    "TaxonomyError",
    "UnknownLabelError",
    "bundled_samples",
    "check_samples",
    "read_samples",
    "write_samples",
]
