"""The modules that torch lacks, or has in another form than the layers of `dlx` need.

Shapes: B rows, T time steps, F features, C channels, H height, W width. Sequences travel as
(B, T, F), images as (B, C, H, W).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from .inputs import MultiHot, Padded

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


MOST_CELLS = 2**27
"""Of rows that a GPU multiplies written out: 512 MiB."""


class MultiHotLinear(nn.Module):
    """Dense layer on multi-hot rows that never writes out their zeros on a CPU, nor too many.

    The weight lies as (size, units), so that a row of it is what one set position adds: with the
    usual (units, size) the same sum takes up to ten times as long.
    """

    def __init__(self, size: int, units: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size, units))
        self.bias = nn.Parameter(torch.zeros(units)) if bias else None

    def forward(self, rows: MultiHot | Tensor) -> Tensor:
        """Gives (rows, units) for multi-hot rows of this layer's size, or such written out."""
        product = multiply_rows(self.weight, rows)
        return product if self.bias is None else product + self.bias


def multiply_rows(weight: Tensor, rows: MultiHot | Tensor) -> Tensor:
    """(rows, units): rows times a weight of shape (size, units)."""
    if isinstance(rows, Tensor):
        return rows @ weight
    if weight.is_cpu or rows.len_rows * rows.size > MOST_CELLS:
        return _sum_of_rows(weight, rows)
    return rows.dense().to(weight.dtype) @ weight


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
    """Convolution over the time of (B, T, F).

    Of rows of different length, each is as if it stood alone, with zeros after it; one that is
    shorter than the window gives a single step.
    """

    reads_time = True

    def forward(self, input: Tensor | Padded) -> Any:  # noqa: A002 - torch's name
        """Gives (B, T', filters)."""
        if isinstance(input, Tensor):
            return super().forward(input.transpose(1, 2)).transpose(1, 2)
        reach = (self.kernel_size[0] - 1) * self.dilation[0] + 1
        around = sum(self.zeros) or 2 * int(self.padding[0])
        values = _lengthen(input.fill(0.0), reach - around, 0.0)
        lengths = _count_windows(input.lengths + around, reach, self.stride[0])
        return Padded(self.forward(values), lengths)


def _count_windows(lengths: Tensor, window: int, stride: int) -> Tensor:
    """How many windows fit into each row, at least one."""
    return ((lengths - window).div(stride, rounding_mode="floor") + 1).clamp(min=1)


def _lengthen(values: Tensor, steps: int, value: float) -> Tensor:
    """(B, T, F) with this value in steps at the end, so that there are at least so many."""
    missing = steps - values.shape[1]
    return F.pad(values, (0, 0, 0, missing), value=value) if missing > 0 else values


class Conv2d(_FilledWithZeros, nn.Conv2d):
    """Convolution over (B, C, H, W)."""


class Separable(nn.Module):
    """A filter a channel, then a mix of the channels (Chollet, arXiv:1610.02357)."""

    reads_time = True

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

    def forward(self, x: Tensor | Padded) -> Tensor | Padded:
        """Gives the shape of a plain convolution with the same options."""
        mixed: Tensor | Padded = self.pointwise(self.depthwise(x))
        return mixed


class Pool1d(nn.Module):
    """Pooling over the time of (B, T, F), of each row's own steps.

    Args:
        pool: over (B, F, T).
        size: steps in its window.
        stride: steps from one window to the next.
    """

    reads_time = True

    def __init__(self, pool: nn.Module, size: int, stride: int) -> None:
        super().__init__()
        self.pool = pool
        self.size, self.stride = size, stride

    def forward(self, x: Tensor | Padded) -> Tensor | Padded:
        """Gives (B, T', F)."""
        return self._pool(x) if isinstance(x, Tensor) else self._pool_rows(x)

    def _pool(self, values: Tensor) -> Tensor:
        pooled: Tensor = self.pool(values.transpose(1, 2))
        return pooled.transpose(1, 2)

    def _pool_rows(self, rows: Padded) -> Padded:
        lengths = _count_windows(rows.lengths, self.size, self.stride)
        if isinstance(self.pool, nn.MaxPool1d):
            filled = _lengthen(rows.fill(-math.inf), self.size, -math.inf)
            largest = Padded(self._pool(filled), lengths)
            return Padded(largest.fill(0.0), lengths)  # what is infinite would spoil gradients
        means = self._pool(_lengthen(rows.fill(0.0), self.size, 0.0))
        within = rows.lengths.clamp(max=self.size).view(-1, 1, 1)  # fewer in a shorter row only
        return Padded(means * (self.size / within.to(means.dtype)), lengths)


