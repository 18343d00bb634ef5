"""DQN and REINFORCE: what they learn from in closed form, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from small import built, loaded

from dlx.config.specs.dqn import Dqn as Options
from dlx.errors import UsageError
from dlx.learning import dqn
from dlx.learning.dqn import explored, require_room, targets_of
from dlx.learning.policy import ACTION, OBSERVATION
from dlx.learning.reinforce import GAIN, RETURN, Reinforce, discounted
from dlx.seeds import derive
from dlx.sources.draws import Stream, draw_uniform
from dlx.testing import check_learner

GRID = (
    *("task=gridworld", "dataset.size=3", "dataset.copies=2", "model.units=[4]"),
    *("learner.validation_episodes=2", "learner.test_episodes=2"),
    *("trainer.epochs=2", "trainer.batch_size=4", "trainer.threads=1"),
)
DQN = (
    *(*GRID, "learner.name=dqn", "learner.steps_per_epoch=6", "learner.warm_up=10"),
    *("learner.buffer=12", "learner.look_ahead=3", "learner.follow_every=2"),
    *("learner.draws=2", "learner.explore_steps=10"),
)
REINFORCE = (*GRID, "learner.name=reinforce", "learner.steps_per_epoch=40")
CPU = torch.device("cpu")


def learner(base: tuple[str, ...], *overrides: str) -> Any:
    return played_by(base, *overrides)[0]


def played_by(base: tuple[str, ...], *overrides: str) -> tuple[Any, Any]:
    """A learner, and the first batch of its training."""
    *_, fold, training = built(*overrides, base=base)
    return training.learner, next(training.learner.source(fold, 0).epoch(0))


def refused(*overrides: str) -> str:
    with pytest.raises(UsageError) as caught:
        loaded(*overrides, base=DQN)
    return str(caught.value)


def test_the_older_network_tells_what_the_other_chooses() -> None:
    returns, discounts = torch.tensor([1.0, 2.0]), torch.tensor([0.5, 0.0])
    older, chooser = torch.tensor([[10.0, 20.0]] * 2), torch.tensor([[7.0, 3.0]] * 2)

    assert targets_of(returns, discounts, older, chooser).tolist() == [6, 2]
    assert targets_of(returns, discounts, older, older).tolist() == [11, 2]


def test_exploring_is_a_function_of_the_steps() -> None:
    options = replace(Options(), warm_up=100, explore_steps=200, explore_to=0.2)

    found = [explored(options, steps) for steps in (0, 99, 100, 200, 300, 9999)]

    assert found == pytest.approx([1, 1, 1, 0.6, 0.2, 0.2])


def test_the_older_network_follows_by_a_share_and_then_wholly() -> None:
    one = learner(DQN)
    with torch.no_grad():
        for weight in one.networks.parameters():
            weight.fill_(4.0)
        for weight in one.target.parameters():
            weight.fill_(0.0)

    one.follow(0.25)

    assert all((weight == 1).all() for weight in one.target.parameters())
    one.follow(1.0)
    assert all((weight == 4).all() for weight in one.target.parameters())
    assert not any(weight.requires_grad for weight in one.target.parameters())


def test_the_loss_is_hubers_against_the_older_network() -> None:
    one, batch = played_by(DQN, "learner.double=false")

    found = one.losses(batch)

    told = batch.targets
    worth = one.networks["value"](batch.inputs)[ACTION].gather(1, told[ACTION][:, None])[:, 0]
    older = one.target({OBSERVATION: told["following"]})[ACTION].amax(1)
    miss = (worth - told["return"] - told["discount"] * older).abs()
    expected = torch.where(miss < 1, miss.square() / 2, miss - 0.5).mean()
    torch.testing.assert_close(found["loss"], expected)
    torch.testing.assert_close(found["value"], worth.mean())


def test_returns_of_a_whole_episode() -> None:
    assert discounted([1, 2, 4], 0, 0.5).tolist() == [3, 4, 4]
    assert discounted([1, 2, 4], 8, 0.5).tolist() == [4, 6, 8]


def test_whole_episodes_move_the_policy_by_what_they_gained() -> None:
    one, batch = played_by(REINFORCE)

    assert isinstance(one, Reinforce)
    assert one.copies is not None
    assert one.copies.steps == batch.rows
    assert sum(steps for _, steps in one.copies.finished) == batch.rows
    assert one.copies.state().tensors["actions"].numel() == 0
    gains = batch.targets[GAIN]
    torch.testing.assert_close(gains.mean(), torch.tensor(0.0), atol=1e-5, rtol=0)
    likely = one.prefer(batch.inputs[OBSERVATION]).log_softmax(1)  # type: ignore[arg-type]
    chosen = likely.gather(1, batch.targets[ACTION][:, None])[:, 0]
    entropy = -(likely.exp() * likely).sum(1).mean()
    expected = -(chosen * gains).mean() - one.options.entropy * entropy
    torch.testing.assert_close(one.losses(batch)["policy"], expected)


def test_without_a_discount_the_first_return_is_that_of_the_episode() -> None:
    one, batch = played_by(REINFORCE, "learner.discount=1", "dataset.max_steps=1000")

    (first, short), (second, long) = one.copies.finished  # in the order in which they ended
    starts = {batch.targets[RETURN][place].item() for place in (0, short, long)}
    assert short + long == batch.rows
    assert all(min(abs(one - brought) for one in starts) < 1e-4 for brought in (first, second))


def test_a_stream_is_the_same_however_it_is_taken() -> None:
    key = derive(0, "explore")
    expected = draw_uniform(torch.arange(20_000), key).numpy()
    one, other = Stream(key), Stream(key)

    found = [one.take(start, 10) for start in range(0, 20_000, 10)]

    assert np.array_equal(np.concatenate(found), expected)
    assert np.array_equal(other.take(9_999, 3), expected[9_999:10_002])
    assert np.array_equal(other.take(5, 3), expected[5:8])


def test_dqn_keeps_its_contract() -> None:
    check_learner(*DQN)


def test_reinforce_keeps_its_contract() -> None:
    check_learner(*REINFORCE, "learner.standardise=true")


def test_a_buffer_without_room_for_the_warm_up_is_refused() -> None:
    assert refused("learner.buffer=8") == (
        "`learner.buffer` keeps 8 transitions, fewer than the 10 steps of the warm-up\n"
        "  where: command line: learner.buffer=8\n  accepted: at least 10\n  try: learner.buffer=10"
    )
    told = refused("learner.buffer=12", "dataset.copies=16")
    assert told.startswith("`learner.buffer` keeps 12 transitions, fewer than the 16 copies that")


def test_a_share_that_grows_is_refused() -> None:
    assert refused("learner.explore_from=0.1", "learner.explore_to=0.2") == (
        "`learner.explore_to` is 0.2, more than `explore_from`, which is 0.1: the share falls\n"
        "  where: command line: learner.explore_to=0.2\n  accepted: at most 0.1\n"
        "  try: learner.explore_to=0.1"
    )


def test_a_buffer_that_memory_cannot_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dqn, "free_on", lambda _: 2**20)

    with pytest.raises(UsageError) as caught:
        require_room(50_000, (4,), CPU)

    assert str(caught.value) == (
        "50,000 transitions of 46 bytes take 0.0 GiB, but 0.0 GiB are free\n"
        "  where: learner.buffer\n  accepted: fewer transitions\n  try: learner.buffer=11397"
    )
    require_room(11_397, (4,), CPU)


@pytest.mark.parametrize(
    ("given", "told", "accepted"),
    [
        (
            "schedule.name=cosine",
            "schedule cosine sets the rate of each step from the number of steps in all epochs",
            "schedule: constant, step, piecewise, plateau, inverse_time\n  try: schedule=constant",
        ),
        (
            "schedule.warmup_epochs=1",
            "schedule constant sets the rate of each step from the number of steps in "
            "`schedule.warmup_epochs`",
            "0\n  try: schedule.warmup_epochs=0",
        ),
    ],
)
def test_rates_that_count_steps_ahead_are_refused(given: str, told: str, accepted: str) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(given, base=REINFORCE)

    assert str(caught.value) == (
        f"{told}, which learner reinforce does not know before it has played them\n"
        f"  where: command line: {given}\n  accepted: {accepted}"
    )


def test_what_was_played_is_kept_in_chunks() -> None:
    *_, fold, training = built(base=DQN)
    source = training.learner.source(fold, 0)
    next(source.epoch(0))

    (chunk,) = source.state().chunks

    assert {name.partition("/")[0] for name in chunk} == {"replay"}
