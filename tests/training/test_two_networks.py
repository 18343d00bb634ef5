"""A learner with two networks and two optimizers through the loop that trains one."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pytest
import torch
from small import WINE, built
from torch import Tensor, nn

from dlx.config.fields import Chosen
from dlx.config.learners import LearnerSpec, ScoreSpec
from dlx.config.schema import Checkpoint, Config
from dlx.config.specs import OPTIMIZERS
from dlx.config.specs import learners as specs
from dlx.errors import RunError
from dlx.judging.evaluation import Evaluation
from dlx.learning.build import build_optimizers
from dlx.learning.learner import Learner
from dlx.learning.meters import Meters
from dlx.optimizers.named import Optimizers
from dlx.sources.batches import Batch
from dlx.sources.fold import FoldData
from dlx.testing import check_learner
from dlx.training import checkpoint
from dlx.training.callbacks import Callback
from dlx.training.loop import fit
from dlx.training.recorders import Checkpoints, Recorder
from dlx.training.training import Training

CHANGES = (
    *("trainer.batch_size=8", "trainer.epochs=3", "trainer.accumulate=2", "schedule=cosine"),
    *("trainer.clip_norm=0.5", "optimizer=adam"),
)


class Duel(Learner):
    """One network makes rows of its own, the other tells them from rows of the data."""

    @classmethod
    def build(cls, config: Config, *given: Any) -> Self:
        torch.manual_seed(config.seed)
        maker = nn.Sequential(nn.Linear(2, 13), nn.Dropout(0.2))
        judge = nn.Sequential(nn.Linear(13, 8), nn.ReLU(), nn.Linear(8, 1))
        return cls(config, {"maker": maker, "judge": judge})

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        made = self.networks["maker"](torch.randn(batch.rows, 2))
        return {"loss": self.networks["judge"](made).sigmoid().mean()}

    def step(self, batch: Batch, optimizers: Optimizers, meters: Meters) -> None:
        told: list[tuple[Batch, dict[str, Tensor]]] = []

        def deceive(micro: Batch) -> dict[str, Tensor]:
            told.append((micro, self.losses(micro)))
            return told[-1][1]

        def see_through(micro: Batch) -> dict[str, Tensor]:
            true = self.networks["judge"](micro.inputs["features"]).sigmoid().mean()
            told.append((micro, {"judge": true - self.losses(micro)["loss"]}))
            return told[-1][1]

        optimizers.step("maker", batch, deceive)
        optimizers.step("judge", batch, see_through)
        for micro, losses in told:
            meters.update(micro, losses, {})

    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        return []


class DuelSpec(LearnerSpec):
    can = ("accumulate",)

    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        return {"train/loss": ScoreSpec("min"), "train/judge": ScoreSpec("min")}


@dataclass(frozen=True, kw_only=True)
class Own:
    judge: Chosen | None
    maker: Chosen | None


@dataclass(frozen=True, kw_only=True)
class DuelOptions(specs.Learner):
    spec = f"{__name__}:DuelSpec"
    optimizers: Own


@pytest.fixture(scope="module")
def start() -> tuple[Config, FoldData]:
    config, _, fold, _ = built(*CHANGES, base=WINE)
    return config, fold


class Stop(Callback):
    """Breaks a training off after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, training: Training) -> None:
        training.progress.interrupted = training.progress.step == self.step


def trained(start: tuple[Config, FoldData], folder: Path, stop: int = 0) -> Training:
    """A training in a folder, from its checkpoint if there is one; perhaps broken off."""
    config, fold = start
    learner = Duel.build(config)
    source = learner.source(fold, 0)
    optimizers = build_optimizers(config, learner, source.steps, "min")
    training = Training(learner, optimizers, source, config.trainer, 0)
    folder.mkdir(exist_ok=True)
    recorder = Recorder(folder / "metrics.jsonl")
    kept = Checkpoints(folder / "checkpoints", None, "min", Checkpoint())
    kept.callbacks = {"recorder": recorder}
    kept.restore(training, None)
    fit(training, fold, [recorder, Stop(stop), kept])
    return training


FILES = ("losses.f32", "losses-judge.f32", "metrics.jsonl")


