"""`dlx data describe`: what a table of one's own holds, and what is guessed of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlx.beginning.kinds import KINDS

Cli = Callable[..., Any]
ROWS = 60


@pytest.fixture
def table(here: Path) -> Path:
    """A table with a number, a category, a target, and the target under another name."""
    lines = ["age,job,bought,invoice"]
    for row in range(ROWS):
        bought = row % 3 == 0
        age = "" if row == 7 else str(20 + row)
        lines.append(f"{age},{'ab'[row % 2]},{int(bought)},{'sent' if bought else ''}")
    (here / "shop.csv").write_text("\n".join(lines) + "\n")
    return here / "shop.csv"


def test_what_is_held_and_guessed_is_shown(cli: Cli, table: Path) -> None:
    answer = cli("data", "describe", table.name, "--target", "bought")
    assert answer.code == 0
    assert answer.out.startswith("shop.csv: 60 rows, 4 columns\n  a table: a row is a case\n")
    assert "bought is predicted: binary (0 67%, 1 33%): it has two values: 0 and 1" in answer.out
    assert answer.err == (
        "warning: is invoice known before bought is? a rule that knows invoice alone, tried on "
        "rows that it was not made from, is wrong for 0 of 60 rows, where always the most frequent "
        "class is wrong for 20 (told where 90% of them are put right); it is left out: dlx data "
        "describe shop.csv --target bought --type invoice=category takes it\n"
    )


def test_the_same_as_json(cli: Cli, table: Path) -> None:
    found = json.loads(cli("data", "describe", table.name, "--target=bought", "--json").out)
    age, job, bought, invoice = found["columns"]
    assert (age["type"], age["missing"], age["low"], age["high"]) == ("number", 1, "20", "79")
    assert (job["type"], job["distinct"], job["share"]) == ("category", 2, 0.5)
    assert found["targets"][0]["classes"] == [["0", 40], ["1", 20]]
    assert [one["column"] for one in found["suspects"]] == ["invoice"]
    assert (bought["name"], invoice["missing"]) == ("bought", 40)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ["--target", "bougt=binary"],
            "error: there is no column 'bougt'\n"
            "  where: --target bougt=binary\n"
            "  accepted: one of the columns age, job, bought, invoice\n"
            "  try: dlx data describe shop.csv --target bought=binary\n",
        ),
        (
            ["--target=job=regression"],
            "error: job is no column of numbers: it has a, b\n"
            "  where: --target job=regression\n"
            "  accepted: a column of numbers\n"
            "  try: dlx data describe shop.csv --target job\n",
        ),
        (
            ["--target", "age=binary"],
            "error: age has 59 different values, and binary means two\n"
            "  where: --target age=binary\n"
            "  accepted: multiclass, or regression for numbers\n"
            "  try: dlx data describe shop.csv --target age=multiclass\n",
        ),
        (
            ["--target", "bought=sum"],
            "error: 'sum' is nothing that can be asked of a column\n"
            "  where: --target bought=sum\n"
            "  accepted: binary, multiclass, multilabel, regression\n"
            "  try: dlx data describe shop.csv --target bought\n",
        ),
        (
            ["--group", "jobs"],
            "error: there is no column 'jobs'\n"
            "  where: --group\n"
            "  accepted: one of the columns age, job, bought, invoice\n"
            "  try: dlx data describe shop.csv --group job\n",
        ),
        (
            ["--kind", "tabel"],
            "error: there is no kind of data 'tabel'\n"
            "  where: --kind\n"
            f"  accepted: {', '.join(KINDS)}\n"
            "  try: dlx data describe shop.csv --kind table\n",
        ),
    ],
)
def test_what_cannot_be_is_told_with_what_to_type(
    cli: Cli, table: Path, arguments: list[str], error: str
) -> None:
    answer = cli("data", "describe", table.name, *arguments)
    assert (answer.code, answer.out, answer.err) == (2, "", error)
    hint = error.rpartition("try: dlx ")[2].split()
    assert cli(*hint).code == 0


def test_few_whole_numbers_may_be_classes_or_a_quantity(cli: Cli, here: Path) -> None:
    (here / "stars.csv").write_text("\n".join(["x,stars", *(f"{n},{n % 3}" for n in range(30))]))
    answer = cli("data", "describe", "stars.csv", "--target", "stars")
    assert (answer.code, answer.err) == (
        2,
        "error: stars has 3 different whole numbers (0, 1, 2): classes or a quantity?\n"
        "  where: column stars\n"
        "  accepted: multiclass: classes, of which none is nearer to another; regression: a "
        "quantity, where 2 lies between 1 and 3\n"
        "  try: dlx data describe stars.csv --target stars=multiclass   or   dlx data describe "
        "stars.csv --target stars=regression\n",
    )
    for one in answer.err.rpartition("try: ")[2].split("   or   "):
        assert cli(*one.split()[1:]).code == 0


def test_the_command_that_makes_the_task_stands_last(cli: Cli, table: Path) -> None:
    answer = cli("data", "describe", table.name, "--type", "job=skip")
    assert answer.out.endswith("\nnext:\n  dlx init shop.csv --type job=skip --target COLUMN\n")
    answer = cli("data", "describe", table.name, "--target", "bought")
    assert answer.out.endswith("\nnext:\n  dlx init shop.csv --target bought\n")


def test_a_word_that_means_a_missing_value_can_be_said(cli: Cli, here: Path) -> None:
    ages = ["k. A." if row % 10 == 0 else f"{row / 8:.3f}".replace(".", ",") for row in range(60)]
    lines = [f"{age};{'ab'[row % 2]}" for row, age in enumerate(ages)]
    (here / "people.csv").write_text("\n".join(["age;kind", *lines]))
    answer = cli("init", "people.csv", "--target", "kind")
    assert (answer.code, answer.err) == (
        2,
        "error: people.csv: column age has numbers in 54 cells, but not in 6: 'k. A.' in line 2\n"
        "  where: people.csv\n"
        "  accepted: numbers as 1234,5, below 3.4e38\n"
        "  try: --missing 'k. A.' if that means a missing value; else mend them; or "
        "--type age=category, --type age=skip\n",
    )
    answer = cli("init", "people.csv", "--target", "kind", "--missing", "k. A.")
    assert answer.code == 0
    assert "age: number: every cell is a number, as 1234,5 or missing (6)\n" in answer.out
    written = yaml.safe_load((here / "configs" / "task" / "people.yaml").read_text())
    assert "k. A." in written["dataset"]["missing"]


def test_rows_whose_time_is_in_several_columns_ask_how_sets_are_cut(cli: Cli, here: Path) -> None:
    lines = [f"{2020 + row // 48},{row // 4 % 12},{row % 4},{row * 7 % 11}" for row in range(96)]
    (here / "air.csv").write_text("\n".join(["year,month,day,dust", *lines]))
    asked = ("init", "air.csv", "--target", "dust=regression")
    assert cli(*asked).err == (
        "warning: are rows in the order of time? year, month, day say when each was, and sets "
        "are cut at random; dlx init air.csv --target dust=regression --time year cuts them in "
        "time\n"
    )
    answer = cli(*asked, "--time", "year", "--force")
    assert (answer.code, answer.err) == (0, "")
    assert "sets are cut in the order of year: --time says year\n" in answer.out
    numbered = [f"{number},{line}" for number, line in enumerate(lines, 5)]
    (here / "air.csv").write_text("\n".join(["no,year,month,day,dust", *numbered]))
    assert "--force --time no cuts them in time\n" in cli(*asked, "--force").err
    lines[3], lines[40] = lines[40], lines[3]
    (here / "air.csv").write_text("\n".join(["year,month,day,dust", *lines]))
    assert cli(*asked, "--force").err == ""


def test_a_file_that_is_not_there_names_the_nearest(cli: Cli, table: Path) -> None:
    assert cli("init", "./shpo.csv", "--target", "bought").err == (
        "error: shpo.csv does not exist\n  where: command line\n"
        "  accepted: a file or folder that is there\n"
        "  try: dlx init shop.csv --target bought\n"
    )
