"""What a fresh process does, and at the end says how much memory it had at the most.

Not imported by the suite but run, ``python child.py FUNCTION ARGUMENTS``; each function
imports what it needs and nothing else.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def nothing() -> None:
    """Import numpy and end."""
    import numpy  # noqa: F401


def predict_dateline(model: str, texts: str) -> None:
    """Judge the articles of a file, one by one as they are read."""
    from dateline.predict import Predictor

    predictor = Predictor.load(model or None)
    for text in _lines(texts):
        predictor.predict(text)


def predict_sklearn(model: str, texts: str) -> None:
    """As many at a time as dateline holds of a list."""
    import joblib

    pipeline = joblib.load(model)
    lines = _lines(texts)
    for start in range(0, len(lines), 64):
        pipeline.decision_function(lines[start : start + 64])


def predict_fasttext(model: str, texts: str) -> None:
    """All labels of each article."""
    import fasttext

    found = fasttext.load_model(model)
    for text in _lines(texts):
        found.f.predict(text + "\n", -1, 0.0, "strict")


def train_dateline(*arguments: str) -> None:
    """The command ``dateline train``."""
    from dateline.cli import main

    try:
        main(["train", *arguments])
    except SystemExit as end:
        if end.code:
            raise


def train_dateline_terms(samples: str, model: str, terms: str) -> None:
    """The same with a number of words and pairs, which the command does not ask for."""
    from dataclasses import replace

    from dateline.labels import Taxonomy, read_samples
    from dateline.train.fit import train
    from dateline.train.settings import TrainingSettings

    settings = replace(TrainingSettings(), min_df=1, max_words=int(terms))
    train(list(read_samples(samples, Taxonomy.bundled())), settings=settings).save(
        model
    )


def train_sklearn(samples: str, model: str, terms: str = "") -> None:
    """Vectorise, fit one balanced LinearSVC, save."""
    import joblib
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    rows = [json.loads(line) for line in _lines(samples)]
    (axis,) = rows[0].keys() - {"id", "title", "text"}
    pipeline = make_pipeline(
        TfidfVectorizer(
            ngram_range=(1, 2),
            sublinear_tf=True,
            min_df=1 if terms else 2,
            max_features=int(terms) if terms else None,
        ),
        LinearSVC(class_weight="balanced"),
    )
    pipeline.fit([row["text"] for row in rows], [row[axis][0] for row in rows])
    joblib.dump(pipeline, model)


def train_fasttext(lines: str, model: str, dim: str, pairs: str, bucket: str) -> None:
    """Train with fastText's own settings but for these, one thread, and save."""
    import fasttext

    fasttext.train_supervised(
        lines,
        dim=int(dim),
        wordNgrams=int(pairs),
        bucket=int(bucket),
        thread=1,
        verbose=0,
    ).save_model(model)


def _lines(path: str) -> list[str]:
    return Path(path).read_text("utf-8").splitlines()


def _peak() -> int:
    """The most bytes of this process that were resident at a time."""
    if sys.platform == "linux":
        # Not getrusage: its figure is handed on from the process that started this one.
        for line in _lines("/proc/self/status"):
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform != "win32":
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used if sys.platform == "darwin" else used * 1024
    return 0


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
    print("peak", _peak())
