"""What can be said of an article, and examples of it: taxonomy, lexicon, samples."""

from .errors import (
    DatelineError,
    LexiconError,
    SampleError,
    TaxonomyError,
    UnknownLabelError,
)
from .formats import FORMATS, detect_format, read_labelled, write_labelled
from .lexicon import Lexicon
from .losses import LossError
from .mapping import LabelMap
from .reading import ReadOptions
from .samples import (
    Sample,
    bundled_samples,
    read_samples,
    write_samples,
)
from .taxonomy import Axis, Label, Taxonomy

__all__ = [
    "FORMATS",
    "Axis",
    "DatelineError",
    "Label",
    "LabelMap",
    "Lexicon",
    "LexiconError",
    "LossError",
    "ReadOptions",
    "Sample",
    "SampleError",
    "Taxonomy",
    "TaxonomyError",
    "UnknownLabelError",
    "bundled_samples",
    "detect_format",
    "read_labelled",
    "read_samples",
    "write_labelled",
    "write_samples",
]
