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


def free_memory() -> int | None:
    """Bytes of memory that this process may still take; None where that cannot be told.

    The least of what the machine has left, swap included, what a container allows, and what
    `ulimit -v` allows.
    """
    known = [one for one in (_free_on_machine(), _free_in_container(), _free_addresses()) if one]
    return min(known) if known else None


def _free_on_machine() -> int | None:
    facts = dict(line.split(":", 1) for line in _lines("/proc/meminfo") if ":" in line)
    kilobytes = [facts.get(key, "").split() for key in ("MemAvailable", "SwapFree")]
    if not kilobytes[0]:
        return None
    return 1024 * sum(int(found[0]) for found in kilobytes if found)


def _free_in_container() -> int | None:
    """By a control group, version 2: its limit, and what of it is taken and cannot be dropped."""
    folder = "/sys/fs/cgroup/memory"
    limit, taken = (_lines(f"{folder}.{name}") for name in ("max", "current"))
    if not limit or not taken or not limit[0].isdecimal():
        return None
    stat = dict(line.split() for line in _lines(f"{folder}.stat"))
    return max(1, int(limit[0]) - int(taken[0]) + int(stat.get("inactive_file", 0)))


def _free_addresses() -> int | None:
    """By the limit on the process's address space."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    taken = _lines("/proc/self/statm")
    if limit == resource.RLIM_INFINITY or not taken:
        return None
    return max(1, limit - int(taken[0].split()[0]) * resource.getpagesize())


def _lines(file: str) -> list[str]:
    """The lines of a file of the system; none where there is no such file."""
    try:
        with open(file, encoding="ascii") as stream:
            return stream.read().splitlines()
    except (OSError, ValueError):
        return []
