"""One run, from a checked config to a run folder with its answer."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config.load import Loaded, digest
from ..config.rules import monitor_of, score_names
from ..config.schema import Config
from ..errors import DlxError, Interrupted, Problem
from ..runs import ledger
from ..runs.files import write_json
from ..runs.folder import check_writable, create, write_status
from ..runs.log import Log
from . import evidence
from .callbacks import Callback
from .device import environment
from .experiment import (
    Data,
    FoldData,
    build_learner,
    build_training,
    choose_threads,
    prepare_fold,
    read_data,
    steps_per_epoch,
    test_part,
)
from .loop import Training, fit
from .recorders import Checkpoints, Recorder
from .signals import interruptible
from .verdict import Judged, judge

Say = Callable[[str], None]


@dataclass
class Run:
    """A run under way: where it lies and what is known of it so far."""

    folder: Path
    loaded: Loaded
    data: Data
    fold: FoldData
    training: Training
    facts: dict[str, Any]
    seconds: dict[str, float]
    log: Log
    started: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%S%z"))

    @property
    def config(self) -> Config:
        """The run's config."""
        return self.loaded.config

    @property
    def name(self) -> str:
        """The run's name below the root."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    def write_status(self, state: str, **more: Any) -> None:
        """Writes `status.json`."""
        status = {
            "run": self.name,
            "task": self.config.task,
            "title": self.config.about.title,
            "state": state,
            "started": self.started,
            "seconds": round(sum(self.seconds.values()), 3),
            "sample": self.data.samples.sample,
            "overrides": list(self.loaded.arguments),
            "seed": self.config.seed,
            **more,
        }
        write_status(self.folder, status)


def train(loaded: Loaded, say: Say, watchers: Sequence[Callback] = ()) -> Run:
    """Trains, validates and tests as a config says, and keeps the evidence in a run folder.

    Args:
        loaded: the checked config.
        say: told what is being done, a line at a time.
        watchers: further callbacks, such as a progress bar; called last.

    Returns:
        The finished run; its `facts` are those of `report.json`.

    Raises:
        UsageError: the config cannot be run on these data or this machine; nothing is written.
        RunError: the run failed; its folder says so.
        Interrupted: it was asked to stop; its folder holds the last weights.
    """
    run = _begin(loaded, say)
    recorder, checkpoints = _recorders(run)
    try:
        _fit(run, [recorder, *_callbacks(loaded.config), checkpoints, *watchers])
        _finish(run, checkpoints)
    except KeyboardInterrupt:
        run.training.state.interrupted = True
        _stopped(run, checkpoints)
        raise Interrupted(_interruption(run)) from None
    except Interrupted:
        _stopped(run, checkpoints)
        raise
    except BaseException as error:
        _failed(run, checkpoints, str(error) or type(error).__name__)
        raise
    return run


def _failed(run: Run, checkpoints: Checkpoints, reason: str) -> None:
    """What a failed run leaves; the disk may be full, and the first error is the one to tell."""
    facts = {**run.facts, "state": "failed"}
    writes: tuple[Callable[[], None], ...] = (
        lambda: run.write_status("failed", reason=reason),
        lambda: write_json(run.folder / "report.json", facts),
        lambda: run.log.keep(f"failed: {reason}"),
        checkpoints.write_best,
    )
    for write in writes:
        with suppress(DlxError):
            write()


def _begin(loaded: Loaded, say: Say) -> Run:
    """Everything that can fail for a user's mistake, before anything is written."""
    config = loaded.config
    root = Path(config.run.root)
    check_writable(root)
    data = read_data(config)
    fold = prepare_fold(config, data, data.split.folds[0])
    fold.threads = choose_threads(config, data, fold)
    learner = build_learner(config, fold.inputs, data.targets, fold.device)
    training = build_training(config, learner, steps_per_epoch(config, fold.train))
    facts = evidence.config_facts(loaded, data, fold, training)
    seconds = {"read": data.seconds, "prepare": fold.seconds}
    folder = create(root, config.task, digest(config))
    log = Log(folder / "log.txt", say)
    run = Run(folder, loaded, data, fold, training, facts, seconds, log)
    try:
        _write_start(run)
    except BaseException:  # a run that could not even begin leaves nothing behind
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return run


def _write_start(run: Run) -> None:
    """Writes what is known before training."""
    config, fold = run.config, run.fold
    run.log(_opening(run))
    evidence.write_config(run.folder, run.loaded)
    evidence.write_steps(run.folder, fold.prepared.steps)
    known = environment(fold.device, fold.threads, config.trainer.deterministic)
    write_json(run.folder / "environment.json", known)
    run.facts["data"] = evidence.data_facts(config, run.data)
    write_json(run.folder / "data.json", run.facts["data"])
    run.facts |= {"environment": known, "run": run.name, "epochs": config.trainer.epochs}
    write_json(run.folder / "report.json", {**run.facts, "state": "running"})
    run.write_status("running")


def _opening(run: Run) -> str:
    rows = f"{len(run.fold.train):,} training"
    if run.fold.validation is not None:
        rows += f", {len(run.fold.validation):,} validation"
    parameters = run.facts["model"]["parameters"]
    threads = run.fold.threads["count"]
    where = run.fold.device.type
    where += f", {threads} thread{'s' if threads > 1 else ''}" if where == "cpu" else ""
    sample = " (sample data, not a result)" if run.data.samples.sample else ""
    return (
        f"{run.config.task}{sample}: {rows}, {len(run.data.split.test):,} test rows; "
        f"{run.config.model.name} with {parameters:,} parameters; {where}"
    )


