"""A picture as the only thing that moves: its pixels, its sizes, and what is left of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from ..judging.evaluation import Evaluation
from ..judging.means import Mean
from ..runs.artifacts import Artifacts
from ..seeds import derive
from ..sources.batches import Batch, Part
from ..state import State

Size = tuple[int, int]
"""Height and width."""
SHOWN = 320
"""Pixels of the longer side, at most, of what is kept after each epoch."""


class Picture(nn.Module):
    """A picture in red, green and blue; a number from 0 to 1 is a grey level, others may be passed.

    Args:
        pixels: (3, height, width).

    Attributes:
        octave: which of several sizes it has, from 0.
    """

    octave: Tensor

    def __init__(self, pixels: Tensor) -> None:
        super().__init__()
        self.pixels = nn.Parameter(pixels)
        self.register_buffer("octave", torch.zeros((), dtype=torch.int64, device=pixels.device))

    @torch.no_grad()
    def become(self, pixels: Tensor, octave: int = 0) -> None:
        """Takes other pixels, perhaps of another size."""
        self.pixels.data = pixels.detach().clone()
        self.octave.fill_(octave)

    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Takes what its state dict had, of whatever size.

        Raises:
            RuntimeError: it is another network's.
        """
        if set(weights) != {"pixels", "octave"} or weights["pixels"].ndim != 3:
            raise RuntimeError("they are not those of a picture")
        self.become(weights["pixels"].to(self.pixels.device), int(weights["octave"]))


class PictureSource:
    """Gives the pictures of a dataset in every step of an epoch, until the epoch has ended.

    Args:
        part: the pictures, a row of them.
        steps: in an epoch, at most.
        begin: is called before the steps of an epoch, and before those that are left of it.
        ended: whether the epoch has no further step.
    """

    def __init__(
        self,
        part: Part,
        steps: int,
        begin: Callable[[int], None] = lambda _: None,
        ended: Callable[[], bool] = lambda: False,
    ) -> None:
        self.steps = steps
        self._part, self._begin, self._ended = part, begin, ended

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """As many batches as steps are left."""
        self._begin(number)
        for _ in range(skip, self.steps):
            if self._ended():
                return
            yield self.probe()

    def probe(self) -> Batch:
        """The pictures."""
        return self._part.batch(0, len(self._part))

    def state(self) -> State:
        """Nothing: the learner knows what has ended."""
        return State()

    def restore(self, state: State) -> None:
        """Puts nothing back."""


def read_picture(batch: Batch, name: str) -> Tensor:
    """A picture of a dataset, (3, height, width) from 0 to 1."""
    given = batch.inputs[name]
    assert isinstance(given, Tensor)
    return given[0] / 255


def draw_noise(seed: int, purpose: str, size: Size, device: torch.device) -> Tensor:
    """A picture of noise, each number alike from 0 to 1."""
    generator = torch.Generator().manual_seed(derive(seed, purpose))
    return torch.rand(3, *size, generator=generator).to(device)


def size_of(picture: Tensor) -> Size:
    """Height and width."""
    return picture.shape[-2], picture.shape[-1]


@torch.no_grad()
def resize(picture: Tensor, size: Size) -> Tensor:
    """A picture of another size; on the CPU, so that it is the same wherever it is used."""
    if size_of(picture) == size:
        return picture.detach().clone()
    how: dict[str, Any] = {"mode": "bilinear", "antialias": True, "align_corners": False}
    found = F.interpolate(picture.detach().cpu()[None], size, **how)[0]
    return found.to(picture.device)


def as_shown(picture: Tensor) -> Tensor:
    """A picture as it can be shown: in whole grey levels, what lies beyond cut off."""
    return (picture.detach().clamp(0, 1) * 255).round() / 255


def as_image(picture: Tensor) -> npt.NDArray[np.uint8]:
    """The same as bytes."""
    levels: npt.NDArray[np.uint8] = (as_shown(picture) * 255).round().byte().cpu().numpy()
    return levels


def leave_picture(into: Artifacts, picture: Tensor, size: Size, caption: str) -> None:
    """Keeps a picture: after an epoch a small one, at the end as it is, and a film of the epochs.

    Args:
        into: where to.
        picture: (3, height, width).
        size: that it has at the end.
        caption: of what epochs leave.
    """
    if into.epoch is None:
        into.pictures("picture", as_image(picture)[None], title="Picture")
        told = "the picture of one epoch after the other"
        into.film_of_epochs("film", "picture", 300, title="Film", caption=told)
        return
    share = min(1.0, SHOWN / max(size))
    small = max(1, round(size[0] * share)), max(1, round(size[1] * share))
    image = as_image(resize(picture, small))[None]
    into.pictures("picture", image, title="Picture", caption=caption)


def judge_picture(
    score: str,
    direction: Any,
    own: Tensor,
    others: Mapping[str, tuple[Any, Tensor]],
) -> Evaluation:
    """A score of a picture, beside those of others.

    Args:
        score: its name, as in "picture/loss".
        direction: "min" or "max".
        own: of the picture.
        others: by name, of which kind and what score they are.
    """

    def estimate(name: str, kind: Any, value: Tensor) -> Mean:
        return Mean(name, kind, np.array([float(value)]))

    beaten = tuple(estimate(name, kind, value) for name, (kind, value) in others.items())
    return Evaluation(
        score, direction, "picture", estimate("model", "model", own), beaten, whole=True
    )
