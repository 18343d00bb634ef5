"""Texts of the user's own, to be classed: a folder of files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar, Literal

from ...errors import Problem
from ..fields import option
from .dataset import Dataset


@dataclass(frozen=True, kw_only=True)
class Texts(Dataset):
    """Texts in a folder of your own: a folder for each class, below train and test or not."""

    inputs = ("text",)
    targets: ClassVar[dict[str, str]] = {"class": "multiclass"}
    rows = "your own"
    terms = "your own"
    own = True
    counted = False
    wanted = "a folder of texts"

    folder: str = option(  # type: ignore[misc]
        "",
        "where the texts are: a path that begins with /, ./ or ~, or the name of a folder below "
        "DLX_DATA",
        path=True,
        aliases=("directory", "root"),
    )
    endings: tuple[str, ...] = option(("txt", "text", "md"), "what names of texts end in")
    encoding: Literal["auto", "utf-8", "cp1252", "latin-1", "utf-16"] = option(
        "auto",
        "auto: each file by its byte order mark; else UTF-16 by its zeros, UTF-8, or what is none: "
        "Windows-1252 (cp1252)",
    )
    broken: Literal["refuse", "skip"] = option(
        "refuse",
        "files that are empty or no texts: refuse them, or leave them out and tell which",
    )

    def __post_init__(self) -> None:
        if self.folder.startswith(("./", "../")) or self.folder in (".", ".."):
            object.__setattr__(self, "folder", os.path.abspath(self.folder))

    def check(self) -> Iterator[tuple[str, Problem]]:
        """A folder that is missing, and no ending."""
        yield from chain(super().check(), self._check_own())

    def _check_own(self) -> Iterator[tuple[str, Problem]]:
        if not self.folder and not self.sample:
            what = "dataset texts reads a folder of your own, but `dataset.folder` is empty"
            accepted = "a path that begins with /, ./ or ~, or the name of a folder below DLX_DATA"
            yield "folder", Problem(what, "", accepted, "folder=./FOLDER")
        if not self.endings:
            yield "endings", Problem("`dataset.endings` is empty", "", "txt", "endings=[txt]")
