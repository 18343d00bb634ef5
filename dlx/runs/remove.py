"""Deleting runs, whole folders inside the root that nothing refers to, and what is half-written."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DlxError, Problem, RunError, UsageError
from ..files import read_bytes, sweep_temporaries
from .folder import RUN_NAME, all_runs, is_run_name, name_of, read_status
from .listing import status_of
from .lock import NAME, holder, is_held, try_to_hold

SWEEPS = "sweeps"
LOCK_FILE = "dlx.lock"
CLAIMS = "experiments"
_WHOLE = ("done", "pruned")

_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
_LEFT = re.compile(r"\.(?P<run>.+)\.\d+\.removed")
_MOST = 16 * 1024 * 1024
"""Bytes of a file that are searched for names of runs; a longer one is not a record of ours."""


@dataclass(frozen=True)
class Candidate:
    """A run that was asked to go.

    Attributes:
        folder: where it lies.
        state: what it says of itself.
        size: bytes of its files.
        busy: which process is at work in it; "" if none.
        kept_by: what refers to it; "" if nothing does.
    """

    folder: Path
    state: str
    size: int
    busy: str = ""
    kept_by: str = ""

    @property
    def name(self) -> str:
        """Its name below the root."""
        return name_of(self.folder)


def candidates(root: Path, folders: Iterable[Path]) -> list[Candidate]:
    """What is known of runs that are asked to go, before anything is touched.

    Those that another process has deleted meanwhile are left out.

    Raises:
        UsageError: one is no run folder inside the root.
    """
    checked = dict(_check_folder(root, folder) for folder in folders if folder.exists())
    referred = _Referred(root)
    found = []
    for folder, status in checked.items():
        busy = holder(folder) if is_held(folder) else ""
        state = str(status["state"])
        found.append(Candidate(folder, state, _size(folder), busy, referred.by(folder, status)))
    return found


def _check_folder(root: Path, folder: Path) -> tuple[Path, dict[str, Any]]:
    """A run folder's real place, and its status."""
    real = folder.parent.resolve() / folder.name
    status = status_of(real) if is_run_name(real.name) and not real.is_symlink() else None
    told = {
        "it is a symbolic link": real.is_symlink(),
        f"it is not in a task's folder in {root}": real.parent.parent != root.resolve(),
        "its lock is a symbolic link": (real / NAME).is_symlink(),
        "its name is not that of a run": not is_run_name(real.name),
        "it has no run status": not _is_ours(status),
    }
    for reason, wrong in told.items():
        if wrong:
            what = f"{folder} is not a run that may be deleted: {reason}"
            raise UsageError(Problem(what, str(folder), "a run folder inside the root"))
    return real, status or {}


def _is_ours(status: dict[str, Any] | None) -> bool:
    return status is not None and all(isinstance(status.get(k), str) for k in ("run", "state"))


def _size(folder: Path) -> int:
    """Bytes of the files in a folder; links count as what they are."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(where, name)).st_size
    return total


class _Referred:
    """What refers to runs: sweeps, lock files, claims."""

    def __init__(self, root: Path) -> None:
        self._names: dict[str, str] = {}
        self._digests: dict[str, str] = {}
        self._sweeps = {f.name for f in _folders(root / SWEEPS)}
        for name in self._sweeps:
            for file in _files(root / SWEEPS / name, (".json", ".jsonl")):
                self._note(file, f"sweep {name} refers to it")
        for place in dict.fromkeys((Path.cwd(), root.resolve().parent)):
            for digest in _DIGEST.findall(_text(place / LOCK_FILE)):
                self._digests.setdefault(digest, f"{LOCK_FILE} pins its config")
            self._note(place / LOCK_FILE, f"{LOCK_FILE} names it")
            for file in _files(place / CLAIMS, (".yaml",)):
                self._note(file, f"claim {file.stem} names it")

    def _note(self, file: Path, why: str) -> None:
        for name in RUN_NAME.findall(_text(file)):
            self._names.setdefault(name, why)

    def by(self, folder: Path, status: dict[str, Any]) -> str:
        """What refers to a run, in words; "" if nothing does."""
        sweep = status.get("sweep")
        of_sweep = f"it is a trial of sweep {sweep}" if sweep in self._sweeps else ""
        digest = self._digests.get(str(status.get("config_digest")), "")
        return self._names.get(folder.name) or of_sweep or digest


def _folders(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from (one for one in folder.iterdir() if one.is_dir())


def _files(folder: Path, endings: Sequence[str]) -> Iterator[Path]:
    with suppress(OSError):
        yield from sorted(one for one in folder.iterdir() if one.suffix in endings)


def _text(file: Path) -> str:
    """What a file holds, if it is a plain one of a sensible size."""
    with suppress(OSError):
        return read_bytes(file, _MOST).decode("utf-8", "replace")
    return ""


def remove(folder: Path) -> bool:
    """Deletes a run folder of `candidates`: it leaves the listings at once, then its files go.

    Returns:
        Whether it is gone; not where a process has started to use it.

    Raises:
        RunError: it cannot be deleted, or not all of it.
    """
    hidden = folder.with_name(f".{folder.name}.{os.getpid()}.removed")
    try:
        if not _hide(folder, hidden):
            return False
    except DlxError:
        if folder.exists():  # else another process was faster
            raise
    _delete(hidden)
    return True


def _hide(folder: Path, hidden: Path) -> bool:
    """Renames a run folder that nobody is at work in; whether it has."""
    with try_to_hold(folder, sign=False) as mine:
        if not mine:
            return False
        try:
            os.rename(folder, hidden)
        except OSError as error:
            what = f"the run cannot be deleted: {error.strerror}"
            raise RunError(Problem(what, str(folder))) from error
    return True


def clear_leftovers(root: Path) -> None:
    """Deletes what a removal that was broken off has left."""
    for task in _folders(root):
        for left in _folders(task):
            named = _LEFT.fullmatch(left.name)
            inside = not task.is_symlink() and not left.is_symlink()
            if named and is_run_name(named["run"]) and inside:
                _delete(left)


def sweep_below(root: Path) -> None:
    """Deletes what killed processes left half-written in runs that came to no end.

    Runs that a process is at work in are left alone.
    """
    for folder in all_runs(root):
        state = (read_status(folder) or {}).get("state")
        if state not in _WHOLE and not is_held(folder):
            sweep_temporaries(folder)


def _delete(hidden: Path) -> None:
    """Deletes a folder's files; links in it are deleted, not followed."""
    while hidden.exists():
        try:
            shutil.rmtree(hidden)
        except FileNotFoundError:  # another process deletes the same
            continue
        except OSError as error:
            what = f"not all files of a run could be deleted: {error.strerror}"
            raise RunError(Problem(what, str(error.filename or hidden))) from error
