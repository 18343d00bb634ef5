"""Any table: a header, and blocks of rows in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ...config.names import join_names, plural
from .block import Block, refuse
from .delimited import Delimited
from .json_lines import JsonLines, looks_like_json
from .parquet import MAGIC, Parquet
from .text import HEAD, Decoded, survey

SHOWN = 20
"""Names of columns that a message lists."""


class Source(Protocol):
    """One file of a table, whatever its format."""

    @property
    def header(self) -> tuple[str, ...]:
        """The names of its columns, all of them different."""

    @property
    def named(self) -> bool:
        """Whether the file has them."""

    @property
    def delimiter(self) -> str:
        """What parts the cells of text; "" of other formats."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided or mended, a sentence each."""

    def blocks(self, start: int) -> Iterator[Block]:
        """Its rows; `start` come before them."""


@dataclass(frozen=True)
class Table:
    """A table in one file or several with the same header.

    Attributes:
        header: the names of its columns, all of them different.
        paths: its files.
        notes: what was decided or mended in reading, a sentence each.
        named: whether the file names its columns.
    """

    header: tuple[str, ...]
    paths: tuple[Path, ...]
    notes: tuple[str, ...]
    named: bool
    _files: tuple[Source, ...] = field(repr=False)

    @classmethod
    def open(cls, paths: Sequence[Path], header: bool | None = True, decimal: str = ".") -> Table:
        """Looks at files of CSV, TSV, JSON lines or Parquet, also packed by gzip.

        Their rows are read by `blocks`. Delimiter and encoding are told from each file.

        Args:
            paths: one or several.
            header: whether the first row names the columns; None: as it looks.
            decimal: what stands before the decimals where a number is no text, as in Parquet.

        Raises:
            UsageError: one cannot be read, is no table, or has another header than the first.
        """
        files = [_open(paths[0], header, decimal)]
        files += [_open(path, files[0].named, decimal) for path in paths[1:]]
        for path, other in zip(paths[1:], files[1:], strict=True):
            _compare(path, other.header, files[0].header, paths[0].name)
        many = len(paths) > 1
        notes = tuple(
            f"{path.name}: {told}" if many else told
            for path, one in zip(paths, files, strict=True)
            for told in one.notes
        )
        return cls(files[0].header, tuple(paths), notes, files[0].named, tuple(files))

    @property
    def delimiter(self) -> str:
        """What parts the cells of text; "" of other formats."""
        return self._files[0].delimiter

    def blocks(self) -> Iterator[Block]:
        """The rows, block after block; they may be asked for again.

        Raises:
            UsageError: a row has another number of cells than the header, or cannot be read; with
                the line.
        """
        start = 0
        for file in self._files:
            for block in file.blocks(start):
                start += len(block)
                yield block


def _open(path: Path, header: bool | None, decimal: str) -> Source:
    if path.is_dir():
        accepted = "a file: CSV, TSV, JSON lines or Parquet"
        raise refuse(path, "is a folder", accepted, "name a file in it")
    try:
        with path.open("rb") as raw:
            magic = raw.read(4)
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise refuse(path, what, "a readable file", "check its permissions") from error
    if magic == MAGIC:
        return Parquet.open(path, decimal)
    return _open_text(survey(path), header, decimal)


def _open_text(decoded: Decoded, header: bool | None, decimal: str) -> Source:
    with decoded.open() as lines:
        head = lines.read(HEAD) + lines.readline(HEAD)
    if looks_like_json(head):
        return JsonLines.open(decoded, decimal)
    if head.lstrip().startswith(("[{", "[\n", "[ ")):
        hint = "jq -c '.[]' FILE.json > FILE.jsonl"
        raise refuse(decoded.path, "is one JSON list", "JSON lines: an object a line", hint)
    return Delimited.open(decoded, header)


def _compare(path: Path, found: Sequence[str], wanted: Sequence[str], first: str) -> None:
    """Refuses a file that has other columns than the first, or in another order."""
    if tuple(found) == tuple(wanted):
        return
    lacks, more = ([n for n in one if n not in other] for one, other in _both(wanted, found))
    told = [f"lacks {_list(lacks)}"] if lacks else []
    told += [f"has {_list(more)} beside those"] if more else []
    what = " and ".join(told) or "has its columns in another order"
    raise refuse(path, f"{what}, compared with {first}", _list(wanted), "one header in all files")


def _both(
    one: Sequence[str], two: Sequence[str]
) -> tuple[tuple[Sequence[str], Sequence[str]], ...]:
    return (one, two), (two, one)


def _list(names: Sequence[str]) -> str:
    more = f" and {plural(len(names) - SHOWN, 'other')}" if len(names) > SHOWN else ""
    return join_names(names[:SHOWN]) + more
