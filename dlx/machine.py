"""What the machine has and lacks, as far as it can be told without torch."""

from __future__ import annotations

import errno
import os

_SHORT = tuple(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "EROFS")
    if hasattr(errno, name)
)


def shortage(error: BaseException | None) -> str:
    """What the machine lacked when an error came of that: space, open files; "" for any other.

    Whatever is trained next would fail in the same way.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None and error.errno in _SHORT:
            return os.strerror(error.errno)
        error = error.__cause__ or error.__context__
    return ""


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
