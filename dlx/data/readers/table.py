"""A table of the user's own: its inputs, what is to be predicted, roles of other columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np

from ...config.names import did_you_mean, join_names, plural
from ...config.specs.tables import LABEL_SEPARATOR
from ...config.specs.tables import Table as Options
from ...errors import Problem, UsageError
from ...printable import printable
from ...problem import PROBLEMS
from ..columns import Array, Dense, Rows, Text
from ..reader import Reader
from ..samples import Note, Samples
from ..store import paths_of
from ..tables import Table
from ..tables.block import refuse
from ..tables.frames import Cells, holds_of, make_inputs

ROW = "table row"
"""The column with a hash of each row; no column of a user's file is likely to be called so."""
EXAMPLES = 3
SHOWN = 20
"""Names of columns that a message lists."""


def _read(options: Options, folder: Path) -> Samples:  # noqa: ARG001 - the first of its files
    table = Table.open(paths_of(options), options.header, options.decimal)
    holds = find_columns(table, options)
    named = _find_names(options)
    cells = Cells(options, holds | ({named: "category"} if named else {}))
    hint = "dlx data describe FILE, of another"
    identity = read_rows(table, cells, "one row or more", hint)
    labelled, notes = _find_labelled(options, cells)
    cells, identity = cells.take(labelled), identity[labelled]
    return _gather(options, cells, identity, named, [(note, 0) for note in table.notes] + notes)


def read_rows(table: Table, cells: Cells, accepted: str, hint: str) -> Array:
    """Gathers the cells of all rows; returns a hash of each row, (rows, 16) bytes.

    Args:
        table: read from its beginning.
        cells: which cells are gathered; filled.
        accepted: how many rows are, where there is none.
        hint: what to do then.

    Raises:
        UsageError: there is no row, or a cell is not what its column holds.
    """
    hashes: list[bytes] = []
    for block in table.blocks():
        cells.add(block)
        hashes += map(hash_row, zip(*block.cells, strict=True))
    if not hashes:
        raise refuse(table.paths[0], "has no rows below its header", accepted, hint)
    cells.refuse_misfits()
    return np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, 16)


def _gather(
    options: Options, cells: Cells, identity: Array, named: str, notes: Sequence[Note]
) -> Samples:
    columns = make_inputs(options, cells)
    columns[ROW] = Dense(identity)
    if options.group:
        columns[options.group] = Dense(_number(cells, options.group))
    if options.time:
        columns[options.time] = Dense(_read_time(cells, options.time))
    if named:
        columns[named] = Text([f"{named} {cell}" for cell in cells.texts(named)])
    classes = {}
    for name, problem in options.posed.items():
        columns[name], classes[name] = read_target(cells, name, problem)
    return Samples(
        columns=columns,
        inputs=options.inputs,
        targets=tuple(options.posed),
        classes={name: known for name, known in classes.items() if known},
        time=options.time,
        clock="s" if options.time and cells.holds[options.time] == "date" else "",
        groups=options.groups,
        identity=ROW,
        names=named,
        notes=tuple(notes),
    )


def hash_row(row: tuple[str, ...]) -> bytes:
    """What the cells of a row are known by."""
    text = "\x1f".join(row)
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()


def find_columns(table: Table, options: Options) -> dict[str, str]:
    """What each column that is read holds; the table must have all of them."""
    holds = holds_of(options)
    for name, problem in options.posed.items():
        holds[name] = "category" if PROBLEMS[problem].classes else "number"
    if options.group:
        holds.setdefault(options.group, "category")
    if options.time:
        told = options.columns.get(options.time)
        counts = told == "number" or (told == "identifier" and options.time not in options.dates)
        holds.setdefault(options.time, "number" if counts else "date")
    lacking = [name for name in holds if name not in table.header]
    if lacking:
        raise UsageError(*(_refuse_lacking(table, options, name) for name in lacking))
    return holds


def _refuse_lacking(table: Table, options: Options, name: str) -> Problem:
    roles = {"dataset.group": options.group, "dataset.time": options.time}
    key = "targets" if name in options.posed else "dataset.columns"
    key = next((role for role, column in roles.items() if column == name), key)
    what = f"{printable(table.paths[0].name)} has no column {name}, which `{key}` names"
    shown = [printable(one) for one in table.header[:SHOWN]]
    more = f" and {len(table.header) - SHOWN:,} more" if len(table.header) > SHOWN else ""
    hint = did_you_mean(name, table.header)
    return Problem(what, str(table.paths[0]), join_names(shown) + more, hint)


def _find_names(options: Options) -> str:
    """The column whose cells name the rows: the first identifier, where it has no other role."""
    roles = {options.group, options.time, *options.posed}
    found = (name for name in options.columns_of("identifier") if name not in roles)
    return next(found, "")


