"""Pictures in files: the same bits in memory, from the cache, and decoded each time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pictures
from small import trained
from torch import Tensor

from dlx.config.specs.pictures import Decoding
from dlx.data import decoded as decoded_module
from dlx.data.columns import Column, Dense, Files
from dlx.data.columns import files as files_module
from dlx.data.originals import Originals
from dlx.data.samples import Samples
from dlx.sources import data as data_module
from dlx.sources.batches import Part, make_part
from dlx.sources.files import HeldFiles
from dlx.sources.images import HeldImages
from dlx.sources.source import RowSource
from dlx.testing import check_column, check_learner

CPU = torch.device("cpu")
MODES = ("in memory", "in the cache", "each time")
ROWS, SIZE = 40, 8
WHERE = {
    "in the cache": "decoded once, into a file of the cache",
    "each time": "decoded each time, as decoded they take 7.68e-06 GB, more than the 0 GB of "
    "DLX_PICTURES_GB",
}
TASK = ("task=cats_vs_dogs", "dataset.sample=true", "dataset.size=8", "trainer.threads=1")
CONVNET = (
    *("trainer.epochs=2", "trainer.batch_size=8", "prepare.steps=[{name: standardise}]"),
    "model={name: convnet, channels: [4], dense: [4], dropout: 0.3}",
)


def set_mode(patch: pytest.MonkeyPatch, mode: str) -> None:
    """Has pictures kept in one of the ways, however few they are."""
    if mode != "in memory":
        patch.setattr(files_module, "IN_MEMORY", 0)
        patch.setattr(decoded_module, "SMALL_BYTES", 0)
    patch.setenv("DLX_PICTURES_GB", "0" if mode == "each time" else "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of another size than the one asked for, the even ones darker."""
    found = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for number in range(ROWS):
        pixels = random.integers(0, 128 + 127 * (number % 2), (10, 12, 3)).astype(np.uint8)
        Pictures.fromarray(pixels).save(found / f"{number}.png")
    return found


def read_files(folder: Path) -> Files:
    return Files.of(folder, [f"{number}.png" for number in range(ROWS)], Decoding(size=SIZE))


def read_part(column: Column, rows: Any = None) -> Part:
    every = np.arange(ROWS) if rows is None else np.asarray(rows)
    return make_part({"x": column}, {"y": np.arange(ROWS)}, every, CPU)


def seen(part: Part) -> list[tuple[list[int], bytes]]:
    """The batches of two epochs, from the second batch of the first on, and those in order."""
    source = RowSource(part, 7, seed=3)
    batches = [*source.epoch(0, skip=1), *source.epoch(1), *part.in_order(9)]
    return [(one.targets["y"].tolist(), pixels_of(one.inputs["x"])) for one in batches]


def pixels_of(given: Any) -> bytes:
    assert isinstance(given, Tensor)
    return given.numpy().tobytes()


