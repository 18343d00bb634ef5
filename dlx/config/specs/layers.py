"""Layers by name, for `model: {name: layers}`. In short form the first option stands alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..fields import Component, Table, option

_PADDING = "padding with zeros: none (valid), or enough to keep the size (same)"


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Dense layer on the last axis."""

    units: int = option(help="outputs", ge=1, example="16")
    bias: bool = option(True, "add a learned bias")


@dataclass(frozen=True, kw_only=True)
class Conv:
    """Convolution: over time for sequences (1-D), over height and width for images (2-D)."""

    channels: int = option(help="filters", ge=1, example="32", aliases=("filters",))
    kernel: int = option(3, "window length", ge=1, aliases=("kernel_size",))
    stride: int = option(1, "step between windows", ge=1)
    padding: Literal["valid", "same"] = option("valid", _PADDING)
    dilation: int = option(1, "dilation: distance between the window's elements", ge=1)
    bias: bool = option(True, "add a learned bias")


class SeparableConv(Conv):
    """Depthwise convolution, then a mix of channels (Chollet, 2017)."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Largest or mean value of each window."""

    size: int = option(2, "window length", ge=1)
    stride: int | None = option(None, "step between windows; null: the size", ge=1)


@dataclass(frozen=True, kw_only=True)
class GlobalPool:
    """Largest or mean value over all positions, one per channel."""


@dataclass(frozen=True, kw_only=True)
class BatchNorm:
    """Batch normalisation (Ioffe and Szegedy, 2015)."""

    momentum: float = option(0.01, "weight of each batch in the running statistics", gt=0, le=1)
    eps: float = option(1e-3, "added to the variance", gt=0)


@dataclass(frozen=True, kw_only=True)
class LayerNorm:
    """Layer normalisation over the last axis (Ba and others, 2016)."""

    eps: float = option(1e-5, "added to the variance", gt=0)


@dataclass(frozen=True, kw_only=True)
class Dropout:
    """Sets a share of the values to zero in training and scales up the rest."""

    rate: float = option(0.5, "share set to zero", ge=0, lt=1)


@dataclass(frozen=True, kw_only=True)
class Flatten:
    """Turns each sample into one vector."""


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """A learned vector for each id."""

    dim: int = option(help="length of the vectors", ge=1, example="32")
    size: int | None = option(None, "number of ids; null: taken from the data", ge=1)


@dataclass(frozen=True, kw_only=True)
class Recurrent:
    """Recurrent layer over time; gives its last output unless `sequence` is set."""

    units: int = option(help="length of the state", ge=1, example="32")
    sequence: bool = option(False, "give the output of every time step")
    bidirectional: bool = option(False, "read both ways and join the outputs")


@dataclass(frozen=True, kw_only=True)
class Activation:
    """Applied to each value."""


@dataclass(frozen=True, kw_only=True)
class LeakyRelu:
    """Identity above zero, a small slope below."""

    slope: float = option(0.01, "slope below zero", ge=0)


_CODE = "dlx.models.layers"
_ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu", "elu", "selu", "silu", "softplus")
LAYERS = Table(
    "layer",
    {
        "linear": Component(Linear, f"{_CODE}:linear"),
        "conv1d": Component(Conv, f"{_CODE}:conv1d"),
        "conv2d": Component(Conv, f"{_CODE}:conv2d"),
        "separable_conv1d": Component(SeparableConv, f"{_CODE}:separable_conv1d"),
        "separable_conv2d": Component(SeparableConv, f"{_CODE}:separable_conv2d"),
        "max_pool1d": Component(Pool, f"{_CODE}:max_pool1d"),
        "max_pool2d": Component(Pool, f"{_CODE}:max_pool2d"),
        "avg_pool1d": Component(Pool, f"{_CODE}:avg_pool1d"),
        "avg_pool2d": Component(Pool, f"{_CODE}:avg_pool2d"),
        "global_max_pool": Component(GlobalPool, f"{_CODE}:global_max_pool"),
        "global_avg_pool": Component(GlobalPool, f"{_CODE}:global_avg_pool"),
        "batch_norm": Component(BatchNorm, f"{_CODE}:batch_norm"),
        "layer_norm": Component(LayerNorm, f"{_CODE}:layer_norm"),
        "dropout": Component(Dropout, f"{_CODE}:dropout"),
        "flatten": Component(Flatten, f"{_CODE}:flatten"),
        "embedding": Component(Embedding, f"{_CODE}:embedding"),
        "rnn": Component(Recurrent, f"{_CODE}:rnn"),
        "lstm": Component(Recurrent, f"{_CODE}:lstm"),
        "gru": Component(Recurrent, f"{_CODE}:gru"),
        "leaky_relu": Component(LeakyRelu, f"{_CODE}:leaky_relu"),
        **{name: Component(Activation, f"{_CODE}:activation") for name in _ACTIVATIONS},
    },
    short_forms=True,
)
