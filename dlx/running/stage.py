"""One training under way: of a fold, or of the final model."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config.schema import Config
from ..runs.artifacts import Artifacts
from ..runs.log import Log
from ..sources.data import Data
from ..sources.fold import FoldData
from ..training.recorders import Checkpoints, Recorder
from ..training.training import Training


@dataclass
class Stage:
    """One training under way.

    Attributes:
        config: what it is trained by.
        data: the dataset.
        fold: its samples.
        training: the model and what moves it.
        recorder: the scores of its epochs.
        checkpoints: its best and last weights.
        number: the fold's number.
        start: the run that its weights are of at first, and how many; {} where they are fresh.
        folder: where its curves and weights go; None where they stay in memory.
        log: told what is worth a word.
        artifacts: what it leaves to be looked at.
        seconds: how long training took.
    """

    config: Config
    data: Data
    fold: FoldData
    training: Training
    recorder: Recorder
    checkpoints: Checkpoints
    number: int = 0
    start: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    log: Log | None = None
    artifacts: Artifacts = field(default_factory=lambda: Artifacts(None))
    seconds: float = 0.0

    @property
    def weights(self) -> dict[str, Any]:
        """Which weights are kept: the best ones where there is a monitor, else the last."""
        best = self.checkpoints.best is not None
        epoch = self.checkpoints.best_state["epoch"] if best else self.training.progress.epoch
        return {"weights": "best" if best else "last", "epoch": epoch}

    @property
    def kept_step(self) -> int:
        """The optimizer step after which the kept weights stood so."""
        best = self.checkpoints.best is not None
        step = self.checkpoints.best_state["step"] if best else self.training.progress.step
        return int(step)
