"""PyArrow and Python's own reader give the same cells, lines, numbers, names and errors."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlx.data.tables import Table, delimited, fast
from dlx.data.tables.cells import Writing, read_names, read_numbers
from dlx.errors import UsageError

pytest.importorskip("pyarrow")
CELLS = ("", " ", "NA", "1", "-2.5", "+3", "1e3", " 4 ", "inf", "nan", "1_0", "1e999", "0x1", "é b")
HOW = Writing(frozenset({"", "NA"}))


def look(table: Table) -> tuple[list[Any], str]:
    """Each row with its line, as texts, as numbers and as names; and the error at the end."""
    found: list[Any] = []
    try:
        for block in table.blocks():
            columns = [*block.cells]
            for cells in block.cells:
                numbers = read_numbers(cells, HOW)
                told = numbers.values.view(np.int64).tolist()
                wrong = [row in numbers.wrong for row in range(len(cells))]
                columns += [told, wrong, read_names(cells, HOW).texts()]
            found += zip(block.lines, *columns, strict=True)
    except UsageError as error:
        return found, str(error)
    return found, ""


def write(rng: np.random.Generator, file: Path) -> None:
    """A random table; many are plain, some have quotes, empty lines or ragged rows later on."""
    wide, many = int(rng.integers(1, 5)), int(rng.integers(1, 60))
    text = io.StringIO()
    ends = rng.choice(["\n", "\r\n"])
    writer = csv.writer(text, delimiter=str(rng.choice([",", ";", "\t"])), lineterminator=ends)
    writer.writerow([f"c{place}" for place in range(wide)])
    for _ in range(many):
        row = [*rng.choice(CELLS, wide)]
        odd = rng.random()
        row[0] = 'x "y"' if odd < 0.01 else "a\nb" if odd < 0.02 else row[0] or "-"
        writer.writerow([*row, "more"] if 0.02 < odd < 0.025 else row)
        text.write(ends if 0.03 < odd < 0.035 else "")
    file.write_text(text.getvalue(), encoding="utf-8", newline="")


@pytest.mark.parametrize("seed", range(15))
def test_both_readers_agree(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "t.csv"
    write(np.random.default_rng(seed), file)
    monkeypatch.setattr(delimited, "ROWS", 7)
    monkeypatch.setattr(fast, "CHUNK", 100)
    by_arrow, error = look(Table.open([file]))
    monkeypatch.setattr(fast, "is_here", lambda: False)
    wanted, same = look(Table.open([file]))
    assert error == same
    assert len(wanted) == len(by_arrow) or error
    both = min(len(wanted), len(by_arrow))  # before an error blocks may end elsewhere
    assert by_arrow[:both] == wanted[:both]


def test_plain_text_is_read_by_arrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a,b\n" + "1,x\n" * 500)
    monkeypatch.setattr(fast, "CHUNK", 100)
    blocks = [*Table.open([file]).blocks()]
    assert all(isinstance(cells, fast.ArrowCells) for one in blocks for cells in one.cells)
    assert sum(map(len, blocks)) == 500
