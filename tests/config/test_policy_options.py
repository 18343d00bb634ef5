"""What a config asks of a policy and its environment in vain is refused with what to type."""

from __future__ import annotations

import pytest

from dlx.config.load import load
from dlx.errors import DlxError

GRID = "task=gridworld"


def refused(*overrides: str) -> str:
    with pytest.raises(DlxError) as caught:
        load(overrides)
    return str(caught.value)


@pytest.mark.parametrize(
    ("override", "lines"),
    [
        (
            "trainer.steps_per_epoch=5",
            "`trainer.steps_per_epoch` counts batches of rows, of which learner ppo has none\n"
            "  where: command line: trainer.steps_per_epoch=5\n"
            "  accepted: learner.steps_per_epoch\n  try: learner.steps_per_epoch=5",
        ),
        (
            "trainer.average.name=swa",
            "an average of epochs passes over the batches again, but what was played is gone\n"
            "  where: command line: trainer.average.name=swa\n"
            "  accepted: trainer.average: none, ema\n  try: trainer.average=none",
        ),
        (
            "dataset.workers=9",
            "`dataset.workers` is 9, but there are 8 copies\n"
            "  where: command line: dataset.workers=9\n  accepted: at most 8\n"
            "  try: dataset.workers=8",
        ),
    ],
)
def test_what_would_have_no_effect_is_refused(override: str, lines: str) -> None:
    assert refused(GRID, override) == lines


@pytest.mark.parametrize("learner", ["ppo", "reinforce"])
def test_a_graph_of_actions_tells_no_value(learner: str) -> None:
    nodes = "nodes: {main: {of: [observation], layers: [{linear: 3}]}}"
    graph = f"model={{name: graph, {nodes}, heads: {{action: main}}}}"
    found = refused(GRID, f"learner={learner}", graph)
    assert found == (
        "`learner.value` is null, so that the value has a graph as `model` has, but that is made "
        f"for actions alone\n  where: command line: {graph}\n"
        "  accepted: a model of its own for the value\n  try: 'learner.value={name: mlp}'"
    )
    load([GRID, f"learner={learner}", graph, "learner.value={name: mlp}"])


def test_one_advantage_is_not_normalised() -> None:
    """Its deviation would be no number, and with it all weights."""
    alone = (GRID, "dataset.copies=1", "learner.rollout=1")
    assert refused(*alone) == (
        "`learner.normalise_advantages` is true, but a rollout of 1 step of 1 copy has one "
        "advantage, which has no deviation\n  where: command line: learner.rollout=1\n"
        "  accepted: at least 2, or more copies\n  try: learner.rollout=128"
    )
    for other in ("learner.rollout=2", "dataset.copies=2", "learner.normalise_advantages=false"):
        load([*alone, other])


@pytest.mark.parametrize("task", ["wine", "textgen", "style"])
@pytest.mark.parametrize("learner", ["dqn", "ppo", "reinforce"])
def test_what_is_no_environment_has_no_policy(learner: str, task: str) -> None:
    first, _, accepted = refused(f"task={task}", f"learner={learner}").splitlines()
    assert first.startswith(f"learner {learner} learns from environment, but dataset ")
    assert accepted == "  accepted: dataset: gridworld, gymnasium"


def test_a_module_is_no_name_of_an_environment() -> None:
    assert refused("task=cartpole", "dataset.environment=os:path") == (
        "`dataset.environment` is `os:path`, which is not a name\n"
        "  where: command line: dataset.environment=os:path\n"
        "  accepted: a name of gymnasium's registry, as CartPole-v1; your own are registered by a "
        "package in `plugins`\n  try: dataset.environment=CartPole-v1"
    )


def test_a_protocol_is_not_read() -> None:
    assert "learner ppo does not read `protocol`" in refused(GRID, "protocol=kfold")


def test_without_gymnasium_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlx.config.extras.is_installed", lambda package: package != "gymnasium")
    assert load([GRID]).config.dataset.name == "gridworld"
    first, where, hint = refused("task=cartpole").splitlines()
    assert first == "dataset gymnasium needs the package gymnasium"
    assert "configs/task/cartpole.yaml" in where
    assert hint == "  try: pip install 'dlx[rl]'"


def test_rollouts_that_do_not_make_an_epoch_are_told() -> None:
    loaded = load([GRID, "learner.rollout=100", "learner.steps_per_epoch=1000"])
    assert (
        "an epoch is 2 rollouts of 800 steps, 1,600 together: learner.steps_per_epoch is 1,000"
        in loaded.notes
    )
