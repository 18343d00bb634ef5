"""Dense layers one after another: the multilayer perceptron."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from torch import nn

from ..config.specs import layers as specs
from ..config.specs.models import Mlp
from ..data.columns import Input
from .modules import ACTIVATIONS, BatchNorm
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
    body: list[nn.Module] = []
    for units in options.units:
        body += _build_hidden(options, width, units, multi_hot)
        width, multi_hot = units, False
    head = partial(dense_layer, width, multi_hot=multi_hot)
    return check_penalty(options, one_body(read, body, head, outputs))


def _build_hidden(options: Mlp, width: int, units: int, multi_hot: bool) -> list[nn.Module]:
    # batch normalisation takes the mean off, and with it any bias before it
    layers = [dense_layer(width, units, multi_hot, bias=not options.batch_norm)]
    if options.batch_norm:
        norm = specs.BatchNorm()
        layers.append(BatchNorm(units, norm.momentum, norm.eps))
    layers.append(ACTIVATIONS[options.activation]())
    if options.dropout > 0:
        layers.append(nn.Dropout(options.dropout))
    return layers
