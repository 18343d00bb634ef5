"""What a model is made of: its layers, their output shapes and numbers of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..data.columns import Input
from .inputs import MultiHot
from .network import Network


@dataclass(frozen=True)
class LayerRow:
    """One layer of a model.

    Attributes:
        name: as its parameters begin, "body.0" or "heads.digit".
        kind: its class.
        output_shape: of one sample.
        parameters: how many numbers it has.
        trainable: how many of them an optimizer may change.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    trainable: int


def layer_table(model: Network, inputs: Mapping[str, Input]) -> list[LayerRow]:
    """The layers of the body and the heads in order, by a dry pass of two samples of zeros.

    Args:
        model: left as it was, its parts' modes included.
        inputs: name -> description, as the model was built with.
    """
    rows: list[LayerRow] = []
    layers = {
        f"{part}.{name}": layer
        for part, group in (("body", model.body), ("heads", model.heads))
        for name, layer in group.named_children()
    }
    hooks = [
        layer.register_forward_hook(
            lambda module, _, output, name=name: rows.append(_row(name, module, output))
        )
        for name, layer in layers.items()
    ]
    try:
        dry_pass(model, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return rows


@torch.no_grad()
def dry_pass(model: nn.Module, inputs: Mapping[str, Input]) -> None:
    """Runs a model over two samples of zeros, on its own device; it is left as it was."""
    modes = [(module, module.training) for module in model.modules()]
    device = next(model.parameters()).device
    try:
        model.eval()({name: _zeros(found, device) for name, found in inputs.items()})
    finally:
        for module, training in modes:
            module.training = training


def _row(name: str, layer: nn.Module, output: Tensor) -> LayerRow:
    sizes = [(p.numel(), p.requires_grad) for p in layer.parameters()]
    return LayerRow(
        name=name,
        kind=type(layer).__name__,
        output_shape=tuple(output.shape[1:]),
        parameters=sum(size for size, _ in sizes),
        trainable=sum(size for size, trained in sizes if trained),
    )


def _zeros(found: Input, device: torch.device) -> Tensor | MultiHot:
    """Two samples of zeros."""
    if found.kind == "multi_hot":
        empty = torch.zeros(0, dtype=torch.int64, device=device)
        return MultiHot(empty, empty.new_zeros(3), found.shape[0])
    dtype = torch.int64 if found.kind == "ids" else torch.float32
    return torch.zeros(2, *found.shape, dtype=dtype, device=device)
