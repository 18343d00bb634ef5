"""A run under way: where it lies, and what is known of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config.load import Loaded, digest
from ..config.schema import Config
from ..judging.facts import Facts
from ..runs.folder import write_status
from ..runs.log import Log
from ..sources.data import Data
from ..sources.shared import Shared
from ..training.training import Training
from .earlier import ANEW, Before
from .stage import Stage

Say = Callable[[str], None]


def trains_several(config: Config, data: Data) -> bool:
    """Whether more than one model is trained, so that each has a folder of its own."""
    return config.final != "only" and (len(data.split.folds) > 1 or bool(config.final))


@dataclass
class Run:
    """A run under way: where it lies and what is known of it so far.

    Attributes:
        folder: the run folder.
        loaded: its config.
        data: its dataset, cut.
        stage: the training under way: of the only fold, of one of several, or the final one.
        facts: those of `report.json`.
        seconds: what took how long.
        log: `log.txt`, and the user.
        verb: what was typed; the ledger keeps it.
        marks: further entries of `status.json`.
        resumed: whether an earlier process began it.
        shared: where data and prepared folds come from.
        threads: the thread count, and how it was chosen.
        before: what an earlier process computed by.
    """

    folder: Path
    loaded: Loaded
    data: Data
    stage: Stage
    facts: Facts
    seconds: dict[str, float]
    log: Log
    shared: Shared
    verb: str = "train"
    marks: dict[str, Any] = field(default_factory=dict)
    resumed: bool = False
    threads: dict[str, Any] = field(default_factory=dict)
    before: Before = ANEW
    started: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%S%z"))

    @property
    def config(self) -> Config:
        """The run's config."""
        return self.loaded.config

    @property
    def training(self) -> Training:
        """The training under way, or the last one."""
        return self.stage.training

    @property
    def name(self) -> str:
        """The run's name below the root."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def several(self) -> bool:
        """Whether more than one model is trained, so that each has a folder of its own."""
        return trains_several(self.config, self.data)

    def write_status(self, state: str, **more: Any) -> None:
        """Writes `status.json`."""
        status = {
            "run": self.name,
            "task": self.config.task,
            "title": self.config.about.title,
            "verb": self.verb,
            "state": state,
            "started": self.started,
            "seconds": round(sum(self.seconds.values()), 3),
            "sample": self.data.samples.sample,
            "overrides": self.loaded.shown,
            "seed": self.config.seed,
            "config_digest": digest(self.config),
            **self.marks,
            **more,
        }
        write_status(self.folder, status)


@dataclass(frozen=True)
class Within:
    """What a run is a part of: a workflow, whose folder it fills.

    Attributes:
        folder: the run folder.
        data: the dataset, cut.
        verb: what was typed.
        facts: further facts for `report.json`.
        marks: further entries of `status.json`.
    """

    folder: Path
    data: Data
    verb: str
    facts: Facts
    marks: dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """What a run is one of: the trials of a sweep, which share a process.

    Attributes:
        shared: what they have in common.
        marks: further entries of `status.json`.
        begun: told the run folder as soon as there is one.
    """

    shared: Shared
    marks: dict[str, Any]
    begun: Callable[[Path], None]
