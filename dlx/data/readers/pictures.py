"""Pictures in files of known formats as bytes of one size; what was mended of them is told."""

from __future__ import annotations

import io
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...config.specs.pictures import Decoding

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 50_000_000
"""Of a picture in a file: its header is asked before room is made for any."""

TURNED = "turned upright by its EXIF orientation"
SEVERAL = "several frames or pages, of which the first was taken"
CMYK = "colours of print (CMYK), converted to red, green and blue"
DEEP = "more than 8 bits a colour, of which the upper 8 were kept"
TRANSPARENT = "transparent in places, which became white"
GREY = "grey, with three equal channels"
DISGUISED = "of another format than its name says"
"""What may have been done to a picture, or is odd about it."""

ENDINGS = {
    **dict.fromkeys(("jpg", "jpeg", "jpe", "jfif"), "jpeg"),
    **dict.fromkeys(("bmp", "dib"), "bmp"),
    **dict.fromkeys(("tif", "tiff"), "tiff"),
    **{kind: kind for kind in ("png", "gif", "webp")},
}
"""What names of pictures end in, and the format that this stands for."""

_ORIENTATION = 0x0112
_TURNS = {  # of EXIF's values, Pillow's names
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_ASIDE = (5, 6, 7, 8)
"""Those after which height and width have changed places."""
_MANY = ("GIF", "PNG", "WEBP", "TIFF")
"""Formats that may have several frames; those of a telephone's JPEG are the same picture."""
_WIDE = ("I;16", "I;16B", "I;16L", "I;16N", "I")
_CLEAR = ("LA", "PA", "RGBA", "La", "RGBa")


BLOCKS = 8
"""Of at most 16 MiB each, that Pillow keeps for the next picture."""
_PILLOW = ("ignore", None, Warning, re.compile(r"PIL\b"), 0)
"""As the list of what is filtered has it."""


class BrokenPictureError(ValueError):
    """What is no picture of the formats; the message says why."""


@dataclass(frozen=True)
class Picture:
    """A picture as bytes.

    Attributes:
        pixels: of shape (channels, height, width).
        mended: what was done to it beside resizing, the constants above.
    """

    pixels: npt.NDArray[np.uint8]
    mended: tuple[str, ...]


def decode(data: bytes, how: Decoding) -> npt.NDArray[np.uint8]:
    """A picture as `open_picture` has it, its bytes alone."""
    return open_picture(data, how).pixels


def open_picture(data: bytes, how: Decoding, name: str = "") -> Picture:
    """A picture upright, of one size, with 8 bits a colour.

    Of 16 bits the upper 8 are kept, what is transparent stands before white, and of several
    frames the first is taken. Colour profiles are not applied. Pixels are Pillow's bicubic means
    of all that they cover.

    Args:
        data: the whole file.
        how: its formats, of which no other is tried; its size and colours.
        name: of the file, which may say another format than it is of.

    Raises:
        BrokenPictureError: it is of another format, damaged, cut short or too large.
    """
    with _opened(data, how.formats) as opened:
        mended: list[str] = []
        picture = _colour(_turn(opened, mended), how, mended)
        pixels = np.asarray(_resize(picture, how))
        mended += [DISGUISED] if _is_disguised(name, str(opened.format)) else []
    pixels = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0)
    return Picture(np.ascontiguousarray(pixels), tuple(mended))


def sides_of(data: bytes, formats: Sequence[str]) -> tuple[int, int]:
    """Height and width of a picture when it is upright, by its header.

    Raises:
        BrokenPictureError: it is of another format, damaged or too large.
    """
    with _opened(data, formats) as opened:
        width, height = opened.size
        try:
            turned = opened.getexif().get(_ORIENTATION, 1) in _ASIDE
        except Exception:  # as in `_turn`
            turned = False
    return (width, height) if turned else (height, width)


@contextmanager
def _opened(data: bytes, formats: Sequence[str]) -> Iterator[Image]:
    """A picture whose header is sound; within it, whatever a decoder stumbles over is told of.

    Raises:
        BrokenPictureError: it is of another format, damaged, cut short or too large.
    """
    from PIL import Image, UnidentifiedImageError

    _set_up()
    try:
        with Image.open(io.BytesIO(data), formats=[kind.upper() for kind in formats]) as opened:
            _require_small(opened)
            yield opened
    except UnidentifiedImageError:
        raise BrokenPictureError(f"it is no picture in {_join(formats)}") from None
    except Image.DecompressionBombError:
        raise BrokenPictureError(f"it has more than {MAX_PIXELS:,} pixels") from None
    except (BrokenPictureError, MemoryError):
        raise
    except Exception as error:  # whatever a decoder stumbles over in a file from anywhere
        raise BrokenPictureError(str(error) or type(error).__name__) from error


