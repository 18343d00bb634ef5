"""A run's files: written whole or not at all, also after a power cut; with words for failures."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import Problem, RunError
from ..files import append, make_folder, read_json, replace_file

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")
_STRANGE = (errno.ELOOP, errno.EINVAL, errno.EMLINK, errno.ENXIO)
"""A link, something else than a file, a second name: none of them is a matter of space."""
_ONE = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
_NUMBER = re.compile(rf"{_ONE}(\|{_ONE})*", re.ASCII)
"""One number, or those of a vector."""


@contextmanager
def explain_errors(file: Path) -> Iterator[None]:
    """Within it, what goes wrong with a file is told.

    Raises:
        RunError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise RunError(cannot_write(file, error)) from error


def write_bytes(file: Path, content: bytes) -> None:
    """Writes a file under a temporary name, syncs it, and gives it its name.

    Raises:
        RunError: the disk is full, the folder cannot be written to, or lies behind a link; nothing
            is left behind.
    """
    with explain_errors(file):
        replace_file(file, content)


def append_bytes(file: Path, content: bytes) -> None:
    """Adds to the end of a file, which is made if missing.

    Raises:
        RunError: it cannot be written, is not a regular file, or lies behind a link.
    """
    with explain_errors(file):
        append(file, content)


def make_folders(folder: Path) -> None:
    """Makes a folder and those above it, where they are missing.

    Raises:
        RunError: it cannot be made, or lies behind a link.
    """
    with explain_errors(folder):
        make_folder(folder)


def write_text(file: Path, text: str) -> None:
    """Like `write_bytes`, in UTF-8."""
    write_bytes(file, text.encode("utf-8"))


def write_json(file: Path, value: Any) -> None:
    """Like `write_bytes`, as JSON."""
    write_text(file, json_text(value))


def json_text(value: Any) -> str:
    """A value as a JSON file has it; numbers that JSON lacks (NaN) become null."""
    return json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def compact_text(value: Any, indent: str = "\n") -> str:
    """A value as a JSON file has it whose lists are long: each of plain values is one line.

    Args:
        value: mappings of texts to such and to lists.
        indent: the end of a line, and what the next begins with.
    """
    inner = f"{indent} "
    if isinstance(value, dict) and value:
        keys = (json.dumps(str(key), ensure_ascii=False) for key in value)
        cells = [
            f"{k}: {compact_text(v, inner)}" for k, v in zip(keys, value.values(), strict=True)
        ]
        return f"{{{inner}{f',{inner}'.join(cells)}{indent}}}"
    if isinstance(value, (list, tuple)) and any(isinstance(one, dict) for one in value):
        cells = [compact_text(one, inner) for one in value]
        return f"[{inner}{f',{inner}'.join(cells)}{indent}]"
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)


_NEVER_ODD = {str, int, bool, type(None)}


def plain(value: Any) -> Any:
    """A value as JSON has it: no tuples, no NaN."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        if set(map(type, value)) <= _NEVER_ODD:  # of a million words, say
            return list(value)
        return [plain(v) for v in value]
    return value


def mapping(value: object) -> dict[str, Any]:
    """A value of JSON if it is a mapping, else an empty one: somebody may have edited the file."""
    return value if isinstance(value, dict) else {}


def list_in(tree: Mapping[str, Any], key: str) -> list[Any]:
    """The list at a key; an empty one where there is none."""
    found = tree.get(key)
    return found if isinstance(found, list) else []


def read_record(file: Path) -> dict[str, Any]:
    """The mapping in a JSON file; an empty one where there is none that can be read."""
    try:
        return mapping(read_json(file))
    except (OSError, ValueError):
        return {}


def safe_cell(text: str) -> str:
    """A text as a cell of a CSV file, in which no spreadsheet takes it for a formula.

    An apostrophe stands before what begins as a formula does; a number, such as the class -1, is
    none.
    """
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text


def bare_cell(cell: str) -> str:
    """A cell without the apostrophe that earlier versions put before a number."""
    return cell[1:] if cell.startswith("'") and _NUMBER.fullmatch(cell[1:]) else cell


def cannot_write(file: Path, error: OSError) -> Problem:
    """What to say when a file of a run cannot be written."""
    gone = [folder for folder in file.parents if not folder.exists()]
    if gone and error.errno == errno.ENOENT:
        what = f"{file.name} cannot be written: its folder does not exist"
        hint = "if it was moved or deleted during the run, put it back; dlx resume continues"
        return Problem(what, str(gone[-1]), hint=hint)
    hint = "free some space, or choose another folder with run.root=FOLDER"
    if error.errno in _STRANGE:
        hint = "delete it, if you know where this folder comes from: dlx itself makes no such thing"
    what = f"{file.name} cannot be written: {error.strerror or error}"
    return Problem(what, str(file.parent), hint=hint)
