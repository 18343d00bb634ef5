"""A text to learn the next token of: the dataset, and the step that gives tokens their numbers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar, Literal

from ..fields import option
from .dataset import Dataset
from .step import OnColumns

Unit = Literal["character", "word"]


@dataclass(frozen=True, kw_only=True)
class Text(Dataset):
    """Stretches of a text, each token of which is to be told from those before it.

    The embedded text is what Python's own help says of its language (`pydoc_data.topics`).
    """

    kind = "text"
    inputs = ("text",)
    targets: ClassVar[dict[str, str]] = {}
    rows = "one text"
    terms = "PSF licence, or your own"
    time: ClassVar[str] = "place"
    counted = False
    brought_by = ("Python", "pydoc_data", "")
    may_be_file = True
    wanted = "a text in UTF-8, or a folder of .txt files"
    places = ("file",)

    file: str = option(
        "",
        "a text in UTF-8, or a folder of .txt files: a path that begins with /, ./ or ~, or one "
        "below DLX_DATA; empty: what Python's help says of its language",
        path=True,
        aliases=("text", "folder", "path"),
    )
    unit: Unit = option(
        "character", "a token is a character, or a word with the blank before it (or a mark)"
    )
    lower: bool = option(True, "the text in lower case")
    length: int = option(100, "tokens that are read before the last that is told", ge=1, le=10_000)
    step: int | None = option(
        None, "every so many tokens a stretch begins; null: each where the one before ends", ge=1
    )

    def __post_init__(self) -> None:
        if self.file.startswith(("./", "../")) or self.file in (".", ".."):
            object.__setattr__(self, "file", os.path.abspath(self.file))

    @property
    def moves(self) -> int:
        """How many tokens after another a stretch begins."""
        return self.step or self.length

    @property
    def own(self) -> bool:  # type: ignore[override]
        """Whether it is a text of the user's own."""
        return bool(self.file)

    @property
    def folder(self) -> str:  # type: ignore[override]
        """The file, or the folder of texts."""
        return self.file

    @property
    def embedded(self) -> tuple[str, ...]:  # type: ignore[override]
        """Python's own text, where no other is named."""
        return () if self.file or self.sample else ("topics.py",)


@dataclass(frozen=True, kw_only=True)
class Vocabulary(OnColumns):
    """Gives each token of a text its number, by those that the training rows have."""

    most: int | None = option(
        None, "most frequent tokens that are known; rarer ones are unknown (0); null: all", ge=1
    )
    min_count: int = option(1, "how often a token must stand in the training rows", ge=1)
