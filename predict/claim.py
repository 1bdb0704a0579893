"""A run's claim on its output: a note beside it for as long as it is unfinished.

The note (``<output>.run``) says what the answers are made with, so that ``--resume``
puts no answers of another model or other options behind them. It is locked while a run
is at work, so that no other begins to write into the same file. The system gives the
lock back whatever ends the run, SIGKILL included; the note stays until all is done.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .answers import AnswerError

_START = b'{"dateline_run": '
_LONGEST = 1 << 20
_FAR = 1 << 30
"""Where Windows locks a byte: behind all that others may want to read."""

# What a file system says that has no locks, such as some that come over a network.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}


class Claim:
    """What a run holds of its output.

    Parameters
    ----------
    output : Path
        As it is named in messages.
    note : Path
        Where it is noted.
    number : int
        The open file of the note, locked; -1 where nothing is noted.
    anew : bool
        There are no answers yet, so that an old note says nothing.
    """

    def __init__(self, output: Path, note: Path, number: int, *, anew: bool) -> None:
        self._output, self._note, self._number = output, note, number
        found = self._read()
        self._made_with = None if anew else found
        self.finished = False

    @property
    def noted(self) -> bool:
        """Whether an earlier run left a note of what it was."""
        return self._made_with is not None

    def check(self, made_with: Mapping[str, str]) -> None:
        """Refuse to go on with other options than those of the note, if there is one.

        Parameters
        ----------
        made_with : mapping of str to str
            Options on which the answers depend; empty values are defaults.

        Raises
        ------
        AnswerError
            Naming what was and what is.
        """
        before = self._made_with
        if before is None:
            return
        for option, now in made_with.items():
            if before.get(option, "") != now:
                raise AnswerError(
                    f"{self._output}: was begun with {_said(option, before)}, and this "
                    f"run has {_said(option, made_with)}; --resume goes on as it was "
                    "begun: give the same again, name another file, or leave --resume "
                    "out to begin anew"
                )

    def begin(self, made_with: Mapping[str, str]) -> None:
        """Note what the answers are made with.

        Raises
        ------
        AnswerError
            If it cannot be written.
        """
        if self._number < 0:
            return
        said = {
            "dateline_run": 1,
            "process": os.getpid(),
            "host": platform.node(),
            "made_with": dict(made_with),
        }
        data = json.dumps(said).encode("ascii") + b"\n"
        try:
            # Over what is there, and the first line counts: whatever ends us, it is
            # the one note or the other.
            os.lseek(self._number, 0, os.SEEK_SET)
            if os.write(self._number, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.ftruncate(self._number, len(data))
        except OSError as error:
            raise _unwritable(self._note, error) from None
        self._made_with = made_with

    def _read(self) -> Mapping[str, str] | None:
        if self._number < 0:
            return None
        mode = os.fstat(self._number).st_mode
        data = os.read(self._number, _LONGEST) if stat.S_ISREG(mode) else b"?"
        line = data.partition(b"\n")[0]
        if not (line.startswith(_START) or _START.startswith(line)):
            raise AnswerError(
                f"{self._note}: is where a run notes what it does, and holds something "
                "else; move it, or name another output with -o"
            )
        try:
            made_with = json.loads(line)["made_with"]
            return {str(key): str(value) for key, value in made_with.items()}
        except (ValueError, LookupError, TypeError, AttributeError):
            return None  # cut short as it was written


@contextmanager
def claimed(output: Path, growing: Path) -> Iterator[Claim]:
    """Claim an output, and leave a note where it is not finished.

    Parameters
    ----------
    output : Path
    growing : Path
        Where the answers stand while they become more.

    Raises
    ------
    AnswerError
        If another run is at it, or no note can be written.
    """
    # Beside the file itself, which may go by the names of several links.
    note = note_of(Path(os.path.realpath(output)))
    number = _locked(note, output)
    if number < 0:
        yield Claim(output, note, number, anew=_empty(growing))
        return
    done = False
    try:
        claim = Claim(output, note, number, anew=_empty(growing))
        try:
            yield claim
        finally:
            done = claim.finished or not claim.noted or _empty(growing)
            if done and sys.platform != "win32":
                _remove(note)  # before another can have it
    finally:
        os.close(number)
        if done and sys.platform == "win32":  # where nothing is removed that is open
            _remove(note)


def note_of(output: Path) -> Path:
    """Where a run notes what it does with an output."""
    return output.with_name(f"{output.name}.run")


def _locked(note: Path, output: Path) -> int:
    """The open file of a note, locked; -1 where there is to be none."""
    if output.exists() and not output.is_file():
        return -1  # a pipe, a terminal, /dev/null
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    while True:
        try:
            number = os.open(note, flags | getattr(os, "O_BINARY", 0), 0o666)
        except OSError as error:
            closed = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
            if closed and output.exists() and not note.exists():
                return -1  # a file that we may write, in a folder where we may not
            raise _unwritable(note if output.exists() else output, error) from None
        try:
            if not _lock(number):
                raise AnswerError(
                    f"{output}: another run is writing it{_owner(number)}; wait until "
                    "it is done, or name another file with -o"
                )
            # The run before may have removed it between our two steps.
            if note.exists() and os.path.samestat(os.fstat(number), note.stat()):
                return number
        except BaseException:
            os.close(number)
            raise
        os.close(number)


def _lock(number: int) -> bool:
    """Lock an open file for as long as it is open; False where another has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(number, _FAR, os.SEEK_SET)
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
            os.lseek(number, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _NO_LOCKS
    return True


def _owner(number: int) -> str:
    try:
        os.lseek(number, 0, os.SEEK_SET)
        said = json.loads(os.read(number, _LONGEST).partition(b"\n")[0])
        return f" (process {said['process']} on {said['host']})"
    except (OSError, ValueError, LookupError, TypeError):
        return ""  # it has only just begun


def _remove(note: Path) -> None:
    with contextlib.suppress(OSError):
        note.unlink()


def _empty(path: Path) -> bool:
    return not path.exists() or path.stat().st_size == 0


def _unwritable(path: Path, error: OSError) -> AnswerError:
    return AnswerError(f"{path}: cannot be written: {error.strerror}")


def _said(option: str, options: Mapping[str, str]) -> str:
    value = options.get(option, "")
    return f"{option} {value}" if value else f"no {option}"
