"""`log.txt`: what was told while a run went on, with the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ..errors import RunError
from .files import cannot_write


class Log:
    """Passes lines on, and keeps them in a file with the time.

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
        try:
            with self._file.open("a", encoding="utf-8") as stream:
                stream.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")
        except OSError as error:
            raise RunError(cannot_write(self._file, error)) from error
