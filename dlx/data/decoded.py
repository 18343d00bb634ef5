"""Pictures as bytes of one size: decoded once into a file of the cache, else whenever asked for.

Both give the same bytes. What is kept may be deleted at any time: what is lost is decoded again.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from threading import Lock
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..files import open_file
from . import picture_cache
from .originals import Originals
from .readers.pictures import BrokenPictureError
from .survey import Pixels, Survey, survey
from .threads import spread

Places = npt.NDArray[np.int64]
"""Numbers of files."""

SMALL_BYTES = 1_000_000
"""Pictures of fewer bytes stay in memory, and are decoded anew by each process."""
BLOCK_BYTES = 4_000_000
"""As many bytes are looked at together."""


class _Keeper(Protocol):
    """Has decoded pictures, or some of them."""

    def copy(self, places: Places, into: Pixels) -> list[int]:
        """Copies the pictures of some files, and tells at which of `places` it has none."""
        ...


class _Nowhere:
    """Has none."""

    def copy(self, places: Places, into: Pixels) -> list[int]:  # noqa: ARG002
        """Nothing is copied."""
        return list(range(len(places)))


class _Memory:
    """Has all of them in memory.

    Args:
        pixels: of all files.
    """

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels

    def copy(self, places: Places, into: Pixels) -> list[int]:
        """All are there."""
        into[:] = self.pixels[places]
        return []


class _File:
    """Has all of them in a file, which is read and not mapped: no page of it is this process's.

    A picture is compared with its checksum when it is first read.

    Args:
        file: pictures of one size, end to end.
        sums: CRC-32 of each.
        fresh: whether this process has just written it.
    """

    def __init__(self, file: Path, sums: list[int], fresh: bool) -> None:
        self.file, self.sums = file, np.array(sums, np.uint32)
        self.seen = np.full(len(sums), fresh)

    def copy(self, places: Places, into: Pixels) -> list[int]:
        """Those are lacking that are damaged; all, where the file is gone."""
        lacking = []
        try:
            with open_file(self.file, "rb") as stream:
                for at, place in enumerate(places.tolist()):
                    stream.seek(place * into[0].nbytes)
                    stream.readinto(memoryview(into[at]).cast("B"))  # type: ignore[attr-defined]
                    if not self.seen[place]:
                        self.seen[place] = zlib.crc32(into[at]) == self.sums[place]
                        lacking += [] if self.seen[place] else [at]
        except OSError:
            return list(range(len(places)))
        return lacking


class Decoded:
    """The pictures of some files as bytes.

    Args:
        originals: the files.
        keeper: has those that are decoded.
        found: what decoding all of them found; None: not known yet.
        where: they are, in words.
    """

    def __init__(
        self, originals: Originals, keeper: _Keeper, found: Survey | None, where: str
    ) -> None:
        self._originals, self._keeper, self._found, self.where = originals, keeper, found, where

    @property
    def survey(self) -> Survey:
        """What decoding all of them found."""
        if self._found is None:
            self._found = survey(self._originals)
        return self._found

    def read(self, places: Places) -> Pixels:
        """The pictures of some files, (files, channels, height, width).

        Raises:
            UsageError: one is broken, or its file is no longer the same.
        """
        broken = {} if self._found is None else self._found.broken
        for place in places.tolist() if broken else ():
            if place in broken:
                raise self._originals.refuse(place, broken[place])
        into = np.empty((len(places), *self._originals.how.sizes), np.uint8)
        lacking = self._keeper.copy(places, into) if len(places) else []

        def decode(at: int) -> None:
            place = int(places[at])
            try:
                into[at] = self._originals.decode(place).pixels
            except BrokenPictureError as error:
                raise self._originals.refuse(place, str(error)) from None

        for _ in spread(decode, lacking):
            pass
        return into

    def count_levels(self, places: Places) -> npt.NDArray[np.int64]:
        """How often each channel of some pictures has each byte, (channels, 256)."""
        from PIL.Image import frombuffer

        channels, height, width = self._originals.how.sizes
        counts = np.zeros((channels, 256), np.int64)
        many = max(1, BLOCK_BYTES // (channels * height * width))
        for start in range(0, len(places), many):
            block = self.read(places[start : start + many])
            for channel in range(channels):
                plane = np.ascontiguousarray(block[:, channel])  # Pillow counts 8 times as fast
                counts[channel] += frombuffer("L", (width, len(block) * height), plane).histogram()
        return counts


def decoded(originals: Originals) -> Decoded:
    """The pictures of some files: as they are kept, or decoded now and kept where there is room.

    Raises:
        UsageError: a file cannot be read, or is no longer the same.
        Interrupted: a signal asks to stop.
    """
    if "decoded" not in originals.memo:
        originals.memo["decoded"] = _open(originals)
    found: Decoded = originals.memo["decoded"]
    return found


def _open(originals: Originals) -> Decoded:
    key, size = originals.key, originals.nbytes
    if size < SMALL_BYTES:
        pixels = np.zeros((len(originals), *originals.how.sizes), np.uint8)
        found = survey(originals, pixels.__setitem__)
        return Decoded(originals, _Memory(pixels), found, "in memory")
    kept = picture_cache.find(key, size)
    why = "" if kept else picture_cache.lack_of_room(size)
    if kept is None and not why:
        try:
            kept = picture_cache.make(key, size, lambda file: _write(originals, file))
        except OSError as error:
            why = f"the folder of DLX_CACHE cannot be written to: {error.strerror or error}"
    if kept is None:
        return Decoded(originals, _Nowhere(), None, f"decoded each time, as {why}")
    keeper = _File(kept.file, kept.found.sums, kept.fresh)
    return Decoded(originals, keeper, kept.found, "decoded once, into a file of the cache")


def _write(originals: Originals, file: Path) -> Survey:
    """Decodes all files into one, in which each has its place."""
    one_writes = Lock()
    with open_file(file, "r+b") as stream:

        def put(place: int, picture: Pixels) -> None:
            with one_writes:
                stream.seek(place * picture.nbytes)
                stream.write(picture.data)

        return survey(originals, put)
