"""Counts and times of a server, as Prometheus reads them."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

EDGES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper ends of the classes of seconds."""


class Metrics:
    """What has been asked since the server began."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.rows = 0
        self._seconds, self._times = 0.0, [0] * (len(EDGES) + 1)

    def note(self, path: str, status: int, seconds: float) -> None:
        """Counts a request that has been answered."""
        self.requests[path, status] += 1
        if path == "/predict":
            self._seconds += seconds
            self._times[bisect_left(EDGES, seconds)] += 1

    def text(self, waiting: int, batches: int) -> str:
        """All of it in Prometheus' text format.

        Args:
            waiting: rows that wait or are computed.
            batches: how many were computed.
        """
        return "\n".join([*self._requests(), *self._latency(), *self._counts(waiting, batches), ""])

    def _requests(self) -> Iterator[str]:
        yield from _head("dlx_requests_total", "counter", "Requests by path and status.")
        for (path, status), many in sorted(self.requests.items()):
            yield f'dlx_requests_total{{path="{path}",status="{status}"}} {many}'

    def _latency(self) -> Iterator[str]:
        name, total = "dlx_predict_seconds", 0
        yield from _head(name, "histogram", "Seconds from a request to its answer.")
        for edge, many in zip((*map(str, EDGES), "+Inf"), self._times, strict=True):
            total += many
            yield f'{name}_bucket{{le="{edge}"}} {total}'
        yield f"{name}_sum {self._seconds:.6f}"
        yield f"{name}_count {total}"

    def _counts(self, waiting: int, batches: int) -> Iterator[str]:
        for name, kind, told, value in (
            ("dlx_rows_total", "counter", "Rows that were answered.", self.rows),
            ("dlx_batches_total", "counter", "Batches that were computed.", batches),
            ("dlx_rows_waiting", "gauge", "Rows that wait or are computed.", waiting),
            ("process_cpu_seconds_total", "counter", "Processor time.", time.process_time()),
        ):
            yield from _head(name, kind, told)
            yield f"{name} {value}"


def _head(name: str, kind: str, told: str) -> Iterator[str]:
    yield f"# HELP {name} {told}"
    yield f"# TYPE {name} {kind}"