class GlobalPool(nn.Module):
    """Largest or mean value over the axes of time, or of height and width."""

    reads_time = True

    def __init__(self, axes: tuple[int, ...], largest: bool) -> None:
        super().__init__()
        self.axes = axes
        self.largest = largest

    def forward(self, x: Tensor | Padded) -> Tensor:
        """Gives (B, F) or (B, C)."""
        if isinstance(x, Tensor):
            return x.amax(self.axes) if self.largest else x.mean(self.axes)
        if self.largest:
            return x.fill(-math.inf).amax(1)
        return x.fill(0.0).sum(1) / x.lengths.unsqueeze(1)


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation of (B, F), (B, C, H, W) or, `over_time`, (B, T, F).

    A lone value a channel has no variance: it is normalised by the running statistics, which then
    stay as they are. So a last batch of one row stops no training. Of rows of different length
    only the steps that count have a part in the statistics.
    """

    reads_time = True

    def __init__(self, features: int, momentum: float, eps: float, over_time: bool = False) -> None:
        super().__init__(features, eps=eps, momentum=momentum)
        self.over_time = over_time

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002 - torch's name
        """Every number of places a channel is welcome."""

    def forward(self, input: Tensor | Padded) -> Any:  # noqa: A002 - torch's name
        """Gives the shape of `input`."""
        if isinstance(input, Padded):
            return Padded(self._normalise(input), input.lengths)
        x = input.transpose(1, 2) if self.over_time else input
        if self.training and x.numel() == self.num_features:
            x = F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        else:
            x = super().forward(x)
        return x.transpose(1, 2) if self.over_time else x

    def _normalise(self, rows: Padded) -> Tensor:
        """By sums over the steps that count, as torch's own would count all of them."""
        x = rows.values.float()
        mean, variance = self.running_mean, self.running_var
        assert mean is not None
        assert variance is not None
        if self.training:
            many = rows.lengths.sum()
            found = rows.fill(0.0).float().sum((0, 1)) / many
            spread = Padded((x - found).square(), rows.lengths).fill(0.0).sum((0, 1)) / many
            self._follow(found, spread, many)
            alone = many < _LONE
            mean, variance = found.where(~alone, mean), spread.where(~alone, variance)
        scaled = (x - mean) * (variance + self.eps).rsqrt()
        return (scaled * self.weight + self.bias).to(rows.values.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, many: Tensor) -> None:
        """Moves the running statistics towards those of a batch, as torch does."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        more = (many >= _LONE).to(torch.int64)
        self.num_batches_tracked += more
        share = (
            1.0 / self.num_batches_tracked.clamp(min=1) if self.momentum is None else self.momentum
        )
        share = share * more
        unbiased = variance * (many / (many - 1).clamp(min=1))
        self.running_mean += share * (mean - self.running_mean)
        self.running_var += share * (unbiased - self.running_var)


_LONE = 2
"""Values a channel of which there is a variance."""


class EmbedColumns(nn.Module):
    """Vectors of the ids (B, columns) of category columns, end to end.

    The ids 0 to columns - 1 are those of the rare values of each column, in order.

    Args:
        ids: how many there are, of all columns.
        dim: length of a vector.
        mask: share of the ids that become the rare value's in training.
    """

    def __init__(self, ids: int, dim: int, mask: float) -> None:
        super().__init__()
        self.table, self.mask = nn.Embedding(ids, dim), mask

    def forward(self, ids: Tensor) -> Tensor:
        """Gives (B, columns * dim)."""
        if self.training and self.mask:
            rare = torch.arange(ids.shape[1], device=ids.device)
            hidden = torch.rand(ids.shape, device=ids.device) < self.mask
            ids = torch.where(hidden, rare, ids)
        vectors: Tensor = self.table(ids)
        return vectors.flatten(1)
