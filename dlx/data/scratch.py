"""Temporary folders in the cache: gone when their owner is done, swept where it died before."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = ".tmp-"
_LEFT = (_PREFIX, ".new-")
"""How names of temporary folders begin; the second is that of earlier versions."""


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
