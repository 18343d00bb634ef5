"""The run of a sweep or a search that has the best score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import Problem, UsageError
from ..runs.files import list_in, mapping, read_record
from ..runs.folder import MEANT, find, find_named_run, read_status
from .record import OUTCOME, find_sweep

OR_BEST = f"{MEANT}; or a sweep's folder or name, for its best run"
"""What a command takes that asks a run for answers."""


def find_answering(root: Path, name: str) -> Path:
    """The run folder that is meant; of a sweep that of its best trial.

    Raises:
        UsageError: there is none.
    """
    sweep = find_sweep(root, name)
    return find(root, name) if sweep is None else best_run(sweep)


def best_run(sweep: Path) -> Path:
    """The folder of its best trial that is finished and still there.

    Args:
        sweep: the sweep's folder.

    Raises:
        UsageError: there is none.
    """
    outcome = read_record(sweep / OUTCOME)
    root, worst = sweep.parent.parent, 1 if outcome.get("direction") == "min" else -1
    found: list[tuple[float, Path]] = []
    for trial in map(mapping, list_in(outcome, "trials")):
        run = find_named_run(root, trial.get("run"))
        if _is_number(trial.get("value")) and (read_status(run) or {}).get("state") == "done":
            found.append((worst * trial["value"], run))
    if found:
        return min(found, key=lambda one: one[0])[1]
    what = f"sweep {sweep.name} has no finished run with a score"
    raise UsageError(Problem(what, str(sweep), "a sweep with finished runs", "dlx runs"))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value
