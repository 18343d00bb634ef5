"""Embeddings that start from vectors of words, or stay as they are."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ..config.specs.layers import Embedding as Options
from ..data.readers.vectors import Vectors, is_word, read_vectors
from ..errors import Problem, UsageError
from ..runs.folder import is_run_name, name_of

_SHOWN = 5


class Embedding(nn.Embedding):
    """A vector for each id, which knows what it starts from and whether it moves.

    Args:
        size: how many ids there are.
        options: of the layer; `vectors` is the path of a file, or "".
        words: the word of each id; fewer where the last ones have none.
    """

    def __init__(self, size: int, options: Options, words: tuple[str, ...]) -> None:
        super().__init__(size, options.dim)
        self.options = options
        self.starts_frozen = not options.trainable
        self._words = words[:size]

    def read_vectors(self) -> Vectors:  # no property: who looks at a module reads all of these
        """What the file has for the words.

        Raises:
            UsageError: it has none for any, or is damaged.
        """
        given = self.options
        found = read_vectors(Path(given.vectors), given.sha256, given.dim, self._words)
        if not found.found.any():
            what = f"{_tell(given.vectors)} has no vector for any word of the vocabulary"
            first = ", ".join(f"`{word}`" for word in self._sought()[:_SHOWN]) or "no word"
            raise UsageError(Problem(what, given.vectors, f"vectors of words such as {first}"))
        return found

    def start(self, target: Tensor) -> None:
        """Writes the vectors of the file over random starting values."""
        if self.options.vectors:
            known = self.read_vectors()
            found = torch.from_numpy(known.found).nonzero().flatten()
            if self.options.missing == "zeros":
                target.zero_()
            target[found] = torch.from_numpy(known.values)[found]

    def describe_start(self) -> str:
        """How much of the vocabulary the file covers, as a line; "" where it starts from none."""
        if not self.options.vectors:
            return ""
        sought, covered = self._sought(), self.read_vectors().found
        lacking = [w for w, has in zip(self._words, covered, strict=True) if is_word(w) and not has]
        many = len(sought) - len(lacking)
        told = (
            f"{_tell(self.options.vectors)} has vectors for {many:,} of {len(sought):,} words of "
        )
        told += f"the vocabulary ({many / len(sought):.1%})"
        if lacking:
            first = ", ".join(lacking[:_SHOWN])
            begin = {"zeros": "zeros", "random": "random numbers"}[self.options.missing]
            told += f"; the others start from {begin}, the most frequent: {first}"
        return told

    def _sought(self) -> list[str]:
        return [word for word in self._words if is_word(word)]


def make_embedding(size: int, options: Options, words: tuple[str, ...]) -> Embedding:
    """An embedding of so many ids.

    Args:
        size: how many ids there are.
        options: of the layer.
        words: the word of each id, where the data have them.

    Raises:
        UsageError: it starts from vectors of words, and the data have none.
    """
    if options.vectors and not words:
        what = "the embedding starts from vectors of words, but the ids of the data have no words"
        accepted = "a dataset with a word index, such as imdb, or the prepare step tokenize"
        raise UsageError(Problem(what, "model", accepted))
    return Embedding(size, options, words)


def _tell(file: str) -> str:
    """A file of vectors in words."""
    folder = Path(file).parent
    return f"run {name_of(folder)}" if is_run_name(folder.name) else Path(file).name
