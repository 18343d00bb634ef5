"""Proximal policy optimisation computes what its papers say, and keeps the contract of learners."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small import built, trained

from dlx.errors import UsageError
from dlx.learning.policy import ACTION, OBSERVATION, VALUE, Scale, draw_actions
from dlx.learning.ppo import ADVANTAGE, LIKELY, RETURN, Ppo
from dlx.learning.rollouts import Rollout, advantages
from dlx.running.retest import look_again
from dlx.sources.batches import Batch
from dlx.testing import check_learner

GRID = (
    *("task=gridworld", "dataset.size=3", "dataset.copies=2", "dataset.max_steps=6"),
    *("learner.rollout=4", "learner.steps_per_epoch=8", "learner.passes=2"),
    *("trainer.batch_size=5", "learner.validation_episodes=3", "learner.test_episodes=4"),
    *("model.units=[4]", "trainer.threads=1", "trainer.epochs=2", "trainer.device=cpu"),
)


def ppo(*overrides: str) -> Ppo:
    learner = built(*overrides, base=GRID)[3].learner
    assert isinstance(learner, Ppo)
    return learner


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ("learner.standardise=true", "learner.greedy=false"),
        ("learner.clip_value=0.2", "learner.value={name: mlp, units: [3]}", "trainer.clip_norm=1"),
        ("dataset.observation=picture", "trainer.average.name=ema"),
        ("learner.optimizers.value={name: sgd, lr: 0.1}", "learner.normalise_advantages=false"),
        ("dataset={name: gymnasium, environment: CartPole-v1, copies: 2}",),
    ],
    ids=" ".join,
)
def test_with_other_options_too(overrides: tuple[str, ...]) -> None:
    base = [one for one in GRID if not (overrides[0].startswith("dataset={") and "dataset." in one)]
    check_learner(*base, *overrides)


def test_advantages_by_hand() -> None:
    rewards = np.array([[1.0], [2.0], [3.0]], np.float32)
    values, following = np.array([[0.5], [1], [2]], np.float32), np.array([[1], [0], [4]])
    ended = np.array([[False], [True], [False]])
    found = advantages(rewards, values, following.astype(np.float32), ended, 0.9, 0.5)
    third = 3 + 0.9 * 4 - 2
    second = 2 + 0 - 1  # what comes later is of another episode
    first = 1 + 0.9 * 1 - 0.5 + 0.9 * 0.5 * second
    assert found.ravel() == pytest.approx([first, second, third])


def test_with_lambda_1_advantages_are_returns_less_values() -> None:
    rewards, values = np.ones((4, 2), np.float32), np.zeros((4, 2), np.float32)
    ended = np.zeros((4, 2), bool)
    ended[3] = True
    found = advantages(rewards, values, values, ended, 0.5, 1.0)
    assert found[:, 0].tolist() == [1.875, 1.75, 1.5, 1]


def test_what_is_cut_off_goes_on_in_its_value_and_what_ends_does_not() -> None:
    learner, shape = ppo(), (2, 3, 9)
    seen = np.eye(9, dtype=np.float32)[np.arange(6)].reshape(shape)
    later = np.eye(9, dtype=np.float32)[np.arange(3, 9)].reshape(shape)
    ended = np.array([[True, True, False], [False, False, False]])
    terminated = np.array([[True, False, False], [False, False, False]])
    zeros = np.zeros((2, 3))
    rollout = Rollout(
        seen, zeros.astype(np.int64), zeros.astype(np.float32), later, terminated, ended
    )
    with torch.no_grad():
        value = learner.tell_value(torch.eye(9)).numpy()
        found = learner._value_following(rollout, value[:6].reshape(2, 3))
    assert found[0].tolist() == pytest.approx([0, value[4], value[5]])
    assert found[1].tolist() == pytest.approx(value[6:9].tolist())


def test_the_objective_by_hand() -> None:
    learner = ppo("learner.entropy=0.1", "learner.clip=0.2")
    observations = torch.eye(9)[:4]
    actions, gained = torch.tensor([0, 1, 2, 3]), torch.tensor([1.0, -1.0, 2.0, -2.0])
    with torch.no_grad():
        likely = learner.prefer(observations).log_softmax(1)
        chosen = likely[torch.arange(4), actions]
        value = learner.tell_value(observations)
    moved = torch.tensor([0.5, 0.5, -0.5, -0.05])  # ratios exp(moved)
    targets = {
        ACTION: actions,
        LIKELY: chosen - moved,
        ADVANTAGE: gained,
        RETURN: torch.arange(4.0),
        VALUE: value,
    }
    found = learner.losses(Batch({OBSERVATION: observations}, targets, 4))
    ratio = moved.exp()
    by_hand = [1.2, -ratio[1], 2 * ratio[2], -2 * ratio[3]]  # the lower bound of both
    entropy = -(likely.exp() * likely).sum(1).mean()
    assert found["policy"].item() == pytest.approx(-sum(by_hand) / 4 - 0.1 * entropy.item())
    assert found["clipped"].item() == 0.75
    assert found["value"].item() == pytest.approx(
        ((value - torch.arange(4.0)) ** 2).mean().item() / 2
    )


def test_a_policy_starts_with_all_actions_about_as_likely() -> None:
    learner = ppo("model.units=[64]")
    with torch.no_grad():
        found = learner.prefer(torch.eye(9)).softmax(1)
    assert (found - 0.25).abs().max() < 0.01


def test_penalties_act_on_the_network_whose_model_has_them() -> None:
    learner = ppo("model.l2=0.1", "learner.value={name: mlp, units: [3], l1: 0.2}")
    kernels = {name: one.get_parameter("body.0.weight") for name, one in learner.networks.items()}
    found = {name: learner.penalty(name) for name in kernels}
    assert found["policy"] is not None
    assert found["value"] is not None
    assert found["policy"].item() == pytest.approx(0.1 * kernels["policy"].square().sum().item())
    assert found["value"].item() == pytest.approx(0.2 * kernels["value"].abs().sum().item())
    assert ppo().penalty("policy") is None


def test_actions_are_drawn_by_their_probability() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.2]]).log().expand(1000, 3)
    found = draw_actions(logits, (torch.arange(1000) + 0.5) / 1000)
    assert torch.bincount(found).tolist() == [500, 300, 200]


def test_observations_are_standardised_by_all_that_were_seen() -> None:
    seen, scale = torch.randn(50, 3) * 4 + 2, Scale((3,))
    for part in seen.split([20, 1, 29]):
        scale.learn(part)
    expected = (seen - seen.mean(0)) / seen.std(0, correction=0)
    assert torch.allclose(scale(seen), expected, atol=1e-5)


def test_a_run_leaves_returns_beside_baselines_and_a_film_and_tests_again_alike() -> None:
    run = trained(base=(*GRID, "trainer.epochs=3"))
    found = {score["name"]: score for score in run.facts["scores"]}
    assert set(found) == {"val/return", "test/return"}
    names = {one["name"]: one["kind"] for one in run.facts["baselines"]}
    assert names == {
        "random policy": "constant",
        "best constant action": "constant",
        "best actions": "data",
    }
    left = {file.name for file in (run.folder / "artifacts").iterdir()}
    assert left >= {"episodes.csv", "returns.csv"}
    curve = (run.folder / "artifacts" / "returns.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[0] for line in curve] == ["steps", "8", "16", "24"]
    assert run.facts["protocol"]["rule"] == (
        "no rows are held out: 3 validation and 4 test episodes of seeds of their own"
    )
    assert run.facts["checks"] == []
    again = [look_again(run.folder) for _ in range(2)]
    assert again[0]["scores"] == again[1]["scores"]
    assert again[0]["scores"][0]["value"] == found["test/return"]["value"]
    assert again[0]["fresh"] == run.facts["fresh"]
    assert not (run.folder.parent.parent / "ledger.sqlite").exists()


def test_rewards_of_what_has_no_potential_are_not_shaped() -> None:
    with pytest.raises(UsageError) as caught:
        ppo("learner.shaping=1")
    assert str(caught.value) == (
        "gridworld of 3 x 3 cells has no potential that rewards could be shaped by\n"
        "  where: learner.shaping\n  accepted: 0; or an environment with one, as MountainCar-v0\n"
        "  try: learner.shaping=0"
    )
