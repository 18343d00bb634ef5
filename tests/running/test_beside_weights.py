"""What a learner keeps beside its weights: it is resumed, and no part of the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from small import loaded, status_of, the_run

from dlx.errors import Interrupted
from dlx.learning.supervised import Supervised
from dlx.running.resume import load_resumable
from dlx.running.train import train
from dlx.state import State
from dlx.training import checkpoint
from dlx.training.callbacks import Callback
from dlx.training.training import Training


class Remembering(Supervised):
    """Its losses depend on all the losses before."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.memory, self.steps = torch.zeros(()), 0

    def compute(self, batch: Any) -> Any:
        losses, logits = super().compute(batch)
        if self.model.training:
            self.memory, self.steps = self.memory + losses["loss"].detach(), self.steps + 1
            losses = {"loss": losses["loss"] * (1 + self.memory / self.steps)}
        return losses, logits

    def state(self) -> State:
        return State({**super().state().tensors, "memory": self.memory}, {"steps": self.steps})

    def restore(self, state: State) -> None:
        tensors = dict(state.tensors)
        self.memory, self.steps = tensors.pop("memory"), state.facts["steps"]
        super().restore(State(tensors))


class Stop(Callback):
    def on_step_end(self, training: Training) -> None:
        training.progress.interrupted = training.progress.step >= 4


def test_a_resumed_run_and_a_second_look_find_what_they_need(
    monkeypatch: pytest.MonkeyPatch, cli: Any
) -> None:
    monkeypatch.setattr("dlx.learning.supervised.Supervised", Remembering)
    whole = train(loaded("run.root=whole", "trainer.batch_size=10"), lambda _: None).folder
    broken = loaded("run.root=broken", "trainer.batch_size=10")
    with pytest.raises(Interrupted):
        train(broken, lambda _: None, [Stop()])
    folder = the_run(Path("broken"))
    train(load_resumable(folder), lambda _: None, resume=folder)

    for name in ("losses.f32", "metrics.jsonl", "predictions.csv"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes()
    tensors, facts = checkpoint.load(folder / "checkpoints" / "last")
    assert facts["learner"] == {"steps": facts["step"]}
    assert "learner/memory" in tensors["training"]
    assert "memory" not in {*tensors["weights"], *tensors["best"]}
    before = status_of(folder)["scores"]
    assert cli("test", str(folder)).code == 0
    assert status_of(folder)["scores"] == before
