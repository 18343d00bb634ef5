"""Going on with a run that was broken off, or for more epochs: from its folder alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config.extras import find_missing
from ..config.fields import to_plain
from ..config.load import Loaded, digest, load_saved, wrap_config
from ..config.schema import Config
from ..errors import Problem, RunError, UsageError
from ..runs import seal
from ..runs.folder import all_runs, read_status
from ..runs.lock import is_held
from .earlier import read_earlier
from .owner import is_own

FREE = ("run.", "about.", "checkpoint.", "plugins", "trainer.device")
"""What no result depends on, or what a run may be moved to."""

UNFINISHED = ("running", "interrupted", "failed")


def load_resumable(folder: Path, arguments: Sequence[str] = ()) -> Loaded:
    """The config that a run goes on with.

    Args:
        folder: the run folder.
        arguments: values of the shell; `trainer.epochs` may grow, and what no result depends on
            may change.

    Raises:
        UsageError: a value that may not change differs, or the folder holds no run to go on with.
        RunError: the folder is damaged.
    """
    earlier = read_earlier(folder)
    if earlier.status.get("verb") == "workflow":
        what = "this run belongs to a workflow: the same dlx workflow command continues it"
        raise UsageError(Problem(what, str(folder)))
    shown = f"{folder.name}/config.yaml"
    plugins = _plugins(arguments)
    before = load_saved(folder / "config.yaml", shown, plugins)
    earlier.check_config(before)
    seal.check(folder, weights=False)  # a damaged checkpoint has one before it
    now = load_saved(folder / "config.yaml", shown, plugins, arguments)
    problems = [*_differences(before, now), *find_missing(now, lambda _: shown)]
    if problems := [*problems, *_watchers(folder, now, arguments)]:
        raise UsageError(*problems)
    now = replace(now, run=replace(now.run, root=str(folder.parent.parent)))  # it may have moved
    used = [str(one) for one in earlier.status.get("overrides", [])]
    longer = [f"trainer.epochs={now.trainer.epochs}"] if _is_longer(before, now) else []
    return wrap_config(now, [*used, *longer])


def _plugins(arguments: Sequence[str]) -> list[str]:
    """The packages that the shell allows."""
    import yaml

    found: list[str] = []
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key == "plugins":
            read = yaml.safe_load(value)
            found = [str(one) for one in read] if isinstance(read, list) else [str(read)]
    return found


def _differences(before: Config, now: Config) -> Iterator[Problem]:
    """Every key that may not change and does, with both values."""
    old, new = _flat(to_plain(before)), _flat(to_plain(now))
    for key in dict.fromkeys([*old, *new]):
        if old.get(key) == new.get(key) or key.startswith(FREE):
            continue
        if key == "trainer.epochs" and _is_longer(before, now):
            if reason := _explain_length(before):
                yield Problem(
                    (f"`{key}` cannot be increased: {reason}"), "command line", str(old[key])
                )
            continue
        told = f"`{key}` is {new.get(key)!r}, but the run was started with {old.get(key)!r}"
        yield Problem(
            told, "command line", ("the same, or more trainer.epochs"), "dlx train starts a new run"
        )


def _watchers(folder: Path, config: Config, arguments: Sequence[str]) -> Iterator[Problem]:
    """A run folder that was not made here cannot say where a run is told of."""
    if not config.run.watch or is_own(folder):
        return
    for name, chosen in config.callbacks.items():
        address = getattr(chosen.options, "tracking_uri", None)
        argument = f"callbacks.{name}.tracking_uri={address}"
        if address is not None and argument not in arguments:
            what = f"`callbacks.{name}.tracking_uri` is {address}, which only the run folder names"
            hint = f"dlx resume ... {argument}, if that is right; or run.watch=false"
            accepted = "a run folder made here, or the address on the command line"
            yield Problem(what, f"{folder.name}/config.yaml", accepted, hint)


def _is_longer(before: Config, now: Config) -> bool:
    return now.trainer.epochs > before.trainer.epochs


def _explain_length(config: Config) -> str:
    average = config.trainer.average.options
    if average.first_epoch(1) != average.first_epoch(10**6):
        return "the epoch from which weights are averaged depends on it"
    if config.schedule.options.anneals:
        return f"with schedule {config.schedule.name} the rate of every step depends on it"
    if config.final or config.trainer.last_epoch is not None:
        return "the final model trains for the number of epochs that was best over the folds"
    return ""


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(values, dict) and values:
        found: dict[str, Any] = {}
        for key, value in values.items():
            found |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
        return found
    return {prefix: values}


def find_unfinished(config: Config) -> Path | None:
    """The newest run of a config that nobody is at work on and that did not come to its end."""
    wanted = digest(config)
    for folder in reversed(all_runs(Path(config.run.root))):
        if folder.name.split("-")[2] != wanted[:8]:
            continue
        status = read_status(folder) or {}
        unfinished = status.get("state") in UNFINISHED and status.get("verb") == "train"
        if unfinished and status.get("config_digest") == wanted and not is_held(folder):
            return folder
    return None


def is_done(folder: Path, loaded: Loaded) -> bool:
    """Whether there is nothing left to do.

    Raises:
        RunError: the folder is no run's.
    """
    status = read_status(folder)
    if status is None:
        raise RunError(Problem("status.json cannot be read", str(folder), hint="train again"))
    return status.get("state") == "done" and status.get("config_digest") == digest(loaded.config)
