"""Hostile input by the million: texts for the scan, bytes for the readers of articles.

Guided by coverage, with atheris (``pip install atheris``), which is libFuzzer::

    python scripts/fuzz.py articles CORPUS -runs=1000000 -max_len=512

What is C is guided only where it was compiled for it, with Clang, memory checked. In a
copy of the checkout, where windows of few tokens make short texts cross them::

    sed -i 's/WINDOW = 2048/WINDOW = 8/' predict/_tokens.pxi
    CC=clang CFLAGS='-fsanitize=address,fuzzer-no-link' python setup.py build_ext -i
    LD_PRELOAD=$(python -c 'import atheris; print(atheris.path())')/asan_with_fuzzer.so \
        ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc \
        python scripts/fuzz.py scan CORPUS -runs=10000000 -max_len=256

Arguments behind the target are libFuzzer's. ``--unguided N`` instead tries N random
inputs without atheris, which the tests do, so that this stays alive.
"""

from __future__ import annotations

import gzip
import importlib
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

Target = Callable[[bytes], None]

COMPARED = 32
"""Of so many texts one is counted by the definition too, which takes its time."""

# What the lexicon and the vocabulary of the texts have: capitals of all sorts, phrases
# that begin others, several spellings and kinds, letters, lower cases of all widths.
PHRASES = {
    "Sudan": ["place:SD"],
    "South Sudan": ["place:SS"],
    "South": ["subject:compass"],
    "south": ["subject:compass", "kind:x"],
    "US": ["place:US"],
    "us": ["subject:we"],
    "U S": ["place:US", "subject:abroad"],
    "NATO": ["place:NATO"],
    "ab cd ef": ["kind:x"],
    "ab cd ef gh ij kl mn": ["kind:y", "subject:we"],
    "AB CD EF GH": ["place:AB"],
    "a b c": ["kind:y"],
    "\u00c6r\u00f8": ["place:DK"],
    "\u0141\u00f3d\u017a": ["place:PL"],
    "\u03a3\u03a5\u03a1\u0399\u0396\u0391": ["place:GR"],
    "\u01c4": ["subject:titlecase"],
    "\U00010400\U00010401": ["subject:deseret"],
}
WORDS = (
    *("south", "south sudan", "us", "ab cd", "sudan us", "of", "of south", "x" * 17),
    *("\u00e6r\u00f8", "\u0142\u00f3d\u017a", "\U00010428\U00010429", "10", "a_b"),
)
ODD = [
    "\u0130",
    "\u03a3",
    "\u212a",
    "\u01c5",
    "\u0345",
    "\u2019s",
    "\0",
    "\ud800",
    "\xb5",
]
PIECES = [
    *sorted({word for phrase in PHRASES for word in phrase.split(" ")}),
    *(how(word) for word in WORDS for how in (str, str.upper, str.title)),
    *ODD,
    *(" ", " ", " ", "  ", "-", "\n", "a", "b", "c", " x " * 70, "y" * 63, "z" * 130),
]
GAPS = ("", " ", " " * 7, " " * 62)
ENDS = ("", " \u2014", " \U0001f600")
SPECIAL = frozenset("\u03a3")


def text_of(data: bytes, how: int) -> str:
    """A text of bytes, in one of six ways; never refused."""
    if how == 0:
        return data.decode("latin-1")
    if how == 1:
        return data[: len(data) & ~1].decode("utf-16-le", "surrogatepass")
    if how == 2:
        codes = np.frombuffer(data[: len(data) & ~3], "<u4") % 0x110000
        return "".join(map(chr, codes.tolist()))
    if how == 3:
        return data.decode("utf-8", "surrogateescape")
    pieces = [PIECES[byte % len(PIECES)] for byte in data]
    return ("" if how == 4 else " ").join(pieces)


