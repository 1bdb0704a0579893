"""Rows of a stream as they arrive: many at a time if they are there, one if not."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from queue import Empty, Queue

from .answers import CHUNK
from .article import Article
from .fields import BadRow


class _End:
    """Behind the last row: what ended the stream, None if it was its end."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def chunks_as_they_come(
    rows: Iterable[Article | BadRow],
) -> Iterator[list[Article | BadRow] | None]:
    """Read rows in a thread, and take those that are there.

    So a slow stream is answered row by row, and a fast one by the chunk.

    Yields
    ------
    list of Article or BadRow, or None
        None where no row is there: what waits should come out, for the next call
        waits until there is one.
    """
    queue: Queue[Article | BadRow | _End] = Queue(4 * CHUNK)
    # A daemon: when we are to stop, it may wait for a line that never comes.
    threading.Thread(target=_read, args=(rows, queue), daemon=True).start()
    while True:
        chunk: list[Article | BadRow] = []
        try:
            item = queue.get_nowait()
        except Empty:
            yield None
            item = queue.get()
        while not isinstance(item, _End):
            chunk.append(item)
            if len(chunk) == CHUNK:
                break
            try:
                item = queue.get_nowait()
            except Empty:
                break
        if chunk:
            yield chunk
        if isinstance(item, _End):
            if item.error is not None:
                raise item.error
            return


def _read(
    rows: Iterable[Article | BadRow], queue: Queue[Article | BadRow | _End]
) -> None:
    error: BaseException | None = None
    try:
        for row in rows:
            queue.put(row)
    except BaseException as raised:  # noqa: BLE001 - it is raised where it is waited for
        error = raised
    queue.put(_End(error))
