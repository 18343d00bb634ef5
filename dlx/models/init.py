"""How weights start: each parameter from its own generator, so that adding a layer shifts none."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from .embedding import Embedding
from .modules import MultiHotLinear

Fill = Callable[[Tensor, torch.Generator], object]
"""Writes starting values into a tensor of shape (outputs, inputs, ...)."""

KERNELS: dict[str, Fill] = {
    "keras": lambda kernel, source: nn.init.xavier_uniform_(kernel, generator=source),
    "glorot_uniform": lambda kernel, source: nn.init.xavier_uniform_(kernel, generator=source),
    "glorot_normal": lambda kernel, source: nn.init.xavier_normal_(kernel, generator=source),
    "he_uniform": lambda kernel, source: nn.init.kaiming_uniform_(
        kernel, nonlinearity="relu", generator=source
    ),
    "he_normal": lambda kernel, source: nn.init.kaiming_normal_(
        kernel, nonlinearity="relu", generator=source
    ),
    "orthogonal": lambda kernel, source: nn.init.orthogonal_(kernel, generator=source),
}


def initialise(
    model: nn.Module, scheme: str, generator_for: Callable[[str], torch.Generator]
) -> None:
    """Gives every parameter its starting values and every running statistic its neutral ones.

    "keras" is what Keras' layers do unless told: kernels uniform in +-sqrt(6 / (fan in + fan
    out)) (Glorot and Bengio, 2010), biases 0, embeddings uniform in +-0.05, recurrent kernels
    orthogonal over all gates at once, the LSTM's forget bias 1. The schemes named after a
    distribution differ from it in the kernels only (He and others, arXiv:1502.01852; Saxe and
    others, arXiv:1312.6120; normal ones are not truncated). "torch" is what torch's layers do,
    by the formulas of their documentation.

    Args:
        model: changed in place.
        scheme: one of "keras", "torch" and the names in `KERNELS`.
        generator_for: gives the generator for a parameter's full name; the values are drawn on
            the generator's device and copied to the parameter's.
    """
    known = _start_all(model)
    for path, module in model.named_modules():
        if module in known:
            continue
        if isinstance(module, nn.modules.batchnorm._NormBase):
            module.reset_running_stats()
        for name, parameter in module.named_parameters(recurse=False):
            fill = _torch(module, name) if scheme == "torch" else _keras(module, name, scheme)
            if isinstance(module, Embedding):
                fill = partial(_start, module, fill)
            full_name = f"{path}.{name}" if path else name
            _draw(parameter, fill, generator_for(full_name), isinstance(module, MultiHotLinear))


def _start_all(model: nn.Module) -> set[nn.Module]:
    """Modules whose weights are not drawn: a part of the model has read them, all at once."""
    # asked of the class, as a node of a graph may have that name
    starts = [(part, getattr(type(part), "start_all", None)) for part in model.modules()]
    parts = [part for part, start in starts if callable(start) and start(part)]
    return {module for part in parts for module in part.modules()}


def _start(module: Embedding, fill: Fill, target: Tensor, source: torch.Generator) -> None:
    """Random numbers, and over them what the vectors start from."""
    fill(target, source)
    module.start(target)


@torch.no_grad()
def _draw(parameter: Tensor, fill: Fill, source: torch.Generator, transposed: bool) -> None:
    turned = transposed and parameter.ndim == 2
    target = parameter.t() if turned else parameter
    fresh = torch.empty(target.shape, dtype=parameter.dtype, device=source.device)
    fill(fresh, source)
    target.copy_(fresh)


def _constant(value: float) -> Fill:
    return lambda target, _: target.fill_(value)


def _uniform(bound: float) -> Fill:
    return lambda target, source: target.uniform_(-bound, bound, generator=source)


def _keras(module: nn.Module, name: str, scheme: str) -> Fill:
    if isinstance(module, nn.Embedding):
        return _uniform(0.05)
    if isinstance(module, nn.LSTM) and name.startswith("bias_ih"):
        return partial(_forget_bias, units=module.hidden_size)
    if name.startswith("weight_hh"):
        return KERNELS["orthogonal"]
    parameter: Tensor = getattr(module, name)
    if parameter.ndim > 1:
        return KERNELS[scheme]
    return _constant(0.0 if "bias" in name else 1.0)  # 1: the scale of a normalisation


def _forget_bias(target: Tensor, _: torch.Generator, units: int) -> None:
    """Ones for the forget gate, so that the state is kept at first (torch's order: i, f, g, o).

    torch adds two biases to each gate; only the first gets the ones.
    """
    target.zero_()
    target[units : 2 * units] = 1.0


def _torch(module: nn.Module, name: str) -> Fill:
    if isinstance(module, nn.Embedding):
        return lambda target, source: target.normal_(generator=source)
    if isinstance(module, nn.RNNBase):
        return _uniform(1 / math.sqrt(module.hidden_size))
    weight: Tensor | None = getattr(module, "weight", None)
    if weight is not None and weight.ndim > 1:
        turned = isinstance(module, MultiHotLinear)
        return _uniform(1 / math.sqrt(weight.shape[0] if turned else weight[0].numel()))
    return _constant(0.0 if "bias" in name else 1.0)
