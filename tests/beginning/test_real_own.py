"""Files and a series of real data: three commands from them to predictions."""

from __future__ import annotations

import csv
import io
import os
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
pytestmark = [pytest.mark.data, pytest.mark.slow]
REAL = Path(os.environ.get("DLX_DATA", ""))
TRAIN, NEW = 100, 50
"""Files of each class."""
QUICK = ("trainer.threads=1", "--quiet")


def need(name: str) -> Path:
    """A real file; without it the test is skipped."""
    file = REAL / name
    if not file.exists():
        pytest.skip(f"{name} is not below DLX_DATA")
    return file


def spread(files: dict[str, list[tuple[str, bytes]]], folder: Path) -> None:
    """Some files of each class into its folder, drawn at random, and others into one for all."""
    for label, every in files.items():
        chosen = random.Random(0).sample(every, TRAIN + NEW)
        (folder / "known" / label).mkdir(parents=True)
        (folder / "new").mkdir(exist_ok=True)
        for number, (name, data) in enumerate(chosen):
            place = f"known/{label}/{name}" if number < TRAIN else f"new/{label}-{name}"
            (folder / place).write_bytes(data)


def pictures() -> Iterator[tuple[str, str, bytes]]:
    with zipfile.ZipFile(need("cats_vs_dogs/cats_and_dogs_small.zip")) as archive:
        for name in archive.namelist():
            if name.endswith(".jpg"):
                yield name.split("/")[-2], name.rpartition("/")[2], archive.read(name)


def texts() -> Iterator[tuple[str, str, bytes]]:
    with tarfile.open(need("imdb_raw/aclImdb_v1.tar.gz")) as archive:
        for member in archive:
            parts = member.name.split("/")
            if len(parts) == 4 and parts[1] == "train" and parts[2] in ("neg", "pos"):
                yield parts[2], parts[3], archive.extractfile(member).read()  # type: ignore[union-attr]


@pytest.mark.parametrize(("read", "least"), [(pictures, 0.6), (texts, 0.65)])
def test_two_hundred_files(
    read: Any, least: float, here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLX_DATA", str(REAL))  # where weights may be
    files: dict[str, list[tuple[str, bytes]]] = {}
    for label, name, data in read():
        files.setdefault(label, []).append((name, data))
    spread(files, here)

    assert cli("init", "known").code == 0
    assert cli("train", "task=known", *QUICK).code == 0
    rows = list(csv.DictReader(io.StringIO(cli("predict", "last", "new").out)))
    assert len(rows) == 2 * NEW
    right = [row["path"].removeprefix("new/").startswith(f"{row['class']}-") for row in rows]
    assert sum(right) / len(right) > least


def test_a_series(here: Path, cli: Cli) -> None:
    lines = need("jena_climate/jena_climate_2024_mpi_roof_15cols.csv").read_text().splitlines()
    (here / "weather.csv").write_text("\n".join(lines[:-144]) + "\n")
    answer = cli("init", "weather.csv", "--target", "T (degC)")
    assert answer.code == 0, answer.err
    assert cli("train", "task=weather", "trainer.epochs=20", *QUICK).code == 0
    rows = list(csv.DictReader(io.StringIO(cli("predict", "last", "weather.csv").out)))

    assert [row["horizon"] for row in rows] == ["1", "6", "18", "36", "72", "144"]
    name = "T (degC)"
    widths = [float(row[f"{name}_high"]) - float(row[f"{name}_low"]) for row in rows]
    assert widths[0] < widths[2] < widths[-1]
    truth = {line.split(",")[0]: float(line.split(",")[2]) for line in lines[-144:]}
    first = lines[-144].split(",")
    assert abs(float(rows[0][name]) - truth[first[0]]) < 1.5
