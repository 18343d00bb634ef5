"""What a model is made of: its layers, their output shapes and numbers of parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from ..data.columns import Input
from .inputs import MultiHot, Padded
from .network import Stack


@dataclass(frozen=True)
class LayerRow:
    """One layer of a model, at one of the places where it acts.

    Attributes:
        name: as its parameters begin, "body.0" or "heads.digit".
        kind: its class; told as shared where it acts again.
        output_shape: of one sample.
        parameters: how many numbers it has that no earlier row has counted.
        trainable: how many of them an optimizer may change.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    trainable: int


def layer_table(model: nn.Module, inputs: Mapping[str, Input]) -> list[LayerRow]:
    """The layers in the order in which they act, by a dry pass of two samples of zeros.

    Args:
        model: left as it was, its parts' modes included.
        inputs: name -> description, as the model was built with.
    """
    rows: list[LayerRow] = []
    counted: set[int] = set()
    hooks = [
        layer.register_forward_hook(
            lambda module, _, output, name=name: rows.append(_row(name, module, output, counted))
        )
        for name, layer in open_layers(model)
    ]
    try:
        dry_pass(model, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return rows


def open_layers(model: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The parts that a model is made of, those that only hold others opened, by their names."""
    for name, layer in model.named_children():
        holds = isinstance(layer, Stack) or getattr(layer, "opens", False)
        if holds or type(layer) in (nn.Sequential, nn.ModuleDict, nn.ModuleList):
            yield from open_layers(layer, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", layer


def describe_starts(*models: nn.Module) -> list[str]:
    """What parts of models start from that is no random numbers, a line each."""
    parts = (part for model in models for part in model.modules())
    found = (getattr(part, "describe_start", None) for part in parts)
    return [line for describe in found if callable(describe) and (line := describe())]


def device_of(model: nn.Module) -> torch.device:
    """Where a model lies; the CPU where it holds nothing."""
    tensors = chain(model.parameters(), model.buffers())
    return next((one.device for one in tensors), torch.device("cpu"))


@torch.no_grad()
def dry_pass(model: nn.Module, inputs: Mapping[str, Input]) -> None:
    """Runs a model over two samples of zeros, on its own device; it is left as it was."""
    modes = [(module, module.training) for module in model.modules()]
    device = device_of(model)
    try:
        model.eval()({name: _zeros(found, device) for name, found in inputs.items()})
    finally:
        for module, training in modes:
            module.training = training


def _row(name: str, layer: nn.Module, output: Any, counted: set[int]) -> LayerRow:
    """A layer after a pass through it; `counted` are the parameters and modules before it."""
    first = output[0] if isinstance(output, tuple) and output else output
    sizes = [(p.numel(), p.requires_grad) for p in layer.parameters() if id(p) not in counted]
    again = " (shared)" if id(layer) in counted else ""
    counted.update(id(one) for one in (layer, *layer.parameters()))
    return LayerRow(
        name=name,
        kind=f"{type(layer).__name__}{again}",
        output_shape=tuple(first.shape[1:]) if isinstance(first, Tensor) else (),
        parameters=sum(size for size, _ in sizes),
        trainable=sum(size for size, trained in sizes if trained),
    )


def _zeros(found: Input, device: torch.device) -> Tensor | MultiHot | Padded:
    """Two samples of zeros; where they differ in length, of the longest."""
    if found.ragged:
        lengths = torch.full((2,), max(1, found.longest), device=device)
        return Padded(lengths.new_zeros(2, max(1, found.longest)), lengths)
    if found.kind == "multi_hot":
        empty = torch.zeros(0, dtype=torch.int64, device=device)
        return MultiHot(empty, empty.new_zeros(3), found.shape[0])
    dtype = torch.int64 if found.kind == "ids" else torch.float32
    return torch.zeros(2, *found.shape, dtype=dtype, device=device)
