"""Rows of different length: what fills them to the longest of a batch never matters."""

from __future__ import annotations

import pytest
import torch

from dlx.models.inputs import Padded
from dlx.models.recurrent import GRU, LSTM, RNN, reverse_rows

LENGTHS = torch.tensor([7, 1, 4])


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("every", [True, False])
def test_a_recurrent_layer_reads_each_row_as_if_it_were_alone(kind, both, every):
    layer = kind(3, 4, batch_first=True, bidirectional=both)
    layer.every_step = every
    x = torch.randn(3, 7, 3)
    given = layer(Padded(x, LENGTHS))
    for row, length in enumerate(LENGTHS.tolist()):
        got = given.values[row, :length] if every else given[row]
        torch.testing.assert_close(got, layer(x[row : row + 1, :length])[0])


def test_rows_are_reversed_within_their_lengths():
    rows = Padded(torch.arange(21.0).view(3, 7, 1).requires_grad_(), LENGTHS)
    turned = reverse_rows(rows)
    assert turned.values[:, :, 0].tolist() == [
        [6, 5, 4, 3, 2, 1, 0],
        [7, 8, 9, 10, 11, 12, 13],
        [17, 16, 15, 14, 18, 19, 20],
    ]
    assert torch.equal(reverse_rows(turned).values, rows.values)
    turned.values[:, 0].sum().backward()
    assert rows.values.grad.nonzero()[:, 1].tolist() == [6, 0, 3]
