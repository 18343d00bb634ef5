"""Arrays as PNG files, with nothing in them but pixels."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

WIDEST = 4096
"""Pixels of a picture's side."""
_GAP = 2

Pixels = npt.NDArray[np.uint8]


def picture_of(images: npt.NDArray[Any], across: int = 0) -> bytes:
    """Images side by side, as many down as across, as a PNG file.

    Args:
        images: (images, channels, height, width) with 1 or 3 channels: bytes, or numbers from 0 to
            1; what lies beyond is cut off.
        across: how many side by side; 0: as many as down.

    Raises:
        ValueError: they have another shape, or the picture would be larger than `WIDEST` a side.
    """
    return _png([_image(_sheet(_pixels(images), across))])


def film_of(images: npt.NDArray[Any], ms: int) -> bytes:
    """Images one after the other, as an animated PNG file.

    Args:
        images: as in `picture_of`; or such images for each time, (times, images, ...), which are
            then seen side by side.
        ms: milliseconds that each is seen.

    Raises:
        ValueError: as in `picture_of`.
    """
    if images.ndim == 5:
        frames = [_image(_sheet(_pixels(one), 0)) for one in images]
    else:
        frames = [_image(one) for one in _pixels(images)]
    return _png(frames, save_all=True, append_images=frames[1:], duration=ms, loop=0)


def film_of_pictures(pictures: Sequence[bytes], ms: int) -> bytes:
    """Pictures one after the other, as an animated PNG file.

    Args:
        pictures: PNG files of one size, as from `picture_of`.
        ms: milliseconds that each is seen.

    Raises:
        ValueError: they are none, or of several sizes.
    """
    from PIL.PngImagePlugin import PngImageFile

    if len({size_of(one) for one in pictures}) != 1:
        raise ValueError("a film is made of pictures of one size")
    frames = [PngImageFile(io.BytesIO(one)) for one in pictures]
    return _png(frames, save_all=True, append_images=frames[1:], duration=ms, loop=0)


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG file as its header has them.

    Raises:
        ValueError: it is none, or larger than `WIDEST` a side.
    """
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    if png[:8] != b"\x89PNG\r\n\x1a\n" or png[12:16] != b"IHDR" or min(width, height) < 1:
        raise ValueError("it is no PNG file")
    return _check_size(width, height)


def _check_size(width: int, height: int) -> tuple[int, int]:
    if max(width, height) > WIDEST:
        raise ValueError(f"{width:,} x {height:,} pixels are more than {WIDEST:,} a side")
    return width, height


def _pixels(images: npt.NDArray[Any]) -> Pixels:
    """Bytes of shape (images, height, width, channels)."""
    if images.ndim != 4 or images.shape[1] not in (1, 3) or 0 in images.shape:
        told = "(images, channels, height, width) with 1 or 3 channels"
        raise ValueError(f"the images have the shape {images.shape}, expected {told}")
    if images.dtype != np.uint8:
        images = np.rint(255 * np.clip(np.nan_to_num(images), 0, 1)).astype(np.uint8)
    return np.ascontiguousarray(np.moveaxis(images, 1, -1))


def _sheet(images: Pixels, across: int) -> Pixels:
    many, high, wide, channels = images.shape
    across = across or math.ceil(math.sqrt(many))
    down = math.ceil(many / across)
    width, height = _check_size(across * (wide + _GAP) - _GAP, down * (high + _GAP) - _GAP)
    sheet = np.zeros((height, width, channels), np.uint8)
    for place, image in enumerate(images):
        top, left = place // across * (high + _GAP), place % across * (wide + _GAP)
        sheet[top : top + high, left : left + wide] = image
    return sheet


def _image(pixels: Pixels) -> Image:
    from PIL import Image

    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _png(images: Sequence[Image], **options: Any) -> bytes:
    _check_size(*images[0].size)
    buffer = io.BytesIO()
    images[0].save(buffer, "PNG", **options)
    return buffer.getvalue()
