"""One run folder: `runs/<task>/<time>-<digest>-<n>/`, made atomically, never reused.

The runs of a task in a sub-folder, as `course/week_1`, lie in `runs/course.week_1`.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..config.paths import folder_name
from ..errors import Problem, UsageError
from ..files import fence, is_file, read_json
from .files import write_json

MARK = "status.json"
"""What makes a folder a run folder; small, so that a thousand runs are listed in a second."""
MEANT = "a run folder, `last`, or a unique part of a run's name"
"""What `find` takes, in words."""

_TASK = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
RUN_NAME = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}-\d+")


def create(root: Path, task: str, digest: str) -> Path:
    """Makes a fresh run folder of a task; its name has the first eight digits of a digest.

    Raises:
        UsageError: the folder cannot be made.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S")
    parent = root / folder_name(task)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        # Runs of one second are told apart by their number, so that "last" is the last.
        taken = [_number(run.name) for run in all_runs(root) if run.name.startswith(stamp)]
        number = max(taken, default=0) + 1
        while True:
            folder = parent / f"{stamp}-{digest[:8]}-{number}"
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
            else:
                return fence(folder)
    except OSError as error:
        raise _not_writable(f"no run folder can be made: {error.strerror}", parent) from error


def check_writable(root: Path) -> None:
    """Finds out before any work whether run folders can be made below a root.

    Raises:
        UsageError: they cannot.
    """
    existing = root
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return
    reason = "it is not a folder" if not existing.is_dir() else "it is read-only"
    raise _not_writable(f"no run folder can be made below {root}: {reason}", existing)


def _not_writable(what: str, where: Path) -> UsageError:
    hint = "run.root=FOLDER chooses another"
    return UsageError(Problem(what, str(where), "a folder with write permission", hint))


def write_status(run: Path, status: dict[str, Any]) -> None:
    """Writes `status.json`, the one file that listings read."""
    write_json(run / MARK, {"schema_version": 1, **status})


def read_status(run: Path) -> dict[str, Any] | None:
    """The status of a run folder, None where there is none that can be read."""
    try:
        status = read_json(run / MARK)
    except (OSError, ValueError):
        return None
    return status if isinstance(status, dict) else None


def all_runs(root: Path) -> list[Path]:
    """Every run folder below a root, oldest first."""
    found: list[Path] = []
    for task in sorted(p for p in _entries(root) if p.is_dir()):
        found.extend(fence(p) for p in _entries(task) if RUN_NAME.fullmatch(p.name))
    return sorted(found, key=lambda p: (p.name[:15], _number(p.name), p.parent.name, p.name))


def find_named_run(root: Path, name: object) -> Path:
    """The folder of a run that a file names, `<task>/<folder>`; it need not be there.

    A name that leads elsewhere stands for a folder that is never there.
    """
    task, _, run = str(name).partition("/")
    sound = _TASK.fullmatch(task) and is_run_name(run)
    return fence(root / task / run) if sound else root / "no run"


def name_of(run: Path) -> str:
    """A run's name below the root, `<task>/<folder>`."""
    return f"{run.parent.name}/{run.name}"


def is_run_name(name: str) -> bool:
    """Whether a folder's name is one that `create` gives."""
    return RUN_NAME.fullmatch(name) is not None


def _number(name: str) -> int:
    return int(name.rpartition("-")[2])


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def find(root: Path, name: str) -> Path:
    """The run folder that a user means: a path, "last", or a unique part of `<task>/<folder>`.

    Raises:
        UsageError: there is none, or there are several.
    """
    direct = Path(name)
    with suppress(OSError, ValueError):  # too long for a path, or with a NUL
        if is_file(direct / MARK):
            return fence(direct)
    runs = all_runs(root)
    begun = (run for run in reversed(runs) if is_file(run / MARK))  # some died before that
    if name == "last" and (last := next(begun, None)) is not None:
        return last
    meant = any(map(str.isalnum, name))  # else "/" would be part of every name
    matching = [run for run in runs if meant and name in name_of(run)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        accepted = "more characters of the name: " + ", ".join(map(name_of, matching[:10]))
        raise UsageError(Problem(f"`{name}` matches {len(matching)} runs", str(root), accepted))
    what = f"there is no run `{name}`"
    raise UsageError(Problem(what, str(root), MEANT, "`dlx runs` lists them"))
