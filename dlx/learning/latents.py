"""What is to be looked at of an autoencoder: samples, reconstructions, the plane of its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..data.columns import Rows
from ..data.samples import Samples
from ..runs.artifacts import Artifacts
from ..runs.pixels import WIDEST
from ..sources.noise import normal_rows

SAMPLES = 64
ACROSS = 15
"""Pictures along a side of the latent plane."""
PAIRS = 4
"""Groups of lines of pictures: a line of originals, and one for each thing that became of them."""
WAY = 10
"""Pictures from one to another."""
SMALLEST = 32
"""Pixels of a picture's side, below which each pixel is drawn as several."""

Decode = Callable[[Tensor], Tensor]
"""Latent numbers, (rows, latent) -> pixels from 0 to 1, (rows, pixels)."""
Pictures = npt.NDArray[np.float32]


def as_pictures(pixels: Tensor, shape: Sequence[int]) -> Pictures:
    """Rows of pixels as (rows, channels, height, width), with 1 or 3 channels, not too small."""
    channels, high, wide = shape if len(shape) == 3 else (1, *shape)
    images = pixels.float().cpu().numpy().reshape(-1, channels, high, wide)
    if channels not in (1, 3):
        images = images.mean(axis=1, keepdims=True)
    factor = max(1, SMALLEST // max(high, wide))
    found: Pictures = images.repeat(factor, axis=2).repeat(factor, axis=3)
    return found


def leave_samples(
    into: Artifacts, decode: Decode, shape: Sequence[int], seed: int, latent: int
) -> None:
    """Pictures from random numbers, the same each time."""
    numbers = normal_rows(seed, "samples", np.arange(SAMPLES), latent)
    caption = "decoded from random numbers, the same after every epoch"
    images = as_pictures(decode(numbers), shape)
    into.pictures("samples", images, title="Samples", caption=caption)


def leave_plane(into: Artifacts, decode: Decode, shape: Sequence[int]) -> None:
    """The whole plane of two latent numbers: places between which there are as many samples.

    So the k-th of n places along an axis is the quantile (k - 1/2) / n of the normal distribution.
    """
    side = as_pictures(torch.zeros(1, int(np.prod(shape))), shape).shape[-1]
    many = min(ACROSS, WIDEST // (side + 2))
    ends = torch.special.ndtri((torch.arange(many) + 0.5) / many)
    places = torch.cartesian_prod(ends.flip(0), ends).flip(1)  # from the top: the second falls
    caption = "the first number grows to the right, the second upwards; as many samples lie between"
    images = as_pictures(decode(places), shape)
    into.pictures("plane", images, title="The plane of latent numbers", caption=caption)


def leave_lines(
    into: Artifacts, kinds: Sequence[Tensor], shape: Sequence[int], caption: str
) -> None:
    """Lines of originals, and below each what became of them: a square of pictures.

    Args:
        into: takes them.
        kinds: originals, then what became of each, (rows, pixels) all; too few leave nothing.
        shape: of a picture.
        caption: what is seen.
    """
    many = len(kinds)
    size = next((n for n in range(PAIRS, 0, -1) if many * n * n <= len(kinds[0])), 0)
    if not size:
        return
    across = many * size
    starts = range(0, across * size, across)
    images = as_pictures(torch.cat([k[at : at + across] for at in starts for k in kinds]), shape)
    into.pictures("reconstructions", images, rows=True, title="Reconstructions", caption=caption)


def leave_between(into: Artifacts, mean: Tensor, decode: Decode, shape: Sequence[int]) -> None:
    """What lies between the numbers of two rows, pair after pair: a straight way, `WAY` steps."""
    pairs = mean[: len(mean) // 2 * 2].reshape(-1, 2, mean.shape[1])
    if not len(pairs):
        return
    places = torch.linspace(0, 1, WAY, device=mean.device)[None, :, None]
    numbers = torch.lerp(pairs[:, :1], pairs[:, 1:], places).flatten(0, 1)
    caption = "each row on a straight way from the numbers of one picture to those of another"
    images = as_pictures(decode(numbers), shape)
    into.pictures(
        "between", images, rows=True, across=WAY, title="Between two pictures", caption=caption
    )


def leave_places(
    into: Artifacts, mean: Tensor, divergence: Tensor, samples: Samples, rows: Rows
) -> None:
    """Where rows lie in the plane of the two numbers that tell most, coloured by a class.

    Args:
        into: takes them.
        mean: of each row's latent numbers, (rows, latent), two at least.
        divergence: of each number of each row, likewise.
        samples: the dataset; its first target of classes colours the places.
        rows: the rows in it.
    """
    told = divergence.mean(dim=0).sort(descending=True, stable=True).indices[:2].sort().values
    places = mean[:, told].double().cpu().numpy()
    columns: dict[str, Any] = {
        f"latent {at + 1}": places[:, n] for n, at in enumerate(told.tolist())
    }
    leave_coloured(into, "latent", columns, "Latent numbers", "the encoder's means", samples, rows)


def leave_coloured(
    into: Artifacts,
    name: str,
    columns: dict[str, Any],
    title: str,
    caption: str,
    samples: Samples,
    rows: Rows,
) -> None:
    """Where rows lie in a plane, coloured by the dataset's first target of classes, if any.

    Args:
        into: takes them.
        name: of the artifact.
        columns: the two axes by name, (rows,) each.
        title: of the plot.
        caption: what is seen.
        samples: the dataset.
        rows: the rows in it.
    """
    target = next((name for name in samples.targets if name in samples.classes), "")
    if target:
        names, ids = samples.classes[target], np.asarray(samples.columns[target].take(rows))
        order = np.argsort(ids, kind="stable")  # so that a legend names the classes in order
        columns = {name: values[order] for name, values in columns.items()}
        columns[target] = [names[number] for number in ids[order].tolist()]
        caption += f", coloured by {target}, which the learner was not told"
    into.points(name, columns, title=title, caption=caption)
