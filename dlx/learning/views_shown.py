"""What is to be looked at of features: rows in two views, and which rows are near which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from ..models.network import flatten
from ..runs.artifacts import Artifacts
from ..sources.batches import Inputs, Part
from ..sources.fold import FoldData
from ..sources.pairs import Pairs, join_views
from ..sources.shades import Shade
from .latents import Pictures, as_pictures

SHOWN = 16
"""Rows that are shown in two views."""
LINES, NEAREST = 6, 5
"""Rows whose nearest are shown, and how many of these."""
AMONG = 5000
"""Rows, at most, among which they are looked for."""

Encode = Callable[[Inputs], Tensor]


def leave_views(into: Artifacts, fold: FoldData, part: Part, pairs: Pairs) -> None:
    """Rows beside their two views; nothing of rows that are no pictures."""
    batch = part.take(torch.arange(min(SHOWN, len(part)))).batch(0, min(SHOWN, len(part)))
    for name in _pictures_in(fold):
        own, seen = batch.inputs[name], join_views(pairs.look(batch))[name]
        assert isinstance(own, Tensor)
        assert isinstance(seen, Tensor)
        lines = torch.stack([own, *seen.view(2, *own.shape)], dim=1)
        caption = "each row, and the two views by which it was evaluated"
        images = _seen(fold, name, lines.flatten(0, 1))
        into.pictures("views", images, rows=True, across=6, title="Views", caption=caption)


def leave_nearest(into: Artifacts, fold: FoldData, part: Part, encode: Encode) -> None:
    """Some rows, each with the rows of the nearest features, and with those of nearest inputs."""
    rows = part.take(torch.arange(min(AMONG, len(part))))
    batches = [*rows.in_order(500)]
    features = torch.cat([encode(one.inputs) for one in batches])
    for name in _pictures_in(fold):
        raw = torch.cat([flatten(one.inputs[name]) for one in batches])
        asked = torch.linspace(0, len(rows) - 1, min(LINES, len(rows))).long()
        places = [torch.cat([asked[:, None], _nearest(one, asked)], 1) for one in (features, raw)]
        order = torch.cat(places, dim=1)
        taken = rows.take(order.flatten()).batch(0, order.numel()).inputs[name]
        images = _seen(fold, name, taken)
        caption = f"left: a row, and those of the {order.shape[1] // 2 - 1} most similar features; "
        caption += "right: the same row, and those of the most similar inputs"
        into.pictures(
            "nearest",
            images,
            rows=True,
            across=order.shape[1],
            title="Nearest rows",
            caption=caption,
        )


def _nearest(numbers: Tensor, asked: Tensor) -> Tensor:
    """The places of the rows most like each of those asked for, by the cosine."""
    unit = F.normalize(numbers.float(), dim=1).cpu()
    alike = unit[asked] @ unit.T
    alike[torch.arange(len(asked)), asked] = -torch.inf
    return alike.argsort(dim=1, descending=True, stable=True)[:, : min(NEAREST, len(unit) - 1)]


def _pictures_in(fold: FoldData) -> list[str]:
    """The first input that holds pictures, if one does."""
    found = fold.inputs.items()
    return [name for name, one in found if one.kind == "dense" and len(one.shape) in (2, 3)][:1]


def _seen(fold: FoldData, name: str, pictures: Any) -> Pictures:
    """Pictures as they are shown, whatever they were scaled to."""
    shape = fold.inputs[name].shape
    coloured = pictures.view(len(pictures), -1, *shape[-2:])
    shade = Shade.of(fold.columns[name], fold.rows.train)
    return as_pictures(shade.stretch(coloured), coloured.shape[1:])
