"""A network from a list of layers: the shapes are followed from the input to the output layer.

Each function of the table takes a layer's options, the shape before it and its place in the list,
and gives the module and the shape after it. A shape that it cannot take is a `UsageError`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import cast

from torch import Tensor, nn

from ..config.fields import Chosen
from ..config.specs import layers as specs
from ..config.specs.models import Layers
from ..data.columns import Input
from ..errors import Problem, UsageError
from . import modules
from .inputs import Batch
from .network import Network, Reader, check_penalty, dense_layer, join_inputs, the_only_input
from .shapes import Kind, Place, Shape

Made = tuple[nn.Module, Shape]


def build(options: Layers, inputs: Mapping[str, Input], outputs: Mapping[str, int]) -> Network:
    """Builds the listed layers on the data's only input, and a head for each target.

    Args:
        options: checked options.
        inputs: name -> description of exactly one input. Dense rows of two axes are images of one
            channel where a 2d layer is listed, else sequences (time, features).
        outputs: target -> number of logits.

    Raises:
        UsageError: there is not exactly one input, a layer cannot take the shape that reaches it,
            the last layer gives no vector, or a penalty has no hidden layer to act on.
    """
    name, found = the_only_input(inputs, "layers")
    starts_linear = not options.layers or options.layers[0].name == "linear"
    multi_hot = found.kind == "multi_hot" and starts_linear
    images = any(layer.name.endswith("2d") for layer in options.layers)
    read, shape = (itemgetter(name), _vector(found)) if multi_hot else reader(name, found, images)
    body, shape = _stack(options.layers, shape, multi_hot)
    if shape.kind != "vector":
        raise UsageError(_no_vector(shape))
    head = partial(dense_layer, shape.sizes[0], multi_hot=multi_hot and not body)
    return check_penalty(options, Network(read, body, head, outputs))


def _stack(
    layers: Sequence[Chosen], shape: Shape, multi_hot: bool
) -> tuple[list[nn.Module], Shape]:
    body: list[nn.Module] = []
    for number, layer in enumerate(layers, start=1):
        make = multi_hot_linear if multi_hot and not body else layer.load()
        module, shape = make(layer.options, shape, Place(number, layer.name))
        body.append(module)
    return body, shape


def _no_vector(shape: Shape) -> Problem:
    hints = {
        "ids": "start model.layers with {embedding: 32} and end it with flatten",
        "block": "end model.layers with flatten",
    }
    return Problem(
        f"the last layer gives {shape}, but the output layer needs a vector",
        where="model.layers",
        accepted="layers whose last output is a vector",
        hint=hints.get(shape.kind, "end model.layers with flatten or global_max_pool"),
    )


def reader(name: str, found: Input, images: bool) -> tuple[Reader, Shape]:
    """How a list of layers reads its input, and the shape that the first of them gets."""
    axes = len(found.shape)
    if found.kind == "ids":
        return itemgetter(name), Shape("ids", found.shape, found.ids)
    if found.kind == "multi_hot" or axes == 0:
        return join_inputs((name,)), _vector(found)
    if axes == 2 and images:
        return _add_channel(name), Shape("image", (1, *found.shape))
    if axes > 3:
        return itemgetter(name), Shape("block", found.shape)
    kinds: dict[int, Kind] = {1: "vector", 2: "sequence", 3: "image"}
    return itemgetter(name), Shape(kinds[axes], found.shape)


def _vector(found: Input) -> Shape:
    return Shape("vector", found.shape or (1,))


def _add_channel(name: str) -> Reader:
    def read(batch: Batch) -> Tensor:
        return cast("Tensor", batch[name]).unsqueeze(1)

    return read


def multi_hot_linear(options: specs.Linear, shape: Shape, place: Place) -> Made:
    """Dense layer on multi-hot rows."""
    place.take(shape, "vector")
    module = modules.MultiHotLinear(shape.sizes[0], options.units, bias=options.bias)
    return module, Shape("vector", (options.units,))


def linear(options: specs.Linear, shape: Shape, place: Place) -> Made:
    """Dense layer on a vector, or on each step of a sequence."""
    place.take(shape, "vector", "sequence")
    module = nn.Linear(shape.channels, options.units, bias=options.bias)
    return module, shape.resize(options.units, shape.places)


def _convolution(
    kind: Callable[..., nn.Module], over: Kind, options: specs.Conv, shape: Shape, place: Place
) -> Made:
    place.take(shape, over)
    zeros = [(0, 0)] * len(shape.places)
    if options.padding == "same":
        window = (options.kernel, options.stride, options.dilation)
        zeros = [modules.same_padding(size, *window) for size in shape.places]
    places = tuple(
        _windows(size + before + after, options.kernel, options.stride, options.dilation, place)
        for size, (before, after) in zip(shape.places, zeros, strict=True)
    )
    module = kind(
        shape.channels,
        options.channels,
        options.kernel,
        stride=options.stride,
        dilation=options.dilation,
        bias=options.bias,
        **_padding(zeros),
    )
    return module, shape.resize(options.channels, places)


def _padding(zeros: list[tuple[int, int]]) -> dict[str, tuple[int, ...]]:
    """Zeros on both sides by the convolution itself if they are equal: that saves a copy."""
    if all(before == after for before, after in zeros):
        return {"padding": tuple(before for before, _ in zeros)}
    return {"zeros": tuple(side for axis in reversed(zeros) for side in axis)}


def _windows(size: int, window: int, stride: int, dilation: int, place: Place) -> int:
    """How many windows fit on an axis."""
    reach = (window - 1) * dilation + 1
    if reach > size:
        raise place.refusal(
            f"has a window of {reach}, but the axis that it moves along has {size}",
            f"a window of at most {size}",
            "use a smaller window, a longer input, or less pooling before it",
        )
    return (size - reach) // stride + 1


def _pool(
    kind: type[nn.Module], over: Kind, options: specs.Pool, shape: Shape, place: Place
) -> Made:
    place.take(shape, over)
    stride = options.stride or options.size
    places = tuple(_windows(size, options.size, stride, 1, place) for size in shape.places)
    pool = kind(options.size, stride)
    module = modules.Pool1d(pool) if shape.kind == "sequence" else pool
    return module, shape.resize(shape.channels, places)


def _global_pool(largest: bool, _options: specs.GlobalPool, shape: Shape, place: Place) -> Made:
    place.take(shape, "sequence", "image")
    axes = (2, 3) if shape.kind == "image" else (1,)
    return modules.GlobalPool(axes, largest), Shape("vector", (shape.channels,))


def batch_norm(options: specs.BatchNorm, shape: Shape, place: Place) -> Made:
    """Batch normalisation of each feature or channel."""
    place.take(shape, "vector", "sequence", "image")
    over_time = shape.kind == "sequence"
    module = modules.BatchNorm(shape.channels, options.momentum, options.eps, over_time)
    return module, shape


def layer_norm(options: specs.LayerNorm, shape: Shape, place: Place) -> Made:
    """Layer normalisation of a vector, or of each step of a sequence."""
    place.take(shape, "vector", "sequence")
    return nn.LayerNorm(shape.channels, eps=options.eps), shape


def dropout(options: specs.Dropout, shape: Shape, place: Place) -> Made:
    """Dropout of single values."""
    return nn.Dropout(options.rate), _numbers(shape, place)


def flatten(_options: specs.Flatten, shape: Shape, place: Place) -> Made:
    """Each sample as one vector."""
    return nn.Flatten(), Shape("vector", (math.prod(_numbers(shape, place).sizes),))


def embedding(options: specs.Embedding, shape: Shape, place: Place) -> Made:
    """A learned vector for each id."""
    place.take(shape, "ids")
    size = shape.ids if options.size is None else options.size
    if size < shape.ids:
        raise place.refusal(
            f"has {size} vectors, but the ids of the data go up to {shape.ids - 1}",
            f"size: {shape.ids} or more, or null",
            "omit size, or read fewer ids (dataset.num_words)",
        )
    return nn.Embedding(size, options.dim), Shape("sequence", (*shape.sizes, options.dim))


def _recurrent(
    kind: type[modules.RNN | modules.LSTM | modules.GRU],
    options: specs.Recurrent,
    shape: Shape,
    place: Place,
) -> Made:
    place.take(shape, "sequence")
    both = options.bidirectional
    module = kind(shape.channels, options.units, batch_first=True, bidirectional=both)
    module.every_step = options.sequence
    width = options.units * (2 if both else 1)
    if options.sequence:
        return module, shape.resize(width, shape.places)
    return module, Shape("vector", (width,))


def leaky_relu(options: specs.LeakyRelu, shape: Shape, place: Place) -> Made:
    """Rectifier with a small slope below zero."""
    return nn.LeakyReLU(options.slope), _numbers(shape, place)


def activation(_options: specs.Activation, shape: Shape, place: Place) -> Made:
    """The activation that the layer is named after."""
    return modules.ACTIVATIONS[place.name](), _numbers(shape, place)


def _numbers(shape: Shape, place: Place) -> Shape:
    """Hands back any shape but ids, which are names."""
    return place.take(shape, "vector", "sequence", "image", "block")


# The layers of the table that differ in nothing but the module that does the work.
conv1d = partial(_convolution, modules.Conv1d, "sequence")
conv2d = partial(_convolution, modules.Conv2d, "image")
separable_conv1d = partial(_convolution, partial(modules.Separable, modules.Conv1d), "sequence")
separable_conv2d = partial(_convolution, partial(modules.Separable, modules.Conv2d), "image")
max_pool1d = partial(_pool, nn.MaxPool1d, "sequence")
avg_pool1d = partial(_pool, nn.AvgPool1d, "sequence")
max_pool2d = partial(_pool, nn.MaxPool2d, "image")
avg_pool2d = partial(_pool, nn.AvgPool2d, "image")
global_max_pool = partial(_global_pool, True)  # the largest value over all places
global_avg_pool = partial(_global_pool, False)  # the mean
rnn = partial(_recurrent, modules.RNN)
lstm = partial(_recurrent, modules.LSTM)
gru = partial(_recurrent, modules.GRU)
