"""Dense layers one after another: the multilayer perceptron."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ..config.shapes import Shape
from ..config.specs.models import Mlp
from ..data.columns import Input
from .graph import stack_layers
from .network import Network, check_penalty, dense_layer, flat_reader, one_body


def build(options: Mlp, inputs: Mapping[str, Input], outputs: Mapping[str, int]) -> Network:
    """Builds a multilayer perceptron: linear, normalisation, activation, dropout, again and again.

    Args:
        options: checked options.
        inputs: name -> description; each is flattened, several are laid end to end.
        outputs: target -> number of logits.

    Raises:
        UsageError: an input holds ids, or a penalty has no hidden layer to act on.
    """
    read, width, multi_hot = flat_reader(inputs)
    vector = Shape("vector", (width,))
    body, after = stack_layers(options.hidden(), vector, "model", multi_hot)
    head = partial(dense_layer, after.sizes[0], multi_hot=multi_hot and not body)
    return check_penalty(options, one_body([*inputs], read, body, head, outputs))
