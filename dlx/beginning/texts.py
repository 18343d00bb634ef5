"""A folder of the user's own texts, from its files to a task."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..config.specs.texts import Texts
from ..data.readers.listing import ends_with
from ..data.readers.text_folders import read_folder
from .described import Guess, Wishes
from .folders import FolderSubject, count_fitting, refuse_wishes
from .recipes import Recipe, choose_trainer

ENDINGS: tuple[str, ...] = Texts().endings
WORDS = 20_000
"""Words and pairs of words that are counted, at most."""


def fits(paths: Sequence[Path]) -> str:
    """Why some paths are a folder of texts; "" where they are not."""
    many = count_fitting(paths, lambda name: ends_with(name, ENDINGS))
    return f"{many:,} of its files end with .{', .'.join(ENDINGS)}" if many else ""


def open_texts(paths: Sequence[Path], wishes: Wishes) -> TextsSubject:
    """Reads the texts of a folder.

    Raises:
        UsageError: there are no classes, or the user speaks of columns.
    """
    refuse_wishes(wishes, "a folder of texts")
    return TextsSubject(Path(os.path.abspath(paths[0])))


class TextsSubject(FolderSubject):
    """A folder of texts that has been read.

    Args:
        folder: the folder.
    """

    dataset, noun = "texts", "text"
    new = "new.txt"

    def __init__(self, folder: Path) -> None:
        found = read_folder(folder, Texts(folder=str(folder), broken="skip"))
        super().__init__(folder, found.listing, found.notes, bool(found.broken))
        self.words = np.array([len(text.split()) for text in found.texts])

    def guess(self) -> list[Guess]:
        """How long the texts are, and how they are read."""
        low, middle, high = np.percentile(self.words, (0, 50, 100)).astype(int)
        told = f"words of a text: {middle:,} (from {low:,} to {high:,})"
        rule = "words and pairs of words are counted, and their order is lost"
        return [Guess(told, rule)]

    def options(self) -> dict[str, Any]:
        """None beside its folder."""
        return {}

    def learn(self, recipe: Recipe, train: int) -> None:
        """Words and pairs of words, and one linear layer."""
        tokenize = {
            "name": "tokenize",
            "ngrams": [1, 2],
            "num_words": WORDS,
            "min_count": 2,
            "start": False,
            "unknown": "drop",
        }
        marks: dict[str, Any] = {"name": "multi_hot", "size": WORDS}
        steps = [tokenize, marks]
        why = "words and pairs of words that two training texts have"
        if self.posed.problem == "binary":
            steps.append({"name": "naive_bayes"})
            why += ", each weighed by how much it speaks for one class (Wang and Manning, 2012)"
        else:
            marks["mode"] = "tf_idf"
            why += ", each weighed by how rare it is (TF-IDF)"
        recipe.add("prepare", {"steps": steps}, why)
        recipe.add("model", {"name": "mlp", "units": []})
        recipe.add("optimizer", {"name": "adam", "lr": 0.01})
        recipe.add("trainer", *choose_trainer(train))
