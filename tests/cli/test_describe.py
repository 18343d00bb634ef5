"""`dlx data describe`: what a table of one's own holds, and what is guessed of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
    assert answer.out.startswith("shop.csv: 60 rows, 4 columns\n  a table: it is a file\n")
    assert "bought is predicted: binary (0 67%, 1 33%): it has two values: 0 and 1" in answer.out
    assert answer.err == (
        "warning: is invoice known before bought is? a rule that knows invoice alone, tried on "
        "rows that it was not made from, is wrong for 0 of 60 rows, where always the most frequent "
        "class is wrong for 20 (told where 90% of them are put right); it is left out: dlx data "
        "describe shop.csv --target bought --type invoice=TYPE takes it\n"
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
