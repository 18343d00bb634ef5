"""All pictures of some files decoded once: which are broken, and what was mended of others."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..progress import tell
from .originals import CHUNK, Originals
from .readers.pictures import BrokenPictureError
from .threads import spread

Pixels = npt.NDArray[np.uint8]
Keep = Callable[[int, Pixels], None]
"""Takes the picture of a file, by its number; threads call it, each with files of its own."""


@dataclass
class Survey:
    """What decoding all files has found.

    Attributes:
        broken: why a picture cannot be decoded, by the number of its file.
        mended: the files of which something was mended, by what was done to them.
        sums: CRC-32 of each file's decoded bytes; 0 of what is broken.
    """

    broken: dict[int, str] = field(default_factory=dict)
    mended: dict[str, list[int]] = field(default_factory=dict)
    sums: list[int] = field(default_factory=list)

    def add(self, other: Survey) -> None:
        """Adds what was found in the files that follow."""
        self.broken |= other.broken
        self.sums += other.sums
        for what, places in other.mended.items():
            self.mended.setdefault(what, []).extend(places)

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return vars(self) | {"broken": list(self.broken.items())}

    @classmethod
    def restore(cls, plain: dict[str, Any]) -> Survey:
        """What `plain` made.

        Raises:
            ValueError, TypeError, KeyError: it is something else.
        """
        broken = {int(place): str(why) for place, why in plain["broken"]}
        mended = {str(what): [*map(int, places)] for what, places in plain["mended"].items()}
        return cls(broken, mended, [*map(int, plain["sums"])])


def survey(originals: Originals, keep: Keep | None = None) -> Survey:
    """Decodes all files, in threads.

    Args:
        originals: the files.
        keep: takes what they hold.

    Raises:
        UsageError: a file cannot be read, or is no longer the same.
        Interrupted: a signal asks to stop.
        OSError: from `keep`.
    """
    found, chunks = Survey(), originals.chunks(CHUNK)

    def look(chunk: range) -> Survey:
        return _decode(originals, chunk, keep)

    for chunk, part in zip(chunks, spread(look, chunks), strict=True):
        found.add(part)
        tell("pictures decoded", chunk.stop, len(originals))
    return found


def _decode(originals: Originals, chunk: range, keep: Keep | None) -> Survey:
    """Some files in a row."""
    found = Survey()
    for place in chunk:
        try:
            picture = originals.decode(place)
        except BrokenPictureError as error:
            found.broken[place] = str(error)
            found.sums.append(0)
            continue
        found.sums.append(zlib.crc32(picture.pixels.data))
        for what in picture.mended:
            found.mended.setdefault(what, []).append(place)
        if keep is not None:
            keep(place, picture.pixels)
    return found
