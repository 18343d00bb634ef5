"""Pictures that a command draws into a file of the user's choice."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal, cast

from ..errors import Problem, UsageError

Format = Literal["svg", "png"]
FORMS = (".svg", ".png")


def find_place(asked: str) -> Path:
    """The file of a picture, as `--plot` names it.

    Raises:
        UsageError: it is no place for one.
    """
    file = Path(asked).expanduser()
    if file.suffix.lower() not in FORMS:
        told = f"files that end with {file.suffix}" if file.suffix else "files without an ending"
        hint = f"--plot {shlex.quote(f'{file.with_suffix(FORMS[0])}')}"
        raise UsageError(Problem(f"{told} cannot be drawn", asked, " or ".join(FORMS), hint))
    if file.is_dir() or not file.parent.is_dir():
        what = f"{file} is a folder" if file.is_dir() else f"there is no folder {file.parent}"
        hint = f"--plot {shlex.quote(file.name)}" if not file.is_dir() else ""
        raise UsageError(Problem(what, "--plot", "a file in a folder that exists", hint))
    return file


def form_of(file: Path) -> Format:
    """What its ending says."""
    return cast("Format", file.suffix.lower().lstrip("."))
