"""Small parameters as views of one tensor.

An optimizer moves one tensor in a fraction of the time that it takes for many small ones: the
calls cost more than the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import _engine_run_backward
from torch.nn import Parameter

LIMIT = 1_000_000
"""From so many numbers on, copying the gradients costs more than the calls."""

Entries = dict[str, Any]
"""What an optimizer keeps of one parameter."""


def gradients_of(objective: Tensor, parameters: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    """The gradient of each parameter; None where the objective does not depend on it.

    `torch.autograd.grad` without its checks of the arguments, which take a tenth of a small step.
    """
    ones = torch.ones_like(objective)
    return _engine_run_backward(
        (objective,), (ones,), False, False, tuple(parameters), True, accumulate_grad=False
    )


def can_be_flat(parameters: Sequence[Tensor]) -> bool:
    """Whether parameters may become views of one tensor.

    They must be several, of one kind, and each in memory of its own: some recurrent layers have
    put theirs together already, on GPUs.
    """
    return (
        len(parameters) > 1
        and sum(p.numel() for p in parameters) < LIMIT
        and len({(p.dtype, p.device) for p in parameters}) == 1
        and all(p.is_floating_point() and p.is_contiguous() and p.dim() for p in parameters)
        and all(p.untyped_storage().nbytes() == p.numel() * p.element_size() for p in parameters)
    )


class Flat:
    """Parameters that lie end to end in one, as do their gradients; both keep their shapes.

    Args:
        parameters: become views.

    Attributes:
        parameters: the same; the `grad` of each is its view, for whoever looks at it.
        whole: all of them, with all gradients in `whole.grad`.
        gradients: of each parameter, views of `whole.grad`.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = tuple(parameters)
        self._sizes = [p.numel() for p in parameters]
        self._shapes = [p.shape for p in parameters]
        self.whole = Parameter(torch.cat([p.detach().reshape(-1) for p in parameters]))
        self.whole.grad = torch.zeros_like(self.whole)
        self.gradients = self.cut(self.whole.grad)
        pieces = zip(parameters, self.cut(self.whole.detach()), self.gradients, strict=True)
        for parameter, values, gradient in pieces:
            parameter.data, parameter.grad = values, gradient

    def release(self) -> None:
        """Gives each parameter memory of its own again."""
        for parameter in self.parameters:
            parameter.data = parameter.data.clone()

    def cut(self, values: Tensor) -> list[Tensor]:
        """The share of each parameter in one number for each of all weights."""
        pieces: Sequence[Tensor] = values.split(self._sizes)  # type: ignore[no-untyped-call]
        return [piece.view(shape) for piece, shape in zip(pieces, self._shapes, strict=True)]

    def split(self, entries: Entries) -> list[Entries]:
        """What is kept of the whole as what is kept of each parameter."""
        found: list[Entries] = [{} for _ in self._sizes]
        for name, value in entries.items():
            if isinstance(value, Tensor) and value.shape == self.whole.shape:
                pieces = self.cut(value)
            else:  # a count of steps; each has one of its own
                pieces = [value.clone() if isinstance(value, Tensor) else value for _ in found]
            for one, piece in zip(found, pieces, strict=True):
                one[name] = piece
        return found

    def join(self, each: Sequence[Mapping[str, Any]]) -> Entries:
        """What is kept of each parameter as what is kept of the whole; undoes `split`."""
        found: Entries = {}
        for name, first in each[0].items():
            if isinstance(first, Tensor) and first.dim():
                found[name] = torch.cat([entries[name].reshape(-1) for entries in each])
            else:
                found[name] = first
        return found


class Flats:
    """One or several of them, as one optimizer moves them: a rate of its own each.

    Attributes:
        each: them.
        wholes: their tensors.
        parameters: of all.
        gradients: of all.
    """

    def __init__(self, each: Sequence[Flat]) -> None:
        self.each = tuple(each)
        self.wholes = [one.whole for one in each]
        self.parameters = tuple(p for one in each for p in one.parameters)
        self.gradients = [g for one in each for g in one.gradients]

    def holds_the_free_of(self, parameters: Sequence[Tensor]) -> bool:
        """Whether it holds those, and only those, of the parameters that are not frozen."""
        free = sum(p.requires_grad for p in parameters)
        return free == len(self.parameters) and all(p.requires_grad for p in self.parameters)

    def clip_norm(self, most: float) -> None:
        """Shortens the gradient as `clip_grad_norm_` of torch does, in a fifth of its time."""
        whole = [one.grad for one in self.wholes if one.grad is not None]
        norms = [torch.linalg.vector_norm(one) for one in whole]
        norm = norms[0] if len(norms) == 1 else torch.linalg.vector_norm(torch.stack(norms))
        factor = torch.clamp(most / (norm + 1e-6), max=1.0)
        for one in whole:
            one.mul_(factor)
