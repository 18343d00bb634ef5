"""The modules that torch lacks, or has in another form than the layers of `dlx` need.

Shapes: B rows, T time steps, F features, C channels, H height, W width. Sequences travel as
(B, T, F), images as (B, C, H, W).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from .inputs import MultiHot

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "leaky_relu": nn.LeakyReLU,
}


class _SumOfRows(torch.autograd.Function):
    """Adds up the rows of a matrix that each bag of indices names, each by its weight.

    For many bags, torch's own gradient of `embedding_bag` takes about twice as long as the same
    kernel run over the transposed bags, which is what `backward` does; both fix the order of every
    sum.
    """

    @staticmethod
    def forward(
        ctx: Any, matrix: Tensor, indices: Tensor, offsets: Tensor, weights: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(indices, offsets, weights)
        ctx.size = len(matrix)
        return _bag(matrix, MultiHot(indices, offsets, ctx.size, weights))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        indices, offsets, weights = ctx.saved_tensors
        transposed = _transpose(MultiHot(indices, offsets, ctx.size, weights))
        return _bag(gradients[0], transposed), None, None, None


def _bag(matrix: Tensor, bags: MultiHot) -> Tensor:
    weights = None if bags.weights is None else bags.weights.to(matrix.dtype)
    return F.embedding_bag(
        bags.indices,
        matrix,
        bags.offsets,
        mode="sum",
        include_last_offset=True,
        per_sample_weights=weights,
    )


def _transpose(rows: MultiHot) -> MultiHot:
    """For each position a bag of the rows that have it, in their order."""
    order = torch.argsort(rows.indices, stable=True)
    indices = rows.row_of_each()[order]
    ends = torch.bincount(rows.indices, minlength=rows.size).cumsum(0, dtype=indices.dtype)
    weights = None if rows.weights is None else rows.weights[order]
    return MultiHot(indices, F.pad(ends, (1, 0)), rows.len_rows, weights)


_MANY_BAGS = 32
"""From this many rows on, setting up the transposed bags pays (measured: 10,000 x 16 to x 512)."""


def _sum_of_rows(matrix: Tensor, rows: MultiHot) -> Tensor:
    if rows.len_rows < _MANY_BAGS:
        return _bag(matrix, rows)
    total: Tensor = _SumOfRows.apply(matrix, rows.indices, rows.offsets, rows.weights)
    return total


class MultiHotLinear(nn.Module):
    """Dense layer on multi-hot rows that never writes out their zeros on a CPU.

    The weight lies as (size, units), so that a row of it is what one set position adds: with the
    usual (units, size) the same sum takes up to ten times as long.
    """

    def __init__(self, size: int, units: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size, units))
        self.bias = nn.Parameter(torch.zeros(units)) if bias else None

    def forward(self, rows: MultiHot | Tensor) -> Tensor:
        """Gives (rows, units) for multi-hot rows of this layer's size, or such written out."""
        if isinstance(rows, Tensor):
            product = rows @ self.weight
        elif self.weight.is_cpu:
            product = _sum_of_rows(self.weight, rows)
        else:
            product = rows.dense().to(self.weight.dtype) @ self.weight
        return product if self.bias is None else product + self.bias


def same_padding(size: int, window: int, stride: int, dilation: int) -> tuple[int, int]:
    """Zeros before and after an axis, so that ceil(size / stride) windows fit (TensorFlow's rule).

    An odd zero goes after: https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
    """
    windows = -(-size // stride)
    total = max((windows - 1) * stride + (window - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


class _FilledWithZeros(nn.Module):
    """Of a convolution with `zeros` before and after each axis, the last axis first."""

    def __init__(
        self,
        channels: int,
        filters: int,
        kernel: int,
        *,
        zeros: tuple[int, ...] = (),
        **options: Any,
    ) -> None:
        super().__init__(channels, filters, kernel, **options)
        self.zeros = zeros

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Gives (B, filters, ...)."""
        convolved: Tensor = super().forward(F.pad(input, self.zeros) if self.zeros else input)
        return convolved


class Conv1d(_FilledWithZeros, nn.Conv1d):
    """Convolution over the time of (B, T, F)."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Gives (B, T', filters)."""
        return super().forward(input.transpose(1, 2)).transpose(1, 2)


class Conv2d(_FilledWithZeros, nn.Conv2d):
    """Convolution over (B, C, H, W)."""


class Separable(nn.Module):
    """A filter a channel, then a mix of the channels (Chollet, arXiv:1610.02357)."""

    def __init__(
        self,
        kind: type[Conv1d | Conv2d],
        channels: int,
        filters: int,
        kernel: int,
        *,
        bias: bool = True,
        **options: Any,
    ) -> None:
        super().__init__()
        self.depthwise = kind(channels, channels, kernel, groups=channels, bias=False, **options)
        self.pointwise = kind(channels, filters, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Gives the shape of a plain convolution with the same options."""
        mixed: Tensor = self.pointwise(self.depthwise(x))
        return mixed


class Pool1d(nn.Module):
    """Pooling over the time of (B, T, F)."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """Gives (B, T', F)."""
        pooled: Tensor = self.pool(x.transpose(1, 2))
        return pooled.transpose(1, 2)


class GlobalPool(nn.Module):
    """Largest or mean value over the axes of time, or of height and width."""

    def __init__(self, axes: tuple[int, ...], largest: bool) -> None:
        super().__init__()
        self.axes = axes
        self.largest = largest

    def forward(self, x: Tensor) -> Tensor:
        """Gives (B, F) or (B, C)."""
        return x.amax(self.axes) if self.largest else x.mean(self.axes)


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation of (B, F), (B, C, H, W) or, `over_time`, (B, T, F).

    A lone value a channel has no variance: it is normalised by the running statistics, which then
    stay as they are. So a last batch of one row stops no training.
    """

    def __init__(self, features: int, momentum: float, eps: float, over_time: bool = False) -> None:
        super().__init__(features, eps=eps, momentum=momentum)
        self.over_time = over_time

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002 - torch's name
        """Every number of places a channel is welcome."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Gives the shape of `input`."""
        x = input.transpose(1, 2) if self.over_time else input
        if self.training and x.numel() == self.num_features:
            x = F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        else:
            x = super().forward(x)
        return x.transpose(1, 2) if self.over_time else x
