"""Train on one file of samples, judge on another, beside the usual scikit-learn way.

The peer is word TF-IDF(1,2) with a balanced LinearSVC a label; its labels are those
with a positive score.

    python benchmarks/quality.py TRAIN.jsonl.gz TEST.jsonl.gz [-j JOBS]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.svm import LinearSVC

from dateline.labels import Sample, Taxonomy, read_samples
from dateline.predict import Predictor
from dateline.train.evaluate import HEADLINE, AxisOutcome, evaluate, metrics
from dateline.train.fit import train


def peer(training: Sequence[Sample], test: Sequence[Sample], axis: str) -> AxisOutcome:
    """What word TF-IDF and a linear SVM say of the test samples."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    binarizer = MultiLabelBinarizer()
    X = vectorizer.fit_transform(f"{s.title}\n{s.text}" for s in training)
    y = binarizer.fit_transform([s.labels[axis] for s in training])
    model = OneVsRestClassifier(LinearSVC(class_weight="balanced")).fit(X, y)
    scores = model.decision_function(
        vectorizer.transform(f"{s.title}\n{s.text}" for s in test)
    )
    labels = tuple(binarizer.classes_)
    unseen = sorted({x for s in test for x in s.labels[axis]} - set(labels))
    columns = (*labels, *unseen)
    truth = np.array([[x in s.labels[axis] for x in columns] for s in test])
    filler = np.full((len(test), len(unseen)), scores.min())
    scores = np.hstack([scores, filler])
    return AxisOutcome(columns, truth, scores > 0, scores)


def main() -> None:
    """Print a line for each of the two."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("-j", "--jobs", type=int, default=1)
    arguments = parser.parse_args()
    taxonomy = Taxonomy.bundled()
    training = list(read_samples(arguments.train, taxonomy))
    test = list(read_samples(arguments.test, taxonomy))
    start = time.perf_counter()
    model = train(training, jobs=arguments.jobs)
    judged = evaluate(Predictor(model), test)
    seconds = time.perf_counter() - start
    for axis in taxonomy:
        if not all(axis.id in s.labels for s in (*training, *test)):
            continue
        print_line("dateline", axis.id, judged[axis.id], seconds)
        start = time.perf_counter()
        # The peer's scores are no probabilities, so it has no calibration error.
        figures = metrics(peer(training, test, axis.id)) | {"ece": None}
        print_line("TF-IDF + LinearSVC", axis.id, figures, time.perf_counter() - start)


def print_line(
    name: str, axis: str, figures: dict[str, float | None], seconds: float
) -> None:
    """Print the headline figures of one contestant."""
    shown = "  ".join(
        f"{key} {'-' if figures[key] is None else format(figures[key], '.3f')}"
        for key in HEADLINE
    )
    print(f"{name:<20} {axis}  {shown}  ({seconds:.1f} s)")


if __name__ == "__main__":
    main()
