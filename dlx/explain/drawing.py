"""Pictures of numbers: colours, tiles, a strip that says what is seen. Pixels are (H, W, 3)."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

Pixels = npt.NDArray[np.uint8]
Numbers = npt.NDArray[Any]
GAP = 3
_LETTERS = 12  # points
_LINE = 16  # pixels
_NARROW = 360
"""Pixels that a strip is wide, at least."""
_PAPER, _INK = (255, 255, 255), (28, 30, 33)


def as_pixels(picture: Numbers) -> Pixels:
    """A picture as people see it.

    Args:
        picture: (channels, height, width) or (height, width): bytes as they are, other numbers from
            the least to the largest. Three channels are colours; of any other number, the mean.
    """
    whole = picture if picture.ndim == 3 else picture[None]
    if whole.dtype != np.uint8:
        low, high = float(whole.min()), float(whole.max())
        whole = np.rint((whole - low) / ((high - low) or 1.0) * 255)
    if len(whole) != 3:
        whole = np.repeat(np.rint(whole.mean(axis=0, keepdims=True)), 3, axis=0)
    return np.ascontiguousarray(np.moveaxis(whole.astype(np.uint8), 0, 2))


def colour(values: Numbers, colours: Literal["viridis", "jet", "RdBu_r"] = "viridis") -> Pixels:
    """Numbers from 0 to 1 in the colours of Matplotlib's map of this name, (..., 3)."""
    places = np.rint(np.clip(np.nan_to_num(values), 0, 1) * 255).astype(np.int64)
    found: Pixels = _colours(colours)[places]
    return found


@cache
def _colours(name: str) -> Pixels:
    from matplotlib import colormaps

    found = colormaps[name](np.arange(256), bytes=True)[:, :3]
    return np.ascontiguousarray(found, dtype=np.uint8)


def enlarge(pixels: Numbers, least: int) -> Numbers:
    """Each pixel as a square of several, so that the picture has so many pixels a side at least."""
    times = max(1, math.ceil(least / max(pixels.shape[:2])))
    return pixels.repeat(times, axis=0).repeat(times, axis=1)


def tile(pictures: Sequence[Pixels], across: int, gap: int = GAP) -> Pixels:
    """Pictures of one size side by side, so many in a row, on white."""
    high, wide = pictures[0].shape[:2]
    across = min(across, len(pictures))
    down = math.ceil(len(pictures) / across)
    shape = (down * (high + gap) - gap, across * (wide + gap) - gap, 3)
    sheet = np.full(shape, 255, np.uint8)
    for place, one in enumerate(pictures):
        top, left = place // across * (high + gap), place % across * (wide + gap)
        sheet[top : top + high, left : left + wide] = one
    return sheet


def resize(picture: Numbers, height: int, width: int) -> Numbers:
    """Numbers (height, width) at another size, bilinear, the corners of pixels on each other."""
    down, across = _mix(picture.shape[0], height), _mix(picture.shape[1], width)
    return np.asarray(down @ picture @ across.T)


def _mix(old: int, new: int) -> Numbers:
    """How much of each old pixel is in each new one, (new, old)."""
    places = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    first = np.minimum(places.astype(np.int64), max(0, old - 2))
    mix = np.zeros((new, old))
    mix[np.arange(new), first] = 1 - (places - first)
    mix[np.arange(new), np.minimum(first + 1, old - 1)] += places - first
    return mix


def write_above(pixels: Pixels, lines: Sequence[str]) -> Pixels:
    """A picture with a strip above it that says what is seen; long lines are wrapped."""
    from PIL import Image, ImageDraw

    font, width = _font(), max(_NARROW, pixels.shape[1])
    letters = max(20, int((width - 8) / font.getlength("n")))
    wrapped = [part for line in lines for part in textwrap.wrap(line, letters) or [""]]
    strip = Image.new("RGB", (width, _LINE * len(wrapped) + 8), _PAPER)
    draw = ImageDraw.Draw(strip)
    for number, line in enumerate(wrapped):
        draw.text((4, 4 + _LINE * number), line, fill=_INK, font=font)
    whole = np.full((strip.height + pixels.shape[0], width, 3), 255, np.uint8)
    whole[: strip.height] = np.asarray(strip)
    whole[strip.height :, : pixels.shape[1]] = pixels
    return whole


@cache
def _font() -> FreeTypeFont | ImageFont:
    """Matplotlib's own letters: the same on every machine."""
    from matplotlib import get_data_path
    from PIL import ImageFont

    return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf", _LETTERS)


def png(pixels: Pixels) -> bytes:
    """A PNG file with nothing in it but pixels."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
