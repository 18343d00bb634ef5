from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from small import built, loaded, rows_of, trained

from dlx.config.specs import callbacks as specs
from dlx.errors import UsageError
from dlx.judging.folds import Improvement
from dlx.training.callbacks import Callback, EarlyStopping, TimeLimit
from dlx.training.loop import fit
from dlx.training.training import Progress

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("direction", "min_delta", "scores", "better"),
    [
        ("min", 0, [3, 2, 2, 1.9, 5], [1, 1, 0, 1, 0]),
        ("max", 0, [0.1, 0.1, 0.2, 0.15, 0.21], [1, 0, 1, 0, 1]),
        ("min", 0.5, [3, 2.5, 2.4, 2.45, 1.8], [1, 0, 1, 0, 1]),
        ("max", 0.5, [0, 0.5, 0.6, 1.0, 1.2], [1, 0, 1, 0, 1]),
        ("min", 0, [NAN, 3, NAN, -INF, 2, INF], [0, 1, 0, 0, 1, 0]),
        ("max", 0, [-INF, NAN, -5, INF], [0, 0, 1, 0]),
    ],
)
def test_only_a_number_that_is_better_by_enough_is_better(
    direction: str, min_delta: float, scores: list[float], better: list[int]
) -> None:
    improvement = Improvement(direction, min_delta)

    assert [improvement.update(score) for score in scores] == list(map(bool, better))


def stopped_at(scores: list[float], direction: str = "min", **options: Any) -> tuple[int, str]:
    """The epoch after which it stops (0: never), and what it says."""
    training: Any = SimpleNamespace(progress=SimpleNamespace(stop="", epoch=0))
    callback = EarlyStopping(specs.EarlyStopping(**options), "val/loss", direction)
    for epoch, score in enumerate(scores, start=1):
        training.progress.epoch = epoch
        callback.on_epoch_end(training, {"val/loss": score, "val/other": -epoch})
        if training.progress.stop:
            return epoch, training.progress.stop
    return 0, ""


@pytest.mark.parametrize(
    ("patience", "scores", "epoch"),
    [
        (1, [3, 2, 2.5], 3),
        (1, [3, 3], 2),
        (2, [3, 4, 2, 4, 4, 1], 5),
        (2, [3, 4, 2, 4, 1, 4], 0),
        (3, [3, 4, 4, 4, 1], 4),
        (3, [3, 4, 4], 0),
        (2, [NAN, 3, NAN, NAN], 4),
    ],
)
def test_it_stops_after_so_many_epochs_in_a_row(
    patience: int, scores: list[float], epoch: int
) -> None:
    assert stopped_at(scores, patience=patience)[0] == epoch


def test_small_changes_do_not_count() -> None:
    assert stopped_at([3, 2.95, 2.9, 2.85], patience=3, min_delta=0.2)[0] == 4
    assert stopped_at([0.5, 0.55, 0.6], "max", patience=2, min_delta=0.2)[0] == 3


@pytest.mark.parametrize(
    ("direction", "options", "scores", "kerases"),
    [
        ("max", {"patience": 1}, [0.7, 0.8, 0.8, 0.9, 0.9, 0.8], (3, 6)),
        ("max", {"patience": 1}, [0.9, 0.8, 0.7], (2, 3)),
        ("min", {"patience": 2}, [3, 2, 2, 1, 1, 1, 1], (6, 7)),
        ("min", {"patience": 2}, [3, 4, 4, 1, 4, 4, 4], (3, 7)),
        ("min", {"patience": 3, "min_delta": 0.5}, [3, 2.75, 2.5, 2.25, 2.0, 1.75], (0, 0)),
        ("min", {"patience": 2, "min_delta": 0.5}, [3, 2.75, 2.5, 2.25, 2.0, 1.75], (3, 0)),
        ("min", {"patience": 3}, [1, 2, 2], (0, 0)),
    ],
)
def test_both_rules_are_those_of_both_kerases(
    direction: str, options: dict[str, Any], scores: list[float], kerases: tuple[int, int]
) -> None:
    """What Keras 3.15.1 and Keras 2.0.8, the book's, were seen to do with these curves."""
    rules = ("at_patience", "past_patience")

    found = tuple(stopped_at(scores, direction, stops=rule, **options)[0] for rule in rules)

    assert found == kerases


