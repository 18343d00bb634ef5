"""A learner with two networks and two optimizers through the loop that trains one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import pytest
import torch
from small import WINE, built
from torch import Tensor, nn

from dlx.config.learners import LearnerSpec, ScoreSpec
from dlx.config.schema import Checkpoint, Config
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
            return {"loss": true - self.losses(micro)["loss"]}

        optimizers.step("judge", batch, see_through)
        optimizers.step("maker", batch, deceive)
        for micro, losses in told:
            meters.update(micro, losses, {})

    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        return []


class DuelSpec(LearnerSpec):
    can = ("accumulate",)

    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        return {"train/loss": ScoreSpec("min")}


@pytest.fixture(scope="module")
def start() -> tuple[Config, FoldData]:
    config, _, fold, _ = built(*CHANGES, base=WINE)
    return config, fold


def trained(start: tuple[Config, FoldData], folder: Path) -> Training:
    """A training in a folder."""
    config, fold = start
    learner = Duel.build(config)
    source = learner.source(fold, 0)
    optimizers = build_optimizers(config, learner, source.steps, "min")
    training = Training(learner, optimizers, source, config.trainer, 0)
    recorder = Recorder(folder / "metrics.jsonl")
    kept = Checkpoints(folder / "checkpoints", None, "min", Checkpoint())
    kept.callbacks = {"recorder": recorder}
    fit(training, fold, [recorder, kept])
    return training


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
