"""L-BFGS computes the loss several times a step, and goes on exactly from what it keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dlx.config.load import load
from dlx.config.schema import Trainer
from dlx.config.specs import SCHEDULES
from dlx.config.specs.optimizers import LBFGS
from dlx.errors import UsageError
from dlx.optimizers import lbfgs
from dlx.optimizers.entries import gather, spread
from dlx.optimizers.member import Member
from dlx.optimizers.named import Optimizers
from dlx.state import State
from dlx.testing import check_learner

CPU = torch.device("cpu")
SHORT = LBFGS(max_iter=4, max_evals=6, history=3)


@dataclass
class Batch:
    """Rows of numbers."""

    x: Tensor

    @property
    def rows(self) -> int:
        return len(self.x)

    def split(self, parts: int) -> Iterator[Batch]:
        return map(Batch, self.x.split(-(-self.rows // parts)))


def batches(steps: int) -> list[Batch]:
    drawn = torch.Generator().manual_seed(1)
    return [Batch(torch.randn(8, 3, generator=drawn)) for _ in range(steps)]


def net() -> nn.Sequential:
    made = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
    drawn = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=drawn))
    return made


def loss_of(one: nn.Module, batch: Batch) -> Tensor:
    found: Tensor = one(batch.x).square().mean()
    return found


def numbers(one: nn.Module) -> Tensor:
    return torch.cat([p.detach().reshape(-1) for p in one.parameters()])


def built(one: nn.Module, options: LBFGS = SHORT, trainer: Trainer | None = None) -> Optimizers:
    chosen = SCHEDULES.default("constant")()

    def constant(optimizer: torch.optim.Optimizer) -> Any:
        return chosen.load()(chosen.options, optimizer, 10, 2, "min")

    member = Member(
        dict(one.named_parameters()),
        partial(lbfgs, options),
        constant,
        flat=False,
    )
    return Optimizers({"model": member}, trainer or Trainer(), CPU, lambda _: None)


def move(one: nn.Module, optimizers: Optimizers, steps: list[Batch]) -> list[list[float]]:
    """The losses of each step: the first, and those that it computed again."""
    told: list[list[float]] = []

    def closure(micro: Batch) -> dict[str, Tensor]:
        loss = loss_of(one, micro)
        if not optimizers.again:
            told.append([])
        told[-1].append(loss.item())
        return {"loss": loss}

    for batch in steps:
        optimizers.step("model", batch, closure)
        optimizers.finish_step()
    return told


@pytest.mark.parametrize("line_search", ["strong_wolfe", "none"])
def test_it_moves_as_torchs_own_and_computes_no_loss_twice(line_search: str) -> None:
    options = replace(SHORT, line_search=line_search, lr=0.5)
    one, other = net(), net()
    told = move(one, built(one, options), batches(1) * 4)

    optimizer = lbfgs(options, other.parameters())
    count = []
    (batch,) = batches(1)

    def evaluate() -> Tensor:
        optimizer.zero_grad()
        loss = loss_of(other, batch)
        loss.backward()
        count.append(loss.item())
        return loss

    step: Callable[..., object] = optimizer.step
    for _ in range(4):
        step(evaluate)
    assert torch.equal(numbers(one), numbers(other))
    assert [loss for losses in told for loss in losses] == count
    assert all(len(losses) > 1 for losses in told)
    assert told[-1][-1] < told[0][0] / 10


@pytest.mark.parametrize("parts", [1, 2])
def test_stopped_at_every_step_and_restored_the_bits_stay(parts: int) -> None:
    steps, trainer = batches(6), Trainer(accumulate=parts)
    one = net()
    first = built(one, trainer=trainer)
    for at, batch in enumerate(steps, start=1):
        move(one, first, [batch])
        state = first.state()
        kept = State({n: t.clone() for n, t in state.tensors.items()}, state.facts)
        straight, twin = net(), net()
        move(straight, built(straight, trainer=trainer), steps)
        twin.load_state_dict(one.state_dict())
        again = built(twin, trainer=trainer)
        again.restore(kept)
        move(twin, again, steps[at:])
        assert torch.equal(numbers(twin), numbers(straight)), at


def test_lists_of_tensors_are_kept_by_their_places() -> None:
    entries = {"d": torch.ones(2), "old_dirs": [torch.zeros(1), torch.ones(1)], "ro": [], "n": 3}
    tensors, plain = spread({**entries, "al": [None, torch.ones(1)]})
    assert sorted(tensors) == ["d", "old_dirs.0", "old_dirs.1"]
    assert plain == {"n": 3, "lists": {"old_dirs": 2, "ro": 0}}
    again = gather({**tensors, **plain})
    assert again == entries


def test_float16_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        load(["task=wine", "optimizer=lbfgs", "trainer.precision=float16"])
    (problem,) = caught.value.problems
    told = "`optimizer` is lbfgs, which searches along a line, where float16 is too coarse"
    assert problem.what == told
    assert (problem.accepted, problem.hint) == ("float32 or bfloat16", "trainer.precision=float32")


@pytest.mark.slow
def test_a_learner_moved_by_it_keeps_its_contract() -> None:
    check_learner("optimizer={name: lbfgs, max_iter: 3, history: 2}")
