"""Short trainings on little data, and what they go through."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..config.learners import spec_of
from ..config.schema import Config
from ..data.origins import load, locate_files
from ..files import read_bytes
from ..learning.learner import Learner
from ..running.staging import build_training
from ..runs.artifacts import Artifacts, list_artifacts
from ..runs.files import write_bytes
from ..sources.data import read_data
from ..sources.fold import FoldData, prepare_fold
from ..state import State
from ..training import snapshot
from ..training.callbacks import Callback
from ..training.loop import fit
from ..training.training import Training
from .contract import require_same, through_json, working

SHORT = (
    *("task=wine", "dataset.sample=true"),
    *("trainer.epochs=2", "trainer.threads=1", "trainer.device=cpu"),
)
"""What is trained where nothing else is said."""
STEPS = 3
"""Steps of an epoch."""


@dataclass(frozen=True)
class Subject:
    """What is trained: a config of few epochs with few steps, a fold, the learner's class."""

    config: Config
    fold: FoldData
    kind: type[Learner]

    @classmethod
    def of(cls, overrides: tuple[str, ...], kind: type[Learner] | None = None) -> Subject:
        """The first fold of a config, as on the command line; perhaps with another learner."""
        config = locate_files(load([*SHORT, *overrides]).config)
        data = read_data(config)
        fold = prepare_fold(config, data, data.split.folds[0])
        trainer = config.trainer
        if not spec_of(config).fresh:  # else what is played is cut into batches
            trainer = replace(trainer, batch_size=-(-len(fold.train) // STEPS))
        return cls(replace(config, trainer=trainer), fold, kind or config.learner.load())

    def changed(self, **sections: Any) -> Subject:
        """The same with other sections in its config."""
        return replace(self, config=replace(self.config, **sections))

    def learner(self) -> Learner:
        """A fresh one, wherever the global generators stand."""
        torch.rand(1), np.random.random(), random.random()  # noqa: S311
        fold = self.fold
        return self.kind.build(self.config, fold.inputs, fold.targets, fold.device)

    def training(self, learner: Learner | None = None) -> Training:
        """One at its start; of a fresh learner, if none is given."""
        learner = learner or self.learner()
        return build_training(self.config, learner, learner.source(self.fold, 0))

    def fit(self, training: Training, *callbacks: Callback) -> dict[str, Any]:
        """Trains to the end, and tells where all but callbacks and global generators are."""
        fit(training, self.fold, callbacks)
        states = snapshot.take(training, {})
        del states["generators"], states["callbacks"]
        return {
            f"{part}/{name}": value
            for part, state in states.items()
            for name, value in [*copies(state.tensors).items(), *state.facts.items()]
        }


class Trail(Callback):
    """Keeps what a training goes through: its states, step by step, and its epochs.

    Args:
        clause: the one that a state breaks which JSON cannot hold.
        named: callbacks whose state is kept as well, by name.
        artifacts: whether the learner is asked for some after each epoch.
    """

    def __init__(
        self, clause: str, named: Mapping[str, Callback] | None = None, artifacts: bool = False
    ) -> None:
        self._clause, self._named, self._artifacts = clause, dict(named or {}), artifacts
        self.states: list[snapshot.States] = []
        self.epochs: dict[str, Any] = {}

    def on_step_end(self, training: Training) -> None:
        """Takes a copy of everything that the rest depends on."""
        taken: dict[str, State] = {}
        for name, one in snapshot.take(training, self._named).items():
            facts = through_json(self._clause, dict(one.facts))
            taken[name] = State(copies(one.tensors), facts)
        self.states.append(taken)

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:
        """Takes the scores, and what the learner has to show."""
        epoch = training.progress.epoch
        found = left_by(training.learner, epoch) if self._artifacts else {}
        self.epochs[f"epoch {epoch}"] = {**scores, **found}


def copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as they are now."""
    return {name: one.detach().clone() for name, one in tensors.items()}


def left_by(learner: Learner, epoch: int | None) -> dict[str, str]:
    """The artifacts of an epoch, or of the end (None); a disk that fails is tried too."""
    when, found = "end" if epoch is None else "epoch", []
    with tempfile.TemporaryDirectory() as temporary:
        for folder in (Path(temporary) / "first", Path(temporary) / "second"):
            folder.mkdir()
            into = Artifacts(folder)
            into.epoch = epoch
            with working(f'artifacts(into, "{when}") can be called'):
                learner.artifacts(into, when)
            found.append(
                {one.file: read_bytes(folder / one.file).hex() for one in list_artifacts(folder)}
            )
            write_bytes(folder / "full", b"")
            with suppress(Exception):  # as in a run, where it is a warning
                learner.artifacts(Artifacts(folder / "full"), when)
    require_same("artifacts that are written twice have the same bytes", found[1], found[0])
    return found[0]
