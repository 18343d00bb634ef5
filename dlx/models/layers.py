"""The modules of the table of layers, and how the first of them reads its input.

Each function of the table takes a layer's options, the shape before it and its place in the list,
and gives the module and the shape after it. A shape that it cannot take is a `UsageError`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import cast

from torch import Tensor, nn

from ..config.shapes import Place, Shape, shape_of
from ..config.specs import attention as attending_specs
from ..config.specs import columns as columns_specs
from ..config.specs import layers as specs
from ..config.specs import recurrent as recurrent_specs
from ..data.columns import Input
from . import attention as attending
from . import modules, recurrent
from .embedding import make_embedding
from .inputs import Batch
from .network import Reader, join_inputs

Made = tuple[nn.Module, Shape]


def reader(name: str, found: Input, images: bool) -> tuple[Reader, Shape]:
    """How a list of layers reads its input, and the shape that the first of them gets."""
    if found.columns:
        return itemgetter(name), Shape("columns", found.shape, found.ids, words=found.words)
    if found.kind == "ids":
        lengths = (name,) if found.ragged else ()
        given = (found.shape, found.ids, found.ragged, lengths, found.words)
        return itemgetter(name), Shape("ids", *given)
    shape = shape_of(found.shape, images and found.kind != "steps")
    if found.kind == "multi_hot" or not found.shape:
        return join_inputs((name,)), shape
    added = shape.kind == "image" and len(found.shape) == 2
    return _add_channel(name) if added else itemgetter(name), shape


def _add_channel(name: str) -> Reader:
    def read(batch: Batch) -> Tensor:
        return cast("Tensor", batch[name]).unsqueeze(1)

    return read


def multi_hot_linear(options: specs.Linear, shape: Shape, place: Place) -> Made:
    """Dense layer on multi-hot rows."""
    module = modules.MultiHotLinear(shape.sizes[0], options.units, bias=options.bias)
    return module, options.after(shape, place)


def linear(options: specs.Linear, shape: Shape, place: Place) -> Made:
    """Dense layer on a vector, or on each step of a sequence."""
    after = options.after(shape, place)
    return nn.Linear(shape.channels, options.units, bias=options.bias), after


def _convolution(
    kind: Callable[..., nn.Module], options: specs.Conv, shape: Shape, place: Place
) -> Made:
    after = options.after(shape, place)
    zeros = [(0, 0)] * len(shape.places)
    if options.padding == "same":
        window = (options.kernel, options.stride, options.dilation)
        many = (options.kernel - 1) * options.dilation
        ragged = (many // 2, many - many // 2)  # as for a stride of 1, so that no length matters
        sizes = shape.places
        zeros = [ragged if shape.ragged else modules.same_padding(n, *window) for n in sizes]
    module = kind(
        shape.channels,
        options.channels,
        options.kernel,
        stride=options.stride,
        dilation=options.dilation,
        bias=options.bias,
        **_padding(zeros),
    )
    return module, after


def _padding(zeros: list[tuple[int, int]]) -> dict[str, tuple[int, ...]]:
    """Zeros on both sides by the convolution itself if they are equal: that saves a copy."""
    if all(before == after for before, after in zeros):
        return {"padding": tuple(before for before, _ in zeros)}
    return {"zeros": tuple(side for axis in reversed(zeros) for side in axis)}


def _pool1d(kind: type[nn.Module], options: specs.Pool, shape: Shape, place: Place) -> Made:
    after = options.after(shape, place)
    stride = options.stride or options.size
    return modules.Pool1d(kind(options.size, stride), options.size, stride), after


def _pool2d(
    kind: Callable[..., nn.Module], options: specs.Pool2d, shape: Shape, place: Place
) -> Made:
    # Beyond the image lies nothing that counts; `ceil_mode` gives the odd row and column after it.
    after = options.after(shape, place)
    stride = options.stride or options.size
    if options.padding == "valid":
        return kind(options.size, stride), after
    around = [modules.same_padding(n, options.size, stride, 1) for n in shape.places]
    padding, odd = tuple(before for before, _ in around), any(a != b for a, b in around)
    return kind(options.size, stride, padding=padding, ceil_mode=odd), after


def _global_pool(largest: bool, options: specs.GlobalPool, shape: Shape, place: Place) -> Made:
    after = options.after(shape, place)
    return modules.GlobalPool((2, 3) if shape.kind == "image" else (1,), largest), after


def batch_norm(options: specs.BatchNorm, shape: Shape, place: Place) -> Made:
    """Batch normalisation of each feature or channel."""
    after, over_time = options.after(shape, place), shape.kind == "sequence"
    return modules.BatchNorm(shape.channels, options.momentum, options.eps, over_time), after


def layer_norm(options: specs.LayerNorm, shape: Shape, place: Place) -> Made:
    """Layer normalisation of a vector, or of each step of a sequence."""
    after = options.after(shape, place)
    return nn.LayerNorm(shape.channels, eps=options.eps), after


def dropout(options: specs.Dropout, shape: Shape, place: Place) -> Made:
    """Dropout of single values."""
    return nn.Dropout(options.rate), options.after(shape, place)


def flatten(options: specs.Flatten, shape: Shape, place: Place) -> Made:
    """Each sample as one vector."""
    return nn.Flatten(), options.after(shape, place)


def embedding(options: specs.Embedding, shape: Shape, place: Place) -> Made:
    """A vector for each id."""
    after = options.after(shape, place)
    return make_embedding(options.size or shape.ids, options, shape.words), after


def embed_columns(options: columns_specs.EmbedColumns, shape: Shape, place: Place) -> Made:
    """A vector for each value of each category column."""
    after = options.after(shape, place)
    return modules.EmbedColumns(shape.ids, options.length(shape), options.mask), after


def _recurrent(
    kind: type[recurrent.RNN | recurrent.LSTM | recurrent.GRU],
    options: recurrent_specs.Recurrent,
    shape: Shape,
    place: Place,
) -> Made:
    after = options.after(shape, place)
    both = options.ways != "none"
    module = kind(shape.channels, options.units, batch_first=True, bidirectional=both)
    module.every_step = options.sequence
    module.merge = "sum" if options.ways == "sum" else "concat"
    module.activation = getattr(options, "activation", "tanh")
    module.input_dropout, module.state_dropout = options.dropout, options.recurrent_dropout
    return module, after


def reverse(options: recurrent_specs.Reverse, shape: Shape, place: Place) -> Made:
    """Each row from its last step to its first."""
    return recurrent.Reverse(), options.after(shape, place)


def position(options: attending_specs.Position, shape: Shape, place: Place) -> Made:
    """What tells a step's place, added to it."""
    after, (steps,) = options.after(shape, place), shape.places
    if options.kind == "sinusoidal":
        return attending.SinusoidalPosition(), after
    length = options.length or steps or attending_specs.PLACES
    return attending.LearnedPosition(length, shape.channels), after


