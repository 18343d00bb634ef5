"""Weights with a rate, a decay and a first epoch of their own: as torch's groups by hand."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from small import WINE, built, loaded, rows_of, trained
from test_named import CPU, RECIPES, SAME_BITS, batches, loss_of, net, numbers
from torch import Tensor, nn

import dlx.optimizers
import dlx.schedules
from dlx.config.load import digest
from dlx.config.schema import Trainer
from dlx.config.specs.optimizers import OPTIMIZERS, Group
from dlx.config.specs.schedules import SCHEDULES
from dlx.errors import UsageError
from dlx.learning.build import build_optimizers
from dlx.learning.learner import Learner
from dlx.models.frozen import hold_frozen
from dlx.optimizers.groups import NEVER, describe_trained, divide
from dlx.optimizers.member import Member
from dlx.optimizers.named import Optimizers
from dlx.state import State
from dlx.testing import check_learner

PATTERNS = {
    "0.*": Group(lr=0.01, from_epoch=3),
    "*.bias": Group(weight_decay=0.0),
    "2.bias": Group(lr=0.0),
}
STEPS = 2
"""Steps of an epoch."""
EPOCHS = 5


def moved_by(
    one: nn.Module, groups: dict[str, Group], recipe: str, schedule: str, whole: bool
) -> Optimizers:
    entry, plan = OPTIMIZERS.entries[recipe.partition(" ")[0]], SCHEDULES.entries[schedule]
    make = getattr(dlx.optimizers, entry.target.partition(":")[2])
    planned = getattr(dlx.schedules, plan.target.partition(":")[2])
    member = Member(
        dict(one.named_parameters()),
        partial(make, entry.options(**RECIPES[recipe])),
        lambda optimizer: planned(plan.options(), optimizer, STEPS, EPOCHS, "min"),
        whole,
        groups,
    )
    return Optimizers({"model": member}, Trainer(clip_norm=0.5), CPU, lambda _: None)


def train(one: nn.Module, optimizers: Optimizers, begin: int = 0) -> list[dict[str, Tensor]]:
    """The weights after each step, from some step on."""
    kept: list[dict[str, Tensor]] = []
    for step, batch in enumerate(batches(STEPS * EPOCHS)):
        if step < begin:
            continue
        optimizers.freeze(step // STEPS + 1)
        optimizers.step("model", batch, partial(loss_of, one))
        optimizers.finish_step()
        if step % STEPS == STEPS - 1:
            optimizers.finish_epoch(1.0)
        kept.append({name: p.detach().clone() for name, p in one.named_parameters()})
    return kept


def by_hand(one: nn.Module, recipe: str, schedule: str) -> dict[str, Tensor]:
    """The same as PATTERNS say, written out for torch: a group a weight."""
    entry, plan = OPTIMIZERS.entries[recipe.partition(" ")[0]], SCHEDULES.entries[schedule]
    make = getattr(dlx.optimizers, entry.target.partition(":")[2])
    theirs = make(entry.options(**RECIPES[recipe]), one.parameters())
    (base,) = theirs.param_groups
    own: dict[str, dict[str, Any]] = {
        "0.weight": {"lr": 0.01},
        "0.bias": {"lr": 0.01, "weight_decay": 0.0},
        "2.weight": {},
        "2.bias": {"lr": 0.0, "weight_decay": 0.0},
    }
    theirs.param_groups[:] = [
        {**base, **own[name], "params": [p]} for name, p in one.named_parameters()
    ]
    planned = getattr(dlx.schedules, plan.target.partition(":")[2])
    schedule_of = planned(plan.options(), theirs, STEPS, EPOCHS, "min")
    for step, batch in enumerate(batches(STEPS * EPOCHS)):
        one[0].requires_grad_(step >= 2 * STEPS)  # type: ignore[index]
        theirs.zero_grad()
        loss_of(one, batch)["loss"].backward()
        nn.utils.clip_grad_norm_(one.parameters(), 0.5)
        theirs.step()
        schedule_of.after_step()
        if step % STEPS == STEPS - 1:
            schedule_of.after_epoch(1.0)
    return dict(one.named_parameters())


@pytest.mark.parametrize("recipe", RECIPES)
def test_groups_move_as_those_of_torch(recipe: str) -> None:
    """Frozen weights keep their bits, whatever momentum and decay would do to them."""
    for schedule in SCHEDULES.entries:
        expected = by_hand(net(), recipe, schedule)
        for whole in (True, False) if schedule == "constant" else (True,):
            one = net()
            start = {name: p.detach().clone() for name, p in one.named_parameters()}
            path = train(one, moved_by(one, PATTERNS, recipe, schedule, whole))

            torch.testing.assert_close(path[-1], expected)
            for step, found in enumerate(path):
                still = torch.equal(found["0.weight"], start["0.weight"])
                assert still == (step < 2 * STEPS), (schedule, step)
                assert torch.equal(found["2.bias"], start["2.bias"])


@pytest.mark.parametrize("recipe", RECIPES)
def test_groups_alike_move_as_one(recipe: str) -> None:
    entry = OPTIMIZERS.entries[recipe.partition(" ")[0]]
    rate = entry.options(**RECIPES[recipe]).lr
    found = []
    for groups in ({}, {"0.*": Group(lr=rate)}):
        one = net()
        optimizers = moved_by(one, groups, recipe, "cosine", True)
        optimizers._options = Trainer()
        train(one, optimizers)
        found.append(numbers(one))

    torch.testing.assert_close(*found)
    if recipe in SAME_BITS:
        assert torch.equal(*found)


@pytest.mark.parametrize("recipe", RECIPES)
def test_stopped_at_every_step_it_frees_what_an_unbroken_training_frees(recipe: str) -> None:
    one = net()
    first = moved_by(one, PATTERNS, recipe, "plateau", True)
    states: list[tuple[dict[str, Tensor], State]] = []
    for begin in range(STEPS * EPOCHS):
        state = first.state()
        weights = {name: t.clone() for name, t in one.state_dict().items()}
        tensors = {name: t.clone() for name, t in state.tensors.items()}
        states.append((weights, State(tensors, state.facts)))
        optimizers_step(one, first, begin)

    for begin, (weights, state) in enumerate(states):
        twin = net()
        again = moved_by(twin, PATTERNS, recipe, "plateau", True)
        twin.load_state_dict(weights)
        again.restore(state)
        train(twin, again, begin)
        assert torch.equal(numbers(twin), numbers(one)), begin


def optimizers_step(one: nn.Module, optimizers: Optimizers, step: int) -> None:
    """One step of `train`."""
    optimizers.freeze(step // STEPS + 1)
    optimizers.step("model", batches(step + 1)[step], partial(loss_of, one))
    optimizers.finish_step()
    if step % STEPS == STEPS - 1:
        optimizers.finish_epoch(1.0)


def test_what_is_free_lies_in_a_tensor_a_group() -> None:
    optimizers = moved_by(net(), {"0.*": Group(from_epoch=3)}, "adam", "constant", True)
    sizes = []
    for epoch in (1, 3):
        optimizers.freeze(epoch)
        groups = optimizers.members["model"].optimizer.param_groups
        sizes.append([[p.numel() for p in group["params"]] for group in groups])

    assert sizes == [[[12], [15, 5]], [[12], [20]]]


def test_of_each_option_the_first_pattern_that_gives_it_counts() -> None:
    groups = {
        "a.*": Group(from_epoch=2),
        "*.bias": Group(lr=0.1, from_epoch="never"),
        "*": Group(lr=0.5, weight_decay=0.0),
    }
    names = ("a.bias", "a.weight", "b.bias", "b.weight")
    found = {name: own for own, some in divide(names, groups).items() for name in some}

    assert [(found[n].first, dict(found[n].rates)["lr"], found[n].told) for n in names] == [
        (2, 0.1, "*.bias"),
        (2, 0.5, "*"),
        (NEVER, 0.1, "*.bias"),
        (1, 0.5, "*"),
    ]


def test_how_much_is_trained_is_told_where_it_is_not_all() -> None:
    assert describe_trained([(1, 90)]) == ""
    assert describe_trained([(1, 10), (3, 80)]) == "10 of 90 parameters trained, all from epoch 3"
    told = "10 of 95 parameters trained, 15 from epoch 2"
    assert describe_trained([(1, 10), (2, 5), (NEVER, 80)]) == told


class Parts(nn.Module):
    """What has a mode, in a part that may be frozen and in one that may not."""

    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout(0.5))
        self.head = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
        self.memory = nn.LSTM(2, 2)


def test_a_frozen_part_ignores_train_until_it_is_freed() -> None:
    one = Parts()
    for part in (one.base, one.memory):
        part.requires_grad_(False)
    hold_frozen(one)
    one.train()
    assert not any(module.training for module in one.base.modules())
    assert all(module.training for module in one.head.modules())
    assert one.memory.training  # cuDNN passes no gradients through it otherwise
    one.base.train()
    seen = torch.randn(8, 2)
    assert torch.equal(one.base(seen), one.base(seen))
    assert torch.equal(one.base[1].running_mean, torch.zeros(2))  # type: ignore[arg-type]

    one.base.requires_grad_(True)
    hold_frozen(one.train())
    one.train()
    assert all(module.training for module in one.modules())


CHANGES = ("model.units=[8,8]", "optimizer=adam")


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ("{bodi.*: {lr: 1}}", "the pattern `bodi.*` matches no weight of the model"),
        ("{body.*: {}}", "the pattern `body.*` gives its weights nothing"),
        ("{'*': {lr: 1}, body.*: {lr: 2}}", "the pattern `body.*` has no effect"),
        ("{'*': {from_epoch: 2}}", "every weight is frozen in the first epoch"),
        ("{body.*: {from_epoch: 3}}", "from_epoch` is 3, but training ends after epoch 2"),
    ],
)
def test_groups_that_do_nothing_or_leave_nothing_are_refused(groups: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        built(*CHANGES, "optimizer.groups=" + groups.replace("'", ""))

    assert told in caught.value.problems[0].what
    assert caught.value.problems[0].accepted


def test_the_order_of_patterns_is_part_of_a_configs_identity_and_none_is_not() -> None:
    groups = ("body.*: {lr: 0.1}", "*.bias: {lr: 0.2}")
    both = [loaded(*CHANGES, f"optimizer.groups={{{a}, {b}}}") for a, b in (groups, groups[::-1])]

    assert digest(both[0].config) != digest(both[1].config)
    assert "groups" in both[0].plain()["optimizer"]
    assert digest(loaded(*CHANGES, "optimizer.groups={}").config) == digest(loaded(*CHANGES).config)


@pytest.mark.parametrize("rest", [("model.units=[8]",), ("optimizer=adam", "schedule=cosine")])
def test_a_learner_with_groups_keeps_its_contract(rest: tuple[str, ...]) -> None:
    check_learner(*rest, "optimizer.groups={body.0.*: {lr: 1e-4, from_epoch: 2}, *.bias: {lr: 0}}")


class Two(Learner):
    """Two networks with an optimizer each."""

    def losses(self, batch: Any) -> dict[str, Tensor]:
        raise NotImplementedError

    step = evaluations = build = losses  # type: ignore[assignment]


def test_patterns_act_within_each_optimizer() -> None:
    def built_by(groups: str) -> Optimizers:
        config = loaded(f"optimizer.groups={groups}").config
        return build_optimizers(config, Two(config, {"maker": net(), "judge": net()}), 3, "min")

    found = built_by("{judge.2.*: {lr: 0.5}, '*.0.*': {from_epoch: 2}}".replace("'", ""))
    assert found.rates() == {"lr": 0.002, "lr/judge": 0.0, "lr/judge/judge.2.*": 0.5}
    found.freeze(2)
    assert found.rates()["lr/judge"] == 0.002
    with pytest.raises(UsageError) as caught:
        built_by("{maker.*: {from_epoch: 2}}")
    told = (
        "every weight of maker is frozen in the first epoch, so nothing of maker would be trained"
    )
    assert caught.value.problems[0].what == told


def test_a_run_tells_the_rates_and_what_is_trained(here: Any) -> None:
    groups = "optimizer.groups={body.0.*: {lr: 0.5, from_epoch: 2}, *.weight: {weight_decay: 0.1}}"
    run = trained(groups, "optimizer.lr=0.25", "model.units=[8]", base=WINE)

    rates = [(row["lr"], row["lr/body.0.*"]) for row in rows_of(run.folder)]
    assert rates == [(0.25, 0.0), (0.25, 0.5)]
    assert run.facts["model"]["trained"] == "27 of 139 parameters trained, all from epoch 2"
    assert run.facts["optimizer"].endswith(
        "; body.0.*: lr=0.5 from_epoch=2; *.weight: weight_decay=0.1"
    )
