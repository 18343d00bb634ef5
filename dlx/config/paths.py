"""Where configs are looked for, and how their files are named to the user."""

from __future__ import annotations

import os
import re
import shlex
import unicodedata
from pathlib import Path

from ..errors import Problem, UsageError

GROUPS = (
    *("task", "dataset", "prepare", "protocol", "learner", "model", "loss", "optimizer"),
    *("schedule", "metrics", "trainer", "callbacks"),
)
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}){0,3}")


MAX_NAME = 200
NAME_ACCEPTED = "letters a to z, digits, . _ and -, in folders or not"


def is_name(name: str) -> bool:
    """Whether a config can be chosen by this name, as in "imdb" or "course/week_1"."""
    # Hydra would read "x.yaml" as "x", and this file could be named twice.
    return NAME.fullmatch(name) is not None and not name.endswith((".yaml", ".yml"))


def folder_name(name: str) -> str:
    """A config's name as that of one folder: runs of task `course/week_1` lie in course.week_1."""
    return name.replace("/", ".")


def group_files(folder: Path, group: str) -> dict[str, Path]:
    """The config files of a group in one folder of configs, by name, those in sub-folders too."""
    base = folder / group
    files = sorted(base.rglob("*.yaml")) if base.is_dir() else ()
    return {file.relative_to(base).with_suffix("").as_posix(): file for file in files}


def unusable_file(folder: Path, group: str, name: str) -> Problem | None:
    """What keeps a file of a group from being chosen by its name; None where there is none."""
    plain = re.sub(r"\.ya?ml$", "", name)
    if len(name) > MAX_NAME or Path(name).is_absolute() or ".." in Path(name).parts:
        return None
    for ending in (".yml", ".yaml"):
        file = folder / group / f"{plain}{ending}"
        if (ending == ".yml" or not is_name(plain)) and file.is_file():
            what = f"{show_path(file)} cannot be chosen: its name is not a valid config name"
            accepted = f"{NAME_ACCEPTED}, ending in .yaml"
            return Problem(what, show_path(file), accepted, _suggest_rename(file))
    return None


def unusable_files(folder: Path, group: str) -> list[Problem]:
    """The files of a group that cannot be chosen, and why."""
    base = folder / group
    files = sorted(f for f in base.rglob("*") if f.suffix in (".yaml", ".yml"))
    names = (file.relative_to(base).as_posix() for file in files)
    found = (unusable_file(folder, group, name) for name in names)
    return list(dict.fromkeys(problem for problem in found if problem is not None))


def _suggest_rename(file: Path) -> str:
    """The command that gives a file a name by which it can be chosen; "" where it is taken."""
    letters = unicodedata.normalize("NFKD", file.stem).encode("ascii", "ignore").decode()
    fit = re.sub(r"[^A-Za-z0-9._-]+", "_", letters).strip("_.") or "task"
    to = file.with_name(f"{fit}.yaml")
    return "" if to.exists() else f"mv {shlex.quote(show_path(file))} {shlex.quote(show_path(to))}"


def find_shipped(folder: str) -> Path:
    """A folder that comes with dlx: inside the wheel, or beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "_shipped" / folder
    return inside if inside.is_dir() else package.parent / folder


def search_path(config_dir: str | None) -> list[Path]:
    """The folders of configs, the first match winning: ./configs, --config-dir, dlx's own.

    `./configs` counts when it holds at least one of dlx's groups.

    Raises:
        UsageError: `config_dir` is not a folder.
    """
    found = []
    own = Path.cwd() / "configs"
    if any((own / group).is_dir() for group in GROUPS):
        found.append(own)
    if config_dir is not None:
        folder = Path(config_dir).expanduser().resolve()
        if not folder.is_dir():
            accepted = f"a folder with groups such as {GROUPS[0]}/ and model/"
            raise UsageError(Problem(f"--config-dir {config_dir} is not a folder", "", accepted))
        found.append(folder)
    default = find_shipped("configs")
    return [*found, *([default] if default not in found else [])]


def show_path(file: Path) -> str:
    """A config file's name for the user: relative to where they stand, or marked as dlx's own."""
    default = find_shipped("configs")
    if file.is_relative_to(default) and not file.is_relative_to(Path.cwd()):
        return f"dlx:configs/{file.relative_to(default).as_posix()}"
    relative = os.path.relpath(file)
    return relative if not relative.startswith("..") else str(file)
