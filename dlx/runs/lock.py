"""One process at a time in a run folder; the system lets go when the process ends."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import Problem, UsageError
from ..files import fence, is_file, open_file, read_json
from ..printable import printable_line
from .files import cannot_write

NAME = "lock"


@contextmanager
def hold(folder: Path, what: str = "run") -> Iterator[None]:
    """Holds a folder for as long as it is entered.

    Args:
        folder: the folder of a run, or of a sweep.
        what: which of them it is.

    Raises:
        UsageError: another process holds it; with what is known of it.
    """
    with try_to_hold(folder) as mine:
        if not mine:
            raise busy(folder, what)
        yield


def busy(folder: Path, what: str) -> UsageError:
    """The error that another process holds a folder, with what is known of it."""
    told = f"another process is using this {what}: {holder(folder)}"
    hint = "wait for it to end, or stop it there with Ctrl-C"
    return UsageError(Problem(told, str(folder), hint=hint))


@contextmanager
def try_to_hold(folder: Path, sign: bool = True) -> Iterator[bool]:
    """Whether this process alone holds a folder, for as long as it is entered.

    Args:
        folder: the run folder.
        sign: whether to write into the lock who holds it.

    Raises:
        UsageError: the folder cannot be written to.
    """
    fence(folder)
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield True
        return
    try:
        stream = open_file(folder / NAME, "a+b")
    except OSError as error:
        raise UsageError(cannot_write(folder / NAME, error)) from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        if sign:
            with suppress(OSError):  # who it is, is only for people
                stream.truncate(0)
                stream.write(json.dumps(_describe_process()).encode())
                stream.flush()
        yield True


def is_held(folder: Path) -> bool:
    """Whether a process is at work in a run folder."""
    if not is_file(folder / NAME):
        return False
    with suppress(UsageError), try_to_hold(folder, sign=False) as mine:
        return not mine
    return False


def holder(folder: Path) -> str:
    """Who holds a folder, as far as it has told."""
    try:
        told = read_json(folder / NAME)
        return printable_line(f"process {told['pid']} on {told['host']}, since {told['since']}")
    except (OSError, ValueError, KeyError, TypeError):
        return "process unknown"


def _describe_process() -> dict[str, Any]:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return {"pid": os.getpid(), "host": platform.node(), "since": since}
