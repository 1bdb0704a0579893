"""Articles to measure on, made from the bundled samples; the same ones every time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dateline.labels import Sample, bundled_samples

WORDS = 400
"""Words of an article, some 2.4 kB."""

CUT = 5
"""Words in the mean that a labelled article takes from one place."""

OWN = 0.6
"""The share of a labelled article that comes from samples of its label."""

INVENTED = 0.2
"""How many invented names come with each cut, in the mean."""

_ONSETS = ("b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z")
_SYLLABLES = [onset + vowel for onset in _ONSETS for vowel in "aeiou"]


def articles(n: int, words: int = WORDS) -> list[str]:
    """Running text: the bundled samples one after the other, cut at even distances."""
    text = " ".join(f"{s.title}. {s.text}" for s in bundled_samples()).split()
    starts = np.linspace(0, len(text) - words, n).astype(int).tolist()
    return [" ".join(text[start : start + words]) for start in starts]


def regions() -> dict[str, list[Sample]]:
    """The bundled samples by their first region, 20 in all."""
    found: dict[str, list[Sample]] = {}
    for sample in bundled_samples():
        for label in sample.labels.get("regions", ())[:1]:
            found.setdefault(label, []).append(sample)
    return dict(sorted(found.items()))


def groups(n: int) -> dict[str, list[Sample]]:
    """The bundled samples dealt out to so many labels without a meaning."""
    samples = bundled_samples()
    return {f"label-{k:03}": samples[k::n] for k in range(n)}


def labelled(
    n: int, by_label: Mapping[str, Sequence[Sample]], words: int = WORDS
) -> Iterator[tuple[str, str]]:
    """Articles with a label, one label after the other, whose vocabulary goes on growing.

    An article is put together from cuts of some :data:`CUT` words, :data:`OWN` of them
    out of samples of its label, so that it can be learned and new pairs of words stand
    at every seam. Invented names, their frequencies by Zipf's law without an end, are
    set between. So new terms go on coming as they do in news: 1,000 articles have some
    33,000 words and 240,000 words and pairs, 10,000 have 76,000 and 1.1 million, of
    which 350,000 are in two articles or more.

    Parameters
    ----------
    n : int
        How many; the first ones are the same whatever it is.
    by_label : mapping of str to sequence of Sample
        Where the words of each label come from.
    words : int, optional

    Yields
    ------
    text, label : str
    """
    labels = list(by_label)
    own = [[f"{s.title}. {s.text}".split() for s in by_label[k]] for k in labels]
    every = [found for group in own for found in group]
    rng = np.random.default_rng(0)
    cuts = 2 * words // CUT  # more than are needed
    for i in range(n):
        group = own[i % len(labels)]
        lengths = rng.geometric(1 / CUT, cuts).tolist()
        sources = rng.random(cuts).tolist()
        places = rng.random(cuts).tolist()
        is_own = (rng.random(cuts) < OWN).tolist()
        names = rng.zipf(1.2, cuts).tolist()
        with_name = (rng.random(cuts) < INVENTED).tolist()
        text: list[str] = []
        for k in range(cuts):
            pool = group if is_own[k] else every
            source = pool[int(sources[k] * len(pool))]
            start = int(places[k] * len(source))
            text += source[start : start + lengths[k]]
            if with_name[k]:
                text.append(name(names[k]))
            if len(text) >= words:
                break
        yield " ".join(text[:words]), labels[i % len(labels)]


def name(rank: int) -> str:
    """The invented name of a rank, the longer the rarer: ``name(1)`` is "Babe"."""
    syllables = [_SYLLABLES[0]]
    while rank:
        rank, syllable = divmod(rank, len(_SYLLABLES))
        syllables.append(_SYLLABLES[syllable])
    return "".join(syllables).capitalize()