def test_the_losses_of_both_are_on_the_disk_wherever_it_was_broken_off(
    start: tuple[Config, FoldData], tmp_path: Path
) -> None:
    steps = trained(start, tmp_path / "whole").source.steps
    whole = {file: (tmp_path / "whole" / file).read_bytes() for file in FILES}
    assert whole["losses.f32"] != whole["losses-judge.f32"]
    assert {len(whole[file]) for file in FILES[:2]} == {4 * 3 * steps}  # each in two parts
    for stop in (4, steps, 2 * steps + 1):
        folder = tmp_path / str(stop)
        trained(start, folder, stop)
        for file in FILES[:2]:  # what a killed process wrote after its checkpoint
            with (folder / file).open("ab") as stream:
                stream.write(b"more")
        (folder / "losses-other.f32").write_bytes(b"more")
        trained(start, folder)
        assert {file: (folder / file).read_bytes() for file in FILES} == whole, stop
        assert (folder / "losses-other.f32").read_bytes() == b""


def test_losses_that_changed_under_a_checkpoint_are_told_of(
    start: tuple[Config, FoldData], tmp_path: Path
) -> None:
    trained(start, tmp_path, 4)
    file = tmp_path / "losses-judge.f32"
    file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
    with pytest.raises(RunError, match=r"losses-judge\.f32 has changed since the checkpoint"):
        trained(start, tmp_path)


def test_one_network_leaves_one_file(tmp_path: Path) -> None:
    *_, fold, training = built("trainer.epochs=1")
    (tmp_path / "run").mkdir()
    fit(training, fold, [Recorder(tmp_path / "run" / "metrics.jsonl")])
    assert sorted(file.name for file in (tmp_path / "run").iterdir()) == [
        "losses.f32",
        "metrics.jsonl",
    ]


def test_it_trains_and_its_evidence_has_names_for_both(
    start: tuple[Config, FoldData], tmp_path: Path
) -> None:
    training = trained(start, tmp_path)

    tensors, facts = checkpoint.load(tmp_path / "checkpoints" / "last")
    assert {name.partition(".")[0] for name in tensors["weights"]} == {"maker", "judge"}
    assert "optimizers/judge/judge.0.weight/exp_avg" in tensors["training"]
    assert facts["step"] == 3 * training.source.steps
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["lr"] for row in rows] == [row["lr/judge"] for row in rows]
    assert rows[2]["lr"] < rows[0]["lr"] == 0.001
    start_weights = Duel.build(start[0]).state().tensors
    for name, one in training.learner.state().tensors.items():
        assert not torch.equal(one, start_weights[name]), name


def test_it_keeps_the_contract() -> None:
    """Stopped after any step and resumed it is the training that never was, and the rest."""
    check_learner("task=wine", *CHANGES, learner=Duel, spec=DuelSpec())


def test_why_it_diverged_names_the_rates_of_both(start: tuple[Config, FoldData]) -> None:
    config, fold = start
    learner = Duel.build(config)
    optimizers = build_optimizers(config, learner, 10, "min")
    training = Training(learner, optimizers, learner.source(fold, 0), config.trainer, 0)

    hint = training._divergence("x", 1).hint

    assert hint is not None
    assert "(it is 0.001, 0.001: try optimizer.lr=0.0001)" in hint


def test_why_it_diverged_names_the_optimizer_of_the_highest_rate(
    start: tuple[Config, FoldData],
) -> None:
    config, fold = start
    own = Own(judge=OPTIMIZERS.default("sgd", lr=0.5)(), maker=None)
    config = replace(config, learner=Chosen("duel", DuelOptions(optimizers=own), ""))
    learner = Duel.build(config)
    optimizers = build_optimizers(config, learner, 10, "min")
    training = Training(learner, optimizers, learner.source(fold, 0), config.trainer, 0)

    assert type(optimizers.members["judge"].optimizer) is torch.optim.SGD
    assert type(optimizers.members["maker"].optimizer) is torch.optim.Adam
    hint = training._divergence("x", 1).hint
    assert hint is not None
    assert "(it is 0.001, 0.5: try learner.optimizers.judge.lr=0.01)" in hint


def test_each_loss_must_be_a_number(start: tuple[Config, FoldData]) -> None:
    class Lost(Duel):
        def losses(self, batch: Batch) -> dict[str, Tensor]:
            return {**super().losses(batch), "other": torch.tensor(torch.nan)}

    config, fold = start
    learner = Lost.build(config)
    optimizers = build_optimizers(config, learner, 10, "min")
    training = Training(learner, optimizers, learner.source(fold, 0), config.trainer, 0)
    with pytest.raises(RunError, match="the training loss other is not a number"):
        fit(training, fold)
    with pytest.raises(RunError, match="the training loss other is not a number"):
        training.check_outputs()
