"""A cluster of Dask: whether it can do our work, and the calls that its workers make."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..labels.errors import DatelineError

if TYPE_CHECKING:
    from distributed import Client

PATIENCE = 10
"""Seconds that are waited for a scheduler, and for its first worker."""

RETRIES = 2
"""How often a call that failed is tried again: a store may be out of breath."""

_PIP = "pip install 'dateline[dask]'"


class ClusterError(DatelineError):
    """A cluster cannot do what was asked of it."""


@contextmanager
def connected(address: str, go_on: str = "") -> Iterator[Client]:
    """A client of a scheduler that has workers which can do our work.

    Parameters
    ----------
    address : str
        Such as ``tcp://head:8786``.
    go_on : str, optional
        What to do where the work breaks off.

    Raises
    ------
    ClusterError
        If Dask is not installed, nothing answers there, there is no worker, dateline
        is missing on one or of another version, or the cluster breaks down.
    """
    try:
        from distributed import Client, KilledWorker
        from distributed.client import FutureCancelledError
        from distributed.comm.addressing import get_address_host_port
        from distributed.comm.core import CommClosedError
    except ImportError:
        raise ClusterError(f"{address}: a cluster takes Dask: {_PIP}") from None
    try:
        get_address_host_port(address)
    except (ValueError, ImportError) as error:
        raise ClusterError(
            f"{address}: is no address of a scheduler ({why(error)}); expected one "
            "such as tcp://head:8786"
        ) from None
    logger = logging.getLogger("distributed.client")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # it prints tracebacks; we say what happened
    try:
        with warnings.catch_warnings():
            # Of versions that differ; those that matter are looked at below.
            warnings.simplefilter("ignore")
            client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:
        logger.setLevel(level)
        raise ClusterError(
            f"{address}: no scheduler answers there: {why(error)}; start one with "
            "'dask scheduler' and give the address that it says"
        ) from None
    try:
        _check_workers(client, address)
        yield client
    except (CommClosedError, FutureCancelledError):
        raise ClusterError(
            f"{address}: the scheduler, or all its workers, went away; see whether they "
            f"run. {go_on}"
        ) from None
    except KilledWorker as error:
        raise ClusterError(
            f"{address}: {error.allowed_failures + 1} workers died one after the other "
            "over the same piece of work; their logs say why, which mostly is memory. "
            f"{go_on}"
        ) from None
    finally:
        client.close(timeout=PATIENCE)
        logger.setLevel(level)


def _check_workers(client: Client, address: str) -> None:
    from importlib.metadata import version

    try:
        # A task, so that a cluster which grows on demand has a reason to.
        client.submit(abs, 0, pure=False).result(timeout=PATIENCE)
    except TimeoutError:
        raise ClusterError(
            f"{address}: has no worker that takes work; start some with "
            f"'dask worker {address}'"
        ) from None
    # A function of Python's own: what a worker lacks can run no function of ours.
    for worker, found in client.run(version, "dateline", on_error="return").items():
        if isinstance(found, Exception):
            raise ClusterError(
                f"{worker}: the worker has no dateline; install dateline "
                f"{__version__} there"
            )
        if found != __version__:
            raise ClusterError(
                f"{worker}: the worker has dateline {found}, this command is of "
                f"{__version__}; install the same everywhere"
            )


class Tasks:
    """Calls that the workers make, whatever becomes of some of the workers.

    Parameters
    ----------
    client : distributed.Client
    run : str
        What the names of the calls begin with.
    """

    def __init__(self, client: Client, run: str) -> None:
        self._client, self._run = client, run
        self._futures: list[Any] = []
        self._calls = 0

    def results(
        self, calls: Sequence[tuple[Callable[..., Any], *tuple[Any, ...]]]
    ) -> Iterator[tuple[int, Any]]:
        """What comes of calls, as they are ready, each with its number."""
        from distributed import as_completed

        numbers = {}
        for number, (function, *arguments) in enumerate(calls):
            self._calls += 1
            future = self._client.submit(
                function,
                *arguments,
                key=f"{self._run}-{function.__name__}-{self._calls}",
                pure=False,
                retries=RETRIES,
            )
            numbers[future.key] = number
            self._futures.append(future)
        for future in as_completed(self._futures, loop=self._client.loop):
            found = future.result()
            yield numbers[future.key], found
        self._futures = []

    def cancel(self) -> None:
        """Take back what is not done."""
        self._client.cancel(self._futures)


def why(error: BaseException) -> str:
    """What is wrong, in few words."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
