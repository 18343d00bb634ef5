"""New pictures: files, and folders of them, made what the run's pictures were made."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from ...config.specs.pictures import FORMATS, Decoding
from ...data.columns import Image
from ...data.readers.listing import is_picture
from ...data.readers.pictures import BrokenPictureError, decode
from .base import Asked
from .files import FileReader, UnreadableError

Pixels = np.typing.NDArray[np.uint8]


class PictureReader(FileReader):
    """Pictures in any format that training takes."""

    noun = "picture"

    @classmethod
    def takes(cls, asked: Asked) -> bool:
        """Whether the run's only input is pictures that were decoded from files."""
        kinds = [one.kind for one in asked.wanted]
        return kinds == ["image"] and isinstance(asked.config.dataset.options, Decoding)

    def fits(self, name: str) -> bool:
        """Whether its name is that of a picture."""
        return is_picture(name)

    def read(self, data: bytes) -> object:
        """Its pixels, of the run's size and colours."""
        options = self.asked.config.dataset.options
        how = replace(Decoding.of(options), formats=FORMATS)
        try:
            return decode(data, how)
        except BrokenPictureError as error:
            raise UnreadableError(str(error)) from error

    def column(self, found: list[object]) -> Image:
        """Pictures as bytes."""
        return Image(np.stack(cast("list[Pixels]", found)))
