"""Recurrence step by step: what torch's fused layers cannot do, a mask on the state among it.

Each function takes rows (B, T, F) and the weights of a fused layer, and gives every output,
(B, T, units). What they have in common makes them as fast as the fused layers: the inputs of all
steps are multiplied at once, time lies first, and no step slices what holds all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor
from torch.autograd.function import once_differentiable


class Weights(NamedTuple):
    """Of one direction of a recurrent layer, as torch names and shapes them.

    Attributes:
        ih: kernel of the input, (gates * units, F).
        hh: kernel of the state, (gates * units, units).
        bias_ih: added to the product of the input.
        bias_hh: added to the product of the state.
    """

    ih: Tensor
    hh: Tensor
    bias_ih: Tensor
    bias_hh: Tensor


Loop = Callable[[Tensor, Weights, Tensor | None], Tensor]
"""Rows, weights, and what the state is multiplied by before its kernel, (B, units); None: by 1."""


def run_in_full_precision(
    loop: Loop, rows: Tensor, weights: Weights, mask: Tensor | None
) -> Tensor:
    """A loop in the precision of the weights, whatever the layers around it compute in."""
    with torch.autocast(rows.device.type, enabled=False):
        return loop(rows.to(weights.hh.dtype), weights, mask)


def _project(rows: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """What the inputs add to the gates, (T, B, gates * units)."""
    return F.linear(rows.transpose(0, 1), kernel, bias)


def _start(rows: Tensor, weights: Weights) -> Tensor:
    return rows.new_zeros(rows.shape[0], weights.hh.shape[1])


def _masked(state: Tensor, mask: Tensor | None) -> Tensor:
    return state if mask is None else state * mask


def _run_rnn(
    activation: Callable[[Tensor], Tensor], rows: Tensor, weights: Weights, mask: Tensor | None
) -> Tensor:
    """Of `nn.RNN`: h' = activation(W x + b + U (mask h) + c)."""
    projected = _project(rows, weights.ih, weights.bias_ih + weights.bias_hh)
    state, kernel, outputs = _start(rows, weights), weights.hh.t(), []
    for given in projected.unbind(0):
        state = activation(torch.addmm(given, _masked(state, mask), kernel))
        outputs.append(state)
    return torch.stack(outputs, 1)


def _run_gru(
    activation: Callable[[Tensor], Tensor], rows: Tensor, weights: Weights, mask: Tensor | None
) -> Tensor:
    """Of `nn.GRU`, whose reset gate acts on the product of the state."""
    units = weights.hh.shape[1]
    sizes = [2 * units, units]
    projected = _project(rows, weights.ih, weights.bias_ih)
    gates, candidates = torch.split_with_sizes(projected, sizes, 2)
    state, kernel, outputs = _start(rows, weights), weights.hh.t(), []
    for gate, candidate in zip(gates.unbind(0), candidates.unbind(0), strict=True):
        product = torch.addmm(weights.bias_hh, _masked(state, mask), kernel)
        to_gate, to_candidate = torch.split_with_sizes(product, sizes, 1)
        reset, keep = torch.sigmoid(gate + to_gate).chunk(2, 1)
        new = activation(torch.addcmul(candidate, reset, to_candidate))
        state = torch.lerp(new, state, keep)
        outputs.append(state)
    return torch.stack(outputs, 1)


def run_lstm(rows: Tensor, weights: Weights, mask: Tensor | None) -> Tensor:
    """Of `nn.LSTM`."""
    gates = _project(rows, weights.ih, weights.bias_ih + weights.bias_hh)
    ones = torch.ones_like(_start(rows, weights)) if mask is None else mask
    outputs: Tensor = _LSTM.apply(gates, weights.hh, ones)[0]
    return outputs.transpose(0, 1)


