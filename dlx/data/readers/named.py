"""Pictures that are named one by one, each of a size of its own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...config.specs.named import ACCEPTED, LARGEST, Named, OnePicture, TwoPictures
from ...config.specs.pictures import FORMATS, Decoding
from ...errors import Problem, UsageError
from ...files import read_bytes
from ..columns import Column, Image
from ..reader import Reader
from ..samples import Note, Samples
from ..store import place_of
from .pictures import BrokenPictureError, open_picture, sides_of

_SAMPLES = {"image": (160, 200), "content": (48, 64), "style": (64, 48)}
"""Height and width of made-up pictures, which none is made larger than."""


def _read(options: Named, folder: Path) -> Samples:
    columns: dict[str, Column] = {}
    notes: list[Note] = []
    for name in options.inputs:
        path = folder / f"{name}.png" if options.sample else place_of(folder, options, name)
        pixels, mended = _open(options, name, path)
        columns[name] = Image(pixels[None])
        notes += [(f"{name} {path.name}: {what}", 1) for what in mended]
    return Samples(columns, options.inputs, (), notes=tuple(notes))


def _open(options: Named, name: str, path: Path) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]]:
    """A picture of the size that is asked for, and what was mended of it.

    Raises:
        UsageError: it is none, or too large.
    """
    data = read_bytes(path, None)
    try:
        sides = _choose_sides(options, sides_of(data, FORMATS))
        if max(sides) > LARGEST:
            told = f"it has {sides[0]:,} x {sides[1]:,} pixels, more than {LARGEST:,} a side"
            hint = "dataset.size=400" if options.size is None else "dataset.size=[400,400]"
            raise _refuse(name, path, told, hint)
        found = open_picture(data, Decoding(size=sides), path.name)
    except BrokenPictureError as error:
        raise _refuse(name, path, str(error), f"dataset.{name}=FILE") from None
    return found.pixels, found.mended


def _choose_sides(options: Named, sides: tuple[int, int]) -> tuple[int, int]:
    """Height and width that a picture gets."""
    size, (height, width) = options.size, sides
    if size is None:
        return sides
    if isinstance(size, tuple):
        return size[0], size[1]
    size = min(size, height) if options.sample else size
    return size, max(1, round(width * size / height))


def _refuse(name: str, path: Path, why: str, hint: str) -> UsageError:
    what = f"`dataset.{name}` is {path.name}, which cannot be used: {why}"
    return UsageError(Problem(what, str(path), ACCEPTED, hint))


def _write_sample(names: tuple[str, ...], folder: Path) -> None:
    """Waves of colour, of another direction in each picture."""
    from PIL import Image as Pillow

    for place, name in enumerate(names):
        height, width = _SAMPLES[name]
        down, across = np.mgrid[:height, :width] / 6.0
        waves = [np.sin(down * (1 + c + place) + across * (2 - c)) for c in range(3)]
        pixels = np.rint(127.5 * (1 + np.stack(waves, axis=-1))).astype(np.uint8)
        Pillow.fromarray(pixels).save(folder / f"{name}.png")


def _reader(kind: type[Named]) -> Reader:
    return Reader(_read, partial(_write_sample, kind.inputs), decoder="pillow")


picture, picture_pair = _reader(OnePicture), _reader(TwoPictures)
