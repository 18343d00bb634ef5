"""Decoded pictures: kept where there is room, made once, not believed where they are not whole."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pictures

from dlx import interrupts, progress
from dlx.config.specs.pictures import Decoding
from dlx.data import decoded as decoded_module
from dlx.data import picture_cache
from dlx.data.columns import Files
from dlx.data.fingerprints import contents_digest
from dlx.data.originals import Originals
from dlx.data.samples import Samples
from dlx.errors import Interrupted, UsageError

ROWS, HOW = 6, Decoding(size=8)
NAMES = [f"{number}.png" for number in range(ROWS)]
EVERY = np.arange(ROWS)
SIZE = ROWS * 3 * 8 * 8


def as_png(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (9, 7, 3)).astype(np.uint8)
    file = io.BytesIO()
    Pictures.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(NAMES):
        (tmp_path / name).write_bytes(as_png(number))
    return tmp_path


@pytest.fixture(autouse=True)
def few_are_kept_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoded_module, "SMALL_BYTES", 0)
    monkeypatch.setenv("DLX_PICTURES_GB", "1")


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The files that are decoded, as they are."""
    found: list[int] = []
    decode = Originals.decode

    def count(self: Originals, place: int) -> Any:
        found.append(place)
        return decode(self, place)

    monkeypatch.setattr(Originals, "decode", count)
    return found


def read(folder: Path) -> Files:
    return Files.of(folder, NAMES, HOW)


def kept() -> Iterator[Path]:
    return (one for one in picture_cache.root().iterdir() if one.is_dir())


def test_a_set_is_decoded_once_and_read_from_the_disk_then(
    folder: Path, decodes: list[int]
) -> None:
    first = read(folder).pixels(EVERY)
    assert sorted(decodes) == [*range(ROWS)]

    second = read(folder).take(np.array([4, 0])).pixels(np.array([1, 0, 1]))

    assert len(decodes) == ROWS
    np.testing.assert_array_equal(second, first[[0, 4, 0]])


