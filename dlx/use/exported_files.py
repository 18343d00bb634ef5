"""The files of an exported run: their names, and how all of them are written, or none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from ..errors import Problem, UsageError
from ..runs.files import explain_errors, write_bytes

ROWS, STEPS = "rows", "steps"
"""Names of the axes that may have any size."""


def require_name(out: Path) -> None:
    """Refuses what is no name of a graph's file.

    Raises:
        UsageError: it has another ending, or lies in no folder.
    """
    if out.suffix != ".onnx":
        hint = f"--out {out.with_suffix('.onnx')}"
        raise UsageError(Problem(f"{out} is no name of an ONNX file", "--out", "*.onnx", hint))
    if not out.parent.is_dir():
        what = f"there is no folder {out.parent}"
        raise UsageError(Problem(what, "--out", "a file in a folder", f"mkdir -p {out.parent}"))


def refuse_existing(files: Iterable[Path]) -> None:
    """Refuses names that are taken.

    Raises:
        UsageError: one is.
    """
    for file in files:
        if os.path.lexists(file):
            what = f"{file} is there already"
            raise UsageError(Problem(what, "--out", "a new file", "--force"))


def write_all(parts: Mapping[Path, bytes], force: bool) -> None:
    """Writes all of some files, or none.

    Raises:
        UsageError: one is there, and `force` is not set.
        RunError: one cannot be written.
    """
    if not force:
        refuse_existing(parts)
    aside = {file: file.with_name(f".{file.name}.{os.getpid()}.part") for file in parts}
    try:
        for file, content in parts.items():
            write_bytes(aside[file], content)
        for file, whole in aside.items():
            with explain_errors(file):
                os.replace(whole, file)
    finally:
        for rest in aside.values():
            with suppress(OSError):
                rest.unlink(missing_ok=True)
