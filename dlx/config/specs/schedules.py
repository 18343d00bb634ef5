"""Learning-rate schedules by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..fields import Component, Table, option

_WARMUP = "epochs in which the rate rises linearly from a hundredth of its value"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What is known of a schedule before training.

    Attributes:
        anneals: whether the rate falls to the end, so that only the last epoch is finished.
    """

    anneals: ClassVar[bool] = False


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
class Cosine(Schedule):
    """Half a cosine from the rate down to `final` times the rate (Loshchilov and Hutter, 2017)."""

    anneals: ClassVar[bool] = True

    final: float = option(0.0, "final rate, as a share of the first", ge=0, le=1)
    warmup_epochs: float = option(0.0, _WARMUP, unit="epochs", ge=0)


@dataclass(frozen=True, kw_only=True)
class OneCycle(Schedule):
    """One rise and one long fall (Smith and Topin, 2018); `optimizer.lr` is the peak."""

    anneals: ClassVar[bool] = True

    rise: float = option(0.3, "share of the steps spent rising: the warm-up", gt=0, lt=1)
    start: float = option(0.04, "first rate, as a share of the peak", gt=0, le=1)
    final: float = option(1e-4, "last rate, as a share of the first", gt=0, le=1)


@dataclass(frozen=True, kw_only=True)
class Plateau(Schedule):
    """Multiplies the rate by `factor` after `patience` epochs without a better monitored score."""

    monitor: str = option("auto", "score to monitor, for example val/loss; auto: trainer.monitor")
    factor: float = option(0.1, "factor of each reduction", gt=0, lt=1)
    patience: int = option(10, "epochs without improvement before the rate is reduced", ge=0)
    min_delta: float = option(1e-4, "smallest change that counts as improvement", ge=0)
    min_lr: float = option(0.0, "the rate never falls below this", ge=0)
    warmup_epochs: float = option(0.0, _WARMUP, unit="epochs", ge=0)


_CODE = "dlx.schedules"
SCHEDULES = Table(
    "schedule",
    {
        "constant": Component(Constant, f"{_CODE}:constant"),
        "step": Component(Step, f"{_CODE}:step"),
        "cosine": Component(Cosine, f"{_CODE}:cosine"),
        "one_cycle": Component(OneCycle, f"{_CODE}:one_cycle"),
        "plateau": Component(Plateau, f"{_CODE}:plateau"),
    },
)
