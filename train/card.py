"""What a model is, for people: the card as Markdown, written beside the model."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..labels.files import atomic_write
from ..predict.model import Head, Model
from ..predict.model_file import ModelError
from .evaluate import HEADLINE
from .proportions import Interval, label_intervals

# What Markdown would take for its own in the cell of a table or a line of text.
_MARKUP = re.compile(r"([\\`*_\[\]<>|#~&])")

FEW_SAMPLES = 30
"""A label of fewer samples is named among the limits."""

LOW_F1 = 0.5
"""Likewise a label whose F1 is lower."""


def model_card(model: Model, *, name: str = "model.safetensors") -> str:
    """Describe a model in Markdown.

    Parameters
    ----------
    model : Model
    name : str, default="model.safetensors"
        Of its file, for the examples.

    Returns
    -------
    str
        What the model answers, what it was trained on and how, the cross-validated
        figures with 95% intervals, its limits, how to load it. The same model gives
        the same text.
    """
    parts = [
        f"# {_plain(name)}",
        _answers(model),
        "## Training",
        _table(("", ""), training_facts(model)),
        *_figures(model),
        "## Limits",
        _list(_limits(model)),
        "## Use",
        _USE.format(literal=json.dumps(name), argument=shlex.quote(name)),
    ]
    return "\n\n".join(parts) + "\n"


def card_path(model_path: Path) -> Path:
    """Where the card of a model stands: its whole name and ``.md``."""
    return model_path.with_name(f"{model_path.name}.md")


def write_card(model: Model, path: str | Path) -> Path:
    """Write a model's card beside the model; it appears whole or not at all.

    Parameters
    ----------
    model : Model
    path : str or Path
        Of the model.

    Returns
    -------
    Path
        Of the card, as :func:`card_path` names it.

    Raises
    ------
    ModelError
        If it cannot be written.
    """
    path = Path(path)
    card = card_path(path)
    try:
        with atomic_write(card) as file:
            file.write(model_card(model, name=path.name).encode("utf-8"))
    except OSError as error:
        raise ModelError(
            f"{card}: cannot be written: {error.strerror}; choose another path for "
            "the model"
        ) from None
    return card


def training_facts(model: Model) -> list[tuple[str, str]]:
    """List what is known of how a model was made: names and values for people.

    Facts that the model's card does not hold are left out.
    """
    training: Mapping[str, Any] = model.card.get("training", {})
    settings: Mapping[str, Any] = training.get("settings", {})
    facts = []
    if "samples" in training:
        facts.append(("Samples", f"{training['samples']:,}"))
    if training.get("helping_samples"):
        helping = f"{training['helping_samples']:,} of another origin"
        facts.append(("Helping samples", helping))
    if "samples_sha256" in training:
        facts.append(("Samples' SHA-256", training["samples_sha256"]))
    if "lexicon_phrases" in training:
        phrases = f"{training['lexicon_phrases']:,} phrases"
        facts.append(("Lexicon", phrases))
        facts.append(("Lexicon's SHA-256", training["lexicon_sha256"]))
    facts.append(("Terms", f"{len(model.terms):,} ({_blocks(model)})"))
    if settings:
        facts.append(("Settings", _shown(settings, _SHOWN_SETTINGS)))
    facts.append(("Counting of terms", _shown(vars(model.settings))))
    for axis, chosen in _sorted(training.get("chosen", {})):
        facts.append((f"Chosen for {axis}", _shown(chosen, sorted(chosen))))
    for axis, shares in _sorted(settings.get("shares", {})):
        facts.append((f"Shares assumed in {axis}", _shown(shares, sorted(shares))))
    if "fits" in training:
        facts.append(("Fits", training["fits"]))
    if "versions" in training:
        facts.append(("Made with", _shown(training["versions"], sign=" ")))
    return facts


_SHOWN_SETTINGS = (
    "min_df",
    "max_words",
    "secondary_weight",
    "precision",
    "concept_documents",
    "folds",
    "seed",
)

_USE = """```python
from dateline import Predictor

predictor = Predictor.load({literal})
predictor.predict("...", title="...")
```

