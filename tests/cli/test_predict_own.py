"""`dlx predict` of files and of series: pictures, texts and lines as rows, forecasts by horizon."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dlx.cli.main import main
from dlx.data.readers.made_up import make_stripes

Cli = Callable[..., Any]
QUICK = ("trainer.threads=1", "trainer.epochs=1", "test=false", "--quiet")
TEXTS = """
dataset: {name: texts, sample: true}
targets: {class: {problem: binary}}
prepare: {steps: [{name: tokenize, num_words: 50}, {name: multi_hot, size: 50}]}
protocol: {name: holdout, duplicates: allow}
model: {name: mlp, units: []}
"""
SERIES = """
dataset:
  name: series
  file: ./known.csv
  time: when
  group: place
  lookback: 6
  horizon: [1, 3]
targets: {y: {problem: vector_regression}}
protocol: {name: chronological}
model: {name: mlp, units: []}
optimizer: {name: adam, lr: 0.0001}
"""


def lines(rows: int, start: str = "2024-03-01T00:00") -> list[str]:
    """Hours of two places, whose numbers swing with the day."""
    found = ["when,place,y"]
    for hour in range(rows):
        at = np.datetime64(start, "m") + np.timedelta64(hour * 60, "m")
        swing = np.sin(hour * np.pi / 12)
        found += [f"{at},{place},{swing + level:.4f}" for level, place in enumerate("ab")]
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run on pictures, one on texts and one on series."""
    folder = tmp_path_factory.mktemp("predicted")
    (folder / "configs" / "task").mkdir(parents=True)
    (folder / "configs" / "task" / "notes.yaml").write_text(TEXTS)
    (folder / "configs" / "task" / "hours.yaml").write_text(SERIES)
    (folder / "known.csv").write_text("\n".join(lines(150)) + "\n")
    flat = ("dataset.sample=true", "dataset.size=8", "model=mlp", "protocol=official")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["train", "task=images", *flat, *QUICK]) == 0
        assert main(["train", "task=notes", *QUICK]) == 0
        assert main(["train", "task=hours", *QUICK]) == 0
    return folder


@pytest.fixture
def stand(place: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    return place


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def run_of(task: str) -> str:
    (found,) = Path("runs", task).iterdir()
    return str(found)


def test_pictures_of_a_folder_are_rows_and_a_broken_one_is_told_by_name(
    stand: Path, cli: Cli
) -> None:
    (stand / "new" / "more").mkdir(parents=True, exist_ok=True)
    for number in range(3):
        data, _ = make_stripes(np.random.RandomState(number), upright=True)
        (stand / "new" / "more" / f"{number}.jpg").write_bytes(data)
    (stand / "new" / "about.txt").write_text("no picture")
    answer = cli("predict", run_of("images"), "new")

    assert answer.code == 0
    rows = table(answer.out)
    assert [row["path"] for row in rows] == [f"new/more/{number}.jpg" for number in range(3)]
    assert {row["class"] for row in rows} <= {"across", "upright"}
    assert "note: 1 file without a picture's name left out\n" in answer.err

    (stand / "new" / "broken.png").write_bytes(b"no picture")
    refused = cli("predict", run_of("images"), "new")
    assert (refused.code, refused.out) == (2, "")
    formats = "jpeg, png, bmp, gif, webp or tiff"
    assert refused.err.splitlines()[-4:] == [
        f"error: it is no picture in {formats}",
        "  where: new/broken.png",
        "  accepted: rows as those of the training data",
        "  try: mend the file, or --skip-broken leaves such rows out",
    ]
    skipped = cli("predict", run_of("images"), "new", "--skip-broken")
    assert (skipped.code, len(table(skipped.out))) == (0, 3)


def test_a_text_is_a_file_or_a_cell_or_a_line_of_standard_input(
    stand: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = ["storm storm shout word1", "still soft word2"]
    (stand / "a.txt").write_bytes(said[0].encode("utf-16"))
    (stand / "b.md").write_text(said[1])
    (stand / "cells.csv").write_text("text\n" + "\n".join(said) + "\n")
    run = run_of("notes")
    files = table(cli("predict", run, "a.txt", "b.md").out)
    cells = table(cli("predict", run, "cells.csv").out)
    given = SimpleNamespace(buffer=io.BytesIO(("\n".join(said) + "\n").encode()))
    monkeypatch.setattr(sys, "stdin", given)
    typed = table(cli("predict", run, "-").out)

    assert [row["path"] for row in files] == ["a.txt", "b.md"]
    assert [row["row"] for row in typed] == ["0", "1"] == [row["row"] for row in cells]
    for name in ("class", "class_probability"):
        assert [r[name] for r in files] == [r[name] for r in cells] == [r[name] for r in typed]


def test_a_line_ends_where_a_line_ends(
    stand: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python takes other signs for the ends of lines, too: rows would not be those of the input."""
    text = "storm\u2028shout\x0cword1\r\nstill\x85soft\n"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    assert len(table(cli("predict", run_of("notes"), "-").out)) == 2


def test_an_empty_text_is_told_by_name(stand: Path, cli: Cli) -> None:
    (stand / "empty.txt").write_text(" \n")
    refused = cli("predict", run_of("notes"), "empty.txt")
    assert refused.code == 2
    assert refused.err.startswith("error: it is empty\n  where: empty.txt\n")


def test_a_series_is_forecast_beyond_its_end_at_each_horizon(stand: Path, cli: Cli) -> None:
    (stand / "now.csv").write_text("\n".join(lines(10, "2024-05-01T00:00")) + "\n")
    answer = cli("predict", run_of("hours"), "now.csv", "--format", "jsonl")

    assert answer.code == 0
    rows = [json.loads(line) for line in answer.out.splitlines()]
    assert [(row["time"], row["place"], row["horizon"]) for row in rows] == [
        ("2024-05-01 10:00", "a", 1),
        ("2024-05-01 12:00", "a", 3),
        ("2024-05-01 10:00", "b", 1),
        ("2024-05-01 12:00", "b", 3),
    ]
    assert all(row["y_low"] < row["y"] < row["y_high"] for row in rows)
    widths = [row["y_high"] - row["y_low"] for row in rows]
    assert widths[:2] == pytest.approx(widths[2:], rel=1e-5)  # one for each horizon
    assert widths[0] != pytest.approx(widths[1])


def test_a_series_with_too_little_history_is_told_by_name(stand: Path, cli: Cli) -> None:
    short = [one for one in lines(8) if not one.startswith("2024-03-01T03:00,b")]
    (stand / "short.csv").write_text("\n".join(short) + "\n")
    refused = cli("predict", run_of("hours"), "short.csv")
    assert refused.code == 2
    assert refused.err.splitlines()[-4:-2] == [
        "error: 4 rows of history up to 2024-03-01 07:00 without a gap, of 6 that a window spans",
        "  where: short.csv, place b",
    ]
    some = table(cli("predict", run_of("hours"), "short.csv", "--skip-broken").out)
    assert [row["place"] for row in some] == ["a", "a"]
