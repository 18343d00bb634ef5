"""Where a task file is written, under which name, and that it works before it is."""

from __future__ import annotations

import os
import re
import shlex
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..config.files import MAX_BYTES
from ..config.load import Loaded, load
from ..config.paths import NAME_ACCEPTED, find_shipped, group_files, is_name, show_path
from ..errors import Problem, UsageError
from ..names import temporary_name
from .draft import Draft

FOLDER = Path("configs") / "task"
ENDINGS = "csv|tsv|txt|tab|jsonl|ndjson|json|parquet|pq|gz|zip"


@dataclass(frozen=True)
class Place:
    """Where a task file goes.

    Attributes:
        name: by which it is trained.
        file: the file, below the current folder.
        note: why it has another name than its data; "" where it has not.
    """

    name: str
    file: Path
    note: str = ""


def choose_place(name: str, stem: str, command: str, force: bool = False) -> Place:
    """The name and file of a new task.

    Args:
        name: as the user says; "" where they do not.
        stem: of the data's own name, from which one is made.
        command: what was typed, to which an answer can be added.
        force: whether a file that is there may be replaced.

    Raises:
        UsageError: the name is none, is that of a task of dlx's own, or the file exists.
    """
    shipped = group_files(find_shipped("configs"), "task")
    note = ""
    if not name:
        name = suggest_name(stem)
        if name in shipped:
            note = f"dlx has a task {name} of its own, so this one is my_{name}"
            name = f"my_{name}"
    if not is_name(name) or name in (".", ".."):
        hint = f"{_without(command, '--name')} --name {suggest_name(name)}"
        raise UsageError(Problem(f"{name!r} is no name of a task", "--name", NAME_ACCEPTED, hint))
    if name in shipped:
        hint = f"{_without(command, '--name')} --name my_{name}"
        what = f"dlx has a task {name} of its own, which would be hidden"
        raise UsageError(Problem(what, "--name", "another name", hint))
    file = FOLDER / f"{name}.yaml"
    if os.path.lexists(file) and not force:
        what, accepted = f"{file} exists already", "a name that is new, or --force to replace it"
        hint = f"{_without(command, '--name')} --name {_next(name)}   or   {command} --force"
        raise UsageError(Problem(what, str(file), accepted, hint))
    return Place(name, file, note)


def suggest_name(stem: str) -> str:
    """A name of a task that is like that of a file."""
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    fit = re.sub(r"[^a-z0-9_-]+", "_", plain).strip("_-")[:60]
    return fit or "task"


def _next(name: str) -> str:
    number = 2
    while (FOLDER / f"{name}_{number}.yaml").exists():
        number += 1
    return f"{name}_{number}"


def _without(command: str, flag: str) -> str:
    """A command without a flag and its value."""
    words = shlex.split(command)
    kept = [
        word
        for at, word in enumerate(words)
        if word != flag and not word.startswith(f"{flag}=") and (at == 0 or words[at - 1] != flag)
    ]
    return shlex.join(kept)


def check_text(text: str, place: Place | None = None) -> Loaded:
    """Composes a task file that is not there yet, as a training would.

    Args:
        text: what it would hold.
        place: where it would be written, for what is told of it.

    Raises:
        UsageError: it cannot be trained as it stands.
    """
    with tempfile.TemporaryDirectory(prefix="dlx-init-") as folder:
        file = Path(folder) / "task" / f"draft-{os.getpid()}.yaml"
        file.parent.mkdir()
        file.write_text(text, encoding="utf-8")
        try:
            return load([f"task={file.stem}"], folder)
        except UsageError as error:
            shown, there = show_path(file), str(place.file if place else "")
            told = [replace(p, where=p.where.replace(shown, there)) for p in error.problems]
            raise UsageError(*told) from None


def fit_text(draft: Draft) -> str:
    """The text of a task file, with as many remarks as it has room for.

    Raises:
        UsageError: the file would be larger than a config may be.
    """
    for remarked in (True, False):
        text = draft.text(remarked)
        size = len(text.encode("utf-8", "surrogatepass"))
        if size <= MAX_BYTES:
            return text
    what = f"the task file would have {size:,} bytes, as the table has so many columns"
    raise UsageError(Problem(what, "", f"at most {MAX_BYTES:,} bytes"))


def write(place: Place, text: str) -> str:
    """Writes a task file, and says where.

    Raises:
        OSError: it cannot be written.
    """
    place.file.parent.mkdir(parents=True, exist_ok=True)
    aside = place.file.with_name(temporary_name(place.file.name))
    try:
        aside.write_text(text, encoding="utf-8")
        os.replace(aside, place.file)
    finally:
        aside.unlink(missing_ok=True)
    return show_path(place.file.absolute())


def relative(path: Path) -> str:
    """A path as a task file names it: from the current folder where it lies below it."""
    whole, here = path.absolute(), Path.cwd()
    return f"./{whole.relative_to(here).as_posix()}" if whole.is_relative_to(here) else str(whole)


def stem_of(paths: Sequence[Path]) -> str:
    """The name of data without endings such as .csv.gz."""
    return re.sub(rf"(\.({ENDINGS}))+$", "", paths[0].absolute().name, flags=re.IGNORECASE)
