"""A study's journal: Optuna's operations as lines of JSON, each with a sum over all before it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..files import open_file
from ..runs.lines import Chain


class Damaged(ValueError):
    """The journal is not what this process has read and written so far."""


class Journal:
    """What Optuna calls the backend of a journal.

    Args:
        file: the journal; made where it is missing.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._logs: list[dict[str, Any]] = []
        self._chain, self._size = Chain(), 0
        open_file(file, "ab").close()

    def read_logs(self, log_number_from: int) -> Sequence[Mapping[str, Any]]:
        """The operations from a number on.

        Raises:
            Damaged: a line is not what was written there.
        """
        with open_file(self._file, "rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(self._size)
            new = stream.read()
        if size < self._size:
            raise Damaged("it has become shorter")
        for line in new.split(b"\n")[:-1]:  # the last is empty, or still being written
            try:
                self._logs.append(self._chain.unseal(line))
            except ValueError as error:
                raise Damaged(f"line {len(self._logs) + 1}: {error}") from error
            self._size += len(line) + 1
        return self._logs[log_number_from:]

    def append_logs(self, logs: Sequence[Mapping[str, Any]]) -> None:
        """Adds operations, and waits until they are on the disk."""
        with self._lock():
            self.read_logs(0)
            chain = Chain(self._chain.sum, self._chain.sealed)
            with open_file(self._file, "ab") as stream:
                stream.truncate(self._size)  # a killed process may have left half a line
                stream.write(b"".join(map(chain.seal, logs)))
                stream.flush()
                os.fsync(stream.fileno())

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One writer at a time; the system lets go when it is killed."""
        import fcntl

        with open_file(self._file.with_suffix(".lock"), "ab") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield
