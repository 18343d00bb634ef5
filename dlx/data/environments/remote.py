"""Copies of an environment in other processes, for environments whose steps take long.

A process plays several copies in turn. What it is told and answers are a few bytes each; nothing
that it sends is run or unpacked as anything but numbers.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import struct
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np
import numpy.typing as npt

from ...config.plugins import load_plugins
from ...config.specs.environments import Environment as Options
from ...errors import Problem, RunError
from .base import Environment, Seen, Step, make

_ORDER = struct.Struct("<cqq")
"""What to do, with which copy, and the seed or the action."""
_STEP = struct.Struct("<d??")
_RESET, _ACT, _DRAW, _POTENTIAL, _BEST = b"r", b"a", b"d", b"p", b"b"


def make_copies(options: Options, many: int, plugins: Sequence[str] = ()) -> list[Environment]:
    """So many copies: here, or shared out among `workers` processes.

    Args:
        options: of the environment.
        many: how many.
        plugins: packages that a process needs to know the environment.

    Raises:
        UsageError: as `make`.
    """
    workers = min(options.workers, many)
    if not workers:
        return [make(options) for _ in range(many)]
    known = make(options)
    processes = [_Process(options, -(-many // workers), plugins) for _ in range(workers)]
    return [Remote(known, processes[copy % workers], copy // workers) for copy in range(many)]


class _Process:
    """A process that plays copies, and the line to it; it ends with the one that began it."""

    def __init__(self, options: Options, many: int, plugins: Sequence[str]) -> None:
        context = multiprocessing.get_context("spawn")
        self.line, theirs = context.Pipe()
        arguments = (theirs, options, many, tuple(plugins))
        self._process: BaseProcess = context.Process(target=serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        self._given = self._answered = 0
        self._answers: dict[int, bytes] = {}

    def tell(self, what: bytes, copy: int, value: int = 0) -> int:
        """Gives an order, and returns its number.

        Raises:
            RunError: the process has ended.
        """
        with self._told_of():
            self.line.send_bytes(_ORDER.pack(what, copy, value))
        self._given += 1
        return self._given

    def hear(self, order: int) -> bytes:
        """The answer to an order; those to others, which may come before, wait for who asks.

        Raises:
            RunError: the process has ended.
        """
        while order not in self._answers:
            with self._told_of():
                answer = self.line.recv_bytes()
            self._answered += 1
            self._answers[self._answered] = answer
        return self._answers.pop(order)

    @contextlib.contextmanager
    def _told_of(self) -> Any:
        try:
            yield
        except (EOFError, OSError) as error:
            self._process.join(1)
            what = f"a process that plays the environment has ended ({self._process.exitcode})"
            hint = "dataset.workers=0 shows what goes wrong in it"
            raise RunError(Problem(what, "dataset.workers", hint=hint)) from error


class Remote(Environment):
    """A copy that another process plays.

    Args:
        known: a copy of the same environment, for what is known of it.
        process: plays it.
        number: of the copy in there.
    """

    def __init__(self, known: Environment, process: _Process, number: int) -> None:
        self.name, self.shape, self.actions = known.name, known.shape, known.actions
        self.limit, self.threshold = known.limit, known.threshold
        self._process, self._number = process, number
        self._begun: int | None = None  # the order to act that no step has waited for yet

    def _ask(self, what: bytes, value: int = 0) -> bytes:
        return self._process.hear(self._process.tell(what, self._number, value))

    def reset(self, seed: int) -> Seen:
        """Begins the episode of a seed."""
        self._begun = None
        return self._read(self._ask(_RESET, seed))

    def start(self, action: int) -> None:
        """Lets the process act, for `step` to wait for."""
        self._begun = self._process.tell(_ACT, self._number, action)

    def step(self, action: int) -> Step:
        """Acts once, or waits for what `start` began."""
        if self._begun is None:
            self.start(action)
        assert self._begun is not None
        found, self._begun = self._process.hear(self._begun), None
        reward, terminated, truncated = _STEP.unpack_from(found)
        return Step(self._read(found[_STEP.size :]), reward, terminated, truncated)

    def _read(self, data: bytes) -> Seen:
        return np.frombuffer(data, np.float32).reshape(self.shape)

    def draw(self) -> npt.NDArray[np.uint8] | None:
        """How it stands."""
        found = self._ask(_DRAW)
        if not found:
            return None
        shape = np.frombuffer(found[:24], np.int64)
        return np.frombuffer(found[24:], np.uint8).reshape(shape)

    def potential(self) -> float | None:
        """As the process's copy has it."""
        found = self._ask(_POTENTIAL)
        return float(np.frombuffer(found, np.float64)[0]) if found else None

    def best_action(self) -> int | None:
        """As the process's copy has it."""
        found = self._ask(_BEST)
        return int(np.frombuffer(found, np.int64)[0]) if found else None


def serve(line: Connection, options: Options, many: int, plugins: Sequence[str]) -> None:
    """Plays copies as it is told, until the line ends; signals are for the one who tells."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load_plugins([*plugins], "")
    copies = [make(options) for _ in range(many)]
    with contextlib.suppress(EOFError, OSError):
        while True:
            what, copy, value = _ORDER.unpack(line.recv_bytes())
            line.send_bytes(_carry_out(copies[copy], what, value))


def _carry_out(copy: Environment, what: bytes, value: int) -> bytes:
    """The answer to an order."""
    if what == _ACT:
        step = copy.step(value)
        return _STEP.pack(step.reward, step.terminated, step.truncated) + _numbers(step.seen)
    if what == _RESET:
        return _numbers(copy.reset(value))
    if what == _POTENTIAL:
        potential = copy.potential()
        return b"" if potential is None else np.float64(potential).tobytes()
    if what == _BEST:
        best = copy.best_action()
        return b"" if best is None else np.int64(best).tobytes()
    drawn = copy.draw()
    return b"" if drawn is None else np.array(drawn.shape, np.int64).tobytes() + drawn.tobytes()


def _numbers(seen: Seen) -> bytes:
    return np.ascontiguousarray(seen, np.float32).tobytes()
