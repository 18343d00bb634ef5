"""Beijing's weather and fine dust hour by hour, 2010 to 2014 (Liang and others, 2015)."""

from __future__ import annotations

import csv
import datetime
from functools import partial
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...config.specs.datasets import BeijingPm25, BeijingWindows
from ...errors import Problem, UsageError
from ..columns import Array, Column, Dense, Text, Window
from ..reader import Reader, damage
from ..samples import Samples

NAME = "pollution.csv"
HEADER = (
    *("No", "year", "month", "day", "hour", "pm2.5", "DEWP", "TEMP", "PRES"),
    *("cbwd", "Iws", "Is", "Ir"),
)
FEATURES = ("month", "hour", "pm2.5", "DEWP", "TEMP", "PRES", "Iws", "Is", "Ir")
WINDS = ("NE", "NW", "SE", "cv")
DAY = 24
SAMPLE_DAYS = 40
MAX_ROWS = 1_000_000

Series = npt.NDArray[np.float64]


def _read(options: BeijingPm25, folder: Path) -> Samples:
    path = folder / NAME
    rows = _rows(path)
    values = {name: _numbers(path, rows, name) for name in HEADER if name not in ("No", "cbwd")}
    dust, ahead = values["pm2.5"], options.horizon
    if len(rows) <= ahead:
        raise damage(path, f"has {len(rows)} rows", f"more than {ahead} (dataset.horizon)")
    target = dust[ahead:]
    last, yesterday = _carry_forward(dust), _lag_day(dust, ahead)
    told = np.isfinite(target) & np.isfinite(last[: len(target)])
    kept = np.flatnonzero(told & np.isfinite(yesterday[: len(target)]))
    features = np.stack([values[name][kept] for name in FEATURES], axis=1)
    wind = [rows[i][HEADER.index("cbwd")] for i in kept.tolist()]
    columns: dict[str, Column] = {
        "features": Dense(features.astype(np.float32)),
        "wind": Text(wind),
        "pm25": Dense(target[kept].astype(np.float32)),
        "time": Dense(_hours(path, values)[kept]),
        "last value": Dense(last[kept].astype(np.float32)),
        "same hour yesterday": Dense(yesterday[kept].astype(np.float32)),
    }
    forecasts = {name: name for name in ("last value", "same hour yesterday")}
    return Samples(
        columns=columns,
        inputs=options.inputs,
        targets=tuple(options.targets),
        features={"features": FEATURES},
        time="time",
        ahead=ahead,
        naive={"pm25": forecasts},
    )


def _read_windows(options: BeijingWindows, folder: Path) -> Samples:
    path, ahead = folder / NAME, options.horizon
    rows = _rows(path)
    values = {name: _numbers(path, rows, name) for name in HEADER if name not in ("No", "cbwd")}
    if len(rows) < options.lookback + ahead:
        what = f"a window and its target span {options.lookback + ahead:,} hours of a series"
        accepted = f"dataset.lookback + dataset.horizon of at most {len(rows):,}"
        raise UsageError(Problem(what, "dataset.lookback", accepted))
    hours, temperature = _hours(path, values), values["TEMP"]
    ends = np.arange(options.lookback - 1, len(rows) - ahead, dtype=np.int64)
    target, naive = temperature[ends + ahead], _forecasts(temperature, ahead)
    told = np.isfinite([target, *(forecast[ends] for forecast in naive.values())]).all(axis=0)
    ends = ends[told]
    window = Window(_series(path, rows, values), ends, options.lookback, options.step)
    columns: dict[str, Column] = {
        "weather": window,
        "temperature": Dense(target[told].astype(np.float32)),
        "time": Dense(hours[ends]),
        "predicted hour": Dense(_hash_hours(rows)[ends + ahead]),
        **{name: Dense(one[ends].astype(np.float32)) for name, one in naive.items()},
    }
    return Samples(
        columns=columns,
        inputs=options.inputs,
        targets=tuple(options.targets),
        features={"weather": (*FEATURES, *(f"wind {one}" for one in WINDS))},
        time="time",
        ahead=ahead,
        behind=window.behind,
        naive={"temperature": {name: name for name in naive}},
        identity="predicted hour",
    )


def _series(path: Path, rows: list[list[str]], values: dict[str, Series]) -> Array:
    """Each hour's weather, (hours, features): what was not measured is the last value before it."""
    place = HEADER.index("cbwd")
    winds = np.array([row[place] for row in rows])
    if other := sorted(set(winds.tolist()) - set(WINDS)):
        raise damage(path, f"column cbwd contains {other[0]!r}", "one of " + ", ".join(WINDS))
    numbers = [_carry_forward(values[name]) for name in FEATURES]
    return np.stack([*numbers, *(winds == one for one in WINDS)], axis=1).astype(np.float32)


def _forecasts(temperature: Series, ahead: int) -> dict[str, Series]:
    """The naive forecasts of each hour; at a whole number of days ahead both are the same."""
    yesterday = {"same hour yesterday": _lag_day(temperature, ahead)}
    if ahead % DAY == 0:
        return yesterday
    return {"last value": _carry_forward(temperature), **yesterday}


def _hash_hours(rows: list[list[str]]) -> Array:
    """A hash of each hour as it lies in the file, (hours, 16) bytes."""
    cells = [blake2b(",".join(row).encode(), digest_size=16).digest() for row in rows]
    return np.frombuffer(b"".join(cells), np.uint8).reshape(-1, 16)


def _rows(path: Path) -> list[list[str]]:
    accepted = "the columns " + ", ".join(HEADER)
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream)
            header = tuple(next(reader, ()))
            rows = [row for _, row in zip(range(MAX_ROWS), reader, strict=False) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise damage(path, f"is not CSV text: {error}", accepted) from error
    if header != HEADER or any(len(row) != len(HEADER) for row in rows):
        raise damage(path, "has other columns", accepted)
    return rows


def _numbers(path: Path, rows: list[list[str]], name: str) -> Series:
    place = HEADER.index(name)
    try:
        return np.array([np.nan if row[place] == "NA" else float(row[place]) for row in rows])
    except ValueError as error:
        what = f"column {name} contains a value that is not a number: {error}"
        raise damage(path, what, "numbers or NA") from error


def _hours(path: Path, values: dict[str, Series]) -> npt.NDArray[np.int64]:
    """Hours since the beginning of 1970, which must grow by one from row to row."""
    parts = zip(*(values[name].tolist() for name in ("year", "month", "day", "hour")), strict=True)
    try:
        dates = [datetime.datetime(*map(int, part)) for part in parts]  # type: ignore[arg-type]
    except ValueError as error:
        raise damage(path, f"contains an invalid date: {error}", "year to hour") from error
    hours = np.array(dates, dtype="datetime64[h]").astype(np.int64)
    if (np.diff(hours) != 1).any():
        raise damage(path, "has missing hours, or is not in order", "one row per hour")
    return hours


def _carry_forward(values: Series) -> Series:
    """Each hole filled with the last value before it; holes before any value stay."""
    known = np.flatnonzero(np.isfinite(values))
    last = np.searchsorted(known, np.arange(len(values)), side="right") - 1
    return np.where(last >= 0, values[known[last]], np.nan) if len(known) else values


def _lag_day(values: Series, ahead: int) -> Series:
    """The value at the target's hour, of the latest day on which it is known by then."""
    filled = np.full_like(values, np.nan)
    for hour in range(DAY):
        filled[hour::DAY] = _carry_forward(values[hour::DAY])
    back = -ahead % DAY  # hours from the row back to the last time that it was the target's hour
    return np.concatenate([np.full(back, np.nan), filled])[: len(values)]


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
