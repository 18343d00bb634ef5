"""The layers of a network as they act, and what they give for some rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ..config.names import did_you_mean, join_names
from ..data.columns import Input
from ..errors import Problem, UsageError
from ..models.summary import dry_pass
from ..sources.batches import Inputs
from .opened import UnfitError

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
_FOLLOW = (
    *(nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid),
    *(nn.Softplus, nn.Hardswish, nn.ReLU6, nn.Hardsigmoid, nn.modules.dropout._DropoutNd),
)
_NORMS = (nn.modules.batchnorm._BatchNorm,)
"""What belongs to the layer before it."""
_MOST_NAMED = 60


@dataclass(frozen=True)
class Layer:
    """A layer, with the normalisation and activation that follow it.

    Attributes:
        name: as `dlx summary` has it; of one that acts again, with `#2`.
        names: its own, and those of what follows it.
        kind: its class, and theirs, as "Conv2d, ReLU".
        module: the last of these; its output is the layer's.
        call: how many times that acts before.
        bare: the last before an activation: it has a slope where a ReLU would have none.
        bare_call: how many times that acts before.
        shape: of what it gives for a row.
        convolution: whether it is one.
        cuts: whether a ReLU cuts off what is below zero, so that a channel can be blank.
        work: multiplications with weights that a row takes up to it, about.
    """

    name: str
    names: tuple[str, ...]
    kind: str
    module: nn.Module
    call: int
    bare: nn.Module
    bare_call: int
    shape: tuple[int, ...]
    convolution: bool
    cuts: bool
    work: int

    def before_activation(self) -> Layer:
        """The same without the activation that follows it."""
        return replace(self, module=self.bare, call=self.bare_call)


@dataclass
class _Acted:
    """A module, as it acted."""

    name: str
    module: nn.Module
    given: Any
    output: Any
    call: int


def find_layers(network: nn.Module, inputs: Mapping[str, Input]) -> list[Layer]:
    """The layers in the order in which they act, by a dry pass of two samples of zeros."""
    acted: list[_Acted] = []
    calls: dict[int, int] = {}

    def note(name: str, module: nn.Module, given: Any, output: Any) -> None:
        calls[id(module)] = calls.get(id(module), -1) + 1
        first = given[0] if given else None
        acted.append(_Acted(name, module, first, output, calls[id(module)]))

    leaves = {n: m for n, m in network.named_modules() if not any(True for _ in m.children())}
    hooks = [
        module.register_forward_hook(
            lambda module, given, output, name=name: note(name, module, given, output)
        )
        for name, module in leaves.items()
    ]
    try:
        dry_pass(network, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return _group(acted)


def _group(acted: Sequence[_Acted]) -> list[Layer]:
    """Layers of modules: what follows one in place of its output belongs to it."""
    found: list[Layer] = []
    before: _Acted | None = None
    work = 0
    for one in acted:
        if not isinstance(one.output, Tensor):
            before = None
            continue
        name = f"{one.name}#{one.call + 1}" if one.call else one.name
        cuts = isinstance(one.module, (nn.ReLU, nn.ReLU6))
        follows = before is not None and one.given is before.output
        if follows and isinstance(one.module, (*_FOLLOW, *_NORMS)):
            last = found[-1]
            if isinstance(one.module, _NORMS) and last.bare is last.module:
                last = replace(last, bare=one.module, bare_call=one.call)
            kind = f"{last.kind}, {type(one.module).__name__}"
            last = replace(last, names=(*last.names, name), kind=kind, cuts=last.cuts or cuts)
            found[-1] = replace(last, module=one.module, call=one.call)
        else:
            shape = tuple(one.output.shape[1:])
            kind, made = type(one.module).__name__, isinstance(one.module, CONVOLUTIONS)
            place = one.module, one.call
            work += _count_products(one.module, shape)
            found.append(Layer(name, (name,), kind, *place, *place, shape, made, cuts, work))
        before = one
    return found


def _count_products(module: nn.Module, shape: tuple[int, ...]) -> int:
    """Multiplications with its weights for a row, each weight at each place of what it gives."""
    weights = sum(one.numel() for one in module.parameters(recurse=False) if one.ndim > 1)
    return weights * math.prod(shape[1:])


def choose_layer(layers: Sequence[Layer], name: str) -> Layer:
    """The layer of a name: its own, or that of what follows it.

    Raises:
        UsageError: there is none; with the nearest name.
    """
    for layer in layers:
        if name in layer.names:
            return layer
    every = [one for layer in layers for one in layer.names]
    more = f" and {len(every) - _MOST_NAMED} more" if len(every) > _MOST_NAMED else ""
    what = f"the network has no layer `{name}`"
    hint = did_you_mean(name, every, "--layer {}")
    raise UsageError(Problem(what, "--layer", join_names(every[:_MOST_NAMED]) + more, hint))


def of_pictures(layers: Sequence[Layer]) -> list[Layer]:
    """Those that give pictures: channels of height and width, more than one place each."""
    return [one for one in layers if len(one.shape) == 3 and one.shape[1] * one.shape[2] > 1]


def last_convolution(layers: Sequence[Layer]) -> Layer:
    """The last convolution over pictures.

    Raises:
        UnfitError: there is none; with what the network has.
    """
    found = [one for one in of_pictures(layers) if one.convolution]
    if not found:
        told = join_names(f"{one.name} ({one.kind})" for one in layers[:8])
        raise UnfitError(f"the network has no convolution over pictures, only {told}")
    return found[-1]


class _ReachedError(Exception):
    """The layer was reached: what comes after it need not be computed."""


def outputs_of(
    network: nn.Module, inputs: Inputs, layers: Sequence[Layer], whole: bool = True
) -> tuple[list[Tensor], Any]:
    """What some layers give for some rows, and what the network does.

    Args:
        network: in the mode in which it is to act.
        inputs: by name.
        layers: in the order in which they act.
        whole: whether the network is run to its end; else it gives None.
    """
    given: dict[int, Tensor] = {}
    calls: dict[int, int] = {}

    def note(module: nn.Module, _: Any, output: Any) -> None:
        call = calls.get(id(module), -1) + 1
        calls[id(module)] = call
        for place, layer in enumerate(layers):
            if layer.module is module and layer.call == call:
                given[place] = output
        if len(given) == len(layers) and not whole:
            raise _ReachedError

    modules = {id(layer.module): layer.module for layer in layers}
    hooks = [module.register_forward_hook(note) for module in modules.values()]
    answer = None
    try:
        answer = network(inputs)
    except _ReachedError:
        pass
    finally:
        for hook in hooks:
            hook.remove()
    return [given[place] for place in range(len(layers))], answer


def copy_numbers(inputs: Inputs) -> Inputs:
    """The same rows, their numbers fit to be derived by."""
    return {
        name: one.detach().clone().requires_grad_()
        if isinstance(one, torch.Tensor) and one.is_floating_point()
        else one
        for name, one in inputs.items()
    }
