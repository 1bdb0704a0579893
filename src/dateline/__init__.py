"""Which world regions and which topics is a news article about?

The names below are loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .labels import DatelineError as DatelineError
    from .predict import Article as Article
    from .predict import Evidence as Evidence
    from .predict import Explanation as Explanation
    from .predict import ModelError as ModelError
    from .predict import Prediction as Prediction
    from .predict import Predictor as Predictor
    from .predict import Scored as Scored
    from .predict import Span as Span

_HOMES = {
    "Article": "predict",
    "DatelineError": "labels",
    "Evidence": "predict",
    "Explanation": "predict",
    "ModelError": "predict",
    "Prediction": "predict",
    "Predictor": "predict",
    "Scored": "predict",
    "Span": "predict",
}

__all__ = [
    "Article",
    "DatelineError",
    "Evidence",
    "Explanation",
    "ModelError",
    "Prediction",
    "Predictor",
    "Scored",
    "Span",
    "__version__",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{home}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
