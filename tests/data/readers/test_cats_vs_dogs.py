from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import dlx.data
from dlx.config.specs.datasets import CatsVsDogs
from dlx.data import columns
from dlx.data.readers import cats_vs_dogs
from dlx.data.readers.cats_vs_dogs import NAME
from dlx.data.samples import Samples
from dlx.errors import UsageError

TOP = "cats_and_dogs_small"
FILES = {
    f"{TOP}/train/cats/cat.0.jpg": 10,
    f"{TOP}/train/dogs/dog.0.jpg": 20,
    f"{TOP}/train/cats/cat.10.jpg": 30,
    f"{TOP}/train/cats/cat.2.jpg": 40,
    f"{TOP}/test/dogs/dog.9.jpg": 50,
    f"{TOP}/validation/cats/cat.7.jpg": 60,
}


def grey(level: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (9, 7), (level,) * 3).save(file, "JPEG", quality=95)
    return file.getvalue()


PICTURES = {name: grey(level) for name, level in FILES.items()}


def pack(folder: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(folder / NAME, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return folder


def read(folder: Path, size: int = 8) -> Samples:
    return cats_vs_dogs.cats_vs_dogs.read(CatsVsDogs(size=size), folder)


def failure(folder: Path) -> str:
    with pytest.raises(UsageError) as caught:
        read(folder)
    return caught.value.problems[0].what


def levels(samples: Samples) -> list[int]:
    column = samples.columns["image"]
    assert isinstance(column, columns.Image)
    return [round(float(picture.mean())) for picture in column.pixels]


@pytest.mark.data
def test_real_archive(real: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sets and animals; a slow test of a training decodes the pictures."""
    nothing = np.zeros((3, 32, 32), np.uint8)
    monkeypatch.setattr(cats_vs_dogs, "decode", lambda *_: nothing)

    samples = dlx.data.read(real("cats_vs_dogs", size=32))  # type: ignore[arg-type]

    animal = np.asarray(samples.columns["animal"])
    assert samples.columns["image"].describe().shape == (3, 32, 32)
    assert len(samples) == 4000
    assert samples.test is not None
    np.testing.assert_array_equal(samples.test, np.arange(3000, 4000))
    for rows in (slice(0, 1000), slice(1000, 3000), slice(3000, 4000)):
        assert animal[rows].mean() == 0.5
    assert animal[:4].tolist() == [0, 1, 0, 1]
    assert len(set(samples.columns["file"].hashes(np.arange(4000)))) == 4000


def test_rows_come_by_set_number_and_animal(tmp_path: Path) -> None:
    samples = read(pack(tmp_path, PICTURES))

    assert levels(samples) == [60, 10, 20, 40, 30, 50]
    assert np.asarray(samples.columns["animal"]).tolist() == [0, 0, 1, 0, 0, 1]
    assert samples.test is not None
    assert samples.test.tolist() == [5]
    assert samples.classes == {"animal": ("cat", "dog")}


def test_rows_are_known_by_their_files_whatever_size_they_are_read_in(tmp_path: Path) -> None:
    pack(tmp_path, PICTURES)

    small, large = read(tmp_path, 8), read(tmp_path, 16)

    assert large.columns["image"].describe().shape == (3, 16, 16)
    for samples in (small, large):
        assert samples.identity == "file"
    rows = np.arange(6)
    assert small.columns["file"].hashes(rows) == large.columns["file"].hashes(rows)
    assert len(set(small.columns["file"].hashes(rows))) == 6


def test_the_official_sets_are_those_of_a_holdout_in_order(
    chosen: Callable[..., object],
) -> None:
    """The first rows validate: the validation set; cats and dogs take turns in every part."""
    samples = dlx.data.read(chosen("cats_vs_dogs", sample=True))  # type: ignore[arg-type]

    animal = np.asarray(samples.columns["animal"])
    assert animal.tolist() == [0, 1] * 40
    assert samples.test is not None
    assert samples.test.tolist() == list(range(60, 80))


@pytest.mark.parametrize(
    "name",
    [
        "../train/cats/cat.5.jpg",
        "/train/cats/cat.5.jpg",
        f"{TOP}/train/cats/../cats/cat.5.jpg",
        f"{TOP}/train/dogs/cat.5.jpg",
        f"{TOP}/train/cats/cat.5.jpeg",
        f"{TOP}/train/cats/cat.-5.jpg",
        f"__MACOSX/{TOP}/train/cats/._cat.5.jpg",
    ],
)
def test_other_names_are_passed_over(tmp_path: Path, name: str) -> None:
    before = sorted(tmp_path.parent.iterdir())

    samples = read(pack(tmp_path, {**PICTURES, name: b"no picture"}))

    assert len(samples) == 6
    assert sorted(tmp_path.parent.iterdir()) == before


def test_broken_pictures_are_counted_and_named(tmp_path: Path) -> None:
    names = list(PICTURES)[:2]
    broken = {names[0]: PICTURES[names[0]][:300], names[1]: b"PNG"}

    told = failure(pack(tmp_path, {**PICTURES, **broken}))

    assert told.startswith(f"{NAME}: 2 of 6 pictures cannot be read: {names[0]} (")
    assert told.endswith(f"), {names[1]} (it is no picture in jpeg)")


def test_what_no_official_archive_has_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *_, last = PICTURES
    pack(tmp_path, {name: data for name, data in PICTURES.items() if name != last})
    assert failure(tmp_path) == f"{NAME}: does not contain pictures of each set"
    with monkeypatch.context() as patch:
        patch.setattr(cats_vs_dogs, "MAX_BYTES", 300)
        told = failure(pack(tmp_path, PICTURES))
        assert told == f"{NAME}: {first} has {len(PICTURES[first]):,} bytes"
        patch.setattr(cats_vs_dogs, "MAX_MEMBERS", 5)
        assert failure(tmp_path) == f"{NAME}: contains 6 files"
    pack(tmp_path, PICTURES)
    with zipfile.ZipFile(tmp_path / NAME, "a") as archive:
        archive.writestr(f"other/{first.partition('/')[2]}", PICTURES[first])
    assert failure(tmp_path).endswith(" twice")
    (tmp_path / NAME).write_bytes(b"PK no zip file")
    assert failure(tmp_path) == f"{NAME}: cannot be unpacked: File is not a zip file"


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    file = pack(tmp_path, PICTURES) / NAME
    whole = file.read_bytes()
    data = PICTURES[next(iter(PICTURES))]
    at = whole.index(data) + len(data) // 2
    file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])

    assert failure(tmp_path).startswith(f"{NAME}: cannot be unpacked: Bad CRC-32")


KAGGLE = {
    "cat.0.jpg": 10,
    "dog.999.jpg": 20,
    "cat.1000.jpg": 30,
    "dog.1499.jpg": 40,
    "cat.1999.jpg": 50,
    "dog.1500.jpg": 60,
    "dog.2000.jpg": 70,
}
"""As the competition names them; the last is in none of the book's sets."""


def read_kaggle(folder: Path, **options: Any) -> Samples:
    return cats_vs_dogs.cats_vs_dogs.read(CatsVsDogs(source="kaggle", size=8, **options), folder)


def pack_kaggle(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "train.zip", "w") as archive:
        for name, level in KAGGLE.items():
            archive.writestr(f"train/{name}", grey(level))
    return folder


def test_the_archive_of_kaggle_and_its_folder_are_cut_by_their_numbers(tmp_path: Path) -> None:
    packed = read_kaggle(pack_kaggle(tmp_path))
    (tmp_path / "unpacked" / "train").mkdir(parents=True)
    for name, level in KAGGLE.items():
        (tmp_path / "unpacked" / "train" / name).write_bytes(grey(level))
    unpacked = read_kaggle(tmp_path / "unpacked")

    for samples in (packed, unpacked):
        image = samples.columns["image"]
        assert isinstance(image, columns.Files)
        shades = image.pixels(np.arange(6)).mean(axis=(1, 2, 3))
        assert shades.round().tolist() == [30, 40, 10, 20, 60, 50]
        assert np.asarray(samples.columns["animal"]).tolist() == [0, 1, 0, 1, 1, 0]
        assert samples.validation is not None
        assert samples.test is not None
        assert (samples.validation.tolist(), samples.test.tolist()) == ([0, 1], [4, 5])
    assert packed.columns["picture hash"].hashes(np.arange(6)) == unpacked.columns[
        "picture hash"
    ].hashes(np.arange(6))


def test_an_archive_that_is_not_kaggles_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "train.zip", "w") as archive:
        archive.writestr("train/cat.0.jpg", grey(1))
    with pytest.raises(UsageError) as caught:
        read_kaggle(tmp_path)
    assert caught.value.problems[0].what == "train.zip: does not contain pictures of each set"
    (tmp_path / "train.zip").write_bytes(b"PK")
    with pytest.raises(UsageError, match="cannot be unpacked: File is not a zip file"):
        read_kaggle(tmp_path)


def test_the_sources_have_the_same_made_up_pictures(chosen: Callable[..., Any]) -> None:
    small = dlx.data.read(chosen("cats_vs_dogs", sample=True))
    kaggle = dlx.data.read(chosen("cats_vs_dogs", sample=True, source="kaggle"))

    assert kaggle.columns["picture hash"].hashes(np.arange(80)) == small.columns["file"].hashes(
        np.arange(80)
    )