@pytest.mark.parametrize(
    ("options", "scores", "keras"),
    [
        ({"patience": 1, "from_epoch": 3}, [1, 2, 3, 4], 4),
        ({"patience": 2, "from_epoch": 3}, [1, 2, 3, 4, 2, 3, 4], 7),
        ({"patience": 2, "baseline": 0.5}, [3, 2, 1, 0.75], 0),
        ({"patience": 2, "baseline": 0.5}, [3, 2, 1, 1], 4),
        ({"patience": 2, "baseline": 0.5}, [3, 0.25, 1, 1], 4),
        ({"patience": 2, "baseline": 0.5, "from_epoch": 2}, [0.1, 3, 2, 4], 4),
    ],
)
def test_warm_up_and_baseline_are_those_of_keras(
    options: dict[str, Any], scores: list[float], keras: int
) -> None:
    """What Keras 3.15.1 was seen to do, whose `start_from_epoch` counts from 0."""
    assert stopped_at(scores, **options)[0] == keras


def test_it_says_why_it_stopped() -> None:
    assert stopped_at([3, 2.123456, 4, 4], patience=2)[1] == (
        "val/loss has not improved for 2 epochs in a row, at patience 2 (best 2.123 after epoch 2)"
    )
    assert stopped_at([3, 4], patience=1)[1] == (
        "val/loss has not improved for 1 epoch, at patience 1 (best 3 after epoch 1)"
    )
    assert stopped_at([3, 4, 4], patience=1, stops="past_patience")[1] == (
        "val/loss has not improved for 2 epochs in a row, past patience 1 (best 3 after epoch 1)"
    )
    assert stopped_at([NAN, NAN], patience=2)[1] == (
        "val/loss has not improved for 2 epochs in a row, at patience 2 (it was never a number)"
    )
    assert stopped_at([3, 2, 2], patience=2, baseline=1.5)[1] == (
        "val/loss has not beaten the baseline 1.5 for 3 epochs in a row, at patience 2 "
        "(best 2 after epoch 2)"
    )


def test_a_training_stops_early_and_takes_its_best_weights() -> None:
    run = trained(
        "trainer.epochs=200",
        "optimizer.lr=0.05",
        "callbacks={early_stopping: {patience: 4}}",
    )

    losses = [row["val/loss"] for row in rows_of(run.folder)]
    best = losses.index(min(losses)) + 1
    assert len(losses) == best + 4 < 200
    assert run.facts["best_epoch"] == best
    why = "val/loss has not improved for 4 epochs in a row, at patience 4 "
    why += f"(best {min(losses):.4g} after epoch {best})"
    assert run.facts["stopped"] == why
    by = "callbacks.early_stopping"
    assert run.facts["stops"] == {"0": {"epoch": len(losses), "by": by, "why": why}}
    log = (run.folder / "log.txt").read_text("utf-8")
    assert f"stopped after epoch {len(losses)} by {by}: {why}\n" in log


def test_a_training_score_may_end_a_training_and_chooses_no_epoch() -> None:
    """The book's own call: `EarlyStopping(monitor='acc', patience=1)`, by its rule."""
    watched = "callbacks={early_stopping: {monitor: train/accuracy, patience: 1, %s}}"
    run = trained("trainer.epochs=60", watched % "stops: past_patience")

    rows = rows_of(run.folder)
    scores, losses = ([row[name] for row in rows] for name in ("train/accuracy", "val/loss"))
    assert stopped_at(scores, "max", patience=1, stops="past_patience")[0] == len(scores) < 60
    assert run.facts["best_epoch"] == losses.index(min(losses)) + 1

    without = trained("protocol=train_test", "trainer.epochs=60", watched % "min_delta: 0")
    assert without.facts["stops"]["0"]["by"] == "callbacks.early_stopping"


