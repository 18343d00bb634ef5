"""One training from fresh weights: of a fold, or of the final model; on disk or in memory only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config.rules import monitor_of, score_names
from ..config.schema import Config
from ..interrupts import listening
from ..models.sizes import measure_rows
from ..runs.files import make_folders
from ..runs.log import Log
from .callbacks import Callback
from .evidence import write_steps
from .experiment import Data, FoldData, build_learner, build_training, steps_per_epoch
from .loop import Training, fit
from .memory import eval_rows, require_batch, with_eval_batch
from .recorders import Checkpoints, Recorder


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
        folder: where its curves and weights go; None where they stay in memory.
        log: told what is worth a word.
        seconds: how long training took.
    """

    config: Config
    data: Data
    fold: FoldData
    training: Training
    recorder: Recorder
    checkpoints: Checkpoints
    number: int = 0
    folder: Path | None = None
    log: Log | None = None
    seconds: float = 0.0

    @property
    def weights(self) -> dict[str, Any]:
        """Which weights are kept: the best ones where there is a monitor, else the last."""
        best = self.checkpoints.best is not None
        epoch = self.checkpoints.best_state["epoch"] if best else self.training.state.epoch
        return {"weights": "best" if best else "last", "epoch": epoch}

    @property
    def kept_step(self) -> int:
        """The optimizer step after which the kept weights stood so."""
        best = self.checkpoints.best is not None
        step = self.checkpoints.best_state["step"] if best else self.training.state.step
        return int(step)

    def train(self, watchers: Sequence[Callback] = ()) -> None:
        """Trains to the end, a stop or an interruption; then holds the weights to be kept.

        Args:
            watchers: further callbacks, called last.
        """
        callbacks = [*self.checkpoints.callbacks.values(), self.checkpoints, *watchers]
        for callback in callbacks:
            callback.stage_begins(self)
        try:
            try:
                with listening():
                    fit(self.training, self.fold.train, self.fold.validation, callbacks)
            finally:
                self.seconds = self.checkpoints.seconds()
            if self.checkpoints.best is not None and not self.training.state.interrupted:
                self.training.model.load_state_dict(self.checkpoints.best)
        finally:
            for callback in callbacks:
                callback.stage_ends(self)


def begin(
    config: Config,
    data: Data,
    fold: FoldData,
    number: int = 0,
    folder: Path | None = None,
    log: Log | None = None,
    curve: str = "metrics.jsonl",
    resume: bool = False,
) -> Stage:
    """A training from fresh weights, or from where an earlier one left it.

    Args:
        config: what it is trained by.
        data: the dataset.
        fold: its samples.
        number: the fold's number, part of what all randomness derives from.
        folder: where its curves and weights go; None keeps them in memory.
        log: told each epoch's scores.
        curve: the file of its epochs.
        resume: whether to go on from the last checkpoint in the folder, if there is one.

    Raises:
        UsageError: the model cannot take these inputs, or takes more memory than is free.
        RunError: the folder cannot be written, or no checkpoint in it is sound.
    """
    learner = build_learner(config, fold.inputs, data.targets, fold.device, number)
    sizes = measure_rows(learner.model, fold.inputs)
    require_batch(config, sizes, len(fold.train), fold.device)
    config = with_eval_batch(config, fold.eval_batch or eval_rows(config, sizes))
    training = build_training(config, learner, steps_per_epoch(config, fold.train), number)
    monitor = None if fold.validation is None else monitor_of(config)
    direction = score_names(config).get(monitor or "", "min")
    file = None if folder is None else folder / curve
    weights = None if folder is None else folder / "checkpoints"
    recorder = Recorder(file, log)
    checkpoints = Checkpoints(weights, monitor, direction, config.checkpoint)
    asked = {f"callbacks.{name}": one for name, one in callbacks_of(config).items()}
    checkpoints.callbacks = {"recorder": recorder, **asked}
    if resume and checkpoints.restore(training, log) and log is not None:
        log(f"resumed after epoch {training.state.epoch}, step {training.state.step}")
    return Stage(config, data, fold, training, recorder, checkpoints, number, folder, log)


def make_folder(folder: Path, fold: FoldData) -> None:
    """Makes a stage's folder, with what its preparation learnt.

    Raises:
        RunError: it cannot be made.
    """
    make_folders(folder)
    write_steps(folder, fold.prepared.steps)


def callbacks_of(config: Config) -> dict[str, Callback]:
    """The callbacks that a config names, by name; those that only watch where `run.watch` is on."""
    made: dict[str, Callback] = {}
    for name, chosen in config.callbacks.items():
        make = chosen.load()
        if getattr(make, "watches_only", False) and not config.run.watch:
            continue
        monitor = monitor_of(config, getattr(chosen.options, "monitor", "auto"))
        direction = score_names(config).get(monitor or "", "min")
        made[name] = make(chosen.options, monitor, direction)
    return made
