"""Searching for better settings than the defaults, by cross-validation.

One setting is varied at a time, those of terms first, for all axes together, then
those of the classifiers, axis by axis; a value is kept where it raises macro-F1 on
held-out samples. What was tried is written to a journal, so that a search which is
interrupted goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..labels.lexicon import Lexicon
from ..labels.samples import Sample
from ..labels.taxonomy import Taxonomy
from .crossval import MIDDLING, choose_weights, macro_f1
from .features import TermVectorizer
from .fit import check_trainable, digest, prepare
from .settings import CHOSEN, CONCEPT_WEIGHTS, TrainingError, TrainingSettings
from .stories import story_groups
from .tasks import AxisTask, Matrix

if TYPE_CHECKING:
    from distributed import Client

_TERMS: dict[str, tuple[Any, ...]] = {
    "ngrams": (2, 1),
    "min_df": (2, 1, 3),
    "title_weight": (6.0, 2.0, 12.0),
    "lead_weight": (5.0, 1.0, 10.0),
}
"""What is tried of the settings of terms, the default first."""

_CLASSIFIERS: dict[str, tuple[Any, ...]] = {
    "concept_weight": CONCEPT_WEIGHTS,
    "C": (1.0, 0.1, 0.3, 3.0),
    "balanced": (True, False),
}
"""What is tried of the settings of an axis's classifiers."""


@dataclass(frozen=True)
class Trial:
    """Settings that were tried, and how they did.

    Attributes
    ----------
    of : str
        What the settings were tried for: ``"terms"`` or the id of an axis.
    varied : str
        The setting that was varied; empty for the beginning.
    value : object
        What it was.
    macro_f1 : float
        On held-out samples; for terms the mean over the axes.
    """

    of: str
    varied: str
    value: Any
    macro_f1: float


class Journal:
    """The trials of a search, kept in a file so that none is made twice.

    Parameters
    ----------
    path : Path, optional
        A JSON lines file, made where it is missing. Default: nothing is kept.
    key : str
        A digest of what is searched for; trials under another are passed over.

    Raises
    ------
    TrainingError
        If the file holds something else or cannot be written.
    """

    def __init__(self, path: Path | None, key: str) -> None:
        self._path, self._key = path, key
        self._known: dict[str, float] = {}
        if path is None or not path.exists():
            return
        try:
            lines = path.read_text("utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise TrainingError(f"{path}: cannot be read: {error}") from None
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line) if line else None
                if row is not None and row["key"] == key:
                    self._known[row["trial"]] = float(row["macro_f1"])
            except (ValueError, KeyError, TypeError):
                if number < len(lines):  # the last may have been cut short
                    raise TrainingError(
                        f"{path}:{number}: is no trial of a search; move the file away "
                        "or search from the beginning"
                    ) from None

    def get(self, trial: str) -> float | None:
        """How a trial did, if it was made before."""
        return self._known.get(trial)

    def add(self, trial: str, found: float) -> None:
        """Keep how a trial did."""
        self._known[trial] = found
        if self._path is None:
            return
        row = {"key": self._key, "trial": trial, "macro_f1": found}
        try:
            with self._path.open("a", encoding="utf-8") as file:
                if file.tell() and not self._ends_a_line():
                    file.write("\n")
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise TrainingError(
                f"{self._path}: cannot be written: {error.strerror}"
            ) from None

    def _ends_a_line(self) -> bool:
        assert self._path is not None
        with self._path.open("rb") as file:
            file.seek(-1, 2)
            return file.read() == b"\n"


def search(
    samples: Iterable[Sample],
    *,
    helping: Iterable[Sample] = (),
    taxonomy: Taxonomy | None = None,
    lexicon: Lexicon | None = None,
    settings: TrainingSettings | None = None,
    jobs: int = 1,
    journal: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    client: Client | None = None,
) -> tuple[TrainingSettings, list[Trial]]:
    """Search for the settings with the best macro-F1 in cross-validation.

    Parameters
    ----------
    samples, helping, taxonomy, lexicon
        As for :func:`dateline.train.fit.train`.
    settings : TrainingSettings, optional
        Where the search begins.
    jobs : int, default=1
        Trials that run side by side.
    journal : Path, optional
        A file that keeps the trials; with it, a search that was interrupted goes on
        where it was. Default: none.
    progress : callable, optional
        Told how many trials of at most how many are done.
    client : distributed.Client, optional
        Of a cluster whose workers make the trials, instead of `jobs` processes here.

    Returns
    -------
    settings : TrainingSettings
        The best that were found.
    trials : list of Trial
        In the order in which they were compared.

    Raises
    ------
    TrainingError
        As training does, or if the journal cannot be used.
    """
    samples, helping = list(samples), list(helping)
    settings = settings or TrainingSettings()
    taxonomy = taxonomy or Taxonomy.bundled()
    lexicon = (lexicon if lexicon is not None else Lexicon.bundled()).rolled_up(
        taxonomy
    )
    known = check_trainable(samples, helping, taxonomy, settings)
    every = [*samples, *helping]
    key = digest(
        [
            __version__,
            *(sample.to_json() for sample in every),
            len(helping),
            taxonomy.to_json(),
            [*lexicon.items()],
            asdict(settings),
        ]
    )
    return _Search(
        samples,
        helping,
        known,
        taxonomy,
        lexicon,
        jobs,
        Journal(journal, key),
        progress,
        client,
    ).run(settings)


