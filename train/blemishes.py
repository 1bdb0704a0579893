"""Blemishes of texts: words that recur, wording of web pages, damaged characters."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.entities import html5

import numpy as np
from numpy.typing import NDArray

BOILERPLATE_WORDS = 10
"""So many words in a row that recur are boilerplate."""

BOILERPLATE_SAMPLES = 5
"""In so many samples that are no near-duplicates of each other."""

_WORD = re.compile(r"\w+")

_PAGE = re.compile(
    (
        r"\b(?:we|this (?:web)?site|our partners) uses? cookies\b"
        r"|\b(?:accept|manage|reject)(?: all)? cookies\b"
        r"|\bcookie (?:policy|settings|preferences)\b"
        r"|\b(?:sign up|subscribe)\b[^.!?\n]{0,40}\bnewsletters?\b"
        r"|\bnewsletters?\b[^.!?\n]{0,30}\b(?:sign up|subscribe|your inbox)\b"
        r"|\ball rights reserved\b"
        r"|\b(?:enable|turn on) javascript\b"
        r"|\bdisable your ad(?: |-)?blocker\b"
        r"|\b(?:subscribe|log in|sign in|register) to (?:continue|keep) reading\b"
        r"|\bclick here (?:to|for)\b"
        r"|\bshare (?:this (?:article|story)|on) (?:on |via )?(?:facebook|twitter|x|email)\b"
        r"|\bfollow us on\b"
        r"|^[^\S\n]*(?:advertisement|sponsored content|related articles|read more)"
        r"[^\S\n]*:?$"
    ).replace(" ", r"\s+"),  # lines may be broken anywhere
    re.IGNORECASE | re.MULTILINE,
)

# UTF-8 that was read as Windows-1252 or Latin-1: what begins a character of two or
# three bytes, and what goes on with one.
_CONTINUING = re.escape(
    "".join(
        bytes([byte]).decode("cp1252", "ignore") + chr(byte)
        for byte in range(0x80, 0xC0)
    )
)
_MISREAD = re.compile(
    f"[ÂÃÄÅ][{_CONTINUING}]|(?:[ÐÑØÙ][{_CONTINUING}]){{2}}|[âï][{_CONTINUING}]{{2}}"
)
_TAG = re.compile(
    r"</?(?:a|article|b|blockquote|br|div|em|figure|h[1-6]|hr|i|iframe|img|li|ol|p"
    r"|script|section|span|strong|style|sub|sup|table|td|th|tr|u|ul)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_LOST = re.compile("\ufffd")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")


@dataclass(frozen=True)
class Boilerplate:
    """Words that stand in many samples and tell nothing of any.

    Attributes
    ----------
    text : str
        As it stands in the first of them.
    samples : int
        How many hold it; near-duplicates count once.
    ids : tuple of str
        The samples that hold it.
    """

    text: str
    samples: int
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Damage:
    """A text that came through some program the worse for it.

    Attributes
    ----------
    id : str
    kind : str
        ``"misread"``, UTF-8 that was read as another encoding; ``"lost"``, U+FFFD
        where a character was; ``"control"``, control characters; ``"entity"`` and
        ``"tag"``, left over from HTML.
    found : str
        The first of them.
    """

    id: str
    kind: str
    found: str


def boilerplate(
    ids: Sequence[str], texts: Sequence[str], stories: NDArray[np.intp]
) -> list[Boilerplate]:
    """Find the runs of words that recur in texts of many stories.

    Parameters
    ----------
    ids, texts : sequence of str
    stories : ndarray of int, shape (n_texts,)
        Texts with the same number are near-duplicates.

    Returns
    -------
    list of Boilerplate
        The commonest first. Runs of :data:`BOILERPLATE_WORDS` words that follow each
        other are one.
    """
    hashes = _hashes(texts)
    common, counts = _common(hashes, stories)
    if not len(common):
        return []
    holders: dict[int, list[int]] = defaultdict(list)
    stretches: dict[int, str] = {}
    seen: set[int] = set()
    for i, found in enumerate(hashes):
        numbers = np.searchsorted(common, found).clip(max=len(common) - 1)
        held = np.flatnonzero(common[numbers] == found)
        for number in np.unique(numbers[held]).tolist():
            holders[number].append(i)
        for first, last in _consecutive(held.tolist()):
            runs = numbers[first : last + 1].tolist()
            if not seen.intersection(runs):
                # Neighbours recur in nearly the same texts: one stands for them.
                most = max(runs, key=lambda number: counts[number])
                stretches[most] = _words_of(texts[i], first, last + BOILERPLATE_WORDS)
            seen.update(runs)
    recurring = [
        Boilerplate(text, int(counts[number]), tuple(ids[i] for i in holders[number]))
        for number, text in stretches.items()
    ]
    return sorted(recurring, key=lambda one: -one.samples)


def _hashes(texts: Sequence[str]) -> list[NDArray[np.uint64]]:
    """A number for each run of words of each text."""
    numbers: dict[str, int] = {}
    factors = np.random.default_rng(0).integers(
        1, 2**63, BOILERPLATE_WORDS, dtype=np.uint64
    )
    found = []
    for text in texts:
        words = np.array(
            [
                numbers.setdefault(word.casefold(), len(numbers) + 1)
                for word in _WORD.findall(text)
            ],
            dtype=np.uint64,
        )
        size = max(len(words) - BOILERPLATE_WORDS + 1, 0)
        hashed = np.zeros(size, dtype=np.uint64)
        for offset, factor in enumerate(factors):
            hashed += words[offset : offset + size] * factor
        found.append(hashed)
    return found


def _common(
    hashes: Sequence[NDArray[np.uint64]], stories: NDArray[np.intp]
) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """The runs that many stories hold, sorted, and how many do."""
    members: dict[int, list[NDArray[np.uint64]]] = defaultdict(list)
    for story, found in zip(stories.tolist(), hashes, strict=True):
        members[story].append(found)
    once = [np.unique(np.concatenate(found)) for found in members.values()]
    if not once:
        return np.zeros(0, np.uint64), np.zeros(0, np.intp)
    runs, counts = np.unique(np.concatenate(once), return_counts=True)
    many = counts >= BOILERPLATE_SAMPLES
    return runs[many], counts[many]


def _consecutive(positions: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first and last of each stretch of ascending numbers without a gap."""
    start = 0
    for i, at in enumerate(positions):
        if i + 1 == len(positions) or positions[i + 1] != at + 1:
            yield positions[start], at
            start = i + 1


