"""Callbacks that keep the evidence: scores of epochs, losses of steps, best and last weights."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from ..config.schema import Checkpoint
from ..errors import Problem, RunError
from ..files import is_there, open_file
from ..judging.folds import Improvement
from ..runs.files import append_bytes, cannot_write, plain, write_bytes
from ..runs.log import Log
from ..runs.step_losses import LOSSES, file_of, other_files
from . import checkpoint, snapshot
from .callbacks import Callback
from .training import Training


class Recorder(Callback):
    """Keeps the scores of every epoch, and appends them to `metrics.jsonl` where asked.

    A row holds no clock, so that the same run gives the same bytes; floats stand there also as
    hex, which loses nothing. The losses of the steps go to `losses.f32` beside it, those of other
    optimizers to files of their own.
    """

    def __init__(self, file: Path | None, log: Log | None = None) -> None:
        self.history: list[dict[str, float]] = []
        self._log = log
        self._rows = None if file is None else _Grown(file)
        self._losses = None if file is None else _StepLosses(file.parent)
        self._training: Training | None = None

    def on_fit_start(self, training: Training) -> None:
        """Takes away what a training that kept no checkpoint has left."""
        self._training = training
        if self._rows is not None and self._losses is not None and not training.progress.step:
            self._rows.cut(NOTHING)
            self._losses.cut({"losses": NOTHING})

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:
        """Writes one row; `lr` is the rate of the epoch's first step."""
        self.history.append({**training.optimizers.rates_of_epoch, **scores})
        if self._log is not None:
            told = "  ".join(f"{name} {value:.4g}" for name, value in scores.items())
            self._log.keep(f"epoch {training.progress.epoch}  {told}")
        self.write(training.progress.epoch, training.progress.step, self.history[-1])
        self._write_losses(training)

    def on_fit_end(self, training: Training) -> None:
        """Writes the losses of an epoch that was broken off."""
        self._write_losses(training)

    def _write_losses(self, training: Training) -> None:
        if self._losses is not None:
            self._losses.append(training.step_losses)
        training.step_losses.clear()

    def write(self, epoch: int, step: int | None, scores: Mapping[str, float]) -> None:
        """Appends one row to the file, if there is one.

        Args:
            epoch: from 1.
            step: finished optimizer steps; None for a mean over several trainings.
            scores: by name, the learning rates "lr" and "lr/<optimizer>" among them.

        Raises:
            RunError: the file cannot be written.
        """
        if self._rows is None:
            return
        row: dict[str, Any] = {
            "epoch": epoch,
            **({} if step is None else {"step": step}),
            **scores,
            "hex": {name: value.hex() for name, value in scores.items() if not _is_rate(name)},
        }
        self._rows.append((json.dumps(plain(row), allow_nan=False) + "\n").encode())

    def state_dict(self) -> dict[str, Any]:
        """How long the files are, and what they hold; they are on the disk by then."""
        if self._rows is None or self._losses is None or self._training is None:
            return {}
        self._write_losses(self._training)
        return {"rows": self._rows.seal(), **self._losses.seal()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Cuts the files back to what they were, and reads the rows.

        Raises:
            RunError: they are not the ones that the checkpoint knew.
        """
        assert self._rows is not None
        assert self._losses is not None
        rows = self._rows.cut(state["rows"])
        self._losses.cut(state)
        for line in rows.decode().splitlines():
            row = json.loads(line)
            scores = {name: float.fromhex(text) for name, text in row["hex"].items()}
            self.history.append({**{n: v for n, v in row.items() if _is_rate(n)}, **scores})


def _is_rate(name: str) -> bool:
    return name.partition("/")[0] == "lr"


NOTHING = {"bytes": 0, "sha256": hashlib.sha256().hexdigest()}
"""What `_Grown.seal` says of an empty file."""


class _Grown:
    """A file that only grows, and knows the digest of what it has been given."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._bytes = 0

    def append(self, content: bytes) -> None:
        """Adds to the end.

        Raises:
            RunError: it cannot be written.
        """
        append_bytes(self._file, content)
        self._digest.update(content)
        self._bytes += len(content)

    def seal(self) -> dict[str, Any]:
        """Length and digest, once the disk has all of it."""
        try:
            if self._bytes:
                with open_file(self._file, "r+b") as stream:
                    os.fsync(stream.fileno())
        except OSError as error:
            raise RunError(cannot_write(self._file, error)) from error
        return {"bytes": self._bytes, "sha256": self._digest.hexdigest()}

    def cut(self, state: Mapping[str, Any]) -> bytes:
        """Cuts the file back to a length, and returns what it holds.

        Raises:
            RunError: it is shorter, or holds something else.
        """
        try:
            content, size = self._read_beginning(state["bytes"])
        except OSError as error:
            raise RunError(Problem(f"cannot be read: {error.strerror}", str(self._file))) from error
        self._digest = hashlib.sha256(content)
        if len(content) != state["bytes"] or self._digest.hexdigest() != state["sha256"]:
            what = f"{self._file.name} has changed since the checkpoint was written"
            raise RunError(Problem(what, str(self._file.parent), hint="train again"))
        if size != len(content):
            write_bytes(self._file, content)
        self._bytes = len(content)
        return content

    def _read_beginning(self, length: int) -> tuple[bytes, int]:
        """So many bytes of the file, and how many it has."""
        if not is_there(self._file):
            return b"", 0
        with open_file(self._file, "rb") as stream:
            return stream.read(length), os.fstat(stream.fileno()).st_size


class _StepLosses:
    """The losses of steps in a folder: a file of the first, and of each other one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._first = _Grown(folder / LOSSES)
        self._others: dict[str, _Grown] = {}

    def append(self, losses: Mapping[str, Sequence[float]]) -> None:
        """Adds the losses of steps by name, the first one first.

        Raises:
            RunError: they cannot be written.
        """
        for place, (name, values) in enumerate(losses.items()):
            file = self._other(file_of(name)) if place else self._first
            if values:
                file.append(struct.pack(f"<{len(values)}f", *values))

    def _other(self, name: str) -> _Grown:
        return self._others.setdefault(name, _Grown(self._folder / name))

    def seal(self) -> dict[str, Any]:
        """Length and digest of the first, and where there are others of each, by its file."""
        others = {name: file.seal() for name, file in self._others.items()}
        return {"losses": self._first.seal(), **({"others": others} if others else {})}

    def cut(self, state: Mapping[str, Any]) -> None:
        """Cuts the files back to what they were when `seal` was asked.

        Raises:
            RunError: they are not those that it knew.
        """
        self._first.cut(state["losses"])
        known: Mapping[str, Any] = state.get("others", {})
        for name in {**dict.fromkeys(known), **dict.fromkeys(other_files(self._folder))}:
            self._other(name).cut(known.get(name, NOTHING))


class Checkpoints(Callback):
    """Keeps the best weights by the monitored score, and writes what a resumed run needs.

    `last/` holds whole checkpoints, the best weights among them; `best/`, written at the end, the
    best weights alone. Writing waits for the disk, so it happens as seldom as asked.

    Args:
        folder: holds `last` and `best`; None keeps the best weights in memory only.
        monitor: the score that tells the best; None for none.
        direction: "min" or "max".
        options: when to write.
        snapshots: epochs whose weights are kept for good, in `snapshots/EPOCH/`.
    """

    def __init__(
        self,
        folder: Path | None,
        monitor: str | None,
        direction: str,
        options: Checkpoint,
        snapshots: Collection[int] = (),
    ) -> None:
        self.best: dict[str, Tensor] | None = None
        self.best_state: dict[str, Any] = {}
        self.callbacks: dict[str, Callback] = {}
        self._folder = folder
        self._monitor = monitor
        self._options, self._snapshots = options, frozenset(snapshots)
        self._improvement = Improvement(direction)
        self._begun = self._written = time.monotonic()
        self._seconds = 0.0
        self._written_at: tuple[Any, ...] = ()
        self._best_written = 0

    def on_fit_start(self, training: Training) -> None:  # noqa: ARG002
        """Starts the clock."""
        self._begun = self._written = time.monotonic()

    def on_step_end(self, training: Training) -> None:
        """Writes where so many steps, or seconds, have passed."""
        if self._folder is None:
            return
        every = self._options.every_steps
        if (every and training.progress.step % every == 0) or self._is_late():
            self._write(training)

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:
        """Takes a copy of the weights if they are the best so far; writes where it is time."""
        if self._monitor is not None and self._improvement.update(scores[self._monitor]):
            self.best = _copy(training)
            self.best_state = self._state(training, scores[self._monitor])
        if self._folder is None:
            return
        progress = training.progress
        if progress.epoch in self._snapshots:
            place = self._folder / "snapshots" / str(progress.epoch)
            state = {"epoch": progress.epoch, "step": progress.step}
            checkpoint.save(place, {"weights": training.kept_weights()}, state)
        every = self._options.every_epochs
        if (every and training.progress.epoch % every == 0) or self._is_late():
            self._write(training)

    def seconds(self) -> float:
        """How long training has taken so far, over every process."""
        return self._seconds + time.monotonic() - self._begun

    def _is_late(self) -> bool:
        return time.monotonic() - self._written > self._options.every_s

    def write_best(self) -> None:
        """Writes the best weights, if they are not on disk yet: also when the training failed."""
        if self._folder is None or self.best is None:
            return
        if self._best_written != self.best_state["step"]:
            checkpoint.save(self._folder / "best", {"weights": self.best}, self.best_state)
            self._best_written = self.best_state["step"]

    def on_fit_end(self, training: Training) -> None:
        """Writes what is not on disk yet."""
        if self._folder is not None:
            self._write(training)
            self.write_best()

    def _write(self, training: Training) -> None:
        progress = training.progress
        at = (progress.step, progress.epoch, progress.stop)
        if self._folder is None or at == self._written_at:
            return
        states = snapshot.take(training, {**self.callbacks, "checkpoints": self})
        tensors, facts = snapshot.pack(states, training.model.state_dict())
        if self.best is not None:
            tensors["best"] = self.best
        checkpoint.save(self._folder / "last", tensors, facts, self._options.keep)
        self._written, self._written_at = time.monotonic(), at

    def restore(self, training: Training, log: Log | None) -> bool:
        """Puts a training and its callbacks back to the newest sound checkpoint.

        Returns:
            Whether there was one.

        Raises:
            RunError: there are some, and none is sound.
        """
        if self._folder is None or not checkpoint.has_checkpoint(self._folder / "last"):
            return False
        tensors, facts, problems = checkpoint.recover(self._folder / "last")
        for problem in problems:
            if log is not None:
                log(f"warning: {problem.what}; the one before it is used")
        self.best = tensors.get("best")
        callbacks = {**self.callbacks, "checkpoints": self}
        try:
            snapshot.restore(training, callbacks, snapshot.unpack(tensors, facts))
        except (RuntimeError, KeyError, ValueError, TypeError, IndexError) as error:
            what = f"the checkpoint does not fit this config: {str(error).splitlines()[0]}"
            raise RunError(Problem(what, str(self._folder), hint="train again")) from error
        progress = training.progress
        self._written_at = (progress.step, progress.epoch, progress.stop)
        return True

    def state_dict(self) -> dict[str, Any]:
        """The best score, and what is known of the best weights."""
        known = {"best": self._improvement.best, "best_state": self.best_state}
        return {**known, "seconds": self.seconds()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Puts back what `state_dict` gave."""
        self._improvement.best, self.best_state = state["best"], dict(state["best_state"])
        self._seconds = state["seconds"]
        if self.best is None and self.best_state:
            raise KeyError("the best weights are missing")

    def _state(self, training: Training, score: float) -> dict[str, Any]:
        return {
            "epoch": training.progress.epoch,
            "step": training.progress.step,
            "monitor": self._monitor,
            "score": score,
            "score_hex": score.hex(),
        }


def _copy(training: Training) -> dict[str, Tensor]:
    return {name: t.detach().clone() for name, t in training.kept_weights().items()}
