"""A square of cells with walls, pits and a goal: an environment that needs nothing."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import numpy.typing as npt

from ...config.specs.environments import Gridworld
from ...errors import Problem, UsageError
from ...seeds import derive
from .base import Actions, Environment, Seen, Step

FREE, WALL, PIT, GOAL = range(4)
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
"""Up, right, down, left: those of both sides of one stand beside it."""
_NAMES = ("up", "right", "down", "left")
_REACHED, _FELL = 1.0, -1.0
_TRIES = 100
_FAITH = 0.999
"""What a value counts one step before, so that of two ways the shorter is better."""
_PIXELS = 160
_COLOURS = ((245, 245, 245), (70, 80, 95), (200, 90, 70), (90, 160, 100))
_AGENT = (40, 90, 190)

Cells = npt.NDArray[np.int64]


class Grid(Environment):
    """One copy of a grid world.

    A step into a wall, or out of the square, stays where it is. The goal gives 1 and a pit -1,
    less the cost of a step; both end the episode.

    Args:
        options: of the dataset.
    """

    def __init__(self, options: Gridworld) -> None:
        self.name = f"gridworld of {options.size} x {options.size} cells"
        self.options, self.shape = options, options.shapes["observation"]
        self.actions = Actions(4, "one of 4 actions", _NAMES)
        self.limit = options.max_steps or 4 * options.size * options.size
        self.cells, self.starts = _lay_out(options)
        kinds = np.stack([self.cells == kind for kind in (GOAL, PIT, WALL)])
        self._planes = np.concatenate([np.zeros((1, *self.cells.shape)), kinds]).astype(np.float32)
        self._random, self._at = random.Random(0), self.starts[0]  # noqa: S311

    def reset(self, seed: int) -> Seen:
        """Starts somewhere from where the goal can be reached."""
        self._random.seed(seed)
        self._at = self.starts[int(self._random.random() * len(self.starts))]
        return self._see()

    def step(self, action: int) -> Step:
        """Goes to a neighbour, or slips to one at a side."""
        cells, options = self.cells, self.options
        if options.slip and (drawn := self._random.random()) < options.slip:
            action += 1 if drawn < options.slip / 2 else 3
        self._at = _go(cells, self._at, action % 4)
        kind = cells.flat[self._at]
        reward = {GOAL: _REACHED, PIT: _FELL}.get(int(kind), 0.0) - options.step_cost
        return Step(self._see(), reward, bool(kind in (GOAL, PIT)), False)

    def _see(self) -> Seen:
        if self.options.observation == "picture":
            seen = self._planes.copy()
            seen[0].flat[self._at] = 1
            return seen
        seen = np.zeros(self.cells.size, np.float32)
        seen[self._at] = 1
        return seen

    def best_action(self) -> int:
        """What leads to the largest return found by value iteration."""
        return int(_solve(self.options)[self._at])

    def draw(self) -> npt.NDArray[np.uint8]:
        """The square in colours."""
        side = max(4, _PIXELS // len(self.cells))
        picture = np.array(_COLOURS, np.uint8)[self.cells].repeat(side, 0).repeat(side, 1)
        row, column = divmod(self._at, len(self.cells))
        edge = side // 5
        top, left = row * side + edge, column * side + edge
        picture[top : (row + 1) * side - edge, left : (column + 1) * side - edge] = _AGENT
        picture[::side], picture[:, ::side] = 220, 220
        return np.ascontiguousarray(np.moveaxis(picture, 2, 0))


def make(options: Gridworld) -> Grid:
    """A copy of the grid world of some options.

    Raises:
        UsageError: there is no way to a goal.
    """
    return Grid(options)


def _go(cells: Cells, at: int, action: int) -> int:
    """Where a step leads that does not slip."""
    size = len(cells)
    row, column = at // size + MOVES[action][0], at % size + MOVES[action][1]
    inside = 0 <= row < size and 0 <= column < size and cells[row, column] != WALL
    return row * size + column if inside else at


@cache
def _lay_out(options: Gridworld) -> tuple[Cells, list[int]]:
    """What each cell is, and those from which the goal can be reached around pits.

    Raises:
        UsageError: of many layouts none leaves a way from half of its free cells.
    """
    many = options.size * options.size
    walls, pits = round(options.walls * many), round(options.pits * many)
    for attempt in range(_TRIES):
        draws = random.Random(derive(options.layout, "layout", attempt))  # noqa: S311
        order = sorted(range(many), key=lambda _: draws.random())
        kinds = np.zeros(many, np.int64)
        kinds[order[:walls]], kinds[order[walls : walls + pits]] = WALL, PIT
        kinds[order[-1]] = GOAL
        cells = kinds.reshape(options.size, options.size)
        starts = _reach(cells, order[-1])
        if starts and 2 * len(starts) >= many - walls - pits - 1:
            return cells, starts
    what = f"gridworld: walls and pits leave no way to the goal in {_TRIES} layouts"
    raise UsageError(Problem(what, "dataset.walls", "fewer walls and pits", "dataset.walls=0.1"))


def _reach(cells: Cells, goal: int) -> list[int]:
    """The free cells from which a way leads to the goal, but for itself."""
    found, left = {goal}, [goal]
    while left:
        at = left.pop()
        for action in range(4):  # every way can be gone backwards
            near = _go(cells, at, action)
            if near not in found and cells.flat[near] == FREE:
                found.add(near)
                left.append(near)
    return sorted(found - {goal})


@cache
def _solve(options: Gridworld) -> Cells:
    """The best action in each cell: value iteration over the known chances (Bellman, 1957)."""
    cells, _ = _lay_out(options)
    ends = np.isin(cells.ravel(), (GOAL, PIT))
    gain = np.select([cells.ravel() == GOAL, cells.ravel() == PIT], [_REACHED, _FELL], 0.0)
    leads = np.array([[_go(cells, at, a) for a in range(4)] for at in range(cells.size)])
    straight, side = 1 - options.slip, options.slip / 2
    values, worth = np.zeros(cells.size), np.zeros((cells.size, 4))
    for _ in range(10 * cells.size):
        each = (gain - options.step_cost + _FAITH * np.where(ends, 0.0, values))[leads]
        worth = straight * each + side * (np.roll(each, 1, 1) + np.roll(each, -1, 1))
        new = np.where(ends, 0.0, worth.max(1))
        if np.abs(new - values).max() < 1e-9:
            break
        values = new
    best: Cells = worth.argmax(1)
    return best
