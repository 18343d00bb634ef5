"""Pictures in their files: in a folder, or in a zip file that is never unpacked."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from ..config.specs.pictures import Decoding
from ..errors import Problem, UsageError
from ..progress import tell
from .code import code_digest
from .readers.pictures import Picture, open_picture
from .threads import spread

Digests = npt.NDArray[np.uint8]
HASH = 16
"""Bytes of the hash that a file is known by."""
CHUNK = 32
"""Files that a thread is given at once."""
_UNREADABLE = (OSError, KeyError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)
"""What a file or a member of an archive may answer with; a KeyError has no such name."""


@dataclass(frozen=True, eq=False)
class Originals:
    """Files of pictures, and what is to become of them.

    Attributes:
        root: the folder that they lie in, or the zip file that holds them: an absolute path.
        names: of the files, relative to it.
        digests: a hash of each file's bytes, (files, 16).
        how: size, colours and formats.
        memo: what others have made of them, by name, so that it is made once.
    """

    root: str
    names: tuple[str, ...]
    digests: Digests
    how: Decoding
    memo: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, root: Path, names: Sequence[str], how: Decoding) -> Originals:
        """Files that are read once, so that each is known by what it holds.

        Raises:
            UsageError: one cannot be read.
            Interrupted: a signal asks to stop.
        """
        blank = np.zeros((len(names), HASH), np.uint8)
        found = cls(str(root.absolute()), tuple(names), blank, how)
        chunks = found.chunks(CHUNK)
        for chunk, digests in zip(chunks, spread(found.hash_files, chunks), strict=True):
            blank[chunk.start : chunk.stop] = digests
            tell("pictures hashed", chunk.stop, len(names))
        return found

    def __len__(self) -> int:
        return len(self.names)

    def chunks(self, size: int) -> list[range]:
        """The places of all files, so many at once."""
        return [range(at, min(at + size, len(self))) for at in range(0, len(self), size)]

    @property
    def nbytes(self) -> int:
        """Bytes of all pictures once they are decoded."""
        return len(self) * int(np.prod(self.how.sizes))

    @cached_property
    def key(self) -> str:
        """What all decoded bytes depend on, as a digest."""
        code = code_digest("dlx.data.readers.pictures:open_picture")
        endings = "/".join(name.rpartition(".")[2] for name in self.names)  # which may say wrong
        facts = json.dumps([asdict(self.how), version("pillow"), code, endings])
        digest = hashlib.sha256(facts.encode())
        digest.update(np.ascontiguousarray(self.digests).tobytes())
        return digest.hexdigest()[:40]

    def hash_files(self, places: Sequence[int]) -> Digests:
        """What some files are known by, (files, 16)."""
        found = b"".join(_hash(self._read(place)) for place in places)
        return np.frombuffer(found, np.uint8).reshape(-1, HASH)

    def decode(self, place: int) -> Picture:
        """The picture in a file.

        Raises:
            BrokenPictureError: it cannot be decoded.
            UsageError: the file cannot be read, or is no longer the same.
        """
        data = self._read(place)
        if _hash(data) != self.digests[place].tobytes():
            what = f"{self.names[place]} has changed since it was hashed"
            raise UsageError(Problem(what, self.root, "", "the same command reads it anew"))
        return open_picture(data, self.how, self.names[place])

    def refuse(self, place: int, why: str) -> UsageError:
        """What to say of a picture that cannot be decoded."""
        what = f"{self.names[place]} cannot be read: {why}"
        accepted = f"a picture in {' or '.join(self.how.formats)}"
        return UsageError(Problem(what, self.root, accepted, "mend the file, or take it away"))

    def _read(self, place: int) -> bytes:
        name = self.names[place]
        try:
            if self._archive is None:
                return (Path(self.root) / name).read_bytes()
            return self._archive.read(name)
        except _UNREADABLE as error:
            what = f"{name} cannot be read: {getattr(error, 'strerror', None) or error}"
            raise UsageError(Problem(what, self.root, "a readable file")) from error

    @cached_property
    def _archive(self) -> zipfile.ZipFile | None:
        """The archive that the files lie in, which threads may share; None where it is a folder."""
        with _OPENING:  # of several threads one opens it
            known: zipfile.ZipFile | None = vars(self).get("_archive")
            if known is not None or Path(self.root).is_dir():
                return known
            return zipfile.ZipFile(self.root)


_OPENING = Lock()


def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=HASH).digest()