class _Search:
    def __init__(
        self,
        samples: Sequence[Sample],
        helping: Sequence[Sample],
        known: Mapping[str, tuple[str, ...]],
        taxonomy: Taxonomy,
        lexicon: Lexicon,
        jobs: int,
        journal: Journal,
        progress: Callable[[int, int], None],
        client: Client | None,
    ) -> None:
        stories = story_groups([*samples, *helping])
        self._data = _Data(samples, helping, stories, known, taxonomy, lexicon)
        self._client = client
        self._jobs, self._journal, self._progress = jobs, journal, progress
        self._trials: list[Trial] = []
        self._done = 0
        self._total = _most(_TERMS) + len(known) * _most(_CLASSIFIERS)

    def run(self, start: TrainingSettings) -> tuple[TrainingSettings, list[Trial]]:
        # The weight of concepts is chosen last; terms are compared with a middling one.
        open_ = start.concept_weight is None
        settings = replace(start, concept_weight=MIDDLING) if open_ else start
        settings = self._ascend(
            "terms", settings, _TERMS, _with_term, _terms_score, self._data
        )
        settings = replace(settings, concept_weight=start.concept_weight)
        matrix, tasks = self._data.prepared(settings)
        chosen = {}
        for task in tasks:
            best = self._ascend(
                task.axis.id,
                choose_weights(matrix, task, settings.of(task.axis.id), self._jobs),
                _CLASSIFIERS,
                _with,
                macro_f1,
                matrix,
                task,
            )
            axis = task.axis.id
            chosen[axis] = {
                **start.by_axis.get(axis, {}),
                **{name: getattr(best, name) for name in CHOSEN},
            }
        self._progress(self._total, self._total)
        return replace(settings, by_axis=chosen), self._trials

    def _ascend(
        self,
        of: str,
        best: TrainingSettings,
        steps: Mapping[str, Sequence[Any]],
        vary: Callable[[TrainingSettings, str, Any], TrainingSettings],
        score: Callable[..., float],
        *data: Any,
    ) -> TrainingSettings:
        """Vary one setting after the other, keeping what is better.

        The score of settings is what `score` makes of the data and them.
        """
        if self._client is not None:
            # Sent once, to every worker, so that one may die. Under names of their
            # own: the same name, let go and given again, was lost now and then.
            data = self._client.scatter([*data], broadcast=True, hash=False)
        highest = self._scores(of, [("", None, best)], score, *data)[0]
        for name, values in steps.items():
            tried = [
                (name, value, varied)
                for value in values
                if (varied := vary(best, name, value)) != best
            ]
            found = self._scores(of, tried, score, *data)
            if found and max(found) > highest:
                highest = max(found)
                best = tried[found.index(highest)][2]
        return best

    def _scores(
        self,
        of: str,
        tried: Sequence[tuple[str, Any, TrainingSettings]],
        score: Callable[..., float],
        *data: Any,
    ) -> list[float]:
        keys = [json.dumps([of, asdict(settings)]) for _, _, settings in tried]
        new = [i for i, key in enumerate(keys) if self._journal.get(key) is None]
        # One after the other as they are ready, so that each is kept at once.
        with self._place():
            ready = joblib.Parallel(n_jobs=self._jobs, return_as="generator")(
                joblib.delayed(_alone)(score, *data, tried[i][2]) for i in new
            )
            for i, value in zip(new, ready, strict=True):
                self._journal.add(keys[i], value)
        found = []
        for key, (name, value, _) in zip(keys, tried, strict=True):
            macro = self._journal.get(key)
            assert macro is not None
            found.append(macro)
            self._trials.append(Trial(of, name, value, macro))
        self._done += len(tried)
        self._progress(self._done, self._total)
        return found

    def _place(self) -> AbstractContextManager[object]:
        """Where trials are made: in processes here, or on the cluster."""
        if self._client is None:
            return nullcontext()
        config: AbstractContextManager[object] = joblib.parallel_config(
            "dask", client=self._client
        )
        return config


@dataclass(frozen=True, eq=False)
class _Data:
    """What all trials of terms share."""

    samples: Sequence[Sample]
    helping: Sequence[Sample]
    stories: NDArray[np.intp]
    known: Mapping[str, tuple[str, ...]]
    taxonomy: Taxonomy
    lexicon: Lexicon

    def prepared(self, settings: TrainingSettings) -> tuple[Matrix, list[AxisTask]]:
        vectorizer = TermVectorizer(
            self.lexicon, settings.terms, settings.min_df, settings.max_words
        )
        return prepare(
            self.samples,
            self.helping,
            self.stories,
            self.known,
            self.taxonomy,
            vectorizer,
            settings,
        )


def _terms_score(data: _Data, settings: TrainingSettings) -> float:
    matrix, tasks = data.prepared(settings)
    return float(np.mean([macro_f1(matrix, t, settings.of(t.axis.id)) for t in tasks]))


def _alone(score: Callable[..., float], *arguments: Any) -> float:
    """Make a trial on one core: on a cluster its fits would else be tasks of their own,
    each with a copy of the matrix.
    """
    with joblib.parallel_config("sequential"):
        return score(*arguments)


def _most(steps: Mapping[str, Sequence[Any]]) -> int:
    """How many trials there are at the most."""
    return 1 + sum(len(values) - 1 for values in steps.values())


def _with(settings: TrainingSettings, name: str, value: Any) -> TrainingSettings:
    return replace(settings, **{name: value})


def _with_term(settings: TrainingSettings, name: str, value: Any) -> TrainingSettings:
    if name == "min_df":
        return replace(settings, min_df=value)
    return replace(settings, terms=replace(settings.terms, **{name: value}))
