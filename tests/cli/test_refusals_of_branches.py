"""What a branch of learning has no answer to is refused, with a way on."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest

from dlx.config.fields import import_code
from dlx.config.specs.learners import LEARNERS

Cli = Callable[..., Any]
POLICIES = {"dqn": "cartpole_dqn", "ppo": "gridworld", "reinforce": "cartpole_reinforce"}


def spec(learner: str) -> Any:
    options: Any = LEARNERS.entries[learner].options
    return import_code(options.spec)


def test_only_rows_with_targets_and_policies_go_through_the_workflow() -> None:
    can = {name for name in LEARNERS.entries if "workflow" in spec(name).can}
    assert can == {"supervised", *POLICIES}


@pytest.mark.parametrize(
    ("learner", "task"),
    [
        ("autoencoder", "digits_autoencoder"),
        ("projection", "digits_projection"),
        ("gan", "digits_gan"),
    ],
)
def test_the_others_say_what_to_type(cli: Cli, learner: str, task: str) -> None:
    answer = cli("workflow", f"task={task}")
    assert (answer.code, answer.out) == (2, "")
    first, where, *rest = answer.err.splitlines()
    assert first == f"error: learner {learner} cannot go through the seven steps of dlx workflow"
    assert f"configs/task/{task}.yaml:" in where
    assert rest == [
        f"  accepted: what learner {learner} can: {', '.join(spec(learner).can)}",
        f"  try: dlx train task={task}",
    ]


def test_what_has_no_steps_has_no_rate_and_no_search_of_its_own(cli: Cli) -> None:
    hint = "dlx help learner.projection"
    assert cli("lr-find", "task=digits_projection").err == (
        "error: learner projection moves no weights by an optimizer, so there is no rate to find\n"
        f"  where: learner\n  accepted: a learner with one optimizer\n  try: {hint}\n"
    )
    plain = ("tune", "task=digits_projection", "search={}", "--dry-run")
    assert cli(*plain).err == (
        "error: it is not known what may be tried of learner projection: it has no model and no "
        "steps\n  where: search\n"
        f"  accepted: search.KEY={{choice:[a,b]}} or search.KEY={{log:[low,high]}}\n  try: {hint}\n"
    )
    assert cli(*shlex.split(hint)[1:]).code == 0


@pytest.mark.parametrize(
    ("learner", "what"),
    [
        (
            "dqn",
            "the loss of learner dqn is not what it is judged by, so how it falls tells no rate",
        ),
        (
            "ppo",
            "learner ppo has 2 optimizers, policy, value: whether one's rate is too high depends "
            "on the others', so no range test tells",
        ),
    ],
)
def test_a_policy_has_no_rate_that_its_loss_tells(cli: Cli, learner: str, what: str) -> None:
    answer = cli("lr-find", f"task={POLICIES[learner]}")
    assert answer.code == 2
    assert answer.err.startswith(f"error: {what}\n  where: learner\n")
    assert answer.err.endswith(f"  try: dlx tune task={POLICIES[learner]}\n")


def test_a_preview_of_an_environment_says_what_it_is(cli: Cli) -> None:
    told = cli("data", "preview", "task=gridworld").out.splitlines()
    assert told[0] == "gridworld is an environment, without rows: what its first episode shows"
    assert told[1] == "row 0"
