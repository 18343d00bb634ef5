"""Jena's weather every ten minutes, as CSV text, zipped or not (Chollet 2017, 6.3)."""

from __future__ import annotations

import datetime
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from ...config.names import plural
from ...config.specs.series import JenaClimate
from ...errors import Problem, UsageError
from ..columns import Array, Rows
from ..reader import Reader, damage
from ..samples import Note, Samples
from ..store import path_of
from ..windows import Reach, Series, Track, cut_windows
from .csvs import hash_rows, read_numbers, read_rows

HEADER = (
    *("Date Time", "p (mbar)", "T (degC)", "Tpot (K)", "Tdew (degC)", "rh (%)", "VPmax (mbar)"),
    *("VPact (mbar)", "VPdef (mbar)", "sh (g/kg)", "H2OC (mmol/mol)", "rho (g/m**3)"),
    *("wv (m/s)", "max. wv (m/s)", "wd (deg)"),
)
FEATURES = HEADER[1:]
TEMPERATURE = FEATURES.index("T (degC)")
MINUTES = 10
MARK = -9999
"""What the station writes where it measured nothing; the book keeps it as it is."""
BRIDGE = "dataset.gaps=bridge takes rows as evenly spaced, whatever their stamps"
MAX_BYTES = 2**28  # of the file, unpacked; the official one has 43 million
SAMPLE_DAYS = 40


def _read(options: JenaClimate, folder: Path) -> Samples:
    (file,) = options.files
    path = path_of(folder, file)
    with _open(path) as stream:
        rows = read_rows(path, stream, HEADER)
    if not rows:
        raise damage(path, "has no rows", "a row every 10 minutes")
    series = [read_numbers(path, rows, place, HEADER[place]) for place in range(1, len(HEADER))]
    target, notes = _scale(series[TEMPERATURE], options.scaled_by)
    track = Track(
        path,
        np.stack(series, axis=1).astype(np.float32),
        FEATURES,
        target,
        _read_stamps(path, [row[0] for row in rows]),
        "m",
        MINUTES,
        hash_rows(rows),
        notes=(*_find_marks(path, series), *notes),
    )
    track = track.bridge() if options.gaps == "bridge" else track.mend(BRIDGE)
    reach = Reach.count(options.lookback, options.step, options.horizon, options.counted_from)
    return cut_windows(track, options, reach)


@contextmanager
def _open(path: Path) -> Iterator[IO[str]]:
    """The text of the file, unpacked as it is read where it is packed.

    Raises:
        UsageError: it cannot be unpacked, or holds another file.
    """
    if path.suffix != ".zip":
        with path.open(encoding="utf-8", newline="") as stream:
            yield stream
        return
    name = path.name.removesuffix(".zip")
    try:
        with zipfile.ZipFile(path) as archive:
            found = [one for one in archive.infolist() if one.filename == name]
            if not found or found[0].file_size > MAX_BYTES:
                accepted = f"{name} in it, of at most {MAX_BYTES:,} bytes"
                raise damage(path, "does not contain the table", accepted)
            with archive.open(found[0]) as packed:
                yield io.TextIOWrapper(packed, encoding="utf-8", newline="")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise damage(path, f"cannot be unpacked: {error}", "a complete zip file") from error


def _read_stamps(path: Path, cells: list[str]) -> Rows:
    """Minutes since the beginning of 1970."""
    try:
        stamps = np.array([_read_stamp(cell) for cell in cells], "datetime64[s]").astype(np.int64)
    except ValueError:
        stamps = None
    if stamps is not None and not (stamps % 60).any():
        minutes: Rows = stamps // 60
        return minutes
    wrong = next(i for i, cell in enumerate(cells) if not _is_stamp(cell))
    what = f"{cells[wrong]!r} in line {wrong + 2:,} is not a time"
    raise damage(path, what, "day.month.year hour:minute:00, as in 01.01.2009 00:10:00")


def _read_stamp(cell: str) -> str:
    """As ISO 8601 has it; `cell` is e.g. 31.12.2009 23:50:00."""
    if len(cell) != 19 or (cell[2], cell[5], cell[10]) != (".", ".", " "):
        raise ValueError(cell)
    return f"{cell[6:10]}-{cell[3:5]}-{cell[:2]}T{cell[11:]}"


def _is_stamp(cell: str) -> bool:
    try:
        return datetime.datetime.fromisoformat(_read_stamp(cell)).second == 0
    except ValueError:
        return False


def _scale(temperature: Series, first: int | None) -> tuple[Series, tuple[Note, ...]]:
    """The temperature in degrees, or by the mean and standard deviation of its first rows."""
    if first is None:
        return temperature, ()
    if first > len(temperature):
        what = f"dataset.scaled_by is {first:,}, but the file has {plural(len(temperature), 'row')}"
        accepted = f"null, or at most {len(temperature):,}"
        raise UsageError(Problem(what, "dataset.scaled_by", accepted))
    mean, deviation = temperature[:first].mean(), temperature[:first].std()
    if not deviation:
        what = f"the first {first:,} temperatures are all the same"
        raise UsageError(Problem(what, "dataset.scaled_by", "null, or more rows"))
    note = f"one unit of temperature is {deviation:.4f} degrees, by the file's first rows"
    return (temperature - mean) / deviation, ((note, first),)


def _find_marks(path: Path, series: list[Series]) -> tuple[Note, ...]:
    """How many cells say that nothing was measured."""
    many = [int((values == MARK).sum()) for values in series]
    if not any(many):
        return ()
    names = ", ".join(name for name, count in zip(FEATURES, many, strict=True) if count)
    note = f"{names} of {path.name}: {MARK}, where nothing was measured, is kept as it is"
    return ((note, sum(many)),)


def _write_sample(folder: Path) -> None:
    """Some weeks in which the temperature swings with the hour and drifts, for both sources."""
    text = _make_text()
    (folder / "jena_climate_2024_mpi_roof_15cols.csv").write_bytes(text)
    with zipfile.ZipFile(folder / "jena_climate_2009_2016.csv.zip", "w") as archive:
        member = zipfile.ZipInfo("jena_climate_2009_2016.csv")  # by itself it has no date of today
        archive.writestr(member, text, zipfile.ZIP_DEFLATED)


def _make_text() -> bytes:
    random = np.random.RandomState(0)
    rows = SAMPLE_DAYS * 1440 // MINUTES
    drift = np.cumsum(random.normal(0, 0.1, rows))
    temperature = 10 + 5 * np.sin(2 * np.pi * np.arange(rows) / 144) + drift - drift.mean()
    others: Array = np.stack([random.normal(10, 1, rows) for _ in FEATURES], axis=1)
    others[:, TEMPERATURE] = temperature
    others[:, TEMPERATURE + 1] = temperature + 273.15
    begin = datetime.datetime(2009, 1, 1)
    lines = [",".join(f'"{name}"' for name in HEADER)]
    for number, row in enumerate(others.tolist()):
        at = begin + datetime.timedelta(minutes=MINUTES * (number + 1))
        lines.append(f"{at:%d.%m.%Y %H:%M:%S}," + ",".join(f"{value:.2f}" for value in row))
    return ("\n".join(lines) + "\n").encode()


jena_climate = Reader(_read, _write_sample)
