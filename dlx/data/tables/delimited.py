"""Delimited text, as CSV and TSV are: its header, and its rows with their lines."""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import IO, Any

from ...config.names import join_names, plural
from ...errors import UsageError
from ...printable import printable
from . import fast
from .block import ROWS, Block, Cells, number_lines, refuse
from .text import HEAD, Decoded, chain

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
SNIFFED = 100
"""Rows that are looked at to tell what parts the cells."""
LONGEST = 131_072
"""Characters of a cell; Python's own limit."""
EXAMPLES = 3


@dataclass(frozen=True)
class Delimited:
    """One file of delimited text.

    Attributes:
        decoded: the file as text.
        delimiter: what parts its cells.
        header: the names of its columns.
        named: whether its first row has them.
        notes: what was decided or mended.
    """

    decoded: Decoded
    delimiter: str
    header: tuple[str, ...]
    named: bool
    notes: tuple[str, ...]

    @classmethod
    def open(cls, decoded: Decoded, named: bool | None) -> Delimited:
        """Looks at its beginning.

        Args:
            decoded: the file as text.
            named: whether its first row names the columns; None: as it looks.
        """
        head, whole = _read_head(decoded)
        delimiter = sniff(head)
        rows = _parse(head, delimiter)
        if not whole and len(rows) > 1:
            rows.pop()  # which may have been cut
        notes = [one for one in (decoded.note,) if one]
        if delimiter != ",":
            notes.append(f"cells are parted by a {DELIMITERS[delimiter]}")
        if named is None:
            named = has_names(rows)
            if not named:
                notes.append("the first line is taken for data, as it has numbers like the others")
        header, mended = name_columns(rows[0] if named else [""] * len(rows[0]))
        return cls(decoded, delimiter, header, named, (*notes, *(mended if named else ())))

    def blocks(self, start: int) -> Iterator[Block]:
        """The rows.

        Raises:
            UsageError: one has another number of cells than the header, or a quote is not closed.
        """
        with self.decoded.open_bytes() as raw:
            line, named = 1, self.named
            if self.decoded.encoding in ("utf-8", "utf-8-sig") and fast.is_here():
                plain = fast.Plain(raw)
                for block in self._plain_blocks(plain, start):
                    yield block
                    start, line, named = start + len(block), block.lines[-1] + 1, False
                raw = chain(plain.left, raw)
            yield from self._quoted_blocks(raw, start, line, named)

    def _plain_blocks(self, plain: fast.Plain, start: int) -> Iterator[Block]:
        """The rows as long as the text is plain, by PyArrow."""
        line = 2 if self.named else 1
        for cells in fast.cut_blocks(self._plain_tables(plain), ROWS):
            lines = range(line, line + len(cells[0]))
            yield Block(self.decoded.path, self.header, tuple(cells), start, lines)
            start, line = start + len(lines), lines.stop

    def _plain_tables(self, plain: fast.Plain) -> Iterator[Any]:
        first = True
        for chunk in plain.chunks():
            if first and len(chunk) < fast.CHUNK // 2:  # Python's reader starts faster
                plain.left = chunk + plain.left
                return
            body = chunk.removeprefix(BOM_UTF8) if first else chunk
            body = body[body.find(b"\n") + 1 :] if first and self.named else body
            table = fast.parse(body, self.delimiter, len(self.header))
            if table is None:  # Python's reader tells what is wrong
                plain.left = chunk + plain.left
                return
            yield table
            first = False

    def _quoted_blocks(
        self, raw: IO[bytes], start: int, first: int, named: bool
    ) -> Iterator[Block]:
        """The rows by Python's reader.

        Args:
            raw: the bytes of the text, from the beginning of a line on.
            start: rows that come before.
            first: the line that it begins with.
            named: whether that is the header.
        """
        with io.TextIOWrapper(raw, self.decoded.encoding, newline="") as lines:
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
            if named:
                self._read(reader, first, 1)
            line = reader.line_num + first
            while rows := self._read(reader, line, ROWS):
                broken = reader.line_num + first - line != len(rows)
                block = self._block(rows, line, start, broken)
                line = reader.line_num + first
                start += len(block)
                if len(block):
                    yield block

    def _read(self, reader: Any, line: int, many: int) -> list[list[str]]:
        """The next rows, of which the first begins in this line; none at the end."""
        before = line - 1 - reader.line_num
        try:
            return list(islice(reader, many))
        except csv.Error as error:
            raise self._refuse_quote(line, str(error)) from error
        except UnicodeDecodeError as error:
            at = before + reader.line_num + 1 + error.object[: error.start].count(b"\n")
            what = f"has the byte 0x{error.object[error.start]:02x} in line {at:,}"
            what += f", which is no {self.decoded.encoding.upper()}"
            raise refuse(self.decoded.path, what, "one encoding in the whole file") from error

    def _refuse_quote(self, line: int, reason: str) -> UsageError:
        """The error of text that is no CSV: the line in which the wrong row begins."""
        with self.decoded.open() as lines:
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
            with suppress(csv.Error):
                line = 1
                for _ in reader:
                    line = reader.line_num + 1
        if "field limit" in reason:
            what = f"a cell of more than {LONGEST:,} characters begins in line {line:,}"
            hint = "close its quote, if one is open there; else shorten it"
        elif "unexpected end" in reason:
            what = f"a quote that is opened in line {line:,} is never closed"
            hint = 'close it; a quote inside a quoted cell is written twice, as ""'
        else:
            what = f"line {line:,} is no CSV: {reason}"
            hint = 'a quote inside a quoted cell is written twice, as ""'
        return refuse(self.decoded.path, what, "quotes in pairs", hint)

    def _block(self, rows: list[list[str]], line: int, start: int, broken: bool) -> Block:
        """A block of rows, of which the first begins in this line; `broken`: cells have breaks."""
        many = len(self.header)
        lines: Sequence[int] = range(line, line + len(rows))
        if broken or {*map(len, rows)} != {many}:
            lines = number_lines(rows, line)
            self._refuse_ragged(rows, lines)
            lines = [at for row, at in zip(rows, lines, strict=True) if row]
            rows = [row for row in rows if row]
        cells: tuple[Cells, ...] = tuple(zip(*rows, strict=True)) if rows else ((),) * many
        return Block(self.decoded.path, self.header, cells, start, lines)

    def _refuse_ragged(self, rows: list[list[str]], lines: Sequence[int]) -> None:
        many = len(self.header)
        wrong = [
            f"line {at:,} has {plural(len(row), 'cell')}"
            for row, at in zip(rows, lines, strict=True)
            if len(row) not in (0, many)
        ]
        if wrong:
            more = f" and {len(wrong) - EXAMPLES:,} more" if len(wrong) > EXAMPLES else ""
            what = f"{', '.join(wrong[:EXAMPLES])}{more}, but the header has {many:,}"
            sign = DELIMITERS[self.delimiter]
            hint = f'a cell that holds a {sign} goes into quotes, as "a{self.delimiter}b"'
            shown = [printable(name) for name in self.header[:20]]
            raise refuse(self.decoded.path, what, join_names(shown), hint)


