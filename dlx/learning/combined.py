"""The network of an ensemble: those of its members, and what each of them counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..data.targets import TargetCodec
from ..losses import average
from ..models.inputs import Batch as Inputs


class Answering(Protocol):
    """What an ensemble asks of a member."""

    @property
    def networks(self) -> nn.Module:
        """All that is kept of it."""
        ...

    def answer(self, inputs: Any) -> dict[str, Tensor]:
        """The logits of some rows by target."""
        ...


Each = dict[str, Tensor]
"""The answers of every member by target, (members, rows, outputs)."""


class Combined(nn.Module):
    """Gives the logits whose predictions are the weighted means of those of its members.

    Of numbers the mean is taken in the target's own unit.

    Args:
        members: what answers, by name: as they were trained, or fitted beside.
        inputs: of each member, the names of its inputs -> those that a batch has.
        targets: what their values stand for, by name.
        device: where the weights lie.

    Attributes:
        weights: what each member counts, (members,); they sum to 1.
        inputs: as given.
    """

    weights: Tensor

    def __init__(
        self,
        members: Mapping[str, Answering],
        inputs: Mapping[str, Mapping[str, str]],
        targets: Mapping[str, TargetCodec],
        device: torch.device,
    ) -> None:
        super().__init__()
        self._answers = {name: one.answer for name, one in members.items()}
        self.inputs, self._targets, many = dict(inputs), targets, len(members)
        for name, one in members.items():
            self.add_module(f"member_{name}", one.networks)
        self.register_buffer("weights", torch.full((many,), 1 / many, device=device))
        for place, codec in enumerate(targets.values()):
            zeros = torch.zeros(many, codec.outputs, device=device)
            self.register_buffer(f"mean_{place}", zeros)
            self.register_buffer(f"std_{place}", zeros + 1)

    def set_scales(self, member: str, codecs: Mapping[str, TargetCodec]) -> None:
        """Takes the scales by which a member has learnt its targets."""
        row = list(self._answers).index(member)
        for place, name in enumerate(self._targets):
            codec = codecs.get(name)
            if codec is not None and codec.mean:
                self.get_buffer(f"mean_{place}")[row] = torch.tensor(codec.mean)
                self.get_buffer(f"std_{place}")[row] = torch.tensor(codec.std)

    def each(self, inputs: Inputs) -> Each:
        """The answers of every member: logits, of numbers in the target's unit."""
        found = []
        for member, names in self.inputs.items():
            own: Any = {name: inputs[joint] for name, joint in names.items()}
            found.append(self._answers[member](own))
        each = {}
        for place, name in enumerate(self._targets):
            stacked = torch.stack([one[name].float() for one in found])
            mean, std = (self.get_buffer(f"{what}_{place}") for what in ("mean", "std"))
            each[name] = stacked * std[:, None] + mean[:, None]
        return each

    def combine(self, each: Mapping[str, Tensor], weights: Tensor | None = None) -> Each:
        """The answers of all as one, (rows, outputs) by target."""
        weights = self.weights if weights is None else weights
        return {
            name: average(self._targets[name].problem, answers, weights)
            for name, answers in each.items()
        }

    def forward(self, inputs: Inputs) -> dict[str, Tensor]:
        """The answers of all as one, (rows, outputs) by target."""
        return self.combine(self.each(inputs))


def rank(names: Sequence[str], weights: Tensor) -> str:
    """What each member counts, the first ones first, in words."""
    pairs = sorted(zip(weights.tolist(), names, strict=True), reverse=True)
    return ", ".join(f"{name} {weight:.3f}" for weight, name in pairs)
