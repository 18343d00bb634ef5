"""`log.txt`: what was told while a run went on, with the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ..printable import printable
from .files import append_bytes


def silent(text: str) -> None:
    """Says nothing: a script is told the result alone."""


class Log:
    """Passes lines on, and keeps each in a file with the time.

    Args:
        file: appended to.
        say: told each line as well.
    """

    def __init__(self, file: Path, say: Callable[[str], None]) -> None:
        self._file = file
        self._say = say

    def __call__(self, text: str) -> None:
        """Tells a line and keeps it."""
        self.keep(text)
        self._say(text)

    def keep(self, text: str) -> None:
        """Keeps a line without telling it.

        Raises:
            RunError: the file cannot be written.
        """
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        lines = [f"{now}  {printable(line)}\n" for line in text.split("\n")]
        append_bytes(self._file, "".join(lines).encode())
