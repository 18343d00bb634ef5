"""Requests that wait at the same time are answered together; no torch here.

Nobody waits for others to come: what has come while one batch was computed makes the next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from .limits import Limits, RefusedError


class Job(Protocol):
    """What is asked in one request."""

    def __len__(self) -> int:
        """How many rows it has."""
        ...


Work = Callable[[Sequence[Any]], Sequence[Any]]
"""The answer to each of some jobs: anything, or an exception that is raised where it is awaited."""


@dataclass(eq=False)
class _Waiting:
    job: Any
    answer: asyncio.Future[Any]


class Batcher:
    """Hands jobs to a function, as many at once as wait; one batch at a time, in one thread.

    Args:
        work: answers to some jobs.
        limits: how many rows may wait, and be computed at once.

    Attributes:
        rows: how many wait or are computed.
        batches: how many were computed.
    """

    def __init__(self, work: Work, limits: Limits) -> None:
        self._work, self._limits = work, limits
        self._queue: deque[_Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, "answers")
        self._come = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.rows = self.batches = 0

    def start(self) -> None:
        """Begins to answer, in the loop that runs."""
        self._task = asyncio.create_task(self._answer_all())

    async def stop(self) -> None:
        """Ends after the batch that is computed."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await asyncio.to_thread(self._thread.shutdown)

    async def ask(self, job: Job) -> Any:
        """The answer to a job.

        Raises:
            RefusedError: too many rows wait already (503), or it took too long (504).
        """
        if self.rows + len(job) > self._limits.waiting:
            what = f"{self.rows:,} rows wait already, and no more than {self._limits.waiting:,} may"
            raise RefusedError(503, what, "the same request a moment later")
        one = _Waiting(job, asyncio.get_running_loop().create_future())
        self.rows += len(job)
        self._queue.append(one)
        self._come.set()
        try:
            return await asyncio.wait_for(one.answer, self._limits.answer)
        except TimeoutError:
            what = f"there was no answer within {self._limits.answer:g} seconds"
            raise RefusedError(504, what, "fewer rows, or the same request later") from None

    async def _answer_all(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._come.wait()
            self._come.clear()
            while batch := self._next():
                jobs = [one.job for one in batch]
                found: Sequence[Any]
                try:
                    found = await loop.run_in_executor(self._thread, self._work, jobs)
                except Exception as error:
                    found = [error] * len(batch)
                self.batches += 1
                for one, answer in zip(batch, found, strict=True):
                    self.rows -= len(one.job)
                    _give(one.answer, answer)

    def _next(self) -> list[_Waiting]:
        """Jobs that are computed together: at least one, if any waits that somebody wants still."""
        found: list[_Waiting] = []
        rows = 0
        while self._queue:
            first = self._queue[0]
            if first.answer.done():  # whoever asked has gone
                self.rows -= len(self._queue.popleft().job)
                continue
            if found and rows + len(first.job) > self._limits.batch:
                break
            rows += len(first.job)
            found.append(self._queue.popleft())
        return found


def _give(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
