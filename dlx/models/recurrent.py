"""Recurrent layers over (B, T, F): B rows, T time steps, F features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar, cast

import torch
from torch import Tensor, nn

from .inputs import Padded

Given = TypeVar("Given", Tensor, Padded)


class _ReverseRows(torch.autograd.Function):
    """Reverses each row within its length; as this undoes itself, so does its gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, lengths: Tensor) -> Tensor:
        ctx.save_for_backward(lengths)
        rows, time = values.shape[:2]
        steps = torch.arange(time, device=values.device)
        source = lengths.unsqueeze(1) - 1 - steps
        source = torch.where(source < 0, steps, source)  # what fills stays where it is
        source += torch.arange(rows, device=values.device).unsqueeze(1) * time
        return values.flatten(0, 1).index_select(0, source.flatten()).view(values.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        reversed_: Tensor = _ReverseRows.apply(gradients[0], *ctx.saved_tensors)
        return reversed_, None


def reverse_rows(given: Given) -> Given:
    """The rows from their last step to their first; what fills them stays at the end."""
    if isinstance(given, Tensor):
        return given.flip(1)
    return Padded(_ReverseRows.apply(*given), given.lengths)


def last_steps(given: Padded) -> Tensor:
    """The last step that counts of each row, (B, F)."""
    rows = torch.arange(len(given.lengths), device=given.lengths.device)
    return given.values[rows, given.lengths - 1]


class _Recurrent(nn.Module):
    """Over (B, T, F): the last output of each direction, or with `every_step` all outputs.

    Rows of different length pass through as if they were of one: a later step changes nothing
    before it, so the last output lies at each row's length. Only what reads backwards reads the
    rows reversed within their lengths. (Packed sequences took ten times as long on a CPU.)

    Attributes:
        scan: torch's function that runs the layer, with its weights as an argument.
    """

    reads_time = True
    every_step = False
    scan: ClassVar[Callable[..., tuple[Tensor, ...]]]
    hidden_size: int
    bidirectional: bool
    _flat_weights: list[Tensor]

    def forward(self, input: Tensor | Padded) -> Tensor | Padded:  # noqa: A002 - torch's name
        """Gives (B, units), or (B, T, units); twice the units when bidirectional."""
        if isinstance(input, Padded):
            return self._run_ragged(input)
        outputs, state = super().forward(input)
        if self.every_step:
            return cast("Tensor", outputs)
        last: Tensor = state[0] if isinstance(state, tuple) else state  # (directions, B, units)
        return last.transpose(0, 1).flatten(1)

    def _run_ragged(self, rows: Padded) -> Tensor | Padded:
        outputs = [Padded(self._run(rows.values, 0), rows.lengths)]
        if self.bidirectional:
            back = self._run(reverse_rows(rows).values, 1)
            outputs.append(Padded(back, rows.lengths))
        if not self.every_step:
            return torch.cat([last_steps(one) for one in outputs], dim=1)
        if self.bidirectional:
            outputs[1] = reverse_rows(outputs[1])
        return Padded(torch.cat([one.values for one in outputs], dim=2), rows.lengths)

    def _run(self, values: Tensor, direction: int) -> Tensor:
        """The output of every step of one direction, by the fused kernel."""
        shape = 1, values.shape[0], self.hidden_size
        zeros = torch.zeros(shape, dtype=values.dtype, device=values.device)
        state = (zeros, zeros) if type(self).scan is torch.lstm else zeros
        weights = self._flat_weights[direction * 4 : direction * 4 + 4]
        options = True, 1, 0.0, self.training, False, True  # biases, layers, dropout, ...
        return type(self).scan(values, state, weights, *options)[0]


class RNN(_Recurrent, nn.RNN):  # type: ignore[misc]
    """Simple recurrent layer."""

    scan = torch.rnn_tanh


class LSTM(_Recurrent, nn.LSTM):  # type: ignore[misc]
    """Long short-term memory."""

    scan = torch.lstm


class GRU(_Recurrent, nn.GRU):  # type: ignore[misc]
    """Gated recurrent unit."""

    scan = torch.gru
