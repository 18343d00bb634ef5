"""Datasets of pictures in files: photographs of cats and dogs, and a folder of the user's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar, Literal

from ...errors import Problem
from ..fields import option
from ..shapes import Sizes
from .dataset import Dataset, File
from .pictures import Decoding, Format

Holds = Literal["class", "labels", "number"]
_POSED: dict[str, str] = {"class": "multiclass", "labels": "multilabel", "number": "regression"}


@dataclass(frozen=True, kw_only=True)
class CatsVsDogs(Decoding, Dataset):
    """Photographs of cats and dogs, in colour; rows in the order validation, training, test."""

    inputs = ("image",)
    targets: ClassVar[dict[str, str]] = {"animal": "binary"}
    rows = "3,000 + 1,000"
    terms = "Kaggle (Asirra, 2013); competition terms"

    source: Literal["small_zip", "kaggle"] = option(
        "small_zip",
        "files with the book's 2,000 + 1,000 + 1,000 (5.2). small_zip: squashed to 200 x 200. "
        "kaggle: train.zip of the competition, or its folder train, with the photographs as they "
        "are; of cats and dogs 0 to 999 train, to 1499 validate, to 1999 test",
    )
    formats: tuple[Format, ...] = option(("jpeg",), "formats that are read", newer=True)

    @property
    def files(self) -> tuple[File, ...]:  # type: ignore[override]
        """The file of the chosen source."""
        return (_CATS[self.source],)

    @property
    def shapes(self) -> dict[str, Sizes]:  # type: ignore[override]
        """Three colours, or grey."""
        return {"image": self.sizes}


_CATS = {
    "small_zip": File(
        name="cats_and_dogs_small.zip",
        sha256="5ded4a76e10c1cff2a7392e1842735fa4bdc042cbb62ea67ce28e9929ea628d6",
        size=32_620_001,
    ),
    "kaggle": File(name="train.zip", also=("train",), folder=True),  # whose hash is not known
}


@dataclass(frozen=True, kw_only=True)
class Images(Decoding, Dataset):
    """Pictures in a folder of your own: a folder for each class, or listed in a CSV file."""

    inputs = ("image",)
    rows = "your own"
    terms = "your own"
    own = True
    counted = False

    folder: str = option(  # type: ignore[misc]
        "",
        "where the pictures are: a path that begins with /, ./ or ~, or the name of a folder below "
        "DLX_DATA",
        path=True,
        aliases=("directory", "root"),
    )
    file: str = option(
        "",
        "CSV file in the folder that lists its pictures; empty: each class is a folder, below "
        "train, validation and test or not",
    )
    path: str = option("path", "column of `file` with each picture's path in the folder")
    part: str = option(
        "", "column of `file` that says train, validation or test; empty: it does not say"
    )
    columns: dict[str, Holds] = option(
        dict,
        "columns of `file` to predict and what a cell of each is: class, labels (of any number, "
        "separated by |), or number",
        example="{breed: class, age: number}",
    )
    broken: Literal["refuse", "skip"] = option(
        "refuse", "files that are no pictures: refuse them, or leave them out and tell which"
    )

    def __post_init__(self) -> None:
        if self.folder.startswith(("./", "../")) or self.folder in (".", ".."):
            object.__setattr__(self, "folder", os.path.abspath(self.folder))

    @property
    def shapes(self) -> dict[str, Sizes]:  # type: ignore[override]
        """Three colours, or grey."""
        return {"image": self.sizes}

    @property
    def targets(self) -> dict[str, str]:  # type: ignore[override]
        """The columns of the file, else the class whose folder a picture is in."""
        if not self.file:
            return {"class": "multiclass"}
        return {name: _POSED[holds] for name, holds in self.columns.items()}

    def check(self) -> Iterator[tuple[str, Problem]]:
        """A folder or columns that are missing, and options that would have no effect."""
        yield from chain(super().check(), self._check_place(), self._check_columns())

    def _check_place(self) -> Iterator[tuple[str, Problem]]:
        if not self.folder and not self.sample:
            what = "dataset images reads a folder of your own, but `dataset.folder` is empty"
            accepted = "a path that begins with /, ./ or ~, or the name of a folder below DLX_DATA"
            yield "folder", Problem(what, "", accepted, "folder=./FOLDER")
        name = self.file.replace("\\", "/")
        if name.startswith("/") or ".." in name.split("/"):
            what = f"`dataset.file` is {self.file}, which lies outside `dataset.folder`"
            yield "file", Problem(what, "", "a path in the folder", "file=labels.csv")

    def _check_columns(self) -> Iterator[tuple[str, Problem]]:
        given = {"path": self.path != "path", "part": bool(self.part), "columns": self.columns}
        for name in (name for name, one in given.items() if one and not self.file):
            what = f"`dataset.{name}` is of `dataset.file`, which is empty"
            yield name, Problem(what, "", "nothing", "file=labels.csv")
        if self.file and not self.columns:
            what = "`dataset.columns` is empty: no column of the file is to be predicted"
            accepted = "columns and what a cell of each is: class, labels or number"
            yield "columns", Problem(what, "", accepted, "columns={label:class}")
        for name in {self.path, self.part, *self.inputs} & {*self.columns}:
            what = f"`dataset.columns` has `{name}`, which is not a column to predict"
            if name in self.inputs:
                what = f"`dataset.columns` has `{name}`, which is the name of the input"
            yield "columns", Problem(what, "", "other columns of the file")
