"""Parts of a network that are frozen compute as in validation, whoever sets it to training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from glob import escape
from types import MethodType

from torch import nn

from ..config.specs.optimizers import Group


def hold_frozen(network: nn.Module) -> None:
    """Keeps the frozen parts of a network in evaluation mode: `train()` passes them by.

    A part is frozen where it has weights and none of them requires a gradient: its running
    statistics stay, and it drops nothing. What was held and is frozen no more is let go.
    """
    for module in network.modules():
        module.__dict__.pop("train", None)
    for module in _frozen(network):
        module.training = False
        module.train = MethodType(_stay, module)  # type: ignore[method-assign]


def frozen_groups(model: nn.Module) -> Mapping[str, Group]:
    """The weights that stay as they are, as groups of an optimizer: what it has of its own wins.

    They are those of modules with `starts_frozen = True`. The patterns are written as nobody
    writes them, so that none takes the place of one of the optimizer's own.
    """
    return {
        f"{escape(name)}[.]*" if name else "**": Group(from_epoch="never")
        for name, part in model.named_modules()
        if getattr(part, "starts_frozen", False)
    }


def _frozen(network: nn.Module) -> Iterator[nn.Module]:
    for part in network.modules():
        weights = list(part.parameters())
        if weights and not any(weight.requires_grad for weight in weights):
            yield from (module for module in part.modules() if not _is_same_in_both(module))


def _is_same_in_both(module: nn.Module) -> bool:
    """A recurrent layer without dropout; cuDNN passes gradients through it in training only."""
    return isinstance(module, nn.RNNBase) and not module.dropout


def _stay(self: nn.Module, mode: bool = True) -> nn.Module:
    for child in self.children():
        child.train(mode)
    return self
