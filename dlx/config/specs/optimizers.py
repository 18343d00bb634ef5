"""Optimizers by name."""

from __future__ import annotations

from dataclasses import dataclass

from ..fields import Component, Table, option

_LR = ("learning_rate", "step_size", "eta")
_DECAY = "L2 term added to the gradient; for a penalty that is reported, use model.l2"


@dataclass(frozen=True, kw_only=True)
class RMSprop:
    """RMSprop (Hinton, Coursera lecture 6e) with the constants of Keras: rho 0.9, epsilon 1e-7."""

    lr: float = option(0.001, "learning rate", gt=0, aliases=_LR)
    rho: float = option(0.9, "decay of the mean square", ge=0, lt=1, aliases=("alpha",))
    eps: float = option(1e-7, "added to the root, against division by zero", gt=0)
    momentum: float = option(0.0, "momentum: share of the last update that is kept", ge=0, lt=1)
    weight_decay: float = option(0.0, _DECAY, ge=0)


@dataclass(frozen=True, kw_only=True)
class SGD:
    """Stochastic gradient descent, with optional momentum."""

    lr: float = option(0.01, "learning rate", gt=0, aliases=_LR)
    momentum: float = option(0.0, "momentum: share of the last update that is kept", ge=0, lt=1)
    nesterov: bool = option(False, "Nesterov momentum (needs momentum > 0)")
    weight_decay: float = option(0.0, _DECAY, ge=0)


@dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam (Kingma and Ba, 2015)."""

    lr: float = option(0.001, "learning rate", gt=0, aliases=_LR)
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
class Adagrad:
    """Adagrad (Duchi and others, 2011)."""

    lr: float = option(0.01, "learning rate", gt=0, aliases=_LR)
    eps: float = option(1e-7, "added to the root, against division by zero", gt=0)
    weight_decay: float = option(0.0, _DECAY, ge=0)


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
    },
)
