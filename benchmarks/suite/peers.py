"""What dateline is held against: the same text, the same number of labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC

from dateline.labels import Sample
from dateline.predict import Model, Predictor
from dateline.predict.eight_bits import EightBits
from dateline.predict.terms import WORDS

try:
    import fasttext
except ImportError:
    fasttext = None
else:
    fasttext.FastText.eprint = lambda message: None  # says at each load what changed

HAS_FASTTEXT = fasttext is not None

WITHOUT_FASTTEXT = (
    "fastText is not installed and is left out (pip install 'dateline[bench]')."
)


def sklearn_of(model: Model) -> Pipeline:
    """scikit-learn's own pipeline of a model's words, labels and weights.

    A ``TfidfVectorizer`` and a ``LinearSVC`` as ``fit`` would leave them, so that
    ``decision_function`` gives what the words of the model add up to; without the
    lexicon and without probabilities.
    """
    n_words = model.blocks[WORDS]
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, vocabulary=model.terms[:n_words]
    )
    vectorizer.idf_ = model.idf[:n_words].astype(np.float64)
    classifier = LinearSVC()
    # Column after column, as LinearSVC's own fit lays it out: the transposed product
    # then needs no copy.
    classifier.coef_ = np.asfortranarray(model.weights[:n_words].T, dtype=np.float64)
    classifier.intercept_ = model.bias.copy()
    classifier.classes_ = np.arange(len(model.bias))
    return make_pipeline(vectorizer, classifier)


def save_sklearn(model: Model, path: Path) -> Path:
    """Write that pipeline as its users do."""
    joblib.dump(sklearn_of(model), path)
    return path


def fasttext_lines(samples: Iterable[Sample]) -> Iterable[str]:
    """Samples as fastText reads them, the labels of all axes."""
    for sample in samples:
        labels = [f"__label__{x}" for found in sample.labels.values() for x in found]
        if labels:
            yield " ".join([*labels, *f"{sample.title}. {sample.text}".split()])


def save_fasttext(
    lines: Iterable[str], path: Path, *, dim: int, pairs: bool = False, bucket: int = 0
) -> Path:
    """Train fastText for a moment, for its size and not for its answers.

    Every word of the lines is in the model, its loss is one against all: a probability
    for each label, as dateline gives. With `pairs`, word pairs count, hashed into
    `bucket` rows, fastText's 2,000,000 by default.
    """
    text = path.with_suffix(".txt")
    text.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    model = fasttext.train_supervised(
        str(text),
        dim=dim,
        wordNgrams=2 if pairs else 1,
        bucket=bucket or 2_000_000,
        loss="ova",
        epoch=1,
        thread=1,
        verbose=0,
    )
    model.save_model(str(path))
    return path


def load_fasttext(path: Path) -> Any:
    """A model that ``save_fasttext`` wrote."""
    return fasttext.load_model(str(path))


def fasttext_one(model: Any) -> Callable[[str], object]:
    """All labels of one text.

    Asked below ``predict``, which fails with numpy 2 in fastText 0.9.2 and does no more
    than put the answer into an array.
    """
    return lambda text: model.f.predict(f"{text}\n", -1, 0.0, "strict")


def fasttext_many(model: Any) -> Callable[[Sequence[str]], object]:
    """All labels of texts, by the call that fastText has for many."""
    return lambda texts: model.predict(list(texts), k=-1)


def floor(predictor: Predictor) -> Callable[[Sequence[str]], int] | None:
    """Texts to the number of their tokens, each hashed, and nothing else: compiled.

    No program that looks up the words of a text can be faster than this one's way of
    finding them. None where this dateline has no such function.
    """
    if "scan compiled" not in repr(predictor):
        return None
    from dateline.predict._scan import count_tokens

    return count_tokens


def in_python(model: Model) -> Predictor | None:
    """A predictor that does without its compiled scan; None where there is none."""
    predictor = Predictor(model)
    counter = getattr(predictor, "_counter", None)
    if getattr(counter, "scan", None) is None:
        return None
    counter.scan = None  # type: ignore[union-attr]
    return predictor


def made_up(
    labels: int, vocabulary: Sequence[str], base: Model, seed: int = 0
) -> Model:
    """The default model with another vocabulary and other labels, without a meaning.

    The lexicon and the blocks of concepts stay; weights are drawn.
    """
    from dateline.labels import Axis, Label, Taxonomy

    rng = np.random.default_rng(seed)
    axis = Axis(
        "desk", "Desk", tuple(Label(f"d{n}", f"Desk {n}") for n in range(labels))
    )
    words = sorted(vocabulary)
    concepts = base.terms[base.blocks[WORDS] :]
    n_terms = len(words) + len(concepts)
    weights = rng.normal(scale=0.1, size=(n_terms, labels))
    blocks: Mapping[str, int] = {**base.blocks, WORDS: len(words)}
    idf: NDArray[np.float32] = rng.uniform(2, 9, n_terms).astype(np.float32)
    return Model(
        terms=(*words, *concepts),
        blocks=blocks,
        idf=idf,
        weights=EightBits.nearest(weights),
        bias=np.full(labels, -1.0),
        calibration=np.tile([2.0, 0.0], (labels, 1)),
        thresholds=np.full(labels, 0.5),
        phrases=base.phrases,
        taxonomy=Taxonomy((axis,)),
        known={axis.id: axis.ids},
        settings=base.settings,
        card={},
    )
