"""Averaged weights: what they are, and that the weights themselves train as if there were none."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small import built, same, trained
from torch import Tensor, nn
from torch.optim.swa_utils import (
    AveragedModel,
    get_ema_multi_avg_fn,
    get_swa_multi_avg_fn,
    update_bn,
)

from dlx.config.fields import Chosen
from dlx.config.schema import Config
from dlx.config.specs import AVERAGES
from dlx.config.specs.averages import EMA, SWA
from dlx.errors import Interrupted, Problem
from dlx.learning.build import build_learner
from dlx.running.retest import look_again
from dlx.running.staging import build_training
from dlx.sources.fold import FoldData
from dlx.training import checkpoint, snapshot
from dlx.training.average import Average, Exponential, Stochastic
from dlx.training.callbacks import Callback
from dlx.training.loop import fit
from dlx.training.training import Training

Make = Callable[..., Training]
NORMED = ("trainer.batch_size=16", "trainer.epochs=4", "model.batch_norm=true")
EMA_, SWA_ = EMA(decay=0.9, from_epoch=2), SWA(from_epoch=2)
CASES = pytest.mark.parametrize("options", [EMA_, SWA_], ids=["ema", "swa"])


@pytest.fixture(scope="module")
def start() -> tuple[Config, FoldData]:
    config, _, fold, _ = built(*NORMED, "model.dropout=0.3")
    return config, fold


@pytest.fixture
def make(start: tuple[Config, FoldData]) -> Make:
    """A training with an average, or without one; with dropout, or without."""
    config, fold = start

    def training(options: Any = None, dropout: bool = True) -> Training:
        name = {EMA: "ema", SWA: "swa"}.get(type(options), "none")
        entry = AVERAGES.entries[name]
        chosen = Chosen(name, options or entry.options(), entry.target)
        model = config.model
        if not dropout:
            model = replace(model, options=replace(model.options, dropout=0.0))
        changed = replace(config, trainer=replace(config.trainer, average=chosen), model=model)
        learner = build_learner(changed, fold.inputs, fold.data.targets, fold.device)
        return build_training(changed, learner, learner.source(fold, 0))

    return training


class Oracle(Callback):
    """What torch's own average of the same weights is, and what was validated, epoch by epoch."""

    def __init__(self, training: Training, ends_only: bool, update: Callable[..., Any]) -> None:
        self.model = copy.deepcopy(training.model)
        self.average = AveragedModel(self.model, multi_avg_fn=update)
        self.ends_only, self.found, self.wanted = ends_only, list[Any](), list[Any]()

    def on_step_end(self, training: Training) -> None:
        progress = training.progress
        due = not self.ends_only or progress.position == training.source.steps
        self.model.load_state_dict(training.model.state_dict())
        if progress.epoch >= 1 and due:
            self.average.update_parameters(self.model)

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:
        if training.progress.epoch < 2:
            wanted = self.model.state_dict()
        elif self.ends_only:
            epoch = training.source.epoch(training.progress.epoch - 1)
            update_bn(_Inputs(epoch), self.average.module)
            wanted = self.average.module.state_dict()
        else:  # the buffers of the weights that train
            means = dict(self.average.module.named_parameters())
            wanted = {**self.model.state_dict(), **means}
        self.wanted.append(copies(wanted))
        self.found.append(copies(training.model.state_dict()))


class _Inputs:
    """Batches as a model takes them."""

    def __init__(self, batches: Any) -> None:
        self.batches = batches

    def __iter__(self) -> Any:
        return (batch.inputs for batch in self.batches)


def copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: one.detach().clone() for name, one in tensors.items()}


def ema(averages: Any, weights: Any, updates: Any) -> None:
    many = int(updates)
    get_ema_multi_avg_fn(min(0.9, (1 + many) / (10 + many)))(averages, weights, updates)


@CASES
def test_they_are_those_of_torch(start: Any, make: Make, options: Any) -> None:
    """To the bit, with statistics of batch normalisation; before `from_epoch` there are none."""
    training, ends = make(options, dropout=False), options is SWA_
    oracle = Oracle(training, ends, get_swa_multi_avg_fn() if ends else ema)
    fit(training, start[1], [oracle])
    assert len(oracle.found) == 4
    for found, wanted in zip(oracle.found, oracle.wanted, strict=True):
        assert same(found, wanted)


class History(Callback):
    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:
        self.rows.append(dict(scores))


def fitted(training: Training, fold: Any) -> list[dict[str, float]]:
    history = History()
    fit(training, fold, [history])
    return history.rows


@CASES
def test_the_weights_train_as_if_there_were_no_average(
    start: Any, make: Make, options: Any
) -> None:
    training, other = make(options), make()
    rows, plain = fitted(training, start[1]), fitted(other, start[1])
    assert same(training.model.state_dict(), other.model.state_dict())
    for found, wanted in zip(rows, plain, strict=True):
        assert {n: v for n, v in found.items() if n.startswith("train/")} == {
            n: v for n, v in wanted.items() if n.startswith("train/")
        }
    assert rows[0] == plain[0]
    assert rows[3]["val/loss"] != plain[3]["val/loss"]


