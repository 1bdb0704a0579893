"""How long it takes to import, load and answer, beside scikit-learn's own pipeline.

The peer is a TfidfVectorizer with the model's own words and a LinearSVC-like product
with the model's own number of labels: the same work without the lexicon.

    python benchmarks/speed.py [-m MODEL] [-n ARTICLES]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

import dateline.predict
from dateline import Predictor
from dateline.labels import bundled_samples
from dateline.predict.terms import WORDS

WORDS_AN_ARTICLE = 400


def articles(n: int) -> list[str]:
    """Texts of 400 words, made by joining the bundled samples."""
    words = " ".join(f"{s.title}. {s.text}" for s in bundled_samples()).split()
    starts = np.arange(n) * WORDS_AN_ARTICLE % max(1, len(words) - WORDS_AN_ARTICLE)
    return [" ".join(words[i : i + WORDS_AN_ARTICLE]) for i in starts]


def seconds_of_process(code: str, runs: int = 7) -> float:
    """Median wall time of a fresh interpreter that runs some code."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def seconds_of_call(call: Callable[[], object], runs: int = 7) -> float:
    """Median time of a call."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-m", "--model", default=None)
    parser.add_argument("-n", "--articles", type=int, default=200)
    arguments = parser.parse_args()
    path = arguments.model or str(files(dateline.predict) / "default.safetensors")
    texts = articles(arguments.articles)
    predictor = Predictor.load(path)

    nothing = seconds_of_process("pass")
    numpy = seconds_of_process("import numpy")
    embedding = seconds_of_process("import dateline.predict")
    first = seconds_of_process(
        f"from dateline import Predictor; Predictor.load({path!r}).predict('Rain')"
    )
    load = seconds_of_call(lambda: Predictor.load(path))
    one = seconds_of_call(lambda: [predictor.predict(x) for x in texts]) / len(texts)
    batch = seconds_of_call(lambda: list(predictor.predict_many(texts))) / len(texts)
    many = texts * 10
    threads = seconds_of_call(lambda: list(predictor.predict_many(many, jobs=2)))
    threads /= len(many)

    model = predictor.model
    peer = TfidfVectorizer(
        ngram_range=(1, 2),
        sublinear_tf=True,
        vocabulary=model.terms[: model.blocks[WORDS]],
    )
    peer.fit(texts)
    weights = np.asarray(model.weights[: model.blocks[WORDS]], dtype=np.float64)
    theirs = seconds_of_call(lambda: peer.transform(texts) @ weights) / len(texts)

    print(predictor)
    print(f"interpreter alone              {nothing * 1e3:8.0f} ms")
    print(f"  + import numpy               {numpy * 1e3:8.0f} ms")
    print(f"  + import dateline.predict    {embedding * 1e3:8.0f} ms")
    print(f"  + load, first answer         {first * 1e3:8.0f} ms")
    print(f"load of the model              {load * 1e3:8.1f} ms")
    print(f"one article of 400 words       {one * 1e6:8.0f} us")
    print(f"an article in a batch          {batch * 1e6:8.0f} us")
    print(f"  with two threads             {threads * 1e6:8.0f} us")
    print(f"  as a multiple of one         {batch / threads:8.2f}")
    print(f"scikit-learn, the same words   {theirs * 1e6:8.0f} us")
    print(f"  as a multiple of ours        {theirs / batch:8.2f}")
    print(f"size of the model              {Path(path).stat().st_size / 1e6:8.2f} MB")


if __name__ == "__main__":
    main()