@pytest.mark.parametrize("mode", MODES)
def test_batches_are_the_same_wherever_pictures_lie(
    mode: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = read_files(folder).image().rescale(np.full(3, 9.0), np.full(3, 0.3))
    set_mode(monkeypatch, mode)
    column = read_files(folder).rescale(np.full(3, 9.0), np.full(3, 0.3))
    rows = [5, 1, 1, 30, 39, *range(20)]
    threads = threading.active_count()

    part = read_part(column, rows)

    assert isinstance(part.held["x"], HeldImages if mode == "in memory" else HeldFiles)
    assert seen(part) == seen(read_part(wanted, rows))
    if mode != "in memory":
        assert part.elsewhere == {"x": WHERE[mode]}
    picked = torch.tensor([3, 0, 3])
    assert seen(part.take(picked)) == seen(read_part(wanted, np.array(rows)[picked]))
    micro = [one.targets["y"].tolist() for one in next(part.in_order(9)).split(2)]
    assert micro == [rows[:5], rows[5:9]]
    assert threading.active_count() == threads


@pytest.mark.parametrize("mode", MODES)
def test_numbers_are_those_of_pictures_in_memory(
    mode: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.array([5, 1, 1, 30])
    whole = read_files(folder).image()
    image = whole.take(rows)
    set_mode(monkeypatch, mode)
    every = read_files(folder)
    column = every.take(rows)

    for ours, theirs in zip(
        [*column.moments(), *column.limits()], [*image.moments(), *image.limits()], strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    assert [*column.profile("x")] == [*image.profile("x")]
    assert [*column.take(rows[:0]).profile("x")] == [*image.take(rows[:0]).profile("x")]
    assert (column.describe(), column.holds) == (image.describe(), image.holds)
    np.testing.assert_array_equal(column.show(3).content, image.show(3).content)


@pytest.mark.parametrize("mode", MODES[1:])
def test_the_contract_of_columns_is_kept(
    mode: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_mode(monkeypatch, mode)

    check_column(lambda: read_files(folder).take(np.arange(3)))


def set_samples(patch: pytest.MonkeyPatch, column: Column) -> None:
    """Has every dataset be these pictures, of which the odd ones are lighter."""

    def read(chosen: Any) -> Samples:
        (target,) = chosen.options.targets
        columns = {"image": column, target: Dense(np.arange(ROWS) % 2)}
        classes = {target: ("dark", "light")}
        return Samples(columns, inputs=("image",), targets=(target,), classes=classes)

    patch.setattr(data_module, "read", read)


def left_by(run: Path) -> dict[str, bytes]:
    """What a run leaves that depends on numbers alone."""
    found = {}
    for file in run.rglob("*"):
        if file.suffix in (".f32", ".safetensors", ".csv", ".npy"):
            found[str(file.relative_to(run))] = file.read_bytes()
    return found


HOLDOUT = (
    *("protocol={name: holdout, validation: 10, test: 6}", "targets.animal.sampling=balanced"),
    *("trainer.accumulate=2", "trainer.epochs=1"),
    "prepare.augment.image=[flip, {rotate: 30}, {brightness: 0.3}, {mixup: 0.4}]",
)
FOLDS = ("protocol={name: kfold, k: 2}", "prepare.augment.image=[]", "baseline=classical")


@pytest.mark.parametrize(
    ("how", "modes"),
    [
        pytest.param(HOLDOUT, MODES[2:], id="streamed"),
        pytest.param(HOLDOUT, MODES[:2], id="kept", marks=pytest.mark.slow),
        pytest.param(FOLDS, MODES, id="folds", marks=pytest.mark.slow),
    ],
)
def test_a_training_leaves_the_same_bits(
    how: tuple[str, ...],
    modes: tuple[str, ...],
    folder: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {}
    for mode in ("as an image", *modes):
        with pytest.MonkeyPatch.context() as patch:
            column: Column = read_files(folder).image()
            set_mode(patch, mode)
            set_samples(patch, column if mode == "as an image" else read_files(folder))
            found[mode] = left_by(trained(*CONVNET, *how, base=TASK).folder)

    assert "losses.f32" in {Path(one).name for one in found["as an image"]}
    for mode in modes:
        assert found[mode] == found["as an image"], mode


def test_it_goes_on_at_every_step(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_mode(monkeypatch, "each time")
    set_samples(monkeypatch, read_files(folder))

    check_learner(*TASK, *CONVNET[2:], "protocol={name: holdout, validation: 10, test: 6}")


def test_what_fails_in_the_thread_is_told_where_batches_are_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_mode(monkeypatch, "each time")
    part, decode = read_part(read_files(folder)), Originals.decode
    threads = threading.active_count()

    def fails(self: Originals, place: int) -> Any:
        if place == 20:
            raise ZeroDivisionError
        return decode(self, place)

    monkeypatch.setattr(Originals, "decode", fails)
    given: list[Any] = []
    with pytest.raises(ZeroDivisionError):
        given.extend(part.in_order(8))

    assert len(given) == 2
    assert threading.active_count() == threads


def test_no_thread_is_left_of_an_epoch_that_is_broken_off(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_mode(monkeypatch, "each time")
    part = read_part(read_files(folder))
    threads = threading.active_count()
    batches: Iterator[Any] = part.in_order(8)

    next(batches)
    batches.close()  # type: ignore[attr-defined]

    assert threading.active_count() == threads
