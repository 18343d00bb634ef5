from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlx.config.specs import DATASETS
from dlx.data.columns import Window
from dlx.data.fingerprints import input_hashes, row_hashes
from dlx.data.samples import Samples
from dlx.errors import UsageError

HEADER = "No,year,month,day,hour,pm2.5,DEWP,TEMP,PRES,cbwd,Iws,Is,Ir"


def read(folder: Path, dust: list[str], horizon: int = 2, header: str = HEADER) -> Samples:
    lines = [
        f"{i + 1},2010,1,{1 + i // 24},{i % 24},{value},-5,1,1020,NW,1.5,0,0"
        for i, value in enumerate(dust)
    ]
    (folder / "pollution.csv").write_text("\n".join([header, *lines]) + "\n")
    chosen = DATASETS.default("beijing_pm25", horizon=horizon)()
    samples: Samples = chosen.load().read(chosen.options, folder)
    return samples


def column(samples: Samples, name: str) -> list[Any]:
    return np.asarray(samples.columns[name]).tolist()


def test_a_row_is_told_by_the_dust_some_hours_later(tmp_path: Path) -> None:
    samples = read(tmp_path, [*["5"] * 24, "10", "NA", "30", "40", "NA", "60"])

    # Of hours 22, 24, 25 and 27: before, yesterday is not known; 23 and 26 have no target.
    assert column(samples, "pm25") == [10, 30, 40, 60]
    assert column(samples, "last value") == [5, 10, 10, 40]
    features = np.asarray(samples.columns["features"])
    place = samples.features["features"].index("pm2.5")
    np.testing.assert_array_equal(features[:, place], [5, 10, np.nan, 40])
    assert np.diff(column(samples, "time")).tolist() == [2, 1, 2]
    assert samples.ahead == 2


def test_yesterdays_value_is_of_the_targets_hour_and_known_by_then(tmp_path: Path) -> None:
    dust = [str(i) for i in range(60)]

    samples = read(tmp_path, dust, horizon=12)

    row = 40 - 12  # hour 40; its target is hour 52, so yesterday's is hour 28
    assert column(samples, "pm25")[row] == 52
    assert column(samples, "same hour yesterday")[row] == 28
    assert column(samples, "last value")[row] == 40


@pytest.mark.parametrize(
    ("dust", "header", "told"),
    [
        (["1", "2"], HEADER, "has 2 rows"),
        (["1", "x", "2", "3"], HEADER, "column pm2.5 contains a value that is not a number"),
        (["1", "2", "3", "4"], HEADER.replace("pm2.5", "pm10"), "has other columns"),
    ],
)
def test_a_damaged_file_is_told_of(tmp_path: Path, dust: list[str], header: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read(tmp_path, dust, header=header)


def test_an_hour_left_out_is_told_of(tmp_path: Path) -> None:
    read(tmp_path, ["1", "2", "3", "4"])
    file = tmp_path / "pollution.csv"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:2], *lines[3:]]) + "\n")
    chosen = DATASETS.default("beijing_pm25", horizon=1)()

    with pytest.raises(UsageError, match="has missing hours"):
        chosen.load().read(chosen.options, tmp_path)


