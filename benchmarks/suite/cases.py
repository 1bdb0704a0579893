"""The cases: what is measured, and against whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import joblib

from dateline import Predictor

from . import peers, texts
from .clock import Measure, call, child, each, interleaved, python
from .results import (
    DATELINE,
    FASTTEXT,
    FASTTEXT_100,
    FLOOR,
    IN_PYTHON,
    SKLEARN,
    TWO,
    TWO_JOBS,
    Case,
    machine,
)
from .work import Work

SLOW = 8
"""Of so many articles one is enough for what takes many times as long."""


def predict(work: Work) -> Case:
    """An article in a batch."""
    batch, n = work.texts, len(work.texts)
    predictor, pipeline = work.predictor, joblib.load(work.sklearn_file)
    contestants = {
        DATELINE: call(lambda: list(predictor.predict_many(batch)), n),
        TWO: call(lambda: list(predictor.predict_many(batch, jobs=2)), n),
        SKLEARN: call(lambda: pipeline.decision_function(batch), n),
    }
    notes = [_of_texts(work), *work.without]
    for name, path in work.fasttext_files.items():
        many = peers.fasttext_many(peers.load_fasttext(path))
        contestants[name] = call(lambda many=many: many(batch), n)  # type: ignore[misc]
    tokens = peers.floor(predictor)
    if tokens is None:
        notes.append("This dateline has no function that only tokenises: no floor.")
    else:
        contestants[FLOOR] = call(lambda: tokens(batch), n)
        notes.append("The floor only splits the text into tokens and hashes them.")
    slow = peers.in_python(work.model)
    if slow is None:
        notes.append("The scan is not compiled here: dateline is in Python alone.")
    else:
        few = batch[::SLOW]
        contestants[IN_PYTHON] = call(lambda: list(slow.predict_many(few)), len(few))
    rows = interleaved(contestants, work.sizes.rounds)
    return Case("predict", "An article in a batch", rows, notes, machine=machine())


def one(work: Work) -> Case:
    """One article at a time."""
    batch = texts.articles(work.sizes.one)
    pipeline = joblib.load(work.sklearn_file)
    contestants = {
        DATELINE: each(work.predictor.predict, batch),
        SKLEARN: each(lambda text: pipeline.decision_function([text]), batch),
    }
    for name, path in work.fasttext_files.items():
        contestants[name] = each(peers.fasttext_one(peers.load_fasttext(path)), batch)
    notes = [
        "A round's value is the median over its articles.",
        *work.without,
    ]
    rows = interleaved(contestants, work.sizes.rounds)
    return Case("one", "One article alone", rows, notes, machine=machine())


def load(work: Work) -> Case:
    """A model from its file, in a process that runs."""
    path = work.path
    contestants = {
        DATELINE: call(lambda: Predictor.load(path)),
        SKLEARN: call(lambda: joblib.load(work.sklearn_file)),
    }
    for name, file in _sizes_of_fasttext(work).items():
        contestants[name] = call(lambda file=file: peers.load_fasttext(file))  # type: ignore[misc]
    notes = ["dateline's model holds its lexicon.", *work.without]
    rows = interleaved(contestants, work.sizes.rounds)
    return Case(
        "load", "Load of the model, the file cached", rows, notes, machine=machine()
    )


def start(work: Work) -> Case:
    """A fresh process to its first answer."""
    path = None if work.path is None else str(work.path)
    text = "Heavy rain flooded Lagos on Tuesday."
    contestants = {
        DATELINE: python(
            f"from dateline import Predictor; Predictor.load({path!r}).predict({text!r})"
        ),
        SKLEARN: python(
            f"import joblib; joblib.load({str(work.sklearn_file)!r})"
            f".decision_function([{text!r}])"
        ),
    }
    for name, file in _sizes_of_fasttext(work).items():
        contestants[name] = python(
            f"import fasttext; fasttext.load_model({str(file)!r})"
            f".f.predict({text!r} + '\\n', -1, 0.0, 'strict')"
        )
    contestants[FLOOR] = python("import numpy")
    contestants["interpreter alone"] = python("pass")
    notes = [
        "Whole processes: interpreter, imports, load, one answer, end.",
        "The floor is 'import numpy'.",
        *work.without,
    ]
    rows = interleaved(contestants, work.sizes.starts)
    return Case(
        "start", "First answer of a fresh process", rows, notes, machine=machine()
    )


def train(work: Work) -> Case:
    """The whole command, beside what vectorises and fits once."""
    n = work.sizes.train
    by_label = texts.regions()
    files = work.training_files("train", "regions", texts.labelled(n, by_label))
    samples, lines = files
    contestants: dict[str, Measure] = {
        DATELINE: child("train_dateline", samples, "-o", work.folder / "t1", "-j", 1),
        SKLEARN: child("train_sklearn", samples, work.folder / "t3"),
    }
    if work.sizes.two_jobs:
        contestants[TWO_JOBS] = child(
            "train_dateline", samples, "-o", work.folder / "t2", "-j", 2
        )
    if peers.HAS_FASTTEXT:
        for name, dim in ((FASTTEXT, 10), (FASTTEXT_100, 100)):
            contestants[name] = child(
                "train_fasttext", lines, work.folder / "t4", dim, 2, 2_000_000
            )
    notes = [
        f"{n:,} made-up articles of {texts.WORDS} words, {len(by_label)} labels, one "
        "an article; whole processes, files read and the model written.",
        "dateline: 'dateline train SAMPLES', cross-validated, calibrated, with its "
        "lexicon. scikit-learn: TfidfVectorizer(ngram_range=(1, 2), min_df=2, "
        "sublinear_tf=True) and LinearSVC(class_weight='balanced'), fitted once. "
        "fastText: word pairs, one thread, else its own settings (5 epochs).",
        *work.without,
    ]
    rows = interleaved(contestants, work.sizes.trainings, warm=False)
    return Case("train", "Training", rows, notes, machine=machine())


def memory(work: Work) -> Case:
    """The peak of a fresh process that judges articles."""
    file = work.folder / "memory.txt"
    file.write_text("\n".join(texts.articles(work.sizes.memory)), "utf-8")
    contestants: dict[str, Measure] = {
        DATELINE: child("predict_dateline", work.path or "", file),
        SKLEARN: child("predict_sklearn", work.sklearn_file, file),
    }
    for name, path in work.fasttext_files.items():
        contestants[name] = child("predict_fasttext", path, file)
    contestants[FLOOR] = child("nothing")
    notes = [
        f"Fresh processes that judge {work.sizes.memory:,} articles; resident, all "
        "processes of the tree together.",
        "The floor is 'import numpy'.",
        *work.without,
    ]
    rows = interleaved(contestants, min(3, work.sizes.starts), warm=False)
    return Case("memory", "Peak memory of predicting", rows, notes, machine=machine())


CASES: Mapping[str, Callable[[Work], Case]] = {
    "predict": predict,
    "one": one,
    "load": load,
    "start": start,
    "train": train,
    "memory": memory,
}


def _sizes_of_fasttext(work: Work) -> dict[str, object]:
    """Of fastText's files those without pairs, whose 2,000,000 rows are mostly empty."""
    return {
        name: path
        for name, path in work.fasttext_files.items()
        if name in (FASTTEXT, FASTTEXT_100)
    }


def _of_texts(work: Work) -> str:
    size = sum(len(text.encode()) for text in work.texts) / len(work.texts)
    return (
        f"{len(work.texts):,} articles of {texts.WORDS} words, {size:,.0f} bytes in the "
        f"mean; {len(work.model.bias)} labels, all asked for. dateline's answers are "
        "Predictions with calibrated probabilities, made with its lexicon. scikit-learn: "
        "the same words, word pairs and weights. fastText: every word of the bundled "
        "samples, one against all, raw text."
    )
