"""Write a small model in the format that a dateline writes, and the answers it gives.

They are kept in ``tests/models/``, one of each format version, and a test loads them all
and compares the answers: a model that was ever written is read for ever. A file that is
there is not written again. To keep one of a new version, with the code that writes it::

    python scripts/make_format_model.py tests/models

Those of version 1 and 2 were written by the last commits that wrote them::

    git worktree add ../old b962bfd        # version 2; for version 1, 50c3290~1
    PYTHONPATH=../old/src python scripts/make_format_model.py tests/models
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import dateline
from dateline import Predictor
from dateline.labels import Axis, Label, Lexicon, Sample, Taxonomy
from dateline.predict import Article, Model
from dateline.train.fit import train

TAXONOMY = Taxonomy(
    (
        Axis(
            "land",
            "Land",
            (
                Label("north", "The North", "N", countries=("NO", "SE")),
                Label("south", "The South", "S", countries=("ES", "IT")),
            ),
        ),
        Axis(
            "desk",
            "Desk",
            (
                Label("sport", "Sport", concepts=("subject:sport/*",)),
                Label("money", "Money", concepts=("subject:money/*",)),
                Label("money/banks", "Banks", concepts=("subject:money/banks",)),
            ),
            single_label=True,
        ),
    )
)

# Phrases of one word to four, of capitals, accents and other scripts, that differ by
# capitals alone, that others begin with, and of two kinds of concepts.
LEXICON = Lexicon(
    [
        ("Norway", ["place:NO"]),
        ("Oslo", ["place:NO"]),
        ("NOR", ["place:NO"]),
        ("Tromsø", ["place:NO"]),
        ("Sweden", ["place:SE"]),
        ("Östersund", ["place:SE"]),
        ("Spain", ["place:ES"]),
        ("Мадрид", ["place:ES"]),
        ("Palma de Mallorca", ["place:ES"]),
        ("Rome", ["place:IT"]),
        ("US", ["place:IT"]),  # the caseless "us" is not it
        ("striker", ["subject:sport/football"]),
        ("Home", ["place:NO"]),
        ("home", ["subject:sport/baseball"]),
        ("home run", ["subject:sport/baseball"]),
        ("shares", ["subject:money/markets"]),
        ("Bank of Spain", ["place:ES", "subject:money/banks"]),
        ("interest rates of the bank", ["subject:money/banks"]),
    ]
)

TOWNS = {
    "north": ["Oslo", "Norway", "Tromsø", "Stockholm"],
    "south": ["Spain", "Rome", "Palma de Mallorca", "Seville"],
}
HAPPENINGS = {
    "sport": [
        "The striker scored twice in {}",
        "Supporters in {} cheered a home run",
        "A marathon through {} was won by a teacher",
    ],
    "money": [
        "Shares fell in {} after a lender failed",
        "Retail prices rose faster in {} than hoped",
    ],
    "money/banks": [
        "The Bank of Spain spoke to lenders in {}",
        "Savers in {} wait for the interest rates of the bank",
    ],
}

SAMPLES = [
    Sample(
        id=f"{land}-{desk}-{town}-{number}",
        title="",
        text=text.format(town) + ".",
        labels={"land": (land,), "desk": (desk,)},
    )
    for land, towns in TOWNS.items()
    for town in towns
    for desk, texts in HAPPENINGS.items()
    for number, text in enumerate(texts)
]

ARTICLES = [
    Article("Shares fell in Oslo after a lender failed in Stockholm."),
    Article("The striker stays in Palma de Mallorca.", "Rome waits"),
    Article("interest rates of the bank trouble savers in spain"),
    Article("let us go home, said the striker from seville"),
    Article("HOME RUN in TROMSØ; the Us and US teams cheered at Home."),
    Article("Лидер: МАДРИД ждёт, Мадрид ждет."),
    Article("Östersund, Sweden. " + "Prices rose. " * 40 + "Bank of Spain."),
    Article("İstanbul and Oslo: shares of ΣΊΣΥΦΟΣ fell."),
    Article("Nothing known here."),
    Article(""),
]


def main() -> None:
    """Write the files into the folder that is named."""
    folder = Path(sys.argv[1])
    model = train(SAMPLES, taxonomy=TAXONOMY, lexicon=LEXICON)
    path = folder / "new.safetensors"
    model.save(path)
    header = path.read_bytes()
    header = header[8 : 8 + int.from_bytes(header[:8], "little")]
    card = json.loads(json.loads(header)["__metadata__"]["dateline"])
    named = folder / f"format-{card['format_version']}.safetensors"
    if named.exists():
        path.unlink()
        sys.exit(f"{named}: is there already, and is to stay as it is")
    path.rename(named)
    predictor = Predictor(Model.load(named))
    found = [predictor.predict(article) for article in ARTICLES]
    answers = [
        {
            "title": article.title,
            "text": article.text,
            "given": {
                axis: [scored.label for scored in given]
                for axis, given in prediction.labels.items()
            },
            "scores": prediction.scores,
        }
        for article, prediction in zip(ARTICLES, found, strict=True)
    ]
    kept = {
        "written by": f"dateline {dateline.__version__}, format {card['format_version']}",
        "versions": card["training"]["versions"],
        "answers": answers,
    }
    text = json.dumps(kept, indent=1, ensure_ascii=False) + "\n"
    named.with_suffix(".json").write_text(text, encoding="utf-8")
    print(f"{named}: {named.stat().st_size} bytes, {len(answers)} answers")


if __name__ == "__main__":
    main()