def read_windows(folder: Path, temperatures: Sequence[int], **options: int) -> Samples:
    """Windows over hours of these temperatures, in which dust is not measured every third hour."""
    lines = [
        f"{i + 1},2010,1,{1 + i // 24},{i % 24},{'NA' if i % 3 == 0 else i},-5,{value},1020,"
        f"{('NW', 'cv')[i % 2]},1.5,0,0"
        for i, value in enumerate(temperatures)
    ]
    (folder / "pollution.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    chosen = DATASETS.default("beijing_windows", **options)()
    samples: Samples = chosen.load().read(chosen.options, folder)
    return samples


SWING = [i * i % 17 for i in range(100)]


def test_a_window_ends_with_the_hour_and_is_told_by_a_later_temperature(tmp_path: Path) -> None:
    samples = read_windows(tmp_path, SWING, lookback=12, step=4, horizon=5)

    window = samples.columns["weather"]
    assert isinstance(window, Window)
    assert (len(samples), samples.behind, samples.ahead) == (100 - 5 - 19, 8, 5)
    ends = window.ends.tolist()
    place = samples.features["weather"].index
    held = window.series[:, place("TEMP")]
    assert ends == list(range(19, 95))  # before, no hour of the target's is known of yesterday
    assert held.tolist() == SWING
    assert column(samples, "temperature") == [SWING[end + 5] for end in ends]
    assert column(samples, "last value") == [SWING[end] for end in ends]
    assert column(samples, "same hour yesterday") == [SWING[end + 5 - 24] for end in ends]
    assert window.last().values[:, place("TEMP")].tolist() == [SWING[end] for end in ends]
    assert window.series[:, place("wind cv")].tolist() == [0, 1] * 50


def test_what_was_not_measured_is_the_last_value_before_it(tmp_path: Path) -> None:
    samples = read_windows(tmp_path, SWING, lookback=12, horizon=5)

    window: Any = samples.columns["weather"]
    dust = window.series[:, samples.features["weather"].index("pm2.5")]
    np.testing.assert_array_equal(dust[:8], [np.nan, 1, 2, 2, 4, 5, 5, 7])


def test_a_day_ahead_both_forecasts_are_one(tmp_path: Path) -> None:
    samples = read_windows(tmp_path, SWING, lookback=12, horizon=24)

    assert list(samples.naive["temperature"]) == ["same hour yesterday"]
    window: Any = samples.columns["weather"]
    assert column(samples, "same hour yesterday") == [SWING[end] for end in window.ends.tolist()]


def test_nothing_of_a_row_is_later_than_its_hour_but_the_target(tmp_path: Path) -> None:
    whole = read_windows(tmp_path, SWING, lookback=12, horizon=5)
    rows = np.arange(20)
    other = read_windows(
        tmp_path, [*SWING[:55], *(90 - i for i in range(45))], lookback=12, horizon=5
    )

    for name in ("weather", "last value", "same hour yesterday", "time"):
        assert whole.columns[name].hashes(rows) == other.columns[name].hashes(rows)
    assert whole.columns["weather"].hashes(rows + 40) != other.columns["weather"].hashes(rows + 40)


def test_no_option_makes_an_hour_that_was_predicted_new(tmp_path: Path) -> None:
    """A row is the hour that is predicted, whatever it is predicted from."""
    known = []
    for options in ({"lookback": 12}, {"lookback": 30, "step": 2}, {"lookback": 12, "horizon": 7}):
        samples = read_windows(tmp_path, SWING, **{"horizon": 5, **options})
        hours = np.asarray(samples.columns["time"]) + samples.ahead
        hashes = row_hashes(samples, input_hashes(samples), np.arange(len(samples)))
        known.append(dict(zip(hours.tolist(), hashes, strict=True)))

    first, *others = known
    assert len(set(first.values())) == len(first)
    for found in others:
        both = first.keys() & found.keys()
        assert len(both) > 60
        assert all(first[hour] == found[hour] for hour in both)


def test_too_few_hours_and_an_unknown_wind_are_told_of(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"span 104 rows of a series(.|\n)*of at most 100"):
        read_windows(tmp_path, SWING, lookback=80, horizon=24)
    read_windows(tmp_path, SWING, lookback=12)
    file = tmp_path / "pollution.csv"
    file.write_text(file.read_text().replace(",cv,", ",N,", 1))
    chosen = DATASETS.default("beijing_windows", lookback=12)()
    with pytest.raises(UsageError, match=r"column cbwd contains 'N'\n(.|\n)*one of NE, NW, SE, cv"):
        chosen.load().read(chosen.options, tmp_path)
