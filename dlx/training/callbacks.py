"""Callbacks: what watches a training and acts on it.

After each epoch they are called in this order: the recorder (metrics.jsonl), early stopping and
the user's others, checkpoints, progress. A callback stops the training by setting `state.stop`.
What it must remember over a resume it gives by `state_dict`.

In the life of a run: `run_begins` before anything is written; for each training (a fold, the final
model) `stage_begins`, `fit_begins`, steps and epochs, `fit_ends`, `stage_ends`; and `run_ends` when
report.json is there, on the callbacks of the last training. Each training has callbacks of its own.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ..config.specs import callbacks as specs

if TYPE_CHECKING:
    from ..config.schema import Config
    from .loop import Training
    from .stage import Stage
    from .start import Run


class Callback:
    """Base of all callbacks; every hook does nothing.

    Attributes:
        watches_only: whether no bit of the training depends on it; such a callback keeps no state
            in checkpoints, is not part of a replay, and `run.watch=false` leaves it out.
    """

    watches_only: ClassVar[bool] = False

    def run_begins(self, config: Config) -> None:
        """Before anything of a run is written; a `UsageError` refuses it."""

    def stage_begins(self, stage: Stage) -> None:
        """Before a training, new or resumed: with its data, its folder and its log."""

    def fit_begins(self, training: Training) -> None:
        """Before the first epoch."""

    def step_ends(self, training: Training) -> None:
        """After each optimizer step; called only where a callback defines it."""

    def epoch_ends(self, training: Training, scores: Mapping[str, float]) -> None:
        """After each epoch, with its scores by name ("train/loss", "val/accuracy", ...)."""

    def fit_ends(self, training: Training) -> None:
        """After the last epoch, or an interruption."""

    def stage_ends(self, stage: Stage) -> None:
        """After a training, however it ended; one that came to its end holds the kept weights."""

    def run_ends(self, run: Run, state: str) -> None:
        """After a run that is "done", "interrupted", "failed" or "pruned"; report.json is there."""

    def fold_ends(self, number: int, scores: Mapping[str, float]) -> None:
        """After each of several folds, with the mean scores so far at their common best epoch."""

    def state_dict(self) -> dict[str, Any]:
        """What it knows so far, in JSON's types; asked for at a step's end."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Puts back what `state_dict` gave, before `fit_begins`."""


class Improvement:
    """Tells whether a score is the best so far. A score that is no number never is.

    Args:
        direction: "min" or "max".
        min_delta: smallest change that counts.
    """

    def __init__(self, direction: str, min_delta: float = 0.0) -> None:
        self._sign = 1.0 if direction == "min" else -1.0
        self._min_delta = min_delta
        self.best: float | None = None

    def better(self, score: float) -> bool:
        """Takes the next score; true if it is the best so far."""
        if score != score or score in (float("inf"), float("-inf")):
            return False
        if self.best is None or self._sign * (self.best - score) > self._min_delta:
            self.best = score
            return True
        return False


class EarlyStopping(Callback):
    """Stops once the monitored score has not improved for `patience` epochs in a row."""

    def __init__(self, options: specs.EarlyStopping, monitor: str, direction: str) -> None:
        self._patience = options.patience
        self._monitor = monitor
        self._improvement = Improvement(direction, options.min_delta)
        self.waited = 0

    def epoch_ends(self, training: Training, scores: Mapping[str, float]) -> None:
        """Counts epochs without improvement."""
        self.waited = 0 if self._improvement.better(scores[self._monitor]) else self.waited + 1
        if self.waited >= self._patience:
            best = self._improvement.best
            shown = "it was never a number" if best is None else f"best {best:.4g}"
            epochs = f"{self.waited} epoch{'s' if self.waited > 1 else ''}"
            training.state.stop = f"{self._monitor} has not improved for {epochs} ({shown})"

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

    def fit_begins(self, training: Training) -> None:  # noqa: ARG002
        """Starts the clock."""
        self._begun = time.monotonic()

    def epoch_ends(self, training: Training, scores: Mapping[str, float]) -> None:  # noqa: ARG002
        """Looks at the clock."""
        if self._seconds() >= 60 * self._minutes:
            training.state.stop = f"{self._minutes:g} minutes are over (callbacks.time_limit)"

    def _seconds(self) -> float:
        return self._used + time.monotonic() - self._begun

    def state_dict(self) -> dict[str, Any]:
        """The time used so far."""
        return {"seconds": self._seconds()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Puts back what `state_dict` gave."""
        self._used = state["seconds"]
