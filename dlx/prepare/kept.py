"""What costly steps made of a column, kept between runs and made by one process at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..config.fields import Chosen, to_plain
from ..data.cache import Cache
from ..data.code import code_digest
from ..data.columns import Column, Rows
from .steps import State, Step

LAYOUT = 4
"""Part of the cache's key: raised whenever what is kept beside the columns changes."""

Made = tuple[Column, list[State]]
"""What steps made of a column, and what each has learnt."""


@dataclass(frozen=True)
class Chain:
    """The steps of one column, in order.

    Attributes:
        name: of the column.
        steps: as they were chosen.
        known: what the cache knows the dataset by; "" where there is no telling.
    """

    name: str
    steps: tuple[Chosen, ...]
    known: str

    @cached_property
    def built(self) -> list[Step[Any]]:
        """The steps themselves."""
        return [step.load()(step.options) for step in self.steps]

    @cached_property
    def costly(self) -> int:
        """How many steps there are up to the last costly one."""
        return max((place for place, step in enumerate(self.built, 1) if step.costly), default=0)

    def key(self, read: Sequence[str], train: Rows | None, labelled: Rows | None) -> str:
        """What the cache knows the result of the costly steps by; "" where there is no telling.

        Args:
            read: the target that each step learns from, "" of one that learns from none.
            train: the rows that are learnt from; None: they are not known.
            labelled: those whose targets are learnt from.
        """
        steps, built = self.steps[: self.costly], self.built[: self.costly]
        code = [code_digest(step.target) for step in steps]
        fitted = any(step.fitted for step in built)
        if not steps or not self.known or not all(code) or (fitted and train is None):
            return ""
        options = [(step.name, _options(step), step.target) for step in steps]
        more: list[Any] = [getattr(step, "depends_on", list)() for step in built]
        facts = [LAYOUT, self.known, self.name, options, code, more, list(read[: self.costly])]
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
        if fitted:
            digest.update(np.ascontiguousarray(train).tobytes())
        if any(read[: self.costly]):
            digest.update(np.ascontiguousarray(labelled).tobytes())
        return digest.hexdigest()

    def make_once(self, key: str, cache: Cache | None, make: Callable[[], Made]) -> Made:
        """What the costly steps make, from the cache where it is there, else for the next time.

        Args:
            key: from `key`.
            cache: None: nothing is kept.
            make: makes it.
        """
        if cache is None or not key:
            return make()
        if (found := self._load(cache, key)) is not None:
            return found
        with cache.alone(key):
            if (found := self._load(cache, key)) is not None:  # another process was at it
                return found
            column, states = make()
            least = 0 if any(getattr(step, "slow", False) for step in self.built) else None
            cache.store(key, {self.name: column}, {"states": states}, least)
        return column, states

    def _load(self, cache: Cache, key: str) -> Made | None:
        entry = cache.load(key)
        return None if entry is None else (entry.columns[self.name], entry.meta["states"])


def _options(step: Chosen) -> dict[str, Any]:
    """The options of a step that its result depends on."""
    plain: dict[str, Any] = to_plain(step.options)
    left = ("columns", *getattr(step.options, "places", ()))
    return {name: value for name, value in plain.items() if name not in left}
