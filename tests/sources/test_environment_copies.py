"""Copies of an environment go on to the bit from seeds and actions; episodes are what they are."""

from __future__ import annotations

import numpy as np
import pytest

from dlx.config.specs.environments import Gridworld, Gymnasium
from dlx.data.environments import Environment, Step, make
from dlx.data.environments.base import Actions, Seen
from dlx.errors import RunError
from dlx.sources.environment import Copies, episode_seed, play

SMALL = Gridworld(size=4, max_steps=7)


def copies(options: Gridworld = SMALL, many: int = 3, steady: bool = True) -> Copies:
    return Copies([make(options) for _ in range(many)], 5, steady)


def actions(step: int, many: int = 3) -> np.typing.NDArray[np.int64]:
    return np.arange(step, step + many) * 7 % 4


class Counted(Environment):
    """Ends after as many steps as its seed says; a reward or an observation may be broken."""

    name, shape, limit, actions = "counted", (1,), 5, Actions(2, "one of 2 actions")
    threshold = None

    def __init__(self, broken: float = 1.0, at: int = 99) -> None:
        self.broken, self.at = broken, at

    def reset(self, seed: int) -> Seen:
        self.left, self.steps = 1 + seed % 9, 0
        return np.array([self.left], np.float32)

    def step(self, action: int) -> Step:
        self.left, self.steps = self.left - 1, self.steps + 1
        reward = self.broken if self.steps == self.at else 1.0 + action
        return Step(np.array([self.left], np.float32), reward, self.left == 0, False)


def test_copies_go_on_from_every_step_as_if_they_had_never_stopped() -> None:
    whole, states = copies(), []
    for step in range(20):
        states.append(whole.state())
        whole.step(actions(step))
    for start in (0, 3, 7, 11, 19):
        again = copies()
        again.restore(states[start])
        assert (again.observations == states[start].tensors["observations"].numpy()).all()
        for step in range(start, 20):
            again.step(actions(step))
        assert again.state().facts == whole.state().facts
        assert (again.observations == whole.observations).all()


def test_an_episode_that_comes_out_otherwise_is_refused() -> None:
    before = copies()
    for step in range(5):
        before.step(actions(step))
    other = copies(Gridworld(size=4, max_steps=7, layout=3))
    with pytest.raises(RunError) as caught:
        other.restore(before.state())
    told = str(caught.value)
    facts = before.state().facts
    seed, steps = episode_seed(5, "train", 0, facts["numbers"][0]), facts["lengths"][0]
    assert told.startswith(
        f"the episode of seed {seed} in gridworld of 4 x 4 cells, played again for {steps} steps, "
        "has come to another observation than before: this run cannot be gone on with exactly\n"
        "  where: copy 0\n"
    )


def test_episodes_that_cannot_be_played_again_begin_anew() -> None:
    before = copies()
    for step in range(5):
        before.step(actions(step))
    other = copies(Gridworld(size=4, max_steps=7, layout=3), steady=False)
    other.restore(before.state())
    assert other.state().facts["lengths"] == [0, 0, 0]
    assert other.steps == 15


def test_what_is_cut_off_has_not_ended() -> None:
    one = Copies([Counted(), Counted()], 0)
    lengths = [1 + episode_seed(0, "train", copy, 0) % 9 for copy in range(2)]
    ended: dict[int, str] = {}
    for _ in range(5):
        moved = one.step(np.zeros(2, np.int64))
        for copy in np.flatnonzero(moved.ended).tolist():
            ended.setdefault(copy, "terminated" if moved.terminated[copy] else "truncated")
    assert ended == {c: "terminated" if n <= 5 else "truncated" for c, n in enumerate(lengths)}


def test_episodes_are_the_same_however_many_are_played_side_by_side() -> None:
    seeds = [episode_seed(0, "val", 0, number) for number in range(7)]
    found = [
        play([make(SMALL) for _ in range(many)], lambda _, m: (m >> 3) % 4 ^ m % 3, seeds)
        for many in (7, 3, 1)
    ]
    for one in found[1:]:
        assert (one.returns == found[0].returns).all()
        assert (one.lengths == found[0].lengths).all()
    assert found[0].lengths.max() <= 7


def test_returns_are_sums_of_rewards() -> None:
    found = play([Counted(), Counted()], lambda seen, _: np.ones(len(seen), np.int64), [1, 3, 8])
    assert found.lengths.tolist() == [2, 4, 5]
    assert found.returns.tolist() == [4, 8, 10]


@pytest.mark.parametrize(("broken", "told"), [(np.nan, "nan"), (np.inf, "inf")])
def test_a_reward_that_is_no_number_is_told_with_episode_and_step(broken: float, told: str) -> None:
    with pytest.raises(RunError) as caught:
        play([Counted(broken, 3)], lambda _, m: m * 0, [8])
    assert str(caught.value) == (
        f"counted gave a reward of {told}\n  where: episode of seed 8, step 3\n"
        "  accepted: finite numbers\n  try: mend the environment"
    )
    one = Copies([Counted(broken, 1)], 0)
    with pytest.raises(RunError) as caught:
        one.step(np.zeros(1, np.int64))
    where = f"episode of seed {episode_seed(0, 'train', 0, 0)}, step 1"
    assert f"counted gave a reward of {told}\n  where: {where}\n" in str(caught.value)


def test_the_seeds_of_purposes_differ() -> None:
    found = {
        episode_seed(0, part, copy, number)
        for part in ("train", "val", "test")
        for copy in range(3)
        for number in range(10)
    }
    assert len(found) == 90


def test_gymnasium_goes_on_too() -> None:
    def made() -> Copies:
        return Copies([make(Gymnasium()) for _ in range(2)], 1)

    one, other = made(), made()
    for step in range(40):
        one.step(actions(step, 2) % 2)
    other.restore(one.state())
    assert (other.observations == one.observations).all()
    assert other.state().facts == one.state().facts


def test_rewards_are_shaped_by_the_growth_of_a_potential_that_no_end_has() -> None:
    def made(shaping: float) -> Copies:
        return Copies([make(Gymnasium(environment="MountainCar-v0"))], 0, True, shaping, 0.9)

    plain, shaped = made(0), made(50)
    (car,) = shaped.environments
    for step in range(6):
        before = car.potential()
        one, other = plain.step(np.array([step % 3])), shaped.step(np.array([step % 3]))
        assert before is not None
        after = car.potential()
        assert after is not None
        assert one.rewards.tolist() == [-1]
        assert other.rewards[0] == pytest.approx(-1 + 50 * (0.9 * after - before), rel=1e-5)
        assert (one.following == other.following).all()
    assert plain.state().facts["lengths"] == shaped.state().facts["lengths"]


def test_the_potential_of_a_car_is_0_at_rest_in_the_valley_and_1_on_the_hill() -> None:
    car = make(Gymnasium(environment="MountainCar-v0"))
    for place, speed, expected in ((-np.pi / 6, 0, 0), (np.pi / 6, 0, 1), (-np.pi / 6, 0.07, 1.47)):
        car._made.unwrapped.state = (place, speed)  # type: ignore[attr-defined]
        assert car.potential() == pytest.approx(expected)
