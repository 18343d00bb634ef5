"""Layers by name, for `model: {name: layers}`. In short form the first option stands alone.

Each says what shape it makes of the one before it, so that a list of layers can be checked without
torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal

from ...errors import Problem, UsageError
from ..fields import Chosen, Component, Table, option
from ..shapes import ANY, Kind, Place, Shape, Sizes, keep_possible, shape_of
from .attention import Attention, AttentionPool, Position, Transformer
from .columns import EmbedColumns
from .growing import ConvTranspose2d, Reshape, Upsample
from .layer import Layer, Shaped
from .recurrent import Gru, Lstm, Reverse, Rnn

_PADDING = "padding with zeros: none (valid), or enough to keep the size (same)"


@dataclass(frozen=True, kw_only=True)
class Linear(Layer):
    """Dense layer on the last axis."""

    units: int = option(help="outputs", ge=1, example="16")
    bias: bool = option(True, "add a learned bias")

    def after(self, shape: Shape, place: Place) -> Shape:
        """A vector, or one at each step of a sequence."""
        place.take(shape, "vector", "sequence")
        return shape.resize(self.units, shape.places)


@dataclass(frozen=True, kw_only=True)
class Conv(Layer):
    """Options of every convolution.

    Attributes:
        over: the kind of samples that the window moves over.
    """

    over: ClassVar[Kind]

    channels: int = option(help="filters", ge=1, example="32", aliases=("filters",))
    kernel: int = option(3, "window length", ge=1, aliases=("kernel_size",))
    stride: int = option(1, "step between windows", ge=1)
    padding: Literal["valid", "same"] = option("valid", _PADDING)
    dilation: int = option(1, "dilation: distance between the window's elements", ge=1)
    bias: bool = option(True, "add a learned bias")

    def after(self, shape: Shape, place: Place) -> Shape:
        """A filter's answers at each place where its window fits."""
        place.take(shape, self.over)
        if self.padding == "same":
            places = tuple(-(-n // self.stride) for n in shape.places)
            return shape.resize(self.channels, places).shorten(1, self.stride)
        window = (self.kernel, self.stride, self.dilation)
        fits = tuple(place.count_windows(size, *window) for size in shape.places)
        reach = (self.kernel - 1) * self.dilation + 1
        return shape.resize(self.channels, fits).shorten(reach, self.stride)


class Conv1d(Conv):
    """Convolution over the time of a sequence."""

    over = "sequence"


class Conv2d(Conv):
    """Convolution over height and width of an image."""

    over = "image"


class SeparableConv1d(Conv1d):
    """Depthwise convolution over time, then a mix of channels (Chollet, 2017)."""


class SeparableConv2d(Conv2d):
    """Depthwise convolution over an image, then a mix of channels (Chollet, 2017)."""


@dataclass(frozen=True, kw_only=True)
class Pool(Layer):
    """Options of every pooling.

    Attributes:
        over: the kind of samples that the window moves over.
    """

    over: ClassVar[Kind]

    size: int = option(2, "window length", ge=1)
    stride: int | None = option(None, "step between windows; null: the size", ge=1)

    def after(self, shape: Shape, place: Place) -> Shape:
        """A value a window; what is left over at the end is dropped."""
        place.take(shape, self.over)
        stride = self.stride or self.size
        fits = tuple(place.count_windows(size, self.size, stride) for size in shape.places)
        return shape.resize(shape.channels, fits).shorten(self.size, stride)


class Pool1d(Pool):
    """Largest or mean value of each window of time."""

    over = "sequence"


@dataclass(frozen=True, kw_only=True)
class Pool2d(Pool):
    """Largest or mean value of each window of an image."""

    over = "image"

    padding: Literal["valid", "same"] = option(
        "valid",
        "drop what is left over at the end (valid), or let windows reach beyond the image, whose "
        "pixels alone count (same)",
        newer=True,
    )

    def after(self, shape: Shape, place: Place) -> Shape:
        """A value a window."""
        stride = self.stride or self.size
        if self.padding == "valid":
            return super().after(shape, place)
        place.take(shape, self.over)
        if stride == 1 and self.size % 2 == 0:
            what = f"has a window of {self.size} that moves by 1: it has no middle"
            hint = f"{place.key}.{place.number - 1}.size={self.size + 1}"
            raise place.refusal(what, "with padding: same an odd size, or a larger stride", hint)
        return shape.resize(shape.channels, tuple(-(-n // stride) for n in shape.places))


@dataclass(frozen=True, kw_only=True)
class GlobalPool(Layer):
    """Largest or mean value over all positions, one per channel."""

    def after(self, shape: Shape, place: Place) -> Shape:
        """A value a channel."""
        place.take(shape, "sequence", "image")
        return Shape("vector", (shape.channels,))


@dataclass(frozen=True, kw_only=True)
class BatchNorm(Layer):
    """Batch normalisation (Ioffe and Szegedy, 2015)."""

    momentum: float = option(0.01, "weight of each batch in the running statistics", gt=0, le=1)
    eps: float = option(1e-3, "added to the variance", gt=0)

    def after(self, shape: Shape, place: Place) -> Shape:
        """The same, of anything that has features or channels."""
        return place.take(shape, "vector", "sequence", "image")


@dataclass(frozen=True, kw_only=True)
class LayerNorm(Layer):
    """Layer normalisation over the last axis (Ba and others, 2016)."""

    eps: float = option(1e-5, "added to the variance", gt=0)

    def after(self, shape: Shape, place: Place) -> Shape:
        """The same, of a vector or a sequence of them."""
        return place.take(shape, "vector", "sequence")


@dataclass(frozen=True, kw_only=True)
class Dropout(Layer):
    """Sets a share of the values to zero in training and scales up the rest."""

    rate: float = option(0.5, "share set to zero", ge=0, lt=1)


@dataclass(frozen=True, kw_only=True)
class Flatten(Layer):
    """Turns each sample into one vector."""

    def after(self, shape: Shape, place: Place) -> Shape:
        """One vector of all numbers."""
        return place.take_whole(place.take_numbers(shape)).flat()


@dataclass(frozen=True, kw_only=True)
class Embedding(Layer):
    """A vector for each id: learned, or of a file of word vectors, which may stay as it is."""

    dim: int = option(help="length of the vectors", ge=1, example="32")
    size: int | None = option(None, "number of ids; null: taken from the data", ge=1)
    vectors: str = option(
        "",
        "what the vectors start from: a file in the text format of GloVe or word2vec (.gz and .zip "
        "too), glove, or a run that learnt some (`last`, its folder, a unique part of its name); "
        "empty: random numbers",
        path=True,
        newer=True,
    )
    missing: Literal["zeros", "random"] = option(
        "zeros", "what ids start from whose word has no vector in `vectors`", newer=True
    )
    trainable: bool = option(
        True,
        "false: the vectors stay as they are, unless optimizer.groups lets them move",
        newer=True,
    )
    sha256: str = option(
        "", "digest of the file of vectors, which dlx fills in and holds it to", newer=True
    )

    def after(self, shape: Shape, place: Place) -> Shape:
        """A vector for each id of a row."""
        place.take(shape, "ids")
        if self.size is not None and self.size < shape.ids:
            raise place.refusal(
                f"has {self.size} vectors, but the ids of the data go up to {shape.ids - 1}",
                f"size: {shape.ids} or more, or null",
                "omit size, or read fewer ids (dataset.num_words)",
            )
        return replace(shape, kind="sequence", sizes=(*shape.sizes, self.dim), ids=0)


@dataclass(frozen=True, kw_only=True)
class Activation(Layer):
    """Applied to each value."""


@dataclass(frozen=True, kw_only=True)
class LeakyRelu(Layer):
    """Identity above zero, a small slope below."""

    slope: float = option(0.01, "slope below zero", ge=0)


_CODE = "dlx.models.layers"
_GROWING = "dlx.models.growing"
_ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu", "elu", "selu", "silu", "softplus")
LAYERS = Table(
    "layer",
    {
        "linear": Component(Linear, f"{_CODE}:linear"),
        "conv1d": Component(Conv1d, f"{_CODE}:conv1d"),
        "conv2d": Component(Conv2d, f"{_CODE}:conv2d"),
        "separable_conv1d": Component(SeparableConv1d, f"{_CODE}:separable_conv1d"),
        "separable_conv2d": Component(SeparableConv2d, f"{_CODE}:separable_conv2d"),
        "max_pool1d": Component(Pool1d, f"{_CODE}:max_pool1d"),
        "max_pool2d": Component(Pool2d, f"{_CODE}:max_pool2d"),
        "avg_pool1d": Component(Pool1d, f"{_CODE}:avg_pool1d"),
        "avg_pool2d": Component(Pool2d, f"{_CODE}:avg_pool2d"),
        "global_max_pool": Component(GlobalPool, f"{_CODE}:global_max_pool"),
        "global_avg_pool": Component(GlobalPool, f"{_CODE}:global_avg_pool"),
        "batch_norm": Component(BatchNorm, f"{_CODE}:batch_norm"),
        "layer_norm": Component(LayerNorm, f"{_CODE}:layer_norm"),
        "dropout": Component(Dropout, f"{_CODE}:dropout"),
        "flatten": Component(Flatten, f"{_CODE}:flatten"),
        "reshape": Component(Reshape, f"{_GROWING}:reshape"),
        "upsample": Component(Upsample, f"{_GROWING}:upsample"),
        "conv_transpose2d": Component(ConvTranspose2d, f"{_GROWING}:conv_transpose2d"),
        "embedding": Component(Embedding, f"{_CODE}:embedding"),
        "embed_columns": Component(EmbedColumns, f"{_CODE}:embed_columns"),
        "rnn": Component(Rnn, f"{_CODE}:rnn"),
        "lstm": Component(Lstm, f"{_CODE}:lstm"),
        "gru": Component(Gru, f"{_CODE}:gru"),
        "reverse": Component(Reverse, f"{_CODE}:reverse"),
        "position": Component(Position, f"{_CODE}:position"),
        "attention": Component(Attention, f"{_CODE}:attention"),
        "attention_pool": Component(AttentionPool, f"{_CODE}:attention_pool"),
        "transformer": Component(Transformer, f"{_CODE}:transformer"),
        "leaky_relu": Component(LeakyRelu, f"{_CODE}:leaky_relu"),
        **{name: Component(Activation, f"{_CODE}:activation") for name in _ACTIVATIONS},
    },
    short_forms="relu, {dropout: 0.5} or {name: dropout, rate: 0.5}",
)


def choose(*layers: tuple[str, dict[str, Any]]) -> tuple[Chosen, ...]:
    """Layers of the table, with their options."""
    return tuple(LAYERS.default(name, **options)() for name, options in layers)


def has_images(layers: Sequence[Chosen]) -> bool:
    """Whether layers read two axes as an image of one channel: where a 2d layer is listed."""
    return any(layer.name.endswith("2d") for layer in layers)


def shapes_of(sizes: Sizes | None, layers: Sequence[Chosen]) -> list[Shape]:
    """What an input of numbers may be to layers that read it; None: nothing is known of it."""
    return list(ANY) if sizes is None else [shape_of(sizes, has_images(layers))]


def follow(layers: Sequence[Chosen], shapes: Sequence[Shape], key: str) -> list[Shape]:
    """The shapes that may come out of a list of layers.

    Args:
        layers: in order; a plugin's may leave open what they give.
        shapes: those that may reach the first.
        key: where the list stands in the config.

    Raises:
        UsageError: a layer can take none of the shapes that may reach it.
    """
    found = list(shapes)
    for number, layer in enumerate(layers, start=1):
        if isinstance(layer.options, Shaped):
            place = Place(number, layer.name, key)
            found = keep_possible(partial(layer.options.after, place=place), found)
        else:
            found = list(ANY)
    return found


_ENDS = {
    "columns": "start {key} with embed_columns",
    "ids": "start {key} with {{embedding: 32}} and end it with flatten",
    "block": "end {key} with flatten",
    "ragged": "end {key} with global_max_pool",
    "ragged ids": "start {key} with {{embedding: 32}} and end it with global_max_pool",
}


def take_vector(shape: Shape, key: str) -> Shape:
    """Hands back what the output layer can read.

    Args:
        shape: after the last layer.
        key: where the layers stand in the config.

    Raises:
        UsageError: it is no vector.
    """
    if shape.kind == "vector":
        return shape
    what = f"the last layer gives {shape}, but the output layer needs a vector"
    end = shape.kind if not shape.ragged else "ragged ids" if shape.kind == "ids" else "ragged"
    hint = _ENDS.get(end, "end {key} with flatten or global_max_pool").format(key=key)
    raise UsageError(Problem(what, key, "layers whose last output is a vector", hint))


def take_end(shape: Shape, key: str, size: int | None) -> Shape:
    """Hands back what stands behind the last layer, if answers can be made of it.

    Args:
        shape: after the last layer.
        key: where the layers stand in the config.
        size: None where an output layer follows; else how many numbers the answers are, 0 where
            that is not known, as the last layer itself gives them.

    Raises:
        UsageError: an output layer cannot read it, or it is not that many numbers.
    """
    if size is None:
        return take_vector(shape, key)
    names = shape.kind in ("ids", "columns")
    given = 0 if names or shape.ragged else shape.flat().sizes[0]
    if not names and not shape.ragged and 0 in (size, given, size - given):
        return shape
    section = key.split(".")[0]
    what = f"the last layer gives {shape}, but is to give the outputs themselves"
    told = f", {size} numbers" if size else ""
    accepted = f"layers whose last one gives {size} numbers" if size else "numbers, as many a row"
    raise UsageError(Problem(what + told, key, accepted, f"{section}.output_layer=true"))
