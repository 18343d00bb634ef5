from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from dlx import interrupts
from dlx.errors import Interrupted
from dlx.interrupts import check, listen, raise_on_signal, stop_requested

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent on POSIX systems only")
NUMBERS = [getattr(signal, name) for name in interrupts.NAMES if hasattr(signal, name)]


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    """A shell without a terminal ignores it in what it starts in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_signal_that_is_ignored_stays_so() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    with raise_on_signal(), listen():
        os.kill(os.getpid(), signal.SIGINT)
        assert not stop_requested()


@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_signal_asks_to_stop(number: int) -> None:
    with listen():
        check()
        os.kill(os.getpid(), number)
        assert stop_requested()
        with pytest.raises(Interrupted) as caught:
            check()

    assert caught.value.exit_code == 130
    assert not stop_requested(), "whoever comes next begins without the flag"


@pytest.mark.parametrize("first", NUMBERS)
def test_the_second_one_stops_at_once(first: int) -> None:
    def two_signals() -> None:
        with listen():
            os.kill(os.getpid(), first)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        two_signals()


def test_the_flag_outlives_a_part_of_the_work() -> None:
    with listen():
        with listen():
            os.kill(os.getpid(), signal.SIGINT)
        assert stop_requested()
        with pytest.raises(KeyboardInterrupt), listen():
            os.kill(os.getpid(), signal.SIGINT)

    assert not stop_requested()


@pytest.mark.parametrize("number", NUMBERS)
def test_where_nothing_is_to_be_saved_a_signal_ends_it(number: int) -> None:
    before = signal.getsignal(number)

    with pytest.raises(KeyboardInterrupt), raise_on_signal():
        os.kill(os.getpid(), number)

    assert signal.getsignal(number) is before


def test_handlers_are_put_back_however_it_ends() -> None:
    before = [signal.getsignal(n) for n in NUMBERS]

    with listen():
        during = [signal.getsignal(n) for n in NUMBERS]
    with pytest.raises(ZeroDivisionError), listen():
        raise ZeroDivisionError

    assert [signal.getsignal(n) for n in NUMBERS] == before
    assert all(new is not old for new, old in zip(during, before, strict=True))


def test_other_threads_leave_signals_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with listen():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [before]