def _words_of(text: str, first: int, end: int) -> str:
    spans = [match.span() for match in _WORD.finditer(text)]
    return text[spans[first][0] : spans[end - 1][1]]


def page_wording(
    ids: Sequence[str], texts: Sequence[str], stories: NDArray[np.intp]
) -> list[Boilerplate]:
    """Find the wording of web pages: cookies, newsletters, logins.

    Parameters
    ----------
    ids, texts, stories
        As for :func:`boilerplate`.
    """
    first: dict[str, str] = {}
    holders: dict[str, list[int]] = defaultdict(list)
    for i, text in enumerate(texts):
        wordings = [" ".join(match[0].split()) for match in _PAGE.finditer(text)]
        for wording in dict.fromkeys(wordings):
            first.setdefault(wording.casefold(), wording)
            holders[wording.casefold()].append(i)
    found = [
        Boilerplate(
            first[key],
            len({int(stories[i]) for i in held}),
            tuple(dict.fromkeys(ids[i] for i in held)),
        )
        for key, held in holders.items()
    ]
    return sorted(found, key=lambda one: (-one.samples, one.text))


def damage(text: str) -> Iterator[tuple[str, str]]:
    """Find the first of each kind of damage in a text, as kind and what was found."""
    if misread := _MISREAD.search(text):
        yield "misread", misread[0]
    for kind, pattern in (("lost", _LOST), ("control", _CONTROL)):
        if met := pattern.search(text):
            start = max(met.start() - 10, 0)
            yield kind, text[start : met.end() + 10]
    for match in _ENTITY.finditer(text):
        if match[0][1] == "#" or match[0][1:] in html5:
            yield "entity", match[0]
            break
    if tag := _TAG.search(text):
        yield "tag", tag[0]
