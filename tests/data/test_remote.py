"""Copies in other processes play what they would play here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlx.config.specs.environments import Gridworld, Gymnasium
from dlx.data.environments import Environment, make, make_copies
from dlx.data.environments.remote import Remote, _carry_out
from dlx.errors import RunError
from dlx.sources.environment import Copies, play

GRID = Gridworld(size=4, max_steps=9, observation="picture", workers=2, copies=3)
HERE = Gridworld(size=4, max_steps=9, observation="picture", copies=3)


@pytest.fixture(scope="module")
def remote() -> list[Environment]:
    return make_copies(GRID, 3)


def test_the_same_steps_lead_to_the_same(remote: list[Environment]) -> None:
    assert all(isinstance(one, Remote) for one in remote)
    there, here = Copies(remote, 0), Copies(make_copies(HERE, 3), 0)
    for step in range(30):
        actions = np.arange(step, step + 3) % 4
        one, other = there.step(actions), here.step(actions)
        for name, found in vars(one).items():
            assert (found == getattr(other, name)).all()
    assert there.state().facts == here.state().facts
    there.restore(here.state())
    assert (there.observations == here.observations).all()


def test_episodes_drawings_and_best_actions_are_the_same(remote: list[Environment]) -> None:
    here = make_copies(HERE, 3)

    def found(played: list[Environment]) -> list[object]:
        def act(seen: np.typing.NDArray[np.float32], _: object) -> np.typing.NDArray[np.int64]:
            return np.array([one.best_action() for one in played[: len(seen)]])

        episodes = play(played, act, [1, 2, 3, 4, 5])
        return [episodes.returns.tolist(), episodes.lengths.tolist()]

    assert found(remote) == found(here)
    for one, other in zip(remote, here, strict=True):
        assert (one.reset(3) == other.reset(3)).all()
        assert (np.asarray(one.draw()) == other.draw()).all()  # type: ignore[operator]
        assert one.potential() is other.potential() is None


def test_who_is_asked_while_others_act_answers_for_itself(remote: list[Environment]) -> None:
    here = make_copies(HERE, 3)
    for one in (*remote, *here):
        one.reset(0)
    for one in remote:  # the first and the third are played by one process
        one.start(1)
    first, other = remote[0], here[0]
    assert np.array_equal(first.step(1).seen, other.step(1).seen)
    assert (np.asarray(first.draw()) == other.draw()).all()  # type: ignore[operator]
    assert np.array_equal(first.reset(7), other.reset(7))
    for one, beside in zip(remote[1:], here[1:], strict=True):
        (seen, *rest), (told, *known) = one.step(1), beside.step(1)
        assert np.array_equal(seen, told)
        assert rest == known


class InPlace:
    """Answers as a process would that plays a copy."""

    def __init__(self, copy: Environment) -> None:
        self.copy, self.answer = copy, b""

    def tell(self, what: bytes, copy: int, value: int = 0) -> int:
        self.answer = _carry_out(self.copy, what, value)
        return copy

    def hear(self, order: int) -> bytes:
        assert order == 0
        return self.answer


def test_what_cannot_be_drawn_is_not_drawn_elsewhere_either() -> None:
    copy = make(Gymnasium(environment="FrozenLake-v1"))
    process: Any = InPlace(copy)
    there = Remote(copy, process, 0)
    there.reset(0)
    assert there.draw() is there.potential() is there.best_action() is None


@pytest.mark.slow
def test_a_process_that_has_ended_is_told_of() -> None:
    (one,) = make_copies(Gridworld(workers=1, copies=1), 1)
    assert isinstance(one, Remote)
    one.reset(0)
    one._process._process.terminate()
    one._process._process.join()
    with pytest.raises(RunError) as caught:
        one.step(0)
    assert str(caught.value) == (
        "a process that plays the environment has ended (-15)\n  where: dataset.workers\n"
        "  try: dataset.workers=0 shows what goes wrong in it"
    )
