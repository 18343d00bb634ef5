"""Progress: a bar with epoch, batch, loss, metric and time left; plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..training.callbacks import Callback
from .console import console, number, say
from .streams import is_screen

if TYPE_CHECKING:
    from ..training.training import Training

REFRESH_S = 0.1
BAR_WIDTH = 12
LEAST_WIDTH = 64
"""Columns of a terminal that has room for the bar and the time left."""
TIME_WIDTH = 11
"""Columns for the time left, and the gaps."""


def progress() -> Bar | Lines:
    """The way to show progress that fits standard output; to be closed however training ends."""
    return Bar() if is_screen() else Lines()


def _short(scores: Mapping[str, float]) -> str:
    wanted = [n for n in scores if n != "train/penalty" and n.count("/") == 1]
    return "  ".join(f"{name} {number(scores[name])}" for name in wanted)


def _fit_scores(scores: str, room: int) -> str:
    """As many of the scores as there is room for, none of them cut."""
    parts = scores.split("  ")
    while parts and len("  ".join(parts)) > room:
        parts.pop()
    return "  ".join(parts)


def _line(training: Training, scores: Mapping[str, float]) -> str:
    """An epoch's scores in a line."""
    epochs = training.options.epochs
    told = f"epoch {training.progress.epoch:>{len(str(epochs))}}/{epochs}  {_short(scores)}"
    return told.rstrip()


class Lines(Callback):
    """One plain line an epoch."""

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:
        """Prints the epoch's scores."""
        say(_line(training, scores))

    def close(self) -> None:
        """Has nothing to take down."""


class Bar(Callback):
    """A live bar on a terminal, the loss and the last scores beside it; a line an epoch stays."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        screen = console()
        wide = screen.width >= LEAST_WIDTH  # else numbers would be cut to make room
        self._progress = Progress(
            *([BarColumn(bar_width=BAR_WIDTH)] if wide else []),
            TextColumn("{task.fields[where]}"),
            *([TimeRemainingColumn(compact=True)] if wide else []),
            TextColumn("{task.fields[scores]}"),
            console=screen,
            transient=True,
            auto_refresh=False,
        )
        self._task: Any = None
        self._shown = 0.0
        self._scores = ""

    def on_fit_start(self, training: Training) -> None:
        """Puts up the bar."""
        total = training.options.epochs * training.source.steps
        self._progress.start()
        self._task = self._progress.add_task("", total=total, where="", scores="")

    def on_step_end(self, training: Training) -> None:
        """Moves the bar, ten times a second at most."""
        now = time.monotonic()
        if now - self._shown < REFRESH_S:
            return
        self._shown = now
        state, steps = training.progress, training.source.steps
        batch = (state.step - 1) % steps + 1
        loss = training.train_meters.running_loss()
        where = f"epoch {state.epoch + 1}/{training.options.epochs} batch {batch}/{steps}"
        # Rich would squeeze the bar and the time out of a line that is too long.
        room = self._progress.console.width - len(where) - BAR_WIDTH - TIME_WIDTH
        scores = _fit_scores(f"loss {number(loss)}  {self._scores}", room)
        self._progress.update(self._task, completed=state.step, where=where, scores=scores)
        self._progress.refresh()

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:
        """Prints the epoch's scores above the bar, and keeps them beside it."""
        line = _line(training, scores)
        self._progress.console.print(line, markup=False, soft_wrap=True)
        held_out = {n: v for n, v in scores.items() if not n.startswith("train/")} or scores
        metrics_first = sorted(held_out, key=lambda name: name.endswith("/loss"))
        self._scores = _short({name: held_out[name] for name in metrics_first})

    def on_fit_end(self, training: Training) -> None:  # noqa: ARG002
        """Takes the bar down."""
        self.close()

    def close(self) -> None:
        """Takes the bar down if it is up, and shows the cursor again."""
        self._progress.stop()
