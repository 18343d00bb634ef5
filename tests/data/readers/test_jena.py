"""Jena's weather, in the format of the official file."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlx.data
from dlx.config.specs import DATASETS
from dlx.config.specs.protocols import Chronological
from dlx.data.checks import check
from dlx.data.fingerprints import input_hashes, row_hashes
from dlx.data.protocols import chronological
from dlx.data.readers import csvs
from dlx.data.readers.jena import HEADER
from dlx.data.samples import Samples
from dlx.errors import MethodError, UsageError

NAME = "jena_climate_2009_2016.csv"
BEGIN = datetime.datetime(2009, 1, 1, 0, 10)
ROWS = 700
LAST, YESTERDAY = "last value", "same hour yesterday"


def lines(rows: int = ROWS) -> list[str]:
    """A header and rows whose temperature is their number."""
    made = [",".join(f'"{name}"' for name in HEADER)]
    for number in range(rows):
        at = BEGIN + datetime.timedelta(minutes=10 * number)
        made.append(f"{at:%d.%m.%Y %H:%M:%S},996.5,{number},265.4,-8.9,93.3" + ",3.1" * 9)
    return made


def read(folder: Path, made: list[str], **options: Any) -> Samples:
    (folder / NAME).write_text("\n".join(made) + "\n")
    chosen = DATASETS.default("jena_climate", **{"lookback": 24, **options})()
    samples: Samples = chosen.load().read(chosen.options, folder)
    return samples


def column(samples: Samples, name: str) -> list[Any]:
    return np.asarray(samples.columns[name]).tolist()


def temperatures(samples: Samples, row: int) -> list[float]:
    window: Any = samples.columns["weather"]
    found: list[float] = window.series[window.ends[row] - window.offsets, 1].tolist()
    return found


def test_the_books_day_is_of_25_hours_and_the_second_editions_of_24(tmp_path: Path) -> None:
    """Of index i the book holds rows i - lookback, ... below i by 6, and predicts row i + 144."""
    book = read(tmp_path, lines(), counted_from="end")
    second = read(tmp_path, lines())

    i = 144  # before, the row is not there of which the target's time of day was last known
    assert temperatures(book, 0) == list(range(i - 24, i, 6))
    assert column(book, "temperature")[0] == i + 144
    assert column(book, LAST)[0] == i - 6
    assert column(book, YESTERDAY)[0] == i + 144 - 2 * 144
    assert (book.behind, book.ahead) == (18, 150)
    assert (second.behind, second.ahead) == (18, 144)
    assert temperatures(second, 0) == [5, 11, 17, 23]
    assert column(second, "temperature")[0] == 23 + 144
    assert list(second.naive["temperature"]) == [YESTERDAY]
    assert book.features["weather"] == HEADER[1:]


def test_a_zip_file_is_read_as_what_is_in_it(
    tmp_path: Path, chosen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data" / "jena_climate"
    folder.mkdir(parents=True)
    plain = read(folder, lines())
    pick = chosen("jena_climate", lookback=24)
    as_text = dlx.data.read(pick)
    with zipfile.ZipFile(folder / f"{NAME}.zip", "w") as archive:
        archive.write(folder / NAME, NAME)
        archive.writestr("__MACOSX/._" + NAME, "x")
    (folder / NAME).unlink()

    as_zip = dlx.data.read(pick)

    assert [f["name"] for f in as_zip.source["files"]] == [f"{NAME}.zip"]
    rows = np.arange(len(plain))
    for found in (as_text, as_zip):
        assert found.columns["weather"].hashes(rows) == plain.columns["weather"].hashes(rows)


@pytest.mark.parametrize(
    ("line", "old", "new", "told"),
    [
        (7, "996.5", "much", "column p (mbar) contains a value that is not a number: 'much' in "),
        (7, "996.5", "", "column p (mbar) contains a value that is not a number: '' in line 7"),
        (7, "996.5", "nan", "column p (mbar) contains a value that is not a number: 'nan' in "),
        (9, "01.01.2009", "41.01.2009", "'41.01.2009 01:20:00' in line 9 is not a time"),
        (9, "01.01.2009", "2009-01-01", "'2009-01-01 01:20:00' in line 9 is not a time"),
        (9, ":00,", ":07,", "'01.01.2009 01:20:07' in line 9 is not a time"),
        (5, ",93.3", "", "line 5 has 14 cells, not 15"),
        (1, "p (mbar)", "p", "has other columns"),
        (3, "01.01.2009 00:20:00", "01.01.2009 00:10:00", "lines 2 and 3 are both of 2009-01-01 "),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, line: int, old: str, new: str, told: str
) -> None:
    made = lines(200)
    made[line - 1] = made[line - 1].replace(old, new, 1)

    with pytest.raises(UsageError) as caught:
        read(tmp_path, made)

    assert told in str(caught.value)
    assert NAME in str(caught.value)


def test_rows_are_refused_where_they_are_too_many_and_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csvs, "MAX_ROWS", 300)
    assert len(read(tmp_path, [*lines(300), "", ""][:301])) == 300 - 23 - 144
    with pytest.raises(UsageError, match=f"{NAME}: has more than 300 rows"):
        read(tmp_path, lines(301))


def test_all_wrong_cells_of_a_column_are_counted(tmp_path: Path) -> None:
    made = lines(200)
    made[3:8] = [line.replace("996.5", "?") for line in made[3:8]]

    with pytest.raises(UsageError, match=r"'\?' in line 4, '\?' in line 5, '\?' in line 6, and 2"):
        read(tmp_path, made)


@pytest.mark.parametrize("damage", ["empty", "cut", "other"])
def test_a_damaged_zip_file_is_told_of(tmp_path: Path, damage: str) -> None:
    path = tmp_path / f"{NAME}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NAME if damage == "cut" else "other.csv", "\n".join(lines()))
    if damage == "cut":
        whole = path.read_bytes()
        path.write_bytes(whole[:200] + b"\0" * 60 + whole[260:])
    if damage == "empty":
        path.write_bytes(b"")
    chosen = DATASETS.default("jena_climate")()

    with pytest.raises(UsageError, match=r"cannot be unpacked|does not contain the table"):
        chosen.load().read(chosen.options, tmp_path)


def test_gaps_and_rows_out_of_order_are_mended_or_bridged(tmp_path: Path) -> None:
    whole = lines()
    broken = [*whole[:300], *whole[320:400], *whole[350:400], *whole[400:]]

    mended, bridged = (read(tmp_path, broken, gaps=gaps) for gaps in ("drop", "bridge"))

    assert [count for _, count in mended.notes] == [49, 50, 167]
    assert [text.partition(" that ")[2][:7] for text, _ in mended.notes] == [
        "are ear",
        "repeat ",
        "",
    ]
    ahead = np.array(column(mended, "temperature"))
    assert (ahead - [temperatures(mended, row)[-1] for row in range(len(ahead))] == 144).all()
    assert len(bridged) == ROWS - 20 + 50 - 23 - 144
    ((note, many),) = bridged.notes
    assert note == (
        f"rows of {NAME} are not 10 minutes later than the one before, and are taken as if they "
        "were (dataset.gaps=bridge)"
    )
    assert many == 2


def test_scores_may_be_of_temperatures_by_the_books_rows(tmp_path: Path) -> None:
    plain, scaled = (read(tmp_path, lines(), scaled_by=n) for n in (None, 200))

    first = np.arange(200)
    for name in ("temperature", YESTERDAY):
        expected = (np.array(column(plain, name)) - first.mean()) / first.std()
        assert column(scaled, name) == pytest.approx(expected.tolist(), abs=1e-5)
    assert temperatures(scaled, 0) == temperatures(plain, 0)
    assert scaled.notes == (
        ("one unit of temperature is 57.7343 degrees, by the file's first rows", 200),
    )
    with pytest.raises(UsageError, match=r"dataset.scaled_by is 701, but the file has 700 rows"):
        read(tmp_path, lines(), scaled_by=701)


def test_what_was_not_measured_is_kept_and_counted(tmp_path: Path) -> None:
    made = [
        line.replace(",3.1", ",-9999", 1) if i in (5, 9) else line for i, line in enumerate(lines())
    ]

    samples = read(tmp_path, made)

    note = f"VPmax (mbar) of {NAME}: -9999, where nothing was measured, is kept as it is"
    assert samples.notes == ((note, 2),)


def test_the_book_is_cut_by_rows_of_the_file(tmp_path: Path) -> None:
    """Its 200,000 and 300,000 rows of 420,551 as 333, 500 and 700; its windows lie in these."""
    samples = read(tmp_path, lines(), counted_from="end")
    window: Any = samples.columns["weather"]
    cut, ends = (334, 501), window.ends
    counts = {"validation": 500 - cut[0] - 24, "test": ROWS - 144 - cut[1] - 24}

    with pytest.raises(MethodError, match=r"`protocol.gap` is 25: the last training rows contain"):
        chronological(Chronological(gap=25, **counts), samples, 0, "")
    split = chronological(Chronological(gap=25, overlap="report", **counts), samples, 0, "")

    (fold,) = split.folds
    indices = [ends[rows] + 6 for rows in (fold.train, fold.validation, split.test)]
    first = 144
    assert [(i.min(), i.max()) for i in indices] == [
        (first, 332),
        (334 + 24, 499),
        (501 + 24, ROWS - 145),
    ]
    found = check(samples, split, {}, input_hashes(samples))
    told = [(f.kind, f.part, f.count) for f in found if f.name == "overlap in time"]
    assert told == [("smell", "train-val", 142), ("smell", "train-test", 31)]  # at most 143


def test_no_option_makes_a_predicted_row_new(tmp_path: Path) -> None:
    known: list[dict[int, bytes]] = []
    for options in ({}, {"counted_from": "end", "scaled_by": 99}, {"lookback": 60, "step": 1}):
        samples = read(tmp_path, lines(), gaps="bridge", **options)
        told = np.asarray(samples.columns["time"]) + samples.ahead * 10
        hashes = row_hashes(samples, input_hashes(samples), np.arange(len(samples)))
        known.append(dict(zip(told.tolist(), hashes, strict=True)))

    for one in known[1:]:
        both = known[0].keys() & one.keys()
        assert len(both) > 300
        assert all(known[0][row] == one[row] for row in both)


@pytest.mark.data
def test_the_station_in_2024(real: Callable[..., Any]) -> None:
    samples = dlx.data.read(real("jena_climate", source="year_2024"))

    assert (len(samples), samples.notes) == (18_269, ())
