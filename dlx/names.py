"""What names in a run folder tell: folds, and files that are half-written."""

from __future__ import annotations

import os
import re


def is_number(name: str) -> bool:
    """Whether a folder's name is the number of a fold."""
    return name.isascii() and name.isdecimal() and len(name) < 10


def temporary_name(name: str) -> str:
    """What this process calls a file until it is whole."""
    return f".{name}.{os.getpid()}.tmp"


def is_temporary(name: str) -> bool:
    """Whether a file has such a name: a process's number stands in it."""
    return re.fullmatch(r"\..+\.\d{1,9}\.tmp", name, re.DOTALL) is not None


def is_left(name: str, of: str = "") -> bool:
    """Whether a file is what a process left that lives no more.

    Args:
        name: the file's name.
        of: what it would be called when whole; any if "".
    """
    if not is_temporary(name):
        return False
    whole, process, _ = name.rsplit(".", 2)
    return whole == (f".{of}" if of else whole) and not _is_alive(int(process))


def _is_alive(process: int) -> bool:
    """Whether another process of this machine may still be at work."""
    if process in (0, os.getpid()):
        return False
    if os.name != "posix":  # nothing harmless tells
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # somebody else's
        return True
    return True
