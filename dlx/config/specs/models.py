"""Model architectures by name. The last layer of each is added from the problem table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ..fields import Chosen, Component, Table, option
from .layers import LAYERS

Initialiser = Literal[
    "keras", "torch", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "orthogonal"
]
ActivationName = Literal["relu", "tanh", "sigmoid", "gelu", "elu", "selu", "silu", "leaky_relu"]


@dataclass(frozen=True, kw_only=True)
class Common:
    """Options that every model has, and how its size is told.

    Attributes:
        size: the option that holds the layers' sizes; "" where there is none.
    """

    size: ClassVar[str] = ""

    l1: float = option(0.0, "L1 penalty on the hidden kernels, reported separately", ge=0)
    l2: float = option(0.0, "L2 penalty on the hidden kernels, reported separately", ge=0)
    init: Initialiser = option(
        "keras", "initial weights; keras: Glorot uniform, zero biases, orthogonal recurrent kernels"
    )

    @staticmethod
    def small_sizes(width: int) -> list[list[int]]:  # noqa: ARG004
        """Sizes to begin with, small ones first (book 3.5.7); none where it has none.

        Args:
            width: of layers that are no bottleneck before the outputs.
        """
        return []


@dataclass(frozen=True, kw_only=True)
class Mlp(Common):
    """Dense layers (multilayer perceptron); flattens its input."""

    size = "units"

    units: tuple[int, ...] = option((64, 64), "hidden layers' sizes; [] for a linear model", ge=1)
    activation: ActivationName = option("relu", "after each hidden layer")
    dropout: float = option(0.0, "share set to zero after each hidden layer", ge=0, lt=1)
    batch_norm: bool = option(False, "normalise each hidden layer before its activation")

    @staticmethod
    def small_sizes(width: int) -> list[list[int]]:
        """One narrow layer, two, one that is wide."""
        return [[width], [width] * 2, [4 * width]]


@dataclass(frozen=True, kw_only=True)
class Convnet(Common):
    """2-D convolutions with pooling between them, then dense layers (book 5.1)."""

    size = "channels"

    channels: tuple[int, ...] = option(
        (32, 64, 64), "filters of each convolution", ge=1, aliases=("filters",)
    )
    kernel: int = option(3, "window of the convolutions", ge=1, aliases=("kernel_size",))
    pool: int = option(2, "max-pooling between two convolutions; 1 for none", ge=1)
    padding: Literal["valid", "same"] = option("valid", "rows of zeros around the image")
    dense: tuple[int, ...] = option((64,), "dense layers after the convolutions", ge=1)
    activation: ActivationName = option("relu", "after each convolution and dense layer")
    dropout: float = option(0.0, "share set to zero before each dense layer", ge=0, lt=1)
    batch_norm: bool = option(False, "normalise after each convolution")

    @staticmethod
    def small_sizes(width: int) -> list[list[int]]:  # noqa: ARG004
        """Two layers, of more and more filters; dense layers follow them."""
        return [[8, 16], [16, 32], [32, 64]]


@dataclass(frozen=True, kw_only=True)
class Layers(Common):
    """A list of layers, shapes inferred: [{linear: 16}, relu, {dropout: 0.5}]."""

    layers: tuple[Chosen, ...] = option(
        help="from input to the last hidden layer; the output layer is added",
        table=LAYERS,
        example="[{linear: 16}, relu]",
    )


_CODE = "dlx.models"
MODELS = Table(
    "model",
    {
        "mlp": Component(Mlp, f"{_CODE}.mlp:build"),
        "convnet": Component(Convnet, f"{_CODE}.convnet:build"),
        "layers": Component(Layers, f"{_CODE}.layers:build"),
    },
)
