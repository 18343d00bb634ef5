"""Training rows as they lie in the data, and as a training sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..config.schema import Config
from ..data.columns import Input, Rows
from ..data.draw import take_turns
from .augment import Augmenter
from .fold import FoldData
from .shades import Shade

LEAST = 64
"""Pixels of a side that a picture is shown with at least, as a whole multiple of its own."""


@dataclass(frozen=True)
class Preview:
    """Some training rows.

    Attributes:
        rows: their numbers in the dataset.
        truths: of each row its targets, by name.
        pictures: of each input of pictures (rows, 1 + variants, channels, height, width), 0 for
            black to 1 for white: as prepared, and as the first epochs see it.
        texts: of each other input, for each row, lines before and after preparation.
    """

    rows: list[int]
    truths: list[dict[str, str]]
    pictures: dict[str, npt.NDArray[np.float32]]
    texts: dict[str, list[tuple[list[str], list[str]]]]


def preview(config: Config, fold: FoldData, rows: int, variants: int) -> Preview:
    """Training rows of a fold, of each class of the first target in turn, without their copies.

    Args:
        config: the config.
        fold: the first one.
        rows: how many, at most.
        variants: epochs that pictures are shown in.
    """
    samples, some = fold.data.samples, _choose(fold)[:rows]
    texts = {
        name: [
            (samples.columns[name].lines(row), fold.columns[name].lines(row))
            for row in some.tolist()
        ]
        for name in fold.inputs
        if not is_pictures(fold.inputs[name])
    }
    truths = [
        {
            name: str(target.codec.texts(target.values[row : row + 1])[0])
            for name, target in fold.data.targets.items()
        }
        for row in some.tolist()
    ]
    return Preview(some.tolist(), truths, _pictures(config, fold, some, variants), texts)


def _choose(fold: FoldData) -> Rows:
    rows = fold.rows.train
    for target in fold.data.targets.values():
        if target.codec.classes and target.values.ndim == 1:
            return take_turns(rows, target.values[rows])
    return rows


def is_pictures(found: Input) -> bool:
    """Whether an input's rows can be drawn: (height, width), or with 1 or 3 channels before."""
    *channels, _, _ = found.shape if len(found.shape) in (2, 3) else (0, 0, 0)
    return found.kind == "dense" and (not channels or channels[0] in (1, 3))


def _pictures(
    config: Config, fold: FoldData, rows: Rows, variants: int
) -> dict[str, npt.NDArray[np.float32]]:
    places = np.array([np.flatnonzero(fold.rows.train == row)[0] for row in rows], np.int64)
    part = fold.train.take(torch.from_numpy(places).to(fold.device))
    augmenter = Augmenter.of(config, fold, 0)
    epochs = range(variants if augmenter else 0)
    parts = [part, *(augmenter(part, epoch) for epoch in epochs if augmenter)]
    found = {}
    for name, known in fold.inputs.items():
        if is_pictures(known):
            shade = Shade.of(fold.columns[name], fold.rows.train)
            seen = parts if config.prepare.augment.get(name) else parts[:1]
            every = [_as_numbers(one.held[name].batch(0, len(rows)), shade) for one in seen]
            found[name] = np.stack(every, axis=1)
    return found


def _as_numbers(pictures: Any, shade: Shade) -> npt.NDArray[np.float32]:
    """(rows, channels, height, width), 0 for black to 1 for white, large enough to be seen."""
    assert isinstance(pictures, Tensor)
    coloured = pictures if pictures.ndim == 4 else pictures.unsqueeze(1)
    times = max(1, -(-LEAST // max(coloured.shape[-2:])))
    values = shade.stretch(coloured).clamp(0, 1).cpu().numpy()
    return np.asarray(values.repeat(times, axis=2).repeat(times, axis=3))
