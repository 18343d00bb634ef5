"""What is shown of long work before training: a line that moves on a terminal, few lines elsewhere.

On standard error, as it is no part of an answer.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..progress import showing

REFRESH_S, LINE_S = 0.1, 10.0
"""How often the line moves on a terminal, and how often a new one is printed elsewhere."""


class Waiting:
    """Shows how far work has come, and how long it will take as it went so far."""

    def __init__(self) -> None:
        moves = sys.stderr.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
        self._moves = moves
        self._what = ""
        self._begun = self._shown = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        """Shows it, if it is time to."""
        now = time.monotonic()
        if what != self._what:
            self.close()
            self._what, self._begun, self._shown = what, now, now
        if 0 < total <= done:
            self.close()
        elif now - self._shown >= (REFRESH_S if self._moves else LINE_S):
            self._shown = now
            self._write(self._tell(done, total, now - self._begun))

    def _tell(self, done: int, total: int, seconds: float) -> str:
        """How far it has come; of work whose end is not known, how far alone."""
        if not total:
            return f"{self._what}: {done:,}"
        told = f"{self._what}: {done:,} of {total:,}"
        left = seconds * (total - done) / max(1, done)
        return f"{told}, about {_duration(left)} left" if done else told

    def close(self) -> None:
        """Clears the line on a terminal; what was printed elsewhere stays."""
        if self._moves and self._what:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
        self._what = ""

    def _write(self, text: str) -> None:
        if self._moves:
            room = max(1, shutil.get_terminal_size().columns - 1)
            sys.stderr.write(f"\r\033[K{text[:room]}")
        else:
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


@contextmanager
def show_waiting(quiet: bool = False) -> Iterator[None]:
    """Within it long work is shown, unless nothing is to be."""
    shown = Waiting()
    try:
        with showing(None if quiet else shown):
            yield
    finally:
        shown.close()


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