```
dateline predict FILE -m {argument}
dateline evaluate SAMPLES -m {argument}
```"""


def _sorted(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    # A file keeps its card sorted; a model just trained says the same in this order.
    return sorted(values.items())


def _blocks(model: Model) -> str:
    return ", ".join(f"{size:,} {block}" for block, size in model.blocks.items())


def _shown(
    values: Mapping[str, Any], only: Iterable[str] | None = None, sign: str = " = "
) -> str:
    names = values if only is None else [name for name in only if name in values]
    return ", ".join(
        f"{name}{sign}{_value(values[name])}"
        for name in names
        if values[name] is not None
    )


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _answers(model: Model) -> str:
    lines = []
    for head in model.heads:
        axis = model.taxonomy[head.axis]
        how = "one label" if axis.single_label else "any number of labels"
        lines.append(
            f"**{_plain(axis.name)}** (`{axis.id}`): {how} of {len(head.labels)}"
        )
    return (
        "A dateline model: it reads a news article in plain text and gives labels with "
        "calibrated probabilities, or none. It answers on\n\n" + _list(lines)
    )


def _figures(model: Model) -> Iterable[str]:
    metrics: Mapping[str, Any] = model.card.get("metrics", {})
    counts = model.card.get("training", {}).get("labels", {})
    for head in model.heads:
        axis = model.taxonomy[head.axis]
        yield f"## {_plain(axis.name)}"
        figures = metrics.get(head.axis)
        if figures is not None:
            yield (
                f"Cross-validated on {figures['n']:,} samples; 95% intervals in "
                "brackets."
            )
            yield _table(
                ("figure", "value", "interval"),
                [
                    (name, _number(figures[name]), _range(figures["intervals"][name]))
                    for name in HEADLINE
                ],
            )
            none = figures["no_label"]
            if none["n"]:
                yield (
                    f"Of {none['n']:,} samples known to have no label, "
                    f"{_number(none['given_none'])} were given none."
                )
        yield _label_table(model, head, figures or {}, counts.get(head.axis, {}))


def _label_table(
    model: Model, head: Head, figures: Mapping[str, Any], counts: Mapping[str, int]
) -> str:
    rows = []
    thresholds = model.thresholds[head.columns].tolist()
    for label, threshold in zip(head.labels, thresholds, strict=True):
        row = figures.get("per_label", {}).get(label.id)
        cells = ["", "", ""]
        if row is not None:
            intervals = label_intervals(row)
            cells = [
                f"{_number(row[name])} {_range(intervals[name])}".strip()
                for name in ("precision", "recall")
            ]
            cells.append(_number(row["f1"]))
        rows.append(
            (
                _code(label.id),
                _plain(label.name),
                _plain(label.code),
                f"{counts[label.id]:,}" if label.id in counts else "",
                *cells,
                f"{threshold:.3f}",
            )
        )
    names = ("label", "name", "code", "samples", "precision", "recall", "F1")
    return _table((*names, "threshold"), rows)


def _limits(model: Model) -> Iterable[str]:
    metrics: Mapping[str, Any] = model.card.get("metrics", {})
    counts = model.card.get("training", {}).get("labels", {})
    yield (
        "The figures are of articles like the samples: cross-validation leaves out "
        "articles, not habits of their source. Measure on your own feed with "
        "`dateline evaluate`."
    )
    yield (
        "It knows words and phrases, not meaning: irony, and a place or subject that "
        "is only mentioned, mislead it. An article without a word that it knows gets "
        "no label."
    )
    for head in model.heads:
        known = {label.id for label in head.labels}
        absent = [x for x in model.taxonomy[head.axis].ids if x not in known]
        if absent:
            yield f"{head.axis}: not trained, never given: {_codes(absent)}."
        few = [x for x, n in _sorted(counts.get(head.axis, {})) if n < FEW_SAMPLES]
        if few:
            yield (
                f"{head.axis}: fewer than {FEW_SAMPLES} samples, so uncertain: "
                f"{_codes(few)}."
            )
        per_label = metrics.get(head.axis, {}).get("per_label", {})
        low = [x for x, row in _sorted(per_label) if (row["f1"] or 0.0) < LOW_F1]
        if low:
            yield f"{head.axis}: F1 below {LOW_F1:g}: {_codes(low)}."


def _codes(labels: Iterable[str]) -> str:
    return ", ".join(map(_code, labels))


def _code(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    # A bar ends a cell even in code.
    return "\n".join(
        "| " + " | ".join(re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in line) + " |"
        for line in lines
    )


def _plain(text: str) -> str:
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _range(interval: Sequence[float] | Interval | None) -> str:
    return "" if interval is None else f"[{interval[0]:.3f}, {interval[1]:.3f}]"
