"""A training that diverged has no score, wherever that shows; an undefined metric is none."""

from __future__ import annotations

import json
import math
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import torch
from small import built, loaded, rows_of, status_of, the_run, trained

from dlx.errors import RunError
from dlx.metrics.classes import Accuracy
from dlx.running.train import train
from dlx.training import checkpoint
from dlx.training.callbacks import Callback
from dlx.training.loop import fit
from dlx.training.training import Training

LAST_STEP = ("optimizer=sgd", "optimizer.lr=1e30", "trainer.epochs=1", "trainer.batch_size=400")
DIABETES = ("task=diabetes", "trainer.threads=1", *LAST_STEP)


def looks() -> int:
    """How often a test set has been evaluated on."""
    file = Path("runs/ledger.sqlite")
    if not file.exists():
        return 0
    with sqlite3.connect(file) as ledger:
        found: int = ledger.execute("select count(*) from looks").fetchone()[0]
    return found


@pytest.mark.parametrize(
    ("overrides", "what"),
    [
        ((), "the validation loss is infinite"),
        (("protocol=kfold", "protocol.k=3"), "the validation loss is infinite"),
        (("final=only",), "the training loss is infinite"),
        (("protocol=train_test",), "the training loss is infinite"),
    ],
    ids=["holdout", "folds", "final model", "no validation"],
)
def test_a_last_step_that_diverges_fails_the_run_before_the_test_set(
    overrides: tuple[str, ...], what: str
) -> None:
    with pytest.raises(RunError, match=what) as caught:
        trained(*overrides, base=DIABETES)

    assert caught.value.exit_code == 1
    assert caught.value.problems[0].where == "epoch 1, step 1"
    status = status_of(the_run())
    assert (status["state"], status["reason"]) == ("failed", str(caught.value))
    assert {"scores", "answer", "best_epoch"}.isdisjoint(status)
    assert looks() == 0


def test_a_trial_that_diverges_in_its_last_step_fails_with_the_reason(
    cli: Any, in_process: None
) -> None:
    found = cli("train", "-m", *DIABETES, "optimizer.lr=1e30,0.00001", "test=false")

    assert found.code == 1
    assert "optimizer.lr=1e+30: failed: the validation loss is infinite" in found.out


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_validation_loss_that_is_no_number_is_told_to_no_callback(
    monkeypatch: pytest.MonkeyPatch, bad: float
) -> None:
    """Neither the curves nor the best weights know of the epoch."""
    _, _, fold, training = built("trainer.epochs=3")
    told: list[int] = []

    class Ends(Callback):
        def on_epoch_end(self, training: Training, scores: Any) -> None:
            told.append(training.progress.epoch)

    real = training.learner.compute

    def poisoned(batch: Any) -> Any:
        losses, logits = real(batch)
        if not training.model.training and training.progress.epoch == 1:
            losses = {"loss": losses["loss"] * bad}
        return losses, logits

    monkeypatch.setattr(training.learner, "compute", poisoned)
    with pytest.raises(RunError, match="the validation loss is") as caught:
        fit(training, fold, [Ends()])

    assert told == [1]
    assert caught.value.problems[0].where == f"epoch 2, step {2 * training.source.steps}"


class Spoil(Callback):
    """Makes weights infinite within an epoch, where no loss has shown it yet."""

    def on_step_end(self, training: Training) -> None:
        if training.progress.step == 7:
            with torch.no_grad():
                training.parameters[-1].fill_(math.inf)


def test_a_checkpoint_within_an_epoch_holds_no_weight_that_is_no_number() -> None:
    config = loaded("trainer.epochs=3", "trainer.batch_size=8", "checkpoint.every_steps=1")
    spoil, run_stage = Spoil(), Training.step

    def step(self: Training, batch: Any) -> None:
        run_stage(self, batch)
        spoil.on_step_end(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "step", step)
        with pytest.raises(RunError, match=r"heads\.cultivar\.bias is not finite"):
            train(config, lambda _: None)

    tensors, state = checkpoint.load(the_run() / "checkpoints" / "last")
    assert state["step"] == 6
    assert all(tensor.isfinite().all() for tensor in tensors["weights"].values())


@pytest.mark.parametrize("undefined", [{1}, {1, 2, 3}], ids=["at an epoch", "at every epoch"])
def test_an_epoch_whose_monitored_score_is_undefined_is_never_the_best(
    monkeypatch: pytest.MonkeyPatch, undefined: set[int]
) -> None:
    """A metric without a value is no divergence: the run is done, and says what it kept."""
    real, calls = Accuracy.compute, iter(range(1, 10**6))

    def compute(self: Accuracy) -> float:
        # training and validation are scored in turn, an epoch each
        return math.nan if -(-next(calls) // 2) in undefined else real(self)

    monkeypatch.setattr(Accuracy, "compute", compute)
    overrides = ("trainer.epochs=3", "trainer.monitor=val/accuracy", "test=false")
    run = trained(*overrides)

    best = json.loads((run.folder / "report.json").read_text())["best_epoch"]
    if undefined == {1}:
        assert best in (2, 3)
        assert status_of(run.folder)["best_epoch"] == best
    else:
        assert best is None
        assert run.facts["answer"]["weights"] == "last"
    assert len(rows_of(run.folder)) == 3