class Stops(Callback):
    def __init__(self, why: str, step: int = 0) -> None:
        self.why, self.step, self.key = why, step, why

    def on_step_end(self, training: Any) -> None:
        if self.step == training.progress.step:
            training.progress.stop = self.why

    def on_epoch_end(self, training: Any, scores: Any) -> None:
        training.progress.stop = self.why


def test_the_first_reason_to_stop_stands() -> None:
    _, _, fold, training = built()
    fit(training, fold, [Stops("one"), Stops("two")])
    assert (training.progress.stop, training.progress.stopped_by) == ("one", "one")

    _, _, fold, training = built()
    fit(training, fold, [Stops("one"), Stops("two", step=1)])
    progress = Progress()
    progress.restore(training.progress.state())
    progress.stop = "three"
    progress.note_stop("three")
    assert (progress.stop, progress.stopped_by, progress.epoch) == ("two", "two", 1)


def test_early_stopping_watches_its_own_score() -> None:
    run = trained(
        "trainer.epochs=30",
        "callbacks={early_stopping: {patience: 3, monitor: val/accuracy}}",
    )

    scores = [row["val/accuracy"] for row in rows_of(run.folder)]
    best = scores.index(max(scores)) + 1
    assert len(scores) == best + 3


def test_early_stopping_needs_something_to_watch() -> None:
    with pytest.raises(UsageError, match="early_stopping needs a score to monitor"):
        loaded("protocol=train_test", "callbacks=early_stopping")


def test_the_time_limit_stops_after_its_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    training: Any = SimpleNamespace(progress=SimpleNamespace(stop=""))
    limit = TimeLimit(specs.TimeLimit(minutes=0.5), "val/loss", "min")
    limit.on_fit_start(training)

    now = 1029.0
    limit.on_epoch_end(training, {})
    assert training.progress.stop == ""
    now = 1030.0
    limit.on_epoch_end(training, {})
    assert training.progress.stop == "0.5 minutes are over"


def test_the_clock_may_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of day is no measure of how long a training runs."""
    monkeypatch.setattr(time, "time", lambda: 4e9)

    run = trained("callbacks={time_limit: {minutes: 10}}")

    assert run.training.progress.epoch == 2


def test_the_time_limit_ends_a_real_training() -> None:
    run = trained("trainer.epochs=100000", "callbacks={time_limit: {minutes: 0.002}}")

    assert 1 <= run.training.progress.epoch < 1000
    status = json.loads((run.folder / "status.json").read_text())
    assert status["state"] == "done"


def rates(*overrides: str) -> list[float]:
    """The learning rate that each epoch's row tells."""
    return [row["lr"] for row in rows_of(Path(trained(*overrides).folder))]


def test_plateau_cuts_the_rate_when_the_monitored_score_stays() -> None:
    """A rate so small that nothing improves by `min_delta`: a cut every second epoch."""
    found = rates(
        "trainer.epochs=7",
        "optimizer={name: sgd, lr: 1e-9}",
        "schedule={name: plateau, patience: 1, factor: 0.5}",
    )

    assert found == pytest.approx([1e-9, 1e-9, 1e-9, 5e-10, 5e-10, 2.5e-10, 2.5e-10])


def test_plateau_watches_its_own_score() -> None:
    """The training loss falls all the while, so the rate must stay; val/accuracy does not rise."""
    found = rates(
        "trainer.epochs=6",
        "trainer.monitor=val/accuracy",
        "optimizer={name: sgd, lr: 0.001}",
        "schedule={name: plateau, patience: 0, min_delta: 0, factor: 0.5, monitor: train/loss}",
    )

    assert found == [0.001] * 6


def test_plateau_without_validation_watches_the_training_loss() -> None:
    found = rates(
        "protocol=train_test", "schedule={name: plateau, monitor: train/loss, patience: 0}"
    )

    assert len(found) == 2


def test_each_callback_is_made_with_its_own_monitor() -> None:
    config, *_ = built("callbacks={early_stopping: {patience: 2}, time_limit: {minutes: 1}}")

    assert list(config.callbacks) == ["early_stopping", "time_limit"]
