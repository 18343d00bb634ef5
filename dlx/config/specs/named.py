"""Datasets of one or two pictures, each named by an option: a file, or a known photograph."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from ...errors import Problem
from ..fields import option
from ..names import join_names, plural
from ..shapes import Sizes
from .dataset import Dataset
from .pictures import FORMATS, SMALLEST

BROUGHT = ("china", "flower")
"""Photographs that scikit-learn brings along, 427 x 640."""
LARGEST = 2048
"""Pixels of a side, of what a learner of pictures works on."""
ACCEPTED = f"a picture in {join_names(FORMATS)}, or {' or '.join(BROUGHT)}"
_FILE = f"file of it, or {' or '.join(BROUGHT)}, photographs that scikit-learn brings"


@dataclass(frozen=True, kw_only=True)
class Named(Dataset):
    """Options of datasets whose pictures are named one by one."""

    kind = "picture"
    brought_by = ("scikit-learn", "sklearn", "datasets/images")
    targets: ClassVar[dict[str, str]] = {}
    rows = "1"
    terms = "your own; those of scikit-learn: CC BY"

    size: int | tuple[int, ...] | None = option(
        400,
        "one number: the height, the width follows; [height, width]: both; null: as it is, if "
        f"neither is above {LARGEST:,}",
        unit="pixels",
        ge=SMALLEST,
        le=LARGEST,
        aliases=("image_size", "img_height"),
    )

    def __post_init__(self) -> None:
        for name in self.inputs:  # what is recorded names the file from any folder
            given = getattr(self, name)
            if given and given not in BROUGHT:
                object.__setattr__(self, name, os.path.abspath(given))

    @property
    def named_files(self) -> Mapping[str, str]:
        """The pictures by the options that name them."""
        return {name: getattr(self, name) for name in self.inputs}

    @property
    def shapes(self) -> dict[str, Sizes]:  # type: ignore[override]
        """Three colours; sizes that are not known unread are 0."""
        size = self.size
        sides = size if isinstance(size, tuple) else (0 if size is None else size, 0)
        return dict.fromkeys(self.inputs, (3, *sides))

    def check(self) -> Iterator[tuple[str, Problem]]:
        """A picture that has no name, and a size of more numbers than two."""
        for name, given in self.named_files.items():
            if not given:
                what = f"`dataset.{name}` is empty"
                yield name, Problem(what, "", ACCEPTED, f"{name}={BROUGHT[0]}")
        if isinstance(self.size, tuple) and len(self.size) != 2:
            what = f"`dataset.size` has {plural(len(self.size), 'number')}"
            hint = f"size={self.size[0] if self.size else 400}"
            yield "size", Problem(what, "", "a height, or [height, width]", hint)


@dataclass(frozen=True, kw_only=True)
class OnePicture(Named):
    """One picture of your own."""

    inputs = ("image",)

    image: str = option("china", f"the picture: a {_FILE}", path=True, aliases=("file", "path"))


@dataclass(frozen=True, kw_only=True)
class TwoPictures(Named):
    """Two pictures of your own: one whose contents, and one whose style is wanted."""

    inputs = ("content", "style")

    content: str = option("china", f"picture of the contents: a {_FILE}", path=True)
    style: str = option("flower", f"picture of the style: a {_FILE}", path=True)
