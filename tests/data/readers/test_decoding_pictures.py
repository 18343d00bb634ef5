"""Pictures in files become bytes of one size; what is none is told, before room is made for it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as oracle
from PIL import Image

from dlx.data.readers.pictures import BrokenPictureError, decode

RNG = np.random.default_rng(0)
SMOOTH = np.cumsum(np.cumsum(RNG.normal(size=(40, 30, 3)), 0), 1)
PIXELS = (255 * (SMOOTH - SMOOTH.min()) / np.ptp(SMOOTH)).astype(np.uint8)


def packed(pixels: Any = PIXELS, kind: str = "PNG", mode: str = "RGB", **more: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **more)
    return file.getvalue()


def sized(jpeg: bytes, height: int, width: int) -> bytes:
    """The same file, whose header tells another size."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + jpeg[at + 4 :]


@pytest.mark.parametrize("size", [8, 30, 55])
def test_pictures_are_stretched_as_torchvision_does(size: int) -> None:
    found = decode(packed(), "PNG", size)

    tensor = torch.from_numpy(PIXELS).permute(2, 0, 1)
    cubic = oracle.InterpolationMode.BICUBIC
    wanted = oracle.resize(tensor, [size, size], cubic, antialias=True).numpy()
    assert found.shape == (3, size, size)
    assert np.abs(found.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_whatever_its_colours_it_has_three(mode: str) -> None:
    found = decode(packed(kind="JPEG", mode=mode, quality=100), "JPEG", 30)

    wanted = Image.fromarray(PIXELS).convert(mode).convert("RGB").resize((30, 30), 3)
    assert np.abs(found.astype(int) - np.moveaxis(np.asarray(wanted), 2, 0)).max() <= 12


def test_a_picture_that_was_taken_upside_down_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3

    found = decode(packed(kind="JPEG", exif=exif), "JPEG", 16)

    np.testing.assert_array_equal(found[:, ::-1, ::-1], decode(packed(kind="JPEG"), "JPEG", 16))


JPEG = packed(kind="JPEG")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "it is no JPEG picture"),
        (b"GIF89a", "it is no JPEG picture"),
        (packed(), "it is no JPEG picture"),
        (JPEG[:-200], "image file is truncated"),
        (sized(JPEG, 10_000, 9_000), "it has 9,000 x 10,000 pixels"),
        (sized(JPEG, 65_000, 65_000), "exceeds limit"),
    ],
)
def test_what_is_no_picture_is_told(data: bytes, told: str) -> None:
    with pytest.raises(BrokenPictureError, match=told):
        decode(data, "JPEG", 16)
