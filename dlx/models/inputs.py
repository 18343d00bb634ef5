"""What a model is fed: tensors, rows kept as a few positions, rows of different length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor


class MultiHot(NamedTuple):
    """Rows of zeros with a few other numbers, kept as the positions of those.

    Attributes:
        indices: the set positions of all rows end to end, none twice in a row; int32 (half the
            time of int64) or int64.
        offsets: where each row begins, and the end of the last, shape (rows + 1,), of the same
            type.
        size: length of the rows.
        weights: the number at each of the positions, float32; None: 1 everywhere.
    """

    indices: Tensor
    offsets: Tensor
    size: int
    weights: Tensor | None = None

    @property
    def len_rows(self) -> int:
        """How many rows there are."""
        return self.offsets.shape[0] - 1

    def row_of_each(self) -> Tensor:
        """The row that each of the indices lies in, in the type of the offsets."""
        rows = torch.arange(self.len_rows, dtype=self.offsets.dtype, device=self.offsets.device)
        lengths = self.offsets.diff()
        return torch.repeat_interleave(rows, lengths, output_size=self.indices.shape[0])

    def dense(self) -> Tensor:
        """The rows written out, float32 of shape (rows, size)."""
        flat = torch.zeros(self.len_rows * self.size, device=self.indices.device)
        places = self.row_of_each().long() * self.size + self.indices
        if self.weights is None:
            flat.index_fill_(0, places, 1.0)
        else:
            flat.index_copy_(0, places, self.weights)
        return flat.view(self.len_rows, self.size)


class Padded(NamedTuple):
    """Rows of different length, each filled at its end to the longest of the batch.

    What lies beyond a row's length must matter to nothing that a model gives or learns.

    Attributes:
        values: ids of shape (rows, time), int64, filled with 0; or numbers of shape
            (rows, time, features), filled with zeros at first and with anything after a layer.
        lengths: steps of each row that count, each at least 1, int64 of shape (rows,), on the same
            device.
    """

    values: Tensor
    lengths: Tensor

    def counts(self) -> Tensor:
        """Which steps count, bool of shape (rows, time)."""
        steps = torch.arange(self.values.shape[1], device=self.lengths.device)
        return steps < self.lengths.unsqueeze(1)

    def fill(self, value: float) -> Tensor:
        """The numbers with this value in all steps that do not count."""
        return self.values.masked_fill(~self.counts().unsqueeze(2), value)


ROUND_TO = 64


def round_steps(steps: int, device: torch.device) -> int:
    """So many steps, or a few more on a GPU: few different shapes, so that a step can be captured.

    Args:
        steps: of the longest row of a batch.
        device: where it lies.
    """
    return -(-steps // ROUND_TO) * ROUND_TO if device.type == "cuda" else steps


Batch = Mapping[str, Tensor | MultiHot | Padded]
"""The inputs of a batch by name."""
