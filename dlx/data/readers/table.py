"""A table of the user's own: its cells as numbers, categories, dates, texts and targets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from ...config.names import did_you_mean, join_names, plural
from ...config.specs.tables import CATEGORIES, DATES, LABEL_SEPARATOR, NUMBERS
from ...config.specs.tables import Table as Options
from ...errors import Problem, UsageError
from ...problem import PROBLEMS
from ..columns import Array, Categories, Column, Dense, Text
from ..reader import Reader
from ..samples import Frame, Note, Samples
from ..tables import Block, Table
from ..tables.block import refuse
from ..tables.cells import Converted, Writing, read_dates, read_names, read_numbers

ROW = "table row"
"""The column with a hash of each row."""
EXAMPLES = 3


def writing_of(options: Options) -> Writing:
    """How the table writes what its cells hold."""
    return Writing(frozenset(options.missing), options.decimal, options.thousands)


@dataclass
class _Misfits:
    """Cells that are not what their column holds: how many, and the first ones."""

    accepted: str
    many: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, block: Block, cells: Any, wrong: list[int]) -> None:
        """Notes some cells of a block."""
        self.many += len(wrong)
        for row in wrong[: EXAMPLES - len(self.shown)]:
            self.shown.append(f"{cells[row]!r} in {block.where(row)}")


class Cells:
    """Gathers the cells of a table block by block, as values.

    Args:
        options: which columns hold what.
        holds: the same for columns that are read beside those of `options.columns`.
    """

    def __init__(self, options: Options, holds: Mapping[str, str]) -> None:
        self.options, self.how, self.holds = options, writing_of(options), dict(holds)
        self.found: dict[str, list[Any]] = {name: [] for name in holds}
        self.misfits: dict[str, _Misfits] = {}

    def add(self, block: Block) -> None:
        """Reads the cells of one block."""
        for name, holds in self.holds.items():
            cells = block.column(name)
            if holds in ("number", "date"):
                self.found[name].append(self._convert(name, holds, cells, block))
            elif holds == "text":
                self.found[name].extend(cells)
            else:
                self.found[name].extend(read_names(cells, self.how))

    def _convert(self, name: str, holds: str, cells: Any, block: Block) -> Array:
        if holds == "number":
            found: Converted = read_numbers(cells, self.how, self.options.units.get(name, ""))
        else:
            found = read_dates(cells, self.how, self.options.dates.get(name, ""))
        if found.wrong:
            accepted = self._accepted(name, holds)
            self.misfits.setdefault(name, _Misfits(accepted)).add(block, cells, found.wrong)
        return found.values

    def _accepted(self, name: str, holds: str) -> str:
        options = self.options
        if holds == "date":
            return f"dates as {options.dates.get(name) or '2024-05-31 or 2024-05-31T23:00:00'}"
        unit = options.units.get(name, "")
        told = f"numbers{f' with {unit}' if unit else ''}, as 1{options.thousands}234"
        return f"{told}{options.decimal}5, below 3.4e38; or missing: {_quote(options.missing)}"

    def refuse_misfits(self, path: Path) -> None:
        """Refuses cells that are not what their column holds.

        Raises:
            UsageError: with a problem for each such column.
        """
        problems = []
        for name, one in self.misfits.items():
            more = f", and {one.many - len(one.shown):,} more" if one.many > len(one.shown) else ""
            what = f"{path.name}: column {name} holds {self.holds[name]}s, but not "
            what += f"{', '.join(one.shown)}{more}"
            hint = f"mend the cells; or dataset.columns.{name}=category"
            problems.append(Problem(what, str(path), one.accepted, hint))
        if problems:
            raise UsageError(*problems)

    def numbers(self, name: str) -> Array:
        """A column of numbers or dates, float64 (rows,)."""
        return np.concatenate(self.found[name]) if self.found[name] else np.zeros(0)


def _quote(texts: Iterable[str]) -> str:
    return ", ".join(repr(one) for one in texts)


def find_columns(table: Table, options: Options) -> dict[str, str]:
    """What each column that is read holds, all of which the table must have."""
    holds: dict[str, str] = {
        n: one for n, one in options.columns.items() if one not in ("skip", "identifier")
    }
    for name, problem in options.posed.items():
        holds[name] = "category" if PROBLEMS[problem].classes else "number"
    if options.group:
        holds.setdefault(options.group, "category")
    if options.time:
        holds.setdefault(options.time, "date")
    lacking = [name for name in holds if name not in table.header]
    if lacking:
        raise UsageError(*(_refuse_lacking(table, options, name) for name in lacking))
    return holds


def _refuse_lacking(table: Table, options: Options, name: str) -> Problem:
    key = "targets" if name in options.posed else "dataset.columns"
    what = f"{table.paths[0].name} has no column {name}, which `{key}` names"
    hint = did_you_mean(name, table.header)
    return Problem(what, str(table.paths[0]), join_names(table.header), hint)


def make_inputs(options: Options, cells: Cells) -> dict[str, Column]:
    """The inputs of the table: numbers, categories and dates side by side, and texts."""
    found: dict[str, Column] = {}
    for key, holds, kind in ((NUMBERS, "number", np.float32), (DATES, "date", np.float64)):
        if names := options.columns_of(holds):
            values = np.stack([cells.numbers(name) for name in names], axis=1).astype(kind)
            found[key] = Dense(values, names)
    if names := options.columns_of("category"):
        found[CATEGORIES] = Categories.of_texts({name: cells.found[name] for name in names})
    found |= {name: Text(cells.found[name]) for name in options.columns_of("text")}
    return {name: found[name] for name in options.inputs}


def _read(options: Options, folder: Path) -> Samples:  # noqa: ARG001 - which is the first file
    from ..store import paths_of

    table = Table.open(paths_of(options), options.header)
    cells, identity = Cells(options, find_columns(table, options)), []
    for block in table.blocks():
        cells.add(block)
        identity += [hash_row(row) for row in zip(*block.cells, strict=True)]
    if not identity:
        what = "has no rows below its header"
        raise refuse(table.paths[0], what, "at least one", "add rows; the same command reads them")
    cells.refuse_misfits(table.paths[0])
    columns = make_inputs(options, cells)
    columns[ROW] = Dense(np.frombuffer(b"".join(identity), np.uint8).reshape(-1, 16))
    if options.group:
        columns[options.group] = Dense(_number(cells, options.group))
    if options.time:
        columns[options.time] = Dense(_read_time(table, cells, options.time))
    classes = {}
    for name, problem in options.posed.items():
        columns[name], classes[name] = read_target(table.paths[0], cells, name, problem)
    return Samples(
        columns=columns,
        inputs=options.inputs,
        targets=tuple(options.posed),
        classes={name: known for name, known in classes.items() if known},
        time=options.time,
        clock="s" if options.time and cells.holds[options.time] == "date" else "",
        groups=options.groups,
        identity=ROW,
        notes=tuple((note, 0) for note in table.notes),
    )


def hash_row(row: tuple[str, ...]) -> bytes:
    """What the cells of a row are known by."""
    text = "\x1f".join(row)
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()


def _number(cells: Cells, name: str) -> Array:
    """Which of its distinct values each cell of a column is."""
    if cells.holds[name] in ("number", "date"):
        return np.unique(cells.numbers(name), return_inverse=True)[1].astype(np.int64)
    return np.unique(np.array(cells.found[name]), return_inverse=True)[1].astype(np.int64)


def _read_time(table: Table, cells: Cells, name: str) -> Array:
    values = cells.numbers(name)
    lacking = np.flatnonzero(np.isnan(values))
    if len(lacking):
        what = (
            f"column {name}, by which rows are ordered, is empty in {plural(len(lacking), 'row')}"
        )
        raise refuse(table.paths[0], what, "a date in every row")
    return values


def read_target(path: Path, cells: Cells, name: str, problem: str) -> tuple[Dense, tuple[str, ...]]:
    """A column to predict, and the names of its classes.

    Raises:
        UsageError: a row has no value, or all have the same class.
    """
    if not PROBLEMS[problem].classes:
        values = cells.numbers(name)
        _refuse_empty(path, name, np.flatnonzero(np.isnan(values)))
        return Dense(values.astype(np.float32)), ()
    texts = cells.found[name]
    if PROBLEMS[problem].answer == "labels":
        return _read_labels(path, name, texts)
    _refuse_empty(path, name, np.flatnonzero(np.array(texts) == ""))
    known = sort_names(set(texts))
    if len(known) < 2:
        what = f"column {name} has one class only: {known[0]}"
        raise refuse(path, what, "two classes or more")
    place = {value: code for code, value in enumerate(known)}
    return Dense(np.array([place[text] for text in texts], np.int64)), known


def _refuse_empty(path: Path, name: str, rows: Array) -> None:
    if len(rows):
        what = f"column {name}, which is to be predicted, is empty in {plural(len(rows), 'row')}"
        raise refuse(path, what, "a value in every row", "dataset.unlabelled=skip")


def _read_labels(path: Path, name: str, texts: list[str]) -> tuple[Dense, tuple[str, ...]]:
    found = [{one.strip() for one in text.split(LABEL_SEPARATOR)} - {""} for text in texts]
    known = sort_names(set().union(*found))
    if len(known) < 2:
        what = f"column {name} has {plural(len(known), 'label')}"
        raise refuse(path, what, f"two labels or more, separated by {LABEL_SEPARATOR}")
    place = {value: code for code, value in enumerate(known)}
    values = np.zeros((len(texts), len(known)), np.float32)
    for row, own in enumerate(found):
        values[row, [place[one] for one in own]] = 1
    return Dense(values), known


def sort_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names of classes in order: by value where all are numbers, else as texts."""
    every = sorted(names)
    try:
        return tuple(sorted(every, key=float))
    except ValueError:
        return tuple(every)


table = Reader(_read)
__all__ = ["Cells", "Frame", "Note", "make_inputs", "read_target", "sort_names", "table"]
