"""Decoded pictures on disk: a folder for each set of files, bounded, and safe to delete."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import Problem, UsageError
from ..files import fence, is_folder, names_in, open_file, read_json, remove_tree
from .scratch import alone, scratch, sweep
from .store import cache_root
from .survey import Survey

BOUND, DEFAULT_GB = "DLX_PICTURES_GB", 20.0
"""Name and default of what bounds all decoded pictures on disk, in 10^9 bytes; 0: none are kept."""
SPARE_BYTES = 2_000_000_000
"""That stay free on the disk."""
FACTS, PIXELS = "facts.json", "pixels.bin"
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True)
class Kept:
    """Decoded pictures in a file, end to end; what decoding them found, and whether it is new."""

    file: Path
    found: Survey
    fresh: bool = False


def root() -> Path:
    """The folder of all of them."""
    return fence(cache_root() / "pictures")


def bound() -> int:
    """Bytes that they may take on disk, all together.

    Raises:
        UsageError: the environment says something that is no size.
    """
    text = os.environ.get(BOUND, "")
    try:
        size = float(text) if text else DEFAULT_GB
        if size >= 0:
            return int(size * 1e9)
    except (ValueError, OverflowError):
        pass
    what = f"{BOUND} is {text!r}"
    raise UsageError(Problem(what, "environment", "gigabytes, as in 20", f"export {BOUND}=20"))


def find(key: str, size: int) -> Kept | None:
    """What is kept of some files.

    Args:
        key: that they are known by.
        size: bytes of all their pictures.
    """
    folder = root() / key
    try:
        found = Survey.restore(read_json(folder / FACTS))
        with open_file(folder / PIXELS, "rb") as stream:
            whole = os.fstat(stream.fileno()).st_size == size
        with suppress(OSError):
            os.utime(folder / FACTS)  # used: those that were not for longest give way to others
        return Kept(folder / PIXELS, found) if whole else None
    except _UNREADABLE:
        return None


def make(key: str, size: int, write: Callable[[Path], Survey]) -> Kept | None:
    """Has pictures decoded into a file, unless another process does just that.

    Args:
        key: what they are known by.
        size: bytes of all of them.
        write: writes them to a file, which has its size already.

    Returns:
        What is kept now; None where it is gone again.

    Raises:
        OSError: they cannot be written.
        Interrupted: a signal asks to stop.
        UsageError: from `write`.
    """
    place = root() / key
    sweep(root())
    with alone(root(), key):
        if (there := find(key, size)) is not None:
            return there
        with scratch(root()) as folder:
            with (folder / PIXELS).open("wb") as stream:
                stream.truncate(size)
            facts = json.dumps(write(folder / PIXELS).plain())
            (folder / FACTS).write_text(facts, encoding="utf-8")
            if is_folder(place):  # damaged
                remove_tree(place)
            os.rename(folder, place)
    found = find(key, size)
    return found and replace(found, fresh=True)


def lack_of_room(size: int) -> str:
    """Why pictures of this size are not kept on disk, as a sentence; "" where there is room.

    Others that were not used for longest give way to them, as far as the bound asks for it.
    """
    most, told = bound(), _gigabytes(size)
    if size > most:
        return f"decoded they take {told}, more than the {_gigabytes(most)} of {BOUND}"
    with suppress(OSError):
        _make_way(most - size)
        existing = next(one for one in (root(), *root().parents) if one.exists())
        free = shutil.disk_usage(existing).free
        if size + SPARE_BYTES > free:
            return (
                f"decoded they take {told}, and the disk of DLX_CACHE has {_gigabytes(free)} free"
            )
    return ""


def _make_way(most: int) -> None:
    """Deletes the sets that were not used for longest, until the others take so many bytes."""
    sizes = {folder: _size(folder) for folder in _oldest_first()}
    for folder in tuple(sizes):
        if sum(sizes.values()) <= most:
            return
        remove_tree(folder)
        sizes[folder] = 0


def taken() -> int:
    """Bytes that all decoded pictures on disk take."""
    return sum(map(_size, _oldest_first()))


def _oldest_first() -> list[Path]:
    """The folders of all sets, by when they were last used."""
    used = {}
    for name in names_in(root()):
        with suppress(OSError):
            used[root() / name] = (root() / name / FACTS).lstat().st_mtime
    return sorted(used, key=lambda folder: used[folder])


def _size(folder: Path) -> int:
    try:
        return (folder / PIXELS).lstat().st_size
    except OSError:
        return 0


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.3g} GB"
