"""Temporary folders in the cache: gone when their owner is done, swept where it died before."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..interrupts import check

_PREFIX = ".tmp-"
_LEFT = (_PREFIX, ".new-")
"""How names of temporary folders begin; the second is that of earlier versions."""
WAIT_S = 0.2
"""Between two looks at whether another process is done."""


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
    """Waits until no other process is within it under this name, in a folder of the cache.

    A system without locks of files lets everybody in: the same work is then done twice.

    Raises:
        OSError: the folder cannot be written to.
        Interrupted: a signal asks to stop.
    """
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    root.mkdir(parents=True, exist_ok=True)
    file = root / f".{name}.lock"
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                check()
                time.sleep(WAIT_S)
        yield
    finally:
        with suppress(OSError):
            file.unlink()
        os.close(handle)


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
