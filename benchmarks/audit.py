"""How many planted wrong labels does the audit find?

Gives a share of a file's samples a wrong label and prints the precision among as many
doubts, the likeliest wrong first, as were planted. The file's own wrong labels count
against it. Beside the rule of the audit stand others, made from the same held-out
probabilities, on the samples that the audit lists:

    least        the probability of the least likely given label, the lowest first
    margin       that of the likeliest label not given, less it
    ratio        that of the likeliest label not given, by it
    normalised   ratio, each by the mean probability of its label where it is given

    python benchmarks/audit.py TRAIN.jsonl.gz ... [--kind KIND] [-j JOBS]

Kinds of planting: ``uniform`` puts any other label of the file in the place of one;
``share`` a likelier one the commoner it is; ``mixed`` puts one in the place of one,
adds one or takes one away, in equal parts.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from dateline.labels import Lexicon, Sample, Taxonomy, read_samples
from dateline.train.audit import Doubt, audit

KINDS = ("uniform", "share", "mixed")
Rule = Callable[[float, float, float, float], float]
LEAST = 1e-9

# Given and other probability, and the mean of the label of each.
RULES: Mapping[str, Rule] = {
    "least": lambda given, other, mean, means: -given,
    "margin": lambda given, other, mean, means: other - given,
    "ratio": lambda given, other, mean, means: other / given,
    "normalised": lambda given, other, mean, means: other / means / (given / mean),
}


def main() -> None:
    """Print a line for each file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--kind", choices=KINDS, default="uniform")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-j", "--jobs", type=int, default=1)
    arguments = parser.parse_args()
    taxonomy, lexicon = Taxonomy.bundled(), Lexicon.bundled()
    for path in arguments.files:
        samples = list(read_samples(path, taxonomy))
        (axis,) = {axis for sample in samples for axis in sample.labels}
        spoilt, planted = plant(
            samples, axis, arguments.share, arguments.kind, arguments.seed
        )
        doubts = audit(spoilt, taxonomy=taxonomy, lexicon=lexicon, jobs=arguments.jobs)
        found = {"audit": precision(doubts, planted)}
        found |= {
            name: precision(ranked(doubts, rule), planted)
            for name, rule in RULES.items()
        }
        shown = "  ".join(f"{name} {value:.3f}" for name, value in found.items())
        name = path.name.partition(".")[0]
        print(f"{name} {arguments.kind}, {len(planted)} planted: {shown}", flush=True)


def plant(
    samples: Sequence[Sample], axis: str, share: float, kind: str, seed: int
) -> tuple[list[Sample], set[str]]:
    """Give a share of samples wrong labels; return all, and the ids of those."""
    rng = random.Random(seed)
    counts = Counter(label for s in samples for label in s.labels[axis])
    labelled = [i for i, sample in enumerate(samples) if sample.labels[axis]]
    spoilt = list(samples)
    chosen = rng.sample(labelled, round(share * len(samples)))
    for i in chosen:
        labels = list(samples[i].labels[axis])
        others = [label for label in sorted(counts) if label not in labels]
        weights = [counts[label] if kind == "share" else 1 for label in others]
        wrong = rng.choices(others, weights)[0]
        at = rng.randrange(len(labels))
        change = rng.choice(("swap", "add", "drop")) if kind == "mixed" else "swap"
        labels[at : at + (change != "add")] = [] if change == "drop" else [wrong]
        spoilt[i] = replace(samples[i], labels={axis: tuple(labels)})
    return spoilt, {samples[i].id for i in chosen}


def precision(doubts: Sequence[Doubt], planted: set[str]) -> float:
    """The share of planted ones among as many doubts as were planted."""
    return sum(d.id in planted for d in doubts[: len(planted)]) / len(planted)


def ranked(doubts: Sequence[Doubt], rule: Rule) -> list[Doubt]:
    """The same doubts in the order of another rule."""
    given: dict[str, list[float]] = defaultdict(list)
    for doubt in doubts:
        if doubt.for_given is not None:
            given[doubt.for_given.label].append(doubt.for_given.probability)
    mean = {label: sum(values) / len(values) for label, values in given.items()}

    def score(doubt: Doubt) -> float:
        one, other = doubt.for_given, doubt.for_predicted
        return rule(
            max(one.probability, LEAST) if one else 1.0,
            max(other.probability, LEAST) if other else LEAST,
            mean[one.label] if one else 1.0,
            mean.get(other.label, 1.0) if other else 1.0,
        )

    return sorted(doubts, key=lambda doubt: -score(doubt))


if __name__ == "__main__":
    main()
