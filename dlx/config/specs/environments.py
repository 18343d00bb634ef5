"""Datasets that are environments: what is learnt from is what actions lead to.

An episode is a function of the environment's options, a seed and the actions, so that nothing has
to be kept of it but these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from ...errors import Problem
from ..fields import option
from ..shapes import Sizes
from .dataset import Dataset


@dataclass(frozen=True, kw_only=True)
class Environment(Dataset):
    """What every environment has.

    Attributes:
        maker: "module:function" that makes one of the options; see `dlx.data.environments.base`.
        states_threshold: whether it may say from which return on it is solved.
    """

    kind = "environment"
    noun = "environment"
    inputs = ("observation",)
    targets: ClassVar[dict[str, str]] = {}
    rows = "episodes"
    terms = "none: made by rule"
    maker: ClassVar[str]
    states_threshold: ClassVar[bool] = True

    max_steps: int | None = option(
        None, "steps after which an episode is cut off; null: as the environment says", ge=1
    )
    copies: int = option(8, "episodes that are played side by side in training", ge=1, le=1024)
    workers: int = option(
        0, "processes that play them, for environments that take long; 0: the run's own", ge=0
    )

    def check(self) -> Iterator[tuple[str, Problem]]:
        """More processes than there are copies to play."""
        yield from super().check()
        if self.workers > self.copies:
            what = f"`dataset.workers` is {self.workers}, but there are {self.copies} copies"
            yield "workers", Problem(what, "", f"at most {self.copies}", f"workers={self.copies}")


@dataclass(frozen=True, kw_only=True)
class Gridworld(Environment):
    """A square of cells with walls and pits, through which a way to a goal is to be found.

    Walls, pits and the goal are drawn once, from `layout`; where an episode starts, and when a step
    slips, from the episode's seed.
    """

    maker = "dlx.data.environments.grid:make"
    states_threshold = False

    size: int = option(6, "cells of a side", ge=2, le=64)
    walls: float = option(0.15, "share of the cells that are walls", ge=0, le=0.4)
    pits: float = option(
        0.1, "share of the cells that are pits, which end an episode", ge=0, le=0.4
    )
    slip: float = option(0.1, "how often a step goes to a side instead", ge=0, lt=1)
    step_cost: float = option(0.02, "taken off the return by each step", ge=0)
    layout: int = option(0, "what walls, pits and the goal are drawn from", ge=0)
    observation: Literal["cell", "picture"] = option(
        "cell",
        "what is seen: which cell it is (a number for each, one of them 1), or a picture of the "
        "square in four channels (where it is, goal, pits, walls)",
    )

    @property
    def shapes(self) -> dict[str, Sizes]:  # type: ignore[override]
        """A number for each cell, or four channels of them."""
        cells = (self.size * self.size,)
        return {
            "observation": (4, self.size, self.size) if self.observation == "picture" else cells
        }


@dataclass(frozen=True, kw_only=True)
class Gymnasium(Environment):
    """An environment of gymnasium, by its name there; needs the extra `rl`."""

    maker = "dlx.data.environments.gym:make"
    terms = "MIT (gymnasium)"

    environment: str = option(
        "CartPole-v1",
        "its name in gymnasium's registry",
        example="CartPole-v1",
        aliases=("env_id", "env"),
    )

    def check(self) -> Iterator[tuple[str, Problem]]:
        """A name that would have gymnasium import a module."""
        yield from super().check()
        if ":" in self.environment or not self.environment.strip():
            what = f"`dataset.environment` is `{self.environment}`, which is not a name"
            accepted = "a name of gymnasium's registry, as CartPole-v1; your own are registered by "
            yield (
                "environment",
                Problem(what, "", f"{accepted}a package in `plugins`", "environment=CartPole-v1"),
            )