def attention(options: attending_specs.Attention, shape: Shape, place: Place) -> Made:
    """Multi-head self-attention."""
    after = options.after(shape, place)
    return attending.Attention(shape.channels, options.heads, options.key), after


def transformer(options: attending_specs.Transformer, shape: Shape, place: Place) -> Made:
    """Self-attention and dense layers, with what was before them added."""
    after = options.after(shape, place)
    heads = attending.Attention(shape.channels, options.heads, options.key)
    first = options.norm == "pre"
    return attending.Transformer(heads, options.dense, first, options.dropout), after


def attention_pool(options: attending_specs.AttentionPool, shape: Shape, place: Place) -> Made:
    """Mean of the steps, weighted by a learned score."""
    return attending.AttentionPool(shape.channels), options.after(shape, place)


def leaky_relu(options: specs.LeakyRelu, shape: Shape, place: Place) -> Made:
    """Rectifier with a small slope below zero."""
    return nn.LeakyReLU(options.slope), options.after(shape, place)


def activation(options: specs.Activation, shape: Shape, place: Place) -> Made:
    """The activation that the layer is named after."""
    return modules.ACTIVATIONS[place.name](), options.after(shape, place)


# The layers of the table that differ in nothing but the module that does the work.
conv1d = partial(_convolution, modules.Conv1d)
conv2d = partial(_convolution, modules.Conv2d)
separable_conv1d = partial(_convolution, partial(modules.Separable, modules.Conv1d))
separable_conv2d = partial(_convolution, partial(modules.Separable, modules.Conv2d))
max_pool1d = partial(_pool1d, nn.MaxPool1d)
avg_pool1d = partial(_pool1d, nn.AvgPool1d)
max_pool2d = partial(_pool2d, nn.MaxPool2d)
avg_pool2d = partial(_pool2d, partial(nn.AvgPool2d, count_include_pad=False))
global_max_pool = partial(_global_pool, True)  # the largest value over all places
global_avg_pool = partial(_global_pool, False)  # the mean
rnn = partial(_recurrent, recurrent.RNN)
lstm = partial(_recurrent, recurrent.LSTM)
gru = partial(_recurrent, recurrent.GRU)
