"""Texts and series of the user's own, as the docs have them; what is wrong in their files."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlx.config.specs import DATASETS
from dlx.data.readers.csvs import read_stamps

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = "".join((DOCS / name).read_text("utf-8") for name in ("text.md", "series.md"))
FILES = re.findall(
    r"`([\w/]+\.(?:py|yaml))`[^`]*:\n\n```\w+\n(.*?)^```", PAGES, re.DOTALL | re.MULTILINE
)
QUICK = ("trainer.epochs=1", "trainer.threads=1", "--quiet")
MEND = "  try: mend the file; the same command then reads it again\n"


@pytest.fixture(autouse=True)
def data(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The plugins and tasks of the docs, and a file for each: letters, power of two stations."""
    for name, text in FILES:
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(text)
    monkeypatch.syspath_prepend(here)
    monkeypatch.setattr(DATASETS, "entries", dict(DATASETS.entries))
    folder = here / "data"
    monkeypatch.setenv("DLX_DATA", str(folder))
    random = np.random.default_rng(0)
    letters = [("broken " if i % 2 else "thanks ") * (1 + i % 5) + f"w{i}" for i in range(60)]
    table = [f"{text},{'yes' if i % 2 else 'no'}" for i, text in enumerate(letters)]
    write(folder / "letters" / "letters.csv", ["text,complaint", *table])
    hours = np.datetime64("2024-05-01T00") + np.arange(150)
    table = [f"{s},{at}:00,{random.random()},{i % 24}" for s in "ab" for i, at in enumerate(hours)]
    write(folder / "power" / "power.csv", ["station,time,wind,power", *table])
    yield folder
    for name, _ in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


def write(file: Path, lines: list[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")


def test_texts_of_ones_own(cli: Any, here: Path) -> None:
    assert cli("train", "task=letters", *QUICK).code == 0
    (run,) = (here / "runs" / "letters").iterdir()
    found = json.loads((run / "report.json").read_text())
    assert found["scores"][0]["baseline"]["name"] == "majority"
    assert found["inputs"]["text"]["kind"] == "ids"


def test_a_series_of_ones_own(cli: Any, here: Path) -> None:
    """No window is of two stations, or has its target in another: 150 - 24 - 6 + 1 of each."""
    assert cli("train", "task=power", *QUICK).code == 0
    (run,) = (here / "runs" / "power").iterdir()
    found = json.loads((run / "report.json").read_text())
    between = 2 * (23 + 6)  # rows between two sets, of both stations
    assert sum(found["data"]["rows"].values()) + 2 * between == 2 * (150 - 24 - 6 + 1)
    assert {"last value", "mean of the hour"} <= {one["name"] for one in found["baselines"]}


WRONG = {
    "a number": (
        ("b,2024-05-01T03:00,much,3", 153),
        "power.csv: column wind contains a value that is not a number: 'much' in line 155\n",
        "numbers",
    ),
    "a time": (
        ("a,2024-05-01T03:30,1,3", 3),
        "power.csv: column time contains '2024-05-01T03:30' in line 5\n",
        "times of a whole hour, as in 2024-05-31T23:00",
    ),
    "no time": (
        ("a,yesterday,1,3", 3),
        "power.csv: column time contains 'yesterday' in line 5\n",
        "times of a whole hour, as in 2024-05-31T23:00",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_cell_of_a_series_that_is_none_is_told_with_its_line(
    cli: Any, data: Path, name: str
) -> None:
    (row, place), told, accepted = WRONG[name]
    file = data / "power" / "power.csv"
    lines = file.read_text().splitlines()
    write(file, [*lines[: place + 1], row, *lines[place + 2 :]])

    refused = cli("train", "task=power", *QUICK)

    assert (refused.code, refused.err) == (
        2,
        f"error: {told}  where: {file}\n  accepted: {accepted}\n{MEND}",
    )


def test_two_rows_of_one_time_are_told_by_their_lines(cli: Any, data: Path) -> None:
    file = data / "power" / "power.csv"
    with file.open("a") as stream:
        stream.write("a,2024-05-01T03:00,0.5,99\n")

    refused = cli("train", "task=power", *QUICK)

    assert refused.code == 2
    assert (
        "power.csv: lines 5 and 302 are both of 2024-05-01 03:00 and tell different things"
    ) in refused.err
    assert "gaps=bridge" not in refused.err  # an option that this dataset has not


def test_times_with_an_offset_are_those_of_utc() -> None:
    """An hour that daylight saving time repeats is two hours; without an offset it is UTC."""
    cells = ["2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00", "2024-10-27T00:00", "2024-10-27"]

    found = read_stamps(Path("x.csv"), [[cell] for cell in cells], 0, "time", "h")

    begin = int(np.datetime64("2024-10-27T00", "h").astype(int))
    assert found.tolist() == [begin, begin + 1, begin, begin]


def test_texts_that_are_not_utf_8_are_told_with_their_line(cli: Any, data: Path) -> None:
    file = data / "letters" / "letters.csv"
    file.write_bytes(file.read_bytes() + "caf\u00e9,no\n".encode("latin-1"))

    refused = cli("train", "task=letters", *QUICK)

    assert (refused.code, refused.err) == (
        2,
        "error: letters.csv: line 62 is not UTF-8 text: it has the byte 0xe9\n"
        f"  where: {file}\n  accepted: text in UTF-8\n{MEND}",
    )
