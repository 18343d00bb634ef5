"""Standard output and error that cost no work: their reader may go away, or know only ASCII."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_GONE = (errno.EPIPE, errno.EIO, errno.EBADF, errno.ENXIO)
"""The reader of a pipe has ended, a terminal was closed: nobody is there to be told."""
_SIMPLE = ("dumb", "unknown")


class Tolerant:
    """A text stream that falls silent where it cannot be written to.

    Args:
        stream: the stream; None where the process was started without one.

    Attributes:
        failed: what went wrong where somebody is there to be told, as on a full disk.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._silent = stream is None
        self.failed: OSError | None = None

    def write(self, text: str) -> int:
        """Writes what the stream's encoding has, and the rest as escapes."""
        if not self._silent:
            with self._catch_failures():
                try:
                    self._stream.write(text)
                except UnicodeEncodeError:
                    encoding = self._stream.encoding
                    self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def write_bytes(self, content: bytes) -> None:
        """Writes bytes, where the stream takes such; else the text that they are in UTF-8."""
        if not self._silent:
            raw = getattr(self._stream, "buffer", None)
            with self._catch_failures():
                if raw is None:
                    self._stream.write(content.decode("utf-8", "replace"))
                else:
                    self._stream.flush()
                    raw.write(content)

    def flush(self) -> None:
        """Hands on what was written."""
        if not self._silent:
            with self._catch_failures():
                self._stream.flush()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return not self._silent and bool(self._stream.isatty())

    @property
    def encoding(self) -> str:
        """The encoding, UTF-8 where there is none."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextmanager
    def _catch_failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._fall_silent()
            self.failed = None if error.errno in _GONE else error
        except ValueError:  # it was closed in this process
            self._silent = True

    def _fall_silent(self) -> None:
        """What lies in the stream's buffer goes nowhere when the process ends."""
        self._silent = True
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextmanager
def tolerate_closed_streams() -> Iterator[Tolerant]:
    """Within it `sys.stdout`, which is yielded, and `sys.stderr` cost no work."""
    before = sys.stdout, sys.stderr
    out = Tolerant(sys.stdout)
    sys.stdout, sys.stderr = out, Tolerant(sys.stderr)
    try:
        yield out
        out.flush()
    finally:
        sys.stdout, sys.stderr = before


def open_missing() -> None:
    """Opens standard streams that the process was started without, as by `>&-`, on nothing.

    Else the first file that is opened would take their place, and be printed into.
    """
    for handle in range(3):
        try:
            os.fstat(handle)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def is_screen() -> bool:
    """Whether standard output is a terminal that can move its cursor."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in _SIMPLE


def is_unicode() -> bool:
    """Whether standard output takes any character."""
    return str(sys.stdout.encoding or "utf-8").lower().replace("-", "").startswith("utf")
