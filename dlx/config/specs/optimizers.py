"""Optimizers by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from ..fields import Chosen, Component, Table, option

_LR = ("learning_rate", "step_size", "eta")
_DECAY = "L2 term added to the gradient; for a penalty that is reported, use model.l2"


@dataclass(frozen=True, kw_only=True)
class Group:
    """What some weights have of their own; null: as all others."""

    lr: float | None = option(None, "learning rate, which the schedule multiplies", ge=0)
    weight_decay: float | None = option(None, "weight decay, as the optimizer has it", ge=0)
    from_epoch: int | Literal["never"] | None = option(
        None, "first epoch in which the weights move, frozen before it; never: always frozen", ge=1
    )


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """What every optimizer has."""

    lr: float = option(0.001, "learning rate", gt=0, aliases=_LR)
    groups: dict[str, Group] = option(
        dict,
        "rates and freezing by a pattern of weights' names (`*` stands for anything); of each "
        "option, the first pattern that matches and gives it counts",
        example="{body.0.*: {lr: 0.0001, from_epoch: 3}, body.*: {weight_decay: 0}}",
    )


@dataclass(frozen=True, kw_only=True)
class RMSprop(Optimizer):
    """RMSprop (Hinton, Coursera lecture 6e) with the constants of Keras: rho 0.9, epsilon 1e-7."""

    rho: float = option(0.9, "decay of the mean square", ge=0, lt=1, aliases=("alpha",))
    eps: float = option(1e-7, "added to the root, against division by zero", gt=0)
    momentum: float = option(0.0, "momentum: share of the last update that is kept", ge=0, lt=1)
    weight_decay: float = option(0.0, _DECAY, ge=0)


@dataclass(frozen=True, kw_only=True)
class SGD(Optimizer):
    """Stochastic gradient descent, with optional momentum."""

    lr: float = option(0.01, "learning rate", gt=0, aliases=_LR)
    momentum: float = option(0.0, "momentum: share of the last update that is kept", ge=0, lt=1)
    nesterov: bool = option(False, "Nesterov momentum (needs momentum > 0)")
    weight_decay: float = option(0.0, _DECAY, ge=0)


@dataclass(frozen=True, kw_only=True)
class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015)."""

    beta1: float = option(0.9, "decay of the mean gradient", ge=0, lt=1)
    beta2: float = option(0.999, "decay of the mean square", ge=0, lt=1)
    eps: float = option(1e-7, "added to the root, against division by zero", gt=0)
    weight_decay: float = option(0.0, _DECAY, ge=0)


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""

    weight_decay: float = option(
        0.01, "weight decay: share of the weights subtracted per step, times lr", ge=0
    )


class Nadam(Adam):
    """Adam with Nesterov momentum (Dozat, 2016)."""


@dataclass(frozen=True, kw_only=True)
class Adagrad(Optimizer):
    """Adagrad (Duchi and others, 2011)."""

    lr: float = option(0.01, "learning rate", gt=0, aliases=_LR)
    eps: float = option(1e-7, "added to the root, against division by zero", gt=0)
    weight_decay: float = option(0.0, _DECAY, ge=0)


@dataclass(frozen=True, kw_only=True)
class LBFGS:
    """L-BFGS: a quasi-Newton method that computes the loss several times a step (Nocedal, 1980)."""

    elementwise: ClassVar[bool] = False
    recomputes: ClassVar[bool] = True

    lr: float = option(1.0, "first length that a search along a line tries", gt=0, aliases=_LR)
    max_iter: int = option(20, "iterations a step, at most", ge=1)
    max_evals: int = option(25, "computations of the loss a step, at most", ge=1)
    history: int = option(
        10, "steps that the curvature is estimated from", ge=1, aliases=("history_size",)
    )
    line_search: Literal["strong_wolfe", "none"] = option(
        "strong_wolfe",
        "how far an iteration goes: strong_wolfe searches along a line, none goes lr",
        aliases=("line_search_fn",),
    )
    tolerance_grad: float = option(
        1e-7, "a step ends where no number of the gradient is larger", ge=0
    )
    tolerance_change: float = option(
        1e-9, "a step ends where the loss, or every weight, changes by less", ge=0
    )


def is_elementwise(optimizer: Chosen) -> bool:
    """Whether it treats each number of a parameter alike, wherever it lies."""
    return bool(getattr(optimizer.options, "elementwise", True))


def recomputes(optimizer: Chosen) -> bool:
    """Whether it computes the loss several times a step."""
    return bool(getattr(optimizer.options, "recomputes", False))


def groups_of(optimizer: Chosen) -> Mapping[str, Group]:
    """What weights have of their own; nothing with a plugin's optimizer that knows no groups."""
    options = optimizer.options
    return options.groups if isinstance(options, Optimizer) else {}


_CODE = "dlx.optimizers"
OPTIMIZERS = Table(
    "optimizer",
    {
        "rmsprop": Component(RMSprop, f"{_CODE}:rmsprop"),
        "sgd": Component(SGD, f"{_CODE}:sgd"),
        "adam": Component(Adam, f"{_CODE}:adam"),
        "adamw": Component(AdamW, f"{_CODE}:adamw"),
        "nadam": Component(Nadam, f"{_CODE}:nadam"),
        "adagrad": Component(Adagrad, f"{_CODE}:adagrad"),
        "lbfgs": Component(LBFGS, f"{_CODE}:lbfgs"),
    },
)
