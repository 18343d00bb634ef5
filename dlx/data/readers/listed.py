"""Pictures that a CSV file lists, with what is to be predicted of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ...config.names import did_you_mean, join_names, plural
from ...config.specs.images import Images
from ...errors import Problem, UsageError
from ..columns import Array
from ..tree import LINK, list_folder, read_file
from .csvs import read_numbers, read_table
from .listing import PARTS, Listing, check_names, part_of, refuse, some

SEPARATOR = "|"
"""Between the labels of a cell."""
Table = list[list[str]]


def list_file(root: Path, options: Images, called: Mapping[str, str] | None = None) -> Listing:
    """The pictures of a CSV file, in the order of parts, then of its lines.

    Args:
        root: the folder of the pictures and of the file.
        options: which file, and which of its columns.
        called: what the columns to predict are called in the file, if not as in `options`.

    Raises:
        UsageError: it cannot be read, has not the columns that were asked for, or a cell is not
            what its column holds; with the line.
    """
    file, (header, rows) = root / options.file, _read(root, options)
    called = called or {name: name for name in options.columns}

    def cells(name: str, key: str) -> list[str]:
        place = _find_column(options, header, name, key)
        return [row[place].strip() for row in rows]

    names = [_read_path(file, cell, n) for n, cell in enumerate(cells(options.path, "path"))]
    check_names(root, names)
    _refuse_repeats(file, names)
    parts: list[str] = []
    if options.part:
        parts = [_read_part(file, cell, n) for n, cell in enumerate(cells(options.part, "part"))]
    targets: dict[str, Array] = {}
    classes: dict[str, tuple[str, ...]] = {}
    for name, holds in options.columns.items():
        given = cells(called[name], "columns")
        if holds == "number":
            targets[name] = read_numbers(file, [[cell] for cell in given], 0, name)
            targets[name] = targets[name].astype(np.float32)
        else:
            read = _read_classes if holds == "class" else _read_labels
            targets[name], classes[name] = read(file, name, given)
    listing = Listing(tuple(names), tuple(parts), targets, classes, _find_links(root, names))
    order = sorted(range(len(names)), key=lambda row: PARTS.index(parts[row]) if parts else 0)
    return listing.take(np.array(order, np.int64))


def _find_column(options: Images, header: Sequence[str], name: str, key: str) -> int:
    """The place of a column.

    Raises:
        UsageError: there is none of this name, or there are several.
    """
    if header.count(name) == 1:
        return header.index(name)
    what = f"{options.file}: {'several columns are' if name in header else 'no column is'} "
    hint = "" if name in header else did_you_mean(name, header)
    raise UsageError(Problem(f"{what}called `{name}`", f"dataset.{key}", join_names(header), hint))


def _find_links(root: Path, names: Sequence[str]) -> dict[str, str]:
    """The pictures that are links, or lie behind one."""
    links = [one.name for one in list_folder(root, deep=True) if one.kind == "link"]
    behind = tuple(f"{name}/" for name in links)
    return {name: LINK for name in names if links and (name in links or name.startswith(behind))}


def _read(root: Path, options: Images) -> tuple[tuple[str, ...], Table]:
    """The header and the rows of the file."""
    file = root / options.file
    try:
        data = read_file(root, options.file)
    except OSError as error:
        what = f"dataset.file: {options.file} cannot be read: {error.strerror or error}"
        raise UsageError(Problem(what, str(file), "a CSV file in the folder")) from error
    header, rows = read_table(file, data)
    if not rows:
        raise refuse(file, f"{options.file} lists no picture", "a line for each")
    return header, rows


def _read_part(file: Path, cell: str, number: int) -> str:
    part = part_of(cell)
    if not part:
        raise refuse(file, f"line {number + 2:,}: {cell!r} is no set", "train, validation or test")
    return part


def _read_path(file: Path, cell: str, number: int) -> str:
    """A picture's path in the folder, with slashes."""
    path = cell.strip().replace("\\", "/").removeprefix("./")
    if not path or path.startswith("/") or ".." in path.split("/"):
        what = f"line {number + 2:,}: {cell!r} is no path of a file in the folder"
        raise refuse(file, what, "paths without `..`, as in cats/1.jpg")
    return path


def _refuse_repeats(file: Path, names: Sequence[str]) -> None:
    """Refuses pictures that are listed twice."""
    first: dict[str, int] = {}
    twice = [
        f"{name} in lines {first[name] + 2:,} and {number + 2:,}"
        for number, name in enumerate(names)
        if first.setdefault(name, number) != number
    ]
    if twice:
        what = f"{plural(len(twice), 'picture')} listed twice: {some(twice)}"
        raise refuse(file, what, "each once; of several labels `a|b` in one cell")


def _read_classes(file: Path, name: str, cells: Sequence[str]) -> tuple[Array, tuple[str, ...]]:
    """Class ids (rows,), and the classes, sorted."""
    empty = [f"line {number + 2:,}" for number, cell in enumerate(cells) if not cell]
    if empty:
        what = f"column {name} is empty in {plural(len(empty), 'line')}: {some(empty)}"
        raise refuse(file, what, "a class in every line")
    classes = tuple(sorted({*cells}))
    if len(classes) < 2:
        raise refuse(file, f"column {name} has only one class: {classes[0]}", "two or more")
    place = {one: number for number, one in enumerate(classes)}
    return np.array([place[cell] for cell in cells], np.int64), classes


def _read_labels(file: Path, name: str, cells: Sequence[str]) -> tuple[Array, tuple[str, ...]]:
    """Which labels each row has, 0 or 1 (rows, labels), and the labels, sorted."""
    found = [{one.strip() for one in cell.split(SEPARATOR)} - {""} for cell in cells]
    labels = tuple(sorted(set().union(*found)))
    if len(labels) < 2:
        has = f"only the label {labels[0]}" if labels else "no label"
        raise refuse(file, f"column {name} has {has}", "two labels or more, separated by |")
    place = {one: number for number, one in enumerate(labels)}
    values = np.zeros((len(cells), len(labels)), np.float32)
    for row, own in enumerate(found):
        values[row, [place[one] for one in own]] = 1
    return values, labels
