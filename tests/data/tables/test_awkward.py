"""Files as people have them: each is read with a stated repair, or refused with what to do.

All go through `dlx init`; a file that is repaired is then read by the task that was written, and
of one that is refused nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlx.data
from dlx.config.load import load
from dlx.data.samples import Samples

Cli = Callable[..., Any]
HEADER = "size,colour,good\n"
MANY = 60


def lines(
    size: Callable[[int], str] = lambda n: str(n * 1.5),
    colour: Callable[[int], str] = lambda n: "red" if n % 3 else "blue",
    good: Callable[[int], str] = lambda n: "yes" if n % 2 else "no",
    many: int = MANY,
) -> str:
    return "".join(f"{size(n)},{colour(n)},{good(n)}\n" for n in range(many))


def sizes(samples: Samples) -> list[float]:
    return np.asarray(samples.columns["numbers"])[:3, 0].tolist()


@dataclass(frozen=True)
class Mended:
    """A file that is read.

    Attributes:
        content: the file.
        told: what the command says of it.
        first: the first three numbers of its first column of numbers.
        rows: that it has in the end.
    """

    content: str | bytes
    told: str
    first: list[float]
    rows: int = MANY


@dataclass(frozen=True)
class Refused:
    """A file that is not read, and the error; {} stands for its name."""

    content: str | bytes | None
    error: str


USUAL = [0.0, 1.5, 3.0]
MENDED = {
    "mark": Mended("\ufeff" + HEADER + lines(), "size: number: every cell is a number", USUAL),
    "latin1": Mended(
        ("größe,colour,good\n" + lines()).encode("latin-1"),
        "decoded as Windows-1252, as it is no UTF-8: byte 0xf6 in line 1",
        USUAL,
    ),
    "utf16": Mended((HEADER + lines()).encode("utf-16"), "decoded as UTF-16", USUAL),
    "utf16_bare": Mended(
        (HEADER + lines()).encode("utf-16-le"),
        "decoded as UTF-16-LE, as every second byte is 0",
        USUAL,
    ),
    "semicolons": Mended(
        (HEADER + lines()).replace(",", ";"), "cells are parted by a semicolon", USUAL
    ),
    "decimal_commas": Mended(
        (HEADER + lines()).replace(",", ";").replace(".", ","),
        "numbers are written as 1234,5: as column size has them",
        USUAL,
    ),
    "thousands": Mended(
        HEADER + lines(size=lambda n: f'"{n + 1},{n * 7 % 1000:03}"'),
        "numbers are written as 1,234.5: a comma is always followed by three digits",
        [1000, 2007, 3014],
    ),
    "no_header": Mended(
        lines(), "the first line is taken for data, as it has numbers like the others", USUAL
    ),
    "names": Mended(
        "size,size,,good\n" + lines(colour=lambda n: f"{n % 7},{n % 5}"),
        "a second column size is called size_2\ncolumn 3 has no name: called column_3",
        USUAL,
    ),
    "all_missing": Mended(
        "empty," + HEADER + lines(size=lambda n: f",{n * 1.5}"),
        "empty: skip: every cell is missing",
        USUAL,
    ),
    "booleans": Mended(
        HEADER + lines(colour=lambda n: "TRUE" if n % 3 else "FALSE"),
        "colour: category: words for yes and no: FALSE, TRUE",
        USUAL,
    ),
    "years_of_two_digits": Mended(
        HEADER + lines(colour=lambda n: f"{n % 28 + 1:02}.05.{60 + n % 40}"),
        "colour: date: every cell is a date, as day.month.year of two digits; years 69 to 99 are "
        "of the 20th century",
        USUAL,
    ),
    "nan": Mended(
        HEADER + lines(size=lambda n: "NaN" if n == 2 else str(n)),
        "size: number: every cell is a number or missing (1)",
        [0, 1, np.nan],
    ),
    "quoted_breaks": Mended(
        HEADER + lines(colour=lambda n: f'"some words\nand more {n}"'),
        "colour: text: 5.0 words on average: 60 different in 60 rows",
        USUAL,
    ),
    "percent": Mended(
        HEADER + lines(size=lambda n: f"{n}%"),
        "size: number: every cell is a number with %",
        [0, 1, 2],
    ),
    "marker": Mended(
        HEADER + lines(size=lambda n: "?" if n == 2 else str(n)),
        "cells '?' stand for a missing value",
        [0, 1, np.nan],
    ),
    "targets_missing": Mended(
        HEADER + lines(good=lambda n: "" if n % 5 == 4 else "yes" if n % 2 else "no"),
        "12 rows without good: they are left out",
        USUAL,
        48,
    ),
    "leak": Mended(
        HEADER + lines(colour=lambda n: "paid" if n % 2 else "open"),
        "is colour known before good is? a rule that knows colour alone",
        USUAL,
    ),
    "formulas": Mended(
        HEADER + lines(colour=lambda n: f"=1+{n % 3}"),
        "colour: category: texts that repeat: 3 different in 60 rows",
        USUAL,
    ),
    "empty_lines": Mended(HEADER + "\n" + lines() + "\n\n", "size: number", USUAL),
}
MANY_ONES = "\n".join(f"{n * 1.5},red,yes" for n in range(MANY))
AGAIN = "  try: mend the file; the same command then reads it again\n"
TABLES = "  accepted: a table as text: CSV, TSV or JSON lines, or Parquet\n"
MIXED = (
    "  accepted: numbers as 1234.5, below 3.4e38\n"
    "  try: mend them; or --type size=category, --type size=skip\n"
)
REFUSED = {
    "mixed_types": Refused(
        HEADER + lines() + "old,red,yes\n",
        "{}: column size has numbers in 60 cells, but not in 1: 'old' in line 62\n"
        "  where: {}\n" + MIXED,
    ),
    "infinite": Refused(
        HEADER + lines() + "inf,red,yes\n",
        "{}: column size has numbers in 60 cells, but not in 1: 'inf' in line 62\n"
        "  where: {}\n" + MIXED,
    ),
    "beyond_float": Refused(
        HEADER + lines() + "1e400,red,yes\n",
        "{}: column size has numbers in 60 cells, but not in 1: '1e400' in line 62\n"
        "  where: {}\n" + MIXED,
    ),
    "header_only": Refused(
        HEADER, "{} has no rows below its header\n  where: {}\n  accepted: at least one row\n"
    ),
    "ragged": Refused(
        HEADER + lines() + "1,red\n2,blue,no,x\n",
        "{}: line 62 has 2 cells, line 63 has 4 cells, but the header has 3\n  where: {}\n"
        "  accepted: size, colour, good\n"
        '  try: a cell that holds a comma goes into quotes, as "a,b"\n',
    ),
    "constant_target": Refused(
        HEADER + lines(good=lambda n: "7.5"),
        "good has one value only, 7.5: there is nothing to predict\n  where: column good\n"
        "  accepted: a column with at least two values\n",
    ),
    "one_class": Refused(
        HEADER + lines(good=lambda n: "yes"),
        "good has one value only, yes: there is nothing to predict\n  where: column good\n"
        "  accepted: a column with at least two values\n",
    ),
    "a_row_a_class": Refused(
        HEADER + lines(good=lambda n: f"k{n}"),
        "good has another value in each of 60 rows: none is left to learn it from\n"
        "  where: column good\n  accepted: classes of at least two rows\n",
    ),
    "three_formats": Refused(
        "when,size,good\n" + lines(lambda n: ("2024-05-31", "31.05.2024", "5/31/2024")[n % 3], str),
        "{}: column when has dates in 3 formats: year-month-day (ISO 8601) ('2024-05-31' in line "
        "2), day.month.year ('31.05.2024' in line 3), month/day/year ('5/31/2024' in line 4)\n"
        "  where: {}\n  accepted: one format in the whole column\n"
        "  try: mend them; or --type when=category, --type when=skip\n",
    ),
    "day_or_month": Refused(
        "when,size,good\n" + lines(lambda n: f"{n % 12 + 1:02}/{n % 11 + 1:02}/2024", str),
        "{}: column when has dates whose day and month cannot be told apart: '01/01/2024' in line "
        "2, and no number is above 12\n  where: {}\n  accepted: dates as 2024-05-31\n"
        "  try: mend them; or --type when=category, --type when=skip\n",
    ),
    "unclosed_quote": Refused(
        HEADER + lines(many=30) + '1,"red,yes\n' + lines(many=30),
        "{}: a quote that is opened in line 32 is never closed\n  where: {}\n"
        "  accepted: quotes in pairs\n"
        '  try: close it; a quote inside a quoted cell is written twice, as ""\n',
    ),
    "nul_bytes": Refused(
        HEADER + lines(many=30) + "1,r\0d,yes\n",
        "{}: line 32 has a NUL byte: it is damaged, or no text\n  where: {}\n"
        + TABLES
        + "  try: tr -d '\\000' < {} > mended.csv, if it is a text\n",
    ),
    "nothing": Refused(b"", "{}: is empty\n  where: {}\n" + TABLES + AGAIN),
    "binary": Refused(
        bytes(range(256)) * 40,
        "{}: is a binary file, no table\n  where: {}\n" + TABLES + "  try: save the table as CSV\n",
    ),
    "workbook": Refused(
        b"PK\x03\x04" + bytes(200),
        "{}: is a zip archive, as an Excel workbook is, no table\n  where: {}\n"
        + TABLES
        + "  try: save the sheet as CSV\n",
    ),
    "one_column": Refused(
        "good\n" + "yes\nno\n" * 30,
        "{} has no column to predict good from\n  where: {}\n"
        "  accepted: a column of numbers, categories, dates or texts beside it\n",
    ),
    "json_list": Refused(
        '[{"size": 1, "good": "yes"}]',
        "{}: is one JSON list\n  where: {}\n  accepted: JSON lines: an object a line\n"
        "  try: jq -c '.[]' FILE.json > FILE.jsonl\n",
    ),
}


def write(name: str, content: str | bytes) -> Path:
    file = Path(f"{name}.csv")
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


@pytest.mark.parametrize("name", MENDED)
def test_a_file_is_read_and_it_is_told_how(name: str, here: Path, cli: Cli) -> None:
    one = MENDED[name]
    target = "column_3" if name == "no_header" else "good"
    answer = cli("init", str(write(name, one.content)), "--target", target)
    assert answer.code == 0, answer.err
    assert one.told in answer.out + answer.err
    samples = dlx.data.read(load([f"task={name}"]).config.dataset)
    assert len(samples) == one.rows
    assert samples.classes[target] == ("no", "yes")
    np.testing.assert_array_equal(sizes(samples), np.array(one.first, np.float32))


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_is_refused_with_what_to_do(name: str, here: Path, cli: Cli) -> None:
    one = REFUSED[name]
    assert one.content is not None
    file = write(name, one.content)
    answer = cli("init", file.name, "--target", "good")
    assert answer.err == "error: " + one.error.replace("{}", file.name)
    assert answer.code == 2
    assert [path.name for path in here.iterdir()] == [file.name]


def test_a_folder_is_no_table(here: Path, cli: Cli) -> None:
    (here / "folder").mkdir()
    answer = cli("init", "folder", "--target", "good")
    assert answer.code == 2
    assert answer.err.startswith("error: nothing that can be learned from is recognised there\n")


@pytest.mark.slow
def test_a_table_of_10_000_columns_is_read(here: Path, cli: Cli) -> None:
    names = [f"c{n}" for n in range(10_000)]
    rows = [[str((n * place) % 17) for place in range(10_000)] for n in range(30)]
    text = "\n".join(",".join([*row, "yes" if n % 2 else "no"]) for n, row in enumerate(rows))
    file = write("wide", ",".join([*names, "good"]) + "\n" + text)
    assert cli("init", file.name, "--target", "good").code == 0
    samples = dlx.data.read(load(["task=wide"]).config.dataset)
    assert samples.columns["numbers"].values.shape[0] == 30  # type: ignore[attr-defined]
