"""Does a careless edit of the compiled scan turn a test red?

Makes each of the changes below in a copy of the checkout, compiles it and runs
``tests/test_scan.py`` and ``tests/test_decisions.py`` until a test fails. Prints what no test noticed, and exits 1 if
there is any::

    python scripts/mutate_scan.py                # all; a minute each
    python scripts/mutate_scan.py window wide    # those that have a word of these

A change that finds no place to be made is out of date, which is an error too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PYTEST = ("-x", "-q", "-n0", "-p", "no:cacheprovider", "--no-header")
TESTS = ("tests/test_scan.py", "tests/test_decisions.py")
# Most changes are noticed by the quick tests.
SLOW = "take_turns or every_character or real_text"
NEEDED = ("labels", "predict", "train", "src", "tests", "pyproject.toml")


class Mutation(NamedTuple):
    """One change of one place."""

    name: str
    file: str
    old: str
    new: str


SCAN, TOKENS, TABLES = "_scan.pyx", "_tokens.pxi", "_tables.pxi"
BUILDING, ANSWERS, KERNELS = "_building.pxi", "_answers.pxi", "_kernels.h"
MUTATIONS = [
    Mutation(
        "window: phrases may not reach into the next",
        SCAN,
        "tokens.n if last else tokens.n - AHEAD",
        "tokens.n",
    ),
    Mutation("window: one token too few ahead", TOKENS, "AHEAD = 6", "AHEAD = 5"),
    Mutation(
        "window: the last word is not carried over",
        SCAN,
        "before = tokens.hashes[i]",
        "before = 0",
    ),
    Mutation(
        "window: positions begin anew", SCAN, "            base += n\n", ""
    ),
    Mutation(
        "pair across letters: the first token is not looked at",
        SCAN,
        "while i >= 0:",
        "while i > 0:",
    ),
    Mutation(
        "letters: of two characters too", TOKENS, "[2 * i] == 1", "[2 * i] <= 2"
    ),
    Mutation(
        "token across blocks", TOKENS, "tokens.inside = word >> 63", "tokens.inside = 0"
    ),
    Mutation("token at the very end", TOKENS, "field.blocks and n & 1", "0 and n & 1"),
    Mutation(
        "wide tokens hashed as bytes",
        TOKENS,
        "if field.wide and _any_bit",
        "if False and _any_bit",
    ),
    Mutation(
        "wide character in the middle block of a token",
        TOKENS,
        "for at in range(at + 1, last):",
        "for at in range(at + 1, at + 1):",
    ),
    Mutation(
        "wide whose lower case is Latin-1",
        TOKENS,
        "field.lowered[at] = <uint8_t>lower",
        "field.lowered[at] = <uint8_t>32",
    ),
    Mutation(
        "title case is no capital of capitals",
        TOKENS,
        "Py_UNICODE_ISLOWER(char) or Py_UNICODE_ISTITLE(char)",
        "Py_UNICODE_ISLOWER(char)",
    ),
    Mutation(
        "planes beyond the first", TOKENS, "char < BASIC else", "char < 2 * BASIC else"
    ),
    Mutation("sigma is lower-cased", TOKENS, "if char == 0x3A3", "if char == 0x3A2"),
    Mutation("Latin-1: the last capital", KERNELS, "(c, 0xC0, 31)", "(c, 0xC0, 30)"),
    Mutation("Latin-1: micro sign", KERNELS, "c == 0xB5", "c == 0xB6"),
    Mutation("dashes: one too many", KERNELS, "> 0x4E", "> 0x60"),
    Mutation("long tokens: the third eight", TABLES, "while more > 8:", "while more > 16:"),
    Mutation("hash of a run", TABLES, "first >> 29", "first >> 28"),
    Mutation("filter: bits not set", TABLES, "|= _bits(hash)", "|= _bits(hash) & 0xFFFFFFFF"),
    Mutation("kept bits: fewer", TABLES, "<uint64_t>0xFFFFFFFF << 32", "<uint64_t>0xFFFFFFF0 << 32"),
    Mutation("kept bits: not applied", TABLES, "    hash &= table.kept\n", ""),
    Mutation("probing: two places only", TABLES, "    while _is_other(", "    if _is_other("),
    Mutation("lengths: the bit beside", SCAN, "(slot.meaning != 0) << (length - 1)", "(slot.meaning != 0) << length"),
    Mutation("lengths: of pairs", SCAN, "(slot.meaning != 0) << 1", "(slot.meaning != 0) << 0"),
    Mutation("runs: the longest is not looked for", SCAN, "range(3, MOST_WORDS + 1)", "range(3, MOST_WORDS)"),
    Mutation("runs: none goes on after three", SCAN, "kept += slot.word >> 31", "kept += 0"),
    Mutation("free: the next may begin inside", SCAN, "scratch.free_from[dateline_first_bit(taken)] = end", "scratch.free_from[dateline_first_bit(taken)] = begin"),
    Mutation("free: all, too early", SCAN, "            scratch.all_free_from = end\n", "            scratch.all_free_from = begin\n"),
    Mutation("free: not anew in each field", SCAN, "        memset(scratch.free_from, 0, self.n_blocks * sizeof(scratch.free_from[0]))\n        scratch.all_free_from = 0\n", ""),
    Mutation("free: of 32 kinds", SCAN, "taken |= <uint64_t>1 <<", "taken |= <uint32_t>1 <<"),
    Mutation("spellings: only the first", SCAN, "        next = self.table.spellings[next].next\n        while", "        next = -1\n        while") ,
    Mutation("spellings: the third is lost", SCAN, "            next = self.table.spellings[next].next\n        if taken", "            next = -1\n        if taken"),
    Mutation("spellings: put in front", BUILDING, "while table.spellings[at].next >= 0:", "while False:"),
    Mutation("acronyms that are words", SCAN, "return not asks & NOT_CASELESS", "return True"),
    Mutation("acronyms: none learnt", BUILDING, "line.asks |= NOT_CASELESS", "line.asks |= 0"),
    Mutation("capitals: three letters", BUILDING, "<= 3 and _is_capitals", "<= 2 and _is_capitals"),
    Mutation("capitals: asked of the first place only", SCAN, "            edges += 2\n", ""),
    Mutation("capitals: asked beyond the phrase", SCAN, "asks & ((<uint32_t>1 << (2 * words)) - 1)", "asks & (SPELT_OTHERWISE - 1)"),
    Mutation("caseless: by the text alone", SCAN, "(scratch.title.changes or scratch.text.changes)", "scratch.text.changes"),
    Mutation("passed back: by the text alone", SCAN, "if scratch.title.special or scratch.text.special", "if scratch.text.special"),
    Mutation("title: weighs as the text", SCAN, "amount = self.title_weight", "amount = 1.0"),
    Mutation("lead: one off", SCAN, "self.leads[i] = self._lead(i)", "self.leads[i] = self._lead(i + 1)"),
    Mutation("lead: none behind the table", SCAN, "if at < LEADS else self._lead(at)", "if at < LEADS else 1.0"),
    Mutation("lead: tiny weights", SCAN, "settings.lead_words, at_first)", "settings.lead_words)"),
    Mutation("dotted I: without its dot", TOKENS, "_fed(hash, 0x307)", "hash"),
    Mutation("dotted I: words of the text as written", SCAN, "what = ITS_PHRASES", "pass"),
    Mutation("pairs: counted though ngrams is 1", SCAN, "words if self.pairs else 0", "NUMBER"),
    Mutation("logarithms: kept ones", SCAN, "= 1.0 + log(<double>i)", "= log(1.0 + i)"),
    Mutation("logarithms: others", SCAN, "else 1.0 + log(<double>times)", "else log(1.0 + times)"),
    Mutation("decide: words stay counted", SCAN, "            scratch.words[term] = 0\n            term -= 1\n", "            term -= 1\n"),
    Mutation("decide: concepts stay counted", SCAN, "            scratch.concepts[term] = 0.0\n            term +=", "            term +="),
    Mutation("count: words stay counted", SCAN, "            scratch.words[scratch.touched[i]] = 0\n", "            pass\n"),
    Mutation("count: concepts stay counted", SCAN, "            scratch.concepts[scratch.told[i]] = 0.0\n", "            pass\n"),
    Mutation("density: without words", SCAN, "words = max(words, 1.0)", "words = max(words, 0.0)"),
    Mutation("density: of squares", SCAN, "scratch.totals[block] += count", "scratch.totals[block] += weight"),
    Mutation("power: always by roots", SCAN, "self.concept_power == 0.75", "True"),
    Mutation("strips: the next has the same rows", KERNELS, "sums + first, first, rows", "sums + first, 0, rows"),
    Mutation("strips: the next has the same sums", KERNELS, "sums + first, first, rows", "sums, first, rows"),
    Mutation("strips: of four", KERNELS, "wide_strip_3, dateline_wide_strip_4", "wide_strip_3, dateline_wide_strip_3"),
    Mutation("strips: without the power of two", KERNELS, "weights[i] * (double)power", "weights[i]"),
    Mutation("strips: plain ones of half a group", KERNELS, "k < DATELINE_LANES; k++) sums", "k < 4; k++) sums"),
    Mutation("rows: too short for the power of two", SCAN, "n + <Py_ssize_t>sizeof(float)", "n"),
    Mutation("rows: the power of two of the term before", SCAN, "&powers[i], sizeof", "&powers[max(i - 1, 0)], sizeof"),
    Mutation("capitals: of later words are lost", BUILDING, "asks[i] | asks_more[i] << 8", "asks[i]"),
    Mutation("strips: narrow ones of two", KERNELS, "dateline_strip_1, dateline_strip_2", "dateline_strip_1, dateline_strip_1"),
    Mutation("lanes: padding is not cut off", SCAN, "return padded[:, : self.n_labels], known", "return padded, known"),
    Mutation("prefixes: learnt of none", BUILDING, "        if place > 1:\n            lines.prefixes", "        if place > 2:\n            lines.prefixes"),
    Mutation("special phrases: hashed by characters", BUILDING, "line.hash = _run_of(", "_run_of("),
    Mutation("answer: probabilities do not climb", ANSWERS, "if scores[pair.above] < scores[pair.below]", "if False"),
    Mutation("answer: of equals the last is first", ANSWERS, "return -1 if a.column < b.column else 1", "return 1 if a.column < b.column else -1"),
    Mutation("answer: of equal leaves the last is given", ANSWERS, "scores[i] > scores[best]", "scores[i] >= scores[best]"),
    Mutation("answer: what is above a single label needs no threshold", ANSWERS, "given[i] = given[i] and scores[i] >= self.least[i]", "pass"),
    Mutation("answer: 0 is given", ANSWERS, "np.nextafter(0.0, 1.0)", "0.0"),
    Mutation("answer: a sigmoid that overflows", ANSWERS, "exp(-x if x > 0.0 else x)", "exp(-x)"),
]  # fmt: skip


def main(wanted: list[str]) -> int:
    """Try the mutations whose names have one of the words, or all."""
    chosen = [
        m for m in MUTATIONS if not wanted or any(word in m.name for word in wanted)
    ]
    unnoticed = []
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for part in NEEDED:
            if (ROOT / part).is_dir():
                ignore = shutil.ignore_patterns("__pycache__", "_scan*.so", "_scan.c")
                shutil.copytree(ROOT / part, copy / part, symlinks=True, ignore=ignore)
            else:
                shutil.copy2(ROOT / part, copy)
        for mutation in chosen:
            said = tried(mutation, copy)
            print(f"{mutation.name}: {said or 'NOT NOTICED'}", flush=True)
            if not said:
                unnoticed.append(mutation.name)
    print(f"{len(chosen)} changes, not noticed: {', '.join(unnoticed) or 'none'}")
    return 1 if unnoticed else 0


def tried(mutation: Mutation, copy: Path) -> str:
    """Make a change, and take it back.

    Returns
    -------
    str
        What noticed it; empty if nothing did.
    """
    path = copy / "predict" / mutation.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutation.old) != 1:
        sys.exit(f"{mutation.name}: {text.count(mutation.old)} places, expected 1")
    path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    try:
        compile_scan(copy)
        return tests_said(f"not ({SLOW})", copy) or tests_said(SLOW, copy)
    except subprocess.TimeoutExpired:
        return "hangs"
    finally:
        path.write_text(text, encoding="utf-8")


def tests_said(which: str, copy: Path) -> str:
    """Which of some tests failed first, if any."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *PYTEST, "-k", which, *TESTS],
        check=False,
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy / "src")},
        capture_output=True,
        text=True,
        timeout=900,
    )
    if run.returncode == 0:
        return ""
    failed = [line for line in run.stdout.splitlines() if line.startswith("FAILED")]
    return failed[0].partition(" - ")[0] if failed else f"exit {run.returncode}"


def compile_scan(copy: Path) -> None:
    """Compile the scan in place: quickly, for it need not be quick."""
    source = copy / "predict" / "_scan.c"
    python = [
        sys.executable,
        "-m",
        "cython",
        "-3",
        "predict/_scan.pyx",
        "-o",
        str(source),
    ]
    target = copy / "predict" / f"_scan{sysconfig.get_config_var('EXT_SUFFIX')}"
    compiler = str(sysconfig.get_config_var("CC")).split()
    flags = ["-O0", "-fwrapv", "-ffp-contract=off", "-shared", "-fPIC", "-Ipredict"]
    include = f"-I{sysconfig.get_path('include')}"
    built = [*compiler, *flags, include, str(source), "-o", str(target), "-lm"]
    for command in (python, built):
        subprocess.run(command, cwd=copy, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
