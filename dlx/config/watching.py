"""Checks of what watches a training: the scores that are monitored, callbacks, the schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..errors import Problem
from .files import Path, Where
from .learners import epoch_scores, has_validation, monitor_of, one_cut, reads, spec_of
from .names import did_you_mean, join_names
from .schema import Config


def check_monitors(config: Config, where: Where) -> Iterator[Problem]:
    """Scores that are to be monitored, but are not there."""
    if config.final == "only":  # nothing is held out to be watched, and nothing watches
        return
    known, asked = epoch_scores(config), _list_monitors(config)
    if hasattr(config.schedule.options, "monitor"):
        asked.append((("schedule", "monitor"), config.schedule.options.monitor))
    for path, name in asked:
        if name == "auto" and path[0] != "trainer" and monitor_of(config) is None:
            yield _monitor_problem(config, path[:-1], where)
        elif name not in ("auto", *known) and not _is_no_picker(config, name):
            key = ".".join(path)
            there = name in spec_of(config).scores(config)
            why = "is measured at the end only" if there else "no metric of this run computes"
            what = f"`{key}` is {name}, which {why}"
            other = f"{key}={known[0]}" if known else _hint_at_none(path)
            near = [*known, *_training_scores(config)] if path[0] == "callbacks" else known
            hint = did_you_mean(name, near, f"{key}={{}}") or other
            yield Problem(what, where(path), join_names(known or near) or _NO_PICKER, hint)


def _is_no_picker(config: Config, name: str) -> bool:
    """Whether a score that may choose no epoch is there; `forbidden` says where it may not."""
    return name.startswith("test/") or name in _training_scores(config)


def _training_scores(config: Config) -> list[str]:
    """Those of training rows that every epoch has: they may end a training, but choose no epoch."""
    scores = spec_of(config).scores(config).items()
    return [name for name, one in scores if one.each_epoch and name.startswith("train/")]


_NO_PICKER = "none: no score of validation rows is there in every epoch"


def _hint_at_none(path: Path) -> str:
    """What to type in place of what would monitor a score where none can be."""
    if path[0] == "trainer":
        return "trainer.monitor=auto"
    return "schedule=constant" if path[0] == "schedule" else f"'~{'.'.join(path[:2])}'"


def _list_monitors(config: Config) -> list[tuple[Path, str]]:
    """The scores that choose the epoch or end the training, and where they are named."""
    options: dict[Path, Any] = {("trainer",): config.trainer}
    options |= {("callbacks", name): one.options for name, one in config.callbacks.items()}
    return [((*at, "monitor"), o.monitor) for at, o in options.items() if hasattr(o, "monitor")]


def _monitor_problem(config: Config, path: Path, where: Where) -> Problem:
    """For what needs a monitored score where there is none."""
    what = f"{'.'.join(path)} needs a score to monitor, but"
    if has_validation(config) or not reads(config, "protocol"):
        known, hint = epoch_scores(config), _hint_at_none(path)
        hint = f"{'.'.join(path)}.monitor={known[0]}" if known else hint
        what = f"{what} learner {config.learner.name} has none"
        return Problem(what, where(path), join_names(known) or _NO_PICKER, hint)
    what = f"{what} protocol {config.protocol.name} has no validation set"
    return Problem(what, where(path), hint=one_cut(config))


def find_wrong_pickers(config: Config, where: Where) -> Iterator[Problem]:
    """The epoch is chosen on validation rows: never on test rows, never on training rows.

    What a callback watches chooses none, but may end the training: by a training score as well.
    """
    for path, score in _list_monitors(config):
        part = score.partition("/")[0]
        reason = _WRONG_PICKERS.get(part)
        if reason and not (part == "train" and path[0] == "callbacks"):
            known, key = epoch_scores(config), ".".join(path)
            without = monitor_of(config, "auto") is None and path[0] != "trainer"
            hint = _hint_at_none(path) if without else f"{key}=auto"
            accepted = join_names(known) or _NO_PICKER
            yield Problem(f"`{key}` is {score}: {reason}", where(path), accepted, hint)


_WRONG_PICKERS = {
    "train": "a training score may not choose the epoch: it also improves when the model overfits",
    "test": "choosing by the test score is tuning on the test set, and leaves none to test on",
}


def check_callbacks(config: Config, where: Where) -> Iterator[Problem]:
    """Callbacks that begin after the last epoch, or need rows that are not held out."""
    last = config.trainer.epochs
    for name, one in config.callbacks.items():
        if getattr(one.options, "needs_validation", False) and not has_validation(config):
            why, hint = _why_none_validate(config, name)
            what = f"callbacks.{name} needs validation rows, but {why}"
            yield Problem(what, where(("callbacks", name)), hint=hint)
        first = getattr(one.options, "from_epoch", 1)
        if first > last > 0:
            key = f"callbacks.{name}.from_epoch"
            what = f"`{key}` is {first}, but training ends after epoch {last}"
            yield Problem(what, where(tuple(key.split("."))), f"a whole number from 1 to {last}")


def _why_none_validate(config: Config, callback: str) -> tuple[str, str]:
    """Why no rows are held out, and what to type."""
    if not reads(config, "protocol"):
        return f"learner {config.learner.name} has none", f"'~callbacks.{callback}'"
    if config.final == "only":
        return "`final: only` holds none out", "final=false"
    return f"protocol {config.protocol.name} has no validation set", one_cut(config)


def check_schedule(config: Config, where: Where) -> Iterator[Problem]:
    """What the options of the schedule contradict."""
    for option, problem in config.schedule.options.check():
        hint = f"schedule.{problem.hint}" if problem.hint else ""
        here = where(("schedule", option)) or where(("schedule",))
        yield replace(problem, where=here, hint=hint)
