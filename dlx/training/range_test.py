"""Which learning rates a training can take: Smith's range test (2015, arXiv:1506.01186).

The rate rises by the same factor from step to step. While it is too low the loss hardly moves, then
it falls, and where it is too high it rises again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..interrupts import check
from ..sources.batches import Batch
from .training import Training

Rule = Literal["tenth", "steepest"]
SHARE = 0.05
"""Share of the steps that a loss is smoothed over."""
NOISE = 4.0
"""A fall of less than so many standard errors may be chance, as the lowest of many is taken."""
_NORMAL = 1.4826
"""Standard deviation of normal numbers, as a multiple of their median distance from the middle."""


@dataclass(frozen=True)
class RangeTest:
    """Rates that were tried, one a step, and the loss that each step began with.

    Attributes:
        rates: rising.
        losses: of the objective.
        steps: how many were planned.
        diverged: whether it stopped before that, as the loss had risen too far.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    steps: int
    diverged: bool

    @cached_property
    def smooth(self) -> npt.NDArray[np.float64]:
        """The mean loss of the steps around each, fewer at the ends."""
        sums = np.concatenate([[0.0], np.cumsum(self.losses)])
        places = np.arange(len(self.losses))
        reach = np.minimum(_window(self.steps) // 2, np.minimum(places, places[::-1]))
        means = (sums[places + reach + 1] - sums[places - reach]) / (2 * reach + 1)
        return np.asarray(means, np.float64)

    @property
    def _lowest(self) -> int:
        return int(self.smooth.argmin())

    @property
    def lowest(self) -> float:
        """The rate at which the smoothed loss is lowest."""
        return self.rates[self._lowest]

    @property
    def steepest(self) -> float:
        """The rate at which the smoothed loss falls fastest for the same factor of the rate."""
        if self._lowest < 2:
            return self.lowest
        return self.rates[int(np.gradient(self.smooth[: self._lowest + 1]).argmin())]

    @property
    def falls(self) -> bool:
        """Whether the loss falls by more than may be chance, somewhere."""
        window = _window(self.steps)
        if len(self.losses) < 2 * window:
            return False
        off = float(np.median(np.abs(self.losses - self.smooth))) * _NORMAL
        error = off * math.sqrt(2 / window)  # of the difference of two means
        fall = float(np.mean(self.losses[:window])) - float(self.smooth.min())
        return fall > max(NOISE * error, 1e-6 * abs(self.losses[0]))

    def suggest(self, rule: Rule) -> float:
        """The rate to take: at the steepest fall, or a tenth of that with the lowest loss."""
        return self.steepest if rule == "steepest" else self.lowest / 10


def _window(steps: int) -> int:
    """How many steps a loss is smoothed over: an odd number."""
    return max(3, round(SHARE * steps) // 2 * 2 + 1)


def try_rates(training: Training, first: float, low: float, high: float, steps: int) -> RangeTest:
    """Trains while the rate rises from `low` to `high`, up to where the loss diverges.

    Every group's rate rises by the same factor. The loss has diverged where its mean over some
    steps is as far above its start as it was below it, or half as much again, or is no number.

    Args:
        training: with one optimizer and no schedule; its weights are of no use afterwards.
        first: the rate of the optimizer's weights without a rate of their own.
        low: the rate of the first step.
        high: that of the last.
        steps: how many.
    """
    (member,) = training.optimizers.members.values()
    own = [group["lr"] / first for group in member.optimizer.param_groups]
    training.check_every = steps + 1  # a loss that is no number is for this function to tell
    training.set_to_train()
    rates: list[float] = []
    losses: list[float] = []
    for rate, batch in zip(np.geomspace(low, high, steps).tolist(), _batches(training)):  # noqa: B905
        check()
        for group, share in zip(member.optimizer.param_groups, own, strict=True):
            group["lr"] = share * rate
        training.step(batch)
        loss = next(iter(training.train_meters.fetch().values()))[-1]
        if not math.isfinite(loss):
            return RangeTest(tuple(rates), tuple(losses), steps, diverged=True)
        rates.append(rate)
        losses.append(loss)
        if _has_diverged(losses, steps):
            return RangeTest(tuple(rates), tuple(losses), steps, diverged=True)
    return RangeTest(tuple(rates), tuple(losses), steps, diverged=False)


def _batches(training: Training) -> Iterator[Batch]:
    """Those of as many passes as are asked for."""
    for number in count():
        yield from training.source.epoch(number)


def _has_diverged(losses: list[float], steps: int) -> bool:
    window = _window(steps)
    if len(losses) < 2 * window:
        return False
    start, now = np.mean(losses[:window]), np.mean(losses[-window:])
    least = np.convolve(losses, np.ones(window) / window, "valid").min()
    return bool(now > start + max(start - least, abs(start) / 2))
