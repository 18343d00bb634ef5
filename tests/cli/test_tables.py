"""Tables at every width: nothing is lost, no word or number is cut, and no line is too long."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlx.cli.tables import Look, table_lines

Cli = Callable[..., Any]
WIDTHS = (20, 40, 80, 110, 200)
SMALL = ("task=wine", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=2")
TITLES = ("run", "state", "val/accuracy", "95 % interval", "what was changed", "")
ROWS = [
    ["wine/20260101-120000-0000000a-1", "done", "0.9722", "0.9540 to 0.9861", "", "majority"],
    ["digits/20260101-120000-0000000b-22", "failed", "-", "", "model.units=[64,64] a=b " * 4, ""],
    ["x", "running", "1234.5", "-1.250e+10 to 3.000e-07", "a word", "\x1b[2J\n"],
]


@pytest.mark.parametrize("width", [*WIDTHS, None])
@pytest.mark.parametrize("colour", [False, True])
def test_no_word_is_cut_and_no_line_too_long(width: int | None, colour: bool) -> None:
    lines = table_lines(TITLES, ROWS, ("val/accuracy",), Look(width, rule=True, colour=colour))
    plain = [re.sub(r"\x1b\[\d+(;\d+)?m", "", line) for line in lines]
    found = " ".join(plain).split()
    words = [word for row in ROWS[:2] for cell in row for word in cell.split()]
    assert all(found.count(word) >= words.count(word) for word in words)
    assert all(line.isprintable() for line in plain)
    longest = max(len(word) for word in words)
    if width is not None:
        assert all(len(line) <= max(width, longest + 20) for line in plain)
        if width >= 80:
            assert all(len(line) <= width for line in plain)


def test_what_fits_is_aligned() -> None:
    assert table_lines(("a", "number"), [["x", "1"], ["long", "22"]], ("number",)) == [
        "a     number",
        "x          1",
        "long      22",
    ]


def test_what_is_too_wide_is_wrapped_between_words() -> None:
    rows = [["x", "one two three four"], ["y", "five"]]
    assert table_lines(("a", "words"), rows, look=Look(14)) == [
        "a  words",
        "x  one two",
        "   three four",
        "y  five",
    ]


def test_where_columns_have_no_room_a_row_is_a_list() -> None:
    rows = [["wine/1", "0.9540 to 0.9861", "0.5"], ["wine/2", "", "0.25"]]
    assert table_lines(("run", "95 %", "loss"), rows, ("loss",), Look(16)) == [
        "run: wine/1",
        "  95 %: 0.9540",
        "    to 0.9861",
        "  loss: 0.5",
        "run: wine/2",
        "  loss: 0.25",
    ]


COMMANDS = [
    ("tasks",),
    ("tasks", "--long"),
    ("help", "branches"),
    ("runs",),
    ("runs", "--columns", "task,seed,val/accuracy,val/loss,seconds,started"),
    ("experiments",),
    ("data", "list"),
    ("help",),
    ("help", "optimizer.adam"),
    ("compare", "{first}", "{second}"),
    ("diff", "{first}", "{second}"),
    ("summary", *SMALL),
    ("test", "last"),
    ("doctor",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_number_of_a_pipe_is_whole_on_every_screen(
    trained: Path, here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    shutil.copytree(trained / "runs", here / "runs")
    first, second = sorted(str(folder) for folder in (here / "runs" / "wine").iterdir())
    typed = [{"{first}": first, "{second}": second}.get(word, word) for word in command]
    numbers = r"(?<![\w.])[-+]?(?:\d[\d.,:e+-]*\d|\d)(?![\w.])"
    changing = ("test", "doctor")  # a further look at the test set, the free space
    wanted = re.findall(numbers, cli(*typed).out)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    for width in WIDTHS:
        monkeypatch.setenv("COLUMNS", str(width))
        out = re.sub(r"\x1b\[\d+m", "", cli(*typed).out)
        found = re.findall(numbers, out)
        lost = {n for n in wanted if found.count(n) < wanted.count(n)}
        assert not lost or command[0] in changing, (width, lost)


def test_a_training_at_a_terminal_keeps_a_line_an_epoch(
    here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for width in (40, 110):
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("TTY_COMPATIBLE", "1")
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        out = cli("train", *SMALL).out
        for epoch in (1, 2):
            found = re.search(rf"epoch {epoch}/2  (train/loss .*)$", out, re.M)
            assert found is not None
            assert re.search(r"val/accuracy \d\.\d{3}", found[1])
