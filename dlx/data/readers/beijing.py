"""Beijing's weather and fine dust hour by hour, 2010 to 2014 (Liang and others, 2015)."""

from __future__ import annotations

import datetime
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...config.specs.series import BeijingPm25, BeijingWindows
from ..columns import Array, Column, Dense, Text
from ..reader import Reader, damage
from ..samples import Samples
from ..seasons import LAST, YESTERDAY
from ..windows import Reach, Series, Track, carry_forward, cut_windows, lag
from .csvs import hash_rows, read_numbers, read_rows

NAME = "pollution.csv"
HEADER = (
    *("No", "year", "month", "day", "hour", "pm2.5", "DEWP", "TEMP", "PRES"),
    *("cbwd", "Iws", "Is", "Ir"),
)
FEATURES = ("month", "hour", "pm2.5", "DEWP", "TEMP", "PRES", "Iws", "Is", "Ir")
WINDS = ("NE", "NW", "SE", "cv")
DAY = 24
SAMPLE_DAYS = 40


def _read(options: BeijingPm25, folder: Path) -> Samples:
    path = folder / NAME
    rows = _rows(path)
    values = _values(path, rows)
    dust, ahead = values["pm2.5"], options.horizon
    if len(rows) <= ahead:
        raise damage(path, f"has {len(rows)} rows", f"more than {ahead} (dataset.horizon)")
    target = dust[ahead:]
    last, yesterday = carry_forward(dust), lag(dust, ahead, DAY)
    told = np.isfinite(target) & np.isfinite(last[: len(target)])
    kept = np.flatnonzero(told & np.isfinite(yesterday[: len(target)]))
    features = np.stack([values[name][kept] for name in FEATURES], axis=1)
    wind = [rows[i][HEADER.index("cbwd")] for i in kept.tolist()]
    columns: dict[str, Column] = {
        "features": Dense(features.astype(np.float32)),
        "wind": Text(wind),
        "pm25": Dense(target[kept].astype(np.float32)),
        "time": Dense(_hours(path, values)[kept]),
        LAST: Dense(last[kept].astype(np.float32)),
        YESTERDAY: Dense(yesterday[kept].astype(np.float32)),
    }
    return Samples(
        columns=columns,
        inputs=options.inputs,
        targets=tuple(options.targets),
        features={"features": FEATURES},
        time="time",
        clock="h",
        ahead=ahead,
        naive={"pm25": {LAST: LAST, YESTERDAY: YESTERDAY}},
    )


def _read_windows(options: BeijingWindows, folder: Path) -> Samples:
    path = folder / NAME
    rows = _rows(path)
    values = _values(path, rows)
    track = Track(
        path,
        _series(path, rows, values),
        (*FEATURES, *(f"wind {one}" for one in WINDS)),
        values["TEMP"],
        _hours(path, values),
        "h",
        1,
        hash_rows(rows),
    )
    return cut_windows(track, options, Reach.count(options.lookback, options.step, options.horizon))


def _series(path: Path, rows: list[list[str]], values: dict[str, Series]) -> Array:
    """Each hour's weather, (hours, features): what was not measured is the last value before it."""
    place = HEADER.index("cbwd")
    winds = np.array([row[place] for row in rows])
    if other := sorted(set(winds.tolist()) - set(WINDS)):
        raise damage(path, f"column cbwd contains {other[0]!r}", "one of " + ", ".join(WINDS))
    numbers = [carry_forward(values[name]) for name in FEATURES]
    return np.stack([*numbers, *(winds == one for one in WINDS)], axis=1).astype(np.float32)


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return read_rows(path, stream, HEADER)


def _values(path: Path, rows: list[list[str]]) -> dict[str, Series]:
    """The columns of numbers by name, NaN where nothing was measured."""
    numbers = {name: place for place, name in enumerate(HEADER) if name not in ("No", "cbwd")}
    return {n: read_numbers(path, rows, place, n, "NA") for n, place in numbers.items()}


def _hours(path: Path, values: dict[str, Series]) -> npt.NDArray[np.int64]:
    """Hours since the beginning of 1970, which must grow by one from row to row."""
    parts = zip(*(values[name].tolist() for name in ("year", "month", "day", "hour")), strict=True)
    try:
        dates = [datetime.datetime(*map(int, part)) for part in parts]  # type: ignore[arg-type]
    except ValueError as error:
        raise damage(path, f"contains an invalid date: {error}", "year to hour") from error
    hours = np.array(dates, dtype="datetime64[h]").astype(np.int64)
    if len(wrong := np.flatnonzero(np.diff(hours) != 1)):
        what = f"has missing hours, or is not in order, first in line {wrong[0] + 3:,}"
        raise damage(path, what, "one row per hour")
    return hours


def _write_sample(folder: Path, days: int = 8) -> None:
    """Some days in which dust swings with the hour, some of it missing."""
    random = np.random.RandomState(0)
    begin = datetime.datetime(2010, 1, 1)
    lines = [",".join(HEADER)]
    for number in range(days * DAY):
        at = begin + datetime.timedelta(hours=number)
        dust = 80 + 40 * np.sin(2 * np.pi * at.hour / DAY) + 10 * random.randn()
        shown = "NA" if random.rand() < 0.03 else f"{max(0, dust):.0f}"
        wind = ("NW", "SE", "cv", "NE")[random.randint(4)]
        weather = (
            f"{-10 + random.randint(5)},{random.randint(-9, 9)},1020,{wind},{random.randint(9)},0,0"
        )
        stamp = f"{number + 1},{at.year},{at.month},{at.day},{at.hour}"
        lines.append(f"{stamp},{shown},{weather}")
    (folder / NAME).write_text("\n".join(lines) + "\n", encoding="utf-8")


beijing_pm25 = Reader(_read, _write_sample)
beijing_windows = Reader(_read_windows, partial(_write_sample, days=SAMPLE_DAYS))
