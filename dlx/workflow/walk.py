"""The seven steps in their order: each one done, refused, or done earlier and read again."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..config.granted import find_forbidden
from ..config.load import Loaded
from ..config.schema import Config
from ..data.origins import load
from ..data.samples import Samples
from ..data.targets import EncodedTarget
from ..errors import DlxError, Interrupted, MethodError, Problem, UsageError
from ..files import read_json, remove_tree
from ..runs.files import write_json
from ..runs.seal import seal_again
from ..sources.data import Data, cut, read_samples
from .attempt import Bench, direction_of
from .record import Record, open_workflow
from .watcher import Watcher

Finding = tuple[str, dict[str, Any]]
"""What a step found: one line for people, and the evidence."""


@dataclass
class Walk:
    """A workflow under way.

    Attributes:
        loaded: the task's config with what steps 2 and 3 chose.
        record: the run folder.
        watcher: told how it gets on.
        steps: all seven.
        config_dir: a further folder of configs.
        outs: the evidence of each step done.
        deadline: after it no further training of steps 6 and 7 begins.
    """

    loaded: Loaded
    record: Record
    watcher: Watcher
    steps: Sequence[Step]
    config_dir: str | None = None
    outs: dict[int, dict[str, Any]] = field(default_factory=dict)
    deadline: float = 0.0

    @property
    def config(self) -> Config:
        """The config as chosen so far."""
        return self.loaded.config

    @cached_property
    def samples(self) -> tuple[Samples, dict[str, EncodedTarget], float]:
        """The dataset, its targets, and how long reading took."""
        return read_samples(self.config)

    @cached_property
    def data(self) -> Data:
        """The dataset, cut by the protocol of step 3."""
        samples, targets, seconds = self.samples
        return cut(self.config, samples, targets, seconds)

    @cached_property
    def bench(self) -> Bench:
        """Every fold, prepared."""
        return Bench(self.config, self.data)

    def load_with(self, arguments: Sequence[str]) -> Loaded:
        """The config with further values, checked like any other.

        Raises:
            UsageError: they cannot be used, or the evidence, which a stranger may have written,
                asks for what only the user may.
        """
        if asked := find_forbidden(arguments, watchers=False):
            what = f"the records of this workflow contain `{asked}`, which they may not set"
            hint = "delete this folder; the same command then runs the steps again"
            raise UsageError(Problem(what, str(self.record.folder), hint=hint))
        return load([*self.loaded.arguments, *arguments], self.config_dir)

    def choose(self, arguments: Sequence[str]) -> None:
        """Keeps further values for all later steps."""
        if arguments:
            self.loaded = self.load_with(arguments)

    def facts(self) -> dict[str, Any]:
        """What `report.json` says of the workflow."""
        listed = [
            {
                "number": number,
                "title": step.title,
                "state": step.state if number in self.outs else "not reached",
                **self.outs.get(number, {}),
            }
            for number, step in enumerate(self.steps, start=1)
        ]
        told = {"steps": listed, "ladder": self.record.capacity_steps.read()}
        trials = self.record.trials.read()
        tuned = self.outs.get(7, {}).get("facts", {})
        if "final" in tuned:
            told |= {"chosen": tuned["chosen_trial"], "final": tuned["final"]}
        return {**told, "trials": trials, "direction": direction_of(self.config)}

    @property
    def onward(self) -> str:
        """What to type after the last step, where that is left out: a search; else ""."""
        if not self.steps[-1].left_out:
            return ""
        typed = [one for one in self.loaded.shown if not one.startswith("workflow.")]
        return shlex.join(["dlx", "tune", *typed, "--train-best"])

    def has_time_left(self) -> bool:
        """Whether another training may begin."""
        return time.monotonic() < self.deadline


@dataclass(frozen=True)
class Step:
    """One of the seven steps.

    Attributes:
        title: as the book calls it.
        take: does it.
        left_out: why it makes no sense for this kind of learning; "": it does.
    """

    title: str
    take: Callable[[Walk], Finding] | None = None
    left_out: str = ""

    @property
    def state(self) -> str:
        """What becomes of it."""
        return "left out" if self.left_out else "done"


def walk(
    loaded: Loaded,
    steps: Sequence[Step],
    watcher: Watcher,
    config_dir: str | None = None,
    marks: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Takes the steps of a config in order, until the last one asked for.

    Steps that an earlier command did are not done again.

    Args:
        loaded: the task's config.
        steps: all seven.
        watcher: told how it gets on.
        config_dir: a further folder of configs.
        marks: the experiment that was typed, for the run's status.

    Returns:
        The run folder.

    Raises:
        MethodError: a step is refused.
        DlxError: a step failed.
        Interrupted: it was asked to stop; the same command goes on.
    """
    until, ends = loaded.config.workflow.until, not steps[-1].left_out
    if until == len(steps) and ends and not loaded.config.test:
        what = "a workflow ends with one evaluation on the test set, but `test` is false"
        hint = "test=true, or workflow.until=6 to stop before"
        raise UsageError(Problem(what, "test", "true", hint))
    with open_workflow(loaded, marks) as record:
        under_way = Walk(loaded, record, watcher, steps, config_dir)
        for text in record.mend():
            watcher.on_message(6, text)
        under_way.deadline = time.monotonic() + 60 * loaded.config.workflow.budget_minutes
        for number in range(1, until + 1):
            _take(under_way, number)
        if until < len(steps) or not ends:
            record.status("paused", step=until, onward=under_way.onward)
            _write_report(under_way, "paused")
    return record.folder


