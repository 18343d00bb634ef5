"""Callbacks that keep the evidence: `metrics.jsonl`, and the best and the last weights."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import RunError
from ..runs.files import cannot_write, plain
from ..runs.log import Log
from . import checkpoint
from .callbacks import Callback, Improvement
from .loop import Training


class Recorder(Callback):
    """Keeps the scores of every epoch, and appends them to `metrics.jsonl` where asked.

    A row holds no clock, so that the same run gives the same bytes; floats stand there also as
    hex, which loses nothing.
    """

    def __init__(self, file: Path | None, log: Log | None = None) -> None:
        self._file = file
        self._log = log
        self.history: list[dict[str, float]] = []

    def epoch_ends(self, training: Training, scores: Mapping[str, float]) -> None:
        """Writes one row; `lr` is the rate of the epoch's first step."""
        self.history.append({"lr": training.lr, **scores})
        if self._log is not None:
            told = "  ".join(f"{name} {value:.4g}" for name, value in scores.items())
            self._log.keep(f"epoch {training.state.epoch}  {told}")
        self.write(training.state.epoch, training.state.step, self.history[-1])

    def write(self, epoch: int, step: int | None, scores: Mapping[str, float]) -> None:
        """Appends one row to the file, if there is one.

        Args:
            epoch: from 1.
            step: finished optimizer steps; None for a mean over several trainings.
            scores: by name, the learning rate "lr" among them.

        Raises:
            RunError: the file cannot be written.
        """
        if self._file is None:
            return
        row: dict[str, Any] = {
            "epoch": epoch,
            **({} if step is None else {"step": step}),
            **scores,
            "hex": {name: value.hex() for name, value in scores.items() if name != "lr"},
        }
        try:
            with self._file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(plain(row), allow_nan=False) + "\n")
        except OSError as error:
            raise RunError(cannot_write(self._file, error)) from error


class Checkpoints(Callback):
    """Keeps the best weights by the monitored score, and writes best and last ones.

    Writing waits for the disk, so during training it happens at most every few seconds.
    """

    EVERY_S = 10.0

    def __init__(self, folder: Path | None, monitor: str | None, direction: str) -> None:
        self._folder = folder
        self._monitor = monitor
        self._improvement = Improvement(direction)
        self._written = time.monotonic()
        self._best_written = 0
        self.best: dict[str, Tensor] | None = None
        self.best_state: dict[str, Any] = {}

    def epoch_ends(self, training: Training, scores: Mapping[str, float]) -> None:
        """Takes a copy of the weights if they are the best so far."""
        if self._monitor is not None and self._improvement.better(scores[self._monitor]):
            self.best = _copy(training)
            self.best_state = self._state(training, scores)
        if self._folder is not None and time.monotonic() - self._written > self.EVERY_S:
            self._write(training, scores)

    def write_best(self) -> None:
        """Writes the best weights, if they are not on disk yet: also when the training failed."""
        if self._folder is None or self.best is None:
            return
        if self._best_written != self.best_state["step"]:
            checkpoint.save(self._folder / "best", self.best, self.best_state)
            self._best_written = self.best_state["step"]

    def fit_ends(self, training: Training) -> None:
        """Writes what is not on disk yet."""
        if self._folder is not None:
            self._write(training, {})

    def _write(self, training: Training, scores: Mapping[str, float]) -> None:
        assert self._folder is not None
        self.write_best()
        weights = training.model.state_dict()
        checkpoint.save(self._folder / "last", weights, self._state(training, scores))
        self._written = time.monotonic()

    def _state(self, training: Training, scores: Mapping[str, float]) -> dict[str, Any]:
        monitored = {} if self._monitor is None else {"monitor": self._monitor}
        score = scores.get(self._monitor) if self._monitor else None
        state = {"epoch": training.state.epoch, "step": training.state.step, **monitored}
        return state if score is None else {**state, "score": score, "score_hex": score.hex()}


def _copy(training: Training) -> dict[str, Tensor]:
    return {name: t.detach().clone() for name, t in training.model.state_dict().items()}