def _join(names: Sequence[str]) -> str:
    """Names in a row, "or" before the last."""
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _is_disguised(name: str, kind: str) -> bool:
    """Whether a name ends as those of another format do."""
    named = ENDINGS.get(name.rpartition(".")[2].lower())
    return named is not None and named != {"MPO": "jpeg"}.get(kind, kind.lower())


def _set_up() -> None:
    """What all pictures have in common, for good: threads share how Pillow is set.

    It warns nobody of odd metadata, and uses memory again, which halves what a small picture costs.
    """
    if _PILLOW not in warnings.filters:
        warnings.filterwarnings("ignore", module=_PILLOW[3].pattern)
    if "PILLOW_BLOCKS_MAX" not in os.environ:
        from PIL.Image import core  # type: ignore[attr-defined]

        if core.get_blocks_max() < BLOCKS:
            core.set_blocks_max(BLOCKS)


def _require_small(opened: Image) -> None:
    width, height = opened.size
    if width * height > MAX_PIXELS:
        told = f"it has {width:,} x {height:,} pixels, more than {MAX_PIXELS:,}"
        raise BrokenPictureError(told)


def _turn(opened: Image, mended: list[str]) -> Image:
    """The first frame, upright."""
    from PIL import Image as Pillow

    if opened.format in _MANY and getattr(opened, "is_animated", False):
        mended.append(SEVERAL)
        opened.seek(0)
    if ";16" in str(getattr(opened, "tile", "")):  # of colours: Pillow makes them 8 itself
        mended.append(DEEP)
    try:
        turn = _TURNS.get(opened.getexif().get(_ORIENTATION, 1))
    except Exception:  # a picture whose notes are damaged is a picture
        turn = None
    opened.load()
    if turn is None:
        return opened
    mended.append(TURNED)
    return opened.transpose(Pillow.Transpose[turn])


def _colour(picture: Image, how: Decoding, mended: list[str]) -> Image:
    """A picture in red, green and blue, or in grey."""
    if picture.mode in _WIDE:
        picture = _narrow(picture, mended)
    if picture.mode == "F":
        raise BrokenPictureError("its pixels are fractions (32-bit floating point)")
    if picture.mode in _CLEAR or "transparency" in picture.info:
        picture = _fill(picture, mended)
    if picture.mode == "CMYK":
        mended.append(CMYK)
    if how.colour == "grey":
        return picture.convert("L")
    if picture.mode in ("1", "L"):
        mended.append(GREY)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _narrow(picture: Image, mended: list[str]) -> Image:
    """A grey picture of 16 bits as one of 8."""
    from PIL import Image as Pillow

    levels = np.asarray(picture)
    if levels.min() < 0 or levels.max() > 0xFFFF:
        raise BrokenPictureError("its pixels have more than 16 bits")
    if DEEP not in mended:
        mended.append(DEEP)
    return Pillow.fromarray((levels.astype(np.uint16) >> 8).astype(np.uint8))


def _fill(picture: Image, mended: list[str]) -> Image:
    """A picture before white, where anything of it is transparent."""
    from PIL import Image as Pillow

    clear = picture.convert("RGBA")
    lowest: Any = clear.getextrema()
    if lowest[3][0] == 255:
        return picture
    mended.append(TRANSPARENT)
    white = Pillow.new("RGBA", clear.size, (255, 255, 255, 255))
    whole = Pillow.alpha_composite(white, clear)
    return whole.convert("L" if picture.mode in ("LA", "La", "L", "1") else "RGB")


def _resize(picture: Image, how: Decoding) -> Image:
    """A picture of the size that is asked for, by the rule that is."""
    from PIL import Image as Pillow

    height, width = how.sides
    bicubic = Pillow.Resampling.BICUBIC
    if picture.size == (width, height):
        return picture
    if how.resize == "stretch":
        return picture.resize((width, height), bicubic)
    if how.resize == "crop":
        return picture.resize((width, height), bicubic, box=_centre(picture, height, width))
    w, h = picture.size
    share = min(height / h, width / w)
    inner = max(1, min(width, round(w * share))), max(1, min(height, round(h * share)))
    whole = Pillow.new(picture.mode, (width, height))
    whole.paste(picture.resize(inner, bicubic), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return whole


def _centre(picture: Image, height: int, width: int) -> tuple[float, float, float, float]:
    """The box of a picture that is left where it is made to cover a size, and cut from its centre.

    As torchvision has it: the shorter side gets its size, the longer one is rounded down, and the
    place of the cut to even. Only what is left is computed.
    """
    w, h = picture.size
    wide = w * height >= h * width  # more than asked for
    nh, nw = (height, int(height * w / h)) if wide else (int(width * h / w), width)
    top, left = round((nh - height) / 2), round((nw - width) / 2)
    x, y = w / nw, h / nh
    return left * x, top * y, min(w, (left + width) * x), min(h, (top + height) * y)