def _take(under_way: Walk, number: int) -> None:
    """Takes one step, or reads what it left."""
    step, watcher, record = under_way.steps[number - 1], under_way.watcher, under_way.record
    watcher.on_step_start(number, step.title)
    if step.take is None:
        under_way.outs[number] = {"finding": step.left_out, "facts": {}}
        watcher.on_step_left_out(number, step.left_out)
        return
    try:
        out = record.output_of(number)
        known = out is not None
        if out is None:
            record.forget_after(number)
            finding, facts = step.take(under_way)
            out = {"finding": finding, "facts": facts}
            if number == len(under_way.steps):
                _complete(under_way, out)  # what is written last says that all is there
            record.write(str(number), out)
        elif chosen := out["facts"].get("chosen"):
            under_way.choose(chosen)
    except (Interrupted, KeyboardInterrupt):
        record.status("interrupted", step=number)
        raise
    except DlxError as error:
        state = "refused" if isinstance(error, MethodError) else "failed"
        watcher.on_step_failed(number, state, error.problems[0].what)
        _leave(under_way, number, error, state)
        raise
    under_way.outs[number] = out
    watcher.on_step_done(number, out["finding"], known)


def _leave(under_way: Walk, number: int, error: DlxError, state: str) -> None:
    """Keeps why a workflow ended; one that ended before any training leaves nothing behind."""
    record = under_way.record
    if record.fresh and number < 5:
        with suppress(OSError):
            remove_tree(record.folder)
        return
    record.status(state, step=number, reason=str(error))
    under_way.outs[number] = {"finding": error.problems[0].what, "facts": {}, "state": state}
    _write_report(under_way, state)


def _complete(under_way: Walk, out: dict[str, Any]) -> None:
    """Adds to the report of the final run what step 7 found with it."""
    under_way.outs[len(under_way.steps)] = out
    file = under_way.record.folder / "report.json"
    report = read_json(file)
    write_json(file, {**report, "workflow": under_way.facts()})
    seal_again(under_way.record.folder)


def _write_report(under_way: Walk, state: str) -> None:
    """The report of a workflow that has not come to its test."""
    config = under_way.config
    facts = {
        "schema_version": 1,
        "task": config.task,
        "title": config.about.title,
        "sample": config.dataset.options.sample,
        "seed": config.seed,
        "run": under_way.record.name,
        "state": state,
        "answer": None,
        "command": shlex.join(["dlx", "workflow", *under_way.loaded.shown]),
        "onward": under_way.onward,
        "workflow": under_way.facts(),
    }
    write_json(under_way.record.folder / "report.json", facts)
