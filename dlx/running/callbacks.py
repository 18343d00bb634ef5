"""Callbacks of a whole run: before it is written, around each of its trainings, at its end.

In order: `on_run_start`; for each training (a fold, the final model) `on_stage_start`, the hooks of
`dlx.training.callbacks.Callback`, `on_stage_end`; after each of several folds `on_fold_end`; and
`on_run_end` on the callbacks of the last training.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..config.schema import Config
from ..training.callbacks import Callback
from .run import Run
from .stage import Stage


class RunCallback(Callback):
    """Base of callbacks that watch more than one training; every hook does nothing."""

    def on_run_start(self, config: Config) -> None:
        """Before anything of a run is written; a `UsageError` refuses it."""

    def on_stage_start(self, stage: Stage) -> None:
        """Before a training, new or resumed: with its data, its folder and its log."""

    def on_stage_end(self, stage: Stage) -> None:
        """After a training, however it ended; one that came to its end holds the kept weights."""

    def on_fold_end(self, number: int, scores: Mapping[str, float]) -> None:
        """After each of several folds, with the mean scores so far at their common best epoch."""

    def on_run_end(self, run: Run, state: str) -> None:
        """After a run that is "done", "interrupted", "failed" or "pruned"; report.json is there."""


def of_runs(callbacks: Iterable[Callback]) -> list[RunCallback]:
    """Those of some callbacks that watch a whole run."""
    return [one for one in callbacks if isinstance(one, RunCallback)]
