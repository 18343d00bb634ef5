"""Recurrent layers over (B, T, F): B rows, T time steps, F features."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Literal, cast

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from . import loops
from .inputs import Padded

Rows = Tensor | Padded
"""Steps of rows, (B, T, F); all of them count, or as many as each row is long."""


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


def reverse_rows(given: Rows) -> Rows:
    """The rows from their last step to their first; what fills them stays at the end."""
    if isinstance(given, Tensor):
        return given.flip(1)
    return Padded(_ReverseRows.apply(*given), given.lengths)


def last_steps(given: Rows) -> Tensor:
    """The last step that counts of each row, (B, F)."""
    if isinstance(given, Tensor):
        return given[:, -1]
    rows = torch.arange(given.lengths.shape[0], device=given.lengths.device)
    return given.values[rows, given.lengths - 1]


class Reverse(nn.Module):
    """Each row from its last step to its first."""

    reads_time = True

    def forward(self, x: Rows) -> Rows:
        """Gives what it is given, the other way round."""
        return reverse_rows(x)


class _Recurrent(nn.Module):
    """Over (B, T, F): the last output of each direction, or with `every_step` all outputs.

    Rows of different length pass through as if they were of one: a later step changes nothing
    before it, so the last output lies at each row's length. Only what reads backwards reads the
    rows reversed within their lengths. (Packed sequences took ten times as long on a CPU.)

    Dropout is that of Gal and Ghahramani (arXiv:1512.05287): one mask a row for the inputs of
    every step, one for the states, each the same for all gates; the rest is scaled up. As in
    Keras, the mask of the state acts where its kernel does, not on what a gate carries over.

    Attributes:
        scan: torch's function that runs the layer, with its weights as an argument.
        by_step: what runs it step by step, by its activation.
        merge: how two directions become one: side by side, or added.
        activation: of the candidates; the fused layer has tanh.
        input_dropout: share of a row's inputs set to zero in training, at all steps.
        state_dropout: share of its state that the layer does not see in training, at all steps.
    """

    reads_time = True
    every_step = False
    merge: Literal["concat", "sum"] = "concat"
    activation = "tanh"
    input_dropout = 0.0
    state_dropout = 0.0
    scan: ClassVar[Callable[..., tuple[Tensor, ...]]]
    by_step: ClassVar[dict[str, loops.Loop]]
    hidden_size: int
    bidirectional: bool
    _flat_weights: list[Tensor]

    def forward(self, input: Rows) -> Rows:  # noqa: A002 - torch's name
        """Gives (B, units), or (B, T, units); twice the units with two directions side by side."""
        drops = self.training and (self.input_dropout or self.state_dropout)
        if isinstance(input, Padded) or drops or self.activation != "tanh":
            return self._run_directions(input)
        outputs, state = super().forward(input)
        if self.every_step:
            return self._join(cast("Tensor", outputs))
        last: Tensor = state[0] if isinstance(state, tuple) else state  # (directions, B, units)
        return self._join(last.transpose(0, 1).flatten(1))

    def _run_directions(self, rows: Rows) -> Rows:
        outputs = [_map(partial(self._run, direction=0), rows)]
        if self.bidirectional:
            outputs.append(_map(partial(self._run, direction=1), reverse_rows(rows)))
        if not self.every_step:
            return self._join(torch.cat([last_steps(one) for one in outputs], dim=1))
        if self.bidirectional:
            outputs[1] = reverse_rows(outputs[1])
        both = torch.cat([one if isinstance(one, Tensor) else one.values for one in outputs], dim=2)
        return _map(lambda _: self._join(both), outputs[0])

    def _join(self, outputs: Tensor) -> Tensor:
        """Of both directions side by side, what the layer gives."""
        if self.bidirectional and self.merge == "sum":
            return torch.add(*outputs.chunk(2, -1))
        return outputs

    def _run(self, values: Tensor, direction: int) -> Tensor:
        """The output of every step of one direction; step by step only where that is needed."""
        weights = self._flat_weights[direction * 4 : direction * 4 + 4]
        if self.training and self.input_dropout:
            values = values * _mask(values, values.shape[2], self.input_dropout).unsqueeze(1)
        if self.training and self.state_dropout:
            mask = _mask(values, self.hidden_size, self.state_dropout)
        elif self.activation == "tanh":
            return self._run_fused(values, weights)
        else:
            mask = None
        loop = self.by_step[self.activation]
        return loops.run_in_full_precision(loop, values, loops.Weights(*weights), mask)

    def _run_fused(self, values: Tensor, weights: list[Tensor]) -> Tensor:
        shape = 1, values.shape[0], self.hidden_size
        zeros = torch.zeros(shape, dtype=values.dtype, device=values.device)
        state = (zeros, zeros) if type(self).scan is torch.lstm else zeros
        options = True, 1, 0.0, self.training, False, True  # biases, layers, dropout, ...
        return type(self).scan(values, state, weights, *options)[0]


def _map(run: Callable[[Tensor], Tensor], given: Rows) -> Rows:
    """What a function makes of rows that keep their lengths."""
    return run(given) if isinstance(given, Tensor) else Padded(run(given.values), given.lengths)


def _mask(values: Tensor, size: int, rate: float) -> Tensor:
    """Zeros at a share of (B, size), else what scales up the rest."""
    return F.dropout(values.new_ones(values.shape[0], size), rate)


class RNN(_Recurrent, nn.RNN):  # type: ignore[misc]
    """Simple recurrent layer."""

    scan = torch.rnn_tanh
    by_step: ClassVar = {"tanh": loops.run_rnn_tanh, "relu": loops.run_rnn_relu}


class LSTM(_Recurrent, nn.LSTM):  # type: ignore[misc]
    """Long short-term memory."""

    scan = torch.lstm
    by_step: ClassVar = {"tanh": loops.run_lstm}


class GRU(_Recurrent, nn.GRU):  # type: ignore[misc]
    """Gated recurrent unit."""

    scan = torch.gru
    by_step: ClassVar = {"tanh": loops.run_gru_tanh, "relu": loops.run_gru_relu}
