"""Pictures that stay in their files until they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ...config.specs.pictures import Decoding
from ..decoded import Decoded, decoded
from ..originals import Originals
from ..profile import Profile
from ..survey import Pixels, Survey
from .base import Array, Rows, Shown
from .image import Image, Pictures

IN_MEMORY = 2**30
"""Bytes: decoded pictures of a dataset that are no more lie in memory as soon as they are used."""
SAMPLED = 16
"""Pictures whose bytes tell one decoder from another, where there are too many to look at all."""


@dataclass(frozen=True, eq=False)
class Files(Pictures):
    """Rows of pictures in files, decoded where they are used.

    A row is known by what its file holds.

    Attributes:
        originals: the files, and the size and colours that their pictures get.
        rows: which file each row is, int64.
        mean: of each channel; empty: 0.
        std: of each channel; empty: 1.
    """

    kind: ClassVar[str] = "files"
    held: ClassVar[str] = "dlx.sources.files:HeldFiles"

    originals: Originals
    rows: Rows
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @classmethod
    def of(cls, root: Path, names: Sequence[str], how: Decoding) -> Self:
        """A row for each of some files, which are read once.

        Args:
            root: the folder that they lie in, or the zip file that holds them.
            names: of the files, relative to it.
            how: what becomes of them.

        Raises:
            UsageError: one cannot be read.
            Interrupted: a signal asks to stop.
        """
        return cls(Originals.of(root, names, how), np.arange(len(names)))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of a picture: channels, height, width."""
        return self.originals.how.sizes

    @property
    def decoded(self) -> Decoded:
        """The pictures of all files; at the first time they are decoded, which may take minutes.

        Raises:
            UsageError: a file cannot be read, or is no longer the same.
        """
        return decoded(self.originals)

    @property
    def names(self) -> list[str]:
        """Of the rows' files."""
        return [self.originals.names[file] for file in self.rows.tolist()]

    @property
    def digests(self) -> Pixels:
        """What each row is known by: a hash of its file's bytes, (rows, 16)."""
        return np.asarray(self.originals.digests[self.rows])

    def survey(self) -> Survey:
        """What decoding found, by row: what is broken, and what was mended of which."""
        found = self.decoded.survey
        broken = {
            row: found.broken[file]
            for row, file in enumerate(self.rows.tolist())
            if file in found.broken
        }
        mended = {
            what: np.flatnonzero(np.isin(self.rows, files)).tolist()
            for what, files in found.mended.items()
        }
        sums = np.array(found.sums)[self.rows].tolist()
        return Survey(broken, {what: rows for what, rows in mended.items() if rows}, sums)

    def pixels(self, rows: Rows) -> Pixels:
        """Some rows as bytes, (rows, channels, height, width).

        Raises:
            UsageError: one is broken, or its file is no longer the same.
        """
        return self.decoded.read(self.rows[rows])

    def several(self, rows: Rows) -> Array:
        """As `pixels` has them."""
        return self.pixels(rows)

    def fits_into(self, free: int) -> bool:
        """Whether the pictures of all files take little of so many bytes of memory."""
        return self.originals.nbytes <= min(IN_MEMORY, free // 4)

    def image(self) -> Image:
        """All rows in memory."""
        return Image(self.pixels(np.arange(len(self))), self.mean, self.std)

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: Rows) -> Self:
        """These rows, in this order."""
        return replace(self, rows=self.rows[rows])

    def stand_for(self, mean: tuple[float, ...], std: tuple[float, ...]) -> Self:
        """The same files with another mean and std of each channel."""
        return replace(self, mean=mean, std=std)

    def hashes(self, rows: Rows) -> list[bytes]:
        """A hash of the bytes of each of these rows' files."""
        return [one.tobytes() for one in self.originals.digests[self.rows[rows]]]

    def show(self, row: int) -> Shown:
        """The picture."""
        return Shown("image", self.pixels(np.array([row]))[0])

    def profile(self, name: str) -> Iterator[Profile]:
        """The pictures as a whole, in bytes, as `Image` has it."""
        told, levels = f"{' x '.join(map(str, self.sizes))} values", self.count_levels().sum(axis=0)
        if not levels.any():
            yield Profile(name, "", told)
            return
        low, high = (float(end) for end in np.flatnonzero(levels)[[0, -1]])
        yield Profile(name, "", told, 0, int(levels[0]), low, high)

    def count_levels(self) -> npt.NDArray[np.int64]:
        """How often each channel has each byte, (channels, 256)."""
        return self.decoded.count_levels(self.rows)

    def arrays(self) -> dict[str, Array]:
        """What each file is known by, and which of them each row is."""
        return {"digests": self.originals.digests, "rows": self.rows}

    def meta(self) -> dict[str, Any]:
        """Where the files lie, and what becomes of them."""
        known, how = self.originals, asdict(self.originals.how)
        given = {name: list(one) if isinstance(one, tuple) else one for name, one in how.items()}
        place = {"root": known.root, "names": list(known.names), "how": given}
        return {**place, "mean": self.mean, "std": self.std}

    def contents(self) -> tuple[Mapping[str, Array], Mapping[str, Any]]:
        """As `Image` has them; of many the files and some pictures, so that not all are decoded."""
        scale = {"mean": self.mean, "std": self.std}
        if self.originals.nbytes <= IN_MEMORY:
            return {"pixels": self.pixels(np.arange(len(self)))}, scale
        places = np.unique(np.linspace(0, len(self) - 1, min(SAMPLED, len(self))).astype(np.int64))
        arrays = {"digests": self.digests, "some": self.pixels(places)}
        return arrays, scale | {"how": self.meta()["how"]}

    @classmethod
    def restore(cls, arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> Self:
        """The column whose arrays and meta these were."""
        how: dict[str, Any] = {
            name: tuple(one) if isinstance(one, list) else one for name, one in meta["how"].items()
        }
        digests = np.asarray(arrays["digests"])
        known = Originals(meta["root"], tuple(meta["names"]), digests, Decoding(**how))
        return cls(known, np.asarray(arrays["rows"]), tuple(meta["mean"]), tuple(meta["std"]))
