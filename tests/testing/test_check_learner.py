"""Every learner keeps its contract, with whatever it is trained by; a broken one is told how."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
import torch
from torch.nn import Parameter

from dlx.config.load import load
from dlx.config.schema import Config
from dlx.config.specs import AVERAGES, LEARNERS, MODELS, OPTIMIZERS, SCHEDULES
from dlx.config.specs.optimizers import groups_of
from dlx.config.specs.pictures import Decoding
from dlx.judging.evaluation import Evaluation
from dlx.learning.supervised import Supervised
from dlx.runs.artifacts import Artifacts
from dlx.state import State
from dlx.testing import BrokenContract, check_learner

SHIPPED = sorted(file.stem for file in Path(__file__).parents[2].glob("configs/task/*.yaml"))
WINE = ("task=wine",)
DIGITS = ("task=digits",)
TEXTS = ("task=imdb", "prepare.steps=[{name: truncate, length: 20}]", "trainer.bucket=length")


def shortened(task: str) -> tuple[str, ...]:
    """A task with small pictures, and with no more epochs than its last stage needs."""
    config = load([f"task={task}", "dataset.sample=true"]).config
    size = ("dataset.size=48",) if isinstance(config.dataset.options, Decoding) else ()
    starts = [group.from_epoch for group in groups_of(config.optimizer).values()]
    last = max((start for start in starts if isinstance(start, int)), default=0)
    if config.learner.name == "language_model":
        size = ("learner.shown=10", "learner.network.units=8")
    if config.dataset.options.kind == "environment":
        size = ("dataset.copies=2", "dataset.max_steps=6", "learner.steps_per_epoch=8")
        size += ("learner.validation_episodes=3", "model.units=[4]", "trainer.batch_size=5")
        size += ("learner.rollout=4", "learner.passes=2") if config.learner.name == "ppo" else ()
        size += ("learner.warm_up=4", "learner.buffer=12") if config.learner.name == "dqn" else ()
    if config.trainer.epochs == 1 and not config.trainer.steps_per_epoch:
        size = ("trainer.epochs=1",)  # all is found in one step
    if config.baseline == "boosting":
        size += ("baseline=simple",)  # trees have tests of their own
    if config.dataset.options.kind == "picture":
        size = ("dataset.size=64", "trainer.epochs=2", "trainer.steps_per_epoch=2")
        size += ("optimizer.max_iter=2",) if config.optimizer.name == "lbfgs" else ()
    return (f"task={task}", *size, *([f"trainer.epochs={last}"] if last > 2 else []))


PARTS = {
    "mlp": ("task=imdb", "model.dropout=0.3", "model.l2=0.01", "model.batch_norm=true"),
    "layers": (
        *TEXTS,
        "model={name: layers, layers: [{embedding: 4}, {lstm: 4}, {dropout: 0.3}]}",
    ),
    "recurrent": (
        *TEXTS,
        "model={name: recurrent, cell: gru, units: [4], embedding: 4, bidirectional: sum, "
        "dropout: 0.3, recurrent_dropout: 0.3}",
    ),
    "conv1d": (*TEXTS, "model={name: conv1d, channels: [4, 4], kernel: 3, pool: 2, embedding: 4}"),
    "transformer": (*TEXTS, "model={name: transformer, embedding: 4, units: [4], dropout: 0.3}"),
    "graph": (
        *WINE,
        "model={name: graph, nodes: {one: {of: [features], layers: [{linear: 13}, dropout]}, "
        "two: {of: [one], like: one}, both: {of: [two, one], join: add, layers: [batch_norm]}}}",
    ),
    "convnet": ("task=mnist", "protocol=holdout", "model={name: convnet, channels: [2, 4]}"),
    "vgg": (*DIGITS, "model={name: vgg, channels: [2, 4], dropout: 0.3, batch_norm: true}"),
    "residual": (*DIGITS, "model={name: residual, channels: [2, 4], depth: [1]}"),
    "xception": (*DIGITS, "model={name: xception, channels: [2, 4], stem: 2, kernel: 3}"),
    "pretrained": shortened("cats_vs_dogs_frozen"),
    "sgd": (*WINE, "optimizer={name: sgd, momentum: 0.9}", "trainer.accumulate=2"),
}
"""What components need to be told, by name; all others are tried as they are."""


def test_every_learner_has_a_task() -> None:
    loaded = [load([f"task={task}", "dataset.sample=true"]) for task in SHIPPED]
    of_runs = {"ensemble"}  # its members are finished ones: tests/running/test_ensembles.py
    assert {one.config.learner.name for one in loaded} == {*LEARNERS.entries} - of_runs


COSTLY = ("jena", "imdb_naive_bayes", "imdb_ngrams", "mnist_best", "cats_vs_dogs_xception")
COSTLY += (
    "nietzsche",
    "nietzsche_best",
    "cats_vs_dogs_base_trains",
    "cats_vs_dogs_finetune",
    "cats_vs_dogs_frozen",
    *("deepdream_inception", "deepdream_own", "style_vgg19"),
    *("cartpole", "cartpole_dqn", "cartpole_reinforce"),
    *("frogs_gan", "mnist_gan", "mnist_diffusion", "mnist_vae"),
    *("mnist_autoencoder", "mnist_masked", "scene"),
)
"""Tasks whose learner, model and kind of data another one has too, for less."""


@pytest.mark.parametrize(
    "task", [pytest.param(t, marks=pytest.mark.slow) if t in COSTLY else t for t in SHIPPED]
)
def test_whatever_the_task(task: str) -> None:
    check_learner(*shortened(task))


@pytest.mark.parametrize("name", MODELS.entries)
def test_whatever_the_model(name: str) -> None:
    check_learner(*PARTS.get(name, (*WINE, f"model={name}")))


@pytest.mark.parametrize("name", OPTIMIZERS.entries)
def test_whatever_the_optimizer(name: str) -> None:
    check_learner(*PARTS.get(name, (*WINE, f"optimizer={name}")))


@pytest.mark.parametrize("name", [name for name in AVERAGES.entries if name != "none"])
def test_whatever_the_average(name: str) -> None:
    check_learner(*WINE, f"trainer.average.name={name}", "model.batch_norm=true")


def test_micro_batches_of_a_coarse_type_are_compared_in_full_precision() -> None:
    check_learner(*WINE, "trainer.precision=bfloat16")


@pytest.mark.parametrize("name", SCHEDULES.entries)
def test_whatever_the_schedule(name: str) -> None:
    check_learner(*PARTS.get(name, (*WINE, f"schedule={name}")))


def test_without_validation() -> None:
    check_learner(*WINE, "protocol=train_test")


class Broken(Supervised):
    """Each subclass breaks one clause."""

    found = ""
    """What is told of it."""


class DrawsItsStart(Broken):
    found = (
        "broken: the same seed gives the same bits, at the start\n  found: body.0.weight differs"
    )

    @classmethod
    def build(cls, *given: Any) -> Self:
        made = super().build(*given)
        torch.nn.init.normal_(next(made.model.parameters()))
        return made


class KnowsOneSeed(Broken):
    found = "broken: another seed gives other starting weights\n  found: the same ones"

    @classmethod
    def build(cls, config: Config, *given: Any) -> Self:
        return super().build(replace(config, seed=7), *given)


class ForgetsParameters(Broken):
    found = (
        "broken: groups() has each parameter that requires gradients once, and nothing else\n"
        "  found: body.0.weight 0 times"
    )

    def groups(self) -> dict[str, list[Parameter]]:
        return {"model": list(self.model.parameters())[1:]}


class MovesOneTwice(Broken):
    found = (
        "broken: groups() has each parameter that requires gradients once, and nothing else\n"
        "  found: body.0.weight 2 times"
    )

    def groups(self) -> dict[str, list[Parameter]]:
        return {**super().groups(), "again": list(self.model.parameters())[:1]}


class MovesAStranger(Broken):
    found = (
        "broken: groups() has each parameter that requires gradients once, and nothing else\n"
        "  found: a tensor that no network has"
    )

    def groups(self) -> dict[str, list[Parameter]]:
        return {**super().groups(), "other": [Parameter(torch.zeros(2))]}


class KeepsNoWeights(Broken):
    found = "broken: state() has every weight under its name\n  found: no body.0.weight"

    def state(self) -> State:
        return State({n: t for n, t in super().state().tensors.items() if n != "body.0.weight"})


class KeepsASet(Broken):
    found = (
        "broken: state() holds tensors, and facts that JSON can hold\n"
        "  found: TypeError: Object of type set is not JSON serializable"
    )

    def state(self) -> State:
        return State(super().state().tensors, {"seen": {1, 2}})


class StandsStill(Broken):
    found = (
        "broken: step() moves something of every group, and nothing else\n"
        "  found: nothing of model has moved"
    )

    def step(self, batch: Any, optimizers: Any, meters: Any) -> None:
        meters.update(batch, *self.compute(batch))


class MovesWhatIsFrozen(Broken):
    found = (
        "broken: step() moves something of every group, and nothing else\n"
        "  found: body.0.bias has moved"
    )

    @classmethod
    def build(cls, *given: Any) -> Self:
        made = super().build(*given)
        made.model.get_parameter("body.0.bias").requires_grad_(False)
        return made

    def step(self, batch: Any, optimizers: Any, meters: Any) -> None:
        super().step(batch, optimizers, meters)
        self.model.get_parameter("body.0.bias").add_(1)


class ValidatesNothing(Broken):
    found = (
        "broken: every epoch has the scores that the spec promises for each\n"
        "  found: epoch 1 without val/loss, val/accuracy"
    )

    def validate(self, fold: Any) -> dict[str, float]:
        return {}


class DrawsFromAnywhere(Broken):
    found = (
        "broken: the same seed gives the same bits, whether or not artifacts are written\n"
        "  found: learner/body.0.weight differs"
    )

    def compute(self, batch: Any) -> Any:
        losses, logits = super().compute(batch)
        return {"loss": losses["loss"] * (1 + random.random())}, logits


class TrainsWhileItDraws(Broken):
    found = DrawsFromAnywhere.found

    def artifacts(self, into: Artifacts, when: str) -> None:
        with torch.no_grad():
            next(self.model.parameters()).mul_(1.5)


class ForgetsHowFarItIs(Broken):
    found = (
        "broken: stopped after step 1 and resumed, it is the training that never stopped\n"
        "  found: learner/body.0.weight differs"
    )
    steps = 0

    def compute(self, batch: Any) -> Any:
        losses, logits = super().compute(batch)
        self.steps += self.model.training
        return {"loss": losses["loss"] / max(1, self.steps)}, logits


class NeverDrawsTheSame(Broken):
    found = (
        "broken: artifacts that are written twice have the same bytes\n"
        "  found: artifacts/draw-1.json differs"
    )

    def artifacts(self, into: Artifacts, when: str) -> None:
        into.texts("draw", {"number": str(random.random())})


class DrawsWhatIsNotThere(Broken):
    found = (
        'broken: artifacts(into, "epoch") can be called\n'
        "  found: AttributeError: 'DrawsWhatIsNotThere' object has no attribute 'picture'"
    )

    def artifacts(self, into: Artifacts, when: str) -> None:
        into.pictures("picture", self.picture)  # type: ignore[attr-defined]


class BeatsNothing(Broken):
    found = (
        "broken: every evaluation has baselines\n"
        "  found: ValueError: val/accuracy has no baselines: no score without what it must beat "
        "(docs/design.md, Evaluation)"
    )

    def _baselines(self, *given: Any) -> Iterator[Any]:
        return iter(())


class TakesLessForMore(Broken):
    found = (
        "broken: the spec knows every score that is evaluated, and its direction\n"
        "  found: val/accuracy min"
    )

    def evaluations(self, fold: Any, part: str) -> list[Evaluation]:
        first, *rest = super().evaluations(fold, part)
        return [replace(first, direction="min"), *rest]


class ScoresWhatNobodyAsked(Broken):
    found = (
        "broken: the spec knows every score that is evaluated, and its direction\n"
        "  found: val/beauty max"
    )

    def evaluations(self, fold: Any, part: str) -> list[Evaluation]:
        first, *rest = super().evaluations(fold, part)
        return [first, replace(first, score="val/beauty"), *rest]


class JudgesByAnother(Broken):
    found = "broken: the score that the spec judges by is evaluated first\n  found: val/loss"

    def evaluations(self, fold: Any, part: str) -> list[Evaluation]:
        return super().evaluations(fold, part)[::-1]


class LearnsFromWhatItScores(Broken):
    found = (
        "broken: validate(), evaluations() and artifacts() change no state\n"
        "  found: body.0.weight differs"
    )

    def evaluations(self, fold: Any, part: str) -> list[Evaluation]:
        found = super().evaluations(fold, part)
        with torch.no_grad():
            next(self.model.parameters()).zero_()
        return found[:1]


class ScoresByMoreThanWeights(Broken):
    found = (
        "broken: the weights alone have the same scores, as in `dlx test`\n"
        "  found: val/loss of model differs"
    )
    steps = 1

    def step(self, batch: Any, optimizers: Any, meters: Any) -> None:
        super().step(batch, optimizers, meters)
        self.steps += 1

    def compute(self, batch: Any) -> Any:
        losses, logits = super().compute(batch)
        return {
            "loss": losses["loss"] if self.model.training else losses["loss"] * self.steps
        }, logits

    def state(self) -> State:
        return State(super().state().tensors, {"steps": self.steps})

    def restore(self, state: State) -> None:
        super().restore(state)
        self.steps = state.facts["steps"]


class AddsLossesUp(Broken):
    found = (
        "broken: the micro-batches of a batch move the weights as the batch does\n"
        "  found: body.0.weight is another with 2 of them"
    )

    def compute(self, batch: Any) -> Any:
        losses, logits = super().compute(batch)
        return {"loss": losses["loss"] * batch.rows}, logits


class NamesALossLikeNoFile(Supervised):
    """Two optimizers, as the losses that are told beside the first are kept then."""

    second = "the second"

    def groups(self) -> dict[str, list[Parameter]]:
        first, *rest = self.model.parameters()
        return {"model": rest, "first": [first]}

    def compute(self, batch: Any) -> Any:
        losses, logits = super().compute(batch)
        return {**losses, self.second: losses["loss"] / 2, "a-b": losses["loss"]}, logits

    def step(self, batch: Any, optimizers: Any, meters: Any) -> None:
        optimizers.step("first", batch, self.losses)
        super().step(batch, optimizers, meters)


@pytest.mark.parametrize("second", ["the second", "a/b"])
def test_losses_that_no_files_can_hold_are_told(second: str) -> None:
    broken = type("Broken", (NamesALossLikeNoFile,), {"second": second})
    with pytest.raises(BrokenContract) as caught:
        check_learner(*WINE, learner=broken)
    clause = "each loss has a name that a file of its own can have"
    assert str(caught.value).startswith(f"broken: {clause}\n")
    check_learner(*WINE, learner=type("Sound", (NamesALossLikeNoFile,), {"second": "other"}))


@pytest.mark.parametrize("broken", Broken.__subclasses__(), ids=lambda one: one.__name__)
def test_a_broken_learner_is_told_its_clause(broken: type[Broken]) -> None:
    with pytest.raises(BrokenContract) as caught:
        check_learner(*WINE, learner=broken)

    assert str(caught.value) == broken.found
