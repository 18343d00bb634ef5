"""The files of an exported run: their names, and how all of them are written, or none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ..errors import Problem, UsageError
from ..files import remove_file
from ..names import temporary_name
from ..runs.files import explain_errors, write_bytes

ROWS, STEPS = "rows", "steps"
"""Names of the axes that may have any size."""


def require_name(out: Path) -> None:
    """Refuses what is no name of a graph's file.

    Raises:
        UsageError: it has another ending.
    """
    if out.suffix != ".onnx":
        hint = f"--out {out.with_suffix('.onnx')}"
        raise UsageError(Problem(f"{out} is no name of an ONNX file", "--out", "*.onnx", hint))


def write_all(parts: Mapping[Path, bytes]) -> None:
    """Writes all of some files, or none.

    Raises:
        RunError: one cannot be written.
    """
    aside = {file: file.with_name(temporary_name(file.name)) for file in parts}
    try:
        for file, content in parts.items():
            write_bytes(aside[file], content)
        for file, whole in aside.items():
            with explain_errors(file):
                os.replace(whole, file)
    finally:
        for rest in aside.values():
            with suppress(OSError):
                remove_file(rest)
