"""Preparation steps on numbers as a graph has them: float64 inside, as the steps themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..prepare.pipeline import FittedStep


class Rescale(nn.Module):
    """(x - offset) / width, feature by feature, in double precision as `Dense.rescale`."""

    def __init__(self, offset: Any, width: Any) -> None:
        super().__init__()
        self.register_buffer("offset", torch.tensor(offset, dtype=torch.float64))
        self.register_buffer("width", torch.tensor(width, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Gives float32 of the shape of `x`."""
        scaled = (x.double() - self.get_buffer("offset")) / self.get_buffer("width")
        return scaled.float()


class Divide(nn.Module):
    """x / by, as `Dense.divide`."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def forward(self, x: Tensor) -> Tensor:
        """Gives float32 of the shape of `x`."""
        return x.float() / self.by


class Marks(nn.Module):
    """A vector with a single 1 for each whole number, as the step one_hot."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("places", torch.arange(size))

    def forward(self, x: Tensor) -> Tensor:
        """Gives (..., size)."""
        return (x.unsqueeze(-1) == self.get_buffer("places").to(x.dtype)).float()


class Fill(nn.Module):
    """Numbers in the place of holes (NaN), then a 0 or 1 for some features that may have one."""

    def __init__(self, fill: Sequence[float], marked: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("fill", torch.tensor(fill, dtype=torch.float64))
        self.register_buffer("marked", torch.tensor(marked, dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        """Gives (..., features + marked)."""
        holes, marked = x.isnan(), self.get_buffer("marked")
        filled = torch.where(holes, self.get_buffer("fill"), x.double())
        if not len(marked):
            return filled
        return torch.cat([filled, holes.index_select(-1, marked).double()], -1)


class Choose(nn.Module):
    """Some of the features, in this order."""

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("places", torch.tensor(places))

    def forward(self, x: Tensor) -> Tensor:
        """Gives (..., places)."""
        return x.index_select(-1, self.get_buffer("places"))


class Derived(nn.Module):
    """Features that are computed from others, behind these; see `prepare.features.Derive`."""

    def __init__(self, features: Sequence[Sequence[Any]]) -> None:
        super().__init__()
        self._features = features

    def forward(self, x: Tensor) -> Tensor:
        """Gives (..., more features)."""
        table = x.double()
        values = [table]
        for _, operation, places, edges, period in self._features:
            parts = [table[..., place] for place in places]
            values += [one.unsqueeze(-1) for one in _derive(operation, parts, edges, period)]
        return torch.cat(values, -1)


def _derive(
    operation: str, parts: Sequence[Tensor], edges: Sequence[float], period: float | None
) -> list[Tensor]:
    first = parts[0]
    if operation == "cyclic":
        angle = 2 * math.pi * first / (period or 1.0)
        return [angle.sin(), angle.cos()]
    if operation == "ratio":
        divisor = torch.where(parts[1] == 0, 1.0, parts[1])
        return [torch.where(parts[1] == 0, 0.0, first / divisor)]
    if operation == "log":
        return [first.sign() * first.abs().log1p()]
    if operation == "bins":
        limits = torch.tensor([*edges], dtype=torch.float64)
        numbers = (first.unsqueeze(-1) >= limits).sum(-1).double()
        return [torch.where(first.isfinite(), numbers, math.nan)]
    if operation == "difference":
        return [first - parts[1]]
    for other in parts[1:]:
        first = first * other if operation == "product" else first + other
    return [first]


def _standardise(step: FittedStep) -> nn.Module:
    std = np.asarray(step.state["std"])
    return Rescale(step.state["mean"], np.where(std == 0, 1.0, std).tolist())


def _scale(step: FittedStep) -> nn.Module:
    if step.options.get("divide_by") is not None:
        return Divide(float(step.options["divide_by"]))
    low = np.asarray(step.state["low"])
    width = np.asarray(step.state["high"]) - low
    return Rescale(low.tolist(), np.where(width == 0, 1.0, width).tolist())


INSIDE: dict[str, Callable[[FittedStep], nn.Module]] = {
    "standardise": _standardise,
    "scale": _scale,
    "flatten": lambda _: nn.Flatten(),
    "one_hot": lambda step: Marks(int(step.state["size"])),
    "impute": lambda step: Fill(step.state["fill"], step.state["indicators"]),
    "select": lambda step: Choose(step.state["places"]),
    "derive": lambda step: Derived(step.state["features"]),
}
"""Steps that a graph can hold, by their names."""
