"""How samples change in training: the same few after 0, 1, 2, 4 ... steps, and how far they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ..runs.artifacts import Artifacts
from ..state import State
from .latents import Pictures, as_pictures

SHOWN = 12
"""Samples side by side."""
_KEY = "filmstrip"


class Filmstrip:
    """The samples of some steps, as bytes, and how far samples were from rows at others.

    Attributes:
        steps: how many the training has made.
    """

    def __init__(self) -> None:
        self.steps = 0
        self._rows: dict[int, Tensor] = {}
        self._far: dict[int, float] = {}

    @property
    def is_due(self) -> bool:
        """Whether the weights as they are, before the next step, are to be looked at."""
        return self.steps not in self._rows and self.steps & (self.steps - 1) == 0

    def note(self, make: Callable[[int], Tensor]) -> None:
        """Keeps the first samples of the weights as they are, if these are pictures."""
        made = make(SHOWN)
        if made.dim() < 3:
            made = made[:, :0]
        self._rows[self.steps] = (made.clamp(0, 1) * 255).round().to(torch.uint8)

    def note_distance(self, distance: float) -> None:
        """Keeps how far samples are now."""
        self._far[self.steps] = distance

    def state(self) -> State:
        """All of it."""
        rows = [*self._rows.values()]
        far = [[step, value] for step, value in self._far.items()]
        facts = {"steps": self.steps, "shown": [*self._rows], "far": far}
        return State({_KEY: torch.stack(rows)} if rows else {}, facts)

    def restore(self, state: State) -> None:
        """Puts back what `state` gave; nothing of a checkpoint of an earlier version."""
        facts = state.facts
        self.steps = facts.get("steps", 0)
        rows = state.tensors.get(_KEY, ())
        self._rows = dict(zip(facts.get("shown", ()), rows, strict=True))
        self._far = dict(facts.get("far", ()))

    def leave(self, into: Artifacts, last: Tensor) -> None:
        """Keeps the strip, a row of samples a step, and the curve of distances.

        Args:
            into: where to.
            last: the samples at the end.
        """
        told = ", ".join(f"{step:,}" for step in self._rows)
        if last.dim() > 2 and self._rows:
            rows = [*(one.float() / 255 for one in self._rows.values()), last[:SHOWN]]
            lines = [as_pictures(one, one.shape[1:]) for one in rows]
            caption = (
                f"a line after each of {told} steps by the weights that train, the last at the "
                "end; the same random numbers in all lines"
            )
            into.pictures("filmstrip", _sheet(lines), title="Filmstrip", caption=caption)
        if len(self._far) > 1:
            columns: dict[str, Sequence[float]] = {
                "step": [*self._far],
                "frechet": [*self._far.values()],
            }
            caption = "before the first step, and after every epoch that was validated"
            into.lines("distance", columns, title="Distance by step", caption=caption)


def _sheet(lines: list[Pictures]) -> Pictures:
    """Lines of pictures below each other, as one picture."""
    gap = ((0, 0), (0, 0), (0, 2), (0, 2))
    rows = [np.concatenate([*np.pad(one, gap)], axis=-1) for one in lines]
    found: Pictures = np.concatenate(rows, axis=-2)[None]
    return found
