"""A learner with two networks and two optimizers through the loop that trains one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from small import WINE, built
from torch import Tensor, nn

from dlx.config.schema import Checkpoint, Config
from dlx.learning.build import build_optimizers
from dlx.learning.learner import Learner
from dlx.learning.meters import Meters
from dlx.optimizers.named import Optimizers
from dlx.sources.batches import Batch
from dlx.sources.fold import FoldData
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

    def __init__(self, config: Config) -> None:
        torch.manual_seed(0)
        maker = nn.Sequential(nn.Linear(2, 13), nn.Dropout(0.2))
        judge = nn.Sequential(nn.Linear(13, 8), nn.ReLU(), nn.Linear(8, 1))
        super().__init__(config, {"maker": maker, "judge": judge})
        self.moved: list[str] = []

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


class Stop(Callback):
    """Asks to stop after a step."""

    def __init__(self, at: int) -> None:
        self._at = at

    def on_step_end(self, training: Training) -> None:
        training.progress.interrupted = training.progress.step >= self._at


@pytest.fixture(scope="module")
def start() -> tuple[Config, FoldData]:
    config, _, fold, _ = built(*CHANGES, base=WINE)
    return config, fold


def trained(start: tuple[Config, FoldData], folder: Path, stop: int = 10**6) -> Training:
    """A training in a folder, from where it was left, to the end or to a step."""
    config, fold = start
    folder.mkdir(exist_ok=True)
    learner = Duel(config)
    source = learner.source(fold, 0)
    optimizers = build_optimizers(config, learner, source.steps, "min")
    training = Training(learner, optimizers, source, config.trainer, 0)
    recorder = Recorder(folder / "metrics.jsonl")
    kept = Checkpoints(folder / "checkpoints", None, "min", Checkpoint())
    kept.callbacks = {"recorder": recorder}
    kept.restore(training, None)
    fit(training, fold, [recorder, kept, Stop(stop)])
    return training


def evidence(folder: Path) -> dict[str, Any]:
    tensors, facts = checkpoint.load(folder / "checkpoints" / "last")
    facts["callbacks"]["checkpoints"].pop("seconds")
    files = {name: (folder / name).read_bytes() for name in ("metrics.jsonl", "losses.f32")}
    found = {
        f"{kind}/{n}": t.numpy().tobytes() for kind in tensors for n, t in tensors[kind].items()
    }
    return {**files, **found, "facts": facts}


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
    start_weights = Duel(start[0]).state().tensors
    for name, one in training.learner.state().tensors.items():
        assert not torch.equal(one, start_weights[name]), name


@pytest.mark.parametrize("at", [1, 13, 20])
def test_stopped_and_resumed_it_is_the_training_that_never_was(
    start: tuple[Config, FoldData], tmp_path: Path, at: int
) -> None:
    trained(start, tmp_path / "whole")

    trained(start, tmp_path / "broken", stop=at)
    torch.rand(7)
    trained(start, tmp_path / "broken")

    assert evidence(tmp_path / "broken") == evidence(tmp_path / "whole")


def test_why_it_diverged_names_the_rates_of_both(start: tuple[Config, FoldData]) -> None:
    config, fold = start
    learner = Duel(config)
    optimizers = build_optimizers(config, learner, 10, "min")
    training = Training(learner, optimizers, learner.source(fold, 0), config.trainer, 0)

    hint = training._diverged("x", 1).hint

    assert hint is not None
    assert "(it is 0.001, 0.001: try optimizer.lr=0.0001)" in hint
