"""What can be said of an article, and examples of it: taxonomy, lexicon, samples.

The names below are loaded on first use: a program that only predicts needs a taxonomy,
not the readers of every labelling tool's files.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import DatelineError as DatelineError
    from .errors import LexiconError as LexiconError
    from .errors import SampleError as SampleError
    from .errors import TaxonomyError as TaxonomyError
    from .errors import UnknownLabelError as UnknownLabelError
    from .formats import FORMATS as FORMATS
    from .formats import detect_format as detect_format
    from .formats import read_labelled as read_labelled
    from .formats import write_labelled as write_labelled
    from .lexicon import Lexicon as Lexicon
    from .losses import LossError as LossError
    from .mapping import LabelMap as LabelMap
    from .reading import ReadOptions as ReadOptions
    from .samples import Sample as Sample
    from .samples import bundled_samples as bundled_samples
    from .samples import read_samples as read_samples
    from .samples import write_samples as write_samples
    from .taxonomy import Axis as Axis
    from .taxonomy import Label as Label
    from .taxonomy import Taxonomy as Taxonomy

_HOMES = {
    "FORMATS": "formats",
    "Axis": "taxonomy",
    "DatelineError": "errors",
    "Label": "taxonomy",
    "LabelMap": "mapping",
    "Lexicon": "lexicon",
    "LexiconError": "errors",
    "LossError": "losses",
    "ReadOptions": "reading",
    "Sample": "samples",
    "SampleError": "errors",
    "Taxonomy": "taxonomy",
    "TaxonomyError": "errors",
    "UnknownLabelError": "errors",
    "bundled_samples": "samples",
    "detect_format": "formats",
    "read_labelled": "formats",
    "read_samples": "samples",
    "write_labelled": "formats",
    "write_samples": "samples",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{home}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
