"""Convolutions with pooling between them, then dense layers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ..config.specs.blocks import take_image
from ..config.specs.models import Convnet
from ..data.columns import Input
from .graph import stack_layers
from .layers import reader
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
    reached = take_image("convnet", name, shape)
    for window, place in options.windows():
        reached = window.after(reached, place)  # what is wrong is told of the convolution it is
    body, after = stack_layers(options.part(ids=False), shape, "model")
    head = partial(dense_layer, after.sizes[0], multi_hot=False)
    return check_penalty(options, one_body([name], read, body, head, outputs))
