"""What each column of a table holds, told from all of its rows, and how it writes that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...config.names import join_names
from ...config.specs.tables import MISSING
from .cells import Numbers, Writing, read_dates, read_numbers
from .deciding import MOSTLY, ColumnType, Look, decide
from .opened import Table
from .seen import ALL, MOST, Seen, shorten
from .styles import STYLES, find_dates, find_unit, is_ambiguous, misfits, style_name

MARKERS = frozenset(
    {"-", "--", "?", ".", "None", "none", "n/a", "N.A.", "n.a.", "na", "#N/A", "Null", "NAN", "nil"}
    | {"missing", "Missing", "unknown", "Unknown"}
)
"""Texts that mean "missing" where all other cells of a column are numbers or dates."""
EXAMPLES = 3
_CONVERTED = ("number", "date")


@dataclass(frozen=True)
class TableTypes:
    """What all columns of a table hold, and how it writes that.

    Attributes:
        columns: by name.
        rows: how many there are.
        missing: the cells that stand for a missing value.
        decimal: what stands before decimals.
        thousands: what parts thousands.
        header: whether the first line names the columns.
        notes: what was decided or mended.
    """

    columns: dict[str, ColumnType]
    rows: int
    missing: tuple[str, ...] = MISSING
    decimal: str = "."
    thousands: str = ""
    header: bool = True
    notes: tuple[str, ...] = ()

    def options(self) -> dict[str, Any]:
        """Options of dataset table that read its cells so, but for `file` and `columns`."""
        kept = {"missing": self.missing, "decimal": self.decimal, "thousands": self.thousands}
        told: dict[str, Any] = {**kept, "header": self.header}
        told["units"] = {name: one.unit for name, one in self.columns.items() if one.unit}
        told["dates"] = {name: one.written for name, one in self.columns.items() if one.written}
        told["missing"] = list(self.missing)
        return told

    def convert(self, name: str) -> Callable[[Sequence[str]], Numbers] | None:
        """What makes numbers of a column's texts, NaN of what is missing; None of other columns."""
        one, how = (
            self.columns[name],
            Writing(frozenset(self.missing), self.decimal, self.thousands),
        )
        if one.holds == "number":
            return lambda cells: read_numbers(cells, how, one.unit).values
        if one.holds == "date":
            return lambda cells: read_dates(cells, how, one.written).values
        return None


def find_types(
    table: Table, wishes: Mapping[str, str] | None = None, also: Sequence[str] = ()
) -> TableTypes:
    """What each column of a table holds; all rows are read.

    Args:
        table: the table.
        wishes: what the user says of some columns, by name; their type is that.
        also: cells that the user says stand for a missing value, beside the usual ones.

    Raises:
        UsageError: a row cannot be read.
    """
    base = tuple(dict.fromkeys([*MISSING, *(one.strip() for one in also)]))
    how = Writing(frozenset(base))
    most = max(1000, min(MOST, ALL // max(1, len(table.header))))
    columns = [Seen(name, most) for name in table.header]
    for block in table.blocks():
        for seen in columns:
            seen.add(block, how)
    decimal, thousands, told = _find_style(table, columns, base)
    extra = _find_markers(columns, decimal, thousands, base)
    missing = (*base, *sorted(extra))
    looks = [
        Look(one, table.paths[0], frozenset(missing), decimal, thousands, one.known(missing))
        for one in columns
    ]
    types = {one.seen.name: decide(one, (wishes or {}).get(one.seen.name, "")) for one in looks}
    types |= _verify(table, looks, types)
    notes = [*table.notes, *told]
    if extra:
        notes.append(f"cells {', '.join(map(repr, sorted(extra)))} stand for a missing value")
    rows = columns[0].rows if columns else 0
    style = (decimal, thousands, table.named)
    return TableTypes(types, rows, missing, *style, tuple(notes))


def _verify(
    table: Table, looks: Sequence[Look], types: Mapping[str, ColumnType]
) -> dict[str, ColumnType]:
    """What does not fit of columns that have too many different texts to be kept."""
    unsure = {
        one.seen.name: one
        for one in looks
        if not (one.seen.whole or one.seen.plain) and types[one.seen.name].holds in _CONVERTED
    }
    wrong: dict[str, list[str]] = {name: [] for name in unsure}
    for block in table.blocks() if unsure else ():
        for name, look in unsure.items():
            cells, one = block.column(name), types[name]
            how = Writing(look.missing, look.decimal, look.thousands)
            found = (
                read_numbers(cells, how, one.unit)
                if one.holds == "number"
                else read_dates(cells, how, one.written)
            )
            wrong[name] += [f"{shorten(cells[row])} in {block.where(row)}" for row in found.wrong]
    return {name: _refuse_wrong(unsure[name], told) for name, told in wrong.items() if told}


def _refuse_wrong(look: Look, wrong: Sequence[str]) -> ColumnType:
    more = f" and {len(wrong) - EXAMPLES:,} more" if len(wrong) > EXAMPLES else ""
    what = f"has cells of one kind, but for {len(wrong):,}: {', '.join(wrong[:EXAMPLES])}{more}"
    return look.refuse(what, "one kind in the whole column", "category")


def _find_style(
    table: Table, columns: Sequence[Seen], missing: Sequence[str]
) -> tuple[str, str, list[str]]:
    """How numbers are written: as most columns of numbers have it, the plainest first."""
    sample = {one.name: one.known(missing)[:1000] for one in columns}
    signed = [one for one in columns if not one.plain and sample[one.name]]
    mostly = {style: [one for one in signed if _fits(sample[one.name], *style)] for style in STYLES}
    best = max(STYLES, key=lambda style: len(mostly[style]))
    if not mostly[best] or best == STYLES[0]:
        return *STYLES[0], []
    unsure = all(is_ambiguous(sample[one.name]) for one in mostly[best])
    why = f"as column {mostly[best][0].name} has them"
    if best == (".", ",") and unsure:
        if table.delimiter == ";":
            best, why = (",", ""), "since cells are parted by semicolons"
        else:
            why = "a comma is always followed by three digits"
    dotted = [
        one.name for one in columns if one.plain and best[0] == "," and _has_dots(one, missing)
    ]
    told = [f"numbers are written as {style_name(*best)}: {why}"]
    if dotted:
        told.append(f"{join_names(dotted)} would be numbers with a decimal point")
    return *best, told


def _has_dots(seen: Seen, missing: Sequence[str]) -> bool:
    return any("." in text for text in seen.known(missing))


def _fits(texts: list[str], decimal: str, thousands: str) -> bool:
    """Whether most of some texts are numbers in this style, and none is in the plain one only."""
    unit = find_unit(texts)
    wrong = misfits(texts, decimal, thousands, unit)
    return len(wrong) <= (1 - MOSTLY) * len(texts)


def _find_markers(
    columns: Sequence[Seen], decimal: str, thousands: str, missing: Sequence[str]
) -> set[str]:
    """Texts that stand for a missing value in columns whose other cells are numbers or dates."""
    found: set[str] = set()
    for seen in columns:
        known = seen.known(missing)
        marked = {*known} & MARKERS
        others = [text for text in known if text not in marked]
        if seen.plain or not marked or not others:
            continue
        numbers = not misfits(others, decimal, thousands, find_unit(others))
        if numbers or len(find_dates(others).read) == len(others):
            found |= marked
    return found
