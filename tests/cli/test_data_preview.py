"""`dlx data preview`: training rows as they are, and as the epochs of a training see them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small import built

from dlx.data.columns import Dense, Text, Window
from dlx.sources.preview import preview

MOVED = "prepare.augment.image=[{rotate: 40}, {shift: 0.2}, mixup]"


def test_variants_are_what_the_epochs_of_a_training_see() -> None:
    config, _, fold, training = built("task=digits", MOVED, base=("dataset.sample=true",))

    found = preview(config, fold, 3, 2)

    assert set(found.rows) <= set(fold.rows.train.tolist())
    assert [truth["digit"] for truth in found.truths] == ["0", "1", "2"]  # each class in turn
    pictures = found.pictures["image"]
    assert pictures.shape == (3, 3, 1, 64, 64)
    for epoch in (0, 1):
        for batch in training.source.epoch(epoch):
            assert batch.part is not None
            numbers = batch.part.numbers[batch.start : batch.start + batch.rows].tolist()
            for at in set(numbers) & set(found.rows):
                seen: Any = batch.inputs["image"][numbers.index(at)]  # type: ignore[index]
                shown = pictures[found.rows.index(at), 1 + epoch, 0, ::8, ::8]
                np.testing.assert_allclose(shown, seen.clamp(0, 1), atol=1e-6)
    plain: Any = fold.train.inputs["image"]
    places = [fold.rows.train.tolist().index(row) for row in found.rows]
    torch.testing.assert_close(torch.from_numpy(pictures[:, 0, 0, ::8, ::8]), plain[places])


def test_a_line_of_pictures_is_written_for_each_row(cli: Any, here: Path) -> None:
    done = cli("data", "preview", "task=digits", "--rows", "2", "--out", "x.png", MOVED)

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "x.png: each line a training row of image, first as prepared, then as epochs 1 to 4 see it",
        "row 0  digit=0",
        "row 1  digit=1",
    ]
    picture = Image.open(io.BytesIO((here / "x.png").read_bytes()))
    assert picture.size == (5 * 64 + 4 * 2, 2 * 64 + 2)
    told = json.loads(cli("data", "preview", "task=digits", "--rows", "1", "--json").out)
    assert told["files"] == {"image": "preview.png"}
    assert sorted(file.name for file in here.iterdir()) == ["preview.png", "x.png"]


def test_rows_of_a_table_are_told_before_and_after(cli: Any, here: Path) -> None:
    done = cli("data", "preview", "task=wine", "--rows", "1")

    row, before, after = done.out.splitlines()
    assert row == "row 0  cultivar=class_0"
    assert before.startswith("  features before: alcohol=14.23 malic_acid=1.71")
    assert after.startswith("  features after: alcohol=1.481")
    assert not [*here.iterdir()]


@pytest.mark.parametrize(
    ("out", "what", "hint"),
    [
        ("a.jpg", "a.jpg is not a PNG file", "--out a.png"),
        ("no/a.png", "there is no folder no", ""),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_first(
    cli: Any, here: Path, out: str, what: str, hint: str
) -> None:
    done = cli("data", "preview", "task=nothing", "--out", out)

    assert (done.code, done.out) == (2, "")
    assert f"error: {what}" in done.err
    assert hint in done.err
    assert not [*here.iterdir()]


def test_a_row_is_told_in_lines() -> None:
    window = Window(np.arange(40.0).reshape(20, 2), np.array([19]), 12, 2, ("a", "b"))
    assert window.lines(0) == [
        "-10: a=18 b=19",
        "-8: a=22 b=23",
        "...",
        "-2: a=34 b=35",
        "-0: a=38 b=39",
    ]
    assert Text(["two words"]).lines(0) == ["two words"]
    assert Dense(np.zeros((1, 8, 8))).lines(0) == ["a picture of 1 x 8 x 8"]
