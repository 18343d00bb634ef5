"""How pictures in files become bytes of one size; options that datasets of pictures mix in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal, Self

from ...errors import Problem
from ..fields import option
from ..names import join_names, plural
from ..shapes import Sizes

Format = Literal["jpeg", "png", "bmp", "gif", "webp", "tiff"]
FORMATS: tuple[Format, ...] = ("jpeg", "png", "bmp", "gif", "webp", "tiff")
SMALLEST, LARGEST = 8, 1024
"""Of a side, in pixels."""
_NO_FORMAT = Problem("`dataset.formats` is empty", "", join_names(FORMATS), "formats=[jpeg]")


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """Options of pictures in files: the size that they get, their colours, their formats."""

    size: int | tuple[int, ...] = option(
        64,
        "height and width that pictures get, one number or [height, width]",
        unit="pixels",
        ge=SMALLEST,
        le=LARGEST,
        aliases=("image_size", "target_size"),
    )
    resize: Literal["stretch", "fit", "crop"] = option(
        "stretch",
        "stretch: each side to its size. fit: the whole picture, black beside it. crop: the "
        "largest part of this shape from its centre",
        newer=True,
        aliases=("crop_to_aspect_ratio", "resize_with_pad"),
    )
    colour: Literal["rgb", "grey"] = option(
        "rgb", "three channels, or one", newer=True, aliases=("color", "color_mode")
    )
    formats: tuple[Format, ...] = option(
        FORMATS, "formats that are read, told by a file's contents and not by its name", newer=True
    )

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width."""
        sides = self.size if isinstance(self.size, tuple) else (self.size,)
        return (sides[0], sides[-1]) if sides else (SMALLEST, SMALLEST)  # which `check` refuses

    @property
    def channels(self) -> int:
        """Of a picture: of red, green and blue, or of grey."""
        return 3 if self.colour == "rgb" else 1

    @property
    def sizes(self) -> Sizes:
        """The shape of a picture: channels, height, width."""
        return (self.channels, *self.sides)

    @classmethod
    def of(cls, options: Decoding) -> Self:
        """These options alone, of a dataset that has others too."""
        return cls(**{field.name: getattr(options, field.name) for field in fields(cls)})

    def check(self) -> Iterator[tuple[str, Problem]]:
        """What its options contradict, and the option where it stands; hints as OPTION=VALUE."""
        if isinstance(self.size, tuple) and len(self.size) != 2:
            what = f"`dataset.size` has {plural(len(self.size), 'number')}"
            accepted = "one whole number, or two: [height, width]"
            hint = f"size={self.size[0] if self.size else 64}"
            yield "size", Problem(what, "", accepted, hint)
        if not self.formats:
            yield "formats", _NO_FORMAT
