"""Learning-rate schedules, behind two calls: one after each step and one after each epoch.

The rate of every schedule but `plateau` is a function of the step's number alone: put back to a
step, it goes on as if it had never stopped. The functions are those of `torch.optim.lr_scheduler`,
applied directly: torch's objects take five times as long a step, replace the optimizer's `step`,
and warn when a step is skipped.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any

from torch.optim import Optimizer

from .config.specs import schedules as specs
from .errors import Problem, UsageError

Factor = Callable[[int], float]
"""Step, counted from 0 -> its rate as a share of the optimizer's own."""

FIRST = 0.01
"""The share of the rate with which a warm-up begins."""


class Schedule:
    """Changes an optimizer's learning rate as training goes on; this one leaves it alone.

    Attributes:
        per_step: whether `after_step` does anything; where not, it need not be called.
    """

    per_step = False

    def after_step(self) -> None:
        """Sets the rate of the next step; called after each step of the optimizer."""

    def after_epoch(self, score: float | None) -> None:
        """Takes in the monitored score of an epoch, None where there is none."""

    def state_dict(self) -> dict[str, Any]:
        """Where the schedule stands, in JSON's types."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Puts the schedule and the optimizer's rates back where `state_dict` was taken."""


class _PerStep(Schedule):
    """Sets the rate as a function of the step, up to the step from which it stays."""

    per_step = True

    def __init__(self, optimizer: Optimizer, factor: Factor, last: int) -> None:
        self.optimizer = optimizer  # not its groups: loading its state makes new ones
        self.base = [group["lr"] for group in optimizer.param_groups]
        self.factor = factor
        self.last = last
        self.step = 0
        self._set()

    def _set(self) -> None:
        share = self.factor(self.step)
        for group, rate in zip(self.optimizer.param_groups, self.base, strict=True):
            group["lr"] = rate * share

    def after_step(self) -> None:
        """Sets the rate of the next step."""
        if self.step < self.last:
            self.step += 1
            self._set()

    def state_dict(self) -> dict[str, Any]:
        """The step, and the rates that it takes shares of."""
        return {"step": self.step, "base": list(self.base)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Puts back the step and its rate."""
        self.step = state["step"]
        self.base = list(state["base"])
        self._set()


class Patience:
    """Tells after which epochs a rate is to be cut, by torch's rule, Keras' or the book's.

    The three differ in when they compare and when they count: torch's counts an epoch and cuts
    where there are more than `patience`; Keras' cuts where there are as many; the book's Keras
    (2.0.8) compares before it counts, and counts the epoch of a cut among the next ones.

    Args:
        options: checked options.
        mode: "min" or "max", the direction in which the score improves.
    """

    def __init__(self, options: specs.Plateau, mode: str) -> None:
        self.options = options
        self._sign = 1.0 if mode == "min" else -1.0
        self.best: float | None = None
        self.bad = self.resting = 0

    def update(self, score: float) -> bool:
        """Takes the score of an epoch, which may be no number; whether the rate is to be cut."""
        options, resting = self.options, self.resting > 0
        self.resting -= resting
        self.bad = 0 if resting else self.bad
        if self._is_better(score):
            self.best, self.bad = score, 0
            return False
        if self.resting or (resting and options.cuts == "past_patience"):
            return False
        self.bad += 1
        if self.bad < options.patience + (options.cuts != "at_patience"):
            return False
        self.bad, self.resting = int(options.cuts == "book"), options.cooldown
        return True

    def _is_better(self, score: float) -> bool:
        if self.best is None:
            return math.isfinite(score)
        return self._sign * score < self._sign * self.best - self.options.min_delta


class _Plateau(Schedule):
    """Cuts the rates on plateaus, after an optional warm-up whose scores do not count."""

    def __init__(self, optimizer: Optimizer, patience: Patience, warmup: _PerStep | None) -> None:
        self.optimizer = optimizer
        self.patience = patience
        self.warmup = warmup
        self.per_step = warmup is not None

    def after_step(self) -> None:
        """Sets the rate of the next step while the warm-up lasts."""
        if self.warmup is not None:
            self.warmup.after_step()

    def after_epoch(self, score: float | None) -> None:
        """Cuts the rate if the score has not improved for too long."""
        assert score is not None, "the checks of a config see to it that plateau has a score"
        rising = self.warmup is not None and self.warmup.step < self.warmup.last
        if not rising and self.patience.update(score if math.isfinite(score) else math.nan):
            options = self.patience.options
            for group in self.optimizer.param_groups:
                group["lr"] = min(group["lr"], max(group["lr"] * options.factor, options.min_lr))

    def state_dict(self) -> dict[str, Any]:
        """The best score (None before the first), what was counted, and the rates."""
        return {
            "best": self.patience.best,
            "bad_epochs": self.patience.bad,
            "resting": self.patience.resting,
            "lr": [group["lr"] for group in self.optimizer.param_groups],
            "warmup": None if self.warmup is None else self.warmup.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Puts back the score, the count and the rates."""
        known = self.patience
        known.best, known.bad = state["best"], state["bad_epochs"]
        known.resting = state.get("resting", 0)  # earlier versions had no cooldown
        if self.warmup is not None:
            self.warmup.load_state_dict(state["warmup"])
        for group, rate in zip(self.optimizer.param_groups, state["lr"], strict=True):
            group["lr"] = rate


def constant(
    options: specs.Constant, optimizer: Optimizer, steps_per_epoch: int, epochs: int, _mode: str
) -> Schedule:
    """The same rate throughout, after an optional warm-up.

    Raises:
        UsageError: the warm-up lasts as long as the training, or longer.
    """
    warmup = _warmup_steps(options.warmup_epochs, steps_per_epoch, epochs)
    if warmup == 0:
        return Schedule()
    return _PerStep(optimizer, _warm_up(lambda _: 1.0, warmup), warmup)


def step(
    options: specs.Step, optimizer: Optimizer, steps_per_epoch: int, epochs: int, _mode: str
) -> Schedule:
    """The rate times gamma^(epoch // every), epochs counted from the start of training.

    Raises:
        UsageError: the warm-up lasts as long as the training, or longer.
    """
    warmup = _warmup_steps(options.warmup_epochs, steps_per_epoch, epochs)
    every = options.every * steps_per_epoch

    def factor(at: int) -> float:
        return options.gamma ** (at // every)

    return _PerStep(optimizer, _warm_up(factor, warmup), steps_per_epoch * epochs)


def piecewise(
    options: specs.Piecewise, optimizer: Optimizer, steps_per_epoch: int, epochs: int, _mode: str
) -> Schedule:
    """The share of the rate that the last piece has which has begun, epochs counted from 1.

    Raises:
        UsageError: the warm-up lasts as long as the training, or longer.
    """
    warmup = _warmup_steps(options.warmup_epochs, steps_per_epoch, epochs)

    def factor(at: int) -> float:
        begun = bisect_right(options.from_epochs, at // steps_per_epoch + 1)
        return options.shares[begun - 1] if begun else 1.0

    return _PerStep(optimizer, _warm_up(factor, warmup), steps_per_epoch * epochs)


def inverse_time(
    options: specs.InverseTime, optimizer: Optimizer, steps_per_epoch: int, epochs: int, _mode: str
) -> Schedule:
    """The rate over 1 + decay * step, steps counted from the start of training.

    Raises:
        UsageError: the warm-up lasts as long as the training, or longer.
    """
    warmup = _warmup_steps(options.warmup_epochs, steps_per_epoch, epochs)

    def factor(at: int) -> float:
        return 1 / (1 + options.decay * at)

    return _PerStep(optimizer, _warm_up(factor, warmup), steps_per_epoch * epochs)


def cosine(
    options: specs.Cosine, optimizer: Optimizer, steps_per_epoch: int, epochs: int, _mode: str
) -> Schedule:
    """Half a cosine from the rate to `final` of it (Loshchilov and Hutter, arXiv:1608.03983).

    It begins where the warm-up ends, and ends after the last step; with several cycles it begins
    anew in each, and ends with it.

    Raises:
        UsageError: the warm-up lasts as long as the training, or the first cycle, or longer.
    """
    first = epochs // options.cycles
    warmup = _warmup_steps(options.warmup_epochs, steps_per_epoch, first)
    total, cycle = steps_per_epoch * epochs, steps_per_epoch * first

    def factor(at: int) -> float:
        number, inside = divmod(at, cycle)
        if at == total:
            number, inside = options.cycles - 1, cycle
        rising = 0 if number else warmup
        return _cosine(1.0, options.final, (inside - rising) / (cycle - rising))

    return _PerStep(optimizer, _warm_up(factor, warmup), total)


def one_cycle(
    options: specs.OneCycle, optimizer: Optimizer, steps_per_epoch: int, epochs: int, _mode: str
) -> Schedule:
    """Half a cosine up to the optimizer's rate, and another down (Smith, arXiv:1708.07120)."""
    total = steps_per_epoch * epochs
    peak = options.rise * total - 1

    def factor(at: int) -> float:
        if at <= peak:
            return _cosine(options.start, 1.0, at / peak if peak > 0 else 1.0)
        return _cosine(1.0, options.start * options.final, (at - peak) / (total - 1 - peak))

    return _PerStep(optimizer, factor, total - 1)


def plateau(
    options: specs.Plateau, optimizer: Optimizer, steps_per_epoch: int, epochs: int, mode: str
) -> Schedule:
    """The rate times `factor` when the score has not improved for too many epochs: see `Patience`.

    Args:
        options: checked options.
        optimizer: its rates are changed.
        steps_per_epoch: optimizer steps an epoch.
        epochs: longest training, in epochs.
        mode: "min" or "max", the direction in which the monitored score improves.

    Raises:
        UsageError: the warm-up lasts as long as the training, or longer.
    """
    warmup = _warmup_steps(options.warmup_epochs, steps_per_epoch, epochs)
    rising = _PerStep(optimizer, _warm_up(lambda _: 1.0, warmup), warmup) if warmup else None
    return _Plateau(optimizer, Patience(options, mode), rising)


def _warm_up(factor: Factor, warmup: int) -> Factor:
    """Rises linearly to the rate in `warmup` steps, then does as `factor` does."""

    def warm_factor(at: int) -> float:
        return FIRST + (1 - FIRST) * at / warmup if at < warmup else factor(at)

    return warm_factor


def _cosine(first: float, last: float, share: float) -> float:
    """Half a cosine from `first` (share 0) to `last` (share 1)."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def _warmup_steps(warmup_epochs: float, steps_per_epoch: int, epochs: int) -> int:
    steps = round(warmup_epochs * steps_per_epoch)
    if 0 < steps >= steps_per_epoch * epochs:
        what = f"the warm-up takes {warmup_epochs:g} epochs, and training ends after {epochs}"
        hint = f"schedule.warmup_epochs={epochs / 10:g}, or more trainer.epochs"
        accepted = f"a number below {epochs}"
        raise UsageError(Problem(what, "schedule.warmup_epochs", accepted, hint))
    return steps
