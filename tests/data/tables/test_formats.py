"""Whatever its format, encoding and packing, a table has the same cells, with their lines."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dlx.data.tables import Table, block

HEADER = ("name", "size", "note")
ROWS = [("Zoë", "1.5", "a, b; c"), ("", "-2", 'he said "no"'), ("ß", "", "two\nlines")]


def write_csv(delimiter: str) -> str:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if set(text) & {'"', "\n", *",;\t|"} else text

    return "".join(delimiter.join(map(cell, row)) + "\n" for row in (HEADER, *ROWS))


def write_json() -> str:
    return "".join(json.dumps(dict(zip(HEADER, row, strict=True))) + "\n" for row in ROWS)


def write_parquet() -> bytes:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    into = io.BytesIO()
    columns = dict(zip(HEADER, map(list, zip(*ROWS, strict=True)), strict=True))
    parquet.write_table(pyarrow.table(columns), into)
    return into.getvalue()


FORMATS: dict[str, Callable[[], bytes]] = {
    "commas": lambda: write_csv(",").encode(),
    "semicolons": lambda: write_csv(";").encode(),
    "tabs": lambda: write_csv("\t").encode(),
    "bars": lambda: write_csv("|").encode(),
    "CRLF": lambda: write_csv(",").replace("\n", "\r\n").encode(),
    "mark": lambda: write_csv(",").encode("utf-8-sig"),
    "UTF-16 with mark": lambda: write_csv("\t").encode("utf-16"),
    "UTF-16 without": lambda: write_csv(",").encode("utf-16-le"),
    "Windows-1252": lambda: write_csv(",").encode("cp1252"),
    "gzip": lambda: gzip.compress(write_csv(",").encode()),
    "no break at the end": lambda: write_csv(",").rstrip("\n").encode(),
    "empty lines": lambda: (write_csv(",") + "\n\n").encode(),
    "JSON lines": lambda: write_json().encode(),
    "Parquet": write_parquet,
}


def cells_of(table: Table) -> list[tuple[str, ...]]:
    return [row for one in table.blocks() for row in zip(*one.cells, strict=True)]


@pytest.mark.parametrize("name", FORMATS)
def test_the_cells_are_the_same_in_every_format(name: str, tmp_path: Path) -> None:
    file = tmp_path / "t"
    file.write_bytes(FORMATS[name]())
    table = Table.open([file])
    assert table.header == HEADER
    assert [tuple(c.replace("\r\n", "\n") for c in row) for row in cells_of(table)] == ROWS
    assert cells_of(table) == cells_of(table)  # may be asked for again


def test_lines_are_those_of_the_file_whatever_a_cell_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlx.data.tables.delimited.ROWS", 2)
    file = tmp_path / "t.csv"
    file.write_text('a,b\n1,"x\ny"\n\n2,z\n3,"\n\n"\n4,w\n')
    blocks = [*Table.open([file]).blocks()]
    assert [one.start for one in blocks] == [0, 1, 3][: len(blocks)]
    assert [one.where(row) for one in blocks for row in range(len(one))] == [
        "line 2",
        "line 5",
        "line 6",
        "line 9",
    ]


@pytest.mark.parametrize("seed", range(8))
def test_what_is_written_as_csv_is_read_back(seed: int, tmp_path: Path) -> None:
    """Random cells of signs that CSV treats in its own way, in blocks of any size."""
    import csv

    rng = np.random.default_rng(seed)
    signs = np.array([*',;\t|"\n\r ', "a", "1", "é", "'"])
    many, wide = int(rng.integers(1, 40)), int(rng.integers(2, 6))
    rows = [
        ["".join(rng.choice(signs, rng.integers(0, 6))) for _ in range(wide)] for _ in range(many)
    ]
    file = tmp_path / "t.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([[f"c{n}" for n in range(wide)], *rows])
    assert list(map(list, cells_of(Table.open([file])))) == rows


def test_blocks_are_small(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a,b\n" + "1,x\n" * (block.ROWS + 1))
    assert [len(one) for one in Table.open([file]).blocks()] == [block.ROWS, 1]
