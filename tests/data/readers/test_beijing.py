from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlx.config.specs import DATASETS
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
