"""Callbacks: what watches a training and acts on it.

After each epoch they are called in this order: the recorder (metrics.jsonl), early stopping and
the user's others, checkpoints, progress. A callback stops the training by setting `progress.stop`.
What it must remember over a resume it gives by `state_dict`. What watches a whole run is a
`dlx.running.callbacks.RunCallback`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from ..config.specs import callbacks as specs
from ..judging.folds import Improvement
from .training import Training


class Callback:
    """Base of all callbacks; every hook does nothing. Each training has callbacks of its own.

    Args:
        options: its checked options.
        monitor: the score that its option `monitor` means, else that of the training.
        direction: "min" or "max", in which that score improves.

    Attributes:
        key: where a config names it, as in "callbacks.early_stopping"; "" for one of dlx's own.
        watches_only: whether no bit of the training depends on it; such a callback keeps no state
            in checkpoints, is not part of a replay, and `run.watch=false` leaves it out.
    """

    watches_only: ClassVar[bool] = False
    key: str = ""

    def __init__(self, options: Any = None, monitor: Any = None, direction: str = "min") -> None:
        self.options, self.monitor, self.direction = options, monitor, direction

    def on_fit_start(self, training: Training) -> None:
        """Before the first epoch."""

    def on_step_end(self, training: Training) -> None:
        """After each optimizer step; called only where a callback defines it."""

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:
        """After each epoch, with its scores by name ("train/loss", "val/accuracy", ...)."""

    def on_fit_end(self, training: Training) -> None:
        """After the last epoch, or an interruption."""

    def state_dict(self) -> dict[str, Any]:
        """What it knows so far, in JSON's types; asked for at a step's end."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Puts back what `state_dict` gave, before `on_fit_start`."""


class EarlyStopping(Callback):
    """Stops once the monitored score has not improved for so many epochs in a row.

    An epoch improves it that is better than the best one before by more than `min_delta`; one whose
    score is no number never does. Today's rule counts `patience` epochs, the book's one more:
    Keras' before 2.0.9 compared before it counted (keras-team/keras#8100). `from_epoch` and
    `baseline` are Keras' `start_from_epoch`, which counts from 0, and `baseline`: below it
    an improvement does not end the count, though no training stops with an epoch that improved.
    """

    def __init__(self, options: specs.EarlyStopping, monitor: str, direction: str) -> None:
        self._options = options
        self._monitor, self._direction = monitor, direction
        self._improvement = Improvement(direction, options.min_delta)
        self._epochs = options.patience + (options.stops == "past_patience")
        self.waited = self.best_epoch = 0

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:
        """Counts epochs without improvement."""
        epoch, score = training.progress.epoch, scores[self._monitor]
        if epoch < self._options.from_epoch:
            return
        self.waited += 1
        if self._improvement.update(score):
            self.best_epoch = epoch
            self.waited = 0 if self._reaches(score) else self.waited
        elif self.waited >= self._epochs:
            training.progress.stop = self._tell()

    def _reaches(self, score: float | None) -> bool:
        """Whether a score beats the baseline, if there is one, by more than `min_delta`."""
        baseline = self._options.baseline
        if baseline is None:
            return True
        known = Improvement(self._direction, self._options.min_delta)
        return known.update(baseline) and score is not None and known.update(score)

    def _tell(self) -> str:
        """The reason: what was waited for, how long, by which rule."""
        best, options = self._improvement.best, self._options
        what = "improved" if self._reaches(best) else f"beaten the baseline {options.baseline:.4g}"
        epochs = f"{self.waited} epoch{'s in a row' if self.waited > 1 else ''}"
        known = "it was never a number"
        if best is not None:
            known = f"best {best:.4g} after epoch {self.best_epoch}"
        rule = f"{'past' if options.stops == 'past_patience' else 'at'} patience {options.patience}"
        return f"{self._monitor} has not {what} for {epochs}, {rule} ({known})"

    def state_dict(self) -> dict[str, Any]:
        """The best score, its epoch, and the epochs since."""
        best = self._improvement.best
        return {"best": best, "best_epoch": self.best_epoch, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Puts back what `state_dict` gave."""
        self._improvement.best, self.waited = state["best"], state["waited"]
        self.best_epoch = state.get("best_epoch", 0)  # earlier versions did not keep it


class TimeLimit(Callback):
    """Stops after the epoch in which the time is up."""

    def __init__(self, options: specs.TimeLimit, monitor: str, direction: str) -> None:  # noqa: ARG002
        self._minutes = options.minutes
        self._begun = time.monotonic()
        self._used = 0.0

    def on_fit_start(self, training: Training) -> None:  # noqa: ARG002
        """Starts the clock."""
        self._begun = time.monotonic()

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:  # noqa: ARG002
        """Looks at the clock."""
        if self._seconds() >= 60 * self._minutes:
            training.progress.stop = f"{self._minutes:g} minutes are over"

    def _seconds(self) -> float:
        return self._used + time.monotonic() - self._begun

    def state_dict(self) -> dict[str, Any]:
        """The time used so far."""
        return {"seconds": self._seconds()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Puts back what `state_dict` gave."""
        self._used = state["seconds"]
