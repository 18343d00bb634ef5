"""Signals that ask dlx to stop: the first sets a flag that long work polls, the second ends it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from .errors import Interrupted, Problem

NAMES = ("SIGINT", "SIGTERM", "SIGUSR1")
"""Ctrl-C, a scheduler's end of a job, and its warning before; Windows has no SIGUSR1."""

_flag = threading.Event()
_listening = False


def stop_requested() -> bool:
    """Whether a signal has asked to stop."""
    return _flag.is_set()


def stop() -> None:
    """Asks to stop, as a signal would: for the end of what a process is told."""
    _flag.set()


def check() -> None:
    """Ends work that has nothing to save.

    Raises:
        Interrupted: a signal has asked to stop.
    """
    if _flag.is_set():
        raise Interrupted(Problem("interrupted", hint="the same command starts again"))


@contextmanager
def listen() -> Iterator[None]:
    """Within it the first signal sets the flag, and a second one acts as it did before.

    Within itself it does nothing more; the flag is lowered when the outermost one ends.
    """
    global _listening
    # Only the main thread may handle signals.
    if _listening or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = _handlers()

    def ask(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        _flag.set()
        for each, handler in before.items():
            signal.signal(each, handler)

    _listening = True
    for number in before:
        signal.signal(number, ask)
    try:
        yield
    finally:
        _listening = False
        for number, handler in before.items():
            signal.signal(number, handler)
        _flag.clear()


@contextmanager
def raise_on_signal() -> Iterator[None]:
    """Within it a scheduler's signals raise KeyboardInterrupt, as Ctrl-C does.

    For work that has nothing to save, so that it ends in good order and at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = _handlers()
    for number in before:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _handlers() -> dict[int, Any]:
    """What each signal does now; one that is ignored, as in the background, stays so."""
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    found = {number: signal.getsignal(number) for number in numbers}
    return {number: now for number, now in found.items() if now is not signal.SIG_IGN}
