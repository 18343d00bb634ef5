"""What the fused recurrent layers cannot do is computed step by step, and is the same otherwise."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor, nn

from dlx.config.shapes import Place, Shape
from dlx.models import recurrent
from dlx.models.inputs import Padded
from dlx.models.loops import (
    Weights,
    run_gru_relu,
    run_gru_tanh,
    run_lstm,
    run_rnn_relu,
    run_rnn_tanh,
)

B, T, F, UNITS = 3, 6, 5, 4
LOOPS = {
    "RNN": (run_rnn_tanh, 1),
    "RNN relu": (run_rnn_relu, 1),
    "GRU": (run_gru_tanh, 3),
    "GRU relu": (run_gru_relu, 3),
    "LSTM": (run_lstm, 4),
}
KINDS = ("rnn", "lstm", "gru")


def plainly(name: str, rows: Tensor, weights: Weights, mask: Tensor) -> Tensor:
    """The recurrence as papers write it, one step after another."""
    state = cell = torch.zeros(len(rows), UNITS, dtype=rows.dtype)
    act = torch.relu if "relu" in name else torch.tanh
    outputs = []
    for x in rows.unbind(1):
        left, right = x @ weights.ih.T + weights.bias_ih, (state * mask) @ weights.hh.T
        right = right + weights.bias_hh
        if name.startswith("RNN"):
            state = act(left + right)
        elif name.startswith("GRU"):
            (a, b, c), (d, e, f) = left.chunk(3, 1), right.chunk(3, 1)
            keep = torch.sigmoid(b + e)
            state = keep * state + (1 - keep) * act(c + torch.sigmoid(a + d) * f)
        else:
            i, f, g, o = (left + right).chunk(4, 1)
            cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
            state = torch.sigmoid(o) * torch.tanh(cell)
        outputs.append(state)
    return torch.stack(outputs, 1)


@pytest.mark.parametrize("name", LOOPS)
def test_outputs_and_gradients_are_those_of_the_recurrence_with_a_mask(name: str) -> None:
    loop, gates = LOOPS[name]
    shapes = [(gates * UNITS, F), (gates * UNITS, UNITS), (gates * UNITS,), (gates * UNITS,)]
    given = [torch.randn(s, dtype=torch.float64) for s in ((B, T, F), *shapes)]
    mask = torch.rand(B, UNITS, dtype=torch.float64).round() * 2
    pull = torch.randn(B, T, UNITS, dtype=torch.float64)
    found = []
    for run in (loop, lambda *args: plainly(name, *args)):
        leaves = [one.clone().requires_grad_() for one in given]
        outputs = run(leaves[0], Weights(*leaves[1:]), mask)
        (outputs * pull).sum().backward()
        found.append([outputs, *(leaf.grad for leaf in leaves)])
    for ours, expected in zip(*found, strict=True):
        torch.testing.assert_close(ours, expected)


def made(layer, name: str, **options):
    chosen = layer(name, units=UNITS, **options)
    return chosen.load()(chosen.options, Shape("sequence", (T, F)), Place(1, name))[0]


@pytest.mark.parametrize(
    ("name", "ways", "every"), [*product(KINDS, ("none", "sum"), (True, False))]
)
def test_without_masks_it_is_the_fused_layer_with_the_same_weights(layer, name, ways, every):
    """In evaluation to the bit, as it is run; in training as far as sums differ in their order."""
    dropping = made(layer, name, bidirectional=ways, sequence=every, recurrent_dropout=1e-9)
    fused = made(layer, name, bidirectional=ways, sequence=every)
    fused.load_state_dict(dropping.state_dict())
    x = torch.randn(B, T, F)
    torch.testing.assert_close(dropping(x), fused(x))
    assert torch.equal(dropping.eval()(x), fused.eval()(x))


@pytest.mark.parametrize("name", KINDS)
def test_two_directions_are_added(layer, name):
    both, added = (made(layer, name, bidirectional=w, sequence=True) for w in ("concat", "sum"))
    added.load_state_dict(both.state_dict())
    x = torch.randn(B, T, F)
    assert torch.equal(added(x), both(x)[..., :UNITS] + both(x)[..., UNITS:])


@pytest.mark.parametrize("name", KINDS)
def test_a_mask_is_the_same_at_all_steps_of_a_row(layer, name):
    """An input of ones then drives a row as its dropped input would at every step."""
    module = made(layer, name, dropout=0.5, recurrent_dropout=0.5, sequence=True)
    weights = Weights(*module._flat_weights)
    x = torch.randn(B, T, F)
    torch.manual_seed(7)
    outputs = module(x)
    torch.manual_seed(7)
    inputs, state = (nn.functional.dropout(torch.ones(B, size), 0.5) for size in (F, UNITS))
    assert {0.0, 2.0} == set(inputs.unique().tolist()) | set(state.unique().tolist())
    expected = plainly(name.upper(), x * inputs[:, None], weights, state)
    torch.testing.assert_close(outputs, expected)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((name, {"bidirectional": "sum"}) for name in KINDS),
        ("gru", {"activation": "relu"}),
        ("rnn", {"activation": "relu", "sequence": True, "bidirectional": "sum"}),
    ],
)
def test_more_filling_changes_no_output_and_no_gradient(layer, name, options):
    module = made(layer, name, **options)
    lengths = torch.tensor([6, 1, 4])
    pull = torch.randn(B, T, UNITS) if options.get("sequence") else torch.randn(B, UNITS)
    found = []
    for more in (0, 3):
        x = torch.randn(B, T + more, F)
        x[:, :T] = torch.arange(B * T * F).view(B, T, F) / 100
        x.requires_grad_()
        module.zero_grad()
        outputs = module(Padded(x, lengths))
        if isinstance(outputs, Padded):
            steps = torch.arange(T)[None, :, None] < lengths[:, None, None]
            outputs = outputs.values[:, :T] * steps
        (outputs * pull).sum().backward()
        found.append([outputs, x.grad[:, :T], *(p.grad.clone() for p in module.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_a_row_is_reversed_within_its_length():
    values = torch.arange(8).view(2, 4, 1)
    turned = recurrent.Reverse()(Padded(values, torch.tensor([3, 4])))
    assert turned.values[..., 0].tolist() == [[2, 1, 0, 3], [7, 6, 5, 4]]
    assert recurrent.Reverse()(values)[..., 0].tolist() == [[3, 2, 1, 0], [7, 6, 5, 4]]
