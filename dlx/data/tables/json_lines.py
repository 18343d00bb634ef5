"""JSON lines: an object a line, whose keys are the columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from .block import ROWS, Block, refuse
from .text import Decoded

ACCEPTED = 'one JSON object a line, as {"age": 3, "sex": "f"}'
MAX_LINE = 1 << 24
"""Characters of a line."""


@dataclass(frozen=True)
class JsonLines:
    """One file of JSON lines.

    Attributes:
        decoded: the file as text.
        header: all keys, in the order in which they appear.
        notes: what was decided.
        delimiter: none.
        named: always; each object names its own.
        decimal: what stands before the decimals of a number in a cell.
    """

    decoded: Decoded
    header: tuple[str, ...]
    notes: tuple[str, ...] = ()
    named: bool = True
    delimiter: str = ""
    decimal: str = "."

    @classmethod
    def open(cls, decoded: Decoded, decimal: str = ".") -> JsonLines:
        """Reads all lines for their keys."""
        header: dict[str, None] = {}
        with decoded.open() as lines:
            for _, found in _objects(decoded, lines):
                header.update(dict.fromkeys(found))
        notes = [decoded.note] if decoded.note else []
        if not header:
            raise refuse(decoded.path, "has no key in any line", ACCEPTED)
        return cls(decoded, tuple(header), tuple(notes), decimal=decimal)

    def blocks(self, start: int) -> Iterator[Block]:
        """The rows; a key that one lacks is an empty cell.

        Raises:
            UsageError: a line is no JSON object.
        """
        rows: list[tuple[int, dict[str, str]]] = []
        with self.decoded.open() as lines:
            for row in _objects(self.decoded, lines, self.decimal):
                rows.append(row)
                if len(rows) == ROWS:
                    yield self._block(rows, start)
                    start, rows = start + len(rows), []
        if rows:
            yield self._block(rows, start)

    def _block(self, rows: list[tuple[int, dict[str, str]]], start: int) -> Block:
        lines = [line for line, _ in rows]
        cells = tuple([row.get(name, "") for _, row in rows] for name in self.header)
        return Block(self.decoded.path, self.header, cells, start, lines)


def looks_like_json(head: str) -> bool:
    """Whether a text is JSON lines by its beginning."""
    first = head.lstrip().partition("\n")[0].strip()
    if not first.startswith("{"):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except ValueError:
        return first.startswith('{"')


def number_text(decimal: str) -> Callable[[str], str]:
    """Makes the text of a number in JSON that of a table with these decimals."""
    return str if decimal == "." else lambda text: text.replace(".", decimal)


def _objects(
    decoded: Decoded, lines: IO[str], decimal: str = "."
) -> Iterator[tuple[int, dict[str, str]]]:
    """The line and the cells of each object."""
    write = number_text(decimal)
    for number, text in enumerate(_lines(decoded, lines), 1):
        if text.strip():
            yield number, _read_object(decoded, number, text, write)


def _lines(decoded: Decoded, lines: IO[str]) -> Iterator[str]:
    number = 0
    while text := lines.readline(MAX_LINE):
        number += 1
        if len(text) == MAX_LINE:
            what = f"line {number:,} has more than {MAX_LINE:,} characters"
            raise refuse(decoded.path, what, ACCEPTED)
        yield text


def _read_object(
    decoded: Decoded, number: int, text: str, write: Callable[[str], str]
) -> dict[str, str]:
    try:
        found = json.loads(text, parse_float=write, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", "it is nested too deeply")
        what = f"line {number:,} is no JSON: {reason}"
        raise refuse(decoded.path, what, ACCEPTED) from error
    if not isinstance(found, dict):
        raise refuse(decoded.path, f"line {number:,} is no JSON object", ACCEPTED)
    return {key: _cell(value) for key, value in found.items()}


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)
