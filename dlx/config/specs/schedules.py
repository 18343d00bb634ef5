"""Learning-rate schedules by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

from ...errors import Problem
from ..fields import Component, Table, option

_WARMUP = "epochs in which the rate rises linearly from a hundredth of its value"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What is known of a schedule before training.

    Attributes:
        anneals: whether the rate falls to the end, so that only the last epoch is finished.
    """

    anneals: ClassVar[bool] = False

    def check(self) -> Iterator[tuple[str, Problem]]:
        """What its options contradict, by option."""
        return iter(())


@dataclass(frozen=True, kw_only=True)
class Constant(Schedule):
    """The same learning rate throughout, after an optional warm-up."""

    warmup_epochs: float = option(0.0, _WARMUP, unit="epochs", ge=0)


@dataclass(frozen=True, kw_only=True)
class Step(Schedule):
    """Multiplies the rate by `gamma` every `every` epochs."""

    every: int = option(10, "epochs between two reductions", unit="epochs", ge=1)
    gamma: float = option(0.1, "factor of each reduction", gt=0, le=1)
    warmup_epochs: float = option(0.0, _WARMUP, unit="epochs", ge=0)


@dataclass(frozen=True, kw_only=True)
class InverseTime(Schedule):
    """The rate over 1 + `decay` times the steps so far, as Keras' optimizers once had it."""

    decay: float = option(1e-4, "growth of the divisor a step", ge=0)
    warmup_epochs: float = option(0.0, _WARMUP, unit="epochs", ge=0)


@dataclass(frozen=True, kw_only=True)
class Cosine(Schedule):
    """Half a cosine from the rate down to `final` times the rate (Loshchilov and Hutter, 2017)."""

    anneals: ClassVar[bool] = True

    final: float = option(0.0, "final rate, as a share of the first", ge=0, le=1)
    warmup_epochs: float = option(0.0, _WARMUP, unit="epochs", ge=0)
    cycles: int = option(
        1,
        "cycles of the same number of epochs: at the start of each the rate is whole again (warm "
        "restarts); checkpoint.snapshots keeps the weights at their ends",
        ge=1,
        newer=True,
    )

    def ends(self, epochs: int) -> tuple[int, ...]:
        """The epochs at whose end a cycle ends."""
        return tuple(range(epochs // self.cycles, epochs + 1, max(1, epochs // self.cycles)))


@dataclass(frozen=True, kw_only=True)
class OneCycle(Schedule):
    """One rise and one long fall (Smith and Topin, 2018); `optimizer.lr` is the peak."""

    anneals: ClassVar[bool] = True

    rise: float = option(0.3, "share of the steps spent rising: the warm-up", gt=0, lt=1)
    start: float = option(0.04, "first rate, as a share of the peak", gt=0, le=1)
    final: float = option(1e-4, "last rate, as a share of the first", gt=0, le=1)


@dataclass(frozen=True, kw_only=True)
class Plateau(Schedule):
    """Multiplies the rate by `factor` after `patience` epochs without a better monitored score.

    A score is better by more than `min_delta` than the best before, in its own direction.
    """

    monitor: str = option("auto", "score to monitor, for example val/loss; auto: trainer.monitor")
    factor: float = option(0.1, "factor of each reduction", gt=0, lt=1)
    patience: int = option(10, "epochs without improvement before the rate is reduced", ge=0)
    cuts: Literal["past_patience", "at_patience", "book"] = option(
        "past_patience",
        "past_patience: with the epoch after `patience` of them (torch); at_patience: with the "
        "last of them (Keras today); book: first past patience, then at patience (Keras 2.0)",
        newer=True,
    )
    cooldown: int = option(
        0,
        "epochs after a cut that do not count; at_patience and book count the last of them, "
        "as Keras does",
        unit="epochs",
        ge=0,
        newer=True,
    )
    min_delta: float = option(1e-4, "smallest change that counts as improvement", ge=0)
    min_lr: float = option(0.0, "the rate never falls below this", ge=0)
    warmup_epochs: float = option(0.0, _WARMUP, unit="epochs", ge=0)


@dataclass(frozen=True, kw_only=True)
class Piecewise(Schedule):
    """A share of the rate from each of some epochs on: the book's LearningRateScheduler."""

    from_epochs: tuple[int, ...] = option(
        (),
        "first epoch of each piece, in rising order; before them, the rate itself",
        ge=1,
    )
    shares: tuple[float, ...] = option((), "share of the rate in each piece", ge=0)
    warmup_epochs: float = option(0.0, _WARMUP, unit="epochs", ge=0)

    def check(self) -> Iterator[tuple[str, Problem]]:
        """Pieces without a share, or out of order; those after the last epoch never begin."""
        key, first = "schedule.from_epochs", list(self.from_epochs)
        if len(self.shares) != len(first):
            what = f"`schedule.shares` has {len(self.shares)} shares, but `{key}` has {len(first)}"
            yield "shares", Problem(what + " epochs", "", "a share for each epoch")
        elif not first:
            what = f"`{key}` is empty: the rate would never change"
            hint = "from_epochs=[11] 'schedule.shares=[0.1]'"
            yield "from_epochs", Problem(what, "", "whole numbers >= 1", hint)
        if any(one >= other for one, other in pairwise(first)):
            yield "from_epochs", Problem(f"`{key}` is {first}", "", "epochs in rising order")


_CODE = "dlx.schedules"
SCHEDULES = Table(
    "schedule",
    {
        "constant": Component(Constant, f"{_CODE}:constant"),
        "step": Component(Step, f"{_CODE}:step"),
        "piecewise": Component(Piecewise, f"{_CODE}:piecewise"),
        "inverse_time": Component(InverseTime, f"{_CODE}:inverse_time"),
        "cosine": Component(Cosine, f"{_CODE}:cosine"),
        "one_cycle": Component(OneCycle, f"{_CODE}:one_cycle"),
        "plateau": Component(Plateau, f"{_CODE}:plateau"),
    },
)
