"""New rows that are files: which ones some paths stand for, and those that cannot be read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from ...config.names import plural
from ...data.columns import Column
from ...data.samples import Frame
from ...data.tree import MAX_BYTES, list_folder
from ...errors import Problem, UsageError
from ...files import fence
from .base import Asked, Broken, Reader, Rows

_BLOCK = 64
"""Files that are read at once."""


class UnreadableError(ValueError):
    """A file that is no row; the message says why."""


class FileReader(Reader):
    """Reads files, a row each; of a folder all that lie in it, and in its folders.

    Attributes:
        noun: of one file.
        names: what a row of the output is known by, as it was typed.
    """

    called = "path"
    noun: ClassVar[str]

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked)
        self.names: list[tuple[str, Path]] = []
        others = 0
        for path in asked.paths:
            if not path.is_dir():
                self.names.append((asked.name(path), path))
                continue
            root, typed = fence(path.absolute()), asked.name(path).rstrip("/")
            for one in list_folder(root, deep=True):
                if one.kind == "file" and self.fits(one.name):
                    self.names.append((f"{typed}/{one.name}", root / one.name))
                else:
                    others += 1
        if others:
            self.notes.append(f"{plural(others, 'file')} without a {self.noun}'s name left out")
        if not self.names:
            where = ", ".join(map(asked.name, asked.paths))
            raise UsageError(Problem(f"there is no {self.noun} to predict", where, f"{self.noun}s"))
        if asked.keep:
            what = f"there is no column `{asked.keep[0]}` to keep: {self.noun}s are files"
            raise UsageError(Problem(what, "--keep", "files of a table", "omit --keep"))

    @abstractmethod
    def fits(self, name: str) -> bool:
        """Whether a file of a folder is meant, by its name."""

    @abstractmethod
    def read(self, data: bytes) -> object:
        """What a file holds.

        Raises:
            UnreadableError: it is no such file.
        """

    @abstractmethod
    def column(self, found: list[object]) -> Column:
        """What some files hold as the input's column."""

    def blocks(self) -> Iterator[Rows]:
        """Some files at a time."""
        for start in range(0, len(self.names), _BLOCK):
            yield self._block(self.names[start : start + _BLOCK])

    def _block(self, names: list[tuple[str, Path]]) -> Rows:
        found, ids, broken = [], [], []
        for name, path in names:
            try:
                found.append(self.read(bytes_of(path)))
                ids.append(name)
            except UnreadableError as error:
                broken.append(Broken(name, str(error)))
        (one,) = self.asked.wanted
        columns = {one.name: self.column(found)} if found else {}
        return Rows(Frame(columns), ids, {}, ids.__getitem__, broken)


def bytes_of(path: Path) -> bytes:
    """What a file holds.

    Raises:
        UnreadableError: it cannot be read, is no plain file, or is too large.
    """
    try:
        if not path.is_file():
            raise UnreadableError("it is no regular file")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UnreadableError(f"it cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise UnreadableError(f"it has more than {MAX_BYTES:,} bytes")
    return data
