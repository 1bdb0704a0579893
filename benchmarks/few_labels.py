"""What a number of labels is worth: macro-F1 after training on so many of a file.

Contestants: dateline on the labels alone; dateline with the bundled samples helping;
word TF-IDF(1,2) with a balanced LinearSVC; fastText (supervised, 2-grams), where it
is installed. Every contestant is given the same draws.

    python benchmarks/few_labels.py TRAIN.jsonl.gz TEST.jsonl.gz -o results.jsonl

The results are kept as they come, one a line; started again, what is there is not
measured again. ``--table results.jsonl ...`` prints them as a table, and ``--plot
FILE.svg`` with it draws them, a panel a file (needs ``dateline[report]``).
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from quality import peer
from suite.panels import panels

from dateline.labels import Lexicon, Sample, Taxonomy, bundled_samples, read_samples
from dateline.predict import Predictor
from dateline.train.evaluate import AxisOutcome, evaluate, figures
from dateline.train.fit import train
from dateline.train.settings import TrainingError

SIZES = (50, 100, 200, 500, 1000)

Contestant = Callable[[Sequence[Sample], Sequence[Sample], str], float]


def main() -> None:
    """Measure, or print the table of what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", metavar="TRAIN TEST")
    parser.add_argument("-o", "--output", type=Path, default=Path("few_labels.jsonl"))
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--all", action="store_true", help="all labels, too, once")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=CONTESTANTS)
    parser.add_argument("--table", type=Path, nargs="+")
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    if arguments.table:
        print(table(arguments.table))
        if arguments.plot:
            plot(arguments.table, arguments.plot)
        return
    if len(arguments.files) != 2:
        parser.error("expected TRAIN and TEST")
    training, test = (list(read_samples(f, TAXONOMY)) for f in arguments.files)
    (axis,) = {axis for sample in training for axis in sample.labels}
    name = Path(arguments.files[0]).name.partition(".")[0]
    done = {
        (row["file"], row["contestant"], row["labels"], row["draw"])
        for row in rows([arguments.output])
    }
    plan = [(n, d) for n in arguments.sizes for d in range(arguments.draws)]
    if arguments.all:
        plan.append((len(training), 0))
    for n, draw in plan:
        drawn = random.Random(f"{name} {draw}").sample(training, min(n, len(training)))
        for contestant in arguments.only:
            if (name, contestant, n, draw) in done:
                continue
            value = CONTESTANTS[contestant](drawn, test, axis)
            row = {"file": name, "contestant": contestant, "labels": n, "draw": draw}
            with arguments.output.open("a") as file:
                file.write(json.dumps(row | {"macro_f1": round(value, 4)}) + "\n")


def alone(training: Sequence[Sample], test: Sequence[Sample], axis: str) -> float:
    """The macro-F1 of dateline on these labels alone."""
    return _dateline(training, [], test, axis)


def helped(training: Sequence[Sample], test: Sequence[Sample], axis: str) -> float:
    """The macro-F1 of dateline on these labels, the bundled samples helping."""
    return _dateline(training, BUNDLED, test, axis)


def _dateline(
    training: Sequence[Sample],
    helping: Sequence[Sample],
    test: Sequence[Sample],
    axis: str,
) -> float:
    try:
        model = train(training, helping=helping, lexicon=LEXICON)
    except TrainingError:
        return 0.0  # too few labels to learn anything
    return float(evaluate(Predictor(model), test)[axis]["macro_f1"])


def tfidf(training: Sequence[Sample], test: Sequence[Sample], axis: str) -> float:
    """The macro-F1 of word TF-IDF and a balanced LinearSVC."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of labels that no drawn sample has
        return figures(peer(training, test, axis))["macro_f1"]


def fasttext(training: Sequence[Sample], test: Sequence[Sample], axis: str) -> float:
    """The macro-F1 of fastText, one-vs-all, labels from a probability of .5 on."""
    import fasttext as library

    labels = sorted({x for s in [*training, *test] for x in s.labels[axis]})
    lines = [
        " ".join([*(f"__label__{x}" for x in s.labels[axis]), _line(s)])
        for s in training
        if s.labels[axis]
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        path.write_text("\n".join(lines), "utf-8")
        model = library.train_supervised(
            str(path), wordNgrams=2, epoch=50, lr=0.5, dim=50, loss="ova", verbose=0
        )
    scores = np.zeros((len(test), len(labels)))
    for row, sample in enumerate(test):
        found = model.f.predict(_line(sample) + "\n", -1, 0.0, "strict")
        for probability, label in found:
            column = labels.index(label.removeprefix("__label__"))
            scores[row, column] = probability
    truth = np.array([[x in s.labels[axis] for x in labels] for s in test])
    return figures(AxisOutcome(tuple(labels), truth, scores >= 0.5, scores))["macro_f1"]


def _line(sample: Sample) -> str:
    return " ".join(f"{sample.title} {sample.text}".split())


CONTESTANTS: dict[str, Contestant] = {
    "dateline": alone,
    "dateline --with-bundled": helped,
    "TF-IDF + LinearSVC": tfidf,
    "fastText": fasttext,
}


def rows(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """What was measured so far."""
    return [
        json.loads(line)
        for path in paths
        if path.exists()
        for line in path.read_text().splitlines()
    ]


Cells = dict[tuple[str, str], dict[int, list[float]]]
"""By file and contestant, and by number of labels: the macro-F1 of each draw."""


def cells_of(paths: Sequence[Path]) -> Cells:
    """Sort what was measured."""
    found: Cells = defaultdict(lambda: defaultdict(list))
    for row in rows(paths):
        cell = found[row["file"], row["contestant"]]
        cell[row["labels"]].append(row["macro_f1"])
    return found


def table(paths: Sequence[Path]) -> str:
    """The mean and spread over the draws, as Markdown."""
    found = cells_of(paths)
    sizes = sorted({n for cells in found.values() for n in cells})
    lines = [
        "| file | contestant | " + " | ".join(map(str, sizes)) + " |",
        "|---|---|" + "---|" * len(sizes),
    ]
    for (file, contestant), cells in sorted(found.items()):
        shown = [
            f"{statistics.mean(cells[n]):.3f} ± {statistics.pstdev(cells[n]):.3f}"
            if n in cells
            else ""
            for n in sizes
        ]
        lines.append(f"| {file} | {contestant} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def plot(paths: Sequence[Path], target: Path) -> None:
    """Draw the means over the draws, a panel a file."""
    found = cells_of(paths)
    files = sorted({file for file, _ in found})
    with panels(
        target, len(files), size=(3.4, 3.2), salt="few labels", sharey=True
    ) as drawn:
        for panel, file in zip(drawn, files, strict=True):
            for contestant in CONTESTANTS:
                cells = sorted(found.get((file, contestant), {}).items())
                panel.plot(
                    [n for n, _ in cells],
                    [statistics.mean(values) for _, values in cells],
                    marker="o",
                    markersize=3,
                    label=contestant,
                )
            panel.set_title(file.removesuffix("_train"))
            panel.set_xlabel("labels")
        drawn[0].set_ylabel("macro-F1 on the test file")
        drawn[0].set_ylim(0, 1)


if __name__ == "__main__":
    TAXONOMY = Taxonomy.bundled()
    LEXICON = Lexicon.bundled()
    BUNDLED = bundled_samples(TAXONOMY)
    main()
