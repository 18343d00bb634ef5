"""Steps of named optimizers: in parts, in one tensor, stopped and restored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from dlx.config.schema import Trainer
from dlx.config.specs.optimizers import OPTIMIZERS
from dlx.config.specs.schedules import SCHEDULES
from dlx.optimizers import flat
from dlx.optimizers.member import Member
from dlx.optimizers.named import Optimizers
from dlx.state import State, join_states, part_of

CPU = torch.device("cpu")
RECIPES: dict[str, dict[str, Any]] = {
    "rmsprop": {"weight_decay": 0.01},
    "sgd": {},
    "nadam": {},
    "adagrad": {},
    "adam": {"weight_decay": 0.01},
    "adamw": {},
    "sgd with momentum": {"momentum": 0.9, "nesterov": True},
    "rmsprop with momentum": {"momentum": 0.9},
}
SAME_BITS = ("rmsprop", "sgd", "nadam", "adagrad")


@dataclass
class Batch:
    """Rows of numbers."""

    x: Tensor

    @property
    def rows(self) -> int:
        return len(self.x)

    def split(self, parts: int) -> Iterator[Batch]:
        return map(Batch, self.x.split(-(-self.rows // parts)))


def batches(steps: int, rows: int = 8) -> list[Batch]:
    drawn = torch.Generator().manual_seed(1)
    return [Batch(torch.randn(rows, 3, generator=drawn)) for _ in range(steps)]


def net() -> nn.Sequential:
    made = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
    drawn = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=drawn))
    return made


def built(
    nets: Mapping[str, nn.Module],
    recipe: str = "rmsprop",
    options: Trainer | None = None,
    schedule: str = "cosine",
    whole: bool = True,
) -> Optimizers:
    """Optimizers by the names of the networks that they move."""
    entry = OPTIMIZERS.entries[recipe.partition(" ")[0]]
    make = getattr(__import__("dlx.optimizers").optimizers, entry.target.partition(":")[2])
    planned = SCHEDULES.entries[schedule]
    plan = getattr(__import__("dlx.schedules").schedules, planned.target.partition(":")[2])
    members = {
        name: Member(
            dict(one.named_parameters()),
            partial(make, entry.options(**RECIPES[recipe])),
            lambda optimizer: plan(planned.options(), optimizer, 10, 2, "min"),
            whole,
        )
        for name, one in nets.items()
    }
    return Optimizers(members, options or Trainer(), CPU, lambda _: None)


def loss_of(one: nn.Module, batch: Batch) -> dict[str, Tensor]:
    loss = one(batch.x).square().mean()
    return {"loss": loss, "more": loss.detach()}


def move(one: nn.Module, optimizers: Optimizers, steps: list[Batch]) -> list[float]:
    """The losses of steps."""
    losses: list[float] = []

    def closure(micro: Batch) -> dict[str, Tensor]:
        found = loss_of(one, micro)
        losses.append(found["loss"].item())
        return found

    for batch in steps:
        optimizers.step("model", batch, closure)
        optimizers.finish_step()
    return losses


def numbers(one: nn.Module) -> Tensor:
    return torch.cat([p.detach().reshape(-1) for p in one.parameters()])


def is_flat(optimizers: Optimizers) -> bool:
    return len(optimizers.members["model"].optimizer.param_groups[0]["params"]) == 1


@pytest.mark.parametrize("recipe", RECIPES)
def test_in_one_tensor_weights_move_as_each_by_itself(recipe: str) -> None:
    found = []
    for whole in (True, False):
        one = net()
        optimizers = built({"model": one}, recipe, whole=whole)
        assert is_flat(optimizers) == whole
        losses = move(one, optimizers, batches(12))
        found.append((losses, numbers(one), optimizers.state()))

    (losses, weights, state), (others, moved, apart) = found
    assert state.tensors.keys() == apart.tensors.keys()
    if recipe in SAME_BITS:
        assert losses == others
        assert torch.equal(weights, moved)
        assert all(torch.equal(t, apart.tensors[n]) for n, t in state.tensors.items())
    torch.testing.assert_close(weights, moved)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("written", [True, False], ids=["written in one tensor", "written apart"])
@pytest.mark.parametrize("read", [True, False], ids=["read in one tensor", "read apart"])
def test_stopped_at_every_step_and_restored_the_bits_stay(
    recipe: str, written: bool, read: bool
) -> None:
    """Where dlx's own kernels round alike also from one form to the other."""
    if written != read and recipe not in SAME_BITS:
        return
    steps = batches(6)
    one = net()
    first = built({"model": one}, recipe, whole=written)
    kept: list[tuple[dict[str, Tensor], State]] = []
    for batch in steps:
        move(one, first, [batch])
        weights = {name: t.clone() for name, t in one.state_dict().items()}
        state = first.state()
        tensors = {name: t.clone() for name, t in state.tensors.items()}
        kept.append((weights, State(tensors, state.facts)))

    for at, (weights, state) in enumerate(kept, start=1):
        twin = net()
        again = built({"model": twin}, recipe, whole=read)
        move(twin, again, steps[:1])
        twin.load_state_dict(weights)
        again.restore(state)
        assert again.rates() == {"lr": first_rate(first, at)}
        move(twin, again, steps[at:])
        assert torch.equal(numbers(twin), numbers(one)), at


