"""Pictures that options name: of any size, known by what they hold; what is none is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dlx.config.specs import DATASETS
from dlx.data import read
from dlx.errors import UsageError

FORMATS = "jpeg, png, bmp, gif, webp, tiff"
ACCEPTED = f"a picture in {FORMATS}, or china or flower"


def chosen(name: str = "picture", **options: Any) -> Any:
    return DATASETS.default(name, **options)()


def write(path: Path, height: int, width: int, **saved: Any) -> Path:
    levels = np.arange(height * width * 3) % 251
    pixels = levels.astype(np.uint8).reshape(height, width, 3)
    Image.fromarray(pixels).save(path, **saved)
    return path


def pixels(samples: Any, name: str = "image") -> Any:
    return np.asarray(samples.columns[name].pixels)


def test_a_photograph_that_scikit_learn_brings() -> None:
    samples = read(chosen(size=100))
    assert pixels(samples).shape == (1, 3, 100, 150)
    assert (samples.inputs, samples.targets, samples.test) == (("image",), (), None)
    (file,) = samples.source["files"]
    assert (file["name"], file["sha256"][:8]) == ("image", "8378025a")


def test_sizes_and_identity(here: Path) -> None:
    path = write(here / "mine.png", 20, 30)
    whole, square = (read(chosen(image=str(path), size=s)) for s in (None, (10, 10)))
    assert pixels(whole).shape == (1, 3, 20, 30)
    assert pixels(square).shape == (1, 3, 10, 10)
    assert whole.digest != square.digest
    moved = path.rename(here / "other.png")
    assert read(chosen(image=str(moved), size=None)).digest == whole.digest
    assert read(chosen(image="other.png", size=None)).digest == whole.digest
    write(moved, 20, 29)
    assert read(chosen(image=str(moved), size=None)).digest != whole.digest


def test_a_picture_on_its_side_is_turned_upright(here: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = write(here / "mine.jpg", 20, 30, exif=exif)
    samples = read(chosen(image=str(path), size=60))
    assert pixels(samples).shape == (1, 3, 60, 40)
    assert samples.notes == (("image mine.jpg: turned upright by its EXIF orientation", 1),)


def test_two_pictures_have_sizes_of_their_own(here: Path) -> None:
    tall = write(here / "tall.png", 30, 20)
    samples = read(chosen("picture_pair", style=str(tall), size=60))
    assert pixels(samples, "content").shape == (1, 3, 60, 90)
    assert pixels(samples, "style").shape == (1, 3, 60, 40)


@pytest.mark.parametrize(
    ("typed", "what", "hint"),
    [
        ("{here}/chima", "there is no file {here}/chima", "dataset.image=china"),
        ("{here}/min.png", "there is no file {here}/min.png", "dataset.image={here}/mine.png"),
        ("{here}", "{here} is a folder, not a file", ""),
    ],
)
def test_a_file_that_is_not_there(here: Path, typed: str, what: str, hint: str) -> None:
    write(here / "mine.png", 20, 30)
    with pytest.raises(UsageError) as caught:
        read(chosen(image=typed.replace("{here}", str(here))))
    (problem,) = caught.value.problems
    assert problem.what == f"dataset picture: {what.replace('{here}', str(here))}"
    assert (problem.where, problem.accepted) == ("dataset.image", ACCEPTED)
    assert problem.hint == hint.replace("{here}", str(here))


@pytest.mark.parametrize(
    ("size", "written", "why", "hint"),
    [
        (400, None, f"it is no picture in {FORMATS.replace(', tiff', ' or tiff')}", "image=FILE"),
        (None, (10, 2050), "it has 10 x 2,050 pixels, more than 2,048 a side", "size=400"),
        (1000, (10, 30), "it has 1,000 x 3,000 pixels, more than 2,048 a side", "size=[400,400]"),
    ],
)
def test_what_is_no_picture_or_too_large(
    here: Path, size: int | None, written: tuple[int, int] | None, why: str, hint: str
) -> None:
    path = here / "mine.png"
    path.write_bytes(b"no picture") if written is None else write(path, *written)
    with pytest.raises(UsageError) as caught:
        read(chosen(image=str(path), size=size))
    (problem,) = caught.value.problems
    assert problem.what == f"`dataset.image` is mine.png, which cannot be used: {why}"
    assert (problem.where, problem.accepted) == (str(path), ACCEPTED)
    assert problem.hint == f"dataset.{hint}"


def test_a_picture_of_too_many_pixels_is_not_decoded(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlx.data.readers.pictures.MAX_PIXELS", 100)
    path = write(here / "mine.png", 20, 30)
    with pytest.raises(UsageError, match="it has 30 x 20 pixels, more than 100"):
        read(chosen(image=str(path)))
