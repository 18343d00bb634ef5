"""Generated samples: what they are compared with, and what there is to be looked at of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..judging.evaluation import Kind
from ..metrics.base import Values
from ..runs.artifacts import Artifacts
from ..seeds import derive
from .latents import as_pictures

SHOWN = 64
"""Samples in a picture."""
PAIRS = 18
"""Samples beside their nearest training rows."""


def flat(rows: Tensor) -> Values:
    """Rows of any shape as vectors in double precision."""
    found: Values = rows.flatten(1).double().cpu().numpy()
    return found


def simple(train: Values, many: int, seed: int) -> Iterator[tuple[str, Kind, Values]]:
    """What samples are compared with: name, kind and rows, as many as there are samples.

    Uniform noise; each number drawn by itself from those that training rows have in its place; and
    training rows, which tell how near so few samples can be.

    Args:
        train: training rows, (rows, numbers) from 0 to 1.
        many: rows of each.
        seed: of the config.
    """
    drawn = {name: np.random.default_rng(derive(seed, name)) for name in ("noise", "alone", "rows")}
    wide = train.shape[1]
    yield "uniform noise", "noise", drawn["noise"].uniform(size=(many, wide))
    places = drawn["alone"].integers(len(train), size=(many, wide))
    yield "marginals", "constant", np.take_along_axis(train, places, axis=0)
    again = many > len(train)
    yield "training rows", "data", train[drawn["rows"].choice(len(train), many, replace=again)]


def leave(into: Artifacts, made: Tensor) -> None:
    """Keeps samples: pictures, at the end with a film of those of the epochs; else a table."""
    about = {"title": "Samples", "caption": "from random numbers, the same after every epoch"}
    if made.dim() < 3:
        columns = {f"number {at}": column.tolist() for at, column in enumerate(made.T)}
        into.table("samples", columns, **about)  # type: ignore[arg-type]
        return
    into.pictures("samples", as_pictures(made, made.shape[1:]), **about)  # type: ignore[arg-type]
    if into.epoch is None:
        told = "the samples of one epoch after the other"
        into.film_of_epochs("training", "samples", title="Training", caption=told)


def leave_nearest(into: Artifacts, made: Tensor, train: Values) -> None:
    """Keeps samples beside the training rows that are nearest to them: are they copies?

    Args:
        into: where to.
        made: samples; nothing is kept but of pictures.
        train: training rows, (rows, numbers).
    """
    if made.dim() < 3:
        return
    shape, ours = made.shape[1:], flat(made)
    nearest, far = find_nearest(ours, train)
    among = find_nearest(train[: len(ours)], train, apart=True)[1]
    lines = np.stack([ours, train[nearest]], axis=1)[:PAIRS].reshape(-1, ours.shape[1])
    caption = (
        "samples, each with the nearest training row to its right; the median distance is "
        f"{np.median(far):.3g}, and between training rows {np.median(among):.3g}"
    )
    images = as_pictures(torch.from_numpy(lines), shape)
    into.pictures("nearest", images, title="Nearest training rows", caption=caption)


def find_nearest(rows: Values, among: Values, apart: bool = False) -> tuple[Any, Values]:
    """The place of the nearest of some rows to each row, and how far it is.

    Args:
        rows: (rows, numbers).
        among: (others, numbers).
        apart: whether the first of `among` are the rows themselves, which are not meant.
    """
    exact = "donot_use_mm_for_euclid_dist"
    pair = torch.from_numpy(rows), torch.from_numpy(among)
    far = torch.cdist(*pair, compute_mode=exact).numpy()
    if apart:
        np.fill_diagonal(far, np.inf)
    nearest = far.argmin(axis=1)
    return nearest, far[np.arange(len(rows)), nearest]
