"""Judging in processes of one machine, which make the text of the answers, too.

Threads win little on an archive: what the compiled scan does without Python's lock is a
third of the work. Here the main process only reads rows and writes answers.

Neither joblib nor ``concurrent.futures`` drives the processes. joblib's generator asks
for rows whether or not the answers before them were written, so that memory grows where
the output is slow, and asks from a thread of its own, where neither an error of the rows
nor Ctrl-C comes in its turn. Workers of the executors (loky's as well) take rows from a
queue whose other end they hold themselves: they outlive a main process that is killed.
A worker here has a pipe of its own, and whoever dies, the other end is told by it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Self

from ..labels.errors import DatelineError
from .answers import AnswerError, Piece, answered, as_piece
from .article import Article
from .fields import BadRow, KeptArticle
from .model import BUNDLED
from .model_file import ModelError
from .predictor import Predictor
from .resume import Shape

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from .model import Model

ROWS = 256
"""Rows that are handed over together."""

AHEAD = 2
"""Chunks that a worker has besides the one that it answers, so that it never waits."""

CHARACTERS = 1 << 20
"""Where rows are long, fewer are handed over, ending with that one which exceeds this."""

MOST = 8
"""Processes at the most. To read a row takes half as long as to answer it, so two are kept
busy; what is cheaper to read than JSON may feed a few more."""


@dataclass(frozen=True)
class Origin:
    """Where a worker finds the model that the main process has.

    Attributes
    ----------
    path : Path, optional
        Default: the model inside the package.
    threshold : float, optional
    mark : bytes
        By which another model is known, if the file was replaced meanwhile.
    """

    path: Path | None
    threshold: float | None
    mark: bytes

    def load(self) -> Predictor:
        """Load the model once more.

        Raises
        ------
        ModelError
            If it cannot be loaded, or is another one.
        """
        predictor = Predictor.load(self.path, threshold=self.threshold)
        if _mark(predictor.model) != self.mark:
            raise ModelError(
                f"{self.path or BUNDLED}: was replaced by another model while it was "
                "in use; begin anew, or put the old one back and go on with --resume"
            )
        return predictor


def _mark(model: Model) -> bytes:
    parts = (model.bias, model.calibration, model.thresholds)
    return b"".join(part.tobytes() for part in parts)


def pieces_by_processes(
    predictor: Predictor,
    path: Path | None,
    chunks: Iterable[Sequence[Article | BadRow]],
    shape: Shape,
    jobs: int,
) -> Generator[Piece, None, None]:
    """Judge rows, and make the text of the answers, in processes, in order.

    Parameters
    ----------
    predictor : Predictor
        Answers here until all processes are ready.
    path : Path, optional
        Where it was loaded from. Each process loads it once more.
    chunks : iterable of sequence of Article or BadRow
        Is read in the thread that iterates; no more than a few for each process are
        held.
    shape : Shape
    jobs : int
        Processes beside this one, :data:`MOST` at the most.

    Raises
    ------
    AnswerError
        If a process ends before its work is done. What came before was yielded.
    ModelError
        If a process cannot load the model, or finds another one.
    """
    origin = Origin(path, predictor.threshold, _mark(predictor.model))
    with contextlib.ExitStack() as stack:
        workers = [
            stack.enter_context(_Worker(origin, shape)) for _ in range(min(jobs, MOST))
        ]
        turns = itertools.cycle(workers)
        waiting: deque[_Worker] = deque()
        source, broken = iter(chunks), None
        while True:
            try:
                chunk = next(source, None)
            except DatelineError as error:
                # The source broke off; what it gave before is answered all the same.
                broken, chunk = error, None
            if chunk is None:
                break
            if not all(worker.is_ready for worker in workers):
                yield _judged(predictor, chunk, shape)
                continue
            worker = next(turns)
            worker.give(chunk)
            waiting.append(worker)
            while len(waiting) > AHEAD * len(workers) or (
                waiting and waiting[0].has_done
            ):
                yield waiting.popleft().take()
        while waiting:
            yield waiting.popleft().take()
        if broken is not None:
            raise broken


class _Worker:
    """A process that answers, seen from the main process."""

    def __init__(self, origin: Origin, shape: Shape) -> None:
        # Not forked: there may be threads, of which a fork copies the locks alone.
        context = get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(
            target=_work, args=(there, origin, shape), daemon=True
        )
        with there, _without_interrupts():
            self._process.start()
        self._ready = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        # All that is worth keeping was handed back, so there is nothing to wait for.
        self._process.kill()
        self._process.join()
        self._here.close()

    @property
    def is_ready(self) -> bool:
        """Whether it has loaded the model."""
        if not self._ready:
            with self._dying():
                found = self._here.poll()
            self._ready = found and self._taken() is None
        return self._ready

    def give(self, rows: Sequence[Article | BadRow]) -> None:
        """Hand rows over; it takes them at once, whatever it is at."""
        with self._dying():
            self._here.send([_packed(row) for row in rows])

    @property
    def has_done(self) -> bool:
        """Whether the answers to the next of the rows that it was given are there."""
        with self._dying():
            return self._here.poll()

    def take(self) -> Piece:
        """The answers to the next of the rows that it was given."""
        found = self._taken()
        assert found is not None
        return found

    def _taken(self) -> Piece | None:
        with self._dying():
            found: Piece | Exception | None = self._here.recv()
        if isinstance(found, Exception):
            raise found
        return found

    @contextlib.contextmanager
    def _dying(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError):
            self._process.join(1)
            raise AnswerError(
                f"a process that judged articles was ended ({self._why()}); what was "
                "answered stays, and the same command with -o and --resume goes on from "
                "there"
            ) from None

    def _why(self) -> str:
        code = self._process.exitcode
        if code is None or code >= 0:
            return f"exit code {code}"
        name = signal.Signals(-code).name
        if name == "SIGKILL":
            return f"{name}, as where memory is short; fewer --jobs need less"
        return name


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start a process that Ctrl-C, which reaches all of them, does not end.

    It is for the main process to end it, in order. Windows has no such mask.
    """
    if os.name != "posix":
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # or start() does it, and takes the mask away
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(main: Connection, origin: Origin, shape: Shape) -> None:
    """Answer until the main process ends, in whatever way; what runs in a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as well where there is no mask
    given: SimpleQueue[list[Any] | None] = SimpleQueue()
    # Rows are taken in a thread: if both sides handed something over and neither took
    # it, both would wait for ever.
    threading.Thread(target=_take, args=(main, given), daemon=True).start()
    with contextlib.suppress(OSError):
        try:
            predictor = origin.load()
            main.send(None)
            while (rows := given.get()) is not None:
                main.send(_judged(predictor, [_unpacked(row) for row in rows], shape))
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            error.add_note(traceback.format_exc())
            main.send(error)


def _judged(
    predictor: Predictor, rows: Sequence[Article | BadRow], shape: Shape
) -> Piece:
    answers = answered(predictor, rows)
    return as_piece(answers, shape.format, shape.axes, shape.columns)


def _take(main: Connection, given: SimpleQueue[list[Any] | None]) -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            given.put(main.recv())
    given.put(None)


def _packed(row: Article | BadRow) -> Any:
    # Tuples go through a pipe in a tenth of the time that records take.
    if isinstance(row, BadRow):
        return row
    if isinstance(row, KeptArticle):
        return row.text, row.title, row.id, row.columns
    return row.text, row.title, row.id


def _unpacked(row: Any) -> Article | BadRow:
    if isinstance(row, BadRow):
        return row
    return Article(*row) if len(row) == 3 else KeptArticle(*row)
