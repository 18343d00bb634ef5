"""Weka's text format of tables (ARFF): a header that declares attributes, then a row a line.

Numbers and nominal values, dense or sparse rows; texts, dates and relations are refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..reader import damage

MISSING = "?"
_NUMBERS = ("numeric", "real", "integer")
_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_DECLARED = re.compile(rf"@attribute\s+({_QUOTED}|\S+)\s+(.+)", re.IGNORECASE)
_CELL = re.compile(rf"((?:{_QUOTED}|[^,'\"]|['\"])*?)(?:,|$)")


@dataclass(frozen=True)
class Attribute:
    """A column.

    Attributes:
        name: as the header has it.
        values: of a nominal one, in the order that it declares them; None of numbers.
    """

    name: str
    values: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Arff:
    """A table.

    Attributes:
        attributes: its columns.
        rows: (rows, attributes) float64: numbers, places of nominal values, NaN where missing.
    """

    attributes: tuple[Attribute, ...]
    rows: npt.NDArray[np.float64]


def read_arff(path: Path) -> Arff:
    """Reads a file.

    Raises:
        UsageError: it is no such table; with the line.
    """
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise damage(path, f"is no text: byte {error.start}", "UTF-8") from error
    lines = _lines(text)
    attributes = _read_header(path, lines)
    found = [_read_row(path, number, line, attributes) for number, line in lines]
    rows = np.asarray(found, dtype=np.float64).reshape(-1, len(attributes))
    if not len(rows):
        raise damage(path, "has no row", "a row a line below @data")
    return Arff(attributes, rows)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that say something, with their numbers."""
    for number, line in enumerate(text.splitlines(), start=1):
        if (told := line.strip()) and not told.startswith("%"):
            yield number, told


def _read_header(path: Path, lines: Iterator[tuple[int, str]]) -> tuple[Attribute, ...]:
    found: list[Attribute] = []
    for number, line in lines:
        word = line.split(maxsplit=1)[0].lower()
        if word == "@data":
            if not found:
                raise damage(path, "declares no attribute", "@attribute NAME TYPE, above @data")
            return tuple(found)
        if word == "@attribute":
            found.append(_read_attribute(path, number, line))
        elif word != "@relation":
            what = f"line {number} is {line[:40]}"
            raise damage(path, what, "@relation, @attribute or @data")
    raise damage(path, "has no line @data", "rows below a line @data")


def _read_attribute(path: Path, number: int, line: str) -> Attribute:
    accepted = f"@attribute NAME, then {', '.join(_NUMBERS)} or {{VALUE,...}}"
    declared = _DECLARED.fullmatch(line)
    if declared is None:
        raise damage(path, f"line {number} is {line[:60]}", accepted)
    name, kind = _bare(declared[1]), declared[2].strip()
    if kind.startswith("{") and kind.endswith("}"):
        return Attribute(name, tuple(_cells(kind[1:-1])))
    if kind.lower() not in _NUMBERS:
        raise damage(path, f"line {number}: attribute {name} is {kind[:40]}", accepted)
    return Attribute(name)


def _cells(text: str) -> list[str]:
    """Cells between commas, in quotes or not."""
    return [_bare(cell.strip()) for cell in _CELL.findall(text)[:-1]]


def _bare(cell: str) -> str:
    """A name or value without its quotes."""
    quoted = len(cell) > 1 and cell[0] in "'\"" and cell[-1] == cell[0]
    return re.sub(r"\\(.)", r"\1", cell[1:-1]) if quoted else cell


def _read_row(path: Path, number: int, line: str, attributes: Sequence[Attribute]) -> list[float]:
    if line.startswith("{"):
        return _read_sparse(path, number, line, attributes)
    cells = line.split(",") if "'" not in line and '"' not in line else _cells(line)
    if len(cells) != len(attributes):
        what = f"line {number} has {len(cells)} cells"
        raise damage(path, what, f"{len(attributes)}, as many as there are attributes")
    pairs = zip(cells, attributes, strict=True)
    return [_read_cell(path, number, cell.strip(), one) for cell, one in pairs]


def _read_sparse(
    path: Path, number: int, line: str, attributes: Sequence[Attribute]
) -> list[float]:
    """A row of places with their values; what it does not name is 0, or the first value."""
    found = [0.0] * len(attributes)
    for cell in _cells(line.strip("{}")) if line.strip("{} ") else ():
        place, _, value = cell.partition(" ")
        if not place.isdecimal() or int(place) >= len(attributes):
            accepted = f"PLACE VALUE, the place from 0 to {len(attributes) - 1}"
            raise damage(path, f"line {number} has the cell {cell[:40]}", accepted)
        found[int(place)] = _read_cell(path, number, value.strip(), attributes[int(place)])
    return found


def _read_cell(path: Path, number: int, cell: str, attribute: Attribute) -> float:
    if cell == MISSING:
        return math.nan
    try:
        known = attribute.values
        return float(cell) if known is None else float(known.index(cell))
    except ValueError:
        accepted = "a number" if attribute.values is None else ", ".join(attribute.values)
        what = f"line {number}: attribute {attribute.name} is {cell[:40]}"
        raise damage(path, what, f"{accepted}, or {MISSING}") from None
