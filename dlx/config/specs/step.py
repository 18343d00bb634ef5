"""What the options of every preparation step have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ...errors import Problem
from ..fields import option
from ..shapes import Sizes


@dataclass(frozen=True, kw_only=True)
class OnColumns:
    """Options that every step has."""

    rescales: ClassVar[bool] = False  # whether numbers stand for something else afterwards
    places: ClassVar[tuple[str, ...]] = ()  # options that only say where what is read lies

    columns: tuple[str, ...] = option((), "columns it applies to; empty: every input column")

    def after(self, sizes: Sizes | None) -> Sizes | None:  # noqa: ARG002
        """The shape of a sample of numbers after the step, of that before; None: not known."""
        return None

    def check(self) -> Iterator[tuple[str, Problem]]:
        """What its options contradict, and the option where it stands; hints as OPTION=VALUE."""
        return iter(())
