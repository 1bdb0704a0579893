"""What more samples are worth, with the lexicon and without.

Trains on a quarter, a half and all of the bundled samples and judges on files of
labelled articles; top1 of each axis that a file carries.

    python benchmarks/learning_curve.py FILE.jsonl ...
"""

from __future__ import annotations

import argparse
import random
from dataclasses import replace
from pathlib import Path

from dateline.labels import Lexicon, Taxonomy, bundled_samples, read_samples
from dateline.predict import Predictor
from dateline.train.evaluate import evaluate
from dateline.train.fit import train
from dateline.train.settings import BUNDLED

SHARES = (0.25, 0.5, 1.0)


def main() -> None:
    """Print a line for each model: its samples, and top1 file by file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("-j", "--jobs", type=int, default=1)
    arguments = parser.parse_args()
    taxonomy = Taxonomy.bundled()
    tests = {
        path.name.partition(".")[0]: list(read_samples(path, taxonomy))
        for path in arguments.files
    }
    samples = bundled_samples(taxonomy)
    random.Random(0).shuffle(samples)
    for name, lexicon in (("words alone", Lexicon()), ("lexicon", Lexicon.bundled())):
        for share in SHARES:
            kept = samples[: round(len(samples) * share)]
            settings = replace(BUNDLED, concept_documents=bool(lexicon))
            model = train(kept, lexicon=lexicon, settings=settings, jobs=arguments.jobs)
            predictor = Predictor(model)
            figures = [
                f"{test} {axis} {values['top1']:.3f}"
                for test, rows in tests.items()
                for axis, values in evaluate(predictor, rows).items()
            ]
            print(f"{name:<12} {len(kept):>5} samples:", "; ".join(figures), flush=True)


if __name__ == "__main__":
    main()
