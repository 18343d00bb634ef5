"""Files that grow by lines of JSON, each with a sum, so that what a power cut spoilt is noticed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from ..errors import Problem, RunError
from ..files import open_file, parse_json, read_bytes, remove_file, replace_file
from .files import explain_errors, plain

_MARK = b',"sum":"'


@dataclass
class Chain:
    """The sum over all lines so far, of which each line holds one; lines of old have none.

    Attributes:
        sum: a CRC-32.
        sealed: whether the last line had one, so that the next must have one too.
    """

    sum: int = 0
    sealed: bool = False

    def seal(self, entry: Mapping[str, Any]) -> bytes:
        """An entry, which is not empty, as the next line."""
        text = json.dumps(entry, separators=(",", ":")).encode()
        self.sum, self.sealed = crc32(text, self.sum), True
        return text[:-1] + _MARK + b'%08x"}\n' % self.sum

    def unseal(self, line: bytes) -> dict[str, Any]:
        """The entry of the next line, without its newline.

        Raises:
            ValueError: it is damaged, or not the line that was written there.
        """
        body, mark, end = line.rpartition(_MARK)
        text = body + b"}" if mark else line
        found = crc32(text, self.sum)
        if (mark and end != b'%08x"}' % found) or (self.sealed and not mark):
            raise ValueError("its checksum is wrong")
        entry = parse_json(text)
        if not isinstance(entry, dict):
            raise ValueError("it is not an entry")
        self.sum, self.sealed = found, bool(mark)
        return entry


def sum_of(value: Mapping[str, Any]) -> str:
    """The sum of a value that has been read from JSON, or is to be written as it."""
    return f"{crc32(json.dumps(value, sort_keys=True).encode()):08x}"


@dataclass(frozen=True)
class _Sound:
    """What is sound of a file: its lines up to the first that is damaged.

    Attributes:
        entries: theirs.
        size: their bytes.
        chain: the sum over them.
        spoilt: damaged lines, and those after them; a last line that was cut off is not counted.
    """

    entries: list[dict[str, Any]]
    size: int
    chain: Chain
    spoilt: int


class Lines:
    """A file, there or not, that grows by whole lines; what is damaged, and all after it, goes."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self) -> list[dict[str, Any]]:
        """Every sound entry so far.

        Raises:
            RunError: the file cannot be read.
        """
        try:
            return self._sound().entries
        except OSError as error:
            what = f"the record cannot be read: {error.strerror or error}"
            raise RunError(Problem(what, str(self.file))) from error

    def append(self, entry: Mapping[str, Any]) -> None:
        """Adds an entry after the sound ones, and waits until it is on the disk.

        Raises:
            RunError: it cannot be written.
        """
        with explain_errors(self.file):
            sound = self._sound()
            with open_file(self.file, "ab") as stream:
                stream.truncate(sound.size)
                stream.write(sound.chain.seal(plain(entry)))
                stream.flush()
                os.fsync(stream.fileno())

    def mend(self) -> int:
        """Leaves the sound entries; the whole of a damaged file is kept beside it.

        Returns:
            How many lines were damaged.

        Raises:
            RunError: it cannot be written.
        """
        with explain_errors(self.file):
            sound = self._sound()
            if sound.spoilt:
                whole = read_bytes(self.file)
                replace_file(self.file.with_name(f"{self.file.name}.damaged"), whole)
                replace_file(self.file, whole[: sound.size])
        return sound.spoilt

    def clear(self) -> None:
        """Takes every entry away."""
        with suppress(FileNotFoundError):
            remove_file(self.file)

    def _sound(self) -> _Sound:
        try:
            lines = read_bytes(self.file).split(b"\n")
        except FileNotFoundError:
            lines = [b""]
        chain, entries, size = Chain(), list[dict[str, Any]](), 0
        for place, line in enumerate(lines[:-1]):
            try:
                entries.append(chain.unseal(line))
            except ValueError:
                return _Sound(entries, size, chain, len(lines) - 1 - place)
            size += len(line) + 1
        return _Sound(entries, size, chain, 0)


def append_line(file: Path, line: bytes) -> None:
    """Adds a line of its own, also after one that was cut off, and waits until it is on the disk.

    Raises:
        RunError: it cannot be written.
    """
    with explain_errors(file), open_file(file, "a+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 1))
        torn = stream.read() not in (b"", b"\n")
        stream.write(b"\n" + line if torn else line)
        stream.flush()
        os.fsync(stream.fileno())
