"""The seal of a run that has ended: SHA-256 of its files, `files.json`, and of that in its status.

What is made anew from the others is left out: `report.html`, `plots/`, and what callbacks write.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from ..errors import Problem, RunError
from ..files import is_file, names_in, parse_json, read_bytes, sha256_of
from . import artifacts
from .files import write_text
from .folder import read_status, write_status
from .step_losses import LOSSES, other_files

NAME = "files.json"
UNSEALED = (
    "its files were not checked: the run has no checksums of them (an older dlx, or it was killed)"
)

_FILES = (
    *("config.yaml", "overrides.yaml", "environment.json", "data.json", "report.json"),
    *("metrics.jsonl", "final.jsonl", LOSSES, "predictions.csv", "errors.json"),
    artifacts.NAME,
)
_FOLDERS = ("prepare", "workflow", artifacts.FOLDER, "checkpoints/best", "checkpoints/last")
_SNAPSHOTS = "checkpoints/snapshots"


def seal(run: Path) -> str:
    """Writes the `files.json` of a run that has ended.

    Returns:
        Its digest, for the status, which is written last.

    Raises:
        RunError: it cannot be written, or a file cannot be read.
    """
    text = json.dumps({name: _digest(run / name) for name in _evidence(run)}, indent=1) + "\n"
    write_text(run / NAME, text)
    return hashlib.sha256(text.encode()).hexdigest()


def seal_again(run: Path) -> None:
    """Seals a run anew that has ended, after its files were added to.

    Raises:
        RunError: it cannot be written, or a file cannot be read.
    """
    status = read_status(run) or {}
    write_status(run, {**status, "files": seal(run)})


def is_sealed(run: Path) -> bool:
    """Whether a run has ended under a dlx that seals; its files can be checked then."""
    return isinstance((read_status(run) or {}).get("files"), str)


def sealed_names(run: Path) -> list[str]:
    """The files that a run had when it ended; none where that is not known."""
    try:
        return list(_read_digests(run))
    except (OSError, ValueError):
        return []


def find_broken(run: Path, weights: bool = True) -> list[str]:
    """What is no longer as it was when a run ended, in words; nothing where it has no seal.

    Without `weights` checkpoints, which have manifests of their own, are not looked at.
    """
    if not is_sealed(run):
        return []
    try:
        known = _read_digests(run)
    except (OSError, ValueError):
        return [f"{NAME} has changed since the run ended"]
    asked = [name for name in known if weights or "checkpoints" not in Path(name).parts]
    return [told for name in asked if (told := _describe_damage(run, name, known[name]))]


def check(run: Path, weights: bool = True) -> None:
    """Refuses a run with a file that has changed since the run ended; see `broken`.

    Raises:
        RunError: with each such file.
    """
    hint = "restore the file from a copy, or train again"
    if found := find_broken(run, weights):
        raise RunError(*(Problem(one, str(run), hint=hint) for one in found))


def _evidence(run: Path) -> Iterator[str]:
    """The files of a run that are sealed, by their names below its folder."""
    stages = ["", *(f"folds/{n}/" for n in names_in(run / "folds") if n.isdecimal())]
    for stage in stages:
        files = [*_FILES, *other_files(run / stage)]
        yield from (f"{stage}{name}" for name in files if is_file(run / stage / name))
        snapshots = (f"checkpoints/snapshots/{n}" for n in names_in(run / stage / _SNAPSHOTS))
        for folder in (*_FOLDERS, *snapshots, *_members(run / stage)):
            for name in names_in(run / stage / folder):
                if not name.startswith(".") and is_file(run / stage / folder / name):
                    yield f"{stage}{folder}/{name}"


def _members(run: Path, depth: int = 5) -> Iterator[str]:
    """The folders that an ensemble keeps of its members, and of theirs, below its own."""
    for name in names_in(run / "members") if depth else ():
        yield f"members/{name}"
        inner = _members(run / "members" / name, depth - 1)
        yield from (f"members/{name}/{folder}" for folder in inner)


def _digest(file: Path) -> str:
    try:
        return sha256_of(file)
    except OSError as error:
        what = f"{file.name} cannot be read: {error.strerror or error}"
        raise RunError(Problem(what, str(file.parent))) from error


def _read_digests(run: Path) -> dict[str, str]:
    """The digests by name, if they are those that the status knows."""
    text = read_bytes(run / NAME)
    if hashlib.sha256(text).hexdigest() != (read_status(run) or {}).get("files"):
        raise ValueError("its digest is not the one in status.json")
    found = parse_json(text)
    if not isinstance(found, dict) or any(Path(name).is_absolute() for name in found):
        raise ValueError("it lists no files")
    return {str(name): str(digest) for name, digest in found.items()}


def _describe_damage(run: Path, name: str, digest: str) -> str:
    """What is wrong with a file; nothing if it is as it was."""
    try:
        found = sha256_of(run / name)
    except FileNotFoundError:
        return f"{name} is missing"
    except OSError as error:
        return f"{name} cannot be read: {error.strerror or error}"
    return "" if found == digest else f"{name} has changed since the run ended"
