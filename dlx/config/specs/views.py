"""Views by name: ways in which a picture is seen where answers to several are averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..fields import Component, Table, option
from .augment import Augmentation


@dataclass(frozen=True, kw_only=True)
class View(Augmentation):
    """Base of all options.

    Attributes:
        count: how many views of a picture there are.
    """

    count: ClassVar[int]


@dataclass(frozen=True, kw_only=True)
class Flip(View):
    """The picture, and the picture with left and right exchanged: 2 views."""

    count: ClassVar[int] = 2


@dataclass(frozen=True, kw_only=True)
class Crops(View):
    """Windows in the middle and in the four corners, enlarged to the picture's size: 5 views."""

    count: ClassVar[int] = 5

    share: float = option(
        0.875, "height and width of a window, as a share of the picture's", gt=0, lt=1
    )


VIEWS = Table(
    "view",
    {
        "flip": Component(Flip, "dlx.sources.views:Flip"),
        "crops": Component(Crops, "dlx.sources.views:Crops"),
    },
    short_forms="flip, {crops: 0.9} or {name: crops, share: 0.9}",
)
