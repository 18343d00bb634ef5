"""Environments do what their rules say, and what cannot be played is refused with what to type."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from dlx.config.specs.environments import Gridworld, Gymnasium
from dlx.data.environments import Environment, make
from dlx.data.environments.base import find_unsteadiness, require_choice
from dlx.data.environments.grid import FREE, GOAL, PIT, WALL, Grid
from dlx.errors import UsageError

STILL = Gridworld(size=4, walls=0.2, pits=0.2, slip=0.0)


class Odd(gymnasium.Env[Any, Any]):
    """An environment of one's own that ends never, and is what its class says."""

    observation_space: Any = spaces.Box(-1, 1, (2,), np.float32)
    action_space: Any = spaces.Discrete(3, start=5)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.seed, self.steps = seed, 0
        return self.see(), {}

    def see(self) -> Any:
        return np.array([self.steps / 100, 0.5], np.float32)

    def step(self, action: Any) -> Any:
        assert action in self.action_space
        self.steps += 1
        return self.see(), 1.0, False, False, {}


class Drifting(Odd):
    """What is seen depends on how many were made before."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1
        self.number = self.made

    def see(self) -> Any:
        return np.array([self.number / 1000, 0], np.float32)


class Tuple(Odd):
    observation_space = spaces.Tuple((spaces.Discrete(2), spaces.Discrete(2)))


class Pair(Odd):
    action_space = spaces.MultiDiscrete([2, 2])


class Numbered(Odd):
    observation_space = spaces.Discrete(4, start=1)

    def see(self) -> Any:
        return 1 + self.steps % 4


class Broken(Odd):
    """Its third reward is no number, every time."""

    def step(self, action: Any) -> Any:
        seen, _, *rest = super().step(action)
        return seen, float("nan") if self.steps == 3 else 1.0, *rest


class Lacking(Odd):
    def __init__(self) -> None:
        raise ModuleNotFoundError("No module named 'jax'", name="jax")


class Driven(Odd):
    action_space = spaces.Box(-2, 2, (1,), np.float32)


@pytest.fixture(autouse=True)
def _own() -> None:
    for kind in (Odd, Drifting, Tuple, Pair, Numbered, Broken, Lacking, Driven):
        name = f"{kind.__name__}-v0"
        if name not in gymnasium.registry:
            limit = None if kind is Odd else 50
            gymnasium.register(name, entry_point=kind, max_episode_steps=limit)


def gym(name: str, **options: Any) -> Environment:
    return make(Gymnasium(environment=name, **options))


def test_a_step_goes_to_a_neighbour_unless_a_wall_is_there() -> None:
    grid = Grid(STILL)
    size = len(grid.cells)
    for at in range(grid.cells.size):
        if grid.cells.flat[at] == WALL:
            continue
        for action, (down, right) in enumerate(((-1, 0), (0, 1), (1, 0), (0, -1))):
            row, column = at // size + down, at % size + right
            inside = 0 <= row < size and 0 <= column < size and grid.cells[row, column] != WALL
            grid._at = at
            seen, reward, terminated, truncated = grid.step(action)
            there = row * size + column if inside else at
            assert seen.tolist() == [float(one == there) for one in range(grid.cells.size)]
            kind = grid.cells.flat[there]
            expected = {GOAL: 1.0, PIT: -1.0}.get(int(kind), 0.0) - STILL.step_cost
            assert reward == pytest.approx(expected)
            assert (terminated, truncated) == (kind in (GOAL, PIT), False)


def test_a_grid_is_a_function_of_its_options_and_an_episode_of_its_seed() -> None:
    one, other = make(Gridworld(size=5)), make(Gridworld(size=5))
    assert isinstance(one, Grid)
    assert isinstance(other, Grid)
    assert (one.cells == other.cells).all()
    assert (one.cells != Grid(Gridworld(size=5, layout=1)).cells).any()
    starts = {one.reset(seed).argmax() for seed in range(50)}
    assert len(starts) > 5
    assert all(one.cells.flat[at] == FREE for at in starts)
    assert find_unsteadiness(Gridworld(size=5)) == ""


def test_a_slip_goes_to_either_side_as_often_as_it_is_said() -> None:
    grid, counts = Grid(Gridworld(size=9, walls=0, pits=0, slip=0.4)), np.zeros(4)
    grid.reset(0)
    for _ in range(4000):
        grid._at = 40
        moved = int(grid.step(0)[0].argmax()) - 40
        counts[{-9: 0, 1: 1, 9: 2, -1: 3}[moved]] += 1
    assert counts[2] == 0
    assert counts / 4000 == pytest.approx([0.6, 0.2, 0, 0.2], abs=0.03)


def test_the_best_actions_lead_to_the_goal_by_a_shortest_way() -> None:
    grid = Grid(Gridworld(size=5, walls=0, pits=0, slip=0))
    goal = int(np.flatnonzero(grid.cells == GOAL)[0])
    for seed in range(10):
        at, steps, terminated = int(grid.reset(seed).argmax()), 0, False
        while not terminated:
            steps, terminated = steps + 1, grid.step(grid.best_action()).terminated
        assert steps == abs(goal // 5 - at // 5) + abs(goal % 5 - at % 5)


def test_a_picture_shows_where_it_is_beside_goal_pits_and_walls() -> None:
    grid = Grid(Gridworld(size=6, observation="picture"))
    seen = grid.reset(3)
    assert seen.shape == grid.shape == (4, 6, 6)
    assert [int(plane.sum()) for plane in seen] == [1, 1, round(0.1 * 36), round(0.15 * 36)]
    drawn = grid.draw()
    assert (drawn.dtype, drawn.shape[0]) == (np.uint8, 3)


@pytest.mark.parametrize(
    ("name", "shape", "count", "limit", "threshold"),
    [
        ("CartPole-v1", (4,), 2, 500, 475),
        ("Acrobot-v1", (6,), 3, 500, -100),
        ("MountainCar-v0", (2,), 3, 200, -110),
    ],
)
def test_what_gymnasium_states_is_taken_and_drawn(
    name: str, shape: tuple[int, ...], count: int, limit: int, threshold: float
) -> None:
    found = gym(name)
    assert (found.shape, found.actions.count) == (shape, count)
    assert (found.limit, found.threshold) == (limit, threshold)
    assert len(found.actions.names) == count
    assert find_unsteadiness(Gymnasium(environment=name)) == ""
    found.reset(0)
    drawn = found.draw()
    assert drawn is not None
    assert drawn.std() > 0


def test_its_steps_are_those_of_gymnasium() -> None:
    ours, theirs = gym("CartPole-v1"), gymnasium.make("CartPole-v1")
    assert (ours.reset(7) == theirs.reset(seed=7)[0]).all()
    for action in (0, 1, 1, 0, 1):
        seen, reward, terminated, truncated, _ = theirs.step(action)
        found = ours.step(action)
        assert (found.seen == seen).all()
        assert found[1:] == (reward, terminated, truncated)


def test_actions_and_observations_that_are_numbered_from_elsewhere_are_counted_from_0() -> None:
    found = gym("Odd-v0", max_steps=9)
    assert (found.limit, found.actions.count) == (9, 3)
    found.reset(0)
    found.step(2)  # which is 7 there
    numbered = gym("Numbered-v0")
    assert [numbered.reset(0).tolist(), numbered.step(0).seen.tolist()] == [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
    ]


KNOWN = "CartPole-v1, Acrobot-v1, MountainCar-v0"


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "CartPol-v1",
            "gymnasium has no environment CartPol-v1\n  where: dataset.environment\n"
            "  accepted: a name of its registry\n  try: dataset.environment=CartPole-v1",
        ),
        (
            "Odd-v0",
            "Odd-v0 states no limit of steps, so an episode may never end\n"
            "  where: dataset.max_steps\n  accepted: a number of steps\n"
            "  try: dataset.max_steps=1000",
        ),
        (
            "Tuple-v0",
            "Tuple-v0 is observed as Tuple, which dlx cannot read\n  where: dataset.environment\n"
            "  accepted: Box or Discrete\n  try: dataset.environment=CartPole-v1",
        ),
        (
            "Lacking-v0",
            "Lacking-v0 needs a package that is not installed: No module named 'jax'\n"
            f"  where: dataset.environment\n  accepted: {KNOWN}",
        ),
    ],
)
def test_what_cannot_be_played_is_refused(name: str, lines: str) -> None:
    with pytest.raises(UsageError) as caught:
        gym(name)
    assert str(caught.value) == lines


@pytest.mark.parametrize(
    ("name", "wants"),
    [("Driven-v0", "1 number from -2 to 2"), ("Pair-v0", "an action of MultiDiscrete")],
)
def test_actions_that_cannot_be_chosen_from_are_refused(name: str, wants: str) -> None:
    with pytest.raises(UsageError) as caught:
        require_choice(gym(name), "learner ppo")
    assert str(caught.value) == (
        f"learner ppo acts by choosing one of several actions, but {name} wants {wants}\n"
        "  where: dataset.environment\n  accepted: an environment with a Discrete action space\n"
        "  try: dataset.environment=CartPole-v1"
    )


def test_one_that_is_no_function_of_its_seed_is_found() -> None:
    assert find_unsteadiness(Gymnasium(environment="Drifting-v0")) == (
        "Drifting-v0 is not a function of its seed: played twice with the same actions, the "
        "episode of seed 0 is another at step 0"
    )
    assert find_unsteadiness(Gymnasium(environment="Broken-v0")) == ""  # the same, if no number


def test_walls_that_leave_no_way_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        make(Gridworld(size=2, walls=0.4, pits=0.4))
    assert str(caught.value) == (
        "gridworld: walls and pits leave no way to the goal in 100 layouts\n"
        "  where: dataset.walls\n  accepted: fewer walls and pits\n  try: dataset.walls=0.1"
    )
