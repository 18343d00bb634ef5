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

    Attributes:
        watches_only: whether no bit of the training depends on it; such a callback keeps no state
            in checkpoints, is not part of a replay, and `run.watch=false` leaves it out.
    """

    watches_only: ClassVar[bool] = False

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
    """Stops once the monitored score has not improved for `patience` epochs in a row."""

    def __init__(self, options: specs.EarlyStopping, monitor: str, direction: str) -> None:
        self._patience = options.patience
        self._monitor = monitor
        self._improvement = Improvement(direction, options.min_delta)
        self.waited = 0

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:
        """Counts epochs without improvement."""
        self.waited = 0 if self._improvement.update(scores[self._monitor]) else self.waited + 1
        if self.waited >= self._patience:
            best = self._improvement.best
            shown = "it was never a number" if best is None else f"best {best:.4g}"
            epochs = f"{self.waited} epoch{'s' if self.waited > 1 else ''}"
            training.progress.stop = f"{self._monitor} has not improved for {epochs} ({shown})"

    def state_dict(self) -> dict[str, Any]:
        """The best score and the epochs since."""
        return {"best": self._improvement.best, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Puts back what `state_dict` gave."""
        self._improvement.best, self.waited = state["best"], state["waited"]


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
            training.progress.stop = f"{self._minutes:g} minutes are over (callbacks.time_limit)"

    def _seconds(self) -> float:
        return self._used + time.monotonic() - self._begun

    def state_dict(self) -> dict[str, Any]:
        """The time used so far."""
        return {"seconds": self._seconds()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Puts back what `state_dict` gave."""
        self._used = state["seconds"]
