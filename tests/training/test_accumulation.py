"""Steps whose memory runs out are computed in smaller parts, and are the same steps."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from small import built, loaded, same, trained, weights
from torch import Tensor

from dlx.errors import RunError, UsageError
from dlx.learning.supervised import Supervised
from dlx.reproduce.again import reproduce
from dlx.reproduce.lock import check, pin
from dlx.running.train import train
from dlx.runs.log import silent
from dlx.sources.batches import Batch
from dlx.training import snapshot
from dlx.training.accumulation import Accumulation
from dlx.training.callbacks import Callback
from dlx.training.loop import fit
from dlx.training.training import Training

WINE = (
    *("task=wine", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=2"),
    *("trainer.batch_size=16", "model.dropout=0.3", "trainer.accumulate=auto"),
)
Limit = Callable[..., None]


class Exhausted(torch.OutOfMemoryError):
    pass


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Limit:
    """A device whose memory holds so many rows at once, from a step of the process on."""
    monkeypatch.setattr("dlx.training.accumulation.is_told_of_memory", lambda _: True)
    real = Supervised.compute

    def set_limit(rows: int, from_call: int = 0) -> None:
        calls: list[int] = []

        def compute(self: Supervised, batch: Batch) -> Any:
            calls.append(batch.rows)
            found = real(self, batch)  # what it holds is held when memory runs out
            if self.model.training and batch.rows > rows and len(calls) > from_call:
                raise Exhausted("CUDA out of memory")
            return found

        monkeypatch.setattr(Supervised, "compute", compute)

    return set_limit


class Losses(Callback):
    def __init__(self) -> None:
        self.found: list[float] = []

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:
        self.found += [*scores.values(), *(x for one in training.step_losses.values() for x in one)]


def end_of(training: Training, fold: Any) -> tuple[dict[str, Tensor], list[float]]:
    losses = Losses()
    fit(training, fold, [losses])
    return weights(training), losses.found


def test_it_is_the_step_in_so_many_parts_from_the_start(limit: Limit) -> None:
    """Of dropout and of losses that are told, too, there is nothing of what was given up."""
    _, _, fold, fixed = built("trainer.accumulate=4", base=WINE)
    moved, losses = end_of(fixed, fold)
    limit(5)
    _, _, fold, training = built(base=WINE)
    found, told = end_of(training, fold)
    assert training.accumulation.changes == [(1, 4)]
    assert same(found, moved)
    assert told == losses


def test_steps_before_stay_whole_and_a_training_that_follows_has_the_same_bits(
    limit: Limit,
) -> None:
    limit(8, from_call=2)
    _, _, fold, training = built(base=WINE)
    found = end_of(training, fold)
    assert training.accumulation.changes == [(3, 2)]
    limit(16)
    _, _, fold, again = built(base=WINE)
    again.accumulation.follow([(3, 2)])
    followed = end_of(again, fold)
    assert same(followed[0], found[0])
    assert followed[1] == found[1]
    _, _, fold, whole = built(base=WINE)
    assert not same(end_of(whole, fold)[0], found[0])


def test_a_resumed_training_goes_on_in_as_many_parts(limit: Limit) -> None:
    limit(8, from_call=2)
    _, _, fold, training = built(base=WINE)
    trail: list[tuple[Any, Any]] = []

    class Keep(Callback):
        def on_step_end(self, training: Training) -> None:
            states = snapshot.take(training, {})
            tensors, facts = snapshot.pack(states, training.model.state_dict())
            copied = {k: {n: t.clone() for n, t in v.items()} for k, v in tensors.items()}
            trail.append((copied, facts))

    fit(training, fold, [Keep()])
    limit(16)
    for tensors, facts in (trail[2], trail[-2]):
        _, _, fold, again = built(base=WINE)
        snapshot.restore(again, {}, snapshot.unpack(tensors, facts))
        fit(again, fold)
        assert same(weights(again), weights(training))


def test_what_was_computed_is_freed_before_it_is_computed_again(
    limit: Limit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the micro-batches before the one that did not fit, too."""
    limit(16)
    _, _, fold, training = built(base=WINE)
    training.accumulation.follow([(1, 2)])
    real, alive = type(training.learner).compute, list[Any]()

    def compute(self: Any, batch: Batch) -> Any:
        if batch.rows < 8:
            assert not [one for one in alive if one() is not None]
            alive.clear()
            return real(self, batch)
        found = real(self, batch)
        alive.append(weakref.ref(found[0]["loss"]))
        if len(alive) == 2:
            raise Exhausted("CUDA out of memory")
        return found

    monkeypatch.setattr(type(training.learner), "compute", compute)
    training.set_to_train()
    training.step(next(fold.train.in_order(16)))
    assert training.accumulation.parts_of(1) == 4
    assert training.progress.step == 1


