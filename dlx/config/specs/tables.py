"""A table of the user's own: which of its columns hold what, and how their cells are written."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import ClassVar, Literal, Self, get_args

from ...errors import Problem
from ..fields import option
from ..names import join_names
from .dataset import Dataset

Holds = Literal["number", "category", "text", "date", "identifier", "skip"]
NUMBERS, CATEGORIES, DATES = "numbers", "categories", "dates"
"""The inputs that hold columns side by side; a column of texts is an input of its own name."""
TOGETHER: dict[str, str] = {"number": NUMBERS, "category": CATEGORIES, "date": DATES}
LABEL_SEPARATOR = "|"
"""Between the labels of a cell."""
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")
POSED = (
    *("binary", "multiclass", "multilabel"),
    *("regression", "unit_regression", "count_regression", "quantile_regression"),
)
"""Problems that the cells of one column can pose."""


@dataclass(frozen=True, kw_only=True)
class Table(Dataset):
    """A table of your own: CSV, TSV, JSON lines or Parquet; `dlx init FILE` writes its options.

    Attributes:
        posed: the columns to predict and the problem of each, as section `targets` says.
    """

    rows = "your own"
    terms = "your own"
    own = True
    counted = False
    baseline = "boosting"
    any_target = "columns of the table, and the problem of each: {COLUMN: {problem: binary}}"
    may_be_file = True
    wanted = "a table: a CSV, TSV, JSON-lines or Parquet file"
    places = ("file",)
    posed: ClassVar[Mapping[str, str]] = MappingProxyType({})

    file: str | tuple[str, ...] = option(
        "",
        "the table: a path that begins with /, ./ or ~, or one below DLX_DATA; or a list of files "
        "with one header, which are read one after another",
        path=True,
        example="[./2023.csv, ./2024.csv]",
        aliases=("files", "path", "csv"),
    )
    columns: dict[str, Holds] = option(
        dict,
        "what a column of the table holds: number, category, text, date, identifier (no input), "
        "skip; those that `targets` names are predicted, those that are not named are not read",
        example="{Age: number, Sex: category, Note: text, When: date, Id: identifier}",
    )
    group: str = option("", "column whose equal cells may be kept together, see protocol.group")
    time: str = option(  # type: ignore[misc]
        "", "column of dates or numbers that orders the rows in time"
    )
    missing: tuple[str, ...] = option(MISSING, "cells that stand for a missing value")
    decimal: Literal[".", ","] = option(".", "what stands before the decimals of a number")
    thousands: Literal["", ",", ".", " ", "'", "_"] = option(
        "", "what parts the thousands of a number"
    )
    units: dict[str, str] = option(
        dict, "sign before or behind each number of a column, as %", example="{Rate: '%'}"
    )
    dates: dict[str, str] = option(
        dict,
        "how a column writes its dates, as %d.%m.%Y; a column that is not named: as 2024-05-31 or "
        "2024-05-31T23:00:00",
        example="{When: '%d.%m.%Y'}",
    )
    header: bool = option(
        True, "whether the first line names the columns; else they are called column_1 and so on"
    )
    unlabelled: Literal["refuse", "skip"] = option(
        "refuse",
        "rows without a value to predict: refuse them, or leave them out and tell how many",
    )

    def __post_init__(self) -> None:
        file = self.file
        place = _absolute(file) if isinstance(file, str) else tuple(map(_absolute, file))
        object.__setattr__(self, "file", place)

    def pose(self, targets: Mapping[str, str]) -> Self:
        """The same table with these columns to predict, by name and problem."""
        if dict(targets) == dict(self.posed):
            return self
        posed = copy.copy(self)
        object.__setattr__(posed, "posed", dict(targets))
        return posed

    @property
    def folder(self) -> str:  # type: ignore[override]
        """The file; of several, the first."""
        return next(iter(self.own_files), "")

    @property
    def own_files(self) -> tuple[str, ...]:
        """All of the files."""
        every = (self.file,) if isinstance(self.file, str) else self.file
        return tuple(one for one in every if one)

    @property
    def targets(self) -> dict[str, str]:  # type: ignore[override]
        """The columns to predict, and the problem of each."""
        return dict(self.posed)

    def columns_of(self, holds: str) -> tuple[str, ...]:
        """The columns of one kind that are inputs."""
        given = self.columns.items()
        return tuple(name for name, one in given if one == holds and name not in self.posed)

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """Numbers, categories and dates side by side, and each column of texts."""
        together = (name for holds, name in TOGETHER.items() if self.columns_of(holds))
        return (*together, *self.columns_of("text"))

    @property
    def groups(self) -> tuple[str, ...]:  # type: ignore[override]
        """The column by which rows may be kept together."""
        return (self.group,) if self.group else ()

    def check(self) -> Iterator[tuple[str, Problem]]:
        """A file or columns that are missing, and names that contradict each other."""
        yield from chain(
            super().check(), self._check_place(), self._check_columns(), self._check_roles()
        )

    def _check_place(self) -> Iterator[tuple[str, Problem]]:
        accepted = "a path that begins with /, ./ or ~, or one below DLX_DATA"
        if not self.own_files:
            what = "dataset table reads a file of your own, but `dataset.file` is empty"
            yield "file", Problem(what, "", accepted, "file=./FILE.csv")

    def _check_columns(self) -> Iterator[tuple[str, Problem]]:
        if not any(self.columns_of(holds) for holds in (*TOGETHER, "text")):
            what = "no column of the table is an input: `dataset.columns` names none"
            accepted = f"columns and what each holds: {', '.join(get_args(Holds))}"
            told = self.folder or "FILE"
            yield "columns", Problem(f"{what}; `dlx init {told}` writes them", "", accepted)
        for name in (*self.columns_of("text"), *self.posed):
            if name in TOGETHER.values():
                what = f"column {name} of the table has the name of an input"
                accepted = f"other names than {join_names(TOGETHER.values())}"
                yield "columns", Problem(f"{what}; rename it in the file", "", accepted)
        for key, given in (("units", self.units), ("dates", self.dates)):
            holds = {"units": "number", "dates": "date"}[key]
            wrong = (n for n in given if self.columns.get(n, holds) != holds)
            for name in wrong:
                what = f"`dataset.{key}` names {name}, which holds {self.columns[name]}"
                yield key, Problem(what, "", f"columns that hold {holds}")
        if self.decimal == self.thousands:
            what = f"`dataset.decimal` and `dataset.thousands` are both {self.decimal}"
            yield "thousands", Problem(what, "", "two signs", "thousands=''")

    def _check_roles(self) -> Iterator[tuple[str, Problem]]:
        for name, problem in self.posed.items():
            if problem not in POSED:
                what = f"a column of a table poses no {problem}: `targets.{name}.problem`"
                yield "columns", Problem(what, "", join_names(POSED))
        for key in ("group", "time"):
            name = getattr(self, key)
            if name and (name in self.posed or self.columns.get(name) == "text"):
                other = "a column to predict" if name in self.posed else "a column of texts"
                yield key, Problem(f"`dataset.{key}` is {name}, {other}", "", "another column")
        if self.group and self.group == self.time:
            what = f"`dataset.group` and `dataset.time` are both {self.group}"
            yield "group", Problem(what, "", "two columns", "group=''")


def _absolute(path: str) -> str:
    """A path from the current folder as it is known from any other."""
    here = path.startswith(("./", "../"))
    return os.path.abspath(path) if here else path
