"""Folders of the user's own as data: what lies in them, and a hash of it. No link is followed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from ..errors import Problem, UsageError
from ..files import fence, read_bytes
from ..progress import tell

MAX_BYTES = 2**27
"""Of a single file."""
MAX_DEPTH = 12
LINK = "it is a symbolic link, and dlx follows none in a dataset"


class Entry(NamedTuple):
    """What stands in a folder: its path from the root, with slashes, and whether it is a file."""

    name: str
    kind: Literal["file", "folder", "link"]


def list_folder(root: Path, below: str = "", deep: bool = False) -> Iterator[Entry]:
    """What a folder holds, sorted by name; what begins with a dot is passed over.

    Args:
        root: the dataset's folder.
        below: the folder's path in it.
        deep: whether what the folders in it hold comes too, in their place.

    Raises:
        UsageError: it cannot be looked into, or its folders are nested too deeply.
    """
    if below.count("/") >= MAX_DEPTH:
        raise UsageError(Problem("its folders are nested too deeply", str(root / below)))
    try:
        with os.scandir(root / below) as found:
            entries = sorted(found, key=lambda one: one.name)
    except OSError as error:
        what = f"{below or root.name} cannot be read: {error.strerror}"
        raise UsageError(Problem(what, str(root / below), "a readable folder")) from error
    for one in entries:
        name = f"{below}/{one.name}" if below else one.name
        if one.name.startswith("."):
            continue
        if one.is_symlink():
            yield Entry(name, "link")
        elif not one.is_dir(follow_symlinks=False):
            yield Entry(name, "file")
        elif deep:
            yield from list_folder(root, name, deep)
        else:
            yield Entry(name, "folder")


def read_file(root: Path, name: str) -> bytes:
    """The bytes of a file in a folder that `fence` knows.

    Raises:
        OSError: it cannot be read, is no plain file, is too large, or lies behind a link.
    """
    return read_bytes(root.joinpath(*name.split("/")), MAX_BYTES)


def hash_bytes(data: bytes) -> bytes:
    """What the contents of a file are known by."""
    return hashlib.blake2b(data, digest_size=16).digest()


def hash_tree(root: Path) -> tuple[int, str]:
    """Bytes of all files in a folder, and SHA-256 over their paths and contents.

    What cannot be read is part of the hash as that: whoever reads the folder tells of it.

    Raises:
        UsageError: a folder cannot be looked into.
    """
    digest, size = hashlib.sha256(), 0
    names = [*list_folder(fence(root), deep=True)]
    for number, (name, kind) in enumerate(names):
        tell("files checked", number, len(names))
        known = kind.encode()
        if kind == "file":
            try:
                data = read_file(root, name)
                size, known = size + len(data), hash_bytes(data)
            except OSError:
                known = b"unreadable"
        digest.update(name.encode(errors="surrogateescape") + b"\0" + known + b"\n")
    tell("files checked", len(names), len(names))
    return size, digest.hexdigest()
