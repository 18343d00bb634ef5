"""A table of the user's own in time: its rows as steps of one or several series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...config.names import plural
from ...config.specs.own_series import Apart, Series
from ..columns import Array, Rows
from ..reader import Reader
from ..samples import Note, Samples
from ..seasons import Season
from ..stamps import find_apart, find_clock, to_clock
from ..tables import Table
from ..tables.block import refuse
from ..tables.frames import Cells
from ..windows import Reach, Track, carry_forward, cut_windows
from .table import find_columns, read_rows

TWICE = "dataset.repeated=first keeps the first of each, dataset.repeated=last the last"
WORKDAYS = 5
"""Of a week."""


def _read(options: Series, folder: Path) -> Samples:  # noqa: ARG001 - which is the first file
    from ..store import paths_of

    track = read_track(options, paths_of(options))
    reach = Reach.count(options.lookback, options.step, options.horizon)
    return cut_windows(track, options, reach)


def read_track(options: Series, paths: Sequence[Path]) -> Track:
    """The steps of the series in some files, in the order of time.

    Args:
        options: how the files are read.
        paths: of the files.

    Raises:
        UsageError: one cannot be read, has not the columns, or a cell is not what its column holds.
    """
    table = Table.open(paths, options.header, options.decimal)
    cells = Cells(options, find_columns(table, options))
    hint = "add rows; the same command reads them"
    digests = read_rows(table, cells, "a row a step", hint)
    return _make_track(options, table, cells, digests)


def _make_track(options: Series, table: Table, cells: Cells, hashes: Array) -> Track:
    path = table.paths[0]
    seconds = cells.numbers(options.time)
    if len(lacking := np.flatnonzero(~np.isfinite(seconds))):
        what = f"column {options.time} is empty in {plural(len(lacking), 'row')}"
        raise refuse(path, what, "a time in every row")
    groups = _number_series(options, cells)
    apart, stamps, told = _count_stamps(options, path, seconds, groups)
    names, series = _stack(options, cells)
    track = Track(
        path,
        series,
        names,
        cells.numbers(options.target),
        stamps,
        apart.clock,
        apart.unit,
        hashes,
        groups,
        notes=(*((note, 0) for note in table.notes), *told),
    )
    track = _once(_set_season(track, options), options.repeated).mend(TWICE)
    track = _fill(track, len(names) - sum(map(len, options.values.values())))
    track = _add_calendar(track, options)
    return track.bridge() if options.gaps == "bridge" else track


def _number_series(options: Series, cells: Cells) -> Array | None:
    """Which series each row belongs to; None where there is one."""
    if not options.group:
        return None
    return np.array(cells.texts(options.group))


def _count_stamps(
    options: Series, path: Path, seconds: Array, groups: Array | None
) -> tuple[Apart, Rows, list[Note]]:
    """How far apart steps are, and when each was, in whole units of its clock."""
    asked = Apart.parse(options.every) if options.every else find_apart(seconds, groups)
    if asked is None:
        accepted = "two rows or more of different time, or dataset.every"
        raise refuse(path, f"column {options.time} has the same time in every row", accepted)
    apart = find_clock(asked, seconds)
    if apart is None:
        what = f"column {options.time} has times of fractions of a second"
        raise refuse(path, what, "times of whole seconds")
    return apart, to_clock(seconds, apart.clock), []


def _stack(options: Series, cells: Cells) -> tuple[tuple[str, ...], Array]:
    """The features of each row: the target's own past, numbers, and categories as 0 and 1."""
    numbers = (options.target, *options.columns_of("number"))
    columns = [cells.numbers(name) for name in numbers]
    names = [*numbers]
    for name in options.columns_of("category"):
        texts = np.array(cells.texts(name))
        for value in options.values[name]:
            columns.append((texts == value).astype(np.float64))
            names.append(f"{name} {value}")
    return tuple(names), np.stack(columns, axis=1).astype(np.float32)


def _set_season(track: Track, options: Series) -> Track:
    """The track with what repeats, where that is not told by the length of a step."""
    usual = track.repeats
    if track.works and options.gaps == "bridge":
        usual = replace(usual, steps=WORKDAYS)
    if options.season not in (None, usual.steps):
        usual = Season(
            options.season or 1, f"{plural(options.season or 1, 'row')} before the target"
        )
    return replace(track, season=usual)


def _once(track: Track, repeated: str) -> Track:
    """One row of each time, where it is said which."""
    if repeated == "refuse":
        return track
    keys = np.stack([track.series_of_steps, track.stamps], axis=1)
    order = np.arange(len(track))
    first = np.unique(keys if repeated == "first" else keys[::-1], axis=0, return_index=True)[1]
    kept = np.sort(first if repeated == "first" else order[::-1][first])
    left = len(track) - len(kept)
    note = f"rows of {track.path.name} of a time that another has are left out ({repeated} is kept)"
    return track.take(kept, (note, left)) if left else track


def _fill(track: Track, numbers: int) -> Track:
    """Numbers that are missing are the last before them in the same series.

    Steps before the first at which all are known are left out.

    Args:
        track: in the order of time.
        numbers: how many of the features may be missing.
    """
    series, known = track.series.copy(), np.ones(len(track), np.bool_)
    holes = dict.fromkeys(track.names[:numbers], 0)
    for rows in _each_series(track):
        for place, name in enumerate(holes):
            values = series[rows, place].astype(np.float64)
            holes[name] += int(np.isnan(values).sum())
            series[rows, place] = carry_forward(values)
            known[rows] &= np.isfinite(series[rows, place])
    if not known.any():
        lost = [name for name in holes if not np.isfinite(series[:, track.names.index(name)]).any()]
        what = f"column {lost[0]} has no number" if lost else "no row has a number in every column"
        raise refuse(track.path, what, "numbers", f"dataset.columns.{(lost or ['NAME'])[0]}=skip")
    some = ", ".join(f"{name} ({many:,})" for name, many in holes.items() if many)
    note = f"missing numbers of {track.path.name} are the last before them: {some}"
    notes: list[Note] = [(note, sum(holes.values()))] if some else []
    track = replace(track, series=series, notes=(*track.notes, *notes))
    if known.all():
        return track
    late = f"rows of {track.path.name} before every column has its first number are left out"
    return track.take(np.flatnonzero(known), (late, int((~known).sum())))


def _each_series(track: Track) -> Iterator[Rows]:
    groups = track.series_of_steps
    for number in range(int(groups.max(initial=-1)) + 1):
        yield np.flatnonzero(groups == number)


def _add_calendar(track: Track, options: Series) -> Track:
    """The track with sine and cosine of the time of the day, week or year."""
    if not options.calendar:
        return track
    stamps = track.stamps.astype(f"datetime64[{track.clock}]").astype("datetime64[s]")
    seconds = stamps.astype(np.int64).astype(np.float64)
    names, columns = [*track.names], [track.series]
    for name in options.calendar:
        angle = 2 * np.pi * seconds / _SECONDS[name]
        names += [f"sine of the {name}", f"cosine of the {name}"]
        columns.append(np.stack([np.sin(angle), np.cos(angle)], axis=1).astype(np.float32))
    return replace(track, names=tuple(names), series=np.concatenate(columns, axis=1))


_SECONDS = {"day": 86_400.0, "week": 604_800.0, "year": 31_556_952.0}

series = Reader(_read)
