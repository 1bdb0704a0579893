"""The ``dateline`` command: finds the subcommand, and turns errors into exit codes.

Subcommands are imported when they are called, so that ``dateline --help`` costs no
more than click.
"""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from . import __version__
from .labels.errors import DatelineError
from .labels.terminal import printable

DONE, BAD_INPUT, INTERRUPTED, PIPE_CLOSED, TERMINATED = 0, 2, 130, 141, 143
"""Exit codes; 1, a check said no, is given by the commands that check."""

_COMMANDS = {
    "train": ("train.cli:train", "Make a model from labelled samples."),
    "predict": (
        "predict.cli:predict",
        "Say which regions and topics articles are about.",
    ),
    "evaluate": (
        "train.cli:evaluate",
        "Measure a model on labelled samples, with 95% bootstrap intervals.",
    ),
    "explain": (
        "predict.cli:explain",
        "Show the words that decided, marked in the text.",
    ),
    "samples": ("train.samples_cli:samples", "Look after labelled samples."),
    "labels": (
        "predict.cli:labels",
        "List the labels of a model with their codes, names and countries.",
    ),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called.

    Parameters
    ----------
    table : mapping of str to (str, str)
        Names of the commands, where each is (``module:attribute`` within this
        package), and its line of help.
    """

    def __init__(
        self, *, table: Mapping[str, tuple[str, str]], **kwargs: object
    ) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands, in the order in which they are usually met."""
        return list(self.table)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import a command; None where there is none of that name."""
        if name not in self.table:
            return None
        module, _, attribute = self.table[name][0].partition(":")
        command = getattr(importlib.import_module(f".{module}", __package__), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in self.table.items()])


@click.command(
    cls=LazyGroup,
    table=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, option, asked: _show_version(context) if asked else None,
    help="Show the version, whether the scan is compiled, and exit.",
)
def group() -> None:
    """Say which world regions and topics news articles are about, and learn it anew
    from labelled samples.

    Each command has its own --help.
    """


def _show_version(context: click.Context) -> None:
    from .predict.counter import COMPILED

    click.echo(
        f"dateline {__version__} (scan {'compiled' if COMPILED else 'in Python'})"
    )
    context.exit()


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit.

    Exit codes are 0 (done), 1 (a check said no), 2 (bad input or usage: one line on
    standard error), 130 (interrupted), 141 (the reader of the output went away) and
    143 (told to end by SIGTERM).
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What has no encoding, such as half of a surrogate pair, is no reason
            # to stop.
            stream.reconfigure(errors="replace")
    with _ending_in_order():
        sys.exit(_run(sys.argv[1:] if arguments is None else arguments))


class _Terminated(BaseException):
    """SIGTERM came."""


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Let SIGTERM end the work as an error does, which closes and removes files."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)  # who asks twice is in a hurry
        raise _Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(arguments: list[str]) -> int:
    try:
        # Not click's own main, which takes errors and closed pipes into its own hands.
        with group.make_context("dateline", list(arguments)) as context:
            group.invoke(context)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return BAD_INPUT
    except click.ClickException as error:
        path = getattr(getattr(error, "ctx", None), "command_path", "dateline")
        said = " ".join(error.format_message().split()).rstrip(".")
        _say(f"{said} (see '{path} --help')")
        return BAD_INPUT
    except DatelineError as error:
        _say(str(error))
        return BAD_INPUT
    except (KeyboardInterrupt, click.exceptions.Abort):
        _say("interrupted; what was written stays")
        return INTERRUPTED
    except _Terminated:
        _say("told to end; what was written stays")
        return TERMINATED
    except BrokenPipeError:
        # Python flushes standard output once more at exit; let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except MemoryError:
        _say(
            "memory is short; give fewer articles or samples at a time, or fewer --jobs "
            "(README: 'More samples than memory holds')"
        )
        return BAD_INPUT
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _say(f"{where}{error.strerror or error}; mend that and try again")
        return BAD_INPUT
    except Exception as error:
        if os.environ.get("DATELINE_DEBUG"):
            raise
        _say(
            f"internal error: {type(error).__name__}: {error}; please report it, with "
            "what DATELINE_DEBUG=1 prints"
        )
        return BAD_INPUT
    return DONE


def _say(message: str) -> None:
    # Names of files and of columns may hold anything.
    click.echo(printable(f"dateline: {' '.join(message.splitlines())}"), err=True)
