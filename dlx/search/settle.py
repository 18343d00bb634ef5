"""What becomes of runs whose sweep was killed or whose process died, and of the best setting."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..config.learners import judged_score
from ..config.names import plural
from ..config.schema import Config
from ..config.secrets import hide_in_arguments
from ..data.origins import load
from ..errors import DlxError, MethodError, Problem, RunError, UsageError
from ..machine import cores
from ..runs.folder import find_named_run, name_of, read_status, write_status
from ..runs.lock import holder, is_held
from ..runs.log import Log, silent
from .pool import Message
from .record import harvest, read_curve
from .watch import Row

WAIT_S = 20.0
"""Time that a process of a sweep that was killed has to write its last checkpoint."""


def settle(run: Path) -> Message | None:
    """How a run ended before anybody heard of it; waits for its process.

    Returns:
        As an event of a worker, what a finished run gave beside it; None where it can be gone on
        with.

    Raises:
        UsageError: a process is still at work on it, as a job of a cluster may be.
    """
    until = time.monotonic() + WAIT_S
    while is_held(run):
        if time.monotonic() > until:
            what = f"a trial is still training: {holder(run)}"
            raise UsageError(Problem(what, str(run), hint="wait for it to end, or stop it"))
        time.sleep(0.1)
    if (found := harvest(run)) is not None:
        return {"event": "done", **found}
    status = read_status(run) or {}
    state = status.get("state")
    if state not in ("pruned", "failed") or status.get("shortage"):
        return None
    return {"event": state, "reason": str(status.get("reason", "")), "run": name_of(run)}


def settle_end(ended: Message, run: Path | None, key: str) -> Message:
    """What really became of a trial: its folder knows better than a worker that died.

    Args:
        ended: an event of a worker, or its death.
        run: the trial's run folder, if there is one.
        key: digest of the trial's config.

    Returns:
        For a finished run, "done" and what it gave; else what was heard.
    """
    if run is not None and ended["event"] in ("done", "failed"):
        status = read_status(run) or {}
        mine = status.get("config_digest") == key
        if mine and (found := harvest(run)) is not None:
            return {"event": "done", **found}
        if mine and status.get("shortage"):  # it is said there, where it could not be answered
            return {"event": "failed", "kind": "machine", "reason": str(status.get("reason"))}
    if ended["event"] == "done":
        return {"event": "failed", "kind": "run", "reason": "its run folder is damaged"}
    return ended


def is_resumable(run: Path) -> bool:
    """Whether a run was broken off and nobody is at work on it."""
    status = read_status(run) or {}
    broken = status.get("state") in ("running", "interrupted") or bool(status.get("shortage"))
    return broken and status.get("state") != "done" and not is_held(run)


def stop_error(what: str, reason: str, folder: Path) -> RunError:
    """Why a sweep or search stops before its end: no further trial would fare better.

    Args:
        what: "sweep" or "search".
        reason: what the machine lacks, in a trial's words.
        folder: of the sweep.
    """
    said = f"the {what} stops, since no trial can be saved: {reason.splitlines()[0]}"
    hint = "the same command continues from what is done once the machine has enough again"
    return RunError(Problem(said, str(folder), hint=hint))


def log_failure(run: Path, reason: str, traceback: str) -> None:
    """Writes why a trial failed into its run folder, where its own process could not."""
    status = read_status(run)
    log = Log(run / "log.txt", silent)
    with suppress(DlxError):  # the sweep's record has it as well
        if status is not None and status.get("state") == "running":
            write_status(run, {**status, "state": "failed", "reason": reason})
            log.keep(f"failed: {reason}")
        if traceback:
            log.keep(traceback)


def shared_threads(runner: Any, message: Message) -> dict[str, Any] | None:
    """The thread count for trials that run side by side: measured, but no more than a fair share.

    Args:
        runner: where trials run; `jobs` of them at a time.
        message: an order whose config is measured.

    Returns:
        The count and how it was chosen; None where this config cannot be measured.
    """
    several, most = runner.jobs > 1, max(1, cores() // runner.jobs)
    if several and most == 1:
        return {"count": 1, "how": "shared out"}
    answer = runner.ask({**message, "do": "threads"})
    if answer["event"] != "threads":
        return None
    found: dict[str, Any] = answer["threads"]
    return {"count": most, "how": "shared out"} if several and found["count"] > most else found


def known_threads(outcome: Mapping[str, Any]) -> dict[str, Any] | None:
    """The thread count that a sweep's trials have run with so far; None where it cannot be had."""
    count = outcome.get("threads")
    usable = isinstance(count, int) and 0 < count <= cores()
    return {"count": count, "how": "sweep"} if usable else None


def final_arguments(
    arguments: Sequence[str], threads: dict[str, Any] | None, config_dir: str | None
) -> list[str]:
    """What `dlx train` takes to train a trial's setting for good, with one look at the test part.

    Args:
        arguments: those of the trial.
        threads: the count that trials ran with, where the config leaves it open.
        config_dir: a further folder of configs.
    """
    asked = [a for a in arguments if a not in ("test=false", "final=false")]
    if threads is not None:
        asked.append(f"trainer.threads={threads['count']}")
    try:  # a final model on all rows outside the test part, where the protocol holds rows out
        return list(load([*asked, "final=true"], config_dir).arguments)
    except (UsageError, MethodError):
        return asked


def best_facts(
    arguments: Sequence[str], config_dir: str | None, root: Path, trial: Row
) -> dict[str, Any]:
    """The best setting, the command that trains it for good, and what that trains at last.

    Args:
        arguments: from `final_arguments`.
        config_dir: a further folder of configs.
        root: the folder of all runs.
        trial: the setting's, under the seed of the command.
    """
    config = load(arguments, config_dir).config
    told = _describe_final(config, root, trial) if config.final else ""
    command = format_command(["train"], arguments, config_dir)
    return {"point": trial["point"], "command": command, "final": told}


def _describe_final(config: Config, root: Path, trial: Row) -> str:
    """For how many epochs the final model trains, and why so many."""
    curve, epoch = read_curve(find_named_run(root, trial["run"])), trial.get("epoch")
    if trial["state"] != "done" or not epoch or not curve:
        return ""
    end = curve[-1]
    said = "the final model trains on all rows outside the test set, for"
    if not config.schedule.options.anneals:
        return f"{said} {plural(int(epoch), 'epoch')}, the best number on the validation set"
    score, last = judged_score(config), end["epoch"]
    every = f"{'all ' if last > 1 else ''}{plural(last, 'epoch')}"
    text = f"{said} {every}, since only the last epoch of schedule {config.schedule.name} is final"
    here, best = end.get(score), trial.get("values", {}).get(score)
    if not isinstance(here, (int, float)) or best is None or epoch == last:
        return text
    return f"{text}; {score} was {here:.4g} there, and {best:.4g} at epoch {epoch}"


def format_command(verb: Sequence[str], arguments: Sequence[str], config_dir: str | None) -> str:
    """A command as it is typed, secrets hidden."""
    folder = ["--config-dir", config_dir] if config_dir is not None else []
    return shlex.join(["dlx", *verb, *folder, *hide_in_arguments(arguments)])
