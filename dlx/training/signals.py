"""Ctrl-C: the first asks a training to stop after its step, the second stops it now."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .loop import State


@contextmanager
def interruptible(state: State) -> Iterator[None]:
    """Within it, SIGINT and SIGTERM set `state.interrupted`; a second one acts as usual."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    watched = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in watched}

    def ask(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        state.interrupted = True
        for each in watched:
            signal.signal(each, before[each])

    for number in watched:
        signal.signal(number, ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
