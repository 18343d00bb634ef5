"""`check_callback`: whether a callback bears every hook, and what it does to a training."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import patch

from ..config.load import load
from ..running.callbacks import of_runs
from ..running.run import Run
from ..running.stage import Stage
from ..running.staging import build_stage, train_stage
from ..running.train import train
from ..training import snapshot
from ..training.callbacks import Callback
from .contract import require, require_same, through_json, undisturbed, working
from .trainings import SHORT, Subject, Trail, copies

KEY = "tested"
JSON = "state_dict() is something that JSON can hold"


@undisturbed()
def check_callback(make: Callable[[], Callback], *overrides: str) -> None:
    """Checks every clause of the contract of callbacks, in short trainings.

    With one that only watches no bit of a run changes; any other is stopped after every step and
    resumed.

    Args:
        make: makes a fresh callback; each training has its own.
        overrides: a config as on the command line in which it has something to do; wine's, on
            sample data, unless they say otherwise.

    Raises:
        BrokenContract: the first clause that it does not keep.
        UsageError: the config cannot be used.
    """
    with tempfile.TemporaryDirectory() as root:
        watched = _run_with(make(), (*SHORT, *overrides, f"run.root={root}")).stage
    if not make().watches_only:
        _check_resumed(make, Subject.of(overrides))
        return
    alone = build_stage(watched.config, watched.data, watched.fold, watched.number)
    train_stage(alone)
    clause = "what only watches changes no bit of a run"
    require_same(clause, _evidence(watched), _evidence(alone))


def _run_with(callback: Callback, overrides: tuple[str, ...]) -> Run:
    """A run in which every hook is called."""
    clause, loaded, said = "every hook can be called, in order", load(overrides), list[str]()
    with working(clause):
        for one in of_runs([callback]):
            one.on_run_start(loaded.config)
        run = train(loaded, said.append, [callback])
        for one in of_runs([callback]):
            one.on_fold_end(0, run.stage.recorder.history[-1])
            one.on_run_end(run, "done")
    told = [line for line in said if line.startswith("warning: callbacks.")]
    require(not told, clause, "; ".join(told))
    return run


def _evidence(stage: Stage) -> dict[str, Any]:
    scores = {f"epoch {n}": row for n, row in enumerate(stage.recorder.history, start=1)}
    return {**scores, **copies(stage.training.model.state_dict())}


def _check_resumed(make: Callable[[], Callback], subject: Subject) -> None:
    end, trail = _trained(make(), subject)
    for step, states in enumerate(trail.states, start=1):
        _check_state(make, states["callbacks"].facts[KEY])
        clause = f"stopped after step {step} and resumed, it is the training that never stopped"
        with working(clause):
            found, _ = _trained(make(), subject, states)
        require_same(clause, found, end)


def _trained(
    callback: Callback, subject: Subject, start: snapshot.States | None = None
) -> tuple[dict[str, Any], Trail]:
    """Where a training ends with a callback, and by which way."""
    stage = build_stage(subject.config, subject.fold.data, subject.fold)
    trail = Trail(JSON, {KEY: callback})
    if start is not None:
        snapshot.restore(stage.training, {KEY: callback}, start)
    for one in of_runs([callback]):
        one.on_stage_start(stage)
    return subject.fit(stage.training, callback, trail), trail


def _check_state(make: Callable[[], Callback], state: Mapping[str, Any]) -> None:
    """A fresh callback takes a state and gives it back; meanwhile the clock stands still."""
    clause = "load_state_dict() puts back what state_dict() gave"
    with patch("time.monotonic", lambda: 0.0), patch("time.time", lambda: 0.0), working(clause):
        fresh = make()
        fresh.load_state_dict(state)
        require_same(clause, through_json(JSON, fresh.state_dict()), state)
