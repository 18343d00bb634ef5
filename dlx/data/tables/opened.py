"""Any table: a header, and blocks of rows in bounded memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from ...config.names import plural
from .block import ROWS, Block, Cells, number_lines, refuse
from .text import HEAD, Decoded, sniff, survey


@dataclass(frozen=True)
class Table:
    """A table in one file or several with the same header.

    Attributes:
        header: the names of its columns, all of them different.
        paths: its files.
        notes: what was decided or mended in reading, a sentence each.
    """

    header: tuple[str, ...]
    paths: tuple[Path, ...]
    notes: tuple[str, ...]
    _files: tuple[_Text, ...] = field(repr=False)

    @classmethod
    def open(cls, paths: Sequence[Path], header: bool = True) -> Table:
        """Looks at the files; their rows are read by `blocks`.

        Args:
            paths: one or several.
            header: whether the first row names the columns.

        Raises:
            UsageError: one cannot be read, is no table, or has another header than the first.
        """
        files = tuple(_Text.open(path, header) for path in paths)
        first = files[0]
        for other in files[1:]:
            if other.header != first.header:
                what = f"has other columns than {first.decoded.path.name}"
                raise refuse(other.decoded.path, what, ", ".join(first.header))
        notes = [f"{one.decoded.path.name}: {told}" for one in files for told in one.notes]
        return cls(first.header, tuple(paths), tuple(notes), files)

    def blocks(self) -> Iterator[Block]:
        """The rows, block after block; may be asked for again.

        Raises:
            UsageError: a row has another number of cells than the header, or a quote is not
                closed; with the line.
        """
        start = 0
        for file in self._files:
            for block in file.blocks(start):
                start += len(block)
                yield block


@dataclass(frozen=True)
class _Text:
    """One file of delimited text."""

    decoded: Decoded
    delimiter: str
    header: tuple[str, ...]
    named: bool
    notes: tuple[str, ...]

    @classmethod
    def open(cls, path: Path, named: bool) -> _Text:
        decoded = survey(path)
        with decoded.open() as lines:
            head = lines.read(HEAD)
            head += lines.readline()
        delimiter = sniff(head)
        first = next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter))
        header, mended = name_columns(first if named else [""] * len(first))
        notes = [decoded.note] if decoded.note else []
        return cls(decoded, delimiter, header, named, (*notes, *(mended if named else ())))

    def blocks(self, start: int) -> Iterator[Block]:
        with self.decoded.open() as lines:
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
            if self.named:
                next(reader)
            line = reader.line_num + 1
            while rows := self._read(reader, line):
                block = self._block(rows, line, start)
                line = reader.line_num + 1
                start += len(block)
                if len(block):
                    yield block

    def _read(self, reader: Iterator[list[str]], line: int) -> list[list[str]]:
        """The next rows, of which the first begins in this line; none at the end."""
        try:
            return list(islice(reader, ROWS))
        except csv.Error as error:
            what = f"is no CSV text, from line {line:,} on: {error}"
            raise refuse(self.decoded.path, what, "each quote closed") from error

    def _block(self, rows: list[list[str]], line: int, start: int) -> Block:
        sizes, many = set(map(len, rows)), len(self.header)
        lines: Sequence[int] = range(line, line + len(rows))
        if sizes != {many} or any("\n" in cell for row in rows for cell in row):
            lines = number_lines(rows, line)
            for row, at in zip(rows, lines, strict=True):
                if len(row) not in (0, many):
                    what = f"line {at:,} has {plural(len(row), 'cell')}, not {many}"
                    raise refuse(self.decoded.path, what, ", ".join(self.header))
            lines = [at for row, at in zip(rows, lines, strict=True) if row]
            rows = [row for row in rows if row]
        cells: tuple[Cells, ...] = tuple(zip(*rows, strict=True)) if rows else ((),) * many
        return Block(self.decoded.path, self.header, cells, start, lines)


def name_columns(first: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Names that differ, made of the cells of a header, and what had to be mended."""
    names: list[str] = []
    notes = []
    for place, cell in enumerate(first, 1):
        name = base = cell.strip() or f"column_{place}"
        number = 2
        while name in names:
            name, number = f"{base}_{number}", number + 1
        if name != cell.strip():
            told = f"a second column {base} is" if cell.strip() else f"column {place} has no name:"
            notes.append(f"{told} called {name}")
        names.append(name)
    return tuple(names), notes