def test_of_several_at_once_one_decodes(folder: Path, decodes: list[int]) -> None:
    sets = [read(folder) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        first, *others = pool.map(lambda files: files.pixels(EVERY), sets)

    assert sorted(decodes) == [*range(ROWS)]
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_files_in_an_archive_are_those_of_a_folder(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "pictures.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as stream:
        for name in NAMES:
            stream.write(folder / name, name)

    packed = read(archive)

    assert packed.hashes(EVERY) == read(folder).hashes(EVERY)
    np.testing.assert_array_equal(packed.pixels(EVERY), read(folder).pixels(EVERY))


def test_a_damaged_archive_is_told_of(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "pictures.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as stream:
        for name in NAMES:
            stream.write(folder / name, name)
    whole = bytearray(archive.read_bytes())
    whole[40:60] = bytes(20)  # within the first member
    archive.write_bytes(whole)

    with pytest.raises(UsageError, match=r"^0\.png cannot be read: "):
        read(archive)


@pytest.mark.parametrize("damage", ["changed", "cut", "gone", "no facts"])
def test_what_is_damaged_on_the_disk_is_decoded_again(
    damage: str, folder: Path, decodes: list[int]
) -> None:
    wanted = read(folder).pixels(EVERY)
    (entry,) = kept()
    file = entry / picture_cache.PIXELS
    whole = bytearray(file.read_bytes())
    whole[200] ^= 1  # of the second picture
    if damage == "gone":
        opened = read(folder)
        opened.pixels(EVERY)
        file.unlink()
    elif damage == "no facts":
        (entry / picture_cache.FACTS).write_text("{}")
    else:
        file.write_bytes(whole if damage == "changed" else whole[:-1])
    decodes.clear()

    found = (opened if damage == "gone" else read(folder)).pixels(EVERY)

    np.testing.assert_array_equal(found, wanted)
    assert sorted(decodes) == ([1] if damage == "changed" else [*range(ROWS)])


def test_where_there_is_no_room_pictures_are_decoded_each_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = read(folder).pixels(EVERY)
    for entry in kept():
        picture_cache.remove_tree(entry)
    told = []
    for patched in (
        lambda patch: patch.setenv("DLX_PICTURES_GB", "1e-6"),
        lambda patch: patch.setattr(picture_cache, "SPARE_BYTES", 10**18),
        lambda patch: patch.setattr(picture_cache, "scratch", full),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patched(patch)
            files = read(folder)
            np.testing.assert_array_equal(files.pixels(EVERY), wanted)
            told.append(files.decoded.where)

    large, size = "decoded each time, as decoded they take", "1.15e-06 GB"
    assert told[0] == f"{large} {size}, more than the 1e-06 GB of DLX_PICTURES_GB"
    assert told[1].startswith(f"{large} {size}, and the disk of DLX_CACHE has ")
    place = "the folder of DLX_CACHE cannot be written to"
    assert told[2] == f"decoded each time, as {place}: No space left on device"
    assert not list(kept())


def full(root: Path) -> Any:
    raise OSError(28, "No space left on device")


def test_a_bound_that_is_no_size_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLX_PICTURES_GB", "much")

    with pytest.raises(UsageError) as caught:
        read(folder).pixels(EVERY)

    assert str(caught.value) == (
        "DLX_PICTURES_GB is 'much'\n  where: environment\n  accepted: gigabytes, as in 20\n"
        "  try: export DLX_PICTURES_GB=20"
    )


def test_the_set_that_was_not_used_for_longest_gives_way(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(folder).pixels(EVERY)
    (old,) = kept()
    monkeypatch.setenv("DLX_PICTURES_GB", str(1.5 * SIZE / 1e9))

    Files.of(folder, NAMES[::-1], HOW).pixels(EVERY)

    (new,) = kept()
    assert new != old
    assert picture_cache.taken() == SIZE


@pytest.mark.parametrize("bound", ["1", "0"])
def test_what_is_broken_or_mended_is_known_without_decoding_again(
    bound: str, folder: Path, monkeypatch: pytest.MonkeyPatch, decodes: list[int]
) -> None:
    monkeypatch.setenv("DLX_PICTURES_GB", bound)
    (folder / NAMES[2]).write_bytes(as_png(2)[:60])
    Pictures.new("L", (5, 5), 7).save(folder / NAMES[4])
    wanted = read(folder).survey()
    decodes.clear()

    files = read(folder)
    found = files.survey()

    assert list(found.broken) == [2]
    assert list(found.mended.values()) == [[4]]
    assert (found.broken, found.mended) == (wanted.broken, wanted.mended)
    assert decodes == [] or bound == "0"
    assert list(files.take(np.array([0, 2])).survey().broken) == [1]
    with pytest.raises(UsageError, match=r"^2\.png cannot be read: "):
        files.pixels(EVERY)
    np.testing.assert_array_equal(files.take(np.array([4])).pixels(np.array([0])), 7)


def test_a_file_that_has_changed_is_told_of(folder: Path) -> None:
    files = read(folder)
    (folder / NAMES[3]).write_bytes(as_png(33))

    with pytest.raises(UsageError) as caught:
        files.pixels(EVERY)

    assert str(caught.value) == (
        f"3.png has changed since it was hashed\n  where: {folder}\n"
        "  try: the same command reads it anew"
    )
    assert not list(kept())


def test_a_file_that_is_missing_is_told_of(folder: Path) -> None:
    (folder / NAMES[3]).unlink()

    with pytest.raises(UsageError, match=r"^3\.png cannot be read: No such file or directory"):
        read(folder)


def test_who_is_interrupted_leaves_nothing_that_is_believed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, threads = read(folder), threading.active_count()

    def interrupted() -> None:
        raise Interrupted("stop")

    monkeypatch.setattr("dlx.data.originals.CHUNK", 2)
    monkeypatch.setattr("dlx.data.survey.CHUNK", 2)
    monkeypatch.setattr("dlx.data.threads.check", interrupted)
    with pytest.raises(Interrupted):
        files.pixels(EVERY)

    assert not list(kept())
    assert threading.active_count() == threads
    assert not interrupts.stop_requested()


def test_how_far_it_has_come_is_told(folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    with progress.showing(lambda *one: told.append(one)):
        read(folder).pixels(EVERY)

    assert told == [("pictures hashed", ROWS, ROWS), ("pictures decoded", ROWS, ROWS)]


def test_a_dataset_is_known_by_its_pictures_wherever_they_lie(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def digest(column: Any) -> str:
        return contents_digest(Samples({"x": column}, inputs=("x",), targets=()))

    other = tmp_path / "other"
    other.mkdir()
    for name in NAMES:
        (folder / name).rename(other / f"moved-{name}")
    moved = Files.of(other, [f"moved-{name}" for name in NAMES], HOW)
    assert digest(moved) == digest(moved.image())

    monkeypatch.setattr("dlx.data.columns.files.IN_MEMORY", 0)
    many = digest(moved)
    for name in NAMES:
        (other / f"moved-{name}").rename(folder / name)
    assert digest(read(folder)) == many
    assert digest(read(folder).take(EVERY[::-1])) != many
    assert digest(Files.of(folder, NAMES, Decoding(size=9))) != many
