"""What a server accepts, and how it says no."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Of one request and of all that wait.

    Attributes:
        body: bytes of a request.
        rows: of a request.
        waiting: rows that may wait for an answer in all.
        batch: rows that are computed at once.
        read: seconds in which a request must have arrived.
        answer: seconds in which it must have been answered.
        stop: seconds that those under way have when the server stops.
    """

    body: int = 10 * 2**20
    rows: int = 1000
    waiting: int = 4000
    batch: int = 256
    read: float = 10.0
    answer: float = 30.0
    stop: float = 10.0


class RefusedError(Exception):
    """A request that gets no answer.

    Args:
        status: of HTTP.
        reason: what is said.
        accepted: what would have been right; "" for nothing.
    """

    def __init__(self, status: int, reason: str, accepted: str = "") -> None:
        super().__init__(reason)
        self.status, self.reason, self.accepted = status, reason, accepted