def test_memory_that_a_single_row_does_not_fit_into_ends_the_training(limit: Limit) -> None:
    limit(0)
    _, _, fold, training = built(base=WINE)
    with pytest.raises(Exhausted):
        fit(training, fold)
    assert training.accumulation.parts_of(1) == 16


def test_once_weights_have_moved_a_step_is_not_done_again(limit: Limit) -> None:
    limit(16)
    _, _, fold, training = built(base=WINE)
    real, before = training.learner.step, weights(training)

    def step(*given: Any) -> None:
        real(*given)
        raise Exhausted("CUDA out of memory")

    training.learner.step = step  # type: ignore[method-assign]
    training.set_to_train()
    with pytest.raises(Exhausted):
        training.step(next(fold.train.in_order(16)))
    assert not same(weights(training), before)
    assert training.accumulation.changes == []


def test_where_memory_runs_out_earlier_than_it_did_later_steps_are_cut_no_less(
    limit: Limit,
) -> None:
    limit(16)
    _, _, _, training = built(base=WINE)
    accumulation: Accumulation = training.accumulation
    accumulation.follow([(5, 2), (9, 4)])
    assert accumulation.grow(3, 16)
    assert [accumulation.parts_of(step) for step in (2, 3, 5, 8, 9)] == [1, 2, 2, 2, 4]


def test_a_run_tells_it_and_is_reproduced_on_a_device_with_more_memory(
    here: Path, limit: Limit
) -> None:
    """Each fold by itself; as is a lock file's entry."""
    limit(8, from_call=1)
    run = trained("protocol={name: kfold, k: 2}", "trainer.epochs=1", base=WINE)
    changes = run.facts["accumulate"]
    assert changes["0"] == [[2, 2]]
    assert len(changes) == len(run.data.split.folds)
    said = "memory ran out in step 2: from there on in 2 micro-batches\n"
    assert said in (run.folder / "log.txt").read_text()
    limit(16)
    assert reproduce(run.folder, silent).identical
    pin(run.folder, here / "dlx.lock")
    (entry,) = check(here / "dlx.lock", False, here / "runs", silent)
    assert entry.verdict == "identical"


def test_elsewhere_it_is_one_and_says_so(here: Path) -> None:
    """As a process on a CPU that has no more memory is ended without being told."""
    short = ("trainer.epochs=1", "test=false")
    run, whole = (trained(f"trainer.accumulate={n}", *short, base=WINE) for n in ("auto", "1"))
    assert same(weights(run.training), weights(whole.training))
    assert run.facts["accumulate"] == {"0": []}
    assert "accumulate" not in whole.facts
    assert run.facts["notes"] == [
        "trainer.accumulate is auto, which has an effect on CUDA only: each batch is whole"
    ]


def test_layers_that_compute_with_other_rows_are_refused_by_name(here: Path) -> None:
    with pytest.raises(UsageError) as caught:
        train(loaded("model.batch_norm=true", base=WINE), silent)
    assert str(caught.value) == (
        "`trainer.accumulate` is auto, but layer body.1 (BatchNorm) takes mean and variance over "
        "the rows that are computed together\n  where: trainer.accumulate\n"
        "  accepted: a number, or a model without batch normalisation\n"
        "  try: trainer.accumulate=1"
    )
    assert not Path("runs").exists()


def test_an_error_that_says_something_else_is_not_taken_for_it(
    here: Path, limit: Limit, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(16)

    def compute(self: Any, batch: Batch) -> Any:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(Supervised, "compute", compute)
    with pytest.raises((RuntimeError, RunError), match="mat1"):
        trained(base=WINE)
