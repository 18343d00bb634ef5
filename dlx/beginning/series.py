"""A table of the user's own in time, from its files to a task that forecasts one of its columns."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..config.fields import to_plain
from ..config.names import join_names, plural
from ..config.specs import DATASETS
from ..data.readers.series import WORKDAYS
from ..data.seasons import Season, find_season
from ..data.tables import Table
from ..data.tables.cells import Writing, read_dates, read_numbers
from ..data.tables.styles import find_dates
from ..errors import Problem, UsageError
from .cells import Cells
from .described import Description, Guess, Subject, Wishes, correct
from .draft import Draft
from .facts import describe_column
from .posing import split_asked
from .recipes import choose_trainer
from .steps import Steps, count_steps, find_steps
from .tables import RIGHT, TITLES, row_of
from .task_file import relative

VALUES = 12
"""Different values of a column of categories, at most: each is a feature of a window."""
LOOKED = 4000
"""Rows that are looked at to tell a series from another table."""
_SEEN = 3
"""As many times must something repeat within the rows of a series, to count as doing so."""
_LEAST = 0.2
"""Share of the windows that must be left to train on."""
_UNKNOWN = 12
"""Steps that are forecast where nothing is known to repeat."""


def fits(paths: Sequence[Path]) -> str:
    """Why the rows of some files are steps in time; "" where they are not.

    Those a day or more apart may as well be cases with a date: `suggest_series` tells of them.
    """
    if any(path.is_dir() for path in paths):
        return ""
    try:
        block = next(Table.open(paths).blocks())
    except (UsageError, StopIteration):
        return ""  # which the kind for tables tells of
    dates, others = {}, {}
    for name in block.header:
        cells = [cell.strip() for cell in block.column(name)[:LOOKED]]
        known = [*dict.fromkeys(cells)]
        # what begins with a number is no column of dates, of which there are many ways to write
        numbers = not read_numbers(known[:1], Writing()).wrong
        formats = find_dates([] if numbers else known)
        if best := [one for one in formats.best() if len(formats.fits[one]) == len(known)]:
            dates[name] = read_dates(cells, Writing(), best[0]).values
        elif len(known) > 1:
            others[name] = np.unique(cells, return_inverse=True)[1].astype(np.int64)
    found = find_steps(dates, others)
    return found.rule if found and found.is_within_days else ""


def open_series(paths: Sequence[Path], wishes: Wishes) -> SeriesSubject:
    """Reads all rows of a table, as steps in time.

    Raises:
        UsageError: it is no table, or its rows are no steps in time.
    """
    from .reading import read_cells

    cells = read_cells(paths, wishes)
    return SeriesSubject(cells, wishes, _find_steps(cells, wishes))


def _find_steps(cells: Cells, wishes: Wishes) -> Steps:
    """The steps, of all rows."""
    dates = cells.of_type("date")
    time, group = wishes.time or "", wishes.group or ""
    if not time or (not group and wishes.group is None):
        asked = [time] if time else dates
        coded = {n: one.codes for n, one in cells.columns.items() if n not in dates}
        seconds = {name: np.asarray(cells.numbers(name)) for name in asked}
        found = find_steps(seconds, coded, group or None)
        if found is None and not time:
            what = "its rows are no steps in time: no column has times that are evenly apart"
            accepted = f"--time COLUMN; columns of dates: {join_names(dates) or 'none'}"
            hint = correct(wishes.command, "--kind", "series", "table")
            raise UsageError(Problem(what, cells.what, accepted, hint))
        time, group = (time, group) if found is None else (found.time, found.group)
    seconds_of_all, codes = _read_all(cells, time, group)
    steps = count_steps(time, group, seconds_of_all, codes)
    if steps is None:
        what = f"column {time} has no times that are apart by whole seconds"
        raise UsageError(Problem(what, cells.what, "a column of time stamps"))
    return steps


def _read_all(cells: Cells, time: str, group: str) -> tuple[Any, Any]:
    """When each row of the table is, and of which series; `cells` may have only some."""
    known: dict[str, int] = {}
    seconds, codes = [], []
    how = Writing(frozenset(cells.options["missing"]))
    for block in Table.open(cells.paths).blocks():
        written = cells.options["dates"].get(time, "")
        seconds.append(read_dates(block.column(time), how, written).values)
        names = block.column(group) if group else [""] * len(block)
        codes.append(np.array([known.setdefault(one.strip(), len(known)) for one in names]))
    found = np.concatenate(seconds)
    if not np.isfinite(found).all():
        what = f"column {time} has no time in {plural(int((~np.isfinite(found)).sum()), 'row')}"
        raise UsageError(Problem(what, cells.what, "a time in every row"))
    return found, np.concatenate(codes).astype(np.int64)


class SeriesSubject(Subject):
    """A table in time that has been read.

    Args:
        cells: of the table.
        wishes: what the user says beside the path.
        steps: its rows.
    """

    def __init__(self, cells: Cells, wishes: Wishes, steps: Steps) -> None:
        self.cells, self.wishes, self.steps = cells, wishes, steps
        self.target = ""
        self.new = relative(Path(os.path.abspath(cells.paths[0])))
        usual = find_season(steps.apart.clock, steps.apart.unit)
        self.few = _SEEN * usual.steps > max(np.bincount(steps.codes))
        self._choose(replace(usual, steps=1) if self.few else usual)
        if self.gaps == "bridge" and steps.are_workdays and not self.few:
            self._choose(replace(self.season, steps=WORKDAYS))

    def _choose(self, season: Season) -> None:
        """Windows and horizons by what repeats, and what becomes of gaps by what is left then.

        They are shorter where too few rows would be left to train on.
        """
        self.season, rows = season, int(np.bincount(self.steps.codes).max())
        while True:
            self.lookback, self.step, self.horizons = choose_windows(season.steps, rows)
            before = max(-one % season.steps for one in self.horizons) + 1  # a season earlier
            span = max(self.lookback, before) + self.horizons[-1]
            whole, bridged = self.steps.count_windows(span)
            self.gaps = "drop" if 2 * whole >= bridged else "bridge"
            self.windows = whole if self.gaps == "drop" else bridged
            between = 2 * (span - 1) * self.steps.series  # sets, so that none sees another's rows
            if rows < 8 or 0.64 * self.windows - between >= _LEAST * self.windows:
                return
            rows = rows * 3 // 4

    def choices(self) -> tuple[str, ...]:
        """The columns of numbers."""
        return tuple(n for n in self.cells.of_type("number") if self.cells.columns[n].distinct > 1)

    def settle(self, targets: Sequence[str]) -> None:
        """Says which column is forecast.

        Raises:
            UsageError: there is no such column, it holds no numbers, or several are named.
        """
        command = self.wishes.command
        if len({*targets}) > 1:
            what = f"a series has one target, and --target names {join_names(targets)}"
            raise UsageError(Problem(what, "--target", "one column of numbers"))
        for asked in targets:
            name, problem = split_asked(asked, [*self.cells.columns], command)
            if problem not in ("", "regression") or name not in self.choices():
                held = self.cells.types[name] if problem in ("", "regression") else problem
                what = f"{name} is {held}, and of a series a number is forecast"
                accepted = f"one of {join_names(self.choices())}; or rows, each by itself"
                hint = correct(command, "--kind", "series", "table")
                raise UsageError(Problem(what, f"--target {asked}", accepted, hint))
            self.target = name

    def describe(self) -> Description:
        """Each column, and what is guessed."""
        cells = self.cells
        title = f"{cells.what}: {plural(cells.rows, 'row')}, {plural(len(cells.columns), 'column')}"
        facts = [
            describe_column(one, cells.types[name], cells.rules[name], cells.numbers(name))
            for name, one in cells.columns.items()
        ]
        told = {
            "time": self.steps.time,
            "every": str(self.steps.apart),
            "series": self.steps.series,
        }
        rows = tuple(map(row_of, facts))
        return Description(title, TITLES, rows, RIGHT, tuple(self._guesses()), told)

    def _guesses(self) -> Iterator[Guess]:
        steps, cells = self.steps, self.cells
        for name, one in cells.types.items():
            yield Guess(f"{name}: {one}", cells.rules[name])
        yield Guess(f"rows are steps in time, {steps.apart} apart (dataset.every)", steps.rule)
        if self.target:
            yield Guess(f"{self.target} is forecast", self._tell_horizons())
        yield Guess(self._tell_window(), self._tell_season())
        yield Guess(f"gaps in time (dataset.gaps): {self.gaps}", self._tell_gaps())
        if steps.repeated:
            told = f"{plural(steps.repeated, 'row')} of a time that another row has"
            yield Guess(told, "the first of each is kept (dataset.repeated)", asks=True)
        for note in cells.notes:
            yield Guess(note)

    def _tell_horizons(self) -> str:
        ahead = join_names(f"{one:,}" for one in self.horizons)
        return f"{ahead} rows of {self.steps.apart} ahead (dataset.horizon)"

    def _tell_window(self) -> str:
        every = f", every {self.step:,}th of them" if self.step > 1 else ""
        return f"a window holds the last {self.lookback:,} rows{every} (dataset.lookback)"

    def _tell_season(self) -> str:
        if self.few:
            return "too few rows to see what repeats (dataset.season)"
        if self.season.steps == 1:
            return "nothing is known to repeat in rows so far apart"
        return f"what happens repeats every {self.season.steps:,} rows: {self.season.naive}"

    def _tell_gaps(self) -> str:
        gaps = len(self.steps.stretches) - self.steps.series
        left = f"{plural(self.windows, 'window')} can be cut"
        if self.gaps == "bridge":
            return f"{plural(gaps, 'gap')}, so rows count as evenly spaced; {left}"
        return f"{plural(gaps, 'gap')}, across which no window reaches; {left}"

    def draft(self) -> Draft:
        """The task file."""
        if not self.target:
            raise UsageError(Problem("nothing is to be forecast", "--target"))
        ahead = "a row" if self.horizons == (1,) else f"up to {self.horizons[-1]:,} rows"
        about = {"title": f"{self.target} {ahead} ahead, by {self.cells.what}"}
        about |= {"source": "", "time": "", "result": ""}
        trainer, reason = choose_trainer(max(1, int(0.6 * self.windows)))
        sections: dict[str, Any] = {
            "about": about,
            "dataset": self._dataset(),
            "targets": {self.target: {"problem": "vector_regression", "scale": "standardise"}},
            "prepare": {"steps": [{"name": "standardise"}]},
            "protocol": {"name": "chronological", "validation": 0.2, "test": 0.2},
            "model": {"name": "mlp", "units": []},
            "loss": {"name": "mae"},
            "optimizer": {"name": "adamw", "lr": 0.01, "weight_decay": 0.1},
            "schedule": {"name": "cosine"},
            "trainer": trainer,
        }
        draft = Draft([], sections)
        draft.remark(("dataset",), self.steps.rule, *self.cells.notes)
        for name in sections["dataset"]["columns"]:
            draft.remark(("dataset", "columns", name), self.cells.rules[name])
        draft.remark(("dataset", "lookback"), self._tell_window(), self._tell_season())
        draft.remark(("dataset", "horizon"), self._tell_horizons())
        draft.remark(("dataset", "gaps"), self._tell_gaps())
        told = "one linear layer on the window; model=gru reads its steps in order"
        draft.remark(("model",), told)
        draft.remark(("trainer",), reason)
        draft.remark(("protocol",), "the earliest rows train, the latest are the test set")
        return draft

    def _dataset(self) -> dict[str, Any]:
        """All options of the dataset, each with its value."""
        columns, values = self._choose_columns()
        options = to_plain(DATASETS.entries["series"].options())
        options.pop("sample")
        given = {**self.cells.options, "columns": columns, "values": values}
        given |= {"time": self.steps.time, "group": self.steps.group}
        given |= {"lookback": self.lookback, "step": self.step, "horizon": [*self.horizons]}
        given |= {"every": str(self.steps.apart), "calendar": self._calendar(), "gaps": self.gaps}
        given |= {"season": 1} if self.few else {}
        given |= {"repeated": "first"} if self.steps.repeated else {}
        written = {
            "name": "series",
            **{name: given.get(name, one) for name, one in options.items()},
        }
        written.pop("file" if given.get("files") else "files", None)
        return written

    def _choose_columns(self) -> tuple[dict[str, str], dict[str, list[str]]]:
        """What each column is read as, and the values of those that hold categories."""
        cells, holds, values = self.cells, {}, {}
        for name, column in cells.columns.items():
            if name in (self.target, self.steps.time, self.steps.group):
                continue
            known = [
                text.strip() for text, many in zip(column.texts, column.counts, strict=True) if many
            ]
            holds[name] = "skip"
            if cells.types[name] == "number" and column.distinct > 1:
                holds[name] = "number"
            elif cells.types[name] == "category" and 1 < len({*known}) <= VALUES:
                holds[name], values[name] = "category", sorted({*known})
        return holds, values

    def _calendar(self) -> list[str]:
        """Of which cycles a window says where it ends: those that the rows span."""
        apart, seconds = self.steps.apart, {"s": 1, "m": 60, "h": 3600, "D": 86_400, "M": 2_629_746}
        span = float(np.ptp(self.steps.stamps)) * seconds[apart.clock]
        day = apart.clock in ("s", "m", "h")
        found = ["day"] if day and span >= 3 * 86_400 else []
        found += ["week"] if apart.clock == "D" and apart.unit == 1 else []
        return found + (["year"] if span >= 365 * 86_400 else [])


def choose_windows(season: int, rows: int) -> tuple[int, int, tuple[int, ...]]:
    """How far windows reach back, every so many rows, and which horizons are forecast.

    Args:
        season: rows after which what happens repeats; 1 where nothing is known to.
        rows: of the longest series.
    """
    whole = season if season > 1 else _UNKNOWN
    if whole <= _UNKNOWN:
        horizons = [*range(1, whole + 1)]
    else:
        horizons = sorted({max(1, round(whole / part)) for part in (24, 8, 4, 2, 1)} | {1})
    step, lookback = max(1, whole // 24), (4 if whole <= 7 else 2) * whole
    room = max(1, rows // 8)
    horizons = [one for one in horizons if one <= room] or [1]
    if lookback > room:
        step, lookback = 1, room
    return lookback, step, tuple(horizons)
