"""Cycles of a learning rate, and the weights that are kept at their ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import Problem
from .files import Where
from .names import join_names
from .schema import Config


def snapshot_epochs(config: Config) -> tuple[int, ...]:
    """The epochs whose weights are kept beside the best and the last (Huang and others, 2017)."""
    schedule: Any = config.schedule.options
    if not config.checkpoint.snapshots or not hasattr(schedule, "ends"):
        return ()
    found: tuple[int, ...] = schedule.ends(config.trainer.epochs)
    return found


def check_cycles(config: Config, where: Where) -> Iterator[Problem]:
    """Whether cycles have the same length, and snapshots have several to be taken of."""
    cycles, epochs = getattr(config.schedule.options, "cycles", 1), config.trainer.epochs
    if epochs and epochs % cycles:
        fitting = [n for n in range(1, epochs + 1) if epochs % n == 0]
        near = min(fitting, key=lambda n: abs(n - cycles))
        what = f"`schedule.cycles` is {cycles}, which does not divide the {epochs} epochs"
        accepted = f"{join_names(map(str, fitting[:8]))}, or another trainer.epochs"
        place = where(("schedule", "cycles"))
        yield Problem(f"{what} of the training", place, accepted, f"schedule.cycles={near}")
    if config.checkpoint.snapshots and cycles == 1:
        what = "`checkpoint.snapshots` keeps weights at the ends of cycles, but the rate has one"
        even = next((n for n in (5, 4, 3, 2) if epochs % n == 0), 2)
        hint = f"schedule=cosine schedule.cycles={even}"
        yield Problem(what, where(("checkpoint", "snapshots")), "a schedule with cycles", hint)
