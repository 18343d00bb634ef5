"""What L1 and L2 of a model's options add to an objective."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..config.fields import Chosen
from ..errors import Problem, UsageError


class Penalty:
    """The penalties of one model, or of several that are moved together.

    Args:
        models: the key of the config that names a model -> what it names, and the network.

    Raises:
        UsageError: a model is a plugin's that does not say which weights to penalise.
    """

    def __init__(self, models: Mapping[str, tuple[Chosen, nn.Module]]) -> None:
        self._laid: list[tuple[float, float, list[Tensor]]] = []
        for key, (chosen, model) in models.items():
            l1, l2 = chosen.options.l1, chosen.options.l2
            if l1 or l2:
                self._laid.append((l1, l2, _penal_kernels(chosen, model, key)))

    def __call__(self) -> Tensor | None:
        """What is added; None where neither is asked for."""
        terms: list[Tensor] = []
        for l1, l2, kernels in self._laid:
            if l1:
                terms.extend(l1 * kernel.abs().sum() for kernel in kernels)
            if l2:
                terms.extend(l2 * kernel.square().sum() for kernel in kernels)
        return torch.stack(terms).sum() if terms else None


def _penal_kernels(chosen: Chosen, model: nn.Module, key: str) -> list[Tensor]:
    """The weights that the penalties of a model act on."""
    if hasattr(model, "hidden_kernels"):
        return model.hidden_kernels()  # type: ignore[operator,no-any-return]
    name = "l1" if chosen.options.l1 else "l2"
    value = getattr(chosen.options, name)
    what = f"{name} is {value:g}, but model {chosen.name} has no `hidden_kernels()`"
    accepted = "0, or a model with a method that lists the weights to penalise"
    raise UsageError(Problem(what, f"{key}.{name}", accepted, f"{key}.{name}=0"))
