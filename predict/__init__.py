"""What another program embeds: text in, labels out. Imports numpy, no scikit-learn."""

from .articles import Article
from .model import FORMAT_VERSION, Model, ModelError
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