def scan_target() -> Target:
    """Texts, counted and scored, a dozen times each; some by the definition too."""
    from dateline.predict import Article
    from dateline.predict.counter import TermCounter
    from dateline.predict.eight_bits import EightBits
    from dateline.predict.phrases import PhraseTable
    from dateline.predict.terms import TermSettings, weigh

    concepts = sorted({c for found in PHRASES.values() for c in found})
    kinds = [concept.partition(":")[0] for concept in concepts]
    sizes = [len(WORDS), *(kinds.count(kind) for kind in sorted(set(kinds)))]
    bounds = np.cumsum([0, *sizes])
    terms = [*sorted(WORDS), *concepts]
    rng = np.random.default_rng(0)
    idf = rng.uniform(1, 9, len(terms))
    weights = EightBits.nearest(rng.normal(size=(len(terms), 11)))
    bias = rng.normal(size=11)
    settings = TermSettings()
    phrases = PhraseTable.of(PHRASES)
    counter = TermCounter(terms, bounds, phrases, settings, idf, weights, bias)
    scan = counter.scan
    assert scan is not None, "there is no compiled scan here"
    plain = object.__new__(TermCounter)
    plain.__dict__ |= counter.__dict__ | {"scan": None}
    tried = 0

    def target(data: bytes) -> None:
        nonlocal tried
        if len(data) < 2:
            return
        tried += 1
        middle = 2 + data[1] % (len(data) - 1)
        title = text_of(data[2:middle], data[0] & 7)
        text = text_of(data[middle:], data[0] >> 3 & 7)
        # Where a text begins and how wide its characters are kept changes nothing.
        many = [f"{gap}{text}{end}" for gap in GAPS for end in ENDS]
        decisions, known = scan.decide([title] * len(many), many)
        assert (known == known[0]).all(), (title, text, known)
        # Windows end elsewhere, so that terms are added up in another order.
        near = np.abs(decisions - decisions[0]).max() < 1e-9
        assert known[0] < 0 or near, (title, text)
        special = not SPECIAL.isdisjoint(title) or not SPECIAL.isdisjoint(text)
        assert (known[0] < 0) == special, (title, text)
        if tried % COMPARED or special:
            return
        article = Article(text, title)
        ids, counts = plain.count(article)
        found = scan.count(title, text)
        assert found is not None
        assert found[0].tolist() == ids.tolist(), (title, text)
        assert found[1].tolist() == counts.tolist(), (title, text)
        assert known[0] == len(ids), (title, text)
        weighed = weigh(ids, counts, np.array([0, len(ids)]), idf, bounds, settings)
        expected = bias + weighed @ weights[ids].astype(np.float64)
        assert np.allclose(decisions[0], expected, rtol=1e-9, atol=1e-9), (title, text)

    return target


ENDINGS = (".jsonl", ".csv", ".tsv", ".txt", ".jsonl.gz", ".csv.gz", ".ndjson", "")


def articles_target() -> Target:
    """Files of articles: each row an article or a bad row, or an `ArticleError`."""
    from dateline.predict import Article
    from dateline.predict.articles import ArticleError, BadRow, read_articles

    folder = tempfile.TemporaryDirectory(dir=memory_folder())

    def target(data: bytes) -> None:
        ending = ENDINGS[data[0] % len(ENDINGS)] if data else ".jsonl"
        content = data[1:]
        # Every other gzip file is one; the rest are what else has such a name.
        if ending.endswith(".gz") and data[0] < 128:
            content = gzip.compress(content, 1)
        path = Path(folder.name, f"articles{ending}")
        path.write_bytes(content)
        rows = 0
        try:
            for row in read_articles(str(path)):
                rows += 1
                assert isinstance(row.id, str), row
                if isinstance(row, BadRow):
                    assert row.error.startswith(f"{path}:"), row
                    continue
                assert isinstance(row, Article), row
                assert isinstance(row.text, str) and isinstance(row.title, str), row
        except ArticleError as error:
            assert str(error).startswith(f"{path}:"), error
        most = 1 + content.count(b"\n") + content.count(b"\r")
        assert rows <= most or ending.endswith(".gz"), (rows, content)

    return target


def memory_folder() -> str | None:
    """A folder that is no disk, where there is one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


TARGETS: dict[str, Callable[[], Target]] = {
    "scan": scan_target,
    "articles": articles_target,
}


@contextmanager
def shown(data: bytes) -> Iterator[None]:
    """Say of which input it is that something is raised."""
    try:
        yield
    except BaseException:
        print(f"input: {data!r}", file=sys.stderr)
        raise


def unguided(target: Target, runs: int) -> None:
    """Try random inputs."""
    rng = random.Random(0)
    rows = [
        b'{"text": "',
        b'"}',
        b"id,title,text\n",
        b'"',
        b",",
        b"\n",
        b"\xff",
        b"\\u",
    ]
    for _ in range(runs):
        data = rng.randbytes(rng.randrange(40))
        if rng.random() < 0.5:
            data = data[:2] + b"".join(rng.choices([*rows, data], k=rng.randrange(12)))
        with shown(data):
            target(data)


def main(arguments: list[str]) -> None:
    """Run a target; its name comes first."""
    if not arguments or arguments[0] not in TARGETS:
        sys.exit(f"expected a target, one of {', '.join(TARGETS)}")
    name, *rest = arguments
    if rest[:1] == ["--unguided"]:
        unguided(TARGETS[name](), int(rest[1]))
        print(f"{rest[1]} inputs: nothing found")
        return
    atheris: Any = importlib.import_module("atheris")  # without types, and optional
    # The scan's guide is its own code; instrumented, the definition is slow.
    guided = nullcontext() if name == "scan" else atheris.instrument_imports()
    with guided:
        target = TARGETS[name]()
    atheris.Setup([sys.argv[0], *rest], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