def test_an_average_that_keeps_nothing_is_the_weights(start: Any, make: Make) -> None:
    training = make(EMA(decay=0))
    assert fitted(training, start[1]) == fitted(make(), start[1])
    assert same(training.kept_weights(), training.model.state_dict())


@pytest.mark.parametrize(
    ("kind", "options"), [(Exponential, EMA()), (Stochastic, SWA(from_epoch=1))]
)
def test_the_average_of_weights_that_stand_still_is_these(
    make: Make, kind: Any, options: Any
) -> None:
    training = make()
    average: Average = kind(options, training.learner, 1)
    for _ in range(50):
        average.update(1, ends_epoch=True)
    assert average.updates == 50
    assert same(average.kept(), training.model.state_dict())


def test_one_weight_under_two_names_has_one_average(make: Make) -> None:
    training = make()
    shared = nn.Linear(2, 2)
    training.learner.networks["other"] = nn.Sequential(shared, shared)
    average = Exponential(EMA(decay=0.5), training.learner, 1)
    average.update(1, ends_epoch=False)
    with torch.no_grad():
        shared.weight += 1
    average.update(1, ends_epoch=False)
    kept = average.kept()
    assert not torch.equal(kept["other.0.weight"], shared.weight)
    assert torch.equal(kept["other.0.weight"], kept["other.1.weight"])


@pytest.mark.parametrize("name", ["ema", "swa"])
def test_frozen_layers_keep_weights_and_statistics(name: str) -> None:
    frozen = "optimizer.groups={body.1.*: {from_epoch: never}}"
    _, _, fold, training = built(*NORMED, frozen, f"trainer.average.name={name}")
    norm = training.model.get_submodule("body.1")
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.running_mean is not None
    norm.running_mean += 0.25
    start = copies(norm.state_dict(prefix="body.1."))
    fit(training, fold)
    assert training.average is not None
    assert training.average.updates
    kept = training.kept_weights()
    assert same({n: kept[n] for n in start}, start)


@pytest.mark.parametrize(
    ("options", "where"), [(EMA_, "validate"), (SWA_, "validate"), (SWA_, "renew_statistics")]
)
def test_a_validation_that_was_broken_off_is_done_again_with_the_same_averages(
    start: Any, make: Make, options: Any, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained_by(training: Training) -> snapshot.States:
        fit(training, start[1])
        return snapshot.take(training, {})

    wanted, broken = trained_by(make(options)), make(options)
    owner: Any = broken.learner if where == "validate" else broken.average
    real, calls = getattr(owner, where), []

    def break_off(*given: Any) -> Any:
        calls.append(given)
        if len(calls) == 3:
            raise Interrupted(Problem("asked to stop"))
        return real(*given)

    monkeypatch.setattr(owner, where, break_off)
    states = trained_by(broken)
    assert broken.progress.interrupted
    tensors, facts = snapshot.pack(states, broken.model.state_dict())
    tensors = {kind: copies(values) for kind, values in tensors.items()}
    again = make(options)
    snapshot.restore(again, {}, snapshot.unpack(tensors, facts))
    found = trained_by(again)
    for part in ("learner", "average", "optimizers"):
        assert same(found[part].tensors, wanted[part].tensors), part
        assert found[part].facts == wanted[part].facts


@pytest.mark.parametrize(("name", "protocol"), [("ema", "holdout"), ("swa", "train_test")])
def test_a_run_keeps_the_averages_and_scores_them(here: Path, name: str, protocol: str) -> None:
    """With validation or without; in a checkpoint lie also the weights that train."""
    overrides = (*NORMED, f"protocol={protocol}", "trainer.epochs=2")
    run = trained(*overrides, f"trainer.average.name={name}")
    plain = trained(*overrides)
    assert run.facts["answer"] is not None
    assert run.facts["answer"]["average"] == name
    kept = run.facts["answer"]["weights"]
    assert f"weights: {kept} (epoch 2), averaged ({name})\n" in (run.folder / "log.txt").read_text()
    last, _ = checkpoint.load(run.folder / "checkpoints" / "last")
    raw, _ = checkpoint.load(plain.folder / "checkpoints" / "last")
    own = {n: t for n, t in last["training"].items() if n.startswith("learner/")}
    assert same({n.removeprefix("learner/"): t for n, t in own.items()}, raw["weights"])
    assert not same(last["weights"], raw["weights"])
    assert same(last["weights"], copies(run.training.model.state_dict()))

    tested = look_again(run.folder)
    found = {score["name"]: score["value"] for score in tested["scores"]}
    assert found == {s["name"]: s["value"] for s in run.facts["scores"] if s["name"] in found}
    assert tested["weights"]["average"] == name
    assert "average" not in look_again(plain.folder)["weights"]
    assert "average" not in checkpoint.load(plain.folder / "checkpoints" / "last")[1]


def test_it_is_told_where_the_best_weights_are_older_than_the_averages(here: Path) -> None:
    worse = ("optimizer={name: sgd, lr: 3}", "trainer.average={name: swa, from_epoch: 4}")
    run = trained(*NORMED, *worse, "schedule={name: constant}")
    answer = run.facts["answer"]
    assert answer is not None
    assert answer["epoch"] < 4
    assert answer["average"] == "none"
    assert ", not averaged yet\n" in (run.folder / "log.txt").read_text()