def _read_head(decoded: Decoded) -> tuple[str, bool]:
    """The beginning of a file in whole lines, and whether that is all of it."""
    with decoded.open() as lines:
        head = lines.read(HEAD) + lines.readline()
        return head, not lines.read(1)


def _parse(head: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    with suppress(csv.Error):  # a cell that is too long is told of when it is read
        rows.extend(filter(None, csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)))
    return rows or [[""]]


def sniff(head: str) -> str:
    """What parts the cells: the sign that gives most rows as many cells as the first.

    Args:
        head: whole lines from the beginning of the file.
    """
    best, chosen = (0.0, 1), ","
    for delimiter in DELIMITERS:
        sizes = [len(row) for row in _parse(head, delimiter)[:SNIFFED]]
        if sizes[0] > 1:
            score = (sizes.count(sizes[0]) / len(sizes), sizes[0])
            if score > best:
                best, chosen = score, delimiter
    return chosen


def has_names(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: not where it has numbers as those below it.

    Years side by side, as 2019 and 2020, are names.
    """
    first, *others = rows[:SNIFFED]
    numeric = [
        place
        for place, _ in enumerate(first)
        if others and all(_is_number(row[place]) for row in others if place < len(row))
    ]
    alike = [first[place] for place in numeric if _is_number(first[place])]
    if not numeric or len(alike) < len(numeric):
        return True
    numbers = [float(cell.replace(",", ".")) for cell in alike]
    steps = {b - a for a, b in pairwise(numbers)}
    return steps == {1.0} and 1800 <= numbers[0] <= 2200


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().replace(",", "."))
    except ValueError:
        return False
    return True


def name_columns(first: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Names that differ, made of the cells of a header, and what had to be mended."""
    names: dict[str, int] = {}
    notes = []
    taken = {cell.strip() for cell in first}
    for place, cell in enumerate(first, 1):
        name = base = cell.strip() or f"column_{place}"
        number = 2
        while name in names or (name != cell.strip() and name in taken):
            name, number = f"{base}_{number}", number + 1
        if name != cell.strip():
            told = f"a second column {base} is" if cell.strip() else f"column {place} has no name:"
            notes.append(f"{told} called {name}")
        names[name] = place
    return tuple(names), notes
