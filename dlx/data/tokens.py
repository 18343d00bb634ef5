"""A text cut into tokens, from which it can be put together again."""

from __future__ import annotations

import re

import numpy as np

from ..config.specs.text import Unit
from .columns import Array

_TOKEN = re.compile(r"\s+(?=\s)| ?\w+| ?[^\w\s]+|\s")
"""Blanks but the last of several, a word, marks, a blank; one blank belongs to what follows."""


def cut(text: str, unit: Unit) -> list[str]:
    """The tokens of a text, in order; end to end they are the text."""
    return list(text) if unit == "character" else _TOKEN.findall(text)


def number(tokens: list[str]) -> tuple[Array, tuple[str, ...]]:
    """The number of each token, and what has each number, in the order of its characters."""
    words = sorted(set(tokens))
    place = {word: at for at, word in enumerate(words)}
    kind = np.min_scalar_type(max(1, len(words) - 1))
    return np.fromiter(map(place.__getitem__, tokens), kind, len(tokens)), tuple(words)
