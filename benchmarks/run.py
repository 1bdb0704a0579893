"""dateline's time and memory beside scikit-learn's and fastText's, in the same run.

    python benchmarks/run.py                            # every case
    python benchmarks/run.py predict start              # some
    python benchmarks/run.py --growth                   # the curves, which take an hour
    python benchmarks/run.py -o results.json            # and keep what was measured
    python benchmarks/run.py --table results.json       # print it again
    python benchmarks/run.py --table results.json --write   # into README and docs/speed

Contestants work in turn, round after round; ratios are taken within a round, and what
is shown are medians with quartiles. Peers that are not installed are left out
(``pip install 'dateline[bench]'``).
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path

CASES = ("predict", "one", "load", "start", "train", "memory")
CURVES = (
    *("train-articles", "train-labels", "train-terms"),
    *("predict-labels", "predict-terms"),
)


def main() -> None:
    """Measure, or show what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--growth", action="store_true", help=", ".join(CURVES))
    parser.add_argument(
        "--small", action="store_true", help="only to see that it works"
    )
    parser.add_argument("--train", type=int, help="articles of 'train'; default 5,000")
    parser.add_argument("--up-to", type=int, help="articles of the curves at the most")
    parser.add_argument("-m", "--model", type=Path, help="default: the bundled one")
    parser.add_argument("-o", "--output", type=Path, help="results, JSON; others stay")
    parser.add_argument("--table", type=Path, metavar="RESULTS")
    parser.add_argument("--write", action="store_true", help="with --table")
    arguments = parser.parse_args()
    known = (*CASES, *CURVES)
    for name in arguments.names:
        if name not in known:
            parser.error(f"there is no case {name!r}; there are {', '.join(known)}")
    if arguments.table:
        show(arguments.table, write=arguments.write)
    elif arguments.write:
        parser.error("--write needs the results that --table names")
    else:
        measure(arguments)


def measure(arguments: argparse.Namespace) -> None:
    """Measure some cases; print each and keep it as it comes."""
    from suite.clock import LIBRARY_THREADS

    # Before numpy is there: one thread is one thread.
    os.environ |= dict.fromkeys(LIBRARY_THREADS, "1")
    from suite.cases import CASES as cases
    from suite.growth import CURVES as curves
    from suite.results import store
    from suite.table import of_case
    from suite.work import SMALL, Sizes, Work

    sizes = SMALL if arguments.small else Sizes()
    if arguments.train:
        sizes = replace(sizes, train=arguments.train)
    if arguments.up_to:
        sizes = sizes.up_to(arguments.up_to)
    names = arguments.names or ([] if arguments.growth else list(cases))
    if arguments.growth:
        names += [name for name in curves if name not in names]
    with tempfile.TemporaryDirectory() as folder:
        work = Work(sizes, Path(folder), arguments.model)
        for name in names:
            case = (cases[name] if name in cases else curves[name])(work)
            print(of_case(case), flush=True)
            if arguments.output is not None:
                store(arguments.output, [case])


def show(results: Path, *, write: bool) -> None:
    """Print the tables of a file of results, or put them where they stand."""
    from suite import page
    from suite.results import load

    cases = load(results)
    if write:
        page.write(cases, Path(__file__).resolve().parent.parent)
    else:
        print(page.text(cases))


if __name__ == "__main__":
    main()
