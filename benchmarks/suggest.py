"""What choosing the samples to label is worth: macro-F1 with 500 labels.

Starts with 100 random labels of a file and adds 400 in batches of 100: those that
``dateline.train.suggest`` chooses from the rest, with a model trained on what is
labelled so far, or random ones. Both arms start with the same labels; the pool is
5,000 samples of the file, the same for both. Prints macro-F1 on the test file, seed by
seed, and the mean difference with its standard deviation over the seeds.

    python benchmarks/suggest.py TRAIN.jsonl.gz TEST.jsonl.gz [--seeds 5] [-j JOBS]
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Sequence
from pathlib import Path

import joblib

from dateline.labels import Lexicon, Sample, Taxonomy, read_samples
from dateline.predict import Article, Model, Predictor
from dateline.train.evaluate import evaluate
from dateline.train.fit import train
from dateline.train.suggest import POOL, suggest

START, BATCH, LABELS = 100, 100, 500


def main() -> None:
    """Print a line for each seed and one for all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("-j", "--jobs", type=int, default=1)
    arguments = parser.parse_args()
    name = arguments.train.name.partition(".")[0]
    tasks = (
        joblib.delayed(run)(arguments.train, arguments.test, seed)
        for seed in range(arguments.seeds)
    )
    found = []
    for seed, (chosen, drawn) in enumerate(
        joblib.Parallel(n_jobs=arguments.jobs, return_as="generator")(tasks)
    ):
        found.append((chosen, drawn))
        print(
            f"{name} seed {seed}: suggested {chosen:.3f}  random {drawn:.3f}",
            flush=True,
        )
    differences = [chosen - drawn for chosen, drawn in found]
    print(
        f"{name}: suggested {statistics.mean(c for c, _ in found):.3f}  "
        f"random {statistics.mean(d for _, d in found):.3f}  difference "
        f"{statistics.mean(differences):+.3f} ± {statistics.pstdev(differences):.3f}"
    )


def run(train_file: Path, test_file: Path, seed: int) -> tuple[float, float]:
    """The macro-F1 of both arms."""
    taxonomy, lexicon = Taxonomy.bundled(), Lexicon.bundled()
    training = list(read_samples(train_file, taxonomy))
    test = list(read_samples(test_file, taxonomy))
    (axis,) = {axis for sample in training for axis in sample.labels}
    rng = random.Random(seed)
    pool = rng.sample(training, min(POOL, len(training)))  # in random order
    drawn = score(model(pool[:LABELS], lexicon), test, axis)
    labelled, rest = pool[:START], pool[START:]
    while len(labelled) < LABELS:
        predictor = Predictor(model(labelled, lexicon))
        # No label of the rest is shown.
        articles = [Article(s.text, s.title, s.id) for s in rest]
        wanted = min(BATCH, LABELS - len(labelled))
        suggested = suggest(articles, wanted, predictor=predictor, labelled=labelled)
        taken = {one.position for one in suggested}
        labelled = [*labelled, *(rest[i] for i in sorted(taken))]
        rest = [sample for i, sample in enumerate(rest) if i not in taken]
    return score(model(labelled, lexicon), test, axis), drawn


def model(samples: Sequence[Sample], lexicon: Lexicon) -> Model:
    """A model of these samples alone."""
    return train(samples, lexicon=lexicon)


def score(model: Model, test: Sequence[Sample], axis: str) -> float:
    """Its macro-F1."""
    return float(evaluate(Predictor(model), test)[axis]["macro_f1"])


if __name__ == "__main__":
    main()
