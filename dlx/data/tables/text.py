"""Files of text: how their bytes are decoded."""

from __future__ import annotations

import codecs
import gzip
import io
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ...errors import UsageError
from .block import refuse

CHUNK = 1 << 20
HEAD = 1 << 16
"""Bytes or characters of the beginning, by which a format is told."""
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_KNOWN = {
    b"PK\x03\x04": ("a zip archive, as an Excel workbook is", "save the sheet as CSV"),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "save the sheet as CSV"),
    b"%PDF": ("a PDF", ""),
    b"\x89PNG": (
        "a picture",
        "dlx init FOLDER, where each folder in it has the pictures of a class",
    ),
    b"\xff\xd8\xff": (
        "a picture",
        "dlx init FOLDER, where each folder in it has the pictures of a class",
    ),
    b"SQLite format 3": ("a database", "save the table as CSV"),
}
_TEXTUAL = bytes({*range(256)} - ({*range(32)} - {9, 10, 12, 13}) - {127})
"""Bytes that texts have."""
_UNDEFINED = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))
"""Bytes that Windows-1252 has no character for."""
ACCEPTED = "a table as text: CSV, TSV or JSON lines, or Parquet"


@dataclass(frozen=True)
class Decoded:
    """How the bytes of a file are read.

    Attributes:
        path: the file.
        encoding: Python's name of it.
        packed: whether by gzip.
        note: what is told of it; "" of UTF-8.
    """

    path: Path
    encoding: str
    packed: bool
    note: str = ""

    @contextmanager
    def open(self) -> Iterator[IO[str]]:
        """The whole text; line breaks as they are."""
        with self.open_bytes() as raw, io.TextIOWrapper(raw, self.encoding, newline="") as lines:
            yield lines

    @contextmanager
    def open_bytes(self) -> Iterator[IO[bytes]]:
        """The bytes, unpacked."""
        with _open_bytes(self.path, self.packed) as raw:
            yield raw


def chain(head: bytes, rest: IO[bytes]) -> io.BufferedReader:
    """Bytes that have been read of a stream, and then its others."""
    return io.BufferedReader(_Chain(head, rest), CHUNK)


class _Chain(io.RawIOBase):
    """The bytes of a beginning, then those of a stream."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self.head, self.rest = memoryview(head), rest

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        many = min(len(into), len(self.head))
        if many:
            into[:many], self.head = self.head[:many], self.head[many:]
            return many
        data = self.rest.read(len(into))
        into[: len(data)] = data
        return len(data)


def survey(path: Path) -> Decoded:
    """Reads a whole file once, to tell its encoding.

    Raises:
        UsageError: it cannot be read, is empty, or is no text; with the line.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with _open_bytes(path, packed) as raw:
            return _survey(path, raw, packed)
    except (EOFError, gzip.BadGzipFile) as error:
        raise refuse(path, f"cannot be unpacked: {error}", "a whole .gz file") from error
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise refuse(path, what, "a readable file", "check its permissions") from error


def _open_bytes(path: Path, packed: bool) -> io.BufferedReader:
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def _survey(path: Path, raw: IO[bytes], packed: bool) -> Decoded:
    head = raw.read(HEAD)
    if not head.strip():
        raise refuse(path, "is empty", ACCEPTED)
    for mark, (what, hint) in _KNOWN.items():
        if head.startswith(mark):
            raise refuse(path, f"is {what}, no table", ACCEPTED, hint)
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            told = "" if encoding == "utf-8-sig" else f"decoded as {encoding.upper()}"
            _check_decoding(path, raw, head, encoding)
            return Decoded(path, encoding, packed, told)
    if not (wide := _guess_wide(head)) and _is_binary(head):
        raise refuse(path, "is a binary file, no table", ACCEPTED, "save the table as CSV")
    if wide:
        _check_decoding(path, raw, head, wide)
        return Decoded(path, wide, packed, f"decoded as {wide.upper()}, as every second byte is 0")
    return _survey_bytes(path, raw, head, packed)


def _guess_wide(head: bytes) -> str:
    """UTF-16 without its mark, of mostly Latin letters; "" where it is not that."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    many = len(head) // 2
    if min(even, odd) * 20 > many or max(even, odd) * 2 < many:
        return ""
    return "utf-16-be" if even > odd else "utf-16-le"


def _check_decoding(path: Path, raw: IO[bytes], head: bytes, encoding: str) -> None:
    decoder, lines, chunk = codecs.getincrementaldecoder(encoding)(), 1, head
    while True:
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            what = f"line {lines:,} or a later one is no {encoding.upper()}: {error.reason}"
            raise refuse(path, what, "one encoding in the whole file") from None
        if "\0" in text:
            lines += text[: text.index("\0")].count("\n")
            raise _refuse_nul(path, lines)
        lines += text.count("\n")
        if not chunk:
            return
        chunk = raw.read(CHUNK)


def _survey_bytes(path: Path, raw: IO[bytes], head: bytes, packed: bool) -> Decoded:
    """UTF-8 if all of it is, else Windows-1252, else Latin-1."""
    decoder, lines, chunk = codecs.getincrementaldecoder("utf-8")(), 1, head
    other, encoding = "", "cp1252"
    while True:
        if 0 in chunk:
            raise _refuse_nul(path, lines + chunk[: chunk.index(0)].count(b"\n"))
        if not other:
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line = lines + error.object[: error.start].count(b"\n")
                other = f"byte 0x{error.object[error.start]:02x} in line {line:,}"
        if any(one in chunk for one in _UNDEFINED):
            encoding = "latin-1"
        lines += chunk.count(b"\n")
        if not chunk:
            break
        chunk = raw.read(CHUNK)
    if not other:
        return Decoded(path, "utf-8", packed)
    told = {"cp1252": "Windows-1252", "latin-1": "Latin-1"}[encoding]
    return Decoded(path, encoding, packed, f"decoded as {told}, as it is no UTF-8: {other}")


def _refuse_nul(path: Path, line: int) -> UsageError:
    what = f"line {line:,} has a NUL byte: it is damaged, or no text"
    name = shlex.quote(path.name)
    return refuse(path, what, ACCEPTED, f"tr -d '\\000' < {name} > mended.csv, if it is a text")


def _is_binary(head: bytes) -> bool:
    """Whether bytes are no text, by those that texts have not."""
    control = head.translate(None, _TEXTUAL)
    return len(control) * 20 > len(head)
