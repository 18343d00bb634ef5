"""Layers that the exporter cannot follow at any length, in a form in which it can.

ONNX has recurrent layers of its own, which take how long each row is.
"""

from __future__ import annotations

from keyword import iskeyword
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from ..models.inputs import Padded
from ..models.recurrent import GRU, LSTM, RNN, Reverse, Rows

_ORDER = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}
"""The gates in ONNX's order, by their places in torch's."""


class Recurrent(nn.Module):
    """A recurrent layer as ONNX has it.

    Args:
        layer: what it stands for, in evaluation.
    """

    reads_time = True

    def __init__(self, layer: RNN | LSTM | GRU) -> None:
        super().__init__()
        self._layer = [layer]  # in a list: no part of this module
        self.kind = next(k.__name__ for k in (RNN, LSTM, GRU) if isinstance(layer, k))
        self.units, self.directions = layer.hidden_size, 1 + layer.bidirectional
        each = [layer._flat_weights[4 * d : 4 * d + 4] for d in range(self.directions)]
        self.register_buffer("input", torch.stack([self._sort(one[0]) for one in each]))
        self.register_buffer("state", torch.stack([self._sort(one[1]) for one in each]))
        biases = [torch.cat([self._sort(one[2]), self._sort(one[3])]) for one in each]
        self.register_buffer("bias", torch.stack(biases))

    def _sort(self, weight: Tensor) -> Tensor:
        gates = weight.detach().chunk(len(_ORDER[self.kind]), 0)
        return torch.cat([gates[place] for place in _ORDER[self.kind]], 0)

    def forward(self, given: Rows) -> Rows:
        """Gives what the layer does."""
        values = given if isinstance(given, Tensor) else given.values
        every, last = self._run(values, None if isinstance(given, Tensor) else given.lengths)
        (layer,) = self._layer
        if not layer.every_step:
            return layer._join(last.transpose(0, 1).flatten(1))
        joined = layer._join(every.permute(2, 0, 1, 3).flatten(2))
        return joined if isinstance(given, Tensor) else Padded(joined, given.lengths)

    def _run(self, values: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """All outputs, (T, directions, B, units), and the last of each, (directions, B, units)."""
        rows, time = values.shape[:2]
        held = [self.get_buffer(name) for name in ("input", "state", "bias")]
        after = None if lengths is None else lengths.to(torch.int32)
        more: list[Tensor | None] = [values.transpose(0, 1), *held, after]
        last = (self.directions, rows, self.units)
        shapes = [(time, *last), last, last][: 3 if self.kind == "LSTM" else 2]
        found = torch.onnx.ops.symbolic_multi_out(
            self.kind,
            more,
            self._attributes(),
            dtypes=[torch.float32] * len(shapes),
            shapes=shapes,
        )
        return found[0], found[1]

    def _attributes(self) -> dict[str, Any]:
        (layer,) = self._layer
        candidate = layer.activation.capitalize()
        acts = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", candidate]}
        direction = "bidirectional" if self.directions == 2 else "forward"
        found = {
            "hidden_size": self.units,
            "direction": direction,
            "activations": acts.get(self.kind, [candidate]) * self.directions,
        }
        return {**found, "linear_before_reset": 1} if self.kind == "GRU" else found


class Reversed(nn.Module):
    """Each row from its last step to its first, as `Reverse`."""

    reads_time = True

    def forward(self, given: Rows) -> Rows:
        """Gives what it is given, the other way round."""
        if isinstance(given, Tensor):
            return given.flip(1)
        values, axes = given.values, dict[str, Any](batch_axis=0, time_axis=1)
        found = torch.onnx.ops.symbolic(
            "ReverseSequence",
            [values, given.lengths],
            axes,
            dtype=values.dtype,
            shape=values.shape,
        )
        return Padded(found, given.lengths)


class MaxPool1d(nn.MaxPool1d):
    """Largest values over time by the pooling of pictures: that of rows is traced at one length."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Gives (B, F, T')."""
        given = (self.kernel_size, self.stride, self.padding)
        size, stride, around = ([_one(n), rest] for n, rest in zip(given, (1, 1, 0), strict=True))
        pooled: Tensor = F.max_pool2d(
            input.unsqueeze(3), size, stride, around, ceil_mode=self.ceil_mode
        )
        return pooled.squeeze(3)


def _one(number: int | tuple[int, ...]) -> int:
    return number if isinstance(number, int) else number[0]


def _stand_in(layer: nn.Module) -> nn.Module | None:
    """What stands for a layer in a graph; None where it can stay."""
    if isinstance(layer, RNN | LSTM | GRU):
        return Recurrent(layer)
    if isinstance(layer, Reverse):
        return Reversed()
    if isinstance(layer, nn.MaxPool1d):
        given = (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
        return MaxPool1d(*given, ceil_mode=layer.ceil_mode)
    return None


def replace_layers(network: nn.Module) -> None:
    """Puts ONNX's own layers in the place of those that they stand for.

    Of a module that is named as a word of Python's, as the target `class`, the exporter would
    write code that is none: such names get an underscore.
    """
    if isinstance(network, nn.ModuleDict) and any(map(iskeyword, network)):
        parts = dict(network.items())
        network.clear()
        for name, part in parts.items():
            known = name
            while iskeyword(known) or (known != name and known in parts):
                known += "_"
            network[known] = part
    for name, child in [*network.named_children()]:
        found = _stand_in(child)
        if found is None:
            replace_layers(child)
        else:
            setattr(network, name, found)