def first_rate(optimizers: Optimizers, step: int) -> float:
    schedule: Any = optimizers.members["model"].schedule
    return float(schedule.base[0] * schedule.factor(step))


def test_a_checkpoint_keeps_the_names_of_parameters() -> None:
    one = net()
    optimizers = built({"model": one}, "adam")
    move(one, optimizers, batches(1))

    assert sorted(optimizers.state().tensors) == sorted(
        f"model/{name}/{entry}"
        for name in ("0.weight", "0.bias", "2.weight", "2.bias")
        for entry in ("step", "exp_avg", "exp_avg_sq")
    )


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("parts", [2, 3, 8])
def test_micro_batches_are_the_step_of_their_batch(whole: bool, parts: int) -> None:
    found = []
    for accumulate in (1, parts):
        one = net()
        options = Trainer(accumulate=accumulate, clip_norm=0.5)
        move(one, built({"model": one}, options=options, whole=whole), batches(5))
        found.append(numbers(one))

    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-6)


class Branches(nn.Module):
    """Uses its second layer only where the first row begins with a positive number."""

    def __init__(self) -> None:
        super().__init__()
        self.always, self.sometimes = net(), net()

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.always(x)
        return found + self.sometimes(x) if x[0, 0] > 0 else found


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_parameter_without_a_gradient_stands_still(recipe: str, accumulate: int) -> None:
    """Whatever momentum and decay would do to it; in parts it moves where one part uses it."""
    steps = batches(6)
    for batch, sign in zip(steps, (1, 1, -1, 1, -1, -1), strict=True):
        batch.x[0, 0] = sign * batch.x[0, 0].abs()
        batch.x[4, 0] = batch.x[0, 0] if sign < 0 else -batch.x[0, 0].abs()
    found = []
    for whole in (True, False):
        one = Branches()
        options = Trainer(accumulate=accumulate)
        optimizers = built({"model": one}, recipe, options, whole=whole)
        move(one, optimizers, steps[:2])
        before = numbers(one.sometimes)
        move(one, optimizers, steps[2:3])
        assert torch.equal(numbers(one.sometimes), before)
        move(one, optimizers, steps[3:])
        found.append(numbers(one))
        assert not is_flat(optimizers)

    torch.testing.assert_close(*found)
    if recipe in SAME_BITS:
        assert torch.equal(*found)


