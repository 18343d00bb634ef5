"""Pictures of training rows are moved as a function of seed, fold, epoch and row."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import torch
import torchvision.transforms.v2.functional as oracle
from small import built, trained
from torch import Tensor

from dlx.config.specs import AUGMENTATIONS
from dlx.data.columns import Dense, Image, Input, Sequence, Window
from dlx.errors import UsageError
from dlx.report import build
from dlx.sources import batches
from dlx.sources.augment import Augmenter
from dlx.sources.batches import Part, make_part
from dlx.sources.draws import draw_uniform
from dlx.sources.geometry import Geometry, Resampling, compose, move
from dlx.sources.shades import Shade
from dlx.sources.source import RowSource
from dlx.testing import check_learner

CPU = torch.device("cpu")
ROWS, SHAPE = 23, (3, 10, 9)
PIXELS = np.random.default_rng(0).integers(0, 256, (ROWS, *SHAPE), dtype=np.uint8)
OPTIONS: dict[str, dict[str, Any]] = {
    "rotate": {"degrees": 40.0},
    "shift": {"share": 0.2},
    "shear": {"degrees": 30.0},
    "zoom": {"share": 0.2},
    "crop": {"padding": 3},
    "fill": {"beyond": "reflect"},
    **{name: {"share": 0.5} for name in ("brightness", "contrast", "saturation")},
    "erase": {"fill": "noise"},
}
EACH = [["flip"] if name == "fill" else [name] for name in AUGMENTATIONS.entries]
CHAIN = ["flip", "rotate", "shift", "zoom", "fill", "contrast", "saturation", "erase", "mixup"]
MIXING = "[flip, {crop: 2}, {fill: black}, {contrast: 0.5}, {erase: 0.5}, {cutmix: 1}]"
MOVED = ("task=digits", "prepare.augment={image: [flip, {rotate: 40}]}", "model.batch_norm=false")


def made(*names: str, seed: int = 0, fold: int = 0) -> Augmenter:
    chosen = [AUGMENTATIONS.default(name, **OPTIONS.get(name, {}))() for name in names]
    shades = {"x": lambda: Shade((0.0,), (255.0,))}
    known = {"x": Input("dense", SHAPE)}
    return Augmenter({"x": chosen}, known, seed, fold, part_of(range(ROWS)[::-1]), shades)


def part_of(rows: Any, numbers: Any = None) -> Part:
    columns = {"x": Image(PIXELS), "y": Dense(np.arange(ROWS, dtype=np.float32))}
    return make_part(columns, {"t": np.arange(ROWS)}, np.asarray(rows), CPU, numbers)


def pictures(part: Part) -> Tensor:
    found = part.inputs["x"]
    assert isinstance(found, Tensor)
    return found


def mixed(bits: int) -> int:
    """Lowbias32, in numbers without end."""
    bits = (bits ^ bits >> 16) * 0x7FEB352D % 2**32
    bits = (bits ^ bits >> 15) * 0x846CA68B % 2**32
    return bits ^ bits >> 16


def test_draws_are_functions_of_key_and_row_alone() -> None:
    """In whole numbers, so that they are the same on every device."""
    key, rows = 2**62 + 12345, [0, 1, 2, 59_999, 2**31, 2**40 + 1]
    known = [
        (mixed(mixed((row ^ key) % 2**32) ^ row // 2**32 ^ key // 2**32) >> 8) / 2**24
        for row in rows
    ]
    assert draw_uniform(torch.tensor(rows), key).tolist() == known
    assert draw_uniform(torch.tensor(rows[::-1]), key).tolist() == known[::-1]
    assert [draw_uniform(torch.tensor([row]), key).item() for row in rows] == known


def test_draws_are_evenly_spread_and_keys_have_nothing_in_common() -> None:
    rows = torch.arange(40_000)
    one, other = (draw_uniform(rows, key).double() for key in (1, 2))
    far = draw_uniform(rows + 2**33, 1).double()

    for found in (one, other, far):
        assert 0 <= float(found.min()) <= float(found.max()) < 1
        counts = torch.histc(found, 100, 0, 1)
        assert float(((counts - 400) ** 2 / 400).sum()) < 99 + 5 * (2 * 99) ** 0.5
    for a, b in ((one, other), (one, far), (one[1:], one[:-1])):
        assert abs(float(torch.corrcoef(torch.stack([a, b]))[0, 1])) < 5 / 40_000**0.5


def geometry(name: str, **options: Any) -> Geometry:
    chosen = AUGMENTATIONS.default(name, **{**OPTIONS.get(name, {}), **options})()
    made: Geometry = chosen.load()(chosen.options)
    return made


def at(value: float) -> Callable[[str], Tensor]:
    return lambda what: torch.full((ROWS,), value)


@pytest.mark.parametrize("angle", [-40.0, 10.0, 40.0])
@pytest.mark.parametrize("mirrored", [False, True])
def test_moves_are_those_of_torchvision(angle: float, mirrored: bool) -> None:
    """A mirrored picture, then rotated, in one; the edge goes on beyond the picture."""
    images = torch.from_numpy(PIXELS).float()
    matrix = geometry("rotate").matrices(at((angle / 40 + 1) / 2), SHAPE[1:])
    wanted = images
    if mirrored:
        matrix = compose(geometry("flip").matrices(at(0.2), SHAPE[1:]), matrix)
        wanted = oracle.horizontal_flip(wanted)
    wide = torch.nn.functional.pad(wanted, (8, 8, 8, 8), mode="replicate")
    wide = oracle.rotate(wide, -angle, oracle.InterpolationMode.BILINEAR)

    found = move(images, matrix)

    torch.testing.assert_close(found, wide[..., 8:-8, 8:-8], atol=0.01, rtol=0)


@pytest.mark.parametrize("drawn", [0.0, 0.3, 1.0])
def test_a_shift_and_an_even_zoom_are_those_of_torchvision(drawn: float) -> None:
    images = torch.from_numpy(PIXELS).float()
    wide = torch.nn.functional.pad(images, (8, 8, 8, 8), mode="replicate")
    height, width = SHAPE[1:]
    part = 2 * drawn - 1
    shift = geometry("shift").matrices(at(drawn), (height, width))
    zoom = geometry("zoom", keep_ratio=True).matrices(at(drawn), (height, width))

    for matrix, places, scale in (
        (shift, [0.2 * part * width, 0.2 * part * height], 1.0),
        (zoom, [0, 0], 1 / (1 + 0.2 * part)),
    ):
        bilinear = oracle.InterpolationMode.BILINEAR
        wanted = oracle.affine(wide, 0, places, scale, [0, 0], bilinear)  # type: ignore[arg-type]
        found = move(images, matrix)
        torch.testing.assert_close(found, wanted[..., 8:-8, 8:-8], atol=0.01, rtol=0)


def test_a_chain_is_what_keras_makes_of_it() -> None:
    """`ImageDataGenerator`: rotation, shift, shear and zoom as one, then a flip.

    Its formula, `apply_affine_transform` of keras_preprocessing, has rows before columns.
    """
    draws = {"rotate": 0.8, "shift": 0.9, "shear": 0.1, "zoom": 0.2}
    angle, slant = math.radians(0.6 * 40), math.radians(-0.8 * 30)
    down, right = -0.8 * 0.2 * SHAPE[1], -0.8 * 0.2 * SHAPE[2]
    sin, cos = math.sin(angle), math.cos(angle)
    wanted = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    wanted = wanted @ [[1, 0, down], [0, 1, right], [0, 0, 1]]
    wanted = wanted @ [[1, -math.sin(slant), 0], [0, math.cos(slant), 0], [0, 0, 1]]
    wanted = wanted @ np.diag([0.88, 0.88, 1])
    middle = (np.array(SHAPE[1:]) - 1) / 2
    offset = wanted[:2, 2] + middle - wanted[:2, :2] @ middle
    pictures = [
        [
            scipy.ndimage.affine_transform(
                channel.astype(np.float32), wanted[:2, :2], offset, order=1, mode="nearest"
            )[:, ::-1]
            for channel in picture
        ]
        for picture in PIXELS
    ]

    moves = [geometry(name).matrices(at(drawn), SHAPE[1:]) for name, drawn in draws.items()]
    moves.append(geometry("flip").matrices(at(0.1), SHAPE[1:]))
    found = move(torch.from_numpy(PIXELS).float(), functools.reduce(compose, moves))

    np.testing.assert_allclose(found, np.array(pictures), atol=0.01)


@pytest.mark.parametrize("axis", ["horizontal", "vertical", "both"])
def test_a_flip_mirrors_half_of_the_pictures_and_twice_is_none(axis: str) -> None:
    flip = geometry("flip", axis=axis)
    images = torch.from_numpy(PIXELS).float()

    matrix = flip.matrices(at(0.49), SHAPE[1:])

    axes = {"horizontal": (3,), "vertical": (2,), "both": (2, 3)}[axis]
    torch.testing.assert_close(move(images, matrix), images.flip(axes), atol=0.001, rtol=0)
    twice = compose(matrix, matrix)
    assert torch.equal(twice, torch.eye(3).expand(ROWS, 3, 3))
    assert torch.equal(twice, flip.matrices(at(0.5), SHAPE[1:]))
    torch.testing.assert_close(move(images, twice), images, atol=0.001, rtol=0)


@pytest.mark.parametrize("names", [*EACH, CHAIN], ids="-".join)
def test_a_row_is_moved_alike_whatever_stands_beside_it(names: list[str]) -> None:
    whole = part_of(range(ROWS))
    moved = pictures(made(*names)(whole, 3))

    assert not torch.equal(moved, pictures(whole))
    for size in (1, 4, 7):
        order = torch.randperm(ROWS, generator=torch.Generator().manual_seed(size))
        found = [pictures(made(*names)(whole.take(rows), 3)) for rows in order.split(size)]
        assert torch.equal(torch.cat(found), moved[order])
    (other,) = (held for name, held in made(*names)(whole, 3).held.items() if name == "y")
    assert other is whole.held["y"]


def test_epoch_fold_seed_and_place_in_the_list_draw_anew() -> None:
    whole = part_of(range(ROWS))
    moves = [
        made("rotate")(whole, 0),
        made("rotate")(whole, 1),
        made("rotate", fold=1)(whole, 0),
        made("rotate", seed=1)(whole, 0),
        made("rotate", "rotate")(whole, 0),
    ]

    found = {pictures(one).numpy().tobytes() for one in moves}

    assert len(found) == len(moves)


def test_what_a_row_draws_does_not_depend_on_what_else_is_done() -> None:
    """Two rotations are not one twice; a flip before a rotation leaves its angle."""
    asked: list[tuple[str, int]] = []

    class Asking(Geometry):
        def matrices(self, draw: Callable[[str], Tensor], size: tuple[int, int]) -> Tensor:
            asked.append((self.options, int(draw("angle")[0] * 2**24)))
            return torch.eye(3).expand(ROWS, 3, 3)

    for names in (["rotate"], ["flip", "rotate", "rotate"]):
        augmenter = made(*names)
        (resampling,) = augmenter._stages["x"]
        assert isinstance(resampling, Resampling)
        kinds = [kind for kind, _ in resampling._members]
        resampling._members = [(kind, Asking(kind)) for kind in kinds]
        augmenter(part_of(range(ROWS)), 0)

    drawn = dict(asked)
    assert [kind for kind, _ in asked] == ["rotate", "flip", "rotate", "rotate1"]
    assert asked[0] == asked[2]
    assert len(set(drawn.values())) == 3


def test_copies_of_a_row_are_moved_as_the_row() -> None:
    moved = pictures(made("flip", "rotate")(part_of([5, 8, 5], np.array([5, 8, 5])), 0))

    assert torch.equal(moved[0], moved[2])


@pytest.mark.parametrize("block", [1, 4000, 1 << 30])
def test_an_epoch_goes_on_with_the_same_pictures_and_micro_batches_have_them_too(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(batches, "BLOCK_BYTES", block)
    names = ["flip", "rotate", "brightness", "cutmix"]
    source = RowSource(part_of(range(ROWS)), 4, 7, change=made(*names))

    whole = list(source.epoch(2))

    seen = torch.cat([b.inputs["x"] for b in whole])  # type: ignore[arg-type]
    numbers = torch.cat([b.targets["t"] for b in whole])
    at_once = made(*names)(part_of(range(ROWS)), 2)
    assert torch.equal(seen, pictures(at_once)[numbers])
    assert at_once.mixed is not None
    mixed = [batch.mixed for batch in whole if batch.mixed is not None]
    assert torch.equal(torch.cat([one.shares for one in mixed]), at_once.mixed.shares[numbers])
    assert torch.equal(
        torch.cat([one.targets["t"] for one in mixed]), at_once.mixed.targets["t"][numbers]
    )
    for skip in (1, 3, 5):
        rest = list(source.epoch(2, skip))
        assert torch.equal(torch.cat([b.inputs["x"] for b in rest]), seen[4 * skip :])  # type: ignore[arg-type]
    micro = chain.from_iterable(batch.split(3) for batch in whole)
    assert torch.equal(torch.cat([b.inputs["x"] for b in micro]), seen)  # type: ignore[arg-type]


def test_only_the_shuffled_pass_of_training_is_augmented() -> None:
    *_, plain, _ = built(*MOVED, "prepare.augment.image=[]", base=("dataset.sample=true",))
    *_, fold, training = built(*MOVED, base=("dataset.sample=true",))

    assert fold.validation is not None
    assert plain.validation is not None
    for one, other in ((fold.train, plain.train), (fold.validation, plain.validation)):
        assert torch.equal(one.inputs["image"], other.inputs["image"])  # type: ignore[arg-type]
    batch = next(training.source.epoch(0))
    assert batch.part is not None
    wanted = fold.train.take(torch.searchsorted(fold.train.numbers, batch.part.numbers))
    assert not torch.equal(batch.part.inputs["image"], wanted.inputs["image"])  # type: ignore[arg-type]
    assert torch.equal(batch.part.targets["digit"], wanted.targets["digit"])


@pytest.mark.parametrize(
    "task",
    [
        (*MOVED, "model.units=[4]", "model.dropout=0", f"prepare.augment.image={MIXING}"),
        ("task=cats_vs_dogs", "dataset.size=12", "model.channels=[2]", "model.dense=[]"),
    ],
    ids=["array", "bytes"],
)
def test_a_learner_keeps_its_contract_with_augmented_pictures(task: tuple[str, ...]) -> None:
    """Stopped at every step and resumed; in micro-batches."""
    check_learner(*task)


@pytest.mark.parametrize(
    ("column", "what", "accepted", "hint"),
    [
        (
            Sequence.of_rows(np.zeros((3, 4), np.int32), 9),
            "input x holds no pictures after preparation",
            "rows of shape (height, width) or (channels, height, width)",
            "prepare.augment.x=[], or a preparation that keeps pictures",
        ),
        (
            Dense(np.zeros((3, 4))),
            "input x holds no pictures after preparation",
            "rows of shape (height, width) or (channels, height, width)",
            "prepare.augment.x=[], or a preparation that keeps pictures",
        ),
        (
            Window(np.zeros((9, 4)), np.arange(4, 9), 3),
            "input x holds no pictures after preparation",
            "rows of shape (height, width) or (channels, height, width)",
            "prepare.augment.x=[], or a preparation that keeps pictures",
        ),
        (
            Image(np.zeros((3, 3, 1, 5), np.uint8)),
            "pictures of 1 x 5 pixels cannot be moved",
            "at least 2 x 2 pixels",
            "prepare.augment.x=[]",
        ),
    ],
)
def test_what_cannot_be_moved_is_refused(column: Any, what: str, accepted: str, hint: str) -> None:
    chosen = {"x": [AUGMENTATIONS.default("flip")()]}

    with pytest.raises(UsageError) as caught:
        Augmenter(chosen, {"x": column.describe()}, 0)

    (problem,) = caught.value.problems
    assert (problem.what, problem.where) == (f"`prepare.augment.x`: {what}", "prepare.augment")
    assert (problem.accepted, problem.hint) == (accepted, hint)


def test_a_report_tells_what_is_done_to_pictures() -> None:
    run = trained("trainer.epochs=1", base=(*MOVED, "dataset.sample=true", "trainer.threads=1"))

    told = json.loads((run.folder / "report.json").read_text())["augment"]
    assert told == [
        {"step": "flip", "columns": ["image"], "text": "axis=horizontal"},
        {"step": "rotate", "columns": ["image"], "text": "degrees=40.0"},
    ]
    page = build(run.folder).read_text(encoding="utf-8")
    assert "Augmentation of training rows, drawn anew in each epoch" in page
    assert "degrees=40.0" in page
