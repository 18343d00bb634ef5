from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention

from dlx.models.inputs import MultiHot
from dlx.models.modules import MultiHotLinear


def test_dense_writes_out_the_rows_one_by_one():
    rows = MultiHot(torch.tensor([1, 3, 0]), torch.tensor([0, 2, 2, 3]), 4)
    assert rows.len_rows == 3
    assert rows.dense().tolist() == [[0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert rows.dense().dtype == torch.float32
    assert rows.row_of_each().tolist() == [0, 0, 2]


def test_dense_writes_out_weights_in_their_places():
    weights = torch.tensor([0.5, -2.0, 3.0])
    rows = MultiHot(torch.tensor([1, 3, 0]), torch.tensor([0, 2, 2, 3]), 4, weights)
    assert rows.dense().tolist() == [[0, 0.5, 0, -2], [0, 0, 0, 0], [3, 0, 0, 0]]


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("count", [2, 40])  # few rows and many are computed in two ways
@pytest.mark.parametrize("weighted", [False, True])
def test_multi_hot_linear_is_a_linear_layer_on_the_dense_rows(
    multi_hot, dtype, bias, count, weighted
):
    rows = multi_hot(count, 50, dtype, weighted)
    layer = MultiHotLinear(50, 6, bias=bias)
    torch.nn.init.normal_(layer.weight)
    weight = layer.weight.detach().t().clone().requires_grad_()
    expected = F.linear(rows.dense(), weight, layer.bias)
    pull = torch.randn(count, 6)

    (layer(rows) * pull).sum().backward()
    (expected * pull).sum().backward()

    torch.testing.assert_close(layer(rows), expected)
    torch.testing.assert_close(layer.weight.grad, weight.grad.t())


def test_multi_hot_linear_gives_the_same_bits_twice(multi_hot):
    rows = multi_hot(64, 300)
    layer = MultiHotLinear(300, 16)
    torch.nn.init.normal_(layer.weight)
    grads = []
    for _ in range(2):
        layer.weight.grad = None
        layer(rows).square().sum().backward()
        grads.append(layer.weight.grad.clone())
    assert torch.equal(grads[0], grads[1])


@pytest.mark.parametrize("weighted", [False, True])
def test_multi_hot_linear_has_exact_first_and_second_gradients(multi_hot, weighted):
    rows = multi_hot(40, 12, weighted=weighted)
    layer = MultiHotLinear(12, 3).double()
    weight = torch.randn(12, 3, dtype=torch.float64, requires_grad=True)

    def forward(w):
        return torch.func.functional_call(layer, {"weight": w}, (rows,)).tanh()

    assert torch.autograd.gradcheck(forward, weight)
    assert torch.autograd.gradgradcheck(forward, weight)


@pytest.mark.parametrize("weighted", [False, True])
def test_multi_hot_linear_off_the_cpu_multiplies_dense_rows(multi_hot, weighted):
    rows = multi_hot(3, 20, weighted=weighted)
    weights = rows.weights.to("meta") if weighted else None
    on_meta = MultiHot(rows.indices.to("meta"), rows.offsets.to("meta"), 20, weights)
    assert MultiHotLinear(20, 5).to("meta")(on_meta).shape == (3, 5)


@pytest.mark.parametrize("weighted", [False, True])
def test_rows_too_many_to_be_written_out_are_summed_everywhere(multi_hot, monkeypatch, weighted):
    monkeypatch.setattr("dlx.models.modules.MOST_CELLS", 40 * 20 - 1)
    monkeypatch.delattr(MultiHot, "dense")
    rows = multi_hot(40, 20, torch.int32, weighted)
    indices, offsets, size, weights = rows
    there = MultiHot(
        indices.to("meta"), offsets.to("meta"), size, weights.to("meta") if weighted else None
    )
    assert MultiHotLinear(20, 5).to("meta")(there).shape == (40, 5)


@pytest.mark.gpu
@pytest.mark.parametrize("weighted", [False, True])
def test_rows_on_a_gpu_are_those_on_a_cpu(multi_hot, monkeypatch, weighted):
    monkeypatch.setattr("dlx.models.modules.MOST_CELLS", 0)
    rows, layer = multi_hot(40, 20, torch.int32, weighted), MultiHotLinear(20, 5)
    torch.nn.init.normal_(layer.weight)
    found = []
    for device in ("cpu", "cuda"):
        there = [one.to(device) if isinstance(one, torch.Tensor) else one for one in rows]
        layer.zero_grad()
        given = layer.to(device)(MultiHot(*there))
        given.square().sum().backward()
        found.append((given.detach().cpu(), layer.weight.grad.cpu()))
    torch.testing.assert_close(*found)
