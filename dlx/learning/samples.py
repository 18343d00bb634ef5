"""Generated samples: what they are compared with, and what there is to be looked at of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.columns import Input
from ..errors import Problem, UsageError
from ..judging.evaluation import Kind
from ..metrics.base import Values
from ..runs.artifacts import Artifacts
from ..seeds import derive
from .latents import as_pictures

SHOWN = 64
"""Samples in a picture."""
PAIRS = 18
"""Samples beside their nearest training rows."""
LINES = ACROSS = 8
"""Ways from one sample to another, and samples along each."""


def require_numbers(inputs: Mapping[str, Input], learner: str) -> tuple[str, Input]:
    """Name and description of the only input of a learner, if its rows are numbers.

    Raises:
        UsageError: they are not.
    """
    name, found = next(iter(inputs.items()))
    if found.kind == "dense":
        return name, found
    what = f"learner {learner} makes rows of numbers, but {name} has rows of word ids"
    raise UsageError(Problem(what, "dataset", "pictures, or rows of numbers"))


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


def between(first: Tensor, last: Tensor) -> Tensor:
    """Points of noise on the way from each of some to another, (lines * ACROSS, numbers).

    Along the sphere, as the length of what lies straight between is that of no noise (White, 2016,
    arXiv:1609.04468).
    """
    one, other = (rows / rows.norm(dim=1, keepdim=True) for rows in (first, last))
    angle = (one * other).sum(dim=1).clamp(-1, 1).acos().clamp(min=1e-6)[:, None, None]
    share = torch.linspace(0, 1, ACROSS)[None, :, None]
    parts = ((1 - share) * angle).sin() * first[:, None], (share * angle).sin() * last[:, None]
    found: Tensor = (parts[0] + parts[1]) / angle.sin()
    return found.flatten(0, 1)


def leave_between(into: Artifacts, made: Tensor) -> None:
    """Keeps samples of points of noise between two, a line each; nothing but of pictures."""
    if made.dim() < 3:
        return
    caption = "each line from one point of noise to another: samples change gradually"
    images = as_pictures(made, made.shape[1:])
    into.pictures("interpolation", images, title="Between two samples", caption=caption)


def leave_nearest(into: Artifacts, made: Tensor, train: Sequence[Values]) -> None:
    """Keeps samples beside the training rows that are nearest to them: are they copies?

    Args:
        into: where to.
        made: samples; nothing is kept but of pictures.
        train: training rows, (rows, numbers), in pieces.
    """
    if made.dim() < 3:
        return
    shape, ours = made.shape[1:], flat(made)
    nearest, far = find_nearest(ours, train)
    among = find_nearest(train[0][: len(ours)], train, apart=True)[1]
    lines = np.stack([ours, nearest], axis=1)[:PAIRS].reshape(-1, ours.shape[1])
    caption = (
        "samples, each with the nearest training row to its right; the median distance is "
        f"{np.median(far):.3g}, and between training rows {np.median(among):.3g}"
    )
    images = as_pictures(torch.from_numpy(lines), shape)
    into.pictures("nearest", images, rows=True, title="Nearest training rows", caption=caption)


def leave_copying(into: Artifacts, made: Values, rows: Values, train: Sequence[Values]) -> None:
    """Keeps how far samples are from training rows, beside rows that did not train.

    Args:
        into: where to.
        made: samples, (samples, numbers).
        rows: as many that did not train.
        train: training rows, in pieces.
    """
    far = {"samples": find_nearest(made, train)[1], "rows": find_nearest(rows, train)[1]}
    nearer = tell_nearer(far["samples"], far["rows"])
    columns: dict[str, Sequence[Any]] = {
        "what": ["samples", "rows that did not train"],
        "median distance": [float(np.median(one)) for one in far.values()],
        "smallest distance": [float(np.min(one)) for one in far.values()],
    }
    caption = (
        "how far each is from its nearest training row; of all pairs the sample is the nearer one "
        f"in {nearer:.0%}: about 50 % where nothing is copied, 100 % of copies"
    )
    into.table("copies", columns, title="Does it copy?", caption=caption)


def tell_nearer(samples: Values, rows: Values) -> float:
    """The share of pairs in which a sample's distance is the smaller one, ties by half.

    That is the statistic of Mann and Whitney by the number of pairs, as a test for copied training
    rows (Meehan and others, 2020, arXiv:2004.05675).
    """
    order = np.sort(rows)
    below, up_to = (np.searchsorted(order, samples, side) for side in ("left", "right"))
    return float(1 - (below + up_to).mean() / (2 * len(rows)))


def find_nearest(
    rows: Values, among: Sequence[Values], apart: bool = False
) -> tuple[Values, Values]:
    """The nearest of some rows to each row, and how far it is.

    Args:
        rows: (rows, numbers).
        among: (others, numbers), in pieces.
        apart: whether the first of the first piece are the rows themselves, which are not meant.
    """
    mine = torch.from_numpy(rows)
    least, found = np.full(len(rows), np.inf), np.zeros_like(rows)
    for number, piece in enumerate(among):
        far = _squares(mine, torch.from_numpy(piece))
        if apart and not number:
            far.fill_diagonal_(np.inf)
        places = far.argmin(dim=1).numpy()
        away = np.sqrt(((rows - piece[places]) ** 2).sum(axis=1))
        nearer = away < least
        least, found = (
            np.where(nearer, away, least),
            np.where(nearer[:, None], piece[places], found),
        )
    return found, least


def _squares(rows: Tensor, among: Tensor) -> Tensor:
    """Squared distances by a product, which is fast; the nearest one's is taken exactly later."""
    lengths = rows.square().sum(dim=1, keepdim=True) + among.square().sum(dim=1)
    found: Tensor = lengths.addmm(rows, among.T, alpha=-2)
    return found