def _recorders(run: Run) -> tuple[Recorder, Checkpoints]:
    monitor = monitor_of(run.config)
    direction = score_names(run.config).get(monitor or "", "min")
    recorder = Recorder(run.folder / "metrics.jsonl", run.log)
    return recorder, Checkpoints(run.folder / "checkpoints", monitor, direction)


def _callbacks(config: Config) -> list[Callback]:
    made = []
    for chosen in config.callbacks.values():
        monitor = monitor_of(config, getattr(chosen.options, "monitor", "auto"))
        direction = score_names(config).get(monitor or "", "min")
        made.append(chosen.load()(chosen.options, monitor, direction))
    return made


def _fit(run: Run, callbacks: Sequence[Callback]) -> None:
    begun = time.perf_counter()
    with interruptible(run.training.state):
        fit(run.training, run.fold.train, run.fold.validation, callbacks)
    run.seconds["train"] = time.perf_counter() - begun
    if run.training.state.interrupted:
        raise Interrupted(_interruption(run))
    if run.training.state.stop:
        run.log(f"stopped after epoch {run.training.state.epoch}: {run.training.state.stop}")


def _interruption(run: Run) -> Problem:
    state = run.training.state
    return Problem(
        f"interrupted after epoch {state.epoch}, step {state.step}",
        str(run.folder),
        hint=f"the weights so far are in checkpoints/last; {run.facts['command']} starts again",
    )


def _finish(run: Run, checkpoints: Checkpoints) -> None:
    """Takes the best weights, looks at the test part once, and writes the answer."""
    begun = time.perf_counter()
    config, training = run.config, run.training
    if checkpoints.best is not None:
        training.model.load_state_dict(checkpoints.best)
    judged: list[Judged] = []
    if run.fold.validation is not None:
        judged.append(judge(config, training, run.fold, "val", run.fold.validation))
    looks = None
    if config.test and len(run.data.split.test):
        looks = count_look(run, "train")
        judged.append(judge(config, training, run.fold, "test", test_part(run.data, run.fold)))
    run.seconds["test"] = time.perf_counter() - begun
    weights = _weights(training, checkpoints)
    run.facts |= answer(judged, weights, looks)
    run.facts |= _progress(run, weights["epoch"])
    if judged:
        write_predictions(run, judged[-1])
    write_json(run.folder / "report.json", {**run.facts, "state": "done"})
    values = {s.name: s.value for j in judged for s in j.scores}
    run.write_status("done", scores=values, answer=run.facts["answer"], best_epoch=weights["epoch"])
    run.log(f"weights: {weights['weights']} (epoch {weights['epoch']})")


def count_look(run: Run, verb: str) -> int:
    """Writes a look at the test part into the ledger; returns how many there have been."""
    if run.data.samples.sample:
        return 1
    root = Path(run.config.run.root)
    return len(ledger.record(root, run.data.test_key, run.name, verb))


def _weights(training: Training, checkpoints: Checkpoints) -> dict[str, Any]:
    best = checkpoints.best is not None
    epoch = checkpoints.best_state["epoch"] if best else training.state.epoch
    return {"weights": "best" if best else "last", "epoch": epoch}


def answer(judged: Sequence[Judged], weights: dict[str, Any], looks: int | None) -> dict[str, Any]:
    """The answer and all scores, as `report.json` holds them."""
    scores = [score for each in judged for score in each.scores]
    if not judged:
        return {"answer": None, "scores": []}
    first = judged[-1].scores[0]
    found = {
        "score": first.name,
        "part": judged[-1].part,
        "direction": first.direction,
        "value": first.value,
        "interval": first.interval,
        "baseline": first.plain()["baseline"],
        "beats": first.beats(),
        "looks": looks,
        **weights,
    }
    return {"answer": found, "scores": [score.plain() for score in scores]}


def _progress(run: Run, epoch: int) -> dict[str, Any]:
    monitor = monitor_of(run.config)
    return {
        "monitor": monitor,
        "best_epoch": epoch if monitor is not None and epoch else None,
        "epochs": run.config.trainer.epochs,
        "steps": run.training.state.step,
        "stopped": run.training.state.stop,
        "seconds": {name: round(value, 4) for name, value in run.seconds.items()},
    }


def write_predictions(run: Run, judged: Judged) -> None:
    """Writes `predictions.csv` for the part that was judged last."""
    rows = run.data.split.test if judged.part == "test" else run.data.split.folds[0].validation
    problems = {name: target.problem for name, target in run.config.targets.items()}
    evidence.write_predictions(
        run.folder / "predictions.csv", rows, run.data.targets, problems, judged.logits
    )


def _stopped(run: Run, checkpoints: Checkpoints) -> None:
    """What an interrupted run leaves: its curves and status."""
    facts = {**run.facts, **_progress(run, _weights(run.training, checkpoints)["epoch"])}
    write_json(run.folder / "report.json", {**facts, "state": "interrupted", "answer": None})
    run.write_status("interrupted", epoch=run.training.state.epoch)
