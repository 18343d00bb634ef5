"""Layers that make pictures of numbers: another shape, more pixels, transposed convolutions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ..fields import option
from ..shapes import Place, Shape, shape_of
from .layer import Layer


@dataclass(frozen=True, kw_only=True)
class Reshape(Layer):
    """The same numbers in another shape: (values), (time, features), (channels, height, width)."""

    sizes: tuple[int, ...] = option(
        help="of the axes, as in [64, 7, 7] for an image of 64 channels", ge=1, example="[1, 1, 6]"
    )

    def after(self, shape: Shape, place: Place) -> Shape:
        """A vector, a sequence or an image, by how many sizes there are."""
        given = place.take_whole(place.take_numbers(shape)).flat()
        told, wanted = " x ".join(map(str, self.sizes)), math.prod(self.sizes)
        if not 1 <= len(self.sizes) <= 3:
            what = f"makes an array of {len(self.sizes)} axes"
            raise place.refusal(what, "one to three sizes", f"for an image [{wanted}, 1, 1]")
        if given.sizes[0] not in (0, wanted):
            what = f"has {told} = {wanted} numbers to fill, but {given.sizes[0]} reach it"
            hint = f"a layer of {wanted} numbers before it, as in {{linear: {wanted}}}"
            raise place.refusal(what, f"sizes whose product is {given.sizes[0]}", hint)
        return shape_of(self.sizes, images=False)


@dataclass(frozen=True, kw_only=True)
class Upsample(Layer):
    """Each pixel of an image as several: more height and width without weights."""

    factor: int = option(2, "times as high and as wide", ge=1)
    mode: Literal["nearest", "bilinear"] = option(
        "nearest", "repeat each pixel, or blend between neighbours"
    )

    def after(self, shape: Shape, place: Place) -> Shape:
        """The same channels with more places."""
        place.take(shape, "image")
        return shape.resize(shape.channels, tuple(size * self.factor for size in shape.places))


@dataclass(frozen=True, kw_only=True)
class ConvTranspose2d(Layer):
    """Transposed convolution: each pixel adds a window to a larger image (Dumoulin, 2016)."""

    channels: int = option(help="filters", ge=1, example="32", aliases=("filters",))
    kernel: int = option(3, "window length", ge=1, aliases=("kernel_size",))
    stride: int = option(1, "step between windows: times as high and as wide", ge=1)
    padding: Literal["valid", "same"] = option(
        "valid",
        "keep all that windows reach (valid), or stride times the size: what is more is cut (same)",
    )
    bias: bool = option(True, "add a learned bias")

    def after(self, shape: Shape, place: Place) -> Shape:
        """Stride times the size, and what the last window reaches beyond it unless it is cut."""
        place.take(shape, "image")
        beyond = max(self.kernel - self.stride, 0) if self.padding == "valid" else 0
        sizes = tuple(size and size * self.stride + beyond for size in shape.places)
        return shape.resize(self.channels, sizes)
