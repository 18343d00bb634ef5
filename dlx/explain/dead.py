"""The share of channels and units that give nothing, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from .layers import Layer, choose_layer, find_layers, outputs_of
from .opened import Asked, Opened, UnfitError
from .pieces import Listed, Piece

ROWS = 256
"""Rows that are looked at, at most."""
_BATCH = 32


@dataclass
class _Counted:
    """What a layer's channels gave for some rows."""

    blank: float = 0.0
    rows: int = 0
    alive: Tensor | None = None

    def add(self, output: Tensor) -> None:
        """Counts some rows: a channel is blank in a row where it is zero at every place."""
        zero = (output == 0).flatten(2).all(dim=2) if output.ndim > 2 else output == 0
        self.blank += float(zero.double().mean(dim=1).sum())
        self.rows += len(zero)
        some = ~zero.all(dim=0)
        self.alive = some if self.alive is None else self.alive | some

    @property
    def dead(self) -> float:
        """The share of channels that were blank in every row."""
        assert self.alive is not None
        return 1 - float(self.alive.double().mean())


def explain(opened: Opened, asked: Asked) -> Iterator[Piece]:
    """A table of the layers that a ReLU cuts off, and whether the share grows with depth."""
    layers = find_layers(opened.network, opened.inputs)
    cut = [choose_layer(layers, asked.layer)] if asked.layer else layers
    cut = [one for one in cut if one.cuts]
    if not cut:
        raise UnfitError("no layer of it has a ReLU, so that no channel is zero")
    which, counted = count_blank(opened, cut)
    yield Listed(
        method="dead",
        name="layers",
        title=f"Channels that are zero, over {which}",
        layer=asked.layer,
        text=tell_depth([one.blank / one.rows for one in counted], cut),
        columns={
            "layer": [one.name for one in cut],
            "kind": [one.kind for one in cut],
            "channels": [one.shape[0] for one in cut],
            "zero in a row, mean share": [one.blank / one.rows for one in counted],
            "zero in all rows, share": [one.dead for one in counted],
        },
    )


@torch.no_grad()
def count_blank(opened: Opened, layers: list[Layer]) -> tuple[str, list[_Counted]]:
    """Which rows were looked at, in words, and what each layer's channels gave for them."""
    which, part = opened.rows_looked_at(ROWS)
    counted = [_Counted() for _ in layers]
    for batch in part.in_order(_BATCH):
        found, _ = outputs_of(opened.network, batch.inputs, layers, whole=False)
        for one, output in zip(counted, found, strict=True):
            one.add(output)
    return which, counted


def tell_depth(shares: list[float], layers: list[Layer]) -> str:
    """Whether the share of channels that are zero in a row grows with depth, in numbers."""
    if len(shares) < 2:
        return ""
    steps = list(pairwise(shares))
    up, down = sum(a < b for a, b in steps), sum(a > b for a, b in steps)
    ends = f"{shares[0]:.1%} in {layers[0].name} to {shares[-1]:.1%} in {layers[-1].name}"
    verdict = "grows with depth" if up and not down else "does not grow steadily with depth"
    return f"the share that is zero in a row {verdict}: {ends}; up {up} times, down {down} times"
