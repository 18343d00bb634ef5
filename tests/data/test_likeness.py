"""Pictures that are almost alike, or the same, in two sets are told by name; others are not."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import dlx.data
from dlx.config.specs.datasets import DATASETS
from dlx.config.specs.protocols import Auto, Official
from dlx.data import likeness
from dlx.data.auto import auto
from dlx.data.checks import Finding, check, refuse_leaks
from dlx.data.fingerprints import input_hashes
from dlx.data.likeness import NEAR, look, near_pairs
from dlx.data.protocols import Fold, Split, official
from dlx.data.samples import Samples
from dlx.data.targets import encode
from dlx.errors import MethodError, UsageError


def photograph(number: int) -> Image.Image:
    """Some smooth shapes, others for each number."""
    spots = np.random.default_rng(number).integers(0, 256, (5, 5, 3)).astype(np.uint8)
    return Image.fromarray(spots).resize((60, 40), Image.Resampling.BICUBIC)


def save(picture: Image.Image, kind: str = "PNG", **more: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **more)
    return file.getvalue()


def layers(picture: Image.Image) -> Any:
    return np.moveaxis(np.asarray(picture), 2, 0)


def apart(one: Any, other: Any) -> int:
    return int(np.bitwise_count(look(one) ^ look(other)).sum())


def test_another_size_quality_or_brightness_looks_alike_and_others_do_not() -> None:
    pictures = [photograph(number) for number in range(12)]
    for number, picture in enumerate(pictures):
        smaller = picture.resize((31, 33), Image.Resampling.BICUBIC)
        coarse = Image.open(io.BytesIO(save(picture, "JPEG", quality=40)))
        for changed in (smaller, coarse, picture.point(lambda level: int(level * 0.9))):
            assert apart(layers(picture), layers(changed)) <= NEAR
        for other in pictures[:number]:
            assert apart(layers(picture), layers(other)) > NEAR


def test_every_near_row_is_found_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    looks = random.integers(0, 2**63, (60, 2), np.uint64)
    for row in range(40, 50):  # like an earlier one, but for some bits
        bits = random.choice(128, row - 38, replace=False)
        masks = [sum(1 << int(b % 64) for b in bits if b // 64 == half) for half in (0, 1)]
        looks[row] = looks[row - 40] ^ np.array(masks, np.uint64)
    cuts = [(np.arange(40), np.arange(40, 60))]

    assert near_pairs(looks, cuts) == [(row - 40, row) for row in range(40, 49)]
    monkeypatch.setattr(likeness, "MAX_PAIRS", 799)
    assert near_pairs(looks, cuts) is None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sets, of which one test picture is a training one, and one almost is."""
    top = tmp_path_factory.mktemp("alike")
    number = 0
    for part, many in (("train", 4), ("validation", 2), ("test", 2)):
        for label in ("cats", "dogs"):
            (top / part / label).mkdir(parents=True)
            for name in range(many):
                (top / part / label / f"{name}.png").write_bytes(save(photograph(number)))
                number += 1
    (top / "test/cats/0.png").write_bytes((top / "train/cats/1.png").read_bytes())
    (top / "test/dogs/1.png").write_bytes(save(photograph(6), "JPEG", quality=60))
    return top


def read(folder: Path) -> Samples:
    return dlx.data.read(DATASETS.default("images", folder=str(folder), size=16)())


def findings(samples: Samples, split: Split) -> list[Finding]:
    targets = {"class": encode(samples, "class", "multiclass")}
    return check(samples, split, targets, input_hashes(samples))


def test_the_same_and_almost_the_same_picture_in_two_sets(folder: Path) -> None:
    samples = read(folder)
    split = official(Official(), samples, 0, "class")

    found = {one.name: one for one in findings(samples, split)}

    same, alike = found["duplicates"], found["look alike"]
    assert (same.kind, same.part, same.count) == ("smell", "train-test", 1)
    assert same.text == "1 test row has the same inputs as a training row"
    assert same.examples == (
        "row 12 (test/cats/0.png) (test) = row 5 (train/cats/1.png) (training)",
    )
    assert (alike.kind, alike.part, alike.count) == ("smell", "train-test", 1)
    assert alike.text == "1 test picture looks almost like a training picture"
    assert alike.examples == (
        "row 15 (test/dogs/1.png) (test) and row 10 (train/dogs/2.png) (training)",
    )
    assert (
        found["mended"].text == "1 picture: of another format than its name says (test/dogs/1.png)"
    )


def test_one_picture_in_two_sets_that_dlx_drew_is_refused(tmp_path: Path) -> None:
    for number, name in enumerate(("a/1.png", "a/2.png", "b/1.png", "b/2.png")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(save(photograph(max(1, number))))
    samples = read(tmp_path)  # the first two are the same
    rows = np.arange(4)
    split = Split("holdout", (Fold(rows[[0, 2]], rows[[1]]),), rows[[3]], "")

    with pytest.raises(MethodError) as caught:
        refuse_leaks(findings(samples, split))

    assert str(caught.value) == (
        "leak: 1 validation row has the same inputs as a training row\n"
        "  where: row 1 (a/2.png) (validation) = row 0 (a/1.png) (training)\n"
        "  try: protocol.duplicates=together keeps equal rows together"
    )


def test_official_sets_are_taken(folder: Path) -> None:
    samples = read(folder)
    for split in (official(Official(), samples, 0, ""), auto(Auto(), samples, 0, "class")):
        (fold,) = split.folds
        assert fold.validation.tolist() == [0, 1, 2, 3]
        assert fold.train.tolist() == [*range(4, 12)]
        assert split.test.tolist() == [12, 13, 14, 15]
        assert (split.made_by, split.test_made_by) == ("official", "official")
        assert split.rule.endswith(
            "the official validation set of 4 rows; the official test set of 4 rows"
        )


def test_without_official_sets_there_are_none_to_take() -> None:
    samples = dlx.data.read(DATASETS.default("wine")())
    with pytest.raises(UsageError) as caught:
        official(Official(), samples, 0, "cultivar")
    assert str(caught.value) == (
        "protocol official needs a dataset with an official validation set\n  where: protocol\n"
        "  accepted: a dataset that has one\n  try: protocol=holdout"
    )
