"""Options of datasets of pictures: which are refused before a file is looked at, and how."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dlx.config.load import load
from dlx.config.specs.pictures import Decoding

Told = Callable[..., str]
CATS = "task=cats_vs_dogs"
FORMATS = "jpeg, png, bmp, gif, webp, tiff"


@pytest.mark.parametrize(
    ("argument", "wanted"),
    [
        (
            "dataset.size=[64,64,64]",
            "`dataset.size` has 3 numbers\n  where: command line: dataset.size=[64,64,64]\n"
            "  accepted: one whole number, or two: [height, width]\n  try: dataset.size=64",
        ),
        (
            "dataset.formats=[]",
            "`dataset.formats` is empty\n  where: command line: dataset.formats=[]\n"
            f"  accepted: {FORMATS}\n  try: dataset.formats=[jpeg]",
        ),
        (
            "dataset.size=[64,7]",
            "`dataset.size.1` is 7\n  where: command line: dataset.size=[64,7]\n"
            "  accepted: a whole number >= 8 and <= 1024 (pixels)",
        ),
    ],
)
def test_what_cannot_be_is_refused(told: Told, argument: str, wanted: str) -> None:
    assert told(CATS, argument) == wanted


def test_a_height_and_a_width_are_the_shape_of_the_input(here: object) -> None:
    dataset = load([CATS, "dataset.size=[48,64]", "dataset.colour=grey"]).config.dataset.options

    assert dataset.shapes == {"image": (1, 48, 64)}
    assert Decoding.of(dataset) == Decoding(size=(48, 64), colour="grey", formats=("jpeg",))
