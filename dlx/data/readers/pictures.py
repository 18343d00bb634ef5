"""Pictures in files of a known format as bytes of one size."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 64_000_000
"""Of a picture in a file: its header is asked before room is made for any."""


class BrokenPictureError(ValueError):
    """What is no picture of the format; the message says why."""


def decode(data: bytes, format: str, size: int) -> npt.NDArray[np.uint8]:  # noqa: A002
    """A picture, upright, in colour, stretched to a square.

    Grey pictures have three equal channels; what is transparent stands before black. Pixels are
    Pillow's bicubic means of all that they cover.

    Args:
        data: the whole file.
        format: the only one that is tried, as Pillow names it: "JPEG".
        size: height and width.

    Returns:
        Bytes of shape (3, size, size).

    Raises:
        BrokenPictureError: it is of another format, damaged, cut short or too large.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    quiet = warnings.catch_warnings(action="ignore")  # of odd metadata
    try:
        with quiet, Image.open(io.BytesIO(data), formats=[format]) as opened:
            _require_small(opened)
            picture = ImageOps.exif_transpose(opened).convert("RGB")
            picture = picture.resize((size, size), Image.Resampling.BICUBIC)
    except UnidentifiedImageError:
        raise BrokenPictureError(f"it is no {format} picture") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BrokenPictureError(str(error)) from error
    return np.ascontiguousarray(np.moveaxis(np.asarray(picture), 2, 0))


def _require_small(opened: Image) -> None:
    width, height = opened.size
    if width * height > MAX_PIXELS:
        raise BrokenPictureError(f"it has {width:,} x {height:,} pixels")
