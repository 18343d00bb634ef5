"""Augmentations by name: what is done to pictures of the training set, anew in every epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ...errors import Problem
from ..fields import Component, Table, option
from ..shapes import Sizes


@dataclass(frozen=True, kw_only=True)
class Flip:
    """Mirrors a picture, or leaves it as it is, each half of the time."""

    axis: Literal["horizontal", "vertical", "both"] = option(
        "horizontal",
        "horizontal: left and right change places; vertical: top and bottom; both: each of the two "
        "half of the time",
    )


@dataclass(frozen=True, kw_only=True)
class Rotate:
    """Rotates a picture about its middle; what comes in at the corners repeats the edge."""

    degrees: float = option(
        help="largest angle, to either side", unit="degrees", gt=0, le=180, example="40"
    )


_CODE = "dlx.sources.augment"
AUGMENTATIONS = Table(
    "augmentation",
    {
        "flip": Component(Flip, f"{_CODE}:Flip"),
        "rotate": Component(Rotate, f"{_CODE}:Rotate"),
    },
    short_forms="flip, {rotate: 40} or {name: rotate, degrees: 40}",
)


def refuse_no_pictures(name: str, sizes: Sizes, where: str) -> Iterator[Problem]:
    """What is wrong with an input that is to be augmented.

    Args:
        name: of the input.
        sizes: the shape of a row, as prepared.
        where: the augmentation was written.
    """
    key = f"prepare.augment.{name}"
    if len(sizes) not in (2, 3):
        what = f"`{key}`: input {name} holds no pictures after preparation"
        accepted = "rows of shape (height, width) or (channels, height, width)"
        yield Problem(what, where, accepted, f"{key}=[], or a preparation without flatten")
    elif min(sizes[-2:]) < 2:
        what = f"`{key}`: pictures of {sizes[-2]} x {sizes[-1]} pixels cannot be moved"
        yield Problem(what, where, "at least 2 x 2 pixels", f"{key}=[]")
