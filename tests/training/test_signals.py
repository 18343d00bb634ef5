from __future__ import annotations

import os
import signal
import threading

import pytest

from dlx.training.loop import State
from dlx.training.signals import interruptible


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_to_stop(number: int) -> None:
    state = State()

    with interruptible(state):
        os.kill(os.getpid(), number)
        assert state.interrupted


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_the_second_one_stops_at_once(first: int) -> None:
    state = State()

    def two_signals() -> None:
        with interruptible(state):
            os.kill(os.getpid(), first)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        two_signals()

    assert state.interrupted


def test_handlers_are_put_back_however_it_ends() -> None:
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]

    with interruptible(State()):
        during = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(ZeroDivisionError), interruptible(State()):
        raise ZeroDivisionError

    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before
    assert all(new is not old for new, old in zip(during, before, strict=True))


def test_other_threads_leave_signals_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with interruptible(State()):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [before]
