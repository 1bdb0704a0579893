"""What another program embeds: text in, labels out. Imports numpy, no scikit-learn."""

from .article import Article
from .model import Model
from .model_file import FORMAT_VERSION, ModelError
from .phrases import PhraseTable
from .predictions import Evidence, Explanation, Prediction, Scored
from .predictor import Predictor
from .terms import Span, TermScanner, TermSettings

__all__ = [
    "FORMAT_VERSION",
    "Article",
    "Evidence",
    "Explanation",
    "Model",
    "ModelError",
    "PhraseTable",
    "Prediction",
    "Predictor",
    "Scored",
    "Span",
    "TermScanner",
    "TermSettings",
]