def test_what_went_apart_is_restored_apart() -> None:
    one = Branches()
    optimizers = built({"model": one}, "adam")
    steps = batches(2)
    steps[0].x[0, 0] = -1
    move(one, optimizers, steps)
    twin = Branches()
    again = built({"model": twin}, "adam")
    again.restore(optimizers.state())

    assert not is_flat(again)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_sparse_gradients_are_left_to_torch(accumulate: int) -> None:
    found = []
    for whole in (True, False):
        drawn = torch.Generator().manual_seed(0)
        table = nn.Embedding(9, 2, sparse=True, _weight=torch.randn(9, 2, generator=drawn))
        one = nn.ModuleDict({"table": table, "net": net()})
        optimizers = built({"model": one}, "sgd", Trainer(accumulate=accumulate), whole=whole)

        def closure(micro: Batch, one: Any = one) -> dict[str, Tensor]:
            rows = (micro.x[:, 0] > 0).long()
            return {"loss": (one["table"](rows) + one["net"](micro.x)).square().mean()}

        for batch in batches(3):
            optimizers.step("model", batch, closure)
        found.append(numbers(one))

    assert torch.equal(*found)


@pytest.mark.parametrize("begun", ["frozen", "freed"])
def test_freezing_holds_whenever_it_is_done(begun: str) -> None:
    found = []
    for whole in (True, False):
        one = net()
        one[0].requires_grad_(begun == "freed")
        optimizers = built({"model": one}, "adagrad", whole=whole)
        assert is_flat(optimizers) == (whole and begun == "freed")
        start = numbers(one[0])
        move(one, optimizers, batches(2))
        assert torch.equal(numbers(one[0]), start) == (begun == "frozen")
        one[0].requires_grad_(begun != "freed")
        start = numbers(one[0])
        move(one, optimizers, batches(3))
        assert torch.equal(numbers(one[0]), start) == (begun == "freed")
        found.append(numbers(one))

    assert torch.equal(*found)


def test_a_large_group_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flat, "LIMIT", 32)

    assert not is_flat(built({"model": net()}))
    monkeypatch.setattr(flat, "LIMIT", 33)
    assert is_flat(built({"model": net()}))


def test_parameters_that_share_memory_are_left_as_they_are() -> None:
    one = net()
    both = torch.randn(20)
    one[0].weight.data, one[0].bias.data = both[:15].view(5, 3), both[15:]

    assert not is_flat(built({"model": one}))


def test_gradients_are_there_to_be_looked_at() -> None:
    one, twin = net(), net()
    (batch,) = batches(1)
    move(one, built({"model": one}), [batch])

    loss_of(twin, batch)["loss"].backward()

    for ours, theirs in zip(one.parameters(), twin.parameters(), strict=True):
        assert ours.grad is not None
        assert torch.equal(ours.grad, theirs.grad)  # type: ignore[arg-type]


@pytest.mark.parametrize("half", [False, True], ids=["float32", "float16"])
@pytest.mark.parametrize("whole", [True, False])
def test_two_optimizers_move_their_own_network(half: bool, whole: bool) -> None:
    """As two of torch's written out by hand: clipped, in micro-batches, each with its schedule."""
    options = Trainer(accumulate=2, clip_norm=0.05, precision="float16" if half else "float32")
    nets = {"generator": net(), "discriminator": net()}
    optimizers = built(nets, "adam", options, whole=whole)
    if half:  # torch has the scaler on a CPU too
        optimizers._scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    by_hand = {"generator": net(), "discriminator": net()}
    theirs = {
        name: torch.optim.Adam(one.parameters(), lr=0.001, eps=1e-7, weight_decay=0.01)
        for name, one in by_hand.items()
    }

    def closure(nets: Mapping[str, nn.Module], name: str, batch: Batch) -> dict[str, Tensor]:
        sign = 1 if name == "discriminator" else -1
        made = functional.pad(nets["generator"](batch.x), (0, 1))
        return {"loss": (sign * nets["discriminator"](made).tanh()).mean()}

    for step, batch in enumerate(batches(6), start=1):
        names = ("discriminator", "generator") if step % 2 else ("discriminator",)
        for name in names:
            optimizers.step(name, batch, partial(closure, nets, name))
            theirs[name].zero_grad()
            for micro in batch.split(2):
                with torch.autocast("cpu", torch.float16, enabled=half):
                    loss = closure(by_hand, name, micro)["loss"]
                torch.autograd.backward(loss / 2, inputs=list(by_hand[name].parameters()))
            nn.utils.clip_grad_norm_(by_hand[name].parameters(), 0.05)
            theirs[name].step()
        optimizers.finish_step()
        for one in theirs.values():
            one.param_groups[0]["lr"] = optimizers.rates()["lr"]

    for name in nets:
        torch.testing.assert_close(
            numbers(nets[name]), numbers(by_hand[name]), rtol=0.01 if half else 1e-5, atol=1e-6
        )
    assert optimizers.rates()["lr"] == optimizers.rates()["lr/discriminator"] < 0.001
    if half:
        assert optimizers.state().facts["scaler"]["_growth_tracker"] == 6


