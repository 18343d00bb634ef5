"""One training from fresh weights: of a fold, or of the final model; on disk or in memory only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..config.cycles import snapshot_epochs
from ..config.learners import monitor_of, score_names, spec_of
from ..config.schema import Config
from ..data.origins import forget_files
from ..interrupts import listen
from ..learning.build import build_learner, build_optimizers
from ..learning.learner import Learner
from ..learning.memory import eval_rows, require_batch, set_eval_batch
from ..learning.start import start_from, take_members
from ..runs.artifacts import Artifacts
from ..runs.files import make_folders
from ..runs.log import Log
from ..runs.members import keep_members
from ..sources.data import Data
from ..sources.fold import FoldData
from ..sources.source import Source
from ..training.callbacks import Callback
from ..training.checkpoint import has_checkpoint
from ..training.loop import fit
from ..training.recorders import Checkpoints, Recorder
from ..training.training import Training
from .callbacks import of_runs
from .earlier import ANEW, Before
from .ending import warn_on_failure
from .stage import Stage

CURVE = "metrics.jsonl"


def build_stage(
    config: Config,
    data: Data,
    fold: FoldData,
    number: int = 0,
    before: Before = ANEW,
    begun: bool = False,
) -> Stage:
    """A training from fresh weights, or those of an earlier run, in memory alone.

    Args:
        config: what it is trained by.
        data: the dataset.
        fold: its samples.
        number: the fold's number, part of what all randomness derives from.
        before: what an earlier process computed by.
        begun: whether a checkpoint has the weights to go on with.

    Raises:
        UsageError: the model cannot take these inputs, or takes more memory than is free; or the
            weights of the run to start from do not fit.
        RunError: these are damaged.
    """
    built = forget_files(config) if begun else config
    learner = build_learner(built, fold.inputs, fold.targets, fold.device, number)
    sizes = learner.measure(fold.inputs)
    require_batch(config, sizes, len(fold.train), fold.device, fold.longest)
    start = start_from(config, learner) if config.from_run.run and not begun else {}
    if not begun:
        take_members(config, learner)
    config = learner.config = set_eval_batch(config, before.eval_batch or eval_rows(config, sizes))
    training = build_training(config, learner, learner.source(fold, number), number)
    training.accumulation.follow(before.accumulate.get(number, ()))
    recorder, checkpoints = Recorder(None), _checkpoints(config, fold)
    checkpoints.callbacks = {"recorder": recorder, **callbacks_of(config)}
    return Stage(config, data, fold, training, recorder, checkpoints, number, start)


def place_stage(
    stage: Stage, folder: Path, log: Log, curve: str = CURVE, resume: bool = False
) -> None:
    """Gives a stage a folder, with what its preparation learnt, for its curves and weights.

    Args:
        stage: from `build_stage`.
        folder: made if missing.
        log: told each epoch's scores.
        curve: the file of its epochs.
        resume: whether to go on from the last checkpoint in the folder, if there is one.

    Raises:
        RunError: the folder cannot be written, or no checkpoint in it is sound.
    """
    make_folders(folder)
    stage.fold.pipeline.save(folder)
    if not is_begun(folder):
        keep_members(stage.config, folder)
    recorder, progress = Recorder(folder / curve, log), stage.training.progress
    checkpoints = _checkpoints(stage.config, stage.fold, folder / "checkpoints")
    checkpoints.callbacks = {**stage.checkpoints.callbacks, "recorder": recorder}
    if resume and checkpoints.restore(stage.training, log):
        log(f"resumed after epoch {progress.epoch}, step {progress.step}")
    stage.folder, stage.log, stage.artifacts = folder, log, _artifacts(stage, folder)
    stage.recorder, stage.checkpoints = recorder, checkpoints
    stage.artifacts.cut(progress.epoch)


def _artifacts(stage: Stage, folder: Path) -> Artifacts:
    return Artifacts(folder, stage.config.report.rows)


def is_begun(folder: Path) -> bool:
    """Whether a stage's folder has a checkpoint to go on from."""
    return has_checkpoint(folder / "checkpoints" / "last")


def _checkpoints(config: Config, fold: FoldData, folder: Path | None = None) -> Checkpoints:
    validates = fold.validation is not None or spec_of(config).fresh
    monitor = monitor_of(config) if validates else None
    direction = score_names(config).get(monitor or "", "min")
    return Checkpoints(folder, monitor, direction, config.checkpoint, snapshot_epochs(config))


def final_config(config: Config, epochs: int | None) -> Config:
    """The config of a model that trains without validation, up to some epoch if not to the end."""
    unwatched = {
        name: chosen
        for name, chosen in config.callbacks.items()
        if not hasattr(chosen.options, "monitor")
        and not getattr(chosen.options, "needs_validation", False)
    }
    trainer = replace(config.trainer, last_epoch=epochs)
    return replace(config, trainer=trainer, callbacks=unwatched)


def callbacks_of(config: Config) -> dict[str, Callback]:
    """The callbacks that a config names, by key; those that only watch where `run.watch` is on."""
    made: dict[str, Callback] = {}
    for name, chosen in config.callbacks.items():
        make = chosen.load()
        if getattr(make, "watches_only", False) and not config.run.watch:
            continue
        monitor = monitor_of(config, getattr(chosen.options, "monitor", "auto"))
        direction = score_names(config).get(monitor or "", "min")
        key = f"callbacks.{name}"
        made[key] = make(chosen.options, monitor, direction)
        made[key].key = key
    return made


def build_training(config: Config, learner: Learner, source: Source, fold: int = 0) -> Training:
    """A training of a learner from its start.

    Args:
        config: the config.
        learner: from `build_learner`.
        source: where its batches come from.
        fold: number of the fold.
    """
    asked = getattr(config.schedule.options, "monitor", None)
    watched = None if asked is None else monitor_of(config, asked)
    mode = score_names(config).get(watched or "", "min")
    optimizers = build_optimizers(config, learner, source.steps, mode)
    return Training(learner, optimizers, source, config.trainer, config.seed, watched, fold)


def _load_kept(stage: Stage) -> None:
    """Gives the learner the weights to keep: the best, else the average, else those it has."""
    training, best = stage.training, stage.checkpoints.best
    if best is not None:
        training.learner.load_weights(best)
    elif training.average is not None:
        training.learner.load_weights(training.average.kept())


class _Leaving(Callback):
    """Keeps what a learner leaves after each epoch, before the checkpoint that knows of it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:  # noqa: ARG002
        """Asks the learner, where there is a folder; what goes wrong is a warning."""
        into = self._stage.artifacts
        into.epoch = training.progress.epoch
        if self._stage.folder is not None:
            with warn_on_failure(
                self._stage, f"not every artifact of epoch {into.epoch} is written"
            ):
                training.learner.artifacts(into, "epoch")
        into.epoch = None


def train_stage(stage: Stage, watchers: Sequence[Callback] = ()) -> None:
    """Trains to the end, a stop or an interruption; then the model holds the weights to be kept.

    Args:
        stage: from `build_stage`.
        watchers: further callbacks, called last.
    """
    kept = stage.checkpoints
    callbacks = [*kept.callbacks.values(), _Leaving(stage), kept, *watchers]
    for callback in of_runs(callbacks):
        callback.on_stage_start(stage)
    try:
        try:
            with listen():
                fit(stage.training, stage.fold, callbacks)
        finally:
            stage.seconds = kept.seconds()
        if not stage.training.progress.interrupted:
            _load_kept(stage)
    finally:
        for callback in of_runs(callbacks):
            callback.on_stage_end(stage)
