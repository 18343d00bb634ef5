"""Every kind of column keeps its contract; a broken one is told which clause it breaks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pytest
import torch
from PIL import Image as Pictures

from dlx.config.specs.pictures import Decoding
from dlx.data.columns import (
    KINDS,
    Array,
    Categories,
    CategoryIds,
    Column,
    Dense,
    Files,
    Image,
    Input,
    Passages,
    Rows,
    Sequence,
    Shown,
    Sparse,
    Text,
    Window,
)
from dlx.sources.held import HeldDense
from dlx.testing import BrokenContract, check_column

LISTS = [[3, 1], [], [2], [5, 6, 7], []]
IDS = np.array([v for row in LISTS for v in row], dtype=np.int32)
OFFSETS = np.cumsum([0, *map(len, LISTS)]).astype(np.int64)
PICTURES = np.arange(60, dtype=np.uint8).reshape(5, 2, 2, 3)
SERIES = np.array([[5, 0], [1, 2], [3, 4], [1, 2], [3, 4], [1, 2], [0, 9], [7, 8], [3, 4]], "f4")
WORDS = ("zero", "one", "two", "three")
TOKENS = ("(unknown)", " a", "b"), np.array([3, 2, 1, 2, 2, 4], "u2")


FOLDER = tempfile.TemporaryDirectory()  # gone at the end of the tests


def pictures_in_files() -> Files:
    """Five PNG pictures, which the column is told to decode small."""
    folder = Path(FOLDER.name)
    for number in range(5):
        pixels = (np.arange(300) * (number + 1)).astype(np.uint8).reshape(10, 10, 3)
        Pictures.fromarray(pixels).save(folder / f"{number}.png")
    return Files.of(folder, [f"{number}.png" for number in range(5)], Decoding(size=(8, 9)))


COLUMNS: dict[str, Callable[[], Column]] = {
    "images": lambda: Dense(np.arange(30.0).reshape(5, 2, 3)),
    "colours": lambda: Dense(np.arange(120, dtype=np.uint8).reshape(5, 4, 2, 3)),
    "pictures": lambda: Image(np.arange(120, dtype=np.uint8).reshape(5, 4, 2, 3)),
    "scaled pictures": lambda: Image(PICTURES, (1.0, 2.0), (0.5, 255.0)),
    "pictures in files": pictures_in_files,
    "table": lambda: Dense(np.arange(10).reshape(5, 2), ("a", "b")),
    "holes": lambda: Dense(np.array([1.0, np.nan, np.nan, -0.0, 0.0])),
    "numbers": lambda: Dense(np.arange(5, dtype=np.float32)),
    "texts": lambda: Text(["a", "", "ß", "d", "a"]),
    "lists of ids": lambda: Sequence(IDS, OFFSETS, words=WORDS),
    "lists of so many ids": lambda: Sequence(IDS, OFFSETS, 8),
    "categories": lambda: Categories.of_texts({"a": ["x", "", "y", "x", ""], "b": [*"cdcdd"]}),
    "ids of categories": lambda: CategoryIds(
        np.array([[0, 3], [2, 1], [0, 1], [2, 3], [2, 3]], np.int32), ("a", "b", "a=x", "b=y")
    ),
    "multi-hot rows": lambda: Sparse(IDS, OFFSETS, 9),
    "weighted rows": lambda: Sparse(IDS, OFFSETS, 9, IDS.astype(np.float32) / 2),
    "rows with other weights": lambda: Sparse(
        np.array([1, 1], np.int32), np.arange(3), 2, np.array([1, 2], np.float32)
    ),
    "passages": lambda: Passages(
        np.array([0, 1, 2, 1, 1, 0], "u1"), np.array([1, 0, 3]), 2, *TOKENS
    ),
    "windows": lambda: Window(SERIES, np.array([3, 8, 4, 8, 5, 7]), 4, 2, ("a", "b")),
    "rows of ids": lambda: Sequence.of_rows(np.arange(10, dtype=np.int32).reshape(5, 2), 11, WORDS),
}


def test_every_kind_is_among_them() -> None:
    shipped = {kind for kind, found in KINDS.items() if found.__module__.startswith("dlx.")}

    assert {make().kind for make in COLUMNS.values()} == shipped


@pytest.mark.parametrize("name", COLUMNS)
def test_every_kind_keeps_the_contract(name: str) -> None:
    check_column(COLUMNS[name])


class Broken(Dense):
    """Each subclass breaks one clause."""

    kind: ClassVar[str] = "broken"
    found: ClassVar[str] = ""
    """What is told of it."""


class KeepsASet(Broken):
    found = (
        "broken: meta() is something that JSON can hold\n"
        "  found: TypeError: Object of type set is not JSON serializable"
    )

    def meta(self) -> dict[str, Any]:
        return {"names": set(self.names)}


class ForgetsItsNames(Broken):
    found = (
        "broken: restore() gives the column whose arrays() and meta() these were\n"
        "  found: meta differs"
    )

    @classmethod
    def restore(cls, arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> Self:
        return cls(arrays["values"])


class SortsItsRows(Broken):
    found = "broken: take(), backwards, gives these rows in this order\n  found: 4 others"

    def take(self, rows: Rows) -> Self:
        return super().take(np.sort(rows))


class DropsRepeats(Broken):
    found = "broken: take(), repeats, gives these rows in this order\n  found: 2 others"

    def take(self, rows: Rows) -> Self:
        return super().take(np.array(list(dict.fromkeys(rows.tolist())), dtype=np.int64))


class HashesEverything(Broken):
    found = "broken: hashes(), no row, are those of these rows\n  found: others"

    def hashes(self, rows: Rows) -> list[bytes]:
        return super().hashes(np.arange(len(self)))


class HashesItsPlace(Broken):
    found = (
        "broken: hashes(), one row, are those of these rows\n  found: others once they are taken"
    )

    def hashes(self, rows: Rows) -> list[bytes]:
        return [str(row).encode() for row in rows.tolist()]


class HashesItsFirst(Broken):
    found = "broken: rows that differ have different hashes\n  found: the same one twice"

    def hashes(self, rows: Rows) -> list[bytes]:
        return [self.values[row, :1].tobytes() for row in rows.tolist()]


class ShowsWhatItHas(Broken):
    found = (
        "broken: show() gives pixels (channels, height, width), a text, or numbers by name\n"
        "  found: row with array([0., 0.])"
    )

    def show(self, row: int) -> Shown:
        return Shown("row", self.values[row])


class TellsAnotherShape(Broken):
    found = "broken: describe() tells the shape of a row\n  found: (3,) of (2,)"

    def describe(self) -> Input:
        return Input("dense", (3,))


class ReversesWhatIsHeld(HeldDense):
    def take(self, rows: torch.Tensor) -> Self:
        return super().take(rows.flip(0))


class IsHeldBackwards(Broken):
    held: ClassVar[str] = f"{__name__}:ReversesWhatIsHeld"
    found = (
        "broken: take(), all rows, gives the same rows on a device as on the host\n  found: others"
    )


class StartsAtTheBeginning(HeldDense):
    def batch(self, start: int, stop: int) -> torch.Tensor:
        return self.values[: stop - start]


class GivesTheFirstRows(Broken):
    held: ClassVar[str] = f"{__name__}:StartsAtTheBeginning"
    found = "broken: batch(1, ...) gives the same rows on a device as on the host\n  found: others"


class ScalesInPlace(Broken):
    found = "broken: a column that is asked stays as it is\n  found: values differs"

    def ready(self) -> Self:
        self.values[:] /= 255
        return super().ready()


VALUES = np.array([[0.0, 0.0], [0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])


@pytest.mark.parametrize("broken", Broken.__subclasses__(), ids=lambda one: one.__name__)
def test_a_broken_column_is_told_its_clause(broken: type[Broken]) -> None:
    with pytest.raises(BrokenContract) as caught:
        check_column(lambda: broken(VALUES.copy(), ("a", "b")))

    assert str(caught.value) == broken.found


def test_there_must_be_rows() -> None:
    with pytest.raises(BrokenContract, match="there are rows to check with"):
        check_column(lambda: Dense(VALUES[:1]))
