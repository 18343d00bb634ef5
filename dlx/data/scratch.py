"""Temporary folders in the cache: gone when their owner is done, swept where it died before."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from ..files import make_folder, open_file, remove_file
from ..interrupts import check

_PREFIX = ".tmp-"
_LEFT = (_PREFIX, ".new-")
"""How names of temporary folders begin; the second is that of earlier versions."""
POLL_S = 0.1
"""How often a process that waits for another one's result asks."""


@contextmanager
def scratch(root: Path) -> Iterator[Path]:
    """A new folder below one of the cache's, for files that are renamed once they are whole.

    Raises:
        OSError: it cannot be made.
    """
    root.mkdir(parents=True, exist_ok=True)
    with _hold_shared(root):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)  # gone already where it was renamed


def sweep(root: Path) -> None:
    """Deletes what writers left that were killed; nothing while any writer is at work."""
    with suppress(OSError), _hold_shared(root):
        pass


@contextmanager
def alone(root: Path, name: str) -> Iterator[None]:
    """Within it no other process makes what has this name in a folder; waits until that is so.

    Where there are no locks, or no place for one, several may make it: harmless, and slower.

    Raises:
        Interrupted: a signal asks to stop.
    """
    file = root / f"{name}.lock"
    with ExitStack() as held:
        with suppress(OSError, ImportError):  # not on Windows
            import fcntl

            make_folder(root)
            stream = held.enter_context(open_file(file, "a+b"))
            while not _take(fcntl, stream):
                check()
                time.sleep(POLL_S)
        try:
            yield
        finally:
            with suppress(OSError):
                remove_file(file)


def _take(fcntl: Any, stream: Any) -> bool:
    """Whether a file is this process's alone now."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _hold_shared(root: Path) -> Iterator[None]:
    """Holds a folder together with other writers; whoever finds it free first sweeps it.

    The system lets go of a lock when its owner ends, so no process's number can mislead. A
    system without such locks is never swept.
    """
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    handle = os.open(root, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _delete_leftovers(root)
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def _delete_leftovers(root: Path) -> None:
    for left in root.glob(".*"):
        if left.name.startswith(_LEFT):
            shutil.rmtree(left, ignore_errors=True)
        elif left.suffix == ".tmp":  # of versions that gave single files such a name
            left.unlink(missing_ok=True)
