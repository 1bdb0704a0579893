"""The curves: time against the number of articles, of labels, of terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count, islice
from pathlib import Path

from sklearn.feature_extraction.text import CountVectorizer

from dateline.predict import Predictor
from dateline.predict.terms import WORDS

from . import peers, texts
from .clock import Measure, call, child, interleaved
from .results import DATELINE, FASTTEXT, SKLEARN, Case, Row, machine
from .work import Work


def train_articles(work: Work) -> Case:
    """Training against the number of articles."""
    rows: list[Row] = []
    by_label = texts.regions()
    for n in work.sizes.curve_articles:
        files = work.training_files("curve", "regions", texts.labelled(n, by_label))
        rows += interleaved(_trainers(work, *files), 1, warm=False, x=n)
    notes = [f"{len(by_label)} labels; as in the case 'train'.", *work.without]
    return Case(
        *("train-articles", "Training, by articles", rows, notes, "articles"), machine()
    )


def train_labels(work: Work) -> Case:
    """Training against the number of labels."""
    rows: list[Row] = []
    n = work.sizes.curve_train
    taxonomy = work.folder / "labels.toml"
    for labels in work.sizes.curve_labels:
        by_label = texts.groups(labels)
        lines = ['axis = "desk"', *(f'[[label]]\nid = "{label}"' for label in by_label)]
        taxonomy.write_text("\n".join(lines) + "\n", "utf-8")
        files = work.training_files("curve", "desk", texts.labelled(n, by_label))
        trainers = _trainers(work, *files, "--taxonomy", taxonomy)
        rows += interleaved(trainers, 1, warm=False, x=labels)
    notes = [f"{n:,} articles; as in the case 'train'.", *work.without]
    return Case(
        *("train-labels", "Training, by labels", rows, notes, "labels"), machine()
    )


def train_terms(work: Work) -> Case:
    """Training against the number of words and word pairs that are kept."""
    rows: list[Row] = []
    n = work.sizes.curve_train
    samples, lines = work.training_files(
        "curve", "regions", texts.labelled(n, texts.regions())
    )
    model = work.folder / "curve.model"
    for terms in work.sizes.curve_terms:
        contestants: dict[str, Measure] = {
            DATELINE: child("train_dateline_terms", samples, model, terms),
            SKLEARN: child("train_sklearn", samples, model, terms),
        }
        if peers.HAS_FASTTEXT:
            contestants[FASTTEXT] = child("train_fasttext", lines, model, 10, 2, terms)
        rows += interleaved(contestants, 1, warm=False, x=terms)
    notes = [
        f"{n:,} articles, 20 labels; the most frequent words and word pairs "
        "(max_words, max_features), met once or more; fastText's pairs in so many rows "
        "(bucket).",
        *work.without,
    ]
    return Case(*("train-terms", "Training, by terms", rows, notes, "terms"), machine())


def predict_labels(work: Work) -> Case:
    """An article in a batch against the number of labels."""
    rows: list[Row] = []
    vocabulary = work.model.terms[: work.model.blocks[WORDS]]
    for labels in work.sizes.curve_labels:
        by_label = texts.groups(labels)
        n = max(1000, 2 * labels)
        lines = [f"__label__{y} {x}" for x, y in texts.labelled(n, by_label, words=60)]
        rows += _predicting(work, labels, vocabulary, lines, x=labels)
    notes = [
        f"{len(vocabulary):,} words and word pairs of the default model, drawn weights.",
        *work.without,
    ]
    return Case(
        *("predict-labels", "Predicting, by labels", rows, notes, "labels"), machine()
    )


def predict_terms(work: Work) -> Case:
    """An article in a batch against the number of words and word pairs of the model."""
    rows: list[Row] = []
    training = list(texts.labelled(work.sizes.curve_train, texts.regions()))
    lines = [f"__label__{label} {text}" for text, label in training]
    for terms in work.sizes.curve_terms:
        counter = CountVectorizer(ngram_range=(1, 2), max_features=terms)
        found = counter.fit([text for text, _ in training]).get_feature_names_out()
        vocabulary = found.tolist()
        # What the articles do not have is made up, so that the number is right.
        made_up = (f"zz{n}" for n in count())
        vocabulary += islice(made_up, terms - len(vocabulary))
        rows += _predicting(work, 37, vocabulary, lines, x=terms, bucket=terms)
    notes = [
        "37 labels, drawn weights; the most frequent words and word pairs of "
        f"{len(training):,} made-up articles; fastText's pairs in so many rows (bucket).",
        *work.without,
    ]
    return Case(
        *("predict-terms", "Predicting, by terms", rows, notes, "terms"), machine()
    )


CURVES: Mapping[str, Callable[[Work], Case]] = {
    "train-articles": train_articles,
    "train-labels": train_labels,
    "train-terms": train_terms,
    "predict-labels": predict_labels,
    "predict-terms": predict_terms,
}


def _trainers(
    work: Work, samples: Path, lines: Path, *options: object
) -> dict[str, Measure]:
    model = work.folder / "curve.model"
    contestants: dict[str, Measure] = {
        DATELINE: child("train_dateline", samples, "-o", model, *options),
        SKLEARN: child("train_sklearn", samples, model),
    }
    if peers.HAS_FASTTEXT:
        contestants[FASTTEXT] = child("train_fasttext", lines, model, 10, 2, 2_000_000)
    return contestants


def _predicting(
    work: Work,
    labels: int,
    vocabulary: Sequence[str],
    lines: list[str],
    *,
    x: float,
    bucket: int = 0,
) -> list[Row]:
    model = peers.made_up(labels, vocabulary, work.model)
    batch, n = work.texts, len(work.texts)
    predictor, pipeline = Predictor(model), peers.sklearn_of(model)
    contestants = {
        DATELINE: call(lambda: list(predictor.predict_many(batch)), n),
        SKLEARN: call(lambda: pipeline.decision_function(batch), n),
    }
    if peers.HAS_FASTTEXT:
        many = peers.fasttext_many(
            peers.load_fasttext(
                peers.save_fasttext(
                    lines,
                    work.folder / "curve.bin",
                    dim=10,
                    pairs=bool(bucket),
                    bucket=bucket,
                )
            )
        )
        contestants[FASTTEXT] = call(lambda: many(batch), n)
    return interleaved(contestants, min(5, work.sizes.rounds), x=x)
