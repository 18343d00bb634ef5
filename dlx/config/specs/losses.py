"""Losses by name. Which loss fits which problem is in `dlx.problem`."""

from __future__ import annotations

from dataclasses import dataclass

from ..fields import Component, Table, option


@dataclass(frozen=True, kw_only=True)
class Auto:
    """The default loss of the target's problem type."""


@dataclass(frozen=True, kw_only=True)
class BinaryCrossEntropy:
    """Cross-entropy of independent binary outputs, computed from logits."""


@dataclass(frozen=True, kw_only=True)
class CrossEntropy:
    """Cross-entropy of one class among several, computed from logits and integer labels."""

    label_smoothing: float = option(
        0.0, "label smoothing: share of the target spread over all classes", ge=0, lt=1
    )


@dataclass(frozen=True, kw_only=True)
class MSE:
    """Mean squared error."""


@dataclass(frozen=True, kw_only=True)
class MAE:
    """Mean absolute error."""


@dataclass(frozen=True, kw_only=True)
class Huber:
    """Squared error near zero, absolute error beyond `delta` (Huber, 1964)."""

    delta: float = option(1.0, "error at which the loss changes from quadratic to linear", gt=0)


@dataclass(frozen=True, kw_only=True)
class Poisson:
    """Negative log-likelihood of counts, exp(output) - count * output: the output is a log."""


@dataclass(frozen=True, kw_only=True)
class Quantile:
    """Pinball loss (Koenker, Bassett, 1978): an output for each quantile of the target."""

    quantiles: tuple[float, ...] = option(
        (0.1, 0.5, 0.9), "which quantiles, in ascending order; 0.5 is the median", gt=0, lt=1
    )


_CODE = "dlx.losses"
LOSSES = Table(
    "loss",
    {
        "auto": Component(Auto, f"{_CODE}:auto"),
        "binary_cross_entropy": Component(BinaryCrossEntropy, f"{_CODE}:binary_cross_entropy"),
        "cross_entropy": Component(CrossEntropy, f"{_CODE}:cross_entropy"),
        "mse": Component(MSE, f"{_CODE}:mse"),
        "mae": Component(MAE, f"{_CODE}:mae"),
        "huber": Component(Huber, f"{_CODE}:huber"),
        "poisson": Component(Poisson, f"{_CODE}:poisson"),
        "quantile": Component(Quantile, f"{_CODE}:quantile"),
    },
)
