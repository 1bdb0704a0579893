"""Does a predictor stay as it was through millions of articles, threads and processes?

Made-up articles without end go through ``predict_many`` of one predictor: the memory of
the process must not grow and the rate is shown. Then threads share the predictor, and
processes are forked and spawned from it: every answer must be the one given at first.
Exits 1 where something does not hold::

    python scripts/soak.py --articles 2000000 --minutes 3 --threads 8
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import sys
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from dateline.predict import Article, Prediction, Predictor

GROWTH = 24.0
"""MB by which memory may grow after the first tenth of the articles: what the system's
allocator keeps in pieces, not what each article leaves behind."""

POOL = 400
"""Articles of which the answers are kept, to be asked for again."""

PHRASES = (
    *(
        "Haiti",
        "South Sudan",
        "New South Wales",
        "U.S.",
        "NATO",
        "Kyiv",
        "Côte d’Ivoire",
    ),
    *("interest rates", "vaccine", "earthquake", "World Cup", "parliament", "strike"),
    *("Łódź", "Malmö", "İstanbul", "ΑΘΗΝΑ", "台北", "مصر", "emoji \U0001f600", "a b c"),
)


def articles(seed: int) -> Iterator[Article]:
    """Articles without end, of one word to some thousand, some of them hostile."""
    rng = random.Random(seed)
    words = [
        f"{'bcdfgklmnprst'[n % 13]}{'aeiou'[n % 5]}{n % 97:x}n" for n in range(4000)
    ]
    made = [" ".join(rng.choices(words, k=40)) for _ in range(500)]
    number = 0
    while True:
        parts = rng.choices(made, k=min(int(rng.paretovariate(1.2)), 60))
        # Those that are not for the compiled scan are few, as in most of the world.
        usual = PHRASES if rng.random() < 0.01 else PHRASES[:15]
        parts += rng.choices(usual, k=rng.randrange(6))
        rng.shuffle(parts)
        title = rng.choice(PHRASES[:15]) if rng.random() < 0.8 else ""
        yield Article(". ".join(parts), title, str(number))
        number += 1


def memory() -> float:
    """MB that this process has now; where the system does not say, its most."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 2**20
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def stream(predictor: Predictor, n: int, jobs: int) -> bool:
    """Many articles, one after another; whether memory stayed as it was."""
    answers = predictor.predict_many(articles(1), jobs=jobs)
    sizes = []
    for part in range(20):
        began, worked = time.perf_counter(), time.process_time()
        count = sum(1 for _ in islice(answers, n // 20))
        wall, work = time.perf_counter() - began, time.process_time() - worked
        sizes.append(memory())
        print(
            f"{(part + 1) * count:>10} articles  {sizes[-1]:7.1f} MB  "
            f"{count / wall:8.0f}/s  {count / work:8.0f}/s of work",
            flush=True,
        )
    growth = max(sizes[2:]) - max(sizes[:2])
    print(f"grown by {growth:.1f} MB after the first tenth")
    return growth <= GROWTH


def same(found: Prediction, expected: Prediction) -> bool:
    """Whether two answers are one."""
    return found.id == expected.id and found.scores == expected.scores


def threads(predictor: Predictor, minutes: float, n: int) -> bool:
    """Threads that share a predictor; whether all answers were as they were alone."""
    asked = list(islice(articles(2), POOL))
    expected = [predictor.predict(article) for article in asked]
    explained = {i: predictor.explain(asked[i]) for i in range(0, POOL, 40)}
    until = time.monotonic() + 60 * minutes
    wrong: list[int] = []
    counts = [0] * n

    def work(number: int) -> None:
        rng = random.Random(number)
        while time.monotonic() < until:
            i = rng.randrange(POOL)
            some = asked[i : i + 1 + number * 9]
            found = list(predictor.predict_many(iter(some), jobs=1 + number % 2))
            found.append(predictor.predict(asked[i]))
            for answer, right in zip(
                found, [*expected[i : i + len(some)], expected[i]], strict=True
            ):
                if not same(answer, right):
                    wrong.append(i)
            counts[number] += len(found)
            if i in explained and predictor.explain(asked[i]) != explained[i]:
                wrong.append(i)

    started = [threading.Thread(target=work, args=(number,)) for number in range(n)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    print(f"{n} threads: {sum(counts)} answers, {len(wrong)} of them others than alone")
    return not wrong and all(counts)


_shared: Predictor | None = None


def ask(article: Article) -> Prediction:
    """Of the predictor that a forked process has, or a spawned one was handed."""
    assert _shared is not None
    return _shared.predict(article)


def take(predictor: Predictor) -> None:
    """Keep a predictor that came from another process."""
    global _shared
    _shared = predictor


def processes(predictor: Predictor) -> bool:
    """Processes made after loading; whether they answer alike."""
    asked = list(islice(articles(3), POOL))
    expected = [predictor.predict(article) for article in asked]
    take(predictor)
    good = True
    for method in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context(method)
        handed = (
            {} if method == "fork" else {"initializer": take, "initargs": (predictor,)}
        )
        with context.Pool(2, **handed) as pool:  # type: ignore[arg-type]
            found = pool.map(ask, asked, chunksize=20)
        wrong = sum(not same(a, b) for a, b in zip(found, expected, strict=True))
        print(f"{method}: {len(found)} answers, {wrong} of them others than here")
        good = good and not wrong
    return good


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--articles", type=int, default=200_000)
    parser.add_argument("--minutes", type=float, default=0.5)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=1, help="of predict_many")
    parser.add_argument("--model", help="default: the model inside the package")
    options = parser.parse_args()
    predictor = Predictor.load(options.model)
    print(repr(predictor))
    good = [
        stream(predictor, options.articles, options.jobs),
        threads(predictor, options.minutes, options.threads),
        processes(predictor),
    ]
    print("all as it should be" if all(good) else "SOMETHING DOES NOT HOLD")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
