"""Pictures of one size, kept as bytes until the batch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ..profile import Profile, of_many
from ..unlike import PICTURE, PICTURES, Unlike, beyond, describe_pictures, evenly, limits_of
from .base import Array, Input, Numeric, Rows, Shown

_LEVELS = np.arange(256.0)
_AT_ONCE = 64
"""Pictures in memory while they are described."""


class Pictures(Numeric):
    """Base of columns of pictures: a byte b stands for (b - mean) / std, channel by channel.

    Those that are kept in another way are the same to a pipeline.

    Attributes:
        mean: of each channel; empty: 0.
        std: of each channel; empty: 1.
    """

    fed_as: ClassVar[str] = "image"
    instead: ClassVar[str] = (
        "leave it out: scale and standardise are for pictures, and model=mlp flattens them"
    )

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    @abstractmethod
    def sizes(self) -> tuple[int, ...]:
        """Of a picture: channels, height, width."""

    @abstractmethod
    def count_levels(self) -> npt.NDArray[np.int64]:
        """How often each channel has each byte, (channels, 256)."""

    @abstractmethod
    def several(self, rows: Rows) -> Array:
        """Some rows as bytes, (rows, channels, height, width)."""

    def remember(self, rows: Rows) -> dict[str, Array]:
        """The ranges of brightness and contrast, in bytes."""
        return limits_of(self._describe_each(evenly(rows, PICTURES)))

    def compare(self, known: Mapping[str, Array]) -> Unlike | None:
        """How far out of these ranges each picture lies."""
        return beyond(self._describe_each(np.arange(len(self))), PICTURE, known)

    def _describe_each(self, rows: Rows) -> Array:
        blocks = np.split(rows, range(_AT_ONCE, len(rows), _AT_ONCE))
        return np.concatenate([describe_pictures(self.several(block)) for block in blocks])

    def __post_init__(self) -> None:
        channels = self.sizes[0]
        object.__setattr__(self, "mean", self.mean or (0.0,) * channels)
        object.__setattr__(self, "std", self.std or (1.0,) * channels)

    @property
    def holds(self) -> str:
        """What it holds, in words."""
        return f"pictures of {' x '.join(map(str, self.sizes))} bytes"

    def describe(self) -> Input:
        """Numbers of the shape (channels, height, width)."""
        scaled = any(self.mean) or any(one != 1 for one in self.std)
        return Input("dense", self.sizes, scaled=scaled)

    def moments(self) -> tuple[Array, Array]:
        """Mean and standard deviation of each channel."""
        shares = self.count_levels() / max(1, len(self) * self.sizes[1] * self.sizes[2])
        mean = shares @ _LEVELS
        spread = np.sqrt((shares * (_LEVELS - mean[:, None]) ** 2).sum(axis=1))
        return self._scaled(mean), spread / self.std

    def limits(self) -> tuple[Array, Array]:
        """The smallest and the largest value of each channel."""
        ends = [np.flatnonzero(counts)[[0, -1]] for counts in self.count_levels()]
        low, high = np.transpose(ends)
        return self._scaled(low), self._scaled(high)

    def shades(self, rows: Rows) -> tuple[Array, Array]:  # noqa: ARG002 - the same for all rows
        """What the bytes 0 and 255 stand for, of each channel."""
        ends = np.broadcast_to(np.array([[0.0], [255.0]]), (2, len(self.mean)))
        return self._scaled(ends[0]), self._scaled(ends[1])

    def _scaled(self, levels: Array) -> Array:
        return np.asarray((levels - np.array(self.mean)) / np.array(self.std))

    def divide(self, by: float) -> Self:
        """The same bytes, each of which stands for its value divided by a number."""
        return self.rescale(np.zeros(len(self.mean)), np.full(len(self.mean), by))

    def rescale(self, offset: Any, width: Any) -> Self:
        """The same bytes, each of which stands for (its value - offset) / width of its channel."""
        mean, std = np.array(self.mean), np.array(self.std)
        mean, std = mean + std * np.asarray(offset), std * np.asarray(width)
        return self.stand_for(tuple(mean.tolist()), tuple(std.tolist()))

    @abstractmethod
    def stand_for(self, mean: tuple[float, ...], std: tuple[float, ...]) -> Self:
        """The same bytes with another mean and std of each channel."""


@dataclass(frozen=True, eq=False)
class Image(Pictures):
    """Rows of pictures in memory.

    Attributes:
        pixels: uint8 of shape (rows, channels, height, width).
        mean: of each channel; empty: 0.
        std: of each channel; empty: 1.
    """

    kind: ClassVar[str] = "image"
    held: ClassVar[str] = "dlx.sources.images:HeldImages"

    pixels: npt.NDArray[np.uint8]
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of a picture: channels, height, width."""
        return self.pixels.shape[1:]

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, rows: Rows) -> Self:
        """These rows, in this order."""
        return replace(self, pixels=self.pixels[rows])

    def stand_for(self, mean: tuple[float, ...], std: tuple[float, ...]) -> Self:
        """The same bytes with another mean and std of each channel."""
        return replace(self, mean=mean, std=std)

    def hashes(self, rows: Rows) -> list[bytes]:
        """The bytes of each of these rows."""
        pixels = np.asarray(self.pixels)  # a mapped array takes ten times as long for a row
        return [pixels[row].tobytes() for row in rows.tolist()]

    def show(self, row: int) -> Shown:
        """The picture."""
        return Shown("image", np.asarray(self.pixels[row]))

    def several(self, rows: Rows) -> Array:
        """Some rows as bytes, (rows, channels, height, width)."""
        return self.pixels[rows]

    def profile(self, name: str) -> Iterator[Profile]:
        """The pictures as a whole, in bytes."""
        yield of_many(name, self.pixels)

    def count_levels(self) -> npt.NDArray[np.int64]:
        """How often each channel has each byte, (channels, 256); a picture at a time."""
        counts = np.zeros((self.sizes[0], 256), np.int64)
        for picture in self.pixels:
            for channel, bytes_of in enumerate(picture):
                counts[channel] += np.bincount(bytes_of.ravel(), minlength=256)
        return counts
