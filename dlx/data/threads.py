"""Work in threads: for what waits for a disk, or computes outside Python as decoders do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..interrupts import check
from ..machine import cores

Given = TypeVar("Given")
Made = TypeVar("Made")


def spread(make: Callable[[Given], Made], given: Sequence[Given]) -> Iterator[Made]:
    """What is made of each, in order; by as many threads as there are cores.

    No thread is left when the iterator ends, however it does.

    Raises:
        Interrupted: a signal asks to stop.
        Exception: whatever making one raised; those behind it are not begun.
    """
    if len(given) == 1:
        yield make(given[0])
        return
    with ThreadPoolExecutor(cores(), "dlx-spread") as pool:
        try:
            for made in pool.map(make, given):
                check()
                yield made
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def one_ahead(make: Callable[[Given], Made], given: Iterator[Given]) -> Iterator[Made]:
    """What is made of each, in order; the next one by a thread while the last one is used.

    No thread is left when the iterator ends or is closed.
    """
    with ThreadPoolExecutor(1, "dlx-ahead") as pool:
        last = None
        for one in given:
            following = pool.submit(make, one)
            if last is not None:
                yield last.result()
            last = following
        if last is not None:
            yield last.result()