def _find_labelled(options: Options, cells: Cells) -> tuple[Rows, list[Note]]:
    """The rows that have all that is to be predicted, and what is told of the others.

    Raises:
        UsageError: some have not, and are not to be left out; or none has.
    """
    lacking = {name: _find_empty(cells, name, one) for name, one in options.posed.items()}
    lacking = {name: rows for name, rows in lacking.items() if len(rows)}
    every = np.arange(len(cells), dtype=np.int64)
    if not lacking:
        return every, []
    labelled = np.setdiff1d(every, np.concatenate([*lacking.values()]))
    if options.unlabelled == "refuse" or not len(labelled):
        raise UsageError(*(_refuse_empty(cells, name, rows) for name, rows in lacking.items()))
    many = len(every) - len(labelled)
    told = f"{plural(many, 'row')} without {join_names(list(lacking))} left out"
    return labelled, [(told, many)]


def _find_empty(cells: Cells, name: str, problem: str) -> Rows:
    if not PROBLEMS[problem].classes:
        return np.flatnonzero(np.isnan(cells.numbers(name)))
    if PROBLEMS[problem].answer == "labels":  # a row may have none
        return np.zeros(0, np.int64)
    return np.array([row for row, cell in enumerate(cells.texts(name)) if not cell], np.int64)


def _refuse_empty(cells: Cells, name: str, rows: Rows) -> Problem:
    path, many = cells.paths[0], len(rows)
    what = f"{printable(path.name)}: column {name}, which is to be predicted, is empty in "
    what += "every row" if many == len(cells) else f"{plural(many, 'row')}: {_some(cells, rows)}"
    hint = "" if many == len(cells) else "dataset.unlabelled=skip leaves these rows out"
    return Problem(what, str(path), "a value in every row", hint)


def _some(cells: Cells, rows: Rows) -> str:
    more = f" and {len(rows) - EXAMPLES:,} more" if len(rows) > EXAMPLES else ""
    return ", ".join(cells.where(row) for row in rows[:EXAMPLES].tolist()) + more


def _number(cells: Cells, name: str) -> Array:
    """Which of its distinct values each cell of a column is."""
    numeric = cells.holds[name] in ("number", "date")
    values = cells.numbers(name) if numeric else np.array(cells.texts(name))
    found: Array = np.unique(values, return_inverse=True)[1].astype(np.int64)
    return found


def _read_time(cells: Cells, name: str) -> Array:
    values = cells.numbers(name)
    lacking = np.flatnonzero(np.isnan(values))
    if len(lacking):
        what = f"column {name}, by which rows are ordered, is empty in "
        what += f"{plural(len(lacking), 'row')}: {_some(cells, lacking)}"
        raise refuse(cells.paths[0], what, "a value in every row", "dataset.time=''")
    return values


def read_target(cells: Cells, name: str, problem: str) -> tuple[Dense, tuple[str, ...]]:
    """A column to predict, and the names of its classes.

    Raises:
        UsageError: all rows have the same.
    """
    if not PROBLEMS[problem].classes:
        values = cells.numbers(name).astype(np.float32)
        if len(values) and (values == values[0]).all():
            raise _refuse_constant(cells, name, f"the number {values[0]:g}")
        return Dense(values), ()
    texts = cells.texts(name)
    if PROBLEMS[problem].answer == "labels":
        return _read_labels(cells, name)
    known = sort_names(set(texts))
    if len(known) < 2:
        raise _refuse_constant(cells, name, f"the class {known[0]}")
    place = {value: code for code, value in enumerate(known)}
    return Dense(np.array([place[text] for text in texts], np.int64)), known


def _refuse_constant(cells: Cells, name: str, what: str) -> UsageError:
    what = f"column {name}, which is to be predicted, has {what} in all {len(cells):,} rows"
    hint = "dlx init FILE --target COLUMN, of another column"
    return refuse(cells.paths[0], what, "values that differ", hint)


def _read_labels(cells: Cells, name: str) -> tuple[Dense, tuple[str, ...]]:
    found = [
        {one.strip() for one in text.split(LABEL_SEPARATOR)} - {""} for text in cells.texts(name)
    ]
    known = sort_names(set().union(*found))
    if len(known) < 2:
        what = f"column {name} has {f'only the label {known[0]}' if known else 'no label'}"
        accepted = f"two labels or more, separated by {LABEL_SEPARATOR}"
        raise refuse(cells.paths[0], what, accepted)
    place = {value: code for code, value in enumerate(known)}
    values = np.zeros((len(found), len(known)), np.float32)
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
