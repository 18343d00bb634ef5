"""Digests of files that a config names beside its data, each computed once a process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ..errors import Problem, UsageError
from ..files import sha256_of


def known_digest(file: Path, pinned: str, what: str) -> str:
    """The digest of a file, which must be the known one where there is one.

    Args:
        file: to hash.
        pinned: its SHA-256; "" where it is not known yet.
        what: it holds, in words: "vectors".

    Raises:
        UsageError: it is another, or cannot be read.
    """
    try:
        status = file.stat()
        found = _hash(file, status.st_size, status.st_mtime_ns)
    except OSError as error:
        told = f"{file.name} cannot be read: {error.strerror or error}"
        raise UsageError(Problem(told, str(file))) from error
    if pinned and pinned != found:
        told = f"the {what} in {file} have changed since they were recorded"
        raise UsageError(Problem(told, what, f"digest {pinned}", f"found {found}"))
    return found


@lru_cache(maxsize=8)
def _hash(file: Path, size: int, time: int) -> str:  # noqa: ARG001 - of what is known to be the same
    return sha256_of(file)
