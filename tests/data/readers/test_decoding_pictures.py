"""Pictures in files become bytes of one size; what is none is told, before room is made for it."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as oracle
from PIL import Image

from dlx.config.specs.pictures import Decoding
from dlx.data.readers import pictures
from dlx.data.readers.pictures import BrokenPictureError, decode, open_picture

RNG = np.random.default_rng(0)
SMOOTH = np.cumsum(np.cumsum(RNG.normal(size=(40, 30, 3)), 0), 1)
PIXELS = (255 * (SMOOTH - SMOOTH.min()) / np.ptp(SMOOTH)).astype(np.uint8)
WHOLE = Decoding(size=(40, 30))
"""As the pixels lie in the file."""
CUBIC = oracle.InterpolationMode.BICUBIC


def packed(pixels: Any = PIXELS, kind: str = "PNG", mode: str = "RGB", **more: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **more)
    return file.getvalue()


def saved(picture: Image.Image, kind: str = "PNG", **more: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **more)
    return file.getvalue()


def sized(jpeg: bytes, height: int, width: int) -> bytes:
    """The same file, whose header tells another size."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + jpeg[at + 4 :]


def sized_png(height: int, width: int) -> bytes:
    """A PNG of a header and no pixels."""
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT")
    packed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def centre(tensor: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """torchvision's resize to the shorter side that covers a size, and its cut from the centre."""
    (height, width), (h, w) = size, tensor.shape[-2:]
    wide = w * height >= h * width
    covering = (height, int(height * w / h)) if wide else (int(width * h / w), width)
    return oracle.center_crop(oracle.resize(tensor, covering, CUBIC, antialias=True), list(size))


def filled(tensor: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """torchvision's resize to a size within another, and its filling with black."""
    (height, width), (h, w) = size, tensor.shape[-2:]
    share = min(height / h, width / w)
    inner = [round(h * share), round(w * share)]
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    found = oracle.resize(tensor, inner, CUBIC, antialias=True)
    return oracle.pad(found, [left, top, width - inner[1] - left, height - inner[0] - top])


@pytest.mark.parametrize("size", [(8, 8), (30, 30), (55, 55), (16, 40), (33, 9)])
def test_sizes_are_made_as_torchvision_does(size: tuple[int, int]) -> None:
    tensor = torch.from_numpy(PIXELS).permute(2, 0, 1)
    wanted = {
        "stretch": oracle.resize(tensor, list(size), CUBIC, antialias=True),
        "crop": centre(tensor, size),
        "fit": filled(tensor, size),
    }
    for rule, known in wanted.items():
        found = decode(packed(), Decoding(size=size, resize=rule))  # type: ignore[arg-type]
        assert found.shape == (3, *size)
        assert np.abs(found.astype(int) - known.numpy()).max() <= 1, rule


def test_a_square_is_cut_as_torchvision_cuts_it_of_one_number() -> None:
    tensor = torch.from_numpy(PIXELS).permute(2, 0, 1)
    known = oracle.center_crop(oracle.resize(tensor, [24], CUBIC, antialias=True), [24, 24])

    found = decode(packed(), Decoding(size=24, resize="crop"))

    assert np.abs(found.astype(int) - known.numpy()).max() <= 1


@pytest.mark.parametrize("rule", ["stretch", "fit", "crop"])
def test_a_line_of_pixels_has_a_size_too(rule: Any) -> None:
    for shape in ((1, 20_000, 3), (20_000, 1, 3)):
        found = decode(packed(np.full(shape, 200, np.uint8)), Decoding(size=8, resize=rule))
        assert found.shape == (3, 8, 8)
        assert found.max() == 200


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_whatever_its_colours_it_has_three(mode: str) -> None:
    found = decode(packed(kind="JPEG", mode=mode, quality=100), Decoding(size=30))

    wanted = Image.fromarray(PIXELS).convert(mode).convert("RGB").resize((30, 30), 3)
    assert np.abs(found.astype(int) - np.moveaxis(np.asarray(wanted), 2, 0)).max() <= 12


def test_grey_has_one_channel() -> None:
    found = open_picture(packed(), Decoding(size=(40, 30), colour="grey"))

    assert found.mended == ()
    np.testing.assert_array_equal(found.pixels[0], Image.fromarray(PIXELS).convert("L"))


@pytest.mark.parametrize("value", range(1, 9))
def test_a_picture_that_was_taken_at_an_angle_stands_upright(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    upright = (
        *(PIXELS, PIXELS[:, ::-1], PIXELS[::-1, ::-1], PIXELS[::-1], PIXELS.swapaxes(0, 1)),
        *(np.rot90(PIXELS, -1), PIXELS[::-1, ::-1].swapaxes(0, 1), np.rot90(PIXELS)),
    )[value - 1]

    found = open_picture(packed(exif=exif), Decoding(size=upright.shape[:2]))

    np.testing.assert_array_equal(found.pixels, np.moveaxis(upright, 2, 0))
    assert found.mended == ((pictures.TURNED,) if value > 1 else ())


def test_damaged_notes_of_a_picture_leave_it_as_it_is() -> None:
    found = open_picture(packed(kind="JPEG", exif=b"Exif\0\0MM\0*no such thing"), WHOLE)

    assert found.mended == ()


def grey_16() -> bytes:
    return saved(Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 256 + 7))


def clear() -> bytes:
    layers = np.dstack([PIXELS, np.where(np.arange(30) < 15, 0, 255)[None].repeat(40, 0)])
    return saved(Image.fromarray(layers.astype(np.uint8)))


def animated(kind: str) -> bytes:
    frames = [Image.fromarray(PIXELS).convert("P"), Image.fromarray(PIXELS[::-1]).convert("P")]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)


@pytest.mark.parametrize(
    ("data", "mended"),
    [
        (packed(), ()),
        (packed(kind="BMP"), ()),
        (packed(kind="WEBP", lossless=True), ()),
        (packed(kind="TIFF"), ()),
        (packed(mode="L"), (pictures.GREY,)),
        (packed(mode="P"), ()),
        (packed(mode="RGBA"), ()),
        (grey_16(), (pictures.DEEP, pictures.GREY)),
        (clear(), (pictures.TRANSPARENT,)),
        (packed(kind="TIFF", mode="CMYK"), (pictures.CMYK,)),
        (animated("GIF"), (pictures.SEVERAL,)),
        (animated("PNG"), (pictures.SEVERAL,)),
        (animated("TIFF"), (pictures.SEVERAL,)),
    ],
)
def test_what_was_mended_is_told(data: bytes, mended: tuple[str, ...]) -> None:
    assert open_picture(data, WHOLE).mended == mended


def test_of_16_bits_the_upper_ones_are_kept_and_the_first_frame() -> None:
    np.testing.assert_array_equal(decode(grey_16(), WHOLE), PIXELS[..., 0][None].repeat(3, 0))
    np.testing.assert_array_equal(decode(animated("PNG"), WHOLE), decode(packed(mode="P"), WHOLE))
    found = decode(clear(), WHOLE)
    assert (found[:, :, :15] == 255).all()
    np.testing.assert_array_equal(found[:, :, 15:], np.moveaxis(PIXELS, 2, 0)[:, :, 15:])


def test_a_picture_is_what_its_bytes_say() -> None:
    for name, disguised in (("a.gif", False), ("A.GIF", False), ("a.jpg", True), ("gif", False)):
        found = open_picture(packed(kind="GIF", mode="P"), WHOLE, name)
        assert found.mended == ((pictures.DISGUISED,) if disguised else ())


JPEG = packed(kind="JPEG")
ONE = Decoding(size=16, formats=("jpeg",))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "it is no picture in jpeg"),
        (b"GIF89a", "it is no picture in jpeg"),
        (packed(), "it is no picture in jpeg"),
        (JPEG[:-200], "image file is truncated (2 bytes not processed)"),
        (sized(JPEG, 10_000, 9_000), "it has 9,000 x 10,000 pixels, more than 50,000,000"),
        (sized(JPEG, 65_000, 65_000), "it has more than 50,000,000 pixels"),
    ],
)
def test_what_is_no_picture_is_told(data: bytes, told: str) -> None:
    with pytest.raises(BrokenPictureError) as caught:
        decode(data, ONE)
    assert str(caught.value) == told


def test_a_huge_header_makes_room_for_nothing() -> None:
    with pytest.raises(BrokenPictureError, match="more than 50,000,000 pixels"):
        decode(sized_png(30_000, 30_000), WHOLE)


def test_bytes_from_anywhere_are_pictures_or_are_told() -> None:
    whole = [packed(kind=kind) for kind in ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP")]
    for number in range(150):
        random = np.random.default_rng(number)
        data = bytearray(whole[number % len(whole)])
        for place in random.integers(0, len(data), 8).tolist():
            data[place] = int(random.integers(256))
        with suppress(BrokenPictureError):
            assert decode(bytes(data), WHOLE).shape == (3, 40, 30)
