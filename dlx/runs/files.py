"""Writing files so that they are there whole or not at all, also after a power cut."""

from __future__ import annotations

import errno
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import Problem, RunError


def write_bytes(file: Path, content: bytes) -> None:
    """Writes a file under a temporary name, syncs it, and gives it its name.

    Raises:
        RunError: the disk is full, or the folder cannot be written to; nothing is left behind.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, file)
        _sync_folder(file.parent)
    except OSError as error:
        raise RunError(cannot_write(file, error)) from error
    finally:
        with suppress(OSError):  # the first error says what is wrong
            temporary.unlink(missing_ok=True)  # gone already if all went well


def read_bytes(file: Path) -> bytes:
    """Reads a file that a stranger may have put there: a pipe is waited for, a device never ends.

    Raises:
        OSError: it is not there, is no plain file, or cannot be read.
    """
    if file.exists() and not file.is_file():
        raise OSError(errno.EINVAL, "it is no plain file")
    return file.read_bytes()


def write_text(file: Path, text: str) -> None:
    """Like `write_bytes`, in UTF-8."""
    write_bytes(file, text.encode("utf-8"))


def write_json(file: Path, value: Any) -> None:
    """Like `write_bytes`, as JSON; numbers that JSON lacks (NaN) become null."""
    write_text(file, json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def plain(value: Any) -> Any:
    """A value as JSON has it: no tuples, no NaN."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def cannot_write(file: Path, error: OSError) -> Problem:
    """What to say when a file of a run cannot be written."""
    return Problem(
        f"{file.name} cannot be written: {error.strerror or error}",
        str(file.parent),
        hint="free some space, or choose another folder with run.root=FOLDER",
    )


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
