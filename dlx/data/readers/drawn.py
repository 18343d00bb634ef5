"""What datasets that are made by rule share: a stream of numbers, and names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from ...seeds import derive

T = TypeVar("T")

_BLOCK = 4096
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


def make_random(seed: int, *purpose: str) -> np.random.RandomState:
    """A generator for one purpose; NumPy promises that its numbers never change."""
    return np.random.RandomState(derive(seed, *purpose) % 2**32)


class Draws:
    """Numbers one after the other, drawn in blocks: NumPy takes a microsecond for a single one."""

    def __init__(self, seed: int, *purpose: str) -> None:
        self._random = make_random(seed, *purpose)
        self._left: list[int] = []

    def below(self, many: int) -> int:
        """A number from 0 to `many` - 1, `many` below a million."""
        if not self._left:
            self._left = self._random.randint(0, 2**31 - 1, _BLOCK).tolist()
        return self._left.pop() % many

    def choose(self, options: Sequence[T]) -> T:
        """One of these."""
        return options[self.below(len(options))]

    def shuffle(self, options: Sequence[T]) -> list[T]:
        """All of these in a random order."""
        left = list(options)
        return [left.pop(self.below(len(left))) for _ in options]


def make_names(known: Sequence[str], many: int) -> tuple[str, ...]:
    """So many different names: the known ones, then made-up words."""
    return (*known, *map(make_word, range(many - len(known))))[:many]


def make_word(number: int) -> str:
    """A made-up word for a number: of syllables, two or more, another for each number."""
    word, left = "", number
    while left or len(word) < 4:
        left, consonant = divmod(left, len(_CONSONANTS))
        left, vowel = divmod(left, len(_VOWELS))
        word += _CONSONANTS[consonant] + _VOWELS[vowel]
    return word
