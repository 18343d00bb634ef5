"""Where configs are looked for, and how their files are named to the user."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..errors import Problem, UsageError

GROUPS = (
    "task",
    "dataset",
    "prepare",
    "protocol",
    "model",
    "loss",
    "optimizer",
    "schedule",
    "metrics",
    "trainer",
    "callbacks",
)
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}){0,3}")


def shipped(folder: str) -> Path:
    """A folder that comes with dlx: inside the wheel, or beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "_shipped" / folder
    return inside if inside.is_dir() else package.parent / folder


def search_path(config_dir: str | None) -> list[Path]:
    """The folders of configs, the first match winning: ./configs, --config-dir, dlx's own.

    `./configs` counts when it holds at least one of dlx's groups.

    Raises:
        UsageError: `config_dir` is no folder.
    """
    found = []
    own = Path.cwd() / "configs"
    if any((own / group).is_dir() for group in GROUPS):
        found.append(own)
    if config_dir is not None:
        folder = Path(config_dir).expanduser().resolve()
        if not folder.is_dir():
            problem = Problem(
                f"--config-dir {config_dir} is no folder",
                accepted=f"a folder with groups such as {GROUPS[0]}/ and model/",
            )
            raise UsageError(problem)
        found.append(folder)
    default = shipped("configs")
    return [*found, *([default] if default not in found else [])]


def shown(file: Path) -> str:
    """A config file's name for the user: relative to where they stand, or marked as dlx's own."""
    default = shipped("configs")
    if file.is_relative_to(default) and not file.is_relative_to(Path.cwd()):
        return f"dlx:configs/{file.relative_to(default).as_posix()}"
    relative = os.path.relpath(file)
    return relative if not relative.startswith("..") else str(file)