def run_lstm_gates(gates: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Of `nn.LSTM`, given what the inputs add to the gates.

    Args:
        gates: (T, B, 4 * units), nobody else's: they are written over.
        kernel: of the state, (4 * units, units).

    Returns:
        Every output, (T, B, units), and the last cells, (B, units), which have no gradient.
    """
    ones = gates.new_ones(gates.shape[1], kernel.shape[1])
    outputs, cells = _LSTM.apply(gates, kernel, ones)
    return outputs, cells


run_rnn_tanh: Loop = partial(_run_rnn, torch.tanh)
run_rnn_relu: Loop = partial(_run_rnn, torch.relu)
run_gru_tanh: Loop = partial(_run_gru, torch.tanh)
run_gru_relu: Loop = partial(_run_gru, torch.relu)


class _LSTM(torch.autograd.Function):
    """The steps of an LSTM, with a gradient of its own: that of each operation takes twice as long.

    Both directions write into the gates that they are given: new memory for as much takes as long
    as the sums. So they may be nobody else's, and torch refuses a second backward pass.
    """

    @staticmethod
    def forward(ctx: Any, gates: Tensor, kernel: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Gives (T, B, units), for what the inputs add to the gates (torch's order: i, f, g, o).

        And the last cells, (B, units), without a gradient.
        """
        time, rows, _ = gates.shape
        units = kernel.shape[1]
        states, cells = (gates.new_empty(time + 1, rows, units) for _ in range(2))
        states[0], cells[0] = 0, 0
        squashed, turned = torch.empty_like(states[1:]), kernel.t().contiguous()
        masked = torch.zeros_like(mask)
        for gate, first_two, (i, f, g, o), (state, before, cell, tanh) in zip(
            gates.unbind(0),
            gates[..., : 2 * units].unbind(0),
            _each(gates.chunk(4, 2)),
            _each((states[1:], cells[:-1], cells[1:], squashed)),
            strict=True,
        ):
            gate.addmm_(masked, turned)
            first_two.sigmoid_()
            g.tanh_()
            o.sigmoid_()
            torch.mul(f, before, out=cell).addcmul_(i, g)
            torch.tanh(cell, out=tanh)
            torch.mul(o, tanh, out=state)
            torch.mul(state, mask, out=masked)
        ctx.save_for_backward(gates, kernel, mask, states, cells, squashed)
        last = cells[-1].clone()
        ctx.mark_non_differentiable(last)
        return states[1:], last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        """Gives the gradients of the gates before their activations, and of the kernel."""
        gates, kernel, mask, states, cells, squashed = ctx.saved_tensors
        d_state, d_cell, one, two = (torch.zeros_like(mask) for _ in range(4))
        steps = zip(
            gates.unbind(0),
            _each(gates.chunk(4, 2)),
            _each((cells[:-1], squashed, gradients[0])),
            strict=True,
        )
        for gate, (i, f, g, o), (before, tanh, given) in reversed([*steps]):
            d_state.add_(given)
            d_cell.add_(_through_tanh(torch.mul(d_state, o, out=one), tanh, one))
            _through_sigmoid(torch.mul(d_state, tanh, out=one), o, o)
            torch.mul(d_cell, g, out=one)
            torch.mul(d_cell, i, out=two)
            _through_sigmoid(one, i, i)
            _through_tanh(two, g, g)
            torch.mul(d_cell, before, out=one)
            d_cell.mul_(f)
            _through_sigmoid(one, f, f)
            torch.mm(gate, kernel, out=d_state).mul_(mask)
        masked = (states[:-1] * mask).flatten(0, 1)
        return gates, gates.flatten(0, 1).t() @ masked, None


def _each(many: Iterable[Tensor]) -> Iterable[tuple[Tensor, ...]]:
    """Step by step, what several tensors hold of it."""
    return zip(*(one.unbind(0) for one in many), strict=True)


def _through_sigmoid(gradient: Tensor, given: Tensor, out: Tensor) -> Tensor:
    """Gradient before a sigmoid that gave `given`."""
    found: Tensor = torch.ops.aten.sigmoid_backward.grad_input(gradient, given, grad_input=out)
    return found


def _through_tanh(gradient: Tensor, given: Tensor, out: Tensor) -> Tensor:
    found: Tensor = torch.ops.aten.tanh_backward.grad_input(gradient, given, grad_input=out)
    return found
