"""Files of word vectors: a word and its numbers a line, as GloVe and word2vec write them as text.

GloVe (Pennington and others, 2014) has no header; word2vec (Mikolov and others, 2013) begins with
the number of words and that of numbers. A file may be packed by gzip, or lie in a zip archive.
"""

from __future__ import annotations

import gzip
import io
import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ...errors import Problem, UsageError
from ...files import open_file

LINE = 2**20
"""Most bytes of a line: 40,000 numbers."""
BUFFER = 2**20
"""Bytes that are unpacked at a time."""


@dataclass(frozen=True)
class Vectors:
    """What a file has for some words.

    Attributes:
        values: the vectors, float32 of shape (words, dim); zeros where the file has none.
        found: whether it has one, shape (words,).
    """

    values: npt.NDArray[np.float32]
    found: npt.NDArray[np.bool_]


class _BadLineError(Exception):
    """The number of a line, and what is wrong with it."""


def is_word(text: str) -> bool:
    """Whether it is a word, and no mark of an id that stands for something else: "(start)"."""
    return not (len(text) > 2 and text[0] + text[-1] in ("<>", "()"))


@lru_cache(maxsize=2)
def read_vectors(file: Path, sha256: str, dim: int, words: tuple[str, ...]) -> Vectors:  # noqa: ARG001
    """Reads the vectors of some words; lines of other words are only checked.

    Args:
        file: the file.
        sha256: its digest, so that what was read before is not given for another file.
        dim: how many numbers a vector has.
        words: the words; marks such as "(start)" have no vector.

    Raises:
        UsageError: the file cannot be read or is damaged, or its vectors have another length.
    """
    places = {word: place for place, word in enumerate(words) if is_word(word)}
    values = np.zeros((len(words), dim), dtype=np.float32)
    lines: dict[int, int] = {}  # place of a word -> the line that it was read from
    with _open_lines(file, dim) as stream:
        try:
            for number, word, numbers in _split(stream, dim):
                place = places.get(word)
                if place is None:
                    continue
                if place in lines:
                    again = f"has `{word}` again, after line {lines[place]:,}"
                    raise _BadLineError(number, again)
                values[place] = _parse(number, numbers)
                lines[place] = number
        except _BadLineError as error:
            number, what = error.args
            raise _damage(file, f"line {number:,} {what}", dim) from None
    found = np.zeros(len(words), dtype=np.bool_)
    found[list(lines)] = True
    return Vectors(values, found)


def check_vectors(file: Path, dim: int) -> None:
    """Looks at the first vector of a file, without reading on.

    Raises:
        UsageError: the file cannot be read, or its vectors have another length.
    """
    with _open_lines(file, dim) as stream:
        first = stream.readline(LINE)
        if _is_header(first):
            first = stream.readline(LINE)
        if not first.strip():
            raise _damage(file, "is empty", dim)
        if (has := len(first.split()) - 1) != dim and b"\0" not in first:
            what = f"{file.name} has vectors of {has} numbers, but the embedding's `dim` is {dim}"
            raise UsageError(Problem(what, str(file), f"dim: {has}, or a file of such vectors"))


def _split(stream: IO[bytes], dim: int) -> Iterator[tuple[int, str, bytes]]:
    """Number, word and numbers of each line; these are not parsed, as few are needed."""
    for number, line in enumerate(iter(partial(stream.readline, LINE), b""), start=1):
        if number == 1 and dim != 1 and _is_header(line):
            continue
        line = line.rstrip()  # word2vec ends lines with a blank
        if line.count(b" ") == dim:
            word, _, numbers = line.partition(b" ")
        else:
            word, numbers = _split_wide(number, line, dim)
        try:
            yield number, word.decode(), numbers
        except UnicodeDecodeError:
            raise _BadLineError(number, "is not UTF-8") from None


def _split_wide(number: int, line: bytes, dim: int) -> tuple[bytes, bytes]:
    """Word and numbers of a line with other than `dim` blanks: GloVe has words with blanks."""
    word, *numbers = line.rsplit(b" ", dim)
    if len(numbers) < dim or _is_number(word.rpartition(b" ")[2]):
        told = f"has {len(line.split()) - 1} numbers" if line else "is empty"
        raise _BadLineError(number, told)
    return word, b" ".join(numbers)


def _is_header(line: bytes) -> bool:
    fields = line.split()
    return len(fields) == 2 and all(field.isdigit() for field in fields)


def _is_number(text: bytes) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _parse(number: int, numbers: bytes) -> list[float]:
    bad = [text for text in numbers.split(b" ") if not _is_number(text)]
    if bad:
        told = bad[0].decode(errors="replace")
        raise _BadLineError(number, f"has `{told}` in place of a number")
    return [float(text) for text in numbers.split(b" ")]


@contextmanager
def _open_lines(file: Path, dim: int) -> Iterator[IO[bytes]]:
    """The text of a file, unpacked as it is read.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with ExitStack() as stack:
            stream: Any = stack.enter_context(open_file(file, "rb"))
            if file.suffix == ".gz":
                stream = stack.enter_context(gzip.open(stream))
            elif file.suffix == ".zip":
                archive = stack.enter_context(zipfile.ZipFile(stream))
                member = _member(archive, file, dim)
                stream = stack.enter_context(archive.open(member))
            yield io.BufferedReader(stream, BUFFER)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        what = f"{file.name} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise UsageError(Problem(what, str(file), "a file of word vectors")) from error


def _member(archive: zipfile.ZipFile, file: Path, dim: int) -> str:
    """The text of an archive: the only one, or that of vectors of this length by its name."""
    texts = [name for name in archive.namelist() if name.endswith((".txt", ".vec"))]
    fitting = texts if len(texts) == 1 else [name for name in texts if f".{dim}d." in name]
    if len(fitting) == 1:
        return fitting[0]
    what = (
        f"{file.name} contains {len(texts)} texts, and {len(fitting)} with vectors of {dim} numbers"
    )
    accepted = f"a `dim` of which there is one: {', '.join(texts[:10]) or 'there is no text'}"
    raise UsageError(Problem(what, str(file), accepted))


def _damage(file: Path, what: str, dim: int) -> UsageError:
    accepted = f"lines of a word and {dim} numbers, in UTF-8, separated by blanks"
    hint = "word2vec's binary format is not read" if "UTF-8" in what else ""
    return UsageError(Problem(f"{file.name}: {what}", str(file), accepted, hint))
