"""Convolutions with pooling between them, then dense layers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from torch import nn

from ..config.shapes import Place, Shape
from ..config.specs import layers as specs
from ..config.specs.blocks import take_image
from ..config.specs.models import Convnet
from ..data.columns import Input
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
    take_image("convnet", name, shape)
    body: list[nn.Module] = []
    for window, place in options.windows():
        block, shape = _block(options, window, shape, place)
        body += block
    body.append(nn.Flatten())
    dense, width = _dense(options, shape.sizes[0] * shape.sizes[1] * shape.sizes[2])
    head = partial(dense_layer, width, multi_hot=False)
    return check_penalty(options, one_body(read, body + dense, head, outputs))


def _block(
    options: Convnet, window: specs.Pool2d | specs.Conv2d, shape: Shape, place: Place
) -> tuple[list[nn.Module], Shape]:
    """A pooling, or a convolution with what follows it."""
    if isinstance(window, specs.Pool2d):
        module, shape = max_pool2d(window, shape, place)
        return [module], shape
    module, shape = conv2d(window, shape, place)
    norm = [batch_norm(specs.BatchNorm(), shape, place)[0]] if options.batch_norm else []
    return [module, *norm, ACTIVATIONS[options.activation]()], shape


def _dense(options: Convnet, width: int) -> tuple[list[nn.Module], int]:
    """The dense layers, dropout before each; without any, dropout stands before the output."""
    body: list[nn.Module] = []
    for units in options.dense:
        body += [*_dropout(options), nn.Linear(width, units), ACTIVATIONS[options.activation]()]
        width = units
    return body or _dropout(options), width


def _dropout(options: Convnet) -> list[nn.Module]:
    return [nn.Dropout(options.dropout)] if options.dropout > 0 else []
