"""Averages of weights by name: what is validated and kept in place of the last step's weights."""

from __future__ import annotations

from dataclasses import dataclass

from ..fields import Chosen, Component, Table, option


@dataclass(frozen=True, kw_only=True)
class Average:
    """What is known of an average before training."""

    def first_epoch(self, epochs: int) -> int | None:  # noqa: ARG002 - one interface for all
        """The first epoch, of so many, whose weights are in it; None where nothing is averaged."""
        return None


class NoAverage(Average):
    """The weights as the last step left them."""


@dataclass(frozen=True, kw_only=True)
class EMA(Average):
    """Exponential moving average over steps (Polyak and Juditsky, 1992)."""

    decay: float = option(
        0.999,
        "share of the average that each step keeps, at most: n steps after the first, "
        "(1 + n) / (10 + n), so that the first weights are soon forgotten",
        ge=0,
        lt=1,
    )
    from_epoch: int = option(1, "first epoch whose steps are averaged", ge=1)

    def first_epoch(self, epochs: int) -> int:  # noqa: ARG002
        """As it was written."""
        return self.from_epoch


@dataclass(frozen=True, kw_only=True)
class SWA(Average):
    """Mean over the weights at the ends of epochs (Izmailov and others, 2018)."""

    from_epoch: int | None = option(
        None, "first epoch whose last weights are averaged; null: the last quarter of them", ge=1
    )

    def first_epoch(self, epochs: int) -> int:
        """As it was written, or so that a quarter of the epochs is averaged, at least one."""
        return self.from_epoch or min(epochs, 3 * epochs // 4 + 1)


_CODE = "dlx.training.average"
AVERAGES = Table(
    "average",
    {
        "none": Component(NoAverage, f"{_CODE}:Average"),
        "ema": Component(EMA, f"{_CODE}:Exponential"),
        "swa": Component(SWA, f"{_CODE}:Stochastic"),
    },
)


def first_averaged(chosen: Chosen, epochs: int) -> int | None:
    """The first epoch, of so many, that is averaged; None where none is, as of no epochs at all."""
    first: int | None = chosen.options.first_epoch(epochs) if epochs else None
    return first


def is_averaged(chosen: Chosen, epochs: int) -> bool:
    """Whether a training of so many epochs averages its weights."""
    return first_averaged(chosen, epochs) is not None


def average_after(chosen: Chosen, epoch: int, epochs: int) -> str | None:
    """The name of the average that the weights kept after an epoch are, of so many epochs.

    Returns:
        "none" where it begins later; None where nothing is ever averaged.
    """
    first = first_averaged(chosen, epochs)
    return None if first is None else chosen.name if epoch >= first else "none"


def describe_average(name: str | None) -> str:
    """What `average_after` found, as said after the epoch of the weights; "" of None."""
    if name is None:
        return ""
    return ", not averaged yet" if name == "none" else f", averaged ({name})"