def test_the_scale_falls_once_a_step_and_nothing_moves_by_what_is_no_number() -> None:
    nets = {"one": net(), "other": net()}
    optimizers = built(nets, options=replace(Trainer(), precision="float16"))
    optimizers._scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    before = numbers(nets["one"])

    for name in nets:
        optimizers.step(
            name, batches(1)[0], lambda b, name=name: {"loss": nets[name](b.x).sum() * torch.inf}
        )
    optimizers.finish_step()

    assert torch.equal(numbers(nets["one"]), before)
    state = optimizers.state()
    assert state.facts["scaler"]["scale"] == 512.0
    fresh = {"one": net(), "other": net()}
    again = built(fresh, options=replace(Trainer(), precision="float16"))
    again._scaler = torch.amp.GradScaler("cpu")
    again.restore(state)
    assert again.state().facts == state.facts


def test_a_penalty_counts_once_a_step_in_parts_too() -> None:
    found = []
    for accumulate in (1, 4):
        one = net()
        optimizers = built({"model": one}, "sgd", Trainer(accumulate=accumulate))
        optimizers._penalty = lambda _, one=one: 0.1 * one[0].weight.square().sum()
        expected = {"penalty": pytest.approx(0.1 * one[0].weight.square().sum().item())}
        assert optimizers.penalties() == expected
        move(one, optimizers, batches(3))
        found.append(numbers(one))

    torch.testing.assert_close(*found)
    without = net()
    move(without, built({"model": without}, "sgd"), batches(3))
    assert not torch.allclose(numbers(without), found[0])


class Foreign(torch.optim.SGD):
    """Not torch's own: it does as it likes with each parameter."""


def test_a_foreign_optimizer_keeps_its_parameters_and_its_groups() -> None:
    one = net()

    def make(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        weights = [p for p in parameters if p.ndim > 1]
        biases = [p for p in parameters if p.ndim == 1]
        return Foreign([{"params": biases, "lr": 0.2}, {"params": weights}], lr=0.1, momentum=0.9)

    def planned(optimizer: torch.optim.Optimizer) -> Any:
        return built({"model": net()}).members["model"].schedule

    member = Member(dict(one.named_parameters()), make, planned, flat=False)
    optimizers = Optimizers({"model": member}, Trainer(), CPU, lambda _: None)
    move(one, optimizers, batches(2))
    state = optimizers.state()

    assert sorted(state.tensors) == sorted(
        f"model/{n}/momentum_buffer" for n, _ in one.named_parameters()
    )
    for name, parameter in one.named_parameters():
        buffer = member.optimizer.state[parameter]["momentum_buffer"]
        assert torch.equal(state.tensors[f"model/{name}/momentum_buffer"], buffer)
    before = {n: t.clone() for n, t in state.tensors.items()}
    optimizers.restore(State(before, state.facts))
    assert all(torch.equal(t, before[n]) for n, t in optimizers.state().tensors.items())


def test_states_are_joined_and_taken_apart_again() -> None:
    parts = {
        "a": State({"x/y": torch.ones(2)}, {"n": 1}),
        "ab": State({"x": torch.zeros(3)}, {}),
        "none": State(),
    }

    joined = join_states(parts)

    assert sorted(joined.tensors) == ["a/x/y", "ab/x"]
    for name, one in parts.items():
        assert part_of(joined, name) == one or name != "none"
        assert part_of(joined, name).tensors.keys() == one.tensors.keys()
        assert part_of(joined, name).facts == one.facts
    with pytest.raises(KeyError):
        part_of(joined, "other")
