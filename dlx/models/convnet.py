"""Convolutions with pooling between them, then dense layers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from torch import nn

from ..config.shapes import Place, Shape
from ..config.specs import layers as specs
from ..config.specs.models import Convnet
from ..data.columns import Input
from ..errors import Problem, UsageError
from .layers import batch_norm, conv2d, max_pool2d, reader
from .modules import ACTIVATIONS
from .network import Network, check_penalty, dense_layer, one_body, the_only_input


def build(options: Convnet, inputs: Mapping[str, Input], outputs: Mapping[str, int]) -> Network:
    """Builds a convolutional network (Chollet 2017, listings 5.1 to 5.3 with the defaults).

    Args:
        options: checked options.
        inputs: name -> description of exactly one input: images (height, width) or
            (channels, height, width).
        outputs: target -> number of logits.

    Raises:
        UsageError: there is not exactly one input, it holds no images, a window is larger than
            what reaches it, or a penalty has no hidden layer to act on.
    """
    name, found = the_only_input(inputs, "convnet")
    read, shape = reader(name, found, images=True)
    if shape.kind != "image":
        raise UsageError(_no_image(name, shape))
    body: list[nn.Module] = []
    for number, channels in enumerate(options.channels, start=1):
        block, shape = _block(options, channels, shape, number)
        body += block
    body.append(nn.Flatten())
    dense, width = _dense(options, shape.sizes[0] * shape.sizes[1] * shape.sizes[2])
    head = partial(dense_layer, width, multi_hot=False)
    return check_penalty(options, one_body(read, body + dense, head, outputs))


def _no_image(name: str, shape: Shape) -> Problem:
    return Problem(
        f"model=convnet cannot take the input {name}: its rows are {shape}",
        where="model.name",
        accepted="images (height, width) or (channels, height, width)",
        hint="use model=mlp, or remove the prepare step flatten",
    )


def _block(
    options: Convnet, channels: int, shape: Shape, number: int
) -> tuple[list[nn.Module], Shape]:
    """One convolution, and the pooling that stands between it and the one before."""
    body: list[nn.Module] = []
    if number > 1 and options.pool > 1:
        place = Place(number, "pooling before it", "model.pool")
        module, shape = max_pool2d(specs.Pool2d(size=options.pool), shape, place)
        body.append(module)
    # batch normalisation takes the mean off, and with it any bias before it
    window = specs.Conv2d(
        channels=channels,
        kernel=options.kernel,
        padding=options.padding,
        bias=not options.batch_norm,
    )
    place = Place(number, "convolution", "model.channels")
    module, shape = conv2d(window, shape, place)
    body.append(module)
    if options.batch_norm:
        body.append(batch_norm(specs.BatchNorm(), shape, place)[0])
    body.append(ACTIVATIONS[options.activation]())
    return body, shape


def _dense(options: Convnet, width: int) -> tuple[list[nn.Module], int]:
    """The dense layers, dropout before each; without any, dropout stands before the output."""
    body: list[nn.Module] = []
    for units in options.dense:
        body += [*_dropout(options), nn.Linear(width, units), ACTIVATIONS[options.activation]()]
        width = units
    return body or _dropout(options), width


def _dropout(options: Convnet) -> list[nn.Module]:
    return [nn.Dropout(options.dropout)] if options.dropout > 0 else []
