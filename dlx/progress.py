"""How far long work has come that no callback watches: told to whoever shows it, if anybody does.

Reading and preparing may take minutes, in rooms that print nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Show = Callable[[str, int, int], None]
"""Is told what is done, how many of it are done, and of how many."""
_show: Show | None = None


@contextmanager
def showing(show: Show | None) -> Iterator[None]:
    """Within it long work is told to `show`; None: to nobody."""
    global _show
    before, _show = _show, show
    try:
        yield
    finally:
        _show = before


def tell(what: str, done: int, total: int) -> None:
    """Tells how far work has come, from the thread that began it; cheap, so as often as it likes.

    Args:
        what: is done, as in "pictures decoded".
        done: how many; 0 at the start, `total` at the end.
        total: how many there are; 0 where nobody knows.
    """
    if _show is not None:
        _show(what, done, total)
